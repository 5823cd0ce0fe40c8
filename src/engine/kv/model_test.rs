//! Any sequence of operations of three attempts, commits, failures and sweeps against two maps.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::store::{KeyRange, MemoryStore, Order};

const SESSIONS: usize = 3;

#[derive(Debug, Clone)]
enum Act {
    Do(usize, &'static str, Value),
    Commit(usize),
    Fail(usize),
    Pass(u64),
    Sweep,
}

fn act() -> impl Strategy<Value = Act> {
    let key = prop::sample::select(vec!["a", "b", "c/1", "c/2", "é"]);
    let value = prop_oneof![(-3..3_i64).prop_map(|n| json!(n)), Just(json!("text")), Just(json!([1, null]))];
    let ttl = prop_oneof![Just(Value::Null), (1..40_u64).prop_map(|ms| json!(ms))];
    let args = (key, value.clone(), ttl, prop::option::of(value), -5..5_i64).prop_map(
        |(key, value, ttl, expected, by)| {
            let mut args = json!({ "key": key, "value": value, "ttl_ms": ttl, "by": by });
            if let Some(expected) = expected {
                args["expected"] = expected;
            }
            args
        },
    );
    let ops = prop::sample::select(vec!["kv.get", "kv.set", "kv.delete", "kv.incr", "kv.cas", "kv.list"]);
    prop_oneof![
        12 => (0..SESSIONS, ops, args).prop_map(|(who, op, args)| Act::Do(who, op, args)),
        3 => (0..SESSIONS).prop_map(Act::Commit),
        1 => (0..SESSIONS).prop_map(Act::Fail),
        2 => (1..30_u64).prop_map(Act::Pass),
        1 => Just(Act::Sweep),
    ]
}

type Map = BTreeMap<String, (Value, Option<u64>)>;

/// What is committed, and what each attempt has staged: `None` for removed.
#[derive(Default)]
struct Model {
    stored: Map,
    staged: [BTreeMap<String, Option<(Value, Option<u64>)>>; SESSIONS],
}

impl Model {
    fn view(&self, who: usize, now_ms: u64) -> Map {
        let mut view = self.stored.clone();
        for (key, value) in &self.staged[who] {
            match value {
                Some(value) => view.insert(key.clone(), value.clone()),
                None => view.remove(key),
            };
        }
        view.retain(|_, (_, expires)| expires.is_none_or(|expires| now_ms < expires));
        view
    }

    /// The answer, or the code of the error.
    fn perform(&mut self, who: usize, op: &str, args: &Value, now_ms: u64) -> Result<Value, &'static str> {
        let key = args["key"].as_str().unwrap().to_owned();
        let view = self.view(who, now_ms);
        let current = view.get(&key);
        let until = args["ttl_ms"].as_u64().map(|ttl_ms| now_ms + ttl_ms);
        let taken = (0..SESSIONS).any(|other| other != who && self.staged[other].contains_key(&key));
        if taken && !matches!(op, "kv.get" | "kv.list") {
            return Err("KV_BUSY");
        }
        let staged = &mut self.staged[who];
        Ok(match op {
            "kv.get" => current.map_or_else(|| json!({}), |(value, _)| json!({ "value": value })),
            "kv.set" => {
                staged.insert(key, Some((args["value"].clone(), until)));
                Value::Null
            }
            "kv.delete" => {
                if current.is_some() {
                    staged.insert(key, None);
                }
                current.is_some().into()
            }
            "kv.incr" => {
                let old = current.map_or(Some(0), |(value, _)| value.as_i64()).ok_or("KV_NOT_A_NUMBER")?;
                let new = old + args["by"].as_i64().unwrap();
                let kept = current.and_then(|(_, expires)| *expires);
                staged.insert(key, Some((json!(new), until.or(kept))));
                json!(new)
            }
            "kv.cas" => {
                let holds = current.map(|(value, _)| value) == args.get("expected");
                if holds {
                    staged.insert(key, Some((args["value"].clone(), until)));
                }
                holds.into()
            }
            _ => {
                let entries: Vec<_> =
                    view.iter().map(|(key, (value, _))| json!({ "key": key, "value": value })).collect();
                json!({ "entries": entries, "next": null })
            }
        })
    }
}

async fn play(acts: Vec<Act>) {
    let kv = Arc::new(Kv::new(Arc::new(MemoryStore::new())));
    let workflow: WorkflowKey = "w".parse().unwrap();
    let open = || kv.session(workflow.clone());
    let mut sessions: [KvSession; SESSIONS] = std::array::from_fn(|_| open());
    let (mut model, mut now_ms) = (Model::default(), 1_000);
    for act in acts {
        match act {
            Act::Do(who, op, args) => {
                let parsed = KvOp::parse(op, &args).unwrap().unwrap();
                let answer = sessions[who].perform(parsed, now_ms, Duration::ZERO).await;
                let answer = answer.map_err(|error| error.code());
                assert_eq!(answer, model.perform(who, op, &args, now_ms), "{op} {args}");
            }
            Act::Commit(who) => {
                let mut batch = Batch::new();
                if let Some(staged) = sessions[who].stage(&mut batch) {
                    kv.store.commit(batch).await.unwrap();
                    sessions[who].committed(staged);
                }
                for (key, value) in std::mem::take(&mut model.staged[who]) {
                    match value {
                        Some(value) => model.stored.insert(key, value),
                        None => model.stored.remove(&key),
                    };
                }
            }
            Act::Fail(who) => {
                sessions[who] = open();
                model.staged[who].clear();
            }
            Act::Pass(ms) => now_ms += ms,
            Act::Sweep => {
                kv.sweep(now_ms).await.unwrap();
            }
        }
    }
    drop(sessions);
    kv.sweep(now_ms).await.unwrap();
    model.staged = Default::default();
    let left = model.view(0, now_ms);
    let bytes: usize = left.iter().map(|(key, (value, _))| key.len() + value.to_string().len()).sum();
    let usage = kv.usage(&workflow).await.unwrap();
    assert_eq!((usage.keys, usage.bytes), (left.len() as u64, bytes as u64));
    let again = Kv::new(Arc::clone(&kv.store));
    assert_eq!(again.usage(&workflow).await.unwrap(), usage, "what is kept in memory is what a count finds");
    let notes = left.values().filter(|(_, expires)| expires.is_some()).count();
    let stored = kv.store.scan(KeyRange::prefix([]), Order::Ascending, usize::MAX).await.unwrap().len();
    assert_eq!(stored, left.len() + notes, "each value that expires has one note");
    assert_eq!(kv.locks.count(), 0);
}

proptest! {
    #[test]
    fn it_is_a_map_with_transactions(acts in prop::collection::vec(act(), 1..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(play(acts));
    }
}
