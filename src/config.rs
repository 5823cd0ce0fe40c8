//! Settings in two stages: what was typed (a file, the environment, flags), then what it means.
//!
//! Every setting `section.key` of flowcell.toml can be given as `FLOWCELL_SECTION_KEY`, which wins over
//! the file; flags win over both. A key that nobody knows is an error that names it.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{
    engine::EngineOptions,
    model::{ByteSize, Span},
    net::{HostPort, HostPortError},
    sandbox::EngineOptions as SandboxOptions,
    secrets::SecretValue,
};

const DAY: u64 = 86_400_000;
/// Unless the settings say otherwise.
const KEEP_SUCCEEDED: Span = Span::from_millis(14 * DAY);
const KEEP_FAILED: Span = Span::from_millis(30 * DAY);
const HISTORY_BYTES: ByteSize = ByteSize::from_bytes(10 << 30);

/// What was typed.
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
    net: Net,
    /// Variables for workflows, `$env.NAME`; they win over the process's own.
    vars: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Server {
    listen: Option<String>,
    data: Option<PathBuf>,
    workflows: Option<PathBuf>,
    public_url: Option<String>,
    drain: Option<Span>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Sandbox {
    cache: Option<PathBuf>,
    slots: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Engine {
    max_pending: Option<usize>,
    max_running: Option<usize>,
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

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Net {
    allow: Option<Vec<String>>,
}

/// How the server's own log is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What was typed as flags; these win.
#[derive(Debug, Default, Clone)]
pub struct Flags {
    /// The file of settings.
    pub config: Option<PathBuf>,
    /// Where to listen.
    pub listen: Option<String>,
    /// The data folder.
    pub data: Option<PathBuf>,
    /// The folder of workflow folders.
    pub workflows: Option<PathBuf>,
}

/// What it means.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Everything durable.
    pub data: PathBuf,
    /// Folders of workflows.
    pub workflows: PathBuf,
    /// What URLs begin with that are given to others, without a `/` at the end; nothing: the address it listens on.
    pub public_url: Option<String>,
    /// How long a stop waits for runs that are being executed.
    pub drain: Span,
    /// Where the compiled engine is kept.
    pub cache: PathBuf,
    /// Script calls that may run at once.
    pub slots: usize,
    /// Runs that may wait.
    pub max_pending: usize,
    /// Runs that are executed at once.
    pub max_running: usize,
    /// How long lines of the request log are kept.
    pub keep_requests: Span,
    /// What the request log may take; above it the oldest lines go early.
    pub requests_bytes: ByteSize,
    /// How long runs are kept after they succeeded.
    pub keep_succeeded: Span,
    /// How long runs are kept after they ended in any other way.
    pub keep_failed: Span,
    /// What the history of runs may take of the disk; above it the runs that expire first go early.
    pub history_bytes: ByteSize,
    /// How the server's own log is written.
    pub log_format: LogFormat,
    /// What it holds, as `tracing` filters write it.
    pub log_level: String,
    /// Variables for workflows.
    pub vars: BTreeMap<String, String>,
    /// Process variables that workflows may name; `*` ends a prefix.
    pub allow: Vec<String>,
    /// The keys of the secrets themselves.
    pub secrets_key: Option<SecretValue>,
    /// The file that holds them; the default is one in the data folder.
    pub secrets_key_file: Option<PathBuf>,
    /// Secrets from `FLOWCELL_SECRETS_<NAME>`, for commands that run workflows without a server.
    pub secrets: BTreeMap<String, SecretValue>,
    /// Hosts with ports that workflows may call though their addresses are private.
    pub net_allow: Vec<HostPort>,
}

/// Why the settings make no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is no TOML, or has an unknown key.
    #[error("{path}:{place}: {message}")]
    File {
        /// The file.
        path: String,
        /// Line and column, from 1.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// An environment variable is no setting, or has a wrong value.
    #[error("{name}: {message}")]
    Variable {
        /// The variable.
        name: String,
        /// What is wrong.
        message: String,
    },
    /// A value makes no sense.
    #[error("{key}: {message}")]
    Value {
        /// The setting.
        key: &'static str,
        /// What is wrong and what to do.
        message: String,
    },
}

impl Config {
    /// Puts settings together; `environment` is the process's.
    ///
    /// # Errors
    /// The first setting that is unknown or wrong.
    pub fn load(
        flags: &Flags,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut table = flags.config.as_deref().map(read_file).transpose()?.unwrap_or_default();
        let mut secrets = BTreeMap::new();
        for (name, value) in environment {
            if let Some(setting) = name.strip_prefix("FLOWCELL_").filter(|setting| !OTHER.contains(setting)) {
                if let Some(secret) = secret_of(setting) {
                    secrets.insert(secret.to_owned(), value.into());
                    continue;
                }
                // Looked at one by one, so that an error names its variable.
                set(&mut table, setting, &value)
                    .and_then(|()| typed(table.clone()))
                    .map_err(|message| ConfigError::Variable { name, message })?;
            }
        }
        let typed = typed(table)
            .map_err(|message| ConfigError::Variable { name: "environment".to_owned(), message })?;
        Ok(Self { secrets, ..meaning(typed, flags)? })
    }
}

/// Variables with our prefix that are no settings: they speak to the commands that talk to a server.
const OTHER: [&str; 2] = ["TOKEN", "URL"];

/// The secret that `SECRETS_NAME` names, if it is no setting.
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
    // Read as settings too, which alone knows the places of unknown keys.
    toml::from_str::<Typed>(&text).map_err(wrong)?;
    text.parse().map_err(wrong)
}

fn typed(table: toml::Table) -> Result<Typed, String> {
    table.try_into().map_err(|error: toml::de::Error| error.message().to_owned())
}

/// `SECTION_KEY` sets `section.key`. The type follows from the text, as TOML would read it.
fn set(table: &mut toml::Table, setting: &str, value: &str) -> Result<(), String> {
    let unknown =
        || "there is no such setting; a setting `section.key` is written FLOWCELL_SECTION_KEY".to_owned();
    let (section, key) = setting.split_once('_').ok_or_else(unknown)?;
    let section = section.to_lowercase();
    // Names of variables keep their case, keys of settings are lower case.
    let key = if section == "vars" { key.to_owned() } else { key.to_lowercase() };
    let text = toml::Value::String(value.to_owned());
    let value = match (section.as_str(), key.as_str()) {
        ("env" | "net", "allow") => toml::Value::Array(
            value.split(',').map(str::trim).filter(|part| !part.is_empty()).map(toml::Value::from).collect(),
        ),
        ("sandbox" | "engine", _) => value.parse().map_or(text, toml::Value::Integer),
        ("server" | "log" | "retention" | "secrets" | "vars", _) => text,
        _ => return Err(unknown()),
    };
    let section = table.entry(section).or_insert_with(|| toml::Table::new().into());
    let section = section.as_table_mut().ok_or_else(unknown)?;
    section.insert(key, value);
    Ok(())
}

fn meaning(typed: Typed, flags: &Flags) -> Result<Config, ConfigError> {
    let listen = flags.listen.clone().or(typed.server.listen).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listen = listen.parse().map_err(|_| ConfigError::Value {
        key: "server.listen",
        message: format!("`{listen}` is no address; write it as 127.0.0.1:8080 or [::1]:8080"),
    })?;
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
        cache: typed.sandbox.cache.unwrap_or_else(|| data.join("cache")),
        data,
        workflows: flags.workflows.clone().or(typed.server.workflows).unwrap_or_else(|| "workflows".into()),
        public_url: typed.server.public_url.map(public_url).transpose()?,
        drain: typed.server.drain.unwrap_or(engine.drain),
        slots: match at_least_one("sandbox.slots", typed.sandbox.slots, SandboxOptions::default().slots)? {
            slots if slots <= SandboxOptions::SLOTS_MOST => slots,
            _ => {
                let message = format!("{} is the most", SandboxOptions::SLOTS_MOST);
                return Err(ConfigError::Value { key: "sandbox.slots", message });
            }
        },
        max_pending: at_least_one("engine.max_pending", typed.engine.max_pending, engine.max_pending)?,
        max_running: at_least_one("engine.max_running", typed.engine.max_running, engine.max_running)?,
        keep_requests: typed.retention.requests.unwrap_or(engine.keep_requests),
        requests_bytes: typed
            .retention
            .requests_max_bytes
            .unwrap_or(ByteSize::from_bytes(engine.requests_bytes)),
        keep_succeeded: typed.retention.succeeded.unwrap_or(KEEP_SUCCEEDED),
        keep_failed: typed.retention.failed.unwrap_or(KEEP_FAILED),
        history_bytes: typed.retention.max_bytes.unwrap_or(HISTORY_BYTES),
        log_format: typed.log.format.unwrap_or_default(),
        log_level: typed.log.level.unwrap_or_else(|| "info".to_owned()),
        vars: typed.vars,
        allow: typed.env.allow.unwrap_or_else(|| vec!["*".to_owned()]),
        secrets_key: typed.secrets.key,
        secrets_key_file: typed.secrets.key_file,
        secrets: BTreeMap::new(),
        net_allow: net_allow(&typed.net.allow.unwrap_or_default())?,
    })
}

