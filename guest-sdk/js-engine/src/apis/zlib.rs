//! `zlib`: deflate with its three frames (raw, zlib, gzip), whole texts at once, by miniz_oxide.
//!
//! What comes out is bounded, because a few bytes can stand for gigabytes. Errors have Node's names and codes.

use boa_engine::{Context, JsArgs, JsError, JsNativeError, JsObject, JsResult, JsValue, js_string};
use crc32fast::Hasher;
use miniz_oxide::{
    deflate::{compress_to_vec, compress_to_vec_zlib},
    inflate::{
        TINFLStatus,
        core::{DecompressorOxide, decompress, inflate_flags},
    },
};

use super::native::{array_buffer, bytes_argument, coded, define, size_argument, text_argument};

/// The level that -1 means, as in zlib.
const DEFAULT_LEVEL: u8 = 6;
/// The first two bytes of gzip, and its only method.
const GZIP: [u8; 3] = [0x1f, 0x8b, 8];
/// What the output buffer begins with, bytes.
const FIRST: usize = 4096;

/// Why nothing came out.
enum Failed {
    /// zlib's words for wrong data.
    Data(&'static str),
    /// The input ends too early.
    End,
    /// The output is larger than it may be.
    TooLarge,
}

pub(crate) fn register(target: &JsObject, context: &mut Context) -> JsResult<()> {
    define(target, &[("zlib", zlib), ("crc32", crc32)], context)
}

/// `zlib(form, bytes, level, most, partial)`: an `ArrayBuffer`. `partial` accepts an input that ends too early.
fn zlib(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let form = text_argument(args, 0, context)?;
    let data = bytes_argument(args, 1, context)?;
    let level = args.get_or_undefined(2).as_number().unwrap_or(-1.0);
    let level = if (0.0..=9.0).contains(&level) { level as u8 } else { DEFAULT_LEVEL };
    let most = size_argument(args, 3);
    let partial = args.get_or_undefined(4).to_boolean();
    let made = match form.as_str() {
        "deflate" => Ok(compress_to_vec_zlib(&data, level)),
        "deflateRaw" => Ok(compress_to_vec(&data, level)),
        "gzip" => Ok(gzip(&data, level)),
        "inflate" => inflate(&data, true, most, partial).map(|(out, _)| out),
        "inflateRaw" => inflate(&data, false, most, partial).map(|(out, _)| out),
        "gunzip" => gunzip(&data, most, partial),
        "unzip" if data.starts_with(&GZIP[..1]) => gunzip(&data, most, partial),
        "unzip" => inflate(&data, true, most, partial).map(|(out, _)| out),
        other => return Err(JsNativeError::typ().with_message(format!("no form of zlib: {other}")).into()),
    };
    match made {
        Ok(out) if out.len() <= most => array_buffer(out, context),
        Ok(_) => Err(error(&Failed::TooLarge, most, context)),
        Err(failed) => Err(error(&failed, most, context)),
    }
}

fn error(failed: &Failed, most: usize, context: &mut Context) -> JsError {
    let (message, code, errno) = match failed {
        Failed::Data(words) => (*words, "Z_DATA_ERROR", -3),
        Failed::End => ("unexpected end of file", "Z_BUF_ERROR", -5),
        Failed::TooLarge => {
            let message = format!("Cannot create a Buffer larger than {most} bytes");
            return coded(JsNativeError::range(), "ERR_BUFFER_TOO_LARGE", message, context);
        }
    };
    let error = coded(JsNativeError::error(), code, message.to_owned(), context);
    if let Ok(value) = error.clone().into_opaque(context)
        && let Some(object) = value.as_object()
    {
        // An ordinary new object: nothing can refuse it.
        let _ = object.create_data_property(js_string!("errno"), errno, context);
        return JsError::from_opaque(value);
    }
    error
}

fn gzip(data: &[u8], level: u8) -> Vec<u8> {
    let mut out = GZIP.to_vec();
    // No name, no time; the speed that was asked for; made on Unix.
    let speed = match level {
        9 => 2,
        1 => 4,
        _ => 0,
    };
    out.extend([0, 0, 0, 0, 0, speed, 3]);
    out.extend(compress_to_vec(data, level));
    out.extend(checksum(data, 0).to_le_bytes());
    out.extend((data.len() as u32).to_le_bytes());
    out
}

/// Every member of a gzip file; zeros after the last one are ignored, as by Node.
fn gunzip(data: &[u8], most: usize, partial: bool) -> Result<Vec<u8>, Failed> {
    let mut out = Vec::new();
    let mut rest = data;
    loop {
        let Some(head) = gzip_head(rest)? else {
            return if partial { Ok(out) } else { Err(Failed::End) };
        };
        let (part, used) = inflate(&rest[head..], false, most - out.len(), partial)?;
        let tail = &rest[head + used..];
        if tail.len() < 8 {
            out.extend(part);
            return if partial { Ok(out) } else { Err(Failed::End) };
        }
        let word = |at: usize| u32::from_le_bytes([tail[at], tail[at + 1], tail[at + 2], tail[at + 3]]);
        if word(0) != checksum(&part, 0) {
            return Err(Failed::Data("incorrect data check"));
        }
        if word(4) != part.len() as u32 {
            return Err(Failed::Data("incorrect length check"));
        }
        out.extend(part);
        rest = &tail[8..];
        if rest.first().is_none_or(|next| *next == 0) {
            return Ok(out);
        }
    }
}

/// The length of a member's head (RFC 1952); `None` if it is not all there.
fn gzip_head(data: &[u8]) -> Result<Option<usize>, Failed> {
    if data.iter().zip(GZIP).take(2).any(|(byte, wanted)| *byte != wanted) {
        return Err(Failed::Data("incorrect header check"));
    }
    if data.get(2).is_some_and(|method| *method != GZIP[2]) {
        return Err(Failed::Data("unknown compression method"));
    }
    let Some(flags) = data.get(3).copied().filter(|_| data.len() >= 10) else { return Ok(None) };
    if flags & 0xe0 != 0 {
        return Err(Failed::Data("unknown header flags set"));
    }
    let mut at = 10;
    if flags & 4 != 0 {
        let Some(length) = data.get(at..at + 2) else { return Ok(None) };
        at += 2 + usize::from(u16::from_le_bytes([length[0], length[1]]));
    }
    // A name and a comment, each ended by a zero.
    for flag in [8, 16] {
        if flags & flag != 0 {
            let Some(end) = data.get(at..).and_then(|text| text.iter().position(|byte| *byte == 0)) else {
                return Ok(None);
            };
            at += end + 1;
        }
    }
    if flags & 2 != 0 {
        at += 2;
    }
    Ok((at <= data.len()).then_some(at))
}

/// What a stream holds, and how many bytes of `data` it has.
fn inflate(data: &[u8], zlib: bool, most: usize, partial: bool) -> Result<(Vec<u8>, usize), Failed> {
    if zlib && data.len() >= 2 {
        if data[0] & 15 == 8 && data[0] >> 4 > 7 {
            return Err(Failed::Data("invalid window size"));
        }
        if !u16::from_be_bytes([data[0], data[1]]).is_multiple_of(31) || data[0] & 15 != 8 {
            return Err(Failed::Data("incorrect header check"));
        }
    }
    let mut state = Box::<DecompressorOxide>::default();
    let mut flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    if zlib {
        flags |= inflate_flags::TINFL_FLAG_PARSE_ZLIB_HEADER;
    }
    let mut out = vec![0; FIRST.min(most.saturating_add(1))];
    let (mut used, mut made) = (0, 0);
    loop {
        let (status, read, wrote) = decompress(&mut state, &data[used..], &mut out, made, flags);
        used += read;
        made += wrote;
        match status {
            TINFLStatus::Done | TINFLStatus::HasMoreOutput if made > most => return Err(Failed::TooLarge),
            TINFLStatus::Done => {
                out.truncate(made);
                return Ok((out, used));
            }
            TINFLStatus::HasMoreOutput if out.len() > most => return Err(Failed::TooLarge),
            // One byte more than allowed shows that there is more.
            TINFLStatus::HasMoreOutput => out.resize((out.len() * 2).min(most + 1), 0),
            TINFLStatus::NeedsMoreInput | TINFLStatus::FailedCannotMakeProgress if partial => {
                out.truncate(made);
                return Ok((out, used));
            }
            TINFLStatus::NeedsMoreInput | TINFLStatus::FailedCannotMakeProgress => return Err(Failed::End),
            TINFLStatus::Adler32Mismatch => return Err(Failed::Data("incorrect data check")),
            // Anything else is wrong data.
            _ => return Err(Failed::Data("invalid compressed data")),
        }
    }
}

fn checksum(data: &[u8], before: u32) -> u32 {
    let mut hasher = Hasher::new_with_initial(before);
    hasher.update(data);
    hasher.finalize()
}

/// `crc32(bytes, before)`.
fn crc32(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let data = bytes_argument(args, 0, context)?;
    let before = args.get_or_undefined(1).to_u32(context)?;
    Ok(checksum(&data, before).into())
}
