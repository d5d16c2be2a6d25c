//! The templates that come with the program, compiled in.

use super::Language;

/// Every shipped file with its two texts, `(name, Vietnamese, English)`.
macro_rules! shipped {
    ($($file:literal),* $(,)?) => {
        const FILES: &[(&str, &str, &str)] = &[$((
            $file,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/vi/", $file)),
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/en/", $file)),
        )),*];
    };
}

shipped![];

/// Name and source of every shipped file in one language.
pub(super) fn files(language: Language) -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES.iter().map(move |(file, vi, en)| match language {
        Language::Vietnamese => (*file, *vi),
        Language::English => (*file, *en),
    })
}
