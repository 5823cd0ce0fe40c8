// Makes src/intl/cldr.bin, what Flowcell knows of languages, out of the CLDR's JSON:
//
//     node scripts/intl-data.mjs FOLDER
//
// FOLDER is the unpacked cldr-48.0.0-json-full.zip of https://github.com/unicode-org/cldr-json/releases (the folder that holds
// cldr-core, cldr-dates-full, ...). CLDR 48 is what Node's ICU 78 has. The same input gives the same bytes with the same Node.
//
// The file: b"FCLDR1", the length of the compressed index (u32, little-endian), the index, the chunks; each compressed by brotli.
// A line of the index is `name TAB offset TAB length TAB length of the text`. A chunk is a text of lines `key TAB value`, sorted by the
// bytes of their keys. Its first line may be `TAB name`: what a key has that does not stand here is in that chunk. U+0001 is "nothing".
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';

const root = process.argv[2];
if (!root) throw new Error('give the folder of the unpacked cldr-json');
const read = (file) => JSON.parse(fs.readFileSync(path.join(root, file), 'utf8'));
const supplemental = (name) => read(`cldr-core/supplemental/${name}.json`).supplemental;
const main = (pkg, locale, file) => {
  const at = path.join(root, `cldr-${pkg}`, 'main', locale, `${file}.json`);
  return fs.existsSync(at) ? JSON.parse(fs.readFileSync(at, 'utf8')).main[locale] : undefined;
};
const NOTHING = '\u0001';

// Languages that have at least the CLDR's basic coverage.
const coverage = read('cldr-core/coverageLevels.json').effectiveCoverageLevels;
const likely = supplemental('likelySubtags').likelySubtags;
const parents = supplemental('parentLocales').parentLocales.parentLocale;
const covered = (tag) => {
  for (let at = tag; ; at = at.slice(0, at.lastIndexOf('-'))) {
    if (coverage[at]) return true;
    if (!at.includes('-')) return false;
  }
};
const locales = read('cldr-core/availableLocales.json').availableLocales.full.filter((tag) => tag !== 'und' && covered(tag));
const known = new Set(locales);
const parse = (tag) => {
  const [language, ...rest] = tag.split('-');
  return { language, script: rest.find((part) => /^[A-Z][a-z]{3}$/.test(part)), region: rest.find((part) => /^([A-Z]{2}|\d{3})$/.test(part)), rest };
};
function maximize(tag) {
  const { language, script, region } = parse(tag);
  for (const key of [[language, script, region], [language, region], [language, script], [language]]) {
    const found = likely[key.filter(Boolean).join('-')];
    if (found) {
      const whole = parse(found);
      return { language, script: script ?? whole.script, region: region ?? whole.region };
    }
  }
  return { language, script, region };
}
function parentOf(tag) {
  if (parents[tag]) return parents[tag] === 'und' ? undefined : parents[tag];
  const cut = tag.lastIndexOf('-');
  if (cut < 0) return undefined;
  return known.has(tag.slice(0, cut)) ? tag.slice(0, cut) : parentOf(tag.slice(0, cut));
}

const chunks = new Map();
// Names of chunks by their whole content, and that content by name.
const whole = new Map();
const at = (name) => {
  const own = whole.get(name);
  if (!own) throw new Error(`no chunk ${name}`);
  return own;
};
function put(name, values, parent) {
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined || value === null) delete values[key];
    else if (/[\t\n]/.test(key + value)) throw new Error(`${name} ${key}: ${value}`);
  }
  whole.set(name, values);
  let lines = Object.entries(values);
  if (parent && whole.has(parent)) {
    const above = at(parent);
    lines = lines.filter(([key, value]) => above[key] !== `${value}`);
    for (const key of Object.keys(above)) if (!(key in values)) lines.push([key, NOTHING]);
  }
  lines = lines.map(([key, value]) => [Buffer.from(key), `${key}\t${value}`]).sort((a, b) => Buffer.compare(a[0], b[0])).map(([, line]) => line);
  if (parent && whole.has(parent)) lines.unshift(`\t${parent}`);
  chunks.set(name, lines.join('\n'));
}
const strings = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined).map(([key, value]) => [key, `${value}`]));

