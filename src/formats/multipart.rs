//! `multipart/form-data` (RFC 7578): fields become strings, files become [`Upload`]s.
//!
//! The only place that makes an `Upload`. A file's bytes stay where they are in the body, which is stored with the run; its
//! name is text that somebody sent. Stricter than MIME: lines end in CR LF, a part has few and short headers, every part has a
//! name, and the closing boundary is there. Names are read as browsers, Python (RFC 5987), .NET and mail programs (RFC 2047)
//! write them, and in the charset of the form.

use sha2::{Digest, Sha256};

use super::{
    charset::{self, Charset},
    form::{self, Fields},
    json, media,
};
use crate::model::{Content, Upload};

/// Fields and files of one form.
const MAX_PARTS: usize = 1_000;
/// The head of one part, bytes.
const MAX_HEAD: usize = 8 << 10;
/// Header lines of one part.
const MAX_LINES: usize = 16;
/// A name, a file's name or a type, bytes.
const MAX_NAME: usize = 1 << 10;
/// A field that is no file, bytes.
const MAX_FIELD: usize = 1 << 20;
/// RFC 2046 section 5.1.1.
const MAX_BOUNDARY: usize = 70;

/// # Errors
/// Why it is not a form, or which of its fields is not what it says.
pub(super) fn content(
    content_type: &str,
    body: &[u8],
    declared: Option<Charset>,
    json_fields: &[String],
) -> Result<Content, String> {
    let boundary = boundary(content_type)?;
    let declared = own_charset(body, &boundary)?.or(declared);
    let mut fields = Fields::default();
    let mut files = Vec::new();
    for (count, part) in Parts::new(body, &boundary)?.enumerate() {
        if count >= MAX_PARTS {
            return Err(format!("a form of more than {MAX_PARTS} parts"));
        }
        let Part { head, offset, size } = part?;
        let bytes = &body[offset..offset + size];
        let Head { field, filename, content_type } = Head::read(head, declared)?;
        let charset = content_type.as_deref().and_then(media::charset).or(declared);
        // A part without a file's name that is no text is kept whole, rather than bent into a string.
        match (filename, form::in_charset(bytes, charset)) {
            (None, Some(text)) => {
                if bytes.len() > MAX_FIELD {
                    return Err(format!("the field `{field}` is over {MAX_FIELD} bytes"));
                }
                let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
                if content_type.as_deref().is_some_and(is_json) {
                    let value = json::field(&field, text)?;
                    fields.add_json(field, value);
                } else {
                    fields.add(field, text.to_owned(), json_fields)?;
                }
            }
            (filename, _) => {
                let sha256 = Sha256::digest(bytes).into();
                files.push(Upload { field, filename, content_type, offset, size, sha256 });
            }
        }
    }
    Ok(Content::Multipart { fields: fields.finish(), files })
}

fn is_json(content_type: &str) -> bool {
    let essence = media::essence(content_type);
    essence == "application/json" || essence.ends_with("+json")
}

/// The charset that a form tells in a field of its own (RFC 7578 section 4.6).
fn own_charset(body: &[u8], boundary: &str) -> Result<Option<Charset>, String> {
    let quick = memchr::memmem::find(body, form::CHARSET_FIELD.as_bytes()).is_some();
    if !quick {
        return Ok(None);
    }
    for part in Parts::new(body, boundary)?.take(MAX_PARTS) {
        let Part { head, offset, size } = part?;
        if Head::read(head, None)?.field == form::CHARSET_FIELD {
            return Ok(Charset::of(&String::from_utf8_lossy(&body[offset..offset + size])));
        }
    }
    Ok(None)
}

fn boundary(content_type: &str) -> Result<String, String> {
    let parameters = media::parameters(content_type).map_err(|why| format!("its content-type: {why}"))?;
    let boundary = media::parameter(&parameters, "boundary").ok_or("its content-type names no boundary")?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    if boundary.is_empty()
        || boundary.len() > MAX_BOUNDARY
        || boundary.ends_with(' ')
        || !boundary.bytes().all(plain)
    {
        return Err("its boundary is none".to_owned());
    }
    Ok(boundary)
}

/// The parts of a body, as places in it.
struct Parts<'a> {
    body: &'a [u8],
    /// CR LF, two dashes and the boundary.
    delimiter: Vec<u8>,
    /// Behind a delimiter.
    at: usize,
    ended: bool,
}

