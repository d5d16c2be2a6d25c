//! The commands: their names in both languages, what each does, and who sees it in the menu.

use crate::commands::Right;
use crate::config::Language;
use crate::core::sheet::fold::fold;

/// What somebody asks for by a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Start,
    Help,
    Status,
    Digest,
    Report,
    Customers,
    Find,
    Day,
    ToContact,
    Pause,
    Resume,
    Held,
    Campaigns,
    Claims,
    Stop,
    Suppress,
    Invite,
    Handover,
    Rest,
    RestOver,
}

/// Command, Vietnamese name, English name, what it does in both, and the right without which it is not shown.
type Line = (
    Command,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Option<Right>,
);

const MENU: [Line; 19] = [
    (
        Command::Customers,
        "khach",
        "customers",
        "Khách hàng của tôi theo giai đoạn",
        "My customers by stage",
        Some(Right::Totals),
    ),
    (
        Command::Find,
        "tim",
        "find",
        "Tìm khách theo số, e-mail hoặc tên",
        "Find a customer by phone, e-mail or name",
        Some(Right::Customers),
    ),
    (
        Command::Day,
        "homnay",
        "today",
        "Việc hôm nay: lịch hẹn, ngày đến hạn",
        "My day: appointments and dates",
        Some(Right::Customers),
    ),
    (
        Command::ToContact,
        "canlienhe",
        "contact",
        "Khách đã lâu chưa được liên hệ",
        "Customers who have waited too long",
        Some(Right::Customers),
    ),
    (
        Command::Report,
        "baocao",
        "report",
        "Báo cáo theo tuần, tháng, quý",
        "Figures of the week, month, quarter",
        Some(Right::Totals),
    ),
    (
        Command::Digest,
        "bantin",
        "digest",
        "Bản tin của quản lý, ngay bây giờ",
        "The digest, now",
        Some(Right::Digest),
    ),
    (
        Command::Status,
        "hethong",
        "status",
        "Hệ thống có chạy tốt không",
        "Is it well?",
        Some(Right::Status),
    ),
    (
        Command::Campaigns,
        "chiendich",
        "campaigns",
        "Các chiến dịch: đang tới đâu, kết quả, duyệt và dừng",
        "Campaigns: how far they are, results, approve and stop",
        Some(Right::Campaigns),
    ),
    (
        Command::Claims,
        "trung",
        "claims",
        "Khách có nhiều người cùng nhận: ai có trước, giữ cho ai",
        "Customers whom several claim: who was first, whose they are",
        Some(Right::Steer),
    ),
    (
        Command::Held,
        "giu",
        "held",
        "Các đợt đang tạm giữ chờ duyệt",
        "Held batches",
        Some(Right::Steer),
    ),
    (
        Command::Stop,
        "dung",
        "stop",
        "Dừng các tin của lần đọc vừa rồi (trong một phút)",
        "Stop what the last poll decided (within a minute)",
        Some(Right::Steer),
    ),
    (
        Command::Pause,
        "tamdunggui",
        "pause",
        "Tạm dừng mọi thư và tin",
        "Pause all sending",
        Some(Right::Steer),
    ),
    (
        Command::Resume,
        "guitiep",
        "resume",
        "Gửi tiếp sau khi tạm dừng",
        "Resume sending",
        Some(Right::Steer),
    ),
    (
        Command::Suppress,
        "tuchoi",
        "suppress",
        "Không gửi quảng cáo tới một email hoặc số điện thoại nữa",
        "No more advertising to an address or number",
        Some(Right::Steer),
    ),
    (
        Command::Invite,
        "moi",
        "invite",
        "Tạo liên kết mời một nhân viên dùng bot",
        "A link that lets a colleague use the bot",
        Some(Right::People),
    ),
    (
        Command::Handover,
        "bangiao",
        "handover",
        "Bàn giao khách của người nghỉ việc cho người khác",
        "Hand a leaver's customers over to others",
        Some(Right::People),
    ),
    (
        Command::Rest,
        "tatthongbao",
        "mute",
        "Tạm tắt thông báo của tôi",
        "Turn my notices off for a time",
        Some(Right::Rest),
    ),
    (
        Command::RestOver,
        "batthongbao",
        "unmute",
        "Bật lại thông báo của tôi",
        "Turn my notices on again",
        Some(Right::Rest),
    ),
    (
        Command::Help,
        "trogiup",
        "help",
        "Các lệnh",
        "What you can ask",
        None,
    ),
];

/// What commands were called before, or are called by people who write as they speak.
const ALSO: [(&str, Command); 5] = [
    ("trangthai", Command::Status),
    ("tamdung", Command::Pause),
    ("tieptuc", Command::Resume),
    ("chan", Command::Suppress),
    ("start", Command::Start),
];

