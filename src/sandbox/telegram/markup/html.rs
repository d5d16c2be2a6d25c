//! The "HTML" parse mode: its own small language, not the web's. The sentences are TDLib's.

use super::{Builder, Kind, Marked, link};

const TAGS: [&str; 17] = [
    "a",
    "b",
    "strong",
    "i",
    "em",
    "s",
    "strike",
    "del",
    "u",
    "ins",
    "tg-spoiler",
    "tg-emoji",
    "span",
    "pre",
    "code",
    "blockquote",
    "tg-time",
];

/// An open tag.
struct Open {
    tag: String,
    argument: String,
    offset: usize,
    /// Where its text begins, for a link that is its own address.
    byte: usize,
}

/// A position in the input.
struct Input<'a> {
    text: &'a str,
    at: usize,
}

impl Input<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += letter.len_utf8();
        Some(letter)
    }

    fn skip_spaces(&mut self) {
        while self
            .peek()
            .is_some_and(|letter| letter.is_ascii_whitespace())
        {
            self.at += 1;
        }
    }

    /// The text up to the first letter that `ends` it.
    fn until(&mut self, ends: impl Fn(char) -> bool) -> String {
        let rest = self.rest();
        let length = rest.find(ends).unwrap_or(rest.len());
        let taken = rest[..length].to_owned();
        self.at += length;
        taken
    }

    /// A character reference such as `&lt;` at this place, if it is one that counts.
    fn reference(&mut self) -> Option<char> {
        let rest = self.rest().strip_prefix('&')?;
        let length = rest
            .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '#')
            .unwrap_or(rest.len());
        let name = &rest[..length];
        let letter = match name {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            _ => number(name)?,
        };
        let semicolon = usize::from(rest[length..].starts_with(';'));
        self.at += 1 + length + semicolon;
        Some(letter)
    }
}

fn number(name: &str) -> Option<char> {
    let digits = name.strip_prefix('#')?;
    let code = match digits.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    char::from_u32(code).filter(|letter| *letter != '\0')
}

/// Reads the mode "HTML".
pub(super) fn read(text: &str) -> Result<Marked, String> {
    let mut input = Input { text, at: 0 };
    let mut out = Builder::default();
    let mut open: Vec<Open> = Vec::new();
    while let Some(letter) = input.peek() {
        match letter {
            '&' => match input.reference() {
                Some(decoded) => out.push(decoded),
                None => {
                    input.at += 1;
                    out.push('&');
                }
            },
            '<' if input.rest().starts_with("</") => {
                let tag = end_tag(&mut input, &mut open)?;
                close(&mut out, &tag);
            }
            '<' => {
                let (tag, argument) = start_tag(&mut input)?;
                open.push(Open {
                    tag,
                    argument,
                    offset: out.at,
                    byte: out.text.len(),
                });
            }
            _ => {
                input.next();
                out.push(letter);
            }
        }
    }
    if let Some(left) = open.last() {
        return Err(format!(
            "Can't find end tag corresponding to start tag \"{}\"",
            left.tag
        ));
    }
    let mut marked = out.finish();
    join_pre_and_code(&mut marked);
    Ok(marked)
}

fn end_tag(input: &mut Input<'_>, open: &mut Vec<Open>) -> Result<Open, String> {
    let begin = input.at;
    let Some(top) = open.pop() else {
        return Err(format!("Unexpected end tag at byte offset {begin}"));
    };
    input.at += 2;
    let name = input.until(|letter| letter.is_ascii_whitespace() || letter == '>');
    input.skip_spaces();
    if input.next() != Some('>') {
        return Err(format!("Unclosed end tag at byte offset {begin}"));
    }
    let name = name.to_ascii_lowercase();
    if !name.is_empty() && name != top.tag {
        return Err(format!(
            "Unmatched end tag at byte offset {begin}, expected \"</{}>\", found \"</{name}>\"",
            top.tag
        ));
    }
    Ok(top)
}

