//! One path: a root, and the keys that lead from it to a value.
//!
//! `$context.data.items[0].name`, `$context.headers.x-github-delivery`, `$steps.parse["any key"]`. Used by templates,
//! and by conditions to say what they read. A path only reads own keys of JSON objects: `__proto__` and `constructor`
//! are keys like any other.

use std::{borrow::Cow, fmt};

use serde_json::Value;

use super::{
    Budget, FillError, Root, Roots,
    fallback::{self, Fallback},
    fill,
    path_error::{MAX_SEGMENTS, PathError},
};

/// A root and the keys below it, and what stands in for a value that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path {
    root: Root,
    segments: Vec<Segment>,
    fallback: Option<Fallback>,
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Segment {
    /// A key of an object, never an index. On an array, the key is read from each element.
    Key(String),
    /// Written as digits: the index of an array, or a key of an object that has such a key.
    Index(String),
}

impl Segment {
    fn plain(text: &str) -> Self {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            Self::Index(text.to_owned())
        } else {
            Self::Key(text.to_owned())
        }
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Key(text) | Self::Index(text) => text,
        }
    }
}

/// Whether a character may stand in a key that is not quoted: header names, identifiers of any script, XML's `@` and
/// `#`.
fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '@' | '#' | '~')
}

impl Path {
    pub(super) fn new(root: Root, segments: Vec<Segment>) -> Self {
        Self { root, segments, fallback: None }
    }

    /// Reads a path; white space around it is ignored.
    ///
    /// # Errors
    /// What is wrong and where; see [`PathError`].
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let indent = text.len() - text.trim_start().len();
        let (body, fallback) = match fallback::mark(text) {
            None => (text.trim(), None),
            Some(at) => {
                let read = Fallback::parse(&text[at + 2..]).ok_or(PathError::Fallback { at: at + 2 })?;
                (text[..at].trim(), Some(read))
            }
        };
        if body.is_empty() {
            return Err(PathError::Empty);
        }
        let end = body.find(|c| !is_plain(c)).unwrap_or(body.len());
        let name = &body[..end];
        let root = name
            .strip_prefix('$')
            .and_then(Root::from_name)
            .ok_or_else(|| PathError::UnknownRoot { name: first_word(body, name) })?;

        let mut segments = Vec::new();
        let mut at = end;
        while at < body.len() {
            let (segment, next) = segment(body, at).map_err(|error| error.shifted(indent))?;
            segments.push(segment);
            if segments.len() > MAX_SEGMENTS {
                return Err(PathError::TooLong);
            }
            at = next;
        }
        if root == Root::Context
            && let [Segment::Key(first), Segment::Key(name), ..] = segments.as_mut_slice()
            && first == "headers"
        {
            // Headers have their names in lower case. Authors copy a name as the sender's documentation writes it.
            name.make_ascii_lowercase();
        }
        if segments.is_empty() && matches!(root, Root::Env | Root::Secrets) {
            return Err(PathError::NeedsName(root));
        }
        // The name of a variable, a secret or a step is its own.
        if segments.len() > 1 && body.ends_with(".length") {
            return Err(PathError::Length { at: indent + body.len() - "length".len() });
        }
        Ok(Self { root, segments, fallback })
    }

    /// The root that it starts at.
    pub fn root(&self) -> Root {
        self.root
    }

    /// The keys below the root.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The first key: the name of the variable, secret, step or loop.
    pub fn name(&self) -> Option<&str> {
        self.segments.first().map(Segment::as_str)
    }

    /// The value, borrowed from where it is; its fallback, or else null, where nothing is.
    pub(super) fn find<'v>(
        &'v self,
        roots: &'v dyn Roots,
        budget: &mut Budget,
    ) -> Result<Found<'v>, FillError> {
        let found = match roots.root(self.root) {
            Some(value) => find(value, &self.segments, budget)?,
            None => Found::One(&NULL),
        };
        Ok(match (found, &self.fallback) {
            (Found::One(Value::Null), Some(fallback)) => Found::One(fallback.value()),
            (found, _) => found,
        })
    }

    /// Whether it gives more than null, an empty text, or an array made of these. A budget that is not enough says nothing.
    pub(super) fn gives(&self, roots: &dyn Roots, budget: &mut Budget) -> bool {
        let nothing = |value: &Value| value.is_null() || value.as_str() == Some("");
        self.fallback.is_some()
            || match self.find(roots, budget) {
                Ok(Found::One(value)) => !nothing(value),
                Ok(Found::Many(values)) => !values.into_iter().all(nothing),
                Err(_) => true,
            }
    }

    /// The value as text: an empty text for null, a string as it is, anything else as compact JSON.
    ///
    /// # Errors
    /// When the budget is not enough.
    pub fn text(&self, roots: &dyn Roots, budget: &mut Budget) -> Result<String, FillError> {
        let found = self.find(roots, budget)?;
        fill::text(budget, |fill| found.write_text(fill))
    }
}

