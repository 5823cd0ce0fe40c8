// createCipheriv and createDecipheriv (https://nodejs.org/api/crypto.html#class-cipher): AES, SM4, triple DES, ChaCha20-Poly1305.
(function (native, modules, global) {
  'use strict';
  const { bytesOf, secretOf, encoded, failure, wrongType } = modules.cryptoTools;

  // Bytes of GCM's tags.
  const TAGS = [4, 8, 12, 13, 14, 15, 16];
  const badTag = (length) => failure(TypeError, 'ERR_CRYPTO_INVALID_AUTH_TAG', `Invalid authentication tag length: ${length}`);
  class Cipher {
    #state;
    #encoding;
    constructor(name, key, iv, options, encrypt) {
      if (typeof name !== 'string') throw wrongType('cipher', 'of type string', name);
      this.#state = native.cipher(name, secretOf(key), iv === null ? new Uint8Array() : bytesOf(iv, 'iv'), encrypt);
      const tagLength = options ? options.authTagLength : undefined;
      const chacha = /^chacha20/i.test(name);
      if (tagLength !== undefined && !(chacha ? tagLength >= 1 && tagLength <= 16 : TAGS.includes(tagLength)) && /gcm$|^chacha20/i.test(name)) throw badTag(tagLength);
      this.tagLength = tagLength ?? (chacha ? 16 : undefined);
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
        throw badTag(bytes.byteLength);
      }
      return super.setAuthTag(bytes);
    }
  }

  Object.assign(modules.crypto, {
    createCipheriv: (name, key, iv, options) => new Cipheriv(name, key, iv, options),
    createDecipheriv: (name, key, iv, options) => new Decipheriv(name, key, iv, options),
    Cipheriv,
    Decipheriv,
    getCiphers: () => native.ciphers().split(' '),
    getCipherInfo(nameOrNid, options = {}) {
      const found = typeof nameOrNid === 'string' ? native.cipherInfo(nameOrNid) : undefined;
      if (found === undefined) return undefined;
      const [name, mode, blockSize, keyLength, ivLength] = found.split(' ').map((part, index) => (index < 2 ? part : Number(part)));
      if (options.keyLength !== undefined && options.keyLength !== keyLength) return undefined;
      if (options.ivLength !== undefined && options.ivLength !== ivLength && mode !== 'gcm') return undefined;
      return { mode, name, ...(mode !== 'stream' && { blockSize }), keyLength, ...(ivLength && { ivLength: options.ivLength ?? ivLength }) };
    },
  });
});
