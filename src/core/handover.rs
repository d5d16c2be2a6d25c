//! A leaver's customers: who stands in for whom, and how they are split among the others.
//!
//! The staff's rows are never written, so what was decided stands beside them: wherever an owner cell names somebody
//! who has handed over, the one who took the customer over is in charge, until the cell names somebody else.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::record::RecordId;
use super::sheet::fold::fold;

/// Somebody who took over may hand over in turn; so many times it is followed.
const LONGEST_CHAIN: usize = 8;

/// Somebody has handed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// What it is known by.
    pub id: String,
    /// Who, as in the staff list, or as the sheet writes it where the list has them no longer.
    pub from: String,
    /// Every way the sheet writes them.
    pub names: Vec<String>,
    /// To whom, in the order of the staff list.
    pub to: Vec<String>,
    /// When.
    pub at: Timestamp,
    /// Who decided it.
    pub by: String,
    /// How many customers.
    pub customers: usize,
}

/// Who has which record now.
pub type Shares = BTreeMap<RecordId, String>;

/// Everything that was handed over and not taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StandIns {
    handovers: Vec<(Handover, Shares)>,
    /// Which of them, by the folded name.
    by_name: BTreeMap<String, usize>,
}

impl StandIns {
    /// All of these stand; of one name the later counts.
    pub fn new(handovers: Vec<(Handover, Shares)>) -> Self {
        let mut by_name = BTreeMap::new();
        for (at, (handover, _)) in handovers.iter().enumerate() {
            let names = handover.names.iter().chain([&handover.from]);
            by_name.extend(names.map(|name| (fold(name), at)));
        }
        Self { handovers, by_name }
    }

    /// What somebody handed over, if it stands.
    pub fn of(&self, name: &str) -> Option<&Handover> {
        let at = self.by_name.get(&fold(name))?;
        self.handovers.get(*at).map(|(handover, _)| handover)
    }

    /// All of them, the oldest first.
    pub fn all(&self) -> impl Iterator<Item = &Handover> {
        self.handovers.iter().map(|(handover, _)| handover)
    }

    /// Who is in charge of a record in the place of somebody; none if they are themselves.
    ///
    /// A row that came after the handover and names the leaver all the same goes to one of those who took over,
    /// always the same one.
    pub fn instead(&self, record: &RecordId, name: &str) -> Option<&str> {
        if self.by_name.is_empty() {
            return None;
        }
        let mut found: Option<&str> = None;
        for _ in 0..LONGEST_CHAIN {
            let next = self.step(record, found.unwrap_or(name));
            match next {
                Some(next) => found = Some(next),
                None => break,
            }
        }
        found
    }

    fn step(&self, record: &RecordId, name: &str) -> Option<&str> {
        let (handover, shares) = self.handovers.get(*self.by_name.get(&fold(name))?)?;
        if let Some(to) = shares.get(record) {
            return Some(to);
        }
        let hash = blake3::hash(record.as_str().as_bytes());
        let number = usize::from(u16::from_be_bytes([hash.as_bytes()[0], hash.as_bytes()[1]]));
        let many = handover.to.len();
        handover
            .to
            .get(number.checked_rem(many)?)
            .map(String::as_str)
    }

    /// The names of an owner cell with everybody in the place of whom somebody else is in charge, each once.
    pub fn owners(&self, record: &RecordId, names: Vec<String>) -> Vec<String> {
        if self.by_name.is_empty() {
            return names;
        }
        let mut found: Vec<String> = Vec::new();
        for name in names {
            let name = self.instead(record, &name).map_or(name, str::to_owned);
            if !found.contains(&name) {
                found.push(name);
            }
        }
        found
    }
}

/// One customer that is to be handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deal {
    /// Which.
    pub record: RecordId,
    /// Where they look for something, folded; may be empty.
    pub area: String,
    /// Whether the deal is not over yet.
    pub open: bool,
    /// Who else the cell names.
    pub beside: Vec<String>,
}

/// Somebody who could take customers over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taker {
    /// As in the staff list.
    pub name: String,
    /// How many open deals they have.
    pub open: usize,
    /// How many that are over.
    pub closed: usize,
    /// How many customers they have by area, folded.
    pub areas: BTreeMap<String, usize>,
}

/// A split: who is in charge already beside the leaver goes on; the others go to those who know the area, as far as
/// everybody comes out even in the end.
///
/// None of the deals has a share if there is nobody to take them.
pub fn split(deals: &[Deal], takers: &[Taker]) -> Shares {
    let mut shares = Shares::new();
    for open in [true, false] {
        let mut load: Vec<usize> = takers
            .iter()
            .map(|taker| if open { taker.open } else { taker.closed })
            .collect();
        let mut rest: Vec<&Deal> = Vec::new();
        for deal in deals.iter().filter(|deal| deal.open == open) {
            let theirs = |taker: &Taker| deal.beside.contains(&taker.name);
            match takers.iter().position(theirs) {
                Some(at) => {
                    load[at] += 1;
                    shares.insert(deal.record.clone(), takers[at].name.clone());
                }
                None => rest.push(deal),
            }
        }
        let level = level(&load, rest.len());
        let knows = |taker: &Taker, deal: &Deal| {
            !deal.area.is_empty() && taker.areas.get(&deal.area).is_some_and(|count| *count > 0)
        };
        // Areas that somebody knows have the first choice, each as a whole.
        rest.sort_by_key(|deal| {
            let known = takers.iter().any(|taker| knows(taker, deal));
            (!known, deal.area.clone(), deal.record.clone())
        });
        for deal in rest {
            let best = takers
                .iter()
                .enumerate()
                .filter(|(at, _)| load[*at] < level)
                .max_by_key(|(at, taker)| {
                    (
                        knows(taker, deal),
                        level - load[*at],
                        std::cmp::Reverse(*at),
                    )
                });
            if let Some((at, taker)) = best {
                load[at] += 1;
                shares.insert(deal.record.clone(), taker.name.clone());
            }
        }
    }
    shares
}

