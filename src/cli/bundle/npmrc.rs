//! Where packages come from, as npm is told: variables, then `./.npmrc`, then `~/.npmrc` (docs.npmjs.com, npmrc).
//!
//! Pure: the caller gives files and variables. A token goes only to its own address, over TLS, and is never printed.
//! `./.npmrc` came with a checkout. So variables are put into it only for the token of a registry that the user names
//! elsewhere.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use url::Url;

use crate::model::is_safe_way;

/// npm's own registry.
const PUBLIC: &str = "https://registry.npmjs.org/";

/// Registries, and the credentials that open them.
#[derive(Clone)]
pub(super) struct Npmrc {
    registry: Url,
    scopes: BTreeMap<String, Url>,
    /// The value of the Authorization header, by `//host/path/`.
    credentials: BTreeMap<String, String>,
    /// What was left out, for the user.
    notes: Vec<String>,
}

/// The texts of the two files, as far as they exist.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// `./.npmrc`.
    pub(super) local: Option<String>,
    /// `~/.npmrc`.
    pub(super) home: Option<String>,
}

impl fmt::Debug for Npmrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Npmrc").field("registry", &self.registry.as_str()).finish_non_exhaustive()
    }
}

impl Npmrc {
    /// Reads the texts of the files. `given` is `--registry`.
    pub(super) fn read(
        given: Option<&str>,
        files: &Files,
        variable: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Self> {
        let all = |name: &str, value: &str| (expanded(name, &variable), expanded(value, &variable));
        let home: BTreeMap<String, String> =
            lines(files.home.as_deref().unwrap_or_default()).map(|(name, value)| all(name, value)).collect();
        let named = given.map(str::to_owned);
        let named = named
            .or_else(|| variable("npm_config_registry"))
            .or_else(|| variable("NPM_CONFIG_REGISTRY"))
            .filter(|registry| !registry.trim().is_empty());
        let known = Known::new(&home, named.as_deref());
        let (mut settings, mut notes) = (home, Vec::new());
        for (name, value) in lines(files.local.as_deref().unwrap_or_default()) {
            let (name, value) = (name.to_owned(), value.to_owned());
            if !value.contains("${") && !name.contains("${") {
                settings.insert(name, value);
            } else if credential_place(&name).is_some_and(|place| known.has(place)) {
                settings.insert(name, expanded(&value, &variable));
            } else {
                notes.push(format!(
                    "./.npmrc: `{name}` names variables of yours and was left out; move the line to ~/.npmrc, or name its registry \
                     there or with --registry"
                ));
            }
        }
        let registry = named.or_else(|| settings.get("registry").cloned());
        let mut read = Self {
            registry: base(registry.as_deref().unwrap_or(PUBLIC))?,
            scopes: BTreeMap::new(),
            credentials: BTreeMap::new(),
            notes,
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

    /// What the user should know about the files.
    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The registries in force.
    pub(super) fn registries(&self) -> impl Iterator<Item = &Url> {
        std::iter::once(&self.registry).chain(self.scopes.values())
    }

    /// The registry that has a package.
    pub(super) fn registry(&self, package: &str) -> &Url {
        let scope = package.split_once('/').map(|(scope, _)| scope);
        scope.and_then(|scope| self.scopes.get(scope)).unwrap_or(&self.registry)
    }

    /// Where a tarball is fetched. npm's own address means the registry in force, which may be a mirror.
    pub(super) fn tarball(&self, package: &str, tarball: &Url) -> anyhow::Result<Url> {
        let public = Url::parse(PUBLIC).expect("it is a URL");
        if tarball.origin() == public.origin() {
            Ok(self.registry(package).join(tarball.path().trim_start_matches('/'))?)
        } else {
            Ok(tarball.clone())
        }
    }

    /// The Authorization header for an address. Over plain HTTP, it goes only to this machine.
    pub(super) fn authorization(&self, url: &Url) -> Option<&str> {
        if !is_safe_way(url) {
            return None;
        }
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
        anyhow::anyhow!("the registry {text:?} is not an http(s) URL; see `npm config get registry`")
    })
}

fn slashed(text: &str) -> String {
    format!("{}/", text.trim_end_matches('/'))
}

/// The hosts that the user's own settings name.
struct Known(BTreeSet<String>);

impl Known {
    fn new(home: &BTreeMap<String, String>, named: Option<&str>) -> Self {
        let registries = home.iter().filter(|(name, _)| *name == "registry" || name.ends_with(":registry"));
        let registries = registries.map(|(_, value)| value.as_str()).chain(named).chain([PUBLIC]);
        let registries = registries.filter_map(|text| base(text).ok()).filter_map(|url| authority(&url));
        let places = home.keys().filter_map(|name| credential_place(name)).filter_map(place_authority);
        Self(registries.chain(places).collect())
    }

    /// Whether a `//host/path/` is at one of these hosts.
    fn has(&self, place: &str) -> bool {
        place_authority(place).is_some_and(|authority| self.0.contains(&authority))
    }
}

/// The `//host/path` of a setting that holds credentials.
fn credential_place(name: &str) -> Option<&str> {
    let suffixes = [":_authToken", ":_auth", ":_password", ":username"];
    suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)).filter(|place| place.starts_with("//"))
}

fn place_authority(place: &str) -> Option<String> {
    authority(&Url::parse(&format!("https:{place}")).ok()?)
}

fn authority(url: &Url) -> Option<String> {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}{port}", url.host_str()?))
}

/// The settings of a `.npmrc`: `name = value` lines.
fn lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';', '[']));
    lines.filter_map(|line| line.split_once('=')).map(|(name, value)| {
        let value = value.trim();
        let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        (name.trim(), bare)
    })
}

