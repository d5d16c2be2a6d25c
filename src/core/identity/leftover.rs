//! Steps 2 to 5: the rows whose content found no equal. Id column, strong keys, removed records
//! that return, similarity; what is still alone was added or removed.

use std::collections::{HashMap, HashSet};

use super::assign::{Edge, assign};
use super::content::{Beside, ContentMatch};
use super::crowd::Crowd;
use super::likeness::{Digest, says_who};
use super::weigh::{Bond, Circumstance, KEY, Stand, Verdict, Weights, by_score};
use super::{Context, FieldInfo, Group, How, Matching, Pair, Row};

mod back;
mod candidates;
mod gather;

use back::Hurry;
use candidates::Place;
use gather::Doubt;

/// Two pairings whose scores, in bits, are no further apart than this fit equally well.
const TIE: f64 = 2.0;
/// Over so many rows that are not matched yet the neighbours of a row are looked for one by one.
const WALK: usize = 50;
/// What a key under another name loses, in bits, when somebody else claims one of the rows.
const CLAIMED: f64 = 6.0;

/// Matches the rows that [`super::match_content`] left over, and gathers everything into one [`Matching`].
///
/// `before[i]` is the row at `content.before_left[i]` with its cells, `after` likewise. The positions in what comes
/// back are those of the whole polls, and the pairs by content are among them.
pub fn match_leftover(
    content: &ContentMatch,
    before: &[Row],
    after: &[Row],
    context: &Context<'_>,
    fields: &[FieldInfo],
) -> Matching {
    let nobody = Crowd::default();
    let digest = |rows: &[Row]| -> Vec<Digest> {
        rows.iter()
            .map(|row| Digest::new(&row.cells, fields))
            .collect()
    };
    let mut work = Leftover {
        content,
        places: [
            candidates::places(&content.before_spots),
            candidates::places(&content.after_spots),
        ],
        tabs: [before, after].map(|rows| rows.iter().map(|row| row.tab).collect()),
        crowd: context.crowd.unwrap_or(&nobody),
        before: digest(before),
        after: digest(after),
        gone: digest(context.gone),
        partner_before: vec![None; before.len()],
        partner_after: vec![None; after.len()],
        returned: vec![None; after.len()],
        counts: Counts::default(),
        doubts: Vec::new(),
    };
    if !(before.is_empty() && after.is_empty()) {
        work.counts = Counts::of(&work.before, &work.after);
        work.by_id();
        work.by_key(fields);
        work.back_again(fields, Hurry::UnlessLiveRowsCompete);
        work.by_similarity(fields);
        work.back_again(fields, Hurry::NoNeed);
    }
    work.gather(fields)
}

/// The matching under way. Positions are those among the leftovers.
struct Leftover<'a> {
    content: &'a ContentMatch,
    tabs: [Vec<u32>; 2],
    /// Where each stands, seen from above and from below.
    places: [Vec<[Option<Place>; 2]>; 2],
    crowd: &'a Crowd,
    before: Vec<Digest>,
    after: Vec<Digest>,
    gone: Vec<Digest>,
    partner_before: Vec<Option<(usize, How)>>,
    partner_after: Vec<Option<(usize, How)>>,
    /// Which removed record a row is, and by which evidence.
    returned: Vec<Option<(usize, How)>>,
    counts: Counts,
    doubts: Vec<Doubt>,
}

/// In how many leftovers of each side a name with contact, a contact, or a name occurs. Rows equal in every cell count once.
#[derive(Default)]
struct Counts {
    before: HashMap<u64, u32>,
    after: HashMap<u64, u32>,
}

impl Counts {
    fn of(before: &[Digest], after: &[Digest]) -> Self {
        let count = |rows: &[Digest]| {
            let mut counts: HashMap<u64, u32> = HashMap::new();
            let mut seen: HashSet<u128> = HashSet::new();
            for row in rows.iter().filter(|row| seen.insert(row.content)) {
                let marks = row.person_marks().into_iter().chain(row.key_marks());
                for mark in marks.chain(row.name_mark()) {
                    *counts.entry(mark).or_default() += 1;
                }
            }
            counts
        };
        Self {
            before: count(before),
            after: count(after),
        }
    }

    /// Whether a row besides one before and one after carries the mark.
    fn on_others(&self, mark: u64, crowd: &Crowd) -> bool {
        self.among_left(mark) || crowd.of(mark) > 0
    }

