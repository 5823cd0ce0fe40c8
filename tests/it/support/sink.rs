//! A service that counts: it keeps every request it gets, with the time, and answers what the test says.

use std::{
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

/// A request that came.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its `Idempotency-Key`.
    pub key: String,
    pub body: String,
    pub at: Instant,
    /// What it is answered.
    pub status: u16,
    /// Its sender had died before it was kept: it came earlier than `at`.
    pub late: bool,
}

/// How a call is answered: the status, and after how long.
type Answer = dyn Fn(&Call, usize) -> (u16, Duration) + Send + Sync;

/// A server on a port of 127.0.0.1 for the rest of the test process.
pub struct Sink {
    address: SocketAddr,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Sink {
    /// Starts one; `answer` is told how often the same key came before.
    pub fn start(answer: impl Fn(&Call, usize) -> (u16, Duration) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer): (_, Arc<Answer>) = (Arc::clone(&calls), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                // The caller may be killed at any moment.
                thread::spawn(move || serve(stream, &kept, &*answer));
            }
        });
        Self { address, calls }
    }

    /// An entry of `net.allow`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// The calls so far, in the order in which they came.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }
}

/// Whether the other side has closed the connection.
fn has_gone(stream: &TcpStream) -> Option<bool> {
    stream.set_nonblocking(true).ok()?;
    let gone = match stream.peek(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    };
    stream.set_nonblocking(false).ok()?;
    Some(gone)
}

fn serve(stream: TcpStream, kept: &Mutex<Vec<Call>>, answer: &Answer) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let (mut key, mut length, mut line) = (String::new(), 0, String::new());
        loop {
            line.clear();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                // The request line, or the empty one after the headers.
                if line == "\r\n" {
                    break;
                }
                continue;
            };
            match name.to_ascii_lowercase().as_str() {
                "idempotency-key" => key = value.to_owned(),
                "content-length" => length = value.parse().ok()?,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let mut call =
            Call { key, body: String::from_utf8(body).ok()?, at: Instant::now(), status: 0, late: false };
        call.late = has_gone(&stream)?;
        let after = {
            let mut kept = kept.lock().unwrap();
            let before = kept.iter().filter(|earlier| earlier.key == call.key).count();
            let (status, after) = answer(&call, before);
            call.status = status;
            kept.push(call.clone());
            after
        };
        thread::sleep(after);
        let response = format!("HTTP/1.1 {} X\r\ncontent-length: 2\r\n\r\nok", call.status);
        (&stream).write_all(response.as_bytes()).ok()?;
    }
}
