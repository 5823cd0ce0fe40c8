// require for the modules that scripts commonly ask for, for files of the workflow, and for libraries that came with the script.
(function (native, modules, global) {
  'use strict';
  // Getters: some of them run when they are asked for.
  const available = {
    get assert() { return modules.assert; },
    get 'assert/strict'() { return modules.assert.strict; },
    buffer: modules.buffer,
    console: globalThis.console,
    get constants() { return modules.zlib.constants; },
    crypto: modules.crypto,
    get events() { return modules.events; },
    os: modules.os,
    get path() { return modules.path; },
    get 'path/posix'() { return modules.path; },
    perf_hooks: { performance: modules.performance },
    process: modules.process,
    querystring: modules.querystring,
    get stream() { return modules.stream; },
    get 'stream/consumers'() { return modules.streamConsumers; },
    get 'stream/promises'() { return modules.stream.promises; },
    get string_decoder() { return modules.stringDecoder; },
    timers: modules.timers,
    'timers/promises': modules.timersPromises,
    url: modules.url,
    util: modules.util,
    'util/types': modules.util.types,
    get zlib() { return modules.zlib; },
  };
  // `importer` is the file that asks; the script itself when it is undefined.
  function load(name, importer) {
    const bare = native.bareName(name);
    if (Object.hasOwn(available, bare)) return available[bare];
    const file = native.requireFile(`${name}`, importer);
    if (file !== undefined) return file;
    const error = new Error(native.missingModule(`${name}`, importer));
    error.code = 'MODULE_NOT_FOUND';
    throw error;
  }
  const requireOf = (importer) => Object.assign(function require(name) { return load(name, importer); }, { resolve: (name) => name, cache: Object.create(null) });
  native.builtIn(available, requireOf);
  global('require', function require(name) { return load(name, undefined); });
  global('global', globalThis);
});
