//! The settings of senders that sign with a private key: the receiver knows the public one, or a certificate of it.
//!
//! Part of [`super::Verify`]; `proof_parse` builds these from JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    hmac::{Encoding, TimestampSpec},
    secret_spec::Secrets,
    texts::Texts,
};
use crate::model::value::Span;

/// One public key or several, of which each is accepted. Strings may hold templates. A key is PEM (`PUBLIC KEY`,
/// `RSA PUBLIC KEY` or `CERTIFICATE`), or the base64 of a `PUBLIC KEY` alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum PublicKeys {
    /// The one key.
    One(String),
    /// Any of these.
    Several(Vec<PublicKeyEntry>),
}

/// One of several public keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum PublicKeyEntry {
    /// A key that is known by its certificate's serial number, or by nothing.
    Bare(String),
    /// A key with what is known of it.
    Named(NamedKey),
}

/// A public key and what its sender calls it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedKey {
    /// The key.
    pub key: String,
    /// The id or serial number that the sender writes beside its signatures. The default is the serial number of a
    /// certificate. A key without one is tried for every id.
    pub id: Option<String>,
    /// The last moment at which it is accepted, as RFC 3339 writes it.
    pub until: Option<String>,
}

impl PublicKeys {
    /// All of them, in order.
    pub fn entries(&self) -> Vec<NamedKey> {
        let bare = |key: &String| NamedKey { key: key.clone(), id: None, until: None };
        match self {
            Self::One(one) => vec![bare(one)],
            Self::Several(several) => several
                .iter()
                .map(|entry| match entry {
                    PublicKeyEntry::Bare(key) => bare(key),
                    PublicKeyEntry::Named(named) => named.clone(),
                })
                .collect(),
        }
    }
}

/// How a private key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-1. Only for senders that know nothing better.
    RsaSha1,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RsaSha256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RsaSha384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RsaSha512,
    /// RSASSA-PSS with SHA-256 and a salt of 32 bytes.
    RsaPssSha256,
    /// RSASSA-PSS with SHA-512 and a salt of 64 bytes.
    RsaPssSha512,
    /// ECDSA on P-256 with SHA-256.
    EcdsaP256Sha256,
    /// ECDSA on P-384 with SHA-384.
    EcdsaP384Sha384,
    /// Ed25519.
    Ed25519,
}

/// How the two numbers of an ECDSA signature are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EcdsaForm {
    /// A DER sequence, as OpenSSL writes it.
    #[default]
    Der,
    /// One after the other, each as long as the curve (IEEE P1363), as JSON Web Tokens have it.
    Raw,
}

/// Any signature by a private key, in a header.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignatureSpec {
    /// The header that carries the signature.
    pub header: String,
    /// The public key, or a certificate.
    pub public_key: PublicKeys,
    /// The one algorithm that is accepted.
    pub algorithm: KeyAlgorithm,
    /// How ECDSA writes a signature; default der.
    #[serde(default)]
    pub form: EcdsaForm,
    /// The header that names the key, for senders with several.
    pub key_id_header: Option<String>,
    /// How the header writes the signature; default base64.
    #[serde(default = "base64")]
    pub encoding: Encoding,
    /// Text before the signature in the header.
    #[serde(default)]
    pub prefix: String,
    /// What is signed: literals and `{body}`, `{timestamp}`, `{id}`, `{url}`, `{method}`; default `{body}`.
    #[serde(default = "body")]
    pub signed: String,
    /// Several parts in one header are separated by this, such as `,`; any one signature may match.
    pub separator: Option<String>,
    /// The parts are pairs of a key and a value, and the signatures are the values of this key.
    pub signature_key: Option<String>,
    /// What stands between key and value; default `=`.
    pub assign: Option<String>,
    /// Where the time of sending stands.
    pub timestamp: Option<TimestampSpec>,
    /// The header of the delivery's id or nonce, for `{id}`.
    pub id_header: Option<String>,
    /// Where in a JSON body the delivery's id stands, for `{id}`.
    pub id_path: Option<String>,
    /// The webhook's URL as the sender has it, for `{url}`.
    pub url: Option<String>,
}

fn base64() -> Encoding {
    Encoding::Base64
}

fn body() -> String {
    "{body}".to_owned()
}

/// A known sender with keys of its own: SendGrid, WeChat Pay, Alipay.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeySpec {
    /// The sender's public key, or its certificate.
    pub public_key: PublicKeys,
    /// How far the time of sending may be off; the default is the sender's own.
    pub tolerance: Option<Span>,
}

/// Notifications of Amazon SNS.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SnsSpec {
    /// The ARN of the topic, or of several. Everybody's topics are signed with the same key, so it must be given.
    pub topic: Texts,
    /// Certificates in place of the one that a message names, for a server without a way out.
    pub certificate: Option<PublicKeys>,
    /// How far the time of publication may be off; default 1h.
    pub tolerance: Option<Span>,
}

/// Notifications of PayPal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PaypalSpec {
    /// The id of the webhook, or of several. PayPal signs everybody's with the same key, so it must be given.
    pub webhook_id: Secrets,
    /// Certificates in place of the one that a delivery names, for a server without a way out.
    pub certificate: Option<PublicKeys>,
    /// How far the time of sending may be off; default 1d.
    pub tolerance: Option<Span>,
}
