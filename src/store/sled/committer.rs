//! The one thread that writes: group commit with expectations, then flush and fdatasync, then the answers.
//!
//! Nobody else writes, so an expectation that holds when it is checked holds when the batch is applied.
//! After a failed write or sync nothing more is promised: the kernel may have dropped the dirty pages, and
//! a second sync would succeed without them (LWN 752063, "PostgreSQL's fsync() surprise").

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
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
use tokio::sync::watch;

pub(super) use super::failure::from_sled;
use super::{
    blobs::{Blobs, Staged},
    check::Audit,
    commits::Commits,
    envelope::{self, BlobRef, Content, INLINE_MAX},
    folder::room,
    live::Live,
    moment::Hook,
    queue::{Answer, Next, Op, Queue, Work},
    tally::{Tally, Weight},
    watermark::Watermark,
};
use crate::store::{Key, KeyRange, StoreError, batch::Write};

/// How long an audit waits for something to write before each of its steps: it takes a tenth of the thread.
const AUDIT_PAUSE: Duration = Duration::from_millis(5);

/// All that the thread owns.
pub(super) struct Committer {
    /// What readers use; the same as `db`.
    pub(super) live: Arc<Live>,
    pub(super) db: Db,
    /// The folder that `db` is in.
    pub(super) state: PathBuf,
    /// A handle of its own on sled's file: each handle is told of a failed write-back once.
    pub(super) db_file: File,
    pub(super) blobs: Arc<Blobs>,
    pub(super) commits: Commits,
    /// What is left of the check of a store that was too large for the start.
    pub(super) audit: Option<Audit>,
    /// What the tree holds; unknown while an audit still counts.
    pub(super) tally: Option<Tally>,
    pub(super) shared: Arc<Shared>,
    /// Large values that nothing refers to and that a backup may still read.
    pub(super) doomed: Vec<[u8; 32]>,
    pub(super) compaction: Compaction,
    /// When it was last looked whether a compaction pays.
    pub(super) looked: Option<Instant>,
    /// The folder that the last compaction left.
    pub(super) old: Option<PathBuf>,
    pub(super) watermark: Watermark,
    pub(super) folder: PathBuf,
    /// Bytes of the disk that stay free, so that sled itself never meets a full disk.
    pub(super) reserve: u64,
    pub(super) failed: Arc<watch::Sender<Option<StoreError>>>,
}

/// What the committer tells, and is told.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Bytes of the live keys and values.
    pub(super) live_bytes: AtomicU64,
    /// Bytes of the large ones among them.
    pub(super) large_bytes: AtomicU64,
    /// Backups that are being read: while there is one, no file of a large value is removed.
    pub(super) pins: AtomicUsize,
}

/// When the live database is compacted: with more bytes on the disk than four times the live ones and `slack`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Compaction {
    pub(super) slack: u64,
    pub(super) every: Duration,
    /// Memory for the pages of the new one.
    pub(super) cache: u64,
    pub(super) hook: Option<Hook>,
}

/// A value as the running group leaves it.
struct Pending {
    envelope: Vec<u8>,
    /// The value, when it is not in the envelope and its file not yet in place.
    large: Option<Vec<u8>>,
}

/// What a group has gathered so far.
#[derive(Default)]
struct Group {
    /// In the order of the keys, as what begins with a prefix is looked for.
    values: BTreeMap<Key, Option<Pending>>,
    /// What was in the tree before the group.
    before: HashMap<Key, Option<Weight>>,
    staged: Vec<Staged>,
}

impl Committer {
    /// Writes groups until the queue is closed and empty.
    pub(super) fn run(mut self, queue: &Queue) {
        self.tell();
        loop {
            let patience = self.audit.is_some().then_some(AUDIT_PAUSE);
            let ops = match queue.next(patience) {
                Next::Group(ops) => ops,
                Next::Idle => Vec::new(),
                Next::Closed => break,
            };
            let failed = self.failed.borrow().clone();
            if let Some(error) = failed {
                self.audit = None;
                answer_all(ops, &error);
                continue;
            }
            // sled panics on damage that it does not expect; the answers in flight are dropped then,
            // which their receivers understand.
            let outcome =
                catch_unwind(AssertUnwindSafe(
                    || if ops.is_empty() { self.audit() } else { self.commit(ops) },
                ));
            // Everybody who waits has an answer by now, so what follows holds up nobody.
            let healthy = self.failed.borrow().is_none();
            let outcome = outcome.and_then(|()| {
                catch_unwind(AssertUnwindSafe(|| {
                    if healthy {
                        self.compact_if_due()
                    }
                }))
            });
            if outcome.is_err() {
                self.poison("sled panicked");
            }
        }
        if let Err(error) = self.watermark.sync() {
            tracing::error!(%error, "the watermark is not durable");
        }
    }

