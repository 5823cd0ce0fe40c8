// Learns which blocks of the snapshot typical scripts write to, and puts their numbers into the module; see src/layout.rs.
//
//   node layout.mjs BUILT.wasm INSTRUMENTED.wasm OUT.wasm
//
// INSTRUMENTED is BUILT after `wasm-opt --instrument-memory`, which calls an import at every access. Blocks go by the first
// of the lists below that writes to them, so that the pages of the simplest script are the fewest.
import { readFileSync, writeFileSync } from 'node:fs';

const MARK = Buffer.from('FLOWCELL-LAYOUT1');
const MOST = 1 << 20;
const STEP = 16;
const SMALL = 1 << 10;
const OFFSET = { learn: 16, bytes: 20, next: 32, log: 36, lists: 40 };

const push = JSON.stringify({
  data: {
    ref: 'refs/heads/main', before: '0', after: '1', created: false, size: 1.5,
    commits: [1, 2, 3].map((n) => ({
      id: `${n}`, message: 'fix: the thing', timestamp: 't', url: 'https://a.b/c', author: { name: 'n', email: 'e@f', username: 'u' },
      committer: { name: 'n', email: 'e@f' }, added: ['a.txt'], removed: [], modified: ['src/main.rs'],
    })),
    repository: { id: 1, name: 'r', full_name: 'o/r', private: true, owner: { name: 'o', login: 'o' } },
    pusher: { name: 'p', email: 'e@f' }, sender: { login: 's', id: 3 },
  },
  headers: { 'content-type': 'application/json', 'x-github-event': 'push' },
  query: { a: '1' }, params: {}, method: 'POST', path: '/api/webhooks/x', ip: '127.0.0.1',
});
const fetched = '{"status":200,"status_text":"OK","url":"https://a.b/c","redirected":false,"headers":[["content-type","application/json"]],"body":"eyJhIjoxfQ=="}';

// One row a list: form and source of scripts.
const lists = [
  [['body', 'return 1 + 1']],
  [
    ['body', `const { data, headers } = context;
const branch = data.ref.replace('refs/heads/', '');
const files = data.commits.flatMap((commit) => [...commit.added, ...commit.modified]);
const authors = [...new Set(data.commits.map((commit) => commit.author.name))].sort();
console.log('push', branch, files.length);
return { event: headers['x-github-event'], branch, repo: data.repository.full_name, authors, files, text: \`\${authors.length} by \${data.pusher.name}\` };`],
    ['module', 'export default async function (context, tools) { const { data } = context; return { n: data.commits.length, first: data.commits[0]?.id ?? null }; }'],
  ],
  [
    ['body', `const crypto = require('crypto');
const mac = crypto.createHmac('sha256', 'k').update(context.rawBody).digest('hex');
const answer = await fetch('https://a.b/c', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ mac }) });
const body = await answer.json();
await kv.set('k', body);
const all = await Promise.all([1, 2].map(async (n) => n + (await step.run('s' + n, async () => n))));
return { all, ok: answer.ok, at: new Date().toISOString(), found: /(\\w+)@/.exec('a@b')?.[1], u: new URL('https://a.b/c?d=e').searchParams.get('d') };`],
    ['body', 'try { context.data.missing.field } catch (error) { console.error(error.message); } let s = 0; for (const c of context.data.commits) s += c.id.length; throw new Error(`no ${s}`)'],
  ],
];

function load(file, learn) {
  const bytes = readFileSync(file);
  const at = bytes.indexOf(MARK);
  if (at < 0 || bytes.indexOf(MARK, at + 1) >= 0) throw new Error(`${file}: there must be one layout table`);
  bytes.writeUInt32LE(learn, at + OFFSET.learn);
  return { bytes, at };
}

let touched = null;
function instantiate(bytes) {
  const module = new WebAssembly.Module(bytes);
  const imports = {};
  const store = (id, size, offset, pointer) => {
    if (touched) {
      const first = (pointer >>> 0) + (offset >>> 0);
      for (let line = first >>> 4; line <= (first + size - 1) >>> 4; line += 1) touched.add(line);
    }
    return pointer;
  };
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    imports[from] ??= {};
    if (name === 'store_ptr') imports[from][name] = store;
    else if (name === 'load_ptr') imports[from][name] = (_id, _size, _offset, pointer) => pointer;
    else if (/^(load|store)_val|^memory_grow/.test(name)) imports[from][name] = (_id, value) => value;
    else imports[from][name] = (name === 'now') ? () => 1.7e12 : () => 0;
  }
  return new WebAssembly.Instance(module, imports).exports;
}

