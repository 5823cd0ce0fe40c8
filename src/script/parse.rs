//! One parsed code file: JavaScript made from TypeScript, its imports, and the first mistake.
//!
//! It runs the parser (oxc), which recurses. So the parser has a thread whose stack is sized by the worst that a text
//! of this length can need: an overflow would end the process. A panic of the parser, or taking too long, is an error
//! of the file.

use std::{
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use oxc_allocator::Allocator;
use oxc_ast::ast::Program;
use oxc_parser::{ParseOptions, Parser, ParserReturn};
use oxc_span::SourceType;

use super::{
    Language,
    erase::erase,
    imports::{self, Import},
    mistake::{Mistake, mistake},
    nesting, text,
};

/// The smallest stack, bytes. It is address space: memory is only used as far as a text really nests.
const STACK: usize = 32 << 20;
/// How much of the stack one byte of TypeScript can take, as `!!!!` does, with a margin.
const STACK_A_BYTE: usize = 768;
/// How much of the stack one bracket of TypeScript can take beside that.
const STACK_A_BRACKET: usize = 4 << 10;
/// The most brackets of one TypeScript file; one of 1 MiB has about 60,000.
const BRACKETS_MOST: usize = 150_000;
/// How much of the stack one byte of JavaScript can take. The engine has parsed it before, in its own small stack, so
/// only long chains such as `a + a + a` are deep.
const STACK_A_BYTE_CHECKED: usize = 256;
/// How long parsing a file may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// A file that the parser understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The JavaScript. Everything keeps its line and column.
    pub javascript: String,
    /// The imports, in the file's order.
    pub imports: Vec<Import>,
    /// Whether it has import or export declarations.
    pub is_module: bool,
    /// Whether it has a default export.
    pub has_default: bool,
}

/// Parses a file in the language that its name says. The engine must have accepted JavaScript before, because its
/// parser runs in the sandbox and this one does not.
///
/// # Errors
/// The first syntax error, or the first construct of TypeScript that is more than types.
pub fn parse(file: &str, source: &str) -> Result<Parsed, Mistake> {
    let source = text::without_mark(source);
    let language = Language::of(file).unwrap_or(Language::JavaScript);
    let stack = match language {
        Language::JavaScript | Language::Json => STACK + source.len() * STACK_A_BYTE_CHECKED,
        Language::TypeScript => {
            let brackets = source.bytes().filter(|byte| matches!(byte, b'(' | b'[' | b'{' | b'<')).count();
            if brackets > BRACKETS_MOST {
                return Err(mistake(
                    source,
                    0,
                    format!("the file has over {BRACKETS_MOST} brackets; split it"),
                ));
            }
            if let Some(offset) = nesting::too_deep(source) {
                return Err(mistake(source, offset, "brackets nest too deeply here".to_owned()));
            }
            STACK + source.len() * STACK_A_BYTE + brackets * STACK_A_BRACKET
        }
    };
    let failed = |why: String| mistake(source, 0, why);
    let (sender, receiver) = mpsc::sync_channel(1);
    let text = source.to_owned();
    thread::Builder::new()
        .name("parser".to_owned())
        .stack_size(stack)
        // Nobody listens any more when the deadline has passed.
        .spawn(move || drop(sender.send(parse_here(language, &text))))
        .map_err(|error| failed(format!("there is no memory to parse the file ({error})")))?;
    receiver.recv_timeout(DEADLINE).unwrap_or_else(|error| {
        Err(failed(match error {
            RecvTimeoutError::Timeout => {
                format!("parsing takes over {} seconds; make it simpler", DEADLINE.as_secs())
            }
            RecvTimeoutError::Disconnected => "the parser failed on this file".to_owned(),
        }))
    })
}

fn parse_here(language: Language, source: &str) -> Result<Parsed, Mistake> {
    let javascript = match language {
        Language::JavaScript | Language::Json => source.to_owned(),
        Language::TypeScript => {
            let allocator = Allocator::default();
            let typed = run(&allocator, source, SourceType::ts().with_module(true));
            refuse(source, &typed)?;
            erase(source, &typed.program)?
        }
    };
    let allocator = Allocator::default();
    let module = run(&allocator, &javascript, SourceType::mjs());
    match (refuse(&javascript, &module), language) {
        (Ok(()), _) => Ok(parsed(&module.program, javascript.clone())),
        (Err(mistake), Language::TypeScript) => Err(mistake),
        // The body of a function is sloppy code, and may hold what no module may.
        (Err(mistake), Language::JavaScript | Language::Json) => {
            let allocator = Allocator::default();
            let script = run(&allocator, &javascript, SourceType::script());
            if script.diagnostics.has_errors() || script.panicked {
                Err(mistake)
            } else {
                Ok(parsed(&script.program, javascript.clone()))
            }
        }
    }
}

fn run<'a>(allocator: &'a Allocator, source: &'a str, source_type: SourceType) -> ParserReturn<'a> {
    let options = ParseOptions { allow_return_outside_function: true, ..ParseOptions::default() };
    Parser::new(allocator, source, source_type).with_options(options).parse()
}

fn parsed(program: &Program<'_>, javascript: String) -> Parsed {
    let found = imports::find(&javascript, program);
    Parsed { javascript, imports: found.imports, is_module: found.is_module, has_default: found.has_default }
}

/// The first error, with its place.
fn refuse(source: &str, parsed: &ParserReturn<'_>) -> Result<(), Mistake> {
    // A file may be wrong in several places; this is the first of them.
    let errors = parsed.diagnostics.errors().map(|error| {
        // Further labels show what led there, such as the bracket that is not closed.
        (error.labels.first().map_or(0, |label| label.span().start as usize), error)
    });
    match errors.min_by_key(|(offset, _)| *offset) {
        None if parsed.panicked => Err(mistake(source, source.len(), "this cannot be parsed".to_owned())),
        None => Ok(()),
        Some((offset, error)) => {
            let help = error.help.as_ref().map_or(String::new(), |help| format!(" ({help})"));
            Err(mistake(source, offset, format!("{}{help}", error.message)))
        }
    }
}
