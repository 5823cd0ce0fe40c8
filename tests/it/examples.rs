//! The shipped examples do what their descriptions say: by the commands, and over HTTP as people will call them.

use serde_json::{Value, json};

use crate::support::{
    GITHUB_SECRET, Receiver, Request, Setup, TestServer, examples, flowcell_with, signed_github,
};

/// The folders of all examples.
fn folders() -> Vec<String> {
    let mut folders: Vec<_> = std::fs::read_dir(examples())
        .unwrap()
        .map(|entry| entry.unwrap().path().display().to_string())
        .collect();
    folders.sort();
    assert!(folders.len() >= 3);
    folders
}

const SECRET: [(&str, &str); 2] =
    [("GITHUB_WEBHOOK_SECRET", GITHUB_SECRET), ("FLOWCELL_ENV_ALLOW", "GITHUB_WEBHOOK_SECRET")];

#[test]
fn check_finds_nothing_wrong_with_the_examples() {
    let folders = folders();
    let finished = flowcell_with(["check".to_owned()].iter().chain(&folders), &SECRET);
    assert_eq!(finished.code, 0, "{}{}", finished.stdout, finished.stderr);
    for folder in folders {
        assert!(finished.stdout.contains(&format!("{folder}: ok\n")), "{}", finished.stdout);
    }
}

#[test]
fn every_fixture_of_the_examples_passes() {
    let folders = folders();
    let finished = flowcell_with(["test".to_owned()].iter().chain(&folders), &SECRET);
    assert_eq!(finished.code, 0, "{}{}", finished.stdout, finished.stderr);
    assert!(
        finished.stdout.contains(", 0 failed") && !finished.stdout.contains("no fixtures"),
        "{}",
        finished.stdout
    );
}

#[test]
fn hello_answers_a_browser_and_every_way_in_which_people_send_json_with_curl() {
    let server = TestServer::examples();
    let path = "/api/webhooks/hello";
    let body = r#"{"event": "test", "data": {"message": "Hello, Flowcell!"}}"#;
    let greeted = json!({ "received": "Hello, Flowcell!", "event": "test" });
    let cases = [
        ("GET", Request::get(path), json!({ "received": "nothing yet", "event": null })),
        (
            "GET with a query",
            Request::get(&format!("{path}?message=a+b")),
            json!({ "received": "a b", "event": null }),
        ),
        ("POST without content type", Request::post(path).body(body), greeted.clone()),
        ("POST as `curl -d` sends it", Request::post(path).form(body), greeted.clone()),
        ("POST of JSON", Request::post(path).header("content-type", "application/json").body(body), greeted),
        ("POST of nothing", Request::post(path), json!({ "received": "nothing yet", "event": null })),
    ];
    for (case, request, expected) in cases {
        let response = server.send(&request);
        assert_eq!((response.status, response.json()), (200, expected), "{case}");
        assert_eq!(response.header("content-type"), Some("application/json"), "{case}");
    }
}

#[test]
fn a_run_can_be_looked_up_by_the_id_in_its_answer() {
    let server = TestServer::examples();
    let response = server.send(&Request::get("/api/webhooks/hello?message=seen"));
    let run = server.run(&response.run_id());
    assert_eq!(
        (&run["workflow"], &run["status"], &run["mode"]),
        (&json!("hello"), &json!("succeeded"), &json!("sync"))
    );
    assert_eq!(run["context"]["query"], json!({ "message": "seen" }));
    let step = &run["steps"][0];
    assert_eq!((&step["id"], &step["status"]), (&json!("greet"), &json!("succeeded")));
    assert_eq!(step["output"], json!({ "received": "seen", "event": null }));
    let line = &step["logs"][0];
    assert_eq!((&line["level"], &line["text"]), (&json!("info"), &json!("got seen")));
    assert!(line["at_ms"].as_u64().is_some_and(|at_ms| at_ms > 0), "{line}");
    for used in ["fuel", "peak_memory", "wall_us"] {
        assert!(step["usage"][used].as_u64().is_some_and(|used| used > 0), "{used}: {step}");
    }
}

