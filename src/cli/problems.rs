//! All mistakes in the fields of one `workflow.json`, not the first alone.
//!
//! The readers of the model stop at the first wrong field. This takes that field away, puts something harmless where a field must
//! be, and reads again. A mistake that only follows from what was taken away is not told. Called by `flowcell check` after a
//! workflow could not be loaded.

use serde_json::{Value, json};

use crate::model::{FieldError, Workflow};

/// The most mistakes that are told at once.
const MOST: usize = 20;

/// One part of the path of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Name(String),
    Index(usize),
}

/// The mistakes of a text that is JSON, in the order in which they are found. Empty when its fields are right, or when it is no
/// JSON.
pub(super) fn all(text: &str) -> Vec<FieldError> {
    let Ok(mut value) = serde_json::from_str::<Value>(text) else { return Vec::new() };
    let mut found: Vec<FieldError> = Vec::new();
    let mut changes: Vec<Vec<Part>> = Vec::new();
    // Each round changes something that no round before it has changed.
    for _ in 0..2 * MOST {
        let Err(error) = Workflow::from_value(value.clone()) else { break };
        let place = parts(&error.path);
        let is_missing = error.message.contains("missing");
        // A field that is missing may be the one that was taken away, or that was there under a wrong name.
        let is_new = !changes.iter().any(|change| {
            let was_taken = is_missing && change.starts_with(&place) && at(&mut value, change).is_none();
            was_taken || place.starts_with(change)
        });
        if is_new {
            found.push(error);
        }
        let Some(changed) = mend(&mut value, &place, is_new) else { break };
        if found.len() == MOST || changes.contains(&changed) {
            break;
        }
        changes.push(changed);
    }
    found
}

/// Makes what stands at `place` right, and says what was changed for that.
fn mend(value: &mut Value, place: &[Part], is_new: bool) -> Option<Vec<Part>> {
    let harmless = |name: &str| match name {
        "key" => Some(json!("key")),
        "trigger" => Some(json!({ "type": "manual" })),
        "triggers" => Some(json!([{ "type": "manual" }])),
        "steps" => Some(json!([])),
        _ => None,
    };
    let (last, around) = match place {
        [] => {
            let fields = value.as_object_mut()?;
            let lacks = |name: &str| fields.get(name).is_none_or(Value::is_null);
            let name = ["key", "trigger", "steps"]
                .into_iter()
                .find(|name| lacks(name) && (*name != "trigger" || lacks("triggers")))?;
            fields.insert(name.to_owned(), harmless(name)?);
            return Some(vec![Part::Name(name.to_owned())]);
        }
        [around @ .., last] => (last, around),
    };
    match (last, at(value, around)) {
        (Part::Name(name), Some(Value::Object(fields))) if around.is_empty() => {
            match harmless(name) {
                Some(harmless) => drop(fields.insert(name.clone(), harmless)),
                None => drop(fields.shift_remove(name)),
            }
            Some(place.to_vec())
        }
        (Part::Name(name), Some(Value::Object(fields))) if name == "type" && is_new && is_trigger(around) => {
            // Nearly all triggers are of this type, and its other fields can be read then.
            fields.insert(name.clone(), json!("webhook"));
            if let [_, Part::Index(index)] = around {
                // It must not clash with the others, whose mistakes these would not be.
                fields.entry("name").or_insert_with(|| json!(format!("trigger_{index}")));
                fields.entry("path").or_insert_with(|| json!(format!("/trigger-{index}")));
            }
            Some(place.to_vec())
        }
        (Part::Name(name), Some(Value::Object(fields))) if fields.contains_key(name) => {
            fields.shift_remove(name);
            Some(place.to_vec())
        }
        (Part::Index(index), Some(Value::Array(steps))) if is_step(place) => {
            // A step gives way to one that does nothing. It keeps its place, so that the others keep their paths.
            let step = steps.get_mut(*index)?;
            let id = step["id"].as_str().filter(|id| id.parse::<crate::model::StepId>().is_ok());
            let id = id.map_or_else(|| format!("step_{}", number(place)), str::to_owned);
            *step = json!({ "id": id, "type": "set", "values": null });
            Some(place.to_vec())
        }
        // What is not there belongs to what is around it. So does an element, as the others of its list would move.
        _ => mend(value, around, is_new),
    }
}

