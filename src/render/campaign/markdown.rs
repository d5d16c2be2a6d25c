//! The light Markdown of a cell, compiled once into HTML and text with places for the values.
//!
//! Bold, italic, links, lists, headings, quotes and images; line breaks stay as they are typed, and HTML
//! is only letters. What people type without meaning Markdown is taken as they mean it: a bare address
//! is a link, a row of dashes below a line is a line of its own, indented text is no code.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd, TextMergeStream};

use crate::core::campaign::Said;
use crate::core::campaign::text::{Piece, TextProblem};
use crate::render::engine::escape_html;

/// Around the number of a value while Markdown is being read: private letters, which mean nothing in it.
const OPEN: char = '\u{F8F0}';
const CLOSE: char = '\u{F8F1}';

/// How a value is put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// As text of an HTML document; line ends become breaks.
    Html,
    /// As a part of an address.
    InUrl,
    /// As an address of its own, in an attribute.
    Url,
    /// As it is.
    Plain,
}

/// A part of a compiled text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// As it stands.
    Text(String),
    /// The value of this number.
    Value(usize, How),
}

/// A compiled text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Compiled {
    /// The inside of the HTML part.
    pub(super) html: Vec<Span>,
    /// The text part.
    pub(super) text: Vec<Span>,
}

/// The pieces of a line: of a subject, which is no Markdown.
pub(super) fn line(pieces: &[Piece], first: usize) -> Vec<Span> {
    let mut number = first;
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => Span::Text(text.clone()),
            Piece::Slot(_) => {
                number += 1;
                Span::Value(number - 1, How::Plain)
            }
        })
        .collect()
}

/// Compiles the pieces of a text; the values are numbered from `first` on.
///
/// # Errors
/// Links and images that lead nowhere or to what no mail program opens.
pub(super) fn compile(pieces: &[Piece], first: usize) -> Result<Compiled, Vec<TextProblem>> {
    let mut source = String::new();
    let mut number = first;
    for piece in pieces {
        match piece {
            Piece::Text(text) => source.extend(text.chars().filter(|c| !is_mark(*c))),
            Piece::Slot(_) => {
                source.push(OPEN);
                source.push_str(&number.to_string());
                source.push(CLOSE);
                number += 1;
            }
        }
    }
    let source = as_meant(&source);
    let mut writer = Writer::default();
    for event in TextMergeStream::new(Parser::new_ext(&source, Options::empty())) {
        writer.event(event);
    }
    trim_end(&mut writer.out.text);
    if writer.problems.is_empty() {
        Ok(writer.out)
    } else {
        writer.problems.dedup();
        Err(writer.problems)
    }
}

fn is_mark(c: char) -> bool {
    matches!(c, OPEN | CLOSE)
}

/// The source as Markdown that means what its author sees.
fn as_meant(source: &str) -> String {
    let source = source
        .replace("\r\n", "\n")
        .replace(['\r', '\u{2028}', '\u{2029}'], "\n");
    let mut out = String::with_capacity(source.len() + 64);
    let mut after_text = false;
    for line in source.split('\n') {
        let bare = line.trim_start_matches([' ', '\t', '\u{a0}']);
        let rule = bare.trim_end();
        let is_rule = rule.len() >= 2 && rule.chars().all(|c| matches!(c, '-' | '=' | '_'));
        // Below a line of text it would make a heading of that.
        if is_rule && after_text {
            out.push('\n');
        }
        let indent = line.len() - bare.len();
        // A list within a list is indented on purpose.
        if indent > 0 && is_item(bare) {
            out.push_str(&line[..indent].replace('\u{a0}', " "));
        }
        if is_rule && !rule.starts_with('-') {
            out.push('\\');
        }
        let bare = &times(bare);
        let mut rest = bare.as_str();
        while let Some(at) = rest.find('<') {
            out.push_str(&rest[..at]);
            // An address in angle brackets is one, everything else are letters.
            let link = ["<https://", "<http://"]
                .iter()
                .any(|open| rest[at..].starts_with(open));
            out.push_str(if link { "<" } else { "&lt;" });
            rest = &rest[at + 1..];
        }
        out.push_str(rest);
        out.push('\n');
        after_text = !bare.is_empty() && !is_rule;
    }
    out
}

