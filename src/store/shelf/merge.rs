//! Several shelves as one: in order, and of each key the newest value.

use std::{path::Path, sync::Arc};

use super::{
    layout::Summary,
    read::{Cursor, Kept, Shelf},
    write::Writer,
};
use crate::store::StoreError;

/// No fewer are merged.
const LEAST: usize = 3;
/// What is merged into one, bytes: neither the memory for its index nor the work for a shelf grows beyond.
const LARGEST: u64 = 256 << 20;

/// The pairs of several shelves, in order.
pub(in crate::store) struct Merged {
    /// The newest first, each with the pair that comes next.
    cursors: Vec<(Cursor, Option<Kept>)>,
}

impl Merged {
    /// Of `shelves`, of which the newest stands last.
    ///
    /// # Errors
    /// Those of [`Shelf::get`].
    pub(in crate::store) fn new(shelves: impl IntoIterator<Item = Arc<Shelf>>) -> Result<Self, StoreError> {
        let cursors = shelves.into_iter().map(|shelf| {
            let mut cursor = Cursor::new(shelf);
            let first = cursor.next()?;
            Ok((cursor, first))
        });
        let mut cursors = cursors.collect::<Result<Vec<_>, StoreError>>()?;
        cursors.reverse();
        Ok(Self { cursors })
    }

    /// The next pair: of those with the same key the newest.
    ///
    /// # Errors
    /// Those of [`Shelf::get`].
    pub(in crate::store) fn next(&mut self) -> Result<Option<Kept>, StoreError> {
        let least = self.cursors.iter().filter_map(|(_, pair)| pair.as_ref()).map(|(key, _)| key).min();
        let Some(least) = least.cloned() else { return Ok(None) };
        let mut newest = None;
        for (cursor, pair) in &mut self.cursors {
            if pair.as_ref().is_some_and(|(key, _)| *key == least) {
                let kept = std::mem::replace(pair, cursor.next()?);
                newest = newest.or(kept);
            }
        }
        Ok(newest)
    }
}

/// A merge on its way, done in steps.
pub(in crate::store) struct Merge {
    merged: Merged,
    writer: Writer,
}

impl Merge {
    /// Begins to write `shelves`, of which the newest stands last, as one.
    ///
    /// # Errors
    /// Those of [`Shelf::get`] and [`Writer::create`].
    pub(in crate::store) fn begin(
        path: &Path,
        shelves: impl IntoIterator<Item = Arc<Shelf>>,
    ) -> Result<Self, StoreError> {
        Ok(Self { merged: Merged::new(shelves)?, writer: Writer::create(path)? })
    }

    /// Goes on for about so many bytes; gives itself back when there is more to do.
    ///
    /// # Errors
    /// As [`Merge::begin`]. After one the file is of no use.
    pub(in crate::store) fn step(mut self, bytes: u64) -> Result<Step, StoreError> {
        let upto = self.writer.written() + bytes;
        while self.writer.written() < upto {
            match self.merged.next()? {
                Some((key, value)) => self.writer.add(&key, &value)?,
                None => return Ok(Step::Done(self.writer.finish()?)),
            }
        }
        Ok(Step::More(Box::new(self)))
    }
}

/// What became of a step.
pub(in crate::store) enum Step {
    More(Box<Merge>),
    /// The file is whole and durable, but not its name.
    Done(Summary),
}

/// Which of a bucket's shelves to merge, by their bytes, the newest last; none while there are few. Those that are merged are
/// the newest, as long as an older one is no larger than all of them: so a value is written again a few times, not with
/// each merge. Few are up to `most`.
pub(in crate::store) fn due(bytes: &[u64], most: usize) -> Option<std::ops::Range<usize>> {
    // The largest stand for themselves; nothing that lies before one may move behind it.
    let from = bytes.iter().rposition(|bytes| *bytes >= LARGEST).map_or(0, |last| last + 1);
    if bytes.len() - from <= most {
        return None;
    }
    let mut first = bytes.len();
    let mut sum = 0_u64;
    while first > from
        && (bytes.len() - first < LEAST || bytes[first - 1] <= sum)
        && sum + bytes[first - 1] <= 2 * LARGEST
    {
        first -= 1;
        sum += bytes[first];
    }
    (bytes.len() - first >= 2).then_some(first..bytes.len())
}

/// All of a bucket's shelves, if there is more than one and they may become one.
pub(in crate::store) fn whole(bytes: &[u64]) -> Option<std::ops::Range<usize>> {
    (bytes.len() > 1 && bytes.iter().sum::<u64>() <= LARGEST).then_some(0..bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_small_shelves_become_few_and_each_byte_is_written_few_times() {
        // One a minute for a day, and for an hour.
        for (most, count, times) in [(8, 1_440, 6), (4, 60, 4)] {
            let (mut shelves, mut written) = (Vec::<u64>::new(), 0);
            for _ in 0..count {
                shelves.push(1_000);
                while let Some(range) = due(&shelves, most) {
                    let sum = shelves[range.clone()].iter().sum();
                    written += sum;
                    shelves.splice(range, [sum]);
                }
                assert!(shelves.len() <= most, "{shelves:?}");
            }
            assert_eq!(shelves.iter().sum::<u64>(), count * 1_000);
            assert!(written < times * count * 1_000, "each byte {} times", written / (count * 1_000));
        }
    }

    #[test]
    fn the_largest_are_left_alone() {
        let large = LARGEST + 1;
        assert_eq!(due(&[large; 30], 8), None);
        assert_eq!(due(&[large, large, 1, 1, 1, 1, 1, 1, 1, 1, 1], 8), Some(2..11));
        assert_eq!(due(&[1, 1, 1, 1, 1, 1, 1, 1], 8), None);
        assert_eq!(due(&[LARGEST - 1; 9], 8), Some(7..9));
        assert_eq!((whole(&[1]), whole(&[LARGEST, 1])), (None, None));
        assert_eq!(whole(&[LARGEST / 2; 2]), Some(0..2));
    }
}
