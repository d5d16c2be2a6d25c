//! The texts of a campaign: compiled once, then filled in for each recipient.
//!
//! A text is either light Markdown of a cell ([`crate::core::campaign::text`]) in our layout, or a
//! template of the admin's. Both give the same three things: which names of the facts they need, the
//! merge values of a recipient (frozen at approval, far below a kilobyte), and the mail of such values. A
//! missing value is found when the values are taken, before anybody is asked to approve.

mod attach;
mod markdown;
mod page;
mod show;

use std::collections::BTreeSet;

use minijinja::Environment;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::mail::{one_line, subject_line};
use super::{Bundle, Language, MailText, RenderError, Templates, engine};
use crate::core::campaign::text::{Names, Piece, Slot, TextProblem, Wants, pieces};
use crate::core::campaign::{Body, Said, Variant};
use crate::core::sheet::FieldKind;
pub use attach::{attachment_problem, cannot_attach};
use markdown::{How, Span};
pub use page::mail_page;

/// The layouts that the text of a cell is put into.
const HTML_LAYOUT: &str = "layout/campaign.html";
const TEXT_LAYOUT: &str = "layout/campaign.txt";

/// So many letters of the text stand beside the subject in a list of mails.
const PREVIEW_LETTERS: usize = 110;

/// What a mail says that is the same for all of a campaign, or is known only when it goes.
#[derive(Clone, Debug, Default)]
pub struct Letter {
    /// `[company]` as an object.
    pub company: Value,
    /// How to refuse: `{url, email, phone}`; null for a mail that does not advertise.
    pub optout: Value,
    /// The day of sending, ISO.
    pub today: String,
    /// The local time of sending, ISO without offset.
    pub now: String,
}

/// Something in a text that is wrong, and in which of the variant's columns it stands: `subject`, `text` or `template`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misprint {
    /// The column, without the number of the group.
    pub column: &'static str,
    /// What, and the mend.
    pub problem: TextProblem,
}

/// A value that a recipient lacks, without anything to stand in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// As the author wrote it: `Họ tên`.
    pub written: String,
    /// What to do about it.
    pub said: Said,
}

impl Missing {
    fn of(written: &str) -> Self {
        Self {
            written: written.to_owned(),
            said: Said::new(
                format!(
                    "không có “{written}”; hãy điền vào bảng, hoặc ghi {{{{{written}|chữ thay thế}}}} trong nội dung"
                ),
                format!(
                    "has no “{written}”; fill it in, or write {{{{{written}|instead}}}} in the text"
                ),
            ),
        }
    }
}

/// The merge values of one recipient.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Merge {
    /// Of a cell's text by number, of a template by name.
    values: Value,
    /// How many fallbacks stand in for missing values.
    #[serde(default, skip_serializing_if = "is_zero")]
    fallbacks: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Merge {
    /// How many fallbacks stand in for missing values: for choosing the samples.
    pub fn fallbacks(&self) -> usize {
        self.fallbacks as usize
    }
}

/// One text of a campaign, ready for a hundred thousand recipients.
#[derive(Clone, Debug)]
pub struct CampaignText {
    language: Language,
    env: Environment<'static>,
    /// Everything it can be made of again.
    frozen: Frozen,
    needs: BTreeSet<String>,
    compiled: Option<markdown::Compiled>,
    subject: Vec<Span>,
}

