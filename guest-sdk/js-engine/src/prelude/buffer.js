// Buffer as far as scripts use it: a Uint8Array with encodings (https://nodejs.org/api/buffer.html).
(function (native, modules, global) {
  'use strict';
  class FastBuffer extends Uint8Array {}

  function invalid(name, expected, value) {
    const error = new TypeError(`The "${name}" argument must be ${expected}. Received ${value === null ? 'null' : typeof value}`);
    error.code = 'ERR_INVALID_ARG_TYPE';
    return error;
  }

  function Buffer(value, encoding, length) {
    if (typeof value === 'number') return Buffer.alloc(value);
    return Buffer.from(value, encoding, length);
  }

  const wrap = (buffer, offset, length) => new FastBuffer(buffer, offset, length);
  const isView = (value) => ArrayBufferIsView(value);

  Buffer.from = function from(value, encodingOrOffset, length) {
    if (typeof value === 'string') return wrap(native.encode(value, encodingOrOffset));
    if (value instanceof ArrayBuffer) return wrap(value, encodingOrOffset, length);
    if (isView(value)) {
      if (value instanceof DataView) throw invalid('value', 'a string, Buffer, ArrayBuffer, Array or array-like', value);
      const copy = new FastBuffer(value.length);
      copy.set(value);
      return copy;
    }
    if (value !== null && typeof value === 'object') {
      if (value.type === 'Buffer' && ArrayIsArray(value.data)) return Buffer.from(value.data);
      if (ArrayIsArray(value) || value.length !== undefined) {
        if (typeof value.length !== 'number') return new FastBuffer(0);
        const copy = new FastBuffer(value.length > 0 ? value.length : 0);
        copy.set(value);
        return copy;
      }
      const primitive = value.valueOf && value.valueOf();
      if (primitive !== null && primitive !== undefined && primitive !== value) {
        return Buffer.from(primitive, encodingOrOffset, length);
      }
    }
    throw invalid('value', 'a string, Buffer, ArrayBuffer, Array or array-like', value);
  };

  Buffer.alloc = function alloc(size, fill, encoding) {
    if (typeof size !== 'number') throw invalid('size', 'of type number', size);
    const buffer = new FastBuffer(size);
    return fill === undefined || fill === 0 ? buffer : buffer.fill(fill, encoding);
  };
  Buffer.allocUnsafe = Buffer.allocUnsafeSlow = (size) => Buffer.alloc(size);
  Buffer.isBuffer = (value) => value instanceof FastBuffer;
  Buffer.isEncoding = (encoding) => native.isEncoding(String(encoding));
  // How many bytes a text takes; of hex and base64 by its length alone, whatever is in it, and in UTF-8 where there is no such encoding.
  function lengthOf(text, encoding) {
    if (encoding === 'hex') return text.length >>> 1;
    if (encoding !== 'base64' && encoding !== 'base64url') return native.encode(text, native.isEncoding(encoding) ? encoding : 'utf8').byteLength;
    const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
    return ((text.length - padding) * 3) >>> 2;
  }
  Buffer.byteLength = function byteLength(value, encoding) {
    if (typeof value === 'string') return lengthOf(value, `${encoding ?? 'utf8'}`.toLowerCase());
    if (isView(value) || value instanceof ArrayBuffer) return value.byteLength;
    throw invalid('string', 'a string, Buffer or ArrayBuffer', value);
  };
  Buffer.compare = (a, b) => native.compare(a, b);
  Buffer.concat = function concat(list, total) {
    if (!ArrayIsArray(list)) throw invalid('list', 'an Array', list);
    if (total === undefined) total = list.reduce((sum, part) => sum + part.length, 0);
    const out = new FastBuffer(total);
    let at = 0;
    for (const part of list) {
      if (at >= total) break;
      out.set(at + part.length > total ? part.subarray(0, total - at) : part, at);
      at += part.length;
    }
    return out;
  };
  Buffer.poolSize = 8192;
  Object.defineProperty(Buffer, Symbol.species, { get() { return FastBuffer; } });

  const ranged = (start, end, length) => {
    start = start === undefined ? 0 : Math.max(0, start | 0);
    end = end === undefined ? length : Math.min(length, end | 0);
    return [start, Math.max(start, end)];
  };

  const methods = {
    toString(encoding, start, end) {
      if (start === undefined && end === undefined) return native.decode(this, encoding, 0, this.length);
      [start, end] = ranged(start, end, this.length);
      return native.decode(this, encoding, start, end);
    },
    toLocaleString(encoding, start, end) { return this.toString(encoding, start, end); },
    toJSON() { return { type: 'Buffer', data: Array.from(this) }; },
    equals(other) {
      if (!(other instanceof Uint8Array)) throw invalid('otherBuffer', 'an instance of Buffer or Uint8Array', other);
      return native.compare(this, other) === 0;
    },
    compare(other, targetStart, targetEnd, sourceStart, sourceEnd) {
      if (!(other instanceof Uint8Array)) throw invalid('target', 'an instance of Buffer or Uint8Array', other);
      const target = other.subarray(...ranged(targetStart, targetEnd, other.length));
      return native.compare(this.subarray(...ranged(sourceStart, sourceEnd, this.length)), target);
    },
    // Unlike Uint8Array's, it shares memory.
    slice(start, end) { return this.subarray(start, end); },
    copy(target, targetStart = 0, sourceStart = 0, sourceEnd = this.length) {
      if (!(target instanceof Uint8Array)) throw invalid('target', 'an instance of Buffer or Uint8Array', target);
      [targetStart, sourceStart, sourceEnd] = [targetStart, sourceStart, sourceEnd].map((place) => Math.trunc(place) || 0);
      if (targetStart < 0) throw outside('targetStart', '>= 0', targetStart);
      if (sourceStart < 0 || sourceStart > this.length) throw outside('sourceStart', `>= 0 && <= ${this.length}`, sourceStart);
      if (sourceEnd < 0) throw outside('sourceEnd', '>= 0', sourceEnd);
      if (targetStart >= target.length || sourceStart >= sourceEnd) return 0;
      const source = this.subarray(sourceStart, Math.min(sourceEnd, sourceStart + target.length - targetStart));
      target.set(source, targetStart);
      return source.length;
    },
    write(text, offset, length, encoding) {
      if (typeof offset === 'string') [encoding, offset, length] = [offset, 0, undefined];
      else if (typeof length === 'string') [encoding, length] = [length, undefined];
      offset = offset === undefined ? 0 : offset;
      if (typeof text !== 'string') throw invalid('string', 'of type string', text);
      if (!(offset >= 0 && offset <= this.length)) throw outside('offset', `>= 0 && <= ${this.length}`, offset);
      const room = Math.min(this.length - offset, length === undefined ? Infinity : length);
      let bytes = new FastBuffer(native.encode(text, encoding));
      if (bytes.length > room) bytes = bytes.subarray(0, native.wholeLength(bytes, room, encoding));
      this.set(bytes, offset);
      return bytes.length;
    },
    fill(value, offset, end, encoding) {
      if (typeof offset === 'string') [encoding, offset, end] = [offset, undefined, undefined];
      else if (typeof end === 'string') [encoding, end] = [end, undefined];
      [offset, end] = ranged(offset, end, this.length);
      let pattern = typeof value === 'string' ? Buffer.from(value, encoding) : value;
      // Of other views the bytes count.
      if (isView(pattern) && !(pattern instanceof Uint8Array)) pattern = new FastBuffer(pattern.buffer, pattern.byteOffset, pattern.byteLength);
      if (!isView(pattern) || value === '') {
        Uint8Array.prototype.fill.call(this, value & 255, offset, end);
        return this;
      }
      if (pattern.length === 0) {
        const error = new TypeError(`The argument 'value' is invalid. Received ${native.inspect(value)}`);
        error.code = 'ERR_INVALID_ARG_VALUE';
        throw error;
      }
      const room = end - offset;
      let there = Math.min(pattern.length, room);
      this.set(there < pattern.length ? pattern.subarray(0, there) : pattern, offset);
      // What is there already is copied behind itself.
      for (; there < room; there *= 2) this.copyWithin(offset + there, offset, offset + Math.min(there, room - there));
      return this;
    },
    indexOf(value, offset, encoding) {
      if (typeof offset === 'string') [encoding, offset] = [offset, 0];
      if (typeof value === 'number') return Uint8Array.prototype.indexOf.call(this, value & 255, offset);
      const needle = typeof value === 'string' ? new FastBuffer(native.encode(value, encoding)) : value;
      offset = offset === undefined ? 0 : offset < 0 ? Math.max(0, this.length + offset) : offset;
      return native.indexOf(this, needle, offset, false);
    },
    lastIndexOf(value, offset, encoding) {
      if (typeof value === 'number') {
        return offset === undefined ? Uint8Array.prototype.lastIndexOf.call(this, value & 255)
          : Uint8Array.prototype.lastIndexOf.call(this, value & 255, offset);
      }
      const needle = typeof value === 'string' ? new FastBuffer(native.encode(value, encoding)) : value;
      return native.indexOf(this, needle, offset === undefined ? this.length : offset, true);
    },
    includes(value, offset, encoding) { return this.indexOf(value, offset, encoding) !== -1; },
    swap16() { return swap(this, 2); },
    swap32() { return swap(this, 4); },
    swap64() { return swap(this, 8); },
    readUIntBE(offset, length) { return bytesBE(this, offset, length); },
    readUIntLE(offset, length) {
      place(this, offset, width(length));
      return bytesBE(this.subarray(offset, offset + length).toReversed(), 0, length);
    },
    readIntBE(offset, length) { return signed(bytesBE(this, offset, length), length); },
    readIntLE(offset, length) { return signed(this.readUIntLE(offset, length), length); },
    writeUIntBE(value, offset, length) {
      checkInteger(value, width(length), false);
      place(this, offset, length);
      for (let i = length - 1; i >= 0; i--, value = Math.floor(value / 256)) this[offset + i] = value % 256;
      return offset + length;
    },
    writeUIntLE(value, offset, length) {
      checkInteger(value, width(length), false);
      place(this, offset, length);
      for (let i = 0; i < length; i++, value = Math.floor(value / 256)) this[offset + i] = value % 256;
      return offset + length;
    },
    writeIntBE(value, offset, length) { checkInteger(value, width(length), true); return this.writeUIntBE(value < 0 ? value + 2 ** (8 * length) : value, offset, length); },
    writeIntLE(value, offset, length) { checkInteger(value, width(length), true); return this.writeUIntLE(value < 0 ? value + 2 ** (8 * length) : value, offset, length); },
  };

  function outside(name, range, value) {
    const error = new RangeError(`The value of "${name}" is out of range. It must be ${range}. Received ${value}`);
    error.code = 'ERR_OUT_OF_RANGE';
    return error;
  }
  // Whether `size` bytes are there: what Node refuses would be read as something else, or written nowhere.
  function place(buffer, offset, size) {
    if (typeof offset !== 'number') throw invalid('offset', 'of type number', offset);
    if (offset >= 0 && offset + size <= buffer.length && offset % 1 === 0) return;
    if (offset % 1 !== 0 && offset - offset === 0) throw outside('offset', 'an integer', offset);
    if (buffer.length >= size) throw outside('offset', `>= 0 and <= ${buffer.length - size}`, offset);
    const error = new RangeError('Attempt to access memory outside buffer bounds');
    error.code = 'ERR_BUFFER_OUT_OF_BOUNDS';
    throw error;
  }
  function width(length) {
    if (typeof length !== 'number') throw invalid('byteLength', 'of type number', length);
    if (!(length >= 1 && length <= 6 && length % 1 === 0)) throw outside('byteLength', length % 1 === 0 ? '>= 1 and <= 6' : 'an integer', length);
    return length;
  }
  function checkInteger(value, size, isSigned) {
    const max = 2 ** (8 * size - (isSigned ? 1 : 0)), min = isSigned ? -max : 0;
    if (value >= min && value < max || NumberIsNaN(Number(value))) return;
    const range = size > 6 ? `>= ${isSigned ? `-(2n ** ${8 * size - 1}n)` : '0n'} and < 2n ** ${8 * size - (isSigned ? 1 : 0)}n` : `>= ${min} and <= ${max - 1}`;
    const error = new RangeError(`The value of "value" is out of range. It must be ${range}. Received ${value}${typeof value === 'bigint' ? 'n' : ''}`);
    error.code = 'ERR_OUT_OF_RANGE';
    throw error;
  }
  function bytesBE(buffer, offset, length) {
    place(buffer, offset, width(length));
    let value = 0;
    for (let i = 0; i < length; i++) value = value * 256 + buffer[offset + i];
    return value;
  }
  const signed = (value, length) => (value >= 2 ** (8 * length - 1) ? value - 2 ** (8 * length) : value);
  function swap(buffer, size) {
    if (buffer.length % size) {
      const error = new RangeError(`Buffer size must be a multiple of ${size * 8}-bits`);
      error.code = 'ERR_INVALID_BUFFER_SIZE';
      throw error;
    }
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
      methods[`write${name}${order}`] = function (value, offset = 0) {
        if (name.includes('Int')) checkInteger(value, size, !name.includes('UInt'));
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
  modules.buffer = { Buffer, atob: native.atob, btoa: native.btoa, constants: { MAX_LENGTH: 67108864 }, kMaxLength: 67108864 };
  global('Buffer', Buffer);
  global('atob', native.atob);
  global('btoa', native.btoa);
});
