// Fragments about objects: shapes that change under an access that stays, prototypes, accessors, deletes, arrays, destructuring.

const KEYS = ['a', 'b', 'c', 'd', 'length', 'name', 'x1'];

const value = (r) => r.pick(['1', '2.5', '-0', "'s'", 'null', 'undefined', 'true', '[1, 2]', '{ q: 1 }', '() => 1', '7n', 'NaN']);

const literal = (r, keys) => `{ ${keys.map((key) => r.chance(0.15)
  ? `get ${key}() { note('get ${key}'); return ${value(r)}; }${r.chance(0.5) ? `, set ${key}(v) { note('set ${key}', v); }` : ''}`
  : `${key}: ${value(r)}`).join(', ')} }`;

// One change of the object `o`.
const change = (r, o, keys = KEYS) => {
  const key = r.pick(keys), other = r.pick(keys);
  const flag = () => r.pick(['true', 'false']);
  return r.pick([
    () => `delete ${o}.${key};`,
    () => `delete ${o}.${key};`,
    () => `${o}.${key} = ${value(r)};`,
    () => `${o}.${key} = ${value(r)};`,
    () => `${o}['${key}'] = ${value(r)};`,
    () => `Object.defineProperty(${o}, '${key}', { value: ${value(r)}, writable: ${flag()}, enumerable: ${flag()}, configurable: ${r.chance(0.8)} });`,
    () => `Object.defineProperty(${o}, '${key}', { get() { return ${value(r)}; }, configurable: true, enumerable: ${flag()} });`,
    () => `Object.defineProperty(${o}, '${key}', { set(v) { note('setter', v); }, configurable: true });`,
    () => `Object.defineProperty(${o}, '${key}', { get() { note('getter'); return 5; }, set(v) { note('setter', v); }, configurable: true });`,
    () => `Object.defineProperty(${o}, '${key}', { get: undefined, configurable: true });`,
    () => `Object.defineProperty(${o}, '${key}', { enumerable: ${flag()} });`,
    () => `Object.defineProperty(${o}, '${key}', { writable: ${flag()} });`,
    () => `Object.defineProperty(${o}, '${key}', { get() { Object.defineProperty(this, '${key}', { value: 'lazy', configurable: true }); return 'first'; }, configurable: true });`,
    () => `Object.assign(${o}, { ${key}: ${value(r)}, ${other}: ${value(r)} });`,
    () => `Object.setPrototypeOf(${o}, ${r.pick(['null', '{ a: 9, d: 8 }', 'Object.prototype', '[]', 'Object.create({ b: 4 })', 'class { static c = 6 }'])});`,
    () => `${r.pick(['Object.freeze', 'Object.seal', 'Object.preventExtensions'])}(${o});`,
    // The prototypes of the language are left to another fragment, which puts them back.
    () => `if (!Array.isArray(${o}) && typeof ${o} !== 'function' && ![null, Object.prototype, Array.prototype].includes(Object.getPrototypeOf(${o}))) Object.getPrototypeOf(${o}).${key} = ${value(r)};`,
    () => `for (const k in ${o}) note(k);`,
  ])();
};

const READS = (o, key) => [`${o}.${key}`, `${o}['${key}']`, `${o}?.${key}`, `'${key}' in ${o}`, `Object.hasOwn(${o}, '${key}')`];

// Reads and writes at one place, over several objects that change in between.
export function access(r, s) {
  const count = 2 + r.below(4);
  const names = r.times(count, () => s.name('o'));
  const proto = s.name('p'), read = s.name('read'), write = s.name('write');
  const keys = r.some(KEYS, 2 + r.below(4));
  const key = r.pick(keys);
  s.kept.push(`const ${proto} = ${literal(r, r.some(keys, 2))};`);
  for (const name of names) {
    s.kept.push(r.pick([
      `let ${name} = ${literal(r, r.some(keys, 1 + r.below(keys.length)))};`,
      `let ${name} = Object.create(${proto});`,
      `let ${name} = Object.assign(Object.create(${proto}), ${literal(r, r.some(keys, 2))});`,
      `let ${name} = [1, 2, 3];`,
      `let ${name} = function f() {};`,
      `let ${name} = new Proxy(${literal(r, keys)}, { get(t, k, q) { note('trap', typeof k === 'string' ? k : 'symbol'); return Reflect.get(t, k, q); } });`,
    ]));
  }
  s.kept.push(`function ${read}(o) { return ${r.pick(READS('o', key))}; }`);
  s.kept.push(`function ${write}(o, v) { ${r.chance(0.5) ? "'use strict'; " : ''}o.${key} ${r.pick(['=', '=', '=', '+=', '??=', '||='])} v; return o.${key}; }`);
  const changed = r.chance(0.5) ? proto : r.pick(names);
  const lines = [`for (const o of [${names.join(', ')}, ${names[0]}]) {`,
    `  attempt(() => ${read}(o));`];
  if (r.chance(0.6)) lines.push(`  attempt(() => ${write}(o, round));`);
  lines.push(`  if (round === ${r.below(4)}) attempt(() => { ${change(r, changed, keys)} });`);
  lines.push(`  attempt(() => ${read}(o));`, `}`, `${r.times(1 + r.below(2), () => `attempt(() => { ${change(r, r.pick([proto, ...names]), keys)} });`).join('\n')}`);
  lines.push(`note(${r.pick(names)}, ${proto});`);
  return lines.join('\n');
}

