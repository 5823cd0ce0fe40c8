//! Puts an instance back to its image after a call that ended well, so that the next call of the script need not make one.
//!
//! Nothing of a call may reach the next one. All that outlives a call is in the guest's memory: `frozen` checks that no
//! instruction of the engine changes a table or a segment, the only global is the stack pointer, which is back where it was
//! once a call has returned, and everything on the host's side is made anew. In the memory every page that was written to is
//! copied back from the image. Which pages these are the kernel knows (`written`): all at the first time, and from then on more of them
//! only after a call with page faults.
//!
//! What trapped, failed, or grew its memory is never used again.

use std::sync::Arc;

use super::{
    guest_instance::GuestInstance,
    image::Image,
    kept::{Kept, Ready},
    written::{PAGE, faults, give_back, in_small_pages, written},
};

/// With more pages than this an instance is not kept: 4 MiB, which take as long to copy as an instance to make.
const PAGES_MOST: usize = 1 << 10;

/// What becomes of an instance when its call ends well.
pub(super) struct Reuse {
    image: Arc<Image>,
    kept: Arc<Kept>,
    /// What it is known to have written to; nothing for a fresh instance.
    written: Option<Vec<usize>>,
    /// Whether it may have written to more.
    faulted: bool,
    before: Option<i64>,
}

impl Reuse {
    /// Of an instance that is made for its call.
    pub(super) fn of_fresh(image: &Arc<Image>, kept: &Arc<Kept>) -> Self {
        let (image, kept) = (Arc::clone(image), Arc::clone(kept));
        Self { image, kept, written: None, faulted: true, before: None }
    }

    /// Of one that was kept.
    pub(super) fn of_kept(image: &Arc<Image>, kept: &Arc<Kept>, written: Vec<usize>, is_sure: bool) -> Self {
        Self { written: Some(written), faulted: !is_sure, ..Self::of_fresh(image, kept) }
    }

    /// The guest is entered by this thread.
    pub(super) fn enters(&mut self) {
        if !self.faulted {
            self.before = faults();
        }
    }

    /// The guest has returned, on the same thread.
    pub(super) fn left(&mut self) {
        if !self.faulted {
            self.faulted = self.before.is_none() || self.before != faults();
        }
    }

    /// Puts the instance back and keeps it; drops it where that cannot be.
    pub(super) fn put_back(mut self, mut guest: GuestInstance) {
        let Some(id) = self.image.home.as_ref().map(|home| home.id) else { return };
        let Ok(bytes) = guest.bytes() else { return };
        if bytes.len() != self.image.size() {
            return;
        }
        // Tests look at each one.
        let is_audited = cfg!(debug_assertions) || self.kept.is_audited();
        let Some(mut written) = self.pages(bytes) else { return };
        if written.len() > PAGES_MOST {
            return;
        }
        let before = faults();
        self.image.put_back(&self.kept.pristine, bytes, &written);
        let is_sure = before.is_some() && before == faults();
        if is_audited && !self.holds(bytes, &mut written) {
            tracing::error!(
                "an instance was written to unnoticed, so none is kept for a next call from now on; please report it"
            );
            debug_assert!(false, "an instance was written to unnoticed");
            return self.kept.turn_off();
        }
        let held = guest.store.data().limiter.held();
        let ready = Ready { guest, written, is_sure, held };
        self.kept.put(id, Box::new(ready));
    }

    /// The pages that have to be copied back.
    fn pages(&mut self, bytes: &mut [u8]) -> Option<Vec<usize>> {
        let Some(known) = self.written.take() else { return self.first_pages(bytes) };
        if !self.faulted {
            return Some(known);
        }
        let mut pages = written(bytes)?;
        pages.extend(known);
        pages.sort_unstable();
        pages.dedup();
        Some(pages)
    }

    /// The pages of an instance that was made for its call. Its memory may have belonged to another instance before, whose pages are
    /// private still, with the bytes of a fresh one: these are given back, to have less to copy.
    fn first_pages(&self, bytes: &mut [u8]) -> Option<Vec<usize>> {
        if !in_small_pages(bytes) {
            return None;
        }
        let (mut needed, mut needless) = (Vec::new(), Vec::new());
        for page in written(bytes)? {
            let is_fresh = !self.image.touches(page) && self.kept.pristine.is_in(bytes, page);
            if is_fresh { needless.push(page) } else { needed.push(page) }
        }
        for run in needless.chunk_by(|before, after| before + 1 == *after) {
            let range = run[0] * PAGE..(run[run.len() - 1] + 1) * PAGE;
            let given = give_back(&mut bytes[range]);
            let is_fresh = |page: &usize| self.kept.pristine.is_in(bytes, *page);
            if !given || !run.iter().all(is_fresh) {
                return None;
            }
        }
        Some(needed)
    }

    /// Whether the kernel knows of no page besides these that has anything else than the image. One that has the same may have been read
    /// only; it counts as written to from now on.
    fn holds(&self, bytes: &[u8], known: &mut Vec<usize>) -> bool {
        let Some(mut pages) = written(bytes) else { return false };
        pages.retain(|page| known.binary_search(page).is_err());
        if !pages.iter().all(|page| self.image.is_in(&self.kept.pristine, bytes, *page)) {
            return false;
        }
        known.extend(pages);
        known.sort_unstable();
        true
    }
}
