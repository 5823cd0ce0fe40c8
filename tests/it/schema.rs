//! `flowcell schema`: what editors complete and mark is what the server accepts.

use std::fs;

use serde_json::{Value, json};

use crate::support::{examples, flowcell};

fn schema() -> Value {
    let printed = flowcell(["schema"]);
    assert_eq!(printed.code, 0, "{}", printed.stderr);
    serde_json::from_str(&printed.stdout).expect("the schema is JSON")
}

/// The part of JSON Schema 2020-12 that says which members and types a value may have; gives the first objection.
fn objection(root: &Value, schema: &Value, value: &Value, place: &str) -> Option<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#')).expect("a reference leads somewhere");
        if let Some(found) = objection(root, target, value, place) {
            return Some(found);
        }
    }
    let of = |name: &str| schema[name].as_array().into_iter().flatten();
    if let Some(found) = of("allOf").find_map(|part| objection(root, part, value, place)) {
        return Some(found);
    }
    for name in ["anyOf", "oneOf"] {
        let objections: Vec<_> = of(name).map(|part| objection(root, part, value, place)).collect();
        if !objections.is_empty() && objections.iter().all(Option::is_some) {
            let all: Vec<_> = objections.into_iter().flatten().collect();
            return Some(format!("{place}: none of {name}: {}", all.join("; ")));
        }
    }
    if schema.get("const").is_some_and(|only| only != value)
        || schema["enum"].as_array().is_some_and(|all| !all.contains(value))
    {
        return Some(format!("{place}: {value} is not one of the values"));
    }
    if !types(schema).is_empty() && !types(schema).contains(&kind(value)) {
        return Some(format!("{place}: {value} is no {:?}", types(schema)));
    }
    match value {
        Value::Object(members) => {
            if let Some(missing) = of("required").find(|name| !members.contains_key(name.as_str().unwrap())) {
                return Some(format!("{place}: {missing} is missing"));
            }
            members.iter().find_map(|(name, member)| {
                let place = format!("{place}.{name}");
                match (schema["properties"].get(name), schema.get("additionalProperties")) {
                    (Some(known), _) => objection(root, known, member, &place),
                    (None, Some(Value::Bool(false))) => Some(format!("{place}: no such member")),
                    (None, Some(other @ Value::Object(_))) => objection(root, other, member, &place),
                    (None, _) => None,
                }
            })
        }
        Value::Array(items) if schema.get("items").is_some() => items
            .iter()
            .enumerate()
            .find_map(|(n, item)| objection(root, &schema["items"], item, &format!("{place}[{n}]"))),
        _ => None,
    }
}

fn types(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[test]
fn the_schema_describes_every_field_for_people() {
    let schema = schema();
    assert!(
        schema["$schema"].as_str().is_some_and(|dialect| dialect.contains("2020-12")),
        "{}",
        schema["$schema"]
    );
    for field in ["key", "title", "enabled", "trigger", "steps", "env"] {
        let description = schema["properties"][field]["description"].as_str();
        assert!(description.is_some_and(|text| !text.is_empty()), "`{field}` has no description");
    }
    let text = schema.to_string();
    for field in [
        "verify",
        "dedupe",
        "methods",
        "response",
        "sync_wait",
        "limits",
        "github",
        "hmac",
        "wecom",
        "lark",
        "handshake",
        "condition",
        "starts_with",
        "fuel",
    ] {
        assert!(text.contains(&format!("\"{field}\"")), "the schema does not know `{field}`");
    }
}

#[test]
fn the_schema_accepts_every_example() {
    let schema = schema();
    for entry in fs::read_dir(examples()).unwrap() {
        let path = entry.unwrap().path().join("workflow.json");
        let workflow: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(objection(&schema, &schema, &workflow, ""), None, "{}", path.display());
    }
}

#[test]
fn the_schema_marks_what_the_server_would_refuse() {
    let schema = schema();
    let good = json!({
        "key": "a", "trigger": { "type": "webhook", "mode": "async" },
        "steps": [{ "id": "s", "type": "condition", "if": "true", "then": [{ "id": "c", "type": "code", "file": "a.js" }] }],
    });
    assert_eq!(objection(&schema, &schema, &good, ""), None);
    let mut several = good.clone();
    let one = several.as_object_mut().unwrap().remove("trigger").unwrap();
    let daily = json!({ "type": "schedule", "name": "sum", "cron": "@daily" });
    several["triggers"] = json!([one, daily, { "type": "manual", "name": "by-hand" }]);
    assert_eq!(objection(&schema, &schema, &several, ""), None);
    type Change = fn(&mut Value);
    let wrong: [(&str, Change); 13] = [
        ("no trigger", |w| drop(w.as_object_mut().unwrap().remove("trigger"))),
        ("triggers that are no array", |w| w["triggers"] = w["trigger"].take()),
        ("an unknown field of a listed trigger", |w| {
            let mut one = w.as_object_mut().unwrap().remove("trigger").unwrap();
            one["methodz"] = json!([]);
            w["triggers"] = json!([one]);
        }),
        ("a listed schedule without cron", |w| {
            w.as_object_mut().unwrap().remove("trigger");
            w["triggers"] = json!([{ "type": "schedule", "name": "sum" }]);
        }),
        ("a trigger's name that is no text", |w| w["trigger"]["name"] = json!(7)),
        ("no key", |w| drop(w.as_object_mut().unwrap().remove("key"))),
        ("an unknown field", |w| w["stepz"] = json!([])),
        ("an unknown trigger field", |w| w["trigger"]["methodz"] = json!([])),
        ("an unknown mode", |w| w["trigger"]["mode"] = json!("later")),
        ("an unknown scheme", |w| w["trigger"]["verify"] = json!({ "scheme": "none" })),
        ("a step type", |w| w["steps"][0]["type"] = json!("mail")),
        ("a nested step without file", |w| {
            drop(w["steps"][0]["then"][0].as_object_mut().unwrap().remove("file"))
        }),
        ("steps that are no array", |w| w["steps"] = json!({})),
    ];
    let unmarked: Vec<_> = wrong
        .into_iter()
        .filter(|(_, change)| {
            let mut workflow = good.clone();
            change(&mut workflow);
            objection(&schema, &schema, &workflow, "").is_none()
        })
        .map(|(what, _)| what)
        .collect();
    assert!(unmarked.is_empty(), "an editor would not mark: {unmarked:?}");
}

#[test]
fn the_outputs_of_every_step_type_are_described() {
    let printed = flowcell(["schema", "--outputs"]);
    assert_eq!(printed.code, 0, "{}", printed.stderr);
    let outputs: Value = serde_json::from_str(&printed.stdout).expect("the schemas are JSON");
    let schema = schema().to_string();
    for step in ["code", "condition", "switch", "set", "response", "end"] {
        assert!(schema.contains(&format!("\"const\":\"{step}\"")), "there is no step `{step}`");
        assert!(outputs[step]["description"].is_string(), "the output of `{step}` is not described");
    }
}
