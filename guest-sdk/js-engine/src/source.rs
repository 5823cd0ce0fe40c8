//! The two forms of a script, body and module: which one it is, and its syntax errors in the user's own lines.
//!
//! Only parses. Called by `engine.rs` for `check` and when `prepare` fails to parse.

use boa_ast::{
    Expression, Module, Spanned, Statement, StatementListItem,
    expression::{
        access::{PropertyAccess, PropertyAccessField},
        operator::assign::AssignTarget,
    },
    function::FunctionBody,
    operations::lexically_declared_names,
    scope::Scope,
};
use boa_interner::{Interner, Sym};
use boa_parser::{Parser, Source, error::Error as ParseError};

use crate::{
    failure::{Code, Failure},
    imports::{self, Imports},
    mistakes, names,
};

/// What stands before a body, on its first line.
pub(crate) const BODY_PREFIX: &str = "(async function () {";
/// What stands after a body; the line break ends a comment of its last line.
pub(crate) const BODY_SUFFIX: &str = "\n})";

/// What stands after a module: Boa calls `export { a as default }` at the very end of a text unfinished.
const MODULE_SUFFIX: &str = "\n;";

/// How a script is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// The body of an async function.
    Body,
    /// A module with a default export.
    Module,
}

impl Form {
    /// The name in the ABI.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Module => "module",
        }
    }

    /// The form of that name.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        [Self::Body, Self::Module].into_iter().find(|form| form.name().as_bytes() == name)
    }
}

/// The source without a byte order mark; a shebang becomes a comment of the same length.
pub(crate) fn clean(source: &str) -> String {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    match source.strip_prefix("#!") {
        Some(rest) => format!("//{rest}"),
        None => source.to_owned(),
    }
}

/// Finds the form of a cleaned source: a body if it parses as one, else a module.
///
/// # Errors
/// The syntax error of the form that was meant: a line that begins with `export` or `import` means a module.
pub(crate) fn detect(file: &str, source: &str) -> Result<(Form, Imports), Failure> {
    if is_common_entry(file, source) {
        return parse_common(source).map(|imports| (Form::Module, imports));
    }
    let body = match parse_body(source) {
        Ok(imports) => return Ok((Form::Body, imports)),
        Err(failure) => failure,
    };
    let looks_like_module = has_declaration(source);
    match parse_module(source, true) {
        Ok(imports) => Ok((Form::Module, imports)),
        Err(failure) if failure.code == Code::NoDefaultExport || looks_like_module => Err(failure),
        Err(_) => Err(body),
    }
}

/// Whether a line begins with `import` or `export` as a declaration of a module does.
fn has_declaration(source: &str) -> bool {
    source.lines().any(|line| {
        let line = line.trim_start();
        ["export", "import"].iter().any(|word| {
            line.strip_prefix(word).is_some_and(|rest| rest.starts_with([' ', '{', '*', '\t', '"', '\'']))
        })
    })
}

/// Endings of files that are CommonJS, and of those that are modules.
const COMMON: [&str; 2] = [".cjs", ".cts"];
const MODULES: [&str; 2] = [".mjs", ".mts"];

fn has_ending(file: &str, endings: [&str; 2]) -> bool {
    endings.iter().any(|end| file.ends_with(end))
}

/// Whether a file is CommonJS: by its ending, else if it speaks of `exports` and declares neither an import nor an export, in small
/// print too.
pub(crate) fn is_common(file: &str, source: &str) -> bool {
    if has_ending(file, COMMON) || has_ending(file, MODULES) {
        return has_ending(file, COMMON);
    }
    let small = || {
        [";", "}", "*/"].iter().any(|before| {
            ["export{", "export default ", "export*", "import{", "import*"]
                .iter()
                .any(|word| source.contains(&format!("{before}{word}")))
        })
    };
    let may_be = source.contains("exports") && !has_declaration(source) && !small();
    may_be && (parse_common(source).is_ok() || parse_module(source, false).is_err())
}

/// Whether the script itself is CommonJS.
pub(crate) fn is_common_entry(file: &str, source: &str) -> bool {
    has_ending(file, COMMON) || (!has_ending(file, MODULES) && is_common_script(source))
}

