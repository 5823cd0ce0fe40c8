//! The two containers around a key: PEM (RFC 7468), read as leniently as OpenSSL does, and an X.509 certificate's public key.
//!
//! A certificate is not verified in any way: only its key is taken out, as Node's `createPublicKey` does.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The label and the bytes of the first block of a PEM text; lines of any width, `\r` and spaces around them.
pub(super) fn pem(input: &[u8]) -> Option<(String, Vec<u8>)> {
    let text = std::str::from_utf8(input).ok()?;
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once("-----END ")?;
    let clean: String = body.chars().filter(|char| !char.is_whitespace()).collect();
    Some((label.to_owned(), BASE64.decode(clean).ok()?))
}

/// One element: its tag, its content, its whole, and what follows.
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    whole: &'a [u8],
    rest: &'a [u8],
}

fn element(bytes: &[u8]) -> Option<Element<'_>> {
    let (&tag, after) = bytes.split_first()?;
    let (&first, after) = after.split_first()?;
    let (length, after) = match first {
        0..=0x7f => (usize::from(first), after),
        0x81..=0x83 => {
            let (digits, after) = after.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte)), after)
        }
        _ => return None,
    };
    let (content, rest) = after.split_at_checked(length)?;
    Some(Element { tag, content, whole: &bytes[..bytes.len() - rest.len()], rest })
}

/// The SubjectPublicKeyInfo of a certificate (RFC 5280, 4.1).
pub(super) fn certificate_key(der: &[u8]) -> Option<&[u8]> {
    let signed = element(element(der)?.content)?;
    let mut fields = signed.content;
    let version = element(fields)?;
    if version.tag == 0xa0 {
        fields = version.rest;
    }
    // serialNumber, signature, issuer, validity, subject.
    for _ in 0..5 {
        fields = element(fields)?.rest;
    }
    element(fields).map(|key| key.whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_takes_any_line_width_and_refuses_what_is_no_block() {
        let rows: [(&str, Option<&[u8]>); 5] = [
            ("-----BEGIN X-----\nAQ\r\nID\n-----END X-----\n", Some(&[1, 2, 3])),
            ("text before\n-----BEGIN X----- AQID -----END X-----", Some(&[1, 2, 3])),
            ("-----BEGIN X-----\nAQ*D\n-----END X-----", None),
            ("-----BEGIN X-----\nAQID\n", None),
            ("AQID", None),
        ];
        for (text, expected) in rows {
            assert_eq!(pem(text.as_bytes()).map(|(_, bytes)| bytes), expected.map(<[u8]>::to_vec), "{text}");
        }
    }

    #[test]
    fn cut_certificates_are_refused() {
        let spki = [0x30, 3, 5, 1, 7];
        let fields =
            [&[0xa0, 0][..], &[2, 1, 1], &[0x30, 0], &[0x30, 0], &[0x30, 0], &[0x30, 0], &spki].concat();
        let signed = [&[0x30, fields.len() as u8][..], &fields].concat();
        let whole = [&[0x30, 0x81, signed.len() as u8][..], &signed].concat();
        assert_eq!(certificate_key(&whole), Some(&spki[..]));
        for length in 0..whole.len() {
            assert_eq!(certificate_key(&whole[..length]), None, "{length}");
        }
    }
}
