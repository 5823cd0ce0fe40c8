//! What is counted: for `/metrics`, for the statistics of the last 24 hours, and for the health page. All of them show the same
//! numbers.
//!
//! What happens often finds its counters in one table by the workflow's key and adds to them without a lock of its own, but for
//! the short one around the hour. Nothing here waits, and nothing is stored: counters begin with the process. The statistics of
//! a day are counted again from the history at a start (`recount`).

mod day;
mod gauges;
mod labels;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use prometheus_client::{
    encoding::text,
    metrics::{counter::Counter, family::Family, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};

pub use self::{
    day::{Day, Hour, Tally},
    gauges::Figures,
};
pub(crate) use day::Happened;

use self::gauges::Gauges;
use crate::model::{Entry, RequestOutcome, RequestRecord, RunHead, RunStatus, StepStatus, WorkflowKey};

/// Workflows that are counted apart. What belongs to more is counted together.
const MOST_WORKFLOWS: usize = 1_000;
/// The label of what belongs to no workflow, such as a request for a path that leads nowhere.
const NO_WORKFLOW: &str = "";
/// The label of all workflows beyond the most that are counted apart. No key has such a name.
const OTHER_WORKFLOWS: &str = "(others)";
/// The bounds of the durations of runs, seconds.
const RUN_SECONDS: [f64; 10] = [0.005, 0.025, 0.1, 0.25, 1.0, 5.0, 30.0, 120.0, 600.0, 3_600.0];
/// The bounds of the durations of commits, seconds.
const COMMIT_SECONDS: [f64; 10] = [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0];

type Histograms = Family<labels::Workflow, Histogram, fn() -> Histogram>;

/// What an end of a step is counted as.
const STEPS: [&str; 3] = ["succeeded", "failed", "retried"];
const RUNS: [&str; 3] = ["succeeded", "failed", "cancelled"];
const REQUESTS: [&str; 7] =
    ["accepted", "duplicate", "refused", "skipped", "called_back", "handshake", "filtered"];

/// What the attempts of a run came to since its last commit.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    /// Attempts that failed and are followed by another.
    pub(crate) retried: u64,
    pub(crate) fuel: u64,
}

impl Attempts {
    /// Counts the end of an attempt.
    pub(crate) fn count(&mut self, entry: &Entry) {
        let record = match entry {
            Entry::Ended(record) => {
                match record.status {
                    StepStatus::Succeeded => self.succeeded += 1,
                    StepStatus::Failed => self.failed += 1,
                }
                record
            }
            Entry::Retrying(record, _) => {
                self.retried += 1;
                record
            }
            Entry::Begun(..) | Entry::Waiting { .. } | Entry::Cookies { .. } => return,
        };
        self.fuel += record.usage.map_or(0, |usage| usage.fuel);
    }

    /// Whether any has ended.
    pub(crate) fn any(&self) -> bool {
        self.succeeded + self.failed + self.retried > 0
    }
}

/// The counters of one workflow.
#[derive(Debug)]
struct OfWorkflow {
    runs: [Counter; 3],
    took: Histogram,
    steps: [Counter; 3],
    fuel: Counter,
    requests: [Counter; 7],
    day: Mutex<Day>,
}

/// Everything that is counted.
#[derive(Debug)]
pub struct Numbers {
    registry: Registry,
    runs: Family<labels::Outcome, Counter>,
    took: Histograms,
    steps: Family<labels::Outcome, Counter>,
    fuel: Family<labels::Workflow, Counter>,
    requests: Family<labels::Outcome, Counter>,
    refused: Family<labels::Code, Counter>,
    commits: Histogram,
    gauges: Gauges,
    by_workflow: RwLock<HashMap<WorkflowKey, Arc<OfWorkflow>>>,
    /// What belongs to no workflow, and what to those that are not counted apart.
    none: Arc<OfWorkflow>,
    others: Arc<OfWorkflow>,
    all: Mutex<Day>,
}

