//! The stand-in of the server, as the tests of a plugin use it, and what a plugin says of itself.

use std::time::Duration;

use flowcell_plugin::{Error, clock, config, http, kv, log, random, secrets, serde_json::json, testing};

#[test]
fn the_kv_keeps_what_is_set() {
    kv::set("a/1", &vec![1, 2]).unwrap();
    kv::set_for("a/2", "text", Duration::from_secs(1)).unwrap();
    assert_eq!(kv::get::<Vec<u8>>("a/1").unwrap(), Some(vec![1, 2]));
    assert_eq!(kv::get::<u8>("none").unwrap(), None);
    assert_eq!(kv::increment("b", 2).unwrap() + kv::increment("b", -5).unwrap(), -1);
    assert!(!kv::compare_and_set("a/2", None, "other").unwrap());
    assert!(kv::compare_and_set("a/2", Some("text"), "other").unwrap());
    let listed: Vec<(String, flowcell_plugin::serde_json::Value)> = kv::list("a/", Some("a/1"), 10).unwrap();
    assert_eq!(listed, [("a/2".to_owned(), json!("other"))]);
    assert!(kv::delete("a/1").unwrap());
    assert!(!kv::delete("a/1").unwrap());
}

#[test]
fn requests_are_answered_by_the_test() {
    testing::answer_http(|request| {
        assert_eq!((request.method.as_str(), request.body.as_slice()), ("POST", b"[1]".as_slice()));
        let (status, body) =
            if request.url.ends_with("busy") { (503, b"later".to_vec()) } else { (200, b"7".to_vec()) };
        Ok(http::Response { status, url: request.url, headers: vec![("x".into(), "y".into())], body })
    });
    let send = |url: &str| http::post(url).json(&[1])?.send()?.success();
    let response = send("https://example.com/").unwrap();
    assert_eq!(response.header("x"), Some("y"));
    assert_eq!(response.json::<u8>().unwrap(), 7);
    let error = send("https://example.com/busy").unwrap_err();
    assert_eq!((error.code.as_str(), error.retry), ("http_status", true));
    assert_eq!(error.message, "https://example.com/busy answered 503: later");
}

#[test]
fn secrets_and_config_are_what_the_test_sets() {
    testing::set_secret("TOKEN", "t");
    testing::set_config("limit", json!(5));
    assert_eq!(secrets::get("TOKEN").unwrap(), "t");
    assert_eq!(secrets::get("OTHER").unwrap_err().code, "secret_missing");
    assert_eq!(config::get::<u8>("limit").unwrap(), Some(5));
    assert_eq!(config::get::<String>("limit").unwrap_err().code, "bad_config");
}

#[test]
fn log_lines_are_kept() {
    log::warn!("{} left", 2);
    assert_eq!(testing::log(), ["warn: 2 left"]);
}

#[test]
fn clock_and_random_are_the_same_in_every_test() {
    assert_eq!(clock::now(), Duration::from_secs(1_700_000_000));
    assert_eq!(random::bytes(3).len(), 3);
    assert_ne!(random::u64(), random::u64());
}

#[test]
fn an_error_tells_its_causes() {
    fn fails() -> Result<(), Error> {
        Err(std::io::Error::other("the disk is full"))?;
        Ok(())
    }
    assert_eq!(fails().unwrap_err(), Error::new("failed", "the disk is full"));
}

mod described {
    use flowcell_plugin::{Context, Error, plugin};

    fn run(input: String, _: &Context) -> Result<String, Error> {
        Ok(input)
    }

    plugin! {
        run,
        capabilities: [http("*.example.com"), http("api.example.com:8443"), kv(""), kv("seen/"), secret("API_TOKEN")],
    }

    #[test]
    fn capabilities_are_texts() {
        let texts =
            ["http:*.example.com", "http:api.example.com:8443", "kv:", "kv:seen/", "secret:API_TOKEN"];
        assert_eq!(describe().capabilities, texts);
    }
}
