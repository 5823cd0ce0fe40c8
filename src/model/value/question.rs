//! A question to a person: what a page shows while its step waits, and how an answer is read.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// One of the answers. Stored with the question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What the step gives.
    pub value: String,
    /// What its button says.
    pub label: String,
}

/// Whether the page asks for a comment. Stored by position.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comment {
    /// It does not.
    #[default]
    No,
    /// Who answers may write one.
    Optional,
    /// There is no answer without one.
    Required,
}

/// A question as it was asked, with its templates filled in. Stored with the wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// What it is about, one line.
    pub title: String,
    /// What who answers has to know. Line breaks count.
    pub text: String,
    /// At least one.
    pub answers: Vec<Choice>,
    /// Whether there is a field for a comment.
    pub comment: Comment,
    /// Whether who answers must give a name.
    pub ask_name: bool,
}

/// An answer that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The one that was chosen.
    pub choice: Choice,
    /// What was written beside it.
    pub comment: Option<String>,
    /// The name that was given.
    pub name: Option<String>,
}

/// Why an answer is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The body says none.
    #[error("the body has no `answer`; the answers are {known}")]
    Missing {
        /// The values that there are.
        known: String,
    },
    /// It is not among the answers.
    #[error("{given} is none of the answers; they are {known}")]
    Unknown {
        /// What was given, shortened.
        given: String,
        /// The values that there are.
        known: String,
    },
    /// A field that the question asks for is not there.
    #[error("this question asks for a `{field}` beside the answer")]
    Needs {
        /// `comment` or `name`.
        field: &'static str,
    },
    /// A field is no text.
    #[error("`{field}` is not a text")]
    NotText {
        /// Which.
        field: &'static str,
    },
    /// A field is too long.
    #[error("`{field}` has more than {most} characters")]
    TooLong {
        /// Which.
        field: &'static str,
        /// Characters that it may have.
        most: usize,
    },
}

impl Question {
    /// The most answers.
    pub const MAX_ANSWERS: usize = 20;
    /// Characters of an answer's value or label.
    pub const MAX_ANSWER: usize = 100;
    /// Characters of the title; a longer one is cut.
    pub const MAX_TITLE: usize = 300;
    /// Bytes of the text; a longer one fails the step, as nobody may answer what he cannot read whole.
    pub const MAX_TEXT: usize = 16 << 10;
    /// Characters of a comment.
    pub const MAX_COMMENT: usize = 4_000;
    /// Characters of a name.
    pub const MAX_NAME: usize = 100;

    /// About how many bytes it holds.
    pub fn weight(&self) -> usize {
        let answers: usize =
            self.answers.iter().map(|choice| choice.value.len() + choice.label.len() + 16).sum();
        self.title.len() + self.text.len() + answers
    }

    /// The answer in the decoded body of a request: `answer`, and perhaps `comment` and `name`.
    ///
    /// # Errors
    /// What is wrong, with the answers that there are.
    pub fn read(&self, data: &Value) -> Result<Answered, AnswerError> {
        let none = Map::new();
        let fields = data.as_object().unwrap_or(&none);
        let choice = match fields.get("answer") {
            None | Some(Value::Null) => return Err(AnswerError::Missing { known: self.known() }),
            Some(Value::String(given)) => self.answers.iter().find(|choice| choice.value == *given),
            Some(_) => None,
        };
        let Some(choice) = choice.cloned() else {
            let given = fields.get("answer").map(short).unwrap_or_default();
            return Err(AnswerError::Unknown { given, known: self.known() });
        };
        let comment = text(fields, "comment", Self::MAX_COMMENT)?;
        if comment.is_none() && self.comment == Comment::Required {
            return Err(AnswerError::Needs { field: "comment" });
        }
        let name = text(fields, "name", Self::MAX_NAME)?;
        if name.is_none() && self.ask_name {
            return Err(AnswerError::Needs { field: "name" });
        }
        Ok(Answered { choice, comment, name })
    }

    fn known(&self) -> String {
        let values: Vec<_> = self.answers.iter().map(|choice| format!("`{}`", choice.value)).collect();
        values.join(", ")
    }

