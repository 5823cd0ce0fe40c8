//! Masks secrets in everything that leaves an attempt.

use crate::{
    model::{Answer, LogLine, Question, RunError, Wait},
    secrets::Redactor,
    steps::{Executed, Output},
};

/// Stands where a text was cut, at the end of a line.
const CUT: char = '…';
/// Nobody cuts a message below this many bytes: the shortest is a title of 300 characters.
const MIN_CUT: usize = 256;

/// Masks the secrets in all that leaves an attempt. Later steps, the store and the caller see the same, without the secrets that
/// the run was given; logs are for operators alone, and show none of any.
pub(super) fn masked(executed: Executed, redactor: &Redactor, all: &Redactor) -> Executed {
    if all.is_empty() {
        return executed;
    }
    let text = |text: &str| masked_text(text, redactor);
    let result = match executed.result {
        Ok(Output::Value(output)) => Ok(Output::Value(redactor.redact_json(&output))),
        Ok(Output::Answer(answer)) => Ok(Output::Answer(masked_answer(answer, redactor))),
        Ok(Output::End(output)) => Ok(Output::End(output.map(|output| redactor.redact_json(&output)))),
        Ok(Output::Begin(output)) => Ok(Output::Begin(redactor.redact_json(&output))),
        Ok(Output::Start { workflow, input, wait }) => {
            Ok(Output::Start { workflow, input: redactor.redact_json(&input), wait })
        }
        Ok(Output::Wait { wait: Wait::Question(question), due_ms }) => {
            let (title, text) = (text(&question.title), text(&question.text));
            Ok(Output::Wait { wait: Wait::Question(Box::new(Question { title, text, ..*question })), due_ms })
        }
        Ok(wait @ Output::Wait { .. }) => Ok(wait),
        Err(error) => {
            Err(RunError { message: text(&error.message), stack: error.stack.as_deref().map(text), ..error })
        }
    };
    let count = executed.logs.len();
    let logs = executed.logs.into_iter().enumerate().map(|(index, line)| {
        let ends_log = executed.log_truncated && index + 1 == count;
        LogLine { text: masked_line(&line.text, ends_log, all), ..line }
    });
    Executed { result, logs: logs.collect(), ..executed }
}

/// A log line without secrets. Where it was cut, what stands before the mark may be the beginning of one.
fn masked_line(text: &str, ends_log: bool, all: &Redactor) -> String {
    let is_count = |after: &str| {
        let count = after.strip_prefix(" (").and_then(|after| after.strip_suffix(" bytes more)"));
        count.is_some_and(|count| !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit()))
    };
    match text.rsplit_once(CUT) {
        Some((before, after)) if is_count(after) || (ends_log && after.is_empty()) => {
            all.redact_cut(before).into_owned() + after
        }
        Some(_) | None => all.redact(text).into_owned(),
    }
}

/// A message or a stack without secrets. A long line that ends in the mark was cut: of a stack that may be any line, because
/// the message in it and the causes are cut on their own.
fn masked_text(text: &str, given: &Redactor) -> String {
    if given.is_empty() {
        return text.to_owned();
    }
    let (mut shown, mut rest) = (String::new(), text);
    for (at, mark) in text.match_indices(CUT) {
        let after = &text[at + mark.len()..];
        let before = &text[text.len() - rest.len()..at];
        if before.len() + mark.len() >= MIN_CUT && (after.is_empty() || after.starts_with('\n')) {
            shown += &given.redact_cut(before);
            rest = after;
        }
    }
    shown + &given.redact(rest)
}

/// An answer without secrets.
pub(super) fn masked_answer(answer: Answer, redactor: &Redactor) -> Answer {
    let header = |(name, value): (String, String)| (name, redactor.redact(&value).into_owned());
    Answer {
        status: answer.status,
        headers: answer.headers.into_iter().map(header).collect(),
        body: redactor.redact_bytes(&answer.body).into_owned(),
    }
}
