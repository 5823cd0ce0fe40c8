//! What reaches no workflow: heads that are too large, requests that two readers would read differently, floods of
//! HTTP/2 frames.

use std::net::SocketAddr;

use serde_json::Value;

use crate::support::{
    Request, Setup, TestServer, Workflow,
    frames::{CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, GET_ROOT, HEADERS, RESET, SETTINGS},
    raw, raw_bytes,
};

fn server() -> TestServer {
    let any = serde_json::json!({ "methods": ["GET", "POST"] });
    TestServer::start([Workflow::script("any", "return 'ran'").trigger(any)])
}

/// The status of the first line that comes; 0 when the server closes without one.
fn status(address: SocketAddr, bytes: &[u8]) -> u16 {
    let received = raw_bytes(address, bytes).unwrap_or_default();
    let text = String::from_utf8_lossy(&received);
    text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok()).unwrap_or(0)
}

#[test]
fn w16_heads_have_an_end() {
    let server = server();
    let get = |target: &str, headers: &str| format!("GET {target} HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
    let close = "Connection: close\r\n";
    let cases = [
        ("at the limit of the target", get(&format!("/{}", "a".repeat(8_191)), close), 404),
        ("a target over it", get(&format!("/{}", "a".repeat(8_192)), close), 414),
        ("a query over it", get(&format!("/api/webhooks/any?{}", "a".repeat(9_000)), close), 414),
        ("a target over the whole head", get(&format!("/{}", "a".repeat(100_000)), close), 431),
        ("100 headers", get("/healthz", &format!("{close}{}", "a: b\r\n".repeat(98))), 200),
        ("1,000 headers", get("/healthz", &format!("{close}{}", "a: b\r\n".repeat(1_000))), 431),
        ("one large header", get("/healthz", &format!("{close}a: {}\r\n", "b".repeat(70_000))), 431),
        (
            "headers without end",
            format!("GET / HTTP/1.1\r\nHost: a\r\n{}", "a: bbbbbbbbbb\r\n".repeat(20_000)),
            431,
        ),
    ];
    for (case, bytes, expected) in cases {
        assert_eq!(status(server.address(), bytes.as_bytes()), expected, "{case}");
    }
    assert_eq!(server.runs("any"), Vec::<Value>::new());
    assert_eq!(server.hook("any").status, 200);
}

/// A POST to the workflow `any`.
fn post(headers: &str, rest: &str) -> String {
    format!("POST /api/webhooks/any HTTP/1.1\r\nHost: a\r\n{headers}\r\n{rest}")
}

/// What two readers would read differently, or what none should read.
pub fn misread() -> Vec<(&'static str, String)> {
    let chunked = "Transfer-Encoding: chunked\r\n";
    vec![
        ("length, then chunks", post(&format!("Content-Length: 4\r\n{chunked}"), "0\r\n\r\n")),
        ("chunks, then length", post(&format!("{chunked}Content-Length: 4\r\n"), "0\r\n\r\n")),
        ("two lengths", post("Content-Length: 4\r\nContent-Length: 5\r\n", "aaaaa")),
        ("two equal lengths", post("Content-Length: 4\r\nContent-Length: 4\r\n", "aaaa")),
        ("a list of lengths", post("Content-Length: 4, 4\r\n", "aaaa")),
        ("a negative length", post("Content-Length: -1\r\n", "a")),
        ("a signed length", post("Content-Length: +1\r\n", "a")),
        ("a hexadecimal length", post("Content-Length: 0x1\r\n", "a")),
        ("a huge length", post("Content-Length: 18446744073709551616\r\n", "a")),
        ("no length", post("Content-Length:\r\n", "a")),
        ("xchunked", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n")),
        ("chunked, identity", post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n")),
        ("gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")),
        ("chunked twice", post(&format!("{chunked}{chunked}"), "0\r\n\r\n")),
        ("a space before the colon", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n")),
        ("a folded line", post("A: b\r\n Content-Length: 4\r\n", "aaaa")),
        ("a line that begins with a space", post(" A: b\r\n", "")),
        ("LF alone", post("", "").replace("\r\n", "\n")),
        ("LF in the headers", post("A: b\nContent-Length: 4\r\n", "aaaa")),
        ("CR alone", post("A: b\rContent-Length: 4\r\n", "aaaa")),
        ("NUL in a value", post("A: \0\r\n", "")),
        ("a name with a bracket", post("A(: b\r\n", "")),
        ("no name", post(": b\r\n", "")),
        ("no colon", post("Host\r\n", "")),
        ("no Host", "POST /api/webhooks/any HTTP/1.1\r\n\r\n".to_owned()),
        ("two Hosts", post("Host: b\r\n", "")),
        ("HTTP/1.0 in chunks", format!("POST /api/webhooks/any HTTP/1.0\r\n{chunked}\r\n0\r\n\r\n")),
        ("HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n".to_owned()),
        ("no version", "GET /\r\n\r\n".to_owned()),
        ("two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned()),
        ("a space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n".to_owned()),
        ("a chunk of no size", post(chunked, "x\r\na\r\n0\r\n\r\n")),
        ("a chunk of a negative size", post(chunked, "-1\r\na\r\n0\r\n\r\n")),
        ("a chunk of a huge size", post(chunked, "ffffffffffffffff1\r\na\r\n0\r\n\r\n")),
        ("a chunk longer than it says", post(chunked, "1\r\nab\r\n0\r\n\r\n")),
        ("a chunk that ends in LF", post(chunked, "1\na\n0\n\n")),
    ]
}

#[test]
fn w19_what_two_readers_would_read_differently_is_refused_and_the_connection_closed() {
    let server = server();
    let smuggled = "GET /api/webhooks/any HTTP/1.1\r\nHost: a\r\n\r\n";
    for (case, bytes) in &misread() {
        let received = raw_bytes(server.address(), format!("{bytes}{smuggled}").as_bytes())
            .unwrap_or_else(|error| panic!("{case}: the connection stays open: {error}"));
        let text = String::from_utf8_lossy(&received);
        assert!(text.starts_with("HTTP/1.1 400 "), "{case}: {text}");
        assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{case}: a second request was answered: {text}");
    }
    assert_eq!(server.runs("any"), Vec::<Value>::new());
    let good = post(
        "Transfer-Encoding: Chunked\r\nConnection: close\r\n",
        "1;ext=1\r\na\r\n0\r\nTrailer: b\r\n\r\n",
    );
    assert_eq!(raw(server.address(), good.as_bytes()).map(|response| response.status), Some(200));
    let two = format!("{smuggled}{}", smuggled.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
    let received = raw_bytes(server.address(), two.as_bytes()).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&received).matches("HTTP/1.1 200").count(),
        2,
        "requests in a row are fine"
    );
}

fn still_serves(server: &TestServer, before: u64) {
    assert_eq!(server.hook("any").status, 200);
    let grown = server.resident_mib().saturating_sub(before);
    assert!(grown < 100, "{grown} MiB more");
}

#[test]
fn w18_a_connection_has_no_more_than_its_streams() {
    let server = server();
    let mut frames = Frames::connect(server.address());
    let most = loop {
        let (kind, flags, _, payload) = frames.next().expect("the server's settings");
        if kind == SETTINGS && flags == 0 {
            // SETTINGS_MAX_CONCURRENT_STREAMS is 3, SETTINGS_MAX_HEADER_LIST_SIZE is 6.
            let setting = |id: u16| {
                let found = payload.chunks(6).find(|setting| setting[..2] == id.to_be_bytes());
                found.map(|setting| u32::from_be_bytes([setting[2], setting[3], setting[4], setting[5]]))
            };
            assert_eq!(setting(6), Some(32 << 10));
            break setting(3).expect("a limit of streams");
        }
    };
    assert_eq!(most, 16);
    assert!(frames.send(SETTINGS, 1, 0, &[]));
    // Bodies that never come keep their streams open.
    let path = b"/api/webhooks/any";
    let post = [&[0x83, 0x86, 0x41, 1, b'a', 0x04, path.len() as u8], path.as_slice()].concat();
    for stream in 0..most + 50 {
        frames.send(HEADERS, END_HEADERS, 2 * stream + 1, &post);
    }
    let mut refused = 0;
    while refused < 50 {
        let Some((kind, ..)) = frames.next() else { break };
        refused += u32::from(kind == RESET);
    }
    assert_eq!(refused, 50, "those over the limit are refused");
    still_serves(&server, server.resident_mib());
}

#[test]
fn w18_floods_of_frames_end_the_connection_and_leave_the_server_well() {
    let server = server();
    assert_eq!(server.hook("any").status, 200);
    let before = server.resident_mib();

    // CVE-2023-44487: requests that are taken back at once.
    let mut frames = Frames::connect(server.address());
    for stream in 0..20_000u32 {
        let stream = 2 * stream + 1;
        let sent = frames.send(HEADERS, END_HEADERS | END_STREAM, stream, &GET_ROOT)
            && frames.send(RESET, 0, stream, &8u32.to_be_bytes());
        if !sent {
            break;
        }
    }
    assert!(frames.ends(), "a flood of resets");
    still_serves(&server, before);

    // Heads without end.
    let mut frames = Frames::connect(server.address());
    let header = [&[0x00, 0x01, b'x', 0x7f, 0x81, 0x1f], vec![b'y'; 4_096].as_slice()].concat();
    let mut taken = frames.send(HEADERS, 0, 1, &GET_ROOT);
    for _ in 0..20_000 {
        taken = taken && frames.send(CONTINUATION, 0, 1, &header);
    }
    assert!(!taken || frames.ends(), "a flood of CONTINUATION");
    still_serves(&server, before);

    // Empty DATA.
    let mut frames = Frames::connect(server.address());
    frames.send(HEADERS, END_HEADERS, 1, &[&[0x83], &GET_ROOT[1..]].concat());
    for _ in 0..50_000 {
        if !frames.send(DATA, 0, 1, &[]) {
            break;
        }
    }
    still_serves(&server, before);
}

#[test]
fn one_line_warns_of_http_without_tls_beyond_this_machine() {
    let server = Setup::default().workflows([Workflow::script("any", "return 1")]).start();
    assert!(!server.stderr().contains("without TLS"), "loopback needs no warning");
    let response = server.send(&Request::get("/healthz"));
    assert_eq!(response.status, 200);
}
