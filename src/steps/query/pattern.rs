//! Regular expressions of queries: linear in the text, of limited size, and paid for.
//!
//! Patterns may come from data here, so they are compiled while a query runs, each once an evaluation.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use regex::Regex;

use super::super::work::pay;
use crate::meter;

/// Sizes of compiled patterns that are tried, KiB.
const KIB: [usize; 3] = [16, 64, 256];
/// What compiling costs, a KiB.
const COMPILING: u64 = 20;
/// A search for the next match may look at the whole rest again; this much of that is paid for.
const AGAIN: usize = 8;

thread_local! {
    // An evaluation has its own thread, so this ends with it.
    static COMPILED: RefCell<HashMap<String, Result<Rc<Pattern>, String>>> = RefCell::default();
}

/// A regular expression whose matching is charged to the query.
#[derive(Debug)]
pub(super) struct Pattern {
    regex: Regex,
    /// Units that a unit of text costs.
    price: u64,
}

impl Pattern {
    /// # Errors
    /// When the text is no regular expression, or a too large one.
    pub(super) fn of(text: &str) -> Result<Rc<Self>, String> {
        pay(meter::text(text.len()));
        if let Some(known) = COMPILED.with_borrow(|known| known.get(text).cloned()) {
            return known;
        }
        let compiled = Self::compile(text).map(Rc::new);
        COMPILED.with_borrow_mut(|known| known.insert(text.to_owned(), compiled.clone()));
        compiled
    }

    fn compile(text: &str) -> Result<Self, String> {
        let compiled = meter::pattern(text, &KIB, |kib| pay(kib as u64 * COMPILING));
        let (regex, kib) = compiled.map_err(|error| format!("the pattern {error}"))?;
        Ok(Self { regex, price: (kib / KIB[0]) as u64 * 4 })
    }

    fn pay(&self, bytes: usize) {
        pay(meter::text(bytes) * self.price);
    }

    /// Whether it matches anywhere in `text`.
    pub(super) fn is_match(&self, text: &str) -> bool {
        self.pay(text.len());
        self.regex.is_match(text)
    }

    /// The names of its groups, the whole match first.
    pub(super) fn names(&self) -> impl Iterator<Item = Option<&str>> {
        self.regex.capture_names()
    }

    /// Its matches with their groups, from the left.
    pub(super) fn captures<'a>(&'a self, text: &'a str) -> impl Iterator<Item = regex::Captures<'a>> {
        self.pay(text.len() * 2);
        self.regex.captures_iter(text).inspect(move |found| {
            let from = found.get(0).map_or(0, |whole| whole.end());
            self.pay((text.len() - from) / AGAIN);
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{
        super::super::work::{Stop, UNITS, bounded},
        *,
    };

    #[test]
    fn a_large_or_broken_pattern_is_refused() {
        let refused = |text: &str| bounded(UNITS, || Pattern::of(text).map(|_| ())).unwrap();
        assert!(refused("(").unwrap_err().contains("unclosed group"));
        assert!(refused("((a{100}){100}){100}").unwrap_err().contains("too large"));
        assert!(refused(&"(".repeat(4_000)).is_err());
        assert_eq!(refused("^v?\\d+[.]\\d+$"), Ok(()));
    }

    #[test]
    fn no_search_takes_long() {
        let text = "x".repeat(1 << 20);
        for pattern in ["(x+x+)+y", "x*[^y]{100}z", "(?:x+y|x)", "x"] {
            let start = Instant::now();
            let found = bounded(UNITS, || Pattern::of(pattern).map(|found| found.captures(&text).count()));
            assert!(matches!(found, Ok(Ok(0)) | Err(Stop::Work)), "{pattern}: {found:?}");
            assert!(start.elapsed() < Duration::from_secs(5), "{pattern} took {:?}", start.elapsed());
        }
    }
}
