//! `scripts/bench scale`: one machine with much on it, beside an empty one. For each kind of much: how long a start takes, what
//! the server holds in memory, and how fast W1 is answered meanwhile.

use std::{
    fmt::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{Server, W1, load, payload, signed, soak, workflow, write_workflow};

/// How much of each kind. What is 0 is left out.
pub struct Scale {
    pub workflows: usize,
    pub schedules: usize,
    pub waiting: usize,
    /// GiB of ended runs.
    pub history: usize,
    /// How long W1 is measured.
    pub time: Duration,
}

/// Schedules of one workflow; 50 triggers are the most.
const SCHEDULES_EACH: usize = 50;
/// Connections that fill a store, and that W1 is measured with.
const FILLING: usize = 64;
const MEASURED: usize = 8;
/// The body of a run that fills the history, bytes.
const HISTORY_BODY: usize = 1 << 18;

impl Scale {
    /// `--workflows N --schedules N --waiting N --history GIB`; what is not said is 10,000, 100,000,
    /// 1,000,000 and 2 GiB.
    pub fn parse(arguments: &[String], time: Duration) -> Self {
        let of = |name: &str, usual: usize| {
            let at = arguments.iter().position(|argument| argument == name);
            at.and_then(|at| arguments.get(at + 1)).and_then(|text| text.parse().ok()).unwrap_or(usual)
        };
        Self {
            workflows: of("--workflows", 10_000),
            schedules: of("--schedules", 100_000),
            waiting: of("--waiting", 1_000_000),
            history: of("--history", 2),
            time,
        }
    }
}

/// Prints one line for each kind, with an empty server first and last.
pub fn scale(folder: &Path, cache: &Path, scale: &Scale) {
    println!(
        "{:<34} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8} {:>9}",
        "", "start ms", "RSS MiB", "private", "p50 us", "p99 us", "per s", "disk MiB"
    );
    let place = |name: &str| Place::new(folder, cache, name);
    measure(&place("empty"), "empty", scale.time);
    if scale.workflows > 0 {
        let place = place("workflows");
        for number in 0..scale.workflows {
            let script = format!("const limit = {number};\n{W1}");
            let step = json!([{ "id": "w1", "type": "code", "file": "w1.js" }]);
            place.workflow(&format!("many-{number}"), webhook("sync"), step, &[("w1.js", &script)]);
        }
        measure(&place, &format!("{} workflows", scale.workflows), scale.time);
        measure(&place, "the same, started again", scale.time);
    }
    if scale.schedules > 0 {
        let place = place("schedules");
        for number in 0..scale.schedules.div_ceil(SCHEDULES_EACH) {
            let trigger = |schedule: usize| {
                let (minute, hour) = ((number + schedule) % 60, (number + schedule) / 60 % 24);
                json!({ "name": format!("s{schedule}"), "type": "schedule", "cron": format!("{minute} {hour} * * *") })
            };
            let triggers = (0..SCHEDULES_EACH).map(trigger).collect();
            place.workflow(&format!("timed-{number}"), triggers, nothing(), &[("nothing.js", "return 1")]);
        }
        measure(&place, &format!("{} schedules", scale.schedules), scale.time);
        measure(&place, "the same, started again", scale.time);
    }
    if scale.waiting > 0 {
        let place = place("waiting");
        let steps = json!([{ "id": "wait", "type": "delay", "for": "30d" }]);
        place.workflow("fill", webhook("async"), steps, &[]);
        place.fill(br#"{"order":4711}"#, scale.waiting);
        measure(&place, &format!("{} waiting runs", scale.waiting), scale.time);
    }
    if scale.history > 0 {
        let place = place("history");
        place.workflow("fill", webhook("sync"), nothing(), &[("nothing.js", "return 1")]);
        // Not one value, which would be as cheap as the empty text once it is compressed.
        let mut body = String::from(r#"{"text":""#);
        for number in 0..HISTORY_BODY / 8 {
            write!(body, "{number:08x}").expect("a text takes everything");
        }
        body.push_str(r#""}"#);
        place.fill(body.as_bytes(), (scale.history << 30) / HISTORY_BODY);
        measure(&place, &format!("{} GiB of history", scale.history), scale.time);
    }
    measure(&place("empty"), "empty", scale.time);
}

fn webhook(mode: &str) -> Value {
    json!({ "type": "webhook", "mode": mode, "verify": { "scheme": "github", "secret": crate::SECRET } })
}

fn nothing() -> Value {
    json!([{ "id": "nothing", "type": "code", "file": "nothing.js" }])
}

/// Workflows and data of one line of the table.
struct Place<'a> {
    workflows: std::path::PathBuf,
    data: std::path::PathBuf,
    cache: &'a Path,
}

impl<'a> Place<'a> {
    fn new(folder: &Path, cache: &'a Path, name: &str) -> Self {
        let (workflows, data) = (folder.join(name).join("workflows"), folder.join(name).join("data"));
        write_workflow(&workflows, "sync", "1h");
        Self { workflows, data, cache }
    }

    fn workflow(&self, key: &str, trigger: Value, steps: Value, files: &[(&str, &str)]) {
        workflow(&self.workflows, key, &trigger, &steps, files);
    }

    /// The server, and how long it took until it listened.
    fn start(&self) -> (Server, Duration) {
        let before = Instant::now();
        let keep = [
            ("FLOWCELL_RETENTION_SUCCEEDED", "30d"),
            ("FLOWCELL_RETENTION_MAX_BYTES", "1024GiB"),
            ("FLOWCELL_ENGINE_WAITING_RUNS", "10000000"),
            ("FLOWCELL_ENGINE_WAITING_BYTES", "1024GiB"),
        ];
        let server = Server::flowcell_with(&self.workflows, &self.data, self.cache, &keep);
        (server, before.elapsed())
    }

    /// Sends `count` events to the workflow `fill`.
    fn fill(&self, body: &[u8], count: usize) {
        let (server, _) = self.start();
        let status = if body.len() > HISTORY_BODY { 200 } else { 202 };
        let request = signed(&server.address, ["/api/webhooks/fill".to_owned()], body, status);
        let each = count.div_ceil(FILLING);
        let time = Duration::from_secs(3_600);
        let sent = load::run(
            &load::Load { address: server.address.clone(), connections: FILLING, time, each },
            &request,
        );
        assert!(sent.stats.count() >= count, "only {} of {count} were accepted", sent.stats.count());
        server.stop();
    }
}

fn measure(place: &Place<'_>, name: &str, time: Duration) {
    let (server, start) = place.start();
    let request =
        signed(&server.address, ["/api/webhooks/w1-sync".to_owned()], &payload("push-2k.json"), 200);
    let load =
        |time| load::Load { address: server.address.clone(), connections: MEASURED, time, each: usize::MAX };
    load::run(&load(time / 4), &request);
    let stats = load::run(&load(time), &request).stats;
    let mib = |bytes: u64| bytes >> 20;
    println!(
        "{name:<34} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8.0} {:>9}",
        start.as_millis(),
        mib(soak::memory(server.pid(), "VmRSS:")),
        mib(soak::memory(server.pid(), "RssAnon:")),
        stats.quantile(0.5).as_micros(),
        stats.quantile(0.99).as_micros(),
        stats.per_second(),
        mib(soak::size(&place.data)),
    );
}
