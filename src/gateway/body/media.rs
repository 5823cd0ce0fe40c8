//! The `Content-Type` of a body and the `Content-Disposition` of a part: a value and its parameters (RFC 9110 section
//! 5.6.6, RFC 7578 section 4.2).

/// `type/subtype` in lower case; empty when there is none.
pub(super) fn essence(value: &str) -> String {
    value.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

/// The parameters behind the first `;`, names in lower case, in order.
///
/// Quoted values as browsers and curl write them: `\"` and `\\` are escapes, another backslash stands for itself, since some
/// clients send `C:\file.txt` whole.
///
/// # Errors
/// What cannot be read.
pub(super) fn parameters(value: &str) -> Result<Vec<(String, String)>, &'static str> {
    let mut found = Vec::new();
    let mut rest = value.find(';').map_or("", |at| &value[at..]).trim();
    while !rest.is_empty() {
        rest = rest.strip_prefix(';').ok_or("something stands between two parameters")?.trim_start();
        if rest.is_empty() || rest.starts_with(';') {
            continue;
        }
        let equals = rest.find('=').ok_or("a parameter has no value")?;
        let name = rest[..equals].trim().to_ascii_lowercase();
        if name.is_empty() || name.contains([';', '"', ' ']) {
            return Err("a parameter has no name");
        }
        rest = rest[equals + 1..].trim_start();
        let (value, behind) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_value(quoted)?,
            None => {
                let end = rest.find(';').unwrap_or(rest.len());
                (rest[..end].trim().to_owned(), &rest[end..])
            }
        };
        if found.iter().any(|(other, _)| *other == name) {
            return Err("a parameter is there twice");
        }
        found.push((name, value));
        rest = behind.trim_start();
    }
    Ok(found)
}

/// A value up to its closing quote, and what is behind that.
fn quoted_value(text: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' if characters.peek().is_some_and(|(_, next)| matches!(next, '"' | '\\')) => {
                value.extend(characters.next().map(|(_, next)| next));
            }
            other => value.push(other),
        }
    }
    Err("a quote is not closed")
}

/// The value of one parameter.
pub(super) fn parameter(parameters: &[(String, String)], name: &str) -> Option<String> {
    parameters.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parameters_are_read() {
        let cases: [(&str, Result<&[(&str, &str)], ()>); 16] = [
            ("multipart/form-data; boundary=abc", Ok(&[("boundary", "abc")])),
            ("multipart/form-data;BOUNDARY = \"a b;c\" ; x=1", Ok(&[("boundary", "a b;c"), ("x", "1")])),
            ("text/plain", Ok(&[])),
            ("text/plain;", Ok(&[])),
            ("text/plain;; charset=utf-8;", Ok(&[("charset", "utf-8")])),
            ("a; n=\"x\\\"y\\\\z\\t\"", Ok(&[("n", "x\"y\\z\\t")])),
            (
                "a; name=\"x\"; filename=\"C:\\a; name=evil\"",
                Ok(&[("name", "x"), ("filename", "C:\\a; name=evil")]),
            ),
            ("a; n=\"\"", Ok(&[("n", "")])),
            ("a; n=", Ok(&[("n", "")])),
            ("a; n=\"é企\"", Ok(&[("n", "é企")])),
            ("a; n", Err(())),
            ("a; =x", Err(())),
            ("a; n=\"x", Err(())),
            ("a; n=\"x\" y", Err(())),
            ("a; n=1; N=2", Err(())),
            ("a; b c=1", Err(())),
        ];
        for (text, expected) in cases {
            let found = parameters(text).map_err(|_| ());
            let expected = expected.map(|pairs| {
                pairs
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect::<Vec<_>>()
            });
            assert_eq!(found, expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _ = (essence(&text), parameters(&text), parameters(&format!("a;{text}")));
        }

        #[test]
        fn what_is_quoted_is_read_back(value in "[^\r\n]{0,40}") {
            let text = format!("a; n=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
            prop_assert_eq!(parameters(&text), Ok(vec![("n".to_owned(), value)]));
        }
    }
}
