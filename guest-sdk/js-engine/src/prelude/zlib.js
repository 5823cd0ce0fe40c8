// require('zlib') (https://nodejs.org/api/zlib.html): the synchronous forms, those with a callback, and streams that work when they have it all.
(function (native, modules, global) {
  'use strict';
  const { bytesOf, later, failure, outOfRange, checkInteger } = modules.cryptoTools;
  const { stream } = modules;
  const { Buffer } = modules.buffer;
  // What one result may have; `maxOutputLength` may say less, or more up to the largest buffer.
  const MOST = 16 * 1024 * 1024;
  const LARGEST = 64 * 1024 * 1024;

  const FORMS = {
    __proto__: null, gzip: 'Gzip', gunzip: 'Gunzip', deflate: 'Deflate', inflate: 'Inflate', deflateRaw: 'DeflateRaw', inflateRaw: 'InflateRaw', unzip: 'Unzip',
  };
  function run(form, data, options) {
    const bytes = bytesOf(data, 'buffer');
    const { level = -1, maxOutputLength = MOST } = options ?? {};
    checkInteger(level, 'options.level', -1, 9);
    checkInteger(maxOutputLength, 'options.maxOutputLength', 1);
    if (options?.dictionary !== undefined) throw failure(Error, 'ERR_METHOD_NOT_IMPLEMENTED', 'zlib: a dictionary is not supported in scripts: leave `dictionary` out');
    return modules.wrap(native.zlib(form, bytes, level, Math.min(maxOutputLength, LARGEST), options?.finishFlush === 2));
  }
  const refused = (name) => () => { throw failure(Error, 'ERR_METHOD_NOT_IMPLEMENTED', `zlib.${name} is not available in scripts: use gzip or deflate; fetch decodes Brotli answers by itself`); };

  const zlib = {};
  for (const form of Object.keys(FORMS)) {
    const Name = FORMS[form];
    zlib[`${form}Sync`] = { [`${form}Sync`](data, options) { return run(form, data, options); } }[`${form}Sync`];
    zlib[form] = {
      [form](data, options, callback) {
        if (typeof options === 'function') [options, callback] = [undefined, options];
        if (typeof callback !== 'function') return later(callback, modules.nothing);
        let result, wrong = null;
        try { result = run(form, data, options); } catch (error) { wrong = error; }
        if (wrong?.name === 'TypeError') throw wrong;
        modules.later(() => { if (wrong) callback(wrong); else callback(null, result); });
        return undefined;
      },
    }[form];
    const Class = function (options) {
      if (!(this instanceof Class)) return new Class(options);
      stream.Transform.call(this, options);
      const parts = [];
      this._transform = (chunk, encoding, callback) => { parts.push(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk); callback(); };
      this._flush = (callback) => {
        let result;
        try { result = run(form, Buffer.concat(parts), options); } catch (error) { callback(error); return; }
        this.bytesWritten = parts.reduce((sum, part) => sum + part.length, 0);
        callback(null, result.length > 0 ? result : undefined);
      };
      this.bytesWritten = 0;
      this.close = (callback) => { if (callback) this.once('close', callback); this.destroy(); };
      this.flush = (kind, callback) => modules.later(() => (callback ?? kind)?.());
      return this;
    };
    Object.defineProperty(Class, 'name', { value: Name, configurable: true });
    Object.setPrototypeOf(Class.prototype, stream.Transform.prototype);
    Object.setPrototypeOf(Class, stream.Transform);
    zlib[Name] = Class;
    zlib[`create${Name}`] = { [`create${Name}`](options) { return new Class(options); } }[`create${Name}`];
  }
  for (const name of ['brotliCompress', 'brotliCompressSync', 'brotliDecompress', 'brotliDecompressSync', 'createBrotliCompress', 'createBrotliDecompress']) zlib[name] = refused(name);
  zlib.crc32 = (data, value = 0) => {
    if (typeof value !== 'number' || value < 0 || value > 4294967295) throw outOfRange('value', '>= 0 && <= 4294967295', value);
    return native.crc32(bytesOf(data, 'data'), value);
  };
  zlib.constants = Object.freeze({
    Z_NO_FLUSH: 0, Z_PARTIAL_FLUSH: 1, Z_SYNC_FLUSH: 2, Z_FULL_FLUSH: 3, Z_FINISH: 4, Z_BLOCK: 5, Z_OK: 0, Z_STREAM_END: 1, Z_NEED_DICT: 2,
    Z_ERRNO: -1, Z_STREAM_ERROR: -2, Z_DATA_ERROR: -3, Z_MEM_ERROR: -4, Z_BUF_ERROR: -5, Z_VERSION_ERROR: -6, Z_NO_COMPRESSION: 0, Z_BEST_SPEED: 1,
    Z_BEST_COMPRESSION: 9, Z_DEFAULT_COMPRESSION: -1, Z_FILTERED: 1, Z_HUFFMAN_ONLY: 2, Z_RLE: 3, Z_FIXED: 4, Z_DEFAULT_STRATEGY: 0,
    Z_MIN_WINDOWBITS: 8, Z_MAX_WINDOWBITS: 15, Z_DEFAULT_WINDOWBITS: 15, Z_MIN_CHUNK: 64, Z_DEFAULT_CHUNK: 16384, Z_MIN_MEMLEVEL: 1,
    Z_MAX_MEMLEVEL: 9, Z_DEFAULT_MEMLEVEL: 8, Z_MIN_LEVEL: -1, Z_MAX_LEVEL: 9, Z_DEFAULT_LEVEL: -1,
  });
  zlib.codes = Object.freeze({ Z_OK: 0, Z_STREAM_END: 1, Z_NEED_DICT: 2, Z_ERRNO: -1, Z_STREAM_ERROR: -2, Z_DATA_ERROR: -3, Z_MEM_ERROR: -4, Z_BUF_ERROR: -5, Z_VERSION_ERROR: -6 });
  Object.assign(zlib, zlib.constants);
  modules.zlib = zlib;
});
