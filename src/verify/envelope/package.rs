//! The document around the encrypted text: `<xml><Encrypt>…</Encrypt></xml>`, or the `{"encrypt": "…"}` of bots and of
//! 钉钉.

use quick_xml::{Reader, events::Event};
use serde::Deserialize;

/// The format in which sender and receiver write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Xml,
    Json,
}

/// An outer document with its encrypted text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) form: Form,
    pub(super) encrypt: String,
}

#[derive(Deserialize)]
struct Outer {
    #[serde(alias = "Encrypt")]
    encrypt: String,
}

impl Package {
    /// Reads a body. It is XML if it begins as XML does.
    pub(super) fn read(body: &[u8]) -> Result<Self, &'static str> {
        let text =
            std::str::from_utf8(body).map_err(|_| "is not UTF-8")?.trim_start_matches('\u{feff}').trim();
        if text.starts_with('<') {
            return Ok(Self { form: Form::Xml, encrypt: encrypt_of_xml(text)? });
        }
        let outer: Outer =
            serde_json::from_str(text).map_err(|_| "is neither XML nor JSON with one `encrypt`")?;
        Ok(Self { form: Form::Json, encrypt: outer.encrypt })
    }
}

/// The text of the one `Encrypt` below the root. Nothing else in the document is trusted, because nothing else is
/// signed.
fn encrypt_of_xml(text: &str) -> Result<String, &'static str> {
    const BROKEN: &str = "is not well-formed XML";
    let mut reader = Reader::from_str(text);
    let mut depth = 0_usize;
    let mut found: Option<String> = None;
    let mut inside = false;
    loop {
        match reader.read_event().map_err(|_| BROKEN)? {
            Event::Start(start) => {
                depth += 1;
                if inside {
                    return Err("has elements within `Encrypt`");
                }
                if depth == 2 && start.name().as_ref() == "Encrypt" {
                    if found.is_some() {
                        return Err("has more than one `Encrypt`");
                    }
                    (inside, found) = (true, Some(String::new()));
                }
            }
            Event::End(_) => {
                depth = depth.checked_sub(1).ok_or(BROKEN)?;
                inside = false;
            }
            Event::Text(piece) if inside => found.get_or_insert_default().push_str(&piece.xml10_content()),
            Event::CData(piece) if inside => found.get_or_insert_default().push_str(&piece.xml10_content()),
            // Base64 has no character that XML escapes.
            Event::GeneralRef(_) if inside => return Err("has a reference within `Encrypt`"),
            Event::DocType(_) => return Err("has a document type"),
            Event::Eof if depth == 0 => return found.ok_or("has no `Encrypt`"),
            Event::Eof => return Err(BROKEN),
            Event::Empty(_)
            | Event::Text(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::GeneralRef(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_encrypted_text_is_found_in_xml_and_json() {
        let package = |form, encrypt: &str| Ok(Package { form, encrypt: encrypt.to_owned() });
        let cases = [
            (
                "<xml><ToUserName><![CDATA[c]]></ToUserName><Encrypt><![CDATA[ab+/=]]></Encrypt></xml>",
                package(Form::Xml, "ab+/="),
            ),
            (
                "<?xml version=\"1.0\"?>\n<xml>\n <Encrypt>ab</Encrypt>\n <AgentID>1</AgentID>\n</xml>\n",
                package(Form::Xml, "ab"),
            ),
            ("{\"encrypt\":\"a+b\"}", package(Form::Json, "a+b")),
            ("{\"other\":[1],\"encrypt\":\"a\"}", package(Form::Json, "a")),
            ("<xml><a><Encrypt>ab</Encrypt></a></xml>", Err("has no `Encrypt`")),
            ("<xml><Encrypt>a</Encrypt><Encrypt>b</Encrypt></xml>", Err("has more than one `Encrypt`")),
            ("<xml><Encrypt>a<b/></Encrypt>", Err("is not well-formed XML")),
            ("<xml><Encrypt>a&amp;</Encrypt></xml>", Err("has a reference within `Encrypt`")),
            ("<!DOCTYPE x><xml><Encrypt>a</Encrypt></xml>", Err("has a document type")),
            ("<xml><Encrypt>a</Wrong></xml>", Err("is not well-formed XML")),
            ("{\"encrypt\":\"a\",\"encrypt\":\"b\"}", Err("is neither XML nor JSON with one `encrypt`")),
            ("{\"encrypt\":1}", Err("is neither XML nor JSON with one `encrypt`")),
            ("", Err("is neither XML nor JSON with one `encrypt`")),
        ];
        for (body, expected) in cases {
            assert_eq!(Package::read(body.as_bytes()), expected, "{body}");
        }
        assert_eq!(Package::read(b"\xff"), Err("is not UTF-8"));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, inner in "[<>/A-Za-z&;! \\[\\]CDAT-]{0,60}") {
            let _ = Package::read(&bytes);
            let _ = Package::read(format!("<xml>{inner}<Encrypt>{inner}</Encrypt></xml>").as_bytes());
        }
    }
}
