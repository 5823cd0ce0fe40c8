//! Takes TypeScript's types out of a text. What is only types becomes spaces; what is more stays, and `compile` makes
//! JavaScript of it.
//!
//! There is no compiler's output: with spaces, errors, stacks and frames name the author's own line and column without
//! a source map. Sometimes an empty place would change how the rest is read (a statement that ends without a semicolon,
//! a line break before `=>`). Then a semicolon or bracket moves into it. Called by `parse`; knows nothing about files.

use oxc_ast::ast::{
    AccessorProperty, ArrowFunctionExpression, Class, Declaration, Decorator, ExportDefaultDeclarationKind,
    ExportNamedDeclaration, ExportSpecifier, Expression, FormalParameter, ImportDeclaration,
    ImportDeclarationSpecifier, ImportOrExportKind, MethodDefinition, Program, PropertyDefinition, Statement,
    TSAsExpression, TSClassImplements, TSImportEqualsDeclaration, TSIndexSignature, TSNamespaceDeclaration,
    TSNonNullExpression, TSSatisfiesExpression, TSThisParameter, TSTypeAnnotation, TSTypeAssertion,
    TSTypeParameterDeclaration, TSTypeParameterInstantiation, VariableDeclarator,
};
use oxc_ast_visit::{Visit, walk};
use oxc_span::{GetSpan, Span};

use super::{
    compile::compile,
    eraser::Eraser,
    mistake::{Mistake, mistake},
    text::word,
};

/// The JavaScript of a program that was parsed from `source` as TypeScript.
///
/// # Errors
/// The first construct that has to be written in another way.
pub(super) fn erase(source: &str, program: &Program<'_>) -> Result<String, Mistake> {
    let mut eraser = Eraser::new(source);
    eraser.visit_program(program);
    if let Some((offset, message)) = eraser.never {
        return Err(mistake(source, offset, message));
    }
    if eraser.compiles {
        // What could not be taken out in place is the compiler's, too.
        let text = if eraser.refused.is_some() { source.to_owned() } else { eraser.blanks.apply(source) };
        return compile(&text);
    }
    match eraser.refused {
        Some((offset, message)) => Err(mistake(source, offset, message)),
        None => Ok(eraser.blanks.apply(source)),
    }
}

