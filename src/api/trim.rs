//! What is left of an answer for somebody who may not see payloads. Pure.
//!
//! These are lists of what stays, not of what goes: a member that is added later is hidden until it is named here.

use serde_json::Value;

/// What of a value stays.
#[derive(Debug)]
pub(super) enum Keep {
    /// All of it.
    Whole,
    /// These members of an object, each as far as it says; nothing of a value that is no object.
    Members(&'static [(&'static str, Keep)]),
    /// Of each item of a list so much.
    Each(&'static Keep),
    /// A word, or an object whose only member has one of these names, as enums are written.
    Variant(&'static [(&'static str, Keep)]),
}

use Keep::{Each, Members, Variant, Whole};

/// An error's message may quote what it met.
const ERROR: Keep =
    Members(&[("code", Whole), ("step", Whole), ("position", Whole), ("line", Whole), ("column", Whole)]);
const RUN_LINE: Keep = Members(&[
    ("id", Whole),
    ("workflow", Whole),
    ("version", Whole),
    ("status", Whole),
    ("running", Whole),
    ("cause", Whole),
    ("trigger", Whole),
    ("origin", Whole),
    ("created", Whole),
    ("started", Whole),
    ("due", Whole),
    ("finished", Whole),
    ("took_ms", Whole),
    ("answer_status", Whole),
    ("failed_steps", Whole),
    ("error", ERROR),
]);
/// A run as lists and events show it.
pub(super) static RUN_OF_LIST: Keep = RUN_LINE;
/// A list of runs.
pub(super) static RUNS: Keep = Members(&[("runs", Each(&RUN_LINE)), ("next", Whole)]);
/// A list of dead letters.
pub(super) static LETTERS: Keep = Members(&[("dead_letters", Each(&RUN_LINE)), ("next", Whole)]);

const STEP: Keep = Members(&[
    ("id", Whole),
    ("at", Whole),
    ("attempt", Whole),
    ("status", Whole),
    ("nocobase_status", Whole),
    ("error", ERROR),
    ("next_attempt", Whole),
    ("log_truncated", Whole),
    ("usage", Whole),
    ("started", Whole),
    ("took_us", Whole),
]);
const WAIT: Keep = Members(&[
    ("id", Whole),
    ("at", Whole),
    ("for", Whole),
    ("run", Whole),
    ("question", Members(&[("id", Whole)])),
    ("nocobase_status", Whole),
    ("since", Whole),
    ("until", Whole),
]);
/// One run.
pub(super) static RUN: Keep = Members(&[
    ("id", Whole),
    ("workflow", Whole),
    ("version", Whole),
    ("status", Whole),
    ("running", Whole),
    ("nocobase", Whole),
    ("mode", Whole),
    ("cause", Whole),
    ("trigger", Whole),
    ("origin", Whole),
    ("parent", Whole),
    ("created", Whole),
    ("started", Whole),
    ("due", Whole),
    ("finished", Whole),
    ("failed_steps", Whole),
    ("error", ERROR),
    ("steps", Each(&STEP)),
    ("waiting", Each(&WAIT)),
]);

const QUESTION_LINE: Keep = Members(&[
    ("id", Whole),
    ("run", Whole),
    ("workflow", Whole),
    ("step", Whole),
    ("at", Whole),
    ("since", Whole),
    ("until", Whole),
]);
/// A list of questions.
pub(super) static QUESTIONS: Keep = Members(&[("questions", Each(&QUESTION_LINE)), ("next", Whole)]);
/// One question.
pub(super) static QUESTION: Keep = QUESTION_LINE;

const RUN_OF: Keep = Members(&[("run", Whole)]);
/// The true reason of a refusal may quote the request.
const OUTCOME: Keep = Variant(&[
    ("accepted", RUN_OF),
    ("duplicate", RUN_OF),
    ("skipped", RUN_OF),
    ("called_back", RUN_OF),
    ("handshake", Whole),
    ("refused", Members(&[("code", Whole)])),
]);
const REQUEST_LINE: Keep = Members(&[
    ("id", Whole),
    ("workflow", Whole),
    ("method", Whole),
    // Not its path: parameters stand there.
    ("ip", Whole),
    ("body_bytes", Whole),
    ("status", Whole),
    ("outcome", OUTCOME),
    ("took_us", Whole),
    ("scheme", Whole),
    ("accepted_us", Whole),
    ("kept_bytes", Whole),
    ("kept", Whole),
    ("received", Whole),
]);
/// A list of requests.
pub(super) static REQUESTS: Keep = Members(&[("requests", Each(&REQUEST_LINE)), ("next", Whole)]);
/// One request.
pub(super) static REQUEST: Keep = REQUEST_LINE;

impl Keep {
    /// What stays of a value.
    pub(super) fn of(&self, value: Value) -> Value {
        match (self, value) {
            (Whole, value) => value,
            (Variant(_), Value::String(word)) => Value::String(word),
            (Members(members) | Variant(members), Value::Object(mut object)) => {
                let kept = members.iter().filter_map(|(name, keep)| {
                    let value = object.shift_remove(*name)?;
                    Some(((*name).to_owned(), keep.of(value)))
                });
                Value::Object(kept.collect())
            }
            (Each(keep), Value::Array(items)) => {
                Value::Array(items.into_iter().map(|item| keep.of(item)).collect())
            }
            (Members(_) | Each(_) | Variant(_), _) => Value::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_named_is_gone() {
        let run = json!({
            "id": "run_1",
            "error": { "code": "script_error", "message": "card 4242", "step": "a", "stack": "4242" },
            "steps": [{ "id": "a", "output": 4242, "logs": ["4242"], "error": null, "calls": 4242 }],
            "waiting": [{ "id": "b", "question": { "id": "q", "title": "4242?" } }],
            "context": { "data": 4242 },
            "answer": { "body": "4242" },
            "added_later": 4242,
        });
        let kept = RUN.of(run);
        assert!(!kept.to_string().contains("4242"), "{kept}");
        assert_eq!(kept["error"], json!({ "code": "script_error", "step": "a" }));
        assert_eq!(kept["steps"], json!([{ "id": "a", "error": null }]));
        assert_eq!(kept["waiting"][0]["question"], json!({ "id": "q" }));
    }

    #[test]
    fn the_outcome_of_a_request_stays_without_its_reason() {
        let line =
            |outcome: Value| json!({ "requests": [{ "id": "req_1", "outcome": outcome, "notes": [4242] }] });
        let kept = |outcome: Value| REQUESTS.of(line(outcome))["requests"][0]["outcome"].clone();
        assert_eq!(
            kept(json!({ "refused": { "code": "filtered", "reason": "4242" } })),
            json!({ "refused": { "code": "filtered" } })
        );
        assert_eq!(kept(json!("filtered")), "filtered");
        assert_eq!(
            kept(json!({ "accepted": { "run": "run_1" } })),
            json!({ "accepted": { "run": "run_1" } })
        );
        assert!(!REQUESTS.of(line(json!("filtered"))).to_string().contains("4242"));
    }
}
