// More than the memory limit, by every type that can hold something.

//# concat => memory_limit|script_error|fuel_exhausted
let s = 'ab'; for (;;) s = s.concat(s, s);

//# join_of_joins => memory_limit|script_error|fuel_exhausted
let a = ['x'.repeat(1000)]; for (;;) a = [a.join(','), a.join(';'), ...a];

//# template_literals => memory_limit|script_error|fuel_exhausted
let s = 'x'; for (;;) s = `${s}${s}${s}`;

//# replace_all_empty => memory_limit|script_error|fuel_exhausted
let s = 'a'; for (;;) s = s.replaceAll('', s);

//# utf16 => memory_limit|script_error|fuel_exhausted
let s = '\u4e2d'; for (;;) s += s;

//# pad_end => memory_limit|script_error
return 'x'.padEnd(2 ** 29, '\u4e2d').length

//# many_small_strings => memory_limit|fuel_exhausted
const a = []; for (let i = 0; ; i++) a.push('string number ' + i);

//# property_names => memory_limit|fuel_exhausted
for (let i = 0; ; i++) ({})['unique name ' + i];  const held = []; held.push(1);

//# interned_names => memory_limit|fuel_exhausted
const o = {}; for (let i = 0; ; i++) { o['p' + i] = 1; delete o['p' + i] }

//# symbols => memory_limit|fuel_exhausted
const a = []; for (let i = 0; ; i++) a.push(Symbol('symbol ' + i));

//# registered_symbols => memory_limit|fuel_exhausted
for (let i = 0; ; i++) Symbol.for('registered ' + i);

//# sets => memory_limit
const s = new Set(); for (let i = 0; ; i++) s.add({});

//# weak_maps => memory_limit|fuel_exhausted
const m = new WeakMap(), keys = []; for (;;) { const k = {}; keys.push(k); m.set(k, new Array(10).fill(k)) }

//# map_grows_while_iterated => memory_limit|fuel_exhausted
const m = new Map([[0, 0]]); for (const [k] of m) m.set(k + 1, [k]);

//# set_for_each => memory_limit|fuel_exhausted
const s = new Set([0]); s.forEach(v => s.add(v + 1));

//# array_grows_while_iterated => memory_limit|fuel_exhausted
const a = [1]; for (const x of a) a.push(x, x);

//# buffers => memory_limit|script_error|fuel_exhausted
const a = []; for (;;) a.push(Buffer.alloc(1 << 16, 7));

//# resizable => memory_limit|script_error
const b = new ArrayBuffer(0, { maxByteLength: 60 << 20 }); for (let n = 1; ; n *= 2) b.resize(n);

//# a_maximum_of_everything => ok "refused"|memory_limit
try { new ArrayBuffer(0, { maxByteLength: 2 ** 53 - 1 }) } catch { return 'refused' }

//# shared => memory_limit|script_error
const a = []; for (;;) a.push(new SharedArrayBuffer(1 << 20));

//# float64_array => memory_limit|script_error
return new Float64Array(2 ** 28).length

//# typed_array_from_length => memory_limit|script_error|fuel_exhausted
return Uint8Array.from({ length: 2 ** 31 }, () => 1).length

//# slices => memory_limit|script_error
const b = new ArrayBuffer(1 << 20), a = []; for (;;) a.push(b.slice(0));

//# array_of => memory_limit|fuel_exhausted|script_error|stack_overflow
let a = Array.of(1, 2, 3); for (;;) a = Array.of(...a, ...a, ...a);

//# spread_of_a_string => memory_limit|fuel_exhausted|script_error
return [...'x'.repeat(1 << 24)].length

//# apply_with_many => memory_limit|fuel_exhausted|script_error|stack_overflow
return Math.max.apply(null, { length: 2 ** 26 })

//# call_with_spread => memory_limit|fuel_exhausted|script_error|stack_overflow
const a = new Array(1 << 22).fill(1); return Math.max(...a);

//# flat_map => memory_limit|fuel_exhausted
let a = [1]; for (;;) a = a.flatMap(x => [x, x, x]);

//# to_spliced => memory_limit|fuel_exhausted|script_error
let a = [1]; for (;;) a = a.toSpliced(0, 0, ...a);

