//! What a workflow says about its runs as a whole: how many, how fast, how long, and how long they are kept.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::value::{
    FieldError, Limits, Span, WAIT_CAP, WorkflowKey,
    fields::{Object, join, take},
};

/// The fields of a workflow that are about its runs as a whole.
#[derive(Debug, Clone, Default, JsonSchema)]
pub struct Policy {
    /// How long a run may take from its acceptance, waits included; at most 365d. Nothing: as long as its steps.
    pub timeout: Option<Span>,
    /// Steps that one run may execute, each attempt and iteration counted; default 1000, at most 10000.
    pub max_steps: Option<u32>,
    /// How many runs are under way at once.
    pub concurrency: Option<Concurrency>,
    /// How many runs begin in a time; the others begin later.
    pub throttle: Option<Throttle>,
    /// Waits for quiet, and runs the last event only.
    pub debounce: Option<Debounce>,
    /// At most one unfinished run.
    pub singleton: Option<Singleton>,
    /// The workflow that is run when a run of this one has failed.
    pub on_failure: Option<WorkflowKey>,
    /// Its share while more runs are ready than can be executed.
    #[schemars(default)]
    pub priority: Priority,
    /// How long finished runs are kept; what is left out is the server's setting.
    #[schemars(default)]
    pub retention: Retention,
}

/// A limit on runs that are under way, from their first step to their end, waits included.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Concurrency {
    /// Runs at once; 1 keeps them in the order of their acceptance.
    pub limit: u32,
    /// A template over `$context`: the limit counts for each value of it on its own.
    pub key: Option<String>,
}

/// A limit on how fast runs begin.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Throttle {
    /// Runs that may begin in one period.
    pub limit: u32,
    /// The period, 1ms to 1d.
    pub per: Span,
    /// A template over `$context`: the limit counts for each value of it on its own.
    pub key: Option<String>,
}

/// Of several events in a row, only the last one is run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Debounce {
    /// How long no further event may come; 1ms to 7d.
    pub wait: Span,
    /// The longest time from the first event, so that a steady stream is run too; default: ten times `wait`.
    pub max: Option<Span>,
    /// A template over `$context`: each value of it is a row of its own.
    pub key: Option<String>,
}

/// At most one unfinished run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Singleton {
    /// A template over `$context`: one run for each value of it.
    pub key: Option<String>,
    /// What happens to an event while one is unfinished.
    #[serde(default)]
    pub on_conflict: OnConflict,
}

/// What happens to an event that finds its singleton taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnConflict {
    /// It starts no run; the caller gets the id of the unfinished one.
    #[default]
    Skip,
    /// The unfinished run is cancelled.
    Cancel,
}

/// A workflow's share of the execution while there is not enough for all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// A quarter of a normal one's share.
    Low,
    /// The same as all others.
    #[default]
    Normal,
    /// Four times a normal one's share.
    High,
}

impl Priority {
    /// Its weight beside others.
    pub fn weight(self) -> u64 {
        match self {
            Self::Low => 1,
            Self::Normal => 4,
            Self::High => 16,
        }
    }
}

/// How long finished runs are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Runs that ended well.
    pub succeeded: Option<Span>,
    /// Runs that failed or were cancelled.
    pub failed: Option<Span>,
}

impl Policy {
    /// The fields' names.
    pub(super) const FIELDS: [&str; 9] = [
        "timeout",
        "max_steps",
        "concurrency",
        "throttle",
        "debounce",
        "singleton",
        "on_failure",
        "priority",
        "retention",
    ];

    /// Steps that one run may execute.
    pub fn max_steps(&self) -> usize {
        self.max_steps.map_or(Limits::STEPS, |most| most as usize)
    }

    pub(super) fn take(fields: &mut Object) -> Result<Self, FieldError> {
        let policy = Self {
            timeout: take(fields, "", "timeout")?,
            max_steps: take(fields, "", "max_steps")?,
            concurrency: take(fields, "", "concurrency")?,
            throttle: take(fields, "", "throttle")?,
            debounce: take(fields, "", "debounce")?,
            singleton: take(fields, "", "singleton")?,
            on_failure: take(fields, "", "on_failure")?,
            priority: take(fields, "", "priority")?.unwrap_or_default(),
            retention: take(fields, "", "retention")?.unwrap_or_default(),
        };
        policy.check()?;
        Ok(policy)
    }

    fn check(&self) -> Result<(), FieldError> {
        const DAY: u64 = 86_400_000;
        let span = |field: &str, span: Option<Span>, most: Span| match span {
            Some(span) if span.as_millis() == 0 || span > most => {
                Err(FieldError::new(field, format!("1ms to {most} can be given")))
            }
            Some(_) | None => Ok(()),
        };
        span("timeout", self.timeout, WAIT_CAP)?;
        let years = Span::from_millis(3_650 * DAY);
        span("retention.succeeded", self.retention.succeeded, years)?;
        span("retention.failed", self.retention.failed, years)?;
        if self.max_steps.is_some_and(|most| !(1..=Limits::STEPS_CAP).contains(&(most as usize))) {
            return Err(FieldError::new("max_steps", format!("1 to {} can be given", Limits::STEPS_CAP)));
        }
        let limits = [
            ("concurrency", self.concurrency.as_ref().map(|it| it.limit)),
            ("throttle", self.throttle.as_ref().map(|it| it.limit)),
        ];
        for (field, limit) in limits {
            if limit.is_some_and(|limit| !(1..=100_000).contains(&limit)) {
                return Err(FieldError::new(join(field, "limit"), "1 to 100000 can be given"));
            }
        }
        span("throttle.per", self.throttle.as_ref().map(|it| it.per), Span::from_millis(DAY))?;
        span("debounce.wait", self.debounce.as_ref().map(|it| it.wait), Span::from_millis(7 * DAY))?;
        span("debounce.max", self.debounce.as_ref().and_then(|it| it.max), Span::from_millis(30 * DAY))?;
        if self.debounce.is_some() && self.singleton.is_some() {
            return Err(FieldError::new("singleton", "give `debounce` or `singleton`, not both"));
        }
        Ok(())
    }
}
