// Typing in the grid. One text box is always where the active cell is and has the focus, unseen until
// something is typed: so Vietnamese input methods compose in it from the first letter on.

import { el, fold } from "./page.js";
import * as grid from "./grid.js";
import { cell, tab, text, undo, edit, a1 } from "./sheet.js";
import { act } from "./menus.js";

const { selection } = grid;
/** null, "typed" (arrows end it) or "opened" (arrows move in the text). */
let mode = null;
/** The column in which a run of Tabs began: Enter goes back below it. */
let runStart = null;
/** What was copied last, to paste it as it was. */
let copied = null;
let editor;
let list;
let chosen = -1;

/** Makes the grid typable. */
export function begin() {
  editor = el("textarea", { class: "g-editor", id: "editor", rows: 1, spellcheck: "false", autocomplete: "off", autocapitalize: "off", "aria-label": "Ô / Cell" });
  list = el("div", { class: "g-list", hidden: true, role: "listbox" });
  place();
  editor.addEventListener("input", () => {
    if (mode === null) start("typed");
    grow();
    offer();
  });
  editor.addEventListener("compositionstart", () => { if (mode === null) start("typed"); });
  editor.addEventListener("keydown", key);
  editor.addEventListener("blur", () => { if (mode !== null) commit(); });
  editor.addEventListener("copy", copy);
  editor.addEventListener("cut", (event) => { if (copy(event)) grid.clearBlock(); });
  editor.addEventListener("paste", paste);
  const surface = grid.surface();
  surface.addEventListener("pointerdown", (event) => {
    if (event.target === editor || list.contains(event.target)) return;
    if (mode !== null) commit();
    runStart = null;
  }, true);
  surface.addEventListener("click", (event) => touched(event));
  surface.addEventListener("dblclick", (event) => {
    const found = event.target.closest(".g-cell");
    if (found && !found.classList.contains("is-boolean")) open(true);
  });
}

/** A click gives the focus; a tap selects first and opens at the second one. */
function touched(event) {
  const found = event.target.closest(".g-cell");
  if (!found || event.target === editor) return event.target.closest(".g-list, .g-editor") ? undefined : focus();
  if (event.pointerType === "touch") {
    const [row, at] = [Number(found.dataset.r), Number(found.dataset.c)];
    const again = selection.row === row && selection.column === at;
    if (!again) return grid.select(row, at, { scroll: false });
    if (found.classList.contains("is-boolean")) return grid.toggle(row, at);
    return open(true);
  }
  if (found.classList.contains("list") && event.offsetX > found.clientWidth - 20) return open(true);
  if (mode === null) focus();
}

/** Gives the keyboard to the grid. */
export function focus() {
  editor.focus({ preventScroll: true });
}

/** Puts the text box where the active cell is. */
export function place() {
  if (!editor || !tab()) return;
  const layer = grid.layer(selection.row);
  if (editor.parentNode !== layer) {
    const had = document.activeElement === editor;
    layer.append(editor, list);
    if (had) focus();
  }
  const box = grid.box(selection.row, selection.column);
  editor.style.left = `${box.left}px`;
  editor.style.top = `${box.top}px`;
  if (mode === null) {
    editor.style.width = `${box.width}px`;
    editor.style.height = `${box.height}px`;
  }
  list.style.left = `${box.left}px`;
  list.style.top = `${box.top + box.height}px`;
  list.style.minWidth = `${box.width}px`;
}

/** Whether a cell is being typed in. */
export function typing() {
  return mode !== null;
}

function start(how) {
  mode = how;
  editor.classList.add("on");
  grid.reveal(selection.row, selection.column);
  place();
}

/** Opens the active cell with what is in it. */
function open(all) {
  const value = cell(tab(), selection.row, selection.column);
  if (value?.kind === "boolean") return;
  editor.value = value ? value.edit ?? value.text : "";
  start("opened");
  focus();
  editor.setSelectionRange(editor.value.length, editor.value.length);
  grow();
  offer(all);
}

function grow() {
  const box = grid.box(selection.row, selection.column);
  const lines = editor.value.split("\n");
  const longest = Math.max(...lines.map((line) => line.length));
  editor.style.width = `${Math.max(box.width, Math.min(440, longest * 7.6 + 22))}px`;
  editor.style.height = `${box.height}px`;
  // What grows past the right edge moves left as far as there is room.
  const view = grid.surface();
  const over = box.left + editor.offsetWidth + 8 - view.scrollLeft - view.clientWidth;
  editor.style.left = `${over > 0 ? Math.max(view.scrollLeft + 50, box.left - over) : box.left}px`;
  if (editor.scrollHeight > box.height + 4) editor.style.height = `${Math.min(300, editor.scrollHeight + 2)}px`;
}

