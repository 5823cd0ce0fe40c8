// What is logged: floods, and values that would act while they are printed.

//# a_flood_of_lines => ok "ended"|fuel_exhausted
for (let i = 0; i < 5000; i++) console.log(i); return 'ended'

//# a_flood_without_end => fuel_exhausted
for (;;) console.error('x')

//# one_line_of_megabytes => ok "ended"|fuel_exhausted
console.log('x'.repeat(1 << 20)); return 'ended'

//# an_array_of_millions => ok "ended"|memory_limit|fuel_exhausted
console.log(new Array(1e6).fill(0)); return 'ended'

//# a_getter_that_never_ends => ok "ended"|fuel_exhausted
console.log({ get a() { for (;;) {} } }); return 'ended'

//# a_proxy_that_never_ends => ok "ended"|fuel_exhausted
console.log(new Proxy({}, { get() { for (;;) {} }, ownKeys() { for (;;) {} } })); return 'ended'

//# a_proxy_that_throws => ok "ended"|script_error
console.log(new Proxy({}, { get() { throw 1 }, ownKeys() { throw 1 }, getPrototypeOf() { throw 1 } })); return 'ended'

//# a_revoked_proxy => ok "ended"|script_error
const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); console.log(proxy, [proxy]); return 'ended'

//# cycles => ok "ended"
const o = { m: new Map() }; o.o = o; o.m.set(o, o.m); console.log(o); return 'ended'

//# many_references_to_one => ok "ended"|fuel_exhausted|memory_limit
let o = { x: 1 }; for (let i = 0; i < 30; i++) o = { a: o, b: o }; console.log(o); console.dir?.(o, { depth: null }); return 'ended'

//# formats => ok "ended"
console.log('%s%d%i%f%j%o%O%c%%%', Symbol('a'), 1n, {}, [], { get a() { return 1 } }); console.log('%'.repeat(10000)); console.log('%s'.repeat(10000), 1); return 'ended'

//# format_of_a_hostile_object => ok "ended"|script_error
console.log('%s', { toString() { throw new Error('text') } }); console.log('%d', { valueOf() { throw new Error('value') } }); return 'ended'

//# terminal_sequences => ok "ended"
console.log('\u001b]0;owned\u0007\u001b[2J\u009b31m\r\n{"level":"error","forged":true}\u202e'); return 'ended'

//# lone_surrogates_and_zeros => ok "ended"
console.log('\ud800\u0000\uffff', ['\udfff']); return 'ended'

//# groups_without_end => ok "ended"|fuel_exhausted
for (let i = 0; i < 20000; i++) console.group?.(i); console.log('x'); return 'ended'

//# counters_and_timers => ok "ended"|fuel_exhausted|memory_limit
for (let i = 0; i < 5000; i++) { console.count?.('c' + i); console.time?.('t' + i); console.timeEnd?.('none' + i) } return 'ended'

//# tables => ok "ended"|fuel_exhausted|memory_limit|script_error
console.table?.(new Array(2000).fill({ a: 1, b: { c: 2 } })); console.table?.(new Proxy([], { get: (t, k) => k === 'length' ? 1e9 : 1 })); return 'ended'

//# assertions => ok "ended"
console.assert?.(false, { toString() { throw 1 } }); console.assert?.(0, '%s', 'x'); console.trace?.('here'); return 'ended'

//# console_replaced => ok "ended"
globalThis.console = new Proxy({}, { get() { throw new Error('console') } }); return 'ended'

//# console_called_from_its_own_getter => ok "ended"|stack_overflow
let n = 0; console.log({ get a() { if (n++ < 100) console.log(this); return 1 } }); return 'ended'
