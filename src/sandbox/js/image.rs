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
/// A page that nobody has written to, beyond what the engine's snapshot holds.
const ZEROS: [u8; PAGE] = [0; PAGE];

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
    /// What these pages of `used` have that `fresh` has not, and the numbers of those that differ. `pages` are ascending, and no
    /// other page differs. `fresh` gives a page by its number; nothing for one of zeros.
    pub(super) fn between<'a>(
        fresh: &dyn Fn(usize) -> Option<&'a [u8]>,
        used: &[u8],
        pages: &[usize],
    ) -> (Self, Vec<usize>) {
        let (mut ranges, mut changed) = (Vec::<std::ops::Range<usize>>::new(), Vec::new());
        let mut differs = |start: usize, end: usize| match ranges.last_mut() {
            Some(last) if start - last.end < GAP => last.end = end,
            _ => ranges.push(start..end),
        };
        for number in pages {
            let start = number * PAGE;
            let (before, after) = (fresh(*number).unwrap_or(&ZEROS), &used[start..][..PAGE]);
            if before == after {
                continue;
            }
            changed.push(*number);
            for piece in (0..PAGE).step_by(PIECE) {
                if before[piece..][..PIECE] != after[piece..][..PIECE] {
                    differs(start + piece, start + piece + PIECE);
                }
            }
        }
        let parts = ranges.into_iter().map(|range| (range.start, used[range].into())).collect();
        let (hot, pace) = (HotPages::default(), Pace::default());
        (Self { size: used.len(), parts, hot, pace, home: None }, changed)
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
        let page = |number: usize| fresh.get(number * PAGE..)?.get(..PAGE);
        let (image, changed) = Image::between(&page, &used, &(0..used.len() / PAGE).collect::<Vec<_>>());
        assert_eq!(changed, [0, 17, 32, 34]);
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
