//! The parse modes "MarkdownV2" and the older "Markdown". The sentences are TDLib's.

use super::{Builder, Kind, Marked, link};

/// What must be escaped when it opens nothing.
const RESERVED: &str = "]()>#+-=|{}.!";

/// Something open.
struct Open {
    what: What,
    offset: usize,
    byte: usize,
    text_byte: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum What {
    Mark(Kind),
    Link,
    Emoji,
}

impl What {
    fn name(self) -> &'static str {
        match self {
            Self::Mark(Kind::Bold) => "Bold",
            Self::Mark(Kind::Italic) => "Italic",
            Self::Mark(Kind::Underline) => "Underline",
            Self::Mark(Kind::Strikethrough) => "Strikethrough",
            Self::Mark(Kind::Spoiler) => "Spoiler",
            Self::Mark(_) | Self::Link => "TextUrl",
            Self::Emoji => "CustomEmoji",
        }
    }
}

fn unended(open: &Open) -> String {
    format!(
        "Can't find end of {} entity at byte offset {}",
        open.what.name(),
        open.byte
    )
}

/// A block quotation under way.
struct Quote {
    offset: usize,
    expandable: bool,
    /// How many entities were open when it began: those of its own must end in it.
    depth: usize,
}

struct V2<'a> {
    text: &'a str,
    at: usize,
    out: Builder,
    open: Vec<Open>,
    quote: Option<Quote>,
}

/// Reads the mode "MarkdownV2".
pub(super) fn read_v2(text: &str) -> Result<Marked, String> {
    let mut reader = V2 {
        text,
        at: 0,
        out: Builder::default(),
        open: Vec::new(),
        quote: None,
    };
    while reader.at < text.len() {
        reader.line_start()?;
        reader.step()?;
    }
    reader.end_quote()?;
    match reader.open.last() {
        Some(open) => Err(unended(open)),
        None => Ok(reader.out.finish()),
    }
}

impl V2<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// Opens, goes on with, or ends a quotation where a line begins.
    fn line_start(&mut self) -> Result<(), String> {
        if self.at > 0 && !self.text[..self.at].ends_with('\n') {
            return Ok(());
        }
        if self.rest().starts_with("**>") {
            self.end_quote()?;
            self.begin_quote(true);
            self.at += 3;
        } else if self.rest().starts_with('>') {
            if self.quote.is_none() {
                self.begin_quote(false);
            }
            self.at += 1;
        } else {
            self.end_quote()?;
        }
        Ok(())
    }

    fn begin_quote(&mut self, expandable: bool) {
        self.quote = Some(Quote {
            offset: self.out.at,
            expandable,
            depth: self.open.len(),
        });
    }

    fn end_quote(&mut self) -> Result<(), String> {
        let Some(quote) = self.quote.take() else {
            return Ok(());
        };
        if let Some(open) = self.open.get(quote.depth..).and_then(<[Open]>::last) {
            return Err(unended(open));
        }
        let kind = if quote.expandable {
            Kind::ExpandableBlockquote
        } else {
            Kind::Blockquote
        };
        let line_end = usize::from(self.out.text.ends_with('\n'));
        if let Some(entity) = self.out.mark(kind, quote.offset) {
            entity.length -= line_end;
        }
        self.out.entities.retain(|entity| entity.length > 0);
        Ok(())
    }

    fn step(&mut self) -> Result<(), String> {
        let Some(letter) = self.rest().chars().next() else {
            return Ok(());
        };
        let next = self.rest().chars().nth(1);
        match (letter, next) {
            ('\\', Some(escaped)) if escaped.is_ascii() => {
                self.out.push(escaped);
                self.at += 2;
            }
            ('_', Some('_')) => self.toggle(Kind::Underline, 2),
            ('_', _) => self.toggle(Kind::Italic, 1),
            ('*', _) => self.toggle(Kind::Bold, 1),
            ('~', _) => self.toggle(Kind::Strikethrough, 1),
            ('|', Some('|')) => self.bars(),
            ('`', _) => self.code()?,
            ('[', _) => self.begin(What::Link, 1),
            ('!', Some('[')) => self.begin(What::Emoji, 2),
            (']', _) if matches!(self.open.last(), Some(open) if open.what == What::Link || open.what == What::Emoji) =>
            {
                self.end_link()?;
            }
            (reserved, _) if RESERVED.contains(reserved) => {
                return Err(format!(
                    "Character '{reserved}' is reserved and must be escaped with the preceding '\\'"
                ));
            }
            (letter, _) => {
                self.out.push(letter);
                self.at += letter.len_utf8();
            }
        }
        Ok(())
    }

    fn begin(&mut self, what: What, width: usize) {
        self.open.push(Open {
            what,
            offset: self.out.at,
            byte: self.at,
            text_byte: self.out.text.len(),
        });
        self.at += width;
    }

    fn toggle(&mut self, kind: Kind, width: usize) {
        match self.open.pop_if(|open| open.what == What::Mark(kind)) {
            Some(open) => {
                self.out.mark(kind, open.offset);
                self.at += width;
            }
            None => self.begin(What::Mark(kind), width),
        }
    }

    /// `||` is a spoiler, or makes a quotation expandable when it ends it.
    fn bars(&mut self) {
        let spoiler_open = self
            .open
            .last()
            .is_some_and(|open| open.what == What::Mark(Kind::Spoiler));
        let after = &self.rest()[2..];
        let ends = after.is_empty() || (after.starts_with('\n') && !after.starts_with("\n>"));
        match &mut self.quote {
            Some(quote) if ends && !spoiler_open => {
                quote.expandable = true;
                self.at += 2;
            }
            _ => self.toggle(Kind::Spoiler, 2),
        }
    }

    fn code(&mut self) -> Result<(), String> {
        let begin = self.at;
        let block = self.rest().starts_with("```");
        let fence = if block { "```" } else { "`" };
        self.at += fence.len();
        let mut language = None;
        let mut name = if block { "Pre" } else { "Code" };
        if block {
            let word: String = self
                .rest()
                .chars()
                .take_while(|letter| !letter.is_whitespace() && *letter != '`')
                .collect();
            if !word.is_empty() && self.rest()[word.len()..].starts_with(char::is_whitespace) {
                self.at += word.len();
                language = Some(word);
                name = "PreCode";
            }
            if self.rest().starts_with('\n') {
                self.at += 1;
            }
        }
        let offset = self.out.at;
        loop {
            let rest = self.rest();
            if rest.starts_with(fence) {
                self.at += fence.len();
                break;
            }
            let mut letters = rest.chars();
            let letter = match (letters.next(), letters.next()) {
                (None, _) => {
                    return Err(format!(
                        "Can't find end of {name} entity at byte offset {begin}"
                    ));
                }
                (Some('\\'), Some(escaped)) if escaped.is_ascii() => {
                    self.at += 1;
                    escaped
                }
                (Some(letter), _) => letter,
            };
            self.out.push(letter);
            self.at += letter.len_utf8();
        }
        let kind = if block { Kind::Pre } else { Kind::Code };
        if let Some(entity) = self.out.mark(kind, offset) {
            entity.language = language;
        }
        Ok(())
    }

    fn end_link(&mut self) -> Result<(), String> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        self.at += 1;
        let mut address = None;
        if self.rest().starts_with('(') {
            let begin = self.at + 1;
            let (url, length) = url(&self.rest()[1..]).ok_or_else(|| match open.what {
                What::Emoji => {
                    format!("Can't find end of a custom emoji URL at byte offset {begin}")
                }
                What::Link | What::Mark(_) => {
                    format!("Can't find end of a URL at byte offset {begin}")
                }
            })?;
            self.at += 1 + length;
            address = Some(url);
        }
        if open.what == What::Emoji {
            let id = address
                .as_deref()
                .and_then(|url| url.strip_prefix("tg://emoji?id="))
                .filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()))
                .ok_or("Custom emoji entity must contain a tg://emoji URL")?;
            if let Some(entity) = self.out.mark(Kind::CustomEmoji, open.offset) {
                entity.custom_emoji_id = Some(id.to_owned());
            }
            return Ok(());
        }
        let address = address.unwrap_or_else(|| self.out.text[open.text_byte..].to_owned());
        if let Some(url) = link(&address)
            && let Some(entity) = self.out.mark(Kind::TextLink, open.offset)
        {
            entity.url = Some(url);
        }
        Ok(())
    }
}

