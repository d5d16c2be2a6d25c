//! The description of a page, as a template `NAME.chart.txt` writes it: one line a row.
//!
//! ```text
//! # Báo cáo thứ Hai 23/11/2026
//! > Khách hàng: 312
//! == bars Khách theo giai đoạn
//! Khách mới | 41 | | +6 mới
//! ! Chờ quá lâu | 12
//! ~ Số đậm là khách đang chờ.
//! ```
//! A value that a template prints is never structure: [`shielded`] takes the letters that mean something here out of
//! the way, and they are put back when the lines have been told apart.

use super::{Bar, Chart, Estimate, Page, Panel, Stack, Step, Unit};

/// What means something here, and private letters that stand for it in values.
const SHIELDS: [(char, char); 7] = [
    ('|', '\u{E010}'),
    ('#', '\u{E011}'),
    ('>', '\u{E012}'),
    ('=', '\u{E013}'),
    ('!', '\u{E014}'),
    ('~', '\u{E015}'),
    ('\n', ' '),
];

/// A value for such a description.
pub(in crate::render) fn shielded(text: &str) -> String {
    text.chars()
        .map(|letter| {
            let shield = SHIELDS.iter().find(|(plain, _)| *plain == letter);
            shield.map_or(letter, |(_, shield)| *shield)
        })
        .filter(|letter| !letter.is_control())
        .collect()
}

fn unshielded(text: &str) -> String {
    text.chars()
        .map(|letter| {
            let shield = SHIELDS
                .iter()
                .find(|(_, shield)| *shield == letter && letter != ' ');
            shield.map_or(letter, |(plain, _)| *plain)
        })
        .collect()
}

impl Page {
    /// Reads a description.
    ///
    /// # Errors
    /// The line (from 1) and what is wrong with it, with the mend.
    pub fn read(text: &str) -> Result<Self, (usize, String)> {
        let mut page = Self::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            let failed = |what: String| (number + 1, what);
            if line.is_empty() {
                continue;
            }
            if let Some(title) = line.strip_prefix("# ") {
                page.title = unshielded(title.trim());
            } else if let Some(said) = line.strip_prefix("> ") {
                page.subtitle = unshielded(said.trim());
            } else if let Some(heading) = line.strip_prefix("== ") {
                page.panels.push(panel(heading).map_err(failed)?);
            } else {
                let Some(panel) = page.panels.last_mut() else {
                    return Err(failed(format!(
                        "`{}` stands before the first panel; begin one: == bars Title",
                        unshielded(line)
                    )));
                };
                match line.strip_prefix("~ ") {
                    Some(note) => panel.note = Some(unshielded(note.trim())),
                    None => row(&mut panel.chart, line).map_err(failed)?,
                }
            }
        }
        Ok(page)
    }
}

/// `KIND [UNIT] Title`.
fn panel(heading: &str) -> Result<Panel, String> {
    let (kind, rest) = heading.split_once(' ').unwrap_or((heading, ""));
    let (unit, title) = match rest.trim().split_once(' ') {
        Some(("money", title)) => (Unit::Money, title),
        Some(("days", title)) => (Unit::Days, title),
        Some(("percent", title)) => (Unit::Percent, title),
        Some(("count", title)) => (Unit::Count, title),
        _ => (Unit::Count, rest),
    };
    let chart = match kind {
        "bars" => Chart::Bars {
            unit,
            rows: Vec::new(),
        },
        "funnel" => Chart::Funnel(Vec::new()),
        "stacked" => Chart::Stacked {
            legend: Vec::new(),
            rows: Vec::new(),
        },
        "figure" => Chart::Figure(Estimate {
            unit,
            value: f64::NAN,
            interval: None,
        }),
        _ => {
            return Err(format!(
                "`{kind}` is no kind of panel; there are bars, funnel, stacked and figure"
            ));
        }
    };
    Ok(Panel {
        title: unshielded(title.trim()),
        chart,
        note: None,
    })
}

