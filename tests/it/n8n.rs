//! What people do in n8n's Code node runs here after a change of names: `$input.all()` is `context.data`, `$json` one of
//! its items, `$('Node')` is `steps.node`, static data is `kv`, `this.helpers.httpRequest` is `fetch`.
//!
//! After the examples of n8n's documentation, in our own words. `docs/migrating.md` has the table of names. `nocobase.rs`
//! uses the same way of running examples.

use serde_json::{Value, json};

use crate::support::{Receiver, Setup, TestServer, Workflow};

/// A script, what is posted to it, and what it must answer.
pub struct Example {
    pub name: &'static str,
    pub source: &'static str,
    pub data: Value,
    pub output: Value,
}

pub fn example(name: &'static str, source: &'static str, data: Value, output: Value) -> Example {
    Example { name, source, data, output }
}

/// Runs each as a workflow of its own.
#[track_caller]
pub fn each_answers(examples: &[Example]) {
    let server =
        TestServer::start(examples.iter().map(|example| Workflow::script(example.name, example.source)));
    for Example { name, data, output, .. } in examples {
        let response = server.post(name, data);
        assert_eq!(response.status, 200, "{name}: {}", server.run(&response.run_id())["error"]);
        assert_eq!(response.json(), *output, "{name}");
    }
}

fn orders() -> Value {
    json!([
        { "id": 1, "customer": "Ada", "total": 12.5, "country": "UK", "paid": true, "date": "2024-01-31" },
        { "id": 2, "customer": "Grace", "total": 30, "country": "US", "paid": false, "date": "2024-02-29" },
        { "id": 3, "customer": "Ada", "total": 7.5, "country": "UK", "paid": true, "date": "2023-12-25" },
    ])
}

#[test]
fn items_are_plain_arrays() {
    each_answers(&[
        example("how_many", "return { results: context.data.length };", orders(), json!({ "results": 3 })),
        example(
            "a_new_field_for_each",
            "for (const item of context.data) item.reviewed = false;\nreturn context.data.map(({ id, reviewed }) => ({ id, reviewed }));",
            orders(),
            json!([
                { "id": 1, "reviewed": false },
                { "id": 2, "reviewed": false },
                { "id": 3, "reviewed": false },
            ]),
        ),
        example(
            "filter_and_sort",
            "return context.data.filter(order => order.paid).sort((a, b) => a.total - b.total).map(order => order.id);",
            orders(),
            json!([3, 1]),
        ),
        example(
            "totals",
            "const sum = context.data.reduce((sum, order) => sum + order.total, 0);\nreturn { sum, average: Math.round(sum / context.data.length * 100) / 100, max: Math.max(...context.data.map(o => o.total)) };",
            orders(),
            json!({ "sum": 50, "average": 16.67, "max": 30 }),
        ),
        example(
            "group_by_a_field",
            "const groups = Object.groupBy(context.data, order => order.customer);\nreturn Object.entries(groups).map(([customer, orders]) => ({ customer, count: orders.length, total: orders.reduce((sum, o) => sum + o.total, 0) }));",
            orders(),
            json!([
                { "customer": "Ada", "count": 2, "total": 20 },
                { "customer": "Grace", "count": 1, "total": 30 },
            ]),
        ),
        example(
            "unique_countries",
            "return [...new Set(context.data.map(order => order.country))];",
            orders(),
            json!(["UK", "US"]),
        ),
        example(
            "duplicates_removed",
            "const seen = new Set();\nreturn context.data.filter(({ customer }) => !seen.has(customer) && seen.add(customer)).map(o => o.id);",
            orders(),
            json!([1, 2]),
        ),
        example(
            "a_list_split_into_items",
            "return context.data.results.map((result, index) => ({ index, ...result }));",
            json!({ "results": [{ "a": 1 }, { "a": 2 }] }),
            json!([{ "index": 0, "a": 1 }, { "index": 1, "a": 2 }]),
        ),
        example(
            "items_joined_into_one",
            "return { names: context.data.map(order => order.customer).join(', '), html: `<ul>${context.data.map(o => `<li>${o.id}</li>`).join('')}</ul>` };",
            orders(),
            json!({ "names": "Ada, Grace, Ada", "html": "<ul><li>1</li><li>2</li><li>3</li></ul>" }),
        ),
        example(
            "two_lists_merged_by_a_key",
            "const byId = new Map(context.data.users.map(user => [user.id, user]));\nreturn context.data.orders.map(order => ({ ...order, name: byId.get(order.user)?.name ?? null }));",
            json!({ "users": [{ "id": 1, "name": "Ada" }], "orders": [{ "n": 7, "user": 1 }, { "n": 8, "user": 2 }] }),
            json!([{ "n": 7, "user": 1, "name": "Ada" }, { "n": 8, "user": 2, "name": null }]),
        ),
        example(
            "what_jmespath_selects",
            "const { people } = context.data;\nreturn { first: people.map(p => p.first), adults: people.filter(p => p.age >= 18).map(({ first, age }) => [first, age]) };",
            json!({ "people": [{ "first": "Ada", "age": 36 }, { "first": "Kim", "age": 9 }] }),
            json!({ "first": ["Ada", "Kim"], "adults": [["Ada", 36]] }),
        ),
    ]);
}

