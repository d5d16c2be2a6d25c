// What the bridge saw and decided, newest first, and how it is doing now.

import { ago, el, icon, secondsSince, time } from "./page.js";
import { lang, t } from "./words.js";

const KEPT = 500;
let lines = [];
let place;
let status = null;
let alive = true;
let onBadge = () => {};
let inFront = () => false;
let news = 0;

/** Builds the panel. */
export function build(panel, badge, front) {
  [place, onBadge, inFront] = [panel, badge, front];
  setInterval(drawStatus, 1000);
  draw();
}

/** Forgets everything, for a new start. */
export function forget() {
  lines = [];
  news = 0;
  draw();
}

/** Takes over new lines; `quiet` at the first look. */
export function take(told, quiet) {
  for (const line of told.lines) {
    const before = lines[0];
    // Reads that found nothing again and again are one line with a count.
    if (before && before.kind === "read" && line.kind === "read" && before.vi === line.vi) {
      lines[0] = { ...line, times: (before.times ?? 1) + 1 };
      continue;
    }
    lines.unshift({ ...line, fresh: !quiet });
    if (!quiet && line.kind !== "read") news++;
  }
  if (told.lines.length === 0) lines = [];
  lines.length = Math.min(lines.length, KEPT);
  draw();
  for (const line of lines) line.fresh = false;
}

/** Draws the lines; also when the panel came to the front or the language changed. */
export function draw() {
  if (inFront()) news = 0;
  onBadge(news);
  if (lines.length === 0) {
    place.replaceChildren(el("div", { class: "nothing" }, icon("read"), el("b", {}, t("log_none")), el("p", {}, t("log_none_more"))));
    return;
  }
  place.replaceChildren(el("ol", { class: "log-lines" }, ...lines.map((line) => el("li", {
    class: line.fresh ? "log-line fresh" : "log-line", "data-kind": line.kind, "data-line": line.number,
  },
  el("span", { class: "log-icon", title: t(`kind_${line.kind}`) }, icon(line.kind)),
  el("span", { class: "log-text" }, line[lang()] || line.vi, line.times ? el("i", {}, ` ×${line.times}`) : null),
  el("time", {}, time(line.at_ms, true))))));
}

/** Takes over how the bridge is doing. */
export function takeStatus(told) {
  status = told;
  drawStatus();
}

/** Whether the program still answers. */
export function setAlive(answers) {
  alive = answers;
  drawStatus();
}

function drawStatus() {
  const place = document.getElementById("state");
  const [state, text] = describe();
  place.dataset.state = state;
  place.title = status?.held ?? status?.trouble ?? "";
  const set = (id, value) => {
    const element = document.getElementById(id);
    if (element.textContent !== value) element.textContent = value;
  };
  set("state-text", text);
  const more = [];
  if (alive && status?.records !== null && status?.records !== undefined) more.push(t("records", { n: status.records.toLocaleString(lang() === "en" ? "en" : "vi") }));
  if (alive && status?.settling) more.push(t("settling", { n: status.settling }));
  if (alive && status?.queued) more.push(t("queued", { n: status.queued }));
  set("state-more", more.join(" · "));
}

function describe() {
  if (!alive) return ["gone", t("state_gone")];
  if (!status?.last_poll_ms) return [status?.trouble ? "trouble" : "none", status?.trouble ?? t("state_none")];
  const when = ago(status.last_poll_ms);
  if (status.trouble) return ["trouble", status.trouble];
  if (status.held) return ["held", t("state_held")];
  if (status.paused) return ["held", t("state_paused")];
  const late = Math.max(15, 3 * (status.poll_every_ms ?? 10000) / 1000);
  return secondsSince(status.last_poll_ms) > late ? ["late", t("state_late", { ago: when })] : ["ok", t("state_ok", { ago: when })];
}
