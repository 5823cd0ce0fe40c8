//! A second, stricter look at the heads of HTTP/1.1 requests, against request smuggling.
//!
//! hyper reads some heads that a proxy in front may read in another way: a line that ends in LF alone, a length given
//! twice or beside `Transfer-Encoding`, white space in the lines of chunks. RFC 9112 allows that. It is refused here
//! nevertheless, because no honest sender writes so. Bodies are followed to their ends, so that the next head is
//! checked too.
//!
//! To refuse, the offending byte is replaced by one that no head may have. hyper itself then answers 400 and closes.
//! hyper has no hook between its parser and the answer, so this is the one place where input is changed to signal
//! something.

use super::{
    chunks::{Chunks, Found},
    lines::Lines,
};

/// The bytes that HTTP/2 connections begin with (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const LENGTH: &[u8] = b"content-length";
const ENCODING: &[u8] = b"transfer-encoding";
/// A byte that no part of a head may have, so hyper refuses it.
const POISON: u8 = 0;

/// The position in the stream of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    /// In a head, or before one.
    Head,
    /// In a body. Holds how many of its bytes are still to come.
    Body(u64),
    /// In a chunked body.
    Chunks(Chunks),
    /// In something that is not HTTP/1.1.
    Elsewhere,
}

/// The part of a line that matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// In the header's name. Holds how many of its bytes are in `name`.
    Name(usize),
    /// The value of `Content-Length`.
    Length,
    /// Anything else; it is not looked at.
    Other,
}

/// The state of one connection.
#[derive(Debug)]
pub(super) struct Heads {
    place: Position,
    part: Part,
    /// How many bytes of the preface have come; `None` once the bytes differ from it.
    preface: Option<usize>,
    name: [u8; ENCODING.len()],
    before: u8,
    /// The length of the line so far, without its end.
    column: usize,
    /// How many whole lines of the head have come.
    lines: usize,
    length: Option<u64>,
    chunks: bool,
}

impl Default for Heads {
    fn default() -> Self {
        Self {
            place: Position::Head,
            part: Part::Other,
            preface: Some(0),
            name: [0; ENCODING.len()],
            before: 0,
            column: 0,
            lines: 0,
            length: None,
            chunks: false,
        }
    }
}

impl Heads {
    /// Looks at bytes that came, and spoils those that must not be read. `lines` gets the request lines.
    pub(super) fn look(&mut self, mut bytes: &mut [u8], lines: &mut Lines) {
        self.compare_preface(bytes);
        loop {
            match self.place {
                Position::Elsewhere => return,
                Position::Chunks(mut chunks) => match chunks.look(bytes) {
                    Found::More => {
                        self.place = Position::Chunks(chunks);
                        return;
                    }
                    Found::End(read) => {
                        bytes = &mut bytes[read..];
                        self.begin_head();
                    }
                    Found::Wrong(at) => {
                        // In an extension, hyper refuses a bare LF itself, and accepts everything else.
                        if !matches!(chunks, Chunks::Extension(_)) {
                            bytes[at] = POISON;
                        }
                        self.place = Position::Elsewhere;
                        return;
                    }
                },
                Position::Body(left) => {
                    let skipped = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    self.place = Position::Body(left - skipped as u64);
                    bytes = &mut bytes[skipped..];
                    if left > skipped as u64 {
                        return;
                    }
                    self.begin_head();
                }
                Position::Head => {
                    let read = self.head(bytes, lines);
                    bytes = &mut bytes[read..];
                }
            }
            if bytes.is_empty() {
                return;
            }
        }
    }

    fn compare_preface(&mut self, bytes: &[u8]) {
        let Some(same) = self.preface else { return };
        let rest = &PREFACE[same..];
        let count = rest.len().min(bytes.len());
        self.preface = (bytes[..count] == rest[..count]).then_some(same + count);
        if self.preface == Some(PREFACE.len()) {
            self.place = Position::Elsewhere;
            self.preface = None;
        }
    }

    fn begin_head(&mut self) {
        let (preface, before) = (self.preface, self.before);
        *self = Self { preface, before, ..Self::default() };
    }

    /// Reads to the end of the head, or of the bytes. Gives how many bytes it read.
    fn head(&mut self, bytes: &mut [u8], lines: &mut Lines) -> usize {
        for (at, byte) in bytes.iter_mut().enumerate() {
            let good = match *byte {
                b'\n' if self.before != b'\r' => false,
                b'\n' => {
                    if self.lines == 0 && self.column > 0 {
                        lines.ended();
                    }
                    self.end_line();
                    true
                }
                b'\r' => true,
                b':' if matches!(self.part, Part::Name(_)) => self.named(),
                other => {
                    if self.lines == 0 {
                        lines.byte(other);
                    }
                    self.content(other);
                    true
                }
            };
            if !good {
                *byte = POISON;
                self.place = Position::Elsewhere;
            }
            self.before = *byte;
            if self.place != Position::Head {
                return at + 1;
            }
        }
        bytes.len()
    }

    fn content(&mut self, byte: u8) {
        self.column += 1;
        match self.part {
            Part::Name(count) if count < self.name.len() => {
                self.name[count] = byte.to_ascii_lowercase();
                self.part = Part::Name(count + 1);
            }
            // The name is longer than those that matter.
            Part::Name(_) => self.part = Part::Other,
            Part::Length => {
                // hyper refuses a value that is not a number.
                let digit = (byte as char).to_digit(10).map(u64::from);
                if let (Some(length), Some(digit)) = (self.length, digit) {
                    self.length = length.checked_mul(10).and_then(|tens| tens.checked_add(digit));
                }
            }
            Part::Other => {}
        }
    }

