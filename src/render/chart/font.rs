//! The bundled font: Be Vietnam Pro, under the SIL Open Font License (`fonts/OFL.txt` beside it).
//!
//! A letter that the font does not have would be drawn as nothing, or as a box: such letters (an emoji in a name) are
//! left out before anything is measured.

use std::sync::{Arc, LazyLock};

use resvg::usvg::fontdb;
use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider as _};
use unicode_normalization::UnicodeNormalization as _;

/// The family by which SVG asks for it.
pub(super) const FAMILY: &str = "Be Vietnam Pro";

static REGULAR: &[u8] = include_bytes!("../fonts/BeVietnamPro-Regular.ttf");
static SEMI_BOLD: &[u8] = include_bytes!("../fonts/BeVietnamPro-SemiBold.ttf");

/// How heavy the letters are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    SemiBold,
}

impl Weight {
    /// As SVG writes it.
    pub(super) fn number(self) -> u16 {
        match self {
            Self::Regular => 400,
            Self::SemiBold => 600,
        }
    }

    fn font(self) -> &'static FontRef<'static> {
        static FONTS: LazyLock<[FontRef<'static>; 2]> = LazyLock::new(|| {
            [REGULAR, SEMI_BOLD]
                .map(|bytes| FontRef::new(bytes).expect("a compiled-in font that a test opens"))
        });
        match self {
            Self::Regular => &FONTS[0],
            Self::SemiBold => &FONTS[1],
        }
    }
}

/// Both weights, and no font of the system.
pub(super) fn database() -> &'static Arc<fontdb::Database> {
    static DATABASE: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
        let mut database = fontdb::Database::new();
        for bytes in [REGULAR, SEMI_BOLD] {
            database.load_font_source(fontdb::Source::Binary(Arc::new(bytes)));
        }
        // A font that is not there draws nothing, and says nothing.
        assert_eq!(database.len(), 2, "the compiled-in fonts cannot be read");
        Arc::new(database)
    });
    &DATABASE
}

/// Letters that people write and the font has not, and what says the same.
const LIKE: [(char, char); 4] = [('→', '›'), ('⇒', '›'), ('‑', '-'), ('•', '·')];

/// What can be drawn of a text: composed letters that the font has, on one line.
pub(super) fn drawable(text: &str) -> String {
    let letters = Weight::Regular.font().charmap();
    let known: String = text
        .nfc()
        .map(|letter| if letter.is_whitespace() { ' ' } else { letter })
        .filter_map(|letter| {
            let has = |letter: &char| letters.map(*letter).is_some();
            let like = LIKE.iter().find(|(one, _)| *one == letter);
            Some(letter)
                .filter(has)
                .or(like.map(|(_, other)| *other).filter(has))
        })
        .collect();
    known
        .split(' ')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// How wide a text is at a size, in pixels. Kerning is left out of account: it makes texts narrower, if anything.
pub(super) fn width(text: &str, size: f32, weight: Weight) -> f32 {
    let font = weight.font();
    let letters = font.charmap();
    let metrics = font.glyph_metrics(Size::new(size), LocationRef::default());
    text.chars()
        .filter_map(|letter| metrics.advance_width(letters.map(letter)?))
        .sum()
}

/// A text cut with … to a width.
pub(super) fn cut(text: &str, size: f32, weight: Weight, most: f32) -> String {
    if width(text, size, weight) <= most {
        return text.to_owned();
    }
    let mut kept = String::new();
    for letter in text.chars() {
        kept.push(letter);
        if width(&format!("{kept}…"), size, weight) > most {
            kept.pop();
            break;
        }
    }
    format!("{}…", kept.trim_end())
}

/// A text in lines of at most a width, the last cut with … when there are more than `lines`.
pub(super) fn wrapped(
    text: &str,
    size: f32,
    weight: Weight,
    most: f32,
    lines: usize,
) -> Vec<String> {
    let mut done: Vec<String> = Vec::new();
    let mut words = text.split(' ').filter(|word| !word.is_empty()).peekable();
    while done.len() + 1 < lines {
        let mut line = String::new();
        while let Some(word) = words.peek() {
            let longer = if line.is_empty() {
                (*word).to_owned()
            } else {
                format!("{line} {word}")
            };
            if width(&longer, size, weight) > most {
                break;
            }
            line = longer;
            words.next();
        }
        if line.is_empty() {
            break;
        }
        done.push(line);
    }
    let rest: Vec<&str> = words.collect();
    if !rest.is_empty() {
        done.push(cut(&rest.join(" "), size, weight, most));
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every vowel with every tone, every consonant, and the marks of prices, dates and quotations.
    fn alphabet() -> String {
        let mut all =
            String::from("bcdđghklmnpqrstvxfjwz0123456789₫·–—“”‘’…%+−/.,:;!?()&<>\"'#@›~|");
        for vowel in "aăâeêioôơuưy".chars() {
            all.push(vowel);
            for tone in ['\u{300}', '\u{301}', '\u{303}', '\u{309}', '\u{323}'] {
                all.extend([vowel, tone].into_iter().nfc());
            }
        }
        format!("{all}{}", all.to_uppercase())
    }

    #[test]
    fn the_font_has_every_vietnamese_letter_composed_and_decomposed() {
        for weight in [Weight::Regular, Weight::SemiBold] {
            let letters = weight.font().charmap();
            let composed = alphabet();
            assert_eq!(composed.nfc().filter(|l| "ắằẵẳặ".contains(*l)).count(), 5);
            let missing: String = composed
                .nfc()
                .chain(composed.nfd())
                .filter(|letter| letters.map(*letter).is_none())
                .collect();
            assert_eq!(missing, "", "{weight:?}");
        }
    }

    #[test]
    fn both_weights_are_found_by_the_family_that_is_asked_for() {
        for weight in [Weight::Regular, Weight::SemiBold] {
            let families = [fontdb::Family::Name(FAMILY)];
            let query = fontdb::Query {
                families: &families,
                weight: fontdb::Weight(weight.number()),
                ..fontdb::Query::default()
            };
            let found = database()
                .query(&query)
                .and_then(|id| database().face(id))
                .unwrap();
            assert_eq!(found.weight.0, weight.number());
        }
    }

    #[test]
    fn texts_are_composed_cut_and_wrapped_by_their_width() {
        assert_eq!(
            drawable("Nguye\u{302}\u{303}n 🔥\n An\u{200b}"),
            "Nguyễn An"
        );
        let wide = |text: &str| width(text, 30.0, Weight::Regular);
        assert!(wide("WWW") > wide("iii") && wide("iii") > 0.0);
        let name = "Công Tằng Tôn Nữ Ngọc Khuê";
        let short = cut(name, 30.0, Weight::Regular, 200.0);
        assert!(short.ends_with('…') && wide(&short) <= 200.0, "{short}");
        assert_eq!(cut(name, 30.0, Weight::Regular, 2_000.0), name);
        let lines = wrapped(name, 30.0, Weight::Regular, 260.0, 2);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines.join(" "), name);
        let lines = wrapped(&name.repeat(3), 30.0, Weight::Regular, 220.0, 2);
        assert!(lines.len() == 2 && lines[1].ends_with('…'), "{lines:?}");
        let one = wrapped(
            "Donaudampfschifffahrtsgesellschaft",
            30.0,
            Weight::Regular,
            100.0,
            2,
        );
        assert!(one.len() == 1 && one[0].ends_with('…'), "{one:?}");
    }
}
