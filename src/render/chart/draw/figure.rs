//! One figure, large, and the interval in which it probably lies.

use super::super::Estimate;
use super::super::canvas::{Align, Canvas, Type};
use super::super::font::width;
use super::super::number::{shown, sound};
use super::{BLUE, INK, INNER, LINE, MARGIN, RAMP, SMALL, VALUE, part};
use crate::render::Language;

pub(super) fn draw(canvas: &mut Canvas, estimate: &Estimate, language: Language) {
    let big = Type {
        size: 92.0,
        colour: INK,
        ..VALUE
    };
    let says = shown(estimate.value, estimate.unit, language);
    canvas.y += 96.0;
    canvas.text(MARGIN, canvas.y - 12.0, &says, big, Align::Left);
    let Some((low, high)) = estimate.interval else {
        return;
    };
    let (low, high) = (sound(low.min(high)), sound(low.max(high)));
    if high <= low {
        return;
    }
    let most = high.max(sound(estimate.value)) * 1.08;
    let middle = canvas.y + 34.0;
    let at = |value: f64| MARGIN + part(value, most, INNER);
    canvas.rect(MARGIN, middle - 2.0, (INNER, 4.0), LINE);
    canvas.rect(
        at(low),
        middle - 14.0,
        ((at(high) - at(low)).max(4.0), 28.0),
        RAMP[1].0,
    );
    canvas.circle(
        at(sound(estimate.value)).max(MARGIN + 17.0),
        middle,
        17.0,
        BLUE,
    );
    let ends = [
        shown(low, estimate.unit, language),
        shown(high, estimate.unit, language),
    ];
    let wide = |text: &str| width(text, SMALL.size, SMALL.weight);
    let base = middle + 52.0;
    // Two ends that are near each other are pushed apart, and stay on the page.
    let right = (at(high) + wide(&ends[1]) / 2.0).clamp(
        MARGIN + wide(&ends[0]) + wide(&ends[1]) + 40.0,
        MARGIN + INNER,
    );
    let left = (at(low) - wide(&ends[0]) / 2.0)
        .clamp(MARGIN, right - wide(&ends[1]) - wide(&ends[0]) - 40.0);
    canvas.text(left, base, &ends[0], SMALL, Align::Left);
    canvas.text(right, base, &ends[1], SMALL, Align::Right);
    canvas.y = base + 10.0;
}
