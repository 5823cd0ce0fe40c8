//! The machine alone: outputs are given by the test, crashes are replays of its journal.

use serde_json::{Value, json};

use super::*;

/// What a step does in a test.
#[derive(Debug, Clone)]
enum Does {
    Gives(Value),
    Begins(Value),
    Fails(RetryHint),
    WaitsMs(u64),
    /// The script of this attempt goes on after so long.
    Sleeps(u64),
    CallsBack(u64),
    Ends,
}

type Script<'a> = &'a dyn Fn(&StepKey, u32) -> Does;

/// A run of the machine whose every action is done at once.
struct Machine<'a> {
    workflow: Workflow,
    state: State,
    script: Script<'a>,
    now_ms: u64,
    journal: Vec<Entry>,
    executed: Vec<String>,
    ending: Option<Ending>,
}

fn workflow(steps: Value) -> Workflow {
    workflow_with(steps, json!({}))
}

fn workflow_with(steps: Value, policy: Value) -> Workflow {
    let mut value = json!({"key": "w", "trigger": {"type": "manual"}, "steps": steps});
    value.as_object_mut().unwrap().extend(policy.as_object().unwrap().clone());
    Workflow::from_value(value).unwrap_or_else(|error| panic!("{error}"))
}

fn leaf(id: &str) -> Value {
    json!({"id": id, "type": "set", "values": null})
}

impl<'a> Machine<'a> {
    fn new(workflow: Workflow, script: Script<'a>) -> Self {
        let deadline = workflow.policy.timeout.map(|timeout| timeout.as_millis());
        Self {
            workflow,
            state: State::new(deadline),
            script,
            now_ms: 0,
            journal: Vec::new(),
            executed: Vec::new(),
            ending: None,
        }
    }

    /// Runs to the end, or until only signals can help.
    fn run(mut self) -> Self {
        self.tell(RunEvent::Started);
        self.go_on();
        self
    }

    fn go_on(&mut self) {
        while self.ending.is_none() {
            let Some(due_ms) = self.state.next_due() else { return };
            self.now_ms = self.now_ms.max(due_ms);
            self.tell(RunEvent::Tick);
        }
    }

    fn tell(&mut self, event: RunEvent) {
        let mut events = vec![event];
        while !events.is_empty() {
            let event = events.remove(0);
            let inputs = Inputs { now_ms: self.now_ms, random: 7 };
            for action in transition(&self.workflow, &mut self.state, event, inputs) {
                match action {
                    Action::Record(entry) => self.journal.push(entry),
                    Action::Execute { key, attempt } => {
                        self.executed.push(key.to_string());
                        events.push(self.perform(key, attempt));
                    }
                    Action::Abort(_) | Action::CancelRun(_) | Action::Withdraw(_) => {}
                    Action::Finish(ending) => {
                        assert_eq!(self.ending, None, "a run ends once");
                        self.ending = Some(ending);
                    }
                }
            }
        }
    }

    fn perform(&self, key: StepKey, attempt: u32) -> RunEvent {
        let record = |result| StepRecord {
            attempt,
            ..StepRecord::plain(key.clone(), result, self.now_ms, self.now_ms)
        };
        match (self.script)(&key, attempt) {
            Does::Gives(value) => RunEvent::Attempt {
                record: record(Ok(JsonText::from_value(&value))),
                again: RetryHint::Never,
            },
            Does::Begins(value) => RunEvent::Begun { key, output: JsonText::from_value(&value) },
            Does::Fails(again) => RunEvent::Attempt {
                record: record(Err(RunError::new(ErrorCode::ScriptError, "boom"))),
                again,
            },
            Does::WaitsMs(ms) => {
                RunEvent::Waits { key, wait: Wait::Time, due_ms: Some(self.now_ms.saturating_add(ms)) }
            }
            Does::Sleeps(ms) => RunEvent::Waits { key, wait: Wait::Script, due_ms: Some(self.now_ms + ms) },
            Does::CallsBack(ms) => {
                RunEvent::Waits { key, wait: Wait::Callback, due_ms: Some(self.now_ms + ms) }
            }
            Does::Ends => RunEvent::Ended(record(Ok(JsonText::null()))),
        }
    }

    /// The output of the last instance of a step.
    fn output(&self, step: &str) -> Value {
        let of = |entry: &Entry| match entry {
            Entry::Ended(record) if record.step.as_str() == step => Some(record.output.to_value()),
            _ => None,
        };
        self.journal.iter().rev().find_map(of).unwrap_or(Value::Null)
    }

