//! Packages from an npm registry: their versions and their tarballs, which are checked against their integrity and
//! kept.
//!
//! Nothing of a tarball is used before its SHA-512 matches the registry's (SRI, as in a lock file).

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::Method;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use sha2::{Digest, Sha512};
use url::Url;

use super::npmrc::Npmrc;
use crate::net::Client;

/// The most redirects that are followed.
const REDIRECTS: usize = 5;
/// How often a failing request is tried.
const TRIES: u32 = 3;
/// npm's short form of a package's metadata.
const SHORT: &str = "application/vnd.npm.install-v1+json";

/// The metadata of one package in a registry.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Packument {
    #[serde(rename = "dist-tags", default)]
    pub(super) tags: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "readable")]
    pub(super) versions: BTreeMap<String, Manifest>,
}

/// The versions that can be understood: an odd one of long ago is no reason to refuse the others.
fn readable<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, Manifest>, D::Error> {
    let all = BTreeMap::<String, Value>::deserialize(from)?;
    let read = |(version, manifest)| Some((version, serde_json::from_value(manifest).ok()?));
    Ok(all.into_iter().filter_map(read).collect())
}

/// Names and ranges; old versions have an empty list where there are none (underscore 1.0.3).
fn ranges<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    match Value::deserialize(from)? {
        Value::Object(map) => {
            Ok(map.into_iter().filter_map(|(name, range)| Some((name, range.as_str()?.to_owned()))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Ok(BTreeMap::new())
        }
    }
}

/// One version of a package.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Manifest {
    pub(super) name: String,
    pub(super) version: String,
    #[serde(default, deserialize_with = "ranges")]
    pub(super) dependencies: BTreeMap<String, String>,
    #[serde(default, rename = "peerDependencies", deserialize_with = "ranges")]
    pub(super) peers: BTreeMap<String, String>,
    #[serde(default, rename = "peerDependenciesMeta")]
    pub(super) peers_meta: BTreeMap<String, PeerMeta>,
    /// A text in most packages, `true` in some old ones.
    #[serde(default)]
    pub(super) deprecated: Value,
    pub(super) dist: Dist,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct PeerMeta {
    #[serde(default)]
    pub(super) optional: bool,
}

/// Where a version's tarball is, and its integrity.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Dist {
    pub(super) tarball: String,
    #[serde(default)]
    pub(super) integrity: String,
}

/// A registry's client.
pub(super) struct Registry {
    client: Client,
    npmrc: Npmrc,
    cache: PathBuf,
}

impl Registry {
    /// A client that keeps tarballs below `cache`.
    pub(super) fn new(npmrc: Npmrc, cache: &Path) -> anyhow::Result<Self> {
        Ok(Self { client: Client::new()?, npmrc, cache: cache.join("npm") })
    }

    /// The metadata of a package.
    pub(super) async fn packument(&self, name: &str) -> anyhow::Result<Packument> {
        let path = name.replace('/', "%2f");
        let url = self
            .npmrc
            .registry(name)
            .join(&path)
            .with_context(|| format!("{name:?} is not the name of a package"))?;
        let body = self.get(url, SHORT, name).await?;
        serde_json::from_slice(&body)
            .with_context(|| format!("the registry's answer about {name} cannot be understood"))
    }

    /// A tarball that matches its integrity.
    pub(super) async fn tarball(&self, name: &str, version: &str, dist: &Dist) -> anyhow::Result<Vec<u8>> {
        let what = format!("{name}@{version}");
        let wanted = sha512_of(&dist.integrity).with_context(|| {
            format!("the registry gives no sha512 for {what}, so it cannot be checked; take a newer version")
        })?;
        let kept = self.cache.join(format!("{}.tgz", hex::encode(&wanted)));
        if let Ok(bytes) = std::fs::read(&kept)
            && Sha512::digest(&bytes).as_slice() == wanted
        {
            return Ok(bytes);
        }
        let url = Url::parse(&dist.tarball).with_context(|| format!("the tarball of {what} has no URL"))?;
        let url = self.npmrc.tarball(name, &url)?;
        ensure!(
            url.scheme() == "https" || self.npmrc.registry(name).scheme() == "http",
            "the registry gives {what} at {url}, which is not https"
        );
        let bytes = self.get(url, "*/*", &what).await?;
        ensure!(
            Sha512::digest(&bytes).as_slice() == wanted,
            "the tarball of {what} does not match its integrity; nothing of it was used"
        );
        // Keeping it is only a convenience: a read-only home is not an error.
        let _ = std::fs::create_dir_all(&self.cache).and_then(|()| {
            let part = tempfile::NamedTempFile::new_in(&self.cache)?;
            std::fs::write(part.path(), &bytes)?;
            part.persist(&kept).map(drop).map_err(|error| error.error)
        });
        Ok(bytes)
    }

