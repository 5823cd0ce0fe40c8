//! What can be asked of a workflow's kv, and what a change comes to. Pure: the clock is an argument.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::{
    model::{Limits, WorkflowKey},
    store::{StoreError, tables::kv::KvRecord},
};

/// The largest integer that a script can tell from its neighbours, 2^53 - 1 (ECMA-262, Number.MAX_SAFE_INTEGER).
const SAFE: i64 = (1 << 53) - 1;
/// Entries of a page that does not say how many, and the most of one.
const PAGE: usize = 100;
const MAX_PAGE: usize = 1_000;

/// Why an operation was not done. Nothing of it was staged.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KvError {
    /// Another attempt has the key.
    #[error("another run has been writing the key {key:?} for {} ms: try again, or use one key a run", .wait.as_millis())]
    Busy {
        key: String,
        /// How long this one waited.
        wait: Duration,
    },
    /// The workflow would keep too much.
    #[error(
        "the workflow would keep more than {most} {what} in its kv: delete some, or set values with a ttl"
    )]
    Quota {
        /// What would be too much, as in `keys`.
        what: &'static str,
        /// The limit in force.
        most: u64,
    },
    /// The value is over its limit.
    #[error("the value of {key:?} has {bytes} bytes as JSON; {} is the most", Limits::KV_VALUE)]
    ValueTooLarge {
        key: String,
        /// The length of the value.
        bytes: usize,
    },
    /// The key is empty or too long.
    #[error("a kv key has 1 to {} bytes as UTF-8, this one has {bytes}", Limits::KV_KEY.as_bytes())]
    KeyInvalid {
        /// The length of the key.
        bytes: usize,
    },
    /// Something that `incr` cannot count on.
    #[error("{key:?} {why}, so it cannot be counted up or down")]
    NotANumber {
        key: String,
        /// What is wrong with its value.
        why: &'static str,
    },
    /// The kv of another workflow that does not allow it.
    #[error(
        "the workflow `{reader}` may not read the kv of `{owner}`{}",
        if *.known {
            format!(": add \"kv\": {{\"readers\": [\"{reader}\"]}} to the workflow.json of `{owner}`")
        } else {
            format!(", because there is no workflow `{owner}` here")
        }
    )]
    Denied {
        reader: WorkflowKey,
        /// The workflow whose kv was asked for, as the script names it.
        owner: String,
        /// Whether there is such a workflow.
        known: bool,
    },
    /// Arguments that make no operation.
    #[error("{op}: {why}")]
    Arguments {
        op: String,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// The store could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl KvError {
    /// The stable code that scripts see.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Busy { .. } => "KV_BUSY",
            Self::Quota { .. } => "KV_QUOTA",
            Self::ValueTooLarge { .. } => "KV_VALUE_TOO_LARGE",
            Self::KeyInvalid { .. } => "KV_KEY_INVALID",
            Self::NotANumber { .. } => "KV_NOT_A_NUMBER",
            Self::Denied { .. } => "KV_DENIED",
            Self::Arguments { .. } => "KV_ARGUMENTS",
            Self::Store(_) => "KV_STORE",
        }
    }
}

/// One operation. Values without a `ttl_ms` stay until they are deleted.
#[derive(Debug, Clone, PartialEq)]
pub enum KvOp {
    /// `{"value": …}`, or `{}` when there is none.
    Get { key: String },
    /// Sets the value, and gives null.
    Set {
        key: String,
        value: Value,
        /// How long the value stays, counted from now. `None`: until it is deleted.
        ttl_ms: Option<u64>,
    },
    /// Removes the value, and gives whether it was there.
    Delete { key: String },
    /// Counts, and gives the new number. No value counts as 0. The old ttl stays unless there is a new one.
    Incr {
        key: String,
        /// May be negative.
        by: i64,
        /// How long the value stays, counted from now. `None`: until it is deleted.
        ttl_ms: Option<u64>,
    },
    /// Sets the value if it is `expected`, and gives whether it was.
    Cas {
        key: String,
        /// `None` expects that there is no value.
        expected: Option<Value>,
        value: Value,
        /// How long the value stays, counted from now. `None`: until it is deleted.
        ttl_ms: Option<u64>,
    },
    /// `{"entries": [{"key", "value"}], "next": key or null}`, in order of the keys' bytes.
    List {
        /// What the keys begin with.
        prefix: String,
        /// The most entries that are given.
        limit: usize,
        /// Only keys after this one.
        after: Option<String>,
    },
}

