//! Writes one script from a seed: statements and expressions of the whole language over names that are in scope, calls of
//! built-ins with odd arguments, and snippets that are known to be awkward. Pure; called by `generated.rs`.

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};

/// The script of a seed.
pub fn script(seed: u64) -> String {
    let mut writer = Writer {
        dice: ChaCha20Rng::seed_from_u64(seed),
        budget: 0,
        depth: 0,
        counter: 0,
        names: vec!["context".to_owned()],
        within: Within { loops: 0, generator: false, asynchronous: true },
    };
    let mut text = String::new();
    for _ in 0..2 + writer.below(4) {
        writer.budget = 2 + writer.below(18);
        text.push_str(&writer.guarded());
        text.push('\n');
    }
    let kept: Vec<_> = writer.names.iter().skip(1).cloned().collect();
    let result = if kept.is_empty() || writer.one_in(6) { writer.expression() } else { kept.join(", ") };
    if writer.one_in(4) {
        format!("{text}return [{result}];\n")
    } else {
        format!(
            "{text}try {{ return JSON.stringify([{result}])?.length }} catch (e) {{ return String(e?.name) }}\n"
        )
    }
}

/// Where the writer stands, as far as it decides what may be written.
#[derive(Clone, Copy)]
struct Within {
    loops: u32,
    generator: bool,
    asynchronous: bool,
}

struct Writer {
    dice: ChaCha20Rng,
    /// Nodes that may still be written; without any, only leaves are.
    budget: u32,
    /// Of the statements and expressions around the place; the parser's own stack is no subject here.
    depth: u32,
    counter: u32,
    names: Vec<String>,
    within: Within,
}

/// The deepest nesting that is written.
const DEPTH: u32 = 7;

/// Expressions without parts, one a line.
const LEAVES: &str = include_str!("leaves.js");
/// What is awkward for engines, as statements, one a line.
const SNIPPETS: &str = include_str!("snippets.js");

const METHODS: &str = "at concat copyWithin entries every fill filter find findLast findLastIndex flat flatMap forEach \
    includes indexOf join keys lastIndexOf map pop push reduce reduceRight reverse shift slice some sort \
    splice toReversed toSorted toSpliced unshift values with charAt charCodeAt codePointAt endsWith \
    localeCompare match matchAll normalize padEnd padStart replace replaceAll search split startsWith \
    substring substr toUpperCase trim isWellFormed toFixed toPrecision toExponential toString \
    toLocaleString valueOf get set has add delete clear union difference then catch finally next return \
    throw exec test compile getTime setFullYear setMonth setTime toISOString toJSON subarray resize \
    transfer getInt16 setFloat32 call apply bind hasOwnProperty isPrototypeOf propertyIsEnumerable \
    __defineGetter__ __lookupSetter__ readUInt16BE write append getAll take drop toArray";

const FUNCTIONS: &str = "Object.keys Object.entries Object.fromEntries Object.assign Object.create Object.defineProperty \
    Object.getOwnPropertyDescriptors Object.freeze Object.seal Object.setPrototypeOf Object.groupBy \
    Object.is Reflect.ownKeys Reflect.get Reflect.set Reflect.has Reflect.construct Reflect.apply \
    Reflect.deleteProperty Reflect.getPrototypeOf Array.from Array.of Array.isArray Array String \
    String.raw String.fromCodePoint String.fromCharCode Number Number.parseFloat parseInt BigInt \
    BigInt.asIntN BigInt.asUintN Boolean Symbol.for JSON.parse JSON.stringify Math.max Math.hypot \
    Math.clz32 Math.fround Math.atan2 Date.UTC Date.parse isNaN encodeURIComponent decodeURIComponent \
    escape unescape Promise.all Promise.race Promise.any Promise.allSettled Promise.resolve \
    Promise.reject structuredClone atob btoa Buffer.from Buffer.alloc Buffer.concat Buffer.byteLength \
    Atomics.add Atomics.load Uint8Array.from Map.groupBy RegExp Error console.log console.table \
    console.warn Proxy.revocable require('util').inspect require('util').isDeepStrictEqual \
    require('querystring').parse require('crypto').createHash Function eval";

