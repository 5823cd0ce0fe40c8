//! Which deliveries start a run: the filter, and the copies of what was there already.

use std::{
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{Request, Response, Setup, TestServer, Workflow, flowcell, github_signature};

fn post(key: &str, body: &Value) -> Request {
    Request::post(&format!("/api/webhooks/{key}")).json(body)
}

#[test]
fn a_filter_leaves_out_what_it_answers_with_no() {
    let filtered =
        |key: &str, filter: Value| Workflow::script(key, "return 'ran'").trigger(json!({ "filter": filter }));
    let server = TestServer::start([
        filtered("cel", json!("context.data.action == 'opened' && context.headers['x-event'] == 'issue'")),
        filtered("structured", json!({ "all": [{ "left": "{{$context.data.n}}", "op": ">", "right": 1 }] })),
    ]);
    let send = |key: &str, body: Value| server.send(&post(key, &body).header("x-event", "issue"));
    let out = send("cel", json!({ "action": "closed" }));
    assert_eq!((out.status, out.body.len(), out.header("flowcell-run-id")), (204, 0, None));
    let line = server.newest_request(1);
    assert_eq!((&line["status"], &line["outcome"]), (&json!(204), &json!("filtered")), "{line}");
    assert_eq!(send("cel", json!({ "action": "opened" })).json(), "ran");
    assert_eq!(send("structured", json!({ "n": 1 })).status, 204);
    assert_eq!(send("structured", json!({ "n": 2 })).status, 200);
    assert_eq!((server.runs("cel").len(), server.runs("structured").len()), (1, 1));
    // A question that cannot be answered loses no event, and is told.
    assert_eq!(send("cel", json!({ "other": 1 })).json(), "ran");
    server.wait_for_log("the filter cannot be answered");
}

#[test]
fn a_filter_is_asked_after_verification_and_claims_nothing() {
    let trigger = json!({
        "verify": { "scheme": "github", "secret": "{{$env.THE_SECRET}}" },
        "filter": "context.data.wanted",
        "dedupe": true,
    });
    let server = Setup::default()
        .workflows([Workflow::script("hook", "return 'ran'").trigger(trigger)])
        .variable("THE_SECRET", "hunter2hunter2")
        .start();
    let send = |body: &str, secret: &str| {
        let signature = github_signature(body.as_bytes(), secret);
        let request = post("hook", &Value::Null).body(body).header("x-github-delivery", "one");
        server.send(&request.header("x-hub-signature-256", &signature)).status
    };
    assert_eq!(send("{\"wanted\":false}", "wrong"), 401, "a stranger learns nothing of the filter");
    assert_eq!(send("{\"wanted\":false}", "hunter2hunter2"), 204);
    assert_eq!(send("{\"wanted\":true}", "hunter2hunter2"), 200, "the same id, which nothing has claimed");
    assert_eq!(server.runs("hook").len(), 1);
}

#[test]
fn check_tells_a_filter_or_a_dedupe_that_cannot_work() {
    let folder = tempfile::tempdir().unwrap();
    let hmac = json!({ "scheme": "hmac", "header": "x-s", "secret": "s" });
    for (trigger, place, part) in [
        (json!({ "filter": "context.data.a = 1" }), "trigger.filter", "not CEL"),
        (json!({ "filter": "steps.a.b" }), "trigger.filter", "read context"),
        (json!({ "filter": { "left": 1, "op": "~" } }), "trigger.filter", "expected CEL"),
        (json!({ "dedupe": true }), "trigger.dedupe", "no `verify` scheme"),
        (json!({ "dedupe": true, "verify": hmac }), "trigger.dedupe", "names none"),
        (
            json!({ "dedupe": { "key": "{{$context.headers.a}}", "window": "1d" } }),
            "trigger.dedupe.window",
            "unknown field",
        ),
        (json!({ "decompress": "gzip" }), "trigger.decompress", "boolean"),
    ] {
        Workflow::script("bad", "return 1").trigger(trigger.clone()).write(folder.path());
        let told = flowcell(["check".to_owned(), folder.path().join("bad").display().to_string()]);
        assert!(
            told.code == 1 && told.stdout.contains(place) && told.stdout.contains(part),
            "{trigger}: {}",
            told.stdout
        );
    }
}

#[test]
fn dedupe_by_the_sender_takes_the_id_that_the_scheme_gives() {
    let verify = json!({ "scheme": "github", "secret": "{{$env.THE_SECRET}}" });
    let script = |key: &str, dedupe: Value| {
        Workflow::script(key, "return Math.random()").trigger(json!({ "verify": verify, "dedupe": dedupe }))
    };
    let server = Setup::default()
        .workflows([
            script("day", json!(true)),
            script("moment", json!({ "ttl": "1ms" })),
            script("off", json!(false)),
        ])
        .variable("THE_SECRET", "hunter2hunter2")
        .start();
    let send = |key: &str, id: Option<&str>| {
        let request =
            post(key, &Value::Null).header("x-hub-signature-256", &github_signature(b"{}", "hunter2hunter2"));
        let request = id.map_or(request.clone(), |id| request.header("x-github-delivery", id));
        server.send(&request.body("{}"))
    };
    assert_eq!(send("day", Some("a")).body, send("day", Some("a")).body);
    assert_ne!(send("day", Some("b")).body, send("day", Some("c")).body);
    assert_ne!(
        send("day", None).body,
        send("day", None).body,
        "a delivery without its id is not deduplicated"
    );
    let first = send("moment", Some("a")).body;
    thread::sleep(Duration::from_millis(5));
    assert_ne!(first, send("moment", Some("a")).body, "the window is over");
    assert_ne!(send("off", Some("a")).body, send("off", Some("a")).body);
}

/// A copy that comes until it has the answer, as senders do that are told 409.
fn until_answered(request: &Request, address: std::net::SocketAddr) -> Response {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        assert!(Instant::now() < deadline, "no answer in two minutes");
        match request.send(address) {
            Ok(response) if response.status != 409 && response.status != 503 => return response,
            Ok(_) | Err(_) => thread::sleep(Duration::from_millis(50)),
        }
    }
}

