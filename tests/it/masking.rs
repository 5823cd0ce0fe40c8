//! S1: masking tells nothing to who guesses. What a run was not given is never masked for its caller, and what is masked is
//! masked whole or not at all.

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::support::{Request, Setup, TestServer, Workflow};

/// As every PEM: the first 64 bytes can be guessed.
fn key() -> String {
    format!(
        "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ{}\n",
        "q7Z".repeat(60)
    )
}

const PASSWORD: &str = "summer2026";
const PIN: &str = "493817";

fn set(server: &TestServer, name: &str, value: &str) {
    let put = server.ask("PUT", &format!("/api/v1/secrets/{name}"), &json!({ "value": value }));
    assert_eq!(put.status, 200, "{}", put.text());
}

/// A server that gives back what it is sent.
fn mirror() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (mut got, mut part) = (Vec::new(), [0; 4096]);
            let body = loop {
                let head = got.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4);
                let length = head.and_then(|head| {
                    let text = String::from_utf8_lossy(&got[..head]).to_ascii_lowercase();
                    text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok())
                });
                match head.zip(length) {
                    Some((head, length)) if got.len() >= head + length => break got[head..].to_vec(),
                    _ => match stream.read(&mut part) {
                        Ok(0) | Err(_) => break Vec::new(),
                        Ok(read) => got.extend_from_slice(&part[..read]),
                    },
                }
            };
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(&[head.as_bytes(), &body].concat());
        }
    });
    host
}

/// Ways in which a workflow hands back the text that it was sent, as `{"echo": text}`.
fn echoes(mirror: &str) -> Vec<Workflow> {
    let with = |key: &str, steps: &[Value], echo: &str| {
        let reply = json!({ "id": "reply", "type": "response", "json": { "echo": echo } });
        let steps: Vec<Value> = steps.iter().cloned().chain([reply]).collect();
        Workflow::steps(key, json!(steps)).trigger(json!({ "mode": "sync", "sync_wait": "60s" }))
    };
    let quote = json!({ "id": "a", "type": "set", "values": { "t": "{{$context.data.text}}" } });
    let throw = json!({ "id": "a", "type": "code", "file": "a.js", "on_error": "continue" });
    let post = json!({ "id": "a", "type": "http", "method": "POST", "url": format!("http://{mirror}/"),
        "text": "{{$context.data.text}}", "response": "text" });
    vec![
        Workflow::script("returns", "return { echo: context.data.text };"),
        Workflow::script("responds", "respond({ json: { echo: context.data.text } });"),
        Workflow::script(
            "keeps",
            "await kv.set('k', context.data.text); return { echo: await kv.get('k') };",
        ),
        Workflow::script(
            "remembers",
            "const of = () => context.data.text; await step.run('n', of); return { echo: await step.run('n', of) };",
        ),
        Workflow::script(
            "fetches",
            &format!(
                "const body = context.data.text, r = await fetch('http://{mirror}/', {{ method: 'POST', body }});\n\
                 return {{ echo: await r.text() }};"
            ),
        ),
        Workflow::script(
            "sleeps",
            "const { text } = context.data; await sleep(1100); return { echo: text };",
        ),
        with("quotes", &[], "{{$context.data.text}}"),
        with("sets", std::slice::from_ref(&quote), "{{$steps.a.t}}"),
        with("waits", &[quote, json!({ "id": "b", "type": "delay", "for": "1100ms" })], "{{$steps.a.t}}"),
        with("throws", &[throw], "{{$steps.a.error.message}}")
            .file("a.js", "throw new Error(context.data.text);"),
        with("calls", &[post], "{{$steps.a.data}}"),
    ]
}

fn server(extra: impl IntoIterator<Item = Workflow>) -> TestServer {
    let mirror = mirror();
    let workflows = echoes(&mirror).into_iter().chain(extra);
    Setup::default().variable("FLOWCELL_NET_ALLOW", &mirror).workflows(workflows).start()
}

fn echo(server: &TestServer, key: &str, text: &str) -> String {
    let answer = server.post(key, &json!({ "text": text }));
    assert_eq!(answer.status, 200, "{key}: {}", answer.text());
    answer.json()["echo"].as_str().unwrap_or_else(|| panic!("{key}: {}", answer.text())).to_owned()
}

