// What can be done to rows, columns and tabs: the toolbar, the context menu and the strip of tabs.

import { ask, el, icon, menu, toast } from "./page.js";
import { book, cell, dataRows, edit, letter, tab, text, undo, visible } from "./sheet.js";
import * as grid from "./grid.js";
import { t } from "./words.js";

const { selection } = grid;

/** The acts: name → what it does. */
const ACTS = {
  undo: async () => { if (await undo()) toast(t("undone"), { kind: "undo", seconds: 2 }); },
  row_above: () => insert(grid.block().top),
  row_below: () => insert(grid.block().bottom + 1),
  row_delete: () => {
    const { top, bottom } = grid.block();
    edit({ op: "delete_rows", tab: tab().title, from: top + 1, count: bottom - top + 1 });
    grid.select(top, selection.column, { scroll: false });
  },
  row_copy: () => edit({ op: "copy_row", tab: tab().title, row: grid.block().top + 1 }),
  row_cut: cutRows,
  sort_az: () => sort(false),
  sort_za: () => sort(true),
  sort_range: sortRange,
  column_add: addColumn,
  column_delete: () => edit({ op: "delete_column", tab: tab().title, column: letter(selection.column) }),
  header_rename: renameHeader,
  clear_cells: () => grid.clearBlock(),
  tab_clear: clearTab,
};

/** Gives the keyboard back to the grid; a dialog that opens then returns it there. */
let focus = () => {};

/** Does an act by its name. */
export function act(name) {
  if (tab()) ACTS[name]();
}

function insert(at) {
  const { top, bottom } = grid.block();
  edit({ op: "insert_rows", tab: tab().title, at: at + 1, count: bottom - top + 1 });
  grid.select(at, selection.column, { scroll: false });
}

/** Sorts the data by the active column: no header, no totals. */
export async function sort(descending, range = dataRows(tab()), at = selection.column) {
  if (range.last <= range.first) return;
  const done = await edit({ op: "sort", tab: tab().title, column: letter(at), descending, from_row: range.first + 1, to_row: range.last + 1 });
  const named = text(tab(), tab().header, at) || letter(at);
  if (done) toast(t("sorted", { from: range.first + 1, to: range.last + 1, column: named }), { kind: "az", seconds: 5 });
}

async function sortRange() {
  const block = grid.block();
  const whole = dataRows(tab());
  const from = block.bottom > block.top ? { first: block.top, last: block.bottom } : whole;
  const answer = await ask({
    title: t("sort_title", { column: letter(selection.column) }),
    fields: [
      { name: "from", label: t("from_row"), kind: "number", value: from.first + 1 },
      { name: "to", label: t("to_row"), kind: "number", value: from.last + 1 },
    ],
    acts: [{ label: t("cancel"), value: null }, { label: "Z → A", value: "za" }, { label: "A → Z", value: "az", strong: true }],
  });
  if (answer) sort(answer.act === "za", { first: Number(answer.from) - 1, last: Number(answer.to) - 1 });
}

async function cutRows() {
  const { top, bottom } = grid.block();
  const others = visible().filter((one) => one !== tab()).map((one) => one.title);
  if (others.length === 0) return;
  const answer = await ask({
    title: t("row_cut_title", { rows: top === bottom ? top + 1 : `${top + 1}–${bottom + 1}` }),
    fields: [{ name: "to", kind: "choice", choices: others }],
    acts: [{ label: t("cancel"), value: null }, { label: t("ok"), value: "ok", strong: true }],
  });
  if (answer) edit({ op: "cut_rows", tab: tab().title, from: top + 1, count: bottom - top + 1, to_tab: answer.to });
}

async function askText(title, value) {
  const answer = await ask({ title, fields: [{ name: "text", value }], acts: [{ label: t("cancel"), value: null }, { label: t("ok"), value: "ok", strong: true }] });
  return answer?.text.trim() || null;
}

async function addColumn() {
  const at = selection.column + 1;
  const header = await askText(t("column_title"), t("column_default"));
  if (header === null) return;
  const row = Math.max(0, tab().header);
  const done = await edit({ op: "insert_column", tab: tab().title, at: letter(at) }, { op: "set", tab: tab().title, cell: `${letter(at)}${row + 1}`, typed: header });
  if (done) grid.select(selection.row, at);
}

async function renameHeader() {
  const row = Math.max(0, tab().header);
  const at = selection.column;
  const header = await askText(t("header_title", { column: letter(at) }), text(tab(), row, at));
  if (header !== null) grid.enter(row, at, header);
}

async function clearTab() {
  const answer = await ask({
    title: t("tab_clear_title", { tab: tab().title }), text: t("tab_clear_text"),
    acts: [{ label: t("cancel"), value: null }, { label: t("ok"), value: "ok", strong: true }],
  });
  if (answer) emptyTab();
}

