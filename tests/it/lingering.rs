//! A request that is refused before its body was read: the sender, who is still sending, reads the refusal all the same.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::json;

use crate::support::{Setup, TestServer, Workflow};

/// As large as the largest deliveries of GitHub.
const SIZE: usize = 25 << 20;

fn server() -> TestServer {
    Setup::default()
        .workflows([
            Workflow::script("small", "return 1").trigger(json!({ "max_body": "1KiB" })),
            Workflow::script("signed", "return 1")
                .trigger(json!({ "verify": { "scheme": "github", "secret": "s" }, "max_body": "32MiB" })),
        ])
        .start()
}

/// What a sender reads that first sends everything, as many do.
fn answer(server: &TestServer, key: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(server.address())?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let head =
        format!("POST /api/webhooks/{key} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {SIZE}\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    let piece = vec![b' '; 64 << 10];
    for _ in 0..SIZE / piece.len() {
        stream.write_all(&piece)?;
    }
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

#[test]
fn a_sender_that_sends_first_and_reads_then_gets_its_refusal_twenty_times_of_twenty() {
    let server = server();
    for (key, status) in [("small", "413"), ("signed", "401"), ("nobody", "404")] {
        for round in 0..20 {
            let text = answer(&server, key).unwrap_or_else(|error| panic!("{key} {round}: {error}"));
            assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{key} {round}: {text}");
        }
    }
}

#[test]
fn node_gets_the_refusal_of_25_mb_twenty_times_of_twenty() {
    let there = Command::new("node").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !there.is_ok_and(|status| status.success()) {
        eprintln!("node is not installed, so its client is not tried");
        return;
    }
    let server = server();
    let script = format!(
        "const http = require('http'); let left = 20; const all = {{}};\
         const one = () => {{ const said = what => {{ all[what] = (all[what] || 0) + 1; if (--left) one(); else console.log(JSON.stringify(all)); }};\
         const request = http.request('{}/api/webhooks/small', {{ method: 'POST' }}, r => {{ r.resume(); r.on('end', () => said(r.statusCode)); }});\
         let over = false; request.on('error', e => {{ if (!over) {{ over = true; said(e.code); }} }}); request.on('response', () => {{ over = true; }});\
         request.end(Buffer.alloc({SIZE})); }}; one();",
        server.url()
    );
    let output = Command::new("node").args(["-e", &script]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert_eq!(told, r#"{"413":20}"#, "{}", String::from_utf8_lossy(&output.stderr));
}

/// Whoever does not stop is not heard out forever.
#[test]
fn a_sender_that_neither_stops_nor_sends_is_closed() {
    let server = server();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let head = "POST /api/webhooks/small HTTP/1.1\r\nhost: localhost\r\ncontent-length: 26214400\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut text = Vec::new();
    stream.read_to_end(&mut text).unwrap();
    assert!(text.starts_with(b"HTTP/1.1 413"));
    // The server has stopped writing. A while later it stops reading too.
    let began = Instant::now();
    let closed = loop {
        if stream.write_all(b"x").is_err() {
            break true;
        }
        if began.elapsed() > Duration::from_secs(60) {
            break false;
        }
        std::thread::sleep(Duration::from_millis(500));
    };
    assert!(closed, "it is still open after {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(45), "{:?}", began.elapsed());
}