#[test]
fn s1_an_endpoint_that_echoes_tells_nothing_of_secrets_that_its_run_was_not_given() {
    let server = server([]);
    let key = key();
    for (name, value) in [("SIGNING_KEY", key.as_str()), ("DB_PASSWORD", PASSWORD), ("DOOR_PIN", PIN)] {
        set(&server, name, value);
    }
    let guesses = [
        key.clone(),
        format!("{}wrong", &key[..90]),
        format!("{}?", &key[..key.len() - 1]),
        BASE64_STANDARD.encode(&key),
        hex::encode(PASSWORD),
        format!("x{PASSWORD}y {PIN}"),
    ];
    for workflow in echoes("x") {
        for guess in &guesses {
            let seen = echo(&server, &workflow.key, guess);
            let seen = seen.strip_prefix("Error: ").unwrap_or(&seen);
            assert_eq!(seen, guess, "{}: right and wrong guesses come back alike", workflow.key);
        }
    }
}

#[test]
fn s1_headers_numbers_and_stored_answers_tell_nothing_either() {
    let head = Workflow::script(
        "heads",
        "return respond({ headers: { 'x-echo': context.query.t }, json: { n: Number(context.query.t), [context.query.t]: 1 } });",
    );
    let server = server([head, Workflow::script("copies", "return { echo: context.data.text };").deduped()]);
    set(&server, "DOOR_PIN", PIN);
    for guess in [PIN, "493818"] {
        let answer = server.hook(&format!("heads?t={guess}"));
        assert_eq!(answer.header("x-echo"), Some(guess));
        assert_eq!(answer.json(), json!({ "n": guess.parse::<u64>().unwrap(), guess: 1 }));
        let request = Request::post("/api/webhooks/copies").header("x-delivery", guess);
        for replayed in [None, Some("true")] {
            let answer = server.send(&request.clone().json(&json!({ "text": guess })));
            assert_eq!(answer.header("idempotency-replayed"), replayed);
            assert_eq!(answer.json()["echo"], guess);
        }
    }
}

#[test]
fn s1_a_secret_of_the_run_is_masked_without_its_name_and_a_guess_of_it_is_not() {
    let leaks =
        Workflow::script("leaks", "return { leak: `<${secrets.DOOR_PIN}>`, echo: context.data.text };")
            .set(json!({ "secrets": ["DOOR_PIN"] }));
    let guesses = Workflow::script(
        "guesses",
        "if (context.data.text === secrets.DOOR_PIN) console.log('right'); return { echo: `no ${context.data.text}` };",
    )
    .set(json!({ "secrets": ["DOOR_PIN"] }));
    let server = server([leaks, guesses]);
    set(&server, "DOOR_PIN", PIN);
    let leak = server.post("leaks", &json!({ "text": "hello" }));
    assert_eq!(leak.json(), json!({ "leak": "<[secret]>", "echo": "hello" }));
    assert!(!leak.text().contains("DOOR_PIN"));
    for guess in [PIN, "493818"] {
        assert_eq!(echo(&server, "guesses", guess), format!("no {guess}"), "its sender learns nothing");
    }
}

#[test]
fn s1_what_operators_see_and_what_is_logged_shows_no_secret_of_the_server() {
    let logs = Workflow::script(
        "logs",
        "console.log('saw', context.data.text); return { echo: context.data.text };",
    );
    let server = server([logs]);
    set(&server, "DB_PASSWORD", PASSWORD);
    let answer = server.post("logs", &json!({ "text": PASSWORD }));
    assert_eq!(answer.json()["echo"], PASSWORD);
    let run = server.ended_run(&answer.run_id());
    assert!(!run.to_string().contains(PASSWORD), "{run}");
    assert_eq!(run["steps"][0]["logs"][0]["text"], "saw [secret DB_PASSWORD]");
    assert_eq!(run["steps"][0]["output"]["echo"], "[secret DB_PASSWORD]");
    assert_eq!(run["context"]["data"]["text"], "[secret DB_PASSWORD]");
    let failed = server.post("throws", &json!({ "text": PASSWORD }));
    assert!(!server.run(&failed.run_id()).to_string().contains(PASSWORD));
    assert!(!server.api("/api/v1/runs").to_string().contains(PASSWORD));
    assert!(!server.stderr().contains(PASSWORD));
}

/// Longer than what messages quote, so that its first bytes would be shown.
const LONG: &str = "zK9q-Wv3t-first-bytes-of-a-token-0123456789abcdefghijklmnopqrstuvwxyz-0123456789abcdefghijklmnopqrstuvwxyz-0123456789";
/// Nobody but a secret begins so.
const PIECE: &str = "zK9q";

