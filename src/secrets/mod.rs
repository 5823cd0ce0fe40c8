//! Secrets: sealed for the disk, and masked in texts that must not show them.
//!
//! [`Keyring`] seals and opens, [`Redactor`] masks. `engine::Vault` uses both. Pure: no I/O, and randomness comes as an
//! argument. No error and no `Debug` here shows a value or a key.

mod credential;
mod forms;
mod keyring;
mod redact;
mod redact_json;

use std::{fmt, ops::Deref, sync::Arc};

use serde::Deserialize;
use zeroize::Zeroizing;

pub use credential::credentials;
pub use keyring::{Keyring, NONCE, Sealed};
pub use redact::Redactor;

/// The longest name, bytes.
pub const MAX_NAME: usize = 128;
/// The shortest value, bytes. A shorter one could not be told from ordinary text.
pub const VALUE_LEAST: usize = 6;
/// The longest value, bytes.
pub const MAX_VALUE: usize = 64 << 10;

/// What is wrong with a secret, its name or the keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// A name that templates and scripts could not use.
    #[error(
        "`{0}` cannot be a secret's name: use a letter or _ first, then letters, digits or _, 128 at most"
    )]
    Name(String),
    /// A value that is too short to be masked in logs, or too long.
    #[error("the value of {name} {why}")]
    Value {
        /// The secret's name.
        name: String,
        /// Why it is refused.
        why: &'static str,
    },
    /// The key material cannot be read.
    #[error("key {position} of the secrets: {why}")]
    Key {
        /// The key's place in the list, counted from 1.
        position: usize,
        /// What is wrong; it never quotes the material.
        why: String,
    },
    /// There is no key at all.
    #[error(
        "no key for the secrets: give 32 random bytes as base64 or hex, as `openssl rand -base64 32` prints them"
    )]
    NoKey,
    /// The secret was sealed with a key that is not among the given ones.
    #[error("{name} was sealed with key id {sealed}, the key given is {given}")]
    OtherKey {
        /// The secret's name.
        name: String,
        /// The id of the key that sealed it.
        sealed: String,
        /// The ids of the given keys.
        given: String,
    },
    /// The key is there, but the bytes are not those that were sealed.
    #[error("{name} does not open with key id {key_id}: its bytes were changed, or another key has that id")]
    Damaged {
        /// The secret's name.
        name: String,
        /// The id of the key that sealed it.
        key_id: String,
    },
}

/// A secret's value. It reads as text, is wiped when the last copy is dropped, and is never shown by `Debug`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct SecretValue(Arc<Zeroizing<String>>);

impl SecretValue {
    /// The text. Dereferencing gives it too.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretValue {
    fn from(text: String) -> Self {
        Self(Arc::new(Zeroizing::new(text)))
    }
}

impl From<Zeroizing<String>> for SecretValue {
    fn from(text: Zeroizing<String>) -> Self {
        Self(Arc::new(text))
    }
}

impl Deref for SecretValue {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(redacted)")
    }
}

/// Checks that a text can be a secret's name: `[A-Za-z_][A-Za-z0-9_]{0,127}`.
///
/// # Errors
/// `Name`.
pub fn check_name(name: &str) -> Result<(), SecretError> {
    let valid = name.len() <= MAX_NAME
        && name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if valid {
        return Ok(());
    }
    // Cut, because somebody who swapped name and value would find the value in a log.
    Err(SecretError::Name(name.chars().take(24).collect()))
}

/// Checks that a value can be kept, and can be masked wherever it shows up.
///
/// # Errors
/// `Value` with the reason.
pub fn check_value(name: &str, value: &str) -> Result<(), SecretError> {
    let why = if value.len() > MAX_VALUE {
        "is over 64 KiB"
    } else if value.is_empty() {
        "is empty"
    } else if value.trim().len() < VALUE_LEAST {
        "has under 6 bytes beside white space: it could not be told from ordinary text and be masked in logs; give a longer one"
    } else if label(name).contains(value.trim()) {
        "stands in its own name: masked texts would still show it"
    } else {
        return Ok(());
    };
    Err(SecretError::Value { name: name.to_owned(), why })
}

/// The text that replaces a secret.
fn label(name: &str) -> String {
    format!("[secret {name}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_identifiers() {
        for good in ["A", "_a9", &"N".repeat(128)] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for bad in ["", "9A", "a-b", "a.b", "é", "a\0", "a/b", &"N".repeat(129)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn values_that_cannot_be_masked_are_refused_without_being_quoted() {
        for bad in ["", "12345", "   1   ", "KEY_NAME", "secret", &"x".repeat(MAX_VALUE + 1)] {
            let error = check_value("KEY_NAME", bad).unwrap_err().to_string();
            assert!(error.starts_with("the value of KEY_NAME "), "{error}");
            assert!(!error.contains("12345"), "{error}");
        }
        for good in ["123456", "pass word", "密钥", &"x".repeat(MAX_VALUE)] {
            assert_eq!(check_value("KEY_NAME", good), Ok(()), "{}", good.len());
        }
    }

    #[test]
    fn debug_shows_no_value() {
        let value = SecretValue::from("hunter22".to_owned());
        assert_eq!((format!("{value:?}"), &*value), ("SecretValue(redacted)".to_owned(), "hunter22"));
    }
}
