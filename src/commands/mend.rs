//! What to do next: sentences, each with its mend, made of a [`Status`].

use serde::{Deserialize, Serialize};

use super::Status;
use super::sheet::{UnclearLine, row_list};
use super::status::{UnknownWord, WorkbookStatus};
use crate::config::Language;
use crate::core::delivery::State;

/// A disk that has less left is as good as full: a clean-up needs room, and a busy day, too.
const LITTLE_ROOM: u64 = 200 << 20;

/// A sentence that says what to do; in JSON the English one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Mend {
    en: String,
    vi: String,
}

impl Mend {
    fn new(en: impl Into<String>, vi: impl Into<String>) -> Self {
        Self {
            en: en.into(),
            vi: vi.into(),
        }
    }

    /// In this language.
    pub fn shown(&self, language: Language) -> &str {
        match language {
            Language::Vi => &self.vi,
            Language::En => &self.en,
        }
    }
}

impl From<String> for Mend {
    fn from(text: String) -> Self {
        Self {
            vi: text.clone(),
            en: text,
        }
    }
}

impl From<Mend> for String {
    fn from(mend: Mend) -> Self {
        mend.en
    }
}

/// Without these it does not go on working. A workbook may lag so many seconds.
pub(super) fn urgent(status: &Status, patience_s: i64) -> Vec<Mend> {
    let mut mends = Vec::new();
    if !status.running {
        mends.push(Mend::new(
            "The daemon is not running: start it with `systemctl start sheetbridge` or `sheetbridge run`.",
            "Chương trình chưa chạy: nhờ người quản trị khởi động lại.",
        ));
    }
    if status.running {
        mends.extend(
            status
                .workbooks
                .iter()
                .filter_map(|book| unread(book, patience_s)),
        );
    }
    for held in status.held.iter().filter(|held| held.decision.is_none()) {
        let (book, id) = (&held.workbook, &held.id);
        let (why, why_vi) = (
            held.why.replace('\n', "; "),
            held.why_vi.replace('\n', "; "),
        );
        mends.push(Mend::new(
            format!(
                "A batch of \"{book}\" is held ({why}): `sheetbridge held release {id}` takes it, `sheetbridge held drop {id}` makes it the new base, undoing the edit in the sheet ends it."
            ),
            format!("Bảng “{book}” đang bị tạm giữ ({why_vi}): bấm /giu để duyệt hoặc bỏ qua."),
        ));
    }
    for channel in status
        .channels
        .iter()
        .filter(|channel| channel.ok == Some(false))
    {
        let why = channel.why.as_deref().unwrap_or("no answer");
        let name = if channel.channel == "email" {
            "E-mail"
        } else {
            "Telegram"
        };
        mends.push(Mend::new(
            format!("{name} does not answer: {why}. Messages wait and go out when it does; `sheetbridge check` tries it now."),
            format!("{name} đang không kết nối được: {why}. Thư và tin được giữ lại, sẽ tự gửi khi có kết nối."),
        ));
    }
    if let Some(free) = status.free_bytes.filter(|free| *free < LITTLE_ROOM) {
        let mb = free >> 20;
        mends.push(Mend::new(
            format!("The disk of the state folder has {mb} MB left: make room before it is full; old backups in its backups/ can go."),
            format!("Ổ đĩa chỉ còn {mb} MB: nhờ người quản trị dọn bớt trước khi đầy."),
        ));
    }
    if let Some(why) = &status.upkeep.backup_failed {
        mends.push(Mend::new(
            format!("The last automatic backup failed: {why}"),
            format!("Lần sao lưu tự động gần nhất bị lỗi: {why}"),
        ));
    }
    if let Some(why) = &status.reload_refused {
        mends.push(Mend::new(
            format!("The new configuration was refused and the old one is in force: {why}"),
            "Cấu hình mới có lỗi nên vẫn dùng cấu hình cũ: nhờ người quản trị xem lại.",
        ));
    }
    if let Some(why) = &status.bot_deaf {
        mends.push(Mend::new(
            format!("The bot cannot hear anybody: {why}. Is another program running with the same token?"),
            format!("Bot đang không nhận được tin nhắn và nút bấm: {why}"),
        ));
    }
    mends
}

fn unread(book: &WorkbookStatus, patience_s: i64) -> Option<Mend> {
    let title = &book.title;
    if let Some(why) = &book.failing {
        return Some(Mend::new(
            format!("The workbook \"{title}\" cannot be read: {why}"),
            format!("Chưa đọc được bảng “{title}”: {why}"),
        ));
    }
    let lag = book.lag_s.filter(|lag| *lag > patience_s)?;
    Some(Mend::new(
        format!("The workbook \"{title}\" was last read {lag} s ago: see the daemon's log."),
        format!(
            "Bảng “{title}” chưa được đọc lại từ {lag} giây trước: nhờ người quản trị xem nhật ký."
        ),
    ))
}

