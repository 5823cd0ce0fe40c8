// require('string_decoder') (https://nodejs.org/api/string_decoder.html): text from bytes that come in pieces.
(function (native, modules, global) {
  'use strict';
  const { Buffer } = modules.buffer;
  const { failure, wrongType } = modules.cryptoTools;
  const NAMES = { __proto__: null, 'utf-8': 'utf8', utf8: 'utf8', ucs2: 'utf16le', 'ucs-2': 'utf16le', utf16le: 'utf16le', 'utf-16le': 'utf16le', latin1: 'latin1', binary: 'latin1', base64: 'base64', base64url: 'base64url', hex: 'hex', ascii: 'ascii' };

  // How many of the last bytes begin something that is not complete.
  function open(bytes, encoding) {
    const { length } = bytes;
    if (encoding === 'base64' || encoding === 'base64url') return length % 3;
    if (encoding === 'utf16le') {
      const odd = length % 2;
      const high = length - odd >= 2 ? bytes[length - odd - 1] & 0xfc : 0;
      return high === 0xd8 ? odd + 2 : odd;
    }
    if (encoding !== 'utf8') return 0;
    for (let back = 1; back <= 3 && back <= length; back++) {
      const byte = bytes[length - back];
      if (byte < 0x80) return 0;
      if (byte < 0xc0) continue;
      const needs = byte >= 0xf5 || byte < 0xc2 ? 1 : byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      if (needs <= back) return 0;
      // A second byte that cannot follow ends it.
      const second = bytes[length - back + 1];
      const impossible = back > 1 && ((byte === 0xe0 && second < 0xa0) || (byte === 0xed && second > 0x9f) || (byte === 0xf0 && second < 0x90) || (byte === 0xf4 && second > 0x8f));
      return impossible ? 0 : back;
    }
    return 0;
  }

  function StringDecoder(encoding = 'utf8') {
    const name = NAMES[`${encoding ?? 'utf8'}`.toLowerCase()];
    if (name === undefined) throw failure(TypeError, 'ERR_UNKNOWN_ENCODING', `Unknown encoding: ${encoding}`);
    this.encoding = name;
    native.hide(this, 'kept', Buffer.alloc(0));
  }
  Object.assign(StringDecoder.prototype, {
    write(data) {
      if (typeof data === 'string') return data;
      if (!ArrayBufferIsView(data)) throw wrongType('buf', 'an instance of Buffer, TypedArray, or DataView', data);
      const bytes = Buffer.concat([this.kept, Buffer.from(data.buffer, data.byteOffset, data.byteLength)]);
      const left = open(bytes, this.encoding);
      this.kept = bytes.subarray(bytes.length - left);
      return bytes.toString(this.encoding, 0, bytes.length - left);
    },
    end(data) {
      const text = data === undefined ? '' : this.write(data);
      const rest = this.kept;
      this.kept = Buffer.alloc(0);
      return text + rest.toString(this.encoding);
    },
    text(data, offset) {
      this.kept = Buffer.alloc(0);
      return this.write(data.subarray(offset));
    },
  });
  Object.defineProperty(StringDecoder.prototype, 'lastNeed', { get() { return this.kept.length; }, configurable: true });
  modules.stringDecoder = { StringDecoder };
});
