// Patterns that backtrack, and what is built from them. None may run past the fuel.

//# nested_quantifiers => fuel_exhausted
return /^(\w+\s?)*$/.test('word '.repeat(30) + '!')

//# lazy => fuel_exhausted
return /^(.+?)+?x$/.test('a'.repeat(50))

//# lookahead => fuel_exhausted
return /(?=(a+)+b)/.test('a'.repeat(40))

//# lookbehind => ok false
return /(?<=^(a+)+)b/.test('a'.repeat(40) + 'c' + 'b')

//# back_reference => fuel_exhausted
return /^(a*)*\1$/.test('a'.repeat(40) + 'b')

//# named_groups => fuel_exhausted
return /^(?<x>(?<y>a|aa)+)+$/.test('a'.repeat(60) + '!')

//# email => fuel_exhausted
return /^([a-zA-Z0-9])(([\-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}[a-z0-9]+[.]{1}(([a-z]{2,3})|([a-z]{2,3}[.]{1}[a-z]{2,3}))$/.test('a'.repeat(60) + '!')

//# counted => fuel_exhausted|memory_limit|stack_overflow|script_error
return /^(a{1,100}){1,100}$/.test('a'.repeat(60) + '!')

//# counted_in_the_pattern => ok "ended"|fuel_exhausted|memory_limit|stack_overflow|script_error
try { new RegExp('(((a{1,1000}){1,1000}){1,1000}){1,1000}').test('a'.repeat(100)) } catch {} return 'ended';

//# huge_count => ok "ended"|fuel_exhausted|memory_limit|script_error
try { new RegExp('a{4294967295}').test('a') ; new RegExp('a{99999999999999999999}').test('a') } catch {} return 'ended';

//# many_alternatives => ok false|fuel_exhausted|memory_limit|stack_overflow
return new RegExp(Array.from({ length: 5000 }, (_, i) => 'a' + i).join('|')).test('b')

//# many_groups => ok "ended"|fuel_exhausted|memory_limit
try { new RegExp('(a)?'.repeat(20000)).exec('a') } catch {} return 'ended';

//# nested_groups => ok "ended"|stack_overflow|memory_limit
try { new RegExp('(?:'.repeat(5000) + 'a' + ')'.repeat(5000)).exec('a') } catch {} return 'ended';

//# a_split_by_nothing => ok 100000|fuel_exhausted|memory_limit
return 'a'.repeat(100000).split('').length

//# match_all => ok 50000|fuel_exhausted|memory_limit
return [...'ab'.repeat(50000).matchAll(/a/g)].length

//# global_empty_matches => ok 10001 ?? fuel_exhausted
return 'a'.repeat(10000).replace(/(?:)/g, 'b').match(/b/g).length

//# replacement_that_grows => memory_limit|fuel_exhausted|script_error
let s = 'a'; for (;;) s = s.replace(/^.*$/s, '$&$&')

//# replacement_with_every_special => ok "[a][a][b][$1][]"
return 'xab'.replace(/x(a)b/, '[$1][$1]').length ? 'xab'.replace(/x(?<n>a)(b)/, '[$<n>][$1][$2][$$1][$`]') : ''

//# replacer_that_never_ends => fuel_exhausted
return 'a'.replace(/a/, () => { for (;;) {} })

//# last_index_that_never_moves => fuel_exhausted
const r = /a/g; r.exec = () => Object.assign(['a'], { index: 0 }); return 'a'.replace(r, 'b');

//# exec_with_a_result_of_hostile_length => fuel_exhausted|memory_limit|script_error
const r = /a/; r.exec = () => ({ length: 2 ** 32, index: 0, get 0() { return 'a' } }); return 'a'.replace(r, 'b');

//# symbol_methods_replaced => ok "mine"
return 'a'.replace({ [Symbol.replace]: () => 'mine' }, 'b')

//# species_of_split => script_error
class R extends RegExp { static get [Symbol.species]() { throw new Error('species') } } return 'a'.split(new R('a'))

//# flags_getter => script_error
const r = /a/g; Object.defineProperty(r, 'flags', { get() { throw new Error('flags') } }); return [...'aa'.matchAll(r)];

//# unicode_sets => ok [true,false]
return [new RegExp('[\\p{L}--[a-z]]', 'v').test('\u00e9'), new RegExp('[\\p{L}--[a-z]]', 'v').test('a')]

//# astral_and_lone => ok [1,2,0]
return ['\ud83d\ude00'.match(/./gu).length, '\ud83d\ude00'.match(/./g).length, '\ud83d'.search(/\ud83d/u)]

//# bad_escapes => ok ["SyntaxError","SyntaxError","SyntaxError","SyntaxError"]
return ['\\u{110000}', '\\p{NoSuch}', '(?<a>.)(?<a>.)', '[b-a]'].map(p => { try { return String(new RegExp(p, 'u')) } catch (e) { return e.name } })

//# modifiers_and_sticky => ok [null,"b"]
const r = /b/y; const first = r.exec('ab'); r.lastIndex = 1; return [first, r.exec('ab')[0]];

//# case_folding_of_everything => ok "ended"|fuel_exhausted
for (let i = 0; i < 0x11000; i += 7) /[\u017f\u212a\w]/iu.test(String.fromCodePoint(i)); return 'ended';

//# words_of_a_long_text => ok 2000 ?? fuel_exhausted
return 'word '.repeat(2000).match(/\w+/g).length

//# replace_in_a_long_text => ok 10000 ?? fuel_exhausted
return 'ab'.repeat(5000).replace(/b/g, 'c').length