impl Default for Numbers {
    fn default() -> Self {
        let mut registry = Registry::default();
        let runs = Family::default();
        registry.register("flowcell_runs", "Runs that have ended", runs.clone());
        let took: Histograms = Family::new_with_constructor(|| Histogram::new(RUN_SECONDS));
        let help = "The time from the acceptance of a run to its end";
        registry.register_with_unit("flowcell_run_duration", help, Unit::Seconds, took.clone());
        let steps = Family::default();
        registry.register("flowcell_steps", "Attempts of steps that have ended", steps.clone());
        let fuel = Family::default();
        registry.register("flowcell_step_fuel", "Fuel that scripts and plugins used", fuel.clone());
        let requests = Family::default();
        registry.register("flowcell_requests", "Requests to webhooks and callbacks", requests.clone());
        let refused = Family::default();
        registry.register("flowcell_refused", "Requests that were refused", refused.clone());
        let commits = Histogram::new(COMMIT_SECONDS);
        let help = "The time until a batch of a run was durable";
        registry.register_with_unit("flowcell_commit_duration", help, Unit::Seconds, commits.clone());
        let gauges = Gauges::registered(&mut registry);
        let build = Info::new(labels::Build { version: env!("CARGO_PKG_VERSION") });
        registry.register("flowcell_build", "The version of this server", build);
        let families = (&runs, &took, &steps, &fuel, &requests);
        let none = Arc::new(OfWorkflow::labelled(NO_WORKFLOW, families));
        let others = Arc::new(OfWorkflow::labelled(OTHER_WORKFLOWS, families));
        Self {
            registry,
            runs,
            took,
            steps,
            fuel,
            requests,
            refused,
            commits,
            gauges,
            by_workflow: RwLock::default(),
            none,
            others,
            all: Mutex::default(),
        }
    }
}

type Families<'a> = (
    &'a Family<labels::Outcome, Counter>,
    &'a Histograms,
    &'a Family<labels::Outcome, Counter>,
    &'a Family<labels::Workflow, Counter>,
    &'a Family<labels::Outcome, Counter>,
);

impl OfWorkflow {
    /// All of them are made at once, so that a scrape shows zeros before anything happens.
    fn labelled(name: &str, (runs, took, steps, fuel, requests): Families<'_>) -> Self {
        let alone = labels::Workflow { workflow: name.to_owned() };
        let of = |family: &Family<labels::Outcome, Counter>, outcome| {
            family.get_or_create_owned(&labels::Outcome { workflow: name.to_owned(), outcome })
        };
        Self {
            runs: RUNS.map(|outcome| of(runs, outcome)),
            took: took.get_or_create_owned(&alone),
            steps: STEPS.map(|outcome| of(steps, outcome)),
            fuel: fuel.get_or_create_owned(&alone),
            requests: REQUESTS.map(|outcome| of(requests, outcome)),
            day: Mutex::default(),
        }
    }
}

/// A lock that no panic makes useless: counts stay counts.
fn count(day: &Mutex<Day>, at_ms: u64, now_ms: u64, happened: Happened) {
    day.lock().unwrap_or_else(PoisonError::into_inner).count(at_ms, now_ms, happened);
}

impl Numbers {
    /// The counters of a workflow.
    fn of(&self, workflow: &WorkflowKey) -> Arc<OfWorkflow> {
        let known = self.by_workflow.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(workflow) {
            return Arc::clone(known);
        }
        if known.len() >= MOST_WORKFLOWS {
            return Arc::clone(&self.others);
        }
        drop(known);
        let mut known = self.by_workflow.write().unwrap_or_else(PoisonError::into_inner);
        let families = (&self.runs, &self.took, &self.steps, &self.fuel, &self.requests);
        let made = || Arc::new(OfWorkflow::labelled(workflow.as_str(), families));
        Arc::clone(known.entry(workflow.clone()).or_insert_with(made))
    }

    /// A batch of a run became durable after so long.
    pub(crate) fn committed(&self, took: Duration) {
        self.commits.observe(took.as_secs_f64());
    }

