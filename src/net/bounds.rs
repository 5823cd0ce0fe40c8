//! How many headers a response may have; more end it.

/// Headers of a response.
pub(super) const HEADER_COUNT_MOST: usize = 100;
/// Bytes of all headers of a response.
pub(super) const HEADERS_MOST: usize = 64 << 10;
