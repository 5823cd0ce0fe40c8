//! jq programs, run by jaq with values of our own that pay for all that is done with them.
//!
//! Nothing that a program does goes on without end or leaves the process: see `value` for the payment,
//! `natives` for what can be called and `check` for what is refused. Called by `query`.

mod check;
mod library;
mod math;
mod natives;
mod number;
mod paths;
mod value;

use std::fmt;

use jaq_core::{
    Compiler, Ctx, Vars,
    compile::Undefined,
    load::{Arena, File, Lexer, Loader, Parser, parse::Def},
};
use serde_json::Value as Json;

use self::{
    natives::{Data, definitions, functions, message},
    value::Value,
};
use super::{Failure, at};

/// The name of the definition that a program becomes.
const MAIN: &str = "flowcell_main";

/// A jq program that is compiled.
pub(super) struct Program(jaq_core::Filter<Data>);

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Program")
    }
}

impl Program {
    /// # Errors
    /// What is wrong with the program, and at which character.
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        let tokens = Lexer::new(text).lex().map_err(|errors| {
            let (expected, found) = errors.first().expect("a failure has a reason");
            format!("{}expected a {}", at(text, offset(text, found)), expected.as_str())
        })?;
        let program = Parser::new(&tokens).parse(|parser| parser.term()).map_err(|errors| {
            let (expected, found) = errors.first().expect("a failure has a reason");
            let place = found.map_or(Some(text.len()), |token| offset(text, token.0));
            format!("{}expected {}", at(text, place), wanted(expected.as_str()))
        })?;
        let body = check::checked(MAIN, program).map_err(|check::Recursion(name)| {
            let place = at(text, offset(text, name));
            format!("{place}`{name}` calls itself; use recurse, while, until, repeat, reduce or foreach")
        })?;
        // As the last definition of the prelude: this is how jaq takes a program that is parsed already.
        let main = Def { name: MAIN, args: Vec::new(), body };
        let arena = Arena::default();
        // The prelude lives for ever, the program as long as its text: the type says which of them is meant.
        let prelude: Vec<Def<&str>> = definitions().collect();
        let modules = Loader::new(prelude.into_iter().chain([main]))
            .load(&arena, File { code: MAIN, path: () })
            .map_err(|_| "the program cannot be loaded".to_owned())?;
        let filter = Compiler::default().with_funs(functions()).compile(modules).map_err(|errors| {
            let unknown = errors.into_iter().flat_map(|(_, unknown)| unknown).next();
            let (name, what) = unknown.expect("a failure has a reason");
            let arguments = match what {
                Undefined::Filter(count) if count > 0 => format!("/{count}"),
                _ => String::new(),
            };
            format!("{}there is no {} `{name}{arguments}`", at(text, offset(text, name)), called(&what))
        })?;
        Ok(Self(filter))
    }

    /// The outputs for `data`, as JSON: all in an array, or the first or null.
    pub(super) fn run(&self, data: &Json, first: bool, most: usize) -> Result<String, Failure> {
        let context = Ctx::<Data>::new(&self.0.lut, Vars::new([]));
        let mut outputs = self.0.id.run((context, Value::from_json(data)));
        let mut out = String::new();
        if first {
            let output =
                outputs.next().unwrap_or(Ok(Value::Null)).map_err(|error| Failure::Query(message(error)))?;
            return if output.write_json(&mut out, most) { Ok(out) } else { Err(Failure::TooLarge) };
        }
        out.push('[');
        for (index, output) in outputs.enumerate() {
            if index > 0 {
                out.push(',');
            }
            let output = output.map_err(|error| Failure::Query(message(error)))?;
            if !output.write_json(&mut out, most) {
                return Err(Failure::TooLarge);
            }
        }
        out.push(']');
        Ok(out)
    }
}

/// Where a part of the program stands in it, in bytes; nothing for a part of something else.
fn offset(text: &str, part: &str) -> Option<usize> {
    part.as_ptr().addr().checked_sub(text.as_ptr().addr()).filter(|offset| *offset <= text.len())
}

fn called(what: &Undefined) -> &'static str {
    match what {
        Undefined::Filter(_) => "function",
        other => other.as_str(),
    }
}

fn wanted(token: &str) -> String {
    if token == "nothing" { "the program to end here".to_owned() } else { format!("`{token}`") }
}
