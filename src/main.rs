//! The binary: parse, run, exit code. Everything else is the library's.

use std::process::ExitCode;

/// See `cli/memory.rs`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sheetbridge::cli::main()
}
