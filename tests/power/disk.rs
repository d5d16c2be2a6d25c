//! The disk under a recorded daemon: what is there, and what a power cut may leave of it.
//!
//! Only `fsync` and `fdatasync` keep anything: of a file its bytes and its length, of a folder the
//! names in it. Everything since is kept, dropped, torn or reordered as POSIX allows. Harsher than most
//! file systems are: a synced file in a folder that was not synced may have lost its name.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::record::Act;
use crate::black_box::leads::Moments;

/// Written back as a whole by the system.
const PAGE: usize = 4_096;
/// Written as a whole by the disk.
const SECTOR: usize = 512;

/// What happened to a file since it was synced.
#[derive(Clone, Debug)]
enum Change {
    Wrote { at: usize, bytes: Vec<u8> },
    Cut(usize),
}

/// What happened to a folder since it was synced.
#[derive(Clone, Debug)]
enum Renaming {
    Put(String, usize),
    Gone(String),
    Moved(String, String),
}

#[derive(Clone, Debug, Default)]
struct File {
    now: Vec<u8>,
    synced: Vec<u8>,
    since: Vec<Change>,
}

#[derive(Clone, Debug, Default)]
struct Folder {
    now: BTreeMap<String, usize>,
    synced: BTreeMap<String, usize>,
    since: Vec<Renaming>,
}

#[derive(Clone, Debug)]
enum Node {
    File(File),
    Folder(Folder),
}

/// How much a power cut leaves of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// All of it, as a kill does.
    Nothing,
    /// None of it.
    Everything,
    /// The first so many changes, the last of them torn.
    Tail,
    /// Each page one of the states it has had, some of them torn by sectors; each folder's changes in order.
    Pages,
    /// The same, and of a folder's changes any.
    PagesAndNames,
}

impl Cut {
    /// Chosen at random; the wild ones more often.
    pub(crate) fn any(moments: &mut Moments) -> Self {
        match moments.below(10) {
            0 => Self::Nothing,
            1 | 2 => Self::Everything,
            3 | 4 => Self::Tail,
            5..=7 => Self::Pages,
            _ => Self::PagesAndNames,
        }
    }
}

/// A folder on a disk.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    nodes: Vec<Node>,
    open: HashMap<i32, usize>,
}

const ROOT: usize = 0;

impl Disk {
    pub(crate) fn new() -> Self {
        Self {
            nodes: vec![Node::Folder(Folder::default())],
            open: HashMap::new(),
        }
    }

    fn folder(&mut self, node: usize) -> &mut Folder {
        match &mut self.nodes[node] {
            Node::Folder(folder) => folder,
            Node::File(_) => panic!("a file is no folder"),
        }
    }

    fn find(&self, path: &str) -> Option<usize> {
        let names = path.split('/').filter(|name| !name.is_empty());
        names
            .into_iter()
            .try_fold(ROOT, |at, name| match &self.nodes[at] {
                Node::Folder(folder) => folder.now.get(name).copied(),
                Node::File(_) => None,
            })
    }

    /// The folder and the name in it.
    fn place(&self, path: &str) -> (usize, String) {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let at = self.find(folder);
        (
            at.unwrap_or_else(|| panic!("{path}: its folder was never made")),
            name.to_owned(),
        )
    }

    fn make(&mut self, path: &str, node: Node) -> usize {
        let new = self.nodes.len();
        self.nodes.push(node);
        let (folder, name) = self.place(path);
        let folder = self.folder(folder);
        folder.now.insert(name.clone(), new);
        folder.since.push(Renaming::Put(name, new));
        new
    }

