// Fragments about regular expressions: patterns made at random, over texts that have what the patterns look for.

const ATOMS = ['a', 'b', 'A', 'é', 'ß', '😀', '中', '.', '\\d', '\\D', '\\w', '\\W', '\\s', '\\S', '\\b', '\\B', '^', '$', '[abc]', '[^a]', '[a-z]', '[A-Z\\d]', '[^\\s,]', '[\\w-]', '[\\b]', '\\n', '\\t', '\\x41', '\\u0061', '\\/', '\\.', '-', ',', '=', '1', '[é-ü]', '[^]', '[]', '[\\u0061-\\u0063]', '\\cJ', '\\0'];
const UNICODE = ['\\p{L}', '\\p{Lu}', '\\P{L}', '\\p{Script=Greek}', '\\p{Script=Han}', '\\p{Emoji_Presentation}', '\\u{1F600}', '[\\u{1F600}-\\u{1F64F}]', '[^\\p{ASCII}]', '\\p{N}', '[\\p{Lu}\\d]', '\\p{ASCII_Hex_Digit}', '\\p{General_Category=Decimal_Number}', '\\p{sc=Cyrillic}', '\\p{scx=Deva}', '\\p{White_Space}', '\\p{Any}'];
const SETS = ['[[^a-m]]', '[[^\\p{Lu}]--\\d]', '[\\P{Lu}]', '\\P{Ll}', '[\\w&&\\P{Ll}]', '[[a-z]&&[A-K]]', '[\\q{AB|c|ß}--\\q{ab}]', '[[a-f]--[C]]', '[\\W--[a-z]]', '[\\q{|a}]', '[\\p{L}--[a-m]]', '[\\p{L}&&[a-z]]', '[[a-z]--[aeiou]]', '[\\q{abc|d}]', '[^\\d&&[5-9]]', '[\\w--\\d]', '\\p{RGI_Emoji_Flag_Sequence}', '[[a-c][x-z]]', '[\\p{ASCII}--[\\p{L}]]'];
const TEXTS = ["'abc ABC 123'", "'aaa'", "'a,b=c;d'", "'😀😁 é ß'", "'中文 text'", "'line1\\nline2\\r\\n'", "''", "'Straße STRASSE'", "'K\\u212Ak ſs'", "'αβγ Ω ω'", "'\\ud83d\\ude00\\ud83d'", "'2024-03-05T10:20'", "'foo.bar/baz'", "'xxABCabc'", "'🇩🇪🇫🇷'", "'a\\u0301e'", "'Ǆǅǆ İıI'"];

const quantifier = (r) => r.pick(['', '', '', '', '*', '+', '?', '*?', '+?', '??', '{2}', '{1,2}', '{0,1}?', '{2,}', '{0}', '{1,3}?']);

function atom(r, depth, state) {
  const kinds = [
    () => r.pick(state.atoms), () => r.pick(state.atoms), () => r.pick(state.atoms), () => r.pick(state.atoms),
  ];
  if (depth > 0) {
    kinds.push(
      () => { state.groups++; return `(${alternatives(r, depth - 1, state)})`; },
      () => { const name = `n${state.names++}`; state.groups++; return `(?<${name}>${alternatives(r, depth - 1, state)})`; },
      () => `(?:${alternatives(r, depth - 1, state)})`,
      () => `(?=${alternatives(r, depth - 1, state)})`, () => `(?!${alternatives(r, depth - 1, state)})`,
      () => `(?<=${alternatives(r, depth - 1, state)})`, () => `(?<!${alternatives(r, depth - 1, state)})`,
      () => (state.groups ? `\\${1 + r.below(state.groups)}` : 'c'),
      () => (state.names ? `\\k<n${r.below(state.names)}>` : 'd'),
    );
  }
  return r.pick(kinds)();
}

