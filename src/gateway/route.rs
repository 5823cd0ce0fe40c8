//! Which webhook a path leads to: by the key of its workflow, or by the path that it has chosen.
//!
//! Keys win over paths, fixed segments over parameters, from the left. A fixed segment is compared byte for byte and has one
//! spelling; only what a parameter takes is percent-decoded, once, and nothing that was decoded is looked up
//! or split again.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;

use crate::model::{FieldError, HookPath, PathSegment, Workflow};

/// Names and values of a path's parameters.
pub(super) type Params = Vec<(String, String)>;

/// Paths as a tree of segments, each with the webhook that it leads to.
pub(super) struct Paths<T> {
    root: Node<T>,
}

struct Node<T> {
    fixed: HashMap<String, Node<T>>,
    param: Option<Box<Node<T>>>,
    /// The webhook whose path ends here, and its path for the names of the parameters.
    end: Option<(T, HookPath)>,
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self { fixed: HashMap::new(), param: None, end: None }
    }
}

impl<T> Default for Paths<T> {
    fn default() -> Self {
        Self { root: Node::default() }
    }
}

impl<T> Paths<T> {
    /// The tree of these; of two that collide the first counts.
    pub(super) fn new<'a>(paths: impl IntoIterator<Item = (T, &'a HookPath)>) -> Self {
        let mut tree = Self::default();
        for (webhook, path) in paths {
            let node = path.segments().iter().fold(&mut tree.root, |node, segment| match segment {
                PathSegment::Fixed(text) => node.fixed.entry(text.clone()).or_default(),
                PathSegment::Param(_) => node.param.get_or_insert_default(),
            });
            node.end.get_or_insert_with(|| (webhook, path.clone()));
        }
        tree
    }

    /// The webhook of a path below `/api/webhooks/`, and the values of its parameters.
    pub(super) fn find(&self, path: &str) -> Option<(&T, Params)> {
        let segments: Vec<&str> = path.split('/').collect();
        let (webhook, pattern) = self.root.find(&segments)?;
        let mut params = Params::new();
        for (segment, value) in pattern.segments().iter().zip(segments) {
            if let PathSegment::Param(name) = segment {
                params.push((name.clone(), decoded(value)?));
            }
        }
        Some((webhook, params))
    }
}

impl<T> Node<T> {
    /// The recursion is as deep as a pattern may be, and each node has at most two ways on. So it takes some ten
    /// thousand steps at worst.
    fn find(&self, segments: &[&str]) -> Option<&(T, HookPath)> {
        let Some((first, rest)) = segments.split_first() else { return self.end.as_ref() };
        let fixed = self.fixed.get(*first).and_then(|node| node.find(rest));
        fixed.or_else(|| self.param.as_ref().filter(|_| decoded(first).is_some())?.find(rest))
    }
}

/// What a parameter is given: percent-decoded once, as UTF-8 and nothing longer than need be. Not empty, no dots that
/// somebody resolves, no slash, no control character; a bare `;` begins what some servers cut off.
fn decoded(segment: &str) -> Option<String> {
    if segment.contains(';') || !escapes_are_whole(segment) {
        return None;
    }
    let value = percent_decode_str(segment).decode_utf8().ok()?;
    let odd = |character: char| character.is_control() || matches!(character, '/' | '\\');
    if matches!(value.as_ref(), "" | "." | "..") || value.contains(odd) {
        return None;
    }
    Some(value.into_owned())
}

