//! What is durable: an ordered space of byte keys with atomic, conditional batches.
//!
//! [`Store`] is all that the floors above know; `tables` gives it types. Two backends keep the
//! same promises: `sled` on disk and `memory` for `flowcell run` and tests. No type of a backend
//! leaves this module, so that a shared database can follow.
//!
//! Never here: HTTP, clocks, randomness, or a decision about what a run does next.

mod batch;
#[cfg(test)]
mod conformance;
#[cfg(test)]
pub(crate) mod crash;
mod error;
pub mod keys;
mod memory;
mod record;
mod sled;
pub mod tables;
#[cfg(test)]
mod testing;

use futures::future::BoxFuture;

pub use self::sled::{Options, SledStore};
pub use batch::{Batch, KeyRange, Order};
pub use error::StoreError;
pub use keys::Key;
pub use memory::MemoryStore;

/// A key and its value.
pub type Pair = (Vec<u8>, Vec<u8>);

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
    /// `Conflict`, `Busy` (nothing was queued), `Full` (nothing was stored), `Closed`, `Failed`.
    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Queues `batch` for a later group: durable about 100 ms later, lost if the machine stops before.
    ///
    /// For log-like records. Waits while the queue is full; what goes wrong afterwards is logged.
    /// It keeps its place before batches that are committed later.
    ///
    /// # Errors
    /// `Closed`, `Failed`.
    fn commit_lazily(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The value of a key. It may be a few milliseconds away from durable: before a caller is told
    /// what rests on it alone, commit something or an empty batch.
    ///
    /// # Errors
    /// `Corrupt` when the stored bytes are not those that were written, `Io`.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Up to `limit` pairs of a range, in order. Not a snapshot: commits made meanwhile may show.
    ///
    /// # Errors
    /// As [`Store::get`].
    fn scan(&self, range: KeyRange, order: Order, limit: usize) -> Result<Vec<Pair>, StoreError>;

    /// Takes no more batches, writes what is queued and makes it durable. Reads still work.
    fn close(&self) -> BoxFuture<'_, ()>;

    /// Resolves with the reason once the store can no longer promise durability; the process should then
    /// stop and start again, which reads the truth back from the disk. Pending for ever otherwise.
    fn failed(&self) -> BoxFuture<'_, StoreError>;
}
