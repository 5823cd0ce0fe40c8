//! Several triggers in one workflow: each is its own in everything, a run knows which of them started it, and what a workflow
//! with one trigger has stored is found again when it gets a second one.

use std::{thread::sleep, time::Duration};

use serde_json::{Value, json};

use crate::support::{Request, Response, TestServer, Workflow, github_signature, wait_until, webhook};

fn every_second(name: &str) -> Value {
    json!({ "type": "schedule", "name": name, "cron": "* * * * * *", "missed": "skip", "input": { "by": name } })
}

fn send(server: &TestServer, path: &str, body: &Value) -> Response {
    server.send(&Request::post(&format!("/api/webhooks/{path}")).json(body))
}

/// What the runs of a workflow read as `context.trigger.name`, of those that have ended.
fn names(server: &TestServer, key: &str) -> Vec<String> {
    let ended = server.runs(key).into_iter().filter(|run| run["status"] == "succeeded");
    ended.map(|run| run["trigger"].as_str().unwrap_or("-").to_owned()).collect()
}

const SEEN: &str = "return context.trigger";

#[test]
fn a_run_is_told_which_trigger_started_it_in_scripts_templates_and_conditions() {
    let steps = json!([
        { "id": "script", "type": "code", "file": "seen.js" },
        { "id": "template", "type": "set", "values": "{{$context.trigger.type}} {{$context.trigger.name}}" },
        { "id": "cel", "type": "condition", "if": "context.trigger.name == 'returns'" },
        { "id": "parts", "type": "condition",
          "if": { "left": "{{$context.trigger.name}}", "op": "==", "right": "returns" } },
        { "id": "all", "type": "set",
          "values": ["{{$steps.script}}", "{{$steps.template}}", "{{$steps.cel}}", "{{$steps.parts}}"] },
    ]);
    let triggers = json!([
        webhook(json!({})),
        webhook(json!({ "name": "returns", "path": "/shop/returns/:id" })),
        { "type": "schedule", "name": "sum", "cron": "@yearly", "input": { "year": true } },
        { "type": "manual" },
    ]);
    let shop = Workflow::steps("shop", steps).file("seen.js", SEEN).triggers(triggers);
    let server = TestServer::start([shop]);
    let told = |kind: &str, name: &str| {
        let is = name == "returns";
        json!([{ "name": name, "type": kind }, format!("{kind} {name}"), is, is])
    };
    assert_eq!(send(&server, "shop", &json!(1)).json(), told("webhook", "webhook"));
    let returned = send(&server, "shop/returns/7", &json!(1));
    assert_eq!(returned.json(), told("webhook", "returns"));
    let run = server.run(&returned.run_id());
    assert_eq!((&run["trigger"], &run["context"]["params"]["id"]), (&json!("returns"), &json!("7")));

    let start = |query: &str, body: &Value| {
        let started = server.ask("POST", &format!("/api/v1/workflows/shop/runs{query}"), body);
        assert_eq!(started.status, 202, "{}", started.text());
        server.ended_run(&started.run_id())
    };
    let last = |run: &Value| run["steps"].as_array().unwrap().last().unwrap()["output"].clone();
    assert_eq!(last(&start("", &Value::Null)), told("manual", "manual"));
    let summed = start("?trigger=sum", &Value::Null);
    assert_eq!(last(&summed), told("schedule", "sum"));
    assert_eq!(summed["context"]["data"], json!({ "year": true }), "as when its time comes");
    assert!(summed["context"]["params"]["scheduled"].is_string() && summed["cause"] == "manual");
    let own = start("?trigger=sum", &json!({ "year": false }));
    assert_eq!(own["context"]["data"], json!({ "year": false }));
    assert_eq!(last(&start("?trigger=returns", &json!(1))), told("webhook", "returns"));

    let replayed = server.ask("POST", &format!("/api/v1/runs/{}/replay", returned.run_id()), &json!({}));
    assert_eq!(last(&server.ended_run(&replayed.run_id())), told("webhook", "returns"), "as the first run");

    let unknown = server.ask("POST", "/api/v1/workflows/shop/runs?trigger=gone", &Value::Null);
    assert_eq!((unknown.status, unknown.problem()), (422, "trigger_unknown".to_owned()));
    assert!(unknown.text().contains("webhook, returns, sum, manual"), "{}", unknown.text());
    assert_eq!(
        server.ask("POST", "/api/v1/workflows/shop/runs?triger=sum", &Value::Null).problem(),
        "bad_request"
    );
}

