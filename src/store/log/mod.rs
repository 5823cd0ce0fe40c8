//! The log of commits: what is durable before it stands in the store's tree.
//!
//! A group of batches is one [`Frame`], written to the end of a [`segment`] and synced. When the tree holds the batches
//! itself, their segments are written again from the start: blocks that were written before need no change of the file
//! system's own records, which makes a sync a third cheaper. The number of a batch is its place in the order of all
//! commits, and never begins again. Knows nothing of sled.
//!
//! Files: `<number of the first batch>.log`, and `spare-…` for segments that wait for their next use.

mod files;
mod frame;
mod replay;
mod segment;
#[cfg(test)]
mod tests;

use std::{
    fs,
    path::{Path, PathBuf},
};

use files::{failed, names, remove};
pub(super) use frame::{Change, Frame};
pub(super) use replay::replay;
use segment::{HEADER, Segment};

use super::{
    StoreError,
    disk::{create_private, room},
};

/// Bytes of the first segment of a new log; each next one is four times as large, up to [`LARGEST`].
const SMALLEST: u64 = 1 << 20;
/// Bytes of a segment.
const LARGEST: u64 = 16 << 20;
/// Segments that are kept for their next use.
const SPARES: usize = 2;

/// A log that is written to.
pub(super) struct Log {
    folder: PathBuf,
    current: Segment,
    /// The segments before it, oldest first.
    earlier: Vec<Earlier>,
    /// Segments whose batches stand in the tree, with their sizes.
    spares: Vec<(PathBuf, u64)>,
    written: u64,
    /// Bytes of the disk that stay free, if a small segment does as well.
    reserve: u64,
}

/// A segment that is not written to any more.
pub(super) struct Earlier {
    path: PathBuf,
    /// The number of its first batch.
    first: u64,
    size: u64,
}

impl Log {
    /// Goes on in a new segment, whose first batch will have the number `next`. The segments that are there stay until
    /// [`Log::release`]; one that holds nothing yet is used again.
    ///
    /// # Errors
    /// `Full`, `Io`, `ReadOnly`.
    pub(super) fn open(folder: &Path, next: u64, reserve: u64) -> Result<Self, StoreError> {
        create_private(folder)?;
        let mut earlier = Vec::new();
        for path in names(folder)? {
            match segment::number(&path) {
                // It holds no batch that counts: a crash came before its first one was durable.
                Some(first) if first >= next => remove(&path)?,
                Some(first) => {
                    let size = fs::metadata(&path).map_err(|error| failed("read", &path, error))?.len();
                    earlier.push(Earlier { path, first, size });
                }
                None if segment::is_ours(&path) => remove(&path)?,
                None => {}
            }
        }
        earlier.sort_by_key(|earlier| earlier.first);
        let size = earlier.last().map_or(SMALLEST, |last| last.size.clamp(SMALLEST, LARGEST));
        let current = Segment::create(folder, next, size)?;
        Ok(Self { folder: folder.to_owned(), current, earlier, spares: Vec::new(), written: 0, reserve })
    }

    /// Writes a frame behind the last one. It is durable after [`Log::sync`].
    ///
    /// # Errors
    /// `Full` when there is no room for another segment: nothing was written, and the same frame may be given again.
    /// After any other error it is open what of it is there.
    pub(super) fn append(&mut self, frame: &mut Frame) -> Result<(), StoreError> {
        let length = frame.sealed_length();
        if !self.current.fits(length) {
            self.turn(frame.first(), length)?;
        }
        let bytes = frame.seal(self.current.first());
        self.current.append(bytes)?;
        self.written += length as u64;
        Ok(())
    }

    /// Bytes of all frames since it was opened.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Makes what was written durable.
    ///
    /// # Errors
    /// After one nothing is known of what was written last.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.current.sync()
    }

    /// The batches up to this number stand in the tree; segments that hold no others are free.
    pub(super) fn release(&mut self, held: u64) {
        let ends = self.earlier.iter().skip(1).map(|next| next.first).chain([self.current.first()]);
        let free = ends.take(self.earlier.len()).take_while(|next| *next <= held + 1).count();
        for earlier in self.earlier.drain(..free) {
            let spare = earlier.path.with_file_name(format!("spare-{:020}", earlier.first));
            let kept = self.spares.len() < SPARES && earlier.size >= self.current.size();
            // What cannot be kept or removed is found by the next start, which sees that nothing of it counts.
            if kept && fs::rename(&earlier.path, &spare).is_ok() {
                self.spares.push((spare, earlier.size));
            } else if let Err(error) = fs::remove_file(&earlier.path) {
                tracing::warn!(%error, path = %earlier.path.display(), "a segment of the log that is not needed stays");
            }
        }
    }

    /// Bytes of its files.
    pub(super) fn size(&self) -> u64 {
        let earlier: u64 = self.earlier.iter().map(|earlier| earlier.size).sum();
        earlier + self.spares.iter().map(|(_, size)| size).sum::<u64>() + self.current.size()
    }

    /// Goes on in another segment, that has room for a frame of this length.
    fn turn(&mut self, first: u64, length: usize) -> Result<(), StoreError> {
        let needed = HEADER + length as u64;
        let spare = self.spares.iter().position(|(_, size)| *size >= needed);
        let next = match spare.map(|index| self.spares.swap_remove(index)) {
            Some((path, size)) => Segment::reuse(&path, &self.folder, first, size)?,
            None => {
                let usual = self.current.size().saturating_mul(4).clamp(SMALLEST, LARGEST);
                // Where the disk is nearly full, the rest of it is for what must be written to end what was begun.
                let size = if room(&self.folder, self.reserve) > usual { usual } else { SMALLEST };
                Segment::create(&self.folder, first, size.max(needed.next_multiple_of(HEADER)))?
            }
        };
        let last = std::mem::replace(&mut self.current, next);
        self.earlier.push(Earlier { path: last.path().to_owned(), first: last.first(), size: last.size() });
        Ok(())
    }
}
