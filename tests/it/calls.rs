//! What scripts ask of the host: fetch, kv, sleep, respond, step.run, secrets; performed once, over kills and restarts.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{Receiver, Request, Setup, Sink, TestServer, Workflow, wait_until};

/// Four hundred runs' worth of counting must be exact.
const COUNTS: usize = 400;

fn send(server: &TestServer, key: &str, body: &Value) -> String {
    let response = server.send(&Request::post(&format!("/api/webhooks/{key}")).json(body));
    assert_eq!(response.status, 202, "{}", response.text());
    response.run_id()
}

fn succeeded(server: &TestServer, run: &str) -> Value {
    wait_until("the run ends", 60, || {
        !matches!(server.run(run)["status"].as_str(), Some("queued" | "waiting"))
    });
    let view = server.run(run);
    assert_eq!(view["status"], "succeeded", "{view:#}");
    view
}

fn output(view: &Value) -> &Value {
    &view["steps"][0]["output"]
}

fn start(receiver: &Receiver, workflows: impl IntoIterator<Item = Workflow>) -> TestServer {
    Setup::default().workflows(workflows).variable("FLOWCELL_NET_ALLOW", &receiver.host()).start()
}

#[test]
fn a_script_fetches_and_reads_the_answer() {
    let receiver = Receiver::start();
    let script = "const url = context.data.url;\n\
        const [one, two] = await Promise.all([\n\
          fetch(url + '/a?x=1', { method: 'POST', headers: { 'X-Mine': 'yes' }, body: JSON.stringify({ n: 1 }) }),\n\
          fetch(url + '/b'),\n\
        ]);\n\
        return { ok: one.ok, status: one.status, kind: one.headers.get('content-type'), body: await one.json(),\n\
          url: one.url === url + '/a?x=1', text: typeof await two.text() };";
    let server = start(&receiver, [Workflow::script("fetches", script)]);
    let response = server.post("fetches", &json!({ "url": receiver.url("") }));
    assert_eq!(response.status, 200, "{}", response.text());
    let answer = response.json();
    assert_eq!((&answer["ok"], &answer["status"]), (&json!(true), &json!(200)), "{answer}");
    assert_eq!((&answer["kind"], &answer["url"]), (&json!("application/json"), &json!(true)), "{answer}");
    let mut requests = receiver.wait_for(2);
    requests.sort_by(|one, other| one.path.cmp(&other.path));
    assert_eq!(requests[0].header("x-mine"), Some("yes"));
    assert_eq!(requests[0].json(), json!({ "n": 1 }));
    assert!(requests[0].header("idempotency-key").is_some(), "one that changes something can be told again");
    assert!(requests[1].header("idempotency-key").is_none());
    let view = server.run(server.runs("fetches")[0]["id"].as_str().unwrap());
    let step = &view["steps"][0];
    assert_eq!(step["calls"].as_array().unwrap().len(), 2, "{step:#}");
    assert!(step["calls"].to_string().contains("POST http://127.0.0.1"), "{step:#}");
    assert!(!step["calls"].to_string().contains("x=1"), "queries are not shown: {step:#}");
    for figure in ["fuel", "cpu_us", "peak_memory", "host_calls", "bytes_in", "bytes_out"] {
        assert!(step["usage"][figure].as_u64().unwrap() > 0, "{figure}: {step:#}");
    }
}

#[test]
fn cve_ssrf_a_script_reaches_no_private_address() {
    let receiver = Receiver::start();
    let script = "try { await fetch(context.data.url); return 'reached'; } catch (error) { return [error.name, error.code, error.message, String(error.cause?.message)]; }";
    let server = TestServer::start([Workflow::script("reaches", script)]);
    for url in [&receiver.url("/"), "http://169.254.169.254/latest", "http://[::1]:1/", "file:///etc/passwd"]
    {
        let answer = server.post("reaches", &json!({ "url": url })).json();
        assert_eq!(answer[0], "TypeError", "{url}: {answer}");
        assert_ne!(answer[3], "undefined", "the cause says why: {answer}");
        assert_eq!(answer[2], format!("fetch failed: {}", answer[3].as_str().unwrap()), "{url}: {answer}");
    }
    assert!(receiver.requests().is_empty());
}

