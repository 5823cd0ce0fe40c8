// Every way of calling oneself. Ends as too deep, or where natives are cheap as too much memory; never as a crash.

//# set_accessor => stack_overflow
const o = { set a(v) { this.a = v } }; o.a = 1

//# to_string => ok ""|stack_overflow
const o = { toString() { return `${o}` } }; return `${o}`

//# value_of => ok 2|stack_overflow
const o = { valueOf() { return o + 1 } }; return o * 2

//# concat_to_string => ok ""|stack_overflow|memory_limit
const a = []; a.push({ toString: () => a.join() }); return a.join()

//# json_of_to_json => stack_overflow
const o = { toJSON() { return JSON.stringify(o) } }; return JSON.stringify(o)

//# json_replacer => stack_overflow
const r = (k, v) => JSON.stringify(v, r); return JSON.stringify({ a: 1 }, r)

//# json_reviver => stack_overflow
const r = () => JSON.parse('[1]', r); return JSON.parse('[1]', r)

//# proxy_get => stack_overflow
const p = new Proxy({}, { get: (t, k) => p[k] }); return p.a

//# proxy_has => stack_overflow
const p = new Proxy({}, { has: (t, k) => k in p }); return 'a' in p

//# proxy_apply => stack_overflow
const p = new Proxy(() => {}, { apply: () => p() }); return p()

//# proxy_construct => stack_overflow
const P = new Proxy(class {}, { construct: () => new P() }); return new P()

//# proxy_of_itself_as_prototype => stack_overflow|script_error
const p = new Proxy({}, {}); Object.setPrototypeOf(p, Object.create(p)); return p.a

//# proxy_is_its_own_handler => stack_overflow|fuel_exhausted
const h = {}; const p = new Proxy(h, h); h.get = (t, k) => p[k]; return p.x

//# proxy_own_keys => stack_overflow
const p = new Proxy({}, { ownKeys: () => Reflect.ownKeys(p) }); return Object.keys(p)

//# has_instance => stack_overflow
class A { static [Symbol.hasInstance](x) { return x instanceof A } } return 1 instanceof A

//# species => stack_overflow
class A extends Array { static get [Symbol.species]() { new A(1, 2).map(x => x); return Array } } return new A(1, 2).map(x => x)

//# iterator => stack_overflow
const o = { [Symbol.iterator]: () => { [...o] } }; return [...o]

//# iterator_next => stack_overflow
const i = { [Symbol.iterator]: () => i, next() { for (const x of i) return x } }; return [...i]

//# iterator_return => stack_overflow
const i = { [Symbol.iterator]: () => i, next: () => ({ value: 1 }), return() { for (const x of i) break; return {} } }; for (const x of i) break

//# destructuring_defaults => stack_overflow
const f = ({ a = f({}) }) => a; return f({})

//# parameter_defaults => stack_overflow
function f(a = f()) { return a } return f()

//# tagged_templates => stack_overflow
const t = () => t`x`; return t`x`

//# eval => stack_overflow
globalThis.again = () => (0, eval)('again()'); return again()

//# direct_eval => stack_overflow
const f = () => eval('f()'); return f()

//# function_constructor => stack_overflow|memory_limit|fuel_exhausted
globalThis.f = () => new Function('return f()')(); return f()

//# class_fields => stack_overflow
class A { a = new A() } return new A()

//# static_blocks => stack_overflow
const f = () => class { static { f() } }; return f()

//# super_calls => stack_overflow
class A { a() { return new B().a() } } class B extends A { a() { return super.a() } } return new B().a()

//# private_accessors => stack_overflow
class A { get #a() { return this.#a } a() { return this.#a } } return new A().a()

//# async_functions => stack_overflow|memory_limit|fuel_exhausted
const f = async () => { await f() }; await f()

//# async_functions_without_await => stack_overflow
const f = async () => f(); await f()

//# generators => stack_overflow|memory_limit
const f = function* () { yield* f() }; return f().next()

//# generator_next_inside => ok "TypeError"
const g = (function* () { try { g.next() } catch (e) { yield e.name } })(); return g.next().value

//# array_callbacks => stack_overflow
const f = () => [1].map(f); return f()

//# sort_comparator => stack_overflow
const f = () => [2, 1].sort(f).length; return f()

//# reduce => stack_overflow
const f = () => [1, 2].reduce(f); return f()

//# replace_callback => stack_overflow
const f = () => 'a'.replace('a', f); return f()

//# regexp_replace_callback => stack_overflow
const f = () => 'a'.replace(/a/, f); return f()

//# regexp_exec => stack_overflow
const r = /a/; r.exec = s => r.test(s); return r.test('a')

//# symbol_split => stack_overflow
const s = { [Symbol.split]: () => 'a'.split(s) }; return 'a'.split(s)

//# to_primitive_in_compare => stack_overflow
const o = { [Symbol.toPrimitive]: () => o < o }; return o < o

//# to_primitive_in_keys => ok null|stack_overflow
const k = { toString: () => ({})[k] }; return ({})[k]

//# date_value => stack_overflow
const d = { [Symbol.toPrimitive]: () => +new Date(d) }; return new Date(d)

//# map_for_each => stack_overflow
const m = new Map([[1, 1]]), f = () => m.forEach(f); f()

//# promise_executor => stack_overflow
const f = () => new Promise(f); return f()

//# then_getter => stack_overflow
const t = { get then() { return Promise.resolve(t) && undefined } }; return Promise.resolve(t)

//# reflect_apply => stack_overflow
const f = () => Reflect.apply(f, null, []); return f()

//# function_call_call => stack_overflow
const f = () => f.call.call(f); return f()

//# bind => stack_overflow
const f = () => f.bind()(); return f()

//# console_of_a_getter => stack_overflow|ok 1
const custom = Symbol.for('nodejs.util.inspect.custom'); const o = { get a() { console.log(o) }, [custom]() { console.log(o) }, toString() { console.log(`${o}`) } }; console.log(o, `${1}`); return 1

//# structured_clone_of_a_getter => stack_overflow
const o = { get a() { return structuredClone(o) } }; return structuredClone(o)

//# error_to_string => ok "Error"|stack_overflow
const e = new Error('x'); Object.defineProperty(e, 'message', { get: () => String(e) }); return String(e)

//# error_stack_getter => stack_overflow|ok "string"
const e = new Error('x'); e.toString = () => e.stack; Object.defineProperty(e, 'name', { get: () => e.stack }); return typeof e.stack

//# mutual_by_trampolines => ok 100000
let f = n => n ? () => f(n - 1) : 100000; let r = f(2000); while (typeof r === 'function') r = r(); return r

//# deep_but_allowed => ok 3000
const f = n => n ? 1 + f(n - 1) : 0; return f(3000)

//# deep_in_a_finally => stack_overflow
const f = () => { try { f() } finally { f() } }; f()

//# deep_after_catch => stack_overflow
const f = () => { try { f() } catch { f() } }; f(); return 'survived'
