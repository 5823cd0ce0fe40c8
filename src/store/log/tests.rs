//! What a log gives back after a crash, and what it refuses.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use tempfile::TempDir;

use super::*;

fn value(number: u64) -> Vec<u8> {
    vec![number as u8; number as usize * 37 % 700]
}

/// Writes frames of one to three batches up to the number `last`; gives where each frame ends, and its last number.
fn write(log: &mut Log, next: u64, last: u64) -> Vec<u64> {
    let (mut frame, mut number, mut ends) = (Frame::default(), next, Vec::new());
    while number <= last {
        let upto = (number + number % 3).min(last);
        for number in number..=upto {
            let (key, value) = (number.to_be_bytes(), value(number));
            let changes = [(&key[..], Change::Put(&value[..])), (&b"last"[..], Change::Delete)];
            frame.push(number, changes.into_iter());
        }
        log.append(&mut frame).unwrap();
        log.sync().unwrap();
        frame.clear();
        ends.push(upto);
        number = upto + 1;
    }
    ends
}

fn read(folder: &Path, held: u64) -> Result<(u64, Vec<u64>), StoreError> {
    let mut numbers = Vec::new();
    let last = replay(folder, held, |number, batch| {
        assert_eq!(batch.len(), 2);
        assert_eq!(batch[0], (number.to_be_bytes().to_vec().into(), Change::Put(value(number))));
        assert_eq!(batch[1].1, Change::Delete);
        numbers.push(number);
        Ok(())
    })?;
    Ok((last, numbers))
}

/// Where the last frame ends: what follows was never written.
fn used(segment: &[u8]) -> usize {
    segment.iter().rposition(|byte| *byte != 0).unwrap() + 1
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let mut paths = names(folder).unwrap();
    paths.sort();
    paths
}

/// A log of one segment with the numbers 1 to 60.
fn one_segment() -> (TempDir, Vec<u64>) {
    let folder = tempfile::tempdir().unwrap();
    let ends = write(&mut Log::open(folder.path(), 1, 0).unwrap(), 1, 60);
    (folder, ends)
}

#[test]
fn everything_behind_what_the_tree_holds_comes_back_in_its_order() {
    let (folder, _) = one_segment();
    for held in [0, 1, 17, 59, 60] {
        assert_eq!(read(folder.path(), held).unwrap(), (60, (held + 1..=60).collect()), "{held}");
    }
    // A start goes on in a segment of its own.
    let mut log = Log::open(folder.path(), 61, 0).unwrap();
    assert_eq!(read(folder.path(), 30).unwrap().0, 60);
    write(&mut log, 61, 90);
    assert_eq!(read(folder.path(), 30).unwrap(), (90, (31..=90).collect()));
    assert_eq!(read(folder.path(), 75).unwrap(), (90, (76..=90).collect()));
    assert_eq!(replay(Path::new("/nowhere/at/all"), 5, |_, _| Ok(())).unwrap(), 5);
}

#[test]
fn a_log_that_is_cut_anywhere_ends_with_its_last_whole_frame() {
    let (folder, ends) = one_segment();
    let path = segments(folder.path()).remove(0);
    let whole = fs::read(&path).unwrap();
    let used = used(&whole);
    let mut seen = std::collections::BTreeSet::new();
    // The rest of the segment is unused.
    let whole = &whole[..used.next_multiple_of(4096)];
    for at in (HEADER as usize..used).step_by(7) {
        // Cut off, and torn: zeros where the rest was not written.
        let mut torn = whole.to_vec();
        torn[at..].fill(0);
        fs::write(&path, if at % 2 == 0 { &whole[..at] } else { &torn }).unwrap();
        let (last, numbers) = read(folder.path(), 0).unwrap();
        assert!(last == 0 || ends.contains(&last), "{at}: a frame is there whole or not at all");
        assert_eq!(numbers, (1..=last).collect::<Vec<_>>());
        seen.insert(last);
    }
    assert!(seen.len() > ends.len() - 3, "{seen:?}");
}

