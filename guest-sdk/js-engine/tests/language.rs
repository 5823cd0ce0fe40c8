//! What the engine's patches of Boa are for, seen by a script: one row a find. Runs natively, on stand-ins of the imports.

mod harness;

use std::time::Instant;

use harness::bodies::{all, run};
use serde_json::json;

#[test]
fn a_pattern_with_an_index_reads_a_text() {
    all(&[
        (
            "const { 0: first, 1: second, 5: none } = 'ab'; return [first, second, none === undefined]",
            json!(["a", "b", true]),
        ),
        (
            "const f = ({ 0: a, length }) => [a, length]; return [f('xy'), f(['z']), f('é')]",
            json!([["x", 2], ["z", 1], ["é", 1]]),
        ),
        (
            "let out = []; for (const { 0: unit } of ['p', 'q', [7], { 0: 8 }]) out.push(unit); return out",
            json!(["p", "q", 7, 8]),
        ),
        ("const { 0: none } = 5; return none === undefined", json!(true)),
    ]);
}

#[test]
fn a_text_that_grows_is_what_its_parts_are() {
    all(&[
        // Each is a text of its own, whatever is appended to what it began with.
        (
            "const base = 'x'.repeat(300) + 'y'; const one = base + 'a', two = base + 'b'; return [one.slice(-2), two.slice(-2), base.slice(-2), one === two, one.length]",
            json!(["ya", "yb", "xy", false, 302]),
        ),
        (
            "let s = ''; const all = []; for (let i = 0; i < 600; i++) { s += i % 10; all.push(s) } return all.every((t, i) => t.length === i + 1 && t === s.slice(0, i + 1))",
            json!(true),
        ),
        // From one byte a unit to two, in the middle.
        (
            "let s = 'é'.repeat(400); s += 'ü'; s += '中'; s += 'z'; return [s.length, s.slice(-4), s.at(0)]",
            json!([403, "éü中z", "é"]),
        ),
        (
            "let s = 'a'.repeat(500); s += s; s += s; return [s.length, s.lastIndexOf('a')]",
            json!([2000, 1999]),
        ),
        (
            "let s = ''; for (let i = 0; i < 300; i++) s = `${s}${i},`; return [s.length, s.split(',').length]",
            json!([1090, 301]),
        ),
        ("let s = 'k'.repeat(256); s = s.concat('l', 1, null); return s.slice(-6)", json!("l1null").clone()),
        (
            "let s = 'k'.repeat(256); s += 1; s += null; s += { toString: () => '中' }; return s.slice(-6)",
            json!("1null中"),
        ),
        (
            "const key = 'n'.repeat(300) + 'm'; return [{ [key + '1']: 1 }['n'.repeat(300) + 'm1'], new Map([[key, 2]]).get('n'.repeat(300) + 'm')]",
            json!([1, 2]),
        ),
        ("let s = '\\ud83d'.repeat(260); s += '\\ude00'; return [...s].length", json!(260)),
    ]);
}

#[test]
fn building_a_text_by_appending_is_linear() {
    let build =
        |count: usize| format!("let s = ''; for (let i = 0; i < {count}; i++) s += 'x'; return s.length");
    let took = |count: usize| {
        let started = Instant::now();
        assert_eq!(run(&build(count)), Ok(json!(count)));
        started.elapsed()
    };
    took(1_000);
    // Thirty times as many take some thirty times as long; with a copy each they would take nine hundred times as long.
    let (few, many) = (took(20_000), took(600_000));
    assert!(many < few * 150, "{few:?} and {many:?}");
}

