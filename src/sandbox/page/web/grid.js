// The grid: draws the rows in sight, keeps the selection, and lets the mouse select and drag.

import { el } from "./page.js";
import { a1, cell, column, customers, edit, isCampaigns, letter, listed, stageStep, tab, type, words } from "./sheet.js";

const ROW = 27;
const HEAD = 26;
const GUTTER = 46;
/** Rows drawn above and below what is in sight. */
const SPARE = 8;
/** More changed cells than these are a sort or a paste: flashing would only be noise. */
const FLASH_MAX = 400;

/** The selection: the active cell, and the other corner of the block. */
export const selection = { row: 0, column: 0, toRow: 0, toColumn: 0 };

const parts = {};
/** The rows drawn, by number. */
const drawn = new Map();
/** By sheetId: column widths and where one was looking. */
const memory = new Map();
let lefts = [];
/** How many columns at the left stay in sight. */
let pinned = 0;
let flashing = new Map();
let onSelect = () => {};

/** Builds the grid into `place`. `moved` is called when the selection changes. */
export function build(place, moved) {
  onSelect = moved;
  parts.head = el("div", { class: "g-head", role: "row" });
  parts.frozen = el("div", { class: "g-frozen" });
  parts.body = el("div", { class: "g-body" });
  parts.drop = el("div", { class: "g-drop", hidden: true });
  parts.canvas = el("div", { class: "g-canvas" }, parts.head, parts.frozen, parts.body);
  parts.scroll = el("div", { class: "g-scroll", role: "grid", id: "cells" }, parts.canvas);
  parts.body.append(parts.drop);
  place.append(parts.scroll);
  parts.scroll.addEventListener("scroll", () => { remember(); draw(); slide(); }, { passive: true });
  new ResizeObserver(() => { if (tab()) show(); }).observe(parts.scroll);
  parts.scroll.addEventListener("pointerdown", pressed);
}

/** The element that scrolls, for listeners. */
export function surface() {
  return parts.scroll;
}

/** Where the editor belongs for a row: the frozen part or the body. */
export function layer(row) {
  return row < (tab()?.frozenRows ?? 0) ? parts.frozen : parts.body;
}

/** Left, top, width and height of a cell within its layer. */
export function box(row, at) {
  const frozen = tab().frozenRows;
  const top = (row < frozen ? row : row - frozen) * ROW;
  const slid = at < pinned ? parts.scroll.scrollLeft : 0;
  return { left: GUTTER + lefts[at] + slid, top, width: lefts[at + 1] - lefts[at], height: ROW };
}

/** How many columns are shown. */
export function columns() {
  return Math.max(0, lefts.length - 1);
}

/** The columns up to the name stay in sight if there is room: one sees whose stage it is, or which campaign. */
function pin(one) {
  const until = column(one, isCampaigns(one) ? "campaign" : "name") + 1;
  pinned = until > 0 && until <= 3 && until < lefts.length && lefts[until] < parts.scroll.clientWidth * 0.4 ? until : 0;
}

/** Moves what is pinned along with the view. */
function slide() {
  parts.canvas.style.setProperty("--slide", `${parts.scroll.scrollLeft}px`);
  parts.canvas.classList.toggle("slid", parts.scroll.scrollLeft > 0);
  if (selection.column < pinned) onSelect();
}

function remember() {
  const kept = memory.get(tab()?.sheetId);
  if (kept) [kept.top, kept.left] = [parts.scroll.scrollTop, parts.scroll.scrollLeft];
}

