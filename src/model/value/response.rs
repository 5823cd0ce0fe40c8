//! An HTTP answer as its author writes it: that of a `response` step, and that of a trigger.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::fields::{FieldError, join, present, typed};

/// An HTTP answer. At most one of `json` and `text`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResponseSpec {
    /// A number from 200 to 599, or a template that gives one; default 200.
    pub status: Option<Value>,
    /// Header values may hold templates.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// A JSON body whose strings may hold templates.
    #[serde(default, deserialize_with = "present")]
    pub json: Option<Value>,
    /// A text body that may hold templates.
    pub text: Option<String>,
}

/// Reads an answer and checks what needs no template.
pub(in crate::model) fn response(value: Value, path: &str) -> Result<ResponseSpec, FieldError> {
    let spec: ResponseSpec = typed(value, path)?;
    if spec.json.is_some() && spec.text.is_some() {
        return Err(FieldError::new(path, "give `json` or `text`, not both"));
    }
    if let Some(Value::Number(status)) = &spec.status
        && !status.as_u64().is_some_and(|status| (200..600).contains(&status))
    {
        return Err(FieldError::new(join(path, "status"), "a status is a number from 200 to 599"));
    }
    Ok(spec)
}
