//! Collects garbage before the memory that Boa's collector does not count fills the instance.
//!
//! The collector counts the objects, not the bytes of buffers, arrays, maps and large objects that hang on them: two hundred dropped
//! buffers of 1 MiB would hit the memory limit. The allocator counts them all, and the collector, which a patch of ours made ask, collects
//! at the next object once they have grown enough. The bytes of a buffer come before its object: `before_buffer`.

use std::cell::Cell;

/// Bytes that may be allocated before the next collection; more once more than four times as much is in use.
const GROWTH: usize = 4 << 20;

thread_local! {
    /// Bytes in use from which on it is time to collect. None before the first run, so that the snapshot is left alone.
    static LIMIT: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Makes the collector ask.
pub(crate) fn register() {
    boa_gc::set_pressure(boa_gc::Pressure { is_high, relieved });
}

fn is_high() -> bool {
    in_use::bytes() >= LIMIT.get()
}

fn relieved() {
    LIMIT.set(limit(in_use::bytes()));
}

/// Starts to count for a run.
pub(crate) fn begin() {
    LIMIT.set(limit(in_use::bytes()));
}

/// Before the bytes of a buffer are allocated: collects if the memory in use has grown enough since the last collection. Must not be called
/// from within the allocator or the collector.
pub(crate) fn before_buffer() {
    in_use::expect_buffer();
    if is_high() {
        boa_gc::force_collect();
        relieved();
    }
}

const fn limit(in_use: usize) -> usize {
    let quarter = in_use / 4;
    in_use + if quarter > GROWTH { quarter } else { GROWTH }
}

#[cfg(target_arch = "wasm32")]
mod in_use {
    pub(super) use crate::alloc::bytes_in_use as bytes;

    pub(super) const fn expect_buffer() {}
}

/// A stand-in that takes every buffer for 1 MiB.
#[cfg(not(target_arch = "wasm32"))]
mod in_use {
    use std::cell::Cell;

    thread_local! {
        static BUFFERS: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn bytes() -> usize {
        BUFFERS.get()
    }

    pub(super) fn expect_buffer() {
        BUFFERS.set(BUFFERS.get() + (1 << 20));
    }
}

#[cfg(test)]
mod tests {
    use super::{GROWTH, limit};

    #[test]
    fn collections_get_rarer_as_more_stays_in_use() {
        assert_eq!(limit(0), GROWTH);
        assert_eq!(limit(8 << 20), 12 << 20);
        assert_eq!(limit(32 << 20), 40 << 20);
    }
}
