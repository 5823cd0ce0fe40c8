//! A key a part of which is missing is no key: different events never become copies of one another.

use serde_json::{Value, json};

use crate::support::{Request, Response, TestServer, Workflow};

fn verified(key: &str, dedupe: Value) -> Workflow {
    let trigger = json!({ "verify": { "scheme": "bearer", "secret": "s" }, "dedupe": dedupe });
    Workflow::script(key, "return context.data.v ?? null").trigger(trigger)
}

fn post(server: &TestServer, key: &str, headers: &[(&str, &str)], body: &Value) -> Response {
    let request = Request::post(&format!("/api/webhooks/{key}")).header("authorization", "Bearer s");
    server.send(&request.headers(headers.iter().copied()).json(body))
}

#[test]
fn events_that_lack_a_part_of_the_dedupe_key_all_run() {
    let server = TestServer::start([
        verified("order", json!({ "key": "order:{{$context.data.id}}" })),
        verified("headers", json!({ "key": "{{$context.headers.x-event}}-{{$context.headers.x-delivery}}" })),
        verified("mapped", json!({ "key": "{{$context.data.items.id}}" })),
        verified("strict", json!({ "key": "order:{{$context.data.id}}", "on_missing": "refuse" })),
        verified("chosen", json!({ "key": "order:{{$context.data.id ?? 'none'}}" })),
    ]);
    let cases: [(&str, [Value; 2]); 6] = [
        ("order", [json!({ "ID": 1, "v": 1 }), json!({ "ID": 2, "v": 2 })]),
        ("order", [json!({ "id": "", "v": 1 }), json!({ "id": null, "v": 2 })]),
        ("headers", [json!({ "v": 1 }), json!({ "v": 2 })]),
        ("mapped", [json!({ "v": 1, "items": [{}] }), json!({ "v": 2, "items": [{ "ID": 1 }] })]),
        ("mapped", [json!({ "v": 1, "items": [] }), json!({ "v": 2, "items": [] })]),
        ("headers", [json!({ "v": 3 }), json!({ "v": 3 })]),
    ];
    for (key, events) in cases {
        for event in events {
            let response = post(&server, key, &[("x-event", "push")], &event);
            let replayed = response.header("idempotency-replayed");
            assert_eq!(
                (response.status, replayed, response.json()),
                (200, None, event["v"].clone()),
                "{key}"
            );
            let notes = &server.run(&response.run_id())["notes"];
            assert_eq!(notes[0]["code"], "dedupe_key_missing", "{key}: {notes}");
        }
    }
    let refused = post(&server, "strict", &[], &json!({ "ID": 1 }));
    assert_eq!((refused.status, refused.problem().as_str()), (422, "dedupe_key_missing"));

    // A whole key works as before, and so does one whose author says what stands in for a part.
    let replayed = |key: &str, headers: &[(&str, &str)], event: Value| {
        let [first, copy] = [(); 2].map(|()| post(&server, key, headers, &event));
        assert_eq!((first.status, first.header("idempotency-replayed")), (200, None), "{key}");
        copy.header("idempotency-replayed").is_some()
    };
    assert!(replayed("order", &[], json!({ "id": 7 })));
    assert!(replayed("order", &[], json!({ "id": 0 })));
    assert!(replayed("headers", &[("x-event", "push"), ("x-delivery", "1")], json!({})));
    assert!(replayed("mapped", &[], json!({ "items": [{ "id": 1 }, {}] })));
    assert!(replayed("chosen", &[], json!({ "v": 1 })));
}

#[test]
fn events_that_lack_a_part_of_a_singletons_key_are_not_skipped() {
    let wait = json!([{ "id": "wait", "type": "wait_for_callback" }]);
    let by = |key: &str, template: &str| {
        Workflow::steps(key, wait.clone()).set(json!({ "singleton": { "key": template } }))
    };
    let server =
        TestServer::start([by("text", "c:{{$context.data.id}}"), by("alone", "{{$context.data.id}}")]);
    for key in ["text", "alone"] {
        for event in [json!({ "ID": 1 }), json!({ "ID": 2 }), json!({ "id": 7 })] {
            let answer = server.post(key, &event);
            assert_eq!((answer.status, &answer.json()["skipped"]), (202, &Value::Null), "{key} {event}");
        }
        let again = server.post(key, &json!({ "id": 7 }));
        assert_eq!(again.json()["skipped"], true, "{key}: a whole key is one group");
        assert_eq!(server.runs(key).len(), 3, "{key}");
    }
}
