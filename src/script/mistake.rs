//! What is wrong with a code file, and where.

use super::text;

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// What is wrong and what to do.
    pub message: String,
    /// From 1.
    pub line: u32,
    /// From 1, in UTF-16 units.
    pub column: u32,
}

/// A mistake at a byte offset.
pub(super) fn mistake(source: &str, offset: usize, message: String) -> Mistake {
    let (line, column) = text::place(source, offset);
    Mistake { message, line, column }
}
