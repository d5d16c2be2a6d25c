//! Telegram messages: markup checked against what Telegram knows, split at 4096 UTF-16 units, and
//! buttons read from their file. Sending, and what a button does, is the bot's.

use std::collections::BTreeMap;

use super::engine::Facts;
use minijinja::Environment;
use serde::{Deserialize, Serialize};

use super::{RenderError, buttons_file, chat_file, engine};

/// Longest message in UTF-16 units after parsing (Bot API, `sendMessage`).
pub const MAX_UNITS: usize = 4096;

/// Tags of Telegram's HTML (Bot API, "HTML style"); anything else makes it refuse the whole message.
const TAGS: &[&str] = &[
    "b",
    "strong",
    "i",
    "em",
    "u",
    "ins",
    "s",
    "strike",
    "del",
    "a",
    "code",
    "pre",
    "blockquote",
    "tg-spoiler",
    "span",
    "tg-emoji",
];

/// A rendered Telegram message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatText {
    /// The text in Telegram's HTML, each part at most [`MAX_UNITS`] and with its tags closed. Never empty.
    pub parts: Vec<String>,
    /// Rows of buttons, for the last part.
    pub buttons: Vec<Vec<Button>>,
}

impl ChatText {
    /// The whole text, parts joined.
    pub fn html(&self) -> String {
        self.parts.join("\n\n")
    }

    /// The whole text without markup, for a mail, or when Telegram cannot parse the entities.
    pub fn plain(&self) -> String {
        plain(&self.html())
    }
}

/// One button under a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// What it says.
    pub label: String,
    /// What it does.
    pub kind: ButtonKind,
}

/// What a button does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ButtonKind {
    /// Opens an address.
    Url(String),
    /// Tells the bot; it makes the callback data of the name and the message's key.
    Action {
        /// `done`, `later`, `send-now`, …
        name: String,
    },
    /// Copies a text.
    Copy(String),
}

/// Renders text and buttons.
pub(super) fn render(
    env: &Environment<'static>,
    sources: &BTreeMap<String, String>,
    name: &str,
    facts: &Facts,
) -> Result<ChatText, RenderError> {
    let file = chat_file(name);
    let text = tidy(&engine::render(env, &file, facts)?);
    if text.is_empty() {
        return Err(RenderError::new(&file, None, "the message is empty".into()));
    }
    let tokens = read(&text).map_err(|(line, what)| RenderError::new(&file, line, what))?;
    let file = buttons_file(name);
    let buttons = match sources.contains_key(&file) {
        true => rows(&engine::render(env, &file, facts)?)
            .map_err(|what| RenderError::new(&file, None, what))?,
        false => Vec::new(),
    };
    Ok(ChatText {
        parts: split(&tokens, MAX_UNITS),
        buttons,
    })
}

/// No spaces at line ends, no more than one empty line, none at the ends.
pub(super) fn tidy(text: &str) -> String {
    let mut out = String::new();
    let mut empty = 0;
    for line in text.lines() {
        let line = line.trim_end();
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty > 1 {
            continue;
        }
        out.push_str(line);
        out.push('\n');
    }
    out.trim_matches('\n').to_owned()
}

/// A piece of Telegram HTML: a tag, or one letter or entity.
#[derive(Clone, Debug, PartialEq)]
enum Token<'a> {
    Open { name: &'a str, written: &'a str },
    Close { written: &'a str },
    Letter { written: &'a str, units: usize },
}

/// Reads and checks markup: only Telegram's tags, each closed, in order.
fn read(html: &str) -> Result<Vec<Token<'_>>, (Option<usize>, String)> {
    let mut tokens = Vec::new();
    let mut open: Vec<&str> = Vec::new();
    let mut at = 0;
    while let Some(letter) = html[at..].chars().next() {
        let rest = &html[at..];
        let length = match letter {
            '<' => {
                let length = rest.find('>').map(|end| end + 1).ok_or((
                    None,
                    "a `<` without `>`; write &lt; for the sign".to_owned(),
                ))?;
                let written = &rest[..length];
                let inner = written[1..length - 1].trim();
                let name = inner.trim_start_matches('/');
                let name = name.split_whitespace().next().unwrap_or_default();
                if !TAGS.contains(&name) {
                    return Err((
                        None,
                        format!(
                            "Telegram has no tag {written}; it knows b, i, u, s, a, code, pre, blockquote and tg-spoiler"
                        ),
                    ));
                }
                if inner.starts_with('/') {
                    if open.pop() != Some(name) {
                        return Err((None, format!("{written} closes what was not opened last")));
                    }
                    tokens.push(Token::Close { written });
                } else {
                    open.push(name);
                    tokens.push(Token::Open { name, written });
                }
                length
            }
            '&' => {
                let length = rest
                    .find(';')
                    .filter(|end| *end <= 8)
                    .map_or(1, |end| end + 1);
                let written = &rest[..length];
                tokens.push(Token::Letter {
                    written,
                    units: entity(written).len_utf16(),
                });
                length
            }
            letter => {
                let length = letter.len_utf8();
                tokens.push(Token::Letter {
                    written: &rest[..length],
                    units: letter.len_utf16(),
                });
                length
            }
        };
        at += length;
    }
    match open.last() {
        None => Ok(tokens),
        Some(name) => Err((None, format!("<{name}> is not closed"))),
    }
}

