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
  // Classes of the prelude with a copy of their own.
  modules.copies = [];
  modules.copied = (Class, copy) => { native.push(modules.copies, { __proto__: null, Class, copy }); };
  for (const Class of [modules.crypto.KeyObject, modules.crypto.webcrypto.CryptoKey]) modules.copied(Class, (key) => key);
  const errors = { __proto__: null, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };
  // What `native.clone` asks for: the copy of an error, whose cause it adds, and of what has a copy of its own; undefined of other objects.
  function rare(value) {
    if (native.brand(value) !== 'Error') {
      for (let i = 0; i < modules.copies.length; i++) {
        if (value instanceof modules.copies[i].Class) return modules.copies[i].copy(value);
      }
      return undefined;
    }
    if (value instanceof modules.DOMException) return new modules.DOMException(value.message, value.name);
    const name = value.name, message = native.own(value, 'message'), stack = value.stack;
    const copy = new (errors[name] ?? Error)();
    if (message !== undefined) native.hide(copy, 'message', `${message}`);
    native.hide(copy, 'stack', stack);
    return copy;
  }
  const objectToString = Object.prototype.toString;
  // As V8 names a value in a message.
  function shown(value) {
    let text = '#<Object>';
    const kind = native.brand(value);
    if (kind === 'Proxy' && typeof value === 'object') text = ArrayIsArray(value) ? '[object Array]' : '#<Object>';
    else if (typeof value === 'symbol' || typeof value === 'function') text = String(value);
    else if (kind === 'Symbol') text = '[object Symbol]';
    else if (ArrayBufferIsView(value)) text = '[object Object]';
    else if (kind === 'Generator' || kind === 'AsyncGenerator') text = `[object ${kind}]`;
    else if (value.toString === objectToString && !('next' in value) && value.constructor?.name) text = `#<${value.constructor.name}>`;
    return text.length > 128 ? `${text.slice(0, 111)}...<omitted>...${text.slice(-2)}` : text;
  }
  function refuse(value) {
    throw uncloneable(native.brand(value) === 'ArrayBuffer' ? 'An ArrayBuffer is detached and' : shown(value));
  }
  modules.refuseClone = refuse;
  function coded(code, message) {
    const error = new TypeError(message);
    native.put(error, 'code', code);
    return error;
  }

  modules.text = { TextEncoder, TextDecoder };
  global('TextEncoder', TextEncoder);
  global('TextDecoder', TextDecoder);
  // A method, because it is no constructor.
  const { structuredClone } = {
    structuredClone(...args) {
      if (args.length === 0) throw coded('ERR_MISSING_ARGS', 'The value argument must be specified');
      const [value, options] = args;
      if (options !== undefined && typeof options !== 'object' && typeof options !== 'function') {
        throw coded('ERR_INVALID_ARG_TYPE', 'The options argument must be either an object or undefined');
      }
      const buffers = [], transfer = options?.transfer;
      if (transfer !== undefined && transfer !== null) {
        if (typeof transfer !== 'object') throw coded('ERR_INVALID_ARG_TYPE', 'Optional transferList argument must be an iterable');
        for (const item of typeof transfer[SymbolIterator] === 'function' ? transfer : []) {
          if (native.brand(item) !== 'ArrayBuffer') throw coded('ERR_INVALID_TRANSFER_OBJECT', 'Found invalid object in transferList');
          for (let i = 0; i < buffers.length; i++) {
            if (buffers[i] === item) throw new modules.DOMException('Transfer list contains duplicate ArrayBuffer', 'DataCloneError');
          }
          native.push(buffers, item);
        }
      }
      return native.clone(value, buffers, rare, refuse);
    },
  };
  global('structuredClone', structuredClone);
  global('queueMicrotask', function queueMicrotask(callback) {
    if (typeof callback !== 'function') throw new TypeError('The "callback" argument must be of type function');
    modules.later(() => { callback(); });
  });
});
