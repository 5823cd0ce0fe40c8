//! Why a question cannot be compiled or answered, be it CEL or the structured form.

use super::{FillError, TemplateError};

/// Why a condition cannot be compiled or answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// The text is longer than a condition may be.
    #[error("the condition has {length} bytes and may have {most}; use a code step for more")]
    TooLong {
        /// The bytes that it has.
        length: usize,
        /// The bytes that it may have.
        most: usize,
    },
    /// The text has more operators, or deeper nesting, than can be evaluated safely.
    #[error("the condition is too complex ({what}); split it, or use a code step")]
    TooComplex {
        /// Which limit it crosses.
        what: &'static str,
    },
    /// The text is not CEL.
    #[error("the condition is not CEL: at line {line}, column {column}: {message}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// What the parser says, and a hint where one is known.
        message: String,
    },
    /// A name that does not exist.
    #[error(
        "`{0}` is unknown; a condition reads context, steps, scopes, env, system and run (a key with a dash is written context.headers['x-name'])"
    )]
    UnknownName(String),
    /// A function that does not exist, or not with that many arguments.
    #[error(
        "there is no function `{0}` with these arguments; there are has, size, contains, startsWith, endsWith, matches, all, exists, exists_one, filter, map, int, uint, double, string, bool, bytes and type"
    )]
    UnknownFunction(String),
    /// `matches` needs a fixed pattern, so that it is compiled once and bounded.
    #[error("the pattern of `matches` {0}")]
    Pattern(String),
    /// A side of a comparison is not a valid template.
    #[error("`{side}`: {error}")]
    Template {
        /// `left` or `right`.
        side: &'static str,
        /// What is wrong with it.
        error: TemplateError,
    },
    /// A side of a comparison cannot be filled in.
    #[error("`{side}` cannot be compared: {error}")]
    Fill {
        /// `left` or `right`.
        side: &'static str,
        error: FillError,
    },
    /// The operator does not work on the types of the two sides.
    #[error("`{op}` compares {expected}; the left side is {left} and the right side {right}")]
    Types {
        /// The operator.
        op: &'static str,
        /// The types that the operator compares.
        expected: &'static str,
        /// The type of the left side.
        left: &'static str,
        /// The type of the right side.
        right: &'static str,
    },
    /// The expression gives something other than true or false.
    #[error("the condition gives {0}; it must give true or false")]
    NotBoolean(String),
    /// The data is not what the expression expects.
    #[error("the condition cannot be answered: {0}")]
    Evaluation(String),
    /// The expression looks at more values than it may.
    #[error("the condition looks at more than {0} values; narrow it, or use a code step")]
    TooMuchWork(u64),
}
