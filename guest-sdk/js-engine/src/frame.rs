//! Reads and writes the byte frames that cross the border between host and guest.
//!
//! A frame is a sequence of sections, each a little-endian `u32` length and that many bytes. An answer is one tag byte
//! and a payload. Called by the exports in `lib.rs`; knows nothing about JavaScript.

/// What an export answers: a tag byte and a payload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Tag 0; the payload belongs to the export.
    Ok(Vec<u8>),
    /// Tag 1; the payload is the JSON of [`crate::failure::Failure`].
    Error(Vec<u8>),
    /// Tag 2; the payload is the JSON of [`crate::calls`]: what the script waits for.
    Pending(Vec<u8>),
}

impl Answer {
    /// The bytes as the host reads them.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        let (tag, mut payload) = match self {
            Self::Ok(payload) => (0, payload),
            Self::Error(payload) => (1, payload),
            Self::Pending(payload) => (2, payload),
        };
        payload.insert(0, tag);
        payload
    }
}

/// Splits `bytes` into exactly `N` sections.
///
/// # Errors
/// A length that runs past the end, or bytes left over. The host builds the frames, so either is a bug of the host.
pub fn sections<const N: usize>(bytes: &[u8]) -> Result<[&[u8]; N], &'static str> {
    match first_sections(bytes)? {
        (out, []) => Ok(out),
        _ => Err("frame: bytes left over after the last section"),
    }
}

/// Splits the first `N` sections off; what follows them is a frame again.
///
/// # Errors
/// A length that runs past the end.
pub fn first_sections<const N: usize>(mut bytes: &[u8]) -> Result<([&[u8]; N], &[u8]), &'static str> {
    let mut out = [&[][..]; N];
    for slot in &mut out {
        let (len, rest) = bytes.split_first_chunk::<4>().ok_or("frame: a section's length is missing")?;
        let len = u32::from_le_bytes(*len) as usize;
        *slot = rest.get(..len).ok_or("frame: a section is longer than the frame")?;
        bytes = &rest[len..];
    }
    Ok((out, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(parts: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        for part in parts {
            out.extend((part.len() as u32).to_le_bytes());
            out.extend(*part);
        }
        out
    }

    #[test]
    fn sections_come_back_in_order() {
        let bytes = frame(&[b"a", b"", b"ccc"]);
        assert_eq!(sections::<3>(&bytes), Ok([&b"a"[..], b"", b"ccc"]));
    }

    #[test]
    fn a_short_or_long_frame_is_refused() {
        let bytes = frame(&[b"a", b"bb"]);
        assert!(sections::<3>(&bytes).is_err());
        assert!(sections::<1>(&bytes).is_err());
        assert!(sections::<2>(&bytes[..bytes.len() - 1]).is_err());
        assert!(sections::<1>(&[255, 255, 255, 255]).is_err());
    }
}
