// Starts the page and keeps it up to date: one long request, answered when something changed.

import { ask, failed, post, setClock, toast } from "./page.js";
import { book, forget as forgetSheet, take as takeSheet, tab, visible } from "./sheet.js";
import * as grid from "./grid.js";
import * as typing from "./typing.js";
import * as menus from "./menus.js";
import * as mails from "./mails.js";
import * as chats from "./chats.js";
import * as log from "./log.js";
import * as guide from "./guide.js";
import { lang, speak, t } from "./words.js";

/** What this browser knows, by part. */
const known = {};
/** On a wide screen the sheet is always there, and this is the panel beside it. */
let side = "mail";

function view(name) {
  if (name !== "sheet") side = name;
  document.body.dataset.view = name;
  document.body.dataset.side = side;
  for (const button of document.querySelectorAll("[data-view]")) {
    if (button === document.body) continue;
    const on = button.closest(".bottom") ? button.dataset.view === name : button.dataset.view === side;
    button.setAttribute("aria-selected", String(on));
  }
  chats.draw();
  log.draw();
}

function badge(name) {
  return (count) => {
    for (const place of document.querySelectorAll(`[data-badge="${name}"]`)) {
      place.hidden = count === 0;
      place.textContent = count > 99 ? "99+" : String(count);
    }
  };
}

/** Whether a panel can be seen. */
function inSight(name) {
  const narrow = matchMedia("(max-width: 860px)").matches;
  return !document.hidden && (narrow ? document.body.dataset.view === name : side === name);
}

function chooseTab(sheetId) {
  if (typing.typing()) typing.focus();
  book.active = sheetId;
  menus.drawTabs();
  grid.show();
}

/** A link into this workbook leads to the sheet on this page; false for any other. */
function followLink(url) {
  const link = url.match(/\/spreadsheets\/d\/([^/?#]+)/);
  if (link?.[1] !== book.id) return false;
  const [gid, row] = [url.match(/gid=(\d+)/), url.match(/range=[A-Z]*(\d+)/)];
  if (matchMedia("(max-width: 860px)").matches) view("sheet");
  if (gid && visible().some((one) => one.sheetId === Number(gid[1]))) chooseTab(Number(gid[1]));
  if (row) {
    grid.reveal(Number(row[1]) - 1, 0);
    grid.selectRows(Number(row[1]) - 1, Number(row[1]) - 1);
  }
  return true;
}

function build() {
  grid.build(document.getElementById("grid"), () => { typing.place(); if (tab()) menus.drawPlace(); });
  typing.begin();
  menus.build(chooseTab, typing.focus);
  mails.build(document.getElementById("panel-mail"), () => view("mail"), badge("mail"));
  chats.build(document.getElementById("panel-chat"), () => view("chat"), badge("chat"), () => inSight("chat"), followLink);
  log.build(document.getElementById("panel-log"), badge("log"), () => inSight("log"));
  guide.build(chooseTab);
  for (const button of document.querySelectorAll("button[data-view]")) button.addEventListener("click", () => view(button.dataset.view));
  for (const button of document.querySelectorAll("[data-lang]")) button.addEventListener("click", () => speak(button.dataset.lang));
  document.addEventListener("language", () => { mails.draw(); chats.draw(); log.draw(); if (tab()) { menus.drawTabs(); menus.drawPlace(); } });
  document.addEventListener("visibilitychange", () => { chats.draw(); log.draw(); });
  document.getElementById("reset").addEventListener("click", startOver);
  speak(lang());
  view("mail");
  if (matchMedia("(max-width: 860px)").matches) view("sheet");
}

async function startOver() {
  const answer = await ask({ title: t("reset_title"), text: t("reset_text"), acts: [{ label: t("cancel"), value: null }, { label: t("reset"), value: "ok", strong: true }] });
  if (!answer) return;
  try {
    await post("/api/reset");
    toast(t("reset_done"), { kind: "undo", seconds: 3 });
  } catch (error) {
    failed(error);
  }
}

/** Takes over an answer, part by part. */
function take(news) {
  if (!news.epoch) return;
  const first = news.epoch !== known.epoch;
  if (first) {
    forgetSheet();
    mails.forget();
    chats.forget();
    log.forget();
    document.getElementById("reset").hidden = !news.can_reset;
    chats.setBot(news.bot);
  }
  known.epoch = news.epoch;
  setClock(news.now_ms);
  if (news.sheet) {
    const changed = takeSheet(news.sheet);
    known.sheet = news.sheet.version;
    menus.drawTabs();
    grid.show(first ? undefined : changed.get(book.active));
  }
  if (news.mail) {
    mails.take(news.mail, first);
    known.mail = news.mail.revision;
    known.mail_id = mails.last();
  }
  if (news.chat) {
    chats.take(news.chat, first);
    known.chat = news.chat.revision;
  }
  if (news.log) {
    log.take(news.log, first);
    known.log = news.log.last;
  }
  if (news.status) {
    log.takeStatus(news.status);
    known.status = news.status.revision;
  }
  document.body.dataset.ready = "true";
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function watch() {
  for (;;) {
    try {
      const asked = new URLSearchParams({ ...known, wait: known.epoch ? "20" : "0" });
      const response = await fetch(`/api/state?${asked}`, { cache: "no-store" });
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      const news = await response.json();
      if (news.stopped) throw new Error("stopped");
      log.setAlive(true);
      take(news);
    } catch (error) {
      if (!(error instanceof TypeError) && !/^(HTTP|stopped)/.test(error.message)) console.error(error);
      log.setAlive(false);
      await pause(1000);
    }
  }
}

build();
watch();
