// crypto.subtle (https://www.w3.org/TR/WebCryptoAPI/): digests, HMAC, AES, PBKDF2, HKDF, RSA, ECDSA and ECDH on P-256, P-384 and P-521, Ed25519, X25519.
(function (native, modules, global) {
  'use strict';
  const { Buffer } = modules.buffer;
  const tools = modules.cryptoTools;
  const { crypto } = modules;
  const { KeyObject } = tools;
  const MAKE = Symbol('make');

  const named = (name) => (message) => Object.assign(new Error(message), { name });
  const unsupported = named('NotSupportedError');
  const invalidAccess = named('InvalidAccessError');
  const operation = named('OperationError');
  const dataError = named('DataError');

  const NAMES = ['HMAC', 'AES-GCM', 'AES-CBC', 'AES-CTR', 'PBKDF2', 'HKDF', 'RSASSA-PKCS1-v1_5', 'RSA-PSS', 'RSA-OAEP', 'ECDSA', 'ECDH', 'Ed25519', 'X25519'];
  const given = (algorithm) => (typeof algorithm === 'string' ? { name: algorithm } : algorithm);
  // The algorithm with its name as the specification writes it.
  function normal(algorithm) {
    const object = given(algorithm);
    const name = NAMES.find((name) => name.toLowerCase() === `${object && object.name}`.toLowerCase());
    if (!name) throw unsupported(`Unrecognized algorithm name: ${object && object.name} (there are ${NAMES.join(', ')})`);
    return { ...object, name };
  }
  function webHash(algorithm) {
    const name = `${given(algorithm) && given(algorithm).name}`.toUpperCase();
    if (!['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512'].includes(name)) throw unsupported(`Unrecognized algorithm name: ${name}`);
    return name.replace('-', '').toLowerCase();
  }
  const hashName = (algorithm) => ({ name: given(algorithm).name.toUpperCase() });
  const BLOCK = { sha1: 64, sha256: 64, sha384: 128, sha512: 128 };

  function bytes(data, what = 'data') {
    if (data instanceof ArrayBuffer) return Buffer.from(data.slice(0));
    if (ArrayBufferIsView(data)) return Buffer.from(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    throw new TypeError(`the ${what} must be an ArrayBuffer or a view of one`);
  }
  const plain = (buffer) => buffer.buffer;

  class CryptoKey {
    #key;
    constructor(made, key, algorithm, extractable, usages) {
      if (made !== MAKE) throw new TypeError('Illegal constructor');
      this.#key = key;
      this.type = key.type;
      this.algorithm = algorithm;
      this.extractable = extractable;
      this.usages = usages;
    }
    static objectOf(key, usage, name) {
      if (!(key instanceof CryptoKey)) throw new TypeError('the key is not a CryptoKey');
      if (usage && !key.usages.includes(usage)) throw invalidAccess(`the key does not allow '${usage}'`);
      if (name && key.algorithm.name !== name) throw invalidAccess(`the key is for ${key.algorithm.name}, not for ${name}`);
      return key.#key;
    }
    static make(key, algorithm, extractable, usages) { return new CryptoKey(MAKE, key, algorithm, Boolean(extractable), [...usages]); }
  }
  tools.CryptoKey = CryptoKey;
  tools.keyObjectOf = (key) => CryptoKey.objectOf(key);
  tools.secretBytes = (key) => KeyObject.secretOf(key instanceof CryptoKey ? CryptoKey.objectOf(key) : key);
  const secret = (key, usage, name) => KeyObject.secretOf(CryptoKey.objectOf(key, usage, name));

  function mac(key, usage, data) {
    const state = native.hmac(webHash(key.algorithm.hash), secret(key, usage, 'HMAC'));
    native.hashUpdate(state, bytes(data));
    return native.hashDigest(state);
  }
  // How node's sign does what a Web Crypto algorithm says.
  function signing(algorithm, key) {
    switch (algorithm.name) {
      case 'RSASSA-PKCS1-v1_5': return [webHash(key.algorithm.hash), {}];
      case 'RSA-PSS': return [webHash(key.algorithm.hash), { padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: algorithm.saltLength }];
      case 'ECDSA': return [webHash(algorithm.hash), { dsaEncoding: 'ieee-p1363' }];
      case 'Ed25519': return [null, {}];
      default: throw unsupported(`${algorithm.name} does not sign`);
    }
  }
  function oaep(algorithm, key, data, encrypt, usage) {
    const how = { key: CryptoKey.objectOf(key, usage, 'RSA-OAEP'), oaepHash: webHash(key.algorithm.hash), oaepLabel: algorithm.label ? bytes(algorithm.label, 'label') : '' };
    try {
      return plain((encrypt ? crypto.publicEncrypt : crypto.privateDecrypt)(how, bytes(data)));
    } catch {
      throw operation('The operation failed for an operation-specific reason');
    }
  }
  function aes(algorithm, key, data, encrypt, usage = encrypt ? 'encrypt' : 'decrypt') {
    if (algorithm.name === 'RSA-OAEP') return oaep(algorithm, key, data, encrypt, usage);
    const material = secret(key, usage, algorithm.name);
    const mode = algorithm.name.slice(4).toLowerCase();
    const name = `aes-${material.length * 8}-${mode}`;
    const tagLength = mode === 'gcm' ? (algorithm.tagLength ?? 128) / 8 : 0;
    try {
      const state = native.cipher(name, material, bytes(mode === 'ctr' ? algorithm.counter : algorithm.iv, 'iv'), encrypt);
      if (algorithm.additionalData) native.cipherAad(state, bytes(algorithm.additionalData, 'additionalData'));
      let input = bytes(data);
      if (tagLength && !encrypt) {
        if (input.length < tagLength) throw new Error('The provided data is too small.');
        native.cipherSetTag(state, input.subarray(input.length - tagLength));
        input = input.subarray(0, input.length - tagLength);
      }
      const parts = [modules.wrap(native.cipherUpdate(state, input)), modules.wrap(native.cipherFinal(state))];
      if (tagLength && encrypt) parts.push(modules.wrap(native.cipherTag(state)).subarray(0, tagLength));
      return plain(Buffer.concat(parts));
    } catch (error) {
      if (error instanceof TypeError && error.code === undefined) throw error;
      throw operation(encrypt ? error.message : 'The operation failed for an operation-specific reason');
    }
  }
  // The shared secret of two keys, or its first bits.
  function agree(algorithm, key, bits, usage) {
    const own = CryptoKey.objectOf(key, usage, algorithm.name);
    const other = CryptoKey.objectOf(algorithm.public, undefined, algorithm.name);
    if (own.type !== 'private') throw invalidAccess('baseKey must be a private key');
    if (other.type !== 'public') throw invalidAccess('algorithm.public must be a public key');
    if (algorithm.name === 'ECDH' && algorithm.public.algorithm.namedCurve !== key.algorithm.namedCurve) throw invalidAccess('Named curve mismatch');
    let shared;
    try {
      shared = crypto.diffieHellman({ privateKey: own, publicKey: other }).buffer;
    } catch {
      throw operation('The operation failed for an operation-specific reason');
    }
    if (bits === null || bits === undefined) return shared;
    if (bits > shared.byteLength * 8) throw operation('derived bit length is too small');
    return shared.slice(0, bits / 8);
  }
  function derive(algorithm, key, bits, usage) {
    const isAgreement = algorithm.name === 'ECDH' || algorithm.name === 'X25519';
    if (isAgreement && (bits === null || bits === undefined)) return agree(algorithm, key, bits, usage);
    if (!NumberIsInteger(bits) || bits % 8) throw operation('the length must be a multiple of 8 bits');
    if (isAgreement) return agree(algorithm, key, bits, usage);
    const material = secret(key, usage, algorithm.name);
    const hash = webHash(algorithm.hash);
    const salt = bytes(algorithm.salt, 'salt');
    if (algorithm.name === 'PBKDF2') return native.pbkdf2(material, salt, algorithm.iterations, bits / 8, hash);
    if (algorithm.name === 'HKDF') return native.hkdf(hash, material, salt, bytes(algorithm.info, 'info'), bits / 8);
    throw unsupported(`${algorithm.name} derives no bits`);
  }
  // What a secret key's algorithm says of itself.
  function described(algorithm, length) {
    if (algorithm.name === 'HMAC') {
      webHash(algorithm.hash);
      return { name: 'HMAC', hash: hashName(algorithm.hash), length: length * 8 };
    }
    if (!algorithm.name.startsWith('AES-')) return { name: algorithm.name };
    if (![16, 24, 32].includes(length)) throw dataError('Invalid key length');
    return { name: algorithm.name, length: length * 8 };
  }
  const lengthOf = (algorithm) => algorithm.length ?? (algorithm.name === 'HMAC' ? BLOCK[webHash(algorithm.hash)] * 8 : 256);
  // A secret of another algorithm is taken whole.
  const lengthFor = (algorithm) => (algorithm.name === 'HKDF' || algorithm.name === 'PBKDF2' ? null : lengthOf(algorithm));
  const KINDS = { __proto__: null, 'RSASSA-PKCS1-v1_5': 'rsa', 'RSA-PSS': 'rsa', 'RSA-OAEP': 'rsa', ECDSA: 'ec', ECDH: 'ec', Ed25519: 'ed25519', X25519: 'x25519' };
  // What each half of a pair may be used for.
  const USES = {
    __proto__: null, 'RSA-OAEP': [['encrypt', 'wrapKey'], ['decrypt', 'unwrapKey']], ECDH: [[], ['deriveKey', 'deriveBits']], X25519: [[], ['deriveKey', 'deriveBits']],
  };
  const CURVES = { __proto__: null, prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' };
  const SIZES = { __proto__: null, 'P-256': 32, 'P-384': 48, 'P-521': 66 };
  function curveOf({ namedCurve }) {
    if (!SIZES[namedCurve]) throw unsupported(`Unrecognized namedCurve: ${namedCurve} (there are P-256, P-384 and P-521)`);
    return namedCurve;
  }
  function asymmetric(key, algorithm, extractable, usages) {
    if (key.asymmetricKeyType !== KINDS[algorithm.name]) throw dataError(`Invalid key type: this is ${key.asymmetricKeyType}`);
    const { modulusLength, publicExponent, namedCurve } = key.asymmetricKeyDetails;
    if (namedCurve !== undefined && CURVES[namedCurve] !== curveOf(algorithm)) throw dataError('Named curve mismatch');
    const about = namedCurve !== undefined ? { namedCurve: CURVES[namedCurve] } : modulusLength === undefined ? {}
      : { modulusLength, publicExponent: new Uint8Array(Buffer.from(publicExponent.toString(16).padStart(6, '0'), 'hex')), hash: hashName(algorithm.hash) };
    return CryptoKey.make(key, { name: algorithm.name, ...about }, extractable, usages);
  }
  // A public key of the bytes that `raw` means.
  function rawJwk(algorithm, raw) {
    if (algorithm.name === 'Ed25519' || algorithm.name === 'X25519') return { kty: 'OKP', crv: algorithm.name, x: raw.toString('base64url') };
    const point = crypto.ECDH.convertKey(raw, curveOf(algorithm));
    const half = 1 + SIZES[algorithm.namedCurve];
    return { kty: 'EC', crv: algorithm.namedCurve, x: point.subarray(1, half).toString('base64url'), y: point.subarray(half).toString('base64url') };
  }
  function rawOf(object) {
    const { x, y } = object.export({ format: 'jwk' });
    const part = (text) => Buffer.from(text, 'base64url');
    return plain(y === undefined ? part(x) : Buffer.concat([new Uint8Array([4]), part(x), part(y)]));
  }
  function makePair(algorithm) {
    const kind = KINDS[algorithm.name];
    if (kind === 'ec') return crypto.generateKeyPairSync('ec', { namedCurve: curveOf(algorithm) });
    if (kind !== 'rsa') return crypto.generateKeyPairSync(kind);
    webHash(algorithm.hash);
    return crypto.generateKeyPairSync('rsa', { modulusLength: algorithm.modulusLength, publicExponent: Number(`0x${bytes(algorithm.publicExponent, 'publicExponent').toString('hex')}`) });
  }
  const RSA_ALGS = { __proto__: null, 'RSASSA-PKCS1-v1_5': 'RS', 'RSA-PSS': 'PS' };
  // The `alg` of a JSON Web Key.
  function algOf({ name, hash, length }) {
    if (name === 'HMAC') return `HS${hash.name.slice(4)}`;
    if (name.startsWith('AES-')) return `A${length}${name.slice(4)}`;
    if (name === 'RSA-OAEP') return hash.name === 'SHA-1' ? name : `${name}${hash.name.slice(3)}`;
    return RSA_ALGS[name] && `${RSA_ALGS[name]}${hash.name === 'SHA-1' ? '1' : hash.name.slice(4)}`;
  }

  const subtle = {
    async digest(algorithm, data) {
      const state = native.hash(webHash(algorithm));
      native.hashUpdate(state, bytes(data));
      return native.hashDigest(state);
    },
    async importKey(format, keyData, algorithm, extractable, usages) {
      algorithm = normal(algorithm);
      if (KINDS[algorithm.name]) {
        if (format === 'raw' && KINDS[algorithm.name] === 'rsa') throw unsupported('RSA keys have no raw format');
        try {
          const raw = format === 'raw' && bytes(keyData, 'key');
          const jwk = raw ? rawJwk(algorithm, raw) : keyData;
          if (format === 'jwk' || raw) {
            const make = jwk.d === undefined ? crypto.createPublicKey : crypto.createPrivateKey;
            return asymmetric(make({ key: jwk, format: 'jwk' }), algorithm, extractable, usages);
          }
          if (format === 'spki') return asymmetric(crypto.createPublicKey({ key: bytes(keyData, 'key') }), algorithm, extractable, usages);
          if (format === 'pkcs8') return asymmetric(crypto.createPrivateKey({ key: bytes(keyData, 'key') }), algorithm, extractable, usages);
        } catch (error) {
          throw error.name === 'DataError' || error.name === 'NotSupportedError' ? error : dataError(error.message);
        }
        throw unsupported(`importKey supports the formats spki, pkcs8, jwk and raw, not ${format}`);
      }
      if (format !== 'raw' && format !== 'jwk') throw unsupported(`importKey supports the formats raw and jwk for ${algorithm.name}, not ${format}`);
      if (format === 'jwk' && keyData.kty !== 'oct') throw dataError('Invalid keyData: the JWK "kty" must be "oct"');
      const material = format === 'raw' ? bytes(keyData, 'key') : Buffer.from(keyData.k, 'base64url');
      return CryptoKey.make(crypto.createSecretKey(material), described(algorithm, material.length), extractable, usages);
    },
    async exportKey(format, key) {
      const object = CryptoKey.objectOf(key);
      if (!key.extractable) throw invalidAccess('key is not extractable');
      if (format === 'jwk') {
        const alg = algOf(key.algorithm);
        return { key_ops: key.usages, ext: true, ...object.export({ format: 'jwk' }), ...(alg && { alg }) };
      }
      if (format === 'raw' && key.type === 'secret') return plain(object.export());
      if (format === 'raw' && key.type === 'public' && KINDS[key.algorithm.name] !== 'rsa') return rawOf(object);
      if ((format === 'spki' && key.type === 'public') || (format === 'pkcs8' && key.type === 'private')) return plain(object.export({ format: 'der', type: format }));
      throw unsupported(`a ${key.type} ${key.algorithm.name} key cannot be exported as ${format}`);
    },
    async generateKey(algorithm, extractable, usages) {
      algorithm = normal(algorithm);
      if (KINDS[algorithm.name]) {
        const pair = makePair(algorithm);
        const [open, closed] = USES[algorithm.name] ?? [['verify'], ['sign']];
        return {
          publicKey: asymmetric(pair.publicKey, algorithm, true, open.filter((usage) => usages.includes(usage))),
          privateKey: asymmetric(pair.privateKey, algorithm, extractable, closed.filter((usage) => usages.includes(usage))),
        };
      }
      if (algorithm.name !== 'HMAC' && !algorithm.name.startsWith('AES-')) throw unsupported(`generateKey does not make ${algorithm.name} keys`);
      const length = lengthOf(algorithm) / 8;
      return CryptoKey.make(crypto.createSecretKey(native.random(length)), described(algorithm, length), extractable, usages);
    },
    async sign(algorithm, key, data) {
      algorithm = normal(algorithm);
      if (algorithm.name === 'HMAC') return mac(key, 'sign', data);
      const object = CryptoKey.objectOf(key, 'sign', algorithm.name);
      const [hash, options] = signing(algorithm, key);
      return plain(tools.sign(hash, bytes(data), { key: object, ...options }));
    },
    async verify(algorithm, key, signature, data) {
      algorithm = normal(algorithm);
      if (algorithm.name === 'HMAC') {
        const expected = mac(key, 'verify', data);
        return expected.byteLength === signature.byteLength && native.timingSafeEqual(expected, signature);
      }
      const object = CryptoKey.objectOf(key, 'verify', algorithm.name);
      const [hash, options] = signing(algorithm, key);
      return tools.verify(hash, bytes(data), { key: object, ...options }, bytes(signature, 'signature'));
    },
    async encrypt(algorithm, key, data) { return aes(normal(algorithm), key, data, true); },
    async decrypt(algorithm, key, data) { return aes(normal(algorithm), key, data, false); },
    async deriveBits(algorithm, key, length) { return derive(normal(algorithm), key, length, 'deriveBits'); },
    async deriveKey(algorithm, key, derived, extractable, usages) {
      const wanted = normal(derived);
      return subtle.importKey('raw', derive(normal(algorithm), key, lengthFor(wanted), 'deriveKey'), wanted, extractable, usages);
    },
    async wrapKey(format, key, wrapping, algorithm) {
      const exported = await subtle.exportKey(format, key);
      return aes(normal(algorithm), wrapping, format === 'jwk' ? Buffer.from(JSON.stringify(exported)) : exported, true, 'wrapKey');
    },
    async unwrapKey(format, wrapped, key, algorithm, keyAlgorithm, extractable, usages) {
      const opened = aes(normal(algorithm), key, wrapped, false, 'unwrapKey');
      return subtle.importKey(format, format === 'jwk' ? JSON.parse(Buffer.from(opened).toString()) : opened, keyAlgorithm, extractable, usages);
    },
  };

  crypto.subtle = subtle;
  crypto.webcrypto = { subtle, CryptoKey, getRandomValues: crypto.getRandomValues, randomUUID: crypto.randomUUID };
  global('CryptoKey', CryptoKey);
});