#[test]
fn damage_before_a_whole_frame_is_refused_by_name() {
    let (folder, ends) = one_segment();
    let path = segments(folder.path()).remove(0);
    let whole = fs::read(&path).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let used = used(&whole);
    let before_last = ends[ends.len() - 2];
    let (mut refused, mut ended) = (0, 0);
    for _ in 0..400 {
        let at = random.next_u64() as usize % used;
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (random.next_u32() % 8);
        fs::write(&path, flipped).unwrap();
        match read(folder.path(), 0) {
            // In the last frame it looks like a crash; only the watermark tells.
            Ok((last, _)) if last == before_last => ended += 1,
            // Padding and what the head does not use.
            Ok((last, _)) => assert_eq!(last, 60, "{at}"),
            Err(StoreError::Corrupt { place, .. }) => {
                assert!(place.contains(".log"), "{place}");
                refused += 1;
            }
            Err(error) => assert!(matches!(error, StoreError::NewerVersion { .. }), "{at}: {error}"),
        }
    }
    assert!(refused > 250 && ended > 0, "{refused} refused, {ended} ended early");
}

#[test]
fn segments_grow_are_freed_and_written_again_and_old_content_never_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::open(folder.path(), 1, 0).unwrap();
    let mut frame = Frame::default();
    let big = vec![7; 300_000];
    let (mut held, mut most) = (0, 0);
    for number in 1..=600_u64 {
        frame.push(number, [(&number.to_be_bytes()[..], Change::Put(&big[..]))].into_iter());
        log.append(&mut frame).unwrap();
        frame.clear();
        if number % 50 == 0 {
            held = number - 10;
            log.release(held);
        }
        if number % 37 == 0 {
            let mut numbers = Vec::new();
            let last = replay(folder.path(), held, |number, _| {
                numbers.push(number);
                Ok(())
            });
            assert_eq!(last.unwrap(), number);
            assert_eq!(numbers, (held + 1..=number).collect::<Vec<_>>());
        }
        most = most.max(log.size());
    }
    assert!(most < 200 << 20, "{most}");
    assert_eq!(
        log.size(),
        segments(folder.path()).iter().map(|path| fs::metadata(path).unwrap().len()).sum::<u64>()
    );
    drop(log);
    // What is spare is not needed by a start.
    let log = Log::open(folder.path(), 601, 0).unwrap();
    assert!(segments(folder.path()).iter().all(|path| segment::number(path).is_some()));
    assert!(log.size() < most);
}

#[test]
fn a_missing_segment_a_strange_head_and_a_gap_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for first in [1, 31, 61] {
        write(&mut Log::open(folder.path(), first, 0).unwrap(), first, first + 29);
    }
    let paths = segments(folder.path());
    assert_eq!(paths.len(), 3);
    let middle = fs::read(&paths[1]).unwrap();
    fs::remove_file(&paths[1]).unwrap();
    let error = read(folder.path(), 10).unwrap_err();
    assert!(error.to_string().contains("commits 31 to 60 are missing"), "{error}");
    // The tree has them, so nobody misses it.
    assert_eq!(read(folder.path(), 70).unwrap(), (90, (71..=90).collect()));
    fs::write(&paths[1], &middle).unwrap();
    let file = OpenOptions::new().write(true).open(&paths[1]).unwrap();
    file.write_all_at(&[9], 8).unwrap();
    assert!(matches!(read(folder.path(), 10), Err(StoreError::Corrupt { .. })));
    fs::copy(&paths[2], &paths[1]).unwrap();
    let error = read(folder.path(), 10).unwrap_err();
    assert!(error.to_string().contains("does not fit its name"), "{error}");
    fs::write(&paths[1], b"").unwrap();
    assert!(matches!(read(folder.path(), 10), Err(StoreError::Corrupt { .. })));
}

#[test]
fn a_start_after_a_torn_frame_goes_on_behind_it() {
    let (folder, ends) = one_segment();
    let path = segments(folder.path()).remove(0);
    let whole = fs::read(&path).unwrap();
    let used = used(&whole);
    let mut torn = whole;
    torn[used - 5..].fill(0);
    fs::write(&path, torn).unwrap();
    let last = ends[ends.len() - 2];
    assert_eq!(read(folder.path(), 0).unwrap().0, last);
    // A crash before the first frame of the new segment, and again.
    for _ in 0..2 {
        drop(Log::open(folder.path(), last + 1, 0).unwrap());
        assert_eq!(read(folder.path(), 0).unwrap().0, last);
    }
    write(&mut Log::open(folder.path(), last + 1, 0).unwrap(), last + 1, 80);
    assert_eq!(read(folder.path(), 0).unwrap(), (80, (1..=80).collect()));
    assert_eq!(read(folder.path(), 70).unwrap().0, 80);
}
