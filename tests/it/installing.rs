//! A version that takes its time to be installed holds nobody up.

use serde_json::json;

use crate::support::{Request, Setup, Workflow};

#[test]
fn s8_requests_are_answered_while_a_version_with_heavy_top_levels_is_compiled() {
    let server = Setup::default()
        .workflows([Workflow::script("small", "return 1")])
        .variable("FLOWCELL_LOG_LEVEL", "debug")
        .start();
    let names: Vec<_> = (0..8).map(|number| format!("heavy{number}.js")).collect();
    let steps: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(number, name)| json!({ "id": format!("s{number}"), "type": "code", "file": name }))
        .collect();
    let heavy = "let sum = 0;\nfor (let i = 0; i < 2_000_000; i++) sum += i;\nexport default () => sum;";
    let workflow =
        Workflow { files: Vec::new(), ..Workflow::script("heavy", "") }.set(json!({ "steps": steps }));
    names.iter().fold(workflow, |workflow, name| workflow.file(name, heavy)).write(&server.workflows());
    server.wait_for_log("a version is compiled");
    let begun = || server.stderr().matches("a version is compiled").count();
    let installed = || server.stderr().contains("workflow installed workflow=heavy");
    crate::support::wait_until("the heavy one is begun", 20, || begun() == 2);
    for number in 0..20 {
        assert_eq!(server.send(&Request::get("/healthz")).status, 200);
        assert_eq!(server.hook("small").json(), 1);
        assert!(!installed(), "the install was over before answer {number}");
    }
    crate::support::wait_until("it is installed", 60, installed);
}
