//! What is taken out of a text so far: the places, and the first refusal. `erase` and `erase_class` say what goes.

use oxc_span::Span;

use super::{
    blank::Blanks,
    text::{ends_line, skip_blank},
};

/// A text that loses its types.
pub(super) struct Eraser<'s> {
    pub(super) source: &'s str,
    pub(super) blanks: Blanks,
    /// Where statements and bodies of arrow functions begin with an expression: there `{` would begin a block.
    pub(super) heads: Vec<u32>,
    /// The first construct that cannot be taken out: where, and what to do.
    pub(super) refused: Option<(usize, String)>,
    /// How many namespaces are around.
    pub(super) in_namespace: usize,
    /// Whether something is more than types, and is compiled.
    pub(super) compiles: bool,
    /// The first construct that cannot be compiled either.
    pub(super) never: Option<(usize, String)>,
}

impl<'s> Eraser<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        Self {
            source,
            blanks: Blanks::default(),
            heads: Vec::new(),
            refused: None,
            in_namespace: 0,
            compiles: false,
            never: None,
        }
    }

    /// Takes a place out of the text.
    pub(super) fn blank(&mut self, span: Span) {
        self.blanks.blank(span.start as usize..span.end as usize);
    }

    /// Takes a whole statement out.
    pub(super) fn statement(&mut self, span: Span) {
        self.blanks.statement(span.start as usize..span.end as usize);
    }

    /// Keeps the first refusal.
    pub(super) fn refuse(&mut self, span: Span, message: impl Into<String>) {
        let at = span.start as usize;
        if self.refused.as_ref().is_none_or(|(first, _)| at < *first) {
            self.refused = Some((at, message.into()));
        }
    }

    /// Blanks the character at or after `at` if it is one of `marks`; where it is.
    pub(super) fn blank_mark(&mut self, at: usize, marks: &[char]) -> Option<usize> {
        let at = skip_blank(self.source, at);
        let found = self.source[at..].chars().next().filter(|next| marks.contains(next))?;
        self.blanks.blank(at..at + found.len_utf8());
        Some(at)
    }

    /// Whether a line ends between the two.
    pub(super) fn breaks_line(&self, start: u32, end: u32) -> bool {
        self.source[start as usize..end as usize].contains(ends_line)
    }
}
