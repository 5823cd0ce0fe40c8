//! The URL of a request: a template whose values can fill it, but never lead it elsewhere.
//!
//! A value after the host is percent-encoded as one segment. A value inside the host has the characters of a
//! host alone. Only a value at the very beginning is taken as URL text, because whoever wrote the template
//! gave the whole address to it. At the end the origin is compared with that of the part before the values.

use std::borrow::Cow;

use percent_encoding::utf8_percent_encode;
use serde_json::Value;
use url::Url;

use super::Unfilled;
use crate::{
    formats::ESCAPED,
    template::{Budget, Part, Path, Root, Roots, Template},
};

/// A URL with values to fill in.
#[derive(Debug)]
pub(super) struct UrlTemplate(Template);

impl UrlTemplate {
    /// Compiles a URL.
    ///
    /// # Errors
    /// What is no template, no http URL, or would let a value choose the end of a host that is written out.
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        let template = Template::parse(text).map_err(|error| error.to_string())?;
        match template.parts() {
            [] => return Err("give a URL".to_owned()),
            [Part::Text(whole)] => drop(parse(whole)?),
            [Part::Text(start), ..] => {
                let host = start.strip_prefix("https://").or_else(|| start.strip_prefix("http://"));
                let host = host
                    .ok_or("a URL starts with http:// or https://, or with a value that holds all of it")?;
                if !ends_host(host) {
                    host_of_parts(host, &template.parts()[1..])?;
                }
            }
            [Part::Path(_), ..] => {}
        }
        Ok(Self(template))
    }

    /// The paths that the templates of the address read.
    pub(super) fn references(&self) -> impl Iterator<Item = &Path> {
        self.0.references()
    }

    /// The URL filled in.
    ///
    /// # Errors
    /// A value that is missing, or that would change where the URL leads.
    pub(super) fn render(&self, roots: &dyn Roots, budget: &mut Budget) -> Result<Url, Unfilled> {
        let mut text = String::new();
        // What stands before the first value that comes after the host.
        let mut fixed = None;
        for part in self.0.parts() {
            let path = match part {
                Part::Text(literal) => {
                    text.push_str(literal);
                    continue;
                }
                Part::Path(path) => path,
            };
            let value = path.text(roots, budget)?;
            if value.is_empty() && !text.contains('?') {
                let hint = if path.root() == Root::Env {
                    "; is the variable set, and does env.allow have its name?"
                } else {
                    ""
                };
                return Err(format!("`{path}` is empty, and the URL needs it{hint}").into());
            }
            if text.is_empty() {
                text.push_str(value.trim());
            } else if has_host(&text) {
                fixed.get_or_insert_with(|| text.clone());
                text.extend(utf8_percent_encode(&value, &ESCAPED));
            } else if matches!(self.0.parts()[0], Part::Path(_)) {
                return Err(
                    format!("the host of the URL is not complete before `{path}`; put a / between").into()
                );
            } else {
                push_host(&mut text, &value, path)?;
            }
        }
        let url = parse(&text)?;
        if let Some(fixed) = fixed {
            if parse(&fixed)?.origin() != url.origin() {
                return Err("a value would change the host of the URL".into());
            }
            let path = text.split(['?', '#']).next().unwrap_or_default();
            if path.split(['/', '\\']).any(is_dots) {
                return Err(
                    "a value would lead out of its place in the URL: `.` and `..` are no names".into()
                );
            }
        }
        Ok(url)
    }
}

/// Whether the host is over; `text` begins with it.
fn ends_host(text: &str) -> bool {
    text.contains(['/', '?', '#', '\\'])
}

/// Whether a URL has its whole host.
fn has_host(text: &str) -> bool {
    text.split_once("://").is_some_and(|(_, rest)| ends_host(rest))
}

/// A host that is partly a value: its end must be written out, unless only its port is filled in.
fn host_of_parts(start: &str, rest: &[Part]) -> Result<(), String> {
    let (mut before, mut open) = (start, false);
    for part in rest {
        match part {
            Part::Path(_) => open = !before.is_empty() && !before.ends_with(':'),
            Part::Text(text) => {
                open &= text.starts_with(['/', '?', '#', '\\', ':']);
                if ends_host(text) {
                    break;
                }
                before = text;
            }
        }
    }
    if open {
        return Err(
            "a value would end the host; write the host to its end, and a / before the value".to_owned()
        );
    }
    Ok(())
}

/// A value inside the host or its port.
fn push_host(text: &mut String, value: &str, path: &Path) -> Result<(), String> {
    let whole = text.ends_with("//");
    let port = text.ends_with(':');
    let fits = |c: char| match c {
        '0'..='9' => true,
        ':' | '[' | ']' => whole,
        '-' | '.' | '_' => !port,
        other => !port && other.is_alphanumeric(),
    };
    if !value.chars().all(fits) {
        return Err(format!("`{path}` holds what cannot stand in a host; put a / before what is no host"));
    }
    text.push_str(value);
    Ok(())
}

/// `.` and `..`, however they are spelled.
fn is_dots(segment: &str) -> bool {
    matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

/// A value as text, as templates write it.
pub(super) fn as_text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => Cow::Borrowed(text),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Cow::Owned(value.to_string())
        }
    }
}

