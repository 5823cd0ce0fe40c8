//! A corpus of hostile scripts: each ends as its line says, within its limits, and no neighbour feels it.
//!
//! `hostile/*.js` hold them, one file a class of attack. A script begins with `//# name => expected`, where `expected`
//! lists what may happen, separated by `|`: error codes, or `ok` with the exact output of an attack that is harmless.
//! Several are listed only where it depends on sizes inside the engine which limit is met first. What follows ` ?? ` is a
//! known defect of the engine: what happens although it should not. The last test counts them, so that none is forgotten.

use std::{
    collections::HashSet,
    fs,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::support::{Request, TestServer, Workflow, root};

/// Requests of hostile scripts at once.
const CLIENTS: usize = 4;
/// What one script may hold.
const MEMORY: u64 = 16 << 20;
/// How much later than its limit a script may be seen to end on a machine that is busy with other tests.
const LATE: Duration = Duration::from_secs(5);
/// How much a server may grow, MiB: the slots of its pool, the runs that it keeps in memory, and fragments.
const GROWTH: u64 = 250;

/// Known defects of the engine that the corpus holds; only ever lower this.
const DEFECTS: usize = 27;

struct Case {
    name: String,
    source: String,
    expected: Vec<Expected>,
    defect: Option<Expected>,
}

#[derive(Debug)]
enum Expected {
    Output(Value),
    Code(String),
}

struct Bounds {
    fuel: u64,
    timeout: Duration,
    /// Allowed beside what a case says.
    also: &'static [&'static str],
}

/// Fuel ends what does not end by itself, on every machine at the same place.
const BY_FUEL: Bounds = Bounds { fuel: 100_000_000, timeout: Duration::from_secs(30), also: &[] };
/// Time does.
const BY_TIME: Bounds =
    Bounds { fuel: 100_000_000_000, timeout: Duration::from_millis(300), also: &["timeout"] };

fn cases(class: &str) -> Vec<Case> {
    let path = root().join("tests/it/hostile").join(class).with_extension("js");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let cases: Vec<_> = text.split("\n//# ").skip(1).map(case).collect();
    let names: HashSet<_> = cases.iter().map(|case| case.name.as_str()).collect();
    assert!(names.len() == cases.len() && cases.len() > 10, "{class}: a name twice, or too few cases");
    cases
}

fn case(text: &str) -> Case {
    let (title, source) = text.split_once('\n').expect("a title and a script");
    let (name, expected) = title.split_once(" => ").unwrap_or_else(|| panic!("no expectation: {title}"));
    let one = |text: &str| match text.strip_prefix("ok ") {
        Some(json) => Expected::Output(serde_json::from_str(json).unwrap_or_else(|_| panic!("{title}"))),
        None => Expected::Code(text.to_owned()),
    };
    let (expected, defect) = match expected.split_once(" ?? ") {
        Some((expected, defect)) => (expected, Some(one(defect))),
        None => (expected, None),
    };
    let expected: Vec<_> = expected.split('|').map(one).collect();
    assert!(!matches!(&expected[..], [Expected::Code(code)] if code == "engine_crash"), "{title}");
    Case { name: name.to_owned(), source: source.to_owned(), expected, defect }
}

/// Runs a class of scripts on one server, beside a neighbour who must get right answers all the while.
#[track_caller]
fn holds(class: &str, bounds: &Bounds) {
    let cases = cases(class);
    let limits = json!({ "fuel": bounds.fuel, "timeout": format!("{}ms", bounds.timeout.as_millis()), "memory": format!("{MEMORY}B") });
    let workflows =
        cases.iter().map(|case| Workflow::script(&case.name, &case.source).limits(limits.clone()));
    let mut server = TestServer::start(workflows.chain([Workflow::script("neighbour", NEIGHBOUR)]));
    let (pid, before) = (server.pid(), server.resident_mib());
    let (next, done, wrong) = (AtomicUsize::new(0), AtomicBool::new(false), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        let neighbour = scope.spawn(|| {
            let mut count = 0;
            while !done.load(Ordering::SeqCst) {
                neighbour(&server, count);
                count += 1;
                thread::sleep(Duration::from_millis(20));
            }
        });
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    while let Some(case) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
                        if let Err(what) = ends_as_expected(&server, case, bounds) {
                            wrong.lock().unwrap().push(format!("{}: {what}", case.name));
                        }
                    }
                })
            })
            .collect();
        let ended: Vec<_> = clients.into_iter().map(thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::SeqCst);
        neighbour.join().expect("the neighbour is served right whatever others do");
        assert!(ended.iter().all(Result::is_ok), "a client got no answer");
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(server.is_alive() && server.pid() == pid, "the server went down");
    neighbour(&server, 1_000_000);
    let after = server.resident_mib();
    assert!(after < before + GROWTH, "{before} MiB became {after} MiB");
}

/// Uses what the corpus attacks: prototypes, JSON, dates, patterns, promises, the input.
const NEIGHBOUR: &str = "
const { n } = context.query;
const sorted = [3, 1, 2].sort().map(x => x * 2);
const { a, ...rest } = JSON.parse('{\"a\":[1],\"b\":{\"c\":null}}');
const later = await Promise.all([1, Promise.resolve(2)].map(async x => (await x) + 1));
const keys = []; for (const key in { own: 1 }) keys.push(key);
return { n, sorted, a, rest, later, keys, date: new Date(0), text: `${'a-b'.replace(/-/g, '+')}`, odd: typeof ({}).then + typeof ({}).polluted };";

