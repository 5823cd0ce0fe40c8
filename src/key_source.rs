//! Where the key of the secrets comes from: a setting, a file, or a key that the first start makes.
//!
//! `app` calls this once. It never makes a key for a store whose secrets were sealed with a lost one, and never logs a
//! key.

use std::{
    fs, io,
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use crate::{
    config::Config,
    files::{self, FileError},
    secrets::{Keyring, SecretError},
    store::SealKey,
};

/// The key's file in the data folder, unless another is named.
pub const KEY_FILE: &str = "secrets.key";

/// The size limit of such a file, bytes. It has a few keys and comments.
const MAX_KEY_FILE: u64 = 64 << 10;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be used.
    #[error("cannot {doing} the key of the secrets in {path}: {source}")]
    File {
        /// What was tried: `read` or `keep`.
        doing: &'static str,
        path: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The file is of a kind that is never read.
    #[error("the key of the secrets: {0}")]
    NotRead(#[from] FileError),
    /// Others can read or change the file.
    #[error("other users can read or change the key of the secrets: chmod 600 {path}")]
    Open { path: String },
    /// The content is not a key.
    #[error("{place}: {source}")]
    Material {
        /// The file or setting.
        place: String,
        /// What is wrong.
        #[source]
        source: SecretError,
    },
    /// The store needs a key that is gone.
    #[error(
        "{path} is missing and the secrets were sealed with its key {key_id}: put your copy of the file back, or give \
         the key as secrets.key_file"
    )]
    Lost {
        /// Where the file should be.
        path: String,
        /// The id of the key that is needed.
        key_id: String,
    },
}

/// The keys that the settings name. `sealed_with` is the id of the key that the store needs, if it has secrets.
pub(crate) fn keyring(config: &Config, sealed_with: Option<&str>) -> Result<Keyring, KeyError> {
    if let Some(material) = &config.secrets_key {
        return parse("secrets.key".to_owned(), material);
    }
    if let Some(path) = &config.secrets_key_file {
        return read(path);
    }
    let path = config.data.join(KEY_FILE);
    match (path.try_exists(), sealed_with) {
        (Ok(false), Some(key_id)) => Err(KeyError::Lost { path: shown(&path), key_id: key_id.to_owned() }),
        (Ok(false), None) => make(&path),
        (Ok(true), _) => read(&path),
        (Err(source), _) => Err(KeyError::File { doing: "read", path: shown(&path), source }),
    }
}

/// The keys that the settings name, or those in the data folder, if there are any. It never makes one.
///
/// # Errors
/// When something cannot be read, or is not a key.
pub(crate) fn existing(config: &Config) -> Result<Option<Keyring>, KeyError> {
    if let Some(material) = &config.secrets_key {
        return parse("secrets.key".to_owned(), material).map(Some);
    }
    match &config.secrets_key_file {
        Some(path) => read(path).map(Some),
        None => match read(&config.data.join(KEY_FILE)) {
            Err(KeyError::NotRead(error)) if error.is_missing() => Ok(None),
            other => other.map(Some),
        },
    }
}

/// The keys of a file that a person names.
///
/// # Errors
/// When it cannot be read, or holds no key.
pub(crate) fn in_file(path: &Path) -> Result<Keyring, KeyError> {
    read(path)
}

/// The keys that seal backups. The first one seals, any of them opens.
pub(crate) fn seal_keys(keyring: &Keyring) -> Vec<SealKey> {
    keyring.backup_keys().into_iter().map(|(id, key)| SealKey::new(id, key)).collect()
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn parse(place: String, material: &str) -> Result<Keyring, KeyError> {
    Keyring::parse(material).map_err(|source| KeyError::Material { place, source })
}

fn read(path: &Path) -> Result<Keyring, KeyError> {
    let failed = |source| KeyError::File { doing: "read", path: shown(path), source };
    let file = files::named_file(path)?;
    // The group may read it, because a service may read it as a group. Only the owner may write it.
    if file.metadata().map_err(failed)?.permissions().mode() & 0o027 != 0 {
        return Err(KeyError::Open { path: shown(path) });
    }
    let bytes = Zeroizing::new(files::whole(&file, path, MAX_KEY_FILE)?);
    let material = std::str::from_utf8(&bytes).map_err(|_| FileError::NotText { path: shown(path) })?;
    parse(shown(path), material)
}

/// Makes a key. It is durable before anything is sealed with it.
fn make(path: &Path) -> Result<Keyring, KeyError> {
    let failed = |source| KeyError::File { doing: "keep", path: shown(path), source };
    let mut random = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *random).map_err(io::Error::other).map_err(failed)?;
    let material = Keyring::material(*random);
    let draft = path.with_extension("key.new");
    write(&draft, &material).and_then(|()| fs::rename(&draft, path)).map_err(failed)?;
    let folder = path.parent().map_or_else(|| PathBuf::from("."), Path::to_owned);
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    tracing::warn!(
        file = %path.display(),
        "made the key of the secrets: keep a copy of this file elsewhere, without it the secrets are lost"
    );
    parse(shown(path), &material)
}

fn write(path: &Path, material: &str) -> io::Result<()> {
    // A file that a crash left was never used.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{material}")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Flags;

    fn config(data: &Path, variables: &[(&str, String)]) -> Config {
        let flags = Flags { data: Some(data.to_owned()), ..Flags::default() };
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        Config::load(&flags, variables).unwrap()
    }

    #[test]
    fn a_key_is_made_once_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), &[]);
        let first = keyring(&config, None).unwrap();
        let path = folder.path().join(KEY_FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(keyring(&config, Some("any")).unwrap().key_id(), first.key_id());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");

        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = keyring(&config, None).unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(keyring(&config, None).is_ok(), "the group may read it");
    }

    #[test]
    fn a_lost_or_emptied_key_is_never_replaced_by_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), &[]);
        let error = keyring(&config, Some("0a0b0c0d")).unwrap_err().to_string();
        assert!(error.contains("0a0b0c0d") && error.contains(KEY_FILE), "{error}");
        let path = folder.path().join(KEY_FILE);
        assert!(!path.exists());
        write(&path, "").unwrap();
        assert!(matches!(keyring(&config, None), Err(KeyError::Material { .. })));
    }

    #[test]
    fn a_key_that_is_given_makes_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let material = Keyring::material(std::array::from_fn(|at| at as u8)).to_string();
        let id = Keyring::parse(&material).unwrap().key_id().to_owned();
        let file = folder.path().join("elsewhere");
        write(&file, &format!("{material}\n")).unwrap();
        let data = folder.path().join("data");
        for variable in
            [("FLOWCELL_SECRETS_KEY", material.clone()), ("FLOWCELL_SECRETS_KEY_FILE", shown(&file))]
        {
            assert_eq!(keyring(&config(&data, &[variable]), None).unwrap().key_id(), id);
        }
        assert!(!data.exists());
        let missing = config(&data, &[("FLOWCELL_SECRETS_KEY_FILE", "/nowhere/key".to_owned())]);
        assert!(keyring(&missing, None).unwrap_err().to_string().contains("/nowhere/key"));
        let wrong = config(&data, &[("FLOWCELL_SECRETS_KEY", "hunter22".to_owned())]);
        let error = format!("{:?} {0}", keyring(&wrong, None).unwrap_err());
        assert!(error.contains("secrets.key") && !error.contains("hunter22"), "{error}");
        assert!(!format!("{wrong:?}").contains("hunter22"));
    }
}
