//! Reads of a store: the live part, what moved to the history since the last checkpoint, and the history.

use sled::IVec;

use super::{SledStore, blobs::unseal, commits::Commits, history::Moved};
use crate::store::{Key, KeyRange, Order, Pair, StoreError};

impl SledStore {
    pub(super) fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if Commits::owns(key) {
            return Ok(None);
        }
        let mut stored = self.staging.envelope(key)?;
        loop {
            let Some(bytes) = stored else { return self.read_history(key) };
            match unseal(key, &bytes, &self.staging.blobs) {
                Ok(value) => return Ok(Some(value)),
                Err(error) => {
                    // The file of a large value goes when the value is replaced, or moves to the history.
                    stored = self.staging.envelope(key)?;
                    if stored.as_ref() == Some(&bytes) {
                        return Err(error);
                    }
                }
            }
        }
    }

    fn read_history(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        loop {
            let moved = self.staging.moved(key);
            let found = self.history.get(key, moved.as_ref().map(|(end, _)| *end));
            let Some((end, bytes)) = moved else { return found };
            if let Ok(Some(value)) = found {
                return Ok(Some(value));
            }
            match unseal(key, &bytes, &self.staging.blobs) {
                Ok(value) => return Ok(Some(value)),
                // As above.
                Err(error) if self.staging.moved(key) == Some((end, bytes)) => return Err(error),
                Err(_) => {}
            }
        }
    }

    pub(super) fn read_range(
        &self,
        range: &KeyRange,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        if range.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        let unsealed = |envelopes: Vec<(Key, IVec)>| {
            let values = envelopes.into_iter().map(|(key, bytes)| {
                let value = unseal(&key, &bytes, &self.staging.blobs)?;
                Ok((key.into(), value))
            });
            values.collect::<Result<Vec<Pair>, StoreError>>()
        };
        let mut tries = 3;
        let (live, moved) = loop {
            let live = self.staging.envelopes(range, order, limit)?;
            let moved = self.staging.moved_in(range, order, limit);
            let read = unsealed(live).and_then(|live| {
                let moved = moved.into_iter().map(|(end_ms, pairs)| {
                    let pairs = unsealed(pairs)?;
                    Ok(Moved { end_ms, pairs })
                });
                Ok((live, moved.collect::<Result<Vec<_>, StoreError>>()?))
            });
            match read {
                Err(StoreError::Corrupt { .. }) if tries > 0 => tries -= 1,
                read => break read?,
            }
        };
        if moved.is_empty() && !self.history.may_have(range) {
            return Ok(live);
        }
        self.history.scan(range, order, limit, live, moved)
    }
}
