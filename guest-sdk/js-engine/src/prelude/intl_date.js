// Intl.DateTimeFormat, and toLocaleString of dates. The default time zone is UTC, wherever the server stands.
(function (native, modules, global) {
  'use strict';
  const { Intl, resolve, keyed, shown, numbering, option, optionsOf, parts, triples, joined, add, keeper, hide } = modules.intl;
  const WHERE = 'Intl.DateTimeFormat';
  const STYLES = ['full', 'long', 'medium', 'short'];
  const TEXT = ['narrow', 'short', 'long'];
  const DIGITS = ['2-digit', 'numeric'];
  const FIELDS = {
    weekday: TEXT, era: TEXT, year: DIGITS, month: [...DIGITS, ...TEXT], day: DIGITS, dayPeriod: TEXT, hour: DIGITS, minute: DIGITS, second: DIGITS,
    timeZoneName: ['short', 'long', 'shortOffset', 'longOffset', 'shortGeneric', 'longGeneric'],
  };
  const DATE = ['weekday', 'year', 'month', 'day'];
  const TIME = ['dayPeriod', 'hour', 'minute', 'second', 'fractionalSecondDigits'];
  const CYCLES = ['h11', 'h12', 'h23', 'h24'];
  const CALENDARS = ['buddhist', 'chinese', 'coptic', 'dangi', 'ethioaa', 'ethiopic', 'gregory', 'hebrew', 'indian', 'islamic-civil', 'islamic-tbla', 'islamic-umalqura', 'iso8601', 'japanese', 'persian', 'roc'];
  const OLD = { gregorian: 'gregory', 'ethiopic-amete-alem': 'ethioaa', islamicc: 'islamic-civil' };

  function unknownZone(text) {
    const near = native.intlZonesNear(text);
    return new RangeError(`Invalid time zone specified: ${text}${near.length > 0 ? `. Near it are ${near.join(', ')}` : ''}`);
  }
  function zoneNames() {
    const flat = native.intlKeys('sup/zone', 'a.');
    return [...new Set(flat.filter((_, at) => at % 2 === 1))].sort();
  }
  const refused = (calendar) => /^islamic(-rgsa)?$/.test(calendar);

  class DateTimeFormat {
    #settings;
    #id;
    #format;
    constructor(locales, options, needed = 'any', defaults = 'date') {
      const found = resolve(locales);
      options = optionsOf(options);
      option(options, 'localeMatcher', ['lookup', 'best fit'], 'best fit', WHERE);
      let { calendar, hour12 } = options;
      if (calendar !== undefined) {
        calendar = `${calendar}`.toLowerCase();
        if (!/^[a-z0-9]{3,8}(-[a-z0-9]{3,8})*$/.test(calendar)) throw new RangeError(`Invalid calendar : ${calendar}`);
        calendar = OLD[calendar] ?? calendar;
        if (refused(calendar)) throw new RangeError(`Intl.DateTimeFormat: the calendar '${calendar}', whose months begin when the moon is seen, is not available. There are 'islamic-umalqura', 'islamic-civil' and 'islamic-tbla'`);
      }
      const numberingSystem = numbering(found, options.numberingSystem);
      calendar = keyed(found, 'ca', calendar, (name) => CALENDARS.includes(name), CALENDARS.includes(found.calendar) ? found.calendar : 'gregory');
      if (hour12 !== undefined) hour12 = Boolean(hour12);
      const asked = option(options, 'hourCycle', CYCLES, undefined, WHERE);
      let cycle = hour12 === undefined ? keyed(found, 'hc', asked, (name) => CYCLES.includes(name), found.cycle) : found.cycle;
      if (hour12 !== undefined) cycle = hour12 ? found.cycle === 'h11' || found.cycle === 'h12' ? found.cycle : found.region === 'JP' ? 'h11' : 'h12' : found.cycle === 'h24' ? 'h24' : 'h23';
      const zone = options.timeZone === undefined ? 'UTC' : `${options.timeZone}`;
      const timeZone = native.intlZone(zone);
      if (timeZone === undefined) throw unknownZone(zone);
      const fields = {};
      for (const name of ['weekday', 'era', 'year', 'month', 'day', 'dayPeriod', 'hour', 'minute', 'second']) {
        const value = option(options, name, FIELDS[name], undefined, WHERE);
        if (value !== undefined) fields[name] = value;
      }
      if (options.fractionalSecondDigits !== undefined) {
        if (!(options.fractionalSecondDigits >= 1 && options.fractionalSecondDigits < 4)) throw new RangeError('fractionalSecondDigits value is out of range.');
        fields.fractionalSecondDigits = Math.floor(options.fractionalSecondDigits);
      }
      const zoneName = option(options, 'timeZoneName', FIELDS.timeZoneName, undefined, WHERE);
      if (zoneName !== undefined) fields.timeZoneName = zoneName;
      option(options, 'formatMatcher', ['basic', 'best fit'], 'best fit', WHERE);
      const [dateStyle, timeStyle] = [option(options, 'dateStyle', STYLES, undefined, WHERE), option(options, 'timeStyle', STYLES, undefined, WHERE)];
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
      const settings = { ...fields, dateStyle, timeStyle, calendar, numberingSystem, timeZone, hourCycle: cycle, data: found.data };
      this.#id = native.intlDate(JSON.stringify(settings));
      this.#settings = () => {
        const [name, ...forms] = native.intlDateFields(this.#id);
        const timed = timeStyle || forms.includes('hour');
        const made = { locale: shown(found), calendar, numberingSystem, timeZone: name };
        if (timed) Object.assign(made, { hourCycle: cycle, hour12: cycle === 'h11' || cycle === 'h12' });
        if (!dateStyle && !timeStyle) {
          for (const field of [...Object.keys(FIELDS).slice(0, 9), 'fractionalSecondDigits', 'timeZoneName']) {
            const at = forms.indexOf(field);
            if (at >= 0 && at % 2 === 0) made[field] = field === 'fractionalSecondDigits' ? Number(forms[at + 1]) : forms[at + 1];
          }
        }
        return { ...made, ...(dateStyle && { dateStyle }), ...(timeStyle && { timeStyle }) };
      };
    }
    #time(value) {
      const time = value === undefined ? DateNow() : Number(value);
      if (!(Math.abs(time) <= 8.64e15)) throw new RangeError('Invalid time value');
      return time;
    }
    get format() {
      this.#format ??= (date) => native.intlDateText(this.#id, this.#time(date));
      return this.#format;
    }
    formatToParts(date) { return parts(native.intlDateParts(this.#id, this.#time(date))); }
    #range(from, to) {
      if (from === undefined || to === undefined) throw new TypeError('Invalid time value');
      return native.intlDateRange(this.#id, this.#time(from), this.#time(to));
    }
    formatRange(from, to) { return joined(this.#range(from, to)); }
    formatRangeToParts(from, to) { return triples(this.#range(from, to)); }
    resolvedOptions() { return this.#settings(); }
  }
  add(DateTimeFormat, true);

  for (const [name, needed, defaults] of [['toLocaleString', 'any', 'all'], ['toLocaleDateString', 'date', 'date'], ['toLocaleTimeString', 'time', 'time']]) {
    const kept = keeper((locales, options) => new DateTimeFormat(locales, options, needed, defaults));
    hide(Date.prototype, name, { [name](locales, options) {
      const time = Date.prototype.getTime.call(this);
      return NumberIsNaN(time) ? 'Invalid Date' : kept(locales, options).format(time);
    } }[name]);
  }
  modules.intlValues = { calendars: CALENDARS, zoneNames };
});
