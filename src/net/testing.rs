//! A loopback server that gives the answers of a test, and a resolver that knows only what a test tells it.
//!
//! For the tests of `net` and of everything that goes out through it. Compiled only for tests.

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{Dns, Outbound, OutboundOptions};

/// What the server does with a request.
pub(crate) enum Answer {
    /// Sends these bytes and closes.
    Once(Vec<u8>),
    /// Sends the first bytes, then the second bytes forever, with a pause between.
    Forever(Vec<u8>, Vec<u8>, Duration),
}

/// A server on a port of 127.0.0.1, alive until it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Starts a server. `answer` gets the whole request as text.
    pub(crate) async fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&seen), Arc::new(answer));
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                tokio::spawn(async move {
                    // In some tests the client goes away on purpose.
                    let _ = serve(stream, &log, &*answer).await;
                });
            }
        });
        Self { address, seen, task }
    }

    /// A server that always sends the same bytes.
    pub(crate) async fn always(bytes: Vec<u8>) -> Self {
        Self::start(move |_| Answer::Once(bytes.clone())).await
    }

    /// A URL of this server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// A way out that may reach this server.
    pub(crate) fn outbound(&self) -> Outbound {
        outbound(&[&self.address.to_string()], None)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    log: &Mutex<Vec<String>>,
    answer: &(dyn Fn(&str) -> Answer + Send + Sync),
) -> io::Result<()> {
    let mut request = Vec::new();
    // A TLS hello has no end that this server knows, so it answers in plain text at once.
    while request.first() != Some(&0x16) {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                break;
            }
        }
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let text = String::from_utf8_lossy(&request).into_owned();
    log.lock().unwrap().push(text.clone());
    match answer(&text) {
        Answer::Once(bytes) => stream.write_all(&bytes).await?,
        Answer::Forever(first, each, pause) => {
            stream.write_all(&first).await?;
            loop {
                tokio::time::sleep(pause).await;
                stream.write_all(&each).await?;
            }
        }
    }
    stream.shutdown().await
}

/// A whole response.
pub(crate) fn reply(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut text =
        format!("HTTP/1.1 {status} Status\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// A way out with these entries of `net.allow`.
pub(crate) fn outbound(allow: &[&str], dns: Option<Arc<dyn Dns>>) -> Outbound {
    let allow = allow.iter().map(|entry| entry.parse().unwrap()).collect();
    Outbound::new(OutboundOptions { allow, dns, ..OutboundOptions::default() }).unwrap()
}

/// A resolver with one answer for each look-up of a name. It repeats the last one.
#[derive(Default)]
pub(crate) struct FakeDns {
    answers: Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>,
    asked: Mutex<Vec<String>>,
}

impl FakeDns {
    pub(crate) fn with(self, name: &str, answers: &[&[&str]]) -> Self {
        let read = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().unwrap()).collect();
        self.answers.lock().unwrap().insert(name.to_owned(), answers.iter().map(read).collect());
        self
    }

    /// The names that were looked up.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Dns for FakeDns {
    fn lookup(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        self.asked.lock().unwrap().push(name.to_owned());
        let mut answers = self.answers.lock().unwrap();
        let answer = match answers.get_mut(name) {
            None => Err(io::Error::other("no such name")),
            Some(left) if left.len() > 1 => Ok(left.pop_front().unwrap()),
            Some(left) => Ok(left[0].clone()),
        };
        Box::pin(std::future::ready(answer))
    }
}