const COUNTS = /-count-(\w+)$/;
function numbers(locale) {
  const data = main('numbers-full', locale, 'numbers').numbers;
  const out = { d: data.defaultNumberingSystem, n: data.otherNumberingSystems.native, mg: data.minimumGroupingDigits };
  out.fi = data.otherNumberingSystems.finance;
  out.tr = data.otherNumberingSystems.traditional;
  const names = { decimal: 'd', group: 'g', plusSign: 'p', minusSign: 'm', percentSign: '%', perMille: 'pm', exponential: 'e', approximatelySign: 'a', infinity: 'i', nan: 'n', timeSeparator: 't', currencyDecimal: 'cd', currencyGroup: 'cg', superscriptingExponent: 'x' };
  for (const [key, value] of Object.entries(data)) {
    const [, kind, ns] = /^(\w+)-numberSystem-(\w+)$/.exec(key) ?? [];
    if (kind === 'symbols') for (const [name, short] of Object.entries(names)) out[`${ns}.s.${short}`] = value[name];
    const compact = (letter, patterns) => {
      for (const [type, pattern] of Object.entries(patterns ?? {})) {
        const [, power, count] = /^1(0+)-count-(\w+)$/.exec(type) ?? [];
        if (power) out[`${ns}.${letter}.${power.length}.${count}`] = pattern;
      }
    };
    if (kind === 'decimalFormats') {
      out[`${ns}.f.dec`] = value.standard;
      compact('l', value.long?.decimalFormat);
      compact('k', value.short?.decimalFormat);
    }
    if (kind === 'percentFormats') out[`${ns}.f.pct`] = value.standard;
    if (kind === 'scientificFormats') out[`${ns}.f.sci`] = value.standard;
    if (kind === 'currencyFormats') {
      out[`${ns}.f.cur`] = value.standard;
      out[`${ns}.f.acc`] = value.accounting;
      out[`${ns}.f.cura`] = value['standard-alphaNextToNumber'];
      out[`${ns}.f.acca`] = value['accounting-alphaNextToNumber'];
      for (const [name, pattern] of Object.entries(value)) {
        const count = COUNTS.exec(name)?.[1];
        if (/^unitPattern/.test(name)) out[`${ns}.cn.${count}`] = pattern;
      }
      compact('c', value.short?.standard);
      out[`${ns}.sb`] = value.currencySpacing?.beforeCurrency.insertBetween;
      out[`${ns}.sa`] = value.currencySpacing?.afterCurrency.insertBetween;
    }
    if (kind === 'miscPatterns') {
      out[`${ns}.r`] = value.range;
      out[`${ns}.ap`] = value.approximately;
    }
  }
  return strings(out);
}
function currencies(locale) {
  const out = {};
  for (const [code, value] of Object.entries(main('numbers-full', locale, 'currencies').numbers.currencies)) {
    if (value.symbol !== code) out[`${code}.s`] = value.symbol;
    out[`${code}.n`] = value['symbol-alt-narrow'];
    out[`${code}.v`] = value['symbol-alt-variant'];
    out[`${code}.f`] = value['symbol-alt-formal'];
    out[`${code}.d`] = value.displayName;
    for (const [name, text] of Object.entries(value)) {
      const count = COUNTS.exec(name)?.[1];
      if (count) out[`${code}.c.${count}`] = text;
    }
  }
  return strings(out);
}
const UNITS = 'acre bit byte celsius centimeter day degree fahrenheit fluid-ounce foot gallon gigabit gigabyte gram hectare hour inch kilobit kilobyte kilogram kilometer liter megabit megabyte meter microsecond mile mile-scandinavian milliliter millimeter millisecond minute month nanosecond ounce percent petabyte pound second stone terabit terabyte week yard year'.split(' ');
function units(locale) {
  const data = main('units-full', locale, 'units').units;
  const out = {};
  for (const width of ['long', 'short', 'narrow']) {
    const letter = width[0];
    out[`${letter}.per`] = data[width].per.compoundUnitPattern;
    for (const [key, value] of Object.entries(data[width])) {
      const name = key.slice(key.indexOf('-') + 1);
      const both = name.split('-per-');
      if (!UNITS.includes(name) && !(both.length === 2 && both.every((one) => UNITS.includes(one)))) continue;
      out[`${letter}.${name}.p`] = value.perUnitPattern;
      for (const [pattern, text] of Object.entries(value)) {
        const count = COUNTS.exec(pattern)?.[1];
        if (count && /^unitPattern/.test(pattern) && !/-case-|-gender-/.test(pattern)) out[`${letter}.${name}.${count}`] = text;
      }
    }
  }
  return strings(out);
}
const DAYS = { sun: 0, mon: 1, tue: 2, wed: 3, thu: 4, fri: 5, sat: 6 };
const WIDTHS = { abbreviated: 'a', narrow: 'n', wide: 'w', short: 's' };
function calendar(data, gregorian = data) {
  const out = {};
  const each = (kind, letter, keyOf) => {
    for (const [context, widths] of Object.entries(data[kind] ?? {})) {
      for (const [width, values] of Object.entries(widths)) {
        for (const [key, value] of Object.entries(values)) {
          if (!/-alt-/.test(key)) out[`${letter}.${context[0]}.${WIDTHS[width]}.${keyOf(key)}`] = value;
        }
      }
    }
  };
  each('months', 'm', (key) => key.replace('-yeartype-leap', 'l'));
  each('days', 'w', (key) => DAYS[key]);
  each('dayPeriods', 'p', (key) => key);
  for (const [name, letter] of [['eraNames', 'w'], ['eraAbbr', 'a'], ['eraNarrow', 'n']]) {
    for (const [key, value] of Object.entries(data.eras?.[name] ?? {})) if (/^\d+$/.test(key)) out[`e.${letter}.${key}`] = value;
  }
  const pattern = (value) => (typeof value === 'object' ? `${value._value}\u001f${value._numbers}` : value);
  for (const style of ['full', 'long', 'medium', 'short']) {
    out[`fd.${style}`] = pattern(data.dateFormats[style]);
    out[`ft.${style}`] = pattern(data.timeFormats[style]);
    // The JSON has lost the blank of the traditional Chinese pattern; ICU has it. How a date and a time are joined is the same in every calendar.
    const join = (value) => (value === '{1}{0}' ? '{1} {0}' : value);
    out[`fj.${style}`] = join(gregorian.dateTimeFormats[style]);
    out[`fa.${style}`] = join(gregorian['dateTimeFormats-atTime']?.standard?.[style] ?? gregorian.dateTimeFormats[style]);
  }
  for (const [skeleton, value] of Object.entries(data.dateTimeFormats.availableFormats)) {
    if (!/-count-|-alt-/.test(skeleton)) out[`a.${skeleton}`] = pattern(value);
  }
  for (const [item, value] of Object.entries(data.dateTimeFormats.appendItems)) out[`ap.${item}`] = value;
  for (const [skeleton, value] of Object.entries(data.dateTimeFormats.intervalFormats)) {
    if (skeleton === 'intervalFormatFallback') out.if = value;
    else for (const [field, text] of Object.entries(value)) if (!/-alt-/.test(field) && !/-alt-/.test(skeleton)) out[`i.${skeleton}.${field}`] = text;
  }
  for (const [context, widths] of Object.entries(data.monthPatterns ?? {})) {
    for (const [width, value] of Object.entries(widths)) out[`lm.${context[0]}.${WIDTHS[width] ?? 'x'}`] = value.leap;
  }
  for (const [width, values] of Object.entries(data.cyclicNameSets?.years?.format ?? {})) {
    for (const [key, value] of Object.entries(values)) out[`cy.${WIDTHS[width]}.${key}`] = value;
  }
  return strings(out);
}
function zones(locale) {
  const data = main('dates-full', locale, 'timeZoneNames').dates.timeZoneNames;
  const out = { hf: data.hourFormat, gf: data.gmtFormat, gz: data.gmtZeroFormat, rg: data.regionFormat, rd: data['regionFormat-type-daylight'], rs: data['regionFormat-type-standard'], ff: data.fallbackFormat };
  const names = (prefix, value) => {
    for (const width of ['long', 'short']) for (const [type, text] of Object.entries(value[width] ?? {})) out[`${prefix}.${width[0]}.${type[0]}`] = text;
  };
  const walk = (prefix, value) => {
    if (value._type === 'zone') {
      out[`c.${prefix}`] = value.exemplarCity;
      names(`t.${prefix}`, value);
    } else for (const [name, inner] of Object.entries(value)) if (typeof inner === 'object') walk(prefix ? `${prefix}/${name}` : name, inner);
  };
  walk('', data.zone);
  for (const [name, value] of Object.entries(data.metazone ?? {})) names(`m.${name}`, value);
  return strings(out);
}
function fields(locale) {
  const out = {};
  for (const [name, value] of Object.entries(main('dates-full', locale, 'dateFields').dates.fields)) {
    if (/^(sun|mon|tue|wed|thu|fri|sat)(-|$)/.test(name)) continue;
    out[`${name}.d`] = value.displayName;
    for (const [key, text] of Object.entries(value)) {
      const offset = /^relative-type-(-?\d+)$/.exec(key)?.[1];
      if (offset) out[`${name}.${offset}`] = text;
    }
    for (const [type, letter] of [['future', 'f'], ['past', 'p']]) {
      for (const [key, text] of Object.entries(value[`relativeTime-type-${type}`] ?? {})) out[`${name}.${letter}.${COUNTS.exec(key)[1]}`] = text;
    }
  }
  return strings(out);
}
function lists(locale) {
  const out = {};
  for (const [name, value] of Object.entries(main('misc-full', locale, 'listPatterns').listPatterns)) {
    const type = name.replace('listPattern-type-', '');
    for (const [key, text] of Object.entries(value)) out[`${type}.${key[0]}`] = text;
  }
  return strings(out);
}
function names(locale) {
  const read = (file, key) => main('localenames-full', locale, file)?.localeDisplayNames[key] ?? {};
  const out = {};
  const add = (letter, values) => {
    for (const [key, value] of Object.entries(values)) {
      const [, code, alt] = /^(.*?)(?:-alt-(\w+))?$/.exec(key);
      if (!alt) out[`${letter}.${code}`] = value;
      else if (alt === 'short' || alt === 'menu') out[`${letter}.${code}.${alt[0]}`] = value;
    }
  };
  add('l', read('languages', 'languages'));
  add('r', read('territories', 'territories'));
  add('s', read('scripts', 'scripts'));
  add('v', read('variants', 'variants'));
  const patterns = read('localeDisplayNames', 'localeDisplayPattern');
  const types = read('localeDisplayNames', 'types');
  for (const [key, value] of Object.entries(types.calendar ?? {})) out[`c.${key}`] = value;
  out.lp = patterns.localePattern;
  out.ls = patterns.localeSeparator;
  return strings(out);
}
const CALENDARS = { buddhist: 'buddhist', chinese: 'chinese', coptic: 'coptic', dangi: 'dangi', ethiopic: 'ethiopic', hebrew: 'hebrew', indian: 'indian', islamic: 'islamic', japanese: 'japanese', persian: 'persian', roc: 'roc' };

