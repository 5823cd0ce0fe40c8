//! `sandbox.metering = "time"`: no fuel is counted, and scripts end by their time alone.

use serde_json::json;

use crate::support::{Setup, TestServer, Workflow};

fn timed(workflows: impl IntoIterator<Item = Workflow>) -> TestServer {
    Setup::default().workflows(workflows).variable("FLOWCELL_SANDBOX_METERING", "time").start()
}

const SUM: &str = "
let sum = 0;
for (let i = 0; i < 1000; i++) sum += i;
return [sum, new Date(0).toLocaleDateString('de-DE', { timeZone: 'UTC' }), ['ä', 'z', 'a'].sort((a, b) => a.localeCompare(b))];
";

#[test]
fn scripts_give_the_same_answers_and_their_usage_has_no_fuel() {
    let server = timed([Workflow::script("sum", SUM)]);
    // Often enough that instances are kept and used again.
    for _ in 0..20 {
        let response = server.hook("sum");
        assert_eq!((response.status, response.json()), (200, json!([499_500, "1.1.1970", ["a", "ä", "z"]])));
    }
    let run = server.run(server.runs("sum")[0]["id"].as_str().unwrap());
    let usage = &run["steps"][0]["usage"];
    assert_eq!(usage["fuel"], 0, "{usage}");
    assert!(usage["cpu_us"].as_u64().unwrap() > 0, "{usage}");
}

#[test]
fn a_script_that_never_ends_is_stopped_by_its_timeout() {
    let endless = [
        ("loop", "for (;;) {}"),
        ("regex", "return /^(a+)+$/.test('a'.repeat(40) + 'b')"),
        (
            "sort",
            "for (;;) Array.from({ length: 1000 }, (_, i) => String(-i)).sort((a, b) => a.localeCompare(b, 'de'))",
        ),
        ("promises", "const again = () => Promise.resolve().then(again); return again()"),
    ];
    let quick = |(key, source)| Workflow::script(key, source).limits(json!({ "timeout": "300ms" }));
    let server = timed(endless.map(quick).into_iter().chain([Workflow::script("sum", SUM)]));
    for (key, _) in endless {
        assert_eq!(server.hook(key).status, 500, "{key}");
        let run = &server.runs(key)[0];
        assert_eq!(run["error"]["code"], "timeout", "{run}");
        assert_eq!(server.hook("sum").status, 200, "after {key}");
    }
}

#[test]
fn a_limit_of_fuel_that_would_hold_nothing_is_refused_with_its_place() {
    let limited = Workflow::script("limited", "return 1").limits(json!({ "fuel": 1_000_000 }));
    let server = timed([limited, Workflow::script("sum", SUM)]);
    server.wait_for_log("steps[0].limits.fuel: this server counts no fuel for scripts");
    assert_eq!((server.hook("limited").status, server.hook("sum").status), (404, 200));
}