/// Fills in variables. A variable that is not set stays as it is written, as with npm.
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
        let files = |local: Option<&str>, home: Option<&str>| Files {
            local: local.map(str::to_owned),
            home: home.map(str::to_owned),
        };
        let home = Some("registry = https://home.example");
        let both = files(Some("registry=https://near.example\n"), home);
        let variable =
            |name: &str| (name == "npm_config_registry").then(|| "https://env.example/npm".to_owned());
        let registry = |given, files: &Files, variable: &dyn Fn(&str) -> Option<String>| {
            Npmrc::read(given, files, variable).unwrap().registry("dayjs").to_string()
        };
        assert_eq!(registry(Some("http://given.example"), &both, &variable), "http://given.example/");
        assert_eq!(registry(None, &both, &variable), "https://env.example/npm/");
        assert_eq!(registry(None, &both, &none), "https://near.example/");
        assert_eq!(registry(None, &files(None, home), &none), "https://home.example/");
        assert_eq!(registry(None, &Files::default(), &none), PUBLIC);
        assert!(Npmrc::read(Some("ftp://x"), &Files::default(), none).is_err());
    }

    #[test]
    fn a_token_goes_to_its_own_address_alone_and_is_never_printed() {
        let file = "# mine\n//a.example/npm/:_authToken=${T}\n@own:registry=https://a.example/npm\n\
                    //b.example:8080/:_auth = \"dTpw\"\n";
        let variable = |name: &str| (name == "T").then(|| "t0ken".to_owned());
        let files = Files { home: Some(file.to_owned()), ..Files::default() };
        let npmrc = Npmrc::read(None, &files, variable).unwrap();
        assert_eq!(npmrc.registry("@own/x").as_str(), "https://a.example/npm/");
        assert_eq!(npmrc.registry("@other/x").as_str(), PUBLIC);
        let header = |text: &str| npmrc.authorization(&url(text)).map(str::to_owned);
        assert_eq!(header("https://a.example/npm/x").as_deref(), Some("Bearer t0ken"));
        assert_eq!(header("https://b.example:8080/x").as_deref(), Some("Basic dTpw"));
        for other in [
            "https://a.example/x",
            "https://a.example.evil/npm/x",
            "https://b.example/x",
            "http://a.example/npm/x",
            "http://b.example:8080/x",
            "https://a.example/npm/../x",
            PUBLIC,
        ] {
            assert_eq!(header(other), None, "{other}");
        }
        assert!(!format!("{npmrc:?}").contains("t0ken"));
    }

    #[test]
    fn s14_a_local_npmrc_puts_no_variable_anywhere_but_into_the_token_of_a_known_registry() {
        let variable = |name: &str| (name == "AWS_SECRET_ACCESS_KEY").then(|| "k3y".to_owned());
        let read = |local: &str, home: &str| {
            let files = Files { local: Some(local.to_owned()), home: Some(home.to_owned()) };
            Npmrc::read(None, &files, variable).unwrap()
        };
        let all_of = |npmrc: &Npmrc| {
            let scopes = npmrc.scopes.values().map(Url::as_str).collect::<String>();
            format!("{} {scopes} {:?}", npmrc.registry, npmrc.credentials)
        };
        for local in [
            "registry=https://evil.example/${AWS_SECRET_ACCESS_KEY}/",
            "registry=https://${AWS_SECRET_ACCESS_KEY}.evil.example/",
            "@s:registry=https://u:${AWS_SECRET_ACCESS_KEY}@evil.example/",
            "@${AWS_SECRET_ACCESS_KEY}:registry=https://evil.example/",
            "//evil.example/:_authToken=${AWS_SECRET_ACCESS_KEY}",
            "//evil.example/:_auth=${AWS_SECRET_ACCESS_KEY}",
            "//known.example@evil.example/:_authToken=${AWS_SECRET_ACCESS_KEY}",
            "//known.example:444/:_authToken=${AWS_SECRET_ACCESS_KEY}",
            "//${AWS_SECRET_ACCESS_KEY}.known.example/:_authToken=x",
            "registry=https://evil.example\n//evil.example/:_authToken=\"${AWS_SECRET_ACCESS_KEY}\"",
        ] {
            let npmrc = read(local, "@own:registry=https://known.example/npm/");
            assert!(!all_of(&npmrc).contains("k3y"), "{local}: {}", all_of(&npmrc));
            assert_eq!(npmrc.notes().len(), 1, "{local}");
        }
        for (local, home) in [
            (
                "//known.example/npm/:_authToken=${AWS_SECRET_ACCESS_KEY}",
                "@own:registry=https://known.example/npm/",
            ),
            ("//known.example/:_authToken=${AWS_SECRET_ACCESS_KEY}", "//known.example/:_auth=x"),
            ("//registry.npmjs.org/:_authToken=${AWS_SECRET_ACCESS_KEY}", ""),
        ] {
            let npmrc = read(local, home);
            assert!(all_of(&npmrc).contains("Bearer k3y") && npmrc.notes().is_empty(), "{local}");
        }
        // The user's own file may name any variable.
        assert!(all_of(&read("", "registry=https://home.example/${AWS_SECRET_ACCESS_KEY}")).contains("k3y"));
    }

    #[test]
    fn a_mirror_gives_the_tarballs_of_the_public_registry_too() {
        let npmrc = Npmrc::read(Some("https://mirror.example/npm/"), &Files::default(), none).unwrap();
        let tarball = |text: &str| npmrc.tarball("a", &url(text)).unwrap().to_string();
        assert_eq!(tarball(&format!("{PUBLIC}a/-/a-1.tgz")), "https://mirror.example/npm/a/-/a-1.tgz");
        assert_eq!(tarball("https://else.example/a.tgz"), "https://else.example/a.tgz");
    }
}
