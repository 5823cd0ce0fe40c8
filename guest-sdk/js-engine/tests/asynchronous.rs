//! Host calls from both sides: what the guest asks for, in which order, and what becomes of the answers. Runs natively.

use std::cell::RefCell;

use flowcell_js_engine::{
    Answer, Engine, Inputs,
    host::{self, Level},
};
use serde_json::{Value, json};

thread_local! {
    static ENGINE: RefCell<Engine> = RefCell::new(Engine::new());
}

/// One run of one script, driven by the test as the host would. A new one takes the engine from the one before.
struct Run;

impl Run {
    fn new(source: &str) -> Self {
        Self::with_files(source, &[])
    }

    #[track_caller]
    fn with_files(source: &str, files: &[(&str, &str)]) -> Self {
        let prepared = ENGINE.with_borrow_mut(|engine| prepare(engine, source, files));
        assert_eq!(prepared, Ok(()));
        Self
    }

    fn start(&mut self) -> Value {
        self.start_with(&json!({ "data": {} }), &json!({ "TOKEN": "t0p" }))
    }

    fn start_with(&mut self, context: &Value, secrets: &Value) -> Value {
        let meta = json!({ "run": "run_1", "workflow": "flow", "step": "parse", "attempt": 2, "secrets_listed": ["TOKEN", "EMPTY"] });
        let (context, secrets, meta) = (context.to_string(), secrets.to_string(), meta.to_string());
        let inputs = Inputs {
            context: context.as_bytes(),
            raw_body: b"",
            steps: br#"{"x":{"list":[1,2,3],"text":"more than what is parsed at once"}}"#,
            env: br#"{"length":0}"#,
            scopes: b"{}",
            secrets: secrets.as_bytes(),
            meta: meta.as_bytes(),
        };
        plain(ENGINE.with_borrow_mut(|engine| engine.call(&inputs)))
    }

    fn resume(&mut self, id: u32, payload: &Value) -> Value {
        resume(id, b"ok", payload)
    }

    fn fail(&mut self, id: u32, payload: &Value) -> Value {
        resume(id, b"error", payload)
    }
}

fn resume(id: u32, outcome: &[u8], payload: &Value) -> Value {
    let (id, payload) = (id.to_string(), payload.to_string());
    plain(ENGINE.with_borrow_mut(|engine| engine.resume(id.as_bytes(), outcome, payload.as_bytes())))
}

fn prepare(engine: &mut Engine, source: &str, files: &[(&str, &str)]) -> Result<(), Value> {
    let checked = match engine.check(b"main.js", source.as_bytes()) {
        Answer::Ok(bytes) => serde_json::from_slice::<Value>(&bytes).unwrap(),
        other => return Err(plain(other)["error"].clone()),
    };
    let form = checked["form"].as_str().unwrap().to_owned();
    let files: Vec<_> = files.iter().map(|(name, source)| (name.as_bytes(), source.as_bytes())).collect();
    match engine.prepare(form.as_bytes(), b"main.js", source.as_bytes(), &files) {
        Answer::Ok(_) => Ok(()),
        other => Err(plain(other)["error"].clone()),
    }
}

/// `{"ok"}`, `{"error"}` or `{"calls","cancel"}`.
fn plain(answer: Answer) -> Value {
    let read = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
    match answer {
        Answer::Ok(bytes) => json!({ "ok": read(&bytes) }),
        Answer::Error(bytes) => json!({ "error": read(&bytes) }),
        Answer::Pending(bytes) => read(&bytes),
    }
}

fn calls(list: Value) -> Value {
    json!({ "calls": list, "cancel": [] })
}

fn timer(id: u32, ms: u32) -> Value {
    json!({ "id": id, "op": "timer", "args": { "ms": ms } })
}

fn response(status: u16, body: &str) -> Value {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    json!({ "status": status, "status_text": "OK", "url": "https://a.b/", "redirected": false,
        "headers": [["content-type", "application/json"], ["set-cookie", "a=1"], ["set-cookie", "b=2"]],
        "body": BASE64_STANDARD.encode(body) })
}

#[test]
fn calls_are_told_in_the_order_of_issue_and_answered_in_any() {
    let mut run = Run::new(
        "const [a, b] = await Promise.all([kv.get('a'), kv.get('b')]); return [a, b, await kv.incr('n', 2, { ttl: '1h' })]",
    );
    assert_eq!(
        run.start(),
        calls(json!([
            { "id": 1, "op": "kv.get", "args": { "key": "a" } },
            { "id": 2, "op": "kv.get", "args": { "key": "b" } },
        ]))
    );
    assert_eq!(run.resume(2, &json!({ "value": { "x": [1] } })), calls(json!([])));
    assert_eq!(
        run.resume(1, &json!({})),
        calls(json!([{ "id": 3, "op": "kv.incr", "args": { "key": "n", "by": 2, "ttl_ms": 3_600_000 } }]))
    );
    assert_eq!(run.resume(3, &json!(7)), json!({ "ok": [null, { "x": [1] }, 7] }));
}