    /// Goes on by one act.
    pub(crate) fn apply(&mut self, act: &Act) {
        match act {
            Act::Started => self.open.clear(),
            Act::Opened { fd, flags, path } => {
                let found = self.find(path);
                let node = match found {
                    Some(node) => node,
                    None if flags & libc_flags::CREAT != 0 => {
                        self.make(path, Node::File(File::default()))
                    }
                    // Something that stood there before the daemon, such as its configuration.
                    None => return,
                };
                self.open.insert(*fd, node);
                if flags & libc_flags::TRUNC != 0 && matches!(self.nodes[node], Node::File(_)) {
                    self.change(*fd, Change::Cut(0));
                }
            }
            Act::Closed { fd } => {
                self.open.remove(fd);
            }
            Act::Wrote { fd, at, bytes } => self.change(
                *fd,
                Change::Wrote {
                    at: *at,
                    bytes: bytes.clone(),
                },
            ),
            Act::Cut { fd, length } => self.change(*fd, Change::Cut(*length)),
            Act::Synced { fd } => match self.open.get(fd).map(|node| &mut self.nodes[*node]) {
                Some(Node::File(file)) => {
                    file.synced.clone_from(&file.now);
                    file.since.clear();
                }
                Some(Node::Folder(folder)) => {
                    folder.synced.clone_from(&folder.now);
                    folder.since.clear();
                }
                None => {}
            },
            Act::Renamed { from, to } => {
                let ((folder, from), (other, to)) = (self.place(from), self.place(to));
                assert_eq!(folder, other, "from one folder into another");
                let folder = self.folder(folder);
                let node = folder.now.remove(&from).unwrap();
                folder.now.insert(to.clone(), node);
                folder.since.push(Renaming::Moved(from, to));
            }
            Act::Removed { path } => {
                let (folder, name) = self.place(path);
                let folder = self.folder(folder);
                // A socket, which was not made by opening it, is none of ours.
                if folder.now.remove(&name).is_some() {
                    folder.since.push(Renaming::Gone(name));
                }
            }
            Act::Folder { path } => {
                self.make(path, Node::Folder(Folder::default()));
            }
            Act::Sent { .. } | Act::Said { .. } => {}
        }
    }

    fn change(&mut self, fd: i32, change: Change) {
        let node = self.open.get(&fd).copied();
        let Some(Node::File(file)) = node.map(|node| &mut self.nodes[node]) else {
            panic!("something was written where nothing was opened");
        };
        apply(&mut file.now, &change);
        file.since.push(change);
    }

    /// Where a power cut now could undo something: each path with the number of changes.
    pub(crate) fn at_risk(&self) -> BTreeMap<String, usize> {
        let mut found = BTreeMap::new();
        self.risks(ROOT, "", &mut found);
        found
    }

    fn risks(&self, node: usize, path: &str, found: &mut BTreeMap<String, usize>) {
        let changes = match &self.nodes[node] {
            Node::File(file) => file.since.len(),
            Node::Folder(folder) => {
                for (name, node) in &folder.now {
                    self.risks(*node, &format!("{path}/{name}"), found);
                }
                folder.since.len()
            }
        };
        if changes > 0 {
            found.insert(path.to_owned(), changes);
        }
    }

    /// Writes what a power cut could have left into an empty folder.
    pub(crate) fn leave(&self, cut: Cut, moments: &mut Moments, into: &Path) {
        self.leave_folder(ROOT, cut, moments, into);
    }

    fn leave_folder(&self, node: usize, cut: Cut, moments: &mut Moments, into: &Path) {
        let Node::Folder(folder) = &self.nodes[node] else {
            panic!("a file is no folder");
        };
        std::fs::create_dir_all(into).unwrap();
        for (name, node) in folder.left(cut, moments) {
            let path = into.join(name);
            match &self.nodes[node] {
                Node::Folder(_) => self.leave_folder(node, cut, moments, &path),
                Node::File(file) => std::fs::write(path, file.left(cut, moments)).unwrap(),
            }
        }
    }
}

/// Of open(2), for x86-64 and arm64 alike.
mod libc_flags {
    pub(super) const CREAT: i32 = 0o100;
    pub(super) const TRUNC: i32 = 0o1000;
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Wrote { at, bytes: new } => {
            if bytes.len() < at + new.len() {
                bytes.resize(at + new.len(), 0);
            }
            bytes[*at..at + new.len()].copy_from_slice(new);
        }
        Change::Cut(length) => bytes.resize(*length, 0),
    }
}

