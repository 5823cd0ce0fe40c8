//! Values that the workflow keeps between runs. Keys need the capability `kv("PREFIX")`. What is written becomes durable with the
//! step's success; a failed attempt leaves nothing.

use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, error::from_host, host::kv};

/// The value, if there is one.
pub fn get<T: DeserializeOwned>(key: &str) -> Result<Option<T>, Error> {
    match kv::get(key).map_err(from_host)? {
        Some(value) => Ok(Some(serde_json::from_str(&value)?)),
        None => Ok(None),
    }
}

/// Keeps a value until it is deleted.
pub fn set<T: Serialize + ?Sized>(key: &str, value: &T) -> Result<(), Error> {
    kv::set(key, &serde_json::to_string(value)?, None).map_err(from_host)
}

/// Keeps a value for some time.
pub fn set_for<T: Serialize + ?Sized>(key: &str, value: &T, time: Duration) -> Result<(), Error> {
    kv::set(key, &serde_json::to_string(value)?, Some(milliseconds(time))).map_err(from_host)
}

/// Whether there was a value.
pub fn delete(key: &str) -> Result<bool, Error> {
    kv::delete(key).map_err(from_host)
}

/// Adds to an integer, 0 if there is none, and gives the sum.
pub fn increment(key: &str, by: i64) -> Result<i64, Error> {
    kv::increment(key, by).map_err(from_host)
}

/// Sets if the value is `expected`, or if there is none when that is `None`; whether it was.
pub fn compare_and_set<T: Serialize + ?Sized>(
    key: &str,
    expected: Option<&T>,
    value: &T,
) -> Result<bool, Error> {
    let expected = expected.map(serde_json::to_string).transpose()?;
    kv::compare_and_set(key, expected.as_deref(), &serde_json::to_string(value)?, None).map_err(from_host)
}

/// Keys that begin with `prefix` and come after `after`, with their values, in order of their bytes; at most `limit`, of 1 to 1000.
pub fn list<T: DeserializeOwned>(
    prefix: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<(String, T)>, Error> {
    let entries = kv::list(prefix, after, limit).map_err(from_host)?;
    entries.into_iter().map(|(key, value)| Ok((key, serde_json::from_str(&value)?))).collect()
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
