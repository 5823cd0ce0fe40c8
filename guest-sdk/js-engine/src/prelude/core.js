// What the other files build on: host calls as promises, the errors that come of them, durations, state that lasts one call.
(function (native, modules, global) {
  'use strict';
  // State that is made anew in each call, so that nothing of one is seen in the next.
  modules.perCall = (make) => {
    let entry = -1;
    let value;
    return () => {
      const now = native.entry();
      if (now !== entry) {
        entry = now;
        value = make();
      }
      return value;
    };
  };

  const codes = {
    IndexSizeError: 1, HierarchyRequestError: 3, WrongDocumentError: 4, InvalidCharacterError: 5, NoModificationAllowedError: 7,
    NotFoundError: 8, NotSupportedError: 9, InUseAttributeError: 10, InvalidStateError: 11, SyntaxError: 12,
    InvalidModificationError: 13, NamespaceError: 14, InvalidAccessError: 15, TypeMismatchError: 17, SecurityError: 18,
    NetworkError: 19, AbortError: 20, URLMismatchError: 21, QuotaExceededError: 22, TimeoutError: 23, InvalidNodeTypeError: 24,
    DataCloneError: 25,
  };
  const hidden = (object, key, value) => Object.defineProperty(object, key, { value, writable: true, configurable: true });
  class DOMException extends Error {
    constructor(message = '', options = 'Error') {
      super(`${message}`);
      const named = options !== null && typeof options === 'object';
      hidden(this, 'name', `${named ? options.name ?? 'Error' : options}`);
      if (named && 'cause' in options) hidden(this, 'cause', options.cause);
    }
    get code() { return Object.hasOwn(codes, this.name) ? codes[this.name] : 0; }
    get [Symbol.toStringTag]() { return 'DOMException'; }
  }
  global('DOMException', DOMException);
  modules.DOMException = DOMException;

  const classes = { EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };
  // Makes what the host says of an error out of one that was created where the call was made, so that its stack shows that place.
  function become(error, said) {
    const { name = 'Error', message = '', code, cause } = said ?? {};
    if (name === 'AbortError' || name === 'TimeoutError') {
      Object.setPrototypeOf(error, DOMException.prototype);
      hidden(error, 'name', name);
    } else {
      if (Object.hasOwn(classes, name)) Object.setPrototypeOf(error, classes[name].prototype);
      else if (name !== 'Error') hidden(error, 'name', `${name}`);
      if (code !== undefined && code !== null) error.code = code;
    }
    hidden(error, 'message', `${message}`);
    if (cause !== undefined) hidden(error, 'cause', become(new Error(), cause));
    return error;
  }

  // `args` is JSON text; `explain` may change what the host says of an error.
  modules.hostCall = (op, args, signal, explain) => {
    const error = new Error();
    if (signal && signal.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const fail = (said) => reject(become(error, explain ? explain(said) : said));
      if (!signal) {
        native.hostCall(op, args, resolve, fail);
        return;
      }
      const abort = () => {
        native.giveUp(key);
        reject(signal.reason);
      };
      const then = (next) => (value) => {
        signal.removeEventListener('abort', abort);
        next(value);
      };
      const key = native.hostCall(op, args, then(resolve), then(fail));
      signal.addEventListener('abort', abort, { once: true });
    });
  };

  // Made once: a literal in the function would be compiled at each call.
  const DURATION = /^(\d{1,12})(ms|s|m|h|d)$/;
  const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  // Milliseconds: a number of them, or a whole number with a unit.
  modules.duration = (value, where) => {
    if (typeof value === 'number' && value >= 0 && Number.isFinite(value)) return value;
    const match = typeof value === 'string' ? DURATION.exec(value) : null;
    if (match) return Number(match[1]) * units[match[2]];
    throw new TypeError(`${where}: ${native.inspect(value)} is not a duration: give milliseconds, or text such as '500ms', '30s', '5m', '1h', '3d'`);
  };
});
