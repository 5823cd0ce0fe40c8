//! The settings of a signature over fields: sorted and joined, with the secret in the text or as a key. The signature
//! itself stands in a field beside them, or in a header.
//!
//! Part of [`super::Verify`]; `proof_parse` builds it from JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    hmac::{Encoding, TimestampSpec},
    public_key::PublicKeys,
    secret_spec::Secrets,
};

/// How the text becomes a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldsAlgorithm {
    /// A plain MD5 over a text that holds the secret. Only for senders that know nothing better.
    Md5,
    /// A plain SHA-1 over a text that holds the secret.
    Sha1,
    /// A plain SHA-256 over a text that holds the secret.
    Sha256,
    /// A plain SHA-512 over a text that holds the secret.
    Sha512,
    /// HMAC with MD5.
    HmacMd5,
    /// HMAC with SHA-1.
    HmacSha1,
    /// HMAC with SHA-256.
    HmacSha256,
    /// HMAC with SHA-512.
    HmacSha512,
    /// RSASSA-PKCS1-v1_5 with SHA-1.
    RsaSha1,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RsaSha256,
}

impl FieldsAlgorithm {
    /// Whether a public key checks it.
    pub fn has_public_key(self) -> bool {
        matches!(self, Self::RsaSha1 | Self::RsaSha256)
    }

    /// Whether the text itself must hold the secret, because nothing else does.
    pub fn is_plain(self) -> bool {
        matches!(self, Self::Md5 | Self::Sha1 | Self::Sha256 | Self::Sha512)
    }
}

/// Where the fields stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldsFormat {
    /// In a form if `Content-Type` says so, else in JSON.
    #[default]
    Auto,
    /// The members of a JSON object.
    Json,
    /// The fields of a form.
    Form,
    /// The elements below the root of an XML document.
    Xml,
    /// The parameters of the URL. The body is not covered, so a delivery with a body is refused.
    Query,
}

/// A weakness of a sender's way that the author of a workflow knows and accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Weakness {
    /// The signature leaves parts of the body open.
    UnsignedBody,
    /// Nothing certain stands between the fields in the signed text, so that one text fits several deliveries.
    MovableBorders,
}

/// A signature over fields.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldsSpec {
    /// How the text becomes a signature.
    pub algorithm: FieldsAlgorithm,
    /// The secret in the text, or the key of an HMAC.
    pub secret: Option<Secrets>,
    /// The public key of rsa_sha1 and rsa_sha256.
    pub public_key: Option<PublicKeys>,
    /// Where the fields stand; default auto.
    #[serde(default)]
    pub format: FieldsFormat,
    /// The field that holds the signature, with dots into objects; default `sign`. It is never part of the text.
    pub field: Option<String>,
    /// The header that holds the signature, in place of a field.
    pub header: Option<String>,
    /// Text before the signature.
    #[serde(default)]
    pub prefix: String,
    /// How the signature is written; hex (of either case) unless a public key checks it, then base64.
    pub encoding: Option<Encoding>,
    /// Fields that are not part of the text, such as `sign_type`.
    #[serde(default)]
    pub leave_out: Vec<String>,
    /// Whether fields without a value are part of the text; default false.
    #[serde(default)]
    pub keep_empty: bool,
    /// Only these fields are part of the text, in this order, with dots into objects. Without it, all are, sorted by
    /// the bytes of their names.
    pub only: Option<Vec<String>>,
    /// Whether the text holds the names; default true.
    #[serde(default = "yes")]
    pub names: bool,
    /// What stands between name and value; default `=`.
    #[serde(default = "equals")]
    pub assign: String,
    /// What stands between fields; default `&`.
    #[serde(default = "and")]
    pub join: String,
    /// The text: literals and `{fields}`, `{secret}`, `{body}`. The default is `{fields}`, for keys; a plain digest has
    /// none, because the text must hold the secret.
    pub signed: Option<String>,
    /// Which of the fields is the time of sending (`path`), or which header.
    pub timestamp: Option<TimestampSpec>,
    /// The weaknesses of this way that are known and accepted.
    #[serde(default)]
    pub accept: Vec<Weakness>,
}

fn yes() -> bool {
    true
}

fn equals() -> String {
    "=".to_owned()
}

fn and() -> String {
    "&".to_owned()
}
