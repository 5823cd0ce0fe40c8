//! No run sees another: a fresh instance each, its own randomness, its own clock.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::support::{TestServer, Workflow, flowcell};

/// Marks everything that a script can mark, then looks for marks of others.
const CANARY: &str = r"
const marks = [];
const look = (name, holder) => { try { if (holder.canary !== undefined) marks.push(name) } catch {} };
const holders = { globalThis, Object, 'Object.prototype': Object.prototype, Array, 'Array.prototype': Array.prototype,
  Function: Function.prototype, String: String.prototype, Promise, Error, console, Math, JSON, context, env, steps };
for (const [name, holder] of Object.entries(holders)) look(name, holder);
const isFirst = context.query.mark === '1';
if (isFirst) {
  for (const holder of Object.values(holders)) { try { holder.canary = 'C4N4RY' } catch {} }
  canary = 'C4N4RY';
  console.log = () => { throw new Error('taken over') };
  Math.random = () => 4;
  JSON.stringify = () => 'taken over';
  Array.prototype.push = function () { return 0 };
} else {
  console.log('fine');
}
return { marks, random: isFirst ? null : Math.random(), json: isFirst ? null : JSON.stringify([1]) };
";

#[test]
fn a_mark_set_in_one_run_is_not_seen_in_the_next_200() {
    let server = TestServer::start([Workflow::script("canary", CANARY)]);
    for round in 0..4 {
        let marked = server.hook("canary?mark=1");
        assert_eq!(marked.status, 200, "{}", server.run(&marked.run_id())["error"]);
        for _ in 0..50 {
            let answer = server.hook("canary").json();
            assert_eq!((&answer["marks"], &answer["json"]), (&json!([]), &json!("[1]")), "round {round}");
            assert_ne!(answer["random"], 4);
        }
    }
}

#[test]
fn marks_are_not_seen_by_runs_at_the_same_time_either() {
    let server = TestServer::start([Workflow::script("canary", CANARY)]);
    std::thread::scope(|scope| {
        for client in 0..4 {
            let server = &server;
            scope.spawn(move || {
                for _ in 0..25 {
                    match client % 2 {
                        0 => assert_eq!(server.hook("canary?mark=1").status, 200),
                        _ => assert_eq!(server.hook("canary").json()["marks"], json!([])),
                    }
                }
            });
        }
    });
}

#[test]
fn a_hundred_runs_draw_a_hundred_different_numbers() {
    let server = TestServer::start([Workflow::script("random", "return [Math.random(), Math.random()]")]);
    let mut drawn = HashSet::new();
    for _ in 0..100 {
        for number in server.hook("random").json().as_array().unwrap() {
            let number = number.as_f64().unwrap();
            assert!((0.0..1.0).contains(&number));
            drawn.insert(number.to_bits());
        }
    }
    assert_eq!(drawn.len(), 200);
}

#[test]
fn two_steps_of_one_run_draw_different_numbers() {
    let mut workflow = Workflow::script("twice", "return Math.random()");
    workflow.json["steps"] = json!([
        { "id": "a", "type": "code", "file": "main.js" },
        { "id": "b", "type": "code", "file": "main.js" },
        { "id": "r", "type": "response", "json": ["{{$steps.a}}", "{{$steps.b}}"] },
    ]);
    let server = TestServer::start([workflow]);
    let pair = server.hook("twice").json();
    assert_ne!(pair[0], pair[1]);
    assert!(pair[0].is_f64(), "{pair}");
}

#[test]
fn the_clock_of_a_script_is_the_time_at_which_its_step_began() {
    let server = TestServer::start([Workflow::script(
        "clock",
        "return { now: Date.now(), iso: new Date().toISOString() }",
    )]);
    let response = server.hook("clock");
    let (answer, run) = (response.json(), server.run(&response.run_id()));
    assert_eq!(answer["iso"], run["steps"][0]["started"]);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
    let said = answer["now"].as_u64().unwrap();
    assert!(said <= now && now - said < 60_000, "{said} is not about {now}");
}

#[test]
fn what_one_step_does_to_its_input_the_next_step_does_not_see() {
    let mut workflow = Workflow::script("steps", "");
    workflow.files = vec![
        ("first.js".to_owned(), "context.data.a = 'changed'; context.headers = null; steps.extra = 1; return { b: [1] }".to_owned()),
        ("second.js".to_owned(), "return { data: context.data, extra: steps.extra ?? null, first: steps.first, headers: typeof context.headers }".to_owned()),
    ];
    workflow.json["steps"] = json!([
        { "id": "first", "type": "code", "file": "first.js" },
        { "id": "second", "type": "code", "file": "second.js" },
    ]);
    let server = TestServer::start([workflow]);
    let answer = server.post("steps", &json!({ "a": "original" })).json();
    assert_eq!(
        answer,
        json!({ "data": { "a": "original" }, "extra": null, "first": { "b": [1] }, "headers": "object" })
    );
}

#[test]
fn a_command_line_run_is_isolated_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    Workflow::script(
        "local",
        "globalThis.n = (globalThis.n ?? 0) + 1; return { n, process: typeof process.mainModule }",
    )
    .write(folder.path());
    let event = folder.path().join("event.json");
    std::fs::write(&event, "{}").unwrap();
    for _ in 0..2 {
        let run = flowcell(["run".into(), folder.path().join("local"), "--event".into(), event.clone()]);
        let run: Value = serde_json::from_str(&run.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}{}", run.stdout, run.stderr));
        assert_eq!(run["steps"][0]["output"], json!({ "n": 1, "process": "undefined" }));
    }
}
