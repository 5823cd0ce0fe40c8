// Intl.Collator, Intl.Segmenter, and what strings have of a language: localeCompare, toLocaleUpperCase, toLocaleLowerCase.
(function (native, modules, global) {
  'use strict';
  const { Intl, resolve, lookup, list, keyed, shown, option, optionsOf, objectOf, add, keeper, hide } = modules.intl;
  const COLLATIONS = ['compat', 'dict', 'emoji', 'eor', 'phonebk', 'phonetic', 'pinyin', 'searchjl', 'stroke', 'trad', 'unihan', 'zhuyin'];
  const WHERE = 'Intl.Collator';
  const SENSITIVITIES = ['base', 'accent', 'case', 'variant'];

  class Collator {
    #settings;
    #compare;
    constructor(locales, options) {
      const found = resolve(locales);
      options = optionsOf(options);
      const usage = option(options, 'usage', ['sort', 'search'], 'sort', WHERE);
      option(options, 'localeMatcher', ['lookup', 'best fit'], 'best fit', WHERE);
      if (options.collation !== undefined && !/^[a-z0-9]{3,8}(-[a-z0-9]{3,8})*$/i.test(`${options.collation}`)) throw new RangeError(`Invalid collation : ${options.collation}`);
      const collation = keyed(found, 'co', options.collation === undefined ? undefined : `${options.collation}`.toLowerCase(), (name) => COLLATIONS.includes(name), 'default');
      const asked = options.numeric === undefined ? undefined : `${Boolean(options.numeric)}`;
      const numeric = keyed(found, 'kn', asked, (value) => value === 'true' || value === 'false', 'false') === 'true';
      const caseFirst = keyed(found, 'kf', option(options, 'caseFirst', ['upper', 'lower', 'false'], undefined, WHERE), (value) => ['upper', 'lower', 'false'].includes(value), /^(da|mt)/.test(found.locale) ? 'upper' : 'false');
      const sensitivity = option(options, 'sensitivity', SENSITIVITIES, 'variant', WHERE);
      const ignorePunctuation = options.ignorePunctuation === undefined ? /^th(-|$)/.test(found.locale) : Boolean(options.ignorePunctuation);
      this.#settings = { locale: shown(found), usage, sensitivity, ignorePunctuation, collation, numeric, caseFirst };
      const keys = [collation !== 'default' && usage === 'sort' && `co-${collation}`, usage === 'search' && 'co-search', caseFirst !== 'false' && `kf-${caseFirst}`, numeric && 'kn'].filter(Boolean).join('-');
      const request = `${found.data}${keys && `-u-${keys}`}\u0000${SENSITIVITIES.indexOf(sensitivity)}${ignorePunctuation ? 1 : 0}`;
      this.#compare = (left, right) => native.intlCompare(request, `${left}`, `${right}`);
    }
    get compare() { return this.#compare; }
    resolvedOptions() { return { ...this.#settings }; }
  }
  add(Collator, true);
  const kept = keeper((locales, options) => new Collator(locales, options));
  // The collator of the arguments before: a sort gives the same ones again and again.
  let last;
  hide(String.prototype, 'localeCompare', function localeCompare(that, locales, options) {
    if (this === undefined || this === null) throw new TypeError('String.prototype.localeCompare called on null or undefined');
    if (options === undefined || options === null || typeof options !== 'object') return kept(locales, options).compare(this, that);
    const key = `${locales}\u0000${options.sensitivity}\u0000${options.numeric}\u0000${options.caseFirst}\u0000${options.ignorePunctuation}\u0000${options.usage}\u0000${options.collation}`;
    if (last === undefined || last.key !== key) last = { key, compare: kept(locales, options).compare };
    return last.compare(this, that);
  });

  const PLAIN = { U: String.prototype.toUpperCase, L: String.prototype.toLowerCase };
  // Only these have letters of their own in another case.
  const OWN = /^(tr|az|lt|el|hy|nl)(-|$)/;
  for (const name of ['toLocaleUpperCase', 'toLocaleLowerCase']) {
    const upper = name === 'toLocaleUpperCase';
    hide(String.prototype, name, { [name](locales) {
      const [tag] = list(locales);
      if (tag === undefined || !OWN.test(tag)) return PLAIN[upper ? 'U' : 'L'].call(this);
      if (this === undefined || this === null) throw new TypeError(`String.prototype.${name} called on null or undefined`);
      return native.intlCase(tag, upper, `${this}`);
    } }[name]);
  }

  class Segments {
    #places;
    #text;
    #words;
    constructor(text, kind) {
      this.#text = text;
      this.#words = kind === 'w';
      this.#places = text === '' ? [] : native.intlSegments(kind, text);
    }
    #segment(at) {
      const [start, end] = [Math.abs(this.#places[at]), Math.abs(this.#places[at + 1])];
      const made = { segment: this.#text.slice(start, end), index: start, input: this.#text };
      if (this.#words) made.isWordLike = this.#places[at + 1] < 0;
      return made;
    }
    containing(index = 0) {
      const place = Math.trunc(Number(index)) || 0;
      if (place < 0 || place >= this.#text.length) return undefined;
      let [low, high] = [0, this.#places.length - 1];
      while (low < high - 1) {
        const middle = Math.floor((low + high) / 2);
        if (Math.abs(this.#places[middle]) <= place) low = middle;
        else high = middle;
      }
      return this.#segment(low);
    }
    *[Symbol.iterator]() {
      for (let at = 0; at + 1 < this.#places.length; at++) yield this.#segment(at);
    }
  }
  class Segmenter {
    #settings;
    constructor(locales, options) {
      const found = resolve(locales);
      options = objectOf(options, 'Intl.Segmenter');
      option(options, 'localeMatcher', ['lookup', 'best fit'], 'best fit', 'Intl.Segmenter');
      this.#settings = { locale: found.locale, granularity: option(options, 'granularity', ['grapheme', 'word', 'sentence'], 'grapheme', 'Intl.Segmenter') };
    }
    segment(text) { return new Segments(`${text}`, this.#settings.granularity[0]); }
    resolvedOptions() { return { ...this.#settings }; }
  }
  add(Segmenter, false);
  modules.intlValues.collations = COLLATIONS;
});
