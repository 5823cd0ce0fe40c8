//! The pages that people see at one-time URLs: plain HTML without scripts, that fits a phone and follows the reader's theme.
//!
//! Every text that is not ours goes through [`Escaped`]. The style is inline, and the policy names its hash, so that
//! nothing else on the page has any effect.

use std::{
    fmt::{self, Display, Write as _},
    sync::LazyLock,
};

use axum::response::{IntoResponse, Response};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderName, HeaderValue, StatusCode, header};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::words::Words;
use crate::{
    engine::{Asked, CallbackError, Stands},
    model::{AnswerError, Choice, Comment, JsonText, Question},
};

const STYLE: &str = include_str!("page.css");

/// The policy of every page. A form may go to this server alone: it posts to the page's own address.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).expect("base64 is plain ASCII")
});

/// A text that stands in HTML, also between the quotes of an attribute.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // No browser shows them, and HTML allows none of them.
                '\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}' => f.write_char('\u{fffd}')?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// What a page says beside the question itself.
#[derive(Clone, Copy)]
pub(super) enum Told<'a> {
    /// Nobody answered: somebody only looks at the page.
    Nothing,
    /// The reader answered this just now.
    Taken,
    /// The reader's answer was not taken, because the question was closed.
    TooLate,
    /// The reader's answer is none.
    Refused(&'a AnswerError),
}

/// The page of a question as it stands. `named` is the answer that the link names; it is only marked.
pub(super) fn question(
    words: &Words,
    asked: &Asked,
    named: Option<&str>,
    told: Told<'_>,
    status: StatusCode,
) -> Response {
    let Question { title, text, .. } = &asked.question;
    let heading = if title.is_empty() { words.question } else { title };
    let mut content = String::new();
    let _ = write!(content, "<h1 dir=\"auto\">{}</h1>", Escaped(heading));
    // Before the text, which may be long: nobody should have to look for what became of an answer.
    match told {
        Told::Nothing | Told::Taken => {}
        Told::TooLate => alert(&mut content, words.too_late),
        Told::Refused(error) => alert(&mut content, &words.refusal(error)),
    }
    match &asked.stands {
        Stands::NotYet => return page(words, heading, &note(words.not_yet, words.reload), status),
        Stands::Open(_) => {}
        Stands::Answered(output) => result(&mut content, words, output, told),
        Stands::Expired(due_ms) => {
            let ended = due_ms.map(|due_ms| words.ended.replace("{}", &moment_of(due_ms)));
            closed(&mut content, words.expired, &ended.unwrap_or_default());
        }
        Stands::Withdrawn => closed(&mut content, words.withdrawn, words.not_needed),
    }
    if !text.is_empty() {
        let _ = write!(content, "<p class=\"text\" dir=\"auto\">{}</p>", Escaped(text));
    }
    if let Stands::Open(due_ms) = asked.stands {
        form(&mut content, words, &asked.question, named, due_ms);
    }
    page(words, heading, &content, status)
}

/// The page of a URL that is none, or that no question stands behind any more.
pub(super) fn nothing(words: &Words, error: &CallbackError, status: StatusCode) -> Option<Response> {
    let (heading, text) = match error {
        CallbackError::Unknown => (words.unknown, words.incomplete),
        CallbackError::Gone => (words.used, words.goes_on),
        CallbackError::Store(_) => return None,
    };
    Some(page(words, heading, &note(heading, text), status))
}

fn alert(content: &mut String, text: &str) {
    let _ = write!(content, "<p class=\"problem\" role=\"alert\">{}</p>", Escaped(text));
}

fn note(heading: &str, text: &str) -> String {
    format!("<h1>{}</h1><p>{}</p>", Escaped(heading), Escaped(text))
}

fn closed(content: &mut String, heading: &str, text: &str) {
    let _ = write!(
        content,
        "<section class=\"end\"><h2>{}</h2><p>{}</p></section>",
        Escaped(heading),
        Escaped(text)
    );
}

