//! Who decided something about a campaign, and why one waits or ended: kept as what it is, said to each reader in
//! their language.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::problem::Said;

/// Who decided: a person, or one of those who have no name. Kept as the text that the journal has, too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Actor {
    /// One of the company's people, by name.
    Person(String),
    /// Whoever may read the state folder.
    CommandLine,
    /// The row or file in which the campaign is written.
    Sheet,
    /// The bridge itself.
    Bridge,
}

impl Actor {
    /// As it is kept, and as the command line prints it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Person(name) => name,
            Self::CommandLine => "the command line",
            Self::Sheet => "the sheet",
            Self::Bridge => "sheetbridge",
        }
    }

    /// As people say it.
    pub fn said(&self) -> Said {
        match self {
            Self::Person(name) => Said::new(name, name),
            Self::CommandLine => Said::new("quản trị viên", "the admin"),
            Self::Sheet => Said::new("người soạn, trong bảng tính", "its author, in the sheet"),
            Self::Bridge => Said::new("hệ thống", "sheetbridge itself"),
        }
    }
}

impl From<String> for Actor {
    fn from(text: String) -> Self {
        [Self::CommandLine, Self::Sheet, Self::Bridge]
            .into_iter()
            .find(|actor| actor.as_str() == text)
            .unwrap_or(Self::Person(text))
    }
}

impl From<&str> for Actor {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<Actor> for String {
    fn from(actor: Actor) -> Self {
        actor.as_str().to_owned()
    }
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Somebody, or the bridge itself, let a campaign wait or end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halt {
    /// Who.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub why: Why,
}

/// Why a campaign waits or ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Kept", into = "Kept")]
pub enum Why {
    /// Nobody said.
    #[default]
    Unsaid,
    /// The state cell of its row says so.
    RowStops,
    /// The state cell of its row says so.
    RowPauses,
    /// Its row or file is gone.
    RowDeleted,
    /// Too many mails were refused, given up, or are in doubt.
    NotArrived {
        /// So many.
        failed: u64,
        /// Of so many that were tried.
        of: u64,
    },
    /// What was approved cannot be made any more, such as a file that is gone.
    Broken(Said),
    /// In somebody's own words.
    Words(String),
}

/// [`Why`] on the disk. Stores of before have a sentence in English in its place.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Kept {
    Kind(Kind),
    Text(String),
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Kind {
    RowStops,
    RowPauses,
    RowDeleted,
    NotArrived { failed: u64, of: u64 },
    Broken(Said),
}

impl Why {
    /// As people say it; nothing if nobody has said.
    pub fn said(&self) -> Option<Said> {
        Some(match self {
            Self::Unsaid => return None,
            Self::RowStops => Said::new("trạng thái trong bảng tính là Dừng", "its row says stop"),
            Self::RowPauses => Said::new(
                "trạng thái trong bảng tính là Tạm dừng",
                "its row says pause",
            ),
            Self::RowDeleted => Said::new(
                "dòng của chiến dịch đã bị xoá khỏi bảng tính",
                "its row was deleted",
            ),
            Self::NotArrived { failed, of } => Said::new(
                format!("{failed} trong {of} thư đã gửi không tới nơi"),
                format!("{failed} of {of} mails did not arrive"),
            ),
            Self::Broken(said) => said.clone(),
            Self::Words(words) => Said::new(words, words),
        })
    }

    /// In English, empty if nobody has said; for the command line and the log.
    pub fn english(&self) -> String {
        self.said().map(|said| said.en).unwrap_or_default()
    }
}

impl From<Kept> for Why {
    fn from(kept: Kept) -> Self {
        match kept {
            Kept::Kind(Kind::RowStops) => Self::RowStops,
            Kept::Kind(Kind::RowPauses) => Self::RowPauses,
            Kept::Kind(Kind::RowDeleted) => Self::RowDeleted,
            Kept::Kind(Kind::NotArrived { failed, of }) => Self::NotArrived { failed, of },
            Kept::Kind(Kind::Broken(said)) => Self::Broken(said),
            Kept::Text(text) => Self::of_sentence(&text),
        }
    }
}

impl From<Why> for Kept {
    fn from(why: Why) -> Self {
        match why {
            Why::Unsaid => Self::Text(String::new()),
            Why::Words(words) => Self::Text(words),
            Why::RowStops => Self::Kind(Kind::RowStops),
            Why::RowPauses => Self::Kind(Kind::RowPauses),
            Why::RowDeleted => Self::Kind(Kind::RowDeleted),
            Why::NotArrived { failed, of } => Self::Kind(Kind::NotArrived { failed, of }),
            Why::Broken(said) => Self::Kind(Kind::Broken(said)),
        }
    }
}

impl Why {
    /// What the sentences of before meant.
    fn of_sentence(text: &str) -> Self {
        let fixed = [Self::RowStops, Self::RowPauses, Self::RowDeleted];
        if let Some(why) = fixed.into_iter().find(|why| why.english() == text) {
            return why;
        }
        let counts = text
            .strip_suffix(" mails did not arrive")
            .and_then(|counts| counts.split_once(" of "))
            .and_then(|(failed, of)| Some((failed.parse().ok()?, of.parse().ok()?)));
        match counts {
            Some((failed, of)) => Self::NotArrived { failed, of },
            None if text.is_empty() => Self::Unsaid,
            None => Self::Words(text.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_older_stores_say_is_read_and_said_in_both_languages() {
        for (kept, by, vi) in [
            (
                r#"{"by":"sheetbridge","at":"2026-11-21T02:00:00Z","why":"12 of 40 mails did not arrive"}"#,
                Actor::Bridge,
                "12 trong 40 thư đã gửi không tới nơi",
            ),
            (
                r#"{"by":"the sheet","at":"2026-11-21T02:00:00Z","why":"its row was deleted"}"#,
                Actor::Sheet,
                "dòng của chiến dịch đã bị xoá khỏi bảng tính",
            ),
            (
                r#"{"by":"Hà Phạm","at":"2026-11-21T02:00:00Z","why":"there is no file"}"#,
                Actor::Person("Hà Phạm".into()),
                "there is no file",
            ),
        ] {
            let halt: Halt = serde_json::from_str(kept).unwrap();
            assert_eq!(halt.by, by);
            assert_eq!(halt.why.said().unwrap().vi, vi);
        }
        let unsaid: Why = serde_json::from_str("\"\"").unwrap();
        assert_eq!(unsaid.said(), None);
    }

    #[test]
    fn everything_comes_back_as_it_was_kept() {
        for why in [
            Why::Unsaid,
            Why::RowStops,
            Why::RowPauses,
            Why::RowDeleted,
            Why::NotArrived { failed: 3, of: 20 },
            Why::Broken(Said::new("thiếu tệp", "a file is missing")),
            Why::Words("giá cũ".into()),
        ] {
            let kept = serde_json::to_string(&why).unwrap();
            assert_eq!(serde_json::from_str::<Why>(&kept).unwrap(), why, "{kept}");
        }
        for by in [
            Actor::CommandLine,
            Actor::Sheet,
            Actor::Person("Lan".into()),
        ] {
            let kept = serde_json::to_string(&by).unwrap();
            assert_eq!(serde_json::from_str::<Actor>(&kept).unwrap(), by, "{kept}");
        }
        assert_eq!(Actor::Sheet.said().vi, "người soạn, trong bảng tính");
    }
}
