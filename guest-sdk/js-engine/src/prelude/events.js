// Event, EventTarget, AbortSignal and AbortController (https://dom.spec.whatwg.org/#aborting-ongoing-activities) as far as fetch needs them.
(function (native, modules, global) {
  'use strict';
  const { DOMException } = modules;
  class Event {
    #stopped = false;
    constructor(type, options = {}) {
      if (arguments.length === 0) throw new TypeError('The "type" argument must be specified');
      this.type = `${type}`;
      this.cancelable = Boolean(options && options.cancelable);
      this.defaultPrevented = false;
      this.target = null;
      this.timeStamp = native.now() - native.started();
    }
    get currentTarget() { return this.target; }
    preventDefault() { if (this.cancelable) this.defaultPrevented = true; }
    stopPropagation() {}
    stopImmediatePropagation() { this.#stopped = true; }
    static stopped(event) { return event.#stopped; }
  }
  const { stopped } = Event;
  delete Event.stopped;

  class CustomEvent extends Event {
    constructor(type, options = {}) {
      super(type, options);
      this.detail = options?.detail ?? null;
    }
  }

  const is = (entry, type, listener) => entry.type === type && entry.listener === listener;
  class EventTarget {
    #listeners = [];
    addEventListener(type, listener, options) {
      if (listener === null || listener === undefined) return;
      const once = Boolean(options && options.once);
      const signal = options && options.signal;
      if (signal && signal.aborted) return;
      const name = `${type}`;
      for (let i = 0; i < this.#listeners.length; i++) if (is(this.#listeners[i], name, listener)) return;
      native.push(this.#listeners, { __proto__: null, type: name, listener, once });
      if (signal) signal.addEventListener('abort', () => this.removeEventListener(type, listener), { __proto__: null, once: true });
    }
    removeEventListener(type, listener) {
      const name = `${type}`;
      const kept = [];
      for (let i = 0; i < this.#listeners.length; i++) if (!is(this.#listeners[i], name, listener)) native.push(kept, this.#listeners[i]);
      this.#listeners = kept;
    }
    dispatchEvent(event) {
      if (!(event instanceof Event)) throw new TypeError('The "event" argument must be an instance of Event');
      event.target = this;
      const run = (listener) => {
        try {
          if (typeof listener === 'function') Reflect.apply(listener, this, [event]);
          else listener.handleEvent(event);
        } catch (error) {
          // As an uncaught error: nobody can catch it here.
          modules.rejected(error);
        }
      };
      const handler = this[`on${event.type}`];
      if (typeof handler === 'function') run(handler);
      const all = this.#listeners;
      for (let i = 0, { length } = all; i < length; i++) {
        const entry = all[i];
        if (entry.type !== event.type) continue;
        if (stopped(event)) break;
        if (entry.once) this.removeEventListener(entry.type, entry.listener);
        run(entry.listener);
      }
      return !event.defaultPrevented;
    }
  }

  let permitted = false;
  class AbortSignal extends EventTarget {
    #aborted = false;
    #reason = undefined;
    constructor() {
      if (!permitted) throw new TypeError('Illegal constructor: use new AbortController().signal, AbortSignal.timeout(ms) or AbortSignal.any([...])');
      super();
      this.onabort = null;
    }
    get aborted() { return this.#aborted; }
    get reason() { return this.#reason; }
    throwIfAborted() { if (this.#aborted) throw this.#reason; }
    static is(value) { return value !== null && typeof value === 'object' && #aborted in value; }
    static make() {
      permitted = true;
      try { return new AbortSignal(); } finally { permitted = false; }
    }
    static trigger(signal, reason) {
      if (signal.#aborted) return;
      signal.#aborted = true;
      signal.#reason = reason === undefined ? new DOMException('This operation was aborted', 'AbortError') : reason;
      signal.dispatchEvent(new Event('abort'));
    }
    get [Symbol.toStringTag]() { return 'AbortSignal'; }
    [Symbol.for('nodejs.util.inspect.custom')]() { return `AbortSignal { aborted: ${this.#aborted} }`; }
  }
  const { make, trigger, is: isSignal } = AbortSignal;
  delete AbortSignal.is;
  delete AbortSignal.make;
  delete AbortSignal.trigger;
  const statics = {
    abort(reason) {
      const signal = make();
      trigger(signal, reason);
      return signal;
    },
    timeout(ms) {
      if (typeof ms !== 'number' || !(ms >= 0)) throw new TypeError('AbortSignal.timeout: the "delay" argument must be a number of milliseconds');
      const signal = make();
      const expire = () => trigger(signal, new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
      native.hostCall('timer', native.callText('timer', ms), expire, expire);
      return signal;
    },
    any(signals) {
      const all = [...signals];
      if (!all.every((signal) => signal instanceof AbortSignal)) throw new TypeError('AbortSignal.any takes AbortSignals');
      const signal = make();
      const first = all.find(({ aborted }) => aborted);
      if (first) trigger(signal, first.reason);
      else for (const source of all) source.addEventListener('abort', () => trigger(signal, source.reason), { once: true });
      return signal;
    },
  };
  for (const name of Object.keys(statics)) Object.defineProperty(AbortSignal, name, { value: statics[name], writable: true, configurable: true });

  class AbortController {
    #signal = make();
    get signal() { return this.#signal; }
    abort(reason) { trigger(this.#signal, reason); }
    get [Symbol.toStringTag]() { return 'AbortController'; }
  }
  modules.isSignal = isSignal;
  for (const item of [Event, CustomEvent, EventTarget, AbortSignal, AbortController]) global(item.name, item);
});