    /// Attempts of a run have ended.
    pub(crate) fn attempts(&self, workflow: &WorkflowKey, attempts: &Attempts) {
        let of = self.of(workflow);
        let ends = [attempts.succeeded, attempts.failed, attempts.retried];
        for (counter, number) in of.steps.iter().zip(ends) {
            counter.inc_by(number);
        }
        of.fuel.inc_by(attempts.fuel);
    }

    /// A run has ended.
    pub(crate) fn run_ended(&self, head: &RunHead, now_ms: u64) {
        let of = self.of(&head.workflow);
        let Some(end) = end_of(head) else { return };
        of.runs[end].inc();
        let took_ms = took_ms(head);
        of.took.observe(Duration::from_millis(took_ms).as_secs_f64());
        if let Some((at_ms, happened)) = happened(head) {
            count(&of.day, at_ms, now_ms, happened);
            count(&self.all, at_ms, now_ms, happened);
        }
    }

    /// A line was written to the request log.
    pub(crate) fn request(&self, record: &RequestRecord, now_ms: u64) {
        let of = match &record.workflow {
            Some(workflow) => self.of(workflow),
            None => Arc::clone(&self.none),
        };
        let verdict = match &record.outcome {
            RequestOutcome::Accepted { .. } => 0,
            RequestOutcome::Duplicate { .. } => 1,
            RequestOutcome::Refused { code, .. } => {
                let workflow = record.workflow.as_ref().map_or(NO_WORKFLOW, |workflow| workflow.as_str());
                let apart = !Arc::ptr_eq(&of, &self.others);
                let workflow = if apart { workflow } else { OTHER_WORKFLOWS };
                let labels = labels::Code { workflow: workflow.to_owned(), code: code.clone() };
                self.refused.get_or_create(&labels).inc();
                count(&of.day, now_ms, now_ms, Happened::Refused);
                count(&self.all, now_ms, now_ms, Happened::Refused);
                2
            }
            RequestOutcome::Skipped { .. } => 3,
            RequestOutcome::CalledBack { .. } => 4,
            RequestOutcome::Handshake { .. } => 5,
            RequestOutcome::Filtered => 6,
        };
        of.requests[verdict].inc();
    }

    /// Counts for the statistics alone what happened before this process began.
    pub(crate) fn recount(
        &self,
        workflow: Option<&WorkflowKey>,
        at_ms: u64,
        now_ms: u64,
        happened: Happened,
    ) {
        let of = workflow.map_or_else(|| Arc::clone(&self.none), |workflow| self.of(workflow));
        count(&of.day, at_ms, now_ms, happened);
        count(&self.all, at_ms, now_ms, happened);
    }

    /// The last 24 hours of one workflow, or of all together with what belongs to none.
    pub fn day(&self, workflow: Option<&WorkflowKey>) -> Day {
        let day = |day: &Mutex<Day>| day.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match workflow {
            None => day(&self.all),
            Some(workflow) => {
                let known = self.by_workflow.read().unwrap_or_else(PoisonError::into_inner);
                known.get(workflow).map(|of| day(&of.day)).unwrap_or_default()
            }
        }
    }

    /// The sums of the last 24 hours of each workflow that was counted.
    pub fn sums(&self, now_ms: u64) -> BTreeMap<WorkflowKey, Tally> {
        let known = self.by_workflow.read().unwrap_or_else(PoisonError::into_inner);
        let sum = |of: &OfWorkflow| of.day.lock().unwrap_or_else(PoisonError::into_inner).sum(now_ms);
        known.iter().map(|(workflow, of)| (workflow.clone(), sum(of))).collect()
    }

