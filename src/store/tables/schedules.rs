//! When each schedule fired last, so that no time is run twice and none that was missed goes unseen.

use serde::{Deserialize, Serialize};

use crate::{
    model::{TriggerScope, WorkflowKey},
    store::{
        Batch, KeyRange, Order, Store, StoreError,
        keys::{self, Key},
        record::{self, Record},
    },
};

/// The state of one schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fired {
    /// What it was when it fired: a changed schedule begins anew.
    pub schedule: String,
    /// The last time for which runs were started, milliseconds since the epoch.
    pub last_ms: u64,
}

impl Record for Fired {
    const KIND: &'static str = "schedule";
    const VERSION: u8 = 1;
}

/// The state of the schedule of a trigger.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn get(store: &dyn Store, trigger: &TriggerScope) -> Result<Option<Fired>, StoreError> {
    super::read(store, &keys::schedule(trigger)).await
}

/// Replaces `before`, which [`get`] found. The commit ends in `Conflict` when it has changed since.
pub fn put(batch: &mut Batch, trigger: &TriggerScope, fired: &Fired, before: Option<&Fired>) {
    let key = keys::schedule(trigger);
    match before {
        None => batch.expect_absent(key.clone()),
        Some(before) => batch.expect_equals(key.clone(), record::encode(before)),
    };
    batch.put(key, record::encode(fired));
}

/// Forgets the schedules of a workflow except for these: one that comes back later begins anew, and makes up for nothing. Only
/// adds to the batch what is there.
///
/// # Errors
/// When the store cannot be read.
pub async fn keep_only(
    store: &dyn Store,
    batch: &mut Batch,
    workflow: &WorkflowKey,
    kept: &[TriggerScope],
) -> Result<(), StoreError> {
    let named = KeyRange::prefix(keys::named_schedules(workflow));
    let named = store.scan(named, Order::Ascending, usize::MAX).await?;
    let mut stored: Vec<Key> = named.into_iter().map(|(key, _)| Key::from(key)).collect();
    let usual = keys::schedule(&TriggerScope::usual(workflow));
    if store.get(&usual).await?.is_some() {
        stored.push(usual);
    }
    let kept: Vec<Key> = kept.iter().map(keys::schedule).collect();
    stored.into_iter().filter(|key| !kept.contains(key)).for_each(|key| {
        batch.delete(key);
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        model::Workflow,
        store::{MemoryStore, testing::block_on},
    };

    fn scopes(key: &str, names: &[&str]) -> Vec<TriggerScope> {
        let schedule = |name: &&str| json!({ "type": "schedule", "name": name, "cron": "@daily" });
        let triggers: Vec<_> = names.iter().map(schedule).collect();
        let workflow = json!({ "key": key, "triggers": triggers, "steps": [] });
        let workflow = Workflow::from_value(workflow).unwrap();
        workflow.triggers.iter().map(|trigger| trigger.scope(&workflow.key)).collect()
    }

    #[test]
    fn only_the_schedules_of_this_workflow_that_are_gone_are_forgotten() {
        let store = MemoryStore::new();
        let fired = Fired { schedule: "@daily UTC".to_owned(), last_ms: 7 };
        let all = ["a", "ab", "a-b"].map(|key| scopes(key, &["schedule", "sum", "sum2"]));
        let mut batch = Batch::new();
        all.iter().flatten().for_each(|scope| put(&mut batch, scope, &fired, None));
        block_on(store.commit(batch)).unwrap();
        let keep = |names: &[&str]| {
            let mut batch = Batch::new();
            let kept = if names.is_empty() { Vec::new() } else { scopes("a", names) };
            block_on(keep_only(&store, &mut batch, &"a".parse().unwrap(), &kept)).unwrap();
            block_on(store.commit(batch)).unwrap();
            let there = |scope: &TriggerScope| block_on(get(&store, scope)).unwrap().is_some();
            all.iter().map(|scopes| scopes.iter().map(there).collect()).collect::<Vec<Vec<bool>>>()
        };
        let others = vec![true; 3];
        assert_eq!(keep(&["schedule", "sum"]), [vec![true, true, false], others.clone(), others.clone()]);
        assert_eq!(keep(&["sum"]), [vec![false, true, false], others.clone(), others.clone()]);
        assert_eq!(keep(&[]), [vec![false; 3], others.clone(), others]);
    }
}
