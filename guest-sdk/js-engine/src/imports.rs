//! What a script imports, and where it awaits: the specifiers of its `import` and `export ... from` declarations, of `import()` and of `require()`.
//!
//! Only literal specifiers can be listed. Pure: an AST in, text and places out; called by `source.rs` for `check`. Also finds where an
//! import stands, for the errors of `modules.rs`.

use std::ops::ControlFlow;

use boa_ast::{
    Expression, Module, Spanned,
    expression::{Await, Call, ImportCall},
    function::FunctionBody,
    visitor::{VisitWith, Visitor},
};
use boa_interner::Interner;

use crate::names::{Place, is_name};

/// The specifiers in the order in which they stand, each once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Imports {
    /// Static imports, re-exports and `import('literal')`.
    pub(crate) imports: Vec<String>,
    /// `require('literal')`.
    pub(crate) requires: Vec<String>,
    /// Where the script awaits.
    pub(crate) awaits: Vec<Awaited>,
}

/// One `await`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Awaited {
    /// 1-based line and column in code points.
    pub(crate) place: Place,
    /// Whether it is `await new Promise(...)`, the usual one that nothing settles.
    pub(crate) made_here: bool,
}

impl Imports {
    /// The `await` that a script hangs at, if there is no doubt: the only one, or the only one of a promise made by hand.
    pub(crate) fn hanging(&self) -> Option<Place> {
        let made: Vec<_> = self.awaits.iter().filter(|awaited| awaited.made_here).collect();
        match (self.awaits.as_slice(), made.as_slice()) {
            ([only], _) => Some(only.place),
            (_, [only]) => Some(only.place),
            _ => None,
        }
    }
}

/// The imports of a body: `import()` and `require()`.
pub(crate) fn of_body(body: &FunctionBody, interner: &Interner) -> Imports {
    let mut finder = Finder { interner, found: Imports::default() };
    let _ = finder.visit_function_body(body);
    finder.found
}

/// The imports of a module.
pub(crate) fn of_module(module: &Module, interner: &Interner) -> Imports {
    let mut finder = Finder { interner, found: Imports::default() };
    for request in module.items().requests() {
        add(&mut finder.found.imports, interner.resolve_expect(request).to_string());
    }
    let _ = finder.visit_module(module);
    finder.found
}

fn add(list: &mut Vec<String>, specifier: String) {
    if !list.contains(&specifier) {
        list.push(specifier);
    }
}

struct Finder<'a> {
    interner: &'a Interner,
    found: Imports,
}

impl Finder<'_> {
    fn literal(&self, expression: &Expression) -> Option<String> {
        let Expression::Literal(literal) = expression else {
            return None;
        };
        literal.as_string().map(|text| self.interner.resolve_expect(text).to_string())
    }
}

impl<'ast> Visitor<'ast> for Finder<'_> {
    type BreakTy = ();

    fn visit_import_call(&mut self, node: &'ast ImportCall) -> ControlFlow<()> {
        if let Some(specifier) = self.literal(node.specifier()) {
            add(&mut self.found.imports, specifier);
        }
        node.visit_with(self)
    }

    fn visit_await(&mut self, node: &'ast Await) -> ControlFlow<()> {
        let start = node.span().start();
        self.found.awaits.push(Awaited {
            place: (start.line_number(), start.column_number()),
            made_here: matches!(node.target(), Expression::New(_)),
        });
        node.visit_with(self)
    }

    fn visit_call(&mut self, node: &'ast Call) -> ControlFlow<()> {
        if let Expression::Identifier(name) = node.function()
            && self.interner.resolve_expect(name.sym()).to_string() == "require"
            && let Some(specifier) = node.args().first().and_then(|first| self.literal(first))
        {
            add(&mut self.found.requires, specifier);
        }
        node.visit_with(self)
    }
}

/// Where the specifier first stands in quotes on a line that imports, else anywhere; 1-based, in code points.
pub(crate) fn place(specifier: &str, source: &str) -> Option<Place> {
    let find = |only_imports: bool| {
        source.lines().zip(1_u32..).find_map(|(text, line)| {
            let imports = ["import", "from", "require", "export"].iter().any(|word| text.contains(word));
            if only_imports && !imports {
                return None;
            }
            let at =
                ['\'', '"', '`'].iter().find_map(|quote| text.find(&format!("{quote}{specifier}{quote}")))?;
            Some((line, text[..at].chars().count() as u32 + 1))
        })
    };
    find(true).or_else(|| find(false))
}

/// Where a name stands between the `import` or `export` and the `from` of a line; 1-based, in code points.
pub(crate) fn place_of_name(name: &str, source: &str) -> Option<Place> {
    source.lines().zip(1_u32..).find_map(|(text, line)| {
        let from = text.rfind("from")?;
        let start = text.find("import").or_else(|| text.find("export"))?;
        let (at, _) = text.match_indices(name).find(|(at, _)| {
            let (before, after) = (&text[..*at], &text[at + name.len()..]);
            *at > start && *at < from && !before.ends_with(is_name) && !after.starts_with(is_name)
        })?;
        Some((line, text[..at].chars().count() as u32 + 1))
    })
}

#[cfg(test)]
mod tests {
    use super::{place, place_of_name};

    #[test]
    fn an_imported_name_stands_before_its_from() {
        let source = "const b = 1;\nimport { ab, b } from 'b';";
        assert_eq!(place_of_name("b", source), Some((2, 14)));
        assert_eq!(place_of_name("c", source), None);
    }

    #[test]
    fn an_import_stands_where_its_specifier_does() {
        let source = "const a = './x';\nimport b from './x';";
        assert_eq!(place("./x", source), Some((2, 15)));
        assert_eq!(place("./x", "f(\n  './x')"), Some((2, 3)));
        assert_eq!(place("./y", source), None);
    }
}
