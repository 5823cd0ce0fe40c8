//! The binary: takes arguments, gives an exit code.

use std::process::ExitCode;

/// A run allocates thousands of small blocks on one thread and frees them on another. glibc's allocator is slow at
/// that: a fifth of the time under load was spent in it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    flowcell::cli::main()
}
