//! A1 names: parsing what a client sends, and writing a range as Google writes it.

/// A name such as `'Khách hàng'!A1:Z9`, `A:C`, `3:5` or a bare tab title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct A1 {
    /// The tab's title; `None` means the first visible tab.
    pub(super) tab: Option<String>,
    /// The cells; `None` means the whole tab.
    pub(super) cells: Option<Corners>,
}

/// The corners as given, zero-based, the end included; a missing one is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Corners {
    pub(super) top: Option<usize>,
    pub(super) left: Option<usize>,
    pub(super) bottom: Option<usize>,
    pub(super) right: Option<usize>,
    /// One cell without a colon: a write may go beyond it.
    pub(super) single: bool,
}

/// A closed-open rectangle of cells, zero-based.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) top: usize,
    pub(super) left: usize,
    pub(super) bottom: usize,
    pub(super) right: usize,
}

impl Area {
    pub(super) fn height(&self) -> usize {
        self.bottom.saturating_sub(self.top)
    }

    pub(super) fn width(&self) -> usize {
        self.right.saturating_sub(self.left)
    }
}

/// Reads an A1 name; `None` if it is not one. A text that could be cells and a tab at once (`T11`)
/// means the cells, as in Sheets: quote the tab's title to mean the tab.
pub(super) fn parse(text: &str) -> Option<A1> {
    if let Some(rest) = text.strip_prefix('\'') {
        let (title, rest) = quoted(rest)?;
        return match rest {
            "" => Some(A1 {
                tab: Some(title),
                cells: None,
            }),
            _ => {
                let cells = parse_cells(rest.strip_prefix('!')?)?;
                Some(A1 {
                    tab: Some(title),
                    cells: Some(cells),
                })
            }
        };
    }
    if let Some((title, cells)) = text.rsplit_once('!') {
        if title.is_empty() {
            return None;
        }
        return Some(A1 {
            tab: Some(title.to_owned()),
            cells: Some(parse_cells(cells)?),
        });
    }
    if let Some(cells) = parse_cells(text) {
        return Some(A1 {
            tab: None,
            cells: Some(cells),
        });
    }
    (!text.is_empty()).then(|| A1 {
        tab: Some(text.to_owned()),
        cells: None,
    })
}

/// Reads up to the closing quote; a doubled quote is one of the title's own.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut title = String::new();
    let mut marks = text.char_indices();
    while let Some((place, mark)) = marks.next() {
        if mark != '\'' {
            title.push(mark);
        } else if text[place + 1..].starts_with('\'') {
            title.push('\'');
            marks.next();
        } else {
            return Some((title, &text[place + 1..]));
        }
    }
    None
}

pub(super) fn parse_cells(text: &str) -> Option<Corners> {
    match text.split_once(':') {
        None => {
            let (left, top) = corner(text)?;
            // A lone column or row is no range in Sheets.
            (left.is_some() && top.is_some()).then_some(Corners {
                top,
                left,
                bottom: top,
                right: left,
                single: true,
            })
        }
        Some((from, to)) => {
            let (left, top) = corner(from)?;
            let (right, bottom) = corner(to)?;
            let swap = |a: Option<usize>, b: Option<usize>| match (a, b) {
                (Some(a), Some(b)) if a > b => (Some(b), Some(a)),
                other => other,
            };
            let (left, right) = swap(left, right);
            let (top, bottom) = swap(top, bottom);
            Some(Corners {
                top,
                left,
                bottom,
                right,
                single: false,
            })
        }
    }
}

/// `C5`, `$C$5`, `C` or `5`: column and row, zero-based.
fn corner(text: &str) -> Option<(Option<usize>, Option<usize>)> {
    let text = text.strip_prefix('$').unwrap_or(text);
    let letters = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (letters, digits) = text.split_at(letters);
    let digits = if letters.is_empty() {
        digits
    } else {
        digits.strip_prefix('$').unwrap_or(digits)
    };
    let column = if letters.is_empty() {
        None
    } else {
        Some(column_number(letters)?)
    };
    let row = match digits {
        "" => None,
        _ if digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) => {
            return None;
        }
        _ => Some(digits.parse::<usize>().ok()?.checked_sub(1)?),
    };
    (column.is_some() || row.is_some()).then_some((column, row))
}

