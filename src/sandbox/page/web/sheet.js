// The workbook as the page knows it, what can be read from its cells, and the edits sent back.

import { failed, fold, post } from "./page.js";

/** The workbook; `active` is the sheetId of the tab shown. */
export const book = { id: "", title: "", version: undefined, tabs: [], active: undefined };

/** The stage words everybody knows; a workbook's own spellings count as well. */
const STAGES = ["Khách hàng tiềm năng", "Đang tư vấn", "Đã đặt cọc", "Hoàn tất giao dịch", "Không còn nhu cầu"];

/** What the state cell of a campaign may say, in the order of its life. */
const STATES = ["Đang soạn", "Sẵn sàng", "Tạm dừng", "Dừng"];

/** Headers by what they mean, folded. */
const HEADERS = {
  campaign: ["ten chien dich", "campaign name"],
  state: ["trang thai", "state"],
  subject: ["tieu de", "subject"],
  body: ["noi dung", "text"],

  number: ["stt", "no", "#"],
  name: ["ho ten", "ho va ten", "ten khach hang", "khach hang", "ten", "name", "full name", "customer"],
  phone: ["sdt", "so dien thoai", "dien thoai", "phone", "mobile"],
  email: ["email", "e-mail", "mail", "thu dien tu"],
  interest: ["loai bds quan tam", "loai bds", "nhu cau", "san pham", "interest"],
  area: ["khu vuc", "area", "quan"],
  budget: ["ngan sach", "budget"],
  source: ["nguon", "source"],
  stage: ["giai doan", "stage", "trang thai", "tinh trang"],
  owner: ["nv phu trach", "nhan vien phu trach", "nv", "phu trach", "sale", "owner"],
  received: ["ngay tiep nhan", "ngay nhan", "received"],
  note: ["ghi chu", "note", "notes"],
  consent: ["dong y nhan tin", "consent"],
};

/** Takes over a dump; says by tab which cells look different now (keys "row,column"). */
export function take(dump) {
  const changed = new Map();
  book.id = dump.id;
  book.title = dump.title;
  book.version = dump.version;
  const known = new Map(book.tabs.map((tab) => [tab.sheetId, tab]));
  book.tabs = dump.tabs.map((tab) => {
    const before = known.get(tab.sheetId);
    if (!tab.rows) tab.rows = before?.rows ?? [];
    else if (before) changed.set(tab.sheetId, differences(before.rows, tab.rows));
    tab.header = headerRow(tab);
    return tab;
  });
  if (!visible().some((tab) => tab.sheetId === book.active)) book.active = visible()[0]?.sheetId;
  return changed;
}

/** Forgets the workbook, so that nothing counts as changed next time. */
export function forget() {
  book.version = undefined;
  book.tabs = [];
}

function differences(before, after) {
  const cells = new Set();
  for (let row = 0; row < Math.max(before.length, after.length); row++) {
    const [old, now] = [before[row] ?? [], after[row] ?? []];
    for (let column = 0; column < Math.max(old.length, now.length); column++) {
      if ((old[column]?.text ?? "") !== (now[column]?.text ?? "")) cells.add(`${row},${column}`);
    }
  }
  return cells;
}

/** The tabs that are not hidden. */
export function visible() {
  return book.tabs.filter((tab) => !tab.hidden);
}

/** The tab shown. */
export function tab() {
  return book.tabs.find((one) => one.sheetId === book.active);
}

/** A cell, or null. Rows and columns count from 0 here. */
export function cell(of, row, column) {
  return of.rows[row]?.[column] ?? null;
}

/** What a cell shows. */
export function text(of, row, column) {
  return cell(of, row, column)?.text ?? "";
}

/** 0 → A, 26 → AA. */
export function letter(column) {
  let name = "";
  for (let rest = column + 1; rest > 0; rest = Math.floor((rest - 1) / 26)) {
    name = String.fromCharCode(65 + (rest - 1) % 26) + name;
  }
  return name;
}

/** 4, 1 → B5. */
export function a1(row, column) {
  return `${letter(column)}${row + 1}`;
}

/** The row with the headers: the one with most texts among the first twenty; -1 if there is none. */
function headerRow(of) {
  let [best, most] = [-1, 2];
  for (let row = 0; row < Math.min(20, of.rows.length); row++) {
    const texts = of.rows[row].filter((one) => one?.kind === "text" && one.text.length < 60);
    const words = texts.filter((one) => Object.values(HEADERS).some((names) => names.includes(fold(one.text)))).length;
    if (texts.length + words * 4 > most) [best, most] = [row, texts.length + words * 4];
  }
  return best;
}

