//! The `query` step as its author writes it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A `query` step: takes parts of data, without code.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QueryStep {
    /// What `query` is written in.
    pub language: QueryLanguage,
    /// The expression; fixed text, without templates.
    pub query: String,
    /// What it is asked of: any JSON whose strings may hold templates.
    #[serde(default = "context_data")]
    pub from: Value,
    /// Of JSONPath and jq: the first result or null, instead of the array of all.
    #[serde(default)]
    pub first: bool,
}

/// A query language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum QueryLanguage {
    /// RFC 9535: which parts match.
    JsonPath,
    /// <https://jmespath.org>: parts put together into a new value.
    JmesPath,
    /// <https://jqlang.org>, as jaq runs it: a program of filters.
    Jq,
}

fn context_data() -> Value {
    "{{$context.data}}".into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_left_out_has_its_default() {
        let step: QueryStep =
            serde_json::from_value(json!({"language": "jsonpath", "query": "$.a"})).unwrap();
        assert_eq!((step.from, step.first), (json!("{{$context.data}}"), false));
        for (name, language) in [("jmespath", QueryLanguage::JmesPath), ("jq", QueryLanguage::Jq)] {
            let step = json!({"language": name, "query": ".", "from": [1], "first": true});
            assert_eq!(serde_json::from_value::<QueryStep>(step).unwrap().language, language);
        }
        assert!(serde_json::from_value::<QueryStep>(json!({"language": "xpath", "query": "."})).is_err());
        assert!(
            serde_json::from_value::<QueryStep>(json!({"language": "jq", "query": ".", "form": 1})).is_err()
        );
    }
}