// A chain of prototypes of which one changes.
export function chain(r, s) {
  const names = r.times(4, () => s.name('link'));
  const keys = r.some(KEYS, 3);
  s.kept.push(`const ${names[0]} = ${literal(r, keys)};`);
  for (let i = 1; i < 4; i++) s.kept.push(`const ${names[i]} = Object.assign(Object.create(${names[i - 1]}), ${literal(r, r.some(KEYS, r.below(3)))});`);
  const key = r.pick(keys);
  return [
    `for (let i = 0; i < 3; i++) {`,
    `  attempt(() => ${names[3]}.${key}); attempt(() => ${names[2]}.${key});`,
    `  if (i + round * 3 === ${r.below(12)}) { ${change(r, r.pick(names), keys)} }`,
    `  if (i + round * 3 === ${r.below(12)}) { ${change(r, r.pick(names), keys)} }`,
    `  ${r.chance(0.3) ? `attempt(() => { ${names[3]}.${key} = i; });` : ''}`,
    `}`,
    `note(${names.join(', ')}); attempt(() => JSON.stringify(${r.pick(names)}));`,
  ].join('\n');
}

// Properties that builtins and primitives inherit for a while.
export function builtins(r, s) {
  const [holder, use] = r.pick([
    ['String.prototype', "'text'"], ['Number.prototype', '(5)'], ['Array.prototype', '[1, 2]'], ['Object.prototype', '({ z: 1 })'],
    ['Function.prototype', '(function g() {})'], ['Boolean.prototype', 'true'], ['Uint8Array.prototype', 'new Uint8Array(2)'],
    ['Map.prototype', 'new Map()'], ['RegExp.prototype', '/x/'], ['Promise', 'Promise'], ['Math', 'Math'],
    ['Symbol.prototype', "Symbol('q')"], ['Error.prototype', 'new TypeError()'], ['BigInt.prototype', '3n'],
  ]);
  const key = s.name('extra'), read = s.name('look');
  s.kept.push(`function ${read}(v) { return v.${key}; }`);
  const define = r.pick([
    `${holder}.${key} = round;`,
    `Object.defineProperty(${holder}, '${key}', { get() { return typeof this; }, configurable: true });`,
    `Object.defineProperty(${holder}, '${key}', { get() { 'use strict'; return typeof this; }, configurable: true });`,
    `Object.defineProperty(${holder}, '${key}', { value: 4, configurable: true });`,
  ]);
  return [
    `attempt(() => ${read}(${use}));`,
    `try {`,
    `  ${define}`,
    `  attempt(() => ${read}(${use})); attempt(() => ${read}(${use}));`,
    `  ${r.pick([`${holder}.${key} = 'again';`, `Object.defineProperty(${holder}, '${key}', { value: [1], writable: true, configurable: true });`, `Object.defineProperty(${holder}, '${key}', { enumerable: false });`, `attempt(() => { 'use strict'; ${use}.${key} = 1; });`])}`,
    `  attempt(() => ${read}(${use}));`,
    `} finally { delete ${holder}.${key}; }`,
    `attempt(() => ${read}(${use}));`,
  ].join('\n');
}

const item = (r) => r.pick(['1', '2', '3.5', '-0', "'t'", 'null', 'undefined', 'NaN', '{ k: 1 }', '10', '1e21', '[4]']);

