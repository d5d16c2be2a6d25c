//! What is wrong with a campaign: where it stands, what it is, and what to do about it, in the words
//! of the staff who wrote it and in English.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A sentence in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Said {
    /// In Vietnamese.
    pub vi: String,
    /// In English.
    pub en: String,
}

impl Said {
    /// A sentence in Vietnamese and in English.
    pub fn new(vi: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            vi: vi.into(),
            en: en.into(),
        }
    }

    /// The one of the two that is asked for.
    pub fn text(&self, vietnamese: bool) -> &str {
        if vietnamese { &self.vi } else { &self.en }
    }
}

/// Where something of a campaign is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A cell of the tab.
    Cell {
        /// The tab's title.
        tab: String,
        /// The cell, such as `E7`; a row number alone if it is about the whole row.
        cell: String,
        /// The header of its column, as it stands in the sheet; empty for a whole row.
        header: String,
    },
    /// A key of a file.
    Key {
        /// The file's name.
        file: String,
        /// The key; empty for the whole file.
        key: String,
    },
}

impl Place {
    /// As people say it.
    pub fn said(&self) -> Said {
        match self {
            Self::Cell { tab, cell, header } if header.is_empty() => Said::new(
                format!("Trang “{tab}”, dòng {cell}"),
                format!("Tab “{tab}”, row {cell}"),
            ),
            Self::Cell { tab, cell, header } => Said::new(
                format!("Trang “{tab}”, ô {cell} ({header})"),
                format!("Tab “{tab}”, cell {cell} ({header})"),
            ),
            Self::Key { file, key } if key.is_empty() => {
                Said::new(format!("Tệp {file}"), format!("File {file}"))
            }
            Self::Key { file, key } => Said::new(
                format!("Tệp {file}, mục `{key}`"),
                format!("File {file}, key `{key}`"),
            ),
        }
    }
}

/// One mistake in a campaign.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What is wrong, a sentence without its full stop.
    pub what: Said,
    /// What to do.
    pub mend: Said,
}

impl Problem {
    /// The whole of it on one line, for staff or in English.
    pub fn text(&self, vietnamese: bool) -> String {
        format!(
            "{}: {}. {}",
            self.place.said().text(vietnamese),
            self.what.text(vietnamese),
            self.mend.text(vietnamese)
        )
    }
}

/// In English.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(false))
    }
}