#[test]
fn the_kv_of_another_workflow_is_read_and_never_written() {
    let mut run = Run::new(
        "const orders = kv.of('orders'); return [await orders.get('a'), await orders.list({ prefix: 'b', limit: 2, after: 'bb' }), await kv.list('c')]",
    );
    assert_eq!(
        run.start(),
        calls(json!([{ "id": 1, "op": "kv.get", "args": { "key": "a", "of": "orders" } }]))
    );
    assert_eq!(
        run.resume(1, &json!({ "value": 5 })),
        calls(
            json!([{ "id": 2, "op": "kv.list", "args": { "prefix": "b", "limit": 2, "after": "bb", "of": "orders" } }])
        )
    );
    let page = json!({ "entries": [], "next": null });
    assert_eq!(
        run.resume(2, &page),
        calls(json!([{ "id": 3, "op": "kv.list", "args": { "prefix": "c", "limit": 100 } }]))
    );
    assert_eq!(run.resume(3, &page), json!({ "ok": [5, page, page] }));
    for (source, message) in [
        ("kv.of()", "kv.of takes the key of a workflow"),
        ("kv.of('')", "kv.of takes the key of a workflow"),
        ("kv.of({ toString: () => 'orders' })", "kv.of takes the key of a workflow"),
        ("kv.of('orders').set('a', 1)", "kv.of('orders').set: the kv of another workflow can only be read"),
        ("kv.of('orders').incr('a')", "kv.of('orders').incr: the kv"),
        ("kv.of('orders').get(1)", "kv.get: the key must be text"),
        ("kv.of('orders').list({ limit: 0 })", "kv.list: the limit must be"),
        ("kv.of('orders').get = 1", "get"),
    ] {
        let told = Run::new(&format!("'use strict'; {source}")).start();
        let message_of = told["error"]["message"].as_str().unwrap_or_default();
        assert!(message_of.contains(message), "{source}: {told}");
    }
}

#[test]
fn a_race_leaves_the_loser_to_be_waited_for_unless_it_is_a_timer() {
    let mut run = Run::new(
        "const late = new Promise((r) => setTimeout(r, 50, 'late')); return Promise.race([late, kv.get('k')])",
    );
    assert_eq!(
        run.start(),
        calls(json!([timer(1, 50), { "id": 2, "op": "kv.get", "args": { "key": "k" } }]))
    );
    assert_eq!(run.resume(2, &json!({ "value": 1 })), json!({ "ok": 1 }));

    assert_eq!(run.start()["calls"].as_array().unwrap().len(), 2);
    let after = run.resume(1, &Value::Null);
    assert_eq!(after, calls(json!([])), "the script is done, the read is not");
    assert_eq!(run.resume(2, &json!({})), json!({ "ok": "late" }));
}

#[test]
fn timers_fire_their_callbacks_and_can_be_cleared() {
    let mut run = Run::new(
        "const seen = []; let n = 0;
         const early = setTimeout(() => seen.push('never'), 5); clearTimeout(early);
         const told = setTimeout(() => seen.push('never'), 900);
         await new Promise((done) => { const i = setInterval((x) => { seen.push(x + n); if (++n === 2) { clearInterval(i); clearTimeout(told); done(); } }, 10, 'i'); });
         await sleep('2d');
         return seen",
    );
    assert_eq!(run.start(), calls(json!([timer(1, 900), timer(2, 10)])));
    assert_eq!(run.resume(2, &Value::Null), calls(json!([timer(3, 10)])));
    assert_eq!(
        run.resume(3, &Value::Null),
        json!({ "calls": [{ "id": 4, "op": "sleep", "args": { "ms": 172_800_000 } }], "cancel": [1] })
    );
    assert_eq!(run.resume(4, &Value::Null), json!({ "ok": ["i0", "i1"] }));
}

#[test]
fn timers_that_nobody_waits_for_are_dropped_with_the_script() {
    let mut run = Run::new("setTimeout(() => console.log('x'), 10); kv.set('k', { a: 1 }); return 5");
    assert_eq!(
        run.start(),
        calls(json!([{ "id": 1, "op": "kv.set", "args": { "key": "k", "value": { "a": 1 } } }]))
    );
    assert_eq!(run.resume(1, &Value::Null), json!({ "ok": 5 }));
}

