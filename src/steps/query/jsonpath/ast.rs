//! A JSONPath query, parsed. The names are those of RFC 9535.

use serde_json::Value;

#[derive(Debug)]
pub(super) struct Path {
    /// Whether it starts from `@`, the value that a filter looks at, and not from `$`.
    pub(super) relative: bool,
    pub(super) segments: Vec<Segment>,
}

#[derive(Debug)]
pub(super) struct Segment {
    /// Whether it was written with `..`.
    pub(super) descends: bool,
    pub(super) selectors: Vec<Selector>,
}

#[derive(Debug)]
pub(super) enum Selector {
    Name(String),
    Wildcard,
    Index(i64),
    Slice { start: Option<i64>, end: Option<i64>, step: i64 },
    Filter(Logical),
}

/// What is true or false of a value.
#[derive(Debug)]
pub(super) enum Logical {
    Any(Vec<Logical>),
    All(Vec<Logical>),
    Not(Box<Logical>),
    Exists(Path),
    Compare(Comparable, Comparison, Comparable),
    /// `match` (the whole text) and `search` (any part of it).
    Matches {
        whole: bool,
        text: Comparable,
        pattern: Comparable,
    },
}

/// What is one value, or nothing.
#[derive(Debug)]
pub(super) enum Comparable {
    Literal(Value),
    /// A path that leads to one value at most.
    Singular(Path),
    Length(Box<Comparable>),
    Count(Path),
    /// The value of a path that leads to exactly one.
    Only(Path),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Path {
    /// Whether it leads to one value at most.
    pub(super) fn is_singular(&self) -> bool {
        self.segments.iter().all(|segment| {
            !segment.descends && matches!(segment.selectors[..], [Selector::Name(_) | Selector::Index(_)])
        })
    }
}