struct Part<'a> {
    head: &'a [u8],
    offset: usize,
    size: usize,
}

impl<'a> Parts<'a> {
    fn new(body: &'a [u8], boundary: &str) -> Result<Self, String> {
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        // What stands before the first boundary is for readers of mail.
        let at = match body.strip_prefix(&delimiter[2..]) {
            Some(_) => delimiter.len() - 2,
            None => find(body, &delimiter).ok_or("its boundary is not in it")? + delimiter.len(),
        };
        Ok(Self { body, delimiter, at, ended: false })
    }

    fn next_part(&mut self) -> Result<Option<Part<'a>>, String> {
        let rest = &self.body[self.at..];
        if rest.starts_with(b"--") {
            return Ok(None);
        }
        let padding = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        if !rest[padding..].starts_with(b"\r\n") {
            return Err("a boundary does not end its line".to_owned());
        }
        let begin = self.at + padding + 2;
        let window = &self.body[begin..self.body.len().min(begin + MAX_HEAD + 4)];
        // A part without headers begins with the empty line at once.
        let (head, offset) = if window.starts_with(b"\r\n") {
            (&window[..0], begin + 2)
        } else {
            let end = find(window, b"\r\n\r\n")
                .ok_or_else(|| format!("the head of a part does not end, or is over {MAX_HEAD} bytes"))?;
            (&window[..end], begin + end + 4)
        };
        // The line break before a boundary belongs to the boundary.
        let size = find(&self.body[offset..], &self.delimiter).ok_or("its last boundary is missing")?;
        self.at = offset + size + self.delimiter.len();
        Ok(Some(Part { head, offset, size }))
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Result<Part<'a>, String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let part = self.next_part().transpose();
        self.ended = !matches!(part, Some(Ok(_)));
        part
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(haystack, needle)
}

/// What a part says of itself.
struct Head {
    field: String,
    filename: Option<String>,
    content_type: Option<String>,
}

impl Head {
    fn read(head: &[u8], charset: Option<Charset>) -> Result<Self, String> {
        // An escape begins another charset (ISO-2022-JP).
        if head.iter().any(|byte| byte.is_ascii_control() && !b"\t\r\n\x1b".contains(byte)) {
            return Err("the head of a part holds control characters".to_owned());
        }
        let first = Self::parse(&charset::guessed(head, charset));
        // In a charset that was guessed wrong, the second byte of a character may look like the escape of a quote.
        let read =
            first.or_else(|why| charset::others(head).find_map(|text| Self::parse(&text).ok()).ok_or(why));
        let is_text = std::str::from_utf8(head).is_ok();
        read.map_err(|why| {
            if is_text {
                return why;
            }
            format!(
                "{why}; its head is not UTF-8: give the charset of its sender as \"charset\" of the trigger, for instance \
                 \"shift_jis\""
            )
        })
    }

