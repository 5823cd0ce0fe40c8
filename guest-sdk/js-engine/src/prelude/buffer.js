// Buffer as far as scripts use it: a Uint8Array with encodings (https://nodejs.org/api/buffer.html).
(function (native, modules, global) {
  'use strict';
  const toPrimitive = Symbol.toPrimitive;
  class FastBuffer extends Uint8Array {}

  const most = 67108864;
  const typedName = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;
  const isBytes = (value) => typedName.call(value) === 'Uint8Array';
  const isBuffer = (value) => { const kind = native.brand(value); return kind === 'ArrayBuffer' || kind === 'SharedArrayBuffer'; };

  // The errors of Node, in its words (lib/internal/errors.js).
  function coded(Kind, code, message) {
    const error = new Kind(message);
    native.put(error, 'code', code);
    return error;
  }
  function received(value) {
    if (value === null || value === undefined) return `${value}`;
    if (typeof value === 'function') return `function ${value.name}`;
    if (typeof value === 'object') return value.constructor?.name ? `an instance of ${value.constructor.name}` : native.inspect(value, { depth: -1 });
    const text = native.inspect(value);
    return `type ${typeof value} (${text.length > 28 ? `${text.slice(0, 25)}...` : text})`;
  }
  const invalid = (name, expected, value) => coded(TypeError, 'ERR_INVALID_ARG_TYPE', `The ${name === 'first argument' ? name : `"${name}" argument`} must be ${expected}. Received ${received(value)}`);
  const BYTES = 'an instance of Buffer or Uint8Array';
  const outOfBounds = (name) => coded(RangeError, 'ERR_BUFFER_OUT_OF_BOUNDS', name ? `"${name}" is outside of buffer bounds` : 'Attempt to access memory outside buffer bounds');
  function outside(name, range, value) {
    let text = typeof value === 'bigint' ? `${value}` : native.inspect(value);
    if (typeof value === 'bigint' ? value > 2n ** 32n || value < -(2n ** 32n) : NumberIsInteger(value) && Math.abs(value) > 2 ** 32) {
      text = text.replace(/\d(?=(\d{3})+$)/g, '$&_');
    }
    return coded(RangeError, 'ERR_OUT_OF_RANGE', `The value of "${name}" is out of range. It must be ${range}. Received ${text}${typeof value === 'bigint' ? 'n' : ''}`);
  }
  const unknownEncoding = (encoding) => coded(TypeError, 'ERR_UNKNOWN_ENCODING', `Unknown encoding: ${encoding}`);
  function checkSize(value) {
    if (typeof value !== 'number') throw invalid('size', 'of type number', value);
    if (!(value >= 0 && value <= most)) throw outside('size', `>= 0 && <= ${most}`, value);
  }
  function checkOffset(name, value, max = most) {
    if (typeof value !== 'number') throw invalid(name, 'of type number', value);
    if (!NumberIsInteger(value)) throw outside(name, 'an integer', value);
    if (value < 0 || value > max) throw outside(name, `>= 0 && <= ${max}`, value);
  }

  function Buffer(value, encoding, length) {
    if (typeof value !== 'number') return Buffer.from(value, encoding, length);
    if (typeof encoding === 'string') throw invalid('string', 'of type string', value);
    return Buffer.alloc(value);
  }

  const wrap = (buffer, offset, length) => new FastBuffer(buffer, offset, length);
  const isView = (value) => ArrayBufferIsView(value);

  const fromText = (text, encoding) => wrap(native.encode(text, typeof encoding === 'string' && encoding !== '' ? encoding : 'utf8'));
  function fromMemory(buffer, offset, length) {
    offset = offset === undefined ? 0 : +offset || 0;
    if (offset < 0) throw new RangeError(`Start offset ${offset} is outside the bounds of the buffer`);
    const room = buffer.byteLength - offset;
    if (room < 0) throw outOfBounds('offset');
    if (length === undefined) return wrap(buffer, offset, room);
    length = +length;
    if (length > room) throw outOfBounds('length');
    return wrap(buffer, offset, length > 0 ? length : 0);
  }
  function fromList(list) {
    const copy = new FastBuffer(list.length > 0 ? list.length : 0);
    copy.set(list);
    return copy;
  }
  Buffer.from = function from(value, encodingOrOffset, length) {
    if (typeof value === 'string') return fromText(value, encodingOrOffset);
    if (typeof value === 'object' && value !== null) {
      if (isBuffer(value)) return fromMemory(value, encodingOrOffset, length);
      const primitive = value.valueOf && value.valueOf();
      if (primitive !== null && primitive !== undefined && primitive !== value && (typeof primitive === 'string' || typeof primitive === 'object')) {
        return from(primitive, encodingOrOffset, length);
      }
      if (value.length !== undefined || isBuffer(value.buffer)) return typeof value.length === 'number' && value.length > 0 ? fromList(value) : new FastBuffer(0);
      if (value.type === 'Buffer' && ArrayIsArray(value.data)) return fromList(value.data);
      if (typeof value[toPrimitive] === 'function') {
        const text = value[toPrimitive]('string');
        if (typeof text === 'string') return fromText(text, encodingOrOffset);
      }
    }
    throw invalid('first argument', 'of type string or an instance of Buffer, ArrayBuffer, or Array or an Array-like Object', value);
  };

  Buffer.alloc = function alloc(size, fill, encoding) {
    checkSize(size);
    const buffer = new FastBuffer(size);
    return fill === undefined || fill === 0 || size === 0 ? buffer : fillBytes(buffer, fill, 0, buffer.length, encoding);
  };
  Buffer.allocUnsafe = Buffer.allocUnsafeSlow = (size) => Buffer.alloc(size);
  Buffer.isBuffer = (value) => value instanceof FastBuffer;
  Buffer.isEncoding = (encoding) => typeof encoding === 'string' && native.isEncoding(encoding);
  // How many bytes a text takes; of hex and base64 by its length alone, whatever is in it, and in UTF-8 where there is no such encoding.
  function lengthOf(text, encoding) {
    if (encoding === 'hex') return text.length >>> 1;
    if (encoding !== 'base64' && encoding !== 'base64url') return native.encode(text, native.isEncoding(encoding) ? encoding : 'utf8').byteLength;
    const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
    return ((text.length - padding) * 3) >>> 2;
  }
  Buffer.byteLength = function byteLength(value, encoding) {
    if (typeof value === 'string') return lengthOf(value, `${encoding || 'utf8'}`.toLowerCase());
    if (isView(value) || isBuffer(value)) return value.byteLength;
    throw invalid('string', 'of type string or an instance of Buffer or ArrayBuffer', value);
  };
  Buffer.compare = function compare(a, b) {
    if (!isBytes(a)) throw invalid('buf1', BYTES, a);
    if (!isBytes(b)) throw invalid('buf2', BYTES, b);
    return native.compare(a, b);
  };
  Buffer.concat = function concat(list, total) {
    if (!ArrayIsArray(list)) throw invalid('list', 'an instance of Array', list);
    if (list.length === 0) return new FastBuffer(0);
    if (total === undefined) {
      total = 0;
      for (let i = 0; i < list.length; i++) if (list[i].length) total += list[i].length;
    } else checkOffset('length', total);
    const out = Buffer.alloc(total);
    for (let i = 0, at = 0; i < list.length; i++) {
      const part = list[i];
      if (!isBytes(part)) throw invalid(`list[${i}]`, BYTES, part);
      if (at < total) out.set(at + part.length > total ? part.subarray(0, total - at) : part, at);
      at += part.length;
    }
    return out;
  };
  Buffer.poolSize = 8192;
  Object.defineProperty(Buffer, Symbol.species, { get() { return FastBuffer; } });

  // Where a search begins, as in Node's IndexOfOffset; -1 where there is nothing to find.
  function searchStart(length, offset, size, last) {
    if (offset < 0) return offset + length >= 0 ? length + offset : !last || size === 0 ? 0 : -1;
    if (offset + size <= length) return offset;
    return size === 0 ? length : last ? length - 1 : -1;
  }
  const WIDE = { __proto__: null, ucs2: true, 'ucs-2': true, utf16le: true, 'utf-16le': true };
  function search(buffer, value, offset, encoding, last) {
    if (typeof offset === 'string') [encoding, offset] = [offset, undefined];
    offset = +offset;
    offset = NumberIsNaN(offset) ? last ? buffer.length : 0 : Math.trunc(Math.max(-0x80000000, Math.min(0x7fffffff, offset)));
    let needle = value;
    if (typeof value === 'number') needle = new FastBuffer([value & 255]);
    else if (typeof value === 'string') needle = new FastBuffer(native.encode(value, encoding === undefined ? undefined : `${encoding}`));
    else if (!isBytes(value)) throw invalid('value', 'one of type number or string or an instance of Buffer or Uint8Array', value);
    let start = searchStart(buffer.length, offset, needle.length, last);
    if (needle.length === 0 || start < 0) return start;
    // Two bytes are one unit.
    const wide = typeof encoding === 'string' && typeof value !== 'number' && WIDE[encoding.toLowerCase()];
    for (;;) {
      const found = native.indexOf(buffer, needle, start, last);
      if (!wide || found < 0 || found % 2 === 0) return found;
      start = last ? found - 1 : found + 1;
    }
  }
  function fillBytes(buffer, value, offset, end, encoding) {
    if (typeof value === 'string') {
      if (offset === undefined || typeof offset === 'string') [encoding, offset, end] = [offset, 0, buffer.length];
      else if (typeof end === 'string') [encoding, end] = [end, buffer.length];
      if (encoding !== undefined && encoding !== null && encoding !== '') {
        if (typeof encoding !== 'string') throw invalid('encoding', 'of type string', encoding);
        if (!native.isEncoding(encoding)) throw unknownEncoding(encoding);
      }
      if (value === '') value = 0;
    }
    if (offset === undefined) [offset, end] = [0, buffer.length];
    else {
      checkOffset('offset', offset, 2 ** 32);
      if (end === undefined) end = buffer.length;
      else checkOffset('end', end, buffer.length);
      if (offset >= end) return buffer;
    }
    if (end > buffer.length) throw outOfBounds();
    let pattern = typeof value === 'string' ? fromText(value, encoding) : value;
    if (!isView(pattern)) {
      Uint8Array.prototype.fill.call(buffer, value & 255, offset, end);
      return buffer;
    }
    // Of other views the bytes count.
    if (!isBytes(pattern)) pattern = new FastBuffer(pattern.buffer, pattern.byteOffset, pattern.byteLength);
    if (pattern.length === 0) throw coded(TypeError, 'ERR_INVALID_ARG_VALUE', `The argument 'value' is invalid. Received ${native.inspect(value)}`);
    const room = end - offset;
    let there = Math.min(pattern.length, room);
    buffer.set(there < pattern.length ? pattern.subarray(0, there) : pattern, offset);
    // What is there already is copied behind itself.
    for (; there < room; there *= 2) buffer.copyWithin(offset + there, offset, offset + Math.min(there, room - there));
    return buffer;
  }
  // A place that `copy` is given: a number that is no such place is 0.
  function whole(value) {
    value = +value;
    return NumberIsSafeInteger(Math.floor(value)) ? Math.floor(value) : 0;
  }

  const methods = {
    toString(encoding, start, end) {
      const length = this.length;
      if (encoding === null) throw unknownEncoding(encoding);
      if (start === undefined && end === undefined) return native.decode(this, encoding, 0, length);
      start = start <= 0 ? 0 : start >= length ? length : start | 0;
      end = end === undefined || end > length ? length : end | 0;
      return end <= start ? '' : native.decode(this, encoding, start, end);
    },
    toLocaleString(encoding, start, end) { return this.toString(encoding, start, end); },
    toJSON() { return { type: 'Buffer', data: Array.from(this) }; },
    equals(other) {
      if (!isBytes(other)) throw invalid('otherBuffer', BYTES, other);
      return native.compare(this, other) === 0;
    },
    compare(other, targetStart = 0, targetEnd, sourceStart = 0, sourceEnd = this.length) {
      if (!isBytes(other)) throw invalid('target', BYTES, other);
      targetEnd = targetEnd === undefined ? other.length : targetEnd;
      checkOffset('targetStart', targetStart);
      checkOffset('targetEnd', targetEnd, other.length);
      checkOffset('sourceStart', sourceStart);
      checkOffset('sourceEnd', sourceEnd, this.length);
      if (sourceStart >= sourceEnd) return targetStart >= targetEnd ? 0 : -1;
      if (targetStart >= targetEnd) return 1;
      return native.compare(this.subarray(sourceStart, sourceEnd), other.subarray(targetStart, targetEnd));
    },
    // Unlike Uint8Array's, it shares memory.
    slice(start, end) { return this.subarray(start, end); },
    copy(target, targetStart, sourceStart, sourceEnd = this.length) {
      if (!isBytes(target)) throw invalid('target', BYTES, target);
      [targetStart, sourceStart, sourceEnd] = [whole(targetStart), whole(sourceStart), whole(sourceEnd)];
      if (targetStart < 0) throw outside('targetStart', '>= 0', targetStart);
      if (sourceStart < 0 || sourceStart > this.length) throw outside('sourceStart', `>= 0 && <= ${this.length}`, sourceStart);
      if (sourceEnd < 0) throw outside('sourceEnd', '>= 0', sourceEnd);
      if (targetStart >= target.length || sourceStart >= sourceEnd) return 0;
      const source = this.subarray(sourceStart, Math.min(sourceEnd, sourceStart + target.length - targetStart));
      target.set(source, targetStart);
      return source.length;
    },
    write(text, offset, length, encoding) {
      if (offset === undefined) [offset, length, encoding] = [0, this.length, undefined];
      else if (length === undefined && typeof offset === 'string') [encoding, offset, length] = [offset, 0, this.length];
      else {
        checkOffset('offset', offset, this.length);
        if (typeof length === 'string') [encoding, length] = [length, undefined];
        if (length !== undefined) checkOffset('length', length, this.length);
        length = Math.min(length ?? this.length, this.length - offset);
      }
      encoding = encoding ? `${encoding}` : 'utf8';
      if (!native.isEncoding(encoding)) throw unknownEncoding(encoding);
      if (typeof text !== 'string') throw coded(TypeError, 'ERR_INVALID_ARG_TYPE', 'argument must be a string');
      let bytes = new FastBuffer(native.encode(text, encoding));
      if (bytes.length > length) bytes = bytes.subarray(0, native.wholeLength(bytes, length, encoding));
      this.set(bytes, offset);
      return bytes.length;
    },
    fill(value, offset, end, encoding) { return fillBytes(this, value, offset, end, encoding); },
    indexOf(value, offset, encoding) { return search(this, value, offset, encoding, false); },
    lastIndexOf(value, offset, encoding) { return search(this, value, offset, encoding, true); },
    includes(value, offset, encoding) { return this.indexOf(value, offset, encoding) !== -1; },
    swap16() { return swap(this, 2); },
    swap32() { return swap(this, 4); },
    swap64() { return swap(this, 8); },
    readUIntBE(offset, length) { return bytesBE(this, offset, length); },
    readUIntLE(offset, length) {
      width(length, offset);
      place(this, offset, length);
      return bytesBE(this.subarray(offset, offset + length).toReversed(), 0, length);
    },
    readIntBE(offset, length) { return signed(bytesBE(this, offset, length), length); },
    readIntLE(offset, length) { return signed(this.readUIntLE(offset, length), length); },
    writeUIntBE(value, offset, length) { return writeBE(this, value, offset, length, false); },
    writeUIntLE(value, offset, length) { return writeLE(this, value, offset, length, false); },
    writeIntBE(value, offset, length) { return writeBE(this, value, offset, length, true); },
    writeIntLE(value, offset, length) { return writeLE(this, value, offset, length, true); },
  };

  // Whether `size` bytes are there: what Node refuses would be read as something else, or written nowhere.
  function place(buffer, offset, size) {
    if (typeof offset !== 'number') throw invalid('offset', 'of type number', offset);
    if (offset >= 0 && offset + size <= buffer.length && offset % 1 === 0) return;
    if (Math.floor(offset) !== offset) throw outside('offset', 'an integer', offset);
    if (buffer.length < size) throw outOfBounds();
    throw outside('offset', `>= 0 and <= ${buffer.length - size}`, offset);
  }
  function width(length, offset = 0) {
    if (offset === undefined) throw invalid('offset', 'of type number', offset);
    if (typeof length !== 'number') throw invalid('byteLength', 'of type number', length);
    if (Math.floor(length) !== length) throw outside('byteLength', 'an integer', length);
    if (!(length >= 1 && length <= 6)) throw outside('byteLength', '>= 1 and <= 6', length);
  }
  function checkInteger(value, size, isSigned, wide) {
    const n = wide ? 'n' : '', bits = 8 * size - (isSigned ? 1 : 0), end = 2 ** bits, min = isSigned ? -end : 0;
    if (!((wide ? value >= end : value > end - 1) || value < min)) return;
    const power = `2${n} ** ${bits}${n}`;
    const range = size > 4 ? `>= ${isSigned ? `-(${power})` : `0${n}`} and < ${power}` : `>= ${min} and <= ${end - 1}`;
    throw outside('value', range, value);
  }
  function bytesBE(buffer, offset, length) {
    if (offset === undefined) throw invalid('offset', 'of type number', offset);
    width(length);
    place(buffer, offset, length);
    let value = 0;
    for (let i = 0; i < length; i++) value = value * 256 + buffer[offset + i];
    return value;
  }
  function checkWrite(buffer, value, offset, length, isSigned) {
    width(length);
    value = +value;
    checkInteger(value, length, isSigned);
    place(buffer, offset, length);
    value = Math.trunc(value);
    return value < 0 ? value + 2 ** (8 * length) : value;
  }
  function writeBE(buffer, value, offset, length, isSigned) {
    value = checkWrite(buffer, value, offset, length, isSigned);
    for (let i = length - 1; i >= 0; i--, value = Math.floor(value / 256)) buffer[offset + i] = value % 256;
    return offset + length;
  }
  function writeLE(buffer, value, offset, length, isSigned) {
    value = checkWrite(buffer, value, offset, length, isSigned);
    for (let i = 0; i < length; i++, value = Math.floor(value / 256)) buffer[offset + i] = value % 256;
    return offset + length;
  }
  const signed = (value, length) => (value >= 2 ** (8 * length - 1) ? value - 2 ** (8 * length) : value);
  function swap(buffer, size) {
    if (buffer.length % size) throw coded(RangeError, 'ERR_INVALID_BUFFER_SIZE', `Buffer size must be a multiple of ${size * 8}-bits`);
    for (let start = 0, length = buffer.length; start < length; start += size) {
      for (let low = start, high = start + size - 1; low < high; low++, high--) {
        const byte = buffer[low];
        buffer[low] = buffer[high];
        buffer[high] = byte;
      }
    }
    return buffer;
  }

  const kinds = {
    UInt8: ['Uint8', 1], Int8: ['Int8', 1], UInt16: ['Uint16', 2], Int16: ['Int16', 2], UInt32: ['Uint32', 4],
    Int32: ['Int32', 4], Float: ['Float32', 4], Double: ['Float64', 8], BigUInt64: ['BigUint64', 8], BigInt64: ['BigInt64', 8],
  };
  for (const [name, [kind, size]] of Object.entries(kinds)) {
    for (const order of size === 1 ? [''] : ['LE', 'BE']) {
      const little = order === 'LE';
      const view = (buffer, offset) => {
        place(buffer, offset, size);
        return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
      };
      const [get, set] = [`get${kind}`, `set${kind}`], isInteger = size < 8 && name !== 'Float', isSigned = name[0] === 'I';
      methods[`read${name}${order}`] = !isInteger
        ? function (offset = 0) { return view(this, offset)[get](offset, little); }
        : function (offset = 0) {
          place(this, offset, size);
          let value = 0;
          for (let i = 0; i < size; i++) value = value * 256 + this[little ? offset + size - 1 - i : offset + i];
          return isSigned ? signed(value, size) : value;
        };
      const wide = name.startsWith('Big');
      methods[`write${name}${order}`] = function (value, offset = 0) {
        if (!wide) value = +value;
        if (size === 1 && typeof offset !== 'number') throw invalid('offset', 'of type number', offset);
        if (name.includes('Int')) checkInteger(value, size, !name.includes('UInt'), wide);
        view(this, offset)[set](offset, value, little);
        return offset + size;
      };
    }
  }
  for (const name of Object.keys(methods)) {
    Object.defineProperty(FastBuffer.prototype, name, { value: methods[name], writable: true, configurable: true });
    if (/UInt/.test(name)) {
      Object.defineProperty(FastBuffer.prototype, name.replace('UInt', 'Uint'), { value: methods[name], writable: true, configurable: true });
    }
  }
  Object.defineProperty(FastBuffer.prototype, 'parent', { get() { return this.buffer; }, configurable: true });
  Object.defineProperty(FastBuffer.prototype, 'constructor', { value: Buffer, writable: true, configurable: true });
  Buffer.prototype = FastBuffer.prototype;
  Object.setPrototypeOf(Buffer, Uint8Array);

  modules.wrap = wrap;
  modules.buffer = { Buffer, atob: native.atob, btoa: native.btoa, constants: { MAX_LENGTH: most }, kMaxLength: most };
  global('Buffer', Buffer);
  global('atob', native.atob);
  global('btoa', native.btoa);
});
