//! `GET /api/v1/health`: what is wrong now, each with a remedy, and how full everything is.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use serde::Serialize;

use super::{Sources, process::Process};
use crate::{
    engine::{ClockJump, Figures},
    http::of_engine,
    model::WorkflowKey,
    steps,
};

/// With less room than this, the store is said to be nearly full, bytes.
const LITTLE_ROOM: u64 = 1 << 30;
/// Of a hundred pending runs that may be; from so many on the queue is said to be high.
const HIGH: u64 = 80;
const DAY_MS: u64 = 24 * 3_600_000;
/// A certificate is renewed when a third of its time is left, so one that ends in so many days was not.
const CERTIFICATE_DAYS: u64 = 14;
/// A certificate that ends in so many days is an error.
const CERTIFICATE_LAST_DAYS: u64 = 3;

/// How grave it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Severity {
    /// Events are refused, or will be soon.
    Error,
    /// Somebody should look at it.
    Warning,
}

/// Something that is wrong.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Wrong {
    /// Stable; other languages say by it what `message` says in English.
    code: &'static str,
    severity: Severity,
    message: String,
    /// What to do about it.
    remedy: String,
    /// The variable parts of the message.
    params: BTreeMap<&'static str, String>,
}

impl Wrong {
    fn new(code: &'static str, severity: Severity, message: String, remedy: &str) -> Self {
        Self { code, severity, message, remedy: remedy.to_owned(), params: BTreeMap::new() }
    }

    fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.params.insert(name, value.to_string());
        self
    }
}

/// The answer.
#[derive(Serialize)]
pub(super) struct Health {
    /// The gravest first.
    problems: Vec<Wrong>,
    figures: Figures,
}

