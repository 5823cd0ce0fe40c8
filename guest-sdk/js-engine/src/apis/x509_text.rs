//! The names and times of certificates as text, in OpenSSL's forms that Node shows.

use serde_json::{Value, json};

use super::{
    der::{Element, Elements, OID},
    x509::attributes,
};

/// Short names by the dotted identifier.
const ATTRIBUTES: [(&str, &str); 24] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.13", "description"),
    ("2.5.4.15", "businessCategory"),
    ("2.5.4.17", "postalCode"),
    ("2.5.4.42", "GN"),
    ("2.5.4.43", "initials"),
    ("2.5.4.46", "dnQualifier"),
    ("2.5.4.97", "organizationIdentifier"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
    ("1.2.840.113549.1.9.2", "unstructuredName"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.3.6.1.4.1.311.60.2.1.1", "jurisdictionL"),
    ("1.3.6.1.4.1.311.60.2.1.2", "jurisdictionST"),
    ("1.3.6.1.4.1.311.60.2.1.3", "jurisdictionC"),
];

/// An object identifier with dots.
pub(super) fn oid(content: &[u8]) -> String {
    let mut numbers: Vec<u64> = Vec::new();
    let mut number = 0_u64;
    for byte in content {
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            numbers.push(std::mem::take(&mut number));
        }
    }
    if let Some(&first) = numbers.first() {
        let arc = (first / 40).min(2);
        numbers[0] = first - 40 * arc;
        numbers.insert(0, arc);
    }
    numbers.iter().map(u64::to_string).collect::<Vec<String>>().join(".")
}

/// The text of a string of any of ASN.1's types.
fn text(value: Element<'_>) -> String {
    let bytes = value.content;
    match value.tag {
        // Latin-1, as OpenSSL takes T61String.
        20 => bytes.iter().map(|&byte| char::from(byte)).collect(),
        30 => {
            let units: Vec<u16> =
                bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            String::from_utf16_lossy(&units)
        }
        28 => bytes
            .chunks_exact(4)
            .map(|four| {
                char::from_u32(u32::from_be_bytes([four[0], four[1], four[2], four[3]])).unwrap_or('\u{fffd}')
            })
            .collect(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// RFC 2253's escapes, and those of control characters.
fn escaped(text: &str) -> String {
    let last = text.chars().count().saturating_sub(1);
    let mut out = String::new();
    for (index, char) in text.chars().enumerate() {
        match char {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => out.extend(['\\', char]),
            '#' if index == 0 => out.push_str("\\#"),
            ' ' if index == 0 || index == last => out.push_str("\\ "),
            '\0'..='\x1f' | '\x7f' => out.push_str(&format!("\\{:02X}", u32::from(char))),
            _ => out.push(char),
        }
    }
    out
}

/// A name: its text on lines, and the plain values for what compares them.
pub(super) fn name(elements: Elements<'_>) -> Option<Value> {
    let sets = attributes(elements)?;
    let mut values = Vec::new();
    let lines: Vec<String> = sets
        .iter()
        .map(|set| {
            let parts: Vec<String> = set
                .iter()
                .map(|(kind, value)| {
                    let kind = oid(kind);
                    let kind = ATTRIBUTES
                        .iter()
                        .find(|(own, _)| *own == kind)
                        .map_or(kind.as_str(), |(_, name)| name);
                    let value = text(*value);
                    values.push(json!([kind, value]));
                    format!("{kind}={}", escaped(&value))
                })
                .collect();
            parts.join(" + ")
        })
        .collect();
    Some(json!({ "text": lines.join("\n"), "values": values }))
}

/// What two names that mean the same have in common: case and spaces do not count (RFC 5280, 7.1).
pub(super) fn name_key(elements: Elements<'_>) -> Option<Vec<Vec<(Vec<u8>, String)>>> {
    let folded =
        |value: Element<'_>| text(value).split_whitespace().collect::<Vec<&str>>().join(" ").to_lowercase();
    let sets = attributes(elements)?;
    Some(
        sets.iter()
            .map(|set| set.iter().map(|(kind, value)| (kind.to_vec(), folded(*value))).collect())
            .collect(),
    )
}

/// A GeneralName (RFC 5280, 4.2.1.6): `[kind, value]`.
pub(super) fn general_name(element: Element<'_>) -> Value {
    let plain = || String::from_utf8_lossy(element.content).into_owned();
    match element.tag {
        0x81 => json!(["email", plain()]),
        0x82 => json!(["DNS", plain()]),
        0x86 => json!(["URI", plain()]),
        0x87 => json!(["IP Address", address(element.content)]),
        0x88 => json!(["Registered ID", oid(element.content)]),
        0xa4 => {
            let name = Elements::in_sequence(element.content).and_then(name);
            let text = name.and_then(|name| Some(name["text"].as_str()?.replace('\n', ",")));
            json!(["DirName", text.unwrap_or_default()])
        }
        0xa0 => {
            let kind = Elements::of(element.content).read(OID).map(oid).unwrap_or_default();
            json!(["othername", format!("{kind}:<unsupported>")])
        }
        _ => json!(["other", "<unsupported>"]),
    }
}

fn address(bytes: &[u8]) -> String {
    match bytes.len() {
        4 => bytes.iter().map(u8::to_string).collect::<Vec<String>>().join("."),
        16 => bytes
            .chunks_exact(2)
            .map(|pair| format!("{:X}", u16::from_be_bytes([pair[0], pair[1]])))
            .collect::<Vec<String>>()
            .join(":"),
        _ => "<invalid>".to_owned(),
    }
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A UTCTime or GeneralizedTime: OpenSSL's text, and ISO 8601's.
pub(super) fn time(element: Element<'_>) -> Option<Value> {
    let text = std::str::from_utf8(element.content).ok().filter(|text| text.is_ascii())?;
    let (century, rest) = match element.tag {
        23 => (if text.get(..2)?.parse::<u32>().ok()? < 50 { "20" } else { "19" }, text),
        24 => text.split_at_checked(2)?,
        _ => return None,
    };
    let number = |at: usize| rest.get(at..at + 2)?.parse::<usize>().ok();
    let year = format!("{century}{:02}", number(0)?);
    let (month, day, hour, minute) = (number(2)?, number(4)?, number(6)?, number(8)?);
    let second = number(10).unwrap_or(0);
    let name = MONTHS.get(month.checked_sub(1)?)?;
    Some(json!([
        format!("{name} {day:>2} {hour:02}:{minute:02}:{second:02} {year} GMT"),
        format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_and_escapes_are_openssls() {
        assert_eq!(oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1]), "1.2.840.113549.1.9.1");
        assert_eq!(oid(&[0x88, 0x37, 3]), "2.999.3");
        assert_eq!(oid(&[]), "");
        assert_eq!(escaped(" a,b #\t "), "\\ a\\,b #\\09\\ ");
        assert_eq!(escaped("#1"), "\\#1");
    }
}
