// The page's words in Vietnamese and English, and which of the two is shown.

const WORDS = {
  tagline: ["Gõ vào bảng bên trái, xem thư và tin nhắn Telegram tới ở bên phải.", "Type in the sheet on the left, watch the mail and the Telegram message arrive on the right."],
  guide: ["Hướng dẫn", "Guide"],
  reset: ["Làm lại từ đầu", "Start over"],
  reset_title: ["Làm lại từ đầu?", "Start over?"],
  reset_text: ["Bảng tính, hộp thư, tin nhắn và nhật ký trở lại như lúc mới mở.", "The sheet, the mails, the chats and the log go back to how they were."],
  reset_done: ["Đã làm lại từ đầu.", "Everything starts anew."],
  close: ["Đóng", "Close"],
  cancel: ["Thôi", "Cancel"],
  ok: ["Đồng ý", "OK"],
  sheet: ["Bảng", "Sheet"],
  mails: ["Thư", "Mails"],
  log: ["Nhật ký", "Log"],

  step1: ["Thêm một dòng khách mới", "Add a new customer row"],
  step1_more: ["Khách nhận thư chào, nhân viên phụ trách nhận tin Telegram.", "The customer gets a welcome mail, the person in charge a Telegram message."],
  try_add: ["Thêm khách mẫu", "Add a sample customer"],
  step2: ["Đổi giai đoạn của một khách", "Change a customer’s stage"],
  step2_more: ["Cầu nối hiểu khách đã sang bước nào.", "The bridge understands where the deal stands."],
  try_stage: ["Đổi khách đầu sang Đang tư vấn", "First customer to “Đang tư vấn”"],
  step3: ["Sắp xếp thử: không có gì xảy ra", "Try to sort: nothing happens"],
  step3_more: ["Dòng đứng đâu vẫn là người ấy. Lỡ xoá trắng thì được giữ lại.", "A row is a person wherever it stands. A tab cleared by mistake is held."],
  try_sort: ["Sắp xếp theo tên", "Sort by name"],
  try_clear: ["Xoá trắng trang", "Clear the tab"],
  step4: ["Gửi một chiến dịch", "Send a campaign"],
  step4_more: ["Nhân viên viết một dòng, quản lý Hà Phạm bấm Duyệt gửi trên Telegram.", "Staff write one row; the manager, Hà Phạm, approves it on Telegram."],
  try_campaign: ["Xin duyệt thư mẫu", "Ask for approval"],
  try_wrong: ["Thử viết sai", "Make mistakes"],
  campaign_ready: ["“{name}” đã sẵn sàng. Vài giây nữa quản lý được hỏi trên Telegram.", "“{name}” is ready. In a few seconds the manager is asked on Telegram."],
  campaign_wrong: ["Dòng {row} có hai chỗ sai. Vài giây nữa Telegram chỉ rõ ô nào.", "Row {row} has two mistakes. In a few seconds Telegram names the cells."],
  typing: ["Đang gõ…", "Typing…"],
  cleared: ["Trang “{tab}” đã bị xoá trắng. Xem nhật ký: cầu nối giữ lại và hỏi quản lý.", "“{tab}” is empty now. See the log: the bridge holds it and asks the managers."],
  no_column: ["Trang này không có cột “{column}”.", "This tab has no column “{column}”."],
  no_campaign: ["Trang này chưa có chiến dịch nào.", "There is no campaign in this tab yet."],
  no_customer: ["Không tìm thấy khách nào để đổi.", "No customer to change was found."],
  added: ["Đã thêm {name} ở dòng {row}. Chờ vài giây nhé.", "{name} is in row {row}. Give it a few seconds."],
  stage_set: ["Dòng {row}: {name} → {stage}", "Row {row}: {name} → {stage}"],
  sorted: ["Đã sắp xếp dòng {from}–{to} theo {column}. Không ai nhận thư nào.", "Rows {from}–{to} are sorted by {column}. Nobody gets a mail."],

  state_none: ["chưa đọc bảng", "the sheet has not been read yet"],
  state_ok: ["đọc bảng {ago}", "read the sheet {ago}"],
  state_late: ["đọc bảng lần cuối {ago}", "last read the sheet {ago}"],
  state_held: ["đang tạm giữ, chờ duyệt", "held, waiting for a manager"],
  state_gone: ["mất kết nối với chương trình", "the program does not answer"],
  state_paused: ["đang tạm dừng gửi", "sending is paused"],
  now: ["vừa xong", "just now"],
  seconds_ago: ["{n} giây trước", "{n} s ago"],
  minutes_ago: ["{n} phút trước", "{n} min ago"],
  records: ["{n} khách", "{n} customers"],
  settling: ["{n} dòng đang gõ dở", "{n} rows settling"],
  queued: ["{n} tin chờ gửi", "{n} messages waiting"],

  undo: ["Hoàn tác", "Undo"],
  row_above: ["Chèn dòng phía trên", "Insert a row above"],
  row_below: ["Chèn dòng phía dưới", "Insert a row below"],
  row_delete: ["Xoá dòng", "Delete row"],
  rows_delete: ["Xoá {n} dòng", "Delete {n} rows"],
  sort_az: ["Sắp xếp A → Z theo cột này", "Sort A → Z by this column"],
  sort_za: ["Sắp xếp Z → A theo cột này", "Sort Z → A by this column"],
  sort_range: ["Sắp xếp một vùng…", "Sort a range…"],
  sort_title: ["Sắp xếp theo cột {column}", "Sort by column {column}"],
  from_row: ["Từ dòng", "From row"],
  to_row: ["Đến dòng", "To row"],
  column_add: ["Thêm cột bên phải…", "Add a column on the right…"],
  column_title: ["Tiêu đề của cột mới", "The new column’s header"],
  column_default: ["Cột mới", "New column"],
  column_delete: ["Xoá cột này", "Delete this column"],
  header_rename: ["Đổi tiêu đề cột…", "Rename the header…"],
  header_title: ["Tiêu đề mới của cột {column}", "New header of column {column}"],
  row_cut: ["Chuyển dòng sang trang khác…", "Move the row to another tab…"],
  row_cut_title: ["Cắt dòng {rows} sang trang", "Cut row {rows} to the tab"],
  row_copy: ["Nhân đôi dòng", "Duplicate the row"],
  tab_clear: ["Xoá trắng trang này…", "Clear this tab…"],
  tab_clear_title: ["Xoá trắng trang “{tab}”?", "Clear the tab “{tab}”?"],
  tab_clear_text: ["Có thể lấy lại bằng Ctrl+Z.", "Ctrl+Z brings it back."],
  tab_add: ["Thêm trang", "Add a tab"],
  tab_add_title: ["Tên của trang mới", "The new tab’s name"],
  tab_rename: ["Đổi tên trang…", "Rename the tab…"],
  tab_rename_title: ["Tên mới của trang", "The tab’s new name"],
  copy: ["Sao chép", "Copy"],
  paste_hint: ["Dán bằng Ctrl+V", "Paste with Ctrl+V"],
  clear_cells: ["Xoá nội dung ô", "Clear the cells"],
  more: ["Thêm", "More"],
  undone: ["Đã hoàn tác.", "Undone."],
  select_size: ["{rows} dòng × {columns} cột", "{rows} rows × {columns} columns"],

  mails_none: ["Chưa có thư nào", "No mails yet"],
  mails_none_more: ["Thêm một khách có email vào bảng, thư chào sẽ hiện ở đây.", "Add a customer with an e-mail address and the welcome mail shows here."],
  to: ["tới", "to"],
  mail_from: ["Từ", "From"],
  mail_to: ["Tới", "To"],
  mail_reply: ["Trả lời tới", "Reply to"],
  mail_cc: ["Đồng gửi", "Cc"],
  as_html: ["Thư", "Mail"],
  as_text: ["Chữ thường", "Plain text"],
  as_source: ["Nguồn", "Source"],
  back: ["Về danh sách", "Back to the list"],
  no_text: ["Thư này không có phần chữ thường.", "This mail has no plain text part."],
  no_html: ["Thư này chỉ có phần chữ thường.", "This mail is plain text only."],
  no_subject: ["(không có tiêu đề)", "(no subject)"],
  new_mail: ["Thư mới tới {to}", "New mail to {to}"],
  new_mails: ["{n} thư mới", "{n} new mails"],
  new_chats: ["{n} tin nhắn Telegram mới", "{n} new Telegram messages"],

  chats_none: ["Chưa có ai trên Telegram", "Nobody is on Telegram yet"],
  phone_of: ["Điện thoại của {name}", "{name}’s phone"],
  write: ["Nhắn cho bot, ví dụ /hethong", "Write to the bot, e.g. /status"],
  send: ["Gửi", "Send"],
  start: ["Bắt đầu", "Start"],
  not_started: ["{name} chưa bấm Bắt đầu, bot chưa được nhắn trước.", "{name} has not pressed Start: the bot may not write first."],
  blocked: ["{name} đã chặn bot.", "{name} has blocked the bot."],
  block: ["Chặn bot", "Block the bot"],
  unblock: ["Bỏ chặn", "Unblock"],
  edited: ["đã sửa", "edited"],
  photo: ["Ảnh", "Photo"],
  document: ["Tệp", "File"],
  contact: ["Danh thiếp", "Contact"],
  copied: ["Đã chép: {text}", "Copied: {text}"],
  no_answer: ["Bot chưa trả lời.", "The bot has not answered."],
  answered: ["Bot đã nhận.", "The bot got it."],
  empty_chat: ["Chưa có tin nhắn.", "No messages yet."],
  group: ["nhóm", "group"],
  today: ["Hôm nay", "Today"],

  log_none: ["Nhật ký còn trống", "The log is empty"],
  log_none_more: ["Cầu nối thấy gì, quyết định gì sẽ được ghi ở đây.", "What the bridge sees and decides is told here."],
  kind_read: ["Đọc", "Read"],
  kind_edit: ["Sửa bảng", "Edit"],
  kind_event: ["Ghi nhận", "Event"],
  kind_decision: ["Quyết định", "Decision"],
  kind_held: ["Tạm giữ", "Held"],
  kind_sent: ["Đã gửi", "Sent"],
  kind_trouble: ["Trục trặc", "Trouble"],
  kind_note: ["Ghi chú", "Note"],
  failed: ["Không làm được: {why}", "That did not work: {why}"],
  yesterday: ["hôm qua", "yesterday"],
};

let language = read() === "en" ? "en" : "vi";

function read() {
  try { return localStorage.getItem("language"); } catch { return null; }
}

/** "vi" or "en". */
export function lang() {
  return language;
}

/** A text in the language shown, with {holes} filled. */
export function t(key, holes = {}) {
  const pair = WORDS[key];
  const text = pair ? pair[language === "en" ? 1 : 0] : key;
  return text.replace(/\{(\w+)\}/g, (hole, name) => name in holes ? String(holes[name]) : hole);
}

/** Puts the words into every element that names one. */
export function relabel(root = document) {
  for (const element of root.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of root.querySelectorAll("[data-label]")) {
    element.title = t(element.dataset.label);
    element.setAttribute("aria-label", t(element.dataset.label));
  }
}

/** Changes the language; "language" is announced on the document. */
export function speak(to) {
  language = to;
  try { localStorage.setItem("language", to); } catch { /* private windows have none */ }
  document.documentElement.lang = to;
  for (const button of document.querySelectorAll("[data-lang]")) {
    button.setAttribute("aria-pressed", String(button.dataset.lang === to));
  }
  relabel();
  document.dispatchEvent(new Event("language"));
}
