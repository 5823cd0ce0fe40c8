// Headers (https://fetch.spec.whatwg.org/#headers-class): names in lower case and sorted, values of one name joined, cookies apart.
(function (native, modules, global) {
  'use strict';
  function named(method, name) {
    const text = native.headerName(name);
    if (text === undefined) throw new TypeError(`Headers.${method}: ${native.inspect(`${name}`)} is an invalid header name.`);
    return text;
  }
  function valued(method, value) {
    const text = native.headerValue(value);
    if (text === undefined) throw new TypeError(`Headers.${method}: ${native.inspect(`${value}`)} is an invalid header value.`);
    return text;
  }
  class Headers {
    // Names in lower case, with one value each, in the order in which they came.
    #list = [];
    constructor(init) {
      if (init === undefined || init === null) return;
      if (typeof init !== 'object' && typeof init !== 'function') throw new TypeError('Headers constructor: init must be an object, an array of pairs or Headers.');
      if (init instanceof Headers) {
        this.#list = init.#list.slice();
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
    append(name, value) { this.#list.push([named('append', name), valued('append', value)]); }
    set(name, value) {
      const key = named('set', name);
      const text = valued('set', value);
      if (this.#list.length) this.#list = this.#list.filter((entry) => entry[0] !== key);
      this.#list.push([key, text]);
    }
    get(name) {
      const key = named('get', name);
      const found = this.#list.filter((entry) => entry[0] === key);
      return found.length === 0 ? null : found.length === 1 ? found[0][1] : found.map((entry) => entry[1]).join(', ');
    }
    has(name) {
      const key = named('has', name);
      return this.#list.some((entry) => entry[0] === key);
    }
    delete(name) {
      const key = named('delete', name);
      this.#list = this.#list.filter((entry) => entry[0] !== key);
    }
    getSetCookie() { return this.#list.filter((entry) => entry[0] === 'set-cookie').map((entry) => entry[1]); }
    // Sorted by name, the values of one name joined; cookies apart.
    static list(headers) {
      const sorted = headers.#list.slice();
      if (sorted.length > 1) sorted.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
      const out = [];
      for (let i = 0; i < sorted.length; i++) {
        const [name, value] = sorted[i];
        const last = out[out.length - 1];
        if (last && last[0] === name && name !== 'set-cookie') last[1] += `, ${value}`;
        else out.push([name, value]);
      }
      return out;
    }
    forEach(callback, self) { for (const [name, value] of this) callback.call(self, value, name, this); }
    *entries() { yield* list(this); }
    *keys() { for (const [name] of this.entries()) yield name; }
    *values() { for (const [, value] of this.entries()) yield value; }
    [Symbol.iterator]() { return this.entries(); }
    get [Symbol.toStringTag]() { return 'Headers'; }
    toJSON() { return Object.fromEntries(this); }
    [Symbol.for('nodejs.util.inspect.custom')]() { return `Headers ${native.inspect(Object.fromEntries(this))}`; }
  }
  const { list } = Headers;
  delete Headers.list;
  modules.Headers = Headers;
  modules.headerList = list;
  global('Headers', Headers);
});
