// What the other files use of the language, taken before any script runs: they see these names instead of the globals, and copies of the
// namespaces, so that a script that replaces `Object.keys` or `Promise` replaces neither here.
(function () {
  'use strict';
  const copy = (namespace) => Object.freeze(Object.create(null, Object.getOwnPropertyDescriptors(namespace)));
  return {
    Object: copy(Object), Math: copy(Math), JSON: copy(JSON), Reflect: copy(Reflect), toObject: Object,
    SymbolIterator: Symbol.iterator,
    ArrayIsArray: Array.isArray, ArrayBufferIsView: ArrayBuffer.isView, DateNow: Date.now,
    NumberIsInteger: Number.isInteger, NumberIsSafeInteger: Number.isSafeInteger, NumberIsFinite: Number.isFinite, NumberIsNaN: Number.isNaN,
  };
});
