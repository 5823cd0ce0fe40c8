// Fragments about corners: private names, async generators, labels, spread, optional chains, templates, symbols, invariants of proxies,
// views of buffers, Unicode in texts.

const small = (r) => r.pick(['0', '1', '2', '-1', '7', "'s'", 'null', 'undefined']);

// Private names: fields, methods, accessors, static ones, nested classes, and objects that do not have them.
export function privates(r, s) {
  const A = s.name('P'), B = s.name('Q');
  const members = r.some([
    "#a = 1; a() { return this.#a; } seta(v) { this.#a = v; return this.#a; }", "#m() { return [this instanceof P, 'm']; } m() { return this.#m(); } setm() { this.#m = 1; }", "get #g() { return this.#z ?? 'g'; } #z = 5; g() { return this.#g; } setg() { this.#g = 2; }",
    "set #w(v) { note('w', v); } w() { this.#w = 3; } getw() { return this.#w; }", "static #s = 0; static next() { return ++this.#s; } static read(o) { return o.#s; }", "static #t() { return 'static'; } static t(o = this) { return o.#t(); }",
    "#o = { n: 1 }; o() { return [this.#o.n++, this.#o?.n, this?.#o.n, (this.#o.n **= 2)]; }", "#i = 0; i() { return [this.#i++, ++this.#i, this.#i--, this.#i += 2, this.#i ??= 9, this.#i &&= 4]; }",
    "has(o) { return #x in o; } #x;", "nested() { const outer = this; return class { #a = 'inner'; both() { return [this.#a, outer.n]; } }; } n = 4;", "#d = [1, 2]; d() { [this.#d, ...this.rest] = [[3], 4, 5]; return [this.#d, this.rest]; }",
    "#f = (x) => x + this.k; k = 1; f() { return [this.#f(1), this.#f?.(2), this.#f`t`]; }", "static { this.made = class { #q = 1; static q(o) { return o.#q; } }; }", "#late = this.early; early = 1; late() { return this.#late; }",
  ].map((text) => text.replaceAll('instanceof P', `instanceof ${A}`)), 5);
  const text = `class ${A} { constructor(given) { if (given) return given; } ${members.join(' ')} }\nclass ${B} extends ${A} { #own = 'own'; own() { return this.#own; } static own(o) { return o.#own; } }`;
  s.kept.push(text);
  const names = ['a', 'seta', 'm', 'setm', 'g', 'setg', 'w', 'getw', 'o', 'i', 'd', 'f', 'late', 'has', 'nested', 'own'];
  const o = s.name('obj');
  s.kept.push(`const ${o} = [() => new ${A}(), () => new ${B}(), () => new ${B}({ plain: 1 }), () => Object.create(new ${A}()), () => new Proxy(new ${A}(), {}), () => Object.freeze(new ${B}())];`);
  return [
    ...r.times(4, () => `attempt(() => { const o = ${o}[${r.below(6)}](); return [o.${r.pick(names)}?.(${r.pick(['', '3', 'o', '{}'])}), o.${r.pick(names)}?.(o)]; });`),
    `attempt(() => [${A}.next?.(), ${A}.next?.(), ${A}.read?.(${A}), ${A}.t?.()]); attempt(() => ${B}.next?.()); attempt(() => ${A}.t?.({})); attempt(() => ${A}.read?.(${B}));`,
    `attempt(() => ${B}.own(new ${B}({ z: 1 }))); attempt(() => ${B}.own({})); attempt(() => { const same = {}; new ${B}(same); return new ${B}(same); });`,
  ].join('\n');
}

