//! Settings in two stages: first what was typed (a file, the environment, flags), then what it means.
//!
//! Every setting `section.key` of flowcell.toml can also be given as `FLOWCELL_SECTION_KEY`, which wins over the file.
//! Flags win over both. An unknown key is an error that names the key.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

mod listen;
mod network;
mod outbound;
mod variable;

use serde::Deserialize;

pub use listen::Listen;
pub use network::{Network, TlsSource};

use crate::{
    engine::EngineOptions,
    model::{ByteSize, Limits, Span},
    net::OutboundOptions,
    sandbox::{EngineOptions as SandboxOptions, Metering},
    secrets::{SecretValue, credentials},
};

const DAY: u64 = 86_400_000;
/// The defaults of retention.
const KEEP_SUCCEEDED: Span = Span::from_millis(14 * DAY);
const KEEP_FAILED: Span = Span::from_millis(30 * DAY);
const KEEP_AUDIT: Span = Span::from_millis(400 * DAY);
const HISTORY_BYTES: ByteSize = ByteSize::from_bytes(10 << 30);

/// The settings as they were typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Typed {
    server: Server,
    sandbox: Sandbox,
    engine: Engine,
    log: Log,
    retention: Retention,
    env: Env,
    secrets: Secrets,
    net: outbound::Net,
    tls: network::Tls,
    workflows: Workflows,
    /// Variables for workflows, `$env.NAME`; they win over the process's own.
    vars: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Server {
    listen: Option<String>,
    data: Option<PathBuf>,
    workflows: Option<PathBuf>,
    plugins: Option<PathBuf>,
    public_url: Option<String>,
    drain: Option<Span>,
    max_connections: Option<usize>,
    max_connections_per_ip: Option<usize>,
    trusted_proxies: Option<Vec<String>>,
    forwarded_header: Option<network::CallerHeader>,
    rate_limit_per_ip: Option<String>,
    hosts: Option<Vec<String>>,
    admin_listen: Option<String>,
    machine_token: Option<bool>,
    cross_site: Option<bool>,
    body_budget: Option<ByteSize>,
    body_budget_per_address: Option<ByteSize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Workflows {
    readonly: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Sandbox {
    cache: Option<PathBuf>,
    slots: Option<usize>,
    memory: Option<ByteSize>,
    reuse: Option<bool>,
    metering: Option<Metering>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Engine {
    max_pending: Option<usize>,
    max_running: Option<usize>,
    waiting_runs: Option<usize>,
    waiting_bytes: Option<ByteSize>,
    max_crashes: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Log {
    format: Option<LogFormat>,
    level: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Retention {
    requests: Option<Span>,
    requests_max_bytes: Option<ByteSize>,
    succeeded: Option<Span>,
    failed: Option<Span>,
    audit: Option<Span>,
    max_bytes: Option<ByteSize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Env {
    allow: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Secrets {
    key: Option<SecretValue>,
    key_file: Option<PathBuf>,
}

/// The form of the server's own log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Settings that were typed as flags. They win over all others.
#[derive(Debug, Default, Clone)]
pub struct Flags {
    /// The file of settings.
    pub config: Option<PathBuf>,
    pub listen: Option<String>,
    pub data: Option<PathBuf>,
    pub workflows: Option<PathBuf>,
    pub plugins: Option<PathBuf>,
}

/// The meaning of all settings together.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: Listen,
    /// Where the console, the API and the metrics are, if not there too.
    pub admin_listen: Option<Listen>,
    /// Whether the token in the data folder opens the API.
    pub machine_token: bool,
    /// The folder of everything durable.
    pub data: PathBuf,
    /// The folder that holds workflow folders.
    pub workflows: PathBuf,
    /// Whether somebody named it, so that it must exist.
    pub workflows_named: bool,
    /// Whether the server never writes there.
    pub workflows_read_only: bool,
    /// A folder of plugins that the start installs.
    pub plugins: Option<PathBuf>,
    /// The beginning of URLs that others get, without a `/` at the end. `None` is the address where it listens.
    pub public_url: Option<String>,
    /// How long a stop waits for runs that are being executed.
    pub drain: Span,
    /// Where the compiled engine is kept.
    pub cache: PathBuf,
    /// Script calls that may run at once.
    pub slots: usize,
    /// Memory for all calls of scripts and plugins together. `None` is a part of what the machine or the control group
    /// has.
    pub sandbox_memory: Option<ByteSize>,
    /// Whether instances of scripts are put back to what they were and used again.
    pub sandbox_reuse: bool,
    /// How the computing of scripts is counted and ended.
    pub sandbox_metering: Metering,
    /// Runs that may be accepted and neither finished nor waiting.
    pub max_pending: usize,
    /// Runs that are executed at once.
    pub max_running: usize,
    /// Runs of one workflow that may wait durably.
    pub waiting_runs: usize,
    /// What the unfinished runs of one workflow may hold in the store.
    pub waiting_bytes: ByteSize,
    /// How many ends of the process in a row a run may be under way at before it fails.
    pub max_crashes: u32,
    /// How long lines of the request log are kept.
    pub keep_requests: Span,
    /// The disk space of the request log, bytes. Above it the oldest lines are dropped early.
    pub requests_bytes: ByteSize,
    /// How long runs are kept after they succeeded.
    pub keep_succeeded: Span,
    /// How long runs are kept after they ended in any other way.
    pub keep_failed: Span,
    /// How long lines of the audit log are kept.
    pub keep_audit: Span,
    /// The disk space of ended runs, bytes. Above it the runs closest to expiry are dropped early.
    pub history_bytes: ByteSize,
    /// The form of the server's own log.
    pub log_format: LogFormat,
    /// Which lines it holds, as a filter of `tracing`.
    pub log_level: String,
    /// Variables for workflows, by name.
    pub vars: BTreeMap<String, String>,
    /// Process variables that workflows may name; `*` ends a prefix.
    pub allow: Vec<String>,
    /// The keys of the secrets themselves.
    pub secrets_key: Option<SecretValue>,
    /// The file that holds the keys; by default one in the data folder.
    pub secrets_key_file: Option<PathBuf>,
    /// Secrets from `FLOWCELL_SECRETS_<NAME>`, for commands that run workflows without a server.
    pub secrets: BTreeMap<String, SecretValue>,
    /// What workflows may call, whom their requests trust, and the proxy that they go through.
    pub outbound: OutboundOptions,
    /// Who may connect, and how often.
    pub network: Network,
    /// The source of the certificate; `None` is plain HTTP.
    pub tls: Option<TlsSource>,
    /// Where the server's clock begins, milliseconds since the epoch. Only for tests of signatures from the past;
    /// always `None` in a release.
    pub test_clock_ms: Option<u64>,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        path: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The file is not TOML, or has an unknown key.
    #[error("{path}:{place}: {message}")]
    File {
        path: String,
        /// Line and column, from 1.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// An environment variable is not a setting, or has a wrong value.
    #[error("{name}: {message}")]
    Variable {
        name: String,
        /// What is wrong.
        message: String,
    },
    /// A value that cannot be used.
    #[error("{key}: {message}")]
    Value {
        /// The setting.
        key: &'static str,
        /// What is wrong and what to do.
        message: String,
    },
}

impl Config {
    /// Puts the settings together. `environment` is that of the process.
    ///
    /// # Errors
    /// The first setting that is unknown or wrong.
    pub fn load(
        flags: &Flags,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        // A release does not have this: there, the name is an unknown setting.
        Self::load_as(flags, environment, cfg!(debug_assertions))
    }

    /// For a build with or without the tests' clock.
    fn load_as(
        flags: &Flags,
        environment: impl Iterator<Item = (String, String)>,
        has_test_clock: bool,
    ) -> Result<Self, ConfigError> {
        let mut table = flags.config.as_deref().map(read_file).transpose()?.unwrap_or_default();
        let (mut secrets, mut test_clock_ms) = (BTreeMap::new(), None);
        for (name, value) in environment {
            if has_test_clock && name == TEST_CLOCK {
                let message = "milliseconds since the epoch are due".to_owned();
                test_clock_ms = Some(value.parse().map_err(|_| ConfigError::Variable { name, message })?);
                continue;
            }
            if let Some(setting) = name.strip_prefix("FLOWCELL_").filter(|setting| !OTHER.contains(setting)) {
                if let Some(secret) = secret_of(setting) {
                    secrets.insert(secret.to_owned(), value.into());
                    continue;
                }
                // Each is checked alone, so that an error names its variable.
                variable::set(&mut table, setting, &value)
                    .and_then(|()| typed(table.clone()))
                    .map_err(|message| ConfigError::Variable { name, message })?;
            }
        }
        let typed = typed(table)
            .map_err(|message| ConfigError::Variable { name: "environment".to_owned(), message })?;
        Ok(Self { secrets, test_clock_ms, ..meaning(typed, flags)? })
    }
}

/// Not a setting: it stands in no documentation, and no release has it. A server with it would accept signatures of the
/// past.
const TEST_CLOCK: &str = "FLOWCELL_TEST_CLOCK_MS";

/// Variables with our prefix that are not settings. The commands that talk to a server read them.
const OTHER: [&str; 2] = ["TOKEN", "URL"];

/// The name of the secret in `SECRETS_NAME`, if that is not a setting.
fn secret_of(setting: &str) -> Option<&str> {
    setting.strip_prefix("SECRETS_").filter(|name| !matches!(*name, "KEY" | "KEY_FILE"))
}

fn read_file(path: &Path) -> Result<toml::Table, ConfigError> {
    let shown = path.display().to_string();
    let text =
        std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: shown.clone(), source })?;
    let wrong = |error: toml::de::Error| {
        let before = &text[..error.span().map_or(0, |span| span.start.min(text.len()))];
        let (line, column) =
            (before.matches('\n').count() + 1, before.len() - before.rfind('\n').map_or(0, |at| at + 1) + 1);
        ConfigError::File {
            path: shown.clone(),
            place: format!("{line}:{column}"),
            message: error.message().to_owned(),
        }
    };
    // Read into the types too, because only that knows the places of unknown keys.
    toml::from_str::<Typed>(&text).map_err(wrong)?;
    text.parse().map_err(wrong)
}

fn typed(table: toml::Table) -> Result<Typed, String> {
    table.try_into().map_err(|error: toml::de::Error| error.message().to_owned())
}

fn meaning(typed: Typed, flags: &Flags) -> Result<Config, ConfigError> {
    let network = network::meaning(&typed.server)?;
    let listen = flags.listen.clone().or(typed.server.listen).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listen = listen.parse().map_err(|message| ConfigError::Value { key: "server.listen", message })?;
    let wrong = |message| ConfigError::Value { key: "server.admin_listen", message };
    let admin_listen = typed.server.admin_listen.map(|text| text.parse().map_err(wrong)).transpose()?;
    let data = flags.data.clone().or(typed.server.data).unwrap_or_else(|| "data".into());
    let at_least_one = |key, value: Option<usize>, default| match value {
        Some(0) => Err(ConfigError::Value { key, message: "must be at least 1".to_owned() }),
        other => Ok(other.unwrap_or(default)),
    };
    if typed.secrets.key.is_some() && typed.secrets.key_file.is_some() {
        let message = "secrets.key_file is given too; leave one of them out".to_owned();
        return Err(ConfigError::Value { key: "secrets.key", message });
    }
    let engine = EngineOptions::default();
    Ok(Config {
        listen,
        admin_listen,
        machine_token: typed.server.machine_token.unwrap_or(true),
        cache: typed.sandbox.cache.unwrap_or_else(|| data.join("cache")),
        network,
        tls: typed.tls.meaning(&data)?,
        data,
        workflows_named: flags.workflows.is_some() || typed.server.workflows.is_some(),
        workflows_read_only: typed.workflows.readonly,
        workflows: flags.workflows.clone().or(typed.server.workflows).unwrap_or_else(|| "workflows".into()),
        plugins: flags.plugins.clone().or(typed.server.plugins),
        public_url: typed.server.public_url.map(public_url).transpose()?,
        drain: typed.server.drain.unwrap_or(engine.drain),
        slots: match at_least_one("sandbox.slots", typed.sandbox.slots, SandboxOptions::default().slots)? {
            slots if slots <= SandboxOptions::SLOTS_MOST => slots,
            _ => {
                let message = format!("{} is the most", SandboxOptions::SLOTS_MOST);
                return Err(ConfigError::Value { key: "sandbox.slots", message });
            }
        },
        sandbox_memory: sandbox_memory(typed.sandbox.memory)?,
        sandbox_metering: typed.sandbox.metering.unwrap_or_default(),
        sandbox_reuse: typed.sandbox.reuse.unwrap_or(SandboxOptions::default().reuse),
        max_pending: at_least_one("engine.max_pending", typed.engine.max_pending, engine.max_pending)?,
        max_running: at_least_one("engine.max_running", typed.engine.max_running, engine.max_running)?,
        waiting_runs: at_least_one("engine.waiting_runs", typed.engine.waiting_runs, engine.waiting_runs)?,
        waiting_bytes: typed.engine.waiting_bytes.unwrap_or(ByteSize::from_bytes(engine.waiting_bytes)),
        max_crashes: match typed.engine.max_crashes.unwrap_or(engine.max_crashes) {
            0 | 1 => {
                let message = "must be at least 2: one crash does not show which run was guilty".to_owned();
                return Err(ConfigError::Value { key: "engine.max_crashes", message });
            }
            most => most,
        },
        keep_requests: typed.retention.requests.unwrap_or(engine.keep_requests),
        requests_bytes: typed
            .retention
            .requests_max_bytes
            .unwrap_or(ByteSize::from_bytes(engine.requests_bytes)),
        keep_succeeded: typed.retention.succeeded.unwrap_or(KEEP_SUCCEEDED),
        keep_failed: typed.retention.failed.unwrap_or(KEEP_FAILED),
        keep_audit: typed.retention.audit.unwrap_or(KEEP_AUDIT),
        history_bytes: typed.retention.max_bytes.unwrap_or(HISTORY_BYTES),
        log_format: typed.log.format.unwrap_or_default(),
        log_level: typed.log.level.unwrap_or_else(|| "info".to_owned()),
        vars: typed.vars,
        allow: typed.env.allow.unwrap_or_default(),
        secrets_key: typed.secrets.key,
        secrets_key_file: typed.secrets.key_file,
        secrets: BTreeMap::new(),
        outbound: typed.net.meaning()?,
        test_clock_ms: None,
    })
}

/// With less than this, not even one script with the default limits could run.
const SANDBOX_LEAST: ByteSize = Limits::DEFAULT.memory;

fn sandbox_memory(given: Option<ByteSize>) -> Result<Option<ByteSize>, ConfigError> {
    match given {
        Some(given) if given.as_bytes() < SANDBOX_LEAST.as_bytes() => {
            let message = format!("{given} is too little: one script may use {SANDBOX_LEAST} by default");
            Err(ConfigError::Value { key: "sandbox.memory", message })
        }
        other => Ok(other),
    }
}

fn public_url(url: String) -> Result<String, ConfigError> {
    let http = url.starts_with("http://") || url.starts_with("https://");
    if !http || url.contains(['?', '#', ' ']) {
        let message = format!("`{url}` is not an address; write it as https://flows.example.com");
        return Err(ConfigError::Value { key: "server.public_url", message });
    }
    Ok(url.trim_end_matches('/').to_owned())
}

impl Config {
    /// The value of a variable that a workflow names: from `[vars]`, else from the process if `env.allow` opens it.
    /// Flowcell's own settings are never given away.
    pub fn variable(&self, name: &str, process: impl Fn(&str) -> Option<String>) -> Option<String> {
        if let Some(value) = self.vars.get(name) {
            return Some(value.clone());
        }
        self.allows(name).then(|| process(name)).flatten()
    }

    /// Whether workflows may see this variable of the process.
    fn allows(&self, name: &str) -> bool {
        !name.starts_with("FLOWCELL_")
            && self.allow.iter().any(|allow| match allow.strip_suffix('*') {
                Some(prefix) => name.starts_with(prefix),
                None => allow == name,
            })
    }

    /// Whether the process has a variable that workflows do not see because `env.allow` lacks it.
    pub fn withholds(&self, name: &str, process: impl Fn(&str) -> Option<String>) -> bool {
        !self.vars.contains_key(name) && !self.allows(name) && process(name).is_some()
    }

    /// The values that look like credentials, among the variables that workflows may see. They are masked like secrets.
    pub fn credentials(&self, process: impl Iterator<Item = (String, String)>) -> Vec<(String, SecretValue)> {
        let seen = process.filter(|(name, _)| self.allows(name) && !self.vars.contains_key(name));
        credentials(seen.chain(self.vars.clone()))
    }
}

#[cfg(test)]
mod tests;
