//! Packages from an npm registry: their versions and their tarballs, which are checked against their integrity and
//! kept.
//!
//! Nothing of a tarball is used before its SHA-512 matches the registry's (SRI, as in a lock file). A registry may be
//! hostile. So every answer has a size and a time, and only the registries of npm's settings may have a private address.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::Method;
use nodejs_semver::Version;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use sha2::{Digest, Sha512};
use url::Url;

use super::npmrc::Npmrc;
use crate::net::{HostPort, NetError, Outbound, OutboundOptions, OutboundRequest, Response};

/// The most redirects that are followed.
const REDIRECTS: usize = 5;
/// How often a failing request is tried.
const TRIES: u32 = 3;
/// npm's short form of a package's metadata.
const SHORT: &str = "application/vnd.npm.install-v1+json";
/// The largest metadata of one package, and of all packages of one bundle. npm's largest has 10 MB.
const MAX_PACKUMENT: u64 = 32 << 20;
const MAX_PACKUMENTS: u64 = 256 << 20;
/// The largest metadata of one version. Larger ones are passed over.
const MAX_MANIFEST: usize = 1 << 20;
/// How many dependencies of a version are read. A bundle has fewer packages, so more are refused later.
const MAX_RANGES: usize = 1_000;
/// The largest tarball, and all tarballs of one bundle.
const MAX_TARBALL: u64 = 64 << 20;
const MAX_TARBALLS: u64 = 512 << 20;
/// How long one answer may take, and all of one bundle together.
const METADATA_WITHIN: Duration = Duration::from_secs(30);
const TARBALL_WITHIN: Duration = Duration::from_secs(120);
const ALL_WITHIN: Duration = Duration::from_secs(900);

/// The metadata of one package in a registry.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Packument {
    #[serde(rename = "dist-tags", default, deserialize_with = "tags")]
    pub(super) tags: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "readable")]
    pub(super) versions: BTreeMap<String, Manifest>,
}

/// Whether a text is a version. It is shown and written into files, so it must be nothing else.
fn is_version(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".+-".contains(&byte))
        && Version::parse(text).is_ok()
}

fn tags<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    let mut all = BTreeMap::<String, String>::deserialize(from)?;
    all.retain(|_, version| is_version(version));
    Ok(all)
}

/// The versions that can be understood: an odd one of long ago is no reason to refuse the others.
fn readable<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, Manifest>, D::Error> {
    let all = BTreeMap::<String, Box<RawValue>>::deserialize(from)?;
    let read = |(version, manifest): (String, Box<RawValue>)| {
        let is_fine = manifest.get().len() <= MAX_MANIFEST && is_version(&version);
        let mut manifest: Manifest = serde_json::from_str(manifest.get()).ok().filter(|_| is_fine)?;
        manifest.dist.integrity = normal(&manifest.dist.integrity);
        (manifest.version == version).then_some((version, manifest))
    };
    Ok(all.into_iter().filter_map(read).collect())
}

/// Names and ranges; old versions have an empty list where there are none (underscore 1.0.3).
fn ranges<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    let all = Box::<RawValue>::deserialize(from)?;
    let Ok(all) = serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(all.get()) else {
        return Ok(BTreeMap::new());
    };
    let text = |(name, range): (String, Box<RawValue>)| Some((name, serde_json::from_str(range.get()).ok()?));
    Ok(all.into_iter().filter_map(text).take(MAX_RANGES).collect())
}

/// Whether a value says something: a text in most packages, `true` in some old ones.
fn is_told<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    let value = Box::<RawValue>::deserialize(from)?;
    Ok(!matches!(value.get(), "null" | "false"))
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
    #[serde(default, deserialize_with = "is_told")]
    pub(super) deprecated: bool,
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

/// What a request to a registry may take.
struct Most<'a> {
    bytes: u64,
    within: Duration,
    /// What is left for the whole bundle.
    left: &'a AtomicU64,
}

/// A registry's client.
pub(super) struct Registry {
    net: Outbound,
    npmrc: Npmrc,
    cache: PathBuf,
    until: Instant,
    packuments_left: AtomicU64,
    tarballs_left: AtomicU64,
}