// Async generators: queued requests, return and throw while they wait, delegation. Not to an array: what `throw` does then, V8 has from 2024 on.
export function asyncGenerators(r, s) {
  const g = s.name('agen');
  const step = (depth) => r.pick([
    () => `note('in', yield ${small(r)});`, () => `note(await ${small(r)});`, () => `yield Promise.resolve(${small(r)});`, () => `yield* (function* () { yield 1; yield Promise.resolve(2); })();`,
    () => `try { ${depth ? step(depth - 1) : 'yield 5;'} } finally { note('finally'); ${r.chance(0.3) ? 'yield 6;' : 'await 0;'} }`,
    () => `try { ${depth ? step(depth - 1) : 'yield 5;'} } catch (e) { note('caught', e); }`,
    () => `yield* (async function* () { try { note('sub', yield 'x'); return 'r'; } finally { note('sub closed'); } })();`,
    () => `try { yield Promise.reject('rejected'); } catch (e) { note('yielded', e); }`, () => `for await (const v of [Promise.resolve(1), 2]) { yield v; }`, () => `yield* { [Symbol.asyncIterator]() { let n = 0; return { next(v) { note('next', v); return { value: n, done: n++ > 1 }; }, return(v) { note('return', v); return { value: v, done: true }; } }; } };`,
    () => `${r.pick(['return', 'throw'])} ${r.pick([small(r), 'Promise.resolve(8)'])};`,
  ])();
  s.kept.push(`async function* ${g}() { ${r.times(2 + r.below(3), () => step(2)).map((part) => `{ ${part} }`).join(' ')} return 'end'; }`);
  const drive = r.times(3 + r.below(3), () => `it.${r.pick(['next', 'next', 'next', 'return', 'throw'])}(${r.pick([small(r), 'Promise.resolve(3)'])})`);
  return [
    r.pick([
      () => `{ const it = ${g}(); for (const p of [${drive.join(', ')}]) { try { note(await p); } catch (e) { note('failed', typeof e === 'object' ? e && e.name : e); } } }`,
      () => `{ const it = ${g}(); ${drive.map((call) => `try { note(await ${call}); } catch (e) { note('failed', typeof e === 'object' ? e && e.name : e); }`).join(' ')} }`,
    ])(),
    `try { for await (const v of ${g}()) { note(v); ${r.pick(['', 'if (v === 2) break;', "if (v === 1) throw 'out';", 'continue;'])} } } catch (e) { note('ended', typeof e === 'object' ? e && e.name : e); }`,
  ].join('\n');
}

// Labels: breaks and continues through every kind of statement.
export function labels(r, s) {
  const f = s.name('maze');
  let next = 0;
  const walk = (depth, loops, blocks) => {
    const leave = () => r.pick([
      ...loops.flatMap((label) => [`continue ${label};`, `break ${label};`]), ...blocks.map((label) => `break ${label};`), 'note(n);', 'if (n > 30) return n;',
    ]);
    const conditional = () => `if (${r.pick(['n % 3 === 1', 'n % 2', 'n > 4', 'n % 5 === 0'])}) { ${leave()} }`;
    if (depth === 0) return `n++; ${conditional()} note('at', n); ${conditional()}`;
    const label = `l${next++}`;
    const inLoop = () => walk(depth - 1, [...loops, label], blocks);
    return r.pick([
      () => `${label}: for (let i${label} = 0; i${label} < 3; i${label}++) { if (n++ > 40) return n; ${inLoop()} }`,
      () => `${label}: for (const x${label} of [1, 2]) { if (n++ > 40) return n; ${inLoop()} }`,
      () => `${label}: for (const x${label} in { p: 1, q: 2 }) { if (n++ > 40) return n; ${inLoop()} }`,
      () => `let c${label} = 0; ${label}: while (c${label}++ < 3) { if (n++ > 40) return n; ${inLoop()} }`,
      () => `let d${label} = 0; ${label}: do { if (n++ > 40) return n; ${inLoop()} } while (d${label}++ < 2);`,
      () => `${label}: { n++; ${walk(depth - 1, loops, [...blocks, label])} n++; }`,
      () => `${label}: switch (n % 3) { case 0: ${walk(depth - 1, loops, [...blocks, label])} case 1: n++; break; default: ${conditional()} }`,
      () => `try { ${walk(depth - 1, loops, blocks)} } finally { note('f', n); ${r.chance(0.2) ? conditional() : ''} }`,
      () => `try { ${walk(depth - 1, loops, blocks)} if (n % 4 === 0) throw n; } catch (e) { note('c', e); ${conditional()} }`,
    ])();
  };
  s.kept.push(`function ${f}(n) { ${r.times(2, () => `{ ${walk(3, [], [])} }`).join(' ')} return n; }`);
  return `attempt(() => ${f}(round)); attempt(() => ${f}(round * 2 + 1));`;
}

