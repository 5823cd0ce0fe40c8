//! Settings of the network's edge: who may connect, behind which proxies, with which certificate.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{ConfigError, Server};
use crate::{
    gateway::{BodyLimits, ForwardedHeader, Guards, HostName, Hosts, Proxies},
    machine, memory_budget,
    model::{ByteSize, Network as Range, is_safe_way},
    server::{
        Limits,
        acme::{AcmeSettings, LETS_ENCRYPT},
    },
};

/// The folder inside the data folder where ACME keeps its files.
const ACME_FOLDER: &str = "acme";
/// The smallest budgets of bodies, bytes. With less, no ordinary request would pass.
const BUDGET_LEAST: u64 = 1 << 20;
const SHARE_LEAST: u64 = 64 << 10;
/// The most domains of one certificate, as Let's Encrypt allows.
const MAX_DOMAINS: usize = 100;

/// The header that proxies write, as it is typed.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum CallerHeader {
    XForwardedFor,
    Forwarded,
    XRealIp,
    CfConnectingIp,
}

/// `[tls]`, as it is typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Tls {
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    acme: Option<Acme>,
}

/// `[tls.acme]`, as it is typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Acme {
    domains: Vec<String>,
    contact: Option<String>,
    directory: Option<String>,
    terms_agreed: bool,
}

/// Who may connect, and how often.
#[derive(Debug, Clone)]
pub struct Network {
    /// Connections at once.
    pub max_connections: usize,
    /// Connections of one address. `None` is the default, without a limit for loopback.
    pub max_connections_per_ip: Option<usize>,
    /// The gateway's guards for all workflows together.
    pub guards: Guards,
}

impl Network {
    /// The caps of the accept loop.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            connections: self.max_connections,
            per_ip: self.max_connections_per_ip,
            proxies: self.guards.proxies.trusted.clone(),
        }
    }
}

/// The source of the certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsSource {
    /// Files, which are read again when they change.
    Files {
        /// The certificate chain, PEM.
        cert: PathBuf,
        /// The private key, PEM.
        key: PathBuf,
    },
    /// A directory that issues certificates.
    Acme(AcmeSettings),
}

pub(super) fn meaning(server: &Server) -> Result<Network, ConfigError> {
    let positive = |key, value: Option<usize>| match value {
        Some(0) => Err(ConfigError::Value { key, message: "must be at least 1".to_owned() }),
        other => Ok(other),
    };
    let ranges = |texts: &Option<Vec<String>>| -> Result<Vec<Range>, ConfigError> {
        let wrong = |message| ConfigError::Value { key: "server.trusted_proxies", message };
        texts.iter().flatten().map(|text| text.parse().map_err(|error| wrong(format!("{error}")))).collect()
    };
    let budget = |key, value: Option<ByteSize>, least| match value.map(ByteSize::as_bytes) {
        Some(bytes) if bytes < least => {
            let message = format!("must be at least {}", ByteSize::from_bytes(least));
            Err(ConfigError::Value { key, message })
        }
        other => Ok(other),
    };
    let bodies = BodyLimits {
        process: budget("server.body_budget", server.body_budget, BUDGET_LEAST)?
            .unwrap_or_else(|| memory_budget::bodies(machine::memory())),
        per_address: budget("server.body_budget_per_address", server.body_budget_per_address, SHARE_LEAST)?,
    };
    let rate = server.rate_limit_per_ip.as_deref().map(str::parse).transpose();
    Ok(Network {
        max_connections: positive("server.max_connections", server.max_connections)?
            .unwrap_or(Limits::CONNECTIONS),
        max_connections_per_ip: positive("server.max_connections_per_ip", server.max_connections_per_ip)?,
        guards: Guards {
            proxies: Proxies {
                trusted: ranges(&server.trusted_proxies)?,
                header: match server.forwarded_header {
                    None | Some(CallerHeader::XForwardedFor) => ForwardedHeader::XForwardedFor,
                    Some(CallerHeader::Forwarded) => ForwardedHeader::Forwarded,
                    Some(CallerHeader::XRealIp) => ForwardedHeader::XRealIp,
                    Some(CallerHeader::CfConnectingIp) => ForwardedHeader::CfConnectingIp,
                },
            },
            per_ip: rate
                .map_err(|message| ConfigError::Value { key: "server.rate_limit_per_ip", message })?,
            hosts: hosts(server)?,
            bodies,
        },
    })
}

