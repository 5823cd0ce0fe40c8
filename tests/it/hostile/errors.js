// What is thrown: the runner must say something sensible, and nothing of it may run again or for ever.

//# null => script_error
throw null

//# undefined => script_error
throw undefined

//# a_number => script_error
throw -0

//# a_big_integer => script_error
throw 10n ** 50n

//# a_function => script_error
throw () => { for (;;) {} }

//# a_class => script_error|fuel_exhausted
throw class Secret { static toString() { for (;;) {} } }

//# a_revoked_proxy => script_error
const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy

//# a_revoked_function_proxy => script_error
const { proxy, revoke } = Proxy.revocable(() => {}, {}); revoke(); throw proxy

//# a_proxy_that_answers_everything => script_error|fuel_exhausted|stack_overflow
const all = new Proxy(() => all, { get: () => all, apply: () => all, has: () => true, getPrototypeOf: () => all, ownKeys: () => [] }); throw all

//# an_endless_message => script_error|fuel_exhausted
throw Object.assign(new Error(), { message: { toString() { for (;;) {} } } })

//# an_endless_name => script_error|fuel_exhausted
throw Object.defineProperty(new Error('x'), 'name', { get() { for (;;) {} } })

//# an_endless_stack => script_error|fuel_exhausted
throw Object.defineProperty(new Error('x'), 'stack', { get() { for (;;) {} } })

//# an_endless_cause => script_error|fuel_exhausted
throw Object.defineProperty(new Error('x'), 'cause', { get() { for (;;) {} } })

//# a_message_of_a_megabyte => script_error|fuel_exhausted ?? engine_crash
throw new Error('x'.repeat(1 << 20))

//# a_stack_of_a_megabyte => script_error|fuel_exhausted ?? engine_crash
const e = new Error('x'); e.stack = 'y'.repeat(1 << 20); throw e

//# a_name_of_a_megabyte => script_error|fuel_exhausted ?? engine_crash
const e = new Error('x'); e.name = 'z'.repeat(1 << 20); throw e

//# causes_without_end => script_error
let e = new Error('0'); for (let i = 0; i < 5000; i++) e = new Error(String(i), { cause: e }); throw e

//# a_cause_that_is_itself => script_error
const e = new Error('x'); e.cause = e; throw e

//# an_aggregate_of_itself => script_error
const e = new AggregateError([], 'x'); e.errors.push(e); throw e

//# an_aggregate_of_thousands => script_error
throw new AggregateError(Array.from({ length: 500 }, (_, i) => new Error(String(i))), 'many')

//# a_forged_place => script_error
const e = new Error('x'); e.stack = 'Error: x\n    at evil (/etc/passwd:1:1)\n    at main.js:99999999999999999999:1'; e.lineNumber = -1; e.line = 'x'; e.fileName = '/etc/passwd'; throw e

//# a_forged_code => script_error
throw Object.assign(new Error('the code used all its fuel'), { code: 'fuel_exhausted', name: 'memory_limit' })

//# a_forged_answer => script_error
throw { code: 'ok', tag: 0, toString: () => '\u0000{"ok":true}' }

//# control_characters => script_error
throw new Error('\u001b[2J\u0000\r\n\u0007 \u202e gnp.exe')

//# lone_surrogates => script_error
throw new Error('\ud800 \udfff')

//# a_symbol_as_message => script_error
const e = new Error('x'); e.message = Symbol('m'); throw e

//# a_symbol_as_name => script_error
const e = new Error('x'); e.name = Symbol('n'); throw e

//# prepare_stack_trace => ok "string"
Error.prepareStackTrace = (e, frames) => frames; return typeof new Error('x').stack

//# prepare_stack_trace_that_throws => script_error
Error.prepareStackTrace = () => { throw new Error('prepare') }; throw new Error('x')

//# prepare_stack_trace_that_never_ends => script_error
Error.prepareStackTrace = () => { for (;;) {} }; throw new Error('x')

//# stack_trace_limit => script_error
Error.stackTraceLimit = Infinity; const f = n => { if (n) f(n - 1); else throw new Error('deep') }; f(2000)

//# stack_trace_limit_of_nonsense => script_error
Object.defineProperty(Error, 'stackTraceLimit', { get() { throw 1 } }); throw new Error('x')

//# capture_stack_trace => ok "ended"
try { Error.captureStackTrace?.(Object.freeze({})) } catch {} try { Error.captureStackTrace?.(new Proxy({}, { defineProperty() { throw 1 } })) } catch {} return 'ended'

//# error_constructor_replaced => script_error
globalThis.Error = globalThis.TypeError = function () { for (;;) {} }; null.x

//# error_prototype_emptied => script_error
for (const C of [Error, TypeError]) for (const k of Reflect.ownKeys(C.prototype)) delete C.prototype[k]; null.x

//# error_prototype_is_a_proxy => script_error|fuel_exhausted
Object.setPrototypeOf(TypeError.prototype, new Proxy({}, { get() { for (;;) {} }, has() { for (;;) {} } })); null.x

//# error_with_no_prototype => script_error
throw Object.setPrototypeOf(new Error('x'), null)

//# subclass_that_throws => script_error
class E extends Error { get message() { throw new E() } } throw new E()

//# subclass_with_a_getter_for_the_name => script_error
class E extends Error { get name() { return { toString: () => 'E' } } } throw new E('x')

//# dom_like => script_error
throw { name: 'AbortError', message: 'aborted', code: 20 }

//# thrown_in_a_getter_of_the_output => script_error
return { get a() { throw { toString() { throw 1 } } } }

//# thrown_in_a_microtask => script_error
queueMicrotask(() => { throw new Error('later') }); await null; await null; return 1

//# rejected_many_times => script_error
for (let i = 0; i < 500; i++) Promise.reject(new Error(String(i))); return 1

//# rejected_with_itself => script_error
let reject; const p = new Promise((_, no) => { reject = no }); reject(p); await p

//# resolved_with_itself => script_error
let resolve; const p = new Promise(ok => { resolve = ok }); resolve(p); await p

//# rejected_then_handled_late => ok 1
const p = Promise.reject(new Error('x')); await null; p.catch(() => {}); return 1

//# any_of_thousands => script_error
await Promise.any(Array.from({ length: 500 }, () => Promise.reject(1)))

//# thrown_after_return => script_error
try { return 1 } finally { throw new Error('instead') }

//# thrown_by_a_setter_of_the_global => script_error
Object.defineProperty(globalThis, 'trap', { set() { throw new Error('set') } }); trap = 1

//# assert_and_exit => script_error
if (typeof process === 'undefined') throw new Error('no process'); process.exit(0)

//# suppressed => ok "ended"
try { try { throw 1 } finally { throw 2 } } catch { return 'ended' }

//# a_message_of_half_a_megabyte => script_error ?? engine_crash
throw new Error('x'.repeat(1 << 19))

//# a_message_of_quotes => script_error|fuel_exhausted ?? engine_crash
throw new Error('"'.repeat(1 << 18))
