//! Redirects to another origin: what a script, an `http` step or a plugin sends on, and what it keeps for the first.

use serde_json::{Value, json};

use crate::{
    plugin_wat::Wat,
    plugins::{grants, last_error, uploaded, uses},
    support::{Receiver, Setup, TestServer, Workflow},
};

const SECRET: &str = "S3CR3T-of-the-first-origin";

/// Who is called, and where it sends everybody on to.
struct Places {
    first: Receiver,
    second: Receiver,
}

impl Places {
    fn new(status: u16) -> Self {
        let (first, second) = (Receiver::start(), Receiver::start());
        first.moves(status, &second.url("/moved?x=1"));
        Self { first, second }
    }

    fn setup(&self) -> Setup {
        let allow = format!("{},{}", self.first.host(), self.second.host());
        Setup::default().variable("FLOWCELL_NET_ALLOW", &allow)
    }

    /// Neither the head nor the body of what the second was sent holds a word of this.
    #[track_caller]
    fn second_knows_nothing_of(&self, words: &[&str]) {
        for request in self.second.requests() {
            let all = format!("{request:?} {}", String::from_utf8_lossy(&request.body)).to_lowercase();
            for word in words {
                assert!(!all.contains(&word.to_lowercase()), "{word}: {all}");
            }
        }
    }
}

fn set_secret(server: &TestServer) {
    let answer = server.ask("PUT", "/api/v1/secrets/KEY", &json!({ "value": SECRET }));
    assert!(answer.status < 300, "{}", answer.text());
}

/// A script that calls the first with what the event says.
fn fetches(places: &Places) -> Workflow {
    let script = format!(
        "const {{ method, headers, body, secret }} = context.data;\n\
         const filled = text => text?.replace('KEY', secrets.KEY);\n\
         const all = Object.fromEntries(Object.entries(headers ?? {{}}).map(([name, value]) => [name, filled(value)]));\n\
         try {{ return (await fetch('{}', {{ method, headers: all, body: filled(body) }})).status }}\n\
         catch (error) {{ return `${{error.code}} ${{error.message}} ${{error.cause?.message}}` }}",
        places.first.url("/in?token=of-the-url")
    );
    Workflow::script("fetches", &script).set(json!({ "secrets": ["KEY"] }))
}

#[test]
fn fetch_sends_no_header_that_may_be_a_credential_on_to_another_origin() {
    let places = Places::new(307);
    let server = places.setup().workflows([fetches(&places)]).start();
    set_secret(&server);
    let headers = json!({
        "x-api-key": "k-1", "x-auth-token": "k-2", "private-token": "k-3", "authorization": "Bearer k-4",
        "cookie": "k-5", "x-request-id": "k-6", "referer": "https://k-7.example/", "origin": "https://k-8.example",
        "accept": "text/k-9", "accept-language": "KEY", "user-agent": "mine", "content-type": "text/plain",
    });
    let answer = server.post("fetches", &json!({ "method": "GET", "headers": headers }));
    assert_eq!((answer.status, answer.text().as_str()), (200, "200"));
    let first = &places.first.requests()[0];
    for (name, value) in [("x-api-key", "k-1"), ("private-token", "k-3"), ("accept-language", SECRET)] {
        assert_eq!(first.header(name), Some(value));
    }
    places.second_knows_nothing_of(&[
        "k-1",
        "k-2",
        "k-3",
        "k-4",
        "k-5",
        "k-6",
        "k-7",
        "k-8",
        SECRET,
        "of-the-url",
        "referer",
    ]);
    let second = &places.second.requests()[0];
    for (name, value) in [("accept", "text/k-9"), ("user-agent", "mine"), ("content-type", "text/plain")] {
        assert_eq!(second.header(name), Some(value), "what says nothing of rights is sent on");
    }
}

