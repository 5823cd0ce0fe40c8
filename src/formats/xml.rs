//! XML as the plain object that the same data would be in JSON.
//!
//! The root's own name is left out: `<xml><A>1</A></xml>` is `{"A": "1"}`. Attributes are `@name`, text beside elements is
//! `#text`, an element that is there several times is an array. There are no document types and thus no entities but the
//! five of XML itself, and every dimension has a cap. The text is in the charset of its byte order mark, of its `Content-Type`,
//! of its declaration, or UTF-8 (RFC 7303 section 3).

use quick_xml::{
    Reader, XmlVersion,
    escape::resolve_xml_entity,
    events::{BytesStart, Event},
};
use serde_json::{Map, Value};

use super::charset::{self, Charset};

/// Elements within each other. The engine's JSON ends at 128.
const MAX_DEPTH: usize = 64;
/// Attributes of one element.
const MAX_ATTRIBUTES: usize = 100;
/// Elements and attributes of a document.
const MAX_NODES: usize = 100_000;
/// Bytes in which the declaration stands.
const MAX_DECLARATION: usize = 200;

/// An element whose end has not come.
struct Open {
    name: String,
    fields: Map<String, Value>,
    text: String,
}

/// Reads a document.
///
/// # Errors
/// Why it is none, or which cap it is over.
pub(super) fn to_json(bytes: &[u8], by_type: Option<Charset>) -> Result<Value, String> {
    // What begins in ASCII is not UTF-16, whatever was declared: .NET writes `encoding="utf-16"` into texts that it then sends
    // as UTF-8 (WHATWG HTML 13.2.3.2 takes it for UTF-8, too).
    let begins_in_ascii = matches!(bytes.trim_ascii_start(), [b'<', 1..0x80, ..]);
    let said = by_type.or_else(|| declared(bytes)).filter(|said| !(said.is_utf_16() && begins_in_ascii));
    let text = charset::text(bytes, said).map_err(|why| format!("the XML cannot be read: {why}"))?;
    let mut reader = Reader::from_str(&text);
    let mut open: Vec<Open> = Vec::new();
    let mut root: Option<Value> = None;
    let mut nodes = 0;
    loop {
        let event = reader.read_event();
        let place = reader.buffer_position();
        let wrong = |what: &str| format!("the XML {what} at byte {place}");
        match event.map_err(|error| wrong(&format!("is not well-formed ({error})")))? {
            Event::Start(start) => {
                if open.is_empty() && root.is_some() {
                    return Err(wrong("has a second root"));
                }
                if open.len() >= MAX_DEPTH {
                    return Err(wrong(&format!("is nested more than {MAX_DEPTH} deep")));
                }
                open.push(element(&start, &mut nodes).map_err(|why| wrong(&why))?);
            }
            Event::Empty(start) => {
                let element = element(&start, &mut nodes).map_err(|why| wrong(&why))?;
                if !close(element, &mut open, &mut root) {
                    return Err(wrong("has a second root"));
                }
            }
            Event::End(_) => {
                let element = open.pop().ok_or_else(|| wrong("ends an element that did not begin"))?;
                close(element, &mut open, &mut root);
            }
            Event::Text(piece) => match open.last_mut() {
                Some(element) => element.text.push_str(&piece.xml10_content()),
                None if piece.trim().is_empty() => {}
                None => return Err(wrong("has text outside its root")),
            },
            Event::CData(piece) => {
                let element = open.last_mut().ok_or_else(|| wrong("has text outside its root"))?;
                element.text.push_str(&piece.xml10_content());
            }
            Event::GeneralRef(reference) => {
                let element = open.last_mut().ok_or_else(|| wrong("has a reference outside its root"))?;
                match reference
                    .resolve_char_ref()
                    .map_err(|error| wrong(&format!("has a wrong reference ({error})")))?
                {
                    Some(character) => element.text.push(character),
                    None => {
                        let meaning = resolve_xml_entity(&reference);
                        element.text.push_str(
                            meaning.ok_or_else(|| wrong("uses an entity that XML does not define"))?,
                        );
                    }
                }
            }
            Event::DocType(_) => return Err(wrong("has a document type, which is not accepted")),
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
            Event::Eof if !open.is_empty() => return Err(wrong("ends within an element")),
            Event::Eof => return root.ok_or_else(|| wrong("has no root")),
        }
    }
}