/// `A` is 0, `Z` 25, `AA` 26; at most three letters (`ZZZ`), as a sheet has.
pub(super) fn column_number(letters: &str) -> Option<usize> {
    if letters.is_empty() || letters.len() > 3 {
        return None;
    }
    letters
        .bytes()
        .try_fold(0usize, |sum, letter| {
            letter
                .is_ascii_alphabetic()
                .then(|| sum * 26 + usize::from(letter.to_ascii_uppercase() - b'A') + 1)
        })
        .map(|number| number - 1)
}

/// The letters of a zero-based column.
pub(super) fn column_letters(column: usize) -> String {
    let mut out = Vec::new();
    let mut rest = column + 1;
    while rest > 0 {
        rest -= 1;
        out.push(char::from(b'A' + u8::try_from(rest % 26).unwrap_or(0)));
        rest /= 26;
    }
    out.iter().rev().collect()
}

/// `C5` for zero-based row 4 and column 2.
pub(super) fn cell_name(row: usize, column: usize) -> String {
    format!("{}{}", column_letters(column), row + 1)
}

/// The range as Google names it in answers: `'Khách hàng'!A1:Z1000`, one cell without a colon.
pub(super) fn name(title: &str, area: &Area) -> String {
    let first = cell_name(area.top, area.left);
    if area.height() <= 1 && area.width() <= 1 {
        return format!("{}!{first}", tab_name(title));
    }
    let last = cell_name(area.bottom.saturating_sub(1), area.right.saturating_sub(1));
    format!("{}!{first}:{last}", tab_name(title))
}

/// The title, in quotes unless it is plain letters and digits that could not be a cell.
pub(super) fn tab_name(title: &str) -> String {
    let plain = title
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !title.starts_with(|mark: char| mark.is_ascii_digit())
        && !title.is_empty()
        && parse_cells(title).is_none();
    if plain {
        title.to_owned()
    } else {
        format!("'{}'", title.replace('\'', "''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: &str) {
        let got = match parse(text) {
            None => "none".to_owned(),
            Some(A1 { tab, cells }) => {
                let show = |n: Option<usize>| n.map_or("-".to_owned(), |n| n.to_string());
                let cells = cells.map_or("all".to_owned(), |c| {
                    format!(
                        "{},{},{},{}",
                        show(c.top),
                        show(c.left),
                        show(c.bottom),
                        show(c.right)
                    )
                });
                format!("{} | {cells}", tab.unwrap_or_else(|| "-".to_owned()))
            }
        };
        assert_eq!(got, want, "{text}");
    }

    #[test]
    fn every_form_of_name_is_read() {
        check("Khách hàng", "Khách hàng | all");
        check("'Khách hàng'", "Khách hàng | all");
        check("'Khách hàng'!A1:Z", "Khách hàng | 0,0,-,25");
        check("Khách hàng!A:Z", "Khách hàng | -,0,-,25");
        check("'O''Brien'!A:C", "O'Brien | -,0,-,2");
        check("'a!b'!B2", "a!b | 1,1,1,1");
        check("NV!1:5", "NV | 0,-,4,-");
        check("T11", "- | 10,19,10,19");
        check("'T11'", "T11 | all");
        check("A1:B2", "- | 0,0,1,1");
        check("B2:A1", "- | 0,0,1,1");
        check("$B$2", "- | 1,1,1,1");
        check("NV", "NV | all");
        check("NV!", "none");
        check("'NV", "none");
        check("NV!A0", "none");
        check("", "none");
    }

    #[test]
    fn names_are_written_as_google_does() {
        let area = Area {
            top: 0,
            left: 0,
            bottom: 1000,
            right: 26,
        };
        assert_eq!(name("Khách hàng", &area), "'Khách hàng'!A1:Z1000");
        assert_eq!(name("NV", &area), "NV!A1:Z1000");
        assert_eq!(name("T11", &area), "'T11'!A1:Z1000");
        assert_eq!(name("O'Brien", &area), "'O''Brien'!A1:Z1000");
        let one = Area {
            top: 4,
            left: 27,
            bottom: 5,
            right: 28,
        };
        assert_eq!(name("NV", &one), "NV!AB5");
        assert_eq!(column_letters(18_277), "ZZZ");
        assert_eq!(column_number("ZZZ"), Some(18_277));
    }
}
