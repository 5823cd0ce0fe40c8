// Buffers that shrink, move or vanish while a built-in works on them (the class of QuickJS's and V8's memory errors).

//# sort_that_shrinks => ok "ended"
const b = new ArrayBuffer(256, { maxByteLength: 2560 }), a = new Uint8Array(b); for (let i = 0; i < 256; i++) a[i] = 255 - i;
for (let n = 1; n < 2000; n += 97) { b.resize(256); let count = 0; a.sort((x, y) => { if (++count === n) b.resize(10); return x - y }) } return 'ended'

//# constructor_whose_prototype_getter_shrinks => ok "ended"
const b = new ArrayBuffer(64, { maxByteLength: 64 }); const evil = new Proxy(function () {}, { get(t, k, r) { if (k === 'prototype') b.resize(0); return Reflect.get(t, k, r) } });
try { Reflect.construct(Uint8Array, [b], evil).fill(1) } catch {} try { Reflect.construct(Uint8Array, [new Uint8Array(b)], evil).fill(1) } catch {} return 'ended'

//# with_that_shrinks => ok "ended"
const b = new ArrayBuffer(4096, { maxByteLength: 4096 }), a = new Int32Array(b); try { a.with(0, { valueOf() { b.resize(4); return 1 } }).length } catch {} return 'ended'

//# fill_that_shrinks => ok "ended"
const b = new ArrayBuffer(4096, { maxByteLength: 4096 }), a = new Uint8Array(b); try { a.fill({ valueOf() { b.resize(1); return 1 } }, 0, 4096) } catch {} return 'ended'

//# fill_whose_end_shrinks => ok "ended"
const b = new ArrayBuffer(4096, { maxByteLength: 4096 }), a = new Uint8Array(b); try { a.fill(1, 0, { valueOf() { b.resize(0); return 4096 } }) } catch {} return 'ended'

//# set_that_shrinks => ok "ended"
const b = new ArrayBuffer(64, { maxByteLength: 64 }), a = new Uint8Array(b); try { a.set({ length: 64, get 0() { b.resize(1); return 1 }, 63: 7 }) } catch {} return 'ended'

//# set_from_an_overlapping_view => ok [1,1,2,3]
const a = new Uint8Array([1, 2, 3, 4]); a.set(a.subarray(0, 3), 1); return [...a]

//# copy_within_that_shrinks => ok "ended"
const b = new ArrayBuffer(4096, { maxByteLength: 4096 }), a = new Uint8Array(b); try { a.copyWithin(0, { valueOf() { b.resize(16); return 2048 } }, 4096) } catch {} return 'ended'

//# slice_that_shrinks => ok "ended" ?? engine_crash
const b = new ArrayBuffer(4096, { maxByteLength: 4096 }); try { new Uint8Array(b).slice({ valueOf() { b.resize(8); return 0 } }, 4096) } catch {} try { b.resize(4096); b.slice(0, { valueOf() { b.resize(8); return 4096 } }) } catch {} return 'ended'

//# slice_whose_species_is_smaller => script_error
class S extends Uint8Array { static get [Symbol.species]() { return function () { return new Uint8Array(1) } } } return new S(100).slice(0, 100).length

//# slice_whose_species_is_the_same_buffer => ok "ended"
const a = new Uint8Array(64); a.constructor = { [Symbol.species]: function (n) { return new Uint8Array(a.buffer, 1, n ?? 8) } }; try { a.slice(0, 60) } catch {} return 'ended'

//# map_that_detaches => ok "ended"
const b = new ArrayBuffer(64), a = new Uint8Array(b); try { a.map(x => { if (b.transfer && !b.detached) b.transfer(); return x }) } catch {} return 'ended'

//# index_of_that_detaches => ok "ended"
const b = new ArrayBuffer(64), a = new Uint8Array(b); try { a.indexOf(undefined, { valueOf() { b.transfer?.(); return 0 } }); a.includes(undefined); a.lastIndexOf(0) } catch {} return 'ended'

//# join_that_shrinks => ok "ended"
const b = new ArrayBuffer(64, { maxByteLength: 64 }), a = new Uint8Array(b); try { a.join({ toString() { b.resize(1); return ',' } }) } catch {} return 'ended'

//# subarray_that_shrinks => ok "ended"
const b = new ArrayBuffer(64, { maxByteLength: 64 }), a = new Uint8Array(b); try { a.subarray({ valueOf() { b.resize(2); return 10 } }, 60)[0] } catch {} return 'ended'

//# atomics_that_shrink => ok "ended" ?? engine_crash
for (const op of ['store', 'add', 'sub', 'and', 'or', 'xor', 'exchange']) { const b = new ArrayBuffer(1024, { maxByteLength: 1 << 20 }), a = new Int32Array(b); try { Atomics[op](a, 200, { valueOf() { b.resize(0); b.resize(1 << 20); b.resize(4); return 1 } }) } catch {} } return 'ended'

//# atomics_compare_exchange_that_detaches => ok "ended"
const b = new ArrayBuffer(64), a = new Int32Array(b); try { Atomics.compareExchange(a, 0, { valueOf() { b.transfer?.(); return 0 } }, 1) } catch {} return 'ended'

