// Intl.DateTimeFormat in the Gregorian calendar, and toLocaleString of dates. The default time zone is UTC, wherever the server stands.
(function (native, modules, global) {
  'use strict';
  const { resolve, option, optionsOf, add, hide } = modules.intl;
  const { find, offsetAt, nameAt } = modules.zones;
  const STYLES = ['full', 'long', 'medium', 'short'];
  const TEXT = ['narrow', 'short', 'long'];
  const DIGITS = ['2-digit', 'numeric'];
  const FIELDS = {
    weekday: TEXT, era: TEXT, year: DIGITS, month: [...DIGITS, ...TEXT], day: DIGITS, dayPeriod: TEXT, hour: DIGITS, minute: DIGITS, second: DIGITS,
    timeZoneName: ['short', 'long', 'shortOffset', 'longOffset', 'shortGeneric', 'longGeneric'],
  };
  const DATE = ['weekday', 'year', 'month', 'day'];
  const TIME = ['dayPeriod', 'hour', 'minute', 'second', 'fractionalSecondDigits'];
  const LETTERS = { long: 'MMMM', short: 'MMM', narrow: 'MMMMM' };

  // The pattern of the date fields that are asked for.
  function datePattern(data, fields) {
    const { year, month, day, weekday } = fields;
    const text = month !== undefined && !DIGITS.includes(month);
    const key = `${year ? 'y' : ''}${month ? text ? 'MMM' : 'M' : ''}${day ? 'd' : ''}`;
    let pattern = data[key] ?? [year && data.y, month && data[text ? 'MMM' : 'M'], day && data.d].filter(Boolean).join(' ');
    if (text && month !== 'short') pattern = pattern.replace('MMM', LETTERS[month]);
    const wide = (letter, asked) => { if (asked === '2-digit') pattern = pattern.replace(new RegExp(`${letter}+`), letter.repeat(2)); };
    if (!text) wide('M', month);
    wide('d', day);
    if (year === '2-digit') pattern = pattern.replace('y', 'yy');
    if (fields.era) pattern += /年/.test(pattern) ? '' : ' G';
    if (weekday) {
      const letters = { long: 'EEEE', short: 'E', narrow: 'EEEEE' }[weekday];
      let around = pattern && (data.weekday[month === 'long' ? `${key}`.replace('MMM', 'MMMM') : key] ?? data.weekday[key] ?? 'E #');
      if (weekday === 'long' && around) around = around.replace('(E)', 'E');
      pattern = around ? around.replace('E', letters).replace('#', pattern) : letters;
    }
    return pattern;
  }
  function timePattern(data, fields, twelve) {
    const { hour, minute, second, fractionalSecondDigits: fraction } = fields;
    const cycle = twelve ? 12 : 24;
    const seconds = (second || fraction) && `ss${fraction ? `${data.decimal}${'S'.repeat(fraction)}` : ''}`;
    let pattern;
    if (!hour) {
      const alone = !(minute && seconds);
      pattern = [minute && 'mm', seconds].filter(Boolean).join(':');
      if (alone) pattern = pattern.replace(/^(.)\1/, '$1');
    } else if (!minute && !seconds) {
      pattern = data.hour[cycle];
      if (hour === '2-digit') pattern = pattern.replace(/[hH]+/, '$&$&').replace(/([hH])\1{2,}/, '$1$1');
    } else {
      const letters = twelve ? hour === '2-digit' ? 'hh' : 'h' : data.pad || hour === '2-digit' ? 'HH' : 'H';
      pattern = data.time[cycle].replace('#', [letters, minute && 'mm', seconds].filter(Boolean).join(':'));
    }
    return pattern;
  }
  const withZone = (data, pattern, style) => data.zone.replace('#', () => pattern).replace('z', style === 'long' ? 'zzzz' : style === 'short' ? 'z' : style === 'longOffset' ? 'OOOO' : 'O');

  class DateTimeFormat {
    #data;
    #settings;
    #zone;
    #pattern;
    #format;
    constructor(locales, options, needed = 'any', defaults = 'date') {
      const { locale, data } = resolve(locales);
      options = optionsOf(options);
      const settings = { locale, calendar: 'gregory', numberingSystem: 'latn' };
      this.#zone = find(options.timeZone ?? 'UTC');
      settings.timeZone = this.#zone.name;
      const fields = {};
      for (const [name, values] of Object.entries(FIELDS)) {
        const value = option(options, name, values, undefined);
        if (value !== undefined) fields[name] = value;
      }
      if (options.fractionalSecondDigits !== undefined) {
        if (!(options.fractionalSecondDigits >= 1 && options.fractionalSecondDigits <= 3)) throw new RangeError('fractionalSecondDigits value is out of range.');
        fields.fractionalSecondDigits = Math.floor(options.fractionalSecondDigits);
      }
      const [dateStyle, timeStyle] = [option(options, 'dateStyle', STYLES, undefined), option(options, 'timeStyle', STYLES, undefined)];
      const cycle = option(options, 'hourCycle', ['h11', 'h12', 'h23', 'h24'], undefined);
      const twelve = options.hour12 !== undefined ? Boolean(options.hour12) : cycle ? /h1/.test(cycle) : data.hour12;
      if (dateStyle || timeStyle) {
        if (Object.keys(fields).length > 0) throw new TypeError(`Can't set option ${Object.keys(fields)[0]} when ${dateStyle ? 'dateStyle' : 'timeStyle'} is used`);
        if (timeStyle && needed === 'date') throw new TypeError('Invalid option : timeStyle');
        if (dateStyle && needed === 'time') throw new TypeError('Invalid option : dateStyle');
      } else {
        const has = (names) => names.some((name) => fields[name] !== undefined);
        if (!((needed !== 'time' && has(DATE)) || (needed !== 'date' && has(TIME)))) {
          if (defaults !== 'time') Object.assign(fields, { year: 'numeric', month: 'numeric', day: 'numeric' });
          if (defaults !== 'date') Object.assign(fields, { hour: 'numeric', minute: 'numeric', second: 'numeric' });
        }
      }
      const timed = timeStyle || fields.hour;
      if (timed) Object.assign(settings, { hourCycle: options.hour12 === undefined && cycle ? cycle : twelve ? 'h12' : 'h23', hour12: twelve });
      this.#settings = { ...settings, ...fields, ...(dateStyle && { dateStyle }), ...(timeStyle && { timeStyle }) };
      this.#data = data;
      this.#pattern = this.#choose(fields, dateStyle, timeStyle, twelve);
    }
    #choose(fields, dateStyle, timeStyle, twelve) {
      const data = this.#data;
      let date = dateStyle ? data.styles[dateStyle] : datePattern(data, fields);
      let time = timeStyle ? timePattern(data, { hour: 'numeric', minute: 'numeric', ...(timeStyle !== 'short' && { second: 'numeric' }) }, twelve) : timePattern(data, fields, twelve);
      const zone = timeStyle === 'full' ? 'long' : timeStyle === 'long' ? 'short' : fields.timeZoneName;
      if (zone && time) time = withZone(data, time, zone);
      else if (zone) date += `${data.joins[2]}${withZone(data, '', zone).trim()}`;
      if (!date || !time) return date || time;
      const textual = dateStyle ? { full: 0, long: 0, medium: /MMM/.test(date) ? 1 : 2, short: 2 }[dateStyle] : fields.month === 'long' ? 0 : /MMM/.test(date) ? 1 : 2;
      const join = !dateStyle && fields.weekday && !fields.year && !fields.month && !fields.day ? data.dayTime : data.joins[textual];
      return `${date}${join}${time}`;
    }
    formatToParts(input) {
      const time = input === undefined ? DateNow() : Number(input);
      if (!(Math.abs(time) <= 8.64e15)) throw new RangeError('Invalid time value');
      const at = new Date(time + offsetAt(this.#zone, time) * 60000);
      const parts = [];
      const literal = (value) => {
        if (parts.length > 0 && parts.at(-1).type === 'literal') parts.at(-1).value += value;
        else parts.push({ type: 'literal', value });
      };
      for (const [token, quoted] of this.#pattern.matchAll(/'([^']*)'|([a-zA-Z])\2*|[^a-zA-Z']+/g)) {
        if (quoted !== undefined) literal(quoted);
        else if (/^[a-zA-Z]/.test(token)) parts.push(this.#part(token, at, time));
        else literal(token);
      }
      return parts;
    }
    #part(token, at, time) {
      const data = this.#data;
      const two = (number) => `${number}`.padStart(token.length, '0');
      const hour = at.getUTCHours();
      switch (token[0]) {
        case 'G': return { type: 'era', value: data.eras[at.getUTCFullYear() > 0 ? 1 : 0] };
        case 'y': {
          const year = at.getUTCFullYear() > 0 ? at.getUTCFullYear() : 1 - at.getUTCFullYear();
          return { type: 'year', value: token === 'yy' ? `${year % 100}`.padStart(2, '0') : `${year}` };
        }
        case 'M': {
          const month = at.getUTCMonth();
          const short = /^M+$/.test(this.#pattern) && data.aloneMonths ? data.aloneMonths : data.shortMonths;
          return { type: 'month', value: token.length <= 2 ? two(month + 1) : token === 'MMM' ? short[month] : token === 'MMMM' ? data.months[month] : /^\d/.test(data.shortMonths[month]) ? `${month + 1}` : data.months[month][0].toUpperCase() };
        }
        case 'd': return { type: 'day', value: two(at.getUTCDate()) };
        case 'E': {
          const day = at.getUTCDay();
          return { type: 'weekday', value: token === 'E' ? (this.#pattern === 'E' && data.aloneDays ? data.aloneDays : data.shortDays)[day] : token === 'EEEE' ? data.days[day] : data.narrowDays ? data.narrowDays[day] : data.days[day][0].toUpperCase() };
        }
        case 'a': return { type: 'dayPeriod', value: data.periods[hour < 12 ? 0 : 1] };
        case 'h': return { type: 'hour', value: two(this.#settings.hourCycle === 'h11' ? hour % 12 : hour % 12 || 12) };
        case 'H': return { type: 'hour', value: two(this.#settings.hourCycle === 'h24' ? hour || 24 : hour) };
        case 'm': return { type: 'minute', value: two(at.getUTCMinutes()) };
        case 's': return { type: 'second', value: two(at.getUTCSeconds()) };
        case 'S': return { type: 'fractionalSecond', value: `${at.getUTCMilliseconds()}`.padStart(3, '0').slice(0, token.length) };
        case 'O': return { type: 'timeZoneName', value: nameAt(this.#zone, time, token === 'O' ? 'shortOffset' : 'longOffset', this.#settings.locale) };
        default: return { type: 'timeZoneName', value: nameAt(this.#zone, time, token === 'z' ? 'short' : 'long', this.#settings.locale) };
      }
    }
    get format() {
      // Like Node, a text has plain spaces where the parts have narrow ones.
      this.#format ??= (date) => this.formatToParts(date).map((part) => part.value).join('').replaceAll('\u202f', ' ');
      return this.#format;
    }
    formatRange(from, to) {
      const [start, end] = [this.format(from), this.format(to)];
      return start === end ? start : `${start} – ${end}`;
    }
    resolvedOptions() { return { ...this.#settings }; }
  }
  add(DateTimeFormat, true);

  for (const [name, needed, defaults] of [['toLocaleString', 'any', 'all'], ['toLocaleDateString', 'date', 'date'], ['toLocaleTimeString', 'time', 'time']]) {
    hide(Date.prototype, name, { [name](locales, options) {
      const time = Date.prototype.getTime.call(this);
      return NumberIsNaN(time) ? 'Invalid Date' : new DateTimeFormat(locales, options, needed, defaults).format(time);
    } }[name]);
  }
});
