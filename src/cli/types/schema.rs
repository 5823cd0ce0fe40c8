//! Turns JSON Schema into a TypeScript type, as far as outputs of steps need it. What it does not know becomes `any`.

use serde_json::{Map, Value};

use super::shape::key;

/// The type of what a schema accepts. Lines after the first are indented by `indent` spaces.
pub(super) fn typescript(schema: &Value, indent: usize) -> String {
    if let Some(values) = schema["enum"].as_array() {
        return union(values.iter().map(Value::to_string));
    }
    match &schema["type"] {
        Value::String(name) => named(name, schema, indent),
        Value::Array(names) => {
            union(names.iter().filter_map(Value::as_str).map(|name| named(name, schema, indent)))
        }
        _ => "any".to_owned(),
    }
}

fn union(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<_> = parts.collect();
    if parts.is_empty() { "any".to_owned() } else { parts.join(" | ") }
}

fn named(name: &str, schema: &Value, indent: usize) -> String {
    match name {
        "string" | "boolean" | "null" => name.to_owned(),
        "integer" | "number" => "number".to_owned(),
        "array" => match &schema["items"] {
            Value::Object(_) => format!("Array<{}>", typescript(&schema["items"], indent)),
            _ => "any[]".to_owned(),
        },
        "object" => match (&schema["properties"], &schema["additionalProperties"]) {
            (Value::Object(properties), _) => object(properties, &schema["required"], indent),
            (_, each @ Value::Object(_)) => format!("Record<string, {}>", typescript(each, indent)),
            _ => "Record<string, any>".to_owned(),
        },
        _ => "any".to_owned(),
    }
}

fn object(properties: &Map<String, Value>, required: &Value, indent: usize) -> String {
    let space = " ".repeat(indent + 2);
    let required = required.as_array().map(Vec::as_slice).unwrap_or_default();
    let members = properties.iter().map(|(name, schema)| {
        let optional = if required.iter().any(|one| one == name) { "" } else { "?" };
        format!("{space}{}{optional}: {};\n", key(name), typescript(schema, indent + 2))
    });
    format!("{{\n{}{}}}", members.collect::<String>(), " ".repeat(indent))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn schemas_become_types() {
        for (schema, expected) in [
            (json!({}), "any"),
            (json!({"type": ["integer", "null"]}), "number | null"),
            (json!({"enum": ["a", "b"]}), "\"a\" | \"b\""),
            (json!({"type": "array"}), "any[]"),
            (json!({"type": "array", "items": {"type": ["string", "null"]}}), "Array<string | null>"),
            (json!({"type": "object", "additionalProperties": {"type": "string"}}), "Record<string, string>"),
            (
                json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {}}, "required": ["a"]}),
                "{\n  a: string;\n  b?: any;\n}",
            ),
        ] {
            assert_eq!(typescript(&schema, 0), expected, "{schema}");
        }
    }
}
