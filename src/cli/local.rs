//! What the commands that run workflows in memory share: the sandbox, the environment, one engine.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use serde_json::json;

use super::{fixtures::Kept, waiting};
use crate::{
    app::{self, LoadError},
    config::{Config, Flags},
    engine::{
        Catalog, Definition, Engine, EngineOptions, Environment, KvOp, Plugins, Submission, Submitted,
        SystemPorts, Vault,
    },
    model::{Bundle, Cause, Entry, Event, Mode, NamedTrigger, Run, RunId, RunStatus, WorkflowKey},
    net::Outbound,
    plugin_folder,
    sandbox::{EngineOptions as SandboxOptions, JsEngine, PluginEngine, PluginOptions},
    secrets::Redactor,
    steps::{PluginSource, Services},
    store::{self, MemoryStore, tables},
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
        mut event: Event,
        kept: &Kept,
    ) -> anyhow::Result<(Run, Vec<Entry>)> {
        // The gateway would do the same.
        let trigger =
            event.trigger.name.as_ref().and_then(|name| definition.workflow.trigger(name.as_str()).ok());
        if let Some(webhook) = trigger.and_then(NamedTrigger::webhook) {
            event.hide_headers(|name| webhook.hides(name));
            event.hide_parameters(|name| webhook.hides_parameter(name));
        }
        self.install_plugins().await?;
        let store = store::open(&store::Settings::Memory).await?;
        let catalog = Catalog::new(self.sandbox.clone(), Arc::clone(&self.environment));
        let engine = Engine::new(
            Arc::clone(&store),
            Services {
                sandbox: self.sandbox.clone(),
                net: self.net.clone(),
                plugins: Arc::clone(&self.plugins) as Arc<dyn PluginSource>,
            },
            self.vault.clone(),
            Arc::new(SystemPorts::default()),
            catalog,
            EngineOptions::default(),
        );
        engine.install(Arc::clone(&definition)).await?;
        self.keep(&engine, &definition.workflow.key, kept).await?;
        engine.take_up().await?;
        let submission = Submission {
            definition,
            event,
            mode: Mode::Sync,
            cause: Cause::Manual,
            dedupe: None,
            replay: None,
        };
        let Submitted::Started { run, .. } = engine.submit(submission).await? else {
            anyhow::bail!("the first run of an empty store is never a copy");
        };
        ended_or_waiting(&engine, run).await?;
        let run = tables::runs::get(&*store, run).await?.context("the run is in the store")?;
        let entries = tables::journal::list(&*store, run.head.id).await?;
        Ok((run, entries))
    }

    /// Stores what workflows keep. Others than the one that runs are there only to let it read theirs.
    async fn keep(&self, engine: &Engine, key: &WorkflowKey, kept: &Kept) -> anyhow::Result<()> {
        for (owner, values) in kept {
            if owner != key {
                let workflow = json!({
                    "key": owner,
                    "trigger": { "type": "manual" },
                    "kv": { "readers": [key] },
                    "steps": [],
                });
                let bundle = Bundle { workflow: workflow.to_string(), files: Default::default() };
                let owner = Definition::compile(bundle, &self.sandbox, &self.environment)?;
                engine.install(Arc::new(owner)).await?;
            }
            for (name, value) in values {
                let set = KvOp::Set { key: name.clone(), value: value.clone(), ttl_ms: None };
                engine
                    .kv()
                    .operate(owner.clone(), set, engine.ports().now_ms())
                    .await
                    .with_context(|| format!("kv.{owner}"))?;
            }
        }
        Ok(())
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

/// A longer wait than this is not waited for, milliseconds.
const WAIT_MOST_MS: u64 = 60_000;

/// Returns when a run has ended, or when it waits for something that will not come here.
async fn ended_or_waiting(engine: &Engine, run: RunId) -> anyhow::Result<()> {
    loop {
        let head = tables::runs::head(&**engine.store(), run).await?.context("the run is in the store")?;
        let now_ms = engine.ports().now_ms();
        let waits = head.status == RunStatus::Waiting
            && head.due_ms.is_none_or(|due_ms| due_ms > now_ms.saturating_add(WAIT_MOST_MS));
        if head.status.is_terminal() || waits {
            return Ok(());
        }
        let _ = tokio::time::timeout(Duration::from_millis(20), engine.wait_for(run)).await;
    }
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
