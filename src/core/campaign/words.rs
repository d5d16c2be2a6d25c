//! The words of the campaign tab: its columns, and what staff write in the state, order and channel
//! cells. All are compared folded, so accents, case and punctuation do not matter.

use std::collections::BTreeMap;

use super::listing::nearest;
use super::problem::Said;
use super::{Order, Wanted};
use crate::core::sheet::fold::fold;
use crate::core::sheet::{FieldKind, FieldSpec};

/// One column of the tab.
#[derive(Clone, Copy, Debug)]
pub struct ColumnWords {
    /// What it is called in a file, and in `columns` of the configuration.
    pub id: &'static str,
    /// The headers it may have, Vietnamese ones first; the first is the one that `campaign init` writes.
    pub headers: &'static [&'static str],
    /// The header that `campaign init` writes where the language is English.
    pub english: &'static str,
    /// What belongs in it: Vietnamese and English, for the note at the header and for the documentation.
    pub what: (&'static str, &'static str),
    /// An example in both languages.
    pub example: (&'static str, &'static str),
}

/// A campaign has at most so many texts: the columns of groups are numbered from 2 to this.
pub const HIGHEST_GROUP: u32 = 4;

const fn column(
    id: &'static str,
    headers: &'static [&'static str],
    english: &'static str,
    what: (&'static str, &'static str),
    example: (&'static str, &'static str),
) -> ColumnWords {
    ColumnWords {
        id,
        headers,
        english,
        what,
        example,
    }
}

