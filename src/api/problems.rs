//! What the engine could not do, as the API's caller sees it: one exhaustive match.

use http::StatusCode;

use crate::{
    engine::ControlError,
    gateway::{Problem, engine_problem},
};

/// Status and stable code of an error of the engine's control.
pub(super) fn control(error: ControlError) -> Problem {
    let (status, code, run) = match &error {
        ControlError::UnknownRun(_) => (StatusCode::NOT_FOUND, "run_unknown", None),
        ControlError::UnknownWorkflow(_) => (StatusCode::NOT_FOUND, "workflow_unknown", None),
        ControlError::Ended { run, .. } => (StatusCode::CONFLICT, "run_ended", Some(*run)),
        ControlError::NotEnded(run) => (StatusCode::CONFLICT, "run_not_ended", Some(*run)),
        ControlError::NothingFailed(run) => (StatusCode::CONFLICT, "nothing_failed", Some(*run)),
        ControlError::TreeDiffers { run, .. } => (StatusCode::CONFLICT, "tree_differs", Some(*run)),
        ControlError::Version(_) => (StatusCode::CONFLICT, "version_missing", None),
        ControlError::Engine(error) => return engine_problem(error),
    };
    let mut problem = Problem::new(status, code, error.to_string());
    problem.run_id = run;
    problem
}
