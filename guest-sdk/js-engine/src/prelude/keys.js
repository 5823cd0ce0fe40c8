// KeyObject, sign and verify (https://nodejs.org/api/crypto.html#class-keyobject): RSA, EC on P-256 and Ed25519.
(function (native, modules, global) {
  'use strict';
  const { Buffer } = modules.buffer;
  const tools = modules.cryptoTools;
  const { failure, wrongType, bytesOf, encoded } = tools;
  const MAKE = Symbol('make');

  class KeyObject {
    #key;
    #secret;
    #kind = [];
    constructor(made, type, material) {
      if (made !== MAKE) throw failure(TypeError, 'ERR_ILLEGAL_CONSTRUCTOR', 'Illegal constructor');
      if (type === 'secret') this.#secret = material;
      else {
        this.#key = material;
        this.#kind = native.keyKind(material).split(' ');
      }
    }
    static from(key) {
      if (!(key instanceof tools.CryptoKey)) throw wrongType('key', 'an instance of CryptoKey', key);
      return tools.keyObjectOf(key);
    }
    static secretOf(key) {
      if (!key.#secret) throw failure(TypeError, 'ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE', `Invalid key object type ${key.type}, expected secret.`);
      return key.#secret;
    }
    static nativeOf(key) {
      if (!key.#key) throw failure(TypeError, 'ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE', `Invalid key object type ${key.type}, expected private or public.`);
      return key.#key;
    }
    get type() { return this.#secret ? 'secret' : this.#kind[0]; }
    get symmetricKeySize() { return this.#secret && this.#secret.byteLength; }
    get asymmetricKeyType() { return this.#kind[1]; }
    get asymmetricKeyDetails() {
      const [, type, bits] = this.#kind;
      if (type === undefined) return undefined;
      return type === 'rsa' ? { modulusLength: Number(bits), publicExponent: BigInt(`0x${Buffer.from(JSON.parse(native.keyJwk(this.#key)).e, 'base64').toString('hex')}`) }
        : type === 'ec' ? { namedCurve: 'prime256v1' } : {};
    }
    equals(other) {
      return other instanceof KeyObject && other.type === this.type
        && Buffer.compare(tools.raw(this), tools.raw(other)) === 0;
    }
    export(options = {}) {
      if (this.#secret) {
        return options.format === 'jwk' ? { kty: 'oct', k: this.#secret.toString('base64url') } : Buffer.from(this.#secret);
      }
      if (options.format === 'jwk') return JSON.parse(native.keyJwk(this.#key));
      const type = options.type ?? (this.type === 'private' ? 'pkcs8' : 'spki');
      const der = native.keyDer(this.#key, type);
      if (!der) throw failure(TypeError, 'ERR_INVALID_ARG_VALUE', `The property 'options.type' is invalid for a ${this.#kind.slice(0, 2).join(' ')} key. Received '${type}'`);
      if (options.format === 'der') return modules.wrap(der);
      const label = { pkcs8: 'PRIVATE KEY', spki: 'PUBLIC KEY', pkcs1: `RSA ${this.type.toUpperCase()} KEY` }[type];
      return `-----BEGIN ${label}-----\n${modules.wrap(der).toString('base64').replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`;
    }
  }
  tools.KeyObject = KeyObject;
  tools.raw = (key) => (key.type === 'secret' ? KeyObject.secretOf(key) : modules.wrap(native.keyDer(KeyObject.nativeOf(key), key.type === 'private' ? 'pkcs8' : 'spki')));
  tools.wrapKey = (key) => new KeyObject(MAKE, 'asymmetric', key);

  function createSecretKey(key, encoding) {
    return new KeyObject(MAKE, 'secret', Buffer.from(bytesOf(key, 'key', encoding)));
  }
  // A KeyObject, PEM or DER, a JWK, or one of them in `{ key, format }`.
  function parse(input) {
    if (input instanceof KeyObject) return input;
    if (input instanceof tools.CryptoKey) return tools.keyObjectOf(input);
    if (input !== null && typeof input === 'object' && !ArrayBufferIsView(input) && !(input instanceof ArrayBuffer)) {
      if (input.format === 'jwk') {
        const key = native.keyFromJwk(JSON.stringify(input.key));
        if (!key) throw failure(Error, 'ERR_CRYPTO_INVALID_JWK', 'Invalid JWK data (there are RSA, EC with P-256 and OKP with Ed25519)');
        return tools.wrapKey(key);
      }
      if (input.passphrase !== undefined) throw failure(Error, 'ERR_CRYPTO_UNSUPPORTED_OPERATION', 'keys with a passphrase are not available in a sandbox: store the key without one as a secret');
      return parse(input.key);
    }
    const key = native.keyParse(bytesOf(input, 'key'));
    if (!key) {
      throw failure(Error, 'ERR_OSSL_UNSUPPORTED', 'error:1E08010C:DECODER routines::unsupported (there are RSA, EC on P-256 and Ed25519 keys, as PEM or DER, without a passphrase)');
    }
    return tools.wrapKey(key);
  }
  function createPrivateKey(input) {
    const key = parse(input);
    if (key.type !== 'private') throw failure(Error, 'ERR_OSSL_UNSUPPORTED', 'error:1E08010C:DECODER routines::unsupported (this is a public key)');
    return key;
  }
  function createPublicKey(input) {
    const key = parse(input);
    return key.type === 'public' ? key : tools.wrapKey(native.keyPublic(KeyObject.nativeOf(key)));
  }

  const constants = { RSA_PKCS1_PADDING: 1, RSA_PKCS1_OAEP_PADDING: 4, RSA_PKCS1_PSS_PADDING: 6, RSA_PSS_SALTLEN_DIGEST: -1, RSA_PSS_SALTLEN_MAX_SIGN: -2, RSA_PSS_SALTLEN_AUTO: -2 };
  // The arguments of native.sign: how, and the length of the salt.
  function form(key, options) {
    if (key.asymmetricKeyType === 'ec') return [options.dsaEncoding === 'ieee-p1363' ? 'p1363' : 'der'];
    if (key.asymmetricKeyType === 'ed25519') return [''];
    if (options.padding === undefined || options.padding === constants.RSA_PKCS1_PADDING) return ['pkcs1'];
    if (options.padding !== constants.RSA_PKCS1_PSS_PADDING) throw failure(TypeError, 'ERR_INVALID_ARG_VALUE', `The property 'options.padding' is invalid. Received ${options.padding}`);
    return options.saltLength >= 0 ? ['pss', options.saltLength] : ['pss'];
  }
  const optionsOf = (key) => (key !== null && typeof key === 'object' && !(key instanceof KeyObject) && !ArrayBufferIsView(key) ? key : {});
  function sign(algorithm, data, input) {
    const key = createPrivateKey(input);
    const [how, salt] = form(key, optionsOf(input));
    // OpenSSL's default is the longest salt that fits.
    const digestSalt = optionsOf(input).saltLength === constants.RSA_PSS_SALTLEN_DIGEST;
    const size = how === 'pss' && salt === undefined && !digestSalt
      ? Math.ceil((key.asymmetricKeyDetails.modulusLength - 1) / 8) - native.hashDigest(native.hash(algorithm)).byteLength - 2 : salt;
    return modules.wrap(native.sign(KeyObject.nativeOf(key), algorithm, data, how, size));
  }
  function verify(algorithm, data, input, signature) {
    const key = createPublicKey(input);
    const [how, salt] = form(key, optionsOf(input));
    return native.verify(KeyObject.nativeOf(key), algorithm, data, how, salt, signature);
  }
  tools.sign = sign;
  tools.verify = verify;

  class Collector {
    constructor(algorithm) {
      if (typeof algorithm !== 'string') throw wrongType('algorithm', 'of type string', algorithm);
      native.hmac(algorithm, new Uint8Array());
      this.algorithm = algorithm;
      this.parts = [];
    }
    update(data, encoding) {
      this.parts.push(Buffer.from(bytesOf(data, 'data', encoding)));
      return this;
    }
    write(data, encoding) { this.update(data, encoding); return true; }
    end(data, encoding) { if (data !== undefined) this.update(data, encoding); return this; }
    get data() { return Buffer.concat(this.parts); }
  }
  class Sign extends Collector {
    sign(key, encoding) {
      if (key === undefined || key === null) throw failure(Error, 'ERR_CRYPTO_SIGN_KEY_REQUIRED', 'No key provided to sign');
      return encoded(sign(this.algorithm, this.data, key).buffer, encoding);
    }
  }
  class Verify extends Collector {
    verify(key, signature, encoding) { return verify(this.algorithm, this.data, key, bytesOf(signature, 'signature', encoding)); }
  }

  function encrypt(input, data) {
    const { padding = constants.RSA_PKCS1_OAEP_PADDING, oaepHash = 'sha1', oaepLabel = '' } = optionsOf(input);
    const how = padding === constants.RSA_PKCS1_PADDING ? 'pkcs1' : oaepHash;
    return modules.wrap(native.rsaEncrypt(KeyObject.nativeOf(createPublicKey(input)), bytesOf(data, 'buffer'), how, bytesOf(oaepLabel, 'oaepLabel')));
  }
  function decrypt(input, data) {
    const { padding = constants.RSA_PKCS1_OAEP_PADDING, oaepHash = 'sha1', oaepLabel = '' } = optionsOf(input);
    if (padding === constants.RSA_PKCS1_PADDING) throw failure(TypeError, 'ERR_INVALID_ARG_VALUE', 'RSA_PKCS1_PADDING is no longer supported for private decryption');
    return modules.wrap(native.rsaDecrypt(KeyObject.nativeOf(createPrivateKey(input)), bytesOf(data, 'buffer'), oaepHash, bytesOf(oaepLabel, 'oaepLabel')));
  }

  Object.assign(modules.crypto, {
    publicEncrypt: encrypt,
    privateDecrypt: decrypt,
    KeyObject, Sign, Verify, constants, createSecretKey, createPrivateKey, createPublicKey,
    createSign: (algorithm) => new Sign(algorithm),
    createVerify: (algorithm) => new Verify(algorithm),
    sign(algorithm, data, key, callback) {
      const work = () => sign(algorithm, bytesOf(data, 'data'), key);
      return callback === undefined ? work() : tools.later(callback, work);
    },
    verify(algorithm, data, key, signature, callback) {
      const work = () => verify(algorithm, bytesOf(data, 'data'), key, bytesOf(signature, 'signature'));
      return callback === undefined ? work() : tools.later(callback, work);
    },
    generateKeyPairSync(type, options = {}) {
      if (type !== 'ed25519' && !(type === 'ec' && /^(prime256v1|P-256)$/.test(options.namedCurve))) {
        throw failure(Error, 'ERR_CRYPTO_UNSUPPORTED_OPERATION', `generateKeyPair makes ed25519 keys and ec keys on prime256v1, not ${type}`);
      }
      const key = native.keyGenerate(type);
      const [privateKey, publicKey] = [tools.wrapKey(key), tools.wrapKey(native.keyPublic(key))];
      const shaped = (key, encoding) => (encoding ? key.export(encoding) : key);
      return { publicKey: shaped(publicKey, options.publicKeyEncoding), privateKey: shaped(privateKey, options.privateKeyEncoding) };
    },
    generateKeyPair(type, options, callback) {
      if (typeof callback !== 'function') throw wrongType('callback', 'of type function', callback);
      const { publicKey, privateKey } = modules.crypto.generateKeyPairSync(type, options);
      modules.later(() => callback(null, publicKey, privateKey));
    },
    generateKeySync(type, { length }) { return createSecretKey(native.random(length / 8)); },
  });
});
