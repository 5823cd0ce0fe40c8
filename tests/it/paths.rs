//! A workflow's own path: reached there and no longer by its key, with its parameters, and never shared with another.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Request, TestServer, Workflow, flowcell, wait_until};

fn at(key: &str, path: &str) -> Workflow {
    Workflow::script(key, &format!("return ['{key}', context.params, context.path]"))
        .trigger(json!({ "path": path }))
}

fn get(server: &TestServer, path: &str) -> (u16, Value) {
    let response = server.send(&Request::get(&format!("/api/webhooks/{path}")));
    let seen = if response.status == 200 { response.json() } else { Value::Null };
    (response.status, seen)
}

#[test]
fn a_workflow_with_a_path_is_reached_there_and_no_longer_by_its_key() {
    let server = TestServer::start([
        at("orders", "/orders/:id"),
        at("newest", "/orders/new"),
        at("lines", "/:tenant/orders/:order_id/lines"),
        Workflow::script("plain", "return ['plain', context.params, context.path]"),
        at("any", "/:anything"),
    ]);
    let seen =
        |key: &str, params: Value, path: &str| (200, json!([key, params, format!("/api/webhooks/{path}")]));
    for (path, key, params) in [
        ("orders/7", "orders", json!({ "id": "7" })),
        ("orders/a%20b%E4%BC%81", "orders", json!({ "id": "a b企" })),
        ("orders/new", "newest", json!({})),
        ("acme/orders/7/lines", "lines", json!({ "tenant": "acme", "order_id": "7" })),
        ("plain", "plain", json!({})),
        ("orders", "any", json!({ "anything": "orders" })),
        ("newest", "any", json!({ "anything": "newest" })),
    ] {
        assert_eq!(get(&server, path), seen(key, params, path), "{path}");
    }
    for path in ["orders/7/", "orders/7/8", "orders//7", "acme/orders/7", ""] {
        assert_eq!(get(&server, path).0, 404, "{path}");
    }
    let listed = server.api("/api/v1/workflows");
    let paths: Vec<_> =
        listed["workflows"].as_array().unwrap().iter().map(|workflow| workflow["path"].clone()).collect();
    assert!(
        paths.contains(&json!("/api/webhooks/orders/:id")) && paths.contains(&json!("/api/webhooks/plain")),
        "{paths:?}"
    );
    let run = server.runs("orders")[0]["id"].as_str().unwrap().to_owned();
    assert!(
        ["7", "a b企"].contains(&server.run(&run)["context"]["params"]["id"].as_str().unwrap()),
        "kept with the run"
    );
}

#[test]
fn parameters_are_read_by_templates_conditions_and_dedupe_keys() {
    let steps = json!([
        { "id": "set", "type": "set", "values": "order {{$context.params.id}}" },
        { "id": "is", "type": "condition", "if": "context.params.id == '7'" },
        { "id": "both", "type": "set", "values": ["{{$steps.set}}", "{{$steps.is}}"] },
    ]);
    let trigger = json!({ "mode": "sync", "path": "/o/:id", "dedupe": { "key": "{{$context.params.id}}" } });
    let server = TestServer::start([Workflow::steps("o", steps).trigger(trigger)]);
    let send = |id: &str| server.send(&Request::post(&format!("/api/webhooks/o/{id}")));
    assert_eq!(send("7").json(), json!(["order 7", true]));
    assert_eq!(send("8").json(), json!(["order 8", false]));
    assert_eq!(send("7").header("idempotency-replayed"), Some("true"));
    assert_eq!(server.runs("o").len(), 2);
}

#[test]
fn two_workflows_never_share_a_path_and_the_second_comes_when_the_first_has_gone() {
    let server = TestServer::start([at("first", "/shared/:id")]);
    at("second", "/shared/:name").write(&server.workflows());
    server.wait_for_log("`/shared/:id` of `first`");
    assert_eq!(get(&server, "shared/1").1[0], "first");
    // The refusal is told once, however often the folder is looked at.
    at("third", "/third").write(&server.workflows());
    wait_until("a later look", 20, || get(&server, "third").0 == 200);
    assert_eq!(server.stderr().matches("`/shared/:id` of `first`").count(), 1);
    at("first", "/moved/:id").write(&server.workflows());
    wait_until("the second is installed", 20, || get(&server, "shared/1").1[0] == "second");
    assert_eq!(get(&server, "moved/1").1[0], "first");
    fs::remove_dir_all(server.workflows().join("second")).unwrap();
    wait_until("the second is gone", 20, || get(&server, "shared/1").0 == 404);
}

#[test]
fn check_tells_paths_that_collide_and_names_both() {
    let folder = tempfile::tempdir().unwrap();
    let check = |workflows: &[Workflow]| {
        workflows.iter().for_each(|workflow| workflow.write(folder.path()));
        let folders =
            workflows.iter().map(|workflow| folder.path().join(&workflow.key).display().to_string());
        let arguments: Vec<String> = std::iter::once("check".to_owned()).chain(folders).collect();
        flowcell(arguments)
    };
    let good = check(&[at("a", "/x/:id"), at("b", "/x/new"), Workflow::script("plain", "return 1")]);
    assert_eq!(good.code, 0, "{}", good.stdout);
    let same = check(&[at("a", "/x/:id"), at("b", "/x/:name")]);
    assert_eq!(same.code, 1);
    for part in ["b/workflow.json:", "trigger.path", "`/x/:id` of `a`", "`/x/:name`"] {
        assert!(same.stdout.contains(part), "{part}: {}", same.stdout);
    }
    let crossing = check(&[at("a", "/x/:id"), at("b", "/:any/y")]);
    assert_eq!(crossing.code, 1, "{}", crossing.stdout);
    let shadowed = check(&[Workflow::script("plain", "return 1"), at("b", "/plain")]);
    assert!(shadowed.code == 1 && shadowed.stdout.contains("key of `plain`"), "{}", shadowed.stdout);
    for bad in ["orders", "/", "/a//b", "/../a", "/a b", "/%61", "/:a/:a", "/a?x=1", "/:a-b"] {
        let told = check(&[at("bad", bad)]);
        assert!(told.code == 1 && told.stdout.contains("trigger.path"), "{bad}: {}", told.stdout);
    }
}
