//! Which fields are signed, and how they become one text.
//!
//! Whoever sees one delivery must not find another one with the same text. So the text must show where each field begins
//! and ends: a value that holds what could be a field of its own is refused.

use super::read::Source;
use crate::model::{FieldsSpec, Weakness};

/// The rules of one sender.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    /// Exactly these in this order; else all, sorted by the bytes of their names.
    pub(super) only: Option<Vec<String>>,
    pub(super) leave_out: Vec<String>,
    pub(super) keep_empty: bool,
    pub(super) names: bool,
    pub(super) assign: String,
    pub(super) join: String,
}

impl Rules {
    /// # Errors
    /// Rules under which borders can be moved, unless the author accepts that.
    pub(super) fn new(spec: &FieldsSpec, signature: Option<&str>) -> Result<Self, String> {
        let rules = Self {
            only: spec.only.clone(),
            leave_out: spec
                .leave_out
                .iter()
                .map(String::as_str)
                .chain(signature)
                .map(str::to_owned)
                .collect(),
            keep_empty: spec.keep_empty,
            names: spec.names,
            assign: spec.assign.clone(),
            join: spec.join.clone(),
        };
        let time = spec.timestamp.as_ref().and_then(|timestamp| timestamp.path.as_deref());
        if rules.is_movable(time) && !spec.accept.contains(&Weakness::MovableBorders) {
            return Err("nothing certain stands between the fields in the signed text, so that another delivery would \
                        have the same signature; set `join` and `assign` to what the sender writes, or, if it writes \
                        nothing there, say that you know: \"accept\": [\"movable_borders\"]"
                .to_owned());
        }
        Ok(rules)
    }

    /// Whether the text of two deliveries can be the same. A time has one length, so it ends by itself.
    fn is_movable(&self, time: Option<&str>) -> bool {
        match &self.only {
            None => !self.names || self.assign.is_empty() || self.join.is_empty(),
            Some(only) => {
                let loose =
                    |pair: &[String]| self.between(&pair[1]).is_empty() && Some(pair[0].as_str()) != time;
                only.windows(2).any(loose)
            }
        }
    }

    /// What stands before the next of some fields.
    fn between(&self, next: &str) -> String {
        if self.names { format!("{}{next}{}", self.join, self.assign) } else { self.join.clone() }
    }

    /// The text of the fields.
    ///
    /// # Errors
    /// A field that is missing, and a value that could be divided in another way.
    pub(super) fn text(&self, source: &Source<'_>) -> Result<String, String> {
        let fields = match &self.only {
            Some(only) => self.some(only, source)?,
            None => self.all(source)?,
        };
        let pieces = fields.iter().map(|(name, value)| {
            if self.names { format!("{name}{}{value}", self.assign) } else { value.clone() }
        });
        Ok(pieces.collect::<Vec<_>>().join(&self.join))
    }

    fn some(&self, only: &[String], source: &Source<'_>) -> Result<Vec<(String, String)>, String> {
        let mut fields = Vec::new();
        for (index, name) in only.iter().enumerate() {
            let value = source.find(name)?.ok_or_else(|| format!("`{name}` is missing"))?;
            let between = only.get(index + 1).map(|next| self.between(next)).unwrap_or_default();
            if !between.is_empty() && value.contains(&between) {
                return Err(format!("`{name}` holds `{between}`, so where it ends is not certain"));
            }
            fields.push((name.clone(), value));
        }
        Ok(fields)
    }

    fn all(&self, source: &Source<'_>) -> Result<Vec<(String, String)>, String> {
        let mut fields = source.all()?;
        fields
            .retain(|(name, value)| !self.leave_out.contains(name) && (self.keep_empty || !value.is_empty()));
        fields.sort_unstable_by(|(one, _), (other, _)| one.as_bytes().cmp(other.as_bytes()));
        if fields.is_empty() {
            return Err("there is none".to_owned());
        }
        // Without marks, the author accepted that borders can be moved.
        if self.names && !self.assign.is_empty() && !self.join.is_empty() {
            for (name, value) in &fields {
                self.check(name, value)?;
            }
        }
        Ok(fields)
    }

