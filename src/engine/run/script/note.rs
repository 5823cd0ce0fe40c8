//! A call as the run shows it: what was asked for, of whom, and nothing that may be secret.

use serde_json::Value;

use crate::{model::CallNote, sandbox::HostCall, secrets::Redactor};

/// The most notes that one attempt keeps.
pub(super) const MAX_NOTES: usize = 100;
/// Characters of a target.
const MAX_TARGET: usize = 200;

/// The note on a call that begins.
pub(super) fn of(call: &HostCall, redactor: &Redactor) -> CallNote {
    let text = |field: &str| call.args.get(field).and_then(Value::as_str).unwrap_or_default();
    let target = match call.op.as_str() {
        "fetch" => format!("{} {}", text("method"), without_query(text("url"))),
        "memo.get" | "memo.put" => text("name").to_owned(),
        "respond" => call.args.get("status").map(Value::to_string).unwrap_or_default(),
        "kv.list" => format!("{}{}*", owner(text("of")), text("prefix")),
        _ => format!("{}{}", owner(text("of")), text("key")),
    };
    let target = redactor.redact(&target).chars().take(MAX_TARGET).collect();
    CallNote { op: call.op.chars().take(MAX_TARGET).collect(), target, error: None, at_ms: 0, took_us: 0 }
}

/// The workflow whose kv is read, when it is another one.
fn owner(of: &str) -> String {
    if of.is_empty() { String::new() } else { format!("{of}: ") }
}

/// Queries and user information hold tokens.
fn without_query(url: &str) -> String {
    let Ok(url) = url.parse::<http::Uri>() else { return String::new() };
    let (scheme, authority) = (url.scheme_str().unwrap_or_default(), url.authority());
    let host = authority.map(|authority| authority.as_str()).unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}://{host}{}", url.path())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_note_names_what_was_called_without_queries_and_secrets() {
        let redactor = Redactor::new([("TOKEN", "s3cr3t-value")]);
        let target =
            |op: &str, args| of(&HostCall { id: 1, op: op.to_owned(), args, hosts: None }, &redactor).target;
        let url = "https://u:p@api.example.com/bot/s3cr3t-value/send?key=1#x";
        assert_eq!(
            target("fetch", json!({"method": "POST", "url": url})),
            "POST https://api.example.com/bot/***TOKEN***/send"
                .replace("***TOKEN***", &redactor.redact("s3cr3t-value"))
        );
        assert_eq!(target("kv.set", json!({"key": "orders", "value": 1})), "orders");
        assert_eq!(target("kv.list", json!({"prefix": "o"})), "o*");
        assert_eq!(target("kv.list", json!({"prefix": "o", "of": "shop"})), "shop: o*");
        assert_eq!(target("kv.get", json!({"key": "k", "of": "shop"})), "shop: k");
        assert_eq!(target("respond", json!({"status": 202})), "202");
        assert_eq!(target("fetch", json!(null)), " ");
    }
}