const arrayStep = (r, a) => r.pick([
  () => `${a}.length = ${r.pick(['0', '1', '2', '3', '5', '8', "'3'", `${a}.length - 1`])};`,
  () => `${a}.length = ${r.below(5)};`,
  () => `${a}.length--;`, () => `${a}.length += ${r.below(3)};`,
  () => `${a}[${r.below(9)}] = ${item(r)};`, () => `${a}[${a}.length] = ${item(r)};`,
  () => `note(${a}.push(${item(r)}, ${item(r)}));`, () => `note(${a}.pop());`, () => `note(${a}.shift());`, () => `note(${a}.unshift(${item(r)}));`,
  () => `note(${a}.splice(${r.below(5) - 2}, ${r.below(3)}, ${r.times(r.below(3), () => item(r)).join(', ')}));`,
  () => `note(${a}.slice(${r.below(6) - 3}, ${r.below(6)}));`, () => `${a}.reverse();`, () => `note(${a}.concat([9], ${item(r)}));`,
  () => `${a}.fill(${item(r)}, ${r.below(3)}, ${r.below(6)});`, () => `${a}.copyWithin(${r.below(3)}, ${r.below(4)});`,
  () => `${a}.sort();`, () => `${a}.sort((p, q) => (p > q) - (p < q));`, () => `note(${a}.indexOf(${item(r)}), ${a}.includes(NaN), ${a}.lastIndexOf(1));`,
  () => `delete ${a}[${r.below(5)}];`, () => `note(${a}.join('-'));`, () => `note(${a}.map((v, i) => [i, v]).flat());`,
  () => `Object.defineProperty(${a}, ${r.below(4)}, { get() { return 'got'; }, configurable: true });`,
  () => `Object.defineProperty(${a}, ${r.below(4)}, { value: 6, writable: false, configurable: true });`,
  () => `Object.defineProperty(${a}, 'length', { writable: false });`, () => `if (${a}.length > 0) Object.freeze(${a});`, () => `Object.preventExtensions(${a});`,
  () => `for (const k in ${a}) note(k);`, () => `for (const v of ${a}) { if (out.length % 7 === 0) ${a}.pop(); note(v); }`,
  () => `note([...${a}], ${a}.at(-1), ${a}.findLast((v) => v), ${a}.flatMap((v) => [v, v]).length);`,
  () => `note(${a}.reduce((t, v) => t + ',' + v, ''));`, () => `note(${a}.filter(() => true), ${a}.some((v) => v === undefined));`,
  () => `${a}.note = 1; note(Object.keys(${a}));`, () => `note(Object.entries(${a}));`, () => `note(${a}.toSorted(), ${a}.with ? ${a}.length : 0);`,
  () => `[${a}[0], ${a}[1]] = [${a}[1], ${a}[0]];`, () => `({ length: ${a}.length } = { length: 2 });`, () => `[${a}.length] = [${r.below(4)}];`,
])();

// Arrays, their length and their holes.
export function arrays(r, s) {
  const a = s.name('list');
  s.kept.push(`let ${a} = [${r.times(r.below(6), () => (r.chance(0.1) ? '' : item(r))).join(', ')}];`);
  const steps = r.times(3 + r.below(5), () => `attempt(() => { ${arrayStep(r, a)} });`);
  return [r.chance(0.4) ? `${a} = [${r.times(4, () => item(r)).join(', ')}];` : '', ...steps, `note(${a}, ${a}.length);`].join('\n');
}

// The same steps over something that is like an array.
export function arrayLike(r, s) {
  const a = s.name('like');
  s.kept.push(`class ${a}List extends Array { get last() { return this[this.length - 1]; } }`);
  const make = r.pick([`{ length: 3, 0: 'x', 2: 'z' }`, `(function () { return arguments; })(1, 2, 3)`, `${a}List.of(3, 1, 2)`, `new String('hey')`, `new Uint8Array([3, 1, 2])`]);
  const method = r.pick(['push', 'pop', 'shift', 'reverse', 'slice', 'map', 'filter', 'indexOf', 'join', 'concat', 'splice', 'sort', 'includes', 'fill', 'at', 'flat', 'every', 'forEach', 'reduceRight', 'lastIndexOf', 'keys', 'entries', 'findIndex']);
  const args = r.pick(['', '1', '(v) => v', '0, 1', "'q'"]);
  return [
    `const it = ${make};`,
    `attempt(() => { const got = Array.prototype.${method}.call(it${args && ', ' + args}); return got && got.next ? [...got] : got; });`,
    `note(it, it.length, it.last);`,
    `attempt(() => Array.from(it, (v, i) => [v, i])); attempt(() => it.constructor === Array);`,
  ].join('\n');
}

