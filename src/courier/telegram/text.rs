//! What is left of Telegram's HTML when it is shown: for lengths, and for the second try after "can't parse entities".

/// The text without tags, its entities resolved.
pub(super) fn plain(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (shown, length) = if rest.starts_with('<') {
            tag(rest)
        } else {
            entity(rest)
        };
        out.push_str(&shown);
        rest = &rest[length..];
    }
    out.push_str(rest);
    out
}

/// How long Telegram takes it to be: UTF-16 units after parsing.
pub(super) fn shown_units(html: &str) -> usize {
    plain(html).encode_utf16().count()
}

/// A `<` that opens or closes a tag vanishes with it; any other is a character.
fn tag(rest: &str) -> (String, usize) {
    let is_tag = rest[1..]
        .chars()
        .next()
        .is_some_and(|letter| letter.is_ascii_alphabetic() || letter == '/');
    match rest.find('>') {
        Some(end) if is_tag => (String::new(), end + 1),
        _ => ("<".to_owned(), 1),
    }
}

/// The four named entities Telegram knows, and numbers; any other `&` is a character.
fn entity(rest: &str) -> (String, usize) {
    let Some(end) = rest.find(';').filter(|end| *end <= 10) else {
        return ("&".to_owned(), 1);
    };
    let name = &rest[1..end];
    let letter = match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        _ => name.strip_prefix('#').and_then(|number| {
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok(),
                None => number.parse().ok(),
            };
            code.and_then(char::from_u32)
        }),
    };
    letter.map_or(("&".to_owned(), 1), |letter| (letter.to_string(), end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown() {
        for (html, shown) in [
            ("<b>Chị Thu</b> &amp; anh Minh", "Chị Thu & anh Minh"),
            ("<a href=\"https://x.vn/?a=1&amp;b=2\">mở</a>", "mở"),
            ("3 < 5 & 7 > 2", "3 < 5 & 7 > 2"),
            (
                "&lt;b&gt; &quot;x&quot; &#8363; &#x1F3E0;",
                "<b> \"x\" ₫ 🏠",
            ),
            ("<b>không đóng", "không đóng"),
            ("cuối <", "cuối <"),
            ("&nbsp; &", "&nbsp; &"),
        ] {
            assert_eq!(plain(html), shown);
        }
        assert_eq!(shown_units("<b>🏠</b>ấ"), 3);
    }
}