static NULL: Value = Value::Null;

/// What a path leads to; it is never copied.
#[derive(Debug, Clone)]
pub(super) enum Found<'v> {
    /// A value that exists.
    One(&'v Value),
    /// An array that is made from several elements.
    Many(Vec<&'v Value>),
}

impl<'v> Found<'v> {
    /// Writes it as compact JSON.
    pub(super) fn write_json(&self, fill: &mut fill::Filler<'_>) -> Result<(), FillError> {
        match self {
            Self::One(value) => fill.json(value),
            Self::Many(values) => fill.json(values),
        }
    }

    /// Writes it as text.
    pub(super) fn write_text(&self, fill: &mut fill::Filler<'_>) -> Result<(), FillError> {
        match self {
            Self::One(Value::Null) => Ok(()),
            Self::One(Value::String(text)) => fill.text(text),
            Self::One(_) | Self::Many(_) => self.write_json(fill),
        }
    }

    /// Gives it as a value. An array that is made has no more elements than the data.
    pub(super) fn value(self) -> Cow<'v, Value> {
        match self {
            Self::One(value) => Cow::Borrowed(value),
            Self::Many(values) => Cow::Owned(values.into_iter().cloned().collect()),
        }
    }
}

/// For the message: the root as it is written, or the first character if that cannot begin a root.
fn first_word(body: &str, name: &str) -> String {
    if name.is_empty() { body.chars().take(1).collect() } else { name.chars().take(40).collect() }
}

/// The segment that starts at `at` (with `.` or `[`), and where it ends.
fn segment(body: &str, at: usize) -> Result<(Segment, usize), PathError> {
    let rest = &body[at..];
    if let Some(key) = rest.strip_prefix('.') {
        let end = key.find(|c| !is_plain(c)).unwrap_or(key.len());
        return match key[end..].chars().next() {
            _ if end > 0 => Ok((Segment::plain(&key[..end]), at + 1 + end)),
            Some(found) if found != '.' && found != '[' => Err(PathError::Computes { at: at + 1, found }),
            _ => Err(PathError::Incomplete { at: at + 1, what: "a key is missing after the dot" }),
        };
    }
    let Some(inside) = rest.strip_prefix('[') else {
        let found = rest.chars().next().expect("the caller checked that something is left");
        return Err(PathError::Computes { at, found });
    };
    if let Some(quoted) = inside.strip_prefix('"') {
        let (key, length) = quoted_key(quoted)
            .ok_or(PathError::Incomplete { at: at + 1, what: "the quote is not closed; write [\"key\"]" })?;
        let close = at + 2 + length;
        return if body[close..].starts_with(']') {
            Ok((Segment::Key(key), close + 1))
        } else {
            Err(PathError::Incomplete { at: close, what: "a ] is missing after the quoted key" })
        };
    }
    let end = inside.find(|c: char| !c.is_ascii_digit()).unwrap_or(inside.len());
    match inside[end..].chars().next() {
        Some(']') if end > 0 => Ok((Segment::Index(inside[..end].to_owned()), at + end + 2)),
        Some(']') | None => Err(PathError::Incomplete {
            at: at + 1,
            what: "brackets hold a number or a quoted key: [0], [\"key\"]",
        }),
        Some(found) => Err(PathError::Computes { at: at + 1 + end, found }),
    }
}

