//! Random workflows: every step type that needs no sandbox, nested up to three deep, under random policies.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::world::World;
use crate::model::{Bundle, StepId, WorkflowKey};

/// A workflow with its versions.
pub(super) struct Generated {
    pub(super) key: WorkflowKey,
    pub(super) versions: Vec<Bundle>,
    /// Whether a caller may wait.
    pub(super) sync: bool,
    pub(super) concurrency: Option<usize>,
    /// The workflow that follows a failed run.
    pub(super) on_failure: bool,
    /// Its steps that answer, in any version.
    pub(super) responses: HashSet<StepId>,
}

/// How deep steps nest.
const DEPTH: u32 = 3;

struct Generator<'a> {
    world: &'a World,
    steps: usize,
    responses: Vec<StepId>,
    /// Workflows that may be called.
    callable: Vec<String>,
}

/// The workflows of a history; the last ones are called by the others.
pub(super) fn workflows(world: &World) -> Vec<Generated> {
    let count = 1 + world.below(4);
    let names: Vec<String> = (0..count).map(|n| format!("w{n}")).collect();
    let mut all: Vec<_> = (0..names.len()).map(|at| workflow(world, &names, at)).collect();
    let follower = |key: &str, trigger: Value| Generated {
        key: key.parse().expect("it is a key"),
        versions: vec![bundle(
            &json!({"key": key, "trigger": trigger, "steps": [{"id": "last", "type": "set", "values": null}]}),
        )],
        sync: true,
        concurrency: None,
        on_failure: false,
        responses: HashSet::new(),
    };
    all.push(follower("failure", json!({"type": "manual"})));
    all.push(follower(
        "after",
        json!({"type": "workflow", "workflows": ["w0"], "on": ["succeeded", "failed", "cancelled"]}),
    ));
    all
}

fn bundle(workflow: &Value) -> Bundle {
    Bundle { workflow: workflow.to_string(), files: Default::default() }
}

fn workflow(world: &World, names: &[String], at: usize) -> Generated {
    let mut policy = json!({});
    let key = |world: &World| *world.pick(&[None, Some("{{$context.data.k}}")]);
    let mut concurrency = None;
    if world.chance(300) {
        let limit = 1 + world.below(2);
        concurrency = Some(limit as usize);
        policy["concurrency"] = json!({"limit": limit, "key": key(world)});
    }
    if world.chance(100) {
        policy["throttle"] = json!({"limit": 1 + world.below(3), "per": "2s", "key": key(world)});
    }
    let mut sync = true;
    match world.below(8) {
        0 => {
            sync = false;
            policy["debounce"] = json!({"wait": "2s", "key": key(world)});
        }
        1 => {
            policy["singleton"] = json!({"key": key(world), "on_conflict": world.pick(&["skip", "cancel"])});
        }
        _ => {}
    }
    if world.chance(150) {
        policy["timeout"] = json!(world.pick(&["3s", "20s", "60s"]));
    }
    if world.chance(100) {
        policy["max_steps"] = json!(12);
    }
    let on_failure = world.chance(400);
    if on_failure {
        policy["on_failure"] = json!("failure");
    }
    let mut responses = HashSet::new();
    let versions = (0..2).map(|_| {
        let mut generator =
            Generator { world, steps: 0, responses: Vec::new(), callable: names[at + 1..].to_vec() };
        let mut steps = generator.list(0, false);
        steps.push(json!({"id": "last", "type": "set", "values": {"run": "{{$run.id}}"}}));
        responses.extend(generator.responses);
        let mut workflow = json!({"key": names[at], "trigger": {"type": "manual"}, "steps": steps});
        for (name, value) in policy.as_object().expect("it is one") {
            workflow[name] = value.clone();
        }
        bundle(&workflow)
    });
    let versions = versions.collect();
    Generated {
        versions,
        responses,
        key: names[at].parse().expect("it is a key"),
        sync,
        concurrency,
        on_failure,
    }
}