#[test]
fn what_a_script_keeps_is_there_for_the_next_run_and_counters_are_exact() {
    let server = TestServer::start([
        Workflow::script("counts", "const n = await kv.incr('n'); await kv.set('last', { n }); return n;")
            .asynchronous(),
        Workflow::script(
            "reads",
            "return [await kv.get('n'), await kv.get('last') !== undefined, (await kv.list()).entries.length];",
        ),
    ]);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..COUNTS / 4).for_each(|_| drop(send(&server, "counts", &json!({})))));
        }
    });
    wait_until("all have ended", 120, || server.runs("counts").iter().all(|run| run["took_ms"].is_u64()));
    for run in server.runs("counts") {
        assert_eq!(run["status"], "succeeded", "{run}");
    }
    let value = server.api("/api/v1/workflows/counts/kv/n");
    assert_eq!(value["value"], COUNTS, "{value}");
    let other = server.post("reads", &json!({})).json();
    assert_eq!(other, json!([null, true, 0]), "a workflow has a kv of its own");
}

#[test]
fn a_failed_attempt_leaves_no_kv_writes_and_a_retry_counts_once() {
    let script =
        "await kv.incr('n');\nif (step.attempt < 3) throw new Error('not yet');\nreturn kv.get('n');";
    let workflow = Workflow::script("again", script);
    let mut workflow = workflow;
    workflow.json["steps"][0]["retry"] = json!({ "attempts": 3, "backoff": "5ms" });
    let server = TestServer::start([workflow]);
    let response = server.post("again", &json!({}));
    assert_eq!((response.status, response.json()), (200, json!(1)), "{}", response.text());
}

#[test]
fn respond_answers_while_the_script_goes_on() {
    let receiver = Receiver::start();
    let script = "respond({ status: 202, headers: { 'X-Early': '1' }, json: { taken: true } });\n\
        await sleep('1500ms');\nawait fetch(context.data.url, { method: 'POST', body: 'after' });\nreturn 'late';";
    let server = start(&receiver, [Workflow::script("early", script)]);
    let asked = Instant::now();
    let response = server.post("early", &json!({ "url": receiver.url("/") }));
    assert!(asked.elapsed() < Duration::from_millis(1_400), "{:?}", asked.elapsed());
    assert_eq!((response.status, response.json()), (202, json!({ "taken": true })));
    assert_eq!(response.header("x-early"), Some("1"));
    assert_eq!(receiver.wait_for(1)[0].body, b"after");
}

#[test]
fn a_sleeping_script_holds_no_instance_and_goes_on_after_a_kill() {
    let receiver = Receiver::start();
    let script = "const before = Math.random(), at = Date.now();\n\
        await fetch(context.data.url + '/first', { method: 'POST', body: String(before) });\n\
        await sleep('3s');\n\
        const slept = Date.now() - at;\n\
        await fetch(context.data.url + '/second', { method: 'POST', body: String(before) });\n\
        return { slept, same: before };";
    let setup = Setup::default().workflows([Workflow::script("sleeps", script).asynchronous()]);
    let mut server = setup.variable("FLOWCELL_NET_ALLOW", &receiver.host()).start();
    let sent = Instant::now();
    let run = send(&server, "sleeps", &json!({ "url": receiver.url("") }));
    wait_until("the run waits", 20, || server.run(&run)["status"] == "waiting");
    assert_eq!(server.run(&run)["waiting"][0]["for"], "script");
    server.kill();
    server.restart();
    let view = succeeded(&server, &run);
    assert!(sent.elapsed() >= Duration::from_secs(3));
    assert!(output(&view)["slept"].as_u64().unwrap() >= 3_000, "{view:#}");
    let requests = receiver.requests();
    let paths: Vec<_> = requests.iter().map(|request| request.path.as_str()).collect();
    assert_eq!(paths, ["/first", "/second"], "the first call is not repeated");
    assert_eq!(requests[0].body, requests[1].body, "the same randomness before and after");
}

#[test]
fn kill_9_between_two_calls_repeats_the_first_never_and_makes_the_second_once() {
    // The first answers at once; the second never did before the kill, as it is made only when the first is stored.
    let sink = Sink::start(|call, _| {
        if call.body.ends_with("second") { (200, Duration::from_millis(400)) } else { (200, Duration::ZERO) }
    });
    let script = "const post = body => fetch(context.data.url, { method: 'POST', body: context.data.id + body });\n\
        await post(' first');\nlet n = 0;\nfor (let i = 0; i < 200_000; i++) n += i;\nawait post(' second');\nreturn n;";
    let setup = Setup::default().workflows([Workflow::script("two", script).asynchronous()]);
    let mut server = setup.variable("FLOWCELL_NET_ALLOW", &sink.host()).start();
    for round in 0..8_u64 {
        let made = |what: &str| -> Vec<_> {
            let body = format!("{round} {what}");
            sink.calls().into_iter().filter(|call| call.body == body).collect()
        };
        let run = send(&server, "two", &json!({ "url": sink.url(), "id": round.to_string() }));
        wait_until("the first call is made", 20, || !made("first").is_empty());
        thread::sleep(Duration::from_millis(round * 15));
        server.kill();
        let before = (made("first").len(), made("second").len());
        server.restart();
        succeeded(&server, &run);
        let (first, second) = (made("first"), made("second"));
        if before.1 > 0 {
            assert_eq!(first.len(), 1, "the first was stored, as the second had begun: {first:?}");
        }
        // A kill while a call is on its way, or its result is being stored, repeats that one with the same key.
        assert!(first.len() + second.len() <= 3, "one kill repeats one call at most: {first:?} {second:?}");
        for calls in [first, second] {
            assert!(!calls.is_empty() && calls.iter().all(|call| call.key == calls[0].key), "{calls:?}");
        }
    }
}

