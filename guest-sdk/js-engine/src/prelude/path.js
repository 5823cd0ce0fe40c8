// require('path') as on Linux, with `/` as the working folder (https://nodejs.org/api/path.html). Nothing is read: paths are text.
(function (native, modules, global) {
  'use strict';
  const { wrongType } = modules.cryptoTools;
  const check = (value, name) => { if (typeof value !== 'string') throw wrongType(name, 'of type string', value); };

  // The parts without `.`, `..` and empty ones; `..` stays at the start of what is relative.
  function parts(path, absolute) {
    const out = [];
    for (const part of path.split('/')) {
      if (part === '' || part === '.') continue;
      if (part !== '..') out.push(part);
      else if (out.length > 0 && out.at(-1) !== '..') out.pop();
      else if (!absolute) out.push('..');
    }
    return out;
  }
  function normalize(path) {
    check(path, 'path');
    if (path === '') return '.';
    const absolute = path[0] === '/';
    const text = parts(path, absolute).join('/');
    if (text === '') return absolute ? '/' : path.endsWith('/') ? './' : '.';
    return `${absolute ? '/' : ''}${text}${path.endsWith('/') ? '/' : ''}`;
  }
  function resolve(...args) {
    let path = '';
    for (let i = args.length - 1; i >= 0 && path[0] !== '/'; i--) {
      check(args[i], `paths[${i}]`);
      if (args[i] !== '') path = path === '' ? args[i] : `${args[i]}/${path}`;
    }
    return `/${parts(path, true).join('/')}`;
  }
  function dirname(path) {
    check(path, 'path');
    if (/^\/*$/.test(path)) return path === '' ? '.' : '/';
    const cut = path.replace(/\/+$/, '');
    const at = cut.lastIndexOf('/');
    if (at < 0) return '.';
    if (at === 0) return '/';
    return at === 1 && cut[0] === '/' ? '//' : cut.slice(0, at);
  }
  function basename(path, suffix) {
    if (suffix !== undefined) check(suffix, 'suffix');
    check(path, 'path');
    const cut = path.replace(/\/+$/, '');
    const name = cut.slice(cut.lastIndexOf('/') + 1);
    if (suffix !== undefined && suffix === path) return '';
    return suffix && name !== suffix && name.endsWith(suffix) ? name.slice(0, name.length - suffix.length) : name;
  }
  function extname(path) {
    const name = basename(path);
    const at = name.lastIndexOf('.');
    return at <= 0 || name === '..' ? '' : name.slice(at);
  }
  function parse(path) {
    check(path, 'path');
    const root = path[0] === '/' ? '/' : '';
    const cut = path.replace(/(?<=[^/])\/+$/, '');
    const at = cut.lastIndexOf('/');
    const base = /^\/*$/.test(path) ? '' : cut.slice(at + 1);
    const ext = extname(base);
    const dir = at < 0 || /^\/*$/.test(path) ? root : at === 0 ? '/' : cut.slice(0, at);
    return { root, dir, base, ext, name: ext ? base.slice(0, base.length - ext.length) : base };
  }
  function format(object) {
    if (object === null || typeof object !== 'object') throw wrongType('pathObject', 'of type object', object);
    const dir = object.dir || object.root;
    const ext = object.ext ? `${object.ext[0] === '.' ? '' : '.'}${object.ext}` : '';
    const base = object.base || `${object.name || ''}${ext}`;
    if (!dir) return base;
    return dir === object.root ? `${dir}${base}` : `${dir}/${base}`;
  }
  function relative(from, to) {
    check(from, 'from');
    check(to, 'to');
    const [a, b] = [from, to].map((path) => parts(resolve(path), true));
    let same = 0;
    while (same < a.length && same < b.length && a[same] === b[same]) same++;
    return [...a.slice(same).map(() => '..'), ...b.slice(same)].join('/');
  }
  const path = {
    resolve, normalize,
    isAbsolute(text) { check(text, 'path'); return text[0] === '/'; },
    join(...args) {
      args.forEach((part) => check(part, 'path'));
      const text = args.filter((part) => part !== '').join('/');
      return text === '' ? '.' : normalize(text);
    },
    relative,
    toNamespacedPath: (text) => text,
    dirname, basename, extname, format, parse, sep: '/', delimiter: ':',
  };
  path.posix = path;
  // Paths of Windows are read on no machine here: whoever asks for them gets an error and not a wrong path.
  Object.defineProperty(path, 'win32', { get() { throw new Error("path.win32 is not available: scripts have the paths of Linux, path.posix"); }, configurable: true });
  modules.path = path;
});
