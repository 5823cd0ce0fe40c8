//! JSON whose strings are templates: bodies, inputs, both sides of a comparison.
//!
//! Compiled when the workflow is loaded, so that a mistake is found, with its place, before anything runs. Keys are
//! literal: a received value can fill a field, but never choose its name.

use std::borrow::Cow;

use serde_json::Value;

use super::{
    Budget, FillError, Path, Roots, Template, TemplateError,
    fill::{self, Filler},
};

/// A JSON value that is compiled once and filled many times.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonTemplate(Node);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    /// A value without any template inside.
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

    /// The filled value as compact JSON.
    ///
    /// # Errors
    /// When the budget is not enough.
    pub fn render(&self, roots: &dyn Roots, budget: &mut Budget) -> Result<String, FillError> {
        fill::text(budget, |fill| write(&self.0, roots, fill))
    }

    /// The filled value. A value that exists already is not copied. A value that is made from several pieces is bounded
    /// as text.
    ///
    /// # Errors
    /// When the budget is not enough.
    pub fn value<'v>(
        &'v self,
        roots: &'v dyn Roots,
        budget: &mut Budget,
    ) -> Result<Cow<'v, Value>, FillError> {
        match &self.0 {
            Node::Literal(value) => return Ok(Cow::Borrowed(value)),
            Node::Template(template) => {
                if let Some(path) = template.alone() {
                    return Ok(path.find(roots, budget)?.value());
                }
            }
            Node::Array(_) | Node::Object(_) => {}
        }
        let text = self.render(roots, budget)?;
        serde_json::from_str(&text).map(Cow::Owned).map_err(|_| FillError::TooDeep)
    }

    /// The paths that it reads.
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

fn write(node: &Node, roots: &dyn Roots, fill: &mut Filler<'_>) -> Result<(), FillError> {
    match node {
        Node::Literal(value) => fill.json(value),
        Node::Template(template) => template.fill_json(roots, fill),
        Node::Array(nodes) => {
            fill.text("[")?;
            for (index, node) in nodes.iter().enumerate() {
                if index > 0 {
                    fill.text(",")?;
                }
                write(node, roots, fill)?;
            }
            fill.text("]")
        }
        Node::Object(nodes) => {
            fill.text("{")?;
            for (index, (key, node)) in nodes.iter().enumerate() {
                if index > 0 {
                    fill.text(",")?;
                }
                fill.json(key)?;
                fill.text(":")?;
                write(node, roots, fill)?;
            }
            fill.text("}")
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
            serde_json::from_str::<Value>(&template.render(&fixture(), &mut Budget::new(1 << 20)).unwrap())
                .unwrap(),
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
    fn s7_three_thousand_large_values_stop_at_the_bound() {
        let roots = super::super::tests::Fixture(json!({"context": {"data": {"x": "y".repeat(1 << 20)}}}));
        let bombs = [
            json!(vec!["{{$context.data}}"; 3_000]),
            json!({"a": vec!["{{$context.data.x}}!"; 3_000]}),
            json!(["{{$context.data.x}}".repeat(3_000)]),
        ];
        for bomb in bombs {
            let (template, most) = (JsonTemplate::compile(&bomb).unwrap(), 2 << 20);
            let error = Err(FillError::TooLarge { most });
            assert_eq!(template.render(&roots, &mut Budget::new(most)), error);
            assert_eq!(
                template.value(&roots, &mut Budget::new(most)).map(Cow::into_owned),
                Err(FillError::TooLarge { most })
            );
        }
    }

    #[test]
    fn a_mistake_names_its_place_in_the_json() {
        for (value, expected) in [
            (json!({"a": [{"b c": "x{{$nope}}"}]}), "a[0].b c: at character 4: `$nope` is not a place"),
            (json!(["ok", ["{{"]]), "[1][0]: at character 1: this {{ is never closed"),
            (json!("{{1+1}}"), "at character 3: `1` is not a place"),
        ] {
            let error = JsonTemplate::compile(&value).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