impl Eraser<'_> {
    /// Blanks what a declaration is if it is types alone; `span` is that of the whole statement. Whether it was.
    fn declaration(&mut self, declaration: &Declaration<'_>, span: Span) -> bool {
        let types_only = match declaration {
            Declaration::TSTypeAliasDeclaration(_)
            | Declaration::TSInterfaceDeclaration(_)
            | Declaration::TSGlobalDeclaration(_) => true,
            Declaration::VariableDeclaration(it) => it.declare,
            Declaration::FunctionDeclaration(it) => it.declare || it.body.is_none(),
            Declaration::ClassDeclaration(it) => it.declare,
            Declaration::TSEnumDeclaration(it) => self.is_declared(it.declare),
            Declaration::TSNamespaceDeclaration(it) => self.is_declared(it.declare),
            Declaration::TSExternalModuleDeclaration(it) => self.is_declared(it.declare),
            Declaration::TSImportEqualsDeclaration(it) => match it.import_kind {
                ImportOrExportKind::Type => true,
                ImportOrExportKind::Value => {
                    self.import_equals(it);
                    false
                }
            },
        };
        if types_only {
            self.statement(span);
        }
        types_only
    }

    /// Whether a declaration only says what there is; else it is compiled.
    fn is_declared(&mut self, declare: bool) -> bool {
        self.compiles |= !declare;
        declare
    }

    /// `import a = require('a')` and `import a = b.c` are constants; `import` and `const ` have one length.
    fn import_equals(&mut self, it: &TSImportEqualsDeclaration<'_>) {
        let start = it.span.start as usize;
        if self.in_namespace > 0 || !self.source[start..].starts_with("import") {
            // With an `export` before it, or where only the compiler knows what is exported.
            self.compiles = true;
            return;
        }
        for (offset, character) in "const ".chars().enumerate() {
            self.blanks.put(start + offset, character);
        }
    }

    fn import(&mut self, it: &ImportDeclaration<'_>) {
        let is_type = |specifier: &ImportDeclarationSpecifier<'_>| match specifier {
            ImportDeclarationSpecifier::ImportSpecifier(it) => it.import_kind == ImportOrExportKind::Type,
            ImportDeclarationSpecifier::ImportDefaultSpecifier(_)
            | ImportDeclarationSpecifier::ImportNamespaceSpecifier(_) => false,
        };
        let specifiers = it.specifiers.as_ref().map(|all| all.as_slice()).unwrap_or_default();
        if it.import_kind == ImportOrExportKind::Type
            || (!specifiers.is_empty() && specifiers.iter().all(is_type))
        {
            return self.statement(it.span);
        }
        let types = specifiers.iter().filter(|specifier| is_type(specifier));
        types.for_each(|specifier| self.specifier(specifier.span()));
    }

    /// `export { … }` with or without `from`.
    fn export(&mut self, span: Span, kind: ImportOrExportKind, specifiers: &[ExportSpecifier<'_>]) {
        let is_type = |specifier: &&ExportSpecifier<'_>| specifier.export_kind == ImportOrExportKind::Type;
        let types = specifiers.iter().filter(is_type);
        if kind == ImportOrExportKind::Type
            || (!specifiers.is_empty() && types.clone().count() == specifiers.len())
        {
            return self.statement(span);
        }
        types.for_each(|specifier| self.specifier(specifier.span));
    }

    /// Blanks a specifier with the comma after it.
    fn specifier(&mut self, span: Span) {
        self.blank(span);
        self.blank_mark(span.end as usize, &[',']);
    }

    /// Called after a statement. What was blanked at its end must not let it run on into the next line.
    pub(super) fn end_of_statement(&mut self, span: Span) {
        let end = span.end as usize;
        if let Some(range) = self.blanks.ending_at(end)
            && range.start > span.start as usize
            && !self.source[..end].ends_with(';')
        {
            let text = &self.source[range.clone()];
            let lead = text.len() - text.trim_start().len();
            self.blanks.put(range.start + lead, ';');
        }
    }

    /// Blanks the end of `expression as T`: everything after the expression.
    fn after(&mut self, expression: &Expression<'_>, span: Span) {
        self.blank(Span::new(expression.span().end, span.end));
    }
}