/** The column of a meaning (see HEADERS), or -1. */
export function column(of, meaning) {
  if (of.header < 0) return -1;
  const headers = of.rows[of.header].map((one) => fold(one?.text));
  for (const name of HEADERS[meaning]) {
    const found = headers.indexOf(name);
    if (found >= 0) return found;
  }
  return -1;
}

/** Whether a row is a line of totals. */
function isTotal(of, row) {
  const first = (of.rows[row] ?? []).find((one) => one?.text);
  return /^(tong|cong|total)\b/.test(fold(first?.text));
}

/** Whether a row has anything in it. */
function isBlank(of, row) {
  return !(of.rows[row] ?? []).some((one) => one?.text && one.kind !== "boolean");
}

/** The first and last row of the data below the header, without totals at the end. */
export function dataRows(of) {
  const first = Math.max(of.header + 1, of.frozenRows);
  let last = of.rows.length - 1;
  while (last >= first && (isBlank(of, last) || isTotal(of, last))) last--;
  return { first, last };
}

/** The rows that hold customers: with a name, no month lines, no totals. */
export function* customers(of) {
  const name = column(of, "name");
  if (name < 0) return;
  const { first, last } = dataRows(of);
  for (let row = first; row <= last; row++) {
    if (text(of, row, name).trim() && !isTotal(of, row)) yield row;
  }
}

/** Whether campaigns are written in a tab. */
export function isCampaigns(of) {
  return column(of, "campaign") >= 0;
}

/** Words to offer in a column: the known stages, or the few values a column keeps repeating. */
export function words(of, at) {
  if (of.header < 0 || at < 0) return [];
  if (isCampaigns(of) && at === column(of, "state")) return STATES;
  if (at === column(of, "stage")) return STAGES;
  const counts = new Map();
  const { first, last } = dataRows(of);
  let filled = 0;
  for (let row = first; row <= last; row++) {
    const one = cell(of, row, at);
    if (!one?.text || one.kind !== "text") continue;
    filled++;
    const key = fold(one.text);
    const spellings = counts.get(key) ?? new Map();
    spellings.set(one.text.trim(), (spellings.get(one.text.trim()) ?? 0) + 1);
    counts.set(key, spellings);
  }
  if (filled < 8 || counts.size > 16) return [];
  const most = (spellings) => [...spellings].sort((a, b) => b[1] - a[1])[0];
  return [...counts.values()].map(most).filter(([, count]) => count > 1).sort((a, b) => b[1] - a[1]).map(([word]) => word);
}

/** The column that has chips and a list of words: of customers the stage, of campaigns the state. */
export function listed(of) {
  return column(of, isCampaigns(of) ? "state" : "stage");
}

/** Which colour the word of a stage or of a campaign's state gets: its step from 0 to 4, or -1. */
export function stageStep(word) {
  const folded = fold(word);
  if (!folded) return -1;
  if (/^(dung|huy|ngung)/.test(folded)) return 4;
  if (/^(san sang|gui duyet|xin duyet|cho duyet)/.test(folded)) return 3;
  if (/^(tam dung|hoan$)/.test(folded)) return 1;
  if (/^(dang soan|nhap)/.test(folded)) return 0;
  if (/khong con|mat khach|huy|lost/.test(folded)) return 4;
  if (/hoan tat|da ban|won/.test(folded)) return 3;
  if (/coc|deposit/.test(folded)) return 2;
  if (/tu van|consult/.test(folded)) return 1;
  if (/tiem nang|moi|prospect/.test(folded)) return 0;
  return -1;
}

let line = Promise.resolve();

/** Sends edits, one after the other; false if they were refused (and said so). */
export function edit(...edits) {
  const sent = line.then(() => post("/api/edit", { edits })).then(() => true, (error) => { failed(error); return false; });
  line = sent;
  return sent;
}

/** Takes the last edit back. */
export function undo() {
  const sent = line.then(() => post("/api/undo")).then(() => true, (error) => { failed(error); return false; });
  line = sent;
  return sent;
}

/** Types into a cell, shown at once and set right by the next state. */
export function type(of, row, at, typed) {
  while (of.rows.length <= row) of.rows.push([]);
  const before = cell(of, row, at);
  const cells = of.rows[row];
  while (cells.length <= at) cells.push(null);
  cells[at] = typed === "" ? null : { text: typed.startsWith("'") ? typed.slice(1) : typed, kind: before?.kind === "number" ? "number" : "text" };
  return edit({ op: "set", tab: of.title, cell: a1(row, at), typed });
}