#[test]
fn a_caught_error_says_what_an_uncaught_one_says() {
    let caught = |code: &str| format!("try {{ {code} }} catch (error) {{ return error.message }}");
    let rejected =
        |code: &str| format!("return (async () => {{ {code} }})().catch((error) => error.message)");
    for (code, expected) in [
        ("null.x", "Cannot read properties of null (reading 'x')"),
        ("const o = {}; o.a.b", "Cannot read properties of undefined (reading 'b')"),
        ("const o = {}; o.a['b' + 1]", "Cannot read properties of undefined (reading 'b1')"),
        ("const o = {}; o.a[0]", "Cannot read properties of undefined (reading '0')"),
        (
            "let n = null; n[Symbol.iterator]",
            "Cannot read properties of null (reading 'Symbol(Symbol.iterator)')",
        ),
        ("let n; n.length", "Cannot read properties of undefined (reading 'length')"),
        ("let n; n.a = 1", "Cannot set properties of undefined (setting 'a')"),
        ("let n = null; n['k'] = 1", "Cannot set properties of null (setting 'k')"),
        ("const o = {}; o.missing()", "o.missing is not a function"),
        ("const o = { deep: {} };\no.deep.call(1)", "o.deep.call is not a function"),
        ("const f = 1; f()", "f is not a function"),
        ("missing", "missing is not defined"),
        ("early; let early = 1", "Cannot access 'early' before initialization"),
    ] {
        assert_eq!(run(&caught(code)), Ok(json!(expected)), "caught: {code}");
        assert_eq!(run(&rejected(code)), Ok(json!(expected)), "rejected: {code}");
        let uncaught = run(code).unwrap_err();
        assert_eq!(uncaught["message"], expected, "uncaught: {code}");
    }
    // Code of the script does not run for the sake of a message.
    all(&[(
        "let asked = 0; try { null[{ toString() { asked++; return 'k' } }] } catch (error) { return [error.name, asked] }",
        json!(["TypeError", 0]),
    )]);
}

#[test]
fn a_class_gives_its_text() {
    all(&[
        ("class A { x = 1 }\nreturn String(A)", json!("class A { x = 1 }")),
        (
            "return `${class extends Array { /* é */ m() {} }}`",
            json!("class extends Array { /* é */ m() {} }"),
        ),
        ("const o = { K: class {} }; return [o.K.toString(), o.K.name]", json!(["class {}", "K"])),
        (
            "class B { constructor(a) { this.a = a } static s() {} }\nreturn [String(B), String(B.s), String(new B(1).constructor)]",
            json!([
                "class B { constructor(a) { this.a = a } static s() {} }",
                "s() {}",
                "class B { constructor(a) { this.a = a } static s() {} }"
            ]),
        ),
    ]);
}

