// Telegram: one phone per person, with bubbles, buttons that work and a box to write in.

import { ask, avatar, el, failed, icon, post, time, toast } from "./page.js";
import { t } from "./words.js";

const chats = new Map();
/** By chat: the last message that was seen. */
const seen = new Map();
/** Buttons that wait for the bot, as "chat/message/data". */
const turning = new Set();
/** Long quotations that are shown whole, as "chat/message/number". */
const unfolded = new Set();
let place;
let parts;
let active = null;
let bot = "bot";
let onOpen = () => {};
let onBadge = () => {};
let inFront = () => false;
let toSheet = () => false;

/** Builds the panel. `front` tells whether it is in sight; `sheet` shows what a link into the workbook means. */
export function build(panel, open, badge, front, sheet) {
  [place, onOpen, onBadge, inFront, toSheet] = [panel, open, badge, front, sheet];
  parts = {
    list: el("nav", { class: "chat-list", id: "chat-list" }),
    head: el("header", { class: "chat-head" }),
    talk: el("div", { class: "chat-talk", id: "chat-talk" }),
    foot: el("form", { class: "chat-foot", id: "chat-form" }),
  };
  parts.input = el("input", { id: "chat-input", name: "text", autocomplete: "off", enterkeyhint: "send" });
  parts.foot.addEventListener("submit", (event) => { event.preventDefault(); say(parts.input.value); });
  place.append(parts.list, el("section", { class: "chat" }, parts.head, parts.talk, parts.foot));
}

/** The bot's name without the @. */
export function setBot(name) {
  bot = name;
}

/** Forgets everything, for a new start. */
export function forget() {
  chats.clear();
  seen.clear();
  unfolded.clear();
  active = null;
}

function newest(chat) {
  return chat.messages[chat.messages.length - 1];
}

function unread(chat) {
  const known = seen.get(chat.id) ?? 0;
  return chat.messages.filter((message) => message.from_bot && message.id > known).length;
}

/** Takes over what is new; `quiet` at the first look. */
export function take(news, quiet) {
  const there = new Set(news.ids);
  for (const id of chats.keys()) if (!there.has(id)) chats.delete(id);
  const fresh = [];
  for (const chat of news.changed) {
    const before = chats.get(chat.id);
    chats.set(chat.id, chat);
    const last = newest(chat)?.id ?? 0;
    if (quiet || !seen.has(chat.id)) seen.set(chat.id, quiet ? last : 0);
    const known = newest(before ?? { messages: [] })?.id ?? 0;
    if (!quiet) for (const message of chat.messages) if (message.from_bot && message.id > known) fresh.push([chat, message]);
  }
  if (!chats.has(active)) active = busiest()?.id ?? null;
  if (!quiet && fresh.length > 0 && !inFront()) active = fresh[fresh.length - 1][0].id;
  draw();
  announce(fresh);
}

function announce(fresh) {
  const elsewhere = fresh.filter(([chat]) => !(inFront() && chat.id === active));
  if (elsewhere.length > 3) return toast(t("new_chats", { n: elsewhere.length }), { kind: "chat", open: onOpen });
  for (const [chat, message] of elsewhere) {
    const first = message.text.split("\n").find((line) => line.trim()) ?? t(message.photo ? "photo" : "document");
    toast(first, { kind: "chat", title: `Telegram · ${chat.title}`, open: () => { active = chat.id; onOpen(); draw(); } });
  }
}

function busiest() {
  const order = (chat) => newest(chat)?.at_ms ?? 0;
  return [...chats.values()].sort((a, b) => order(b) - order(a))[0];
}

/** Counts what is in sight as seen. */
function look() {
  const chat = chats.get(active);
  if (chat && inFront()) seen.set(chat.id, newest(chat)?.id ?? 0);
  onBadge([...chats.values()].reduce((sum, one) => sum + unread(one), 0));
}

/** Draws everything; also when the panel came to the front or the language changed. */
export function draw() {
  look();
  if (chats.size === 0) {
    place.classList.add("empty");
    parts.list.replaceChildren();
    parts.head.replaceChildren();
    parts.foot.replaceChildren();
    parts.talk.replaceChildren(el("div", { class: "nothing" }, icon("chat"), el("b", {}, t("chats_none"))));
    return;
  }
  place.classList.remove("empty");
  drawList();
  drawHead();
  drawTalk();
  drawFoot();
}

function drawList() {
  parts.list.replaceChildren(...[...chats.values()].map((chat) => {
    const last = newest(chat);
    const count = chat.id === active && inFront() ? 0 : unread(chat);
    return el("button", {
      type: "button", class: "chat-entry", "data-chat": chat.id, "aria-current": String(chat.id === active), title: chat.title,
      onclick: () => { active = chat.id; parts.shown = null; draw(); },
    },
    avatar(chat.title),
    el("span", { class: "chat-entry-text" }, el("b", {}, chat.title), el("span", {}, last ? preview(last) : t("empty_chat"))),
    count > 0 ? el("i", { class: "badge" }, String(count)) : null);
  }));
}

