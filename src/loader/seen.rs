//! What the loader remembers of each folder, and of each workflow of the server.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::PathBuf,
    sync::Arc,
};

use crate::{
    engine::{HomeProblem, Outlook},
    model::{Bundle, WorkflowKey},
    secrets::Redactor,
};

/// Where a version comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Whence {
    Folder(PathBuf),
    Server(WorkflowKey),
}

impl Whence {
    /// The key that a version from here must have.
    pub(super) fn key(&self) -> Option<WorkflowKey> {
        match self {
            Self::Folder(folder) => folder.file_name()?.to_str()?.parse().ok(),
            Self::Server(key) => Some(key.clone()),
        }
    }

    /// What errors call it, before the name of a file.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Folder(folder) => folder.display().to_string(),
            Self::Server(key) => format!("{key} (on the server)"),
        }
    }
}

/// What was seen at the last look.
pub(super) struct Seen {
    /// The files that were tried last, so that an error is reported only once.
    pub(super) bundle: Bundle,
    /// Whether its files name secrets.
    names_secrets: bool,
    /// Whether it is tried again at the next look, as another workflow is in its way.
    pub(super) waits: bool,
    /// Why these files are not installed.
    pub(super) problem: Option<HomeProblem>,
}

impl Seen {
    pub(super) fn new(bundle: Bundle) -> Self {
        let names_secrets = bundle.workflow.contains("$secrets");
        Self { bundle, names_secrets, waits: false, problem: None }
    }

    pub(super) fn with_problem(mut self, problem: HomeProblem, waits: bool) -> Self {
        (self.problem, self.waits) = (Some(problem), waits);
        self
    }
}

/// All that was seen. Whoever changes what runs holds its lock: the watcher, and whoever publishes.
pub(super) struct State {
    pub(super) seen: HashMap<Whence, Seen>,
    /// The last report about each folder that cannot be read, so that nothing is reported twice.
    pub(super) unread: HashMap<PathBuf, String>,
    /// The workflows of home `server`.
    pub(super) servers: BTreeSet<WorkflowKey>,
    /// The workflows whose folders are there.
    pub(super) folders: BTreeSet<WorkflowKey>,
    /// The workflows whose folders a crash left half written, and which cannot be written now, with the reason.
    pub(super) half: BTreeMap<WorkflowKey, String>,
    /// The redactor of the secrets that the triggers were compiled with.
    pub(super) redactor: Arc<Redactor>,
}

impl State {
    pub(super) fn new(redactor: Arc<Redactor>) -> Self {
        Self {
            seen: HashMap::new(),
            unread: HashMap::new(),
            servers: BTreeSet::new(),
            folders: BTreeSet::new(),
            half: BTreeMap::new(),
            redactor,
        }
    }

    /// When secrets have changed, triggers that name some are compiled anew.
    pub(super) fn secrets_are(&mut self, redactor: Arc<Redactor>) {
        if !Arc::ptr_eq(&redactor, &self.redactor) {
            self.redactor = redactor;
            for seen in self.seen.values_mut().filter(|seen| seen.names_secrets) {
                seen.bundle.workflow.clear();
            }
        }
    }

    /// Whether these files were tried, and nothing else is in their way.
    pub(super) fn knows(&self, from: &Whence, bundle: &Bundle) -> bool {
        self.seen.get(from).is_some_and(|seen| !seen.waits && seen.bundle == *bundle)
    }

    /// What others may know of it.
    pub(super) fn outlook(&self) -> Outlook {
        let mut outlook = Outlook { folders: self.folders.clone(), ..Outlook::default() };
        let mut tell = |from: &Whence, problem: HomeProblem| match (from.key(), from) {
            (Some(key), _) => outlook.problems.entry(key).or_default().push(problem),
            (None, Whence::Folder(folder)) => {
                outlook.of_folders.insert(folder.display().to_string(), problem);
            }
            (None, Whence::Server(_)) => {}
        };
        for (from, seen) in &self.seen {
            if let Some(problem) = &seen.problem {
                tell(from, problem.clone());
            }
        }
        for (folder, message) in &self.unread {
            let from = Whence::Folder(folder.clone());
            let of_home = from.key().is_none_or(|key| !self.servers.contains(&key));
            let problem = HomeProblem { code: "folder_unreadable", message: message.clone(), of_home };
            tell(&from, problem);
        }
        for (key, message) in &self.half {
            let problem = HomeProblem { code: "folder_unreadable", message: message.clone(), of_home: true };
            tell(&Whence::Server(key.clone()), problem);
        }
        outlook
    }
}
