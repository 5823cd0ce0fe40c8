//! Reads a shelf: one key, a range, or all of it in order.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    failed, filter,
    layout::{self, FORMAT, HEAD, MAGIC, SUM, Summary, TAIL},
};
use crate::store::{Key, KeyRange, Order, StoreError, record};

/// A key and its value as they stand in a shelf.
pub(in crate::store) type Kept = (Key, Vec<u8>);

/// An open shelf: its index and its filter are in memory.
pub(in crate::store) struct Shelf {
    file: File,
    path: PathBuf,
    places: Vec<Place>,
    filter: Vec<u8>,
    summary: Summary,
}

/// Where a block is.
struct Place {
    first: Vec<u8>,
    at: u64,
    length: u32,
}

impl Shelf {
    /// Opens the shelf that was written with this summary.
    ///
    /// # Errors
    /// `Corrupt` when it is not that one as it was written, its blocks left aside; `NewerVersion`, `Io`.
    pub(in crate::store) fn open(path: &Path, written: &Summary) -> Result<Self, StoreError> {
        let corrupt = |what: &str| StoreError::corrupt(path.display(), what);
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(corrupt("the file is missing"));
            }
            Err(error) => return Err(failed("open", path, error)),
        };
        let length = file.metadata().map_err(|error| failed("read", path, error))?.len();
        if length != written.length {
            let what = format!("it has {length} bytes, not the {} that were written", written.length);
            return Err(StoreError::corrupt(path.display(), what));
        }
        let read = |from: u64, to: u64| read(&file, path, from, to);
        check_head(path, &read(0, HEAD as u64)?)?;
        let tail = read(length - TAIL as u64, length)?;
        let tail = tail.as_slice().try_into().ok().and_then(layout::read_tail);
        if tail != Some((written.footer, (length - TAIL as u64 - written.footer) as u32)) {
            return Err(corrupt("its tail is not what was written"));
        }
        let part = |from: u64, to: u64, name: &str| {
            let part = read(from, to)?;
            let body = layout::open_part(from, &part).map(|(body, _)| body.to_vec());
            body.ok_or_else(|| corrupt(&format!("the checksum of its {name} is wrong")))
        };
        let footer = part(written.footer, length - TAIL as u64, "footer")?;
        if footer != record::encode(written) {
            return Err(corrupt("its footer is not what was noted"));
        }
        let index = part(written.index, written.filter, "index")?;
        let places = places(&index, written.index).ok_or_else(|| corrupt("its index is malformed"))?;
        let filter = part(written.filter, written.footer, "filter")?;
        Ok(Self { file, path: path.to_owned(), places, filter, summary: written.clone() })
    }

    /// Bytes of memory that it takes, about.
    pub(in crate::store) fn memory(&self) -> usize {
        self.filter.len() + self.places.iter().map(|place| 48 + place.first.len()).sum::<usize>()
    }

    /// Blocks that it has.
    fn blocks(&self) -> usize {
        self.places.len()
    }

    /// The value of a key.
    ///
    /// # Errors
    /// `Corrupt` when the block that would have it is not as it was written; `Io`.
    pub(in crate::store) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.find(filter::hash(key), key)
    }

    /// As [`Shelf::get`], of a key with this hash, which is the same for all shelves.
    ///
    /// # Errors
    /// As [`Shelf::get`].
    pub(in crate::store) fn find(&self, hash: u64, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if !filter::may_have(&self.filter, hash) {
            return Ok(None);
        }
        let Some(number) = self.places.partition_point(|place| place.first.as_slice() <= key).checked_sub(1)
        else {
            return Ok(None);
        };
        let block = self.block(number)?;
        let found = block.pairs().find(|(other, _)| *other >= key);
        Ok(found.filter(|(other, _)| *other == key).map(|(_, value)| value.to_vec()))
    }

    /// Up to `limit` pairs of a range, in order.
    ///
    /// # Errors
    /// As [`Shelf::get`].
    pub(in crate::store) fn scan(
        &self,
        range: &KeyRange,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Kept>, StoreError> {
        let mut found = Vec::new();
        if range.is_empty() || limit == 0 {
            return Ok(found);
        }
        let below = |key: &[u8]| range.end.as_ref().is_none_or(|end| key < end.as_slice());
        let first = self.places.partition_point(|place| place.first <= range.start).saturating_sub(1);
        let last = self.places.partition_point(|place| below(&place.first));
        let take = |(key, value): (&[u8], &[u8])| (Key::from(key), value.to_vec());
        let inside = |(key, _): &(&[u8], &[u8])| *key >= range.start.as_slice() && below(key);
        for n in 0..last.saturating_sub(first) {
            let block = self.block(match order {
                Order::Ascending => first + n,
                Order::Descending => last - 1 - n,
            })?;
            let left = limit - found.len();
            match order {
                Order::Ascending => found.extend(block.pairs().filter(inside).take(left).map(take)),
                Order::Descending => {
                    let pairs: Vec<_> = block.pairs().filter(inside).collect();
                    found.extend(pairs.into_iter().rev().take(left).map(take));
                }
            }
            if found.len() == limit {
                break;
            }
        }
        Ok(found)
    }

    /// The pairs of one block, and its part of the sum of all.
    ///
    /// # Errors
    /// As [`Shelf::get`].
    fn pairs_of(&self, number: usize) -> Result<(Vec<Kept>, u64), StoreError> {
        let block = self.block(number)?;
        let pairs = block.pairs().map(|(key, value)| (Key::from(key), value.to_vec())).collect();
        Ok((pairs, block.sum.into()))
    }

    /// Compares what was counted over all blocks with what was written.
    ///
    /// # Errors
    /// `Corrupt`.
    fn compare(&self, keys: u64, sum: u64) -> Result<(), StoreError> {
        if (keys, sum) == (self.summary.keys, self.summary.sum) {
            return Ok(());
        }
        let what = format!("{keys} of its {} keys are there, or some of them are others", self.summary.keys);
        Err(StoreError::corrupt(self.path.display(), what))
    }

    fn block(&self, number: usize) -> Result<Block, StoreError> {
        let place = &self.places[number];
        let bytes = read(&self.file, &self.path, place.at, place.at + u64::from(place.length))?;
        let corrupt = |what: &str| {
            StoreError::corrupt(self.path.display(), format!("the block at byte {}: {what}", place.at))
        };
        let (body, sum) =
            layout::open_part(place.at, &bytes).ok_or_else(|| corrupt("its checksum is wrong"))?;
        let mut rest = body;
        while !rest.is_empty() {
            rest = pair(rest).ok_or_else(|| corrupt("it is malformed"))?.1;
        }
        Ok(Block { bytes, sum })
    }
}

