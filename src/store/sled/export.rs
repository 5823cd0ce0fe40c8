//! Backups of a running store, and stores made of backups.
//!
//! A checkpoint puts all live pairs into the tree, and its thread writes them to a file, while commits go on in the log; a thread then sends
//! them and the buckets of that moment at the pace of whoever reads. What moves to the history meanwhile is left
//! out there, because it stands among the live pairs. A restore fills a folder beside the one that was asked for
//! and renames it when the backup has proven whole.

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
    bucket::{Bucket, Noted},
    commits::Commits,
    envelope::{self, INLINE_MAX},
    folder::{create_private, sync_folder},
    history::History,
    live::guard,
};
use crate::store::{
    BackupError, BackupStream, Batch, Contents, Key, KeyRange, Order, StoreError, Trust,
    backup::{Decoder, Encoder, Entry},
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
    closing: Arc<AtomicBool>,
) -> std::io::Result<(BackupStream, JoinHandle<()>)> {
    let (sender, stream) = mpsc::channel(PIECES);
    let thread = std::thread::Builder::new().name("backup".to_owned()).spawn(move || {
        let place = history.root().to_owned();
        if let Err(error) =
            guard(&place, || send(&snapshot, &blobs, &history, &|piece| give(&sender, piece, &closing)))
        {
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
    history: &History,
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
    for bucket in &snapshot.buckets {
        let opened = match history.opened(bucket) {
            Ok(opened) => opened,
            // It expired meanwhile.
            Err(_) if !history.all().iter().any(|other| Arc::ptr_eq(other, bucket)) => continue,
            Err(error) => return Err(error),
        };
        encoder.bucket(bucket.end_ms())?;
        let mut range = KeyRange::prefix([]);
        loop {
            let pairs = opened.scan(&range, Order::Ascending, CHUNK)?;
            for (key, value) in pairs.iter().filter(|(key, _)| !snapshot.moved_since(key)) {
                encoder.pair(key, value)?;
            }
            match pairs.last() {
                Some((last, _)) if pairs.len() == CHUNK => range = range.after(last),
                Some(_) | None => break,
            }
        }
    }
    encoder.end()
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
    let mut bucket: Option<Arc<Bucket>> = None;
    let (mut pairs, mut bytes) = (Vec::new(), 0);
    loop {
        let entry = decoder.next()?;
        let full = bytes > BATCH;
        if full || !matches!(entry, Some(Entry::Pair(..))) {
            keep(&store, bucket.as_ref(), std::mem::take(&mut pairs))?;
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
            Some(Entry::Bucket(end)) => bucket = Some(store.history.bucket(end)?),
            None => return Ok(()),
        }
    }
}

fn keep(
    store: &SledStore,
    bucket: Option<&Arc<Bucket>>,
    pairs: Vec<(Key, Vec<u8>)>,
) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    if pairs.is_empty() {
        return Ok(());
    }
    match bucket {
        None => pairs.into_iter().for_each(|(key, value)| {
            batch.put(key, value);
        }),
        Some(bucket) => {
            let (mut sealed, mut staged) = (Vec::with_capacity(pairs.len()), Vec::new());
            for (key, value) in pairs {
                let envelope = if value.len() <= INLINE_MAX {
                    envelope::inline(&key, &value)
                } else {
                    let file = store.staging.blobs.stage(&value)?;
                    let envelope = envelope::blob(&key, file.blob());
                    staged.push(file);
                    envelope
                };
                sealed.push((key, envelope.into()));
            }
            // In the live folder first, as for any move; the end of the restore removes them there.
            store.staging.blobs.publish(staged)?;
            bucket.write(&sealed, &store.staging.blobs)?;
            batch.put(Noted::key(bucket.name()), bucket.note());
        }
    }
    store.staging.commit_now(batch, &[])
}