impl<'a> Visit<'a> for Eraser<'_> {
    fn visit_statement(&mut self, it: &Statement<'a>) {
        let span = it.span();
        if let Some(declaration) = it.as_declaration()
            && self.declaration(declaration, span)
        {
            return;
        }
        match it {
            Statement::ExportDeclaration(export) if self.declaration(&export.declaration, span) => return,
            Statement::ImportDeclaration(import) => return self.import(import),
            Statement::ExportFromDeclaration(export) => {
                return self.export(span, export.export_kind, &export.specifiers);
            }
            Statement::ExportAllDeclaration(export) if export.export_kind == ImportOrExportKind::Type => {
                return self.statement(span);
            }
            Statement::ExportDefaultDeclaration(export) => match &export.declaration {
                ExportDefaultDeclarationKind::TSInterfaceDeclaration(_) => return self.statement(span),
                ExportDefaultDeclarationKind::FunctionDeclaration(function) if function.body.is_none() => {
                    return self.statement(span);
                }
                kind => self.heads.push(kind.span().start),
            },
            Statement::TSNamespaceExportDeclaration(_) => return self.statement(span),
            Statement::TSExportAssignment(export) => {
                // What `require` and `import` give of the file is the same.
                self.blank(Span::new(span.start, export.expression.span().start));
                self.blanks.insert(span.start as usize, "export default ");
            }
            Statement::ExpressionStatement(_) => self.heads.push(span.start),
            _ => {}
        }
        walk::walk_statement(self, it);
        self.end_of_statement(span);
    }

    fn visit_export_named_declaration(&mut self, it: &ExportNamedDeclaration<'a>) {
        self.export(it.span, it.export_kind, &it.specifiers);
    }

    fn visit_ts_type_annotation(&mut self, it: &TSTypeAnnotation<'a>) {
        self.blank(it.span);
    }

    fn visit_ts_type_parameter_declaration(&mut self, it: &TSTypeParameterDeclaration<'a>) {
        self.blank(it.span);
    }

    fn visit_ts_type_parameter_instantiation(&mut self, it: &TSTypeParameterInstantiation<'a>) {
        self.blank(it.span);
    }

    fn visit_ts_this_parameter(&mut self, it: &TSThisParameter<'a>) {
        self.specifier(it.span);
    }

    fn visit_ts_index_signature(&mut self, it: &TSIndexSignature<'a>) {
        self.statement(it.span);
    }

    fn visit_ts_as_expression(&mut self, it: &TSAsExpression<'a>) {
        self.visit_expression(&it.expression);
        self.after(&it.expression, it.span);
    }

    fn visit_ts_satisfies_expression(&mut self, it: &TSSatisfiesExpression<'a>) {
        self.visit_expression(&it.expression);
        self.after(&it.expression, it.span);
    }

    fn visit_ts_non_null_expression(&mut self, it: &TSNonNullExpression<'a>) {
        self.visit_expression(&it.expression);
        self.blank(Span::new(it.span.end - 1, it.span.end));
    }

    fn visit_ts_type_assertion(&mut self, it: &TSTypeAssertion<'a>) {
        let start = it.expression.span().start;
        let begins_a_block = self.source[start as usize..].starts_with('{')
            || ["function", "class", "async", "let"].contains(&word(self.source, start as usize));
        if self.breaks_line(it.span.start, start) || (begins_a_block && self.heads.contains(&it.span.start)) {
            self.refuse(it.span, "write `value as T` instead of `<T>value` here");
        }
        self.blank(Span::new(it.span.start, start));
        // What stands there now begins what began here.
        if self.heads.contains(&it.span.start) {
            self.heads.push(start);
        }
        self.visit_expression(&it.expression);
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        if let Some(body) = it.body.as_expression() {
            self.heads.push(body.span().start);
        }
        let params = it.params.span;
        if let Some(types) = &it.type_parameters
            && self.breaks_line(types.span.start, params.start)
        {
            // No line may end between `async` or `return` and the bracket.
            self.blank(Span::new(params.start, params.start + 1));
            self.blanks.put(types.span.start as usize, '(');
        }
        if let Some(types) = &it.return_type
            && self.breaks_line(params.end, types.span.end)
        {
            // No line may end between the bracket and `=>`.
            self.blank(Span::new(params.end - 1, params.end));
            let text = &self.source[..types.span.end as usize];
            let last = text.chars().next_back().map_or(1, char::len_utf8);
            self.blanks.put(text.len() - last, ')');
        }
        walk::walk_arrow_function_expression(self, it);
    }

    fn visit_formal_parameter(&mut self, it: &FormalParameter<'a>) {
        self.compiles |= it.accessibility.is_some() || it.readonly || it.r#override;
        if it.optional {
            self.blank_mark(it.pattern.span().end as usize, &['?']);
        }
        walk::walk_formal_parameter(self, it);
    }

    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        if it.definite {
            self.blank_mark(it.id.span().end as usize, &['!']);
        }
        walk::walk_variable_declarator(self, it);
    }

    fn visit_decorator(&mut self, it: &Decorator<'a>) {
        self.compiles = true;
        walk::walk_decorator(self, it);
    }

    fn visit_ts_namespace_declaration(&mut self, it: &TSNamespaceDeclaration<'a>) {
        self.in_namespace += 1;
        walk::walk_ts_namespace_declaration(self, it);
        self.in_namespace -= 1;
    }

    fn visit_class(&mut self, it: &Class<'a>) {
        self.class_head(it);
        walk::walk_class(self, it);
    }

    fn visit_ts_class_implements(&mut self, _: &TSClassImplements<'a>) {}

    fn visit_method_definition(&mut self, it: &MethodDefinition<'a>) {
        if self.method(it) {
            walk::walk_method_definition(self, it);
        }
    }

    fn visit_property_definition(&mut self, it: &PropertyDefinition<'a>) {
        if self.property(it) {
            walk::walk_property_definition(self, it);
            self.end_of_statement(it.span);
        }
    }

    fn visit_accessor_property(&mut self, it: &AccessorProperty<'a>) {
        let message = "`accessor` fields are not supported: write a getter and a setter".to_owned();
        self.never.get_or_insert((it.span.start as usize, message));
    }
}
