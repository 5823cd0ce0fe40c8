//! A JSON object as an XML document.
//!
//! `@name` is an attribute, `#text` the text, an array repeats its element, null is an empty one. Values are
//! escaped and keys must be names, so a value can fill an element but never make one.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event},
};
use serde_json::{Map, Value};

use super::{Unfilled, url::as_text};
use crate::template::{Budget, FillError, JsonTemplate, Path, Roots};

/// A document with values to fill in.
#[derive(Debug)]
pub(super) struct Document {
    root: String,
    content: JsonTemplate,
}

impl Document {
    /// # Errors
    /// When there is not one root element, or what is no template.
    pub(super) fn compile(xml: &Map<String, Value>) -> Result<Self, String> {
        let mut fields = xml.iter();
        let (Some((root, content)), None) = (fields.next(), fields.next()) else {
            return Err(
                "give one root element, as in {\"order\": {\"@id\": 1, \"item\": [\"a\", \"b\"]}}".to_owned()
            );
        };
        check_name(root)?;
        if content.is_array() {
            return Err("a document has one root element, not a list".to_owned());
        }
        check_names(content)?;
        let content = JsonTemplate::compile(content).map_err(|error| error.to_string())?;
        Ok(Self { root: root.clone(), content })
    }

    pub(super) fn references(&self) -> Vec<&Path> {
        self.content.references()
    }

    /// # Errors
    /// When the budget does not suffice, or a value is one that XML cannot carry, or has keys which are no names.
    pub(super) fn render(&self, roots: &dyn Roots, budget: &mut Budget) -> Result<String, Unfilled> {
        let content = self.content.value(roots, budget)?;
        if content.is_array() {
            return Err(format!("the root element `{}` cannot be a list", self.root).into());
        }
        let mut text = Vec::new();
        let mut writer = Writer::new(Paid { out: &mut text, budget, refused: None });
        let declaration = Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None));
        let written = writer.write_event(declaration).map_err(|error| error.to_string());
        let written = written.and_then(|()| element(&mut writer, &self.root, &content));
        if let Some(refused) = writer.into_inner().refused {
            return Err(refused.into());
        }
        written?;
        String::from_utf8(text).map_err(|error| error.to_string().into())
    }
}

/// Pays for what is written: names and escapes make a document larger than its values.
struct Paid<'a> {
    out: &'a mut Vec<u8>,
    budget: &'a mut Budget,
    refused: Option<FillError>,
}

impl Write for Paid<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.budget.pay(bytes.len()).map_err(|error| {
            self.refused = Some(error);
            io::Error::from(io::ErrorKind::FileTooLarge)
        })?;
        self.out.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn element(writer: &mut Writer<Paid<'_>>, name: &str, content: &Value) -> Result<(), String> {
    check_name(name)?;
    let mut start = BytesStart::new(name);
    let mut children = Vec::new();
    match content {
        Value::Array(elements) => {
            return elements.iter().try_for_each(|content| element(writer, name, content));
        }
        Value::Object(fields) => {
            for (key, value) in fields {
                match key.strip_prefix('@') {
                    Some(attribute) => {
                        check_name(attribute)?;
                        start.push_attribute((attribute, &*plain(key, value)?));
                    }
                    None => children.push((key.as_str(), value)),
                }
            }
        }
        scalar @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
            children.push(("#text", scalar));
        }
    }
    let mut write = |event: Event<'_>| writer.write_event(event).map_err(|error| error.to_string());
    write(Event::Start(start))?;
    for (key, value) in children {
        if key == "#text" {
            let text = plain(key, value)?;
            writer.write_event(Event::Text(BytesText::new(&text))).map_err(|error| error.to_string())?;
        } else {
            element(writer, key, value)?;
        }
    }
    writer.write_event(Event::End(BytesEnd::new(name))).map_err(|error| error.to_string())
}

/// A value that is text alone.
fn plain<'v>(key: &str, value: &'v Value) -> Result<Cow<'v, str>, String> {
    if value.is_object() || value.is_array() {
        return Err(format!("`{key}` holds text alone, no list or object"));
    }
    let text = as_text(value);
    // XML 1.0, 2.2: what no escape can carry.
    let carried =
        |c: char| !matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}');
    if text.chars().all(carried) {
        Ok(text)
    } else {
        Err(format!("`{key}` holds control characters, which XML cannot carry"))
    }
}

fn check_names(content: &Value) -> Result<(), String> {
    match content {
        Value::Object(fields) => fields.iter().try_for_each(|(key, value)| {
            if key != "#text" {
                check_name(key.strip_prefix('@').unwrap_or(key))?;
            }
            check_names(value)
        }),
        Value::Array(elements) => elements.iter().try_for_each(check_names),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

/// Names of elements and attributes: a little less than XML allows, nothing more.
fn check_name(name: &str) -> Result<(), String> {
    let mut chars = name.chars();
    let first = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_');
    if first && chars.all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':')) {
        Ok(())
    } else {
        Err(format!("`{name}` cannot be the name of an element or attribute"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::steps::fixture::Fixture;

    fn render(xml: Value, x: Value) -> Result<String, String> {
        let Value::Object(xml) = xml else { panic!("{xml}") };
        let roots = Fixture(json!({"context": {"data": {"x": x}}}));
        let text = Document::compile(&xml)?.render(&roots, &mut Budget::new(1 << 20));
        let text = text.map_err(|error| error.to_string())?;
        Ok(text.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").unwrap().to_owned())
    }

    #[test]
    fn objects_become_elements_and_everything_is_escaped() {
        let x = "{{$context.data.x}}";
        for (xml, value, expected) in [
            (json!({"a": null}), json!(null), "<a></a>"),
            (json!({"a": x}), json!("<b>&\"'"), "<a>&lt;b&gt;&amp;&quot;&apos;</a>"),
            (json!({"a": {"@id": x, "#text": 1}}), json!("\" b=\"<"), "<a id=\"&quot; b=&quot;&lt;\">1</a>"),
            (
                json!({"a": {"b": [1, {"@c": true}], "d": {"e": x}}}),
                json!("é"),
                "<a><b>1</b><b c=\"true\"></b><d><e>é</e></d></a>",
            ),
            (
                json!({"s:a": {"@xmlns:s": "urn:x", "b": x}}),
                json!([1, {"c": 2}]),
                "<s:a xmlns:s=\"urn:x\"><b>1</b><b><c>2</c></b></s:a>",
            ),
        ] {
            assert_eq!(render(xml.clone(), value), Ok(expected.to_owned()), "{xml}");
        }
    }

    #[test]
    fn what_xml_cannot_carry_is_refused() {
        let x = "{{$context.data.x}}";
        for (xml, value) in [
            (json!({}), json!(null)),
            (json!({"a": 1, "b": 2}), json!(null)),
            (json!({"a": [1, 2]}), json!(null)),
            (json!({"a": x}), json!([1, 2])),
            (json!({"a b": 1}), json!(null)),
            (json!({"1a": 1}), json!(null)),
            (json!({"a": {"": 1}}), json!(null)),
            (json!({"a": {"@": 1}}), json!(null)),
            (json!({"a": {"b><c": 1}}), json!(null)),
            (json!({"a": x}), json!({"b><c": 1})),
            (json!({"a": x}), json!({"@b c": 1})),
            (json!({"a": {"@b": x}}), json!({"c": 1})),
            (json!({"a": x}), json!("\0")),
        ] {
            assert!(render(xml.clone(), value.clone()).is_err(), "{xml} {value}");
        }
    }
}
