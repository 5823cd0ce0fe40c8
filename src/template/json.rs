//! JSON whose strings are templates: bodies, inputs, both sides of a comparison.
//!
//! Compiled when the workflow is loaded, so that a mistake is found with its place before anything runs.
//! Keys are literal: a received value can fill a field but never choose its name.

use serde_json::{Map, Value};

use super::{Path, Roots, Template, TemplateError};

/// A JSON value compiled once and filled many times.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonTemplate(Node);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    /// Without any template inside.
    Literal(Value),
    Template(Template),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl JsonTemplate {
    /// Compiles every string of `value`.
    ///
    /// # Errors
    /// The first mistake, with its place in the JSON.
    pub fn compile(value: &Value) -> Result<Self, TemplateError> {
        compile(value, &mut String::new()).map(Self)
    }

    /// The value filled in.
    pub fn render(&self, roots: &dyn Roots) -> Value {
        render(&self.0, roots)
    }

    /// What it reads.
    pub fn references(&self) -> Vec<&Path> {
        let mut all = Vec::new();
        collect(&self.0, &mut all);
        all
    }
}

fn compile(value: &Value, place: &mut String) -> Result<Node, TemplateError> {
    let length = place.len();
    let node = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => Node::Literal(value.clone()),
        Value::String(text) => {
            let template =
                Template::parse(text).map_err(|error| TemplateError { place: place.clone(), ..error })?;
            if text.contains("{{") { Node::Template(template) } else { Node::Literal(value.clone()) }
        }
        Value::Array(array) => {
            let mut nodes = Vec::with_capacity(array.len());
            for (index, element) in array.iter().enumerate() {
                place.push_str(&format!("[{index}]"));
                nodes.push(compile(element, place)?);
                place.truncate(length);
            }
            if nodes.iter().all(is_literal) { Node::Literal(value.clone()) } else { Node::Array(nodes) }
        }
        Value::Object(object) => {
            let mut nodes = Vec::with_capacity(object.len());
            for (key, field) in object {
                if !place.is_empty() {
                    place.push('.');
                }
                place.push_str(key);
                nodes.push((key.clone(), compile(field, place)?));
                place.truncate(length);
            }
            let literal = nodes.iter().all(|(_, node)| is_literal(node));
            if literal { Node::Literal(value.clone()) } else { Node::Object(nodes) }
        }
    };
    Ok(node)
}

fn is_literal(node: &Node) -> bool {
    matches!(node, Node::Literal(_))
}

fn render(node: &Node, roots: &dyn Roots) -> Value {
    match node {
        Node::Literal(value) => value.clone(),
        Node::Template(template) => template.render(roots),
        Node::Array(nodes) => nodes.iter().map(|node| render(node, roots)).collect(),
        Node::Object(nodes) => {
            let fields = nodes.iter().map(|(key, node)| (key.clone(), render(node, roots)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
    }
}

fn collect<'a>(node: &'a Node, all: &mut Vec<&'a Path>) {
    match node {
        Node::Literal(_) => {}
        Node::Template(template) => all.extend(template.references()),
        Node::Array(nodes) => nodes.iter().for_each(|node| collect(node, all)),
        Node::Object(nodes) => nodes.iter().for_each(|(_, node)| collect(node, all)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::tests::fixture, *};

    #[test]
    fn strings_are_filled_and_all_else_stays() {
        let template = JsonTemplate::compile(&json!({
            "sha": "{{$steps.parse.sha}}",
            "list": [1, null, "{{$context.data.list}}", "plain", "{{$context.data.count}} times"],
            "deep": {"a": {"b": "{{$context.data.nothing}}", "c": true}},
            "{{$env.NAME}}": "\\{{",
            "literal": {"x": [1, 2]},
        }))
        .unwrap();
        assert_eq!(
            template.render(&fixture()),
            json!({
                "sha": "abc",
                "list": [1, null, [1, 2, 3], "plain", "150 times"],
                "deep": {"a": {"b": null, "c": true}},
                "{{$env.NAME}}": "{{",
                "literal": {"x": [1, 2]},
            })
        );
        let read: Vec<String> = template.references().into_iter().map(Path::to_string).collect();
        assert_eq!(
            read,
            ["$steps.parse.sha", "$context.data.list", "$context.data.count", "$context.data.nothing"]
        );
    }

    #[test]
    fn a_mistake_names_its_place_in_the_json() {
        for (value, expected) in [
            (json!({"a": [{"b c": "x{{$nope}}"}]}), "a[0].b c: at character 4: `$nope` is no place"),
            (json!(["ok", ["{{"]]), "[1][0]: at character 1: this {{ is never closed"),
            (json!("{{1+1}}"), "at character 3: `1` is no place"),
        ] {
            let error = JsonTemplate::compile(&value).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