/// A star between figures, as in `4*5*6`, multiplies and emphasises nothing.
fn times(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut letters = line.chars().peekable();
    let mut before = ' ';
    while let Some(letter) = letters.next() {
        let figures = before.is_ascii_digit() && letters.peek().is_some_and(char::is_ascii_digit);
        if letter == '*' && figures {
            out.push('\\');
        }
        out.push(letter);
        before = letter;
    }
    out
}

fn is_item(line: &str) -> bool {
    let digits = line.trim_start_matches(|c: char| c.is_ascii_digit());
    ["- ", "* ", "+ "].iter().any(|mark| line.starts_with(mark))
        || (digits.len() < line.len() && (digits.starts_with(". ") || digits.starts_with(") ")))
}

/// Turns Markdown's events into both parts.
#[derive(Default)]
struct Writer {
    out: Compiled,
    problems: Vec<TextProblem>,
    /// Of each open list the number of its next item; none for one with dashes.
    lists: Vec<Option<u64>>,
    /// The address of the open link, and the text part as it was before its label.
    link: Option<(String, Vec<Span>)>,
    /// The description of the open picture, as far as it was read.
    picture: Option<Vec<Span>>,
    quotes: usize,
    /// A line has begun in the text.
    begun: bool,
}

const LINK: &str = "color:#0f6b5a";

