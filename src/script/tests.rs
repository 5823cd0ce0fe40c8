//! What TypeScript becomes: a table of snippets to read, and properties that hold for every one of them.

use proptest::prelude::*;

use super::{ImportKind, Language, parse};

/// Snippets that are accepted. Each stands for a trap or a construct.
const ERASED: &[&str] = &[
    // Annotations.
    "const total: number = 1;\nreturn total;",
    "let a: string, b: Array<Map<string, number>> = [], c!: { d: 1; e?: 2 };",
    "function f(a: string, b?: number, ...rest: string[]): asserts a is 'x' { return rest }",
    "function f(this: Context, a = 1 as number, { b, c }: { b: 1; c: 2 } = d) {}",
    "function f(this: Context) {}\nfunction g(this: A /* , */ , /* ? */ b?: 1) {}",
    "const f = (a: number, b?: string): number => a;\nconst g = async (a): Promise<void> => {};",
    "const f = (a?) => a, g = ([a]: [number], { b }: B) => b;",
    "try { a() } catch (error: unknown) { throw error as Error }",
    "const o = { m<T>(this: void, a: T): T { return a }, get x(): number { return 1 }, set x(v: number) {} };",
    "for (const [k, v] of Object.entries(o) as [string, number][]) log(k!, v);",
    "for (let i = 0 as number, n: number = 3; i < n; i++) {}",
    // Generics.
    "function f<T extends object = {}, const U>(a: T): U { return a as unknown as U }",
    "const f = <T,>(a: T) => a, g = async <T>(a: T) => a;",
    "const m = new Map<string, Array<number>>();\nf<string>('x');\ntag<A>`x`;\nnew Set<A>;\na?.b<string>();",
    "const g = f<string>;\n(async () => {})();",
    "a < b || c > d;\nx = a < b > (c);",
    // Statements that are only types.
    "interface A { a: string }\ntype B = A | { b: 1 };\nreturn 1;",
    "export interface A {}\nexport type B<T> = T[];\nexport default () => 1;",
    "const a = b\ntype X = 1\n(c)\nlet d = e\ninterface Y {}\n[f].map(g)",
    "declare const a: string;\ndeclare function f(): void;\ndeclare class C { a }\ndeclare module 'x' { export const a: 1 }\ndeclare global { var x: 1 }\ndeclare enum E { A }\ndeclare namespace N {}\nreturn a;",
    "function f(a: string): void;\nfunction f(a: number): void;\nfunction f(a: any) {}",
    "export function f(a: string): void;\nexport function f(a: any) {}\nexport default function g(): void;\nexport default function g() {}",
    "export declare const a: number;\nexport default interface A {}\nexport as namespace X;",
    "if (a) { type T = 1; } else { interface U {} }",
    // Imports and exports.
    "import type { A } from './a';\nimport type B from 'b';\nimport { type C, d, type E } from './c';\nimport { type F } from './types';\nimport G, { type H } from 'g';\nimport './side';",
    "export type { A } from './a';\nexport { type B, c } from './c';\nexport type * from './d';\nexport type { E };\nexport { d, type F };\nexport { type G } from './g';\nexport {};",
    "import type A = require('a');\nimport { type } from './a';\nimport { type as b, type as as c } from './b';\nimport type, { d } from './d';",
    // Expressions.
    "const a = b as unknown as string, c = d satisfies E, f = g!, h = i!.j![0]!.k!();",
    "const a = <number>b, c = <const>['x'], d = <A>{ e: 1 };\n(<any>window).x = -<number>y;",
    "const a = b as string\n(c)\nconst d = e!\n[f].g()\nh = i satisfies J\n`k`",
    "return a as B\n/x/g",
    "if (a) b as C\nelse d!\ndo e as F\nwhile (g)",
    "(a as any) = 1;\n(b!) += 2;\nc! = 3;\n[d as any, e!] = f;",
    "x = (a + b as number) * c;\ny = a + (b as number) * c;\nz = a as number == b;\nw = a as number < b;",
    "a ? (b as C) : d!;\na ? (b) : c => d;\nconst e = a ? (b): C => d : e;",
    "const k = `a${b as string}c${d!}`;",
    "await (f as any)();\ndelete a!.b;\ntypeof a!;\nvoid (a as B);",
    "export default { a: 1 } as A\n[b]",
    "const enumerable = { enum: 1, type: 2, as: 3, interface: 4 };\nlet type = 1, as = 2, declare = 3;\ntype = as;\ndeclare\nvar x",
    // Line ends that have a meaning.
    "const f = (a: number): {\n  b: number;\n} => ({ b: a });",
    "const f = (a, // c\n): Promise<\n  string\n> => a;\nconst g = async (\n  a: number,\n)\n: Promise<void> => {};",
    "return <\n  T,\n>(a: T) => a;",
    "const f = async <\n  T\n>(a: T): Promise<T> => a;",
    "const f = (a: 1 |\n  2) => a;\nlet b:\n  | 'x'\n  | 'y' = 'x';",
    // Classes.
    "abstract class A<T> extends B<T> implements C, D<T> {\n  private readonly a: string = 'x';\n  public static b?: number;\n  protected c!: string;\n  declare d: number;\n  abstract e: string;\n  abstract f(): void;\n  [key: string]: unknown;\n  static [key: string]: unknown;\n  override g(): void {}\n  constructor(a: string);\n  constructor(a: any) { super() }\n  private async *h<U>(a: U): AsyncGenerator<U> {}\n  get i(): number { return 1 }\n  set i(value: number) {}\n  #j: number = 1;\n  'k'?: string;\n  ['l']: string;\n  static { let m: number = 1 }\n}",
    "class A {\n  get: string\n  b() {}\n  static: number\n  c() {}\n  set?: boolean\n  d() {}\n}",
    "class A {\n  a = 1\n  private ['b'] = 2\n  public *c() {}\n  public\n  d = e as any\n  ['f'] = 1\n}",
    "class A { public: number = 1; readonly; private() {} static readonly b = 1; declare = 2; m?(): void {} }",
    "export abstract class A {}\nexport default abstract class B implements C {}",
    "const A = class implements B {};\nconst C = class D<T> /* implements */ implements /* implements */ E {};",
    // Characters.
    "const 名: '😀' | 'é' = '😀' as '😀'; f(名)\r\ntype X = 'é'\r\nreturn 1",
    "let a: /* : */ string /* = */ = 1; // : number",
    "let a: `x${string}` = 'x', b: /* ' */ \"'\" = \"'\";",
    "#!/usr/bin/env node\nlet a: 1;",
    "// only a comment",
    "",
    // Not TypeScript at all.
    "const { data } = context;\nfor await (const a of b) { c?.d ?? (e ||= 1n) }\nreturn /[/'\"]/.test(`${a}`) ? { a } : class { static #b = 1 };",
];