#[test]
fn errors_of_the_host_are_thrown_where_the_call_was_made() {
    let source = "async function load() {\n  return await kv.get('k');\n}\nreturn await load()";
    let mut run = Run::new(source);
    run.start();
    let error =
        run.fail(1, &json!({ "name": "TypeError", "message": "no", "code": "E_NO" }))["error"].clone();
    assert_eq!(
        (&error["name"], &error["message"], &error["line"], &error["code"]),
        (&json!("TypeError"), &json!("no"), &json!(2), &json!("script_error"))
    );
    let stack = error["stack"].as_str().unwrap();
    assert!(stack.starts_with("TypeError: no\n    at load (main.js:2:1"), "{stack}");
    assert!(stack.contains("main.js:4:14"), "{stack}");

    let mut run = Run::new(
        "try { await sleep(1) } catch (e) { return [e.name, e.message, e.code, e instanceof Error, e instanceof DOMException, String(e)] }",
    );
    run.start();
    assert_eq!(
        run.fail(1, &json!({ "name": "TimeoutError", "message": "slow" })),
        json!({ "ok": ["TimeoutError", "slow", 23, true, true, "TimeoutError: slow"] })
    );
    run.start();
    assert_eq!(
        run.fail(1, &json!({ "name": "LimitError", "message": "m", "code": "host_calls" })),
        json!({ "ok": ["LimitError", "m", "host_calls", true, false, "LimitError: m"] })
    );
}

#[test]
fn errors_in_callbacks_and_lost_rejections_fail_the_call_at_their_place() {
    for (source, line, column, message) in [
        (
            "await new Promise(() => setTimeout(() => {\n  throw new Error('in timer')\n}, 1))",
            2,
            9,
            "in timer",
        ),
        ("setTimeout(async () => { null.x }, 1); await sleep(9)", 1, 31, "null"),
        ("const p = kv.get('k').then(() => { throw new RangeError('lost') }); await sleep(9)", 1, 42, "lost"),
    ] {
        let mut run = Run::new(source);
        run.start();
        let error = run.resume(1, &json!({}))["error"].clone();
        assert_eq!((&error["line"], &error["column"]), (&json!(line), &json!(column)), "{source}: {error}");
        assert!(error["message"].as_str().unwrap().contains(message), "{error}");
    }
}

#[test]
fn step_run_remembers_and_names_repeats() {
    let source = "const out = []; for (const n of [1, 2]) out.push(await step.run('charge', async () => ({ n, u: undefined, at: await kv.get('k') }))); return out";
    let mut run = Run::new(source);
    assert_eq!(run.start(), calls(json!([{ "id": 1, "op": "memo.get", "args": { "name": "charge" } }])));
    assert_eq!(
        run.resume(1, &json!({})),
        calls(json!([{ "id": 2, "op": "kv.get", "args": { "key": "k" } }]))
    );
    assert_eq!(
        run.resume(2, &json!({ "value": "v" })),
        calls(
            json!([{ "id": 3, "op": "memo.put", "args": { "name": "charge", "value": { "n": 1, "at": "v" } } }])
        )
    );
    assert_eq!(
        run.resume(3, &Value::Null),
        calls(json!([{ "id": 4, "op": "memo.get", "args": { "name": "charge#2" } }]))
    );
    assert_eq!(
        run.resume(4, &json!({ "value": { "n": 9 } })),
        json!({ "ok": [{ "n": 1, "at": "v" }, { "n": 9 }] })
    );

    let mut run = Run::new("return await step.run('outer', () => step.run('inner', () => 1))");
    run.start();
    assert_eq!(run.resume(1, &json!({}))["calls"][0]["args"], json!({ "name": "inner" }));
    assert_eq!(run.resume(2, &json!({}))["calls"][0]["args"], json!({ "name": "inner", "value": 1 }));
    assert_eq!(run.resume(3, &Value::Null)["calls"][0]["args"], json!({ "name": "outer", "value": 1 }));
    assert_eq!(run.resume(4, &Value::Null), json!({ "ok": 1 }));

    let mut run = Run::new("await step.run('f', () => () => 1)");
    run.start();
    let error = run.resume(1, &json!({}))["error"].clone();
    assert_eq!(error["message"], "step.run('f'): the result cannot be JSON: it is a function");
}

