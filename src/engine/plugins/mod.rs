//! The plugins that are installed: taken in, found by reference, granted and taken away.
//!
//! The store has them; here they stand in memory too, as every run that is accepted asks what its references mean. A version is
//! never changed; what was decided on a plugin (grants, limits) belongs to its name and holds for all its versions, each as far
//! as it asks for it.

mod error;
mod known;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard},
};

use futures::future::{BoxFuture, FutureExt};
use semver::Version;
use sha2::{Digest, Sha256};

pub use error::PluginsError;
pub use known::Installed;

use known::Known;

use super::Vault;
use crate::{
    model::{
        Capability, CodeLimits, ErrorCode, PluginDescription, PluginHash, PluginKind, PluginName, PluginPin,
        PluginRef, PluginSettings, PluginVersion, RunError,
    },
    sandbox::{Allowed, Outline, Plugin, PluginEngine, PluginError},
    steps::{OutputSchema, PluginSource, Schemas, UsablePlugin},
    store::{Batch, Store, StoreError, tables},
};

/// Plugins kept linked at once; others are taken from the cache of machine code again.
const MAX_READY: usize = 64;
/// Versions of all plugins together.
const MAX_VERSIONS: usize = 1_000;

/// See the module.
pub struct Plugins {
    engine: PluginEngine,
    store: Arc<dyn Store>,
    vault: Vault,
    known: RwLock<Known>,
    ready: Mutex<HashMap<PluginHash, Loading>>,
    /// One change at a time.
    changing: tokio::sync::Mutex<()>,
}

/// A plugin that is linked, or being linked.
type Loading = Arc<tokio::sync::OnceCell<Linked>>;

#[derive(Clone)]
struct Linked {
    plugin: Arc<Plugin>,
    schemas: Arc<Schemas>,
}

/// What an upload came to.
#[derive(Debug)]
pub struct Uploaded {
    pub version: Arc<PluginVersion>,
    /// It was not there before.
    pub new: bool,
}

