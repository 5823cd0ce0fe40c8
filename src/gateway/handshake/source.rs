//! Fields of a request as a handshake names them, and texts made of them.

use std::{borrow::Cow, cell::OnceCell};

use http::{HeaderMap, HeaderName};
use serde_json::Value;

/// The longest value that is echoed, bytes.
const MAX_VALUE: usize = 4 << 10;
/// A body over this, in bytes, is no handshake, so that large deliveries are not parsed for it.
const MAX_BODY: usize = 16 << 10;

/// A request that may be a handshake.
pub(in crate::gateway) struct Subject<'a> {
    method: &'a str,
    query: &'a str,
    headers: &'a HeaderMap,
    body: &'a [u8],
    json: OnceCell<Option<Value>>,
}

impl<'a> Subject<'a> {
    /// `body` is what stood in the envelope if there was one.
    pub(in crate::gateway) fn new(
        method: &'a str,
        query: &'a str,
        headers: &'a HeaderMap,
        body: &'a [u8],
    ) -> Self {
        Self { method, query, headers, body, json: OnceCell::new() }
    }

    pub(super) fn method(&self) -> &str {
        self.method
    }

    fn json(&self) -> Option<&Value> {
        let parse =
            || (self.body.len() <= MAX_BODY).then(|| serde_json::from_slice(self.body).ok()).flatten();
        self.json.get_or_init(parse).as_ref()
    }
}

/// Where a value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// The parameter with this name, if it is there once.
    Query(String),
    /// The header, if it is there once.
    Header(HeaderName),
    /// The whole body as text.
    Body,
    /// A value in a JSON body, by the names of members and the numbers of elements that lead to it.
    Field(Vec<String>),
}

impl Source {
    /// `query.x`, `header.x`, `body` or `body.x.y`, with elements of arrays as `body.0.x` or `body[0].x`. The name of a parameter may hold dots.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` names no field; write query.x, header.x, body.x or body");
        let indexed = text.starts_with("body[");
        let text =
            &*if indexed { Cow::Owned(text.replacen("body[", "body.[", 1)) } else { Cow::Borrowed(text) };
        match text.split_once('.') {
            None if text == "body" => Ok(Self::Body),
            Some(("query", name)) if !name.is_empty() => Ok(Self::Query(name.to_owned())),
            Some(("header", name)) => name.parse().map(Self::Header).map_err(|_| wrong()),
            Some(("body", path)) => steps_of(path).map(Self::Field).ok_or_else(wrong),
            Some(_) | None => Err(wrong()),
        }
    }

    /// Whether it is not known before the body is read.
    pub(super) fn is_in_body(&self) -> bool {
        match self {
            Self::Query(_) | Self::Header(_) => false,
            Self::Body | Self::Field(_) => true,
        }
    }

    /// The value, if it is one that can be echoed: no object, no array, not null, not too long.
    pub(super) fn find(&self, subject: &Subject<'_>) -> Option<Value> {
        let value = match self {
            Self::Query(name) => {
                let mut values =
                    form_urlencoded::parse(subject.query.as_bytes()).filter(|(key, _)| key == name);
                let value = values.next()?.1.into_owned();
                values.next().is_none().then_some(Value::String(value))?
            }
            Self::Header(name) => {
                let mut values = subject.headers.get_all(name).iter();
                let value = values.next()?.to_str().ok()?;
                values.next().is_none().then(|| value.into())?
            }
            Self::Body => std::str::from_utf8(subject.body).ok().filter(|text| !text.is_empty())?.into(),
            Self::Field(path) => path.iter().try_fold(subject.json()?, below)?.clone(),
        };
        let fits = match &value {
            Value::String(text) => text.len() <= MAX_VALUE,
            Value::Bool(_) | Value::Number(_) => true,
            Value::Null | Value::Array(_) | Value::Object(_) => false,
        };
        fits.then_some(value)
    }

    /// Whether the field has this value; null is a field that is not there.
    pub(super) fn is(&self, expected: &Value, subject: &Subject<'_>) -> bool {
        match (self.find(subject), self) {
            (None, Self::Field(path)) if expected.is_null() => {
                let found = subject.json().and_then(|json| path.iter().try_fold(json, below));
                found.is_none_or(Value::is_null)
            }
            (None, _) => expected.is_null(),
            // What is no JSON has no other type than text.
            (Some(found), Self::Query(_) | Self::Header(_) | Self::Body) => {
                text_of(&found) == text_of(expected)
            }
            (Some(found), Self::Field(_)) => found == *expected,
        }
    }
}

/// The names and numbers of `a.0.b` and `a[0].b`; nothing when one is empty or a bracket stays open.
fn steps_of(path: &str) -> Option<Vec<String>> {
    let mut steps = Vec::new();
    for part in path.split('.') {
        let (name, indexes) = part.split_at(part.find('[').unwrap_or(part.len()));
        if !name.is_empty() {
            steps.push(name.to_owned());
        } else if indexes.is_empty() {
            return None;
        }
        let mut rest = indexes;
        while !rest.is_empty() {
            let (index, behind) = rest.strip_prefix('[')?.split_once(']')?;
            index.parse::<usize>().ok()?;
            steps.push(index.to_owned());
            rest = behind;
        }
    }
    Some(steps)
}

