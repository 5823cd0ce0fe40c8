// Time zones for Intl.DateTimeFormat: UTC, fixed offsets, and common IANA zones by the rules of today.
(function (native, modules, global) {
  'use strict';
  // Minutes east of UTC in winter, a rule of daylight saving, and the cities of Region/City. Past changes of the rules are not known.
  const TABLE = [
    ['Europe', 0, 'eu', 'London Dublin Lisbon'], ['Europe', 60, 'eu', 'Berlin Paris Madrid Rome Amsterdam Brussels Vienna Zurich Stockholm Oslo Copenhagen Prague Warsaw Budapest Belgrade Zagreb Luxembourg Monaco Malta'],
    ['Europe', 120, 'eu', 'Athens Helsinki Kyiv Kiev Bucharest Sofia Riga Vilnius Tallinn'], ['Europe', 180, '', 'Moscow Istanbul Minsk'],
    ['America', -300, 'us', 'New_York Toronto Detroit Montreal'], ['America', -360, 'us', 'Chicago Winnipeg'], ['America', -420, 'us', 'Denver Edmonton Boise'],
    ['America', -480, 'us', 'Los_Angeles Vancouver Tijuana'], ['America', -540, 'us', 'Anchorage'], ['America', -240, 'us', 'Halifax'], ['America', -420, '', 'Phoenix'],
    ['America', -360, '', 'Mexico_City Costa_Rica Guatemala'], ['America', -300, '', 'Bogota Lima Panama Jamaica'], ['America', -180, '', 'Sao_Paulo Buenos_Aires Argentina/Buenos_Aires Montevideo'],
    ['Asia', 480, '', 'Shanghai Singapore Hong_Kong Taipei Manila Kuala_Lumpur Macau Chongqing Urumqi'], ['Asia', 540, '', 'Tokyo Seoul'], ['Asia', 330, '', 'Kolkata Calcutta Colombo'],
    ['Asia', 420, '', 'Bangkok Jakarta Ho_Chi_Minh Saigon'], ['Asia', 240, '', 'Dubai Baku Tbilisi'], ['Asia', 180, '', 'Riyadh Baghdad Kuwait Qatar'], ['Asia', 345, '', 'Kathmandu'],
    ['Asia', 300, '', 'Karachi Tashkent Almaty'], ['Asia', 360, '', 'Dhaka'],
    ['Africa', 60, '', 'Lagos Algiers'], ['Africa', 120, '', 'Johannesburg'], ['Africa', 180, '', 'Nairobi'], ['Africa', 0, '', 'Accra Abidjan'],
    ['Australia', 600, 'au', 'Sydney Melbourne Hobart Canberra'], ['Australia', 600, '', 'Brisbane'], ['Australia', 480, '', 'Perth'], ['Australia', 570, 'au', 'Adelaide'], ['Australia', 570, '', 'Darwin'],
    ['Pacific', 720, 'nz', 'Auckland'], ['Pacific', -600, '', 'Honolulu'],
  ];
  const ZONES = new Map();
  for (const [region, offset, rule, cities] of TABLE) {
    for (const city of cities.split(' ')) ZONES.set(`${region}/${city}`.toLowerCase(), { name: `${region}/${city}`, offset, rule });
  }
  for (const name of ['UTC', 'GMT', 'Etc/UTC', 'Etc/GMT', 'Etc/UCT', 'Etc/Zulu', 'UCT', 'Zulu']) ZONES.set(name.toLowerCase(), { name: 'UTC', offset: 0, rule: '' });

  const DAY = 86400000;
  // The time of the nth (-1: last) Sunday of a month, at minutes after midnight UTC.
  function sunday(year, month, nth, minutes) {
    const first = Date.UTC(year, nth < 0 ? month + 1 : month, 1);
    const weekday = (Math.floor(first / DAY) % 7 + 11) % 7;
    const day = nth < 0 ? first - (weekday || 7) * DAY : first + ((7 - weekday) % 7 + (nth - 1) * 7) * DAY;
    return day + minutes * 60000;
  }
  function summer({ rule, offset }, time) {
    const year = new Date(time).getUTCFullYear();
    switch (rule) {
      case 'eu': return time >= sunday(year, 2, -1, 60) && time < sunday(year, 9, -1, 60);
      case 'us': return time >= sunday(year, 2, 2, 120 - offset) && time < sunday(year, 10, 1, 60 - offset);
      case 'au': return time >= sunday(year, 9, 1, 120 - offset) || time < sunday(year, 3, 1, 120 - offset);
      case 'nz': return time >= sunday(year, 8, -1, 120 - offset) || time < sunday(year, 3, 1, 120 - offset);
      default: return false;
    }
  }
  // Minutes east of UTC at a time.
  const offsetAt = (zone, time) => zone.offset + (summer(zone, time) ? 60 : 0);

  function find(name) {
    const text = `${name}`;
    const known = ZONES.get(text.toLowerCase());
    if (known) return known;
    const fixed = /^([+-])(\d\d)(?::?(\d\d))?$/.exec(text);
    if (fixed && Number(fixed[2]) < 24 && Number(fixed[3] ?? 0) < 60) {
      const minutes = Number(fixed[2]) * 60 + Number(fixed[3] ?? 0);
      return { name: `${fixed[1]}${fixed[2]}:${fixed[3] ?? '00'}`, offset: fixed[1] === '-' ? -minutes : minutes, rule: '', fixed: true };
    }
    if (/^[a-z]+(\/[a-z_+\-0-9]+)+$/i.test(text)) throw new RangeError(`The time zone ${text} is not available: there are UTC, offsets such as +08:00, and the zones of Intl.supportedValuesOf('timeZone')`);
    throw new RangeError(`Invalid time zone specified: ${text}`);
  }

  const AMERICAN = { '-300': 'E', '-360': 'C', '-420': 'M', '-480': 'P' };
  // What `timeZoneName` shows.
  function nameAt(zone, time, style, locale) {
    if (zone.name === 'UTC' && !/offset/i.test(style)) return style === 'long' ? 'Coordinated Universal Time' : 'UTC';
    const minutes = offsetAt(zone, time);
    const letter = AMERICAN[zone.offset];
    if (style === 'short' && letter && locale === 'en-US' && zone.name.startsWith('America/') && (zone.rule === 'us' || zone.name === 'America/Phoenix')) return `${letter}${summer(zone, time) ? 'D' : 'S'}T`;
    if (minutes === 0) return 'GMT';
    const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
    const sign = minutes < 0 ? '-' : '+';
    const two = (number) => `${number}`.padStart(2, '0');
    return /^long/.test(style) ? `GMT${sign}${two(hours)}:${two(rest)}` : `GMT${sign}${hours}${rest ? `:${two(rest)}` : ''}`;
  }

  modules.zones = { find, offsetAt, nameAt };
  modules.intl.hide(modules.intl.Intl, 'supportedValuesOf', (key) => {
    if (key === 'timeZone') return [...new Set([...ZONES.values()].map((zone) => zone.name))].sort();
    if (key === 'numberingSystem') return ['latn'];
    if (key === 'calendar') return ['gregory'];
    throw new RangeError(`Invalid key : ${key}`);
  });
});
