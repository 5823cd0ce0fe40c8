//! Compressed bodies: only where a trigger says `"decompress": true`, only one coding, and never more than the trigger's
//! `max_body` out of it.
//!
//! The bytes as received are verified first; who cannot sign cannot make us decompress. Output is bounded while it is made: a
//! bomb costs no more memory than a body that is allowed anyway.

use std::io::Read;

use brotli::{BrotliDecompressStream, BrotliResult, BrotliState, enc::StandardAlloc};
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use ruzstd::decoding::StreamingDecoder;

/// So much may come out whatever went in.
const FREE: usize = 1 << 20;
/// Beyond that, how many bytes may come out for one that went in. Text compresses to a tenth, JSON of machines to a fiftieth.
const RATIO: usize = 100;
/// What is decompressed at once, bytes.
const PIECE: usize = 64 << 10;
/// The largest window of zstd, as RFC 8878 recommends for receivers.
const WINDOW: u64 = 8 << 20;

/// Why nothing comes out. `E` is why its caller has no room.
#[derive(Debug, thiserror::Error)]
pub enum Unpack<E> {
    /// There is more in it, or far more than went in.
    #[error("the body is over {limit} bytes when it is decompressed")]
    TooLarge {
        /// The most that may come out, bytes.
        limit: usize,
    },
    /// It is not what its coding says, is cut off, or has something behind its end.
    #[error("{0}")]
    Invalid(String),
    /// There is no room for what comes out.
    #[error("no room for what comes out of the body")]
    NoRoom(E),
}

/// Asked for room before so many bytes more are kept.
type Room<'a, E> = &'a dyn Fn(usize) -> Result<(), E>;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// RFC 1952.
    Gzip,
    /// RFC 1950, or RFC 1951 alone.
    Deflate,
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstd,
}

