//! How the daemon's memory is kept.
//!
//! The allocator is mimalloc (`src/main.rs`): its threads wait for no lock, where those of the system's wait for each
//! other if they share one part, and leave holes in all of them if they do not. As it comes it keeps what it was given
//! back for a second, and fills pages one after the other. The daemon works for a moment and rests for a minute: it had
//! better give memory back soon, and fill the holes it has. The allocator is told so by variables that it reads once,
//! before the program begins.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::config::Environment;

/// What mimalloc reads, and what it is told; benchmarks tell it the same.
pub const OPTIONS: [(&str, &str); 4] = [
    // What is free for two milliseconds goes back to the system; at once would have the same pages come and go.
    ("MIMALLOC_PURGE_DELAY", "2"),
    // Nothing is taken before it is used.
    ("MIMALLOC_ARENA_EAGER_COMMIT", "0"),
    ("MIMALLOC_ALLOW_THP", "0"),
    // The fullest of so many pages is filled first: with 4, as it comes, there are more holes.
    ("MIMALLOC_PAGE_MAX_CANDIDATES", "32"),
];

/// Begins the program anew with these options, unless somebody has set one; the process stays the same one. Where that
/// cannot be done it goes on as it is.
pub(super) fn keep_small(environment: &Environment) {
    if OPTIONS
        .iter()
        .any(|(name, _)| environment.get(name).is_some())
    {
        return;
    }
    let Ok(program) = std::env::current_exe() else {
        return;
    };
    let mut arguments = std::env::args_os();
    let mut command = Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    let _ = command.args(arguments).envs(OPTIONS).exec();
}
