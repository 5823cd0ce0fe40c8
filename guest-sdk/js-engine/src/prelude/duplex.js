// require('stream'), the other half: Duplex, Transform, PassThrough, Readable.from, finished, pipeline, compose of async functions.
(function (native, modules, global) {
  'use strict';
  const { asyncIterator: ASYNC_ITERATOR, iterator: ITERATOR } = Symbol;
  const { own, extend, sides, tick, none, startReadable, startWritable, construct } = modules.streamTools;
  const { failure, wrongType } = modules.cryptoTools;
  const { Buffer } = modules.buffer;
  const { stream } = modules;
  const { Readable, Writable } = stream;
  const EventEmitter = modules.events;

  function Duplex(options) {
    if (!(this instanceof Duplex)) return new Duplex(options);
    startReadable(this, options);
    startWritable(this, options);
    native.hide(this, 'allowHalfOpen', options?.allowHalfOpen !== false);
    EventEmitter.call(this, options);
    if (options?.readable === false) {
      this.readable = false;
      this._readableState.ended = this._readableState.endEmitted = true;
    }
    if (options?.writable === false) {
      this.writable = false;
      this._writableState.ending = this._writableState.ended = this._writableState.finished = true;
    }
    construct(this);
  }
  extend(Duplex, Readable);
  for (const name of Reflect.ownKeys(Writable.prototype)) {
    if (!Object.hasOwn(Duplex.prototype, name) && name !== 'pipe' && !['destroyed', 'errored', 'closed'].includes(name)) {
      Object.defineProperty(Duplex.prototype, name, Object.getOwnPropertyDescriptor(Writable.prototype, name));
    }
  }

  function Transform(options) {
    if (!(this instanceof Transform)) return new Transform(options);
    Duplex.call(this, options);
    this._readableState.sync = false;
    native.hide(this, 'waits', null);
    for (const name of ['transform', 'flush']) if (typeof options?.[name] === 'function') this[`_${name}`] = options[name];
    // Classes that write a `_final` of their own call no flush of ours.
    this.on('prefinish', () => { if (this._final !== Transform.prototype._final) finalOf(this, none); });
  }
  extend(Transform, Duplex);
  function finalOf(transform, callback) {
    const done = (error, data) => {
      if (error) {
        if (callback === none) transform.destroy(error);
        callback(error);
        return;
      }
      if (data !== null && data !== undefined) transform.push(data);
      transform.push(null);
      callback();
    };
    if (typeof transform._flush === 'function' && !transform.destroyed) transform._flush(done);
    else done();
  }
  own(Transform, {
    _transform() { throw failure(Error, 'ERR_METHOD_NOT_IMPLEMENTED', 'The _transform() method is not implemented'); },
    _final(callback) { finalOf(this, callback); },
    _write(chunk, encoding, callback) {
      const { _readableState: r, _writableState: w } = this;
      const { length } = r;
      this._transform(chunk, encoding, (error, value) => {
        if (error) {
          callback(error);
          return;
        }
        if (value !== null && value !== undefined) this.push(value);
        if (w.ended || length === r.length || r.length < r.highWaterMark) callback();
        else this.waits = callback;
      });
    },
    _read() {
      if (this.waits) {
        const callback = this.waits;
        this.waits = null;
        callback();
      }
    },
  });

  function PassThrough(options) {
    if (!(this instanceof PassThrough)) return new PassThrough(options);
    Transform.call(this, options);
  }
  extend(PassThrough, Transform);
  own(PassThrough, { _transform(chunk, encoding, callback) { callback(null, chunk); } });

  Readable.from = (source, options) => {
    if (typeof source === 'string' || source instanceof Uint8Array) {
      return new Readable({ objectMode: true, ...options, read() { this.push(source); this.push(null); } });
    }
    const make = source?.[ASYNC_ITERATOR] ?? source?.[ITERATOR];
    if (typeof make !== 'function') throw wrongType('iterable', 'an instance of Iterable', source);
    const iterator = make.call(source);
    let reading = false;
    const readable = new Readable({ objectMode: true, highWaterMark: 1, ...options });
    readable._read = async () => {
      if (reading) return;
      reading = true;
      try {
        for (;;) {
          const { value, done } = await iterator.next();
          if (done) { readable.push(null); break; }
          const chunk = value !== null && typeof value?.then === 'function' ? await value : value;
          if (chunk === null) throw failure(TypeError, 'ERR_STREAM_NULL_VALUES', 'May not write null values to stream');
          if (!readable.push(chunk)) break;
        }
      } catch (error) {
        readable.destroy(error);
      }
      reading = false;
    };
    readable._destroy = (error, callback) => {
      const leave = async () => { if (typeof iterator.return === 'function') await iterator.return(); };
      leave().then(() => tick(callback, error), (wrong) => tick(callback, wrong || error));
    };
    return readable;
  };

  // Calls back once when a stream is over, whichever way it ended.
  function finished(target, options, callback) {
    if (typeof options === 'function') [callback, options] = [options, {}];
    const { _readableState: r, _writableState: w } = target;
    const reads = options?.readable ?? (r ? target.readable !== false || r.endEmitted : false);
    const writes = options?.writable ?? Boolean(w);
    let readDone = !reads || !r || r.endEmitted;
    let writeDone = !writes || !w || w.finished;
    let over = false;
    const done = (error) => {
      if (over) return;
      over = true;
      clean();
      callback.call(target, error);
    };
    const maybe = () => { if (readDone && writeDone) done(); };
    const end = () => { readDone = true; if (!sides(target).every((state) => state.autoDestroy) || !w || writeDone) maybe(); };
    const finish = () => { writeDone = true; maybe(); };
    const failed = (error) => done(error);
    const close = () => {
      const errored = r?.errored ?? w?.errored;
      if (errored) return done(errored);
      if (!(readDone || r?.endEmitted) || !(writeDone || w?.finished)) return done(failure(Error, 'ERR_STREAM_PREMATURE_CLOSE', 'Premature close'));
      return done();
    };
    const listeners = [['end', end], ['finish', finish], ['error', failed], ['close', close]];
    if (options?.error === false) listeners.splice(2, 1);
    const clean = () => { for (const [name, listener] of listeners) target.removeListener(name, listener); };
    for (const [name, listener] of listeners) target.on(name, listener);
    const { signal } = options ?? {};
    if (signal) signal.addEventListener('abort', () => { const error = failure(Error, 'ABORT_ERR', 'The operation was aborted'); error.name = 'AbortError'; done(error); }, { once: true });
    if (sides(target).some((state) => state.closed) || (sides(target).length > 0 && readDone && writeDone)) tick(close);
    return clean;
  }

  const isStream = (value) => value !== null && typeof value === 'object' && typeof value.on === 'function' && (typeof value.pipe === 'function' || typeof value.write === 'function');
  function pipeline(...parts) {
    const callback = typeof parts.at(-1) === 'function' && parts.length > 1 && typeof parts.at(-2) !== 'undefined' ? parts.pop() : none;
    if (parts.length === 1 && ArrayIsArray(parts[0])) [parts] = parts;
    return run(parts, callback);
  }
  function run(parts, callback, { signal, end } = {}) {
    if (parts.length < 2) throw failure(TypeError, 'ERR_MISSING_ARGS', 'The "streams" argument must be specified');
    const streams = [];
    let error;
    let value;
    let left = 0;
    const settle = (wrong) => {
      if (wrong && (!error || error.code === 'ERR_STREAM_PREMATURE_CLOSE')) error = wrong;
      left--;
      if (wrong) for (const one of streams) if (!one.destroyed) one.destroy(error);
      if (left === 0) tick(callback, error, value);
    };
    const watch = (one, options) => {
      left++;
      streams.push(one);
      let called = false;
      finished(one, options, (wrong) => { if (!called) { called = true; settle(wrong); } });
    };
    // What an async function or an iterable gives, as a stream.
    let current = parts[0];
    if (typeof current === 'function') current = current({ signal });
    if (!isStream(current)) current = Readable.from(current);
    watch(current, { readable: true, writable: false });
    for (let i = 1; i < parts.length; i++) {
      const part = parts[i];
      const last = i === parts.length - 1;
      if (typeof part === 'function') {
        const given = part(current, { signal });
        if (!last || typeof given?.[ASYNC_ITERATOR] === 'function') {
          if (typeof given?.[ASYNC_ITERATOR] !== 'function') throw failure(TypeError, 'ERR_INVALID_RETURN_VALUE', `Expected AsyncIterable to be returned from the "transform[${i - 1}]" function`);
          current = Readable.from(given);
          watch(current, { readable: true, writable: false });
        } else {
          left++;
          const through = new PassThrough({ objectMode: true });
          Promise.resolve(given).then((found) => {
            value = found;
            if (found !== undefined && found !== null) through.write(found);
            through.end();
            settle();
          }, (wrong) => { through.destroy(); settle(wrong); });
          current = through;
        }
      } else {
        current.pipe(part, { end: !last || end !== false });
        watch(part, { readable: !last && typeof part.read === 'function', writable: !(last && end === false) });
        current = part;
      }
    }
    if (signal) signal.addEventListener('abort', () => { const wrong = failure(Error, 'ABORT_ERR', 'The operation was aborted'); wrong.name = 'AbortError'; error ??= wrong; for (const one of streams) one.destroy(wrong); }, { once: true });
    return current;
  }
  const promises = {
    finished: (target, options) => new Promise((resolve, reject) => { finished(target, options ?? {}, (error) => (error ? reject(error) : resolve())); }),
    pipeline: (...parts) => new Promise((resolve, reject) => {
      const tail = parts.at(-1);
      const options = tail !== null && typeof tail === 'object' && !isStream(tail) && typeof tail[ASYNC_ITERATOR] !== 'function' && typeof tail[ITERATOR] !== 'function' ? parts.pop() : {};
      if (parts.length === 1 && ArrayIsArray(parts[0])) [parts] = parts;
      run(parts, (error, value) => (error ? reject(error) : resolve(value)), options);
    }),
  };
  const custom = Symbol.for('nodejs.util.promisify.custom');
  Object.defineProperty(pipeline, custom, { value: promises.pipeline });
  Object.defineProperty(finished, custom, { value: promises.finished });

  // The helpers of readable streams that give values.
  const helpers = {
    async *map(stream, work) { for await (const chunk of stream) yield work(chunk); },
    async *filter(stream, work) { for await (const chunk of stream) if (await work(chunk)) yield chunk; },
    async *flatMap(stream, work) { for await (const chunk of stream) yield* await work(chunk); },
    async *take(stream, n) { if (n > 0) for await (const chunk of stream) { yield chunk; if (--n === 0) return; } },
    async *drop(stream, n) { for await (const chunk of stream) if (n-- <= 0) yield chunk; },
  };
  for (const name of Object.keys(helpers)) own(Readable, { [name](argument) { return Readable.from(helpers[name](this, argument)); } });
  own(Readable, {
    async toArray() { const out = []; for await (const chunk of this) out.push(chunk); return out; },
    async forEach(work) { for await (const chunk of this) await work(chunk); },
    async some(work) { for await (const chunk of this) if (await work(chunk)) return true; return false; },
    async every(work) { for await (const chunk of this) if (!(await work(chunk))) return false; return true; },
    async find(work) { for await (const chunk of this) if (await work(chunk)) return chunk; return undefined; },
    async reduce(work, value) {
      let first = value === undefined;
      for await (const chunk of this) { value = first ? chunk : await work(value, chunk); first = false; }
      return value;
    },
  });

  // All of a stream at once, as require('stream/consumers') gives it.
  const all = async (source) => {
    const parts = [];
    for await (const chunk of source) parts.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
    return Buffer.concat(parts);
  };
  modules.streamConsumers = {
    buffer: all,
    text: async (source) => (await all(source)).toString(),
    json: async (source) => JSON.parse((await all(source)).toString()),
    arrayBuffer: async (source) => new Uint8Array(await all(source)).buffer,
    blob: async (source) => new Blob([await all(source)]),
  };
  Object.assign(stream, {
    Duplex, Transform, PassThrough, finished, pipeline, promises,
    addAbortSignal(signal, target) { signal.addEventListener('abort', () => target.destroy(signal.reason), { once: true }); return target; },
    isReadable: (target) => Boolean(target?.readable), isWritable: (target) => Boolean(target?.writable),
    isErrored: (target) => Boolean(target?.errored), isDisturbed: (target) => Boolean(target?.readableDidRead || target?.destroyed),
    getDefaultHighWaterMark: (objectMode) => (objectMode ? 16 : 65536),
  });
  // Streams before Node's third kind: only events.
  own(stream, {
    pipe(target, options) {
      const data = (chunk) => { if (target.write(chunk) === false) this.pause?.(); };
      this.on('data', data);
      target.on('drain', () => this.resume?.());
      if (options?.end !== false) this.on('end', () => target.end());
      target.emit('pipe', this);
      return target;
    },
  });
});
