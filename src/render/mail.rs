//! Mails: subject, text and HTML, the plain mail made of a Telegram message, and the marks that
//! advertising and trials carry. Addresses, headers and sending are the courier's.

use std::collections::BTreeMap;

use minijinja::Environment;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::chat::{self, ButtonKind, ChatText};
use super::engine::Facts;
use super::{Language, RenderError, engine};

/// The layout of mails that have no HTML of their own.
pub(super) const NOTICE: &str = "layout/notice.html";

/// Longest subject in letters; longer ones are cut off by every mail program.
const MAX_SUBJECT_LETTERS: usize = 200;

/// A rendered mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailText {
    /// One line without control characters, never empty.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// The HTML part, a whole document without remote content.
    pub html: String,
}

impl MailText {
    /// With the label that advertising must carry at the very start of its subject (Decree 91/2020
    /// Art. 18); a subject that has it keeps it.
    #[must_use]
    pub fn labelled_ad(mut self) -> Self {
        let rest = ["[QC]", "[AD]"].into_iter().find_map(|label| {
            let (start, rest) = self.subject.split_at_checked(label.len())?;
            start.eq_ignore_ascii_case(label).then_some((label, rest))
        });
        self.subject = match rest {
            Some((label, rest)) => format!("{label} {}", rest.trim_start()),
            None => format!("[QC] {}", self.subject),
        };
        self
    }

    /// Marked as a trial: whom it would have reached stands in the subject and on top of the mail.
    #[must_use]
    pub fn marked_trial(self, reached: &str, language: Language) -> Self {
        let reached = one_line(reached);
        let (mark, banner) = match language {
            Language::Vietnamese => (
                format!("[CHẠY THỬ → {reached}]"),
                format!("Đang chạy thử. Nếu chạy thật, thư này đã gửi tới: {reached}"),
            ),
            Language::English => (
                format!("[TRIAL → {reached}]"),
                format!("This is a trial. This mail would have reached: {reached}"),
            ),
        };
        let strip = format!(
            "<div style=\"background:#fff3cd;color:#664d03;padding:12px 16px;font:14px/1.5 Arial,sans-serif;text-align:center\">{}</div>",
            engine::escape_html(&banner)
        );
        let body = self.html.find("<body").and_then(|start| {
            let end = self.html[start..].find('>')?;
            Some(start + end + 1)
        });
        let (before, after) = self.html.split_at(body.unwrap_or(0));
        Self {
            subject: format!("{mark} {}", self.subject),
            text: format!("{banner}\n\n{}", self.text),
            html: format!("{before}{strip}{after}"),
        }
    }
}

/// Renders the mail form of a template, or makes one of its Telegram form.
pub(super) fn render(
    env: &Environment<'static>,
    sources: &BTreeMap<String, String>,
    name: &str,
    facts: &Facts,
) -> Result<MailText, RenderError> {
    let subject_file = format!("{name}/subject.txt");
    if !sources.contains_key(&subject_file) {
        return of_chat(env, &chat::render(env, sources, name, facts)?, facts);
    }
    let subject = subject_line(&engine::render(env, &subject_file, facts)?);
    if subject.is_empty() {
        return Err(RenderError::new(
            &subject_file,
            None,
            "the subject is empty".into(),
        ));
    }
    let text_file = format!("{name}/body.txt");
    let text = chat::tidy(&engine::render(env, &text_file, facts)?);
    if text.is_empty() {
        return Err(RenderError::new(
            &text_file,
            None,
            "the mail is empty".into(),
        ));
    }
    let html_file = format!("{name}/body.html");
    let html = match sources.contains_key(&html_file) {
        true => engine::render(env, &html_file, &with_notice(facts, &subject, &Value::Null))?,
        false => {
            let body = paragraphs(&engine::escape_html(&text));
            let notice = json!({"html": body, "links": []});
            engine::render(env, NOTICE, &with_notice(facts, &subject, &notice))?
        }
    };
    Ok(MailText {
        subject,
        text: text + "\n",
        html,
    })
}

