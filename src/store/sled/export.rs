//! Backups of a running store, and stores made of backups.
//!
//! A checkpoint puts all live pairs into the tree, and its thread writes them to a file, while commits go on in the log; a thread then sends
//! them and the parts that the history had at that moment, which never change, at the pace of whoever reads. A restore fills a
//! folder beside the one that was asked for and renames it when the backup has proven whole.

use std::{
    fs::{self, File},
    io::{BufReader, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use super::{
    Options, SledStore,
    archivist::Snapshot,
    blobs::{Blobs, unseal},
    bucket::{Holds, is_tombstone},
    commits::Commits,
    folder::{create_private, sync_folder},
    history::History,
    lapsing::Lapsing,
    live::guard,
    part::{Open, Part},
};
use crate::store::{
    BackupError, BackupStream, Batch, Contents, Key, KeyRange, Order, StoreError, Trust,
    backup::{Decoder, Encoder, Entry},
    shelf::Merged,
};

/// Pieces that wait for the reader.
const PIECES: usize = 8;
/// How long a reader may stand still.
const STALL: Duration = Duration::from_secs(60);
/// Between two looks whether there is room for a piece.
const PAUSE: Duration = Duration::from_millis(2);
/// Pairs read from a bucket at once.
const CHUNK: usize = 500;
/// Bytes of the batches of a restore.
const BATCH: usize = 512 << 10;
/// The name of a store that is being restored, behind that of the folder.
const RESTORING: &str = ".restoring";

/// A piece of the backup, or why there is none.
type Piece = Result<Vec<u8>, StoreError>;

/// Sends a snapshot in a thread of its own. The thread ends when the reader goes away.
pub(super) fn stream(
    snapshot: Snapshot,
    blobs: Arc<Blobs>,
    history: Arc<History>,
    lapsing: Arc<Lapsing>,
    closing: Arc<AtomicBool>,
) -> std::io::Result<(BackupStream, JoinHandle<()>)> {
    let (sender, stream) = mpsc::channel(PIECES);
    let thread = std::thread::Builder::new().name("backup".to_owned()).spawn(move || {
        let place = history.root().to_owned();
        if let Err(error) = guard(&place, || {
            send(&snapshot, &blobs, (&history, &lapsing), &|piece| give(&sender, piece, &closing))
        }) {
            // The reader may be gone, which is the error then.
            let _ = give(&sender, Err(error), &closing);
        }
    })?;
    Ok((stream, thread))
}

/// Gives the reader a piece; gives up when it goes away or stands still, as large values are kept for it.
fn give(sender: &mpsc::Sender<Piece>, piece: Piece, closing: &AtomicBool) -> Result<(), StoreError> {
    let (begun, mut piece) = (Instant::now(), piece);
    loop {
        match sender.try_send(piece) {
            Ok(()) => return Ok(()),
            Err(mpsc::error::TrySendError::Full(back))
                if begun.elapsed() < STALL && !closing.load(Ordering::SeqCst) =>
            {
                piece = back;
                std::thread::sleep(PAUSE);
            }
            Err(_) => return Err(StoreError::Closed),
        }
    }
}

fn send(
    snapshot: &Snapshot,
    blobs: &Blobs,
    (history, lapsing): (&History, &Lapsing),
    give: &dyn Fn(Piece) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut encoder = Encoder::new(|piece| give(Ok(piece)));
    let failed = |error| {
        StoreError::io(format!("cannot read {}", snapshot.file.display()), snapshot.file.clone(), error)
    };
    let mut file = BufReader::new(File::open(&snapshot.file).map_err(failed)?);
    while let Some((key, bytes)) = pair(&mut file).map_err(failed)? {
        encoder.pair(&key, &unseal(&key, &bytes, blobs)?)?;
    }
    for (parts, of, holds) in [
        (&snapshot.shelves.lapsing, &**lapsing.parts(), Holds::Lapsing),
        (&snapshot.shelves.history, history, Holds::Ended),
    ] {
        send_buckets(parts, of, holds, &mut encoder)?;
    }
    encoder.end()
}

fn send_buckets(
    parts: &[Part],
    of: &History,
    holds: Holds,
    encoder: &mut Encoder<impl FnMut(Vec<u8>) -> Result<(), StoreError>>,
) -> Result<(), StoreError> {
    // Of two buckets that end at the same time the older one first, as a restore makes one of them.
    let mut parts = parts.iter().rev().peekable();
    while let Some(first) = parts.next() {
        match holds {
            Holds::Ended => encoder.bucket(first.end_ms())?,
            Holds::Lapsing => encoder.lapsing(first.end_ms())?,
        }
        match of.opened(first)? {
            Open::Old(opened) => {
                let mut range = KeyRange::prefix([]);
                loop {
                    let pairs = opened.scan(&range, Order::Ascending, CHUNK)?;
                    pairs.iter().try_for_each(|(key, value)| encoder.pair(key, value))?;
                    match pairs.last() {
                        Some((last, _)) if pairs.len() == CHUNK => range = range.after(last),
                        Some(_) | None => break,
                    }
                }
            }
            Open::Shelf(shelved, shelf) => {
                let mut shelves = vec![shelf];
                while let Some(next) = parts.next_if(|next| next.name() == first.name()) {
                    match of.opened(next)? {
                        Open::Shelf(_, shelf) => shelves.push(shelf),
                        Open::Old(_) => {}
                    }
                }
                let mut merged = Merged::new(shelves)?;
                while let Some((key, bytes)) = merged.next()? {
                    if !is_tombstone(&bytes) {
                        encoder.pair(&key, &shelved.value(&key, &bytes)?)?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// The next pair of a snapshot file, with its envelope.
fn pair(file: &mut impl Read) -> std::io::Result<Option<(Vec<u8>, Vec<u8>)>> {
    let mut length = [0; 4];
    match file.read(&mut length[..1])? {
        0 => return Ok(None),
        _ => file.read_exact(&mut length[1..])?,
    }
    let mut key = vec![0; u32::from_le_bytes(length) as usize];
    file.read_exact(&mut key)?;
    file.read_exact(&mut length)?;
    let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
    file.read_exact(&mut bytes)?;
    Ok(Some((key, bytes)))
}

/// Makes the store of a backup.
pub(super) fn restore(file: impl Read, folder: &Path, trust: Trust<'_>) -> Result<Contents, BackupError> {
    let occupied = || BackupError::NotEmpty { place: folder.display().to_string() };
    let io = |doing: &str, place: &Path, error| {
        StoreError::io(format!("cannot {doing} {}", place.display()), place, error)
    };
    if fs::symlink_metadata(folder).is_ok() {
        return Err(occupied());
    }
    let mut decoder = Decoder::new(file)?;
    let mut new = folder.as_os_str().to_owned();
    new.push(RESTORING);
    let new = PathBuf::from(new);
    if new.exists() {
        fs::remove_dir_all(&new).map_err(|error| io("remove", &new, error))?;
    }
    let filled = fill(&mut decoder, &new).and_then(|()| {
        decoder.trusted(trust)?;
        // Once more as a start does it.
        drop(SledStore::open(&new, &Options::default())?);
        fs::rename(&new, folder).map_err(|error| io("rename to", folder, error))?;
        folder.parent().filter(|parent| parent.is_dir()).map_or(Ok(()), sync_folder)?;
        Ok(decoder.contents())
    });
    if filled.is_err() {
        // What a restore left half done is of no use, and is removed by the next one too.
        let _ = fs::remove_dir_all(&new);
    }
    filled
}

fn fill(decoder: &mut Decoder<impl Read>, new: &Path) -> Result<(), BackupError> {
    create_private(new)?;
    let store = SledStore::open(new, &Options::default())?;
    let mut of = Of::Lasting;
    let (mut pairs, mut bytes) = (Vec::new(), 0);
    loop {
        let entry = decoder.next()?;
        let full = bytes > BATCH;
        if full || !matches!(entry, Some(Entry::Pair(..))) {
            keep(&store, of, std::mem::take(&mut pairs))?;
            bytes = 0;
        }
        match entry {
            Some(Entry::Pair(key, _)) if Commits::owns(&key) => {
                return Err(StoreError::corrupt("the backup", "it holds a key of the store's own").into());
            }
            Some(Entry::Pair(key, value)) => {
                bytes += key.len() + value.len();
                pairs.push((key, value));
            }
            Some(Entry::Bucket(end)) => of = Of::History(end),
            Some(Entry::Lapsing(end)) => of = Of::Lapsing(end),
            None => return Ok(()),
        }
    }
}

/// What pairs of a backup belong to.
#[derive(Clone, Copy)]
enum Of {
    Lasting,
    /// With the end of the bucket.
    Lapsing(u64),
    History(u64),
}

fn keep(store: &SledStore, of: Of, pairs: Vec<(Key, Vec<u8>)>) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    match of {
        Of::History(end_ms) if !pairs.is_empty() => return store.staging.keep(end_ms, &pairs),
        Of::History(_) => return Ok(()),
        Of::Lapsing(end_ms) => {
            for (key, value) in pairs {
                batch.put_until_end(key, value, end_ms);
            }
        }
        Of::Lasting => {
            for (key, value) in pairs {
                batch.put(key, value);
            }
        }
    }
    store.staging.commit_now(batch)
}
