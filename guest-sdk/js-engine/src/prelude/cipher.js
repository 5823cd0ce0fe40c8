// createCipheriv and createDecipheriv (https://nodejs.org/api/crypto.html#class-cipher): AES in the modes CBC, CTR, ECB and GCM.
(function (native, modules, global) {
  'use strict';
  const { bytesOf, secretOf, encoded, failure, wrongType } = modules.cryptoTools;

  class Cipher {
    #state;
    #encoding;
    constructor(name, key, iv, options, encrypt) {
      if (typeof name !== 'string') throw wrongType('cipher', 'of type string', name);
      this.#state = native.cipher(name, secretOf(key), iv === null ? new Uint8Array() : bytesOf(iv, 'iv'), encrypt);
      this.tagLength = options && options.authTagLength;
    }
    // Node refuses to switch: the pieces of base64 would not join.
    #out(buffer, encoding) {
      if (encoding && encoding !== 'buffer') {
        if (this.#encoding && this.#encoding !== encoding) throw failure(Error, 'ERR_INTERNAL_ASSERTION', 'Cannot change encoding');
        this.#encoding = encoding;
      }
      return encoding;
    }
    #rest = null;
    // Base64 only of whole triples, so that the pieces of several updates join.
    #encode(buffer, encoding, last) {
      if (!/^base64/.test(this.#out(buffer, encoding) ?? '')) return encoded(buffer, encoding);
      let bytes = modules.wrap(buffer);
      if (this.#rest) bytes = modules.buffer.Buffer.concat([this.#rest, bytes]);
      const whole = last ? bytes.length : bytes.length - bytes.length % 3;
      this.#rest = bytes.subarray(whole);
      return bytes.subarray(0, whole).toString(encoding);
    }
    update(data, inputEncoding, outputEncoding) {
      return this.#encode(native.cipherUpdate(this.#state, bytesOf(data, 'data', inputEncoding)), outputEncoding, false);
    }
    final(outputEncoding) { return this.#encode(native.cipherFinal(this.#state), outputEncoding, true); }
    setAutoPadding(on = true) { native.cipherPadding(this.#state, on); return this; }
    setAAD(data, options) { native.cipherAad(this.#state, bytesOf(data, 'buffer', options && options.encoding)); return this; }
    setAuthTag(tag, encoding) { native.cipherSetTag(this.#state, bytesOf(tag, 'buffer', encoding)); return this; }
    getAuthTag() { return modules.wrap(native.cipherTag(this.#state)).subarray(0, this.tagLength); }
  }
  modules.cryptoTools.streamed(Cipher, (cipher) => new modules.stream.Transform({
    transform(chunk, encoding, callback) { let out; try { out = cipher.update(chunk); } catch (error) { callback(error); return; } callback(null, out); },
    flush(callback) { let out; try { out = cipher.final(); } catch (error) { callback(error); return; } callback(null, out); },
  }));
  class Cipheriv extends Cipher {
    constructor(name, key, iv, options) {
      super(name, key, iv, options, true);
      this.setAuthTag = undefined;
    }
  }
  class Decipheriv extends Cipher {
    constructor(name, key, iv, options) {
      super(name, key, iv, options, false);
      this.getAuthTag = undefined;
    }
    setAuthTag(tag, encoding) {
      const bytes = bytesOf(tag, 'buffer', encoding);
      if (this.tagLength !== undefined && bytes.byteLength !== this.tagLength) {
        throw failure(TypeError, 'ERR_CRYPTO_INVALID_AUTH_TAG', `Invalid authentication tag length: ${bytes.byteLength}`);
      }
      return super.setAuthTag(bytes);
    }
  }

  const MODES = ['cbc', 'ctr', 'ecb', 'gcm'];
  Object.assign(modules.crypto, {
    createCipheriv: (name, key, iv, options) => new Cipheriv(name, key, iv, options),
    createDecipheriv: (name, key, iv, options) => new Decipheriv(name, key, iv, options),
    Cipheriv,
    Decipheriv,
    getCiphers: () => [128, 192, 256].flatMap((bits) => MODES.map((mode) => `aes-${bits}-${mode}`)),
    getCipherInfo(name) {
      const [, bits, mode] = /^aes-(128|192|256)-(cbc|ctr|ecb|gcm)$/i.exec(name) ?? [];
      if (!bits) return undefined;
      const info = { mode: mode.toLowerCase(), name: name.toLowerCase(), blockSize: /cbc|ecb/i.test(mode) ? 16 : 1, keyLength: bits / 8 };
      return /ecb/i.test(mode) ? info : { ...info, ivLength: /gcm/i.test(mode) ? 12 : 16 };
    },
  });
});