/// Whether the script's text is CommonJS: a statement at its top level assigns to `module.exports` or to a property of `exports`, and
/// no other statement there makes it the body of a function.
fn is_common_script(source: &str) -> bool {
    if !source.contains("exports") {
        return false;
    }
    let mut interner = Interner::default();
    let parsed = Parser::new(Source::from_bytes(source)).parse_function_body(&mut interner, false, false);
    let Ok(body) = parsed else { return false };
    let named = |expression: &Expression, name: &str| matches!(expression, Expression::Identifier(id) if interner.resolve_expect(id.sym()).to_string() == name);
    let property = |access: &PropertyAccess| -> Option<(Expression, String)> {
        let PropertyAccess::Simple(access) = access else { return None };
        let PropertyAccessField::Const(field) = access.field() else { return None };
        Some((access.target().clone(), interner.resolve_expect(field.sym()).to_string()))
    };
    let exports = |access: &PropertyAccess| {
        let Some((target, name)) = property(access) else { return false };
        if named(&target, "exports") || (named(&target, "module") && name == "exports") {
            return true;
        }
        let Expression::PropertyAccess(inner) = &target else { return false };
        property(inner).is_some_and(|(target, name)| named(&target, "module") && name == "exports")
    };
    let assigns = |item: &StatementListItem| {
        let StatementListItem::Statement(statement) = item else { return false };
        let Statement::Expression(Expression::Assign(assign)) = &**statement else { return false };
        matches!(assign.lhs(), AssignTarget::Access(access) if exports(access))
    };
    let returns = |item: &StatementListItem| matches!(item, StatementListItem::Statement(statement) if matches!(**statement, Statement::Return(_)));
    let items = body.statements();
    let declared: Vec<_> = lexically_declared_names(&body)
        .iter()
        .map(|name| interner.resolve_expect(*name).to_string())
        .collect();
    items.iter().any(assigns)
        && !items.iter().any(returns)
        && !declared.iter().any(|name| name == "module" || name == "exports")
}

/// Parses a CommonJS file: the body of a function that does not wait.
pub(crate) fn parse_common(source: &str) -> Result<Imports, Failure> {
    let mut interner = Interner::default();
    let body = Parser::new(Source::from_bytes(source))
        .parse_function_body(&mut interner, false, false)
        .map_err(|error| failure(&error, source, 0))?;
    unopened(source, &body)?;
    declared_twice(source, &body, &interner)?;
    Ok(imports::of_body(&body, &interner))
}

/// A failure to parse.
fn refused(message: impl Into<String>, position: Option<(u32, u32)>) -> Failure {
    Failure::new(Code::SyntaxError, "SyntaxError", message, position)
}

/// Parses a source as a body.
pub(crate) fn parse_body(source: &str) -> Result<Imports, Failure> {
    // Alone first, so that no bracket of the wrapper can close one of the user's.
    let mut interner = Interner::default();
    let body = Parser::new(Source::from_bytes(source))
        .parse_function_body(&mut interner, false, true)
        .map_err(|error| failure(&error, source, 0))?;
    unopened(source, &body)?;
    declared_twice(source, &body, &interner)?;
    let wrapped = format!("{BODY_PREFIX}{source}{BODY_SUFFIX}");
    Parser::new(Source::from_bytes(&wrapped))
        .parse_script(&Scope::new_global(), &mut interner)
        .map_err(|error| failure(&error, source, BODY_PREFIX.len() as u32))?;
    Ok(imports::of_body(&body, &interner))
}

/// Refuses a second `let`, `const` or `class` of a name at the top level, which Boa's parser lets pass in a function.
fn declared_twice(source: &str, body: &FunctionBody, interner: &Interner) -> Result<(), Failure> {
    let mut names = lexically_declared_names(body);
    names.sort_unstable();
    let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) else {
        return Ok(());
    };
    let name = interner.resolve_expect(pair[0]).to_string();
    Err(twice(Some(&name), source, None))
}

/// Refuses what follows a `}` that closes nothing: Boa's parser of bodies stops there without an error.
fn unopened(source: &str, body: &FunctionBody) -> Result<(), Failure> {
    // The span ends after the token that would begin the next statement; no statement begins with `}`.
    let end = body.span().end();
    let (line, after) = (end.line_number(), end.column_number());
    let token = source
        .lines()
        .nth(line as usize - 1)
        .and_then(|text| text.chars().nth((after as usize).checked_sub(2)?));
    if token != Some('}') {
        return Ok(());
    }
    Err(refused("unexpected token '}': it closes nothing", Some((line, after - 1))))
}

/// What is said where code with an `import` is no module for another reason, mostly a `return` at its top level.
const IMPORTS_NEED_A_MODULE: &str = "a script with imports is a module: put its code into `export default async function (context, tools) { ... }`";

/// Parses a source as a module, which needs a default export if it is the script itself.
pub(crate) fn parse_module(source: &str, needs_default: bool) -> Result<Imports, Failure> {
    let mut interner = Interner::default();
    let module = match module(&module_text(source), &mut interner) {
        Ok(module) => module,
        Err(error) => match async_arrow(source, &error) {
            Some(text) => module(&text, &mut interner).map_err(|error| failure(&error, source, 0))?,
            None => {
                let failure = failure(&error, source, 0);
                return Err(match mistakes::first_import(source) {
                    Some((_, place)) if needs_default && failure.message.contains("'return'") => {
                        refused(IMPORTS_NEED_A_MODULE, Some(place))
                    }
                    _ => failure,
                });
            }
        },
    };
    if needs_default && !module.items().exported_names().contains(&Sym::DEFAULT) {
        return Err(no_default_export());
    }
    Ok(imports::of_module(&module, &interner))
}