    /// As the API shows it.
    pub fn to_json(&self) -> Value {
        let answers: Vec<_> = self
            .answers
            .iter()
            .map(|choice| json!({ "value": choice.value, "label": choice.label }))
            .collect();
        json!({
            "title": self.title,
            "text": self.text,
            "answers": answers,
            "comment": match self.comment {
                Comment::No => json!(false),
                Comment::Optional => json!(true),
                Comment::Required => json!("required"),
            },
            "ask_name": self.ask_name,
        })
    }
}

/// A field of text without the blanks around it; one of blanks alone counts as not there. Forms send line breaks as CRLF.
fn text(
    fields: &Map<String, Value>,
    field: &'static str,
    most: usize,
) -> Result<Option<String>, AnswerError> {
    let text = match fields.get(field) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.replace("\r\n", "\n").trim().to_owned(),
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            return Err(AnswerError::NotText { field });
        }
    };
    if text.chars().count() > most {
        return Err(AnswerError::TooLong { field, most });
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// What was given, for a message.
fn short(value: &Value) -> String {
    match value {
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::String(text) => format!("`{}`", &text[..text.floor_char_boundary(Question::MAX_ANSWER)]),
        Value::Null | Value::Bool(_) | Value::Number(_) => format!("`{value}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(comment: Comment, ask_name: bool) -> Question {
        let choice = |value: &str| Choice { value: value.to_owned(), label: format!("Label {value}") };
        Question {
            title: "t".to_owned(),
            text: String::new(),
            answers: vec![choice("yes"), choice("不")],
            comment,
            ask_name,
        }
    }

    #[test]
    fn an_answer_is_read_with_what_stands_beside_it() {
        let read = question(Comment::Optional, false)
            .read(&json!({"answer": "不", "comment": " a\r\nb \n", "name": " Ada ", "more": 1}));
        let read = read.unwrap();
        assert_eq!((read.choice.label.as_str(), read.comment.as_deref()), ("Label 不", Some("a\nb")));
        assert_eq!(read.name.as_deref(), Some("Ada"));
        let plain = question(Comment::Optional, false).read(&json!({"answer": "yes", "comment": " "}));
        assert_eq!(plain.map(|answered| (answered.comment, answered.name)), Ok((None, None)));
    }

    #[test]
    fn what_is_no_answer_is_refused_with_those_that_are() {
        let asked = question(Comment::No, false);
        for (data, part) in [
            (json!(null), "has no `answer`"),
            (json!("yes"), "has no `answer`"),
            (json!({}), "has no `answer`"),
            (json!({"answer": null}), "has no `answer`"),
            (json!({"answer": ""}), "`` is none"),
            (json!({"answer": "Yes"}), "`Yes` is none"),
            (json!({"answer": "Label yes"}), "is none"),
            (json!({"answer": ["yes", "不"]}), "an array is none"),
            (json!({"answer": true}), "`true` is none"),
            (json!({"answer": "x".repeat(9_000)}), "is none"),
        ] {
            let message = asked.read(&data).unwrap_err().to_string();
            assert!(message.contains(part) && message.contains("`yes`, `不`"), "{message}");
            assert!(message.len() < 300, "{message}");
        }
    }

    #[test]
    fn what_a_question_asks_for_must_be_there_and_no_field_is_endless() {
        let asked = question(Comment::Required, true);
        let read = |data| asked.read(&data).map(|_| ()).map_err(|error| error.to_string());
        assert!(read(json!({"answer": "yes", "name": "A"})).unwrap_err().contains("`comment`"));
        assert!(read(json!({"answer": "yes", "comment": "\n ", "name": "A"})).is_err());
        assert!(read(json!({"answer": "yes", "comment": "c"})).unwrap_err().contains("`name`"));
        assert!(
            read(json!({"answer": "yes", "comment": ["c"], "name": "A"})).unwrap_err().contains("not a text")
        );
        let long = |count| json!({"answer": "yes", "comment": "长".repeat(count), "name": "A"});
        assert_eq!(read(long(Question::MAX_COMMENT)), Ok(()));
        assert!(read(long(Question::MAX_COMMENT + 1)).unwrap_err().contains("more than 4000"));
    }
}