fn form(content: &mut String, words: &Words, question: &Question, named: Option<&str>, due_ms: Option<u64>) {
    // Without an `action`, it posts to the page's own address. Enter in a field would press the first button: that one does
    // nothing.
    content.push_str("<form method=\"post\"><button disabled hidden></button>");
    if question.ask_name {
        let _ = write!(
            content,
            "<label>{}<input name=\"name\" maxlength=\"{}\" autocomplete=\"name\" required></label>",
            words.name,
            Question::MAX_NAME
        );
    }
    let field = |content: &mut String, mark: &str, required: &str| {
        let _ = write!(
            content,
            "<label><span>{}{mark}</span><textarea name=\"comment\" rows=\"3\" maxlength=\"{}\"{required}></textarea></label>",
            words.comment,
            Question::MAX_COMMENT
        );
    };
    match question.comment {
        Comment::No => {}
        Comment::Optional => field(content, &format!(" <small>({})</small>", words.optional), ""),
        Comment::Required => field(content, "", " required"),
    }
    let is_named =
        |choice: &Choice| named.is_some_and(|named| named == choice.value || named == choice.label);
    if question.answers.iter().any(is_named) {
        let _ = write!(content, "<p class=\"note\" id=\"named\">{}</p>", words.named);
    }
    content.push_str("<div class=\"answers\">");
    for choice in &question.answers {
        let mark = if is_named(choice) { " class=\"named\" aria-describedby=\"named\"" } else { "" };
        let _ = write!(
            content,
            "<button name=\"answer\" value=\"{}\"{mark}>{}</button>",
            Escaped(&choice.value),
            Escaped(&choice.label)
        );
    }
    content.push_str("</div></form>");
    if let Some(due_ms) = due_ms {
        let _ = write!(content, "<p class=\"note\">{}</p>", words.until.replace("{}", &moment_of(due_ms)));
    }
}

/// Who answered what, and when.
fn result(content: &mut String, words: &Words, output: &JsonText, told: Told<'_>) {
    let output = output.to_value();
    let field = |name: &str| output.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let (heading, mine) = match told {
        Told::Taken => (words.you_answered, true),
        Told::Nothing | Told::TooLate | Told::Refused(_) => (words.was_answered, false),
    };
    let answer = field("label").or_else(|| field("answer")).unwrap_or("-");
    let _ = write!(
        content,
        "<section class=\"end\"><h2 dir=\"auto\">{}</h2><dl>",
        Escaped(&heading.replace("{}", answer))
    );
    let rows = [
        (words.comment, field("comment").map(str::to_owned)),
        (words.by, field("by").map(str::to_owned)),
        (words.at, field("at").and_then(|at| at.parse().ok()).map(moment)),
    ];
    for (name, text) in rows {
        if let Some(text) = text {
            let _ = write!(content, "<dt>{name}</dt><dd dir=\"auto\">{}</dd>", Escaped(&text));
        }
    }
    content.push_str("</dl>");
    if mine {
        let _ = write!(content, "<p>{}</p>", words.close);
    }
    content.push_str("</section>");
}

/// A time in the server's zone, with how far that is from UTC: nobody knows the reader's.
fn moment(time: Timestamp) -> String {
    let zoned = time.to_zoned_datetime(TimeZone::system());
    let format = if zoned.offset().is_zero() { "%Y-%m-%d %H:%M (UTC)" } else { "%Y-%m-%d %H:%M (UTC%:z)" };
    zoned.strftime(format).to_string()
}

fn moment_of(ms: u64) -> String {
    let ms = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    moment(ms.unwrap_or(Timestamp::MAX))
}

fn page(words: &Words, title: &str, content: &str, status: StatusCode) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><meta name=\"robots\" content=\"noindex\">\
         <title>{}</title><style>{STYLE}</style></head>\n<body><main>{content}</main></body></html>\n",
        words.tag,
        Escaped(title)
    );
    guarded(status, html, POLICY.clone())
}

/// The page of a URL that takes any request, and the one after that.
pub(super) fn plain(content: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Flowcell</title>{content}</html>\n"
    );
    let policy = HeaderValue::from_static("default-src 'none'; form-action 'self'; frame-ancestors 'none'");
    guarded(StatusCode::OK, html, policy)
}

fn guarded(status: StatusCode, html: String, policy: HeaderValue) -> Response {
    let headers: [(HeaderName, HeaderValue); 6] = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::VARY, HeaderValue::from_static("Accept, Accept-Language")),
        // The address is the credential.
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_SECURITY_POLICY, policy),
    ];
    (status, headers, html).into_response()
}
