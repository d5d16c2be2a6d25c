//! What Telegram finds in a text by itself: commands, links, mentions, addresses, hashtags.

use super::{Entity, Kind, Marked, units};

/// The kinds that are found and that nobody can set.
pub(super) const FOUND: [Kind; 7] = [
    Kind::Mention,
    Kind::Hashtag,
    Kind::Cashtag,
    Kind::BotCommand,
    Kind::Url,
    Kind::Email,
    Kind::PhoneNumber,
];

/// Adds what is found outside code and links.
pub(super) fn add(marked: &mut Marked) {
    let mut found = Vec::new();
    let mut offset = 0;
    for piece in marked.text.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end();
        let inner = word.trim_start_matches(['(', '[', '{', '"', '\'', '“']);
        let start = offset + units(&word[..word.len() - inner.len()]);
        if let Some((kind, length)) = kind(inner) {
            found.push(Entity::new(kind, start, length));
        }
        offset += units(piece);
    }
    let closed = |entity: &Entity| {
        matches!(
            entity.kind,
            Kind::Code | Kind::Pre | Kind::TextLink | Kind::TextMention | Kind::CustomEmoji
        )
    };
    found.retain(|new| {
        !marked
            .entities
            .iter()
            .any(|old| closed(old) && old.offset < new.end() && new.offset < old.end())
    });
    marked.entities.extend(found);
}

/// What a word is, and how many UTF-16 units of it.
fn kind(word: &str) -> Option<(Kind, usize)> {
    let name = |text: &str| -> usize {
        text.bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
            .count()
    };
    if let Some(command) = word.strip_prefix('/') {
        let length = name(command);
        let bot = command[length..]
            .strip_prefix('@')
            .map_or(0, |rest| match name(rest) {
                0 => 0,
                length => length + 1,
            });
        let ends = command[length + bot..]
            .chars()
            .next()
            .is_none_or(|next| next != '/');
        return ((1..=64).contains(&length) && ends)
            .then_some((Kind::BotCommand, 1 + length + bot));
    }
    if let Some(mention) = word.strip_prefix('@') {
        let length = name(mention);
        return (4..=32)
            .contains(&length)
            .then_some((Kind::Mention, 1 + length));
    }
    if let Some(tag) = word.strip_prefix('#') {
        let length: usize = tag
            .chars()
            .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
            .map(char::len_utf16)
            .sum();
        let letters = tag
            .chars()
            .next()
            .is_some_and(|letter| !letter.is_ascii_digit());
        return (length > 0 && letters).then_some((Kind::Hashtag, 1 + length));
    }
    let word = word.trim_end_matches([
        '.', ',', ';', ':', '!', '?', ')', ']', '}', '"', '\'', '”', '…',
    ]);
    if ["http://", "https://", "tg://"]
        .iter()
        .any(|scheme| word.starts_with(scheme))
    {
        return super::link(word).map(|_| (Kind::Url, units(word)));
    }
    let (local, domain) = word.split_once('@')?;
    let address = !local.is_empty()
        && local.is_ascii()
        && domain.is_ascii()
        && !domain.contains('@')
        && domain
            .rsplit_once('.')
            .is_some_and(|(host, top)| !host.is_empty() && top.len() >= 2);
    address.then(|| (Kind::Email, units(word)))
}