const CONSTRUCTORS: &str = "Array Object String Number Date RegExp Map Set WeakMap WeakSet WeakRef Promise Proxy Error \
    AggregateError Uint8Array Int32Array Float64Array BigInt64Array ArrayBuffer SharedArrayBuffer \
    DataView Function URL URLSearchParams TextDecoder FinalizationRegistry TypeError";

const BINARY: &[&str] = &[
    "+",
    "-",
    "*",
    "/",
    "%",
    "**",
    "==",
    "===",
    "!=",
    "<",
    ">",
    "<=",
    ">=",
    "&&",
    "||",
    "??",
    "&",
    "|",
    "^",
    "<<",
    ">>",
    ">>>",
    "in",
    "instanceof",
    ",",
];

impl Writer {
    fn below(&mut self, end: u32) -> u32 {
        self.dice.next_u32() % end.max(1)
    }

    fn one_in(&mut self, count: u32) -> bool {
        self.below(count) == 0
    }

    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len() as u32) as usize]
    }

    fn word(&mut self, words: &'static str) -> &'static str {
        let at = self.below(words.split_whitespace().count() as u32) as usize;
        words.split_whitespace().nth(at).expect("it was counted")
    }

    fn line(&mut self, lines: &'static str) -> &'static str {
        let at = self.below(lines.lines().count() as u32) as usize;
        lines.lines().nth(at).expect("it was counted")
    }

    /// A name that was not used yet.
    fn fresh(&mut self) -> String {
        self.counter += 1;
        format!("v{}", self.counter)
    }

    fn name(&mut self) -> String {
        let at = self.below(self.names.len() as u32) as usize;
        self.names[at].clone()
    }

    /// Takes a node from the budget.
    fn may(&mut self) -> bool {
        let may = self.budget > 0 && self.depth < DEPTH;
        self.budget = self.budget.saturating_sub(1);
        may
    }

    /// A statement, mostly so that what it throws ends nothing; declarations stay visible.
    fn guarded(&mut self) -> String {
        if self.one_in(3) {
            return self.declaration();
        }
        let scope = self.names.len();
        let statement = self.statement();
        self.names.truncate(scope);
        if self.one_in(12) { statement } else { format!("try {{ {statement} }} catch (e) {{ e }}") }
    }

    /// Declares a name for what follows; cannot throw before the name has a value.
    fn declaration(&mut self) -> String {
        let value = self.expression();
        let name = self.fresh();
        let text = match self.below(4) {
            0 => format!("var {name}; try {{ {name} = {value} }} catch {{ {name} = 0 }}"),
            1 => format!(
                "let {name} = (() => {{ try {{ return {} }} catch (e) {{ return e }} }})();",
                self.plain()
            ),
            _ => format!("let {name}; try {{ {name} = {value} }} catch (e) {{ {name} = e }}"),
        };
        self.names.push(name);
        text
    }

    /// An expression without `await` and `yield`.
    fn plain(&mut self) -> String {
        self.inside(Within { loops: 0, generator: false, asynchronous: false }, Self::expression)
    }

    fn inside(&mut self, within: Within, write: impl FnOnce(&mut Self) -> String) -> String {
        let (outer, scope) = (std::mem::replace(&mut self.within, within), self.names.len());
        let text = write(self);
        self.within = outer;
        self.names.truncate(scope);
        text
    }

    fn block(&mut self) -> String {
        let scope = self.names.len();
        let mut text = String::new();
        for _ in 0..1 + self.below(3) {
            text.push_str(&self.guarded());
            text.push(' ');
        }
        self.names.truncate(scope);
        text
    }

    fn looped(&mut self, name: Option<&str>) -> String {
        let within = Within { loops: self.within.loops + 1, ..self.within };
        let name = name.map(str::to_owned);
        self.inside(within, |writer| {
            writer.names.extend(name);
            writer.block()
        })
    }

    fn function(&mut self, parameter: &str, generator: bool, asynchronous: bool) -> String {
        let parameter = parameter.to_owned();
        self.inside(Within { loops: 0, generator, asynchronous }, |writer| {
            writer.names.push(parameter);
            let block = writer.block();
            format!("{block} return {}", writer.expression())
        })
    }

    fn statement(&mut self) -> String {
        if !self.may() {
            return format!("({});", self.leaf());
        }
        self.depth += 1;
        let text = self.statement_of_parts();
        self.depth -= 1;
        text
    }

    fn statement_of_parts(&mut self) -> String {
        match self.below(24) {
            0 => format!("if ({}) {{ {} }} else {{ {} }}", self.expression(), self.block(), self.block()),
            1 | 2 => {
                let (i, end) = (self.fresh(), self.below(5));
                format!("for (let {i} = 0; {i} < {end}; {i}++) {{ {} }}", self.looped(Some(&i)))
            }
            3 | 4 => {
                let (head, x) = (self.pick(&["of", "in"]), self.fresh());
                let (kind, over) = (self.pick(&["const", "let", "var"]), self.expression());
                format!("for ({kind} {x} {head} Object({over})) {{ {} }}", self.looped(Some(&x)))
            }
            5 => {
                let n = self.fresh();
                format!("let {n} = 0; while ({n}++ < {}) {{ {} }}", self.below(5), self.looped(Some(&n)))
            }
            6 => {
                let (tried, caught, last) = (self.block(), self.block(), self.block());
                format!(
                    "try {{ {tried} throw {} }} catch ({{ message: m, ...r }}) {{ {caught} }} finally {{ {last} }}",
                    self.leaf()
                )
            }
            7 => format!(
                "switch ({}) {{ case {}: {{ {} }} default: {{ {} }} }}",
                self.expression(),
                self.leaf(),
                self.block(),
                self.block()
            ),
            8 | 9 => {
                let (a, b, from) = (self.fresh(), self.fresh(), self.expression());
                self.names.extend([a.clone(), b.clone()]);
                match self.below(3) {
                    0 => format!("const {{ length: {a} = {}, ...{b} }} = Object({from});", self.leaf()),
                    1 => format!("const [{a} = {}, ...{b}] = Array.from(Object({from}));", self.leaf()),
                    _ => format!("let {a}, {b}; [{a}, {{ x: {b} = {a} }}] = [{from}, {{}}];"),
                }
            }
            10 | 11 => {
                let (f, p) = (self.fresh(), self.fresh());
                let (star, kind) = (self.one_in(2), self.one_in(3));
                let body = self.function(&p, star, kind);
                let text = format!(
                    "{}function{} {f}({p}, ...rest) {{ {body} }} {f}({}, {})",
                    if kind { "async " } else { "" },
                    if star { "*" } else { "" },
                    self.expression(),
                    self.leaf(),
                );
                self.names.push(f);
                if star { format!("{text}.next({});", self.leaf()) } else { format!("{text};") }
            }
            12 | 13 => self.class(),
            14 => format!("{}[{}] = {};", self.name(), self.expression(), self.expression()),
            15 => format!("delete {}[{}];", self.name(), self.leaf()),
            16 if self.within.loops > 0 => self.pick(&["break;", "continue;"]).to_owned(),
            17 if self.within.asynchronous => {
                let x = self.fresh();
                format!(
                    "for await (const {x} of [{}, {}]) {{ {} }}",
                    self.expression(),
                    self.leaf(),
                    self.looped(Some(&x))
                )
            }
            18 => format!("console.log({}, {});", self.expression(), self.leaf()),
            19 | 20 => self.line(SNIPPETS).to_owned(),
            _ => format!("({});", self.expression()),
        }
    }

    fn class(&mut self) -> String {
        let (c, p) = (self.fresh(), self.fresh());
        let heir =
            if self.one_in(2) { format!(" extends ({})", self.word(CONSTRUCTORS)) } else { String::new() };
        let (field, computed) = (self.plain(), self.leaf());
        let method = self.function(&p, false, false);
        let generator = self.function(&p, true, false);
        self.names.push(c.clone());
        format!(
            "class {c}{heir} {{ static s = 1; #hidden = {field}; [{computed}] = 2; get g() {{ return this.#hidden }} set g({p}) {{ this.#hidden = {p} }} \
             m({p}) {{ {method} }} *i({p}) {{ {generator} }} static {{ this.t = {} }} }} \
             const o{c} = new {c}({}); o{c}.g; o{c}.g = o{c}.m({}); [...o{c}.i(1)];",
            self.plain(),
            self.leaf(),
            self.leaf(),
        )
    }

    fn leaf(&mut self) -> String {
        if self.one_in(3) {
            return self.name();
        }
        let leaf = self.line(LEAVES);
        if leaf.contains(' ') || leaf.starts_with(['{', '-']) { format!("({leaf})") } else { leaf.to_owned() }
    }

    fn arguments(&mut self) -> String {
        let count = self.below(4);
        (0..count)
            .map(|_| {
                if self.one_in(8) { format!("...Object.values({})", self.leaf()) } else { self.expression() }
            })
            .collect::<Vec<_>>()
            .join(", ")
    }

    fn expression(&mut self) -> String {
        if !self.may() {
            return self.leaf();
        }
        self.depth += 1;
        let text = self.expression_of_parts();
        self.depth -= 1;
        text
    }

    fn expression_of_parts(&mut self) -> String {
        match self.below(26) {
            0..=3 => self.leaf(),
            4..=8 => format!("({})?.{}?.({})", self.expression(), self.word(METHODS), self.arguments()),
            9..=11 => format!("{}({})", self.word(FUNCTIONS), self.arguments()),
            12 => format!("new {}({})", self.word(CONSTRUCTORS), self.arguments()),
            13 | 14 => format!("({} {} {})", self.leaf(), self.pick(BINARY), self.expression()),
            15 => format!("({} ? {} : {})", self.expression(), self.expression(), self.leaf()),
            16 => format!("({} ({}))", self.pick(&["!", "-", "~", "typeof", "void", "+"]), self.expression()),
            17 => format!(
                "[{}, ...Object({})?.[Symbol.iterator] ? [{}] : []]",
                self.expression(),
                self.leaf(),
                self.leaf()
            ),
            18 => {
                let key = self.leaf();
                format!(
                    "({{ a: {}, [{key}]: {}, get b() {{ return {} }}, ...{} }})",
                    self.expression(),
                    self.leaf(),
                    self.plain(),
                    self.leaf()
                )
            }
            19 | 20 => {
                let (p, asynchronous) = (self.fresh(), self.one_in(4));
                let body = self.function(&p, false, asynchronous);
                format!("({}({p}, q = {p}) => {{ {body} }})", if asynchronous { "async " } else { "" })
            }
            21 => format!("`a${{{}}}b${{{}}}`", self.expression(), self.leaf()),
            22 => format!("({})?.[{}]", self.expression(), self.leaf()),
            23 if self.within.generator => format!("(yield {})", self.expression()),
            23 | 24 if self.within.asynchronous && !self.within.generator => {
                format!("(await {})", self.expression())
            }
            25 => format!("String.raw`{}${{{}}}`", self.pick(&["", "\\u", "x"]), self.expression()),
            _ => format!("({} = {})", self.assignable(), self.expression()),
        }
    }

    fn assignable(&mut self) -> String {
        let name = self.name();
        match name.as_str() {
            "context" => "context.data".to_owned(),
            _ if self.one_in(2) => format!("Object({name}).x"),
            _ => format!("Object({name})[{}]", self.leaf()),
        }
    }
}
