// kv: values that outlast a run, as JSON by key.
(function (native, modules, global) {
  'use strict';
  const { hostCall, duration, nothing } = modules;
  const { callText, own } = native;
  function keyed(method, key, name = 'key') {
    const wrong = (what) => new TypeError(`kv.${method}: the ${name} must be text of 1 to 256 bytes; ${what}`);
    if (typeof key !== 'string') throw wrong(`this is ${native.inspect(key)}`);
    if (key === '') throw wrong('this is empty');
    // A unit of UTF-16 is at most three bytes.
    if (key.length > 85 && native.encode(key, 'utf8').byteLength > 256) throw wrong(`this has ${native.encode(key, 'utf8').byteLength}: use a hash of it`);
    return key;
  }
  function ttl(method, options) {
    if (options === undefined || options === null) return undefined;
    if (typeof options !== 'object') throw new TypeError(`kv.${method}: options are an object such as { ttl: '1h' }, not ${native.inspect(options)}`);
    const names = Object.keys(options);
    for (let i = 0; i < names.length; i++) {
      if (names[i] !== 'ttl') throw new TypeError(`kv.${method}: there is no option ${native.inspect(names[i])}; it takes { ttl: '1h' }`);
    }
    const given = options.ttl;
    if (given === undefined || given === null) return undefined;
    const ms = duration(given, `kv.${method}: ttl`);
    if (ms === 0) throw new TypeError(`kv.${method}: a ttl of 0 would forget the value at once; use kv.delete`);
    return ms;
  }
  // What reads: the workflow's own values, or those of another one, which the host allows or not.
  const get = (key, of) => hostCall('kv.get', callText('kv.get', keyed('get', key), of), { __proto__: null, convert: (found) => own(found, 'value') ?? null });
  function list(options, of) {
    if (typeof options === 'string') options = { __proto__: null, prefix: options };
    const { prefix = '', limit = 100, after } = options ?? { __proto__: null };
    if (typeof prefix !== 'string') throw new TypeError(`kv.list: the prefix must be text, not ${native.inspect(prefix)}`);
    if (!NumberIsSafeInteger(limit) || limit < 1 || limit > 1000) throw new TypeError(`kv.list: the limit must be a whole number from 1 to 1000, not ${native.inspect(limit)}`);
    const from = after === undefined || after === null ? undefined : keyed('list', after, 'key after which to begin');
    return hostCall('kv.list', callText('kv.list', prefix, limit, from, of));
  }
  const kv = {
    get(key) { return get(key); },
    set(key, value, options) {
      if (arguments.length < 2) throw new TypeError('kv.set takes a key and a value');
      return hostCall('kv.set', callText('kv.set', keyed('set', key), value, ttl('set', options)), { __proto__: null, convert: nothing });
    },
    delete(key) { return hostCall('kv.delete', callText('kv.delete', keyed('delete', key))); },
    incr(key, by = 1, options) {
      if (by !== null && typeof by === 'object') throw new TypeError('kv.incr takes a key, a number and options: kv.incr(key, 1, { ttl: \'1h\' })');
      if (!NumberIsSafeInteger(by)) throw new TypeError(`kv.incr: ${native.inspect(by)} is no whole number to add`);
      return hostCall('kv.incr', callText('kv.incr', keyed('incr', key), by, ttl('incr', options)));
    },
    cas(key, expected, value, options) {
      if (arguments.length < 3) throw new TypeError('kv.cas takes a key, the expected value (null: there must be none) and the new value');
      return hostCall('kv.cas', callText('kv.cas', keyed('cas', key), expected, value, ttl('cas', options)));
    },
    list(options) { return list(options); },
    of(workflow) {
      if (typeof workflow !== 'string' || workflow === '') throw new TypeError(`kv.of takes the key of a workflow, as in kv.of('orders'), not ${native.inspect(workflow)}`);
      const refuse = (method) => () => { throw new TypeError(`kv.of(${native.inspect(workflow)}).${method}: the kv of another workflow can only be read`); };
      return Object.freeze({
        get(key) { return get(key, workflow); },
        list(options) { return list(options, workflow); },
        set: refuse('set'), delete: refuse('delete'), incr: refuse('incr'), cas: refuse('cas'),
      });
    },
  };
  global('kv', Object.freeze(kv));
});
