//! Schemas: what they find, what they must never do, and that no schema or output takes long.

use std::time::{Duration, Instant};

use serde_json::json;

use super::*;

fn check(schema: &Value, output: &Value) -> Result<(), String> {
    OutputSchema::compile(schema)?.check(&JsonText::from_value(output))
}

fn order() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["id", "total"],
        "properties": {
            "id": {"type": "integer", "minimum": 1},
            "total": {"type": "number"},
            "mail": {"type": "string", "format": "email"},
            "at": {"type": "string", "format": "date-time"},
            "code": {"type": "string", "pattern": "^[A-Z]{3}$"},
            "rows": {"type": "array", "items": {"$ref": "#/$defs/row"}, "uniqueItems": true},
        },
        "additionalProperties": false,
        "$defs": {"row": {"type": "object", "required": ["sku"], "properties": {"sku": {"enum": ["a", "b"]}, "parts": {"items": {"$ref": "#/$defs/row"}}}}},
    })
}

#[test]
fn an_output_is_what_its_schema_says_or_the_places_are_named() {
    let good = [
        json!({"id": 1, "total": 2.5}),
        json!({"id": 1, "total": 0, "mail": "a@b.de", "at": "2026-01-01T00:00:00Z", "code": "ABC", "rows": [{"sku": "a"}, {"sku": "b", "parts": [{"sku": "a"}]}]}),
    ];
    for output in good {
        assert_eq!(check(&order(), &output), Ok(()));
    }
    let bad = [
        (json!([]), "value is not of type \"object\""),
        (json!({"id": 0, "total": 1}), "/id: value is less than the minimum of 1"),
        (json!({"id": 1}), "\"total\" is a required property"),
        (json!({"id": 1, "total": 1, "x": 1}), "Additional properties are not allowed ('x' was unexpected)"),
        (json!({"id": 1, "total": 1, "mail": "no"}), "/mail: value is not a \"email\""),
        (json!({"id": 1, "total": 1, "at": "yesterday"}), "/at: value is not a \"date-time\""),
        (json!({"id": 1, "total": 1, "code": "abc"}), "/code: value does not match \"^[A-Z]{3}$\""),
        (
            json!({"id": 1, "total": 1, "rows": [{"sku": "a"}, {"sku": "a"}]}),
            "/rows: value has non-unique elements",
        ),
        (
            json!({"id": 1, "total": 1, "rows": [{"sku": "a", "parts": [{"sku": "c"}]}]}),
            "/rows/0/parts/0/sku: value is not one of",
        ),
    ];
    for (output, expected) in bad {
        let message = check(&order(), &output).unwrap_err();
        assert!(message.starts_with(expected), "{output}: {message}");
    }
}

#[test]
fn at_most_five_reasons_are_told_and_no_value() {
    let schema = json!({"items": {"type": "string", "maxLength": 3}});
    let message = check(&schema, &(0..100).collect()).unwrap_err();
    assert_eq!(message.matches("value is not of type").count(), 5, "{message}");
    assert!(message.starts_with("/0: ") && message.contains("; /4: "), "{message}");
    let secret = "hunter2".repeat(1_000);
    let message = check(&schema, &json!([secret])).unwrap_err();
    assert!(!message.contains("hunter2") && message.len() < MAX_MESSAGE, "{message}");
    // As many that they cannot all be kept.
    let message = check(&schema, &(0..400_000).collect()).unwrap_err();
    assert!(message.starts_with("/0: value is not of type \"string\""), "{message}");
}

#[test]
fn older_drafts_are_read_as_they_were() {
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$ref": "#/definitions/point",
        "definitions": {"point": {"type": "array", "items": [{"type": "number"}, {"type": "number"}], "additionalItems": false}},
    });
    assert_eq!(check(&schema, &json!([1, 2])), Ok(()));
    assert!(check(&schema, &json!([1, 2, 3])).is_err());
    assert_eq!(check(&json!(true), &json!(1)), Ok(()));
    assert!(check(&json!(false), &json!(1)).is_err());
}