/// What becomes of a key.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    Keep,
    Put(KvRecord),
    Remove,
}

impl KvOp {
    /// The operation that a script asks for; `None` when `op` is none of kv's.
    ///
    /// # Errors
    /// `KeyInvalid`, `ValueTooLarge`, `Arguments`.
    pub fn parse(op: &str, args: &Value) -> Result<Option<Self>, KvError> {
        let nothing = Map::new();
        let fields = Fields { op, map: args.as_object().unwrap_or(&nothing) };
        let parsed = match op {
            "kv.get" => Self::Get { key: fields.key()? },
            "kv.set" => Self::Set { key: fields.key()?, value: fields.value(), ttl_ms: fields.ttl()? },
            "kv.delete" => Self::Delete { key: fields.key()? },
            "kv.incr" => Self::Incr { key: fields.key()?, by: fields.by()?, ttl_ms: fields.ttl()? },
            "kv.cas" => Self::Cas {
                key: fields.key()?,
                expected: fields.map.get("expected").cloned(),
                value: fields.value(),
                ttl_ms: fields.ttl()?,
            },
            "kv.list" => Self::List {
                prefix: fields.text("prefix")?.unwrap_or_default(),
                limit: fields.limit()?,
                after: fields.text("after")?,
            },
            _ => return Ok(None),
        };
        Ok(Some(parsed))
    }

    /// Whether it changes nothing.
    pub(crate) fn only_reads(&self) -> bool {
        self.writes().is_none()
    }

    /// The key that it may change.
    pub(super) fn writes(&self) -> Option<&str> {
        match self {
            Self::Set { key, .. } | Self::Delete { key } | Self::Incr { key, .. } | Self::Cas { key, .. } => {
                Some(key)
            }
            Self::Get { .. } | Self::List { .. } => None,
        }
    }

    /// Gives what becomes of the present value, and the answer. `current` has not expired. Operations that read keep it.
    pub(super) fn apply(&self, current: Option<&KvRecord>, now_ms: u64) -> Result<(Next, Value), KvError> {
        let put = |key: &str, value: &Value, expires_ms| {
            check_key(key)?;
            let value = value.to_string();
            if value.len() > Limits::KV_VALUE.as_usize() {
                return Err(KvError::ValueTooLarge { key: key.to_owned(), bytes: value.len() });
            }
            Ok(Next::Put(KvRecord { value, expires_ms, set_ms: now_ms }))
        };
        let until = |ttl_ms: &Option<u64>| ttl_ms.map(|ttl_ms| now_ms.saturating_add(ttl_ms));
        Ok(match self {
            Self::Get { key } => {
                check_key(key)?;
                let found = current.map(|record| json!({ "value": value(record) }));
                (Next::Keep, found.unwrap_or_else(|| json!({})))
            }
            Self::Set { key, value, ttl_ms } => (put(key, value, until(ttl_ms))?, Value::Null),
            Self::Delete { key } => {
                check_key(key)?;
                (if current.is_some() { Next::Remove } else { Next::Keep }, current.is_some().into())
            }
            Self::Incr { key, by, ttl_ms } => {
                let wrong = |why| KvError::NotANumber { key: key.clone(), why };
                let old = match current {
                    None => 0,
                    Some(record) => safe_integer(&value(record))
                        .ok_or_else(|| wrong("holds no integer between -2^53 and 2^53"))?,
                };
                let new = old.checked_add(*by).filter(|new| new.abs() <= SAFE);
                let new = json!(new.ok_or_else(|| wrong("would pass 2^53"))?);
                let expires_ms = until(ttl_ms).or_else(|| current.and_then(|record| record.expires_ms));
                (put(key, &new, expires_ms)?, new)
            }
            Self::Cas { key, expected, value: new, ttl_ms } => {
                let as_expected = match (current, expected) {
                    (None, None) => true,
                    (Some(record), Some(expected)) => same(&value(record), expected),
                    (None, Some(_)) | (Some(_), None) => false,
                };
                if as_expected {
                    (put(key, new, until(ttl_ms))?, true.into())
                } else {
                    check_key(key)?;
                    (Next::Keep, false.into())
                }
            }
            Self::List { .. } => (Next::Keep, Value::Null),
        })
    }
}

