// Intl.Collator, Intl.ListFormat, Intl.RelativeTimeFormat, and String.prototype.localeCompare.
(function (native, modules, global) {
  'use strict';
  const { Intl, resolve, option, optionsOf, add, hide } = modules.intl;

  const MARKS = /[\u0300-\u036f]/g;
  // Spaces, punctuation and symbols sort before digits, and those before letters, as in the CLDR's root order.
  const rank = (unit) => (/\s/.test(unit) ? 0 : /[_\-,;:!?.'"()[\]{}@*/\\&#%`^+<=>|~$]/.test(unit) ? 1 : /\d/.test(unit) ? 2 : 3);
  const PUNCTUATION = '_-,;:!?.\'"()[]{}@*/\\&#%`^+<=>|~$';
  function units(left, right) {
    if (left === right) return 0;
    const [a, b] = [rank(left), rank(right)];
    if (a !== b) return a < b ? -1 : 1;
    if (a === 1) return PUNCTUATION.indexOf(left) < PUNCTUATION.indexOf(right) ? -1 : 1;
    return left < right ? -1 : 1;
  }
  function sequences(left, right) {
    const length = Math.min(left.length, right.length);
    for (let at = 0; at < length; at++) {
      const order = left[at].length > 1 && /^\d/.test(left[at]) && /^\d/.test(right[at]) || right[at].length > 1 && /^\d/.test(right[at]) && /^\d/.test(left[at])
        ? Math.sign(Number(left[at]) - Number(right[at])) : units(left[at], right[at]);
      if (order !== 0) return order;
    }
    return Math.sign(left.length - right.length);
  }
  // Only ASCII letters and digits need no normalization; they are what most keys are made of.
  const PLAIN = /^[a-zA-Z0-9]*$/;
  function collate(left, right, { numeric = false, sensitivity = 'variant', ignorePunctuation = false, caseFirst = 'false' } = {}) {
    if (left === right) return 0;
    const plain = PLAIN.test(left) && PLAIN.test(right);
    let [a, b] = plain ? [left, right] : [left.normalize('NFD'), right.normalize('NFD')];
    if (ignorePunctuation) [a, b] = [a, b].map((text) => text.replace(/[\s\p{P}]/gu, ''));
    if (numeric) [a, b] = [a, b].map((text) => text.replace(/(^|\D)0+(?=\d)/g, '$1'));
    const cased = (text) => (plain ? text : text.replace(MARKS, '')).replaceAll('ß', 'ss').replaceAll('æ', 'ae').replaceAll('ø', 'o');
    const base = (text) => cased(text).toLowerCase();
    const pieces = (text) => (numeric ? text.match(/\d+|[^\d]/gu) ?? [] : text);
    const order = sequences(pieces(base(a)), pieces(base(b)));
    if (order !== 0 || sensitivity === 'base') return order;
    if (!plain && sensitivity !== 'case') {
      const [x, y] = [a.toLowerCase(), b.toLowerCase()];
      if (x !== y) return x < y ? -1 : 1;
    }
    if (sensitivity === 'accent') return 0;
    // Lower case first, at the first letter that differs.
    [a, b] = [cased(a), cased(b)];
    for (let at = 0; at < Math.min(a.length, b.length); at++) {
      if (a[at] !== b[at]) return (a[at] === a[at].toLowerCase()) === (caseFirst !== 'upper') ? -1 : 1;
    }
    return 0;
  }

  class Collator {
    #settings;
    #compare;
    constructor(locales, options) {
      options = optionsOf(options);
      this.#settings = {
        locale: resolve(locales).locale,
        usage: option(options, 'usage', ['sort', 'search'], 'sort'),
        sensitivity: option(options, 'sensitivity', ['base', 'accent', 'case', 'variant'], 'variant'),
        ignorePunctuation: Boolean(options.ignorePunctuation),
        collation: 'default',
        numeric: Boolean(options.numeric) || /-kn(-|$)/.test(`${locales ?? ''}`),
        caseFirst: option(options, 'caseFirst', ['upper', 'lower', 'false'], 'false'),
      };
    }
    get compare() {
      this.#compare ??= (left, right) => collate(`${left}`, `${right}`, this.#settings);
      return this.#compare;
    }
    resolvedOptions() { return { ...this.#settings }; }
  }
  add(Collator, true);
  hide(String.prototype, 'localeCompare', function localeCompare(that, locales, options) {
    if (locales === undefined && options === undefined) return collate(`${this}`, `${that}`);
    return new Collator(locales, options).compare(this, that);
  });
  for (const [name, plain] of [['toLocaleUpperCase', String.prototype.toUpperCase], ['toLocaleLowerCase', String.prototype.toLowerCase]]) {
    hide(String.prototype, name, { [name]() { return plain.call(this); } }[name]);
  }

  class ListFormat {
    #data;
    #settings;
    constructor(locales, options) {
      options = optionsOf(options);
      const { locale, data } = resolve(locales);
      this.#settings = { locale, type: option(options, 'type', ['conjunction', 'disjunction', 'unit'], 'conjunction'), style: option(options, 'style', ['long', 'short', 'narrow'], 'long') };
      this.#data = data;
    }
    formatToParts(list) {
      const items = [...list];
      for (const item of items) if (typeof item !== 'string') throw new TypeError('Iterable yielded a value which is not a string');
      const [comma, ...words] = this.#data.list;
      const { type } = this.#settings;
      const [last, pair] = type === 'conjunction' ? words.slice(0, 2) : type === 'disjunction' ? words.slice(2) : [comma, comma];
      return items.flatMap((value, at) => {
        const separator = at === items.length - 1 ? items.length === 2 ? pair : last : comma;
        return at === 0 ? [{ type: 'element', value }] : [{ type: 'literal', value: separator }, { type: 'element', value }];
      });
    }
    format(list) { return this.formatToParts(list).map((part) => part.value).join(''); }
    resolvedOptions() { return { ...this.#settings }; }
  }
  add(ListFormat, false);

  const UNITS = ['second', 'minute', 'hour', 'day', 'week', 'month', 'quarter', 'year'];
  const SHORT = { second: 'sec.', minute: 'min.', hour: 'hr.', week: 'wk.', month: 'mo.', quarter: 'qtr.', year: 'yr.' };
  const SPECIAL = {
    day: { '-1': 'yesterday', 0: 'today', 1: 'tomorrow' },
    second: { 0: 'now' },
    ...Object.fromEntries(['week', 'month', 'quarter', 'year'].map((unit) => [unit, { '-1': `last ${unit}`, 0: `this ${unit}`, 1: `next ${unit}` }])),
    minute: { 0: 'this minute' },
    hour: { 0: 'this hour' },
  };
  class RelativeTimeFormat {
    #settings;
    #numbers;
    constructor(locales, options) {
      options = optionsOf(options);
      const { locale } = resolve(locales);
      const tag = locale.startsWith('en') ? locale : 'en-US';
      this.#settings = { locale: tag, style: option(options, 'style', ['long', 'short', 'narrow'], 'long'), numeric: option(options, 'numeric', ['always', 'auto'], 'always'), numberingSystem: 'latn' };
      this.#numbers = new Intl.NumberFormat(tag);
    }
    format(value, unit) {
      const number = Number(value);
      if (!NumberIsFinite(number)) throw new RangeError('Invalid number value for Intl.RelativeTimeFormat');
      const name = `${unit}`.replace(/s$/, '');
      if (!UNITS.includes(name)) throw new RangeError(`Invalid unit argument for format() '${unit}'`);
      const past = number < 0 || Object.is(number, -0);
      if (this.#settings.numeric === 'auto' && SPECIAL[name] && SPECIAL[name][number]) return SPECIAL[name][number];
      const text = this.#numbers.format(Math.abs(number));
      const plural = Math.abs(number) === 1 ? '' : 's';
      const short = this.#settings.style === 'long' || name === 'day' ? `${name}${plural}` : name === 'quarter' && plural ? 'qtrs.' : SHORT[name];
      const shown = this.#settings.style !== 'narrow' ? ` ${short}` : name === 'day' ? 'd' : name === 'month' ? 'mo' : name === 'quarter' ? 'q' : name[0];
      return past ? `${text}${shown} ago` : `in ${text}${shown}`;
    }
    formatToParts(value, unit) {
      const [, before, integer, after] = /^(\D*)([\d.,]*)(.*)$/.exec(this.format(value, unit));
      return [['literal', before], ['integer', integer], ['literal', after]].filter(([, text]) => text).map(([type, text]) => (type === 'integer' ? { type, value: text, unit: `${unit}`.replace(/s$/, '') } : { type, value: text }));
    }
    resolvedOptions() { return { ...this.#settings }; }
  }
  add(RelativeTimeFormat, false);
});
