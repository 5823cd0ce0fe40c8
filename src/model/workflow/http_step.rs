//! The `http` step as its author writes it: one request to another service.
//!
//! Read by `step_parse`, compiled by `steps::http`. Checks here need no template; everything that does is
//! found when the step is compiled.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::value::{
    ByteSize, ConditionExpr, FieldError, Method, Span,
    fields::{join, present},
};

/// An `http` step. At most one of `json`, `form`, `multipart`, `xml`, `text` and `body_base64`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpStep {
    /// Default GET, or POST with a body.
    pub method: Option<Method>,
    /// A template. Values after the host are percent-encoded and can never change the host; a URL that begins
    /// with a value, as in `{{$env.API}}/users/{{$context.data.id}}`, takes its host from that value.
    pub url: String,
    /// Added to the URL's own query. Values may hold templates; null leaves the name out, an array repeats it.
    #[serde(default)]
    pub query: Map<String, Value>,
    /// Header values may hold templates.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Sets the header that proves who calls.
    pub auth: Option<HttpAuth>,
    /// Whom the step trusts over https, and how it shows who calls.
    pub tls: Option<HttpTls>,
    /// The name of a session: cookies that answers set are kept for this run, and later steps of the same session send them to
    /// the hosts that they belong to.
    pub session: Option<String>,
    /// A JSON body whose strings may hold templates.
    #[serde(default, deserialize_with = "present")]
    pub json: Option<Value>,
    /// A form as browsers send it (`application/x-www-form-urlencoded`). Values may hold templates; null
    /// leaves the name out, an array repeats it.
    pub form: Option<Map<String, Value>>,
    /// A form with files (`multipart/form-data`), sent in the order written here.
    #[serde(default, deserialize_with = "parts")]
    #[schemars(with = "Option<BTreeMap<String, HttpPart>>")]
    pub multipart: Option<Vec<(String, HttpPart)>>,
    /// An XML body: an object with the root element's name. `@name` is an attribute, `#text` the text, an
    /// array repeats its element.
    pub xml: Option<Map<String, Value>>,
    /// A text body that may hold templates.
    pub text: Option<String>,
    /// A binary body, in base64; may be a template.
    pub body_base64: Option<String>,
    /// For the whole exchange, redirects and body included; default 5s, at most 120s.
    pub timeout: Option<Span>,
    /// The response's body after decompression; default 1MiB, at most 8MiB. More fails the step.
    pub max_response: Option<ByteSize>,
    /// How many redirects are followed; default 5, at most 10.
    pub redirects: Option<u8>,
    /// Statuses that are a success, as `"2xx"` or `404`; default `["2xx"]`.
    pub ok_statuses: Option<Vec<StatusPattern>>,
    /// A condition that the answer of a success must meet too, for services that answer 200 with an error inside:
    /// `"response.data.errcode == 0"`. It reads `response.status`, `response.headers` and `response.data` beside the usual roots.
    pub ok: Option<ConditionExpr>,
    /// Makes a failure an output, `{"ok": false, "error": {…}, …}`, instead of failing the step.
    #[serde(default)]
    pub ignore_failure: bool,
    /// How the response's body becomes `data`.
    #[serde(default)]
    pub response: HttpResponse,
}

/// Who calls. Every value may hold templates, and is meant for `{{$secrets.NAME}}`; an empty one fails the step.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum HttpAuth {
    /// `Authorization: Basic …` (RFC 7617).
    Basic {
        /// Without a colon.
        username: String,
        /// The password; may be empty, as some services want it.
        #[serde(default)]
        password: String,
    },
    /// `Authorization: Bearer …` (RFC 6750).
    Bearer {
        /// The token.
        token: String,
    },
    /// A header of the service's own.
    Header {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
}

/// TLS of one step. Every value is PEM text, and may hold templates.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpTls {
    /// Certificates of authorities. They alone are trusted, instead of those of the machine.
    pub ca: Option<String>,
    /// The certificate of the client, with the chain behind it. With `key`.
    pub cert: Option<String>,
    /// The private key of `cert`, not encrypted. It must come from `{{$secrets.NAME}}` or `{{$env.NAME}}`.
    pub key: Option<String>,
}

/// One field of a `multipart` body: text, or a file.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a text, or a file as {\"filename\": …, \"text\" or \"base64\": …}")]
pub enum HttpPart {
    /// A text that may hold templates.
    Text(String),
    /// A file.
    File(HttpFile),
}

/// A file of a `multipart` body. One of `text` and `base64`; all may hold templates.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpFile {
    /// Its name.
    pub filename: String,
    /// Its media type; default `text/plain; charset=utf-8` with `text`, else `application/octet-stream`.
    pub content_type: Option<String>,
    /// Its content as text.
    pub text: Option<String>,
    /// Its content in base64.
    pub base64: Option<String>,
}

