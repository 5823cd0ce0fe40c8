//! The bytes of a text that stand outside quotes.

/// Goes over the bytes outside quotes, with their places. Inside double quotes a backslash escapes, as in JSON; in single quotes
/// nothing does.
pub(super) struct Bare<'a> {
    text: &'a [u8],
    /// The bytes that quote here.
    quotes: &'static [u8],
    at: usize,
    open: Option<u8>,
    escaped: bool,
}

impl<'a> Bare<'a> {
    /// For the keys of a path.
    pub(super) fn of_path(text: &'a str) -> Self {
        Self { text: text.as_bytes(), quotes: b"\"", at: 0, open: None, escaped: false }
    }

    /// For a value, which may be a text in single quotes.
    pub(super) fn of_value(text: &'a str) -> Self {
        Self { quotes: b"\"'", ..Self::of_path(text) }
    }

    /// Whether a quote is open where it stands.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }
}

impl Iterator for Bare<'_> {
    type Item = (usize, u8);

    fn next(&mut self) -> Option<(usize, u8)> {
        loop {
            let (at, byte) = (self.at, *self.text.get(self.at)?);
            self.at += 1;
            match self.open {
                Some(_) if self.escaped => self.escaped = false,
                Some(b'"') if byte == b'\\' => self.escaped = true,
                Some(open) if byte == open => self.open = None,
                Some(_) => {}
                None if self.quotes.contains(&byte) => self.open = Some(byte),
                None => return Some((at, byte)),
            }
        }
    }
}
