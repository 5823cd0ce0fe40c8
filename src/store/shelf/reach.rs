//! Which keys a part of the history can have.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::store::{Key, KeyRange, keys::Kind};

/// The smallest and the largest key of each first byte.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct Reach(BTreeMap<u8, (Vec<u8>, Vec<u8>)>);

impl Reach {
    pub(in crate::store) fn include(&mut self, key: &[u8]) {
        let Some(first) = key.first() else { return };
        let (least, most) = self.0.entry(*first).or_insert_with(|| (key.to_vec(), key.to_vec()));
        if key < least.as_slice() {
            *least = key.to_vec();
        } else if key > most.as_slice() {
            *most = key.to_vec();
        }
    }

    /// The first bytes of its keys.
    pub(in crate::store) fn kinds(&self) -> impl Iterator<Item = u8> {
        self.0.keys().copied()
    }

    pub(in crate::store) fn may_have(&self, key: &[u8]) -> bool {
        let reach = key.first().and_then(|first| self.0.get(first));
        reach.is_some_and(|(least, most)| least.as_slice() <= key && key <= most.as_slice())
    }

    /// The first and the last key of `range` that may be there.
    pub(in crate::store) fn within(&self, range: &KeyRange) -> Option<(Vec<u8>, Vec<u8>)> {
        let below = |key: &[u8]| range.end.as_ref().is_none_or(|end| key < end.as_slice());
        let inside = self.0.values().filter(|(least, most)| below(least) && *most >= range.start);
        let (mut first, mut last) = (None, None);
        for (least, most) in inside {
            first.get_or_insert_with(|| least.max(&range.start).clone());
            // What lies at the end of the range or behind it still sorts before all that is behind this reach.
            last = Some(match &range.end {
                Some(end) if !below(most) => end.clone(),
                Some(_) | None => most.clone(),
            });
        }
        first.zip(last)
    }

    /// In words: which runs are in it.
    pub(in crate::store) fn runs(&self) -> String {
        match self.0.get(&(Kind::Run as u8)) {
            Some((first, last)) => {
                format!("{} to {}", Key::from(first.as_slice()), Key::from(last.as_slice()))
            }
            None => "no runs".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reach_knows_which_keys_it_cannot_have() {
        let mut reach = Reach::default();
        for key in [&b"r3"[..], b"r1", b"r2", b"s7", b"s9"] {
            reach.include(key);
        }
        for (key, may) in
            [("r1", true), ("r2x", true), ("r4", false), ("s8", true), ("s", false), ("q", false)]
        {
            assert_eq!(reach.may_have(key.as_bytes()), may, "{key}");
        }
        let within = |range: KeyRange| {
            let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
            reach.within(&range).map(|(first, last)| (text(first), text(last)))
        };
        let both = |first: &str, last: &str| Some((first.to_owned(), last.to_owned()));
        assert_eq!(within(KeyRange::prefix("r")), both("r1", "r3"));
        assert_eq!(within(KeyRange::prefix("r").before("r2")), both("r1", "r2"));
        assert_eq!(within(KeyRange::prefix([])), both("r1", "s9"));
        assert_eq!(within(KeyRange::prefix("a")), None);
        assert_eq!(within(KeyRange::prefix("r").after("r3")), None);
    }
}