/// n8n has Luxon; here it is `Date`, in UTC. `Date.now()` is the time at which the event was accepted.
#[test]
fn dates_without_luxon() {
    each_answers(&[
        example(
            "seven_days_before",
            "const day = new Date(context.data.today);\nday.setUTCDate(day.getUTCDate() - 7);\nconst [y, m, d] = day.toISOString().slice(0, 10).split('-');\nreturn { iso: day.toISOString(), readable: `${d}/${m}/${y}` };",
            json!({ "today": "2019-06-23" }),
            json!({ "iso": "2019-06-16T00:00:00.000Z", "readable": "16/06/2019" }),
        ),
        example(
            "months_between",
            "const [from, to] = [context.data.from, context.data.to].map(text => new Date(text));\nreturn { months: (to.getUTCFullYear() - from.getUTCFullYear()) * 12 + to.getUTCMonth() - from.getUTCMonth() };",
            json!({ "from": "2019-05-23", "to": "2019-06-23" }),
            json!({ "months": 1 }),
        ),
        example(
            "days_to_christmas",
            "const today = new Date(context.data.today);\nconst days = (Date.UTC(today.getUTCFullYear(), 11, 25) - today) / 86_400_000;\nreturn `There are ${days} days to Christmas!`;",
            json!({ "today": "2022-03-09" }),
            json!("There are 291 days to Christmas!"),
        ),
        example(
            "the_end_of_each_month",
            "return context.data.map(({ date }) => { const d = new Date(date); return new Date(Date.UTC(d.getUTCFullYear(), d.getUTCMonth() + 1, 0)).toISOString().slice(0, 10) });",
            orders(),
            json!(["2024-01-31", "2024-02-29", "2023-12-31"]),
        ),
        example(
            "now_is_the_time_of_the_event",
            "return [Date.now() === new Date().getTime(), Date.now() > 1_700_000_000_000];",
            Value::Null,
            json!([true, true]),
        ),
    ]);
}

#[test]
fn texts_hashes_and_binary_data() {
    each_answers(&[
        example(
            "a_csv_file",
            "const quote = value => /[\",\\n]/.test(value) ? `\"${String(value).replaceAll('\"', '\"\"')}\"` : String(value);\nconst names = Object.keys(context.data[0]);\nreturn [names, ...context.data.map(row => names.map(name => row[name]))].map(row => row.map(quote).join(',')).join('\\n');",
            json!([{ "name": "Ada, Lady", "n": 1 }, { "name": "say \"hi\"", "n": 2 }]),
            json!("name,n\n\"Ada, Lady\",1\n\"say \"\"hi\"\"\",2"),
        ),
        example(
            "addresses_in_a_text",
            "return [...context.data.text.matchAll(/[\\w.+-]+@[\\w-]+\\.[\\w.]+/g)].map(([address]) => address);",
            json!({ "text": "from ada@example.com to grace.h+x@navy.example.org." }),
            json!(["ada@example.com", "grace.h+x@navy.example.org."]),
        ),
        example(
            "a_hash_as_a_key",
            "return require('crypto').createHash('sha256').update(JSON.stringify(context.data)).digest('hex').slice(0, 16);",
            json!({ "a": 1 }),
            json!("015abd7f5cc57a2d"),
        ),
        example(
            "base64_to_text_and_back",
            "const buffer = Buffer.from(context.data.file, 'base64');\nreturn { size: buffer.length, text: buffer.toString('utf8'), again: buffer.toString('base64') === context.data.file };",
            json!({ "file": "aGVsbG8gd29ybGQ=" }),
            json!({ "size": 11, "text": "hello world", "again": true }),
        ),
        example(
            "the_query_and_the_headers",
            "return { type: context.headers['content-type'], method: context.method, page: context.query.page ?? 1 };",
            json!({}),
            json!({ "type": "application/json", "method": "POST", "page": 1 }),
        ),
    ]);
}

/// `$('Fetch users').all()` is `steps.users`: the id of the step.
#[test]
fn the_output_of_an_earlier_step() {
    let mut workflow =
        Workflow::script("earlier", "return steps.users.filter(user => user.active).map(user => user.name);")
            .file("users.js", "return context.data.map((name, n) => ({ name, active: n % 2 === 0 }));");
    workflow.json["steps"] = json!([
        { "id": "users", "type": "code", "file": "users.js" },
        { "id": "main", "type": "code", "file": "main.js" },
    ]);
    let server = TestServer::start([workflow]);
    assert_eq!(server.post("earlier", &json!(["Ada", "Kim", "Grace"])).json(), json!(["Ada", "Grace"]));
}

/// `$env.NAME` is `env.NAME`, for the variables that the workflow names.
#[test]
fn environment_variables() {
    let server = Setup::default()
        .workflows([Workflow::script("env", "return `${env.GREETING}, ${context.data.name}`")
            .set(json!({ "env": ["GREETING"] }))])
        .variable("GREETING", "Good morning")
        .start();
    assert_eq!(server.post("env", &json!({ "name": "Ada" })).json(), json!("Good morning, Ada"));
}

