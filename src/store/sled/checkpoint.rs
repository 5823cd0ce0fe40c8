//! The one thread that writes the tree: checkpoints, compaction, the audit of a large store, snapshots for backups.
//!
//! A checkpoint writes what is left of the frozen table, in the order of the keys and in small batches, because sled stops
//! all readers of the process while it applies one. Each batch carries the counters as they are after it; the last one
//! alone says up to which commit the tree is whole, and notes the shelves (`shelving`) of what moved to the history and of
//! what expires by itself. A crash
//! in between is harmless: the log still has everything from the checkpoint before, and its replay writes the same values
//! again.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use sled::{Db, IVec};

use super::{
    blobs::Blobs,
    check::Audit,
    commits::Commits,
    failure::from_sled,
    folder::room,
    history::History,
    live::Live,
    memtable::Memtable,
    moment::{Hook, Moment},
    shelving::Shelving,
    staging::{Asked, Extra, Frozen, Next, Shelves, Staging},
    tally::{Tally, Weight},
};
use crate::store::{Key, StoreError};

/// How long an audit waits for something to do before each of its steps: it takes a tenth of the thread.
const AUDIT_PAUSE: Duration = Duration::from_millis(5);
/// Keys and bytes of one batch of the tree.
const CHUNK_KEYS: usize = 500;
const CHUNK_BYTES: usize = 512 << 10;
/// sled writes pages around what it is given.
const PAGES: u64 = 4;
/// How often a full disk is asked again.
const FULL_PAUSE: Duration = Duration::from_millis(100);

/// All that the thread owns.
pub(super) struct Checkpointer {
    pub(super) staging: Arc<Staging>,
    /// What readers use; the same as `db`.
    pub(super) live: Arc<Live>,
    pub(super) db: Db,
    /// The folder that `db` is in.
    pub(super) state: PathBuf,
    /// A handle of its own on sled's file: each handle is told of a failed write-back once.
    pub(super) db_file: File,
    pub(super) blobs: Arc<Blobs>,
    pub(super) history: Arc<History>,
    pub(super) commits: Commits,
    /// What is left of the check of a store that was too large for the start.
    pub(super) audit: Option<Audit>,
    /// What the tree holds; unknown while an audit still counts.
    pub(super) tally: Option<Tally>,
    pub(super) shared: Arc<Shared>,
    /// Large values that the tree does not refer to any more, and that a backup may still read.
    pub(super) doomed: Vec<[u8; 32]>,
    pub(super) compaction: Compaction,
    /// When it was last looked whether a compaction pays.
    pub(super) looked: Option<Instant>,
    /// The folder that the last compaction left.
    pub(super) old: Option<PathBuf>,
    /// The notes on buckets that the operator gave up; they go with the first checkpoint.
    pub(super) given_up: Vec<Key>,
}

/// What the thread tells, and is told.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Bytes of the live keys and values in the tree.
    pub(super) live_bytes: AtomicU64,
    /// Bytes of the large ones among them.
    pub(super) large_bytes: AtomicU64,
    /// Backups that are being read: while there is one, no file of a large value is removed.
    pub(super) pins: AtomicUsize,
}

/// When the tree is compacted: with more bytes on the disk than four times the live ones and `slack`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Compaction {
    pub(super) slack: u64,
    pub(super) every: Duration,
    /// Memory for the pages of the new one.
    pub(super) cache: u64,
    pub(super) hook: Option<Hook>,
}

impl Checkpointer {
    /// Writes checkpoints until the store is closed.
    pub(super) fn run(mut self) {
        self.tell();
        loop {
            let patience = self.audit.is_some().then_some(AUDIT_PAUSE);
            let next = self.staging.next_checkpoint(patience);
            if let Err(error) = self.staging.failure() {
                self.audit = None;
                match next {
                    Next::Checkpoint(asked) => answer(asked, |_| Err(error.clone())),
                    Next::Last(asked) => return answer(asked, |_| Err(error.clone())),
                    Next::Idle => {}
                }
                // What made a checkpoint due stays, and nothing becomes of it.
                std::thread::sleep(AUDIT_PAUSE);
                continue;
            }
            // sled panics on damage that it does not expect; the answers in flight are dropped then, which their
            // receivers understand.
            let outcome = catch_unwind(AssertUnwindSafe(|| match next {
                Next::Idle => {
                    self.audit();
                    true
                }
                Next::Checkpoint(asked) => {
                    self.serve(asked);
                    true
                }
                Next::Last(asked) => {
                    self.serve(asked);
                    false
                }
            }));
            match outcome {
                Ok(true) => {}
                Ok(false) => return,
                Err(_) => drop(self.staging.poison("sled panicked")),
            }
        }
    }

