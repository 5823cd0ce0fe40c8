//! `flowcell backup` and `flowcell restore`: everything durable as one file.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};

use super::{Verdict, client::Server, print::Json, small_runtime, waiting};
use crate::{
    config::{Config, Flags},
    key_source::{self, KEY_FILE},
    secrets::Keyring,
    store::{self, Contents, Sealer, SledStore, Store, StoreError, Trust, verify},
};

#[derive(Args)]
pub(super) struct Backup {
    /// The file to write. An older file of that name is replaced once the new one is complete and checked.
    file: PathBuf,
    /// The source: a running server, by its address or its data folder, or the data folder of a server that does not
    /// run.
    #[command(flatten)]
    out: Json,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
pub(super) struct Restore {
    /// A file that `flowcell backup` wrote.
    file: PathBuf,
    /// The data folder to fill; it must not hold a store yet.
    #[arg(long, env = "FLOWCELL_SERVER_DATA", default_value = "data")]
    data: PathBuf,
    /// A file with the key of the secrets of the server that made the backup [default: as that of the data folder, or the settings].
    #[arg(long, value_name = "FILE", conflicts_with = "unauthenticated")]
    key: Option<PathBuf>,
    /// Restore a backup that no key vouches for. Whoever could change it may have planted workflows, plugins and runs.
    #[arg(long)]
    unauthenticated: bool,
    #[command(flatten)]
    out: Json,
}

pub(super) fn backup(arguments: &Backup) -> anyhow::Result<Verdict> {
    let Backup { file, out, server } = arguments;
    let mut draft = file.as_os_str().to_owned();
    draft.push(".tmp");
    let draft = PathBuf::from(draft);
    let writing = waiting::sign("writing and checking the backup");
    let contents = small_runtime()?.block_on(write(&draft, server)).and_then(|()| finish(&draft, file));
    drop(writing);
    if contents.is_err() {
        // The draft is of no use any more. If it stays, the error above still says what went wrong.
        let _ = fs::remove_file(&draft);
    }
    let contents = contents?;
    out.show(&json(file, contents), || format!("{}: {}", file.display(), told(contents)))?;
    if !contents.sealed {
        tell!(
            "flowcell: the backup is not sealed, because the key of the secrets was missing or the server is older: only \
             --unauthenticated restores it"
        );
    }
    Ok(Verdict::Yes)
}

pub(super) fn restore(arguments: &Restore) -> anyhow::Result<Verdict> {
    let Restore { file, data, key, unauthenticated, out } = arguments;
    let backup = File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
    let keys = match (key, unauthenticated) {
        (_, true) => Vec::new(),
        (Some(key), false) => key_source::seal_keys(&key_source::in_file(key)?),
        (None, false) => key_source::seal_keys(&own_keys(data)?.with_context(|| {
            format!(
                "{} cannot be checked without the key of the secrets: put your copy of {KEY_FILE} into {}, or name it with --key; if \
                 you know where the backup comes from, give --unauthenticated",
                file.display(),
                data.display()
            )
        })?),
    };
    let trust = if *unauthenticated { Trust::Anyone } else { Trust::Keys(&keys) };
    let restoring = waiting::sign("restoring");
    let contents =
        SledStore::restore(backup, &data.join("store"), trust).with_context(|| file.display().to_string())?;
    drop(restoring);
    if *unauthenticated {
        tell!("flowcell: nobody vouches for {}: look at what it brings before you serve it", file.display());
    }
    let key = data.join(KEY_FILE);
    let mut value = json(file, contents);
    value["data"] = data.display().to_string().into();
    value["has_key"] = key.exists().into();
    out.show(&value, || {
        let (file, told, data) = (file.display(), told(contents), data.display());
        if key.exists() {
            format!("{file}: {told}\nstart the server with --data {data}")
        } else {
            format!("{file}: {told}\nput your copy of {KEY_FILE} into {data}, then start the server with --data {data}")
        }
    })?;
    Ok(Verdict::Yes)
}

/// The keys of a data folder, or those that the settings name.
fn own_keys(data: &Path) -> anyhow::Result<Option<Keyring>> {
    let flags = Flags { data: Some(data.to_owned()), ..Flags::default() };
    Ok(key_source::existing(&Config::load(&flags, std::env::vars())?)?)
}

/// Writes what a server or a data folder gives to the draft.
async fn write(draft: &Path, server: &Server) -> anyhow::Result<()> {
    let file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(draft);
    let mut file = BufWriter::new(file.with_context(|| format!("cannot write {}", draft.display()))?);
    let store = if server.is_named() { None } else { stopped_store(server.data()).await? };
    let mut keep =
        |piece: &[u8]| file.write_all(piece).with_context(|| format!("cannot write {}", draft.display()));
    match store {
        Some(store) => {
            // Sealed with the same key as a backup that the server makes.
            let keyring = own_keys(server.data())?;
            let key = keyring.and_then(|keyring| key_source::seal_keys(&keyring).into_iter().next());
            let mut sealer = key.map(Sealer::new);
            let mut stream = store.backup().await?;
            while let Some(piece) = stream.recv().await {
                let piece = piece?;
                sealer.iter_mut().for_each(|sealer| sealer.update(&piece));
                keep(&piece)?;
            }
            sealer.map_or(Ok(()), |sealer| keep(&sealer.finish()))?;
        }
        None => {
            let mut download = server.download("/api/v1/backup").await?;
            while let Some(piece) = download.next().await? {
                keep(&piece)?;
            }
        }
    }
    let file = file.into_inner().map_err(std::io::IntoInnerError::into_error);
    file.and_then(|file| file.sync_all()).with_context(|| format!("cannot write {}", draft.display()))
}

/// The store of a data folder whose server does not run; `None` when one does.
pub(super) async fn stopped_store(data: &Path) -> anyhow::Result<Option<Arc<dyn Store>>> {
    let folder = data.join("store");
    // Opening would make a new one.
    anyhow::ensure!(
        folder.join("FORMAT").exists(),
        "{} holds no store: give the data folder with --data, or the address of a server with --server",
        folder.display()
    );
    match store::open(&store::Settings::in_data(data)).await {
        Ok(store) => Ok(Some(store)),
        Err(StoreError::Locked { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Reads the draft back, checks it and gives it its final name.
fn finish(draft: &Path, file: &Path) -> anyhow::Result<Contents> {
    let contents = verify(File::open(draft)?).context("the written backup is not complete: try again")?;
    fs::rename(draft, file).with_context(|| format!("cannot rename to {}", file.display()))?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .with_context(|| format!("cannot sync {}", folder.display()))?;
    Ok(contents)
}

fn json(file: &Path, contents: Contents) -> Value {
    let Contents { live, history, buckets, sealed } = contents;
    json!({
        "file": file.display().to_string(),
        "live": live,
        "history": history,
        "history_parts": buckets,
        "sealed": sealed,
    })
}

fn told(contents: Contents) -> String {
    let Contents { live, history, buckets, sealed: _ } = contents;
    format!("{live} live records, {history} in {buckets} parts of the history")
}