#[test]
fn l6_no_piece_of_a_secret_is_left_where_a_text_is_cut() {
    let mirror = mirror();
    let script = |key: &str, line: &str| {
        let source = format!(
            "const token = secrets.TOKEN;\nconst text = 'x'.repeat(context.data.pad) + token + '!'.repeat(99);\n{line}"
        );
        Workflow::script(key, &source).set(json!({ "secrets": ["TOKEN"] })).asynchronous()
    };
    let step = |key: &str, step: Value| Workflow::steps(key, json!([step])).asynchronous();
    let padded = "{{$context.data.text}}{{$secrets.TOKEN}}!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!";
    let page = json!({ "title": padded, "answers": [{ "value": "yes", "label": "Yes" }] });
    // Each way, and where it cuts.
    let cut = [
        (script("logs", "console.log(text); return 1;"), 8_192),
        (script("fills", "for (;;) console.log(text);"), 600),
        (script("throws", "throw new Error(text);"), 8_192),
        (script("heads", "throw new Error(text);"), 4_096),
        (script("causes", "throw new Error('outer', { cause: new Error(text) });"), 2_048),
        (step("asks", json!({ "id": "a", "type": "wait_for_callback", "timeout": "1h", "page": page })), 299),
        (step("ends", json!({ "id": "a", "type": "end", "status": "failed", "message": padded })), 8_192),
        (
            step(
                "calls",
                json!({ "id": "a", "type": "http", "method": "POST", "url": format!("http://{mirror}/"), "text": padded,
                        "ok_statuses": [204] }),
            ),
            500,
        ),
    ];
    let secret = "{{$secrets.TOKEN}}";
    let quoted = [
        step("delays", json!({ "id": "a", "type": "delay", "for": secret })),
        step("until", json!({ "id": "a", "type": "wait_until", "at": secret })),
        step("loops", json!({ "id": "a", "type": "loop", "over": secret, "steps": [] })),
        step("answers", json!({ "id": "a", "type": "response", "status": secret })),
        step(
            "asks_jq",
            json!({ "id": "a", "type": "query", "language": "jq", "from": secret, "query": ".a.b" }),
        ),
        step(
            "asks_jmespath",
            json!({ "id": "a", "type": "query", "language": "jmespath", "from": secret, "query": "abs(@)" }),
        ),
    ];
    let keys = |workflows: &[Workflow]| -> Vec<String> {
        workflows.iter().map(|workflow| workflow.json["key"].as_str().unwrap().to_owned()).collect()
    };
    let (places, quoted_keys): (Vec<usize>, _) = (cut.iter().map(|(_, at)| *at).collect(), keys(&quoted));
    let cut: Vec<Workflow> = cut.into_iter().map(|(workflow, _)| workflow).collect();
    let cut_keys = keys(&cut);
    let server = Setup::default()
        .variable("FLOWCELL_NET_ALLOW", &mirror)
        .workflows(cut.into_iter().chain(quoted))
        .start();
    set(&server, "TOKEN", LONG);
    let shown = |key: &str, run: &str| {
        let status = if key == "asks" { server.waiting_run(run) } else { server.ended_run(run) };
        let shown = status.to_string();
        assert!(!shown.contains(PIECE), "{key}: {}", around(&shown));
    };
    for (key, at) in cut_keys.iter().zip(places) {
        // The cut goes through the secret at its beginning, in its middle, and just before its end.
        let runs: Vec<_> = [4, 5, 12, 40, LONG.len() / 2, LONG.len() - 1]
            .into_iter()
            .map(|piece| {
                let pad = at - piece.min(at);
                server.post(key, &json!({ "pad": pad, "text": "x".repeat(pad) })).run_id()
            })
            .collect();
        runs.iter().for_each(|run| shown(key, run));
    }
    for key in quoted_keys {
        let run = server.post(&key, &json!({})).run_id();
        shown(&key, &run);
        assert_eq!(server.run(&run)["status"], "failed", "{key}");
    }
    assert!(!server.stderr().contains(PIECE), "{}", around(&server.stderr()));
}

/// The text around a piece of the secret.
fn around(text: &str) -> String {
    let at = text.find(PIECE).unwrap_or_default();
    text[text.floor_char_boundary(at.saturating_sub(80))..text.floor_char_boundary(at + 80)].to_owned()
}
