// Depth in values and in sources that are made at run time.

//# output_objects => stack_overflow|output_invalid
let o = {}; for (let i = 0; i < 20000; i++) o = { o }; return o

//# output_of_getters => stack_overflow|output_invalid|fuel_exhausted
const deep = n => ({ get a() { return deep(n + 1) } }); return deep(0)

//# output_at_the_border => ok 120
let a = 1; for (let i = 0; i < 120; i++) a = [a]; let n = 0; for (let b = a; Array.isArray(b); b = b[0]) n++; return JSON.stringify(a).length && n

//# json_parse_objects => stack_overflow|script_error|memory_limit
return JSON.parse('{"a":'.repeat(100000))

//# json_parse_closed => stack_overflow|script_error|memory_limit|output_invalid
return JSON.parse('['.repeat(50000) + ']'.repeat(50000))

//# json_stringify_objects => stack_overflow|script_error
let o = {}; for (let i = 0; i < 50000; i++) o = { o }; return JSON.stringify(o).length

//# structured_clone => stack_overflow|script_error|memory_limit
let o = []; for (let i = 0; i < 50000; i++) o = [o]; return structuredClone(o) && 1

//# console => ok 1|stack_overflow
let o = []; for (let i = 0; i < 50000; i++) o = [o]; console.log(o); return 1

//# is_deep_equal => ok true|stack_overflow|script_error
const make = () => { let o = []; for (let i = 0; i < 20000; i++) o = [o]; return o }; return require('util').isDeepStrictEqual(make(), make())

//# array_to_string => stack_overflow|script_error
let a = []; for (let i = 0; i < 50000; i++) a = [a]; return String(a)

//# garbage_that_is_deep => ok 1|stack_overflow
for (let k = 0; k < 5; k++) { let o = {}; for (let i = 0; i < 20000; i++) o = { o } } return 1

//# garbage_of_closures_that_is_deep => ok 1|stack_overflow|memory_limit
let f = () => 1; for (let i = 0; i < 50000; i++) { const g = f; f = () => g } f = null; for (let i = 0; i < 200000; i++) ({ i }); return 1

//# rope_that_is_deep => ok 400000|fuel_exhausted|memory_limit
let s = ''; for (let i = 0; i < 200000; i++) s = s + 'ab'; return s.length

//# arrays_in_source => stack_overflow|script_error|memory_limit
return (0, eval)('['.repeat(50000) + ']'.repeat(50000)) && 1

//# objects_in_source => stack_overflow|script_error|memory_limit
return (0, eval)('(' + '{a:'.repeat(20000) + '1' + '}'.repeat(20000) + ')') && 1

//# unary_in_source => stack_overflow|script_error|memory_limit
return (0, eval)('!'.repeat(100000) + '1')

//# binary_in_source => ok 50001|stack_overflow|script_error|memory_limit|fuel_exhausted
return (0, eval)('1' + '+1'.repeat(50000))

//# exponents_in_source => stack_overflow|script_error|memory_limit
return (0, eval)('1' + '**1'.repeat(50000))

//# conditionals_in_source => stack_overflow|script_error|memory_limit
return (0, eval)('1?'.repeat(20000) + '1' + ':1'.repeat(20000))

//# members_in_source => ok null|stack_overflow|script_error|memory_limit|fuel_exhausted
return (0, eval)('({})' + '?.a'.repeat(50000)) ?? null

//# calls_in_source => stack_overflow|script_error|memory_limit|fuel_exhausted
return new Function('f', 'return f' + '()'.repeat(50000))(function f() { return f }) && 1

//# functions_in_source => stack_overflow|script_error|memory_limit
return (0, eval)('(()=>'.repeat(20000) + '1' + ')'.repeat(20000)) && 1

//# classes_in_source => stack_overflow|script_error|memory_limit
return (0, eval)('(class{static a='.repeat(5000) + '1' + '})'.repeat(5000)) && 1

//# templates_in_source => stack_overflow|script_error|memory_limit
return (0, eval)('`${'.repeat(20000) + '1' + '}`'.repeat(20000))

//# patterns_in_source => stack_overflow|script_error|memory_limit
return (0, eval)('var ' + '['.repeat(20000) + 'a' + ']'.repeat(20000) + '=[]') && 1

//# if_else_in_source => ok 1|stack_overflow|script_error|memory_limit
return (0, eval)('if(0);else '.repeat(20000) + '1')

//# labels_in_source => ok 1|stack_overflow|script_error|memory_limit
return (0, eval)(Array.from({ length: 20000 }, (_, i) => 'l' + i + ':').join('') + '1')

//# many_statements => ok 1|memory_limit|fuel_exhausted
return (0, eval)('1;'.repeat(100000))

//# many_variables => ok 1|memory_limit|fuel_exhausted|script_error
return new Function(Array.from({ length: 20000 }, (_, i) => `let v${i}=${i};`).join('') + 'return 1')()

//# many_parameters => ok 1|memory_limit|fuel_exhausted|script_error
return new Function(...Array.from({ length: 70000 }, (_, i) => 'p' + i), 'return 1')(...new Array(1000))

//# many_arguments => ok 70000|memory_limit|fuel_exhausted|script_error|stack_overflow
return (0, eval)('((...a) => a.length)(' + '1,'.repeat(70000) + ')')

//# many_cases => ok 1|memory_limit|fuel_exhausted|script_error
return new Function('x', 'switch (x) {' + Array.from({ length: 20000 }, (_, i) => `case ${i}: `).join('') + 'return 1 }')(3)

//# many_members => ok 20000|memory_limit|fuel_exhausted|script_error
return Object.keys((0, eval)('({' + Array.from({ length: 20000 }, (_, i) => `m${i}:1`).join() + '})')).length

//# a_jump_over_much => ok 1|memory_limit|fuel_exhausted|script_error
return new Function('x', 'for (let i = 0; i < 1; i++) { if (x) {' + 'x=x+1;'.repeat(20000) + '} } return 1')(0)

//# a_long_name => ok 1|memory_limit|fuel_exhausted
return new Function('let ' + 'a'.repeat(1 << 20) + ' = 1; return 1')()

//# a_long_number => ok true
return (0, eval)('9'.repeat(10000)) === Infinity

//# a_long_comment => ok 1
return (0, eval)('/*' + '*'.repeat(1 << 19) + '*/1')

//# a_long_chain_of_escapes => ok 100000
return (0, eval)('"' + '\\u{61}'.repeat(100000) + '"').length

//# html_comments => ok 1
return (0, eval)('<!-- ignored\n--> ignored\n1')

//# forty_arrows => ok 1 ?? stack_overflow
return (0, eval)('(()=>'.repeat(40) + '1' + ')'.repeat(40)) && 1

//# a_hundred_brackets => ok 1 ?? stack_overflow
return (0, eval)('('.repeat(100) + '1' + ')'.repeat(100))

//# a_hundred_conditionals => ok 1 ?? stack_overflow
return (0, eval)('0?0:'.repeat(100) + '1')
