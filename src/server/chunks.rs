//! A strict look at a chunked body (RFC 9112 section 7.1): where it ends, and whether two readers could disagree about
//! that.
//!
//! Used by `heads`, so that the head behind such a body is checked like every other. Stricter than the grammar: no
//! white space behind a size, and lines end only in CR LF.

/// The position inside a chunked body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunks {
    /// In the size of a chunk. Holds the size read so far; `None` before its first digit.
    Size(Option<u64>),
    /// In the extension behind the size.
    Extension(u64),
    /// Between CR and LF of that line.
    SizeEnd(u64),
    /// In a chunk. Holds how many of its bytes are still to come.
    Data(u64),
    /// Behind a chunk, before CR.
    DataEnd,
    /// Behind a chunk, between CR and LF.
    DataLineEnd,
    /// At the beginning of a line behind the last chunk.
    Line,
    /// In a trailer.
    Trailer,
    /// Between CR and LF of a trailer.
    TrailerEnd,
    /// Between CR and LF of the empty line.
    End,
}

/// The result of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// The body goes on.
    More,
    /// The body ends before this byte.
    End(usize),
    /// This byte must not stand there: readers could disagree about it.
    Wrong(usize),
}

impl Default for Chunks {
    fn default() -> Self {
        Self::Size(None)
    }
}

impl Chunks {
    pub(super) fn look(&mut self, bytes: &[u8]) -> Found {
        let mut at = 0;
        while at < bytes.len() {
            if let Self::Data(left) = *self {
                let skipped = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - at);
                at += skipped;
                let left = left - skipped as u64;
                *self = if left == 0 { Self::DataEnd } else { Self::Data(left) };
                continue;
            }
            let byte = bytes[at];
            at += 1;
            if (*self, byte) == (Self::End, b'\n') {
                return Found::End(at);
            }
            match self.after(byte) {
                Some(next) => *self = next,
                None => return Found::Wrong(at - 1),
            }
        }
        Found::More
    }

    fn after(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Size(Some(size)), b'\r') | (Self::Extension(size), b'\r') => Some(Self::SizeEnd(size)),
            (Self::Size(Some(size)), b';') => Some(Self::Extension(size)),
            (Self::Size(size), digit) => {
                let digit = u64::from((digit as char).to_digit(16)?);
                let size = size.unwrap_or(0).checked_mul(16)?.checked_add(digit)?;
                Some(Self::Size(Some(size)))
            }
            (Self::Extension(_), b'\n') => None,
            (Self::Extension(size), _) => Some(Self::Extension(size)),
            (Self::SizeEnd(0), b'\n') => Some(Self::Line),
            (Self::SizeEnd(size), b'\n') => Some(Self::Data(size)),
            (Self::DataEnd, b'\r') => Some(Self::DataLineEnd),
            (Self::DataLineEnd, b'\n') => Some(Self::Size(None)),
            (Self::Line, b'\r') => Some(Self::End),
            (Self::Trailer, b'\r') => Some(Self::TrailerEnd),
            (Self::Line | Self::Trailer, b'\n') => None,
            (Self::Line | Self::Trailer, _) => Some(Self::Trailer),
            (Self::TrailerEnd, b'\n') => Some(Self::Line),
            (
                Self::SizeEnd(_)
                | Self::Data(_)
                | Self::DataEnd
                | Self::DataLineEnd
                | Self::TrailerEnd
                | Self::End,
                _,
            ) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks at `text` in pieces of `size`. Gives the result, with the place counted in the whole text.
    fn look(text: &[u8], size: usize) -> Found {
        let mut chunks = Chunks::default();
        for (piece, bytes) in text.chunks(size).enumerate() {
            match chunks.look(bytes) {
                Found::More => {}
                Found::End(at) => return Found::End(piece * size + at),
                Found::Wrong(at) => return Found::Wrong(piece * size + at),
            }
        }
        Found::More
    }

    #[test]
    fn l1_a_body_in_chunks_ends_where_every_reader_ends_it() {
        let ends = |text: &str| Found::End(text.len());
        let long = "0".repeat(40);
        let cases = [
            ("0\r\n\r\n", ends("0\r\n\r\n")),
            ("1\r\na\r\n0\r\n\r\nGET", ends("1\r\na\r\n0\r\n\r\n")),
            (
                "00B\r\n0\r\n\r\n0\r\n\r\n\n\r\n000\r\n\r\n",
                ends("00B\r\n0\r\n\r\n0\r\n\r\n\n\r\n000\r\n\r\n"),
            ),
            (
                "1;a=\"b\"\r\na\r\n0\r\nA: b\r\nC: d\r\n\r\n",
                ends("1;a=\"b\"\r\na\r\n0\r\nA: b\r\nC: d\r\n\r\n"),
            ),
            ("2\r\n\n\n\r\n0\r\n\r\n", ends("2\r\n\n\n\r\n0\r\n\r\n")),
            ("5\r\nabc", Found::More),
            ("", Found::More),
            ("x\r\n", Found::Wrong(0)),
            ("\r\n", Found::Wrong(0)),
            (" 1\r\n", Found::Wrong(0)),
            ("-1\r\n", Found::Wrong(0)),
            ("+1\r\n", Found::Wrong(0)),
            ("0x1\r\n", Found::Wrong(1)),
            ("1 \r\n", Found::Wrong(1)),
            ("1\n", Found::Wrong(1)),
            ("1\ra", Found::Wrong(2)),
            ("1;a\n", Found::Wrong(3)),
            ("1;a\rb", Found::Wrong(4)),
            ("1\r\nab\r\n", Found::Wrong(4)),
            ("1\r\na\n", Found::Wrong(4)),
            ("1\r\na\r1", Found::Wrong(5)),
            ("0\r\n\n", Found::Wrong(3)),
            ("0\r\nA: b\n\r\n", Found::Wrong(7)),
            ("0\r\nA: b\rC: d\r\n", Found::Wrong(8)),
            ("0\r\n\rGET", Found::Wrong(4)),
            ("ffffffffffffffff1\r\n", Found::Wrong(16)),
            (&long, Found::More),
        ];
        for (text, expected) in cases {
            for size in 1..=text.len().max(1) {
                assert_eq!(look(text.as_bytes(), size), expected, "{text:?}, {size} bytes at once");
            }
        }
    }
}
