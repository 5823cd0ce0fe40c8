//! Secrets: set and listed without their values, sealed on the disk, lost with no key and with no other.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::support::{
    Finished, Receiver, Request, Response, Setup, TestServer, Workflow, flowcell, flowcell_command,
};

/// A value that stands nowhere else; each part of it is told from chance.
const CANARY: &str = "S3CR3T-6f1d0c2a-4b7e-canary/+?&";

fn server() -> TestServer {
    TestServer::start([Workflow::script("a", "return 1")])
}

fn ask(server: &TestServer, method: &str, path: &str, body: Option<Value>) -> Response {
    let request = Request::new(method, path).header("authorization", &format!("Bearer {}", server.token()));
    server.send(&match body {
        Some(body) => request.json(&body),
        None => request,
    })
}

fn set(server: &TestServer, name: &str, value: &str) -> Response {
    ask(server, "PUT", &format!("/api/v1/secrets/{name}"), Some(json!({ "value": value })))
}

/// `flowcell secrets` against a server, with this on stdin.
fn command(server: &TestServer, words: &[&str], stdin: &str, variables: &[(&str, &str)]) -> Finished {
    let mut command = flowcell_command();
    command.arg("secrets").args(words).args(["--server", &server.url(), "--data"]).arg(server.data());
    command.envs(variables.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Commands that read nothing may have ended.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Finished {
        code: output.status.code().unwrap(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

fn names(server: &TestServer) -> Vec<String> {
    let list = server.api("/api/v1/secrets");
    let secrets = list["secrets"].as_array().unwrap();
    secrets.iter().map(|secret| secret["name"].as_str().unwrap().to_owned()).collect()
}

fn key_file(server: &TestServer) -> PathBuf {
    server.data().join("secrets.key")
}

/// A key as people make it, and its id unknown to us.
fn new_key(seed: u8) -> String {
    BASE64_STANDARD.encode(std::array::from_fn::<u8, 32, _>(|at| seed.wrapping_mul(7).wrapping_add(at as u8)))
}

/// What a reader of raw bytes might find of a value: as it is, as hex, and as base64 at each of three places.
fn forms(value: &str) -> Vec<Vec<u8>> {
    let bytes = value.as_bytes();
    let mut forms = vec![bytes.to_vec(), hex::encode(bytes).into(), hex::encode_upper(bytes).into()];
    forms.push(form_urlencoded::byte_serialize(bytes).collect::<String>().into());
    for before in 0..3 {
        let encoded = BASE64_STANDARD.encode([&b"xxx"[..before], bytes].concat());
        forms.push(encoded.as_bytes()[4..encoded.len() - 4].to_vec());
    }
    forms
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// The files below a folder that show the value.
pub fn files_that_show(folder: &Path, value: &str) -> Vec<PathBuf> {
    let forms = forms(value);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_that_show(&path, value));
        } else if let bytes = fs::read(&path).unwrap()
            && forms.iter().any(|form| holds(&bytes, form))
        {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_secret_reaches_the_service_it_is_for_and_is_masked_wherever_it_comes_back() {
    let receiver = Receiver::start();
    let steps = json!([
        { "id": "call", "type": "http", "method": "POST", "url": receiver.url("/hook"),
          "auth": { "type": "bearer", "token": "{{$secrets.API_TOKEN}}" }, "json": { "token": "{{$secrets.API_TOKEN}}" } },
        { "id": "leak", "type": "set", "values": { "plain": "x{{$secrets.API_TOKEN}}y" } },
        { "id": "answer", "type": "response", "json": { "leak": "{{$steps.leak}}", "direct": "{{$secrets.API_TOKEN}}" } },
        { "id": "over", "type": "end", "status": "failed", "message": "because of {{$secrets.API_TOKEN}}" },
    ]);
    let workflow = Workflow::steps("spend", steps).trigger(json!({ "mode": "sync" }));
    let mut server =
        Setup::default().workflows([workflow]).variable("FLOWCELL_NET_ALLOW", &receiver.host()).start();
    assert_eq!(set(&server, "API_TOKEN", CANARY).status, 200);
    let answer = server.post("spend", &json!({}));
    let call = &receiver.wait_for(1)[0];
    assert_eq!(call.header("authorization"), Some(format!("Bearer {CANARY}").as_str()));
    assert_eq!(call.json(), json!({ "token": CANARY }));
    assert_eq!(answer.json(), json!({ "leak": { "plain": "x[secret]y" }, "direct": "[secret]" }));
    let run = server.ended_run(&answer.run_id());
    assert_eq!(run["error"]["message"], "because of [secret]");
    assert!(!run.to_string().contains(CANARY));
    assert!(!server.stderr().contains(CANARY));
    server.stop();
    assert_eq!(files_that_show(&server.data(), CANARY), Vec::<PathBuf>::new());
}

#[test]
fn a_secret_is_set_listed_and_removed_and_its_value_is_never_shown() {
    let server = server();
    let answer = set(&server, "API_TOKEN", CANARY);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let list = ask(&server, "GET", "/api/v1/secrets", None);
    let (line, key_id) = (list.json()["secrets"][0].clone(), list.json()["key_id"].clone());
    assert_eq!(line, answer.json());
    assert_eq!((&line["name"], &line["key_id"]), (&json!("API_TOKEN"), &key_id));
    assert!(line["set"].as_str().unwrap().ends_with('Z'));
    assert_eq!(ask(&server, "GET", "/api/v1/secrets/API_TOKEN", None).status, 405, "no value can be read");
    // The name of an action is a name too.
    assert_eq!(set(&server, "rotate", "another value").status, 200);
    assert_eq!(names(&server), ["API_TOKEN", "rotate"]);
    assert_eq!(ask(&server, "DELETE", "/api/v1/secrets/API_TOKEN", None).status, 204);
    let gone = ask(&server, "DELETE", "/api/v1/secrets/API_TOKEN", None);
    assert_eq!((gone.status, gone.problem().as_str()), (404, "secret_unknown"));
    assert_eq!(names(&server), ["rotate"]);
    for text in [answer.text(), list.text(), gone.text(), server.stderr()] {
        assert!(!text.contains("canary"), "{text}");
    }
}

#[test]
fn what_cannot_be_a_secret_is_refused_without_quoting_the_value() {
    let server = server();
    let put = |name: &str, body: &str| {
        let request = Request::new("PUT", &format!("/api/v1/secrets/{name}"));
        let token = format!("Bearer {}", server.token());
        server.send(&request.header("authorization", &token).body(body.as_bytes()))
    };
    let long = json!({ "value": "canary".repeat(11_000) }).to_string();
    let cases = [
        ("A", "{\"value\": \"canar\"}", 400, "6 bytes"),
        ("A", "{\"value\": \"\"}", 400, "empty"),
        ("A", long.as_str(), 400, "64 KiB"),
        ("a-b", "{\"value\": \"canary-canary\"}", 400, "cannot be a secret's name"),
        ("A", "\"canary-canary\"", 400, "line 1"),
        ("A", "{\"value\": [\"canary-canary\"]}", 400, "line 1"),
        ("A", "{\"valeu\": \"canary-canary\"}", 400, "line 1"),
        ("A", "canary-canary", 400, "line 1"),
        ("A", "", 400, "value"),
    ];
    for (name, body, status, words) in cases {
        let response = put(name, body);
        assert_eq!(
            (response.status, response.problem().as_str()),
            (status, "bad_request"),
            "{name} {body:.40}"
        );
        assert!(response.text().contains(words), "{words}: {}", response.text());
        assert!(!response.text().contains("canar"), "{}", response.text());
    }
    let huge = json!({ "value": "x".repeat(500_000) }).to_string();
    assert_eq!(put("A", &huge).status, 400);
    assert_eq!(names(&server), [""; 0]);
    assert!(!server.stderr().contains("canar"), "{}", server.stderr());
}

#[test]
fn the_api_of_secrets_needs_the_token() {
    let server = server();
    let cases = [("GET", ""), ("PUT", "/A"), ("DELETE", "/A"), ("POST", "/rotate")];
    for (method, path) in cases {
        let request = Request::new(method, &format!("/api/v1/secrets{path}"));
        for request in
            [request.clone(), request.header("authorization", "Bearer fc_0123456789abcdef0123456789abcdef")]
        {
            let response = server.send(&request.json(&json!({ "value": CANARY })));
            assert_eq!(
                (response.status, response.problem().as_str()),
                (401, "unauthorized"),
                "{method} {path}"
            );
        }
    }
    assert_eq!(names(&server), [""; 0]);
}

#[test]
fn the_command_sets_from_stdin_or_a_variable_and_never_from_an_argument() {
    let server = server();
    let piped = command(&server, &["set", "PIPED"], &format!("{CANARY}\n"), &[]);
    assert_eq!(piped.code, 0, "{}", piped.stderr);
    let from_variable =
        command(&server, &["set", "VAR", "--from-env", "THE_VALUE"], "", &[("THE_VALUE", CANARY)]);
    assert_eq!(from_variable.code, 0, "{}", from_variable.stderr);
    let list = command(&server, &["list"], "", &[]);
    assert_eq!(list.stdout.lines().count(), 3, "{}", list.stdout);
    assert!(list.stdout.contains("\nPIPED  ") && list.stdout.contains("\nVAR    "), "{}", list.stdout);
    let json: Value = serde_json::from_str(&command(&server, &["list", "--json"], "", &[]).stdout).unwrap();
    assert_eq!(json, server.api("/api/v1/secrets"));
    assert_eq!(command(&server, &["remove", "VAR"], "", &[]).code, 0);
    assert_eq!(names(&server), ["PIPED"]);

    let refused = [
        (vec!["set", "NAME", CANARY], "", "unexpected argument"),
        (vec!["set", "NAME"], "short\n", "6 bytes"),
        (vec!["set", "NAME"], "", "empty"),
        (vec!["set", "no-name"], CANARY, "cannot be a secret's name"),
        (vec!["set", "NAME", "--from-env", "NOT_THERE"], CANARY, "NOT_THERE"),
        (vec!["remove", "VAR"], "", "no secret of this name"),
    ];
    for (words, stdin, why) in refused {
        let refused = command(&server, &words, stdin, &[]);
        assert_eq!(refused.code, 2, "{words:?}: {refused:?}");
        assert!(refused.stderr.contains(why), "{words:?}: {}", refused.stderr);
    }
    assert_eq!(names(&server), ["PIPED"]);
}

#[test]
fn secrets_outlive_restarts_and_kills_and_no_file_shows_them() {
    let mut server = server();
    assert_eq!(set(&server, "API_TOKEN", CANARY).status, 200);
    // Large enough for a file of its own.
    let large = format!("{CANARY}\n").repeat(1_500);
    assert_eq!(set(&server, "LARGE", &large).status, 200);
    let listed = server.api("/api/v1/secrets");
    server.kill();
    server.restart();
    assert_eq!(server.api("/api/v1/secrets"), listed);
    assert!(!server.stderr().contains("made the key"), "{}", server.stderr());
    server.stop();
    assert_eq!(files_that_show(&server.data(), CANARY), Vec::<PathBuf>::new());
    let store = server.data().join("store");
    assert!(!files_that_show(&store, "API_TOKEN").is_empty(), "what is searched for would be found");
    let key = fs::read_to_string(key_file(&server)).unwrap();
    assert_eq!(files_that_show(&store, key.trim()), Vec::<PathBuf>::new(), "the key is not in the store");
}

#[test]
fn a_wrong_or_lost_key_ends_the_start_and_nothing_is_made_anew() {
    let mut server = server();
    assert_eq!(set(&server, "API_TOKEN", CANARY).status, 200);
    assert!(server.stderr().contains("keep a copy"), "{}", server.stderr());
    let id = server.api("/api/v1/secrets")["key_id"].as_str().unwrap().to_owned();
    server.stop();
    let key = fs::read_to_string(key_file(&server)).unwrap();
    assert_eq!(fs::metadata(key_file(&server)).unwrap().permissions().mode() & 0o777, 0o600);

    let refused = |server: &mut TestServer, words: &[&str]| {
        let refused = server.try_restart().unwrap_err();
        assert_eq!(refused.code, 2, "{refused:?}");
        let last = refused.stderr.lines().last().unwrap().to_owned();
        assert!(last.starts_with("flowcell: ") && words.iter().all(|word| last.contains(word)), "{last}");
        assert!(!refused.stderr.contains(key.trim()), "{}", refused.stderr);
    };
    fs::write(key_file(&server), new_key(9)).unwrap();
    refused(&mut server, &[&id, "sealed with key id", "comma-separated", "flowcell secrets rotate"]);
    fs::write(key_file(&server), "").unwrap();
    refused(&mut server, &["secrets.key", "no key"]);
    fs::write(key_file(&server), "hunter22").unwrap();
    refused(&mut server, &["secrets.key", "not 32 bytes"]);
    fs::remove_file(key_file(&server)).unwrap();
    refused(&mut server, &[&id, "secrets.key is missing"]);
    assert!(!key_file(&server).exists());
    fs::write(key_file(&server), &key).unwrap();
    refused(&mut server, &["chmod 600"]);
    fs::set_permissions(key_file(&server), fs::Permissions::from_mode(0o600)).unwrap();
    server.restart();
    assert_eq!(names(&server), ["API_TOKEN"]);
}

#[test]
fn a_key_is_rotated_and_the_old_one_can_go() {
    let mut server = server();
    for n in 0..3 {
        assert_eq!(set(&server, &format!("S{n}"), &format!("{CANARY}{n}")).status, 200);
    }
    let before = server.api("/api/v1/secrets");
    server.stop();
    let old = fs::read_to_string(key_file(&server)).unwrap();
    fs::write(key_file(&server), format!("{},{old}", new_key(1))).unwrap();
    server.restart();
    assert!(server.stderr().contains("flowcell secrets rotate"), "{}", server.stderr());
    assert_eq!(server.api("/api/v1/secrets")["secrets"], before["secrets"], "nothing changes by itself");
    let rotated = command(&server, &["rotate"], "", &[]);
    assert_eq!(rotated.code, 0, "{}", rotated.stderr);
    assert!(rotated.stdout.starts_with("3 sealed anew"), "{}", rotated.stdout);
    let after = server.api("/api/v1/secrets");
    assert_ne!(after["key_id"], before["key_id"]);
    for (before, after) in
        before["secrets"].as_array().unwrap().iter().zip(after["secrets"].as_array().unwrap())
    {
        assert_eq!((&before["name"], &before["set"]), (&after["name"], &after["set"]));
        assert_ne!(before["key_id"], after["key_id"]);
    }
    server.stop();
    fs::write(key_file(&server), new_key(1)).unwrap();
    server.restart();
    assert_eq!(server.api("/api/v1/secrets"), after);
    server.stop();
    fs::write(key_file(&server), &old).unwrap();
    assert_eq!(server.try_restart().unwrap_err().code, 2, "the old key opens nothing any more");
}

#[test]
fn a_key_can_come_from_a_variable_and_secrets_cannot() {
    let key = new_key(5);
    let setup = Setup::default().variable("FLOWCELL_SECRETS_KEY", &format!("prod:{key}"));
    let server = setup.workflows([Workflow::script("a", "return 1")]).start();
    assert_eq!(set(&server, "A", CANARY).json()["key_id"], "prod");
    assert!(!key_file(&server).exists());
    assert_eq!(files_that_show(&server.data(), &key), Vec::<PathBuf>::new());

    let folder = tempfile::tempdir().unwrap();
    let start = |name: &str| {
        let mut command = flowcell_command();
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(folder.path().join("data"));
        command.arg("--workflows").arg(folder.path()).env(name, CANARY);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, stderr) = start("FLOWCELL_SECRETS_API_TOKEN");
    assert!(code == Some(2) && stderr.contains("flowcell secrets set API_TOKEN --from-env"), "{stderr}");
    let (code, stderr) = start("FLOWCELL_SECRETS_KEY");
    assert!(code == Some(2) && stderr.contains("secrets.key: key 1"), "{stderr}");
    assert!(!stderr.contains("canary"), "{stderr}");
    assert_eq!(flowcell(["secrets", "list", "--data", "/nowhere"]).code, 2);
}

#[test]
fn a_webhook_that_waits_for_its_secret_takes_deliveries_as_soon_as_it_is_set() {
    let verify = json!({ "scheme": "bearer", "secret": "{{$secrets.TOKEN}}" });
    let workflow = Workflow::script("w", "return 1").trigger(json!({ "verify": verify }));
    let server = TestServer::start([workflow]);
    let call = |token: &str| {
        let request = Request::post("/api/webhooks/w").header("authorization", &format!("Bearer {token}"));
        server.send(&request.json(&json!({}))).status
    };
    assert_eq!(call("first-token-0"), 503);
    let mut waited = Duration::ZERO;
    // Somebody who looks every two seconds would take four on the average.
    for round in 0..4 {
        let token = format!("first-token-{round}");
        assert_eq!(set(&server, "TOKEN", &token).status, 200);
        let began = Instant::now();
        crate::support::wait_until("the secret counts", 10, || call(&token) == 200);
        waited += began.elapsed();
    }
    assert!(waited < Duration::from_millis(2_500), "{waited:?}");
}