function alternatives(r, depth, state) {
  return r.times(r.chance(0.25) ? 2 : 1, () => r.times(1 + r.below(3), () => {
    const made = atom(r, depth, state);
    // An assertion takes no quantifier.
    const bare = /^(\(\?[=!<]|\\[bB]$|[\^$]$)/.test(made) && !/^\(\?<n/.test(made);
    return made + (bare ? '' : quantifier(r));
  }).join('')).join('|');
}

// One pattern as a literal.
function literal(r) {
  const mode = r.pick(['', '', '', 'u', 'u', 'v']);
  // `[^]` with the flag `v` finds nothing in V8.
  const atoms = mode === '' ? ATOMS : mode === 'u' ? [...ATOMS.filter((x) => x !== '-'), ...UNICODE] : [...ATOMS.filter((x) => !['-', '[\\w-]', '[^]'].includes(x)), ...UNICODE, ...SETS];
  const state = { groups: 0, names: 0, atoms };
  const source = alternatives(r, 2, state);
  const flags = mode + r.some(['g', 'i', 'm', 's', 'y', 'd'], r.below(4)).join('');
  return `/${source}/${[...flags].sort().join('')}`;
}

// Texts with pairs of units, and half ones.
const PAIRS = /[\u{10000}-\u{10ffff}]|\\ud83d/u;

// With the flags `u` and `v` V8 finds what is empty, or looks around, in the middle of a pair too; the language goes from pair to pair.
function texts(source, flags) {
  const between = /\(\?<?[=!]/.test(source) || new RegExp(`^(?:${source})$`, flags.replace('m', '')).test('');
  return /[uv]/.test(flags) && between ? TEXTS.filter((text) => !PAIRS.test(text)) : TEXTS;
}

// Random patterns: what is found, where, and with which groups.
export function patterns(r, s) {
  const re = s.name('rx');
  const made = literal(r);
  const end = made.lastIndexOf('/');
  const [source, flags] = [made.slice(1, end), made.slice(end + 1)];
  let found;
  try { found = texts(source, flags); } catch { found = TEXTS; }
  const text = () => r.pick(found);
  s.kept.push(`const ${re} = (() => { try { return new RegExp(${JSON.stringify(source)}, '${flags}'); } catch (error) { note('refused', error.name); return /(b)|(?<q>c)/g; } })();`);
  const step = () => r.pick([
    () => `(() => { const m = ${re}.exec(${text()}); return m && [[...m], m.index, m.groups, m.indices && [...m.indices], ${re}.lastIndex]; })()`,
    () => `${text()}.replace(${re}, (...all) => show(all))`,
    () => `${text()}.replace(${re}, '<$1|$2|$&|$<n0>|$\`>')`,
    () => `${text()}.match(${re})`,
    () => `[...${text()}.matchAll(new RegExp(${re}.source, [...new Set(${re}.flags + 'g')].join('')))].map((m) => [m[0], m.index, { ...m.groups }])`,
    () => `${text()}.split(${re})`, () => `${text()}.split(${re}, 3)`, () => `${text()}.search(${re})`,
    () => `[${re}.test(${text()}), ${re}.lastIndex, ${re}.test(${text()}), ${re}.lastIndex]`,
    () => `(${re}.lastIndex = ${r.below(6)}, ${re}.exec('foo.bar abc'))`,
    () => `[${re}.source, ${re}.flags, String(${re})]`,
  ])();
  // In the middle of a pair V8 steps back and the language does not.
  return r.times(4, () => `${re}.lastIndex = 0; attempt(() => ${step()});`).join('\n');
}

// What objects of one's own do in place of a regular expression. Which flags a changed one is asked for is newer than V8 of Node 20.
export function protocol(r, s) {
  const re = s.name('own');
  s.kept.push(`class ${re}Class extends RegExp { ${r.some([
    "exec(t) { note('exec', this.lastIndex); return super.exec(t); }", "[Symbol.replace](...all) { note('replace'); return super[Symbol.replace](...all); }",
    "static get [Symbol.species]() { note('species'); return RegExp; }", "[Symbol.match](t) { return [this.source, t]; }", "[Symbol.split](t, n) { note('split', n); return super[Symbol.split](t, n); }",
    "get lastIndex() { return 1; }", "test(t) { return !super.test(t); }",
  ], 3).join(' ')} }`);
  s.kept.push(`const ${re} = new ${re}Class(${r.pick(["'a'", "'(b)|c'", "'[,=]'", "''", "'(?<k>.)'"])}, '${r.pick(['', 'g', 'y', 'gi', 'gu', 'd'])}');`);
  const text = () => r.pick(TEXTS);
  const other = () => r.pick([`{ [Symbol.${r.pick(['match', 'replace', 'search', 'split', 'matchAll'])}](...all) { return all.length; } }`, `{ toString() { return 'b'; } }`, `{ [Symbol.match]: true, toString() { return 'a'; } }`, re, re, re]);
  const step = () => r.pick([
    () => `${text()}.replace(${other()}, 'X')`, () => `${text()}.match(${other()})`, () => `${text()}.split(${other()}, 2)`, () => `${text()}.search(${other()})`, () => `[...${text()}.matchAll(${other()})].length`, () => `${text()}.replaceAll(${other()}, (m) => m + m)`,
    () => `${text()}.startsWith(${other()})`, () => `[${re}.test(${text()}), ${re}.lastIndex]`, () => `RegExp(${re}) === ${re}`, () => `new RegExp(${re}, 'g').flags`, () => `Object.getOwnPropertyDescriptor(${re}, 'lastIndex')`, () => `${re} instanceof ${re}Class`,
  ])();
  return r.times(4, () => `attempt(() => ${step()});`).join('\n');
}
