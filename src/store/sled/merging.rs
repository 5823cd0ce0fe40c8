//! Merges the shelves of buckets that have many, a little at a time.
//!
//! A merge reads shelves that never change and writes a new one beside them, so nobody waits for it. The next checkpoint puts
//! it in their place.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::oneshot::{self, error::TryRecvError};

use super::{
    bucket::{Bucket, Shelved},
    folder::room,
    history::{History, Replacement},
    part::{Open, Part},
    staging::{Asked, Extra, Staging},
};
use crate::store::{
    StoreError,
    shelf::{Merge, Step, due, whole},
};

/// Bytes that one step writes.
const STEP: u64 = 1 << 20;
/// A bucket that got nothing new for so long is finished, most likely.
const FINISHED: Duration = Duration::from_secs(600);
/// After a failure, such as a full disk, nothing is merged for so long.
const PAUSE: Duration = Duration::from_secs(60);

/// See the module.
pub(super) struct Merging {
    staging: Arc<Staging>,
    history: Arc<History>,
    pace: Pace,
    /// What the buckets had when they changed last: the largest number of a shelf, and when it was seen first.
    seen: HashMap<String, (u64, Instant)>,
    running: Option<Running>,
    /// Resolves when the last one took its place.
    pending: Option<oneshot::Receiver<Result<(), StoreError>>>,
    failed: Option<Instant>,
}

/// When shelves are merged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Shelves that a bucket may have before some of them are merged.
    pub(super) most: usize,
    /// Whether a finished bucket becomes one shelf.
    pub(super) finishes: bool,
}

struct Running {
    bucket: Arc<Bucket>,
    number: u64,
    inputs: Vec<Arc<Shelved>>,
    merge: Merge,
}

impl Merging {
    pub(super) fn new(staging: Arc<Staging>, history: Arc<History>, pace: Pace) -> Self {
        Self { staging, history, pace, seen: HashMap::new(), running: None, pending: None, failed: None }
    }

    /// Whether [`Merging::step`] has anything to do at once.
    pub(super) fn has_work(&mut self) -> bool {
        if self.running.is_some() {
            return true;
        }
        if let Some(pending) = &mut self.pending {
            if matches!(pending.try_recv(), Err(TryRecvError::Empty)) {
                return false;
            }
            self.pending = None;
        }
        if self.failed.is_some_and(|failed| failed.elapsed() < PAUSE) || self.staging.failure().is_err() {
            return false;
        }
        self.begin().unwrap_or_else(|error| self.has_failed(&error));
        self.running.is_some()
    }

    /// Goes on with the running merge.
    pub(super) fn step(&mut self) {
        let Some(Running { bucket, number, inputs, merge }) = self.running.take() else { return };
        let done = match merge.step(STEP) {
            Ok(Step::More(merge)) => {
                self.running = Some(Running { bucket, number, inputs, merge: *merge });
                return;
            }
            Ok(Step::Done(summary)) => bucket.merged(number, &inputs, summary),
            Err(error) => {
                inputs.iter().for_each(|input| input.blame(&error));
                Err(error)
            }
        };
        let asked = done.and_then(|merged| {
            let (answer, result) = oneshot::channel();
            let what = Extra::Replace(Replacement { merged, inputs });
            self.staging.ask(Asked { what, answer })?;
            Ok(result)
        });
        match asked {
            Ok(result) => self.pending = Some(result),
            Err(error) => {
                bucket.give_up(number);
                self.has_failed(&error);
            }
        }
    }

    fn has_failed(&mut self, error: &StoreError) {
        // A bucket that was dropped meanwhile has no folder.
        tracing::debug!(%error, "shelves were not merged");
        self.failed = Some(Instant::now());
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        let mut buckets = BTreeMap::<String, Vec<Arc<Shelved>>>::new();
        for part in self.history.all() {
            match part {
                Part::Shelf(shelf) => {
                    buckets.entry(shelf.bucket().name().to_owned()).or_default().insert(0, shelf)
                }
                Part::Old(_) => {}
            }
        }
        self.seen.retain(|name, _| buckets.contains_key(name));
        for (name, mut shelves) in buckets {
            let bytes: Vec<u64> = shelves.iter().map(|shelf| shelf.file_bytes()).collect();
            let finished = self.pace.finishes && self.is_finished(name, &shelves);
            let range = due(&bytes, self.pace.most).or_else(|| whole(&bytes).filter(|_| finished));
            let Some(range) = range else { continue };
            let sum: u64 = bytes[range.clone()].iter().sum();
            let inputs: Vec<_> = shelves.drain(range).collect();
            let room = room(&self.staging.folder, self.staging.reserve);
            if inputs.iter().any(|input| input.is_damaged()) || room < sum.saturating_mul(2) {
                continue;
            }
            let bucket = Arc::clone(inputs[0].bucket());
            let mut open = Vec::new();
            for input in &inputs {
                match self.history.opened(&Part::Shelf(Arc::clone(input)))? {
                    Open::Shelf(_, shelf) => open.push(shelf),
                    Open::Old(_) => {}
                }
            }
            let (number, merge) = bucket.merge(open).inspect_err(|error| {
                inputs.iter().for_each(|input| input.blame(error));
            })?;
            self.running = Some(Running { bucket, number, inputs, merge });
            return Ok(());
        }
        Ok(())
    }
}

impl Merging {
    fn is_finished(&mut self, name: String, shelves: &[Arc<Shelved>]) -> bool {
        let newest = shelves.iter().map(|shelf| shelf.rank()).max().unwrap_or_default();
        let seen = self.seen.entry(name).or_insert_with(|| (newest, Instant::now()));
        if seen.0 != newest {
            *seen = (newest, Instant::now());
        }
        seen.1.elapsed() > FINISHED
    }
}

impl Drop for Merging {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.bucket.give_up(running.number);
        }
    }
}
