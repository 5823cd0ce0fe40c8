//! Bodies of strangers: however many come at once, they take no more of the memory than their budget.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::support::{Request, Response, Setup, TestServer, Workflow, frames::Uploads, poll};

const CONNECTIONS: usize = 24;
const STREAMS: u32 = 16;
/// Of each stream; less than a body may have.
const BYTES: i64 = 1_000_000;

fn github() -> Value {
    json!({ "verify": { "scheme": "github", "secret": "hunter2hunter2" } })
}

fn server(variables: &[(&str, &str)]) -> TestServer {
    let setup = Setup::default().workflows([
        Workflow::script("open", "return 'ran'"),
        Workflow::script("signed", "return 'ran'").trigger(github()),
    ]);
    variables.iter().fold(setup, |setup, (name, value)| setup.variable(name, value)).start()
}

/// Sends all these bodies at once; gives the connections, which still hold what was taken of them.
fn flood(address: SocketAddr, path: &str) -> Vec<Uploads> {
    thread::scope(|scope| {
        let sender = || {
            let mut uploads = Uploads::begin(address, path, STREAMS, BYTES);
            uploads.send_all();
            uploads
        };
        let senders: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(sender)).collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    })
}

#[test]
fn s3_bodies_of_strangers_over_http2_take_no_more_than_their_budget() {
    let server = server(&[("FLOWCELL_SERVER_BODY_BUDGET", "16MiB")]);
    assert_eq!(server.hook("open").status, 200);
    for key in ["open", "signed"] {
        server.forget_peak();
        let before = server.resident_mib();
        let held = flood(server.address(), &format!("/api/webhooks/{key}"));
        let grown = server.peak_mib().saturating_sub(before);
        let volume = (CONNECTIONS as i64 * i64::from(STREAMS) * BYTES) >> 20;
        println!("{key}: {volume} MiB of bodies, {grown} MiB more");
        assert!(grown < 120, "{key}: {grown} MiB for a budget of 16 MiB, of {volume} MiB that were sent");
        let refused: usize = held.iter().map(|uploads| uploads.refused).sum();
        assert!(refused > CONNECTIONS * STREAMS as usize / 2, "{key}: {refused} refused");
        // Small bodies have a part of their own, also beside large ones of the same address.
        let honest = server.send(&Request::post("/api/webhooks/open").json(&json!({ "n": 1 })));
        assert_eq!((honest.status, honest.text().as_str()), (200, "\"ran\""));
        drop(held);
    }
    let lines = server.requests();
    let codes = |code: &str| lines.iter().filter(|line| line["outcome"]["refused"]["code"] == code).count();
    assert!(codes("bodies_full") > 0, "the log says why");
    assert!(codes("signature_invalid") > 0);
}

/// A connection that sends this and waits.
fn begin(server: &TestServer, text: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(text).unwrap();
    stream
}

/// The first response of a connection, which may stay open.
fn response(stream: &mut TcpStream) -> Response {
    let mut received = Vec::new();
    let mut buffer = [0; 4_096];
    loop {
        if let Some(response) = Response::parse(&received, false) {
            return response;
        }
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "closed after {:?}", String::from_utf8_lossy(&received));
        received.extend_from_slice(&buffer[..count]);
    }
}

fn head(key: &str, headers: &str, length: usize) -> String {
    format!("POST /api/webhooks/{key} HTTP/1.1\r\nHost: a\r\n{headers}Content-Length: {length}\r\n\r\n")
}

/// Holds a body of 500,000 bytes that does not end; gives it with the refusal of another one beside it.
fn refused_beside(server: &TestServer, other: &Request) -> (TcpStream, Response) {
    poll("one body is held and the other refused", 20, || {
        let body = "x".repeat(500_000);
        let held = begin(server, format!("{}{body}", head("open", "", 500_001)).as_bytes());
        let response = server.send(other);
        (response.status != 200).then_some((held, response))
    })
}

/// The line of the log with this code.
fn logged(server: &TestServer, code: &str) -> Value {
    poll("it is logged", 20, || {
        server.requests().into_iter().find(|line| line["outcome"]["refused"]["code"] == code)
    })
}

#[test]
fn s3_a_body_beyond_the_budget_of_the_process_is_told_503_and_comes_again() {
    let server = server(&[("FLOWCELL_SERVER_BODY_BUDGET", "1MiB")]);
    let large = Request::post("/api/webhooks/open").body("x".repeat(300_000));
    let (held, refused) = refused_beside(&server, &large);
    assert_eq!((refused.status, refused.problem().as_str()), (503, "bodies_full"));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(!refused.text().contains("1048576"), "how much there is, is for the log");
    let line = logged(&server, "bodies_full");
    assert!(
        line["outcome"]["refused"]["reason"].as_str().unwrap().contains("`server.body_budget` is 1048576")
    );
    assert_eq!(server.send(&Request::post("/api/webhooks/open").body("small")).status, 200);
    drop(held);
    poll("what is over is given back", 20, || (server.send(&large).status == 200).then_some(()));
    let too_large = server.send(&Request::post("/api/webhooks/open").body("x".repeat(700_000)));
    assert_eq!(too_large.problem(), "body_too_large", "it would never fit");
}

