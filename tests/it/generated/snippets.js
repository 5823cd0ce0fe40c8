Array.prototype[Symbol.iterator] = function* () { yield 9 };
Object.prototype.then = function (f) { delete Object.prototype.then; f(3) };
Object.prototype.toString = () => 'o';
Function.prototype.call = null;
Promise.prototype.then = function () { return this };
String.prototype.split = () => [];
Object.freeze(Object.prototype);
Object.defineProperty(globalThis, 'undefinedThing', { get() { throw new Error('got') } });
Error.prepareStackTrace = (e, s) => s;
for (const k of Object.keys(context)) delete context[k];
{ const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); try { proxy.a } catch {} }
{ const b = new ArrayBuffer(8, { maxByteLength: 64 }), a = new Uint8Array(b); a.map(() => { b.resize(1); return 1 }); }
{ const a = [3, 1, 2]; a.sort(() => { a.length = 0; return 1 }); }
{ const m = new Map([[1, 1]]); let n = 0; m.forEach(() => { if (n++ < 20) m.set(n, n) }); }
{ const r = () => r(); try { r() } catch {} }
(function f(n) { return n ? f(n - 1) + f(n - 2 < 0 ? 0 : n - 2) : 0 })(8);
{ let o = {}; for (let i = 0; i < 300; i++) o = { o }; JSON.stringify(o); }
{ let o = []; for (let i = 0; i < 200; i++) o = [o]; o.flat(Infinity); String(o); }
new Function('with ({ a: 1 }) { return a + (() => a)() }')();
(0, eval)('var leaked = 1; function leak() { return leaked }');
eval('var inner = 1; { let inner = 2 } inner');
try { new Function(')') } catch {}
(async () => { throw null })().catch(() => {});
Promise.reject(1);
(async function* () { try { yield 1 } finally { await null } })().next();
queueMicrotask(() => {});
label: { for (;;) { break label } }
switch (1) { case 0: { let z = 1 } default: { let z = 2 } case 2: }
class Q { static #p = 1; static { this.q = Q.#p } static has(o) { return #p in o } } Q.has({});
class R extends Array { constructor(...a) { super(...a); this.own = 1 } static get [Symbol.species]() { return Array } } new R(1, 2).map(x => x);
(({ a = 1, ...rest } = {}, [b, ...c] = 'xyz', d = () => a) => d())();
'aab'.replace(/(?<l>a)(b)?/g, (...m) => typeof m.at(-1));
[...'a1b2'.matchAll(/[a-z](?=\d)/g)].length;
new Date(2 ** 53).getTime(); new Date(NaN).toString(); Date.UTC();
Object.defineProperty([], 'length', { writable: false });
Reflect.construct(Array, [], function () {}.bind());
structuredClone(new Map([[{}, new Date(0)]]));
console.log('%s %d %o', {}, 1n, [() => 1], new Map([[1, { a: [[]] }]]));
delete globalThis.console;
for (const x of (function* () { try { yield 1; yield 2 } finally { } })()) break;
with_: for (const k in 'ab') continue with_;
if (Math.random() > 2) throw 1; else ;
for (var q = 0, w = []; q < 3; q++) w.push(() => q);
throw new Proxy(new Error('x'), { get() { throw 2 } });
return new Promise(() => {});
for (;;) {}
{ const a = []; for (;;) a.push(new Array(1000)) }
[5, 1, 4].sort(() => Math.random() - 0.5);
Array.from({ length: 40 }, (_, i) => i).sort(() => 1);