impl Coding {
    /// By its name in lower case (RFC 9110 section 8.4.1).
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            "br" => Some(Self::Brotli),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// What a compressed body holds, at most `limit` bytes.
///
/// # Errors
/// As soon as there is more than `limit`, or than a hundred times what went in; see [`Unpack`].
pub fn decompressed<E>(
    coding: Coding,
    body: &[u8],
    limit: usize,
    room: Room<'_, E>,
) -> Result<Vec<u8>, Unpack<E>> {
    if body.is_empty() {
        return Ok(Vec::new());
    }
    let most = limit.min(FREE.max(body.len().saturating_mul(RATIO)));
    match coding {
        Coding::Gzip => {
            let mut decoder = MultiGzDecoder::new(body);
            let whole = read(&mut decoder, most, room)?;
            ended(decoder.get_ref())?;
            Ok(whole)
        }
        // RFC 9110 section 8.4.1.2: zlib's format is meant, and some senders leave its frame out.
        Coding::Deflate if is_zlib(body) => {
            let mut decoder = ZlibDecoder::new(body);
            let whole = read(&mut decoder, most, room)?;
            ended(decoder.get_ref())?;
            Ok(whole)
        }
        Coding::Deflate => {
            let mut decoder = DeflateDecoder::new(body);
            let whole = read(&mut decoder, most, room)?;
            ended(decoder.get_ref())?;
            Ok(whole)
        }
        Coding::Brotli => unbrotli(body, most, room),
        Coding::Zstd => {
            let decoder = StreamingDecoder::new_with_max_window_size(body, WINDOW);
            let mut decoder = decoder.map_err(|error| Unpack::Invalid(format!("it is no zstd: {error}")))?;
            let whole = read(&mut decoder, most, room)?;
            ended(decoder.get_ref())?;
            Ok(whole)
        }
    }
}

/// By hand, since the crate's reader allows windows of a gibibyte (which ten bytes can ask for) and does not tell what is
/// behind the end.
fn unbrotli<E>(body: &[u8], most: usize, room: Room<'_, E>) -> Result<Vec<u8>, Unpack<E>> {
    let allocator = StandardAlloc::default;
    let mut state = BrotliState::new_strict(allocator(), allocator(), allocator());
    let (mut left, mut at, mut total) = (body.len(), 0, 0);
    let mut buffer = vec![0; PIECE];
    let mut whole = Vec::new();
    loop {
        let (mut free, mut filled) = (buffer.len(), 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut at,
            body,
            &mut free,
            &mut filled,
            &mut buffer,
            &mut total,
            &mut state,
        );
        keep(&mut whole, &buffer[..filled], most, room)?;
        match result {
            BrotliResult::NeedsMoreOutput => {}
            BrotliResult::ResultSuccess => break,
            BrotliResult::NeedsMoreInput => {
                return Err(Unpack::Invalid("the compressed body is cut off".to_owned()));
            }
            BrotliResult::ResultFailure => {
                return Err(Unpack::Invalid("it cannot be decompressed: it is no brotli".to_owned()));
            }
        }
    }
    ended(&body[at..])?;
    Ok(whole)
}

fn read<E>(decoder: &mut impl Read, most: usize, room: Room<'_, E>) -> Result<Vec<u8>, Unpack<E>> {
    let mut whole = Vec::new();
    let mut buffer = vec![0; PIECE];
    loop {
        let count = decoder
            .read(&mut buffer)
            .map_err(|error| Unpack::Invalid(format!("it cannot be decompressed: {error}")))?;
        if count == 0 {
            return Ok(whole);
        }
        keep(&mut whole, &buffer[..count], most, room)?;
    }
}

/// Adds a piece of what comes out, if it may be kept.
fn keep<E>(whole: &mut Vec<u8>, piece: &[u8], most: usize, room: Room<'_, E>) -> Result<(), Unpack<E>> {
    if whole.len() + piece.len() > most {
        return Err(Unpack::TooLarge { limit: most });
    }
    room(piece.len()).map_err(Unpack::NoRoom)?;
    whole.extend_from_slice(piece);
    Ok(())
}

fn ended<E>(rest: &[u8]) -> Result<(), Unpack<E>> {
    if rest.is_empty() {
        return Ok(());
    }
    Err(Unpack::Invalid("something stands behind the compressed body".to_owned()))
}

/// RFC 1950 section 2.2: the method is deflate, and the first two bytes are divisible by 31.
fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [method, flags, ..]
        if method & 0x0f == 8 && (u16::from(*method) << 8 | u16::from(*flags)).is_multiple_of(31))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{
        Compression,
        write::{DeflateEncoder, GzEncoder, ZlibEncoder},
    };
    use proptest::prelude::*;

    use super::*;

    /// With all the room that there is.
    fn decompressed(coding: Coding, body: &[u8], limit: usize) -> Result<Vec<u8>, Unpack<()>> {
        super::decompressed(coding, body, limit, &|_| Ok(()))
    }

    const CODINGS: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];

    fn compressed(coding: Coding, bytes: &[u8]) -> Vec<u8> {
        let best = Compression::best();
        match coding {
            Coding::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), best);
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Coding::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), best);
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Coding::Brotli => {
                let mut out = Vec::new();
                brotli::BrotliCompress(&mut &*bytes, &mut out, &Default::default()).unwrap();
                out
            }
            Coding::Zstd => {
                ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
            }
        }
    }

    #[test]
    fn each_coding_is_read_back() {
        let text = b"{\"a\": \"hello hello hello\"}".repeat(50);
        for coding in CODINGS {
            assert_eq!(
                decompressed(coding, &compressed(coding, &text), 1 << 20).unwrap(),
                text,
                "{coding:?}"
            );
        }
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::best());
        raw.write_all(&text).unwrap();
        assert_eq!(
            decompressed(Coding::Deflate, &raw.finish().unwrap(), 1 << 20).unwrap(),
            text,
            "without zlib's frame"
        );
    }

    #[test]
    fn a_bomb_ends_at_the_limit() {
        let zeros = vec![0; 20 << 20];
        for coding in CODINGS {
            let bomb = compressed(coding, &zeros);
            let by_ratio = decompressed(coding, &bomb, usize::MAX);
            let most = FREE.max(bomb.len() * RATIO);
            assert!(matches!(by_ratio, Err(Unpack::TooLarge { limit }) if limit == most), "{coding:?}");
            let by_size = decompressed(coding, &bomb, 1_000);
            assert!(matches!(by_size, Err(Unpack::TooLarge { limit: 1_000 })), "{coding:?}");
        }
    }

    #[test]
    fn s3_what_comes_out_is_counted_while_it_comes() {
        let text = b"{\"a\": \"hello hello hello\"}".repeat(20_000);
        for coding in CODINGS {
            let counted = std::cell::Cell::new(0);
            let room = |more: usize| {
                counted.set(counted.get() + more);
                if counted.get() > 200_000 { Err("full") } else { Ok(()) }
            };
            let refused = super::decompressed(coding, &compressed(coding, &text), 1 << 20, &room);
            assert!(matches!(refused, Err(Unpack::NoRoom("full"))), "{coding:?}");
            assert!(counted.get() <= 200_000 + PIECE, "{coding:?}: {}", counted.get());
        }
    }

    #[test]
    fn what_is_cut_or_goes_on_is_refused() {
        let text = b"some text that is compressed".repeat(10);
        for coding in CODINGS {
            let whole = compressed(coding, &text);
            let cut = decompressed(coding, &whole[..whole.len() - 3], 1 << 20);
            assert!(matches!(cut, Err(Unpack::Invalid(_))), "{coding:?} cut: {cut:?}");
            let more = decompressed(coding, &[&whole[..], b"tail"].concat(), 1 << 20);
            assert!(matches!(more, Err(Unpack::Invalid(_))), "{coding:?} goes on: {more:?}");
            let other = decompressed(coding, b"{\"plain\": true, \"and\": \"long enough\"}", 1 << 20);
            assert!(matches!(other, Err(Unpack::Invalid(_))), "{coding:?} is none: {other:?}");
        }
    }

    #[test]
    fn a_large_window_of_brotli_is_refused_before_it_is_allocated() {
        // The reserved window size, then 30 bits of it: a gibibyte (draft-vandevenne-shared-brotli-format section 3).
        let large = decompressed(Coding::Brotli, &[0x11, 0x1e, 0x00, 0x00, 0x03], 1 << 20);
        assert!(matches!(large, Err(Unpack::Invalid(_))), "{large:?}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_decompressed_or_refused(
            body in prop::collection::vec(any::<u8>(), 0..300), coding in prop::sample::select(CODINGS.to_vec()),
        ) {
            if let Ok(whole) = decompressed(coding, &body, 10_000) {
                prop_assert!(whole.len() <= 10_000);
            }
        }
    }
}