// Parents come first.
const order = [...locales].sort((a, b) => a.split('-').length - b.split('-').length);
const done = new Set();
function locale(tag) {
  if (done.has(tag)) return;
  done.add(tag);
  const parent = parentOf(tag);
  if (parent) locale(parent);
  const from = (section) => (parent ? `${section}/${parent}` : undefined);
  const add = (section, values) => put(`${section}/${tag}`, values, from(section));
  add('num', numbers(tag));
  add('cur', currencies(tag));
  add('unit', units(tag));
  const { gregorian } = main('dates-full', tag, 'ca-gregorian').dates.calendars;
  add('date', calendar(gregorian));
  const other = (name, data) => { if (data) put(`date-${name}/${tag}`, calendar(data, gregorian), from(`date-${name}`) && whole.has(from(`date-${name}`)) ? from(`date-${name}`) : `date/${tag}`); };
  other('generic', main('dates-full', tag, 'ca-generic')?.dates.calendars.generic);
  for (const name of Object.keys(CALENDARS)) other(name, main(`cal-${name}-full`, tag, `ca-${name}`)?.dates.calendars[name]);
  add('zone', zones(tag));
  add('field', fields(tag));
  add('list', lists(tag));
  add('name', names(tag));
}
for (const tag of order) locale(tag);