/// Snippets that are refused: the source, and the beginning of `line:column message`.
const REFUSED: &[(&str, &str)] = &[
    ("class A { accessor a = 1 }", "1:11 `accessor` fields are not supported"),
    ("enum A { B }\nclass C { accessor a = 1 }", "2:11 `accessor` fields are not supported"),
    ("const f = () => <A>{ b: 1 };", "1:17 write `value as T`"),
    ("<A>function () {}", "1:1 write `value as T`"),
    ("x = a + b as number * c;", "1:20 "),
    ("let a: = 1", "1:8 "),
    ("const a = 1;\nconst b = 名 @;", "2:12 "),
    ("return {", "1:9 "),
    ("let x: string = 'open", "1:17 "),
    ("if (a {", "1:7 "),
    ("const a: number", "1:"),
];

fn typed(source: &str) -> Result<String, String> {
    parse("main.ts", source)
        .map(|parsed| parsed.javascript)
        .map_err(|mistake| format!("{}:{} {}", mistake.line, mistake.column, mistake.message))
}

/// For each line, the number of UTF-16 units and what ends the line.
fn outline(text: &str) -> Vec<(usize, Option<char>)> {
    text.split_inclusive(super::text::ends_line)
        .map(|line| {
            (line.encode_utf16().count(), line.chars().next_back().filter(|c| super::text::ends_line(*c)))
        })
        .collect()
}