#[test]
fn a_fetch_is_told_and_its_answer_read() {
    let mut run = Run::new(
        "const r = await fetch('https://a.b/x?y=1', { method: 'post', headers: { 'X-A': 'b' }, body: new URLSearchParams({ q: '1 2' }) });
         const copy = r.clone();
         return [r.status, r.ok, r.statusText, r.url, r.headers.get('content-type'), r.headers.getSetCookie(), await r.json(), r.bodyUsed, await copy.text(), await r.text().catch((e) => e.message)]",
    );
    assert_eq!(
        run.start(),
        calls(json!([{ "id": 1, "op": "fetch", "args": {
            "method": "POST", "url": "https://a.b/x?y=1", "redirect": "follow", "body": "cT0xKzI=",
            "headers": [["content-type", "application/x-www-form-urlencoded;charset=UTF-8"], ["x-a", "b"]] } }]))
    );
    assert_eq!(
        run.resume(1, &response(201, "{\"a\":\"é\"}")),
        json!({ "ok": [201, true, "OK", "https://a.b/", "application/json", ["a=1", "b=2"], { "a": "é" }, true, "{\"a\":\"é\"}", "Body is unusable: Body has already been read"] })
    );
    let mut run = Run::new("await fetch('https://a.b')");
    run.start();
    let error = run.fail(1, &json!({ "name": "TypeError", "message": "connect refused", "code": "ECONNREFUSED" }))["error"].clone();
    assert_eq!(
        (&error["message"], &error["line"]),
        (&json!("fetch failed: connect refused"), &json!(1)),
        "{error}"
    );
    assert!(error["stack"].as_str().unwrap().contains("caused by: Error: connect refused"), "{error}");
}

#[test]
fn an_abort_gives_the_call_up() {
    let mut run = Run::new(
        "const c = new AbortController(); const p = fetch('https://a.b', { signal: c.signal }); await kv.get('k'); c.abort();
         try { await p } catch (e) { await sleep(1); return [e.name, e.message, e.code, c.signal.aborted] }",
    );
    run.start();
    assert_eq!(
        run.resume(2, &json!({})),
        json!({ "calls": [{ "id": 3, "op": "sleep", "args": { "ms": 1 } }], "cancel": [1] })
    );
    assert_eq!(
        run.resume(3, &Value::Null),
        json!({ "ok": ["AbortError", "This operation was aborted", 20, true] })
    );

    let mut run =
        Run::new("await fetch('https://a.b', { signal: AbortSignal.any([AbortSignal.timeout(50)]) })");
    assert_eq!(run.start()["calls"][0], timer(1, 50));
    let error = run.resume(1, &Value::Null)["error"].clone();
    assert_eq!(
        (&error["name"], &error["message"]),
        (&json!("TimeoutError"), &json!("The operation was aborted due to timeout"))
    );

    let mut run =
        Run::new("return await fetch('https://a.b', { signal: AbortSignal.abort('why') }).catch((e) => e)");
    assert_eq!(run.start(), json!({ "ok": "why" }));
}

#[test]
fn respond_answers_once() {
    let mut run = Run::new(
        "await respond({ status: 201, headers: { 'x-a': '1' }, json: { a: 1 } }); try { respond('again') } catch (e) { return e.message }",
    );
    assert_eq!(
        run.start(),
        calls(json!([{ "id": 1, "op": "respond", "args": { "status": 201, "body": "eyJhIjoxfQ==",
            "headers": [["content-type", "application/json"], ["x-a", "1"]] } }]))
    );
    assert_eq!(
        run.resume(1, &Value::Null),
        json!({ "ok": "respond was called already: a request gets one answer" })
    );
    for (source, args) in [
        (
            "await respond({ hello: 1 })",
            json!({ "status": 200, "headers": [["content-type", "application/json"]], "body": "eyJoZWxsbyI6MX0=" }),
        ),
        (
            "await respond({ status: 'ok' })",
            json!({ "status": 200, "headers": [["content-type", "application/json"]], "body": "eyJzdGF0dXMiOiJvayJ9" }),
        ),
        (
            "await respond({ status: 403, text: 'no' })",
            json!({ "status": 403, "headers": [["content-type", "text/plain;charset=UTF-8"]], "body": "bm8=" }),
        ),
        (
            "await respond({ status: 1, data: [] })",
            json!({ "status": 200, "headers": [["content-type", "application/json"]], "body": "eyJzdGF0dXMiOjEsImRhdGEiOltdfQ==" }),
        ),
        (
            "await respond({ text: undefined, body: 'hi' })",
            json!({ "status": 200, "headers": [["content-type", "text/plain;charset=UTF-8"]], "body": "aGk=" }),
        ),
        (
            "await respond({ body: 'hi' })",
            json!({ "status": 200, "headers": [["content-type", "text/plain;charset=UTF-8"]], "body": "aGk=" }),
        ),
        ("await respond({ status: 204 })", json!({ "status": 204, "headers": [], "body": "" })),
        (
            "await respond(new Response('hi', { status: 202 }))",
            json!({ "status": 202, "headers": [["content-type", "text/plain;charset=UTF-8"]], "body": "aGk=" }),
        ),
        (
            "await respond()",
            json!({ "status": 200, "headers": [["content-type", "application/json"]], "body": "bnVsbA==" }),
        ),
    ] {
        assert_eq!(Run::new(source).start()["calls"][0]["args"], args, "{source}");
    }
}