// What is true of all.
const tags = {};
const hours = supplemental('timeData').timeData;
const calendars = supplemental('calendarPreferenceData').calendarPreferenceData;
const FIRST = { h: 'h12', H: 'h23', K: 'h11', k: 'h24' };
const everywhere = [...locales];
const scriptless = new Map();
// The region, or the script, that a language has unless another is named: `de-DE`, `zh-Hant-TW`.
for (const tag of read('cldr-core/defaultContent.json').defaultContent) {
  let at = tag;
  while (at.includes('-') && !known.has(at)) at = at.slice(0, at.lastIndexOf('-'));
  if (known.has(at) && at !== tag) scriptless.set(tag, at);
  const { language, script, region, rest } = parse(tag);
  const short = `${language}-${region}`;
  if (known.has(at) && script && region && rest.length === 2 && !known.has(short) && maximize(short).script === script) scriptless.set(short, at);
}
for (const tag of locales) {
  const { language, script, region, rest } = parse(tag);
  if (script && region && rest.length === 2) {
    const short = `${language}-${region}`;
    if (!known.has(short) && maximize(short).script === script) scriptless.set(short, tag);
    else if (!known.has(short) && !scriptless.has(short)) scriptless.set(short, tag);
  }
}
const weeks = supplemental('weekData').weekData;
const week = (table, region) => table[region] ?? table['001'];
for (const [tag, data] of [...everywhere.map((tag) => [tag, tag]), ...scriptless]) {
  const { language, region } = maximize(tag);
  const hour = hours[`${language}_${region}`] ?? hours[`${tag.replace('-', '_')}`] ?? hours[region] ?? hours['001'];
  const allowed = hour._allowed.split(' ').map((one) => one[0]).map((one) => FIRST[one]);
  const calendar = (calendars[region] ?? calendars['001'])[0].replace('gregorian', 'gregory');
  tags[tag] = [data, region ?? '001', FIRST[hour._preferred[0]], [...new Set(allowed)].join(' '), calendar].join('\u001f');
}
put('sup/locale', tags);
for (const [region, hour] of Object.entries(hours)) if (/^[A-Z]{2}$/.test(region)) tags[region] = undefined;
const regional = {};
for (const region of new Set([...Object.keys(hours), ...Object.keys(calendars)])) {
  if (!/^([A-Z]{2}|\d{3})$/.test(region)) continue;
  const hour = hours[region] ?? hours['001'];
  regional[region] = [FIRST[hour._preferred[0]], [...new Set(hour._allowed.split(' ').map((one) => FIRST[one[0]]))].join(' '), (calendars[region] ?? calendars['001']).join(' ').replace('gregorian', 'gregory').replace(/islamic(?= |$)/, 'islamic')].join('\u001f');
}
for (const [region, day] of Object.entries(weeks.firstDay)) if (/^([A-Z]{2}|\d{3})$/.test(region)) regional[`w.${region}`] = [(DAYS[day] + 6) % 7 + 1, week(weeks.minDays, region), (DAYS[week(weeks.weekendStart, region)] + 6) % 7 + 1, (DAYS[week(weeks.weekendEnd, region)] + 6) % 7 + 1].join(' ');
for (const region of new Set([...Object.keys(weeks.minDays), ...Object.keys(weeks.weekendStart)])) {
  if (/^[A-Z]{2}$/.test(region) && !regional[`w.${region}`]) regional[`w.${region}`] = [(DAYS[week(weeks.firstDay, region)] + 6) % 7 + 1, week(weeks.minDays, region), (DAYS[week(weeks.weekendStart, region)] + 6) % 7 + 1, (DAYS[week(weeks.weekendEnd, region)] + 6) % 7 + 1].join(' ');
}
put('sup/region', regional);

