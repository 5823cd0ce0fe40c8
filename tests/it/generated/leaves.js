0
1
-1
2 ** 31
2 ** 53
-0
NaN
Infinity
1.5
1e-7
0n
7n
-(2n ** 70n)
''
'a'
'\ud800'
'\u{1f600}z'
'constructor'
'__proto__'
'length'
null
undefined
true
false
[]
{}
[1, 2, 3]
[, 1]
/a|b/g
/(?<x>.)\1*/u
/^(a+)+$/
Symbol.iterator
Symbol('s')
new Date(0)
new Map([[1, 2]])
new Set('ab')
new Uint8Array(4)
new Float64Array([1, NaN])
new ArrayBuffer(8, { maxByteLength: 16 })
Buffer.from('abc')
new Error('e')
Promise.resolve(1)
new Proxy({}, {})
new Proxy([], { get: Reflect.get })
Object.create(null)
Object.freeze([1])
(function () { return arguments })(1, 2)
globalThis
class {}
() => 1
function* () { yield 1 }
async () => 1
new WeakMap()
context.data
context.data.list
steps.before
'x'.repeat(50)
Array.from({ length: 5 })
JSON
Math
Reflect
this
new URL('http://a/b?c=d')
new URLSearchParams('a=1&a=2')
Object(1n)
new Number(3)
new DataView(new ArrayBuffer(8))
