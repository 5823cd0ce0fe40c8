//! Certificates that the server gets by itself: ordered from an ACME directory (RFC 8555), kept in the data folder,
//! renewed in time.
//!
//! TLS-ALPN-01 proves a domain (RFC 8737): the directory's servers connect to port 443 of the domain and ask for a
//! special certificate, which [`Certificates`] shows them. So no other port must be open. A failed order is tried again
//! after longer and longer waits. Meanwhile the earlier certificate stays in use.

mod http;
mod kept;
mod order;
mod schedule;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use instant_acme::{Account, NewAccount};

use self::{kept::Kept, schedule::Validity};
use super::tls::Certificates;

/// Which certificate is ordered, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeSettings {
    /// The domains of the certificate; there is one for all.
    pub domains: Vec<String>,
    /// Whom the directory may write to, as in `mailto:ops@example.com`.
    pub contact: Option<String>,
    /// The URL of the directory.
    pub directory: String,
    /// The folder that keeps accounts and certificates.
    pub folder: PathBuf,
}

/// The directory of Let's Encrypt.
pub(crate) const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// The longest sleep. It bounds how late a change of the wall clock is noticed.
const MAX_SLEEP: Duration = Duration::from_secs(3_600);

/// Why there is no certificate this time.
#[derive(Debug, thiserror::Error)]
enum AcmeError {
    #[error("{0}")]
    Directory(#[from] instant_acme::Error),
    #[error("the client cannot be set up: {0}")]
    Client(#[from] crate::net::NetError),
    #[error("the directory offers no tls-alpn-01 for {0}; this server knows no other proof")]
    NoChallenge(String),
    #[error(
        "the directory did not accept the proof for {0}: its servers must reach this server on port 443 of that domain"
    )]
    NotProven(String),
    #[error("a key or request could not be made: {0}")]
    Making(#[from] rcgen::Error),
    #[error("the certificate that the directory sent cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    #[error("the directory sent something that is not a certificate")]
    NoCertificate,
    #[error("cannot keep {path}: {source}")]
    Keep {
        path: String,
        #[source]
        source: std::io::Error,
    },
}

/// Keeps a certificate of these domains valid.
pub(crate) struct Acme {
    settings: AcmeSettings,
    kept: Kept,
    certificates: Arc<Certificates>,
    validity: Option<Validity>,
}

impl Acme {
    /// Takes up what an earlier start has ordered, if it is still there.
    pub(crate) fn new(settings: AcmeSettings, certificates: Arc<Certificates>) -> Self {
        let kept = Kept::new(&settings);
        let mut acme = Self { settings, kept, certificates, validity: None };
        match acme.kept.certificate() {
            None => {}
            Some(pem) => {
                if let Err(error) = acme.take(&pem) {
                    tracing::warn!(%error, "the kept certificate is ordered anew");
                }
            }
        }
        acme
    }

    /// Orders and renews, forever.
    pub(crate) async fn keep(mut self) {
        let mut failures = 0;
        loop {
            let due = self.validity.map_or(Duration::ZERO, |validity| validity.due_in(SystemTime::now()));
            if !due.is_zero() {
                tokio::time::sleep(due.min(MAX_SLEEP)).await;
                continue;
            }
            match self.renew().await {
                Ok(()) => {
                    failures = 0;
                    tracing::info!(domains = ?self.settings.domains, "a certificate was issued");
                    // A certificate that is due again at once must not be ordered in a circle.
                    tokio::time::sleep(schedule::PAUSE).await;
                }
                Err(error) => {
                    let wait = schedule::backoff(failures);
                    failures += 1;
                    tracing::error!(%error, "no certificate was issued; tried again in {} s", wait.as_secs());
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    async fn renew(&mut self) -> Result<(), AcmeError> {
        let account = self.account().await?;
        let pem = order::certificate(&account, &self.settings.domains, &self.certificates).await;
        self.certificates.end_challenges();
        let pem = pem?;
        self.take(&pem)?;
        self.kept.keep_certificate(&pem)
    }

    /// Makes handshakes show a certificate from now on.
    fn take(&mut self, pem: &str) -> Result<(), AcmeError> {
        let chain = super::tls::chain(pem.as_bytes()).ok_or(AcmeError::NoCertificate)?;
        let key = super::tls::key(pem.as_bytes()).ok_or(AcmeError::NoCertificate)?;
        let validity = Validity::of(&chain[0]).ok_or(AcmeError::NoCertificate)?;
        self.certificates.set(super::tls::certified(chain, key)?);
        self.validity = Some(validity);
        Ok(())
    }

    /// The account of an earlier start, or a new one.
    async fn account(&self) -> Result<Account, AcmeError> {
        let builder = || http::Client::new().map(|client| Account::builder_with_http(Box::new(client)));
        if let Some(credentials) = self.kept.account() {
            return Ok(builder()?.from_credentials(credentials).await?);
        }
        let contact: Vec<&str> = self.settings.contact.as_deref().into_iter().collect();
        let account =
            NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let (account, credentials) =
            builder()?.create(&account, self.settings.directory.clone(), None).await?;
        self.kept.keep_account(&credentials)?;
        Ok(account)
    }
}
