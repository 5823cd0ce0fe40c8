//! Where packages come from, as npm is told: variables, then `./.npmrc`, then `~/.npmrc` (docs.npmjs.com, npmrc).
//!
//! Pure: files and variables are given. Tokens go to the addresses they are for, and are never printed.

use std::{collections::BTreeMap, fmt};

use url::Url;

/// npm's own registry.
const PUBLIC: &str = "https://registry.npmjs.org/";

/// Registries, and what opens them.
#[derive(Clone)]
pub(super) struct Npmrc {
    registry: Url,
    scopes: BTreeMap<String, Url>,
    /// By `//host/path/`, the value of the Authorization header.
    credentials: BTreeMap<String, String>,
}

impl fmt::Debug for Npmrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Npmrc").field("registry", &self.registry.as_str()).finish_non_exhaustive()
    }
}

impl Npmrc {
    /// From the texts of `.npmrc` files, the one that counts first; `given` is `--registry`.
    pub(super) fn read(
        given: Option<&str>,
        files: &[String],
        variable: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Self> {
        let mut settings = BTreeMap::new();
        for text in files.iter().rev() {
            settings.extend(settings_of(text, &variable));
        }
        let registry = given.map(str::to_owned);
        let registry = registry
            .or_else(|| variable("npm_config_registry"))
            .or_else(|| variable("NPM_CONFIG_REGISTRY"))
            .filter(|registry| !registry.trim().is_empty())
            .or_else(|| settings.get("registry").cloned());
        let mut read = Self {
            registry: base(registry.as_deref().unwrap_or(PUBLIC))?,
            scopes: BTreeMap::new(),
            credentials: BTreeMap::new(),
        };
        for (name, value) in &settings {
            if let Some(scope) = name.strip_suffix(":registry").filter(|scope| scope.starts_with('@')) {
                read.scopes.insert(scope.to_owned(), base(value)?);
            } else if let Some(place) = name.strip_suffix(":_authToken") {
                read.credentials.insert(slashed(place), format!("Bearer {value}"));
            } else if let Some(place) = name.strip_suffix(":_auth") {
                read.credentials.entry(slashed(place)).or_insert_with(|| format!("Basic {value}"));
            }
        }
        Ok(read)
    }

    /// The registry that has a package.
    pub(super) fn registry(&self, package: &str) -> &Url {
        let scope = package.split_once('/').map(|(scope, _)| scope);
        scope.and_then(|scope| self.scopes.get(scope)).unwrap_or(&self.registry)
    }

    /// Where a tarball is got: npm's own address means the registry in force, which may be a mirror.
    pub(super) fn tarball(&self, package: &str, tarball: &Url) -> anyhow::Result<Url> {
        let public = Url::parse(PUBLIC).expect("it is a URL");
        match tarball.origin() == public.origin() {
            true => Ok(self.registry(package).join(tarball.path().trim_start_matches('/'))?),
            false => Ok(tarball.clone()),
        }
    }

    /// The Authorization header for an address.
    pub(super) fn authorization(&self, url: &Url) -> Option<&str> {
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let place = format!("//{}{port}{}", url.host_str()?, url.path());
        let mut fits = self.credentials.iter().filter(|(prefix, _)| place.starts_with(prefix.as_str()));
        fits.next_back().map(|(_, value)| value.as_str())
    }
}

fn base(text: &str) -> anyhow::Result<Url> {
    let text = slashed(text.trim());
    let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
    url.ok_or_else(|| {
        anyhow::anyhow!("the registry {text:?} is no http(s) URL; see `npm config get registry`")
    })
}

fn slashed(text: &str) -> String {
    format!("{}/", text.trim_end_matches('/'))
}

/// The settings of a `.npmrc`: `name = value` lines with `${VARIABLE}` in them.
fn settings_of(text: &str, variable: &impl Fn(&str) -> Option<String>) -> Vec<(String, String)> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';', '[']));
    lines
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| {
            let value = value.trim();
            let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
            (expanded(name.trim(), variable), expanded(bare, variable))
        })
        .collect()
}

/// A variable that is not set stays as it is written, as with npm.
fn expanded(text: &str, variable: &impl Fn(&str) -> Option<String>) -> String {
    let mut whole = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, after)) = after.split_once('}') else { break };
        whole += before;
        whole += &variable(name).unwrap_or_else(|| format!("${{{name}}}"));
        rest = after;
    }
    whole + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none(_: &str) -> Option<String> {
        None
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn what_is_given_wins_then_variables_then_the_nearer_file() {
        let files =
            ["registry=https://near.example\n".to_owned(), "registry = https://home.example".to_owned()];
        let variable =
            |name: &str| (name == "npm_config_registry").then(|| "https://env.example/npm".to_owned());
        let registry = |given, files: &[String], variable: &dyn Fn(&str) -> Option<String>| {
            Npmrc::read(given, files, variable).unwrap().registry("dayjs").to_string()
        };
        assert_eq!(registry(Some("http://given.example"), &files, &variable), "http://given.example/");
        assert_eq!(registry(None, &files, &variable), "https://env.example/npm/");
        assert_eq!(registry(None, &files, &none), "https://near.example/");
        assert_eq!(registry(None, &files[1..], &none), "https://home.example/");
        assert_eq!(registry(None, &[], &none), PUBLIC);
        assert!(Npmrc::read(Some("ftp://x"), &[], none).is_err());
    }

    #[test]
    fn a_token_goes_to_its_own_address_alone_and_is_never_printed() {
        let file = "# mine\n//a.example/npm/:_authToken=${T}\n@own:registry=https://a.example/npm\n\
                    //b.example:8080/:_auth = \"dTpw\"\n";
        let variable = |name: &str| (name == "T").then(|| "t0ken".to_owned());
        let npmrc = Npmrc::read(None, &[file.to_owned()], variable).unwrap();
        assert_eq!(npmrc.registry("@own/x").as_str(), "https://a.example/npm/");
        assert_eq!(npmrc.registry("@other/x").as_str(), PUBLIC);
        let header = |text: &str| npmrc.authorization(&url(text)).map(str::to_owned);
        assert_eq!(header("https://a.example/npm/x").as_deref(), Some("Bearer t0ken"));
        assert_eq!(header("http://b.example:8080/x").as_deref(), Some("Basic dTpw"));
        for other in ["https://a.example/x", "https://a.example.evil/npm/x", "https://b.example/x", PUBLIC] {
            assert_eq!(header(other), None, "{other}");
        }
        assert!(!format!("{npmrc:?}").contains("t0ken"));
    }

    #[test]
    fn a_mirror_gives_the_tarballs_of_the_public_registry_too() {
        let npmrc = Npmrc::read(Some("https://mirror.example/npm/"), &[], none).unwrap();
        let tarball = |text: &str| npmrc.tarball("a", &url(text)).unwrap().to_string();
        assert_eq!(tarball(&format!("{PUBLIC}a/-/a-1.tgz")), "https://mirror.example/npm/a/-/a-1.tgz");
        assert_eq!(tarball("https://else.example/a.tgz"), "https://else.example/a.tgz");
    }
}
