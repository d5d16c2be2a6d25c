//! Whose customer a person is, where rows of one person name different people in charge.
//!
//! Says which rows are one person's, which of their owners stand against each other, and who was first by which
//! evidence. Finding the rows is `roster`'s, asking the managers the cycle's, and what they decide is `commands`'.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::record::RecordId;

/// By what a row is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Face {
    /// Folded, without title; empty if the row has none that is clear.
    pub name: String,
    /// Numbers in E.164 and addresses in small letters.
    pub contacts: BTreeSet<String>,
}

impl Face {
    /// Whether two rows are one person's: they share a number or an address, and their names do not speak against it.
    /// A couple on one number is two people (SEMANTICS 23).
    pub fn is_same_person(&self, other: &Self) -> bool {
        !self.contacts.is_disjoint(&other.contacts) && agree(&self.name, &other.name)
    }
}

/// Whether two folded names may be one person's: alike, one of them missing, or one a shorter way to write the other
/// that ends in the same given name (`hoa`, `nguyen thi hoa`).
fn agree(one: &str, other: &str) -> bool {
    let (one, other): (Vec<&str>, Vec<&str>) =
        (one.split(' ').collect(), other.split(' ').collect());
    let (short, long) = match one.len() <= other.len() {
        true => (one, other),
        false => (other, one),
    };
    let nameless = short.iter().all(|word| word.is_empty());
    nameless || short.last() == long.last() && short.iter().all(|word| long.contains(word))
}

/// A row of a person, as it bears on whose customer they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The row's record.
    pub record: RecordId,
    /// Who of the company is in charge of it, the first one first.
    pub owners: Vec<String>,
    /// When it was seen first.
    pub seen: Timestamp,
    /// Whether it was there at the first look: it may be much older than `seen`.
    pub baseline: bool,
    /// The day of receipt in its cell.
    pub received: Option<Date>,
    /// The deal is off: nobody claims anybody with it.
    pub lost: bool,
}

/// People who are in charge together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// Their names, the first one first.
    pub owners: Vec<String>,
    /// Their rows.
    pub records: Vec<RecordId>,
}

/// The sides that stand against each other, whoever has the oldest row first; one or none: nobody claims what
/// another one has. Whoever share a row (`Lan + Minh`) are on one side.
pub fn sides(standings: &[Standing]) -> Vec<Side> {
    let mut ordered: Vec<&Standing> = standings
        .iter()
        .filter(|one| !one.lost && !one.owners.is_empty())
        .collect();
    // A row of the first look was there before.
    ordered.sort_by_key(|one| (one.seen, !one.baseline, one.record.clone()));
    let mut sides: Vec<Side> = Vec::new();
    for one in &ordered {
        let shares = |side: &Side| side.owners.iter().any(|name| one.owners.contains(name));
        let (together, others): (Vec<Side>, Vec<Side>) = sides.into_iter().partition(shares);
        let mut joined = Side {
            owners: Vec::new(),
            records: Vec::new(),
        };
        let own = Side {
            owners: one.owners.clone(),
            records: vec![one.record.clone()],
        };
        for side in together.into_iter().chain([own]) {
            for name in side.owners {
                if !joined.owners.contains(&name) {
                    joined.owners.push(name);
                }
            }
            joined.records.extend(side.records);
        }
        sides = others;
        sides.push(joined);
    }
    let oldest = |side: &Side| {
        let place = |one: &&Standing| side.records.contains(&one.record);
        ordered.iter().position(place)
    };
    sides.sort_by_key(oldest);
    sides
}

/// Who was first, by each kind of evidence; none where it does not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct First {
    /// The side whose row was seen first.
    pub by_sight: Option<usize>,
    /// The side with the earliest day of receipt in its cells, which people type.
    pub by_cell: Option<usize>,
}

/// Who was first. Rows that were there at the first look may be of any age: between two of them sight does not tell.
pub fn first(sides: &[Side], standings: &[Standing]) -> First {
    let of = |side: &Side| {
        let records = side.records.clone();
        standings
            .iter()
            .filter(move |one| records.contains(&one.record) && !one.lost)
    };
    let sights = sides.iter().map(|side| {
        // A row of the first look was there before all that came later.
        of(side).map(|one| (!one.baseline, one.seen)).min()
    });
    let sights: Vec<_> = sights.collect();
    let cells: Vec<_> = sides
        .iter()
        .map(|side| of(side).filter_map(|one| one.received).min())
        .collect();
    let at_first_look = |place: &usize| matches!(sights[*place], Some((false, _)));
    let known = cells.iter().all(Option::is_some);
    First {
        by_sight: only_least(&sights).filter(|place| {
            let others = (0..sights.len()).filter(|other| other != place);
            !at_first_look(place) || others.filter(at_first_look).count() == 0
        }),
        by_cell: only_least(&cells).filter(|_| known),
    }
}

