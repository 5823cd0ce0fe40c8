//! The binary: takes arguments, gives an exit code.

use std::{
    ffi::{c_int, c_long},
    process::ExitCode,
};

/// A run allocates thousands of small blocks on one thread and frees them on another. glibc's allocator is slow at
/// that: a fifth of the time under load was spent in it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// mimalloc.h calls it `mi_option_purge_delay`: milliseconds that freed memory stays with the process, 0 for none.
const PURGE_DELAY: c_int = 15;

unsafe extern "C" {
    fn mi_option_set(option: c_int, value: c_long);
    #[cfg(test)]
    fn mi_option_get(option: c_int) -> c_long;
}

fn main() -> ExitCode {
    keep_little_memory();
    flowcell::cli::main()
}

/// An idle server shall cost the memory that it uses and no more.
fn keep_little_memory() {
    // SAFETY: it sets one number, which mimalloc reads when it frees pages.
    unsafe { mi_option_set(PURGE_DELAY, 0) };
    // One kept block of 64 KiB costs 2 MiB under huge pages. The feature `no_thp` keeps mimalloc from asking for them;
    // this does where the kernel gives them unasked. Guests lose nothing: what they wrote to is found and restored in pages
    // of 4 KiB.
    #[cfg(target_os = "linux")]
    // SAFETY: it sets one flag of this process. A kernel that does not know it refuses, and all works as well.
    unsafe {
        libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0)
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_the_purge_delay_is_right() {
        // SAFETY: it reads a number.
        let default = unsafe { mi_option_get(PURGE_DELAY) };
        assert_eq!(
            default, 1000,
            "mimalloc's options have other numbers now, or another default: see its mimalloc.h"
        );
    }
}