fn parse(text: &str) -> Result<Url, String> {
    if text.chars().any(char::is_control) {
        return Err("the URL holds line breaks or control characters".to_owned());
    }
    let url = Url::parse(text).map_err(|error| format!("this is no URL ({error})"))?;
    match url.scheme() {
        "http" | "https" if url.username().is_empty() && url.password().is_none() => Ok(url),
        "http" | "https" => Err("a URL holds no user and password; use `auth`".to_owned()),
        other => Err(format!("only http and https can be called, not {other}")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::steps::fixture::Fixture;

    fn render(template: &str, x: Value) -> Result<String, String> {
        let roots = Fixture(json!({"context": {"data": {"x": x, "y": "2"}}}));
        let url = UrlTemplate::compile(template)?.render(&roots, &mut Budget::new(1 << 16));
        Ok(url.map_err(|error| error.to_string())?.to_string())
    }

    const X: &str = "{{$context.data.x}}";

    #[test]
    fn values_fill_their_place_and_no_other() {
        for (template, x, expected) in [
            ("http://a.example/x/../y", json!(null), "http://a.example/y"),
            ("http://a.example/u/X/z", json!("a/b?c#d e%2f"), "http://a.example/u/a%2Fb%3Fc%23d%20e%252f/z"),
            ("http://a.example/u/X", json!("\\\\evil.example"), "http://a.example/u/%5C%5Cevil.example"),
            ("http://a.example/u/X", json!("é"), "http://a.example/u/%C3%A9"),
            ("http://a.example/u/X.json", json!(7), "http://a.example/u/7.json"),
            ("http://a.example/?q=X&b", json!("a&b=c"), "http://a.example/?q=a%26b%3Dc&b"),
            ("http://a.example/?q=X", json!(null), "http://a.example/?q="),
            ("http://a.example?q=X", json!("v"), "http://a.example/?q=v"),
            ("http://a.example/X", json!("a\r\nHost: b"), "http://a.example/a%0D%0AHost%3A%20b"),
            ("X", json!("https://a.example/p?q=1"), "https://a.example/p?q=1"),
            ("X/u/{{$context.data.y}}", json!("https://a.example"), "https://a.example/u/2"),
            ("X&y={{$context.data.y}}", json!("https://a.example/?k=1"), "https://a.example/?k=1&y=2"),
            ("https://X/p", json!("a.example:8443"), "https://a.example:8443/p"),
            ("https://X/p", json!("[::1]:8443"), "https://[::1]:8443/p"),
            ("https://X.a.example/p", json!("tenant"), "https://tenant.a.example/p"),
            ("https://api-X.a.example/p", json!("eu"), "https://api-eu.a.example/p"),
            ("http://a.example:X/p", json!(8080), "http://a.example:8080/p"),
        ] {
            assert_eq!(render(&template.replace('X', X), x), Ok(expected.to_owned()), "{template}");
        }
    }

    #[test]
    fn s9_no_value_changes_where_a_url_leads() {
        for (template, x) in [
            // Out of its place in the path.
            ("http://a.example/u/X/secret", json!("..")),
            ("http://a.example/u/X", json!(".")),
            ("http://a.example/u/.X", json!(".")),
            // Missing: DELETE /u/ is not DELETE /u/7.
            ("http://a.example/u/X", json!(null)),
            ("http://a.example/u/X", json!("")),
            ("X", json!(null)),
            // Other hosts.
            ("https://X.a.example/", json!("evil.example/")),
            ("https://X.a.example/", json!("evil.example?")),
            ("https://X.a.example/", json!("evil.example#")),
            ("https://X.a.example/", json!("evil.example\\")),
            ("https://X.a.example/", json!("evil.example:80")),
            ("https://X/", json!("user@evil.example")),
            ("https://X/", json!("evil.example/p")),
            ("https://X/", json!("a%2fb")),
            ("http://a.example:X/", json!("80@evil.example")),
            ("http://a.example:X/", json!("80.evil.example")),
            ("X{{$context.data.y}}", json!("https://a.example")),
            ("X.{{$context.data.y}}", json!("https://a.example")),
            // Other schemes.
            ("X", json!("file:///etc/passwd")),
            ("X", json!("javascript:alert(1)")),
            ("X", json!("a.example")),
            ("X", json!("https://a.example/\r\nX: 1")),
        ] {
            assert!(render(&template.replace('X', X), x.clone()).is_err(), "{template} {x}");
        }
    }

    #[test]
    fn a_template_that_lets_a_value_end_its_host_is_refused() {
        for template in [
            "https://a.exampleX",
            "https://a.exampleX/p",
            "https://api.X/p",
            "https://a.X:8080/p",
            "https://a.X:8080",
            "https://u:p@a.example/",
            "https://a.exampleXX/p",
            "ftp://a.example/X",
            "a.example/X",
            "/X",
            "",
            "mailto:a@b",
            "https://",
        ] {
            assert!(UrlTemplate::compile(&template.replace('X', X)).is_err(), "{template}");
        }
    }

    proptest! {
        #[test]
        fn the_host_that_is_written_out_is_the_host_that_is_called(x in "\\PC*|[./\\\\@:?#%a-z\\r\\n\\t ]{0,12}") {
            for template in ["https://a.example/X", "https://a.example/p/X/q", "https://a.example/?q=X", "https://a.example/#X"] {
                if let Ok(url) = render(&template.replace('X', X), json!(x)) {
                    prop_assert!(url.starts_with("https://a.example/"), "{url}");
                }
            }
            if let Ok(url) = render(&"https://X.a.example/".replace('X', X), json!(x)) {
                let host = Url::parse(&url).unwrap().host_str().unwrap().to_owned();
                prop_assert!(host.ends_with(".a.example"), "{url}");
            }
        }
    }
}
