//! How the daemon's memory is parted.
//!
//! The system's allocator gives threads parts of memory of their own, up to eight for each core, so that they do not wait
//! for each other. What one thread takes and another gives back leaves holes in all of them: with its dozen threads the
//! daemon takes half as much again as with one part, and sends thousands of mails up to a tenth quicker, which nobody is in
//! need of. The allocator is told so by a variable that it reads once, before the program begins.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::config::Environment;

/// What glibc's allocator reads (mallopt(3)).
const VARIABLE: &str = "MALLOC_ARENA_MAX";

/// All threads share one.
const PARTS: &str = "1";

/// Begins the program anew with one part, unless somebody has said how many; the process stays the same one. Where that
/// cannot be done it goes on as it is.
pub(super) fn keep_one(environment: &Environment) {
    let said = [VARIABLE, "GLIBC_TUNABLES"].map(|name| environment.get(name));
    if said.iter().any(Option::is_some) {
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
    let _ = command.args(arguments).env(VARIABLE, PARTS).exec();
}
