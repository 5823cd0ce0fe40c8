//! Plugins: what one says of itself, and how a workflow refers to it.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{capability::Capability, ids::PluginName, json::JsonText, limits::CodeLimits};

/// SHA-256 over the bytes of a module, as it was uploaded. Written `sha256:` and 64 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PluginHash(pub [u8; 32]);

const HASH_PREFIX: &str = "sha256:";

impl fmt::Display for PluginHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HASH_PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for PluginHash {
    type Err = PluginRefError;

    fn from_str(text: &str) -> Result<Self, PluginRefError> {
        let wrong = || PluginRefError(text.to_owned());
        let digits = text.strip_prefix(HASH_PREFIX).ok_or_else(wrong)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| wrong())?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for PluginHash {
    type Error = PluginRefError;

    fn try_from(text: String) -> Result<Self, PluginRefError> {
        text.parse()
    }
}

impl From<PluginHash> for String {
    fn from(hash: PluginHash) -> Self {
        hash.to_string()
    }
}

/// Which plugin a step uses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum PluginRef {
    /// `name@1`, `name@1.2` or `name@1.2.3`: the highest version that begins so.
    Version {
        /// The plugin.
        name: PluginName,
        /// The first parts of the version.
        version: VersionPrefix,
    },
    /// `sha256:…`: these very bytes.
    Hash(PluginHash),
}

/// A version, or its first parts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VersionPrefix {
    /// `1`
    Major(u64),
    /// `1.2`
    Minor(u64, u64),
    /// `1.2.3`, `1.2.3-rc.1`
    Exact(Version),
}

/// Why a text refers to no plugin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` refers to no plugin: write name@1, name@1.2, name@1.2.3 or sha256: and 64 hex digits")]
pub struct PluginRefError(String);

impl VersionPrefix {
    /// Whether a version begins so. Pre-releases only match when they are written out.
    pub fn matches(&self, version: &Version) -> bool {
        match self {
            Self::Major(major) => version.pre.is_empty() && version.major == *major,
            Self::Minor(major, minor) => {
                version.pre.is_empty() && (version.major, version.minor) == (*major, *minor)
            }
            Self::Exact(exact) => version == exact,
        }
    }
}

impl PluginRef {
    /// Whether it may mean a plugin of this name.
    pub fn names(&self, plugin: &PluginName) -> bool {
        match self {
            Self::Version { name, .. } => name == plugin,
            Self::Hash(_) => true,
        }
    }
}

impl FromStr for PluginRef {
    type Err = PluginRefError;

    fn from_str(text: &str) -> Result<Self, PluginRefError> {
        let wrong = || PluginRefError(text.to_owned());
        if text.starts_with(HASH_PREFIX) {
            return text.parse().map(Self::Hash);
        }
        let (name, version) = text.split_once('@').ok_or_else(wrong)?;
        let name = name.parse().map_err(|_| wrong())?;
        // The same digits that SemVer allows: no sign, no leading zero.
        let number = |part: &str| {
            let plain =
                part.bytes().all(|byte| byte.is_ascii_digit()) && (part == "0" || !part.starts_with('0'));
            part.parse::<u64>().ok().filter(|_| plain)
        };
        let version = match version.split('.').map(number).collect::<Option<Vec<_>>>().as_deref() {
            Some([major]) => VersionPrefix::Major(*major),
            Some([major, minor]) => VersionPrefix::Minor(*major, *minor),
            Some(_) | None => VersionPrefix::Exact(Version::parse(version).map_err(|_| wrong())?),
        };
        Ok(Self::Version { name, version })
    }
}

impl fmt::Display for PluginRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version { name, version } => match version {
                VersionPrefix::Major(major) => write!(f, "{name}@{major}"),
                VersionPrefix::Minor(major, minor) => write!(f, "{name}@{major}.{minor}"),
                VersionPrefix::Exact(version) => write!(f, "{name}@{version}"),
            },
            Self::Hash(hash) => hash.fmt(f),
        }
    }
}

impl TryFrom<String> for PluginRef {
    type Error = PluginRefError;

    fn try_from(text: String) -> Result<Self, PluginRefError> {
        text.parse()
    }
}

impl From<PluginRef> for String {
    fn from(reference: PluginRef) -> Self {
        reference.to_string()
    }
}

