//! Attempts side by side: staging, locks, counters, expiry, quota, pages.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::store::{KeyRange, MemoryStore, Order};

const WAIT: Duration = Duration::from_secs(10);

fn kv() -> Arc<Kv> {
    Arc::new(Kv::new(Arc::new(MemoryStore::new())))
}

/// Its store answers only after others had their turns.
fn far() -> Arc<Kv> {
    Arc::new(Kv::new(Arc::new(MemoryStore::far())))
}

fn with_quota(bytes: u64, keys: u64) -> Arc<Kv> {
    let quota = Quota { bytes, keys };
    Arc::new(Kv { quota, ..Kv::new(Arc::new(MemoryStore::new())) })
}

fn open(kv: &Arc<Kv>) -> KvSession {
    kv.session(name("w"))
}

fn name(text: &str) -> WorkflowKey {
    text.parse().unwrap()
}

fn op(op: &str, args: Value) -> KvOp {
    KvOp::parse(op, &args).unwrap().unwrap()
}

fn set(key: &str, value: Value) -> KvOp {
    op("kv.set", json!({ "key": key, "value": value }))
}

fn get(key: &str) -> KvOp {
    op("kv.get", json!({ "key": key }))
}

async fn at(session: &KvSession, now_ms: u64, op: KvOp) -> Value {
    session.perform(op, now_ms, WAIT).await.unwrap()
}

async fn commit(kv: &Kv, session: &KvSession) {
    let mut batch = Batch::new();
    if let Some(staged) = session.stage(&mut batch) {
        kv.store.commit(batch).await.unwrap();
        session.committed(staged);
    }
}

#[tokio::test]
async fn what_is_staged_is_seen_by_its_attempt_alone_until_it_is_committed() {
    let kv = kv();
    let (one, other) = (open(&kv), open(&kv));
    assert_eq!(at(&one, 0, get("k")).await, json!({}));
    assert_eq!(at(&one, 0, set("k", json!({"a": 1}))).await, Value::Null);
    assert_eq!(at(&one, 0, get("k")).await, json!({"value": {"a": 1}}));
    assert_eq!(at(&other, 0, get("k")).await, json!({}));
    let mut batch = Batch::new();
    let staged = one.stage(&mut batch).unwrap();
    assert_eq!(at(&one, 0, get("k")).await, json!({"value": {"a": 1}}), "also on its way");
    assert!(one.stage(&mut Batch::new()).is_none(), "nothing is put into two batches");
    kv.store.commit(batch).await.unwrap();
    one.committed(staged);
    assert_eq!(at(&other, 0, get("k")).await, json!({"value": {"a": 1}}));
    assert_eq!(at(&kv.session(name("v")), 0, get("k")).await, json!({}), "another workflow's");
}

