//! What a script imports: the specifiers of its `import` and `export ... from` declarations, of `import()` and of `require()`.
//!
//! Only literal specifiers can be listed. Pure: an AST in, text out; called by `source.rs` for `check`. Also finds where an import
//! stands, for the errors of `modules.rs`.

use std::ops::ControlFlow;

use boa_ast::{
    Expression, Module,
    expression::{Call, ImportCall},
    function::FunctionBody,
    visitor::{VisitWith, Visitor},
};
use boa_interner::Interner;

use crate::names::Place;

/// The specifiers in the order in which they stand, each once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Imports {
    /// Static imports, re-exports and `import('literal')`.
    pub(crate) imports: Vec<String>,
    /// `require('literal')`.
    pub(crate) requires: Vec<String>,
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

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn an_import_stands_where_its_specifier_does() {
        let source = "const a = './x';\nimport b from './x';";
        assert_eq!(place("./x", source), Some((2, 15)));
        assert_eq!(place("./x", "f(\n  './x')"), Some((2, 3)));
        assert_eq!(place("./y", source), None);
    }
}
