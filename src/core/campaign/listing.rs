//! Several values in one cell, and the value that a mistyped one was perhaps meant to be.

/// The values of a cell: separated by commas, semicolons, line ends or `|`. A full stop at the end and
/// the dashes and bullets of a list do not count. An empty cell has none.
pub(crate) fn split(text: &str) -> Vec<String> {
    text.split([',', ';', '\n', '\r', '|', '，', '；'])
        .map(|part| {
            part.trim()
                .trim_start_matches(['-', '•', '*', '+', '–'])
                .trim()
                .trim_end_matches('.')
                .trim()
                .to_owned()
        })
        .filter(|part| !part.is_empty())
        .collect()
}

/// The nearest of the candidates, if it is near: at most a quarter of its letters, and one, are off.
/// Both sides are compared as given; fold them first where accents should not count.
pub(crate) fn nearest<'a, T>(
    word: &str,
    candidates: impl Iterator<Item = (&'a str, T)>,
) -> Option<T> {
    let word: Vec<char> = word.chars().collect();
    let mut best: Option<(usize, T)> = None;
    for (candidate, what) in candidates {
        let letters: Vec<char> = candidate.chars().collect();
        let allowed = 1 + letters.len() / 4;
        if letters.len().abs_diff(word.len()) > allowed {
            continue;
        }
        let off = distance(&word, &letters);
        if off <= allowed && best.as_ref().is_none_or(|(least, _)| off < *least) {
            best = Some((off, what));
        }
    }
    best.map(|(_, what)| what)
}

/// Letters to insert, delete, replace or exchange with their neighbour to make the one of the other.
fn distance(a: &[char], b: &[char]) -> usize {
    let width = b.len() + 1;
    let mut before: Vec<usize> = vec![0; width];
    let mut last: Vec<usize> = (0..width).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; width];
        for j in 1..=b.len() {
            let replace = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replace.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row[j] = least;
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_separated_by_what_people_type() {
        assert_eq!(
            split("Quận 7, Nhà Bè;\n- Thủ Đức.\n\n• Q.2 |"),
            ["Quận 7", "Nhà Bè", "Thủ Đức", "Q.2"]
        );
        assert_eq!(split(" ; ,\n"), [""; 0]);
    }

    #[test]
    fn a_slip_finds_what_was_meant() {
        let known = ["thu duc", "quan 7", "nha be"];
        let near = |word: &str| nearest(word, known.iter().map(|one| (*one, *one)));
        assert_eq!(near("thu duk"), Some("thu duc"));
        assert_eq!(near("htu duc"), Some("thu duc"));
        assert_eq!(near("quan7"), Some("quan 7"));
        assert_eq!(near("da nang"), None);
    }
}
