//! A Bloom filter: whether a shelf can have a key, in ten bits a key.
//!
//! One in about a hundred keys that are not there is taken for one that may be; a key that is there, never for one that is
//! not. The places of a key are a function of its bytes alone, and part of the format.

/// Bits for each key.
const BITS: usize = 10;
/// Places that are set for a key.
const PLACES: u64 = 7;

/// What a filter needs to know of a key: FNV-1a, finished as in splitmix64, so that its halves are independent.
pub(in crate::store) fn hash(key: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in key {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

fn places(filter: usize, hash: u64) -> impl Iterator<Item = (usize, u8)> {
    let bits = filter as u64 * 8;
    let step = (hash >> 32) | 1;
    (0..PLACES).map(move |n| {
        let place = hash.wrapping_add(n.wrapping_mul(step)) % bits;
        ((place / 8) as usize, 1 << (place % 8))
    })
}

/// The filter of these keys, by their hashes.
pub(super) fn build(hashes: &[u64]) -> Vec<u8> {
    let mut filter = vec![0; (hashes.len() * BITS).div_ceil(8).max(8)];
    for hash in hashes {
        for (byte, bit) in places(filter.len(), *hash) {
            filter[byte] |= bit;
        }
    }
    filter
}

/// Whether a key of this hash may be among them.
pub(super) fn may_have(filter: &[u8], hash: u64) -> bool {
    !filter.is_empty() && places(filter.len(), hash).all(|(byte, bit)| filter[byte] & bit != 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_key_that_is_there_is_never_taken_for_one_that_is_not(keys: Vec<Vec<u8>>) {
            let hashes: Vec<u64> = keys.iter().map(|key| hash(key)).collect();
            let filter = build(&hashes);
            prop_assert!(hashes.iter().all(|hash| may_have(&filter, *hash)));
        }
    }

    #[test]
    fn few_keys_that_are_not_there_pass() {
        let key = |n: u32| [b"r", &n.to_be_bytes()[..]].concat();
        let hashes: Vec<u64> = (0..20_000).map(|n| hash(&key(n))).collect();
        let filter = build(&hashes);
        let passed = (20_000..120_000).filter(|n| may_have(&filter, hash(&key(*n)))).count();
        assert!(passed < 1_500, "{passed} of 100000");
        assert!(!may_have(&[], 1));
    }
}
