//! Plugins as files: a folder of `.wasm` files, each with an optional `.json` beside it.
//!
//! It serves operators who keep everything in files, and commands that run workflows in memory. The `.json` gives the
//! name of a command, and the grants of the plugin: `{"name": "jq", "version": "1.7.1", "grants":
//! ["http:api.example.com"], "limits": {"memory": "64MiB"}}`.

use std::path::{Path, PathBuf};

use semver::Version;
use serde::Deserialize;

use crate::{
    engine::{Plugins, PluginsError, Uploaded},
    files::{FileError, Root},
    model::{Capability, CodeLimits, PluginName},
    sandbox::PLUGIN_SIZE_MOST,
};

/// The size limit of the file beside a module, bytes.
const MAX_BESIDE: u64 = 1 << 20;

/// The content of the file beside a module.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Beside {
    name: Option<PluginName>,
    version: Option<Version>,
    grants: Vec<Capability>,
    limits: Option<CodeLimits>,
}

/// Why a file was not installed.
#[derive(Debug, thiserror::Error)]
pub enum PluginFileError {
    /// A file or the folder cannot be read, or is of a kind that is never read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file beside the module is wrong.
    #[error("{}: {why}", path.display())]
    Beside {
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The module was refused.
    #[error("{}: {source}", path.display())]
    Module {
        path: PathBuf,
        /// Why it was refused.
        #[source]
        source: PluginsError,
    },
}

/// The modules of a folder, by name.
///
/// # Errors
/// When the folder cannot be read.
pub fn modules_in(folder: &Path) -> Result<Vec<PathBuf>, PluginFileError> {
    let entries = Root::open(folder)?.entries()?.into_iter().map(|entry| PathBuf::from(entry.name));
    let modules = entries.filter(|name| name.extension().is_some_and(|extension| extension == "wasm"));
    Ok(modules.map(|name| folder.join(name)).collect())
}

/// Installs a file of the folder that [`modules_in`] read, with the file beside it. An installed plugin stays as it is.
///
/// # Errors
/// Why nothing was installed.
pub async fn install(plugins: &Plugins, path: &Path, now_ms: u64) -> Result<Uploaded, PluginFileError> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().map(Path::new)) else {
        return Err(PluginFileError::Beside { path: path.to_owned(), why: "it names no file".to_owned() });
    };
    let folder = Root::open(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })?;
    let bytes = folder.read(name, PLUGIN_SIZE_MOST.as_bytes())?;
    let beside_path = path.with_extension("json");
    let wrong = |why: String| PluginFileError::Beside { path: beside_path.clone(), why };
    let beside: Beside = match folder.read(&name.with_extension("json"), MAX_BESIDE) {
        Ok(text) => serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?,
        Err(error) if error.is_missing() => Beside::default(),
        Err(error) => return Err(error.into()),
    };
    let named = match (beside.name, beside.version) {
        (Some(name), Some(version)) => Some((name, version)),
        (None, None) => None,
        _ => return Err(wrong("give `name` and `version`, or neither of them".to_owned())),
    };
    let module = |source| PluginFileError::Module { path: path.to_owned(), source };
    let uploaded = plugins.upload(&bytes, named, now_ms).await.map_err(module)?;
    let name = &uploaded.version.description.name;
    if !beside.grants.is_empty() {
        plugins.grant(name, &beside.grants).await.map_err(module)?;
    }
    if let Some(limits) = beside.limits {
        plugins.limit(name, limits).await.map_err(module)?;
    }
    Ok(uploaded)
}
