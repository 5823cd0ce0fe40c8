// Intl.NumberFormat, Intl.PluralRules, and toLocaleString of numbers.
(function (native, modules, global) {
  'use strict';
  const { Intl, resolve, shown, numbering, option, optionsOf, objectOf, parts, triples, joined, add, keeper, hide } = modules.intl;
  const WHERE = 'Intl.NumberFormat';
  const TO_PRIMITIVE = Symbol.toPrimitive;
  const INCREMENTS = [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 2500, 5000];
  const MODES = ['ceil', 'floor', 'expand', 'trunc', 'halfCeil', 'halfFloor', 'halfExpand', 'halfTrunc', 'halfEven'];
  const UNITS = ('acre bit byte celsius centimeter day degree fahrenheit fluid-ounce foot gallon gigabit gigabyte gram hectare hour inch kilobit kilobyte kilogram kilometer liter megabit megabyte meter '
    + 'microsecond mile mile-scandinavian milliliter millimeter millisecond minute month nanosecond ounce percent petabyte pound second stone terabit terabyte week yard year').split(' ');

  function integer(value, name, min, max, fallback) {
    if (value === undefined) return fallback;
    const number = Math.floor(Number(value));
    if (!(Number(value) >= min && Number(value) <= max)) throw new RangeError(`${name} value is out of range.`);
    return number;
  }
  function digitOptions(options, least, most, compact) {
    const settings = { minimumIntegerDigits: integer(options.minimumIntegerDigits, 'minimumIntegerDigits', 1, 21, 1) };
    const { minimumFractionDigits: minFraction, maximumFractionDigits: maxFraction, minimumSignificantDigits: minDigits, maximumSignificantDigits: maxDigits } = options;
    const increment = integer(options.roundingIncrement, 'roundingIncrement', 1, 5000, 1);
    if (!INCREMENTS.includes(increment)) throw new RangeError('roundingIncrement value is out of range.');
    const roundingMode = option(options, 'roundingMode', MODES, 'halfExpand', WHERE);
    const priority = option(options, 'roundingPriority', ['auto', 'morePrecision', 'lessPrecision'], 'auto', WHERE);
    const trailingZeroDisplay = option(options, 'trailingZeroDisplay', ['auto', 'stripIfInteger'], 'auto', WHERE);
    if (increment !== 1) most = least;
    const hasDigits = minDigits !== undefined || maxDigits !== undefined;
    const hasFraction = minFraction !== undefined || maxFraction !== undefined;
    const byDigits = priority !== 'auto' || hasDigits;
    const byFraction = priority !== 'auto' || !(hasDigits || (!hasFraction && compact));
    if (byDigits) {
      settings.minimumSignificantDigits = hasDigits ? integer(minDigits, 'minimumSignificantDigits', 1, 21, 1) : 1;
      settings.maximumSignificantDigits = hasDigits ? integer(maxDigits, 'maximumSignificantDigits', settings.minimumSignificantDigits, 21, 21) : 21;
    }
    if (byFraction) {
      let [min, max] = [least, most];
      if (hasFraction) {
        min = integer(minFraction, 'minimumFractionDigits', 0, 100, undefined);
        max = integer(maxFraction, 'maximumFractionDigits', 0, 100, undefined);
        if (min === undefined) min = Math.min(least, max);
        else if (max === undefined) max = Math.max(most, min);
        else if (min > max) throw new RangeError('maximumFractionDigits value is out of range.');
      }
      Object.assign(settings, { minimumFractionDigits: min, maximumFractionDigits: max });
    }
    let roundingPriority = priority;
    if (!byDigits && !byFraction) {
      Object.assign(settings, { minimumSignificantDigits: 1, maximumSignificantDigits: 2, minimumFractionDigits: 0, maximumFractionDigits: 0 });
      roundingPriority = 'morePrecision';
    }
    if (increment !== 1) {
      if (byDigits || !byFraction) throw new TypeError('roundingIncrement value is invalid.');
      if (settings.minimumFractionDigits !== settings.maximumFractionDigits) throw new RangeError('maximumFractionDigits not equal to minimumFractionDigits');
    }
    return [settings, { roundingMode, roundingIncrement: increment, trailingZeroDisplay, roundingPriority }];
  }

  const DECIMAL = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i;
  // A number as text, as exactly as it was given.
  function numeric(value) {
    if (value !== null && typeof value === 'object') value = value[TO_PRIMITIVE] ? value[TO_PRIMITIVE]('number') : typeof value.valueOf() === 'object' ? `${value}` : value.valueOf();
    if (typeof value === 'bigint') return `${value}`;
    if (typeof value === 'string' && DECIMAL.test(value)) return value.trim();
    const number = Number(value);
    return Object.is(number, -0) ? '-0' : `${number}`;
  }
  function bounds(from, to) {
    if (from === undefined || to === undefined) throw new TypeError(`Invalid ${from === undefined ? 'start' : 'end'} : undefined`);
    const texts = [numeric(from), numeric(to)];
    if (texts.includes('NaN')) throw new RangeError(`Invalid ${texts[0] === 'NaN' ? 'start' : 'end'} : NaN`);
    return texts;
  }

  class NumberFormat {
    #settings;
    #id;
    #format;
    constructor(locales, options) {
      const found = resolve(locales);
      options = optionsOf(options);
      option(options, 'localeMatcher', ['lookup', 'best fit'], 'best fit', WHERE);
      const numberingSystem = numbering(found, options.numberingSystem);
      const settings = { locale: shown(found), numberingSystem, style: option(options, 'style', ['decimal', 'percent', 'currency', 'unit'], 'decimal', WHERE) };
      let { currency, unit } = options;
      if (currency !== undefined && !/^[a-z]{3}$/i.test(`${currency}`)) throw new RangeError(`Invalid currency code : ${currency}`);
      if (currency === undefined && settings.style === 'currency') throw new TypeError('Currency code is required with currency style.');
      const currencyDisplay = option(options, 'currencyDisplay', ['code', 'symbol', 'narrowSymbol', 'name'], 'symbol', WHERE);
      const currencySign = option(options, 'currencySign', ['standard', 'accounting'], 'standard', WHERE);
      if (unit !== undefined && !(UNITS.includes(unit = `${unit}`) || (/-per-/.test(unit) && unit.split('-per-').length === 2 && unit.split('-per-').every((one) => UNITS.includes(one))))) {
        throw new RangeError(`Invalid unit argument for Intl.NumberFormat() '${unit}'`);
      }
      if (unit === undefined && settings.style === 'unit') throw new TypeError('Unit is required with unit style.');
      const unitDisplay = option(options, 'unitDisplay', ['short', 'narrow', 'long'], 'short', WHERE);
      const notation = option(options, 'notation', ['standard', 'scientific', 'engineering', 'compact'], 'standard', WHERE);
      let [least, most] = [0, settings.style === 'percent' ? 0 : 3];
      if (settings.style === 'currency') {
        currency = `${currency}`.toUpperCase();
        Object.assign(settings, { currency, currencyDisplay, currencySign });
        if (notation === 'standard') least = most = Number(native.intlTable('sup/number', `c.${currency}`) ?? 2);
      }
      if (settings.style === 'unit') Object.assign(settings, { unit, unitDisplay });
      const [digits, rounding] = digitOptions(options, least, most, notation === 'compact');
      Object.assign(settings, digits);
      const compactDisplay = option(options, 'compactDisplay', ['short', 'long'], 'short', WHERE);
      const fallback = notation === 'compact' ? 'min2' : 'auto';
      const grouping = options.useGrouping;
      if (grouping === undefined) settings.useGrouping = fallback;
      else if (grouping === true) settings.useGrouping = 'always';
      else if (!grouping) settings.useGrouping = false;
      else settings.useGrouping = option({ useGrouping: grouping }, 'useGrouping', ['min2', 'auto', 'always', 'true', 'false'], fallback, WHERE);
      if (settings.useGrouping === 'true' || settings.useGrouping === 'false') settings.useGrouping = fallback;
      settings.notation = notation;
      if (notation === 'compact') settings.compactDisplay = compactDisplay;
      settings.signDisplay = option(options, 'signDisplay', ['auto', 'never', 'always', 'exceptZero', 'negative'], 'auto', WHERE);
      Object.assign(settings, rounding);
      this.#settings = settings;
      this.#id = native.intlNumber(JSON.stringify({ ...settings, data: found.data }));
    }
    get format() {
      this.#format ??= (value) => native.intlNumberText(this.#id, numeric(value));
      return this.#format;
    }
    formatToParts(value) { return parts(native.intlNumberParts(this.#id, numeric(value))); }
    formatRange(from, to) { return joined(native.intlNumberRange(this.#id, ...bounds(from, to))); }
    formatRangeToParts(from, to) { return triples(native.intlNumberRange(this.#id, ...bounds(from, to))); }
    resolvedOptions() { return { ...this.#settings }; }
  }
  add(NumberFormat, true);

  class PluralRules {
    #settings;
    #id;
    #data;
    constructor(locales, options) {
      const found = resolve(locales);
      options = optionsOf(options);
      const type = option(options, 'type', ['cardinal', 'ordinal'], 'cardinal', 'Intl.PluralRules');
      const [digits, rounding] = digitOptions(options, 0, 3, false);
      this.#data = found.data;
      this.#settings = { locale: found.locale, type, ...digits };
      this.#id = native.intlNumber(JSON.stringify({ ...digits, ...rounding, data: found.data, numberingSystem: 'latn' }));
    }
    #of(number) { return native.intlPlural(this.#id, `${number}`, this.#settings.type === 'ordinal'); }
    select(value) {
      if (typeof value === 'bigint') throw new TypeError('Cannot convert a BigInt value to a number');
      return this.#of(Number(value));
    }
    selectRange(from, to) {
      const [start, end] = bounds(from, to);
      return native.intlPluralRange(this.#data, this.#of(Number(start)), this.#of(Number(end)));
    }
    resolvedOptions() {
      // In the order of Node: by name, and the other ones last.
      const pluralCategories = native.intlPlurals(this.#data, this.#settings.type === 'ordinal').sort((a, b) => (a === 'other' ? 1 : b === 'other' ? -1 : a < b ? -1 : 1));
      return { ...this.#settings, pluralCategories };
    }
  }
  add(PluralRules, false);

  const kept = keeper((locales, options) => new NumberFormat(locales, options));
  hide(Number.prototype, 'toLocaleString', function toLocaleString(locales, options) {
    const value = Number.prototype.valueOf.call(this);
    return kept(locales, options).format(value);
  });
  hide(BigInt.prototype, 'toLocaleString', function toLocaleString(locales, options) {
    return kept(locales, options).format(BigInt.prototype.valueOf.call(this));
  });
});