#[test]
fn fetch_repeats_no_body_with_a_secret_or_beside_credentials_to_another_origin() {
    for status in [307, 308] {
        let places = Places::new(status);
        let server = places.setup().workflows([fetches(&places)]).start();
        set_secret(&server);
        let base64 = "{\"auth\":\"KEY\"}";
        let cases = [
            (json!({ "method": "POST", "body": "hello KEY" }), "its body holds a secret"),
            (json!({ "method": "PUT", "body": base64 }), "its body holds a secret"),
            (json!({ "method": "POST", "body": "hello", "headers": { "X-Api-Key": "k" } }), "`x-api-key`"),
            (
                json!({ "method": "POST", "body": "hello", "headers": { "authorization": "k" } }),
                "`authorization`",
            ),
        ];
        for (event, part) in cases {
            let text = server.post("fetches", &event).text();
            assert!(text.contains("FETCH_DENIED") && text.contains(part), "{status} {event}: {text}");
            assert!(text.contains(&format!("Call {} itself", places.second.url(""))), "{text}");
        }
        assert_eq!(places.second.requests().len(), 0);
        // A body that gives nothing away is repeated, and one that is dropped needs not be kept back.
        let plain = json!({ "method": "POST", "body": "hello", "headers": { "content-type": "text/plain" } });
        assert_eq!(server.post("fetches", &plain).text(), "200");
        let second = places.second.requests().pop().unwrap();
        assert_eq!((second.body.as_slice(), second.path.as_str()), (b"hello".as_slice(), "/moved?x=1"));
        assert!(second.header("idempotency-key").is_some(), "so that it is not performed twice");
        places.first.moves(303, &places.second.url("/seen"));
        let event = json!({ "method": "POST", "body": "hello KEY", "headers": { "x-api-key": "k" } });
        assert_eq!(server.post("fetches", &event).text(), "200");
        places.second_knows_nothing_of(&[SECRET, "x-api-key"]);
    }
}

/// Whether a text holds a secret can be seen from outside here, so nobody may learn of secrets that are not his.
#[test]
fn a_secret_that_the_workflow_was_not_given_changes_nothing() {
    let places = Places::new(307);
    let workflow = Workflow::script(
        "guesses",
        &format!(
            "return (await fetch('{}', {{ method: 'POST', body: context.data.guess }})).status",
            places.first.url("/")
        ),
    );
    let server = places.setup().workflows([workflow]).start();
    set_secret(&server);
    for guess in [SECRET, "S3CR3T-of-the-other-origin"] {
        assert_eq!(server.post("guesses", &json!({ "guess": guess })).text(), "200");
    }
    assert_eq!(places.second.requests().len(), 2);
}

fn step(places: &Places, key: &str, members: Value) -> Workflow {
    let mut step = json!({ "id": "call", "type": "http", "method": "POST", "url": places.first.url("/in"),
        "ignore_failure": true });
    step.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    Workflow::steps(key, json!([step])).trigger(json!({ "mode": "sync" }))
}

#[test]
fn the_http_step_keeps_headers_and_bodies_from_another_origin_as_fetch_does() {
    let places = Places::new(307);
    let secret = "{{$secrets.KEY}}";
    let workflows = [
        step(&places, "plain", json!({ "json": { "a": 1 }, "headers": { "accept": "x/y" } })),
        step(
            &places,
            "no-body",
            json!({ "method": "GET", "headers": { "x-api-key": secret, "x-trace": "t" } }),
        ),
        step(&places, "secret-body", json!({ "json": { "a": [secret] } })),
        step(&places, "encoded-body", json!({ "form": { "a": format!("{secret}&b") } })),
        step(&places, "variable-body", json!({ "text": "{{$env.TOKEN}}" })),
        step(&places, "header", json!({ "text": "hello", "headers": { "x-key": "literal" } })),
        step(&places, "auth", json!({ "text": "hello", "auth": { "type": "bearer", "token": secret } })),
        step(
            &places,
            "url",
            json!({ "text": "hello", "url": format!("{}?key={secret}", places.first.url("/in")) }),
        ),
        step(&places, "query", json!({ "text": "hello", "query": { "key": secret } })),
    ];
    let server = places
        .setup()
        .workflows(workflows)
        .variable("FLOWCELL_ENV_ALLOW", "TOKEN")
        .variable("TOKEN", "t0k3n-of-the-environment")
        .start();
    set_secret(&server);
    for key in ["plain", "no-body"] {
        let answer = server.post(key, &json!({}));
        assert_eq!(
            (answer.status, answer.json()["ok"].clone()),
            (200, json!(true)),
            "{key}: {}",
            answer.text()
        );
    }
    assert_eq!(places.second.requests().len(), 2);
    assert_eq!(places.second.requests()[0].header("accept"), Some("x/y"));
    for (key, part) in [
        ("secret-body", "its body holds a secret"),
        ("encoded-body", "its body holds a secret"),
        ("variable-body", "its body holds a secret"),
        ("header", "`x-key`"),
        ("auth", "`authorization`"),
        ("url", "the URL that was called holds a secret"),
        ("query", "the URL that was called holds a secret"),
    ] {
        let answer = server.post(key, &json!({})).json();
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(part) && message.contains("itself if that is meant"), "{key}: {answer}");
    }
    assert_eq!((places.first.requests().len(), places.second.requests().len()), (9, 2));
    places.second_knows_nothing_of(&[SECRET, "x-api-key", "x-trace", "t0k3n", "referer"]);
}

