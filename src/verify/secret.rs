//! A key in memory: no way to print it, wiped when it is dropped.
//!
//! Made by `Scheme::compile` alone.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The bytes of a key. `Debug` shows nothing of them.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Whether `shown` is the key itself, in a time that does not depend on where they differ.
    pub fn matches(&self, shown: &[u8]) -> bool {
        self.0.as_slice().ct_eq(shown).into()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}
