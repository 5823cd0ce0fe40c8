//! Bytes in the encodings of the web as text (<https://encoding.spec.whatwg.org>), by encoding_rs.

use encoding_rs::{DecoderResult, Encoding};

/// The canonical name of a label, in lower case, as `TextDecoder` shows it. `replacement` is no encoding for it.
pub(super) fn label(request: &[u8]) -> Option<Vec<u8>> {
    let encoding = Encoding::for_label_no_replacement(request)?;
    Some(encoding.name().to_ascii_lowercase().into_bytes())
}

/// `label NUL fatal last bytes`, two digits: the text in UTF-8; nothing when fatal and malformed. What is not the last of a stream may end
/// within a character. A byte order mark is a character.
pub(super) fn decode(request: &[u8]) -> Option<Vec<u8>> {
    let zero = request.iter().position(|&byte| byte == 0)?;
    let encoding = Encoding::for_label_no_replacement(&request[..zero])?;
    let (flags, bytes) = request[zero + 1..].split_at_checked(2)?;
    let (fatal, last) = (flags[0] == b'1', flags[1] == b'1');
    let mut decoder = encoding.new_decoder_without_bom_handling();
    if fatal {
        let mut text =
            String::with_capacity(decoder.max_utf8_buffer_length_without_replacement(bytes.len())?);
        return match decoder.decode_to_string_without_replacement(bytes, &mut text, last) {
            (DecoderResult::InputEmpty, _) => Some(text.into_bytes()),
            (DecoderResult::OutputFull | DecoderResult::Malformed(..), _) => None,
        };
    }
    let mut text = String::with_capacity(decoder.max_utf8_buffer_length(bytes.len())?);
    let _ = decoder.decode_to_string(bytes, &mut text, last);
    Some(text.into_bytes())
}