/// Sends its input to the first place with a header of its own, by POST.
fn posts(places: &Places, header: Option<(&str, &str)>) -> Vec<u8> {
    let url = places.first.url("/");
    let (name, value) = header.unwrap_or(("accept", "x/y"));
    let record = |at: usize, length: usize| -> String {
        [at, length]
            .iter()
            .flat_map(|n| (*n as u32).to_le_bytes())
            .map(|byte| format!("\\{byte:02x}"))
            .collect()
    };
    let items = format!(
        r#"(data (i32.const 4096) "POST") (data (i32.const 4200) "{url}") (data (i32.const 4400) "{name}")
           (data (i32.const 4500) "{value}") (data (i32.const 4600) "{}{}")"#,
        record(4_400, name.len()),
        record(4_500, value.len()),
    );
    let run = format!(
        r#"(call $send (i32.const 4096) (i32.const 4) (i32.const 4200) (i32.const {}) (i32.const 4600) (i32.const 1)
             (local.get $in) (local.get $len) (i32.const 600))
           (if (result i32) (i32.load8_u (i32.const 600))
             (then (call $err (i32.const 604)))
             (else (call $ok (i32.load (i32.const 624)) (i32.load (i32.const 628)))))"#,
        url.len()
    );
    let capabilities = vec![
        &*format!("http:{}", places.first.host()).leak(),
        &*format!("http:{}", places.second.host()).leak(),
        "secret:KEY",
    ];
    Wat {
        name: "posts",
        capabilities: Vec::leak(capabilities),
        imports: r#"(import "flowcell:plugin/http@1.0.0" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))"#,
        items: items.leak(),
        run: run.leak(),
        ..Wat::ECHO
    }
    .module()
}

#[test]
fn a_plugin_keeps_headers_and_bodies_from_another_origin_as_scripts_do() {
    for (header, body, refused) in [
        (None, json!("hello"), None),
        (Some(("x-api-key", "k-1")), json!("hello"), Some("`x-api-key`")),
        (None, json!(format!("my {SECRET}")), Some("its body holds a secret")),
    ] {
        let places = Places::new(307);
        let server = places.setup().workflows([uses("posts", "posts@1")]).start();
        set_secret(&server);
        uploaded(&server, &posts(&places, header), "");
        let granted = json!([
            format!("http:{}", places.first.host()),
            format!("http:{}", places.second.host()),
            "secret:KEY"
        ]);
        assert_eq!(grants(&server, "POST", "posts", granted).status, 200);
        let answer = server.post("posts", &body);
        match refused {
            None => {
                assert_eq!((answer.status, answer.text().as_str()), (200, r#"{"n":1}"#));
                assert_eq!(places.second.requests()[0].body, b"\"hello\"");
            }
            Some(part) => {
                let (_, message) = last_error(&server, "posts");
                assert!(answer.status == 500 && message.contains(part), "{message}");
                assert_eq!((places.first.requests().len(), places.second.requests().len()), (1, 0));
            }
        }
    }
}
