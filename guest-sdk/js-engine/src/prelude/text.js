// TextEncoder, TextDecoder, structuredClone and queueMicrotask.
(function (native, modules, global) {
  'use strict';
  class TextEncoder {
    get encoding() { return 'utf-8'; }
    encode(text = '') { return new Uint8Array(native.encode(`${text}`, 'utf8')); }
    encodeInto(text, target) {
      const bytes = new Uint8Array(native.encode(`${text}`, 'utf8'));
      const written = native.wholeLength(bytes, Math.min(bytes.length, target.length), 'utf8');
      target.set(bytes.subarray(0, written));
      return { read: native.decode(bytes, 'utf8', 0, written).length, written };
    }
  }

  // UTF-8 is decoded here; every other encoding by the host (src/intl), whose tables would make the engine larger.
  class TextDecoder {
    #rest = null;
    #shown = 0;
    #started = false;
    constructor(label = 'utf-8', options = {}) {
      this.encoding = native.decoderLabel(`${label}`);
      if (!this.encoding) {
        const error = new RangeError(`The "${label}" encoding is not supported`);
        error.code = 'ERR_ENCODING_NOT_SUPPORTED';
        throw error;
      }
      this.fatal = Boolean(options && options.fatal);
      this.ignoreBOM = Boolean(options && options.ignoreBOM);
    }
    decode(input, options) {
      let bytes = input === undefined ? new Uint8Array() : ArrayBufferIsView(input)
        ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength) : new Uint8Array(input);
      const stream = Boolean(options && options.stream);
      if (this.#rest) {
        const joined = new Uint8Array(this.#rest.length + bytes.length);
        joined.set(this.#rest);
        joined.set(bytes, this.#rest.length);
        bytes = joined;
        this.#rest = null;
      }
      let text;
      if (this.encoding === 'utf-8') {
        if (stream) {
          const whole = native.wholeLength(bytes, bytes.length, 'stream');
          if (whole < bytes.length) {
            this.#rest = bytes.slice(whole);
            bytes = bytes.subarray(0, whole);
          }
        }
        text = native.textDecode(bytes, this.encoding, this.fatal, true);
      } else {
        text = native.textDecode(bytes, this.encoding, this.fatal, !stream);
      }
      if (text === null) {
        this.#forget();
        const error = new TypeError(`The encoded data was not valid for encoding ${this.encoding}`);
        error.code = 'ERR_ENCODING_INVALID_ENCODED_DATA';
        throw error;
      }
      if (this.encoding !== 'utf-8') {
        const shown = this.#shown;
        this.#shown = 0;
        if (stream) this.#keep(bytes, text);
        if (shown > 0) text = text.slice(shown);
      }
      if (text !== '' && !this.#started) {
        this.#started = true;
        if (!this.ignoreBOM && text[0] === '\ufeff' && (this.encoding === 'utf-8' || this.encoding === 'utf-16le' || this.encoding === 'utf-16be')) text = text.slice(1);
      }
      if (!stream) this.#forget();
      return text;
    }
    // Keeps the bytes that begin a character: nothing is awaited before them, and what came before them has the same text. Where that is not so,
    // and for the escapes of iso-2022-jp, all is decoded anew from the beginning, and what was shown is left out.
    #keep(bytes, text) {
      for (let begun = 0; this.encoding !== 'iso-2022-jp' && begun <= 3 && begun <= bytes.length; begun++) {
        const before = bytes.subarray(0, bytes.length - begun);
        const same = (last) => native.textDecode(before, this.encoding, this.fatal, last) === text;
        if (same(true) && (begun === 0 || same(false))) {
          if (begun > 0) this.#rest = bytes.slice(bytes.length - begun);
          return;
        }
      }
      this.#rest = bytes.slice();
      this.#shown = text.length;
    }
    #forget() {
      this.#rest = null;
      this.#shown = 0;
      this.#started = false;
    }
  }

  function uncloneable(what) {
    return new modules.DOMException(`${what} could not be cloned.`, 'DataCloneError');
  }
  const errors = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };
  const isPlain = (value) => value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === undefined;
  function cloneMembers(value, copy, seen) {
    const keys = Object.keys(value);
    for (let i = 0; i < keys.length; i++) {
      const item = value[keys[i]];
      native.put(copy, keys[i], isPlain(item) ? item : clone(item, seen));
    }
    return copy;
  }
  function clone(value, seen) {
    if (typeof value === 'symbol') throw uncloneable(String(value));
    if (typeof value === 'function') throw uncloneable(native.inspect(value));
    if (value === null || typeof value !== 'object') return value;
    if (seen.has(value)) return seen.get(value);
    const keep = (copy) => { seen.set(value, copy); return copy; };
    if (ArrayIsArray(value)) {
      const copy = keep(new Array(value.length)), keys = Object.keys(value);
      for (let i = 0; i < keys.length; i++) {
        const key = keys[i], item = value[key];
        copy[key] = isPlain(item) ? item : clone(item, seen);
      }
      return copy;
    }
    // Most are no more than objects: what needs to be asked for one by one is left to the others.
    if (native.brand(value) === '' && !ArrayBufferIsView(value) && !(value instanceof WeakRef)) return cloneMembers(value, keep({}), seen);
    if (value instanceof Date) return keep(new Date(value.getTime()));
    if (value instanceof RegExp) return keep(new RegExp(value.source, value.flags));
    if (value instanceof Boolean || value instanceof Number || value instanceof String) return keep(toObject(value.valueOf()));
    if (value instanceof ArrayBuffer) return keep(value.slice(0));
    if (ArrayBufferIsView(value)) {
      const buffer = clone(value.buffer, seen);
      const Type = value instanceof DataView ? DataView : modules.buffer.Buffer.isBuffer(value) ? Uint8Array : value.constructor;
      return keep(new Type(buffer, value.byteOffset, value instanceof DataView ? value.byteLength : value.length));
    }
    if (value instanceof Map) {
      const copy = keep(new Map());
      for (const [key, item] of [...value]) copy.set(clone(key, seen), clone(item, seen));
      return copy;
    }
    if (value instanceof Set) {
      const copy = keep(new Set());
      for (const item of [...value]) copy.add(clone(item, seen));
      return copy;
    }
    if (value instanceof Error) {
      const fresh = keep(new (errors[value.name] || Error)(value.message));
      if ('cause' in value) fresh.cause = clone(value.cause, seen);
      fresh.stack = value.stack;
      return fresh;
    }
    if (value instanceof Promise || value instanceof WeakMap || value instanceof WeakSet || value instanceof WeakRef) {
      throw uncloneable(`#<${value.constructor.name}>`);
    }
    return cloneMembers(value, keep({}), seen);
  }

  modules.text = { TextEncoder, TextDecoder };
  global('TextEncoder', TextEncoder);
  global('TextDecoder', TextDecoder);
  global('structuredClone', function structuredClone(value) {
    if (arguments.length === 0) throw new TypeError('structuredClone takes a value');
    return clone(value, new Map());
  });
  global('queueMicrotask', function queueMicrotask(callback) {
    if (typeof callback !== 'function') throw new TypeError('The "callback" argument must be of type function');
    modules.later(() => { callback(); });
  });
});