    fn parse(head: &str) -> Result<Self, String> {
        let (mut disposition, mut content_type) = (None, None);
        for (count, line) in head.split("\r\n").enumerate() {
            if count >= MAX_LINES {
                return Err(format!("a part has more than {MAX_LINES} headers"));
            }
            if line.contains(['\r', '\n']) {
                return Err("the head of a part holds half of a line's end".to_owned());
            }
            let (name, value) = line.split_once(':').ok_or("a header of a part has no colon")?;
            let kept = match name.to_ascii_lowercase().as_str() {
                "content-disposition" => &mut disposition,
                "content-type" => &mut content_type,
                _ => continue,
            };
            if kept.replace(value.trim()).is_some() {
                return Err(format!("a part has two headers `{name}`"));
            }
        }
        let disposition = disposition.ok_or("a part has no content-disposition")?;
        if media::essence(disposition) != "form-data" {
            return Err("a part is not of a form".to_owned());
        }
        let parameters = media::parameters(disposition)
            .map_err(|why| format!("the content-disposition of a part: {why}"))?;
        // The extended form says its charset, so it counts before the other (RFC 6266 section 4.3).
        let named = |name: &str| {
            let extended =
                media::parameter(&parameters, &format!("{name}*")).and_then(|value| media::extended(&value));
            extended
                .or_else(|| media::continued(&parameters, name))
                .or_else(|| media::parameter(&parameters, name).map(|value| media::encoded_words(&value)))
        };
        let field = named("name").ok_or("a part has no name")?;
        let filename = named("filename").or_else(|| media::parameter(&parameters, "filename*"));
        let content_type = content_type.map(str::to_owned);
        let long = |text: &String| text.len() > MAX_NAME;
        if long(&field) || filename.as_ref().is_some_and(long) || content_type.as_ref().is_some_and(long) {
            return Err(format!("a name in the head of a part is over {MAX_NAME} bytes"));
        }
        Ok(Self { field, filename, content_type })
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=XX";

    fn content(content_type: &str, body: &[u8]) -> Result<Content, String> {
        super::content(content_type, body, None, &[])
    }

    fn read(body: &[u8]) -> Result<(Value, Vec<Upload>), String> {
        match content(TYPE, body)? {
            Content::Multipart { fields, files } => Ok((fields.to_value(), files)),
            other => panic!("{other:?}"),
        }
    }

    fn part(disposition: &str, more: &str, content: &str) -> String {
        format!("--XX\r\nContent-Disposition: form-data; {disposition}\r\n{more}\r\n{content}\r\n")
    }

    #[test]
    fn a_form_is_read_with_its_files_in_place() {
        let body = [
            "preamble\r\n".to_owned(),
            part("name=\"a\"", "", "1"),
            part("name=\"a\"", "Content-Type: text/plain\r\n", "2\r\n--X"),
            part("name=\"__proto__\"", "", ""),
            part("name=\"企\"", "", "é"),
            part(
                "name=\"doc\"; filename=\"../../etc/passwd\"",
                "Content-Type: text/html\r\n",
                "<b>\r\n\r\n</b>",
            ),
            part("name=\"none\"; filename=\"\"", "", ""),
            "--XX--\r\nepilogue".to_owned(),
        ]
        .concat();
        let (fields, files) = read(body.as_bytes()).unwrap();
        assert_eq!(fields, json!({"a": ["1", "2\r\n--X"], "__proto__": "", "企": "é"}));
        let [doc, none] = files.as_slice() else { panic!("{files:?}") };
        assert_eq!(&body[doc.offset..doc.offset + doc.size], "<b>\r\n\r\n</b>");
        assert_eq!(
            (doc.field.as_str(), doc.filename.as_deref(), doc.content_type.as_deref()),
            ("doc", Some("../../etc/passwd"), Some("text/html"))
        );
        assert_eq!(doc.sha256[..], Sha256::digest("<b>\r\n\r\n</b>")[..]);
        assert_eq!((none.filename.as_deref(), none.size), (Some(""), 0));
        assert_eq!(read(b"--XX--").unwrap(), (json!({}), vec![]), "a form without parts");
    }

    #[test]
    fn names_and_fields_are_read_as_their_senders_write_them() {
        let file_names: [(&[u8], &str); 17] = [
            (b"filename=\"a.csv\"", "a.csv"),
            (b"filename*0=\"ab\"; filename*1=\"cd.csv\"", "abcd.csv"),
            (b"filename*1=cd.csv; filename*0=ab", "abcd.csv"),
            (b"filename*0*=utf-8''%E6%8A; filename*1*=%A5.csv", "报.csv"),
            (b"filename*0*=gbk'zh'%b1%a8; filename*1=\".csv\"", "报.csv"),
            (b"filename=\"x.csv\"; filename*0=a; filename*1=b", "ab"),
            (b"filename*0*=nope''%E6", "nope''%E6"),
            (b"filename=\"\x8e\xca\x90^.jpg\"", "幨恀.jpg"),
            (b"filename=\"\x8b@\x94\\\"", "機能"),
            (b"filename=\"\x8f\x88\xc8\xfd.csv\"", "張三.csv"),
            (b"filename*=UTF-8''%E6%8A%A5%E5%91%8A.csv", "报告.csv"),
            (b"filename=\"fallback.csv\"; filename*=utf-8''%e6%8a%a5%e5%91%8a.csv", "报告.csv"),
            (b"filename=\"=?utf-8?B?5oql5ZGKLmNzdg==?=\"", "报告.csv"),
            (b"filename=\"\xb1\xa8\xb8\xe6.csv\"", "报告.csv"),
            (b"filename=\"\xe6\x8a\xa5\xe5\x91\x8a.csv\"", "报告.csv"),
            (b"filename*=nonsense", "nonsense"),
            (b"filename=C:\\data\\a.csv", "C:\\data\\a.csv"),
        ];
        for (written, expected) in file_names {
            let body = [b"--XX\r\nContent-Disposition: form-data; name=f; ", written, b"\r\n\r\nx\r\n--XX--"]
                .concat();
            let (fields, files) = read(&body).unwrap();
            assert_eq!(fields, json!({}), "{written:?}");
            assert_eq!(files[0].filename.as_deref(), Some(expected), "{}", String::from_utf8_lossy(written));
        }
        let marked = b"--XX\r\nContent-Disposition: form-data; name=f\r\n\r\n\xef\xbb\xbfhi\r\n--XX--";
        assert_eq!(read(marked).unwrap().0, json!({"f": "hi"}), "a byte order mark");
        let gbk = b"\xb1\xa8\xb8\xe6";
        let end = b"\r\n--XX--";
        let head = |more: &str| {
            format!("--XX\r\nContent-Disposition: form-data; name=\"t\"\r\n{more}\r\n").into_bytes()
        };
        let by_part = [&head("Content-Type: text/plain; charset=gbk\r\n"), &gbk[..], end].concat();
        assert_eq!(read(&by_part).unwrap().0, json!({"t": "报告"}), "the charset of a part");
        let own = b"--XX\r\nContent-Disposition: form-data; name=\"_charset_\"\r\n\r\ngbk\r\n".to_vec();
        let by_form = [&own, &head("")[..], gbk, end].concat();
        assert_eq!(read(&by_form).unwrap().0, json!({"_charset_": "gbk", "t": "报告"}), "the form's own");
        let unsaid = [&head("")[..], gbk, end].concat();
        assert_eq!(read(&unsaid).unwrap().1.len(), 1, "bytes in no charset stay bytes");
    }

    #[test]
    fn a_part_that_says_json_is_json() {
        let body = [
            part(
                "name=\"event\"",
                "Content-Type: application/json; charset=utf-8\r\n",
                "{\"n\": 12345678901234567890}",
            ),
            part("name=\"payload\"", "", "[1]"),
            "--XX--".to_owned(),
        ]
        .concat();
        let fields = |json_fields: &[String]| match super::content(TYPE, body.as_bytes(), None, json_fields) {
            Ok(Content::Multipart { fields, .. }) => fields.as_str().to_owned(),
            other => panic!("{other:?}"),
        };
        assert_eq!(fields(&[]), r#"{"event":{"n": 12345678901234567890},"payload":"[1]"}"#);
        assert_eq!(fields(&["payload".to_owned()]), r#"{"event":{"n": 12345678901234567890},"payload":[1]}"#);
        let broken = part("name=\"event\"", "Content-Type: application/json\r\n", "{") + "--XX--";
        assert!(read(broken.as_bytes()).unwrap_err().contains("`event` is not JSON"));
    }

    #[test]
    fn what_is_no_text_is_a_file_without_a_name() {
        let body = [part("name=\"a\"", "", "").trim_end().as_bytes(), b"\r\n\r\n\xff\xfe\r\n--XX--"].concat();
        let (fields, files) = read(&body).unwrap();
        assert_eq!((fields, files[0].size, &files[0].filename), (json!({}), 2, &None));
    }

    #[test]
    fn what_is_no_form_is_refused() {
        let end = "--XX--";
        let with = |part: String| part + end;
        let many = |count: usize| with(part("name=\"a\"", "", "1").repeat(count));
        assert!(read(many(1_000).as_bytes()).is_ok());
        let cases = [
            ("too many parts", many(1_001)),
            ("a hundred thousand parts", many(100_000)),
            ("no closing boundary", part("name=\"a\"", "", "1")),
            ("no boundary at all", "hello".to_owned()),
            ("a boundary that goes on", with(part("name=\"a\"", "", "1").replace("--XX\r\n", "--XXY\r\n"))),
            ("bare line feeds", with(part("name=\"a\"", "", "1").replace("\r\n", "\n"))),
            ("no name", with(part("filename=\"a\"", "", "1"))),
            ("no disposition", with("--XX\r\nContent-Type: a/b\r\n\r\n1\r\n".to_owned())),
            ("no headers", with("--XX\r\n\r\n1\r\n".to_owned())),
            (
                "another disposition",
                with("--XX\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\n1\r\n".to_owned()),
            ),
            (
                "two dispositions",
                with(part("name=\"a\"", "Content-Disposition: form-data; name=\"b\"\r\n", "1")),
            ),
            ("two names", with(part("name=\"a\"; name=\"b\"", "", "1"))),
            ("a zero byte in a file's name", with(part("name=\"a\"; filename=\"a\0.png\"", "", "1"))),
            ("a header without a colon", with(part("name=\"a\"", "oops\r\n", "1"))),
            ("a head without end", format!("--XX\r\nContent-Disposition: form-data; name=\"a\"{end}")),
            ("a huge head", with(part("name=\"a\"", &format!("X: {}\r\n", "x".repeat(9_000)), "1"))),
            ("many headers", with(part("name=\"a\"", &"X: 1\r\n".repeat(20), "1"))),
            ("a huge name", with(part(&format!("name=\"{}\"", "n".repeat(1_100)), "", "1"))),
            ("a huge field", with(part("name=\"a\"", "", &"x".repeat(MAX_FIELD + 1)))),
            ("a quote that stays open", with(part("name=\"a", "", "1"))),
        ];
        for (what, body) in cases {
            assert!(read(body.as_bytes()).is_err(), "{what}");
        }
        let good = with(part("name=\"a\"", "", "1"));
        for kind in [
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=\"\"",
            "multipart/form-data; boundary=\"a b \"",
            "multipart/form-data; boundary=XX; boundary=YY",
            "multipart/form-data; boundary=YY",
            &format!("multipart/form-data; boundary={}", "X".repeat(71)),
        ] {
            assert!(content(kind, good.as_bytes()).is_err(), "{kind}");
        }
        assert!(content("Multipart/Form-Data; Boundary=\"XX\"", good.as_bytes()).is_ok());
    }

    /// The parts as a parser of others reads them: name, file's name, bytes.
    fn by_multer(body: &[u8]) -> Option<Vec<(String, Option<String>, Vec<u8>)>> {
        let whole = bytes::Bytes::copy_from_slice(body);
        let stream = futures::stream::once(async move { Ok::<_, std::convert::Infallible>(whole) });
        let mut form = multer::Multipart::new(stream, "XX");
        let mut parts = Vec::new();
        while let Some(field) = form.next_field().now_or_never()?.ok()? {
            let name = field.name()?.to_owned();
            let filename = field.file_name().map(str::to_owned);
            parts.push((name, filename, field.bytes().now_or_never()?.ok()?.to_vec()));
        }
        Some(parts)
    }

    proptest! {
        #[test]
        fn what_we_read_another_parser_reads_alike(
            parts in prop::collection::vec(
                ("[a-zA-Z0-9é ._-]{1,12}", prop::option::of("[a-zA-Z0-9/企 ._-]{0,12}"),
                    prop_oneof![Just(b"\r\n--X".to_vec()), prop::collection::vec(any::<u8>(), 0..40)]),
                0..6,
            ),
        ) {
            let mut body = Vec::new();
            for (name, filename, content) in &parts {
                let filename = filename.as_ref().map_or(String::new(), |name| format!("; filename=\"{name}\""));
                body.extend_from_slice(
                    format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"{filename}\r\n\r\n").as_bytes(),
                );
                body.extend_from_slice(content);
                body.extend_from_slice(b"\r\n");
            }
            body.extend_from_slice(b"--XX--\r\n");
            let theirs = by_multer(&body).expect("it is a form");
            let mut ours = Vec::new();
            for part in Parts::new(&body, "XX").unwrap() {
                let Part { head, offset, size } = part.unwrap();
                let head = Head::read(head, None).unwrap();
                ours.push((head.field, head.filename, body[offset..offset + size].to_vec()));
            }
            prop_assert_eq!(ours, theirs);
        }

        #[test]
        fn any_bytes_between_boundaries_are_read_or_refused(
            pieces in prop::collection::vec(
                prop_oneof![
                    Just(b"--XX".to_vec()), Just(b"\r\n".to_vec()), Just(b"--".to_vec()),
                    Just(b"Content-Disposition: form-data; name=\"a\"".to_vec()), Just(b"; filename=x".to_vec()),
                    prop::collection::vec(any::<u8>(), 0..6),
                ],
                0..24,
            ),
        ) {
            let body = pieces.concat();
            if let Ok((fields, files)) = read(&body) {
                prop_assert!(fields.is_object());
                for file in files {
                    prop_assert!(body.get(file.offset..file.offset + file.size).is_some());
                }
            }
        }
    }
}
