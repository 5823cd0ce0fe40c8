// Without `path`: where every built-in function is. With it: calls that one on hostile receivers with hostile arguments,
// some of which change the other values while the built-in works on them. Gives how many calls there were.
const { path, salt, loud } = context.data;
const { apply, construct, ownKeys, getOwnPropertyDescriptor } = Reflect;
const proto = Object.getPrototypeOf, log = console.log;
const name = key => typeof key === 'symbol' ? '@@' + key.description : key;
const roots = {
  global: globalThis,
  functions: [proto(function* () {}), proto(async function* () {}), proto(async () => {}), (function* () {})(), (async function* () {})()].map(proto),
  iterators: [[].values(), new Map().keys(), new Set().keys(), ''[Symbol.iterator](), 'a'.matchAll(/a/g)].map(proto),
  typed: [proto(Uint8Array), proto(Uint8Array.prototype)],
  modules: ['crypto', 'buffer', 'url', 'querystring', 'util', 'events', 'stream', 'zlib', 'assert', 'path', 'string_decoder', 'os', 'process', 'timers'].map(require),
};

if (!path) {
  const paths = [], seen = new Set([context, steps, env]);
  (function walk(holder, path) {
    for (const key of ownKeys(holder)) {
      const descriptor = getOwnPropertyDescriptor(holder, key);
      for (const part of ['value', 'get', 'set']) {
        const value = descriptor[part];
        if (value === null || !['function', 'object'].includes(typeof value) || seen.has(value)) continue;
        seen.add(value);
        const here = [...path, [name(key), part]];
        if (typeof value === 'function') paths.push(here);
        if (here.length < 5) walk(value, here);
      }
    }
  })(roots, []);
  return paths;
}

let target = roots;
for (const [key, part] of path) target = getOwnPropertyDescriptor(target, ownKeys(target).find(other => name(other) === key))[part];