impl Plugins {
    /// The plugins of a store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(engine: PluginEngine, store: Arc<dyn Store>, vault: Vault) -> Result<Self, StoreError> {
        let mut known = Known::default();
        for version in tables::plugins::list(&*store).await? {
            known.insert(Arc::new(version));
        }
        known.settings = tables::plugins::settings(&*store).await?.into_iter().collect();
        Ok(Self { known: RwLock::new(known), ..Self::new(engine, store, vault) })
    }

    /// The plugins of a store that is new, and has none.
    pub fn new(engine: PluginEngine, store: Arc<dyn Store>, vault: Vault) -> Self {
        let (known, ready, changing) = (RwLock::default(), Mutex::default(), tokio::sync::Mutex::default());
        Self { engine, store, vault, known, ready, changing }
    }

    /// No plugin at all.
    #[cfg(test)]
    pub(crate) fn none() -> Arc<dyn PluginSource> {
        static NONE: std::sync::OnceLock<Arc<Plugins>> = std::sync::OnceLock::new();
        let none = NONE.get_or_init(|| {
            let engine = PluginEngine::new(crate::sandbox::PluginOptions { slots: 1, ..Default::default() });
            let store = Arc::new(crate::store::MemoryStore::new());
            Arc::new(Self::new(engine.expect("it can be made"), store, Vault::empty()))
        });
        Arc::clone(none) as Arc<dyn PluginSource>
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn places(&self) -> MutexGuard<'_, HashMap<PluginHash, Loading>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in a module: compiles it, asks it what it is, and stores it. A command is told what it is by `named`. The same
    /// bytes of the same version again change nothing.
    ///
    /// # Errors
    /// For which reason nothing was stored.
    pub async fn upload(
        &self,
        bytes: &[u8],
        named: Option<(PluginName, Version)>,
        now_ms: u64,
    ) -> Result<Uploaded, PluginsError> {
        if Outline::read(bytes)?.kind == PluginKind::Command && named.is_none() {
            return Err(PluginsError::Unnamed);
        }
        let plugin = Arc::new(self.engine.prepare(bytes).await?);
        let taken = self.take_in(&plugin, bytes, named, now_ms).await;
        if taken.is_err() && !self.known().all().any(|version| version.hash == plugin.hash) {
            // Nobody can call it.
            self.engine.forget(plugin.hash);
        }
        taken
    }

    async fn take_in(
        &self,
        plugin: &Arc<Plugin>,
        bytes: &[u8],
        named: Option<(PluginName, Version)>,
        now_ms: u64,
    ) -> Result<Uploaded, PluginsError> {
        let description = self.description(plugin, named).await?;
        let schemas = Arc::new(schemas(&description)?);
        let version = PluginVersion {
            description,
            kind: plugin.kind,
            hash: plugin.hash,
            size: bytes.len() as u64,
            uploaded_ms: now_ms,
        };
        let _one = self.changing.lock().await;
        let (name, number) = (&version.description.name, &version.description.version);
        if let Some(there) = self.known().versions.get(name).and_then(|versions| versions.get(number)) {
            return if there.hash == version.hash {
                Ok(Uploaded { version: Arc::clone(there), new: false })
            } else {
                Err(PluginsError::Exists { name: name.clone(), version: number.clone(), hash: there.hash })
            };
        }
        if self.known().versions.values().map(BTreeMap::len).sum::<usize>() >= MAX_VERSIONS {
            return Err(PluginsError::TooMany { most: MAX_VERSIONS });
        }
        let mut batch = Batch::new();
        tables::plugins::insert(&mut batch, &version, bytes);
        self.store.commit(batch).await?;
        let version = Arc::new(version);
        self.change(|known| known.insert(Arc::clone(&version)));
        self.keep(plugin.hash, Linked { plugin: Arc::clone(plugin), schemas });
        Ok(Uploaded { version, new: true })
    }

    async fn description(
        &self,
        plugin: &Arc<Plugin>,
        named: Option<(PluginName, Version)>,
    ) -> Result<PluginDescription, PluginsError> {
        match (plugin.kind, named) {
            (PluginKind::Command, Some((name, version))) => Ok(PluginDescription {
                name,
                version,
                title: String::new(),
                input_schema: None,
                output_schema: None,
                capabilities: Vec::new(),
                examples: Vec::new(),
            }),
            (PluginKind::Command, None) => Err(PluginsError::Unnamed),
            (PluginKind::Component, None) => Ok(self.engine.describe(plugin).await?),
            (PluginKind::Component, Some((name, version))) => {
                let description = self.engine.describe(plugin).await?;
                if (&description.name, &description.version) == (&name, &version) {
                    return Ok(description);
                }
                let own = format!("{}@{}", description.name, description.version);
                Err(PluginsError::OtherName { own, given: format!("{name}@{version}") })
            }
        }
    }

    /// Keeps a linked plugin for the next call.
    fn keep(&self, hash: PluginHash, linked: Linked) {
        let mut places = self.places();
        if places.len() >= MAX_READY {
            // Any of them can be loaded again; calls that are under way have their own.
            places.clear();
        }
        places.insert(hash, Arc::new(tokio::sync::OnceCell::new_with(Some(linked))));
    }

    /// All plugins, by name.
    pub fn list(&self) -> Vec<Installed> {
        let known = self.known();
        known.versions.keys().filter_map(|name| known.installed(name)).collect()
    }

    /// One plugin by its name. `None` if it is not installed.
    pub fn installed(&self, name: &PluginName) -> Option<Installed> {
        self.known().installed(name)
    }

    /// The version that a reference means now.
    pub fn find(&self, reference: &PluginRef) -> Option<Arc<PluginVersion>> {
        self.known().find(reference)
    }

    /// The bytes of a version.
    ///
    /// # Errors
    /// The store's own: it is full, it failed, or a value in it cannot be read.
    pub async fn module(&self, hash: PluginHash) -> Result<Option<Vec<u8>>, StoreError> {
        tables::plugins::module(&*self.store, hash).await
    }

    /// Grants what the plugin asks for. What it had stays.
    ///
    /// # Errors
    /// `Unknown`, `NotAsked`, those of the store.
    pub async fn grant(&self, name: &PluginName, grants: &[Capability]) -> Result<Installed, PluginsError> {
        self.decide(name, |installed, settings| {
            let asks = installed.asks();
            for grant in grants {
                if !asks.iter().any(|asked| grant.covers(asked) || asked.covers(grant)) {
                    return Err(PluginsError::NotAsked { name: name.clone(), grant: grant.clone(), asks });
                }
            }
            settings.grants.extend(grants.iter().cloned());
            settings.grants.sort();
            settings.grants.dedup();
            Ok(())
        })
        .await
    }

    /// Takes grants away; all of them when none is named. It holds from the next attempt of a step on.
    ///
    /// # Errors
    /// `Unknown`, `NotGranted`, those of the store.
    pub async fn revoke(&self, name: &PluginName, grants: &[Capability]) -> Result<Installed, PluginsError> {
        self.decide(name, |_, settings| {
            if let Some(missing) = grants.iter().find(|grant| !settings.grants.contains(grant)) {
                return Err(PluginsError::NotGranted { name: name.clone(), grant: (*missing).clone() });
            }
            settings.grants.retain(|grant| !grants.is_empty() && !grants.contains(grant));
            Ok(())
        })
        .await
    }

    /// Sets the limits of its calls, where a step sets none.
    ///
    /// # Errors
    /// `Unknown`, `Limits`, those of the store.
    pub async fn limit(&self, name: &PluginName, limits: CodeLimits) -> Result<Installed, PluginsError> {
        if let Some((field, why)) = limits.violation() {
            return Err(PluginsError::Limits { field, why });
        }
        self.decide(name, |_, settings| {
            settings.limits = limits;
            Ok(())
        })
        .await
    }

    async fn decide(
        &self,
        name: &PluginName,
        decide: impl FnOnce(&Installed, &mut PluginSettings) -> Result<(), PluginsError>,
    ) -> Result<Installed, PluginsError> {
        let _one = self.changing.lock().await;
        let unknown = || PluginsError::Unknown { name: name.to_string() };
        let mut installed = self.installed(name).ok_or_else(unknown)?;
        let mut settings = installed.settings.clone();
        decide(&installed, &mut settings)?;
        let mut batch = Batch::new();
        tables::plugins::put_settings(&mut batch, name, &settings);
        self.store.commit(batch).await?;
        installed.settings = settings.clone();
        self.change(|known| drop(known.settings.insert(name.clone(), settings)));
        Ok(installed)
    }

    /// Removes a version, or all of them with what was decided. Runs that were accepted with it fail at its steps.
    ///
    /// # Errors
    /// `Unknown`, those of the store.
    pub async fn remove(&self, name: &PluginName, version: Option<&Version>) -> Result<usize, PluginsError> {
        let _one = self.changing.lock().await;
        let installed = self.installed(name);
        let gone: Vec<_> = installed
            .iter()
            .flat_map(|installed| &installed.versions)
            .filter(|there| version.is_none_or(|version| there.description.version == *version))
            .cloned()
            .collect();
        if gone.is_empty() {
            let version = version.map(|version| format!("@{version}")).unwrap_or_default();
            return Err(PluginsError::Unknown { name: format!("{name}{version}") });
        }
        let is_gone = |there: &PluginVersion| gone.iter().any(|gone| **gone == *there);
        let needed: Vec<PluginHash> =
            self.known().all().filter(|there| !is_gone(there)).map(|there| there.hash).collect();
        let mut batch = Batch::new();
        for version in &gone {
            tables::plugins::remove(&mut batch, version, !needed.contains(&version.hash));
        }
        let last = installed.is_some_and(|installed| installed.versions.len() == gone.len());
        if last {
            tables::plugins::remove_settings(&mut batch, name);
        }
        self.store.commit(batch).await?;
        self.change(|known| {
            let versions = known.versions.entry(name.clone()).or_default();
            versions.retain(|_, there| !is_gone(there));
            if last {
                known.versions.remove(name);
                known.settings.remove(name);
            }
        });
        for version in gone.iter().filter(|version| !needed.contains(&version.hash)) {
            self.places().remove(&version.hash);
            self.engine.forget(version.hash);
        }
        Ok(gone.len())
    }

    /// A plugin by its bytes, linked.
    async fn linked(&self, version: &PluginVersion) -> Result<Linked, PluginsError> {
        let hash = version.hash;
        let place = {
            let mut places = self.places();
            if places.len() >= MAX_READY && !places.contains_key(&hash) {
                places.clear();
            }
            Arc::clone(places.entry(hash).or_default())
        };
        let linked = place.get_or_try_init(|| async {
            let bytes =
                self.module(hash).await?.ok_or_else(|| PluginsError::Unknown { name: hash.to_string() })?;
            if PluginHash(Sha256::digest(&bytes).into()) != hash {
                return Err(PluginsError::Damaged { hash });
            }
            let plugin = Arc::new(self.engine.prepare(&bytes).await?);
            Ok(Linked { plugin, schemas: Arc::new(schemas(&version.description)?) })
        });
        linked.await.cloned()
    }

    /// What a version may do.
    fn allowed(&self, version: &PluginVersion, settings: &PluginSettings) -> Allowed {
        let granted = |asked: &&Capability| settings.grants.iter().any(|grant| grant.covers(asked));
        let narrower = |asked: &Capability| {
            let inside = |grant: &&Capability| asked.covers(grant) && !grant.covers(asked);
            settings.grants.iter().filter(inside).cloned().collect::<Vec<_>>()
        };
        let asks = &version.description.capabilities;
        let mut capabilities: Vec<Capability> = asks.iter().filter(granted).cloned().collect();
        // Less than it asks for may be granted too.
        capabilities.extend(asks.iter().flat_map(narrower));
        let secret = |capability: &Capability| match capability {
            Capability::Secret(name) => Some((name.clone(), self.vault.get(name)?.to_string())),
            Capability::Http(_) | Capability::Kv(_) => None,
        };
        let secrets = capabilities.iter().filter_map(secret).collect();
        Allowed { name: version.description.name.to_string(), capabilities, secrets }
    }
}