    /// Called when a header's name is whole. Gives whether the header may stand here.
    fn named(&mut self) -> bool {
        let Part::Name(count) = self.part else { return true };
        self.column += 1;
        self.part = Part::Other;
        if &self.name[..count] == LENGTH {
            if self.length.is_some() || self.chunks {
                return false;
            }
            self.length = Some(0);
            self.part = Part::Length;
        } else if &self.name[..count] == ENCODING {
            if self.length.is_some() {
                return false;
            }
            self.chunks = true;
        }
        true
    }

    fn end_line(&mut self) {
        if self.column > 0 {
            self.lines += 1;
        } else if self.lines > 0 {
            self.place = match (self.chunks, self.length) {
                (true, _) => Position::Chunks(Chunks::default()),
                (false, Some(length)) if length > 0 => Position::Body(length),
                (false, _) => Position::Head,
            };
            if self.place == Position::Head {
                self.begin_head();
                return;
            }
        }
        self.column = 0;
        self.part = if self.lines > 0 { Part::Name(0) } else { Part::Other };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks at `text` in pieces of `size`. Gives the place of the first spoiled byte.
    fn spoiled(text: &str, size: usize) -> Option<usize> {
        let (mut heads, mut bytes) = (Heads::default(), text.as_bytes().to_vec());
        bytes.chunks_mut(size).for_each(|piece| heads.look(piece, &mut Lines::default()));
        assert_eq!(bytes.len(), text.len());
        text.bytes().zip(bytes).position(|(before, after)| before != after)
    }

    #[test]
    fn w19_heads_that_two_readers_read_differently_are_spoiled_and_others_are_not() {
        let cases = [
            ("a plain one", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", false),
            ("with blank lines before it", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", false),
            ("two in a row", "GET / HTTP/1.1\r\nA: b\r\n\r\nGET / HTTP/1.1\r\nA: b\r\n\r\n", false),
            ("LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", true),
            ("LF in the headers", "GET / HTTP/1.1\r\nHost: a\nB: c\r\n\r\n", true),
            ("LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", true),
            ("LF in the second", "GET / HTTP/1.1\r\nA: b\r\n\r\nGET / HTTP/1.1\nA: b\r\n\r\n", true),
            (
                "LF in a body",
                "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\na\nb\n\nGET / HTTP/1.1\r\n\r\n",
                false,
            ),
            ("LF after a body", "POST / HTTP/1.1\r\ncontent-length:5\r\n\r\na\nb\n\nGET / HTTP/1.1\n", true),
            (
                "LF in chunks",
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\na\n\r\n0\r\n\r\n",
                false,
            ),
            (
                "white space in the line of a chunk",
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2 \r\na\n\r\n0\r\n\r\n",
                true,
            ),
            (
                "two lengths",
                "POST / HTTP/1.1\r\nContent-Length: 5\r\nA: b\r\nCONTENT-LENGTH: 5\r\n\r\n",
                true,
            ),
            (
                "a length, then chunks",
                "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: x\r\n\r\n",
                true,
            ),
            (
                "chunks, then a length",
                "POST / HTTP/1.1\r\nTransfer-encoding: chunked\r\nContent-Length: 5\r\n\r\n",
                true,
            ),
            (
                "a name that begins so",
                "POST / HTTP/1.1\r\nContent-Length-X: 5\r\nContent-Length: 0\r\n\r\n",
                false,
            ),
            (
                "a value that says so",
                "GET / HTTP/1.1\r\nA: Content-Length: 5\r\nContent-Length: 0\r\n\r\n",
                false,
            ),
            ("a target that says so", "GET content-length: HTTP/1.1\r\nContent-Length: 0\r\n\r\n", false),
            ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\n\nContent-Length: 1\nContent-Length: 1\n", false),
            ("nearly HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\rX\n", true),
            ("HTTP/2 after a request", "GET / HTTP/1.1\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\n", true),
        ];
        for (case, text, expected) in cases {
            let whole = spoiled(text, text.len());
            assert_eq!(whole.is_some(), expected, "{case}");
            for size in 1..text.len() {
                assert_eq!(spoiled(text, size), whole, "{case}, {size} bytes at once");
            }
        }
    }

    #[test]
    fn l1_what_stands_behind_a_body_is_looked_at_as_a_head() {
        let bad = "GET / HTTP/1.1\nA: b\r\n\r\n";
        let good = "GET / HTTP/1.1\r\nA: b\r\n\r\n";
        let bodies = [
            "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "transfer-encoding:chunked\r\n\r\n3;x\r\na\nb\r\n0\r\nT: \r\n\r\n",
            "Content-Length: 3\r\n\r\na\nb",
        ];
        for body in bodies {
            let first = format!("POST / HTTP/1.1\r\n{body}");
            for times in 1..3 {
                let before = first.repeat(times);
                for size in 1..before.len() {
                    let found = spoiled(&format!("{before}{bad}"), size);
                    assert_eq!(found, Some(before.len() + 14), "{before:?}, {size} bytes at once");
                    assert_eq!(spoiled(&format!("{before}{good}{before}"), size), None, "{before:?}");
                }
            }
        }
    }

    #[test]
    fn w19_endless_numbers_do_not_wrap_around() {
        let text = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n\n", "9".repeat(400));
        assert!(spoiled(&text, 7).is_some(), "it is no length, so what follows is looked at as a head");
    }
}
