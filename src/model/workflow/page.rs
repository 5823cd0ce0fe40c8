//! The page of a `wait_for_callback` step, as its author writes it.

use std::collections::HashSet;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

use crate::model::value::{
    Choice, Comment, FieldError, Question,
    fields::{join, kind_of, object, only_known, required, take},
};

/// What a person sees who opens the step's URL.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Page {
    /// What the question is about, one line; may hold templates. Over 300 characters it is cut.
    pub title: String,
    /// What who answers has to know; may hold templates. Line breaks stay; 16 KiB at most.
    #[schemars(default)]
    pub text: String,
    /// The answers, 1 to 20: a button for each.
    #[schemars(schema_with = "answers_schema")]
    pub answers: Vec<Choice>,
    /// Whether there is a field for a comment; `required`: it must be filled in. Default false.
    #[schemars(default = "no_comment", schema_with = "comment_schema")]
    pub comment: Comment,
    /// Whether who answers must give a name, which becomes the output's `by`. Default false.
    #[schemars(default)]
    pub ask_name: bool,
}

fn answers_schema(generator: &mut SchemaGenerator) -> Schema {
    let text = generator.subschema_for::<String>();
    json_schema!({
        "type": "array",
        "minItems": 1,
        "maxItems": Question::MAX_ANSWERS,
        "items": { "anyOf": [text, {
            "type": "object",
            "properties": {
                "value": { "description": "What the step gives.", "type": "string" },
                "label": { "description": "What the button says. Default: the value.", "type": ["string", "null"] },
            },
            "required": ["value"],
            "additionalProperties": false,
        }] },
    })
}

fn comment_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": [true, false, "required", null] })
}

/// What a page that says nothing of a comment says, as its author would write it.
fn no_comment() -> bool {
    false
}

impl Page {
    /// Reads a page.
    ///
    /// # Errors
    /// The field that is wrong.
    pub(super) fn read(value: Value, path: &str) -> Result<Self, FieldError> {
        let mut fields = object(value, path)?;
        only_known(&fields, path, &["title", "text", "answers", "comment", "ask_name"])?;
        let title: String = required(&mut fields, path, "title")?;
        let text = take(&mut fields, path, "text")?.unwrap_or_default();
        let listed: Vec<Value> = required(&mut fields, path, "answers")?;
        let answers = answers(listed, &join(path, "answers"))?;
        let comment = match fields.shift_remove("comment") {
            None | Some(Value::Null | Value::Bool(false)) => Comment::No,
            Some(Value::Bool(true)) => Comment::Optional,
            Some(Value::String(word)) if word == "required" => Comment::Required,
            Some(other) => {
                let message = format!("expected true, false or \"required\", found {other}");
                return Err(FieldError::new(join(path, "comment"), message));
            }
        };
        let ask_name = take(&mut fields, path, "ask_name")?.unwrap_or(false);
        Ok(Self { title, text, answers, comment, ask_name })
    }

    /// The question before it is asked: its templates are not filled in yet.
    pub fn unasked(&self) -> Question {
        Question {
            title: String::new(),
            text: String::new(),
            answers: self.answers.clone(),
            comment: self.comment,
            ask_name: self.ask_name,
        }
    }
}

fn answers(listed: Vec<Value>, path: &str) -> Result<Vec<Choice>, FieldError> {
    if listed.is_empty() || listed.len() > Question::MAX_ANSWERS {
        let message =
            format!("a question has 1 to {} answers, this one {}", Question::MAX_ANSWERS, listed.len());
        return Err(FieldError::new(path, message));
    }
    let mut seen = HashSet::new();
    let read = |(index, value): (usize, Value)| {
        let path = format!("{path}[{index}]");
        let choice = choice(value, &path)?;
        if !seen.insert(choice.value.clone()) {
            let message = format!("there is an answer `{}` already", choice.value);
            return Err(FieldError::new(path, message));
        }
        Ok(choice)
    };
    listed.into_iter().enumerate().map(read).collect()
}

