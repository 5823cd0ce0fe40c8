//! `flowcell:plugin/kv`: keys of the workflow with the prefixes that were granted.

use serde_json::{Map, Value, json};

use super::{ComponentState, failed, plugin::kv, refused, types};
use crate::model::{Capability, JsonText, Limits};

/// The entries that one page of a list has.
const PAGE_MOST: u32 = 1_000;

type Given<T> = wasmtime::Result<Result<T, types::Error>>;

impl ComponentState {
    /// Whether keys with this prefix may be read and written.
    fn may(&mut self, prefix: &str) -> Result<(), types::Error> {
        let wanted = Capability::Kv(prefix.to_owned());
        if self.allowed.gives(&wanted) { Ok(()) } else { Err(self.deny(&wanted.to_string())) }
    }

    async fn kv<T>(
        &mut self,
        op: &'static str,
        key: &str,
        args: Value,
        read: impl FnOnce(Value) -> Option<T>,
    ) -> Given<T> {
        self.host_calls += 1;
        if key.len() > Limits::KV_KEY.as_usize() {
            return Ok(Err(refused(
                "kv_key_invalid",
                format!("a key has at most {} bytes", Limits::KV_KEY.as_bytes()),
            )));
        }
        if let Err(denied) = self.may(key) {
            return Ok(Err(denied));
        }
        let answer = match self.ask(op, args, None).await? {
            Ok(answer) => answer.to_value(),
            Err(error) => return Ok(Err(failed(error))),
        };
        read(answer).map(Ok).ok_or_else(|| wasmtime::Error::msg("the kv answered something else"))
    }
}

/// The value of a text that should be JSON.
fn parsed(text: &str) -> Result<Value, types::Error> {
    // Twice, since the first counts how deep it is nested.
    let wrong = |error: serde_json::Error| refused("kv_arguments", format!("the value is not JSON: {error}"));
    JsonText::check_within(text, Limits::BODY_VALUES).map_err(wrong)?;
    serde_json::from_str(text).map_err(wrong)
}

macro_rules! or_refuse {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(error) => return Ok(Err(error)),
        }
    };
}

impl kv::Host for ComponentState {
    async fn get(&mut self, key: String) -> Given<Option<String>> {
        let value = |answer: Value| Some(answer.get("value").map(ToString::to_string));
        self.kv("kv.get", &key, json!({ "key": key }), value).await
    }

    async fn set(&mut self, key: String, value: String, ttl_ms: Option<u64>) -> Given<()> {
        let value = or_refuse!(parsed(&value));
        let args = json!({ "key": key, "value": value, "ttl_ms": ttl_ms });
        self.kv("kv.set", &key, args, |_| Some(())).await
    }

    async fn delete(&mut self, key: String) -> Given<bool> {
        self.kv("kv.delete", &key, json!({ "key": key }), |answer| answer.as_bool()).await
    }

    async fn increment(&mut self, key: String, by: i64) -> Given<i64> {
        self.kv("kv.incr", &key, json!({ "key": key, "by": by }), |answer| answer.as_i64()).await
    }

    async fn compare_and_set(
        &mut self,
        key: String,
        expected: Option<String>,
        value: String,
        ttl_ms: Option<u64>,
    ) -> Given<bool> {
        let mut args = Map::from_iter([
            ("key".to_owned(), key.clone().into()),
            ("value".to_owned(), or_refuse!(parsed(&value))),
            ("ttl_ms".to_owned(), ttl_ms.into()),
        ]);
        if let Some(expected) = expected {
            args.insert("expected".to_owned(), or_refuse!(parsed(&expected)));
        }
        self.kv("kv.cas", &key, Value::Object(args), |answer| answer.as_bool()).await
    }

    async fn list(
        &mut self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Given<Vec<(String, String)>> {
        let entries = |answer: Value| {
            let entries = answer.get("entries")?.as_array()?.iter();
            let entry =
                |entry: &Value| Some((entry["key"].as_str()?.to_owned(), entry.get("value")?.to_string()));
            entries.map(entry).collect()
        };
        if !(1..=PAGE_MOST).contains(&limit) {
            return Ok(Err(refused("kv_arguments", format!("`limit` is 1 to {PAGE_MOST}, not {limit}"))));
        }
        let args = json!({ "prefix": prefix, "after": after, "limit": limit });
        self.kv("kv.list", &prefix, args, entries).await
    }
}