function end() {
  mode = null;
  editor.value = "";
  editor.classList.remove("on");
  list.hidden = true;
  chosen = -1;
  place();
}

function commit() {
  const { row, column } = selection;
  const value = cell(tab(), row, column);
  const before = value ? value.edit ?? value.text : "";
  const typed = editor.value;
  end();
  if (typed !== before) grid.enter(row, column, typed);
}

/** Shows the words that fit what is typed; all of them right after opening. */
function offer(all = false) {
  const typed = fold(editor.value);
  const known = grid.offered();
  const fits = all ? known : known.filter((word) => fold(word).includes(typed) && word !== editor.value);
  chosen = -1;
  list.hidden = fits.length === 0;
  list.replaceChildren(...fits.slice(0, 10).map((word) => el("button", {
    type: "button", role: "option", tabindex: -1,
    onpointerdown: (event) => { event.preventDefault(); event.stopPropagation(); pick(word); },
  }, word)));
}

function pick(word) {
  editor.value = word;
  commit();
  focus();
}

function choose(step) {
  const options = [...list.children];
  chosen = (chosen + step + options.length + (chosen < 0 && step < 0 ? 1 : 0)) % options.length;
  options.forEach((option, at) => option.classList.toggle("on", at === chosen));
  options[chosen].scrollIntoView({ block: "nearest" });
}

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

function key(event) {
  if (event.isComposing || event.keyCode === 229) return;
  const handled = mode === null ? keyMoving(event) : keyTyping(event);
  if (handled) event.preventDefault();
}

function keyTyping(event) {
  const listed = !list.hidden;
  if (event.key === "Escape") { end(); return true; }
  if (listed && (event.key === "ArrowDown" || event.key === "ArrowUp")) { choose(event.key === "ArrowDown" ? 1 : -1); return true; }
  if (event.key === "Enter" && event.altKey) { editor.setRangeText("\n", editor.selectionStart, editor.selectionEnd, "end"); grow(); return true; }
  if (event.key === "Enter" || event.key === "Tab") {
    if (listed && chosen >= 0) editor.value = list.children[chosen].textContent;
    commit();
    leave(event);
    return true;
  }
  if (mode === "typed" && STEPS[event.key]) {
    commit();
    const [down, right] = STEPS[event.key];
    grid.select(selection.row + down, selection.column + right);
    return true;
  }
  if (event.key === "F2") { mode = mode === "typed" ? "opened" : "typed"; return true; }
  return false;
}

/** Where Enter and Tab go. */
function leave(event) {
  if (event.key === "Tab") {
    runStart ??= selection.column;
    grid.select(selection.row, selection.column + (event.shiftKey ? -1 : 1));
  } else {
    const back = runStart ?? selection.column;
    runStart = null;
    grid.select(selection.row + (event.shiftKey ? -1 : 1), back);
  }
}

function keyMoving(event) {
  const control = event.ctrlKey || event.metaKey;
  if (STEPS[event.key]) {
    runStart = null;
    const [down, right] = STEPS[event.key];
    const [row, at] = event.shiftKey ? [selection.toRow, selection.toColumn] : [selection.row, selection.column];
    const [toRow, toColumn] = control ? jump(row, at, down, right) : [row + down, at + right];
    grid.select(toRow, toColumn, { extend: event.shiftKey });
    return true;
  }
  if (control) return keyControl(event);
  switch (event.key) {
    case "Tab": leave(event); return true;
    case "Enter":
      if (runStart !== null || event.shiftKey) leave(event);
      else open(true);
      return true;
    case "F2": open(false); return true;
    case "Delete":
    case "Backspace": grid.clearBlock(); return true;
    case "Escape": grid.select(selection.row, selection.column); return true;
    case "Home": grid.select(selection.row, 0, { extend: event.shiftKey }); return true;
    case "End": grid.select(selection.row, tab().filledColumns - 1, { extend: event.shiftKey }); return true;
    case "PageDown":
    case "PageUp": {
      const rows = Math.floor(grid.surface().clientHeight / 27) - tab().frozenRows - 2;
      grid.select(selection.row + (event.key === "PageDown" ? rows : -rows), selection.column, { extend: event.shiftKey });
      return true;
    }
    case " ":
      if (cell(tab(), selection.row, selection.column)?.kind === "boolean") { grid.toggle(selection.row, selection.column); return true; }
      return false;
    default: return false;
  }
}

