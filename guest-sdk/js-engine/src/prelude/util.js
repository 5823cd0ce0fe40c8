// require('util'), require('events') and require('querystring') as far as scripts use them.
(function (native, modules, global) {
  'use strict';
  const inspectCustom = Symbol.for('nodejs.util.inspect.custom');
  const promisifyCustom = Symbol.for('nodejs.util.promisify.custom');
  const tag = (value) => Object.prototype.toString.call(value).slice(8, -1);

  function inspect(value, options, depth) {
    if (typeof options === 'boolean') options = { showHidden: options, depth };
    return native.inspect(value, options);
  }
  inspect.custom = inspectCustom;
  inspect.defaultOptions = { depth: 2, breakLength: 80, compact: 3 };

  function promisify(original) {
    if (typeof original !== 'function') throw new TypeError('The "original" argument must be of type function');
    if (original[promisifyCustom]) return original[promisifyCustom];
    return function promisified(...args) {
      return new Promise((resolve, reject) => {
        original.call(this, ...args, (error, value) => (error ? reject(error) : resolve(value)));
      });
    };
  }
  promisify.custom = promisifyCustom;

  const callbackify = (original) => function callbackified(...args) {
    const callback = args.pop();
    original.apply(this, args).then((value) => callback(null, value), (error) => callback(error || new Error('rejected without a reason')));
  };

  const types = {
    isDate: (value) => value instanceof Date,
    isRegExp: (value) => value instanceof RegExp,
    isNativeError: (value) => value instanceof Error,
    isPromise: (value) => value instanceof Promise,
    isMap: (value) => value instanceof Map,
    isSet: (value) => value instanceof Set,
    isWeakMap: (value) => value instanceof WeakMap,
    isWeakSet: (value) => value instanceof WeakSet,
    isArrayBuffer: (value) => value instanceof ArrayBuffer,
    isAnyArrayBuffer: (value) => value instanceof ArrayBuffer || value instanceof SharedArrayBuffer,
    isArrayBufferView: (value) => ArrayBufferIsView(value),
    isDataView: (value) => value instanceof DataView,
    isTypedArray: (value) => ArrayBufferIsView(value) && !(value instanceof DataView),
    isUint8Array: (value) => value instanceof Uint8Array,
    isAsyncFunction: (value) => typeof value === 'function' && tag(value) === 'AsyncFunction',
    isGeneratorFunction: (value) => typeof value === 'function' && /GeneratorFunction$/.test(tag(value)),
    isGeneratorObject: (value) => tag(value) === 'Generator',
    isBoxedPrimitive: (value) => value instanceof Number || value instanceof String || value instanceof Boolean || value instanceof Symbol || value instanceof BigInt,
    isSymbolObject: (value) => value instanceof Symbol,
    isProxy: () => false,
  };

  function equal(a, b, seen) {
    if (Object.is(a, b)) return true;
    if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
    if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
    if (seen.get(a) === b) return true;
    seen.set(a, b);
    if (ArrayIsArray(a) !== ArrayIsArray(b)) return false;
    if (a instanceof Date && !Object.is(a.getTime(), b.getTime())) return false;
    if (a instanceof RegExp && String(a) !== String(b)) return false;
    if (a instanceof Error && (a.message !== b.message || a.name !== b.name)) return false;
    if (types.isBoxedPrimitive(a) && !Object.is(a.valueOf(), b.valueOf())) return false;
    if (a instanceof Map || a instanceof Set) {
      if (a.size !== b.size) return false;
      const others = a instanceof Map ? [...b.entries()] : [...b];
      for (const item of a instanceof Map ? a.entries() : a) {
        const at = others.findIndex((other) => equal(item, other, seen));
        if (at < 0) return false;
        others.splice(at, 1);
      }
    }
    if (a instanceof ArrayBuffer && native.compare(new Uint8Array(a), new Uint8Array(b)) !== 0) return false;
    const keys = (value) => Reflect.ownKeys(value).filter((key) => Object.prototype.propertyIsEnumerable.call(value, key));
    const left = keys(a);
    return left.length === keys(b).length && left.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key], seen));
  }

  function inherits(constructor, parent) {
    Object.defineProperty(constructor, 'super_', { value: parent, writable: true, configurable: true });
    Object.setPrototypeOf(constructor.prototype, parent.prototype);
  }

  modules.util = {
    format: native.format, inspect, promisify, callbackify, inherits, types,
    isDeepStrictEqual: (a, b) => equal(a, b, new Map()),
    deprecate: (original) => original,
    isArray: ArrayIsArray,
    stripVTControlCharacters: (text) => String(text).replace(/\u001b\[[0-9;]*[A-Za-z]/g, ''),
    toUSVString: (text) => String(text).toWellFormed(),
    TextEncoder: modules.text.TextEncoder, TextDecoder: modules.text.TextDecoder,
  };

  class EventEmitter {
    #listeners = new Map();
    static defaultMaxListeners = 10;
    #add(name, listener, once, first) {
      if (typeof listener !== 'function') throw new TypeError('The "listener" argument must be of type function');
      const list = this.#listeners.get(name) || [];
      this.#listeners.set(name, first ? [{ listener, once }, ...list] : [...list, { listener, once }]);
      return this;
    }
    on(name, listener) { return this.#add(name, listener, false, false); }
    addListener(name, listener) { return this.on(name, listener); }
    once(name, listener) { return this.#add(name, listener, true, false); }
    prependListener(name, listener) { return this.#add(name, listener, false, true); }
    prependOnceListener(name, listener) { return this.#add(name, listener, true, true); }
    off(name, listener) {
      const list = this.#listeners.get(name) || [];
      const at = list.findLastIndex((entry) => entry.listener === listener);
      if (at >= 0) this.#listeners.set(name, list.toSpliced(at, 1));
      return this;
    }
    removeListener(name, listener) { return this.off(name, listener); }
    removeAllListeners(name) {
      if (name === undefined) this.#listeners.clear();
      else this.#listeners.delete(name);
      return this;
    }
    emit(name, ...args) {
      const list = this.#listeners.get(name) || [];
      if (list.length === 0) {
        if (name !== 'error') return false;
        throw args[0] instanceof Error ? args[0] : new Error(`Unhandled error. (${native.inspect(args[0])})`);
      }
      for (const entry of list) {
        if (entry.once) this.off(name, entry.listener);
        entry.listener.apply(this, args);
      }
      return true;
    }
    listenerCount(name) { return (this.#listeners.get(name) || []).length; }
    listeners(name) { return (this.#listeners.get(name) || []).map((entry) => entry.listener); }
    eventNames() { return [...this.#listeners.keys()].filter((name) => this.listenerCount(name) > 0); }
    setMaxListeners() { return this; }
    getMaxListeners() { return EventEmitter.defaultMaxListeners; }
  }
  EventEmitter.EventEmitter = EventEmitter;
  EventEmitter.once = (emitter, name) => new Promise((resolve, reject) => {
    const failed = (error) => { emitter.off(name, done); reject(error); };
    const done = (...args) => { emitter.off('error', failed); resolve(args); };
    emitter.once(name, done);
    if (name !== 'error') emitter.once('error', failed);
  });
  modules.events = EventEmitter;

  const escape = encodeURIComponent;
  const unescape = (text) => { try { return decodeURIComponent(text); } catch { return text; } };
  const primitive = (value) => (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'bigint' || NumberIsFinite(value) ? String(value) : '');
  const querystring = {
    escape,
    unescape,
    stringify(object, separator = '&', equals = '=', options = {}) {
      const encode = options.encodeURIComponent || querystring.escape;
      if (object === null || typeof object !== 'object') return '';
      return Object.keys(object).flatMap((key) => [].concat(object[key]).map((value) => `${encode(primitive(key))}${equals}${encode(primitive(value))}`)).join(separator);
    },
    parse(text, separator = '&', equals = '=', options = {}) {
      const decode = options.decodeURIComponent || querystring.unescape;
      const limit = options.maxKeys === undefined ? 1000 : options.maxKeys;
      const out = Object.create(null);
      if (typeof text !== 'string' || text === '') return out;
      let parts = text.split(separator).filter((part) => part !== '');
      if (limit > 0) parts = parts.slice(0, limit);
      for (const part of parts) {
        const at = part.indexOf(equals);
        const plain = (piece) => decode(piece.replaceAll('+', ' '));
        const key = plain(at < 0 ? part : part.slice(0, at));
        const value = at < 0 ? '' : plain(part.slice(at + equals.length));
        if (key in out) out[key] = [].concat(out[key], value);
        else out[key] = value;
      }
      return out;
    },
  };
  querystring.encode = querystring.stringify;
  querystring.decode = querystring.parse;
  modules.querystring = querystring;
});