const iterable = (r) => r.pick(['[1, , 3]', "'a😀b'", 'new Set([1, 2])', 'new Map([[1, 2]])', '(function* () { yield 1; yield 2; return 3; })()', '[]', 'null', '5', '{ length: 2 }', "{ *[Symbol.iterator]() { try { yield 'x'; yield 'y'; } finally { note('closed'); } } }",
  "{ [Symbol.iterator]() { return { next() { return { get done() { note('done'); return true; } }; } }; } }", '{ [Symbol.iterator]: 1 }', 'arguments', 'new Uint8Array([1, 2])', '{ a: 1, get b() { note("get b"); return 2; } }', "Object.assign([1, 2], { extra: 'e' })"]);

// Spread in calls, arrays and objects; rest in parameters and patterns; the order of evaluation.
export function spreads(r, s) {
  const f = s.name('all');
  s.kept.push(`function ${f}(first, second = 'default', ...more) { return [first, second, more, arguments.length, new.target !== undefined]; }`);
  const step = () => r.pick([
    () => `${f}(...${iterable(r)}, ${small(r)}, ...${iterable(r)})`, () => `[${small(r)}, ...${iterable(r)}, , ...${iterable(r)}]`, () => `({ ...${iterable(r)}, a: ${small(r)}, ...${iterable(r)} })`, () => `new (function (...all) { this.all = all; })(...${iterable(r)})`, () => `Math.max(...${iterable(r)}, 1)`,
    () => `(([a, ...[b, ...c]]) => [a, b, c])(${iterable(r)})`, () => `(({ length, ...rest }) => [length, rest])(${iterable(r)})`, () => `(({ ...rest }) => rest)(${iterable(r)})`, () => `(() => { let a, b; [a = note('a'), ...b] = ${iterable(r)}; return [a, b]; })()`,
    () => `${f}?.(...${iterable(r)})`, () => `Reflect.apply(${f}, null, [...${iterable(r)}])`, () => `(note('first'), ${f})((note('x'), 1), ...(note('y'), [2]), (note('z'), 3))`, () => `[...[...${iterable(r)}].entries()]`, () => `Object.entries({ ...${iterable(r)} })`, () => `((...[a, b]) => [a, b])(...${iterable(r)})`,
    () => `new Set([...${iterable(r)}, ...${iterable(r)}]).size`, () => `Array.from(${iterable(r)}, function (v, i) { return [v, i, this.q]; }, { q: 1 })`, () => `Object.fromEntries([...${iterable(r)}].map((v, i) => [i, v]))`,
  ])();
  return r.times(5, () => `attempt(function () { return ${step()}; });`).join('\n');
}

// Optional chains, nullish operators and what they do not evaluate.
export function chains(r, s) {
  const o = s.name('deep');
  s.kept.push(`const ${o} = { a: { b: { c: 1, f() { return this && this.c; }, g: null }, list: [{ x: 1 }, null], [Symbol.iterator]: undefined }, n: null, z: 0, e: '', call(...all) { return [this === ${o}, all.length]; }, get slow() { note('slow'); return this.a; }, tag: (parts) => parts.raw.length };`);
  const link = () => r.pick(['.a', '?.a', '.b', '?.b', '?.c', '.n', '?.n', '?.[note("key"), "a"]', "?.['b']", '?.list', '?.[1]', '?.x', '.z', '?.f()', '?.f?.()', '.g?.()', '?.call(1)', '.call?.(note("arg"))', '?.slow', '.e?.length', '?.missing.deeper.still', '.missing?.deeper.still(note("no"))', '?.list?.[0]?.x', '?.tag', '.constructor?.name']);
  const chain = () => o + r.times(1 + r.below(4), link).join('');
  // What a program deletes of a builtin, the next one misses when they share an engine.
  const own = () => { let made = chain(); while (made.includes('constructor')) made = chain(); return made; };
  const step = () => r.pick([
    chain, chain, () => `delete ${own()}`, () => `(${chain()})?.b`, () => `(${chain()}).b`, () => `${chain()} ?? note('else')`, () => `typeof ${chain()}`, () => `(${chain()} || ${chain()})`, () => `(() => { const { b, ...others } = ${chain()} ?? {}; return [b, Object.keys(others).length]; })()`, () => `[${chain()}, ${chain()}].length`, () => `((x = ${chain()}) => x)()`, () => `(${chain()}) === (${chain()})`,
    () => `(${o}.z ??= note('no'), ${o}.n ??= null, ${o}.e ||= '', ${o}.z &&= note('no'), ${o}.z)`, () => `!${chain()}`, () => `\`\${${chain()}}\``, () => `void ${chain()}`, () => `(async () => ${chain()})().catch(() => 0) instanceof Promise`, () => `(${chain()})?.(1)`, () => `new (${chain()} ?? Object)()`,
  ])();
  return r.times(6, () => `attempt(() => ${step()});`).join('\n');
}