/// A Telegram message as a mail: the first line is the subject, links and numbers stay, buttons that act go.
fn of_chat(
    env: &Environment<'static>,
    chat: &ChatText,
    facts: &Facts,
) -> Result<MailText, RenderError> {
    let plain = chat.plain();
    let first = plain.lines().next().unwrap_or_default();
    let subject = subject_line(first);
    let mut text = plain.clone();
    let mut links = Vec::new();
    for button in chat.buttons.iter().flatten() {
        if let ButtonKind::Url(url) = &button.kind {
            text.push_str(&format!("\n\n{}: {url}", button.label));
            links.push(json!({"label": button.label, "url": url}));
        }
    }
    let notice = json!({"html": paragraphs(behind_heading(&chat.html())), "links": links});
    let html = engine::render(env, NOTICE, &with_notice(facts, &subject, &notice))?;
    Ok(MailText {
        subject,
        text: text + "\n",
        html,
    })
}

/// The text without its first line, which the layout shows as heading already; the whole text, if
/// markup reaches over the end of that line.
fn behind_heading(html: &str) -> &str {
    match html.split_once('\n') {
        Some((first, rest)) if chat::is_whole(first) => rest.trim_start_matches('\n'),
        Some(_) => html,
        None => "",
    }
}

fn with_notice(facts: &Facts, subject: &str, notice: &Value) -> Facts {
    let subject = Value::from(subject);
    facts
        .clone()
        .with("subject", &subject)
        .with("notice", notice)
}

/// Empty lines make paragraphs, line ends make line breaks. What comes in is HTML already.
fn paragraphs(html: &str) -> String {
    html.split("\n\n")
        .map(|block| {
            format!(
                "<p style=\"margin:0 0 16px\">{}</p>\n",
                block.replace('\n', "<br>\n")
            )
        })
        .collect()
}

/// One line: CR, LF and other control characters cannot get into a header.
pub(super) fn subject_line(text: &str) -> String {
    let text = one_line(text);
    if text.chars().count() <= MAX_SUBJECT_LETTERS {
        return text;
    }
    let cut: String = text.chars().take(MAX_SUBJECT_LETTERS - 1).collect();
    format!("{}…", cut.trim_end())
}

pub(super) fn one_line(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|letter| {
            if letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}') {
                ' '
            } else {
                letter
            }
        })
        .collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(subject: &str) -> MailText {
        MailText {
            subject: subject.to_owned(),
            text: "Chào".to_owned(),
            html: "<html><body class=\"x\"><p>Chào</p></body></html>".to_owned(),
        }
    }

    #[test]
    fn a_subject_is_one_line() {
        assert_eq!(
            subject_line("Chào\r\nBcc: x@y.example\u{0}\t An "),
            "Chào Bcc: x@y.example An"
        );
        assert_eq!(subject_line(&"ă".repeat(300)).chars().count(), 200);
    }

    #[test]
    fn advertising_is_labelled_once() {
        assert_eq!(
            mail("Mở bán").labelled_ad().labelled_ad().subject,
            "[QC] Mở bán"
        );
        assert_eq!(mail("[AD] Mở bán").labelled_ad().subject, "[AD] Mở bán");
        assert_eq!(mail("[qc]Mở bán").labelled_ad().subject, "[QC] Mở bán");
        assert_eq!(mail("Mở").labelled_ad().subject, "[QC] Mở");
    }

    #[test]
    fn a_trial_says_whom_it_would_have_reached() {
        let marked = mail("Chào").marked_trial("An <a@x.example>\r\n", Language::Vietnamese);
        assert_eq!(marked.subject, "[CHẠY THỬ → An <a@x.example>] Chào");
        assert!(
            marked.text.starts_with(
                "Đang chạy thử. Nếu chạy thật, thư này đã gửi tới: An <a@x.example>\n"
            )
        );
        assert!(marked.html.starts_with("<html><body class=\"x\"><div"));
        assert!(marked.html.contains("An &lt;a@x.example&gt;"));
    }
}
