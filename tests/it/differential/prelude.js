// What every program begins with. `show` says all that a program can see of a value: keys in their order, attributes, holes, -0.
const out = [];
const note = (...values) => { out.push(values.map((value) => show(value)).join(' ')); };
function show(value, depth = 0, open = []) {
  if (value === null) return 'null';
  const type = typeof value;
  if (type === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (type === 'string') return JSON.stringify(value);
  if (type === 'bigint') return value + 'n';
  if (type === 'symbol') return 'symbol(' + value.description + ')';
  if (type === 'undefined' || type === 'boolean') return String(value);
  if (type === 'function') return 'function ' + (typeof value.name === 'string' ? value.name : '?');
  if (open.includes(value)) return 'cycle';
  if (depth > 4) return '...';
  const inner = (part) => show(part, depth + 1, [...open, value]);
  if (value instanceof Error) return 'error ' + value.name;
  if (value instanceof Promise) return 'promise';
  let head = Array.isArray(value) ? 'array' : Object.prototype.toString.call(value).slice(8, -1);
  if (value instanceof Date) head += ' ' + (Number.isNaN(value.getTime()) ? 'invalid' : value.toISOString());
  if (value instanceof RegExp) head += ' ' + value.source + ' ' + value.flags;
  if (value instanceof Map) head += ' ' + [...value].map(([k, v]) => inner(k) + '=>' + inner(v)).join();
  if (value instanceof Set) head += ' ' + [...value].map(inner).join();
  if (value instanceof String || value instanceof Number || value instanceof Boolean) head += ' ' + value.valueOf();
  const bare = Array.isArray(value) && !Object.keys(value).length;
  const parts = Reflect.ownKeys(value).map((key) => {
    const at = Reflect.getOwnPropertyDescriptor(value, key);
    if (!at) return String(key) + ':gone';
    const usual = Array.isArray(value) && key === 'length' ? 'w' : 'wec';
    // Of an array without elements V8 says that it is frozen when it is sealed, and that its length may be written when it is frozen.
    if (usual === 'w' && bare) return 'length:' + value.length;
    let flags = (at.writable ? 'w' : '') + (at.enumerable ? 'e' : '') + (at.configurable ? 'c' : '');
    if (!('value' in at)) flags = 'ec' === flags ? 'wec' : flags;
    const mark = flags === usual ? '' : '[' + flags + ']';
    const what = 'value' in at ? inner(at.value) : '<' + (at.get ? 'get' : '') + (at.set ? 'set' : '') + '>';
    return (typeof key === 'symbol' ? show(key) : key) + mark + ':' + what;
  });
  const shut = bare ? '' : Object.isFrozen(value) ? ' frozen' : Object.isSealed(value) ? ' sealed' : Object.isExtensible(value) ? '' : ' closed';
  return head + '{' + parts.join(', ') + '}' + shut;
}
const attempt = (work) => { try { const value = work(); note(value); return value; } catch (error) { note('threw', error && error.name); } };
