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

  // No prototype: what a script puts on `Object.prototype` is no code and no class.
  const codes = {
    __proto__: null, IndexSizeError: 1, HierarchyRequestError: 3, WrongDocumentError: 4, InvalidCharacterError: 5, NoModificationAllowedError: 7,
    NotFoundError: 8, NotSupportedError: 9, InUseAttributeError: 10, InvalidStateError: 11, SyntaxError: 12,
    InvalidModificationError: 13, NamespaceError: 14, InvalidAccessError: 15, TypeMismatchError: 17, SecurityError: 18,
    NetworkError: 19, AbortError: 20, URLMismatchError: 21, QuotaExceededError: 22, TimeoutError: 23, InvalidNodeTypeError: 24,
    DataCloneError: 25,
  };
  const { own, hide } = native;
  class DOMException extends Error {
    constructor(message = '', options = 'Error') {
      super(`${message}`);
      const named = options !== null && typeof options === 'object';
      hide(this, 'name', `${named ? options.name ?? 'Error' : options}`);
      if (named && 'cause' in options) hide(this, 'cause', options.cause);
    }
    get code() { return codes[this.name] ?? 0; }
    get [Symbol.toStringTag]() { return 'DOMException'; }
  }
  global('DOMException', DOMException);
  modules.DOMException = DOMException;

  const classes = { __proto__: null, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };
  // Makes what the host says of an error out of one that was created where the call was made, so that its stack shows that place.
  function become(error, said) {
    const name = own(said, 'name') ?? 'Error';
    const code = own(said, 'code');
    const cause = own(said, 'cause');
    if (name === 'AbortError' || name === 'TimeoutError') {
      Object.setPrototypeOf(error, DOMException.prototype);
      hide(error, 'name', name);
    } else {
      if (classes[name]) Object.setPrototypeOf(error, classes[name].prototype);
      else if (name !== 'Error') hide(error, 'name', `${name}`);
      if (code !== undefined && code !== null) native.put(error, 'code', code);
    }
    hide(error, 'message', `${own(said, 'message') ?? ''}`);
    if (cause !== undefined) hide(error, 'cause', become(new Error(), cause));
    return error;
  }

  modules.rejected = (reason) => new Promise((_, reject) => { reject(reason); });

  // `args` is what `native.callText` made; `explain` may change what the host says of an error, `convert` what it gives.
  modules.hostCall = (op, args, { signal, explain, convert } = NOTHING) => {
    const error = new Error();
    if (signal && signal.aborted) return modules.rejected(signal.reason);
    return new Promise((resolve, reject) => {
      const give = (value) => {
        try {
          resolve(convert ? convert(value) : value);
        } catch (wrong) {
          reject(wrong);
        }
      };
      const fail = (said) => { reject(become(error, explain ? explain(said) : said)); };
      if (!signal) {
        native.hostCall(op, args, give, fail);
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
      const key = native.hostCall(op, args, then(give), then(fail));
      signal.addEventListener('abort', abort, { __proto__: null, once: true });
    });
  };
  const NOTHING = { __proto__: null };
  modules.nothing = () => undefined;
  // As a microtask; what it throws is an unhandled rejection.
  modules.later = async (work) => {
    await undefined;
    work();
  };

  // Milliseconds: a number of them, or a whole number with a unit.
  modules.duration = (value, where) => {
    const ms = native.duration(value);
    if (ms === undefined) throw new TypeError(`${where}: ${native.inspect(value)} is not a duration: give milliseconds, or text such as '500ms', '30s', '5m', '1h', '3d'`);
    return ms;
  };
});
