//! Dedupe claims: which run holds a key, and until when.
//!
//! A claim goes by itself some time after it has expired ([`Batch::put_until`]), so whoever finds one compares its time. Beside
//! the claims of earlier versions stand notes, ordered by time, for [`sweep`].

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
/// claim that may be replaced, because it has expired or its run is gone. `now_ms` is the time, about.
///
/// The commit ends in `Conflict` when someone was faster: start again from [`get`].
pub fn take(batch: &mut Batch, digest: &[u8; 32], claim: &Claim, held: Option<&Claim>, now_ms: u64) {
    let key = keys::claim(digest);
    match held {
        None => batch.expect_absent(key.clone()),
        // An earlier version may have made a note.
        Some(held) => {
            batch.expect_equals(key.clone(), record::encode(held)).delete(keys::expiry(held.expires_ms, &key))
        }
    };
    batch.put_until(key, record::encode(claim), claim.expires_ms, now_ms);
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
        batch.delete_if(keys::claim(digest), record::encode(&claim));
    }
    Ok(())
}

/// Removes the claims of earlier versions that have expired at `now_ms`, a thousand a batch; gives their number.
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
    const HOUR: u64 = 3_600_000;
    const NOW: u64 = 1_790_000_000_000;

    fn claim(run: u64, expires_ms: u64) -> Claim {
        Claim { run: samples::run(run, "a").head.id, expires_ms }
    }

    fn take_now(store: &MemoryStore, claim: &Claim, held: Option<&Claim>) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        take(&mut batch, &DIGEST, claim, held, NOW);
        block_on(store.commit(batch))
    }

    /// As an earlier version did it.
    fn take_then(store: &MemoryStore, digest: &[u8; 32], claim: &Claim) {
        let (mut batch, key) = (Batch::new(), keys::claim(digest));
        batch.put(keys::expiry(claim.expires_ms, &key), []).put(key, record::encode(claim));
        block_on(store.commit(batch)).unwrap();
    }

    fn count(store: &MemoryStore) -> usize {
        block_on(store.scan(KeyRange::prefix([]), Order::Ascending, usize::MAX)).unwrap().len()
    }

    #[test]
    fn the_second_to_take_a_key_conflicts() {
        let store = MemoryStore::new();
        take_now(&store, &claim(1, NOW + 10), None).unwrap();
        assert!(matches!(take_now(&store, &claim(2, NOW + 20), None), Err(StoreError::Conflict { .. })));
        assert_eq!(block_on(get(&store, &DIGEST)).unwrap(), Some(claim(1, NOW + 10)));
    }

    #[test]
    fn an_expired_claim_is_replaced_once() {
        let store = MemoryStore::new();
        take_now(&store, &claim(1, 10), None).unwrap();
        take_now(&store, &claim(2, NOW + 20), Some(&claim(1, 10))).unwrap();
        let late = take_now(&store, &claim(3, NOW + 30), Some(&claim(1, 10)));
        assert!(matches!(late, Err(StoreError::Conflict { .. })));
        assert_eq!(block_on(get(&store, &DIGEST)).unwrap(), Some(claim(2, NOW + 20)));
        assert_eq!(count(&store), 1);
    }

    #[test]
    fn a_claim_goes_by_itself_no_sooner_than_it_expires_and_no_later_than_an_hour_after() {
        let store = MemoryStore::new();
        let expires_ms = NOW + 5 * HOUR + 17;
        take_now(&store, &claim(1, expires_ms), None).unwrap();
        block_on(store.drop_expired(expires_ms)).unwrap();
        assert_eq!(count(&store), 1);
        block_on(store.drop_expired(expires_ms + HOUR)).unwrap();
        assert_eq!(count(&store), 0);
        take_now(&store, &claim(2, NOW + 9 * HOUR), None).unwrap();
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
        take_now(&store, &claim(1, NOW + 10), None).unwrap();
        commit(give_back(2));
        assert_eq!(block_on(get(&store, &DIGEST)).unwrap(), Some(claim(1, NOW + 10)));
        let late = give_back(1);
        commit(late.clone());
        assert_eq!((block_on(get(&store, &DIGEST)).unwrap(), count(&store)), (None, 0));
        take_now(&store, &claim(2, NOW + 20), None).unwrap();
        commit(late);
        assert_eq!(block_on(get(&store, &DIGEST)).unwrap(), Some(claim(2, NOW + 20)));
        assert_eq!(block_on(sweep(&store, NOW + 20)).unwrap(), 0, "there is no note");
        block_on(store.drop_expired(NOW + HOUR)).unwrap();
        assert_eq!(count(&store), 0);
    }

    #[test]
    fn a_sweep_removes_what_earlier_versions_left_once_it_is_due_and_nothing_else() {
        let store = MemoryStore::new();
        for n in 0..2_500_u64 {
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&n.to_be_bytes());
            take_then(&store, &digest, &claim(n, n));
        }
        take_now(&store, &claim(7, NOW), None).unwrap();
        assert_eq!(block_on(sweep(&store, 2_099)).unwrap(), 2_100);
        assert_eq!(count(&store), 2 * 400 + 1);
        assert_eq!(block_on(sweep(&store, 2_099)).unwrap(), 0);
        assert_eq!(block_on(sweep(&store, u64::MAX)).unwrap(), 400);
        assert_eq!(count(&store), 1);
    }

    #[test]
    fn a_claim_of_an_earlier_version_holds_and_its_note_does_no_harm_to_a_later_one() {
        let store = MemoryStore::new();
        take_then(&store, &DIGEST, &claim(1, 10));
        assert!(matches!(take_now(&store, &claim(2, NOW), None), Err(StoreError::Conflict { .. })));
        // Given back: the note stays.
        let mut batch = Batch::new();
        block_on(release(&store, &mut batch, &DIGEST, samples::run(1, "a").head.id)).unwrap();
        block_on(store.commit(batch)).unwrap();
        take_now(&store, &claim(2, NOW), None).unwrap();
        assert_eq!((block_on(sweep(&store, 10)).unwrap(), count(&store)), (0, 1));
        take_then(&store, &[8; 32], &claim(3, 20));
        let mut batch = Batch::new();
        take(&mut batch, &[8; 32], &claim(4, NOW), Some(&claim(3, 20)), NOW);
        block_on(store.commit(batch)).unwrap();
        assert_eq!(count(&store), 2, "the old note is gone");
    }
}
