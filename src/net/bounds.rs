//! How many headers a response may have; more end it. How long connections are waited for and kept.

use std::time::Duration;

/// Headers of a response.
pub(super) const MAX_HEADER_COUNT: usize = 100;
/// Bytes of all headers of a response.
pub(super) const MAX_HEADERS: usize = 64 << 10;
/// How long the other side may take to accept a connection.
pub(super) const CONNECT: Duration = Duration::from_secs(5);
/// How many connections to one host stay open between requests.
pub(super) const KEPT: usize = 4;
pub(super) const KEPT_FOR: Duration = Duration::from_secs(30);
