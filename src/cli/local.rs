//! What the commands that run workflows in memory share: the sandbox, the environment, one engine.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;

use super::waiting;
use crate::{
    app::{self, LoadError},
    config::{Config, Flags},
    engine::{Definition, Environment, Plugins, Vault},
    fixtures::{self, Bench, Beside, Kept},
    model::{Entry, Event, Run},
    net::Outbound,
    plugin_folder,
    sandbox::{EngineOptions as SandboxOptions, JsEngine, PluginEngine, PluginOptions},
    secrets::Redactor,
    steps::{PluginSource, Services},
    store::MemoryStore,
    variables::Variables,
};

/// The file that makes a folder a workflow.
const WORKFLOW_FILE: &str = "workflow.json";
/// Script calls at once. Nobody runs more than a few workflows by hand.
const SLOTS: usize = 8;

/// A sandbox and the variables of this process.
pub(super) struct Local {
    pub(super) sandbox: JsEngine,
    pub(super) environment: Environment,
    pub(super) variables: Variables,
    net: Outbound,
    vault: Vault,
    plugins: Arc<Plugins>,
    /// A folder whose plugins are installed before the first run.
    plugin_folder: Option<PathBuf>,
}

impl Local {
    /// Masks the secrets in what is shown.
    pub(super) fn redactor(&self) -> Arc<Redactor> {
        self.vault.redactor()
    }

    /// Loads the JavaScript engine. All commands of this user share its compiled form.
    pub(super) fn new() -> anyhow::Result<Self> {
        let config = Config::load(&Flags::default(), std::env::vars())?;
        let cache = cache_folder(&config);
        let options = SandboxOptions { cache: cache.clone(), slots: SLOTS, ..SandboxOptions::default() };
        let compiling = waiting::sign(match cache {
            Some(_) => "compiling the JavaScript engine, once",
            None => "compiling the JavaScript engine; there is no cache folder, so each time",
        });
        let sandbox = JsEngine::load(&options)?;
        drop(compiling);
        let net = Outbound::new(config.outbound.clone())?;
        let vault = Vault::of(config.secrets.clone())?.masking(config.credentials(std::env::vars()));
        let runs_plugins = PluginEngine::new(PluginOptions {
            cache,
            compiler: app::compiler()?,
            slots: SLOTS,
            ..PluginOptions::default()
        })?;
        let plugins = Arc::new(Plugins::new(runs_plugins, Arc::new(MemoryStore::new()), vault.clone()));
        let variables = Variables::new(&config);
        let environment = variables.environment();
        Ok(Self { sandbox, environment, variables, net, vault, plugins, plugin_folder: config.plugins })
    }

    /// The plugins that workflows find here.
    pub(super) fn plugins(&self) -> &Arc<Plugins> {
        &self.plugins
    }

    /// Installs the plugins of the folder that was named, once.
    async fn install_plugins(&self) -> anyhow::Result<()> {
        let Some(folder) = &self.plugin_folder else { return Ok(()) };
        if self.plugins.list().is_empty() {
            for path in plugin_folder::modules_in(folder)? {
                plugin_folder::install(&self.plugins, &path, 0).await?;
            }
        }
        Ok(())
    }

    /// Compiles a workflow folder.
    pub(super) fn load(&self, folder: &Path) -> Result<Definition, LoadError> {
        self.load_with(folder, &self.environment)
    }

    /// The same as `load`, with other variables.
    pub(super) fn load_with(
        &self,
        folder: &Path,
        environment: &Environment,
    ) -> Result<Definition, LoadError> {
        app::load(folder, &self.sandbox, environment)
    }

    /// Runs an event through a workflow in memory, to its end. `kept` is what scripts find in kv.
    pub(super) async fn run(
        &self,
        definition: Arc<Definition>,
        event: Event,
        kept: &Kept,
    ) -> anyhow::Result<(Run, Vec<Entry>)> {
        self.install_plugins().await?;
        Ok(self.bench().run(definition, event, kept).await?)
    }

    /// What is not as a fixture expects.
    pub(super) async fn differences(
        &self,
        definition: &Arc<Definition>,
        fixture: &Beside,
        trigger: Option<&str>,
    ) -> anyhow::Result<Vec<String>> {
        self.install_plugins().await?;
        Ok(fixtures::differences(&self.bench(), definition, fixture, trigger).await?)
    }

    fn bench(&self) -> Bench {
        let services = Services {
            sandbox: self.sandbox.clone(),
            net: self.net.clone(),
            plugins: Arc::clone(&self.plugins) as Arc<dyn PluginSource>,
        };
        Bench { services, vault: self.vault.clone(), environment: Arc::clone(&self.environment) }
    }
}

/// The workflow folders that a person means: each folder itself when it has a `workflow.json`, else those in it that have one,
/// by name.
pub(super) fn workflow_folders(given: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for folder in given {
        if folder.join(WORKFLOW_FILE).exists() || !folder.is_dir() {
            folders.push(folder.clone());
            continue;
        }
        let entries =
            std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let mut inside = Vec::new();
        for entry in entries {
            let path = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
            if path.join(WORKFLOW_FILE).exists() {
                inside.push(path);
            }
        }
        // A folder without any is named by the error that follows.
        if inside.is_empty() {
            inside.push(folder.clone());
        }
        inside.sort();
        folders.append(&mut inside);
    }
    Ok(folders)
}

/// `sandbox.cache` if it is set, else the user's cache folder; `None` when there is no home.
fn cache_folder(config: &Config) -> Option<PathBuf> {
    if std::env::var_os("FLOWCELL_SANDBOX_CACHE").is_some() {
        return Some(config.cache.clone());
    }
    user_cache()
}

/// The user's cache folder of flowcell; `None` when there is no home.
pub(super) fn user_cache() -> Option<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let base = base.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    base.filter(|base| base.is_absolute()).map(|base| base.join("flowcell"))
}
