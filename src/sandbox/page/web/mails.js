// The mailbox: the list of what came, and one mail opened in a sandboxed frame.

import { avatar, el, icon, time, toast } from "./page.js";
import { t } from "./words.js";

const mails = new Map();
const unread = new Set();
let place;
/** The id of the mail shown, or null for the list. */
let shown = null;
let opened = null;
let view = "html";
let onOpen = () => {};
let onBadge = () => {};

/** Builds the panel. `open` brings it to the front, `badge` is told how many are unread. */
export function build(panel, open, badge) {
  [place, onOpen, onBadge] = [panel, open, badge];
  draw();
}

/** The number of the last mail known. */
export function last() {
  return Math.max(0, ...mails.keys());
}

/** Forgets everything, for a new start. */
export function forget() {
  mails.clear();
  unread.clear();
  [shown, opened] = [null, null];
  draw();
}

/** Takes over what is new; `quiet` at the first look, when nothing counts as just arrived. */
export function take(news, quiet) {
  for (const id of mails.keys()) if (news.oldest === null || id < news.oldest) { mails.delete(id); unread.delete(id); }
  for (const mail of news.new) {
    mails.set(mail.id, mail);
    if (!quiet) unread.add(mail.id);
  }
  if (shown !== null && !mails.has(shown)) shown = null;
  draw();
  if (quiet) return;
  announce(news.new);
}

/** Notes of mails that are still shown, and how many mails they stand for. */
let notes = [];
let told = 0;

/** Tells of new mails: one or two by their subjects; more, also of those told a moment ago, by their number. */
function announce(fresh) {
  notes = notes.filter((note) => note.isConnected);
  if (notes.length === 0) told = 0;
  told += fresh.length;
  if (told > 2) {
    for (const note of notes) note.remove();
    notes = [toast(t("new_mails", { n: told }), { kind: "mail", open: () => { shown = null; draw(); onOpen(); } })];
  } else for (const mail of fresh) {
    notes.push(toast(mail.subject || t("no_subject"), { kind: "mail", title: t("new_mail", { to: recipient(mail) }), open: () => { onOpen(); show(mail.id); } }));
  }
}

function named(box) {
  return box ? box.name || box.address : "";
}

function recipient(mail) {
  return mail.to.map(named).join(", ") || mail.envelope_to.join(", ");
}

/** Draws list or mail; also when the language changed. */
export function draw() {
  onBadge(unread.size);
  if (shown !== null && opened?.id === shown) return drawMail();
  if (mails.size === 0) {
    place.replaceChildren(el("div", { class: "nothing" }, icon("mail"), el("b", {}, t("mails_none")), el("p", {}, t("mails_none_more"))));
    return;
  }
  const entries = [...mails.values()].reverse().map((mail) => el("button", {
    type: "button", class: unread.has(mail.id) ? "mail unread" : "mail", "data-mail": mail.id, onclick: () => show(mail.id),
  },
  avatar(recipient(mail)),
  el("span", { class: "mail-text" },
    el("span", { class: "mail-line" }, el("span", { class: "mail-who" }, named(mail.from[0]), el("i", {}, ` ${t("to")} `), el("b", {}, recipient(mail))), el("time", {}, time(mail.at_ms))),
    el("span", { class: "mail-subject" }, mail.subject || t("no_subject")),
    el("span", { class: "mail-snippet" }, mail.snippet))));
  const top = place.scrollTop;
  place.replaceChildren(el("div", { class: "mail-list" }, ...entries));
  place.scrollTop = top;
}

async function show(id) {
  shown = id;
  unread.delete(id);
  view = "html";
  if (opened?.id !== id) {
    const response = await fetch(`/api/mail/${id}`);
    if (!response.ok) { shown = null; return draw(); }
    opened = await response.json();
  }
  if (shown === id) draw();
}

function boxes(list) {
  return list.map((box) => box.name ? `${box.name} <${box.address}>` : box.address).join(", ");
}

function drawMail() {
  const mail = opened;
  const field = (label, value) => value ? el("div", { class: "mail-field" }, el("span", {}, label), el("span", {}, value)) : null;
  const views = [["html", "as_html"], ["text", "as_text"], ["source", "as_source"]];
  const reply = boxes(mail.reply_to);
  place.replaceChildren(el("article", { class: "mail-open", "data-mail": mail.id },
    el("div", { class: "mail-bar" },
      el("button", { type: "button", class: "plain with-icon", id: "mail-back", onclick: () => { shown = null; draw(); } }, icon("back"), t("back")),
      el("div", { class: "switch", role: "group" }, ...views.map(([name, word]) => el("button", {
        type: "button", "data-as": name, "aria-pressed": String(view === name), onclick: () => { view = name; drawMail(); },
      }, t(word))))),
    el("h2", {}, mail.subject || t("no_subject")),
    el("div", { class: "mail-fields" },
      field(t("mail_from"), boxes(mail.from)), field(t("mail_to"), boxes(mail.to) || mail.envelope_to.join(", ")),
      field(t("mail_cc"), boxes(mail.cc)), field(t("mail_reply"), reply === boxes(mail.from) ? "" : reply),
      el("time", {}, time(mail.at_ms, true))),
    mail.attachments.length > 0 ? el("div", { class: "mail-files" }, ...mail.attachments.map((file) => el("span", {}, icon("file"), `${file.name || file.content_type} · ${Math.ceil(file.size / 1024)} kB`))) : null,
    body(mail)));
}

function body(mail) {
  if (view === "source") {
    return el("pre", { class: "mail-source" }, mail.raw);
  }
  if (view === "text" || mail.html === null) {
    const words = mail.text ?? t("no_text");
    return el("pre", { class: "mail-plain" }, view === "html" && mail.text === null ? t("no_html") : words);
  }
  // No scripts, no forms, no top: only links that open elsewhere. The frame inherits the page's policy,
  // so the mail loads nothing.
  const frame = el("iframe", { class: "mail-frame", sandbox: "allow-popups allow-popups-to-escape-sandbox", referrerpolicy: "no-referrer", title: mail.subject });
  frame.srcdoc = `<base target="_blank">${mail.html}`;
  return frame;
}
