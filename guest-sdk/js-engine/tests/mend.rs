//! What ordinary and hostile scripts broke in the engine, one test a find. Runs natively, on stand-ins of the imports.

mod harness;

use std::time::Instant;

use harness::bodies::{all, run};
use serde_json::json;

#[test]
fn a_comparator_that_contradicts_itself_gives_some_order() {
    all(&[
        (
            "const a = Array.from({ length: 500 }, (_, i) => i); a.sort(() => Math.random() - 0.5); return [a.length, new Set(a).size]",
            json!([500, 500]),
        ),
        ("return Array.from({ length: 300 }, (_, i) => i).sort(() => 1).length", json!(300)),
        ("return Array.from({ length: 300 }, (_, i) => i).toSorted(() => -1).length", json!(300)),
        (
            "return new Set(Float64Array.from({ length: 300 }, (_, i) => i).sort(() => Math.random() - 0.5)).size",
            json!(300),
        ),
        (
            "return new Set(Uint16Array.from({ length: 300 }, (_, i) => i).toSorted(() => Math.random() - 0.5)).size",
            json!(300),
        ),
        (
            "let n = 0; const a = Array.from({ length: 100 }, (_, i) => ({ toString: () => String(n++ * 7919 % 101) })); return a.sort().length",
            json!(100),
        ),
    ]);
}

#[test]
fn sorting_is_what_the_specification_says() {
    all(&[
        ("return [3, 1, 10, 2].sort()", json!([1, 10, 2, 3])),
        ("return [3, 1, 10, 2].sort((a, b) => a - b)", json!([1, 2, 3, 10])),
        ("return [3, 1, undefined, 2].sort((a, b) => b - a)", json!([3, 2, 1, null])),
        (
            "const a = [3, , 1, undefined]; a.sort(); return [a.length, 3 in a, 2 in a, a[2] === undefined, a[0]]",
            json!([4, false, true, true, 1]),
        ),
        ("return Object.keys([3, , 1].toSorted())", json!(["0", "1", "2"])),
        (
            "const a = [2, 1]; const b = a.toSorted(); return [a, b, a.sort() === a]",
            json!([[1, 2], [1, 2], true]),
        ),
        (
            "return ['\u{ff5e}', '\u{1f600}', 'b', 'a', '\u{e9}'].sort()",
            json!(["a", "b", "\u{e9}", "\u{1f600}", "\u{ff5e}"]),
        ),
        (
            "const o = { length: 3, 0: 'c', 2: 'a' }; Array.prototype.sort.call(o); return o",
            json!({"0": "a", "1": "c", "length": 3}),
        ),
        ("return [1, 2, 3].sort((a, b) => '1')", json!([1, 2, 3])),
        ("return [1, 2, 3].sort(() => NaN)", json!([1, 2, 3])),
        (
            "const a = Array.from({ length: 200 }, (_, i) => ({ k: i % 3, i })); a.sort((x, y) => x.k - y.k); return a.every((x, i) => !i || a[i - 1].k < x.k || (a[i - 1].k === x.k && a[i - 1].i < x.i))",
            json!(true),
        ),
        (
            "try { [2, 1].sort(() => { throw new RangeError('mine') }) } catch (e) { return [e.name, e.message] }",
            json!(["RangeError", "mine"]),
        ),
        ("try { [2, 1].sort(1) } catch (e) { return e.name }", json!("TypeError")),
        (
            "try { Uint8Array.prototype.sort.call([], (a, b) => 0) } catch (e) { return e.name }",
            json!("TypeError"),
        ),
        (
            "return [...new Uint8Array([3, 1, 2]).sort()].concat(...new Uint8Array([3, 1, 2]).sort((a, b) => b - a))",
            json!([1, 2, 3, 3, 2, 1]),
        ),
        (
            "const a = new Float32Array([3, 1, 2]); const b = a.toSorted((x, y) => x - y); return [[...a], [...b], b.constructor.name]",
            json!([[3, 1, 2], [1, 2, 3], "Float32Array"]),
        ),
        (
            "const f = [].sort; try { new f() } catch (e) { return [f.name, f.length, e.name, String(f), 'prototype' in f, Object.keys(Array.prototype)] }",
            json!(["sort", 1, "TypeError", "function sort() { [native code] }", false, []]),
        ),
    ]);
}

