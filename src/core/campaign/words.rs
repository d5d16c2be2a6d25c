//! The words of the campaign tab: its columns, and what staff write in the state, order and channel
//! cells. All are compared folded, so accents, case and punctuation do not matter.

mod columns;

use std::collections::BTreeMap;

use super::listing::nearest;
use super::problem::Said;
use super::{Order, Wanted};
use crate::core::sheet::fold::fold;
use crate::core::sheet::{FieldKind, FieldSpec};

pub use columns::{COLUMNS, ColumnWords};

/// A campaign has at most so many texts: the columns of groups are numbered from 2 to this.
pub const HIGHEST_GROUP: u32 = 4;

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
            format!("Có phải ý bạn là “{near}”? Hãy sửa lại ô này."),
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
            "Có phải ý bạn là “Sẵn sàng”? Hãy sửa lại ô này."
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
