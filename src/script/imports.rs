//! What a file imports, from its syntax tree: declarations, `import('literal')`, `require('literal')`.
//!
//! Types are gone already. An argument that is computed at run time is not known here. For a file that nobody has
//! parsed yet, `mentioned` says what it may import.

use std::sync::LazyLock;

use oxc_ast::ast::{
    Argument, CallExpression, ExportAllDeclaration, ExportFromDeclaration, Expression, ImportDeclaration,
    ImportExpression, ModuleExportName, Program, Statement, StringLiteral,
};
use oxc_ast_visit::{Visit, walk};
use oxc_span::GetSpan;
use regex::Regex;

use super::text;

/// The specifiers that a text may import, without parsing it. Some may stand in comments, or import only types.
pub fn mentioned(source: &str) -> impl Iterator<Item = &str> {
    static IMPORTS: LazyLock<Regex> = LazyLock::new(|| {
        let pattern = r#"\b(?:from|import|require)\s*\(?\s*(?:"([^"\\\n]{1,214})"|'([^'\\\n]{1,214})')"#;
        Regex::new(pattern).expect("a constant")
    });
    IMPORTS
        .captures_iter(source)
        .filter_map(|found| found.get(1).or(found.get(2)))
        .map(|found| found.as_str())
}

/// How something is imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportKind {
    /// A declaration: `import`, `export … from`. The file must exist.
    Declaration,
    /// `import('literal')`. The file must exist.
    Call,
    /// `require('literal')`. The file may be missing, because scripts try and catch.
    Require,
}

/// One import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// As it is written, such as `./lib.js` or `dayjs`.
    pub specifier: String,
    pub kind: ImportKind,
    /// The line of the specifier, from 1.
    pub line: u32,
    /// The column of the specifier, from 1, in UTF-16 units.
    pub column: u32,
}

/// What a file imports and exports.
pub(super) struct Found {
    pub(super) imports: Vec<Import>,
    pub(super) is_module: bool,
    pub(super) has_default: bool,
}

/// Finds what `program`, which was parsed from `source`, imports and exports.
pub(super) fn find(source: &str, program: &Program<'_>) -> Found {
    let is_module = program.body.iter().any(Statement::is_module_declaration);
    let has_default = program.body.iter().any(|statement| match statement {
        Statement::ExportDefaultDeclaration(_) => true,
        Statement::ExportNamedDeclaration(export) => {
            export.specifiers.iter().any(|one| is_default(&one.exported))
        }
        Statement::ExportFromDeclaration(export) => {
            export.specifiers.iter().any(|one| is_default(&one.exported))
        }
        _ => false,
    });
    let mut finder = Finder { found: Vec::new() };
    finder.visit_program(program);
    let mut found = finder.found;
    found.sort_by_key(|(offset, _, _)| *offset);
    let imports = found
        .into_iter()
        .map(|(offset, kind, specifier)| {
            let (line, column) = text::place(source, offset);
            Import { specifier, kind, line, column }
        })
        .collect();
    Found { imports, is_module, has_default }
}

fn is_default(name: &ModuleExportName<'_>) -> bool {
    name.name() == "default"
}

struct Finder {
    found: Vec<(usize, ImportKind, String)>,
}

impl Finder {
    fn add(&mut self, kind: ImportKind, literal: &StringLiteral<'_>) {
        self.found.push((literal.span().start as usize, kind, literal.value.to_string()));
    }
}

impl<'a> Visit<'a> for Finder {
    fn visit_import_declaration(&mut self, it: &ImportDeclaration<'a>) {
        self.add(ImportKind::Declaration, &it.source);
    }

    fn visit_export_from_declaration(&mut self, it: &ExportFromDeclaration<'a>) {
        self.add(ImportKind::Declaration, &it.source);
    }

    fn visit_export_all_declaration(&mut self, it: &ExportAllDeclaration<'a>) {
        self.add(ImportKind::Declaration, &it.source);
    }

    fn visit_import_expression(&mut self, it: &ImportExpression<'a>) {
        if let Expression::StringLiteral(literal) = &it.source {
            self.add(ImportKind::Call, literal);
        }
        walk::walk_import_expression(self, it);
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        if let (Expression::Identifier(name), Some(Argument::StringLiteral(literal))) =
            (&it.callee, it.arguments.first())
            && name.name == "require"
        {
            self.add(ImportKind::Require, literal);
        }
        walk::walk_call_expression(self, it);
    }
}
