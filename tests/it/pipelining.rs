//! What stands behind a body on the same connection is read as strictly as what comes first, however it is cut into packets.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use serde_json::json;

use crate::{
    edge, requests,
    support::{TestServer, Workflow},
};

const GET: &str = "GET /api/webhooks/any HTTP/1.1\r\nHost: a\r\n\r\n";
const LAST: &str = "GET /api/webhooks/any HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// What comes back for these bytes, sent in pieces of `size`, until the server closes.
fn answers(address: SocketAddr, bytes: &[u8], size: usize) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    for piece in bytes.chunks(size) {
        // The server may refuse and close before it has read everything.
        if stream.write_all(piece).is_err() {
            break;
        }
    }
    let mut received = Vec::new();
    let mut buffer = [0; 16 << 10];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => received.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
            Err(error) => panic!("the connection stays open: {error}"),
        }
    }
    String::from_utf8_lossy(&received).into_owned()
}

#[test]
fn l1_bad_heads_are_refused_behind_other_requests_too() {
    let any = json!({ "methods": ["GET", "POST"] });
    let server =
        TestServer::start(["any", "open"].map(|key| Workflow::script(key, "return 1").trigger(any.clone())));
    assert_eq!(server.hook("any").status, 200);
    let first = |rest: &str| format!("POST /api/webhooks/any HTTP/1.1\r\nHost: a\r\n{rest}");
    let before = [
        first("Transfer-Encoding: chunked\r\n\r\n1;a=b\r\n1\r\n0\r\nTrailer: x\r\n\r\n"),
        first("Content-Length: 1\r\n\r\n1"),
        GET.to_owned(),
    ];
    let bad: Vec<_> = edge::misread().into_iter().chain(requests::smuggling()).collect();
    assert_eq!(bad.len(), 57);
    let address = server.address();
    thread::scope(|scope| {
        for before in &before {
            let bad = &bad;
            scope.spawn(move || {
                for (case, bytes) in bad {
                    let all = format!("{before}{bytes}{LAST}");
                    for size in [all.len(), (all.len() / 40).max(7)] {
                        let text = answers(address, all.as_bytes(), size);
                        let statuses: Vec<&str> =
                            text.match_indices("HTTP/1.1 ").map(|(at, _)| &text[at + 9..at + 12]).collect();
                        let refused = |status: &&str| status.starts_with('4') || *status == "501";
                        assert!(statuses.len() <= 2, "{case} behind {before:?}: {text}");
                        assert!(statuses.iter().skip(1).all(refused), "{case} behind {before:?}: {text}");
                        assert!(statuses.first().is_none_or(|status| *status == "200"), "{case}: {text}");
                    }
                }
            });
        }
    });
    // The requests before them, and nothing that was smuggled.
    let most = bad.len() * before.len() * 2 + 1;
    let runs = server.runs("any").len();
    assert!(runs <= most, "{runs} runs");
    assert!(server.runs("open").is_empty());
}

#[test]
fn l1_requests_behind_bodies_in_chunks_are_answered() {
    let server = TestServer::start([Workflow::script("any", "return context.rawBody.length")]);
    let chunked = "POST /api/webhooks/any HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n\
                   3;x=\"y\"\r\na\nb\r\nA\r\n0\r\n\r\n0\r\n\r\n\r\n000\r\nT: \r\nU: v\r\n\r\n";
    let all = format!("{chunked}{chunked}{GET}{chunked}{LAST}");
    for size in [all.len(), 1, 7, 64] {
        let text = answers(server.address(), all.as_bytes(), size);
        assert_eq!(text.matches("HTTP/1.1 200").count(), 5, "{size} bytes at once: {text}");
        assert_eq!(text.matches("\r\n\r\n13").count(), 3, "{size} bytes at once: {text}");
    }
}
