//! Pages and panels onto the canvas.

mod bars;
mod figure;
mod funnel;
mod stacked;

use super::canvas::{Align, Canvas, Type};
use super::font::{Weight, cut, drawable, width, wrapped};
use super::{Chart, LONGEST, Page, Panel, WIDTH};
use crate::render::Language;

/// White at the sides, in pixels.
const MARGIN: f32 = 52.0;
/// What lies between the margins.
const INNER: f32 = WIDTH as f32 - 2.0 * MARGIN;
/// Labels of rows stand in a column of this width.
const LABELS: f32 = 350.0;
/// Between a label and its bar, and a bar and its value.
const GAP: f32 = 18.0;
/// More rows than this become one that adds them up.
const MOST_ROWS: usize = 16;

const INK: &str = "#1B2733";
const MUTED: &str = "#54616E";
const LINE: &str = "#DDE3E8";
/// Okabe and Ito's blue and vermilion.
const BLUE: &str = "#0072B2";
const VERMILION: &str = "#D55E00";
/// From light to dark, with the colour of letters on each: ages, and other parts that have an order.
const RAMP: [(&str, &str); 6] = [
    ("#CFE3F2", INK),
    ("#9CC9E6", INK),
    ("#5FA5D3", INK),
    ("#0072B2", "#FFFFFF"),
    ("#06507F", "#FFFFFF"),
    ("#042F4D", "#FFFFFF"),
];

const LABEL: Type = Type {
    size: 31.0,
    weight: Weight::Regular,
    colour: INK,
};
const VALUE: Type = Type {
    size: 32.0,
    weight: Weight::SemiBold,
    colour: INK,
};
const SMALL: Type = Type {
    size: 28.0,
    weight: Weight::Regular,
    colour: MUTED,
};
const HEADING: Type = Type {
    size: 38.0,
    weight: Weight::SemiBold,
    colour: INK,
};
const TITLE: Type = Type {
    size: 50.0,
    weight: Weight::SemiBold,
    colour: INK,
};

/// Draws a page; see [`super::svg`].
pub(super) fn page(page: &Page, language: Language) -> String {
    let mut canvas = Canvas::from(40.0);
    lines(&mut canvas, &page.title, TITLE, 2);
    if !page.subtitle.is_empty() {
        lines(
            &mut canvas,
            &page.subtitle,
            Type {
                size: 31.0,
                ..SMALL
            },
            2,
        );
    }
    for panel in &page.panels {
        if canvas.y > LONGEST as f32 - 700.0 {
            // Telegram refuses what is too long, and nobody scrolls through a picture.
            canvas.y += 20.0;
            lines(&mut canvas, "…", LABEL, 1);
            break;
        }
        draw_panel(&mut canvas, panel, language);
    }
    if page.panels.is_empty() {
        nothing(&mut canvas, language);
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A few thousand pixels.
    let height = (canvas.y + 40.0).ceil() as u32;
    canvas.finish(WIDTH, height)
}

fn draw_panel(canvas: &mut Canvas, panel: &Panel, language: Language) {
    canvas.y += 26.0;
    canvas.rect(MARGIN, canvas.y, (INNER, 2.0), LINE);
    canvas.y += 22.0;
    lines(canvas, &panel.title, HEADING, 2);
    canvas.y += 8.0;
    match &panel.chart {
        Chart::Funnel(steps) if steps.iter().any(|step| step.count > 0.0) => {
            funnel::draw(canvas, steps, language);
        }
        Chart::Bars { unit, rows }
            if rows
                .iter()
                .any(|row| row.value > 0.0 || row.target.is_some()) =>
        {
            bars::draw(canvas, *unit, rows, language);
        }
        Chart::Stacked { legend, rows }
            if rows
                .iter()
                .flat_map(|row| &row.parts)
                .any(|part| *part > 0.0) =>
        {
            stacked::draw(canvas, legend, rows, language);
        }
        Chart::Figure(estimate) if estimate.value.is_finite() => {
            figure::draw(canvas, estimate, language);
        }
        _ => nothing(canvas, language),
    }
    if let Some(note) = panel.note.as_deref().filter(|note| !note.is_empty()) {
        canvas.y += 6.0;
        lines(canvas, note, SMALL, 3);
    }
}

/// Says that there is nothing to show.
fn nothing(canvas: &mut Canvas, language: Language) {
    let said = match language {
        Language::Vietnamese => "Chưa có số liệu",
        Language::English => "Nothing to show yet",
    };
    lines(
        canvas,
        said,
        Type {
            colour: MUTED,
            ..LABEL
        },
        1,
    );
}

/// A text over the whole width, in at most so many lines.
fn lines(canvas: &mut Canvas, text: &str, how: Type, most: usize) {
    for line in wrapped(&drawable(text), how.size, how.weight, INNER, most) {
        canvas.y += how.size * 1.32;
        canvas.text(MARGIN, canvas.y - how.size * 0.3, &line, how, Align::Left);
    }
}

/// The label of a row whose middle is at `middle`, in one line, or in two smaller ones.
fn label(canvas: &mut Canvas, text: &str, middle: f32, most: f32) {
    let text = drawable(text);
    if width(&text, LABEL.size, LABEL.weight) <= most {
        canvas.text(
            MARGIN,
            middle + LABEL.size * 0.35,
            &text,
            LABEL,
            Align::Left,
        );
        return;
    }
    let how = Type {
        size: 28.0,
        ..LABEL
    };
    let lines = wrapped(&text, how.size, how.weight, most, 2);
    match lines.as_slice() {
        [first, second] => {
            canvas.text(MARGIN, middle - 5.0, first, how, Align::Left);
            canvas.text(MARGIN, middle + 27.0, second, how, Align::Left);
        }
        [only] => canvas.text(MARGIN, middle + how.size * 0.35, only, how, Align::Left),
        _ => {}
    }
}

/// How wide the column of labels is: as wide as the widest needs, up to [`LABELS`].
fn label_column<'a>(labels: impl Iterator<Item = &'a str>) -> f32 {
    labels
        .map(|text| width(&drawable(text), LABEL.size, LABEL.weight))
        .fold(120.0_f32, f32::max)
        .min(LABELS)
}

