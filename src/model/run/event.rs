//! The event that a run is about: one HTTP request, decoded.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{started::Started, upload::Upload};
use crate::model::value::JsonText;

/// What stands in place of a header's value that is a credential.
pub const HIDDEN: &str = "[hidden]";

/// How the body became `context.data`. Stored by position: add at the end, never reorder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// No body: `data` is null.
    Empty,
    /// The body is the JSON of `data`, kept once.
    Json,
    /// The body was decoded into this JSON (a form, for instance).
    Decoded(JsonText),
    /// The body is text: `data` is that string.
    Text,
    /// The trigger wants its body unread: `data` is null and `rawBody` has it.
    Binary,
    /// The body is a multipart form: `data` has its fields, `files` its files.
    Multipart {
        /// The fields that are no files.
        fields: JsonText,
        /// In order of the body, which has their bytes.
        files: Vec<Upload>,
    },
    /// Nobody knows how to read the body: `data` is null, `rawBody` has it, and the run says so.
    Undecoded {
        /// Its type in lower case; empty when it has none.
        media_type: String,
    },
}

/// Something that its author should know of a run, though the run goes on. Stored by position: add at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Note {
    /// `context.data` is null, since nobody knows how to read a body of this type.
    BodyNotDecoded {
        /// The type, in lower case; empty when the sender named none.
        media_type: String,
    },
    /// The trigger's filter could not be answered, so that the event started a run.
    FilterUnanswered { why: String },
    /// The dedupe key gave nothing, so that copies of the event start runs of their own.
    DedupeKeyMissing,
}

impl Note {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BodyNotDecoded { .. } => "body_not_decoded",
            Self::FilterUnanswered { .. } => "filter_unanswered",
            Self::DedupeKeyMissing => "dedupe_key_missing",
        }
    }
}

/// What notes say, for people and programs.
pub fn notes_json(notes: &[Note]) -> Value {
    notes.iter().map(|note| json!({ "code": note.code(), "message": note.to_string() })).collect()
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BodyNotDecoded { media_type } => {
                let named = if media_type.is_empty() { "without a type" } else { media_type };
                write!(
                    f,
                    "context.data is null, since a body of type `{named}` cannot be decoded; its bytes are in rawBody. \
                     Set \"body\" of the trigger to say how it is read, and \"charset\" for a text that is not UTF-8"
                )
            }
            Self::FilterUnanswered { why } => write!(
                f,
                "the trigger's filter could not be answered, so the event started a run: {why}. \
                 Set \"filter_on_error\": \"refuse\" to refuse such events"
            ),
            Self::DedupeKeyMissing => write!(
                f,
                "the trigger's dedupe key gave nothing, so a copy of this event starts a run of its own. \
                 Set \"on_missing\": \"refuse\" in \"dedupe\" to refuse such events"
            ),
        }
    }
}

impl Content {
    /// The bytes that were made of the body, beside it.
    pub fn made_bytes(&self) -> usize {
        match self {
            Self::Decoded(json) | Self::Multipart { fields: json, .. } => json.as_str().len(),
            Self::Empty | Self::Json | Self::Text | Self::Binary | Self::Undecoded { .. } => 0,
        }
    }
}

/// One request as the workflow sees it. What is here is what `context` is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// In upper case.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// The address of the caller, as far as trusted proxies tell it.
    pub ip: String,
    /// Names in lower case; a repeated header is joined with `, ` (RFC 9110 section 5.3).
    pub headers: Vec<(String, String)>,
    /// In order of the URL; a repeated name becomes an array.
    pub query: Vec<(String, String)>,
    /// Parameters of the workflow's own path.
    pub params: Vec<(String, String)>,
    /// How `body` was read.
    pub content: Content,
    /// The body byte for byte: as it was received, or what a compressed or encrypted one held.
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
    /// Scheme, host and port that the sender called, as in `https://example.com`; empty when they are not known.
    pub origin: Arc<str>,
    /// The query as it stood in the request line, without its `?`: what is not UTF-8 in it is whole here.
    pub raw_query: String,
    /// What the trigger has to say of this event.
    pub notes: Vec<Note>,
    /// What started the run.
    pub trigger: Started,
}

impl Event {
    /// An event that no request brought: `context.data` is `data`, the rest is empty.
    pub fn of_data(data: &JsonText) -> Self {
        Self {
            method: String::new(),
            path: String::new(),
            ip: String::new(),
            headers: Vec::new(),
            query: Vec::new(),
            params: Vec::new(),
            content: Content::Json,
            body: data.as_str().as_bytes().to_vec(),
            origin: Arc::default(),
            raw_query: String::new(),
            notes: Vec::new(),
            trigger: Started::default(),
        }
    }