const target = (r, s, depth, names) => {
  const kind = r.below(depth > 0 ? 5 : 2);
  const fallback = r.chance(0.3) ? ` = ${r.pick(['1', "(note('default'), 2)", '[]', '{}', 'undefined'])}` : '';
  if (kind < 3) {
    const name = s.name('v');
    names.push(name);
    return name + fallback;
  }
  return (kind === 3 ? objectPattern : arrayPattern)(r, s, depth - 1, names) + (r.chance(0.6) ? ' = {}'.replace('{}', kind === 3 ? '{ a: 5 }' : '[5]') : '');
};

const objectPattern = (r, s, depth, names) => {
  const parts = r.some(['a', 'b', 'c', 'length', '0'], 1 + r.below(3)).map((key) => r.pick([
    () => `${key}: ${target(r, s, depth, names)}`,
    () => `['${key}']: ${target(r, s, depth, names)}`,
    () => `[(note('key ${key}'), '${key}')]: ${target(r, s, depth, names)}`,
    () => `'${key}': ${target(r, s, depth, names)}`,
  ])());
  if (r.chance(0.5)) {
    const name = s.name('rest');
    names.push(name);
    parts.push(`...${name}`);
  }
  return `{ ${parts.join(', ')} }`;
};

const arrayPattern = (r, s, depth, names) => {
  const parts = r.times(1 + r.below(3), () => (r.chance(0.15) ? '' : target(r, s, depth, names)));
  if (r.chance(0.4)) {
    const name = s.name('rest');
    names.push(name);
    parts.push(r.chance(0.2) ? `...[${name}]` : `...${name}`);
  } else parts.push('');
  return `[${parts.join(', ')}]`;
};

// Destructuring with rest and defaults, wherever the language has it.
export function destructuring(r, s) {
  const names = [];
  const object = r.chance(0.7);
  const pattern = (object ? objectPattern : arrayPattern)(r, s, 2, names);
  const source = object
    ? r.pick([`{ a: { a: 1, b: [2, 3], c: 4 }, b: [{ a: 5, c: 6 }, 7], c: 8, 0: 'zero', d: 'd', [Symbol('hidden')]: 1 }`, `[{ a: 1, b: 2 }, [3, 4], 5]`, `Object('str')`,
      `{ get a() { note('get a'); return { a: 1, z: 2 }; }, get b() { note('get b'); return [1, 2]; }, e: 1 }`, `Object.create({ a: { a: 1, b: 2 } }, { b: { value: [1], enumerable: false }, c: { value: 3, enumerable: true } })`])
    : r.pick(['[[1, 2], { a: 3, b: 4, c: 5 }, 6, 7]', "['ab', [[1], 2], { a: [1] }]", 'new Set([[1], { a: 2 }, 3])',
      `{ *[Symbol.iterator]() { try { yield [1]; note('more'); yield { a: 2, b: 3 }; yield 4; } finally { note('closed'); } } }`]);
  const shown = `note(${names.join(', ') || 'null'});`;
  const assigned = `{ let ${names.join(', ') || 'none'}; attempt(() => { (${pattern} = ${source}); }); ${shown} }`;
  const slots = s.name('slots');
  return r.pick([
    () => `const ${pattern} = ${source};\n${shown}`,
    () => `let ${pattern} = ${source};\n${shown}`,
    () => assigned,
    () => assigned,
    () => `(function (${pattern}) { ${shown} })(${source});`,
    () => `((${pattern}) => { ${shown} })(${source});`,
    () => `((${pattern} = ${source}, z = 1) => { ${shown} })();`,
    () => `await (async (${pattern}) => { ${shown} })(${source});`,
    () => `for (const ${pattern} of [${source}, ${source}]) { ${shown} }`,
    () => `try { throw ${source}; } catch (${pattern}) { ${shown} }`,
    () => `{ const ${slots} = {}; ({ a: ${slots}.p, b: ${slots}['q'] = 3, [(note('k'), 'c')]: ${slots}.t, ...${slots}.rest } = ${object ? source : '{ a: 1, c: 2, d: 3 }'}); note(${slots}); }`,
    () => `{ const ${slots} = []; [${slots}[1], ${slots}.length, ...${slots}.more] = [1, 4, 5, 6]; note(${slots}); }`,
    () => `class K { static m(${pattern}) { ${shown} } } K.m(${source});`,
  ])();
}

