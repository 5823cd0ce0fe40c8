// require for the modules that scripts commonly ask for, and for libraries that came with the script.
(function (native, modules, global) {
  'use strict';
  const available = {
    crypto: modules.crypto, buffer: modules.buffer, url: modules.url, querystring: modules.querystring,
    util: modules.util, events: modules.events, timers: modules.timers, 'timers/promises': modules.timersPromises,
    perf_hooks: { performance: modules.performance },
  };
  native.builtIn(available);
  global('require', function require(name) {
    const bare = native.bareName(name);
    if (Object.hasOwn(available, bare)) return available[bare];
    const library = native.requireFile(`${name}`);
    if (library !== undefined) return library;
    const error = new Error(`Cannot find module '${name}': scripts run sandboxed; available are ${Object.keys(available).join(', ')}, and what is in libraries/`);
    error.code = 'MODULE_NOT_FOUND';
    throw error;
  });
  global('global', globalThis);
});