/** Shows the active tab: all anew if it is another one. `changed` are the cells to flash. */
export function show(changed) {
  const one = tab();
  if (!one) return;
  const other = parts.shown !== one.sheetId;
  parts.shown = one.sheetId;
  measure(one, other);
  if (changed && changed.size > 0 && changed.size <= FLASH_MAX) flash(changed);
  parts.canvas.style.width = `${GUTTER + lefts[lefts.length - 1] + 24}px`;
  parts.frozen.style.height = `${one.frozenRows * ROW}px`;
  parts.frozen.hidden = one.frozenRows === 0;
  parts.body.style.height = `${(one.rowCount - one.frozenRows) * ROW + 40}px`;
  pin(one);
  const layout = [one.sheetId, one.header, one.frozenRows, pinned, listed(one), ...lefts].join();
  if (layout !== parts.layout) {
    wipe();
    drawHead(one);
  }
  parts.layout = layout;
  // Rows that look as before stay: what a visitor is pointing at is not taken away.
  for (const [row, element] of drawn) {
    if (element.looks === looks(one, row)) continue;
    element.remove();
    drawn.delete(row);
  }
  if (other) {
    const kept = memory.get(one.sheetId);
    Object.assign(selection, kept.selection ?? firstLook(one));
    parts.scroll.scrollTo(kept.left ?? 0, kept.top ?? 0);
  }
  clampSelection(one);
  draw();
  onSelect();
}

/** Where the selection begins: at the first customer, or below the header. */
function firstLook(one) {
  const row = customers(one).next().value ?? Math.max(0, one.header + 1);
  const at = Math.max(0, column(one, "name"));
  return { row, column: at, toRow: row, toColumn: at };
}

/** Takes all rows away, to draw them anew. */
function wipe() {
  for (const row of drawn.values()) row.remove();
  drawn.clear();
}

/** What a row shows, to tell whether it must be drawn again. */
function looks(one, row) {
  return JSON.stringify(one.rows[row] ?? []);
}

function clampSelection(one) {
  for (const key of ["row", "toRow"]) selection[key] = Math.max(0, Math.min(selection[key], one.rowCount - 1));
  for (const key of ["column", "toColumn"]) selection[key] = Math.max(0, Math.min(selection[key], columns() - 1));
}

/** Widths by what stands in the columns; those a visitor dragged stay. */
function measure(one, other) {
  const kept = memory.get(one.sheetId) ?? { widths: [], dragged: {} };
  memory.set(one.sheetId, kept);
  const count = Math.min(one.columnCount, Math.max(one.filledColumns + 2, 10));
  if (other || kept.widths.length !== count) {
    kept.widths = Array.from({ length: count }, (_, at) => kept.dragged[at] ?? widthOf(one, at));
  }
  lefts = [0];
  for (const width of kept.widths) lefts.push(lefts[lefts.length - 1] + width);
}

function widthOf(one, at) {
  const lengths = [];
  for (let row = Math.max(0, one.header); row < Math.min(one.rows.length, 400); row++) {
    const shown = cell(one, row, at)?.text;
    if (shown) lengths.push(shown.length);
  }
  lengths.sort((a, b) => a - b);
  const usual = lengths[Math.floor(lengths.length * (at === column(one, "name") ? 0.995 : 0.93))] ?? 0;
  const header = one.header >= 0 ? (cell(one, one.header, at)?.text.length ?? 0) * 1.08 : 0;
  const extra = at === listed(one) ? 30 : 18;
  return Math.round(Math.max(at === 0 ? 50 : 70, Math.min(176, Math.max(usual, header) * 6.9 + extra)));
}

function drawHead(one) {
  parts.head.replaceChildren(el("div", { class: "g-corner", "data-all": true }));
  for (let at = 0; at < columns(); at++) {
    const head = el("div", { class: at < pinned ? "g-letter pinned" : "g-letter", "data-column": at, role: "columnheader" }, letter(at), el("i", { class: "g-grip", "data-grip": at }));
    head.style.left = `${GUTTER + lefts[at]}px`;
    head.style.width = `${lefts[at + 1] - lefts[at]}px`;
    parts.head.append(head);
  }
  parts.scroll.setAttribute("aria-rowcount", one.rowCount);
  parts.scroll.setAttribute("aria-colcount", columns());
}

