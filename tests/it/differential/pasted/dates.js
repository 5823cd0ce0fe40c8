//# parse many ways
return ['2026-03-08', '2026-03-08T23:30:15+08:00', '2026-03-08T23:30:15.5Z', 'Sun, 08 Mar 2026 15:30:15 GMT', 'March 8, 2026 15:30 UTC', '2026/03/08 00:00 GMT', '8 Mar 2026 10:00 GMT+0200', '+010000-01-01T00:00:00Z', '2026-02-30T00:00:00Z', '2026-13-01', 'nonsense', '2026-03-08T24:00:00Z', '2026-03-08 15:30:15Z'].map((t) => { const d = new Date(t); return isNaN(d) ? 'invalid' : d.toISOString(); });
//# start and end of day in UTC
const d = new Date(context.data.created_at);
const start = new Date(Date.UTC(d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate()));
return [start.toISOString(), new Date(start.getTime() + 864e5 - 1).toISOString(), d.getUTCDay()];
//# add months
const add = (t, n) => { const d = new Date(t); const day = d.getUTCDate(); d.setUTCMonth(d.getUTCMonth() + n, 1); d.setUTCDate(Math.min(day, new Date(Date.UTC(d.getUTCFullYear(), d.getUTCMonth() + 1, 0)).getUTCDate())); return d.toISOString().slice(0, 10); };
return [add('2026-01-31', 1), add('2024-01-31', 1), add('2026-03-31', -1), add('2026-12-15', 1), add('2026-01-15', -13)];
//# days between
const days = (a, b) => Math.round((Date.parse(b) - Date.parse(a)) / 864e5);
return [days('2024-02-28', '2024-03-01'), days('2026-03-01', '2026-02-01'), context.data.users.map((u) => days(u.joined, '2026-03-08'))];
//# age
const age = (b, now = new Date('2026-03-08')) => { let a = now.getUTCFullYear() - new Date(b).getUTCFullYear(); const m = now.getUTCMonth() - new Date(b).getUTCMonth(); if (m < 0 || (m === 0 && now.getUTCDate() < new Date(b).getUTCDate())) a--; return a; };
return ['2000-03-08', '2000-03-09', '1999-12-31'].map((b) => age(b));
//# iso week
const week = (t) => { const d = new Date(t); d.setUTCDate(d.getUTCDate() + 4 - (d.getUTCDay() || 7)); return [d.getUTCFullYear(), Math.ceil(((d - Date.UTC(d.getUTCFullYear(), 0, 1)) / 864e5 + 1) / 7)]; };
return ['2026-01-01', '2027-01-01', '2024-12-30', '2026-12-31'].map(week);
//# human durations
const human = (s) => [['d', 86400], ['h', 3600], ['m', 60], ['s', 1]].reduce(([out, left], [n, v]) => [left >= v ? out + Math.floor(left / v) + n : out, left % v], ['', s])[0] || '0s';
return [0, 59, 3661, 90061].map(human);
//# relative time by Intl
const rtf = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
return [rtf.format(-1, 'day'), rtf.format(2, 'week'), new Intl.RelativeTimeFormat('zh-CN').format(-3, 'month'), new Intl.RelativeTimeFormat('zh', { numeric: 'auto' }).format(1, 'day')];
//# Shanghai and New York
const d = new Date('2026-03-08T15:30:15Z');
return [d.toLocaleString('zh-CN', { timeZone: 'Asia/Shanghai' }), d.toLocaleString('en-US', { timeZone: 'America/New_York' }), d.toLocaleDateString('de-DE', { timeZone: 'UTC' }), d.toLocaleTimeString('en-GB', { timeZone: 'Asia/Kolkata' }), d.toLocaleDateString('ja-JP-u-ca-japanese', { timeZone: 'Asia/Tokyo' })];
//# wall clock of another zone by toLocaleString
const d = new Date('2026-07-01T00:00:00Z');
const there = new Date(d.toLocaleString('en-US', { timeZone: 'Asia/Tokyo' }) + ' UTC');
return [(there - d) / 36e5, new Date(d.toLocaleString('en-US', { timeZone: 'America/Los_Angeles' }) + ' UTC').toISOString()];
//# parts
const parts = Object.fromEntries(new Intl.DateTimeFormat('en-CA', { timeZone: 'Asia/Shanghai', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).formatToParts(new Date(context.data.created_at)).map((p) => [p.type, p.value]));
return `${parts.year}-${parts.month}-${parts.day} ${parts.hour}:${parts.minute}`;
//# styles of dates
const d = new Date('2026-03-08T15:30:15Z'), o = { timeZone: 'UTC' };
return ['full', 'long', 'medium', 'short'].flatMap((s) => ['en-US', 'zh-CN', 'fr-FR'].map((l) => d.toLocaleString(l, { ...o, dateStyle: s, timeStyle: 'short' })));
//# weekday and month names
const d = new Date('2026-03-08T15:30:15Z');
return ['en', 'zh', 'es', 'ru', 'ar'].map((l) => [d.toLocaleDateString(l, { weekday: 'long', timeZone: 'UTC' }), d.toLocaleDateString(l, { month: 'short', timeZone: 'UTC' })]);
//# formats of one's own
const d = new Date('2026-03-08T05:06:07.089Z'), p = (n, w = 2) => String(n).padStart(w, '0');
const fmt = (f) => f.replace(/YYYY|MM|DD|HH|mm|ss|SSS/g, (t) => ({ YYYY: d.getUTCFullYear(), MM: p(d.getUTCMonth() + 1), DD: p(d.getUTCDate()), HH: p(d.getUTCHours()), mm: p(d.getUTCMinutes()), ss: p(d.getUTCSeconds()), SSS: p(d.getUTCMilliseconds(), 3) })[t]);
return fmt('YYYY/MM/DD HH:mm:ss.SSS');
//# dates compared
const a = new Date(0), b = new Date(0);
return [a == b, +a === +b, a <= b, a - b, typeof (a + 1), JSON.stringify({ a }), `${a.valueOf()}`, a[Symbol.toPrimitive]('number')];
//# invalid dates
const d = new Date('x');
let why; try { d.toISOString(); } catch (e) { why = e.name; }
return [d.getTime(), String(d), JSON.stringify(d), why, isNaN(d), d.getDay(), new Date(undefined).getTime(), new Date(null).getTime(), new Date(8.64e15).toISOString(), new Date(8.64e15 + 1).getTime()];
//# overflow of parts
return [new Date(Date.UTC(2026, 12, 1)).toISOString(), new Date(Date.UTC(2026, 0, 0)).toISOString(), new Date(Date.UTC(2026, 1, 29, 25, 61, 61)).toISOString(), new Date(Date.UTC(99, 0)).getUTCFullYear(), new Date(Date.UTC(2026, 0, 1, -1)).toISOString()];
//# seconds and milliseconds
const asDate = (n) => new Date(n < 1e12 ? n * 1000 : n).toISOString();
return [asDate(1767323045), asDate(1767323045678), new Date(1767323045.9 * 1000).getTime(), Math.floor(Date.parse('2026-01-02T03:04:05.999Z') / 1000)];
//# cron like next day
const next = (from, hour) => { const d = new Date(from); d.setUTCHours(hour, 0, 0, 0); if (d <= new Date(from)) d.setUTCDate(d.getUTCDate() + 1); return d.toISOString(); };
return [next('2026-03-08T05:00:00Z', 9), next('2026-03-08T09:00:00Z', 9), next('2026-12-31T10:00:00Z', 9)];
//# business days
const addBusiness = (t, n) => { const d = new Date(t); while (n > 0) { d.setUTCDate(d.getUTCDate() + 1); if (d.getUTCDay() % 6) n--; } return d.toISOString().slice(0, 10); };
return [addBusiness('2026-03-06', 1), addBusiness('2026-03-06', 10)];
//# calendar of a month
const first = new Date(Date.UTC(2026, 1, 1)), n = new Date(Date.UTC(2026, 2, 0)).getUTCDate();
const cells = [...Array(first.getUTCDay()).fill('  '), ...Array.from({ length: n }, (_, i) => String(i + 1).padStart(2))];
return Array.from({ length: Math.ceil(cells.length / 7) }, (_, w) => cells.slice(w * 7, w * 7 + 7).join(' '));
//# toString of a date and its parts
const d = new Date(Date.UTC(2026, 2, 8, 15, 30, 15));
return [d.toUTCString(), d.toJSON(), d.toDateString(), d.getTimezoneOffset(), d.toString(), Date.length, new Date(2026, 2).getMonth()];
//# sort by dates
return context.data.users.map((u) => u.joined).sort((a, b) => new Date(b) - new Date(a));
//# ranges and durations of Intl
const f = new Intl.DateTimeFormat('en', { month: 'short', day: 'numeric', timeZone: 'UTC' });
return [f.formatRange(new Date(0), new Date(864e5 * 3)), f.formatRange(new Date(0), new Date(864e5 * 40)), f.resolvedOptions().timeZone, f.resolvedOptions().locale];
//# is it summer time
const offset = (t, zone) => { const p = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' }).formatToParts(new Date(t)); return p.find((x) => x.type === 'timeZoneName').value; };
return [offset('2026-01-01', 'Europe/Berlin'), offset('2026-07-01', 'Europe/Berlin'), offset('2026-07-01', 'Asia/Shanghai'), offset('1988-07-01', 'Asia/Shanghai'), offset('2026-07-01', 'Asia/Kathmandu')];
//# twelve hours
const d = new Date('2026-03-08T00:05:00Z');
return ['en-US', 'en-GB', 'zh-CN', 'ko-KR'].map((l) => d.toLocaleTimeString(l, { hour: 'numeric', minute: '2-digit', hour12: true, timeZone: 'UTC' }));
//# leap years
return [1900, 2000, 2024, 2026, 2100].map((y) => new Date(Date.UTC(y, 1, 29)).getUTCMonth() === 1);
//# setters give times
const d = new Date(0);
return [d.setUTCFullYear(2026), d.setUTCMonth(5, 31), d.setUTCHours(1, 2, 3, 4), d.setTime(5), d.setUTCSeconds(NaN), d.getTime()];
