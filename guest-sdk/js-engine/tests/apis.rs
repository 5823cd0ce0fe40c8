//! The globals and modules, one row a behaviour: a script and the JSON that it returns. Runs natively.

mod harness;

use flowcell_js_engine::{
    Inputs,
    host::{self, Level},
};
use serde_json::{Value, json};

const BODY: &[u8] = b"Hello, World!";
const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

fn run(source: &str) -> Result<Value, Value> {
    harness::with_engine(|engine| {
        harness::prepared(engine.prepare(b"body", b"api.js", source.as_bytes(), &[]))?;
        let context =
            json!({ "headers": { "x-hub-signature-256": SIGNATURE }, "data": { "b": 1, "a": [1.5, "x"] } });
        let env = json!({ "GITHUB_WEBHOOK_SECRET": "It's a Secret to Everybody" });
        harness::json(engine.call(&Inputs {
            context: context.to_string().as_bytes(),
            raw_body: BODY,
            steps: b"{}",
            env: env.to_string().as_bytes(),
            scopes: b"{}",
            secrets: b"{}",
            meta: b"{}",
        }))
    })
}

#[track_caller]
fn all(rows: &[(&str, Value)]) {
    harness::all(rows, run);
}

/// The signature is the example of GitHub's documentation ("Validating webhook deliveries").
#[test]
fn the_github_signature_script_of_the_guides_runs_as_pasted() {
    const SCRIPT: &str = r"
const crypto = require('crypto');
const secret = env.GITHUB_WEBHOOK_SECRET;
const signature = context.headers['x-hub-signature-256'];
const payload = context.rawBody;
const digest = 'sha256=' + crypto.createHmac('sha256', secret).update(payload).digest('hex');
if (!crypto.timingSafeEqual(Buffer.from(digest), Buffer.from(signature))) throw new Error('Invalid signature');
return { valid: true };
";
    all(&[
        (SCRIPT, json!({"valid": true})),
        (
            "const { createHmac } = require('node:crypto'); return 'sha256=' + createHmac('sha256', env.GITHUB_WEBHOOK_SECRET).update(context.rawBody, 'utf8').digest('hex') === context.headers['x-hub-signature-256']",
            json!(true),
        ),
        (
            "const crypto = require('crypto'); return crypto.createHmac('sha256', 'k').update(JSON.stringify(context.data)).digest('hex')",
            json!("17e6737329a56ff4404dc1491b98a630e0f9f53e085ce0afba182f0e2dbc22c1"),
        ),
        (
            "const crypto = require('crypto'); try { crypto.timingSafeEqual(Buffer.from('a'), Buffer.from('ab')) } catch (e) { return [e instanceof RangeError, e.code] }",
            json!([true, "ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH"]),
        ),
    ]);
}