#[test]
fn form_signup_takes_a_form_and_json_and_says_what_is_wrong() {
    let server = TestServer::examples();
    let path = "/api/webhooks/form-signup";
    let created = json!({ "ok": true, "name": "Ada Lovelace", "email": "ada@example.com" });
    let wrong = |fields: &[&str]| {
        let errors = fields.iter().map(|field| {
            let message = match *field {
                "name" => "give a name of 1 to 100 characters",
                _ => "this is not an e-mail address",
            };
            json!({ "field": field, "message": message })
        });
        json!({ "ok": false, "errors": errors.collect::<Vec<_>>() })
    };
    let cases: [(Request, u16, Value); 5] = [
        (Request::post(path).form("name=Ada+Lovelace&email=Ada%40Example.com"), 201, created.clone()),
        (
            Request::post(path).json(&json!({ "name": "Ada Lovelace", "email": "ada@example.com" })),
            201,
            created,
        ),
        (Request::post(path).form("name=Ada&email=nowhere"), 422, wrong(&["email"])),
        (
            Request::post(path).json(&json!({ "name": 7, "email": ["a@b.cd"] })),
            422,
            wrong(&["name", "email"]),
        ),
        (Request::post(path), 422, wrong(&["name", "email"])),
    ];
    for (request, status, expected) in cases {
        let response = server.send(&request);
        assert_eq!((response.status, response.json()), (status, expected), "{request:?}");
    }
}

#[test]
fn github_push_answers_a_signed_push() {
    let server = TestServer::examples();
    let body = json!({
        "ref": "refs/heads/main",
        "commits": [{ "author": { "name": "Ada" } }, { "author": { "name": "Bo" } }],
    });
    let response = server.send(&signed_github("push", "d-1", body.to_string().as_bytes(), GITHUB_SECRET));
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(
        response.json(),
        json!({ "branch": "main", "deploy": true, "deployed": null, "commits": 2, "authors": ["Ada", "Bo"] })
    );
}

#[test]
fn form_signup_tells_the_notify_url_and_answers_also_when_that_is_down() {
    let receiver = Receiver::start();
    let server = Setup::default()
        .with_examples()
        .variable("NOTIFY_URL", &receiver.url("/members"))
        .variable("FLOWCELL_NET_ALLOW", &receiver.host())
        .start();
    let form = Request::post("/api/webhooks/form-signup").form("name=Ada&email=ada%40example.com");
    let created = server.send(&form);
    assert_eq!((created.status, created.json()["ok"].clone()), (201, json!(true)));
    let told = &receiver.wait_for(1)[0];
    assert_eq!(told.json(), json!({ "text": "Ada <ada@example.com> signed up", "member": created.run_id() }));
    receiver.answer([500]);
    assert_eq!(server.send(&form).status, 201, "the member is created all the same");
    let wrong = Request::post("/api/webhooks/form-signup").form("name=Ada&email=nowhere");
    assert_eq!(server.send(&wrong).status, 422);
    assert_eq!(receiver.requests().len(), 2, "nobody is told of a form that is wrong");
}

