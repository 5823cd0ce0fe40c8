// `process` and require('os'): what packages ask them for, with the same answers on every machine. There is no process and no machine.
(function (native, modules, global) {
  'use strict';
  const { failure, wrongType } = modules.cryptoTools;
  const environment = modules.perCall(() => native.env() ?? {});
  const emitter = modules.perCall(() => new modules.events());
  const none = (name, why) => ({ [name]() { throw failure(Error, 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', `process.${name} is not available in scripts: ${why}`); } })[name];

  function hrtime(before) {
    const ms = native.now();
    const now = [Math.floor(ms / 1000), Math.round((ms % 1000) * 1e6)];
    if (before === undefined) return now;
    if (!ArrayIsArray(before)) throw wrongType('time', 'an instance of Array', before);
    const seconds = now[0] - before[0], nanos = now[1] - before[1];
    return nanos < 0 ? [seconds - 1, nanos + 1e9] : [seconds, nanos];
  }
  hrtime.bigint = () => BigInt(Math.round(native.now() * 1000)) * 1000n;
  const output = (fd, log) => ({
    fd, isTTY: false, columns: 80, writable: true,
    write(text, encoding, callback) {
      log(`${typeof text === 'string' ? text : modules.buffer.Buffer.from(text).toString()}`.replace(/\n$/, ''));
      const done = typeof encoding === 'function' ? encoding : callback;
      if (typeof done === 'function') modules.later(done);
      return true;
    },
    on() { return this; }, once() { return this; }, end() {},
  });
  const { log, error, warn } = globalThis.console;

  const process = {
    title: 'flowcell', version: 'v20.0.0', versions: { node: '20.0.0' }, arch: 'x64', platform: 'linux', release: { name: 'node' },
    argv: ['node', 'script'], argv0: 'node', execArgv: [], execPath: '/node', pid: 1, ppid: 0, exitCode: undefined, features: {}, config: {},
    nextTick(work, ...args) {
      if (typeof work !== 'function') throw wrongType('callback', 'of type function', work);
      modules.later(() => Reflect.apply(work, undefined, args));
    },
    hrtime,
    uptime: () => (native.now() - native.started()) / 1000,
    cwd: () => '/',
    memoryUsage: () => ({ rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 }),
    cpuUsage: () => ({ user: 0, system: 0 }),
    resourceUsage: () => ({}),
    umask: () => 18,
    emitWarning(warning) { warn(warning instanceof Error ? warning : `Warning: ${warning}`); },
    getuid: () => 1000, getgid: () => 1000, geteuid: () => 1000, getegid: () => 1000,
    exit: none('exit', '`return` ends a script, `throw` fails it'),
    abort: none('abort', '`throw` fails a script'),
    kill: none('kill', 'there are no processes'),
    chdir: none('chdir', 'there are no files'),
    binding: none('binding', 'there is no machine below'),
    dlopen: none('dlopen', 'there is no machine below'),
    stdout: output(1, log), stderr: output(2, error),
    stdin: { fd: 0, isTTY: false, on() { return this; } },
  };
  // Nothing is ever emitted; errors that nobody handles fail the step.
  for (const name of ['on', 'once', 'off', 'addListener', 'removeListener', 'removeAllListeners', 'prependListener', 'emit', 'listeners', 'listenerCount', 'eventNames', 'setMaxListeners']) {
    process[name] = (...args) => { const given = emitter()[name](...args); return given === emitter() ? process : given; };
  }
  // What the workflow names, as `env`; empty where a module's top level is evaluated, before any call.
  Object.defineProperty(process, 'env', { get: () => environment(), set(value) { Object.assign(environment(), value); }, enumerable: true, configurable: true });
  modules.process = process;
  global('process', process);

  const gib = 1024 ** 3;
  modules.os = {
    EOL: '\n', devNull: '/dev/null', constants: { signals: {}, errno: {}, priority: {} },
    arch: () => 'x64', platform: () => 'linux', type: () => 'Linux', release: () => '0.0.0', version: () => 'flowcell', machine: () => 'x86_64',
    endianness: () => 'LE', hostname: () => 'flowcell', homedir: () => '/', tmpdir: () => '/tmp', uptime: () => 0, loadavg: () => [0, 0, 0],
    totalmem: () => gib, freemem: () => gib, availableParallelism: () => 1, networkInterfaces: () => ({}), getPriority: () => 0,
    cpus: () => [{ model: 'flowcell', speed: 0, times: { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 } }],
    userInfo: () => ({ uid: 1000, gid: 1000, username: 'flowcell', homedir: '/', shell: null }),
  };
});
