//! The one place that connects store, sandbox, engine, routers and shutdown.

mod places;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use self::places::{Door, Taken, own_url, scheme};
use crate::{
    api,
    config::{Config, Listen, TlsSource},
    engine::{
        Catalog, Definition, DefinitionError, Engine, EngineOptions, Environment, Plugins, Ports,
        SystemPorts, Vault, VaultError,
    },
    folder::{self, FolderError, Missing},
    gateway::{Endpoints, Gateway},
    key_source::{self, KeyError},
    loader::{Folders, Loader},
    machine, memory_budget,
    net::{NetError, Outbound},
    people::People,
    plugin_folder::{self, PluginFileError},
    sandbox::{
        Admission, Compiler, EngineOptions as SandboxOptions, JsEngine, PluginEngine, PluginOptions,
        SandboxError,
    },
    server::{
        self,
        acme::Acme,
        tls::{Certificates, Files, Tls, TlsError},
    },
    steps::{PluginSource, Services},
    store::{self, Store, StoreError},
    variables::Variables,
};

/// The time between two sweeps that remove what has expired.
const SWEEP_EVERY: Duration = Duration::from_secs(30);
/// Between two looks for ended runs to be settled in the history.
const SETTLE_EVERY: Duration = Duration::from_secs(2);

/// Why the server did not start, or stopped. Each message is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The address cannot be bound.
    #[error("cannot listen on {address}: {source}; stop what uses it, or give another with {setting}")]
    Listen {
        /// The address.
        address: Listen,
        /// What gives another.
        setting: &'static str,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The data folder cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The HTTP client for workflows cannot be made.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The script engine does not start.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The workflow folder cannot be read.
    #[error("{0}; give the folder that holds your workflow folders with --workflows")]
    Folder(#[from] FolderError),
    /// The plugin folder cannot be read.
    #[error("{0}; name a folder of .wasm files with --plugins, or leave it out")]
    Plugins(#[from] PluginFileError),
    /// The secrets cannot be opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The key of the secrets cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Secrets cannot be set through environment variables.
    #[error(
        "FLOWCELL_SECRETS_{0}: there is no such setting, and a server takes no secrets from variables; pass it on with \
         `flowcell secrets set {0} --from-env FLOWCELL_SECRETS_{0}`"
    )]
    SecretVariable(String),
    /// The token of the management API cannot be read or written.
    #[error("cannot keep the API token in {path}: {source}")]
    Token {
        path: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
}

/// One workflow folder that could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Its files cannot be read.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Its files are wrong.
    #[error("{}/{error}", folder.display())]
    Definition {
        folder: PathBuf,
        /// What is wrong, and where.
        error: DefinitionError,
    },
}

impl LoadError {
    /// The lines around the mistake in a code file, with a caret.
    pub fn frame(&self) -> Option<&str> {
        match self {
            Self::Folder(_) => None,
            Self::Definition { error, .. } => error.frame.as_deref(),
        }
    }
}

/// Reads and compiles a workflow folder.
///
/// # Errors
/// What is wrong with it, with file, line and field.
pub fn load(folder: &Path, sandbox: &JsEngine, environment: &Environment) -> Result<Definition, LoadError> {
    let bundle = folder::read(folder)?;
    Definition::compile(bundle, sandbox, environment)
        .map_err(|error| LoadError::Definition { folder: folder.to_owned(), error })
}

/// The task that keeps the certificate valid.
enum Keeper {
    Nobody,
    Files(Files),
    Acme(Box<Acme>),
}

impl Keeper {
    async fn keep(self, reload: &Notify) {
        match self {
            Self::Nobody => {}
            Self::Files(files) => files.watch(reload).await,
            Self::Acme(acme) => acme.keep().await,
        }
    }
}