/// The member or element of a value.
fn below<'a>(value: &'a Value, step: &String) -> Option<&'a Value> {
    match value {
        Value::Object(members) => members.get(step),
        Value::Array(elements) => elements.get(step.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

pub(super) fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A text of literals and placeholders, such as an answer to a handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Field(Source),
    Mac,
}

impl Text {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) =
                after.split_once('}').ok_or_else(|| format!("`{text}` has a `{{` without `}}`"))?;
            if !before.is_empty() {
                pieces.push(Piece::Literal(before.to_owned()));
            }
            pieces.push(if name == "mac" { Piece::Mac } else { Piece::Field(Source::parse(name)?) });
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Literal(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    /// Whether it quotes anything of the request.
    pub(super) fn quotes(&self) -> bool {
        self.0.iter().any(|piece| !matches!(piece, Piece::Literal(_)))
    }

    pub(super) fn quotes_body(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Field(source) if source.is_in_body()))
    }

    pub(super) fn uses_mac(&self) -> bool {
        self.0.contains(&Piece::Mac)
    }

    /// The text; nothing when a field is not there. One placeholder alone keeps the field's type.
    pub(super) fn fill(&self, subject: &Subject<'_>, mac: &str) -> Option<Value> {
        if let [Piece::Field(source)] = self.0.as_slice() {
            return source.find(subject);
        }
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Field(source) => text.push_str(&text_of(&source.find(subject)?)),
                Piece::Mac => text.push_str(mac),
            }
        }
        Some(Value::String(text))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_found_where_they_are_named() {
        let mut headers = HeaderMap::new();
        headers.insert("x-one", "1".parse().unwrap());
        headers.append("x-two", "a".parse().unwrap());
        headers.append("x-two", "b".parse().unwrap());
        let body = br#"{"type":1,"a":{"b":"c","n":null},"list":[1]}"#;
        let subject = Subject::new("POST", "hub.mode=subscribe&t=a+b%2B&two=1&two=2&empty=", &headers, body);
        let cases = [
            ("query.hub.mode", Some(json!("subscribe"))),
            ("query.t", Some(json!("a b+"))),
            ("query.two", None),
            ("query.empty", Some(json!(""))),
            ("query.none", None),
            ("header.X-One", Some(json!("1"))),
            ("header.x-two", None),
            ("body", Some(json!(std::str::from_utf8(body).unwrap()))),
            ("body.type", Some(json!(1))),
            ("body.a.b", Some(json!("c"))),
            ("body.a.n", None),
            ("body.a", None),
            ("body.list", None),
            ("body.a.b.c", None),
        ];
        for (name, expected) in cases {
            assert_eq!(Source::parse(name).unwrap().find(&subject), expected, "{name}");
        }
        for name in ["", "query", "query.", "cookie.x", "body.", "body..a", "header.a b", "env.SECRET"] {
            assert!(Source::parse(name).is_err(), "{name}");
        }
        let is = |name: &str, value| Source::parse(name).unwrap().is(&value, &subject);
        assert!(is("body.type", json!(1)) && !is("body.type", json!("1")) && is("header.x-one", json!(1)));
        assert!(is("body.none", json!(null)) && is("body.a.n", json!(null)));
        assert!(!is("body.a", json!(null)) && !is("body.list", json!(null)) && !is("body.type", json!(null)));
    }

    #[test]
    fn long_values_and_large_bodies_are_no_handshake() {
        let headers = HeaderMap::new();
        let find = |query: &str, body: &str, name: &str| {
            Source::parse(name).unwrap().find(&Subject::new("GET", query, &headers, body.as_bytes()))
        };
        let long = "x".repeat(MAX_VALUE + 1);
        assert_eq!(find(&format!("t={long}"), "", "query.t"), None);
        assert!(find(&format!("t={}", &long[1..]), "", "query.t").is_some());
        let large = format!("{{\"a\":1,\"b\":\"{}\"}}", "x".repeat(MAX_BODY));
        assert_eq!(find("", &large, "body.a"), None);
    }

    #[test]
    fn texts_are_filled_or_the_field_is_missing() {
        let headers = HeaderMap::new();
        let subject = Subject::new("GET", "a=1", &headers, b"{\"n\":7}");
        let fill = |text: &str| Text::parse(text).unwrap().fill(&subject, "MAC");
        assert_eq!(fill("sha256={mac}"), Some(json!("sha256=MAC")));
        assert_eq!(fill("{body.n}"), Some(json!(7)));
        assert_eq!(fill("{body.n}/{query.a}"), Some(json!("7/1")));
        assert_eq!(fill("{query.b}"), None);
        assert_eq!(fill("plain"), Some(json!("plain")));
        assert!(Text::parse("{query.a").is_err() && Text::parse("{env.X}").is_err());
    }
}