#[test]
fn what_is_no_schema_is_refused() {
    let cases = [
        (json!({"type": "strin"}), "/type: "),
        (json!({"properties": {"a": {"type": 1}}}), "/properties/a/type: "),
        (json!({"pattern": "("}), "/pattern"),
        (json!({"pattern": "(a{1000}){1000}"}), ""),
        (json!({"pattern": "(?<=a)b"}), ""),
        (json!({"pattern": "(a)\\1"}), ""),
        (json!([]), ""),
        (json!({"$ref": "#/nowhere"}), "where there is nothing"),
        (json!({"$ref": "#"}), "leads back to itself"),
        (
            json!({"$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"not": {"$ref": "#/$defs/a"}}}}),
            "leads back to itself",
        ),
        (json!({"description": "x".repeat(70_000)}), "65536 are the most"),
        (
            json!({"patternProperties": (0..33).map(|n| (format!("^{n}"), json!({}))).collect::<serde_json::Map<_, _>>()}),
            "32 are the most",
        ),
    ];
    for (schema, expected) in cases {
        let error = OutputSchema::compile(&schema).map(|_| ()).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

/// Schemas and outputs that would take for ever, all memory or the whole stack.
#[test]
fn no_schema_takes_long_or_much_memory_or_ends_the_process() {
    let doubling = |count: usize, double: fn(Value) -> Value| {
        let mut definitions = serde_json::Map::new();
        definitions.insert("s0".to_owned(), json!(true));
        for n in 1..count {
            definitions.insert(format!("s{n}"), double(json!({"$ref": format!("#/$defs/s{}", n - 1)})));
        }
        json!({"$defs": definitions, "$ref": format!("#/$defs/s{}", count - 1)})
    };
    let recursive = |definition: Value| json!({"$defs": {"t": definition}, "$ref": "#/$defs/t"});
    let again = || json!({"$ref": "#/$defs/t"});
    let nest = |inner: Value| (0..120).fold(inner, |inner, _| json!({"a": inner}));
    let many: Value = (0..100_000).collect();
    let names: Value =
        (0..50_000).map(|n| (format!("name{n}"), json!(n))).collect::<serde_json::Map<_, _>>().into();
    let text = json!("x".repeat(1 << 20));
    let objects: Value = (0..20_000).map(|n| json!({"a": n, "b": [n]})).collect();
    let schemas = [
        doubling(9, |inner| json!({"allOf": [inner, inner]})),
        doubling(200, |inner| json!({"allOf": [inner, inner]})),
        doubling(31, |inner| json!({"anyOf": [inner, inner]})),
        doubling(31, |inner| json!({"not": inner})),
        doubling(60, |inner| json!({"properties": {"a": inner, "b": inner}})),
        doubling(60, |inner| json!({"items": inner, "contains": inner})),
        doubling(120, |inner| json!({"allOf": [{"properties": {"a": inner}}, {"properties": {"a": inner}}]})),
        doubling(120, |inner| json!({"properties": {"a": inner}, "patternProperties": {"a": inner}})),
        recursive(json!({"allOf": [{"properties": {"a": again()}}, {"properties": {"a": again()}}]})),
        recursive(
            json!({"anyOf": [{"properties": {"a": again()}, "required": ["z"]}, {"properties": {"a": again()}, "required": ["y"]}]}),
        ),
        recursive(json!({"oneOf": [{"properties": {"a": again()}}, {"additionalProperties": again()}]})),
        recursive(
            json!({"properties": {"a": again()}, "additionalProperties": again(), "unevaluatedProperties": again()}),
        ),
        recursive(json!({"not": {"properties": {"a": {"not": again()}}}})),
        recursive(
            json!({"properties": {"a": again()}, "allOf": [{"properties": {"a": again()}}], "unevaluatedProperties": false}),
        ),
        recursive(
            json!({"if": {"properties": {"a": again()}}, "then": {"properties": {"a": again()}}, "else": {"properties": {"a": again()}}}),
        ),
        recursive(
            json!({"items": again(), "prefixItems": [again(), again()], "contains": again(), "unevaluatedItems": again()}),
        ),
        recursive(json!({"patternProperties": {"a": again(), "^a": again(), "a$": again()}})),
        json!({"uniqueItems": true}),
        json!({"items": {"uniqueItems": true}}),
        json!({"enum": (0..10_000).collect::<Vec<_>>()}),
        json!({"items": {"enum": (0..10_000).map(|n| json!([n])).collect::<Vec<_>>()}}),
        json!({"const": objects.as_array().unwrap()[..500]}),
        json!({"pattern": "(x+x+)+y"}),
        json!({"pattern": "^(x|xx)*[^x]{50}$"}),
        json!({"items": {"pattern": "(x+x+)+y"}}),
        json!({"patternProperties": (0..32).map(|n| (format!("(e+m*)+{n}$"), json!({}))).collect::<serde_json::Map<_, _>>(), "additionalProperties": false}),
        json!({"allOf": (0..500).map(|n| json!({"pattern": format!("x{n}y")})).collect::<Vec<_>>()}),
        json!({"properties": (0..2_000).map(|n| (format!("name{n}"), json!({"type": "string"}))).collect::<serde_json::Map<_, _>>(), "additionalProperties": false}),
        json!({"required": (0..5_000).map(|n| format!("n{n}")).collect::<Vec<_>>()}),
        json!({"propertyNames": {"pattern": "(e+m*)+$", "maxLength": 3}}),
        json!({"contains": {"type": "string"}, "minContains": 10}),
        json!({"items": {"format": "regex"}}),
        json!({"items": {"allOf": (0..500).map(|_| json!({"type": ["string", "null"]})).collect::<Vec<_>>()}}),
        json!({"unevaluatedItems": false, "anyOf": [{"contains": {"minimum": 5}}, {"prefixItems": [true]}]}),
        json!({"unevaluatedProperties": false, "anyOf": (0..50).map(|n| json!({"patternProperties": {(format!("{n}$")): true}})).collect::<Vec<_>>()}),
        json!({"multipleOf": 1e-300, "items": {"multipleOf": 0.01}}),
        (0..120).fold(json!({}), |inner, _| json!({"properties": {"a": inner}})),
        (0..120).fold(json!({}), |inner, _| json!({"not": inner})),
        (0..60).fold(json!({}), |inner, _| json!({"items": {"anyOf": [inner]}})),
        json!({"format": "regex"}),
        json!({"format": "uri"}),
        json!({"format": "email"}),
        json!({"format": "idn-email"}),
        json!({"format": "hostname"}),
        json!({"format": "date-time"}),
        json!({"format": "json-pointer"}),
        json!({"format": "uri-template"}),
        json!({"format": "duration"}),
        json!({"contentEncoding": "base64", "contentMediaType": "application/json", "contentSchema": false}),
    ];
    let outputs = [
        nest(json!(1)),
        nest(json!({"a": 1, "b": 2})),
        (0..120).fold(json!(1), |inner, _| json!([inner])),
        (0..15).fold(json!(1), |inner, _| json!({"a": inner, "b": inner})),
        many,
        names,
        text,
        objects,
        json!([["x".repeat(200_000)], "x".repeat(200_000)]),
        json!(1e308),
    ];
    let mut slow = Vec::new();
    for (number, schema) in schemas.iter().enumerate() {
        let start = Instant::now();
        let compiled = OutputSchema::compile(schema);
        let mut worst = (start.elapsed(), "compiling".to_owned());
        if let Ok(compiled) = compiled {
            for (n, output) in outputs.iter().enumerate() {
                let start = Instant::now();
                let answer = compiled.check(&JsonText::from_value(output));
                let took = start.elapsed();
                if took > worst.0 {
                    worst = (
                        took,
                        format!(
                            "output {n}: {:?}",
                            answer.map_err(|message| message.chars().take(90).collect::<String>())
                        ),
                    );
                }
            }
        }
        // Each takes less than half a second, on a machine that does nothing else.
        if worst.0 > Duration::from_secs(5) {
            slow.push(format!("schema {number}: {worst:?}"));
        }
    }
    assert!(slow.is_empty(), "{slow:#?}");
}