#[test]
fn what_a_script_wrote_before_it_failed_is_done() {
    // The answer and what is kept are done, the rest is given up, and nothing of the script runs any more.
    let mut run = Run::new(
        "setTimeout(() => console.log('never'), 5); fetch('https://a.b'); kv.set('k', 1).then(() => kv.set('later', 1)); respond({ status: 400, text: 'bad' }); throw new RangeError('bad')",
    );
    let started = run.start();
    let made: Vec<_> = started["calls"].as_array().expect("calls").iter().map(|call| call["op"].clone()).collect();
    assert_eq!(made, [json!("kv.set"), json!("respond")], "{started}");
    assert_eq!(run.resume(1, &Value::Null), json!({ "calls": [], "cancel": [] }));
    assert_eq!(run.resume(2, &Value::Null)["error"]["name"], "RangeError");

    // What the host was told of before is cancelled.
    let mut run = Run::new("fetch('https://a.b'); await sleep(5); kv.incr('k'); throw new Error('late')");
    assert_eq!(run.start()["calls"].as_array().map(Vec::len), Some(2));
    let last = run.resume(2, &Value::Null);
    assert_eq!((&last["calls"][0]["op"], &last["cancel"]), (&json!("kv.incr"), &json!([1])), "{last}");
    assert_eq!(run.resume(3, &json!(1))["error"]["message"], "late");

    // Nothing is waited for that only reads.
    let mut run = Run::new("kv.get('k'); sleep('1h'); throw new Error('now')");
    assert_eq!(run.start()["error"]["message"], "now");
}

#[test]
fn secrets_are_read_by_name_and_never_shown() {
    let _ = host::take_log();
    let mut run = Run::new(
        "console.log(secrets, { secrets }); const { TOKEN } = secrets;
         const why = (name) => { try { return secrets[name] } catch (e) { return e.message } };
         return [TOKEN, Object.keys(secrets), 'TOKEN' in secrets, JSON.stringify(secrets), why('EMPTY'), why('OTHER'), { ...secrets }, `${secrets}`, secrets, await secrets === secrets]",
    );
    assert_eq!(
        run.start(),
        json!({ "ok": ["t0p", ["TOKEN"], true, "{\"TOKEN\":\"***\"}", "secrets.EMPTY has no value: flowcell secrets set EMPTY",
            "secrets.OTHER is not available: list it under \"secrets\" in workflow.json", { "TOKEN": "t0p" }, "[object Object]", { "TOKEN": "***" }, true] })
    );
    assert_eq!(
        host::take_log(),
        [(Level::Info, "[secrets: TOKEN] { secrets: [secrets: TOKEN] }".to_owned())]
    );
}

#[test]
fn the_run_knows_itself_and_its_tools() {
    let mut run =
        Run::new("export default (context, tools) => ({ then(done) { setTimeout(done, 5, tools.run.id) } })");
    assert_eq!(run.start(), calls(json!([timer(1, 5)])));
    assert_eq!(run.resume(1, &Value::Null), json!({ "ok": "run_1" }));
    let mut run = Run::new(
        "export default async (context, tools) => [run.id, run.workflow, step.id, tools.step.attempt, Object.keys(tools).length, tools.kv === kv, tools.fetch === fetch, performance.now(), performance.timeOrigin === Date.now()]",
    );
    assert_eq!(run.start(), json!({ "ok": ["run_1", "flow", "parse", 2, 11, true, true, 0, true] }));
}