/// Up to which load everybody is filled so that `more` find a place.
fn level(load: &[usize], more: usize) -> usize {
    let mut level = load.iter().min().copied().unwrap_or(0);
    let room = |level: usize| -> usize { load.iter().map(|one| level.saturating_sub(*one)).sum() };
    while !load.is_empty() && room(level) < more {
        let short = more - room(level);
        level += (short / load.len()).max(1);
    }
    level
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> RecordId {
        RecordId::new(text)
    }

    fn handover(from: &str, to: &[&str], shares: &[(&str, &str)]) -> (Handover, Shares) {
        let handover = Handover {
            id: from.to_owned(),
            from: from.to_owned(),
            names: vec![format!("{from} cũ")],
            to: to.iter().map(|name| (*name).to_owned()).collect(),
            at: Timestamp::UNIX_EPOCH,
            by: "Hà".into(),
            customers: shares.len(),
        };
        let shares = shares
            .iter()
            .map(|(record, to)| (id(record), (*to).to_owned()))
            .collect();
        (handover, shares)
    }

    #[test]
    fn whoever_took_over_is_in_charge_until_the_cell_says_otherwise() {
        let standing = StandIns::new(vec![
            handover(
                "Lan Anh",
                &["Minh", "Thu"],
                &[("r-1", "Minh"), ("r-2", "Thu")],
            ),
            handover("Thu", &["Bảo"], &[]),
        ]);
        let owners = |record: &str, names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            standing.owners(&id(record), names).join("+")
        };
        assert_eq!(owners("r-1", &["lan anh"]), "Minh");
        assert_eq!(owners("r-1", &["Lan Anh cũ", "Minh"]), "Minh", "each once");
        assert_eq!(owners("r-2", &["Lan Anh"]), "Bảo", "who took over left too");
        assert_eq!(
            owners("r-1", &["Quốc"]),
            "Quốc",
            "the cell names somebody else"
        );
        // A later row is somebody's, and stays theirs.
        let later = owners("r-77", &["Lan Anh"]);
        assert!(["Minh", "Bảo"].contains(&later.as_str()), "{later}");
        assert_eq!(owners("r-77", &["Lan Anh"]), later);
        assert_eq!(StandIns::default().instead(&id("r-1"), "Lan Anh"), None);
    }

    #[test]
    fn two_who_hand_over_to_each_other_do_not_go_on_for_ever() {
        let standing = StandIns::new(vec![handover("A", &["B"], &[]), handover("B", &["A"], &[])]);
        assert!(standing.instead(&id("r-1"), "A").is_some());
    }

    fn taker(name: &str, open: usize, areas: &[&str]) -> Taker {
        Taker {
            name: name.into(),
            open,
            closed: 0,
            areas: areas.iter().map(|area| ((*area).to_owned(), 1)).collect(),
        }
    }

    fn counts(shares: &Shares) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for to in shares.values() {
            *counts.entry(to.as_str()).or_default() += 1;
        }
        counts
    }

    fn deals(many: usize, area: &str) -> Vec<Deal> {
        let deal = |number: usize| Deal {
            record: id(&format!("r-{area}{number:03}")),
            area: area.to_owned(),
            open: true,
            beside: Vec::new(),
        };
        (0..many).map(deal).collect()
    }

    #[test]
    fn a_split_is_even_at_the_end_and_goes_by_area_first() {
        let takers = [
            taker("A", 10, &[]),
            taker("B", 4, &[]),
            taker("C", 4, &["q9"]),
        ];
        let shares = split(&deals(6, ""), &takers);
        assert_eq!(counts(&shares), BTreeMap::from([("B", 3), ("C", 3)]));
        // Three of the area go to the one who knows it; those of none fill up the others.
        let both = [deals(3, "q9"), deals(3, "")].concat();
        let shares = split(&both, &takers);
        assert_eq!(counts(&shares), BTreeMap::from([("B", 3), ("C", 3)]));
        for deal in deals(3, "q9") {
            assert_eq!(shares[&deal.record], "C");
        }
        let shares = split(&deals(20, ""), &takers);
        assert_eq!(shares.len(), 20);
        let counts = counts(&shares);
        assert!(
            counts["A"] >= 2 && counts["B"] >= 8 && counts["C"] >= 8,
            "{counts:?}"
        );
    }

    #[test]
    fn who_shares_a_customer_keeps_it_and_deals_that_are_over_weigh_nothing() {
        let mut all = deals(4, "");
        all[0].beside = vec!["A".into()];
        all[1].open = false;
        let takers = [taker("A", 9, &[]), taker("B", 0, &[])];
        let shares = split(&all, &takers);
        assert_eq!(shares[&all[0].record], "A");
        assert_eq!(shares[&all[2].record], "B");
        assert_eq!(shares[&all[3].record], "B");
        assert_eq!(shares.len(), 4);
        assert!(split(&all, &[]).is_empty());
    }
}
