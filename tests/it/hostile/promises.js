// Thenables, species and jobs that are out of order.

//# then_twice => ok 1
return await { then(ok) { ok(1); ok(2) } }

//# then_that_throws_after_settling => ok 1
return await { then(ok) { ok(1); throw new Error('late') } }

//# then_that_calls_both => ok 1
return await { then(ok, no) { ok(1); no(2) } }

//# then_on_a_primitive => ok 1
Number.prototype.then = function (ok) { ok('taken') }; return 1

//# then_as_a_proxy => ok 7
return await { then: new Proxy(() => {}, { apply: (t, self, [ok]) => ok(7) }) }

//# then_read_many_times => ok [1,1]
let reads = 0; const v = await { get then() { reads++; return ok => ok(1) } }; return [v, reads]

//# prototype_then_replaced => ok {"a":1}
Promise.prototype.then = function () { throw new Error('then') }; return { a: 1 }

//# prototype_then_never_calls => ok 1|promise_never_settled
Promise.prototype.then = function () { return this }; await null; return 1

//# promise_constructor_replaced => ok 1
Promise.prototype.constructor = class { constructor() { throw new Error('constructor') } }; await null; return 1

//# species_throws => script_error
class P extends Promise { static get [Symbol.species]() { throw new Error('species') } } return P.resolve(1).then(v => v)

//# species_of_a_plain_object => script_error
class P extends Promise { static get [Symbol.species]() { return function () { return {} } } } await P.resolve(1).then(v => v)

//# promise_resolve_replaced => ok [1,2]
Promise.resolve = () => { throw new Error('resolve') }; try { await Promise.all([1]) } catch {} return [1, await 2]

//# subclass_returned => ok 5
class P extends Promise {} return new P(ok => ok(5))

//# subclass_with_its_own_then => ok "mine"
class P extends Promise { then(ok) { ok('mine') } } return new P(() => {})

//# a_promise_made_by_a_proxy => ok 1|script_error
return new Proxy(Promise.resolve(1), { get: (t, k) => typeof t[k] === 'function' ? t[k].bind(t) : t[k] })

//# async_function_prototype => ok 1
Object.setPrototypeOf(Object.getPrototypeOf(async () => {}), null); return await (async () => 1)()

//# executor_called_late => ok "TypeError"
try { Promise.call({}) } catch (e) { return e.name }

//# with_resolvers => ok 3
const { promise, resolve } = Promise.withResolvers(); resolve(3); return promise

//# async_generator_queue => ok [1,2,null,"x"]
async function* g() { yield 1; yield 2 } const i = g(); const all = await Promise.allSettled([i.next(), i.next(), i.next(), i.throw('x')]); return all.map(r => r.reason ?? r.value.value ?? null)

//# async_generator_return_of_a_thenable => ok 4
async function* g() {} return (await g().return({ then(ok) { ok(4) } })).value

//# async_generator_from_another => script_error
async function* g() { yield 1 } await g().next.call((function* () {})())

//# for_await_closes => ok ["closed"]
const log = []; const it = { [Symbol.asyncIterator]: () => it, next: async () => ({ value: 1 }), return: async () => { log.push('closed'); return {} } }; for await (const x of it) break; return log

//# for_await_whose_return_throws => script_error
const it = { [Symbol.asyncIterator]: () => it, next: async () => ({ value: 1 }), return() { throw new Error('return') } }; for await (const x of it) break

//# yield_star_of_a_hostile_iterator => script_error
async function* g() { yield* { [Symbol.asyncIterator]: () => ({ next: () => 7 }) } } await g().next()

//# await_in_a_finally => ok "finally"
const f = async () => { try { return 'try' } finally { await null; return 'finally' } }; return f()

//# ten_thousand_awaits_at_once => ok 10000|fuel_exhausted|memory_limit
return (await Promise.all(Array.from({ length: 10000 }, async (_, i) => { await null; return i }))).length

//# order_of_jobs => ok ["a","b","c","d"]
const log = []; queueMicrotask(() => log.push('b')); log.push('a'); Promise.resolve().then(() => log.push('c')).then(() => log.push('d')); await null; await null; await null; return log

//# rejection_in_a_race_that_is_lost => ok 1
const late = (async () => { await null; await null; throw new Error('late') })(); late.catch(() => {}); return Promise.race([1, late])

//# weak_ref_in_a_job => ok true
let o = {}; const r = new WeakRef(o); o = null; await null; return r.deref() === undefined || typeof r.deref() === 'object'

//# finalizer_that_throws => ok 1
const r = new FinalizationRegistry(() => { throw new Error('finalizer') }); r.register({}, 1); for (let i = 0; i < 10000; i++) ({ i }); await null; return 1
