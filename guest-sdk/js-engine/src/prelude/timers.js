// setTimeout and its like, sleep, performance, require('timers') and require('timers/promises'). The host keeps the time.
(function (native, modules, global) {
  'use strict';
  const { hostCall, perCall, duration, nothing } = modules;
  const { callText } = native;
  const getTime = Date.prototype.getTime;
  // Timers by key.
  const running = perCall(() => ({ __proto__: null }));
  const delay = (ms) => {
    const number = Math.trunc(Number(ms));
    return number > 0 ? Math.min(number, Number.MAX_SAFE_INTEGER) : 0;
  };

  class Timeout {
    #key;
    #fire;
    #ms;
    constructor(callback, ms, args, repeats, least) {
      if (typeof callback !== 'function') {
        const error = new TypeError(`The "callback" argument must be of type function. Received ${native.inspect(callback)}`);
        error.code = 'ERR_INVALID_ARG_TYPE';
        throw error;
      }
      // A timer of no time waits a millisecond, as in Node, so that timers fire in the order of their times.
      this.#ms = Math.max(delay(ms), least);
      this.#fire = () => {
        const key = this.#key;
        delete running()[key];
        // Its errors fail the call, as an uncaught exception ends Node.
        Reflect.apply(callback, undefined, args);
        if (repeats && this.#key === key) this.#start();
      };
      this.#start();
    }
    #start() {
      this.#key = native.hostCall('timer', callText('timer', this.#ms), this.#fire, this.#fire);
      running()[this.#key] = this;
    }
    #stop() {
      if (running()[this.#key]) native.giveUp(this.#key);
      delete running()[this.#key];
    }
    static close(timer) {
      if (timer !== null && typeof timer === 'object' && #key in timer) timer.close();
      else running()[Number(timer)]?.close();
    }
    close() {
      this.#stop();
      this.#key = undefined;
      return this;
    }
    refresh() {
      this.#stop();
      this.#start();
      return this;
    }
    ref() { return this; }
    unref() { return this; }
    hasRef() { return true; }
    [Symbol.toPrimitive]() { return this.#key; }
    [Symbol.dispose]() { this.close(); }
  }

  const { close } = Timeout;
  delete Timeout.close;

  const timers = {
    setTimeout(callback, ms, ...args) { return new Timeout(callback, ms, args, false, 1); },
    setInterval(callback, ms, ...args) { return new Timeout(callback, ms, args, true, 1); },
    setImmediate(callback, ...args) { return new Timeout(callback, 0, args, false, 0); },
    clearTimeout(timer) { close(timer); },
    clearInterval(timer) { close(timer); },
    clearImmediate(timer) { close(timer); },
  };
  for (const name of Object.keys(timers)) global(name, timers[name]);

  const wait = (ms, value, options) => hostCall('timer', callText('timer', delay(ms)), { __proto__: null, signal: options && options.signal, convert: () => value });
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
    const ms = time instanceof Date ? Math.max(0, Reflect.apply(getTime, time, []) - DateNow()) : duration(time, 'sleep');
    if (NumberIsNaN(ms)) throw new TypeError('sleep: the Date is invalid');
    return hostCall('sleep', callText('sleep', ms), { __proto__: null, signal: options && options.signal, convert: nothing });
  });

  const performance = {
    now() { return native.now() - native.started(); },
    get timeOrigin() { return native.started(); },
    toJSON() { return { timeOrigin: native.started() }; },
  };
  modules.performance = performance;
  global('performance', performance);
});
