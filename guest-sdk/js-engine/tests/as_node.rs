//! What Node gives and refuses, where the engine did otherwise: one row a find. Runs natively, on stand-ins of the imports.

mod harness;

use harness::bodies::all;
use serde_json::json;

/// `decoded(label, bytes, size)`: the text of a stream whose chunks have that size, by chunks.
const DECODED: &str = "const decoded = (label, bytes, size) => { const decoder = new TextDecoder(label), texts = []; for (let at = 0; at < bytes.length; at += size) texts.push(decoder.decode(Uint8Array.from(bytes.slice(at, at + size)), { stream: true })); texts.push(decoder.decode()); return texts }; const SAMPLES = { gbk: [0xc4, 0xe3, 0xba, 0xc3, 0x41, 0xc4], gb18030: [0x81, 0x30, 0x81, 0x30, 0x41, 0x81, 0x30, 0x81, 0x20, 0xc4], big5: [0xa4, 0xa4, 0xa4, 0x61, 0xa4], shift_jis: [0x93, 0xfa, 0x96, 0x7b, 0x41, 0x93], 'euc-jp': [0xc6, 0xfc, 0x8f, 0xb0, 0xa1, 0x41, 0x8f, 0xb0], 'euc-kr': [0xc7, 0xd1, 0x41, 0xc7], 'iso-2022-jp': [0x1b, 0x24, 0x42, 0x46, 0x7c, 0x4b, 0x5c, 0x1b, 0x28, 0x42, 0x41], 'utf-16le': [0xff, 0xfe, 0x3d, 0xd8, 0x00, 0xde, 0x41, 0x00, 0x3d, 0xd8, 0x41], 'utf-16be': [0xfe, 0xff, 0xd8, 0x3d, 0xde, 0x00, 0x00, 0x41, 0xd8], 'windows-1252': [0x80, 0x81, 0x41], 'utf-8': [0xef, 0xbb, 0xbf, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80, 0xe2, 0x82] };";

#[test]
fn a_stream_of_bytes_is_decoded_as_it_comes() {
    all(&[
        (
            &format!(
                "{DECODED} const bad = []; for (const [label, bytes] of Object.entries(SAMPLES)) for (let size = 1; size < 7; size++) {{ const whole = new TextDecoder(label).decode(Uint8Array.from(bytes)), text = decoded(label, bytes, size).join(''); if (text !== whole) bad.push([label, size, text, whole]) }} return bad"
            ),
            json!([]),
        ),
        (
            &format!(
                "{DECODED} return [decoded('gbk', SAMPLES.gbk, 1), decoded('utf-16le', SAMPLES['utf-16le'], 3), decoded('iso-2022-jp', SAMPLES['iso-2022-jp'], 4)]"
            ),
            json!([
                ["", "\u{4f60}", "", "\u{597d}", "A", "", "\u{fffd}"],
                ["", "\u{1f600}", "A", "", "\u{fffd}"],
                ["", "\u{65e5}\u{672c}", "A", ""]
            ]),
        ),
        // A decoder that is fatal, and one that goes on after its stream has ended.
        (
            "const d = new TextDecoder('big5', { fatal: true }); const out = [d.decode(new Uint8Array([0xa4]), { stream: true }), d.decode(new Uint8Array([0xa4]), { stream: true })]; try { d.decode(new Uint8Array([0xa4])) } catch (e) { out.push(e.code) } return [...out, d.decode(new Uint8Array([0x42]))]",
            json!(["", "\u{4e2d}", "ERR_ENCODING_INVALID_ENCODED_DATA", "B"]),
        ),
    ]);
}

