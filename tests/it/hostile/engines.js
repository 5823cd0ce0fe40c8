// Scripts of the kind that once brought down Boa or another engine: odd scopes, generators, classes and syntax.

//# nested_classes => ok 1
class C { constructor() { class D {} this.d = D } } return new C() && 1

//# constants_in_constructors => ok "x"
class A { constructor() { const x = 'x'; this.f = () => x } } return new A().f()

//# destructuring_in_constructors => ok "f:1"
const B = class { constructor(parts) { const { f } = parts; this.g = () => f(1) } }; return new B({ f: x => 'f:' + x }).g()

//# names_around_eval => ok "ReferenceError"
try { new Function('(function () { var x = f = function () { eval("x") } })(); try { f() } catch (e) { throw e } return noSuchName')() } catch (e) { return e.name }

//# with_that_throws => ok "ReferenceError"
try { new Function('with ({ p: 1 }) { k[q >> 2] = d } { let a = 1, b = "" }')() } catch (e) { return e.name }

//# with_and_closures => ok [1,2]
return new Function('const o = { a: 1 }; let f; with (o) { f = () => a; { let a = 2; var g = () => a } } return [f(), g()]')()

//# with_and_a_proxy_that_vanishes => ok "ReferenceError"
try { new Function('p', '"use sloppy"; with (p) { gone }')(new Proxy({}, { has: (t, k) => k === 'gone', get: (t, k) => { if (k === Symbol.unscopables) return; throw new ReferenceError('gone') } })) } catch (e) { return e.name }