const digits = {};
for (const [name, value] of Object.entries(supplemental('numberingSystems').numberingSystems)) if (value._type === 'numeric' || name === 'hanidec') digits[`d.${name}`] = value._digits;
const { fractions } = supplemental('currencyData').currencyData;
for (const [code, value] of Object.entries(fractions)) digits[`c.${code}`] = value._digits;
put('sup/number', digits);

const plurals = {};
const rules = (letter, table) => {
  for (const [language, values] of Object.entries(table)) {
    plurals[`${letter}.${language}`] = Object.entries(values).map(([key, rule]) => [key.replace('pluralRule-count-', ''), rule.split('@')[0].trim()]).filter(([, rule]) => rule !== '').map((pair) => pair.join(':')).join(';');
  }
};
rules('c', supplemental('plurals')['plurals-type-cardinal']);
rules('o', supplemental('ordinals')['plurals-type-ordinal']);
for (const [language, values] of Object.entries(supplemental('pluralRanges').plurals)) {
  for (const [key, value] of Object.entries(values)) {
    const [, start, end] = /^pluralRange-start-(\w+)-end-(\w+)$/.exec(key);
    plurals[`r.${language}.${start}.${end}`] = value;
  }
}
put('sup/plural', plurals);

const zone = {};
const primary = supplemental('primaryZones').primaryZones;
const regionZones = new Map();
for (const [code, value] of Object.entries(read('cldr-bcp47/bcp47/timezone.json').keyword.u.tz)) {
  if (typeof value !== 'object' || value._deprecated) continue;
  const [first, ...aliases] = value._alias.split(' ');
  const canonical = /^Etc\/(UTC|GMT)$/.test(first) ? 'UTC' : first;
  if (code === 'unk') continue;
  for (const name of [first, ...aliases]) zone[`a.${name.toLowerCase()}`] = canonical;
  const region = /^[a-z]{5}$/.test(code) ? code.slice(0, 2).toUpperCase() : '';
  if (region) {
    zone[`x.${first}`] = region;
    regionZones.set(region, [...(regionZones.get(region) ?? []), first]);
  }
}
zone['a.gmt'] = zone['a.etc/gmt'] = zone['a.utc'] = 'UTC';
for (const [region, list] of regionZones) if (list.length === 1 || primary[region]) zone[`p.${region}`] = primary[region] ?? list[0];
const meta = supplemental('metaZones').metaZones;
const moment = (text) => (text ? Date.parse(`${text.replace(' ', 'T')}:00Z`) / 1000 : '');
(function walk(prefix, value) {
  for (const [name, inner] of Object.entries(value)) {
    const full = prefix ? `${prefix}/${name}` : name;
    if (Array.isArray(inner)) zone[`m.${full}`] = inner.map(({ usesMetazone: use }) => [use._mzone, moment(use._from), moment(use._to)].join(',')).join(';');
    else walk(full, inner);
  }
})('', meta.metazoneInfo.timezone);
for (const { mapZone: map } of meta.metazones) zone[`g.${map._other}.${map._territory}`] = map._type;
put('sup/zone', zone);

