//! What each step type gives, as JSON Schema: for editors and for whoever writes templates on outputs.
//!
//! Printed by `flowcell schema --outputs`. A step whose `on_error` went on gives `{"error": …}` instead. Pure.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The JSON Schema (draft 2020-12) of the output of every step type, by type.
pub fn output_schemas() -> BTreeMap<&'static str, Value> {
    let any = |description: &str| json!({ "description": description });
    let null = |description: &str| json!({ "description": description, "type": "null" });
    BTreeMap::from([
        ("code", any("What the script returns.")),
        ("condition", json!({ "description": "The branch that is taken.", "type": "boolean" })),
        (
            "switch",
            json!({
                "description": "The number of the case that is taken, from 0; null for `else`.",
                "type": ["integer", "null"],
                "minimum": 0,
            }),
        ),
        ("loop", iterations()),
        ("parallel", branches()),
        ("delay", waited("When the wait was over.")),
        ("wait_until", waited("When the wait was over.")),
        ("wait_for_callback", callback()),
        ("http", exchange()),
        ("response", null("The answer is kept with the run, not as an output.")),
        ("set", any("`values`, filled in.")),
        (
            "query",
            any("JSONPath and jq: an array of all results, or the first or null. JMESPath: its value."),
        ),
        ("subflow", subflow()),
        ("plugin", any("What the plugin gives; with `stdout: \"text\"`, what it printed.")),
        ("end", null("Nothing comes after it.")),
        ("break", null("Nothing comes after it in the loop.")),
        ("continue", null("Nothing comes after it in the iteration.")),
    ])
}