/** Draws what is in sight and drops what is not. */
export function draw() {
  const one = tab();
  if (!one || parts.shown !== one.sheetId) return;
  const first = Math.max(one.frozenRows, one.frozenRows + Math.floor(parts.scroll.scrollTop / ROW) - SPARE);
  const last = Math.min(one.rowCount - 1, one.frozenRows + Math.ceil((parts.scroll.scrollTop + parts.scroll.clientHeight) / ROW) + SPARE);
  for (const [row, element] of drawn) {
    if (row >= one.frozenRows && (row < first || row > last)) {
      element.remove();
      drawn.delete(row);
    }
  }
  const facts = { listed: listed(one), words: new Map() };
  const want = [];
  for (let row = 0; row < one.frozenRows; row++) want.push(row);
  for (let row = first; row <= last; row++) want.push(row);
  for (const row of want) {
    if (drawn.has(row)) continue;
    const element = drawRow(one, row, facts);
    drawn.set(row, element);
    layer(row).append(element);
  }
  mark();
}

function drawRow(one, row, facts) {
  const cells = one.rows[row] ?? [];
  const filled = cells.filter((value) => value?.text).length;
  const element = el("div", { class: "g-row", role: "row", "data-row": row, "aria-rowindex": row + 1 },
    el("div", { class: "g-number", "data-number": row }, String(row + 1)));
  if (row === one.header) element.classList.add("header");
  else if (row < one.header && filled > 0) element.classList.add("title");
  else if (row > one.header && one.header >= 0 && filled === 1 && cells[0]?.kind === "text") element.classList.add("section");
  element.style.top = `${box(row, 0).top}px`;
  element.looks = looks(one, row);
  let covered = 0;
  for (let at = 0; at < columns(); at++) {
    const drawnCell = drawCell(one, row, at, facts);
    element.append(drawnCell);
    covered = Math.max(covered, Number(drawnCell.dataset.until ?? 0));
    // The lines between cells that a long text runs over are not drawn.
    if (at < covered - 1) drawnCell.classList.add("covered");
  }
  return element;
}

function drawCell(one, row, at, facts) {
  const value = cell(one, row, at);
  const element = el("div", { class: at < pinned ? "g-cell pinned" : "g-cell", role: "gridcell", "data-cell": a1(row, at), "data-r": row, "data-c": at });
  if (at === pinned - 1) element.classList.add("edge");
  element.style.left = `${GUTTER + lefts[at]}px`;
  element.style.width = `${lefts[at + 1] - lefts[at]}px`;
  if (flashing.has(`${row},${at}`)) {
    element.classList.add("flash");
    // A row drawn again while it fades goes on where it was.
    element.style.animationDelay = `${flashing.get(`${row},${at}`) - performance.now()}ms`;
  }
  if (!value) return element;
  element.classList.add(`is-${value.kind}`);
  const below = one.header >= 0 && row > one.header;
  if (value.kind === "boolean") {
    const ticked = /^true$/i.test(value.text);
    element.append(el("span", { class: ticked ? "tick on" : "tick", role: "checkbox", "aria-checked": ticked }));
  } else if (below && at === facts.listed && stageStep(value.text) >= 0) {
    element.append(el("span", { class: `chip step${stageStep(value.text)}` }, value.text));
  } else {
    // A row is one line high: what has more lines is shown on one, and opens as it is.
    const shown = value.text.replace(/\s*\n\s*/g, "  ");
    element.textContent = shown;
    if (value.kind === "text") spread(one, element, row, at, shown);
  }
  if (value.note) {
    element.classList.add("noted");
    element.title = value.note;
  }
  return element;
}

/** A long text runs over empty cells at its right, as in Sheets. */
function spread(one, element, row, at, shown) {
  const needs = shown.length * 7.4 + 14;
  let end = at + 1;
  while (end < columns() && lefts[end] - lefts[at] < needs && !cell(one, row, end)) end++;
  if (end === at + 1) return;
  const words = el("span", {}, shown);
  words.style.width = `${lefts[end] - lefts[at] - 14}px`;
  element.replaceChildren(words);
  element.classList.add("spread");
  element.dataset.until = end;
}

const FLASH_MS = 2600;

function flash(changed) {
  const now = performance.now();
  for (const key of changed) flashing.set(key, now);
  setTimeout(() => {
    for (const [key, since] of flashing) if (performance.now() - since >= FLASH_MS) flashing.delete(key);
  }, FLASH_MS + 50);
}