#[test]
fn regular_expressions_find_what_the_language_says() {
    all(&[
        // Without `u` an escape of a code point is the letter and a count, and a pair of escapes two units.
        (
            "return [/^\\u{2}$/.test('uu'), /\\u{41}/.test('A'), /\\u{41}/u.test('A'), /^\\ud83d\\ude00$/.test('😀'), /^[\\ud83d\\ude00]{2}$/.test('😀'), /^[😀]$/.test('😀'), /^[😀]$/u.test('😀')]",
            json!([true, false, true, true, true, false, true]),
        ),
        (
            "return ['[\\\\u{1F600}-\\\\u{1F64F}]', '\\\\b*', '\\\\B+', 'a**', '(?<a>.)(?<a>.)'].map((source) => { try { new RegExp(source); return 'accepted' } catch (error) { return error.name } })",
            json!(["SyntaxError", "SyntaxError", "SyntaxError", "SyntaxError", "SyntaxError"]),
        ),
        (
            "return [/\\u+123/.test('\\u0123'), /\\u+123/.test('uu123'), /\\x+1/.test('xx1')]",
            json!([false, true, true]),
        ),
        // Case without `u` is the uppercase of a unit, which never leaves what is beyond ASCII for ASCII.
        (
            "return [/ſ/i.test('s'), /[ſ]/i.test('S'), /\\u212a/i.test('k'), /[^k]/i.test('\\u212a'), /ſ/iu.test('s'), /[\\u212a]/iu.test('k'), /\\w/i.test('ſ'), /\\w/iu.test('ſ')]",
            json!([false, false, false, true, true, true, false, true]),
        ),
        (
            "return [/[a-z]/i.test('Q'), /[À-Þ]/i.test('é'), /[é]/i.test('É'), /[σ]/i.test('ς'), /[µ]/i.test('Μ'), /[^x]/i.test('X'), /ÿ/i.test('Ÿ'), /[ÿ]/i.test('Ÿ'), /[ß]/i.test('ẞ'), /ß/iu.test('ẞ')]",
            json!([true, true, true, true, true, false, true, true, false, true]),
        ),
        (
            "return [/[\\W]/iu.test('S'), /\\W/iu.test('S'), /[\\W]/iu.test('ſ'), /[\\W]/i.test('S'), /[\\w]/iu.test('ſ'), /[^\\W]/iu.test('S')]",
            json!([false, false, false, false, true, true]),
        ),
        // Sets.
        (
            "return [/^[a&b]+$/v.test('a&b'), /^[a&]$/v.test('a'), /[\\b]/v.test('\\b'), /[\\b]/v.test('b'), /^[\\q{abc|d}]$/v.test('abc'), /^[\\q{abc|d}]$/v.test('d'), /^[\\q{a|}]$/v.test(''), /^[^\\q{a}]$/v.test('a'), /^[^\\q{a}]$/v.test('b')]",
            json!([true, true, true, false, true, true, true, false, true]),
        ),
        (
            "return [/^[[a-z]--[aeiou]]+$/v.test('xyz'), /^[[a-z]--[aeiou]]+$/v.test('xaz'), /^[\\p{L}&&[a-z]]$/v.test('é'), /^\\u{1F600}$/v.test('😀'), /^\\p{RGI_Emoji_Flag_Sequence}$/v.test('🇩🇪'), /^[\\q{ab|b}--\\q{b}]$/v.test('b'), '(' in {}]",
            json!([true, false, false, true, true, false, false]),
        ),
        (
            "return ['[^\\\\q{ab}]', '[(]', '[a--b&&c]', '\\\\-'].map((source) => { try { new RegExp(source, 'v'); return 'accepted' } catch (error) { return error.name } })",
            json!(["SyntaxError", "SyntaxError", "SyntaxError", "SyntaxError"]),
        ),
        (
            "return [/^[\\u{1F600}-\\u{1F64F}]+$/v.test('😀😁'), new RegExp('[\\\\u{61}-z]', 'v').test('b')]",
            json!([true, true]),
        ),
        // Names beyond the basic plane, with and without `u`.
        (
            "return [/(?<𝒜>.)/.exec('q').groups['𝒜'], /(?<𝒜>.)/u.exec('q').groups['𝒜'], /(?<\\u{1d49c}>.)/.exec('q').groups['𝒜'], /(?<\\ud835\\udc9c>.)/.exec('q').groups['𝒜']]",
            json!(["q", "q", "q", "q"]),
        ),
    ]);
}

#[test]
fn an_assignment_without_a_setter_fails_whatever_was_assigned_to_before() {
    all(&[
        (
            "const both = { get a() { return 1 }, set a(v) { this.got = v } }, only = { get a() { return 2 } }, none = { get a() { return 3 }, set a(v) { this.got = v } };
            function write(o, v) { 'use strict'; o.a = v; return [o.a, o.got] }
            return [both, only, none, only, both].map((o, i) => { try { return write(o, i) } catch (error) { return error.name } })",
            json!([[1, 0], "TypeError", [3, 2], "TypeError", [1, 4]]),
        ),
        (
            "class A { get a() { return 1 } set a(v) { this.got = v } } class B { get a() { return 2 } }
            const write = (o, v) => { 'use strict'; o.a = v; return o.got ?? null };
            return [new A(), new B(), new A(), new B()].map((o, i) => { try { return write(o, i) } catch (error) { return error.name } })",
            json!([0, "TypeError", 2, "TypeError"]),
        ),
    ]);
}

