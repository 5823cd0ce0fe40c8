// fetch, Request and Response (https://fetch.spec.whatwg.org). The host performs the request under its own rules.
(function (native, modules, global) {
  'use strict';
  const { hostCall, AbortSignal, Headers, bodyState: state, extract, withBody } = modules;
  const custom = Symbol.for('nodejs.util.inspect.custom');
  // Shown as an object of the class with these properties.
  const shown = (Class, properties) => native.inspect(Object.assign(Object.create({ constructor: Class }), properties));

  function withContent(owner, headers, body, where) {
    const extracted = extract(body, where);
    if (extracted && extracted.type && !headers.has('content-type')) headers.set('content-type', extracted.type);
    Object.defineProperty(owner, state, { value: { bytes: extracted && extracted.bytes, used: false, stream: null } });
  }
  function copyOf(owner) {
    if (owner[state].used) throw new TypeError(`${owner.constructor.name}.clone: Body has already been consumed.`);
    return owner[state].bytes;
  }

  class Request {
    #url; #method; #headers; #redirect; #signal;
    constructor(input, init = {}) {
      init ??= {};
      const base = input instanceof Request ? input : null;
      if (base) {
        this.#url = base.#url;
      } else {
        let url;
        try {
          url = new URL(`${input}`);
        } catch (cause) {
          throw new TypeError(`Failed to parse URL from ${input}`, { cause });
        }
        if (url.username || url.password) throw new TypeError('Request cannot be constructed from a URL that includes credentials: send an authorization header');
        this.#url = url.href;
      }
      const method = `${init.method ?? (base ? base.#method : 'GET')}`;
      if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method)) throw new TypeError(`'${method}' is not a valid HTTP method.`);
      this.#method = method.toUpperCase();
      if (['CONNECT', 'TRACE', 'TRACK'].includes(this.#method)) throw new TypeError(`'${method}' HTTP method is unsupported.`);
      this.#redirect = init.redirect ?? (base ? base.#redirect : 'follow');
      if (!['follow', 'manual', 'error'].includes(this.#redirect)) throw new TypeError(`Request constructor: ${native.inspect(this.#redirect)} is not an accepted redirect mode: follow, manual, error.`);
      const signal = init.signal === undefined ? base && base.#signal : init.signal;
      if (signal !== null && signal !== undefined && !(signal instanceof AbortSignal)) throw new TypeError('Request constructor: the signal must be an AbortSignal');
      this.#signal = signal ?? null;
      this.#headers = new Headers(init.headers ?? (base ? base.#headers : undefined));
      let body = init.body;
      if ((body === undefined || body === null) && base && base[state].bytes) {
        if (base.bodyUsed) throw new TypeError('Cannot construct a Request with a Request object that has already been used.');
        body = base[state].bytes;
      }
      if (body !== undefined && body !== null && ['GET', 'HEAD'].includes(this.#method)) throw new TypeError('Request with GET/HEAD method cannot have body.');
      withContent(this, this.#headers, body, 'fetch');
    }
    get url() { return this.#url; }
    get method() { return this.#method; }
    get headers() { return this.#headers; }
    get redirect() { return this.#redirect; }
    get signal() { return this.#signal ?? (this.#signal = new AbortController().signal); }
    static signal(request) { return request.#signal; }
    clone() { copyOf(this); return new Request(this); }
    get [Symbol.toStringTag]() { return 'Request'; }
    [custom]() { return shown(Request, { method: this.method, url: this.url, headers: this.headers }); }
  }
  const signalOf = Request.signal;
  delete Request.signal;
  withBody(Request);

  const EMPTY = [101, 204, 205, 304];
  class Response {
    #status = 200; #statusText = ''; #headers; #url = ''; #redirected = false; #type = 'default';
    constructor(body = null, init = {}) {
      init ??= {};
      const status = init.status === undefined ? 200 : Number(init.status);
      if (!Number.isInteger(status) || status < 200 || status > 599) throw new RangeError('init["status"] must be in the range of 200 to 599, inclusive.');
      if (body !== null && body !== undefined && EMPTY.includes(status)) throw new TypeError(`Response constructor: Invalid response status code ${status}: it has no body`);
      this.#status = status;
      this.#statusText = `${init.statusText ?? ''}`;
      this.#headers = new Headers(init.headers);
      withContent(this, this.#headers, body, 'Response');
    }
    get status() { return this.#status; }
    get statusText() { return this.#statusText; }
    get ok() { return this.#status >= 200 && this.#status < 300; }
    get headers() { return this.#headers; }
    get url() { return this.#url; }
    get redirected() { return this.#redirected; }
    get type() { return this.#type; }
    clone() {
      const bytes = copyOf(this);
      const copy = new Response(null, { headers: this.#headers });
      copy[state].bytes = bytes;
      for (const set of [(r) => { r.#status = this.#status; r.#statusText = this.#statusText; r.#url = this.#url; r.#redirected = this.#redirected; r.#type = this.#type; }]) set(copy);
      return copy;
    }
    // What the host answered.
    static received(result) {
      const response = new Response(null);
      response.#status = result.status;
      response.#statusText = result.status_text ?? '';
      response.#url = result.url ?? '';
      response.#redirected = Boolean(result.redirected);
      response.#type = 'basic';
      for (const [name, value] of result.headers ?? []) {
        try { response.#headers.append(name, value); } catch { /* what no Headers can hold is left out */ }
      }
      if (!EMPTY.includes(result.status)) response[state].bytes = new Uint8Array(native.encode(result.body ?? '', 'base64'));
      return response;
    }
    static failed() {
      const response = new Response(null);
      response.#status = 0;
      response.#type = 'error';
      return response;
    }
    get [Symbol.toStringTag]() { return 'Response'; }
    [custom]() {
      const { status, statusText, headers, ok, url, redirected, bodyUsed } = this;
      return shown(Response, { status, statusText, headers, ok, url, redirected, bodyUsed });
    }
  }
  const { received, failed } = Response;
  delete Response.received;
  delete Response.failed;
  const statics = {
    error() { return failed(); },
    json(data, init = {}) {
      const text = JSON.stringify(data);
      if (text === undefined) throw new TypeError('Response.json: the value is not JSON serializable');
      const headers = new Headers(init?.headers);
      if (!headers.has('content-type')) headers.set('content-type', 'application/json');
      return new Response(text, { ...init, headers });
    },
    redirect(url, status = 302) {
      if (![301, 302, 303, 307, 308].includes(status)) throw new RangeError(`Invalid status code ${status}`);
      return new Response(null, { status, headers: { location: new URL(`${url}`).href } });
    },
  };
  for (const name of Object.keys(statics)) Object.defineProperty(Response, name, { value: statics[name], writable: true, configurable: true });
  withBody(Response);

  // As undici words it: what went wrong is the cause.
  const explain = (said) => (said.name === 'TypeError'
    ? { name: 'TypeError', message: 'fetch failed', code: said.code, cause: { name: 'Error', message: said.message, code: said.code } } : said);

  global('fetch', function fetch(input, init) {
    let request;
    try {
      if (arguments.length === 0) throw new TypeError("Failed to execute 'fetch': 1 argument required, but only 0 present.");
      request = input instanceof Request && init === undefined ? input : new Request(input, init);
      if (request.bodyUsed) throw new TypeError('Cannot construct a Request with a Request object that has already been used.');
    } catch (error) {
      return Promise.reject(error);
    }
    const { bytes } = request[state];
    if (bytes) request[state].used = true;
    const body = bytes ? `"${native.decode(bytes, 'base64', 0, bytes.length)}"` : 'null';
    const args = `{"method":${JSON.stringify(request.method)},"url":${JSON.stringify(request.url)},"headers":${JSON.stringify([...request.headers])},"body":${body},"redirect":"${request.redirect}"}`;
    return hostCall('fetch', args, signalOf(request), explain).then(received);
  });
  modules.Response = Response;
  global('Request', Request);
  global('Response', Response);
});
