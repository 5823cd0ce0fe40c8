//! A receiver: a small HTTP sink that keeps every request and answers what it is told, 200 with `{"n": count}` else.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Instant,
};

use serde_json::Value;

use super::poll;

/// One request that arrived.
#[derive(Clone, Debug)]
pub struct Received {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub at: Instant,
}

impl Received {
    /// The value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }
}

#[derive(Default)]
struct Kept {
    requests: Vec<Received>,
    answers: VecDeque<u16>,
    moved: Option<(u16, String)>,
    body: Option<String>,
}

/// The sink. Its threads end with the test.
pub struct Receiver {
    address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
}

impl Receiver {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let kept = Arc::new(Mutex::new(Kept::default()));
        let shared = Arc::clone(&kept);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&shared);
                thread::spawn(move || serve(stream, &kept));
            }
        });
        Self { address, kept }
    }

    /// `127.0.0.1:PORT`, as `net.allow` takes it.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The statuses of the next answers; 200 after them.
    pub fn answer(&self, statuses: impl IntoIterator<Item = u16>) {
        self.kept.lock().unwrap().answers.extend(statuses);
    }

    /// From now on every answer has this body.
    pub fn says(&self, body: &str) {
        self.kept.lock().unwrap().body = Some(body.to_owned());
    }

    /// From now on every request is sent on to this place.
    pub fn moves(&self, status: u16, place: &str) {
        self.kept.lock().unwrap().moved = Some((status, place.to_owned()));
    }

    /// What has arrived, in order.
    pub fn requests(&self) -> Vec<Received> {
        self.kept.lock().unwrap().requests.clone()
    }

    /// What has arrived, once it is `count` requests.
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> Vec<Received> {
        poll("the receiver is called", 30, || Some(self.requests()).filter(|all| all.len() >= count))
    }
}

fn serve(stream: TcpStream, kept: &Mutex<Kept>) {
    let Ok(mut writer) = stream.try_clone() else { return };
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let (status, count, location, own) = {
            let mut kept = kept.lock().unwrap();
            kept.requests.push(request);
            let count = kept.requests.len();
            let own = kept.body.clone();
            match &kept.moved {
                Some((status, place)) => (*status, count, format!("location: {place}\r\n"), own),
                None => (kept.answers.pop_front().unwrap_or(200), count, String::new(), own),
            }
        };
        let body = own.unwrap_or_else(|| format!("{{\"n\":{count}}}"));
        let head = format!(
            "HTTP/1.1 {status} Status\r\n{location}content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        if writer.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Received> {
    let mut line = String::new();
    let mut next = |reader: &mut dyn BufRead| {
        line.clear();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        Some(line.trim_end().to_owned())
    };
    let first = next(reader)?;
    let mut words = first.split(' ');
    let path = words.nth(1)?.to_owned();
    let mut headers = Vec::new();
    loop {
        let line = next(reader)?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Received { path, headers, body, at: Instant::now() })
}
