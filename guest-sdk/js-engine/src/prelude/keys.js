// KeyObject and where it comes from (https://nodejs.org/api/crypto.html#class-keyobject): RSA, EC, Ed25519 and X25519, PEM, DER and JWK, under a
// passphrase or not. sign.js signs with them, agree.js makes them.
(function (native, modules, global) {
  'use strict';
  const { Buffer } = modules.buffer;
  const tools = modules.cryptoTools;
  const { failure, wrongType, bytesOf } = tools;
  const MAKE = Symbol('make');
  const TAG = Symbol.toStringTag;

  tools.invalidValue = (name, value) => failure(TypeError, 'ERR_INVALID_ARG_VALUE', `The property '${name}' is invalid. Received ${native.inspect(value)}`);
  const invalidType = (type, expected) => failure(TypeError, 'ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE', `Invalid key object type ${type}, expected ${expected}.`);
  const incompatible = (message) => failure(Error, 'ERR_CRYPTO_INCOMPATIBLE_KEY_OPTIONS', `The selected key encoding ${message}`);
  function passphraseOf(options) {
    const { passphrase } = options;
    if (passphrase === undefined || passphrase === null) return undefined;
    if (typeof passphrase !== 'string' && !ArrayBufferIsView(passphrase) && !(passphrase instanceof ArrayBuffer)) throw tools.invalidValue('options.passphrase', passphrase);
    return bytesOf(passphrase, 'passphrase', options.encoding);
  }

  // What each kind of key can be written as, and the label of its PEM.
  const LABELS = { __proto__: null, pkcs8: 'PRIVATE KEY', spki: 'PUBLIC KEY', sec1: 'EC PRIVATE KEY' };
  const ONLY = { __proto__: null, pkcs1: ['rsa', 'RSA'], sec1: ['ec', 'EC'] };

  // Of a JSON Web Key, in Node's order.
  const MEMBERS = ['kty', 'x', 'y', 'crv', 'n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi'];

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
      if (!key.#secret) throw invalidType(key.type, 'secret');
      return key.#secret;
    }
    static nativeOf(key) {
      if (!key.#key) throw invalidType(key.type, 'private or public');
      return key.#key;
    }
    // The curve's name, or the bits of the modulus.
    static detailOf(key) { return key.#kind[2]; }
    get type() { return this.#secret ? 'secret' : this.#kind[0]; }
    get symmetricKeySize() { return this.#secret && this.#secret.byteLength; }
    get asymmetricKeyType() { return this.#kind[1]; }
    get asymmetricKeyDetails() {
      const [, type, detail] = this.#kind;
      if (type === undefined) return undefined;
      return type === 'rsa' ? { modulusLength: Number(detail), publicExponent: BigInt(`0x${Buffer.from(JSON.parse(native.keyJwk(this.#key)).e, 'base64').toString('hex')}`) }
        : type === 'ec' ? { namedCurve: detail } : {};
    }
    equals(other) {
      if (!(other instanceof KeyObject)) throw wrongType('otherKeyObject', 'an instance of KeyObject', other);
      return other.type === this.type && other.asymmetricKeyType === this.asymmetricKeyType
        && Buffer.compare(tools.raw(this), tools.raw(other)) === 0;
    }
    export(options = {}) {
      if (options === null || typeof options !== 'object') throw wrongType('options', 'of type object', options);
      const { format = this.#secret ? 'buffer' : 'pem', cipher } = options;
      if (this.#secret) {
        if (format === 'jwk') return { kty: 'oct', k: this.#secret.toString('base64url') };
        if (format === 'buffer') return Buffer.from(this.#secret);
        throw failure(TypeError, 'ERR_INVALID_ARG_VALUE', `The property 'options.format' must be one of: undefined, 'buffer', 'jwk'. Received ${native.inspect(format)}`);
      }
      const passphrase = passphraseOf(options);
      if (format === 'jwk') {
        if (cipher !== undefined || passphrase !== undefined) throw incompatible('jwk does not support encryption.');
        const jwk = JSON.parse(native.keyJwk(this.#key));
        if (jwk === null) throw failure(Error, 'ERR_CRYPTO_JWK_UNSUPPORTED_CURVE', `Unsupported JWK EC curve: ${this.#kind[2]}.`);
        return Object.fromEntries(MEMBERS.filter((name) => jwk[name] !== undefined).map((name) => [name, jwk[name]]));
      }
      if (format !== 'pem' && format !== 'der') throw tools.invalidValue('options.format', format);
      const { type = this.type === 'private' ? 'pkcs8' : 'spki' } = options;
      if (!(this.type === 'private' ? ['pkcs1', 'pkcs8', 'sec1'] : ['pkcs1', 'spki']).includes(type)) throw tools.invalidValue('options.type', type);
      if (ONLY[type] && ONLY[type][0] !== this.asymmetricKeyType) throw incompatible(`${type} can only be used for ${ONLY[type][1]} keys.`);
      const der = modules.wrap(native.keyDer(this.#key, type));
      const label = LABELS[type] ?? `RSA ${this.type.toUpperCase()} KEY`;
      if (cipher === undefined || cipher === null || this.type === 'public') return format === 'der' ? der : pem(label, der, '');
      if (typeof cipher !== 'string') throw tools.invalidValue('options.cipher', cipher);
      if (passphrase === undefined) throw tools.invalidValue('options.passphrase', options.passphrase);
      if (type === 'pkcs8') {
        const sealed = modules.wrap(native.keySeal(der, cipher, passphrase));
        return format === 'der' ? sealed : pem('ENCRYPTED PRIVATE KEY', sealed, '');
      }
      if (format === 'der') throw incompatible(`${type} does not support encryption.`);
      const [info, sealed] = native.keySealOld(der, cipher, passphrase);
      return pem(label, modules.wrap(sealed), `Proc-Type: 4,ENCRYPTED\nDEK-Info: ${info}\n\n`);
    }
  }
  Object.defineProperty(KeyObject.prototype, TAG, { value: 'KeyObject', configurable: true });
  const pem = (label, der, headers) => `-----BEGIN ${label}-----\n${headers}${der.toString('base64').replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`;
  tools.pem = pem;
  tools.KeyObject = KeyObject;
  tools.invalidType = invalidType;
  tools.raw = (key) => (key.type === 'secret' ? KeyObject.secretOf(key) : modules.wrap(native.keyDer(KeyObject.nativeOf(key), key.type === 'private' ? 'pkcs8' : 'spki')));
  tools.wrapKey = (key) => new KeyObject(MAKE, 'asymmetric', key);

  function createSecretKey(key, encoding) {
    return new KeyObject(MAKE, 'secret', Buffer.from(bytesOf(key, 'key', encoding)));
  }

  const CURVES = ['P-256', 'secp256k1', 'P-384', 'P-521'];
  const OKP = ['Ed25519', 'X25519'];
  const list = (names) => names.map((name) => `'${name}'`).join(', ');
  function fromJwk(jwk, wantsPrivate) {
    if (jwk === null || typeof jwk !== 'object') throw property('key.key', 'of type object', jwk);
    const one = (name, names) => failure(TypeError, 'ERR_INVALID_ARG_VALUE', `The property 'key.${name}' must be one of: ${list(names)}. Received ${native.inspect(jwk[name])}`);
    const { kty, crv } = jwk;
    if (kty !== 'RSA' && kty !== 'EC' && kty !== 'OKP') throw one('kty', ['RSA', 'EC', 'OKP']);
    if (kty === 'EC' && !CURVES.includes(crv)) throw one('crv', CURVES);
    if (kty === 'OKP' && !OKP.includes(crv)) throw one('crv', OKP);
    const needed = kty === 'RSA' ? ['n', 'e'] : kty === 'EC' ? ['x', 'y'] : ['x'];
    if (wantsPrivate) needed.push(...(kty === 'RSA' ? ['d', 'p', 'q', 'dp', 'dq', 'qi'] : ['d']));
    for (const name of needed) {
      if (typeof jwk[name] !== 'string') throw property(`key.${name}`, 'of type string', jwk[name]);
    }
    const key = native.keyFromJwk(JSON.stringify(wantsPrivate ? jwk : { ...jwk, d: undefined }));
    if (!key) throw failure(TypeError, 'ERR_CRYPTO_INVALID_JWK', kty === 'EC' ? 'Invalid JWK EC key' : 'Invalid JWK data');
    return tools.wrapKey(key);
  }
  const property = (name, expected, value) => failure(TypeError, 'ERR_INVALID_ARG_TYPE', wrongType(name, expected, value).message.replace(' argument ', ' property '));

  const isBytes = (value) => typeof value === 'string' || ArrayBufferIsView(value) || value instanceof ArrayBuffer;
  // A KeyObject, PEM or DER, a JWK, or one of them in `{ key, format }`.
  function parse(input, wantsPrivate) {
    if (input instanceof KeyObject) return input;
    if (input instanceof tools.CryptoKey) return tools.keyObjectOf(input);
    if (isBytes(input)) return tools.wrapKey(native.keyParse(bytesOf(input, 'key'), wantsPrivate, undefined));
    if (input === null || typeof input !== 'object') throw wrongType('key', 'of type string or an instance of ArrayBuffer, Buffer, TypedArray, or DataView', input);
    const { key, format } = input;
    if (key instanceof KeyObject || key instanceof tools.CryptoKey) return parse(key, wantsPrivate);
    if (format === 'jwk') return fromJwk(key, wantsPrivate);
    if (format !== undefined && format !== 'pem' && format !== 'der') throw tools.invalidValue('options.format', format);
    if (!isBytes(key)) throw property('key.key', 'of type string or an instance of ArrayBuffer, Buffer, TypedArray, or DataView', key);
    return tools.wrapKey(native.keyParse(bytesOf(key, 'key', input.encoding), wantsPrivate, passphraseOf(input)));
  }
  function createPrivateKey(input) {
    const key = parse(input, true);
    if (key.type !== 'private') throw invalidType(key.type, 'private');
    return key;
  }
  function createPublicKey(input) {
    const jwk = input !== null && typeof input === 'object' && input.format === 'jwk';
    const key = parse(input, false);
    if (key.type === 'secret') throw invalidType('secret', 'private');
    return key.type === 'public' && !jwk ? key : tools.wrapKey(native.keyPublic(KeyObject.nativeOf(key)));
  }
  tools.optionsOf = (key) => (key !== null && typeof key === 'object' && !(key instanceof KeyObject) && !isBytes(key) && !(key instanceof tools.CryptoKey) ? key : {});

  Object.assign(modules.crypto, { KeyObject, createSecretKey, createPrivateKey, createPublicKey });
});
