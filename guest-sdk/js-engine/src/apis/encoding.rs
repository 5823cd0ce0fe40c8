//! Text to bytes and back, in the encodings of Node's `Buffer`; `atob`, `btoa` and `TextDecoder`.
//!
//! Decoding is as lenient as Node's: hex stops at the first character that is none, base64 takes both alphabets.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use boa_engine::{
    Context, JsArgs, JsError, JsNativeError, JsObject, JsResult, JsStr, JsString, JsValue, js_string,
};

use crate::host;

use super::native::{array_buffer, bytes_argument, coded, define, size_argument, text_argument};

/// The most that the host decodes at once, bytes.
const DECODED_MOST: usize = 63 << 20;

/// Base64 without padding and with whatever bits are left over.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// An encoding of `Buffer`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Encoding {
    Utf8,
    Hex,
    Base64,
    Base64Url,
    Latin1,
    Ascii,
    Utf16Le,
}

impl Encoding {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "utf8" | "utf-8" => Self::Utf8,
            "hex" => Self::Hex,
            "base64" => Self::Base64,
            "base64url" => Self::Base64Url,
            "latin1" | "binary" => Self::Latin1,
            "ascii" => Self::Ascii,
            "utf16le" | "utf-16le" | "ucs2" | "ucs-2" => Self::Utf16Le,
            _ => return None,
        })
    }

    /// The encoding of an argument; `undefined` is UTF-8.
    pub(crate) fn of(value: &JsValue, context: &mut Context) -> JsResult<Self> {
        if value.is_null_or_undefined() {
            return Ok(Self::Utf8);
        }
        let name = value.to_string(context)?.to_std_string_lossy();
        Self::from_name(&name).ok_or_else(|| {
            let message = format!("Unknown encoding: {name}");
            coded(JsNativeError::typ(), "ERR_UNKNOWN_ENCODING", message, context)
        })
    }

    /// Text as bytes.
    pub(crate) fn encode(self, text: &JsString) -> Vec<u8> {
        match self {
            Self::Utf8 => text.to_std_string_lossy().into_bytes(),
            Self::Latin1 | Self::Ascii => text.iter().map(|unit| unit as u8).collect(),
            Self::Utf16Le => text.iter().flat_map(u16::to_le_bytes).collect(),
            Self::Hex => {
                let digits: Vec<u8> = text
                    .iter()
                    .map_while(|unit| char::from_u32(unit.into())?.to_digit(16))
                    .map(|digit| digit as u8)
                    .collect();
                digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
            }
            Self::Base64 | Self::Base64Url => decode_base64(text),
        }
    }

    /// Bytes as text.
    pub(crate) fn decode(self, bytes: &[u8]) -> JsString {
        match self {
            Self::Utf8 => JsString::from(String::from_utf8_lossy(bytes).as_ref()),
            Self::Latin1 => JsString::from(JsStr::latin1(bytes)),
            Self::Ascii => {
                let bytes: Vec<u8> = bytes.iter().map(|byte| byte & 0x7f).collect();
                JsString::from(JsStr::latin1(&bytes))
            }
            Self::Utf16Le => {
                let units: Vec<u16> =
                    bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
                JsString::from(units.as_slice())
            }
            Self::Hex => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                let text: Vec<u8> = bytes
                    .iter()
                    .flat_map(|byte| [DIGITS[(byte >> 4) as usize], DIGITS[(byte & 15) as usize]])
                    .collect();
                JsString::from(JsStr::latin1(&text))
            }
            Self::Base64 => JsString::from(BASE64_STANDARD.encode(bytes).as_str()),
            Self::Base64Url => JsString::from(BASE64_URL_SAFE_NO_PAD.encode(bytes).as_str()),
        }
    }
}

/// Base64 of either alphabet up to the first `=`; other characters are skipped.
fn decode_base64(text: &JsString) -> Vec<u8> {
    let mut clean: Vec<u8> = text
        .iter()
        .map(|unit| u8::try_from(unit).unwrap_or(0))
        .take_while(|&byte| byte != b'=')
        .filter_map(|byte| match byte {
            b'-' => Some(b'+'),
            b'_' => Some(b'/'),
            b'+' | b'/' => Some(byte),
            byte if byte.is_ascii_alphanumeric() => Some(byte),
            _ => None,
        })
        .collect();
    if clean.len() % 4 == 1 {
        clean.pop();
    }
    LENIENT.decode(clean).unwrap_or_default()
}

pub(crate) fn register(target: &JsObject, context: &mut Context) -> JsResult<()> {
    define(
        target,
        &[
            ("encode", encode),
            ("decode", decode),
            ("isEncoding", is_encoding),
            ("wholeLength", whole_length),
            ("decoderLabel", decoder_label),
            ("textDecode", text_decode),
            ("atob", atob),
            ("btoa", btoa),
        ],
        context,
    )
}

/// `encode(text, encoding) -> ArrayBuffer`
fn encode(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let encoding = Encoding::of(args.get_or_undefined(1), context)?;
    let text = args.get_or_undefined(0).to_string(context)?;
    array_buffer(encoding.encode(&text), context)
}