/// TLS as the settings say, its certificates, and the task that keeps them valid.
fn tls(config: &Config) -> Result<(Option<Tls>, Arc<Certificates>, Keeper), TlsError> {
    let certificates = Arc::new(Certificates::default());
    let keeper = match &config.tls {
        None => return Ok((None, certificates, Keeper::Nobody)),
        Some(TlsSource::Files { cert, key }) => {
            Keeper::Files(Files::open(cert.clone(), key.clone(), Arc::clone(&certificates))?)
        }
        Some(TlsSource::Acme(settings)) => {
            Keeper::Acme(Box::new(Acme::new(settings.clone(), Arc::clone(&certificates))))
        }
    };
    Ok((Some(Tls::new(Arc::clone(&certificates))?), certificates, keeper))
}

/// The compiler of plugins: this same program, in a process of its own.
///
/// # Errors
/// When the system does not say which program this is.
pub fn compiler() -> Result<Compiler, SandboxError> {
    let unknown = |error| SandboxError::Start(format!("it is not known which program this is: {error}"));
    this_program().map(Compiler::Child).map_err(unknown)
}

/// The path of this program, to start it again.
///
/// # Errors
/// When the system does not say which program this is.
pub(crate) fn this_program() -> std::io::Result<PathBuf> {
    // This leads to the same program, even after a newer one has replaced its file.
    let this = PathBuf::from("/proc/self/exe");
    if this.exists() { Ok(this) } else { std::env::current_exe() }
}

/// Installs the plugins that stand as files. If one is wrong, the log says so, and the server starts without it.
async fn install_plugins(config: &Config, plugins: &Plugins, now_ms: u64) -> Result<(), PluginFileError> {
    let Some(folder) = &config.plugins else { return Ok(()) };
    for path in plugin_folder::modules_in(folder)? {
        match plugin_folder::install(plugins, &path, now_ms).await {
            Ok(uploaded) if uploaded.new => {
                let description = &uploaded.version.description;
                tracing::info!(name = %description.name, version = %description.version, "a plugin was installed");
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "a plugin was not installed"),
        }
    }
    Ok(())
}

/// A server that listens.
pub struct App {
    /// Where webhooks are, and, without `admin`, everything else.
    door: Door,
    /// Where the console and the API are.
    admin: Option<Door>,
    engine: Engine,
    people: People,
    /// The beginning of the console's URLs.
    console: Arc<str>,
    store: Arc<dyn Store>,
    loader: Loader,
    limits: server::Limits,
    certificates: Arc<Certificates>,
    keeper: Keeper,
    reload: Arc<Notify>,
}

impl App {
    /// Wakes what looks at files now and then: workflows and certificates are looked at at once.
    pub fn reload(&self) -> Arc<Notify> {
        Arc::clone(&self.reload)
    }

