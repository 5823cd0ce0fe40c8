//! What ACME keeps in the data folder: an account for each directory, and a certificate for each list of domains.
//!
//! A start with other domains or another directory finds other files, and so orders anew. Both files hold private keys,
//! so only their owner can read them.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use instant_acme::AccountCredentials;
use sha2::{Digest, Sha256};

use super::{AcmeError, AcmeSettings};

/// The two files of these settings.
pub(super) struct Kept {
    account: PathBuf,
    certificate: PathBuf,
}

impl Kept {
    pub(super) fn new(settings: &AcmeSettings) -> Self {
        let mut domains = settings.domains.clone();
        domains.sort();
        let account = name(&[&settings.directory]);
        let certificate = name(&[&settings.directory, &domains.join(",")]);
        Self {
            account: settings.folder.join(format!("account-{account}.json")),
            certificate: settings.folder.join(format!("certificate-{certificate}.pem")),
        }
    }

    pub(super) fn account(&self) -> Option<AccountCredentials> {
        serde_json::from_slice(&fs::read(&self.account).ok()?).ok()
    }

    pub(super) fn keep_account(&self, credentials: &AccountCredentials) -> Result<(), AcmeError> {
        let text = serde_json::to_vec(credentials).map_err(io::Error::other);
        keep(&self.account, text)
    }

    pub(super) fn certificate(&self) -> Option<String> {
        fs::read_to_string(&self.certificate).ok()
    }

    pub(super) fn keep_certificate(&self, pem: &str) -> Result<(), AcmeError> {
        keep(&self.certificate, Ok(pem.as_bytes().to_vec()))
    }
}

fn name(parts: &[&str]) -> String {
    hex::encode(&Sha256::digest(parts.join("\n").as_bytes())[..8])
}

/// Writes a file whole or not at all.
fn keep(path: &Path, bytes: io::Result<Vec<u8>>) -> Result<(), AcmeError> {
    let write = || {
        let bytes = bytes?;
        if let Some(folder) = path.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let draft = path.with_extension("draft");
        let _ = fs::remove_file(&draft);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    write().map_err(|source| AcmeError::Keep { path: path.display().to_string(), source })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn certificates_are_kept_by_directory_and_domains_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let kept = |directory: &str, domains: &[&str]| {
            Kept::new(&AcmeSettings {
                domains: domains.iter().map(|domain| (*domain).to_owned()).collect(),
                contact: None,
                directory: directory.to_owned(),
                folder: folder.path().join("acme"),
            })
        };
        let first = kept("https://d/", &["a.example", "b.example"]);
        assert_eq!(first.certificate(), None);
        first.keep_certificate("one").unwrap();
        first.keep_certificate("two").unwrap();
        assert_eq!(kept("https://d/", &["b.example", "a.example"]).certificate().as_deref(), Some("two"));
        assert_eq!(kept("https://d/", &["a.example"]).certificate(), None);
        assert_eq!(kept("https://e/", &["a.example", "b.example"]).certificate(), None);
        for (path, mode) in [(&folder.path().join("acme"), 0o700), (&first.certificate, 0o600)] {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
        }
    }
}
