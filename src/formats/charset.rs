//! Text in the charset that its sender says, by the Encoding Standard (<https://encoding.spec.whatwg.org/>).

use std::borrow::Cow;

use encoding_rs::{
    BIG5, Encoding, GB18030, ISO_2022_JP, SHIFT_JIS, UTF_16BE, UTF_16LE, WINDOWS_1250, WINDOWS_1251,
    WINDOWS_1252,
};

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

    /// Whether a text of ASCII is not itself in it.
    pub(super) fn is_utf_16(self) -> bool {
        self.0 == UTF_16LE || self.0 == UTF_16BE
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
/// like. It always gives a text without control characters that the bytes do not have: what a file is called must not make its
/// form unreadable.
pub(super) fn guessed(bytes: &[u8], declared: Option<Charset>) -> String {
    // ISO-2022-JP is ASCII with escapes in it.
    if bytes.contains(&0x1b)
        && let Some(text) = Charset(ISO_2022_JP).decode(bytes)
    {
        return text.into_owned();
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    if let Some(text) = declared.and_then(|charset| charset.decode(bytes)) {
        return text.into_owned();
    }
    let likely = [looks_cyrillic(bytes).then_some(WINDOWS_1251), looks_japanese(bytes), looks_chinese(bytes)];
    let latin = [Some(WINDOWS_1252), Some(WINDOWS_1250), Some(WINDOWS_1251)];
    let is_clean = |text: &str| !text.chars().any(|character| ('\u{80}'..'\u{a0}').contains(&character));
    for charset in likely.into_iter().chain(latin).flatten() {
        if let Some(text) = Charset(charset).decode(bytes)
            && is_clean(&text)
        {
            return text.into_owned();
        }
    }
    let text = WINDOWS_1252.decode_without_bom_handling(bytes).0;
    text.replace(|character| ('\u{80}'..'\u{a0}').contains(&character), "\u{fffd}")
}

/// The same text in the charsets whose second bytes may be a quote's escape, for a text that could not be read as it was guessed.
pub(super) fn others(bytes: &[u8]) -> impl Iterator<Item = Cow<'_, str>> {
    let is_text = std::str::from_utf8(bytes).is_ok();
    let charsets = [SHIFT_JIS, BIG5, GB18030].into_iter().filter(move |_| !is_text);
    charsets.filter_map(move |charset| Charset(charset).decode(bytes))
}

/// The runs of bytes over 7F, each with the byte before it and the one behind it.
fn runs(bytes: &[u8]) -> impl Iterator<Item = (Option<u8>, &[u8], Option<u8>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let begin = at + bytes[at..].iter().position(|byte| !byte.is_ascii())?;
        let end = bytes[begin..].iter().position(u8::is_ascii).map_or(bytes.len(), |length| begin + length);
        at = end;
        Some((begin.checked_sub(1).map(|before| bytes[before]), &bytes[begin..end], bytes.get(end).copied()))
    })
}

/// Whether words are of the letters of windows-1251, nearly all of them small: as GBK they would be rare characters alone.
fn looks_cyrillic(bytes: &[u8]) -> bool {
    let letters = |run: &[u8]| {
        let (&first, rest) = run.split_first().expect("a run is not empty");
        matches!(first, 0xa8 | 0xb8 | 0xc0..) && rest.iter().all(|byte| matches!(byte, 0xb8 | 0xe0..))
    };
    runs(bytes).all(|(_, run, _)| letters(run)) && runs(bytes).any(|(_, run, _)| run.len() >= 3)
}

/// Shift_JIS, if these bytes are a text in it with kana in it: Chinese has none.
fn looks_japanese(bytes: &[u8]) -> Option<&'static Encoding> {
    let text = Charset(SHIFT_JIS).decode(bytes)?;
    let kana = |character| matches!(character, '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fc}');
    let latin = |character| matches!(character, '\u{ff61}'..='\u{ff9f}');
    (text.chars().any(kana) && !text.chars().any(latin)).then_some(SHIFT_JIS)
}

/// GB18030, if these bytes come in its pairs and fours, and most of them are over 7F. Names in Latin letters have their accented
/// letters one by one, so that the second byte of a pair would be ASCII. A detector of browsers takes so short a text for
/// Korean.
fn looks_chinese(bytes: &[u8]) -> Option<&'static Encoding> {
    let (mut high, mut low) = (0, 0);
    let mut rest = bytes;
    while let Some((&first, behind)) = rest.split_first() {
        rest = match (first, behind) {
            (..=0x7f, _) => behind,
            (0x81..=0xfe, [0x80..=0xfe, behind @ ..]) => {
                high += 1;
                behind
            }
            (0x81..=0xfe, [b'0'..=b'9', 0x81..=0xfe, b'0'..=b'9', behind @ ..]) => {
                high += 1;
                behind
            }
            (0x81..=0xfe, [0x40..=0x7e, behind @ ..]) => {
                low += 1;
                behind
            }
            _ => return None,
        };
    }
    // As in "créée": two accented letters within a word.
    let within_word = |(before, run, behind): (Option<u8>, &[u8], Option<u8>)| {
        let small = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase());
        run.len() <= 2 && small(before) && small(behind)
    };
    (high > 0 && high >= low && !runs(bytes).all(within_word)).then_some(GB18030)
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
        let cases: [(&[u8], Option<&str>, &str); 19] = [
            ("报告.csv".as_bytes(), Some("gbk"), "报告.csv"),
            (b"\x8f\x88\xc8\xfd.csv", None, "張三.csv"),
            (b"\xc0\xee\x88\xd2.pdf", None, "李堃.pdf"),
            (b"\xd6\xec\xe9F\xbb\xf9.doc", None, "朱镕基.doc"),
            (b"\x95\x32\x82\x36\xb8\xe6.txt", None, "𠀀告.txt"),
            (b"\x8eq\x82\xcc\x8e\xca\x90^.jpg", None, "子の写真.jpg"),
            (b"\x8e\xca\x90^.jpg", Some("shift_jis"), "写真.jpg"),
            (b"\x1b$B<L??\x1b(B.jpg", None, "写真.jpg"),
            (b"\xee\xf2\xf7\xe5\xf2 \xe7\xe0 \xe3\xee\xe4.doc", None, "отчет за год.doc"),
            (b"\xce\xf2\xf7\xb8\xf2\xfb.doc", None, "Отчёты.doc"),
            (b"\x9elu\x9dou\xe8k\xfd.doc", None, "žluťoučký.doc"),
            (b"cr\xe9\xe9e.pdf", None, "créée.pdf"),
            (b"\x81\x81", None, "亖"),
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
            // No guess makes control characters out of bytes that are none.
            let visible: Vec<u8> = bytes.into_iter().filter(|byte| *byte >= 0x20 && *byte != 0x7f).collect();
            if std::str::from_utf8(&visible).is_err() {
                prop_assert!(!guessed(&visible, None).contains(char::is_control));
            }
            prop_assert!(others(&visible).count() <= 3);
        }
    }
}
