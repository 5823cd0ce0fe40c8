//! Settings of what leaves: the hosts that workflows may call, the authorities that are trusted, the proxy.

use std::path::PathBuf;

use serde::Deserialize;

use super::ConfigError;
use crate::{
    net::{Authorities, HostPortError, OutboundOptions, ProxyOptions, ProxyUrlError},
    secrets::SecretValue,
};

/// `[net]`, as it is typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Net {
    allow: Option<Vec<String>>,
    ca_file: Option<PathBuf>,
    /// It may hold a password.
    proxy: Option<SecretValue>,
    no_proxy: Option<Vec<String>>,
    proxy_resolves: Option<bool>,
}

impl Net {
    pub(super) fn meaning(self) -> Result<OutboundOptions, ConfigError> {
        let wrong =
            |error: HostPortError| ConfigError::Value { key: "net.allow", message: error.to_string() };
        let allow = self
            .allow
            .iter()
            .flatten()
            .map(|entry| entry.parse().map_err(wrong))
            .collect::<Result<_, _>>()?;
        Ok(OutboundOptions {
            allow,
            ca: self.ca_file.map(authorities).transpose()?,
            proxy: proxy(self.proxy, self.no_proxy, self.proxy_resolves)?,
            ..OutboundOptions::default()
        })
    }
}

fn authorities(path: PathBuf) -> Result<Authorities, ConfigError> {
    let shown = path.display().to_string();
    let pem = std::fs::read(path)
        .map_err(|source| ConfigError::Read { path: format!("{shown} (net.ca_file)"), source })?;
    Authorities::from_pem(&pem)
        .map_err(|why| ConfigError::Value { key: "net.ca_file", message: format!("{shown} {why}") })
}

fn proxy(
    url: Option<SecretValue>,
    except: Option<Vec<String>>,
    resolves: Option<bool>,
) -> Result<Option<ProxyOptions>, ConfigError> {
    let Some(url) = url.filter(|url| !url.as_str().trim().is_empty()) else {
        // A setting that changes nothing is a mistake.
        return match (except, resolves) {
            (None, None) => Ok(None),
            (Some(_), _) => Err(alone("net.no_proxy")),
            (None, Some(_)) => Err(alone("net.proxy_resolves")),
        };
    };
    let wrong = |error: ProxyUrlError| ConfigError::Value { key: "net.proxy", message: error.to_string() };
    let except = except.unwrap_or_default();
    if let Some(entry) = except.iter().find(|entry| is_no_exception(entry)) {
        let message = format!(
            "`{entry}` is no host; write a name, an address, a range as 10.0.0.0/8, or *, without scheme and port"
        );
        return Err(ConfigError::Value { key: "net.no_proxy", message });
    }
    let url = url.as_str().parse().map_err(wrong)?;
    Ok(Some(ProxyOptions { url, except, resolves: resolves.unwrap_or(false) }))
}

fn alone(key: &'static str) -> ConfigError {
    ConfigError::Value { key, message: "is given without net.proxy".to_owned() }
}

/// Whether an entry would silently match nothing.
fn is_no_exception(entry: &str) -> bool {
    let is_address = entry.parse::<std::net::IpAddr>().is_ok() || entry.parse::<ipnet::IpNet>().is_ok();
    let is_name = |name: &str| !name.is_empty() && !name.contains(['*', '/', ':', ' ', ',', '@', '[']);
    entry != "*" && !is_address && !is_name(entry)
}