#[test]
fn fewer_than_two_elements_are_not_sorted_as_in_v8() {
    const WATCHED: &str = "const log = []; const watched = (of) => new Proxy(of, Object.fromEntries(['get', 'has', 'set', 'deleteProperty', 'getOwnPropertyDescriptor', 'defineProperty'].map((trap) => [trap, (...all) => { log.push(trap + ' ' + String(all[1])); return Reflect[trap](...all.slice(0, trap === 'get' || trap === 'set' ? -1 : undefined)); }]))); const attempt = (work) => { try { return work() } catch (error) { return error.name } };";
    all(&[
        (
            "const one = Object.freeze([5]), none = Object.freeze([]); return [one.sort() === one, one.sort((a, b) => a - b) === one, none.sort() === none]",
            json!([true, true, true]),
        ),
        ("return Object.freeze(['b']).toSorted()", json!(["b"])),
        ("let reads = 0; [].sort.call({ length: 1, get 0() { reads++ } }); return reads", json!(0)),
        ("return [String([].sort.call('a')), String([].sort.call(''))]", json!(["a", ""])),
        (
            &format!(
                "{WATCHED} for (const of of [[], [1], [,], {{ length: 1 }}, {{}}]) [].sort.call(watched(of)); return log"
            ),
            json!(["get length", "get length", "get length", "get length", "get length"]),
        ),
        (
            &format!(
                "{WATCHED} for (const of of [[], [1], [,]]) [].toSorted.call(watched(of), () => 0); return log"
            ),
            json!(["get length", "get length", "get 0", "get length", "get 0"]),
        ),
        (
            &format!("{WATCHED} [].sort.call(watched([1, ,])); return log"),
            json!(["get length", "has 0", "get 0", "has 1", "set 0", "deleteProperty 1"]),
        ),
        // Two are sorted, even if one of them is a hole, and the comparator is looked at first.
        (
            &format!(
                "{WATCHED} return [[1, 2], [1, ,], [, 1]].map((of) => attempt(() => Object.freeze(of).sort()))"
            ),
            json!(["TypeError", "TypeError", "TypeError"]),
        ),
        (
            &format!(
                "{WATCHED} return [attempt(() => [].sort(1)), attempt(() => [1].sort(null)), attempt(() => [1].toSorted({{}})), attempt(() => new Int8Array(1).sort(1)), attempt(() => new Int8Array(0).toSorted(1))]"
            ),
            json!(["TypeError", "TypeError", "TypeError", "TypeError", "TypeError"]),
        ),
        (
            "let asked = 0; const compare = () => { asked++; return 0 }; const one = new Float64Array(1); return [one.sort(compare) === one, one.toSorted(compare) !== one, new BigInt64Array(0).sort(compare).length, asked]",
            json!([true, true, 0, 0]),
        ),
    ]);
}

#[test]
fn a_huge_error_is_cut_and_keeps_its_place() {
    for (source, name) in [
        ("\nthrow new Error('x'.repeat(1 << 20))", "Error"),
        ("\nthrow new Error('\u{1f600}'.repeat(1 << 18))", "Error"),
        ("\nconst e = new Error('y'); e.stack = 'z'.repeat(1 << 20); throw e", "Error"),
        (
            "\nthrow new Error('a', { cause: new Error('x'.repeat(1 << 20), { cause: 'q'.repeat(1 << 20) }) })",
            "Error",
        ),
        ("\nthrow 'x'.repeat(1 << 20)", "Error"),
    ] {
        let error = run(source).unwrap_err();
        for field in ["message", "stack"] {
            let text = error[field].as_str().unwrap();
            assert!(text.len() <= 8 << 10, "{source}: {field} has {}", text.len());
        }
        assert_eq!(error["name"], name);
        assert_eq!(error["code"], "script_error");
        // A thrown string has no place.
        if !source.contains("throw 'x'") {
            assert_eq!(error["line"], 2, "{source}");
        }
    }
    let error = run("\nthrow new Error('x'.repeat(1 << 20))").unwrap_err();
    assert!(error["message"].as_str().unwrap().ends_with("x\u{2026}"));
    assert!(error["stack"].as_str().unwrap().ends_with("(body.js:2:7)"), "{}", error["stack"]);
    let error = run("const e = new Error('m'); e.name = 'n'.repeat(1 << 20); throw e").unwrap_err();
    assert!(error["name"].as_str().unwrap().len() <= 200);
}

#[test]
fn garbage_buffers_are_collected_before_they_fill_the_memory() {
    // A dereference would keep it alive for the rest of the run.
    run("globalThis.dropped = new WeakRef(new Uint8Array(1 << 20))").unwrap();
    all(&[(
        "for (let i = 0; i < 20; i++) new Uint8Array(1 << 20); return dropped.deref() === undefined",
        json!(true),
    )]);
}