const periods = {};
for (const [language, values] of Object.entries(supplemental('dayPeriods').dayPeriodRuleSet)) {
  periods[language] = Object.entries(values).map(([name, rule]) => [name, ...(rule._at ? [rule._at, rule._at] : [rule._from, rule._before])].join(',')).join(';');
}
put('sup/period', periods);

const parts = [];
const index = [];
let offset = 0;
const same = new Map();
for (const name of [...chunks.keys()].sort()) {
  const text = Buffer.from(chunks.get(name));
  const key = text.toString('latin1');
  let place = same.get(key);
  if (!place) {
    const packed = zlib.brotliCompressSync(text, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 9, [zlib.constants.BROTLI_PARAM_SIZE_HINT]: text.length } });
    place = [offset, packed.length, text.length];
    parts.push(packed);
    offset += packed.length;
    same.set(key, place);
  }
  index.push([name, ...place].join('\t'));
}
const head = zlib.brotliCompressSync(Buffer.from(index.join('\n')));
const length = Buffer.alloc(4);
length.writeUInt32LE(head.length);
const out = process.argv[3] ?? new URL('../src/intl/cldr.bin', import.meta.url);
fs.writeFileSync(out, Buffer.concat([Buffer.from('FCLDR1'), length, head, ...parts]));
console.log(`${locales.length} locales, ${chunks.size} chunks, ${parts.length} different, ${offset + head.length} bytes`);
const sections = {};
for (const [name, text] of chunks) { const s = name.split('/')[0]; sections[s] = (sections[s] ?? 0) + text.length; }
console.log(sections);
