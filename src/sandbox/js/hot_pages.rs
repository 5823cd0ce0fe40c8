//! The pages of guest memory that nearly every call writes to, made ready before the guest runs.
//!
//! A snapshot's pages are shared until they are written: each first write is a page fault that
//! copies 4 KiB and, with more than one thread, interrupts the other cores to flush their TLBs.
//! Measured over HTTP, that was a third of all CPU time. One `madvise` a range copies the pages
//! without faults; and as ranges are few and dense, wasmtime's pool can restore them by copying
//! (it handles 32 ranges, and unmaps the rest), so the next call finds them ready.
//!
//! Which pages these are is learned by running a typical script at load time (`learn`).

use std::ops::Range;

use rustix::mm::{Advice, madvise};

use super::written::{PAGE, written};

/// Most ranges: below the 32 that wasmtime restores, as a call writes to some others too. More of them are denser, and cost more
/// system calls: of 12 to 28, measured, this was the quickest.
const RANGES: usize = 16;

/// Byte ranges of an instance's memory, ascending, whole pages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct HotPages(Vec<Range<usize>>);

impl HotPages {
    /// The pages that differ between a fresh memory and the same after a call.
    pub(super) fn learn(fresh: &[u8], used: &[u8]) -> Self {
        let pages = fresh.chunks(PAGE).zip(used.chunks(PAGE)).enumerate();
        Self::of(pages.filter(|(_, (fresh, used))| fresh != used).map(|(page, _)| page), fresh.len() / PAGE)
    }

    /// The pages of a memory that nobody else used before which were written to, also with what was there; of its first
    /// `most` pages. Where the kernel does not tell, nothing.
    pub(super) fn written(used: &[u8], most: usize) -> Option<Self> {
        Some(Self::of(written(used)?.into_iter(), most))
    }

    /// Whole pages, the first `most` of them. Where there are too many ranges, those with the smallest gaps between them are joined.
    pub(super) fn of(pages: impl Iterator<Item = usize>, most: usize) -> Self {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for page in pages {
            match ranges.last_mut() {
                Some(last) if last.end == page => last.end = page + 1,
                _ => ranges.push(page..page + 1),
            }
        }
        join(&mut ranges);
        let whole = ranges.into_iter().map(|range| range.start * PAGE..range.end.min(most) * PAGE);
        Self(whole.filter(|range| !range.is_empty()).collect())
    }

    /// The pages that are in either set.
    pub(super) fn with(&self, others: &Self) -> Self {
        let mut all: Vec<_> = self.0.iter().chain(&others.0).cloned().collect();
        all.sort_by_key(|range| range.start);
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for range in all {
            match ranges.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => ranges.push(range),
            }
        }
        join(&mut ranges);
        Self(ranges)
    }

    /// Makes the pages of this memory private and writable. Changes no byte of it.
    pub(super) fn populate(&self, memory: &mut [u8]) {
        for range in &self.0 {
            let Some(pages) = memory.get_mut(range.clone()) else { return };
            // SAFETY: `pages` is mapped memory that we hold exclusively, and MADV_POPULATE_WRITE only faults
            // pages in, as writing their own first byte would.
            let populated =
                unsafe { madvise(pages.as_mut_ptr().cast(), pages.len(), Advice::LinuxPopulateWrite) };
            if populated.is_err() {
                // Kernels before 5.14 do not know it; the pages are then copied one by one as they are written.
                return;
            }
        }
    }

    /// How many bytes are made ready.
    pub(super) fn bytes(&self) -> usize {
        self.0.iter().map(ExactSizeIterator::len).sum()
    }
}

/// Joins those with the smallest gaps between them while there are too many.
fn join(ranges: &mut Vec<Range<usize>>) {
    while ranges.len() > RANGES {
        let gap = |index: &usize| ranges[index + 1].start - ranges[*index].end;
        let Some(index) = (0..ranges.len() - 1).min_by_key(gap) else { break };
        ranges[index].end = ranges[index + 1].end;
        ranges.remove(index + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_pages_are_learned_and_near_ones_joined() {
        let fresh = vec![0u8; 100 * PAGE];
        let mut used = fresh.clone();
        for page in [3, 4, 7, 90] {
            used[page * PAGE + 17] = 1;
        }
        let hot = HotPages::learn(&fresh, &used);
        assert_eq!(hot, HotPages(vec![3 * PAGE..5 * PAGE, 7 * PAGE..8 * PAGE, 90 * PAGE..91 * PAGE]));

        for page in (0..100).step_by(3) {
            used[page * PAGE] = 1;
        }
        let hot = HotPages::learn(&fresh, &used);
        assert!(hot.0.len() <= RANGES);
        assert!((0..100).step_by(3).all(|page| hot.0.iter().any(|range| range.contains(&(page * PAGE)))));
    }

    #[test]
    fn populating_changes_nothing() {
        let mut memory: Vec<u8> = (0..20 * PAGE).map(|byte| byte as u8).collect();
        let before = memory.clone();
        HotPages(vec![PAGE..3 * PAGE, 19 * PAGE..40 * PAGE]).populate(&mut memory);
        assert_eq!(memory, before);
    }
}