let victims = [];
const shrink = () => {
  for (const victim of victims) {
    try { victim.resize?.(1) } catch {}
    try { victim.buffer?.resize?.(1) } catch {}
    try { victim.clear?.() } catch {}
    try { if (Array.isArray(victim)) victim.length = 0 } catch {}
    try { victim.lastIndex = 99; victim[1] = 7 } catch {}
    try { victim.set?.('z', 1); victim.add?.({}); victim.append?.('z', 1) } catch {}
    try { if (typeof victim === 'object') { delete victim.a; delete victim[0] } } catch {}
  }
};
const throwing = new Proxy({}, { get: () => () => { throw new Error('trap') } });
const makers = [
  () => undefined, () => null, () => 0, () => -1, () => 1, () => 1.5, () => 2 ** 31, () => 2 ** 53, () => -(2 ** 31), () => NaN, () => Infinity, () => 7n,
  () => -(2n ** 70n), () => '', () => 'abc', () => '\ud800', () => 'ab'.repeat(100), () => '1e3', () => Symbol.iterator, () => true,
  () => ({ a: 1, b: [2] }), () => Object.create(null), () => [3, 1, 2], () => [, 1, , {}], () => Array.from({ length: 40 }, (_, i) => (i * 7) % 11), () => Object.freeze([1, 2]),
  () => ({ length: 3, 0: 'a', 2: 'c' }), () => ({ length: -1 }), () => ({ length: { valueOf() { shrink(); return 4 } } }),
  () => () => 1, () => () => { throw 1 }, () => () => { shrink(); return 1 }, () => () => Math.random() - 0.5, () => function () { return this }, () => function* () { yield 1 }, () => async () => 1,
  () => class { constructor() { shrink() } }, () => (() => 1).bind(), () => Uint8Array, () => Array, () => Promise,
  () => new Map([[1, 2], ['a', {}]]), () => new Set([1, 'a']), () => new WeakMap(), () => new Date(0), () => new Date(NaN), () => /a(?<n>b)?/g, () => /\w*/y, () => new Error('e'),
  () => Promise.resolve(1), () => new Proxy({ a: 1 }, {}), () => new Proxy([1, 2], {}), () => new Proxy(function () {}, {}), () => new Proxy({}, throwing), () => { const { proxy, revoke } = Proxy.revocable([], {}); revoke(); return proxy },
  () => new Uint8Array([3, 1, 2]), () => new Float64Array([NaN, -0, 1]), () => new BigInt64Array(3), () => new Uint8Array(new ArrayBuffer(8, { maxByteLength: 64 })), () => new Float32Array(new ArrayBuffer(16, { maxByteLength: 64 })),
  () => new Int32Array(new SharedArrayBuffer(8)), () => new ArrayBuffer(8), () => new ArrayBuffer(8, { maxByteLength: 64 }), () => new SharedArrayBuffer(8, { maxByteLength: 64 }), () => new DataView(new ArrayBuffer(8, { maxByteLength: 64 })),
  () => { const b = new ArrayBuffer(8), a = new Uint8Array(b); b.transfer?.(); return a },
  () => ({ valueOf() { shrink(); return 1 }, toString() { shrink(); return 'a' } }), () => ({ [Symbol.toPrimitive]: () => { shrink(); return 6 } }), () => ({ [Symbol.toPrimitive]: () => 1n }), () => ({ toString: () => ({}) , valueOf: () => ({}) }),
  () => ({ [Symbol.iterator]() { shrink(); return [1, [2, 3]][Symbol.iterator]() } }), () => ({ [Symbol.iterator]: () => ({ next: () => { throw 1 } }) }), () => [[1, 2], ['a', 'b']], () => [[1], null],
  () => ({ then(ok) { shrink(); ok(1) } }), () => ({ get a() { shrink(); return 1 }, set a(v) {} }), () => ({ get: () => 1, enumerable: true, configurable: false }), () => ({ value: 1, writable: false }),
  () => ({ constructor: { [Symbol.species]: function (n) { return new Uint8Array(1) } } }), () => { const a = [1, 2, 3]; a.constructor = { [Symbol.species]: function () { shrink(); return [] } }; return a },
  () => Buffer.from('abc'), () => new URL('http://a/b?c=d#e'), () => new URLSearchParams('a=1&b=2'), () => (function () { return arguments })(1, 2), () => Object(1n), () => new Number(3), () => new String('xy'),
  () => (function* () { yield 1; yield 2 })(), () => (async function* () { yield 1 })(), () => [1, 2].values(), () => new Map([[1, 2]]).entries(), () => 'aXbX'.matchAll(/X/g), () => new WeakRef({}), () => 'sha256', () => 'utf8',
];

// Those that change the others while they are read or called.
const active = makers.flatMap((maker, n) => String(maker).includes('shrink()') ? [n] : []);

let dice = salt, calls = 0;
const roll = () => { dice = (Math.imul(dice, 1664525) + 1013904223) >>> 0; return dice >>> 8 };
const numbers = [];
for (let round = 0; round < 110; round++) {
  numbers.length = 0;
  // Each receiver in turn, so that the right one is among them; the arguments by chance.
  numbers.push(round < makers.length ? round : roll() % makers.length);
  for (let n = roll() % 5; n > 0; n--) numbers.push(roll() % 2 ? roll() % makers.length : active[roll() % active.length]);
  victims = numbers.map(n => makers[n]());
  const [receiver, ...args] = victims;
  if (loud) log(round, numbers.map(n => String(makers[n]).slice(6, 90)).join(' | '));
  try {
    const result = round % 5 === 4 ? construct(target, victims) : apply(target, receiver, args);
    calls++;
    if (typeof result?.next === 'function') { result.next(); shrink(); result.next(); result.return?.() }
    if (typeof result?.catch === 'function') result.catch(() => {});
  } catch { calls++ }
}
return calls;
