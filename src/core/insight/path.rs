//! The way of a deal through the stages, put together from what the journal and the record say.

use jiff::Timestamp;

/// One move between stages, as the journal has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Move {
    /// When.
    pub at: Timestamp,
    /// The stage that was left, if there was one.
    pub from: Option<usize>,
    /// Since when it had stood there, if that was known.
    pub since: Option<Timestamp>,
    /// The stage that was entered.
    pub to: usize,
    /// Who was in charge then.
    pub owner: Option<String>,
}

/// A stay in one stage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spell {
    /// Its place in the order of the deal.
    pub stage: usize,
    /// When it began; none if nobody can know.
    pub entered: Option<Timestamp>,
    /// When it ended; none if it lasts, or lasted until the row went.
    pub left: Option<Timestamp>,
    /// Whether the bridge saw the stage being entered: it is a move, not what the first look found.
    pub seen: bool,
    /// Who was in charge when it began, where that is known.
    pub owner: Option<String>,
}

/// The stays of a deal, oldest first: from its moves in the order of time, and from the stage in which the
/// record stands and since when. A stage that no move tells of (the first look, a row that came back) is a
/// stay all the same.
pub fn path(moves: &[Move], now_in: Option<usize>, since: Option<Timestamp>) -> Vec<Spell> {
    let mut spells: Vec<Spell> = Vec::with_capacity(moves.len() + 1);
    for step in moves {
        if spells.last().map(|spell| spell.stage) != step.from
            && let Some(from) = step.from
        {
            // A line is missing, or it is the first: what the move says of before fills the gap.
            end(&mut spells, step.since.unwrap_or(step.at));
            spells.push(Spell {
                stage: from,
                entered: step.since,
                ..Spell::default()
            });
        }
        end(&mut spells, step.at);
        spells.push(Spell {
            stage: step.to,
            entered: Some(step.at),
            left: None,
            seen: true,
            owner: step.owner.clone(),
        });
    }
    if let Some(stage) = now_in
        && spells.last().map(|spell| spell.stage) != Some(stage)
    {
        if let Some(last) = spells.last_mut() {
            last.left = since.or(last.entered);
        }
        spells.push(Spell {
            stage,
            entered: since,
            ..Spell::default()
        });
    }
    spells
}

/// Ends the last stay, if it still lasts.
fn end(spells: &mut [Spell], at: Timestamp) {
    if let Some(last) = spells.last_mut()
        && last.left.is_none()
    {
        last.left = Some(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `-0@1 0-1@5`: into stage 0 at 1, from 0 into 1 at 5; `0(2)-1@5` says since when.
    fn moves(text: &str) -> Vec<Move> {
        let at = |text: &str| Timestamp::from_second(text.parse().unwrap()).unwrap();
        text.split_whitespace()
            .map(|word| {
                let (way, when) = word.split_once('@').unwrap();
                let (from, to) = way.split_once('-').unwrap();
                let (from, since) = match from.split_once('(') {
                    Some((from, since)) => (from, Some(at(since.trim_end_matches(')')))),
                    None => (from, None),
                };
                Move {
                    at: at(when),
                    from: from.parse().ok(),
                    since,
                    to: to.parse().unwrap(),
                    owner: None,
                }
            })
            .collect()
    }

    fn shown(spells: &[Spell]) -> String {
        let at = |at: Option<Timestamp>| at.map_or("?".to_owned(), |at| at.as_second().to_string());
        let text =
            |spell: &Spell| format!("{}:{}..{}", spell.stage, at(spell.entered), at(spell.left));
        spells.iter().map(text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn ways_through_the_stages() {
        for (journal, now_in, since, expected) in [
            // Nothing is known of a row without a stage.
            ("", None, None, ""),
            // The first look: a column may say since when.
            ("", Some(1), Some(3), "1:3..?"),
            ("", Some(1), None, "1:?..?"),
            // Seen from its coming on.
            ("-0@1 0-1@5 1-3@9", Some(3), Some(9), "0:1..5 1:5..9 3:9..?"),
            // There at the first look, then moved.
            ("0-1@5", Some(1), Some(5), "0:?..5 1:5..?"),
            ("0(2)-1@5", Some(1), Some(5), "0:2..5 1:5..?"),
            // Back and forth.
            (
                "-0@1 0-1@2 1-0@3 0-1@4",
                Some(1),
                Some(4),
                "0:1..2 1:2..3 0:3..4 1:4..?",
            ),
            // A line in between was forgotten: 1 to 2 is not there.
            (
                "-0@1 0-1@2 2(6)-3@8",
                Some(3),
                Some(8),
                "0:1..2 1:2..6 2:6..8 3:8..?",
            ),
            // The row came back in another stage, without a move.
            ("-0@1", Some(2), Some(7), "0:1..7 2:7..?"),
        ] {
            let since = since.map(|at| Timestamp::from_second(at).unwrap());
            let spells = path(&moves(journal), now_in, since);
            assert_eq!(shown(&spells), expected, "{journal}");
        }
    }
}
