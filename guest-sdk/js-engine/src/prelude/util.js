// require('util') and require('querystring') as far as scripts use them.
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

  // By what an object is, not by its prototype: a proxy of a map is none, and a script cannot pretend.
  const is = (name) => (value) => native.brand(value) === name;
  const either = (...kinds) => (value) => { for (const kind of kinds) if (kind(value)) return true; return false; };
  const typedName = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;
  const nameOfTyped = (value) => typedName.call(value);
  const types = {
    isDate: is('Date'),
    isRegExp: is('RegExp'),
    // Node's DOMException is none, though it has a stack.
    isNativeError: (value) => native.brand(value) === 'Error' && !(value instanceof modules.DOMException),
    isPromise: is('Promise'),
    isMap: is('Map'),
    isSet: is('Set'),
    isMapIterator: is('Map Iterator'),
    isSetIterator: is('Set Iterator'),
    isWeakMap: is('WeakMap'),
    isWeakSet: is('WeakSet'),
    isArrayBuffer: is('ArrayBuffer'),
    isSharedArrayBuffer: is('SharedArrayBuffer'),
    isAnyArrayBuffer: either(is('ArrayBuffer'), is('SharedArrayBuffer')),
    isArrayBufferView: (value) => ArrayBufferIsView(value),
    isDataView: is('DataView'),
    isTypedArray: (value) => nameOfTyped(value) !== undefined,
    isAsyncFunction: either(is('AsyncFunction'), is('AsyncGeneratorFunction')),
    isGeneratorFunction: either(is('GeneratorFunction'), is('AsyncGeneratorFunction')),
    isGeneratorObject: either(is('Generator'), is('AsyncGenerator')),
    isSymbolObject: is('Symbol'),
    isNumberObject: is('Number'),
    isStringObject: is('String'),
    isBooleanObject: is('Boolean'),
    isBigIntObject: is('BigInt'),
    isArgumentsObject: is('Arguments'),
    isProxy: is('Proxy'),
    isExternal: () => false,
    isModuleNamespaceObject: is('Module'),
    isKeyObject: (value) => value instanceof modules.crypto.KeyObject,
    isCryptoKey: (value) => value instanceof modules.crypto.webcrypto.CryptoKey,
  };
  types.isBoxedPrimitive = either(types.isNumberObject, types.isStringObject, types.isBooleanObject, types.isSymbolObject, types.isBigIntObject);
  for (const name of ['Int8', 'Uint8', 'Uint8Clamped', 'Int16', 'Uint16', 'Int32', 'Uint32', 'Float32', 'Float64', 'BigInt64', 'BigUint64']) {
    const array = `${name}Array`;
    types[`is${array}`] = (value) => nameOfTyped(value) === array;
  }

  // `loose` as `assert.deepEqual` compares: primitives by ==, and no prototypes.
  function equal(a, b, seen, loose) {
    if (Object.is(a, b)) return true;
    const [left, right] = [a, b].map((value) => value !== null && typeof value === 'object');
    // eslint-disable-next-line eqeqeq
    if (loose && !left && !right) return a == b || (NumberIsNaN(a) && NumberIsNaN(b));
    if (!left || !right) return false;
    if (!loose && Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
    if (seen.get(a) === b) return true;
    seen.set(a, b);
    if (ArrayIsArray(a) !== ArrayIsArray(b) || tag(a) !== tag(b)) return false;
    if (ArrayIsArray(a) && a.length !== b.length) return false;
    if (a instanceof Date && !Object.is(a.getTime(), b.getTime())) return false;
    if (a instanceof RegExp && (a.source !== b.source || a.flags !== b.flags || a.lastIndex !== b.lastIndex)) return false;
    if (a instanceof Error && (a.message !== b.message || a.name !== b.name)) return false;
    if (types.isBoxedPrimitive(a) && !Object.is(a.valueOf(), b.valueOf())) return false;
    if (a instanceof Map || a instanceof Set) {
      if (a.size !== b.size) return false;
      const others = a instanceof Map ? [...b.entries()] : [...b];
      for (const item of a instanceof Map ? a.entries() : a) {
        const at = others.findIndex((other) => equal(item, other, seen, loose));
        if (at < 0) return false;
        others.splice(at, 1);
      }
    }
    if (a instanceof ArrayBuffer && native.compare(new Uint8Array(a), new Uint8Array(b)) !== 0) return false;
    const keys = (value) => Reflect.ownKeys(value).filter((key) => Object.prototype.propertyIsEnumerable.call(value, key) && !(loose && typeof key === 'symbol'));
    const mine = keys(a);
    return mine.length === keys(b).length && mine.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key], seen, loose));
  }
  modules.deepEqual = (a, b, loose) => equal(a, b, new Map(), loose);

  function inherits(constructor, parent) {
    Object.defineProperty(constructor, 'super_', { value: parent, writable: true, configurable: true });
    Object.setPrototypeOf(constructor.prototype, parent.prototype);
  }

  modules.util = {
    format: native.format, inspect, promisify, callbackify, inherits, types,
    isDeepStrictEqual: (a, b) => equal(a, b, new Map(), false),
    deprecate: (original) => original,
    debuglog: () => Object.assign(() => {}, { enabled: false }),
    debug: () => Object.assign(() => {}, { enabled: false }),
    _extend: (target, source) => (source !== null && typeof source === 'object' ? Object.assign(target, source) : target),
    isArray: ArrayIsArray,
    isBoolean: (value) => typeof value === 'boolean',
    isBuffer: (value) => modules.buffer.Buffer.isBuffer(value),
    isDate: types.isDate,
    isError: types.isNativeError,
    isFunction: (value) => typeof value === 'function',
    isNull: (value) => value === null,
    isNullOrUndefined: (value) => value === null || value === undefined,
    isNumber: (value) => typeof value === 'number',
    isObject: (value) => value !== null && typeof value === 'object',
    isPrimitive: (value) => value === null || (typeof value !== 'object' && typeof value !== 'function'),
    isRegExp: types.isRegExp,
    isString: (value) => typeof value === 'string',
    isSymbol: (value) => typeof value === 'symbol',
    isUndefined: (value) => value === undefined,
    formatWithOptions: (options, ...args) => native.format(...args),
    stripVTControlCharacters: (text) => String(text).replace(/\u001b\[[0-9;]*[A-Za-z]/g, ''),
    toUSVString: (text) => String(text).toWellFormed(),
    TextEncoder: modules.text.TextEncoder, TextDecoder: modules.text.TextDecoder,
  };

  const escape = encodeURIComponent;
  const unescape = (text) => {
    try { return decodeURIComponent(text); } catch {
      // What is no UTF-8 is decoded as far as it goes, and a `%` without two digits stays.
      const from = new Uint8Array(native.encode(`${text}`, 'utf8')), to = new Uint8Array(from.length);
      let length = 0;
      for (let at = 0; at < from.length; at++, length++) {
        const digits = from[at] === 37 ? native.decode(from, 'latin1', at + 1, at + 3) : '';
        const escaped = /^[0-9a-f]{2}$/i.test(digits);
        to[length] = escaped ? parseInt(digits, 16) : from[at];
        if (escaped) at += 2;
      }
      return native.decode(to, 'utf8', 0, length);
    }
  };
  const primitive = (value) => (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'bigint' || NumberIsFinite(value) ? String(value) : '');
  const querystring = {
    escape,
    unescape,
    stringify(object, separator, equals, options) {
      const encode = options?.encodeURIComponent || querystring.escape;
      if (object === null || typeof object !== 'object') return '';
      return Object.keys(object).flatMap((key) => [].concat(object[key]).map((value) => `${encode(primitive(key))}${equals || '='}${encode(primitive(value))}`)).join(separator || '&');
    },
    parse(text, separator, equals, options) {
      [separator, equals] = [separator || '&', equals || '='];
      const decode = options?.decodeURIComponent || querystring.unescape;
      const limit = options?.maxKeys ?? 1000;
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