#[test]
fn arguments_are_refused_at_once() {
    for (source, message) in [
        ("kv.get(1)", "kv.get: the key must be text of 1 to 256 bytes; this is 1"),
        ("kv.get('é'.repeat(129))", "this has 258: use a hash of it"),
        ("kv.set('k')", "kv.set takes a key and a value"),
        ("kv.set('k', { a: { b() {} } })", "kv.set: the value cannot be JSON: `a.b` is a function"),
        ("kv.set('k', 1, { ttl: '1 hour' })", "kv.set: ttl: '1 hour' is not a duration"),
        ("kv.set('k', 1, { expires: 1 })", "there is no option 'expires'"),
        ("kv.incr('k', 1.5)", "1.5 is no whole number"),
        ("kv.list({ limit: 0 })", "from 1 to 1000"),
        ("sleep('soon')", "sleep: 'soon' is not a duration"),
        ("sleep(new Date(NaN))", "the Date is invalid"),
        ("step.run('', () => 1)", "the first argument names"),
        ("step.run('a')", "must be a function"),
        ("respond({ status: 99 })", "from 200 to 599"),
        ("respond({ status: '403', text: 'no' })", "must be a number from 200 to 599, not '403'"),
        ("respond({ status: '403' })", "must be a number from 200 to 599, not '403'"),
        ("respond({ status: 403, html: '<p>no</p>' })", "respond: there is no `html`: it takes status, headers"),
        ("respond({ statusCode: 403 })", "the status is called `status`, not `statusCode`"),
        ("respond({ statusCode: 403, body: 'no' })", "the status is called `status`, not `statusCode`"),
        ("respond({ status: 403, data: {}, message: 'm' })", "there is no `data`"),
        ("respond({ headers: { a: 'b' }, body: 'x', code: 1 })", "there is no `code`"),
        ("respond(201, { a: 1 })", "respond takes one object"),
        ("respond({ text: 'a', body: 'b' })", "respond takes one of json, text and body"),
        ("respond({ text: 'a', json: 1 })", "respond takes one of json, text and body"),
        ("respond({ text: 5 })", "the text must be a string, not 5"),
        ("setTimeout('x')", "The \"callback\" argument must be of type function"),
        ("secrets.A = 1", "cannot be changed by a script"),
        ("await fetch('/x')", "Failed to parse URL from /x"),
        ("await fetch('https://a.b', { body: 'x' })", "GET/HEAD method cannot have body"),
        ("await fetch('https://a.b', { method: 'POST', body: {} })", "pass JSON.stringify"),
    ] {
        let answer = Run::new(&format!("\n{source}")).start();
        let error = &answer["error"];
        assert!(error["message"].as_str().unwrap_or("").contains(message), "{source}: {answer}");
        assert_eq!((&error["name"], &error["line"]), (&json!("TypeError"), &json!(2)), "{source}: {error}");
    }
}

#[test]
fn a_module_graph_with_a_cycle_a_library_and_built_ins_runs() {
    let source = "import { double, name } from './lib/math';
import dayjs, { version } from 'dayjs';
import { createHash } from 'node:crypto';
import * as buffer from 'buffer';
export { name };
export default async () => [double(2), name, dayjs(), version, createHash('md5').update('abc').digest('hex').slice(0, 4), typeof buffer.Buffer, require('dayjs').default === dayjs, (await import('./lib/late.js')).default, import.meta.url]";
    let files = [
        (
            "lib/math.js",
            "import { self } from './other.js';\nexport const name = 'math';\nexport function double(n) { return n * 2 + self(); }",
        ),
        ("lib/other.js", "import { name } from './math.js';\nexport const self = () => name.length;"),
        ("lib/late.js", "export default 'late'"),
        ("libraries/dayjs.js", "export const version = '1';\nexport default () => 'day'"),
    ];
    let mut run = Run::with_files(source, &files);
    assert_eq!(
        run.start(),
        json!({ "ok": [8, "math", "day", "1", "9001", "function", true, "late", "file:///main.js"] })
    );
    let mut run = Run::with_files(
        "const d = require('d'); const { x } = await import('./x.ts'); return [d(), x, require('./x').x]",
        &[("libraries/d.js", "export default () => 3"), ("x.ts", "export const x = 4, y = 5")],
    );
    assert_eq!(run.start(), json!({ "ok": [3, 4, 4] }));
}

#[test]
fn imports_are_listed() {
    let mut engine = Engine::new();
    let mut check = |source: &str| plain(engine.check(b"m.js", source.as_bytes()))["ok"].clone();
    assert_eq!(
        check(
            "import a from './a.js';\nexport * from 'b';\nexport default async () => { await import('./c'); await import(x); require('d') }"
        ),
        json!({ "form": "module", "imports": ["./a.js", "b", "./c"], "requires": ["d"] })
    );
    assert_eq!(
        check("const d = require('d'); return import('./e.js')"),
        json!({ "form": "body", "imports": ["./e.js"], "requires": ["d"] })
    );
}