#[test]
fn a_run_that_no_trigger_started_is_told_that_too() {
    let calls = json!([{ "id": "call", "type": "subflow", "workflow": "seen", "input": 1 }]);
    let fails = json!([{ "id": "no", "type": "end", "status": "failed", "message": "no" }]);
    let manual = json!([{ "type": "schedule", "cron": "@yearly" }, { "type": "schedule", "name": "x", "cron": "@daily" }]);
    let server = TestServer::start([
        Workflow::script("seen", SEEN).triggers(manual),
        Workflow::steps("calls", calls).trigger(json!({ "mode": "sync", "sync_wait": "60s" })),
        Workflow::steps("fails", fails).set(json!({ "on_failure": "seen" })),
        Workflow::script("plain", SEEN),
    ]);
    assert_eq!(
        send(&server, "calls", &json!(1)).json()["output"],
        json!({ "name": null, "type": "subflow" })
    );
    assert_eq!(
        send(&server, "plain", &json!(1)).json(),
        json!({ "name": "webhook", "type": "webhook" }),
        "the one trigger of a workflow has the name of its type"
    );
    send(&server, "fails", &json!(1));
    let by = |kind: &str| {
        let expected = json!({ "name": null, "type": kind });
        wait_until(&format!("a run that {kind} started"), 20, || {
            server.runs("seen").iter().any(|run| {
                let run = server.run(run["id"].as_str().unwrap());
                run["context"]["trigger"] == expected && run["steps"][0]["output"] == expected
            })
        });
    };
    by("failure");
    let started = server.ask("POST", "/api/v1/workflows/seen/runs", &Value::Null);
    assert_eq!(started.status, 202);
    by("manual");
}