/// `decode(view, encoding, start, end) -> text`
fn decode(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let encoding = Encoding::of(args.get_or_undefined(1), context)?;
    let bytes = bytes_argument(args, 0, context)?;
    let end = size_argument(args, 3).min(bytes.len());
    let start = size_argument(args, 2).min(end);
    Ok(encoding.decode(&bytes[start..end]).into())
}

fn is_encoding(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let name = text_argument(args, 0, context)?;
    Ok(Encoding::from_name(&name).is_some().into())
}

/// `wholeLength(bytes, room, encoding)`: how much fits without cutting a character; `stream` asks how much is complete.
fn whole_length(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let bytes = bytes_argument(args, 0, context)?;
    let room = size_argument(args, 1).min(bytes.len());
    let stream = args.get_or_undefined(2).as_string().is_some_and(|name| name == js_string!("stream"));
    let length = if stream {
        let cut = bytes.utf8_chunks().last().map_or(0, |chunk| {
            let rest = chunk.invalid();
            let incomplete = std::str::from_utf8(rest).is_err_and(|error| error.error_len().is_none());
            if incomplete { rest.len() } else { 0 }
        });
        room - cut.min(room)
    } else {
        match Encoding::of(args.get_or_undefined(2), context)? {
            Encoding::Utf8 => {
                let mut length = room;
                while length > 0 && bytes.get(length).is_some_and(|byte| byte & 0xc0 == 0x80) {
                    length -= 1;
                }
                length
            }
            Encoding::Utf16Le => room & !1,
            _ => room,
        }
    };
    Ok(JsValue::from(length as f64))
}

/// The canonical name of a `TextDecoder` label, or an empty text.
fn decoder_label(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let label = text_argument(args, 0, context)?;
    // The most common ones are no question for the host; a top level that asks for them keeps its image small.
    let name = match label.trim_matches([' ', '\t', '\n', '\u{c}', '\r']).to_ascii_lowercase().as_str() {
        "utf-8" | "utf8" => Some("utf-8".to_owned()),
        label => {
            host::intl(host::Intl::Label, label.as_bytes()).and_then(|name| String::from_utf8(name).ok())
        }
    };
    Ok(JsString::from(name.unwrap_or_default().as_str()).into())
}

/// `textDecode(bytes, encoding, fatal, last)`: `null` when fatal and malformed. Without `last`, more of a stream follows.
fn text_decode(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let bytes = bytes_argument(args, 0, context)?;
    let fatal = args.get_or_undefined(2).to_boolean();
    let last = args.get_or_undefined(3).to_boolean();
    let encoding = text_argument(args, 1, context)?;
    if encoding == "utf-8" {
        if fatal && std::str::from_utf8(&bytes).is_err() {
            return Ok(JsValue::null());
        }
        return Ok(Encoding::Utf8.decode(&bytes).into());
    }
    if bytes.len() > DECODED_MOST {
        let message = "TextDecoder: more than 63 MiB cannot be decoded at once";
        return Err(JsNativeError::range().with_message(message).into());
    }
    let digit = |flag: bool| if flag { b'1' } else { b'0' };
    let request = [encoding.as_bytes(), &[0, digit(fatal), digit(last)], &bytes].concat();
    let text = host::intl(host::Intl::Decode, &request).and_then(|text| String::from_utf8(text).ok());
    Ok(text.map_or(JsValue::null(), |text| JsString::from(text.as_str()).into()))
}

fn atob(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = args.get_or_undefined(0).to_string(context)?;
    let mut clean: Vec<u16> = text.iter().filter(|unit| ![9, 10, 12, 13, 32].contains(unit)).collect();
    if clean.len().is_multiple_of(4) {
        for _ in 0..2 {
            if clean.last() == Some(&u16::from(b'=')) {
                clean.pop();
            }
        }
    }
    let valid = clean.len() % 4 != 1
        && clean.iter().all(|&unit| {
            u8::try_from(unit).is_ok_and(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/')
        });
    if !valid {
        return Err(invalid_character("The string to be decoded is not correctly encoded.", context));
    }
    let bytes = decode_base64(&JsString::from(clean.as_slice()));
    Ok(Encoding::Latin1.decode(&bytes).into())
}

fn btoa(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = args.get_or_undefined(0).to_string(context)?;
    let bytes: Result<Vec<u8>, _> = text.iter().map(u8::try_from).collect();
    match bytes {
        Ok(bytes) => Ok(Encoding::Base64.decode(&bytes).into()),
        Err(_) => Err(invalid_character("Invalid character", context)),
    }
}

fn invalid_character(message: &'static str, context: &mut Context) -> JsError {
    let error = JsNativeError::error().with_message(message).into_opaque(context);
    let name = js_string!("InvalidCharacterError");
    match error.create_data_property(js_string!("name"), name, context) {
        Ok(_) => JsError::from_opaque(error.into()),
        Err(error) => error,
    }
}
