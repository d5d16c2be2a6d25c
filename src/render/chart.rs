//! Charts: plain shapes → SVG → PNG, in a size and type that can be read on a phone.
//!
//! A [`Page`] is what one message sends: a title, a line under it, and panels one below the other. What stands in the
//! panels is the template's business (`NAME.chart.txt`, read by [`Page::read`]); this module knows no customer and no
//! digest. Letters are drawn by the bundled font alone, so that a picture looks the same on every machine.
//!
//! Colours are Okabe and Ito's, and one blue from light to dark: both can be told apart by the colour-blind, and every
//! mark has its number beside it.

mod canvas;
mod draw;
mod font;
mod number;
mod read;
mod shape;

use std::sync::Arc;

use resvg::{tiny_skia, usvg};

pub(super) use read::shielded;
pub use shape::{Bar, Chart, Estimate, Page, Panel, Stack, Step, Unit};

use super::Language;

/// Width of every picture in pixels: what a phone shows without blurring.
pub const WIDTH: u32 = 1080;

/// A page ends here (pixels). Telegram takes 10 000 for width and height together, and a picture far longer than
/// this is shown too small to read.
pub const LONGEST: u32 = 5_400;

/// Why there is no picture. The text is what counts; whoever wants the picture as well logs this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chart cannot be drawn: {0}")]
pub struct ChartError(String);

/// A page as SVG text, letters as text: [`WIDTH`] wide, and as high as it needs.
pub fn svg(page: &Page, language: Language) -> String {
    draw::page(page, language)
}

/// A page as the bytes of a PNG. Takes tens of milliseconds: not to be called where others wait.
///
/// # Errors
/// What the renderer refuses. A panic inside of it is an error of this picture only.
pub fn png(page: &Page, language: Language) -> Result<Vec<u8>, ChartError> {
    let drawn = std::panic::catch_unwind(|| rasterised(&svg(page, language)));
    drawn.unwrap_or_else(|_| Err(ChartError("rendering gave up".to_owned())))
}

fn rasterised(svg: &str) -> Result<Vec<u8>, ChartError> {
    let said = |error: &dyn std::fmt::Display| ChartError(error.to_string());
    let options = usvg::Options {
        font_family: font::FAMILY.to_owned(),
        fontdb: Arc::clone(font::database()),
        ..usvg::Options::default()
    };
    let tree = usvg::Tree::from_str(svg, &options).map_err(|error| said(&error))?;
    let size = tree.size().to_int_size();
    let mut picture = tiny_skia::Pixmap::new(size.width(), size.height())
        .ok_or_else(|| ChartError("it has no size".to_owned()))?;
    resvg::render(
        &tree,
        tiny_skia::Transform::default(),
        &mut picture.as_mut(),
    );
    picture.encode_png().map_err(|error| said(&error))
}
