// Ways from a value to a constructor, and from there to a host that is not there (vm2, isolated-vm, n8n, NocoBase).

//# every_reachable_function => ok ["undefined"]
const seen = new Set(), said = new Set();
(function walk(value, depth) {
  if (value === null || !['object', 'function'].includes(typeof value) || seen.has(value) || depth > 4) return;
  seen.add(value);
  try {
    const made = value.constructor?.constructor;
    const got = typeof made === 'function' ? made('return typeof process.mainModule')() : null;
    said.add(typeof got === 'string' ? got : 'undefined');
  } catch {}
  for (const key of Reflect.ownKeys(value)) { try { walk(value[key], depth + 1) } catch {} }
})(globalThis, 0);
return [...said];

//# async_generator_function => ok "undefined"
const AsyncGenerator = Object.getPrototypeOf(async function* () {}).constructor;
return (await AsyncGenerator('yield typeof process.mainModule')().next()).value;

//# async_function => ok "undefined"
return await (async () => {}).constructor('return await typeof process.mainModule')();

//# generator_function_prototype => ok "undefined"
return Object.getPrototypeOf(function* () {}).constructor('yield typeof process.mainModule')().next().value;

//# accessor_of_a_built_in => ok "undefined"
const { get } = Object.getOwnPropertyDescriptor(Map.prototype, 'size');
return get.constructor('return typeof process.mainModule')();

//# species_getter => ok "undefined"
const { get } = Object.getOwnPropertyDescriptor(Array, Symbol.species);
return get.constructor('return typeof process.mainModule')();

//# arguments_of_a_proxy_trap => ok ["undefined"]
const said = new Set(); let busy = false;
const look = args => { if (busy) return; busy = true; for (const a of args) { try { said.add(a.constructor.constructor('return typeof process.mainModule')()) } catch {} } busy = false };
const handler = {};
for (const trap of ['get', 'set', 'has', 'apply', 'construct', 'ownKeys', 'getPrototypeOf', 'defineProperty', 'deleteProperty']) handler[trap] = (...args) => { look(args); return Reflect[trap](...args) };
const spy = new Proxy(function () { return {} }, handler);
for (const poke of [() => spy.a, () => spy(), () => new spy(), () => 'a' in spy, () => Object.keys(spy), () => { spy.b = 1 }, () => delete spy.b, () => spy instanceof Object, () => `${spy}`]) { try { poke() } catch {} }
return [...said];

//# what_console_hands_to_a_getter => ok ["TypeError"]
const said = new Set();
const bait = { get a() { try { said.add(typeof arguments.callee.caller.constructor('return process')()) } catch (e) { said.add(e.name) } return 1 } };
console.log(bait, [bait]); console.table?.([bait]); JSON.stringify(bait); bait.a;
return [...said];

//# what_console_hands_to_inspect => ok true
let got = [];
const custom = Symbol.for('nodejs.util.inspect.custom');
console.log({ [custom](...args) { got = args; return 'x' } });
return got.every(a => { try { return a.constructor.constructor('return typeof process.mainModule')() === 'undefined' } catch { return true } });

//# the_input => ok ["undefined","undefined","undefined","undefined","undefined"]
return [context, context.headers, steps, env, context.rawBody ?? ''].map(a => a.constructor.constructor('return typeof process.mainModule')());

//# the_input_by_prototype => ok [true,true,true]
return [context, context.headers, context.query].map(a => Object.getPrototypeOf(a) === Object.prototype);

//# thrown_by_the_engine => ok ["undefined"]
const said = new Set();
const fail = [() => null.x, () => undefinedName, () => 'x'.repeat(-1), () => new Array(-1), () => 1n + 1, () => decodeURIComponent('%'), () => JSON.parse('{'),
  () => new RegExp('('), () => Symbol() + '', () => Object.defineProperty(Object.freeze({}), 'a', { value: 1 }), () => (0, eval)('%'), () => require('fs'), () => Buffer.alloc(-1), () => new URL('x')];
for (const f of fail) { try { f() } catch (e) { said.add(e.constructor.constructor('return typeof process.mainModule')()) } }
return [...said];

//# rejected_by_the_engine => ok "undefined"
try { await crypto.subtle.digest('NO-SUCH', new Uint8Array(1)) } catch (e) { return e.constructor.constructor('return typeof process.mainModule')() }

//# import_in_a_function => ok "refused"
return await Promise.resolve().then(() => new Function('return import("node:child_process")')()).then(() => 'got it', () => 'refused');

//# import_in_an_eval => ok "refused"
return await (async () => (0, eval)('import("fs")'))().then(() => 'got it', () => 'refused');

//# import_meta_in_an_eval => ok "SyntaxError"
try { (0, eval)('import.meta') } catch (e) { return e.name }

//# shells_and_test_hosts => ok []
return ['std', 'os', 'bjson', 'print', 'load', 'read', 'scriptArgs', '$262', '$boa', 'd8', 'Packages', 'java', 'ShadowRealm', 'Deno', 'Bun', 'WebAssembly', 'module', 'exports', '__dirname', '_GLOBAL', 'REPL', 'gc', 'quit', 'WScript', 'ActiveXObject', 'frames', 'self', 'window', 'document', 'importScripts', 'postMessage', 'SharedWorker', 'Worker']
  .filter(name => typeof globalThis[name] !== 'undefined');

//# names_that_are_not_for_scripts => ok []
return Reflect.ownKeys(globalThis).map(String).filter(name => /^_|flowcell|host|native|internal/i.test(name));

//# stacks_tell_no_path_of_the_server => ok false
const stack = (() => { try { null.x } catch (e) { return e.stack } })();
return /(^|[\s(])\/|:\\|\.rs|wasm|boa/i.test(stack);

//# functions_show_no_native_source => ok []
return Reflect.ownKeys(globalThis).filter(k => typeof globalThis[k] === 'function').map(k => [String(k), Function.prototype.toString.call(globalThis[k])])
  .filter(([, text]) => /\.rs\b|\/home|\/root|cargo/.test(text));

//# callee_and_caller => ok "TypeError"
'use strict';
try { (function () { 'use strict'; return arguments.callee })() } catch (e) { return e.name }

//# bound_and_applied => ok ["undefined","undefined","undefined"]
return [
  console.log.call.call(Function, null, 'return typeof process.mainModule')(),
  Reflect.apply(Function, null, ['return typeof process.mainModule'])(),
  Function.bind.call(Function, null, 'a', 'return typeof process.mainModule').call()(),
];

//# derived_function_class => ok "undefined"
class Made extends Function { constructor() { super('return typeof process.mainModule') } }
return new Made()();

//# new_target_of_another_realm => ok "undefined"
const made = Reflect.construct(Function, ['return typeof process.mainModule'], class {});
return made();

//# tagged_template_object => ok "undefined"
const tag = strings => strings.raw.constructor.constructor('return typeof process.mainModule')();
return tag`x`;

//# symbol_registry => ok "undefined"
return Symbol.for('nodejs.worker_threads').constructor.constructor('return typeof process.mainModule')();

//# parameters_that_close_the_function => ok "SyntaxError" ?? ok null
try { new Function('a = 1) { return typeof process } + (', 'return 1') } catch (e) { return e.name }

//# a_body_that_closes_its_function => ok "SyntaxError" ?? ok null
try { new Function('}, typeof process, function () {') } catch (e) { return e.name }