/** The block selected, upper left to lower right. */
export function block() {
  const [top, bottom] = [selection.row, selection.toRow].sort((a, b) => a - b);
  const [left, right] = [selection.column, selection.toColumn].sort((a, b) => a - b);
  return { top, bottom, left, right };
}

/** The block as a range: B5, or B5:D9. */
export function range() {
  const { top, bottom, left, right } = block();
  const from = a1(top, left);
  const to = a1(bottom, right);
  return from === to ? from : `${from}:${to}`;
}

/** Shows the selection on what is drawn. */
function mark() {
  const { top, bottom, left, right } = block();
  const single = top === bottom && left === right;
  for (const [row, element] of drawn) {
    const inside = row >= top && row <= bottom;
    element.firstChild.classList.toggle("on", inside);
    for (const one of element.querySelectorAll(".g-cell")) {
      const at = Number(one.dataset.c);
      one.classList.toggle("in", !single && inside && at >= left && at <= right);
      one.classList.toggle("active", row === selection.row && at === selection.column);
      one.classList.toggle("list", row === selection.row && at === selection.column && row > tab().header && at === listed(tab()));
    }
  }
  for (const head of parts.head.querySelectorAll(".g-letter")) {
    const at = Number(head.dataset.column);
    head.classList.toggle("on", at >= left && at <= right);
  }
}

/** Selects a cell, or with `extend` the block up to it. */
export function select(row, at, { extend = false, scroll = true } = {}) {
  const one = tab();
  if (!one) return;
  row = Math.max(0, Math.min(row, one.rowCount - 1));
  at = Math.max(0, Math.min(at, columns() - 1));
  if (extend) [selection.toRow, selection.toColumn] = [row, at];
  else Object.assign(selection, { row, column: at, toRow: row, toColumn: at });
  memory.get(one.sheetId).selection = { ...selection };
  if (scroll) reveal(row, at);
  draw();
  onSelect();
}

/** Selects whole rows. */
export function selectRows(from, to) {
  Object.assign(selection, { row: from, column: 0, toRow: to, toColumn: columns() - 1 });
  draw();
  onSelect();
}

/** Scrolls until a cell is in sight. */
export function reveal(row, at) {
  const one = tab();
  const place = box(row, at);
  const view = parts.scroll;
  const above = HEAD + one.frozenRows * ROW;
  if (row >= one.frozenRows) {
    if (place.top < view.scrollTop) view.scrollTop = place.top;
    else if (place.top + ROW + above + 14 > view.scrollTop + view.clientHeight) view.scrollTop = place.top + ROW + above + 14 - view.clientHeight;
  }
  if (at < pinned) return;
  const held = lefts[pinned];
  if (place.left - GUTTER - held < view.scrollLeft) view.scrollLeft = place.left - GUTTER - held;
  else if (place.left + place.width + 14 > view.scrollLeft + view.clientWidth) view.scrollLeft = place.left + Math.min(place.width, view.clientWidth - GUTTER - held) + 14 - view.clientWidth;
}

/** The cell under a point, as {row, column}. */
function under(x, y) {
  const found = document.elementFromPoint(x, y)?.closest?.(".g-cell");
  return found ? { row: Number(found.dataset.r), column: Number(found.dataset.c) } : null;
}

function pressed(event) {
  const target = event.target;
  if (event.button !== 0 || !target.closest) return;
  if (target.dataset.grip !== undefined) return dragWidth(event, Number(target.dataset.grip));
  const head = target.closest(".g-letter");
  if (head) {
    const at = Number(head.dataset.column);
    const last = Math.max(0, tab().rows.length - 1);
    Object.assign(selection, event.shiftKey ? { toColumn: at, toRow: last } : { row: 0, column: at, toRow: last, toColumn: at });
    draw();
    return onSelect();
  }
  if (target.closest(".g-corner")) return selectRows(0, Math.max(0, tab().rows.length - 1));
  const number = target.closest(".g-number");
  if (number) return dragRows(event, Number(number.dataset.number));
  const found = target.closest(".g-cell");
  if (!found || event.pointerType === "touch") return;
  const [row, at] = [Number(found.dataset.r), Number(found.dataset.c)];
  if (target.closest(".tick") && selection.row === row && selection.column === at) toggle(row, at);
  select(row, at, { extend: event.shiftKey, scroll: false });
  follow((moved) => {
    const over = under(moved.clientX, moved.clientY);
    if (over && (over.row !== selection.toRow || over.column !== selection.toColumn)) select(over.row, over.column, { extend: true, scroll: false });
  });
}