/// What is kept of a text, so that it says the same later.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Frozen {
    /// The values of the subject and of a cell's text, in their order.
    slots: Vec<FrozenSlot>,
    /// The subject; none: the template's own.
    subject: Option<Vec<FrozenPiece>>,
    /// The cell's text; none: a template.
    text: Option<Vec<FrozenPiece>>,
    /// The template with all that it includes, or the layout.
    bundle: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum FrozenPiece {
    #[serde(rename = "t")]
    Text(String),
    #[serde(rename = "v")]
    Value,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct FrozenSlot {
    written: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    field: Option<(String, FieldKind)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fallback: Option<String>,
}

impl FrozenSlot {
    fn of(slot: &Slot) -> Self {
        let (written, field) = match &slot.wants {
            Wants::Field { id, kind } => (slot.written.clone(), Some((id.clone(), *kind))),
            Wants::Variable(name) => ((*name).to_owned(), None),
        };
        Self {
            written,
            field,
            fallback: slot.fallback.clone(),
        }
    }

    /// The top-level names of the facts that it takes its value from.
    fn needs(&self) -> Vec<&str> {
        match &self.field {
            Some((id, FieldKind::Stage)) => vec![id, "stage_label"],
            Some((id, _)) => vec![id],
            None => match self.written.split('.').next() {
                Some("owner") => vec!["owner", "owner_email"],
                Some(root) => vec![root],
                None => Vec::new(),
            },
        }
    }

    /// Whether it is known only when the mail goes.
    fn is_late(&self) -> bool {
        self.field.is_none()
            && (matches!(self.written.as_str(), "today" | "unsubscribe_url")
                || self.written.starts_with("company."))
    }
}

impl Templates {
    /// Compiles one text of a campaign. `names` are the headers that may stand in braces.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its column.
    pub fn campaign_text(
        &self,
        variant: &Variant,
        names: &Names,
    ) -> Result<CampaignText, Vec<Misprint>> {
        let mut problems = Vec::new();
        let mut read = |column: &'static str, text: &str| match pieces(text, names) {
            Ok(pieces) => pieces,
            Err(found) => {
                problems.extend(
                    found
                        .into_iter()
                        .map(|problem| Misprint { column, problem }),
                );
                Vec::new()
            }
        };
        let subject = (!variant.subject.is_empty()).then(|| read("subject", &variant.subject));
        let text = match &variant.body {
            Body::Cell(text) => Some(read("text", text)),
            Body::Template(_) => None,
        };
        if let Body::Template(name) = &variant.body
            && !self.bundles.contains_key(name)
        {
            problems.push(Misprint {
                column: "template",
                problem: TextProblem {
                    what: Said::new(
                        format!("không có mẫu thư “{name}”"),
                        format!("there is no template “{name}”"),
                    ),
                    mend: Said::new(
                        "Hãy kiểm tra lại tên mẫu trong templates/",
                        "Look up its name under templates/",
                    ),
                },
            });
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let bundle = match &variant.body {
            Body::Template(name) => self.source_bundle(name).unwrap_or_default().to_owned(),
            Body::Cell(_) => self.layout_bundle(),
        };
        let slots = subject
            .iter()
            .chain(&text)
            .flatten()
            .filter_map(|piece| match piece {
                Piece::Slot(slot) => Some(FrozenSlot::of(slot)),
                Piece::Text(_) => None,
            })
            .collect();
        let frozen = Frozen {
            slots,
            subject: subject.as_deref().map(frozen_pieces),
            text: text.as_deref().map(frozen_pieces),
            bundle,
        };
        CampaignText::build(frozen, self)
    }

    /// The same text again, of what was kept of it: whatever has become of cell, headers and files.
    ///
    /// # Errors
    /// What was kept cannot be read.
    pub fn campaign_text_of(&self, kept: &str) -> Result<CampaignText, RenderError> {
        let unreadable = |why: String| {
            RenderError::new(
                "(kept with the campaign)",
                None,
                format!("the kept text cannot be read: {why}"),
            )
        };
        let frozen: Frozen =
            serde_json::from_str(kept).map_err(|error| unreadable(error.to_string()))?;
        CampaignText::build(frozen, self).map_err(|problems| {
            let first = problems.first().map(|one| one.problem.what.en.clone());
            unreadable(first.unwrap_or_default())
        })
    }

    /// The layouts of cell texts, with all that they extend and include.
    fn layout_bundle(&self) -> String {
        let mut parts = self.parts_of(vec![HTML_LAYOUT.to_owned()]);
        parts.extend(self.parts_of(vec![TEXT_LAYOUT.to_owned()]));
        let bundle = Bundle {
            name: String::new(),
            language: self.language,
            parts,
        };
        // A map of texts always has a JSON form.
        serde_json::to_string(&bundle).unwrap_or_default()
    }
}

fn frozen_pieces(pieces: &[Piece]) -> Vec<FrozenPiece> {
    let frozen = pieces.iter().map(|piece| match piece {
        Piece::Text(text) => FrozenPiece::Text(text.clone()),
        Piece::Slot(_) => FrozenPiece::Value,
    });
    frozen.collect()
}

/// Pieces whose values have only their places.
fn thawed(pieces: &[FrozenPiece]) -> Vec<Piece> {
    let blank = || {
        Piece::Slot(Slot {
            written: String::new(),
            wants: Wants::Variable(""),
            fallback: None,
        })
    };
    let thawed = pieces.iter().map(|piece| match piece {
        FrozenPiece::Text(text) => Piece::Text(text.clone()),
        FrozenPiece::Value => blank(),
    });
    thawed.collect()
}

impl CampaignText {
    fn build(frozen: Frozen, templates: &Templates) -> Result<Self, Vec<Misprint>> {
        let in_text = |problem| {
            vec![Misprint {
                column: "text",
                problem,
            }]
        };
        let broken = |why: &dyn std::fmt::Display| {
            in_text(TextProblem {
                what: Said::new(
                    format!("mẫu không đọc được: {why}"),
                    format!("the template cannot be read: {why}"),
                ),
                mend: Said::new("Hãy nhờ quản trị viên xem giúp", "Ask the admin"),
            })
        };
        let bundle: Bundle =
            serde_json::from_str(&frozen.bundle).map_err(|error| broken(&error))?;
        let env =
            if templates.same(&bundle) || bundle.name.is_empty() && templates.has_parts(&bundle) {
                templates.env.clone()
            } else {
                bundle.environment().map_err(|error| broken(&error))?
            };
        let subject = frozen.subject.as_deref().map(thawed).unwrap_or_default();
        let first = subject
            .iter()
            .filter(|piece| matches!(piece, Piece::Slot(_)))
            .count();
        let compiled = match &frozen.text {
            Some(text) => Some(markdown::compile(&thawed(text), first).map_err(|problems| {
                let misprints = problems.into_iter();
                misprints
                    .map(|problem| Misprint {
                        column: "text",
                        problem,
                    })
                    .collect::<Vec<_>>()
            })?),
            None => None,
        };
        let mut needs: BTreeSet<String> = frozen
            .slots
            .iter()
            .filter(|slot| !slot.is_late())
            .flat_map(|slot| {
                slot.needs()
                    .into_iter()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .collect();
        if frozen.text.is_none() {
            for file in bundle.parts.keys() {
                if let Ok(template) = env.get_template(file) {
                    needs.extend(template.undeclared_variables(false));
                }
            }
            for late in [
                "company", "optout", "subject", "notice", "campaign", "now", "today",
            ] {
                needs.remove(late);
            }
        }
        Ok(Self {
            language: bundle.language,
            env,
            needs,
            compiled,
            subject: markdown::line(&subject, 0),
            frozen,
        })
    }

    /// Everything it can be made of again, as text; equal texts give equal ones.
    pub fn kept(&self) -> String {
        // Texts and numbers always have a JSON form.
        serde_json::to_string(&self.frozen).unwrap_or_default()
    }

    /// The top-level names of the facts that [`Self::merge`] looks at; see
    /// [`crate::core::campaign::segment::Customer::facts_for`].
    pub fn needs(&self) -> &BTreeSet<String> {
        &self.needs
    }

    /// The values of one recipient, of their facts. Facts may have `owner_email` beside the names of
    /// [`crate::core::facts`].
    ///
    /// # Errors
    /// Every value that is missing without a fallback, each once.
    pub fn merge(&self, facts: &Value) -> Result<Merge, Vec<Missing>> {
        let mut missing: Vec<Missing> = Vec::new();
        let mut fallbacks = 0;
        let mut shown = Vec::with_capacity(self.frozen.slots.len());
        for slot in &self.frozen.slots {
            if slot.is_late() {
                shown.push(Value::Null);
                continue;
            }
            let value = match &slot.field {
                Some((id, kind)) => show::field(id, *kind, facts, self.language),
                None => show::variable(&slot.written, facts, self.language),
            };
            match (value, &slot.fallback) {
                (Some(text), _) => shown.push(Value::String(text)),
                (None, Some(fallback)) => {
                    fallbacks += 1;
                    shown.push(Value::String(fallback.clone()));
                }
                (None, None) => {
                    let one = Missing::of(&slot.written);
                    if !missing.contains(&one) {
                        missing.push(one);
                    }
                }
            }
        }
        if !missing.is_empty() {
            return Err(missing);
        }
        let values = match &self.frozen.text {
            Some(_) => Value::Array(shown),
            None => {
                let used = self.needs.iter().filter_map(|name| {
                    let value = facts.get(name)?;
                    Some((name.clone(), value.clone()))
                });
                json!({"facts": serde_json::Map::from_iter(used), "subject": shown})
            }
        };
        Ok(Merge { values, fallbacks })
    }

    /// The mail of a recipient.
    ///
    /// # Errors
    /// A missing value of a template, or of what is known only now; a text that is too long.
    pub fn render(&self, merge: &Merge, letter: &Letter) -> Result<MailText, RenderError> {
        let Some(compiled) = &self.compiled else {
            return self.render_template(merge, letter);
        };
        let shown = self.late(
            merge.values.as_array().map_or(&[][..], Vec::as_slice),
            letter,
        )?;
        let subject = subject_line(&fill(&self.subject, &shown)?);
        if subject.is_empty() {
            return Err(RenderError::new(
                "(subject)",
                None,
                "the subject is empty".into(),
            ));
        }
        let inside = fill(&compiled.text, &shown)?;
        let values = json!({
            "subject": subject,
            "company": letter.company,
            "optout": letter.optout,
            "campaign": {
                "html": fill(&compiled.html, &shown)?,
                "text": inside,
                "preview": preview(&inside),
            },
        });
        let facts = engine::Facts::of(&values);
        Ok(MailText {
            subject,
            text: super::chat::tidy(&engine::render(&self.env, TEXT_LAYOUT, &facts)?) + "\n",
            html: engine::render(&self.env, HTML_LAYOUT, &facts)?,
        })
    }

    fn render_template(&self, merge: &Merge, letter: &Letter) -> Result<MailText, RenderError> {
        let bundle: Bundle = Templates::open(&self.frozen.bundle)?;
        let mut values = merge
            .values
            .get("facts")
            .cloned()
            .unwrap_or_else(|| json!({}));
        if let Some(map) = values.as_object_mut() {
            map.insert("company".into(), letter.company.clone());
            map.insert("optout".into(), letter.optout.clone());
            map.insert("now".into(), letter.now.as_str().into());
            map.insert("today".into(), letter.today.as_str().into());
        }
        let mut mail = super::mail::render(
            &self.env,
            &bundle.parts,
            &bundle.name,
            &engine::Facts::of(&values),
        )?;
        if self.frozen.subject.is_some() {
            let shown = merge.values.get("subject").and_then(Value::as_array);
            let shown = self.late(shown.map_or(&[][..], Vec::as_slice), letter)?;
            mail.subject = subject_line(&fill(&self.subject, &shown)?);
        }
        Ok(mail)
    }

    /// The values with those that are known only now.
    fn late(&self, shown: &[Value], letter: &Letter) -> Result<Vec<String>, RenderError> {
        let mut all = Vec::with_capacity(shown.len());
        for (slot, value) in self.frozen.slots.iter().zip(shown) {
            if let Some(text) = value.as_str() {
                all.push(text.to_owned());
                continue;
            }
            let late = match slot.written.as_str() {
                "today" => show::date(&letter.today),
                "unsubscribe_url" => letter
                    .optout
                    .get("url")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
                name => name
                    .strip_prefix("company.")
                    .and_then(|part| letter.company.get(part)?.as_str())
                    .map(str::to_owned),
            };
            let text = late
                .filter(|text| !text.is_empty())
                .or_else(|| slot.fallback.clone());
            all.push(text.ok_or_else(|| {
                RenderError::new(
                    "(text)",
                    None,
                    format!("`{}` has no value; set it in the configuration, or give a fallback: {{{{{}|…}}}}", slot.written, slot.written),
                )
            })?);
        }
        Ok(all)
    }
}

/// The beginning of a text, for the list of mails.
fn preview(text: &str) -> String {
    let line = one_line(text);
    match line.char_indices().nth(PREVIEW_LETTERS) {
        None => line,
        Some((at, _)) => format!("{}…", line[..at].trim_end()),
    }
}

/// Puts the values in.
fn fill(spans: &[Span], values: &[String]) -> Result<String, RenderError> {
    let mut out = String::new();
    for span in spans {
        match span {
            Span::Text(text) => out.push_str(text),
            Span::Value(number, how) => {
                let value = values.get(*number).map_or("", String::as_str);
                put(&mut out, value, *how)?;
            }
        }
        if out.len() > engine::MAX_OUTPUT_BYTES {
            return Err(RenderError::new(
                "(text)",
                None,
                "the text is too long".into(),
            ));
        }
    }
    Ok(out)
}

fn put(out: &mut String, value: &str, how: How) -> Result<(), RenderError> {
    match how {
        How::Plain => out.push_str(value),
        How::Html => out.push_str(&engine::escape_html(value).replace('\n', "<br>\n")),
        How::InUrl => {
            for byte in value.bytes() {
                if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
                    out.push(char::from(byte));
                } else {
                    out.push_str(&format!("%{byte:02X}"));
                }
            }
        }
        How::Url => {
            let value = value.trim();
            let opens = ["https://", "http://", "mailto:", "tel:"];
            if !opens.iter().any(|open| value.starts_with(open))
                || value.contains(char::is_whitespace)
            {
                return Err(RenderError::new(
                    "(text)",
                    None,
                    "a cell that is a link in the text does not hold an address beginning with https://".into(),
                ));
            }
            out.push_str(&engine::escape_html(value));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
