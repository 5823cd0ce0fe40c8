// Fragments about scopes: names of every kind of declaration, nested in every construct, read and written by closures of any depth.

// A walk that knows which names are visible and which of them can be assigned to.
class Walk {
  constructor(r, s) {
    this.r = r;
    this.s = s;
    this.left = 14;
  }

  expression(names, depth = 2) {
    const { r } = this;
    const known = names.length ? r.pick(names).name : '0';
    if (depth === 0) return r.pick([known, known, String(r.below(5)), "'t'"]);
    const inner = () => this.expression(names, depth - 1);
    const settable = names.filter((name) => name.settable);
    const target = settable.length && r.pick(settable).name;
    return r.pick([
      () => known,
      () => known,
      () => `(${inner()} + ${inner()})`,
      () => `[${inner()}, ${inner()}].length`,
      () => `(() => ${inner()})()`,
      () => `(function () { return ${inner()}; })()`,
      () => `typeof ${known}`,
      () => (target ? `(${known} ${r.pick(['+', '-', '<', '===', '*', '&', '>>'])} (${target} ${r.pick(['=', '+=', '-=', '??='])} ${inner()}))` : known),
      () => (target ? `(${target} ${r.pick(['+', '-', '<', '%'])} ${r.pick([`${target}++`, `--${target}`, `(${target} = ${inner()})`])})` : known),
      () => (target ? `[${target}, ${target}++, ${target}, typeof ${target}--].join()` : known),
      () => `\`\${${inner()}}\``,
      () => `((p = ${inner()}) => p)()`,
      () => `(${inner()} ? ${inner()} : ${inner()})`,
      () => `(({ k = ${inner()} }) => k)({})`,
      () => (r.chance(0.15) ? `eval(${JSON.stringify(known)})` : inner()),
    ])();
  }

  fresh(stem) {
    return this.s.name(stem);
  }

  block(names, depth) {
    let visible = [...names];
    const lines = [];
    for (const _ of Array(1 + this.r.below(3))) {
      const [line, added] = this.statement(visible, depth);
      lines.push(line);
      visible = [...visible, ...added];
    }
    return lines.join(' ');
  }

  // A statement and the names that it declares for those after it.
  statement(names, depth) {
    const { r } = this;
    this.left--;
    const e = () => this.expression(names);
    const settable = names.filter((name) => name.settable);
    const variable = (name) => ({ name, settable: true });
    const fixed = (name) => ({ name, settable: false });
    const flat = [
      () => { const v = this.fresh('l'); return [`let ${v} = ${e()};`, [variable(v)]]; },
      () => { const v = this.fresh('c'); return [`const ${v} = ${e()};`, [fixed(v)]]; },
      () => { const v = this.fresh('v'); return [`note(typeof ${v}); var ${v} = ${e()};`, [variable(v)]]; },
      () => [settable.length ? `${r.pick(settable).name} ${r.pick(['=', '+=', '??=', '||='])} ${e()};` : `note(${e()});`, []],
      () => [settable.length ? `kept.push(() => (${r.pick(settable).name} = ${e()}));` : `kept.push(() => ${e()});`, []],
      () => [`kept.push(() => ${e()});`, []],
      () => [`note(${e()});`, []],
      () => { const [a, b] = [this.fresh('d'), this.fresh('d')]; return [`const { ${a} = ${e()}, ...${b} } = { z: ${e()} }; note(${b});`, [fixed(a), fixed(b)]]; },
      () => { const v = this.fresh('t'); return [`attempt(() => ${v}); attempt(() => (() => ${v})()); let ${v} = ${e()};`, [variable(v)]]; },
    ];
    if (depth === 0 || this.left < 0) return r.pick(flat)();
    const body = (more = []) => this.block([...names, ...more], depth - 1);
    const nested = [
      () => [`{ ${body()} }`, []],
      () => [`if (${e()}) { ${body()} } else { ${body()} }`, []],
      () => { const i = this.fresh('i'); return [`for (let ${i} = 0; ${i} < 2; ${i}++) { ${body([fixed(i)])} }`, []]; },
      () => { const i = this.fresh('i'); return [`for (let ${i} = 0, ${i}f = () => ${i}; ${i} < 2; ${i}++) { note(${i}f()); ${body([fixed(i)])} }`, []]; },
      () => { const x = this.fresh('x'); return [`for (const ${x} of [${e()}, 2]) { ${body([fixed(x)])} }`, []]; },
      () => { const x = this.fresh('x'); return [`for (var ${x} in { a: 1, b: 2 }) { ${body([fixed(x)])} }`, [variable(x)]]; },
      () => { const x = this.fresh('e'); return [`try { throw ${e()}; } catch (${x}) { ${body([variable(x)])} } finally { ${body()} }`, []]; },
      () => { const z = this.fresh('z'); return [`switch (${e()}) { case 1: let ${z} = ${e()}; kept.push(() => ${z}); break; case 't': { ${body()} } default: ${z} ; }`.replace(`default: ${z} ;`, `default: attempt(() => ${z});`), []]; },
      () => { const [f, p, q] = [this.fresh('f'), this.fresh('p'), this.fresh('q')]; return [`const ${f} = (${p} = ${e()}, ${q} = () => ${p}) => { ${body([variable(p), fixed(q)])} return ${q}(); }; attempt(() => ${f}()); attempt(() => ${f}(7));`, [fixed(f)]]; },
      () => { const [f, p] = [this.fresh('f'), this.fresh('p')]; return [`attempt(() => ${f}(3)); function ${f}(${p}, ...more) { ${r.chance(0.3) ? `arguments[0] = 9;` : ''} ${body([variable(p)])} return [${p}, more.length, arguments.length]; } attempt(() => ${f}(1, 2));`, [fixed(f)]]; },
      () => { const [f, n] = [this.fresh('f'), this.fresh('n')]; return [`const ${f} = function ${n}(k) { ${body([fixed(n)])} return k ? ${n}(k - 1) : typeof ${n}; }; attempt(() => ${f}(1));`, [fixed(f)]]; },
      () => { const g = this.fresh('g'); return [`attempt(() => { function* ${g}() { ${body()} yield ${e()}; ${body()} } return [...${g}()].length; });`, []]; },
      () => { const a = this.fresh('a'); return [`attempt(() => { const ${a} = async (w = ${e()}) => { await null; ${body()} }; pending.push(${a}()); });`, []]; },
      () => {
        const [c, m] = [this.fresh('C'), this.fresh('m')];
        const inside = [...names, fixed(c)];
        const here = () => this.expression(inside);
        return [`attempt(() => { class ${c} { static toString() { return 'class'; } static [\`s\${${e()}}\`] = ${r.chance(0.5) ? '1' : here()}; #h = ${here()}; f = ${here()}; [${e()}]() { return ${here()}; } static { ${this.block(inside, 0)} } get ${m}() { return [this.#h, this.f]; } method(given = this.#h) { ${this.block([...inside, variable('given')], depth - 1)} return typeof given; } } const made = new ${c}(); note(made.${m}, Object.keys(${c}).length); return made.method(); });`, []];
      },
      () => { const o = this.fresh('o'); return [`const ${o} = { [${e()}]: ${e()}, get g() { return ${e()}; }, m() { ${body()} return super.toString === Object.prototype.toString; }, arrow: () => ${e()} }; attempt(() => [${o}.g, ${o}.m(), ${o}.arrow()]);`, [fixed(o)]]; },
      () => { const label = this.fresh('out'); return [`${label}: { ${body()} if (${e()}) break ${label}; ${body()} }`, []]; },
    ];
    return r.chance(0.5) ? r.pick(nested)() : r.pick(flat)();
  }
}

