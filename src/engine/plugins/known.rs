//! What is known of the installed plugins: versions by name, and what was decided on each. Pure.

use std::{collections::BTreeMap, sync::Arc};

use semver::Version;

use crate::model::{Capability, PluginName, PluginRef, PluginSettings, PluginVersion};

/// A plugin with all its versions, the highest last.
#[derive(Debug, Clone)]
pub struct Installed {
    pub name: PluginName,
    /// What was decided on it.
    pub settings: PluginSettings,
    /// Its versions, the lowest first.
    pub versions: Vec<Arc<PluginVersion>>,
}

impl Installed {
    /// What its versions ask for, each once.
    pub fn asks(&self) -> Vec<Capability> {
        let mut asks: Vec<_> =
            self.versions.iter().flat_map(|version| version.description.capabilities.clone()).collect();
        asks.sort();
        asks.dedup();
        asks
    }
}

/// All plugins that are installed.
#[derive(Default)]
pub(super) struct Known {
    pub(super) versions: BTreeMap<PluginName, BTreeMap<Version, Arc<PluginVersion>>>,
    pub(super) settings: BTreeMap<PluginName, PluginSettings>,
}

impl Known {
    pub(super) fn insert(&mut self, version: Arc<PluginVersion>) {
        let description = &version.description;
        let (name, number) = (description.name.clone(), description.version.clone());
        self.versions.entry(name).or_default().insert(number, version);
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<PluginVersion>> {
        self.versions.values().flat_map(BTreeMap::values)
    }

    pub(super) fn installed(&self, name: &PluginName) -> Option<Installed> {
        let versions: Vec<_> = self.versions.get(name)?.values().cloned().collect();
        let settings = self.settings.get(name).cloned().unwrap_or_default();
        Some(Installed { name: name.clone(), settings, versions })
    }

    pub(super) fn find(&self, reference: &PluginRef) -> Option<Arc<PluginVersion>> {
        match reference {
            PluginRef::Version { name, version } => {
                let versions = self.versions.get(name)?.iter().rev();
                versions
                    .filter(|(number, _)| version.matches(number))
                    .map(|(_, version)| version)
                    .next()
                    .cloned()
            }
            PluginRef::Hash(hash) => self.all().find(|version| version.hash == *hash).cloned(),
        }
    }
}
