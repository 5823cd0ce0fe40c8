//! The variables that workflows may see, and what to do about variables that they name and do not see.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use crate::{config::Config, engine::Environment};

/// The variables that the settings open and withhold. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Variables {
    config: Arc<Config>,
}

impl Variables {
    pub(crate) fn new(config: &Config) -> Self {
        Self { config: Arc::new(config.clone()) }
    }

    /// What workflows may see.
    pub(crate) fn environment(&self) -> Environment {
        let config = Arc::clone(&self.config);
        Arc::new(move |name| config.variable(name, process))
    }

    /// The same for one workflow. Its author learns which variables are withheld.
    pub(crate) fn noting(&self) -> Noting {
        let missed = Arc::new(Mutex::new(BTreeSet::new()));
        let (config, missing) = (Arc::clone(&self.config), Arc::clone(&missed));
        let environment: Environment = Arc::new(move |name| {
            let value = config.variable(name, process);
            if value.is_none() && config.withholds(name, process) {
                missing.lock().expect("no code panics under this lock").insert(name.to_owned());
            }
            value
        });
        Noting { environment, missed }
    }
}

fn process(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// An environment that remembers which names it did not have.
pub(crate) struct Noting {
    pub(crate) environment: Environment,
    missed: Arc<Mutex<BTreeSet<String>>>,
}

impl Noting {
    /// Whether a variable that was asked for is there, and the workflow does not see it.
    pub(crate) fn withholds(&self) -> impl Fn(&str) -> bool + Send + Sync + use<> {
        let missed = Arc::clone(&self.missed);
        move |name| missed.lock().expect("no code panics under this lock").contains(name)
    }

    /// The variables that the process has and the workflow does not see, and what to do about them.
    pub(crate) fn told(&self) -> Option<String> {
        let missed = self.missed.lock().expect("no code panics under this lock");
        let first = missed.first()?;
        let names = missed.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        Some(format!(
            "it names {names}, which workflows do not see: add those that they may see to env.allow (FLOWCELL_ENV_ALLOW), or \
             give a value, as in FLOWCELL_VARS_{first}"
        ))
    }
}