#[test]
fn what_a_buffer_or_a_query_does_not_hold_is_refused() {
    all(&[
        (
            "const code = (work) => { try { return String(work()) } catch (error) { return error.code ?? error.name } }; const b = () => Buffer.from([255, 2, 3, 4, 5, 6, 7, 128, 9]); return [...[1, 1.5, NaN, -1, 8, 9, Infinity, '1', null].flatMap((at) => ['readUInt8', 'readInt16LE', 'readDoubleBE'].map((name) => code(() => b()[name](at)))), ...[1, 1.5, -1, 7, undefined].flatMap((at) => ['readUIntBE', 'readIntLE'].map((name) => code(() => b()[name](at, 3)))), ...[0, 7, undefined, 2.5].map((length) => code(() => b().readUIntLE(0, length))), ...[6, 7, -1, '0', 0.5].map((at) => code(() => b().writeUIntBE(5, at, 3))), code(() => Buffer.alloc(1).readInt32BE()), code(() => b().writeInt16LE(5, 8))];",
            json!([
                "2",
                "770",
                "5.678932010673454e-299",
                "ERR_OUT_OF_RANGE",
                "ERR_OUT_OF_RANGE",
                "ERR_OUT_OF_RANGE",
                "ERR_OUT_OF_RANGE",
                "ERR_OUT_OF_RANGE",
                "ERR_OUT_OF_RANGE",
                "ERR_OUT_OF_RANGE",
                "ERR_OUT_OF_RANGE",
                "ERR_OUT_OF_RANGE",
                "9",
                "ERR_OUT_OF_RANGE",
                "ERR_OUT_OF_RANGE",
                "ERR_OUT_OF_RANGE",
                "ERR_OUT_OF_RANGE",
                "ERR_OUT_OF_RANGE",
                "ERR_OUT_OF_RANGE",
                "ERR_OUT_OF_RANGE",
                "ERR_OUT_OF_RANGE",
                "ERR_INVALID_ARG_TYPE",
                "ERR_INVALID_ARG_TYPE",
                "ERR_INVALID_ARG_TYPE",
                "ERR_INVALID_ARG_TYPE",
                "ERR_INVALID_ARG_TYPE",
                "ERR_INVALID_ARG_TYPE",
                "131844",
                "262914",
                "ERR_OUT_OF_RANGE",
                "ERR_OUT_OF_RANGE",
                "ERR_OUT_OF_RANGE",
                "ERR_OUT_OF_RANGE",
                "ERR_OUT_OF_RANGE",
                "ERR_OUT_OF_RANGE",
                "ERR_INVALID_ARG_TYPE",
                "ERR_INVALID_ARG_TYPE",
                "ERR_OUT_OF_RANGE",
                "ERR_OUT_OF_RANGE",
                "ERR_INVALID_ARG_TYPE",
                "ERR_OUT_OF_RANGE",
                "9",
                "ERR_OUT_OF_RANGE",
                "ERR_OUT_OF_RANGE",
                "ERR_INVALID_ARG_TYPE",
                "ERR_OUT_OF_RANGE",
                "ERR_BUFFER_OUT_OF_BOUNDS",
                "ERR_OUT_OF_RANGE"
            ]),
        ),
        (
            "const code = (work) => { try { return String(work()) } catch (error) { return error.code ?? error.name } }; return [code(() => Buffer.alloc(3, 'zz', 'hex')), code(() => Buffer.alloc(3).fill(Buffer.alloc(0))), [...Buffer.alloc(2, 1).fill('')].join(), [...Buffer.alloc(2, 1).fill()].join(), [...Buffer.alloc(3).fill(300)].join(), [...Buffer.alloc(3).fill('ab')].join(), ...['hex', 'base64', 'base64url', 'utf16le', 'xx', null].map((name) => Buffer.byteLength('héllo w=', name)), Buffer.byteLength('YQ==', 'base64'), code(() => Buffer.from('abc').copy(Buffer.alloc(2), 0, -1)), code(() => Buffer.from('abc').copy(Buffer.alloc(2), 2)), code(() => Buffer.from('abc').copy(Buffer.alloc(2), -1)), code(() => Buffer.from('abc').copy([])), code(() => Buffer.from('abc').copy(Buffer.alloc(9), 1, 1, 2)), code(() => Buffer.from('abc').compare('abc')), code(() => Buffer.alloc(3).swap16()), code(() => Buffer.alloc(3).write(5)), code(() => Buffer.alloc(3).write('a', 4)), code(() => Buffer.alloc(3).write('abcd', 1)), code(() => { new URL('http://a').href = 'x' })];",
            json!([
                "ERR_INVALID_ARG_VALUE",
                "ERR_INVALID_ARG_VALUE",
                "0,0",
                "0,0",
                "44,44,44",
                "97,98,97",
                4,
                5,
                5,
                16,
                9,
                9,
                1,
                "ERR_OUT_OF_RANGE",
                "0",
                "ERR_OUT_OF_RANGE",
                "ERR_INVALID_ARG_TYPE",
                "1",
                "ERR_INVALID_ARG_TYPE",
                "ERR_INVALID_BUFFER_SIZE",
                "ERR_INVALID_ARG_TYPE",
                "ERR_OUT_OF_RANGE",
                "2",
                "ERR_INVALID_URL"
            ]),
        ),
        (
            "const code = (work) => { try { return String(work()) } catch (error) { return error.code ?? error.name } }; return [null, undefined, 5, [['a', 'b']], [['a']], [['a', 'b', 'c']], {}].map((init) => code(() => new URLSearchParams(init)))",
            json!(["", "", "5=", "a=b", "ERR_INVALID_TUPLE", "ERR_INVALID_TUPLE", ""]),
        ),
    ]);
}