    /// How many leftovers of the side that has more of them carry one of the marks.
    fn most(&self, marks: &[u64]) -> usize {
        let on = |counts: &HashMap<u64, u32>| {
            marks
                .iter()
                .filter_map(|mark| counts.get(mark))
                .max()
                .copied()
        };
        on(&self.before).max(on(&self.after)).unwrap_or(0) as usize
    }

    /// Whether several leftovers of one side carry the mark.
    fn among_left(&self, mark: u64) -> bool {
        let more_than_one = |counts: &HashMap<u64, u32>| counts.get(&mark).is_some_and(|&n| n > 1);
        more_than_one(&self.before) || more_than_one(&self.after)
    }
}

impl Leftover<'_> {
    fn link(&mut self, before: usize, after: usize, how: How) {
        self.partner_before[before] = Some((after, how));
        self.partner_after[after] = Some((before, how));
    }

    /// Step 2: an id that stands once on each side.
    fn by_id(&mut self) {
        let once = |rows: &[Digest]| {
            let mut at: HashMap<String, Option<usize>> = HashMap::new();
            for (row, digest) in rows.iter().enumerate() {
                if !digest.id.is_empty() {
                    at.entry(digest.id.clone())
                        .and_modify(|found| *found = None)
                        .or_insert(Some(row));
                }
            }
            at
        };
        let (before, after) = (once(&self.before), once(&self.after));
        for (id, b) in before {
            if let (Some(b), Some(Some(a))) = (b, after.get(&id)) {
                self.link(b, *a, How::Id);
            }
        }
    }

    /// Step 3: a name with a phone or an e-mail that stands once on each side, and not on a row paired by content.
    ///
    /// Keys without the name, and rows in which more was changed than kept, are weighed with everything else in
    /// [`Self::by_similarity`]: a second deal may have been typed while the first got another number.
    fn by_key(&mut self, fields: &[FieldInfo]) {
        let mut owner: HashMap<u64, usize> = HashMap::new();
        for (a, digest) in self.after.iter().enumerate() {
            if self.partner_after[a].is_none() {
                for mark in digest.person_marks() {
                    owner.entry(mark).or_insert(a);
                }
            }
        }
        let mut found: Vec<(usize, usize)> = Vec::new();
        for (b, digest) in self.before.iter().enumerate() {
            if self.partner_before[b].is_some() {
                continue;
            }
            let marks = digest.person_marks();
            let alone = !marks
                .iter()
                .any(|&mark| self.counts.on_others(mark, self.crowd));
            let mut claims = marks.iter().filter_map(|mark| owner.get(mark));
            if let Some(&a) = claims.next()
                && alone
                && claims.all(|&other| other == a)
                && self.partner_after[a].is_none()
                && ids_agree(digest, &self.after[a])
                && mostly_kept(digest, &self.after[a], fields)
            {
                found.push((b, a));
            }
        }
        // Two rows before may claim one after, by phone the one and by e-mail the other: then neither does.
        let mut claimed: HashMap<usize, u32> = HashMap::new();
        for (_, a) in &found {
            *claimed.entry(*a).or_default() += 1;
        }
        for (b, a) in found {
            if claimed[&a] == 1 {
                self.link(b, a, How::Key);
            }
        }
    }

    /// Step 4: what is left, weighed pair by pair, and the best assignment of it all.
    fn by_similarity(&mut self, fields: &[FieldInfo]) {
        let bonds = self.bonds(fields);
        let bonds = self.settle_claims(bonds);
        let edges: Vec<Edge> = bonds
            .iter()
            .map(|(before, after, bond)| Edge {
                before: *before,
                after: *after,
                score: bond.score,
            })
            .collect();
        let chosen = assign(&edges);
        let ties = self.ties(&edges, &chosen, fields);
        for at in chosen {
            let (b, a, bond) = bonds[at];
            match bond.verdict {
                Verdict::Sure | Verdict::IfUnclaimed => {
                    let how = if bond.by_key { How::Key } else { How::Similar };
                    self.link(b, a, how);
                }
                Verdict::Unsure(why) => {
                    let why = format!("{why} ({})", self.compared(b, a, fields));
                    let doubt = self.doubt(&[b], &[a], why, &[(b, a)]);
                    self.doubts.push(doubt);
                }
            }
        }
        self.doubts.extend(ties);
    }

    /// All pairs that could be, weighed.
    fn bonds(&self, fields: &[FieldInfo]) -> Vec<(usize, usize, Bond)> {
        let weights = Weights::new(fields, self.crowd, &self.before);
        let free = |partners: &[Option<(usize, How)>]| -> Vec<usize> {
            (0..partners.len())
                .filter(|&at| partners[at].is_none())
                .collect()
        };
        let before = free(&self.partner_before);
        let after: Vec<usize> = free(&self.partner_after)
            .into_iter()
            .filter(|&a| self.returned[a].is_none())
            .collect();
        let left = before.len().max(after.len());
        candidates::pairs(self, &before, &after, fields)
            .into_iter()
            .filter_map(|(b, a)| {
                let (old, new) = (&self.before[b], &self.after[a]);
                let (person, same_person) = (old.person_marks(), new.person_marks());
                let among_left = |mark: &u64| self.counts.among_left(*mark);
                let known_person = self.on_others(&person, &same_person);
                let at = Circumstance {
                    stand: self.stand(b, a),
                    known_person,
                    rivals: person.iter().chain(&same_person).any(among_left),
                    shared_key: self.on_others(&old.key_marks(), &new.key_marks()),
                    shared_name: self
                        .on_others(old.name_mark().as_slice(), new.name_mark().as_slice()),
                    // Whose person is known is looked for among that person's rows only.
                    pool: if known_person {
                        self.counts
                            .most(&person)
                            .max(self.counts.most(&same_person))
                    } else {
                        left
                    },
                };
                Some((b, a, weights.bond(old, new, at)?))
            })
            .collect()
    }

    /// Whether something that both rows carry is carried by others too.
    fn on_others(&self, before: &[u64], after: &[u64]) -> bool {
        before
            .iter()
            .filter(|mark| after.contains(mark))
            .any(|&mark| self.counts.on_others(mark, self.crowd))
    }

    /// A key under another name holds if nothing else claims either row; else its score decides.
    fn settle_claims(&self, bonds: Vec<(usize, usize, Bond)>) -> Vec<(usize, usize, Bond)> {
        let mut claims_before = vec![0_u32; self.before.len()];
        let mut claims_after = vec![0_u32; self.after.len()];
        let mut named_before = vec![false; self.before.len()];
        let mut named_after = vec![false; self.after.len()];
        for (b, a, bond) in &bonds {
            claims_before[*b] += 1;
            claims_after[*a] += 1;
            named_before[*b] |= bond.by_name;
            named_after[*a] |= bond.by_name;
        }
        bonds
            .into_iter()
            .filter_map(|(b, a, bond)| match bond.verdict {
                Verdict::Sure | Verdict::Unsure(_) => Some((b, a, bond)),
                Verdict::IfUnclaimed if claims_before[b] == 1 && claims_after[a] == 1 => {
                    Some((b, a, bond))
                }
                Verdict::IfUnclaimed => {
                    // Where the name is found elsewhere, the key went from one to the other and tells nothing.
                    let exchanged = named_before[b] || named_after[a];
                    let score = bond.score - if exchanged { KEY } else { CLAIMED };
                    let verdict = by_score(score)?;
                    Some((
                        b,
                        a,
                        Bond {
                            score,
                            verdict,
                            ..bond
                        },
                    ))
                }
            })
            .collect()
    }

    /// What stands beside two leftovers: the same customers?
    fn stand(&self, before: usize, after: usize) -> Stand {
        if self.tabs[0][before] != self.tabs[1][after] {
            return Stand::Neither;
        }
        let above = self.same_side(before, after, true);
        let below = self.same_side(before, after, false);
        match (above, below) {
            (true, true) => Stand::Both,
            (true, false) | (false, true) => Stand::One,
            (false, false) => Stand::Neither,
        }
    }

    /// Whether the next row in one direction is the same customer. Rows not matched yet are stepped over, in step on both sides.
    fn same_side(&self, before: usize, after: usize, up: bool) -> bool {
        let (mut b, mut a) = (before, after);
        for _ in 0..WALK {
            let (old, new) = (&self.content.before_spots[b], &self.content.after_spots[a]);
            let (old, new) = if up {
                (old.above, new.above)
            } else {
                (old.below, new.below)
            };
            match (old, new) {
                (Beside::Edge, Beside::Edge) => return true,
                (Beside::Paired(one), Beside::Paired(other)) => return one == other,
                (Beside::Left(one), Beside::Left(other)) => {
                    (b, a) = (one as usize, other as usize);
                    match (self.partner_before[b], self.partner_after[a]) {
                        (Some((partner, _)), _) => return partner == a,
                        (None, Some(_)) => return false,
                        (None, None) => {}
                    }
                }
                (Beside::Edge | Beside::Paired(_) | Beside::Left(_), _) => return false,
            }
        }
        // Far from any row that is known, the count of steps to one decides.
        let side = usize::from(!up);
        self.places[0][before][side] == self.places[1][after][side]
    }

    /// Which cells of two rows differ and which agree, in words.
    fn compared(&self, before: usize, after: usize, fields: &[FieldInfo]) -> String {
        let (mut same, mut different) = (Vec::new(), Vec::new());
        let (old, new) = (&self.before[before].texts, &self.after[after].texts);
        for (field, info) in fields.iter().enumerate() {
            if old[field] != new[field] {
                different.push(info.id.as_str());
            } else if !old[field].is_empty() {
                same.push(info.id.as_str());
            }
        }
        match (different.as_slice(), same.as_slice()) {
            (different, []) => format!("different: {}", gather::listed(different)),
            ([], same) => format!("same: {}", gather::listed(same)),
            (different, same) => format!(
                "different: {}; same: {}",
                gather::listed(different),
                gather::listed(same)
            ),
        }
    }

    /// Chosen pairs for which another pairing fits about as well.
    fn ties(&self, edges: &[Edge], chosen: &[usize], fields: &[FieldInfo]) -> Vec<Doubt> {
        let score: HashMap<(usize, usize), f64> = edges
            .iter()
            .map(|edge| ((edge.before, edge.after), edge.score))
            .collect();
        let partner: HashMap<usize, usize> = chosen
            .iter()
            .map(|&at| (edges[at].before, edges[at].after))
            .collect();
        let holder: HashMap<usize, usize> = partner.iter().map(|(b, a)| (*a, *b)).collect();
        let mut doubts = Vec::new();
        for edge in edges {
            let (b, a) = (edge.before, edge.after);
            if partner.get(&b) == Some(&a) {
                continue;
            }
            // Giving `a` to `b` frees the partners of both, who may then take one another.
            let (other_a, other_b) = (partner.get(&b).copied(), holder.get(&a).copied());
            let worth = |b: Option<usize>, a: Option<usize>| {
                b.zip(a)
                    .and_then(|pair| score.get(&pair))
                    .copied()
                    .unwrap_or(0.0)
            };
            let now = worth(Some(b), other_a) + worth(other_b, Some(a));
            let then = edge.score + worth(other_b, other_a);
            let same_before =
                other_b.is_some_and(|o| self.before[o].content == self.before[b].content);
            let same_after =
                other_a.is_some_and(|o| self.after[o].content == self.after[a].content);
            // Rows equal before or after are looked at in [`gather`].
            if now - then > TIE || same_before || same_after {
                continue;
            }
            let befores: Vec<usize> = [Some(b), other_b].into_iter().flatten().collect();
            let afters: Vec<usize> = [Some(a), other_a].into_iter().flatten().collect();
            let one_person = self.on_others(
                &self.before[b].person_marks(),
                &self.after[a].person_marks(),
            );
            let found = if one_person {
                "rows of one person changed, and more than one reading fits"
            } else {
                "more than one row fits equally well"
            };
            let why = format!("{found} ({})", self.compared(b, a, fields));
            let likely: Vec<(usize, usize)> = [other_a.map(|a| (b, a)), other_b.map(|b| (b, a))]
                .into_iter()
                .flatten()
                .collect();
            doubts.push(self.doubt(&befores, &afters, why, &likely));
        }
        doubts
    }
}

/// Whether at least as many cells are equal as differ, names and contacts apart.
fn mostly_kept(before: &Digest, after: &Digest, fields: &[FieldInfo]) -> bool {
    let (mut same, mut different) = (0, 0);
    for (field, info) in fields.iter().enumerate() {
        let (old, new) = (&before.texts[field], &after.texts[field]);
        if !says_who(info.kind) && !old.is_empty() && !new.is_empty() {
            if old == new {
                same += 1;
            } else {
                different += 1;
            }
        }
    }
    same >= different
}

/// Two different ids are two customers, whatever else agrees.
fn ids_agree(before: &Digest, after: &Digest) -> bool {
    before.id.is_empty() || after.id.is_empty() || before.id == after.id
}