/// Every column but those of further groups, in the order in which `campaign init` writes them.
pub const COLUMNS: &[ColumnWords] = &[
    column(
        "name",
        &[
            "Tên chiến dịch",
            "Chiến dịch",
            "Tên",
            "Campaign name",
            "Campaign",
            "Name",
        ],
        "Campaign name",
        (
            "Tên gọi, mỗi chiến dịch một tên",
            "What it is called, one name for each",
        ),
        ("Mở bán Sunrise đợt 2", "Sunrise launch 2"),
    ),
    column(
        "state",
        &["Trạng thái", "Tình trạng", "State", "Status"],
        "State",
        (
            "Để trống: đang soạn. Sẵn sàng: nhờ quản lý duyệt. Tạm dừng, Dừng: có hiệu lực ngay",
            "Empty: being written. Ready: asks a manager. Paused, Stopped: at once",
        ),
        ("Sẵn sàng", "Ready"),
    ),
    column(
        "channel",
        &["Kênh", "Kênh gửi", "Channel"],
        "Channel",
        (
            "Gửi qua đâu; để trống là email",
            "By what it goes; empty is e-mail",
        ),
        ("Email", "Email"),
    ),
    column(
        "stage",
        &[
            "Giai đoạn",
            "Giai đoạn khách",
            "Tình trạng khách",
            "Trạng thái khách",
            "Stage",
        ],
        "Stage",
        (
            "Giai đoạn của khách; nhiều giá trị cách nhau bằng dấu phẩy; tất cả; trừ …",
            "Stages of the customers; several with commas; all; except …",
        ),
        ("Khách hàng tiềm năng, Đang tư vấn", "Prospect, Consulting"),
    ),
    column(
        "interest",
        &[
            "Loại BĐS",
            "Loại bất động sản",
            "Loại hình",
            "Loại BĐS quan tâm",
            "Nhu cầu",
            "Property type",
            "Interest",
        ],
        "Property type",
        (
            "Loại bất động sản khách quan tâm",
            "The kinds of property they look for",
        ),
        ("Căn hộ, Nhà phố", "Apartment, Townhouse"),
    ),
    column(
        "area",
        &["Khu vực", "Area"],
        "Area",
        (
            "Khu vực khách quan tâm; Q.7 và Quận 7 là một",
            "Areas; Q.7 and Quận 7 are one",
        ),
        ("Quận 7, Thủ Đức", "Quận 7, Thủ Đức"),
    ),
    column(
        "project",
        &["Dự án", "Project"],
        "Project",
        ("Dự án khách quan tâm", "The projects they ask for"),
        ("Sunrise City", "Sunrise City"),
    ),
    column(
        "budget",
        &["Ngân sách", "Tầm giá", "Tài chính", "Budget"],
        "Budget",
        (
            "Khoảng tiền; khách có ngân sách giao với khoảng này",
            "An interval; the customers whose budget overlaps it",
        ),
        ("3-5 tỷ", "3-5 tỷ"),
    ),
    column(
        "budget_from",
        &["Ngân sách từ", "Giá từ", "Budget from"],
        "Budget from",
        (
            "Thay cho cột Ngân sách: từ",
            "Instead of the column Budget: from",
        ),
        ("3 tỷ", "3 tỷ"),
    ),
    column(
        "budget_to",
        &["Ngân sách đến", "Giá đến", "Budget to"],
        "Budget to",
        (
            "Thay cho cột Ngân sách: đến",
            "Instead of the column Budget: to",
        ),
        ("5 tỷ", "5 tỷ"),
    ),
    column(
        "source",
        &["Nguồn", "Nguồn khách", "Source"],
        "Source",
        ("Khách đến từ đâu", "Where they come from"),
        ("Facebook, Website", "Facebook, Website"),
    ),
    column(
        "owner",
        &[
            "NV phụ trách",
            "Phụ trách",
            "Nhân viên phụ trách",
            "Người phụ trách",
            "Owner",
        ],
        "Owner",
        ("Khách của nhân viên nào", "Whose customers"),
        ("Lan Anh", "Lan Anh"),
    ),
    column(
        "dealings",
        &[
            "Giao dịch",
            "Giao dịch trước đây",
            "Lịch sử",
            "Dealings",
            "History",
        ],
        "Dealings",
        (
            "Từng đặt cọc, chưa mua, đã gửi thư 30 ngày, chưa gửi thư 30 ngày, mới 7 ngày, cũ hơn 90 ngày",
            "deposited before, never bought, mailed 30 days, not mailed 30 days, new 7 days, older than 90 days",
        ),
        (
            "chưa mua, chưa gửi thư 30 ngày",
            "never bought, not mailed 30 days",
        ),
    ),
    column(
        "condition",
        &[
            "Điều kiện",
            "Điều kiện khác",
            "Điều kiện riêng",
            "Condition",
        ],
        "Condition",
        (
            "Điều kiện viết như trong kịch bản tự động, khi các cột trên chưa đủ",
            "A condition as rules have it, where the columns above do not reach",
        ),
        (
            "budget.max >= 3 * ty and 'vip' in note",
            "budget.max >= 3 * ty and 'vip' in note",
        ),
    ),
    column(
        "subject",
        &["Tiêu đề", "Tiêu đề thư", "Chủ đề", "Subject"],
        "Subject",
        (
            "Tiêu đề thư; [QC] được tự thêm",
            "The subject; [QC] is put before it",
        ),
        (
            "{{ greeting }} ơi, Sunrise mở bán đợt 2",
            "{{ greeting }}, Sunrise opens again",
        ),
    ),
    column(
        "text",
        &["Nội dung", "Nội dung thư", "Text", "Content", "Body"],
        "Text",
        (
            "Nội dung thư: **đậm**, *nghiêng*, [chữ](https://…), - danh sách, {{Họ tên|Anh/Chị}}",
            "What it says: **bold**, *italic*, [text](https://…), - lists, {{Họ tên|Anh/Chị}}",
        ),
        (
            "Kính chào {{ greeting }},\n\nDự án **Sunrise** …",
            "Dear {{ greeting }},\n\n**Sunrise** …",
        ),
    ),
    column(
        "template",
        &["Mẫu thư", "Mẫu", "Template"],
        "Template",
        (
            "Tên mẫu trong templates/, thay cho Nội dung",
            "A template under templates/, instead of the text",
        ),
        ("mo-ban", "launch"),
    ),
    column(
        "attachment",
        &["Đính kèm", "Tệp đính kèm", "File đính kèm", "Attachment"],
        "Attachment",
        (
            "Tệp trong thư mục đính kèm",
            "A file in the folder of attachments",
        ),
        ("bang-gia/sunrise-12-2026.pdf", "prices/sunrise-12-2026.pdf"),
    ),
    column(
        "send_at",
        &[
            "Gửi lúc",
            "Ngày gửi",
            "Thời gian gửi",
            "Lịch gửi",
            "Send at",
            "Send on",
            "Send date",
        ],
        "Send at",
        (
            "Ngày, có thể kèm giờ; để trống: ngay khi được duyệt",
            "A day, perhaps with an hour; empty: when it is approved",
        ),
        ("15/12/2026 9:00", "15/12/2026 9:00"),
    ),
    column(
        "send_hour",
        &["Giờ gửi", "Giờ", "Send hour", "Hour"],
        "Send hour",
        (
            "Giờ, nếu cột trên chỉ có ngày",
            "The hour, if the column before has only the day",
        ),
        ("9h30", "9:30"),
    ),
    column(
        "order",
        &["Thứ tự gửi", "Thứ tự", "Ưu tiên", "Order"],
        "Order",
        (
            "Mới nhất trước (mặc định), Cũ nhất trước, Ngân sách cao trước, Theo bảng",
            "Newest first (default), Oldest first, Largest budget first, As in the sheet",
        ),
        ("Mới nhất trước", "Newest first"),
    ),
    column(
        "author",
        &[
            "Người soạn",
            "Người tạo",
            "Người lập",
            "Author",
            "Created by",
        ],
        "Author",
        (
            "Ai soạn; người này nhận lý do khi bị trả lại",
            "Who wrote it, and is told if it is returned",
        ),
        ("Thu Hà", "Thu Hà"),
    ),
    column(
        "ad",
        &["Quảng cáo", "Là quảng cáo", "Advertising", "Ad"],
        "Advertising",
        (
            "Để trống là có. Không: thư chăm sóc, thông báo, không gắn [QC]",
            "Empty is yes. No: service mail, without [QC]",
        ),
        ("Có", "Yes"),
    ),
    column(
        "note",
        &["Ghi chú", "Note", "Notes"],
        "Note",
        (
            "Cho người đọc bảng, không gửi đi",
            "For the readers of the sheet, never sent",
        ),
        ("", ""),
    ),
];