function preview(message) {
  const first = message.text.split("\n").find((line) => line.trim());
  return first ?? (message.photo ? t("photo") : message.document ? t("document") : message.contact ? t("contact") : "…");
}

/** Who holds the phone: in a group its first member. */
function holder(chat) {
  return chat.people[0]?.id ?? chat.id;
}

function drawHead() {
  const chat = chats.get(active);
  const group = chat.kind !== "private";
  parts.head.replaceChildren(
    group ? avatar(chat.title) : el("img", { class: "avatar", src: "/icon.svg", alt: "" }),
    el("div", {}, el("b", {}, group ? chat.title : `@${bot}`), el("span", {}, group ? t("group") : t("phone_of", { name: chat.title }))),
    group ? "" : el("button", { type: "button", class: "plain small", id: "chat-block", onclick: () => {
      post("/api/chat/block", { person: holder(chat), blocked: !chat.blocked }).catch(failed);
    } }, t(chat.blocked ? "unblock" : "block")));
}

function drawTalk() {
  const chat = chats.get(active);
  const talk = parts.talk;
  const atEnd = talk.scrollHeight - talk.scrollTop - talk.clientHeight < 60;
  const other = parts.shown !== chat.id;
  parts.shown = chat.id;
  const bubbles = [];
  let day = "";
  for (const message of chat.messages) {
    const on = new Date(message.at_ms).toDateString();
    if (on !== day) bubbles.push(el("div", { class: "chat-day" }, on === new Date().toDateString() ? t("today") : new Date(message.at_ms).toLocaleDateString()));
    day = on;
    bubbles.push(bubble(chat, message));
  }
  if (bubbles.length === 0) {
    bubbles.push(el("div", { class: "chat-day" }, chat.started ? t("empty_chat") : t("not_started", { name: chat.title })));
  }
  talk.replaceChildren(...bubbles);
  if (atEnd || other) talk.scrollTop = talk.scrollHeight;
  for (const picture of talk.querySelectorAll("img")) picture.addEventListener("load", () => { if (atEnd || other) talk.scrollTop = talk.scrollHeight; });
}

function bubble(chat, message) {
  if (message.service) return el("div", { class: "chat-day" }, message.text);
  const own = !message.from_bot && message.from === holder(chat);
  const texts = el("div", { class: "bubble-text" });
  texts.append(...safe(message.html));
  fold(texts, `${chat.id}/${message.id}`);
  const parts = [
    !own && chat.kind !== "private" ? el("b", { class: "bubble-name" }, message.from_name) : null,
    message.photo ? el("a", { href: message.photo.url, target: "_blank", rel: "noopener noreferrer" },
      el("img", { class: "bubble-photo", src: message.photo.url, alt: t("photo"), width: message.photo.width || undefined, height: message.photo.height || undefined })) : null,
    message.document ? el("a", {
      class: "bubble-file", href: message.document.url, download: message.document.name, onclick: (event) => openFile(event, message.document),
    }, icon("file"), message.document.name) : null,
    message.contact ? el("div", { class: "bubble-file" }, icon("note"), `${message.contact.first_name} ${message.contact.phone_number}`) : null,
    texts,
    el("span", { class: "bubble-time" }, message.edited_at_ms ? `${t("edited")} ` : "", time(message.at_ms)),
  ];
  return el("div", { class: own ? "bubble-row own" : "bubble-row", "data-message": message.id },
    el("div", { class: message.buttons.length > 0 ? "bubble-stack keyed" : "bubble-stack" }, el("div", { class: "bubble" }, ...parts),
      ...message.buttons.map((row) => el("div", { class: "bubble-buttons" }, ...row.map((button) => inline(chat, message, button))))));
}

function inline(chat, message, button) {
  const key = `${chat.id}/${message.id}/${button.callback_data}`;
  if (button.url) {
    return el("a", {
      class: "key", href: button.url, target: "_blank", rel: "noopener noreferrer",
      onclick: (event) => { if (toSheet(button.url)) event.preventDefault(); },
    }, button.text, el("i", {}, "↗"));
  }
  return el("button", {
    type: "button", class: turning.has(key) ? "key turning" : "key", "data-callback": button.callback_data,
    onclick: () => button.callback_data ? press(chat, message, button, key) : duplicate(button.copy_text),
  }, button.text);
}

/** Opens a file of a web page as a phone would, in a frame without scripts; other files are downloaded. */
async function openFile(event, file) {
  if (!/\.html?$/i.test(file.name)) return;
  event.preventDefault();
  try {
    const response = await fetch(file.url);
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const dialog = document.getElementById("dialog");
    const frame = el("iframe", { class: "mail-frame", sandbox: "allow-popups allow-popups-to-escape-sandbox", referrerpolicy: "no-referrer", title: file.name });
    frame.srcdoc = `<base target="_blank">${await response.text()}`;
    dialog.replaceChildren(
      el("header", { class: "file-head" }, el("b", {}, file.name), el("button", { type: "button", class: "close", title: t("close"), "aria-label": t("close"), onclick: () => dialog.close() })),
      frame);
    dialog.classList.add("file");
    dialog.addEventListener("close", () => dialog.classList.remove("file"), { once: true });
    dialog.showModal();
  } catch (error) {
    failed(error);
  }
}

