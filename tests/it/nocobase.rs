//! What people write in NocoBase's JavaScript node runs here as it is, once its parameters are named.
//!
//! After the node's documentation, in our own words. The node's parameters are globals there; here a script reads
//! `context` and `steps`, so each example begins with the line that gives its parameters their names.

use serde_json::{Value, json};

use crate::{
    n8n::{each_answers, example},
    support::{Setup, TestServer, Workflow},
};

#[test]
fn the_body_of_a_function_with_await_and_return() {
    each_answers(&[
        example("a_number", "return 123;", Value::Null, json!(123)),
        example("no_return", "const unused = 1;", Value::Null, Value::Null),
        example(
            "an_async_function",
            "async function test() {\n  return Promise.resolve(1);\n}\n\nconst value = await test();\nreturn value;",
            Value::Null,
            json!(1),
        ),
        example(
            "parameters",
            "const { price, quantity, discount = 0 } = context.data;\nreturn Math.round(price * quantity * (1 - discount) * 100) / 100;",
            json!({ "price": 19.99, "quantity": 3, "discount": 0.1 }),
            json!(53.97),
        ),
        example(
            "a_date_arrives_as_text_and_leaves_as_text",
            "const { createdAt } = context.data;\nreturn { is: typeof createdAt, next: new Date(new Date(createdAt).getTime() + 3_600_000) };",
            json!({ "createdAt": "2024-05-01T08:00:00.000Z" }),
            json!({ "is": "string", "next": "2024-05-01T09:00:00.000Z" }),
        ),
        example(
            "rows_of_a_query_node",
            "const rows = context.data.rows;\nconst byStatus = {};\nfor (const { status } of rows) byStatus[status] = (byStatus[status] ?? 0) + 1;\nreturn byStatus;",
            json!({ "rows": [{ "status": "open" }, { "status": "done" }, { "status": "open" }] }),
            json!({ "open": 2, "done": 1 }),
        ),
        example(
            "globals_that_are_not_there",
            "return [typeof process.mainModule, typeof __dirname, typeof __filename, typeof module];",
            Value::Null,
            json!(["undefined", "undefined", "undefined", "undefined"]),
        ),
        example(
            "a_module_that_was_allowed",
            "const crypto = require('crypto');\nreturn crypto.createHash('md5').update(context.data.text).digest('hex');",
            json!({ "text": "nocobase" }),
            json!("27ba6387564bf0348aed2e4ea662d654"),
        ),
    ]);
}

/// `console` writes to the run, where NocoBase writes to the workflow's log file.
#[test]
fn what_is_logged() {
    let server = TestServer::start([Workflow::script(
        "logs",
        "console.log('hello world!'); console.error('careful'); return 1;",
    )]);
    let step = server.run(&server.hook("logs").run_id())["steps"][0].clone();
    let line = |n: usize| (step["logs"][n]["level"].clone(), step["logs"][n]["text"].clone());
    assert_eq!(line(0), (json!("info"), json!("hello world!")));
    assert_eq!(line(1), (json!("error"), json!("careful")));
}

/// "Continue on error": the node's result is the message, here in an object that says so.
#[test]
fn continue_on_error() {
    let mut workflow = Workflow::script("goes_on", "throw new TypeError('no rows')")
        .file("after.js", "return steps.main.error ? `failed: ${steps.main.error.message}` : 'fine';");
    workflow.json["steps"][0]["on_error"] = json!("continue");
    workflow.json["steps"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "id": "after", "type": "code", "file": "after.js" }));
    let server = TestServer::start([workflow]);
    assert_eq!(server.hook("goes_on").json(), json!("failed: TypeError: no rows"));
}

/// `{{$jobsMapByNodeKey.key}}` and `{{$context.data}}` keep their meaning in templates.
#[test]
fn variables_of_other_nodes() {
    let mut workflow =
        Workflow::script("nodes", "return { total: context.data.prices.reduce((a, b) => a + b) };");
    workflow.json["steps"].as_array_mut().unwrap().push(json!({
        "id": "reply", "type": "response",
        "json": { "total": "{{$jobsMapByNodeKey.main.total}}", "first": "{{$context.data.prices.0}}", "text": "sum: {{$jobsMapByNodeKey.main.total}}" },
    }));
    let server = TestServer::start([workflow]);
    let answer = server.post("nodes", &json!({ "prices": [1, 2, 3] })).json();
    assert_eq!(answer, json!({ "total": 6, "first": 1, "text": "sum: 6" }));
}

/// A timeout of 0 is none there; here every script has one, and 2 s unless it says otherwise.
#[test]
fn there_is_always_a_timeout() {
    let limits = json!({ "timeout": "200ms", "fuel": 100_000_000_000_u64 });
    let server = TestServer::start([Workflow::script("endless", "while (true) {}").limits(limits)]);
    let run = server.run(&server.hook("endless").run_id());
    assert_eq!((&run["error"]["code"], &run["error"]["limit"]["limit"]), (&json!("timeout"), &json!(200)));
}

/// The documentation's own way to wait, pasted.
#[test]
fn timers_are_required() {
    let script = "const { setTimeout, setInterval, setImmediate, clearTimeout, clearInterval, clearImmediate } = require('timers');\n\nasync function pause(time) {\n  return new Promise((resolve) => setTimeout(resolve, time));\n}\n\nawait pause(20);\n\nreturn 123;";
    let server = TestServer::start([Workflow::script("timers", script)]);
    assert_eq!(server.hook("timers").json(), json!(123));
}

/// A step of a script that is repeated after a failure does not repeat what was done.
#[test]
fn what_was_done_is_not_done_again() {
    let script = "const id = await step.run('create', async () => crypto.randomUUID());\nconst tries = await kv.incr('tries');\nif (step.attempt < 3) throw new Error('not yet');\nreturn { tries, same: id === (await step.run('create', async () => 'other')) || id.length };";
    let mut workflow = Workflow::script("retried", script);
    workflow.json["steps"][0]["retry"] = json!({ "attempts": 3, "backoff": "10ms", "jitter": false });
    let server = TestServer::start([workflow]);
    let response = server.hook("retried");
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.json()["tries"], 1, "failed attempts have not counted");
}

/// Secrets are values there; here they are named by the workflow and never stored with a run.
#[test]
fn secrets_are_read_by_name() {
    let script = "return { length: secrets.API_KEY.length, names: Object.keys(secrets) };";
    let server = Setup::default()
        .workflows([Workflow::script("secret", script).set(json!({ "secrets": ["API_KEY"] }))])
        .start();
    let set = server.ask("PUT", "/api/v1/secrets/API_KEY", &json!({ "value": "swordfish" }));
    assert!(set.status < 300, "{}", set.text());
    assert_eq!(server.hook("secret").json(), json!({ "length": 9, "names": ["API_KEY"] }));
}
