//! Whether somebody has agreed to advertising, and on what that is known: a column, a form's own tab, or the
//! company's declaration (SEMANTICS 27). And how a mail to them says how to refuse.
//!
//! That a refusal goes before every agreement is `core::policy`'s; here is only what was agreed.

use serde_json::Value;

use super::Roster;
use crate::config::{Tab, TabKind};
use crate::core::facts::message::OptOutFacts;
use crate::core::message::MessageKey;
use crate::core::record::{Cells, Record};
use crate::core::sheet::Value as TypedValue;
use crate::core::sheet::fold::fold;
use crate::store::proof::{self, Said};
use crate::store::suppression::{Suppression, suppress_key};
use crate::store::{StoreError, optout};

/// What is known of somebody's agreement to advertising.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consent {
    /// They agreed.
    Given(Basis),
    /// They said no, or the box is there and not ticked.
    Refused,
    /// Nobody knows: they could be asked.
    Unknown,
}

impl Consent {
    /// As policy wants it; nothing known is no agreement.
    pub fn given(&self) -> Option<bool> {
        match self {
            Self::Given(_) => Some(true),
            Self::Refused => Some(false),
            Self::Unknown => None,
        }
    }
}

/// On what an agreement is known, as it is kept for proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basis {
    /// Where it stands, such as `column “Đồng ý nhận tin” in “Khách hàng”`.
    pub source: String,
    /// In which words.
    pub wording: String,
}

/// How many of a segment may be written to, and why not the others: for the preview of a campaign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConsentTally {
    /// They agreed, and did not refuse since.
    pub agreed: usize,
    /// They refused, or their address is on the list of those who are not written to.
    pub refused: usize,
    /// Nothing is known of them and they have an address: somebody could ask them.
    pub could_be_asked: usize,
}

impl ConsentTally {
    /// Counts one person. `suppressed`: the address is on the list, or the opt-out cell is set.
    pub fn count(&mut self, consent: &Consent, suppressed: bool) {
        match consent {
            _ if suppressed => self.refused += 1,
            Consent::Given(_) => self.agreed += 1,
            Consent::Refused => self.refused += 1,
            Consent::Unknown => self.could_be_asked += 1,
        }
    }
}

impl Roster {
    /// The suppression of an e-mail address or phone.
    ///
    /// # Errors
    /// The disk.
    pub fn suppression_of(&self, address: &str) -> Result<Option<Suppression>, StoreError> {
        self.store().get(&suppress_key(self.store(), address)?)
    }

    /// The suppression of a phone of a row: an opt-out of any of them covers everyone on it (SEMANTICS 23).
    ///
    /// # Errors
    /// The disk.
    pub fn suppressed_phone(&self, record: &Record) -> Result<Option<Suppression>, StoreError> {
        let typed = self.typed(record.kind, &record.place.workbook, &record.seen)?;
        for value in typed.values.values() {
            let TypedValue::Phone(phones) = value else {
                continue;
            };
            for phone in phones {
                if let Some(standing) = self.suppression_of(phone.expose())? {
                    return Ok(Some(standing));
                }
            }
        }
        Ok(None)
    }

    /// Whether the person of a row wants no more mail, by the cell, the link, or whatever else suppresses them.
    ///
    /// # Errors
    /// The disk.
    pub fn has_refused(&self, record: &Record, facts: &Value) -> Result<bool, StoreError> {
        if facts["no_ads"].as_bool() == Some(true) {
            return Ok(true);
        }
        if let Some(email) = facts["email"].as_str()
            && self.suppression_of(email)?.is_some()
        {
            return Ok(true);
        }
        Ok(self.suppressed_phone(record)?.is_some())
    }

    /// Whether the person of these facts has agreed to advertising.
    ///
    /// # Errors
    /// The disk.
    pub fn consent(&self, facts: &Value) -> Result<Consent, StoreError> {
        let cell = facts["consent"].as_bool();
        let tab = facts["tab"].as_str().unwrap_or_default();
        if cell == Some(true) {
            return Ok(Consent::Given(self.basis_of_cell(tab, facts)));
        }
        if cell.is_none()
            && let Some(wording) = self.form_of(tab)
        {
            return Ok(Consent::Given(form_basis(tab, wording)));
        }
        if let Some(basis) = self.declared(facts) {
            return Ok(Consent::Given(basis));
        }
        if self.has_form()
            && let Some(address) = facts["email"].as_str()
            && let Some(basis) = self.agreed_in_a_form(address)?
        {
            return Ok(Consent::Given(basis));
        }
        Ok(match cell {
            Some(_) => Consent::Refused,
            None => Consent::Unknown,
        })
    }

    /// The words of a tab whose rows have all agreed, if it is one.
    pub fn form_wording(&self, workbook: &str, title: &str) -> Option<&str> {
        let books = self.config.workbooks.iter();
        let book = books.into_iter().find(|book| book.id == workbook)?;
        form(book.tab(title)?)
    }

