//! Ids as newtypes with one spelling each.
//!
//! Run and request ids are time-ordered, so that a key scan is history.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a text is not the id it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text does not start with the id's prefix and an underscore.
    #[error("an id of this kind starts with `{0}_`")]
    Prefix(&'static str),
    /// After the prefix there are not exactly 32 lower-case hex digits.
    #[error("an id ends with exactly 32 lower-case hex digits")]
    Digits,
    /// A workflow key with a character outside its set, or of a wrong length.
    #[error("`{0}` cannot be a workflow key: use 1 to 128 of the characters A-Z a-z 0-9 _ -")]
    WorkflowKey(String),
    /// A step id that conditions and scripts could not name.
    #[error("`{0}` cannot be a step id: use a letter or _ first, then letters, digits or _, 64 at most")]
    StepId(String),
    /// A trigger's name with a character outside its set, or of a wrong length.
    #[error("`{0}` cannot be a trigger's name: use 1 to 64 of the characters A-Z a-z 0-9 _ -")]
    TriggerName(String),
    /// A plugin name with a character outside its set, or of a wrong length.
    #[error(
        "`{0}` cannot be a plugin's name: use lower-case letters, digits and -, a letter first, 64 at most"
    )]
    PluginName(String),
    /// A person's name that could be mistaken for another, or of a wrong length.
    #[error("`{0}` cannot be a person's name: use 1 to 64 letters, digits and the characters . _ - @ +")]
    PersonName(String),
    /// What is no id of a token.
    #[error("`{0}` is no id of a token: it is 12 lower-case hex digits")]
    TokenId(String),
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// An id of the moment `now_ms` (milliseconds since the epoch); `random` tells apart those of one moment.
            pub fn new(now_ms: u64, random: [u8; 10]) -> Self {
                let mut low = [0u8; 16];
                low[6..].copy_from_slice(&random);
                Self((u128::from(now_ms) << 80) | u128::from_be_bytes(low))
            }

            /// The key bytes: big endian, so that their order is the order in time.
            pub fn to_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }

            /// The id of these key bytes.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(u128::from_be_bytes(bytes))
            }

            /// When the id was made, in milliseconds since the epoch.
            pub fn created_ms(self) -> u64 {
                (self.0 >> 80) as u64
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{:032x}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let digits = text.strip_prefix(concat!($prefix, "_")).ok_or(IdError::Prefix($prefix))?;
                let canonical = digits.len() == 32
                    && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
                if !canonical {
                    return Err(IdError::Digits);
                }
                u128::from_str_radix(digits, 16).map(Self).map_err(|_| IdError::Digits)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    self.0.to_be_bytes().serialize(serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    let text = String::deserialize(deserializer)?;
                    text.parse().map_err(serde::de::Error::custom)
                } else {
                    <[u8; 16]>::deserialize(deserializer).map(Self::from_bytes)
                }
            }
        }
    };
}

id!(
    /// One execution of a workflow.
    RunId,
    "run"
);
id!(
    /// One request that reached the endpoint, accepted or refused.
    RequestId,
    "req"
);

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $error:ident, $valid:expr, $pattern:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(extend("pattern" = $pattern))]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) { Ok(Self(text)) } else { Err(IdError::$error(text)) }
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// What a workflow is called in URLs and folders: 1 to 128 of `A-Z a-z 0-9 _ -`. Never a file path.
    WorkflowKey,
    WorkflowKey,
    |text| (1..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'),
    r"^[A-Za-z0-9_-]{1,128}$"
);
name!(
    /// What a step is called in templates, conditions and scripts: an identifier of at most 64 characters.
    StepId,
    StepId,
    |text| text.len() <= 64
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'),
    r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"
);
name!(
    /// What a trigger is called in `context.trigger` and in commands: 1 to 64 of `A-Z a-z 0-9 _ -`.
    TriggerName,
    TriggerName,
    |text| (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'),
    r"^[A-Za-z0-9_-]{1,64}$"
);

name!(
    /// What a plugin is called in workflows: at most 64 of `a-z 0-9 -`, a letter first.
    PluginName,
    PluginName,
    |text| text.len() <= 64
        && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
    r"^[a-z][a-z0-9-]{0,63}$"
);

name!(
    /// What a person logs in with: 1 to 64 letters and digits of any language and `. _ - @ +`. Upper and lower case differ.
    PersonName,
    PersonName,
    |text| (1..=64).contains(&text.chars().count())
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '+')),
    r"^[\p{L}\p{N}._@+-]{1,64}$"
);
name!(
    /// The public part of a token of the API: 12 lower-case hex digits, `fct_<id>_<secret>`.
    TokenId,
    TokenId,
    |text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)),
    r"^[0-9a-f]{12}$"
);

/// SHA-256 over everything a workflow version consists of. A run keeps the version it began with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionHash(pub [u8; 32]);

impl fmt::Display for VersionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for VersionHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for VersionHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <[u8; 32]>::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        let id = RunId::new(1_700_000_000_000, [7; 10]);
        let text = id.to_string();
        assert_eq!(text.parse::<RunId>(), Ok(id));
        assert_eq!(id.created_ms(), 1_700_000_000_000);
        assert_eq!(text.to_uppercase().parse::<RunId>(), Err(IdError::Prefix("run")));
        assert_eq!(text[..text.len() - 1].parse::<RunId>(), Err(IdError::Digits));
        assert_eq!(text.replace("run_", "req_").parse::<RunId>(), Err(IdError::Prefix("run")));
        assert_eq!(format!("run_+{}", &text[5..]).parse::<RunId>(), Err(IdError::Digits));
    }

    #[test]
    fn ids_sort_by_time() {
        let early = RunId::new(1_000, [255; 10]);
        let late = RunId::new(1_001, [0; 10]);
        assert!(early < late && early.to_bytes() < late.to_bytes());
    }

    #[test]
    fn names_refuse_what_could_be_a_path_or_an_expression() {
        for bad in ["", "..", "a/b", "a b", "a%2f", "é", "a\0"] {
            assert!(bad.parse::<WorkflowKey>().is_err(), "{bad:?}");
        }
        assert!("github-push".parse::<WorkflowKey>().is_ok());
        for bad in ["", "a b", "a/b", "a:b", "é", &"a".repeat(65)] {
            assert!(bad.parse::<TriggerName>().is_err(), "{bad:?}");
        }
        assert!("by-hand_2".parse::<TriggerName>().is_ok());
        for bad in ["", "1a", "a-b", "a.b"] {
            assert!(bad.parse::<StepId>().is_err(), "{bad:?}");
        }
        assert!("is_main".parse::<StepId>().is_ok());
    }
}
