//! XML as the same plain object that a sender of JSON would have written.
//!
//! `<xml><A>1</A></xml>` is `{"A": "1"}`: the root is left out, a repeated element is an array, an attribute `@name`, text
//! beside elements `#text`. No document type, and no entities but the five.

use quick_xml::{Reader, events::Event};
use serde_json::{Map, Value};

use super::body::add_value;

/// Levels of elements.
const DEPTH_MOST: usize = 64;
/// Elements and attributes.
const NODES_MOST: usize = 50_000;

/// An element that is not closed yet.
#[derive(Default)]
struct Open {
    members: Map<String, Value>,
    text: String,
}

impl Open {
    fn close(mut self) -> Value {
        if self.members.is_empty() {
            return Value::String(self.text);
        }
        if !self.text.trim().is_empty() {
            self.members.insert("#text".to_owned(), self.text.into());
        }
        Value::Object(self.members)
    }
}

/// # Errors
/// Why it is not XML, or which bound it goes beyond.
pub(super) fn to_json(bytes: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| format!("XML is UTF-8 here, but {error}"))?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    reader.config_mut().expand_empty_elements = true;
    let mut open: Vec<(String, Open)> = Vec::new();
    let (mut root, mut nodes) = (None, 0);
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(start) => {
                if root.is_some() || open.len() >= DEPTH_MOST {
                    return Err("two roots, or elements nested too deeply".to_owned());
                }
                let name = start.name().into_inner().to_owned();
                let mut element = Open::default();
                nodes += 1;
                for attribute in start.attributes() {
                    let attribute = attribute.map_err(|error| error.to_string())?;
                    let value = quick_xml::escape::unescape(&attribute.value)
                        .map_err(|error| error.to_string())?
                        .into_owned();
                    nodes += 1;
                    element.members.insert(format!("@{}", attribute.key.into_inner()), value.into());
                }
                if nodes > NODES_MOST {
                    return Err(format!("more than {NODES_MOST} elements and attributes"));
                }
                open.push((name, element));
            }
            Event::End(_) => {
                let (name, element) = open.pop().ok_or("an end without a beginning")?;
                match open.last_mut() {
                    None => root = Some(element.close()),
                    Some((_, parent)) => add_value(&mut parent.members, name, element.close()),
                }
            }
            Event::Text(text) => push(&mut open, &text)?,
            Event::CData(text) => push(&mut open, &text)?,
            Event::GeneralRef(entity) => {
                let entity = format!("&{};", &*entity);
                push(&mut open, &quick_xml::escape::unescape(&entity).map_err(|error| error.to_string())?)?;
            }
            Event::DocType(_) => return Err("a document type is not accepted".to_owned()),
            Event::Eof => break,
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
    root.filter(|_| open.is_empty()).ok_or_else(|| "it has no whole root element".to_owned())
}

fn push(open: &mut [(String, Open)], text: &str) -> Result<(), String> {
    match open.last_mut() {
        Some((_, element)) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err("text outside of the root element".to_owned()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_element_is_an_object() {
        let cases = [
            ("<xml><A>1</A></xml>", json!({"A": "1"})),
            ("<a><b>1</b><b x='2'>3</b><b/></a>", json!({"b": ["1", {"@x": "2", "#text": "3"}, ""]})),
            ("<a>x &lt;&#233;<![CDATA[<y>]]></a>", json!("x <é<y>")),
        ];
        for (xml, expected) in cases {
            assert_eq!(to_json(xml.as_bytes()), Ok(expected), "{xml}");
        }
        for bad in
            ["", "<a>", "<a></b>", "a", "<a/><b/>", "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "<a>&x;</a>"]
        {
            assert!(to_json(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
