//! Conditions in CEL (github.com/google/cel-spec), evaluated by the `cel` crate within a fixed budget.
//!
//! A condition is parsed once. Then its syntax tree is checked (only known names and functions) and its reads are
//! collected. Every operation that costs more than a moment is wrapped, so that it pays from a budget. So whatever the
//! data, an answer or an error comes within bounded time and bounded memory. Called only by `condition`. Never puts a
//! value into an error, because the value could be a secret.

mod budget;
mod check;
mod explain;
mod functions;
mod headers;
mod meter;
mod pattern;
mod values;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, LazyLock},
};

use ::cel::{Context, Env, ParseErrors, Value as CelValue, common::ast::IdedExpr, common::types::CelBool};

use self::{budget::Budget, pattern::Pattern, values::Reads};
use super::{ConditionError, Path, Roots};

/// The longest condition, in bytes.
const MAX_BYTES: usize = 4_096;
/// The most characters of a text that can be operators, wherever they stand. This bounds the parser's recursion, which
/// follows chains like `a.b.c` and `1+1+1` and has no limit of its own for them.
const MAX_OPERATORS: usize = 400;
/// The most levels of brackets and ternaries, as the parser counts them.
const MAX_NESTED: u16 = 24;
/// The most levels of the syntax tree, because checks and evaluation recurse.
const MAX_LEVELS: usize = 72;

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib().with_optional_support(false)));

/// A compiled expression.
#[derive(Debug)]
pub(super) struct Cel {
    expression: IdedExpr,
    reads: Reads,
    /// The patterns of `matches`, by position.
    patterns: Arc<Vec<Pattern>>,
}

impl Cel {
    /// # Errors
    /// When the text is not CEL, too complex, or names what does not exist.
    pub(super) fn compile(text: &str) -> Result<Self, ConditionError> {
        let mut expression = parse(text)?;
        headers::lower(&mut expression);
        let reads = Reads::new(check::check(&expression)?);
        let patterns = meter::meter(&mut expression)?;
        Ok(Self { expression, reads, patterns: Arc::new(patterns) })
    }

    pub(super) fn references(&self) -> impl Iterator<Item = &Path> {
        self.reads.paths().iter()
    }

    /// # Errors
    /// When the data is not what the expression expects, or when the expression looks at too much of it.
    pub(super) fn eval(&self, roots: &dyn Roots) -> Result<bool, ConditionError> {
        guarded(|| self.eval_unguarded(roots))
    }

    fn eval_unguarded(&self, roots: &dyn Roots) -> Result<bool, ConditionError> {
        let budget = Budget::new();
        let mut context = Context::with_env(Arc::clone(&ENV));
        functions::add_functions(&mut context, &budget, &self.patterns);
        self.reads.bind(roots, &budget, &mut context);
        let result = CelValue::resolve_val(&self.expression, &context);
        // `||` may have swallowed the error. But an answer that was found by giving up does not count.
        if budget.is_spent() {
            return Err(ConditionError::TooMuchWork(Budget::UNITS));
        }
        let value = result.map_err(|error| {
            ConditionError::Evaluation(explain::explain(&error, &self.expression, &self.reads, roots))
        })?;
        value
            .downcast_ref::<CelBool>()
            .map(|answer| *answer.inner())
            .ok_or_else(|| ConditionError::NotBoolean(explain::type_name(value.get_type().name())))
    }
}

fn parse(text: &str) -> Result<IdedExpr, ConditionError> {
    if text.len() > MAX_BYTES {
        return Err(ConditionError::TooLong { length: text.len(), most: MAX_BYTES });
    }
    // Characters inside strings count too: a second lexer that disagrees with the parser's would be a hole.
    let operators =
        text.bytes().filter(|byte| b".[({+-*/%<>=!?".contains(byte)).count() + text.matches("in").count();
    if operators > MAX_OPERATORS {
        return Err(ConditionError::TooComplex { what: "more than 400 operators" });
    }
    guarded(|| {
        let parser = ENV.parser().max_recursion_depth(MAX_NESTED);
        let expression = parser.parse(text).map_err(|errors| syntax(text, &errors))?;
        if check::levels(&expression) > MAX_LEVELS {
            return Err(ConditionError::TooComplex { what: "more than 72 levels" });
        }
        Ok(expression)
    })
}