/// Whether a path is that of a trigger.
fn is_trigger(place: &[Part]) -> bool {
    match place {
        [Part::Name(name)] => name == "trigger",
        [Part::Name(name), Part::Index(_)] => name == "triggers",
        _ => false,
    }
}

/// Whether a path ends with an element of a list of steps.
fn is_step(place: &[Part]) -> bool {
    const LISTS: [&str; 5] = ["steps", "then", "else", "on_error", "default"];
    match place {
        [.., Part::Name(list), Part::Index(_)] => LISTS.contains(&list.as_str()),
        _ => false,
    }
}

/// A name for a step that has none: the numbers of its path.
fn number(place: &[Part]) -> String {
    let numbers = place.iter().filter_map(|part| match part {
        Part::Index(index) => Some(index.to_string()),
        Part::Name(_) => None,
    });
    numbers.collect::<Vec<_>>().join("_")
}

fn at<'v>(value: &'v mut Value, place: &[Part]) -> Option<&'v mut Value> {
    place.iter().try_fold(value, |value, part| match part {
        Part::Name(name) => value.get_mut(name),
        Part::Index(index) => value.get_mut(index),
    })
}

/// The parts of a path such as `steps[1].then[0].url`.
fn parts(path: &str) -> Vec<Part> {
    let names = path.split('.').filter(|name| !name.is_empty());
    names
        .flat_map(|name| {
            let (name, indices) = name.split_at(name.find('[').unwrap_or(name.len()));
            let indices =
                indices.split(['[', ']']).filter_map(|index| Some(Part::Index(index.parse().ok()?)));
            let name = (!name.is_empty()).then(|| Part::Name(name.to_owned()));
            name.into_iter().chain(indices).collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn paths(value: &Value) -> Vec<String> {
        all(&value.to_string()).into_iter().map(|error| error.path).collect()
    }

    #[test]
    fn every_mistake_is_told_once() {
        let workflow = json!({
            "key": "a b",
            "foo": 1,
            "trigger": { "type": "webhok", "methods": "POST" },
            "steps": [
                { "id": "1a", "type": "codee" },
                { "id": "get", "type": "http" },
                { "id": "ask", "type": "condition", "if": "true", "then": [{ "id": "x", "type": "http", "bar": 1 }] },
                { "id": "get", "type": "set", "values": 1 },
            ],
        });
        let expected = [
            "foo",
            "key",
            "trigger.type",
            "trigger.methods",
            "steps[0].id",
            "steps[1]",
            "steps[2].then[0].bar",
            "steps[3].id",
        ];
        assert_eq!(paths(&workflow), expected);
        let trigger = json!({
            "key": "a",
            "trigger": { "type": "webhook", "methods": ["POST", "TRACE"], "mode": "fast", "max_body": 1, "ip": { "a": 1 } },
            "steps": [],
        });
        assert_eq!(paths(&trigger).len(), 4, "{:?}", paths(&trigger));
        let triggers = json!({
            "key": "a",
            "triggers": [{ "type": "webhok", "methods": "POST" }, { "type": "webhook", "max_body": 1 }, { "type": "webhook" }],
            "steps": [],
        });
        let expected =
            ["triggers[0].type", "triggers[0].methods", "triggers[1].max_body", "triggers[2].name"];
        assert_eq!(paths(&triggers), expected);
        assert_eq!(paths(&json!({})).len(), 3, "{:?}", paths(&json!({})));
    }

    #[test]
    fn what_is_right_has_no_mistakes() {
        let steps = json!([{ "id": "a", "type": "set", "values": 1 }]);
        assert!(paths(&json!({ "key": "a", "trigger": { "type": "manual" }, "steps": steps })).is_empty());
        assert!(all("{").is_empty());
    }

    proptest! {
        #[test]
        fn any_workflow_is_looked_through(names in prop::collection::vec("[a-z]{1,6}", 0..4), wrong in "[a-z1-9]{0,4}") {
            let steps: Vec<Value> = names.iter().map(|name| json!({ "id": wrong, "type": name, name: [{ "id": name }] })).collect();
            let found = all(&json!({ "key": wrong, "trigger": { "type": wrong, "ip": wrong }, "steps": steps, "timeout": wrong }).to_string());
            prop_assert!(found.len() <= MOST);
        }
    }
}
