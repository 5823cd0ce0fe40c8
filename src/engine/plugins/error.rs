//! Why a plugin was not taken in or changed.

use semver::Version;

use crate::{
    model::{Capability, PluginHash, PluginName},
    sandbox::PluginError,
    store::StoreError,
};

/// Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum PluginsError {
    /// The module itself.
    #[error(transparent)]
    Module(#[from] PluginError),
    /// Versions are never changed.
    #[error(
        "{name}@{version} is installed already, with other bytes ({hash}); give what you changed a new version"
    )]
    Exists {
        name: PluginName,
        version: Version,
        /// The bytes that it has.
        hash: PluginHash,
    },
    /// A command says nothing of itself.
    #[error(
        "a command does not say what it is called; give its name and version, as in --name jq --version 1.7.1"
    )]
    Unnamed,
    /// A component has the name that it gives, and no other.
    #[error(
        "the plugin says that it is {own}, not {given}; leave name and version out, or change what `describe` gives"
    )]
    OtherName {
        /// The name and version that the plugin gives.
        own: String,
        /// The name and version that the upload gave.
        given: String,
    },
    /// The store would grow without end.
    #[error(
        "{most} versions of plugins are installed, the most; remove old ones with `flowcell plugin remove NAME@VERSION`"
    )]
    TooMany { most: usize },
    /// There is no such plugin.
    #[error("no plugin {name} is installed; `flowcell plugin list` shows those that are")]
    Unknown {
        /// The name, with a version if one was asked for.
        name: String,
    },
    /// A grant of something that no version asks for.
    #[error("the plugin {name} does not ask for {grant}; it asks for {}", shown(.asks))]
    NotAsked {
        name: PluginName,
        /// What was to be granted.
        grant: Capability,
        /// What its versions ask for.
        asks: Vec<Capability>,
    },
    /// Something is to be taken away that was never given.
    #[error("the plugin {name} has not been granted {grant}; `flowcell plugin list` shows what it has")]
    NotGranted {
        name: PluginName,
        /// What was to be taken away.
        grant: Capability,
    },
    /// A limit over its cap.
    #[error("limits.{field} {why}")]
    Limits {
        /// The name of the limit.
        field: &'static str,
        why: String,
    },
    /// The stored bytes are not those of the hash.
    #[error("the stored bytes of {hash} are damaged; upload the plugin again after `flowcell plugin remove`")]
    Damaged {
        /// What they should be.
        hash: PluginHash,
    },
    /// The store refused, so nothing was changed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn shown(capabilities: &[Capability]) -> String {
    match capabilities {
        [] => "nothing".to_owned(),
        some => some.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}
