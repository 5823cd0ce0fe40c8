//! The byte layout of what crosses into the guest: sections of `[u32 length][bytes]`, little endian.

/// Sections one after the other, each with its length before it.
pub(super) fn encode(sections: &[&[u8]]) -> Vec<u8> {
    let size = sections.iter().map(|section| section.len() + 4).sum();
    let mut frame = Vec::with_capacity(size);
    for section in sections {
        let length = u32::try_from(section.len()).expect("inputs are capped far below 4 GiB");
        frame.extend_from_slice(&length.to_le_bytes());
        frame.extend_from_slice(section);
    }
    frame
}

/// Splits the guest's packed answer into pointer and length.
pub(super) fn unpack(packed: u64) -> (usize, usize) {
    ((packed >> 32) as usize, (packed & 0xffff_ffff) as usize)
}

/// The bytes at a guest's pointer, or nothing when it points outside the memory.
pub(super) fn slice(memory: &[u8], pointer: usize, length: usize) -> Option<&[u8]> {
    memory.get(pointer..pointer.checked_add(length)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_holds_its_sections() {
        assert_eq!(encode(&[b"ab", b""]), [2, 0, 0, 0, b'a', b'b', 0, 0, 0, 0]);
    }

    #[test]
    fn a_guest_cannot_point_outside_its_memory() {
        let memory = [0u8; 16];
        assert!(slice(&memory, 8, 8).is_some());
        assert!(slice(&memory, 8, 9).is_none());
        assert!(slice(&memory, usize::MAX, 2).is_none());
        assert!(slice(&memory, 17, 0).is_none());
    }
}