fn choice(value: Value, path: &str) -> Result<Choice, FieldError> {
    let (value, label) = match value {
        Value::String(text) => (text.clone(), text),
        Value::Object(fields) => apart(fields, path)?,
        other => {
            let message =
                format!("expected a text or {{\"value\": …, \"label\": …}}, found {}", kind_of(&other));
            return Err(FieldError::new(path, message));
        }
    };
    for (field, text) in [("value", &value), ("label", &label)] {
        let length = text.chars().count();
        let wrong = if text.trim().is_empty() || text.trim() != text {
            "must be a text without blanks around it".to_owned()
        } else if text.chars().any(char::is_control) {
            "must be a single line".to_owned()
        } else if length > Question::MAX_ANSWER {
            format!("has {length} characters, {} are the most", Question::MAX_ANSWER)
        } else if text.contains("{{") {
            "holds no templates: the answers of a question are fixed. Put what changes into `text`".to_owned()
        } else {
            continue;
        };
        return Err(FieldError::new(path, format!("the {field} of an answer {wrong}")));
    }
    Ok(Choice { value, label })
}

fn apart(mut fields: Map<String, Value>, path: &str) -> Result<(String, String), FieldError> {
    only_known(&fields, path, &["value", "label"])?;
    let value: String = required(&mut fields, path, "value")?;
    let label = take(&mut fields, path, "label")?;
    Ok((value.clone(), label.unwrap_or(value)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(page: Value) -> Result<Page, String> {
        Page::read(page, "page").map_err(|error| error.to_string())
    }

    #[test]
    fn answers_are_texts_or_values_with_labels() {
        let page = read(
            json!({"title": "t", "answers": ["同意", {"value": "no", "label": "拒绝"}, {"value": "x"}]}),
        );
        let page = page.unwrap();
        let choices: Vec<_> =
            page.answers.iter().map(|choice| (choice.value.as_str(), choice.label.as_str())).collect();
        assert_eq!(choices, [("同意", "同意"), ("no", "拒绝"), ("x", "x")]);
        assert_eq!((page.comment, page.ask_name, page.text.as_str()), (Comment::No, false, ""));
        let comment = |value: Value| read(json!({"title": "t", "answers": ["a"], "comment": value}));
        assert_eq!(comment(json!(true)).unwrap().comment, Comment::Optional);
        assert_eq!(comment(json!("required")).unwrap().comment, Comment::Required);
        assert_eq!(comment(json!(null)).unwrap().comment, Comment::No);
    }

    #[test]
    fn the_schema_says_what_is_read() {
        let schema = schemars::schema_for!(Page);
        let comment = &schema.as_value()["properties"]["comment"];
        assert_eq!(comment["default"], json!(false));
        assert_eq!(comment["enum"], json!([true, false, "required", null]));
        assert_eq!(schema.as_value()["required"], json!(["title", "answers"]));
    }

    #[test]
    fn a_wrong_page_names_the_field() {
        let answers = |answers: Value| json!({"title": "t", "answers": answers});
        let many: Vec<_> = (0..21).map(|n| n.to_string()).collect();
        for (page, part) in [
            (json!([]), "page: expected an object"),
            (json!({"answers": ["a"]}), "`title` is missing"),
            (json!({"title": "t"}), "`answers` is missing"),
            (answers(json!([])), "page.answers: a question has 1 to 20"),
            (answers(json!(many)), "this one 21"),
            (answers(json!(["a", "a"])), "page.answers[1]: there is an answer `a` already"),
            (answers(json!([1])), "page.answers[0]: expected a text"),
            (answers(json!([" a"])), "without blanks"),
            (answers(json!([""])), "without blanks"),
            (answers(json!(["a\nb"])), "a single line"),
            (answers(json!(["x".repeat(101)])), "101 characters, 100"),
            (answers(json!(["{{$context.data.a}}"])), "no templates"),
            (answers(json!([{"value": "a", "text": "b"}])), "page.answers[0].text: unknown field"),
            (answers(json!([{"label": "a"}])), "`value` is missing"),
            (json!({"title": "t", "answers": ["a"], "comment": "yes"}), "page.comment: expected true"),
            (json!({"title": "t", "answers": ["a"], "ask_name": "yes"}), "page.ask_name"),
            (json!({"title": "t", "answers": ["a"], "body": ""}), "page.body: unknown field"),
        ] {
            let error = read(page.clone()).unwrap_err();
            assert!(error.contains(part), "{page}: {error}");
        }
    }
}