#[test]
fn a_conversion_that_resizes_a_buffer_is_survived() {
    all(&[
        (
            "const b = new ArrayBuffer(16, { maxByteLength: 32 }); return b.slice({ valueOf() { b.resize(2); return 1 } }, 16).byteLength",
            json!(1),
        ),
        (
            "const b = new ArrayBuffer(16, { maxByteLength: 32 }); b.constructor = { [Symbol.species]: function (n) { b.resize(0); return new ArrayBuffer(n) } }; return b.slice(4).byteLength",
            json!(12),
        ),
        (
            "const b = new ArrayBuffer(8, { maxByteLength: 16 }); Object.defineProperty(ArrayBuffer.prototype, 'resizable', { get: () => false, configurable: true }); return b.slice(-3, { valueOf() { b.resize(4); return -1 } }).byteLength",
            json!(2),
        ),
        (
            "const b = new ArrayBuffer(16, { maxByteLength: 32 }); const t = new Int32Array(b); try { return Atomics.add(t, 3, { valueOf() { b.resize(0); return 1 } }) } catch (e) { return e.name }",
            json!("RangeError"),
        ),
        (
            "const b = new ArrayBuffer(16, { maxByteLength: 32 }); const t = new Int32Array(b); try { return Atomics.store(t, { valueOf() { b.resize(0); return 3 } }, 1) } catch (e) { return e.name }",
            json!("RangeError"),
        ),
        (
            "const t = new Int32Array(4); return [Atomics.add(t, 0, { valueOf: () => 5 }), Atomics.load(t, 0), Atomics.add.name, Atomics.add.length]",
            json!([0, 5, "add", 3]),
        ),
        ("return [...new Uint8Array(new Uint8Array([1, 2, 3, 4]).buffer.slice(1, -1))]", json!([2, 3])),
    ]);
}

#[test]
fn searching_a_long_text_is_linear() {
    let start = Instant::now();
    all(&[
        ("return 'a'.repeat(50000).replace(/a/g, 'b').length", json!(50000)),
        ("return 'a'.repeat(50000).replace(/(?<x>a)/g, (m, x, at) => at % 10).length", json!(50000)),
        ("return 'word '.repeat(20000).match(/\\w+/g).length", json!(20000)),
        ("return [...'word '.repeat(10000).matchAll(/\\w+/g)].length", json!(10000)),
        ("return 'a,'.repeat(20000).split(/,/).length", json!(20001)),
        ("return 'a,'.repeat(20000).split(',').length", json!(20001)),
        ("return 'a,'.repeat(20000).replaceAll(',', '$&$&').length", json!(60000)),
        ("const s = 'a,'.repeat(10000), r = /,/g; let n = 0; while (r.exec(s)) n++; return n", json!(10000)),
        ("const s = 'a,'.repeat(10000), r = /,/g; let n = 0; while (r.test(s)) n++; return n", json!(10000)),
        (
            "const s = 'a,'.repeat(10000), r = /[a-z]|,/y; let n = 0; while (r.test(s)) n++; return n",
            json!(20000),
        ),
        (
            "const s = 'a,'.repeat(10000), r = /b/y; let n = 0; for (let i = 0; i < 5000; i++) { r.lastIndex = i; if (r.test(s)) n++ } return n",
            json!(0),
        ),
        (
            "const s = 'a,'.repeat(20000); let n = 0; for (let i = s.indexOf(','); i >= 0; i = s.indexOf(',', i + 1)) n++; return n",
            json!(20000),
        ),
    ]);
    // Each of these took minutes.
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

#[test]
fn a_number_that_does_not_fit_a_buffer_is_refused() {
    all(&[
        (
            "const b = Buffer.alloc(8), out = []; for (const f of [() => b.writeUInt8(256), () => b.writeInt8(-129), () => b.writeUInt32BE(-1), () => b.writeBigUInt64LE(2n ** 64n), () => b.writeBigInt64BE(2n ** 63n), () => b.writeUIntBE(65536, 0, 2), () => b.writeIntLE(-32769, 0, 2)]) { try { f(); out.push('fits') } catch (e) { out.push([e.name, e.code]) } } return out",
            json!(vec![json!(["RangeError", "ERR_OUT_OF_RANGE"]); 7]),
        ),
        (
            "try { Buffer.alloc(1).writeUInt8(256) } catch (e) { return e.message }",
            json!("The value of \"value\" is out of range. It must be >= 0 and <= 255. Received 256"),
        ),
        (
            "const b = Buffer.alloc(8); return [b.writeUInt8(255), b.writeInt8(-128), b.writeUInt32BE(4294967295), b.writeBigUInt64LE(2n ** 64n - 1n), b.writeBigInt64BE(-(2n ** 63n)), b.writeIntBE(-32768, 0, 2), b.writeUInt8(undefined), b.writeDoubleLE(1e300)]",
            json!([1, 1, 4, 8, 8, 2, 1, 8]),
        ),
    ]);
}

#[test]
fn a_boxed_bigint_is_no_output() {
    let error = run("return { a: Object(1n) }").unwrap_err();
    assert_eq!(error["code"], "output_invalid");
    assert!(error["message"].as_str().unwrap().contains("`a` is a bigint"), "{error}");
    all(&[("try { JSON.stringify(Object(1n)) } catch (e) { return e.name }", json!("TypeError"))]);
}
