//! What people and tokens may do: rights, and the roles that bundle them.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a request to the API may need. These are the scopes of tokens too. Stored by position: add at the end, never
/// reorder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Right {
    /// See workflows, their files and revisions.
    #[serde(rename = "workflows:read")]
    WorkflowsRead,
    /// Write drafts and fixtures.
    #[serde(rename = "workflows:write")]
    WorkflowsWrite,
    /// Publish, roll back, and move a workflow's home.
    #[serde(rename = "workflows:publish")]
    WorkflowsPublish,
    /// See runs, without what they hold of events.
    #[serde(rename = "runs:read")]
    RunsRead,
    /// Start, cancel, repeat and dismiss runs; pause workflows; answer questions.
    #[serde(rename = "runs:control")]
    RunsControl,
    /// See the request log, without what senders sent.
    #[serde(rename = "requests:read")]
    RequestsRead,
    /// Send a request of the log once more.
    #[serde(rename = "requests:resend")]
    RequestsResend,
    /// See what events, outputs, logs and requests hold, wherever something of them is shown.
    #[serde(rename = "payloads:read")]
    PayloadsRead,
    /// See plugins.
    #[serde(rename = "plugins:read")]
    PluginsRead,
    /// Upload, limit and remove plugins.
    #[serde(rename = "plugins:write")]
    PluginsWrite,
    /// Grant plugins what they ask for.
    #[serde(rename = "plugins:grant")]
    PluginsGrant,
    /// See the names of secrets; nobody sees their values.
    #[serde(rename = "secrets:read")]
    SecretsRead,
    /// Set, remove and reseal secrets.
    #[serde(rename = "secrets:write")]
    SecretsWrite,
    /// See what scripts keep.
    #[serde(rename = "kv:read")]
    KvRead,
    /// Change what scripts keep.
    #[serde(rename = "kv:write")]
    KvWrite,
    /// Read the metrics.
    #[serde(rename = "metrics:read")]
    MetricsRead,
    /// Download everything durable.
    #[serde(rename = "backup")]
    Backup,
    /// People, tokens, sessions, the audit log; whoever has it has all other rights.
    #[serde(rename = "admin")]
    Admin,
}

/// Why a text is no right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no scope; the scopes are {all}", all = Right::ALL.map(Right::as_str).join(", "))]
pub struct RightError(String);

impl Right {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::WorkflowsRead,
        Self::WorkflowsWrite,
        Self::WorkflowsPublish,
        Self::RunsRead,
        Self::RunsControl,
        Self::RequestsRead,
        Self::RequestsResend,
        Self::PayloadsRead,
        Self::PluginsRead,
        Self::PluginsWrite,
        Self::PluginsGrant,
        Self::SecretsRead,
        Self::SecretsWrite,
        Self::KvRead,
        Self::KvWrite,
        Self::MetricsRead,
        Self::Backup,
        Self::Admin,
    ];

    /// As it is written in scopes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WorkflowsRead => "workflows:read",
            Self::WorkflowsWrite => "workflows:write",
            Self::WorkflowsPublish => "workflows:publish",
            Self::RunsRead => "runs:read",
            Self::RunsControl => "runs:control",
            Self::RequestsRead => "requests:read",
            Self::RequestsResend => "requests:resend",
            Self::PayloadsRead => "payloads:read",
            Self::PluginsRead => "plugins:read",
            Self::PluginsWrite => "plugins:write",
            Self::PluginsGrant => "plugins:grant",
            Self::SecretsRead => "secrets:read",
            Self::SecretsWrite => "secrets:write",
            Self::KvRead => "kv:read",
            Self::KvWrite => "kv:write",
            Self::MetricsRead => "metrics:read",
            Self::Backup => "backup",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Right {
    type Err = RightError;

    fn from_str(text: &str) -> Result<Self, RightError> {
        let found = Self::ALL.into_iter().find(|right| right.as_str() == text);
        found.ok_or_else(|| RightError(text.to_owned()))
    }
}

/// A set of rights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rights(u32);