    /// The same event, started by this.
    pub fn started_by(mut self, trigger: Started) -> Self {
        self.trigger = trigger;
        self
    }

    /// The JSON object `context` without `rawBody`: `data`, `files`, `headers`, `query`, `params`, `method`, `path`, `ip`,
    /// `rawQuery`, `url`, `trigger`.
    ///
    /// A JSON body stands in it as the text that was received, so nothing is parsed or rebuilt here.
    pub fn context_json(&self) -> String {
        let mut json =
            self.json_of(&[("headers", &self.headers), ("query", &self.query), ("params", &self.params)]);
        let texts = [
            ("method", &*self.method),
            ("path", &self.path),
            ("ip", &self.ip),
            ("rawQuery", &self.raw_query),
            ("url", &self.url()),
        ];
        for (name, value) in texts {
            json.push_str(",\"");
            json.push_str(name);
            json.push_str("\":");
            push_string(&mut json, value);
        }
        json.push_str(",\"files\":");
        json.push_str(&self.files().to_string());
        json.push_str(",\"trigger\":");
        json.push_str(&self.trigger.to_value().to_string());
        json.push('}');
        json
    }

    /// The URL that the sender called; without scheme and host when they are not known.
    pub fn url(&self) -> String {
        let mark = if self.raw_query.is_empty() { "" } else { "?" };
        [&*self.origin, &self.path, mark, &self.raw_query].concat()
    }

    /// The files of a multipart form, an array.
    fn files(&self) -> Value {
        match &self.content {
            Content::Multipart { files, .. } => files.iter().map(|file| file.to_value(&self.body)).collect(),
            Content::Empty
            | Content::Json
            | Content::Decoded(_)
            | Content::Text
            | Content::Binary
            | Content::Undecoded { .. } => Value::Array(Vec::new()),
        }
    }

    /// What a step that waited for this request has as its output: `{data, headers, query, method}`, of a multipart form
    /// with `files` too.
    ///
    /// # Errors
    /// A body that is nested so deeply that no more fits around it.
    pub fn payload(&self) -> Result<JsonText, serde_json::Error> {
        let mut json = self.json_of(&[("headers", &self.headers), ("query", &self.query)]);
        json.push_str(",\"method\":");
        push_string(&mut json, &self.method);
        if matches!(self.content, Content::Multipart { .. }) {
            json.push_str(",\"files\":");
            json.push_str(&self.files().to_string());
        }
        json.push('}');
        JsonText::parse(json)
    }

    /// The beginning of an object: `data` and these pairs.
    fn json_of(&self, objects: &[(&str, &[(String, String)])]) -> String {
        let mut json = String::with_capacity(self.body.len() + 1_024);
        json.push_str("{\"data\":");
        match &self.content {
            Content::Empty | Content::Binary | Content::Undecoded { .. } => json.push_str("null"),
            Content::Json => json.push_str(std::str::from_utf8(&self.body).unwrap_or("null")),
            Content::Decoded(decoded) | Content::Multipart { fields: decoded, .. } => {
                json.push_str(decoded.as_str());
            }
            Content::Text => push_string(&mut json, &String::from_utf8_lossy(&self.body)),
        }
        for (name, pairs) in objects {
            json.push_str(",\"");
            json.push_str(name);
            json.push_str("\":");
            push_object(&mut json, pairs);
        }
        json
    }

    /// One field of `context` as a value; null when `context` has no such field.
    pub fn field(&self, name: &str) -> Value {
        let object = |pairs: &[(String, String)]| {
            let mut json = String::new();
            push_object(&mut json, pairs);
            serde_json::from_str(&json).unwrap_or(Value::Null)
        };
        match name {
            "data" => match &self.content {
                Content::Empty | Content::Binary | Content::Undecoded { .. } => Value::Null,
                Content::Json => serde_json::from_slice(&self.body).unwrap_or(Value::Null),
                Content::Decoded(decoded) | Content::Multipart { fields: decoded, .. } => decoded.to_value(),
                Content::Text => String::from_utf8_lossy(&self.body).into(),
            },
            "files" => self.files(),
            "headers" => object(&self.headers),
            "query" => object(&self.query),
            "params" => object(&self.params),
            "method" => self.method.as_str().into(),
            "path" => self.path.as_str().into(),
            "ip" => self.ip.as_str().into(),
            "rawQuery" => self.raw_query.as_str().into(),
            "url" => self.url().into(),
            "trigger" => self.trigger.to_value(),
            "rawBody" => String::from_utf8_lossy(&self.body).into(),
            _ => Value::Null,
        }
    }

    /// Puts `[hidden]` in place of the values of these headers: for credentials, which no run keeps.
    pub fn hide_headers(&mut self, hidden: impl Fn(&str) -> bool) {
        for (name, value) in &mut self.headers {
            if hidden(name) {
                HIDDEN.clone_into(value);
            }
        }
    }