fn schemas(description: &PluginDescription) -> Result<Schemas, PluginsError> {
    let compiled = |what: &'static str, schema: &Option<crate::model::JsonText>| {
        let compiled = schema.as_ref().map(|schema| OutputSchema::compile(&schema.to_value())).transpose();
        compiled.map_err(|why| {
            PluginsError::Module(PluginError::Describe { why: format!("its {what} schema: {why}") })
        })
    };
    Ok(Schemas {
        input: compiled("input", &description.input_schema)?,
        output: compiled("output", &description.output_schema)?,
    })
}

impl PluginSource for Plugins {
    fn engine(&self) -> &PluginEngine {
        &self.engine
    }

    fn pin(&self, reference: &PluginRef) -> Option<PluginPin> {
        let found = self.known().find(reference)?;
        Some(PluginPin { reference: reference.clone(), hash: found.hash })
    }

    fn granted_secrets(&self, reference: &PluginRef) -> Vec<String> {
        let known = self.known();
        let meant = known.settings.iter().filter(|(name, _)| reference.names(name));
        let grants = meant.flat_map(|(_, settings)| &settings.grants);
        let secret = |grant: &Capability| match grant {
            Capability::Secret(name) => Some(name.clone()),
            Capability::Http(_) | Capability::Kv(_) => None,
        };
        grants.filter_map(secret).collect()
    }

