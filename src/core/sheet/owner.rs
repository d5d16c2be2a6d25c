//! Who is in charge of a record, as the cell names them. Whether they are staff is for the rules to settle.

use super::{Cell, Reading, fold, trivial};

/// The names in an owner cell in their order, the first one leads: split at `+`, `&`, `/`, `,`,
/// `;`, line breaks, and the word `và`; remarks in brackets are left out. Each is listed once, case
/// and missing accents aside: `Văn` and `Van` are one, `Văn` and `Vân` are two.
pub fn read(cell: &Cell) -> Reading<Vec<String>> {
    if let Some(reading) = trivial(cell) {
        return reading;
    }
    let Cell::Text(text) = cell else {
        return Reading::bad("no name of a member of staff");
    };
    let mut names: Vec<String> = Vec::new();
    let bare = without_remarks(text);
    for part in bare.split(['+', '&', '/', ',', ';', '\n', '\r', '|']) {
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
            let said = !fold::fold(&name).is_empty();
            if said && !names.iter().any(|known| same(known, &name)) {
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

/// Whether two ways of writing are one name: without case, and without accents where one of them has none.
fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    let (plain_a, plain_b) = (fold::fold(&a), fold::fold(&b));
    a == b || (plain_a == plain_b && (a == plain_a || b == plain_b))
}

/// `Lan Anh (chính)`; brackets round everything stay.
fn without_remarks(text: &str) -> String {
    let mut depth = 0_u32;
    let kept: String = text
        .chars()
        .filter(|c| match c {
            '(' | '[' => {
                depth += 1;
                false
            }
            ')' | ']' => {
                depth = depth.saturating_sub(1);
                false
            }
            _ => depth == 0,
        })
        .collect();
    if kept.chars().any(char::is_alphanumeric) {
        kept
    } else {
        text.to_owned()
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
            ("Văn và Vân", vec!["Văn", "Vân"]),
            ("Hà, HA, ha", vec!["Hà"]),
            ("Lan Anh (chính), Minh (phụ)", vec!["Lan Anh", "Minh"]),
            ("(Lan Anh)", vec!["(Lan Anh)"]),
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