// Nested scopes; what closures keep of them is asked at the end, twice.
export function scopes(r, s) {
  const walk = new Walk(r, s);
  const names = ['round', 'kept'].map((name) => ({ name, settable: false }));
  const parameter = s.name('outer');
  const text = `const kept = [], pending = [];\n((${parameter}) => { ${r.times(3, () => walk.block([names[0], { name: parameter, settable: true }], 3)).map((block) => `{ ${block} }`).join(' ')} })(round + 1);`;
  return `${text}\nfor (const work of [...kept, ...kept].slice(0, 20)) attempt(work);\nawait Promise.all(pending).catch((error) => note('pending', error && error.name));`;
}

// A class far inside that names its members by what is far outside.
export function deepClasses(r, s) {
  const f = s.name('far');
  const key = r.pick(['K', 'K.a', '`${K.a}x`', 'Symbol.iterator', '(() => K.a)()', 'L', 'typeof K']);
  const depth = 1 + r.below(4);
  const wrap = (inner, left) => (left ? r.pick([`(() => { ${inner} return A; })()`, `(function () { ${inner} return A; })()`, `(() => { const L = 'l${left}'; ${inner} return A; })()`]) : inner);
  let text = `class A ${r.chance(0.3) ? 'extends Array ' : ''}{ [${key}]() { return [typeof K, typeof L]; } static [${key}] = 1; get [${key} + 'g']() { return 2; } ${r.chance(0.5) ? `static { note(typeof ${r.pick(['K', 'L'])}); }` : ''} }`;
  if (key.startsWith('Symbol')) text = text.replace(` get [${key} + 'g']() { return 2; }`, '');
  for (let i = 0; i < depth; i++) text = `const A = ${wrap(text, i + 1)};`.replace('const A = class', 'class').replace(/^const A = (\(.*)$/s, 'const A = $1');
  s.kept.push(`function ${f}(K, L, Symbol) { ${text} return A; }`);
  return `attempt(() => { const A = ${f}({ a: 'named', toString() { return 'k' } }, 'l', globalThis.Symbol); return [Reflect.ownKeys(A.prototype), Reflect.ownKeys(A).length, new A()]; });`;
}