#[test]
fn every_way_out_of_nested_finally_blocks_is_its_own() {
    all(&[
        (
            "const out = []; const f = (k) => { done: { try { try { if (k) return 7; break done } finally { out.push('a') } } finally { out.push('b') } } return 5 }; return [f(0), f(1), f(0), out.join('')]",
            json!([5, 7, 5, "ababab"]),
        ),
        (
            "const out = []; for (let n = 0; n < 5; n++) { try { try { if (n === 9) return 7; if (n === 1) continue; if (n === 3) break; out.push(n) } finally { out.push('a') } } finally { out.push('b') } } return out.join('')",
            json!("0abab2abab"),
        ),
        (
            "const f = (k) => { const out = []; outer: for (const x of [1, 2]) { inner: for (;;) { try { try { try { if (k === 0) return ['r', out.join('')]; if (k === 1) continue outer; if (k === 2) break inner; if (k === 3) break outer; throw 'e' } finally { out.push(x + 'a') } } finally { out.push('b') } } catch (e) { out.push(e); break outer } finally { out.push('c') } } out.push('i') } return out.join('') }; return [f(0), f(1), f(2), f(3), f(4)]",
            json!([["r", ""], "1abc2abc", "1abci2abci", "1abc", "1abec"]),
        ),
        (
            "const g = function* (k) { done: { try { try { yield 1; if (k) return 7; break done } finally { yield 'a' } } finally { yield 'b' } } yield 5 }; return [[...g(0)], [...g(1)]]",
            json!([[1, "a", "b", 5], [1, "a", "b"]]),
        ),
        (
            "const f = async (k) => { done: { try { try { await 0; if (k) return 7; break done } finally { await 0 } } finally { await 0 } } return 5 }; return Promise.all([f(0), f(1)])",
            json!([5, 7]),
        ),
    ]);
}

#[test]
fn large_numbers_become_their_lowest_bits_as_elements() {
    all(&[
        (
            "return [...new Int16Array([1e300, 2 ** 63, -(2 ** 63), 1e19, 65537.9, -1.5, 32768])]",
            json!([0, 0, 0, 0, 1, -1, -32768]),
        ),
        (
            "return [...new Uint8Array([1e20, 2 ** 64, 2 ** 53 + 2, -1, 256.9, NaN, Infinity])]",
            json!([0, 0, 2, 255, 0, 0, 0]),
        ),
        (
            "return [...Int8Array.of(128, -129, 2 ** 62 + 2 ** 20, 1e300), ...new Uint16Array(1).fill(1e25), ...new Uint16Array([-1])]",
            json!([-128, 127, 0, 0, 0, 65535]),
        ),
        (
            "const view = new DataView(new ArrayBuffer(2)); view.setInt16(0, 2 ** 70); return view.getInt16(0)",
            json!(0),
        ),
    ]);
}

#[test]
fn for_in_asks_a_proxy_for_its_prototype() {
    all(&[
        (
            "const keys = []; for (const key in new Proxy({ own: 1 }, { getPrototypeOf: () => ({ inherited: 1, own: 2 }) })) keys.push(key); return keys",
            json!(["own", "inherited"]),
        ),
        (
            "for (const trap of [() => 1, () => { throw new RangeError() }]) { try { for (const key in new Proxy({}, { getPrototypeOf: trap })); return 'nothing' } catch (error) { globalThis.seen = [...(globalThis.seen ?? []), error.name] } } return seen",
            json!(["TypeError", "RangeError"]),
        ),
    ]);
}

#[test]
fn a_string_in_a_class_is_found_backwards_too() {
    all(&[(
        "return [/(?<=[\\q{ab|c}])x/v.exec('abx')?.index, /(?<=[\\q{abc}])x/v.exec('abcx')?.index, /(?<=\\p{RGI_Emoji_Flag_Sequence})/v.exec('🇩🇪')?.index, /(?<![\\q{ab}])x/v.test('abx'), /(?<=[\\q{ab}])x/vi.exec('AbX')?.index]",
        json!([2, 3, 4, false, 2]),
    )]);
}

