// Bodies of requests and responses: what they are made of, and how they are read (https://fetch.spec.whatwg.org/#bodies).
(function (native, modules, global) {
  'use strict';
  // Bytes and content type of a body; null for none.
  modules.extract = (body, where) => {
    if (body === undefined || body === null) return null;
    if (typeof body === 'string') return { bytes: new Uint8Array(native.encode(body, 'utf8')), type: 'text/plain;charset=UTF-8' };
    if (body instanceof URLSearchParams) return { bytes: new Uint8Array(native.encode(`${body}`, 'utf8')), type: 'application/x-www-form-urlencoded;charset=UTF-8' };
    if (body instanceof ArrayBuffer || ArrayBufferIsView(body)) return { bytes: new Uint8Array(native.bytes(body)), type: null };
    if (body instanceof Blob) return { bytes: modules.blobBytes(body), type: body.type || null };
    if (body instanceof FormData) return modules.multipart(body);
    if (typeof body === 'object' && (Object.getPrototypeOf(body) === Object.prototype || Object.getPrototypeOf(body) === null || ArrayIsArray(body))) {
      throw new TypeError(`${where}: the body is an object: pass JSON.stringify(...) and the header 'content-type': 'application/json'`);
    }
    if (typeof body === 'object' && (typeof body.getReader === 'function' || typeof body.pipe === 'function')) {
      throw new TypeError(`${where}: streams are not supported as a body: pass text or bytes`);
    }
    return modules.extract(`${body}`, where);
  };

  // What both classes share. The state is kept under a symbol that only this file and fetch.js have.
  const state = Symbol('body');
  modules.bodyState = state;
  function consume(owner) {
    const own = owner[state];
    if (own.used) throw new TypeError('Body is unusable: Body has already been read');
    if (own.bytes) own.used = true;
    return own.bytes ?? new Uint8Array();
  }
  modules.bytesOf = (owner) => owner[state].bytes;
  const text = (bytes) => {
    const decoded = native.decode(bytes, 'utf8', 0, bytes.length);
    return decoded[0] === '\ufeff' ? decoded.slice(1) : decoded;
  };
  const methods = {
    async text() { return text(consume(this)); },
    async json() { return JSON.parse(text(consume(this))); },
    async bytes() { return consume(this).slice(); },
    async arrayBuffer() { return consume(this).slice().buffer; },
    async blob() { return new Blob([consume(this)], { type: this.headers.get('content-type') ?? '' }); },
    async formData() {
      const type = this.headers.get('content-type') ?? '';
      const bytes = consume(this);
      if (/^application\/x-www-form-urlencoded/i.test(type)) {
        const form = new FormData();
        for (const [name, value] of new URLSearchParams(text(bytes))) form.append(name, value);
        return form;
      }
      const boundary = /^multipart\/form-data;.*boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(type);
      if (!boundary) throw new TypeError(`Content-Type was not one of "multipart/form-data" or "application/x-www-form-urlencoded": ${type || 'none'}`);
      return modules.parseMultipart(bytes, boundary[1] ?? boundary[2]);
    },
  };
  // `body` as far as scripts use it: to be iterated or read once; the bytes are all there already.
  class ReadableStream {
    #owner;
    constructor(owner) {
      if (!owner || !owner[state]) throw new TypeError('ReadableStream cannot be constructed here');
      this.#owner = owner;
    }
    get locked() { return false; }
    getReader() {
      let rest = [consume(this.#owner)];
      return {
        closed: modules.later(modules.nothing),
        async read() { return rest.length ? { value: rest.shift().slice(), done: false } : { value: undefined, done: true }; },
        async cancel() { rest = []; },
        releaseLock() {},
      };
    }
    async cancel() { consume(this.#owner); }
    async *[Symbol.asyncIterator]() { yield consume(this.#owner).slice(); }
    get [Symbol.toStringTag]() { return 'ReadableStream'; }
  }
  modules.withBody = (Class) => {
    for (const name of Object.keys(methods)) Object.defineProperty(Class.prototype, name, { value: methods[name], writable: true, configurable: true });
    Object.defineProperty(Class.prototype, 'bodyUsed', { get() { return this[state].used; }, configurable: true });
    Object.defineProperty(Class.prototype, 'body', {
      get() {
        const own = this[state];
        if (!own.bytes) return null;
        own.stream ??= new ReadableStream(this);
        return own.stream;
      },
      configurable: true,
    });
  };
});
