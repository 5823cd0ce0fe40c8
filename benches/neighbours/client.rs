//! The least HTTP/1.1 that a measurement needs: one connection that is kept, one request after the other.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

pub struct Client {
    address: SocketAddr,
    stream: Option<TcpStream>,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        Self { address, stream: None }
    }

    /// The status of the answer; nothing when there is none within ten seconds.
    pub fn post(&mut self, path: &str, body: &[u8]) -> Option<u16> {
        self.send(path, &[], body)
    }

    pub fn send(&mut self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<u16> {
        let sent = self.try_send(path, headers, body);
        if sent.is_none() {
            self.stream = None;
        }
        sent
    }

    fn try_send(&mut self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<u16> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.address).ok()?;
            stream.set_nodelay(true).ok()?;
            stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
            stream.set_write_timeout(Some(Duration::from_secs(10))).ok()?;
            self.stream = Some(stream);
        }
        let stream = self.stream.as_mut()?;
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        stream.write_all(&[request.as_bytes(), body].concat()).ok()?;
        let (mut got, mut part) = (Vec::new(), [0; 4096]);
        loop {
            let read = stream.read(&mut part).ok().filter(|read| *read > 0)?;
            got.extend_from_slice(&part[..read]);
            let Some(head) = got.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
            let text = String::from_utf8_lossy(&got[..head]).to_ascii_lowercase();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if got.len() - head - 4 >= length.unwrap_or(0) {
                let closes = text.contains("connection: close");
                let status = text.split(' ').nth(1)?.parse().ok();
                if closes {
                    self.stream = None;
                }
                return status;
            }
        }
    }
}
