//! How much two rows speak for one customer: Fellegi–Sunter weights in bits, and what a careful
//! human would ask for beside the sum.
//!
//! A weight is log2(m/u) where cells agree, log2((1−m)/(1−u)) where they differ; m is how often a
//! cell of this kind survives between two polls, u how often it agrees by chance, which is the share
//! of rows that carry the value: rare values weigh more (Fellegi and Sunter 1969).

use std::collections::HashMap;

use super::FieldInfo;
use super::crowd::{Crowd, mark};
use super::likeness::{Alike, Digest, emails, goes_on, names, phones, presence, says_who};
use crate::core::sheet::FieldKind;

/// From here on the weights alone make it the same customer.
const SURE: f64 = 6.0;
/// Below, it is another one; between the two it is ambiguous.
const POSSIBLE: f64 = 1.0;
/// Among so few rows on either side hardly two people have one name by chance (of a thousand names: one time in four).
const FEW: usize = 15;
/// What agreement on a phone or an e-mail weighs, in bits.
pub(super) const KEY: f64 = 14.0;
/// Of a person with several rows, name and contact tell only which person it is, not which deal.
const KNOWN_PERSON: f64 = 3.0;

/// What stands beside the two rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    /// Both neighbours are the same customers as before.
    Both,
    /// One of them.
    One,
    /// Neither, or another tab.
    Neither,
}

/// What speaks for a pair beside its cells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstance {
    pub(super) stand: Stand,
    /// Other rows carry the same name and contact.
    pub(super) known_person: bool,
    /// Several of the leftovers of one side carry them: not only rows that are as they were.
    pub(super) rivals: bool,
    /// Other rows carry the same contact, under whatever name.
    pub(super) shared_key: bool,
    /// Other rows carry the same name.
    pub(super) shared_name: bool,
    /// Among how many rows of the greater side the partner is looked for: the more, the likelier is chance.
    pub(super) pool: usize,
}

/// What comes of comparing two rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    /// The same customer, unless another fits as well.
    Sure,
    /// The same, if nobody else claims either row; else by its score.
    IfUnclaimed,
    /// Nobody could tell; the text says why.
    Unsure(&'static str),
}

/// A pair that could be one customer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bond {
    /// In bits, above 0.
    pub(super) score: f64,
    pub(super) verdict: Verdict,
    /// A strong key took part.
    pub(super) by_key: bool,
    /// The names agree.
    pub(super) by_name: bool,
}

/// What a score means by itself.
pub(super) fn by_score(score: f64) -> Option<Verdict> {
    if score >= SURE {
        Some(Verdict::Sure)
    } else if score >= POSSIBLE {
        Some(Verdict::Unsure(
            "some cells agree and some do not: the same customer, or another one",
        ))
    } else {
        None
    }
}

/// How rare each value is.
pub(super) struct Weights<'a> {
    fields: &'a [FieldInfo],
    crowd: &'a Crowd,
    left: HashMap<u64, u32>,
    total: f64,
}

impl<'a> Weights<'a> {
    /// From the rows left of the poll before, and the crowd.
    pub(super) fn new(fields: &'a [FieldInfo], crowd: &'a Crowd, before: &[Digest]) -> Self {
        let mut left: HashMap<u64, u32> = HashMap::new();
        for value in before.iter().flat_map(Digest::marks) {
            *left.entry(value).or_default() += 1;
        }
        Self {
            fields,
            crowd,
            left,
            total: f64::from(crowd.rows()) + before.len() as f64,
        }
    }

