// Intl.NumberFormat (decimal, percent, currency), Intl.PluralRules, and toLocaleString of numbers.
(function (native, modules, global) {
  'use strict';
  const { resolve, option, optionsOf, add, hide } = modules.intl;
  const SYMBOLS = {
    EUR: '€', GBP: '£', CNY: 'CN¥', INR: '₹', KRW: '₩', BRL: 'R$', CAD: 'CA$', AUD: 'A$', HKD: 'HK$', TWD: 'NT$', MXN: 'MX$', NZD: 'NZ$', ILS: '₪', VND: '₫', PHP: '₱',
  };
  const NARROW = { USD: '$', CNY: '¥', JPY: '¥', CAD: '$', AUD: '$', HKD: '$', TWD: '$', MXN: '$', NZD: '$', RUB: '₽', TRY: '₺', UAH: '₴', PLN: 'zł', SEK: 'kr', NOK: 'kr', DKK: 'kr' };
  const ENGLISH = { USD: 'US dollar', EUR: 'euro', GBP: 'British pound', JPY: 'Japanese yen', CNY: 'Chinese yuan', CHF: 'Swiss franc', CAD: 'Canadian dollar', AUD: 'Australian dollar', INR: 'Indian rupee' };
  const ZERO = ['BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'VND', 'VUV', 'XAF', 'XOF', 'XPF'];
  const THREE = ['BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND'];
  const currencyDigits = (code) => (ZERO.includes(code) ? 0 : THREE.includes(code) ? 3 : 2);

  function integer(options, name, min, max, fallback) {
    const value = options[name];
    if (value === undefined) return fallback;
    const number = Math.floor(Number(value));
    if (!(number >= min && number <= max)) throw new RangeError(`${name} value is out of range.`);
    return number;
  }
  // The shortest decimal digits and the power of ten of the first.
  function decompose(value) {
    if (typeof value === 'bigint') {
      const text = `${value < 0n ? -value : value}`;
      return { digits: text, power: text.length - 1 };
    }
    const [mantissa, power] = Math.abs(value).toExponential().split('e');
    return { digits: mantissa.replace('.', ''), power: Number(power) };
  }
  // Keeps `keep` digits, a half away from zero.
  function round({ digits, power }, keep) {
    if (keep >= digits.length) return { digits, power };
    const up = keep >= 0 && digits[keep] >= '5';
    const kept = keep <= 0 ? '' : digits.slice(0, keep);
    if (!up) return kept === '' ? { digits: '0', power: 0 } : { digits: kept, power };
    const raised = kept === '' ? '1' : `${BigInt(kept) + 1n}`.padStart(kept.length, '0');
    return { digits: raised, power: kept === '' ? power + 1 : power + raised.length - kept.length };
  }
  function rounded(value, settings, shift) {
    const exact = decompose(value);
    const zero = /^0*$/.test(exact.digits);
    const scaled = zero ? { digits: '0', power: 0 } : { digits: exact.digits, power: exact.power + shift };
    const bySignificant = settings.maximumSignificantDigits !== undefined;
    const { digits, power } = round(scaled, bySignificant ? settings.maximumSignificantDigits : scaled.power + 1 + settings.maximumFractionDigits);
    const padded = digits.padEnd(power + 1, '0');
    let whole = power < 0 ? '0' : padded.slice(0, power + 1);
    let fraction = (power < 0 ? '0'.repeat(-power - 1) + digits : padded.slice(power + 1)).replace(/0+$/, '');
    const least = !bySignificant ? settings.minimumFractionDigits : Math.max(0, settings.minimumSignificantDigits - power - 1);
    fraction = fraction.padEnd(least, '0');
    whole = whole.padStart(settings.minimumIntegerDigits, '0');
    return { whole, fraction, zero: /^0*$/.test(whole + fraction) };
  }

  function digitOptions(options, least, most) {
    const settings = { minimumIntegerDigits: integer(options, 'minimumIntegerDigits', 1, 21, 1) };
    if (options.minimumSignificantDigits !== undefined || options.maximumSignificantDigits !== undefined) {
      settings.minimumSignificantDigits = integer(options, 'minimumSignificantDigits', 1, 21, 1);
      settings.maximumSignificantDigits = integer(options, 'maximumSignificantDigits', settings.minimumSignificantDigits, 21, 21);
      return settings;
    }
    const min = integer(options, 'minimumFractionDigits', 0, 100, undefined);
    const max = integer(options, 'maximumFractionDigits', 0, 100, undefined);
    if (min !== undefined && max !== undefined && min > max) throw new RangeError('maximumFractionDigits value is out of range.');
    settings.minimumFractionDigits = min ?? Math.min(least, max ?? least);
    settings.maximumFractionDigits = max ?? Math.max(most, settings.minimumFractionDigits);
    return settings;
  }

  class NumberFormat {
    #data;
    #settings;
    #format;
    constructor(locales, options) {
      const { locale, data } = resolve(locales);
      options = optionsOf(options);
      const style = option(options, 'style', ['decimal', 'percent', 'currency', 'unit'], 'decimal');
      if (style === 'unit') throw new RangeError("Intl.NumberFormat: the style 'unit' is not available");
      if (option(options, 'notation', ['standard', 'scientific', 'engineering', 'compact'], 'standard') !== 'standard') {
        throw new RangeError(`Intl.NumberFormat: the notation '${options.notation}' is not available`);
      }
      const settings = { locale, numberingSystem: 'latn', style };
      let digits = [0, style === 'percent' ? 0 : 3];
      if (options.currency !== undefined && !/^[a-z]{3}$/i.test(options.currency)) throw new RangeError(`Invalid currency code : ${options.currency}`);
      if (style === 'currency') {
        if (options.currency === undefined) throw new TypeError('Currency code is required with currency style.');
        settings.currency = options.currency.toUpperCase();
        settings.currencyDisplay = option(options, 'currencyDisplay', ['symbol', 'narrowSymbol', 'code', 'name'], 'symbol');
        settings.currencySign = option(options, 'currencySign', ['standard', 'accounting'], 'standard');
        digits = [currencyDigits(settings.currency), currencyDigits(settings.currency)];
      }
      Object.assign(settings, digitOptions(options, ...digits));
      settings.useGrouping = option(options, 'useGrouping', ['min2', 'auto', 'always', true, false, 'true', 'false'], 'auto');
      if (settings.useGrouping === true) settings.useGrouping = 'always';
      if (typeof settings.useGrouping === 'string' && /true|false/.test(settings.useGrouping)) settings.useGrouping = 'auto';
      settings.notation = 'standard';
      settings.signDisplay = option(options, 'signDisplay', ['auto', 'never', 'always', 'exceptZero', 'negative'], 'auto');
      settings.roundingIncrement = 1;
      settings.roundingMode = 'halfExpand';
      if (options.roundingMode !== undefined && options.roundingMode !== 'halfExpand') throw new RangeError(`Intl.NumberFormat: the roundingMode '${options.roundingMode}' is not available`);
      this.#settings = settings;
      this.#data = data;
    }
    #symbol() {
      const { currency, currencyDisplay } = this.#settings;
      if (currencyDisplay === 'code') return currency;
      const usual = this.#data.symbols[currency] ?? SYMBOLS[currency] ?? currency;
      const shown = currencyDisplay === 'narrowSymbol' ? NARROW[currency] ?? usual : usual;
      return shown === '¥' && this.#data.symbols.JPY === '￥' ? '￥' : shown;
    }
    // 'minus', 'plus' or ''.
    #sign(negative, zero) {
      switch (this.#settings.signDisplay) {
        case 'never': return '';
        case 'always': return negative ? 'minus' : 'plus';
        case 'exceptZero': return zero ? '' : negative ? 'minus' : 'plus';
        case 'negative': return negative && !zero ? 'minus' : '';
        default: return negative ? 'minus' : '';
      }
    }
    #digits(value, parts) {
      const { useGrouping, style } = this.#settings;
      const { whole, fraction, zero } = rounded(value, this.#settings, style === 'percent' ? 2 : 0);
      const grouped = useGrouping !== false && whole.length > (useGrouping === 'min2' ? 4 : 3);
      const first = grouped ? whole.length % 3 || 3 : whole.length;
      parts.push({ type: 'integer', value: whole.slice(0, first) });
      for (let at = first; at < whole.length; at += 3) parts.push({ type: 'group', value: this.#data.group }, { type: 'integer', value: whole.slice(at, at + 3) });
      if (fraction) parts.push({ type: 'decimal', value: this.#data.decimal }, { type: 'fraction', value: fraction });
      return zero;
    }
    formatToParts(input) {
      const value = typeof input === 'bigint' ? input : Number(input);
      const number = [];
      const special = typeof value === 'number' && !NumberIsFinite(value);
      let zero = false;
      if (special) number.push(NumberIsNaN(value) ? { type: 'nan', value: 'NaN' } : { type: 'infinity', value: '∞' });
      else zero = this.#digits(value, number);
      const sign = this.#sign(value < 0 || Object.is(value, -0), zero || NumberIsNaN(value));
      const { style, currencySign, currencyDisplay, currency } = this.#settings;
      const signPart = sign && [{ type: `${sign}Sign`, value: sign === 'minus' ? '-' : '+' }];
      if (style === 'decimal') return [...(signPart || []), ...number];
      if (style === 'currency' && currencyDisplay === 'name') {
        const one = number.length === 1 && number[0].value === '1';
        const name = ENGLISH[currency];
        const text = !name || this.#data.months[0] !== 'January' ? currency : one || /yen|yuan/.test(name) ? name : `${name}s`;
        return [...(signPart || []), ...number, { type: 'literal', value: ' ' }, { type: 'currency', value: text }];
      }
      const pattern = style === 'percent' ? this.#data.percent : this.#data.currency;
      const mark = style === 'percent' ? { type: 'percentSign', value: '%' } : { type: 'currency', value: this.#symbol() };
      const spaced = pattern.includes('\u00a0') || (style === 'currency' && /[\p{L}]$/u.test(mark.value));
      const space = spaced ? [{ type: 'literal', value: '\u00a0' }] : [];
      const body = pattern.startsWith('¤') ? [mark, ...space, ...number] : [...number, ...space, mark];
      if (sign === 'minus' && currencySign === 'accounting' && this.#data.months[0] !== 'Januar') {
        return [{ type: 'literal', value: '(' }, ...body, { type: 'literal', value: ')' }];
      }
      return [...(signPart || []), ...body];
    }
    get format() {
      this.#format ??= (value) => this.formatToParts(value).map((part) => part.value).join('');
      return this.#format;
    }
    formatRange(from, to) { return from === to ? `~${this.format(from)}` : `${this.format(from)}–${this.format(to)}`; }
    resolvedOptions() { return { ...this.#settings }; }
  }
  add(NumberFormat, true);

  class PluralRules {
    #settings;
    constructor(locales, options) {
      options = optionsOf(options);
      this.#settings = { locale: resolve(locales).locale, type: option(options, 'type', ['cardinal', 'ordinal'], 'cardinal'), ...digitOptions(options, 0, 3) };
    }
    #language() { return this.#settings.locale.split('-')[0]; }
    select(value) {
      const number = Math.abs(Number(value));
      const language = this.#language();
      if (language === 'zh' || language === 'ja' || !NumberIsFinite(number)) return 'other';
      const { whole, fraction } = rounded(number, this.#settings, 0);
      if (this.#settings.type === 'ordinal') {
        if (language === 'fr') return number === 1 ? 'one' : 'other';
        if (language === 'de' || fraction) return 'other';
        const [ten, hundred] = [Number(whole) % 10, Number(whole) % 100];
        return ten === 1 && hundred !== 11 ? 'one' : ten === 2 && hundred !== 12 ? 'two' : ten === 3 && hundred !== 13 ? 'few' : 'other';
      }
      if (language === 'fr') return Number(whole) < 2 ? 'one' : 'other';
      return whole === '1' && !fraction ? 'one' : 'other';
    }
    resolvedOptions() {
      const cardinal = this.#language() === 'zh' || this.#language() === 'ja' ? ['other'] : ['one', 'other'];
      return { ...this.#settings, pluralCategories: this.#settings.type === 'ordinal' && this.#language() === 'en' ? ['few', 'one', 'two', 'other'] : cardinal };
    }
  }
  add(PluralRules, false);

  hide(Number.prototype, 'toLocaleString', function toLocaleString(locales, options) {
    return new NumberFormat(locales, options).format(Number.prototype.valueOf.call(this));
  });
  hide(BigInt.prototype, 'toLocaleString', function toLocaleString(locales, options) {
    return new NumberFormat(locales, options).format(BigInt.prototype.valueOf.call(this));
  });
});
