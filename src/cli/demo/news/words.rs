//! The small words of the demo's log.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::core::rule::Channel;

/// The verdict on an edit in Vietnamese, from its English text: `sorted by name, edited 2 cells`.
/// What is not known stays as it is.
pub(crate) fn edit(english: &str, headers: &BTreeMap<String, String>) -> String {
    let whole = english.replace(", descending", " descending");
    let parts: Vec<String> = whole
        .split(", ")
        .map(|part| edit_part(part, headers))
        .collect();
    parts.join(", ")
}

fn edit_part(part: &str, headers: &BTreeMap<String, String>) -> String {
    if let Some(field) = part.strip_prefix("sorted by ") {
        let (field, way) = match field.strip_suffix(" descending") {
            Some(field) => (field, " từ lớn đến nhỏ"),
            None => (field, ""),
        };
        return format!(
            "sắp xếp theo {}{way}",
            headers.get(field).map_or(field, String::as_str)
        );
    }
    let number: String = part.chars().filter(char::is_ascii_digit).collect();
    let pattern = if number.is_empty() {
        part.to_owned()
    } else {
        part.replace(&number, "#")
    };
    let known = match pattern.as_str() {
        "sorted" => "sắp xếp lại",
        "cleared # rows" | "cleared # row" => "xoá trắng # dòng",
        "moved # rows" | "moved # row" => "kéo # dòng sang chỗ khác",
        "# rows came from other tabs" | "# row came from other tabs" => {
            "# dòng chuyển từ trang khác sang"
        }
        "# rows went to other tabs" | "# row went to other tabs" => "# dòng chuyển sang trang khác",
        "inserted # rows" | "inserted # row" => "thêm # dòng",
        "pasted # rows" | "pasted # row" => "dán # dòng",
        "# rows returned" | "# row returned" => "# khách trở lại",
        "deleted # rows" | "deleted # row" => "xoá # dòng",
        "edited # cells" | "edited # cell" => "sửa # ô",
        "# ambiguous rows" | "# ambiguous row" => "# dòng chưa chắc cùng khách",
        "re-pasted" => "dán lại dữ liệu cũ",
        "re-typed" => "gõ lại dữ liệu cũ",
        "column moved" => "dời cột",
        "header renamed" => "đổi tiêu đề cột",
        _ => return part.to_owned(),
    };
    known.replace('#', &number)
}

/// A kind of event, after its number, in Vietnamese and English.
pub(crate) fn event(kind: &str) -> (&str, &str) {
    match kind {
        "added" => ("khách mới", "new"),
        "changed" => ("khách có thay đổi", "changed"),
        "removed" => ("khách bị xoá", "removed"),
        "returned" => ("khách trở lại", "returned"),
        other => (other, other),
    }
}

/// What goes by a channel.
pub(crate) fn channel(channel: Channel) -> (&'static str, &'static str) {
    match channel {
        Channel::Email => ("thư", "mail"),
        Channel::Telegram => ("tin Telegram", "Telegram message"),
    }
}

/// The role in a message's key.
pub(crate) fn role(role: &str) -> (&str, &str) {
    match role.split([':', '+']).next().unwrap_or_default() {
        "customer" => ("khách", "the customer"),
        "owner" => ("nhân viên phụ trách", "the owner"),
        "managers" => ("quản lý", "a manager"),
        _ => ("đồng nghiệp", "a colleague"),
    }
}

/// A cell for people.
pub(crate) fn cell(value: &Value, empty: &str) -> String {
    match value {
        Value::Null => empty.to_owned(),
        Value::String(text) if text.trim().is_empty() => empty.to_owned(),
        Value::String(text) => format!(
            "“{}”",
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        ),
        other => other.to_string(),
    }
}

/// The same with a capital at its beginning.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_reads_as_a_colleague_would_say_it() {
        let headers = [("name".to_owned(), "Họ tên".to_owned())].into();
        let check =
            |english: &str, vietnamese: &str| assert_eq!(edit(english, &headers), vietnamese);
        check("sorted by name", "sắp xếp theo Họ tên");
        check(
            "sorted by name, descending, edited 1 cell",
            "sắp xếp theo Họ tên từ lớn đến nhỏ, sửa 1 ô",
        );
        check("cleared 300 rows", "xoá trắng 300 dòng");
        check(
            "inserted 1 row, 2 ambiguous rows",
            "thêm 1 dòng, 2 dòng chưa chắc cùng khách",
        );
        check("sorted, column moved", "sắp xếp lại, dời cột");
        check("something new", "something new");
    }

    #[test]
    fn words_for_people() {
        assert_eq!(role("managers:Hà Phạm").0, "quản lý");
        assert_eq!(role("owner+1").1, "the owner");
        assert_eq!(capital("thư"), "Thư");
        assert_eq!(cell(&serde_json::json!("a\nb"), "(trống)"), "“a b”");
        assert_eq!(cell(&Value::Null, "(trống)"), "(trống)");
    }
}
