//! A form of GitHub, Gitea, Forgejo or Slack that is nothing but `payload` is the event itself: filters, keys, templates, scripts and examples see
//! the same `context.data` for both types of content that these senders offer.

use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::{GITHUB_SECRET, Request, Response, TestServer, Workflow, github_signature};

const FORM: &str = "application/x-www-form-urlencoded";

fn form_of(event: &str) -> String {
    format!("payload={}", form_urlencoded::byte_serialize(event.as_bytes()).collect::<String>())
}

/// A push as GitHub sends it with one of its two types of content.
fn push(server: &TestServer, key: &str, delivery: &str, kind: &str, event: &str) -> Response {
    let body = if kind == FORM { form_of(event) } else { event.to_owned() };
    let request = Request::post(&format!("/api/webhooks/{key}"))
        .header("content-type", kind)
        .header("x-github-event", "push")
        .header("x-github-delivery", delivery)
        .header("x-hub-signature-256", &github_signature(body.as_bytes(), GITHUB_SECRET));
    server.send(&request.body(body))
}

fn github(key: &str, source: &str, trigger: Value) -> Workflow {
    let verify = json!({ "verify": { "scheme": "github", "secret": GITHUB_SECRET } });
    Workflow::script(key, source).trigger(verify).trigger(trigger)
}

