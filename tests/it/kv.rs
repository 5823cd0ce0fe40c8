//! What scripts keep, as operators see it: the API and the command.

use serde_json::{Value, json};

use crate::support::{Finished, Request, Response, TestServer, Workflow, flowcell, wait_until};

fn ask(server: &TestServer, method: &str, path: &str, body: Option<Value>) -> Response {
    let request = Request::new(method, &format!("/api/v1/workflows/{path}"))
        .header("authorization", &format!("Bearer {}", server.token()));
    server.send(&match body {
        Some(body) => request.json(&body),
        None => request,
    })
}

fn command(server: &TestServer, words: &[&str]) -> Finished {
    let (url, data) = (server.url(), server.data());
    let tail = ["--server", &url, "--data", data.to_str().unwrap()];
    flowcell(["kv"].iter().chain(words).chain(&tail))
}

#[test]
fn an_operator_sets_looks_and_deletes_and_a_restart_loses_nothing() {
    let mut server =
        TestServer::start([Workflow::script("a", "return 1"), Workflow::script("b", "return 1")]);
    for (key, body) in [
        ("n", json!({"value": 7})),
        ("seen%2F1%20%C3%A9", json!({"value": null, "ttl": "1h"})),
        ("seen%2F2", json!({"value": {"a": [1]}})),
    ] {
        assert_eq!(ask(&server, "PUT", &format!("a/kv/{key}"), Some(body)).status, 204, "{key}");
    }
    assert!(server.stop().success());
    server.restart();
    let entry = ask(&server, "GET", "a/kv/seen%2F1%20%C3%A9", None).json();
    assert_eq!((&entry["key"], &entry["value"]), (&json!("seen/1 é"), &Value::Null));
    assert!(entry["expires"].as_str().unwrap() > entry["set"].as_str().unwrap());
    let page = ask(&server, "GET", "a/kv?prefix=seen/&limit=1", None).json();
    assert_eq!((&page["entries"][0]["key"], &page["next"]), (&json!("seen/1 é"), &json!("seen/1 é")));
    let rest = ask(&server, "GET", "a/kv?prefix=seen/&after=seen/1%20%C3%A9", None).json();
    assert_eq!((&rest["entries"][0]["value"], &rest["next"]), (&json!({"a": [1]}), &Value::Null));
    assert_eq!((&rest["usage"]["keys"], &rest["usage"]["keys_most"]), (&json!(3), &json!(10_000)));
    assert_eq!(ask(&server, "GET", "b/kv", None).json()["entries"], json!([]), "another workflow's");
    assert_eq!(ask(&server, "DELETE", "a/kv/n", None).status, 204);
    for (method, path, body, status, code) in [
        ("DELETE", "a/kv/n", None, 404, "kv_unknown"),
        ("GET", "a/kv/n", None, 404, "kv_unknown"),
        ("PUT", "nobody/kv/n", Some(json!({"value": 1})), 404, "workflow_unknown"),
        ("PUT", "a/kv/n", Some(json!({})), 400, "bad_request"),
        ("PUT", "a/kv/n", Some(json!({"value": 1, "ttl": 5})), 400, "bad_request"),
        ("PUT", "a/kv/n", Some(json!({"value": 1, "ttl_ms": 5})), 400, "bad_request"),
        ("PUT", "a/kv/n", Some(json!({"value": "x".repeat(300_000)})), 400, "bad_request"),
        ("PUT", &format!("a/kv/{}", "k".repeat(257)), Some(json!({"value": 1})), 400, "bad_request"),
        ("GET", "not%20one/kv", None, 400, "bad_request"),
    ] {
        let refused = ask(&server, method, path, body);
        assert_eq!((refused.status, &refused.json()["code"]), (status, &json!(code)), "{method} {path:.40}");
    }
    let open = server.send(&Request::new("GET", "/api/v1/workflows/a/kv"));
    assert_eq!(open.status, 401);
}