#[test]
fn each_webhook_verifies_reads_filters_and_answers_as_its_own_trigger_says() {
    let triggers = json!([
        webhook(
            json!({ "verify": { "scheme": "github", "secret": "github-secret" }, "filter": "context.data.ok" })
        ),
        webhook(
            json!({ "name": "form", "path": "/shop/form", "methods": ["PUT"], "body": "form", "max_body": "64B",
            "response": { "status": 201, "json": { "thanks": "{{$context.data.who}}" } } })
        ),
        webhook(
            json!({ "name": "later", "path": "/shop/later", "mode": "async", "filter": "context.data.n > 1" })
        ),
        webhook(json!({ "name": "keyed", "path": "/shop/keyed",
            "verify": { "scheme": "header", "header": "x-key", "secret": "k" } })),
    ]);
    let server =
        TestServer::start([
            Workflow::script("shop", "return [context.trigger.name, context.headers]").triggers(triggers)
        ]);
    let path = |name: &str| format!("/api/webhooks/shop{name}");

    assert_eq!(send(&server, "shop", &json!({ "ok": true })).status, 401, "nobody signed it");
    let signed = |body: &str| {
        let signature = github_signature(body.as_bytes(), "github-secret");
        server.send(&Request::post(&path("")).header("x-hub-signature-256", &signature).body(body))
    };
    let filtered = signed(r#"{"ok": false}"#);
    assert_eq!(filtered.status, 204);
    let signed = signed(r#"{"ok": true}"#);
    assert_eq!((signed.status, &signed.json()[0]), (200, &json!("webhook")));

    let form = |method: &str, body: &str| server.send(&Request::new(method, &path("/form")).form(body));
    assert_eq!(form("POST", "who=Ada").status, 405);
    let thanked = form("PUT", "who=Ada");
    assert_eq!((thanked.status, thanked.json()), (201, json!({ "thanks": "Ada" })));
    assert_eq!(form("PUT", &format!("who={}", "a".repeat(80))).status, 413);

    assert_eq!(send(&server, "shop/later", &json!({ "n": 1 })).status, 204);
    assert_eq!(send(&server, "shop/later", &json!({ "n": 2 })).status, 202);

    let keyed = |key: &str| server.send(&Request::post(&path("/keyed")).header("x-key", key).json(&json!(1)));
    assert_eq!(keyed("wrong").status, 401);
    let let_in = keyed("k");
    assert_eq!(let_in.json()[1]["x-key"], "[hidden]", "the secret of this trigger");
    let other = server.send(&Request::new("PUT", &path("/form")).header("x-key", "mine").form("who=Bo"));
    let run = server.run(&other.run_id());
    assert_eq!(run["context"]["headers"]["x-key"], "mine", "to this trigger it is a header like others");
}

#[test]
fn one_webhook_without_its_secret_does_not_take_the_others_down() {
    let triggers = json!([
        webhook(json!({ "verify": { "scheme": "github", "secret": "{{$env.NOT_SET_ANYWHERE}}" } })),
        webhook(json!({ "name": "open", "path": "/shop/open" })),
    ]);
    let server = TestServer::start([Workflow::script("shop", SEEN).triggers(triggers)]);
    assert_eq!(send(&server, "shop", &json!(1)).problem(), "webhook_unavailable");
    assert_eq!(send(&server, "shop/open", &json!(1)).json()["name"], "open");
    server.wait_for_log("triggers[0].verify");
}

#[test]
fn the_same_id_at_two_webhooks_is_two_events() {
    let by_id = json!({ "key": "{{$context.data.id}}" });
    let triggers = json!([
        webhook(json!({ "dedupe": by_id })),
        webhook(json!({ "name": "returns", "path": "/shop/returns", "dedupe": by_id })),
        webhook(json!({ "name": "all", "path": "/shop/all" })),
    ]);
    let server = TestServer::start([Workflow::script("shop", "return Math.random()").triggers(triggers)]);
    let event = json!({ "id": 7 });
    let first = send(&server, "shop", &event);
    let returned = send(&server, "shop/returns", &event);
    assert_ne!(first.json(), returned.json(), "the id of an order is not that of a return");
    for (path, answer) in [("shop", &first), ("shop/returns", &returned)] {
        let again = send(&server, path, &event);
        assert_eq!(again.header("idempotency-replayed"), Some("true"), "{path}");
        assert_eq!(again.json(), answer.json(), "{path}");
    }
    assert_eq!(send(&server, "shop/all", &event).header("idempotency-replayed"), None);
    assert_eq!(send(&server, "shop/all", &event).header("idempotency-replayed"), None);
}

#[test]
fn a_workflow_that_gets_a_second_trigger_keeps_its_dedupe_ids() {
    let own = webhook(json!({ "dedupe": { "key": "{{$context.data.id}}" } }));
    let mut one = Workflow::script("shop", "return Math.random()");
    one.json["trigger"] = own.clone();
    let mut server = TestServer::start([one]);
    let event = json!({ "id": 7 });
    let first = send(&server, "shop", &event);
    let daily = json!({ "type": "schedule", "cron": "@yearly" });
    let second = webhook(json!({ "name": "b", "path": "/shop/b" }));
    let both = Workflow::script("shop", "return Math.random()").triggers(json!([daily, second, own]));
    both.write(&server.workflows());
    wait_until("the second trigger is there", 20, || send(&server, "shop/b", &event).status == 200);
    let copy = |server: &TestServer| {
        let again = send(server, "shop", &event);
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        assert_eq!(again.json(), first.json());
    };
    copy(&server);
    server.stop();
    // The files of a setup are written once, before the first start.
    server.restart();
    copy(&server);
}

#[test]
fn two_schedules_start_their_own_runs_and_a_removed_one_stops_while_the_others_go_on() {
    let triggers = json!([
        webhook(json!({})),
        every_second("fast"),
        every_second("gone"),
        webhook(json!({ "name": "extra", "path": "/tick/extra" })),
    ]);
    let tick = |triggers| {
        Workflow::script("tick", "return context.data.by ?? context.trigger.name").triggers(triggers)
    };
    let server = TestServer::start([tick(triggers)]);
    let count = |name: &str| names(&server, "tick").iter().filter(|found| *found == name).count();
    wait_until("both have started runs", 20, || count("fast") > 1 && count("gone") > 1);
    for run in server.runs("tick") {
        let run = server.ended_run(run["id"].as_str().unwrap());
        assert_eq!(run["cause"], "schedule");
        assert_eq!(run["steps"][0]["output"], run["trigger"], "each has its own input");
    }
    assert_eq!(send(&server, "tick/extra", &json!({})).json(), "extra");

    tick(json!([webhook(json!({})), every_second("fast")])).write(&server.workflows());
    wait_until("the second webhook is gone", 20, || send(&server, "tick/extra", &json!({})).status == 404);
    // A run that is stored already may still be under way.
    sleep(Duration::from_millis(1_100));
    let (gone, fast) = (count("gone"), count("fast"));
    wait_until("the other schedule goes on", 20, || count("fast") > fast + 1);
    assert_eq!(count("gone"), gone, "a removed schedule starts nothing");
    assert_eq!(send(&server, "tick", &json!({})).json(), "webhook");

    tick(json!([webhook(json!({})), every_second("fast")]))
        .set(json!({ "enabled": false }))
        .write(&server.workflows());
    wait_until("it is disabled", 20, || send(&server, "tick", &json!({})).status == 404);
    sleep(Duration::from_millis(1_100));
    let fast = count("fast");
    sleep(Duration::from_millis(2_000));
    assert_eq!(count("fast"), fast, "no trigger of a disabled workflow starts a run");
}

#[test]
fn a_schedule_that_comes_back_makes_up_for_nothing() {
    let every = json!({ "type": "schedule", "name": "every", "cron": "* * * * * *", "missed": "run_all" });
    let extra = webhook(json!({ "name": "extra", "path": "/tick/extra" }));
    let tick =
        |triggers: Value| Workflow::script("tick", "return context.params.scheduled").triggers(triggers);
    let server = TestServer::start([tick(json!([webhook(json!({})), every]))]);
    wait_until("it fires", 20, || !server.runs("tick").is_empty());
    tick(json!([webhook(json!({})), extra])).write(&server.workflows());
    wait_until("it is gone", 20, || send(&server, "tick/extra", &json!(1)).status == 200);
    let gone = jiff::Timestamp::now().as_second();
    sleep(Duration::from_millis(3_000));
    let back = jiff::Timestamp::now().as_second();
    tick(json!([webhook(json!({})), every])).write(&server.workflows());
    let times = || -> Vec<i64> {
        let runs = server.runs("tick").into_iter().filter(|run| run["cause"] == "schedule");
        let ended = runs.map(|run| server.ended_run(run["id"].as_str().unwrap()));
        let at = |run: Value| run["steps"][0]["output"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        ended.map(|run| at(run).as_second()).collect()
    };
    wait_until("it fires again", 20, || times().iter().any(|at| *at > back));
    let between: Vec<i64> = times().into_iter().filter(|at| *at > gone && *at <= back).collect();
    assert!(between.is_empty(), "{between:?} between {gone} and {back}");
}

#[test]
fn a_schedule_keeps_its_last_time_when_the_workflow_gets_a_webhook() {
    // It fires at each second, and what it misses is made up for in one run each. A schedule that began anew would miss them.
    let schedule = json!({ "type": "schedule", "cron": "* * * * * *", "missed": "run_all" });
    let mut one = Workflow::script("tick", "return context.params.scheduled");
    one.json["trigger"] = schedule.clone();
    let mut server = TestServer::start([one]);
    wait_until("it has fired", 20, || !server.runs("tick").is_empty());
    server.stop();
    sleep(Duration::from_millis(2_500));
    let both = Workflow::script("tick", "return context.params.scheduled")
        .triggers(json!([webhook(json!({})), schedule]));
    both.write(&server.workflows());
    server.restart();
    sleep(Duration::from_millis(1_500));
    server.stop();
    server.restart();
    let mut times: Vec<String> = server
        .runs("tick")
        .iter()
        .map(|run| server.ended_run(run["id"].as_str().unwrap())["steps"][0]["output"].to_string())
        .collect();
    times.sort();
    let seconds: Vec<i64> = times
        .iter()
        .map(|time| time.trim_matches('"').parse::<jiff::Timestamp>().unwrap().as_second())
        .collect();
    assert!(seconds.len() >= 4, "{times:?}");
    assert!(
        seconds.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "no time is left out or run twice: {times:?}"
    );
}

#[test]
fn the_ends_of_different_workflows_are_different_triggers() {
    let after = |name: &str, workflow: &str, on: &str| json!({ "type": "workflow", "name": name, "workflows": [workflow], "on": [on] });
    let fails = json!([{ "id": "no", "type": "end", "status": "failed", "message": "no" }]);
    let triggers = json!([
        after("done", "good", "succeeded"),
        after("broken", "bad", "failed"),
        after("never", "bad", "succeeded")
    ]);
    let server = TestServer::start([
        Workflow::script("good", "return 1"),
        Workflow::steps("bad", fails),
        Workflow::script("after", SEEN).triggers(triggers),
    ]);
    send(&server, "good", &json!(1));
    send(&server, "bad", &json!(1));
    wait_until("both ends have started a run", 20, || names(&server, "after").len() == 2);
    let mut found = names(&server, "after");
    found.sort();
    assert_eq!(found, ["broken", "done"]);
}

#[test]
fn the_requests_of_all_webhooks_are_logged_and_sent_again_to_the_trigger_that_they_came_to() {
    let refuses = json!({ "filter": "context.data.ok", "filter_on_error": "refuse" });
    let triggers = json!([
        webhook(refuses.clone()),
        webhook(json!({ "name": "form", "path": "/shop/form/:id", "body": "form",
            "filter": "context.data.ok == 'yes'", "filter_on_error": "refuse" })),
    ]);
    let server =
        TestServer::start([Workflow::script("shop", "return context.trigger.name").triggers(triggers)]);
    let refused = server.send(&Request::post("/api/webhooks/shop/form/7").form("a=1"));
    assert_eq!(refused.problem(), "filter_unanswered");
    let line = server.newest_request(1);
    assert_eq!(line["workflow"], "shop");
    let resend = format!("/api/v1/requests/{}/resend", line["id"].as_str().unwrap());
    let run = server.ended_run(&server.ask("POST", &resend, &json!({})).run_id());
    assert_eq!((&run["trigger"], &run["cause"]), (&json!("form"), &json!("resend")));
    assert_eq!(run["context"]["data"], json!({ "a": "1" }), "read as this trigger reads it");
    assert_eq!(run["context"]["params"], json!({ "id": "7" }));
    assert_eq!(run["steps"][0]["output"], "form");
}

#[test]
fn what_all_triggers_share_is_the_workflows_kv_and_its_policies() {
    let source =
        "if (context.trigger.name === 'sum') return await kv.get('count'); return await kv.incr('count')";
    let triggers = json!([
        webhook(json!({})),
        webhook(json!({ "name": "b", "path": "/shop/b" })),
        { "type": "manual", "name": "sum" },
    ]);
    let shop = Workflow::script("shop", source)
        .triggers(triggers)
        .set(json!({ "concurrency": { "limit": 1, "key": "{{$context.trigger.name}}" } }));
    let server = TestServer::start([shop]);
    assert_eq!(send(&server, "shop", &json!(1)).json(), 1);
    assert_eq!(send(&server, "shop/b", &json!(1)).json(), 2);
    let started = server.command(&["runs", "start", "shop", "--wait", "--json"]);
    assert_eq!(started.code, 0, "{started:?}");
    let run: Value = serde_json::from_str(&started.stdout).unwrap();
    assert_eq!(
        (&run["steps"][0]["output"], &run["trigger"]),
        (&json!(2), &json!("sum")),
        "the only manual one"
    );
}

#[test]
fn a_broken_list_is_told_and_the_version_before_stays() {
    let server = TestServer::start([Workflow::script("shop", "return 1")]);
    let twice = json!([webhook(json!({})), webhook(json!({}))]);
    Workflow::script("shop", "return 2").triggers(twice).write(&server.workflows());
    server.wait_for_log("triggers[1].name");
    assert_eq!(send(&server, "shop", &json!(1)).json(), 1);
    let taken = json!([{ "type": "manual" }, webhook(json!({ "path": "/shop" }))]);
    Workflow::script("other", "return 3").triggers(taken).write(&server.workflows());
    server.wait_for_log("triggers[1].path: its path `/shop` is the key of `shop`");
}