// Tagged templates and the objects that they are given.
export function templates(r, s) {
  const tag = s.name('tagged');
  s.kept.push(`const ${tag} = Object.assign((parts, ...values) => [[...parts], [...parts.raw], values], { method(parts) { return [this === ${tag}, parts.length]; }, again: () => ${tag} }); Object.defineProperty(${tag}, 'got', { get() { note('got'); return ${tag}; } }); const ${tag}Seen = [];`);
  const text = () => r.pick(['', 'a', '\\n', '\\u0041', '\\x41', '\\\\', '😀', '\\u{1F600}', '$', '{', '\\`', '\r\n', '\\\n', "'", '\\0', '\\unicode', '\\xg', '\\u{110000}', '\\01']);
  const body = (safe) => r.times(1 + r.below(3), () => `${(() => { let made = text(); while (safe && /^\\(unicode|xg|u\{11|01)/.test(made)) made = text(); return made; })()}\${${r.pick(['1', "'v'", 'null', '[1, 2]', 'round', "{ toString() { note('str'); return 's'; }, valueOf() { return 'v'; } }", '`${round}`', "Symbol.iterator && 'k'"])}}`).join('') + text().replace(/^\\(unicode|xg|u\{110000\}|01)$/, 'z');
  const step = () => r.pick([
    () => `${tag}\`${body(false)}\``, () => `\`${body(true)}\``, () => `String.raw\`${body(false)}\``, () => `${tag}.method\`${body(false)}\``, () => `${tag}.again()\`${body(false)}\``, () => `${tag}.got\`${body(true)}\`.length`, () => `new (class { constructor(p) { this.n = typeof p; } })\`x\``,
    () => `(() => { const one = () => ((parts) => parts)\`a\${1}b\`; return [one() === one(), Object.isFrozen(one()), Object.isFrozen(one().raw), Array.isArray(one().raw)]; })()`, () => `(() => { const keep = (parts) => (${tag}Seen.includes(parts) ? 'seen' : ${tag}Seen.push(parts) && 'new'); return [keep\`q\`, keep\`q\`]; })()`, () => `\`\${\`\${${small(r)}}-\`}\`.length`, () => `String.raw({ raw: ${r.pick(["'abc'", "['x', 'y']", '{ length: 2, 0: 1, 1: 2 }', '[]'])} }, 1, 2, 3)`, () => `\`a\${Symbol('q')}\``,
  ])();
  return r.times(4, () => `attempt(() => ${step()});`).join('\n');
}

