//! The number of the last commit that was answered, in a file of its own.
//!
//! The log ends at its first torn frame, and sled's recovery at a damaged place, without a word about what follows. So the
//! number stands here after each group is durable; a start that finds fewer commits has lost some that somebody was told
//! are safe, and is refused.
//! The file is not synced with each group: after a power cut it may lag behind, never run ahead.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use crate::store::{StoreError, disk::sync_folder};

/// The file of the watermark, open.
#[derive(Debug)]
pub(super) struct Watermark {
    file: File,
    path: PathBuf,
}

impl Watermark {
    /// Creates the file at zero, durable.
    pub(super) fn create(path: &Path) -> Result<(), StoreError> {
        let file = File::create(path).map_err(|error| failed(path, error))?;
        let mut watermark = Self { file, path: path.to_owned() };
        watermark.write(0)?;
        watermark.sync()?;
        path.parent().map_or(Ok(()), sync_folder)
    }

    /// Opens the file and reads its number.
    pub(super) fn open(path: &Path) -> Result<(Self, u64), StoreError> {
        let corrupt = |what: &str| StoreError::corrupt(path.display(), what);
        let mut file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(corrupt("the file is missing"));
            }
            Err(error) => return Err(failed(path, error)),
        };
        let mut bytes = [0; 12];
        file.read_exact(&mut bytes).map_err(|_| corrupt("it is too short"))?;
        let (number, sum) = bytes.split_first_chunk::<8>().expect("12 bytes hold 8");
        if crc32fast::hash(number).to_le_bytes() != sum {
            return Err(corrupt("its checksum is wrong"));
        }
        Ok((Self { file, path: path.to_owned() }, u64::from_le_bytes(*number)))
    }

    /// Writes the number of the last commit that was acknowledged.
    pub(super) fn write(&mut self, number: u64) -> Result<(), StoreError> {
        let number = number.to_le_bytes();
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&number);
        bytes[8..].copy_from_slice(&crc32fast::hash(&number).to_le_bytes());
        self.file.write_all_at(&bytes, 0).map_err(|error| failed(&self.path, error))
    }

    /// Makes the number durable.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(|error| failed(&self.path, error))
    }
}

fn failed(path: &Path, error: io::Error) -> StoreError {
    StoreError::io(format!("cannot write {}", path.display()), path, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_reads_back_and_damage_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("watermark");
        assert!(matches!(Watermark::open(&path), Err(StoreError::Corrupt { .. })));
        Watermark::create(&path).unwrap();
        let (mut watermark, number) = Watermark::open(&path).unwrap();
        assert_eq!(number, 0);
        watermark.write(u64::MAX - 1).unwrap();
        assert_eq!(Watermark::open(&path).unwrap().1, u64::MAX - 1);
        let bytes = std::fs::read(&path).unwrap();
        for index in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[index] ^= 0x10;
            std::fs::write(&path, flipped).unwrap();
            assert!(matches!(Watermark::open(&path), Err(StoreError::Corrupt { .. })));
        }
        std::fs::write(&path, "").unwrap();
        assert!(matches!(Watermark::open(&path), Err(StoreError::Corrupt { .. })));
    }
}