/// The columns that each further text may have, with the word that stands before its number.
const GROUP_COLUMNS: &[(&str, &[&str])] = &[
    ("group", &["Nhóm", "Nhóm khách", "Group"]),
    ("subject", &["Tiêu đề", "Tiêu đề thư", "Chủ đề", "Subject"]),
    (
        "text",
        &["Nội dung", "Nội dung thư", "Text", "Content", "Body"],
    ),
    ("template", &["Mẫu thư", "Mẫu", "Template"]),
    (
        "attachment",
        &["Đính kèm", "Tệp đính kèm", "File đính kèm", "Attachment"],
    ),
];

/// Every column that the tab may have, for finding its header. `more` are further headers by column id,
/// from the configuration.
pub fn fields(more: &BTreeMap<String, Vec<String>>) -> Vec<FieldSpec> {
    let spec = |id: &str, headers: Vec<String>| FieldSpec {
        id: id.to_owned(),
        headers: headers
            .into_iter()
            .chain(more.get(id).into_iter().flatten().cloned())
            .collect(),
        kind: FieldKind::Text,
        private: false,
        since: None,
    };
    let mut all: Vec<FieldSpec> = COLUMNS
        .iter()
        .map(|one| spec(one.id, one.headers.iter().map(|&h| h.to_owned()).collect()))
        .collect();
    // The first text may name its group as the others do.
    all.push(spec(
        "group_1",
        vec![
            "Nhóm 1".into(),
            "Nhóm".into(),
            "Group 1".into(),
            "Group".into(),
        ],
    ));
    for number in 2..=HIGHEST_GROUP {
        for (id, headers) in GROUP_COLUMNS {
            let numbered = headers.iter().map(|header| format!("{header} {number}"));
            all.push(spec(&format!("{id}_{number}"), numbered.collect()));
        }
    }
    all
}