/// A status, or a hundred of them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a status as 404, or a class as \"2xx\"")]
pub enum StatusPattern {
    /// One, from 100 to 599.
    One(u16),
    /// `"2xx"`, or one status as text.
    Class(String),
}

/// How a response's body becomes `data`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HttpResponse {
    /// By its content type: JSON, else text, else base64.
    #[default]
    Auto,
    /// JSON; anything else fails the step.
    Json,
    /// Text; what is no UTF-8 is replaced.
    Text,
    /// Base64.
    Base64,
}

impl StatusPattern {
    /// The first and the last status; nothing when it is no status.
    pub fn range(&self) -> Option<(u16, u16)> {
        let one = |status: u16| (100..600).contains(&status).then_some((status, status));
        match self {
            Self::One(status) => one(*status),
            Self::Class(text) => match text.as_bytes() {
                [digit @ b'1'..=b'5', b'x' | b'X', b'x' | b'X'] => {
                    let first = u16::from(digit - b'0') * 100;
                    Some((first, first + 99))
                }
                [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9'] => one(text.parse().ok()?),
                _ => None,
            },
        }
    }
}

impl HttpStep {
    /// The timeout of a step that sets none.
    pub const TIMEOUT: Span = Span::from_millis(5_000);
    /// The longest timeout.
    pub const TIMEOUT_CAP: Span = Span::from_millis(120_000);
    /// The largest response of a step that sets none.
    pub const RESPONSE: ByteSize = ByteSize::from_bytes(1 << 20);
    /// The largest response that a step may allow.
    pub const RESPONSE_CAP: ByteSize = ByteSize::from_bytes(8 << 20);
    /// Redirects followed by a step that says nothing.
    pub const REDIRECTS: u8 = 5;
    /// The most redirects.
    pub const REDIRECTS_CAP: u8 = 10;

    /// The names of the bodies that are given.
    pub fn bodies(&self) -> Vec<&'static str> {
        [
            ("json", self.json.is_some()),
            ("form", self.form.is_some()),
            ("multipart", self.multipart.is_some()),
            ("xml", self.xml.is_some()),
            ("text", self.text.is_some()),
            ("body_base64", self.body_base64.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, given)| given.then_some(name))
        .collect()
    }

    /// Checks what needs no template; `path` is the step's place.
    pub(super) fn check(&self, path: &str) -> Result<(), FieldError> {
        let wrong = |field: &str, message: String| Err(FieldError::new(join(path, field), message));
        if self.url.trim().is_empty() {
            return wrong("url", "give a URL".to_owned());
        }
        if let [first, second, ..] = self.bodies()[..] {
            return wrong(second, format!("there is `{first}` already; a request has one body"));
        }
        if self.timeout.is_some_and(|timeout| timeout > Self::TIMEOUT_CAP || timeout.as_millis() == 0) {
            return wrong("timeout", format!("must be more than zero, and {} at most", Self::TIMEOUT_CAP));
        }
        if self.max_response.is_some_and(|size| size > Self::RESPONSE_CAP || size.as_bytes() == 0) {
            return wrong(
                "max_response",
                format!("must be more than zero, and {} at most", Self::RESPONSE_CAP),
            );
        }
        if self.redirects.is_some_and(|redirects| redirects > Self::REDIRECTS_CAP) {
            return wrong("redirects", format!("{} is the most", Self::REDIRECTS_CAP));
        }
        if self.session.as_deref().is_some_and(|session| !is_session(session)) {
            return wrong("session", "write a name of 1 to 64 of the characters a-z A-Z 0-9 _ -".to_owned());
        }
        if let Some(tls) = &self.tls {
            let plain =
                self.url.trim_start().get(..7).is_some_and(|start| start.eq_ignore_ascii_case("http://"));
            match (&tls.ca, &tls.cert, &tls.key) {
                _ if plain => return wrong("tls", "the URL begins with http://; write https://".to_owned()),
                (None, None, None) => {
                    return wrong("tls", "give `ca`, or `cert` and `key`, or all of them".to_owned());
                }
                (_, Some(_), None) => return wrong("tls.key", "is missing; `cert` needs its key".to_owned()),
                (_, None, Some(_)) => {
                    return wrong("tls.cert", "is missing; `key` needs its certificate".to_owned());
                }
                (_, Some(_), Some(_)) | (Some(_), None, None) => {}
            }
        }
        let statuses = self.ok_statuses.as_deref();
        if statuses.is_some_and(<[StatusPattern]>::is_empty) {
            return wrong("ok_statuses", "name at least one, as in [\"2xx\", 404]".to_owned());
        }
        match statuses.unwrap_or_default().iter().position(|pattern| pattern.range().is_none()) {
            None => Ok(()),
            Some(at) => wrong(
                &format!("ok_statuses[{at}]"),
                "write a status as 404, or a class as \"2xx\"".to_owned(),
            ),
        }
    }
}

