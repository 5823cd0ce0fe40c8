// require('crypto') as far as scripts use it: hashes, HMACs, random values, derived keys. cipher.js, keys.js and subtle.js add to it.
(function (native, modules, global) {
  'use strict';
  const { Buffer } = modules.buffer;
  const ASYNC_ITERATOR = Symbol.asyncIterator;

  function failure(Type, code, message) {
    const error = new Type(message);
    error.code = code;
    return error;
  }
  const received = (value) => (value === null || value === undefined ? `${value}`
    : typeof value === 'function' ? `function ${value.name}`
      : typeof value === 'object' ? `an instance of ${value.constructor ? value.constructor.name : 'Object'}` : `type ${typeof value} (${native.inspect(value)})`);
  const wrongType = (name, expected, value) => failure(TypeError, 'ERR_INVALID_ARG_TYPE', `The "${name}" argument must be ${expected}. Received ${received(value)}`);
  const outOfRange = (name, range, value) => failure(RangeError, 'ERR_OUT_OF_RANGE', `The value of "${name}" is out of range. It must be ${range}. Received ${value}`);
  const BYTES = 'of type string or an instance of ArrayBuffer, Buffer, TypedArray, or DataView';

  // Text or any view as a view.
  function bytesOf(value, name, encoding) {
    if (typeof value === 'string') return Buffer.from(value, encoding === 'buffer' ? undefined : encoding);
    if (ArrayBufferIsView(value) || value instanceof ArrayBuffer) return value;
    throw wrongType(name, BYTES, value);
  }
  // A secret key in any of its forms.
  function secretOf(key, name = 'key') {
    if (key instanceof tools.KeyObject || key instanceof tools.CryptoKey) return tools.secretBytes(key);
    if (typeof key !== 'string' && !ArrayBufferIsView(key) && !(key instanceof ArrayBuffer)) {
      throw wrongType(name, 'of type string or an instance of ArrayBuffer, Buffer, TypedArray, DataView, KeyObject, or CryptoKey', key);
    }
    return bytesOf(key, name);
  }
  function checkInteger(value, name, min, max = 2147483647) {
    if (typeof value !== 'number') throw wrongType(name, 'of type number', value);
    if (!NumberIsInteger(value)) throw outOfRange(name, 'an integer', value);
    if (value < min || value > max) throw outOfRange(name, `>= ${min} && <= ${max}`, value);
  }
  const encoded = (buffer, encoding) => {
    const bytes = modules.wrap(buffer);
    return encoding === undefined || encoding === null || encoding === 'buffer' ? bytes : bytes.toString(encoding);
  };
  // Node's callback form of a function that answers at once.
  function later(callback, work) {
    if (typeof callback !== 'function') throw wrongType('callback', 'of type function', callback);
    const value = work();
    modules.later(() => callback(null, value));
  }

  const tools = { failure, wrongType, outOfRange, bytesOf, secretOf, encoded, later, checkInteger };
  class Hash {
    #state;
    #done = false;
    constructor(state) { this.#state = state; }
    update(data, encoding) {
      if (this.#done) throw failure(Error, 'ERR_CRYPTO_HASH_FINALIZED', 'Digest already called');
      native.hashUpdate(this.#state, data, encoding);
      return this;
    }
    digest(encoding) {
      if (this.#done) throw failure(Error, 'ERR_CRYPTO_HASH_FINALIZED', 'Digest already called');
      this.#done = true;
      const out = native.hashDigest(this.#state, encoding);
      return encoding === undefined || encoding === 'buffer' ? modules.wrap(out) : out;
    }
    copy() {
      if (this.#done) throw failure(Error, 'ERR_CRYPTO_HASH_FINALIZED', 'Digest already called');
      return new Hash(native.hashCopy(this.#state));
    }
  }
  class Hmac extends Hash {}
  // Hashes and ciphers are streams, too, which most scripts never use: the stream is made when one of its methods is called.
  tools.streamed = (Class, make) => {
    const streams = new WeakMap();
    const of = (object) => {
      if (!streams.has(object)) streams.set(object, make(object));
      return streams.get(object);
    };
    for (const name of ['write', 'end', 'read', 'pipe', 'unpipe', 'on', 'once', 'off', 'addListener', 'removeListener', 'removeAllListeners', 'prependListener', 'emit', 'listenerCount',
      'listeners', 'pause', 'resume', 'setEncoding', 'destroy', 'cork', 'uncork', 'push', 'setDefaultEncoding']) {
      const method = { [name](...args) { const stream = of(this); const given = stream[name](...args); return given === stream ? this : given; } }[name];
      Object.defineProperty(Class.prototype, name, { value: method, writable: true, configurable: true });
    }
    for (const name of ['readable', 'writable', 'destroyed', 'readableEnded', 'writableFinished', 'writableEnded', 'writableNeedDrain', 'readableFlowing', '_readableState', '_writableState', 'errored', 'closed']) {
      Object.defineProperty(Class.prototype, name, { get() { return of(this)[name]; }, configurable: true });
    }
    Object.defineProperty(Class.prototype, ASYNC_ITERATOR, { value() { return of(this)[ASYNC_ITERATOR](); }, writable: true, configurable: true });
  };

  function pbkdf2(password, salt, iterations, length, digest) {
    if (typeof digest !== 'string') throw wrongType('digest', 'of type string', digest);
    const [secret, grain] = [bytesOf(password, 'password'), bytesOf(salt, 'salt')];
    checkInteger(iterations, 'iterations', 1);
    checkInteger(length, 'keylen', 0);
    return modules.wrap(native.pbkdf2(secret, grain, iterations, length, digest));
  }
  // What scrypt may take of the sandbox's memory, whatever `maxmem` says.
  const MOST_MEMORY = 32 * 1024 * 1024;
  function scrypt(password, salt, length, options = {}) {
    const [secret, grain] = [bytesOf(password, 'password'), bytesOf(salt, 'salt')];
    checkInteger(length, 'keylen', 0);
    const { N = options.cost ?? 16384, r = options.blockSize ?? 8, p = options.parallelization ?? 1 } = options;
    const log = Math.log2(N);
    const bad = (why) => failure(RangeError, 'ERR_CRYPTO_INVALID_SCRYPT_PARAMS', `Invalid scrypt params${why}`);
    if (!(N > 1 && NumberIsInteger(log) && NumberIsInteger(r) && r > 0 && NumberIsInteger(p) && p > 0)) throw bad('');
    if (128 * N * r + 128 * r * p > Math.min(MOST_MEMORY, options.maxmem ?? MOST_MEMORY)) throw bad(': memory limit exceeded (at most 32 MiB: 128 * N * r)');
    return modules.wrap(native.scrypt(secret, grain, length, log, r, p));
  }
  function hkdf(digest, key, salt, info, length) {
    if (typeof digest !== 'string') throw wrongType('digest', 'of type string', digest);
    const parts = [secretOf(key, 'ikm'), bytesOf(salt, 'salt'), bytesOf(info, 'info')];
    if (parts[2].byteLength > 1024) throw outOfRange('info', 'must not contain more than 1024 bytes', parts[2].byteLength);
    checkInteger(length, 'length', 0);
    return native.hkdf(digest, ...parts, length);
  }

  modules.cryptoTools = tools;
  tools.streamed(Hash, (hash) => new modules.stream.Transform({
    transform(chunk, encoding, callback) { hash.update(chunk); callback(); },
    flush(callback) { callback(null, hash.digest()); },
  }));

  // As OpenSSL 3 lists them, as far as they are here.
  const HASHES = ['RSA-MD5', 'RSA-RIPEMD160', 'RSA-SHA1', 'RSA-SHA1-2', 'RSA-SHA224', 'RSA-SHA256', 'RSA-SHA3-224', 'RSA-SHA3-256', 'RSA-SHA3-384', 'RSA-SHA3-512', 'RSA-SHA384',
    'RSA-SHA512', 'RSA-SHA512/224', 'RSA-SHA512/256', 'RSA-SM3', 'blake2b512', 'blake2s256', 'id-rsassa-pkcs1-v1_5-with-sha3-224', 'id-rsassa-pkcs1-v1_5-with-sha3-256',
    'id-rsassa-pkcs1-v1_5-with-sha3-384', 'id-rsassa-pkcs1-v1_5-with-sha3-512', 'md5', 'md5-sha1', 'md5WithRSAEncryption', 'ripemd', 'ripemd160', 'ripemd160WithRSA', 'rmd160', 'sha1',
    'sha1WithRSAEncryption', 'sha224', 'sha224WithRSAEncryption', 'sha256', 'sha256WithRSAEncryption', 'sha3-224', 'sha3-256', 'sha3-384', 'sha3-512', 'sha384', 'sha384WithRSAEncryption',
    'sha512', 'sha512-224', 'sha512-224WithRSAEncryption', 'sha512-256', 'sha512-256WithRSAEncryption', 'sha512WithRSAEncryption', 'shake128', 'shake256', 'sm3', 'sm3WithRSAEncryption',
    'ssl3-md5', 'ssl3-sha1'];

  const crypto = {
    createHash(algorithm, options) {
      if (typeof algorithm !== 'string') throw wrongType('algorithm', 'of type string', algorithm);
      const length = options && typeof options === 'object' ? options.outputLength : undefined;
      if (length !== undefined) tools.checkInteger(length, 'options.outputLength', 0, 4294967295);
      return new Hash(native.hash(algorithm, length));
    },
    createHmac(algorithm, key) {
      if (typeof algorithm !== 'string') throw wrongType('hmac', 'of type string', algorithm);
      return new Hmac(native.hmac(algorithm, secretOf(key)));
    },
    hash(algorithm, data, encoding = 'hex') { return crypto.createHash(algorithm).update(data).digest(encoding); },
    getHashes: () => [...HASHES],
    timingSafeEqual(a, b) {
      for (const [name, value] of [['buf1', a], ['buf2', b]]) {
        if (!ArrayBufferIsView(value) && !(value instanceof ArrayBuffer)) {
          throw failure(TypeError, 'ERR_INVALID_ARG_TYPE', `The "${name}" argument must be an instance of ArrayBuffer, Buffer, TypedArray, or DataView.`);
        }
      }
      if (a.byteLength !== b.byteLength) {
        throw failure(RangeError, 'ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH', 'Input buffers must have the same byte length');
      }
      return native.timingSafeEqual(a, b);
    },
    randomBytes(size, callback) {
      checkInteger(size, 'size', 0);
      if (callback !== undefined) return later(callback, () => modules.wrap(native.random(size)));
      return modules.wrap(native.random(size));
    },
    randomFillSync(view, offset = 0, size = view.byteLength - offset) {
      const bytes = view instanceof ArrayBuffer ? new Uint8Array(view) : new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
      bytes.set(new Uint8Array(native.random(size)), offset);
      return view;
    },
    randomFill(view, ...rest) {
      const callback = rest.pop();
      return later(callback, () => crypto.randomFillSync(view, ...rest));
    },
    randomUUID() {
      const bytes = modules.wrap(native.random(16));
      bytes[6] = (bytes[6] & 15) | 64;
      bytes[8] = (bytes[8] & 63) | 128;
      const hex = bytes.toString('hex');
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
    },
    randomInt(min, max, callback) {
      if (max === undefined || typeof max === 'function') [min, max, callback] = [0, min, max];
      const range = max - min;
      if (!NumberIsSafeInteger(min)) throw wrongType('min', 'a safe integer', min);
      if (!NumberIsSafeInteger(max)) throw wrongType('max', 'a safe integer', max);
      if (!(range > 0)) throw outOfRange('max', `greater than the value of "min" (${min})`, max);
      if (range > 2 ** 48 - 1) throw outOfRange('max - min', '<= 281474976710655', range);
      // Values above the last whole multiple would favour small results.
      const limit = 2 ** 48 - (2 ** 48 % range);
      const draw = () => {
        let value;
        do value = modules.wrap(native.random(6)).readUIntBE(0, 6); while (value >= limit);
        return min + (value % range);
      };
      return callback === undefined ? draw() : later(callback, draw);
    },
    getRandomValues(view) {
      if (!ArrayBufferIsView(view) || view instanceof DataView || view instanceof Float32Array || view instanceof Float64Array) {
        throw new TypeError('getRandomValues takes an integer typed array');
      }
      if (view.byteLength > 65536) {
        const error = new Error(`The requested length exceeds 65536 bytes: ${view.byteLength}`);
        error.name = 'QuotaExceededError';
        throw error;
      }
      return crypto.randomFillSync(view);
    },
    pbkdf2Sync: pbkdf2,
    pbkdf2(password, salt, iterations, length, digest, callback) {
      return later(callback, () => pbkdf2(password, salt, iterations, length, digest));
    },
    scryptSync: scrypt,
    scrypt(password, salt, length, options, callback) {
      if (callback === undefined) [options, callback] = [undefined, options];
      return later(callback, () => scrypt(password, salt, length, options));
    },
    hkdfSync: hkdf,
    hkdf(digest, key, salt, info, length, callback) {
      return later(callback, () => hkdf(digest, key, salt, info, length));
    },
    Hash,
    Hmac,
  };
  modules.crypto = crypto;
  global('crypto', crypto);
});
