//! Reads what `record.c` wrote down: everything that the daemon did to its folder, sent and said, in one order.

use std::path::Path;

/// One thing that happened. Paths are relative to the folder that is watched.
#[derive(Debug)]
pub(crate) enum Act {
    /// A process began; what the last one had open is closed.
    Started,
    Opened {
        fd: i32,
        flags: i32,
        path: String,
    },
    Closed {
        fd: i32,
    },
    Wrote {
        fd: i32,
        at: usize,
        bytes: Vec<u8>,
    },
    Cut {
        fd: i32,
        length: usize,
    },
    Synced {
        fd: i32,
    },
    Renamed {
        from: String,
        to: String,
    },
    Removed {
        path: String,
    },
    Folder {
        path: String,
    },
    /// Left through a socket.
    Sent {
        fd: i32,
        bytes: Vec<u8>,
    },
    /// On stderr.
    Said {
        bytes: Vec<u8>,
    },
}

/// The whole record. A last entry that was cut off by a kill never happened.
pub(crate) fn read(record: &Path) -> Vec<Act> {
    let bytes = std::fs::read(record).unwrap();
    let mut rest = bytes.as_slice();
    let (mut acts, mut folder) = (Vec::new(), String::new());
    while let Some(act) = next(&mut rest, &mut folder) {
        acts.push(act);
    }
    acts
}

fn next(rest: &mut &[u8], folder: &mut String) -> Option<Act> {
    let (what, more) = rest.split_first()?;
    let (fd, more) = more.split_first_chunk::<4>()?;
    let (number, more) = more.split_first_chunk::<8>()?;
    let (length, more) = more.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap();
    let bytes = more.get(..length)?;
    *rest = &more[length..];
    let fd = i32::from_le_bytes(*fd);
    let number = usize::try_from(u64::from_le_bytes(*number)).unwrap();
    Some(match what {
        b'S' => {
            *folder = String::from_utf8(bytes.to_vec()).unwrap();
            Act::Started
        }
        b'O' => Act::Opened {
            fd,
            flags: i32::try_from(number).unwrap(),
            path: inside(bytes, folder),
        },
        b'C' => Act::Closed { fd },
        b'W' => Act::Wrote {
            fd,
            at: number,
            bytes: bytes.to_vec(),
        },
        b'T' => Act::Cut { fd, length: number },
        b'F' => Act::Synced { fd },
        b'R' => {
            let middle = bytes.iter().position(|byte| *byte == 0).unwrap();
            Act::Renamed {
                from: inside(&bytes[..middle], folder),
                to: inside(&bytes[middle + 1..], folder),
            }
        }
        b'U' => Act::Removed {
            path: inside(bytes, folder),
        },
        b'M' => Act::Folder {
            path: inside(bytes, folder),
        },
        b'N' => Act::Sent {
            fd,
            bytes: bytes.to_vec(),
        },
        b'E' => Act::Said {
            bytes: bytes.to_vec(),
        },
        _ => panic!(
            "the daemon used {}, which the record cannot follow",
            String::from_utf8_lossy(bytes)
        ),
    })
}

fn inside(path: &[u8], folder: &str) -> String {
    let path = std::str::from_utf8(path).unwrap();
    let path = path.strip_prefix(folder).unwrap();
    path.trim_matches('/').replace("/./", "/")
}