impl Folder {
    fn left(&self, cut: Cut, moments: &mut Moments) -> BTreeMap<String, usize> {
        let all = self.since.len();
        let kept: Vec<&Renaming> = match cut {
            Cut::Nothing => return self.now.clone(),
            Cut::Everything => Vec::new(),
            Cut::Tail | Cut::Pages => {
                let first = moments.up_to(all);
                self.since[..first].iter().collect()
            }
            Cut::PagesAndNames => self
                .since
                .iter()
                .filter(|_| moments.below(2) == 0)
                .collect(),
        };
        let mut names = self.synced.clone();
        for renaming in kept {
            match renaming {
                Renaming::Put(name, node) => {
                    names.insert(name.clone(), *node);
                }
                Renaming::Gone(name) => {
                    names.remove(name);
                }
                Renaming::Moved(from, to) => {
                    if let Some(node) = names.remove(from) {
                        names.insert(to.clone(), node);
                    }
                }
            }
        }
        names
    }
}

impl File {
    fn left(&self, cut: Cut, moments: &mut Moments) -> Vec<u8> {
        match cut {
            Cut::Nothing => self.now.clone(),
            Cut::Everything => self.synced.clone(),
            Cut::Tail => self.torn_tail(moments),
            Cut::Pages | Cut::PagesAndNames => self.pages(moments),
        }
    }

    fn torn_tail(&self, moments: &mut Moments) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        let whole = moments.up_to(self.since.len());
        for change in &self.since[..whole] {
            apply(&mut bytes, change);
        }
        if let Some(Change::Wrote { at, bytes: new }) = self.since.get(whole) {
            // It ends at a sector, wherever that is within it.
            let end = (at + moments.up_to(new.len())) / SECTOR * SECTOR;
            if let Some(part) = end.checked_sub(*at).filter(|part| *part > 0) {
                let bytes_of = new[..part].to_vec();
                apply(
                    &mut bytes,
                    &Change::Wrote {
                        at: *at,
                        bytes: bytes_of,
                    },
                );
            }
        }
        bytes
    }

    /// Each page one of its states; the length one that the file has had.
    fn pages(&self, moments: &mut Moments) -> Vec<u8> {
        let mut length = self.synced.len();
        let mut lengths = vec![length];
        for change in &self.since {
            length = match change {
                Change::Wrote { at, bytes } => length.max(at + bytes.len()),
                Change::Cut(to) => *to,
            };
            lengths.push(length);
        }
        let mut left = self.synced.clone();
        left.resize(*lengths.iter().max().unwrap(), 0);
        for page in 0..left.len().div_ceil(PAGE) {
            let start = page * PAGE;
            let end = (start + PAGE).min(left.len());
            let touching: Vec<&Change> = self
                .since
                .iter()
                .filter(|change| match change {
                    Change::Wrote { at, bytes } => *at < end && at + bytes.len() > start,
                    Change::Cut(to) => *to < end,
                })
                .collect();
            if touching.is_empty() {
                continue;
            }
            let state = |count: usize| {
                let mut state = left[start..end].to_vec();
                for change in &touching[..count] {
                    apply_within(&mut state, start, change);
                }
                state
            };
            let chosen = if moments.below(4) == 0 {
                let mut torn = Vec::new();
                for sector in (0..end - start).step_by(SECTOR) {
                    let of_it = state(moments.up_to(touching.len()));
                    torn.extend_from_slice(&of_it[sector..(sector + SECTOR).min(of_it.len())]);
                }
                torn
            } else {
                state(moments.up_to(touching.len()))
            };
            left[start..end].copy_from_slice(&chosen);
        }
        let last = lengths.len() - 1;
        // More often than not the newest length: the pages are what differs.
        let at = if moments.below(2) == 0 {
            last
        } else {
            moments.up_to(last)
        };
        left.resize(lengths[at], 0);
        left
    }
}

/// A change, as far as it touches the piece that begins at `start`.
fn apply_within(piece: &mut [u8], start: usize, change: &Change) {
    match change {
        Change::Wrote { at, bytes } => {
            let from = (*at).max(start);
            let to = (at + bytes.len()).min(start + piece.len());
            if from < to {
                piece[from - start..to - start].copy_from_slice(&bytes[from - at..to - at]);
            }
        }
        Change::Cut(length) => {
            let from = (*length).saturating_sub(start).min(piece.len());
            piece[from..].fill(0);
        }
    }
}
