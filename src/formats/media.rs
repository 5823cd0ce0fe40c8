//! The `Content-Type` of a body and the `Content-Disposition` of a part: a value and its parameters (RFC 9110 section
//! 5.6.6, RFC 7578 section 4.2), and the ways in which senders write text that is not ASCII into them.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::charset::Charset;

/// The type that several `Content-Type` lines agree on: a proxy may join them into one with commas, and a sender may write it
/// twice.
///
/// # Errors
/// They are different types, so that whoever looked at the request before us may have gone by another one than we would.
pub fn one_of<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Option<String>, String> {
    let mut found: Option<&str> = None;
    for value in lines.flat_map(items).filter(|value| !value.is_empty()) {
        let agrees = |first: &str| {
            // The boundary is a part of what a form's type says.
            first.eq_ignore_ascii_case(value)
                || (essence(first) == essence(value) && !essence(value).starts_with("multipart/"))
        };
        match found {
            None => found = Some(value),
            Some(first) if agrees(first) => {}
            Some(first) => return Err(format!("several at once: {first}, {value}")),
        }
    }
    Ok(found.map(str::to_owned))
}

/// The items of a list that commas separate, outside of quotes.
fn items(line: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    line.split(move |character| {
        let separates = character == ',' && !quoted;
        if character == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = character == '\\' && quoted && !escaped;
        separates
    })
    .map(str::trim)
}

/// The charset of a `Content-Type`; nothing when it names none that is known.
pub(super) fn charset(content_type: &str) -> Option<Charset> {
    // By hand: a type whose other parameters are wrong may have a charset all the same.
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("charset")
            .then(|| Charset::of(value.trim().trim_matches(['"', '\''])))?
    })
}

/// A parameter whose value is in the extended form of RFC 5987, as in `UTF-8''%e6%8a%a5.csv`; nothing when it is not.
pub(super) fn extended(value: &str) -> Option<String> {
    let (label, rest) = value.split_once('\'')?;
    let (_language, escaped) = rest.split_once('\'')?;
    let bytes: Vec<u8> = percent_encoding::percent_decode(escaped.as_bytes()).collect();
    Charset::of(label)?.decode(&bytes).map(std::borrow::Cow::into_owned)
}

/// The value of a parameter that is written in pieces, as in `filename*0="a"; filename*1="b.csv"` or
/// `filename*0*=utf-8''%E6%8A; filename*1*=%A5` (RFC 2231 sections 3 and 4); nothing when there is no first piece. What cannot be
/// decoded stays as it was written, so that a file stays a file.
pub(super) fn continued(parameters: &[(String, String)], name: &str) -> Option<String> {
    let piece = |number: usize| {
        let plain = parameter(parameters, &format!("{name}*{number}")).map(|text| (text, false));
        plain.or_else(|| parameter(parameters, &format!("{name}*{number}*")).map(|text| (text, true)))
    };
    let pieces: Vec<(String, bool)> = (0..parameters.len()).map_while(piece).collect();
    let (first, is_extended) = pieces.first()?;
    let written = || pieces.iter().map(|(text, _)| text.as_str()).collect::<String>();
    if !is_extended {
        return Some(written());
    }
    let decoded = || {
        let (label, rest) = first.split_once('\'')?;
        let (_language, begin) = rest.split_once('\'')?;
        let mut bytes: Vec<u8> = percent_encoding::percent_decode(begin.as_bytes()).collect();
        for (text, is_extended) in &pieces[1..] {
            match is_extended {
                true => bytes.extend(percent_encoding::percent_decode(text.as_bytes())),
                false => bytes.extend_from_slice(text.as_bytes()),
            }
        }
        Charset::of(label)?.decode(&bytes).map(std::borrow::Cow::into_owned)
    };
    Some(decoded().unwrap_or_else(written))
}

/// A value with its encoded words (RFC 2047) read, as .NET, Java and mail programs write names; itself when it has none, or one
/// that cannot be read.
pub(super) fn encoded_words(value: &str) -> String {
    let mut text = String::new();
    let mut rest = value;
    // White space between two words belongs to neither.
    let mut behind_word = false;
    while let Some(begin) = rest.find("=?") {
        let (before, from) = rest.split_at(begin);
        if !(behind_word && before.trim().is_empty()) {
            text.push_str(before);
        }
        let Some((word, length)) = encoded_word(from) else { return value.to_owned() };
        text.push_str(&word);
        rest = &from[length..];
        behind_word = true;
    }
    text.push_str(rest);
    text
}