/// The value of a record.
pub(super) fn value(record: &KvRecord) -> Value {
    // It was written from a value; anything else would be damage, which the store's checksums find.
    serde_json::from_str(&record.value).unwrap_or(Value::Null)
}

fn check_key(key: &str) -> Result<(), KvError> {
    if (1..=Limits::KV_KEY.as_usize()).contains(&key.len()) {
        Ok(())
    } else {
        Err(KvError::KeyInvalid { bytes: key.len() })
    }
}

/// An integer that JavaScript holds exactly, also written as 1.0 or 1e3.
fn safe_integer(value: &Value) -> Option<i64> {
    let number = value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() <= SAFE as f64)?;
    Some(number as i64)
}

/// Equal as JavaScript sees them: 1 is 1.0, and the order of fields does not count.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let field = |(name, one)| other.get(name).is_some_and(|other| same(one, other));
            one.len() == other.len() && one.iter().all(field)
        }
        (one, other) => one == other,
    }
}

/// The arguments of an operation. A field that is null counts as left out, but for values.
struct Fields<'a> {
    op: &'a str,
    map: &'a Map<String, Value>,
}

impl Fields<'_> {
    fn wrong(&self, why: impl Into<String>) -> KvError {
        KvError::Arguments { op: self.op.to_owned(), why: why.into() }
    }

    fn given(&self, name: &str) -> Option<&Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    fn text(&self, name: &str) -> Result<Option<String>, KvError> {
        match self.given(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(self.wrong(format!("`{name}` must be a string"))),
        }
    }

    fn key(&self) -> Result<String, KvError> {
        let key = self.text("key")?.ok_or_else(|| self.wrong("the key must be a string"))?;
        check_key(&key).map(|()| key)
    }

    fn value(&self) -> Value {
        self.map.get("value").cloned().unwrap_or(Value::Null)
    }

    fn by(&self) -> Result<i64, KvError> {
        match self.given("by") {
            None => Ok(1),
            Some(by) => safe_integer(by)
                .ok_or_else(|| self.wrong("`by` must be an integer between -2^53 and 2^53, as in 1 or -1")),
        }
    }

    fn ttl(&self) -> Result<Option<u64>, KvError> {
        let wrong = || self.wrong("the ttl must be more than 0, in milliseconds");
        let Some(ttl) = self.given("ttl_ms") else { return Ok(None) };
        let ttl = ttl.as_f64().filter(|ttl| *ttl > 0.0).ok_or_else(wrong)?;
        Ok(Some(ttl.ceil() as u64))
    }

    fn limit(&self) -> Result<usize, KvError> {
        let Some(limit) = self.given("limit") else { return Ok(PAGE) };
        let limit = safe_integer(limit).filter(|limit| *limit > 0);
        limit.map(|limit| (limit as usize).min(MAX_PAGE)).ok_or_else(|| {
            self.wrong(format!("`limit` must be an integer from 1; a page has at most {MAX_PAGE} entries"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(op: &str, args: Value) -> KvOp {
        KvOp::parse(op, &args).unwrap().unwrap()
    }

    #[test]
    fn what_scripts_ask_becomes_operations() {
        let key = || "k".to_owned();
        let cases = [
            ("kv.get", json!({"key": "k"}), KvOp::Get { key: key() }),
            ("kv.set", json!({"key": "k"}), KvOp::Set { key: key(), value: Value::Null, ttl_ms: None }),
            (
                "kv.set",
                json!({"key": "k", "value": [1], "ttl_ms": 1.5}),
                KvOp::Set { key: key(), value: json!([1]), ttl_ms: Some(2) },
            ),
            ("kv.incr", json!({"key": "k"}), KvOp::Incr { key: key(), by: 1, ttl_ms: None }),
            ("kv.incr", json!({"key": "k", "by": -2.0}), KvOp::Incr { key: key(), by: -2, ttl_ms: None }),
            (
                "kv.cas",
                json!({"key": "k", "expected": null, "value": 2}),
                KvOp::Cas { key: key(), expected: Some(Value::Null), value: json!(2), ttl_ms: None },
            ),
            (
                "kv.cas",
                json!({"key": "k", "value": 2, "ttl_ms": null}),
                KvOp::Cas { key: key(), expected: None, value: json!(2), ttl_ms: None },
            ),
            ("kv.list", json!({}), KvOp::List { prefix: String::new(), limit: PAGE, after: None }),
            (
                "kv.list",
                json!({"prefix": "a", "limit": 1e9, "after": "ab"}),
                KvOp::List { prefix: "a".to_owned(), limit: MAX_PAGE, after: Some("ab".to_owned()) },
            ),
        ];
        for (op, args, expected) in cases {
            assert_eq!(parse(op, args.clone()), expected, "{op} {args}");
        }
        assert!(KvOp::parse("fetch", &json!({})).unwrap().is_none());
        assert!(KvOp::parse("kv.drop", &json!({})).unwrap().is_none());
    }

    #[test]
    fn wrong_arguments_are_refused_with_a_code() {
        let long = "é".repeat(129);
        for (op, args, code) in [
            ("kv.get", json!({}), "KV_ARGUMENTS"),
            ("kv.get", json!(null), "KV_ARGUMENTS"),
            ("kv.get", json!({"key": 1}), "KV_ARGUMENTS"),
            ("kv.get", json!({"key": ""}), "KV_KEY_INVALID"),
            ("kv.set", json!({"key": long, "value": 1}), "KV_KEY_INVALID"),
            ("kv.set", json!({"key": "k", "value": 1, "ttl_ms": 0}), "KV_ARGUMENTS"),
            ("kv.set", json!({"key": "k", "value": 1, "ttl_ms": "1h"}), "KV_ARGUMENTS"),
            ("kv.incr", json!({"key": "k", "by": 0.5}), "KV_ARGUMENTS"),
            ("kv.incr", json!({"key": "k", "by": 9007199254740992_u64}), "KV_ARGUMENTS"),
            ("kv.list", json!({"limit": 0}), "KV_ARGUMENTS"),
            ("kv.list", json!({"prefix": 1}), "KV_ARGUMENTS"),
        ] {
            assert_eq!(KvOp::parse(op, &args).unwrap_err().code(), code, "{op} {args}");
        }
    }

    #[test]
    fn counting_stays_among_the_integers_that_scripts_hold_exactly() {
        let apply = |value: &str, by: i64| {
            let record = KvRecord { value: value.to_owned(), expires_ms: Some(9), set_ms: 0 };
            KvOp::Incr { key: "k".to_owned(), by, ttl_ms: None }.apply(Some(&record), 5)
        };
        let (next, answer) = apply("4.0", -6).unwrap();
        assert_eq!(answer, json!(-2));
        let kept = KvRecord { value: "-2".to_owned(), expires_ms: Some(9), set_ms: 5 };
        assert_eq!(next, Next::Put(kept), "the ttl stays");
        for (value, by) in [
            ("\"1\"", 1),
            ("null", 1),
            ("1.5", 1),
            ("[1]", 1),
            ("9007199254740991", 1),
            ("-9007199254740991", -1),
            ("9007199254740992", -5),
            ("1e300", 1),
        ] {
            assert_eq!(apply(value, by).unwrap_err().code(), "KV_NOT_A_NUMBER", "{value}");
        }
    }

    #[test]
    fn values_compare_as_scripts_see_them() {
        for (one, other, equal) in [
            (json!(1), json!(1.0), true),
            (json!({"a": [1, 2.0], "b": null}), json!({"b": null, "a": [1.0, 2]}), true),
            (json!({"a": 1}), json!({"a": 1, "b": null}), false),
            (json!([1]), json!([1, 2]), false),
            (json!("1"), json!(1), false),
        ] {
            assert_eq!(same(&one, &other), equal, "{one} {other}");
        }
    }

    #[test]
    fn a_value_that_is_too_large_is_refused() {
        let most = Limits::KV_VALUE.as_usize();
        let set = |bytes| KvOp::Set { key: "k".to_owned(), value: "x".repeat(bytes).into(), ttl_ms: None };
        assert!(set(most - 2).apply(None, 0).is_ok());
        let error = set(most - 1).apply(None, 0).unwrap_err();
        assert_eq!(error.code(), "KV_VALUE_TOO_LARGE");
        assert!(error.to_string().contains("256KiB is the most"), "{error}");
    }
}
