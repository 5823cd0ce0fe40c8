//! Text in the charset that its sender says, by the Encoding Standard (<https://encoding.spec.whatwg.org/>).

use std::borrow::Cow;

use encoding_rs::{Encoding, GB18030, WINDOWS_1252};

/// A charset: UTF-8, GBK, GB18030, Big5, Shift_JIS, EUC-KR, Latin-1 and the others that browsers know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charset(&'static Encoding);

impl Charset {
    /// By a label of the Encoding Standard, in any case; nothing when it is none. `latin1` is windows-1252, as for browsers.
    pub fn of(label: &str) -> Option<Self> {
        Encoding::for_label_no_replacement(label.trim().as_bytes()).map(Self)
    }

    /// Its name in the Encoding Standard, such as `GBK`.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// Whether its letters take two bytes even where they are ASCII.
    pub(super) fn is_utf16(self) -> bool {
        !self.0.is_ascii_compatible()
    }

    /// The text; nothing when these bytes are no text in it.
    pub(super) fn decode(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        self.0.decode_without_bom_handling_and_without_replacement(bytes)
    }
}

/// The text of a body without its byte order mark, in the charset of the mark, the declared one, or UTF-8, in this order.
///
/// # Errors
/// Why it is no text in that charset.
pub(super) fn text(body: &[u8], declared: Option<Charset>) -> Result<Cow<'_, str>, String> {
    let (charset, mark) = match Encoding::for_bom(body) {
        Some((marked, length)) => (Some(Charset(marked)), length),
        None => (declared, 0),
    };
    let body = &body[mark..];
    match charset.filter(|charset| charset.0 != encoding_rs::UTF_8) {
        None => {
            std::str::from_utf8(body).map(Cow::Borrowed).map_err(|error| format!("it is not UTF-8: {error}"))
        }
        Some(charset) => charset.decode(body).ok_or_else(|| format!("it is not {}", charset.name())),
    }
}

/// As [`text`], with U+FFFD for what is no text in that charset.
pub(super) fn text_lossy(body: &[u8], declared: Option<Charset>) -> Cow<'_, str> {
    // Goes by the mark, if there is one, and takes it away.
    declared.map_or(encoding_rs::UTF_8, |charset| charset.0).decode(body).0
}

/// A short text, such as the name of a file, whose sender may not say its charset: UTF-8, the declared one, or what it looks
/// like. It always gives a text: what a file is called must not make its form unreadable.
pub(super) fn guessed(bytes: &[u8], declared: Option<Charset>) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    if let Some(text) = declared.and_then(|charset| charset.decode(bytes)) {
        return text.into_owned();
    }
    let guess = if looks_chinese(bytes) { GB18030 } else { WINDOWS_1252 };
    guess.decode_without_bom_handling(bytes).0.into_owned()
}

/// Whether bytes that are not ASCII come in the pairs of GB 2312, whose bytes are both over A0: names in Latin-1 have their accented
/// letters one by one. A detector of browsers takes so short a text for Korean.
fn looks_chinese(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some((&first, behind)) = rest.split_first() {
        rest = match (first, behind.split_first()) {
            (..0x80, _) => behind,
            (0xa1..=0xf7, Some((0xa1..=0xfe, behind))) => behind,
            _ => return false,
        };
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_is_read_in_the_charset_that_is_said() {
        let gbk = Charset::of("gbk");
        let cases: [(&[u8], Option<Charset>, Result<&str, ()>); 12] = [
            ("报告".as_bytes(), None, Ok("报告")),
            ("报告".as_bytes(), Charset::of("UTF8"), Ok("报告")),
            (b"\xef\xbb\xbfhi", None, Ok("hi")),
            (b"\xef\xbb\xbfhi", gbk, Ok("hi")),
            (b"\xff\xfeh\0i\0", None, Ok("hi")),
            (b"\xfe\xff\0h\0i", None, Ok("hi")),
            (b"\xb1\xa8\xb8\xe6", gbk, Ok("报告")),
            (b"\xb1\xa8\xb8\xe6", None, Err(())),
            (b"\xff\xff", gbk, Err(())),
            (b"Jos\xe9", Charset::of("iso-8859-1"), Ok("José")),
            (b"\xb3\xf8\xa7i", Charset::of("Big5"), Ok("報告")),
            (b"\x83e\x83X\x83g", Charset::of("Shift_JIS"), Ok("テスト")),
        ];
        for (bytes, declared, expected) in cases {
            assert_eq!(text(bytes, declared).as_deref().map_err(|_| ()), expected, "{bytes:?} {declared:?}");
        }
        assert_eq!(Charset::of("no such charset"), None);
    }

    #[test]
    fn the_name_of_a_file_is_read_as_it_looks() {
        let cases: [(&[u8], Option<&str>, &str); 7] = [
            ("报告.csv".as_bytes(), Some("gbk"), "报告.csv"),
            (b"\xb1\xa8\xb8\xe6.csv", Some("gbk"), "报告.csv"),
            (b"\xb1\xa8\xb8\xe6.csv", None, "报告.csv"),
            (b"r\xe9sum\xe9.pdf", None, "résumé.pdf"),
            (b"\xc1\xaa\xcd\xa8 2024\xc4\xea.xls", None, "联通 2024年.xls"),
            (b"Stra\xdfe M\xfcller.txt", None, "Straße Müller.txt"),
            (b"a.txt", None, "a.txt"),
        ];
        for (bytes, declared, expected) in cases {
            assert_eq!(guessed(bytes, declared.and_then(Charset::of)), expected, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_text_or_refused(bytes: Vec<u8>, label in "[a-z0-9-]{0,12}") {
            let _ = text(&bytes, Charset::of(&label));
            let _ = guessed(&bytes, Charset::of(&label));
        }
    }
}
