//! A small HTTP load: each connection sends one request after the other, for a bounded time.

use std::{
    io::{Read, Write},
    net::TcpStream as StdStream,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::stats::Stats;

/// Where, by how many, how long.
pub struct Load {
    pub address: String,
    pub connections: usize,
    pub time: Duration,
    /// No connection sends more than this.
    pub each: usize,
}

/// A request without its delivery id.
pub struct Request {
    /// One for each workflow; they take turns.
    pub heads: Vec<String>,
    pub body: Vec<u8>,
    /// What is answered to a request that counts.
    pub status: u16,
}

/// Answers of a server that has too much to do. They are not counted as requests.
const REFUSALS: [u16; 2] = [429, 503];

/// What came of a load.
pub struct Sent {
    /// Of the requests that were answered with the right status.
    pub stats: Stats,
    /// How many were refused.
    pub refused: usize,
}

/// Sends the request again and again, each time as a new delivery.
///
/// # Panics
/// When an answer is neither the right one nor a refusal: the figure would be worth nothing.
pub fn run(load: &Load, request: &Request) -> Sent {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let started = Instant::now();
        let connections = (0..load.connections).map(|number| connection(load, request, number, started));
        let all = futures::future::join_all(connections).await;
        let refused = all.iter().map(|(_, refused)| refused).sum();
        let times = all.into_iter().flat_map(|(times, _)| times).collect();
        Sent { stats: Stats::new(times, started.elapsed()), refused }
    })
}

async fn connection(
    load: &Load,
    request: &Request,
    number: usize,
    started: Instant,
) -> (Vec<Duration>, usize) {
    let mut stream = TcpStream::connect(&load.address).await.expect("a connection");
    stream.set_nodelay(true).expect("a TCP socket");
    let run = std::process::id();
    let (mut times, mut refused, mut buffer) = (Vec::new(), 0, vec![0u8; 16 << 10]);
    while started.elapsed() < load.time && times.len() < load.each {
        let stamp = started.elapsed().as_nanos();
        let sent = times.len() + refused;
        let head = &request.heads[(number + sent) % request.heads.len()];
        let mut bytes =
            format!("{head}x-github-delivery: {run}-{number}-{stamp}-{sent}\r\n\r\n").into_bytes();
        bytes.extend_from_slice(&request.body);
        let one = Instant::now();
        stream.write_all(&bytes).await.expect("sending");
        let status = response(&mut stream, &mut buffer).await;
        if status == request.status {
            times.push(one.elapsed());
        } else {
            assert!(REFUSALS.contains(&status), "the server answered {status}");
            refused += 1;
        }
    }
    (times, refused)
}

/// Reads one response, with a content-length or in chunks; gives its status.
async fn response(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> u16 {
    let mut filled = 0;
    loop {
        if filled == buffer.len() {
            buffer.resize(buffer.len() * 2, 0);
        }
        let read = stream.read(&mut buffer[filled..]).await.expect("receiving");
        assert!(read > 0, "the server closed the connection");
        filled += read;
        let text = &buffer[..filled];
        let Some(end) = text.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&text[..end]).to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let whole = match length.and_then(|length| length.trim().parse::<usize>().ok()) {
            Some(length) => filled >= end + 4 + length,
            // Nothing is sent behind it before the next request.
            None => buffer[..filled].ends_with(b"\r\n0\r\n\r\n"),
        };
        if whole {
            return head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        }
    }
}

/// One GET on a connection of its own; gives the response as text.
pub fn get(address: &str, path: &str) -> String {
    one(address, &format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"))
}

/// One POST of JSON, as [`get`].
pub fn post(address: &str, path: &str, body: &str) -> String {
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    one(address, &format!("{head}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"))
}

fn one(address: &str, request: &str) -> String {
    let mut stream = StdStream::connect(address).expect("a connection");
    stream.write_all(request.as_bytes()).expect("sending");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("receiving");
    text
}