/// The tag's name and the one attribute of it that matters.
fn start_tag(input: &mut Input<'_>) -> Result<(String, String), String> {
    let begin = input.at;
    input.at += 1;
    let tag = input
        .until(|letter| letter.is_ascii_whitespace() || letter == '>')
        .to_ascii_lowercase();
    if input.peek().is_none() {
        return Err(format!("Unclosed start tag at byte offset {begin}"));
    }
    if !TAGS.contains(&tag.as_str()) {
        return Err(format!(
            "Unsupported start tag \"{tag}\" at byte offset {begin}"
        ));
    }
    let mut argument = String::new();
    loop {
        input.skip_spaces();
        match input.peek() {
            None => {
                return Err(format!(
                    "Unclosed start tag \"{tag}\" at byte offset {begin}"
                ));
            }
            Some('>') => break,
            Some(_) => {}
        }
        let name = input
            .until(|letter| letter.is_ascii_whitespace() || letter == '=' || letter == '>')
            .to_ascii_lowercase();
        if name.is_empty() {
            return Err(format!(
                "Empty attribute name in the tag \"{tag}\" at byte offset {begin}"
            ));
        }
        input.skip_spaces();
        let value = if input.peek() == Some('=') {
            input.at += 1;
            value(input, &tag, begin)?
        } else {
            String::new()
        };
        match (tag.as_str(), name.as_str()) {
            ("a", "href") | ("tg-emoji", "emoji-id") => argument = value,
            ("code", "class") => {
                argument = value
                    .strip_prefix("language-")
                    .unwrap_or_default()
                    .to_owned()
            }
            ("span", "class") if value.starts_with("tg-") => {
                argument = value["tg-".len()..].to_owned()
            }
            ("blockquote", "expandable") => "expandable".clone_into(&mut argument),
            _ => {}
        }
    }
    input.at += 1;
    if tag == "span" && argument != "spoiler" {
        return Err(format!(
            "Tag \"span\" must have class \"tg-spoiler\" at byte offset {begin}"
        ));
    }
    if tag == "tg-emoji"
        && (argument.is_empty() || !argument.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return Err("Invalid custom emoji identifier specified".to_owned());
    }
    Ok((tag, argument))
}

fn value(input: &mut Input<'_>, tag: &str, begin: usize) -> Result<String, String> {
    input.skip_spaces();
    let Some(quote) = input.peek() else {
        return Err(format!(
            "Unclosed start tag \"{tag}\" at byte offset {begin}"
        ));
    };
    if quote != '"' && quote != '\'' {
        let token = input.at;
        let value =
            input.until(|letter| !letter.is_ascii_alphanumeric() && letter != '.' && letter != '-');
        return match input.peek() {
            Some(letter) if letter.is_ascii_whitespace() || letter == '>' => Ok(value),
            _ => Err(format!(
                "Unexpected end of name token at byte offset {token}"
            )),
        };
    }
    input.at += 1;
    let mut value = String::new();
    loop {
        match input.peek() {
            None => return Err(format!("Unclosed start tag at byte offset {begin}")),
            Some('&') => match input.reference() {
                Some(decoded) => value.push(decoded),
                None => {
                    input.at += 1;
                    value.push('&');
                }
            },
            Some(letter) => {
                input.next();
                if letter == quote {
                    return Ok(value);
                }
                value.push(letter);
            }
        }
    }
}

fn close(out: &mut Builder, open: &Open) {
    let kind = match open.tag.as_str() {
        "b" | "strong" => Kind::Bold,
        "i" | "em" => Kind::Italic,
        "s" | "strike" | "del" => Kind::Strikethrough,
        "u" | "ins" => Kind::Underline,
        "tg-spoiler" | "span" => Kind::Spoiler,
        "blockquote" if open.argument == "expandable" => Kind::ExpandableBlockquote,
        "blockquote" => Kind::Blockquote,
        "pre" => Kind::Pre,
        "code" => Kind::Code,
        "tg-emoji" => Kind::CustomEmoji,
        "a" => Kind::TextLink,
        // "tg-time" shows a moment in the reader's own zone: its text is shown as it is.
        _ => return,
    };
    // Without a href the text is the address; an address that is none leaves plain text.
    let url = if kind == Kind::TextLink {
        let address = if open.argument.is_empty() {
            &out.text[open.byte..]
        } else {
            &open.argument
        };
        match link(address) {
            Some(url) => Some(url),
            None => return,
        }
    } else {
        None
    };
    let Some(entity) = out.mark(kind, open.offset) else {
        return;
    };
    entity.url = url;
    match kind {
        Kind::CustomEmoji => entity.custom_emoji_id = Some(open.argument.clone()),
        Kind::Code if !open.argument.is_empty() => entity.language = Some(open.argument.clone()),
        _ => {}
    }
}

/// `<pre><code class="language-x">` is one block with a language; a language elsewhere is forgotten.
fn join_pre_and_code(marked: &mut Marked) {
    let blocks: Vec<(usize, usize, String)> = marked
        .entities
        .iter()
        .filter_map(|code| Some((code.offset, code.length, code.language.clone()?)))
        .collect();
    for entity in &mut marked.entities {
        entity.language = None;
    }
    for (offset, length, language) in blocks {
        let same = |kind: Kind| {
            move |entity: &super::Entity| {
                entity.kind == kind && (entity.offset, entity.length) == (offset, length)
            }
        };
        if let Some(pre) = marked.entities.iter().position(same(Kind::Pre)) {
            marked.entities[pre].language = Some(language);
            if let Some(code) = marked.entities.iter().position(same(Kind::Code)) {
                marked.entities.remove(code);
            }
        }
    }
}