    fn order(&self) -> String {
        self.executed.join(" ")
    }
}

fn run(steps: Value, script: Script<'_>) -> Machine<'_> {
    Machine::new(workflow(steps), script).run()
}

const NULLS: Script<'static> = &|_, _| Does::Gives(Value::Null);

fn failed(machine: &Machine<'_>) -> Option<ErrorCode> {
    match &machine.ending {
        Some(Ending::Failed(error) | Ending::Cancelled(error)) => Some(error.code),
        Some(Ending::Succeeded) | None => None,
    }
}

#[test]
fn steps_run_in_the_order_of_the_tree() {
    let steps = json!([
        leaf("a"),
        {"id": "c", "type": "condition", "if": "true",
         "then": [leaf("t1"), {"id": "inner", "type": "condition", "if": "false", "else": [leaf("e2")]}],
         "else": [leaf("e1")]},
        {"id": "s", "type": "switch", "cases": [
            {"if": "false", "then": [leaf("s0")]}, {"if": "false", "then": [leaf("s1")]}], "else": [leaf("s2")]},
        leaf("z")
    ]);
    let (yes, no, one) = (json!(true), json!(false), json!(1));
    let cases = [
        (vec![("c", &yes), ("inner", &no)], "a c t1 inner e2 s s2 z"),
        (vec![("c", &yes), ("inner", &yes)], "a c t1 inner s s2 z"),
        (vec![("c", &no)], "a c e1 s s2 z"),
        (vec![("c", &no), ("s", &one)], "a c e1 s s1 z"),
    ];
    for (outputs, expected) in cases {
        let gives = |key: &StepKey, _: u32| {
            let found = outputs.iter().find(|(id, _)| *id == key.step.as_str());
            Does::Gives(found.map_or(Value::Null, |(_, output)| (*output).clone()))
        };
        let machine = run(steps.clone(), &gives);
        assert_eq!((machine.order().as_str(), machine.ending), (expected, Some(Ending::Succeeded)));
    }
}

#[test]
fn an_end_step_ends_the_run_where_it_stands() {
    let ends = |key: &StepKey, _: u32| match key.step.as_str() {
        "stop" => Does::Ends,
        _ => Does::Gives(Value::Null),
    };
    let steps = json!([leaf("a"), {"id": "stop", "type": "end", "status": "succeeded"}, leaf("z")]);
    let machine = run(steps, &ends);
    assert_eq!((machine.order().as_str(), machine.ending), ("a stop", Some(Ending::Succeeded)));
}

#[test]
fn a_loop_goes_over_its_elements_and_gathers_their_outputs() {
    let steps = json!([
        {"id": "each", "type": "loop", "over": [], "steps": [leaf("a"), leaf("b")]}, leaf("z")]);
    let gives = |key: &StepKey, _: u32| match key.step.as_str() {
        "each" => Does::Begins(json!(["x", "y"])),
        "b" => Does::Gives(json!({ "at": key.at })),
        _ => Does::Gives(json!(0)),
    };
    let machine = run(steps, &gives);
    assert_eq!(machine.order(), "each a[0] b[0] a[1] b[1] z");
    let expected = json!({"count": 2, "ended": "end", "results": [{"at": [0]}, {"at": [1]}]});
    assert_eq!(machine.output("each"), expected);
}

#[test]
fn loops_nest_and_their_scopes_are_known() {
    let workflow = workflow(json!([{"id": "outer", "type": "loop", "over": 0, "steps": [
        {"id": "inner", "type": "loop", "over": 0, "steps": [leaf("x")]}]}]));
    let gives = |key: &StepKey, _: u32| match key.step.as_str() {
        "outer" => Does::Begins(json!(["p", "q"])),
        "inner" => Does::Begins(json!(key.at[0] + 1)),
        _ => Does::WaitsMs(1),
    };
    let mut machine = Machine::new(workflow, &gives);
    machine.tell(RunEvent::Started);
    let x = StepKey { step: "x".parse().unwrap(), at: vec![0, 0] };
    let scopes = machine.state.scopes(&machine.workflow, &x);
    let text: Vec<_> =
        scopes.iter().map(|(id, item, index)| format!("{id} {} {index}", item.as_str())).collect();
    assert_eq!(text, ["outer \"p\" 0", "inner 0 0"]);
    machine.go_on();
    assert_eq!(machine.order(), "outer inner[0] x[0][0] inner[1] x[1][0] x[1][1]");
}

#[test]
fn break_continue_and_limits_end_loops() {
    let body = json!([
        {"id": "c", "type": "switch", "cases": [
            {"if": "true", "then": [{"id": "stop", "type": "break"}]},
            {"if": "true", "then": [{"id": "skip", "type": "continue"}]}], "else": []},
        leaf("work")]);
    let steps = json!([{"id": "each", "type": "loop", "over": 9, "limit": 5, "steps": body}, leaf("z")]);
    let gives = |at_break: u32| {
        move |key: &StepKey, _: u32| match key.step.as_str() {
            "each" => Does::Begins(json!(9)),
            "c" if key.at[0] == at_break => Does::Gives(json!(0)),
            "c" if key.at[0] == 1 => Does::Gives(json!(1)),
            _ => Does::Gives(Value::Null),
        }
    };
    let broken = gives(3);
    let machine = run(steps.clone(), &broken);
    assert_eq!(machine.order(), "each c[0] work[0] c[1] c[2] work[2] c[3] z");
    assert_eq!(
        (machine.output("each")["ended"].clone(), machine.output("each")["count"].clone()),
        (json!("break"), json!(3))
    );
    let limited = gives(100);
    assert_eq!(run(steps, &limited).output("each")["ended"], "limit");
}

#[test]
fn a_while_loop_asks_before_each_iteration() {
    let steps = json!([{"id": "w", "type": "loop", "while": "true", "steps": [leaf("a")]}]);
    let gives = |key: &StepKey, _: u32| match key.step.as_str() {
        "w" => Does::Begins(json!(key.at[0] < 2)),
        _ => Does::Gives(Value::Null),
    };
    assert_eq!(run(steps, &gives).order(), "w[0] a[0] w[1] a[1] w[2]");
}

#[test]
fn a_failed_iteration_does_what_the_loop_says() {
    let gives = |key: &StepKey, _: u32| match key.step.as_str() {
        "each" => Does::Begins(json!(3)),
        "a" if key.at[0] == 1 => Does::Fails(RetryHint::MayHelp),
        _ => Does::Gives(json!(1)),
    };
    let steps = |mode: &str| json!([{"id": "each", "type": "loop", "over": 3, "iteration_error": mode, "steps": [leaf("a")]}, leaf("z")]);
    let machine = run(steps("fail"), &gives);
    assert_eq!(
        (machine.order().as_str(), failed(&machine)),
        ("each a[0] a[1]", Some(ErrorCode::ScriptError))
    );
    let machine = run(steps("skip"), &gives);
    assert_eq!(machine.order(), "each a[0] a[1] a[2] z");
    assert_eq!(machine.output("each")["results"][1]["error"]["code"], "script_error");
    let machine = run(steps("break"), &gives);
    assert_eq!(
        (machine.order().as_str(), machine.output("each")["ended"].clone()),
        ("each a[0] a[1] z", json!("error"))
    );
}

#[test]
fn parallel_branches_join_as_their_mode_says() {
    let steps = |mode: &str| {
        json!([{"id": "p", "type": "parallel", "mode": mode, "branches": [
            {"steps": [leaf("slow"), leaf("slow2")]}, {"steps": [leaf("fast")]}, {"steps": [leaf("bad")]}]}, leaf("z")])
    };
    let gives = |bad_at: u64| {
        move |key: &StepKey, _: u32| match key.step.as_str() {
            "slow" => Does::WaitsMs(100),
            "fast" => Does::WaitsMs(50),
            "bad" if bad_at == 0 => Does::Fails(RetryHint::Never),
            "bad" => Does::WaitsMs(bad_at),
            name => Does::Gives(json!(name)),
        }
    };
    let (bad, good) = (gives(0), gives(10));
    assert_eq!(failed(&run(steps("all"), &bad)), Some(ErrorCode::ScriptError));
    assert_eq!(failed(&run(steps("race"), &bad)), Some(ErrorCode::ScriptError));
    let any = run(steps("any"), &bad);
    assert_eq!((any.order().as_str(), any.now_ms), ("slow fast bad z", 50));
    assert_eq!(any.output("p")["winner"], 1);
    let race = run(steps("race"), &good);
    assert_eq!((race.now_ms, race.output("p")["winner"].clone()), (10, json!(2)));
    let all = run(steps("all"), &good);
    assert_eq!((all.order().as_str(), all.now_ms), ("slow fast bad slow2 z", 100));
    assert_eq!(all.output("p")["branches"].as_array().unwrap().len(), 3);
}

#[test]
fn attempts_follow_each_other_with_growing_waits() {
    let steps = json!([{"id": "c", "type": "code", "file": "c.js",
        "retry": {"attempts": 4, "backoff": "1s", "factor": 3, "jitter": false}}]);
    let gives = |_: &StepKey, attempt: u32| match attempt {
        1 => Does::Fails(RetryHint::MayHelp),
        2 => Does::Fails(RetryHint::After(10_000)),
        3 => Does::Fails(RetryHint::MayHelp),
        _ => Does::Gives(json!("done")),
    };
    let machine = run(steps.clone(), &gives);
    assert_eq!((machine.now_ms, machine.ending.clone()), (1_000 + 10_000 + 9_000, Some(Ending::Succeeded)));
    let hopeless = |_: &StepKey, _: u32| Does::Fails(RetryHint::Never);
    assert_eq!(run(steps.clone(), &hopeless).executed.len(), 1);
    let always = |_: &StepKey, _: u32| Does::Fails(RetryHint::MayHelp);
    assert_eq!(run(steps, &always).executed.len(), 4);
}

#[test]
fn a_handled_failure_goes_on() {
    let gives = |key: &StepKey, _: u32| match key.step.as_str() {
        "c" => Does::Fails(RetryHint::Never),
        _ => Does::Gives(Value::Null),
    };
    let step = |on_error: Value| json!([{"id": "c", "type": "code", "file": "c.js", "on_error": on_error}, leaf("z")]);
    for (on_error, order) in [(json!("continue"), "c z"), (json!([leaf("mend")]), "c mend z")] {
        let machine = run(step(on_error), &gives);
        assert_eq!((machine.order().as_str(), machine.ending), (order, Some(Ending::Succeeded)));
    }
    assert_eq!(failed(&run(step(json!("fail")), &gives)), Some(ErrorCode::ScriptError));
}

#[test]
fn a_script_that_sleeps_goes_on_with_the_same_attempt() {
    let goes = std::cell::Cell::new(0);
    let script = |key: &StepKey, attempt: u32| match (key.step.as_str(), attempt) {
        ("s", 1) => Does::Fails(RetryHint::MayHelp),
        ("s", _) => {
            goes.set(goes.get() + 1);
            if goes.get() < 3 { Does::Sleeps(1_000) } else { Does::Gives(json!(attempt)) }
        }
        _ => Does::Gives(Value::Null),
    };
    let steps = json!([
        {"id": "s", "type": "code", "file": "c.js", "retry": {"attempts": 2, "backoff": "10ms", "jitter": false}},
        leaf("z")]);
    let whole = run(steps.clone(), &script);
    assert_eq!((whole.order().as_str(), whole.ending.clone()), ("s s s s z", Some(Ending::Succeeded)));
    assert_eq!((whole.output("s"), whole.now_ms), (json!(2), 2_010));
    for cut in 0..whole.journal.len() {
        goes.set(whole.journal[..cut].iter().filter(|entry| matches!(entry, Entry::Waiting { .. })).count());
        let mut machine = Machine::new(workflow(steps.clone()), &script);
        for entry in &whole.journal[..cut] {
            machine.state.apply(&machine.workflow, entry);
        }
        machine.journal = whole.journal[..cut].to_vec();
        let machine = machine.run();
        assert_eq!((machine.output("s"), machine.ending), (json!(2), Some(Ending::Succeeded)), "after {cut}");
    }
}

#[test]
fn a_callback_ends_its_wait_also_when_it_comes_early() {
    let steps = json!([leaf("a"), {"id": "w", "type": "wait_for_callback", "timeout": "1m"}, leaf("z")]);
    let gives = |key: &StepKey, _: u32| match key.step.as_str() {
        "w" => Does::CallsBack(60_000),
        "a" => Does::WaitsMs(10),
        _ => Does::Gives(Value::Null),
    };
    let key = StepKey { step: "w".parse().unwrap(), at: vec![] };
    let call = || {
        RunEvent::Signal(Signal::Callback {
            key: key.clone(),
            payload: JsonText::from_value(&json!({"data": 1})),
        })
    };
    for early in [true, false] {
        let mut machine = Machine::new(workflow(steps.clone()), &gives);
        machine.tell(RunEvent::Started);
        if early {
            machine.tell(call());
        }
        machine.now_ms = 10;
        machine.tell(RunEvent::Tick);
        if !early {
            assert!(machine.state.awaits_callback(&key));
            machine.tell(call());
        }
        assert_eq!(
            (machine.output("w"), machine.ending.clone()),
            (json!({"data": 1}), Some(Ending::Succeeded))
        );
        assert!(!machine.state.awaits_callback(&key));
    }
    let late = run(steps, &gives);
    assert_eq!((failed(&late), late.now_ms), (Some(ErrorCode::CallbackTimeout), 60_010));
}

#[test]
fn a_run_ends_at_its_deadline_and_when_it_is_cancelled() {
    let steps = json!([{"id": "d", "type": "delay", "for": "1h"}]);
    let gives = |_: &StepKey, _: u32| Does::WaitsMs(3_600_000);
    let machine = Machine::new(workflow_with(steps.clone(), json!({"timeout": "1m"})), &gives).run();
    assert_eq!((failed(&machine), machine.now_ms), (Some(ErrorCode::RunTimeout), 60_000));
    let mut machine = Machine::new(workflow(steps), &gives);
    machine.tell(RunEvent::Started);
    machine.tell(RunEvent::Signal(Signal::Cancel { reason: "enough".to_owned() }));
    assert_eq!(failed(&machine), Some(ErrorCode::Cancelled));
    machine.tell(RunEvent::Tick);
}

#[test]
fn a_run_executes_no_more_steps_than_it_may() {
    let steps = json!([{"id": "w", "type": "loop", "while": "true", "limit": 10000, "steps": [leaf("a")]}]);
    let gives = |key: &StepKey, _: u32| match key.step.as_str() {
        "w" => Does::Begins(json!(true)),
        _ => Does::Gives(Value::Null),
    };
    let machine = run(steps, &gives);
    assert_eq!((failed(&machine), machine.executed.len()), (Some(ErrorCode::TooManySteps), 1_000));
}

/// A workflow with everything in it, whose run is taken up from its journal after every entry: each way leads to the
/// same end, and no step that has ended is executed again.
#[test]
fn a_run_is_taken_up_wherever_its_journal_ends() {
    let steps = json!([
        {"id": "each", "type": "loop", "over": 3, "iteration_error": "skip", "steps": [
            {"id": "p", "type": "parallel", "mode": "any", "branches": [
                {"steps": [{"id": "d", "type": "delay", "for": "1s"}, leaf("after")]},
                {"steps": [{"id": "try", "type": "code", "file": "c.js", "retry": 3}]}]},
            {"id": "c", "type": "condition", "if": "true", "then": [{"id": "next", "type": "continue"}]},
            leaf("last")]},
        {"id": "w", "type": "loop", "while": "true", "steps": [leaf("a")]},
        {"id": "h", "type": "code", "file": "c.js", "on_error": [leaf("mend")]},
        leaf("z")]);
    let script = |key: &StepKey, attempt: u32| match key.step.as_str() {
        "each" => Does::Begins(json!(3)),
        "w" => Does::Begins(json!(key.at[0] < 2)),
        "d" => Does::WaitsMs(1_500),
        "try" if attempt < 3 - key.at[0].min(2) => Does::Fails(RetryHint::MayHelp),
        "try" if key.at[0] == 1 => Does::Fails(RetryHint::Never),
        "h" => Does::Fails(RetryHint::Never),
        "c" => Does::Gives(json!(key.at[0] == 2)),
        _ => Does::Gives(json!(key.to_string())),
    };
    let whole = Machine::new(workflow(steps.clone()), &script).run();
    assert_eq!(whole.ending, Some(Ending::Succeeded));
    for cut in 0..whole.journal.len() {
        let mut machine = Machine::new(workflow(steps.clone()), &script);
        for entry in &whole.journal[..cut] {
            machine.state.apply(&machine.workflow, entry);
        }
        machine.journal = whole.journal[..cut].to_vec();
        let machine = machine.run();
        assert_eq!(machine.ending, Some(Ending::Succeeded), "after {cut}");
        for entry in &whole.journal[..cut] {
            if let Entry::Ended(record) = entry {
                let key = record.key().to_string();
                assert!(!machine.executed.contains(&key), "{key} again after {cut}");
            }
        }
        for step in ["each", "w", "z", "mend"] {
            assert_eq!(machine.output(step)["count"], whole.output(step)["count"], "{step} after {cut}");
        }
    }
}

#[test]
fn a_step_that_is_not_awaited_changes_nothing() {
    let mut machine = Machine::new(workflow(json!([leaf("a"), leaf("b")])), NULLS);
    machine.tell(RunEvent::Started);
    let entries = machine.journal.len();
    let key = StepKey { step: "a".parse().unwrap(), at: vec![] };
    let record = StepRecord::plain(key, Ok(JsonText::null()), 0, 0);
    machine.tell(RunEvent::Attempt { record, again: RetryHint::Never });
    assert_eq!(machine.journal.len(), entries);
}