/// The charset of the declaration, as in `<?xml version="1.0" encoding="GBK"?>`.
pub(super) fn declared(bytes: &[u8]) -> Option<Charset> {
    // Far longer than any declaration; what comes before the charset is ASCII in all of them that matter.
    let head = &bytes[..bytes.len().min(MAX_DECLARATION)];
    let declaration = head.trim_ascii_start().strip_prefix(b"<?xml")?;
    let declaration = &declaration[..memchr::memmem::find(declaration, b"?>")?];
    let at = memchr::memmem::find(declaration, b"encoding")?;
    let value =
        declaration[at + b"encoding".len()..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (&quote, value) = value.split_first()?;
    let end = value.iter().position(|&byte| byte == quote)?;
    Charset::of(std::str::from_utf8(&value[..end]).ok()?)
}

/// One child more of an element; a name given several times becomes an array.
fn add_value(fields: &mut Map<String, Value>, name: String, value: Value) {
    match fields.get_mut(&name) {
        None => {
            fields.insert(name, value);
        }
        Some(Value::Array(values)) => values.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
    }
}

fn element(start: &BytesStart<'_>, nodes: &mut usize) -> Result<Open, String> {
    let mut fields = Map::new();
    *nodes += 1;
    for (count, attribute) in start.attributes().enumerate() {
        let attribute = attribute.map_err(|error| format!("has a wrong attribute ({error})"))?;
        if count >= MAX_ATTRIBUTES {
            return Err(format!("has an element with more than {MAX_ATTRIBUTES} attributes"));
        }
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|error| format!("has a wrong attribute ({error})"))?;
        fields.insert(format!("@{}", attribute.key.as_ref()), Value::String(value.into_owned()));
        *nodes += 1;
    }
    if *nodes > MAX_NODES {
        return Err(format!("has more than {MAX_NODES} elements and attributes"));
    }
    Ok(Open { name: start.name().as_ref().to_owned(), fields, text: String::new() })
}