    /// On what a row has agreed, by its cells: the tab's form, or what stands in the consent column.
    pub fn basis_of(&self, workbook: &str, title: &str, cells: &Cells) -> Basis {
        match self.form_wording(workbook, title) {
            Some(wording) => form_basis(title, wording),
            None => {
                let cell = cells.get("consent").map(crate::core::sheet::Cell::shown);
                let header = self.consent_headers().next().unwrap_or("consent");
                column_basis(title, header, &cell.unwrap_or_default())
            }
        }
    }

    fn basis_of_cell(&self, tab: &str, facts: &Value) -> Basis {
        if let Some(wording) = self.form_of(tab) {
            return form_basis(tab, wording);
        }
        let first = self.consent_headers().next().unwrap_or("consent");
        let cell = facts["cells"].as_object().and_then(|cells| {
            let named = |(header, _): &(&String, &Value)| {
                self.consent_headers().any(|own| fold(own) == fold(header))
            };
            cells.iter().find(named)
        });
        let said = cell.and_then(|(_, text)| text.as_str()).unwrap_or_default();
        column_basis(tab, cell.map_or(first, |(header, _)| header), said)
    }

    fn consent_headers(&self) -> impl Iterator<Item = &str> {
        let fields = self.config.fields.iter();
        fields
            .filter(|field| field.id == "consent")
            .flat_map(|field| field.headers.iter().map(String::as_str))
    }

    /// The words of a tab of this title, whichever workbook it is in.
    fn form_of(&self, title: &str) -> Option<&str> {
        let books = self.config.workbooks.iter();
        books.filter_map(|book| book.tab(title)).find_map(form)
    }

    fn declared(&self, facts: &Value) -> Option<Basis> {
        let source = facts["source"].as_str().map(fold)?;
        let received = facts["received"]
            .as_str()
            .and_then(|text| text.get(..10)?.parse::<jiff::civil::Date>().ok())?;
        let declarations = self.config.consent.iter();
        declarations
            .filter(|declared| declared.sources.iter().any(|word| fold(word) == source))
            .find(|declared| received >= declared.since)
            .map(|declared| Basis {
                source: format!(
                    "declared by {} for what was received since {}",
                    declared.by, declared.since
                ),
                wording: declared.evidence.clone(),
            })
    }

    fn has_form(&self) -> bool {
        let books = self.config.workbooks.iter();
        books
            .flat_map(|book| &book.tabs)
            .any(|tab| form(tab).is_some())
    }

    /// The same address may stand in another row: what it said in a form last counts for all of them.
    fn agreed_in_a_form(&self, address: &str) -> Result<Option<Basis>, StoreError> {
        let said = proof::of(&self.store, address)?;
        let last = said.into_iter().rfind(|proof| {
            matches!(proof.said, Said::Agreed | Said::Withdrew) && proof.source.starts_with(FORM)
        });
        Ok(last
            .filter(|proof| proof.said == Said::Agreed)
            .map(|proof| Basis {
                source: proof.source,
                wording: proof.wording,
            }))
    }

    /// How the mail of this key says to its reader how to refuse advertising: the page if there is a public
    /// address, and mailbox and telephone of the company in any case.
    ///
    /// # Errors
    /// The disk.
    pub fn opt_out_facts(
        &self,
        key: &MessageKey,
        address: &str,
    ) -> Result<OptOutFacts, StoreError> {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Ok(OptOutFacts {
            url: self.opt_out_url(key, address)?,
            email: self.opt_out_mailbox(),
            phone: some(&self.config.company.phone),
        })
    }

    /// The page on which the reader of the mail of this key refuses advertising with one button; none without
    /// `[web] public_url`.
    ///
    /// # Errors
    /// The disk.
    pub fn opt_out_url(
        &self,
        key: &MessageKey,
        address: &str,
    ) -> Result<Option<String>, StoreError> {
        let web = self.config.web.as_ref();
        let Some(public) = web.and_then(|web| web.public_url.as_ref()) else {
            return Ok(None);
        };
        let token = optout::token(&self.store, key, address)?;
        Ok(Some(format!("{public}/u/{token}")))
    }

    /// The mailbox that takes refusals: the company's, else the one that sends.
    pub fn opt_out_mailbox(&self) -> Option<String> {
        let company = Some(&self.config.company.email).filter(|email| !email.is_empty());
        let sender = self.config.email.as_ref().map(|email| &email.from.address);
        company.or(sender).cloned()
    }
}

/// How the source of a form begins.
const FORM: &str = "form ";

fn form(tab: &Tab) -> Option<&str> {
    let TabKind::Customers { consent, .. } = &tab.kind else {
        return None;
    };
    consent.as_deref()
}

fn form_basis(tab: &str, wording: &str) -> Basis {
    Basis {
        source: format!("{FORM}“{tab}”"),
        wording: wording.to_owned(),
    }
}

fn column_basis(tab: &str, header: &str, cell: &str) -> Basis {
    Basis {
        source: format!("column “{header}” in “{tab}”"),
        wording: cell.to_owned(),
    }
}
