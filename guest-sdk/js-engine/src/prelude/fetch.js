// fetch, Request and Response (https://fetch.spec.whatwg.org). The host performs the request under its own rules.
(function (native, modules, global) {
  'use strict';
  const { hostCall, AbortSignal, Headers, headerList, bodyState: state, extract, withBody } = modules;
  const custom = Symbol.for('nodejs.util.inspect.custom');
  // Shown as an object of the class with these properties.
  const shown = (Class, properties) => native.inspect(Object.assign(Object.create({ constructor: Class }), properties));

  function withContent(owner, headers, body, where) {
    const extracted = extract(body, where);
    if (extracted && extracted.type && !headers.has('content-type')) headers.append('content-type', extracted.type);
    owner[state] = { bytes: extracted && extracted.bytes, used: false, stream: null };
  }
  function copyOf(owner) {
    if (owner[state].used) throw new TypeError(`${owner.constructor.name}.clone: Body has already been consumed.`);
    return owner[state].bytes;
  }

  class Request {
    #own;
    constructor(input, init = {}) {
      init ??= {};
      const base = input instanceof Request ? input : null;
      const from = base ? base.#own : { url: '', method: 'GET', headers: undefined, redirect: 'follow', signal: null };
      let { url } = from;
      if (!base) {
        let parsed;
        try {
          parsed = new URL(`${input}`);
        } catch (cause) {
          throw new TypeError(`Failed to parse URL from ${input}`, { cause });
        }
        url = parsed.href;
        if (url.includes('@') && (parsed.username || parsed.password)) throw new TypeError('Request cannot be constructed from a URL that includes credentials: send an authorization header');
      }
      const method = `${init.method ?? from.method}`.toUpperCase();
      if (native.headerName(method) === undefined) throw new TypeError(`'${init.method}' is not a valid HTTP method.`);
      if (method === 'CONNECT' || method === 'TRACE' || method === 'TRACK') throw new TypeError(`'${init.method}' HTTP method is unsupported.`);
      const redirect = init.redirect ?? from.redirect;
      if (redirect !== 'follow' && redirect !== 'manual' && redirect !== 'error') throw new TypeError(`Request constructor: ${native.inspect(redirect)} is not an accepted redirect mode: follow, manual, error.`);
      const signal = (init.signal === undefined ? from.signal : init.signal) ?? null;
      if (signal !== null && !(signal instanceof AbortSignal)) throw new TypeError('Request constructor: the signal must be an AbortSignal');
      const headers = new Headers(init.headers ?? from.headers);
      let body = init.body ?? null;
      if (body === null && base && base[state].bytes) {
        if (base.bodyUsed) throw new TypeError('Cannot construct a Request with a Request object that has already been used.');
        body = base[state].bytes;
      }
      if (body !== null && (method === 'GET' || method === 'HEAD')) throw new TypeError('Request with GET/HEAD method cannot have body.');
      withContent(this, headers, body, 'fetch');
      this.#own = { url, method, headers, redirect, signal };
    }
    get url() { return this.#own.url; }
    get method() { return this.#own.method; }
    get headers() { return this.#own.headers; }
    get redirect() { return this.#own.redirect; }
    get signal() { return (this.#own.signal ??= new AbortController().signal); }
    static own(request) { return request.#own; }
    clone() { copyOf(this); return new Request(this); }
    get [Symbol.toStringTag]() { return 'Request'; }
    [custom]() { return shown(Request, { method: this.method, url: this.url, headers: this.headers }); }
  }
  const { own } = Request;
  delete Request.own;
  withBody(Request);

  const EMPTY = [101, 204, 205, 304];
  const MADE = Symbol('made');
  // A response that no script describes: the host's answer, a copy, an error.
  function made(own, bytes) {
    const response = new Response(own, MADE);
    response[state] = { bytes, used: false, stream: null };
    return response;
  }
  // RFC 9110, section 15: what a status is called.
  const REASONS = { 200: 'OK', 201: 'Created', 202: 'Accepted', 204: 'No Content', 206: 'Partial Content', 301: 'Moved Permanently', 302: 'Found', 303: 'See Other',
    304: 'Not Modified', 307: 'Temporary Redirect', 308: 'Permanent Redirect', 400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found',
    405: 'Method Not Allowed', 409: 'Conflict', 410: 'Gone', 413: 'Content Too Large', 415: 'Unsupported Media Type', 422: 'Unprocessable Content', 429: 'Too Many Requests',
    500: 'Internal Server Error', 501: 'Not Implemented', 502: 'Bad Gateway', 503: 'Service Unavailable', 504: 'Gateway Timeout' };
  function received(result) {
    const headers = new Headers();
    const list = result.headers ?? [];
    for (let i = 0; i < list.length; i++) {
      const name = native.headerName(list[i][0]);
      const value = native.headerValue(list[i][1]);
      // What no Headers can hold is left out.
      if (name !== undefined && value !== undefined) headers.append(name, value);
    }
    const { status, url = '', redirected = false, body } = result;
    const statusText = result.status_text || REASONS[status] || '';
    const bytes = EMPTY.includes(status) ? null : new Uint8Array(native.encode(body ?? '', 'base64'));
    return made({ status, statusText, headers, url, redirected, type: 'basic' }, bytes);
  }
  class Response {
    #own;
    constructor(body = null, init = {}) {
      if (init === MADE) {
        this.#own = body;
        return;
      }
      init ??= {};
      const status = init.status === undefined ? 200 : Number(init.status);
      if (!Number.isInteger(status) || status < 200 || status > 599) throw new RangeError('init["status"] must be in the range of 200 to 599, inclusive.');
      if (body !== null && body !== undefined && EMPTY.includes(status)) throw new TypeError(`Response constructor: Invalid response status code ${status}: it has no body`);
      const headers = new Headers(init.headers);
      withContent(this, headers, body, 'Response');
      this.#own = { status, statusText: `${init.statusText ?? ''}`, headers, url: '', redirected: false, type: 'default' };
    }
    get status() { return this.#own.status; }
    get statusText() { return this.#own.statusText; }
    get ok() { return this.#own.status >= 200 && this.#own.status < 300; }
    get headers() { return this.#own.headers; }
    get url() { return this.#own.url; }
    get redirected() { return this.#own.redirected; }
    get type() { return this.#own.type; }
    clone() { return made({ ...this.#own, headers: new Headers(this.#own.headers) }, copyOf(this)); }
    get [Symbol.toStringTag]() { return 'Response'; }
    [custom]() {
      const { status, statusText, headers, ok, url, redirected, bodyUsed } = this;
      return shown(Response, { status, statusText, headers, ok, url, redirected, bodyUsed });
    }
  }
  const statics = {
    error() { return made({ status: 0, statusText: '', headers: new Headers(), url: '', redirected: false, type: 'error' }, null); },
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
    const { method, url, headers, redirect, signal } = own(request);
    const args = `{"method":${JSON.stringify(method)},"url":${JSON.stringify(url)},"headers":${JSON.stringify(headerList(headers))},"body":${body},"redirect":"${redirect}"}`;
    return hostCall('fetch', args, signal, explain).then(received);
  });
  modules.Response = Response;
  global('Request', Request);
  global('Response', Response);
});
