//! Who is in charge of a record, as the cell names them. Whether they are staff is for the rules to settle.

use super::{Cell, Reading, fold, trivial};

/// The names in an owner cell in their order, the first one leads: split at `+`, `&`, `/`, `,`,
/// `;`, line breaks, and the word `và`. Each is listed once, case and accents aside.
pub fn read(cell: &Cell) -> Reading<Vec<String>> {
    if let Some(reading) = trivial(cell) {
        return reading;
    }
    let Cell::Text(text) = cell else {
        return Reading::bad("no name of a member of staff");
    };
    let mut names: Vec<String> = Vec::new();
    for part in text.split(['+', '&', '/', ',', ';', '\n', '\r', '|']) {
        let cleaned = fold::clean(part);
        let mut words: Vec<&str> = Vec::new();
        for word in cleaned.split(' ').chain(std::iter::once("và")) {
            let joint = matches!(fold::fold(word).as_str(), "va")
                && (word.to_lowercase() == "và" || word == "va");
            if !joint {
                words.push(word);
                continue;
            }
            let name = words.join(" ");
            words.clear();
            let folded = fold::fold(&name);
            if !folded.is_empty() && !names.iter().any(|n| fold::fold(n) == folded) {
                names.push(name);
            }
        }
    }
    if names.is_empty() {
        Reading::bad("no name of a member of staff")
    } else {
        Reading::Value(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_owners_in_one_cell() {
        for (text, names) in [
            ("Lan Anh ", vec!["Lan Anh"]),
            ("Lan Anh + Minh Tuấn", vec!["Lan Anh", "Minh Tuấn"]),
            (
                "Lan Anh và Minh Tuấn, Thu Hà",
                vec!["Lan Anh", "Minh Tuấn", "Thu Hà"],
            ),
            ("Lan Anh/lan anh", vec!["Lan Anh"]),
            ("Quốc\u{a0}Bảo & Văn", vec!["Quốc Bảo", "Văn"]),
        ] {
            assert_eq!(
                read(&Cell::from(text)),
                Reading::Value(names.into_iter().map(str::to_owned).collect())
            );
        }
        assert_eq!(read(&Cell::from("-")), Reading::Nothing);
        assert!(matches!(read(&Cell::Number(3.0)), Reading::Bad(_)));
    }
}
