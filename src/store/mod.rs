//! What is durable: an ordered space of byte keys with atomic, conditional batches.
//!
//! [`Store`] is all that the floors above know; `tables` gives it types, and [`open()`] chooses the backend. Two keep
//! the same promises: `sled` on disk and `memory` for `flowcell run` and tests. No type of a backend is needed to use
//! a store, and nothing about it assumes that it is on this machine, so that a shared database can follow.
//!
//! Never here: HTTP, clocks, randomness, or a decision about what a run does next.

mod backup;
mod batch;
mod buckets;
#[cfg(test)]
mod conformance;
#[cfg(test)]
pub(crate) mod crash;
mod disk;
mod error;
pub mod keys;
mod log;
mod memory;
mod open;
mod record;
mod seal;
mod shelf;
mod sled;
pub mod tables;
#[cfg(test)]
mod testing;

use futures::future::{BoxFuture, FutureExt};

pub use self::sled::{Options, SledStore};
pub use backup::{BackupError, Contents, verify};
pub use batch::{Batch, KeyRange, Order, Settled};
pub use error::StoreError;
pub use keys::Key;
pub use memory::MemoryStore;
pub use open::{Settings, open};
pub use seal::{SealError, SealKey, Sealer, Trust};

/// A key and its value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// How large a store is. Cheap to ask for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Bytes of the live keys and values; 0 while a large store is still being counted after its start.
    pub live_bytes: u64,
    /// Bytes of the files that hold them.
    pub disk_bytes: u64,
    /// Bytes of the history's files.
    pub history_bytes: u64,
    /// Buckets of the history.
    pub buckets: usize,
}

/// A backup as it is made, in pieces of some 256 KiB. It is whole only if the end comes without an error.
pub type BackupStream = tokio::sync::mpsc::Receiver<Result<Vec<u8>, StoreError>>;

/// An ordered key space. Every method may be called from any task or thread.
pub trait Store: Send + Sync + 'static {
    /// Writes all of `batch` or nothing; `Ok` means that it survives a power cut.
    ///
    /// The expectations are checked when the batch's turn comes, against everything that was committed before,
    /// durable or not. A conflict is answered only once the value that caused it is durable, so a caller may act on
    /// [`StoreError::Conflict`]. An empty batch is a barrier: it resolves when everything that was readable before is
    /// durable.
    ///
    /// Dropping the future does not take the batch back.
    ///
    /// # Errors
    /// `Conflict`; `Busy` (nothing was queued), `Full` and `Unavailable` (nothing was stored): the same batch may be given again;
    /// `Fenced`, `Closed` and `Failed`: this process stores nothing more.
    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Queues `batch` for a later group. It is durable about 100 ms later, and lost if the machine stops before that.
    ///
    /// This is for records like those of a log. It waits while the queue is full. Later errors are logged.
    /// Batches that write the same key, lazy or not, are written in the order in which they were given. Nothing is promised
    /// about other batches: a backend may write lazy batches in a queue of their own, and an empty batch need not wait for a
    /// lazy one that is not readable yet.
    ///
    /// # Errors
    /// `Unavailable`, `Fenced`, `Closed`, `Failed`.
    fn commit_lazily(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The value of a key. A store on this machine answers at once, without a thread of its own. A store elsewhere takes time, so
    /// callers hold no lock across this call. The value may not be durable for some milliseconds: before you tell anybody
    /// something that rests on it alone, commit a batch, which may be empty.
    ///
    /// # Errors
    /// `Corrupt` when the stored bytes are not those that were written, `Io`, `Unavailable`.
    fn get(&self, key: &[u8]) -> BoxFuture<'_, Result<Option<Vec<u8>>, StoreError>>;

    /// The values of several keys, in their order. A store elsewhere is asked once for all of them. The values need not be of one
    /// moment, as with several calls of [`Store::get`].
    ///
    /// # Errors
    /// As [`Store::get`].
    fn get_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Vec<u8>>>, StoreError>> {
        async move {
            let mut values = Vec::with_capacity(keys.len());
            for key in keys {
                values.push(self.get(key).await?);
            }
            Ok(values)
        }
        .boxed()
    }

    /// Up to `limit` pairs of a range, in order. This is no snapshot: later commits may already show.
    ///
    /// # Errors
    /// As [`Store::get`].
    fn scan(
        &self,
        range: KeyRange,
        order: Order,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Pair>, StoreError>>;

    /// Keeps what has ended in the history until it expires, apart from live keys, as [`Batch::settle`] does with a batch. The
    /// backend decides how. One backend moves
    /// the values to a part that is dropped as a whole, and removes them from the live part together with `also_delete`.
    /// Another notes the time and moves nothing. Reads show the same before, during and after the move. If a crash
    /// interrupts it, the same call finishes it later. Afterwards expectations of batches do not see these keys, and a key
    /// that is written again hides its value in the history.
    ///
    /// # Errors
    /// As [`Store::commit`]; `Conflict` when a value changed meanwhile. Whatever is not settled then stays live, each item as
    /// a whole.
    fn settle(&self, settled: Vec<Settled>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Drops what expired by `now_ms`, whole buckets at a time: of the history, whose number it gives, and of the live values that
    /// expire by themselves ([`Batch::put_until`]). There is no other clock, so call this now and then.
    ///
    /// # Errors
    /// As [`Store::commit`].
    fn drop_expired(&self, now_ms: u64) -> BoxFuture<'_, Result<usize, StoreError>>;

    /// Drops the buckets that expire first until the history has at most `max_bytes`; gives their number.
    ///
    /// # Errors
    /// As [`Store::commit`].
    fn drop_oldest(&self, max_bytes: u64) -> BoxFuture<'_, Result<usize, StoreError>>;

    /// How large the store is.
    fn stats(&self) -> StoreStats;

    /// Makes a backup of one moment, history included, while reads and writes go on. `flowcell restore` reads it.
    ///
    /// # Errors
    /// As [`Store::commit`]; `Corrupt` in the stream when a part of the history cannot be read.
    fn backup(&self) -> BoxFuture<'_, Result<BackupStream, StoreError>>;

    /// Takes no more batches, writes what is queued and makes it durable. Reads still work.
    fn close(&self) -> BoxFuture<'_, ()>;

    /// Whether a batch of ordinary size would be stored now; the reason when not. Asks the disk how much is free, and waits for
    /// nothing.
    ///
    /// # Errors
    /// `Full`, `Failed`, `Unavailable`.
    fn readiness(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Bytes that may still be written, beside what is kept free for other things on the disk; nothing where that is not known.
    fn free_bytes(&self) -> Option<u64> {
        None
    }

    /// Resolves with the reason once the store can no longer promise durability; the process should then
    /// stop and start again, which reads the truth back from the disk. Pending for ever otherwise.
    fn failed(&self) -> BoxFuture<'_, StoreError>;
}
