//# optional chaining and defaults
const { order, missing } = context.data;
return [order?.address?.city, missing?.a.b.c ?? 'none', order.address.lines?.[1] ?? 'no line', context.data.nested.a.b[2]?.d?.e?.toUpperCase?.(), delete order?.gone?.x];
//# rest leaves out
const { order: { id, ...order }, users: [first, ...others], ...rest } = context.data;
return [id, Object.keys(order), first.id, others.length, Object.keys(rest).includes('order'), Object.keys(rest).length];
//# rest with a computed name and defaults
const key = 'sku';
return context.data.order.items.map(({ [key]: code = 'none', qty: n = 1, gone = 'x', ...more }) => [code, n, gone, Object.keys(more)]);
//# deep clone by JSON
const copy = JSON.parse(JSON.stringify(context.data.order));
copy.items[0].qty = 99;
return [context.data.order.items[0].qty, copy.items[0].qty];
//# structuredClone
const o = { d: new Date(0), m: new Map([[1, { a: 1 }]]), s: new Set([1]), n: undefined, r: /x/gi, big: 10n, e: new RangeError('no'), u: new Uint8Array([1, 2]) };
o.self = o;
const c = structuredClone(o);
let why; try { structuredClone({ f() {} }); } catch (e) { why = e.name; }
return [c.d.getTime(), c.m.get(1) !== o.m.get(1), c.self === c, c.r.flags, 'n' in c, c.big === 10n, c.e instanceof RangeError, c.e.message, c.u.length, why];
//# deep merge
const merge = (a, b) => { for (const k of Object.keys(b)) a[k] = b[k] && typeof b[k] === 'object' && !Array.isArray(b[k]) ? merge(a[k] ?? {}, b[k]) : b[k]; return a; };
return merge({ a: { x: 1, l: [1] }, b: 2 }, { a: { y: 2, l: [2, 3] }, c: null });
//# get by path
const get = (o, path, d) => path.split(/[.[\]]+/).filter(Boolean).reduce((v, k) => v?.[k], o) ?? d;
return [get(context.data, 'nested.a.b[2].d.e'), get(context.data, 'order.items[1].name'), get(context.data, 'a.b', 'd')];
//# set by path
const set = (o, path, v) => { const ks = path.split('.'); let at = o; ks.slice(0, -1).forEach((k) => (at = at[k] ??= {})); at[ks.at(-1)] = v; return o; };
return set({ a: { b: 1 } }, 'a.c.d', [1]);
//# flatten to dotted keys
const flat = (o, p = '') => Object.entries(o).reduce((r, [k, v]) => Object.assign(r, v && typeof v === 'object' ? flat(v, `${p}${k}.`) : { [p + k]: v }), {});
return flat(context.data.nested);
//# camel to snake keys
const snake = (v) => (Array.isArray(v) ? v.map(snake) : v && typeof v === 'object' ? Object.fromEntries(Object.entries(v).map(([k, x]) => [k.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`), snake(x)])) : v);
return snake({ firstName: 'a', listOfX: [{ innerKey: 1, URL: 2 }] });
//# pick and omit
const pick = (o, ...ks) => Object.fromEntries(ks.filter((k) => k in o).map((k) => [k, o[k]]));
const omit = (o, ...ks) => Object.fromEntries(Object.entries(o).filter(([k]) => !ks.includes(k)));
return [pick(context.data.users[0], 'id', 'nope', 'name'), omit(context.data.users[1], 'email', 'joined')];
//# map values and invert
const o = { a: 1, b: 2 };
return [Object.fromEntries(Object.entries(o).map(([k, v]) => [k, v ** 2])), Object.fromEntries(Object.entries(o).map(([k, v]) => [v, k]))];
//# order of keys
const o = { b: 1, 2: 'two', a: 2, 1: 'one', [Symbol('s')]: 0, '-1': 'neg', '01': 'z', 4294967295: 'big', 4294967294: 'idx' };
o.c = 3; delete o.b; o.b = 4;
return [Object.keys(o), JSON.stringify(o), Reflect.ownKeys(o).length];
//# numbers and text as keys
const o = {};
o[1] = 'a'; o['1'] = 'b'; o[1.5] = 'c'; o[1e3] = 'd'; o[null] = 'e'; o[undefined] = 'f'; o[[1, 2]] = 'g'; o[{}] = 'h'; o[true] = 'i'; o[-0] = 'j';
return o;
//# JSON.stringify with spaces
return [JSON.stringify({ a: [1, { b: 2 }], c: [], d: {} }, null, 2), JSON.stringify([1, 2], null, '--'), JSON.stringify({ a: 1 }, null, 20).length];
//# JSON.stringify leaves out
return JSON.stringify({ a: undefined, b: () => 1, c: Symbol('x'), d: NaN, e: -Infinity, f: new Date(NaN), g: [undefined, () => 1, Symbol('y')], h: new Map([[1, 2]]), i: new Set([1]), j: -0, k: Object(1), l: Object('s'), m: /x/, n: new Error('x'), o: null });
//# JSON.stringify with a replacer and toJSON
const o = { date: new Date(Date.UTC(2026, 0, 2)), money: { amount: 5, toJSON(k) { return `${k}:${this.amount}`; } }, secret: 'x', list: [{ secret: 'y', z: 1 }] };
return [JSON.stringify(o, (k, v) => (k === 'secret' ? undefined : v)), JSON.stringify(o, ['list', 'z']), JSON.stringify({ a: 1, b: 2 }, (k, v) => (typeof v === 'number' ? v + 1 : v))];
//# JSON.stringify of strange texts
return [JSON.stringify('a"\\\b\f\n\r\t\u0001\u2028é\ud800'), JSON.stringify({ '中': '\u007f' }), JSON.stringify('\ud83d\ude00')];
//# JSON.parse with a reviver
return JSON.parse('{"at":"2026-01-02T03:04:05Z","n":{"x":1,"y":[1,2]},"drop":1}', function (k, v) { if (k === 'drop') return undefined; if (k === 'at') return new Date(v).getUTCFullYear(); return Array.isArray(v) ? v.length : v; });
//# JSON.parse refuses
return ["{'a':1}", '{a:1}', '[1,]', '01', '+1', '.5', '1.', 'NaN', '"\n"', '{"a":1}x', '', 'undefined', '"\\x41"', '[1 2]', '\u00a01'].map((t) => { try { return JSON.parse(t); } catch (e) { return e.name; } });
//# JSON.parse accepts
return [' [1 , 2]\n', '1e5', '-0', '"\\u4e2d\\/"', '{"a":1,"a":2}', '{"__proto__":{"x":1}}', 'null', '1E-2', '123456789012345678901234567890'].map((t) => { const v = JSON.parse(t); return [JSON.stringify(v), Object.is(v, -0)]; });
//# circular JSON
const o = { a: { b: {} } }; o.a.b.c = o;
try { JSON.stringify(o); } catch (e) { return [e.name, e.message.split('\n')[0]]; }
//# __proto__ in literals and JSON
const o = { __proto__: { inherited: 1 } }, j = JSON.parse('{"__proto__": {"isAdmin": true}}');
return [o.inherited, Object.keys(o), j.isAdmin ?? null, Object.keys(j), ({}).isAdmin ?? null, Object.getPrototypeOf(Object.assign({}, j)) === Object.prototype];
//# getters and setters
const cart = { items: [1, 2], get count() { return this.items.length; }, set first(v) { this.items[0] = v; } };
cart.first = 9;
return [cart.count, cart.items, JSON.stringify(cart), Object.keys(cart), cart.first ?? null];
//# frozen objects
'use strict';
const o = Object.freeze({ a: 1, inner: { b: 2 } });
const out = [];
for (const f of [() => { o.a = 2; }, () => { o.x = 1; }, () => { delete o.a; }, () => { o.inner.b = 3; }, () => { Object.defineProperty(o, 'a', { value: 5 }); }]) { try { f(); out.push('fine'); } catch (e) { out.push(e.name); } }
return [out, o];
//# sloppy writes to frozen objects are silent
const o = Object.freeze([1, 2]);
let why = []; try { o.push(3); } catch (e) { why.push(e.name); } try { o.sort(); } catch (e) { why.push(e.name); }
o[0] = 9; o.length = 0;
return [o, why, Object.isFrozen(o), Object.isSealed(Object.preventExtensions({})), Object.isFrozen('text')];
//# enum like objects
const Status = Object.freeze({ OPEN: 'open', CLOSED: 'closed', of: (t) => Object.keys(Status).find((k) => Status[k] === t) });
return [Status.of('closed'), Object.values(Status).length, Status.of('x') ?? null];
//# a Map with objects as keys
const k1 = {}, k2 = {}; const m = new Map([[k1, 'a'], [NaN, 'n']]);
m.set(k2, 'b').set(NaN, 'm').set(-0, 'z'); m.delete(k1);
return [m.size, m.get(NaN), m.has({}), m.get(0), [...m.values()], Object.is([...m.keys()].at(-1), -0)];
//# a Map that changes while it is read
const m = new Map([[1, 'a'], [2, 'b']]), out = [];
for (const [k] of m) { out.push(k); if (k === 1) { m.delete(2); m.set(3, 'c'); m.set(2, 'd'); } if (out.length > 9) break; }
const s = new Set([1, 2]); const seen = []; s.forEach((v) => { seen.push(v); if (v < 4) s.add(v + 2); });
return [out, seen];
//# for in reads the chain
function Base() { this.own = 1; } Base.prototype.shared = 2;
const o = new Base(), keys = []; for (const k in o) keys.push(k);
return [keys, Object.keys(o), 'shared' in o, o.hasOwnProperty('shared'), Object.hasOwn(o, 'own')];
//# for in while keys are deleted
const o = { a: 1, b: 2, c: 3 }, seen = [];
for (const k in o) { seen.push(k); delete o.b; o.z = 1; }
return seen;
//# Object.assign runs getters once
let n = 0; const src = { get x() { n++; return n; }, ...{ y: 2 } };
const a = Object.assign({}, src, null, undefined, 'hi', [7]), b = { ...src, ...null, ...'ab' };
return [a, b, n];
//# comparing
const eq = (a, b) => a === b || (a && b && typeof a === 'object' && typeof b === 'object' && Object.keys(a).length === Object.keys(b).length && Object.keys(a).every((k) => eq(a[k], b[k])));
return [eq({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }), eq([1], [1, 2]), null == undefined, null >= 0, NaN != NaN, '1' == 1, '' == 0, '0' == false, [] == ![], undefined == 0, 'b' > 'a', '10' < '9', 10 < '9'];
//# typeof and instanceof
return [typeof null, typeof [], typeof (() => 1), typeof class {}, typeof 1n, typeof Symbol(), typeof undefinedName, [] instanceof Object, Object.create(null) instanceof Object, Array.isArray(new Proxy([], {})), Object.prototype.toString.call(null), toString.call([]), toString.call(new Date()), Object.prototype.toString.call(async () => 1)];
//# tagged templates and raw
const tag = (s, ...v) => [s.raw.join('|'), s.join('|'), v];
return [tag`a${1}\n${'x'}`, String.raw`C:\new\${1}`, `a${`b${1 + 1}`}c`, `line
two`];
//# labels, switch and comma
let out = []; outer: for (let i = 0; i < 3; i++) { for (let j = 0; j < 3; j++) { if (j === 1) continue outer; if (i === 2) break outer; out.push([i, j]); } }
const kind = (x) => { switch (true) { case x < 0: return 'neg'; case x === 0: case x === 1: out.push('fell'); default: return 'pos'; } };
return [out, kind(-1), kind(1), (1, 2), out.length];
//# var, let and closures
var fns = []; for (var i = 0; i < 3; i++) fns.push(() => i); const lets = []; for (let j = 0; j < 3; j++) lets.push(() => j++ + j);
let tdz; try { tdz = use; let use = 1; } catch (e) { tdz = e.name; }
return [fns.map((f) => f()), lets.map((f) => f()), lets.map((f) => f()), tdz, typeof hoisted, hoisted()];
function hoisted() { return 'hoisted'; }
//# arguments and defaults
function f(a, b = a + 1, ...rest) { return [a, b, rest, arguments.length, f.length]; }
function g(a) { arguments[0] = 'changed'; return a; }
return [f(1), f(1, undefined, 3, 4), f.call(null, 5, null), g('x'), ((...a) => a.length)(...[1, 2], 3)];
//# this
const o = { n: 1, f() { return this.n; }, arrow: () => typeof this, later() { return [1].map(() => this.n)[0]; } };
const { f } = o; let lost; try { lost = (function () { 'use strict'; return this; })() ?? 'none'; } catch (e) { lost = e.name; }
return [o.f(), o.later(), f.call({ n: 5 }), f.bind({ n: 6 })(), lost, [1, 2].map(function () { return this.k; }, { k: 'K' })];
