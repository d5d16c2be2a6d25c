//! Whom one mail of a campaign goes to, and who in its segment is left out for which reason.
//!
//! A fold over all rows of customers that keeps of each only what it must: half a million rows fit
//! into some ten megabytes. One mail goes to an address, and to a person, by the newest of their rows
//! in the segment; people who share a phone under different names are different people (SEMANTICS 23, 24).

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::problem::{Problem, Said};
use super::segment::{Criterion, Customer, History, Memo, Segment, Since, Verdict};
use super::{Definition, Order};
use crate::core::record::{Cells, RecordId};
use crate::core::sheet::fold::fold;
use crate::core::sheet::{Cell, Reading, email, person, phone, yes_no};

/// An address as it is told from others, in memory only: 128 bits of an unkeyed hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressHash(pub u128);

impl AddressHash {
    /// Of an address in any letter case.
    pub fn of(address: &str) -> Self {
        Self(hash(&[&address.to_lowercase()]))
    }
}

fn hash(parts: &[&str]) -> u128 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut first = [0; 16];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    u128::from_le_bytes(first)
}

/// Why somebody in the segment gets no mail.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The e-mail cell is empty.
    NoAddress,
    /// What stands in the e-mail cell is no address.
    UnreadableAddress,
    /// The opt-out cell of the row says no.
    OptedOut,
    /// The address, or somebody with the same phone, has refused advertising; or the mailbox takes none.
    Suppressed,
    /// Nothing shows that the person has agreed to advertising.
    NoConsent,
    /// The address has had as many advertising mails as a day allows.
    OverCap,
    /// The workbook is held until a manager has looked.
    Held,
    /// It is unclear which customer the row is.
    Ambiguous,
    /// The row is missing from the sheet: perhaps it was cut and not yet pasted.
    Missing,
    /// Another row of the same person, or with the same address, gets the mail.
    Duplicate {
        /// That row's record.
        of: RecordId,
    },
    /// None of the campaign's texts is for this group.
    NoText,
}

impl Reason {
    /// What the counts of left-out people are called by, in a fixed order: as in JSON.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoAddress => "no_address",
            Self::UnreadableAddress => "unreadable_address",
            Self::OptedOut => "opted_out",
            Self::Suppressed => "suppressed",
            Self::NoConsent => "no_consent",
            Self::OverCap => "over_cap",
            Self::Held => "held",
            Self::Ambiguous => "ambiguous",
            Self::Missing => "missing",
            Self::Duplicate { .. } => "duplicate",
            Self::NoText => "no_text",
        }
    }

    /// As people say what [`Self::code`] stands for.
    pub fn said_of(code: &str) -> Said {
        let plain = [
            Self::NoAddress,
            Self::UnreadableAddress,
            Self::OptedOut,
            Self::Suppressed,
            Self::NoConsent,
            Self::OverCap,
            Self::Held,
            Self::Ambiguous,
            Self::Missing,
            Self::NoText,
            Self::Duplicate {
                of: RecordId::new(""),
            },
        ];
        plain
            .iter()
            .find(|reason| reason.code() == code)
            .map_or_else(|| Said::new(code, code), Self::said)
    }

    /// As people say it.
    pub fn said(&self) -> Said {
        match self {
            Self::NoAddress => Said::new("chưa có email", "no e-mail address"),
            Self::UnreadableAddress => {
                Said::new("email ghi không đúng", "the e-mail address cannot be read")
            }
            Self::OptedOut => Said::new(
                "đã đánh dấu không nhận tin trong bảng tính",
                "opted out by the cell in the sheet",
            ),
            Self::Suppressed => Said::new("đã từ chối quảng cáo", "has refused advertising"),
            Self::NoConsent => Said::new("chưa đồng ý nhận tin", "has not agreed to advertising"),
            Self::OverCap => Said::new(
                "đã nhận đủ số thư quảng cáo trong 24 giờ",
                "has had as many advertising mails as 24 hours allow",
            ),
            Self::Held => Said::new(
                "bảng tính đang tạm giữ chờ duyệt",
                "the workbook is held until a manager has looked",
            ),
            Self::Ambiguous => Said::new(
                "chưa chắc là khách hàng nào",
                "it is unclear which customer the row is",
            ),
            Self::Missing => Said::new(
                "dòng không còn trong bảng tính",
                "the row is missing from the sheet",
            ),
            Self::Duplicate { .. } => Said::new(
                "trùng người hoặc trùng email với dòng khác",
                "another row of the same person or address gets the mail",
            ),
            Self::NoText => Said::new(
                "không thuộc nhóm nào có nội dung",
                "in none of the groups that a text is for",
            ),
        }
    }
}

