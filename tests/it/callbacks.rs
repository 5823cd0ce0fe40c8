//! One-time URLs: who has one can let a run go on, once; nobody else can, and a look does not use it up.

use serde_json::{Value, json};

use crate::support::{Receiver, Request, Response, Setup, TestServer, Workflow};

/// A server whose workflow `w` waits for a callback; `around` may put the wait into something.
fn server(wait: Value) -> TestServer {
    let steps = json!([wait, { "id": "after", "type": "set", "values": "{{$steps.wait}}" }]);
    // The URL is an output so that the test can read it.
    let url = json!({ "id": "url", "type": "set", "values": "{{$run.callbacks.wait}}" });
    let steps = [vec![url], steps.as_array().unwrap().clone()].concat();
    TestServer::start([Workflow::steps("w", json!(steps))])
}

fn waits(timeout: &str) -> Value {
    json!({ "id": "wait", "type": "wait_for_callback", "timeout": timeout })
}

/// A waiting run and the path of its URL.
fn begin(server: &TestServer) -> (String, String) {
    let id = server.post("w", &json!({})).run_id();
    let run = server.waiting_run(&id);
    assert_eq!(run["waiting"][0]["for"], "callback", "{run}");
    let url = run["steps"][0]["output"].as_str().unwrap();
    let path = url.strip_prefix(&server.url()).unwrap_or_else(|| panic!("{url} is on this server"));
    (id, path.to_owned())
}

fn output(run: &Value, id: &str) -> Value {
    let steps = run["steps"].as_array().unwrap();
    steps.iter().find(|step| step["id"] == id).map_or(Value::Null, |step| step["output"].clone())
}

#[track_caller]
fn assert_problem(response: &Response, status: u16, code: &str) {
    assert_eq!((response.status, response.problem().as_str()), (status, code), "{}", response.text());
}

#[test]
fn a_post_lets_the_run_go_on_once_and_its_request_is_the_output() {
    let server = server(waits("1h"));
    let (id, path) = begin(&server);
    let call = Request::post(&format!("{path}?from=mail&tag=a&tag=b"))
        .header("authorization", "Bearer canary-1")
        .header("cookie", "session=canary-2")
        .header("x-who", "Ada")
        .json(&json!({ "approved": true }));
    let answer = server.send(&call);
    assert_eq!((answer.status, answer.json()), (202, json!({ "run_id": id })));
    let run = server.ended_run(&id);
    assert_eq!(run["status"], "succeeded", "{run}");
    let seen = output(&run, "after");
    assert_eq!(seen["data"], json!({ "approved": true }));
    assert_eq!(seen["query"], json!({ "from": "mail", "tag": ["a", "b"] }));
    assert_eq!((&seen["method"], &seen["headers"]["x-who"]), (&json!("POST"), &json!("Ada")));
    assert!(!run.to_string().contains("canary"), "credentials of the caller are left out");
    assert_problem(&server.send(&call), 410, "callback_gone");
}