// The symbols by which the language calls what objects define.
export function symbols(r, s) {
  void s;
  const value = () => r.pick(['1', "'p'", 'null', 'undefined', '{}', '() => 1', 'true', 'Symbol()']);
  const step = () => r.pick([
    () => `String({ [Symbol.toPrimitive]: ${value()} })`, () => `\`\${{ [Symbol.toPrimitive](hint) { note(hint); return ${value()}; } }}\``, () => `+{ [Symbol.toPrimitive](hint) { return hint; } }`, () => `({ [Symbol.toPrimitive](hint) { return hint; } }) + ''`, () => `new Date({ [Symbol.toPrimitive](hint) { note(hint); return 5; } }).getTime()`, () => `[10, { [Symbol.toPrimitive]: () => 9 }].sort().length`,
    () => `(${value()}) instanceof { [Symbol.hasInstance](v) { note('has', typeof v); return ${value()}; } }`, () => `({}) instanceof (${value()})`, () => `Object.prototype.toString.call({ [Symbol.toStringTag]: ${value()} })`, () => `[].concat({ [Symbol.isConcatSpreadable]: ${value()}, length: 2, 0: 'x' })`, () => `[].concat(Object.assign([1, 2], { [Symbol.isConcatSpreadable]: ${value()} })).length`,
    () => `[...{ [Symbol.iterator]: ${value()} }]`, () => `(() => { const C = class extends Array { static get [Symbol.species]() { return ${r.pick(['Array', 'undefined', 'null', 'Object', 'function (n) { this.length = n; }'])}; } }; const made = C.from([1, 2, 3]).map((x) => x); return [made instanceof C, made.constructor && made.constructor.name, made.length]; })()`,
    () => `(() => { const C = class extends Promise { static get [Symbol.species]() { return Promise; } }; return [C.resolve(1).then() instanceof C, C.resolve(1).finally() instanceof C]; })()`, () => `Object.keys(Array.prototype[Symbol.unscopables]).length > 5`, () => `Object(Symbol('w')) == Object(Symbol('w'))`, () => `[Symbol('d').description, Symbol().description, Symbol.for('r').description, Symbol.keyFor(Symbol.for('r'))]`,
    () => `Symbol() + ''`, () => `Object.getOwnPropertySymbols({ [Symbol.for('a')]: 1, b: 2, [Symbol.iterator]: 3 }).map(String)`, () => `JSON.stringify({ [Symbol('k')]: 1, v: Symbol('x'), list: [Symbol('y')] })`, () => `({ [Symbol('fn')]: () => 1, [Symbol.for('q')]() {} })`, () => `new Symbol()`, () => `Symbol.iterator in []`, () => `[Symbol.prototype[Symbol.toPrimitive].name, Date.prototype[Symbol.toPrimitive].call(new Date(0), 'number')]`,
    () => `Date.prototype[Symbol.toPrimitive].call({ valueOf() { return 1; }, toString() { return 't'; } }, ${r.pick(["'default'", "'number'", "'string'", "'other'", ''])})`, () => `(function* () {})[Symbol.toStringTag] ?? Object.prototype.toString.call((async () => {})())`, () => `Array.from({ [Symbol.iterator]: undefined, length: 2, 0: 'a' })`, () => `(() => { const it = [1, 2][Symbol.iterator](); it.next(); return [...it]; })()`,
  ])();
  return r.times(5, () => `attempt(() => ${step()});`).join('\n');
}

