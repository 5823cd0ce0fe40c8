//! What an error of the engine or the store becomes as HTTP: the one place that says its status and its stable code.
//!
//! Each match is exhaustive, so that a new error is a compile error here. What the caller of the management API reads is
//! the error's own text; a sender of webhooks reads no more than it needs.

use http::StatusCode;
use serde_json::json;

use super::{Parts, Problem, Retry};
use crate::{
    engine::{
        CallbackError, ControlError, EngineError, HomeError, KvError, PluginsError, QuestionError, VaultError,
    },
    model::AnswerError,
    sandbox::PluginError,
    store::StoreError,
};

fn unavailable(code: &'static str, detail: &str) -> Parts {
    (StatusCode::SERVICE_UNAVAILABLE, code, detail.to_owned(), Retry::Later)
}

/// A run that is not accepted.
pub(crate) fn of_engine(error: &EngineError) -> Parts {
    match error {
        EngineError::Full { .. } => unavailable("queue_full", "too many runs are waiting; send again later"),
        EngineError::WorkflowFull { .. } => (
            StatusCode::TOO_MANY_REQUESTS,
            "workflow_queue_full",
            "too many runs of this workflow are waiting; send again later".to_owned(),
            Retry::Later,
        ),
        EngineError::WaitingFull { .. } => unavailable(
            "workflow_waiting_full",
            "too many runs of this workflow wait for something; send again later",
        ),
        EngineError::Paused => unavailable("workflow_paused", "the workflow is paused; send again later"),
        EngineError::Stopping => unavailable("stopping", "the server is stopping; send again"),
        EngineError::Store(error) => of_store(error),
    }
}

/// What the store did not do. The same request may be sent again, unless the store is damaged: waiting does not cure that.
fn of_store(error: &StoreError) -> Parts {
    match error {
        StoreError::Busy => unavailable("store_busy", "the store is busy; send again later"),
        StoreError::Full { .. } => unavailable("store_full", "the store has no room; send again later"),
        StoreError::Corrupt { .. } => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "store_damaged",
            "a part of the store is damaged; the server's log names it".to_owned(),
            Retry::Never,
        ),
        StoreError::Unavailable { .. }
        | StoreError::Fenced { .. }
        | StoreError::Conflict { .. }
        | StoreError::Io { .. }
        | StoreError::Closed
        | StoreError::Failed { .. }
        | StoreError::NewerVersion { .. }
        | StoreError::Locked { .. }
        | StoreError::ReadOnly { .. } => {
            unavailable("store_unavailable", "the event could not be stored; send again later")
        }
    }
}

/// A callback that is not taken.
pub(crate) fn of_callback(error: &CallbackError) -> Parts {
    match error {
        CallbackError::Unknown => {
            (StatusCode::NOT_FOUND, "callback_unknown", error.to_string(), Retry::Never)
        }
        CallbackError::Gone => (StatusCode::GONE, "callback_gone", error.to_string(), Retry::Never),
        CallbackError::Store(error) => of_store(error),
    }
}

/// An answer that is none.
pub(crate) fn of_answer(error: &AnswerError) -> Parts {
    (StatusCode::UNPROCESSABLE_ENTITY, "answer_invalid", error.to_string(), Retry::Never)
}

impl From<QuestionError> for Problem {
    fn from(error: QuestionError) -> Self {
        match &error {
            QuestionError::Unknown(_) => {
                Self::new(StatusCode::NOT_FOUND, "question_unknown", error.to_string())
            }
            QuestionError::Closed(id) => {
                let mut problem = Self::new(StatusCode::CONFLICT, "question_closed", error.to_string());
                problem.run_id = Some(id.run);
                problem
            }
            QuestionError::Answer(error) => Self::of(of_answer(error)),
            QuestionError::Store(error) => error.clone().into(),
        }
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        Self::of(of_engine(&error))
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store did not do what the API asked for");
        let (status, code, _, retry) = of_store(&error);
        Self::of((status, code, error.to_string(), retry))
    }
}

impl From<ControlError> for Problem {
    fn from(error: ControlError) -> Self {
        let (status, code, run) = match &error {
            ControlError::UnknownRun(_) => (StatusCode::NOT_FOUND, "run_unknown", None),
            ControlError::UnknownWorkflow(_) => (StatusCode::NOT_FOUND, "workflow_unknown", None),
            ControlError::Trigger(_) => (StatusCode::UNPROCESSABLE_ENTITY, "trigger_unknown", None),
            ControlError::Ended { run, .. } => (StatusCode::CONFLICT, "run_ended", Some(*run)),
            ControlError::NotEnded(run) => (StatusCode::CONFLICT, "run_not_ended", Some(*run)),
            ControlError::NothingFailed(run) => (StatusCode::CONFLICT, "nothing_failed", Some(*run)),
            ControlError::TreeDiffers { run, .. } => (StatusCode::CONFLICT, "tree_differs", Some(*run)),
            ControlError::Version(_) => (StatusCode::CONFLICT, "version_missing", None),
            ControlError::Engine(error) => return Self::of(of_engine(error)),
        };
        let mut problem = Self::new(status, code, error.to_string());
        problem.run_id = run;
        problem
    }
}

