// What never ends by itself and needs no memory for it. Each is stopped, whatever it catches.

//# do_while => fuel_exhausted
do {} while (1)

//# for_in_for_of => fuel_exhausted
for (;;) { for (const k in { a: 1 }) for (const v of [k]) v }

//# labelled_continue => fuel_exhausted
outer: for (;;) { for (;;) continue outer }

//# switch_in_a_loop => fuel_exhausted
for (let i = 0; ; i = (i + 1) % 3) switch (i) { case 0: continue; default: }

//# finally_that_continues => fuel_exhausted
for (;;) { try { throw 1 } finally { continue } }

//# finally_that_loops_after_return => fuel_exhausted
try { return 1 } finally { for (;;) {} }

//# catch_that_throws_again => fuel_exhausted|memory_limit
for (;;) { try { try { null.x } catch (e) { throw e } } catch {} }

//# microtasks => fuel_exhausted
const again = () => queueMicrotask(again); again(); await null; return 'ended'

//# reactions => fuel_exhausted|memory_limit
const again = () => Promise.resolve().then(again); await again()

//# two_promises_that_wake_each_other => fuel_exhausted
async function ping() { await null; return pong() } async function pong() { await null; ping(); ping() } await ping(); for (;;) await null

//# async_generator => fuel_exhausted
async function* forever() { for (;;) yield 1 } for await (const x of forever()) x

//# async_iterator_that_is_never_done => fuel_exhausted
for await (const x of { [Symbol.asyncIterator]: () => ({ next: async () => ({}) }) }) x

//# for_await_over_thenables => fuel_exhausted
for await (const x of (function* () { for (;;) yield { then(ok) { ok(1) } } })()) x

//# generator_that_delegates_to_itself => fuel_exhausted|stack_overflow|memory_limit
function* g() { yield* g() } return [...g()]

//# generator_return_that_yields => fuel_exhausted
function* g() { for (;;) { try { yield 1 } finally { continue } } } const i = g(); i.next(); i.return(); for (const x of i) x

//# destructuring_of_an_endless_iterator => fuel_exhausted|memory_limit
const [...all] = (function* () { for (;;) yield 1 })(); return all.length

//# array_from_an_endless_iterator => fuel_exhausted|memory_limit
return Array.from((function* () { for (;;) yield 1 })()).length

//# iterator_helpers => fuel_exhausted
const numbers = function* () { for (let i = 0; ; i++) yield i }; return [...numbers().filter?.(() => false) ?? (() => { for (;;) {} })()]

//# promise_all_of_an_endless_iterator => fuel_exhausted|memory_limit
return Promise.all((function* () { for (;;) yield 1 })())

//# map_of_an_endless_iterator => fuel_exhausted|memory_limit
return new Map((function* () { for (let i = 0; ; i++) yield [i % 10, i] })()).size

//# comparator_that_is_never_consistent => ok 2000 ?? engine_crash
let n = 0; return Array.from({ length: 2000 }, (_, i) => i).sort(() => (n++ % 3) - 1).length

//# comparator_that_sorts => fuel_exhausted|stack_overflow
const a = [3, 1, 2], f = () => a.sort(f).length; return a.sort(f)

//# comparator_that_grows_the_array => ok "ended"|fuel_exhausted|memory_limit
const a = [3, 1, 2]; try { a.sort(() => { for (let i = 0; i < 1000; i++) a.push(i); return 0 }) } catch {} return 'ended'

//# comparator_that_returns_objects => fuel_exhausted
return [3, 1, 2].sort(() => ({ valueOf() { for (;;) {} } }))

//# sort_of_an_array_like => fuel_exhausted|memory_limit|script_error
return Array.prototype.sort.call(new Proxy({ length: 2 ** 32 - 1 }, { has: () => true, get: (t, k) => k === 'length' ? t.length : 1 }))

//# index_of_with_a_hostile_length => fuel_exhausted
return Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 'x')

//# array_like_with_a_hostile_length => fuel_exhausted|memory_limit
return Array.prototype.map.call(new Proxy({}, { get: (t, k) => k === 'length' ? 2 ** 31 : 1, has: () => true }), x => x).length

//# join_of_nothing_four_billion_times => fuel_exhausted|memory_limit|script_error
return Array.prototype.join.call({ length: 2 ** 32 }, '')

//# last_index_of => fuel_exhausted
return Array.prototype.lastIndexOf.call({ length: 2 ** 53 - 1 }, 1)

//# to_string_for_ever => fuel_exhausted
return `${{ toString() { for (;;) {} } }}`

//# coercion_for_ever => fuel_exhausted
return +{ [Symbol.toPrimitive]() { for (;;) {} } }