#[test]
fn texts_of_values_and_queries_are_those_of_node() {
    all(&[(
        "const util = require('util'), qs = require('querystring'); const code = (work) => { try { return work() } catch (error) { return error.name } }; const cycle = {}; cycle.self = cycle; return [...[{ a: 1, [Symbol('k')]: 2 }, new Date(0), -0, /x/, Buffer.from('hi'), { get a() { return 1 } }, undefined, () => 1, cycle, 5n, { toJSON() { return 'own' } }, { toJSON() { throw new RangeError('no') } }, 'q\"', Object('s'), new Proxy({ a: 1 }, {})].map((value) => code(() => util.format('%j', value))), qs.unescape('%41%zz%'), qs.parse('a=%E4%BD&%zz=1&b=%F0%9F%98%80').a, qs.parse('a=1&b=2', null, null, { maxKeys: 1 }), qs.stringify({ a: 1, b: [2, 3] }, null, null), ['isNumberObject', 'isStringObject', 'isBooleanObject', 'isBigIntObject'].map((name) => [Object(1), Object('s'), Object(true), Object(1n), 1].map((value) => util.types[name](value)))];",
        json!(["{\"a\":1}","\"1970-01-01T00:00:00.000Z\"","0","{}","{\"type\":\"Buffer\",\"data\":[104,105]}","{\"a\":1}","undefined","undefined","[Circular]","TypeError","\"own\"","RangeError","\"q\\\"\"","\"s\"","{\"a\":1}","A%zz%","\u{fffd}",{"a":"1"},"a=1&b=2&b=3",[[true,false,false,false,false],[false,true,false,false,false],[false,false,true,false,false],[false,false,false,true,false]]]),
    )]);
}

#[test]
fn no_locales_and_wrong_ones_are_told_apart() {
    all(&[(
        "const name = (work) => { try { work(); return 'none' } catch (error) { return error.name } }; const uses = [(l) => 'a'.localeCompare('b', l), (l) => 'a'.toLocaleUpperCase(l), (l) => (1.5).toLocaleString(l), (l) => new Date(0).toLocaleDateString(l), (l) => 5n.toLocaleString(l), (l) => new Intl.NumberFormat(l), (l) => Intl.getCanonicalLocales(l), (l) => Intl.DateTimeFormat.supportedLocalesOf(l)]; 'a'.localeCompare('b'); const empty = name(() => 'a'.localeCompare('b', '')); return [empty, ...[undefined, null, [], [''], 'de_DE', 7, true].map((l) => [...new Set(uses.map((use) => name(() => use(l))))].join())]",
        json!(["RangeError", "none", "TypeError", "none", "RangeError", "RangeError", "none", "none"]),
    )]);
}

