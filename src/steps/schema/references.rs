//! What a schema may refer to: itself, and not in circles around one value. Pure.
//!
//! The validator pays for every look at a value, but `allOf` of two references to an `allOf` of two references
//! multiplies without one. So those that are about the same value are counted before.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

/// The most schemas that are about one value at once.
const MAX_EXPANSION: u64 = 4_096;
/// How deep they nest at the most.
const MAX_DEPTH: usize = 32;
/// The most patterns of one `patternProperties`; each is tried with each name.
const MAX_PATTERNS: usize = 32;

/// Keywords that refer to a schema in ways that are not followed.
const REFUSED: [&str; 5] = ["$dynamicRef", "$recursiveRef", "$anchor", "$dynamicAnchor", "$recursiveAnchor"];
/// Values of `$schema`, without a final `#`.
const DIALECTS: [&str; 5] = [
    "https://json-schema.org/draft/2020-12/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "http://json-schema.org/draft-07/schema",
    "http://json-schema.org/draft-06/schema",
    "http://json-schema.org/draft-04/schema",
];
/// Schemas about the same value.
const SAME: [&str; 4] = ["not", "if", "then", "else"];
/// Lists of them.
const SAME_LISTS: [&str; 3] = ["allOf", "anyOf", "oneOf"];
/// Maps of them.
const SAME_MAPS: [&str; 2] = ["dependentSchemas", "dependencies"];
/// Schemas about parts of the value.
const INNER: [&str; 8] = [
    "additionalItems",
    "additionalProperties",
    "contains",
    "contentSchema",
    "items",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
];
/// Lists of them.
const INNER_LISTS: [&str; 2] = ["prefixItems", "items"];
/// Maps of them, and of schemas that are only referred to.
const INNER_MAPS: [&str; 4] = ["$defs", "definitions", "patternProperties", "properties"];

/// # Errors
/// The first reference that cannot be followed, or why following them takes too long.
pub(super) fn check(root: &Value) -> Result<(), String> {
    let mut references = References { root, sizes: HashMap::new(), open: HashSet::new(), todo: vec![root] };
    let mut done = HashSet::new();
    while let Some(schema) = references.todo.pop() {
        if done.insert(address(schema)) {
            references.size(schema)?;
        }
    }
    Ok(())
}

struct References<'a> {
    root: &'a Value,
    /// How many schemas a schema applies to its value, and how deep.
    sizes: HashMap<usize, (u64, usize)>,
    /// Those that are being measured.
    open: HashSet<usize>,
    /// The schemas that still have to be walked through.
    todo: Vec<&'a Value>,
}

fn address(value: &Value) -> usize {
    std::ptr::from_ref(value).addr()
}

impl<'a> References<'a> {
    fn size(&mut self, schema: &'a Value) -> Result<(u64, usize), String> {
        let Value::Object(fields) = schema else { return Ok((1, 0)) };
        if let Some(known) = self.sizes.get(&address(schema)) {
            return Ok(*known);
        }
        if !self.open.insert(address(schema)) {
            return Err("a `$ref` leads back to itself without going into the value".to_owned());
        }
        if self.open.len() > MAX_DEPTH {
            return Err(format!("more than {MAX_DEPTH} schemas nest around one value; simplify the schema"));
        }
        self.refuse(fields, schema)?;
        let (mut size, mut depth) = (1_u64, 0);
        for inner in self.same(fields)? {
            let (more, deeper) = self.size(inner)?;
            size = size.saturating_add(more);
            depth = depth.max(deeper + 1);
        }
        if size > MAX_EXPANSION {
            return Err(format!(
                "more than {MAX_EXPANSION} schemas are about one value when `$ref` is followed"
            ));
        }
        if depth > MAX_DEPTH {
            return Err(format!("more than {MAX_DEPTH} schemas nest around one value; simplify the schema"));
        }
        self.open.remove(&address(schema));
        self.sizes.insert(address(schema), (size, depth));
        self.todo.extend(inner(fields));
        Ok((size, depth))
    }

