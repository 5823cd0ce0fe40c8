// kv: values that outlast a run, as JSON by key.
(function (native, modules, global) {
  'use strict';
  const { hostCall, duration } = modules;
  function keyed(method, key, name = 'key') {
    const wrong = (what) => new TypeError(`kv.${method}: the ${name} must be text of 1 to 256 bytes; ${what}`);
    if (typeof key !== 'string') throw wrong(`this is ${native.inspect(key)}`);
    if (key === '') throw wrong('this is empty');
    // A unit of UTF-16 is at most three bytes.
    if (key.length > 85 && native.encode(key, 'utf8').byteLength > 256) throw wrong(`this has ${native.encode(key, 'utf8').byteLength}: use a hash of it`);
    return JSON.stringify(key.toWellFormed());
  }
  const json = (method, value, name = 'value') => native.strictJson(value, `kv.${method}: the ${name}`);
  function ttl(method, options) {
    if (options === undefined || options === null) return '';
    if (typeof options !== 'object') throw new TypeError(`kv.${method}: options are an object such as { ttl: '1h' }, not ${native.inspect(options)}`);
    for (const name of Object.keys(options)) {
      if (name !== 'ttl') throw new TypeError(`kv.${method}: there is no option ${native.inspect(name)}; it takes { ttl: '1h' }`);
    }
    if (options.ttl === undefined || options.ttl === null) return '';
    const ms = duration(options.ttl, `kv.${method}: ttl`);
    if (ms === 0) throw new TypeError(`kv.${method}: a ttl of 0 would forget the value at once; use kv.delete`);
    return `,"ttl_ms":${Math.ceil(ms)}`;
  }
  const kv = {
    get(key) {
      return hostCall('kv.get', `{"key":${keyed('get', key)}}`).then(({ value = null }) => value);
    },
    set(key, value, options) {
      if (arguments.length < 2) throw new TypeError('kv.set takes a key and a value');
      return hostCall('kv.set', `{"key":${keyed('set', key)},"value":${json('set', value)}${ttl('set', options)}}`).then(() => undefined);
    },
    delete(key) { return hostCall('kv.delete', `{"key":${keyed('delete', key)}}`); },
    incr(key, by = 1, options) {
      if (by !== null && typeof by === 'object') throw new TypeError('kv.incr takes a key, a number and options: kv.incr(key, 1, { ttl: \'1h\' })');
      if (!Number.isSafeInteger(by)) throw new TypeError(`kv.incr: ${native.inspect(by)} is no whole number to add`);
      return hostCall('kv.incr', `{"key":${keyed('incr', key)},"by":${by}${ttl('incr', options)}}`);
    },
    cas(key, expected, value, options) {
      if (arguments.length < 3) throw new TypeError('kv.cas takes a key, the expected value (null: there must be none) and the new value');
      const known = expected === undefined || expected === null ? '' : `,"expected":${json('cas', expected, 'expected value')}`;
      return hostCall('kv.cas', `{"key":${keyed('cas', key)}${known},"value":${json('cas', value)}${ttl('cas', options)}}`);
    },
    list(options = {}) {
      if (typeof options === 'string') options = { prefix: options };
      const { prefix = '', limit = 100, after } = options ?? {};
      if (typeof prefix !== 'string') throw new TypeError(`kv.list: the prefix must be text, not ${native.inspect(prefix)}`);
      if (!Number.isSafeInteger(limit) || limit < 1 || limit > 1000) throw new TypeError(`kv.list: the limit must be a whole number from 1 to 1000, not ${native.inspect(limit)}`);
      const from = after === undefined || after === null ? '' : `,"after":${keyed('list', after, 'key after which to begin')}`;
      return hostCall('kv.list', `{"prefix":${JSON.stringify(prefix.toWellFormed())},"limit":${limit}${from}}`);
    },
  };
  global('kv', Object.freeze(kv));
});
