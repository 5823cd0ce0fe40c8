//! Why a text is not a path, and where.

use super::Root;

/// The most keys of one path; real paths have fewer than ten.
pub(super) const MAX_SEGMENTS: usize = 64;

/// Why a text is not a path. `at` counts bytes from the start of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The text is empty.
    #[error("the path is empty; write one as in {{{{$context.data.name}}}}")]
    Empty,
    /// It does not start with a root.
    #[error("`{name}` is not a place to read from; a path starts with one of {}", roots())]
    UnknownRoot {
        /// The word that it starts with.
        name: String,
    },
    /// A dot, bracket or quote is not complete.
    #[error("{what}")]
    Incomplete {
        /// The offset in bytes.
        at: usize,
        /// What is missing.
        what: &'static str,
    },
    /// A character that belongs to a program and not to a path.
    #[error(
        "`{found}` is not part of a path: templates read, they never compute; compute in a code step, or write an unusual key as [\"…\"]"
    )]
    Computes {
        /// The offset in bytes.
        at: usize,
        /// The first character that is not part of a path.
        found: char,
    },
    /// `.length` at the end: of an array it would be the `length` of each element, which is null.
    #[error(
        "`.length` counts nothing: on an array it reads a key of that name from each element; count in a code step \
         (`return context.data.items.length`) or with a query; for a key that has this name write [\"length\"]"
    )]
    Length {
        /// The offset in bytes.
        at: usize,
    },
    /// What stands after `??` is no JSON value.
    #[error("after ?? stands a JSON value, such as 0, \"none\", 'none', [] or null, and nothing else")]
    Fallback {
        /// The offset in bytes.
        at: usize,
    },
    /// A path to all environment variables or all secrets at once.
    #[error("`{0}` cannot be read as a whole; name one, as in {{{{{0}.NAME}}}}")]
    NeedsName(Root),
    /// More keys than any real path has.
    #[error("the path has more than {MAX_SEGMENTS} keys")]
    TooLong,
}

fn roots() -> String {
    Root::ALL.map(|root| root.to_string()).join(", ")
}

impl PathError {
    /// Where the mistake is, in bytes from the start of the path.
    pub fn offset(&self) -> usize {
        match self {
            Self::Incomplete { at, .. }
            | Self::Computes { at, .. }
            | Self::Length { at }
            | Self::Fallback { at } => *at,
            Self::Empty | Self::UnknownRoot { .. } | Self::NeedsName(_) | Self::TooLong => 0,
        }
    }

    /// The same mistake in a text that has `by` bytes more before it.
    pub(super) fn shifted(self, by: usize) -> Self {
        match self {
            Self::Incomplete { at, what } => Self::Incomplete { at: at + by, what },
            Self::Computes { at, found } => Self::Computes { at: at + by, found },
            Self::Length { at } => Self::Length { at: at + by },
            Self::Fallback { at } => Self::Fallback { at: at + by },
            Self::Empty | Self::UnknownRoot { .. } | Self::NeedsName(_) | Self::TooLong => self,
        }
    }
}