#[test]
fn types_become_spaces() {
    let mut told = String::new();
    for source in ERASED {
        let erased = typed(source).unwrap_or_else(|why| panic!("{why}\n{source}"));
        assert_eq!(outline(&erased), outline(source), "{source}");
        assert_eq!(typed(&erased).as_ref(), Ok(&erased), "nothing is left to erase");
        told.push_str(&format!("{source}\n=>\n{}\n\n", erased.replace(' ', "·").replace('\r', "")));
    }
    insta::assert_snapshot!(told.replace('\r', ""));
}

/// Each `mark(…)` stays where its author wrote it.
const COMPILED: &[&str] = &[
    "enum Color { Red, Green = 'g' }\nmark(1);\n\n  return mark(2) + Color.Red;",
    "const enum A {\n  B = 1 << 2,\n  C = B | 1,\n}\nif (mark(1)) {\n    throw mark(2);\n}",
    "export enum Level { Low = 1, High }\nexport default async function (context: any) {\n  const { data } = context;\n  return [mark(1), data.map((x: number) => mark(2))];\n}",
    "namespace Money {\n  export const rate =\n    mark(1);\n  export function add(a: number, b: number): number {\n    return mark(2) + a + b;\n  }\n  export namespace Deep { export const x = 1 }\n}\nreturn Money.add(mark(3), Money.Deep.x);",
    "class A {\n  constructor(private readonly a: string, public b = 2, c?: number) {\n    mark(1);\n  }\n\n  get(): string {\n    return mark(2);\n  }\n}\nreturn new A('x').get();",
    "class B extends A {\n  constructor(protected x: number) {\n    super(mark(1));\n    mark(2);\n  }\n}",
    "@log\nclass A {\n  @field() name: string = mark(1);\n  @method({ a: 1 })\n  run(@param a: number) {\n    const text = `a\n  b ${mark(2)}\n c`;\n    return /[/'\"]/.test(text);\n  }\n}\nmark(3);",
    "import type { X } from './x';\nimport { a, type Y } from 'a';\nenum E { A }\nconst f = async <T,>(x: T): Promise<T> => {\n  for (const i of [1]) { await mark(1); }\n  return mark(2) as T;\n};\nexport { f };\nexport default f;",
    "import a = require('a');\nmark(1);\nimport b = a.b;\nmark(2)",
    "const x: number = mark(1);\nexport = mark;\nmark(2);",
    "declare enum Gone { A }\nenum Kept { A }\nabstract class S { abstract a(): void; constructor(readonly n: number) {\n    mark(1) } }\nlet y = { a: 1,\n  b: mark(2),\n  ...mark(3) };\nlabel: for (;;) { break label }",
    "enum A { B }\nlet a = b\n++c\nreturn (\n  mark(1)\n)",
    "enum 颜色 { 红 = '红', 绿 = '😀' }\nconst s = '😀'; mark(1); const 名 = mark(2);",
];

#[test]
fn what_is_more_than_types_is_compiled_and_the_rest_stays_where_it_is() {
    let places = |text: &str| -> Vec<(String, usize, usize)> {
        let lines = text.lines().enumerate();
        let found = lines.flat_map(|(line, text)| {
            let marks = text
                .match_indices("mark(")
                .filter(|(at, _)| text[*at + 5..].starts_with(|c: char| c.is_ascii_digit()));
            marks
                .map(move |(at, _)| {
                    (text[at..at + 7].to_owned(), line + 1, text[..at].encode_utf16().count() + 1)
                })
                .collect::<Vec<_>>()
        });
        let mut found: Vec<_> = found.collect();
        found.sort();
        found
    };
    for source in COMPILED {
        let compiled = typed(source).unwrap_or_else(|why| panic!("{why}\n{source}"));
        assert_eq!(places(&compiled), places(source), "{source}\n=>\n{compiled}");
        assert_eq!(typed(&compiled).as_ref(), Ok(&compiled), "it is JavaScript");
    }
}

