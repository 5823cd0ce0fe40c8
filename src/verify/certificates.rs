//! Certificates by whose keys a sender signs: those that the setting gives, or the one that a delivery names and the
//! gateway fetched.
//!
//! Used by `sns` and `paypal`. A fetched certificate must be valid now and be one of the sender by its names. Its chain
//! is not checked: it comes over https from a host that the scheme pins, so TLS says whose it is.

use url::Url;

use super::{
    Rejected, Resolve, Role, SchemeError, SignError,
    fetched::Document,
    public_key::{Manner, PublicKey},
    secret::{accept, resolve_keys},
    signature::shown,
};
use crate::model::{KeyAlgorithm, PublicKeys};

/// The certificates of a setting.
#[derive(Debug)]
pub(super) struct Certificates(Vec<Given>);

/// One certificate, for both hashes.
#[derive(Debug)]
struct Given {
    /// At a sender with a private key there is none.
    sha1: Option<PublicKey>,
    sha256: PublicKey,
    until_ms: Option<u64>,
}

impl Certificates {
    pub(super) fn new(
        keys: Option<&PublicKeys>,
        resolve: Resolve<'_>,
        role: Role,
    ) -> Result<Self, SchemeError> {
        let Some(keys) = keys else { return Ok(Self(Vec::new())) };
        let mut given = Vec::new();
        for (index, (secret, _)) in resolve_keys(keys, resolve)?.into_iter().enumerate() {
            let read = |algorithm| PublicKey::read(secret.text(), Manner::of(algorithm), index + 1, role);
            let sha256 = read(KeyAlgorithm::RsaSha256)?;
            given.push(Given { sha1: read(KeyAlgorithm::RsaSha1).ok(), sha256, until_ms: secret.until_ms() });
        }
        Ok(Self(given))
    }

    /// Whether the setting gives certificates, so that none is fetched.
    pub(super) fn are_given(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether `claimed` is a signature of `text`. `is_name` tells the names of the sender's certificates.
    pub(super) fn check(
        &self,
        document: Option<&Document>,
        sha1: bool,
        is_name: fn(&str) -> bool,
        text: &[u8],
        claimed: &[u8],
        received_ms: u64,
    ) -> Result<(), Rejected> {
        if self.are_given() {
            let of = |given: &Given| {
                let key = if sha1 { given.sha1.as_ref() } else { Some(&given.sha256) };
                key.is_some_and(|key| is_valid(key, received_ms).is_ok() && key.matches(text, claimed))
            };
            return accept(self.0.iter().map(|given| (given.until_ms, given)), received_ms, of);
        }
        let key = document.and_then(|document| document.key(sha1)).ok_or(Rejected::NoKeys)?;
        is_valid(key, received_ms)?;
        let names = key.certificate.as_ref().map_or(&[][..], |certificate| &certificate.names);
        if !names.iter().any(|name| is_name(name)) {
            return Err(Rejected::Certificate { why: "is of another name than this sender's" });
        }
        if key.matches(text, claimed) { Ok(()) } else { Err(Rejected::Mismatch) }
    }

    pub(super) fn sign(&self, algorithm: KeyAlgorithm, text: &[u8]) -> Result<Vec<u8>, SignError> {
        let first = self.0.first().ok_or(SignError::NoPrivateKey)?;
        let key = if algorithm == KeyAlgorithm::RsaSha1 { first.sha1.as_ref() } else { Some(&first.sha256) };
        key.ok_or(SignError::NoPrivateKey)?.sign(text)
    }
}

/// Whether the certificate of a key is valid. A bare key always is.
fn is_valid(key: &PublicKey, received_ms: u64) -> Result<(), Rejected> {
    let Some(certificate) = &key.certificate else { return Ok(()) };
    if received_ms < certificate.from_ms {
        return Err(Rejected::Certificate { why: "is not valid yet" });
    }
    if received_ms > certificate.until_ms {
        return Err(Rejected::Certificate { why: "is no longer valid" });
    }
    Ok(())
}

/// The URL of a certificate, if `is_ours` says that its host and path are the sender's. It is https at the usual port,
/// and holds nothing else.
pub(super) fn document_url(text: &str, is_ours: fn(&Url) -> bool) -> Result<String, Rejected> {
    let refused = || Rejected::CertificateHost { url: shown(text) };
    let url = Url::parse(text).map_err(|_| refused())?;
    let bare = url.scheme() == "https"
        && url.port().is_none()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    // What the parser would write otherwise has more than one spelling.
    if bare && url.as_str() == text && is_ours(&url) { Ok(text.to_owned()) } else { Err(refused()) }
}
