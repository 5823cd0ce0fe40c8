// URL and URLSearchParams (https://url.spec.whatwg.org); parsing itself is native.
(function (native, modules, global) {
  'use strict';
  const custom = Symbol.for('nodejs.util.inspect.custom');

  class URLSearchParams {
    #list = [];
    #owner = null;
    constructor(init = '') {
      if (init !== null && typeof init === 'object' || typeof init === 'function') {
        if (typeof init[SymbolIterator] === 'function') {
          for (const pair of init) {
            const [key, value, ...rest] = pair;
            if (rest.length || value === undefined && [...pair].length !== 2) {
              const error = new TypeError('Each query pair must be an iterable [name, value] tuple');
              error.code = 'ERR_INVALID_TUPLE';
              throw error;
            }
            this.#list.push([text(key), text(value)]);
          }
        } else {
          for (const key of Object.keys(init)) this.#list.push([text(key), text(init[key])]);
        }
      } else {
        // As in Node, which takes null for nothing.
        const query = text(init ?? '');
        this.#parse(query[0] === '?' ? query.slice(1) : query);
      }
    }
    #parse(query) {
      const flat = native.formParse(query);
      this.#list = [];
      for (let i = 0; i < flat.length; i += 2) this.#list.push([flat[i], flat[i + 1]]);
    }
    #changed() { if (this.#owner) this.#owner(this.toString()); }
    static attach(params, owner) { params.#owner = owner; }
    static reparse(params, query) { params.#parse(query); }
    get size() { return this.#list.length; }
    append(key, value) { this.#list.push([text(key), text(value)]); this.#changed(); }
    delete(key, value) {
      this.#list = this.#list.filter(([k, v]) => k !== text(key) || (value !== undefined && v !== text(value)));
      this.#changed();
    }
    get(key) { const found = this.#list.find(([k]) => k === text(key)); return found ? found[1] : null; }
    getAll(key) { return this.#list.filter(([k]) => k === text(key)).map(([, v]) => v); }
    has(key, value) { return this.#list.some(([k, v]) => k === text(key) && (value === undefined || v === text(value))); }
    set(key, value) {
      const first = this.#list.findIndex(([k]) => k === text(key));
      if (first < 0) this.#list.push([text(key), text(value)]);
      else this.#list = this.#list.filter(([k], i) => i === first || k !== text(key)).map((pair, i) => (i === first ? [text(key), text(value)] : pair));
      this.#changed();
    }
    sort() { this.#list.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)); this.#changed(); }
    forEach(callback, receiver) { for (const [key, value] of this.#list) callback.call(receiver, value, key, this); }
    *entries() { for (const [key, value] of this.#list) yield [key, value]; }
    *keys() { for (const [key] of this.#list) yield key; }
    *values() { for (const [, value] of this.#list) yield value; }
    [Symbol.iterator]() { return this.entries(); }
    toString() { return native.formSerialize(this.#list.flat()); }
    get [Symbol.toStringTag]() { return 'URLSearchParams'; }
    [custom](depth, options) {
      const pairs = this.#list.map(([key, value]) => `${native.inspect(key)} => ${native.inspect(value)}`);
      return pairs.length ? `URLSearchParams { ${pairs.join(', ')} }` : 'URLSearchParams {}';
    }
  }
  const { attach, reparse } = URLSearchParams;
  delete URLSearchParams.attach;
  delete URLSearchParams.reparse;

  // Like String(), but refuses symbols as the platform does.
  const text = (value) => `${value}`;

  function invalidUrl(input) {
    const error = new TypeError('Invalid URL');
    error.code = 'ERR_INVALID_URL';
    error.input = input;
    return error;
  }

  const parts = ['href', 'origin', 'protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search', 'hash'];
  class URL {
    #parts;
    #params = null;
    constructor(input, base) {
      this.#parts = native.urlParse(text(input), base === undefined ? undefined : text(base));
      if (!this.#parts) throw invalidUrl(text(input));
    }
    static canParse(input, base) { return native.urlParse(text(input), base === undefined ? undefined : text(base)) !== null; }
    static parse(input, base) { return URL.canParse(input, base) ? new URL(input, base) : null; }
    static get(url, index) { return url.#parts[index]; }
    static set(url, part, value) {
      const changed = native.urlSet(url.#parts[0], part, text(value));
      if (changed) url.#parts = changed;
      else if (part === 'href') throw invalidUrl(text(value));
      if (url.#params && (part === 'search' || part === 'href')) reparse(url.#params, url.search.slice(1));
    }
    get searchParams() {
      if (!this.#params) {
        this.#params = new URLSearchParams(this.search);
        attach(this.#params, (query) => { this.#parts = native.urlSet(this.#parts[0], 'search', query); });
      }
      return this.#params;
    }
    toString() { return this.href; }
    toJSON() { return this.href; }
    get [Symbol.toStringTag]() { return 'URL'; }
    [custom](depth) {
      if (depth <= 0) return this.href;
      const lines = [...parts.slice(0, 10), 'searchParams', 'hash'].map((part) => `  ${part}: ${native.inspect(this[part])}`);
      return `URL {\n${lines.join(',\n')}\n}`;
    }
  }
  const { get, set } = URL;
  delete URL.get;
  delete URL.set;
  parts.forEach((part, index) => Object.defineProperty(URL.prototype, part, {
    get() { return get(this, index); },
    set: part === 'origin' ? undefined : function (value) { set(this, part, value); },
    enumerable: true,
    configurable: true,
  }));

  // The legacy API of Node's url module.
  function parse(input, parseQuery) {
    const match = /^(?:([a-z][a-z0-9+.-]*:))?(?:(\/\/)(?:([^/?#]*)@)?([^/?#]*))?([^?#]*)(\?[^#]*)?(#.*)?$/is.exec(String(input).trim());
    const [, protocol = null, slashes, auth = null, host = null, pathname = null, search = null, hash = null] = match;
    const [, hostname = null, port = null] = host === null ? [] : /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(host) || [null, host];
    const query = search === null ? null : search.slice(1);
    const path = pathname || (host ? '/' : null);
    return {
      protocol: protocol && protocol.toLowerCase(), slashes: slashes ? true : null, auth: auth && decodeURIComponent(auth),
      host: host && host.toLowerCase(), port: port || null, hostname: hostname && hostname.toLowerCase(), hash, search,
      query: parseQuery ? modules.querystring.parse(query || '') : query, pathname: path,
      path: path === null && search === null ? null : `${path || ''}${search || ''}`, href: String(input).trim(),
    };
  }
  function format(value) {
    if (value instanceof URL) return value.href;
    if (typeof value === 'string') return new URL(value).href;
    let { protocol = '', auth, host, hostname, port, pathname = '', search, query, hash = '', slashes } = value;
    if (protocol && !protocol.endsWith(':')) protocol += ':';
    if (host === undefined && hostname) host = `${hostname}${port ? `:${port}` : ''}`;
    if (search === undefined && query && typeof query === 'object') search = modules.querystring.stringify(query);
    else if (search === undefined && typeof query === 'string') search = query;
    if (search && search[0] !== '?') search = `?${search}`;
    if (hash && hash[0] !== '#') hash = `#${hash}`;
    const authority = host ? `//${auth ? `${encodeURIComponent(auth).replace('%3A', ':')}@` : ''}${host}` : slashes ? '//' : '';
    if (authority && pathname && pathname[0] !== '/') pathname = `/${pathname}`;
    return `${protocol || ''}${authority}${pathname || ''}${search || ''}${hash || ''}`;
  }
  const resolve = (from, to) => {
    const base = new URL(from, 'resolve://');
    const url = new URL(to, base);
    return url.protocol === 'resolve:' ? `${url.pathname}${url.search}${url.hash}` : url.href;
  };
  modules.url = { URL, URLSearchParams, parse, format, resolve };
  global('URL', URL);
  global('URLSearchParams', URLSearchParams);
});
