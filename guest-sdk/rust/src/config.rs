//! The `config` of the step: what the author of the workflow has set for this use of the plugin.

use serde::de::DeserializeOwned;

use crate::{Error, host::config};

/// One field, if it is set.
pub fn get<T: DeserializeOwned>(key: &str) -> Result<Option<T>, Error> {
    match config::get(key) {
        Some(value) => match serde_json::from_str(&value) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(Error::new("bad_config", format_args!("`config.{key}`: {error}"))),
        },
        None => Ok(None),
    }
}

/// The whole object.
pub fn all<T: DeserializeOwned>() -> Result<T, Error> {
    serde_json::from_str(&config::all())
        .map_err(|error| Error::new("bad_config", format_args!("`config`: {error}")))
}