const learning = load(process.argv[3], 1);
const guest = instantiate(learning.bytes);
guest['wizer-initialize']();
const memory = () => new Uint8Array(guest.memory.buffer);
const view = new DataView(guest.memory.buffer);
const table = guest.layout_table();
const count = Math.min(view.getUint32(table + OFFSET.next, true), MOST);
const log = view.getUint32(table + OFFSET.log, true);
const snapshot = memory().slice();

// The block that last had each 16 bytes.
const owner = new Map();
const sizes = new Array(count);
for (let number = 0; number < count; number += 1) {
  const block = view.getUint32(log + number * 8, true);
  const size = view.getUint32(log + number * 8 + 4, true);
  sizes[number] = size;
  for (let line = block >>> 4; line <= (block + size - 1) >>> 4; line += 1) owner.set(line, number);
}

function frame(...sections) {
  return Buffer.concat(sections.flatMap((section) => {
    const bytes = Buffer.from(section);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    return [length, bytes];
  }));
}
function ask(name, ...sections) {
  const bytes = frame(...sections);
  const pointer = guest.alloc(bytes.length);
  memory().set(bytes, pointer);
  const answer = guest[name](pointer, bytes.length);
  const [at, length] = [Number(answer >> 32n), Number(answer & 0xffffffffn)];
  return Buffer.from(memory().slice(at, at + length)).toString();
}

const listOf = new Uint8Array(count);
const taken = [0, 0, 0];
const large = [];
lists.forEach((scripts, list) => {
  for (const [form, source] of scripts) {
    memory().set(snapshot);
    memory().fill(0, snapshot.length);
    touched = new Set();
    let answer = ask('prepare', form, 'script.js', source);
    if (answer.charCodeAt(0) !== 0) throw new Error(answer);
    answer = ask('call', push, '{}', '{}', '{}', '{}', '{}', '{"run":"r","workflow":"w","step":"s","attempt":1,"secrets_listed":[]}');
    const waiting = [];
    while (answer.charCodeAt(0) === 2) {
      waiting.push(...JSON.parse(answer.slice(1)).calls);
      const { id, op } = waiting.shift();
      answer = ask('resume', `${id}`, 'ok', op === 'fetch' ? fetched : op === 'memo.get' ? '{}' : 'null');
    }
    const lines = touched;
    touched = null;
    // What bulk copies changed.
    const now = memory();
    for (let at = 0; at < snapshot.length; at += 16) {
      for (let byte = at; byte < at + 16; byte += 1) if (now[byte] !== snapshot[byte]) { lines.add(at >>> 4); break; }
    }
    for (const line of lines) {
      const number = owner.get(line);
      if (number === undefined || listOf[number] !== 0) continue;
      if (sizes[number] > SMALL) { large.push(sizes[number]); listOf[number] = 255; continue; }
      listOf[number] = list + 1;
      taken[list] += Math.ceil(sizes[number] / STEP) * STEP;
    }
    const pages = new Set([...lines].map((line) => line >>> 8));
    console.error(`layout: ${form} script of list ${list + 1} writes to ${lines.size} lines on ${pages.size} pages; ends with tag ${answer.charCodeAt(0)}`);
  }
});

const target = load(process.argv[2], 0);
for (let number = 0; number < count; number += 1) {
  const list = listOf[number];
  if (list > 0 && list < 255) target.bytes[target.at + OFFSET.lists + (number >> 2)] |= list << ((number % 4) * 2);
}
taken.forEach((bytes, list) => target.bytes.writeUInt32LE(bytes, target.at + OFFSET.bytes + list * 4));
writeFileSync(process.argv[4], target.bytes);
console.error(`layout: of ${count} blocks, ${listOf.filter((list) => list > 0 && list < 255).length} are written to, ${taken.join(' + ')} bytes; ${large.length} larger ones, ${large.reduce((sum, size) => sum + size, 0)} bytes, stay where they are`);