function keyControl(event) {
  const last = Math.max(0, tab().rows.length - 1);
  switch (event.key.toLowerCase()) {
    case "z": act("undo"); return true;
    case "a": Object.assign(selection, { row: 0, column: 0 }); grid.select(last, tab().filledColumns - 1, { extend: true, scroll: false }); return true;
    case "home": grid.select(0, 0); return true;
    case "end": grid.select(last, tab().filledColumns - 1); return true;
    case "backspace":
    case "delete": grid.clearBlock(); return true;
    case "+":
    case "=": if (event.altKey || event.shiftKey) { act("row_above"); return true; } return false;
    case "-": if (event.altKey) { act("row_delete"); return true; } return false;
    default: return false;
  }
}

/** Ctrl and an arrow: to the edge of what is filled. */
function jump(row, at, down, right) {
  const one = tab();
  const filled = (r, c) => text(one, r, c) !== "";
  const inside = (r, c) => r >= 0 && c >= 0 && r < one.rowCount && c < grid.columns();
  let [r, c] = [row + down, at + right];
  if (!inside(r, c)) return [row, at];
  const run = filled(row, at) && filled(r, c);
  while (inside(r + down, c + right) && (run ? filled(r + down, c + right) : !filled(r, c))) [r, c] = [r + down, c + right];
  return [r, c];
}

function copy(event) {
  if (mode !== null) return false;
  const { top, bottom, left, right } = grid.block();
  const rows = [];
  for (let row = top; row <= bottom; row++) {
    const cells = [];
    for (let at = left; at <= right; at++) cells.push(cell(tab(), row, at));
    rows.push(cells);
  }
  const quoted = (shown) => /[\t\n"]/.test(shown) ? `"${shown.replace(/"/g, '""')}"` : shown;
  const words = rows.map((cells) => cells.map((value) => quoted(value?.text ?? "")).join("\t")).join("\n");
  event.clipboardData.setData("text/plain", words);
  event.preventDefault();
  copied = { words, rows };
  return true;
}

function paste(event) {
  if (mode !== null) return;
  event.preventDefault();
  const words = event.clipboardData.getData("text/plain").replace(/\r\n?/g, "\n");
  if (words === "") return;
  let rows = copied?.words === words ? copied.rows.map((cells) => cells.map(asTyped)) : parse(words);
  const { top, left, bottom, right } = grid.block();
  if (rows.length === 1 && rows[0].length === 1 && (bottom > top || right > left)) {
    rows = Array.from({ length: bottom - top + 1 }, () => Array(right - left + 1).fill(rows[0][0]));
  }
  edit({ op: "paste", tab: tab().title, cell: a1(top, left), rows });
  Object.assign(selection, { row: top, column: left });
  grid.select(top + rows.length - 1, left + Math.max(...rows.map((cells) => cells.length)) - 1, { extend: true, scroll: false });
}

/** A cell copied here is pasted as it was: a text that looks like a number stays a text. */
function asTyped(value) {
  if (!value) return "";
  if (value.kind === "boolean") return /^true$/i.test(value.text);
  const typed = value.edit ?? value.text;
  return value.kind === "text" && /^[\d+=.,(]/.test(typed) ? `'${typed}` : typed;
}

/** Reads a block of tab-separated cells; quoted ones may hold tabs and line ends. */
function parse(words) {
  const rows = [[]];
  let at = 0;
  const source = words.replace(/\n$/, "");
  while (at <= source.length) {
    let value;
    if (source[at] === '"' && /^"(?:[^"]|"")*"(?=[\t\n]|$)/.test(source.slice(at))) {
      const quoted = source.slice(at).match(/^"((?:[^"]|"")*)"/);
      value = quoted[1].replace(/""/g, '"');
      at += quoted[0].length;
    } else {
      const rest = source.slice(at).match(/^[^\t\n]*/)[0];
      value = rest;
      at += rest.length;
    }
    rows[rows.length - 1].push(value);
    if (at >= source.length) break;
    if (source[at] === "\n") rows.push([]);
    at++;
  }
  return rows;
}
