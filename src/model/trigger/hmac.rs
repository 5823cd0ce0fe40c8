//! The settings of a generic HMAC: where a signature stands, what it covers and how all of it is written.
//!
//! Part of [`super::Verify`]; `verify_parse` builds it from JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::secret_spec::Secrets;
use crate::model::value::Span;

/// A hash of the SHA family.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// Only for senders that know nothing better.
    Sha1,
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// How the bytes of a MAC are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Hex digits of either case.
    #[default]
    Hex,
    /// RFC 4648 section 4, with padding.
    Base64,
    /// RFC 4648 section 5, without padding.
    Base64url,
}

/// How the bytes of a secret are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretEncoding {
    /// The text's own bytes.
    #[default]
    Utf8,
    /// Base64 of the key.
    Base64,
    /// Hex of the key.
    Hex,
}

/// A generic HMAC verification.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HmacSpec {
    /// The header that carries the MAC.
    pub header: String,
    /// The key.
    pub secret: Secrets,
    /// The hash; default sha256.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// How the header writes the MAC; default hex.
    #[serde(default)]
    pub encoding: Encoding,
    /// Text before the MAC in the header, such as `sha256=`.
    #[serde(default)]
    pub prefix: String,
    /// How `secret` writes the key; default utf8.
    #[serde(default)]
    pub secret_encoding: SecretEncoding,
    /// Text that is removed from the secret before it is decoded, such as `whsec_`.
    #[serde(default)]
    pub secret_prefix: String,
    /// What is signed: literals and `{body}`, `{timestamp}`, `{id}`, `{url}`, `{method}`; default `{body}`.
    #[serde(default = "HmacSpec::default_signed")]
    pub signed: String,
    /// Several parts in one header are separated by this, such as `,`, `;` or a space; any one signature may match.
    pub separator: Option<String>,
    /// The parts are pairs of a key and a value, and the signatures are the values of this key, such as `v1`.
    pub signature_key: Option<String>,
    /// What stands between key and value; default `=`.
    pub assign: Option<String>,
    /// Where the time of sending stands.
    pub timestamp: Option<TimestampSpec>,
    /// The header of the delivery's id, for `{id}`.
    pub id_header: Option<String>,
    /// Where in a JSON body the delivery's id stands, for `{id}`: member names with dots between them.
    pub id_path: Option<String>,
    /// The webhook's URL as the sender has it, for `{url}`; without a query it gets the request's. The default is the
    /// public URL with the request's path and query.
    pub url: Option<String>,
}

impl HmacSpec {
    fn default_signed() -> String {
        "{body}".to_owned()
    }
}

/// Where and how a sender gives the time; checked in both directions against the time of receipt. Give one of `header`,
/// `key` and `path`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimestampSpec {
    /// The header.
    pub header: Option<String>,
    /// A key in the signature header, such as `t`; needs `signature_key`.
    pub key: Option<String>,
    /// Where in a JSON body it stands: member names with dots between them.
    pub path: Option<String>,
    /// How it is written; default seconds.
    #[serde(default)]
    pub unit: TimestampUnit,
    /// The largest difference accepted; default 5m, at most 1d.
    #[serde(default = "TimestampSpec::default_tolerance")]
    pub tolerance: Span,
}

impl TimestampSpec {
    fn default_tolerance() -> Span {
        Span::from_millis(300_000)
    }
}

/// How a timestamp is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimestampUnit {
    /// Whole seconds since the epoch.
    #[default]
    Seconds,
    /// Whole milliseconds since the epoch.
    Milliseconds,
    /// A date as RFC 3339 writes it.
    Rfc3339,
    /// Date and time in China, without a zone: `2026-01-31 08:00:00`.
    China,
}