impl Writer {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(&text),
            Event::Code(text) => {
                self.tag("<code>");
                self.text(&text);
                self.tag("</code>");
            }
            // Not met: `<` is no letter of Markdown here.
            Event::Html(text) | Event::InlineHtml(text) => self.text(&text),
            Event::SoftBreak | Event::HardBreak => {
                self.tag("<br>\n");
                self.new_line();
            }
            Event::Rule => {
                self.tag("<hr style=\"border:none;border-top:1px solid #ddd8cd;margin:20px 0\">\n");
                self.block();
                self.plain("----------");
            }
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => {
                self.text(&text);
            }
            Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph => {
                if self.in_tight_item() {
                    return;
                }
                self.tag("<p style=\"margin:0 0 16px\">");
                self.block();
            }
            Tag::Heading { level, .. } => {
                let (name, size) = heading(level);
                self.tag(&format!(
                    "<{name} class=\"heading\" style=\"margin:0 0 14px;font-size:{size}px;line-height:1.3;font-weight:600;color:#16211e\">"
                ));
                self.block();
            }
            Tag::BlockQuote(_) => {
                self.tag("<blockquote class=\"line\" style=\"margin:0 0 16px;padding:0 0 0 14px;border-left:3px solid #c9a45c\">");
                self.quotes += 1;
            }
            Tag::CodeBlock(_) => {
                self.tag("<p style=\"margin:0 0 16px;white-space:pre-wrap\">");
                self.block();
            }
            Tag::List(first) => {
                let open = match first {
                    None => "<ul style=\"margin:0 0 16px;padding-left:22px\">\n".to_owned(),
                    Some(1) => "<ol style=\"margin:0 0 16px;padding-left:22px\">\n".to_owned(),
                    Some(n) => {
                        format!("<ol start=\"{n}\" style=\"margin:0 0 16px;padding-left:22px\">\n")
                    }
                };
                self.tag(&open);
                if self.lists.is_empty() {
                    self.block();
                }
                self.lists.push(first);
            }
            Tag::Item => {
                self.tag("<li style=\"margin:0 0 6px\">");
                self.item();
            }
            Tag::Emphasis => self.tag("<em>"),
            Tag::Strong => self.tag("<strong>"),
            Tag::Strikethrough => self.tag("<s>"),
            Tag::Link { dest_url, .. } => self.open_link(&dest_url),
            Tag::Image { dest_url, .. } => self.open_image(&dest_url),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => {
                if !self.in_tight_item() {
                    self.tag("</p>\n");
                }
            }
            TagEnd::Heading(level) => self.tag(&format!("</{}>\n", heading(level).0)),
            TagEnd::BlockQuote(_) => {
                self.tag("</blockquote>\n");
                self.quotes = self.quotes.saturating_sub(1);
            }
            TagEnd::CodeBlock => self.tag("</p>\n"),
            TagEnd::List(ordered) => {
                self.tag(if ordered { "</ol>\n" } else { "</ul>\n" });
                self.lists.pop();
            }
            TagEnd::Item => self.tag("</li>\n"),
            TagEnd::Emphasis => self.tag("</em>"),
            TagEnd::Strong => self.tag("</strong>"),
            TagEnd::Strikethrough => self.tag("</s>"),
            TagEnd::Link => self.close_link(),
            TagEnd::Image => self.close_image(),
            _ => {}
        }
    }

    /// Paragraphs of items are set without space between them.
    fn in_tight_item(&self) -> bool {
        !self.lists.is_empty()
    }

    fn text(&mut self, text: &str) {
        if let Some(description) = &mut self.picture {
            push(description, text, How::Plain, Part::Text);
            return;
        }
        if self.link.is_some() {
            push(&mut self.out.html, text, How::Html, Part::Html);
            self.push_text(text);
            return;
        }
        let mut rest = text;
        while let Some((before, url, after)) = bare_link(rest) {
            push(&mut self.out.html, before, How::Html, Part::Html);
            self.push_text(before);
            if self.checked(url) {
                self.tag("<a href=\"");
                self.address(url);
                self.tag(&format!("\" style=\"{LINK}\">"));
                push(&mut self.out.html, url, How::Html, Part::Html);
                self.tag("</a>");
                self.push_address(url);
            }
            rest = after;
        }
        push(&mut self.out.html, rest, How::Html, Part::Html);
        self.push_text(rest);
    }

    fn open_link(&mut self, url: &str) {
        let url = url.trim();
        self.checked(url);
        self.tag("<a href=\"");
        self.address(url);
        self.tag(&format!("\" style=\"{LINK}\">"));
        self.link = Some((url.to_owned(), std::mem::take(&mut self.out.text)));
    }

    fn close_link(&mut self) {
        self.tag("</a>");
        let Some((url, before)) = self.link.take() else {
            return;
        };
        let label = std::mem::replace(&mut self.out.text, before);
        let bare = url
            .strip_prefix("mailto:")
            .or(url.strip_prefix("tel:"))
            .unwrap_or(&url);
        // A link that shows its own address says it once.
        let same = matches!(label.as_slice(), [Span::Text(text)] if text.trim() == bare);
        let named = !label.is_empty() && !same;
        for span in label.into_iter().filter(|_| named) {
            match span {
                Span::Text(text) => append(&mut self.out.text, &text),
                value @ Span::Value(..) => self.out.text.push(value),
            }
        }
        self.plain(if named { " (" } else { "" });
        self.push_address(bare);
        self.plain(if named { ")" } else { "" });
    }

    fn open_image(&mut self, url: &str) {
        let url = url.trim();
        let fits = url.starts_with("https://") || url.starts_with("cid:");
        if !fits {
            self.problems.push(TextProblem {
                what: Said::new(
                    format!("ảnh “{}” không hiện được trong thư", unmarked(url)),
                    format!("the picture “{}” cannot be shown in a mail", unmarked(url)),
                ),
                mend: Said::new(
                    "Hãy dùng địa chỉ https:// của ảnh",
                    "Use the https:// address of the picture",
                ),
            });
        }
        self.tag("<img src=\"");
        self.address(url);
        self.tag("\" style=\"max-width:100%;height:auto;border:0;display:block\" alt=\"");
        self.picture = Some(Vec::new());
    }

    fn close_image(&mut self) {
        let description = self.picture.take().unwrap_or_default();
        for span in &description {
            match span {
                Span::Text(text) => append(&mut self.out.html, &escape_html(text)),
                Span::Value(number, _) => self.out.html.push(Span::Value(*number, How::Html)),
            }
        }
        self.tag("\">");
        if !description.is_empty() {
            self.plain("[");
            self.out.text.extend(description);
            self.plain("]");
        }
    }

    /// Whether a link leads somewhere.
    fn checked(&mut self, url: &str) -> bool {
        let fits = url.starts_with("https://")
            || url.starts_with("http://")
            || url.starts_with("mailto:")
            || url.starts_with("tel:")
            || (url.starts_with(OPEN) && url.ends_with(CLOSE));
        if !fits || url.len() <= "https://".len() && url.starts_with("http") {
            self.problems.push(TextProblem {
                what: Said::new(
                    format!("đường dẫn “{}” không mở được từ thư", unmarked(url)),
                    format!("the link “{}” cannot be opened from a mail", unmarked(url)),
                ),
                mend: Said::new(
                    "Hãy ghi địa chỉ đầy đủ, bắt đầu bằng https://",
                    "Write the whole address, beginning with https://",
                ),
            });
        }
        fits
    }

    /// An address within an attribute.
    fn address(&mut self, url: &str) {
        let whole = url.starts_with(OPEN) && url.matches(OPEN).count() == 1 && url.ends_with(CLOSE);
        let how = if whole { How::Url } else { How::InUrl };
        push(&mut self.out.html, url, how, Part::Html);
    }

    /// An address in the text part.
    fn push_address(&mut self, url: &str) {
        let whole = url.starts_with(OPEN) && url.ends_with(CLOSE);
        self.begun = true;
        let how = if whole { How::Plain } else { How::InUrl };
        push(&mut self.out.text, url, how, Part::Text);
    }

    fn tag(&mut self, html: &str) {
        append(&mut self.out.html, html);
    }

    fn push_text(&mut self, text: &str) {
        if !text.is_empty() {
            self.begun = true;
            push(&mut self.out.text, text, How::Plain, Part::Text);
        }
    }

    fn plain(&mut self, text: &str) {
        self.begun |= !text.is_empty();
        append(&mut self.out.text, text);
    }

    /// An empty line before the next block.
    fn block(&mut self) {
        if self.begun {
            append(&mut self.out.text, "\n\n");
        }
        self.prefix();
    }

    fn new_line(&mut self) {
        append(&mut self.out.text, "\n");
        self.prefix();
        if !self.lists.is_empty() {
            append(&mut self.out.text, &"  ".repeat(self.lists.len()));
        }
    }

    fn prefix(&mut self) {
        if self.quotes > 0 {
            append(&mut self.out.text, &"> ".repeat(self.quotes));
        }
    }

    fn item(&mut self) {
        let on_a_line =
            matches!(self.out.text.last(), Some(Span::Text(text)) if text.ends_with('\n'));
        if self.begun && !on_a_line {
            append(&mut self.out.text, "\n");
        }
        self.prefix();
        let indent = "  ".repeat(self.lists.len().saturating_sub(1));
        let mark = match self.lists.last_mut() {
            Some(Some(number)) => {
                *number += 1;
                format!("{indent}{}. ", *number - 1)
            }
            _ => format!("{indent}- "),
        };
        append(&mut self.out.text, &mark);
        self.begun = true;
    }
}