//# atomics_on_the_wrong_thing => ok ["TypeError","RangeError","TypeError","TypeError"]
return [() => Atomics.add([], 0, 1), () => Atomics.add(new Int32Array(1), 1, 1), () => Atomics.add(new Float64Array(1), 0, 1), () => Atomics.notify({}, 0)].map(f => { try { return f() } catch (e) { return e.name } })

//# data_view_that_shrinks => ok "ended"
const b = new ArrayBuffer(64, { maxByteLength: 64 }), v = new DataView(b); try { v.setFloat64(40, { valueOf() { b.resize(1); return 1 } }) } catch {} try { v.getFloat64({ valueOf() { b.resize(0); return 0 } }) } catch {} return 'ended'

//# data_view_at_the_edge => ok ["RangeError","RangeError","RangeError","RangeError"]
const v = new DataView(new ArrayBuffer(8)); return [() => v.getUint8(8), () => v.getFloat64(1), () => v.setInt32(2 ** 53 - 1, 1), () => v.getInt8(-1)].map(f => { try { return f() } catch (e) { return e.name } })

//# views_out_of_bounds => ok ["RangeError","RangeError","RangeError"]
const b = new ArrayBuffer(8); return [() => new Uint32Array(b, 1), () => new Uint8Array(b, 9), () => new Uint8Array(b, 0, 9)].map(f => { try { return f().length } catch (e) { return e.name } })

//# length_tracking => ok [8,2,0,4]
const b = new ArrayBuffer(8, { maxByteLength: 16 }), a = new Uint8Array(b), said = [a.length]; for (const n of [2, 0, 4]) { b.resize(n); said.push(a.length) } return said

//# fixed_view_out_of_bounds => ok [0,null,8]
const b = new ArrayBuffer(8, { maxByteLength: 16 }), a = new Uint8Array(b, 0, 8), said = []; b.resize(4); said.push(a.length, a[0] ?? null); b.resize(8); said.push(a.length); return said

//# iterate_while_it_shrinks => ok "ended"
const b = new ArrayBuffer(64, { maxByteLength: 64 }), a = new Uint8Array(b); try { for (const x of a) b.resize(b.byteLength >> 1) } catch {} return 'ended'

//# array_that_shrinks_in_its_callback => ok [1,null,null]
const a = [1, 2, 3]; return a.map((x, i) => { a.length = 1; return x }).concat().length === 3 ? [1, null, null] : 'wrong'

//# splice_with_a_hostile_species => ok "ended"
const a = [1, 2, 3]; a.constructor = { [Symbol.species]: function () { return new Proxy([], { defineProperty() { a.length = 0; return true } }) } }; try { a.splice(0, 3); a.concat(a); a.filter(() => true); a.flat() } catch {} return 'ended'

//# concat_with_getters => ok "ended"
const a = [1, 2, 3]; Object.defineProperty(a, 1, { get() { a.length = 0; a.push(...new Array(1000)); return 1 } }); a.concat(a).length; return 'ended'

//# reverse_with_getters => ok "ended"
const a = [1, 2, 3, 4]; Object.defineProperty(a, 3, { get() { a.length = 1; return 9 }, set() {}, configurable: true }); try { a.reverse() } catch {} return 'ended'

//# length_that_is_hostile => ok ["RangeError","RangeError","RangeError"]
return [-1, 1.5, { valueOf: (() => { let n = 0; return () => n++ })() }].map(l => { try { [].length = l; return l } catch (e) { return e.name } })

//# node_buffers_out_of_bounds => ok ["threw","threw","threw",""] ?? ok ["threw",1,"threw",""]
const b = Buffer.from('abc'); return [() => b.readUInt32LE(1), () => b.writeUInt8(256, 0), () => b.readInt8(3), () => b.toString('utf8', 5, 1)].map(f => { try { return f() } catch { return 'threw' } })

//# node_buffers_of_hostile_size => script_error|memory_limit
return Buffer.alloc(2 ** 32).length

//# node_buffers_from_hostile_objects => ok "ended"|script_error|memory_limit|fuel_exhausted
for (const o of [{ length: -1 }, { length: 2 ** 31 }, { valueOf() { return this } }, { [Symbol.toPrimitive]: () => ({}) }, new Proxy({}, { get: () => 7 })]) { try { Buffer.from(o) } catch {} } return 'ended'

//# node_buffers_fill_with_nothing => ok "ended"
try { Buffer.alloc(10).fill('') ; Buffer.alloc(10, Buffer.alloc(0)); Buffer.alloc(10).fill('zz', 'hex') } catch {} return 'ended'

//# node_buffers_search => ok [-1,0,3,-1]
const b = Buffer.from('aaa'); return [b.indexOf('b'), b.indexOf(''), b.indexOf('', 99), b.lastIndexOf('b')]

//# data_view_that_changes_itself => ok 7 ?? engine_crash
const v = new DataView(new ArrayBuffer(8)); v.setInt16(0, { valueOf() { v.note = 1; return 7 } }); return v.getInt16(0)

//# data_view_that_is_changed_by_an_index => ok 0 ?? engine_crash
const v = new DataView(new ArrayBuffer(8)); return v.getUint8({ valueOf() { v.note = 1; return 0 } })
