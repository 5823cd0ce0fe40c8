//# floating money
return [0.1 + 0.2, (0.1 + 0.2).toFixed(2), (1.005).toFixed(2), Math.round(1.005 * 100) / 100, Number((1.005 + Number.EPSILON).toFixed(2)), 19.99 * 100, Math.round(19.99 * 100), (1.45).toFixed(1), (-1.5).toFixed(0), (2.5).toFixed(0)];
//# cents as integers
const cents = context.data.order.items.reduce((s, i) => s + i.qty * Math.round(i.price * 100), 0);
return [cents, (cents / 100).toFixed(2), `${Math.trunc(cents / 100)}.${String(cents % 100).padStart(2, '0')}`];
//# numbers as text
return context.data.amounts.map((n) => [String(n), n.toFixed(1), n.toPrecision(3), n.toExponential(2)]);
//# locale numbers
return ['en-US', 'de-DE', 'zh-CN', 'en-IN', 'fr-FR', 'ar-EG'].map((l) => (1234567.891).toLocaleString(l));
//# currencies
return [['en-US', 'USD'], ['zh-CN', 'CNY'], ['ja-JP', 'JPY'], ['de-DE', 'EUR'], ['en-IN', 'INR']].map(([l, currency]) => new Intl.NumberFormat(l, { style: 'currency', currency }).format(-1234.5));
//# compact, percent, units
return [new Intl.NumberFormat('en', { notation: 'compact' }).format(1234567), new Intl.NumberFormat('zh-CN', { notation: 'compact' }).format(1234567), (0.256).toLocaleString('en', { style: 'percent', maximumFractionDigits: 1 }), new Intl.NumberFormat('en', { style: 'unit', unit: 'kilometer-per-hour' }).format(50), new Intl.NumberFormat('en', { style: 'unit', unit: 'megabyte', unitDisplay: 'long' }).format(1)];
//# digits and rounding
const f = (o) => new Intl.NumberFormat('en', o).format(1234.5678);
return [f({ maximumFractionDigits: 0 }), f({ minimumFractionDigits: 6 }), f({ maximumSignificantDigits: 3 }), f({ useGrouping: false }), f({ minimumIntegerDigits: 6 }), f({ signDisplay: 'always' }), f({ notation: 'scientific' }), f({ roundingMode: 'floor', maximumFractionDigits: 1 })];
//# parse numbers
return [parseInt('42px'), parseInt('0x1f'), parseInt('101', 2), parseInt(''), parseInt('1e3'), parseInt(null), parseInt('08'), parseInt(0.0000005), parseFloat('3.14.15'), parseFloat('.5e-3x'), Number(''), Number('0b11'), Number('12px'), Number(null), Number([7]), Number(true), Number('1_000'), ['1', '2', '3'].map(parseInt)];
//# safe integers and big numbers
return [Number.MAX_SAFE_INTEGER, 9007199254740993, 9007199254740992 === 9007199254740993, Number.isSafeInteger(2 ** 53), 2 ** 53 + 2, 0.1 * 3, 1 / 3, 5e-324, 1.7976931348623157e308 * 10, -0 === 0, Object.is(-0, 0), 1 / -0];
//# bigint
const fact = (n) => (n < 2n ? 1n : n * fact(n - 1n));
let mixed; try { 1n + 1; } catch (e) { mixed = e.name; }
return [String(fact(25n)), (2n ** 64n).toString(16), String(-7n / 2n), String(-7n % 3n), mixed, 2n > 1, 1n == 1, typeof 1n, BigInt('0xff') === 255n, BigInt.asUintN(8, 257n) === 1n, String(BigInt.asIntN(8, 255n)), Number(123n), parseInt('9007199254740993'), String(BigInt('9007199254740993')), (123n).toLocaleString('en')];
//# a snowflake id
const id = BigInt('1382971839197577216');
return [String((id >> 22n) + 1420070400000n), String(id & 0xfffn), Number(id) === 1382971839197577216];
//# bits
return [5 & 3, 5 | 3, 5 ^ 3, ~5, 5 << 2, -5 >> 1, -5 >>> 28, 1 << 31, 2 ** 32 | 0, 2 ** 31 >> 0, 0xffffffff >>> 0, ~~-3.7, -3.7 | 0, NaN | 0, 1e20 | 0, Math.clz32(1), Math.imul(0xffffffff, 5)];
//# remainders and powers
return [-7 % 3, 7 % -3, 5.5 % 2, (-2) ** 2, 2 ** -1, 2 ** 3 ** 2, ((-7 % 3) + 3) % 3, 0 ** 0, NaN ** 0, Math.pow(-8, 1 / 3)];
//# Math
return [Math.sign(-3), Math.cbrt(27), Math.hypot(3, 4), Math.trunc(-4.7), Math.round(-0.5), Math.round(2.5), Math.round(-2.5), Math.fround(5.5), Math.log2(8), Math.log10(1000), Math.expm1(0), Math.atan2(1, 1).toFixed(6), Math.sinh(1).toFixed(6), Math.max(-0, 0), Math.min(), Math.floor(-0.1), Math.ceil(-0.9)];
//# base conversion
return [(255).toString(16), (255).toString(2), (0.5).toString(2), (-255).toString(36), parseInt('zz', 36), (3.14159).toString(8).slice(0, 8), Number('0o17'), (1e21).toString(36).slice(0, 6), (123.456).toString(36).slice(0, 9)];
//# bytes for people
const human = (n) => { const u = ['B', 'KB', 'MB', 'GB', 'TB']; const i = n ? Math.min(Math.floor(Math.log(n) / Math.log(1024)), 4) : 0; return `${(n / 1024 ** i).toFixed(i ? 1 : 0)} ${u[i]}`; };
return [0, 512, 1536, 1048576, 5e9, 1e15].map(human);
//# primes and gcd
const gcd = (a, b) => (b ? gcd(b, a % b) : a);
const sieve = (n) => { const s = new Uint8Array(n + 1); const out = []; for (let i = 2; i <= n; i++) if (!s[i]) { out.push(i); for (let j = i * i; j <= n; j += i) s[j] = 1; } return out; };
return [gcd(1071, 462), sieve(60), sieve(5000).length];
//# fibonacci four ways
const rec = (n) => (n < 2 ? n : rec(n - 1) + rec(n - 2)); const memo = ((c) => function f(n) { return (c[n] ??= n < 2 ? n : f(n - 1) + f(n - 2)); })({});
function* gen() { let [a, b] = [0, 1]; for (;;) { yield a; [a, b] = [b, a + b]; } }
const it = gen(); let g; for (let i = 0; i <= 20; i++) g = it.next().value;
return [rec(18), memo(90), g, [1, 1].concat(Array(8).fill()).reduce((l) => [...l, l.at(-1) + l.at(-2)], [0, 1]).length];
//# a seeded random
const mulberry = (a) => () => { a |= 0; a = (a + 0x6d2b79f5) | 0; let t = Math.imul(a ^ (a >>> 15), 1 | a); t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t; return ((t ^ (t >>> 14)) >>> 0) / 4294967296; };
const r = mulberry(42);
return [r(), r(), r()];
//# a hash of a text
const djb2 = (s) => { let h = 5381; for (let i = 0; i < s.length; i++) h = ((h << 5) + h + s.charCodeAt(i)) | 0; return h >>> 0; };
const fnv = (s) => { let h = 0x811c9dc5; for (const b of Buffer.from(s)) h = Math.imul(h ^ b, 0x01000193) >>> 0; return h.toString(16); };
return [djb2('flowcell'), fnv('flowcell'), djb2('中文')];
//# crc32
const table = new Int32Array(256).map((_, n) => { for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1; return n; });
const crc = (b) => { let c = -1; for (const x of b) c = table[(c ^ x) & 255] ^ (c >>> 8); return (c ^ -1) >>> 0; };
return [crc(Buffer.from('123456789')).toString(16), table.slice(0, 3)];
//# typed arrays
const f = new Float32Array([1.1, 2.5]), u = new Uint8ClampedArray([300, -5, 1.5, 2.5]), i = new Int16Array([40000, -40000]);
const v = new DataView(new ArrayBuffer(8)); v.setFloat32(0, 1.5); v.setInt16(4, -2, true);
return [[...f], [...u], [...i], new Uint8Array(v.buffer).join(), v.getUint16(4, true), Array.from(new Uint16Array([1, 2, 3]).subarray(1)), new Uint8Array([3, 1, 2]).sort().join(), Object.keys(new Uint8Array(2))];
//# statistics
const l = [2, 4, 4, 4, 5, 5, 7, 9], mean = l.reduce((a, b) => a + b) / l.length;
const mode = [...l.reduce((m, x) => m.set(x, (m.get(x) ?? 0) + 1), new Map())].sort((a, b) => b[1] - a[1])[0][0];
const pct = (p) => { const s = [...l].sort((a, b) => a - b), i = (s.length - 1) * p; return s[Math.floor(i)] + (s[Math.ceil(i)] - s[Math.floor(i)]) * (i % 1); };
return [mean, Math.sqrt(l.reduce((s, x) => s + (x - mean) ** 2, 0) / l.length), mode, pct(0.5), pct(0.9)];
//# distance on earth
const rad = (d) => (d * Math.PI) / 180; const dist = (a, b, c, d) => 2 * 6371 * Math.asin(Math.sqrt(Math.sin(rad(c - a) / 2) ** 2 + Math.cos(rad(a)) * Math.cos(rad(c)) * Math.sin(rad(d - b) / 2) ** 2));
return [dist(30.27, 120.15, 39.9, 116.4).toFixed(1), dist(0, 0, 0, 180).toFixed(1)];
//# compound interest and a loan
const pay = (p, r, n) => (p * (r / 12)) / (1 - (1 + r / 12) ** -n);
return [pay(100000, 0.049, 360).toFixed(2), (1000 * (1 + 0.05 / 12) ** 120).toFixed(2)];
//# colors
const hex = (r, g, b) => '#' + [r, g, b].map((x) => x.toString(16).padStart(2, '0')).join(''); const rgb = (h) => h.match(/\w\w/g).map((x) => parseInt(x, 16));
const [r, g, b] = rgb('ff8800').map((x) => x / 255), max = Math.max(r, g, b), min = Math.min(r, g, b);
return [hex(255, 0, 10), rgb('#0a0b0c'), Math.round((60 * ((g - b) / (max - min)) + 360) % 360)];
//# number checks
return [Number.isInteger(5.0), Number.isInteger('5'), isFinite('5'), Number.isFinite('5'), isNaN('x'), Number.isNaN('x'), isNaN(undefined), isFinite(null), Number.parseFloat === parseFloat, (25).toString().length, 1.0.toString(), 1..toFixed(1)];
