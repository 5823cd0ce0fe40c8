//# TOTP
const crypto = require('crypto');
const base32 = (s) => { let bits = ''; for (const c of s.replace(/=+$/, '').toUpperCase()) bits += 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0'); return Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2))); };
const totp = (secret, t) => { const c = Buffer.alloc(8); c.writeBigUInt64BE(BigInt(Math.floor(t / 30))); const h = crypto.createHmac('sha1', base32(secret)).update(c).digest(); const o = h[h.length - 1] & 15; return String((h.readUInt32BE(o) & 0x7fffffff) % 1e6).padStart(6, '0'); };
return [totp('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ', 59), totp('JBSWY3DPEHPK3PXP', 1767323045)];
//# OAuth 1 signature
const crypto = require('crypto'); const enc = (s) => encodeURIComponent(s).replace(/[!'()*]/g, (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase());
const params = { oauth_consumer_key: 'xvz1', oauth_nonce: 'kYjz', oauth_timestamp: '1318622958', status: "Hello Ladies + Gentlemen, a signed OAuth request! 'é'" };
const base = ['POST', enc('https://api.example.com/1.1/statuses/update.json'), enc(Object.keys(params).sort().map((k) => `${enc(k)}=${enc(params[k])}`).join('&'))].join('&');
return [base, crypto.createHmac('sha1', `${enc('cons')}&${enc('tok')}`).update(base).digest('base64')];
//# xml from an object
const xml = (o, t = 'xml') => (Array.isArray(o) ? o.map((x) => xml(x, t)).join('') : `<${t}>${o !== null && typeof o === 'object' ? Object.entries(o).map(([k, v]) => xml(v, k)).join('') : typeof o === 'number' ? o : `<![CDATA[${o ?? ''}]]>`}</${t}>`);
return xml({ ToUserName: 'x', CreateTime: 5, Articles: { item: [{ Title: '标题' }, { Title: null }] } });
//# object from xml
function parse(src) { const re = /<\?[\s\S]*?\?>|<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<(\/?)([\w:.-]+)((?:\s+[\w:.-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(\/?)>|([^<]+)/g; const root = { kids: [] }, stack = [root]; let m; while ((m = re.exec(src))) { const top = stack.at(-1); if (m[3]) { if (m[2]) stack.pop(); else { const n = { name: m[3], attrs: Object.fromEntries([...m[4].matchAll(/([\w:.-]+)\s*=\s*(["'])(.*?)\2/g)].map((a) => [a[1], a[3]])), kids: [], text: '' }; top.kids.push(n); if (!m[5]) stack.push(n); } } else if (m[1] !== undefined) top.text += m[1]; else if (m[6] && top.text !== undefined) top.text += m[6]; } return root.kids[0]; }
const simple = (n) => (n.kids.length ? n.kids.reduce((o, k) => { const v = simple(k); o[k.name] = k.name in o ? [].concat(o[k.name], v) : v; return o; }, {}) : Object.keys(n.attrs).length ? { ...n.attrs, _: n.text } : n.text);
return simple(parse(context.data.xml));
//# a small yaml
function yaml(text) { const lines = text.split('\n').filter((l) => l.trim() && !/^\s*#/.test(l)); let i = 0; const scalar = (s) => (s === '' || s === 'null' ? null : s === 'true' ? true : s === 'false' ? false : /^-?\d+(\.\d+)?$/.test(s) ? Number(s) : s.replace(/^(['"])(.*)\1$/, '$2')); const indent = (l) => l.search(/\S/); function block(n) { if (/^\s*- /.test(lines[i] ?? '')) { const out = []; while (i < lines.length && indent(lines[i]) === n && /^\s*- /.test(lines[i])) { const rest = lines[i].slice(n + 2); if (/^[\w-]+:( |$)/.test(rest)) { lines[i] = ' '.repeat(n + 2) + rest; out.push(block(n + 2)); } else { i++; out.push(scalar(rest.trim())); } } return out; } const out = {}; while (i < lines.length && indent(lines[i]) === n) { const [, k, v] = /^\s*([\w-]+):\s*(.*)$/.exec(lines[i]); i++; out[k] = v === '' && i < lines.length && indent(lines[i]) > n ? block(indent(lines[i])) : scalar(v.trim()); } return out; } return block(0); }
return yaml('name: CI\non:\n  push:\n    branches:\n      - main\n      - "v1"\njobs:\n  build:\n    timeout: 30\n    steps:\n      - uses: checkout\n        with: 1.5\n      - run: test\nlast: true');
//# markdown to html
const md = (t) => t.split(/\n{2,}/).map((b) => { const h = /^(#{1,6}) (.*)/.exec(b); if (h) return `<h${h[1].length}>${h[2]}</h${h[1].length}>`; if (/^[-*] /m.test(b)) return `<ul>${b.split('\n').map((l) => `<li>${l.slice(2)}</li>`).join('')}</ul>`; return `<p>${b}</p>`; }).join('\n').replace(/\*\*(.+?)\*\*/g, '<b>$1</b>').replace(/`([^`]+)`/g, '<code>$1</code>').replace(/\[([^\]]+)\]\(([^)]+)\)/g, '<a href="$2">$1</a>');
return md('# Hi **you**\n\n- one `x`\n- [two](http://a.b/?c=d&e)\n\nlast *para*\nline');
//# 企业微信 markdown message
const { order } = context.data; const color = (s, ok) => `<font color="${ok ? 'info' : 'warning'}">${s}</font>`;
const content = [`## 新订单 ${order.id}`, ...order.items.map((i, n) => `> ${n + 1}. ${i.name} × ${i.qty} = ${color((i.qty * i.price).toFixed(2), i.qty * i.price < 200)}`), `备注：${order.note}`].join('\n');
return { msgtype: 'markdown', markdown: { content }, bytes: Buffer.byteLength(content) };
//# slack blocks
return { blocks: [{ type: 'header', text: { type: 'plain_text', text: `${context.data.commits.length} commits` } }, ...context.data.commits.map(({ id, message, author: { name } }) => ({ type: 'section', text: { type: 'mrkdwn', text: `<https://x/c/${id}|\`${id.slice(0, 7)}\`> ${message.split('\n')[0].replace(/[&<>]/g, (c) => `&${{ '&': 'amp', '<': 'lt', '>': 'gt' }[c]};`)} — _${name}_` } }))] };
//# files of a push
const files = context.data.commits.flatMap((c) => [...c.added.map((f) => ['+', f]), ...c.modified.map((f) => ['~', f])]);
return [Object.entries(files.reduce((m, [s, f]) => ((m[f] = (m[f] ?? '') + s), m), {})).sort(([a], [b]) => (a < b ? -1 : 1)), [...new Set(files.map(([, f]) => f.split('/')[0]))], files.some(([, f]) => /^docs\//.test(f))];
//# glob
const glob = (p) => new RegExp('^' + p.replace(/[.+^${}()|[\]\\]/g, '\\$&').replace(/\*\*\/?|\*|\?/g, (m) => (m.startsWith('**') ? '(?:.*/)?' : m === '*' ? '[^/]*' : '[^/]')) + '$');
return ['src/*.ts', '**/*.md', 'docs/**/y.*', 'a.?s'].map((p) => ['src/b.ts', 'docs/x.md', 'docs/a/b/y.md', 'a.js', 'src/x/b.ts'].filter((f) => glob(p).test(f)));
//# compare versions
const cmp = (a, b) => { const [x, y] = [a, b].map((v) => v.replace(/^v/, '').split(/[-+]/)); const [p, q] = [x[0], y[0]].map((v) => v.split('.').map(Number)); for (let i = 0; i < 3; i++) if ((p[i] ?? 0) !== (q[i] ?? 0)) return (p[i] ?? 0) - (q[i] ?? 0); return x[1] === y[1] ? 0 : x[1] === undefined ? 1 : y[1] === undefined ? -1 : x[1].localeCompare(y[1], 'en', { numeric: true }); };
return ['1.10.0', 'v1.2.0', '1.2.0-beta.10', '1.2.0-beta.2', '1.2', '2.0.0-rc'].sort(cmp);
//# a cron expression's next time
const match = (field, v, min, max) => field.split(',').some((p) => { const [r, s = '1'] = p.split('/'); const [a, b] = r === '*' ? [min, max] : r.split('-').map(Number); return v >= a && v <= (b ?? (p.includes('/') ? max : a)) && (v - a) % Number(s) === 0; });
const next = (cron, from) => { const [mi, h, d, mo, w] = cron.split(' '); const t = new Date(from); t.setUTCSeconds(0, 0); for (let n = 0; n < 600000; n++) { t.setUTCMinutes(t.getUTCMinutes() + 1); if (match(mi, t.getUTCMinutes(), 0, 59) && match(h, t.getUTCHours(), 0, 23) && match(d, t.getUTCDate(), 1, 31) && match(mo, t.getUTCMonth() + 1, 1, 12) && match(w, t.getUTCDay(), 0, 6)) return t.toISOString(); } };
return [next('*/15 9-17 * * 1-5', '2026-03-06T17:50:00Z'), next('0 0 1 * *', '2026-03-08T00:00:00Z'), next('30 4 * * 0,6', '2026-03-08T05:00:00Z')];
//# CIDR
const ip = (s) => s.split('.').reduce((n, o) => n * 256 + +o, 0); const inside = (a, c) => { const [n, b = 32] = c.split('/'); const size = 2 ** (32 - b); return Math.floor(ip(a) / size) === Math.floor(ip(n) / size); };
return [inside('192.168.1.7', '192.168.0.0/16'), inside('10.0.0.1', '10.0.0.2/32'), inside('255.255.255.255', '0.0.0.0/0'), ip('1.2.3.4'), [24, 16, 8, 0].map((s) => (ip('1.2.3.4') >>> s) & 255).join('.')];
//# cookies
const parse = (h) => Object.fromEntries(h.split(/;\s*/).filter(Boolean).map((p) => { const at = p.indexOf('='); return [p.slice(0, at).trim(), decodeURIComponent(p.slice(at + 1).replace(/^"|"$/g, ''))]; }));
const write = (n, v, o) => [`${n}=${encodeURIComponent(v)}`, ...Object.entries(o).map(([k, x]) => (x === true ? k : `${k}=${x instanceof Date ? x.toUTCString() : x}`))].join('; ');
return [parse('a=1; b=%E4%B8%AD; c="x y"; d=e=f'), write('sid', 'ü;', { Path: '/', HttpOnly: true, Expires: new Date(0) })];
//# multipart by hand
const b = 'xYz'; const part = (n, v, f) => `--${b}\r\nContent-Disposition: form-data; name="${n}"${f ? `; filename="${f}"` : ''}\r\n\r\n${v}\r\n`;
const body = part('a', '1') + part('f', '内容', '报告.txt') + `--${b}--\r\n`;
return [body.length, Buffer.byteLength(body), body.split(`--${b}`).slice(1, -1).map((p) => /name="(\w+)"(?:; filename="([^"]+)")?\r\n\r\n([\s\S]*)\r\n$/.exec(p).slice(1))];
//# a query builder
const q = { where: [], params: [], sql() { return `SELECT * FROM orders${this.where.length ? ` WHERE ${this.where.join(' AND ')}` : ''}`; } };
for (const [k, v] of Object.entries({ id: [1, 2], city: '杭州', gone: undefined, min: { gte: 5 } })) { if (v === undefined) continue; if (Array.isArray(v)) { q.where.push(`${k} IN (${v.map((x) => `$${q.params.push(x)}`).join(', ')})`); } else if (typeof v === 'object') q.where.push(`${k} >= $${q.params.push(v.gte)}`); else q.where.push(`${k} = $${q.params.push(v)}`); }
return [q.sql(), q.params];
//# a JSON schema checker
const check = (s, v, at = '$') => { const t = v === null ? 'null' : Array.isArray(v) ? 'array' : Number.isInteger(v) ? 'integer' : typeof v; const out = []; if (s.type && s.type !== t && !(s.type === 'number' && t === 'integer')) return [`${at}: ${t} is no ${s.type}`]; if (s.enum && !s.enum.includes(v)) out.push(`${at}: not one of ${s.enum}`); if (s.pattern && !new RegExp(s.pattern, 'u').test(v)) out.push(`${at}: pattern`); if (s.minimum > v) out.push(`${at}: small`); for (const r of s.required ?? []) if (!Object.hasOwn(v, r)) out.push(`${at}.${r}: missing`); for (const [k, p] of Object.entries(s.properties ?? {})) if (k in v) out.push(...check(p, v[k], `${at}.${k}`)); if (s.items) v.forEach((x, i) => out.push(...check(s.items, x, `${at}[${i}]`))); return out; };
return check({ type: 'object', required: ['id', 'total'], properties: { id: { type: 'string', pattern: '^A-\\d+$' }, currency: { enum: ['USD'] }, items: { type: 'array', items: { properties: { qty: { type: 'integer', minimum: 2 }, price: { type: 'number' } } } } } }, context.data.order);
//# a template engine
const compile = (t) => new Function('it', "let o='';with(it){o+='" + t.replace(/\\|'/g, '\\$&').replace(/\n/g, '\\n').replace(/<%=(.+?)%>/g, (_, c) => `'+(${c.replace(/\\'/g, "'")})+'`).replace(/<%(.+?)%>/g, (_, c) => `';${c.replace(/\\'/g, "'")}o+='`) + "';}return o");
let made; try { made = compile("<% for (const i of items) { %><%= i.name %> (<%= i.tags.join('/') %>)\n<% } %>")(context.data.order); } catch (e) { made = e.name; }
return made;
//# parse a duration
const iso = (s) => { const m = /^(-)?P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?$/.exec(s); return m && [365 * 86400, 30 * 86400, 7 * 86400, 86400, 3600, 60, 1].reduce((n, u, i) => n + u * Number(m[i + 2] ?? 0), 0) * (m[1] ? -1 : 1); };
const short = (s) => [...s.matchAll(/([\d.]+)\s*(ms|s|m|h|d)/g)].reduce((n, [, v, u]) => n + v * { ms: 1, s: 1e3, m: 6e4, h: 36e5, d: 864e5 }[u], 0);
return [iso('P1DT2H3.5S'), iso('-PT90M'), iso('x'), short('1h30m'), short('2d 5ms')];
//# geohash
const hash = (lat, lon, n = 7) => { const b = '0123456789bcdefghjkmnpqrstuvwxyz'; let [la, lb, oa, ob] = [-90, 90, -180, 180], even = true, bits = 0, ch = 0, out = ''; while (out.length < n) { if (even) { const m = (oa + ob) / 2; if (lon >= m) { ch = ch * 2 + 1; oa = m; } else { ch *= 2; ob = m; } } else { const m = (la + lb) / 2; if (lat >= m) { ch = ch * 2 + 1; la = m; } else { ch *= 2; lb = m; } } even = !even; if (++bits === 5) { out += b[ch]; bits = ch = 0; } } return out; };
return [hash(30.27, 120.15), hash(57.64911, 10.40744, 11)];
//# soundex and run lengths
const soundex = (s) => { const c = { b: 1, f: 1, p: 1, v: 1, c: 2, g: 2, j: 2, k: 2, q: 2, s: 2, x: 2, z: 2, d: 3, t: 3, l: 4, m: 5, n: 5, r: 6 }; const l = s.toLowerCase(); let out = '', last = c[l[0]]; for (const x of l.slice(1)) { const d = c[x]; if (d && d !== last) out += d; if (!/[hw]/.test(x)) last = d; } return (s[0].toUpperCase() + out + '000').slice(0, 4); };
return [['Robert', 'Rupert', 'Tymczak', 'Pfister'].map(soundex), 'aaabccd'.replace(/(.)\1*/g, (m, c) => (m.length > 1 ? m.length : '') + c), '3a2bc'.replace(/(\d+)(\w)/g, (_, n, c) => c.repeat(n))];
//# huffman
const count = {}; for (const c of 'abracadabra') count[c] = (count[c] ?? 0) + 1;
let nodes = Object.entries(count).map(([c, n]) => ({ c, n })); while (nodes.length > 1) { nodes.sort((a, b) => a.n - b.n || (a.c ?? '~').localeCompare(b.c ?? '~')); const [l, r] = nodes.splice(0, 2); nodes.push({ n: l.n + r.n, l, r }); }
const codes = {}; (function walk(n, p) { if (n.c) codes[n.c] = p; else { walk(n.l, p + '0'); walk(n.r, p + '1'); } })(nodes[0], '');
return [[...'abracadabra'].map((c) => codes[c]).join('').length, Object.keys(codes).length];
//# lz string-like
const compress = (s) => { const d = new Map(); for (let i = 0; i < 256; i++) d.set(String.fromCharCode(i), i); let w = ''; const out = []; for (const c of s) { if (d.has(w + c)) w += c; else { out.push(d.get(w)); d.set(w + c, d.size); w = c; } } if (w) out.push(d.get(w)); return out; };
const expand = (l) => { const d = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)); let w = d[l[0]], out = w; for (const k of l.slice(1)) { const e = d[k] ?? w + w[0]; out += e; d.push(w + e[0]); w = e; } return out; };
const t = 'TOBEORNOTTOBEORTOBEORNOT'; return [compress(t), expand(compress(t)) === t];
//# game of life
let g = ['.....', '..#..', '..#..', '..#..', '.....'].map((r) => [...r]);
const step = (g) => g.map((r, y) => r.map((c, x) => { let n = 0; for (const dy of [-1, 0, 1]) for (const dx of [-1, 0, 1]) if ((dx || dy) && g[y + dy]?.[x + dx] === '#') n++; return n === 3 || (n === 2 && c === '#') ? '#' : '.'; }));
g = step(g); return g.map((r) => r.join(''));
//# queens and sudoku
const queens = (n, r = 0, c = 0, d = 0, e = 0) => { if (r === n) return 1; let k = 0; for (let i = 0; i < n; i++) if (!((c >> i) & 1) && !((d >> (r + i)) & 1) && !((e >> (r - i + n)) & 1)) k += queens(n, r + 1, c | (1 << i), d | (1 << (r + i)), e | (1 << (r - i + n))); return k; };
return [1, 4, 6, 7].map((n) => queens(n));
//# knapsack and coins
const knap = (items, cap) => { const d = Array(cap + 1).fill(0); for (const [w, v] of items) for (let c = cap; c >= w; c--) d[c] = Math.max(d[c], d[c - w] + v); return d[cap]; };
const ways = (coins, n) => coins.reduce((d, c) => { for (let i = c; i <= n; i++) d[i] += d[i - c]; return d; }, [1, ...Array(n).fill(0)])[n];
return [knap([[1, 1], [3, 4], [4, 5], [5, 7]], 7), ways([1, 2, 5, 10, 25, 50], 100)];
//# an interpreter
const bf = (p) => { const m = [0]; let i = 0, at = 0, out = '', n = 0; const j = {}, s = []; [...p].forEach((c, k) => { if (c === '[') s.push(k); if (c === ']') { const o = s.pop(); j[o] = k; j[k] = o; } }); while (at < p.length && n++ < 1e6) { switch (p[at]) { case '>': m[++i] ??= 0; break; case '<': i--; break; case '+': m[i] = (m[i] + 1) & 255; break; case '-': m[i] = (m[i] + 255) & 255; break; case '.': out += String.fromCharCode(m[i]); break; case '[': if (!m[i]) at = j[at]; break; case ']': if (m[i]) at = j[at]; } at++; } return out; };
return bf('++++++++[>++++[>++>+++>+++>+<<<<-]>+>+>->>+[<]<-]>>.>---.+++++++..+++.');
//# a lisp
const parse = (s) => { const t = s.match(/[()]|[^\s()]+/g); const read = () => { const x = t.shift(); if (x !== '(') return isNaN(x) ? x : +x; const l = []; while (t[0] !== ')') l.push(read()); t.shift(); return l; }; return read(); };
const env = { '+': (...a) => a.reduce((x, y) => x + y), '*': (a, b) => a * b, '-': (a, b) => a - b, '<': (a, b) => a < b };
const ev = (x, e) => { if (typeof x === 'string') return e[x]; if (typeof x === 'number') return x; const [o, ...a] = x; if (o === 'if') return ev(ev(a[0], e) ? a[1] : a[2], e); if (o === 'let') { const n = Object.create(e); n[a[0]] = ev(a[1], n); return ev(a[2], n); } if (o === 'fn') return (...v) => ev(a[1], Object.assign(Object.create(e), Object.fromEntries(a[0].map((k, i) => [k, v[i]])))); return ev(o, e)(...a.map((y) => ev(y, e))); };
return ev(parse('(let fact (fn (n) (if (< n 2) 1 (* n (fact (- n 1))))) (fact 10))'), env);
//# diff of two texts
const diff = (a, b) => { const t = Array.from({ length: a.length + 1 }, () => Array(b.length + 1).fill(0)); for (let i = a.length - 1; i >= 0; i--) for (let j = b.length - 1; j >= 0; j--) t[i][j] = a[i] === b[j] ? t[i + 1][j + 1] + 1 : Math.max(t[i + 1][j], t[i][j + 1]); const out = []; let i = 0, j = 0; while (i < a.length && j < b.length) { if (a[i] === b[j]) { out.push(' ' + a[i++]); j++; } else if (t[i + 1][j] >= t[i][j + 1]) out.push('-' + a[i++]); else out.push('+' + b[j++]); } return [...out, ...a.slice(i).map((x) => '-' + x), ...b.slice(j).map((x) => '+' + x)]; };
return diff('a b c d f'.split(' '), 'a c d e f g'.split(' '));
//# diff of two objects
const changes = (a, b, p = []) => [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((k) => { const at = [...p, k]; if (!(k in a)) return [['add', at.join('.'), b[k]]]; if (!(k in b)) return [['remove', at.join('.')]]; if (a[k] && b[k] && typeof a[k] === 'object' && typeof b[k] === 'object') return changes(a[k], b[k], at); return Object.is(a[k], b[k]) ? [] : [['change', at.join('.'), a[k], b[k]]]; });
return changes({ a: 1, b: { c: [1, 2], d: 'x' }, e: null }, { a: 1, b: { c: [1, 3, 4], d: 'y' }, f: 0 });
//# a report
const { items } = context.data.order; const w = [10, 4, 10]; const line = (...c) => c.map((x, i) => (i ? String(x).padStart(w[i]) : String(x).padEnd(w[i]))).join(' ');
const total = items.reduce((s, i) => s + i.qty * i.price, 0);
return [line('sku', 'qty', 'sum'), '-'.repeat(26), ...items.map((i) => line(i.sku, i.qty, (i.qty * i.price).toLocaleString('en-US', { minimumFractionDigits: 2 }))), line('total', '', total.toLocaleString('zh-CN', { style: 'currency', currency: 'CNY' }))].join('\n');
//# width of Chinese text
const width = (s) => [...s].reduce((n, c) => n + (/[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/.test(c) || c.codePointAt(0) > 0x1f000 ? 2 : 1), 0);
return ['abc', '中文', 'ｆｕｌｌ', '한국', '👍x'].map((s) => [s, width(s), s.padEnd(10 - width(s) + [...s].length, '.')]);
//# pinyin order and numerals
return [['张伟', '李雷', '王芳', '陈晨', 'Bob', '阿明'].sort((a, b) => a.localeCompare(b, 'zh-CN')), '一二三四五六七八九十'.indexOf('五') + 1, new Intl.NumberFormat('zh-u-nu-hanidec').format(2026), new Intl.ListFormat('zh', { type: 'conjunction' }).format(['甲', '乙', '丙']), new Intl.PluralRules('en', { type: 'ordinal' }).select(22), [...new Intl.Segmenter('zh', { granularity: 'word' }).segment('我爱北京天安门')].map((s) => s.segment)];
//# graphemes
const g = [...new Intl.Segmenter('en', { granularity: 'grapheme' }).segment('a👨‍👩‍👧é\u0301🇨🇳')].map((s) => s.segment);
return [g.length, g, [...'👨‍👩‍👧'].length, '🇨🇳'.length];
//# normalize phone numbers
const norm = (p) => p.replace(/[^\d+]/g, '').replace(/^(?:\+?86|0086)?(1[3-9]\d{9})$/, '+86$1');
return ['138 1234 5678', '+86-138-1234-5678', '008613812345678', '(010) 1234'].map(norm);
//# a webhook that fans out
const targets = [{ name: 'a', when: (o) => o.currency === 'CNY' }, { name: 'b', when: (o) => o.items.length > 5 }, { name: 'c', when: () => { throw new Error('bad rule'); } }];
const results = await Promise.allSettled(targets.map(async (t) => (t.when(context.data.order) ? `sent ${t.name}` : null)));
return results.map((r, i) => [targets[i].name, r.status, r.value ?? r.reason?.message ?? null]);
//# dedupe by content
const { createHash } = require('crypto'); const canonical = (v) => (Array.isArray(v) ? `[${v.map(canonical)}]` : v && typeof v === 'object' ? `{${Object.keys(v).sort().map((k) => JSON.stringify(k) + ':' + canonical(v[k]))}}` : JSON.stringify(v));
const id = (v) => createHash('sha256').update(canonical(v)).digest('hex').slice(0, 12);
return [id({ b: 1, a: [2, { d: 3, c: 4 }] }) === id({ a: [2, { c: 4, d: 3 }], b: 1 }), id(context.data.order), canonical({ b: undefined, a: null })];
//# protobuf varints
const enc = (n) => { const out = []; let x = BigInt(n); do { out.push(Number(x & 127n) | (x > 127n ? 128 : 0)); x >>= 7n; } while (x); return out; };
const dec = (b) => b.reduce((n, x, i) => n | (BigInt(x & 127) << BigInt(7 * i)), 0n);
return [enc(300), String(dec(enc(2 ** 40))), enc(0)];
//# a binary header
const b = Buffer.alloc(16); b.write('FLOW', 0, 'latin1'); b.writeUInt16BE(0x0102, 4); b.writeUInt32LE(4000000000, 6); b.writeFloatBE(0.5, 10); b.writeInt8(-1, 14);
const view = new DataView(b.buffer, b.byteOffset, b.length);
return [b.toString('latin1', 0, 4), view.getUint16(4), view.getUint32(6, true), view.getFloat32(10), view.getInt8(14), b.readUIntBE(4, 3), b.readIntLE(6, 6), [...b.subarray(4, 6)]];
//# an ini of feature flags by percentage
const { createHash } = require('crypto'); const on = (user, flag, pct) => parseInt(createHash('md5').update(`${flag}:${user}`).digest('hex').slice(0, 8), 16) / 0xffffffff < pct / 100;
return [Array.from({ length: 200 }, (_, i) => on(i, 'new', 30)).filter(Boolean).length, on('zoe', 'x', 100), on('zoe', 'x', 0)];
//# moving average and trends
const l = [10, 12, 9, 14, 20, 18, 25]; const avg = (n) => l.map((_, i) => (i + 1 < n ? null : +(l.slice(i + 1 - n, i + 1).reduce((a, b) => a + b) / n).toFixed(2)));
const n = l.length, sx = (n * (n - 1)) / 2, sy = l.reduce((a, b) => a + b), sxy = l.reduce((s, y, x) => s + x * y, 0), sxx = l.reduce((s, _, x) => s + x * x, 0);
return [avg(3), ((n * sxy - sx * sy) / (n * sxx - sx ** 2)).toFixed(4), l.map((x, i) => (i ? `${(((x - l[i - 1]) / l[i - 1]) * 100).toFixed(1)}%` : '-'))];
//# a sparkline and bars
const l = [1, 5, 22, 13, 53], max = Math.max(...l);
return [l.map((x) => '▁▂▃▄▅▆▇█'[Math.round((x / max) * 7)]).join(''), l.map((x) => '█'.repeat(Math.ceil((x / max) * 10)) + ` ${x}`)];
//# working hours
const open = (t, zone) => { const p = Object.fromEntries(new Intl.DateTimeFormat('en-US', { timeZone: zone, weekday: 'short', hour: 'numeric', hourCycle: 'h23' }).formatToParts(new Date(t)).map((x) => [x.type, x.value])); return !['Sat', 'Sun'].includes(p.weekday) && +p.hour >= 9 && +p.hour < 18; };
return [open('2026-03-06T10:00:00Z', 'Asia/Shanghai'), open('2026-03-06T09:59:59Z', 'Asia/Shanghai'), open('2026-03-06T14:00:00Z', 'America/New_York'), open('2026-03-07T14:00:00Z', 'America/New_York')];
//# fuzzy search
const score = (q, s) => { let i = 0, last = -1, n = 0; for (let k = 0; k < s.length && i < q.length; k++) if (s[k].toLowerCase() === q[i].toLowerCase()) { n += last === k - 1 ? 3 : 1; last = k; i++; } return i === q.length ? n : 0; };
return ['tea', 'cb', 'er', 'zz'].map((q) => context.data.order.items.map((x) => [x.name + x.sku, score(q, x.name + x.sku)]).filter(([, n]) => n).sort((a, b) => b[1] - a[1]).map(([s]) => s));
//# an HTTP signature of Alipay's kind, sorted and joined
const biz = { out_trade_no: 'A-1001', total_amount: '12.30', subject: '龙井茶 & Cup' }; const p = { app_id: '2021', method: 'alipay.trade.pay', biz_content: JSON.stringify(biz), sign_type: 'RSA2', charset: 'utf-8' };
return [Object.keys(p).sort().map((k) => `${k}=${p[k]}`).join('&'), Object.entries(p).map(([k, v]) => `${k}=${encodeURIComponent(v)}`).join('&')];
//# RSA keys sign and verify
const crypto = require('crypto'); const { privateKey, publicKey } = { privateKey: `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----`, publicKey: null };
const key = crypto.createPrivateKey(privateKey); const sig = crypto.sign(null, Buffer.from('msg'), key);
return [key.asymmetricKeyType, sig.toString('base64'), crypto.verify(null, Buffer.from('msg'), crypto.createPublicKey(key), sig), crypto.createPublicKey(key).export({ type: 'spki', format: 'pem' }), publicKey];
//# hex dump
const b = Buffer.from('Hello, 世界!\n'); const lines = [];
for (let i = 0; i < b.length; i += 8) { const part = b.subarray(i, i + 8); lines.push(`${i.toString(16).padStart(4, '0')}  ${[...part].map((x) => x.toString(16).padStart(2, '0')).join(' ').padEnd(23)}  ${[...part].map((x) => (x > 31 && x < 127 ? String.fromCharCode(x) : '.')).join('')}`); }
return lines;
//# sampling and shuffling with a seed
let s = 12345; const rnd = () => ((s = (s * 1103515245 + 12345) % 2147483648) / 2147483648); const l = Array.from({ length: 10 }, (_, i) => i);
for (let i = l.length - 1; i > 0; i--) { const j = Math.floor(rnd() * (i + 1)); [l[i], l[j]] = [l[j], l[i]]; }
return [l, Array.from({ length: 3 }, () => rnd().toFixed(6))];
//# trie and autocomplete
const t = {}; for (const w of ['tea', 'team', 'ten', 'to', '茶', '茶杯']) { let n = t; for (const c of w) n = n[c] ??= {}; n.$ = true; }
const find = (p) => { let n = t; for (const c of p) if (!(n = n[c])) return []; const out = []; (function walk(n, w) { if (n.$) out.push(w); for (const k of Object.keys(n).sort()) if (k !== '$') walk(n[k], w + k); })(n, p); return out; };
return [find('te'), find('茶'), find('x')];
//# intervals merged
const merge = (l) => l.map((x) => [...x]).sort((a, b) => a[0] - b[0]).reduce((o, [a, b]) => (o.length && o.at(-1)[1] >= a ? ((o.at(-1)[1] = Math.max(o.at(-1)[1], b)), o) : [...o, [a, b]]), []);
return merge([[5, 7], [1, 3], [2, 4], [7, 8], [10, 11]]);
//# an html table of users
const h = (s) => String(s ?? '').replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`);
return `<table>${context.data.users.map((u) => `<tr>${['id', 'name', 'email'].map((k) => `<td>${h(u[k])}</td>`).join('')}</tr>`).join('')}</table>`;
