//! A key in memory. Nothing can print it, it is wiped when it is dropped, and it is useless after its last moment.
//!
//! Only `Scheme::compile` makes one.

use std::fmt;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{Rejected, Resolve, SchemeError};
use crate::model::{PublicKeys, Secrets};

/// The bytes of a key, and the last moment at which it is accepted. `Debug` shows nothing of the bytes.
#[derive(Clone)]
pub struct Secret {
    bytes: Zeroizing<Vec<u8>>,
    /// Milliseconds since the epoch; `None` is forever.
    until_ms: Option<u64>,
}

impl Secret {
    /// Takes ownership of the bytes, so that no copy stays behind.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes: Zeroizing::new(bytes), until_ms: None }
    }

    /// Other bytes that are accepted as long as these.
    pub(super) fn with_bytes(&self, bytes: Vec<u8>) -> Self {
        Self { bytes: Zeroizing::new(bytes), until_ms: self.until_ms }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The text that the secret was made from.
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap_or_default()
    }

    /// Whether it is still accepted.
    pub(super) fn lasts_at(&self, received_ms: u64) -> bool {
        self.until_ms.is_none_or(|until_ms| received_ms <= until_ms)
    }

    pub(super) fn until_ms(&self) -> Option<u64> {
        self.until_ms
    }

    /// Whether `given` is this secret. The time that this takes shows neither where they differ nor how long the secret
    /// is.
    pub fn equals(&self, given: &[u8]) -> bool {
        Sha256::digest(&self.bytes).ct_eq(&Sha256::digest(given)).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

/// Whether one of these keys matches. Each key comes with the last moment at which it is accepted.
pub(super) fn accept<K>(
    keys: impl IntoIterator<Item = (Option<u64>, K)>,
    received_ms: u64,
    matches: impl Fn(K) -> bool,
) -> Result<(), Rejected> {
    let mut outcome = Err(Rejected::Mismatch);
    for (until_ms, key) in keys {
        if matches(key) {
            if until_ms.is_none_or(|until_ms| received_ms <= until_ms) {
                return Ok(());
            }
            outcome = Err(Rejected::SecretExpired);
        }
    }
    outcome
}

/// The same as [`accept`], for the secrets themselves.
pub(super) fn accept_secret(
    secrets: &[Secret],
    received_ms: u64,
    matches: impl Fn(&Secret) -> bool,
) -> Result<(), Rejected> {
    accept(secrets.iter().map(|secret| (secret.until_ms, secret)), received_ms, matches)
}

/// The texts of a setting's secrets: at least one, and none of them empty.
pub(super) fn resolve_all(secrets: &Secrets, resolve: Resolve<'_>) -> Result<Vec<Secret>, SchemeError> {
    let entries = secrets.entries().into_iter().enumerate();
    let resolved: Vec<_> = entries
        .map(|(index, (template, until))| resolve_one(index + 1, template, until, resolve))
        .collect::<Result<_, _>>()?;
    if resolved.is_empty() { Err(SchemeError::NoSecret) } else { Ok(resolved) }
}

/// The texts of a setting's public keys, each with the id that the setting gives it: at least one.
pub(super) fn resolve_keys(
    keys: &PublicKeys,
    resolve: Resolve<'_>,
) -> Result<Vec<(Secret, Option<String>)>, SchemeError> {
    let entries = keys.entries().into_iter().enumerate();
    let resolved: Vec<_> = entries
        .map(|(index, entry)| {
            let secret = resolve_one(index + 1, &entry.key, entry.until.as_deref(), resolve)?;
            Ok((secret, entry.id))
        })
        .collect::<Result<_, SchemeError>>()?;
    if resolved.is_empty() { Err(SchemeError::NoSecret) } else { Ok(resolved) }
}

fn resolve_one(
    number: usize,
    template: &str,
    until: Option<&str>,
    resolve: Resolve<'_>,
) -> Result<Secret, SchemeError> {
    let text = resolve(template).map_err(|why| SchemeError::Unresolved { number, why })?;
    // A secret that is only white space is an unset variable, not a choice.
    if text.trim().is_empty() {
        return Err(SchemeError::EmptySecret { number });
    }
    let until_ms = until.map(|until| moment(until).ok_or(SchemeError::Until { number })).transpose()?;
    Ok(Secret { bytes: Zeroizing::new(text.into_bytes()), until_ms })
}

fn moment(text: &str) -> Option<u64> {
    let time: Timestamp = text.parse().ok()?;
    u64::try_from(time.as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_accepted_up_to_its_last_moment() {
        let old = Secret { until_ms: Some(1_000), ..Secret::new(b"old".to_vec()) };
        let secrets = [old, Secret::new(b"new".to_vec())];
        let check = |given: &'static [u8], now| accept_secret(&secrets, now, |secret| secret.equals(given));
        let cases = [
            (&b"old"[..], 0, Ok(())),
            (b"old", 1_000, Ok(())),
            (b"old", 1_001, Err(Rejected::SecretExpired)),
            (b"new", 1_001, Ok(())),
            (b"other", 0, Err(Rejected::Mismatch)),
            (b"", 0, Err(Rejected::Mismatch)),
            (b"ne", 0, Err(Rejected::Mismatch)),
            (b"new\n", 0, Err(Rejected::Mismatch)),
        ];
        for (given, now, expected) in cases {
            assert_eq!(check(given, now), expected, "{given:?} at {now}");
        }
    }

    #[test]
    fn a_moment_is_written_as_rfc_3339_has_it() {
        assert_eq!(moment("1970-01-01T00:00:01Z"), Some(1_000));
        assert_eq!(moment("2026-12-31T00:00:00+08:00"), Some(1_798_646_400_000));
        for text in ["", "2026-12-31", "1798646400", "1969-12-31T23:59:59Z", "tomorrow"] {
            assert_eq!(moment(text), None, "{text}");
        }
    }
}
