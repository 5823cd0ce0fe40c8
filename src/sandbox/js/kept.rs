//! Instances that ended well, each put back to what it was before its call, for the next calls of their scripts.
//!
//! An instance serves one script alone, that of its image. There are few of them: they hold memory while nobody uses them.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use super::{guest_instance::GuestInstance, pristine::Pristine, written::PAGE};

/// One reset in so many is audited.
const AUDIT_EVERY: u64 = 64;

/// An image, as long as it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ImageId(u64);

/// An instance that is what it was before its call.
pub(super) struct Ready {
    pub(super) guest: GuestInstance,
    /// The pages that its calls wrote to, ascending. Only to these can be written without a page fault.
    pub(super) written: Vec<usize>,
    /// Whether these are all for sure.
    pub(super) is_sure: bool,
    /// Bytes that it holds by the count of its limiter.
    pub(super) held: usize,
}

/// What there is for a call.
pub(super) enum Taken {
    /// An instance as the image has it.
    Ready(Box<Ready>),
    /// None, but its instance is to be kept: the script was called a short while before.
    Wanted,
    /// None, and others are called more often.
    Not,
}

/// All that is kept.
pub(super) struct Kept {
    pub(super) pristine: Pristine,
    state: Mutex<State>,
    most: Most,
    next_image: AtomicU64,
    resets: AtomicU64,
    is_off: AtomicBool,
}

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most {
    /// Instances of all scripts together.
    pub(super) instances: usize,
    /// Instances of one script.
    pub(super) of_one: usize,
    /// Pages that all of them wrote to.
    pub(super) pages: usize,
}

impl Most {
    /// For so many slots and cores, and a budget of so many bytes for all guests: a sixteenth of it.
    pub(super) fn of(slots: usize, cores: usize, memory: u64) -> Self {
        let pages = usize::try_from(memory / 16 / PAGE as u64).unwrap_or(usize::MAX);
        Self { instances: Self::instances(slots), of_one: 2 * cores, pages }
    }

    /// The most instances at once, for so many slots.
    pub(super) fn instances(slots: usize) -> usize {
        (2 * slots).min(64)
    }
}

#[derive(Default)]
struct State {
    /// Those that were used last come last.
    ready: Vec<(ImageId, Box<Ready>)>,
    /// The images that there was no instance for lately, the last one last: as many as instances may be kept. A script counts
    /// as called often when it is called again while it is here. So a thousand scripts in turns do not drive out each other's instances.
    missed: VecDeque<ImageId>,
}

impl State {
    /// Pages that all of them wrote to.
    fn pages(&self) -> usize {
        self.ready.iter().map(|(_, ready)| ready.written.len()).sum()
    }
}

impl Kept {
    pub(super) fn new(pristine: Pristine, most: Most) -> Self {
        Self {
            pristine,
            state: Mutex::default(),
            most,
            next_image: AtomicU64::new(0),
            resets: AtomicU64::new(0),
            is_off: AtomicBool::new(false),
        }
    }

    /// A name for an image, which is forgotten with the image.
    pub(super) fn home(self: &Arc<Self>) -> Home {
        Home { kept: Arc::downgrade(self), id: ImageId(self.next_image.fetch_add(1, Ordering::Relaxed)) }
    }

    /// An instance of this image, for a call that may hold so many bytes.
    pub(super) fn take(&self, image: ImageId, limit: usize) -> Taken {
        if self.is_off.load(Ordering::Relaxed) {
            return Taken::Not;
        }
        let mut state = self.state();
        let fits = |(of, ready): &(ImageId, Box<Ready>)| *of == image && ready.held <= limit;
        if let Some(index) = state.ready.iter().rposition(fits) {
            let (_, ready) = state.ready.remove(index);
            return Taken::Ready(ready);
        }
        if state.missed.contains(&image) {
            return Taken::Wanted;
        }
        if state.missed.len() >= self.most.instances {
            state.missed.pop_front();
        }
        state.missed.push_back(image);
        Taken::Not
    }

    /// Keeps an instance; whoever was used longest ago goes where there is no room.
    pub(super) fn put(&self, image: ImageId, ready: Box<Ready>) {
        // Dropped after the lock: to end an instance takes long.
        let mut gone = Vec::new();
        let mut state = self.state();
        let of_one = state.ready.iter().filter(|(of, _)| *of == image).count();
        if of_one >= self.most.of_one || ready.written.len() > self.most.pages {
            drop(state);
            return;
        }
        state.ready.push((image, ready));
        while state.ready.len() > self.most.instances || state.pages() > self.most.pages {
            gone.push(state.ready.remove(0));
        }
        drop(state);
    }

    /// Whether it is the turn of this reset to be looked at closely.
    pub(super) fn is_audited(&self) -> bool {
        self.resets.fetch_add(1, Ordering::Relaxed).is_multiple_of(AUDIT_EVERY)
    }

    /// Keeps nothing from now on: what makes it safe does not hold on this machine.
    pub(super) fn turn_off(&self) {
        self.is_off.store(true, Ordering::Relaxed);
        let gone = std::mem::take(&mut *self.state());
        drop(gone);
    }

    /// Shows the memory of each instance of this image, and the pages that were written to.
    #[cfg(test)]
    pub(super) fn each_of(&self, image: ImageId, mut look: impl FnMut(&[u8], &[usize])) {
        let mut state = self.state();
        for (_, ready) in state.ready.iter_mut().filter(|(of, _)| *of == image) {
            look(ready.guest.bytes().unwrap(), &ready.written);
        }
    }

    /// How many instances are kept.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.state().ready.len()
    }

    fn forget(&self, image: ImageId) {
        let mut state = self.state();
        let (gone, stay): (Vec<_>, Vec<_>) =
            std::mem::take(&mut state.ready).into_iter().partition(|(of, _)| *of == image);
        state.ready = stay;
        state.missed.retain(|missed| *missed != image);
        drop(state);
        drop(gone);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the instances of an image are kept. With it they go.
#[derive(Debug)]
pub(super) struct Home {
    kept: Weak<Kept>,
    pub(super) id: ImageId,
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(kept) = self.kept.upgrade() {
            kept.forget(self.id);
        }
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("most", &self.most).finish_non_exhaustive()
    }
}