impl Rights {
    /// Whether it holds this right; [`Right::Admin`] stands for all.
    pub fn has(self, right: Right) -> bool {
        let bit = |right: Right| self.0 & (1 << right as u32) != 0;
        bit(right) || bit(Right::Admin)
    }

    /// All rights that it holds.
    pub fn iter(self) -> impl Iterator<Item = Right> {
        Right::ALL.into_iter().filter(move |right| self.has(*right))
    }
}

impl FromIterator<Right> for Rights {
    fn from_iter<T: IntoIterator<Item = Right>>(rights: T) -> Self {
        Self(rights.into_iter().fold(0, |bits, right| bits | (1 << right as u32)))
    }
}

/// What a person is to a server. Stored by position. Each has the rights of those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks, and sees payloads only if that is granted besides.
    Viewer,
    /// Watches deliveries: sees payloads, sends again, repeats, cancels, pauses, dismisses.
    Operator,
    /// Writes workflows, plugins and kv, and publishes.
    Editor,
    /// Everything.
    Admin,
}

/// Why a text is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no role; the roles are viewer, operator, editor and admin")]
pub struct RoleError(String);

impl Role {
    /// All of them, from the least.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Editor, Self::Admin];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }

    /// Whether the role itself sees payloads.
    pub fn sees_payloads(self) -> bool {
        self >= Self::Operator
    }

    /// The least role that has a right. `payloads:read` can be granted to a viewer besides.
    pub fn least_with(right: Right) -> Self {
        match right {
            Right::WorkflowsRead
            | Right::RunsRead
            | Right::RequestsRead
            | Right::PluginsRead
            | Right::MetricsRead => Self::Viewer,
            Right::RunsControl | Right::RequestsResend | Right::PayloadsRead => Self::Operator,
            Right::WorkflowsWrite
            | Right::WorkflowsPublish
            | Right::PluginsWrite
            | Right::KvRead
            | Right::KvWrite => Self::Editor,
            Right::PluginsGrant | Right::SecretsRead | Right::SecretsWrite | Right::Backup | Right::Admin => {
                Self::Admin
            }
        }
    }

    /// What a person with this role may do, to whom payloads are granted besides or not.
    pub fn rights(self, payloads: bool) -> Rights {
        let granted = |right: &Right| self >= Self::least_with(*right);
        let besides = payloads.then_some(Right::PayloadsRead);
        Right::ALL.into_iter().filter(granted).chain(besides).collect()
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| RoleError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_and_roles_are_written_as_they_are_read() {
        for (position, right) in Right::ALL.into_iter().enumerate() {
            assert_eq!(right as usize, position, "the store knows a right by its position");
            assert_eq!(right.as_str().parse(), Ok(right));
            assert_eq!(serde_json::to_value(right).unwrap(), right.as_str());
        }
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
        assert!("runs:write".parse::<Right>().unwrap_err().to_string().contains("runs:control"));
        assert!("owner".parse::<Role>().is_err());
    }

    #[test]
    fn each_role_has_the_rights_of_the_one_before_and_more() {
        for pair in Role::ALL.windows(2) {
            let (less, more) = (pair[0].rights(false), pair[1].rights(false));
            assert!(less.iter().all(|right| more.has(right)), "{pair:?}");
            assert!(more.iter().count() > less.iter().count(), "{pair:?}");
        }
        assert_eq!(Role::Admin.rights(false).iter().count(), Right::ALL.len());
    }

    #[test]
    fn payloads_are_a_right_of_their_own() {
        assert!(!Role::Viewer.rights(false).has(Right::PayloadsRead));
        assert!(Role::Viewer.rights(true).has(Right::PayloadsRead));
        assert!(!Role::Viewer.rights(true).has(Right::RunsControl));
        assert!(Role::Operator.rights(false).has(Right::PayloadsRead) && Role::Operator.sees_payloads());
        let admin: Rights = [Right::Admin].into_iter().collect();
        assert!(admin.has(Right::PayloadsRead) && !Rights::default().has(Right::Admin));
    }
}
