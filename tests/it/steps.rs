//! The steps that need no code: `set`, `switch` and `end`.

use serde_json::{Value, json};

use crate::support::{TestServer, Workflow};

fn workflow(key: &str, mode: &str, steps: Value) -> Workflow {
    let trigger =
        json!({ "type": "webhook", "mode": mode, "dedupe": { "key": "{{$context.headers.x-delivery}}" } });
    Workflow {
        key: key.to_owned(),
        json: json!({ "key": key, "trigger": trigger, "steps": steps }),
        files: vec![],
    }
}

#[test]
fn a_set_step_maps_the_event_without_code() {
    let steps = json!([
        { "id": "order", "type": "set", "values": {
            "customer": "{{$context.data.buyer.name}}", "skus": "{{$context.data.items.sku}}",
            "note": "from {{$context.data.buyer.name}}, {{$context.data.total}} EUR", "source": "shop" } },
        { "id": "reply", "type": "response", "json": "{{$steps.order}}" },
    ]);
    let server = TestServer::start([workflow("w", "sync", steps)]);
    let event =
        json!({ "buyer": { "name": "Ada" }, "total": 12.5, "items": [{ "sku": "a" }, { "sku": "b" }] });
    let expected =
        json!({ "customer": "Ada", "skus": ["a", "b"], "note": "from Ada, 12.5 EUR", "source": "shop" });
    assert_eq!(server.post("w", &event).json(), expected);
}

#[test]
fn a_switch_takes_the_first_case_that_is_true_and_else_when_none_is() {
    let set = |id: &str| json!([{ "id": id, "type": "set", "values": id }]);
    let steps = json!([
        { "id": "size", "type": "switch",
          "cases": [
              { "if": "context.data.n < 10", "then": set("small") },
              { "if": { "left": "{{$context.data.n}}", "op": "<", "right": 100 }, "then": set("medium") },
              { "if": "context.data.n < 50", "then": set("never") } ],
          "else": set("large") },
        { "id": "reply", "type": "response", "json": {
            "case": "{{$steps.size}}", "small": "{{$steps.small}}", "medium": "{{$steps.medium}}",
            "never": "{{$steps.never}}", "large": "{{$steps.large}}" } },
    ]);
    let server = TestServer::start([workflow("w", "sync", steps)]);
    for (n, case, taken) in [(1, json!(0), "small"), (20, json!(1), "medium"), (500, Value::Null, "large")] {
        let mut expected =
            json!({ "case": case, "small": null, "medium": null, "never": null, "large": null });
        expected[taken] = taken.into();
        assert_eq!(server.post("w", &json!({ "n": n })).json(), expected, "{n}");
    }
}

#[test]
fn an_end_step_ends_the_run_well_or_as_failed_and_nothing_follows() {
    let steps = |status: &str| {
        json!([
            { "id": "before", "type": "set", "values": "before" },
            { "id": "stop", "type": "condition", "if": "context.data.stop", "then": [
                { "id": "over", "type": "end", "status": status, "message": "no stock of {{$context.data.sku}}" } ] },
            { "id": "after", "type": "set", "values": "after" },
        ])
    };
    let server = TestServer::start([
        workflow("well", "sync", steps("succeeded")),
        workflow("badly", "sync", steps("failed")),
    ]);
    let event = |stop: bool| json!({ "stop": stop, "sku": "a-1" });
    assert_eq!(server.post("well", &event(false)).text(), "\"after\"");
    let ended = server.post("well", &event(true));
    assert_eq!((ended.status, ended.text().as_str()), (200, "true"), "the output of the step before the end");
    let failed = server.post("badly", &event(true));
    assert_eq!((failed.status, failed.json()["code"].clone()), (500, json!("run_failed")));
    let run = server.run(failed.json()["run_id"].as_str().unwrap());
    assert_eq!(run["status"], "failed");
    assert_eq!(run["error"]["code"], "ended_as_failed");
    assert_eq!(run["error"]["message"], "no stock of a-1");
    assert_eq!(run["error"]["step"], "over");
    let steps: Vec<_> = run["steps"].as_array().unwrap().iter().map(|step| step["id"].clone()).collect();
    assert_eq!(steps, ["before", "stop", "over"]);
}

#[test]
fn an_asynchronous_run_goes_through_all_of_them() {
    let steps = json!([
        { "id": "a", "type": "set", "values": { "n": 1 } },
        { "id": "s", "type": "switch", "cases": [{ "if": "steps.a.n == 1", "then": [
            { "id": "e", "type": "end", "status": "succeeded" }] }] },
    ]);
    let server = TestServer::start([workflow("w", "async", steps)]);
    let accepted = server.post("w", &json!({}));
    assert_eq!(accepted.status, 202);
    let id = accepted.json()["run_id"].as_str().unwrap().to_owned();
    assert_eq!(server.ended_run(&id)["status"], "succeeded");
}