/// The address up to its bracket, escapes undone, and how many bytes it took with the bracket.
fn url(rest: &str) -> Option<(String, usize)> {
    let mut url = String::new();
    let mut letters = rest.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            ')' => return Some((url, at + 1)),
            '\\' => match letters.next() {
                Some((_, escaped)) => url.push(escaped),
                None => return None,
            },
            letter => url.push(letter),
        }
    }
    None
}

/// Reads the mode "Markdown", which knows no nesting.
pub(super) fn read_legacy(text: &str) -> Result<Marked, String> {
    let mut out = Builder::default();
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        let rest = &text[at..];
        if letter == '\\' && rest[1..].starts_with(['_', '*', '`', '[']) {
            out.push_str(&rest[1..2]);
            at += 2;
            continue;
        }
        let (opening, closing, kind) = match letter {
            '*' => ("*", "*", Kind::Bold),
            '_' => ("_", "_", Kind::Italic),
            '`' if rest.starts_with("```") => ("```", "```", Kind::Pre),
            '`' => ("`", "`", Kind::Code),
            '[' => ("[", "]", Kind::TextLink),
            letter => {
                out.push(letter);
                at += letter.len_utf8();
                continue;
            }
        };
        let inside = &rest[opening.len()..];
        let end = inside
            .find(closing)
            .ok_or_else(|| format!("Can't find end of the entity starting at byte offset {at}"))?;
        let (offset, mut width) = (out.at, opening.len() + end + closing.len());
        out.push_str(&inside[..end]);
        let mut address = None;
        if kind == Kind::TextLink
            && let Some((url, length)) = rest[width..].strip_prefix('(').and_then(url)
        {
            address = link(&url);
            width += 1 + length;
        }
        if (kind != Kind::TextLink || address.is_some())
            && let Some(entity) = out.mark(kind, offset)
        {
            entity.url = address;
        }
        at += width;
    }
    Ok(out.finish())
}