/// The place of the least, if no other is as small.
fn only_least<T: Ord>(values: &[Option<T>]) -> Option<usize> {
    let least = values.iter().flatten().min()?;
    let mut places = (0..values.len()).filter(|at| values[*at].as_ref() == Some(least));
    places.next().filter(|_| places.next().is_none())
}

/// What a manager decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// The customer is theirs.
    For(Vec<String>),
    /// All of them look after the customer.
    Together,
}

/// A decision, and whose it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What.
    pub keep: Keep,
    /// Which manager.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A person whom several claim, from the first question on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// What it is known by.
    pub id: String,
    /// The person's rows.
    pub records: Vec<RecordId>,
    /// Everybody of whom the managers were asked.
    pub owners: BTreeSet<String>,
    /// The number of the question: a new owner makes a new one.
    pub round: u32,
    /// When it was noticed.
    pub opened: Timestamp,
    /// What was decided.
    pub verdict: Option<Verdict>,
    /// When the sheet itself came to name one side only.
    pub over: Option<Timestamp>,
}

/// What a look at a person's rows does to what was known of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing is new.
    Stays,
    /// Rows joined or left; nobody is asked.
    Kept(Claim),
    /// The managers are asked.
    Asked(Claim),
    /// The sheet names one side only now.
    Over(Claim),
}

/// The next state of a claim, if there was one, for a person with these rows and sides. A decision stands until
/// somebody claims the person who was not among those of whom it was made.
pub fn step(known: Option<Claim>, records: &[RecordId], sides: &[Side], now: Timestamp) -> Step {
    let owners: BTreeSet<String> = sides.iter().flat_map(|side| side.owners.clone()).collect();
    let Some(known) = known else {
        if sides.len() < 2 {
            return Step::Stays;
        }
        return Step::Asked(Claim {
            id: name(records),
            records: records.to_vec(),
            owners,
            round: 1,
            opened: now,
            verdict: None,
            over: None,
        });
    };
    let joined: BTreeSet<&RecordId> = known.records.iter().chain(records).collect();
    let joined: Vec<RecordId> = joined.into_iter().cloned().collect();
    if sides.len() < 2 {
        return match known.over {
            Some(_) => Step::Stays,
            None => Step::Over(Claim {
                over: Some(now),
                records: joined,
                ..known
            }),
        };
    }
    let newcomer = !owners.is_subset(&known.owners);
    let again = known.over.is_some() && known.verdict.is_none();
    if newcomer || again {
        return Step::Asked(Claim {
            records: joined,
            owners: known.owners.union(&owners).cloned().collect(),
            round: known.round + 1,
            verdict: None,
            over: None,
            ..known
        });
    }
    if known.over.is_some() || joined != known.records {
        return Step::Kept(Claim {
            records: joined,
            over: None,
            ..known
        });
    }
    Step::Stays
}

