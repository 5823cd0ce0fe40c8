//! Records for the tests of the tables.

use crate::model::{
    Cause, Content, Entry, ErrorCode, Event, JsonText, LogLevel, LogLine, Mode, Note, RequestId,
    RequestOutcome, RequestRecord, Run, RunError, RunHead, RunId, RunStatus, StartKind, Started, StepRecord,
    StepStatus, Usage, VersionHash,
};

/// A queued run; a larger `n` is newer.
pub(super) fn run(n: u64, workflow: &str) -> Run {
    let head = RunHead {
        id: RunId::new(n, [1; 10]),
        workflow: workflow.parse().unwrap(),
        version: VersionHash([3; 32]),
        status: RunStatus::Queued,
        mode: Mode::Async,
        created_ms: n,
        started_ms: Some(n),
        finished_ms: None,
        seed: [5; 32],
        claim: Some([8; 32]),
        answer_status: None,
        error: Some(RunError::new(ErrorCode::Timeout, "too slow")),
        cause: Cause::Webhook,
        parent: None,
        origin: None,
        depth: 1,
        group: Some([9; 32]),
        slot: None,
        due_ms: None,
        plugins: Vec::new(),
        failed_steps: 2,
        trigger: "orders".parse().ok(),
    };
    Run { head, event: event(), answer: None }
}

/// An event with a JSON body.
fn event() -> Event {
    let pair = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    Event {
        method: "POST".to_owned(),
        path: "/api/webhooks/a".to_owned(),
        ip: "::1".to_owned(),
        headers: pair("x-a", "1"),
        query: pair("q", "ü"),
        params: vec![],
        content: Content::Json,
        body: b"{\"a\":1}".to_vec(),
        origin: "https://example.com".into(),
        raw_query: "q=%C3%BC".to_owned(),
        notes: vec![Note::DedupeKeyMissing, Note::FilterUnanswered { why: "no such key: a".to_owned() }],
        trigger: Started { name: "orders".parse().ok(), kind: Some(StartKind::Webhook) },
    }
}

/// A finished step with that log line.
pub(super) fn entry(text: &str) -> Entry {
    Entry::Ended(StepRecord {
        step: "parse".parse().unwrap(),
        at: vec![3],
        attempt: 2,
        status: StepStatus::Succeeded,
        output: JsonText::parse("{\"a\": [1.50]}".to_owned()).unwrap(),
        error: None,
        logs: vec![LogLine { level: LogLevel::Warn, text: text.to_owned(), at_ms: 1 }],
        log_truncated: false,
        usage: Some(Usage {
            fuel: 1,
            peak_memory: 2,
            wall_us: 3,
            cpu_us: 4,
            host_calls: 5,
            bytes_in: 6,
            bytes_out: 7,
        }),
        calls: Vec::new(),
        started_ms: 5,
        took_us: 6,
    })
}

/// A line of the request log from the millisecond `n`.
pub(super) fn request(n: u64) -> RequestRecord {
    let run = RunId::new(n, [1; 10]);
    RequestRecord {
        id: RequestId::new(n, [2; 10]),
        workflow: None,
        method: "POST".to_owned(),
        path: "/".to_owned(),
        ip: "::1".to_owned(),
        body_bytes: n,
        status: 401,
        outcome: match n % 3 {
            0 => RequestOutcome::Accepted { run },
            1 => RequestOutcome::Duplicate { run },
            _ => RequestOutcome::Refused { code: "signature".to_owned(), reason: "no header".to_owned() },
        },
        took_us: 7,
        scheme: None,
        accepted_us: 5,
        kept_bytes: 0,
        notes: vec![Note::BodyNotDecoded { media_type: "image/png".to_owned() }],
    }
}