#[test]
fn using_is_a_name_where_it_declares_nothing() {
    all(&[
        ("const using = 5; return using", json!(5)),
        ("let using = 1; using = 2; using += 1; using++; return using", json!(4)),
        ("var using = 8, g = 2; return using / 2 / g", json!(2)),
        ("var using = 8\nusing\n/2/g\nvar g = 4\nreturn using", json!(8)),
        ("function using(f) { return f() } return using(() => 3)", json!(3)),
        ("const f = using => using + 1; return f(1)", json!(2)),
        ("const f = (using, of) => [using, of]; return f(1, 2)", json!([1, 2])),
        ("const f = async using => using; return await f(4)", json!(4)),
        ("const { using, b: { using: c } } = { using: 1, b: { using: 2 } }; return [using, c]", json!([1, 2])),
        ("let using; const seen = []; for (using of [1, 2]) seen.push(using); for (using in { k: 0 }) seen.push(using); return seen", json!([1, 2, "k"])),
        ("let using = 0; for (using = 1; using < 3; using++); return using", json!(3)),
        ("let using\nlet x = 3\nusing\nx = 4\nreturn [using === undefined, x]", json!([true, 4])),
        ("const using = Promise.resolve(7); const a = await using; return a", json!(7)),
        ("async function f(using) { await using\nreturn await using } return await f(6)", json!(6)),
        ("using: for (;;) { break using } return 1", json!(1)),
        ("return { using: 1, get [`x`]() { return 2 }, using2() { return 3 } }.using", json!(1)),
        ("class A { using = 1; static using() { return 2 } #using = 3; get p() { return this.#using } } return [new A().using, A.using(), new A().p]", json!([1, 2, 3])),
        ("const using = (s) => s[0]; return using`text`", json!("text")),
        ("const using = { in: 1 }; return [using.in, using?.in, 'in' in using]", json!([1, 1, true])),
    ]);
    for source in [
        "using file = {}; return 1",
        "{ using a = null, b = null } return 1",
        "for (using file of []) ; return 1",
        "for (using file = null; ;) ; return 1",
        "await using file = null; return 1",
        "for (await using file of []) ; return 1",
        "const f = async () => { await using file = null }; return 1",
        "switch (1) { case 1: using file = null } return 1",
        "let x = 1\n  using y = x; return 1",
    ] {
        let error = run(source).expect_err(source);
        let message = error["message"].as_str().unwrap_or_default();
        assert_eq!(error["code"], "syntax_error", "{source}: {error}");
        assert!(message.contains("`using` is not supported"), "{source}: {message}");
    }
}