//# copy_within_a_sparse_one => ok "ended"|memory_limit|fuel_exhausted|script_error
const a = []; a.length = 2 ** 32 - 1; try { a.copyWithin(1, 0) } catch {} return 'ended';

//# unshift_of_a_sparse_one => ok "ended"|memory_limit|fuel_exhausted|script_error
const a = [1]; a[2 ** 31] = 1; try { a.unshift(0) } catch {} return 'ended';

//# reverse_of_a_sparse_one => ok "ended"|memory_limit|fuel_exhausted|script_error
const a = [1]; a[2 ** 32 - 2] = 1; try { a.reverse() } catch {} return 'ended';

//# index_of_in_a_sparse_one => ok -1|fuel_exhausted|memory_limit|script_error
const a = []; a.length = 2 ** 32 - 1; return a.indexOf(1);

//# fill_of_an_array_like => memory_limit|fuel_exhausted|script_error
return Array.prototype.fill.call({ length: 2 ** 53 - 1 }, 'x')

//# concat_of_an_array_like => memory_limit|fuel_exhausted|script_error
return [].concat({ length: 2 ** 53 - 1, [Symbol.isConcatSpreadable]: true }, [1])

//# generators_held => memory_limit|fuel_exhausted
const a = []; for (;;) { const g = (function* () { const big = new Array(100).fill(1); yield big })(); g.next(); a.push(g) }

//# async_functions_held => memory_limit|fuel_exhausted
const never = new Promise(() => {}); for (;;) (async () => { const big = new Array(100).fill(1); await never; return big })();

//# bound_chains => memory_limit|fuel_exhausted
let f = () => 1; for (;;) f = f.bind(null, f);

//# proxy_chains => memory_limit|fuel_exhausted
let p = {}; for (;;) p = new Proxy(p, { get: () => p });

//# prototype_chains => memory_limit|fuel_exhausted
let o = {}; for (;;) o = Object.create(o, { a: { value: o } });

//# error_causes => memory_limit|fuel_exhausted
let e = new Error('x'); for (;;) e = new Error('x'.repeat(100), { cause: e });

//# compiled_functions => memory_limit|fuel_exhausted
const a = []; for (let i = 0; ; i++) a.push(new Function('a' + i, `return a${i} + ${i}`));

//# evaluated_sources => memory_limit|fuel_exhausted
for (let i = 0; ; i++) (0, eval)(`var global_${i} = function () { return ${i} }`);

//# regular_expressions => memory_limit|fuel_exhausted
const a = []; for (let i = 0; ; i++) a.push(new RegExp('(a|b)*' + i));

//# template_objects => memory_limit|fuel_exhausted
const a = [], tag = s => s; for (let i = 0; ; i++) a.push((0, eval)(`(tag => tag\`${i}\`)`)(tag));

//# shapes => memory_limit|fuel_exhausted
const a = []; for (let i = 0; ; i++) { const o = {}; for (let k = 0; k < 20; k++) o['x' + (i * 20 + k)] = 1; a.push(o) }

//# big_integers => memory_limit|script_error|fuel_exhausted
let n = 3n; const a = []; for (;;) { a.push(n); n *= n }

//# finalizers => memory_limit|fuel_exhausted
const r = new FinalizationRegistry(() => {}), a = []; for (;;) { const o = {}; a.push(o); r.register(o, new Array(50).fill(1)) }

//# weak_refs => memory_limit|fuel_exhausted
const a = []; for (;;) a.push(new WeakRef({ big: new Array(100).fill(1) }));

//# structured_clones => memory_limit|fuel_exhausted|script_error
let a = [1]; for (;;) a = structuredClone([a, a]);

//# json_texts => memory_limit|fuel_exhausted|script_error
let a = ['x'.repeat(1000)]; for (;;) a = [JSON.stringify(a), JSON.stringify(a)];

//# garbage_is_collected => ok "ended"
for (let i = 0; i < 100; i++) { const a = new Array(10000); a[0] = { a }; a[9999] = 'x'.repeat(10000) } return 'ended';

//# garbage_of_strings_is_collected => ok "ended"
for (let i = 0; i < 2000; i++) { 'x'.repeat(100000) + i } return 'ended';

//# garbage_of_buffers_is_collected => ok "ended" ?? memory_limit
for (let i = 0; i < 200; i++) new Uint8Array(1 << 20); return 'ended';
