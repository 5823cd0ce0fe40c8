//! A text with `{{path}}` in it.
//!
//! A template that is one path and nothing else keeps the value's type. Otherwise the values become text: null becomes
//! nothing, a string stays as it is, anything else becomes compact JSON. `\{{` is a literal `{{`, and `\\{{` is a
//! backslash before a value. `{{path ?? value}}` gives a JSON value where the path finds null or nothing. Beyond that,
//! templates only read: there is no operator, filter or call, so there is nothing to escape from. The result is never larger than the caller's budget.

use std::io::Write;

use super::{
    Budget, FillError, Path, PathError, Roots, fallback,
    fill::{self, Filler},
    quotes::Bare,
};

/// A text that is compiled once and filled many times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

/// A piece of a template, for callers that write values in their own way (a URL).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Literal text, never empty.
    Text(String),
    /// The path of a value.
    Path(Path),
}

/// Why a text is not a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}at character {}: {kind}", if place.is_empty() { String::new() } else { format!("{place}: ") }, column + 1)]
pub struct TemplateError {
    /// Where the text stands in the JSON around it, as in `items[0].name`. Empty for a template on its own.
    pub place: String,
    /// How many characters come before the mistake.
    pub column: usize,
    /// What is wrong.
    pub kind: TemplateErrorKind,
}

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateErrorKind {
    /// `{{` without `}}`.
    #[error("this {{{{ is never closed; add }}}}, or write \\{{{{ for the two characters themselves")]
    Unclosed,
    /// The text between the braces is not a path.
    #[error(transparent)]
    Path(#[from] PathError),
}

impl Template {
    /// Compiles a text. Every text without `{{` is a template of itself.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut at = 0;
        while let Some(found) = text[at..].find("{{") {
            let open = at + found;
            let before = &text[at..open];
            let backslashes = before.len() - before.trim_end_matches('\\').len();
            literal.push_str(&before[..before.len() - backslashes.div_ceil(2)]);
            if backslashes % 2 == 1 {
                literal.push_str("{{");
                at = open + 2;
                continue;
            }
            let error = |offset: usize, kind| TemplateError {
                place: String::new(),
                column: text[..offset].chars().count(),
                kind,
            };
            let inside = open + 2;
            let length = closing(&text[inside..]).ok_or_else(|| error(open, TemplateErrorKind::Unclosed))?;
            let path = Path::parse(&text[inside..inside + length])
                .map_err(|wrong| error(inside + wrong.offset(), TemplateErrorKind::Path(wrong)))?;
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal)));
            }
            parts.push(Part::Path(path));
            at = inside + length + 2;
        }
        literal.push_str(&text[at..]);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self(parts))
    }

    /// The path, if the template is one path and nothing else.
    pub(super) fn alone(&self) -> Option<&Path> {
        match self.0.as_slice() {
            [Part::Path(path)] => Some(path),
            _ => None,
        }
    }

    /// Writes the value as JSON: with the path's own type if the template is one path and nothing else, otherwise as a
    /// string.
    pub(super) fn fill_json(&self, roots: &dyn Roots, fill: &mut Filler<'_>) -> Result<(), FillError> {
        match self.alone() {
            Some(path) => path.find(roots, fill.budget)?.write_json(fill),
            None => fill.string(|fill| self.fill_text(roots, fill)),
        }
    }

    fn fill_text(&self, roots: &dyn Roots, fill: &mut Filler<'_>) -> Result<(), FillError> {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(literal) => fill.text(literal),
            Part::Path(path) => path.find(roots, fill.budget)?.write_text(fill),
        })
    }

    /// The value as text.
    ///
    /// # Errors
    /// When the budget is not enough.
    pub fn render_text(&self, roots: &dyn Roots, budget: &mut Budget) -> Result<String, FillError> {
        fill::text(budget, |fill| self.fill_text(roots, fill))
    }

    /// Writes the value as text to a target that keeps nothing, such as a hash.
    ///
    /// # Errors
    /// When the budget is not enough.
    pub fn write_text(
        &self,
        roots: &dyn Roots,
        out: &mut dyn Write,
        budget: &mut Budget,
    ) -> Result<(), FillError> {
        fill::into(out, budget, |fill| self.fill_text(roots, fill))
    }

    /// Like [`Template::write_text`], as JSON: with the path's own type if the template is one path and nothing else,
    /// otherwise as a string.
    ///
    /// # Errors
    /// When the budget is not enough.
    pub fn write_json(
        &self,
        roots: &dyn Roots,
        out: &mut dyn Write,
        budget: &mut Budget,
    ) -> Result<(), FillError> {
        fill::into(out, budget, |fill| self.fill_json(roots, fill))
    }

    /// Whether each of its paths gives something: not null, not an empty text, and not an array made of nothing but these. A
    /// path with a fallback gives what its author chose. For keys, where a part that is missing would make different values
    /// one key.
    pub fn has_all_parts(&self, roots: &dyn Roots) -> bool {
        let mut budget = Budget::of_work();
        self.references().all(|path| path.gives(roots, &mut budget))
    }

    /// Its pieces, in order.
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// The paths that it reads, in order.
    pub fn references(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().filter_map(|part| match part {
            Part::Path(path) => Some(path),
            Part::Text(_) => None,
        })
    }
}