/// What makes it better.
pub(super) fn advice(status: &Status) -> Vec<Mend> {
    let mut mends = of_sending(status);
    mends.extend(of_people(status));
    mends.extend(of_the_sheet(status));
    mends
}

fn of_sending(status: &Status) -> Vec<Mend> {
    let mut mends = Vec::new();
    for paused in &status.paused {
        let what = paused.what.replace('/', " ");
        mends.push(Mend::new(
            format!(
                "Paused: {}. `sheetbridge resume {what}` goes on.",
                paused.english()
            ),
            format!(
                "Đang tạm dừng: {}. Bấm /guitiep để gửi tiếp.",
                paused.vietnamese()
            ),
        ));
    }
    let in_doubt = status
        .queue
        .get(State::InDoubt.as_str())
        .copied()
        .unwrap_or(0);
    if in_doubt > 0 {
        mends.push(Mend::new(
            format!("{in_doubt} messages may or may not have arrived: see `sheetbridge outbox list --state in_doubt`, and answer with `sheetbridge outbox resolve`."),
            format!("{in_doubt} thư chưa rõ đã tới hay chưa."),
        ));
    }
    let open = status.trial_open;
    if !status.trial && open > 0 {
        mends.push(Mend::new(
            format!("The trial is over, and {open} messages that it kept from customers are still open: see `sheetbridge outbox trial`; `--take-over` sends them, `--drop` does not."),
            format!("Đã hết chạy thử, còn {open} thư chưa gửi cho khách: nhờ người quản trị quyết định gửi hay bỏ."),
        ));
    }
    if !status.restart_needed.is_empty() {
        mends.push(Mend::new(
            format!(
                "Restart the daemon to take over {}.",
                status.restart_needed.join(", ")
            ),
            "Có thay đổi cấu hình chờ khởi động lại.",
        ));
    }
    mends
}

fn of_people(status: &Status) -> Vec<Mend> {
    let mut mends = Vec::new();
    for person in &status.unbound {
        let (name, why) = (&person.name, &person.why);
        let instead = if person.email {
            "gets mail meanwhile"
        } else {
            "gets nothing"
        };
        mends.push(Mend::new(
            format!("{name} cannot be reached on Telegram ({why}) and {instead}: `sheetbridge invite \"{name}\"`."),
            format!("{name} chưa nhận được tin Telegram: nhờ người quản trị gửi liên kết mời."),
        ));
    }
    if !status.unapproved.is_empty() {
        let names = status.unapproved.join(", ");
        mends.push(Mend::new(
            format!(
                "A manager must say whether {names} of the staff tab work here: the bot has asked."
            ),
            format!("Chờ quản lý xác nhận nhân viên mới: {names}."),
        ));
    }
    if status.claims_open > 0 {
        let n = status.claims_open;
        mends.push(Mend::new(
            format!("{n} customers are claimed by several of you: see `sheetbridge claims list`, and answer with `sheetbridge claims decide`."),
            format!("{n} khách có nhiều người cùng nhận: bấm /trung để quyết định."),
        ));
    }
    mends
}

fn of_the_sheet(status: &Status) -> Vec<Mend> {
    let mut mends: Vec<Mend> = status.unknown_stages.iter().map(unknown_stage).collect();
    if status.ambiguous > 0 {
        let n = status.ambiguous;
        mends.push(Mend::new(
            format!("{n} rows may each be the same customer as another{}; nothing is sent for them until a phone or e-mail tells them apart.", places(status, "rows")),
            format!("{n} dòng chưa chắc cùng khách{}: thêm số điện thoại hoặc e-mail để phân biệt.", places(status, "dòng")),
        ));
    }
    if status.problems > 0 {
        let n = status.problems;
        mends.push(Mend::new(
            format!("{n} data problems in the sheet: see `sheetbridge records --problems`."),
            format!("{n} ô cần xem lại trong bảng."),
        ));
    }
    mends
}

/// Where the first unclear rows are: ` (“Khách hàng”, rows 31, 32)`.
fn places(status: &Status, rows: &str) -> String {
    let place = |line: &UnclearLine| format!("“{}”, {rows} {}", line.tab, row_list(&line.rows));
    let named: Vec<String> = status.unclear.iter().take(3).map(place).collect();
    match named.as_slice() {
        [] => String::new(),
        named => format!(" ({})", named.join("; ")),
    }
}

fn unknown_stage(unknown: &UnknownWord) -> Mend {
    let to = match &unknown.likely {
        Some(id) => format!("to the aliases of [[stage]] id = \"{id}\""),
        None => "to the aliases of the [[stage]] it means".to_owned(),
    };
    let (word, n) = (&unknown.word, unknown.count);
    Mend::new(
        format!(
            "{n} rows have the stage \"{word}\", which is none: add it {to}, or correct the cells."
        ),
        format!(
            "{n} dòng ghi giai đoạn “{word}” chưa có trong danh sách: sửa ô, hoặc nhờ người quản trị thêm."
        ),
    )
}