#[track_caller]
fn neighbour(server: &TestServer, count: u32) {
    let response = server.send(&Request::get(&format!("/api/webhooks/neighbour?n={count}")));
    let expected = json!({
        "n": count.to_string(), "sorted": [2, 4, 6], "a": [1], "rest": { "b": { "c": null } }, "later": [2, 3],
        "keys": ["own"], "date": "1970-01-01T00:00:00.000Z", "text": "a+b", "odd": "undefinedundefined",
    });
    assert_eq!((response.status, response.json()), (200, expected));
}

fn ends_as_expected(server: &TestServer, case: &Case, bounds: &Bounds) -> Result<(), String> {
    let response = server.hook(&case.name);
    if ![200, 500].contains(&response.status) {
        return Err(format!("HTTP {} {}", response.status, response.text()));
    }
    let run = server.run(&response.run_id());
    let (error, usage) = (&run["error"], &run["steps"][0]["usage"]);
    let code = error["code"].as_str();
    let fits = |expected: &Expected| match expected {
        Expected::Output(output) => response.status == 200 && response.json() == *output,
        Expected::Code(expected) => code == Some(expected),
    };
    let allowed = case.expected.iter().chain(&case.defect).any(fits)
        || code.is_some_and(|code| bounds.also.contains(&code));
    if !allowed {
        let got = if code.is_some() { error.to_string() } else { response.text() };
        let got: String = got.chars().take(300).collect();
        return Err(format!("{got}, expected {:?}", case.expected));
    }
    let number = |name: &str| usage[name].as_u64().ok_or(format!("no {name} in {usage}"));
    let took = Duration::from_micros(number("wall_us")?);
    if number("peak_memory")? > MEMORY || number("fuel")? > bounds.fuel || took > bounds.timeout + LATE {
        return Err(format!("over its limits: {usage}"));
    }
    Ok(())
}

#[test]
fn constructors_lead_to_no_host() {
    holds("constructors", &Bounds { fuel: 1_000_000_000, ..BY_FUEL });
}

#[test]
fn polluted_prototypes_stay_in_their_run() {
    // One of them reads everything that there is, which runs each module of Node.
    holds("pollution", &Bounds { fuel: 1_000_000_000, ..BY_FUEL });
}

#[test]
fn outputs_that_lie_or_grow_are_written_or_refused() {
    holds("outputs", &BY_FUEL);
}

#[test]
fn patterns_that_backtrack_are_stopped() {
    holds("regex", &BY_FUEL);
}

#[test]
fn memory_bombs_of_every_type_are_stopped() {
    holds("memory", &Bounds { fuel: 1_000_000_000, ..BY_FUEL });
}

#[test]
fn endless_code_of_every_kind_is_stopped_by_fuel() {
    holds("endless", &BY_FUEL);
}

#[test]
fn endless_code_of_every_kind_is_stopped_by_time() {
    holds("endless", &BY_TIME);
}

#[test]
fn recursion_of_every_kind_is_stopped() {
    holds("recursion", &Bounds { fuel: 1_000_000_000, ..BY_FUEL });
}

#[test]
fn depth_in_values_and_sources_is_no_crash() {
    holds("nesting", &Bounds { fuel: 1_000_000_000, ..BY_FUEL });
}

#[test]
fn whatever_is_thrown_is_an_error_of_the_script() {
    holds("errors", &BY_FUEL);
}

#[test]
fn promises_out_of_order_settle_or_fail() {
    holds("promises", &BY_FUEL);
}

#[test]
fn odd_numbers_dates_and_texts_are_no_trouble() {
    holds("numbers", &BY_FUEL);
}

#[test]
fn buffers_that_vanish_under_a_built_in_are_no_trouble() {
    holds("buffers", &BY_FUEL);
}

#[test]
fn scripts_that_brought_down_engines_bring_down_none() {
    holds("engines", &BY_FUEL);
}

#[test]
fn languages_and_encodings_cost_fuel_and_end_by_a_limit() {
    // What a loop over formatters throws away is collected, but may not fit the 16 MiB of this server before.
    holds("languages", &Bounds { fuel: 4_000_000_000, also: &["memory_limit"], ..BY_FUEL });
}

#[test]
fn logs_are_bounded_and_run_nothing_for_ever() {
    holds("logs", &BY_FUEL);
}

#[test]
fn every_file_of_the_corpus_has_its_test() {
    let tests = fs::read_to_string(root().join("tests/it/hostile.rs")).unwrap();
    let (mut count, mut defects) = (0, Vec::new());
    for entry in fs::read_dir(root().join("tests/it/hostile")).unwrap() {
        let path = entry.unwrap().path();
        let class = path.file_stem().unwrap().to_str().unwrap();
        assert!(tests.contains(&format!("holds(\"{class}\"")), "{class} is run by no test");
        let cases = cases(class);
        count += cases.len();
        let known = cases.into_iter().filter(|case| case.defect.is_some());
        defects.extend(known.map(|case| format!("{class}/{}", case.name)));
    }
    assert!(count >= 500, "{count} scripts");
    println!("known defects: {}", defects.join(", "));
    assert!(defects.len() <= DEFECTS, "{} known defects, {DEFECTS} before", defects.len());
}
