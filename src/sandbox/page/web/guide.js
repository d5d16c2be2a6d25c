// The four steps on top at a first visit, and the examples that one click carries out as a person would.

import { fold, toast } from "./page.js";
import { a1, book, column, customers, dataRows, edit, isCampaigns, tab, text, visible } from "./sheet.js";
import * as grid from "./grid.js";
import { emptyTab, sort } from "./menus.js";
import { t } from "./words.js";

const GIVEN = ["Nguyễn Thị Minh Châu", "Trần Quang Vinh", "Lê Hoàng Phương Thảo", "Phạm Đức Anh", "Vũ Ngọc Diệp", "Đỗ Thanh Tùng", "Bùi Khánh Linh", "Hoàng Gia Bảo", "Ngô Thu Trang", "Đặng Hải Đăng"];
const WISHES = [["Căn hộ 2PN", "Thủ Đức", "3,5 tỷ"], ["Nhà phố", "Quận 7", "8-9 tỷ"], ["Căn hộ 3PN", "Bình Thạnh", "5,2 tỷ"], ["Đất nền", "Long An", "1,8 tỷ"], ["Biệt thự", "Quận 2 (Thảo Điền)", "trên 15 tỷ"]];
const SOURCES = ["Website", "Facebook Ads", "Zalo", "Hotline"];
const OWNERS = ["Lan Anh", "Minh Tuấn", "Thu Hà", "Quốc Bảo"];
/** Between two cells of the example, in milliseconds: as quick as someone who types well. */
const PACE = 260;
const TYPED = ["number", "name", "phone", "email", "interest", "area", "budget", "source", "stage", "owner", "received", "note", "consent"];

let made = 0;
let descending = false;
let choose = () => {};

/** Builds the guide; `show` brings a tab to the front. */
export function build(show) {
  choose = show;
  const guide = document.getElementById("guide");
  const open = (shown) => {
    guide.hidden = !shown;
    try { localStorage.setItem("guide", shown ? "open" : "closed"); } catch { /* private windows have none */ }
  };
  let before = null;
  try { before = localStorage.getItem("guide"); } catch { /* as above */ }
  guide.hidden = before === "closed";
  document.getElementById("guide-close").addEventListener("click", () => open(false));
  document.getElementById("guide-open").addEventListener("click", () => open(guide.hidden));
  once("try-add", addCustomer);
  once("try-stage", changeStage);
  once("try-sort", sortByName);
  once("try-campaign", askForApproval);
  once("try-wrong", writeWrongly);
  once("try-clear", async () => { if (customersTab("name")) await emptyTab(); });
}

/** Runs an example; its button rests meanwhile. */
function once(id, run) {
  const button = document.getElementById(id);
  button.addEventListener("click", async () => {
    button.disabled = true;
    try { await run(); } finally { button.disabled = false; }
  });
}

/** The tab with the customers, brought to the front. */
function customersTab(meaning) {
  const fits = (one) => column(one, "name") >= 0 && column(one, meaning) >= 0;
  const found = [tab(), ...visible()].find((one) => one && fits(one) && one.rows.length > one.header + 1);
  if (!found) {
    toast(t("no_column", { column: meaning === "stage" ? "Giai đoạn" : "Họ tên" }), { kind: "trouble" });
    return null;
  }
  if (found.sheetId !== book.active) choose(found.sheetId);
  return found;
}

const rest = () => new Promise((done) => setTimeout(done, PACE));

/** Types a new customer below the last one, cell by cell. */
async function addCustomer() {
  const one = customersTab("name");
  if (!one) return;
  const { last } = dataRows(one);
  const row = last + 1;
  const values = sample(one, last);
  // A row of its own, so that a line of totals below stays below.
  if (!await edit({ op: "insert_rows", tab: one.title, at: row + 1, count: 1 })) return;
  const button = document.getElementById("try-add");
  button.textContent = t("typing");
  const cells = TYPED.map((meaning) => [column(one, meaning), values[meaning]]).filter(([at, value]) => at >= 0 && value !== undefined);
  for (const [at, value] of cells.sort((a, b) => a[0] - b[0])) {
    if (book.active === one.sheetId) grid.select(row, at);
    if (!await edit({ op: "set", tab: one.title, cell: a1(row, at), typed: value })) break;
    await rest();
  }
  button.textContent = t("try_add");
  if (book.active === one.sheetId) {
    grid.surface().scrollLeft = 0;
    grid.select(row, column(one, "name"));
  }
  toast(t("added", { name: values.name, row: row + 1 }), { kind: "edit" });
}