/// An object that has all its members and no others.
fn object(description: &str, properties: Value) -> Value {
    let required: Vec<&String> = properties.as_object().into_iter().flat_map(serde_json::Map::keys).collect();
    let required = json!(required);
    json!({
        "description": description,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn waited(description: &str) -> Value {
    let due = json!({ "description": description, "type": "string", "format": "date-time" });
    object("The wait.", json!({ "due": due }))
}

fn strings(description: &str) -> Value {
    json!({ "description": description, "type": "object", "additionalProperties": { "type": "string" } })
}

fn iterations() -> Value {
    object(
        "The iterations.",
        json!({
            "count": { "description": "Iterations that began.", "type": "integer", "minimum": 0 },
            "ended": {
                "description": "`end`: after the last; `break`: by a `break` step; `limit`: by `limit`; `error`: by an \
                    iteration that failed, with `iteration_error: \"break\"`.",
                "enum": ["end", "break", "limit", "error"],
            },
            "results": { "description": "The last output of each iteration.", "type": "array" },
        }),
    )
}

fn branches() -> Value {
    object(
        "The branches.",
        json!({
            "branches": {
                "description": "The last output of each branch; null of one that did not end.",
                "type": "array",
            },
            "winner": {
                "description": "`any` and `race`: the branch that ended first, from 0. `all`: null.",
                "type": ["integer", "null"],
                "minimum": 0,
            },
        }),
    )
}

fn callback() -> Value {
    let mut callback = object(
        "The request to the callback's URL.",
        json!({
            "data": { "description": "The decoded body." },
            "headers": { "description": "By name in lower case.", "type": "object" },
            "query": { "description": "The fields of the query.", "type": "object" },
            "method": { "type": "string" },
        }),
    );
    let of_page = json!({
        "answer": { "description": "With `page`: the value of the answer that was chosen.", "type": "string" },
        "label": { "description": "With `page`: what its button says.", "type": "string" },
        "comment": { "description": "With `page`: what was written beside it.", "type": ["string", "null"] },
        "by": { "description": "With `page`: the name that was given, else the address.", "type": "string" },
        "via": {
            "description": "With `page`: a person's browser, a program's request, or the management API and its command.",
            "enum": ["page", "request", "api"],
        },
        "ip": { "description": "With `page`: the address that the answer came from.", "type": "string" },
        "at": { "description": "With `page`: when.", "type": "string", "format": "date-time" },
    });
    // A body with files has them as a webhook has.
    callback["properties"]["files"] =
        json!({ "description": "The files of a multipart body.", "type": "array" });
    if let (Some(known), Value::Object(of_page)) = (callback["properties"].as_object_mut(), of_page) {
        known.extend(of_page);
    }
    callback
}

fn exchange() -> Value {
    let mut exchange = object(
        "The response.",
        json!({
            "ok": { "description": "False when it failed and `ignore_failure` is set.", "type": "boolean" },
            "status": { "description": "Null when none came.", "type": ["integer", "null"], "minimum": 100, "maximum": 599 },
            "headers": strings("By name in lower case, without those that hand out rights, such as Set-Cookie."),
            "data": { "description": "The body, as `response` says." },
            "url": { "description": "The URL that answered, after redirects.", "type": ["string", "null"] },
            "took_ms": { "description": "Milliseconds.", "type": "integer", "minimum": 0 },
        }),
    );
    exchange["properties"]["error"] = json!({
        "description": "Why it failed; only when `ok` is false.",
        "type": "object",
        "properties": { "code": { "type": "string" }, "message": { "type": "string" } },
        "required": ["code", "message"],
    });
    exchange
}

fn subflow() -> Value {
    object(
        "The run of the other workflow.",
        json!({
            "run": { "description": "Its id.", "type": "string" },
            "status": { "description": "`queued` when it was not waited for.", "enum": ["queued", "succeeded"] },
            "output": { "description": "Its output; null when it was not waited for." },
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::{super::OutputSchema, *};
    use crate::model::JsonText;

    #[test]
    fn every_schema_takes_what_its_step_gives_and_nothing_else() {
        let cases = [
            ("condition", json!(true), json!(null)),
            ("switch", json!(2), json!(-1)),
            ("switch", json!(null), json!("else")),
            (
                "loop",
                json!({"count": 2, "ended": "end", "results": [1, null]}),
                json!({"count": 2, "results": []}),
            ),
            (
                "parallel",
                json!({"branches": [1, null], "winner": 0}),
                json!({"branches": [1], "winner": "a"}),
            ),
            ("delay", json!({"due": "2026-01-01T00:00:00.000Z"}), json!({"due": "soon"})),
            ("wait_until", json!({"due": "2026-01-01T00:00:00.000Z"}), json!({})),
            (
                "wait_for_callback",
                json!({"data": [1], "headers": {"a": "b"}, "query": {}, "method": "POST"}),
                json!({"data": 1, "headers": {}, "query": {}}),
            ),
            (
                "wait_for_callback",
                json!({"data": {}, "headers": {}, "query": {}, "method": "POST", "answer": "yes", "label": "Yes",
                    "comment": null, "by": "Ada", "via": "page", "ip": "::1", "at": "2026-01-01T00:00:00.000Z"}),
                json!({"data": {}, "headers": {}, "query": {}, "method": "POST", "answer": 1}),
            ),
            (
                "http",
                json!({"ok": true, "status": 200, "headers": {"a": "b"}, "data": null, "url": "https://a.b/", "took_ms": 3}),
                json!({"ok": true, "status": 20, "headers": {}, "data": null, "url": "", "took_ms": 3}),
            ),
            (
                "http",
                json!({"ok": false, "error": {"code": "http_failed", "message": "m"}, "status": null, "headers": {}, "data": null, "url": null, "took_ms": 0}),
                json!({"ok": false, "error": "no", "status": null, "headers": {}, "data": null, "url": null, "took_ms": 0}),
            ),
            (
                "subflow",
                json!({"run": "run_1", "status": "succeeded", "output": {}}),
                json!({"run": "run_1"}),
            ),
            ("response", json!(null), json!({})),
            ("end", json!(null), json!(1)),
        ];
        let schemas = output_schemas();
        for (step, good, bad) in cases {
            let schema = OutputSchema::compile(&schemas[step]).unwrap();
            assert_eq!(schema.check(&JsonText::from_value(&good)), Ok(()), "{step}");
            assert!(schema.check(&JsonText::from_value(&bad)).is_err(), "{step}");
        }
        for (step, schema) in &schemas {
            assert!(schema["description"].is_string(), "{step} has no description");
            OutputSchema::compile(schema).unwrap_or_else(|error| panic!("{step}: {error}"));
        }
    }
}
