//! Dedupe claims: which run holds a key, and until when.
//!
//! Each claim has an expiry note beside it, ordered by time, so that sweeping reads only what is due.

use super::slots::Slot;
use crate::{
    model::{Claim, RunId},
    store::{
        Batch, KeyRange, Order, Store, StoreError,
        keys::{self, Key, Kind},
        record::{self, Record},
    },
};

/// Claims that one batch of a sweep removes.
const SWEEP: usize = 1_000;

impl Record for Claim {
    const KIND: &'static str = "dedupe claim";
    const VERSION: u8 = 1;
}

/// The claim on a digest, also when it has expired: compare `expires_ms` with the clock.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn get(store: &dyn Store, digest: &[u8; 32]) -> Result<Option<Claim>, StoreError> {
    super::read(store, &keys::claim(digest)).await
}

/// As [`get`], of several digests, and the slot of a group if there is one: all that a new run looks at first.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn held(
    store: &dyn Store,
    digests: impl IntoIterator<Item = &[u8; 32]>,
    group: Option<&[u8; 32]>,
) -> Result<(Vec<Option<Claim>>, Option<Slot>), StoreError> {
    let mut keys: Vec<Key> = digests.into_iter().map(keys::claim).collect();
    let claims = keys.len();
    keys.extend(group.map(keys::group));
    if keys.is_empty() {
        return Ok((Vec::new(), None));
    }
    let mut values = keys.iter().zip(store.get_many(&keys).await?);
    let mut found = Vec::with_capacity(claims);
    for (key, value) in values.by_ref().take(claims) {
        found.push(value.map(|bytes| record::decode(key, &bytes)).transpose()?);
    }
    let slot = values.next().and_then(|(key, value)| Some(record::decode(key, &value?)));
    Ok((found, slot.transpose()?))
}

/// Takes a key, in the same batch as the run that holds it from then on. `held` is what [`get`] found: a
/// claim that may be replaced, because it has expired or its run is gone.
///
/// The commit ends in `Conflict` when someone was faster: start again from [`get`].
pub fn take(batch: &mut Batch, digest: &[u8; 32], claim: &Claim, held: Option<&Claim>) {
    let key = keys::claim(digest);
    match held {
        None => batch.expect_absent(key.clone()),
        Some(held) => {
            batch.expect_equals(key.clone(), record::encode(held)).delete(keys::expiry(held.expires_ms, &key))
        }
    };
    batch.put(keys::expiry(claim.expires_ms, &key), []).put(key, record::encode(claim));
}

/// Gives a key back, if the run still holds it when the batch is committed. Never a conflict.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn release(
    store: &dyn Store,
    batch: &mut Batch,
    digest: &[u8; 32],
    run: RunId,
) -> Result<(), StoreError> {
    if let Some(claim) = get(store, digest).await?.filter(|claim| claim.run == run) {
        // The expiry note stays: it may be that of a later claim, and the sweep clears it in its time.
        batch.delete_if(keys::claim(digest), record::encode(&claim));
    }
    Ok(())
}