#[tokio::test]
async fn what_a_failed_attempt_wrote_is_dropped() {
    let kv = kv();
    let failed = open(&kv);
    at(&failed, 0, set("k", json!(1))).await;
    at(&failed, 0, op("kv.incr", json!({"key": "n"}))).await;
    drop(failed);
    let next = open(&kv);
    assert_eq!(at(&next, 0, op("kv.list", json!({}))).await, json!({"entries": [], "next": null}));
    assert_eq!(at(&next, 0, op("kv.incr", json!({"key": "n"}))).await, json!(1));
    commit(&kv, &next).await;
    assert_eq!(
        kv.usage(&name("w")).await.unwrap(),
        KvUsage { bytes: 2, keys: 1, ..kv.usage(&name("w")).await.unwrap() }
    );
    assert_eq!(kv.locks.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_written_key_is_locked_until_the_commit_and_waiting_ends() {
    let kv = kv();
    let (one, other) = (open(&kv), open(&kv));
    at(&one, 0, set("k", json!(1))).await;
    assert_eq!(at(&other, 0, get("k")).await, json!({}), "reading waits for nobody");
    let error = other.perform(set("k", json!(2)), 0, Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(error.code(), "KV_BUSY");
    assert!(error.to_string().contains("\"k\" for 50 ms"), "{error}");
    at(&other, 0, set("free", json!(2))).await;
    commit(&kv, &one).await;
    at(&other, 0, set("k", json!(2))).await;
    drop(other);
    at(&one, 0, set("k", json!(3))).await;
    // What changes nothing holds nothing.
    at(&one, 0, op("kv.delete", json!({"key": "none"}))).await;
    at(&one, 0, op("kv.cas", json!({"key": "none", "expected": 1, "value": 2}))).await;
    assert_eq!(kv.locks.count(), 1);
    drop(one);
    assert_eq!(kv.locks.count(), 0);
}

#[tokio::test]
async fn operations_of_one_attempt_share_its_hold() {
    let kv = kv();
    let (before, session) = (open(&kv), Arc::new(open(&kv)));
    at(&before, 0, set("n", json!(10))).await;
    let many: Vec<_> = (0..50)
        .map(|_| {
            let session = Arc::clone(&session);
            tokio::spawn(async move { at(&session, 0, op("kv.incr", json!({"key": "n"}))).await })
        })
        .collect();
    tokio::task::yield_now().await;
    commit(&kv, &before).await;
    for task in many {
        task.await.unwrap();
    }
    assert_eq!(at(&session, 0, get("n")).await, json!({"value": 60}));
}

#[tokio::test]
async fn nothing_is_lost_between_a_look_at_a_far_store_and_the_staging() {
    let kv = far();
    let session = Arc::new(open(&kv));
    let incr = |key: String| {
        let session = Arc::clone(&session);
        tokio::spawn(async move { at(&session, 0, op("kv.incr", json!({ "key": key }))).await })
    };
    let many: Vec<_> = (0..60).map(|number| incr(format!("n{}", number % 2))).collect();
    // Batches of the same attempt leave and arrive meanwhile.
    while many.iter().any(|task| !task.is_finished()) {
        commit(&kv, &session).await;
        tokio::task::yield_now().await;
    }
    for task in many {
        task.await.unwrap();
    }
    commit(&kv, &session).await;
    let other = open(&kv);
    assert_eq!(
        (at(&other, 0, get("n0")).await, at(&other, 0, get("n1")).await),
        (json!({"value": 30}), json!({"value": 30}))
    );
    assert_eq!(
        kv.usage(&name("w")).await.unwrap(),
        Kv::new(Arc::clone(&kv.store)).usage(&name("w")).await.unwrap()
    );
}

#[tokio::test]
async fn a_count_that_meets_a_batch_is_repeated() {
    let kv = far();
    let (lost, busy) = (open(&kv), Arc::new(open(&kv)));
    at(&busy, 0, set("before", json!(1))).await;
    at(&lost, 0, set("lost", json!(1))).await;
    // Nobody knows what became of its batch, so all is counted again.
    let _ = lost.stage(&mut Batch::new()).unwrap();
    drop(lost);
    let counting = {
        let kv = Arc::clone(&kv);
        tokio::spawn(async move { kv.usage(&name("w")).await.unwrap() })
    };
    tokio::task::yield_now().await;
    commit(&kv, &busy).await;
    counting.await.unwrap();
    assert_eq!(
        kv.usage(&name("w")).await.unwrap(),
        KvUsage { bytes: 7, keys: 1, ..kv.usage(&name("w")).await.unwrap() }
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn counters_of_concurrent_runs_are_exact() {
    counters(kv()).await;
    counters(far()).await;
}

async fn counters(kv: Arc<Kv>) {
    let tasks: Vec<_> = (0..100)
        .map(|number| {
            let kv = Arc::clone(&kv);
            tokio::spawn(async move {
                for round in 0..10 {
                    let session = open(&kv);
                    at(&session, 0, op("kv.incr", json!({"key": "n"}))).await;
                    tokio::task::yield_now().await;
                    let fails = (number + round) % 5 == 0;
                    if !fails {
                        commit(&kv, &session).await;
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(at(&open(&kv), 0, get("n")).await, json!({"value": 800}));
    assert_eq!(kv.locks.count(), 0);
}

#[tokio::test]
async fn a_key_that_is_written_again_while_it_is_on_its_way_stays_locked() {
    let kv = kv();
    let (one, other) = (open(&kv), open(&kv));
    at(&one, 0, set("k", json!(1))).await;
    let mut first = Batch::new();
    let staged = one.stage(&mut first).unwrap();
    at(&one, 0, op("kv.incr", json!({"key": "k"}))).await;
    kv.store.commit(first).await.unwrap();
    one.committed(staged);
    assert_eq!(at(&other, 0, get("k")).await, json!({"value": 1}));
    let busy = other.perform(set("k", json!(9)), 0, Duration::ZERO).await.unwrap_err();
    assert_eq!(busy.code(), "KV_BUSY");
    commit(&kv, &one).await;
    assert_eq!(at(&other, 0, get("k")).await, json!({"value": 2}));
    assert_eq!(kv.usage(&name("w")).await.unwrap().bytes, 2);
}

#[tokio::test]
async fn what_has_expired_is_absent_at_once_and_swept_later() {
    let kv = kv();
    let session = open(&kv);
    let with_ttl = |key: &str, ttl_ms: u64| op("kv.set", json!({"key": key, "value": 1, "ttl_ms": ttl_ms}));
    for (key, ttl_ms) in [("a", 100), ("b", 200), ("c", 100)] {
        at(&session, 0, with_ttl(key, ttl_ms)).await;
    }
    at(&session, 0, set("stays", json!(1))).await;
    commit(&kv, &session).await;
    assert_eq!(at(&session, 99, op("kv.incr", json!({"key": "a"}))).await, json!(2));
    assert_eq!(at(&session, 100, get("a")).await, json!({}), "counting keeps the ttl");
    assert_eq!(at(&session, 100, op("kv.delete", json!({"key": "c"}))).await, json!(false));
    assert_eq!(at(&session, 100, op("kv.cas", json!({"key": "c", "value": 3}))).await, json!(true));
    let listed = at(&session, 100, op("kv.list", json!({}))).await;
    let keys: Vec<_> = listed["entries"].as_array().unwrap().iter().map(|entry| &entry["key"]).collect();
    assert_eq!(keys, ["b", "c", "stays"]);
    // `a` and `c` are being written, so the sweep leaves them to their attempt.
    assert_eq!(kv.sweep(100).await.unwrap(), 0);
    drop(session);
    assert_eq!(kv.sweep(100).await.unwrap(), 2);
    assert_eq!(kv.sweep(1_000).await.unwrap(), 1);
    let left = kv.store.scan(KeyRange::prefix([]), Order::Ascending, 9).await.unwrap();
    assert_eq!(left.len(), 1, "no note is left behind");
    assert_eq!(kv.usage(&name("w")).await.unwrap().keys, 1);
    assert_eq!(kv.locks.count(), 0);
}

#[tokio::test]
async fn a_sweep_takes_many_and_passes_over_what_is_locked() {
    let kv = kv();
    let session = open(&kv);
    for number in 0..1_200 {
        let args = json!({"key": format!("{number}"), "value": number, "ttl_ms": 1 + number % 7});
        at(&session, 0, op("kv.set", args)).await;
    }
    commit(&kv, &session).await;
    at(&session, 0, set("5", json!("kept"))).await;
    assert_eq!(kv.sweep(100).await.unwrap(), 1_199);
    commit(&kv, &session).await;
    assert_eq!(kv.sweep(u64::MAX - 1).await.unwrap(), 0);
    assert_eq!(at(&session, u64::MAX, get("5")).await, json!({"value": "kept"}));
    assert_eq!(kv.usage(&name("w")).await.unwrap().keys, 1);
}

#[tokio::test]
async fn a_quota_is_shared_and_what_is_dropped_comes_back() {
    let kv = with_quota(100, 3);
    let (one, other) = (open(&kv), open(&kv));
    let text = |bytes: usize| json!("x".repeat(bytes - 3));
    at(&one, 0, set("a", text(60))).await;
    let error = other.perform(set("b", text(60)), 0, WAIT).await.unwrap_err();
    assert_eq!((error.code(), error.to_string().contains("100 bytes")), ("KV_QUOTA", true), "{error}");
    at(&other, 0, set("b", text(40))).await;
    drop(one);
    at(&other, 0, set("b", text(100))).await;
    commit(&kv, &other).await;
    // Replacing needs room for the difference alone, and deleting always works.
    at(&other, 0, op("kv.delete", json!({"key": "b"}))).await;
    at(&other, 0, set("c", text(90))).await;
    let error = open(&kv).perform(set("d", text(5)), 0, WAIT).await.unwrap_err();
    assert_eq!(error.code(), "KV_QUOTA", "what is deleted is free once it is committed");
    commit(&kv, &other).await;
    at(&other, 0, set("d", json!(1))).await;
    at(&other, 0, set("e", json!(1))).await;
    let error = other.perform(set("f", json!(1)), 0, WAIT).await.unwrap_err();
    assert!(error.to_string().contains("3 keys"), "{error}");
    commit(&kv, &other).await;
    assert_eq!(
        kv.usage(&name("w")).await.unwrap(),
        KvUsage { bytes: 94, bytes_most: 100, keys: 3, keys_most: 3 }
    );
    // A new start counts the same.
    let again = Kv { quota: kv.quota, ..Kv::new(Arc::clone(&kv.store)) };
    assert_eq!(again.usage(&name("w")).await.unwrap(), kv.usage(&name("w")).await.unwrap());
}

#[tokio::test]
async fn usage_is_counted_again_when_a_batch_came_to_nothing() {
    let kv = with_quota(10, 9);
    let session = open(&kv);
    at(&session, 0, set("a", json!(1234567))).await;
    let mut lost = Batch::new();
    let staged = session.stage(&mut lost).unwrap();
    drop((session, staged, lost));
    let next = open(&kv);
    at(&next, 0, set("b", json!(123456789))).await;
    commit(&kv, &next).await;
    assert_eq!(kv.usage(&name("w")).await.unwrap().bytes, 10);
}

#[tokio::test]
async fn pages_have_staged_changes_in_their_places() {
    let kv = kv();
    let session = open(&kv);
    for number in 0..200 {
        at(&session, 0, set(&format!("k{number:03}"), json!(number))).await;
    }
    at(&session, 0, set("z", json!(0))).await;
    commit(&kv, &session).await;
    at(&session, 0, op("kv.delete", json!({"key": "k003"}))).await;
    at(&session, 0, set("k004", json!("new"))).await;
    at(&session, 0, set("k004a", json!("between"))).await;
    at(&session, 0, set("k999", json!("last"))).await;
    let (mut keys, mut after, mut pages) = (Vec::new(), Value::Null, 0);
    loop {
        let args = json!({"prefix": "k", "limit": 67, "after": after});
        let page = at(&session, 0, op("kv.list", args)).await;
        pages += 1;
        keys.extend(page["entries"].as_array().unwrap().clone());
        after = page["next"].clone();
        if after.is_null() {
            break;
        }
    }
    assert_eq!((keys.len(), pages), (201, 3), "201 are three full pages, and no empty one after them");
    assert_eq!(keys[3], json!({"key": "k004", "value": "new"}));
    assert_eq!(keys[4], json!({"key": "k004a", "value": "between"}));
    assert_eq!(keys[200]["key"], "k999");
    let (stored, next) = kv.entries(&name("w"), "k", None, 5, 0).await.unwrap();
    assert_eq!((stored[3].key.as_str(), next.as_deref()), ("k003", Some("k004")));
}

#[tokio::test]
async fn a_page_of_large_values_ends_early() {
    let kv = kv();
    let session = open(&kv);
    for number in 0..12 {
        at(&session, 0, set(&format!("{number:02}"), json!("x".repeat(250_000)))).await;
    }
    let page = at(&session, 0, op("kv.list", json!({}))).await;
    assert_eq!((page["entries"].as_array().unwrap().len(), &page["next"]), (8, &json!("07")));
}

#[tokio::test]
async fn an_operator_writes_durably() {
    let kv = kv();
    let answer = kv.operate(name("w"), op("kv.set", json!({"key": "k", "value": 1, "ttl_ms": 5})), 10).await;
    assert_eq!(answer.unwrap(), Value::Null);
    let entry = KvEntry { key: "k".to_owned(), value: json!(1), expires_ms: Some(15), set_ms: 10 };
    assert_eq!(kv.entry(&name("w"), "k", 14).await.unwrap(), Some(entry));
    assert_eq!(kv.entry(&name("w"), "k", 15).await.unwrap(), None);
    assert_eq!(kv.locks.count(), 0);
}
