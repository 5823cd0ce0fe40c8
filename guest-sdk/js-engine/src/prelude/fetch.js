// fetch, Request and Response (https://fetch.spec.whatwg.org). The host performs the request under its own rules.
(function (native, modules, global) {
  'use strict';
  const { hostCall, Headers, headerList, bodyState: state, extract, withBody } = modules;
  const custom = Symbol.for('nodejs.util.inspect.custom');
  const isObject = (value) => value !== null && typeof value === 'object';
  // Shown as an object of the class with these properties.
  const shown = (Class, properties) => native.inspect(Object.assign(Object.create({ constructor: Class }), properties));

  function withContent(owner, headers, body, where) {
    const extracted = extract(body, where);
    if (extracted && extracted.type) modules.setMissing(headers, 'content-type', extracted.type);
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
      const base = isObject(input) && #own in input ? input : null;
      const from = base ? base.#own : { __proto__: null, url: '', method: 'GET', headers: undefined, redirect: 'follow', signal: null };
      let { url } = from;
      if (!base) {
        const text = `${input}`;
        // As in `URL`: href, origin, protocol, username, password.
        const parts = native.urlParse(text, undefined);
        if (!parts) {
          const cause = new TypeError('Invalid URL');
          native.put(cause, 'code', 'ERR_INVALID_URL');
          native.put(cause, 'input', text);
          throw native.hide(new TypeError(`Failed to parse URL from ${text}`), 'cause', cause);
        }
        url = parts[0];
        if (parts[3] || parts[4]) throw new TypeError('Request cannot be constructed from a URL that includes credentials: send an authorization header');
      }
      const method = native.upper(init.method ?? from.method);
      if (native.headerName(method) === undefined) throw new TypeError(`'${init.method}' is not a valid HTTP method.`);
      if (method === 'CONNECT' || method === 'TRACE' || method === 'TRACK') throw new TypeError(`'${init.method}' HTTP method is unsupported.`);
      const redirect = init.redirect ?? from.redirect;
      if (redirect !== 'follow' && redirect !== 'manual' && redirect !== 'error') throw new TypeError(`Request constructor: ${native.inspect(redirect)} is not an accepted redirect mode: follow, manual, error.`);
      const signal = (init.signal === undefined ? from.signal : init.signal) ?? null;
      if (signal !== null && !modules.isSignal(signal)) throw new TypeError('Request constructor: the signal must be an AbortSignal');
      const headers = new Headers(init.headers ?? from.headers);
      let body = init.body ?? null;
      if (body === null && base && base[state].bytes) {
        if (base[state].used) throw new TypeError('Cannot construct a Request with a Request object that has already been used.');
        body = base[state].bytes;
      }
      if (body !== null && (method === 'GET' || method === 'HEAD')) throw new TypeError('Request with GET/HEAD method cannot have body.');
      withContent(this, headers, body, 'fetch');
      this.#own = { __proto__: null, url, method, headers, redirect, signal };
    }
    get url() { return this.#own.url; }
    get method() { return this.#own.method; }
    get headers() { return this.#own.headers; }
    get redirect() { return this.#own.redirect; }
    get signal() { return (this.#own.signal ??= new AbortController().signal); }
    static own(request) { return request.#own; }
    static is(value) { return isObject(value) && #own in value; }
    clone() { copyOf(this); return new Request(this); }
    get [Symbol.toStringTag]() { return 'Request'; }
    [custom]() { return shown(Request, { method: this.method, url: this.url, headers: this.headers }); }
  }
  const { own, is: isRequest } = Request;
  delete Request.own;
  delete Request.is;
  withBody(Request);

  const isEmpty = (status) => status === 101 || status === 204 || status === 205 || status === 304;
  const MADE = Symbol('made');
  // A response that no script describes: the host's answer, a copy, an error.
  function made(own, bytes) {
    const response = new Response(own, MADE);
    response[state] = { bytes, used: false, stream: null };
    return response;
  }
  // RFC 9110, section 15: what a status is called.
  const REASONS = { __proto__: null, 200: 'OK', 201: 'Created', 202: 'Accepted', 204: 'No Content', 206: 'Partial Content', 301: 'Moved Permanently', 302: 'Found', 303: 'See Other',
    304: 'Not Modified', 307: 'Temporary Redirect', 308: 'Permanent Redirect', 400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found',
    405: 'Method Not Allowed', 409: 'Conflict', 410: 'Gone', 413: 'Content Too Large', 415: 'Unsupported Media Type', 422: 'Unprocessable Content', 429: 'Too Many Requests',
    500: 'Internal Server Error', 501: 'Not Implemented', 502: 'Bad Gateway', 503: 'Service Unavailable', 504: 'Gateway Timeout' };
  function received(result) {
    const headers = new Headers();
    const list = native.own(result, 'headers') ?? [];
    for (let i = 0; i < list.length; i++) {
      const name = native.headerName(list[i][0]);
      const value = native.headerValue(list[i][1]);
      // What no Headers can hold is left out.
      if (name !== undefined && value !== undefined) modules.addHeader(headers, name, value);
    }
    const status = native.own(result, 'status');
    const url = native.own(result, 'url') ?? '';
    const redirected = native.own(result, 'redirected') ?? false;
    const statusText = native.own(result, 'status_text') || REASONS[status] || '';
    const bytes = isEmpty(status) ? null : new Uint8Array(native.encode(native.own(result, 'body') ?? '', 'base64'));
    return made({ __proto__: null, status, statusText, headers, url, redirected, type: 'basic' }, bytes);
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
      if (!NumberIsInteger(status) || status < 200 || status > 599) throw new RangeError('init["status"] must be in the range of 200 to 599, inclusive.');
      if (body !== null && body !== undefined && isEmpty(status)) throw new TypeError(`Response constructor: Invalid response status code ${status}: it has no body`);
      const headers = new Headers(init.headers);
      withContent(this, headers, body, 'Response');
      this.#own = { __proto__: null, status, statusText: `${init.statusText ?? ''}`, headers, url: '', redirected: false, type: 'default' };
    }
    get status() { return this.#own.status; }
    get statusText() { return this.#own.statusText; }
    get ok() { return this.#own.status >= 200 && this.#own.status < 300; }
    get headers() { return this.#own.headers; }
    get url() { return this.#own.url; }
    get redirected() { return this.#own.redirected; }
    get type() { return this.#own.type; }
    static is(value) { return isObject(value) && #own in value; }
    static own(response) { return response.#own; }
    clone() { return made({ __proto__: null, ...this.#own, headers: new Headers(this.#own.headers) }, copyOf(this)); }
    get [Symbol.toStringTag]() { return 'Response'; }
    [custom]() {
      const { status, statusText, headers, ok, url, redirected, bodyUsed } = this;
      return shown(Response, { status, statusText, headers, ok, url, redirected, bodyUsed });
    }
  }
  const { is: isResponse, own: headOf } = Response;
  delete Response.is;
  delete Response.own;
  const statics = {
    error() { return made({ status: 0, statusText: '', headers: new Headers(), url: '', redirected: false, type: 'error' }, null); },
    json(data, init = {}) {
      const text = JSON.stringify(data);
      if (text === undefined) throw new TypeError('Response.json: the value is not JSON serializable');
      const headers = new Headers(init?.headers);
      modules.setMissing(headers, 'content-type', 'application/json');
      return new Response(text, { ...init, headers });
    },
    redirect(url, status = 302) {
      if (status !== 301 && status !== 302 && status !== 303 && status !== 307 && status !== 308) throw new RangeError(`Invalid status code ${status}`);
      return new Response(null, { status, headers: { location: new URL(`${url}`).href } });
    },
  };
  for (const name of Object.keys(statics)) Object.defineProperty(Response, name, { value: statics[name], writable: true, configurable: true });
  withBody(Response);

  // As undici words it, with what went wrong in the message too: who prints the message alone has to see it.
  const explain = (said) => {
    if (native.own(said, 'name') !== 'TypeError') return said;
    const code = native.own(said, 'code');
    const why = native.own(said, 'message');
    return { name: 'TypeError', message: `fetch failed: ${why}`, code, cause: { name: 'Error', message: why, code } };
  };

  global('fetch', function fetch(input, init) {
    let request;
    try {
      if (arguments.length === 0) throw new TypeError("Failed to execute 'fetch': 1 argument required, but only 0 present.");
      request = isRequest(input) && init === undefined ? input : new Request(input, init);
      if (request[state].used) throw new TypeError('Cannot construct a Request with a Request object that has already been used.');
    } catch (error) {
      return modules.rejected(error);
    }
    const { bytes } = request[state];
    if (bytes) request[state].used = true;
    const { method, url, headers, redirect, signal } = own(request);
    return hostCall('fetch', native.callText('fetch', method, url, headerList(headers), bytes, redirect), { __proto__: null, signal, explain, convert: received });
  });
  modules.isResponse = isResponse;
  modules.headOf = headOf;
  global('Request', Request);
  global('Response', Response);
});
