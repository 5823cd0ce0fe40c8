//! Workflows that want all for themselves, and those who send to them.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::client::Client;

/// A kind of attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hostile {
    /// Scripts that compute on after their step's timeout.
    Zombies,
    /// Scripts that use 256 MiB each.
    Hogs,
    /// Scripts that hold memory while they wait.
    Waiting,
    /// Calls of hosts whose names nobody resolves.
    Dns,
    /// Templates that name a large event thousands of times.
    Templates,
    /// Scripts that compute for a minute.
    Endless,
    /// Requests with a wrong signature.
    Forged,
    /// HTTP/2 streams whose bodies never end.
    Bodies,
}

pub const KINDS: [Hostile; 8] = [
    Hostile::Zombies,
    Hostile::Hogs,
    Hostile::Waiting,
    Hostile::Dns,
    Hostile::Templates,
    Hostile::Endless,
    Hostile::Forged,
    Hostile::Bodies,
];

impl Hostile {
    pub fn name(self) -> &'static str {
        match self {
            Self::Zombies => "zombies",
            Self::Hogs => "hogs",
            Self::Waiting => "waiting",
            Self::Dns => "dns",
            Self::Templates => "templates",
            Self::Endless => "endless",
            Self::Forged => "forged",
            Self::Bodies => "bodies",
        }
    }

    /// One round against workflow number `number`; how many requests it made.
    pub fn attack(self, server: SocketAddr, number: usize) -> u64 {
        let path = format!("/api/webhooks/{}-{number}", self.name());
        let mut client = Client::new(server);
        match self {
            Self::Bodies => return bodies(server, &path),
            Self::Forged => {
                let body = vec![b'x'; 64 << 10];
                let headers = [("x-hub-signature-256", "sha256=00"), ("x-github-event", "push")];
                for _ in 0..50 {
                    client.send(&path, &headers, &body);
                }
                thread::sleep(Duration::from_millis(20));
                return 50;
            }
            Self::Templates => {
                let body = format!("{{\"text\": \"{}\"}}", "x".repeat(500_000));
                client.post(&path, body.as_bytes());
            }
            Self::Zombies | Self::Hogs | Self::Waiting | Self::Dns | Self::Endless => {
                for n in 0..5 {
                    client.post(&path, format!("{{\"n\": {n}}}").as_bytes());
                }
                thread::sleep(Duration::from_millis(50));
                return 5;
            }
        }
        1
    }

    fn steps(self) -> (Vec<Value>, &'static str) {
        let code =
            |limits: Value| json!({ "id": "main", "type": "code", "file": "main.js", "limits": limits });
        match self {
            Self::Zombies => {
                let mut step = code(json!({ "timeout": "60s", "fuel": 100_000_000_000_u64 }));
                step["timeout"] = json!("50ms");
                (vec![step], "for (;;) {}")
            }
            Self::Hogs => (
                vec![code(json!({ "timeout": "60s", "fuel": 100_000_000_000_u64, "memory": "256MiB" }))],
                "const held = []; for (;;) held.push(new Uint8Array(4 << 20).fill(1));",
            ),
            Self::Waiting => (
                vec![code(json!({ "timeout": "60s" }))],
                "const held = new Uint8Array(16 << 20).fill(1); for (let i = 0; i < 6; i++) await sleep(900); return held.length;",
            ),
            Self::Dns => (
                vec![
                    json!({ "id": "main", "type": "http", "url": "http://h{{$context.data.n}}{{$run.id}}.flowcell.test/", "timeout": "2s" }),
                ],
                "",
            ),
            Self::Templates => {
                let values: serde_json::Map<String, Value> =
                    (0..3000).map(|n| (format!("v{n}"), json!("{{$context.data}}"))).collect();
                (vec![json!({ "id": "main", "type": "set", "values": values })], "")
            }
            Self::Endless => {
                (vec![code(json!({ "timeout": "60s", "fuel": 100_000_000_000_u64 }))], "for (;;) {}")
            }
            Self::Forged | Self::Bodies => (vec![code(json!({}))], "return 1;"),
        }
    }
}

/// The healthy workflow, and `each` of every kind: key, `workflow.json`, `main.js`.
pub fn workflows(each: usize) -> Vec<(String, Value, &'static str)> {
    let code = json!([{ "id": "main", "type": "code", "file": "main.js" }]);
    let healthy = json!({ "key": "healthy", "trigger": { "type": "webhook" }, "steps": code });
    let script = "let n = 0; for (let i = 0; i < context.data.n; i++) n += i; return { n };";
    let mut all = vec![("healthy".to_owned(), healthy, script)];
    for kind in KINDS {
        for number in 0..each {
            let key = format!("{}-{number}", kind.name());
            let (steps, script) = kind.steps();
            let mut trigger = json!({ "type": "webhook", "mode": "async" });
            if kind == Hostile::Forged {
                trigger["verify"] = json!({ "scheme": "github", "secret": "{{$env.FORGED_SECRET}}" });
            }
            all.push((key.clone(), json!({ "key": key, "trigger": trigger, "steps": steps }), script));
        }
    }
    all
}

/// A connection of HTTP/2 (RFC 9113) with many streams, each with a body that is begun and never ended.
fn bodies(server: SocketAddr, path: &str) -> u64 {
    const STREAMS: u32 = 100;
    let frame = |kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        let length = (payload.len() as u32).to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    };
    // RFC 7541: indexed `:method: POST` and `:scheme: http`, then `:path` and `:authority` as literals.
    let literal = |index: u8, value: &str| [&[index, value.len() as u8], value.as_bytes()].concat();
    let head = [vec![0x83, 0x86], literal(0x04, path), literal(0x01, "localhost")].concat();
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    sent.extend(frame(4, 0, 0, &[]));
    let Ok(mut stream) = TcpStream::connect(server) else {
        thread::sleep(Duration::from_millis(50));
        return 1;
    };
    let _ = stream.set_write_timeout(Some(Duration::from_secs(1)));
    let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
    for number in 0..STREAMS {
        sent.extend(frame(1, 4, 2 * number + 1, &head));
    }
    let part = vec![b'x'; 16 << 10];
    for number in 0..STREAMS {
        sent.extend(frame(0, 0, 2 * number + 1, &part));
    }
    let _ = stream.write_all(&sent);
    // Held for a while, as a slow sender would.
    let _ = stream.read(&mut [0; 4096]);
    thread::sleep(Duration::from_millis(500));
    u64::from(STREAMS)
}
