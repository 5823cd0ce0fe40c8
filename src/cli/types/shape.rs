//! Turns JSON samples into one TypeScript type: several fixtures of one event make one type.
//!
//! A member that not every sample has is optional. Values of different types make a union. Pure.

use indexmap::IndexMap;
use serde_json::Value;

/// What was seen at one place of the samples.
#[derive(Debug, Default)]
pub(super) struct Shape {
    null: bool,
    boolean: bool,
    number: bool,
    string: bool,
    array: Option<Box<Shape>>,
    object: Option<Members>,
}

#[derive(Debug, Default)]
struct Members {
    /// How many objects were seen.
    seen: usize,
    /// By name: in how many objects the member was, and its own shape.
    members: IndexMap<String, (usize, Shape)>,
}

impl Shape {
    /// Adds a sample.
    pub(super) fn add(&mut self, value: &Value) {
        match value {
            Value::Null => self.null = true,
            Value::Bool(_) => self.boolean = true,
            Value::Number(_) => self.number = true,
            Value::String(_) => self.string = true,
            Value::Array(items) => {
                let each = self.array.get_or_insert_default();
                items.iter().for_each(|item| each.add(item));
            }
            Value::Object(object) => {
                let members = self.object.get_or_insert_default();
                members.seen += 1;
                for (name, value) in object {
                    let (seen, shape) = members.members.entry(name.clone()).or_default();
                    *seen += 1;
                    shape.add(value);
                }
            }
        }
    }

    /// How many types were seen.
    fn kinds(&self) -> usize {
        let plain = [self.null, self.boolean, self.number, self.string];
        let inner = [self.array.is_some(), self.object.is_some()];
        plain.into_iter().chain(inner).filter(|seen| *seen).count()
    }

    /// The type; `unknown` when nothing was seen. Lines after the first are indented by `indent` spaces.
    pub(super) fn typescript(&self, indent: usize) -> String {
        let mut parts = Vec::new();
        for (seen, name) in [(self.string, "string"), (self.number, "number"), (self.boolean, "boolean")] {
            parts.extend(seen.then(|| name.to_owned()));
        }
        parts.extend(self.object.as_ref().map(|members| members.typescript(indent)));
        parts.extend(self.array.as_ref().map(|each| {
            let name = each.typescript(indent);
            if each.kinds() > 1 { format!("({name})[]") } else { format!("{name}[]") }
        }));
        parts.extend(self.null.then(|| "null".to_owned()));
        if parts.is_empty() { "unknown".to_owned() } else { parts.join(" | ") }
    }
}

impl Members {
    fn typescript(&self, indent: usize) -> String {
        if self.members.is_empty() {
            return "Record<string, unknown>".to_owned();
        }
        let space = " ".repeat(indent + 2);
        let members = self.members.iter().map(|(name, (seen, shape))| {
            let optional = if *seen < self.seen { "?" } else { "" };
            format!("{space}{}{optional}: {};\n", key(name), shape.typescript(indent + 2))
        });
        format!("{{\n{}{}}}", members.collect::<String>(), " ".repeat(indent))
    }
}

/// A member's name, quoted if it must be.
pub(super) fn key(name: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '$');
    let begins_with_digit = name.starts_with(|first: char| first.is_ascii_digit());
    if !name.is_empty() && name.chars().all(plain) && !begins_with_digit {
        name.to_owned()
    } else {
        // JSON's escapes are those of TypeScript.
        Value::from(name).to_string().replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(samples: &[Value]) -> String {
        let mut shape = Shape::default();
        samples.iter().for_each(|sample| shape.add(sample));
        shape.typescript(0)
    }

    #[test]
    fn samples_make_one_type() {
        for (samples, expected) in [
            (vec![], "unknown"),
            (vec![json!(null)], "null"),
            (vec![json!("a"), json!(1)], "string | number"),
            (vec![json!([])], "unknown[]"),
            (vec![json!([1, "a"])], "(string | number)[]"),
            (vec![json!([[true]])], "boolean[][]"),
            (vec![json!({})], "Record<string, unknown>"),
            (
                vec![json!({"a": 1, "b-c": null}), json!({"a": "x"})],
                "{\n  a: string | number;\n  \"b-c\"?: null;\n}",
            ),
            (
                vec![json!([{"id": 1, "tags": []}, {"id": 2, "tags": ["x"], "at": {"b": true}}])],
                "{\n  id: number;\n  tags: string[];\n  at?: {\n    b: boolean;\n  };\n}[]",
            ),
            (vec![json!({"a": 1}), json!(null)], "{\n  a: number;\n} | null"),
            (vec![json!([{"a": 1}, null])], "({\n  a: number;\n} | null)[]"),
        ] {
            assert_eq!(of(&samples), expected, "{samples:?}");
        }
        assert_eq!(key("1a"), "\"1a\"");
        assert_eq!(key("x\"\n*/"), "\"x\\\"\\n*/\"");
    }
}