/** Long quotations show three lines until they are clicked, and stay as they are when the chat is drawn again. */
function fold(texts, message) {
  texts.querySelectorAll(".expandable").forEach((quote, number) => {
    const key = `${message}/${number}`;
    quote.classList.toggle("shown", unfolded.has(key));
    quote.addEventListener("click", (event) => {
      if (event.target.closest("a")) return;
      if (!unfolded.delete(key)) unfolded.add(key);
      quote.classList.toggle("shown", unfolded.has(key));
    });
  });
}

async function duplicate(text) {
  if (!text) return;
  try { await navigator.clipboard.writeText(text); } catch { /* without leave to write, the toast still shows it */ }
  toast(t("copied", { text }), { kind: "copy", seconds: 3 });
}

async function press(chat, message, button, key) {
  if (turning.has(key)) return;
  turning.add(key);
  drawTalk();
  try {
    const { answered, answer } = await post("/api/chat/press", { person: holder(chat), chat: chat.id, message: message.id, data: button.callback_data });
    if (!answered) toast(t("no_answer"), { kind: "trouble", seconds: 4 });
    else if (answer.show_alert) await ask({ title: button.text, text: answer.text ?? "", acts: [{ label: t("ok"), value: "ok", strong: true }] });
    else toast(answer.text || t("answered"), { kind: "chat", title: button.text, seconds: 4 });
  } catch (error) {
    failed(error);
  }
  turning.delete(key);
  if (chats.has(active)) drawTalk();
}

async function say(text) {
  const chat = chats.get(active);
  if (!chat || text.trim() === "") return;
  parts.input.value = "";
  try {
    await post("/api/chat/say", { person: holder(chat), chat: chat.id, text });
  } catch (error) {
    parts.input.value = text;
    failed(error);
  }
}

function drawFoot() {
  const chat = chats.get(active);
  const wide = (label, id, run) => el("button", { type: "button", class: "wide", id, onclick: run }, label);
  if (chat.kind === "private" && chat.blocked) {
    return parts.foot.replaceChildren(el("p", {}, t("blocked", { name: chat.title })), wide(t("unblock"), "chat-unblock", () => {
      post("/api/chat/block", { person: chat.id, blocked: false }).catch(failed);
    }));
  }
  if (chat.kind === "private" && !chat.started) {
    return parts.foot.replaceChildren(wide(t("start"), "chat-start", () => { post("/api/chat/start", { person: chat.id }).catch(failed); }));
  }
  parts.input.placeholder = t("write");
  parts.input.setAttribute("aria-label", t("write"));
  const keys = chat.keyboard.map((row) => el("div", { class: "bubble-buttons" }, ...row.map((key) => el("button", {
    type: "button", class: "key solid", onclick: () => key.request_contact ? post("/api/chat/contact", { person: chat.id, phone_number: "+84901234567" }).catch(failed) : say(key.text),
  }, key.text))));
  const had = document.activeElement === parts.input;
  parts.foot.replaceChildren(...keys, el("div", { class: "chat-write" }, parts.input, el("button", { type: "submit", class: "send", title: t("send"), "aria-label": t("send") }, icon("send"))));
  if (had) parts.input.focus();
}

const KEPT = new Set(["B", "I", "U", "S", "SPAN", "BLOCKQUOTE", "CODE", "PRE", "A"]);

/** The message's HTML as nodes: only Telegram's own tags, links only to the web, mail and Telegram. */
function safe(html) {
  const parsed = new DOMParser().parseFromString(html, "text/html").body;
  const copy = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return [node.textContent];
    const inner = [...node.childNodes].flatMap(copy);
    if (node.nodeType !== Node.ELEMENT_NODE || !KEPT.has(node.tagName)) return inner;
    const element = el(node.tagName.toLowerCase(), { class: node.className || undefined }, ...inner);
    if (node.tagName === "A" && /^(https?|tg|mailto):/i.test(node.getAttribute("href") ?? "")) {
      Object.assign(element, { href: node.getAttribute("href"), target: "_blank", rel: "noopener noreferrer" });
    }
    if (node.tagName === "A") element.addEventListener("click", (event) => { if (toSheet(element.href)) event.preventDefault(); });
    if (element.className === "spoiler") element.addEventListener("click", () => element.classList.add("shown"));
    if (element.className === "command") element.addEventListener("click", () => say(element.textContent));
    return [element];
  };
  return [...parsed.childNodes].flatMap(copy);
}
