//! The stage of a deal: what the configured labels and aliases decide, and nothing else.
//!
//! A word that is not listed is a question to the managers, never a guess.

use std::collections::BTreeMap;

use super::fold::fold;
use super::{Cell, Reading, trivial};

/// One stage of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// `prospect`, `consulting`, …
    pub id: String,
    /// How people call it: `Đang tư vấn`.
    pub label: String,
    /// Other texts that mean it.
    pub aliases: Vec<String>,
}

/// Two stages that claim the same text once case, accents and punctuation are gone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" means both stage {first} and stage {second}")]
pub struct StageClash {
    /// The label or alias as written for the second stage.
    pub text: String,
    /// The id of the stage that has it already.
    pub first: String,
    /// The id of the stage that claims it too.
    pub second: String,
}

/// The stages in their order, with the folded texts that mean each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StageTable {
    stages: Vec<Stage>,
    by_text: BTreeMap<String, usize>,
}

impl StageTable {
    /// A table of these stages, in the order of the deal.
    ///
    /// # Errors
    /// Every label or alias that two different stages claim.
    pub fn new(stages: Vec<Stage>) -> Result<Self, Vec<StageClash>> {
        let mut by_text: BTreeMap<String, usize> = BTreeMap::new();
        let mut clashes = Vec::new();
        for (index, stage) in stages.iter().enumerate() {
            for text in std::iter::once(&stage.label).chain(&stage.aliases) {
                let folded = fold(text);
                if folded.is_empty() {
                    continue;
                }
                let first = *by_text.entry(folded).or_insert(index);
                if first != index {
                    clashes.push(StageClash {
                        text: text.clone(),
                        first: stages[first].id.clone(),
                        second: stage.id.clone(),
                    });
                }
            }
        }
        if clashes.is_empty() {
            Ok(Self { stages, by_text })
        } else {
            Err(clashes)
        }
    }

    /// The stages in the order of the deal.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The stage of this id.
    pub fn get(&self, id: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.id == id)
    }

    /// The stage that a text means, if it is a label or an alias as a whole.
    pub fn find(&self, text: &str) -> Option<&Stage> {
        self.by_text
            .get(&fold(text))
            .map(|index| &self.stages[*index])
    }
}

/// The id of the stage that a cell names.
pub fn read(cell: &Cell, stages: &StageTable) -> Reading<String> {
    if let Cell::Text(text) = cell
        && let Some(stage) = stages.find(text)
    {
        return Reading::Value(stage.id.clone());
    }
    let unknown = || Reading::bad("no stage has this label or alias");
    match trivial(cell) {
        // A question mark asks for the stage: somebody should answer.
        Some(Reading::Nothing) if matches!(cell, Cell::Text(text) if text.contains('?')) => {
            unknown()
        }
        Some(reading) => reading,
        None => unknown(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(id: &str, label: &str, aliases: &[&str]) -> Stage {
        Stage {
            id: id.to_owned(),
            label: label.to_owned(),
            aliases: aliases.iter().map(|a| (*a).to_owned()).collect(),
        }
    }

    #[test]
    fn a_text_that_two_stages_claim_is_an_error() {
        let clashes = StageTable::new(vec![
            stage("prospect", "Tiềm năng", &["mới"]),
            stage("consulting", "Tư vấn", &["MOI!", "Tư vấn."]),
        ])
        .unwrap_err();
        assert_eq!(clashes.len(), 1);
        assert_eq!(
            clashes[0].to_string(),
            "\"MOI!\" means both stage prospect and stage consulting"
        );
    }

    #[test]
    fn only_whole_texts_count() {
        let table =
            StageTable::new(vec![stage("lost", "Không còn nhu cầu", &["Chưa rõ"])]).unwrap();
        let read = |text: &str| super::read(&Cell::from(text), &table);
        assert_eq!(
            read("KHONG CON NHU CAU..."),
            Reading::Value("lost".to_owned())
        );
        assert_eq!(
            read("chưa rõ"),
            Reading::Value("lost".to_owned()),
            "an alias beats a placeholder"
        );
        assert!(
            matches!(read("lost"), Reading::Bad(_)),
            "the id is no label"
        );
        assert!(matches!(read("Không còn nhu cầu nữa"), Reading::Bad(_)));
        assert_eq!(read("-"), Reading::Nothing);
        assert!(
            matches!(read("?"), Reading::Bad(_)),
            "an open question is a problem"
        );
        assert!(matches!(
            super::read(&Cell::Number(1.0), &table),
            Reading::Bad(_)
        ));
    }
}