#[test]
fn s3_a_body_beyond_the_share_of_its_address_is_told_429() {
    let server = server(&[("FLOWCELL_SERVER_BODY_BUDGET_PER_ADDRESS", "64KiB")]);
    let large = Request::post("/api/webhooks/open").body("x".repeat(300_000));
    assert_eq!(server.send(&large).status, 200, "one body gets through whatever the share is");
    let (held, refused) = refused_beside(&server, &large);
    assert_eq!((refused.status, refused.problem().as_str()), (429, "address_bodies_full"));
    assert!(refused.header("retry-after").is_some());
    let line = logged(&server, "address_bodies_full");
    assert!(
        line["outcome"]["refused"]["reason"].as_str().unwrap().contains("`server.body_budget_per_address`")
    );
    drop(held);
    poll("what is over is given back", 20, || (server.send(&large).status == 200).then_some(()));
}

#[test]
fn s3_a_request_without_its_proof_is_refused_before_its_body_is_read() {
    let secret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let key = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C";
    let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let simple = [
        "github",
        "gitea",
        "forgejo",
        "slack",
        "stripe",
        "shopify",
        "twilio",
        "linear",
        "dingtalk_robot",
        "zoom",
        "pagerduty",
        "paddle",
        "twitch",
        "square",
        "woocommerce",
        "xero",
        "gitlab",
        "gitee",
        "bearer",
    ];
    let mut schemes: Vec<Value> =
        simple.iter().map(|scheme| json!({ "scheme": scheme, "secret": secret })).collect();
    schemes.extend([
        json!({ "scheme": "standard", "secret": format!("whsec_{secret}") }),
        json!({ "scheme": "svix", "secret": format!("whsec_{secret}") }),
        json!({ "scheme": "discord", "public_key": public }),
        json!({ "scheme": "basic", "secret": format!("user:{secret}") }),
        json!({ "scheme": "jwt", "algorithm": "HS256", "secret": secret }),
        json!({ "scheme": "header", "header": "x-token", "secret": secret }),
        json!({ "scheme": "query", "parameter": "token", "secret": secret }),
        json!({ "scheme": "hmac", "header": "x-signature", "secret": secret }),
        json!({ "scheme": "wecom", "token": secret, "aes_key": key }),
        json!({ "scheme": "wechat_mp", "token": secret }),
        json!({ "scheme": "wechat_mp", "token": secret, "aes_key": key }),
        json!({ "scheme": "dingtalk_event", "token": secret, "aes_key": key }),
        json!({ "scheme": "feishu", "encrypt_key": secret }),
    ]);
    let workflow = |(number, verify): (usize, &Value)| {
        Workflow::steps(&format!("w{number}"), json!([])).trigger(json!({ "verify": verify }))
    };
    let server = TestServer::start(schemes.iter().enumerate().map(workflow));
    for (number, verify) in schemes.iter().enumerate() {
        // Nothing of the body is sent: an answer means that nobody waits for it.
        let mut stream = begin(&server, head(&format!("w{number}"), "", 900_000).as_bytes());
        let refused = response(&mut stream);
        assert_eq!((refused.status, refused.problem().as_str()), (401, "signature_invalid"), "{verify}");
        let line = server.newest_request(number + 1);
        assert_eq!(line["outcome"]["refused"]["code"], "signature_invalid", "{verify}");
        let reason = line["outcome"]["refused"]["reason"].as_str().unwrap();
        assert!(reason.contains("is missing"), "{verify}: {reason}");
        assert_eq!((&line["body_bytes"], &line["kept"]), (&json!(0), &json!(false)), "{verify}");
        assert_eq!(line["scheme"], verify["scheme"], "{verify}");
    }
    // A sender that has no proof still finds the answer behind a body that it sends whole.
    let whole = server.send(&Request::post("/api/webhooks/w0").body("x".repeat(200_000)));
    assert_eq!(whole.problem(), "signature_invalid");
}

#[test]
fn s3_questions_without_a_signature_are_answered_and_are_small() {
    let questions = json!({
        "verify": { "scheme": "github", "secret": "hunter2hunter2" },
        "handshake": {
            "method": "POST", "unsigned": true, "match": { "body.type": "ping" }, "answer": { "text": "{body.word}" },
        },
    });
    let graph = json!({
        "verify": { "scheme": "header", "header": "x-token", "secret": "hunter2hunter2" },
        "handshake": "microsoft_graph",
    });
    let server = TestServer::start([
        Workflow::steps("asked", json!([])).trigger(questions),
        Workflow::steps("graph", json!([])).trigger(graph),
    ]);
    let asked = server.post("asked", &json!({ "type": "ping", "word": "pong" }));
    assert_eq!((asked.status, asked.text().as_str()), (200, "pong"));
    assert_eq!(server.post("asked", &json!({ "type": "push" })).status, 401);
    let large = response(&mut begin(&server, head("asked", "", 900_000).as_bytes()));
    assert_eq!(large.status, 401, "no question is that large");
    let question = Request::post("/api/webhooks/graph?validationToken=a+b").body("");
    assert_eq!((server.send(&question).status, server.send(&question).text().as_str()), (200, "a b"));
    let delivery = response(&mut begin(&server, head("graph", "", 900_000).as_bytes()));
    assert_eq!(delivery.status, 401, "the head alone tells that it asks nothing");
}