    /// Everything as OpenMetrics text, with these figures of the present.
    pub fn text(&self, figures: &Figures) -> String {
        self.gauges.set(figures);
        let mut text = String::new();
        // A string takes everything.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}

/// What an ended run is counted as.
fn end_of(head: &RunHead) -> Option<usize> {
    match head.status {
        RunStatus::Succeeded => Some(0),
        RunStatus::Failed => Some(1),
        RunStatus::Cancelled => Some(2),
        RunStatus::Queued | RunStatus::Waiting => None,
    }
}

fn took_ms(head: &RunHead) -> u64 {
    head.finished_ms.unwrap_or(head.created_ms).saturating_sub(head.created_ms)
}

/// What an ended run is in the statistics, and when; a cancelled one is neither good nor bad.
pub(crate) fn happened(head: &RunHead) -> Option<(u64, Happened)> {
    let (at_ms, took_ms) = (head.finished_ms?, took_ms(head));
    match head.status {
        RunStatus::Succeeded => Some((at_ms, Happened::Ok { took_ms })),
        RunStatus::Failed => Some((at_ms, Happened::Failed { took_ms })),
        RunStatus::Cancelled | RunStatus::Queued | RunStatus::Waiting => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RequestId;

    fn refused(workflow: Option<&str>, code: &str) -> RequestRecord {
        RequestRecord {
            id: RequestId::new(1, [0; 10]),
            workflow: workflow.map(|key| key.parse().unwrap()),
            method: "POST".to_owned(),
            path: "/api/webhooks/secret-path".to_owned(),
            ip: "192.0.2.7".to_owned(),
            body_bytes: 0,
            status: 401,
            outcome: RequestOutcome::Refused { code: code.to_owned(), reason: "why".to_owned() },
            took_us: 1,
            scheme: None,
            accepted_us: 1,
            kept_bytes: 0,
            notes: Vec::new(),
        }
    }

    const NOW: u64 = 1_790_000_000_000;

    #[test]
    fn a_refused_request_is_counted_by_its_code_and_nothing_of_its_sender_is_shown() {
        let numbers = Numbers::default();
        numbers.request(&refused(Some("a"), "signature_invalid"), NOW);
        numbers.request(&refused(None, "webhook_unknown"), NOW);
        let text = numbers.text(&Figures::default());
        for line in [
            "flowcell_refused_total{workflow=\"a\",code=\"signature_invalid\"} 1",
            "flowcell_refused_total{workflow=\"\",code=\"webhook_unknown\"} 1",
            "flowcell_requests_total{workflow=\"a\",outcome=\"refused\"} 1",
            "flowcell_requests_total{workflow=\"a\",outcome=\"accepted\"} 0",
        ] {
            assert!(text.lines().any(|other| other == line), "{line}: {text}");
        }
        assert!(!text.contains("secret-path") && !text.contains("192.0.2.7"));
        assert!(text.ends_with("# EOF\n"));
        assert_eq!(numbers.day(None).sum(NOW).refused, 2);
        assert_eq!(numbers.sums(NOW).values().map(|sum| sum.refused).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn workflows_without_end_are_counted_together() {
        let numbers = Numbers::default();
        for number in 0..MOST_WORKFLOWS + 10 {
            numbers.request(&refused(Some(&format!("w{number}")), "rate_limited"), NOW);
        }
        let text = numbers.text(&Figures::default());
        let line = "flowcell_refused_total{workflow=\"(others)\",code=\"rate_limited\"} 10";
        assert!(text.contains(line));
        assert_eq!(numbers.sums(NOW).len(), MOST_WORKFLOWS);
        assert_eq!(numbers.day(None).sum(NOW).refused, MOST_WORKFLOWS as u64 + 10);
    }

    #[test]
    fn figures_of_the_present_are_shown_as_they_are() {
        let numbers = Numbers::default();
        let figures = Figures { pending_runs: 7, process_cpu_seconds: 1.5, ..Figures::default() };
        for _ in 0..2 {
            let text = numbers.text(&figures);
            for line in
                ["flowcell_pending_runs 7", "process_cpu_seconds_total 1.5", "flowcell_store_free_bytes -1"]
            {
                assert!(text.lines().any(|other| other == line), "{line}: {text}");
            }
        }
    }
}