// Typed arrays, their buffers and views.
export function typed(r, s) {
  const kind = r.pick(['Uint8Array', 'Int16Array', 'Float32Array', 'Float64Array', 'Uint8ClampedArray', 'BigInt64Array', 'Int32Array']);
  const big = kind.startsWith('Big');
  const v = () => r.pick(big ? ['1n', '-5n', '2n ** 65n'] : ['1', '300', '-1', '2.5', 'NaN', '1e10', "'7'", '-0', 'undefined', '0.5', '1.5', '2.5000001']);
  const t = s.name('bytes');
  s.kept.push(`const ${t} = new ${kind}(4);`);
  const step = () => r.pick([
    () => `${t}[${r.below(6)}] = ${v()};`, () => `${t}['1.5'] = ${v()}; note(${t}['1.5'], '1.5' in ${t});`, () => `${t}.extra = 1; note(${t}.extra); delete ${t}.extra;`,
    () => `note(${t}.subarray(1, 3), ${t}.slice(-2));`, () => `${t}.set([${v()}], 1);`, () => `${t}.fill(${v()});`, () => `${t}.sort();`, () => `${t}.reverse();`,
    () => `note(${t}.map((x) => x), ${t}.indexOf(${v()}), ${t}.join());`, () => `note(new DataView(${t}.buffer).getUint8(${r.below(4)}));`,
    () => `note(Object.keys(${t}), ${t}.length, ${t}.byteLength);`, () => `'use strict'; ${t}.length = 1;`, () => `Object.defineProperty(${t}, 0, { value: ${v()} });`,
    () => `note(${t}.Infinity, ${t}.NaN, ${t}['-0']);`, () => `note([...${t}.entries()], ${t}.at(-1), ${t}.toReversed());`, () => `note(delete ${t}[0], delete ${t}[9]);`,
    () => `new Uint8Array(${t}.buffer)[1] = 77;`, () => `${t}.copyWithin(0, 2);`,
  ])();
  return [...r.times(3 + r.below(3), () => `attempt(() => { ${step()} });`), `note(${t});`].join('\n');
}

// `arguments`, mapped to the parameters or not.
export function argumentsObject(r, s) {
  const f = s.name('f');
  const step = () => r.pick(['a = 10;', 'arguments[0] = 20;', 'delete arguments[0];', 'arguments.length = 1;', 'b = undefined;', 'arguments[1] = 30;', 'arguments[5] = 1;',
    'Object.preventExtensions(arguments);', 'note([...arguments]);', '[a, b] = [b, a];',
    '(() => { a = 50; })();', 'note(arguments.callee === ' + f + ');']);
  s.kept.push(`function ${f}(${r.pick(['a, b', 'a, b', 'a, a, b', 'a, b, c', 'a, b = 2', 'a, ...b'])}) { ${r.chance(0.15) ? '' : ''}${r.times(2 + r.below(3), step).join(' ')} note(arguments, a, b, arguments.length); return () => a; }`);
  return `attempt(() => ${f}(1, 2, 3)()); attempt(() => ${f}()()); attempt(() => ${f}.call(null, { x: 1 })());`;
}

// Global names that come, go and change.
export function globals(r, s) {
  const g = s.name('global');
  const read = s.name('ask');
  s.kept.push(`function ${read}() { return ${g}; }`);
  const step = () => r.pick([`globalThis.${g} = round;`, `delete globalThis.${g};`, `Object.defineProperty(globalThis, '${g}', { get() { return 'got'; }, set(v) { note('set', v); }, configurable: true });`,
    `Object.defineProperty(globalThis, '${g}', { value: 3, writable: true, configurable: true });`, `${g} = 'assigned';`, `note(typeof ${g});`, `'use strict'; ${g} = 'strict';`,
    `Object.prototype.${g} = 'inherited';`, `delete Object.prototype.${g};`]);
  return [`try {`, ...r.times(4, () => `attempt(() => { ${step()} }); attempt(${read});`), `} finally { delete globalThis.${g}; delete Object.prototype.${g}; }`].join('\n');
}
