// crypto: Node's hashes and HMACs and the part of Web Crypto that webhook scripts use, in one object.
(function (native, modules, global) {
  'use strict';
  const { Buffer } = modules.buffer;
  const out = (bytes, encoding) => (encoding === undefined || encoding === 'buffer' ? modules.wrap(bytes) : bytes);

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
      return out(native.hashDigest(this.#state, encoding), encoding);
    }
    copy() { return new Hash(native.hashCopy(this.#state)); }
  }
  class Hmac extends Hash {}

  function failure(Type, code, message) {
    const error = new Type(message);
    error.code = code;
    return error;
  }

  const algorithmName = (algorithm) => (typeof algorithm === 'string' ? algorithm : algorithm.name);
  const webHash = (algorithm) => {
    const name = algorithmName(algorithm).toUpperCase();
    if (!['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512'].includes(name)) throw unsupported(`Unrecognized algorithm name: ${name}`);
    return name.replace('-', '').toLowerCase();
  };
  const unsupported = (message) => {
    const error = new Error(message);
    error.name = 'NotSupportedError';
    return error;
  };

  class CryptoKey {
    #secret;
    constructor(secret, algorithm, extractable, usages) {
      this.#secret = secret;
      this.type = 'secret';
      this.algorithm = algorithm;
      this.extractable = extractable;
      this.usages = usages;
    }
    static secretOf(key, usage) {
      if (!(key instanceof CryptoKey)) throw new TypeError('the key is not a CryptoKey');
      if (usage && !key.usages.includes(usage)) {
        const error = new Error(`the key does not allow '${usage}'`);
        error.name = 'InvalidAccessError';
        throw error;
      }
      return key.#secret;
    }
  }
  const copyBytes = (data) => Buffer.from(data instanceof ArrayBuffer ? data.slice(0) : new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  const hmac = (key, usage, data) => {
    const secret = CryptoKey.secretOf(key, usage);
    const state = native.hmac(webHash(key.algorithm.hash), secret);
    native.hashUpdate(state, data);
    return native.hashDigest(state);
  };
  const blockSize = { sha1: 64, sha256: 64, sha384: 128, sha512: 128 };

  const subtle = {
    async digest(algorithm, data) {
      const state = native.hash(webHash(algorithm));
      native.hashUpdate(state, data);
      return native.hashDigest(state);
    },
    async importKey(format, keyData, algorithm, extractable, usages) {
      if (algorithmName(algorithm).toUpperCase() !== 'HMAC') throw unsupported(`importKey supports HMAC only, not ${algorithmName(algorithm)}`);
      const secret = format === 'raw' ? copyBytes(keyData) : format === 'jwk' ? Buffer.from(keyData.k, 'base64url') : null;
      if (!secret) throw unsupported(`importKey supports the formats raw and jwk, not ${format}`);
      const hash = { name: algorithmName(algorithm.hash).toUpperCase() };
      webHash(hash);
      return new CryptoKey(secret, { name: 'HMAC', hash, length: secret.length * 8 }, extractable, [...usages]);
    },
    async exportKey(format, key) {
      const secret = CryptoKey.secretOf(key);
      if (!key.extractable) throw new Error('the key is not extractable');
      if (format === 'raw') return copyBytes(secret).buffer;
      if (format === 'jwk') return { kty: 'oct', k: secret.toString('base64url'), alg: `HS${key.algorithm.hash.name.slice(4)}`, key_ops: key.usages, ext: true };
      throw unsupported(`exportKey supports the formats raw and jwk, not ${format}`);
    },
    async generateKey(algorithm, extractable, usages) {
      if (algorithmName(algorithm).toUpperCase() !== 'HMAC') throw unsupported('generateKey supports HMAC only');
      const length = algorithm.length ? algorithm.length / 8 : blockSize[webHash(algorithm.hash)];
      return this.importKey('raw', new Uint8Array(native.random(length)), algorithm, extractable, usages);
    },
    async sign(algorithm, key, data) { return hmac(key, 'sign', data); },
    async verify(algorithm, key, signature, data) {
      const expected = hmac(key, 'verify', data);
      return expected.byteLength === signature.byteLength && native.timingSafeEqual(expected, signature);
    },
  };

  const crypto = {
    createHash: (algorithm) => new Hash(native.hash(String(algorithm))),
    createHmac(algorithm, key) {
      if (key === undefined || key === null) {
        throw failure(TypeError, 'ERR_INVALID_ARG_TYPE', `The "key" argument must be of type string or an instance of ArrayBuffer, Buffer, TypedArray or DataView. Received ${key}`);
      }
      return new Hmac(native.hmac(String(algorithm), key instanceof CryptoKey ? CryptoKey.secretOf(key) : key));
    },
    hash(algorithm, data, encoding = 'hex') { return crypto.createHash(algorithm).update(data).digest(encoding); },
    getHashes: () => ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'],
    timingSafeEqual(a, b) {
      for (const [name, value] of [['buf1', a], ['buf2', b]]) {
        if (!ArrayBuffer.isView(value) && !(value instanceof ArrayBuffer)) {
          throw failure(TypeError, 'ERR_INVALID_ARG_TYPE', `The "${name}" argument must be an instance of ArrayBuffer, Buffer, TypedArray, or DataView.`);
        }
      }
      if (a.byteLength !== b.byteLength) {
        throw failure(RangeError, 'ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH', 'Input buffers must have the same byte length');
      }
      return native.timingSafeEqual(a, b);
    },
    randomBytes(size, callback) {
      const bytes = modules.wrap(native.random(size));
      if (callback === undefined) return bytes;
      Promise.resolve().then(() => callback(null, bytes));
    },
    randomFillSync(view) { return crypto.getRandomValues(view); },
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
      if (!Number.isSafeInteger(min) || !Number.isSafeInteger(max)) throw failure(TypeError, 'ERR_INVALID_ARG_TYPE', 'randomInt takes safe integers');
      if (!(range > 0 && range <= 2 ** 48 - 1)) throw failure(RangeError, 'ERR_OUT_OF_RANGE', `The value of "max" is out of range. It must be greater than ${min} and at most ${min} + 2 ** 48 - 1. Received ${max}`);
      // Values above the last whole multiple would favour small results.
      const limit = 2 ** 48 - (2 ** 48 % range);
      let value;
      do value = modules.wrap(native.random(6)).readUIntBE(0, 6); while (value >= limit);
      value = min + (value % range);
      if (callback === undefined) return value;
      Promise.resolve().then(() => callback(null, value));
    },
    getRandomValues(view) {
      if (!ArrayBuffer.isView(view) || view instanceof DataView || view instanceof Float32Array || view instanceof Float64Array) {
        throw new TypeError('getRandomValues takes an integer typed array');
      }
      if (view.byteLength > 65536) {
        const error = new Error(`The requested length exceeds 65536 bytes: ${view.byteLength}`);
        error.name = 'QuotaExceededError';
        throw error;
      }
      new Uint8Array(view.buffer, view.byteOffset, view.byteLength).set(new Uint8Array(native.random(view.byteLength)));
      return view;
    },
    subtle,
    Hash,
    Hmac,
  };
  crypto.webcrypto = crypto;
  modules.crypto = crypto;
  global('crypto', crypto);
  global('CryptoKey', CryptoKey);
});