// Traps that lie: what a proxy may not say of its target.
export function invariants(r, s) {
  const p = s.name('liar');
  const target = r.pick(['{ a: 1 }', 'Object.freeze({ a: 1 })', "Object.defineProperty({}, 'a', { value: 1 })", "Object.defineProperty({}, 'a', { get() { return 1; }, set: undefined })", 'Object.preventExtensions({ a: 1, b: 2 })', '[1, 2]', "function f(x) { 'use strict'; return x; }", 'class K {}', 'Object.seal({ a: 1 })']);
  const traps = r.some([
    `get() { return ${small(r)}; }`, `set() { return ${r.pick(['true', 'false', 'undefined'])}; }`, `has() { return ${r.pick(['true', 'false'])}; }`, `deleteProperty() { return ${r.pick(['true', 'false'])}; }`, `ownKeys() { return ${r.pick(["['a']", '[]', "['a', 'a']", "['b', Symbol.iterator]", '[1]', "['a', 'length']", "['prototype', 'a']"])}; }`,
    `getOwnPropertyDescriptor(t, k) { return ${r.pick(['undefined', '{ value: 1, configurable: true }', '{ value: 1, configurable: false, writable: false }', 'Reflect.getOwnPropertyDescriptor(t, k)', '1', '{ get() { return 2; }, configurable: true, enumerable: true }'])}; }`, `defineProperty() { return ${r.pick(['true', 'false'])}; }`, `getPrototypeOf() { return ${r.pick(['null', 'Array.prototype', '1', 'Object.prototype'])}; }`, `setPrototypeOf() { return ${r.pick(['true', 'false'])}; }`, `isExtensible() { return ${r.pick(['true', 'false'])}; }`, `preventExtensions() { return ${r.pick(['true', 'false'])}; }`,
    `apply(f, self, list) { return list.length; }`, `construct() { return ${r.pick(['{}', '1', '[]'])}; }`, 'get: null', 'has: undefined', 'set: 1',
  ], 4);
  const made = r.chance(0.15) ? `const { proxy: ${p}, revoke: ${p}Revoke } = Proxy.revocable(${target}, { ${traps.join(', ')} });` : `const ${p} = new Proxy(${target}, { ${traps.join(', ')} }), ${p}Revoke = () => {};`;
  s.kept.push(made);
  const step = () => r.pick([`${p}.a`, `${p}.a = 2`, `(() => { 'use strict'; ${p}.a = 2; return 'set'; })()`, `'a' in ${p}`, `delete ${p}.a`, `(() => { 'use strict'; return delete ${p}.a; })()`, `Reflect.ownKeys(${p}).map(String)`, `Object.keys(${p})`, `Object.getOwnPropertyDescriptor(${p}, 'a')`, `Reflect.defineProperty(${p}, 'a', { value: 3, configurable: false })`, `Object.getPrototypeOf(${p}) === null`, `Reflect.setPrototypeOf(${p}, null)`, `Object.isExtensible(${p})`, `Reflect.preventExtensions(${p})`, `Object.freeze(${p}) === ${p}`, `Object.isSealed(${p})`,
    `${p}(1, 2)`, `new ${p}(1)`, `typeof ${p}`, `Array.isArray(${p})`, `Object.entries(${p})`, `({ ...${p} })`, `(() => { const seen = []; for (const k in ${p}) seen.push(k); return seen.length; })()`, `Object.assign({}, ${p})`, `Object.hasOwn(${p}, 'a')`, `${p} instanceof Object`, `Reflect.get(${p}, 'a', 5)`, `Reflect.set(${p}, 'a', 5, {})`, `Object.create(${p}).a`, `(round === 3 && ${p}Revoke(), ${p}.a)`, `JSON.stringify(${p})`, `Object.prototype.toString.call(${p})`, `Reflect.construct(${p}, [], Array)`, `class extends ${p} {}`]);
  return r.times(6, () => `attempt(() => ${step()});`).join('\n');
}