impl Generator<'_> {
    fn list(&mut self, depth: u32, in_loop: bool) -> Vec<Value> {
        let most = if depth == 0 { 4 } else { 2 };
        (0..1 + self.world.below(most)).map(|_| self.step(depth, in_loop)).collect()
    }

    fn step(&mut self, depth: u32, in_loop: bool) -> Value {
        let id = format!("s{}", self.steps);
        self.steps += 1;
        let mut step = match self.world.below(if depth < DEPTH { 17 } else { 9 }) {
            0 | 1 => json!({"type": "set", "values": {"k": "{{$context.data.k}}", "run": "{{$run.id}}"}}),
            2..=4 => self.http(&id),
            5 => json!({"type": "delay", "for": self.world.pick(&[1, 40, 900, 1_500, 7_000, 40_000])}),
            6 => {
                let timeout = self.world.pick(&["500ms", "6s", "30s"]);
                match *timeout {
                    // A question to a person.
                    "6s" => json!({"type": "wait_for_callback", "timeout": timeout, "page": {
                        "title": "{{$context.data.k}}?", "answers": ["yes", "no"] }}),
                    _ => json!({"type": "wait_for_callback", "timeout": timeout}),
                }
            }
            7 => self.subflow(),
            8 => self.rare(in_loop),
            9 | 10 => {
                let (then, otherwise) = (self.list(depth + 1, in_loop), self.list(depth + 1, in_loop));
                json!({"type": "condition", "if": "context.data.k > 0", "then": then, "else": otherwise})
            }
            11 => {
                let (case, other) = (self.list(depth + 1, in_loop), self.list(depth + 1, in_loop));
                let cases = json!([{"if": "context.data.k == 1", "then": case}]);
                json!({"type": "switch", "cases": cases, "else": other})
            }
            12 | 13 => {
                let skip = self.world.pick(&["fail", "skip", "break"]);
                let over = self.world.pick(&[json!(0), json!(2), json!(["a", "b", "c"])]).clone();
                json!({"type": "loop", "over": over, "iteration_error": skip, "steps": self.list(depth + 1, true)})
            }
            14 => {
                let question = format!("scopes.{id}.index < 2");
                json!({"type": "loop", "while": question, "steps": self.list(depth + 1, true)})
            }
            _ => {
                let branch = |this: &mut Self| json!({"steps": this.list(depth + 1, false)});
                let branches: Vec<_> = (0..1 + self.world.below(3)).map(|_| branch(self)).collect();
                json!({"type": "parallel", "mode": self.world.pick(&["all", "any", "race"]), "branches": branches})
            }
        };
        if step["type"] == "response" {
            self.responses.push(id.parse().expect("it is an identifier"));
        }
        step["id"] = json!(id);
        let bare = matches!(step["type"].as_str(), Some("end" | "break" | "continue" | "set" | "delay"));
        if !bare && self.world.chance(350) {
            step["on_error"] = if depth < DEPTH && self.world.chance(500) {
                json!(self.list(depth + 1, in_loop))
            } else {
                json!("continue")
            };
        }
        step
    }

    fn http(&mut self, id: &str) -> Value {
        let mut step = json!({
            "type": "http", "method": "POST", "url": "http://sink.test/", "timeout": "2s",
            "text": format!("{{{{$run.id}}}} {id}"), "ignore_failure": self.world.chance(100),
        });
        self.retry(&mut step);
        step
    }

    fn retry(&self, step: &mut Value) {
        if self.world.chance(500) {
            let attempts = 1 + self.world.below(4);
            step["retry"] = json!({"attempts": attempts, "backoff": self.world.pick(&["10ms", "1s", "3s"])});
        }
    }

    fn subflow(&mut self) -> Value {
        if self.callable.is_empty() {
            return json!({"type": "set", "values": 1});
        }
        let workflow = self.world.pick(&self.callable).clone();
        let wait = self.world.chance(750);
        let mut step = json!({"type": "subflow", "workflow": workflow, "wait": wait,
            "input": {"k": "{{$context.data.k}}"}});
        if wait {
            self.retry(&mut step);
            if self.world.chance(300) {
                step["timeout"] = json!(self.world.pick(&["1s", "10s"]));
            }
        }
        step
    }

    fn rare(&self, in_loop: bool) -> Value {
        match self.world.below(if in_loop { 6 } else { 4 }) {
            0 => json!({"type": "end", "status": "succeeded"}),
            1 => json!({"type": "end", "status": "failed", "message": "enough"}),
            2 => json!({"type": "response", "status": 201, "json": {"run": "{{$run.id}}"}}),
            3 => json!({"type": "wait_until", "at": "2027-01-15T08:00:10Z"}),
            4 => json!({"type": "break"}),
            _ => json!({"type": "continue"}),
        }
    }
}