    /// Puts `[hidden]` in place of the values of these query parameters, likewise.
    pub fn hide_parameters(&mut self, hidden: impl Fn(&str) -> bool) {
        for (name, value) in &mut self.query {
            if hidden(name) {
                HIDDEN.clone_into(value);
            }
        }
    }

    /// The value of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

fn push_string(json: &mut String, text: &str) {
    json.push_str(&serde_json::to_string(text).expect("a string is always JSON"));
}

/// A name given once is a string, one given several times an array of strings.
fn push_object(json: &mut String, pairs: &[(String, String)]) {
    json.push('{');
    let mut first = true;
    for (index, (name, value)) in pairs.iter().enumerate() {
        if pairs[..index].iter().any(|(earlier, _)| earlier == name) {
            continue;
        }
        if !std::mem::take(&mut first) {
            json.push(',');
        }
        push_string(json, name);
        json.push(':');
        let mut values = pairs[index..].iter().filter(|(other, _)| other == name).map(|(_, value)| value);
        if values.clone().nth(1).is_none() {
            push_string(json, value);
        } else {
            json.push('[');
            push_string(json, values.next().expect("the first of the name"));
            for value in values {
                json.push(',');
                push_string(json, value);
            }
            json.push(']');
        }
    }
    json.push('}');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::run::StartKind;

    fn event(content: Content, body: &str) -> Event {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Event {
            method: "POST".to_owned(),
            path: "/api/webhooks/a\"b".to_owned(),
            ip: "127.0.0.1".to_owned(),
            headers: vec![pair("x-a", "1")],
            query: vec![pair("tag", "a"), pair("q", "x&y"), pair("tag", "b"), pair("__proto__", "p")],
            params: vec![],
            content,
            body: body.as_bytes().to_vec(),
            origin: "https://example.com".into(),
            raw_query: "tag=a&q=x%26y&tag=b".to_owned(),
            notes: vec![],
            trigger: Started { name: "orders".parse().ok(), kind: Some(StartKind::Webhook) },
        }
    }

    #[test]
    fn context_holds_the_body_by_its_content() {
        let cases = [
            (Content::Empty, "", Value::Null),
            (Content::Json, " {\"a\": [1]} ", json!({"a": [1]})),
            (Content::Text, "a \"b\"\n", json!("a \"b\"\n")),
            (Content::Binary, "x", Value::Null),
            (Content::Undecoded { media_type: "image/png".to_owned() }, "x", Value::Null),
            (Content::Decoded(JsonText::from_value(&json!({"f": "v"}))), "f=v", json!({"f": "v"})),
        ];
        for (content, body, data) in cases {
            let context: Value = serde_json::from_str(&event(content.clone(), body).context_json()).unwrap();
            assert_eq!(context["data"], data);
            assert_eq!(context["query"], json!({"tag": ["a", "b"], "q": "x&y", "__proto__": "p"}));
            assert_eq!(context["path"], "/api/webhooks/a\"b");
            assert_eq!(context["files"], json!([]));
            assert_eq!(context["trigger"], json!({"name": "orders", "type": "webhook"}));
            assert_eq!(context["rawQuery"], "tag=a&q=x%26y&tag=b");
            assert_eq!(context["url"], "https://example.com/api/webhooks/a\"b?tag=a&q=x%26y&tag=b");
            for (name, value) in context.as_object().unwrap() {
                assert_eq!(&event(content.clone(), body).field(name), value, "{name}");
            }
        }
    }

    #[test]
    fn the_files_of_a_form_stand_beside_its_fields() {
        let file = |offset, size| Upload {
            field: "f".to_owned(),
            filename: Some("../a".to_owned()),
            content_type: None,
            offset,
            size,
            sha256: [0xab; 32],
        };
        let fields = JsonText::from_value(&json!({"a": "1"}));
        // The second would reach beyond the end: it has no content, and nothing panics.
        let form = Content::Multipart { fields, files: vec![file(2, 3), file(9, usize::MAX)] };
        let event = event(form, "--xyz--");
        let context: Value = serde_json::from_str(&event.context_json()).unwrap();
        assert_eq!(context["data"], json!({"a": "1"}));
        assert_eq!(
            context["files"][0],
            json!({"field": "f", "filename": "../a", "contentType": null, "size": 3, "sha256": "ab".repeat(32),
                "offset": 2, "content": "eHl6"})
        );
        assert_eq!(context["files"][1]["content"], Value::Null);
        assert_eq!(event.field("files"), context["files"]);
        assert_eq!(event.payload().unwrap().to_value()["files"], context["files"]);
    }
}
