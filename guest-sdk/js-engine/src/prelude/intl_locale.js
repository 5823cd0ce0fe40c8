// Intl itself: tags of locales, which of them there are, options, Intl.Locale. The data is the host's (src/intl), the work Rust's (src/intl here).
(function (native, modules, global) {
  'use strict';
  const wrong = (tag) => new RangeError(`Incorrect locale information provided${tag === undefined ? '' : `: ${tag}`}`);
  const canonicals = new Map();
  const localeText = new WeakMap();
  function canonical(tag) {
    if (typeof tag !== 'string' && (tag === null || typeof tag !== 'object')) throw new TypeError('Incorrect locale information provided');
    const text = localeText.get(toObject(tag)) ?? `${tag}`;
    let known = canonicals.get(text);
    if (known === undefined) {
      known = /^[a-z]{2,8}(-[a-z0-9]{1,8})*$/i.test(text) ? native.intlTag(0, text) : undefined;
      if (known === undefined) throw wrong(text);
      canonicals.set(text, known);
    }
    return known;
  }
  function list(locales) {
    if (locales === undefined) return [];
    if (locales === null) throw new TypeError('Cannot convert undefined or null to object');
    if (typeof locales === 'string' || localeText.has(toObject(locales))) return [canonical(locales)];
    return [...new Set(Array.prototype.map.call(toObject(locales), canonical))];
  }
  const base = (tag) => tag.replace(/-[0-9a-z]-.*$/, '');
  // The keywords of `-u-`, by their keys.
  function keywords(tag) {
    const found = {};
    let key;
    for (const part of (/-u-(.*?)(?=-[0-9a-wyz]-|-x-|$)/.exec(tag)?.[1] ?? '').split('-')) {
      if (part.length === 2) found[key = part] = '';
      else if (key) found[key] += `${found[key] && '-'}${part}`;
    }
    return found;
  }
  const rows = new Map();
  // The longest beginning of a tag that there is, with what the CLDR says of it.
  function lookup(tag) {
    for (let at = base(tag); at; at = at.slice(0, Math.max(0, at.lastIndexOf('-')))) {
      let row = rows.get(at);
      if (row === undefined) rows.set(at, row = native.intlTable('sup/locale', at) ?? null);
      if (row) {
        const [data, region, cycle, cycles, calendar] = row.split('\u001f');
        return { locale: at, data, region, cycle, cycles, calendar };
      }
    }
    return undefined;
  }
  // The first of the asked that is there, its data, and its keywords.
  function resolve(wanted) {
    for (const tag of list(wanted)) {
      const found = lookup(tag);
      if (found) return { ...found, keys: keywords(tag) };
    }
    return { ...lookup('en-US'), keys: {} };
  }
  // A keyword and an option: the option counts if it is one of those that there are; the locale shows the keyword if that counts.
  function keyed(found, key, asked, usable, fallback) {
    const given = found.keys[key];
    const value = given !== undefined && usable(given === '' ? 'true' : given) ? given === '' ? 'true' : given : undefined;
    if (asked !== undefined && usable(asked) && asked !== value) return asked;
    if (value === undefined) return asked !== undefined && usable(asked) ? asked : fallback;
    found.shown = [...(found.shown ?? []), `${key}${value === 'true' ? '' : `-${value}`}`].sort();
    return value;
  }
  const shown = (found) => (found.shown ? `${found.locale}-u-${found.shown.join('-')}` : found.locale);
  function option(options, name, values, fallback, where = 'Intl') {
    const value = options[name];
    if (value === undefined) return fallback;
    const text = typeof value === 'boolean' && values.includes(value) ? value : `${value}`;
    if (!values.includes(text)) throw new RangeError(`Value ${text} out of range for ${where} options property ${name}`);
    return text;
  }
  const optionsOf = (options) => {
    if (options === null) throw new TypeError('Cannot convert undefined or null to object');
    return options === undefined ? {} : toObject(options);
  };
  const objectOf = (options, where) => {
    if (options !== undefined && (options === null || typeof options !== 'object')) throw new TypeError(`${where}: the options must be an object`);
    return options ?? {};
  };
  const numbering = (found, asked) => {
    if (asked !== undefined && !/^[a-z0-9]{3,8}(-[a-z0-9]{3,8})*$/i.test(asked)) throw new RangeError(`Invalid numberingSystem : ${asked}`);
    return keyed(found, 'nu', asked === undefined ? undefined : `${asked}`.toLowerCase(), (name) => native.intlTable('sup/number', `d.${name}`) !== undefined, native.intlTable(`num/${found.data}`, 'd') ?? 'latn');
  };
  // A list of types and values, by turns, as objects.
  const parts = (flat) => {
    const made = [];
    for (let at = 0; at < flat.length; at += 2) made.push({ type: flat[at], value: flat[at + 1] });
    return made;
  };
  const triples = (flat) => {
    const made = [];
    for (let at = 0; at < flat.length; at += 3) made.push({ type: flat[at], value: flat[at + 1], source: flat[at + 2] });
    return made;
  };

  const Intl = {};
  Object.defineProperty(Intl, Symbol.toStringTag, { value: 'Intl', configurable: true });
  const hide = (target, name, value) => Object.defineProperty(target, name, { value, writable: true, configurable: true });
  // Puts a class on Intl; those that may be called without `new` get that.
  function add(Class, callable) {
    hide(Class, 'supportedLocalesOf', (locales, options) => {
      option(optionsOf(options), 'localeMatcher', ['lookup', 'best fit'], 'best fit');
      return list(locales).filter((tag) => lookup(tag) !== undefined);
    });
    Object.defineProperty(Class.prototype, Symbol.toStringTag, { value: `Intl.${Class.name}`, configurable: true });
    const exposed = callable ? new Proxy(Class, { apply: (target, self, args) => new target(...args) }) : Class;
    hide(Class.prototype, 'constructor', exposed);
    hide(Intl, Class.name, exposed);
  }
  // A formatter for these arguments, kept when they are texts alone.
  const keeper = (make) => {
    const kept = new Map();
    return (locales, options) => {
      if (options !== undefined || (locales !== undefined && typeof locales !== 'string')) return make(locales, options);
      let made = kept.get(locales);
      if (!made) kept.set(locales, made = make(locales, undefined));
      return made;
    };
  };
  hide(Intl, 'getCanonicalLocales', (locales) => list(locales));

  const KEYS = { calendar: 'ca', collation: 'co', hourCycle: 'hc', caseFirst: 'kf', numeric: 'kn', numberingSystem: 'nu' };
  class Locale {
    constructor(tag, options) {
      if (typeof tag !== 'string' && (tag === null || typeof tag !== 'object')) throw new TypeError('First argument to Intl.Locale constructor can\'t be empty or missing');
      options = optionsOf(options);
      let text = canonical(tag);
      const [language, script, region] = [['language', /^([a-z]{2,3}|[a-z]{5,8})$/i], ['script', /^[a-z]{4}$/i], ['region', /^([a-z]{2}|\d{3})$/i]].map(([name, form]) => {
        const value = options[name];
        if (value === undefined) return undefined;
        if (!form.test(`${value}`)) throw wrong(`${value}`);
        return `${value}`;
      });
      const own = /^([a-z]+)(?:-([A-Z][a-z]{3}))?(?:-([A-Z]{2}|\d{3}))?(.*)$/.exec(text);
      const name = [language ?? own[1], script ?? own[2], region ?? own[3]].filter((part) => part !== undefined).join('-');
      const keys = keywords(text);
      for (const [option, key] of Object.entries(KEYS)) {
        const value = options[option];
        if (value === undefined) continue;
        const shape = option === 'hourCycle' ? /^h(11|12|23|24)$/ : option === 'caseFirst' ? /^(upper|lower|false)$/ : option === 'numeric' ? /^/ : /^[a-z0-9]{3,8}(-[a-z0-9]{3,8})*$/i;
        if (!shape.test(`${value}`)) throw new RangeError(`Value ${value} out of range for Intl.Locale options property ${option}`);
        keys[key] = option === 'numeric' ? value ? '' : 'false' : `${value}`.toLowerCase();
      }
      const variants = own[4].replace(/-u(-[a-z0-9]{2,8})*/, '');
      const extension = Object.keys(keys).sort().map((key) => `${key}${keys[key] ? `-${keys[key]}` : ''}`).join('-');
      const cut = variants.search(/-[v-z]-/);
      const rest = extension === '' ? variants : cut < 0 ? `${variants}-u-${extension}` : `${variants.slice(0, cut)}-u-${extension}${variants.slice(cut)}`;
      text = canonical(`${name}${rest}`);
      localeText.set(this, text);
    }
    toString() { return localeText.get(this); }
    maximize() { return new Locale(native.intlTag(1, localeText.get(this))); }
    minimize() { return new Locale(native.intlTag(2, localeText.get(this))); }
    get baseName() { return base(localeText.get(this)); }
    get language() { return /^[a-z]+/.exec(this.baseName)[0]; }
    get script() { return /-([A-Z][a-z]{3})(?=-|$)/.exec(this.baseName)?.[1]; }
    get region() { return /-([A-Z]{2}|\d{3})(?=-|$)/.exec(this.baseName)?.[1]; }
    get numeric() { const value = keywords(localeText.get(this)).kn; return value === '' || value === 'true'; }
    get calendars() { return preferred(this, 'ca', (row) => row[2].split(' ')); }
    get hourCycles() { return preferred(this, 'hc', (row) => [row[0]]); }
    get numberingSystems() { const { nu } = keywords(localeText.get(this)); return [nu || native.intlTable(`num/${(lookup(localeText.get(this)) ?? lookup('en')).data}`, 'd')]; }
    get timeZones() {
      const { region } = this;
      if (region === undefined) return undefined;
      const flat = native.intlKeys('sup/zone', 'x.');
      return flat.filter((_, at) => at % 2 === 0 && flat[at + 1] === region);
    }
    get textInfo() { return { direction: /^(Arab|Hebr|Syrc|Thaa|Nkoo|Adlm|Rohg|Mand|Samr|Yezi)$/.test(this.maximize().script ?? '') ? 'rtl' : 'ltr' }; }
    get weekInfo() {
      const region = this.region ?? this.maximize().region ?? '001';
      const [firstDay, minimalDays, from, to] = (native.intlTable('sup/region', `w.${region}`) ?? native.intlTable('sup/region', 'w.001')).split(' ').map(Number);
      const weekend = [];
      for (let day = from; ; day = day % 7 + 1) {
        weekend.push(day);
        if (day === to) break;
      }
      return { firstDay, weekend, minimalDays };
    }
  }
  function preferred(locale, key, read) {
    const given = keywords(localeText.get(locale))[key];
    if (given) return [given];
    const region = locale.region ?? locale.maximize().region ?? '001';
    return read((native.intlTable('sup/region', region) ?? native.intlTable('sup/region', '001')).split('\u001f'));
  }
  for (const [name, key] of Object.entries(KEYS)) {
    if (name !== 'numeric') Object.defineProperty(Locale.prototype, name, { get() { return keywords(localeText.get(this))[key]; }, configurable: true });
  }
  for (const name of ['calendars', 'hourCycles', 'numberingSystems', 'timeZones', 'textInfo', 'weekInfo']) {
    const { get } = Object.getOwnPropertyDescriptor(Locale.prototype, name);
    hide(Locale.prototype, `get${name[0].toUpperCase()}${name.slice(1)}`, function () { return get.call(this); });
  }
  add(Locale, false);
  delete Locale.supportedLocalesOf;

  modules.intl = { Intl, resolve, lookup, list, canonical, keyed, shown, numbering, option, optionsOf, objectOf, parts, triples, add, keeper, hide, joined: (flat) => { let text = ''; for (let at = 1; at < flat.length; at += 3) text += flat[at]; return text; } };
  global('Intl', Intl);
});
