// sign, verify and what RSA encrypts (https://nodejs.org/api/crypto.html#class-sign), with the keys of keys.js.
(function (native, modules, global) {
  'use strict';
  const { Buffer } = modules.buffer;
  const tools = modules.cryptoTools;
  const { failure, wrongType, bytesOf, encoded, optionsOf, invalidValue, KeyObject } = tools;
  const { createPrivateKey, createPublicKey } = modules.crypto;

  const constants = {
    RSA_PKCS1_PADDING: 1, RSA_NO_PADDING: 3, RSA_PKCS1_OAEP_PADDING: 4, RSA_PKCS1_PSS_PADDING: 6, RSA_PSS_SALTLEN_DIGEST: -1, RSA_PSS_SALTLEN_MAX_SIGN: -2, RSA_PSS_SALTLEN_AUTO: -2,
    POINT_CONVERSION_COMPRESSED: 2, POINT_CONVERSION_UNCOMPRESSED: 4, POINT_CONVERSION_HYBRID: 6,
  };
  const openssl = (code, message) => failure(Error, code, message);
  const isSm2 = (key) => KeyObject.detailOf(key) === 'SM2';

  // The arguments of native.sign: how, and the length of the salt or SM2's identity.
  function form(key, options, algorithm, identity, verifies) {
    const { dsaEncoding = 'der', padding = constants.RSA_PKCS1_PADDING, saltLength = -2 } = options;
    if (dsaEncoding !== 'der' && dsaEncoding !== 'ieee-p1363') throw invalidValue('options.dsaEncoding', dsaEncoding);
    if (!NumberIsInteger(padding)) throw invalidValue('options.padding', padding);
    if (!NumberIsInteger(saltLength)) throw invalidValue('options.saltLength', saltLength);
    if (key.asymmetricKeyType === 'ec') return [dsaEncoding === 'der' ? 'der' : 'p1363', isSm2(key) ? options.distid ?? identity : undefined];
    if (key.asymmetricKeyType !== 'rsa') return [''];
    if (padding === constants.RSA_PKCS1_PADDING) return ['pkcs1'];
    if (padding !== constants.RSA_PKCS1_PSS_PADDING) throw openssl('ERR_OSSL_ILLEGAL_OR_UNSUPPORTED_PADDING_MODE', 'error:1C8000A5:Provider routines::illegal or unsupported padding mode');
    if (saltLength < -3) throw openssl('ERR_OSSL_INVALID_SALT_LENGTH', 'error:1C800070:Provider routines::invalid salt length');
    // Verified, -2 is any salt, -3 the longest one; signed, both are the longest, which native.sign takes by itself.
    if (saltLength === -3 && verifies) return ['pss', Math.ceil((KeyObject.detailOf(key) - 1) / 8) - native.digestSize(algorithm) - 2];
    return ['pss', saltLength >= 0 ? saltLength : saltLength === -1 ? native.digestSize(algorithm) : undefined];
  }
  // OpenSSL's own choice when none is named.
  const digestOf = (algorithm, key) => (algorithm === null || algorithm === undefined ? { __proto__: null, rsa: 'sha256', ec: isSm2(key) ? 'sm3' : 'sha256' }[key.asymmetricKeyType] : algorithm);
  function sign(algorithm, data, input, identity) {
    const key = createPrivateKey(input);
    const digest = digestOf(algorithm, key);
    return modules.wrap(native.sign(KeyObject.nativeOf(key), digest, data, ...form(key, optionsOf(input), digest, identity, false)));
  }
  function verify(algorithm, data, input, signature, identity) {
    const key = createPublicKey(input);
    const digest = digestOf(algorithm, key);
    const [how, last] = form(key, optionsOf(input), digest, identity, true);
    return native.verify(KeyObject.nativeOf(key), digest, data, how, last, signature);
  }
  tools.sign = sign;
  tools.verify = verify;

  class Collector {
    #parts = [];
    constructor(algorithm) {
      if (typeof algorithm !== 'string') throw wrongType('algorithm', 'of type string', algorithm);
      native.digestSize(algorithm);
      this.algorithm = algorithm;
    }
    update(data, encoding) {
      this.#open().push(Buffer.from(bytesOf(data, 'data', encoding)));
      return this;
    }
    write(data, encoding) { this.update(data, encoding); return true; }
    end(data, encoding) { if (data !== undefined) this.update(data, encoding); return this; }
    #open() {
      if (!this.#parts) throw failure(Error, 'ERR_CRYPTO_INVALID_STATE', 'Not initialised');
      return this.#parts;
    }
    // All of it, once.
    static finish(collector, key) {
      if (key.asymmetricKeyType !== 'rsa' && key.asymmetricKeyType !== 'ec') throw failure(Error, 'ERR_CRYPTO_UNSUPPORTED_OPERATION', 'Unsupported crypto operation');
      const data = Buffer.concat(collector.#open());
      collector.#parts = undefined;
      return data;
    }
  }
  // SM2: the hash of the data alone is signed, without who signs, unless `distid` says it; as Node does.
  class Sign extends Collector {
    sign(input, encoding) {
      if (input === undefined || input === null) throw failure(Error, 'ERR_CRYPTO_SIGN_KEY_REQUIRED', 'No key provided to sign');
      return encoded(sign(this.algorithm, Collector.finish(this, createPrivateKey(input)), input).buffer, encoding);
    }
  }
  class Verify extends Collector {
    verify(input, signature, encoding) {
      const bytes = bytesOf(signature, 'signature', encoding);
      return verify(this.algorithm, Collector.finish(this, createPublicKey(input)), input, bytes);
    }
  }

  function oaepOf(input, operation) {
    const { padding = constants.RSA_PKCS1_OAEP_PADDING, oaepHash = 'sha1', oaepLabel, encoding } = optionsOf(input);
    if (padding !== constants.RSA_PKCS1_PADDING && padding !== constants.RSA_PKCS1_OAEP_PADDING) {
      throw failure(TypeError, 'ERR_INVALID_ARG_VALUE', `The property 'options.padding' is invalid: ${operation} takes RSA_PKCS1_OAEP_PADDING${operation === 'publicEncrypt' ? ' and RSA_PKCS1_PADDING' : ''}. Received ${native.inspect(padding)}`);
    }
    if (typeof oaepHash !== 'string') throw wrongType('key.oaepHash', 'of type string', oaepHash);
    return [padding, oaepHash, oaepLabel === undefined ? new Uint8Array() : bytesOf(oaepLabel, 'key.oaepLabel', encoding)];
  }
  // SM2 has an encryption of its own, which Node does not have either.
  function rsaOnly(key) {
    if (isSm2(key)) throw failure(Error, 'ERR_CRYPTO_UNSUPPORTED_OPERATION', "crypto does not encrypt with SM2 keys: use the library 'sm-crypto', or createECDH('SM2') for a shared secret");
    return KeyObject.nativeOf(key);
  }
  function encrypt(input, data) {
    const [padding, hash, label] = oaepOf(input, 'publicEncrypt');
    const key = rsaOnly(createPublicKey(input));
    return modules.wrap(native.rsaEncrypt(key, bytesOf(data, 'buffer', optionsOf(input).encoding), padding === constants.RSA_PKCS1_PADDING ? 'pkcs1' : hash, label));
  }
  function decrypt(input, data) {
    const [padding, hash, label] = oaepOf(input, 'privateDecrypt');
    if (padding === constants.RSA_PKCS1_PADDING) {
      throw failure(TypeError, 'ERR_INVALID_ARG_VALUE', 'RSA_PKCS1_PADDING is no longer supported for private decryption, because its errors tell strangers what a text says (CVE-2023-46809): use RSA_PKCS1_OAEP_PADDING on both sides');
    }
    return modules.wrap(native.rsaDecrypt(rsaOnly(createPrivateKey(input)), bytesOf(data, 'buffer', optionsOf(input).encoding), hash, label));
  }
  // A signature without a hash, and what it signs.
  function pkcs1Only(input, operation) {
    const { padding = constants.RSA_PKCS1_PADDING } = optionsOf(input);
    if (padding !== constants.RSA_PKCS1_PADDING) throw failure(TypeError, 'ERR_INVALID_ARG_VALUE', `The property 'options.padding' is invalid: ${operation} takes RSA_PKCS1_PADDING. Received ${native.inspect(padding)}`);
  }
  function privateEncrypt(input, data) {
    pkcs1Only(input, 'privateEncrypt');
    return modules.wrap(native.rsaSignRaw(rsaOnly(createPrivateKey(input)), bytesOf(data, 'buffer', optionsOf(input).encoding)));
  }
  function publicDecrypt(input, data) {
    pkcs1Only(input, 'publicDecrypt');
    return modules.wrap(native.rsaRecover(rsaOnly(createPublicKey(input)), bytesOf(data, 'buffer', optionsOf(input).encoding)));
  }

  Object.assign(modules.crypto, {
    publicEncrypt: encrypt,
    privateDecrypt: decrypt,
    privateEncrypt,
    publicDecrypt,
    Sign, Verify, constants,
    createSign: (algorithm) => new Sign(algorithm),
    createVerify: (algorithm) => new Verify(algorithm),
    sign(algorithm, data, key, callback) {
      if (key === undefined || key === null) throw failure(Error, 'ERR_CRYPTO_SIGN_KEY_REQUIRED', 'No key provided to sign');
      const work = () => sign(algorithm, bytesOf(data, 'data'), key, '');
      return callback === undefined ? work() : tools.later(callback, work);
    },
    verify(algorithm, data, key, signature, callback) {
      const work = () => verify(algorithm, bytesOf(data, 'data'), key, bytesOf(signature, 'signature'), '');
      return callback === undefined ? work() : tools.later(callback, work);
    },
  });
});