#[test]
fn a_look_at_the_url_does_not_use_it_up() {
    let server = server(waits("1h"));
    let (id, path) = begin(&server);
    for _ in 0..2 {
        let page = server.send(&Request::get(&path));
        assert_eq!(page.status, 200);
        assert!(page.text().contains("<form method=\"post\">"), "{}", page.text());
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(page.header("cache-control"), Some("no-store"));
    }
    for (method, status) in [("HEAD", 200), ("OPTIONS", 204)] {
        let seen = server.send(&Request::new(method, &path));
        assert_eq!(
            (seen.status, seen.text().as_str()),
            (status, ""),
            "{method}: what scanners of links send"
        );
    }
    for method in ["HEAD", "OPTIONS"] {
        let wrong = server.send(&Request::new(method, &path.replace("/wait/", "/wait/0")));
        assert_eq!(wrong.status, 404, "{method}: without the token nobody learns that the run waits");
    }
    for method in ["DELETE", "PATCH"] {
        let refused = server.send(&Request::new(method, &path));
        assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, POST, PUT")), "{method}");
    }
    assert_eq!(server.run(&id)["status"], "waiting");
    // What the page's button sends.
    let done = server.send(&Request::post(&path).header("accept", "text/html,*/*").form(""));
    assert_eq!((done.status, done.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(server.ended_run(&id)["status"], "succeeded");
    assert_problem(&server.send(&Request::get(&path)), 410, "callback_gone");
}

#[test]
fn nobody_without_the_token_calls_back_and_all_refusals_look_alike() {
    let server = server(waits("1h"));
    let (id, path) = begin(&server);
    let token = path.rsplit('/').next().unwrap();
    let flipped = format!("{}{}", if token.starts_with('0') { '1' } else { '0' }, &token[1..]);
    let unknown = "run_00000000000000000000000000000000";
    let paths = [
        format!("/api/callbacks/{id}/wait/{flipped}"),
        format!("/api/callbacks/{id}/wait/{}", &token[..token.len() - 1]),
        format!("/api/callbacks/{id}/wait.0/{token}"),
        format!("/api/callbacks/{id}/after/{token}"),
        format!("/api/callbacks/{unknown}/wait/{token}"),
        format!("/api/callbacks/run_1/wait/{token}"),
        format!("/api/callbacks/{id}/wait/{token}/"),
        format!("/api/callbacks/{id}/wait"),
        format!("/api/callbacks/{id}/%77ait/{token}"),
    ];
    let mut bodies = Vec::new();
    for path in &paths {
        let response = server.send(&Request::post(path));
        assert_problem(&response, 404, "callback_unknown");
        bodies.push(response.body);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "nothing tells which part was wrong");
    assert_eq!(server.run(&id)["status"], "waiting");
}

#[test]
fn the_request_log_has_a_line_for_each_call_and_never_the_token() {
    let server = server(waits("1h"));
    let (id, path) = begin(&server);
    let token = path.rsplit('/').next().unwrap();
    server.send(&Request::post(&format!("/api/callbacks/{id}/wait.7/{token}")));
    server.send(&Request::post(&path).body("yes"));
    let line = server.newest_request(3);
    assert_eq!(line["path"], format!("/api/callbacks/{id}/wait/[token]"));
    assert_eq!(
        (&line["status"], &line["workflow"], &line["body_bytes"]),
        (&json!(202), &json!("w"), &json!(3))
    );
    assert_eq!(line["outcome"]["called_back"]["run"], id);
    let refused = &server.requests()[1];
    assert_eq!(refused["outcome"]["refused"]["code"], "callback_unknown");
    assert!(!json!(server.requests()).to_string().contains(token));
    assert!(!server.stderr().contains(token));
}

#[test]
fn a_body_over_the_cap_or_of_a_wrong_type_does_not_use_the_url_up() {
    let server = server(waits("1h"));
    let (id, path) = begin(&server);
    let large = server.send(&Request::post(&path).body(vec![b'x'; (1 << 20) + 1]));
    assert_problem(&large, 413, "body_too_large");
    let broken = server.send(&Request::post(&path).header("content-type", "application/json").body("{"));
    assert_problem(&broken, 400, "body_invalid");
    assert_eq!(server.send(&Request::new("PUT", &path).form("choice=b")).status, 202);
    assert_eq!(output(&server.ended_run(&id), "after")["data"], json!({ "choice": "b" }));
}

#[test]
fn of_many_calls_at_once_one_is_taken() {
    let server = server(waits("1h"));
    let (id, path) = begin(&server);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let call =
            |n: usize| Request::post(&path).json(&json!({ "n": n })).send(server.address()).unwrap().status;
        let calls: Vec<_> = (0..8).map(|n| scope.spawn(move || call(n))).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 202).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 410).count(), 7, "{statuses:?}");
    assert_eq!(server.ended_run(&id)["status"], "succeeded");
}

#[test]
fn a_wait_that_nobody_ends_fails_in_time_and_its_url_is_gone() {
    let server = server(waits("300ms"));
    let (id, path) = begin(&server);
    let run = server.ended_run(&id);
    assert_eq!((&run["status"], &run["error"]["code"]), (&json!("failed"), &json!("callback_timeout")));
    assert_problem(&server.send(&Request::post(&path)), 410, "callback_gone");
}

#[test]
fn a_url_survives_a_kill_and_each_iteration_has_its_own() {
    let receiver = Receiver::start();
    let steps = json!([{ "id": "each", "type": "loop", "over": 2, "steps": [
        { "id": "tell", "type": "http", "url": "{{$env.SINK}}", "json": { "url": "{{$run.callbacks.wait}}" } },
        waits("1h"),
        { "id": "said", "type": "set", "values": "{{$steps.wait.data}}" } ] }]);
    let mut server = Setup::default()
        .workflows([Workflow::steps("w", steps)])
        .variable("FLOWCELL_NET_ALLOW", &receiver.host())
        .variable("FLOWCELL_VARS_SINK", &receiver.url("/"))
        .start();
    let id = server.post("w", &json!({})).run_id();
    let mut urls = Vec::new();
    for (n, word) in ["first", "second"].into_iter().enumerate() {
        let url = receiver.wait_for(n + 1)[n].json()["url"].as_str().unwrap().to_owned();
        let path = url[url.find("/api/").unwrap()..].to_owned();
        assert!(path.contains(&format!("/wait.{n}/")), "{path}");
        server.waiting_run(&id);
        server.kill();
        server.restart();
        assert_eq!(server.send(&Request::post(&path).body(word)).status, 202);
        urls.push(path);
    }
    let run = server.ended_run(&id);
    assert_eq!(run["status"], "succeeded", "{run}");
    let said: Vec<_> = run["steps"].as_array().unwrap().iter().filter(|step| step["id"] == "said").collect();
    assert_eq!((said[0]["output"].as_str(), said[1]["output"].as_str()), (Some("first"), Some("second")));
    for path in urls {
        assert_problem(&server.send(&Request::post(&path)), 410, "callback_gone");
    }
    assert_eq!(receiver.requests().len(), 2, "nothing was sent twice");
}
