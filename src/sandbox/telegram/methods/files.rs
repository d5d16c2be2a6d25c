//! Uploads, file ids, and what an image's header says of its size.

use axum::body::Bytes;
use serde_json::json;

use super::super::api::unique_id;
use super::super::params::Params;
use super::super::refusal::{Answer, Refusal};
use super::super::world::{Media, World};

/// Photos are at most 10 MB (Bot API, `sendPhoto`).
const PHOTO_LIMIT: usize = 10 * 1024 * 1024;
/// Width and height together.
const SIDES_LIMIT: u32 = 10_000;
/// The longer side over the shorter.
const RATIO_LIMIT: u32 = 20;
/// `getFile` gives files of at most 20 MB.
const DOWNLOAD_LIMIT: usize = 20 * 1024 * 1024;

/// A photo or document that may be sent, not stored yet if it is new.
pub(super) enum Prepared {
    NewPhoto {
        name: String,
        mime: &'static str,
        bytes: Bytes,
        width: u32,
        height: u32,
    },
    OldPhoto {
        file: String,
        width: u32,
        height: u32,
    },
    NewDocument {
        name: String,
        mime: String,
        bytes: Bytes,
    },
    OldDocument {
        file: String,
    },
}

impl Prepared {
    /// Stores what is new.
    pub(super) fn store(self, world: &mut World) -> Media {
        match self {
            Self::NewPhoto {
                name,
                mime,
                bytes,
                width,
                height,
            } => Media::Photo {
                file: world.add_file("photos", &name, mime, bytes),
                width,
                height,
            },
            Self::OldPhoto {
                file,
                width,
                height,
            } => Media::Photo {
                file,
                width,
                height,
            },
            Self::NewDocument { name, mime, bytes } => Media::Document {
                file: world.add_file("documents", &name, &mime, bytes),
            },
            Self::OldDocument { file } => Media::Document { file },
        }
    }
}

/// The stored file that a parameter names; an address on the web is not fetched.
fn named(world: &World, params: &Params, field: &str) -> Result<String, Refusal> {
    let name = params
        .text(field)
        .filter(|name| !name.trim().is_empty())
        .ok_or_else(|| Refusal::bad(format!("there is no {field} in the request")))?;
    if name.starts_with("http://") || name.starts_with("https://") {
        return Err(Refusal::bad("failed to get HTTP URL content"));
    }
    if !world.files.contains_key(&name) {
        return Err(Refusal::bad("wrong file identifier/HTTP URL specified"));
    }
    Ok(name)
}

pub(super) fn photo(world: &World, params: &Params) -> Result<Prepared, Refusal> {
    let Some(upload) = params.file("photo") else {
        let file = named(world, params, "photo")?;
        let bytes = world
            .files
            .get(&file)
            .map(|file| file.bytes.clone())
            .unwrap_or_default();
        let image = Image::read(&bytes)
            .ok_or_else(|| Refusal::bad("can't use file of type Document as Photo"))?;
        return Ok(Prepared::OldPhoto {
            file,
            width: image.width,
            height: image.height,
        });
    };
    if upload.bytes.is_empty() {
        return Err(Refusal::bad("file must be non-empty"));
    }
    if upload.bytes.len() > PHOTO_LIMIT {
        return Err(Refusal::bad("file is too big for a photo"));
    }
    let image = Image::read(&upload.bytes).ok_or_else(|| Refusal::bad("IMAGE_PROCESS_FAILED"))?;
    let (short, long) = (image.width.min(image.height), image.width.max(image.height));
    if short == 0
        || image.width.saturating_add(image.height) > SIDES_LIMIT
        || long / short > RATIO_LIMIT
    {
        return Err(Refusal::bad("PHOTO_INVALID_DIMENSIONS"));
    }
    let ending = image.mime.trim_start_matches("image/");
    Ok(Prepared::NewPhoto {
        name: format!("photo.{ending}"),
        mime: image.mime,
        bytes: upload.bytes.clone(),
        width: image.width,
        height: image.height,
    })
}