    /// Compares two rows; `None` if they are two customers.
    pub(super) fn bond(&self, before: &Digest, after: &Digest, at: Circumstance) -> Option<Bond> {
        match presence(before.id.is_empty(), after.id.is_empty()) {
            None if before.id != after.id => return None,
            None | Some(_) => {}
        }
        let marks = Marks::of(before, after);
        let rest = self.rest(before, after);
        let (speaks_for, speaks_against) = self.marks_weight(&marks, before);
        // What several rows carry does not tell which of them it is: a person's deals, a family on one number.
        let most = if at.shared_key && marks.name == Alike::Different {
            0.0
        } else if at.known_person {
            KNOWN_PERSON
        } else if at.shared_key {
            // The name with it tells more, but not more than a row in which all else is kept.
            KEY
        } else {
            f64::INFINITY
        };
        let person = speaks_for.min(most) + speaks_against;
        let place = match at.stand {
            Stand::Both => 8.0,
            Stand::One => 3.0,
            Stand::Neither => 0.0,
        };
        // Position outweighs chance by itself: there is only one row in the place.
        let chance = match at.stand {
            Stand::Both => 0.0,
            Stand::One | Stand::Neither => (at.pool.max(1) as f64).log2().min(8.0),
        };
        let score = person + rest.weight + place - chance;
        let verdict = judge(&marks, &rest, at, score)?;
        let floor = match verdict {
            Verdict::Sure => SURE,
            Verdict::IfUnclaimed => 0.1,
            Verdict::Unsure(_) => POSSIBLE,
        };
        Some(Bond {
            score: score.max(floor),
            verdict,
            by_key: marks.phone == Alike::Same || marks.email == Alike::Same,
            by_name: marks.name.agrees(),
        })
    }

    /// The weight of the cells that say who it is: what speaks for one customer, and what against it.
    fn marks_weight(&self, marks: &Marks, before: &Digest) -> (f64, f64) {
        let weigh = |alike: Alike, same: f64, close: f64, different: f64| match alike {
            Alike::Same => (same, 0.0),
            // Of a person's deals the one that has the name in capitals is known by them.
            Alike::Folded => (same, -1.2),
            Alike::Close => (close, 0.0),
            Alike::Different => (0.0, different),
            Alike::Filled => (0.0, -0.3),
            Alike::Emptied => (0.0, -0.8),
            Alike::Neither => (0.0, 0.0),
        };
        let named = |field: &FieldInfo| field.kind == FieldKind::Name;
        let name_field = self.fields.iter().position(named);
        let name = name_field.map_or(0.0, |field| self.rarity(field, &before.texts[field]));
        let parts = [
            weigh(marks.name, name.max(3.0), 3.5, -5.0),
            weigh(marks.phone, KEY, 7.0, -4.5),
            weigh(marks.email, KEY, 6.0, -4.0),
        ];
        parts
            .iter()
            .fold((0.0, 0.0), |sum, part| (sum.0 + part.0, sum.1 + part.1))
    }

    /// The other cells: what the customer wants, and how far it has come.
    fn rest(&self, before: &Digest, after: &Digest) -> Rest {
        let mut rest = Rest::default();
        for (field, info) in self.fields.iter().enumerate() {
            if says_who(info.kind) {
                continue;
            }
            let (old, new) = (before.texts[field].as_str(), after.texts[field].as_str());
            match presence(old.is_empty(), new.is_empty()) {
                Some(Alike::Filled) => {
                    rest.filled += 1;
                    rest.weight -= 0.3;
                }
                Some(Alike::Emptied) => {
                    rest.emptied += 1;
                    rest.weight -= 0.8;
                }
                Some(_) => {}
                None if old == new => {
                    rest.same += 1;
                    rest.weight += self.rarity(field, old);
                }
                None => {
                    rest.different += 1;
                    rest.weight -= change_costs(info.kind);
                }
            }
        }
        rest
    }

    /// What agreement on a value of a field weighs, in bits: the rarer, the more.
    fn rarity(&self, field: usize, value: &str) -> f64 {
        let seen = mark(field, value);
        let left = self.left.get(&seen).copied().unwrap_or(0);
        let count = f64::from(self.crowd.of(seen) + left);
        // What is expected of the kind counts as much as so many rows: a short table tells little.
        let weight_of_kind = 30.0;
        let by_chance = (count + weight_of_kind * chance_of(self.fields[field].kind, value))
            / (self.total + weight_of_kind);
        (0.95 / by_chance).log2().clamp(0.0, 14.0)
    }
}