/// What is looked at.
#[derive(Default)]
struct Facts {
    now_ms: u64,
    figures: Figures,
    /// Why events are refused, whatever their workflow: a code and words.
    refused: Option<(&'static str, String)>,
    /// Workflows whose webhooks refuse everything, each with the reason.
    unavailable: Vec<(WorkflowKey, String)>,
    /// Workflows whose pending runs have taken their part of the queue, and how many these are.
    crowded: Vec<(WorkflowKey, usize)>,
    /// Workflow folders that cannot be used, each with the reason.
    folders: BTreeMap<String, String>,
    certificate_end_ms: Option<u64>,
    jump: Option<ClockJump>,
}

/// `GET /api/v1/health`
pub(super) async fn show(State(sources): State<Sources>) -> Json<Health> {
    let (problems, figures) = look(&sources);
    Json(Health { problems, figures })
}

/// What is wrong now, and all figures.
pub(super) fn look(sources: &Sources) -> (Vec<Wrong>, Figures) {
    let Sources { engine, gateway, began_ms } = sources;
    let surroundings = engine.surroundings();
    let refused = engine.readiness().err().map(|error| {
        let (_, code, ..) = of_engine(&error);
        (code, error.to_string())
    });
    let process = Process::now();
    let figures = Figures {
        process_cpu_seconds: process.cpu_seconds,
        process_resident_memory_bytes: process.resident_bytes,
        process_start_seconds: began_ms / 1_000,
        ..engine.figures()
    };
    let mut facts = Facts {
        now_ms: engine.ports().now_ms(),
        figures,
        refused,
        unavailable: gateway.unavailable(),
        crowded: engine.crowded(),
        folders: surroundings.folders(),
        certificate_end_ms: surroundings.certificate_end_ms(),
        jump: surroundings.clock_jump(),
    };
    let problems = wrong(&facts);
    facts.figures.problems = problems.len() as u64;
    (problems, facts.figures)
}

fn wrong(facts: &Facts) -> Vec<Wrong> {
    let mut found = Vec::new();
    found.extend(refusing(facts));
    found.extend(store(facts));
    found.extend(queue(facts));
    found.extend(certificate(facts));
    found.extend(crowded(facts));
    found.extend(facts.unavailable.iter().map(|(workflow, why)| {
        let message = format!("`{workflow}` refuses every delivery: {why}");
        let remedy =
            "set the secret with `flowcell secrets set NAME`, or correct the trigger in workflow.json";
        Wrong::new("workflow_refuses", Severity::Error, message, remedy)
            .with("workflow", workflow)
            .with("why", why)
    }));
    found.extend(facts.folders.iter().map(|(folder, why)| {
        let message = format!("the workflow folder `{folder}` cannot be used: {why}");
        let remedy =
            "correct the file; `flowcell check` shows the place. The version before goes on meanwhile";
        Wrong::new("folder_wrong", Severity::Warning, message, remedy).with("folder", folder).with("why", why)
    }));
    found.extend(clock(facts));
    // Stable, so that what is equally grave stays in the order above.
    found.sort_by_key(|wrong| wrong.severity);
    found
}

fn refusing(facts: &Facts) -> Option<Wrong> {
    let (code, why) = facts.refused.as_ref()?;
    let remedy = "look at the other problems and the log; docs/operations.md says what each refusal means";
    let message = format!("events are refused: {why}");
    Some(Wrong::new("events_refused", Severity::Error, message, remedy).with("code", code).with("why", why))
}

fn store(facts: &Facts) -> Option<Wrong> {
    let free = facts.figures.store_free_bytes.filter(|free| *free < LITTLE_ROOM)?;
    let message = format!("the store has room for {} MiB more", free >> 20);
    let remedy = "free space on the disk of the data folder, or lower `retention.max_bytes`";
    Some(Wrong::new("store_nearly_full", Severity::Warning, message, remedy).with("free_bytes", free))
}

fn queue(facts: &Facts) -> Option<Wrong> {
    let (pending, most) = (facts.figures.pending_runs, facts.figures.pending_runs_most);
    if most == 0 || pending * 100 < most * HIGH {
        return None;
    }
    let message = format!("{pending} of at most {most} runs are pending; beyond that, events are refused");
    let remedy = "see with `flowcell workflows list` which workflow they belong to; pause it, make its steps faster, or give \
                  more room with `engine.max_pending`";
    let wrong = Wrong::new("queue_high", Severity::Warning, message, remedy);
    Some(wrong.with("pending", pending).with("most", most))
}

/// While the whole queue is full, that says it all.
fn crowded(facts: &Facts) -> impl Iterator<Item = Wrong> {
    let crowded = if facts.refused.is_some() { &[][..] } else { &facts.crowded };
    crowded.iter().map(|(workflow, pending)| {
        let message = format!("the {pending} pending runs of `{workflow}` have taken its part of the queue; its events are refused");
        let remedy = "make its steps faster, resume it if it is paused, or give more room with `engine.max_pending`";
        let wrong = Wrong::new("workflow_queue_full", Severity::Error, message, remedy);
        wrong.with("workflow", workflow).with("pending", pending)
    })
}

fn certificate(facts: &Facts) -> Option<Wrong> {
    let end_ms = facts.certificate_end_ms?;
    let days = end_ms.saturating_sub(facts.now_ms) / DAY_MS;
    if days >= CERTIFICATE_DAYS {
        return None;
    }
    let end = steps::timestamp(end_ms);
    let (severity, message) = if end_ms <= facts.now_ms {
        (Severity::Error, format!("the certificate has ended, on {end}"))
    } else if days < CERTIFICATE_LAST_DAYS {
        (Severity::Error, format!("the certificate ends on {end}"))
    } else {
        (Severity::Warning, format!("the certificate ends in {days} days, on {end}"))
    };
    let remedy = "put a new certificate into the files of `tls.cert` and `tls.key`; with `tls.acme`, see in the log why it \
                  was not renewed";
    Some(Wrong::new("certificate_ends", severity, message, remedy).with("end", end).with("days", days))
}

fn clock(facts: &Facts) -> Option<Wrong> {
    let jump = facts.jump?;
    let (seconds, way) = (jump.by_ms.unsigned_abs() / 1_000, if jump.by_ms < 0 { "back" } else { "forward" });
    let message = format!("the clock jumped {seconds} s {way}, to {}", steps::timestamp(jump.to_ms));
    let remedy = "see that the machine's time is kept by NTP; schedules and signatures go by the clock. A machine that \
                  slept shows the same";
    let wrong = Wrong::new("clock_jumped", Severity::Warning, message, remedy);
    Some(wrong.with("seconds", seconds).with("way", way).with("to", steps::timestamp(jump.to_ms)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_790_000_000_000;

    fn codes(facts: Facts) -> Vec<(&'static str, Severity)> {
        let found = wrong(&Facts { now_ms: NOW, ..facts });
        for wrong in &found {
            assert!(!wrong.message.is_empty() && !wrong.remedy.is_empty() && !wrong.params.is_empty());
        }
        found.into_iter().map(|wrong| (wrong.code, wrong.severity)).collect()
    }

    #[test]
    fn nothing_is_wrong_with_a_server_that_has_room() {
        let figures = Figures {
            pending_runs: 79,
            pending_runs_most: 100,
            store_free_bytes: Some(LITTLE_ROOM),
            ..Figures::default()
        };
        let certificate_end_ms = Some(NOW + CERTIFICATE_DAYS * DAY_MS);
        assert_eq!(codes(Facts { figures, certificate_end_ms, ..Facts::default() }), []);
        assert_eq!(codes(Facts::default()), [], "what is not known is not wrong");
    }

    #[test]
    fn each_thing_that_is_wrong_is_told_the_gravest_first() {
        use Severity::{Error, Warning};
        let figures = Figures {
            pending_runs: 80,
            pending_runs_most: 100,
            store_free_bytes: Some(5 << 20),
            ..Figures::default()
        };
        let facts = Facts {
            figures,
            refused: Some(("queue_full", "too much".to_owned())),
            unavailable: vec![("a".parse().unwrap(), "the secret is not set".to_owned())],
            folders: [("b".to_owned(), "line 1: it is wrong".to_owned())].into(),
            crowded: vec![("c".parse().unwrap(), 40)],
            certificate_end_ms: Some(NOW + 5 * DAY_MS),
            jump: Some(ClockJump { by_ms: -20_000, to_ms: NOW }),
            ..Facts::default()
        };
        assert_eq!(
            codes(facts),
            [
                ("events_refused", Error),
                ("workflow_refuses", Error),
                ("store_nearly_full", Warning),
                ("queue_high", Warning),
                ("certificate_ends", Warning),
                ("folder_wrong", Warning),
                ("clock_jumped", Warning),
            ]
        );
        let facts = Facts { crowded: vec![("c".parse().unwrap(), 40)], ..Facts::default() };
        assert_eq!(codes(facts), [("workflow_queue_full", Error)]);
        for end_ms in [NOW + 2 * DAY_MS, NOW, NOW - DAY_MS] {
            let facts = Facts { certificate_end_ms: Some(end_ms), ..Facts::default() };
            assert_eq!(codes(facts), [("certificate_ends", Error)]);
        }
    }
}
