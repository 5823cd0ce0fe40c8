//# promises in order
const out = [];
setTimeout(() => out.push('timeout'), 0);
Promise.resolve().then(() => out.push('micro 1')).then(() => out.push('micro 2'));
queueMicrotask(() => out.push('queued'));
(async () => { out.push('async start'); await null; out.push('after await'); })();
out.push('sync');
await new Promise((r) => setTimeout(r, 5));
return out;
//# all, allSettled, any, race
const ok = (v, ms = 1) => new Promise((r) => setTimeout(r, ms, v)), bad = (m) => Promise.reject(new Error(m));
const settled = await Promise.allSettled([ok(1), bad('x'), 3]);
let all; try { await Promise.all([ok(1), bad('first'), bad('second')]); } catch (e) { all = e.message; }
let any; try { await Promise.any([bad('a'), bad('b')]); } catch (e) { any = [e.name, e.errors.map((x) => x.message)]; }
return [settled.map((s) => s.value ?? s.reason.message), all, any, await Promise.any([bad('x'), ok('won')]), await Promise.race([ok('slow', 30), ok('fast', 1)]), await Promise.all([])];
//# a retry with growing waits
let n = 0; const flaky = async () => { if (++n < 3) throw new Error(`try ${n}`); return 'done'; };
const retry = async (f, left = 5, wait = 1) => { try { return await f(); } catch (e) { if (!left) throw e; await new Promise((r) => setTimeout(r, wait)); return retry(f, left - 1, wait * 2); } };
return [await retry(flaky), n];
//# a limit of workers
let running = 0, most = 0; const done = [];
const work = async (i) => { most = Math.max(most, ++running); await new Promise((r) => setTimeout(r, (7 - i) % 4)); running--; done.push(i); return i * 2; };
const pool = async (items, size) => { const out = []; let next = 0; await Promise.all(Array.from({ length: size }, async () => { while (next < items.length) { const i = next++; out[i] = await work(items[i]); } })); return out; };
return [await pool([1, 2, 3, 4, 5, 6], 2), most, done.length];
//# for await over many
async function* pages() { for (let p = 1; p <= 3; p++) { await null; yield Array.from({ length: 2 }, (_, i) => p * 10 + i); } }
const all = []; for await (const page of pages()) all.push(...page);
const mixed = []; for await (const x of [1, Promise.resolve(2), (async () => 3)()]) mixed.push(x);
return [all, mixed];
//# sequential reduce
const log = []; const steps = ['a', 'b', 'c'].map((n) => async (x) => { log.push(n); return x + n; });
return [await steps.reduce((p, f) => p.then(f), Promise.resolve('')), log];
//# a timeout of a promise
const timeout = (p, ms) => Promise.race([p, new Promise((_, no) => setTimeout(() => no(new Error('late')), ms))]);
let why; try { await timeout(new Promise((r) => setTimeout(r, 200)), 5); } catch (e) { why = e.message; }
return [why, await timeout(Promise.resolve('in time'), 50)];
//# finally and its returns
const out = []; const f = () => { try { return 'try'; } finally { out.push('finally'); } }; const g = () => { try { throw new Error('x'); } catch { return 'catch'; } finally { return 'finally wins'; } };
const h = () => { for (const i of [1, 2, 3]) { try { if (i === 2) continue; out.push(i); } finally { out.push(`f${i}`); if (i === 3) break; } } };
h(); const p = await Promise.resolve(1).finally(() => 99); let thrown; try { await Promise.resolve(1).finally(() => { throw new Error('from finally'); }); } catch (e) { thrown = e.message; }
return [f(), g(), out, p, thrown];
//# errors with causes and classes
class ApiError extends Error { constructor(message, options) { super(message, options); this.name = 'ApiError'; this.status = options?.status ?? 500; } get retry() { return this.status >= 500; } }
try { try { JSON.parse('{'); } catch (cause) { throw new ApiError('bad answer', { cause, status: 502 }); } } catch (e) { return [e instanceof ApiError, e instanceof Error, String(e), e.cause.name, e.retry, Object.keys(e), JSON.stringify(e), e.stack.split('\n')[0], Object.prototype.toString.call(e)]; }
//# messages of common mistakes
const tries = [() => null.x, () => undefined.y.z, () => (void 0)(), () => ({}).nope(), () => nope, () => { const c = 1; c = 2; }, () => new (class { #p; static has(o) { return o.#p; } }).constructor.has({}), () => [].reduce((a) => a), () => 'x'.repeat(-1), () => new Array(-1), () => (1.5).toFixed(101), () => 'x' in 'y', () => Symbol() + '', () => [...5], () => new 5(), () => ({}) instanceof 5, () => decodeURIComponent('%'), () => BigInt(1.5), () => null[Symbol.iterator], () => { const { a } = null; }, () => { const [b] = {}; }, () => class A extends null { }.call(), () => super_()];
return tries.map((t) => { try { return t(); } catch (e) { return e.name; } });
//# async errors
const f = async () => { throw new TypeError('inside'); };
const out = []; await f().catch((e) => out.push(e.name)); try { await (async () => { await f(); })(); } catch (e) { out.push(e.message); }
try { f().catch(() => {}); out.push('not caught without await'); } catch { out.push('caught'); }
await Promise.reject(1).then(() => out.push('no'), (v) => out.push(v)); out.push(await new Promise((r, no) => { r(1); no(2); throw 3; }));
return out;
//# thenables
const out = []; const t = { then(ok) { out.push('asked'); ok('value'); } };
return [await t, await Promise.resolve(t), await (async () => t)(), out, (await { then: 5 }).then, await Promise.all([t, 1])];
//# generators that talk
function* talk() { const name = yield 'name?'; try { const age = yield `hi ${name}`; return age; } catch (e) { yield `caught ${e}`; } finally { yield 'bye'; } }
const g = talk(), h = talk(); h.next(); h.next('x');
return [g.next().value, g.next('Bo').value, g.throw('oops').value, g.next(), g.next(), h.return('early'), h.next(), [...(function* () { yield* [1, 2]; const r = yield* (function* () { yield 3; return 4; })(); yield r; })()]];
//# iterators of one's own
class Range { constructor(a, b) { Object.assign(this, { a, b }); } *[Symbol.iterator]() { for (let i = this.a; i < this.b; i++) yield i; } get [Symbol.toStringTag]() { return 'Range'; } }
const r = new Range(1, 4); let closed = false; const it = { i: 0, next() { return { value: this.i++, done: false }; }, return() { closed = true; return {}; }, [Symbol.iterator]() { return this; } };
const [x, y] = it; const [first, ...rest] = r;
return [[...r], String(r), Math.max(...r), x, y, closed, first, rest, Array.from(r, (v) => v * v), new Set(r).size, Object.fromEntries([...r].map((v) => [v, v]))];
//# lazy pipelines
const lazy = { *map(it, f) { for (const x of it) yield f(x); }, *filter(it, f) { for (const x of it) if (f(x)) yield x; }, *take(it, n) { if (n > 0) for (const x of it) { yield x; if (--n === 0) return; } } };
function* naturals() { let n = 0; for (;;) yield n++; }
return [...lazy.take(lazy.filter(lazy.map(naturals(), (x) => x * x), (x) => x % 2), 4)];
//# classes
class Animal { static count = 0; #name; sound = 'none'; constructor(n) { this.#name = n; Animal.count++; } get name() { return this.#name; } set name(v) { if (!v) throw new RangeError('empty'); this.#name = v; } speak() { return `${this.#name} says ${this.sound}`; } static of(...n) { return n.map((x) => new this(x)); } static #hidden() { return 'h'; } static peek() { return Animal.#hidden(); } #secret() { return 1; } has(o) { return #secret in o; } }
class Dog extends Animal { sound = 'woof'; speak() { return super.speak() + '!'; } get [Symbol.toStringTag]() { return 'Dog'; } }
const [d, e] = Dog.of('Rex', 'Fido'); e.name = 'Max'; let bad; try { e.name = ''; } catch (x) { bad = x.message; }
return [d.speak(), e.name, Animal.count, Dog.count, bad, String(d), Object.keys(d), Dog.name, d.constructor === Dog, Dog.peek(), d.has(e), d.has({}), typeof Dog, JSON.stringify(d)];
//# mixins and old prototypes
const Fly = (B) => class extends B { fly() { return `${this.n} flies`; } }; class Bird { constructor(n) { this.n = n; } } class Duck extends Fly(Bird) {}
function Old(n) { if (!(this instanceof Old)) return new Old(n); this.n = n; } Old.prototype.say = function () { return 'old ' + this.n; }; function Older(n) { Old.call(this, n); } Older.prototype = Object.create(Old.prototype, { constructor: { value: Older } });
return [new Duck('Don').fly(), Old('x').say(), new Older('y').say(), new Older('z') instanceof Old, Older.prototype.constructor === Older, new Duck('q') instanceof Bird];
//# static blocks and new.target
class A { static t; static { this.t = [1, 2].map((x) => x * 2); } constructor() { this.made = new.target.name; } } class B extends A {}
function F() { return new.target === undefined ? 'called' : { built: true }; }
return [A.t, new A().made, new B().made, F(), new F()];
//# symbols that steer
const money = { n: 5, [Symbol.toPrimitive](h) { return h === 'string' ? '¥5' : h === 'number' ? this.n : 'default'; } };
class Even { static [Symbol.hasInstance](x) { return x % 2 === 0; } }
return [`${money}`, +money, money + '', money * 2, 2 instanceof Even, Symbol.for('a') === Symbol.for('a'), Symbol('x').description, Symbol.keyFor(Symbol.for('k')), Object({ [Symbol.isConcatSpreadable]: false })[Symbol.isConcatSpreadable]];
//# proxies
const log = []; const p = new Proxy({ a: 1 }, { get: (t, k, r) => (k in t ? Reflect.get(t, k, r) : `no ${String(k)}`), set: (t, k, v) => { log.push(k); t[k] = v; return true; }, has: (t, k) => k.startsWith('x'), deleteProperty: (t, k) => { log.push(`del ${k}`); return delete t[k]; }, ownKeys: () => ['a', 'z'], getOwnPropertyDescriptor: (t, k) => ({ value: t[k], enumerable: k === 'a', configurable: true }) });
p.b = 2; delete p.b;
return [p.a, p.q, 'x1' in p, 'a' in p, Object.keys(p), log, JSON.stringify(p), { ...p }];
//# negative indexes by a proxy
const neg = (l) => new Proxy(l, { get: (t, k, r) => (typeof k === 'string' && /^-\d+$/.test(k) ? t[t.length + +k] : Reflect.get(t, k, r)) });
const l = neg([1, 2, 3]); l.push(4);
return [l[-1], l[0], l.length, l.map((x) => x * 2), Array.isArray(l), [...l]];
//# an observable
const watch = (o, f) => new Proxy(o, { set(t, k, v) { const old = t[k]; t[k] = v; f(k, old, v); return true; } });
const seen = []; const o = watch({ n: 1 }, (...a) => seen.push(a)); o.n++; o.n += 5; o.list = [1];
return [seen, o.n];
//# memo, once, debounce-like
const memo = (f, c = new Map()) => (...a) => { const k = JSON.stringify(a); if (!c.has(k)) c.set(k, f(...a)); return c.get(k); };
let calls = 0; const slow = memo((a, b) => { calls++; return a + b; }); slow(1, 2); slow(1, 2); slow(2, 1);
const once = (f) => { let r, d; return (...a) => (d ? r : ((d = true), (r = f(...a)))); }; const init = once(() => ++calls);
init(); init();
return calls;
//# curry and pipe
const curry = (f) => function c(...a) { return a.length >= f.length ? f(...a) : (...b) => c(...a, ...b); };
const pipe = (...f) => (x) => f.reduce((v, g) => g(v), x);
return [curry((a, b, c) => a + b + c)(1)(2)(3), curry((a, b) => a * b)(2, 5), pipe((x) => x + 1, String, (s) => s.padStart(3, '0'))(6)];
//# event emitter
const EventEmitter = require('events'); const { once } = require('node:events');
class Shop extends EventEmitter {} const s = new Shop(), out = []; s.on('sale', (...a) => out.push(a)); s.once('sale', () => out.push('once')); s.prependListener('sale', () => out.push('first'));
s.emit('sale', 1, 'x'); s.emit('sale', 2); let bad; try { s.emit('error', new Error('boom')); } catch (e) { bad = e.message; } const later = once(s, 'end'); setTimeout(() => s.emit('end', 'bye'), 1);
return [out, s.listenerCount('sale'), s.emit('none'), await later, bad, s.eventNames()];
//# abort signals
const c = new AbortController(); const out = []; c.signal.addEventListener('abort', () => out.push(c.signal.reason.name)); c.abort();
let thrown; try { c.signal.throwIfAborted(); } catch (e) { thrown = [e.name, e.code]; }
const t = AbortSignal.timeout(3); await new Promise((r) => t.addEventListener('abort', r)); const any = AbortSignal.any([new AbortController().signal, AbortSignal.abort('why')]);
return [out, c.signal.aborted, thrown, t.reason.name, any.reason];
//# timers cancelled and kept
const out = []; const a = setTimeout(() => out.push('never'), 5); clearTimeout(a); let n = 0; await new Promise((done) => { const i = setInterval(() => { out.push(++n); if (n === 3) { clearInterval(i); done(); } }, 1); });
const im = setImmediate(() => out.push('no')); clearImmediate(im); await new Promise((r) => setImmediate(r)); setTimeout((x, y) => out.push(x + y), 1, 2, 3); await new Promise((r) => setTimeout(r, 8));
return out;
//# promisify and callbackify
const util = require('util'); const { setTimeout: wait } = require('timers/promises');
const read = (name, cb) => setTimeout(() => (name ? cb(null, `data of ${name}`) : cb(new Error('no name'))), 1); const p = util.promisify(read);
let why; try { await p(''); } catch (e) { why = e.message; } const back = await new Promise((r) => util.callbackify(async (x) => x * 2)(4, (e, v) => r([e, v])));
return [await p('x'), why, back, await wait(1, 'waited')];
//# weak things
const wm = new WeakMap(), k = {}; wm.set(k, 1); const ws = new WeakSet([k]); const ref = new WeakRef(k); let bad; try { wm.set('x', 1); } catch (e) { bad = e.name; }
return [wm.get(k), wm.has({}), ws.has(k), ref.deref() === k, bad, wm.delete(k), wm.has(k)];
//# destructuring everywhere
const { a = 1, b: { c: [, second = 'dflt'] = [] } = {}, ...others } = { b: { c: [0] }, x: 1, y: 2 };
let p = 1, q = 2; [p, q] = [q, p]; const f = ({ n = 'anon', tags: [t] = ['none'] } = {}) => [n, t]; const o = {}; ({ v: o.deep, w: o['other'] = 5 } = { v: 1 });
const pairs = []; for (const [k, { id }] of Object.entries({ one: { id: 1 }, two: { id: 2 } })) pairs.push(k + id); const [[x], [[y]]] = [[1], [[2]]];
return [a, second, others, p, q, f(), f({ n: 'z', tags: [] }), o, pairs, x, y];
//# logical assignment and nullish
const o = { a: 0, b: null, c: '' }; o.a ||= 5; o.b ??= 'set'; o.c &&= 'no'; o.d ??= (() => 'made')(); let n = 0; const g = { get x() { n++; return 1; }, set x(v) { n += 10; } }; g.x ||= 2; g.x &&= 3;
return [o, n, (0 || null) ?? 'x', (null || undefined) ?? 'z', false ?? 1];
//# exponent, comma, void, in
return [2 ** 3, (1, 2), void 0 ?? 'undef', 'a' in { a: 1 }, 1 < 2 < 3, 3 > 2 > 1, !!'' + !!'a', typeof typeof 1, [1, 2, 3].length = 3, +true, -'5', +new Date(5), null + 1, undefined + 1, [] * 2, '5' - - '2'];
//# getter caches itself
const o = { get heavy() { const v = [1, 2, 3].map((x) => x * 2); Object.defineProperty(this, 'heavy', { value: v, enumerable: true }); return v; } };
return [o.heavy === o.heavy, Object.getOwnPropertyDescriptor(o, 'heavy').writable, o];
//# recursion over a tree
const tree = { v: 1, kids: [{ v: 2, kids: [{ v: 4 }] }, { v: 3 }] };
const sum = ({ v, kids = [] }) => v + kids.reduce((s, k) => s + sum(k), 0); const depth = (t) => 1 + Math.max(0, ...(t.kids ?? []).map(depth)); const list = (t) => [t.v, ...(t.kids ?? []).flatMap(list)];
const bfs = []; const q = [tree]; while (q.length) { const t = q.shift(); bfs.push(t.v); q.push(...(t.kids ?? [])); }
return [sum(tree), depth(tree), list(tree), bfs];
//# a tree of a flat list
const flat = [{ id: 1 }, { id: 2, p: 1 }, { id: 3, p: 1 }, { id: 4, p: 3 }, { id: 5, p: 99 }];
const by = Object.fromEntries(flat.map((n) => [n.id, { ...n, kids: [] }])); const roots = []; for (const n of Object.values(by)) (by[n.p]?.kids ?? roots).push(n);
return roots;
//# topological order
const deps = { app: ['lib', 'log'], lib: ['core'], log: ['core'], core: [] }, order = [], mark = {};
const visit = (n) => { if (mark[n] === 1) throw new Error('cycle'); if (mark[n]) return; mark[n] = 1; deps[n].forEach(visit); mark[n] = 2; order.push(n); };
Object.keys(deps).forEach(visit); deps.core.push('app'); for (const k in mark) delete mark[k]; let why; try { visit('app'); } catch (e) { why = e.message; }
return [order, why];
//# shortest way
const g = { a: { b: 7, c: 3 }, b: { d: 2 }, c: { b: 1, d: 8 }, d: {} }, dist = { a: 0 }, todo = new Set(Object.keys(g));
while (todo.size) { const u = [...todo].reduce((x, y) => ((dist[y] ?? Infinity) < (dist[x] ?? Infinity) ? y : x)); todo.delete(u); for (const [v, w] of Object.entries(g[u])) dist[v] = Math.min(dist[v] ?? Infinity, dist[u] + w); }
return dist;
//# an LRU cache
class Lru { #m = new Map(); constructor(n) { this.n = n; } get(k) { if (!this.#m.has(k)) return; const v = this.#m.get(k); this.#m.delete(k); this.#m.set(k, v); return v; } set(k, v) { this.#m.delete(k); this.#m.set(k, v); if (this.#m.size > this.n) this.#m.delete(this.#m.keys().next().value); } get keys() { return [...this.#m.keys()]; } }
const c = new Lru(2); c.set('a', 1); c.set('b', 2); c.get('a'); c.set('c', 3);
return [c.keys, c.get('b') ?? null];
//# a rate limiter with a clock
let now = 0; const limiter = (n, per) => { let tokens = n, at = 0; return () => { tokens = Math.min(n, tokens + ((now - at) * n) / per); at = now; return tokens >= 1 ? (tokens--, true) : false; }; };
const ok = limiter(2, 1000); const out = [ok(), ok(), ok()]; now = 500; out.push(ok(), ok()); now = 5000; out.push(ok(), ok(), ok());
return out;
//# a tiny state machine
const machine = { draft: { submit: 'review' }, review: { approve: 'live', reject: 'draft' }, live: {} };
const run = (events) => events.reduce((s, e) => { const n = machine[s][e]; if (!n) throw new Error(`${e} in ${s}`); return n; }, 'draft');
let bad; try { run(['approve']); } catch (e) { bad = e.message; }
return [run(['submit', 'reject', 'submit', 'approve']), bad];
//# dependency injection by parameters' names
const names = (f) => f.toString().match(/\(([^)]*)\)/)[1].split(',').map((s) => s.trim());
function service(db, log) { return [db, log]; }
return [names(service), names((a, b = 2) => a), service.name, service.toString().length, (class Q { m() {} }).toString(), Math.max.toString()];
//# eval-like things
let f; try { f = new Function('a', 'b', 'return a * b')(6, 7); } catch (e) { f = e.name; }
return [f, (0, eval)('1 + 1'), eval('let z = 3; z * 2'), typeof z];
//# globals
return [typeof globalThis, typeof window, typeof self, globalThis.undefinedThing ?? 'none', typeof Intl, typeof structuredClone, typeof Buffer, typeof URL, typeof TextEncoder, typeof atob, typeof performance.now()];
