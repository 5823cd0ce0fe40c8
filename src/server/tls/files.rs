//! A certificate and its key in files, which are read again when they change.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustls::sign::CertifiedKey;
use tokio::sync::Notify;

use super::{Certificates, TlsError, certified, chain, key};
use crate::files;

/// The time between two looks at the files.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The size limit of a file, bytes.
const MAX_BYTES: u64 = 4 << 20;

/// When a file was last written, and how long it is.
type Stamp = Option<(SystemTime, u64)>;

/// The files of the certificate and of the key.
pub(crate) struct Files {
    cert: PathBuf,
    key: PathBuf,
    seen: [Stamp; 2],
    certificates: Arc<Certificates>,
}

impl Files {
    /// Reads them for the first time.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub(crate) fn open(
        cert: PathBuf,
        key: PathBuf,
        certificates: Arc<Certificates>,
    ) -> Result<Self, TlsError> {
        let mut files = Self { cert, key, seen: [None; 2], certificates };
        files.seen = files.stamps();
        files.certificates.set(read(&files.cert, &files.key)?);
        Ok(files)
    }

    fn stamps(&self) -> [Stamp; 2] {
        [&self.cert, &self.key].map(|path| {
            let about = fs::metadata(path).ok()?;
            Some((about.modified().ok()?, about.len()))
        })
    }

    /// Looks again. If something is wrong, the earlier certificate stays.
    fn look(&mut self) -> Option<Result<(), TlsError>> {
        let stamps = self.stamps();
        if stamps == self.seen {
            return None;
        }
        self.seen = stamps;
        Some(read(&self.cert, &self.key).map(|certificate| self.certificates.set(certificate)))
    }

    /// Looks at the files, forever; at once when `reload` is told.
    pub(crate) async fn watch(mut self, reload: &Notify) {
        loop {
            let _ = tokio::time::timeout(LOOK_EVERY, reload.notified()).await;
            match self.look() {
                None => {}
                Some(Ok(())) => {
                    tracing::info!(file = %self.cert.display(), "the TLS certificate was read anew")
                }
                Some(Err(error)) => {
                    tracing::error!(%error, "the TLS files have changed; the certificate before stays")
                }
            }
        }
    }
}

fn read(cert: &Path, key_path: &Path) -> Result<CertifiedKey, TlsError> {
    let text = |path: &Path| files::named(path, MAX_BYTES);
    let none = |path: &Path, what| TlsError::Pem { path: path.to_owned(), what };
    let certificates = chain(&text(cert)?).ok_or_else(|| none(cert, "certificate"))?;
    let key = key(&text(key_path)?).ok_or_else(|| none(key_path, "private key"))?;
    certified(certificates, key).map_err(|source| TlsError::Unusable { path: cert.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
        fs::write(folder.join(name), text).unwrap();
        folder.join(name)
    }

    #[test]
    fn a_changed_certificate_is_taken_and_a_broken_one_is_not() {
        let made = || rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (made(), made());
        let cert = write(folder.path(), "cert.pem", &first.cert.pem());
        let key = write(folder.path(), "key.pem", &first.signing_key.serialize_pem());
        let certificates = Arc::new(Certificates::default());
        let shown = || certificates.current.read().unwrap().as_ref().unwrap().cert[0].to_vec();
        let mut files = Files::open(cert.clone(), key.clone(), Arc::clone(&certificates)).unwrap();
        assert_eq!(shown(), first.cert.der().to_vec());
        assert!(files.look().is_none(), "nothing has changed");
        // Only half of the change has come.
        write(folder.path(), "cert.pem", &format!("\n{}", second.cert.pem()));
        assert!(matches!(files.look(), Some(Err(TlsError::Unusable { .. }))));
        assert!(files.look().is_none(), "told once");
        assert_eq!(shown(), first.cert.der().to_vec());
        write(folder.path(), "key.pem", &format!("\n{}", second.signing_key.serialize_pem()));
        assert!(matches!(files.look(), Some(Ok(()))));
        assert_eq!(shown(), second.cert.der().to_vec());
        write(folder.path(), "key.pem", "nothing");
        assert!(matches!(files.look(), Some(Err(TlsError::Pem { what: "private key", .. }))));
        fs::remove_file(&cert).unwrap();
        assert!(matches!(files.look(), Some(Err(TlsError::Read(_)))));
        assert_eq!(shown(), second.cert.der().to_vec());
    }
}
