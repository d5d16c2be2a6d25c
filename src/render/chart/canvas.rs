//! A sheet of SVG that grows downwards: rectangles, lines and escaped letters.

use std::fmt::Write as _;

use super::font::{FAMILY, Weight};
use crate::render::escape_html;

/// Where a text stands by its `x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Middle,
    Right,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Type {
    /// Pixels.
    pub(super) size: f32,
    pub(super) weight: Weight,
    pub(super) colour: &'static str,
}

/// What has been drawn so far.
#[derive(Debug)]
pub(super) struct Canvas {
    body: String,
    /// Where the next thing goes, in pixels from the top.
    pub(super) y: f32,
}

impl Canvas {
    /// An empty sheet whose first thing stands at `y`.
    pub(super) fn from(y: f32) -> Self {
        Self {
            body: String::new(),
            y,
        }
    }

    pub(super) fn rect(&mut self, x: f32, y: f32, (width, height): (f32, f32), colour: &str) {
        // Tenths of a pixel: no more is seen.
        let _ = writeln!(
            self.body,
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" fill="{colour}"/>"#
        );
    }

    pub(super) fn circle(&mut self, x: f32, y: f32, radius: f32, colour: &str) {
        let _ = writeln!(
            self.body,
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="{radius:.1}" fill="{colour}"/>"#
        );
    }

    /// A triangle that points down, by its tip.
    pub(super) fn triangle(&mut self, x: f32, y: f32, half: f32, colour: &str) {
        let (left, right, top) = (x - half, x + half, y - half * 1.3);
        let _ = writeln!(
            self.body,
            r#"<path d="M{left:.1} {top:.1}L{right:.1} {top:.1}L{x:.1} {y:.1}Z" fill="{colour}"/>"#
        );
    }

    /// A text by its baseline.
    pub(super) fn text(&mut self, x: f32, y: f32, text: &str, how: Type, align: Align) {
        let anchor = match align {
            Align::Left => "start",
            Align::Middle => "middle",
            Align::Right => "end",
        };
        let (size, weight, colour) = (how.size, how.weight.number(), how.colour);
        let _ = writeln!(
            self.body,
            r#"<text x="{x:.1}" y="{y:.1}" font-size="{size}" font-weight="{weight}" fill="{colour}" text-anchor="{anchor}">{}</text>"#,
            escape_html(text)
        );
    }

    /// The whole picture, on white.
    pub(super) fn finish(self, width: u32, height: u32) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" font-family=\"{FAMILY}\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"#FFFFFF\"/>\n{}</svg>\n",
            self.body
        )
    }
}
