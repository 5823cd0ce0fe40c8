// Numbers, dates and texts that are larger or odder than a program expects.

//# big_integer_power => memory_limit|script_error|fuel_exhausted
return String((2n ** 64n) ** (2n ** 30n)).length

//# big_integer_shift => memory_limit|script_error|fuel_exhausted
return String(1n << (1n << 40n)).length

//# big_integer_negative_shift => ok "0"
return String(1n >> (1n << 40n))

//# big_integer_shift_left_by_negative => ok ["0","-1"]
return [String(1n << -(1n << 40n)), String(-1n << -(1n << 40n))]

//# big_integer_doubling => memory_limit|script_error|fuel_exhausted
let n = 2n; for (;;) n *= n

//# big_integer_from_text => fuel_exhausted|ok 300000|memory_limit
return String(BigInt('9'.repeat(300000))).length

//# big_integer_division => ok "ended"|fuel_exhausted|memory_limit|script_error
const a = 3n ** 100000n, b = 7n ** 50000n; for (let i = 0; i < 10; i++) a / b; return 'ended'

//# big_integer_as_n => ok ["0","0","18446744073709551615"]
return [BigInt.asIntN(0, 1n), BigInt.asUintN(0, -1n), BigInt.asUintN(64, -1n)].map(String)

//# big_integer_as_n_of_huge_width => memory_limit|script_error|fuel_exhausted|ok "-1"
return String(BigInt.asIntN(2 ** 53 - 1, -1n))

//# big_integer_as_uint_of_huge_width => memory_limit|script_error|fuel_exhausted
return String(BigInt.asUintN(2 ** 53 - 1, -1n)).length

//# big_integer_mixed => ok ["TypeError","TypeError","RangeError","SyntaxError","RangeError"]
return [() => 1n + 1, () => +1n, () => BigInt(1.5), () => BigInt('x'), () => 1n / 0n].map(f => { try { f() } catch (e) { return e.name } })

//# big_integer_to_text_in_odd_bases => fuel_exhausted|memory_limit|ok "ended"
const n = 3n ** 60000n; for (const base of [2, 3, 7, 10, 36]) n.toString(base); return 'ended'

//# parse_int_of_much => ok [null,true,1]|fuel_exhausted
const much = '9'.repeat(1 << 20); return [parseInt(much), Number(much) === Infinity, parseInt('1' + 'x'.repeat(1 << 20))]

//# parse_float_of_much => ok 0
return parseFloat('0.' + '0'.repeat(500000) + '1')

//# number_from_odd_text => ok [0,null,16,null,0]
return [Number(' \n'), Number('1_0'), Number('0x10'), Number('0x'), Number('\ufeff')]

//# to_fixed_and_precision => ok ["RangeError","RangeError","RangeError","RangeError","RangeError"]
return [() => 1..toFixed(101), () => 1..toPrecision(0), () => 1..toExponential(-1), () => 1..toString(37), () => 1..toString(1)].map(f => { try { return f() } catch (e) { return e.name } })

//# fractions_in_odd_bases => ok true
return [2, 3, 7, 36].every(b => (Number.MIN_VALUE).toString(b).length > 0 && (Number.MAX_VALUE).toString(b).length > 0 && (0.1).toString(b).length > 0)

//# dates_at_the_edge => ok ["+275760-09-13T00:00:00.000Z","RangeError","-271821-04-20T00:00:00.000Z","RangeError"]
return [8.64e15, 8.64e15 + 1, -8.64e15, -8.64e15 - 1].map(t => { try { return new Date(t).toISOString() } catch (e) { return e.name } })

//# dates_from_nonsense => ok [null,null,null,null]
return [new Date(2 ** 53, 2 ** 53), new Date(NaN, 1), new Date('+999999-01-01'), new Date({})].map(d => d.getTime())

//# dates_of_infinity => ok [null,null,null]
return [new Date(Infinity), new Date(0).setFullYear(Infinity), Date.UTC(0, 0, 0, 0, 0, 0, -Infinity)].map(d => +d)