fn public_url(url: String) -> Result<String, ConfigError> {
    let http = url.starts_with("http://") || url.starts_with("https://");
    if !http || url.contains(['?', '#', ' ']) {
        let message = format!("`{url}` is no address; write it as https://flows.example.com");
        return Err(ConfigError::Value { key: "server.public_url", message });
    }
    Ok(url.trim_end_matches('/').to_owned())
}

fn net_allow(entries: &[String]) -> Result<Vec<HostPort>, ConfigError> {
    let wrong = |error: HostPortError| ConfigError::Value { key: "net.allow", message: error.to_string() };
    entries.iter().map(|entry| entry.parse().map_err(wrong)).collect()
}

impl Config {
    /// The value of a variable that a workflow names: from `[vars]`, else from the process if `env.allow` lets it.
    /// Flowcell's own settings are never given away.
    pub fn variable(&self, name: &str, process: impl Fn(&str) -> Option<String>) -> Option<String> {
        if let Some(value) = self.vars.get(name) {
            return Some(value.clone());
        }
        let allowed = !name.starts_with("FLOWCELL_")
            && self.allow.iter().any(|allow| match allow.strip_suffix('*') {
                Some(prefix) => name.starts_with(prefix),
                None => allow == name,
            });
        allowed.then(|| process(name)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(file: &str, variables: &[(&str, &str)], flags: Flags) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flowcell.toml");
        std::fs::write(&path, file).unwrap();
        let flags = Flags { config: Some(path), ..flags };
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::load(&flags, variables).map_err(|error| error.to_string())
    }

    #[test]
    fn flags_win_over_variables_over_the_file() {
        let file = "[server]\nlisten = \"127.0.0.1:1\"\ndata = \"/file\"\n[sandbox]\nslots = 3";
        let variables =
            [("FLOWCELL_SERVER_LISTEN", "127.0.0.1:2"), ("FLOWCELL_SANDBOX_SLOTS", "4"), ("PATH", "/")];
        let flags = Flags { listen: Some("127.0.0.1:3".to_owned()), ..Flags::default() };
        let config = load(file, &variables, flags).unwrap();
        assert_eq!((config.listen.port(), config.slots), (3, 4));
        assert_eq!(config.data, Path::new("/file"));
        assert_eq!(config.cache, Path::new("/file/cache"));
        assert_eq!(
            load(file, &[("FLOWCELL_RETENTION_REQUESTS", "36h")], Flags::default())
                .unwrap()
                .keep_requests
                .to_string(),
            "36h"
        );
        let config =
            load("[retention]\nsucceeded = \"2d\"\nmax_bytes = \"1GiB\"", &[], Flags::default()).unwrap();
        assert_eq!((config.keep_succeeded, config.keep_failed), (Span::from_millis(2 * DAY), KEEP_FAILED));
        assert_eq!(config.history_bytes.as_bytes(), 1 << 30);
        let file = "[net]\nallow = [\"127.0.0.1:9000\"]";
        let allowed = |variables: &[(&str, &str)]| {
            let config = load(file, variables, Flags::default()).unwrap();
            config.net_allow.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(allowed(&[]), ["127.0.0.1:9000"]);
        assert_eq!(allowed(&[("FLOWCELL_NET_ALLOW", "a:1, [::1]:2")]), ["a:1", "[::1]:2"]);
        assert_eq!(allowed(&[("FLOWCELL_NET_ALLOW", "")]), Vec::<String>::new());
    }

    #[test]
    fn what_is_unknown_or_wrong_is_named() {
        let cases: [(&str, &[(&str, &str)], &str); 11] = [
            ("[server]\nlissen = 1", &[], "flowcell.toml:2:1: unknown field `lissen`"),
            ("[serfer]", &[], "serfer"),
            ("[sandbox]\nslots = 0", &[], "sandbox.slots"),
            ("[sandbox]\nslots = 5000", &[], "sandbox.slots"),
            ("[server]\nlisten = \"here\"", &[], "server.listen"),
            ("[net]\nallow = [\"internal.example\"]", &[], "net.allow: `internal.example` names no port"),
            ("", &[("FLOWCELL_NET_DENY", "a:1")], "FLOWCELL_NET_DENY"),
            ("", &[("FLOWCELL_SANDBOX_SLOT", "1")], "FLOWCELL_SANDBOX_SLOT"),
            ("", &[("FLOWCELL_NONSENSE", "1")], "FLOWCELL_NONSENSE"),
            ("[retention]\nfailed = \"long\"", &[], "`long` is not a duration"),
            ("", &[("FLOWCELL_ENGINE_MAX_PENDING", "many")], "FLOWCELL_ENGINE_MAX_PENDING: invalid type"),
        ];
        for (file, variables, named) in cases {
            let error = load(file, variables, Flags::default()).map(|_| ()).unwrap_err();
            assert!(error.contains(named), "{named}: {error}");
        }
    }

    #[test]
    fn the_key_of_the_secrets_is_a_setting_that_is_never_shown_and_other_names_are_secrets() {
        let variables = [("FLOWCELL_SECRETS_KEY", "k3y-material"), ("FLOWCELL_SECRETS_Api_Token", "s3cret")];
        let config = load("", &variables, Flags::default()).unwrap();
        assert_eq!(config.secrets_key.as_deref(), Some("k3y-material"));
        assert_eq!(config.secrets["Api_Token"].as_str(), "s3cret");
        let shown = format!("{config:?}");
        assert!(!shown.contains("k3y") && !shown.contains("s3cret"), "{shown}");
        let file = load("[secrets]\nkey_file = \"/run/key\"", &[], Flags::default()).unwrap();
        assert_eq!(file.secrets_key_file.as_deref(), Some(Path::new("/run/key")));
        let error =
            load("[secrets]\nkey_file = \"/k\"", &variables, Flags::default()).map(|_| ()).unwrap_err();
        assert!(error.contains("secrets.key_file") && !error.contains("k3y"), "{error}");
        let error = load("[secrets]\nAPI = \"v4lue\"", &[], Flags::default()).map(|_| ()).unwrap_err();
        assert!(error.contains("API") && !error.contains("v4lue"), "{error}");
    }

    #[test]
    fn workflows_see_variables_that_are_allowed_and_never_our_own() {
        let config =
            load("[vars]\nA = \"file\"\n[env]\nallow = [\"GIT_*\", \"B\"]", &[], Flags::default()).unwrap();
        let variable = |name| config.variable(name, |name| Some(format!("process {name}")));
        assert_eq!(variable("A").as_deref(), Some("file"));
        assert_eq!(variable("B").as_deref(), Some("process B"));
        assert_eq!(variable("GIT_X").as_deref(), Some("process GIT_X"));
        assert_eq!(variable("HOME"), None);
        let open = load("", &[("FLOWCELL_VARS_Name", "v")], Flags::default()).unwrap();
        let variable = |name| open.variable(name, |name| Some(format!("process {name}")));
        assert_eq!(variable("HOME").as_deref(), Some("process HOME"));
        assert_eq!(variable("FLOWCELL_TOKEN"), None);
        assert_eq!(variable("Name").as_deref(), Some("v"));
    }
}
