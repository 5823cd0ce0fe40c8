//! Which values of a request no run may keep.

use crate::template::{Path, Root};

/// Whether a path reads what may be a credential: variables hold them as well as secrets do.
pub(super) fn is_secret(path: &Path) -> bool {
    matches!(path.root(), Root::Secrets | Root::Env)
}