    fn refuse(&self, fields: &Map<String, Value>, schema: &Value) -> Result<(), String> {
        if let Some(name) = REFUSED.into_iter().find(|name| fields.contains_key(*name)) {
            return Err(format!("`{name}` cannot be used here; refer to `#/$defs/…` with `$ref`"));
        }
        let at_root = address(schema) == address(self.root);
        let inner =
            ["$id", "id", "$schema"].into_iter().find(|name| fields.get(*name).is_some_and(Value::is_string));
        if let Some(name) = inner.filter(|_| !at_root) {
            return Err(format!("`{name}` can only be used at the root of the schema"));
        }
        if let Some(dialect) = fields.get("$schema") {
            let dialect = dialect.as_str().unwrap_or_default();
            if !DIALECTS.contains(&dialect.trim_end_matches('#')) {
                return Err(format!("`$schema` is none of {}", DIALECTS.join(", ")));
            }
        }
        let patterns = fields.get("patternProperties").and_then(Value::as_object).map_or(0, Map::len);
        if patterns > MAX_PATTERNS {
            return Err(format!("`patternProperties` has {patterns} patterns, {MAX_PATTERNS} are the most"));
        }
        Ok(())
    }

    fn same(&self, fields: &'a Map<String, Value>) -> Result<Vec<&'a Value>, String> {
        let mut same: Vec<&Value> = SAME.iter().filter_map(|name| fields.get(*name)).collect();
        same.extend(lists(fields, &SAME_LISTS));
        same.extend(maps(fields, &SAME_MAPS));
        if let Some(Value::String(reference)) = fields.get("$ref") {
            same.push(self.target(reference)?);
        }
        Ok(same)
    }

    fn target(&self, reference: &str) -> Result<&'a Value, String> {
        let shown: String = reference.chars().take(200).collect();
        let Some(pointer) =
            reference.strip_prefix('#').filter(|rest| rest.is_empty() || rest.starts_with('/'))
        else {
            return Err(format!(
                "`$ref` to `{shown}` is not followed; only `#` and `#/…` are, within the schema"
            ));
        };
        if pointer.contains('%') {
            return Err(format!("`$ref` to `{shown}` is not followed; write names without `%`"));
        }
        self.root.pointer(pointer).ok_or_else(|| format!("`$ref` leads to `{shown}`, where there is nothing"))
    }
}

fn lists<'a>(fields: &'a Map<String, Value>, names: &[&str]) -> Vec<&'a Value> {
    names.iter().filter_map(|name| fields.get(*name)?.as_array()).flatten().collect()
}

fn maps<'a>(fields: &'a Map<String, Value>, names: &[&str]) -> Vec<&'a Value> {
    names.iter().filter_map(|name| fields.get(*name)?.as_object()).flat_map(Map::values).collect()
}

/// The schemas about other values.
fn inner(fields: &Map<String, Value>) -> Vec<&Value> {
    let mut inner: Vec<&Value> = INNER.iter().filter_map(|name| fields.get(*name)).collect();
    inner.extend(lists(fields, &INNER_LISTS));
    inner.extend(maps(fields, &INNER_MAPS));
    inner
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use serde_json::json;

    use super::super::OutputSchema;

    #[test]
    fn no_schema_makes_a_request_or_reads_a_file() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        server.set_nonblocking(true).unwrap();
        let address = server.local_addr().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "{\"type\": \"string\"}").unwrap();
        let path = file.path().to_str().unwrap();
        let places = [
            format!("http://{address}/schema.json"),
            format!("https://{address}/schema.json"),
            format!("//{address}/schema.json"),
            format!("file://{path}"),
            path.to_owned(),
            "schema.json".to_owned(),
            "../schema.json".to_owned(),
            "urn:example:schema".to_owned(),
            "#name".to_owned(),
            format!("{path}#/type"),
        ];
        for place in places {
            let schemas = [
                json!({"$ref": place}),
                json!({"properties": {"a": {"$ref": place}}}),
                json!({"allOf": [{"if": {"$ref": place}}]}),
                json!({"$defs": {"a": {"$ref": place}}}),
                json!({"x": {"$ref": place}, "$ref": "#/x"}),
                json!({"$dynamicRef": place}),
                json!({"$recursiveRef": place}),
                json!({"$id": place, "$ref": "other.json"}),
                json!({"properties": {"a": {"$id": place}}}),
                json!({"$schema": place}),
            ];
            for schema in schemas {
                let compiled = OutputSchema::compile(&schema).map(|_| ());
                assert!(compiled.is_err(), "{schema}");
            }
        }
        // Not even a name that looks like one is followed.
        let data = json!({"properties": {"$ref": {"type": "string"}}, "const": {"$ref": format!("http://{address}/")}});
        assert!(OutputSchema::compile(&data).is_ok());
        assert!(server.accept().is_err(), "somebody connected");
    }
}