#[test]
fn github_push_deploys_main_with_retries_under_one_idempotency_key() {
    let receiver = Receiver::start();
    let server = Setup::default()
        .with_examples()
        .variable("DEPLOY_URL", &receiver.url("/deploy"))
        .variable("FLOWCELL_NET_ALLOW", &receiver.host())
        .start();
    receiver.answer([500, 503]);
    let push = |branch: &str| {
        json!({ "ref": format!("refs/heads/{branch}"), "after": "abc", "commits": [] }).to_string()
    };
    let response = server.send(&signed_github("push", "d-1", push("main").as_bytes(), GITHUB_SECRET));
    assert_eq!(
        (response.status, response.json()["deployed"].clone()),
        (200, json!(200)),
        "{}",
        response.text()
    );
    let calls = receiver.wait_for(3);
    assert_eq!(calls[2].json(), json!({ "branch": "main", "sha": "abc" }));
    let keys: Vec<_> = calls.iter().map(|call| call.header("idempotency-key")).collect();
    assert!(keys[0].is_some() && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    let attempts: Vec<_> = calls.iter().filter_map(|call| call.header("flowcell-attempt")).collect();
    assert_eq!(attempts, ["1", "2", "3"]);
    let again = server.send(&signed_github("push", "d-1", push("main").as_bytes(), GITHUB_SECRET));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let other = server.send(&signed_github("push", "d-2", push("topic").as_bytes(), GITHUB_SECRET));
    assert_eq!(other.json()["deploy"], false);
    assert_eq!(receiver.requests().len(), 3, "neither a copy nor another branch deploys");
}

#[test]
fn approval_waits_for_its_url_and_ends_by_what_it_is_told() {
    let server = TestServer::examples();
    for (answer, status) in [("approve", "succeeded"), ("reject", "failed")] {
        let asked = server.post("approval", &json!({ "what": "a laptop" }));
        assert_eq!(asked.status, 202, "{}", asked.text());
        let url = asked.json()["decide"].as_str().unwrap().to_owned();
        let path = url.strip_prefix(&server.url()).expect("the server's own address").to_owned();
        server.waiting_run(&asked.run_id());
        let decided = server.send(&Request::post(&path).json(&json!({ "answer": answer })));
        assert_eq!(decided.status, 202, "{}", decided.text());
        assert_eq!(server.ended_run(&asked.run_id())["status"], status);
        let again = server.send(&Request::post(&path).json(&json!({ "answer": "approve" })));
        assert_eq!(again.status, 410, "{}", again.text());
    }
}

#[test]
fn daily_orders_collects_by_webhook_and_sums_by_cron() {
    let receiver = Receiver::start();
    let server = Setup::default()
        .with_examples()
        .variable("NOTIFY_URL", &receiver.url("/told"))
        .variable("FLOWCELL_NET_ALLOW", &receiver.host())
        .start();
    let order = |id: &str, cents: Value| server.post("daily-orders", &json!({ "id": id, "cents": cents }));
    let kept = order("a-1", json!(1250));
    assert_eq!(kept.status, 202, "{}", kept.text());
    let key = kept.json()["kept"].as_str().unwrap().to_owned();
    assert!(key.starts_with("orders/") && key.ends_with("/a-1"), "{key}");
    assert_eq!(order("a-2", json!(750)).status, 202);
    assert_eq!(order("a-1", json!(1250)).status, 202, "the same order is not counted twice");
    assert_eq!(order("a/3", json!(1)).status, 422);
    assert_eq!(order("a-3", json!(-1)).status, 422);

    // Nobody waits for midnight: a run of this moment sums up yesterday, so two orders are kept as of then.
    let yesterday = |id: &str, cents: u32| {
        let day = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24);
        let name = format!("orders%2F{}%2F{id}", day.strftime("%Y-%m-%d"));
        let path = format!("/api/v1/workflows/daily-orders/kv/{name}");
        assert_eq!(server.ask("PUT", &path, &json!({ "value": cents })).status / 100, 2);
    };
    yesterday("b-1", 100);
    yesterday("b-2", 250);
    let summed = server.command(&["runs", "start", "daily-orders", "--trigger", "sum", "--wait", "--json"]);
    assert_eq!(summed.code, 0, "{summed:?}");
    let run: Value = serde_json::from_str(&summed.stdout).unwrap();
    let sum = run["steps"].as_array().unwrap().iter().find(|step| step["id"] == "sum").unwrap();
    assert_eq!((&sum["output"]["orders"], &sum["output"]["cents"]), (&json!(2), &json!(350)));
    let told = receiver.wait_for(1)[0].json()["text"].to_string();
    assert!(told.contains("2 orders on ") && told.contains("350 cents"), "{told}");
}

#[test]
fn the_addresses_that_need_no_token_tell_nothing_about_workflows() {
    let server = TestServer::examples();
    for path in ["/", "/healthz", "/readyz"] {
        let response = server.send(&Request::get(path));
        assert_eq!(response.status, 200, "{path}");
        assert!(!response.text().contains("form-signup"), "{path} names a workflow");
    }
    for path in [
        "/api/v1/runs",
        "/api/v1/requests",
        "/api/v1/workflows",
        "/api/v1/runs/run_00000000000000000000000000000000",
    ] {
        for token in ["", "Bearer ", "Bearer fc_0", "Basic Zm9v"] {
            let response = server.send(&Request::get(path).header("authorization", token));
            // After so many wrong ones the answer is another, and still says nothing.
            let told = (response.status, response.problem());
            let known = [(401, "unauthorized".to_owned()), (429, "too_many_wrong_tokens".to_owned())];
            assert!(known.contains(&told), "{path} {token}: {told:?}");
        }
    }
    assert_eq!(server.send(&Request::get("/nothing/here")).problem(), "not_found");
}
