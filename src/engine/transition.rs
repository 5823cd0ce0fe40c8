//! What happens next in a run. Pure: the same state and event give the same actions.
//!
//! The tree of steps is walked from its root each time, so a run can be taken up at
//! any point from its step records alone.

use std::collections::HashMap;

use crate::model::{ErrorCode, LimitUnit, LimitUse, Limits, RunError, Step, StepId, StepKind, Workflow};

/// What is known of a run's progress.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// Finished steps, with the branch that a condition took.
    done: HashMap<StepId, Option<bool>>,
    ended: bool,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The run begins, or is taken up after its records were applied with [`State::apply`].
    Started,
    /// A step has an output.
    StepSucceeded {
        /// The step.
        step: StepId,
        /// The branch that it takes, when it is a condition.
        branch: Option<bool>,
    },
    /// A step failed.
    StepFailed {
        /// Why.
        error: RunError,
    },
}

/// What has to be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Execute this step.
    Execute(StepId),
    /// The run has ended well.
    Succeed,
    /// The run has ended with this error.
    Fail(RunError),
}

impl State {
    /// Takes over a step that was finished before a restart.
    pub fn apply(&mut self, step: StepId, branch: Option<bool>) {
        self.done.insert(step, branch);
    }
}

/// Applies an event and tells what to do. After the run has ended there is nothing to do.
pub fn transition(workflow: &Workflow, state: &mut State, event: Event) -> Option<Action> {
    if state.ended {
        return None;
    }
    match event {
        Event::Started => {}
        Event::StepSucceeded { step, branch } => state.apply(step, branch),
        Event::StepFailed { error } => {
            state.ended = true;
            return Some(Action::Fail(error));
        }
    }
    match next(&workflow.steps, &state.done) {
        None => {
            state.ended = true;
            Some(Action::Succeed)
        }
        Some(_) if state.done.len() >= Limits::STEPS => {
            state.ended = true;
            Some(Action::Fail(too_many_steps()))
        }
        Some(step) => Some(Action::Execute(step.id.clone())),
    }
}

/// The first step of the tree that is not done.
fn next<'a>(steps: &'a [Step], done: &HashMap<StepId, Option<bool>>) -> Option<&'a Step> {
    for step in steps {
        let Some(branch) = done.get(&step.id) else { return Some(step) };
        let inner = match (&step.kind, branch) {
            (StepKind::Condition(condition), Some(true)) => next(&condition.then, done),
            (StepKind::Condition(condition), Some(false)) => next(&condition.otherwise, done),
            (StepKind::Condition(_), None) | (StepKind::Code(_) | StepKind::Response(_), _) => None,
        };
        if inner.is_some() {
            return inner;
        }
    }
    None
}

fn too_many_steps() -> RunError {
    let most = Limits::STEPS as u64;
    let limit = LimitUse { limit: most, used: most + 1, unit: LimitUnit::Steps };
    let error = RunError::new(
        ErrorCode::TooManySteps,
        format!("the run has more than {most} steps; split the workflow"),
    );
    RunError { limit: Some(limit), ..error }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workflow() -> Workflow {
        let leaf = |id: &str| json!({"id": id, "type": "response"});
        Workflow::from_value(json!({
            "key": "w", "trigger": {"type": "webhook"},
            "steps": [
                leaf("a"),
                {"id": "c", "type": "condition", "if": "true",
                 "then": [leaf("t1"), {"id": "inner", "type": "condition", "if": "false", "else": [leaf("e2")]}],
                 "else": [leaf("e1")]},
                leaf("z")
            ]
        }))
        .unwrap()
    }

    /// Runs the machine with these branches, and gives the order of steps.
    fn order(branches: &[(&str, bool)]) -> Vec<String> {
        let (workflow, mut state) = (workflow(), State::default());
        let mut order = Vec::new();
        let mut action = transition(&workflow, &mut state, Event::Started);
        while let Some(Action::Execute(step)) = action {
            let branch = branches.iter().find(|(id, _)| *id == step.as_str()).map(|(_, branch)| *branch);
            order.push(step.to_string());
            action = transition(&workflow, &mut state, Event::StepSucceeded { step, branch });
        }
        assert_eq!(action, Some(Action::Succeed));
        assert_eq!(transition(&workflow, &mut state, Event::Started), None, "a run ends once");
        order
    }

    #[test]
    fn steps_run_in_the_order_of_the_tree() {
        assert_eq!(order(&[("c", true), ("inner", false)]), ["a", "c", "t1", "inner", "e2", "z"]);
        assert_eq!(order(&[("c", true), ("inner", true)]), ["a", "c", "t1", "inner", "z"]);
        assert_eq!(order(&[("c", false)]), ["a", "c", "e1", "z"]);
    }

    #[test]
    fn a_run_is_taken_up_where_its_records_end() {
        let (workflow, mut state) = (workflow(), State::default());
        state.apply("a".parse().unwrap(), None);
        state.apply("c".parse().unwrap(), Some(true));
        state.apply("t1".parse().unwrap(), None);
        let action = transition(&workflow, &mut state, Event::Started);
        assert_eq!(action, Some(Action::Execute("inner".parse().unwrap())));
    }

    #[test]
    fn a_failed_step_ends_the_run_once() {
        let (workflow, mut state) = (workflow(), State::default());
        transition(&workflow, &mut state, Event::Started);
        let error = RunError::new(ErrorCode::ScriptError, "boom");
        let failed = Event::StepFailed { error: error.clone() };
        assert_eq!(transition(&workflow, &mut state, failed.clone()), Some(Action::Fail(error)));
        assert_eq!(transition(&workflow, &mut state, failed), None);
    }
}
