//! Whom TLS trusts, and how it shows who calls: the authorities that the operator adds, and what one request wants instead.

use std::fmt;

use reqwest::{Certificate, Identity};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use sha2::{Digest, Sha256};

use super::NetError;

/// The most bytes of one PEM text. The bundle of all public authorities has a quarter of that.
const MAX_PEM: usize = 1 << 20;

/// Certificates of authorities.
#[derive(Clone)]
pub struct Authorities(Vec<Certificate>);

impl Authorities {
    /// Reads PEM text with one certificate or more; text around them is passed over.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence.
    pub fn from_pem(pem: &[u8]) -> Result<Self, String> {
        if pem.len() > MAX_PEM {
            return Err(format!("is larger than {MAX_PEM} bytes"));
        }
        let (mut certificates, mut store) = (Vec::new(), RootCertStore::empty());
        for found in CertificateDer::pem_slice_iter(pem) {
            let number = certificates.len() + 1;
            let wrong = |why: &dyn fmt::Display| {
                format!("has a certificate that cannot be read (number {number}: {why})")
            };
            let found = found.map_err(|error| wrong(&error))?;
            store.add(found.clone()).map_err(|error| wrong(&error))?;
            certificates.push(Certificate::from_der(&found).map_err(|error| wrong(&error))?);
        }
        if certificates.is_empty() {
            return Err("holds no certificate; it begins with -----BEGIN CERTIFICATE-----".to_owned());
        }
        Ok(Self(certificates))
    }

    pub(super) fn certificates(&self) -> impl Iterator<Item = Certificate> {
        self.0.iter().cloned()
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} authorities", self.0.len())
    }
}

/// What one request wants of TLS, as PEM texts. `Debug` shows no key.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RequestTls {
    /// The only authorities that are trusted; `None` for those of the machine and of the operator.
    pub ca: Option<String>,
    /// The certificate (with its chain) and the key that show who calls. Only the origin of the request's URL sees them.
    pub identity: Option<(String, String)>,
}

impl fmt::Debug for RequestTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ca, identity) = (self.ca.is_some(), self.identity.is_some());
        f.debug_struct("RequestTls").field("ca", &ca).field("identity", &identity).finish()
    }
}

impl RequestTls {
    /// Whether it wants nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.ca.is_none() && self.identity.is_none()
    }

    /// The same for another origin, which must not learn who calls.
    pub(super) fn elsewhere(&self) -> Self {
        Self { ca: self.ca.clone(), identity: None }
    }

    /// A name for it that tells nothing about the key.
    pub(super) fn digest(&self) -> [u8; 32] {
        let (cert, key) = self.identity.clone().unwrap_or_default();
        let mut hash = Sha256::new();
        for part in [self.ca.as_deref().unwrap_or_default(), &cert, &key] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }

    /// # Errors
    /// Which text cannot be used, and why. No message shows a key.
    pub(super) fn read(&self) -> Result<(Option<Authorities>, Option<Identity>), NetError> {
        let wrong = |field, why| NetError::Credentials { field, why };
        let authorities = self.ca.as_deref().map(|pem| Authorities::from_pem(pem.as_bytes()));
        let authorities = authorities.transpose().map_err(|why| wrong("tls.ca", why))?;
        let Some((cert, key)) = &self.identity else { return Ok((authorities, None)) };
        Authorities::from_pem(cert.as_bytes()).map_err(|why| wrong("tls.cert", why))?;
        PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| {
            let how = "holds no private key that can be read; it begins with -----BEGIN PRIVATE KEY----- and is not encrypted";
            wrong("tls.key", how.to_owned())
        })?;
        let identity = Identity::from_pem(format!("{}\n{}\n", cert.trim(), key.trim()).as_bytes());
        identity
            .map(|identity| (authorities, Some(identity)))
            .map_err(|_| wrong("tls.key", "does not fit `tls.cert`".to_owned()))
    }
}