//# instance_of_for_ever => fuel_exhausted
return 1 instanceof { [Symbol.hasInstance]() { for (;;) {} } }

//# prototype_of_for_ever => fuel_exhausted
const p = new Proxy({}, { getPrototypeOf() { for (;;) {} } }); return p instanceof Object

//# a_prototype_chain_without_end => fuel_exhausted|stack_overflow|script_error
const p = new Proxy({}, {}); const o = Object.create(new Proxy({}, { getPrototypeOf: () => o, get(t, k, r) { return Reflect.get(Object.getPrototypeOf(o), k, r) } })); return o.a

//# thenable_that_is_never_done => fuel_exhausted
return { then(ok) { ok({ then: this.then }) } }

//# thenable_of_getters => fuel_exhausted|stack_overflow
const t = { get then() { for (;;) {} } }; return t

//# json_reviver => fuel_exhausted
return JSON.parse('[1]', function (k, v) { for (;;) {} })

//# json_reviver_that_grows_its_holder => fuel_exhausted|memory_limit|stack_overflow|script_error
return JSON.parse('[1,2]', function (k, v) { if (Array.isArray(this) && k === '0') this[1] = [1, 2, this[1]]; return v })

//# json_replacer => fuel_exhausted
return JSON.stringify({ a: 1 }, (k, v) => { for (;;) {} })

//# json_space_and_list => fuel_exhausted
return JSON.stringify([1], new Proxy([], { get: (t, k) => k === 'length' ? 2 ** 32 : 'a' }))

//# eval_in_a_loop => fuel_exhausted|memory_limit
for (;;) eval('1 + 1')

//# function_in_a_loop => fuel_exhausted|memory_limit
for (;;) new Function('return 1')()

//# with_in_a_loop => fuel_exhausted
return new Function('with (new Proxy({}, { has: () => true, get: (t, k) => k === Symbol.unscopables ? undefined : () => 1 })) { for (;;) x() }')()

//# atomics_wait => script_error|ok "refused"
try { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0) } catch { return 'refused' }

//# atomics_wait_async => ok "ended"|promise_never_settled
const w = Atomics.waitAsync?.(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1e9); return w?.async ? await w.value : 'ended'

//# atomics_spin => fuel_exhausted
const i = new Int32Array(new SharedArrayBuffer(4)); while (Atomics.load(i, 0) === 0) Atomics.compareExchange(i, 0, 1, 2)

//# clock_spin => fuel_exhausted
const until = Date.now() + 1000; while (Date.now() < until) {}

//# sleep_by_a_promise_that_polls => fuel_exhausted|memory_limit
const until = Date.now() + 1000; const wait = async () => { if (Date.now() < until) { await null; return wait() } }; await wait()

//# random_spin => fuel_exhausted
while (crypto.getRandomValues(new Uint8Array(4))[0] !== 256) {}

//# hash_spin => fuel_exhausted
let h = 'x'; for (;;) h = require('crypto').createHash('sha512').update(h).digest('hex')

//# bulk_copies => fuel_exhausted
const a = new Uint8Array(1 << 20); for (;;) a.copyWithin(1, 0)

//# bulk_fills => fuel_exhausted
const a = new Uint8Array(1 << 20); for (;;) a.fill(7)

//# text_compares => fuel_exhausted
const a = 'x'.repeat(1 << 20), b = 'x'.repeat(1 << 20); for (;;) if (a === b + '') {}

//# index_of_in_long_text => fuel_exhausted
const s = 'a'.repeat(1 << 16); for (;;) s.indexOf('a'.repeat(1 << 10) + 'b')

//# promise_race_that_leaks => fuel_exhausted|memory_limit
const never = new Promise(() => {}); for (;;) await Promise.race([never, null])

//# module_that_awaits_for_ever => fuel_exhausted
for (;;) await null;
export default () => 1;

//# module_that_never_settles => promise_never_settled
await new Promise(() => {});
export default () => 1;

//# shuffle_by_a_random_comparator => ok 100 ?? engine_crash
return Array.from({ length: 100 }, (_, i) => i).sort(() => Math.random() - 0.5).length

//# typed_shuffle => ok 100 ?? engine_crash
return Uint8Array.from({ length: 100 }, (_, i) => i).sort(() => Math.random() - 0.5).length

//# to_sorted_by_a_constant => ok 100 ?? engine_crash
return Array.from({ length: 100 }, (_, i) => i % 7).toSorted(() => -1).length

//# comparator_of_booleans => ok 100 ?? engine_crash
return Array.from({ length: 100 }, (_, i) => (i * 37) % 100).sort((a, b) => a > b).length