/// Whether there is a column of this id.
pub(crate) fn is_column(id: &str) -> bool {
    COLUMNS.iter().any(|column| column.id == id)
        || id == "group_1"
        || (2..=HIGHEST_GROUP).any(|number| {
            GROUP_COLUMNS
                .iter()
                .any(|(group, _)| id == format!("{group}_{number}"))
        })
}

/// The column of the audience that a word before a colon names, in the cell of a group.
pub(super) fn criterion_named(text: &str) -> Option<&'static str> {
    const CRITERIA: [&str; 10] = [
        "stage",
        "interest",
        "area",
        "project",
        "budget",
        "budget_from",
        "budget_to",
        "source",
        "owner",
        "dealings",
    ];
    let key = key(text);
    COLUMNS
        .iter()
        .filter(|column| CRITERIA.contains(&column.id))
        .find(|column| {
            column.id == key || column.headers.iter().any(|header| self::key(header) == key)
        })
        .map(|column| column.id)
}

fn key(text: &str) -> String {
    fold(text).replace(' ', "")
}

/// Words for one meaning; the first is how we write it in Vietnamese, the second in English.
type Meaning<T> = (T, &'static [&'static str]);

const STATES: &[Meaning<Wanted>] = &[
    (
        Wanted::Ready,
        &[
            "Sẵn sàng",
            "Ready",
            "Gửi duyệt",
            "Xin duyệt",
            "Chờ duyệt",
            "Cần duyệt",
            "Trình duyệt",
            "Nhờ duyệt",
            "Duyệt",
            "Đã duyệt",
            "Approved",
            "Submit",
            "Gửi",
            "Chờ gửi",
            "Đang gửi",
            "Sending",
            "OK",
        ],
    ),
    (
        Wanted::Draft,
        &[
            "Đang soạn",
            "Draft",
            "Nháp",
            "Bản nháp",
            "Soạn",
            "Chưa xong",
            "Chưa gửi",
            "Chưa sẵn sàng",
            "Đang viết",
        ],
    ),
    (
        Wanted::Paused,
        &[
            "Tạm dừng",
            "Paused",
            "Tạm ngưng",
            "Tạm hoãn",
            "Hoãn",
            "Pause",
            "Chờ",
        ],
    ),
    (
        Wanted::Stopped,
        &[
            "Dừng",
            "Stopped",
            "Dừng lại",
            "Dừng gửi",
            "Ngừng",
            "Huỷ",
            "Huỷ bỏ",
            "Bỏ",
            "Không gửi",
            "Stop",
            "Cancel",
            "Cancelled",
        ],
    ),
    (
        Wanted::Done,
        &[
            "Đã gửi",
            "Sent",
            "Xong",
            "Đã xong",
            "Hoàn thành",
            "Hoàn tất",
            "Kết thúc",
            "Done",
            "Finished",
        ],
    ),
];

const ORDERS: &[Meaning<Order>] = &[
    (
        Order::Newest,
        &[
            "Mới nhất trước",
            "Newest first",
            "Mới trước",
            "Mới nhất",
            "Khách mới trước",
            "Newest",
        ],
    ),
    (
        Order::Oldest,
        &[
            "Cũ nhất trước",
            "Oldest first",
            "Cũ trước",
            "Cũ nhất",
            "Khách cũ trước",
            "Oldest",
        ],
    ),
    (
        Order::Budget,
        &[
            "Ngân sách cao trước",
            "Largest budget first",
            "Ngân sách cao nhất trước",
            "Ngân sách lớn trước",
            "Ngân sách",
            "Budget",
        ],
    ),
    (
        Order::Sheet,
        &[
            "Theo bảng",
            "As in the sheet",
            "Theo thứ tự bảng",
            "Theo dòng",
            "Sheet",
        ],
    ),
];