/// How two rows compare in what says who it is.
#[derive(Clone, Copy, Debug)]
struct Marks {
    name: Alike,
    phone: Alike,
    email: Alike,
    /// The name goes on where it ended before: half of it was typed.
    name_goes_on: bool,
}

impl Marks {
    fn of(before: &Digest, after: &Digest) -> Self {
        let marks = Self {
            name: names(before, after),
            phone: phones(before, after),
            email: emails(before, after),
            name_goes_on: goes_on(before, after),
        };
        let kept_a_key = marks.phone == Alike::Same || marks.email == Alike::Same;
        if marks.name == Alike::Different && !kept_a_key {
            return marks.strangers();
        }
        marks
    }

    /// Under another name, a number or an address that looks alike is another one: a slip of the
    /// finger changes one mark, not all three.
    fn strangers(self) -> Self {
        let strict = |alike| match alike {
            Alike::Close => Alike::Different,
            other => other,
        };
        Self {
            phone: strict(self.phone),
            email: strict(self.email),
            ..self
        }
    }

    fn all(&self) -> [Alike; 3] {
        [self.name, self.phone, self.email]
    }

    /// A strong key, and the name or another strong key with it.
    fn one_person(&self) -> bool {
        let phone = self.phone == Alike::Same;
        let email = self.email == Alike::Same;
        let name = self.name.agrees() || self.name == Alike::Close;
        (phone && email) || ((phone || email) && name)
    }
}

/// How two rows compare in the other cells.
#[derive(Clone, Copy, Debug, Default)]
struct Rest {
    same: u32,
    different: u32,
    filled: u32,
    emptied: u32,
    weight: f64,
}

/// Whether number and address are as before or newly typed.
fn adds_only(marks: &Marks) -> bool {
    [marks.phone, marks.email]
        .iter()
        .all(|alike| matches!(alike, Alike::Same | Alike::Filled | Alike::Neither))
}

/// What a careful human would say.
fn judge(marks: &Marks, rest: &Rest, at: Circumstance, score: f64) -> Option<Verdict> {
    if marks.one_person() && !at.known_person {
        return Some(Verdict::Sure);
    }
    let all = marks.all();
    let other = all
        .iter()
        .filter(|alike| !matches!(alike, Alike::Same | Alike::Folded | Alike::Neither))
        .count()
        + (rest.different + rest.filled + rest.emptied) as usize;
    let strong = marks.phone == Alike::Same || marks.email == Alike::Same;
    if strong && !at.known_person && !at.shared_key {
        // One of a couple for the other, or a number that went on to somebody else?
        return Some(
            if at.stand == Stand::Both || rest.same as usize + 1 >= other {
                Verdict::IfUnclaimed
            } else {
                Verdict::Unsure("the contact is the same, the name and most other cells are not")
            },
        );
    }
    let kept = all.iter().filter(|alike| alike.agrees()).count() + rest.same as usize;
    // A name that is only close is no mark of its own: families share most of theirs.
    let near = marks.phone == Alike::Close || marks.email == Alike::Close;
    let some_agree = near || all.iter().any(|alike| alike.agrees());
    if marks.one_person() {
        // This deal was changed or typed again, or it is gone and another was begun.
        let mostly_kept = rest.same >= 2 && rest.same > rest.different;
        if mostly_kept || !at.rivals && rest.same >= rest.different {
            return Some(Verdict::Sure);
        }
        let enough = rest.same > u32::from(at.rivals);
        return by_score(score).or(enough.then_some(Verdict::Unsure(
            "one deal of a person with several is gone and another is there",
        )));
    }
    let grown = rest.different + rest.emptied == 0
        && all
            .iter()
            .all(|alike| matches!(alike, Alike::Same | Alike::Filled | Alike::Neither));
    if grown && marks.name == Alike::Same && !at.shared_name {
        return Some(Verdict::Sure);
    }
    let only_grown = rest.different + rest.emptied == 0 && adds_only(marks);
    if only_grown && marks.name_goes_on && at.stand != Stand::Neither {
        return Some(Verdict::Sure);
    }
    // Only the contact is new: the name is nobody else's, and every other cell is as it was.
    let only_contact = rest.different + rest.filled + rest.emptied == 0 && rest.same >= 2;
    if only_contact && marks.name == Alike::Same && !at.shared_name {
        return Some(Verdict::Sure);
    }
    if some_agree {
        // A name that nobody else has, with half of the cells, is not simply somebody new.
        let found = at.pool <= FEW || at.stand != Stand::Neither;
        let known_name = found && marks.name.agrees() && !at.shared_name && kept >= other;
        return by_score(score).or(known_name.then_some(Verdict::Unsure(
            "the name is the same and half of the cells, the contact is not",
        )));
    }
    without_agreement(marks, rest, at, score, (kept, other))
}