#[test]
fn a_wrong_time_zone_names_those_near_it() {
    const ZONES: &str = "const near = (timeZone) => { try { new Intl.DateTimeFormat('en', { timeZone }); return 'there is one' } catch (error) { return `${error.name} ${error.message.split('Near it are ')[1] ?? ''}` } };";
    all(&[(
        &format!(
            "{ZONES} return ['Asia/Shangai', 'Europe/Berln', 'america/new york', 'York', 'san', 'Beijing', 'xx', '', 'Asia/', '\u{1f600}\u{1f600}\u{1f600}', 'x'.repeat(1000), 'Asia/Shanghai', 'us/pacific'].map(near)"
        ),
        json!([
            "RangeError Asia/Shanghai",
            "RangeError Europe/Berlin",
            "RangeError America/New_York",
            "RangeError America/New_York",
            "RangeError America/Argentina/San_Juan, America/Argentina/San_Luis, America/Santarem",
            "RangeError ",
            "RangeError ",
            "RangeError ",
            "RangeError ",
            "RangeError ",
            "RangeError ",
            "there is one",
            "there is one"
        ]),
    )]);
}

#[test]
fn buffers_are_filled_and_made_of_arrays() {
    all(&[(
        "const out = [], t = (f) => { try { out.push(f()) } catch (e) { out.push(e.name) } }; t(()=>Buffer.from([1,2,300,-1,'7',null,undefined,1.9,NaN]).toString('hex'));t(()=>Buffer.from({length:3,0:1,1:'2'}).toString('hex'));t(()=>Buffer.from([1n])); t(()=>Buffer.from({length:-1}));t(()=>Buffer.from({length:'3',0:5}));t(()=>Buffer.from(new Array(3)).toString('hex')); t(()=>Buffer.alloc(7,'abc').toString());t(()=>Buffer.alloc(2,'abc').toString());t(()=>Buffer.alloc(9).fill('abc',2,8).toString('hex'));t(()=>Buffer.alloc(6,new Uint16Array([1,300])).toString('hex'));t(()=>{const b=Buffer.from([1,2,3,4,5,6]);return b.fill(b.subarray(0,2),1).toString('hex')});t(()=>Buffer.alloc(5).fill('').toString('hex'));t(()=>Buffer.alloc(5).fill('é').toString('hex'));t(()=>Buffer.alloc(3).fill('ab',3).toString('hex'));t(()=>Buffer.alloc(3).fill('ab',1,1).toString('hex')); return out",
        json!(["01022cff0700000100","010200","TypeError",{"type":"Buffer","data":[]},{"type":"Buffer","data":[]},"000000","abcabca","ab","000061626361626300","01002c010100","010102010201","0000000000","c3a9c3a9c3","000000","000000"]),
    )]);
}

#[test]
fn a_pattern_over_nothing_names_its_property() {
    all(&[
        (
            "const say = (f) => { try { f() } catch (e) { return e.name + ': ' + e.message } }; let x, n = null; const o = { b: { c: null } }, t = () => {}; return [() => { const { a } = undefined }, () => { const { a } = x }, () => { let { a } = n }, () => { var { a } = o.b.c }, () => { const {} = null }, () => { const { ...r } = x }, ({ a }) => {}, () => { let a; ({ a } = n) }, () => { const { 'x y': q } = x }, () => { const { a } = t() }, () => { const { [n]: q, b } = x }].map(say)",
            json!([
                "TypeError: Cannot destructure property 'a' of 'undefined' as it is undefined.",
                "TypeError: Cannot destructure property 'a' of 'x' as it is undefined.",
                "TypeError: Cannot destructure property 'a' of 'n' as it is null.",
                "TypeError: Cannot destructure property 'a' of 'o.b.c' as it is null.",
                "TypeError: Cannot destructure 'null' as it is null.",
                "TypeError: Cannot destructure 'x' as it is undefined.",
                "TypeError: Cannot destructure property 'a' of 'undefined' as it is undefined.",
                "TypeError: Cannot destructure property 'a' of 'n' as it is null.",
                "TypeError: Cannot destructure property 'x y' of 'x' as it is undefined.",
                "TypeError: Cannot destructure property 'a' of 't(...)' as it is undefined.",
                "TypeError: Cannot destructure 'x' as it is undefined."
            ]),
        ),
        (
            "const say = (f) => { try { f() } catch (e) { return e.name + ': ' + e.message } }; let x, n = null; return [() => { const [a] = x }, () => { const [a] = n }].map(say)",
            json!(["TypeError: x is not iterable", "TypeError: n is not iterable"]),
        ),
    ]);
}