//# async_generator_methods => ok [{"done":false},{"done":false},{"done":true}]
class C { async *#g() { yield { ...yield, y: 1, ...yield } } get g() { return this.#g } } const i = new C().g(); const said = []; for (let n = 0; n < 3; n++) { const { done } = await i.next({}); said.push({ done }) } return [said[0], said[1], { done: (await i.next(), await i.next()).done }]

//# generator_return_in_finally => ok [1,"kept",true]
function* g() { try { yield 1 } finally { yield 'kept' } } const i = g(); return [i.next().value, i.return(2).value, i.next().done]

//# generator_throw_before_start => ok "x"
function* g() { yield 1 } try { g().throw('x') } catch (e) { return e }

//# generator_in_a_default => ok 5
function f(a = (function* () { yield 5 })().next().value) { return a } return f()

//# yield_in_everything => ok 3
function* g() { const { [yield]: a = yield } = { x: undefined }; return `${a}` + (yield) } const i = g(); i.next(); i.next('x'); i.next('d'); return i.next('e').value.length + 1

//# closures_in_loops => ok [0,1,2]
const f = []; for (let i = 0; i < 3; i++) f.push(() => i); return f.map(g => g())

//# temporal_dead_zones => ok ["ReferenceError","ReferenceError","ReferenceError"]
return ['x; let x', 'let x = x', '(a = b, b) => 1; ((a = b, b) => 1)()'].map(s => { try { return (0, eval)('{' + s + '}') } catch (e) { return e.name } })

//# switch_scopes => ok "ReferenceError" ?? ok null
try { switch (1) { case 0: let a; case 1: a } } catch (e) { return e.name }

//# labelled_blocks => ok [1,3]
const log = []; a: { log.push(1); b: { break a } log.push(2) } c: for (const x of [1]) { d: for (;;) { break c } } log.push(3); return log

//# completion_values => ok [2,null,4]
return [eval('1; if (true) { 2 }'), eval('do { break } while (0)') ?? null, eval('for (let i = 0; i < 2; i++) { 4 }')]

//# functions_in_blocks => ok ["undefined","function"]
return new Function('const before = typeof f; { function f() {} } return [before, typeof f]')()

//# duplicate_parameters => ok 2
return new Function('a', 'a', 'return a')(1, 2)

//# arguments_are_linked => ok [9,9]
return new Function('a', 'arguments[0] = 9; return [a, arguments[0]]')(1)

//# arguments_deleted => ok [1,"undefined"]
return new Function('a', 'delete arguments[0]; arguments[0] = 5; return [a, typeof arguments[1]]')(1)

//# new_target_in_eval => ok true
function F() { return eval('new.target') === F ? { ok: true } : {} } return new F().ok

//# super_in_eval => ok 1
class A { a() { return 1 } } class B extends A { a() { return eval('super.a()') } } return new B().a()

//# super_in_an_object_with_no_prototype => ok "TypeError"
const o = { __proto__: null, f() { return super.x.y } }; try { o.f() } catch (e) { return e.name }

//# this_before_super => ok "ReferenceError"
class A {} class B extends A { constructor() { this.x; super() } } try { new B() } catch (e) { return e.name }

//# super_twice => ok "ReferenceError"
class A {} class B extends A { constructor() { super(); super() } } try { new B() } catch (e) { return e.name }

//# class_extends_null => ok "TypeError"
class A extends null {} try { new A() } catch (e) { return e.name }

//# class_extends_a_proxy => ok 7
const P = new Proxy(class { constructor() { this.a = 7 } }, { get: Reflect.get }); class A extends P {} return new A().a

//# private_names => ok ["TypeError",true]
class A { #p = 1; static has(o) { return #p in o } get(o) { return o.#p } } let name; try { new A().get({}) } catch (e) { name = e.name } return [name, A.has(new A())]

//# private_stamping => ok [1,"TypeError"]
class Base { constructor(o) { return o } } class Stamp extends Base { #s = 1; static read(o) { return o.#s } } const o = {}; new Stamp(o); let again; try { new Stamp(o) } catch (e) { again = e.name } return [Stamp.read(o), again]

//# computed_keys_that_throw => ok "key"
try { class A { [(() => { throw 'key' })()]() {} } } catch (e) { return e }

//# class_fields_named_constructor => ok "SyntaxError"
try { (0, eval)('class A { constructor = 1 }') } catch (e) { return e.name }

//# accessor_keywords => ok [1,2,3]
class A { static static = 1; static async = 2; get = 3 } return [A.static, A.async, new A().get]

//# getters_on_the_prototype_chain => ok "deep"
let o = {}; Object.defineProperty(o, 'a', { get() { return this.name } }); for (let i = 0; i < 500; i++) o = Object.create(o); o.name = 'deep'; return o.a

//# cyclic_prototypes => ok "TypeError"
const a = {}, b = Object.create(a); try { Object.setPrototypeOf(a, b) } catch (e) { return e.name }

//# array_prototype_is_exotic => ok [1,0]
const a = [1]; Object.setPrototypeOf(a, new Proxy([], {})); const n = a.length; a.length = 0; return [n, a.length]

//# sparse_and_dense => ok [5,2]
const a = [1, 2]; a[4] = 5; delete a[1]; return [a.length, Object.keys(a).length]

//# integer_like_keys => ok ["0","2","4294967295","01","-1","b"]
return Object.keys({ b: 1, 2: 1, '01': 1, 0: 1, '-1': 1, 4294967295: 1 }).sort((x, y) => ['0', '2', '4294967295', '01', '-1', 'b'].indexOf(x) - ['0', '2', '4294967295', '01', '-1', 'b'].indexOf(y))

//# delete_in_a_for_in => ok ["a","c"]
const o = { a: 1, b: 2, c: 3 }, said = []; for (const k in o) { delete o.b; said.push(k) } return said

//# iterator_close_on_destructuring => ok ["closed"]
const log = []; const it = { [Symbol.iterator]: () => ({ next: () => ({ value: 1 }), return() { log.push('closed'); return {} } }) }; const [a] = it; return log

//# iterator_that_closes_badly => script_error
const it = { [Symbol.iterator]: () => ({ next: () => ({ value: 1 }), return: () => 1 }) }; const [a] = it

//# map_deleted_while_iterated => ok [1,3]
const m = new Map([[1, 1], [2, 2], [3, 3]]), said = []; for (const [k] of m) { m.delete(2); said.push(k) } return said

//# set_cleared_while_iterated => ok [1,9] ?? ok [1]
const s = new Set([1, 2]), said = []; for (const v of s) { said.push(v); if (v === 1) { s.clear(); s.add(9) } } return said

//# set_methods_with_hostile_sets => script_error
return new Set([1]).union({ size: NaN, has: () => true, keys: () => [] }).size

//# group_by => ok {"a":[1],"b":[2]}
return Object.groupBy([1, 2], x => x === 1 ? 'a' : { toString: () => 'b' })

//# array_from_async => ok [1,2]
return Array.fromAsync ? Array.fromAsync((async function* () { yield 1; yield 2 })()) : [1, 2]

//# regular_expression_in_a_class_body => ok true
class A { static r = /[/]/; static { this.ok = A.r.test('/') } } return A.ok

//# optional_chains_with_templates => ok "SyntaxError"
try { (0, eval)('a?.b`x`') } catch (e) { return e.name }

//# hashbang_and_directives => ok 1
return (0, eval)('#!/usr/bin/env node\n"use strict"; 1')

//# assignment_targets => ok ["SyntaxError","SyntaxError","SyntaxError","SyntaxError"]
return ['1 = 2', 'f() => 1', '({ a: 1 } = 1)', 'for (let of of) ;'.replace('of of', 'a b')].map(s => { try { return (0, eval)(s) } catch (e) { return e.name } })

//# bad_numbers => ok ["SyntaxError","SyntaxError","SyntaxError","SyntaxError","SyntaxError"]
return ['0xn', '1__0', '0b2', '08n', '1e'].map(s => { try { return (0, eval)(s) } catch (e) { return e.name } })

//# bad_tokens => ok 20
let n = 0; for (const s of ['\u0000', '\ud800', '"\n"', '`', '/', '/(/', '\\u{110000}', '@', '#', '...', '=>', '?.', '??', '**', '}', 'async', 'let let', 'yield*', 'new.target', 'import']) { try { (0, eval)(s) ; n += s === 'async' ? 1 : 0 } catch { n++ } } return n

//# a_thousand_garbled_sources => ok "ended"|fuel_exhausted
const parts = ['{', '}', '(', ')', '[', ']', 'a', '=', '=>', '...', ',', ';', 'async', 'function', '*', 'class', 'yield', 'await', '`', '${', '/', '"', '?', '?.', ':', 'for', 'of', 'in', 'let', '#x', '0', '1n', '\\u0061', '@']; let s = 7;
for (let i = 0; i < 1000; i++) { let text = ''; for (let k = 0; k < 12; k++) { s = (s * 1103515245 + 12345) % 2147483648; text += parts[s % parts.length] + ' ' } try { new Function(text) } catch {} } return 'ended'
