//! Copies of deliveries that nobody verified: who guesses an id gets nobody's answer and keeps nobody's event from running.

use std::thread;

use serde_json::{Value, json};

use crate::support::{Request, Response, TestServer, Workflow, flowcell, poll};

fn deliver(server: &TestServer, key: &str, id: &str, body: &Value) -> Response {
    server.send(&Request::post(&format!("/api/webhooks/{key}")).header("x-delivery", id).json(body))
}

fn is_copy(response: &Response) -> bool {
    response.header("idempotency-replayed").is_some()
}

#[test]
fn s13_a_guessed_id_gets_no_stored_answer_and_a_claimed_id_stops_no_event() {
    let answer = "return { address: context.data.address, at: Math.random() }";
    let server = TestServer::start([
        Workflow::script("sync", answer).deduped(),
        Workflow::script("later", answer).deduped().asynchronous(),
    ]);
    for key in ["sync", "later"] {
        // The stranger is first: the true event runs all the same.
        let claimed = deliver(&server, key, "7", &json!({ "address": "none" }));
        let order = json!({ "address": "Main Street 1" });
        let first = deliver(&server, key, "7", &order);
        assert!(first.status < 300 && !is_copy(&first), "{key}: {}", first.text());
        assert_ne!(first.run_id(), claimed.run_id(), "{key}");
        // Its own copy is one.
        let copy =
            poll("the first is answered", 20, || Some(deliver(&server, key, "7", &order)).filter(is_copy));
        assert_eq!((copy.run_id(), &copy.body), (first.run_id(), &first.body), "{key}");
        // The stranger comes later: neither the answer nor the run's id is told.
        for guess in [json!({}), json!({ "address": "main street 1" }), json!([order])] {
            let guessed = deliver(&server, key, "7", &guess);
            assert!(!is_copy(&guessed) && !guessed.text().contains("Main Street 1\",\"at"), "{key}: {guess}");
            assert_ne!(guessed.run_id(), first.run_id(), "{key}: {guess}");
        }
        assert_eq!(server.runs(key).len(), 5, "{key}");
    }
}

#[test]
fn s13_method_path_and_query_are_of_the_content_too() {
    let trigger = json!({ "path": "/orders/:id", "dedupe": { "key": "{{$context.headers.x-delivery}}" } });
    let server = TestServer::start([Workflow::script("orders", "return 1").trigger(trigger)]);
    let requests = [
        Request::get("/api/webhooks/orders/1?a=1"),
        Request::get("/api/webhooks/orders/1?a=2"),
        Request::get("/api/webhooks/orders/2?a=1"),
        Request::post("/api/webhooks/orders/1?a=1"),
        Request::post("/api/webhooks/orders/1?a=1").body("x"),
    ];
    for request in &requests {
        assert!(!is_copy(&server.send(&request.clone().header("x-delivery", "7"))), "{request:?}");
    }
    for request in &requests {
        assert!(is_copy(&server.send(&request.clone().header("x-delivery", "7"))), "{request:?}");
        assert!(!is_copy(&server.send(&request.clone().header("x-delivery", "8"))), "{request:?}");
    }
}

#[test]
fn s13_a_run_under_way_is_told_to_its_own_sender_alone() {
    let server = TestServer::start([Workflow::script("slow", "await sleep('2s'); return 1").deduped()]);
    thread::scope(|scope| {
        let first = scope.spawn(|| deliver(&server, "slow", "7", &json!({ "n": 1 })));
        poll("it runs", 20, || (!server.runs("slow").is_empty()).then_some(()));
        let copy = deliver(&server, "slow", "7", &json!({ "n": 1 }));
        assert_eq!(copy.problem(), "delivery_in_progress");
        let stranger = deliver(&server, "slow", "7", &json!({ "n": 2 }));
        let first = first.join().unwrap();
        assert_eq!((stranger.status, copy.run_id()), (200, first.run_id()));
        assert_ne!(stranger.run_id(), first.run_id());
    });
}

#[test]
fn s13_with_verify_a_copy_may_differ_a_little_as_senders_write_it() {
    let trigger = json!({
        "verify": { "scheme": "bearer", "secret": "hunter2hunter2" },
        "dedupe": { "key": "{{$context.headers.x-delivery}}" },
    });
    let server = TestServer::start([Workflow::script("known", "return Math.random()").trigger(trigger)]);
    let send = |body: Value| {
        let request = Request::post("/api/webhooks/known").header("x-delivery", "7");
        server.send(&request.header("authorization", "Bearer hunter2hunter2").json(&body))
    };
    let first = send(json!({ "n": 1, "attempt": 1 }));
    let copy = send(json!({ "n": 1, "attempt": 2 }));
    assert!(is_copy(&copy));
    assert_eq!(copy.body, first.body);
}

#[test]
fn s13_check_and_the_log_warn_of_dedupe_without_verify() {
    let folder = tempfile::tempdir().unwrap();
    Workflow::script("warned", "return 1").deduped().write(folder.path());
    Workflow::script("plain", "return 1").write(folder.path());
    let known = json!({ "verify": { "scheme": "bearer", "secret": "hunter2hunter2" } });
    Workflow::script("known", "return 1").deduped().trigger(known).write(folder.path());
    for (key, warns) in [("warned", true), ("plain", false), ("known", false)] {
        let checked = flowcell([std::ffi::OsStr::new("check"), folder.path().join(key).as_os_str()]);
        assert_eq!(checked.code, 0, "{key}: {}", checked.stdout);
        assert!(checked.stdout.contains(&format!("{key}: ok")), "{key}: {}", checked.stdout);
        let warned =
            checked.stdout.contains("workflow.json:") && checked.stdout.contains("trigger.dedupe: warning:");
        assert_eq!(warned, warns, "{key}: {}", checked.stdout);
    }
    let server = TestServer::start([Workflow::script("warned", "return 1").deduped()]);
    server.wait_for_log("trigger.dedupe");
}
