//! Text with entities: reading a parse mode, counting in UTF-16 units, and showing it as safe HTML.

mod detect;
mod html;
mod markdown;
mod show;

use serde::{Deserialize, Serialize};

pub(super) use show::to_html;

/// A stretch of text with a meaning; offset and length in UTF-16 code units, as the Bot API counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Where it begins.
    pub offset: usize,
    /// How long it is.
    pub length: usize,
    /// Where a [`Kind::TextLink`] leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The language of a [`Kind::Pre`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Whom a [`Kind::TextMention`] means, as a Bot API `User`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<serde_json::Value>,
    /// Which emoji a [`Kind::CustomEmoji`] is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_emoji_id: Option<String>,
}

/// The kinds of entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "the names are the Bot API's own, MessageEntity.type"
)]
pub enum Kind {
    Mention,
    Hashtag,
    Cashtag,
    BotCommand,
    Url,
    Email,
    PhoneNumber,
    Bold,
    Italic,
    Underline,
    Strikethrough,
    Spoiler,
    Blockquote,
    ExpandableBlockquote,
    Code,
    Pre,
    TextLink,
    TextMention,
    CustomEmoji,
}

impl Entity {
    pub(super) fn new(kind: Kind, offset: usize, length: usize) -> Self {
        Self {
            kind,
            offset,
            length,
            url: None,
            language: None,
            user: None,
            custom_emoji_id: None,
        }
    }

    fn end(&self) -> usize {
        self.offset.saturating_add(self.length)
    }
}

/// A text and what is marked in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Marked {
    pub(super) text: String,
    pub(super) entities: Vec<Entity>,
}

impl Marked {
    /// How long the text is in UTF-16 units.
    pub(super) fn length(&self) -> usize {
        units(&self.text)
    }
}

/// The length of `text` in UTF-16 code units.
pub(super) fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Reads `text` in a parse mode ("HTML", "MarkdownV2", "Markdown", "" for none; letter case aside), or with
/// the entities given beside it, trims it as Telegram does and finds the commands and links in it.
///
/// # Errors
/// The sentence Telegram would say, without "Bad Request: ".
pub(super) fn read(text: &str, mode: &str, given: Vec<Entity>) -> Result<Marked, String> {
    let cant_parse = |why: String| format!("can't parse entities: {why}");
    let marked = match mode.to_ascii_lowercase().as_str() {
        "" | "none" => Marked {
            text: text.to_owned(),
            entities: within(text, given)?,
        },
        "html" => html::read(text).map_err(cant_parse)?,
        "markdownv2" => markdown::read_v2(text).map_err(cant_parse)?,
        "markdown" => markdown::read_legacy(text).map_err(cant_parse)?,
        _ => return Err("unsupported parse_mode".to_owned()),
    };
    let mut marked = trim(marked);
    detect::add(&mut marked);
    // Outer before inner: longer first where two begin together.
    marked
        .entities
        .sort_by_key(|entity| (entity.offset, usize::MAX - entity.length));
    Ok(marked)
}

/// The text of a person: no markup, but commands and links are found.
pub(super) fn plain(text: &str) -> Marked {
    let mut marked = trim(Marked {
        text: text.to_owned(),
        entities: Vec::new(),
    });
    detect::add(&mut marked);
    marked
}

/// Entities given with a plain text must lie within it and not cut a character in two.
fn within(text: &str, given: Vec<Entity>) -> Result<Vec<Entity>, String> {
    for entity in &given {
        let (start, end) = (byte_at(text, entity.offset), byte_at(text, entity.end()));
        if start.is_none() || end.is_none() {
            return Err(format!(
                "entity beginning in a middle of a UTF-16 symbol or beyond the text at offset {}",
                entity.offset
            ));
        }
    }
    // Telegram finds these itself and ignores them when a bot names them.
    Ok(given
        .into_iter()
        .filter(|entity| entity.length > 0 && !detect::FOUND.contains(&entity.kind))
        .collect())
}

/// The byte at which the UTF-16 unit `unit` begins; none if it is inside a character or behind the end.
fn byte_at(text: &str, unit: usize) -> Option<usize> {
    let mut seen = 0;
    for (at, letter) in text.char_indices() {
        if seen == unit {
            return Some(at);
        }
        seen += letter.len_utf16();
    }
    (seen == unit).then_some(text.len())
}

fn trim(marked: Marked) -> Marked {
    let start = marked.text.len() - marked.text.trim_start().len();
    let cut = units(&marked.text[..start]);
    let text = marked.text.trim().to_owned();
    let length = units(&text);
    let entities = marked
        .entities
        .into_iter()
        .filter_map(|mut entity| {
            let end = entity.end().saturating_sub(cut).min(length);
            entity.offset = entity.offset.saturating_sub(cut);
            entity.length = end
                .checked_sub(entity.offset)
                .filter(|length| *length > 0)?;
            Some(entity)
        })
        .collect();
    Marked { text, entities }
}

/// Builds a text while its entities open and close.
#[derive(Default)]
struct Builder {
    text: String,
    at: usize,
    entities: Vec<Entity>,
}

impl Builder {
    fn push(&mut self, letter: char) {
        self.text.push(letter);
        self.at += letter.len_utf16();
    }

    fn push_str(&mut self, text: &str) {
        self.text.push_str(text);
        self.at += units(text);
    }

    /// Marks everything since `offset`, if there is anything.
    fn mark(&mut self, kind: Kind, offset: usize) -> Option<&mut Entity> {
        if self.at == offset {
            return None;
        }
        self.entities
            .push(Entity::new(kind, offset, self.at - offset));
        self.entities.last_mut()
    }

    fn finish(self) -> Marked {
        Marked {
            text: self.text,
            entities: self.entities,
        }
    }
}

/// The URL Telegram would keep for a link, or none if it would drop the link: `http`, `https`, `tg` and
/// `mailto` are kept, a bare host gets `http://`, and a host needs a dot.
pub(super) fn link(url: &str) -> Option<String> {
    let url = url.trim();
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        None if url.starts_with("tg:") || url.starts_with("mailto:") => {
            return Some(url.to_owned());
        }
        None => ("http".to_owned(), url),
    };
    match scheme.as_str() {
        "tg" => Some(url.to_owned()),
        "http" | "https" => {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let host = authority.rsplit('@').next().unwrap_or_default();
            let named = host.starts_with('[')
                || (host.contains('.') && !host.starts_with('.') && !host.ends_with('.'));
            (named && !rest.contains(char::is_whitespace)).then(|| format!("{scheme}://{rest}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