    pub(super) fn poison(&self, reason: impl ToString) -> StoreError {
        let error = StoreError::Failed { reason: reason.to_string() };
        tracing::error!(%error, "the store takes no more commits");
        self.failed.send_if_modified(|failed| failed.replace(error.clone()).is_none());
        error
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
            && let Err(error) = self.blobs.sweep(&tally.large())
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
        }
    }

    fn commit(&mut self, ops: Vec<Op>) {
        let mut room = room(&self.folder, self.reserve);
        let mut group = Group::default();
        let mut results = Vec::with_capacity(ops.len());
        let mut snapshots = Vec::new();
        // Until the end: each op holds its place in the bounded queue.
        let mut held = Vec::with_capacity(ops.len());
        for mut op in ops {
            let mut work = std::mem::take(&mut op.work);
            if let Some(path) = work.snapshot.take() {
                snapshots.push((results.len(), path));
            }
            let result = self.gather(work, &mut room, &mut group);
            results.push((op.answer.take(), result));
            held.push(op);
        }
        let mut written = Ok(());
        if !group.values.is_empty() {
            written = self.write(group).map_err(|error| match error {
                // What it says elsewhere, that nothing was stored, cannot be said here.
                StoreError::Full { place } => {
                    self.poison(format!("the disk under {} filled up while writing", place.display()))
                }
                error => self.poison(error),
            });
        }
        match written {
            Ok(()) => {
                for (index, path) in snapshots {
                    results[index].1 = self.snapshot(&path);
                }
            }
            Err(error) => results.iter_mut().for_each(|(_, result)| *result = Err(error.clone())),
        }
        drop(held);
        results.into_iter().for_each(|(answer, result)| answer_one(answer, result));
    }

    /// Writes all live pairs to a file, envelopes and all; for a backup, which reads it at leisure.
    fn snapshot(&self, path: &Path) -> Result<(), StoreError> {
        let room = room(&self.folder, self.reserve);
        if self.tally.as_ref().is_some_and(|tally| tally.bytes > room) {
            return Err(StoreError::Full { place: self.folder.clone() });
        }
        let failed =
            |error| StoreError::io(format!("cannot write {}", path.display()), self.folder.clone(), error);
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

    /// Checks one batch against the tree and the group, and adds its writes to the group.
    fn gather(&self, work: Work, room: &mut u64, group: &mut Group) -> Result<(), StoreError> {
        let Work { batch, moved, staged, snapshot: _ } = work;
        let mut staged = staged.into_iter();
        for (key, envelope) in &moved {
            let bytes = match group.values.get(key) {
                Some(pending) => pending.as_ref().map(|pending| IVec::from(pending.envelope.as_slice())),
                None => self.stored(key)?,
            };
            if bytes.as_ref() != Some(envelope) {
                return Err(StoreError::Conflict { found: self.value(key, group)?, key: key.clone() });
            }
        }
        for (key, expected) in batch.expectations {
            if !self.holds(&key, expected.as_deref(), &[group])? {
                return Err(StoreError::Conflict { found: self.value(&key, group)?, key });
            }
        }
        let sizes = batch.writes.iter().map(|(_, write)| match write {
            Write::Put(value) => value.len() as u64,
            Write::Delete | Write::DeleteIf(_) | Write::DeletePrefix => 0,
        });
        let needed: u64 = sizes.sum();
        if needed > 0 {
            *room = room
                .checked_sub(needed)
                .filter(|left| *left > 0)
                .ok_or_else(|| StoreError::Full { place: self.folder.clone() })?;
        }
        // Everything that can fail comes before the first change of the group, hence a layer of its own.
        let mut own = Group::default();
        let moved = moved.into_iter().map(|(key, _)| (key, Write::Delete));
        for (key, write) in batch.writes.into_iter().chain(moved) {
            if let Write::DeleteIf(value) = &write
                && !self.holds(&key, Some(value), &[&own, group])?
            {
                continue;
            }
            if let Write::DeletePrefix = write {
                self.gather_prefix(&key, &mut own, group)?;
                continue;
            }
            if !group.before.contains_key(&key) && !own.before.contains_key(&key) {
                let stored = self.stored(&key)?;
                own.before.insert(key.clone(), stored.map(|bytes| Weight::of(&key, &bytes)));
            }
            let pending = match write {
                Write::Delete | Write::DeleteIf(_) | Write::DeletePrefix => None,
                Write::Put(value) if value.len() <= INLINE_MAX => {
                    Some(Pending { envelope: envelope::inline(&key, &value), large: None })
                }
                Write::Put(value) => {
                    let file = staged.next().map_or_else(|| self.blobs.stage(&value), Ok)?;
                    let envelope = envelope::blob(&key, file.blob());
                    own.staged.push(file);
                    Some(Pending { envelope, large: Some(value) })
                }
            };
            own.values.insert(key, pending);
        }
        group.before.extend(own.before);
        group.values.extend(own.values);
        group.staged.extend(own.staged);
        Ok(())
    }

    /// Adds the end of every key that begins with `prefix`, in the tree, in the group or in the batch itself.
    fn gather_prefix(&self, prefix: &Key, own: &mut Group, group: &Group) -> Result<(), StoreError> {
        for pair in self.db.scan_prefix(prefix) {
            let (key, bytes) = pair.map_err(|error| from_sled(error, "read"))?;
            if Commits::owns(&key) {
                continue;
            }
            let key = Key::from(&*key);
            if !group.before.contains_key(&key) && !own.before.contains_key(&key) {
                own.before.insert(key.clone(), Some(Weight::of(&key, &bytes)));
            }
            own.values.insert(key, None);
        }
        // What is not in the tree yet was looked at when it was added, so it has its place in `before`.
        let range = KeyRange::prefix(prefix);
        let new: BTreeSet<Key> = [&group.values, &own.values]
            .into_iter()
            .flat_map(|values| values.range::<[u8], _>(range.bounds()))
            .map(|(key, _)| key.clone())
            .filter(|key| !Commits::owns(key))
            .collect();
        own.values.extend(new.into_iter().map(|key| (key, None)));
        Ok(())
    }

    /// Makes a group durable. After an error it is open what of it is stored.
    fn write(&mut self, group: Group) -> Result<(), StoreError> {
        self.blobs.publish(group.staged)?;
        let mut commits = self.commits;
        commits.number += 1;
        let mut batch = sled::Batch::default();
        let mut freed = Vec::new();
        for (key, value) in group.values {
            let before = group.before.get(&key).and_then(Option::as_ref);
            let after = value.as_ref().map(|value| Weight::of(&key, &value.envelope));
            commits.count(before, after.as_ref());
            if let Some(audit) = &mut self.audit {
                audit.written(&key, before, after.as_ref());
            }
            if let Some(tally) = &mut self.tally {
                freed.extend(tally.change(before, after.as_ref()));
            }
            match value {
                Some(value) => batch.insert(key.as_bytes(), value.envelope),
                None => batch.remove(key.as_bytes()),
            }
        }
        batch.insert(Commits::key().as_bytes(), commits.seal());
        self.db.apply_batch(batch).map_err(|error| from_sled(error, "write"))?;
        self.db.flush().map_err(|error| from_sled(error, "flush"))?;
        // sled's flush leaves the disk's own cache alone; this does not.
        self.db_file
            .sync_data()
            .map_err(|error| StoreError::io("cannot sync the state", &self.folder, error))?;
        self.commits = commits;
        self.watermark.write(commits.number)?;
        self.tell();
        self.free(freed);
        self.remove_old_state()
    }

    /// Removes the files of large values that nothing refers to, once no backup reads them.
    fn free(&mut self, freed: Vec<[u8; 32]>) {
        self.doomed.extend(freed);
        if self.doomed.is_empty() || self.shared.pins.load(Ordering::SeqCst) > 0 {
            return;
        }
        let Some(tally) = &self.tally else { return };
        for hash in self.doomed.drain(..).filter(|hash| !tally.refers_to(hash)) {
            self.blobs.remove(hash);
        }
    }

    fn stored(&self, key: &Key) -> Result<Option<IVec>, StoreError> {
        self.db.get(key).map_err(|error| from_sled(error, "read"))
    }

    /// Whether a key has a value, as the first layer says that knows it, or else the tree.
    fn holds(&self, key: &Key, expected: Option<&[u8]>, layers: &[&Group]) -> Result<bool, StoreError> {
        let stored;
        let bytes = match layers.iter().find_map(|layer| layer.values.get(key)) {
            Some(pending) => pending.as_ref().map(|pending| pending.envelope.as_slice()),
            None => {
                stored = self.stored(key)?;
                stored.as_deref()
            }
        };
        Ok(match (bytes, expected) {
            (None, None) => true,
            (None, Some(_)) | (Some(_), None) => false,
            (Some(bytes), Some(expected)) => match envelope::open(key, bytes)? {
                Content::Inline(value) => value == expected,
                Content::Blob(blob) => blob == BlobRef::of(expected),
            },
        })
    }

    fn value(&self, key: &Key, group: &Group) -> Result<Option<Vec<u8>>, StoreError> {
        match group.values.get(key) {
            Some(None) => Ok(None),
            Some(Some(Pending { large: Some(value), .. })) => Ok(Some(value.clone())),
            Some(Some(pending)) => unseal(key, &pending.envelope, &self.blobs).map(Some),
            None => self.stored(key)?.map(|bytes| unseal(key, &bytes, &self.blobs)).transpose(),
        }
    }
}

/// The value of an envelope, from its file if it is there.
pub(super) fn unseal(key: &[u8], bytes: &[u8], blobs: &Blobs) -> Result<Vec<u8>, StoreError> {
    match envelope::open(key, bytes)? {
        Content::Inline(value) => Ok(value.to_vec()),
        Content::Blob(blob) => blobs.read(&blob),
    }
}

fn answer_all(ops: Vec<Op>, error: &StoreError) {
    ops.into_iter().for_each(|op| answer_one(op.answer, Err(error.clone())));
}

fn answer_one(answer: Option<Answer>, result: Result<(), StoreError>) {
    match (answer, result) {
        // Whoever asked may have gone; the batch is committed all the same.
        (Some(answer), result) => drop(answer.send(result)),
        (None, Err(error)) => tracing::error!(%error, "a lazy batch was not stored"),
        (None, Ok(())) => {}
    }
}
