//! Reads a log back after a start.
//!
//! A frame that is torn was never answered and ends the log. Damage is something else: a frame behind it that is whole
//! proves that the torn one was durable once. So does the watermark, which the caller compares.

use std::{fs, path::Path};

use super::{
    files::{failed, names},
    frame::{ALIGN, Sealed, Write},
    segment::{self, HEADER},
};
use crate::store::StoreError;

/// Gives `take` every batch with a number above `held` in its order; gives the number of the last one, or `held`.
///
/// # Errors
/// `Corrupt` when batches are missing between `held` and the end, `NewerVersion`, `Io`.
pub(in crate::store) fn replay(
    folder: &Path,
    held: u64,
    mut take: impl FnMut(u64, Vec<Write>) -> Result<(), StoreError>,
) -> Result<u64, StoreError> {
    let mut segments: Vec<_> =
        names(folder)?.into_iter().filter_map(|path| Some((segment::number(&path)?, path))).collect();
    segments.sort();
    // Those behind which the next one begins with batches that the tree holds, or with the first that it does not.
    let old = segments.iter().skip(1).take_while(|(first, _)| *first <= held + 1).count();
    let mut last = held;
    for (first, path) in segments.into_iter().skip(old) {
        let bytes = fs::read(&path).map_err(|error| failed("read", &path, error))?;
        let corrupt = |what: String| StoreError::corrupt(path.display(), what);
        segment::check_head(&path, first, &bytes)?;
        let missing = |from: u64, to: u64| corrupt(format!("commits {from} to {to} are missing before it"));
        // A segment is made when all before it is durable, or with the number behind the last batch that a start found.
        if first > last + 1 {
            return Err(missing(last + 1, first - 1));
        }
        let mut at = HEADER as usize;
        while let Some(frame) = bytes.get(at..).and_then(|rest| Sealed::read(first, rest)) {
            if frame.first > last + 1 {
                return Err(missing(last + 1, frame.first - 1));
            }
            let batches =
                frame.batches().ok_or_else(|| corrupt(format!("the frame at {at} is malformed")))?;
            for (number, batch) in (frame.first..).zip(batches) {
                if number > last {
                    last = number;
                    take(number, batch)?;
                }
            }
            at += frame.length;
        }
        if let Some(later) = whole_frame(first, &bytes, at, last) {
            return Err(missing(last + 1, later - 1));
        }
    }
    Ok(last)
}

/// The first number of a whole frame behind `at`, with numbers above `last`.
fn whole_frame(segment: u64, bytes: &[u8], at: usize, last: u64) -> Option<u64> {
    let mut places = (at.next_multiple_of(ALIGN)..bytes.len()).step_by(ALIGN);
    places.find_map(|place| {
        let rest = &bytes[place..];
        let (first, ..) = Sealed::claimed(rest)?;
        let plausible = first > last && first - last < u64::from(u32::MAX);
        plausible.then(|| Sealed::read(segment, rest))?.map(|frame| frame.first)
    })
}