/// A `%` that is none would be kept as it is by some decoders and refused by others.
fn escapes_are_whole(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%').all(|(at, _)| {
        bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

/// Why a workflow cannot be installed beside another, if so: some request would lead to either. The error names the field
/// of the first one.
pub fn collision(one: &Workflow, two: &Workflow) -> Option<FieldError> {
    let pairs = one.webhooks().flat_map(|first| two.webhooks().map(move |second| (first, second)));
    pairs.into_iter().find_map(|((trigger, first), (_, second))| {
        let why = match (&first.path, &second.path) {
            (Some(first), Some(second)) if first.collides(second) => format!(
                "its path `{first}` and the path `{second}` of `{}` lead to the same requests; change one of them",
                two.key
            ),
            (Some(first), None) if first.is_key(&two.key) => {
                format!("its path `{first}` is the key of `{}`; change it", two.key)
            }
            (None, Some(second)) if second.is_key(&one.key) => {
                format!("its key is the path `{second}` of `{}`; change one of them", two.key)
            }
            (Some(_) | None, Some(_) | None) => return None,
        };
        Some(FieldError::new(format!("{}.path", trigger.at), why))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn tree(paths: &[&str]) -> Paths<String> {
        let paths: Vec<HookPath> = paths.iter().map(|path| path.parse().unwrap()).collect();
        Paths::new(paths.iter().enumerate().map(|(n, path)| (format!("w{n}"), path)))
    }

    fn found(tree: &Paths<String>, path: &str) -> Option<String> {
        let (key, params) = tree.find(path)?;
        let params: Vec<String> = params.iter().map(|(name, value)| format!(" {name}={value}")).collect();
        Some(format!("{key}{}", params.concat()))
    }

    #[test]
    fn fixed_segments_win_and_parameters_are_decoded_once() {
        let tree =
            tree(&["/orders/:id", "/orders/new", "/:tenant/orders/:id", "/:tenant/orders/all", "/a/b/c"]);
        let cases = [
            ("orders/7", Some("w0 id=7")),
            ("orders/new", Some("w1")),
            ("orders/newer", Some("w0 id=newer")),
            ("acme/orders/7", Some("w2 tenant=acme id=7")),
            ("acme/orders/all", Some("w3 tenant=acme")),
            ("orders/orders/all", Some("w3 tenant=orders")),
            ("a/orders/1", Some("w2 tenant=a id=1")),
            ("a/b/c", Some("w4")),
            ("orders/%E4%BC%81%20x", Some("w0 id=企 x")),
            ("orders/%2541", Some("w0 id=%41")),
            ("orders/a+b", Some("w0 id=a+b")),
            ("orders/%6eew", Some("w0 id=new")),
            ("orders", None),
            ("orders/", None),
            ("orders/7/", None),
            ("orders//7", None),
            ("/orders/7", None),
            ("Orders/7", None),
            ("%6frders/7", None),
            ("orders/7/8", None),
            ("a/b", None),
            ("", None),
        ];
        for (path, expected) in cases {
            assert_eq!(found(&tree, path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn w21_tricks_reach_no_parameter() {
        let tree = tree(&["/files/:name"]);
        for trick in [
            "..",
            ".",
            "%2e%2e",
            "%2E",
            ".%2e",
            "%2f",
            "a%2Fb",
            "%2e%2e%2fa",
            "%5c",
            "a%5c..",
            "a;x",
            ";",
            "%00",
            "a%00b",
            "%0d%0a",
            "%7f",
            "%c0%ae%c0%ae",
            "%e0%80%af",
            "%ff",
            "%ed%a0%80",
            "%",
            "%4",
            "%zz",
            "%%41",
            "",
        ] {
            assert_eq!(found(&tree, &format!("files/{trick}")), None, "{trick}");
        }
    }

    #[test]
    fn what_cannot_stand_side_by_side_is_told() {
        let workflow = |key: &str, path: Option<&str>| {
            let trigger = json!({ "type": "webhook", "path": path });
            Workflow::from_value(json!({ "key": key, "trigger": trigger, "steps": [] })).unwrap()
        };
        let cases = [
            (("a", Some("/x/:id")), ("b", Some("/x/:name")), Some("`/x/:name` of `b`")),
            (("a", Some("/x/:id")), ("b", Some("/x/new")), None),
            (("a", Some("/b")), ("b", None), Some("is the key of `b`")),
            (("a", None), ("b", Some("/a")), Some("is the path `/a` of `b`")),
            (("a", Some("/b")), ("b", Some("/c")), None),
            (("a", None), ("b", Some("/:any")), None),
            (("a", None), ("b", None), None),
        ];
        for ((one, first), (two, second), expected) in cases {
            let told = collision(&workflow(one, first), &workflow(two, second));
            match expected {
                None => assert_eq!(told, None),
                Some(part) => {
                    assert!(told.as_ref().is_some_and(|told| told.message.contains(part)), "{told:?}")
                }
            }
        }
    }

    #[test]
    fn every_webhook_of_a_workflow_is_compared_and_the_field_of_the_wrong_one_is_named() {
        let workflow = |key: &str, triggers: serde_json::Value| {
            Workflow::from_value(json!({ "key": key, "triggers": triggers, "steps": [] })).unwrap()
        };
        let one = workflow(
            "a",
            json!([{ "type": "manual" }, { "type": "webhook" }, { "type": "webhook", "name": "x", "path": "/x/:id" }]),
        );
        let path = |path: &str| json!([{ "type": "webhook", "name": "y", "path": "/free" }, { "type": "webhook", "path": path }]);
        assert_eq!(collision(&one, &workflow("b", path("/y"))), None);
        assert_eq!(collision(&one, &workflow("b", path("/x/:name"))).unwrap().path, "triggers[2].path");
        assert_eq!(collision(&one, &workflow("b", path("/a"))).unwrap().path, "triggers[1].path");
        assert_eq!(collision(&workflow("b", path("/a")), &one).unwrap().path, "triggers[1].path");
    }

    proptest! {
        #[test]
        fn any_path_is_found_or_not(path: String, segments in prop::collection::vec("[a:%2ef/;.]{0,4}", 0..6)) {
            let tree = tree(&["/a/:x", "/:y/b/:z", "/a/b/c", "/:p/:q/:r/:s"]);
            let joined = segments.join("/");
            for path in [path.as_str(), joined.as_str()] {
                if let Some((_, params)) = tree.find(path) {
                    for (_, value) in params {
                        prop_assert!(!value.is_empty() && value != ".." && !value.contains(['/', '\0']), "{}", value);
                    }
                }
            }
        }
    }
}
