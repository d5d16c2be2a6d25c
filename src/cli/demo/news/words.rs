//! The small words of the demo's log.

use serde_json::Value;

use crate::core::rule::Channel;

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
    fn words_for_people() {
        assert_eq!(role("managers:Hà Phạm").0, "quản lý");
        assert_eq!(role("owner+1").1, "the owner");
        assert_eq!(capital("thư"), "Thư");
        assert_eq!(cell(&serde_json::json!("a\nb"), "(trống)"), "“a b”");
        assert_eq!(cell(&Value::Null, "(trống)"), "(trống)");
    }
}
