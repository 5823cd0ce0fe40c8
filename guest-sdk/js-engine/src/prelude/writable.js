// The Writable of require('stream').
(function (native, modules, global) {
  'use strict';
  const { hasInstance: HAS_INSTANCE } = Symbol;
  const { own, extend, sides, destroy, fail, ended, common, sizeFor, bytesOf, tick, none } = modules.streamTools;
  const { Buffer } = modules.buffer;
  const { failure, wrongType } = modules.cryptoTools;
  const { stream: Stream } = modules;

  function Writable(options) {
    if (!(this instanceof Writable) && !(this instanceof modules.stream.Duplex)) return new Writable(options);
    startWritable(this, options);
    Stream.call(this, options);
    construct(this);
  }
  extend(Writable, Stream);
  Object.defineProperty(Writable, HAS_INSTANCE, {
    value(object) { return Function.prototype[HAS_INSTANCE].call(this, object) || (this === Writable && object?._writableState !== undefined); },
  });
  function startWritable(stream, options) {
    const objectMode = Boolean(options?.objectMode || (stream instanceof modules.stream.Duplex && options?.writableObjectMode));
    native.hide(stream, '_writableState', {
      objectMode, highWaterMark: sizeFor(options, 'writableHighWaterMark', objectMode), finalCalled: false, needDrain: false, ending: false, ended: false,
      finished: false, destroyed: false, decodeStrings: options?.decodeStrings !== false, defaultEncoding: options?.defaultEncoding ?? 'utf8', length: 0,
      writing: false, corked: 0, sync: true, buffered: [], errored: null, errorEmitted: false, closed: false, prefinished: false, pending: 0,
      emitClose: options?.emitClose !== false, autoDestroy: options?.autoDestroy !== false, constructed: true, onFinish: [],
    });
    for (const name of ['write', 'writev', 'final']) if (typeof options?.[name] === 'function') stream[`_${name}`] = options[name];
    common(stream, options);
  }
  function construct(stream) {
    if (typeof stream._construct !== 'function') return;
    for (const state of sides(stream)) state.constructed = false;
    tick(() => stream._construct((error) => {
      for (const state of sides(stream)) state.constructed = true;
      if (error) fail(stream, error);
      else {
        if (stream._writableState) { flush(stream, stream._writableState); finishMaybe(stream, stream._writableState); }
        if (stream._readableState && stream._readableState.needReadable) stream.read(0);
      }
    }));
  }
  function write(stream, chunk, encoding, callback) {
    const state = stream._writableState;
    if (typeof encoding === 'function') [callback, encoding] = [encoding, undefined];
    encoding ||= state.defaultEncoding;
    callback ??= none;
    if (chunk === null) throw failure(TypeError, 'ERR_STREAM_NULL_VALUES', 'May not write null values to stream');
    if (!state.objectMode) {
      if (typeof chunk === 'string') {
        if (state.decodeStrings) [chunk, encoding] = [Buffer.from(chunk, encoding), 'buffer'];
      } else if (ArrayBufferIsView(chunk)) [chunk, encoding] = [bytesOf(chunk), 'buffer'];
      else throw wrongType('chunk', 'of type string or an instance of Buffer, TypedArray, or DataView', chunk);
    }
    const wrong = state.ending ? failure(Error, 'ERR_STREAM_WRITE_AFTER_END', 'write after end')
      : state.destroyed ? failure(Error, 'ERR_STREAM_DESTROYED', 'Cannot call write after a stream was destroyed') : undefined;
    if (wrong) {
      tick(callback, wrong);
      fail(stream, wrong);
      return wrong;
    }
    state.pending++;
    const size = state.objectMode ? 1 : chunk.length;
    state.length += size;
    const room = state.length < state.highWaterMark;
    if (!room) state.needDrain = true;
    if (state.writing || state.corked || state.errored || !state.constructed) state.buffered.push({ chunk, encoding, callback, size });
    else send(stream, state, [{ chunk, encoding, callback, size }], false);
    return room && !state.errored && !state.destroyed;
  }
  function send(stream, state, items, together) {
    state.writing = true;
    state.sync = true;
    let done = false;
    const wrote = (error) => {
      if (done) { fail(stream, failure(Error, 'ERR_MULTIPLE_CALLBACK', 'Callback called multiple times')); return; }
      done = true;
      state.writing = false;
      for (const item of items) state.length -= item.size;
      const after = () => {
        state.pending -= items.length;
        for (const item of items) item.callback(error ?? null);
        if (error) return;
        if (!state.ending && state.length === 0 && state.needDrain && !state.destroyed) {
          state.needDrain = false;
          stream.emit('drain');
        }
        finishMaybe(stream, state);
      };
      if (error) {
        state.errored ??= error;
        if (stream._readableState) stream._readableState.errored ??= error;
        const tell = () => { after(); drop(state, error); fail(stream, error); };
        if (state.sync) tick(tell);
        else tell();
        return;
      }
      flush(stream, state);
      if (state.sync) tick(after);
      else after();
    };
    try {
      if (state.destroyed) wrote(failure(Error, 'ERR_STREAM_DESTROYED', 'Cannot call write after a stream was destroyed'));
      else if (together) stream._writev(items.map(({ chunk, encoding }) => ({ chunk, encoding })), wrote);
      else stream._write(items[0].chunk, items[0].encoding, wrote);
    } finally {
      state.sync = false;
    }
  }
  function drop(state, error) {
    for (const item of state.buffered.splice(0)) {
      state.length -= item.size;
      state.pending--;
      item.callback(error);
    }
  }
  function flush(stream, state) {
    if (state.corked || state.flushing || state.destroyed || !state.constructed) return;
    state.flushing = true;
    if (state.buffered.length > 1 && typeof stream._writev === 'function' && !state.writing) send(stream, state, state.buffered.splice(0), true);
    else while (state.buffered.length > 0 && !state.writing) send(stream, state, [state.buffered.shift()], false);
    state.flushing = false;
  }
  function finishMaybe(stream, state) {
    if (!state.ending || state.destroyed || !state.constructed || state.length !== 0 || state.errored || state.buffered.length || state.writing || state.finished) return;
    if (!state.finalCalled) {
      state.finalCalled = true;
      if (typeof stream._final === 'function' && !state.destroyed) {
        state.pending++;
        let called = false;
        const final = (error) => {
          if (called) { fail(stream, failure(Error, 'ERR_MULTIPLE_CALLBACK', 'Callback called multiple times')); return; }
          called = true;
          state.pending--;
          if (error) {
            for (const callback of state.onFinish.splice(0)) callback(error);
            fail(stream, error);
          } else {
            state.prefinished = true;
            stream.emit('prefinish');
            tick(finish, stream, state);
          }
        };
        // At once, as in Node: a hash has its result when `end` returns.
        try { stream._final(final); } catch (error) { final(error); }
        return;
      }
      state.prefinished = true;
      stream.emit('prefinish');
    }
    if (state.prefinished && !state.pending) tick(finish, stream, state);
  }
  function finish(stream, state) {
    if (state.finished || state.destroyed || state.errored || state.pending) return;
    state.finished = true;
    for (const callback of state.onFinish.splice(0)) callback();
    stream.emit('finish');
    ended(stream);
  }

  own(Writable, {
    pipe() { fail(this, failure(Error, 'ERR_STREAM_CANNOT_PIPE', 'Cannot pipe, not readable')); },
    write(chunk, encoding, callback) { return write(this, chunk, encoding, callback) === true; },
    cork() { this._writableState.corked++; },
    uncork() {
      const state = this._writableState;
      if (state.corked && --state.corked === 0 && !state.writing) flush(this, state);
    },
    setDefaultEncoding(encoding) { this._writableState.defaultEncoding = encoding; return this; },
    _write(chunk, encoding, callback) {
      if (typeof this._writev === 'function') this._writev([{ chunk, encoding }], callback);
      else throw failure(Error, 'ERR_METHOD_NOT_IMPLEMENTED', 'The _write() method is not implemented');
    },
    _writev: null,
    end(chunk, encoding, callback) {
      const state = this._writableState;
      if (typeof chunk === 'function') [callback, chunk] = [chunk, undefined];
      else if (typeof encoding === 'function') [callback, encoding] = [encoding, undefined];
      let wrong;
      if (chunk !== undefined && chunk !== null) {
        const said = write(this, chunk, encoding);
        if (said instanceof Error) wrong = said;
      }
      if (state.corked) {
        state.corked = 1;
        this.uncork();
      }
      if (!wrong) {
        if (!state.errored && !state.ending) {
          state.ending = true;
          if (typeof callback === 'function') state.onFinish.push(callback);
          callback = undefined;
          finishMaybe(this, state);
          state.ended = true;
        } else if (state.finished) wrong = failure(Error, 'ERR_STREAM_ALREADY_FINISHED', 'Cannot call end after a stream was finished');
        else if (state.destroyed) wrong = failure(Error, 'ERR_STREAM_DESTROYED', 'Cannot call end after a stream was destroyed');
      }
      if (typeof callback === 'function') {
        if (wrong) tick(callback, wrong);
        else state.onFinish.push(callback);
      }
      return this;
    },
    destroy(error, callback) {
      const state = this._writableState;
      if (!state.destroyed && (state.buffered.length > 0 || state.onFinish.length > 0)) {
        const why = state.errored ?? error ?? failure(Error, 'ERR_STREAM_DESTROYED', 'Cannot call end after a stream was destroyed');
        tick(() => {
          drop(state, why);
          for (const one of state.onFinish.splice(0)) one(why);
        });
      }
      return destroy.call(this, error, callback);
    },
    _destroy(error, callback) { callback(error); },
    get writable() { const state = this._writableState; return state.given ?? (!state.destroyed && !state.errored && !state.ending && !state.ended); },
    set writable(value) { this._writableState.given = Boolean(value); },
    get writableFinished() { return this._writableState.finished; },
    get writableEnded() { return this._writableState.ending; },
    get writableAborted() { const state = this._writableState; return (state.destroyed || Boolean(state.errored)) && !state.finished; },
    get writableLength() { return this._writableState.length; },
    get writableHighWaterMark() { return this._writableState.highWaterMark; },
    get writableObjectMode() { return this._writableState.objectMode; },
    get writableNeedDrain() { const state = this._writableState; return !state.destroyed && !state.ending && state.needDrain; },
    get writableCorked() { return this._writableState.corked; },
    get writableBuffer() { return this._writableState.buffered; },
    get destroyed() { return this._writableState?.destroyed ?? false; },
    set destroyed(value) { for (const state of sides(this)) state.destroyed = value; },
    get errored() { return this._writableState.errored; },
    get closed() { return this._writableState.closed; },
  });

  Object.assign(modules.streamTools, { startWritable, construct });
  Stream.Writable = Writable;
});