/** Turns a tick box. */
export function toggle(row, at) {
  const value = cell(tab(), row, at);
  if (value?.kind === "boolean") edit({ op: "set", tab: tab().title, cell: a1(row, at), value: !/^true$/i.test(value.text) });
}

/** Calls `move` until the button is up, then `up`. */
function follow(move, up = () => {}) {
  const end = (event) => {
    removeEventListener("pointermove", move);
    removeEventListener("pointerup", end);
    removeEventListener("pointercancel", end);
    up(event);
  };
  addEventListener("pointermove", move);
  addEventListener("pointerup", end);
  addEventListener("pointercancel", end);
}

function dragWidth(event, at) {
  event.preventDefault();
  const kept = memory.get(tab().sheetId);
  const [start, width] = [event.clientX, kept.widths[at]];
  follow((moved) => {
    kept.dragged[at] = kept.widths[at] = Math.max(36, width + moved.clientX - start);
    show();
  });
}

/** A press on a row's number selects it; moved on, it drags the row (or the selected rows) elsewhere. */
function dragRows(event, row) {
  const one = tab();
  if (event.shiftKey) return selectRows(selection.row, row);
  const whole = selection.column === 0 && selection.toColumn === columns() - 1;
  const { top, bottom } = block();
  const rows = whole && row >= top && row <= bottom ? { from: top, count: bottom - top + 1 } : { from: row, count: 1 };
  selectRows(rows.from, rows.from + rows.count - 1);
  if (row < one.frozenRows || event.pointerType === "touch") return;
  event.preventDefault();
  let target = null;
  const start = event.clientY;
  const move = (moved) => {
    if (target === null && Math.abs(moved.clientY - start) < 6) return;
    const view = parts.scroll.getBoundingClientRect();
    const top = view.top + HEAD + one.frozenRows * ROW;
    if (moved.clientY > view.bottom - 30) parts.scroll.scrollTop += ROW;
    if (moved.clientY < top + 20) parts.scroll.scrollTop -= ROW;
    const place = Math.round((moved.clientY - top + parts.scroll.scrollTop) / ROW) + one.frozenRows;
    target = Math.max(one.frozenRows, Math.min(place, one.rowCount));
    parts.scroll.classList.add("dragging");
    parts.drop.hidden = false;
    parts.drop.style.top = `${(target - one.frozenRows) * ROW - 1}px`;
  };
  follow(move, () => {
    parts.scroll.classList.remove("dragging");
    parts.drop.hidden = true;
    if (target === null || (target >= rows.from && target <= rows.from + rows.count)) return;
    edit({ op: "move_rows", tab: one.title, from: rows.from + 1, count: rows.count, to: target + 1 });
    const now = target > rows.from ? target - rows.count : target;
    selectRows(now, now + rows.count - 1);
  });
}

/** Clears the block. */
export function clearBlock() {
  const one = tab();
  const { top, bottom, left, right } = block();
  for (let row = top; row <= bottom; row++) {
    for (let at = left; at <= right; at++) if (one.rows[row]?.[at]) one.rows[row][at] = null;
  }
  edit({ op: "clear", tab: one.title, range: range() });
  show();
}

/** Types into a cell and shows it at once. */
export function enter(row, at, typed) {
  const done = type(tab(), row, at, typed);
  show();
  return done;
}

/** The words to offer where the active cell is. */
export function offered() {
  return selection.row > tab().header ? words(tab(), selection.column) : [];
}