/// A block that was read and checked.
struct Block {
    bytes: Vec<u8>,
    sum: u32,
}

impl Block {
    fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = &self.bytes[SUM..];
        std::iter::from_fn(move || {
            let (found, after) = pair(rest)?;
            rest = after;
            Some(found)
        })
    }
}

/// The pair at the front of a block, and what follows it.
fn pair(bytes: &[u8]) -> Option<((&[u8], &[u8]), &[u8])> {
    let (key, rest) = layout::take_length(bytes)?;
    let (value, rest) = layout::take_length(rest)?;
    let (key, rest) = rest.split_at_checked(key)?;
    let (value, rest) = rest.split_at_checked(value)?;
    Some(((key, value), rest))
}

/// The blocks of an index: without gaps from the head to the index itself.
fn places(mut index: &[u8], end: u64) -> Option<Vec<Place>> {
    let (mut places, mut at) = (Vec::new(), HEAD as u64);
    while !index.is_empty() {
        let (length, rest) = layout::take_length(index)?;
        let (first, rest) = rest.split_at_checked(length)?;
        let (length, rest) = layout::take_length(rest)?;
        places.push(Place { first: first.to_vec(), at, length: length as u32 });
        at += length as u64;
        index = rest;
    }
    (at == end).then_some(places)
}

fn read(file: &File, path: &Path, from: u64, to: u64) -> Result<Vec<u8>, StoreError> {
    let mut bytes = vec![0; usize::try_from(to.saturating_sub(from)).unwrap_or_default()];
    file.read_exact_at(&mut bytes, from).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => StoreError::corrupt(path.display(), "it is cut off"),
        _ => failed("read", path, error),
    })?;
    Ok(bytes)
}

fn check_head(path: &Path, found: &[u8]) -> Result<(), StoreError> {
    if found == layout::head() {
        return Ok(());
    }
    let sum = crc32fast::hash(&found[..12]).to_le_bytes();
    if &found[..8] != MAGIC || sum != found[12..] {
        return Err(StoreError::corrupt(path.display(), "its head is no head of a shelf"));
    }
    let format = u32::from_le_bytes(found[8..12].try_into().expect("four bytes"));
    let what = format!("the shelf {}", path.display());
    Err(StoreError::NewerVersion { what, found: format.into(), known: FORMAT.into() })
}

/// Reads the pairs of a shelf one after the other.
pub(in crate::store) struct Cursor {
    shelf: Arc<Shelf>,
    next: usize,
    pairs: std::vec::IntoIter<Kept>,
    keys: u64,
    sum: u64,
}

impl Cursor {
    pub(in crate::store) fn new(shelf: Arc<Shelf>) -> Self {
        Self { shelf, next: 0, pairs: Vec::new().into_iter(), keys: 0, sum: 0 }
    }

    /// The next pair. The end comes only if it is the one that was written.
    ///
    /// # Errors
    /// Those of [`Shelf::get`].
    pub(in crate::store) fn next(&mut self) -> Result<Option<Kept>, StoreError> {
        loop {
            if let Some(kept) = self.pairs.next() {
                return Ok(Some(kept));
            }
            if self.next == self.shelf.blocks() {
                self.shelf.compare(self.keys, self.sum)?;
                return Ok(None);
            }
            let (pairs, sum) = self.shelf.pairs_of(self.next)?;
            self.next += 1;
            self.keys += pairs.len() as u64;
            self.sum = self.sum.wrapping_add(sum);
            self.pairs = pairs.into_iter();
        }
    }
}
