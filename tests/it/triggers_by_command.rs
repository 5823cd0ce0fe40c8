//! Several triggers in one workflow, for the commands: `check` names the field of each mistake, lists say which triggers there
//! are, and a run or a fixture names the one that its event comes to.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Request, Setup, Workflow, flowcell, poll, webhook};

fn check(workflow: &Workflow) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    workflow.write(folder.path());
    let told = flowcell(["check".into(), folder.path().join(&workflow.key)]);
    (told.code, told.stdout)
}

#[test]
fn check_names_the_field_of_every_mistake_and_what_to_do() {
    let hook = |members| webhook(members);
    let cases = [
        (json!([hook(json!({})), { "type": "schedule", "cron": "@daily" }]), 0, "", "ok"),
        (json!([]), 1, "triggers: ", "give at least one trigger"),
        (json!({ "type": "webhook" }), 1, "triggers: ", "write [ and ] around it"),
        (json!(["webhook"]), 1, "triggers[0]: ", "expected an object"),
        (
            json!([{ "type": "manual" }, { "type": "mail" }]),
            1,
            "triggers[1].type: ",
            "known are webhook, schedule",
        ),
        (
            json!([hook(json!({})), hook(json!({}))]),
            1,
            "triggers[1].name: ",
            "Give each trigger its own name",
        ),
        (
            json!([{ "type": "schedule", "cron": "@daily" }, { "type": "schedule", "cron": "@hourly" }]),
            1,
            "triggers[1].name: ",
            "\"name\": \"schedule-2\"",
        ),
        (
            json!([hook(json!({})), hook(json!({ "name": "b" }))]),
            1,
            "triggers[1].path: ",
            "\"path\": \"/shop/b\"",
        ),
        (
            json!([hook(json!({ "path": "/x/:id" })), hook(json!({ "name": "b", "path": "/x/:name" }))]),
            1,
            "triggers[1].path: ",
            "of triggers[0] lead to the same requests",
        ),
        (json!([hook(json!({ "name": "a b" }))]), 1, "triggers[0].name: ", "cannot be a trigger's name"),
        (
            json!([hook(json!({ "methodz": [] }))]),
            1,
            "triggers[0].methodz: ",
            "known are type, name, methods",
        ),
        (json!([hook(json!({ "max_body": "1GiB" }))]), 1, "triggers[0].max_body: ", "32MiB"),
        (
            json!([{ "type": "manual" }, hook(json!({ "charset": "x" }))]),
            1,
            "triggers[1].charset: ",
            "no charset",
        ),
        (json!([hook(json!({ "filter": "steps.a" }))]), 1, "triggers[0].filter: ", "read context"),
        (
            json!([hook(json!({ "dedupe": true }))]),
            1,
            "triggers[0].dedupe: ",
            "which field is the delivery's id?",
        ),
        (json!([hook(json!({ "dedupe": { "key": "x" } }))]), 1, "triggers[0].dedupe.key: ", "read a field"),
        (
            json!([hook(json!({ "dedupe": { "key": "{{$context.data.id}}" } }))]),
            0,
            "triggers[0].dedupe: ",
            "warning",
        ),
        (
            json!([{ "type": "manual" }, hook(json!({ "verify": { "scheme": "hmac", "header": "x y", "secret": "k" } }))]),
            1,
            "triggers[1].verify",
            "header",
        ),
        (json!([hook(json!({ "handshake": true }))]), 1, "triggers[0].handshake: ", "name a preset"),
        (
            json!([hook(json!({ "response": { "json": "{{$steps.gone}}" } }))]),
            1,
            "triggers[0].response: ",
            "step `gone`, which does not exist",
        ),
        (
            json!([{ "type": "manual" }, { "type": "schedule", "cron": "0 0 30 2 *" }]),
            1,
            "triggers[1].cron: ",
            "never fires",
        ),
        (
            json!([{ "type": "schedule", "cron": "@daily", "timezone": "Mars" }]),
            1,
            "triggers[0].timezone: ",
            "no time zone",
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    let key = |number: usize| format!("shop{number:02}");
    for (number, (triggers, ..)) in cases.iter().enumerate() {
        Workflow::script(&key(number), "return 1").triggers(triggers.clone()).write(folder.path());
    }
    // One command for all of them, as each start of the engine takes a while.
    let checked = flowcell(["check".into(), folder.path().to_owned()]);
    assert_eq!(checked.code, 1, "{checked:?}");
    for (number, (triggers, code, field, part)) in cases.into_iter().enumerate() {
        let named = format!("/{}", key(number));
        let told: Vec<&str> = checked.stdout.lines().filter(|line| line.contains(&named)).collect();
        assert_eq!(told.iter().any(|line| line.ends_with(": ok")), code == 0, "{triggers}: {told:?}");
        let part = part.replace("/shop/", &format!("{named}/"));
        let placed = |line: &&str| line.contains("workflow.json:") && line.contains(field);
        let found = told.iter().any(|line| line.contains(&part) && (field.is_empty() || placed(line)));
        assert!(found, "{triggers}: {told:?}");
    }
    let mut both = Workflow::script("shop", "return 1");
    both.json["triggers"] = json!([{ "type": "manual" }]);
    let (ended, told) = check(&both);
    assert!(
        ended == 1 && told.contains("triggers: `trigger` and `triggers` cannot stand together"),
        "{told}"
    );
    let mut list = Workflow::script("shop", "return 1");
    list.json["trigger"] = json!([{ "type": "manual" }]);
    let (ended, told) = check(&list);
    assert!(ended == 1 && told.contains("trigger: ") && told.contains("name it `triggers`"), "{told}");
    let waits =
        Workflow::script("shop", "return 1").triggers(json!([{ "type": "manual" }, webhook(json!({}))]));
    let (ended, told) = check(&waits.set(json!({ "debounce": { "wait": "1s" } })));
    assert!(ended == 1 && told.contains("set triggers[1].mode to async"), "{told}");
}

#[test]
fn the_commands_say_which_triggers_there_are_and_which_one_started_a_run() {
    let triggers = json!([
        webhook(json!({})),
        webhook(json!({ "name": "returns", "path": "/shop/returns", "methods": ["POST", "PUT"] })),
        { "type": "schedule", "name": "sum", "cron": "0 6 * * *", "timezone": "Europe/Berlin" },
    ]);
    let server = Setup::default()
        .workflows([
            Workflow::script("shop", "return context.trigger").triggers(triggers),
            Workflow::script("plain", "return 1"),
        ])
        .start();
    let said = |words: &[&str]| {
        let said = server.command(words);
        assert_eq!(said.code, 0, "{said:?}");
        said.stdout
    };
    let listed = said(&["workflows", "list"]);
    let line = |key: &str| {
        listed.lines().find(|line| line.starts_with(key)).unwrap_or_else(|| panic!("{listed}")).to_owned()
    };
    assert!(line("shop").contains("webhook, webhook returns, schedule sum"), "{listed}");
    assert!(line("plain").contains("webhook ") && !line("plain").contains("webhook webhook"), "{listed}");
    let shown = said(&["workflows", "show", "shop"]);
    for part in
        ["POST /api/webhooks/shop ", "POST, PUT /api/webhooks/shop/returns", "0 6 * * * Europe/Berlin"]
    {
        assert!(shown.lines().any(|line| format!("{line} ").contains(part)), "{part}: {shown}");
    }
    let json: Value = serde_json::from_str(&said(&["workflows", "show", "shop", "--json"])).unwrap();
    let told: Vec<_> = json["triggers"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
    assert_eq!(told, ["webhook", "returns", "sum"]);
    assert!(json["triggers"][2]["next"].is_string() && json["next"] == json["triggers"][2]["next"]);
    assert_eq!((&json["trigger"], &json["path"]), (&json!("webhook"), &json!("/api/webhooks/shop")));
    let gone = server.command(&["workflows", "show", "shp"]);
    assert!(gone.code != 0 && gone.stderr.contains("`shop`"), "{gone:?}");

    server.send(&Request::post("/api/webhooks/shop/returns").json(&json!(1)));
    let started = server.command(&["runs", "start", "shop", "--trigger", "sum"]);
    assert_eq!(started.code, 0, "{started:?}");
    let listed = poll("both runs are listed", 20, || {
        Some(said(&["runs", "list", "--workflow", "shop"]))
            .filter(|text| text.matches("succeeded").count() == 2)
    });
    assert!(
        listed.contains("STARTED BY") && listed.contains("webhook returns") && listed.contains("manual sum"),
        "{listed}"
    );
    let shown = said(&["runs", "show", started.stdout.trim()]);
    assert!(shown.contains("manual, trigger sum"), "{shown}");
    let unknown = server.command(&["runs", "start", "shop", "--trigger", "gone"]);
    assert!(unknown.code == 2 && unknown.stderr.contains("webhook, returns, sum"), "{unknown:?}");
}

#[test]
fn a_fixture_and_a_run_in_memory_come_to_the_trigger_that_they_name() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = |trigger: Option<&str>, name: &str| {
        let mut fixture = json!({ "event": { "data": 1 }, "expect": { "steps": { "main": name } } });
        if let Some(trigger) = trigger {
            fixture["trigger"] = trigger.into();
        }
        fixture.to_string()
    };
    let one = json!([webhook(json!({})), { "type": "schedule", "name": "sum", "cron": "@daily" }]);
    let shop = Workflow::script("shop", "return context.trigger.name")
        .triggers(one)
        .file("fixtures/hook.json", &fixture(None, "webhook"))
        .file("fixtures/sum.json", &fixture(Some("sum"), "sum"));
    shop.write(folder.path());
    let shop = folder.path().join("shop").display().to_string();
    let tested = flowcell(["test", &shop]);
    assert!(tested.code == 0 && tested.stdout.contains("2 passed, 0 failed"), "{tested:?}");
    let run = |folder: &str, words: &[&str]| {
        let run = flowcell([&["run", folder, "--event", "{}"], words].concat());
        let output = serde_json::from_str::<Value>(&run.stdout).map(|run| run["steps"][0]["output"].clone());
        (run.code, output.unwrap_or_default(), run.stderr)
    };
    assert_eq!(run(&shop, &[]).1, "webhook", "an event is a request, where there is one webhook");
    assert_eq!(run(&shop, &["--trigger", "sum"]).1, "sum");
    let (code, _, told) = run(&shop, &["--trigger", "gone"]);
    assert!(
        code == 2 && told.contains("there is no trigger `gone`; the workflow has webhook, sum"),
        "{told}"
    );
    let wrong = folder.path().join("shop/fixtures/wrong.json");
    fs::write(wrong, fixture(Some("gone"), "x")).unwrap();
    let tested = flowcell(["test", &shop]);
    assert!(
        tested.code == 2 && tested.stderr.contains("wrong.json") && tested.stderr.contains("`gone`"),
        "{tested:?}"
    );

    let two = json!([webhook(json!({})), webhook(json!({ "name": "b", "path": "/two/b" }))]);
    Workflow::script("two", "return context.trigger.name").triggers(two).write(folder.path());
    let two = folder.path().join("two").display().to_string();
    let (code, _, told) = run(&two, &[]);
    assert!(
        code == 2 && told.contains("say which one is meant: webhook, b") && told.contains("--trigger"),
        "{told}"
    );
    assert_eq!(run(&two, &["--trigger", "b"]).1, "b");
    fs::create_dir(format!("{two}/fixtures")).unwrap();
    fs::write(format!("{two}/fixtures/any.json"), fixture(None, "b")).unwrap();
    let tested = flowcell(["test", &two]);
    assert!(tested.code == 2 && tested.stderr.contains("say which one is meant: webhook, b"), "{tested:?}");
    let tested = flowcell(["test", &two, "--trigger", "b"]);
    assert!(tested.code == 0 && tested.stdout.contains("1 passed, 0 failed"), "{tested:?}");
}
