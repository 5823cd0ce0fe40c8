// Headers (https://fetch.spec.whatwg.org/#headers-class): names in lower case and sorted, values of one name joined, cookies apart.
(function (native, modules, global) {
  'use strict';
  const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
  function named(method, name) {
    const text = `${name}`;
    if (!NAME.test(text)) throw new TypeError(`Headers.${method}: ${native.inspect(text)} is an invalid header name.`);
    return text.toLowerCase();
  }
  function valued(method, value) {
    const text = `${value}`.replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '');
    // eslint-disable-next-line no-control-regex
    if (/[\0\r\n]|[^\0-\xff]/.test(text)) throw new TypeError(`Headers.${method}: ${native.inspect(text)} is an invalid header value.`);
    return text;
  }
  class Headers {
    #map = new Map();
    constructor(init) {
      if (init === undefined || init === null) return;
      if (typeof init !== 'object' && typeof init !== 'function') throw new TypeError('Headers constructor: init must be an object, an array of pairs or Headers.');
      if (init instanceof Headers) {
        for (const [name, values] of init.#map) this.#map.set(name, [...values]);
      } else if (typeof init[Symbol.iterator] === 'function') {
        for (const pair of init) {
          const items = [...pair];
          if (items.length !== 2) throw new TypeError('Headers constructor: expected name/value pair to be length 2, found ' + items.length + '.');
          this.append(items[0], items[1]);
        }
      } else {
        for (const name of Object.keys(init)) {
          // As Node's http takes them: one line a value.
          if (Array.isArray(init[name])) for (const value of init[name]) this.append(name, value);
          else if (init[name] !== undefined) this.append(name, init[name]);
        }
      }
    }
    append(name, value) {
      const key = named('append', name);
      const text = valued('append', value);
      if (this.#map.has(key)) this.#map.get(key).push(text);
      else this.#map.set(key, [text]);
    }
    set(name, value) { this.#map.set(named('set', name), [valued('set', value)]); }
    get(name) { const values = this.#map.get(named('get', name)); return values ? values.join(', ') : null; }
    has(name) { return this.#map.has(named('has', name)); }
    delete(name) { this.#map.delete(named('delete', name)); }
    getSetCookie() { return [...(this.#map.get('set-cookie') ?? [])]; }
    forEach(callback, self) { for (const [name, value] of this) callback.call(self, value, name, this); }
    *entries() {
      for (const name of [...this.#map.keys()].sort()) {
        const values = this.#map.get(name) ?? [];
        if (name === 'set-cookie') for (const value of values) yield [name, value];
        else yield [name, values.join(', ')];
      }
    }
    *keys() { for (const [name] of this.entries()) yield name; }
    *values() { for (const [, value] of this.entries()) yield value; }
    [Symbol.iterator]() { return this.entries(); }
    get [Symbol.toStringTag]() { return 'Headers'; }
    toJSON() { return Object.fromEntries(this); }
    [Symbol.for('nodejs.util.inspect.custom')]() { return `Headers ${native.inspect(Object.fromEntries(this))}`; }
  }
  modules.Headers = Headers;
  modules.headerList = (headers) => [...headers];
  global('Headers', Headers);
});
