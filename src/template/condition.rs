//! The question of a `condition` step: CEL, or the structured form that programs edit.
//!
//! Compiled when the workflow is loaded, evaluated by the engine. The answer is true, false or an error: a missing
//! field or a wrong type never counts as false.

use super::{
    Budget, JsonTemplate, Path, Roots,
    cel::Cel,
    compare::{compare, work},
    condition_error::ConditionError,
};
use crate::model::{ConditionExpr, Limits, Operator};

/// A question that is compiled once and asked many times.
#[derive(Debug)]
pub struct Condition(Node);

#[derive(Debug)]
enum Node {
    Cel(Box<Cel>),
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Compare { left: JsonTemplate, op: Operator, right: JsonTemplate },
}

impl Condition {
    /// Compiles a question.
    ///
    /// # Errors
    /// The first mistake; see [`ConditionError`].
    pub fn compile(expr: &ConditionExpr) -> Result<Self, ConditionError> {
        compile(expr).map(Self)
    }

    /// Answers the question.
    ///
    /// # Errors
    /// When the data lacks a field or has another type than the question expects. The error never holds values.
    pub fn eval(&self, roots: &dyn Roots) -> Result<bool, ConditionError> {
        // One budget for all comparisons: each text is thrown away, but costs its time.
        eval(&self.0, roots, &mut Budget::new(Limits::CAP.output.as_usize()))
    }

    /// The paths that it reads, as far as the text shows them.
    pub fn references(&self) -> Vec<&Path> {
        let mut all = Vec::new();
        collect(&self.0, &mut all);
        all
    }
}

fn compile(expr: &ConditionExpr) -> Result<Node, ConditionError> {
    let list = |parts: &[ConditionExpr]| parts.iter().map(compile).collect::<Result<Vec<_>, _>>();
    let side =
        |side, value| JsonTemplate::compile(value).map_err(|error| ConditionError::Template { side, error });
    Ok(match expr {
        ConditionExpr::Cel(text) => Node::Cel(Box::new(Cel::compile(text)?)),
        ConditionExpr::All { all } => Node::All(list(all)?),
        ConditionExpr::Any { any } => Node::Any(list(any)?),
        ConditionExpr::Not { not } => Node::Not(Box::new(compile(not)?)),
        ConditionExpr::Compare(comparison) => Node::Compare {
            left: side("left", &comparison.left)?,
            op: comparison.op,
            right: side("right", &comparison.right)?,
        },
    })
}

fn eval(node: &Node, roots: &dyn Roots, budget: &mut Budget) -> Result<bool, ConditionError> {
    match node {
        Node::Cel(cel) => cel.eval(roots),
        Node::All(nodes) => {
            for node in nodes {
                if !eval(node, roots, budget)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Node::Any(nodes) => {
            for node in nodes {
                if eval(node, roots, budget)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Node::Not(node) => eval(node, roots, budget).map(|answer| !answer),
        Node::Compare { left, op, right } => {
            let fill = |side, error| ConditionError::Fill { side, error };
            let left = left.value(roots, budget).map_err(|error| fill("left", error))?;
            let right = right.value(roots, budget).map_err(|error| fill("right", error))?;
            budget.look(work(&left, *op, &right)).map_err(|error| fill("left", error))?;
            compare(&left, *op, &right)
        }
    }
}

fn collect<'a>(node: &'a Node, all: &mut Vec<&'a Path>) {
    match node {
        Node::Cel(cel) => all.extend(cel.references()),
        Node::All(nodes) | Node::Any(nodes) => nodes.iter().for_each(|node| collect(node, all)),
        Node::Not(node) => collect(node, all),
        Node::Compare { left, right, .. } => {
            all.extend(left.references());
            all.extend(right.references());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{super::tests::fixture, *};

    fn ask(expr: Value) -> Result<bool, ConditionError> {
        Condition::compile(&serde_json::from_value(expr).unwrap())?.eval(&fixture())
    }

    #[test]
    fn groups_and_cel_combine() {
        let yes = || json!({"left": "{{$steps.parse.branch}}", "op": "==", "right": "main"});
        let no = || json!({"left": "{{$context.data.count}}", "op": ">", "right": 150});
        let broken = || json!({"left": "{{$context.data.text}}", "op": ">", "right": 150});
        let cases = [
            (json!({"all": []}), true),
            (json!({"any": []}), false),
            (json!({"all": [yes(), "context.data.count == 150"]}), true),
            (json!({"all": [yes(), no()]}), false),
            (json!({"any": [no(), yes()]}), true),
            (json!({"not": no()}), true),
            (json!({"not": {"any": [no(), {"not": yes()}]}}), true),
            // The answer is known before the broken part is reached.
            (json!({"all": [no(), broken()]}), false),
            (json!({"any": [yes(), broken()]}), true),
        ];
        for (expr, expected) in cases {
            assert_eq!(ask(expr.clone()), Ok(expected), "{expr}");
        }
        assert!(ask(json!({"all": [broken(), no()]})).is_err());
        assert!(ask(json!({"not": broken()})).is_err());
    }

    #[test]
    fn compiled_forms_are_shared_between_threads() {
        fn shared<T: Send + Sync + 'static>() {}
        shared::<Condition>();
        shared::<JsonTemplate>();
    }

    #[test]
    fn a_broken_template_names_its_side() {
        let error = ask(json!({"left": 1, "op": "==", "right": ["{{1+1}}"]})).unwrap_err().to_string();
        assert!(error.starts_with("`right`: [0]: at character 3: `1` is not a place"), "{error}");
    }

    #[test]
    fn references_are_found_in_both_forms() {
        let expr = json!({"any": [
            "steps.parse.branch == env.BRANCH && context.headers['x-a'] != ''",
            {"not": {"left": "{{$steps.is_main}}", "op": "==", "right": ["{{$env.NAME}}"]}},
        ]});
        let condition = Condition::compile(&serde_json::from_value(expr).unwrap()).unwrap();
        let mut read: Vec<String> = condition.references().into_iter().map(Path::to_string).collect();
        read.sort();
        let expected =
            ["$context.headers.x-a", "$env.BRANCH", "$env.NAME", "$steps.is_main", "$steps.parse.branch"];
        assert_eq!(read, expected);
    }
}
