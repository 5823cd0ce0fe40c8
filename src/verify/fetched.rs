//! Keys that a scheme does not hold itself: an issuer's JSON Web Key Set (RFC 7517), or a certificate that a delivery
//! names.
//!
//! Pure: [`super::Scheme::wants`] says which document is needed, the gateway fetches and keeps it, and
//! [`super::Scheme::verify_with`] gets it.

use jsonwebtoken::{
    DecodingKey,
    jwk::{AlgorithmParameters, Jwk, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

use super::public_key::{Manner, PublicKey};
use crate::model::KeyAlgorithm;

/// The most keys of a set that are read. Issuers have two to four.
const MAX_KEYS: usize = 64;

/// A document with keys, which must be fetched before a delivery can be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Where it is. The scheme allows no other place.
    pub url: String,
    /// What it is.
    pub kind: DocumentKind,
    /// The key in it, as the delivery names it.
    pub key_id: Option<String>,
}

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DocumentKind {
    /// A JSON Web Key Set. It changes: its issuer adds keys.
    KeySet,
    /// A certificate in PEM. Under one URL it is always the same.
    Certificate,
}

/// Why a document is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// It is not a key set.
    #[error("it is not a JSON Web Key Set: {0}")]
    KeySet(String),
    /// It has no key that could check a signature.
    #[error("it holds no public key that checks signatures")]
    NoKey,
    /// It is not a certificate.
    #[error("it is not a certificate in PEM: {0}")]
    Certificate(&'static str),
}

/// A document, read.
#[derive(Debug)]
pub struct Document(Content);

#[derive(Debug)]
enum Content {
    Keys(Vec<SetKey>),
    /// The leaf of a chain, with both algorithms of those who send it.
    Certificate(Box<Both>),
}

/// A key with both algorithms.
#[derive(Debug)]
struct Both {
    sha1: PublicKey,
    sha256: PublicKey,
}

/// One key of a set.
pub(super) struct SetKey {
    id: Option<String>,
    /// The one algorithm that it is for, if it says so.
    algorithm: Option<String>,
    pub(super) key: DecodingKey,
}

impl std::fmt::Debug for SetKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SetKey").field("id", &self.id).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

impl Document {
    /// Reads what was fetched.
    ///
    /// # Errors
    /// What is wrong with it. Keys of a set that are of another kind are passed over.
    pub fn read(kind: DocumentKind, bytes: &[u8]) -> Result<Self, DocumentError> {
        match kind {
            DocumentKind::KeySet => {
                let set: Set = serde_json::from_slice(bytes)
                    .map_err(|error| DocumentError::KeySet(error.to_string()))?;
                let keys: Vec<_> = set.keys.into_iter().take(MAX_KEYS).filter_map(SetKey::read).collect();
                if keys.is_empty() { Err(DocumentError::NoKey) } else { Ok(Self(Content::Keys(keys))) }
            }
            DocumentKind::Certificate => Self::certificate(bytes).map_err(DocumentError::Certificate),
        }
    }

    /// The first certificate of a chain is the sender's own.
    fn certificate(bytes: &[u8]) -> Result<Self, &'static str> {
        let chain = pem::parse_many(bytes).map_err(|_| "it is not PEM")?;
        let own = chain.iter().find(|part| part.tag() == "CERTIFICATE").ok_or("it holds no CERTIFICATE")?;
        let read = |algorithm| PublicKey::of_certificate(own.contents(), Manner::of(algorithm));
        let (sha1, sha256) = (read(KeyAlgorithm::RsaSha1)?, read(KeyAlgorithm::RsaSha256)?);
        Ok(Self(Content::Certificate(Box::new(Both { sha1, sha256 }))))
    }

    /// Whether a key of this name is in it. Without a name, whether there is any.
    pub fn has(&self, key_id: Option<&str>) -> bool {
        match &self.0 {
            Content::Keys(keys) => key_id.is_none_or(|id| keys.iter().any(|key| key.is(id))),
            Content::Certificate(_) => true,
        }
    }

    /// The keys that may have signed a token of this algorithm that names this key.
    pub(super) fn keys_of(&self, key_id: Option<&str>, algorithm: &str) -> Vec<&SetKey> {
        match &self.0 {
            Content::Keys(keys) => keys
                .iter()
                .filter(|key| key_id.is_none_or(|id| key.is(id)))
                .filter(|key| key.algorithm.as_ref().is_none_or(|own| own == algorithm))
                .collect(),
            Content::Certificate(_) => Vec::new(),
        }
    }

    /// The key of the certificate for RSA with SHA-1 or SHA-256.
    pub(super) fn key(&self, sha1: bool) -> Option<&PublicKey> {
        match &self.0 {
            Content::Keys(_) => None,
            Content::Certificate(both) => Some(if sha1 { &both.sha1 } else { &both.sha256 }),
        }
    }
}

impl SetKey {
    /// `None` for what checks no signature: keys for encryption, shared secrets, kinds that are not known.
    fn read(value: Value) -> Option<Self> {
        let algorithm = value.get("alg").and_then(Value::as_str).map(str::to_owned);
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        let signs =
            jwk.common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature);
        // A secret that somebody publishes is none.
        let is_secret = matches!(jwk.algorithm, AlgorithmParameters::OctetKey(_));
        if !signs || is_secret {
            return None;
        }
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        Some(Self { id: jwk.common.key_id, algorithm, key })
    }

    fn is(&self, id: &str) -> bool {
        self.id.as_deref() == Some(id)
    }
}
