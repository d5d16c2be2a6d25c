//! Files that go along with mails: those of one folder, `attachments/` beside the configuration, and of no other.
//!
//! A mail's HTML shows a picture of that folder as `cid:NAME`. What a file is called and what is in it is looked
//! at when the mail is made; whoever had it approved keeps its [`hash`](MailFile::hash) and compares.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

/// Largest file in bytes. Google takes 25 MB a mail as sent, and sending makes a file a third longer.
pub const MOST_BYTES: u64 = 10 * 1024 * 1024;

/// Largest sum of the files of one mail.
pub const MOST_BYTES_TOGETHER: u64 = 15 * 1024 * 1024;

/// One file, read.
#[derive(Clone, PartialEq, Eq)]
pub struct MailFile {
    /// Its name without folders, as the reader sees it.
    pub name: String,
    /// By its ending, `application/pdf`.
    pub media_type: &'static str,
    /// What is in it.
    pub content: Vec<u8>,
}

impl MailFile {
    /// 64 hexadecimal digits that stand for what is in it.
    pub fn hash(&self) -> String {
        blake3::hash(&self.content).to_hex().to_string()
    }
}

impl std::fmt::Debug for MailFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} ({}, {} bytes)",
            self.name,
            self.media_type,
            self.content.len()
        )
    }
}

/// Why a file cannot go along: what was found, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileProblem {
    /// It would be outside of the folder.
    #[error(
        "\"{0}\" is not a file of the attachments folder: write its name alone, or FOLDER/NAME below it"
    )]
    Outside(String),
    /// There is none.
    #[error("there is no file \"{name}\" in {}: put it there, or correct the name", folder.display())]
    Missing {
        /// As it was asked for.
        name: String,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// Its ending is none that customers should be sent.
    #[error("\"{0}\" cannot be attached: customers' mail programs take {known}", known = known())]
    Kind(String),
    /// Too long.
    #[error("\"{name}\" has {megabytes} MB, the most that goes with a mail is {most} MB: make it smaller, or write a link to it", most = MOST_BYTES / 1024 / 1024)]
    Long {
        /// As it was asked for.
        name: String,
        /// Rounded up.
        megabytes: u64,
    },
    /// Nothing in it.
    #[error("\"{0}\" is empty: save it again")]
    Empty(String),
    /// The system says no.
    #[error("\"{name}\" cannot be read: {said}")]
    Unreadable {
        /// As it was asked for.
        name: String,
        /// By the system.
        said: String,
    },
}

