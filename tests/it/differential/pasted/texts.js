//# slug
const slug = (s) => s.normalize('NFD').replace(/[\u0300-\u036f]/g, '').toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '');
return [slug('Ça va? Déjà-vu!'), slug(context.data.text)];
//# title case and initials
return [context.data.text.slice(0, 19).replace(/\b\w/g, (c) => c.toUpperCase()), context.data.users.map((u) => u.name.split(/\s+/).map((w) => w[0]).join(''))];
//# truncate by code points
const cut = (s, n) => ([...s].length > n ? [...s].slice(0, n - 1).join('') + '…' : s);
return [cut(context.data.order.note, 8), cut('short', 10), context.data.order.note.length, [...context.data.order.note].length];
//# padding and tables
const rows = context.data.order.items.map((i) => `${i.sku.padEnd(8, '.')}|${String(i.qty).padStart(3)}|${i.price.toFixed(2).padStart(8, '0')}`);
return rows.join('\n');
//# template with placeholders
const render = (t, v) => t.replace(/\{\{\s*([\w.]+)\s*\}\}/g, (m, p) => p.split('.').reduce((o, k) => o?.[k], v) ?? m);
return render('Order {{order.id}} to {{ order.address.city }}: {{gone.x}}', context.data);
//# replace with patterns
return ['a.b.c'.replace('.', '-'), 'a.b.c'.replaceAll('.', '-'), 'abc'.replace('b', '[$&$`$\'$$]'), 'John Smith'.replace(/(\w+)\s(\w+)/, '$2, $1'), 'x'.replace('x', () => '$&'), 'aaa'.replace(/a/g, (m, at) => at), '2026-01'.replace(/(?<y>\d+)-(?<m>\d+)/, '$<m>/$<y>')];
//# split with limits and groups
return ['a,b,,c'.split(','), 'a,b,c'.split(',', 2), 'a1b22c'.split(/\d+/), 'a1b2c'.split(/(\d)/), ''.split(','), ''.split(''), 'abc'.split(''), 'a  b'.split(' '), '👍a'.split('').length];
//# escape html
const esc = (s) => s.replace(/[&<>"']/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[c]);
return esc(`<a href="x">Tom & 'Jerry'</a>`);
//# unescape html
const un = (s) => s.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (m, d, x, n) => (d ? String.fromCodePoint(+d) : x ? String.fromCodePoint(parseInt(x, 16)) : { amp: '&', lt: '<', gt: '>', quot: '"', nbsp: '\u00a0' }[n] ?? m));
return un('&lt;b&gt; &amp; &#128077; &#x4e2d; &unknown; &nbsp;x');
//# strip tags
return '<p>Hello <b>world</b><br/>line</p><script>x()</script>'.replace(/<script[\s\S]*?<\/script>/gi, '').replace(/<br\s*\/?>/gi, '\n').replace(/<[^>]*>/g, '');
//# parse csv with quotes
function parse(text) { const rows = [[]]; let cell = '', quoted = false; for (let i = 0; i < text.length; i++) { const c = text[i]; if (quoted) { if (c === '"' && text[i + 1] === '"') { cell += '"'; i++; } else if (c === '"') quoted = false; else cell += c; } else if (c === '"') quoted = true; else if (c === ',') { rows.at(-1).push(cell); cell = ''; } else if (c === '\n') { rows.at(-1).push(cell.replace(/\r$/, '')); cell = ''; rows.push([]); } else cell += c; } if (cell || rows.at(-1).length) rows.at(-1).push(cell); else rows.pop(); return rows; }
const [head, ...body] = parse(context.data.csv).filter((r) => r.some(Boolean));
return body.map((r) => Object.fromEntries(head.map((h, i) => [h, r[i]])));
//# write csv
const quote = (v) => (/[",\n]/.test(String(v ?? '')) ? `"${String(v).replace(/"/g, '""')}"` : String(v ?? ''));
return context.data.order.items.map((i) => Object.values(i).map(quote).join(',')).join('\r\n');
//# parse xml with regexes
const tag = (n) => new RegExp(`<${n}>(?:<!\\[CDATA\\[([\\s\\S]*?)\\]\\]>|([^<]*))</${n}>`).exec(context.data.xml);
const value = (n) => { const m = tag(n); return m && (m[1] ?? m[2].replace(/&lt;/g, '<').replace(/&amp;/g, '&')); };
return [value('ToUserName'), value('Content'), value('Gone'), [...context.data.xml.matchAll(/<Item id="(\d+)"/g)].map((m) => [m[1], m.index])];
//# parse log lines
return context.data.log.trim().split('\n').map((l) => { const m = /^(?<at>\S+Z) (?<level>[A-Z]+) (?<rest>.*)$/.exec(l); if (!m) return null; const { at, level, rest } = m.groups; return { at, level, fields: Object.fromEntries([...rest.matchAll(/(\w+)=("[^"]*"|\S+)/g)].map(([, k, v]) => [k, v.replace(/^"|"$/g, '')])) }; });
//# parse key=value config
const text = '# comment\nNAME = "x y"\nEMPTY=\nexport PORT=80 # tail\nURL=http://a/?b=c\n';
return Object.fromEntries(text.split(/\r?\n/).map((l) => /^\s*(?:export\s+)?([\w.-]+)\s*=\s*(.*?)?\s*$/.exec(l)).filter(Boolean).map(([, k, v]) => [k, (v ?? '').replace(/\s+#.*$/, '').replace(/^(['"])(.*)\1$/, '$2')]));
//# parse ini
let section = 'root'; const out = {};
for (const line of '; c\na=1\n[db]\nhost=x\nport = 5\n[db.sub]\nk=v=w'.split('\n')) { const s = /^\[(.+)\]$/.exec(line); if (s) section = s[1]; else if (/^[^;#].*=/.test(line)) { const at = line.indexOf('='); (out[section] ??= {})[line.slice(0, at).trim()] = line.slice(at + 1).trim(); } }
return out;
//# parse a markdown table
const md = '| a | b |\n|---|:-:|\n| 1 | x\\|y |\n| 2 |  |';
return md.split('\n').filter((_, i) => i !== 1).map((l) => l.split(/(?<!\\)\|/).slice(1, -1).map((c) => c.trim().replace('\\|', '|')));
//# conventional commits
return context.data.commits.map((c) => { const m = /^(?<type>\w+)(?:\((?<scope>[^)]+)\))?(?<breaking>!)?: (?<subject>.+)/.exec(c.message); return { ...m.groups, breaking: Boolean(m.groups.breaking), pr: c.message.match(/#(\d+)/)?.[1] ?? null, short: c.id.slice(0, 7) }; });
//# changelog
const byType = {};
for (const { message } of context.data.commits) { const [head] = message.split('\n'); const [type] = head.split(/[(!:]/); (byType[type] ??= []).push(head.slice(head.indexOf(':') + 2)); }
return Object.keys(byType).sort().map((t) => `## ${t}\n${byType[t].map((l) => `- ${l}`).join('\n')}`).join('\n\n');
//# emails in a text
return 'a@b.co, "X" <x.y+z@sub.example.com>; not@, @no, é@ü.de'.match(/[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g);
//# urls in a text
return 'see https://a.b/c?d=1#e, http://x.y. and ftp://no (https://z.w/p(1))'.match(/https?:\/\/[^\s,)]+/g);
//# mask a card and a phone
return ['4111 1111 1111 1234'.replace(/\d(?=(?:\D*\d){4})/g, '*'), '13812345678'.replace(/^(\d{3})\d{4}(\d{4})$/, '$1****$2'), 'zoe@example.com'.replace(/^(.).*(?=@)/, '$1***')];
//# luhn
const luhn = (n) => [...n].reverse().reduce((s, d, i) => s + (i % 2 ? [0, 2, 4, 6, 8, 1, 3, 5, 7, 9][d] : +d), 0) % 10 === 0;
return [luhn('4111111111111111'), luhn('4111111111111112')];
//# a Chinese id number
const ok = (id) => /^\d{17}[\dX]$/.test(id) && '10X98765432'[[...id.slice(0, 17)].reduce((s, d, i) => s + d * [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2][i], 0) % 11] === id[17];
return [ok('11010519491231002X'), ok('110105194912310021')];
//# Chinese in regexes
return [context.data.text.match(/[\u4e00-\u9fa5]+/g), context.data.text.match(/\p{Script=Han}+/gu), context.data.text.match(/\p{L}+/gu).length, context.data.text.match(/\p{Emoji_Presentation}/gu).length, /^[\w\u4e00-\u9fff]+$/.test('张伟_1')];
//# case of other languages
return ['ß'.toUpperCase(), 'İ'.toLowerCase().length, 'ΑΣ'.toLowerCase(), 'ﬃ'.toUpperCase(), 'I'.toLocaleLowerCase('tr'), 'i'.toLocaleUpperCase('tr'), 'Ǆ'.toLowerCase()];
//# normalize
return ['é' === 'e\u0301', 'é' === 'e\u0301'.normalize(), 'ﬁ①２'.normalize('NFKC'), 'Å'.normalize('NFD').length, '가'.normalize('NFD').length];
//# codes of characters
return ['A'.charCodeAt(0), '👍'.charCodeAt(0), '👍'.codePointAt(0), '👍'.codePointAt(1), String.fromCodePoint(0x1f44d, 65), String.fromCharCode(0xd83d, 0xdc4d), 'abc'.at(-1), 'abc'.charAt(9), 'abc'[9] ?? 'none', 'x'.codePointAt(5) ?? 'none'];
//# wellformed
return ['a\ud800'.isWellFormed(), 'a\ud800b'.toWellFormed(), '👍'.isWellFormed(), encodeURIComponent('a\ud800b'.toWellFormed())];
//# trim
const s = '\u00a0\ufeff\t x \u3000\n';
return [s.trim(), s.trimStart().length, s.trimEnd().length, '\u200b x'.trim().length, '\u180ex'.trim().length];
//# substring, substr, slice
const s = 'abcdef';
return [s.substring(4, 1), s.substring(-2, 2), s.slice(4, 1), s.slice(-3, -1), s.substr(-3, 2), s.substr(1), s.slice(2, NaN), s.substring(NaN, 2)];
//# indexOf with positions
const s = 'abcabc';
return [s.indexOf('c', 3), s.lastIndexOf('a', 2), s.indexOf(''), s.indexOf('', 99), s.includes('ca'), s.startsWith('b', 1), s.endsWith('b', 2), s.search(/[bc]/), 'x'.lastIndexOf('x', -5)];
//# repeat and concat
let why; try { 'a'.repeat(-1); } catch (e) { why = e.name; }
return ['ab'.repeat(3), 'x'.repeat(0), 'a'.concat(1, null, [2]), why, 'abc' < 'abd', 'a' + 1 + 2, 1 + 2 + 'a', '3' * '4', '3' - 1, +'', +' 12 ', +'1,2', +[], +[5], +{}, -'1'];
//# compare in order
const names = ['z', 'ä', 'a', 'Z', 'A', '中', '10', '9', ' ', '_'];
return [[...names].sort(), [...names].sort((a, b) => a.localeCompare(b)), ['10', '9', '1'].sort((a, b) => a.localeCompare(b, undefined, { numeric: true })), 'a'.localeCompare('A', 'en', { sensitivity: 'base' })];
//# wrap lines
const wrap = (s, w) => s.replace(new RegExp(`(?![^\\n]{1,${w}}$)([^\\n]{1,${w}})\\s`, 'g'), '$1\n');
return wrap('The quick brown fox jumps over the lazy dog again and again', 16);
//# levenshtein
const lev = (a, b) => { const d = Array.from({ length: b.length + 1 }, (_, i) => i); for (let i = 1; i <= a.length; i++) { let p = d[0]; d[0] = i; for (let j = 1; j <= b.length; j++) { const t = d[j]; d[j] = Math.min(d[j] + 1, d[j - 1] + 1, p + (a[i - 1] !== b[j - 1])); p = t; } } return d[b.length]; };
return [lev('kitten', 'sitting'), lev('', 'abc'), lev('中文字', '中字')];
//# longest common subsequence
const lcs = (a, b) => { const t = Array.from({ length: a.length + 1 }, () => Array(b.length + 1).fill('')); for (let i = 1; i <= a.length; i++) for (let j = 1; j <= b.length; j++) t[i][j] = a[i - 1] === b[j - 1] ? t[i - 1][j - 1] + a[i - 1] : t[i - 1][j].length >= t[i][j - 1].length ? t[i - 1][j] : t[i][j - 1]; return t[a.length][b.length]; };
return lcs('AGGTAB', 'GXTXAYB');
//# caesar and rot13
const rot = (s, n) => s.replace(/[a-z]/gi, (c) => { const b = c <= 'Z' ? 65 : 97; return String.fromCharCode(((c.charCodeAt(0) - b + n + 26) % 26) + b); });
return [rot('Hello, World!', 13), rot(rot('Hello, World!', 13), -13)];
//# roman numbers
const roman = (n) => [['M', 1000], ['CM', 900], ['D', 500], ['CD', 400], ['C', 100], ['XC', 90], ['L', 50], ['XL', 40], ['X', 10], ['IX', 9], ['V', 5], ['IV', 4], ['I', 1]].reduce((s, [r, v]) => { while (n >= v) { s += r; n -= v; } return s; }, '');
return [1994, 2026, 4].map(roman);
//# Chinese capital amounts
function cn(n) { const d = '零壹贰叁肆伍陆柒捌玖', u = ['', '拾', '佰', '仟'], g = ['', '万', '亿']; let s = '', i = 0; for (let x = Math.floor(n); x > 0; x = Math.floor(x / 10000), i++) { let p = '', z = true; for (let k = 0, y = x % 10000; k < 4; k++, y = Math.floor(y / 10)) { const v = y % 10; if (v) { p = d[v] + u[k] + p; z = false; } else if (!z && !p.startsWith('零')) p = '零' + p; } s = p.replace(/零+$/, '') + (p ? g[i] : '') + s; } return (s.replace(/^零/, '') || '零') + '元整'; }
return [cn(1234), cn(10010), cn(100000000), cn(0), cn(20260308)];
//# a state machine over text
let depth = 0, max = 0, bad = false; for (const c of '((a)(b(c)))') { if (c === '(') max = Math.max(max, ++depth); if (c === ')' && --depth < 0) bad = true; }
return [max, depth, bad];
//# an expression parser
function calc(src) { const t = src.match(/\d+\.?\d*|[-+*/()^]/g); let i = 0; const prim = () => { if (t[i] === '(') { i++; const v = sum(); i++; return v; } if (t[i] === '-') { i++; return -prim(); } return parseFloat(t[i++]); }; const pow = () => { const b = prim(); return t[i] === '^' ? (i++, b ** pow()) : b; }; const mul = () => { let v = pow(); while (t[i] === '*' || t[i] === '/') v = t[i++] === '*' ? v * pow() : v / pow(); return v; }; const sum = () => { let v = mul(); while (t[i] === '+' || t[i] === '-') v = t[i++] === '+' ? v + mul() : v - mul(); return v; }; return sum(); }
return [calc('2+3*4'), calc('(2+3)*4'), calc('2^3^2'), calc('10/4-1'), calc('-(3-5)*2.5')];
//# a JSON path
const walk = (v, p = '$') => (v && typeof v === 'object' ? Object.entries(v).flatMap(([k, x]) => walk(x, Array.isArray(v) ? `${p}[${k}]` : `${p}.${k}`)) : [`${p}=${JSON.stringify(v)}`]);
return walk(context.data.nested);
//# utf-8 by hand
return [unescape(encodeURIComponent('é中👍')).length, decodeURIComponent(escape('Ã©')), escape('ü 中+@*/'), unescape('%u4e2d%FC')];
//# line endings
return ['a\r\nb\nc\rd'.split(/\r\n|\n|\r/), 'a\r\nb'.replace(/\r?\n/g, '\\n'), 'x\u2028y'.split(/\n/).length, /^b$/m.test('a\nb'), 'a\nb'.match(/./gs).length];
//# sticky and global state
const re = /a(\d)/g, out = []; let m; while ((m = re.exec('a1 a2 b a3'))) out.push([m[1], m.index, re.lastIndex]);
const st = /foo/y; st.lastIndex = 3; const t1 = st.test('barfoo'), t2 = st.test('barfoo');
return [out, re.lastIndex, t1, t2, /a/g.test('a') && /a/g.test('a'), 'aXbX'.replace(/X/y, '-')];
//# look around and named groups
return ['price: $42, €7'.match(/(?<=\$)\d+/)[0], 'a1b2'.match(/[a-z](?=2)/)[0], 'foobar foobaz'.match(/foo(?!bar)\w+/)[0], '1234567.891'.replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ','), '2026-03-08'.match(/(?<y>\d{4})-(?<m>\d\d)/).groups.m, [...'aabbcc'.matchAll(/(.)\1/g)].map((x) => x[0])];
//# flags d, v, i and unicode
const m = /(?<w>b+)/d.exec('abbc');
return [m.indices[1], m.indices.groups.w, /[\p{L}--[a-z]]/v.test('a'), /[[a-z]&&[aeiou]]/v.test('e'), /\u{1f44d}/u.test('👍'), /^.$/.test('👍'), /^.$/u.test('👍'), /ſ/i.test('s'), /ſ/iu.test('s'), new RegExp('a/b').source, String(new RegExp('')), /a/gimsuy.flags];
//# regex from user text
const esc = (s) => s.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
let bad; try { new RegExp('(a'); } catch (e) { bad = e.name; }
return [new RegExp(esc('a.b*c?')).test('xa.b*c?y'), bad, new RegExp(esc('$1')).exec('pay $1').index];