fn row(chart: &mut Chart, line: &str) -> Result<(), String> {
    let (highlighted, line) = match line.strip_prefix("! ") {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    let label = unshielded(cells[0]);
    let cell = |at: usize| cells.get(at).copied().filter(|cell| !cell.is_empty());
    match chart {
        Chart::Bars { rows, .. } => rows.push(Bar {
            value: number(line, cell(1))?,
            target: cell(2).map(|cell| number(line, Some(cell))).transpose()?,
            note: cell(3).map(unshielded),
            label,
            highlighted,
        }),
        Chart::Funnel(steps) => steps.push(Step {
            count: number(line, cell(1))?,
            rate: cell(2).map(|cell| number(line, Some(cell))).transpose()?,
            label,
        }),
        Chart::Stacked { legend, .. } if legend.is_empty() => {
            *legend = cells.iter().skip(1).map(|cell| unshielded(cell)).collect();
        }
        Chart::Stacked { legend, rows } => {
            if cells.len() != legend.len() + 1 {
                return Err(format!(
                    "`{}` has {} parts, and the first line of the panel names {}",
                    unshielded(line),
                    cells.len() - 1,
                    legend.len()
                ));
            }
            let parts = cells.iter().skip(1);
            let parts: Result<_, _> = parts.map(|cell| number(line, Some(cell))).collect();
            rows.push(Stack {
                label,
                parts: parts?,
            });
        }
        Chart::Figure(estimate) => {
            estimate.value = number(line, cell(0))?;
            estimate.interval = match (cell(1), cell(2)) {
                (Some(low), Some(high)) => {
                    Some((number(line, Some(low))?, number(line, Some(high))?))
                }
                _ => None,
            };
        }
    }
    Ok(())
}

fn number(line: &str, cell: Option<&str>) -> Result<f64, String> {
    let found = cell.and_then(|cell| cell.parse::<f64>().ok());
    found.filter(|number| number.is_finite()).ok_or_else(|| {
        format!(
            "`{}` has no number where one must stand; write numbers plainly: Label | 1234.5 (the picture puts in the dots)",
            unshielded(line)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_becomes_a_page() {
        let page = Page::read(
            "# Báo cáo\n> Thứ Hai\n\n== bars Giai đoạn\nMới | 41 | | +6\n! Chờ | 12 | 20\n~ Ghi chú\n\
             == funnel Phễu\nMới | 100\nHẹn | 40 | 38.5\n\
             == stacked Tuổi\n | 0–3 | 4–7\nMới | 3 | 4\n\
             == figure money Doanh thu\n12500000000 | 9e9 | 16000000000\n",
        )
        .unwrap();
        assert_eq!(
            (page.title.as_str(), page.subtitle.as_str()),
            ("Báo cáo", "Thứ Hai")
        );
        let [bars, funnel, stacked, figure] = page.panels.as_slice() else {
            panic!("{page:?}")
        };
        let Chart::Bars { rows, .. } = &bars.chart else {
            panic!("{bars:?}")
        };
        assert_eq!(bars.note.as_deref(), Some("Ghi chú"));
        assert_eq!(
            (rows[0].value, rows[0].target, rows[0].note.as_deref()),
            (41.0, None, Some("+6"))
        );
        assert!(rows[1].highlighted && rows[1].target == Some(20.0));
        let Chart::Funnel(steps) = &funnel.chart else {
            panic!("{funnel:?}")
        };
        assert_eq!((steps[0].rate, steps[1].rate), (None, Some(38.5)));
        let Chart::Stacked { legend, rows } = &stacked.chart else {
            panic!("{stacked:?}")
        };
        assert_eq!(
            (legend.len(), rows[0].parts.as_slice()),
            (2, &[3.0, 4.0][..])
        );
        let Chart::Figure(estimate) = &figure.chart else {
            panic!("{figure:?}")
        };
        assert_eq!(
            (estimate.unit, estimate.interval),
            (Unit::Money, Some((9e9, 16e9)))
        );
    }

    #[test]
    fn a_value_is_never_structure() {
        let name = "# An | 7\n== bars > ! ~ x";
        let line = format!("== bars Ai\n{} | 3", shielded(name));
        let page = Page::read(&line).unwrap();
        let Chart::Bars { rows, .. } = &page.panels[0].chart else {
            panic!("{page:?}")
        };
        assert_eq!((rows.len(), rows[0].value), (1, 3.0));
        assert_eq!(rows[0].label, "# An | 7 == bars > ! ~ x");
    }

    #[test]
    fn mistakes_name_their_line_and_the_mend() {
        for (text, line, says) in [
            ("Mới | 3", 1, "begin one: == bars Title"),
            (
                "== pie Bánh",
                1,
                "`pie` is no kind of panel; there are bars, funnel, stacked and figure",
            ),
            ("== bars A\nMới | 1.200.000", 2, "write numbers plainly"),
            ("== bars A\nMới", 2, "`Mới` has no number"),
            (
                "== stacked A\n | a | b\nMới | 1",
                3,
                "`Mới | 1` has 1 parts, and the first line of the panel names 2",
            ),
        ] {
            let (at, what) = Page::read(text).unwrap_err();
            assert_eq!(at, line, "{text}");
            assert!(what.contains(says), "{what}");
        }
    }
}