#[test]
fn a_thousand_copies_at_once_are_one_run_and_get_one_answer() {
    const COPIES: usize = 1_000;
    let slow = "await sleep('200ms'); return { at: Math.random() }";
    let server = TestServer::start([
        Workflow::script("sync", slow).deduped(),
        Workflow::script("async", slow).deduped().asynchronous(),
    ]);
    for key in ["sync", "async"] {
        let request = post(key, &json!({ "n": 1 })).header("x-delivery", "one");
        let (address, barrier) = (server.address(), Barrier::new(COPIES));
        let responses: Vec<Response> = thread::scope(|scope| {
            let copies: Vec<_> = (0..COPIES)
                .map(|_| {
                    let copy = || {
                        barrier.wait();
                        until_answered(&request, address)
                    };
                    thread::Builder::new().stack_size(128 << 10).spawn_scoped(scope, copy).unwrap()
                })
                .collect();
            copies.into_iter().map(|copy| copy.join().unwrap()).collect()
        });
        let status = if key == "sync" { 200 } else { 202 };
        for response in &responses {
            assert_eq!(
                (response.status, &response.body),
                (status, &responses[0].body),
                "{}",
                response.text()
            );
            assert_eq!(response.run_id(), responses[0].run_id());
        }
        assert_eq!(server.runs(key).len(), 1);
        let replayed =
            responses.iter().filter(|response| response.header("idempotency-replayed").is_some()).count();
        assert!(replayed < COPIES, "the first one is no replay");
    }
}

#[test]
fn a_failed_run_gives_its_key_back_and_a_running_one_answers_409() {
    let source = "
        if (context.data.fail) throw new Error('no');
        await sleep('2s');
        return 'done';
    ";
    let server = TestServer::start([Workflow::script("hook", source).deduped()]);
    let send =
        |id: &str, fail: bool| server.send(&post("hook", &json!({ "fail": fail })).header("x-delivery", id));
    assert_eq!(send("a", true).status, 500);
    let retried = send("a", true);
    assert_eq!((retried.status, retried.header("idempotency-replayed")), (500, None));
    assert_eq!(server.runs("hook").len(), 2);
    thread::scope(|scope| {
        let first = scope.spawn(|| send("b", false));
        thread::sleep(Duration::from_millis(500));
        let copy = send("b", false);
        assert_eq!((copy.status, copy.problem().as_str()), (409, "delivery_in_progress"));
        assert_eq!(copy.header("retry-after"), Some("1"));
        let first = first.join().unwrap();
        assert_eq!(copy.run_id(), first.run_id());
        let after = send("b", false);
        assert_eq!(
            (after.status, &after.body, after.header("idempotency-replayed")),
            (200, &first.body, Some("true"))
        );
    });
}