    fn usable<'a>(
        &'a self,
        reference: &'a PluginRef,
        pinned: Option<PluginHash>,
    ) -> BoxFuture<'a, Result<UsablePlugin, RunError>> {
        async move {
            let missing = |message: String| RunError::new(ErrorCode::PluginMissing, message);
            let (version, settings) = {
                let known = self.known();
                let found = match pinned {
                    // Two names may have the same bytes: the one that is meant has the grants.
                    Some(hash) => known
                        .all()
                        .filter(|version| version.hash == hash)
                        .find(|version| reference.names(&version.description.name))
                        .cloned(),
                    None => known.find(reference),
                };
                let found = found.ok_or_else(|| match pinned {
                    Some(hash) => missing(format!(
                        "the run began with {reference} as {hash}, which was removed; upload it again, or give the run a fresh start"
                    )),
                    None => missing(format!("no plugin {reference} is installed; upload it with `flowcell plugin upload FILE`")),
                })?;
                let settings = known.settings.get(&found.description.name).cloned().unwrap_or_default();
                (found, settings)
            };
            let linked = self.linked(&version).await;
            let Linked { plugin, schemas } = linked.map_err(|error| match error {
                PluginsError::Store(error) => RunError::new(ErrorCode::EngineCrash, error.to_string()),
                error => missing(format!("{reference} cannot be run: {error}")),
            })?;
            let description = &version.description;
            Ok(UsablePlugin {
                plugin,
                label: format!("{}@{} {}", description.name, description.version, version.hash),
                allowed: Arc::new(self.allowed(&version, &settings)),
                limits: settings.limits,
                schemas,
            })
        }
        .boxed()
    }
}