/// Removes the claims that have expired at `now_ms`, a thousand a batch; gives their number.
///
/// # Errors
/// Those of the store. What was removed before stays removed.
pub async fn sweep(store: &dyn Store, now_ms: u64) -> Result<usize, StoreError> {
    let mut removed = 0;
    loop {
        // What expires at `now_ms` is free from then on, so it is due.
        let due = KeyRange::prefix(Kind::Expiry.prefix())
            .before(keys::expiry(now_ms.saturating_add(1), &Key::from(Vec::new())));
        let notes = store.scan(due, Order::Ascending, SWEEP).await?;
        let ended = notes.len() < SWEEP;
        let parsed = notes.into_iter().map(|(note, _)| {
            let note = Key::from(note);
            let (expires_ms, key) =
                keys::parse_expiry(&note).ok_or_else(|| StoreError::corrupt(&note, "it is too short"))?;
            Ok(((note, expires_ms), key))
        });
        let (notes, claimed): (Vec<_>, Vec<Key>) =
            parsed.collect::<Result<Vec<_>, StoreError>>()?.into_iter().unzip();
        let found = super::read_many::<Claim>(store, &claimed).await?;
        let mut batch = Batch::new();
        let mut claims = 0;
        for (((note, expires_ms), key), claim) in notes.into_iter().zip(claimed).zip(found) {
            if let Some(claim) = claim.filter(|claim| claim.expires_ms == expires_ms) {
                batch.delete_if(key, record::encode(&claim));
                claims += 1;
            }
            batch.delete(note);
        }
        store.commit(batch).await?;
        removed += claims;
        if ended {
            return Ok(removed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryStore, tables::samples, testing::block_on};

    const DIGEST: [u8; 32] = [7; 32];

    fn claim(run: u64, expires_ms: u64) -> Claim {
        Claim { run: samples::run(run, "a").head.id, expires_ms }
    }

    fn take_now(store: &MemoryStore, claim: &Claim, held: Option<&Claim>) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        take(&mut batch, &DIGEST, claim, held);
        block_on(store.commit(batch))
    }

    fn count(store: &MemoryStore) -> usize {
        block_on(store.scan(KeyRange::prefix([]), Order::Ascending, usize::MAX)).unwrap().len()
    }

    #[test]
    fn the_second_to_take_a_key_conflicts() {
        let store = MemoryStore::new();
        take_now(&store, &claim(1, 10), None).unwrap();
        assert!(matches!(take_now(&store, &claim(2, 20), None), Err(StoreError::Conflict { .. })));
        assert_eq!(block_on(get(&store, &DIGEST)).unwrap(), Some(claim(1, 10)));
    }

    #[test]
    fn an_expired_claim_is_replaced_once() {
        let store = MemoryStore::new();
        take_now(&store, &claim(1, 10), None).unwrap();
        take_now(&store, &claim(2, 20), Some(&claim(1, 10))).unwrap();
        let late = take_now(&store, &claim(3, 30), Some(&claim(1, 10)));
        assert!(matches!(late, Err(StoreError::Conflict { .. })));
        assert_eq!(block_on(get(&store, &DIGEST)).unwrap(), Some(claim(2, 20)));
        assert_eq!(count(&store), 2, "the old expiry note is gone");
    }

    #[test]
    fn a_claim_with_the_same_expiry_keeps_its_note() {
        let store = MemoryStore::new();
        take_now(&store, &claim(1, 10), None).unwrap();
        take_now(&store, &claim(2, 10), Some(&claim(1, 10))).unwrap();
        assert_eq!(block_on(sweep(&store, 10)).unwrap(), 1);
        assert_eq!(count(&store), 0);
    }

    #[test]
    fn a_released_key_is_free_and_a_later_claim_survives_a_late_release() {
        let store = MemoryStore::new();
        let commit = |batch| block_on(store.commit(batch)).unwrap();
        let give_back = |run| {
            let mut batch = Batch::new();
            block_on(release(&store, &mut batch, &DIGEST, samples::run(run, "a").head.id)).unwrap();
            batch
        };
        take_now(&store, &claim(1, 10), None).unwrap();
        commit(give_back(2));
        assert_eq!(block_on(get(&store, &DIGEST)).unwrap(), Some(claim(1, 10)));
        let late = give_back(1);
        commit(late.clone());
        assert_eq!(block_on(get(&store, &DIGEST)).unwrap(), None);
        take_now(&store, &claim(2, 20), None).unwrap();
        commit(late);
        assert_eq!(block_on(get(&store, &DIGEST)).unwrap(), Some(claim(2, 20)));
        assert_eq!(block_on(sweep(&store, 15)).unwrap(), 0);
        assert_eq!(block_on(get(&store, &DIGEST)).unwrap(), Some(claim(2, 20)));
        assert_eq!(block_on(sweep(&store, 20)).unwrap(), 1);
        assert_eq!(count(&store), 0);
    }

    #[test]
    fn a_sweep_removes_what_is_due_and_nothing_else() {
        let store = MemoryStore::new();
        for n in 0..2_500_u64 {
            let mut batch = Batch::new();
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&n.to_be_bytes());
            take(&mut batch, &digest, &claim(n, n), None);
            block_on(store.commit(batch)).unwrap();
        }
        assert_eq!(block_on(sweep(&store, 2_099)).unwrap(), 2_100);
        assert_eq!(count(&store), 2 * 400);
        assert_eq!(block_on(sweep(&store, 2_099)).unwrap(), 0);
        assert_eq!(block_on(sweep(&store, u64::MAX)).unwrap(), 400);
        assert_eq!(count(&store), 0);
    }
}