/// Somebody who gets a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The newest of the person's rows in the segment.
    pub record: RecordId,
    /// Where it goes.
    pub address: AddressHash,
    /// Which of the campaign's texts, counted from 0.
    pub variant: usize,
}

/// Somebody in the segment who gets none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The row's record.
    pub record: RecordId,
    /// Why.
    pub reason: Reason,
}

/// What the fold comes to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// In the order in which they are to be sent.
    pub chosen: Vec<Chosen>,
    /// In the order of the records.
    pub left_out: Vec<LeftOut>,
    /// How many rows of customers were looked at.
    pub looked_at: u64,
    /// What kept the others out of the segment, and how many.
    pub out: BTreeMap<Criterion, u64>,
    /// Words of the campaign that no row has, conditions that break: nothing should be asked for before
    /// these are mended.
    pub problems: Vec<Problem>,
}

impl Outcome {
    /// How many are left out, by reason, in the order of [`Reason`]; duplicates are one kind.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        for left in &self.left_out {
            *counts.entry(left.reason.code()).or_default() += 1;
        }
        counts
    }
}

/// Somebody in the segment with an address, of whom it is open whether another row of theirs is newer.
#[derive(Debug)]
struct Candidate {
    record: RecordId,
    address: AddressHash,
    /// Places in `Audience::people`: name and phone, of each phone.
    people: [u32; 2],
    variant: u8,
    /// What speaks against it, told to us: one of the reasons without further content.
    against: Option<Reason>,
    newest: i64,
    order: i64,
}

const NOBODY: u32 = u32::MAX;

/// The fold.
#[derive(Debug)]
pub struct Audience<'s> {
    segment: &'s Segment,
    order: Order,
    memo: Memo,
    candidates: Vec<Candidate>,
    people: HashMap<u128, u32>,
    outcome: Outcome,
    broken: Option<(u64, RecordId)>,
}

impl<'s> Audience<'s> {
    /// Begins a fold for one campaign.
    pub fn new(segment: &'s Segment, order: Order) -> Self {
        Self {
            segment,
            order,
            memo: Memo::default(),
            candidates: Vec::new(),
            people: HashMap::new(),
            outcome: Outcome::default(),
            broken: None,
        }
    }

    /// Takes one row of a customer. `history` is asked only if the answer depends on it; `against` is
    /// asked, with the address, only for those in the segment who have one: what the store knows that
    /// speaks against writing to them (suppression, consent, cap, a held workbook).
    ///
    /// # Errors
    /// Those of `history` and `against`.
    pub fn take<E>(
        &mut self,
        customer: &Customer<'_>,
        history: impl FnMut() -> Result<History, E>,
        against: impl FnOnce(&str) -> Result<Option<Reason>, E>,
    ) -> Result<(), E> {
        let record = customer.record;
        if record.removed {
            return Ok(());
        }
        self.outcome.looked_at += 1;
        let variant = match self.segment.judge(customer, &mut self.memo, history)? {
            Verdict::In { variant } => variant,
            Verdict::Out(criterion) => {
                *self.outcome.out.entry(criterion).or_default() += 1;
                if criterion == Criterion::Broken {
                    let first = self.broken.get_or_insert((0, record.id.clone()));
                    first.0 += 1;
                }
                return Ok(());
            }
        };
        if let Some(reason) = by_the_row(customer, variant) {
            self.leave_out(record.id.clone(), reason);
            return Ok(());
        }
        let address = match address_of(customer.cells) {
            Ok(address) => address,
            Err(reason) => {
                self.leave_out(record.id.clone(), reason);
                return Ok(());
            }
        };
        // The cell refuses for the address as well; it is what people can look up in the sheet.
        let against = match opted_out(customer.cells) {
            true => Some(Reason::OptedOut),
            false => against(&address)?,
        };
        let people = self.people_of(customer.cells);
        let newest = match customer.since() {
            Since::At(at) | Since::Before(at) => at.as_second(),
        };
        let candidate = Candidate {
            record: record.id.clone(),
            address: AddressHash::of(&address),
            people,
            variant: u8::try_from(variant.unwrap_or_default()).unwrap_or(u8::MAX),
            against,
            newest,
            order: self.rank(customer, newest),
        };
        self.candidates.push(candidate);
        Ok(())
    }

