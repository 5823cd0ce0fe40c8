//! The tests of `regexp` and `regexp_methods`: every fast path against the builtin of a context without them.

use boa_engine::{Context, JsString, Source};

use super::unescaped;
use crate::realm;

/// Says, for one text, what each operation with each pattern and flags gives: one line an operation.
const OUTCOMES: &str = r#"(text) => {
  const patterns = ['a', '', 'b*', '(a)|(b)', '(?<first>a)(?<second>b)?', '^.', '.$', '\\b', '(?=b)', '(?<=a)b', '[^]', '\\w+',
    '\\d{2,}', '(.)\\1', '\\/', '[/\\]]', '\\n', '\\\\n', '\n', 'a/b', '\\u{61}|u', '\u00e9|\u00df', 'K', '.', '(?!a).', 'x*?', '((a)|b)+', '\ud83d\ude00', '[\ud83d\ude00a]', 'ab|cd|-', ','];
  const flags = ['', 'g', 'y', 'gy', 'gim', 'gs', 'gu', 'guy', 'dgi', 'v'];
  const values = ['', '-', '[$&]', '<$1$2$3$10$01$0$>', "$`|$'", '$$', '$<first>-$<second>-$<none>-$<', '\u0416', (...all) => JSON.stringify(all.map((one) => (one?.length > 20 ? one.length : one)))];
  const operations = [
    (r, t) => r.exec(t), (r, t) => r.test(t), (r, t) => t.search(r), (r, t) => t.match(r),
    // Boa's own split takes surrogate pairs apart under `v`.
    (r, t) => (r.unicodeSets ? null : t.split(r)), (r, t) => (r.unicodeSets ? null : t.split(r, 2)), (r, t) => t.split(r, 0),
    (r, t) => (r.global ? [...t.matchAll(r)] : null), (r, t) => (r.global ? t.replaceAll(r, '<$&>') : null),
    ...values.map((value) => (r, t) => t.replace(r, value)),
    (r, t) => t.split(r.source), (r, t) => t.replaceAll(r.source, "<$&$1$<$`>"), (r, t) => [t.indexOf(r.source, 1), t.includes(r.source), t.split(r.source, 1)],
  ];
  const show = (value) => Array.isArray(value)
    ? [value.map(show), String(Object.keys(value)).slice(-30), value.index, value.input?.length, value.groups && Object.entries(value.groups), value.indices && show(value.indices)]
    : value === undefined ? 'undefined' : value;
  const lines = [];
  for (const pattern of patterns) for (const flag of flags) {
    const made = () => { try { return new RegExp(pattern, flag) } catch { return null } };
    const r = made();
    if (r) for (const [index, operation] of operations.entries()) for (const last of index < 5 ? [0, 1] : [1]) {
      r.lastIndex = last;
      let outcome;
      try { outcome = show(operation(r, text)) } catch (error) { outcome = String(error) }
      lines.push(JSON.stringify([pattern, flag, index, last, outcome, r.lastIndex]));
    }
  }
  return lines.join('\n');
}"#;

fn outcomes(context: &mut Context, text: &str) -> Vec<String> {
    let function = context.eval(Source::from_bytes(OUTCOMES)).unwrap().as_object().unwrap();
    let text = context.eval(Source::from_bytes(text)).unwrap();
    let lines = function.call(&boa_engine::JsValue::undefined(), &[text], context).unwrap();
    lines.as_string().unwrap().to_std_string_lossy().split('\n').map(str::to_owned).collect()
}

#[test]
fn the_fast_paths_agree_with_the_builtins() {
    let (mut ours, mut plain) = (realm::build(), Context::default());
    for text in [
        "''",
        "'abab,a'",
        "'-'.repeat(60) + 'aabb\\nab 12 345 a/b, a\\\\n'",
        "'-'.repeat(60) + '\\u00e9 \\u00df K k xx yy,' ",
        "'-'.repeat(60) + '\\u00e9 \\u212a a/b'",
        "'a\\ud83d\\ude00ab'.repeat(14)",
        "'\\ud83da\\ude00b'.repeat(17)",
        "'ab'.repeat(33)",
    ] {
        let (found, expected) = (outcomes(&mut ours, text), outcomes(&mut plain, text));
        assert!(found.len() > 5000, "{}", found.len());
        let wrong: Vec<_> = found.iter().zip(&expected).filter(|(a, b)| a != b).take(3).collect();
        assert!(wrong.is_empty() && found.len() == expected.len(), "{text}\n{wrong:#?}");
    }
}

#[test]
fn a_source_is_unescaped_or_refused() {
    for (source, original) in [
        ("a", Some("a")),
        ("a\\/b", Some("a/b")),
        ("a\\\\/b", Some("a\\/b")),
        ("\\n", Some("\\n")),
        ("\\\\n", None),
        ("\\\\a", Some("\\\\a")),
        ("\\\\u2028", None),
        ("\\\\u2027", Some("\\\\u2027")),
    ] {
        let found = unescaped(&JsString::from(source)).map(|units| String::from_utf16(&units).unwrap());
        assert_eq!(found.as_deref(), original, "{source}");
    }
}

#[test]
fn a_changed_expression_is_left_to_the_builtin() {
    let mut context = realm::build();
    for (source, expected) in [
        (
            "const r = /a/g; let n = 0; r.exec = function (t) { return n++ < 3 ? { 0: 'x', index: n, length: 1 } : null }; 'a'.repeat(100).match(r).length",
            "3",
        ),
        (
            "class R extends RegExp { exec(t) { return null } } 'a'.repeat(100).replace(new R('a', 'g'), 'b').includes('b')",
            "false",
        ),
        (
            "const f = Object.freeze(/a/g); try { 'a'.repeat(100).replace(f, 'b') } catch (e) { e.name }",
            "TypeError",
        ),
        (
            "const c = /a/g; 'a'.repeat(100).match(c); c.compile('b', 'g'); String('a'.repeat(100).match(c))",
            "null",
        ),
        (
            "const h = /a/; Object.defineProperty(h, 'global', { value: true }); Object.defineProperty(h, 'flags', { value: 'y' }); 'a'.repeat(100).split(h).length",
            "101",
        ),
        (
            "Object.defineProperty(RegExp.prototype, 'flags', { get: () => '' }); String('a'.repeat(70).match(/a/g).length)",
            "1",
        ),
    ] {
        let found = context.eval(Source::from_bytes(source)).unwrap().to_string(&mut context).unwrap();
        assert_eq!(found.to_std_string_lossy(), expected, "{source}");
    }
}