/// The number of bytes up to the `}}` that does not stand inside a quoted key.
fn closing(text: &str) -> Option<usize> {
    let mut bare = Bare::of_path(text);
    for (at, byte) in &mut bare {
        let next = text.as_bytes().get(at + 1);
        match byte {
            // A fallback may be an object or a text with braces.
            b'?' if next == Some(&b'?') => {
                let after = at + 2;
                return fallback::closing(&text[after..])
                    .map(|length| after + length)
                    .or_else(|| text[after..].find("}}").map(|length| after + length));
            }
            b'}' if next == Some(&b'}') => return Some(at),
            _ => {}
        }
    }
    // An unbalanced quote must not swallow the rest of the text.
    if bare.is_open() { text.find("}}") } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{super::tests::fixture, *};

    fn filled(template: &Template, roots: &dyn Roots) -> Value {
        let text = fill::text(&mut Budget::new(1 << 20), |fill| template.fill_json(roots, fill)).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    fn render(text: &str) -> Value {
        filled(&Template::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")), &fixture())
    }

    #[test]
    fn s7_a_text_of_many_large_values_stops_at_its_bound() {
        let roots = super::super::tests::Fixture(json!({"context": {"data": "x".repeat(1 << 20)}}));
        let template = Template::parse(&"{{$context.data}}".repeat(3_000)).unwrap();
        let most = 3 << 20;
        assert_eq!(template.render_text(&roots, &mut Budget::new(most)), Err(FillError::TooLarge { most }));
        let written = template.write_text(&roots, &mut std::io::sink(), &mut Budget::of_work());
        assert_eq!(written, Ok(()));
    }

    #[test]
    fn templates_render() {
        let cases = [
            ("", json!("")),
            ("plain { } } {x}", json!("plain { } } {x}")),
            // A path on its own keeps its type.
            ("{{$context.data.count}}", json!(150)),
            ("{{ $context.data.list }}", json!([1, 2, 3])),
            ("{{$context.data.nothing}}", json!(null)),
            ("{{$steps.is_main}}", json!(true)),
            // What stands in for nothing and for null.
            ("{{$context.data.nothing ?? 0}}", json!(0)),
            ("{{$context.data.none ?? []}}", json!([])),
            ("{{ $context.data.none ?? {} }}", json!({})),
            ("{{$context.data.none ?? {\"a\": {\"b\": \"}}\"}}}}", json!({"a": {"b": "}}"}})),
            ("n={{$context.data.nothing??\"}}\"}}!", json!("n=}}!")),
            ("{{$context.data.nothing ?? 'a \"b\" }} c'}}", json!("a \"b\" }} c")),
            ("{{$context.data.count ?? 7}}", json!(150)),
            ("{{$context.data.zero ?? 7}}", json!(0)),
            ("{{$context.data[\"??\"] ?? null}}", json!(null)),
            ("{{$env.MISSING ?? \"x\"}}{{$env.NAME ?? \"x\"}}", json!("xvalue")),
            // In a text it becomes text.
            (" {{$context.data.count}}", json!(" 150")),
            ("a{{$context.data.none}}b", json!("ab")),
            ("{{$env.NAME}}{{$run.id}}", json!("valuerun_1")),
            ("é{{$context.data.text}}é", json!("éhélloé")),
            ("n={{$context.data.amount}} l={{$context.data.list}}", json!("n=100.5 l=[1,2,3]")),
            ("{{$context.data.rows[0]}}!", json!("{\"title\":\"a\",\"tags\":[\"x\",\"y\"],\"n\":1}!")),
            ("{{$context.data[\"a.b\"]}}", json!("dotted")),
            ("{{$context.data[\"}}\"]}}.", json!(".")),
            // Escapes.
            ("\\{{$env.NAME}}", json!("{{$env.NAME}}")),
            ("\\{{", json!("{{")),
            ("a\\\\{{$env.NAME}}", json!("a\\value")),
            ("a\\\\\\{{$env.NAME}}", json!("a\\{{$env.NAME}}")),
            ("C:\\dir\\\\{{$env.NAME}}", json!("C:\\dir\\value")),
            ("\\\\ \\n", json!("\\\\ \\n")),
        ];
        for (text, expected) in cases {
            assert_eq!(render(text), expected, "{text}");
        }
    }

    #[test]
    fn mistakes_name_their_place() {
        for (text, expected) in [
            ("ab{{", "at character 3: this {{ is never closed"),
            ("{{$env.A}} é{{$env.B}", "at character 13: this {{ is never closed"),
            ("{{}}", "at character 3: the path is empty"),
            (
                "é{{$context.data.a + 1}}",
                "at character 19: ` ` is not part of a path: templates read, they never compute",
            ),
            (
                "{{nope.a}}",
                "at character 3: `nope` is not a place to read from; a path starts with one of $context",
            ),
            ("{{{{$env.A}}}}", "at character 3: `{` is not a place"),
            ("{{$context.data.a ?? }}", "at character 21: after ?? stands a JSON value"),
            ("{{$context.data.a ?? $env.B}}", "after ?? stands a JSON value"),
            ("{{$context.data.a ?? 1 + 1}}", "after ?? stands a JSON value"),
            ("{{$context.data.a ?? 'it's'}}", "after ?? stands a JSON value"),
            ("{{ ?? 1}}", "the path is empty"),
            ("{{$context.data.list.length}}", "`.length` counts nothing"),
            ("{{ $steps.rows.length }}", "at character 16: `.length` counts nothing"),
            ("{{$context.data.list.length ?? 0}}", "`.length` counts nothing"),
            ("{{$context[\"a}} and {{$env.A}}", "the quote is not closed"),
        ] {
            let error = Template::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn references_are_what_is_read() {
        let template = Template::parse("{{$env.A}} \\{{$env.B}} {{$steps.x.y}}{{$secrets.K}}").unwrap();
        let read: Vec<String> = template.references().map(Path::to_string).collect();
        assert_eq!(read, ["$env.A", "$steps.x.y", "$secrets.K"]);
        let names: Vec<_> = template.references().map(Path::name).collect();
        assert_eq!(names, [Some("A"), Some("x"), Some("K")]);
    }

    #[test]
    fn a_key_has_all_its_parts_or_lacks_one() {
        for (text, all) in [
            ("plain", true),
            ("{{$context.data.count}}", true),
            ("{{$context.data.zero}}", true),
            ("{{$context.data.empty}}", true),
            ("o:{{$context.data.count}}-{{$context.data.text}}", true),
            ("o:{{$context.data.nothing}}", false),
            ("o:{{$context.data.none}}", false),
            ("{{$context.data.count}}-{{$context.headers.x-none}}", false),
            ("o:{{$context.data.nothing ?? 'none'}}", true),
            ("o:{{$context.data.nothing ?? ''}}", true),
            ("{{$context.data.rows.title}}", true),
            ("{{$context.data.rows.nothing}}", false),
            ("{{$context.data.empty.nothing}}", false),
        ] {
            let template = Template::parse(text).unwrap();
            assert_eq!(template.has_all_parts(&fixture()), all, "{text}");
        }
    }

    #[test]
    fn a_value_that_looks_like_a_template_stays_a_value() {
        let roots = super::super::tests::Fixture(json!({"context": {"data": {"evil": "{{$secrets.KEY}}"}}}));
        for text in ["{{$context.data.evil}}", "{{$context.data.evil}} "] {
            let rendered = filled(&Template::parse(text).unwrap(), &roots);
            assert_eq!(rendered.as_str().unwrap().trim(), "{{$secrets.KEY}}");
        }
    }

    /// n8n evaluated `{{ }}` as JavaScript in the host (CVE-2025-68613). Here it is a path or an error.
    #[test]
    fn cve_2025_68613_a_template_never_computes() {
        let refused = [
            "{{7*7}}",
            "{{ 7 * 7 }}",
            "{{= 7*7 }}",
            "{{(function(){return this.process.mainModule.require('child_process').execSync('id').toString()})()}}",
            "{{ this.constructor.constructor('return process')() }}",
            "{{$context.constructor.constructor('return process')()}}",
            "{{$context.data.text.constructor(\"return 1\")()}}",
            "{{ (() => { while(true) {} })() }}",
            "{{ `${7*7}` }}",
            "{{ $context.data['constructor'] }}",
            "{{ $context.data[constructor] }}",
            "{{ $env.NAME || process.env.HOME }}",
            "{{ $env.NAME ? 1 : 2 }}",
            "{{ $context.data.list.map(x => x) }}",
            "{{ $context.data.count++ }}",
            "{{ $context.data.count = 1 }}",
            "{{ $context.data.text; $secrets.KEY }}",
            "{{ $context.data.text, $secrets.KEY }}",
            "{{ new Function('return 1')() }}",
            "{{ globalThis }}",
            "{{ process.env }}",
            "{{ require('fs') }}",
            "{{ import('fs') }}",
            "{{ eval('1') }}",
            "{{ $context.data.text | json }}",
            "{{ ...$context.data }}",
            "{{ \"a\".constructor }}",
            "{{ /x/ }}",
            "{{ !$steps.is_main }}",
            "{{ $$context }}",
            "{{#with \"s\"}}{{/with}}",
            "{{> partial}}",
            "{{& raw}}",
            "{{{ $env.NAME }}}",
            "{{ $json.x }}",
            "{{ $now }}",
            "{{ $env['NAME'] }}",
            "{{ \u{2028}7*7 }}",
        ];
        for payload in refused {
            assert!(Template::parse(payload).is_err(), "{payload}");
        }
        let literal = [
            "${7*7}",
            "#{7*7}",
            "<%= 7*7 %>",
            "{%raw%}",
            "$(id)",
            "`id`",
            "javascript:alert(1)",
            "}}",
            "{ {7*7} }",
        ];
        for payload in literal {
            assert_eq!(render(payload), json!(payload));
        }
        // A path with names that JavaScript objects inherit finds nothing.
        for payload in
            ["{{$context.constructor}}", "{{$context.data.text.constructor}}", "{{$steps.__proto__}}"]
        {
            assert_eq!(render(payload), json!(null), "{payload}");
        }
    }

    proptest! {
        #[test]
        fn parse_and_render_never_panic(text in "\\PC*|(\\{\\{|\\}\\}|\\\\|\\$context|\\.|\\[|\\]|\"|[a-é0-9]|\\n){0,24}") {
            if let Ok(template) = Template::parse(&text) {
                filled(&template, &fixture());
                filled(&template, &super::super::tests::Fixture(Value::Null));
            }
        }

        #[test]
        fn a_text_without_braces_is_itself(text in "[^{]*") {
            prop_assert_eq!(render(&text), json!(text));
        }
    }
}
