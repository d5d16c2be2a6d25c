//! A record: one customer row (one deal) with an id of ours that survives every edit.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::sheet::Cell;

/// The id of a field: `name`, `phone`, the admin's own, …. Short ones, which is all of them, need no heap.
pub type FieldId = compact_str::CompactString;

/// The bound cells of one row, by field id. Empty cells are absent.
pub type Cells = BTreeMap<FieldId, Cell>;

/// An id of ours, `r-` and 26 letters of Crockford's base 32 (a ULID). Minted outside of `core`.
///
/// A workbook may have half a million of them, so an id holds its text itself, without the heap.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(Text);

/// Text of up to [`SHORT`] bytes in place; longer ones, which no minted id is, on the heap.
#[derive(Clone)]
enum Text {
    Short(u8, [u8; SHORT]),
    Long(Box<str>),
}

const SHORT: usize = 30;

impl Text {
    fn as_str(&self) -> &str {
        match self {
            // Filled from a `&str` in `RecordId::new`.
            Self::Short(length, bytes) => {
                std::str::from_utf8(&bytes[..usize::from(*length)]).unwrap_or_default()
            }
            Self::Long(text) => text,
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl std::hash::Hash for Text {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

/// Crockford's base 32: no I, L, O and U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The digit that a letter is; 32 for one that is none.
const DIGITS: [u8; 256] = {
    let mut digits = [32; 256];
    let mut digit = 0;
    while digit < 32 {
        digits[ALPHABET[digit as usize] as usize] = digit;
        digit += 1;
    }
    digits
};

impl RecordId {
    /// Wraps an id that was minted or stored before.
    pub fn new(id: impl AsRef<str>) -> Self {
        let text = id.as_ref();
        let mut bytes = [0; SHORT];
        match (u8::try_from(text.len()), bytes.get_mut(..text.len())) {
            (Ok(length), Some(room)) => {
                room.copy_from_slice(text.as_bytes());
                Self(Text::Short(length, bytes))
            }
            _ => Self(Text::Long(text.into())),
        }
    }

    /// A ULID of a time in milliseconds since 1970 and 80 random bits.
    pub fn mint(at_ms: u64, random: u128) -> Self {
        Self::from_number((u128::from(at_ms) << 80) | (random & ((1 << 80) - 1)))
    }

    /// The next id of several that are minted at the same time: behind `last`, and nobody can guess it either. So those of
    /// rows that come together stand in their order, and near each other in the store.
    pub fn mint_behind(last: Option<&Self>, at_ms: u64, random: u128) -> Self {
        const STEP: u128 = (1 << 56) - 1;
        let behind = last
            .and_then(Self::number)
            .map(|last| last + 1 + (random & STEP));
        behind
            .filter(|behind| behind >> 80 == u128::from(at_ms))
            .map_or_else(|| Self::mint(at_ms, random), Self::from_number)
    }

    /// The id of a ULID. Ids sort as their ULIDs do.
    pub fn from_number(ulid: u128) -> Self {
        let mut bytes = [0; SHORT];
        bytes[..2].copy_from_slice(b"r-");
        for (place, letter) in bytes[2..28].iter_mut().rev().enumerate() {
            *letter = ALPHABET[((ulid >> (place * 5)) & 31) as usize];
        }
        Self(Text::Short(28, bytes))
    }

    /// The ULID of a minted id; nothing for a text that was not minted.
    pub fn number(&self) -> Option<u128> {
        let letters = self.as_str().strip_prefix("r-")?;
        if letters.len() != 26 || letters.as_bytes()[0] > b'7' {
            return None;
        }
        letters.bytes().try_fold(0_u128, |number, letter| {
            let digit = DIGITS[usize::from(letter)];
            (digit < 32).then_some((number << 5) | u128::from(digit))
        })
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Serialize for RecordId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for RecordId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Ok(Self::new(text))
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a row stands: workbook id, Google's `sheetId` of the tab, and the sheet's own row number (the first row is 1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The workbook's id, from its address.
    pub workbook: String,
    /// Google's `sheetId`, which a renamed tab keeps.
    pub sheet: i64,
    /// Row number as the sheet shows it.
    pub row: u32,
}

/// What a row is about.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A customer, a deal.
    #[default]
    Customer,
    /// An appointment, of a tab of its own.
    Appointment,
}

/// What the store keeps of a customer row. Formats older than [`Record::FORMAT`] are read and upgraded by the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The id that survives every edit.
    pub id: RecordId,
    /// A customer, or a row of an appointments tab.
    #[serde(default)]
    pub kind: Kind,
    /// Where the row stood at the last poll that saw it.
    pub place: Place,
    /// The bound cells as last seen.
    pub seen: Cells,
    /// The bound cells that events were made of; `None` until the row has settled for the first time.
    pub settled: Option<Cells>,
    /// When the row was first seen.
    pub first_seen: Timestamp,
    /// When a bound cell was last seen to change.
    pub changed_at: Timestamp,
    /// Since when `seen` differs from `settled`, if it does.
    pub pending_since: Option<Timestamp>,
    /// The number of events so far; an event's number makes its occasion distinct.
    pub events: u64,
    /// The stage that clocks and reminders go by: the last one that could be read.
    pub stage: Option<String>,
    /// When that stage was entered, by the poll that showed it first; `None` if nobody can know.
    pub stage_since: Option<Timestamp>,
    /// The last poll that still showed the stage before: the entry lies between it and `stage_since`
    /// (SEMANTICS 16). `None` where no two polls saw it, as at the baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage_after: Option<Timestamp>,
    /// Between which polls the stage cell came to say what it says, as long as that has not settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage_seen: Option<StageSeen>,
    /// The number of the event with which the stage was entered (0: the baseline).
    pub stage_event: u64,
    /// The start of the idle clock: the latest of stage entry, settled change and button.
    pub active_at: Timestamp,
    /// When the row was missed first; it is a tombstone from then on.
    pub gone: Option<Timestamp>,
    /// Whether the removal has settled.
    pub removed: bool,
    /// Rules on `added` whose condition was not true yet, and until when they stay open (SEMANTICS 14).
    #[serde(default)]
    pub open_rules: BTreeMap<String, Timestamp>,
    /// Set at the baseline: such a row was never *added*.
    pub baseline: bool,
    /// Since when rows that could also be this one make its identity unclear (SEMANTICS 7).
    #[serde(default)]
    pub ambiguous_since: Option<Timestamp>,
    /// What rules with a settle time of their own have taken note of, where that is not what the
    /// others have: by rule id. A rule that is not here goes by the record itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub own: BTreeMap<String, Noted>,
    /// When this customer went, if they are known to have been one before this record began (SEMANTICS 8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_before: Option<Timestamp>,
}

/// Between which polls a stage cell changed, and the number under which that is an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageSeen {
    /// The last accepted poll that showed another stage.
    pub after: Option<Timestamp>,
    /// The poll that showed this one first.
    pub by: Timestamp,
    /// The number of the entry, from the first rule for which it settled: the same entry for all.
    #[serde(default)]
    pub event: Option<u64>,
}

/// What has settled of a record for one rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Noted {
    /// The bound cells that the rule's last event was made of; `None` before its first.
    pub settled: Option<Cells>,
    /// The stage by them.
    pub stage: Option<String>,
    /// The number of the event with which that stage was entered.
    pub stage_event: u64,
}

impl Record {
    /// The version byte with which the store writes records of this shape.
    pub const FORMAT: u8 = 1;

    /// What has settled for the rules without a time of their own.
    pub fn noted(&self) -> Noted {
        Noted {
            settled: self.settled.clone(),
            stage: self.stage.clone(),
            stage_event: self.stage_event,
        }
    }

    /// The record as a rule knows it: with what has settled for that rule.
    pub fn for_rule(&self, rule: &str) -> Cow<'_, Self> {
        match self.own.get(rule) {
            None => Cow::Borrowed(self),
            Some(noted) => Cow::Owned(self.with(noted)),
        }
    }

    /// The record with what has settled for somebody else.
    pub fn with(&self, noted: &Noted) -> Self {
        Self {
            settled: noted.settled.clone(),
            stage: noted.stage.clone(),
            stage_event: noted.stage_event,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_its_text_and_its_number() {
        let id = RecordId::mint(1_795_000_000_000, 0xABCD_EF01_2345_6789_ABCD);
        assert_eq!(id.as_str().len(), 28);
        assert_eq!(id.number().map(RecordId::from_number), Some(id.clone()));
        assert_eq!(RecordId::new(id.to_string()), id);
        let later = RecordId::mint(1_795_000_000_001, 0);
        assert!(id < later && id.number() < later.number());
        let random = |n: u128| n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        let mut last = None;
        for n in 0..1_000 {
            let id = RecordId::mint_behind(last.as_ref(), 1_795_000_000_000, random(n));
            assert!(last < Some(id.clone()), "{n}");
            assert_eq!(
                id.number().map(|number| number >> 80),
                Some(1_795_000_000_000)
            );
            last = Some(id);
        }
        // Of another time, or where there is no room behind the last one, it is minted as it is.
        let full = RecordId::mint(1_795_000_000_000, u128::MAX);
        for (at, last) in [(1_795_000_000_001, last), (1_795_000_000_000, Some(full))] {
            let id = RecordId::mint_behind(last.as_ref(), at, 7);
            assert_eq!(id, RecordId::mint(at, 7));
        }
        for other in [
            "held",
            "new/12/7",
            "r-",
            "r-ZZZZZZZZZZZZZZZZZZZZZZZZZZ",
            "r-0000000000000000000000000U",
        ] {
            assert_eq!(RecordId::new(other).number(), None, "{other}");
            assert_eq!(RecordId::new(other).as_str(), other);
        }
        let long = "new/-9223372036854775808/4294967295";
        assert_eq!(RecordId::new(long).as_str(), long);
    }
}
