//! `flowcell types`: what editors are told about a workflow.

use std::fs;

use serde_json::json;

use crate::support::{Workflow, flowcell};

fn order() -> Workflow {
    Workflow::steps(
        "order",
        json!([
            { "id": "parse", "type": "code", "file": "parse.ts" },
            { "id": "paid", "type": "condition", "if": "true", "then": [
                { "id": "notify", "type": "http", "url": "{{$env.NOTIFY_URL}}", "on_error": "continue" },
            ] },
            { "id": "pick", "type": "query", "language": "jmespath", "query": "items", "output_schema": { "type": "array", "items": { "type": "string" } } },
        ]),
    )
    .set(json!({ "env": ["SHOP"] }))
    .file("parse.ts", "export default ((context) => context.data.items.map((item) => item.price)) satisfies Flowcell.Main;")
    .file("fixtures/a.json", r#"{ "event": { "data": { "id": 1, "items": [{ "price": 2, "tags": [] }], "note": null } } }"#)
    .file("fixtures/b.json", r#"{ "event": { "data": { "id": "x-2", "items": [{ "price": 2.5, "tags": ["new"], "gift-wrap": true }] } } }"#)
}

#[test]
fn an_editor_is_told_what_a_workflow_reads() {
    let root = tempfile::tempdir().unwrap();
    order().write(root.path());
    let written = flowcell(["types".into(), root.path().to_owned()]);
    assert_eq!(written.code, 0, "{written:?}");
    let read = |file: &str| fs::read_to_string(root.path().join(file)).unwrap();
    insta::assert_snapshot!("types_of_a_workflow", read("order/types.d.ts"));
    insta::assert_snapshot!("tsconfig_of_a_workflow", read("order/tsconfig.json"));
    assert!(read("flowcell.d.ts").contains("declare const context: Flowcell.Context;"));

    // Written again, the user's own settings stay; and none of it is code.
    fs::write(root.path().join("order/tsconfig.json"), "{}").unwrap();
    assert_eq!(flowcell(["types".into(), root.path().to_owned()]).code, 0);
    assert_eq!(read("order/tsconfig.json"), "{}");
    let checked = flowcell(["check".into(), root.path().join("order")]);
    assert_eq!(checked.code, 0, "{checked:?}");
}

#[test]
fn types_says_which_workflow_is_wrong_and_where() {
    let root = tempfile::tempdir().unwrap();
    assert_eq!(flowcell(["types".into(), root.path().to_owned()]).code, 2, "no workflows");
    order().write(root.path());
    fs::create_dir(root.path().join("bad")).unwrap();
    fs::write(root.path().join("bad/workflow.json"), "{}").unwrap();
    let written = flowcell(["types".into(), root.path().to_owned()]);
    assert_eq!(written.code, 1);
    assert!(written.stdout.contains("bad/workflow.json:1:1"), "{}", written.stdout);
    assert!(root.path().join("order/types.d.ts").exists(), "the others are written");
}