#[test]
fn short_ways_of_the_machine_give_what_the_long_ones_give() {
    all(&[
        // Numbers at the ends of their range, in registers that hold other things before.
        ("let a = 2147483647; a++; let b = -2147483648; b--; let c = '5'; c++; let d = 1n; d++; return [a, b, c, String(d)]", json!([2_147_483_648_u32, -2_147_483_649_i64, 6, "2"])),
        ("let a = 2147483646, out = []; for (let i = 0; i < 3; i++) out.push(a++, a); return out", json!([2_147_483_646, 2_147_483_647, 2_147_483_647, 2_147_483_648_u32, 2_147_483_648_u32, 2_147_483_649_u32])),
        ("const o = { valueOf() { throw new Error('no') } }; let x = o; try { x++ } catch { } return x === o", json!(true)),
        ("const out = []; for (const [a, b] of [[2147483647, 1], [-2147483648, -1], ['a', 1], [1.5, 1], [true, 1], [null, 1], [[1], 2]]) out.push(a + b, a - b, a * b); return out.map(String)",
            json!(["2147483648", "2147483646", "2147483647", "-2147483649", "-2147483647", "2147483648", "a1", "NaN", "NaN", "2.5", "0.5", "1.5", "2", "0", "1", "1", "-1", "0", "12", "-1", "2"])),
        ("return [Object.is(0 * -1, -0), Object.is(-4 % 2, -0), 5 % 0, -0 + 0, 1 / (-0 - 0)].map(String)", json!(["true", "true", "NaN", "0", "-Infinity"])),
        ("const out = []; for (const [a, b] of [[1, 2], ['10', '9'], ['b', 'a'], [undefined, 1], [1n, 2], [NaN, NaN], [null, 0]]) { let n = 0; for (; a < b;) { n++; break } out.push(n, a <= b, a > b, a >= b) } return out",
            json!([1, true, false, false, 1, true, false, false, 0, false, true, true, 0, false, false, false, 1, true, false, false, 0, false, false, false, 0, true, false, true])),
        // Objects, texts and symbols go through the same registers, and their counts are right: nothing is freed too early.
        ("let keep = []; for (let i = 0; i < 2000; i++) { let v = i % 4 === 0 ? { i } : i % 4 === 1 ? 't' + i : i % 4 === 2 ? Symbol(i) : BigInt(i) * 10n ** 30n; let w = v; v = i; keep.push(w); w = null } return [keep[1996].i, keep[1997], keep[1998].description, String(keep[1999] / 10n ** 30n)]", json!([1996, "t1997", "1998", "1999"])),
        // Names that are not where the compiler put them.
        ("var x = 1; function f() { return x } const a = f(); x = 2; return [a, f()]", json!([1, 2])),
        ("const f = () => late; let caught; try { f() } catch (e) { caught = e.name } let late = 3; return [caught, f()]", json!(["ReferenceError", 3])),
        ("const f = new Function('o', 'with (o) { return (() => x)() }'); return [f({ x: 1 }), f({ x: 2 })]", json!([1, 2])),
        // A property that moves, hides its prototype's, becomes a getter, goes.
        ("class P { get v() { return 'getter' } } const read = (o) => o.v; const out = []; const a = new P(); out.push(read(a), read(a)); Object.defineProperty(a, 'v', { value: 'own', configurable: true, writable: true }); out.push(read(a), read(a)); delete a.v; out.push(read(a)); const b = { v: 1 }; out.push(read(b)); Object.defineProperty(b, 'v', { get() { return 'now a getter' } }); out.push(read(b)); return out", json!(["getter", "getter", "own", "own", "getter", 1, "now a getter"])),
        ("const proto = { v: 1 }; const read = (o) => o.v; const o = Object.create(proto); const out = [read(o), read(o)]; proto.v = 2; out.push(read(o)); delete proto.v; out.push(read(o) === undefined); Object.setPrototypeOf(o, { v: 3 }); out.push(read(o)); return out", json!([1, 1, 2, true, 3])),
        // Elements: holes, negative and fractional places, arrays that change their storage.
        ("const a = [1, , 3]; const at = (i) => a[i]; return [at(0), at(1) === undefined, at(-1) === undefined, at(1.5) === undefined, at('2'), at(2 ** 31) === undefined]", json!([1, true, true, true, 3, true])),
        ("const a = [1, 2]; const at = (i) => a[i]; const out = [at(0)]; a[0] = 'x'; out.push(at(0)); a[1] = 1.5; out.push(at(1)); Object.defineProperty(a, 0, { get() { return 'g' } }); out.push(at(0)); a.length = 1; out.push(at(1) === undefined); return out", json!([1, "x", 1.5, "g", true])),
        ("let i = 0; const a = [10, 20]; a[i++] += 5; a[i]--; return [a, i]", json!([[15, 19], 1])),
        // Literals: a name twice, one that is an index, accessors, an object that may not grow.
        ("const o = { a: 1, b: 2, a: 3, 7: 'i', '07': 's' }; return [JSON.stringify(o), Object.keys(o)]", json!(["{\"7\":\"i\",\"a\":3,\"b\":2,\"07\":\"s\"}", ["7", "a", "b", "07"]])),
        ("const o = { get a() { return 1 }, a: 2, set a(v) {} }; return [o.a === undefined, Object.keys(o)]", json!([true, ["a"]])),
        ("const make = (n) => ({ id: n, name: 'n' + n, nested: { even: n % 2 === 0 } }); const all = [0, 1, 2].map(make); delete all[0].id; all[1].extra = 1; return JSON.stringify(all)", json!("[{\"name\":\"n0\",\"nested\":{\"even\":true}},{\"id\":1,\"name\":\"n1\",\"nested\":{\"even\":false},\"extra\":1},{\"id\":2,\"name\":\"n2\",\"nested\":{\"even\":true}}]")),
        // Calls of every kind: `this` of sloppy and strict functions, more arguments than a call keeps at hand, constructors.
        ("function sloppy() { return typeof this } function strict() { 'use strict'; return typeof this } return [sloppy.call(5), strict.call(5), sloppy() , strict(), sloppy.call('t'), strict.call(null)]", json!(["object", "number", "object", "undefined", "object", "object"])),
        ("return [Math.max(1, 2, 3), Math.max(1, 2, 3, 4), Math.max(...[5, 6, 7, 8, 9]), Math.max(), [].concat(1, [2], [3, [4]], 5)].map(String)", json!(["3", "4", "9", "-Infinity", "1,2,3,4,5"])),
        ("class A { constructor(x) { this.x = x } } class B extends A { constructor() { super(2); return undefined } } function C() { this.c = 1; return { other: 2 } } function D() { this.d = 1; return 5 } return [new A(1), new B(), new C(), new D()]", json!([{ "x": 1 }, { "x": 2 }, { "other": 2 }, { "d": 1 }])),
        ("class B extends Object { constructor() { return 5 } } try { new B() } catch (e) { return e.name }", json!("TypeError")),
        ("function* g() { try { const got = yield 1; yield got * 2 } finally { yield 'last' } } const it = g(); return [it.next().value, it.next(4).value, it.return(9).value, it.next(), it.next()]", json!([1, 8, "last", { "value": 9, "done": true }, { "done": true }])),
        ("const f = () => { try { throw 1 } catch (e) { return e + 1 } finally { f.n = (f.n ?? 0) + 1 } }; return [f(), f(), f.n]", json!([2, 2, 2])),
        ("const deep = (n) => n === 0 ? 0 : 1 + deep(n - 1); return [deep(3000), [1, 2, 3].map((x) => deep(x * 100))]", json!([3000, [100, 200, 300]])),
    ]);
}

