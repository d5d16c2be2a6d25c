//! Steps one below the other, and between two of them which part went on.

use super::super::Step;
use super::super::canvas::{Align, Canvas};
use super::super::font::width;
use super::super::number::{percent, shown, sound};
use super::super::shape::Unit;
use super::{BLUE, GAP, INNER, MARGIN, MUTED, SMALL, VALUE, label, label_column, part, row_height};
use crate::render::Language;

const THICK: f32 = 44.0;
const THINNEST: f32 = 6.0;
/// Between two steps stands the percentage.
const BETWEEN: f32 = 36.0;

pub(super) fn draw(canvas: &mut Canvas, steps: &[Step], language: Language) {
    let column = label_column(steps.iter().map(|step| step.label.as_str()));
    let left = MARGIN + column + GAP;
    let widest = steps
        .iter()
        .map(|step| {
            width(
                &shown(step.count, Unit::Count, language),
                VALUE.size,
                VALUE.weight,
            )
        })
        .fold(0.0_f32, f32::max);
    let longest = INNER - column - 2.0 * GAP - widest;
    let most = steps
        .iter()
        .map(|step| sound(step.count))
        .fold(0.0, f64::max);
    let mut before: Option<f64> = None;
    for step in steps {
        if let Some(before) = before {
            // Where more came than the step before had, they did not all come from there.
            let count = sound(step.count);
            let reckoned = (before > 0.0 && count <= before).then(|| count / before * 100.0);
            if let Some(rate) = step.rate.or(reckoned) {
                let says = percent(rate, language);
                // An arrow drawn, not written: no font has one that fits.
                let (x, y) = (left + 12.0, canvas.y + BETWEEN / 2.0);
                canvas.rect(x - 1.5, y - 12.0, (3.0, 16.0), MUTED);
                canvas.triangle(x, y + 12.0, 8.0, MUTED);
                canvas.text(x + 22.0, y + 10.0, &says, SMALL, Align::Left);
            }
            canvas.y += BETWEEN;
        }
        let height = row_height(&step.label, column);
        let middle = canvas.y + height / 2.0;
        label(canvas, &step.label, middle, column);
        let mut long = part(sound(step.count), most, longest);
        if step.count > 0.0 {
            long = long.max(THINNEST);
        }
        canvas.rect(left, middle - THICK / 2.0, (long, THICK), BLUE);
        let says = shown(step.count, Unit::Count, language);
        canvas.text(
            left + long + GAP * 0.7,
            middle + VALUE.size * 0.35,
            &says,
            VALUE,
            Align::Left,
        );
        canvas.y += height;
        before = Some(sound(step.count));
    }
}