    /// Opens everything, takes up unfinished runs, and listens. It serves nobody yet.
    ///
    /// # Errors
    /// What is in the way.
    pub async fn start(config: &Config) -> Result<Self, AppError> {
        if let Some((name, _)) = config.secrets.first_key_value() {
            return Err(AppError::SecretVariable(name.clone()));
        }
        // The port first: a second server on the same port must not wait for the lock of the first one's data.
        let taken = Taken::take(&config.listen, "--listen")?;
        let admin = config
            .admin_listen
            .as_ref()
            .map(|listen| Taken::take(listen, "server.admin_listen"))
            .transpose()?;
        let (tls, certificates, keeper) = tls(config)?;
        for taken in [Some(&taken), admin.as_ref()].into_iter().flatten() {
            if tls.is_none() && taken.ip().is_some_and(|ip| !ip.is_loopback()) {
                let address = &taken.address;
                tracing::warn!(%address, "HTTP without TLS beyond this machine: set tls.cert and tls.key, or tls.acme, \
                                or put a proxy with TLS in front");
            }
        }
        let own = own_url(scheme(tls.is_some()), &taken.address);
        let public_url: Arc<str> = config.public_url.clone().unwrap_or(own).into();
        // On this machine alone nobody listens in, and no certificate names such an address.
        let admin_tls = admin
            .as_ref()
            .and_then(|admin| tls.clone().filter(|_| admin.ip().is_some_and(|ip| !ip.is_loopback())));
        let console: Arc<str> = match &admin {
            Some(admin) => own_url(scheme(admin_tls.is_some()), &admin.address).into(),
            None => Arc::clone(&public_url),
        };
        let absent = if config.workflows_named { Missing::Wrong } else { Missing::Allowed };
        let folders = folder::workflows_in(&config.workflows, absent)?;
        let store = store::open(&store::Settings::in_data(&config.data)).await?;
        let admission = Admission::new(
            config.sandbox_memory.unwrap_or_else(|| memory_budget::sandbox(machine::memory())),
        );
        let sandbox = JsEngine::load(&SandboxOptions {
            cache: Some(config.cache.clone()),
            slots: config.slots,
            admission: admission.clone(),
            reuse: config.sandbox_reuse,
            metering: config.sandbox_metering,
        })?;
        let token_error = |source| AppError::Token {
            path: config.data.join(api::TOKEN_FILE).display().to_string(),
            source,
        };
        let token = if config.machine_token {
            Some(api::Token::in_folder(&config.data).map_err(token_error)?)
        } else {
            None
        };
        let ports: Arc<dyn Ports> = match config.test_clock_ms {
            None => Arc::new(SystemPorts::default()),
            Some(now_ms) => {
                tracing::warn!(
                    now_ms,
                    "FLOWCELL_TEST_CLOCK_MS IS SET: the clock is wrong and signatures of the past are accepted; \
                     never set it outside of tests"
                );
                Arc::new(SystemPorts::beginning_at(now_ms))
            }
        };
        let keyring = key_source::keyring(config, Vault::sealed_with(&*store).await?.as_deref())?;
        let seal = key_source::seal_keys(&keyring).into_iter().next();
        let vault = Vault::open(Arc::clone(&store), keyring, Arc::clone(&ports)).await?;
        let vault = vault.masking(config.credentials(std::env::vars()));
        let variables = Variables::new(config);
        let catalog = Catalog::new(sandbox.clone(), variables.environment());
        let net = Outbound::new(config.outbound.clone())?;
        let options = EngineOptions {
            max_pending: config.max_pending,
            max_running: config.max_running,
            waiting_runs: config.waiting_runs,
            waiting_bytes: config.waiting_bytes.as_bytes(),
            max_crashes: config.max_crashes,
            keep_requests: config.keep_requests,
            requests_bytes: config.requests_bytes.as_bytes(),
            keep_succeeded: config.keep_succeeded,
            keep_failed: config.keep_failed,
            history_bytes: config.history_bytes.as_bytes(),
            public_url,
            drain: config.drain,
        };
        let runs_plugins = PluginEngine::new(PluginOptions {
            cache: Some(config.cache.clone()),
            compiler: compiler()?,
            slots: config.slots,
            admission,
        })?;
        let plugins = Arc::new(Plugins::open(runs_plugins, Arc::clone(&store), vault.clone()).await?);
        install_plugins(config, &plugins, ports.now_ms()).await?;
        let services = Services {
            sandbox: sandbox.clone(),
            net: net.clone(),
            plugins: Arc::clone(&plugins) as Arc<dyn PluginSource>,
        };
        let people = People::open(Arc::clone(&store), Arc::clone(&ports), config.keep_audit).await?;
        let engine = Engine::new(Arc::clone(&store), services, vault.clone(), ports, catalog, options);
        let endpoints = Arc::new(Endpoints::default());
        let place = Folders { root: config.workflows.clone(), absent, read_only: config.workflows_read_only };
        let loader = Loader::new(place, sandbox, variables, engine.clone(), Arc::clone(&endpoints));
        loader.begin(folders).await?;
        engine.take_up().await?;
        let mut guards = config.network.guards.clone();
        guards.hosts.loopback = taken.is_loopback();
        let gateway = Gateway::new(engine.clone(), endpoints, guards, net);
        let https = admin.as_ref().map_or(tls.is_some(), |_| admin_tls.is_some());
        let keys = api::Keys { token, people: people.clone(), https, url: Arc::clone(&console) };
        let of_api = match &admin {
            Some(admin) => gateway.listening_on(admin.is_loopback()),
            None => gateway.clone(),
        };
        let homes = Arc::new(loader.clone());
        let api = api::router(of_api, engine.clone(), vault, plugins, homes, keys, seal);
        let (door, admin) = match admin {
            Some(admin) => {
                let webhooks = gateway.router().merge(api::without_api(engine.clone()));
                (taken.listen(webhooks, tls)?, Some(admin.listen(api, admin_tls)?))
            }
            None => (taken.listen(gateway.router().merge(api), tls)?, None),
        };
        let limits = config.network.limits();
        Ok(Self {
            door,
            admin,
            engine,
            people,
            console,
            store,
            loader,
            limits,
            certificates,
            keeper,
            reload: Arc::default(),
        })
    }

