//! Secrets by name. Each needs the capability `secret("NAME")`.

use crate::{Error, error::from_host, host::secrets};

/// Fails with `capability_missing`, or with `secret_missing` when nobody has set it.
pub fn get(name: &str) -> Result<String, Error> {
    secrets::get(name).map_err(from_host)
}
