//! Text with entities as HTML that is safe to put in a page. Line ends stay line ends: show it with
//! `white-space: pre-wrap`.

use super::{Entity, Kind, byte_at, link};

/// The HTML of a text: everything escaped but the tags made here; links only to http, https, tg and mailto.
pub(in super::super) fn to_html(text: &str, entities: &[Entity]) -> String {
    let mut bounds: Vec<usize> = entities
        .iter()
        .flat_map(|entity| [entity.offset, entity.end()])
        .filter_map(|unit| byte_at(text, unit))
        .chain([0, text.len()])
        .collect();
    bounds.sort_unstable();
    bounds.dedup();
    let spans: Vec<(usize, usize, &Entity)> = entities
        .iter()
        .filter_map(|entity| {
            Some((
                byte_at(text, entity.offset)?,
                byte_at(text, entity.end())?,
                entity,
            ))
        })
        .collect();
    let mut html = String::with_capacity(text.len() * 2);
    let mut open: Vec<(usize, &Entity)> = Vec::new();
    for pair in bounds.windows(2) {
        let (start, end) = (pair[0], pair[1]);
        // What ends here may lie under what does not: everything above it is closed and opened again.
        if let Some(lowest) = open.iter().position(|(until, _)| *until <= start) {
            let again: Vec<_> = open.drain(lowest..).collect();
            again
                .iter()
                .rev()
                .for_each(|(_, entity)| html.push_str(closing(entity)));
            for (until, entity) in again.into_iter().filter(|(until, _)| *until > start) {
                html.push_str(&opening(entity, ""));
                open.push((until, entity));
            }
        }
        for (_, until, entity) in spans
            .iter()
            .filter(|(from, until, _)| *from == start && until > from)
        {
            html.push_str(&opening(entity, &text[start..*until]));
            open.push((*until, entity));
        }
        html.push_str(&escape(&text[start..end]));
    }
    open.iter()
        .rev()
        .for_each(|(_, entity)| html.push_str(closing(entity)));
    html
}

fn opening(entity: &Entity, text: &str) -> String {
    let anchor = |url: &str| match link(url).filter(|_| !url.is_empty()) {
        Some(url) => format!(
            "<a href=\"{}\" target=\"_blank\" rel=\"noopener noreferrer\">",
            escape(&url)
        ),
        None => "<a>".to_owned(),
    };
    match entity.kind {
        Kind::Bold => "<b>".to_owned(),
        Kind::Italic => "<i>".to_owned(),
        Kind::Underline => "<u>".to_owned(),
        Kind::Strikethrough => "<s>".to_owned(),
        Kind::Spoiler => "<span class=\"spoiler\">".to_owned(),
        Kind::Blockquote => "<blockquote>".to_owned(),
        Kind::ExpandableBlockquote => "<blockquote class=\"expandable\">".to_owned(),
        Kind::Code => "<code>".to_owned(),
        Kind::Pre => match &entity.language {
            Some(language) => format!("<pre data-language=\"{}\">", escape(language)),
            None => "<pre>".to_owned(),
        },
        Kind::TextLink => anchor(entity.url.as_deref().unwrap_or_default()),
        Kind::Url => anchor(text),
        Kind::Email => anchor(&format!("mailto:{text}")),
        Kind::Mention | Kind::TextMention => "<span class=\"mention\">".to_owned(),
        Kind::BotCommand => "<span class=\"command\">".to_owned(),
        Kind::Hashtag | Kind::Cashtag | Kind::PhoneNumber | Kind::CustomEmoji => {
            "<span>".to_owned()
        }
    }
}

fn closing(entity: &Entity) -> &'static str {
    match entity.kind {
        Kind::Bold => "</b>",
        Kind::Italic => "</i>",
        Kind::Underline => "</u>",
        Kind::Strikethrough => "</s>",
        Kind::Blockquote | Kind::ExpandableBlockquote => "</blockquote>",
        Kind::Code => "</code>",
        Kind::Pre => "</pre>",
        Kind::TextLink | Kind::Url | Kind::Email => "</a>",
        Kind::Spoiler
        | Kind::Mention
        | Kind::TextMention
        | Kind::BotCommand
        | Kind::Hashtag
        | Kind::Cashtag
        | Kind::PhoneNumber
        | Kind::CustomEmoji => "</span>",
    }
}

fn escape(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |mut out, letter| {
            match letter {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\'' => out.push_str("&#39;"),
                letter => out.push(letter),
            }
            out
        })
}
