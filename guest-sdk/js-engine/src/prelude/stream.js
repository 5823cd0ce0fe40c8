// require('stream') (https://nodejs.org/api/stream.html): Stream and Readable, as far as packages use them. writable.js and duplex.js add to it.
(function (native, modules, global) {
  'use strict';
  const { asyncIterator: ASYNC_ITERATOR } = Symbol;
  const EventEmitter = modules.events;
  const { Buffer } = modules.buffer;
  const { failure, wrongType } = modules.cryptoTools;
  const tick = (work, ...args) => modules.later(() => work(...args));
  const none = () => {};
  const bytesOf = (chunk) => (Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
  const own = (Class, object) => { for (const name of Reflect.ownKeys(object)) Object.defineProperty(Class.prototype, name, { ...Object.getOwnPropertyDescriptor(object, name), enumerable: false }); };
  const extend = (Class, Parent) => {
    Object.setPrototypeOf(Class.prototype, Parent.prototype);
    Object.setPrototypeOf(Class, Parent);
  };
  const sizeFor = (options, key, objectMode) => options?.[key] ?? options?.highWaterMark ?? (objectMode ? 16 : 65536);

  function Stream(options) { EventEmitter.call(this, options); }
  extend(Stream, EventEmitter);

  // What both sides share: being destroyed, errors, `close`.
  const sides = (stream) => [stream._readableState, stream._writableState].filter((state) => state !== undefined);
  function destroy(error, callback) {
    const states = sides(this);
    if (states.some((state) => state.destroyed)) {
      if (typeof callback === 'function') callback(error ?? null);
      return this;
    }
    for (const state of states) {
      state.destroyed = true;
      if (error) state.errored ??= error;
    }
    const done = (wrong) => {
      const why = wrong ?? error;
      for (const state of states) {
        if (why) state.errored ??= why;
        state.closed = true;
      }
      if (typeof callback === 'function') callback(why ?? null);
      tick(() => {
        if (why && !states.some((state) => state.errorEmitted)) {
          for (const state of states) state.errorEmitted = true;
          this.emit('error', why);
        }
        if (states.every((state) => state.emitClose)) this.emit('close');
      });
    };
    let called = false;
    const once = (wrong) => { if (!called) { called = true; done(wrong); } };
    try {
      this._destroy(error ?? null, once);
    } catch (wrong) {
      once(wrong);
    }
    return this;
  }
  function fail(stream, error) {
    const states = sides(stream);
    if (states.some((state) => state.destroyed)) return;
    for (const state of states) state.errored ??= error;
    if (states.some((state) => state.autoDestroy)) stream.destroy(error);
    else if (!states.some((state) => state.errorEmitted)) {
      for (const state of states) state.errorEmitted = true;
      tick(() => stream.emit('error', error));
    }
  }
  const ended = (stream) => {
    const { _readableState: r, _writableState: w } = stream;
    if ((r?.autoDestroy ?? w?.autoDestroy) && (!r || r.endEmitted || stream.readable === false) && (!w || w.finished)) stream.destroy();
  };

  function Readable(options) {
    if (!(this instanceof Readable)) return new Readable(options);
    startReadable(this, options);
    Stream.call(this, options);
  }
  extend(Readable, Stream);
  function startReadable(stream, options) {
    const objectMode = Boolean(options?.objectMode || (stream instanceof modules.stream.Duplex && options?.readableObjectMode));
    native.hide(stream, '_readableState', {
      objectMode, highWaterMark: sizeFor(options, 'readableHighWaterMark', objectMode), buffer: [], length: 0, pipes: [], flowing: null,
      ended: false, endEmitted: false, reading: false, needReadable: false, emittedReadable: false, readableListening: false,
      resumeScheduled: false, sync: true, destroyed: false, errored: null, errorEmitted: false, closed: false, readingMore: false, constructed: true,
      emitClose: options?.emitClose !== false, autoDestroy: options?.autoDestroy !== false, encoding: null, decoder: null,
      defaultEncoding: options?.defaultEncoding ?? 'utf8', waiting: new Set(), dataEmitted: false,
    });
    if (options?.encoding) stream.setEncoding(options.encoding);
    if (typeof options?.read === 'function') stream._read = options.read;
    common(stream, options);
  }
  function common(stream, options) {
    if (typeof options?.destroy === 'function') stream._destroy = options.destroy;
    if (typeof options?.construct === 'function') stream._construct = options.construct;
    const { signal } = options ?? {};
    if (signal) signal.addEventListener('abort', () => stream.destroy(signal.reason), { once: true });
  }

  function add(stream, chunk, encoding, front) {
    const state = stream._readableState;
    if (chunk === null) {
      state.reading = false;
      if (!state.ended) atEnd(stream, state);
      return false;
    }
    if (!state.objectMode) {
      if (typeof chunk === 'string') {
        const from = encoding || state.defaultEncoding;
        if (state.encoding !== from || front) chunk = Buffer.from(chunk, from);
        else encoding = from;
      } else if (ArrayBufferIsView(chunk)) {
        chunk = bytesOf(chunk);
        encoding = '';
      } else if (chunk !== undefined) {
        fail(stream, wrongType('chunk', 'of type string or an instance of Buffer, TypedArray, or DataView', chunk));
        return false;
      }
    }
    if (state.objectMode || (chunk && chunk.length > 0)) {
      if (front && state.endEmitted) fail(stream, failure(Error, 'ERR_STREAM_UNSHIFT_AFTER_END_EVENT', 'stream.unshift() after end event'));
      else if (!front && state.ended) fail(stream, failure(Error, 'ERR_STREAM_PUSH_AFTER_EOF', 'stream.push() after EOF'));
      else if (state.destroyed || state.errored) return false;
      else {
        if (!front) state.reading = false;
        if (state.decoder && typeof chunk !== 'string') chunk = state.decoder.write(chunk);
        if (state.objectMode || chunk.length > 0) put(stream, state, chunk, front);
        else readMore(stream, state);
      }
    } else if (!front) {
      state.reading = false;
      readMore(stream, state);
    }
    return !state.ended && (state.length < state.highWaterMark || state.length === 0);
  }
  function put(stream, state, chunk, front) {
    if (state.flowing && state.length === 0 && !state.sync && stream.listenerCount('data') > 0) {
      state.dataEmitted = true;
      stream.emit('data', chunk);
    } else {
      state.length += state.objectMode ? 1 : chunk.length;
      if (front) state.buffer.unshift(chunk);
      else state.buffer.push(chunk);
      if (state.needReadable) emitReadable(stream);
    }
    readMore(stream, state);
  }
  function readMore(stream, state) {
    if (state.readingMore) return;
    state.readingMore = true;
    tick(() => {
      while (!state.reading && !state.ended && (state.length < state.highWaterMark || (state.flowing && state.length === 0))) {
        const before = state.length;
        stream.read(0);
        if (before === state.length) break;
      }
      state.readingMore = false;
    });
  }
  function atEnd(stream, state) {
    if (state.decoder) {
      const rest = state.decoder.end();
      if (rest.length) {
        state.buffer.push(rest);
        state.length += state.objectMode ? 1 : rest.length;
      }
    }
    state.ended = true;
    if (state.sync) emitReadable(stream);
    else {
      state.needReadable = false;
      state.emittedReadable = true;
      tellReadable(stream);
    }
  }
  function emitReadable(stream) {
    const state = stream._readableState;
    state.needReadable = false;
    if (state.emittedReadable) return;
    state.emittedReadable = true;
    tick(tellReadable, stream);
  }
  function tellReadable(stream) {
    const state = stream._readableState;
    if (!state.destroyed && !state.errored && (state.length || state.ended)) {
      stream.emit('readable');
      state.emittedReadable = false;
    }
    state.needReadable = !state.flowing && !state.ended && state.length <= state.highWaterMark;
    flow(stream);
  }
  function flow(stream) {
    const state = stream._readableState;
    while (state.flowing && stream.read() !== null);
  }
  function take(n, state) {
    if (state.length === 0) return null;
    if (state.objectMode) return state.buffer.shift();
    if (!n || n >= state.length) {
      const out = state.decoder || typeof state.buffer[0] === 'string' ? state.buffer.join('') : state.buffer.length === 1 ? state.buffer[0] : Buffer.concat(state.buffer);
      state.buffer = [];
      return out;
    }
    const parts = [];
    for (let left = n; left > 0;) {
      const chunk = state.buffer[0];
      if (chunk.length <= left) {
        parts.push(state.buffer.shift());
        left -= chunk.length;
      } else {
        parts.push(chunk.slice(0, left));
        state.buffer[0] = chunk.slice(left);
        left = 0;
      }
    }
    return typeof parts[0] === 'string' ? parts.join('') : parts.length === 1 ? parts[0] : Buffer.concat(parts);
  }
  function howMuch(n, state) {
    if (n <= 0 || (state.length === 0 && state.ended)) return 0;
    if (state.objectMode) return 1;
    if (NumberIsNaN(n)) return state.flowing && state.length ? state.buffer[0].length : state.length;
    if (n <= state.length) return n;
    return state.ended ? state.length : 0;
  }
  function tellEnd(stream) {
    const state = stream._readableState;
    if (state.endEmitted) return;
    state.ended = true;
    tick(() => {
      if (state.errored || state.endEmitted || state.length !== 0 || state.destroyed) return;
      state.endEmitted = true;
      stream.emit('end');
      if (stream._writableState && stream.allowHalfOpen === false) stream.end();
      ended(stream);
    });
  }

  own(Readable, {
    push(chunk, encoding) { return add(this, chunk, encoding, false); },
    unshift(chunk, encoding) { return add(this, chunk, encoding, true); },
    isPaused() { return this._readableState.paused === true || this._readableState.flowing === false; },
    setEncoding(encoding) {
      const state = this._readableState;
      state.decoder = new modules.stringDecoder.StringDecoder(encoding);
      state.encoding = state.decoder.encoding;
      const text = state.buffer.map((chunk) => state.decoder.write(chunk)).join('');
      state.buffer = text === '' ? [] : [text];
      state.length = text.length;
      return this;
    },
    read(n) {
      n = n === undefined ? NaN : Number.parseInt(n, 10);
      const state = this._readableState;
      const asked = n;
      if (n !== 0) state.emittedReadable = false;
      const full = state.highWaterMark !== 0 ? state.length >= state.highWaterMark : state.length > 0;
      if (n === 0 && state.needReadable && (full || state.ended)) {
        if (state.length === 0 && state.ended) tellEnd(this);
        else emitReadable(this);
        return null;
      }
      n = howMuch(n, state);
      if (n === 0 && state.ended) {
        if (state.length === 0) tellEnd(this);
        return null;
      }
      let wants = state.needReadable || state.length === 0 || state.length - n < state.highWaterMark;
      if (state.ended || state.reading || state.destroyed || state.errored || !state.constructed) wants = false;
      if (wants) {
        state.reading = true;
        state.sync = true;
        if (state.length === 0) state.needReadable = true;
        try {
          this._read(state.highWaterMark);
        } catch (error) {
          fail(this, error);
        }
        state.sync = false;
        if (!state.reading) n = howMuch(asked, state);
      }
      let out = n > 0 ? take(n, state) : null;
      if (out === null) {
        state.needReadable = state.length <= state.highWaterMark;
        n = 0;
      } else state.length -= state.objectMode ? 1 : out.length;
      if (state.length === 0) {
        if (!state.ended) state.needReadable = true;
        if (asked !== n && state.ended) tellEnd(this);
      }
      if (out !== null && !state.errored && !state.destroyed) {
        state.dataEmitted = true;
        this.emit('data', out);
      }
      return out;
    },
    _read() { throw failure(Error, 'ERR_METHOD_NOT_IMPLEMENTED', 'The _read() method is not implemented'); },
    pipe(target, options) {
      const state = this._readableState;
      state.pipes.push(target);
      const last = options?.end !== false;
      const unpipe = (source) => { if (source === this) clean(); };
      const end = () => target.end();
      const after = last ? end : () => this.unpipe(target);
      const pause = () => {
        if (state.pipes.includes(target)) state.waiting.add(target);
        this.pause();
        target.on('drain', drain);
      };
      const drain = () => {
        target.removeListener('drain', drain);
        state.waiting.delete(target);
        if (state.waiting.size === 0 && this.listenerCount('data') > 0) this.resume();
      };
      const data = (chunk) => { if (target.write(chunk) === false) pause(); };
      const failed = (error) => {
        this.unpipe(target);
        target.removeListener('error', failed);
        if (target.listenerCount('error') === 0) {
          if (sides(target).length) fail(target, error);
          else target.emit('error', error);
        }
      };
      const close = () => { target.removeListener('finish', finish); this.unpipe(target); };
      const finish = () => { target.removeListener('close', close); this.unpipe(target); };
      const clean = () => {
        target.removeListener('close', close);
        target.removeListener('finish', finish);
        target.removeListener('drain', drain);
        target.removeListener('error', failed);
        target.removeListener('unpipe', unpipe);
        this.removeListener('end', after);
        this.removeListener('data', data);
        if (state.waiting.delete(target) && state.waiting.size === 0 && this.listenerCount('data') > 0) this.resume();
      };
      if (state.endEmitted) tick(after);
      else this.once('end', after);
      target.on('unpipe', unpipe);
      this.on('data', data);
      target.prependListener('error', failed);
      target.once('close', close);
      target.once('finish', finish);
      target.emit('pipe', this);
      if (target.writableNeedDrain === true) pause();
      else if (!state.flowing) this.resume();
      return target;
    },
    unpipe(target) {
      const state = this._readableState;
      const targets = target === undefined ? state.pipes : state.pipes.filter((one) => one === target);
      if (target === undefined) this.pause();
      state.pipes = state.pipes.filter((one) => !targets.includes(one));
      if (targets.length > 0 && state.pipes.length === 0) this.pause();
      for (const one of targets) one.emit('unpipe', this, { hasUnpiped: false });
      return this;
    },
    on(name, listener) {
      EventEmitter.prototype.on.call(this, name, listener);
      const state = this._readableState;
      if (name === 'data') {
        state.readableListening = this.listenerCount('readable') > 0;
        if (state.flowing !== false) this.resume();
      } else if (name === 'readable' && !state.endEmitted && !state.readableListening) {
        state.readableListening = state.needReadable = true;
        state.flowing = false;
        state.emittedReadable = false;
        if (state.length) emitReadable(this);
        else if (!state.reading) tick(() => this.read(0));
      }
      return this;
    },
    removeListener(name, listener) {
      EventEmitter.prototype.removeListener.call(this, name, listener);
      if (name === 'readable') tick(() => {
        const state = this._readableState;
        state.readableListening = this.listenerCount('readable') > 0;
        if (state.resumeScheduled && !state.paused) state.flowing = true;
        else if (this.listenerCount('data') > 0) this.resume();
        else if (!state.readableListening) state.flowing = null;
      });
      return this;
    },
    resume() {
      const state = this._readableState;
      if (!state.flowing) {
        state.flowing = !state.readableListening;
        if (!state.resumeScheduled) {
          state.resumeScheduled = true;
          tick(() => {
            if (!state.reading) this.read(0);
            state.resumeScheduled = false;
            this.emit('resume');
            flow(this);
            if (state.flowing && !state.reading) this.read(0);
          });
        }
      }
      state.paused = false;
      return this;
    },
    pause() {
      const state = this._readableState;
      if (state.flowing !== false) {
        state.flowing = false;
        this.emit('pause');
      }
      state.paused = true;
      return this;
    },
    wrap(old) {
      old.on('data', (chunk) => { if (!this.push(chunk)) old.pause?.(); });
      old.on('end', () => this.push(null));
      old.on('error', (error) => fail(this, error));
      old.on('close', () => ended(this));
      this._read = () => old.resume?.();
      return this;
    },
    destroy,
    _destroy(error, callback) { callback(error); },
    [ASYNC_ITERATOR]() { return iterate(this); },
    iterator(options) { return iterate(this, options); },
    get readable() { const state = this._readableState; return state.given ?? (!state.destroyed && !state.endEmitted && !state.errored); },
    set readable(value) { this._readableState.given = Boolean(value); },
    get readableDidRead() { return this._readableState.dataEmitted; },
    get readableAborted() { const state = this._readableState; return (state.destroyed || Boolean(state.errored)) && !state.endEmitted; },
    get readableFlowing() { return this._readableState.flowing; },
    set readableFlowing(value) { this._readableState.flowing = value; },
    get readableEnded() { return this._readableState.endEmitted; },
    get readableLength() { return this._readableState.length; },
    get readableHighWaterMark() { return this._readableState.highWaterMark; },
    get readableObjectMode() { return this._readableState.objectMode; },
    get readableEncoding() { return this._readableState.encoding; },
    get readableBuffer() { return this._readableState.buffer; },
    get destroyed() { return this._readableState?.destroyed ?? false; },
    set destroyed(value) { for (const state of sides(this)) state.destroyed = value; },
    get errored() { return this._readableState.errored; },
    get closed() { return this._readableState.closed; },
  });
  Readable.prototype.addListener = Readable.prototype.on;
  Readable.prototype.off = Readable.prototype.removeListener;

  async function* iterate(stream, options) {
    let wake = none;
    const next = () => { const go = wake; wake = none; go(); };
    let error;
    stream.on('readable', next);
    const stop = modules.stream.finished(stream, { writable: false }, (wrong) => { error = wrong ?? null; next(); });
    try {
      for (;;) {
        const chunk = stream._readableState.destroyed ? null : stream.read();
        if (chunk !== null) yield chunk;
        else if (error) throw error;
        else if (error === null) return;
        else await new Promise((resolve) => { wake = resolve; });
      }
    } catch (wrong) {
      error = wrong;
      throw wrong;
    } finally {
      stop();
      if ((error || options?.destroyOnReturn !== false) && (error === undefined || stream._readableState.autoDestroy)) stream.destroy(error ?? undefined);
      stream.removeListener('readable', next);
    }
  }

  modules.streamTools = { own, extend, sides, destroy, fail, ended, common, sizeFor, bytesOf, tick, none, startReadable };
  modules.stream = Object.assign(Stream, { Stream, Readable });
});
