//! What leaves: own authorities, certificates of clients, the operator's proxy, answers in other charsets.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    thread,
};

use serde_json::{Value, json};

use crate::support::{
    Receiver, Setup, TestServer, Workflow, flowcell, flowcell_with, secure::SecureReceiver, tls::Authority,
};

/// A workflow that answers what the last of these steps gives.
fn steps(key: &str, steps: &Value) -> Workflow {
    let json = json!({
        "key": key, "trigger": { "type": "webhook", "mode": "sync", "sync_wait": "60s" }, "steps": steps,
    });
    Workflow { key: key.to_owned(), json, files: vec![] }
}

fn call(url: &str, more: &Value) -> Value {
    let mut step = json!({ "id": "call", "type": "http", "url": url, "ignore_failure": true });
    for (name, value) in more.as_object().unwrap() {
        step[name] = value.clone();
    }
    json!([step])
}

fn set_secret(server: &TestServer, name: &str, value: &str) {
    let answer = server.ask("PUT", &format!("/api/v1/secrets/{name}"), &json!({ "value": value }));
    assert!(answer.status < 300, "{}", answer.text());
}

#[test]
fn a_step_brings_its_authority_and_its_certificate_and_no_other_origin_sees_who_calls() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let second = SecureReceiver::start(&authority, Some(&clients), "");
    let first = SecureReceiver::start(&authority, Some(&clients), &second.url("/"));
    let (cert, key) = clients.sign("a client");
    let (other_cert, _) = clients.sign("another client");
    let ca = json!({ "ca": "{{$secrets.CA}}" });
    let known = json!({ "ca": "{{$secrets.CA}}", "cert": "{{$env.CERT}}", "key": "{{$secrets.KEY}}" });
    let mismatch = json!({ "ca": "{{$secrets.CA}}", "cert": "{{$env.OTHER}}", "key": "{{$secrets.KEY}}" });
    let unset = json!({ "ca": "{{$secrets.CA}}", "cert": "{{$env.CERT}}", "key": "{{$secrets.UNSET}}" });
    let server = Setup::default()
        .variable("FLOWCELL_NET_ALLOW", &format!("{},{}", first.host(), second.host()))
        .variable("FLOWCELL_VARS_CERT", &cert)
        .variable("FLOWCELL_VARS_OTHER", &other_cert)
        .workflows([
            steps("plain", &call(&first.url("/"), &json!({}))),
            steps("trusts", &call(&first.url("/"), &json!({ "tls": ca }))),
            steps("inline", &call(&first.url("/"), &json!({ "tls": { "ca": authority.pem } }))),
            steps("other", &call(&first.url("/"), &json!({ "tls": { "ca": clients.pem } }))),
            steps("known", &call(&first.url("/"), &json!({ "tls": known }))),
            steps("moved", &call(&first.url("/to"), &json!({ "tls": known }))),
            steps("mismatch", &call(&first.url("/"), &json!({ "tls": mismatch }))),
            steps("unset", &call(&first.url("/"), &json!({ "tls": unset }))),
        ])
        .start();
    set_secret(&server, "CA", &authority.pem);
    set_secret(&server, "KEY", &key);
    let answer = |workflow: &str| server.post(workflow, &json!({})).json();
    assert!(answer("plain")["error"]["message"].as_str().unwrap().contains("cannot be trusted"));
    assert_eq!(answer("trusts")["data"], json!({ "known": false }));
    assert_eq!(answer("inline")["data"], json!({ "known": false }));
    let other = answer("other");
    assert!(other["error"]["message"].as_str().unwrap().contains("cannot be trusted"), "{other}");
    assert_eq!(answer("known")["data"], json!({ "known": true }));
    let moved = answer("moved");
    assert_eq!((&moved["data"], &moved["url"]), (&json!({ "known": false }), &json!(second.url("/"))));
    for (workflow, told) in [("mismatch", "`tls."), ("unset", "tls.key is empty")] {
        let refused = answer(workflow);
        let message = refused["error"]["message"].as_str().unwrap();
        assert!(message.contains(told) && !message.contains("PRIVATE KEY"), "{workflow}: {refused}");
    }
    // Nothing of the key is kept with a run.
    let line = key.lines().nth(1).unwrap();
    for workflow in ["known", "mismatch"] {
        for run in server.runs(workflow) {
            let shown = server.run(run["id"].as_str().unwrap()).to_string();
            assert!(!shown.contains(line), "{shown}");
        }
    }
}

