// Blob, File and FormData, all in memory (https://w3c.github.io/FileAPI, https://xhr.spec.whatwg.org/#interface-formdata).
(function (native, modules, global) {
  'use strict';
  const utf8 = (text) => new Uint8Array(native.encode(text, 'utf8'));
  function join(parts) {
    const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }
  const view = (value) => (value instanceof ArrayBuffer ? new Uint8Array(value) : new Uint8Array(value.buffer, value.byteOffset, value.byteLength));

  class Blob {
    #bytes;
    #type;
    constructor(parts = [], options = {}) {
      if (parts === null || typeof parts !== 'object' || typeof parts[SymbolIterator] !== 'function') throw new TypeError('The "sources" argument must be an instance of a sequence');
      this.#bytes = join([...parts].map((part) => {
        if (part instanceof Blob) return part.#bytes;
        if (part instanceof ArrayBuffer || ArrayBufferIsView(part)) return view(part);
        return utf8(`${part}`.toWellFormed());
      }));
      const type = `${options?.type ?? ''}`;
      this.#type = /^[\x20-\x7e]*$/.test(type) ? type.toLowerCase() : '';
    }
    get size() { return this.#bytes.length; }
    get type() { return this.#type; }
    slice(start, end, type = '') { return new Blob([this.#bytes.slice(start, end)], { type }); }
    async text() { return native.decode(this.#bytes, 'utf8', 0, this.#bytes.length); }
    async arrayBuffer() { return this.#bytes.slice().buffer; }
    async bytes() { return this.#bytes.slice(); }
    static bytes(blob) { return blob.#bytes; }
    get [Symbol.toStringTag]() { return 'Blob'; }
    [Symbol.for('nodejs.util.inspect.custom')]() { return `${this.constructor.name} { size: ${this.size}, type: ${native.inspect(this.type)} }`; }
  }
  const bytesOf = Blob.bytes;
  delete Blob.bytes;

  class File extends Blob {
    #name;
    #lastModified;
    constructor(parts, name, options = {}) {
      if (arguments.length < 2) throw new TypeError('File takes its parts and a name');
      super(parts, options);
      this.#name = `${name}`;
      this.#lastModified = options?.lastModified === undefined ? DateNow() : Number(options.lastModified);
    }
    get name() { return this.#name; }
    get lastModified() { return this.#lastModified; }
    get [Symbol.toStringTag]() { return 'File'; }
  }

  class FormData {
    #list = [];
    constructor(form) { if (form !== undefined) throw new TypeError('FormData takes no form here: append to it'); }
    static entry(args) {
      const [name, value, file] = args;
      if (args.length < 2) throw new TypeError('FormData: a name and a value are needed');
      if (!(value instanceof Blob)) return [`${name}`.toWellFormed(), `${value}`.toWellFormed()];
      if (value instanceof File && file === undefined) return [`${name}`.toWellFormed(), value];
      return [`${name}`.toWellFormed(), new File([value], file === undefined ? 'blob' : `${file}`, { type: value.type })];
    }
    append(...args) { this.#list.push(FormData.entry(args)); }
    set(...args) {
      const entry = FormData.entry(args);
      const at = this.#list.findIndex(([name]) => name === entry[0]);
      this.#list = this.#list.filter(([name], i) => name !== entry[0] || i === at);
      if (at < 0) this.#list.push(entry);
      else this.#list[at] = entry;
    }
    delete(name) { this.#list = this.#list.filter(([other]) => other !== `${name}`); }
    get(name) { const found = this.#list.find(([other]) => other === `${name}`); return found ? found[1] : null; }
    getAll(name) { return this.#list.filter(([other]) => other === `${name}`).map(([, value]) => value); }
    has(name) { return this.#list.some(([other]) => other === `${name}`); }
    forEach(callback, self) { for (const [name, value] of this) callback.call(self, value, name, this); }
    *entries() { for (const [name, value] of this.#list) yield [name, value]; }
    *keys() { for (const [name] of this.#list) yield name; }
    *values() { for (const [, value] of this.#list) yield value; }
    [Symbol.iterator]() { return this.entries(); }
    get [Symbol.toStringTag]() { return 'FormData'; }
  }

  const escaped = (text) => text.replace(/\r\n?|\n/g, '%0D%0A').replaceAll('"', '%22');
  // multipart/form-data (RFC 7578, as the fetch standard writes it).
  modules.multipart = (form) => {
    const boundary = `----flowcell${native.decode(new Uint8Array(native.random(16)), 'hex', 0, 16)}`;
    const parts = [];
    for (const [name, value] of form) {
      const head = `--${boundary}\r\nContent-Disposition: form-data; name="${escaped(name)}"`;
      if (typeof value === 'string') parts.push(utf8(`${head}\r\n\r\n${value.replace(/\r\n?|\n/g, '\r\n')}\r\n`));
      else parts.push(utf8(`${head}; filename="${escaped(value.name)}"\r\nContent-Type: ${value.type || 'application/octet-stream'}\r\n\r\n`), bytesOf(value), utf8('\r\n'));
    }
    parts.push(utf8(`--${boundary}--\r\n`));
    return { bytes: join(parts), type: `multipart/form-data; boundary=${boundary}` };
  };
  modules.parseMultipart = (bytes, boundary) => {
    const form = new FormData();
    const find = (text, from) => modules.buffer.Buffer.prototype.indexOf.call(modules.wrap(bytes.buffer, bytes.byteOffset, bytes.length), text, from);
    const wrong = () => new TypeError('The body is no multipart form');
    let at = find(`--${boundary}`, 0);
    if (at < 0) throw wrong();
    for (;;) {
      at += boundary.length + 2;
      if (bytes[at] === 45 && bytes[at + 1] === 45) return form;
      const headEnd = find('\r\n\r\n', at);
      const next = headEnd < 0 ? -1 : find(`\r\n--${boundary}`, headEnd + 2);
      if (next < 0) throw wrong();
      const head = native.decode(bytes, 'utf8', at, headEnd);
      const param = (key) => { const match = new RegExp(`[;\\s]${key}="([^"]*)"`, 'i').exec(head); return match ? match[1].replaceAll('%22', '"').replaceAll('%0D%0A', '\r\n') : undefined; };
      const name = param('name');
      if (name === undefined) throw wrong();
      const content = bytes.slice(headEnd + 4 > next ? next : headEnd + 4, next);
      const file = param('filename');
      if (file === undefined) form.append(name, native.decode(content, 'utf8', 0, content.length));
      else form.append(name, new File([content], file, { type: /^content-type:\s*(\S.*?)\s*$/im.exec(head)?.[1] ?? 'text/plain' }));
      at = next + 2;
    }
  };
  modules.blobBytes = bytesOf;
  modules.copied(Blob, (blob) => new Blob([bytesOf(blob)], { type: blob.type }));
  modules.join = join;
  modules.view = view;
  Object.assign(modules.buffer, { Blob, File });
  for (const item of [Blob, File, FormData]) global(item.name, item);
});
