//! Bars of parts, each part with its number where there is room for it.

use super::super::Stack;
use super::super::canvas::{Align, Canvas, Type};
use super::super::font::{Weight, drawable, width};
use super::super::number::{shown, sound};
use super::super::shape::Unit;
use super::{
    GAP, INNER, MARGIN, RAMP, SMALL, VALUE, kept, key, label, label_column, others, part,
    remainder, row_height,
};
use crate::render::Language;

const THICK: f32 = 40.0;
const THINNEST: f32 = 4.0;

pub(super) fn draw(canvas: &mut Canvas, legend: &[String], rows: &[Stack], language: Language) {
    explain(canvas, legend);
    let (rows, rest) = kept(rows);
    let column = label_column(rows.iter().map(|row| row.label.as_str()));
    let left = MARGIN + column + GAP;
    let total = |row: &Stack| -> f64 { row.parts.iter().copied().map(sound).sum() };
    let widest = rows
        .iter()
        .map(|row| {
            width(
                &shown(total(row), Unit::Count, language),
                VALUE.size,
                VALUE.weight,
            )
        })
        .fold(0.0_f32, f32::max);
    let longest = INNER - column - GAP - widest - GAP;
    let most = rows.iter().map(total).fold(0.0, f64::max);
    for row in rows {
        let height = row_height(&row.label, column);
        let middle = canvas.y + height / 2.0;
        label(canvas, &row.label, middle, column);
        let mut at = left;
        for (place, value) in row.parts.iter().copied().map(sound).enumerate() {
            if value <= 0.0 {
                continue;
            }
            let (colour, ink) = RAMP[shade(place, legend.len().max(row.parts.len()))];
            // A white seam between two parts, which are neighbours in colour too.
            let wide = part(value, most, longest).max(THINNEST);
            canvas.rect(at, middle - THICK / 2.0, (wide - 2.0, THICK), colour);
            let says = shown(value, Unit::Count, language);
            let how = Type {
                size: 28.0,
                weight: Weight::SemiBold,
                colour: ink,
            };
            if width(&says, how.size, how.weight) + 12.0 <= wide {
                canvas.text(
                    at + wide / 2.0 - 1.0,
                    middle + 10.0,
                    &says,
                    how,
                    Align::Middle,
                );
            }
            at += wide;
        }
        let says = shown(total(row), Unit::Count, language);
        canvas.text(
            at + GAP * 0.7,
            middle + VALUE.size * 0.35,
            &says,
            VALUE,
            Align::Left,
        );
        canvas.y += height;
    }
    if !rest.is_empty() {
        let sum = shown(rest.iter().map(total).sum(), Unit::Count, language);
        remainder(canvas, &others(rest.len(), language), &sum, left);
    }
}

/// The colour of a part: the whole ramp is used, also by few parts.
fn shade(place: usize, parts: usize) -> usize {
    match parts {
        0 | 1 => 3,
        parts => (place.min(parts - 1) * (RAMP.len() - 2) + (parts - 1) / 2) / (parts - 1),
    }
}

/// The keys, in as many lines as they need.
fn explain(canvas: &mut Canvas, legend: &[String]) {
    if legend.is_empty() {
        return;
    }
    let mut x = MARGIN;
    canvas.y += 38.0;
    for (place, says) in legend.iter().enumerate() {
        let wide = 34.0 + width(&drawable(says), SMALL.size, SMALL.weight);
        if x > MARGIN && x + wide > MARGIN + INNER {
            x = MARGIN;
            canvas.y += 42.0;
        }
        let colour = RAMP[shade(place, legend.len())].0;
        x = key(canvas, x, canvas.y, colour, says);
    }
    canvas.y += 16.0;
}
