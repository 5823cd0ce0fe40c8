//! A script image: what a fresh instance's memory becomes when the script's top level has been evaluated.
//!
//! Made once a version, copied into each run's instance: no run parses or evaluates anything again. Only memory
//! needs carrying, as the guest keeps all its state there. A script whose top level asked the host for anything (the
//! clock, randomness, a log line) has no image: that belongs to each run alone. `make_image` makes one.

use wasmtime::{AsContextMut, Memory};

use super::{hot_pages::HotPages, kept::Home, pace::Pace, pristine::Pristine, written::PAGE};

/// Memory is compared in pieces of this size.
const PIECE: usize = 64;
/// Pieces this near to each other are kept as one.
const GAP: usize = 256;
/// What memory grows by, bytes.
const WASM_PAGE: usize = 64 << 10;
/// The memory of a prepared script; the module's documentation says how it is used.
#[derive(Debug)]
pub struct Image {
    /// How large the memory is.
    size: usize,
    /// Where it differs from a fresh one, ascending.
    parts: Vec<(usize, Box<[u8]>)>,
    /// The pages to make ready before.
    pub(super) hot: HotPages,
    /// How long its calls take.
    pub(super) pace: Pace,
    /// Where instances of it are kept, if they are.
    pub(super) home: Option<Home>,
}

impl Image {
    /// What `used` has that `fresh` has not.
    pub(super) fn between(fresh: &[u8], used: &[u8]) -> Self {
        let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
        let mut differs = |start: usize, end: usize| match ranges.last_mut() {
            Some(last) if start - last.end < GAP => last.end = end,
            _ => ranges.push(start..end),
        };
        // Page by page first: nearly all are alike.
        for start in (0..used.len()).step_by(WASM_PAGE / 16) {
            let end = (start + WASM_PAGE / 16).min(used.len());
            if fresh.get(start..end) == Some(&used[start..end]) {
                continue;
            }
            for piece in (start..end).step_by(PIECE) {
                let after = (piece + PIECE).min(end);
                let same = match fresh.get(piece..after) {
                    Some(before) => before == &used[piece..after],
                    // What memory grew by is zero at first.
                    None => used[piece..after].iter().all(|byte| *byte == 0),
                };
                if !same {
                    differs(piece, after);
                }
            }
        }
        let parts = ranges.into_iter().map(|range| (range.start, used[range].into())).collect();
        Self { size: used.len(), parts, hot: HotPages::default(), pace: Pace::default(), home: None }
    }

    /// Makes the memory of a fresh instance what it was.
    pub(super) fn restore(&self, memory: Memory, mut store: impl AsContextMut) -> wasmtime::Result<()> {
        let size = memory.data_size(&store);
        if size < self.size {
            memory.grow(&mut store, ((self.size - size) / WASM_PAGE) as u64)?;
        }
        let bytes = memory.data_mut(&mut store);
        for (start, part) in &self.parts {
            let target = bytes
                .get_mut(*start..start + part.len())
                .ok_or_else(|| wasmtime::Error::msg("the image does not fit"))?;
            target.copy_from_slice(part);
        }
        Ok(())
    }

    /// Makes these pages of a used instance's memory, by their numbers in ascending order, what the image has there.
    pub(super) fn put_back(&self, fresh: &Pristine, memory: &mut [u8], pages: &[usize]) {
        for number in pages {
            self.write(fresh, *number, &mut memory[number * PAGE..][..PAGE]);
        }
    }

    fn write(&self, fresh: &Pristine, number: usize, page: &mut [u8]) {
        match fresh.page(number) {
            Some(fresh) => page.copy_from_slice(fresh),
            None => page.fill(0),
        }
        let start = number * PAGE;
        for (at, part) in self.parts_from(start).take_while(|(at, _)| *at < start + PAGE) {
            let (from, to) = ((*at).max(start), (at + part.len()).min(start + PAGE));
            page[from - start..to - start].copy_from_slice(&part[from - at..to - at]);
        }
    }

    /// Whether this page of a memory is what the image has there.
    pub(super) fn is_in(&self, fresh: &Pristine, memory: &[u8], number: usize) -> bool {
        let mut page = [0; PAGE];
        self.write(fresh, number, &mut page);
        memory[number * PAGE..][..PAGE] == page
    }

    /// Whether the image has something else in this page than a fresh memory.
    pub(super) fn touches(&self, page: usize) -> bool {
        self.parts_from(page * PAGE).next().is_some_and(|(at, _)| *at < (page + 1) * PAGE)
    }

    /// The parts that end after this place.
    fn parts_from(&self, start: usize) -> impl Iterator<Item = &(usize, Box<[u8]>)> {
        let first = self.parts.partition_point(|(at, part)| at + part.len() <= start);
        self.parts[first..].iter()
    }

    /// How large the memory is, bytes.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// The bytes that the image takes of the server's memory.
    pub fn bytes(&self) -> usize {
        let part = |(_, part): &(usize, Box<[u8]>)| part.len() + size_of::<(usize, Box<[u8]>)>();
        self.parts.iter().map(part).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_holds_what_differs_and_no_more() {
        let mut fresh = vec![0u8; 2 * WASM_PAGE];
        fresh[70_000] = 9;
        let mut used = fresh.clone();
        used.resize(3 * WASM_PAGE, 0);
        for place in [5, 70_000, 70_400, 140_000, 2 * WASM_PAGE + 7] {
            used[place] = 3;
        }
        let image = Image::between(&fresh, &used);
        assert_eq!(image.size, 3 * WASM_PAGE);
        assert!(image.bytes() < 6 * (PIECE + 2 * GAP), "{}", image.bytes());
        let mut copy = fresh.clone();
        copy.resize(image.size, 0);
        for (start, part) in &image.parts {
            copy[*start..start + part.len()].copy_from_slice(part);
        }
        assert!(copy == used);
    }
}
