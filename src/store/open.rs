//! Opens the store that the settings name: one arm a backend, and the only place that chooses one.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{MemoryStore, Options, SledStore, Store, StoreError};
use crate::reactor::off_the_reactor;

/// Where the store keeps what it has.
#[derive(Debug, Clone)]
pub enum Settings {
    /// A folder of this machine, for one process; made when it is not there.
    Folder {
        /// The folder itself, which belongs to the store alone.
        path: PathBuf,
        /// `Options::default()` is right for a server.
        options: Options,
    },
    /// The memory of this process: gone with it.
    Memory,
}

impl Settings {
    /// The store of a data folder.
    pub fn in_data(data: &Path) -> Self {
        Self::Folder { path: data.join("store"), options: Options::default() }
    }
}

/// Opens it. Takes long for one that was not closed, or is read whole first.
///
/// # Errors
/// Those of the backend; what is there and cannot be used is never replaced by an empty store.
pub async fn open(settings: &Settings) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match settings {
        Settings::Folder { path, options } => Arc::new(off_the_reactor(|| SledStore::open(path, options))?),
        Settings::Memory => Arc::new(MemoryStore::new()),
    })
}