fn is_session(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=64).contains(&name.len()) && name.bytes().all(fits)
}

/// Fields in their order, which some services look at.
fn parts<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<(String, HttpPart)>>, D::Error> {
    let fields = Map::<String, Value>::deserialize(deserializer)?;
    let read = |(name, value): (String, Value)| match serde_json::from_value(value) {
        Ok(part) => Ok((name, part)),
        Err(error) => Err(serde::de::Error::custom(format!("`{name}`: {error}"))),
    };
    fields.into_iter().map(read).collect::<Result<_, _>>().map(Some)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::value::fields::typed;

    fn read(mut spec: Value) -> Result<HttpStep, FieldError> {
        spec.as_object_mut().unwrap().entry("url").or_insert("https://a.example".into());
        let step: HttpStep = typed(spec, "s")?;
        step.check("s").map(|()| step)
    }

    #[test]
    fn every_field_is_read_and_every_error_names_its_field() {
        for good in [
            json!({}),
            json!({"method": "OPTIONS", "query": {"a": 1}, "headers": {"x": "y"}, "json": null}),
            json!({"auth": {"type": "basic", "username": "u"}, "form": {"a": ["b", 1]}, "timeout": "120s"}),
            json!({"auth": {"type": "bearer", "token": "t"}, "ok_statuses": ["2xx", "3XX", 404, "410"]}),
            json!({"auth": {"type": "header", "name": "x", "value": "v"}, "max_response": "8MiB"}),
            json!({"session": "shop-1"}),
            json!({"tls": {"ca": "a"}, "url": "https://a.example"}),
            json!({"tls": {"ca": "a", "cert": "c", "key": "k"}, "url": "{{$env.API}}/"}),
            json!({"multipart": {"a": "b", "f": {"filename": "f", "base64": ""}}}),
            json!({"xml": {"a": 1}, "redirects": 10, "ignore_failure": true, "response": "base64"}),
        ] {
            assert!(read(good.clone()).is_ok(), "{good}: {:?}", read(good.clone()));
        }
        for (bad, path) in [
            (json!({"url": " "}), "s.url"),
            (json!({"uri": "x"}), "s.uri"),
            (json!({"method": "TRACE"}), "s.method"),
            (json!({"json": null, "text": "a"}), "s.text"),
            (json!({"form": {}, "body_base64": "a"}), "s.body_base64"),
            (json!({"auth": {"type": "bearer", "tokn": "t"}}), "s.auth"),
            (json!({"session": ""}), "s.session"),
            (json!({"session": "{{$env.A}}"}), "s.session"),
            (json!({"tls": {}}), "s.tls"),
            (json!({"tls": {"cert": "c"}}), "s.tls.key"),
            (json!({"tls": {"ca": "a", "key": "k"}}), "s.tls.cert"),
            (json!({"tls": {"ca": "a", "insecure": true}}), "s.tls.insecure"),
            (json!({"tls": {"ca": "a"}, "url": "HTTP://a.example"}), "s.tls"),
            (json!({"timeout": "121s"}), "s.timeout"),
            (json!({"timeout": "0s"}), "s.timeout"),
            (json!({"max_response": "9MiB"}), "s.max_response"),
            (json!({"redirects": 11}), "s.redirects"),
            (json!({"ok_statuses": []}), "s.ok_statuses"),
            (json!({"ok_statuses": ["2xx", "6xx"]}), "s.ok_statuses[1]"),
            (json!({"ok_statuses": [99]}), "s.ok_statuses[0]"),
            (json!({"ok_statuses": [true]}), "s.ok_statuses[0]"),
            (json!({"response": "xml"}), "s.response"),
            (json!({"multipart": {"a": 1}}), "s.multipart"),
            (json!({"multipart": {"a": {"filename": "f", "txt": ""}}}), "s.multipart"),
        ] {
            assert_eq!(read(bad.clone()).unwrap_err().path, path, "{bad}");
        }
    }

    #[test]
    fn status_patterns_are_ranges() {
        let range = |pattern: Value| serde_json::from_value::<StatusPattern>(pattern).unwrap().range();
        assert_eq!(range(json!("2xx")), Some((200, 299)));
        assert_eq!(range(json!(404)), Some((404, 404)));
        assert_eq!(range(json!("404")), Some((404, 404)));
        for bad in [json!("0xx"), json!("2x"), json!("2xxx"), json!(600), json!("+404"), json!("")] {
            assert!(range(bad.clone()).is_none(), "{bad}");
        }
    }
}