/// The names that the server answers to, with that of its public URL.
fn hosts(server: &Server) -> Result<Hosts, ConfigError> {
    let wrong = |message| ConfigError::Value { key: "server.hosts", message };
    let mut names = Vec::new();
    for text in server.hosts.iter().flatten() {
        names.push(text.parse::<HostName>().map_err(|error| wrong(error.to_string()))?);
    }
    let public = server.public_url.as_deref().and_then(|url| url::Url::parse(url).ok());
    names.extend(public.and_then(|url| url.host_str()?.parse::<HostName>().ok()));
    // Whether it listens on loopback is known only when it listens.
    Ok(Hosts { names, cross_site: server.cross_site.unwrap_or(false), loopback: false })
}

impl Tls {
    pub(super) fn meaning(self, data: &Path) -> Result<Option<TlsSource>, ConfigError> {
        let wrong = |key, message: &str| Err(ConfigError::Value { key, message: message.to_owned() });
        match (self.cert, self.key, self.acme) {
            (None, None, None) => Ok(None),
            (Some(cert), Some(key), None) => Ok(Some(TlsSource::Files { cert, key })),
            (None, None, Some(acme)) => acme.meaning(data).map(|settings| Some(TlsSource::Acme(settings))),
            (Some(_), None, None) => wrong("tls.key", "is missing; tls.cert needs the file of its key"),
            (None, Some(_), None) => {
                wrong("tls.cert", "is missing; tls.key needs the file of its certificate")
            }
            (_, _, Some(_)) => wrong("tls.acme", "tls.cert or tls.key is given too; leave one of them out"),
        }
    }
}

impl Acme {
    fn meaning(self, data: &Path) -> Result<AcmeSettings, ConfigError> {
        let wrong = |key, message: String| Err(ConfigError::Value { key, message });
        if !self.terms_agreed {
            let message = "set it to true when you agree to the terms of service of the directory".to_owned();
            return wrong("tls.acme.terms_agreed", message);
        }
        if self.domains.is_empty() || self.domains.len() > MAX_DOMAINS {
            return wrong("tls.acme.domains", format!("name 1 to {MAX_DOMAINS} domains"));
        }
        if let Some(domain) = self.domains.iter().find(|domain| !is_domain(domain)) {
            let message = format!(
                "`{domain}` is not a domain that can be proven; write it as flows.example.com, without `*`"
            );
            return wrong("tls.acme.domains", message);
        }
        if self.contact.as_deref().is_some_and(|contact| !contact.starts_with("mailto:")) {
            return wrong("tls.acme.contact", "write it as mailto:ops@example.com".to_owned());
        }
        let directory = self.directory.unwrap_or_else(|| LETS_ENCRYPT.to_owned());
        // Plain HTTP is only for directories on the same machine, which tests use.
        let is_plain = |url: &url::Url| url.username().is_empty() && url.password().is_none();
        if !url::Url::parse(&directory).is_ok_and(|url| is_safe_way(&url) && is_plain(&url)) {
            return wrong("tls.acme.directory", format!("`{directory}` is not an https:// address"));
        }
        let domains = self.domains.iter().map(|domain| domain.to_ascii_lowercase()).collect();
        Ok(AcmeSettings { domains, contact: self.contact, directory, folder: data.join(ACME_FOLDER) })
    }
}

/// Whether a text is a name of ASCII labels (RFC 1123 section 2.1) with at least one dot, and not an address.
fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=63).contains(&label.len())
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253
        && text.contains('.')
        && text.split('.').all(label)
        && text.parse::<std::net::Ipv4Addr>().is_err()
}

/// Sets `FLOWCELL_TLS_KEY`, and `FLOWCELL_TLS_ACME_KEY` for the table inside it.
pub(super) fn set_tls(table: &mut toml::Table, key: &str, value: &str) -> Option<()> {
    let mut section = table.entry("tls").or_insert_with(|| toml::Table::new().into()).as_table_mut()?;
    let key = match key.strip_prefix("acme_") {
        None => key,
        Some(inner) => {
            section = section.entry("acme").or_insert_with(|| toml::Table::new().into()).as_table_mut()?;
            inner
        }
    };
    let text = || toml::Value::from(value);
    let value = match key {
        "domains" => list(value),
        "terms_agreed" => value.parse().map_or_else(|_| text(), toml::Value::Boolean),
        _ => text(),
    };
    section.insert(key.to_owned(), value);
    Some(())
}

/// Reads a list from a variable, where commas separate it.
pub(super) fn list(value: &str) -> toml::Value {
    toml::Value::Array(
        value.split(',').map(str::trim).filter(|part| !part.is_empty()).map(toml::Value::from).collect(),
    )
}