#[test]
fn what_is_more_than_types_is_refused_by_name_and_place() {
    for (source, words) in REFUSED {
        let why = typed(source).expect_err(source);
        assert!(why.starts_with(words), "{source}: {why}");
    }
}

#[test]
fn the_name_says_the_language() {
    for (file, language) in [
        ("a.js", Some(Language::JavaScript)),
        ("lib/a.b.mjs", Some(Language::JavaScript)),
        ("a.ts", Some(Language::TypeScript)),
        ("a.mts", Some(Language::TypeScript)),
        ("a.d.ts", None),
        ("types/a.d.mts", None),
        ("d.ts", Some(Language::TypeScript)),
        (".ts", None),
        ("a.cjs", Some(Language::JavaScript)),
        ("a.cts", Some(Language::TypeScript)),
        ("types/a.d.cts", None),
        ("data/a.json", Some(Language::Json)),
        ("a.jsx", None),
        ("js", None),
    ] {
        assert_eq!(Language::of(file), language, "{file}");
    }
}

#[test]
fn javascript_stays_as_it_is() {
    for source in
        ["with (a) b; return 010", "const a = 1 < 2, b = <any>c", "\u{feff}return 1", "#!x\nreturn 1"]
    {
        let parsed = parse("main.js", source);
        if let Ok(parsed) = parsed {
            assert_eq!(parsed.javascript, source.trim_start_matches('\u{feff}'));
        }
    }
    assert!(parse("main.js", "const a: number = 1").is_err());
}

#[test]
fn imports_are_found_with_their_places() {
    let source = "import a, { b } from './a';\nexport * from \"é\";\n  export { c } from 'c'; import 'd';\n\
        const e = await import('./e'), f = require('f'), g = require(x), h = import(`i`);\nfoo.require('no'); // import 'no'\n\
        export default async () => { try { (await import('j')).k(require('k')) } catch {} };";
    let parsed = parse("main.js", source).unwrap();
    let found: Vec<_> = parsed
        .imports
        .iter()
        .map(|import| (import.specifier.as_str(), import.kind, import.line, import.column))
        .collect();
    assert_eq!(
        found,
        [
            ("./a", ImportKind::Declaration, 1, 22),
            ("é", ImportKind::Declaration, 2, 15),
            ("c", ImportKind::Declaration, 3, 21),
            ("d", ImportKind::Declaration, 3, 33),
            ("./e", ImportKind::Call, 4, 24),
            ("f", ImportKind::Require, 4, 44),
            ("j", ImportKind::Call, 6, 50),
            ("k", ImportKind::Require, 6, 66),
        ]
    );
    assert!(parsed.is_module && parsed.has_default);
    let body = parse("main.ts", "import type { A } from './a';\nreturn 1 as A").unwrap();
    assert!(!body.is_module && !body.has_default && body.imports.is_empty());
    for source in ["export { a as default }; let a", "export { default } from 'a'", "export default 1"] {
        assert!(parse("main.js", source).unwrap().has_default, "{source}");
    }
}