#[test]
fn the_example_deploys_a_push_of_either_content_type() {
    let server = TestServer::examples();
    let event =
        json!({ "ref": "refs/heads/main", "after": "abc", "commits": [{ "author": { "name": "Ada" } }] });
    let answers = ["application/json", FORM].map(|kind| {
        let response = push(&server, "github-push", kind, kind, &event.to_string());
        assert_eq!(response.status, 200, "{kind}: {}", response.text());
        response.json()
    });
    assert_eq!(answers[0]["deploy"], true, "{answers:?}");
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn filters_keys_and_scripts_that_people_have_work_with_either_content_type() {
    let documented = "context.headers['x-github-event'] == 'push' && context.data.ref == 'refs/heads/main'";
    let server = TestServer::start([
        github("filter", "return context.data", json!({ "filter": documented, "filter_on_error": "refuse" })),
        github("key", "return 1", json!({ "dedupe": { "key": "{{$context.data.after}}" } })),
        // These lines stand in guides, and in scripts that were copied from the example of earlier versions.
        github(
            "copied",
            "const data = typeof context.data?.payload === 'string' ? JSON.parse(context.data.payload) : context.data;\n\
             const other = context.data?.payload ?? context.data;\n\
             return [data.ref, other.ref];",
            json!({}),
        ),
        github("parsed", "return context.data.payload.ref", json!({ "json_fields": ["payload"] })),
        github("text", "return JSON.parse(context.data.payload).ref", json!({ "json_fields": [] })),
    ]);
    for (number, kind) in ["application/json", FORM].into_iter().enumerate() {
        let event =
            |branch: &str| json!({ "ref": format!("refs/heads/{branch}"), "after": branch }).to_string();
        let wanted = push(&server, "filter", "d1", kind, &event("main"));
        assert_eq!(
            (wanted.status, wanted.json()),
            (200, json!({ "ref": "refs/heads/main", "after": "main" }))
        );
        assert_eq!(push(&server, "filter", "d2", kind, &event("dev")).status, 204, "{kind}");

        let first = push(&server, "key", "d1", kind, &event("main"));
        let replayed = first.header("idempotency-replayed");
        assert_eq!(replayed, (number > 0).then_some("true"), "{kind}: of both types it is the same event");
        let other = push(&server, "key", "d1", kind, &event(kind));
        assert_eq!(other.header("idempotency-replayed"), None, "{kind}");

        let seen = push(&server, "copied", kind, kind, &event("main")).json();
        assert_eq!(seen, json!(["refs/heads/main", "refs/heads/main"]), "{kind}");
    }
    for key in ["parsed", "text"] {
        let seen = push(&server, key, "d", FORM, "{\"ref\":\"r\"}");
        assert_eq!(seen.json(), "r", "{key}: a trigger that names its fields has them in the form");
    }
}

#[test]
fn long_ids_in_a_form_stay_different_keys() {
    let server = TestServer::start([github(
        "key",
        "return 1",
        json!({ "dedupe": { "key": "{{$context.data.id}}" } }),
    )]);
    for id in ["123456789012345678901", "123456789012345678902"] {
        let response = push(&server, "key", "d", FORM, &format!("{{\"id\":{id}}}"));
        assert_eq!((response.status, response.header("idempotency-replayed")), (200, None), "{id}");
    }
}

#[test]
fn an_interaction_of_slack_is_the_event_and_a_command_stays_a_form() {
    let slack = json!({ "verify": { "scheme": "slack", "secret": "s" } });
    let server = TestServer::start([Workflow::script("slack", "return context.data").trigger(slack)]);
    let send = |body: &str| {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let mut mac = Hmac::<Sha256>::new_from_slice(b"s").unwrap();
        mac.update(format!("v0:{at}:{body}").as_bytes());
        let signature = format!("v0={}", hex::encode(mac.finalize().into_bytes()));
        let request =
            Request::post("/api/webhooks/slack").header("x-slack-request-timestamp", &at.to_string());
        server.send(&request.header("x-slack-signature", &signature).form(body)).json()
    };
    let pressed = send(&form_of(
        "{\"type\":\"block_actions\",\"token\":\"hush-hush\",\"actions\":[{\"value\":\"yes\"}]}",
    ));
    assert_eq!(pressed["actions"][0]["value"], "yes");
    assert_eq!(pressed["token"], "[hidden]", "what Slack repeats in its body is hidden there, too");
    assert_eq!(send("command=%2Fdeploy&text=now"), json!({ "command": "/deploy", "text": "now" }));
}

/// Unlike GitHub, they sign the text of the field and not the form.
#[test]
fn a_form_of_gitea_or_forgejo_is_signed_by_its_payload_and_holds_nothing_else() {
    let secret = "s3cret";
    let event = json!({ "ref": "refs/heads/main", "after": "a+b & c=d", "by": "小明" }).to_string();
    let of = |text: &str| github_signature(text.as_bytes(), secret).replace("sha256=", "");
    for scheme in ["gitea", "forgejo"] {
        let workflow = Workflow::script("w", "return [context.data.ref, context.data.by, context.rawBody]")
            .trigger(json!({ "verify": { "scheme": scheme, "secret": secret }, "dedupe": false }));
        let server = TestServer::start([workflow]);
        let send = |kind: &str, body: &str, signature: &str| {
            let request = Request::post("/api/webhooks/w")
                .header("content-type", kind)
                .header(&format!("x-{scheme}-event"), "push")
                .header(&format!("x-{scheme}-signature"), signature);
            server.send(&request.body(body))
        };
        let form = form_of(&event);
        for (kind, body) in [("application/json", &event), (FORM, &form)] {
            let answer = send(kind, body, &of(&event));
            assert_eq!(
                (answer.status, answer.json()),
                (200, json!(["refs/heads/main", "小明", body])),
                "{scheme}"
            );
        }
        let with_charset = send(&format!("{FORM}; charset=utf-8"), &form, &of(&event));
        assert_eq!(with_charset.status, 200, "{scheme}");
        for (what, body) in [
            ("another field behind it", format!("{form}&admin=1")),
            ("another field before it", format!("admin=1&{form}")),
            ("the field twice", format!("{form}&{form}")),
            ("the field under another name", form.replacen("payload", "Payload", 1)),
            ("another event", form.replacen("main", "evil", 1)),
            ("nothing", String::new()),
        ] {
            assert_eq!(send(FORM, &body, &of(&event)).status, 401, "{scheme}: {what}");
        }
        assert_eq!(send(FORM, &form, &of(&form)).status, 401, "{scheme}: the form is not what they sign");
        assert_eq!(send("application/json", &form, &of(&event)).status, 401, "{scheme}: it is no JSON");
        assert_eq!(send(FORM, &event, &of(&event)).status, 401, "{scheme}: it is no form");
    }
}
