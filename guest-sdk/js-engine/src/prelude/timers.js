// setTimeout and its like, sleep, performance, require('timers') and require('timers/promises'). The host keeps the time.
(function (native, modules, global) {
  'use strict';
  const { hostCall, perCall, duration } = modules;
  const running = perCall(() => new Map());
  const delay = (ms) => {
    const number = Math.trunc(Number(ms));
    return number > 0 ? Math.min(number, Number.MAX_SAFE_INTEGER) : 0;
  };

  class Timeout {
    #key;
    #fire;
    #ms;
    constructor(callback, ms, args, repeats) {
      if (typeof callback !== 'function') {
        const error = new TypeError(`The "callback" argument must be of type function. Received ${native.inspect(callback)}`);
        error.code = 'ERR_INVALID_ARG_TYPE';
        throw error;
      }
      this.#ms = delay(ms);
      this.#fire = () => {
        const key = this.#key;
        running().delete(key);
        // Its errors fail the call, as an uncaught exception ends Node.
        callback(...args);
        if (repeats && this.#key === key) this.#start();
      };
      this.#start();
    }
    #start() {
      this.#key = native.hostCall('timer', `{"ms":${this.#ms}}`, this.#fire, this.#fire);
      running().set(this.#key, this);
    }
    close() {
      if (running().delete(this.#key)) native.giveUp(this.#key);
      this.#key = undefined;
      return this;
    }
    refresh() {
      if (running().delete(this.#key)) native.giveUp(this.#key);
      this.#start();
      return this;
    }
    ref() { return this; }
    unref() { return this; }
    hasRef() { return true; }
    [Symbol.toPrimitive]() { return this.#key; }
    [Symbol.dispose]() { this.close(); }
  }

  const timers = {
    setTimeout(callback, ms, ...args) { return new Timeout(callback, ms, args, false); },
    setInterval(callback, ms, ...args) { return new Timeout(callback, ms, args, true); },
    setImmediate(callback, ...args) { return new Timeout(callback, 0, args, false); },
    clearTimeout(timer) {
      const found = timer instanceof Timeout ? timer : running().get(Number(timer));
      if (found) found.close();
    },
    clearInterval(timer) { timers.clearTimeout(timer); },
    clearImmediate(timer) { timers.clearTimeout(timer); },
  };
  for (const name of Object.keys(timers)) global(name, timers[name]);

  const wait = (ms, value, options) => hostCall('timer', `{"ms":${delay(ms)}}`, options && options.signal).then(() => value);
  const promises = {
    setTimeout(ms, value, options) { return wait(ms, value, options); },
    setImmediate(value, options) { return wait(0, value, options); },
    async *setInterval(ms, value, options) { for (;;) yield await wait(ms, value, options); },
    scheduler: {
      wait(ms, options) { return wait(ms, undefined, options); },
      yield() { return wait(0); },
    },
  };
  timers.setTimeout[Symbol.for('nodejs.util.promisify.custom')] = promises.setTimeout;
  timers.setImmediate[Symbol.for('nodejs.util.promisify.custom')] = promises.setImmediate;
  timers.promises = promises;
  modules.timers = timers;
  modules.timersPromises = promises;

  global('sleep', function sleep(time, options) {
    const ms = time instanceof Date ? Math.max(0, time.getTime() - Date.now()) : duration(time, 'sleep');
    if (Number.isNaN(ms)) throw new TypeError('sleep: the Date is invalid');
    return hostCall('sleep', `{"ms":${Math.ceil(ms)}}`, options && options.signal).then(() => undefined);
  });

  const performance = {
    now() { return native.now() - native.started(); },
    get timeOrigin() { return native.started(); },
    toJSON() { return { timeOrigin: native.started() }; },
  };
  modules.performance = performance;
  global('performance', performance);
});
