//! The settings of a JSON Web Token: where it stands, who signs it, and what it must say.
//!
//! Part of [`super::Verify`]; `verify_parse` builds it from JSON.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{hmac::SecretEncoding, secret_spec::Secrets, texts::Texts};

const AUTHORIZATION: &str = "authorization";

/// A JSON Web Token.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JwtSpec {
    /// The one algorithm that is accepted, whatever the token says of itself.
    pub algorithm: JwtAlgorithm,
    /// The key of HS256, HS384 and HS512.
    pub secret: Option<Secrets>,
    /// How `secret` writes the key; default utf8.
    #[serde(default)]
    pub secret_encoding: SecretEncoding,
    /// The public key of the other algorithms, as PEM.
    pub public_key: Option<Secrets>,
    /// Where the issuer publishes its public keys (RFC 7517), over https. The keys are fetched when a token names one
    /// that is not known. Needs `audience`, because such an issuer signs tokens for others too.
    pub jwks_url: Option<String>,
    /// What `iss` must be, or several of which each is accepted.
    pub issuer: Option<Texts>,
    /// What `aud` must be, or must hold; or several of which each is accepted.
    pub audience: Option<Texts>,
    /// Further claims and what each must be, or must hold. An array is a choice.
    #[serde(default)]
    pub claims: BTreeMap<String, Value>,
    /// The header that holds the token; default `Authorization`.
    pub header: Option<String>,
    /// The word before the token, in either case; default `Bearer` in `Authorization`, and none in another header. An
    /// empty one means that the token stands alone.
    pub prefix: Option<String>,
    /// The parameter of the query that holds the token, in place of a header. Proxies log URLs.
    pub parameter: Option<String>,
    /// The claim that holds the SHA-256 of the body in hex, if the sender writes one. Without it, a token says nothing
    /// about the body.
    pub body_claim: Option<String>,
}

impl JwtSpec {
    /// The header that holds the token, if a header does.
    pub fn token_header(&self) -> Option<&str> {
        match (&self.parameter, &self.header) {
            (Some(_), _) => None,
            (None, header) => Some(header.as_deref().unwrap_or(AUTHORIZATION)),
        }
    }

    /// The word before the token; empty for none.
    pub fn token_prefix(&self) -> &str {
        let is_own = self.token_header().is_some_and(|header| header.eq_ignore_ascii_case(AUTHORIZATION));
        self.prefix.as_deref().unwrap_or(if is_own { "Bearer" } else { "" })
    }
}

/// How a JSON Web Token is signed (RFC 7518, RFC 8037). `none` is no way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum JwtAlgorithm {
    /// HMAC with SHA-256.
    HS256,
    /// HMAC with SHA-384.
    HS384,
    /// HMAC with SHA-512.
    HS512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// Ed25519.
    EdDSA,
}

impl JwtAlgorithm {
    /// Whether both sides know the same secret.
    pub fn is_symmetric(self) -> bool {
        matches!(self, Self::HS256 | Self::HS384 | Self::HS512)
    }
}