/// Endings that may be sent, and what they are.
const KINDS: [(&str, &str); 19] = [
    ("pdf", "application/pdf"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("png", "image/png"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("doc", "application/msword"),
    (
        "docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    ("xls", "application/vnd.ms-excel"),
    (
        "xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    ("ppt", "application/vnd.ms-powerpoint"),
    (
        "pptx",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ),
    ("txt", "text/plain"),
    ("csv", "text/csv"),
    ("ics", "text/calendar"),
    ("vcf", "text/vcard"),
    ("mp4", "video/mp4"),
    ("zip", "application/zip"),
    ("kml", "application/vnd.google-earth.kml+xml"),
];

fn known() -> String {
    KINDS.map(|(ending, _)| ending).join(", ")
}

/// Reads a file of the folder by its name, `bang-gia.pdf` or `t12/bang-gia.pdf`.
///
/// # Errors
/// See [`FileProblem`].
pub fn read(folder: &Path, name: &str) -> Result<MailFile, FileProblem> {
    let name = name.trim();
    let inside = Path::new(name).components().all(
        |part| matches!(part, Component::Normal(part) if !part.to_string_lossy().starts_with('.')),
    );
    let last = Path::new(name).file_name().and_then(|last| last.to_str());
    let (true, Some(last)) = (inside && !name.contains('\0'), last) else {
        return Err(FileProblem::Outside(name.to_owned()));
    };
    let ending = last
        .rsplit_once('.')
        .map(|(_, ending)| ending.to_lowercase());
    let kind = KINDS
        .iter()
        .find(|(known, _)| ending.as_deref() == Some(*known));
    let Some((_, media_type)) = kind else {
        return Err(FileProblem::Kind(name.to_owned()));
    };
    let refused = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => FileProblem::Missing {
            name: name.to_owned(),
            folder: folder.to_owned(),
        },
        _ => FileProblem::Unreadable {
            name: name.to_owned(),
            said: error.to_string(),
        },
    };
    let path = folder.join(name);
    // A link that leads out of the folder is no file of it.
    let real = path.canonicalize().map_err(refused)?;
    if !real.starts_with(folder.canonicalize().map_err(refused)?) {
        return Err(FileProblem::Outside(name.to_owned()));
    }
    let length = fs::metadata(&real).map_err(refused)?.len();
    if length > MOST_BYTES {
        return Err(FileProblem::Long {
            name: name.to_owned(),
            megabytes: length.div_ceil(1024 * 1024),
        });
    }
    let content = fs::read(&real).map_err(refused)?;
    if content.is_empty() {
        return Err(FileProblem::Empty(name.to_owned()));
    }
    Ok(MailFile {
        name: last.to_owned(),
        media_type,
        content,
    })
}

/// The pictures that an HTML shows as `cid:NAME`, in their order: each name once, as it is written and as it is
/// meant (`%20` is a space). A `cid:` with an `@` is somebody's own and stays.
pub fn pictures(html: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for (at, _) in html.match_indices("cid:") {
        let rest = &html[at + "cid:".len()..];
        let end = rest.find(['"', '\'', ')', '>']).unwrap_or(rest.len());
        let written = rest[..end].trim();
        if written.is_empty()
            || written.contains('@')
            || found.iter().any(|(one, _)| one == written)
        {
            continue;
        }
        found.push((written.to_owned(), unescaped(written)));
    }
    found
}

/// The HTML with other names behind `cid:`.
pub fn renamed(html: &str, names: &BTreeMap<String, String>) -> String {
    // The longest first: one may be the beginning of another.
    let mut written: Vec<&String> = names.keys().collect();
    written.sort_by_key(|name| std::cmp::Reverse(name.len()));
    let mut html = html.to_owned();
    for name in written {
        html = html.replace(&format!("cid:{name}"), &format!("cid:{}", names[name]));
    }
    html
}

/// `%20` and `&amp;` as what they stand for.
fn unescaped(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |at: usize| {
            let pair = text.get(at + 1..at + 3)?;
            u8::from_str_radix(pair, 16).ok()
        };
        match (bytes[at], hex(at)) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out)
        .replace("&amp;", "&")
        .replace("&#x2f;", "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_folder_go_along() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("attachments");
        fs::create_dir_all(folder.join("t12")).unwrap();
        fs::write(home.path().join("secret.pdf"), "x").unwrap();
        fs::write(folder.join("Bảng giá.PDF"), "giá").unwrap();
        fs::write(folder.join("t12/nhà.jpg"), "jpg").unwrap();
        fs::write(folder.join("empty.pdf"), "").unwrap();
        fs::write(folder.join("run.exe"), "MZ").unwrap();
        fs::write(folder.join(".hidden.pdf"), "x").unwrap();
        fs::File::create(folder.join("long.pdf"))
            .unwrap()
            .set_len(MOST_BYTES + 1)
            .unwrap();
        std::os::unix::fs::symlink(home.path().join("secret.pdf"), folder.join("link.pdf"))
            .unwrap();
        let file = read(&folder, " Bảng giá.PDF ").unwrap();
        assert_eq!(
            (file.name.as_str(), file.media_type),
            ("Bảng giá.PDF", "application/pdf")
        );
        assert_eq!(read(&folder, "t12/nhà.jpg").unwrap().name, "nhà.jpg");
        for outside in [
            "../secret.pdf",
            "/etc/passwd",
            "link.pdf",
            "t12/../../secret.pdf",
            ".hidden.pdf",
            "",
            ".",
        ] {
            assert_eq!(
                read(&folder, outside),
                Err(FileProblem::Outside(outside.into())),
                "{outside}"
            );
        }
        let said = |name: &str| read(&folder, name).unwrap_err().to_string();
        assert!(
            said("run.exe").starts_with(
                "\"run.exe\" cannot be attached: customers' mail programs take pdf, jpg"
            )
        );
        assert_eq!(said("empty.pdf"), "\"empty.pdf\" is empty: save it again");
        assert_eq!(
            said("long.pdf"),
            "\"long.pdf\" has 11 MB, the most that goes with a mail is 10 MB: make it smaller, or write a link to it"
        );
        assert!(said("bang gia.pdf").starts_with("there is no file \"bang gia.pdf\" in /"));
    }

    #[test]
    fn pictures_of_the_html_are_found_and_renamed() {
        let html = "<img src=\"cid:a.jpg\"><img src='cid:a.jpg.png'><td style=\"background:url(cid:nh%C3%A0%20m%E1%BB%9Bi.jpg)\"><img src=\"cid:x@y\">";
        let found = pictures(html);
        assert_eq!(
            found
                .iter()
                .map(|(_, name)| name.as_str())
                .collect::<Vec<_>>(),
            ["a.jpg", "a.jpg.png", "nhà mới.jpg"]
        );
        let names = found
            .iter()
            .enumerate()
            .map(|(number, (written, _))| (written.clone(), format!("{number}@q")))
            .collect();
        assert_eq!(
            renamed(html, &names),
            "<img src=\"cid:0@q\"><img src='cid:1@q'><td style=\"background:url(cid:2@q)\"><img src=\"cid:x@y\">"
        );
    }
}
