//! Secrets as the settings of a trigger write them: one, or several during a rotation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One secret or several: during a rotation each of them is accepted. Strings may hold templates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Secrets {
    /// The one secret.
    One(String),
    /// Any of these.
    Several(Vec<SecretEntry>),
}

/// One of several secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SecretEntry {
    /// Accepted as long as it is listed.
    Lasting(String),
    /// Accepted up to a moment.
    Expiring(ExpiringSecret),
}

/// A secret that goes out of use by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpiringSecret {
    /// The secret.
    pub secret: String,
    /// The last moment at which it is accepted, as RFC 3339 writes it: `2026-12-31T00:00:00Z`.
    pub until: String,
}

impl Secrets {
    /// The templates in order, each with the last moment at which its secret is accepted.
    pub fn entries(&self) -> Vec<(&str, Option<&str>)> {
        match self {
            Self::One(one) => vec![(one, None)],
            Self::Several(several) => several.iter().map(SecretEntry::parts).collect(),
        }
    }
}

impl SecretEntry {
    fn parts(&self) -> (&str, Option<&str>) {
        match self {
            Self::Lasting(secret) => (secret, None),
            Self::Expiring(ExpiringSecret { secret, until }) => (secret, Some(until)),
        }
    }
}

impl From<&str> for Secrets {
    fn from(secret: &str) -> Self {
        Self::One(secret.to_owned())
    }
}