/// The parser and the evaluator are not ours. If one of them panics, only the condition fails.
fn guarded<T>(work: impl FnOnce() -> Result<T, ConditionError>) -> Result<T, ConditionError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(ConditionError::Evaluation(
            "the CEL engine stopped unexpectedly; please report the expression".to_owned(),
        ))
    })
}

fn syntax(text: &str, errors: &ParseErrors) -> ConditionError {
    let (line, column, mut message) =
        errors.errors.first().map_or((1, 1, "unreadable".to_owned()), |error| {
            let position = |number: isize| usize::try_from(number).unwrap_or(1).max(1);
            (position(error.pos.0), position(error.pos.1), error.msg.clone())
        });
    if message.contains("Recursion limit") || message == "UNKNOWN" {
        return ConditionError::TooComplex { what: "brackets or ?: nested more than 24 deep" };
    }
    // The parser lists every token that it would have accepted.
    if let Some(at) = message.find(" expecting {") {
        message.truncate(at);
    }
    if message.contains("mismatched input '<EOF>'") {
        message = "the condition ends too early".to_owned();
    }
    if text.contains("{{") {
        message.push_str(" (a condition is written without {{ }})");
    } else if let Some(name) = foreign_name(text) {
        message.push_str(&format!(
            " (a name with other letters than a to z is written in brackets: ['{name}'])"
        ));
    } else if message.contains("has() macro") {
        message.push_str(" (for an unusual key write 'x-name' in context.headers)");
    } else if text.contains('\\') {
        message.push_str(" (a backslash in a string is written \\\\, or the string r'…')");
    } else if text.contains('$') {
        message.push_str(" (a condition names context, steps, … without the $)");
    }
    ConditionError::Syntax { line, column, message }
}