#[test]
fn what_cannot_be_imported_is_told_with_its_place() {
    let mut engine = Engine::new();
    for (source, files, file, line, column, message) in [
        (
            "\nimport x from './missing.js';\nexport default () => x",
            vec![],
            "main.js",
            2,
            15,
            "Cannot find module './missing.js', imported by main.js:2:15: there is no such file",
        ),
        (
            "import './a.js';\nexport default 1",
            vec![("a.js", "\n\nimport lodash from \"lodash\";")],
            "a.js",
            3,
            20,
            "`flowcell bundle lodash` puts it there",
        ),
        ("import '../up.js';\nexport default 1", vec![], "main.js", 1, 8, "there is no such file"),
        (
            "import 'https://a.b/c.js';\nexport default 1",
            vec![],
            "main.js",
            1,
            8,
            "only files of the workflow's folder",
        ),
        (
            "import './a.js';\nexport default 1",
            vec![("a.js", "export const a = ;")],
            "a.js",
            1,
            18,
            "unexpected token ';'",
        ),
        (
            "import './a.js';\nexport default 1",
            vec![("a.js", "\nthrow new Error('top of a')")],
            "a.js",
            2,
            7,
            "top of a",
        ),
        (
            "const x = await fetch('https://a.b');\nexport default 1",
            vec![],
            "main.js",
            1,
            17,
            "`fetch` is not available while a module loads",
        ),
        (
            "setTimeout(() => {}, 1);\nexport default 1",
            vec![],
            "main.js",
            1,
            1,
            "timers are not available while",
        ),
    ] {
        let error = prepare(&mut engine, source, &files).unwrap_err();
        assert_eq!(
            (&error["file"], &error["line"], &error["column"]),
            (&json!(file), &json!(line), &json!(column)),
            "{source}: {error}"
        );
        assert!(error["message"].as_str().unwrap().contains(message), "{source}: {error}");
    }
}

#[test]
fn inputs_are_plain_objects_whenever_they_are_read() {
    let context = json!({
        "data": { "a": [1, 2, 3], "text": "long enough to be left alone" },
        "headers": { "content-type": "application/json" },
        "query": {}, "method": "POST", "params": { "id": "0123456789012345678901234567" },
    });
    for (source, expected) in [
        ("return context", context.clone()),
        ("return { ...context }", context.clone()),
        ("return JSON.parse(JSON.stringify(context))", context.clone()),
        ("return structuredClone(context)", context.clone()),
        (
            "const { data, ...rest } = context; return [data.a, Object.keys(rest)]",
            json!([[1, 2, 3], ["headers", "method", "params", "query"]]),
        ),
        ("context.data.a.push(4); return context.data.a.length", json!(4)),
        (
            "const d = context.data; return [d === context.data, context.params.id.length, d === context.data]",
            json!([true, 28, true]),
        ),
        ("context.data = 5; return [context.data, Object.keys(context).length]", json!([5, 5])),
        (
            "delete context.data; return [context.data === undefined, Object.keys(context).length]",
            json!([true, 4]),
        ),
        (
            "Object.freeze(context); return [context.data === context.data, context.data.a[0]]",
            json!([true, 1]),
        ),
        (
            "const child = Object.create(context); child.data = 1; return [child.data, context.data.a.length]",
            json!([1, 3]),
        ),
        (
            "return Object.entries(context).map(([key, value]) => typeof value)",
            json!(["object", "object", "string", "object", "object"]),
        ),
        ("context = 5; env = 6; return [context, env, typeof steps]", json!([5, 6, "object"])),
        (
            "return [globalThis.context === context, 'steps' in globalThis, Object.keys(globalThis)]",
            json!([true, true, []]),
        ),
        (
            "return require('util').isDeepStrictEqual(context, JSON.parse(JSON.stringify(context)))",
            json!(true),
        ),
    ] {
        let mut run = Run::new(source);
        for round in 0..2 {
            assert_eq!(run.start_with(&context, &json!({})), json!({ "ok": expected }), "{source} ({round})");
        }
    }
    let _ = host::take_log();
    Run::new("console.log(context)")
        .start_with(&json!({ "data": { "text": "0123456789012345678901234567" } }), &json!({}));
    assert_eq!(host::take_log()[0].1, "{ data: { text: '0123456789012345678901234567' } }");
}

#[test]
fn each_call_begins_anew_whatever_the_one_before_left() {
    let mut run = Run::new(
        "console.count(); console.group(); step.run('a', () => 1); setTimeout(() => {}, 1); await kv.get('k'); await new Promise(() => {})",
    );
    let _ = host::take_log();
    let first = run.start();
    assert_eq!(first["calls"].as_array().unwrap().len(), 3);
    assert_eq!(run.start(), first);
    assert_eq!(run.start(), first);
    let lines: Vec<_> = host::take_log().into_iter().map(|(_, line)| line).collect();
    assert_eq!(lines, ["default: 1", "default: 1", "default: 1"]);
    // A promise that nothing settles is only known once nothing is outstanding.
    assert_eq!(run.resume(1, &json!({ "value": 1 })), calls(json!([])));
    assert_eq!(run.resume(2, &Value::Null), calls(json!([])));
    let last = run.resume(3, &json!({}));
    assert_eq!(last["error"]["code"], "promise_never_settled", "{last}");
}

