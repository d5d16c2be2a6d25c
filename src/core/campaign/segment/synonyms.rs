//! What means the same: the words of `[aliases.*]`, and the short forms of districts and wards.

use std::collections::BTreeMap;

use crate::core::sheet::fold::fold;

/// By field, which words mean the same in conditions and segments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Synonyms {
    by_field: BTreeMap<String, Vec<Vec<String>>>,
}

impl Synonyms {
    /// From lists of words that mean the same, each with its field: one line of `[aliases.FIELD]`.
    pub fn new(groups: impl IntoIterator<Item = (String, Vec<String>)>) -> Self {
        let mut by_field: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
        for (field, words) in groups {
            let words = words.iter().map(|word| plain(&field, word)).collect();
            by_field.entry(field).or_default().push(words);
        }
        Self { by_field }
    }

    /// Every way in which a word may stand in a cell of a field, in the form of `plain`, without repetition.
    pub fn forms(&self, field: &str, word: &str) -> Vec<String> {
        let own = plain(field, word);
        let mut forms = vec![own.clone()];
        let groups = self.by_field.get(field).into_iter().flatten();
        for same in groups.filter(|group| group.contains(&own)) {
            for word in same {
                if !word.is_empty() && !forms.contains(word) {
                    forms.push(word.clone());
                }
            }
        }
        forms.retain(|form| !form.is_empty());
        forms
    }
}

/// The form in which words of a field are compared: folded, and in areas `q7`, `Q. 7` and `district 7`
/// are `quan 7`, `p5` and `P. 5` are `phuong 5`, and a leading zero of such a number does not count.
pub(super) fn plain(field: &str, text: &str) -> String {
    let folded = fold(text);
    if field != "area" {
        return folded;
    }
    let mut words: Vec<String> = Vec::new();
    let mut parts = folded.split(' ').peekable();
    while let Some(word) = parts.next() {
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.trim_start_matches('0').to_owned())
        };
        let unit = |text: &str| match text {
            "q" | "quan" | "district" | "d" => Some("quan"),
            "p" | "phuong" | "ward" => Some("phuong"),
            _ => None,
        };
        let glued = word
            .strip_prefix(['q', 'p'])
            .and_then(number)
            .and_then(|digits| Some((unit(&word[..1])?, digits)));
        if let Some((unit, digits)) = glued {
            words.extend([unit.to_owned(), digits]);
            continue;
        }
        match (unit(word), parts.peek().copied().and_then(number)) {
            (Some(unit), Some(digits)) => {
                parts.next();
                words.extend([unit.to_owned(), digits]);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn districts_have_one_form() {
        for text in ["Q.7", "Q7", "q 07", "Quận 7", "QUAN 07", "District 7"] {
            assert_eq!(plain("area", text), "quan 7", "{text}");
        }
        assert_eq!(plain("area", "P.5, Q.Bình Thạnh"), "phuong 5 q binh thanh");
        assert_eq!(plain("interest", "Q7"), "q7");
    }

    #[test]
    fn configured_words_mean_the_same() {
        let synonyms = Synonyms::new([(
            "area".to_owned(),
            ["Thủ Đức", "TP Thủ Đức", "Quận 9", "Q.2"]
                .map(String::from)
                .into(),
        )]);
        assert_eq!(
            synonyms.forms("area", "q9"),
            ["quan 9", "thu duc", "tp thu duc", "quan 2"]
        );
        assert_eq!(synonyms.forms("area", "Quận 7"), ["quan 7"]);
        assert_eq!(synonyms.forms("source", "Quận 9"), ["quan 9"]);
    }
}
