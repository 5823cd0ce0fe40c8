//# github signature
const crypto = require('crypto'); const body = JSON.stringify(context.data.order);
const sig = 'sha256=' + crypto.createHmac('sha256', 'secret').update(body).digest('hex');
return [sig, crypto.timingSafeEqual(Buffer.from(sig), Buffer.from(sig)), sig.length];
//# 钉钉 robot signature
const crypto = require('crypto'); const timestamp = 1767323045678, secret = 'SECabc';
const sign = encodeURIComponent(crypto.createHmac('sha256', secret).update(`${timestamp}\n${secret}`, 'utf8').digest('base64'));
return `https://oapi.dingtalk.com/robot/send?access_token=t&timestamp=${timestamp}&sign=${sign}`;
//# 飞书 robot signature
const crypto = require('crypto');
return crypto.createHmac('sha256', `${1767323045}\nsecret`).update('').digest('base64');
//# 微信 sorted signature
const { createHash } = require('crypto');
const params = { nonce_str: 'abc', appid: 'wx1', body: '测试', mch_id: '100', sign: 'x', empty: '' };
const text = Object.keys(params).filter((k) => k !== 'sign' && params[k] !== '').sort().map((k) => `${k}=${params[k]}`).join('&');
return [text, createHash('md5').update(`${text}&key=KEY`).digest('hex').toUpperCase(), createHash('sha1').update(['tok', '123', 'non'].sort().join('')).digest('hex')];
//# 企业微信 decrypt
const crypto = require('crypto'); const key = Buffer.from('abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG' + '=', 'base64'), iv = key.subarray(0, 16);
const msg = Buffer.from('<xml>你好</xml>'), len = Buffer.alloc(4); len.writeUInt32BE(msg.length); let plain = Buffer.concat([Buffer.alloc(16, 7), len, msg, Buffer.from('corp1')]); const pad = 32 - (plain.length % 32); plain = Buffer.concat([plain, Buffer.alloc(pad, pad)]);
const c = crypto.createCipheriv('aes-256-cbc', key, iv); c.setAutoPadding(false); const sealed = Buffer.concat([c.update(plain), c.final()]).toString('base64');
const d = crypto.createDecipheriv('aes-256-cbc', key, iv); d.setAutoPadding(false); let out = Buffer.concat([d.update(sealed, 'base64'), d.final()]); out = out.subarray(16, out.length - out.at(-1)); const n = out.readUInt32BE(0);
return [out.toString('utf8', 4, 4 + n), out.subarray(4 + n).toString(), sealed.length];
//# aes-gcm
const crypto = require('crypto'); const key = crypto.scryptSync('pw', 'salt', 32, { N: 1024 }), iv = Buffer.alloc(12, 1);
const c = crypto.createCipheriv('aes-256-gcm', key, iv); c.setAAD(Buffer.from('aad')); const enc = c.update('机密', 'utf8', 'hex') + c.final('hex'), tag = c.getAuthTag();
const d = crypto.createDecipheriv('aes-256-gcm', key, iv); d.setAAD(Buffer.from('aad')); d.setAuthTag(tag); const dec = d.update(enc, 'hex', 'utf8') + d.final('utf8'); tag[0] ^= 1; let why; const b = crypto.createDecipheriv('aes-256-gcm', key, iv); b.setAAD(Buffer.from('aad')); b.setAuthTag(tag); b.update(enc, 'hex'); try { b.final(); } catch (e) { why = e.message; }
return [enc, dec, why];
//# a JWT by hand
const crypto = require('crypto'); const b64 = (x) => Buffer.from(typeof x === 'string' ? x : JSON.stringify(x)).toString('base64url');
const head = `${b64({ alg: 'HS256', typ: 'JWT' })}.${b64({ sub: '张伟', iat: 1767323045 })}`; const token = `${head}.${crypto.createHmac('sha256', 'k').update(head).digest('base64url')}`;
const [h, p, s] = token.split('.'); return [token, JSON.parse(Buffer.from(p, 'base64url')), crypto.createHmac('sha256', 'k').update(`${h}.${p}`).digest('base64url') === s];
//# aws signature
const { createHmac, createHash } = require('node:crypto'); const hmac = (k, d) => createHmac('sha256', k).update(d).digest(); const hash = (d) => createHash('sha256').update(d).digest('hex');
const k = ['20260102', 'us-east-1', 's3', 'aws4_request'].reduce(hmac, 'AWS4secret');
return [hmac(k, hash('GET\n/\n')).toString('hex'), hash('')];
//# stripe header
const header = 't=1767323045,v1=abc,v1=def,v0=old'; const parts = header.split(',').reduce((a, p) => { const [k, v] = p.split('='); (a[k] ??= []).push(v); return a; }, {});
return [parts, Number(parts.t[0])];
//# slack form
const q = new URLSearchParams('token=x&payload=%7B%22type%22%3A%22block_actions%22%2C%22n%22%3A1%7D&text=hello+world%21&a=1&a=2');
return [JSON.parse(q.get('payload')), q.get('text'), q.getAll('a'), Object.fromEntries(q).a, q.has('none'), q.toString(), [...q.keys()].length];
//# URLs
const u = new URL('/a/../b/./c?x=1&y=a b#frag', 'https://user:p%40ss@例え.jp:8443/base/'); u.searchParams.append('z', 'ü&='); u.hash = ''; u.port = '443';
let bad; try { new URL('nope'); } catch (e) { bad = [e.name, e.code]; }
return [u.href, u.host, u.pathname, u.username, u.origin, bad, URL.canParse('x:'), new URL('HTTP://EXAMPLE.com:80/%7Ea').href, [...new URL('http://a/?b=1&b=2').searchParams], new URL('?q', 'http://a/b/c').href];
//# query strings
const qs = require('querystring');
return [qs.parse('a=1&b=2&b=3&c=%E4%B8%AD&d'), qs.stringify({ a: [1, 2], b: 'x y', c: '', d: null }), qs.escape('a b&'), encodeURIComponent("a b&c=d/e?f!'()*"), encodeURI('http://a/b c?d=é&e=1#f')];
//# buffers
const b = Buffer.from('héllo 中'); const w = Buffer.alloc(12); w.writeUInt32LE(0xdeadbeef, 0); w.writeInt16BE(-2, 4); w.writeDoubleBE(1.5, 4); w.write('ab', 10);
return [b.length, b.toString('hex'), b.toString('base64'), b.slice(1, 3).toString('latin1'), w.toString('hex'), w.readUInt32BE(0), w.readDoubleBE(4), Buffer.concat([b, Buffer.from([1])]).length, b.indexOf('l'), b.equals(Buffer.from(b)), Buffer.compare(Buffer.from('a'), Buffer.from('b')), Buffer.byteLength('中'), b.includes('中'), JSON.stringify(Buffer.from('a')), Buffer.from('zz', 'hex').length, Buffer.from('YQ==', 'base64').toString(), Buffer.isBuffer(b), b.subarray(-3).toString()];
//# base64 variants
return [btoa('a\xff'), atob('YQ=='), Buffer.from('a_-b', 'base64').toString('hex'), Buffer.from('a+/b', 'base64url').toString('hex'), Buffer.from('YQ', 'base64').toString(), (() => { try { btoa('中'); } catch (e) { return e.name; } })(), (() => { try { return atob('*'); } catch (e) { return e.name; } })(), btoa(String.fromCharCode(...new TextEncoder().encode('中')))];
//# text codecs
const enc = new TextEncoder().encode('aé中👍'); let bad; try { new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.of(0xff)); } catch (e) { bad = e.name; }
return [[...enc], new TextDecoder().decode(enc), new TextDecoder().decode(Uint8Array.of(0xef, 0xbb, 0xbf, 65)), bad, new TextDecoder('gbk').decode(Uint8Array.of(0xd6, 0xd0)), new TextDecoder('utf-16le').decode(Uint8Array.of(65, 0)), Buffer.from('\ufeffa').toString().length, new TextDecoder('latin1').encoding];
//# util.inspect and format
const util = require('util');
return [util.inspect({ a: [1, { b: { c: { d: 1 } } }], f() {}, s: 'it\'s', [Symbol('k')]: null }), util.format('%s is %d years, %i %f %j %o %%', 'Bob', 42.5, 42.9, '1.5', { a: 1 }, [1], 'extra'), util.inspect(new Map([['k', new Set([1])]])), util.inspect('x'.repeat(5)), util.inspect([,'a', ,]), util.inspect(Object.create(null)), util.inspect(new Error('e')).split('\n')[0], util.isDeepStrictEqual({ a: [1] }, { a: [1] }), util.types.isDate(new Date())];
//# assert
const assert = require('assert'); const out = []; for (const f of [() => assert(true), () => assert.equal(1, '1'), () => assert.strictEqual(1, 2), () => assert.deepStrictEqual({ a: 1 }, { a: 1 }), () => assert.throws(() => { throw new TypeError('x'); }, TypeError), () => assert.ok(0, 'zero'), () => assert.match('abc', /z/), () => assert.rejects]) { try { f(); out.push('ok'); } catch (e) { out.push([e.name, e.code, e.message.split('\n')[0]]); } }
await assert.rejects(async () => { throw new Error('no'); }, /no/);
return out;
//# path
const path = require('path');
return [path.join('/a', '../b', './c'), path.resolve('/x', 'y', '..', 'z'), path.basename('/a/b.tar.gz', '.gz'), path.extname('.bashrc'), path.extname('a.b.c'), path.dirname('/a/b/'), path.parse('/home/u/f.txt'), path.normalize('/a//b/../c/.'), path.relative('/a/b/c', '/a/d'), path.isAbsolute('a'), path.sep];
//# zlib
const zlib = require('zlib'); const text = 'hello '.repeat(50);
const z = zlib.gzipSync(text), d = zlib.deflateSync(text), r = zlib.deflateRawSync(text); let bad; try { zlib.gunzipSync(Buffer.from('nope')); } catch (e) { bad = [e.code, e.message]; }
return [zlib.gunzipSync(z).toString() === text, zlib.inflateSync(d).length, zlib.inflateRawSync(r).length, z.length < 60, bad, zlib.unzipSync(z).length];
//# streams
const { Readable, Transform, pipeline } = require('stream'); const { promisify } = require('util');
const up = new Transform({ objectMode: true, transform(c, e, cb) { cb(null, String(c).toUpperCase()); } }); const out = [];
await promisify(pipeline)(Readable.from(['a', 'b', 'c']), up, async function (src) { for await (const c of src) out.push(c); });
return out;
//# string decoder
const { StringDecoder } = require('string_decoder'); const d = new StringDecoder('utf8'); const b = Buffer.from('€中');
return [d.write(b.subarray(0, 1)), d.write(b.subarray(1, 4)), d.write(b.subarray(4)), d.end()];
//# uuids and random
const crypto = require('crypto'); const id = crypto.randomUUID();
return [/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/.test(id), crypto.randomBytes(8).length, crypto.randomInt(5) < 5, crypto.getRandomValues(new Uint8Array(4)).length, id !== crypto.randomUUID()];
//# hashes of many kinds
const crypto = require('crypto');
return ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512', 'ripemd160'].map((a) => crypto.createHash(a).update('中文').update(Buffer.from([0, 1])).digest('base64'));
//# derived keys
const crypto = require('crypto'); const { promisify } = require('util');
return [crypto.pbkdf2Sync('pw', 'salt', 100, 16, 'sha256').toString('hex'), (await promisify(crypto.scrypt)('pw', 'salt', 16)).toString('hex'), Buffer.from(crypto.hkdfSync('sha256', 'k', 's', 'i', 16)).toString('hex')];
//# web crypto
const { subtle } = globalThis.crypto; const enc = new TextEncoder();
const key = await subtle.importKey('raw', enc.encode('k'), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify']); const sig = await subtle.sign('HMAC', key, enc.encode('data'));
return [Buffer.from(sig).toString('hex'), await subtle.verify('HMAC', key, sig, enc.encode('data')), Buffer.from(await subtle.digest('SHA-1', enc.encode('x'))).toString('hex')];
//# headers, forms and blobs
const h = new Headers({ 'Content-Type': 'text/plain' }); h.append('x-a', '1'); h.append('X-A', '2'); const f = new FormData(); f.append('a', '1'); f.append('b', new Blob(['hi'], { type: 'text/x' }), 'b.txt');
const r = new Response('{"a":1}', { status: 201, headers: { 'content-type': 'application/json' } });
return [[...h], h.get('x-a'), f.get('b').name, f.get('b').size, await f.get('b').text(), r.status, r.ok, await r.clone().json(), await r.text(), await new Blob(['a', Uint8Array.of(98)]).text()];
//# a request object
const r = new Request('https://a.b/c', { method: 'post', body: JSON.stringify({ a: 1 }), headers: { 'Content-Type': 'application/json' } });
return [r.method, r.url, r.headers.get('content-type'), await r.json(), r.bodyUsed];
//# old constructors of Buffer
const b = Buffer.from(new Uint16Array([1, 256]).buffer), c = Buffer.allocUnsafe(3).fill('ab');
return [[...b], c.toString(), b.readUInt16LE(2), Buffer.from([256, -1, 1.9]).toJSON().data, b.swap16().toString('hex'), Buffer.from('abc').reverse().toString(), Buffer.from('ff', 'hex')[0]];
//# process and os
return [typeof process.env, process.platform, typeof process.version, typeof process.hrtime.bigint(), process.argv.length >= 0, typeof process.nextTick, typeof require('os').EOL, await new Promise((r) => process.nextTick(r, 'ticked'))];
//# performance and time
const t = performance.now(); const d = Date.now(); for (let i = 0; i < 1e4; i++);
return [performance.now() >= t, Date.now() >= d, typeof performance.timeOrigin, new Date().getTime() - d < 5000, console.time === undefined];
//# url of node
const url = require('url'); const p = url.parse('http://u:p@host.com:8080/p/a?q=1#h', true);
return [p.hostname, p.port, p.query.q, p.auth, p.pathname, url.format({ protocol: 'https', host: 'a.b', pathname: '/c', query: { d: 1 } }), url.resolve('http://a/b/c', '../d')];
//# async storage is not there and says so
try { require('async_hooks').x; return 'there'; } catch (e) { return 'there'; }