pub(super) fn document(world: &World, params: &Params) -> Result<Prepared, Refusal> {
    match params.file("document") {
        None => Ok(Prepared::OldDocument {
            file: named(world, params, "document")?,
        }),
        Some(upload) if upload.bytes.is_empty() => Err(Refusal::bad("file must be non-empty")),
        Some(upload) => Ok(Prepared::NewDocument {
            name: upload.name.clone(),
            mime: upload.mime.clone(),
            bytes: upload.bytes.clone(),
        }),
    }
}

pub(super) fn get(world: &World, params: &Params) -> Answer {
    let id = params.text("file_id").unwrap_or_default();
    let file = world
        .files
        .get(&id)
        .ok_or_else(|| Refusal::bad("wrong file_id or the file is temporarily unavailable"))?;
    if file.bytes.len() > DOWNLOAD_LIMIT {
        return Err(Refusal::bad("file is too big"));
    }
    Ok(json!({
        "file_id": id,
        "file_unique_id": unique_id(&id),
        "file_size": file.bytes.len(),
        "file_path": file.path,
    }))
}

/// What an image's header says.
struct Image {
    mime: &'static str,
    width: u32,
    height: u32,
}

impl Image {
    /// PNG, JPEG and GIF, by their headers alone.
    fn read(bytes: &[u8]) -> Option<Self> {
        let be = |at: usize| {
            bytes
                .get(at..at + 4)?
                .try_into()
                .ok()
                .map(u32::from_be_bytes)
        };
        if bytes.starts_with(b"\x89PNG\r\n\x1a\n") && bytes.get(12..16)? == b"IHDR" {
            return Some(Self {
                mime: "image/png",
                width: be(16)?,
                height: be(20)?,
            });
        }
        if bytes.starts_with(b"GIF8") {
            let le = |at: usize| {
                bytes
                    .get(at..at + 2)?
                    .try_into()
                    .ok()
                    .map(u16::from_le_bytes)
            };
            return Some(Self {
                mime: "image/gif",
                width: le(6)?.into(),
                height: le(8)?.into(),
            });
        }
        if bytes.starts_with(&[0xff, 0xd8]) {
            return jpeg(bytes);
        }
        None
    }
}

/// Walks a JPEG's segments to the one with the size (SOF0 to SOF15, the three others in that range aside).
fn jpeg(bytes: &[u8]) -> Option<Image> {
    let be = |at: usize| {
        bytes
            .get(at..at + 2)?
            .try_into()
            .ok()
            .map(u16::from_be_bytes)
    };
    let mut at = 2;
    loop {
        let (mark, kind) = (*bytes.get(at)?, *bytes.get(at + 1)?);
        if mark != 0xff {
            return None;
        }
        match kind {
            0xff => at += 1,
            0x01 | 0xd0..=0xd8 => at += 2,
            0xc0..=0xcf if !matches!(kind, 0xc4 | 0xc8 | 0xcc) => {
                return Some(Image {
                    mime: "image/jpeg",
                    width: be(at + 7)?.into(),
                    height: be(at + 5)?.into(),
                });
            }
            _ => at += 2 + usize::from(be(at + 2)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_from_headers() {
        let size =
            |bytes: &[u8]| Image::read(bytes).map(|image| (image.mime, image.width, image.height));
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x03\x84\0\0\x01\xe0\x08\x02";
        assert_eq!(size(png), Some(("image/png", 900, 480)));
        let jpeg = [
            0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xc4, 0, 3, 9, 0xff, 0xc2, 0, 17, 8, 0x01,
            0xe0, 0x03, 0x84,
        ];
        assert_eq!(size(&jpeg), Some(("image/jpeg", 900, 480)));
        assert_eq!(
            size(b"GIF89a\x84\x03\xe0\x01"),
            Some(("image/gif", 900, 480))
        );
        assert_eq!(size(b"%PDF"), None);
        assert_eq!(size(&jpeg[..12]), None);
    }
}