fn heading(level: HeadingLevel) -> (&'static str, u32) {
    match level {
        HeadingLevel::H1 => ("h1", 24),
        HeadingLevel::H2 => ("h2", 20),
        HeadingLevel::H3 | HeadingLevel::H4 | HeadingLevel::H5 | HeadingLevel::H6 => ("h3", 17),
    }
}

fn append(spans: &mut Vec<Span>, text: &str) {
    match spans.last_mut() {
        Some(Span::Text(last)) => last.push_str(text),
        _ => spans.push(Span::Text(text.to_owned())),
    }
}

/// Which of the two parts is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Letters are escaped.
    Html,
    /// They are not.
    Text,
}

/// Adds a text with marks for values in it.
fn push(spans: &mut Vec<Span>, text: &str, how: How, part: Part) {
    let mut rest = text;
    while !rest.is_empty() {
        let (before, from) = rest.split_at(rest.find(OPEN).unwrap_or(rest.len()));
        if !before.is_empty() {
            match part {
                Part::Html => append(spans, &escape_html(before)),
                Part::Text => append(spans, before),
            }
        }
        let Some(inside) = from.strip_prefix(OPEN) else {
            return;
        };
        let end = inside.find(CLOSE).unwrap_or(inside.len());
        if let Ok(number) = inside[..end].parse() {
            spans.push(Span::Value(number, how));
        }
        rest = inside.get(end + CLOSE.len_utf8()..).unwrap_or_default();
    }
}

/// A bare address in a text: what stands before it, the address, what comes after.
fn bare_link(text: &str) -> Option<(&str, &str, &str)> {
    let at = ["https://", "http://"]
        .iter()
        .filter_map(|open| text.find(open))
        .min()?;
    let from = &text[at..];
    let end = from
        .find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '“' | '”' | '«' | '»'))
        .unwrap_or(from.len());
    let url = from[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '…', '\'']);
    if url.ends_with("://") {
        return None;
    }
    Some((&text[..at], url, &from[url.len()..]))
}

fn unmarked(url: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in url.chars() {
        match c {
            OPEN => {
                inside = true;
                out.push_str("{{…}}");
            }
            CLOSE => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out
}

fn trim_end(spans: &mut Vec<Span>) {
    while let Some(Span::Text(text)) = spans.last_mut() {
        let kept = text.trim_end().len();
        text.truncate(kept);
        if kept > 0 {
            return;
        }
        spans.pop();
    }
}
