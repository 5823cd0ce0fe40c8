//! A script image: what a fresh instance's memory becomes when the script's top level has been evaluated.
//!
//! Made once a version, copied into each run's instance: no run parses or evaluates anything again. Only memory
//! needs carrying, as the guest keeps all its state there. A script whose top level asked the host for anything (the
//! clock, randomness, a log line) has no image: that belongs to each run alone. `make_image` makes one.

use wasmtime::{AsContextMut, Memory};

use super::hot_pages::HotPages;

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
        Self { size: used.len(), parts, hot: HotPages::default() }
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
