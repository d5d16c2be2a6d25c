//! Who is proposed for a new lead that nobody is in charge of: one after the other, or whoever looks after the area.
//! A manager decides; nothing is written into the sheet.

use super::sheet::fold::fold;

/// Somebody who may be proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// As in the staff list.
    pub name: String,
    /// The areas they look after, folded; without any they take what is left.
    pub areas: Vec<String>,
}

/// Who is proposed, the best one first, and whether it is for the area.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The first one and those whose turn comes after; everybody once.
    pub names: Vec<String>,
    /// Whether the first one looks after the area.
    pub by_area: bool,
}

/// Goes round among those who look after the place that `wanted` speaks of, or among all if nobody does; `last` is who
/// was proposed before. None if there is nobody.
pub fn propose(
    candidates: &[Candidate],
    wanted: Option<&str>,
    last: Option<&str>,
) -> Option<Proposal> {
    let start = candidates
        .iter()
        .position(|one| last == Some(one.name.as_str()))
        .map_or(0, |place| place + 1);
    let round: Vec<&Candidate> = candidates[start..]
        .iter()
        .chain(&candidates[..start])
        .collect();
    let place = wanted
        .map(|wanted| format!(" {} ", fold(wanted)))
        .unwrap_or_default();
    let looks_after = |one: &&&Candidate| {
        one.areas
            .iter()
            .any(|area| place.contains(&format!(" {area} ")))
    };
    let theirs: Vec<&&Candidate> = round.iter().filter(looks_after).collect();
    let by_area = !theirs.is_empty();
    // Of those who are left, whoever has no areas of their own takes anything.
    let free = |one: &&&Candidate| one.areas.is_empty();
    let others = round.iter().filter(|one| !looks_after(one));
    let (free, bound): (Vec<&&Candidate>, Vec<&&Candidate>) = others.partition(|one| free(one));
    let names: Vec<String> = theirs
        .into_iter()
        .chain(free)
        .chain(bound)
        .map(|one| one.name.clone())
        .collect();
    (!names.is_empty()).then_some(Proposal { names, by_area })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposed(wanted: &str, last: &str) -> String {
        let staff = [
            ("Lan", vec!["thu duc", "quan 9"]),
            ("Minh", vec![]),
            ("Hoa", vec!["quan 9"]),
            ("Bao", vec!["quan 7"]),
        ];
        let staff: Vec<Candidate> = staff
            .into_iter()
            .map(|(name, areas)| Candidate {
                name: name.into(),
                areas: areas.into_iter().map(String::from).collect(),
            })
            .collect();
        let found = propose(&staff, Some(wanted), Some(last)).unwrap();
        format!(
            "{}{}",
            found.names.join(" "),
            if found.by_area { " by area" } else { "" }
        )
    }

    #[test]
    fn one_after_the_other_and_whoever_looks_after_the_area_first() {
        for (wanted, last, expected) in [
            ("Căn hộ Thủ Đức", "", "Lan Minh Hoa Bao by area"),
            ("Quận 9", "Lan", "Hoa Lan Minh Bao by area"),
            ("quận 9, TP Thủ Đức", "Hoa", "Lan Hoa Minh Bao by area"),
            // Nobody looks after it: whoever has no area of their own.
            ("Quận 1", "Lan", "Minh Hoa Bao Lan"),
            ("", "Minh", "Minh Hoa Bao Lan"),
            // A number is a whole word.
            ("Quận 91", "", "Minh Lan Hoa Bao"),
        ] {
            assert_eq!(proposed(wanted, last), expected, "{wanted} after {last}");
        }
        let free: Vec<Candidate> = ["A", "B", "C"]
            .map(|name| Candidate {
                name: name.into(),
                areas: Vec::new(),
            })
            .into();
        let turn = |last| propose(&free, None, last).unwrap().names[0].clone();
        assert_eq!(
            [
                turn(None),
                turn(Some("A")),
                turn(Some("C")),
                turn(Some("gone"))
            ],
            ["A", "B", "A", "A"]
        );
        assert_eq!(propose(&[], None, None), None);
    }
}