fn module(text: &str, interner: &mut Interner) -> Result<Module, ParseError> {
    Parser::new(Source::from_bytes(text)).parse_module(&Scope::new_global(), interner)
}

/// What is parsed for a module.
pub(crate) fn module_text(source: &str) -> String {
    format!("{source}{MODULE_SUFFIX}")
}

/// The failure of a module that exports no default.
pub(crate) fn no_default_export() -> Failure {
    Failure::new(
        Code::NoDefaultExport,
        "SyntaxError",
        "the module has no default export: write `export default async function (context, tools) { ... }`",
        None,
    )
}

/// The `await` that a script hangs at, if there is no doubt which one it is.
pub(crate) fn hanging_await(source: &str) -> Option<names::Place> {
    let found = parse_body(source).or_else(|_| parse_module(source, false)).ok()?;
    found.hanging()
}

/// Rewrites `export default async (context) => ...`, which Boa's parser takes for a declaration, character by character into a
/// variable and an export at the end; `None` when that is not what `error` is about.
fn async_arrow(source: &str, error: &ParseError) -> Option<String> {
    let text = error.to_string();
    let (message, position) = split_position(&text);
    if !(message.starts_with("expected token 'function'") && message.ends_with("async function declaration"))
    {
        return None;
    }
    let (line, column) = position?;
    let start: usize = source.split_inclusive('\n').take(line as usize - 1).map(str::len).sum();
    let at = start + source[start..].chars().take(column as usize - 1).map(char::len_utf8).sum::<usize>();
    let before = source[..at].trim_end().strip_suffix("async")?.trim_end().strip_suffix("default")?;
    let default = before.len();
    let export = before.trim_end().strip_suffix("export")?.len();
    let name = names::DEFAULT_NAMES.into_iter().find(|name| !source.contains(name))?;
    let mut out = source.to_owned();
    out.replace_range(default..default + "default".len(), &format!("{name}="));
    out.replace_range(export..export + "export".len(), "var   ");
    out.push_str(&format!("\n;export {{ {name} as default }}{MODULE_SUFFIX}"));
    Some(out)
}

/// The module's text for Boa, if the plain one failed for a reason that is Boa's own.
pub(crate) fn rewritten_module(source: &str) -> Option<String> {
    let error = module(&module_text(source), &mut Interner::default()).err()?;
    async_arrow(source, &error)
}

/// A parse error in the user's own lines; `prefix` columns of line 1 are ours.
fn failure(error: &ParseError, source: &str, prefix: u32) -> Failure {
    let last = source.lines().last().unwrap_or("").chars().count() as u32;
    let end = (source.lines().count().max(1) as u32, last + 1);
    let unclosed = || refused("unexpected end of the script: something is not closed", Some(end));
    if matches!(error, ParseError::AbruptEnd) {
        return unclosed();
    }
    let text = error.to_string();
    let (message, position) = split_position(&text);
    if message.starts_with("lexical name") {
        return twice(message.split('`').nth(1), source, position);
    }
    // Boa gives no useful place to a literal that is never closed.
    if message.starts_with("unterminated string") || message.starts_with("abrupt end on regular") {
        let same = |error: Option<ParseError>| {
            error.is_some_and(|error| split_position(&error.to_string()).0 == message)
        };
        let place = mistakes::opening(source, |part| {
            let mut interner = Interner::default();
            same(Parser::new(Source::from_bytes(part)).parse_function_body(&mut interner, false, true).err())
                || same(module(part, &mut interner).err())
        });
        return refused(message, Some(place.unwrap_or(end)));
    }
    match position {
        Some((line, _)) if line > end.0 => unclosed(),
        // Boa gives no place to what is still open at the end of the text.
        None if prefix == 0 => refused(message, Some(end)),
        Some((line, column)) => {
            let ours = if line == 1 { prefix } else { 0 };
            let place = (line, column.saturating_sub(ours).max(1));
            let (message, place) =
                mistakes::explain(message, source, place).unwrap_or_else(|| (message.to_owned(), place));
            refused(message, Some(place))
        }
        None => refused(message, None),
    }
}

/// A name that is declared twice, or a second default export.
fn twice(name: Option<&str>, source: &str, position: Option<(u32, u32)>) -> Failure {
    if name == Some("*default*") {
        return refused("a module has only one default export", position);
    }
    let again = names::declared_again(source, name);
    let position = again.as_ref().map(|(_, place)| *place).or(position);
    match again.map(|(name, _)| name).or(name.map(str::to_owned)) {
        Some(name) => refused(format!("Identifier '{name}' has already been declared"), position),
        None => refused("a name is declared twice", position),
    }
}

/// Splits `... at line 3, col 7` off a message of the parser.
fn split_position(text: &str) -> (&str, Option<(u32, u32)>) {
    let Some(at) = text.rfind(" at line ") else {
        return (text, None);
    };
    let numbers = &text[at + " at line ".len()..];
    let mut numbers =
        numbers.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(line)), Some(Ok(column))) => (&text[..at], Some((line, column))),
        _ => (text, None),
    }
}
