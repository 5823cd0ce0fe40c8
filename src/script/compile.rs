//! TypeScript that is more than types: enums, namespaces, parameter properties, decorators. oxc's transformer makes JavaScript of it.
//!
//! What is only types was taken out before, in place. Here the transformer prints the program anew, with a source map, and `layout` moves
//! what it printed back to the author's lines and columns. So nobody behind this needs a map.
//!
//! Decorators are those of TypeScript's `experimentalDecorators`. Their helpers are functions at the end of the file.

use std::path::Path;

use oxc_allocator::Allocator;
use oxc_codegen::{Codegen, CodegenOptions, CommentOptions};
use oxc_diagnostics::OxcDiagnostic;
use oxc_parser::{ParseOptions, Parser};
use oxc_semantic::SemanticBuilder;
use oxc_span::SourceType;
use oxc_transformer::{DecoratorOptions, HelperLoaderMode, TransformOptions, Transformer};

use super::{
    layout::{self, Mark},
    mistake::{Mistake, mistake},
};

/// A name that stands in the source map; nobody sees it.
const NAME: &str = "file.ts";
/// How the transformer calls a helper, and the function that is called instead. Both have one length, so that no column moves.
const HELPERS: [(&str, &str, &str); 3] = [
    (
        "babelHelpers.decorateParam(",
        "babelHelpers_decorateParam(",
        "function babelHelpers_decorateParam(i, d) { return function (t, k) { d(t, k, i); }; }",
    ),
    (
        "babelHelpers.decorateMetadata(",
        "babelHelpers_decorateMetadata(",
        "function babelHelpers_decorateMetadata(k, v) { if (typeof Reflect.metadata === 'function') return Reflect.metadata(k, v); }",
    ),
    (
        "babelHelpers.decorate(",
        "babelHelpers_decorate(",
        "function babelHelpers_decorate(all, target, key, desc) { \
         var c = arguments.length, r = c < 3 ? target : desc === null ? desc = Object.getOwnPropertyDescriptor(target, key) : desc, d; \
         for (var i = all.length - 1; i >= 0; i--) if (d = all[i]) r = (c < 3 ? d(r) : c > 3 ? d(target, key, r) : d(target, key)) || r; \
         return c > 3 && r && Object.defineProperty(target, key, r), r; }",
    ),
];

/// The JavaScript of a TypeScript text from which what is only types was taken out.
///
/// # Errors
/// What the transformer cannot make JavaScript of, with its place.
pub(super) fn compile(source: &str) -> Result<String, Mistake> {
    if source.contains("babelHelpers") {
        return Err(mistake(
            source,
            source.find("babelHelpers").unwrap_or(0),
            "rename `babelHelpers`: compiled TypeScript uses that name".to_owned(),
        ));
    }
    let allocator = Allocator::default();
    let options = ParseOptions { allow_return_outside_function: true, ..ParseOptions::default() };
    let parsed =
        Parser::new(&allocator, source, SourceType::ts().with_module(true)).with_options(options).parse();
    refuse(source, parsed.diagnostics.errors())?;
    let mut program = parsed.program;
    let semantic = SemanticBuilder::new().with_excess_capacity(2.0).with_enum_eval(true).build(&program);
    refuse(source, semantic.diagnostics.errors())?;
    let mut options = TransformOptions::default();
    // What is only types is gone already: every import that is left is meant.
    options.typescript.only_remove_type_imports = true;
    options.decorator = DecoratorOptions { legacy: true, ..DecoratorOptions::default() };
    options.helper_loader.mode = HelperLoaderMode::External;
    let scoping = semantic.semantic.into_scoping();
    let done =
        Transformer::new(&allocator, Path::new(NAME), &options).build_with_scoping(scoping, &mut program);
    refuse(source, done.diagnostics.errors())?;
    let options = CodegenOptions {
        source_map_path: Some(NAME.into()),
        comments: CommentOptions::disabled(),
        ..CodegenOptions::default()
    };
    let printed = Codegen::new().with_options(options).build(&program);
    let marks: Vec<Mark> = printed.map.as_ref().map_or_else(Vec::new, |map| {
        let mark = |token: oxc_sourcemap::Token| Mark {
            at: (token.get_dst_line(), token.get_dst_col()),
            wanted: (token.get_src_line(), token.get_src_col()),
        };
        map.get_tokens().map(mark).collect()
    });
    let mut code = printed.code;
    let mut tail = String::new();
    for (call, function, text) in HELPERS {
        if code.contains(call) {
            code = code.replace(call, function);
            tail.push('\n');
            tail.push_str(text);
        }
    }
    Ok(layout::restore(&code, &marks) + &tail)
}

/// The first error, with its place.
fn refuse<'e>(source: &str, errors: impl Iterator<Item = &'e OxcDiagnostic>) -> Result<(), Mistake> {
    let errors =
        errors.map(|error| (error.labels.first().map_or(0, |label| label.span().start as usize), error));
    match errors.min_by_key(|(offset, _)| *offset) {
        None => Ok(()),
        Some((offset, error)) => Err(mistake(source, offset, error.message.to_string())),
    }
}
