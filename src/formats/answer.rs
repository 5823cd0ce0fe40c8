//! The text of an answer of another service, in the charset that it says.
//!
//! The charset is the one of the byte order mark, of the `Content-Type`, of the XML declaration, of the `<meta>` of an HTML page,
//! or UTF-8, in this order, as browsers go by it (<https://html.spec.whatwg.org/multipage/parsing.html#determining-the-character-encoding>).

use std::borrow::Cow;

use super::{
    charset::{self, Charset},
    media, xml,
};

/// Bytes in which the `<meta>` of a page must stand, as the standard says.
const MAX_PRESCAN: usize = 1_024;

/// The text of an answer, without its byte order mark.
///
/// # Errors
/// Why it is no text in its charset.
pub fn answer_text<'a>(content_type: &str, body: &'a [u8]) -> Result<Cow<'a, str>, String> {
    charset::text(body, declared(content_type, body))
}

/// The text of an answer, without its byte order mark. What is no text in its charset becomes U+FFFD.
pub fn answer_text_lossy<'a>(content_type: &str, body: &'a [u8]) -> Cow<'a, str> {
    charset::text_lossy(body, declared(content_type, body))
}

fn declared(content_type: &str, body: &[u8]) -> Option<Charset> {
    let is_page = || matches!(&*media::essence(content_type), "text/html" | "application/xhtml+xml");
    media::charset(content_type)
        .or_else(|| xml::declared(body))
        .or_else(|| is_page().then(|| in_page(body)).flatten())
}

/// The charset of the first `<meta>` that names one that is known: `<meta charset="gbk">`, or
/// `<meta http-equiv="Content-Type" content="text/html; charset=gbk">`.
fn in_page(body: &[u8]) -> Option<Charset> {
    let head = body[..body.len().min(MAX_PRESCAN)].to_ascii_lowercase();
    let mut rest = &head[..];
    loop {
        rest = &rest[memchr::memchr(b'<', rest)?..];
        if let Some(comment) = rest.strip_prefix(b"<!--") {
            rest = &comment[memchr::memmem::find(comment, b"-->")?..];
            continue;
        }
        let tag = &rest[1..];
        let tag = &tag[..memchr::memchr(b'>', tag)?];
        if let Some(attributes) = tag.strip_prefix(b"meta")
            && attributes.first().is_some_and(|byte| byte.is_ascii_whitespace() || *byte == b'/')
            && let Some(label) = label(attributes)
            && let Some(charset) = Charset::of(&label)
        {
            // Whoever can write this in ASCII writes no UTF-16: the standard takes such a page for UTF-8.
            return if charset.is_utf_16() { None } else { Some(charset) };
        }
        rest = &rest[1..];
    }
}

/// What stands behind the first `charset =` of a tag.
fn label(attributes: &[u8]) -> Option<String> {
    let name = b"charset";
    memchr::memmem::find_iter(attributes, name).find_map(|at| {
        let value = attributes[at + name.len()..].trim_ascii_start().strip_prefix(b"=")?;
        let value = value.trim_ascii_start();
        let value = value.strip_prefix(b"\"").or_else(|| value.strip_prefix(b"'")).unwrap_or(value);
        let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b';' | b'/');
        let end = value.iter().position(ends).unwrap_or(value.len());
        std::str::from_utf8(&value[..end]).ok().filter(|label| !label.is_empty()).map(str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `报告` in GBK.
    const REPORT: &[u8] = b"\xb1\xa8\xb8\xe6";

    fn with_report(before: &str, behind: &str) -> Vec<u8> {
        [before.as_bytes(), REPORT, behind.as_bytes()].concat()
    }

    #[test]
    fn an_answer_is_read_in_the_charset_that_it_says() {
        for (content_type, before, behind) in [
            ("text/plain; charset=GBK", "", ""),
            ("application/json;charset=\"gb18030\"", "\"", "\""),
            ("text/xml", "<?xml version=\"1.0\" encoding=\"gb2312\"?><a>", "</a>"),
            ("", "<?xml version='1.0' encoding='GBK'?><a>", "</a>"),
            ("text/html", "<!doctype html><meta charset=gbk><p>", ""),
            ("text/html", "<html><head><META  CharSet = 'GBK' /><title>", "</title>"),
            (
                "text/html;",
                "<meta name=x content=\"charset\"><meta http-equiv=\"Content-Type\" content=\"text/html; charset=gb2312\">",
                "",
            ),
            (
                "text/html",
                "<!-- <meta charset=utf-8> --><meta charset=\"no such\"><meta charset=\"gbk\">",
                "",
            ),
            // What the head says wins over what the page says.
            ("text/html; charset=gbk", "<meta charset=utf-8>", ""),
        ] {
            let body = with_report(before, behind);
            let expected = format!("{before}报告{behind}");
            assert_eq!(
                answer_text(content_type, &body).as_deref(),
                Ok(&*expected),
                "{content_type} {before}"
            );
            assert_eq!(answer_text_lossy(content_type, &body), expected);
        }
    }

    #[test]
    fn an_answer_that_says_nothing_is_in_utf_8() {
        let far = format!("{}<meta charset=gbk>", " ".repeat(MAX_PRESCAN));
        for (content_type, before) in [
            ("text/plain", ""),
            ("text/html; charset=nonsense", ""),
            ("text/html", "<meta charset=utf-16>"),
            ("text/html", "<metadata charset=gbk>"),
            ("text/html", "<meta data=charset>"),
            ("text/html", "<meta charset=>"),
            ("text/html", "<meta charset=gbk"),
            ("text/html", "<!-- <meta charset=gbk>"),
            ("text/html", &*far),
            // Only pages have such a tag.
            ("text/plain", "<meta charset=gbk>"),
        ] {
            let text = format!("{before}报告");
            assert_eq!(
                answer_text(content_type, text.as_bytes()).as_deref(),
                Ok(&*text),
                "{content_type} {before}"
            );
            let body = with_report(before, "");
            assert!(answer_text(content_type, &body).is_err(), "{content_type} {before}");
            assert!(answer_text_lossy(content_type, &body).contains('\u{fffd}'));
        }
        assert_eq!(answer_text("text/plain; charset=gbk", b"\xef\xbb\xbfhi").as_deref(), Ok("hi"));
        assert_eq!(answer_text_lossy("", b"\xff\xfeh\0i\0"), "hi");
    }

    proptest! {
        #[test]
        fn any_answer_is_a_text_or_refused(
            body in prop::collection::vec(prop_oneof![Just(b'<'), Just(b'='), Just(b'>'), any::<u8>()], 0..64),
        ) {
            for content_type in ["", "text/html", "text/html; charset=shift_jis"] {
                let page = [b"<meta charset", &body[..]].concat();
                let _ = (answer_text(content_type, &page), answer_text_lossy(content_type, &page));
            }
        }
    }
}
