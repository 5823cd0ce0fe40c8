//! The part of `erase` for classes: modifiers, members that are only types, `implements`.

use oxc_ast::ast::{
    Class, MethodDefinition, MethodDefinitionType, PropertyDefinition, PropertyDefinitionType,
};
use oxc_span::{GetSpan, Span};

use super::{
    eraser::Eraser,
    text::{skip_blank, word},
};

/// Words before a member that only the type checker reads.
const MODIFIERS: [&str; 7] =
    ["public", "protected", "private", "readonly", "override", "abstract", "declare"];

impl Eraser<'_> {
    /// Blanks `abstract`, and `implements` with what follows.
    pub(super) fn class_head(&mut self, it: &Class<'_>) {
        let mut at = it.span.start as usize;
        // Decorators are refused elsewhere.
        if it.r#abstract && word(self.source, at) == "abstract" {
            let end = at + "abstract".len();
            self.blanks.blank(at..end);
            at = skip_blank(self.source, end);
        }
        let Some(last) = it.implements.last() else { return };
        let named = it.id.as_ref().map(|id| id.span.end);
        let typed = it.type_parameters.as_ref().map(|types| types.span.end);
        let extended = it.heritage.as_ref().map(|heritage| {
            heritage.type_arguments.as_ref().map_or(heritage.expression.span().end, |types| types.span.end)
        });
        let before =
            extended.or(typed).or(named).map_or(at + word(self.source, at).len(), |end| end as usize);
        self.blanks.blank(skip_blank(self.source, before)..last.span.end as usize);
    }

    /// Blanks a method's types. Gives whether anything of the method is left.
    pub(super) fn method(&mut self, it: &MethodDefinition<'_>) -> bool {
        if it.r#type == MethodDefinitionType::TSAbstractMethodDefinition || it.value.body.is_none() {
            // An overload has no decorators either.
            self.statement(it.span);
            return false;
        }
        self.modifiers(it.span, it.key.span());
        if it.optional {
            let end = self.after_key(it.key.span(), it.computed);
            self.blank_mark(end, &['?']);
        }
        true
    }

    /// Blanks a field's types. Gives whether anything of the field is left.
    pub(super) fn property(&mut self, it: &PropertyDefinition<'_>) -> bool {
        if it.declare || it.r#type == PropertyDefinitionType::TSAbstractPropertyDefinition {
            self.statement(it.span);
            return false;
        }
        self.modifiers(it.span, it.key.span());
        let mut first = it.type_annotation.as_ref().map(|types| types.span.start as usize);
        if it.optional || it.definite {
            let end = self.after_key(it.key.span(), it.computed);
            first = self.blank_mark(end, &['?', '!']).or(first);
        }
        // `get: T` followed by a line with a method would become a getter.
        if let (Some(first), None) = (first, &it.value) {
            self.blanks.put(first, ';');
        }
        true
    }

    /// Blanks the modifiers before a member's key. The first one leaves a semicolon if it begins the member, because
    /// the line before may end without one.
    fn modifiers(&mut self, member: Span, key: Span) {
        let start = skip_blank(self.source, member.start as usize);
        let mut at = start;
        while at < key.start as usize {
            let found = word(self.source, at);
            if found.is_empty() {
                break;
            }
            let end = at + found.len();
            if MODIFIERS.contains(&found) {
                self.blanks.blank(at..end);
                if at == start {
                    self.blanks.put(at, ';');
                }
            }
            at = skip_blank(self.source, end);
        }
    }

    /// The offset after a member's key, and after the bracket of a computed key.
    fn after_key(&self, key: Span, computed: bool) -> usize {
        let end = key.end as usize;
        if computed {
            let close = skip_blank(self.source, end);
            close + usize::from(self.source[close..].starts_with(']'))
        } else {
            end
        }
    }
}