    /// A part of a value that could be a field of its own behind this one is refused. Names only ascend, so a smaller
    /// name cannot be one.
    fn check(&self, name: &str, value: &str) -> Result<(), String> {
        if name.contains(&self.assign) || name.contains(&self.join) {
            return Err(format!("the name `{name}` holds what ends it"));
        }
        let later = value.split(self.join.as_str()).skip(1).filter_map(|part| part.split_once(&self.assign));
        match later.map(|(inner, _)| inner).find(|inner| inner.as_bytes() > name.as_bytes()) {
            None => Ok(()),
            Some(inner) => {
                let (join, assign) = (&self.join, &self.assign);
                Err(format!("`{name}` holds `{join}{inner}{assign}`, which could be a field of its own"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rules() -> Rules {
        Rules {
            only: None,
            leave_out: vec!["sign".to_owned()],
            keep_empty: false,
            names: true,
            assign: "=".to_owned(),
            join: "&".to_owned(),
        }
    }

    fn flat(fields: &[(String, String)]) -> Source<'static> {
        Source::Flat(fields.to_vec())
    }

    fn pairs(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn fields_are_sorted_joined_and_left_out() {
        let fields = pairs(&[("b", "2"), ("sign", "x"), ("a", "1"), ("B", "3"), ("e", ""), ("ä", "4")]);
        assert_eq!(rules().text(&flat(&fields)), Ok("B=3&a=1&b=2&ä=4".to_owned()));
        let kept = Rules { keep_empty: true, ..rules() };
        assert_eq!(kept.text(&flat(&fields)), Ok("B=3&a=1&b=2&e=&ä=4".to_owned()));
        let bare = Rules { names: false, join: String::new(), ..rules() };
        assert_eq!(bare.text(&flat(&fields)), Ok("3124".to_owned()));
        let some = Rules { only: Some(vec!["b".to_owned(), "a".to_owned()]), ..rules() };
        assert_eq!(some.text(&flat(&fields)), Ok("b=2&a=1".to_owned()));
    }

    #[test]
    fn values_that_could_be_divided_otherwise_are_refused() {
        let text = |fields: &[(&str, &str)]| rules().text(&flat(&pairs(fields)));
        // `body` is what a customer writes, and `total` is what he pays.
        assert!(text(&[("body", "x&total=9"), ("total", "1")]).unwrap_err().contains("`&total=`"));
        assert_eq!(text(&[("url", "/?a=1&b=2")]), Ok("url=/?a=1&b=2".to_owned()));
        assert_eq!(text(&[("note", "this & that")]), Ok("note=this & that".to_owned()));
        assert!(text(&[("a=b", "1")]).unwrap_err().contains("the name"));
        assert_eq!(text(&[]), Err("there is none".to_owned()));
        let some = Rules { only: Some(vec!["a".to_owned(), "b".to_owned()]), names: false, ..rules() };
        assert!(some.text(&flat(&pairs(&[("a", "1&2"), ("b", "3")]))).unwrap_err().contains("where it ends"));
        assert_eq!(some.text(&flat(&pairs(&[("a", "1"), ("b", "2&3")]))), Ok("1&2&3".to_owned()));
    }

    proptest! {
        /// Two deliveries that are accepted and have one text have the same fields.
        #[test]
        fn one_text_is_one_delivery(
            one in prop::collection::btree_map("[a-c]{1,2}", "[a-c=&1]{1,5}", 1..4),
            other in prop::collection::btree_map("[a-c]{1,2}", "[a-c=&1]{1,5}", 1..4),
        ) {
            let (one, other): (Vec<_>, Vec<_>) = (one.into_iter().collect(), other.into_iter().collect());
            if let (Ok(first), Ok(second)) = (rules().text(&flat(&one)), rules().text(&flat(&other))) {
                prop_assert!(first != second || one == other, "{:?} {:?}", one, other);
            }
        }

        /// Every way to divide the text of an accepted delivery into other fields is refused.
        #[test]
        fn no_other_division_of_a_text_is_accepted(text in "[ab=&]{1,12}", cuts in prop::collection::vec(any::<bool>(), 12)) {
            let divide = |mask: &[bool]| {
                let mut fields: Vec<String> = Vec::new();
                for (index, piece) in text.split('&').enumerate() {
                    match fields.last_mut() {
                        Some(last) if !mask.get(index).copied().unwrap_or(false) => { last.push('&'); last.push_str(piece); }
                        Some(_) | None => fields.push(piece.to_owned()),
                    }
                }
                let pairs: Option<Vec<_>> = fields.iter().map(|field| field.split_once('=')).collect();
                pairs.map(|pairs| pairs.into_iter().map(|(a, b)| (a.to_owned(), b.to_owned())).collect::<Vec<_>>())
            };
            let (one, other) = (divide(&cuts), divide(&[true; 12]));
            if let (Some(one), Some(other)) = (one, other) {
                let (first, second) = (rules().text(&flat(&one)), rules().text(&flat(&other)));
                let mut names: Vec<_> = one.iter().map(|(name, _)| name).collect();
                names.sort_unstable();
                names.dedup();
                let mut others: Vec<_> = other.iter().map(|(name, _)| name).collect();
                others.sort_unstable();
                others.dedup();
                // A name that is there twice is refused when it is read.
                let same = one == other || names.len() < one.len() || others.len() < other.len();
                if first.as_ref() == Ok(&text) && second.as_ref() == Ok(&text) {
                    prop_assert!(same, "{} {:?} {:?}", text, one, other);
                }
            }
        }
    }
}
