// Intl.ListFormat, Intl.RelativeTimeFormat, Intl.DisplayNames, and Intl.supportedValuesOf.
(function (native, modules, global) {
  'use strict';
  const { Intl, resolve, canonical, shown, numbering, option, objectOf, add, hide } = modules.intl;
  const around = (pattern) => {
    const [, before, , between, , after] = /^(.*?)(\{[01]\})(.*?)(\{[01]\})(.*)$/.exec(pattern);
    return [before, between, after];
  };

  class ListFormat {
    #settings;
    #pattern;
    constructor(locales, options) {
      const found = resolve(locales);
      options = objectOf(options, 'Intl.ListFormat');
      option(options, 'localeMatcher', ['lookup', 'best fit'], 'best fit', 'Intl.ListFormat');
      const type = option(options, 'type', ['conjunction', 'disjunction', 'unit'], 'conjunction', 'Intl.ListFormat');
      const style = option(options, 'style', ['long', 'short', 'narrow'], 'long', 'Intl.ListFormat');
      this.#settings = { locale: found.locale, type, style };
      const name = `${{ conjunction: 'standard', disjunction: 'or', unit: 'unit' }[type]}${style === 'long' ? '' : `-${style}`}`;
      const language = found.data.split('-')[0];
      this.#pattern = (letter, next) => {
        const pattern = native.intlTable(`list/${found.data}`, `${name}.${letter}`) ?? '{0}, {1}';
        // "y" and "o" of Spanish change before their own sound, and the Hebrew "and" before foreign letters.
        if (language === 'es' && / y /.test(pattern) && /^(h?i(?!a|e)|i$|hi$)/i.test(next)) return pattern.replace(' y ', ' e ');
        if (language === 'es' && / o /.test(pattern) && /^(h?o|8|11(?!\d))/i.test(next)) return pattern.replace(' o ', ' u ');
        if (language === 'he' && / ו\{1\}/.test(pattern) && !/^[\u0590-\u05ff]/.test(next)) return pattern.replace(' ו{1}', ' ו-{1}');
        return pattern;
      };
    }
    formatToParts(list) {
      const items = [];
      for (const item of list === undefined ? [] : list) {
        if (typeof item !== 'string') throw new TypeError(`Iterable yielded ${native.inspect(item)} which is not a string`);
        items.push(item);
      }
      if (items.length === 0) return [];
      const made = [{ type: 'element', value: items[0] }];
      const literal = (value, front) => {
        if (value === '') return;
        if (front) made.unshift({ type: 'literal', value });
        else made.push({ type: 'literal', value });
      };
      for (let at = 1; at < items.length; at++) {
        const letter = items.length === 2 ? '2' : at === 1 ? 's' : at === items.length - 1 ? 'e' : 'm';
        const [before, between, after] = around(this.#pattern(letter, items[at]));
        literal(before, true);
        literal(between, false);
        made.push({ type: 'element', value: items[at] });
        literal(after, false);
      }
      return made;
    }
    format(list) { return this.formatToParts(list).map((part) => part.value).join(''); }
    resolvedOptions() { return { ...this.#settings }; }
  }
  add(ListFormat, false);

  const UNITS = ['second', 'minute', 'hour', 'day', 'week', 'month', 'quarter', 'year'];
  class RelativeTimeFormat {
    #settings;
    #numbers;
    #plurals;
    #chunk;
    constructor(locales, options) {
      const found = resolve(locales);
      options = objectOf(options, 'Intl.RelativeTimeFormat');
      option(options, 'localeMatcher', ['lookup', 'best fit'], 'best fit', 'Intl.RelativeTimeFormat');
      const numberingSystem = numbering(found, options.numberingSystem);
      const style = option(options, 'style', ['long', 'short', 'narrow'], 'long', 'Intl.RelativeTimeFormat');
      const numeric = option(options, 'numeric', ['always', 'auto'], 'always', 'Intl.RelativeTimeFormat');
      this.#settings = { locale: shown(found), style, numeric, numberingSystem };
      this.#chunk = `field/${found.data}`;
      this.#numbers = new Intl.NumberFormat(found.locale, { numberingSystem });
      this.#plurals = new Intl.PluralRules(found.locale);
    }
    formatToParts(value, unit) {
      const number = Number(value);
      if (!NumberIsFinite(number)) throw new RangeError('Value need to be finite number for Intl.RelativeTimeFormat.prototype.format()');
      const name = `${unit}`.replace(/s$/, '');
      if (!UNITS.includes(name)) throw new RangeError(`Invalid unit argument for Intl.RelativeTimeFormat.prototype.format() '${unit}'`);
      const { style, numeric } = this.#settings;
      const key = style === 'long' ? name : `${name}-${style}`;
      if (numeric === 'auto') {
        const special = native.intlTable(this.#chunk, `${key}.${Object.is(number, -0) ? '0' : number}`);
        if (special !== undefined) return [{ type: 'literal', value: special }];
      }
      const way = number < 0 || Object.is(number, -0) ? 'p' : 'f';
      const read = (count) => native.intlTable(this.#chunk, `${key}.${way}.${count}`);
      const pattern = read(this.#plurals.select(Math.abs(number))) ?? read('other');
      const at = pattern.indexOf('{0}');
      if (at < 0) return [{ type: 'literal', value: pattern }];
      const made = this.#numbers.formatToParts(Math.abs(number)).map((part) => ({ ...part, unit: name }));
      const text = (value) => (value === '' ? [] : [{ type: 'literal', value }]);
      return [...text(pattern.slice(0, at)), ...made, ...text(pattern.slice(at + 3))];
    }
    format(value, unit) { return this.formatToParts(value, unit).map((part) => part.value).join(''); }
    resolvedOptions() { return { ...this.#settings }; }
  }
  add(RelativeTimeFormat, false);

  const FIELDS = { era: 'era', year: 'year', quarter: 'quarter', month: 'month', weekOfYear: 'week', weekday: 'weekday', day: 'day', dayPeriod: 'dayperiod', hour: 'hour', minute: 'minute', second: 'second', timeZoneName: 'zone' };
  class DisplayNames {
    #settings;
    #data;
    constructor(locales, options) {
      const found = resolve(locales);
      if (options === undefined || options === null || typeof options !== 'object') throw new TypeError('Intl.DisplayNames needs options with a type: language, region, script, currency, calendar or dateTimeField');
      option(options, 'localeMatcher', ['lookup', 'best fit'], 'best fit', 'Intl.DisplayNames');
      const style = option(options, 'style', ['narrow', 'short', 'long'], 'long', 'Intl.DisplayNames');
      const type = option(options, 'type', ['language', 'region', 'script', 'currency', 'calendar', 'dateTimeField'], undefined, 'Intl.DisplayNames');
      if (type === undefined) throw new TypeError('Required option "type" must not be undefined');
      const fallback = option(options, 'fallback', ['code', 'none'], 'code', 'Intl.DisplayNames');
      const languageDisplay = option(options, 'languageDisplay', ['dialect', 'standard'], 'dialect', 'Intl.DisplayNames');
      this.#settings = { locale: found.locale, style, type, fallback, ...(type === 'language' && { languageDisplay }) };
      this.#data = found.data;
    }
    #name(letter, code) {
      const read = (key) => native.intlTable(`name/${this.#data}`, key);
      return (this.#settings.style !== 'long' ? read(`${letter}.${code}.s`) : undefined) ?? read(`${letter}.${code}`);
    }
    #language(tag) {
      const [, language, script, region, rest] = /^([a-z]+)(?:-([A-Z][a-z]{3}))?(?:-([A-Z]{2}|\d{3}))?(.*)$/.exec(tag);
      let name;
      let left = [script, region];
      if (this.#settings.languageDisplay === 'dialect' && (script || region)) {
        name = this.#name('l', [language, script, region].filter(Boolean).join('-'));
        if (name !== undefined) left = [];
      }
      name ??= this.#name('l', language);
      if (name === undefined) return undefined;
      const chunk = `name/${this.#data}`;
      const details = [[left.includes(script) && script, 's'], [left.includes(region) && region, 'r']].filter(([code]) => code).map(([code, letter]) => this.#name(letter, code) ?? code);
      for (const variant of rest.split('-').filter((part) => /^([a-z0-9]{5,8}|\d[a-z0-9]{3})$/i.test(part))) details.push(this.#name('v', variant.toUpperCase()) ?? variant.toUpperCase());
      if (details.length === 0) return name;
      const inner = details.reduce((all, one) => native.intlTable(chunk, 'ls').replace('{0}', () => all).replace('{1}', () => one)).replaceAll('(', '[').replaceAll(')', ']');
      return native.intlTable(chunk, 'lp').replace('{0}', () => name).replace('{1}', () => inner);
    }
    of(code) {
      const { type, fallback, style } = this.#settings;
      let text = `${code}`;
      const invalid = () => new RangeError(`Invalid argument to Intl.DisplayNames.prototype.of: ${text}`);
      const must = (form) => { if (!form.test(text)) throw invalid(); };
      let name;
      switch (type) {
        case 'language':
          must(/^[a-z]{2,8}(-[a-z0-9]{1,8})*$/i);
          text = canonical(text);
          name = this.#language(text.replace(/-[0-9a-z]-.*$/, ''));
          break;
        case 'region':
          must(/^([a-z]{2}|\d{3})$/i);
          text = text.toUpperCase();
          name = this.#name('r', text);
          break;
        case 'script':
          must(/^[a-z]{4}$/i);
          text = text[0].toUpperCase() + text.slice(1).toLowerCase();
          name = this.#name('s', text);
          break;
        case 'currency':
          must(/^[a-z]{3}$/i);
          text = text.toUpperCase();
          // Names in every style, as in Node.
          name = native.intlTable(`cur/${this.#data}`, `${text}.d`);
          break;
        case 'calendar':
          must(/^[a-z0-9]{3,8}([-_][a-z0-9]{3,8})*$/i);
          text = text.toLowerCase();
          name = native.intlTable(`name/${this.#data}`, `c.${{ gregory: 'gregorian', ethioaa: 'ethiopic-amete-alem' }[text] ?? text}`);
          break;
        default:
          if (!FIELDS[text]) throw invalid();
          name = native.intlTable(`field/${this.#data}`, `${FIELDS[text]}${style === 'long' ? '' : `-${style}`}.d`);
      }
      return name ?? (fallback === 'code' ? text : undefined);
    }
    resolvedOptions() { return { ...this.#settings }; }
  }
  add(DisplayNames, false);

  const { calendars, zoneNames, collations } = modules.intlValues;
  const keysOf = (chunk, prefix) => native.intlKeys(chunk, prefix).filter((_, at) => at % 2 === 0).sort();
  hide(Intl, 'supportedValuesOf', (key) => {
    switch (`${key}`) {
      case 'calendar': return [...calendars];
      case 'collation': return [...collations];
      case 'currency': return [...new Set(keysOf('cur/en', '').map((name) => name.slice(0, 3)))];
      case 'numberingSystem': return keysOf('sup/number', 'd.');
      case 'timeZone': return zoneNames();
      case 'unit': return 'acre bit byte celsius centimeter day degree fahrenheit fluid-ounce foot gallon gigabit gigabyte gram hectare hour inch kilobit kilobyte kilogram kilometer liter megabit megabyte meter microsecond mile mile-scandinavian milliliter millimeter millisecond minute month nanosecond ounce percent petabyte pound second stone terabit terabyte week yard year'.split(' ');
      default: throw new RangeError(`Invalid key : ${key}`);
    }
  });

  for (const key of Reflect.ownKeys(Intl)) if (Intl[key]?.prototype) modules.copied(Intl[key], modules.refuseClone);
});