#[test]
fn the_operator_adds_an_authority_for_all_workflows() {
    let authority = Authority::new();
    let service = SecureReceiver::start(&authority, None, "");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, format!("# our own\n{}", authority.pem)).unwrap();
    let script = format!("return await (await fetch('{}')).json()", service.url("/"));
    let server = Setup::default()
        .variable("FLOWCELL_NET_ALLOW", &service.host())
        .variable("FLOWCELL_NET_CA_FILE", file.to_str().unwrap())
        .workflows([steps("step", &call(&service.url("/"), &json!({}))), Workflow::script("script", &script)])
        .start();
    assert_eq!(server.post("step", &json!({})).json()["data"], json!({ "known": false }));
    assert_eq!(server.post("script", &json!({})).json(), json!({ "known": false }));

    fs::write(&file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    let missing = folder.path().join("missing.pem");
    fs::write(folder.path().join("empty.pem"), "").unwrap();
    for (path, told) in [
        (&file, "cannot be read"),
        (&missing, "cannot read"),
        (&folder.path().join("empty.pem"), "holds no certificate"),
    ] {
        let ended = flowcell_with(
            ["serve", "--listen", "127.0.0.1:0", "--workflows", folder.path().to_str().unwrap()],
            &[("FLOWCELL_NET_CA_FILE", path.to_str().unwrap())],
        );
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        assert!(
            ended.stderr.contains(told) && ended.stderr.contains("net.ca_file"),
            "{told}: {}",
            ended.stderr
        );
    }
}

/// A proxy that answers everything itself, with the first line of what it was asked.
fn proxy() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut first, mut authorized) = (String::new(), false);
            for line in (&mut reader).lines().map_while(Result::ok).take_while(|line| !line.is_empty()) {
                authorized |= line.eq_ignore_ascii_case("proxy-authorization: basic dxnlcjpodw50zxiy");
                if first.is_empty() {
                    first = line;
                }
            }
            let body = json!({ "asked": first, "authorized": authorized }).to_string();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
            let _ = write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len());
        }
    });
    address.to_string()
}

#[test]
fn requests_go_through_the_operators_proxy_and_private_addresses_do_not() {
    let (proxy, here) = (proxy(), Receiver::start());
    let script = "try { return await (await fetch('http://93.184.216.34/s')).json() } catch (error) { return `${error}` }";
    let server = Setup::default()
        .variable("FLOWCELL_NET_ALLOW", &here.host())
        .variable("FLOWCELL_NET_PROXY", &format!("http://user:hunter2@{proxy}"))
        .variable("FLOWCELL_NET_NO_PROXY", "direct.example, 10.0.0.0/8")
        .workflows([
            steps("out", &call("http://93.184.216.34/a?b=1", &json!({}))),
            steps("private", &call("http://192.168.0.1/", &json!({}))),
            steps("here", &call(&here.url("/"), &json!({}))),
            Workflow::script("script", script),
        ])
        .start();
    let answer = |workflow: &str| server.post(workflow, &json!({})).json();
    let through = json!({ "asked": "GET http://93.184.216.34/a?b=1 HTTP/1.1", "authorized": true });
    assert_eq!(answer("out")["data"], through);
    assert_eq!(answer("script")["asked"], "GET http://93.184.216.34/s HTTP/1.1");
    let private = answer("private");
    assert_eq!(private["error"]["code"], "http_denied", "{private}");
    assert_eq!(answer("here")["data"], json!({ "n": 1 }));
}

