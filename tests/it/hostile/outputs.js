// What a script hands over: traps, converters and shapes that want to run on, to lie or to grow while they are written.

//# traps_that_never_return => fuel_exhausted
return new Proxy({}, { ownKeys() { for (;;) {} } })

//# a_trap_for_each_level => fuel_exhausted|stack_overflow|output_invalid|memory_limit
const deeper = () => new Proxy({}, { ownKeys: () => ['a'], getOwnPropertyDescriptor: () => ({ value: 1, enumerable: true, configurable: true }), get: (t, k) => k === 'a' ? deeper() : undefined });
return deeper();

//# more_keys_than_memory => fuel_exhausted|memory_limit|script_error
return new Proxy({}, { ownKeys: () => Array.from({ length: 1e7 }, (_, i) => 'k' + i) })

//# keys_that_are_no_keys => script_error
return new Proxy({}, { ownKeys: () => [1, {}, null] })

//# keys_twice => script_error
return new Proxy({}, { ownKeys: () => ['a', 'a'] })

//# a_descriptor_that_lies => script_error
return new Proxy(Object.freeze({ a: 1 }), { get: () => 2 })

//# a_descriptor_that_throws => script_error
return new Proxy({ a: 1 }, { getOwnPropertyDescriptor() { throw new Error('trap') } })

//# a_getter_that_grows_its_object => ok {"a":1}
const o = { get a() { for (let i = 0; i < 100; i++) o['k' + i] = i; return 1 } }; return o;

//# a_getter_that_empties_its_array => ok [0,null,null]
const a = [0, 1, 2]; Object.defineProperty(a, 0, { get() { a.length = 1; return 0 }, enumerable: true, configurable: true });
const { length } = a; return a.length === length ? a : null;

//# an_array_that_grows_while_it_is_written => ok [[],1]
const a = [{ toJSON() { a.push(1); return [] } }, 1]; return a;

//# to_json_returns_itself => output_invalid
return { a: 1, toJSON() { return this } }

//# to_json_makes_new_ones_for_ever => ok {"a":1}
return { toJSON() { return { a: 1, toJSON: undefined, ...{} } } }

//# to_json_nests_for_ever => fuel_exhausted|stack_overflow|output_invalid|memory_limit
const again = () => ({ a: { toJSON: again } }); return again();

//# to_json_is_a_getter_that_counts => ok "1"
let n = 0; return { get toJSON() { n++; return () => String(n) } }

//# to_json_gets_the_key => ok {"a":["a"]}
return { a: { toJSON(...args) { return args } } }

//# to_json_returns_a_function => output_invalid
return { a: { toJSON: () => () => 1 } }

//# to_json_returns_a_big_integer => output_invalid
return { toJSON: () => 1n }

//# to_json_of_a_date => ok {"d":"mine"}
Date.prototype.toJSON = () => 'mine'; return { d: new Date(0) };

//# an_invalid_date => ok {"d":null}
return { d: new Date(NaN) }

//# a_date_that_throws => script_error
Date.prototype.toISOString = () => { throw new Error('iso') }; return { d: new Date(0) };

//# boxed => ok {"n":1,"s":"x","b":true}
return { n: new Number(1), s: new String('x'), b: new Boolean(true) }

//# boxed_with_a_value_of_its_own => ok 8
return Object.assign(new Number(1), { valueOf: () => 8, toString: () => '9' })

//# boxed_big_integer => output_invalid ?? ok {}
return Object(1n)

//# boxed_symbol => ok {}|output_invalid
return Object(Symbol('s'))

//# symbol_keys => ok {"a":1}
return { a: 1, [Symbol('b')]: 2 }

//# negative_zero_and_the_smallest => ok [0,5e-324,1.7976931348623157e+308]
return [-0, 5e-324, Number.MAX_VALUE]

//# typed_array => ok {"0":1,"1":2}
return new Uint8Array([1, 2])

//# a_shared_child_a_million_times => output_too_large|fuel_exhausted|memory_limit
let a = 'x'.repeat(100); for (let i = 0; i < 30; i++) a = [a, a]; return a;

//# an_array_of_length_four_billion => fuel_exhausted|memory_limit|output_too_large
return Object.assign([], { length: 2 ** 32 - 1 })

//# a_string_of_control_characters => output_too_large|memory_limit|fuel_exhausted
return '\u0001'.repeat(400000)

//# keys_of_control_characters => ok {"\u0000\n\u001f":"\u007f"}
return { '\u0000\n\u001f': '\u007f' }

//# line_separators_and_markup => ok "\u2028\u2029</script><!--"
return '\u2028\u2029</script><!--'

//# lone_surrogates => ok ["\ufffd","\ufffd","a\ufffdb","\ud83d\ude00"]
return ['\ud800', '\udc00', 'a\udbffb', '\ud83d\ude00']

//# a_lone_surrogate_as_key => ok {"\ufffd":1}
return { '\ud800': 1 }

//# the_global => ok {}|output_invalid|script_error|output_too_large|fuel_exhausted
return globalThis

//# a_revoked_proxy_inside => script_error|output_invalid
const { proxy, revoke } = Proxy.revocable([], {}); revoke(); return { a: proxy };

//# a_proxied_array_without_length => ok []
return new Proxy([], { get: (t, k) => k === 'length' ? undefined : 1 })

//# a_proxied_array_of_negative_length => ok []
return new Proxy([], { get: (t, k) => k === 'length' ? -5 : 1 })

//# a_length_that_throws => script_error
return new Proxy([], { get(t, k) { if (k === 'length') throw new Error('length'); return t[k] } })

//# a_class_instance_with_private_state => ok {"open":1}
class A { #hidden = 'secret'; open = 1 } return new A();

//# an_error => ok {}
return new Error('only its own enumerable members')

//# a_generator => ok {}
return (function* () { yield 1 })()

//# arguments => ok {"0":1,"1":[2]}
return (function () { return arguments })(1, [2])

//# a_module_like_object => ok {"default":1}
return { __esModule: true, default: 1 }.default === 1 ? { default: 1 } : 0
