// Small things every part of the page uses: elements, icons, requests, toasts, questions, times.

import { lang, t } from "./words.js";

/** Makes an element. Texts are texts, never HTML. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const ICONS = {
  undo: "M9 14 4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3",
  above: "M4 15h16v5H4zM12 11V3M8.500 6.500 12 3l3.500 3.500",
  below: "M4 4h16v5H4zM12 13v8M8.500 17.500 12 21l3.500-3.500",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5",
  az: "M4 10 7 3l3 7M5 8h4M4 14h6l-6 7h6M17 4v16M13.500 16.500 17 20l3.500-3.500",
  za: "M4 3h6l-6 7h6M4 21l3-7 3 7M5 19h4M17 4v16M13.500 16.500 17 20l3.500-3.500",
  range: "M4 6h16M4 12h10M4 18h6",
  column: "M4 4h9v16H4zM18.500 8v8M14.500 12h8",
  rename: "M4 20h4L19 9l-4-4L4 16zM13 7l4 4",
  cut: "M20 4 8.100 15.900M14.500 14.500 20 20M8.100 8.100 12 12M6 9a3 3 0 1 0 0-6 3 3 0 0 0 0 6M6 21a3 3 0 1 0 0-6 3 3 0 0 0 0 6",
  copy: "M8 8h12v12H8zM4 16V4h12",
  clear: "M4 4h16v16H4zM9 9l6 6M15 9l-6 6",
  plus: "M12 5v14M5 12h14",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  close: "M6 6l12 12M18 6 6 18",
  back: "M15 5l-7 7 7 7",
  send: "M4 12 20 4l-5 16-3.500-6.500zM11.500 13.500 20 4",
  mail: "M3 6h18v12H3zM3 7l9 7 9-7",
  chat: "M21 4 3 11l6 2.500M21 4l-3 16-9-6.500M21 4 9 13.500V19l3-3.500",
  read: "M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6",
  edit: "M4 20h4L19 9l-4-4L4 16zM13 7l4 4",
  event: "M13 3 5 14h6l-1 7 9-12h-6z",
  decision: "M12 21V11M12 11 6 5M12 11l6-6M6 9V5h4M14 5h4v4",
  held: "M7 5h3.500v14H7zM13.500 5H17v14h-3.500z",
  sent: "M4 12l5 5L20 6",
  trouble: "M12 4 2.500 20h19zM12 10v4.500M12 17.500h.01",
  note: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M12 11v5M12 8h.01",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
};

/** An icon by name. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name] ?? ICONS.note);
  svg.append(path);
  return svg;
}

/** Sends JSON and returns JSON; throws with the server's reason. */
export async function post(path, body = {}) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error ?? `HTTP ${response.status}`);
  return answer;
}

/** Without accents, case and double spaces: for comparing words as people write them. */
export function fold(text) {
  return String(text ?? "").normalize("NFD").replace(/[\u0300-\u036f]/g, "")
    .replace(/[đĐ]/g, "d").toLowerCase().replace(/\s+/g, " ").trim();
}

/** Shows a note for some seconds, and returns it. `act` is {label, run}; `open` runs on a click on the note. */
export function toast(text, { kind = "note", title, act, open, seconds = 6 } = {}) {
  const place = document.getElementById("toasts");
  const note = el("div", { class: `toast toast-${kind}`, "data-kind": kind },
    icon(kind),
    el("div", { class: "toast-text" }, title ? el("b", {}, title) : null, el("span", {}, text)));
  const gone = () => note.remove();
  if (act || open) note.classList.add("acts");
  if (act) note.append(el("button", { type: "button", onclick: (event) => { event.stopPropagation(); gone(); act.run(); } }, act.label));
  if (open) {
    note.classList.add("opens");
    note.addEventListener("click", () => { gone(); open(); });
  }
  place.append(note);
  while (place.children.length > 4) place.firstChild.remove();
  setTimeout(gone, seconds * 1000);
  return note;
}

/** Says why something did not work. */
export function failed(error) {
  toast(t("failed", { why: error.message }), { kind: "trouble", seconds: 9 });
}

/**
 * Asks in a dialog. `fields` are {name, label, value, kind: "text" | "number" | "choice", choices}.
 * `acts` are {label, value, strong}; resolves to {act, …fields}, or null if closed.
 */
