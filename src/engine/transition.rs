//! What happens next in a run. Pure: the same state and event give the same actions.
//!
//! The tree of steps is walked from its root each time, so a run can be taken up at
//! any point from its step records alone.

use std::collections::HashMap;

use crate::model::{ErrorCode, JsonText, LimitUnit, Limits, RunError, Step, StepId, Workflow};

/// What is known of a run's progress.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// Finished steps with their outputs, which tell the branch that was taken.
    done: HashMap<StepId, JsonText>,
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
        /// Its output; that of a condition or a switch is the branch it takes.
        output: JsonText,
    },
    /// An `end` step ended the run well; nothing more is executed.
    Ended,
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
    pub fn apply(&mut self, step: StepId, output: JsonText) {
        self.done.insert(step, output);
    }
}

/// Applies an event and tells what to do. After the run has ended there is nothing to do.
pub fn transition(workflow: &Workflow, state: &mut State, event: Event) -> Option<Action> {
    if state.ended {
        return None;
    }
    match event {
        Event::Started => {}
        Event::StepSucceeded { step, output } => state.apply(step, output),
        Event::Ended => {
            state.ended = true;
            return Some(Action::Succeed);
        }
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
fn next<'a>(steps: &'a [Step], done: &HashMap<StepId, JsonText>) -> Option<&'a Step> {
    for step in steps {
        let Some(output) = done.get(&step.id) else { return Some(step) };
        let branches = step.branches();
        if branches.is_empty() {
            continue;
        }
        let output = output.to_value();
        let taken = branches.into_iter().find(|branch| branch.output == output);
        if let Some(inner) = taken.and_then(|branch| next(branch.steps, done)) {
            return Some(inner);
        }
    }
    None
}

fn too_many_steps() -> RunError {
    let most = Limits::STEPS as u64;
    let message = format!("the run has more than {most} steps; split the workflow");
    RunError::new(ErrorCode::TooManySteps, message).over(most, most + 1, LimitUnit::Steps)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

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
                {"id": "s", "type": "switch", "cases": [
                    {"if": "false", "then": [leaf("s0")]}, {"if": "false", "then": [leaf("s1")]}], "else": [leaf("s2")]},
                leaf("z")
            ]
        }))
        .unwrap()
    }

    /// Runs the machine with these outputs, null for all others, and gives the order of steps.
    fn order(outputs: &[(&str, Value)]) -> Vec<String> {
        let (workflow, mut state) = (workflow(), State::default());
        let mut order = Vec::new();
        let mut action = transition(&workflow, &mut state, Event::Started);
        while let Some(Action::Execute(step)) = action {
            let output = outputs
                .iter()
                .find(|(id, _)| *id == step.as_str())
                .map_or(&Value::Null, |(_, output)| output);
            let output = JsonText::from_value(output);
            order.push(step.to_string());
            action = transition(&workflow, &mut state, Event::StepSucceeded { step, output });
        }
        assert_eq!(action, Some(Action::Succeed));
        assert_eq!(transition(&workflow, &mut state, Event::Started), None, "a run ends once");
        order
    }

    #[test]
    fn steps_run_in_the_order_of_the_tree() {
        let (yes, no, one) = (json!(true), json!(false), json!(1));
        let cases = [
            (vec![("c", &yes), ("inner", &no)], vec!["a", "c", "t1", "inner", "e2", "s", "s2", "z"]),
            (vec![("c", &yes), ("inner", &yes)], vec!["a", "c", "t1", "inner", "s", "s2", "z"]),
            (vec![("c", &no)], vec!["a", "c", "e1", "s", "s2", "z"]),
            (vec![("c", &no), ("s", &one)], vec!["a", "c", "e1", "s", "s1", "z"]),
        ];
        for (outputs, expected) in cases {
            let outputs: Vec<_> = outputs.into_iter().map(|(id, output)| (id, output.clone())).collect();
            assert_eq!(order(&outputs), expected);
        }
    }

    #[test]
    fn nothing_is_executed_after_an_end() {
        let (workflow, mut state) = (workflow(), State::default());
        transition(&workflow, &mut state, Event::Started);
        assert_eq!(transition(&workflow, &mut state, Event::Ended), Some(Action::Succeed));
        assert_eq!(transition(&workflow, &mut state, Event::Started), None);
    }

    #[test]
    fn a_run_is_taken_up_where_its_records_end() {
        let (workflow, mut state) = (workflow(), State::default());
        state.apply("a".parse().unwrap(), JsonText::null());
        state.apply("c".parse().unwrap(), JsonText::from_value(&json!(true)));
        state.apply("t1".parse().unwrap(), JsonText::null());
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