/** A customer nobody has yet. */
function sample(one, last) {
  const any = (list) => list[Math.floor(Math.random() * list.length)];
  const [interest, area, budget] = any(WISHES);
  const name = GIVEN[made++ % GIVEN.length];
  const numbers = String(Math.floor(Math.random() * 9000) + 1000);
  const now = new Date();
  const two = (number) => String(number).padStart(2, "0");
  const before = Number(text(one, last, Math.max(0, column(one, "number"))));
  return {
    number: Number.isFinite(before) && before > 0 ? String(before + 1) : undefined,
    name,
    phone: `'09${Math.floor(Math.random() * 9)}${two(made % 100)}${two(now.getSeconds())}${numbers.slice(0, 3)}`,
    email: `${fold(name).split(" ").slice(-2).join("")}${numbers}@gmail.example`,
    interest, area, budget,
    source: any(SOURCES),
    stage: "Khách hàng tiềm năng",
    owner: OWNERS[(made - 1) % OWNERS.length],
    received: `${two(now.getDate())}/${two(now.getMonth() + 1)}/${now.getFullYear()}`,
    note: "Muốn xem nhà cuối tuần",
    consent: "x",
  };
}

/** Sets the first customer who is elsewhere to "Đang tư vấn". */
async function changeStage() {
  const one = customersTab("stage");
  if (!one) return;
  const [stage, name] = [column(one, "stage"), column(one, "name")];
  for (const row of customers(one)) {
    if (fold(text(one, row, stage)) === "dang tu van") continue;
    grid.select(row, stage);
    await rest();
    if (await edit({ op: "set", tab: one.title, cell: a1(row, stage), typed: "Đang tư vấn" })) {
      toast(t("stage_set", { row: row + 1, name: text(one, row, name).trim(), stage: "Đang tư vấn" }), { kind: "edit" });
    }
    return;
  }
  toast(t("no_customer"), { kind: "trouble" });
}

/** Sorts by name, the other way round each time. */
async function sortByName() {
  const one = customersTab("name");
  if (!one) return;
  await sort(descending, dataRows(one), column(one, "name"));
  descending = !descending;
  grid.select(dataRows(one).first, column(one, "name"));
}

/** The tab of campaigns, brought to the front. */
function campaignsTab() {
  const found = visible().find(isCampaigns);
  if (!found) {
    toast(t("no_column", { column: "Tên chiến dịch" }), { kind: "trouble" });
    return null;
  }
  if (found.sheetId !== book.active) choose(found.sheetId);
  return found;
}

/** The edit that types into a cell. */
const set = (one, row, at, typed) => ({ op: "set", tab: one.title, cell: a1(row, at), typed });

/** Types words by column into a row of a tab, from left to right. */
async function typeRow(one, row, words) {
  const cells = Object.entries(words).map(([meaning, value]) => [column(one, meaning), value]).filter(([at]) => at >= 0);
  for (const [at, value] of cells.sort((a, b) => a[0] - b[0])) {
    if (book.active === one.sheetId) grid.select(row, at);
    if (!await edit(set(one, row, at, value))) return false;
    await rest();
  }
  return true;
}

/** The name with the next number that no row of the tab has. */
function unused(one, name) {
  const names = new Set(one.rows.map((_, row) => fold(text(one, row, column(one, "campaign")))));
  if (!names.has(fold(name))) return name;
  for (let number = 2; ; number++) if (!names.has(fold(`${name} ${number}`))) return `${name} ${number}`;
}

/** The rows of a tab that hold campaigns. */
function campaigns(one) {
  const { first, last } = dataRows(one);
  const name = column(one, "campaign");
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => first + at).filter((row) => text(one, row, name).trim() !== "");
}

/** Says of the first draft that it is ready; where there is none, of a copy of the first campaign. */
async function askForApproval() {
  const one = campaignsTab();
  if (!one) return;
  const [name, state] = [column(one, "campaign"), column(one, "state")];
  const rows = campaigns(one);
  if (rows.length === 0 || state < 0) return toast(t("no_campaign"), { kind: "trouble" });
  let row = rows.find((at) => ["", "dang soan", "nhap"].includes(fold(text(one, at, state))));
  let called = row === undefined ? "" : text(one, row, name);
  if (row === undefined) {
    called = unused(one, text(one, rows[0], name).replace(/ \d+$/, ""));
    row = rows[0] + 1;
    // In one go: two rows of one name would wait for each other.
    const copied = await edit({ op: "copy_row", tab: one.title, row: row }, set(one, row, name, called), set(one, row, state, "Đang soạn"));
    if (!copied) return;
    await rest();
  }
  if (await typeRow(one, row, { state: "Sẵn sàng" })) toast(t("campaign_ready", { name: called }), { kind: "edit" });
}

/** Writes a campaign as somebody in a hurry would: a stage that does not exist, a header that the sheet does not have. */
async function writeWrongly() {
  const one = campaignsTab();
  if (!one) return;
  const row = Math.max(one.header, ...campaigns(one)) + 1;
  const words = {
    campaign: unused(one, "Tri ân khách cũ"),
    stage: "Đang tư vấm",
    subject: "Quà tri ân dành riêng cho {{Họ tên}}",
    body: "Kính chào {{Danh xưng}} {{Họ tên}}, Queenland gửi tặng phiếu xem nhà mẫu.",
  };
  if (await typeRow(one, row, words) && await typeRow(one, row, { state: "Sẵn sàng" })) toast(t("campaign_wrong", { row: row + 1 }), { kind: "edit" });
}