    pub(super) fn poison(&self, reason: impl ToString) -> StoreError {
        self.staging.poison(reason)
    }

    /// A checkpoint, and what else was asked for.
    fn serve(&mut self, mut asked: Vec<Asked>) {
        let mut shelving = Shelving::of(&mut asked);
        let done = self.drop_buckets(&mut shelving).and_then(|()| self.checkpoint(&mut shelving));
        answer(asked, |what| {
            done.clone()?;
            match what {
                Extra::Snapshot(path, shelves) => {
                    // Nothing changes them before the next checkpoint.
                    let (history, lapsing) = (self.history.all(), self.staging.lapsing.parts().all());
                    let _ = shelves.set(Shelves { history, lapsing });
                    self.snapshot(&path)
                }
                Extra::Nothing | Extra::Drop(_) | Extra::Replace(_) => Ok(()),
            }
        });
        if self.staging.failure().is_ok() {
            self.compact_if_due();
        }
    }

    fn checkpoint(&mut self, shelving: &mut Shelving) -> Result<(), StoreError> {
        let Frozen { table, number, released } = self.staging.freeze()?;
        shelving.given_up = std::mem::take(&mut self.given_up);
        if !table.is_empty() {
            self.wait_for_room(table.bytes() as u64)?;
        }
        if !table.is_empty() || !shelving.is_empty() || number > self.commits.number {
            let written = self.shelve(&table, shelving).and_then(|()| self.write(&table, number, shelving));
            written.map_err(|error| self.stopped(error))?;
        }
        self.tell();
        self.change(shelving)?;
        self.staging.thaw(number);
        table.large().for_each(|blob| self.blobs.release(blob.hash));
        self.doomed.extend(released);
        self.free();
        self.remove_old_state().map_err(|error| self.poison(error))
    }

    /// A failure in the middle of what is written.
    pub(super) fn stopped(&self, error: StoreError) -> StoreError {
        match error {
            // What it says elsewhere, that nothing was stored, cannot be said here.
            StoreError::Full { place } => {
                self.poison(format!("the disk under {} filled up while writing", place.display()))
            }
            error => self.poison(error),
        }
    }

    /// Waits until the disk has room for a table of so many bytes, for which the reserve may be used. The log has all of it
    /// meanwhile.
    fn wait_for_room(&self, bytes: u64) -> Result<(), StoreError> {
        let folder = &self.staging.folder;
        while bytes.saturating_mul(PAGES) >= room(folder, 0) {
            // The next start tries again.
            if self.staging.is_closed() {
                return Err(StoreError::Full { place: folder.clone() });
            }
            std::thread::sleep(FULL_PAUSE);
            self.staging.failure()?;
        }
        Ok(())
    }

    /// Makes a table part of the tree, durable. After an error it is open what of it is there.
    fn write(&mut self, table: &Memtable, number: u64, shelving: &Shelving) -> Result<(), StoreError> {
        let (mut batch, mut keys, mut bytes) = (sled::Batch::default(), 0, 0);
        for (key, slot) in table.iter() {
            // What expires by itself is in a shelf.
            let envelope = slot.envelope.as_ref().filter(|_| slot.until.is_none());
            if !self.put(&mut batch, key, envelope)? {
                continue;
            }
            keys += 1;
            bytes += envelope.map_or(0, |envelope| envelope.len());
            if keys == CHUNK_KEYS || bytes > CHUNK_BYTES {
                self.apply(std::mem::take(&mut batch))?;
                self.reached(Moment::Part)?;
                (keys, bytes) = (0, 0);
            }
        }
        if !shelving.is_empty() {
            // What it notes may be in the table too.
            self.apply(std::mem::take(&mut batch))?;
            for (key, note) in shelving.notes() {
                self.put(&mut batch, &key, note.map(IVec::from).as_ref())?;
            }
        }
        self.commits.number = number;
        self.apply(batch)?;
        self.sync()?;
        self.reached(Moment::Written)
    }

