//! A text that is kept with a run and that nobody may read in the store.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text sealed with a key of the server's secrets. `Debug` shows only the key's id.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedText {
    /// The id of the key that it was sealed with.
    pub key_id: String,
    /// A number that is used only once.
    pub nonce: [u8; 24],
    /// The encrypted text.
    #[serde(with = "serde_bytes")]
    pub ciphertext: Vec<u8>,
}

impl fmt::Debug for SealedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedText").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}