#[test]
fn kinds_of_objects_are_told_by_what_they_are() {
    all(&[(
        "const { types: t } = require('util'); const values = { o: {}, p: new Proxy({}, {}), pm: new Proxy(new Map, {}), pf: new Proxy(function () {}, {}), d: new Date, fd: Object.create(Date.prototype), e: new TypeError, fe: Object.create(Error.prototype), m: new Map, mi: new Map().keys(), si: new Set().values(), u: new Uint8Array, b: Buffer.from(''), dv: new DataView(new ArrayBuffer(1)), ab: new ArrayBuffer(1), af: async () => {}, gf: function* () {}, f: () => {}, g: (function* () {})(), n: Object(1), sy: Object(Symbol()), bi: Object(1n), bo: Object(false), st: Object('s'), args: (function () { return arguments })(1), nul: null, s: 'x', un: undefined, wm: new WeakMap, ws: new WeakSet, pr: Promise.resolve(), r: /x/, f64: new Float64Array, revoked: (() => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy })() }; const names = ['isDate', 'isRegExp', 'isNativeError', 'isPromise', 'isMap', 'isSet', 'isMapIterator', 'isSetIterator', 'isWeakMap', 'isWeakSet', 'isArrayBuffer', 'isAnyArrayBuffer', 'isSharedArrayBuffer', 'isArrayBufferView', 'isDataView', 'isTypedArray', 'isUint8Array', 'isFloat64Array', 'isAsyncFunction', 'isGeneratorFunction', 'isGeneratorObject', 'isBoxedPrimitive', 'isSymbolObject', 'isNumberObject', 'isStringObject', 'isBooleanObject', 'isBigIntObject', 'isArgumentsObject', 'isProxy', 'isModuleNamespaceObject']; return Object.entries(values).map(([key, value]) => key + ': ' + names.filter((name) => t[name](value)).join(' '))",
        json!([
            "o: ",
            "p: isProxy",
            "pm: isProxy",
            "pf: isProxy",
            "d: isDate",
            "fd: ",
            "e: isNativeError",
            "fe: ",
            "m: isMap",
            "mi: isMapIterator",
            "si: isSetIterator",
            "u: isArrayBufferView isTypedArray isUint8Array",
            "b: isArrayBufferView isTypedArray isUint8Array",
            "dv: isArrayBufferView isDataView",
            "ab: isArrayBuffer isAnyArrayBuffer",
            "af: isAsyncFunction",
            "gf: isGeneratorFunction",
            "f: ",
            "g: isGeneratorObject",
            "n: isBoxedPrimitive isNumberObject",
            "sy: isBoxedPrimitive isSymbolObject",
            "bi: isBoxedPrimitive isBigIntObject",
            "bo: isBoxedPrimitive isBooleanObject",
            "st: isBoxedPrimitive isStringObject",
            "args: isArgumentsObject",
            "nul: ",
            "s: ",
            "un: ",
            "wm: isWeakMap",
            "ws: isWeakSet",
            "pr: isPromise",
            "r: isRegExp",
            "f64: isArrayBufferView isTypedArray isFloat64Array",
            "revoked: isProxy"
        ]),
    )]);
}