/// The key up to the closing quote, and its length in bytes with that quote. `\"` and `\\` are a quote and a backslash.
fn quoted_key(text: &str) -> Option<(String, usize)> {
    let mut key = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((key, at + 1)),
            '\\' => match chars.next()?.1 {
                escaped @ ('"' | '\\') => key.push(escaped),
                other => key.extend(['\\', other]),
            },
            other => key.push(other),
        }
    }
    None
}

/// An array passes a key on to each element, and gives an array of what the elements have. Nested arrays are made flat.
fn find<'v>(value: &'v Value, segments: &[Segment], budget: &mut Budget) -> Result<Found<'v>, FillError> {
    let Some((segment, rest)) = segments.split_first() else { return Ok(Found::One(value)) };
    let inner = match (value, segment) {
        (Value::Object(object), _) => object.get(segment.as_str()),
        (Value::Array(array), Segment::Index(digits)) => {
            digits.parse::<usize>().ok().and_then(|index| array.get(index))
        }
        (Value::Array(array), Segment::Key(_)) => {
            budget.look(array.len())?;
            let mut all = Vec::new();
            for element in array {
                match find(element, segments, budget)? {
                    Found::One(Value::Array(inner)) => {
                        budget.look(inner.len())?;
                        all.extend(inner);
                    }
                    Found::One(other) => all.push(other),
                    Found::Many(inner) => all.extend(inner),
                }
            }
            return Ok(Found::Many(all));
        }
        (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_), _) => None,
    };
    match inner {
        Some(inner) => find(inner, rest, budget),
        None => Ok(Found::One(&NULL)),
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.root)?;
        for segment in &self.segments {
            let text = segment.as_str();
            if !text.is_empty() && text.chars().all(is_plain) {
                write!(f, ".{text}")?;
            } else {
                write!(f, "[\"{}\"]", text.replace('\\', "\\\\").replace('"', "\\\""))?;
            }
        }
        if let Some(fallback) = &self.fallback {
            write!(f, " ?? {}", fallback.text())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::tests::fixture, *};

    fn read(path: &Path) -> Value {
        let fixture = fixture();
        path.find(&fixture, &mut Budget::new(1 << 20)).unwrap().value().into_owned()
    }

    #[test]
    fn a_path_that_looks_at_too_much_ends_though_it_finds_nothing() {
        let empties: Value = (0..1_000_000).map(|_| Value::Array(Vec::new())).collect();
        let roots = super::super::tests::Fixture(json!({"context": {"data": empties}}));
        let path = Path::parse("$context.data.x").unwrap();
        let mut budget = Budget::new(1 << 20);
        let looks = (0..10).map(|_| path.text(&roots, &mut budget)).collect::<Vec<_>>();
        assert_eq!((looks[3].clone(), looks[4].clone()), (Ok("[]".to_owned()), Err(FillError::TooMuchWork)));
    }

    #[test]
    fn paths_read() {
        let cases = [
            ("$context.data.count", json!(150)),
            (" $context.method ", json!("POST")),
            ("$context.headers.x-github-delivery", json!("d-1")),
            ("$context.headers[\"x-github-delivery\"]", json!("d-1")),
            ("$context.headers.X-GitHub-Delivery", json!("d-1")),
            ("$context.headers[\"X-GITHUB-Delivery\"]", json!("d-1")),
            ("$context.data.Text", json!(null)),
            ("$steps.parse.branch", json!("main")),
            ("$jobsMapByNodeKey.parse.branch", json!("main")),
            ("$steps.parse", json!({"branch": "main", "sha": "abc"})),
            ("$scopes.each.item.id", json!(7)),
            ("$env.NAME", json!("value")),
            ("$secrets.KEY", json!("hunter2-key")),
            ("$system.now", json!("2026-01-01T00:00:00Z")),
            ("$run.id", json!("run_1")),
            ("$context.data[\"a.b\"]", json!("dotted")),
            ("$context.data.名", json!("值")),
            ("$context.data.0", json!("zeroth")),
            ("$context.data[0]", json!("zeroth")),
            ("$context.data[\"0\"]", json!("zeroth")),
            // A missing value is null, and so is everything below it.
            ("$context.data.nothing", json!(null)),
            ("$context.data.nothing.at.all", json!(null)),
            ("$context.data.text.size", json!(null)),
            ("$context.data.none.x", json!(null)),
            // Arrays.
            ("$context.data.list[1]", json!(2)),
            ("$context.data.list.1", json!(2)),
            ("$context.data.list.9", json!(null)),
            ("$context.data.list.99999999999999999999", json!(null)),
            ("$context.data.list[\"length\"]", json!([null, null, null])),
            ("$context.data.empty.x", json!([])),
            ("$context.data.rows.title", json!(["a", "b", null])),
            ("$context.data.rows.tags", json!(["x", "y", "z"])),
            ("$context.data.rows.tags.0", json!(["x", null, "z"])),
            ("$context.data.rows[0].tags", json!(["x", "y"])),
            ("$context.data.grid.v", json!([1, 2, 3])),
            ("$context.data.list[\"1\"]", json!([null, null, null])),
        ];
        for (text, expected) in cases {
            let path = Path::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(read(&path), expected, "{text}");
        }
    }

    #[test]
    fn prototype_names_are_plain_keys() {
        let cases = [
            ("$context.data.__proto__.polluted", json!(1)),
            ("$context.data.constructor", json!("own")),
            ("$context.data.constructor.constructor", json!(null)),
            ("$context.__proto__", json!(null)),
            ("$context.data.text.constructor.prototype", json!(null)),
            ("$context.data.list.__proto__", json!([null, null, null])),
            ("$steps.toString", json!(null)),
        ];
        for (text, expected) in cases {
            assert_eq!(read(&Path::parse(text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused_with_its_place() {
        for (text, part, offset) in [
            ("", "empty", 0),
            ("  ", "empty", 0),
            ("context.data", "`context` is not a place", 0),
            ("$nope.a", "`$nope` is not a place to read from; a path starts with one of $context, $steps", 0),
            ("$", "`$` is not a place", 0),
            ("(1)", "`(` is not a place", 0),
            ("$context.", "missing after the dot", 9),
            ("$context..a", "missing after the dot", 9),
            ("$context.a.", "missing after the dot", 11),
            ("$context[", "brackets hold", 9),
            ("$context[]", "brackets hold", 9),
            ("$context[\"a", "not closed", 9),
            ("$context[\"a\"", "] is missing", 12),
            ("$context[-1]", "never compute", 9),
            ("$context[a]", "never compute", 9),
            ("$context['a']", "never compute", 9),
            ("$context.data.a + 1", "never compute", 15),
            (" $context.data.f()", "never compute", 16),
            ("$context.data.a|upper", "never compute", 15),
            ("$env", "cannot be read as a whole", 0),
            ("$secrets", "{{$secrets.NAME}}", 0),
        ] {
            let error = Path::parse(text).unwrap_err();
            assert!(error.to_string().contains(part), "{text}: {error}");
            assert_eq!(error.offset(), offset, "{text}");
        }
        assert_eq!(Path::parse(&format!("$context{}", ".a".repeat(65))), Err(PathError::TooLong));
    }

    #[test]
    fn a_path_prints_as_it_reads() {
        for text in [
            "$context.data.a-b[\"a b\"].0[\"\\\"\"]",
            "$steps.parse",
            "$context[\"\"]",
            "$context[\"\n\\\\'é\"]",
        ] {
            let path = Path::parse(text).unwrap();
            assert_eq!(path.to_string(), text);
            assert_eq!(Path::parse(&path.to_string()), Ok(path));
        }
        assert_eq!(Path::parse("$jobsMapByNodeKey.a").unwrap().to_string(), "$steps.a");
    }
}
