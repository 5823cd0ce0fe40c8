// What a run knows of itself: run, step (with step.run), secrets, and respond.
(function (native, modules, global) {
  'use strict';
  const { hostCall, perCall, nothing } = modules;
  const { callText, own } = native;
  const meta = perCall(() => native.meta());
  const values = perCall(() => native.secrets());
  const custom = Symbol.for('nodejs.util.inspect.custom');

  global('run', Object.freeze({
    get id() { return meta().run; },
    get workflow() { return meta().workflow; },
  }));

  const names = perCall(() => ({ __proto__: null }));
  async function runOnce(name, work) {
    let key = name;
    for (let n = 2; key in names(); n++) key = `${name}#${n}`;
    names()[key] = true;
    // No prototype: nobody is asked for its `then`.
    const found = await hostCall('memo.get', callText('memo.get', key), { __proto__: null, convert: (said) => ({ __proto__: null, is: Object.hasOwn(said, 'value'), value: own(said, 'value') }) });
    if (found.is) return found.value;
    const json = native.strictJson(await work(), `step.run(${native.inspect(name)}): the result`);
    await hostCall('memo.put', callText('memo.put', key, json), { __proto__: null, convert: nothing });
    return native.parseJson(json);
  }
  global('step', Object.freeze({
    get id() { return meta().step; },
    get attempt() { return meta().attempt; },
    run(name, work) {
      if (typeof name !== 'string' || name === '' || name.length > 200) throw new TypeError(`step.run: the first argument names what is done, in 1 to 200 characters, not ${native.inspect(name)}`);
      if (typeof work !== 'function') throw new TypeError(`step.run(${native.inspect(name)}): the second argument must be a function, such as async () => { ... }`);
      return runOnce(name, work);
    },
  }));

  const list = () => Object.keys(values());
  // What `console.log(secrets)` shows: the names. The console looks at the target of a proxy.
  const shown = Object.defineProperty({}, custom, { value: () => `[secrets: ${list().join(', ') || 'none'}]`, configurable: true });
  const secrets = new Proxy(shown, {
    get(_, name) {
      if (name === 'toJSON') return () => Object.fromEntries(list().map((key) => [key, '***']));
      if (typeof name === 'symbol') return undefined;
      if (Object.hasOwn(values(), name)) return values()[name];
      // A promise asks for `then`; the rest is what any object has.
      if (name === 'then' || name in Object.prototype) return Object.prototype[name];
      if (includes(own(meta(), 'secrets_listed'), name)) throw new Error(`secrets.${name} has no value: flowcell secrets set ${name}`);
      if (native.entry() && meta().run === undefined) throw new Error(`secrets.${name} is not available here: read it inside the exported function`);
      throw new Error(`secrets.${name} is not available: list it under "secrets" in workflow.json`);
    },
    has: (_, name) => Object.hasOwn(values(), name),
    ownKeys: list,
    getOwnPropertyDescriptor: (_, name) => (Object.hasOwn(values(), name) ? { value: values()[name], enumerable: true, configurable: true } : undefined),
    set(_, name) { throw new TypeError(`secrets.${String(name)} cannot be changed by a script: flowcell secrets set ${String(name)}`); },
    defineProperty() { throw new TypeError('secrets cannot be changed by a script'); },
    deleteProperty() { throw new TypeError('secrets cannot be changed by a script'); },
  });
  global('secrets', secrets);

  const answered = perCall(() => ({ done: false }));
  const includes = (list, item) => {
    for (let i = 0; list && i < list.length; i++) if (list[i] === item) return true;
    return false;
  };
  const known = ['status', 'headers', 'json', 'text', 'body'];
  const isStatus = (value) => NumberIsInteger(value) && value >= 200 && value <= 599;
  // Whether the object says how to answer, or is what somebody answers with, such as `{ status: 'ok' }`.
  const isInit = (value) => {
    if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) return false;
    const keys = Object.keys(value);
    let unknown;
    for (let i = 0; i < keys.length; i++) if (!includes(known, keys[i])) unknown ??= keys[i];
    if (keys.length === 0) return false;
    // A refusal must not become a 200 because one of its names is another tool's.
    const said = own(value, 'status') ?? own(value, 'statusCode');
    const status = isStatus(said) || (typeof said === 'string' && isStatus(Number(said)));
    if (unknown === undefined) return status || said === undefined || typeof said === 'number';
    if (!status && !(own(value, 'headers') !== undefined && (own(value, 'body') ?? own(value, 'json') ?? own(value, 'text')) !== undefined)) return false;
    if (unknown === 'statusCode') throw new TypeError('respond: the status is called `status`, not `statusCode`');
    throw new TypeError(`respond: there is no \`${unknown}\`: it takes status, headers, and one of json, text, body. To answer with this object as JSON, write respond({ json: ... })`);
  };
  global('respond', function respond(value = null) {
    if (arguments.length > 1) throw new TypeError('respond takes one object, such as { status: 201, json: ... }');
    let { status = 200, headers, json, text, body } = isInit(value) ? value : { __proto__: null, json: value };
    if (text !== undefined && text !== null) {
      if (typeof text !== 'string') throw new TypeError(`respond: the text must be a string, not ${native.inspect(text)}`);
      if (body !== undefined && body !== null) throw new TypeError('respond takes one of json, text and body');
      body = text;
    }
    if (modules.isResponse(value)) {
      ({ status, headers } = modules.headOf(value));
      body = modules.bytesOf(value);
      json = undefined;
    }
    if (!NumberIsInteger(status) || status < 200 || status > 599) throw new TypeError(`respond: the status must be a number from 200 to 599, not ${native.inspect(status)}`);
    if (json !== undefined && body !== undefined && body !== null) throw new TypeError('respond takes one of json, text and body');
    const all = new modules.Headers(headers);
    let bytes = new Uint8Array();
    if (json !== undefined) {
      bytes = new Uint8Array(native.encode(native.strictJson(json, 'respond: the value'), 'utf8'));
      modules.setMissing(all, 'content-type', 'application/json');
    } else {
      const extracted = modules.extract(body, 'respond');
      if (extracted) {
        bytes = extracted.bytes;
        if (extracted.type) modules.setMissing(all, 'content-type', extracted.type);
      }
    }
    if (answered().done) throw new Error('respond was called already: a request gets one answer');
    answered().done = true;
    return hostCall('respond', callText('respond', status, modules.headerList(all), bytes), { __proto__: null, convert: nothing });
  });
});