// Views of one buffer that grows and shrinks, and of its bytes in both orders.
export function views(r, s) {
  const b = s.name('buffer');
  const kinds = ['Int8', 'Uint8', 'Int16', 'Uint16', 'Int32', 'Uint32', 'Float32', 'Float64', 'BigInt64', 'BigUint64'];
  const kind = () => r.pick(kinds);
  const v = (k) => r.pick(k.startsWith('Big') ? ['1n', '-1n', '2n ** 63n'] : ['1', '-1', '300', '1.5', '-0', 'NaN', '1e300', '65537', '0.1']);
  s.kept.push(`const ${b} = ${r.chance(0.5) ? 'new ArrayBuffer(16, { maxByteLength: 32 })' : 'new ArrayBuffer(16)'}; const ${b}Views = [new Uint8Array(${b}), new Int16Array(${b}, 2, 3), new Float64Array(${b}, 8), new DataView(${b}, 1), new Uint8ClampedArray(${b}, 4)];`);
  const view = () => `${b}Views[${r.pick([0, 1, 2, 4])}]`;
  const step = () => r.pick([
    () => { const k = kind(); return `(${b}Views[3].set${k}(${r.below(10)}, ${v(k)}, ${r.pick(['true', 'false', ''])}), [...new Uint8Array(${b})])`; },
    () => `${b}Views[3].get${kind()}(${r.pick([r.below(9), '-1', '1.7', '100'])}, ${r.chance(0.5)})`, () => `(${b}.resize(${r.pick([0, 4, 8, 13, 16, 24, 32, 40])}), ${b}.byteLength)`, () => `${b}Views.map((x) => { try { return [x.byteLength, x.byteOffset, x.length]; } catch (e) { return e.name; } })`, () => `${b}.slice(${r.pick([0, 2, -4])}, ${r.pick([8, 16, -1])}).byteLength`,
    () => `(${view()}[${r.below(12)}] = ${v('')}, ${view()}[${r.below(12)}])`, () => `${view()}.set(${r.pick(['[1, 2]', "'12'", '{ length: 1, 0: 9 }', `${b}Views[0]`, '[1n]'])}, ${r.pick([0, 1, 9, '-1'])})`, () => `${view()}.subarray(${r.pick([0, 1, -2])}, ${r.pick([2, 4, -1])}).length`, () => `${view()}.fill(${v('')}, ${r.below(3)})`, () => `[...${view()}].length`, () => `${view()}.at(${r.pick([0, -1, 9])})`, () => `Object.getOwnPropertyDescriptor(${view()}, ${r.below(9)})`,
    () => `${view()}.with?.(${r.below(4)}, 7)`, () => `${view()}.findLast((x) => x)`, () => `${view()}.toString().length`, () => `(() => { for (const x of ${view()}) { note(x); if (${b}.resizable && round === 2) ${b}.resize(8); if (x > 5) break; } })()`, () => `new ${r.pick(['Uint8Array', 'Int32Array', 'Float32Array'])}(${r.pick([view(), `${b}`, `${b}, 3`, `${b}, 4, 2`, `${b}, 8, 90`, '[1, , 3]', "'3'", '-1', '{ length: 2 }', 'new Set([1, 2])'])}).length`, () => `${r.pick(['Uint8Array', 'Float64Array'])}.from([1, '2', null, [3]], (x, i) => x * i)`, () => `[${b}.maxByteLength, ${b}.resizable]`, () => `Object.keys(${view()}).length`, () => `${view()}.map((x, i) => { if (i === 1 && ${b}.resizable) ${b}.resize(6); return x + 1; }).length`, () => `${view()}.slice().constructor.name`, () => `'${r.pick(['0', '-0', '1.5', '99', '-1', 'x'])}' in ${view()}`,
    () => `Array.from(${view()})`, () => `${view()}.lastIndexOf(${r.below(3)}, ${r.pick(['-1', '5', 'undefined'])})`, () => `${view()}.sort((p, q) => { if (${b}.resizable && round === 1) ${b}.resize(12); return q - p; }).length`,
  ])();
  return [...r.times(5, () => `attempt(() => ${step()});`), `note(${b}.byteLength, [...new Uint8Array(${b})]);`].join('\n');
}

