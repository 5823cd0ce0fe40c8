// require('events') (https://nodejs.org/api/events.html): a function, so that `EventEmitter.call(this)` and `util.inherits` work too.
(function (native, modules, global) {
  'use strict';
  const { asyncIterator: ASYNC_ITERATOR, dispose: DISPOSE } = Symbol;
  const { failure, wrongType, outOfRange } = modules.cryptoTools;
  const errorMonitor = Symbol('events.errorMonitor');
  const captureRejectionSymbol = Symbol.for('nodejs.rejection');
  let most = 10;

  function EventEmitter(options) { init.call(this, options); }
  function init() {
    if (this._events === undefined || this._events === Object.getPrototypeOf(this)._events) {
      this._events = Object.create(null);
      this._eventsCount = 0;
    }
    this._maxListeners ||= undefined;
  }
  const check = (listener) => { if (typeof listener !== 'function') throw wrongType('listener', 'of type function', listener); };
  const listOf = (target, type) => {
    const found = target._events?.[type];
    return found === undefined ? [] : typeof found === 'function' ? [found] : [...found];
  };

  function add(target, type, listener, first) {
    check(listener);
    if (target._events === undefined) {
      target._events = Object.create(null);
      target._eventsCount = 0;
    } else if (target._events.newListener !== undefined) target.emit('newListener', type, listener.listener ?? listener);
    const events = target._events;
    const existing = events[type];
    if (existing === undefined) {
      events[type] = listener;
      target._eventsCount++;
    } else if (typeof existing === 'function') events[type] = first ? [listener, existing] : [existing, listener];
    else if (first) existing.unshift(listener);
    else existing.push(listener);
    return target;
  }
  function onceOf(target, type, listener) {
    check(listener);
    let fired = false;
    const wrapper = (...args) => {
      if (fired) return undefined;
      target.removeListener(type, wrapper);
      fired = true;
      return listener.apply(target, args);
    };
    wrapper.listener = listener;
    return wrapper;
  }
  function drop(target, type) {
    delete target._events[type];
    if (--target._eventsCount === 0) target._events = Object.create(null);
  }

  const methods = {
    setMaxListeners(n) {
      if (typeof n !== 'number' || n < 0 || NumberIsNaN(n)) throw outOfRange('setMaxListeners', 'a non-negative number', n);
      this._maxListeners = n;
      return this;
    },
    getMaxListeners() { return this._maxListeners ?? most; },
    emit(type, ...args) {
      const events = this._events;
      if (type === 'error') {
        if (events?.[errorMonitor] !== undefined) this.emit(errorMonitor, ...args);
        if (this._events?.error === undefined) {
          const [error] = args;
          if (error instanceof Error) throw error;
          const wrong = failure(Error, 'ERR_UNHANDLED_ERROR', `Unhandled error. (${typeof error === 'string' ? `'${error}'` : native.inspect(error)})`);
          wrong.context = error;
          throw wrong;
        }
      }
      const list = listOf(this, type);
      for (let i = 0; i < list.length; i++) Reflect.apply(list[i], this, args);
      return list.length > 0;
    },
    addListener(type, listener) { return add(this, type, listener, false); },
    prependListener(type, listener) { return add(this, type, listener, true); },
    once(type, listener) { return this.on(type, onceOf(this, type, listener)); },
    prependOnceListener(type, listener) { return this.prependListener(type, onceOf(this, type, listener)); },
    removeListener(type, listener) {
      check(listener);
      const found = this._events?.[type];
      if (found === undefined) return this;
      const is = (one) => one === listener || one.listener === listener;
      if (typeof found === 'function') {
        if (!is(found)) return this;
        drop(this, type);
      } else {
        const at = found.findLastIndex(is);
        if (at < 0) return this;
        const left = found.toSpliced(at, 1);
        this._events[type] = left.length === 1 ? left[0] : left;
      }
      if (this._events.removeListener !== undefined) this.emit('removeListener', type, listener);
      return this;
    },
    removeAllListeners(type) {
      if (this._events === undefined) return this;
      if (type === undefined) {
        if (this._events.removeListener !== undefined) {
          for (const key of Reflect.ownKeys(this._events)) if (key !== 'removeListener') this.removeAllListeners(key);
        }
        this._events = Object.create(null);
        this._eventsCount = 0;
      } else if (this._events.removeListener === undefined) {
        if (this._events[type] !== undefined) drop(this, type);
      } else for (const listener of listOf(this, type).reverse()) this.removeListener(type, listener);
      return this;
    },
    listeners(type) { return listOf(this, type).map((one) => one.listener ?? one); },
    rawListeners(type) { return listOf(this, type); },
    listenerCount(type, listener) {
      const list = listOf(this, type);
      return listener === undefined ? list.length : list.filter((one) => one === listener || one.listener === listener).length;
    },
    eventNames() { return this._eventsCount > 0 ? Reflect.ownKeys(this._events) : []; },
  };
  methods.on = methods.addListener;
  methods.off = methods.removeListener;
  Object.assign(EventEmitter.prototype, { _events: undefined, _eventsCount: 0, _maxListeners: undefined }, methods);

  const aborted = (signal) => {
    const error = failure(Error, 'ABORT_ERR', 'The operation was aborted');
    error.name = 'AbortError';
    error.cause = signal.reason;
    return error;
  };
  const listen = (emitter, name, listener, once) => {
    if (typeof emitter.on === 'function') emitter[once ? 'once' : 'on'](name, listener);
    else emitter.addEventListener(name, listener, { once });
  };
  const unlisten = (emitter, name, listener) => {
    if (typeof emitter.removeListener === 'function') emitter.removeListener(name, listener);
    else emitter.removeEventListener(name, listener);
  };
  async function once(emitter, name, options) {
    const signal = options?.signal;
    if (signal?.aborted) throw aborted(signal);
    return new Promise((resolve, reject) => {
      const end = () => {
        unlisten(emitter, name, done);
        if (typeof emitter.removeListener === 'function') emitter.removeListener('error', failed);
        signal?.removeEventListener('abort', stop);
      };
      const done = (...args) => { end(); resolve(args); };
      const failed = (error) => { end(); reject(error); };
      const stop = () => { end(); reject(aborted(signal)); };
      listen(emitter, name, done, true);
      if (name !== 'error' && typeof emitter.once === 'function') emitter.once('error', failed);
      signal?.addEventListener('abort', stop, { once: true });
    });
  }
  function on(emitter, name, options) {
    const signal = options?.signal;
    if (signal?.aborted) throw aborted(signal);
    const values = [], waiting = [];
    let error = null, finished = false;
    const close = [].concat(options?.close ?? []);
    const event = (...args) => { if (waiting.length) waiting.shift().resolve({ value: args, done: false }); else values.push(args); };
    const failed = (reason) => { if (waiting.length) waiting.shift().reject(reason); else error = { reason }; iterator.return(); };
    const stop = () => failed(aborted(signal));
    const iterator = {
      next() {
        if (values.length) return Promise.resolve({ value: values.shift(), done: false });
        if (error) {
          const { reason } = error;
          error = null;
          return Promise.reject(reason);
        }
        if (finished) return Promise.resolve({ value: undefined, done: true });
        return new Promise((resolve, reject) => { waiting.push({ resolve, reject }); });
      },
      return() {
        unlisten(emitter, name, event);
        if (typeof emitter.removeListener === 'function') emitter.removeListener('error', failed);
        for (const one of close) unlisten(emitter, one, iterator.return);
        signal?.removeEventListener('abort', stop);
        finished = true;
        for (const one of waiting.splice(0)) one.resolve({ value: undefined, done: true });
        return Promise.resolve({ value: undefined, done: true });
      },
      throw(reason) { failed(reason); return Promise.resolve({ value: undefined, done: true }); },
      [ASYNC_ITERATOR]() { return this; },
    };
    listen(emitter, name, event, false);
    if (name !== 'error' && typeof emitter.on === 'function') emitter.on('error', failed);
    for (const one of close) listen(emitter, one, iterator.return, true);
    signal?.addEventListener('abort', stop, { once: true });
    return iterator;
  }

  Object.assign(EventEmitter, {
    EventEmitter, init, once, on, errorMonitor, captureRejectionSymbol, captureRejections: false, usingDomains: false,
    listenerCount: (emitter, type) => emitter.listenerCount(type),
    getEventListeners: (emitter, type) => (typeof emitter.listeners === 'function' ? emitter.listeners(type) : []),
    getMaxListeners: (emitter) => emitter.getMaxListeners?.() ?? most,
    setMaxListeners(n = most, ...targets) {
      if (targets.length === 0) most = n;
      else for (const target of targets) target.setMaxListeners?.(n);
    },
    addAbortListener(signal, listener) {
      if (signal.aborted) modules.later(listener);
      else signal.addEventListener('abort', listener, { once: true });
      return { [DISPOSE]() { signal.removeEventListener('abort', listener); } };
    },
  });
  Object.defineProperty(EventEmitter, 'defaultMaxListeners', { get: () => most, set(n) { most = n; }, enumerable: true });
  modules.events = EventEmitter;
});