/// A short name for the rows with which it began.
fn name(records: &[RecordId]) -> String {
    let mut ids: Vec<&str> = records.iter().map(RecordId::as_str).collect();
    ids.sort_unstable();
    format!(
        "c-{}",
        &blake3::hash(ids.join(" ").as_bytes()).to_hex()[..8]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(name: &str, contacts: &[&str]) -> Face {
        Face {
            name: name.into(),
            contacts: contacts.iter().map(|&one| one.to_owned()).collect(),
        }
    }

    #[test]
    fn one_person_shares_a_contact_and_a_name() {
        let hoa = face("nguyen thi hoa", &["+84901", "hoa@x.vn"]);
        for (name, contacts, same) in [
            ("nguyen thi hoa", vec!["+84901"], true),
            ("hoa", vec!["+84901"], true),
            ("", vec!["hoa@x.vn"], true),
            ("tran van hoa", vec!["+84901"], false),
            ("nguyen thi lan", vec!["+84901"], false),
            ("nguyen thi hoa", vec!["+84902"], false),
            ("nguyen thi", vec!["+84901"], false),
        ] {
            assert_eq!(hoa.is_same_person(&face(name, &contacts)), same, "{name}");
            assert_eq!(face(name, &contacts).is_same_person(&hoa), same, "{name}");
        }
    }

    /// `Lan Minh 3 2026-11-02 lost`: owners, the day on which it was seen (`0`: the first look), day of receipt.
    fn rows(lines: &[&str]) -> Vec<Standing> {
        let row = |(number, line): (usize, &&str)| {
            let mut standing = Standing {
                record: RecordId::from_number(number as u128 + 1),
                owners: Vec::new(),
                seen: Timestamp::UNIX_EPOCH,
                baseline: false,
                received: None,
                lost: false,
            };
            for word in line.split(' ') {
                match (word.parse::<i64>(), word.parse()) {
                    (Ok(day), _) => {
                        standing.seen = Timestamp::from_second(day * 86_400).unwrap();
                        standing.baseline = day == 0;
                    }
                    (_, Ok(date)) => standing.received = Some(date),
                    _ if word == "lost" => standing.lost = true,
                    _ => standing.owners.push(word.into()),
                }
            }
            standing
        };
        lines.iter().enumerate().map(row).collect()
    }

    fn shown(rows: &[Standing]) -> String {
        let sides = sides(rows);
        let names: Vec<String> = sides.iter().map(|side| side.owners.join("+")).collect();
        names.join(" | ")
    }

    #[test]
    fn whoever_shares_a_row_is_on_one_side() {
        for (lines, expected) in [
            (vec!["Lan 1", "Minh 2"], "Lan | Minh"),
            (vec!["Minh 2", "Lan 1"], "Lan | Minh"),
            (vec!["Lan 1", "Lan 2"], "Lan"),
            (vec!["Lan 1", "Minh 2 lost"], "Lan"),
            (vec!["Lan 1", "2"], "Lan"),
            (vec!["Lan Minh 1", "Minh 2"], "Lan+Minh"),
            (vec!["Lan 1", "Minh 2", "Minh Lan 3"], "Lan+Minh"),
            (
                vec!["Hoa 1", "Lan 2", "Minh 3", "Minh Lan 4"],
                "Hoa | Lan+Minh",
            ),
            (
                vec!["Lan 1", "Hoa 2", "Minh 3", "Minh Lan 4"],
                "Lan+Minh | Hoa",
            ),
            (vec!["Lan 1", "Minh 2", "Hoa 3"], "Lan | Minh | Hoa"),
        ] {
            assert_eq!(shown(&rows(&lines)), expected, "{lines:?}");
        }
    }

    #[test]
    fn who_was_first_is_said_only_where_the_evidence_tells() {
        for (lines, by_sight, by_cell) in [
            (vec!["Lan 1", "Minh 2"], Some(0), None),
            (
                vec!["Lan 1 2026-11-09", "Minh 2 2026-11-02"],
                Some(0),
                Some(1),
            ),
            (vec!["Lan 1 2026-11-02", "Minh 2 2026-11-02"], Some(0), None),
            (vec!["Lan 0", "Minh 2"], Some(0), None),
            (vec!["Lan 0", "Minh 0"], None, None),
            (vec!["Lan 0 2026-11-02", "Minh 0 2026-10-02"], None, Some(1)),
            (vec!["Lan 1", "Minh 1"], None, None),
        ] {
            let rows = rows(&lines);
            let first = first(&sides(&rows), &rows);
            assert_eq!(
                (first.by_sight, first.by_cell),
                (by_sight, by_cell),
                "{lines:?}"
            );
        }
    }

    fn look(known: Option<Claim>, lines: &[&str]) -> Step {
        let rows = rows(lines);
        let ids: Vec<RecordId> = rows.iter().map(|row| row.record.clone()).collect();
        step(known, &ids, &sides(&rows), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_question_is_asked_once_and_again_for_a_new_owner_only() {
        assert_eq!(look(None, &["Lan 1", "Lan 2"]), Step::Stays);
        let Step::Asked(claim) = look(None, &["Lan 1", "Minh 2"]) else {
            panic!("nobody was asked");
        };
        assert_eq!(claim.round, 1);
        assert_eq!(look(Some(claim.clone()), &["Lan 1", "Minh 2"]), Step::Stays);
        // Another row of one of them changes nothing but the list of rows.
        let more = look(Some(claim.clone()), &["Lan 1", "Minh 2", "Minh 3"]);
        assert!(
            matches!(more, Step::Kept(ref claim) if claim.records.len() == 3 && claim.round == 1)
        );
        let decided = Claim {
            verdict: Some(Verdict {
                keep: Keep::For(vec!["Lan".into()]),
                by: "Ha".into(),
                at: Timestamp::UNIX_EPOCH,
            }),
            ..claim.clone()
        };
        assert_eq!(
            look(Some(decided.clone()), &["Lan 1", "Minh 2"]),
            Step::Stays
        );
        let Step::Over(over) = look(Some(decided), &["Lan 1", "Lan 2"]) else {
            panic!("it is over");
        };
        // Decided once: the same two need not be decided again.
        assert!(matches!(
            look(Some(over.clone()), &["Lan 1", "Minh 2"]),
            Step::Kept(_)
        ));
        let Step::Asked(third) = look(Some(over), &["Lan 1", "Hoa 2"]) else {
            panic!("a new owner is a new question");
        };
        assert_eq!((third.round, third.verdict), (2, None));
        // Ended by the sheet before anybody had decided: asked again.
        let Step::Over(open) = look(Some(claim), &["Minh 1", "Minh 2"]) else {
            panic!("it is over");
        };
        assert!(matches!(
            look(Some(open), &["Lan 1", "Minh 2"]),
            Step::Asked(_)
        ));
    }
}