impl From<HomeError> for Problem {
    fn from(error: HomeError) -> Self {
        let (status, code) = match &error {
            HomeError::Unknown(_) => (StatusCode::NOT_FOUND, "workflow_unknown"),
            HomeError::KeyTaken { .. } => (StatusCode::CONFLICT, "key_taken"),
            HomeError::ReadOnly { .. } => (StatusCode::CONFLICT, "home_read_only"),
            HomeError::Moved { .. } => (StatusCode::PRECONDITION_FAILED, "version_moved"),
            HomeError::Wrong(_) => (StatusCode::UNPROCESSABLE_ENTITY, "workflow_invalid"),
            HomeError::Collides(_) => (StatusCode::CONFLICT, "webhook_collides"),
            HomeError::Files(_) => (StatusCode::UNPROCESSABLE_ENTITY, "files_invalid"),
            HomeError::FixturesDiffer { .. } => (StatusCode::CONFLICT, "fixtures_differ"),
            HomeError::RevisionUnknown { .. } => (StatusCode::NOT_FOUND, "revision_unknown"),
            HomeError::NotWritten { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "files_not_written"),
            HomeError::Store(error) => return error.clone().into(),
        };
        if status.is_server_error() {
            tracing::error!(%error, "the API could not write a workflow");
        }
        let mut problem = Self::new(status, code, error.to_string());
        let params = match &error {
            HomeError::ReadOnly { why, .. } => Some(json!({ "why": why })),
            HomeError::Moved { base, theirs, .. } => Some(json!({ "base": base, "theirs": theirs })),
            HomeError::Wrong(error) => Some(json!({
                "file": error.file,
                "line": error.place.map(|(line, _)| line),
                "column": error.place.map(|(_, column)| column),
                "field": error.field,
                "message": error.message,
                "frame": error.frame,
            })),
            HomeError::FixturesDiffer { differences, .. } => Some(json!({ "fixtures": differences })),
            HomeError::RevisionUnknown { number, .. } => Some(json!({ "revision": number })),
            HomeError::Unknown(_)
            | HomeError::KeyTaken { .. }
            | HomeError::Collides(_)
            | HomeError::Files(_)
            | HomeError::NotWritten { .. }
            | HomeError::Store(_) => None,
        };
        problem.params = params.map(Box::new);
        problem
    }
}

impl From<VaultError> for Problem {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Secret(error) => Self::bad_request(error.to_string()),
            VaultError::TooMany => Self::new(StatusCode::CONFLICT, "secrets_full", error.to_string()),
            VaultError::Fixed | VaultError::WrongKey { .. } => {
                Self::new(StatusCode::CONFLICT, "secrets_fixed", error.to_string())
            }
            VaultError::Store(error) => error.into(),
        }
    }
}

impl From<KvError> for Problem {
    fn from(error: KvError) -> Self {
        match error {
            KvError::Store(error) => error.into(),
            KvError::Busy { .. } => Self::new(StatusCode::CONFLICT, "kv_busy", error.to_string()),
            KvError::Denied { .. } => Self::new(StatusCode::FORBIDDEN, "kv_denied", error.to_string()),
            KvError::Quota { .. } => Self::new(StatusCode::CONFLICT, "kv_full", error.to_string()),
            KvError::ValueTooLarge { .. }
            | KvError::KeyInvalid { .. }
            | KvError::NotANumber { .. }
            | KvError::Arguments { .. } => Self::bad_request(error.to_string()),
        }
    }
}

impl From<PluginsError> for Problem {
    fn from(error: PluginsError) -> Self {
        let (status, code) = match &error {
            PluginsError::Module(module) => match module {
                PluginError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, module.code()),
                PluginError::Compiler { .. } => (StatusCode::INTERNAL_SERVER_ERROR, module.code()),
                PluginError::NotWasm { .. } | PluginError::Text | PluginError::Precompiled => {
                    (StatusCode::UNSUPPORTED_MEDIA_TYPE, module.code())
                }
                PluginError::Invalid { .. }
                | PluginError::TooMany { .. }
                | PluginError::ForbiddenImport { .. }
                | PluginError::MissingExport { .. }
                | PluginError::WrongWorld { .. }
                | PluginError::CompileLimit { .. }
                | PluginError::Describe { .. }
                | PluginError::DescribeFailed(_) => (StatusCode::UNPROCESSABLE_ENTITY, module.code()),
            },
            PluginsError::Exists { .. } => (StatusCode::CONFLICT, "plugin_exists"),
            PluginsError::Unnamed => (StatusCode::BAD_REQUEST, "plugin_unnamed"),
            PluginsError::OtherName { .. } => (StatusCode::BAD_REQUEST, "plugin_named_otherwise"),
            PluginsError::TooMany { .. } => (StatusCode::CONFLICT, "plugins_full"),
            PluginsError::Unknown { .. } => (StatusCode::NOT_FOUND, "plugin_unknown"),
            PluginsError::NotAsked { .. } => (StatusCode::CONFLICT, "capability_not_asked"),
            PluginsError::NotGranted { .. } => (StatusCode::CONFLICT, "capability_not_granted"),
            PluginsError::Limits { .. } => return Self::bad_request(error.to_string()),
            PluginsError::Damaged { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "plugin_damaged"),
            PluginsError::Store(error) => return error.clone().into(),
        };
        if status.is_server_error() {
            tracing::error!(%error, "the API could not work on a plugin");
        }
        Self::new(status, code, error.to_string())
    }
}