    /// Makes what was applied durable.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.db.flush().map_err(|error| from_sled(error, "flush"))?;
        // sled's flush leaves the disk's own cache alone; this does not.
        let synced = self.db_file.sync_data();
        synced.map_err(|error| StoreError::io("cannot sync the state", &self.staging.folder, error))
    }

    /// Adds what becomes of a key, and counts it. Tells whether there is anything to do.
    pub(super) fn put(
        &mut self,
        batch: &mut sled::Batch,
        key: &Key,
        envelope: Option<&IVec>,
    ) -> Result<bool, StoreError> {
        if envelope.is_none() && self.tally.as_ref().is_some_and(|tally| tally.has_none(key)) {
            return Ok(false);
        }
        let before = self.stored(key)?.map(|bytes| Weight::of(key, &bytes));
        let after = envelope.map(|bytes| Weight::of(key, bytes));
        if before.is_none() && after.is_none() {
            return Ok(false);
        }
        self.count(key, before.as_ref(), after.as_ref());
        match envelope {
            Some(envelope) => batch.insert(key.as_bytes(), envelope),
            None => batch.remove(key.as_bytes()),
        }
        Ok(true)
    }

    pub(super) fn apply(&self, mut batch: sled::Batch) -> Result<(), StoreError> {
        batch.insert(Commits::key().as_bytes(), self.commits.seal());
        self.db.apply_batch(batch).map_err(|error| from_sled(error, "write"))
    }

    fn count(&mut self, key: &Key, before: Option<&Weight>, after: Option<&Weight>) {
        self.commits.count(before, after);
        if let Some(audit) = &mut self.audit {
            audit.written(key, before, after);
        }
        if let Some(tally) = &mut self.tally {
            self.doomed.extend(tally.change(before, after));
        }
    }

    fn stored(&self, key: &Key) -> Result<Option<IVec>, StoreError> {
        self.db.get(key).map_err(|error| from_sled(error, "read"))
    }

    fn audit(&mut self) {
        let Some(audit) = &mut self.audit else { return };
        match audit.step(&self.db, &self.blobs, &self.commits) {
            Ok(false) => return,
            Ok(true) => {}
            Err(error) => return drop(self.poison(error)),
        }
        let tally = self.audit.take().expect("it was just used").tally;
        if self.shared.pins.load(Ordering::SeqCst) == 0
            && let Err(error) = self.blobs.sweep(|hash| tally.refers_to(hash))
        {
            tracing::warn!(%error, "large values that nothing refers to were not removed");
        }
        self.tally = Some(tally);
        self.tell();
    }

    fn tell(&self) {
        if let Some(tally) = &self.tally {
            self.shared.live_bytes.store(tally.bytes + tally.large_bytes, Ordering::Relaxed);
            self.shared.large_bytes.store(tally.large_bytes, Ordering::Relaxed);
            // Before the tables forget what the tree has now.
            self.staging.counts.set(&tally.kinds);
        }
    }

    /// Removes the files of large values that nothing refers to, once no backup reads them.
    fn free(&mut self) {
        if self.doomed.is_empty() || self.shared.pins.load(Ordering::SeqCst) > 0 {
            return;
        }
        let Some(tally) = &self.tally else { return };
        for hash in self.doomed.drain(..).filter(|hash| !tally.refers_to(hash)) {
            self.blobs.remove(hash);
        }
    }

    /// Writes all pairs of the tree to a file, envelopes and all; for a backup, which reads it at leisure.
    fn snapshot(&self, path: &Path) -> Result<(), StoreError> {
        let folder = &self.staging.folder;
        let room = room(folder, self.staging.reserve);
        if self.tally.as_ref().is_some_and(|tally| tally.bytes > room) {
            return Err(StoreError::Full { place: folder.clone() });
        }
        let failed =
            |error| StoreError::io(format!("cannot write {}", path.display()), folder.clone(), error);
        let mut file = BufWriter::new(File::create(path).map_err(failed)?);
        for pair in self.db.iter() {
            let (key, bytes) = pair.map_err(|error| from_sled(error, "read"))?;
            if !Commits::owns(&key) {
                let mut write = |part: &[u8]| {
                    file.write_all(&(part.len() as u32).to_le_bytes())?;
                    file.write_all(part)
                };
                write(&key).and_then(|()| write(&bytes)).map_err(failed)?;
            }
        }
        file.flush().map_err(failed)
    }

    pub(super) fn reached(&self, moment: Moment) -> Result<(), StoreError> {
        self.compaction.hook.map_or(Ok(()), |hook| hook(moment))
    }
}

fn answer(asked: Vec<Asked>, result: impl Fn(Extra) -> Result<(), StoreError>) {
    for Asked { what, answer } in asked {
        // Whoever asked may have gone.
        let _ = answer.send(result(what));
    }
}