    /// The URL of the address where it listens.
    pub fn url(&self) -> String {
        self.door.url()
    }

    /// The URL of the address where the console and the API are, if it is another.
    pub fn admin_url(&self) -> Option<String> {
        self.admin.as_ref().map(Door::url)
    }

    /// Whether there never was a person who could log in.
    pub fn needs_setup(&self) -> bool {
        self.people.need_setup()
    }

    /// A new address that makes the first person; `None` when there is one.
    pub fn setup_link(&self) -> Option<String> {
        let secret = self.people.setup_link().ok()?;
        Some(api::setup_url(&self.console, secret.as_str()))
    }

    /// Serves until `stop` resolves. Then it finishes what it accepted, and closes the store.
    ///
    /// # Errors
    /// When the store can no longer promise durability.
    pub async fn serve(self, stop: impl Future<Output = ()>) -> Result<(), AppError> {
        let Self { door, admin, engine, people, store, loader, limits, certificates, keeper, reload, .. } =
            self;
        let sweeper = tokio::spawn(sweep(engine.clone(), people, certificates));
        let (for_loader, for_keeper) = (Arc::clone(&reload), reload);
        let reloader = tokio::spawn(async move { loader.watch(&for_loader).await });
        let (drain, draining) = tokio::sync::watch::channel(false);
        let keeping = tokio::spawn(async move { keeper.keep(&for_keeper).await });
        let serving: Vec<_> = std::iter::once(door)
            .chain(admin)
            .map(|Door { listener, router, tls, .. }| {
                tokio::spawn(server::serve(listener, router, limits.clone(), tls, draining.clone()))
            })
            .collect();
        let failed = tokio::select! {
            () = stop => None,
            error = store.failed() => Some(error),
        };
        engine.drain();
        reloader.abort();
        sweeper.abort();
        keeping.abort();
        let _ = drain.send(true);
        for serving in serving {
            let _ = serving.await;
        }
        engine.stop().await;
        store.close().await;
        failed.map_or(Ok(()), |error| Err(error.into()))
    }
}

/// Removes what has expired, and looks at the surroundings.
async fn sweep(engine: Engine, people: People, certificates: Arc<Certificates>) {
    let mut since_sweep = SWEEP_EVERY;
    loop {
        if since_sweep >= SWEEP_EVERY {
            since_sweep = Duration::ZERO;
            engine.surroundings().certificate(certificates.end_ms());
            if let Err(error) = engine.sweep().await {
                tracing::warn!(%error, "what has expired could not be removed");
            }
            if let Err(error) = people.sweep().await {
                tracing::warn!(%error, "sessions that are over could not be removed");
            }
        }
        if let Some(jump) = engine.surroundings().look_at_clock(Instant::now(), engine.ports().now_ms()) {
            tracing::warn!(by_ms = jump.by_ms, "the clock jumped, or the machine slept");
        }
        if let Err(error) = engine.settle().await {
            tracing::warn!(%error, "ended runs could not be settled in the history");
        }
        tokio::time::sleep(SETTLE_EVERY).await;
        since_sweep += SETTLE_EVERY;
    }
}