/// Gives an element to its parent, or makes it the root; tells whether it had a place.
fn close(element: Open, open: &mut [Open], root: &mut Option<Value>) -> bool {
    let Open { name, mut fields, text } = element;
    let value = if fields.is_empty() {
        Value::String(text)
    } else {
        // White space between elements is only how it was laid out.
        if !text.trim().is_empty() {
            fields.insert("#text".to_owned(), Value::String(text));
        }
        Value::Object(fields)
    };
    match open.last_mut() {
        Some(parent) => {
            add_value(&mut parent.fields, name, value);
            true
        }
        None => root.replace(value).is_none(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn xml_becomes_the_object_that_it_means() {
        let cases = [
            ("<xml><A>1</A></xml>", json!({"A": "1"})),
            (
                "<?xml version=\"1.0\"?>\n<xml>\n <A>1</A>\n <B> x </B>\n</xml>\n",
                json!({"A": "1", "B": " x "}),
            ),
            ("<x><C><![CDATA[a <b> & ]]>c</C></x>", json!({"C": "a <b> & c"})),
            ("<x><i>1</i><n/><i>2</i><i a='3'/></x>", json!({"i": ["1", "2", {"@a": "3"}], "n": ""})),
            (
                "<x a='1' b=\"&lt;&#x41;\"><c d='e'>f</c></x>",
                json!({"@a": "1", "@b": "<A", "c": {"@d": "e", "#text": "f"}}),
            ),
            ("<p>before <b>bold</b> after</p>", json!({"b": "bold", "#text": "before  after"})),
            ("<a>&amp;&lt;&gt;&quot;&apos;&#65;&#x4e2d;</a>", json!("&<>\"'A中")),
            ("<a>x<!-- no --><?pi no?>y</a>", json!("xy")),
            ("<soap:E xmlns:soap='u'><soap:B/></soap:E>", json!({"@xmlns:soap": "u", "soap:B": ""})),
            ("<x><__proto__>p</__proto__></x>", json!({"__proto__": "p"})),
            ("\u{feff}<a/>", json!("")),
        ];
        for (xml, expected) in cases {
            assert_eq!(to_json(xml.as_bytes(), None), Ok(expected), "{xml}");
        }
    }

    #[test]
    fn a_document_is_read_in_the_charset_that_it_says() {
        let cases: [(&[u8], Option<&str>, &str); 11] = [
            ("<?xml version=\"1.0\" encoding=\"UTF-16\"?><a>é</a>".as_bytes(), None, "é"),
            ("<?xml version=\"1.0\" encoding=\"utf-16le\"?><a>é</a>".as_bytes(), None, "é"),
            ("\n<a>é</a>".as_bytes(), Some("utf-16"), "é"),
            (b"<\0a\0>\0h\0<\0/\0a\0>\0", Some("utf-16"), "h"),
            (b"\0<\0a\0>\0h\0<\0/\0a\0>", Some("utf-16be"), "h"),
            (b"<?xml version=\"1.0\" encoding=\"GBK\"?><a>\xb1\xa8\xb8\xe6</a>", None, "报告"),
            (b"<?xml version='1.0' encoding = 'gb2312' ?><a>\xb1\xa8\xb8\xe6</a>", None, "报告"),
            (b"<a>\xb1\xa8\xb8\xe6</a>", Some("gbk"), "报告"),
            (b"\xff\xfe<\0a\0>\0h\0<\0/\0a\0>\0", None, "h"),
            (b"<?xml version=\"1.0\" encoding=\"iso-8859-1\"?><a>Jos\xe9</a>", None, "José"),
            ("<?xml version=\"1.0\" encoding=\"UTF-8\"?><a>报告</a>".as_bytes(), None, "报告"),
        ];
        for (bytes, by_type, expected) in cases {
            assert_eq!(to_json(bytes, by_type.and_then(Charset::of)), Ok(json!(expected)), "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_plain_document_is_refused() {
        let cases = [
            ("", "has no root"),
            ("text", "text outside"),
            ("<a></b>", "not well-formed"),
            ("<a>", "within an element"),
            ("</a>", "not well-formed"),
            ("<a/><b/>", "second root"),
            ("<a/><b></b>", "second root"),
            ("<a/>text", "text outside"),
            ("<a>&undefined;</a>", "does not define"),
            ("<a>&#0;</a>", "wrong reference"),
            ("<a b='1' b='2'/>", "wrong attribute"),
            ("<a b='&x;'/>", "wrong attribute"),
            ("<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>", "document type"),
            ("<!DOCTYPE lolz><a/>", "document type"),
        ];
        for (xml, why) in cases {
            let error = to_json(xml.as_bytes(), None).unwrap_err();
            assert!(error.contains(why), "{xml}: {error}");
        }
        assert!(to_json(b"<a>\xff</a>", None).is_err());
    }

    #[test]
    fn every_dimension_has_a_cap() {
        let deep = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert!(to_json(deep(MAX_DEPTH).as_bytes(), None).is_ok());
        assert!(to_json(deep(MAX_DEPTH + 1).as_bytes(), None).is_err());
        assert!(to_json("<a>".repeat(1_000_000).as_bytes(), None).is_err());
        let wide = |count: usize| format!("<x>{}</x>", "<a/>".repeat(count));
        assert!(to_json(wide(MAX_NODES - 1).as_bytes(), None).is_ok());
        assert!(to_json(wide(MAX_NODES).as_bytes(), None).is_err());
        let attributes = |count: usize| {
            let all: String = (0..count).map(|n| format!(" a{n}='1'")).collect();
            format!("<x{all}/>")
        };
        assert!(to_json(attributes(MAX_ATTRIBUTES).as_bytes(), None).is_ok());
        assert!(to_json(attributes(MAX_ATTRIBUTES + 1).as_bytes(), None).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic_and_what_is_read_is_json(bytes: Vec<u8>, text in "[<>/a-c='\"&;#! \\[\\]CDAT?-]{0,80}") {
            let _ = to_json(&bytes, None);
            let whole = format!("<x>{text}</x>");
            for xml in [&text, &whole] {
                if let Ok(value) = to_json(xml.as_bytes(), None) {
                    prop_assert!(crate::model::JsonText::parse(value.to_string()).is_ok());
                }
            }
        }
    }
}
