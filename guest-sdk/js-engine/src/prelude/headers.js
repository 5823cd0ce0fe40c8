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
  const holds = (list, name) => {
    for (let i = 0; i < list.length; i++) if (list[i][0] === name) return true;
    return false;
  };
  class Headers {
    // Names in lower case, with one value each, in the order in which they came.
    #list = [];
    constructor(init) {
      if (init === undefined || init === null) return;
      if (typeof init !== 'object' && typeof init !== 'function') throw new TypeError('Headers constructor: init must be an object, an array of pairs or Headers.');
      if (#list in init) {
        this.#list = native.copy(init.#list);
      } else if (typeof init[SymbolIterator] === 'function') {
        const all = ArrayIsArray(init) ? init : [...init];
        for (let i = 0; i < all.length; i++) {
          const items = ArrayIsArray(all[i]) ? all[i] : [...all[i]];
          if (items.length !== 2) throw new TypeError('Headers constructor: expected name/value pair to be length 2, found ' + items.length + '.');
          this.#append(items[0], items[1]);
        }
      } else {
        const names = Object.keys(init);
        for (let i = 0; i < names.length; i++) {
          const value = init[names[i]];
          // As Node's http takes them: one line a value.
          if (ArrayIsArray(value)) for (let j = 0; j < value.length; j++) this.#append(names[i], value[j]);
          else if (value !== undefined) this.#append(names[i], value);
        }
      }
    }
    #append(name, value) { native.push(this.#list, [named('append', name), valued('append', value)]); }
    append(name, value) { this.#append(name, value); }
    set(name, value) {
      const key = named('set', name);
      const text = valued('set', value);
      if (this.#list.length) this.#list = native.without(this.#list, key);
      native.push(this.#list, [key, text]);
    }
    get(name) {
      const key = named('get', name);
      let found = null;
      for (let i = 0; i < this.#list.length; i++) {
        const entry = this.#list[i];
        if (entry[0] === key) found = found === null ? entry[1] : `${found}, ${entry[1]}`;
      }
      return found;
    }
    has(name) {
      return holds(this.#list, named('has', name));
    }
    delete(name) {
      this.#list = native.without(this.#list, named('delete', name));
    }
    getSetCookie() {
      const found = [];
      for (let i = 0; i < this.#list.length; i++) if (this.#list[i][0] === 'set-cookie') native.push(found, this.#list[i][1]);
      return found;
    }
    // Sorted by name, the values of one name joined; cookies apart.
    static list(headers) { return native.headerList(headers.#list); }
    static setMissing(headers, name, value) {
      if (!holds(headers.#list, name)) native.push(headers.#list, [name, valued('set', value)]);
    }
    static add(headers, name, value) { native.push(headers.#list, [name, value]); }
    forEach(callback, self) {
      const all = list(this);
      for (let i = 0; i < all.length; i++) Reflect.apply(callback, self, [all[i][1], all[i][0], this]);
    }
    *entries() {
      const all = list(this);
      for (let i = 0; i < all.length; i++) yield all[i];
    }
    *keys() {
      const all = list(this);
      for (let i = 0; i < all.length; i++) yield all[i][0];
    }
    *values() {
      const all = list(this);
      for (let i = 0; i < all.length; i++) yield all[i][1];
    }
    [Symbol.iterator]() { return this.entries(); }
    get [Symbol.toStringTag]() { return 'Headers'; }
    toJSON() { return native.fromPairs(list(this)); }
    [Symbol.for('nodejs.util.inspect.custom')]() { return `Headers ${native.inspect(native.fromPairs(list(this)))}`; }
  }
  const { list, setMissing, add } = Headers;
  delete Headers.list;
  delete Headers.setMissing;
  delete Headers.add;
  modules.Headers = Headers;
  modules.headerList = list;
  modules.setMissing = setMissing;
  modules.addHeader = add;
  global('Headers', Headers);
});
