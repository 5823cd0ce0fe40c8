//! Stands in for the server under `cargo test`, each test (thread) with its own.
//!
//! Log lines go to stderr; the kv is a map in memory; a request is answered by the function that [`answer_http`] was given.

use std::{cell::RefCell, collections::BTreeMap};

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Context, Error, error::from_host, http, plugin};

type Answer = Box<dyn FnMut(http::Request) -> Result<http::Response, Error>>;

#[derive(Default)]
struct Server {
    config: serde_json::Map<String, Value>,
    secrets: BTreeMap<String, String>,
    kv: BTreeMap<String, String>,
    log: Vec<String>,
    answer: Option<Answer>,
    random: u64,
}

thread_local! {
    static SERVER: RefCell<Server> = RefCell::default();
}

fn server<T>(ask: impl FnOnce(&mut Server) -> T) -> T {
    SERVER.with_borrow_mut(ask)
}

/// A context of the first attempt of a run.
pub fn context() -> Context {
    Context {
        run: "run_00000000000000000000000000000001".into(),
        workflow: "test".into(),
        step: "plugin".into(),
        attempt: 1,
        idempotency_key: "run_00000000000000000000000000000001/plugin".into(),
        now_ms: 1_700_000_000_000,
    }
}

/// One call, with JSON on both sides as from the server.
pub fn call<Input: DeserializeOwned, Output: Serialize>(
    run: fn(Input, &Context) -> Result<Output, Error>,
    input: &Value,
) -> Result<Value, Error> {
    let output = plugin::run(run, &input.to_string(), &context()).map_err(from_host)?;
    Ok(serde_json::from_str(&output)?)
}

/// Calls the plugin with each of its examples, as `testing::check_examples(describe(), run)`.
///
/// # Panics
/// When one fails, or gives another output than it says.
pub fn check_examples<Input: DeserializeOwned + JsonSchema, Output: Serialize + JsonSchema>(
    description: plugin::Description,
    run: fn(Input, &Context) -> Result<Output, Error>,
) {
    for example in description.examples {
        let input = serde_json::from_str(&example.input).expect("examples are written as JSON");
        let output = call(run, &input).unwrap_or_else(|error| panic!("{}: {error}", example.title));
        if let Some(expected) = example.output {
            let expected: Value = serde_json::from_str(&expected).expect("examples are written as JSON");
            assert_eq!(output, expected, "{}", example.title);
        }
    }
}

/// Sets one field of the step's `config`.
pub fn set_config(key: &str, value: Value) {
    server(|server| server.config.insert(key.into(), value));
}

pub fn set_secret(name: &str, value: &str) {
    server(|server| server.secrets.insert(name.into(), value.into()));
}

/// Who answers the requests of this test.
pub fn answer_http(answer: impl FnMut(http::Request) -> Result<http::Response, Error> + 'static) {
    server(|server| server.answer = Some(Box::new(answer)));
}

/// The lines logged so far, as in `info: 3 rows`.
pub fn log() -> Vec<String> {
    server(|server| server.log.clone())
}

/// The functions of the world by their names.
pub(crate) mod host {
    use super::server;
    use crate::{
        bindings::{
            flowcell::plugin::{http as wit_http, logging::Level, types::Error},
            wasi::clocks::wall_clock::Datetime,
        },
        error::to_host,
    };

    fn error(code: &str, message: String) -> Error {
        to_host(crate::Error::new(code, message))
    }

    pub(crate) mod logging {
        use super::*;

        pub(crate) fn log(level: Level, message: &str) {
            let level = match level {
                Level::Debug => "debug",
                Level::Info => "info",
                Level::Warn => "warn",
                Level::Error => "error",
            };
            eprintln!("{level}: {message}");
            server(|server| server.log.push(format!("{level}: {message}")));
        }
    }

    pub(crate) mod config {
        use super::*;

        pub(crate) fn get(key: &str) -> Option<String> {
            server(|server| server.config.get(key).map(|value| value.to_string()))
        }

        pub(crate) fn all() -> String {
            server(|server| serde_json::to_string(&server.config).expect("a map of values is JSON"))
        }
    }

    pub(crate) mod secrets {
        use super::*;

        pub(crate) fn get(name: &str) -> Result<String, Error> {
            server(|server| server.secrets.get(name).cloned()).ok_or_else(|| {
                error("secret_missing", format!("nobody has set the secret `{name}`: testing::set_secret"))
            })
        }
    }

    pub(crate) mod http {
        use super::*;

        pub(crate) fn send(request: &wit_http::Request) -> Result<wit_http::Response, Error> {
            // Taken out meanwhile: the answer may use the kv.
            let Some(mut answer) = server(|server| server.answer.take()) else {
                return Err(error(
                    "http_failed",
                    format!("nobody answers {}: testing::answer_http", request.url),
                ));
            };
            let wit_http::Request { method, url, headers, body } = request.clone();
            let response = answer(crate::http::Request { method, url, headers, body });
            server(|server| server.answer = Some(answer));
            let crate::http::Response { status, url, headers, body } = response.map_err(to_host)?;
            Ok(wit_http::Response { status, url, headers, body })
        }
    }

    pub(crate) mod kv {
        use super::*;

        pub(crate) fn get(key: &str) -> Result<Option<String>, Error> {
            Ok(server(|server| server.kv.get(key).cloned()))
        }

        pub(crate) fn set(key: &str, value: &str, _ttl_ms: Option<u64>) -> Result<(), Error> {
            server(|server| server.kv.insert(key.into(), value.into()));
            Ok(())
        }

        pub(crate) fn delete(key: &str) -> Result<bool, Error> {
            Ok(server(|server| server.kv.remove(key)).is_some())
        }

        pub(crate) fn increment(key: &str, by: i64) -> Result<i64, Error> {
            server(|server| {
                let old = server.kv.get(key).map_or(Ok(0), |value| value.parse::<i64>());
                let old =
                    old.map_err(|_| error("kv_not_integer", format!("the value of `{key}` is no integer")))?;
                server.kv.insert(key.into(), (old + by).to_string());
                Ok(old + by)
            })
        }

        pub(crate) fn compare_and_set(
            key: &str,
            expected: Option<&str>,
            value: &str,
            _ttl_ms: Option<u64>,
        ) -> Result<bool, Error> {
            server(|server| {
                let same = server.kv.get(key).map(String::as_str) == expected;
                if same {
                    server.kv.insert(key.into(), value.into());
                }
                Ok(same)
            })
        }

        pub(crate) fn list(
            prefix: &str,
            after: Option<&str>,
            limit: u32,
        ) -> Result<Vec<(String, String)>, Error> {
            Ok(server(|server| {
                let wanted =
                    |key: &String| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after);
                let entries = server.kv.iter().filter(|(key, _)| wanted(key));
                entries.take(limit as usize).map(|(key, value)| (key.clone(), value.clone())).collect()
            }))
        }
    }

    pub(crate) mod wall_clock {
        use super::*;

        pub(crate) fn now() -> Datetime {
            Datetime { seconds: 1_700_000_000, nanoseconds: 0 }
        }
    }

    pub(crate) mod monotonic_clock {
        pub(crate) fn now() -> u64 {
            0
        }
    }

    pub(crate) mod random {
        use super::*;

        /// The same numbers in every test, by splitmix64.
        pub(crate) fn get_random_u64() -> u64 {
            server(|server| {
                server.random = server.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mixed = (server.random ^ (server.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                mixed ^ (mixed >> 31)
            })
        }

        pub(crate) fn get_random_bytes(count: u64) -> Vec<u8> {
            (0..count).map(|_| get_random_u64() as u8).collect()
        }
    }
}