export function ask({ title, text, fields = [], acts }) {
  const dialog = document.getElementById("dialog");
  const inputs = fields.map((field) => {
    const input = field.kind === "choice"
      ? el("select", { name: field.name }, ...field.choices.map((choice) => el("option", { value: choice }, choice)))
      : el("input", { name: field.name, type: field.kind === "number" ? "number" : "text", autocomplete: "off" });
    if (field.value !== undefined) input.value = field.value;
    return [input, el("label", {}, el("span", {}, field.label ?? ""), input)];
  });
  return new Promise((resolve) => {
    let answer = null;
    const done = (act) => {
      answer = { act };
      for (const [input] of inputs) answer[input.name] = input.value;
      dialog.close();
    };
    const buttons = acts.map((act) => el("button", {
      type: act.strong ? "submit" : "button",
      class: act.strong ? "strong" : "plain",
      onclick: act.strong ? undefined : () => (act.value === null ? dialog.close() : done(act.value)),
    }, act.label));
    const strong = acts.find((act) => act.strong);
    const form = el("form", { method: "dialog" }, el("h2", {}, title), text ? el("p", {}, text) : null,
      ...inputs.map(([, label]) => label), el("div", { class: "dialog-buttons" }, ...buttons));
    form.addEventListener("submit", (event) => { event.preventDefault(); done(strong.value); });
    dialog.replaceChildren(form);
    dialog.onclose = () => resolve(answer);
    dialog.showModal();
    if (inputs.length > 0) inputs[0][0].select?.();
  });
}

/** A menu at a place; entries are {label, icon, run, off, note} or null for a line. */
export function menu(x, y, entries) {
  const place = document.getElementById("menu");
  place.replaceChildren(...entries.map((entry) => entry === null ? el("hr") : el("button", {
    type: "button", role: "menuitem", disabled: entry.off, "data-act": entry.act,
    onclick: () => { shut(); entry.run(); },
  }, icon(entry.icon), el("span", {}, entry.label), entry.note ? el("kbd", {}, entry.note) : null)));
  place.hidden = false;
  const { offsetWidth: width, offsetHeight: height } = place;
  place.style.left = `${Math.max(8, Math.min(x, innerWidth - width - 8))}px`;
  place.style.top = `${Math.max(8, Math.min(y, innerHeight - height - 8))}px`;
  const shut = () => {
    place.hidden = true;
    removeEventListener("pointerdown", outside, true);
    removeEventListener("keydown", escape, true);
  };
  const outside = (event) => { if (!place.contains(event.target)) shut(); };
  const escape = (event) => { if (event.key === "Escape") { event.stopPropagation(); shut(); } };
  addEventListener("pointerdown", outside, true);
  addEventListener("keydown", escape, true);
}

/** How far this browser's clock is behind the program's. */
let ahead = 0;

/** Sets the clock by the program's. */
export function setClock(nowMs) {
  ahead = nowMs - Date.now();
}

/** How long ago in words. */
export function ago(ms) {
  const seconds = Math.max(0, Math.round((Date.now() + ahead - ms) / 1000));
  if (seconds < 1) return t("now");
  if (seconds < 90) return t("seconds_ago", { n: seconds });
  return t("minutes_ago", { n: Math.round(seconds / 60) });
}

/** Seconds since then. */
export function secondsSince(ms) {
  return (Date.now() + ahead - ms) / 1000;
}

/** "09:41", or with a date if it was not today. */
export function time(ms, withSeconds = false) {
  const at = new Date(ms);
  const place = lang() === "en" ? "en-GB" : "vi-VN";
  const clock = at.toLocaleTimeString(place, { hour: "2-digit", minute: "2-digit", second: withSeconds ? "2-digit" : undefined });
  if (at.toDateString() === new Date().toDateString()) return clock;
  return `${at.toLocaleDateString(place, { day: "2-digit", month: "2-digit" })} ${clock}`;
}

/** The letters for a round picture: the last word's and one more, as Vietnamese given names come last. */
export function initials(name) {
  const words = String(name ?? "").trim().split(/\s+/).filter(Boolean);
  if (words.length === 0) return "?";
  const first = words.length > 1 ? words[words.length - 2][0] : "";
  return (first + words[words.length - 1][0]).toUpperCase();
}

/** A colour that belongs to a name. */
export function colour(name) {
  let sum = 0;
  for (const letter of String(name)) sum = (sum * 31 + letter.codePointAt(0)) % 360;
  return `hsl(${sum} 42% 44%)`;
}

/** A round picture with initials. */
export function avatar(name) {
  const picture = el("span", { class: "avatar", "aria-hidden": "true" }, initials(name));
  picture.style.background = colour(name);
  return picture;
}
