//! How much of its memory each part of the server may take, unless the settings say otherwise.
//!
//! Pure: the caller says how much memory there is. Parts that hold what strangers send ask here, so that all shares are
//! seen together.

use crate::model::{ByteSize, Limits};

/// The memory that is assumed for a machine that nobody has looked at, bytes.
pub(crate) const ASSUMED: u64 = 1 << 30;
/// With less than this, no request of ordinary size would pass, bytes.
const BODIES_LEAST: u64 = 16 << 20;
/// With more than this, bodies would only wait for each other, bytes.
const MAX_BODIES: u64 = 512 << 20;

/// How many bytes of request bodies may be in memory at once: a sixteenth of `memory`, because each byte of a body
/// costs some more while it is decoded and stored.
pub(crate) fn bodies(memory: u64) -> u64 {
    (memory / 16).clamp(BODIES_LEAST, MAX_BODIES)
}

/// How much scripts and plugins may have together: two fifths of `memory`. The rest is for bodies, the store's cache
/// and the server itself.
pub(crate) fn sandbox(memory: u64) -> ByteSize {
    ByteSize::from_bytes((memory / 5 * 2).max(Limits::DEFAULT.memory.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gibibyte_holds_64_mib_of_bodies_and_there_is_a_least_and_a_most() {
        let cases = [(0, 16 << 20), (256 << 20, 16 << 20), (ASSUMED, 64 << 20), (2 << 30, 128 << 20)];
        for (memory, expected) in cases {
            assert_eq!(bodies(memory), expected, "{memory}");
        }
        assert_eq!(bodies(u64::MAX), MAX_BODIES);
        assert_eq!(sandbox(ASSUMED).as_bytes(), ASSUMED / 5 * 2);
        assert_eq!(sandbox(0), Limits::DEFAULT.memory);
    }
}