// Texts beyond ASCII: cases, code points, halves of pairs, normal forms, orders.
export function unicode(r, s) {
  void s;
  const text = () => r.pick(["'ÀÉÎ'", "'straße'", "'ŉŐ'", "'ΑΣ ΣΑΣ'", "'ﬃ'", "'ı I i İ'", "'😀😁'", "'\\ud83d'", "'\\ude00x'", "'e\\u0301'", "'Å'", "'\\u1E9E'", "'ǆ'", "'中文'", "'\\u200d'", "'\\ufeff a\\u00a0'", "'\\u2028'", "'𐐀𐐨'", "'가'", "'٣'", "'ñandú'", "'a\\u0000b'", "'ΐ'", "'ᾳ'", "'Ω'", "'\\u180e'"]);
  const n = () => r.pick(['0', '1', '-1', '2', '5']);
  const step = () => r.pick([
    () => `${text()}.toUpperCase()`, () => `${text()}.toLowerCase()`, () => `${text()}.toLocaleUpperCase()`, () => `${text()}.normalize('${r.pick(['NFC', 'NFD', 'NFKC', 'NFKD'])}')`, () => `[...${text()}].length`, () => `${text()}.at(${n()})`, () => `${text()}.codePointAt(${n()})`, () => `${text()}.split('')`, () => `${text()}.padEnd(6, '😀')`, () => `[${text()}, ${text()}, ${text()}].sort()`, () => `${text()} < ${text()}`, () => `${text()}.slice(${n()}, ${n()})`, () => `encodeURIComponent(${text()})`, () => `escape(${text()})`, () => `unescape(escape(${text()})) === ${text()}`, () => `decodeURI(encodeURI(${text()}))`, () => `JSON.stringify(${text()})`, () => `${text()}.isWellFormed()`, () => `${text()}.toWellFormed()`, () => `${text()}.trim().length`, () => `${text()}.includes(${text()})`, () => `${text()}.replace(/./gu, (c) => c.length)`, () => `${text()}.replaceAll('', '.')`, () => `Object.keys({ [${text()}]: 1 })`, () => `String.fromCodePoint(${r.pick(['0x1F600', '65, 0x10FFFF', '-1', '1.5', '0x110000', '0xD800'])})`, () => `${text()}.lastIndexOf(${text()})`, () => `${text()}.split(${text()})`, () => `(${text()} + ${text()}).length`, () => `[...(${text()} + '\\ude00')].length`, () => `new RegExp(${text()}, 'iu').test(${text()}.toUpperCase())`, () => `${text()}.localeCompare(${text()}) === 0`, () => `\`\${${text()}}\`.charCodeAt(${n()})`, () => `${text()}.substring(${n()}).concat(${text()})`, () => `${text()}.match(/\\w/g)`, () => `${text()}.match(/\\p{Lu}/gu)`, () => `parseInt(${text()})`, () => `isNaN(${text()})`, () => `Symbol(${text()}).toString().length`,
  ])();
  return r.times(6, () => `attempt(() => ${step()});`).join('\n');
}

// Texts that grow: appended to in loops, kept in between, cut and compared.
export function growing(r, s) {
  const t = s.name('grown');
  s.kept.push(`let ${t} = ''; const ${t}Kept = [];`);
  const part = () => r.pick(["'x'", "'ab'", "'é'", "'中'", 'round', 'String(i)', "'😀'", '`${i},`', "''", "'-'.repeat(100)", 'i % 2', `${t}.slice(-2)`]);
  const step = () => r.pick([
    () => `for (let i = 0; i < ${r.pick([3, 50, 300])}; i++) ${t} += ${part()};`, () => `for (let i = 0; i < 40; i++) ${t} = ${t} + ${part()} + ${part()};`, () => `for (let i = 0; i < 40; i++) ${t} = \`\${${t}}\${${part()}}|\`;`, () => `for (let i = 0; i < 5; i++) { ${t} += ${part()}; ${t}Kept.push(${t}); }`, () => `{ const i = 1, before = ${t}, one = ${t} + ${part()}, two = ${t} + ${part()}; ${t}Kept.push(before, one, two); }`, () => `for (let i = 0; i < 20; i++) ${t} = ${t}.concat(${part()}, ${part()});`, () => `if (${t}.length < 3000) ${t} += ${t};`, () => `${t} = ${t}.slice(0, ${r.pick([10, 300, 700])});`, () => `{ const i = 2; ${t} = ${part()} + ${t}; }`, () => `{ let i = 0; const o = { s: ${t} }; while (i++ < 50) o.s += ${part()}; ${t}Kept.push(o.s); }`,
  ])();
  const sum = `(() => { let sum = 0; for (const text of [${t}, ...${t}Kept]) { for (let i = 0; i < text.length; i += 1 + (text.length >> 6)) sum = (sum * 31 + text.charCodeAt(i)) | 0; sum = (sum * 7 + text.length) | 0; } return sum; })()`;
  return [...r.times(4, () => step()), `note(${t}.length, ${t}.slice(-20), ${t}.slice(0, 20), ${sum}, ${t}Kept.length, ${t} === ${t}Kept[${t}Kept.length - 1], JSON.stringify(${t}).length);`, `attempt(() => [${t}.indexOf('|'), ${t}.split(',').length, ${t}.replace(/x+/g, '').length, { [${t}]: 1 }[${t}], new Map([[${t}, 2]]).get(${t} + '')]);`].join('\n');
}