/** Empties the tab shown, and says how to take it back. */
export async function emptyTab() {
  const { title } = tab();
  if (!await edit({ op: "clear", tab: title })) return;
  toast(t("cleared", { tab: title }), { kind: "clear", seconds: 12, act: { label: t("undo"), run: () => act("undo") } });
}

const TOOLBAR = ["undo", null, "row_above", "row_below", "row_delete", null, "sort_az", "sort_za", "sort_range", null, "column_add", "header_rename", "row_cut", null, "tab_clear"];
const PICTURES = { undo: "undo", row_above: "above", row_below: "below", row_delete: "trash", row_copy: "copy", row_cut: "cut", sort_az: "az", sort_za: "za", sort_range: "range", column_add: "column", column_delete: "trash", header_rename: "rename", clear_cells: "clear", tab_clear: "clear" };

/** Builds toolbar, context menu and strip of tabs. `chosen` is called with a tab's sheetId. */
export function build(chosen, refocus) {
  focus = refocus;
  const bar = document.getElementById("toolbar");
  bar.append(...TOOLBAR.map((name) => name === null ? el("i", { class: "gap" }) : el("button", {
    type: "button", "data-act": name, "data-label": name,
    onclick: () => { focus(); act(name); },
  }, icon(PICTURES[name]))), el("span", { class: "book", id: "book" }));
  grid.surface().addEventListener("contextmenu", (event) => {
    event.preventDefault();
    inside(event.target);
    menu(event.clientX, event.clientY, entries());
  });
  document.getElementById("sheet-tabs").addEventListener("click", (event) => {
    const button = event.target.closest("[data-sheet]");
    if (button) chosen(Number(button.dataset.sheet));
  });
  document.getElementById("sheet-tabs").addEventListener("contextmenu", (event) => {
    const button = event.target.closest("[data-sheet]");
    if (!button) return;
    event.preventDefault();
    chosen(Number(button.dataset.sheet));
    menu(event.clientX, event.clientY, [
      { label: t("tab_rename"), icon: "rename", run: renameTab },
      { label: t("tab_clear"), icon: "clear", run: clearTab },
    ]);
  });
}

/** A right click outside the selection moves it. */
function inside(target) {
  const [number, head, found] = [target.closest(".g-number"), target.closest(".g-letter"), target.closest(".g-cell")];
  const { top, bottom, left, right } = grid.block();
  if (number) {
    const row = Number(number.dataset.number);
    if (row < top || row > bottom) grid.selectRows(row, row);
  } else if (head) {
    grid.select(selection.row, Number(head.dataset.column), { scroll: false });
  } else if (found) {
    const [row, at] = [Number(found.dataset.r), Number(found.dataset.c)];
    if (row < top || row > bottom || at < left || at > right) grid.select(row, at, { scroll: false });
  }
}

function entries() {
  const { top, bottom } = grid.block();
  const entry = (name, extra = {}) => ({ act: name, label: t(name), icon: PICTURES[name], run: () => { focus(); act(name); }, ...extra });
  return [
    entry("row_above"), entry("row_below"),
    entry("row_delete", bottom > top ? { label: t("rows_delete", { n: bottom - top + 1 }) } : {}),
    entry("row_copy"), entry("row_cut"), null,
    entry("sort_az"), entry("sort_za"), entry("sort_range"), null,
    entry("column_add"), entry("header_rename"), entry("column_delete"), null,
    entry("clear_cells", { note: "Delete" }), entry("undo", { note: "Ctrl+Z" }),
  ];
}

async function renameTab() {
  const name = await askText(t("tab_rename_title"), tab().title);
  if (name !== null && name !== tab().title) edit({ op: "rename_tab", tab: tab().title, to: name });
}

async function addTab() {
  const name = await askText(t("tab_add_title"), "");
  if (name !== null) edit({ op: "add_tab", title: name });
}

/** Draws the strip of tabs. */
export function drawTabs() {
  document.getElementById("book").textContent = book.title;
  document.getElementById("sheet-tabs").replaceChildren(
    ...visible().map((one) => el("button", { type: "button", role: "tab", "data-sheet": one.sheetId, "aria-selected": String(one.sheetId === book.active) }, one.title)),
    el("button", { type: "button", class: "add", title: t("tab_add"), "aria-label": t("tab_add"), onclick: addTab }, icon("plus")));
}

/** Shows where the selection is and what is in it. */
export function drawPlace() {
  const { top, bottom, left, right } = grid.block();
  document.getElementById("place").textContent = grid.range();
  const value = cell(tab(), selection.row, selection.column);
  const size = top !== bottom || left !== right ? t("select_size", { rows: bottom - top + 1, columns: right - left + 1 }) : null;
  document.getElementById("content").textContent = size ?? (value ? value.edit ?? value.text : "");
}
