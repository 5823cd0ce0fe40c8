// crypto.subtle (https://www.w3.org/TR/WebCryptoAPI/): digests, HMAC, AES, PBKDF2, HKDF, RSA signatures, ECDSA P-256 and Ed25519.
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

  const NAMES = ['HMAC', 'AES-GCM', 'AES-CBC', 'AES-CTR', 'PBKDF2', 'HKDF', 'RSASSA-PKCS1-v1_5', 'RSA-PSS', 'RSA-OAEP', 'ECDSA', 'Ed25519'];
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
  function derive(algorithm, key, bits, usage) {
    if (!NumberIsInteger(bits) || bits % 8) throw operation('the length must be a multiple of 8 bits');
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
  const KINDS = { 'RSASSA-PKCS1-v1_5': 'rsa', 'RSA-PSS': 'rsa', 'RSA-OAEP': 'rsa', ECDSA: 'ec', Ed25519: 'ed25519' };
  function asymmetric(key, algorithm, extractable, usages) {
    if (key.asymmetricKeyType !== KINDS[algorithm.name]) throw dataError(`Invalid key type: this is ${key.asymmetricKeyType}`);
    const { modulusLength, publicExponent } = key.asymmetricKeyDetails;
    const about = modulusLength === undefined ? algorithm.name === 'ECDSA' ? { namedCurve: 'P-256' } : {}
      : { modulusLength, publicExponent: new Uint8Array(Buffer.from(publicExponent.toString(16).padStart(6, '0'), 'hex')), hash: hashName(algorithm.hash) };
    return CryptoKey.make(key, { name: algorithm.name, ...about }, extractable, usages);
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
        if (format === 'raw' && algorithm.name !== 'Ed25519' && algorithm.name !== 'ECDSA') throw unsupported('RSA keys have no raw format');
        try {
          const raw = format === 'raw' && bytes(keyData, 'key');
          const jwk = !raw ? keyData : algorithm.name === 'Ed25519' ? { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }
            : { kty: 'EC', crv: 'P-256', x: raw.subarray(1, 33).toString('base64url'), y: raw.subarray(33).toString('base64url') };
          if (format === 'jwk' || raw) {
            const make = jwk.d === undefined ? crypto.createPublicKey : crypto.createPrivateKey;
            return asymmetric(make({ key: jwk, format: 'jwk' }), algorithm, extractable, usages);
          }
          if (format === 'spki') return asymmetric(crypto.createPublicKey({ key: bytes(keyData, 'key') }), algorithm, extractable, usages);
          if (format === 'pkcs8') return asymmetric(crypto.createPrivateKey({ key: bytes(keyData, 'key') }), algorithm, extractable, usages);
        } catch (error) {
          throw error.name === 'DataError' ? error : dataError(error.message);
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
        const { name, hash, length } = key.algorithm;
        const alg = name === 'HMAC' ? `HS${hash.name.slice(4)}` : name.startsWith('AES-') ? `A${length}${name.slice(4)}` : undefined;
        return { key_ops: key.usages, ext: true, ...object.export({ format: 'jwk' }), ...(alg && { alg }) };
      }
      if (format === 'raw' && key.type === 'secret') return plain(object.export());
      if (format === 'raw' && key.type === 'public' && key.algorithm.name === 'Ed25519') return plain(Buffer.from(object.export({ format: 'jwk' }).x, 'base64url'));
      if ((format === 'spki' && key.type === 'public') || (format === 'pkcs8' && key.type === 'private')) return plain(object.export({ format: 'der', type: format }));
      throw unsupported(`a ${key.type} ${key.algorithm.name} key cannot be exported as ${format}`);
    },
    async generateKey(algorithm, extractable, usages) {
      algorithm = normal(algorithm);
      if (algorithm.name === 'Ed25519' || algorithm.name === 'ECDSA') {
        const pair = crypto.generateKeyPairSync(KINDS[algorithm.name], { namedCurve: algorithm.namedCurve });
        return {
          publicKey: asymmetric(pair.publicKey, algorithm, true, usages.filter((usage) => usage === 'verify')),
          privateKey: asymmetric(pair.privateKey, algorithm, extractable, usages.filter((usage) => usage === 'sign')),
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
      return subtle.importKey('raw', derive(normal(algorithm), key, lengthOf(wanted), 'deriveKey'), wanted, extractable, usages);
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