    fn leave_out(&mut self, record: RecordId, reason: Reason) {
        self.outcome.left_out.push(LeftOut { record, reason });
    }

    /// What it comes to. `definition` is the campaign of the segment: its cells are named in problems.
    pub fn finish(mut self, definition: &Definition) -> Outcome {
        self.problems(definition);
        // The newest row first; of two alike the one that came later.
        self.candidates
            .sort_unstable_by(|a, b| (b.newest, &b.record).cmp(&(a.newest, &a.record)));
        let mut by_address: HashMap<AddressHash, RecordId> = HashMap::new();
        let mut by_person: HashMap<u32, RecordId> = HashMap::new();
        let mut chosen: Vec<(i64, Chosen)> = Vec::new();
        for candidate in self.candidates {
            let known = by_address.get(&candidate.address).or_else(|| {
                let people = candidate.people.iter().filter(|one| **one != NOBODY);
                people.filter_map(|one| by_person.get(one)).next()
            });
            if let Some(of) = known {
                self.outcome.left_out.push(LeftOut {
                    record: candidate.record,
                    reason: Reason::Duplicate { of: of.clone() },
                });
                continue;
            }
            // Also of one who is left out: an older row of theirs is no way around that.
            by_address.insert(candidate.address, candidate.record.clone());
            for one in candidate.people.into_iter().filter(|one| *one != NOBODY) {
                by_person.insert(one, candidate.record.clone());
            }
            match candidate.against {
                Some(reason) => self.outcome.left_out.push(LeftOut {
                    record: candidate.record,
                    reason,
                }),
                None => chosen.push((
                    candidate.order,
                    Chosen {
                        record: candidate.record,
                        address: candidate.address,
                        variant: usize::from(candidate.variant),
                    },
                )),
            }
        }
        chosen.sort_by_key(|(order, _)| *order);
        self.outcome.chosen = chosen.into_iter().map(|(_, chosen)| chosen).collect();
        self.outcome
            .left_out
            .sort_unstable_by(|a, b| a.record.cmp(&b.record));
        self.outcome
    }

    /// Less is earlier.
    fn rank(&mut self, customer: &Customer<'_>, since: i64) -> i64 {
        match self.order {
            Order::Newest => -since,
            Order::Oldest => since,
            Order::Sheet => i64::from(customer.row),
            Order::Budget => {
                let budget = self.memo.budget(customer.cells);
                let most = budget.and_then(|budget| budget.max.or(budget.min));
                -most.unwrap_or_default()
            }
        }
    }

    /// Name and phone together make a person; whoever has no phone is known by the address alone.
    fn people_of(&mut self, cells: &Cells) -> [u32; 2] {
        let mut people = [NOBODY; 2];
        let Some(cell) = cells.get("phone") else {
            return people;
        };
        let name = cells.get("name").map(name_of).unwrap_or_default();
        if name.is_empty() {
            return people;
        }
        for (place, number) in phones_of(cell).iter().take(people.len()).enumerate() {
            let next = u32::try_from(self.people.len()).unwrap_or(NOBODY);
            people[place] = *self.people.entry(hash(&[&name, number])).or_insert(next);
        }
        people
    }