#[test]
fn hashes_match_published_vectors() {
    all(&[
        // RFC 1321 A.5, RFC 3174, FIPS 180-4 examples for "abc".
        (
            "return require('crypto').createHash('md5').update('abc').digest('hex')",
            json!("900150983cd24fb0d6963f7d28e17f72"),
        ),
        (
            "return require('crypto').createHash('sha1').update('abc').digest('hex')",
            json!("a9993e364706816aba3e25717850c26c9cd0d89d"),
        ),
        (
            "return require('crypto').createHash('sha224').update('abc').digest('hex')",
            json!("23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
        ),
        (
            "return require('crypto').createHash('SHA-256').update('a').update(Buffer.from('bc')).digest('hex')",
            json!("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ),
        ("return require('crypto').createHash('sha384').update('abc').digest('base64url').length", json!(64)),
        (
            "return require('crypto').createHash('sha512').update('616263', 'hex').digest('hex').slice(0, 16)",
            json!("ddaf35a193617aba"),
        ),
        (
            "const h = require('crypto').createHash('sha256').update('a'); const c = h.copy(); return c.update('bc').digest().toString('hex').slice(0, 8)",
            json!("ba7816bf"),
        ),
        // RFC 4231 test case 2.
        (
            "return require('crypto').createHmac('sha256', Buffer.from('Jefe')).update('what do ya want for nothing?').digest('hex')",
            json!("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        ),
        (
            "return require('crypto').createHmac('sha1', 'key').update('The quick brown fox jumps over the lazy dog').digest('base64')",
            json!("3nybhbi3iqa8ino29wqQcBydtNk="),
        ),
        (
            "try { require('crypto').createHash('nope') } catch (e) { return e.code }",
            json!("ERR_CRYPTO_INVALID_DIGEST"),
        ),
        (
            "try { require('crypto').createHmac('sha256', undefined) } catch (e) { return e.message.slice(0, 18) }",
            json!("The \"key\" argument"),
        ),
        (
            "try { require('crypto').createHash('sha256').update(undefined) } catch (e) { return e.code }",
            json!("ERR_INVALID_ARG_TYPE"),
        ),
    ]);
}

#[test]
fn web_crypto_signs_and_verifies() {
    all(&[
        (
            "const d = await crypto.subtle.digest('SHA-256', new TextEncoder().encode('abc')); return [d instanceof ArrayBuffer, Buffer.from(d).toString('hex').slice(0, 8)]",
            json!([true, "ba7816bf"]),
        ),
        (
            "const k = await crypto.subtle.importKey('raw', new TextEncoder().encode('Jefe'), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify']); const s = await crypto.subtle.sign('HMAC', k, new TextEncoder().encode('what do ya want for nothing?')); return [Buffer.from(s).toString('hex').slice(0, 8), await crypto.subtle.verify('HMAC', k, s, new TextEncoder().encode('what do ya want for nothing?')), await crypto.subtle.verify('HMAC', k, s, new Uint8Array(1))]",
            json!(["5bdcc146", true, false]),
        ),
        (
            "const a = crypto.randomUUID(), b = crypto.randomUUID(); return [/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(a), a !== b]",
            json!([true, true]),
        ),
        (
            "const v = crypto.getRandomValues(new Uint8Array(32)); return [v.length, v.some((x) => x !== 0)]",
            json!([32, true]),
        ),
        (
            "const c = require('crypto'); const n = c.randomInt(5, 8); return [c.randomBytes(8).length, n >= 5 && n < 8, typeof c.webcrypto.subtle]",
            json!([8, true, "object"]),
        ),
    ]);
}

#[test]
fn buffer_reads_and_writes_like_node() {
    all(&[
        ("return Buffer.from('h\u{e9}llo').toString('hex')", json!("68c3a96c6c6f")),
        ("return Buffer.from('68656c6c6fzz', 'hex').toString()", json!("hello")),
        (
            "return [Buffer.from('aGk=', 'base64').toString(), Buffer.from('aGk', 'base64url').toString(), Buffer.from('_-8', 'base64').toString('hex')]",
            json!(["hi", "hi", "ffef"]),
        ),
        (
            "return [Buffer.from([104, 105]).toString('latin1'), Buffer.from('\u{e9}', 'latin1').length, Buffer.from('hi', 'utf16le').toString('hex')]",
            json!(["hi", 1, "68006900"]),
        ),
        (
            "return [Buffer.from('hello').toString('utf8', 1, 3), Buffer.from('hello').slice(-2).toString(), Buffer.from('hello').subarray(1, 2) instanceof Buffer]",
            json!(["el", "lo", true]),
        ),
        (
            "return [Buffer.isBuffer(Buffer.alloc(1)), Buffer.isBuffer(new Uint8Array(1)), Buffer.byteLength('\u{e9}'), Buffer.concat([Buffer.from('a'), Buffer.from('b')]).toString()]",
            json!([true, false, 2, "ab"]),
        ),
        (
            "return [Buffer.compare(Buffer.from('a'), Buffer.from('b')), Buffer.from('a').equals(Buffer.from('a')), Buffer.from('abc').indexOf('c'), Buffer.from('abcabc').lastIndexOf('b'), Buffer.from('abc').includes('z')]",
            json!([-1, true, 2, 4, false]),
        ),
        (
            "const b = Buffer.alloc(8); b.writeUInt32BE(0xdeadbeef); b.writeInt16LE(-2, 4); return [b.toString('hex'), b.readUInt32BE(0), b.readInt16LE(4), b.readUint8(0), b.readUIntBE(0, 3)]",
            json!(["deadbeeffeff0000", 3735928559_u32, -2, 222, 14593470]),
        ),
        (
            "const b = Buffer.alloc(4); return [b.write('\u{e9}\u{e9}\u{e9}'), b.toString('hex'), Buffer.alloc(3, 'ab').toString(), Buffer.alloc(2).fill(7)[1]]",
            json!([4, "c3a9c3a9", "aba", 7]),
        ),
        (
            "const a = Buffer.from('abcd'); const b = Buffer.alloc(2); return [a.copy(b, 0, 1), b.toString(), Buffer.from(JSON.parse(JSON.stringify(a))).toString()]",
            json!([2, "bc", "abcd"]),
        ),
        ("const s = Buffer.from('abc'); s.slice(0, 1)[0] = 122; return s.toString()", json!("zbc")),
        (
            "try { Buffer.alloc(1).readUInt32LE(0) } catch (e) { return [e.name, e.code] }",
            json!(["RangeError", "ERR_BUFFER_OUT_OF_BOUNDS"]),
        ),
        ("try { Buffer.from('a', 'nope') } catch (e) { return e.message }", json!("Unknown encoding: nope")),
        (
            "return [btoa('hi'), atob('aGk='), Buffer.from(new Uint8Array([1, 2]).buffer).length, new Buffer('x').toString(), Buffer('y').toString()]",
            json!(["aGk=", "hi", 2, "x", "y"]),
        ),
        ("try { btoa('\u{4e2d}') } catch (e) { return e.name }", json!("InvalidCharacterError")),
        ("return [...Buffer.from('ab').entries()]", json!([[0, 97], [1, 98]])),
        ("return Buffer.from('ab').map((x) => x + 1).toString()", json!("bc")),
    ]);
}

#[test]
fn urls_follow_the_standard() {
    all(&[
        (
            "const u = new URL('../b?x=1&x=2#h', 'https://user:pw@ex\u{e4}mple.com:8443/a/c'); return [u.href, u.host, u.port, u.pathname, u.search, u.hash, u.origin, u.username]",
            json!([
                "https://user:pw@xn--exmple-cua.com:8443/b?x=1&x=2#h",
                "xn--exmple-cua.com:8443",
                "8443",
                "/b",
                "?x=1&x=2",
                "#h",
                "https://xn--exmple-cua.com:8443",
                "user"
            ]),
        ),
        (
            "const u = new URL('https://a.b/'); u.pathname = '/c d'; u.searchParams.append('q', 'a b&c'); u.searchParams.set('z', '1'); u.hash = 'x'; return `${u}`",
            json!("https://a.b/c%20d?q=a+b%26c&z=1#x"),
        ),
        (
            "try { new URL('nope') } catch (e) { return [e.name, e.code, URL.canParse('x:y')] }",
            json!(["TypeError", "ERR_INVALID_URL", true]),
        ),
        (
            "const p = new URLSearchParams('?a=1&b=2&a=3'); p.delete('b'); return [p.getAll('a'), p.get('b'), p.has('a'), [...p], String(new URLSearchParams({ x: '\u{e9}' })), p.size]",
            json!([["1", "3"], null, true, [["a", "1"], ["a", "3"]], "x=%C3%A9", 2]),
        ),
        (
            "const { parse, format } = require('url'); const u = parse('https://a.b:8/c?d=e#f', true); return [u.hostname, u.port, u.pathname, u.query.d, u.hash, format({ protocol: 'https', host: 'a.b', pathname: 'c', query: { d: 1 } })]",
            json!(["a.b", "8", "/c", "e", "#f", "https://a.b/c?d=1"]),
        ),
        (
            "const q = require('querystring'); return [q.parse('a=1&a=2&b=%20c+d'), q.stringify({ a: [1, 2], b: 'x y' })]",
            json!([{"a": ["1", "2"], "b": " c d"}, "a=1&a=2&b=x%20y"]),
        ),
    ]);
}

#[test]
fn text_and_clones() {
    all(&[
        (
            "return [new TextDecoder().decode(new Uint8Array([0xef, 0xbb, 0xbf, 104, 105])), new TextEncoder().encode('\u{e9}').length, new TextDecoder('latin1').decode(new Uint8Array([0x80]))]",
            json!(["hi", 2, "\u{20ac}"]),
        ),
        (
            "const d = new TextDecoder(); return d.decode(new Uint8Array([0xe2, 0x82]), { stream: true }) + d.decode(new Uint8Array([0xac]))",
            json!("\u{20ac}"),
        ),
        (
            "try { new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([255])) } catch (e) { return e.name }",
            json!("TypeError"),
        ),
        (
            "const a = { d: new Date(0), m: new Map([[1, { x: 2 }]]), l: [1] }; a.self = a; const c = structuredClone(a); return [c !== a, c.self === c, c.d.getTime(), c.m.get(1).x, c.l !== a.l]",
            json!([true, true, 0, 2, true]),
        ),
        ("try { structuredClone({ f() {} }) } catch (e) { return e.name }", json!("DataCloneError")),
        ("let x = 0; queueMicrotask(() => { x = 1 }); await null; return x", json!(1)),
    ]);
}

#[test]
fn clones_are_deep_and_of_the_same_kind() {
    all(&[
        (
            "const a = { s: new Set([1, [2]]), r: /x/gi, t: new Float32Array([1.5]), v: new DataView(new ArrayBuffer(2)), n: new Number(1), u: undefined, b: 1n }; const c = structuredClone(a); return [c.s.has(1), c.s instanceof Set, String(c.r), c.t[0], c.v.byteLength, c.n.valueOf(), 'u' in c, c.b === 1n, c.t.buffer !== a.t.buffer]",
            json!([true, true, "/x/gi", 1.5, 2, 1, true, true, true]),
        ),
        (
            "const e = new TypeError('m', { cause: new RangeError('c') }); const c = structuredClone(e); return [c instanceof TypeError, c.message, c.cause instanceof RangeError, c !== e]",
            json!([true, "m", true, true]),
        ),
        (
            "return [() => 1, Symbol('s'), Promise.resolve(), new WeakMap()].map((v) => { try { structuredClone({ v }) } catch (e) { return [e.name, e.code, e instanceof DOMException] } })",
            json!([
                ["DataCloneError", 25, true],
                ["DataCloneError", 25, true],
                ["DataCloneError", 25, true],
                ["DataCloneError", 25, true]
            ]),
        ),
        (
            "const b = new ArrayBuffer(4); const shared = [new Uint8Array(b), new Uint8Array(b, 2)]; const c = structuredClone(shared); c[0][2] = 7; return [c[1][0], shared[0][2]]",
            json!([7, 0]),
        ),
        (
            "return [new TextDecoder('utf-16le').decode(new Uint8Array([104, 0, 105, 0])), new TextEncoder().encodeInto('h\u{e9}', new Uint8Array(2)), new TextDecoder('utf-8', { ignoreBOM: true }).decode(new Uint8Array([0xef, 0xbb, 0xbf, 104])).length]",
            json!(["hi", { "read": 1, "written": 1 }, 2]),
        ),
    ]);
}

#[test]
fn headers_follow_the_standard() {
    all(&[
        (
            "const h = new Headers({ 'X-B': ' 1 ', a: 2 }); h.append('x-b', '3'); h.append('Set-Cookie', 'a=1'); h.append('set-cookie', 'b=2'); return [h.get('x-B'), h.has('A'), h.get('none'), [...h], h.getSetCookie(), [...h.keys()]]",
            json!([
                "1, 3",
                true,
                null,
                [["a", "2"], ["set-cookie", "a=1"], ["set-cookie", "b=2"], ["x-b", "1, 3"]],
                ["a=1", "b=2"],
                ["a", "set-cookie", "set-cookie", "x-b"]
            ]),
        ),
        (
            "const h = new Headers([['a', 'b']]); h.delete('A'); h.set('c', 'd'); const seen = []; new Headers(h).forEach((v, k) => seen.push(k + v)); return [seen, `${h}`]",
            json!([["cd"], "[object Headers]"]),
        ),
        (
            "return [['a b', 'x'], ['', 'x'], ['a', 'x\\ny'], ['a', '\u{4e2d}']].map(([k, v]) => { try { new Headers([[k, v]]) } catch (e) { return e.name } })",
            json!(["TypeError", "TypeError", "TypeError", "TypeError"]),
        ),
    ]);
}

#[test]
fn requests_and_responses_follow_the_standard() {
    all(&[
        (
            "const r = new Request(new URL('https://a.b/c#d'), { method: 'patch', body: 'x', headers: { a: 'b' } }); const s = new Request(r, { method: 'PUT' }); return [r.method, r.url, r.headers.get('content-type'), s.method, await s.text(), r.redirect, r.signal.aborted, await r.clone().text()]",
            json!(["PATCH", "https://a.b/c#d", "text/plain;charset=UTF-8", "PUT", "x", "follow", false, "x"]),
        ),
        (
            "const r = Response.json({ a: 1 }, { status: 201 }); return [r.status, r.ok, r.headers.get('content-type'), await r.json(), Response.error().type, Response.redirect('https://a.b').status, new Response().body, r.bodyUsed]",
            json!([201, true, "application/json", { "a": 1 }, "error", 302, null, true]),
        ),
        (
            "const r = new Response(new Uint8Array([104, 105])); let n = 0; for await (const chunk of r.body) n += chunk.length; return [n, r.bodyUsed, await new Response(new Blob(['a', new Blob(['b'])])).text(), (await new Response('x').arrayBuffer()).byteLength, (await new Response('x').blob()).size]",
            json!([2, true, "ab", 1, 1]),
        ),
        (
            "const f = await new Response(new URLSearchParams('a=1&b=2&a=3')).formData(); return [f.getAll('a'), f.get('b'), [...f.keys()]]",
            json!([["1", "3"], "2", ["a", "b", "a"]]),
        ),
        (
            "return [() => new Response('x', { status: 204 }), () => new Response('', { status: 99 }), () => new Request('https://u:p@a.b'), () => new Request('https://a.b', { method: 'TRACE' }), () => new AbortSignal()].map((f) => { try { f() } catch (e) { return e.name } })",
            json!(["TypeError", "RangeError", "TypeError", "TypeError", "TypeError"]),
        ),
        ("return await new Response('{').json().catch((e) => e.name)", json!("SyntaxError")),
        (
            "const seen = []; const c = new AbortController(); c.signal.addEventListener('abort', (e) => seen.push(e.type), { once: true }); c.signal.onabort = () => seen.push('on'); const any = AbortSignal.any([c.signal]); c.abort('r'); c.abort('s'); try { any.throwIfAborted() } catch (e) { seen.push(e) } return [seen, any.reason, c.signal.reason]",
            json!([["on", "abort", "r"], "r", "r"]),
        ),
        (
            "const b = new Blob(['h\u{e9}', new Uint8Array([33])], { type: 'Text/Plain' }); const f = new File([b], 'n', { lastModified: 5 }); return [b.size, b.type, await b.slice(0, 1).text(), f.name, f.lastModified, f.size, f instanceof Blob, `${f}`]",
            json!([4, "text/plain", "h", "n", 5, 4, true, "[object File]"]),
        ),
    ]);
}

#[test]
fn the_consoles_other_methods_write_lines() {
    let _ = host::take_log();
    let source = "console.time('t'); console.timeEnd('t'); console.count('c'); console.count('c'); console.countReset('c'); console.count('c');
console.group('g'); console.log('in\\nner'); console.group(); console.warn(1); console.groupEnd(); console.groupEnd(); console.groupEnd(); console.log('out');
console.assert(true, 'no'); console.assert(false); console.log(new Headers({ a: 'b' }), new Response('x', { status: 404 }), new AbortController().signal)";
    assert_eq!(run(source), Ok(Value::Null));
    let lines: Vec<String> = host::take_log().into_iter().map(|(_, line)| line).collect();
    assert_eq!(
        lines,
        [
            "t: 0ms",
            "c: 1",
            "c: 2",
            "c: 1",
            "g",
            "  in\n  ner",
            "    1",
            "out",
            "Assertion failed",
            "Headers { a: 'b' } Response {\n  status: 404,\n  statusText: '',\n  headers: Headers { 'content-type': 'text/plain;charset=UTF-8' },\n  ok: false,\n  url: '',\n  redirected: false,\n  bodyUsed: false\n} AbortSignal { aborted: false }",
        ]
    );
}

#[test]
fn node_modules_that_scripts_use() {
    all(&[
        (
            "const util = require('util'); return [util.format('%s=%d %j', 'a', 1, { b: 2 }, 'c'), util.isDeepStrictEqual({ a: [1] }, { a: [1] }), util.types.isDate(new Date()), await util.promisify((x, cb) => cb(null, x + 1))(1)]",
            json!(["a=1 {\"b\":2} c", true, true, 2]),
        ),
        (
            "const E = require('events'); const e = new E(); const seen = []; e.on('x', (v) => seen.push(v)); e.once('x', () => seen.push('once')); e.emit('x', 1); e.emit('x', 2); return [seen, new (require('events').EventEmitter)() instanceof E]",
            json!([[1, "once", 2], true]),
        ),
        (
            "try { require('node:fs') } catch (e) { return [e.message, e.code] }",
            json!([
                "Cannot find module 'node:fs': it is a module of Node.js that scripts do not have: there are no files; `kv` keeps values, and `import data from './data.json'` reads a file of the workflow",
                "MODULE_NOT_FOUND"
            ]),
        ),
        (
            "try { require('left-pad') } catch (e) { return [e.message.slice(0, 116), e.code] }",
            json!([
                "Cannot find module 'left-pad': it is neither in libraries/ (`flowcell bundle left-pad` puts it there) nor built in (",
                "MODULE_NOT_FOUND"
            ]),
        ),
        (
            "return [typeof process.mainModule, typeof setTimeout, typeof setImmediate, typeof module, typeof exports, typeof __dirname, globalThis === global]",
            json!(["undefined", "function", "function", "undefined", "undefined", "undefined", true]),
        ),
        ("return Object.keys(globalThis)", json!([])),
    ]);
}

/// The classic ways out of `node:vm` and AST-filtered sandboxes end in the same realm, where there is nothing to find.
#[test]
fn constructor_chains_reach_nothing() {
    all(&[
        (
            "return this?.constructor?.constructor?.('return typeof process.mainModule')() ?? 'undefined'",
            json!("undefined"),
        ),
        ("return console.log.constructor('return typeof process.mainModule')()", json!("undefined")),
        (
            "return [console._stdout === undefined, console.constructor.constructor('return typeof require.main')()]",
            json!([true, "undefined"]),
        ),
        (
            "try { null.x } catch (e) { return e.constructor.constructor('return typeof process.mainModule + typeof global.process.binding.mainModule')() }",
            json!("undefinedundefined"),
        ),
        ("return require.constructor('return typeof process.mainModule')()", json!("undefined")),
        (
            "Error.prepareStackTrace = (e, frames) => frames; return typeof new Error('x').stack",
            json!("string"),
        ),
        (
            "return Object.getOwnPropertyNames(globalThis).filter((n) => /^(Deno|Bun|WebAssembly|import|load|native|modules)$/i.test(n))",
            json!([]),
        ),
    ]);
}

#[test]
fn console_formats_like_node() {
    let _ = host::take_log();
    let source = r#"
console.log('a', 1, -0, 1n, null, undefined, true, 'it\'s', Symbol('s'));
console.info({ a: 1, 'b-c': 'x', d: [1, 2, { e: { f: {} } }], g: undefined });
console.warn(['it\'s', new Date(0), /x/g, () => 1, function named() {}, class A {}, new Map([['k', 1]]), new Set([1])]);
console.error('%s is %d years and %i, %j %o %%', 'Bob', 42.5, 42.9, { a: 1 }, [1], 'extra');
console.debug(Buffer.from('hi'), new Uint8Array(2), Promise.resolve(4), new (class Foo { x = 1 }), Object.create(null));
const c = { name: 'c' }; c.self = c; console.log(c);
console.log([['a', 'b'], [[['deep']]]], new Array(101).fill(0).length, [, 1].length);
console.table([{ a: 1, b: 'x' }, { a: 2 }]);
console.log({ long: 'x'.repeat(60), other: 'y'.repeat(30) });
console.assert(1 === 2, 'math');
console.log(new URLSearchParams('a=1'));
"#;
    assert_eq!(run(source), Ok(Value::Null));
    let expected: Vec<(Level, &str)> = vec![
        (Level::Info, "a 1 -0 1n null undefined true it's Symbol(s)"),
        (Level::Info, "{ a: 1, 'b-c': 'x', d: [ 1, 2, { e: [Object] } ], g: undefined }"),
        (
            Level::Warn,
            "[\n  \"it's\",\n  1970-01-01T00:00:00.000Z,\n  /x/g,\n  [Function (anonymous)],\n  [Function: named],\n  [class A],\n  Map(1) { 'k' => 1 },\n  Set(1) { 1 }\n]",
        ),
        (Level::Error, "Bob is 42.5 years and 42, {\"a\":1} [ 1, [length]: 1 ] % extra"),
        (
            Level::Debug,
            "<Buffer 68 69> Uint8Array(2) [ 0, 0 ] Promise { 4 } Foo { x: 1 } [Object: null prototype] {}",
        ),
        (Level::Info, "<ref *1> { name: 'c', self: [Circular *1] }"),
        (Level::Info, "[ [ 'a', 'b' ], [ [ [Array] ] ] ] 101 2"),
        (
            Level::Info,
            "┌─────────┬───┬─────┐\n│ (index) │ a │ b   │\n├─────────┼───┼─────┤\n│ 0       │ 1 │ 'x' │\n│ 1       │ 2 │     │\n└─────────┴───┴─────┘",
        ),
        (
            Level::Info,
            "{\n  long: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',\n  other: 'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy'\n}",
        ),
        (Level::Error, "Assertion failed: math"),
        (Level::Info, "URLSearchParams { 'a' => '1' }"),
    ];
    let got = host::take_log();
    let got: Vec<(Level, &str)> = got.iter().map(|(level, line)| (*level, line.as_str())).collect();
    assert_eq!(got, expected);
}

#[test]
fn a_huge_message_goes_out_whole_and_a_huge_value_is_shortened() {
    let _ = host::take_log();
    assert_eq!(run("console.log('é'.repeat(100000)); console.log({ a: 'x'.repeat(1e6) })"), Ok(Value::Null));
    let log = host::take_log();
    assert_eq!(log.len(), 2);
    // The host cuts, and knows that it did: what the guest cut could end inside a secret, which nobody would find.
    assert_eq!(log[0].1.len(), 200_000);
    assert!(log[1].1.len() < 17 << 10, "{}", log[1].1.len());
}
