//! What may be asked of the homes of workflows: publish, roll back, switch off, move. The API asks through [`Homes`]; the
//! loader, which alone installs, answers, as it knows the folders.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::BoxFuture;

use super::DefinitionError;
use crate::{
    model::{Actor, Bundle, VersionHash, WorkflowKey},
    store::{
        StoreError,
        tables::homes::{Origin, Place},
    },
};

/// Changes what runs, at the home of each workflow. Every change makes a revision, and each is made whole or not at all.
pub trait Homes: Send + Sync + 'static {
    /// How the workflows stand beside what the store says.
    fn outlook(&self) -> Outlook;

    /// Makes a workflow of home `server`.
    ///
    /// # Errors
    /// `KeyTaken`, and those of a version that cannot be installed.
    fn create(&self, bundle: Bundle, origin: Origin) -> BoxFuture<'_, Result<Published, HomeError>>;

    /// Installs a version in place of the one that it is based on, and writes the files where the home is a folder.
    ///
    /// # Errors
    /// `Moved` when the base is not what is there, `ReadOnly`, `FixturesDiffer`, and those of a version that cannot be
    /// installed.
    fn publish(&self, publication: Publication) -> BoxFuture<'_, Result<Published, HomeError>>;

    /// Publishes the version of an older revision again.
    ///
    /// # Errors
    /// `RevisionUnknown`, and as [`Homes::publish`].
    fn roll_back<'a>(
        &'a self,
        key: &'a WorkflowKey,
        number: u64,
        base: Option<VersionHash>,
        origin: Origin,
    ) -> BoxFuture<'a, Result<Published, HomeError>>;

    /// Lets a workflow answer nothing, or again what its files say. It is no revision.
    ///
    /// # Errors
    /// `Unknown`, `Store`.
    fn switch<'a>(
        &'a self,
        key: &'a WorkflowKey,
        on: bool,
        by: Actor,
    ) -> BoxFuture<'a, Result<(), HomeError>>;

    /// Moves a workflow to another home. It is no revision.
    ///
    /// # Errors
    /// `Unknown`, `Moved`, `KeyTaken`, `ReadOnly`, `Files`, `Store`.
    fn move_home<'a>(
        &'a self,
        key: &'a WorkflowKey,
        to: Place,
        origin: Origin,
    ) -> BoxFuture<'a, Result<(), HomeError>>;
}

/// A version that somebody wants to install.
#[derive(Debug, Clone)]
pub struct Publication {
    pub key: WorkflowKey,
    /// The version that it was made from.
    pub base: VersionHash,
    pub bundle: Bundle,
    pub origin: Origin,
    /// Whether it is installed although its fixtures expect something else.
    pub accept_differences: bool,
}

/// What a publication has become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    pub key: WorkflowKey,
    /// The number of the newest revision.
    pub revision: u64,
    pub version: VersionHash,
    /// Whether there was anything to change.
    pub changed: bool,
}

/// Why a folder, or a workflow of the server, is not installed as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeProblem {
    /// Stable: `workflow_invalid`, `key_taken`, `folder_unreadable`, `webhook_collides`.
    pub code: &'static str,
    /// What is wrong, where, and what to do.
    pub message: String,
    /// Whether the workflow itself is wrong, and not a folder that wants its key.
    pub of_home: bool,
}

/// How the workflows stand at the last look.
#[derive(Debug, Clone, Default)]
pub struct Outlook {
    /// Problems by the key of the workflow that they are about.
    pub problems: BTreeMap<WorkflowKey, Vec<HomeProblem>>,
    /// Problems of folders that have no key.
    pub of_folders: BTreeMap<String, HomeProblem>,
    /// The workflows whose folders are there.
    pub folders: BTreeSet<WorkflowKey>,
}

/// What one fixture finds otherwise than it expects.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FixtureDifference {
    /// Its file name.
    pub fixture: String,
    pub differences: Vec<String>,
}

/// Why a workflow stays as it was.
#[derive(Debug, Clone, thiserror::Error)]
pub enum HomeError {
    #[error("there is no workflow `{0}`")]
    Unknown(WorkflowKey),
    /// Something else has the key. Nothing is ever overridden silently.
    #[error("the key `{key}` is taken by {by}; choose another key, or remove that first")]
    KeyTaken { key: WorkflowKey, by: String },
    /// The files of the folder cannot be written.
    #[error(
        "the files of `{key}` cannot be written: {why}; change them where they come from, move the workflow to the server, or ask \
         who runs the server"
    )]
    ReadOnly { key: WorkflowKey, why: String },
    /// Somebody published in between.
    #[error(
        "`{key}` is not the version any more that this is based on; compare with what is there, and publish again"
    )]
    Moved {
        key: WorkflowKey,
        /// The version that the publication names.
        base: VersionHash,
        /// The version that is there.
        theirs: VersionHash,
    },
    /// The version is wrong.
    #[error("{0}")]
    Wrong(Box<DefinitionError>),
    /// Another workflow or its webhook is in the way.
    #[error("{0}")]
    Collides(String),
    /// The files are not those of a workflow.
    #[error("{0}")]
    Files(String),
    #[error(
        "fixtures of `{key}` expect something else; look at the differences, and publish with \"accept_differences\" if they are meant"
    )]
    FixturesDiffer { key: WorkflowKey, differences: Vec<FixtureDifference> },
    #[error("`{key}` has no revision {number}")]
    RevisionUnknown { key: WorkflowKey, number: u64 },
    /// Files were being written when the system refused.
    #[error("the files of `{key}` could not be written: {why}")]
    NotWritten { key: WorkflowKey, why: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}