    fn problems(&mut self, definition: &Definition) {
        let mut told = HashSet::new();
        for (variant, criterion, unmet) in self.segment.unmet(&self.memo) {
            let column = match variant.and_then(|at| definition.variants.get(at)) {
                Some(variant) => format!("group_{}", variant.number),
                None => criterion.column().to_owned(),
            };
            if !told.insert((column.clone(), unmet.word.clone())) {
                continue;
            }
            let word = &unmet.word;
            let mend = match unmet.near {
                Some(near) => Said::new(
                    format!("Có phải ý bạn là “{near}”? Hãy sửa lại ô này."),
                    format!("Did you mean “{near}”? Correct the cell"),
                ),
                None => Said::new(
                    "Hãy sửa lại cho khớp với bảng tính, hoặc xoá giá trị này; cách viết khác có thể khai báo trong [aliases]",
                    "Write it as the sheet does, or remove it; other ways to write it can be listed under [aliases]",
                ),
            };
            self.outcome.problems.push(Problem {
                place: definition.place(&column),
                what: Said::new(
                    format!("không dòng khách hàng nào có “{word}”"),
                    format!("no customer's row has “{word}”"),
                ),
                mend,
            });
        }
        if let Some((rows, _)) = self.broken {
            self.outcome.problems.push(Problem {
                place: definition.place("condition"),
                what: Said::new(
                    format!("điều kiện không tính được với {rows} dòng"),
                    format!("the condition cannot be worked out for {rows} rows"),
                ),
                mend: Said::new(
                    "Hãy viết điều kiện đơn giản hơn, hoặc nhờ quản trị viên xem giúp",
                    "Write it more simply, or ask the admin",
                ),
            });
        }
    }
}

/// What the row itself says against it.
fn by_the_row(customer: &Customer<'_>, variant: Option<usize>) -> Option<Reason> {
    let record = customer.record;
    if record.gone.is_some() {
        return Some(Reason::Missing);
    }
    if record.ambiguous_since.is_some() {
        return Some(Reason::Ambiguous);
    }
    variant.is_none().then_some(Reason::NoText)
}

/// The address that a campaign writes to: the first in the e-mail cell.
///
/// # Errors
/// That there is none, or none that can be read.
pub fn address_of(cells: &Cells) -> Result<String, Reason> {
    let Some(cell) = cells.get("email") else {
        return Err(Reason::NoAddress);
    };
    match email::read(cell) {
        Reading::Nothing => Err(Reason::NoAddress),
        Reading::Value(all) => all
            .first()
            .map(|one| one.expose().to_owned())
            .ok_or(Reason::NoAddress),
        Reading::Bad(_) | Reading::Ambiguous(_) => Err(Reason::UnreadableAddress),
    }
}

fn opted_out(cells: &Cells) -> bool {
    cells
        .get("no_ads")
        .and_then(|cell| yes_no::read_opt_out(cell).value())
        == Some(true)
}

fn name_of(cell: &Cell) -> String {
    match person::read(cell).value() {
        Some(person) => person.full.known().map(fold).unwrap_or_default(),
        None => String::new(),
    }
}

/// The numbers of a cell as they are compared: the usual ten digits need no closer look.
fn phones_of(cell: &Cell) -> Vec<String> {
    let shown = cell.shown();
    let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
    let plain = shown
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, ' ' | '.' | '+' | '-'));
    let national = match digits.len() {
        9 => digits.as_str(),
        10 if digits.starts_with('0') => &digits[1..],
        11 if digits.starts_with("84") => &digits[2..],
        _ => "",
    };
    if plain && national.starts_with(['3', '5', '7', '8', '9']) {
        return vec![format!("+84{national}")];
    }
    phone::read(cell)
        .value()
        .unwrap_or_default()
        .iter()
        .map(|one| one.expose().to_owned())
        .collect()
}

#[cfg(test)]
mod tests;