/// What a word in a cell means, or what is to be written instead.
fn meaning<T: Copy>(meanings: &[Meaning<T>], text: &str) -> Result<T, Said> {
    let word = key(text);
    let all = || {
        meanings
            .iter()
            .flat_map(|(what, words)| words.iter().map(move |written| (*what, *written)))
    };
    if let Some((what, _)) = all().find(|(_, written)| key(written) == word) {
        return Ok(what);
    }
    let keys: Vec<(String, &str)> = all().map(|(_, written)| (key(written), written)).collect();
    let near = nearest(
        &word,
        keys.iter().map(|(key, written)| (key.as_str(), *written)),
    );
    let list = |place: usize| {
        let words: Vec<String> = meanings
            .iter()
            .map(|(_, words)| format!("“{}”", words[place]))
            .collect();
        words.join(", ")
    };
    Err(match near {
        Some(near) => Said::new(
            format!("Có phải ý bạn là “{near}”? Hãy sửa lại ô này"),
            format!("Did you mean “{near}”? Correct the cell"),
        ),
        None => Said::new(
            format!("Hãy ghi một trong các từ: {}", list(0)),
            format!("Write one of {}", list(1)),
        ),
    })
}

/// What the state cell asks for; an empty one is a draft.
///
/// # Errors
/// The mend for a word that means nothing.
pub(super) fn wanted(text: &str) -> Result<Wanted, Said> {
    if key(text).is_empty() {
        return Ok(Wanted::Draft);
    }
    meaning(STATES, text)
}

/// What the order cell asks for; an empty one is the newest first.
///
/// # Errors
/// The mend for a word that means nothing.
pub(super) fn order(text: &str) -> Result<Order, Said> {
    if key(text).is_empty() {
        return Ok(Order::Newest);
    }
    meaning(ORDERS, text)
}

impl Order {
    /// As people write it.
    pub fn said(self) -> Said {
        let words = ORDERS.iter().find(|(what, _)| *what == self);
        words.map_or_else(Said::default, |(_, words)| Said::new(words[0], words[1]))
    }
}

/// The words for the drop-down lists that `campaign init` makes, by column id.
pub fn choices(column: &str, vietnamese: bool) -> Vec<&'static str> {
    let place = usize::from(!vietnamese);
    match column {
        "state" => STATES
            .iter()
            .filter(|(what, _)| *what != Wanted::Done)
            .map(|(_, words)| words[place])
            .collect(),
        "order" => ORDERS.iter().map(|(_, words)| words[place]).collect(),
        "channel" => vec!["Email"],
        "ad" => vec![["Có", "Yes"][place], ["Không", "No"][place]],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_read_as_people_write_them() {
        for (text, state) in [
            ("", Wanted::Draft),
            (" – ", Wanted::Draft),
            ("sẵn sàng", Wanted::Ready),
            ("SAN SANG", Wanted::Ready),
            ("Gửi duyệt!", Wanted::Ready),
            ("tam dung", Wanted::Paused),
            ("Dừng", Wanted::Stopped),
            ("hủy", Wanted::Stopped),
            ("đã gửi", Wanted::Done),
        ] {
            assert_eq!(wanted(text), Ok(state), "{text}");
        }
        assert_eq!(
            wanted("Sẵng sàng").unwrap_err().vi,
            "Có phải ý bạn là “Sẵn sàng”? Hãy sửa lại ô này"
        );
        assert_eq!(
            wanted("để mai tính").unwrap_err().vi,
            "Hãy ghi một trong các từ: “Sẵn sàng”, “Đang soạn”, “Tạm dừng”, “Dừng”, “Đã gửi”"
        );
    }

    #[test]
    fn no_two_columns_share_a_header() {
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        for field in fields(&BTreeMap::new()) {
            assert!(is_column(&field.id), "{}", field.id);
            for header in &field.headers {
                let other = seen.insert(key(header), field.id.clone());
                assert!(other.is_none(), "{header}: {other:?} and {}", field.id);
            }
        }
    }

    #[test]
    fn words_of_one_list_have_one_meaning() {
        let mut seen = BTreeMap::new();
        for (what, words) in STATES {
            for word in *words {
                assert!(seen.insert(key(word), what).is_none(), "{word}");
            }
        }
        assert_eq!(
            choices("state", true),
            ["Sẵn sàng", "Đang soạn", "Tạm dừng", "Dừng"]
        );
    }
}