#[test]
fn the_command_says_what_the_api_knows() {
    let server = TestServer::start([Workflow::script("a", "return 1")]);
    assert_eq!(command(&server, &["set", "a", "x/1 +", "{\"n\": 1}"]).code, 0);
    assert_eq!(command(&server, &["set", "a", "y", r#""\u009b2J""#, "--ttl", "1h"]).code, 0);
    assert_eq!(command(&server, &["get", "a", "x/1 +"]).stdout, "{\n  \"n\": 1\n}\n");
    let listed = command(&server, &["list", "a"]).stdout;
    let lines: Vec<_> = listed.lines().collect();
    assert!(lines[0].starts_with("KEY ") && lines[0].ends_with("VALUE"), "{listed}");
    assert!(lines[1].starts_with("x/1 +  -") && lines[1].ends_with("  {\"n\":1}"), "{listed}");
    assert!(lines[2].starts_with("y      20") && lines[2].ends_with("  \"\\u{9b}2J\""), "{listed}");
    let part = command(&server, &["list", "a", "--prefix", "x/", "--json"]);
    let part: Value = serde_json::from_str(&part.stdout).unwrap();
    assert_eq!(part["entries"].as_array().unwrap().len(), 1);
    let first = command(&server, &["list", "a", "--limit", "1"]);
    assert!(first.stderr.contains("--after 'x/1 +'"), "{}", first.stderr);
    let no_json = command(&server, &["set", "a", "z", "text"]);
    assert!(no_json.code == 2 && no_json.stderr.contains("its own quotes"), "{}", no_json.stderr);
    assert_eq!(command(&server, &["delete", "a", "y"]).code, 0);
    assert_ne!(command(&server, &["delete", "a", "y"]).code, 0);
}

#[test]
fn a_workflow_reads_the_kv_of_another_that_names_it_and_changes_nothing_there() {
    let keeps =
        "await kv.set('sum/1', 5); await kv.set('sum/2', { n: 7 }); await kv.set('other', 1); return 1";
    let reads = "const orders = kv.of('orders');\n\
        const { entries } = await orders.list({ prefix: 'sum/' });\n\
        return [await orders.get('sum/1'), await orders.get('none'), entries.map(({ key }) => key), await kv.get('sum/1')];";
    let shared =
        |readers: Value| Workflow::script("orders", keeps).set(json!({ "kv": { "readers": readers } }));
    let server = TestServer::start([
        shared(json!(["report"])),
        Workflow::script("report", reads),
        Workflow::script("stranger", reads),
        Workflow::script("lost", "return kv.of('nobody').get('a')"),
        Workflow::script(
            "caught",
            "try { await kv.of('orders').get('a') } catch (error) { return error.code }",
        ),
    ]);
    server.hook("orders");
    assert_eq!(server.hook("report").json(), json!([5, null, ["sum/1", "sum/2"], null]));
    let told = |key: &str| {
        let run = server.hook(key).run_id();
        server.run(&run)["error"]["message"].as_str().unwrap_or_default().to_owned()
    };
    let refused = told("stranger");
    assert!(
        refused.contains("`stranger` may not read the kv of `orders`")
            && refused.contains("\"kv\": {\"readers\": [\"stranger\"]} to the workflow.json of `orders`"),
        "{refused}"
    );
    assert!(told("lost").contains("there is no workflow `nobody` here"));
    assert_eq!(server.hook("caught").json(), "KV_DENIED");
    let run = server.hook("report").run_id();
    assert_eq!(server.run(&run)["steps"][0]["calls"][0]["target"], "orders: sum/*");
    // The version of the moment says who may.
    shared(json!([])).write(&server.workflows());
    wait_until("the new version is there", 20, || server.hook("report").status == 500);
    assert!(told("report").contains("`report` may not read"));
}

#[test]
fn a_fixture_says_what_scripts_find_in_kv() {
    let folder = tempfile::tempdir().unwrap();
    let source = "return [await kv.get('own'), await kv.of('orders').get('sum')]";
    let fixture = |steps: Value| {
        json!({
            "event": {}, "kv": { "report": { "own": 1 }, "orders": { "sum": { "n": 2 } } },
            "expect": { "run": "succeeded", "json": steps },
        })
    };
    Workflow::script("report", source)
        .file("fixtures/sums.json", &fixture(json!([1, { "n": 2 }])).to_string())
        .write(folder.path());
    let tested = flowcell(["test".into(), folder.path().join("report").into_os_string()]);
    assert_eq!(tested.code, 0, "{}{}", tested.stdout, tested.stderr);
}
