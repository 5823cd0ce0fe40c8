// Fragments about the language: classes, generators, async functions, closures, exceptions, conversions.

const small = (r) => r.pick(['0', '1', '2', '3', '-1', '7']);

// Classes: fields, private names, accessors, statics, inheritance, `super`.
export function classes(r, s) {
  const A = s.name('A'), B = s.name('B');
  const members = r.some([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 5).map((i) => [
    '#p = 1; get p() { return this.#p; } set p(v) { note("set p"); this.#p = v; }',
    '#m(x) { return x + this.#n; } #n = 2; m(x) { return this.#m(x); } static has(o) { return #n in o; }',
    `static #count = 0; static make() { ${A}.#count++; return new this(); } static get count() { return ${A}.#count; }`,
    'static { note("static", this.name); this.ready = true; }',
    'x = note("field x"); ["computed" + 1] = 3; static s = this.name;',
    'get y() { return "y"; } static get y() { return "sy"; }',
    'toString() { return "[A " + this.z + "]"; } z = 5;',
    '*[Symbol.iterator]() { yield* [1, 2, this.w]; } w = 3;',
    'static async load(v) { return (await v) * 2; }',
    `constructor(v = 4) { this.v = v; note(new.target === ${A}, new.target && new.target.name); }`,
  ][i]);
  const derived = r.some([
    'get y() { return super.y + "!"; }',
    'm(x) { try { return super.m(x) * 10; } catch (e) { return e.name; } }',
    'assign(v) { super.held = v; return [this.held, Object.hasOwn(this, "held")]; }',
    'get p() { return super.p; } set p(v) { super.p = v; super["p"] = v; }',
    'static make() { const made = super.make ? super.make() : null; return made; }',
    'field = super.y; arrow = () => super.y;',
    'constructor(...all) { note("before"); const made = super(...all); note(made === this); this.q = () => this.v; }',
    '#own = 1; static peek(o) { try { return o.#own; } catch (e) { return e.name; } }',
    'toString() { return `B<${super.toString()}>`; }',
  ], 4);
  const home = r.chance(0.5);
  const text = `class ${A} { ${members.join(' ')} }\nclass ${B} extends ${r.pick([A, A, A, `(note('heritage'), ${A})`])} { ${derived.join(' ')} }`;
  if (home) s.kept.push(text);
  return [
    home ? '' : text,
    `attempt(() => { const o = new ${r.pick([A, B])}(round); note(o); return [o.p, o.y, String(o), o.v, typeof o.q === 'function' && o.q()]; });`,
    `attempt(() => { const o = new ${B}(); o.p = 9; return [o.p, o.m ? o.m(1) : 0, o.assign ? o.assign(round) : 0, o.arrow ? o.arrow() : 0]; });`,
    `attempt(() => [${A}.has && ${A}.has(new ${B}()), ${A}.has && ${A}.has({}), ${B}.make && ${B}.make(), ${A}.count, ${B}.count, ${B}.s, ${B}.ready, ${B}.peek && ${B}.peek({})]);`,
    `attempt(() => [...new ${B}()]); attempt(() => ${A}()); attempt(() => ${B}.y);`,
    `attempt(() => { ${r.pick([`delete ${A}.prototype.y`, `${A}.prototype.held = 'proto'`, `Object.defineProperty(${A}.prototype, 'y', { value: 'fixed', configurable: true })`, `${B}.prototype.extra = round`, `Object.setPrototypeOf(${B}, null)`])}; return Reflect.ownKeys(${B}.prototype).map(String); });`,
    `attempt(() => { const o = new ${B}(); return [o.y, o.extra, o.held]; });`,
  ].join('\n');
}

// Generators: values in and out, return and throw, finally, delegation, closing by loops and patterns.
export function generators(r, s) {
  const g = s.name('gen');
  const step = (depth) => r.pick([
    () => `note('in', yield ${small(r)});`,
    () => `try { ${depth ? step(depth - 1) : 'yield 5;'} } finally { note('finally'); ${r.chance(0.3) ? 'yield 6;' : ''} ${r.chance(0.15) ? 'return 8;' : ''} }`,
    () => `try { ${depth ? step(depth - 1) : 'yield 5;'} } catch (e) { note('caught', e); yield 'c'; }`,
    () => `yield* [1, 2];`,
    () => `note('sub', yield* (function* () { try { note(yield 'x'); return 'r'; } finally { note('sub closed'); } })());`,
    () => `for (let i = 0; i < 2; i++) { ${depth ? step(depth - 1) : 'yield i;'} ${r.chance(0.3) ? 'if (i) continue;' : ''} }`,
    () => `const [p = yield 'default', q] = [undefined, yield 'second']; note(p, q);`,
    () => `const o = { [yield 'key']: yield 'value' }; note(o);`,
    () => `note(\`\${yield 't1'}-\${yield 't2'}\`);`,
    () => `${r.chance(0.5) ? 'return' : 'throw'} ${small(r)};`,
  ])();
  s.kept.push(`function* ${g}(a = note('param')) { ${r.times(2 + r.below(3), () => step(2)).map((part) => `{ ${part} }`).join(' ')} return 'end'; }`);
  const drive = r.times(3 + r.below(4), () => `attempt(() => it.${r.pick(['next', 'next', 'next', 'return', 'throw'])}(${small(r)}));`).join(' ');
  return [
    `{ const it = ${g}(); ${drive} note(it[Symbol.iterator]() === it); }`,
    r.pick([
      `attempt(() => { for (const v of ${g}()) { note(v); if (v === 2) ${r.pick(['break', "throw 'out'", 'continue', 'return 1'])}; } });`,
      `attempt(() => { const [first, ...others] = ${g}(); return [first, others]; });`,
      `attempt(() => { const [first] = ${g}(); return first; });`,
      `attempt(() => Math.max(...${g}())); attempt(() => Array.from(${g}()));`,
      `attempt(() => new Map([[1, 2]].values()).size); attempt(() => [...${g}()].length);`,
    ]),
  ].join('\n');
}

// Async functions: the order of what they do.
export function asynchronous(r, s) {
  const f = s.name('task');
  const wait = () => r.pick(['1', 'Promise.resolve(2)', "{ then(ok) { note('then'); ok(3); } }", 'null', "Promise.reject(new TypeError('t')).catch((e) => e.name)", 'new Promise((ok) => ok(4))']);
  const step = (depth) => r.pick([
    () => `note('${f}', id, await ${wait()});`,
    () => `try { ${depth ? step(depth - 1) : 'await 1;'} } finally { note('fin', id); await 0; }`,
    () => `try { await Promise.reject(id); } catch (e) { note('rejected', e); }`,
    () => `for (const v of [1, 2]) { note('loop', id, await v); ${r.chance(0.3) ? 'if (v === 1) continue;' : ''} }`,
    () => `for await (const v of (async function* () { try { yield 1; yield Promise.resolve(2); } finally { note('closed', id); } })()) { note('fa', v); ${r.chance(0.4) ? 'break;' : ''} }`,
    () => `note(await Promise.all([1, ${wait()}, (async () => id)()]));`,
    () => `note(await Promise.allSettled([1, Promise.reject(2)]), await Promise.race([${wait()}, 9]));`,
    () => `note(await Promise.any([Promise.reject(1), ${wait()}]).catch((e) => e.name));`,
    () => `const { a, ...rest } = await { a: 1, b: 2 }; note(a, rest);`,
    () => `queueMicrotask(() => note('micro', id)); await null;`,
    () => `note(await (async () => { try { return await ${wait()}; } finally { note('inner'); } })());`,
  ])();
  s.kept.push(`async function ${f}(id) { ${r.times(2 + r.below(3), () => step(1)).map((part) => `{ ${part} }`).join(' ')} ${r.pick(['return id;', "throw new RangeError('r');", ''])} }`);
  return [
    `const work = [${f}(1), ${f}(2)].map((p) => p.then((v) => note('done', v), (e) => note('failed', e)));`,
    `note('started');`,
    `await Promise.all(work);`,
    r.chance(0.4) ? `for await (const v of [${f}(3).catch(() => 'x'), 5]) note(v);` : '',
  ].join('\n');
}

// Closures in loops keep the variable of their own round.
export function closures(r, s) {
  const make = () => r.pick(['() => i', '() => i++', '() => (i += 2)', '() => [i, j]', 'function () { return i + (this ? 1 : 0); }']);
  const loop = r.pick([
    (body) => `for (let i = 0, j = 9; i < 4; i++) { ${body} }`,
    (body) => `for (let i = 0, j = 9; i < 4; list.push(() => i), i++) { ${body} }`,
    (body) => `for (var i = 0, j = 9; i < 4; i++) { ${body} }`,
    (body) => `const j = 8; for (const i of [1, 2, 3]) { ${body} }`,
    (body) => `const j = 8; for (const i in { p: 1, q: 2 }) { ${body.replaceAll('i++', 'i').replaceAll('(i += 2)', 'i')} }`,
    (body) => `let i = 0; while (i < 3) { const j = i * 2; ${body} i++; }`,
    (body) => `for (let [i, j] of [[1, 2], [3, 4]]) { ${body} }`,
    (body) => `let j = 3; for (let i = 0; i < 3; i++) { let i = 7; ${body} }`,
  ]);
  void s;
  const skip = r.chance(0.4) ? `if (list.length === 2) ${r.pick(['continue', 'break'])};` : '';
  return [
    `const list = [];`,
    `attempt(() => { ${loop(`list.push(${make()}); ${skip} list.push(${make()});`)} });`,
    `attempt(() => list.map((f) => f())); attempt(() => list.map((f) => f()));`,
    `switch (round) { case 1: let hidden = 1; list.push(() => hidden); case 2: attempt(() => hidden); break; default: attempt(() => hidden); }`,
    `{ const named = function inner(n) { return n ? inner(n - 1) + 1 : 0; }; attempt(() => named(5)); attempt(() => { tdz; let tdz = 1; }); attempt(() => typeof undeclared); }`,
  ].join('\n');
}

// Exceptions through finally, with every way out of it.
export function exceptions(r, s) {
  const f = s.name('way');
  const exit = () => r.pick(['return note("r"), 1;', 'throw new TypeError("t");', 'break outer;', 'continue outer;', 'break;', 'continue;', 'x += 1;', 'null.p;', 'undeclaredName;', 'throw { name: "own" };']);
  const block = (depth) => r.pick([
    () => `try { ${depth ? block(depth - 1) : exit()} } finally { note('f${depth}', x); ${r.chance(0.25) ? exit() : ''} }`,
    () => `try { ${depth ? block(depth - 1) : exit()} } catch (e) { note('c${depth}', e.name); ${r.chance(0.4) ? exit() : ''} }`,
    () => `try { ${exit()} } catch ({ name, ...more }) { note(name, Object.keys(more)); ${r.chance(0.3) ? exit() : ''} } finally { note('f'); ${r.chance(0.2) ? exit() : ''} }`,
    () => `for (const v of { *[Symbol.iterator]() { try { yield 1; yield 2; } finally { note('closed'); } } }) { note(v); ${depth ? block(depth - 1) : exit()} }`,
    () => `switch (x) { case 0: ${depth ? block(depth - 1) : exit()} case 1: note('one'); default: note('default'); ${r.chance(0.5) ? 'break;' : ''} }`,
    () => `inner${depth}: { if (x > 1) break inner${depth}; ${depth ? block(depth - 1) : exit()} }`,
  ])();
  s.kept.push(`function ${f}() { let x = 0; outer: for (let i = 0; i < 3; i++) { x += i; do { ${block(3)} } while (false); note('after', x); } return x; }`);
  return `attempt(() => ${f}());`;
}

// Conversions of operands, and the order in which they happen.
export function conversions(r, s) {
  const operand = () => r.pick(["''", "'5'", "' 12 '", '5', '-0', 'null', 'undefined', 'true', '[]', '[3]', '[1, 2]', '{}', 'NaN', '10n', "'0x1f'", '1e21', 'new Date(0)', 'Symbol.iterator',
    "{ valueOf() { note('v'); return 4; } }", "{ toString() { note('s'); return 'str'; } }", "{ [Symbol.toPrimitive](hint) { note(hint); return hint === 'number' ? 6 : 'p'; } }",
    "{ valueOf() { return {}; }, toString() { return '7'; } }", 'new Number(3)', "new String('w')", 'function f() {}', '2147483648', '-2147483649', '0.1', '/re/', "'b'", '4294967296.5']);
  const operator = () => r.pick(['+', '-', '*', '/', '%', '**', '<', '>', '<=', '>=', '==', '!=', '===', '<<', '>>', '>>>', '&', '|', '^', '&&', '||', '??', 'in', 'instanceof', ',']);
  const expression = () => r.pick([
    () => `${'('}${operand()}) ${operator()} (${operand()})`.replace(/\) (\?\?|&&|\|\|) \(/, ') $1 ('),
    () => `${r.pick(['+', '-', '!', '~', 'typeof ', 'void '])}(${operand()})`,
    () => `\`\${${operand()}}|\${${operand()}}\``,
    () => `(() => { let v = ${operand()}; return [v++, v, --v, v]; })()`,
    () => `(() => { const o = { k: ${operand()} }; return [o.k++, ++o.k, o['k']--, o.k, (o.k ${r.pick(['+=', '-=', '*=', '**=', '??=', '||=', '&&=', '>>>=', '%='])} ${operand()}), o.k]; })()`,
    () => `({ [${operand()}]: 1 })`,
    () => `[${operand()}, ${operand()}].length`,
    () => `(${operand()})?.length`, () => `(${operand()})?.[0]?.x.y.z`, () => `Number(${operand()})`, () => `String(${operand()})`, () => `[${operand()}].join()`, () => `parseInt(${operand()})`,
    () => `Object(${operand()}) == ${operand()}`, () => `((a, b = a, ...c) => [a, b, c])(${operand()}, undefined, 3)`,
  ])();
  void s;
  return r.times(5, () => `attempt(() => ${expression()});`).join('\n');
}

// Templates, labels, switches and other corners of the syntax.
export function syntax(r, s) {
  const tag = s.name('tag');
  s.kept.push(`const ${tag} = (() => { let last; return (strings, ...values) => { const same = last === strings; last = strings; return [strings, strings.raw, values, same, Object.isFrozen(strings)]; }; })();`);
  return r.some([
    `attempt(() => ${tag}\`a\${round}\\n\${2}\\u0041\`);`,
    `attempt(() => { a: { b: for (;;) { for (const x of [1, 2]) { if (x === 2) break a; continue b; } } } return 'never'; });`.replace('continue b;', 'if (x === 1) continue;'),
    `attempt(() => { switch (round) { case 0: case 1: note('low'); default: note('d'); case 5: note('five'); break; case 2: note('two'); } });`,
    `attempt(() => { let n = 0; do { n++; if (n === 2) continue; } while (n < 4); return n; });`,
    `attempt(() => { const o = { async *g() { yield 1; }, get [\`k\${1}\`]() { return 2; }, async a() {}, 'quoted-name': 3, 1e3: 4, __proto__: { inherited: 5 } }; return [o, o.inherited, o.g.name, o.a.name]; });`,
    `attempt(() => { var v = 1; { function v2() { return 2; } } return [v, typeof v2, (function () { return typeof this; })(), (() => typeof this)()]; });`,
    `attempt(() => { const f = (x) => x > 0 ? f(x - 1) + x : 0; return f(50); });`,
    `attempt(() => [..."a\\u{1F600}b"].length); attempt(() => [...'ab'].entries().next());`,
    `attempt(() => { const { length } = 'four'; const { [0]: zero, ...r } = 'xy'; return [length, zero, r]; });`,
    `attempt(() => [1_000, 0b101, 0o17, 0xff, .5, 5., 1e-7, 123456789012345680000, 1e21, 0.1 + 0.2, -1e-7, 5e-324]);`,
    `attempt(() => (function f(a, b = () => a, c) { a = 2; return [f.length, b(), a]; })(1));`,
    `attempt(() => { let log = []; const p = (n) => (log.push(n), { v: n }); p(1)[(log.push('k'), 'v')] = (log.push('rhs'), 3); return log; });`,
    `attempt(() => { const o = {}; o.fn = () => {}; const g = function () {}; let { h = () => {} } = {}; return [o.fn.name, g.name, h.name, (class {}).name, ({ m: class {} }).m.name]; });`,
    `attempt(() => new Function('a', 'b', 'return a * b')(round, 3)); attempt(() => (0, eval)('typeof round'));`,
    `attempt(() => [new Date(2020, 1, 29).getMonth(), isNaN('x'), [,].length, [1, , 2].length, void 0 ?? 'n', null?.x, (undefined)?.[note('never')]]);`,
    `attempt(() => { 'use strict'; return (function () { return this; })() === undefined; }); attempt(() => { 'use strict'; Object.freeze([1]).push(2); });`,
    `attempt(() => { with_ok: { const m = { get x() { return this.y; }, y: round }; const n = Object.create(m, { y: { value: 'own' } }); note(n.x, Reflect.get(m, 'x', { y: 'given' })); break with_ok; } return 1; });`,
    `attempt(() => { class E extends Error { constructor(m) { super(m, { cause: 'c' }); this.name = 'E'; } } const e = new E('m'); return [e instanceof E, e instanceof Error, e.cause, String(e), Object.prototype.toString.call(e)]; });`,
  ], 4).join('\n');
}

// Iterators of one's own: what is asked of them, and when they are closed.
export function iterators(r, s) {
  const it = s.name('source');
  s.kept.push(`const ${it} = (n, bad) => ({ [Symbol.iterator]() { let i = 0; note('open'); return { next() { note('next', i); if (bad === i) throw new RangeError('bad'); return { done: i >= n, value: i++ }; }, return(v) { note('return'); ${r.chance(0.2) ? "throw 'r'" : ''}; return {}; } }; } });`);
  const source = `${it}(${r.below(4)}, ${r.pick(['-1', '-1', '1', '0'])})`;
  return r.some([
    `attempt(() => { for (const v of ${source}) { ${r.pick(['', 'break;', "throw 'x';", 'if (v) return v;', 'continue;'])} } });`,
    `attempt(() => { const [a, b] = ${source}; return [a, b]; });`,
    `attempt(() => { const [] = ${source}; }); attempt(() => { const [, , ...c] = ${source}; return c; });`,
    `attempt(() => { let o = {}; [o.a, o.b = note('d')] = ${it}(${r.below(4)}, -1); return o; });`,
    `attempt(() => { let o = { set a(v) { throw 'setter'; } }; [o.a] = ${it}(2, -1); });`,
    `attempt(() => [...${source}]); attempt(() => new Set(${source}));`,
    `attempt(() => Array.from(${source}, (v) => { if (v === 1) throw 'mapped'; return v; }));`,
    `attempt(() => new Map(${it}(${r.below(4)}, -1)));`, `attempt(() => Object.fromEntries(${it}(${r.below(4)}, -1)));`,
    `attempt(() => Math.max(...${source}, ...[5]));`,
    `attempt(() => { const [a = (() => { throw 'default'; })()] = ${it}(0, -1); });`,
    `await Promise.all(${it}(${r.below(4)}, -1)).then((v) => note(v), (e) => note('no', e && e.name));`,
    `attempt(() => { const [[x], { y }] = ${source}; return [x, y]; });`,
    `for await (const v of ${it}(2, -1)) { note('fa', v); ${r.chance(0.3) ? 'break;' : ''} }`,
  ], 3).join('\n');
}
