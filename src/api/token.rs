//! The bearer token of the management API: made at the first start, kept in a file only its owner can read.

use std::{fs, io, io::Write, os::unix::fs::OpenOptionsExt, path::Path, sync::Arc};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The token's file in the data folder.
pub const TOKEN_FILE: &str = "api-token";

/// A token; only its digest is kept in memory.
#[derive(Clone)]
pub struct Token(Arc<[u8; 32]>);

impl Token {
    /// The token of a data folder, made when it has none.
    ///
    /// # Errors
    /// When the file can neither be read nor written.
    pub fn in_folder(data: &Path) -> io::Result<Self> {
        let path = data.join(TOKEN_FILE);
        match fs::read_to_string(&path) {
            Ok(text) if text.trim().len() >= 32 => Ok(Self::new(text.trim())),
            Ok(_) => Err(io::Error::other("it holds no token; remove it to have a new one made")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut random = [0u8; 32];
                getrandom::fill(&mut random).map_err(io::Error::other)?;
                let text = format!("fc_{}", hex::encode(random));
                let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
                writeln!(file, "{text}")?;
                Ok(Self::new(&text))
            }
            Err(error) => Err(error),
        }
    }

    fn new(text: &str) -> Self {
        Self(Arc::new(Sha256::digest(text.as_bytes()).into()))
    }

    /// Whether this is the token, in constant time.
    pub fn matches(&self, given: &str) -> bool {
        let given: [u8; 32] = Sha256::digest(given.as_bytes()).into();
        given.ct_eq(&*self.0).into()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_token_is_made_once_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        Token::in_folder(folder.path()).unwrap();
        let path = folder.path().join(TOKEN_FILE);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = Token::in_folder(folder.path()).unwrap();
        assert!(again.matches(text.trim()));
        assert!(!again.matches("") && !again.matches("fc_") && !again.matches(&text));
        fs::write(&path, "").unwrap();
        assert!(Token::in_folder(folder.path()).is_err(), "an empty token would let anyone in");
    }
}
