// What a run does to the built-in prototypes; the neighbour, which shares nothing with it, proves that it stays there.

//# plain => ok {"a":1}
Object.prototype.polluted = 'yes'; Object.prototype.isAdmin = true; return { a: 1 }

//# by_parsed_json => ok [null,["__proto__"]]
const parsed = JSON.parse('{"__proto__":{"isAdmin":true}}');
return [({}).isAdmin ?? null, Object.keys(parsed)];

//# by_a_deep_merge => ok {"taken":true}
const merge = (a, b) => { for (const k in b) { a[k] && typeof b[k] === 'object' ? merge(a[k], b[k]) : a[k] = b[k] } return a };
merge({}, JSON.parse('{"constructor":{"prototype":{"sum":"polluted"}}}'));
return { taken: ({}).sum === 'polluted' };

//# descriptors => ok {"a":1}
Object.prototype.get = () => 7; Object.prototype.set = 7; Object.prototype.writable = true; Object.prototype.enumerable = false;
return { a: 1 };

//# setters_on_array_prototype => ok [1,2,[3]]
for (const i of [0, 1, 2]) Object.defineProperty(Array.prototype, i, { set() { throw new Error('set') }, get() { return 'hole' }, configurable: true });
return [1, 2, [3]];

//# holes_read_the_prototype => ok [1,"hole",3]
Array.prototype[1] = 'hole'; return [1, , 3];

//# length_of_everything => ok {"a":[1]}
Object.prototype.length = 2 ** 32; return { a: [1] };

//# then_of_everything => ok "taken"
Object.prototype.then = function (settle) { delete Object.prototype.then; settle('taken') }; return {};

//# then_that_never_settles => promise_never_settled
Object.prototype.then = () => {}; return {};

//# then_that_throws => script_error
Object.defineProperty(Object.prototype, 'then', { get() { throw new Error('then') } }); return {};

//# to_primitive_of_everything => ok "text"
Object.prototype[Symbol.toPrimitive] = () => { throw new Error('primitive') }; Object.prototype.valueOf = null; return 'text';

//# iterator_of_arrays => ok {"a":[1,2]}
Array.prototype[Symbol.iterator] = function* () { for (;;) yield 1 }; return { a: [1, 2] };

//# function_prototype => ok {"a":1}
Function.prototype.call = Function.prototype.apply = Function.prototype.bind = () => { throw new Error('call') };
Reflect.apply = Reflect.get = Reflect.ownKeys = () => { throw new Error('reflect') };
return { a: 1 };

//# text_functions => ok {"date":"1970-01-01T00:00:00.000Z"}
for (const name of ['replace', 'split', 'slice', 'indexOf', 'charCodeAt', 'toString', 'trim']) String.prototype[name] = () => { throw new Error(name) };
RegExp.prototype.exec = () => { throw new Error('exec') };
return { date: new Date(0) };

//# the_console_is_still_there => ok "logged"
const { getOwnPropertyNames } = Object;
for (const holder of [Array.prototype, String.prototype, Object, Function.prototype, Number.prototype, Map.prototype, Set.prototype, RegExp.prototype]) {
  const names = getOwnPropertyNames(holder);
  for (let i = 0; i < names.length; i++) { const key = names[i]; if (key !== 'constructor') { try { holder[key] = () => { throw new Error(key) } } catch {} } }
}
try { console.log('%s %d %j', 'a', 1, { b: [1] }, new Map([[1, 2]])) } catch {}
return 'logged';

//# has_instance => ok {"a":1}
for (const C of [Promise, Array, Error, Map]) { try { Object.defineProperty(C, Symbol.hasInstance, { value: () => true }) } catch {} }
return { a: 1 };

//# spreadable => ok [[],[1],[2]]
Object.prototype[Symbol.isConcatSpreadable] = false; return [].concat([1], [2]);

//# unscopables => ok 1
Array.prototype[Symbol.unscopables] = new Proxy({}, { get() { throw new Error('unscopables') } }); return 1;

//# numbers => ok [1.5,7]
Number.prototype.toString = () => '"injected":1'; Number.prototype.toJSON = undefined; return [1.5, 7];

//# injected_text => ok {"a":"\",\"b\":\"","\",\"c\":\"":1}
return { a: '","b":"', '","c":"': 1 };

//# constructor_properties => ok [[1],{"a":{}}]
Object.prototype.constructor = null; Array.prototype.constructor = { [Symbol.species]: null }; return [[1].map(a => a), { a: {} }];

//# prototype_of_the_global => ok 7
Object.setPrototypeOf(globalThis, new Proxy(Object.prototype, { has: () => true, get: (t, k) => k === 'anything' ? 7 : t[k] })); return anything;

//# accessors_for_the_input => ok {"a":1}
for (const name of ['context', 'steps', 'env']) { try { Object.defineProperty(globalThis, name, { get() { throw new Error(name) }, configurable: true }) } catch {} }
return { a: 1 };

//# input_frozen => ok "GET"
Object.freeze(context); Object.freeze(context.headers); Object.freeze(steps); Object.freeze(env); Object.preventExtensions(globalThis); return context.method;

//# input_as_output => ok true
context.self = [1]; context.method = { a: context.query }; delete context.headers; return typeof JSON.stringify(context) === 'string';

//# the_whole_input_with_a_cycle => output_invalid
context.self = context; return context;

//# global_emptied => ok 1
const { getPrototypeOf } = Object, { ownKeys } = Reflect, global = globalThis;
for (let o = global; o; o = getPrototypeOf(o)) { const keys = ownKeys(o); for (let i = 0; i < keys.length; i++) { try { delete o[keys[i]] } catch {} } }
return 1;

//# everything_frozen => ok {"a":[1]}
const seen = new Set();
(function freeze(o) { if ((typeof o !== 'object' && typeof o !== 'function') || !o || seen.has(o)) return; seen.add(o); for (const k of Reflect.ownKeys(o)) { try { freeze(o[k]) } catch {} } try { Object.freeze(o) } catch {} })(globalThis);
return { a: [1] };
