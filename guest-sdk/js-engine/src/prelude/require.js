// require for the modules that scripts commonly ask for; nothing is loaded from anywhere.
(function (native, modules, global) {
  'use strict';
  const available = {
    crypto: modules.crypto, buffer: modules.buffer, url: modules.url, querystring: modules.querystring,
    util: modules.util, events: modules.events,
  };
  global('require', function require(name) {
    const bare = `${name}`.replace(/^node:/, '');
    if (Object.hasOwn(available, bare)) return available[bare];
    const error = new Error(`Cannot find module '${name}': scripts run sandboxed; available are ${Object.keys(available).join(', ')}`);
    error.code = 'MODULE_NOT_FOUND';
    throw error;
  });
  global('global', globalThis);
});