#[test]
fn steps_over_builtin_iterators_are_what_their_next_gives() {
    all(&[
        ("const a = [1, 2]; const seen = []; for (const x of a) { seen.push(x); if (a.length < 5) a.push(x * 10) } return seen", json!([1, 2, 10, 20, 100])),
        ("const a = [1, 2, 3, 4]; const seen = []; for (const x of a) { seen.push(x); a.pop() } return seen", json!([1, 2])),
        ("const a = [1, , 3]; a.length = 5; return [[...a].length, [...a].map((x) => x === undefined)]", json!([5, [false, true, false, true, true]])),
        ("const a = [0, 1, 2]; const it = a[Symbol.iterator](); Object.defineProperty(a, 1, { get() { return it.next().value } }); return [...it, it.next().done]", json!([0, 2, true])),
        ("const a = [0, 1, 2]; Object.defineProperty(a, 1, { get() { throw new Error('no') } }); const it = a.values(); const out = [it.next().value]; try { it.next() } catch (e) { out.push(e.message) } out.push(it.next().done); return out", json!([0, "no", false])),
        ("const a = [5, 6]; const out = []; for (const [i, x] of a.entries()) out.push(i, x); for (const k of a.keys()) out.push(k); return out", json!([0, 5, 1, 6, 0, 1])),
        ("const m = new Map([[1, 'a'], [2, 'b'], [3, 'c']]); const out = []; for (const [k, v] of m) { out.push(k, v); if (k === 1) { m.delete(2); m.set(4, 'd') } } return [out, [...m.keys()], [...m.values()]]", json!([[1, "a", 3, "c", 4, "d"], [1, 3, 4], ["a", "c", "d"]])),
        ("const s = new Set([1, 2, 3]); const out = []; for (const x of s) { out.push(x); if (x === 1) { s.delete(3); s.add(9) } } return [out, [...s.entries()]]", json!([[1, 2, 9], [[1, 1], [2, 2], [9, 9]]])),
        ("return [[...'a\u{1F600}b'].length, Array.from('\u{1F600}').length, [...'\\ud83d x'].length]", json!([3, 1, 3])),
        ("const t = new Uint8Array([7, 8]); const [x, y, z] = t; return [x, y, z === undefined, [...t.entries()]]", json!([7, 8, true, [[0, 7], [1, 8]]])),
        ("function f() { return [...arguments, ...Array.prototype.values.call({ length: 2, 0: 'p', 1: 'q' })] } return f(1, 2)", json!([1, 2, "p", "q"])),
        // One that a script replaced is called.
        ("const proto = Object.getPrototypeOf([][Symbol.iterator]()); const before = proto.next; proto.next = function () { const r = before.call(this); return r.done ? r : { done: false, value: r.value * 2 } }; const out = [...[1, 2]]; for (const x of [3]) out.push(x); const [y] = [4]; proto.next = before; return [out, y, [...[5]]]", json!([[2, 4, 6], 8, [5]])),
        ("const own = { next() { return { done: this.n > 2, value: this.n++ } }, n: 0, [Symbol.iterator]() { return this } }; return [...own]", json!([0, 1, 2])),
        ("const it = [1, 2, 3][Symbol.iterator](); it.next = () => ({ done: true }); return [...it]", json!([])),
        // A loop that is left, a pattern that takes few, a generator that delegates, an await for each.
        ("const it = [1, 2, 3].values(); for (const x of it) break; const [second] = it; return [second, ...it]", json!([2, 3])),
        ("function* g() { const got = yield* [1, 2]; return got === undefined ? 'end' : got } const it = g(); return [it.next(), it.next(), it.next()]", json!([{ "value": 1, "done": false }, { "value": 2, "done": false }, { "value": "end", "done": true }])),
        ("const out = []; for await (const x of [Promise.resolve(1), 2, new Set([3])]) out.push(x.size ?? x); for await (const [k] of new Map([[8, 9]])) out.push(k); return out", json!([1, 2, 1, 8])),
        ("async function* g() { yield* [1, Promise.resolve(2)]; yield* 'xy' } const out = []; for await (const x of g()) out.push(x); return out", json!([1, 2, "x", "y"])),
        ("const [a, ...b] = new Set([1, 2, 3]); const [, [c] = [9], ...d] = [[1], undefined, 3]; return [a, b, c, d]", json!([1, [2, 3], 9, [3]])),
        ("try { for (const x of [1]) { throw new Error('in the loop') } } catch (e) { return e.message }", json!("in the loop")),
        ("const a = []; a[2] = 1; const b = [...a]; b.push(4); return [b, b.length, a.concat([5]).length]", json!([[null, null, 1, 4], 4, 4])),
        // What is pushed, and where it may not be.
        ("const a = Object.freeze([1]); try { a.push(2) } catch (e) { return [e.name, a.length] }", json!(["TypeError", 1])),
        ("const a = [1]; Object.defineProperty(a, 'length', { writable: false }); try { a.push(2) } catch (e) { return [e.name, a.length] }", json!(["TypeError", 1])),
        ("class Stack extends Array {} const s = new Stack(); s.push(1); s.push(2, 3); const a = [1.5]; a.push('x'); a.push({}); const h = [1]; h.length = 3; h.push(4); return [s.length, a, h.length, 2 in h, h[3]]", json!([3, [1.5, "x", {}], 4, false, 4])),
        ("const seen = []; Object.defineProperty(Array.prototype, 1, { set(v) { seen.push(v) }, configurable: true }); const a = [0]; a.push(7); delete Array.prototype[1]; return [seen, a.length, 1 in a]", json!([[7], 2, false])),
        ("const a = [1, 2]; const out = [a.push(), a.push(3), a.push(4, 5)]; return [out, Array.prototype.push.call({ length: 1 }, 'x')]", json!([[2, 3, 5], 2])),
    ]);
}