#[test]
fn forms_and_blobs_become_bytes() {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let mut run = Run::new(
        "const form = new FormData(); form.append('a', 'x\"y'); form.set('f', new File(['hé'], 'n.txt', { type: 'text/plain' }));
         const r = await fetch('https://a.b', { method: 'POST', body: form });
         const back = await new Response(await new Request('https://c.d', { method: 'POST', body: form }).bytes(), { headers: r.headers }).formData().catch((e) => e.message);
         const own = await new Response(form).formData();
         return [back, own.get('a'), own.get('f').name, own.get('f').type, await own.get('f').text()]",
    );
    let asked = run.start();
    let args = &asked["calls"][0]["args"];
    let body = String::from_utf8(BASE64_STANDARD.decode(args["body"].as_str().unwrap()).unwrap()).unwrap();
    let kind = args["headers"][0][1].as_str().unwrap();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    assert_eq!(
        body,
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\"y\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"f\"; filename=\"n.txt\"\r\nContent-Type: text/plain\r\n\r\nhé\r\n--{boundary}--\r\n"
        )
    );
    assert_eq!(
        run.resume(1, &response(200, "")),
        json!({ "ok": ["Content-Type was not one of \"multipart/form-data\" or \"application/x-www-form-urlencoded\": application/json", "x\"y", "n.txt", "text/plain", "hé"] })
    );
}

#[test]
fn the_timers_of_node_wait_too() {
    let mut run = Run::new(
        "import { setTimeout as wait, setInterval as every } from 'node:timers/promises';
import { promisify } from 'util';
export default async () => {
  const seen = [await wait(5, 'a'), await promisify(setTimeout)(6, 'b')];
  for await (const tick of every(7, 'c')) { seen.push(tick); if (seen.length === 4) break; }
  const c = new AbortController();
  const late = wait(900, 0, { signal: c.signal }).catch((e) => e.name);
  await new Promise((done) => setImmediate(done));
  c.abort();
  const again = setTimeout(() => seen.push('refreshed'), 10);
  again.refresh();
  await sleep(1);
  return [...seen, await late];
}",
    );
    assert_eq!(run.start(), calls(json!([timer(1, 5)])));
    assert_eq!(run.resume(1, &Value::Null), calls(json!([timer(2, 6)])));
    assert_eq!(run.resume(2, &Value::Null), calls(json!([timer(3, 7)])));
    assert_eq!(run.resume(3, &Value::Null), calls(json!([timer(4, 7)])));
    assert_eq!(run.resume(4, &Value::Null), calls(json!([timer(5, 900), timer(6, 0)])));
    assert_eq!(
        run.resume(6, &Value::Null),
        json!({ "calls": [timer(7, 10), { "id": 8, "op": "sleep", "args": { "ms": 1 } }], "cancel": [5] })
    );
    run.resume(7, &Value::Null);
    assert_eq!(run.resume(8, &Value::Null), json!({ "ok": ["a", "b", "c", "c", "refreshed", "AbortError"] }));
}

#[test]
fn modules_that_are_loaded_late_or_not_at_all() {
    let mut run = Run::with_files(
        "export default async () => {
  const missing = await import('./no.js').catch((e) => [e.code, e.message.slice(0, 30)]);
  const wrong = await import('./wrong.js').catch((e) => e.name);
  const { value } = await import('./waits.js');
  return [missing, wrong, value, (await import('./waits.js')).value];
}",
        &[("wrong.js", "export const a = ;"), ("waits.js", "export const value = await kv.get('k');")],
    );
    assert_eq!(run.start()["calls"], json!([{ "id": 1, "op": "kv.get", "args": { "key": "k" } }]));
    assert_eq!(
        run.resume(1, &json!({ "value": 3 })),
        json!({ "ok": [["ERR_MODULE_NOT_FOUND", "Cannot find module './no.js', "], "SyntaxError", 3, 3] })
    );
}

#[test]
fn errors_in_other_files_name_those() {
    let mut run = Run::with_files(
        "import { check } from './lib/check.js';\nexport default (context) => check(context.data)",
        &[("lib/check.js", "export function check(data) {\n  return data.missing.field;\n}")],
    );
    let error = run.start()["error"].clone();
    assert_eq!(
        (&error["file"], &error["line"], &error["message"]),
        (&json!("lib/check.js"), &json!(2), &json!("Cannot read properties of undefined (reading 'field')"))
    );
    let stack = error["stack"].as_str().unwrap();
    assert!(stack.contains("at check (lib/check.js:2:") && stack.contains("(main.js:2:29)"), "{stack}");
}