//# dates_that_overflow_their_fields => ok "1970-04-11T10:40:00.000Z"
return new Date(Date.UTC(1970, 0, 100, 33, 99, 60)).toISOString().replace('T10:40', 'T10:40')

//# dates_set_by_hostile_values => ok "RangeError"
const d = new Date(0); d.setDate({ valueOf() { d.setFullYear(NaN); return 1e300 } }); try { return d.toISOString() } catch (e) { return e.name }

//# dates_in_a_loop => ok "ended"|fuel_exhausted
for (let i = -1e6; i < 1e6; i += 1e3) new Date(i * 1e9).toString(); return 'ended'

//# dates_parsed_from_long_text => ok null
return Date.parse('2024-01-01T00:00:00' + '0'.repeat(1 << 20))

//# from_code_point => ok ["RangeError","RangeError","RangeError",2]
return [() => String.fromCodePoint(0x110000), () => String.fromCodePoint(-1), () => String.fromCodePoint(1.5), () => String.fromCodePoint(0x1f600).length].map(f => { try { return f() } catch (e) { return e.name } })

//# from_code_points_without_end => script_error|memory_limit|fuel_exhausted
const a = []; for (let i = 0; ; i += 1024) a[i] = String.fromCodePoint(i)

//# normalisation_that_grows => ok true
return '\ufdfa'.repeat(10000).normalize('NFKD').length > 100000

//# case_mapping_that_grows => ok [60000,20000]
return ['\u0390'.repeat(20000).toUpperCase().length, '\u0130'.repeat(10000).toLowerCase().length]

//# combining_marks => ok 100001
return ('a' + '\u0301'.repeat(100000)).length

//# locale_compare => ok "ended"|fuel_exhausted
const s = '\u0301'.repeat(2000); for (let i = 0; i < 20; i++) (s + 'a').localeCompare(s + 'b'); return 'ended'

//# well_formed => ok [false,"\ufffd"]
return ['\ud800'.isWellFormed(), '\ud800'.toWellFormed()]

//# uri => ok ["URIError","URIError","URIError"]
return [() => encodeURIComponent('\ud800'), () => decodeURIComponent('%ff'), () => decodeURI('%c0%80')].map(f => { try { return f() } catch (e) { return e.name } })

//# escape_and_unescape => ok "%u0101%%%"
return escape('\u0101') + unescape('%%%')

//# base64 => ok ["threw","threw",0]
return [() => atob('*'), () => btoa('\u4e2d'), () => atob('').length].map(f => { try { return f() } catch { return 'threw' } })

//# text_decoder => ok ["\ufffd","threw"]
return [new TextDecoder().decode(new Uint8Array([0xff])), (() => { try { return new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([0xff])) } catch { return 'threw' } })()]

//# urls => ok ["threw","threw","threw"]
return ['http://[::1', 'http://a b', '//'].map(u => { try { return new URL(u).href } catch { return 'threw' } })

//# a_url_of_a_megabyte => ok true|script_error|fuel_exhausted
return new URL('http://a/' + 'b'.repeat(1 << 20)).pathname.length === (1 << 20) + 1

//# query_strings => ok 20000|fuel_exhausted|memory_limit
return [...new URLSearchParams('a=1&'.repeat(20000))].length

//# random_values => ok ["threw",0]
return [(() => { try { return crypto.getRandomValues(new Uint8Array(1 << 20)).length } catch { return 'threw' } })(), crypto.getRandomValues(new Uint8Array(0)).length]

//# random_bytes_of_everything => script_error|memory_limit
return require('crypto').randomBytes(2 ** 31).length

//# math_on_hostile_values => ok [null,null,null]
return [Math.max(undefined), Math.hypot(NaN), Math.round('x')]

//# sum_precise_and_f16 => ok true
return typeof Math.sumPrecise !== 'function' || Math.sumPrecise([1e308, 1e308, -1e308]) === 1e308