/// A name behind a dot that has letters which CEL does not know, outside of quotes.
fn foreign_name(text: &str) -> Option<&str> {
    let mut quote = None;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(character),
            (None, '.') => {
                let rest = &text[at + 1..];
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                if !rest[..end].is_ascii() {
                    return Some(&rest[..end]);
                }
            }
            (None, _) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{
        super::tests::{Fixture, fixture},
        *,
    };

    fn ask(text: &str) -> Result<bool, ConditionError> {
        Cel::compile(text)?.eval(&fixture())
    }

    fn refusal(text: &str) -> String {
        match ask(text) {
            Ok(answer) => panic!("{text} is {answer}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn conditions_are_answered() {
        for text in [
            "true",
            "context.data.amount > 100",
            "context.data.count > 100.5 && context.data.count >= 150 && context.data.count < 1e3",
            "context.data.count == 150.0",
            "context.data.big > 1 && context.data.big > -1.5 && context.data.big > 9223372036854775807",
            "context.data.amount * 2 == 201.0 && context.data.count + 0.5 == 150.5",
            "context.data.big - 1 > 0",
            "context.data.count / 4 == 37 && context.data.count % 4 == 2",
            "2.0 in context.data.list && 3 in context.data.list",
            "context.data.list[1] == 2",
            "context.data.list.exists(x, x > 2) && context.data.list.all(x, x > 0)",
            "context.data.list.exists_one(x, x == 1)",
            "context.data.list.map(x, x * 2) == [2, 4, 6]",
            "context.data.list.filter(x, x > 1) == [2, 3]",
            "context.data.rows.exists(row, row.n == 2 && row.title == 'b')",
            "context.data.rows.all(context, context.n > 0)",
            "size(context.data.empty) == 0 && context.data.text.size() == 5",
            "context.headers['x-github-delivery'] == 'd-1'",
            "context.headers['X-GitHub-Delivery'] == 'd-1' && context['headers']['X-GITHUB-DELIVERY'] == 'd-1'",
            "'X-GitHub-Delivery' in context.headers && !('X-Nope' in context.headers)",
            "!has(context.headers.Host) && [1].all(x, 'X-GitHub-Delivery' in context.headers)",
            "[{'headers': {'A': 1}}].all(context, context.headers['A'] == 1)",
            "steps.parse.branch == \"main\" && jobsMapByNodeKey.parse.branch == steps.parse.branch",
            "steps.is_main && context.data.yes",
            "has(steps.parse.branch) && !has(steps.parse.nope) && !has(steps.later)",
            "context.data.none == null && context.data.zero == 0",
            "'title' in context.data.rows[0] && 'amount' in context.data",
            "scopes.each.item.id == 7 && run.id.startsWith('run_') && system.now > '2025'",
            "env.NAME.endsWith('ue') && env.NAME.contains('al')",
            "context.data.text.matches('^h.llo$') && matches(env.NAME, '[a-z]+')",
            "string(context.data.count) == '150' && int('7') == 7 && type(context.data.text) == string",
            "context.data.rows[0] == {'title': 'a', 'tags': ['x', 'y'], 'n': 1}",
            "steps.parse.nope == 'x' || true",
            "context.data.constructor == 'own' && context.data['__proto__'].polluted == 1",
        ] {
            assert_eq!(ask(text), Ok(true), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_answered_says_what_is_missing() {
        for (text, expected) in [
            (
                "steps.parse.nope == 'x'",
                "`steps.parse.nope` does not exist: has(steps.parse.nope) asks whether",
            ),
            ("steps.later.x == 1", "`steps.later` does not exist"),
            (
                "context.headers['x-none'] == ''",
                "`context.headers['x-none']` does not exist: 'x-none' in context.headers asks",
            ),
            ("context.data.rows.all(row, row.title != '')", "a field `title` does not exist"),
            ("context.data.none.x == 1", "`context.data.none` is null and has no field `x`"),
            ("has(context.data.none.x)", "`context.data.none` is null and has no field `x`"),
            ("context.data.text.length == 1", "`context.data.text` is a string and has no field `length`"),
            (
                "context.data.list.all(x, x.n == 1)",
                "the condition reads a field of a whole number, which has no fields",
            ),
            ("context.data.list[9] == 1", "a list has no element with that index"),
            ("context.data.text > 5", "`>` does not work on a string and a whole number"),
            ("context.data.text && true", "`&&` does not work on a string and a boolean"),
            ("context.data.text + 1 == 'x'", "`+` does not work on a string and a whole number"),
            ("context.data.text.all(x, true)", "work on a list or a map only"),
            ("!context.data.zero", "`!` does not work on a whole number"),
            ("1 / context.data.zero == 1", "a division by zero"),
            ("9223372036854775807 + 1 > 0", "too large for 64 bits"),
            ("int(context.data.text) == 1", "`int` cannot convert"),
            ("context.data.count.matches('1')", "`matches` does not work on a whole number"),
            ("context.data.text", "gives a string; it must give true or false"),
            ("context.data.rows", "gives a list; it must"),
            ("context", "gives an object; it must"),
            ("1 + 1.5", "gives a number with a fraction; it must"),
        ] {
            let error = refusal(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn mistakes_are_found_when_the_condition_is_compiled() {
        for (text, expected) in [
            ("", "not CEL: at line 1, column 1"),
            ("a ==", "not CEL: at line 1, column 5"),
            ("true &&\n  ==", "not CEL: at line 2, column 3"),
            ("$context.data.x", "without the $"),
            ("{{context.data.x}} == 1", "without {{ }}"),
            (
                "context.data.text.matches('\\d')",
                "a backslash in a string is written \\\\, or the string r'…'",
            ),
            ("context.headers.x-github-event == 'push'", "`github` is unknown; a condition reads context"),
            ("foo.bar == 1", "`foo` is unknown"),
            ("secrets.KEY == 'x'", "`secrets` is unknown"),
            (".context.data == 1", "`.context` is unknown"),
            ("context.data.list.all(x, y > 1)", "`y` is unknown"),
            ("Thing{a: 1} == 1", "`Thing` is unknown"),
            ("fetch('x')", "no function `fetch`"),
            ("context.data.text.toUpperCase() == 'A'", "no function `toUpperCase`"),
            ("context.data.list.all(x)", "no function `all`"),
            ("has(context.headers['x-name'])", "write 'x-name' in context.headers"),
            ("context.data.?x == 1", "unsupported syntax"),
            ("optional.of(1) == 1", "no function `of`"),
            ("'a'.matches(context.data.text)", "pattern of `matches` must be written out"),
            ("'a'.matches('(')", "is not a regular expression: unclosed group"),
            ("'a'.matches('(a{1000}){1000}')", "too large; repeat less"),
        ] {
            let error = Cel::compile(text).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_secret_never_stands_in_an_error() {
        for text in [
            "env.TOKEN > 1",
            "env.TOKEN",
            "int(env.TOKEN) == 1",
            "env.TOKEN + 1 == 'x'",
            "!env.TOKEN",
            "env.TOKEN ? true : false",
            "env.TOKEN || false",
            "[1][env.TOKEN] == 1",
            "{'a': 1}[env.TOKEN] == 1",
            "env.TOKEN in env.TOKEN",
            "env.TOKEN.x == 1",
            "{env.TOKEN: 1, env.TOKEN: 2} == {}",
            "[env.TOKEN].all(x, x > 1)",
            "bool(env.TOKEN)",
            "double(env.TOKEN) == 1.0",
            "-env.TOKEN == 1",
            "env.TOKEN % 2 == 1",
        ] {
            let error = refusal(text);
            assert!(!error.contains("hunter2"), "{text}: {error}");
        }
    }

    /// The parser and the evaluator recurse. On a small stack, none of these expressions may overflow it.
    #[test]
    fn deep_nesting_is_an_error_and_no_crash() {
        let wrapped = |open: &str, middle: &str, close: &str, n| open.repeat(n) + middle + &close.repeat(n);
        let joined = |item: &str, by: &str, n| vec![item; n].join(by);
        let texts = [
            wrapped("(", "true", ")", 2_000),
            wrapped("(", "true", ")", 390),
            wrapped("[", "1", "]", 390),
            wrapped("{1:", "1", "}", 390),
            wrapped("size(", "1", ")", 390),
            wrapped("[1].map(x,", "1", ")", 60),
            wrapped("!", "true", "", 2_000),
            wrapped("-", "1", "", 390),
            wrapped("true ? true : ", "true", "", 190),
            joined("1", "+", 390),
            joined("1", "==", 190),
            joined("1", " in ", 390),
            joined("context", ".a", 390),
            joined("context", "[0]", 190),
            joined("[1]", ".map(x,x)", 100),
            "(".repeat(4_000),
            "'".repeat(4_000),
            "a.".repeat(2_000),
            "x".repeat(1_000_000),
        ];
        let work = move || {
            for text in &texts {
                assert!(ask(text).is_err(), "{}", &text[..40]);
            }
            for text in [
                joined("true", "&&", 400),
                joined("false", "||", 390) + "||true",
                wrapped("(", "true", ")", 20),
            ] {
                assert_eq!(ask(&text), Ok(true), "{}", &text[..40]);
            }
        };
        std::thread::Builder::new().stack_size(512 << 10).spawn(work).unwrap().join().unwrap();
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "\\PC{0,60}") {
            let _ = ask(&text);
        }

        #[test]
        fn arbitrary_expressions_never_panic(
            words in prop::collection::vec(prop::sample::select(vec![
                "context", ".data", ".list", ".rows", ".text", ".amount", ".none", "[0]", "[", "]", "(", ")", "{", "}", "'a'", "\"é\"",
                "b'a'", "1", "2.5", "3u", "-", "+", "*", "/", "%", "<", ">=", "==", "!=", "&&", "||", "!", "?", ":", ",",
                " in ", "has(", "size(", "int(", "string(", ".all(x,", ".exists(x,", ".map(x,", ".filter(x,", "x", "null", "true",
                "false", "type(", ".matches('a')", "r'\\\\'", "'''", "//", "\n", "9223372036854775807", "-9223372036854775808",
            ]), 0..14),
        ) {
            let text = words.concat();
            // Without the guard, so that a panic of the engine fails the test.
            if let Ok(expression) = ENV.parser().max_recursion_depth(MAX_NESTED).parse(&text) {
                prop_assert!(check::levels(&expression) > 0);
            }
            if let Ok(cel) = Cel::compile(&text) {
                let _ = cel.eval_unguarded(&fixture());
                let _ = cel.eval_unguarded(&Fixture(Value::Null));
            }
        }
    }

    #[test]
    fn without_any_root_everything_is_missing() {
        let nothing = Fixture(json!({}));
        let eval = |text: &str| Cel::compile(text).unwrap().eval(&nothing);
        assert_eq!(eval("has(scopes.each)"), Ok(false));
        assert!(
            eval("scopes.each.item == 1").unwrap_err().to_string().contains("`scopes.each` does not exist")
        );
    }
}