/// The letter that an entity stands for.
fn entity(written: &str) -> char {
    let inner = written.trim_start_matches('&').trim_end_matches(';');
    match inner {
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "amp" | "" => '&',
        _ => {
            let number =
                inner
                    .strip_prefix('#')
                    .and_then(|number| match number.strip_prefix(['x', 'X']) {
                        Some(hex) => u32::from_str_radix(hex, 16).ok(),
                        None => number.parse().ok(),
                    });
            number.and_then(char::from_u32).unwrap_or('&')
        }
    }
}

/// Whether every tag that is opened in a piece of HTML is closed in it.
pub(super) fn is_whole(html: &str) -> bool {
    read(html).is_ok()
}

/// Markup taken out, entities as letters.
pub(super) fn plain(html: &str) -> String {
    match read(html) {
        Ok(tokens) => tokens
            .iter()
            .filter_map(|token| match token {
                Token::Letter { written, .. } if written.len() > 1 && written.starts_with('&') => {
                    Some(entity(written).to_string())
                }
                Token::Letter { written, .. } => Some((*written).to_owned()),
                _ => None,
            })
            .collect(),
        Err(_) => html.to_owned(),
    }
}

/// Cuts at the last empty line that fits, else at a line, else at a space, else anywhere; tags that
/// are open at a cut are closed before it and opened again behind it.
fn split(tokens: &[Token<'_>], limit: usize) -> Vec<String> {
    let mut parts = Vec::new();
    let mut open: Vec<(&str, &str)> = Vec::new();
    let mut start = 0;
    while start < tokens.len() {
        let end = cut(tokens, start, limit);
        let mut part: String = open.iter().map(|(_, written)| *written).collect();
        for token in &tokens[start..end] {
            match token {
                Token::Open { name, written } => {
                    open.push((name, written));
                    part.push_str(written);
                }
                Token::Close { written } => {
                    open.pop();
                    part.push_str(written);
                }
                Token::Letter { written, .. } => part.push_str(written),
            }
        }
        let body = part.trim_end_matches('\n').len();
        part.truncate(body);
        for (name, _) in open.iter().rev() {
            part.push_str(&format!("</{name}>"));
        }
        if !part.is_empty() {
            parts.push(part);
        }
        start = end;
        while matches!(tokens.get(start), Some(Token::Letter { written, .. }) if matches!(*written, "\n" | " "))
        {
            start += 1;
        }
    }
    parts
}

/// Where the part that begins at `start` ends (exclusive).
fn cut(tokens: &[Token<'_>], start: usize, limit: usize) -> usize {
    let mut units = 0;
    let (mut paragraph, mut line, mut space) = (None, None, None);
    for (place, token) in tokens.iter().enumerate().skip(start) {
        let Token::Letter {
            written,
            units: wide,
        } = token
        else {
            continue;
        };
        if units + wide > limit {
            // A paragraph that ends early would make many small messages of one long list.
            let early = |place: &usize| *place > start + (limit / 2).min(place - start);
            return paragraph
                .filter(early)
                .or(line)
                .or(paragraph)
                .or(space)
                .unwrap_or(place);
        }
        units += wide;
        let after_newline = place > start
            && matches!(&tokens[place - 1], Token::Letter { written, .. } if *written == "\n");
        match *written {
            "\n" if after_newline => paragraph = Some(place + 1),
            "\n" => line = Some(place + 1),
            " " => space = Some(place + 1),
            _ => {}
        }
    }
    tokens.len()
}

/// What stands for the signs that make up a button, in a text that is to be copied.
const SHIELDED: [(char, char); 5] = [
    ('\n', '\u{E010}'),
    ('[', '\u{E011}'),
    (']', '\u{E012}'),
    ('(', '\u{E013}'),
    (')', '\u{E014}'),
];

/// Longest text that a button copies (Bot API, `CopyTextButton`).
const LONGEST_COPY: usize = 256;

/// A text as a button can carry it: no empty line at its ends, and at most so long as Telegram takes.
pub(super) fn copyable(text: &str) -> String {
    let text = tidy(text);
    let (letters, units) = (text.chars().count(), text.encode_utf16().count());
    let text = match units > LONGEST_COPY {
        // The ellipsis is one more.
        true => {
            let most = LONGEST_COPY.saturating_sub(1 + units - letters);
            super::filters::shorten(&text, most)
        }
        false => text,
    };
    let shield = |letter: char| {
        let known = SHIELDED.iter().find(|(sign, _)| *sign == letter);
        known.map_or(letter, |(_, stands)| *stands)
    };
    text.chars().map(shield).collect()
}

fn unshielded(text: &str) -> String {
    let sign = |letter: char| {
        let known = SHIELDED.iter().find(|(_, stands)| *stands == letter);
        known.map_or(letter, |(sign, _)| *sign)
    };
    text.chars().map(sign).collect()
}

/// Reads the rendered file of buttons: a line is a row, `[label](target)` is a button.
fn rows(text: &str) -> Result<Vec<Vec<Button>>, String> {
    let mut rows = Vec::new();
    for line in text.lines() {
        let mut row = Vec::new();
        let mut rest = line.trim();
        while !rest.is_empty() {
            let (label, behind) = rest
                .strip_prefix('[')
                .and_then(|rest| rest.split_once("]("))
                .ok_or_else(|| form(line))?;
            let (target, behind) = behind.split_once(')').ok_or_else(|| form(line))?;
            row.push(button(label.trim(), target.trim())?);
            rest = behind.trim_start();
        }
        match row.len() {
            0 => {}
            1..=8 => rows.push(row),
            many => {
                return Err(format!(
                    "{many} buttons in one row; Telegram shows at most 8"
                ));
            }
        }
    }
    Ok(rows)
}

fn form(line: &str) -> String {
    format!(
        "`{}` is no row of buttons; write [label](https://…), [label](action:NAME) or [label](copy:TEXT)",
        line.trim()
    )
}

fn button(label: &str, target: &str) -> Result<Button, String> {
    if label.is_empty() {
        return Err(format!("the button for `{target}` has no label"));
    }
    let kind = if let Some(name) = target.strip_prefix("action:") {
        let fits =
            |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        if name.is_empty() || name.len() > 20 || !name.chars().all(fits) {
            return Err(format!(
                "`{name}` is no name of an action: a-z, 0-9 and -, at most 20"
            ));
        }
        ButtonKind::Action {
            name: name.to_owned(),
        }
    } else if let Some(text) = target.strip_prefix("copy:") {
        if text.is_empty() || text.chars().count() > LONGEST_COPY {
            return Err(format!("the button `{label}` must copy 1 to 256 letters"));
        }
        ButtonKind::Copy(unshielded(text))
    } else if ["https://", "http://", "tg://"]
        .iter()
        .any(|scheme| target.starts_with(scheme))
    {
        ButtonKind::Url(target.to_owned())
    } else {
        return Err(format!(
            "the button `{label}` has the target `{target}`; Telegram opens https:// and tg:// only, and a phone number can be copied: copy:0901234567"
        ));
    };
    Ok(Button {
        label: label.to_owned(),
        kind,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(html: &str) -> usize {
        plain(html).encode_utf16().count()
    }

    #[test]
    fn long_texts_are_cut_between_lines_with_their_tags_closed() {
        let list: String = (0..300)
            .map(|n| format!("• <a href=\"https://a.example/{n}\">Nguyễn Văn {n}</a> &amp; bạn\n"))
            .collect();
        let html = format!("<b>Danh sách</b>\n\n<i>{list}</i>");
        let parts = split(&read(&html).unwrap(), MAX_UNITS);
        assert!(parts.len() > 1);
        for part in &parts {
            assert!(units(part) <= MAX_UNITS);
            assert!(read(part).is_ok(), "{part}");
        }
        let together: String = parts.iter().map(|part| plain(part) + "\n").collect();
        assert_eq!(together.matches("Nguyễn").count(), 300);
    }

    #[test]
    fn units_are_those_of_utf16_after_parsing() {
        let parts = split(&read("😀😀😀 &lt;&#39;x").unwrap(), 6);
        assert_eq!(parts, ["😀😀😀", "&lt;&#39;x"]);
        let parts = split(&read("aaaaaaaaaa").unwrap(), 4);
        assert_eq!(parts, ["aaaa", "aaaa", "aa"]);
        let parts = split(&read("một hai\n\nba bốn\nnăm").unwrap(), 16);
        assert_eq!(parts, ["một hai", "ba bốn\nnăm"]);
    }

    #[test]
    fn markup_that_telegram_refuses_is_found_here() {
        for (html, error) in [
            ("<p>x</p>", "Telegram has no tag <p>"),
            ("<b>x", "<b> is not closed"),
            ("<b><i>x</b></i>", "</b> closes what was not opened last"),
            ("1 < 2", "a `<` without `>`"),
        ] {
            let (_, what) = read(html).unwrap_err();
            assert!(what.contains(error), "{html}: {what}");
        }
    }

    #[test]
    fn buttons_are_read_by_rows() {
        let rows = rows("[💬 Zalo](https://zalo.me/84901234567) [📋 Số](copy:+84901234567)\n\n[✅ Xong](action:done)").unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0][1].kind, ButtonKind::Copy("+84901234567".into()));
        assert_eq!(
            rows[1][0].kind,
            ButtonKind::Action {
                name: "done".into()
            }
        );
        for (text, error) in [
            ("Zalo https://zalo.me", "is no row of buttons"),
            ("[Gọi](tel:+84901234567)", "can be copied: copy:"),
            ("[x](action:Gửi ngay)", "no name of an action"),
            ("[](action:done)", "no label"),
            ("[x](copy:)", "1 to 256"),
        ] {
            let what = super::rows(text).unwrap_err();
            assert!(what.contains(error), "{text}: {what}");
        }
    }
}