/// `throw` stops the workflow, as Stop And Error does; the log is in the run.
#[test]
fn errors_and_the_log() {
    let script = "console.log('checking', context.data.id);\nif (!context.data.email) throw new Error(`order ${context.data.id} has no email`);\nreturn 'fine';";
    let server = TestServer::start([Workflow::script("checked", script)]);
    assert_eq!(server.post("checked", &json!({ "id": 1, "email": "a@b.c" })).json(), json!("fine"));
    let run = server.run(&server.post("checked", &json!({ "id": 2 })).run_id());
    assert_eq!(run["error"]["message"], "Error: order 2 has no email");
    assert_eq!(run["steps"][0]["logs"][0]["text"], "checking 2");
}

/// `$getWorkflowStaticData('global')` is `kv`: kept between runs, of a test run too, and safe when runs overlap.
#[test]
fn static_data_is_kept_in_kv() {
    let script = "const last = await kv.get('last');\nawait kv.set('last', context.data.n, { ttl: '1h' });\nreturn { last, calls: await kv.incr('calls') };";
    let server = TestServer::start([Workflow::script("remembers", script)]);
    assert_eq!(server.post("remembers", &json!({ "n": 1 })).json(), json!({ "last": null, "calls": 1 }));
    assert_eq!(server.post("remembers", &json!({ "n": 2 })).json(), json!({ "last": 1, "calls": 2 }));
    assert_eq!(server.post("remembers", &json!({ "n": 3 })).json(), json!({ "last": 2, "calls": 3 }));
}

/// Only what is new since the last time, by a set of ids in `kv`.
#[test]
fn only_new_items_are_processed() {
    let script = "const seen = new Set(await kv.get('seen') ?? []);\nconst fresh = context.data.filter(item => !seen.has(item.id));\nawait kv.set('seen', [...seen, ...fresh.map(item => item.id)].slice(-1000));\nreturn fresh.map(item => item.id);";
    let server = TestServer::start([Workflow::script("fresh", script)]);
    let item = |id: u32| json!({ "id": id });
    assert_eq!(server.post("fresh", &json!([item(1), item(2)])).json(), json!([1, 2]));
    assert_eq!(server.post("fresh", &json!([item(2), item(3)])).json(), json!([3]));
}

/// `this.helpers.httpRequest({ method, url, headers, body, json: true })` is `fetch`.
#[test]
fn http_requests_are_fetch() {
    let receiver = Receiver::start();
    let script = "const response = await fetch(env.API, { method: 'POST', headers: { 'content-type': 'application/json', 'x-from': 'flow' }, body: JSON.stringify({ name: context.data.name }) });\nif (!response.ok) throw new Error(`HTTP ${response.status}`);\nreturn { status: response.status, answer: await response.json() };";
    let server = Setup::default()
        .workflows([Workflow::script("calls", script).set(json!({ "env": ["API"] }))])
        .variable("API", &receiver.url("/users"))
        .variable("FLOWCELL_NET_ALLOW", &receiver.host())
        .start();
    let answer = server.post("calls", &json!({ "name": "Ada" })).json();
    assert_eq!(answer["status"], 200, "{answer}");
    let received = receiver.requests();
    assert_eq!((received[0].path.as_str(), received[0].header("x-from")), ("/users", Some("flow")));
    assert_eq!(received[0].json(), json!({ "name": "Ada" }));
}

/// The loop that n8n's pagination cookbook describes: pages until there is no next one.
#[test]
fn pages_are_fetched_one_after_the_other() {
    let receiver = Receiver::start();
    let script = "const pages = [];\nfor (let page = 1; page <= 3; page++) {\n  const { n } = await (await fetch(`${env.API}?page=${page}`)).json();\n  pages.push(n);\n  await sleep(10);\n}\nreturn pages;";
    let server = Setup::default()
        .workflows([Workflow::script("pages", script).set(json!({ "env": ["API"] }))])
        .variable("API", &receiver.url("/list"))
        .variable("FLOWCELL_NET_ALLOW", &receiver.host())
        .start();
    let pages = server.post("pages", &json!({})).json();
    assert_eq!(pages.as_array().map(Vec::len), Some(3), "{pages}");
    let paths: Vec<_> = receiver.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/list?page=1", "/list?page=2", "/list?page=3"]);
}

/// The Respond to Webhook node, from code; what follows still runs.
#[test]
fn respond_to_webhook() {
    let script = "respond({ status: 201, headers: { 'x-order': String(context.data.id) }, json: { accepted: true } });\nreturn 'done later';";
    let server = TestServer::start([Workflow::script("responds", script)]);
    let response = server.post("responds", &json!({ "id": 7 }));
    assert_eq!((response.status, response.json()), (201, json!({ "accepted": true })));
    assert_eq!(response.header("x-order"), Some("7"));
    assert_eq!(server.ended_run(&response.run_id())["steps"][0]["output"], "done later");
}