/// How a plugin is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PluginKind {
    /// A component of the world `flowcell:plugin/plugin@1`.
    Component,
    /// A WASI preview 1 command: stdin, stdout, stderr, arguments.
    Command,
}

/// An input that shows what a plugin does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginExample {
    /// For people.
    pub title: String,
    /// What goes in.
    pub input: JsonText,
    /// What comes out, if that is always the same.
    pub output: Option<JsonText>,
}

/// What a plugin says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginDescription {
    /// By this name workflows use it.
    pub name: PluginName,
    /// By SemVer 2.0.0.
    pub version: Version,
    /// One line for people.
    pub title: String,
    /// A JSON Schema of its input.
    pub input_schema: Option<JsonText>,
    /// A JSON Schema of its output.
    pub output_schema: Option<JsonText>,
    /// What it needs.
    pub capabilities: Vec<Capability>,
    /// Inputs to try.
    pub examples: Vec<PluginExample>,
}

/// One version of a plugin. Never changed once it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginVersion {
    /// What it says of itself.
    pub description: PluginDescription,
    /// How it is called.
    pub kind: PluginKind,
    /// Its bytes.
    pub hash: PluginHash,
    /// How many they are.
    pub size: u64,
    /// When it was uploaded, milliseconds since the epoch.
    pub uploaded_ms: u64,
}

/// What the people who run the server decided on a plugin, for all its versions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginSettings {
    /// What it may do, of that which its versions ask for.
    pub grants: Vec<Capability>,
    /// Its limits, where a step sets none of its own.
    pub limits: CodeLimits,
}

/// Which bytes a run uses for a reference: fixed when the run is accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginPin {
    /// As the workflow has it.
    pub reference: PluginRef,
    /// What it meant then.
    pub hash: PluginHash,
}

/// How a command module gets its input, or gives its output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stdio {
    /// One JSON value.
    #[default]
    Json,
    /// A text, as it is.
    Text,
}

/// A `plugin` step.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginStep {
    /// `name@1`, `name@1.2.3`, or `sha256:…`.
    pub plugin: PluginRef,
    /// What it works on; any JSON whose strings may hold templates. Default: `{}`.
    #[serde(default = "nothing")]
    pub input: Value,
    /// What it reads as its `config`; an object whose strings may hold templates.
    #[serde(default = "nothing")]
    pub config: Value,
    /// Command modules: the arguments after the program's name; may hold templates.
    #[serde(default)]
    pub args: Vec<String>,
    /// Command modules: how `input` is written to stdin.
    #[serde(default)]
    pub stdin: Stdio,
    /// Command modules: how stdout becomes the output.
    #[serde(default)]
    pub stdout: Stdio,
    /// Its limits; those of the plugin, where one is left out.
    #[serde(default)]
    pub limits: CodeLimits,
}

fn nothing() -> Value {
    Value::Object(serde_json::Map::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_and_written_alike() {
        let hash = format!("sha256:{}", "0f".repeat(32));
        for text in ["a@1", "a@0.2", "csv-to-json@1.2.3", "a@1.0.0-rc.1", "a@1.0.0+build", &hash] {
            assert_eq!(text.parse::<PluginRef>().unwrap().to_string(), *text);
        }
        for text in [
            "",
            "a",
            "a@",
            "@1",
            "A@1",
            "a@1.2.3.4",
            "a@01",
            "a@+1",
            "a@x",
            "a@^1",
            "a b@1",
            "sha256:00",
            "a@1@2",
        ] {
            let error = text.parse::<PluginRef>().unwrap_err().to_string();
            assert!(error.contains("name@1"), "{text}: {error}");
        }
    }

    #[test]
    fn a_prefix_matches_releases_and_a_pre_release_only_itself() {
        let matches = |reference: &str, version: &str| match reference.parse().unwrap() {
            PluginRef::Version { version: prefix, .. } => prefix.matches(&version.parse().unwrap()),
            PluginRef::Hash(_) => false,
        };
        assert!(matches("a@1", "1.9.0") && !matches("a@1", "2.0.0") && !matches("a@1", "1.0.0-rc.1"));
        assert!(matches("a@1.2", "1.2.9") && !matches("a@1.2", "1.20.0"));
        assert!(matches("a@1.2.3", "1.2.3") && !matches("a@1.2.3", "1.2.4"));
        assert!(matches("a@1.0.0-rc.1", "1.0.0-rc.1"));
    }
}
