//! TLS by rustls: which certificate a handshake is shown, from files that may change or from ACME.

mod files;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, RwLock},
};

use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio_rustls::TlsAcceptor;

pub(crate) use self::files::Files;
use crate::files::FileError;

/// The protocol that an ACME directory's servers ask for instead of HTTP (RFC 8737 section 3).
pub(super) const ACME_PROTOCOL: &[u8] = b"acme-tls/1";

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error(transparent)]
    Read(#[from] FileError),
    /// The file has no PEM, or nothing of this kind.
    #[error("{}: no {what} in PEM form in it", path.display())]
    Pem {
        path: PathBuf,
        /// What was looked for: a certificate or a key.
        what: &'static str,
    },
    /// Certificate and key do not belong together, or cannot be used.
    #[error("the certificate in {} cannot be used: {source}", path.display())]
    Unusable {
        /// The file of the certificate.
        path: PathBuf,
        /// What rustls says.
        #[source]
        source: rustls::Error,
    },
    /// The settings of TLS cannot be used.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

/// The certificates that handshakes are shown; shared with whoever renews them.
#[derive(Debug, Default)]
pub(crate) struct Certificates {
    current: RwLock<Option<Arc<CertifiedKey>>>,
    /// By domain: the certificate that proves to an ACME directory that the domain is ours.
    challenges: RwLock<HashMap<String, Arc<CertifiedKey>>>,
}

impl Certificates {
    /// Shows this certificate in handshakes from now on.
    pub(crate) fn set(&self, certificate: CertifiedKey) {
        *self.current.write().expect("no code panics under this lock") = Some(Arc::new(certificate));
    }

    /// When the certificate ends that handshakes are shown, milliseconds since the epoch; nothing while there is none.
    pub(crate) fn end_ms(&self) -> Option<u64> {
        let current = self.current.read().expect("no code panics under this lock").clone()?;
        let (_, parsed) = x509_parser::parse_x509_certificate(current.cert.first()?).ok()?;
        let seconds = u64::try_from(parsed.validity().not_after.timestamp()).ok()?;
        Some(seconds.saturating_mul(1_000))
    }

    /// Answers the challenges for a domain.
    pub(super) fn challenge(&self, domain: &str, certificate: CertifiedKey) {
        let mut challenges = self.challenges.write().expect("no code panics under this lock");
        challenges.insert(domain.to_ascii_lowercase(), Arc::new(certificate));
    }

    /// Forgets all challenges.
    pub(super) fn end_challenges(&self) {
        self.challenges.write().expect("no code panics under this lock").clear();
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // A validating server offers only this protocol.
        if hello.alpn().is_some_and(|mut offered| offered.any(|protocol| protocol == ACME_PROTOCOL)) {
            let domain = hello.server_name()?.to_ascii_lowercase();
            return self.challenges.read().expect("no code panics under this lock").get(&domain).cloned();
        }
        self.current.read().expect("no code panics under this lock").clone()
    }
}

/// TLS of the server's connections.
#[derive(Clone)]
pub(crate) struct Tls(TlsAcceptor);

impl Tls {
    /// TLS 1.2 and 1.3 with these certificates.
    ///
    /// # Errors
    /// When the provider has no cipher for them; the provider that we build with always has one.
    pub(crate) fn new(certificates: Arc<Certificates>) -> Result<Self, TlsError> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(certificates);
        config.alpn_protocols = [b"h2".as_slice(), b"http/1.1", ACME_PROTOCOL].map(<[u8]>::to_vec).to_vec();
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.0
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// A certificate chain and its key. This checks that they belong together.
pub(super) fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<CertifiedKey, rustls::Error> {
    let certified = CertifiedKey::from_der(chain, key, &provider())?;
    certified.keys_match()?;
    Ok(certified)
}

/// A certificate that we made ourselves, and its key. It is not checked, because rustls does not know the critical
/// extension of a proof.
pub(super) fn own(
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
) -> Result<CertifiedKey, rustls::Error> {
    Ok(CertifiedKey::new(vec![certificate], provider().key_provider.load_private_key(key)?))
}

/// The certificates of a text in PEM form; `None` if there is none.
pub(super) fn chain(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()?;
    (!chain.is_empty()).then_some(chain)
}

/// The first private key of a text in PEM form.
pub(super) fn key(pem: &[u8]) -> Option<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(pem).ok()
}