#[test]
fn step_run_remembers_over_attempts_and_a_retry_from_the_failed_step() {
    let receiver = Receiver::start();
    let script = "const charge = await step.run('charge', async () => (await fetch(context.data.url + '/charge', { method: 'POST' })).json());\n\
        const ship = await fetch(context.data.url + '/ship');\n\
        if (!ship.ok) throw new Error('shipping answered ' + ship.status);\nreturn charge;";
    let mut workflow = Workflow::script("order", script).asynchronous();
    workflow.json["steps"][0]["retry"] = json!({ "attempts": 2, "backoff": "5ms" });
    let server = start(&receiver, [workflow]);
    receiver.answer([200, 500, 500]);
    let run = send(&server, "order", &json!({ "url": receiver.url("") }));
    wait_until("the run fails", 30, || server.run(&run)["status"] == "failed");
    let retried = server.ask("POST", &format!("/api/v1/runs/{run}/retry"), &json!({}));
    let retried = retried.run_id();
    let view = succeeded(&server, &retried);
    assert_eq!(output(&view), &json!({ "n": 1 }), "what the first charge gave");
    let charges = receiver.requests().iter().filter(|request| request.path == "/charge").count();
    assert_eq!(charges, 1, "{:?}", receiver.requests());
}

#[test]
fn scripts_see_the_secrets_that_the_workflow_lists_and_leave_no_trace_of_them() {
    const VALUE: &str = "canary-5e1f-secret-value";
    let receiver = Receiver::start();
    let script = "console.log('key', secrets.API_KEY, secrets);\n\
        await fetch(context.data.url, { headers: { authorization: `Bearer ${secrets.API_KEY}` } });\n\
        let other; try { other = secrets.OTHER } catch (error) { other = error.message }\n\
        return { key: secrets.API_KEY, other };";
    let workflow = Workflow::script("uses", script).set(json!({ "secrets": ["API_KEY"] }));
    let server = start(&receiver, [workflow]);
    for name in ["API_KEY", "OTHER"] {
        let put = server.ask(
            "PUT",
            &format!("/api/v1/secrets/{name}"),
            &json!({ "value": VALUE.to_owned() + name }),
        );
        assert!(put.status < 300, "{}", put.text());
    }
    let response = server.post("uses", &json!({ "url": receiver.url("/") }));
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(receiver.wait_for(1)[0].header("authorization"), Some(&*format!("Bearer {VALUE}API_KEY")));
    let view = server.run(server.runs("uses")[0]["id"].as_str().unwrap());
    assert!(!response.text().contains(VALUE) && !view.to_string().contains(VALUE), "{view:#}");
    assert!(response.json()["other"].as_str().unwrap().contains("\"secrets\""), "{}", response.text());
}

#[test]
fn too_many_calls_and_calls_that_nobody_knows_end_in_clear_errors() {
    let many = Workflow::script("many", "for (;;) await kv.get('x');").limits(json!({ "calls": 50 }));
    let server = TestServer::start([
        many,
        Workflow::script("long", "await kv.set('k', 'x'.repeat(300_000));"),
        Workflow::script("never", "await new Promise(() => {});"),
    ]);
    let code = |key: &str| {
        assert_eq!(server.post(key, &json!({})).status, 500);
        server.run(server.runs(key)[0]["id"].as_str().unwrap())["error"].clone()
    };
    let error = code("many");
    assert_eq!((&error["code"], &error["limit"]["limit"]), (&json!("too_many_calls"), &json!(50)), "{error}");
    let error = code("long");
    assert_eq!(error["code"], "script_error", "{error}");
    assert!(error["message"].as_str().unwrap().contains("256"), "{error}");
    assert_eq!(code("never")["code"], "promise_never_settled");
}