/// S: an overflow of the stack would end the process, and an endless parse would hold its thread.
#[test]
fn hostile_nesting_does_not_end_the_process() {
    let kinds = [
        "(",
        "[",
        "{",
        "{a:",
        "!",
        "- ",
        "a=>",
        "a?",
        "a?(b)=>c:",
        "a=",
        "if(a)",
        "else ",
        "new ",
        "a**",
        "a+",
        "a.b",
        "a()",
        "`${",
        "typeof ",
        "await ",
        "a:",
        "let a:A<",
        "type A=",
        "type A=keyof ",
        "let a:(b:",
        "let a:[",
        "let a:{b:",
        "<A>",
        "a as A as ",
        "a!",
        "class{a=",
        "function(){",
        "async<T>(a:T)=>",
        "(a,b",
        "({a:[",
        "for(;;)",
        "x=<T>(",
        "a<b<",
        "?.(",
        "</",
        "let a: A extends B ? C : ",
        "()=>()=>",
        "yield ",
        "import(",
        "label:{",
        "switch(a){case ",
        "try{",
        "do ",
        "a||",
        "a??b,",
    ];
    for kind in kinds {
        let _ = parse("main.ts", &kind.repeat((48 << 10) / kind.len()));
    }
    let nested = parse("main.ts", &"\n(a=".repeat(500)).unwrap_err();
    assert_eq!((nested.line, nested.message.as_str()), (202, "brackets nest too deeply here"));
    let brackets = parse("main.ts", &"()".repeat(200_000)).unwrap_err();
    assert!(brackets.message.contains("brackets; split it"), "{}", brackets.message);
    // The engine accepts long chains.
    for chain in ["a+", "a.b+", "a||", "a.a.", "a()()+", "a,"] {
        let source = format!("{}a", chain.repeat((256 << 10) / chain.len()));
        assert!(parse("main.js", &source).is_ok(), "{chain}");
    }
}

/// Pieces of TypeScript, put together at random.
fn pieces() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "a",
        "b",
        " ",
        " ",
        "\n",
        "\r\n",
        "\u{2028}",
        ";",
        ",",
        ":",
        "?",
        "!",
        ".",
        "=",
        "=>",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "<",
        ">",
        "'é'",
        "`${a}`",
        "/",
        "//c\n",
        "/*😀*/",
        "as",
        "satisfies",
        "type ",
        "interface ",
        "enum ",
        "declare ",
        "class ",
        "abstract ",
        "implements ",
        "extends ",
        "private ",
        "readonly ",
        "static ",
        "get ",
        "async ",
        "function ",
        "return ",
        "const ",
        "let ",
        "import ",
        "export ",
        "default ",
        "from ",
        "string",
        "number",
        "1",
        "+",
        "*",
        "名",
        "😀",
        "@",
        "#",
        "this",
        "new ",
        "await ",
        "namespace ",
        "import('x')",
        "require('y')",
        "for (",
        "if (",
        "else ",
        "\t",
        "...",
        "|",
        "&",
    ]);
    prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
}

/// Snippets of the table, one after the other, cut at some place.
fn spliced() -> impl Strategy<Value = String> {
    let snippet = prop::sample::select(ERASED.to_vec());
    (prop::collection::vec(snippet, 1..4), any::<prop::sample::Index>(), any::<bool>()).prop_map(
        |(parts, cut, whole)| {
            let text = parts.join("\n");
            if whole { text } else { text.chars().take(cut.index(text.chars().count() + 1)).collect() }
        },
    )
}

/// Words of constructs that are compiled.
const COMPILES: [&str; 10] = [
    "enum",
    "namespace",
    "module",
    "@",
    "private",
    "protected",
    "public",
    "readonly",
    "override",
    "export =",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_is_erased_keeps_its_places_and_is_javascript(
        source in prop_oneof![pieces(), spliced(), "\\PC{0,80}", "[\\s\\S]{0,80}"]
    ) {
        let plain = source.trim_start_matches('\u{feff}');
        if let Ok(erased) = typed(plain) {
            prop_assert!(parse("main.js", &erased).is_ok());
            // What may have been compiled is longer than what was written.
            let assigned = |rest: &str| rest.trim_start().starts_with(['=', '/']);
            let grows = COMPILES.iter().any(|word| plain.contains(word)) || plain.split("export").skip(1).any(assigned);
            if !grows {
                prop_assert_eq!(outline(&erased), outline(plain));
                prop_assert_eq!(typed(&erased), Ok(erased));
            }
        }
        let _ = parse("main.js", &source);
    }
}