/// The same where neither name nor contact agrees; `kept` and `other` count the cells that are equal and not.
fn without_agreement(
    marks: &Marks,
    rest: &Rest,
    at: Circumstance,
    score: f64,
    (kept, other): (usize, usize),
) -> Option<Verdict> {
    let all = marks.all();
    let contradictions = all.iter().filter(|a| **a == Alike::Different).count();
    let in_place = at.stand == Stand::Both;
    if contradictions == 0 {
        let nothing_said = all.iter().all(|alike| *alike == Alike::Neither);
        return if nothing_said {
            by_score(score)
        } else if in_place && rest.different == 0 && (rest.same >= 1 || marks.name == Alike::Close)
        {
            Some(Verdict::Sure)
        } else if rest.different > 0 && kept < other {
            None
        } else {
            // The cells are being emptied or filled, and the row does not stand where it stood.
            by_score(score).map(|_| {
                Verdict::Unsure("name and contact are missing on one side and the row has moved")
            })
        };
    }
    // A row most of whose cells are another customer's is another customer, wherever it stands.
    let possible = score >= POSSIBLE && rest.same as usize >= other;
    let all_else_equal = rest.different + rest.filled + rest.emptied == 0 && rest.same >= 2;
    if contradictions == 3 {
        return (all_else_equal || possible).then_some(Verdict::Unsure(
            "name, phone and e-mail are all new while the rest stayed: a hand-over, or another customer",
        ));
    }
    if in_place && all_else_equal && marks.email != Alike::Filled && marks.email != Alike::Emptied {
        return Some(Verdict::Sure);
    }
    (all_else_equal || possible).then_some(Verdict::Unsure(
        "name and contact differ and only common values are left to compare",
    ))
}

/// What it costs, in bits, that a cell was changed.
fn change_costs(kind: FieldKind) -> f64 {
    match kind {
        FieldKind::OptOut | FieldKind::Consent | FieldKind::YesNo => 1.0,
        FieldKind::Stage | FieldKind::Date | FieldKind::Number => 2.0,
        FieldKind::Owner | FieldKind::Money | FieldKind::Choice => 2.6,
        FieldKind::Text => 2.8,
        FieldKind::Name | FieldKind::Phone | FieldKind::Email | FieldKind::Id => 5.0,
    }
}

/// The share of rows that is expected to carry a value, before any row is counted.
fn chance_of(kind: FieldKind, value: &str) -> f64 {
    match kind {
        FieldKind::Id => 1e-6,
        FieldKind::Phone | FieldKind::Email => 1e-5,
        FieldKind::Name => 1e-3,
        FieldKind::Date | FieldKind::Number => 0.02,
        FieldKind::Money => 0.05,
        FieldKind::Owner | FieldKind::Choice => 0.2,
        FieldKind::Stage => 0.25,
        FieldKind::OptOut | FieldKind::Consent | FieldKind::YesNo => 0.5,
        // A short text is a word out of a list, a long one somebody's own sentence.
        FieldKind::Text => {
            let letters = i32::try_from(value.chars().count()).unwrap_or(i32::MAX);
            0.8_f64.powi(letters).clamp(0.001, 0.15)
        }
    }
}
