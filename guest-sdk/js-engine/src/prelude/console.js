// What console has beyond the native log levels: table, assert, count, group, time.
(function (native, modules, global) {
  'use strict';
  const { console } = globalThis;
  const counts = modules.perCall(() => ({ __proto__: null }));
  const timers = modules.perCall(() => ({ __proto__: null }));

  function table(data, columns) {
    if (data === null || typeof data !== 'object') return console.log(data);
    const rows = data instanceof Map ? [...data].map(([key, value], i) => [i, { Key: key, Values: value }])
      : data instanceof Set ? [...data].map((value, i) => [i, value]) : Object.entries(data);
    const cell = (value) => native.inspect(value, { depth: 0 });
    const keys = [];
    let plain = false;
    for (const [, row] of rows.slice(0, 100)) {
      if (row !== null && typeof row === 'object') {
        for (const key of Object.keys(row)) if (!keys.includes(key) && keys.length < 50) keys.push(key);
      } else plain = true;
    }
    const shown = ArrayIsArray(columns) ? columns.map(String) : keys;
    const head = ['(index)', ...shown, ...(plain ? ['Values'] : [])];
    const lines = rows.slice(0, 100).map(([index, row]) => {
      const object = row !== null && typeof row === 'object';
      const cells = shown.map((key) => (object && Object.hasOwn(row, key) ? cell(row[key]) : ''));
      return [String(index), ...cells, ...(plain ? [object ? '' : cell(row)] : [])];
    });
    const widths = head.map((text, i) => Math.max(native.width(text), ...lines.map((line) => native.width(line[i]))) + 2);
    const rule = (left, middle, right) => left + widths.map((width) => '─'.repeat(width)).join(middle) + right;
    const draw = (line) => `│${line.map((text, i) => ` ${text}${' '.repeat(widths[i] - native.width(text) - 1)}`).join('│')}│`;
    console.log([rule('┌', '┬', '┐'), draw(head), rule('├', '┼', '┤'), ...lines.map(draw), rule('└', '┴', '┘')].join('\n'));
  }

  const elapsed = (label) => `${label}: ${DateNow() - (timers()[label] ?? DateNow())}ms`;
  Object.assign(console, {
    table,
    dir(value, options) { console.log(native.inspect(value, options)); },
    dirxml: console.log,
    assert(condition, ...message) {
      if (condition) return;
      if (typeof message[0] === 'string') message[0] = `Assertion failed: ${message[0]}`;
      else message.unshift('Assertion failed');
      console.error(...message);
    },
    count(label = 'default') {
      const count = (counts()[`${label}`] || 0) + 1;
      counts()[`${label}`] = count;
      console.log(`${label}: ${count}`);
    },
    countReset(label = 'default') { delete counts()[`${label}`]; },
    group(...label) {
      if (label.length) console.log(...label);
      native.indent(2);
    },
    groupCollapsed(...label) { console.group(...label); },
    groupEnd() { native.indent(-2); },
    time(label = 'default') { timers()[`${label}`] = DateNow(); },
    timeLog(label = 'default', ...data) { console.log(elapsed(`${label}`), ...data); },
    timeEnd(label = 'default') { console.log(elapsed(`${label}`)); delete timers()[`${label}`]; },
  });
});
