// Fragments about the library: text, regular expressions, numbers, JSON, collections, proxies, dates, sorting.

const text = (r) => r.pick(["'Hello, World'", "'a,b,,c'", "''", "'äöü ß ﬁ'", "'x😀y'", "'2024-01-02T03:04:05'", "'  padded\\t'", "'aaa'", "'line1\\nline2\\r\\nline3'", "'key=value; other=2'", "'İI'", "'\\ud800x'", "'The quick brown fox'"]);

// Methods of strings.
export function strings(r, s) {
  void s;
  const n = () => r.pick(['0', '1', '-1', '3', '100', 'NaN', 'undefined', '2.7']);
  const part = () => r.pick(["','", "'a'", "''", "'l'", "'\\n'", 'undefined', "'World'", '/[aeiou]/', '/o/g']);
  const method = () => r.pick([
    () => `slice(${n()}, ${n()})`, () => `substring(${n()}, ${n()})`, () => `substr(${n()}, ${n()})`, () => `at(${n()})`, () => `charAt(${n()})`, () => `charCodeAt(${n()})`, () => `codePointAt(${n()})`,
    () => `split(${part()}${r.chance(0.3) ? ', 2' : ''})`, () => `indexOf(${part()}, ${n()})`, () => `lastIndexOf(${part()})`, () => `includes(${r.pick(["'a'", "''", "'lo'"])})`, () => `startsWith('H', ${n()})`, () => `endsWith('d', ${n()})`,
    () => `padStart(${r.pick(['5', '20', '0'])}, ${r.pick(["'ab'", "''", 'undefined'])})`, () => `padEnd(15, '-=')`, () => `repeat(${r.pick(['0', '2', '3'])})`, () => `trim()`, () => `trimStart()`, () => `trimEnd()`,
    () => `toUpperCase()`, () => `toLowerCase()`, () => `replace(${part()}, ${r.pick(["'[$&]'", "'$1$$'", "(m, ...rest) => show([m, ...rest])", "'$`|'", "\"$'\""])})`, () => `replaceAll(${r.pick(["'a'", "'l'", "''", '/o/g', '/o/'])}, '_')`,
    () => `concat(1, null)`, () => `normalize('NFD').length`, () => `localeCompare('b') < 0`, () => `search(${part()})`, () => `match(${part()})`, () => `isWellFormed()`, () => `toWellFormed()`,
  ])();
  return r.times(6, () => `attempt(() => ${text(r)}.${method()});`).join('\n');
}

const PATTERNS = ['/(\\w)(\\w)?/', '/(?<year>\\d{4})-(?<month>\\d\\d)/', '/a*?/', '/[^,]+/', '/^\\s+|\\s+$/', '/(a)|(b)/', '/(?:x|y)+/', '/\\bq\\w+/', '/o(?= )/', '/(?<!l)o/', '/./', '/[\\u4e00-\\u9fff]/u',
  '/a\\/b/', '/[/]/', '/(\\d)(?:-(\\d))?/', '/\\p{L}+/u', '/(?:)/', '/([a-z]+)=([^;]*)/', '/l{2}/', '/(.)\\1/', '/^line\\d/m', '/Q/i', '/[\\]]/', '/\\r?\\n/'];

// Regular expressions, their flags and what they keep between calls.
export function regexes(r, s) {
  const re = s.name('re');
  const made = () => {
    const [, source, flags] = /^\/(.*)\/(\w*)$/.exec(r.pick(PATTERNS));
    const all = [...new Set([...flags, ...r.some(['g', 'i', 'm', 's', 'y', 'd'], r.below(3))])].join('');
    return `/${source}/${all}`;
  };
  s.kept.push(`const ${re} = ${made()};`);
  const target = () => r.pick([re, re, made()]);
  const step = () => r.pick([
    () => `(() => { const m = ${target()}.exec(${text(r)}); return m && [m, m.index, m.groups, m.indices]; })()`,
    () => `[${re}.test(${text(r)}), ${re}.lastIndex]`, () => `${text(r)}.replace(${target()}, (...all) => show(all.slice(0, -1)))`, () => `${text(r)}.replace(${target()}, '<$1|$2|$&|$<year>>')`,
    () => `${text(r)}.match(${target()})`, () => `[...${text(r)}.matchAll(new RegExp(${target()}, 'g'))].map((m) => [m[0], m.index])`, () => `${text(r)}.split(${target()})`, () => `${text(r)}.search(${target()})`,
    () => `[${re}.source, ${re}.flags, String(${re}), new RegExp(${re}.source).source]`, () => `(${re}.lastIndex = ${r.below(5)}, ${re}.exec(${text(r)}))`,
    () => `new RegExp(${r.pick(["'a/b'", "'[/]'", "'\\\\n'", "'\\n'", "''", "'('", "'\\\\/'"])}).source`, () => `${re}[Symbol.split](${text(r)})`, () => `(${re}.extra = 1, delete ${re}.extra)`,
    () => `(() => { const c = new RegExp(${re}); c.exec = () => null; return [c.test('aaa'), 'aaa'.replace(c, 'x')]; })()`,
  ])();
  return r.times(5, () => `attempt(() => ${step()});`).join('\n');
}

// Numbers and big integers as text and back.
export function numbers(r, s) {
  void s;
  const n = () => r.pick(['0', '-0', '1', '255', '0.1', '123.456', '1e21', '1e-7', '-1.5', '2.5', '1.005', 'NaN', 'Infinity', '2 ** 53', '-(2 ** 31)', '0.000001', '1234567.891', '5e-324', '1.7976931348623157e308', '8.345', '25', '1e100']);
  const big = () => r.pick(['0n', '1n', '-5n', '2n ** 64n', '123456789012345678901234567890n', '-(2n ** 63n)', '255n']);
  const step = () => r.pick([
    () => `(${n()}).toString(${r.pick(['', '2', '16', '36', '7'])})`, () => `(${n()}).toFixed(${r.below(5)})`, () => `(${n()}).toPrecision(${1 + r.below(6)})`, () => `(${n()}).toExponential(${r.below(4)})`,
    () => `[${n()} | 0, ${n()} >>> 0, ~~(${n()}), ${n()} % 3, -7 % ${n()}]`, () => `Math.${r.pick(['round', 'floor', 'ceil', 'trunc', 'sign', 'abs', 'fround', 'clz32', 'sqrt'])}(${n()})`,
    () => `[Math.max(${n()}, ${n()}), Math.min(${n()}, ${n()}), Math.hypot(3, 4), Math.imul(${n()}, 3)]`, () => `parseFloat(${r.pick(["'3.14abc'", "'.5'", "'-'", "'1e3x'", "'Infinityx'"])})`, () => `parseInt(${r.pick(["'12px'", "'0x1A'", "''", "'z', 36", "'101', 2", "'9', 8"])})`,
    () => `Number(${r.pick(["'0b11'", "''", "' 1 '", "'1_0'", "'1e1000'", "'-0'"])})`, () => `[Number.isInteger(${n()}), Number.isSafeInteger(${n()}), Object.is(${n()}, -0)]`,
    () => `${big()} ${r.pick(['+', '-', '*', '&', '|', '^', '<<', '>>'])} ${r.pick(['1n', '3n', '10n'])}`, () => `${big()} / ${r.pick(['3n', '-2n', '0n'])}`, () => `[${big()} == ${n()}, ${big()} < ${n()}, ${big()}.toString(16)]`, () => `BigInt(${r.pick(["'0xff'", "'12'", "' 5 '", '1.5', "'x'", 'true'])})`,
    () => `[BigInt.asIntN(8, ${big()}), BigInt.asUintN(16, ${big()})]`, () => `JSON.stringify([${n()}, ${n()}])`, () => `[${n()}, ${n()}, ${n()}].map(String)`, () => `new Float32Array([${n()}, ${n()}])`,
  ])();
  return r.times(6, () => `attempt(() => ${step()});`).join('\n');
}

// JSON, in both directions.
export function json(r, s) {
  void s;
  const v = (d) => r.pick(d > 0
    ? [() => `[${r.times(r.below(4), () => v(d - 1)).join(', ')}]`, () => `{ ${r.some(['a', 'b', '"x y"', '10', '2', 'toString'], r.below(4)).map((k) => `${k}: ${v(d - 1)}`).join(', ')} }`, () => v(0), () => `{ toJSON(k) { return 'j' + k; } }`, () => `new Map([[1, 2]])`, () => 'new Date(0)', () => '[undefined, () => 1, Symbol()]', () => 'Object.create({ inherited: 1 }, { own: { value: 2, enumerable: true }, hidden: { value: 3 } })']
    : [() => '1', () => '-0', () => '1e21', () => 'null', () => 'undefined', () => '"q\\"\\n\\u2028\\ud800"', () => 'true', () => 'NaN', () => '() => 1', () => 'new Number(3)', () => 'new String("s")', () => 'Symbol()'])();
  const t = () => r.pick(['{"a":[1,2,{"b":null}],"a":3}', '[1,]', '{"__proto__":1,"b":2}', ' [ 1e3 , -0, "\\\\u0041\\\\n" ] ', '{"2":1,"1":2,"x":3}', '01', '', '"a\\nb"', 'nul', '1e400', '[1e-400]', '{"a":{"b":{"c":[]}}}', '"\\ud83d\\ude00"', '\\u00a01', '[1 2]', '123456789012345678901234567890']);
  return r.times(4, () => r.pick([
    () => `attempt(() => JSON.stringify(${v(3)}${r.pick(['', ', null, 2', ", null, '--'", ", ['a', 'b', 2]", ", (k, x) => typeof x === 'number' ? x + 1 : x", ', (k, x) => (k === "a" ? undefined : x), 1'])}));`,
    () => `attempt(() => JSON.parse('${t()}'));`,
    () => `attempt(() => JSON.parse('${t()}', function (k, x) { note(k, Array.isArray(this)); return ${r.pick(['x', 'k === "b" ? undefined : x', 'typeof x === "number" ? -x : x'])}; }));`,
    () => `attempt(() => { const o = { a: 1 }; ${r.pick(['o.self = o;', 'o.list = [{ o }];', 'o.b = 1n;'])} return JSON.stringify(o); });`,
  ])()).join('\n');
}

// Maps and sets, changed while they are walked.
export function collections(r, s) {
  const m = s.name('map');
  const key = () => r.pick(['1', "'1'", 'NaN', '-0', '0', 'undefined', 'null', '{}', "'k'", 'kept']);
  s.kept.push(`const ${m} = new ${r.pick(['Map', 'Set'])}(), kept${m} = {};`);
  const k = () => key().replace('kept', `kept${m}`);
  const add = () => `(${m}.set ? ${m}.set(${k()}, round) : ${m}.add(${k()}))`;
  return r.times(5, () => r.pick([
    () => `attempt(() => ${add()}.size);`, () => `attempt(() => [${m}.has(${k()}), ${m}.delete(${k()}), ${m}.size]);`, () => `attempt(() => { let n = 0; for (const e of ${m}) { note(e); if (n++ < 3) ${add()}; if (n === 2) ${m}.delete(${k()}); if (n > 8) break; } });`,
    () => `attempt(() => { ${m}.forEach((v, key, all) => { note(v, key, all === ${m}); if (v === round) ${m}.delete(key); }); });`, () => `attempt(() => [...${m}.keys(), ...${m}.entries()]);`, () => `note(${m});`, () => `if (round === 2) ${m}.clear();`,
    () => `attempt(() => { const it = ${m}.values(); note(it.next()); ${m}.clear(); ${add()}; return [it.next(), it.next()]; });`, () => `attempt(() => { const w = new WeakMap([[kept${m}, 1]]); return [w.get(kept${m}), w.has({}), w.delete(kept${m})]; });`,
    () => `attempt(() => new Map([...new Map([[1, 2], [3, 4]])].map(([a, b]) => [b, a])));`, () => `attempt(() => Object.fromEntries(new Map([['a', 1], ['b', ${m}.size]])));`, () => `attempt(() => ${m}.get ? ${m}.get(${k()}) : 0);`,
  ])()).join('\n');
}

// Proxies and Reflect: which traps run, in which order.
export function proxies(r, s) {
  const p = s.name('proxy');
  const traps = r.some(['get', 'set', 'has', 'deleteProperty', 'ownKeys', 'getOwnPropertyDescriptor', 'defineProperty', 'getPrototypeOf', 'apply', 'construct'], 5);
  s.kept.push(`const ${p} = new Proxy(${r.pick(['{ a: 1, get b() { return this === undefined ? 0 : typeof this; } }', '[1, 2, 3]', '(x) => x', 'class { static a = 1; }'])}, { ${traps.map((t) => `${t}(...all) { note('${t}', typeof all[1] === 'symbol' ? 'sym' : all[1]); return Reflect.${t}(...all); }`).join(', ')} });`);
  const step = () => r.pick([`${p}.a`, `${p}.a = round`, `delete ${p}.a`, `'a' in ${p}`, `Object.keys(${p})`, `({ ...${p} })`, `JSON.stringify(${p})`, `Object.entries(${p})`, `(() => { const { a, ...rest } = ${p}; return [a, rest]; })()`, `Object.defineProperty(${p}, 'd', { value: 1, configurable: true }) === ${p}`,
    `[...${p}]`, `${p}(1)`, `new ${p}()`, `Object.create(${p}).a`, `(() => { const o = Object.create(${p}); o.a = 5; return Object.hasOwn(o, 'a'); })()`, `Object.isFrozen(${p})`, `Array.isArray(${p})`, `${p}.push(4)`, `${p}.length = 1`, `${p} instanceof Object`, `Object.assign(${p}, { z: 1 }) === ${p}`,
    `Reflect.ownKeys(${p})`, `${p}.concat([1])`, `Object.getOwnPropertyDescriptors(${p})`]);
  return r.times(5, () => `attempt(() => ${step()});`).join('\n');
}

// Dates in UTC.
export function dates(r, s) {
  void s;
  const d = () => r.pick(['new Date(0)', 'new Date(2024, 0, 31, 12)', "new Date('2024-02-29T23:59:59.999Z')", 'new Date(NaN)', 'new Date(Date.UTC(1999, 11, 31))', 'new Date(-1)', "new Date('2023-12-31')", "new Date('2024-06-01T10:00:00+02:00')", 'new Date(8.64e15)', "new Date('Tue, 05 Nov 2024 10:11:12 GMT')", 'new Date(99, 1)', "new Date('2024-02-30')", "new Date('2024-1-5')", "new Date('March 7, 2021 10:00 UTC')", "new Date('2020/02/03')"]);
  const step = () => r.pick([
    () => `${d()}.toISOString()`, () => `${d()}.toJSON()`, () => `${d()}.getTime()`, () => `[${d()}.getUTCDay(), ${d()}.getFullYear(), ${d()}.getUTCHours()]`, () => `(() => { const x = ${d()}; x.setUTCMonth(${r.below(14)}); x.setDate(${r.below(40)}); x.setHours(${r.below(30)}, 61); return x; })()`,
    () => `${d()} - ${d()}`, () => `${d()} < ${d()}`, () => `Date.UTC(${r.pick(['2024', '99', '1970'])}, ${r.below(14)}, ${r.below(40)})`, () => `String(${d()})`, () => `${d()}.toUTCString()`, () => `${d()}.toDateString()`, () => `Date.parse(${r.pick(["'2024'", "'2024-13-01'", "'x'", "'2024-01-01T24:00:00Z'", "'2024-01-01T00:00'", "'+002024-01-01T00:00:00Z'", "'2024-01-01T00:00:00.1Z'", "'2024-01-01T00:00:00.1239Z'"])})`,
    () => `(() => { const x = ${d()}; return [x.setFullYear(2024, 1, 30), x.setMilliseconds(1500), x.getTimezoneOffset()]; })()`, () => `${d()} + 1 === String(${d()}) + '1'`,
  ])();
  return r.times(5, () => `attempt(() => ${step()});`).join('\n');
}

// Sorting with comparators that see and do things.
export function sorting(r, s) {
  const list = s.name('rows');
  const n = 3 + r.below(30);
  s.kept.push(`const ${list} = [${r.times(n, (i) => `{ id: ${i}, k: ${r.below(6)}, get rank() { ${r.chance(0.1) ? "note('rank');" : ''} return this.k ${r.pick(['* 2', '% 3', ''])}; }, t: ${r.pick(["'a'", "'b'", "'B'", "'é'", "''", 'undefined', 'null'])} }`).join(', ')}];`);
  const by = r.pick(['(a, b) => a.rank - b.rank', '(a, b) => b.k - a.k || a.id - b.id', '(a, b) => (a.t < b.t ? -1 : a.t > b.t ? 1 : 0)', '() => 0', '(a, b) => a.k > b.k', "(a, b) => String(a.t).localeCompare('b') - String(b.t).localeCompare('b')", '(a, b) => { if (a.id === 2 && round === 1) throw new RangeError(); return a.k - b.k; }']);
  return [
    `attempt(() => [...${list}].sort(${by}).map((x) => x.id).join());`,
    r.pick([`attempt(() => ${list}.toSorted(${by}).map((x) => x.k).join());`, `attempt(() => ${list}.map((x) => x.k).sort().join());`, `attempt(() => ${list}.map((x) => x.t).sort());`, `attempt(() => [3, 20, undefined, 100, , -1].sort());`, `attempt(() => new Float64Array([3, NaN, -0, 0, -1]).sort());`]),
    r.pick([`attempt(() => { const groups = {}; for (const { k, ...rest } of ${list}) (groups[k] ??= []).push(rest.id); return groups; });`, `attempt(() => ${list}.reduce((all, x) => ({ ...all, [x.k]: (all[x.k] ?? 0) + 1 }), {}));`, `attempt(() => Object.entries(Object.fromEntries(${list}.map((x) => [x.t, x.k]))).sort());`]),
    r.chance(0.3) ? `attempt(() => { ${list}[0].k = round; delete ${list}[1].rank; return ${list}[1]; });` : '',
  ].join('\n');
}

// Builtins of Object, Reflect and Symbol.
export function reflection(r, s) {
  const o = s.name('thing');
  s.kept.push(`class ${o}Class { static [Symbol.hasInstance](v) { return v === 1; } get [Symbol.toStringTag]() { return 'Tagged'; } static get [Symbol.species]() { return Array; } }`);
  return r.times(5, () => r.pick([
    () => `attempt(() => [1 instanceof ${o}Class, String(new ${o}Class())]);`, () => `attempt(() => Object.getOwnPropertyDescriptors({ get a() { return 1; }, b: 2, ['c']: 3 }));`, () => `attempt(() => Object.entries('ab').concat(Object.values([1, , 2])));`,
    () => `attempt(() => Reflect.set(Object.freeze({ a: 1 }), 'a', 2)); attempt(() => Reflect.defineProperty(Object.seal({}), 'x', { value: 1 }));`, () => `attempt(() => { const a = Object.defineProperties({}, { x: { value: 1 }, y: { get() { return this.x + 1; }, enumerable: true } }); return [a, a.y, { ...a }]; });`,
    () => `attempt(() => Reflect.construct(Array, [3], ${o}Class).length); attempt(() => Reflect.apply(Math.max, null, [1, 5]));`, () => `attempt(() => [Symbol.for('q') === Symbol.for('q'), Symbol.keyFor(Symbol.for('z')), Symbol('d').toString(), Object(Symbol.iterator).description]);`,
    () => `attempt(() => { const f = function (a, b) { return [this.v, a, b, new.target]; }.bind({ v: round }, 1); return [f(2), f.name, f.length, typeof new f(3)]; });`, () => `attempt(() => Object.groupBy ? 1 : 1); attempt(() => Array.prototype.concat.call(1, [2], { length: 1, 0: 'x', [Symbol.isConcatSpreadable]: true }));`,
    () => `attempt(() => { const o = { __proto__: null, a: 1 }; return [Object.getPrototypeOf(o), 'toString' in o, Object.is(o, o)]; });`, () => `attempt(() => { const o = {}; Object.defineProperty(o, 'k', { value: 1 }); 'use strict'; return [Reflect.deleteProperty(o, 'k'), Reflect.has(o, 'k'), o.propertyIsEnumerable('k')]; });`,
    () => `attempt(() => new Error('m', { cause: round }).cause); attempt(() => new AggregateError([1, 2], 'm').errors);`, () => `attempt(() => [encodeURIComponent('ä &'), decodeURIComponent('%E4%BD%A0'), escape('ü'), unescape('%u4F60')]); attempt(() => decodeURIComponent('%'));`,
    () => `attempt(() => { let o = { n: 0, valueOf() { return ++this.n; } }; return [o + o, o > 2, o == 4]; });`, () => `attempt(() => [].concat(...[[1], [2, [3]]]).flat(Infinity)); attempt(() => Array.from({ length: 3 }, (_, i) => i ** 2)); attempt(() => Array(3).fill().map((_, i) => i));`,
    () => `attempt(() => { const { a = 1, ...r } = { b: 2, __proto__: { a: 5 } }; return [a, r]; });`, () => `attempt(() => [1, 2, 3].copyWithin(1, 0).entries().next()); attempt(() => [3, 1, 2].findLastIndex((x) => x > 1));`,
  ])()).join('\n');
}
