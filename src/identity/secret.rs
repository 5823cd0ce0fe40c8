//! The secrets of sessions, tokens and setup links: 256 random bits each. Only their digests are stored. Since no rate of guessing finds
//! one, SHA-256 without a salt is enough.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::model::TokenId;

/// What a token of the API begins with.
const TOKEN: &str = "fct_";
/// Bytes of a secret.
const SECRET: usize = 32;
/// Random bytes of a token's id.
const ID: usize = 6;

/// What is stored of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretDigest(pub [u8; 32]);

impl SecretDigest {
    fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Compares in constant time.
    pub fn is(self, other: Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// The secret of a session's cookie or of a setup link: 64 hex digits.
pub struct SessionSecret(String);

impl fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionSecret(…)")
    }
}

impl SessionSecret {
    /// The secret of these random bytes.
    pub fn new(random: [u8; SECRET]) -> Self {
        Self(hex::encode(random))
    }

    /// As it goes to its owner, once.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    pub fn digest(&self) -> SecretDigest {
        SecretDigest::of(&self.0)
    }

    /// The digest of a text that somebody gives; `None` when it cannot be a secret.
    pub fn digest_of(text: &str) -> Option<SecretDigest> {
        is_secret(text).then(|| SecretDigest::of(text))
    }
}

/// A new token of the API, `fct_<id>_<secret>`.
pub struct TokenSecret {
    id: TokenId,
    secret: String,
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenSecret({}, …)", self.id)
    }
}

impl TokenSecret {
    /// The token of these random bytes.
    pub fn new(id: [u8; ID], secret: [u8; SECRET]) -> Self {
        let id = TokenId::try_from(hex::encode(id)).expect("12 lower-case hex digits are an id");
        Self { id, secret: hex::encode(secret) }
    }

    /// Its public part.
    pub fn id(&self) -> &TokenId {
        &self.id
    }

    /// As it goes to its owner, once.
    pub fn text(&self) -> String {
        format!("{TOKEN}{}_{}", self.id, self.secret)
    }

    /// What is stored of it.
    pub fn digest(&self) -> SecretDigest {
        SecretDigest::of(&self.secret)
    }

    /// The id and the digest of a text that somebody gives; `None` when it cannot be a token.
    pub fn read(text: &str) -> Option<(TokenId, SecretDigest)> {
        let (id, secret) = text.strip_prefix(TOKEN)?.split_once('_')?;
        let id = id.parse().ok()?;
        is_secret(secret).then(|| (id, SecretDigest::of(secret)))
    }
}

fn is_secret(text: &str) -> bool {
    text.len() == SECRET * 2 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_is_written_and_never_printed() {
        let token = TokenSecret::new([0xab; 6], [0xcd; 32]);
        let text = token.text();
        assert_eq!(text, format!("fct_abababababab_{}", "cd".repeat(32)));
        let (id, digest) = TokenSecret::read(&text).unwrap();
        assert!(id == *token.id() && digest.is(token.digest()));
        assert!(!format!("{token:?}").contains("cdcd"));
        for wrong in ["", "fct_", "fc_abababababab_x", &text[..text.len() - 1], &text.to_uppercase()] {
            assert!(TokenSecret::read(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn only_64_hex_digits_can_be_the_secret_of_a_session() {
        let secret = SessionSecret::new([1; 32]);
        assert_eq!(SessionSecret::digest_of(secret.as_str()), Some(secret.digest()));
        assert!(!secret.digest().is(SessionSecret::new([2; 32]).digest()));
        assert!(!format!("{secret:?}").contains("0101"));
        for wrong in ["", "0", &"g".repeat(64), &"0".repeat(65)] {
            assert_eq!(SessionSecret::digest_of(wrong), None);
        }
    }
}
