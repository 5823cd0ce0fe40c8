//! HTTP/2 by hand: tests need frames that no polite client would send.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// An HTTP/2 connection of raw frames, with prior knowledge.
pub struct Frames(TcpStream);

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RESET: u8 = 3;
pub const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;
/// `GET / http://a` (RFC 7541 appendix A).
pub const GET_ROOT: [u8; 6] = [0x82, 0x86, 0x84, 0x41, 0x01, b'a'];

impl Frames {
    pub fn connect(address: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        let mut frames = Self(stream);
        assert!(frames.send(SETTINGS, 0, 0, &[]));
        frames
    }

    /// Whether the server still takes frames.
    pub fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        let length = (payload.len() as u32).to_be_bytes();
        let frame = [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat();
        self.0.write_all(&frame).is_ok()
    }

    /// The next frame: its kind, flags, stream and payload.
    pub fn next(&mut self) -> Option<(u8, u8, u32, Vec<u8>)> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).ok()?;
        Some((head[3], head[4], u32::from_be_bytes([head[5], head[6], head[7], head[8]]), payload))
    }

    /// Whether the server ends the connection within the read timeout.
    pub fn ends(&mut self) -> bool {
        while self.next().is_some() {}
        // A timeout leaves the connection usable.
        self.0
            .peek(&mut [0])
            .map_or_else(|error| error.kind() != std::io::ErrorKind::WouldBlock, |read| read == 0)
    }
}

/// Bodies under way on one HTTP/2 connection, sent as fast as the server takes them.
pub struct Uploads {
    frames: Frames,
    /// What the server takes on the connection.
    window: i64,
    /// What it takes on a new stream.
    first_window: i64,
    streams: BTreeMap<u32, Upload>,
    /// Streams that were answered or reset.
    pub refused: usize,
}

struct Upload {
    window: i64,
    left: i64,
}

impl Uploads {
    /// `POST http://a{path}` on so many streams, each with `bytes` of a body that never ends.
    pub fn begin(address: SocketAddr, path: &str, streams: u32, bytes: i64) -> Self {
        let frames = Frames::connect(address);
        frames.0.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut uploads =
            Self { frames, window: 65_535, first_window: 65_535, streams: BTreeMap::new(), refused: 0 };
        let post = [&[0x83, 0x86, 0x41, 1, b'a', 0x04, path.len() as u8], path.as_bytes()].concat();
        for stream in (0..streams).map(|number| 2 * number + 1) {
            uploads.frames.send(HEADERS, END_HEADERS, stream, &post);
            uploads.streams.insert(stream, Upload { window: uploads.first_window, left: bytes });
        }
        uploads
    }

    /// Sends until all is sent that the server takes, or nothing comes from it any more.
    pub fn send_all(&mut self) {
        const FRAME: i64 = 16 << 10;
        while self.streams.values().any(|upload| upload.left > 0) {
            let connection = self.window;
            let ready = self.streams.iter_mut().find_map(|(stream, upload)| {
                let count = upload.left.min(FRAME);
                let fits = count > 0 && upload.window >= count && connection >= count;
                fits.then(|| {
                    upload.window -= count;
                    upload.left -= count;
                    (*stream, count)
                })
            });
            match ready {
                Some((stream, count)) => {
                    self.window -= count;
                    if !self.frames.send(DATA, 0, stream, &vec![b'x'; count as usize]) {
                        return;
                    }
                }
                None if self.take() => {}
                None => return,
            }
        }
    }

    /// Takes one frame from the server.
    fn take(&mut self) -> bool {
        let Some((kind, flags, stream, payload)) = self.frames.next() else { return false };
        let number = |at: usize| i64::from(u32::from_be_bytes(payload[at..at + 4].try_into().unwrap()));
        match kind {
            SETTINGS if flags == 0 => {
                for at in (0..payload.len()).step_by(6).filter(|at| payload[*at..at + 2] == [0, 4]) {
                    let more = number(at + 2) - self.first_window;
                    self.first_window += more;
                    self.streams.values_mut().for_each(|upload| upload.window += more);
                }
                self.frames.send(SETTINGS, 1, 0, &[]);
            }
            WINDOW_UPDATE if stream == 0 => self.window += number(0),
            WINDOW_UPDATE => {
                if let Some(upload) = self.streams.get_mut(&stream) {
                    upload.window += number(0);
                }
            }
            HEADERS | RESET => self.refused += usize::from(self.streams.remove(&stream).is_some()),
            _ => {}
        }
        true
    }
}