#[test]
fn settings_of_the_proxy_that_mean_nothing_are_refused() {
    for (variables, told) in [
        (&[("FLOWCELL_NET_PROXY", "socks5://user:hunter2@a:1")][..], "net.proxy: is not the URL of a proxy"),
        (&[("FLOWCELL_NET_PROXY", "a:1")], "http://proxy.example:3128"),
        (&[("FLOWCELL_NET_NO_PROXY", "a.example")], "net.no_proxy: is given without net.proxy"),
        (&[("FLOWCELL_NET_PROXY_RESOLVES", "true")], "net.proxy_resolves: is given without net.proxy"),
        (
            &[("FLOWCELL_NET_PROXY", "http://a:1"), ("FLOWCELL_NET_NO_PROXY", "*.example")],
            "net.no_proxy: `*.example` is no host",
        ),
        (&[("FLOWCELL_NET_PROXY", "http://a:1"), ("FLOWCELL_NET_NO_PROXY", "a:80")], "`a:80` is no host"),
    ] {
        let ended = flowcell_with(["serve", "--listen", "127.0.0.1:0"], variables);
        assert_eq!(ended.code, 2, "{variables:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(told) && !ended.stderr.contains("hunter2"), "{told}: {}", ended.stderr);
    }
}

#[test]
fn check_names_what_is_wrong_with_the_tls_of_a_step() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = Authority::new().sign("a");
    for (at, (url, tls, told)) in [
        ("https://a.example", json!({}), "steps[0].tls"),
        ("http://a.example", json!({ "ca": "{{$secrets.CA}}" }), "https://"),
        ("https://a.example", json!({ "ca": "no certificate" }), "holds no certificate"),
        ("https://a.example", json!({ "cert": cert }), "steps[0].tls.key"),
        ("https://a.example", json!({ "cert": cert, "key": key }), "{{$secrets.NAME}}"),
        ("https://a.example", json!({ "cert": cert, "key": "{{$context.data.key}}" }), "{{$secrets.NAME}}"),
        ("https://a.example", json!({ "ca": "{{$secrets.CA" }), "never closed"),
        ("https://a.example", json!({ "ca": "{{$secrets.CA}}", "verify": false }), "verify"),
    ]
    .into_iter()
    .enumerate()
    {
        let workflow = steps(&format!("w{at}"), &call(url, &json!({ "tls": tls })));
        workflow.write(folder.path());
        let checked = flowcell(["check", folder.path().join(&workflow.key).to_str().unwrap()]);
        let said = format!("{}{}", checked.stdout, checked.stderr);
        assert!(checked.code == 1 && said.contains(told), "{tls}: {} {said}", checked.code);
        assert!(!said.contains(key.lines().nth(1).unwrap()), "{said}");
    }
}

#[test]
fn an_answer_in_another_charset_is_read() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut path = String::new();
            for line in (&mut reader).lines().map_while(Result::ok).take_while(|line| !line.is_empty()) {
                if path.is_empty() {
                    path = line;
                }
            }
            let (kind, body): (&str, &[u8]) = match path.split(' ').nth(1).unwrap() {
                "/type" => ("text/plain; charset=gbk", b"\xb1\xa8\xb8\xe6"),
                "/json" => ("application/json; charset=GB2312", b"{\"a\":\"\xb1\xa8\xb8\xe6\"}"),
                "/xml" => ("text/xml", b"<?xml version='1.0' encoding='big5'?><a>\xb3\xf8\xa7i</a>"),
                _ => ("text/html", b"<html><meta charset=shift_jis><p>\x83e\x83X\x83g"),
            };
            let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\n");
            let _ = write!(stream, "{head}content-length: {}\r\n\r\n", body.len());
            let _ = stream.write_all(body);
        }
    });
    let paths = ["type", "json", "xml", "html"];
    let server = Setup::default()
        .variable("FLOWCELL_NET_ALLOW", &address.to_string())
        .workflows(paths.map(|path| steps(path, &call(&format!("http://{address}/{path}"), &json!({})))))
        .start();
    let data = paths.map(|path| server.post(path, &json!({})).json()["data"].clone());
    assert_eq!(
        data,
        [
            json!("报告"),
            json!({ "a": "报告" }),
            json!("<?xml version='1.0' encoding='big5'?><a>報告</a>"),
            json!("<html><meta charset=shift_jis><p>テスト"),
        ]
    );
}
