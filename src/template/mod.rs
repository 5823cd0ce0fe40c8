//! The languages that workflows use instead of code: `{{path}}` templates and conditions.
//!
//! They are compiled once, when a workflow version is loaded, and filled by the engine at each step. Pure. Templates
//! only read. Conditions are CEL or a structured comparison, with a fixed budget of work. Neither can run a program,
//! call a host function or end the process.

mod cel;
mod compare;
mod condition;
mod condition_error;
mod fallback;
mod fill;
mod json;
mod path;
mod path_error;
mod quotes;
mod text;

use std::fmt;

use serde_json::Value;

pub use condition::Condition;
pub use condition_error::ConditionError;
pub use fill::{Budget, FillError};
pub use json::JsonTemplate;
pub use path::{Path, Segment};
pub use path_error::PathError;
pub use text::{Part, Template, TemplateError, TemplateErrorKind};

/// The values that a path can start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Root {
    /// The request: `data`, `headers`, `query`, `params`, `rawBody`, `method`, `path`, `ip`.
    Context,
    /// The outputs of the steps so far, by id.
    Steps,
    /// `item` and `index` of the loops around the step, by the loop's id.
    Scopes,
    /// Environment variables.
    Env,
    /// Secrets.
    Secrets,
    /// `now`.
    System,
    /// `id` of the run.
    Run,
    /// `status`, `headers` and `data` of the answer that a condition judges; nowhere else.
    Response,
}

/// The source of the values; the engine implements it for a run.
pub trait Roots {
    /// The value of a root, or `None` where it does not exist (no run yet, no loop around).
    fn root(&self, root: Root) -> Option<&Value>;
}

impl Root {
    /// Every root that a template may read anywhere.
    pub const ALL: [Self; 7] =
        [Self::Context, Self::Steps, Self::Scopes, Self::Env, Self::Secrets, Self::System, Self::Run];

    /// The name, without the `$`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Context => "context",
            Self::Steps => "steps",
            Self::Scopes => "scopes",
            Self::Env => "env",
            Self::Secrets => "secrets",
            Self::System => "system",
            Self::Run => "run",
            Self::Response => "response",
        }
    }

    /// The root of this name, without the `$`; `jobsMapByNodeKey` is another name for `steps`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "jobsMapByNodeKey" => Some(Self::Steps),
            "response" => Some(Self::Response),
            _ => Self::ALL.into_iter().find(|root| root.name() == name),
        }
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${}", self.name())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Root, Roots};

    /// Roots from one JSON object; a root that it lacks does not exist.
    pub(crate) struct Fixture(pub(crate) Value);

    impl Roots for Fixture {
        fn root(&self, root: Root) -> Option<&Value> {
            self.0.get(root.name())
        }
    }

    /// A push event and two steps.
    pub(crate) fn fixture() -> Fixture {
        Fixture(json!({
            "context": {
                "method": "POST",
                "headers": {"x-github-delivery": "d-1"},
                "data": {
                    "amount": 100.5, "count": 150, "big": u64::MAX, "zero": 0, "text": "héllo", "none": null,
                    "yes": true, "list": [1, 2, 3], "empty": [],
                    "rows": [
                        {"title": "a", "tags": ["x", "y"], "n": 1},
                        {"title": "b", "tags": [], "n": 2},
                        {"tags": ["z"], "n": 3},
                    ],
                    "grid": [[{"v": 1}, {"v": 2}], [{"v": 3}]],
                    "__proto__": {"polluted": 1}, "constructor": "own", "a.b": "dotted", "0": "zeroth", "名": "值",
                },
            },
            "steps": {"parse": {"branch": "main", "sha": "abc"}, "is_main": true},
            "scopes": {"each": {"item": {"id": 7}, "index": 0}},
            "env": {"NAME": "value", "TOKEN": "hunter2-token"},
            "secrets": {"KEY": "hunter2-key"},
            "system": {"now": "2026-01-01T00:00:00Z"},
            "run": {"id": "run_1"},
        }))
    }

    #[test]
    fn every_root_is_found_by_its_name() {
        for root in Root::ALL {
            assert_eq!(Root::from_name(root.name()), Some(root));
        }
        assert_eq!(Root::from_name("jobsMapByNodeKey"), Some(Root::Steps));
        assert_eq!(Root::from_name("$steps"), None);
    }
}
