// New keys, and shared secrets: ECDH, diffieHellman, generateKeyPair (https://nodejs.org/api/crypto.html#class-ecdh).
(function (native, modules, global) {
  'use strict';
  const tools = modules.cryptoTools;
  const { failure, wrongType, bytesOf, encoded, invalidValue, KeyObject } = tools;
  const { Buffer } = modules.buffer;

  const FORMS = ['compressed', 'uncompressed', 'hybrid'];
  function formOf(format = 'uncompressed') {
    const name = { __proto__: null, 2: 'compressed', 4: 'uncompressed', 6: 'hybrid' }[format] ?? format;
    if (!FORMS.includes(name)) throw failure(TypeError, 'ERR_CRYPTO_ECDH_INVALID_FORMAT', `Invalid ECDH format: ${format}`);
    return name;
  }
  const missing = (what) => failure(Error, 'ERR_CRYPTO_OPERATION_FAILED', `Failed to get ECDH ${what} key`);
  class ECDH {
    #curve;
    #secret;
    #point;
    constructor(curve) {
      if (typeof curve !== 'string') throw wrongType('curve', 'of type string', curve);
      this.#curve = native.curveName(curve);
    }
    static convertKey(key, curve, inputEncoding, outputEncoding, format) {
      if (typeof curve !== 'string') throw wrongType('curve', 'of type string', curve);
      const point = native.ecPoint(native.curveName(curve), bytesOf(key, 'key', inputEncoding), formOf(format));
      if (!point) throw failure(Error, 'ERR_CRYPTO_OPERATION_FAILED', 'Failed to convert Buffer to EC_POINT');
      return encoded(point, outputEncoding);
    }
    generateKeys(encoding, format) {
      this.#secret = native.ecSecret(this.#curve);
      this.#point = native.ecPublic(this.#curve, this.#secret);
      return this.getPublicKey(encoding, format);
    }
    computeSecret(otherPublicKey, inputEncoding, outputEncoding) {
      const other = bytesOf(otherPublicKey, 'otherPublicKey', inputEncoding);
      if (!this.#secret) throw failure(RangeError, 'ERR_CRYPTO_INVALID_KEYPAIR', 'Invalid key pair');
      const shared = native.ecAgree(this.#curve, this.#secret, other);
      if (!shared) throw failure(Error, 'ERR_CRYPTO_ECDH_INVALID_PUBLIC_KEY', 'Public key is not valid for specified curve');
      return encoded(shared, outputEncoding);
    }
    getPrivateKey(encoding) {
      if (!this.#secret) throw missing('private');
      const bytes = new Uint8Array(this.#secret);
      return encoded(this.#secret.slice(bytes.findIndex((byte) => byte !== 0)), encoding);
    }
    getPublicKey(encoding, format) {
      const form = formOf(format);
      if (!this.#point) throw missing('public');
      return encoded(native.ecPoint(this.#curve, this.#point, form), encoding);
    }
    setPrivateKey(key, encoding) {
      const secret = native.ecSecret(this.#curve, bytesOf(key, 'key', encoding));
      if (!secret) throw failure(RangeError, 'ERR_CRYPTO_INVALID_KEYTYPE', 'Private key is not valid for specified curve.');
      this.#secret = secret;
      this.#point = native.ecPublic(this.#curve, secret);
      return this;
    }
  }

  function diffieHellman(options) {
    if (options === null || typeof options !== 'object') throw wrongType('options', 'of type object', options);
    const { privateKey, publicKey } = options;
    if (!(privateKey instanceof KeyObject)) throw invalidValue('options.privateKey', privateKey);
    if (!(publicKey instanceof KeyObject)) throw invalidValue('options.publicKey', publicKey);
    if (privateKey.type !== 'private') throw tools.invalidType(privateKey.type, 'private');
    if (publicKey.type === 'secret') throw tools.invalidType('secret', 'private or public');
    const [own, other] = [privateKey.asymmetricKeyType, publicKey.asymmetricKeyType];
    if (own !== other || (own !== 'ec' && own !== 'x25519')) throw failure(Error, 'ERR_CRYPTO_INCOMPATIBLE_KEY', `Incompatible key types for Diffie-Hellman: ${own} and ${other}`);
    if (KeyObject.detailOf(privateKey) !== KeyObject.detailOf(publicKey)) throw failure(Error, 'ERR_OSSL_MISMATCHING_DOMAIN_PARAMETERS', 'error:1C8000CB:Provider routines::mismatching domain parameters');
    return modules.wrap(native.keyAgree(KeyObject.nativeOf(privateKey), KeyObject.nativeOf(publicKey)));
  }

  const KINDS = ['rsa', 'ec', 'ed25519', 'x25519'];
  const OTHERS = ['rsa-pss', 'dsa', 'dh', 'ed448', 'x448'];
  function generate(type, options) {
    if (OTHERS.includes(type)) throw failure(Error, 'ERR_CRYPTO_UNSUPPORTED_OPERATION', `generateKeyPair does not make ${type} keys here: there are ${KINDS.join(', ')}`);
    if (!KINDS.includes(type)) throw failure(TypeError, 'ERR_INVALID_ARG_VALUE', `The argument 'type' must be a supported key type. Received ${native.inspect(type)}`);
    if (type === 'rsa' || type === 'ec') {
      if (options === null || typeof options !== 'object') throw wrongType('options', 'of type object', options);
    }
    if (type === 'ec') {
      if (typeof options.namedCurve !== 'string') throw failure(TypeError, 'ERR_INVALID_ARG_TYPE', `The "options.namedCurve" property must be of type string. Received ${native.inspect(options.namedCurve)}`);
      return native.keyGenerate(native.curveName(options.namedCurve));
    }
    if (type !== 'rsa') return native.keyGenerate(type);
    const { modulusLength, publicExponent = 65537 } = options;
    for (const [name, value] of [['modulusLength', modulusLength], ['publicExponent', publicExponent]]) {
      if (typeof value !== 'number') throw failure(TypeError, 'ERR_INVALID_ARG_TYPE', `The "options.${name}" property must be of type number. Received ${value === undefined ? 'undefined' : `type ${typeof value} (${native.inspect(value)})`}`);
    }
    return native.keyGenerateRsa(modulusLength, publicExponent);
  }

  Object.assign(modules.crypto, {
    ECDH,
    createECDH: (curve) => new ECDH(curve),
    diffieHellman,
    getCurves: () => native.curveName().split(' '),
    generateKeyPairSync(type, options) {
      const { publicKeyEncoding, privateKeyEncoding } = options ?? {};
      const key = generate(type, options);
      const shaped = (key, encoding) => (encoding ? tools.wrapKey(key).export(encoding) : tools.wrapKey(key));
      return { publicKey: shaped(native.keyPublic(key), publicKeyEncoding), privateKey: shaped(key, privateKeyEncoding) };
    },
    generateKeyPair(type, options, callback) {
      if (typeof options === 'function') [options, callback] = [undefined, options];
      if (typeof callback !== 'function') throw wrongType('callback', 'of type function', callback);
      const { publicKey, privateKey } = modules.crypto.generateKeyPairSync(type, options);
      modules.later(() => callback(null, publicKey, privateKey));
    },
    generateKeySync(type, options) {
      if (type !== 'hmac' && type !== 'aes') throw failure(TypeError, 'ERR_INVALID_ARG_VALUE', `The argument 'type' must be a supported key type. Received ${native.inspect(type)}`);
      if (options === null || typeof options !== 'object') throw wrongType('options', 'of type object', options);
      const { length } = options;
      if (type === 'hmac') tools.checkInteger(length, 'options.length', 8);
      else if (![128, 192, 256].includes(length)) throw failure(TypeError, 'ERR_INVALID_ARG_VALUE', `The property 'options.length' must be one of: 128, 192, 256. Received ${native.inspect(length)}`);
      return modules.crypto.createSecretKey(Buffer.from(native.random(Math.floor(length / 8))));
    },
    generateKey(type, options, callback) { return tools.later(callback, () => modules.crypto.generateKeySync(type, options)); },
  });
});
