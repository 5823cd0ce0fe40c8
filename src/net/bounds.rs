//! How many headers a response may have; more end it.

/// Headers of a response.
pub(super) const MAX_HEADER_COUNT: usize = 100;
/// Bytes of all headers of a response.
pub(super) const MAX_HEADERS: usize = 64 << 10;
