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
mod error;
pub mod keys;
mod memory;
mod open;
mod record;
mod seal;
mod sled;
pub mod tables;
#[cfg(test)]
mod testing;

use futures::future::{BoxFuture, FutureExt};

pub use self::sled::{Options, SledStore};
pub use backup::{BackupError, Contents, verify};
pub use batch::{Batch, KeyRange, Order};
pub use error::StoreError;
pub use keys::Key;
pub use memory::MemoryStore;
pub use open::{Settings, open};
pub use seal::{SealError, SealKey, Sealer, Trust};

/// A key and its value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// Something that has ended: it changes no more, and is dropped as a whole once it has expired.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    /// What belongs to it. A key without a value is passed over. Of a key that was written again after it was settled,
    /// and settled again, the value counts that is kept longer.
    pub keys: Vec<Key>,
    /// All live keys that begin with one of these belong to it too.
    pub prefixes: Vec<Key>,
    /// When it may be dropped, milliseconds since the epoch; it is kept up to a day longer, what is far ahead
    /// a tenth longer or so.
    pub expires_ms: u64,
    /// What goes at the same moment, and is not kept.
    pub also_delete: Vec<Key>,
}

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
    /// The expectations are checked when the batch's turn comes, against everything committed before,
    /// also what is not durable yet. A conflict is answered only once what it rests on is durable, so a
    /// caller may act on [`StoreError::Conflict`]. An empty batch is a barrier: it resolves when all
    /// that was readable before is durable.
    ///
    /// Dropping the future does not take the batch back.
    ///
    /// # Errors
    /// `Conflict`; `Busy` (nothing was queued), `Full` and `Unavailable` (nothing was stored): the same batch may be given again;
    /// `Fenced`, `Closed` and `Failed`: this process stores nothing more.
    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Queues `batch` for a later group: durable about 100 ms later, lost if the machine stops before.
    ///
    /// For log-like records. Waits while the queue is full; what goes wrong afterwards is logged.
    /// Of batches that write the same key, lazy or not, each keeps its place before those that are given later. Nothing is
    /// promised about others: a backend may have lines of their own for them, and an empty batch need not wait for one that is
    /// not readable yet.
    ///
    /// # Errors
    /// `Unavailable`, `Fenced`, `Closed`, `Failed`.
    fn commit_lazily(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The value of a key. A store on this machine answers at once, without a thread of its own; one elsewhere takes its time, so
    /// nothing that others may change is held meanwhile. It may be a few milliseconds away from durable: before a caller is told
    /// what rests on it alone, commit something or an empty batch.
    ///
    /// # Errors
    /// `Corrupt` when the stored bytes are not those that were written, `Io`, `Unavailable`.
    fn get(&self, key: &[u8]) -> BoxFuture<'_, Result<Option<Vec<u8>>, StoreError>>;

    /// The values of several keys, in their order: what is known to be needed together costs one way to a store elsewhere.
    /// No more of a moment than as many calls of [`Store::get`].
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

    /// Up to `limit` pairs of a range, in order. Not a snapshot: commits made meanwhile may show.
    ///
    /// # Errors
    /// As [`Store::get`].
    fn scan(
        &self,
        range: KeyRange,
        order: Order,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Pair>, StoreError>>;

    /// Keeps what has ended until it expires, apart from what is live: the history. The backend decides how, and whether
    /// anything moves at all: one writes the values to a part that is dropped as a whole and then takes them from the live
    /// part together with `also_delete`, another notes the time where they stand. Reads show the same before, meanwhile and
    /// after; what a crash leaves half done, the same call again finishes. From then on expectations of batches do not see
    /// these keys, and one that is written again hides what the history has.
    ///
    /// # Errors
    /// As [`Store::commit`]; `Conflict` when a value changed meanwhile, `Busy` when a backup that is being made
    /// holds it up. What is not settled then stays live, each of them as a whole.
    fn settle(&self, settled: Vec<Settled>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Drops what expired by `now_ms` from the history, whole buckets at a time; gives their number.
    /// The history's only clock: call it now and then.
    ///
    /// # Errors
    /// As [`Store::commit`].
    fn drop_expired(&self, now_ms: u64) -> BoxFuture<'_, Result<usize, StoreError>>;

    /// Drops the buckets that expire first until the history has at most `max_bytes`; gives their number.
    ///
    /// # Errors
    /// As [`Store::commit`].
    fn drop_oldest(&self, max_bytes: u64) -> BoxFuture<'_, Result<usize, StoreError>>;

    /// How large it is.
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

    /// Resolves with the reason once the store can no longer promise durability; the process should then
    /// stop and start again, which reads the truth back from the disk. Pending for ever otherwise.
    fn failed(&self) -> BoxFuture<'_, StoreError>;
}