    /// A version whose integrity is known beforehand, from the registry's usual place.
    pub(super) async fn known(&self, name: &str, version: &str, integrity: &str) -> anyhow::Result<Vec<u8>> {
        let short = name.rsplit('/').next().unwrap_or(name);
        let tarball = self.npmrc.registry(name).join(&format!("{name}/-/{short}-{version}.tgz"))?;
        let dist = Dist { tarball: tarball.into(), integrity: integrity.to_owned() };
        self.tarball(name, version, &dist).await
    }

    async fn get(&self, mut url: Url, accept: &str, what: &str) -> anyhow::Result<Vec<u8>> {
        for _ in 0..=REDIRECTS {
            let response = self.try_often(&url, accept).await?;
            let place = url.host_str().unwrap_or_default();
            match response.status {
                200 => return Ok(response.body),
                301 | 302 | 303 | 307 | 308 => {
                    let to = response.headers.get("location").and_then(|to| to.to_str().ok());
                    let to = to.with_context(|| format!("{place} redirects {what} to nowhere"))?;
                    let next = url.join(to)?;
                    ensure!(
                        next.scheme() == "https" || url.scheme() == "http",
                        "{place} redirects {what} to plain http"
                    );
                    url = next;
                }
                401 | 403 => bail!(
                    "{place} refuses {what} (HTTP {}); put its token into ~/.npmrc, as `npm login` does",
                    response.status
                ),
                404 => bail!("{place} has no {what}; look at the name, or give another --registry"),
                status => bail!("{place} answered {what} with HTTP {status}; try again later"),
            }
        }
        bail!("{what} is redirected more than {REDIRECTS} times")
    }

    async fn try_often(&self, url: &Url, accept: &str) -> anyhow::Result<crate::net::Response> {
        let mut headers = vec![("accept".to_owned(), accept.to_owned())];
        let authorization = self.npmrc.authorization(url);
        headers.extend(authorization.map(|value| ("authorization".to_owned(), value.to_owned())));
        let mut tried = 0;
        loop {
            tried += 1;
            let answer = self.client.send(Method::GET, url.as_str(), &headers, Vec::new()).await;
            match answer {
                Ok(response) if response.status < 500 && response.status != 429 || tried == TRIES => {
                    return Ok(response);
                }
                Err(error) if tried == TRIES => {
                    return Err(error)
                        .context("the registry cannot be reached; see `npm config get registry`");
                }
                Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(500) * tried).await,
            }
        }
    }
}

/// The SHA-512 among the hashes of an integrity text.
fn sha512_of(integrity: &str) -> Option<Vec<u8>> {
    let mut hashes = integrity.split_ascii_whitespace();
    let hash = hashes.find_map(|hash| hash.strip_prefix("sha512-"))?;
    let hash = hash.split('?').next().unwrap_or(hash);
    BASE64_STANDARD.decode(hash).ok().filter(|hash| hash.len() == 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_sha512_counts() {
        let hash = BASE64_STANDARD.encode([7; 64]);
        assert_eq!(sha512_of(&format!("sha1-AAAA sha512-{hash}?x")), Some(vec![7; 64]));
        for none in ["", "sha1-AAAA", "sha512-", "sha512-AAAA", "sha512-!"] {
            assert_eq!(sha512_of(none), None, "{none}");
        }
    }

    #[test]
    fn odd_versions_of_long_ago_do_not_hide_the_others() {
        let dist = serde_json::json!({ "tarball": "https://r/x.tgz" });
        let packument: Packument = serde_json::from_value(serde_json::json!({
            "dist-tags": { "latest": "1.2.0" },
            "versions": {
                "0.1.0": { "name": "x", "version": "0.1.0" },
                "1.0.0": { "name": "x", "version": "1.0.0", "dependencies": [], "peerDependencies": null, "dist": dist },
                "1.1.0": { "name": "x", "version": "1.1.0", "dependencies": { "a": "^1", "b": false }, "dist": dist },
                "1.2.0": { "name": "x", "version": "1.2.0", "dependencies": { "a": "^1" }, "dist": dist },
            },
        }))
        .unwrap();
        let found: Vec<_> =
            packument.versions.values().map(|one| (one.version.as_str(), one.dependencies.len())).collect();
        assert_eq!(found, [("1.0.0", 0), ("1.1.0", 1), ("1.2.0", 1)]);
    }
}
