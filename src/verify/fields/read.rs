//! The fields of a request as a signature covers them: names and texts, of JSON, a form, flat XML or the query.
//!
//! Everything that two readers could read in two ways is refused: a name that is there twice, text that is no UTF-8,
//! elements within elements.

use std::fmt;

use percent_encoding::percent_decode_str;
use quick_xml::{Reader, events::Event};
use serde::{
    Deserialize,
    de::{Deserializer, Error, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// The most fields that are looked at.
const MAX_FIELDS: usize = 1_000;

/// Names and texts in the order in which they were sent.
#[derive(Debug)]
pub(super) enum Source<'a> {
    Json(Members<'a>),
    Flat(Vec<(String, String)>),
}

/// The members of a JSON object, none of which is there twice.
#[derive(Debug)]
pub(super) struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Source<'a> {
    pub(super) fn json(body: &'a [u8]) -> Result<Self, String> {
        Members::read(body).map(Self::Json)
    }

    /// A form, or the query of a URL.
    pub(super) fn form(text: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(text).map_err(|_| "the form is not UTF-8".to_owned())?;
        let mut fields = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = |text: &str| {
                let spaced = text.replace('+', " ");
                let decoded = percent_decode_str(&spaced).decode_utf8().map(|text| text.into_owned());
                decoded.map_err(|_| "the form is not UTF-8; have the sender write UTF-8".to_owned())
            };
            add(&mut fields, decoded(name)?, decoded(value)?)?;
        }
        Ok(Self::Flat(fields))
    }

    /// The elements below the root.
    pub(super) fn xml(body: &[u8]) -> Result<Self, String> {
        const BROKEN: &str = "the body is not well-formed XML";
        let text = std::str::from_utf8(body).map_err(|_| "the body is not UTF-8".to_owned())?;
        let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
        let mut fields = Vec::new();
        let mut depth = 0_usize;
        let mut open: Option<(String, String)> = None;
        loop {
            match reader.read_event().map_err(|_| BROKEN.to_owned())? {
                Event::Start(start) => {
                    depth += 1;
                    if start.attributes().next().is_some() {
                        return Err("an element has attributes, which are not signed".to_owned());
                    }
                    if depth > 2 {
                        return Err("an element holds other elements".to_owned());
                    }
                    if depth == 2 {
                        open = Some((start.name().as_ref().to_owned(), String::new()));
                    }
                }
                Event::End(_) => {
                    depth = depth.checked_sub(1).ok_or_else(|| BROKEN.to_owned())?;
                    if let Some((name, value)) = open.take() {
                        add(&mut fields, name, value)?;
                    }
                }
                Event::Empty(empty) if depth == 1 => {
                    if empty.attributes().next().is_some() {
                        return Err("an element has attributes, which are not signed".to_owned());
                    }
                    add(&mut fields, empty.name().as_ref().to_owned(), String::new())?;
                }
                Event::Empty(_) => return Err("an element holds other elements".to_owned()),
                Event::Text(piece) => match &mut open {
                    Some((_, value)) => value.push_str(&piece.xml10_content()),
                    None if piece.xml10_content().trim().is_empty() => {}
                    None => return Err("there is text between the elements, which is not signed".to_owned()),
                },
                Event::CData(piece) => match &mut open {
                    Some((_, value)) => value.push_str(&piece.xml10_content()),
                    None => return Err("there is text between the elements, which is not signed".to_owned()),
                },
                Event::GeneralRef(reference) => match &mut open {
                    Some((_, value)) => {
                        value.push(character(&reference).ok_or("it has an unknown reference")?)
                    }
                    None => return Err("there is text between the elements, which is not signed".to_owned()),
                },
                Event::DocType(_) => return Err("the body has a document type".to_owned()),
                Event::Eof if depth == 0 => return Ok(Self::Flat(fields)),
                Event::Eof => return Err(BROKEN.to_owned()),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
    }

    /// The text of a field. In JSON, dots lead into objects; elsewhere they are part of the name.
    pub(super) fn find(&self, name: &str) -> Result<Option<String>, String> {
        match self {
            Self::Flat(fields) => {
                Ok(fields.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone()))
            }
            Self::Json(members) => members.find(name),
        }
    }

    /// All fields with their texts.
    pub(super) fn all(&self) -> Result<Vec<(String, String)>, String> {
        match self {
            Self::Flat(fields) => Ok(fields.clone()),
            Self::Json(Members(members)) => {
                members.iter().map(|(name, value)| Ok((name.clone(), text_of(value)?))).collect()
            }
        }
    }
}

fn add(fields: &mut Vec<(String, String)>, name: String, value: String) -> Result<(), String> {
    if fields.len() == MAX_FIELDS {
        return Err(format!("there are more than {MAX_FIELDS} fields"));
    }
    if fields.iter().any(|(other, _)| *other == name) {
        return Err(format!("`{name}` is there twice"));
    }
    fields.push((name, value));
    Ok(())
}

/// What a reference of XML stands for.
fn character(reference: &quick_xml::events::BytesRef<'_>) -> Option<char> {
    if let Some(character) = reference.resolve_char_ref().ok()? {
        return Some(character);
    }
    match &**reference {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}

impl<'a> Members<'a> {
    fn read(text: &'a [u8]) -> Result<Self, String> {
        serde_json::from_slice(text).map_err(|error| {
            let text = error.to_string();
            let own = text.split(" at line").next().unwrap_or_default().to_owned();
            if error.is_data() { own } else { "the body is not a JSON object".to_owned() }
        })
    }

    fn find(&self, path: &str) -> Result<Option<String>, String> {
        let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let Some((_, value)) = self.0.iter().find(|(own, _)| own == name) else { return Ok(None) };
        match rest {
            None => text_of(value).map(Some),
            Some(rest) => Members::read(value.get().as_bytes())?.find(rest),
        }
    }
}

/// A string without its quotes, nothing for null, and everything else as it is written.
fn text_of(value: &RawValue) -> Result<String, String> {
    let raw = value.get();
    match raw.as_bytes().first() {
        Some(b'"') => serde_json::from_str(raw).map_err(|_| "a text is not UTF-8".to_owned()),
        Some(b'n') => Ok(String::new()),
        Some(_) | None => Ok(raw.to_owned()),
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Vec<(String, &'de RawValue)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    if members.len() == MAX_FIELDS {
                        return Err(A::Error::custom(format!("there are more than {MAX_FIELDS} fields")));
                    }
                    if members.iter().any(|(other, _)| *other == name) {
                        return Err(A::Error::custom(format!("`{name}` is there twice")));
                    }
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(source: Result<Source<'_>, String>) -> Result<Vec<(String, String)>, String> {
        source.and_then(|source| source.all())
    }

    fn pairs(fields: &[(&str, &str)]) -> Result<Vec<(String, String)>, String> {
        Ok(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn fields_are_read_as_they_were_sent() {
        let json = br#"{"b": "\u4f01 1", "a": 1.50, "n": null, "t": true, "o": {"x": [1, 2]}}"#;
        let expected =
            pairs(&[("b", "企 1"), ("a", "1.50"), ("n", ""), ("t", "true"), ("o", r#"{"x": [1, 2]}"#)]);
        assert_eq!(all(Source::json(json)), expected);
        assert_eq!(Source::json(json).unwrap().find("o.x"), Ok(Some("[1, 2]".to_owned())));
        assert_eq!(Source::json(json).unwrap().find("o.y"), Ok(None));
        assert!(Source::json(json).unwrap().find("a.y").is_err());
        assert_eq!(
            all(Source::form(b"a=1+%2B&b=&c&%E4%BC%81=x")),
            pairs(&[("a", "1 +"), ("b", ""), ("c", ""), ("企", "x")])
        );
        let xml = b"<xml>\n <a><![CDATA[1<2]]></a><b>x &amp; y&#33;</b>\n <c/><d></d></xml>";
        assert_eq!(all(Source::xml(xml)), pairs(&[("a", "1<2"), ("b", "x & y!"), ("c", ""), ("d", "")]));
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for (source, why) in [
            (Source::json(br#"{"a":1,"\u0061":2}"#), "twice"),
            (Source::json(b"[1]"), "object"),
            (Source::json(b"{"), "not a JSON object"),
            (Source::form(b"a=1&a=1"), "twice"),
            (Source::form(b"a=%ff"), "UTF-8"),
            (Source::form(b"\xff"), "UTF-8"),
            (Source::xml(b"<xml><a>1</a><a>1</a></xml>"), "twice"),
            (Source::xml(b"<xml><a><b/></a></xml>"), "other elements"),
            (Source::xml(b"<xml><a x='1'/></xml>"), "attributes"),
            (Source::xml(b"<xml>text<a/></xml>"), "not signed"),
            (Source::xml(b"<!DOCTYPE x><xml/>"), "document type"),
            (Source::xml(b"<xml><a>&x;</a></xml>"), "reference"),
            (Source::xml(b"<xml><a>"), "well-formed"),
        ] {
            let error = source.map(|_| ()).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        let many: String = (0..=MAX_FIELDS).map(|n| format!("a{n}=1&")).collect();
        assert!(Source::form(many.as_bytes()).unwrap_err().contains("more than"));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = all(Source::json(&bytes));
            let _ = all(Source::form(&bytes));
            let _ = all(Source::xml(&bytes));
        }
    }
}
