//! An HTTP/1.1 client that sends exactly the bytes it is told: tests need wrong lengths, repeated headers
//! and requests without a content type, which a polite client would repair.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

/// How long the server may be silent before a test fails.
const SILENCE: Duration = Duration::from_secs(60);

/// A request; nothing is added but `Host`, `Content-Length` (with a body) and `Connection: close`.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    pub fn new(method: &str, target: &str) -> Self {
        Self { method: method.to_owned(), target: target.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    pub fn post(target: &str) -> Self {
        Self::new("POST", target)
    }

    /// Adds a header, beside any of the same name.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn headers<'a>(self, headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        headers.into_iter().fold(self, |request, (name, value)| request.header(name, value))
    }

    /// The body as it is, without a content type.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    pub fn form(self, body: &str) -> Self {
        self.header("content-type", "application/x-www-form-urlencoded").body(body)
    }

    /// The bytes on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: flowcell.test\r\nConnection: close\r\n",
            self.method, self.target
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        [head.as_bytes(), &self.body].concat()
    }

    /// Sends it; an error when there is no whole response.
    pub fn send(&self, address: SocketAddr) -> io::Result<Response> {
        let received = raw_bytes(address, &self.bytes())?;
        Response::parse(&received, self.method == "HEAD")
            .ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "no whole response"))
    }
}

/// A response, read whole.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    /// The first response in these bytes, if it is whole.
    pub fn parse(bytes: &[u8], no_body: bool) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let rest = &bytes[end + 4..];
        let body = match length.and_then(|(_, value)| value.parse::<usize>().ok()) {
            _ if no_body => Vec::new(),
            Some(length) => rest.get(..length)?.to_vec(),
            None => rest.to_vec(),
        };
        Some(Self { status, headers, body })
    }

    /// The one value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("HTTP {}: the body is not JSON ({error}): {:?}", self.status, self.text())
        })
    }

    /// The `code` of a problem, after a look at its other members (RFC 9457).
    #[track_caller]
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.text());
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{problem}");
        for member in ["type", "title", "detail", "code"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {problem}");
        }
        problem["code"].as_str().expect("it was just looked at").to_owned()
    }

    /// The run that it is about.
    #[track_caller]
    pub fn run_id(&self) -> String {
        let named = self.header("flowcell-run-id").map(str::to_owned);
        named.or_else(|| self.json()["run_id"].as_str().map(str::to_owned)).expect("it names its run")
    }
}

/// Sends bytes and gives all that comes back until the server closes.
pub fn raw_bytes(address: SocketAddr, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(SILENCE))?;
    // The server may refuse and close before it has read everything.
    let _ = stream.write_all(bytes);
    let mut received = Vec::new();
    let mut buffer = [0; 16 << 10];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(received),
            Ok(count) => received.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset && !received.is_empty() => {
                return Ok(received);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Sends bytes; the response, or nothing when the server closed without one.
pub fn raw(address: SocketAddr, bytes: &[u8]) -> Option<Response> {
    raw_bytes(address, bytes).ok().and_then(|received| Response::parse(&received, false))
}
