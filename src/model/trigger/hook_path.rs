//! A workflow's own path below `/api/webhooks`: fixed segments and parameters, as in `/orders/:id`.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most characters of a path.
const MAX_LENGTH: usize = 512;
/// The most segments of a path.
const MAX_SEGMENTS: usize = 16;

/// A path as its author wrote it, read. One path has one spelling: nothing in it is escaped.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(with = "String")]
pub struct HookPath(Vec<PathSegment>);

/// What stands between two slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathSegment {
    /// This text and no other.
    Fixed(String),
    /// Anything; `context.params` has it by this name.
    Param(String),
}

/// Why a text is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HookPathError {
    /// It is too long, or of too many parts.
    #[error("a path has at most {MAX_SEGMENTS} segments and {MAX_LENGTH} characters")]
    TooLong,
    /// A segment that no request could name in one spelling.
    #[error(
        "`{0}` cannot be a segment of a path: use letters, digits, - . _ ~ (but not . or .. alone), or :name for a parameter; \
         write it as /orders/:id"
    )]
    Segment(String),
    /// Two parameters of one name.
    #[error("the path has two parameters `{0}`; give each its own name")]
    Twice(String),
}

impl HookPath {
    /// From the left.
    pub fn segments(&self) -> &[PathSegment] {
        &self.0
    }

    /// Whether some request fits both paths and neither says more about it than the other. `/orders/new` beside
    /// `/orders/:id` is no such pair: the fixed segment wins.
    pub fn collides(&self, other: &Self) -> bool {
        use PathSegment::{Fixed, Param};
        if self.0.len() != other.0.len() {
            return false;
        }
        let (mut more, mut less) = (false, false);
        for pair in self.0.iter().zip(&other.0) {
            match pair {
                (Fixed(one), Fixed(two)) if one != two => return false,
                (Fixed(_), Fixed(_)) | (Param(_), Param(_)) => {}
                (Fixed(_), Param(_)) => more = true,
                (Param(_), Fixed(_)) => less = true,
            }
        }
        more == less
    }
}

impl FromStr for HookPath {
    type Err = HookPathError;

    fn from_str(text: &str) -> Result<Self, HookPathError> {
        let wrong = |segment: &str| HookPathError::Segment(segment.chars().take(64).collect());
        let rest = text.strip_prefix('/').ok_or_else(|| wrong(text))?;
        if text.len() > MAX_LENGTH || rest.split('/').count() > MAX_SEGMENTS {
            return Err(HookPathError::TooLong);
        }
        let mut segments = Vec::new();
        for segment in rest.split('/') {
            let segment = match segment.strip_prefix(':') {
                Some(name) if is_name(name) => PathSegment::Param(name.to_owned()),
                None if is_fixed(segment) => PathSegment::Fixed(segment.to_owned()),
                Some(_) | None => return Err(wrong(segment)),
            };
            if let PathSegment::Param(name) = &segment
                && segments.contains(&segment)
            {
                return Err(HookPathError::Twice(name.clone()));
            }
            segments.push(segment);
        }
        Ok(Self(segments))
    }
}

/// A name that scripts and conditions can write after a dot.
fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The unreserved characters of RFC 3986, which nobody escapes; no dots that a client resolves by itself.
fn is_fixed(segment: &str) -> bool {
    !matches!(segment, "" | "." | "..")
        && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

impl fmt::Display for HookPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|segment| match segment {
            PathSegment::Fixed(text) => write!(f, "/{text}"),
            PathSegment::Param(name) => write!(f, "/:{name}"),
        })
    }
}

impl Serialize for HookPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HookPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> HookPath {
        text.parse().unwrap()
    }

    #[test]
    fn a_path_has_one_spelling() {
        for good in ["/orders", "/orders/:id", "/:a/:b", "/a-b/c.d/~e_1/:_x", "/..."] {
            assert_eq!(path(good).to_string(), good);
        }
        let long = format!("/{}", "a".repeat(600));
        let deep = "/a".repeat(17);
        for bad in [
            "", "/", "orders", "/a/", "//a", "/a//b", "/.", "/a/..", "/a b", "/a%20b", "/é", "/a;b", "/a?b",
            "/a#b", "/a\0", "/:", "/:a-b", "/:1", "/:a/:a", "/a:b", "/*", "/{a}", &long, &deep,
        ] {
            assert!(bad.parse::<HookPath>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn paths_collide_when_neither_says_more() {
        let cases = [
            ("/orders/:id", "/orders/:name", true),
            ("/orders", "/orders", true),
            ("/orders/new", "/orders/:id", false),
            ("/orders/:id", "/:any/:id", false),
            ("/a/:x", "/:y/b", true),
            ("/a/:x/c", "/:y/b/d", false),
            ("/a", "/a/b", false),
            ("/a", "/A", false),
        ];
        for (one, two, expected) in cases {
            assert_eq!(path(one).collides(&path(two)), expected, "{one} {two}");
            assert_eq!(path(two).collides(&path(one)), expected, "{two} {one}");
        }
    }
}
