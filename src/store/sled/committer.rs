//! The one thread that writes: group commit with expectations, then flush and fdatasync, then the answers.
//!
//! Nobody else writes, so an expectation that holds when it is checked holds when the batch is applied.
//! After a failed write or sync nothing more is promised: the kernel may have dropped the dirty pages, and
//! a second sync would succeed without them (LWN 752063, "PostgreSQL's fsync() surprise").

use std::{
    collections::HashMap,
    fs::File,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use sled::{Db, IVec};
use tokio::sync::watch;

use super::{
    blobs::{Blobs, Staged},
    check::Audit,
    commits::Commits,
    envelope::{self, BlobRef, Content, INLINE_MAX},
    folder::free_space,
    queue::{Answer, Next, Op, Queue},
    watermark::Watermark,
};
use crate::store::{Batch, Key, StoreError, batch::Write};

/// How long an audit waits for something to write before each of its steps: it takes a tenth of the thread.
const AUDIT_PAUSE: Duration = Duration::from_millis(5);

/// All that the thread owns.
pub(super) struct Committer {
    pub(super) db: Db,
    /// A handle of its own on sled's file: each handle is told of a failed write-back once.
    pub(super) db_file: File,
    pub(super) blobs: Arc<Blobs>,
    pub(super) commits: Commits,
    /// What is left of the check of a store that was too large for the start.
    pub(super) audit: Option<Audit>,
    pub(super) watermark: Watermark,
    pub(super) folder: PathBuf,
    /// Bytes of the disk that stay free, so that sled itself never meets a full disk.
    pub(super) reserve: u64,
    pub(super) failed: Arc<watch::Sender<Option<StoreError>>>,
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
    values: HashMap<Key, Option<Pending>>,
    /// The checksums in the tree before the group.
    before: HashMap<Key, Option<u32>>,
    staged: Vec<Staged>,
}

impl Committer {
    /// Writes groups until the queue is closed and empty.
    pub(super) fn run(mut self, queue: &Queue) {
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
            let outcome = catch_unwind(AssertUnwindSafe(|| match ops.is_empty() {
                true => self.audit(),
                false => self.commit(ops),
            }));
            if outcome.is_err() {
                self.poison("sled panicked");
            }
        }
        if let Err(error) = self.watermark.sync() {
            tracing::error!(%error, "the watermark is not durable");
        }
    }

    fn poison(&self, reason: impl ToString) -> StoreError {
        let error = StoreError::Failed { reason: reason.to_string() };
        tracing::error!(%error, "the store takes no more commits");
        self.failed.send_if_modified(|failed| failed.replace(error.clone()).is_none());
        error
    }

    fn audit(&mut self) {
        let Some(audit) = &mut self.audit else { return };
        match audit.step(&self.db, &self.blobs, &self.commits) {
            Ok(false) => {}
            Ok(true) => self.audit = None,
            Err(error) => drop(self.poison(error)),
        }
    }

    fn commit(&mut self, ops: Vec<Op>) {
        let mut room = free_space(&self.folder).map_or(u64::MAX, |free| free.saturating_sub(self.reserve));
        let mut group = Group::default();
        let mut results = Vec::with_capacity(ops.len());
        // Until the end: each op holds its place in the bounded queue.
        let mut held = Vec::with_capacity(ops.len());
        for mut op in ops {
            let result = self.gather(std::mem::take(&mut op.batch), &mut room, &mut group);
            results.push((op.answer.take(), result));
            held.push(op);
        }
        if !group.values.is_empty()
            && let Err(error) = self.write(group)
        {
            let error = match error {
                // What it says elsewhere, that nothing was stored, cannot be said here.
                StoreError::Full { place } => {
                    self.poison(format!("the disk under {} filled up while writing", place.display()))
                }
                error => self.poison(error),
            };
            results.iter_mut().for_each(|(_, result)| *result = Err(error.clone()));
        }
        drop(held);
        results.into_iter().for_each(|(answer, result)| answer_one(answer, result));
    }

    /// Checks one batch against the tree and the group, and adds its writes to the group.
    fn gather(&self, batch: Batch, room: &mut u64, group: &mut Group) -> Result<(), StoreError> {
        for (key, expected) in batch.expectations {
            if !self.holds(&key, expected.as_deref(), &[group])? {
                return Err(StoreError::Conflict { found: self.value(&key, group)?, key });
            }
        }
        let sizes = batch.writes.iter().map(|(_, write)| match write {
            Write::Put(value) => value.len() as u64,
            Write::Delete | Write::DeleteIf(_) => 0,
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
        for (key, write) in batch.writes {
            if let Write::DeleteIf(value) = &write
                && !self.holds(&key, Some(value), &[&own, group])?
            {
                continue;
            }
            if !group.before.contains_key(&key) && !own.before.contains_key(&key) {
                let stored = self.stored(&key)?;
                own.before.insert(key.clone(), stored.map(|bytes| envelope::sum(&bytes)));
            }
            let pending = match write {
                Write::Delete | Write::DeleteIf(_) => None,
                Write::Put(value) if value.len() <= INLINE_MAX => {
                    Some(Pending { envelope: envelope::inline(&key, &value), large: None })
                }
                Write::Put(value) => {
                    let file = self.blobs.stage(&value, group.staged.len() + own.staged.len())?;
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

    /// Makes a group durable. After an error it is open what of it is stored.
    fn write(&mut self, group: Group) -> Result<(), StoreError> {
        self.blobs.publish(group.staged)?;
        let mut commits = self.commits;
        commits.number += 1;
        let mut batch = sled::Batch::default();
        for (key, value) in group.values {
            let before = group.before.get(&key).copied().flatten();
            let after = value.as_ref().map(|value| envelope::sum(&value.envelope));
            commits.count(before, after);
            if let Some(audit) = &mut self.audit {
                audit.written(&key, before, after);
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
        self.watermark.write(commits.number)
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

/// sled's error in our words.
pub(super) fn from_sled(error: sled::Error, doing: &str) -> StoreError {
    match error {
        sled::Error::Io(error) => {
            StoreError::io(format!("cannot {doing} the state"), "the data folder", error)
        }
        sled::Error::Corruption { at, .. } => StoreError::corrupt(
            "the state",
            at.map_or("no place given".to_owned(), |at| format!("at {at:?}")),
        ),
        error @ (sled::Error::CollectionNotFound(_)
        | sled::Error::Unsupported(_)
        | sled::Error::ReportableBug(_)) => {
            StoreError::io(format!("cannot {doing} the state"), "the data folder", io::Error::other(error))
        }
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
