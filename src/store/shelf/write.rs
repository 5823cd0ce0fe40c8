//! Writes a shelf, pair by pair in their order.

use std::{
    fs::{File, OpenOptions},
    io::{BufWriter, Write as _},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::{
    Reach, failed, filter,
    layout::{self, BLOCK, SUM, Summary},
};
use crate::store::{StoreError, record};

/// Bytes that are given to the system at once.
const BUFFER: usize = 256 << 10;

/// A shelf that is being written. Nobody knows of it until it is named; a file that never is goes at the next start.
pub(in crate::store) struct Writer {
    file: BufWriter<File>,
    path: PathBuf,
    /// Bytes before the running block.
    at: u64,
    block: Vec<u8>,
    first: Vec<u8>,
    last: Option<Vec<u8>>,
    index: Vec<u8>,
    hashes: Vec<u64>,
    sum: u64,
    reach: Reach,
}

impl Writer {
    /// Begins a file, in place of one that a merge before left.
    ///
    /// # Errors
    /// `Full`, `Io`, `ReadOnly`.
    pub(in crate::store) fn create(path: &Path) -> Result<Self, StoreError> {
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
        let file = file.map_err(|error| failed("create", path, error))?;
        let mut file = BufWriter::with_capacity(BUFFER, file);
        file.write_all(&layout::head()).map_err(|error| failed("write", path, error))?;
        Ok(Self {
            file,
            path: path.to_owned(),
            at: layout::HEAD as u64,
            block: Vec::with_capacity(2 * BLOCK),
            first: Vec::new(),
            last: None,
            index: Vec::new(),
            hashes: Vec::new(),
            sum: 0,
            reach: Reach::default(),
        })
    }

    /// Adds a pair; its key is greater than that of the pair before.
    ///
    /// # Errors
    /// As [`Writer::create`]. After one the file is of no use.
    pub(in crate::store) fn add(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        debug_assert!(self.last.as_ref().is_none_or(|last| last.as_slice() < key));
        if self.block.is_empty() {
            self.first = key.to_vec();
        }
        self.block.extend_from_slice(&(key.len() as u32).to_le_bytes());
        self.block.extend_from_slice(&(value.len() as u32).to_le_bytes());
        self.block.extend_from_slice(key);
        self.block.extend_from_slice(value);
        self.hashes.push(filter::hash(key));
        // In order, so that only the first and the last of each kind are looked at more closely.
        match &mut self.last {
            Some(last) if last.first() == key.first() => {}
            Some(last) => {
                self.reach.include(last);
                self.reach.include(key);
            }
            None => self.reach.include(key),
        }
        let last = self.last.get_or_insert_default();
        last.clear();
        last.extend_from_slice(key);
        if self.block.len() >= BLOCK { self.end_block() } else { Ok(()) }
    }

    /// Bytes so far.
    pub(in crate::store) fn written(&self) -> u64 {
        self.at + self.block.len() as u64
    }

    fn end_block(&mut self) -> Result<(), StoreError> {
        self.index.extend_from_slice(&(self.first.len() as u32).to_le_bytes());
        self.index.extend_from_slice(&self.first);
        self.index.extend_from_slice(&((SUM + self.block.len()) as u32).to_le_bytes());
        let block = std::mem::take(&mut self.block);
        let sum = self.part(&block)?;
        self.sum = self.sum.wrapping_add(sum.into());
        self.block = block;
        self.block.clear();
        Ok(())
    }

    /// Writes a part; gives its checksum.
    fn part(&mut self, body: &[u8]) -> Result<u32, StoreError> {
        let sum = layout::checksum(self.at, body);
        self.put(&sum.to_le_bytes())?;
        self.put(body)?;
        Ok(sum)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.at += bytes.len() as u64;
        self.file.write_all(bytes).map_err(|error| failed("write", &self.path, error))
    }

    /// Ends the file and makes it durable, but not its name.
    ///
    /// # Errors
    /// As [`Writer::add`]; `Failed` when it cannot be synced.
    pub(in crate::store) fn finish(mut self) -> Result<Summary, StoreError> {
        if !self.block.is_empty() {
            self.end_block()?;
        }
        if let Some(last) = &self.last {
            self.reach.include(last);
        }
        let mut summary = Summary {
            keys: self.hashes.len() as u64,
            sum: self.sum,
            index: self.at,
            reach: std::mem::take(&mut self.reach),
            ..Summary::default()
        };
        let index = std::mem::take(&mut self.index);
        self.part(&index)?;
        summary.filter = self.at;
        let filter = filter::build(&self.hashes);
        self.part(&filter)?;
        summary.footer = self.at;
        let footer = Summary::sized(summary, |summary| record::encode(summary).len());
        self.part(&record::encode(&footer))?;
        let length = (self.at - footer.footer) as u32;
        self.put(&layout::tail(footer.footer, length))?;
        debug_assert_eq!(self.at, footer.length);
        let file = self.file.into_inner().map_err(|error| failed("write", &self.path, error.into_error()))?;
        file.sync_all().map_err(|error| StoreError::Failed {
            reason: format!("cannot sync {}: {error}", self.path.display()),
        })?;
        Ok(footer)
    }
}

impl Summary {
    /// The summary with the length of the file, which depends on its own.
    fn sized(mut self, length: impl Fn(&Self) -> usize) -> Self {
        // The number grows by at most some bytes with what it counts.
        loop {
            let whole = self.footer + (SUM + length(&self) + layout::TAIL) as u64;
            if whole == self.length {
                return self;
            }
            self.length = whole;
        }
    }
}
