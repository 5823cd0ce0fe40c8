//! Arguments in, exit code out.

use std::process::ExitCode;

/// A run allocates thousands of small blocks on one thread and frees them on another, which glibc's allocator is slow at: with it,
/// a fifth of the time under load was spent there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    flowcell::cli::main()
}
