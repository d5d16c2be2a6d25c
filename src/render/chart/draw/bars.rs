//! Horizontal bars, each with its value behind it and perhaps a mark to reach.

use super::super::canvas::{Align, Canvas};
use super::super::font::{cut, drawable, width};
use super::super::number::{shown, sound};
use super::super::{Bar, Unit};
use super::{
    BLUE, GAP, INK, INNER, LINE, MARGIN, SMALL, VALUE, VERMILION, kept, label, label_column,
    others, part, remainder, row_height,
};
use crate::render::Language;

/// Height of a bar.
const THICK: f32 = 34.0;
/// Nothing is drawn as nothing; anything at all can be seen.
const THINNEST: f32 = 6.0;
/// Between a value and its note.
const SPACE: f32 = 12.0;

/// What is written behind a bar: its value, of which target, and a note.
struct Behind {
    value: String,
    note: String,
}

impl Behind {
    fn of(row: &Bar, unit: Unit, language: Language) -> Self {
        let value = shown(row.value, unit, language);
        let target = row.target.map(|target| shown(target, unit, language));
        Self {
            value: target.map_or(value.clone(), |target| format!("{value} / {target}")),
            note: row.note.as_deref().map(drawable).unwrap_or_default(),
        }
    }

    fn value_width(&self) -> f32 {
        width(&self.value, VALUE.size, VALUE.weight)
    }

    fn width(&self) -> f32 {
        let space = if self.note.is_empty() { 0.0 } else { SPACE };
        self.value_width() + space + width(&self.note, SMALL.size, SMALL.weight)
    }
}

pub(super) fn draw(canvas: &mut Canvas, unit: Unit, rows: &[Bar], language: Language) {
    let (rows, rest) = kept(rows);
    let column = label_column(rows.iter().map(|row| row.label.as_str()));
    let left = MARGIN + column + GAP;
    let room = INNER - column - GAP;
    let behind: Vec<Behind> = rows
        .iter()
        .map(|row| Behind::of(row, unit, language))
        .collect();
    // Beside the longest bar stands its value: room for that, and for a note as long as a bar still is one.
    let widest = behind.iter().map(Behind::width).fold(0.0_f32, f32::max);
    let values = behind
        .iter()
        .map(Behind::value_width)
        .fold(0.0_f32, f32::max);
    let longest = room - widest.min(room * 0.55).max(values) - GAP;
    let values = rows
        .iter()
        .flat_map(|row| [sound(row.value), row.target.map_or(0.0, sound)]);
    let most = values.fold(0.0, f64::max);
    for (row, behind) in rows.iter().zip(&behind) {
        let height = row_height(&row.label, column);
        let middle = canvas.y + height / 2.0;
        canvas.rect(left - 2.0, canvas.y, (2.0, height), LINE);
        label(canvas, &row.label, middle, column);
        let mut end = part(sound(row.value), most, longest);
        if sound(row.value) > 0.0 {
            end = end.max(THINNEST);
        }
        let colour = if row.highlighted { VERMILION } else { BLUE };
        canvas.rect(left, middle - THICK / 2.0, (end, THICK), colour);
        if let Some(target) = row.target {
            let mark = part(sound(target), most, longest).max(5.0);
            let top = middle - THICK / 2.0 - 7.0;
            canvas.rect(left + mark - 5.0, top, (5.0, THICK + 14.0), INK);
            end = end.max(mark);
        }
        write_behind(canvas, behind, left + end + GAP * 0.7, middle);
        canvas.y += height;
    }
    if !rest.is_empty() {
        let sum = rest.iter().map(|row| sound(row.value)).sum();
        let sums = matches!(unit, Unit::Count | Unit::Money);
        let sum = if sums {
            shown(sum, unit, language)
        } else {
            String::new()
        };
        remainder(canvas, &others(rest.len(), language), &sum, left);
    }
    if rows.iter().any(|row| row.target.is_some()) {
        let says = match language {
            Language::Vietnamese => "vạch đen: mục tiêu",
            Language::English => "black mark: target",
        };
        canvas.y += SMALL.size * 1.35;
        canvas.text(left, canvas.y - 6.0, says, SMALL, Align::Left);
    }
}

fn write_behind(canvas: &mut Canvas, behind: &Behind, at: f32, middle: f32) {
    let base = middle + VALUE.size * 0.35;
    canvas.text(at, base, &behind.value, VALUE, Align::Left);
    let at = at + behind.value_width() + SPACE;
    let note = cut(&behind.note, SMALL.size, SMALL.weight, MARGIN + INNER - at);
    // Of a cut note one letter says nothing.
    if note.chars().count() > 2 {
        canvas.text(at, base, &note, SMALL, Align::Left);
    }
}
