//! The data of the CLDR (Unicode License v3, `cldr.LICENSE`): chunks of text by name, as `scripts/intl-data.mjs` packs them.

use std::{collections::HashMap, io::Read as _, sync::OnceLock};

/// The packed chunks; the script that writes it describes the form.
static CLDR: &[u8] = include_bytes!("cldr.bin");

/// Where a chunk stands in [`CLDR`], and what it has unpacked, bytes.
struct Place {
    packed: &'static [u8],
    length: usize,
}

fn index() -> &'static HashMap<String, Place> {
    static INDEX: OnceLock<HashMap<String, Place>> = OnceLock::new();
    INDEX.get_or_init(|| read_index().expect("the file is part of the build, and a test reads all of it"))
}

fn read_index() -> Option<HashMap<String, Place>> {
    let rest = CLDR.strip_prefix(b"FCLDR1")?;
    let (length, rest) = rest.split_at_checked(4)?;
    let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
    let (head, chunks) = rest.split_at_checked(length)?;
    let text = String::from_utf8(unpack(head, 1 << 20)?).ok()?;
    text.lines()
        .map(|line| {
            let mut fields = line.split('\t');
            let name = fields.next()?.to_owned();
            let mut number = || fields.next()?.parse::<usize>().ok();
            let (offset, packed, length) = (number()?, number()?, number()?);
            Some((name, Place { packed: chunks.get(offset..offset + packed)?, length }))
        })
        .collect()
}

fn unpack(packed: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(length);
    brotli::Decompressor::new(packed, 16 << 10).read_to_end(&mut text).ok()?;
    Some(text)
}

/// How long a chunk is, bytes; 0 for none.
pub(super) fn length(name: &[u8]) -> usize {
    std::str::from_utf8(name).ok().and_then(|name| index().get(name)).map_or(0, |place| place.length)
}

/// The chunk of a name.
pub(super) fn chunk(name: &[u8]) -> Option<Vec<u8>> {
    let place = index().get(std::str::from_utf8(name).ok()?)?;
    unpack(place.packed, place.length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chunk_unpacks_and_names_a_chunk_that_is_there() {
        let mut seen = 0;
        for (name, place) in index() {
            let text = String::from_utf8(unpack(place.packed, place.length).unwrap()).unwrap();
            assert_eq!(text.len(), place.length, "{name}");
            if let Some(above) = text.strip_prefix('\t') {
                assert!(index().contains_key(above.lines().next().unwrap()), "{name}");
            }
            seen += 1;
        }
        assert!(seen > 10_000, "{seen} chunks");
    }
}
