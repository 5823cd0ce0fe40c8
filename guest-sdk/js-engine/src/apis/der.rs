//! DER (X.690): the elements of keys and certificates, read one by one and written; the PEM blocks (RFC 7468) around them, read as
//! leniently as OpenSSL does and a little more: lines of any width, `\r` and spaces around them.
//!
//! What an element means is the readers' matter. Lengths beyond what is there, and indefinite ones, are refused.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// One block of a PEM text.
pub(super) struct Block<'a> {
    pub label: &'a str,
    /// `DEK-Info` of a block with OpenSSL's old encryption.
    pub encryption: Option<&'a str>,
    pub bytes: Vec<u8>,
}

/// The blocks of a PEM text; what is no base64 ends them.
pub(super) fn blocks(input: &[u8]) -> impl Iterator<Item = Block<'_>> {
    let mut rest = std::str::from_utf8(input).unwrap_or("");
    std::iter::from_fn(move || {
        let (_, begun) = rest.split_once("-----BEGIN ")?;
        let (label, begun) = begun.split_once("-----")?;
        let (mut body, after) = begun.split_once("-----END ")?;
        rest = after;
        let mut encryption = None;
        // Headers (RFC 1421) come before an empty line.
        while let Some((line, below)) = body.trim_start().split_once('\n') {
            let Some((name, value)) = line.split_once(':') else { break };
            if name.trim() == "DEK-Info" {
                encryption = Some(value.trim());
            }
            body = below;
        }
        let clean: String = body.chars().filter(|char| !char.is_whitespace()).collect();
        Some(Block { label, encryption, bytes: BASE64.decode(clean).ok()? })
    })
}

/// One element: its tag, its content, its whole, and what follows.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    pub tag: u8,
    pub content: &'a [u8],
    pub whole: &'a [u8],
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

/// Elements one after the other.
#[derive(Clone, Copy)]
pub(super) struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    pub fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// What is in the one SEQUENCE that these bytes are; what follows it is left alone.
    pub fn in_sequence(bytes: &'a [u8]) -> Option<Self> {
        Self(bytes).read(SEQUENCE).map(Self)
    }

    /// The content of the next, which must have this tag.
    pub fn read(&mut self, tag: u8) -> Option<&'a [u8]> {
        let next = element(self.0).filter(|next| next.tag == tag)?;
        self.0 = next.rest;
        Some(next.content)
    }

    /// The elements in the next, which must be a SEQUENCE.
    pub fn sequence(&mut self) -> Option<Self> {
        self.read(SEQUENCE).map(Self)
    }

    /// The bytes of the next, which must be a BIT STRING of whole bytes.
    pub fn bits(&mut self) -> Option<&'a [u8]> {
        match self.read(BIT_STRING)?.split_first()? {
            (0, bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The tag of the next.
    pub fn tag(&self) -> Option<u8> {
        self.0.first().copied()
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let next = element(self.0)?;
        self.0 = next.rest;
        Some(next)
    }
}

/// An element of these parts.
pub(super) fn write(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = vec![tag];
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let digits = length.to_be_bytes();
        let digits = &digits[length.leading_zeros() as usize / 8..];
        out.push(0x80 | digits.len() as u8);
        out.extend_from_slice(digits);
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

/// An INTEGER that is not negative, of its bytes.
pub(super) fn write_integer(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|&byte| byte != 0).unwrap_or(bytes.len());
    match bytes.get(start) {
        Some(0..=0x7f) => write(INTEGER, &[&bytes[start..]]),
        Some(0x80..) | None => write(INTEGER, &[&[0], &bytes[start..]]),
    }
}

/// A BIT STRING of whole bytes.
pub(super) fn write_bits(bytes: &[u8]) -> Vec<u8> {
    write(BIT_STRING, &[&[0], bytes])
}

/// An INTEGER's bytes without zeros in front; `None` when it is negative.
pub(super) fn unsigned(content: &[u8]) -> Option<&[u8]> {
    if content.first()? & 0x80 != 0 {
        return None;
    }
    let start = content.iter().position(|&byte| byte != 0).unwrap_or(content.len());
    Some(&content[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_take_any_line_width_and_end_at_what_is_no_base64() {
        let rows: [(&str, &[&[u8]]); 7] = [
            ("-----BEGIN X-----\nAQ\r\nID\n-----END X-----\n", &[&[1, 2, 3]]),
            ("text before\n-----BEGIN X----- AQID -----END X-----", &[&[1, 2, 3]]),
            (
                "-----BEGIN X-----\nAQ==\n-----END X-----\n-----BEGIN Y-----\nAg\n-----END Y-----",
                &[&[1], &[2]],
            ),
            (
                "-----BEGIN X-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: A,00\n\nAQID\n-----END X-----",
                &[&[1, 2, 3]],
            ),
            ("-----BEGIN X-----\nAQ*D\n-----END X-----", &[]),
            ("-----BEGIN X-----\nAQID\n", &[]),
            ("AQID", &[]),
        ];
        for (text, expected) in rows {
            let found: Vec<Vec<u8>> = blocks(text.as_bytes()).map(|block| block.bytes).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn lengths_are_read_as_they_are_written() {
        for length in [0, 1, 127, 128, 255, 256, 70_000] {
            let whole = write(OCTET_STRING, &[&vec![7; length]]);
            let read = element(&whole).unwrap();
            assert_eq!((read.content.len(), read.whole.len(), read.rest.len()), (length, whole.len(), 0));
            for cut in [1, 2, whole.len() - 1] {
                assert!(element(&whole[..cut.min(whole.len() - 1)]).is_none(), "{length} {cut}");
            }
        }
    }

    #[test]
    fn integers_keep_their_sign() {
        for (bytes, expected) in
            [(&[][..], &[2, 1, 0][..]), (&[0, 0, 5], &[2, 1, 5]), (&[0x80], &[2, 2, 0, 0x80])]
        {
            assert_eq!(write_integer(bytes), expected);
        }
        assert_eq!(unsigned(&[0, 0x80]), Some(&[0x80][..]));
        assert_eq!(unsigned(&[0x80]), None);
        assert_eq!(unsigned(&[]), None);
    }
}