/// A label in two lines needs more.
fn row_height(label: &str, column: f32) -> f32 {
    match width(&drawable(label), SMALL.size, LABEL.weight) > column {
        true => 76.0,
        false => 58.0,
    }
}

/// The rows that there is room for, and the rest.
fn kept<T>(rows: &[T]) -> (&[T], &[T]) {
    let most = if rows.len() > MOST_ROWS {
        MOST_ROWS - 1
    } else {
        rows.len()
    };
    rows.split_at(most)
}

/// The rest, added up, without a bar: it would be longer than all the others.
fn remainder(canvas: &mut Canvas, says: &str, sum: &str, left: f32) {
    let base = canvas.y + 58.0 / 2.0 + SMALL.size * 0.35;
    canvas.text(MARGIN, base, says, SMALL, Align::Left);
    canvas.text(
        left + GAP * 0.7,
        base,
        sum,
        Type {
            colour: MUTED,
            ..VALUE
        },
        Align::Left,
    );
    canvas.y += 58.0;
}

/// What the last row is called when it adds up those that there is no room for.
fn others(count: usize, language: Language) -> String {
    match language {
        Language::Vietnamese => format!("Còn lại ({count})"),
        Language::English => format!("{count} others"),
    }
}

/// Part of a width, as pixels of a picture.
#[allow(clippy::cast_possible_truncation)] // Pixels.
fn part(value: f64, of: f64, width: f32) -> f32 {
    if of > 0.0 {
        (value / of * f64::from(width)) as f32
    } else {
        0.0
    }
}

/// A small square and what it stands for; returns where the next goes.
fn key(canvas: &mut Canvas, x: f32, y: f32, colour: &str, says: &str) -> f32 {
    let says = cut(&drawable(says), SMALL.size, SMALL.weight, INNER - 60.0);
    let wide = width(&says, SMALL.size, SMALL.weight);
    canvas.rect(x, y - 21.0, (24.0, 24.0), colour);
    canvas.text(x + 34.0, y, &says, SMALL, Align::Left);
    x + 34.0 + wide + 30.0
}
