//! Questions with the answer true or false: the filter of a trigger, the `if` of a step.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fields::{FieldError, Object, join, take, typed};

/// A question with the answer true or false.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ConditionExpr {
    /// CEL over `context`, `steps`, `env`, `system` and `run`.
    Cel(String),
    /// True when all are.
    All {
        /// The parts; an empty list is true.
        all: Vec<ConditionExpr>,
    },
    /// True when one is.
    Any {
        /// The parts; an empty list is false.
        any: Vec<ConditionExpr>,
    },
    /// True when it is not.
    Not {
        /// The part.
        not: Box<ConditionExpr>,
    },
    /// A comparison.
    Compare(Comparison),
}

/// `left op right`; both sides may hold templates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// The left side.
    pub left: Value,
    /// How they are compared.
    pub op: Operator,
    /// The right side; `exists` and `not_exists` need none.
    #[serde(default)]
    pub right: Value,
}

/// Comparisons of the structured form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Operator {
    /// Equal JSON; 1 equals 1.0.
    #[serde(rename = "==")]
    Equal,
    /// Not equal.
    #[serde(rename = "!=")]
    NotEqual,
    /// Greater: two numbers or two strings.
    #[serde(rename = ">")]
    Greater,
    /// Greater or equal.
    #[serde(rename = ">=")]
    GreaterOrEqual,
    /// Less.
    #[serde(rename = "<")]
    Less,
    /// Less or equal.
    #[serde(rename = "<=")]
    LessOrEqual,
    /// A string has a part, an array an element, an object a key.
    #[serde(rename = "includes")]
    Includes,
    /// Not `includes`.
    #[serde(rename = "not_includes")]
    NotIncludes,
    /// A string starts with another.
    #[serde(rename = "starts_with")]
    StartsWith,
    /// A string ends with another.
    #[serde(rename = "ends_with")]
    EndsWith,
    /// The left side is not null.
    #[serde(rename = "exists")]
    Exists,
    /// The left side is null.
    #[serde(rename = "not_exists")]
    NotExists,
}

/// A question that may be left out.
pub(in crate::model) fn condition(
    fields: &mut Object,
    path: &str,
    field: &str,
) -> Result<Option<ConditionExpr>, FieldError> {
    let Some(test) = take::<Value>(fields, path, field)? else { return Ok(None) };
    typed(test, &join(path, field)).map(Some).map_err(|error| {
        FieldError::new(
            error.path,
            "expected CEL as a string, or {\"all\": […]}, {\"any\": […]}, {\"not\": …} or {\"left\": …, \"op\": …, \"right\": …} \
             with an op of == != > >= < <= includes not_includes starts_with ends_with exists not_exists",
        )
    })
}