/// Commands that only tell: they are understood without the slash as well, if nothing else is written.
const TELLS: [Command; 7] = [
    Command::Campaigns,
    Command::Day,
    Command::ToContact,
    Command::Digest,
    Command::Report,
    Command::Status,
    Command::Help,
];

/// The lines of the menu for somebody with these rights.
pub(super) fn menu(
    language: Language,
    allows: impl Fn(Right) -> bool,
) -> Vec<(&'static str, String)> {
    MENU.iter()
        .filter(|line| line.5.is_none_or(&allows))
        .map(|(_, vi, en, does_vi, does_en, _)| match language {
            Language::Vi => (*vi, (*does_vi).to_owned()),
            Language::En => (*en, (*does_en).to_owned()),
        })
        .collect()
}

/// Reads `/tim@queenland_bot Hồng Nhung` as command and the rest. Both languages' names are understood, with and
/// without accents, also as the words they are made of (`/cần liên hệ`), and those that only tell something alone
/// without the slash. `/canlienhe_2` is the second page.
/// None: no command, one that does not exist, or one for another bot.
pub(super) fn read<'a>(text: &'a str, bot: Option<&str>) -> Option<(Command, &'a str)> {
    let text = text.trim();
    let Some(text) = text.strip_prefix('/') else {
        // Other names are words that people write to each other.
        let word = fold(text).replace(' ', "");
        return named(&word)
            .filter(|command| TELLS.contains(command))
            .map(|command| (command, ""));
    };
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let (name, to) = word.split_once('@').unwrap_or((word, ""));
    if !to.is_empty() && bot.is_some_and(|bot| !bot.eq_ignore_ascii_case(to)) {
        return None;
    }
    let rest = rest.trim();
    let (name, page) = name.split_once('_').unwrap_or((name, ""));
    if let Some(command) = named(&fold(name)) {
        return Some((command, if rest.is_empty() { page } else { rest }));
    }
    // Written as words: `/chiến dịch Mở bán`, `/cần liên hệ`.
    let mut spoken = fold(name);
    let mut rest = rest;
    for _ in 0..2 {
        let (next, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        spoken.push_str(&fold(next));
        rest = after.trim_start();
        if let Some(command) = named(&spoken) {
            return Some((command, rest));
        }
    }
    None
}

fn named(word: &str) -> Option<Command> {
    let known = MENU.iter().find(|line| line.1 == word || line.2 == word);
    let also = || ALSO.iter().find(|(name, _)| *name == word);
    known
        .map(|line| line.0)
        .or_else(|| also().map(|(_, command)| *command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_in_both_languages() {
        for (text, read_as) in [
            ("/start", Some((Command::Start, ""))),
            ("/start abc-_1", Some((Command::Start, "abc-_1"))),
            ("/TIM  Hồng Nhung ", Some((Command::Find, "Hồng Nhung"))),
            ("/find@Queenland_bot 0901", Some((Command::Find, "0901"))),
            ("/find@other_bot 0901", None),
            ("/dance", None),
            ("/trạngthái", Some((Command::Status, ""))),
            ("/chiendich Tết", Some((Command::Campaigns, "Tết"))),
            ("/Chiến dịch Mở bán", Some((Command::Campaigns, "Mở bán"))),
            ("chien dich", Some((Command::Campaigns, ""))),
            ("Chiến dịch", Some((Command::Campaigns, ""))),
            ("chiến dịch này sai giá", None),
            ("/hethong", Some((Command::Status, ""))),
            ("hệ thống", Some((Command::Status, ""))),
            ("/Hệ thống", Some((Command::Status, ""))),
            ("Hôm nay", Some((Command::Day, ""))),
            ("/cần liên hệ", Some((Command::ToContact, ""))),
            ("/canlienhe_3", Some((Command::ToContact, "3"))),
            ("/canlienhe 3", Some((Command::ToContact, "3"))),
            (
                "/khach 0901 234 567",
                Some((Command::Customers, "0901 234 567")),
            ),
            ("/gửi tiếp", Some((Command::Resume, ""))),
            ("gửi tiếp", None),
            ("hôm nay khách không đến", None),
            ("/mời Lan Anh", Some((Command::Invite, "Lan Anh"))),
            ("mời", None),
            ("dừng", None),
            ("xin chào", None),
            ("/", None),
        ] {
            assert_eq!(read(text, Some("queenland_bot")), read_as, "{text}");
        }
    }

    #[test]
    fn names_fit_telegrams_rule() {
        for line in MENU {
            for name in [line.1, line.2] {
                assert!(
                    (1..=32).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase()),
                    "{name}"
                );
            }
        }
        let staff = menu(Language::Vi, |right| {
            matches!(right, Right::Customers | Right::Totals)
        });
        let names: Vec<&str> = staff.iter().map(|line| line.0).collect();
        assert_eq!(
            names,
            ["khach", "tim", "homnay", "canlienhe", "baocao", "trogiup"]
        );
    }
}
