//! Runs a script before the snapshot, so that what Boa makes at first use (tables, grown vectors, shapes) is already there.
//!
//! Called once by `Engine::new`. The script reads neither clock nor randomness and logs nothing: an import would fail the
//! snapshot. It leaves nothing behind that a later script could see.

use boa_engine::{Finalize, Trace};
use boa_gc::{Gc, WeakGc, WeakMap, force_collect};

use crate::{
    engine::{Engine, Inputs},
    frame::Answer,
};

/// A bit of everything that webhook scripts do.
const BODY: &str = r"
const { data, headers: { 'content-type': type = 'none' } } = context;
const crypto = require('crypto');
const mac = 'sha256=' + crypto.createHmac('sha256', env.SECRET).update(context.rawBody).digest('hex');
const same = crypto.timingSafeEqual(Buffer.from(mac), Buffer.from(mac));
const names = data.items.map((item) => item.author.name).filter((name) => name !== '');
const branch = data.ref.replace('refs/heads/', '').split('/')[0];
let sum = 0;
for (const [key, value] of Object.entries(data.counts ?? {})) sum += value * key.length;
try { undefined.field } catch (error) { sum += error.message.length + error.stack.length; }
function add(a, b = 1) { return a + b; }
const later = await Promise.all([1, 2].map(async (n) => { await null; return add(n); }));
const copy = JSON.parse(JSON.stringify({ ...data, names, type }));
const text = `${branch} ${/(\w+)@(\w+)/.exec('a@b')?.[1]} ${require('util').inspect(copy)} ${new URL('https://a.b/c?d=e').searchParams.get('d')}`;
return { branch, same, text: text.toUpperCase().slice(0, 10), sum, later, n: names.length, deploy: branch === 'main' };
";

const MODULE: &str = "const limit = 3;\nexport default async function (context, tools) { const { steps, env } = tools; return [limit, steps, env, context.data]; }";

/// Host calls and what is made of their results; every one is answered with the same.
const CALLS: &str = r"
const [answer, n] = await Promise.all([fetch('https://a.b/c', { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${secrets.TOKEN}` }, body: JSON.stringify({ a: 1 }) }), kv.incr('n', 1, { ttl: '1h' })]);
const body = await answer.json();
if (!answer.ok) throw new Error(answer.statusText);
await sleep('1s');
await new Promise((resolve) => setTimeout(resolve, 10));
await step.run('once', async () => ({ id: run.id, body }));
await kv.set('k', [await kv.get('k'), n]);
await respond({ status: 201, json: { at: answer.headers.get('content-type') } });
return { id: step.id, n };
";

const RESULT: &[u8] = br#"{"status":200,"status_text":"OK","url":"https://a.b/c","redirected":false,"headers":[["content-type","application/json"]],"body":"eyJhIjoxfQ=="}"#;

const CONTEXT: &str = r#"{"data":{"ref":"refs/heads/main","before":"0","after":"1","created":false,"size":1.5,"items":[{"id":"1","message":"m","timestamp":"t","url":"u","author":{"name":"n","email":"e","username":"u"},"committer":{"name":"n"},"added":[],"removed":[],"modified":["a"]},{"id":"2","message":"é","author":{"name":"","email":null}}],"counts":{"a":1,"b":2},"repository":{"id":1,"name":"r","full_name":"o/r","private":true,"owner":{"name":"o","login":"o"}},"pusher":{"name":"p"},"sender":{"login":"s","id":3}},"headers":{"content-type":"application/json","user-agent":"x","x-github-event":"push"},"query":{},"params":{},"method":"POST","path":"/api/webhooks/x","ip":"127.0.0.1"}"#;

/// Runs each twice.
pub(crate) fn run(engine: &mut Engine) {
    for _ in 0..2 {
        for (form, source) in [("body", BODY), ("module", MODULE), ("body", CALLS)] {
            let checked = engine.check(b"warmup.js", source.as_bytes());
            assert!(matches!(checked, Answer::Ok(_)), "warm-up: {}", text(checked));
            let prepared = engine.prepare(form.as_bytes(), b"warmup.js", source.as_bytes(), &[]);
            assert!(matches!(prepared, Answer::Ok(_)), "warm-up: {}", text(prepared));
            let mut answer = engine.call(&Inputs {
                context: CONTEXT.as_bytes(),
                raw_body: b"{}",
                steps: br#"{"a":{"b":1,"text":"longer than what is parsed at once"}}"#,
                env: br#"{"SECRET":"s"}"#,
                scopes: b"{}",
                secrets: br#"{"TOKEN":"t"}"#,
                meta: br#"{"run":"r","workflow":"w","step":"s","attempt":1,"secrets_listed":["TOKEN"]}"#,
            });
            let mut id = 0;
            while matches!(answer, Answer::Pending(_)) {
                id += 1;
                answer = engine.resume(format!("{id}").as_bytes(), b"ok", RESULT);
            }
            assert!(matches!(answer, Answer::Ok(_)), "warm-up: {}", text(answer));
        }
    }
    engine.forget();
    make_room();
}

fn text(answer: Answer) -> String {
    String::from_utf8_lossy(&answer.into_bytes()).into_owned()
}

/// 64 KiB of the collected heap.
#[derive(Clone, Copy, Trace, Finalize)]
#[boa_gc(empty_trace)]
struct Ballast([u64; 8192]);

/// Raises the size at which Boa collects from 1 MiB to about 4.5 MiB, so that short scripts never pay for a collection.
///
/// Boa has no setting for it: the threshold follows what survives a collection, so something has to survive one.
fn make_room() {
    let ballast: Vec<_> = (0..48).map(|_| Gc::new(Ballast([0; 8192]))).collect();
    assert_eq!(ballast.last().map(|block| block.0[0]), Some(0));
    drop(ballast);
    force_collect();
    // A collection leaves Boa's lists of objects exactly full; the next object of each kind doubles them here, not in every run.
    let object = Gc::new(0_u32);
    let _weak = WeakGc::new(&object);
    let _map: WeakMap<u32, u32> = WeakMap::new();
}