/// The word at the beginning of a text, and how long it is.
fn encoded_word(text: &str) -> Option<(String, usize)> {
    let mut parts = text.strip_prefix("=?")?.splitn(3, '?');
    let (label, how, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let (payload, _) = rest.split_once("?=")?;
    let length = 2 + label.len() + 1 + how.len() + 1 + payload.len() + 2;
    // RFC 2231 section 5: a language may follow the charset.
    let charset = Charset::of(label.split('*').next()?)?;
    let bytes = match how {
        "B" | "b" => STANDARD.decode(payload).ok()?,
        "Q" | "q" => quoted_printable(payload)?,
        _ => return None,
    };
    Some((charset.decode(&bytes)?.into_owned(), length))
}

/// A `Content-Disposition` whose parameters are written so that every client reads them: one that is not ASCII once with `_` in place
/// of what old clients cannot read, and once in the extended form (RFC 6266 section 4.3). Nothing when it cannot be read.
pub fn disposition(value: &str) -> Option<String> {
    let mut written = essence(value);
    for (name, text) in parameters(value).ok()? {
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let plain: String =
            text.chars().map(|character| if character.is_ascii() { character } else { '_' }).collect();
        match name.strip_suffix('*') {
            Some(_) => written.push_str(&format!("; {name}={plain}")),
            None => written.push_str(&format!("; {name}=\"{}\"", quoted(&plain))),
        }
        if !text.is_ascii() && !name.ends_with('*') {
            let escaped = percent_encoding::utf8_percent_encode(&text, &ESCAPED);
            written.push_str(&format!("; {name}*=UTF-8''{escaped}"));
        }
    }
    Some(written)
}

/// What no URL holds, though whoever writes a whole one may forget it.
pub const NO_URL: percent_encoding::AsciiSet = percent_encoding::CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// All but RFC 3986's unreserved characters: what is escaped in one segment of a path or part of a query, and in an extended
/// parameter (RFC 5987 allows more there, which not every client reads).
pub const ESCAPED: percent_encoding::AsciiSet =
    percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// RFC 2047 section 4.2.
fn quoted_printable(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        match byte {
            b'_' => bytes.push(b' '),
            b'=' => {
                let (digits, behind) = rest.split_at_checked(2)?;
                bytes.push(hex::decode(digits).ok()?[0]);
                rest = behind;
            }
            other => bytes.push(other),
        }
    }
    Some(bytes)
}

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

    #[test]
    fn types_that_agree_are_one() {
        let cases: [(&[&str], Result<Option<&str>, ()>); 10] = [
            (&[], Ok(None)),
            (&["application/json"], Ok(Some("application/json"))),
            (&["application/json", "application/json"], Ok(Some("application/json"))),
            (&["application/json,Application/JSON"], Ok(Some("application/json"))),
            (
                &["application/json; charset=utf-8, application/json"],
                Ok(Some("application/json; charset=utf-8")),
            ),
            (&["multipart/form-data; boundary=\"a,b\""], Ok(Some("multipart/form-data; boundary=\"a,b\""))),
            (&["multipart/form-data; boundary=a", "multipart/form-data; boundary=b"], Err(())),
            (&["application/json", "multipart/form-data; boundary=x"], Err(())),
            (&["application/json, text/plain"], Err(())),
            (&["", "text/plain,"], Ok(Some("text/plain"))),
        ];
        for (lines, expected) in cases {
            let found = one_of(lines.iter().copied());
            assert_eq!(found.as_ref().map(Option::as_deref).map_err(|_| ()), expected, "{lines:?}");
        }
    }

    #[test]
    fn charsets_are_found() {
        let cases = [
            ("text/plain; charset=GBK", Some("GBK")),
            ("application/json;charset=\"gb18030\"", Some("gb18030")),
            ("text/plain; format=flowed; CharSet='big5'", Some("Big5")),
            ("text/plain; charset=nonsense", None),
            ("text/plain", None),
        ];
        for (content_type, expected) in cases {
            assert_eq!(charset(content_type).map(Charset::name), expected, "{content_type}");
        }
    }

    #[test]
    fn names_are_read_as_others_write_them() {
        assert_eq!(extended("UTF-8''%e6%8a%a5%e5%91%8a.csv").as_deref(), Some("报告.csv"));
        assert_eq!(extended("gbk'zh'%b1%a8%b8%e6.csv").as_deref(), Some("报告.csv"));
        assert_eq!(extended("plain.csv"), None);
        assert_eq!(extended("utf-8''%ff"), None);
        let cases = [
            ("=?utf-8?B?5oql5ZGKLmNzdg==?=", "报告.csv"),
            ("=?UTF-8?Q?r=C3=A9sum=C3=A9_1.pdf?=", "résumé 1.pdf"),
            ("=?gbk?B?sai45g==?= =?utf-8*en?q?.csv?=", "报告.csv"),
            ("a =?utf-8?q?b?= c", "a b c"),
            ("=?nope?B?AA==?=", "=?nope?B?AA==?="),
            ("50 =? 100", "50 =? 100"),
            ("=?utf-8?q?=zz?=", "=?utf-8?q?=zz?="),
        ];
        for (written, expected) in cases {
            assert_eq!(encoded_words(written), expected, "{written}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _ = (encoded_words(&text), extended(&text), one_of([&*text].into_iter()), charset(&text));
            let _ = encoded_words(&format!("=?utf-8?q?{text}"));
            let _ = (essence(&text), parameters(&text), parameters(&format!("a;{text}")));
        }

        #[test]
        fn what_is_quoted_is_read_back(value in "[^\r\n]{0,40}") {
            let text = format!("a; n=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
            prop_assert_eq!(parameters(&text), Ok(vec![("n".to_owned(), value)]));
        }
    }
}