impl Registry {
    /// A client that keeps tarballs below `cache`. Of hosts with a private address, it calls only the registries of
    /// npm's settings, and those of `net.allow`.
    pub(super) fn new(npmrc: Npmrc, cache: &Path, mut way_out: OutboundOptions) -> anyhow::Result<Self> {
        way_out.allow.extend(npmrc.registries().filter_map(HostPort::of));
        Ok(Self {
            net: Outbound::new(way_out)?,
            npmrc,
            cache: cache.join("npm"),
            until: Instant::now() + ALL_WITHIN,
            packuments_left: AtomicU64::new(MAX_PACKUMENTS),
            tarballs_left: AtomicU64::new(MAX_TARBALLS),
        })
    }

    /// The metadata of a package.
    pub(super) async fn packument(&self, name: &str) -> anyhow::Result<Packument> {
        let path = name.replace('/', "%2f");
        let url = self
            .npmrc
            .registry(name)
            .join(&path)
            .with_context(|| format!("{name:?} is not the name of a package"))?;
        let most = Most { bytes: MAX_PACKUMENT, within: METADATA_WITHIN, left: &self.packuments_left };
        let body = self.get(url, SHORT, name, &most).await?;
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
        let most = Most { bytes: MAX_TARBALL, within: TARBALL_WITHIN, left: &self.tarballs_left };
        let bytes = self.get(url, "*/*", &what, &most).await?;
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

    async fn get(&self, mut url: Url, accept: &str, what: &str, most: &Most<'_>) -> anyhow::Result<Vec<u8>> {
        for _ in 0..=REDIRECTS {
            let response = self.try_often(&url, accept, most).await;
            let response = response.with_context(|| format!("{what} cannot be fetched"))?;
            let place = url.host_str().unwrap_or_default();
            match response.status {
                200 => {
                    let size = response.body.len() as u64;
                    let rest = |left: u64| left.checked_sub(size);
                    most.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, rest).map_err(|_| {
                        anyhow::anyhow!("{what} and its dependencies are too large; bundle a smaller library")
                    })?;
                    return Ok(response.body);
                }
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

    async fn try_often(&self, url: &Url, accept: &str, most: &Most<'_>) -> anyhow::Result<Response> {
        let mut headers = vec![("accept".to_owned(), accept.to_owned())];
        let authorization = self.npmrc.authorization(url);
        headers.extend(authorization.map(|value| ("authorization".to_owned(), value.to_owned())));
        let mut tried = 0;
        loop {
            tried += 1;
            let left = self.until.saturating_duration_since(Instant::now());
            ensure!(!left.is_zero(), "the registry took longer than {} s in all", ALL_WITHIN.as_secs());
            let answer = self.net.send(OutboundRequest {
                headers: headers.clone(),
                timeout: most.within.min(left),
                max_response: most.bytes,
                // Each hop is looked at here, because a token belongs to one address.
                redirects: 0,
                ..OutboundRequest::new(Method::GET, url.as_str())
            });
            match answer.await {
                Ok(response) if response.status < 500 && response.status != 429 || tried == TRIES => {
                    return Ok(response);
                }
                Err(error) if tried == TRIES || !is_passing(&error) => {
                    let unreachable = error.retry_helps();
                    let error = anyhow::Error::from(error);
                    return Err(if unreachable {
                        error.context("the registry cannot be reached; see `npm config get registry`")
                    } else {
                        error
                    });
                }
                Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(500) * tried).await,
            }
        }
    }
}

/// Whether another try may help soon. A server that hung once would hang again.
fn is_passing(error: &NetError) -> bool {
    error.retry_helps() && !matches!(error, NetError::Timeout { .. })
}

/// An integrity text of nothing but a SHA-512. Empty without one.
fn normal(integrity: &str) -> String {
    sha512_of(integrity).map_or_else(String::new, |hash| format!("sha512-{}", BASE64_STANDARD.encode(hash)))
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
