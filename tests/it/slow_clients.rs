//! Clients that only hold connections keep nobody out, and each of them is closed in time.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::{Request, Setup, TestServer, Workflow, raw};

/// What a normal request may take beside thousands of slow ones. The aim is 100 ms, which the test prints; a machine
/// that runs other tests at the same time is no place to measure it.
const GENEROUS: Duration = Duration::from_secs(2);

/// A connection that sends this and then nothing.
fn silent_after(address: SocketAddr, sent: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(sent.as_bytes()).unwrap();
    stream
}

/// One kind of slow client after the other: nothing, half a head, half a body, idle after an answer.
fn slow(address: SocketAddr, number: usize) -> TcpStream {
    let sent = match number % 4 {
        0 => "",
        1 => "GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: ",
        2 => "POST /api/webhooks/fine HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nslow",
        _ => "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
    };
    silent_after(address, sent)
}

fn raise_files() {
    let before = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: before.maximum, maximum: before.maximum }).unwrap();
}

fn normal_request(server: &TestServer) -> Duration {
    let begin = Instant::now();
    assert_eq!(server.hook("fine").status, 200);
    begin.elapsed()
}

#[test]
fn w17_two_thousand_slow_clients_keep_no_normal_one_out() {
    raise_files();
    let server = TestServer::start([Workflow::script("fine", "return 'fine'")]);
    assert_eq!(server.hook("fine").status, 200, "warm");
    let before = server.resident_mib();
    let clients: Vec<_> = (0..2_000).map(|number| slow(server.address(), number)).collect();
    let slowest = (0..10).map(|_| normal_request(&server)).max().unwrap();
    let grown = server.resident_mib().saturating_sub(before);
    println!(
        "the slowest of 10 normal requests beside {} slow clients: {slowest:?}; {grown} MiB more",
        clients.len()
    );
    assert!(slowest < GENEROUS, "{slowest:?}");
    assert!(grown < 200, "{grown} MiB for 2,000 connections");
    drop(clients);
}

#[test]
fn w17_when_all_connections_are_taken_the_slowest_make_room() {
    raise_files();
    let server = Setup::default()
        .workflows([Workflow::script("fine", "return 'fine'")])
        .variable("FLOWCELL_SERVER_MAX_CONNECTIONS", "100")
        .start();
    let clients: Vec<_> = (0..400).map(|number| slow(server.address(), number)).collect();
    let slowest = (0..10).map(|_| normal_request(&server)).max().unwrap();
    println!("the slowest of 10 normal requests when all connections are taken: {slowest:?}");
    assert!(slowest < GENEROUS, "{slowest:?}");
    drop(clients);
}

#[test]
fn w17_one_address_has_its_share_when_that_is_set() {
    let server = Setup::default()
        .workflows([Workflow::script("fine", "return 'fine'")])
        .variable("FLOWCELL_SERVER_MAX_CONNECTIONS_PER_IP", "3")
        .start();
    let mut kept: Vec<_> = (0..3).map(|_| silent_after(server.address(), "")).collect();
    // They are taken in the order in which they came.
    let mut fourth = silent_after(server.address(), "");
    fourth.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert_eq!(fourth.read(&mut [0; 1]).ok(), Some(0), "closed at once");
    kept.pop();
    crate::support::wait_until("there is room again", 20, || {
        Request::get("/healthz").send(server.address()).is_ok_and(|response| response.status == 200)
    });
}

/// Reads until the server closes; gives how long that took and what came.
fn until_closed(mut stream: TcpStream) -> (Duration, Vec<u8>) {
    let begin = Instant::now();
    stream.set_read_timeout(Some(Duration::from_secs(100))).unwrap();
    let mut received = Vec::new();
    if let Err(error) = stream.read_to_end(&mut received) {
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
    }
    (begin.elapsed(), received)
}

/// Sends a byte each half second until the server closes.
fn dripping(address: SocketAddr, sent: &str) -> (Duration, Vec<u8>) {
    let stream = silent_after(address, sent);
    let mut writer = stream.try_clone().unwrap();
    thread::spawn(move || {
        while writer.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(500))
        }
    });
    until_closed(stream)
}

#[test]
fn w17_each_way_to_be_slow_is_closed_in_time() {
    let large = Workflow::script("large", "return 'x'.repeat(900000)");
    let server = TestServer::start([Workflow::script("fine", "return 'fine'"), large]);
    let address = server.address();
    let head = "GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: ";
    let body = "POST /api/webhooks/fine HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 9999\r\n\r\n";
    thread::scope(|scope| {
        let nothing = scope.spawn(|| until_closed(silent_after(address, "")));
        let heads = scope.spawn(|| dripping(address, head));
        let bodies = scope.spawn(|| dripping(address, body));
        let never_reads = scope.spawn(|| {
            let stream =
                silent_after(address, &"GET /api/webhooks/large HTTP/1.1\r\nHost: a\r\n\r\n".repeat(40));
            thread::sleep(Duration::from_secs(50));
            until_closed(stream)
        });
        for (case, client) in [("nothing", nothing), ("a head in drips", heads)] {
            let (took, received) = client.join().unwrap();
            assert!((5..30).contains(&took.as_secs()), "{case}: {took:?}");
            assert_eq!(received, b"", "{case}");
        }
        let (took, received) = bodies.join().unwrap();
        assert!((5..30).contains(&took.as_secs()), "a body in drips: {took:?}");
        assert!(received.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&received));
        let (took, received) = never_reads.join().unwrap();
        assert!(took.as_secs() < 20, "it was closed while it did not read: {took:?}");
        assert!(received.len() < 40 * 900_000, "{} bytes came: all of it", received.len());
    });
    assert_eq!(server.hook("fine").status, 200);
    assert_eq!(server.runs("fine").len(), 1, "no slow body ran");
}

#[test]
fn a_stop_finishes_a_slow_upload_and_a_running_call() {
    let mut server = TestServer::start([
        Workflow::script("slow", "await sleep(900); return 'slept'"),
        Workflow::script("fine", "return context.data"),
    ]);
    let address = server.address();
    let head = "POST /api/webhooks/fine HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\n";
    let mut upload = silent_after(address, &format!("{head}first"));
    let silent = silent_after(address, "GET / HTTP/1.1\r\nHo");
    let idle = silent_after(address, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    let running = thread::spawn(move || raw(address, b"GET /api/webhooks/slow HTTP/1.1\r\nHost: a\r\n\r\n"));
    crate::support::wait_until("the call runs", 20, || server.runs("slow").len() == 1);
    server.terminate();
    crate::support::wait_until("no new connection is taken", 20, || TcpStream::connect(address).is_err());
    upload.write_all(b" last").unwrap();
    let (_, received) = until_closed(upload);
    let received = String::from_utf8_lossy(&received).into_owned();
    assert!(received.starts_with("HTTP/1.1 200") && received.contains("first last"), "{received}");
    let response = running.join().unwrap().expect("the running call is answered");
    assert_eq!((response.status, response.text().contains("slept")), (200, true), "{}", response.text());
    assert!(server.wait().success());
    drop((silent, idle));
}
