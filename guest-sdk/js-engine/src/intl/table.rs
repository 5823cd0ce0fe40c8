//! What the CLDR says, as the host hands it out: chunks of lines `key TAB value`, each fetched once an instance.
//!
//! `src/intl` of the host has the other side, `scripts/intl-data.mjs` writes what it holds.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use crate::host;

/// A value that says that there is none, although the chunk above has one.
const NOTHING: &str = "\u{1}";

/// One chunk, and the one that has what it leaves out.
#[derive(Debug)]
pub(crate) struct Table {
    text: String,
    /// Where each line begins, in the order of the keys.
    lines: Vec<u32>,
    above: Option<Rc<Table>>,
}

thread_local! {
    static LOADED: RefCell<HashMap<String, Option<Rc<Table>>>> = RefCell::new(HashMap::new());
}

impl Table {
    /// The chunk of this name, or nothing.
    pub(crate) fn load(name: &str) -> Option<Rc<Self>> {
        if let Some(loaded) = LOADED.with_borrow(|loaded| loaded.get(name).cloned()) {
            return loaded;
        }
        let table = host::intl(host::Intl::Data, name.as_bytes())
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .map(|text| Rc::new(Self::new(text)));
        LOADED.with_borrow_mut(|loaded| loaded.insert(name.to_owned(), table.clone()));
        table
    }

    /// The chunk of a section for a locale that has data.
    pub(crate) fn of(section: &str, locale: &str) -> Rc<Self> {
        Self::load(&format!("{section}/{locale}"))
            .or_else(|| Self::load(&format!("{section}/en")))
            .unwrap_or_else(|| Rc::new(Self::new(String::new())))
    }

    fn new(text: String) -> Self {
        let above =
            text.strip_prefix('\t').and_then(|rest| Self::load(rest.split('\n').next().unwrap_or_default()));
        let mut lines = Vec::new();
        let mut at = 0;
        for line in text.split('\n') {
            if !line.starts_with('\t') {
                lines.push(at as u32);
            }
            at += line.len() + 1;
        }
        Self { text, lines, above }
    }

    fn line(&self, index: usize) -> (&str, &str) {
        let rest = &self.text[self.lines[index] as usize..];
        let line = rest.split('\n').next().unwrap_or_default();
        line.split_once('\t').unwrap_or((line, ""))
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let (mut low, mut high) = (0, self.lines.len());
        while low < high {
            let middle = (low + high) / 2;
            let (found, value) = self.line(middle);
            match found.cmp(key) {
                std::cmp::Ordering::Equal => return (value != NOTHING).then_some(value),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        self.above.as_deref()?.get(key)
    }

    /// Keys that begin so, without that beginning, and their values; own ones before those above.
    pub(crate) fn under(&self, prefix: &str) -> Vec<(String, String)> {
        let mut found: Vec<(String, String)> = Vec::new();
        let mut table = Some(self);
        while let Some(here) = table {
            // A table has each key once: only what an earlier one had can be there again.
            let earlier = found.len();
            let start =
                here.lines.partition_point(|&at| here.text[at as usize..].as_bytes() < prefix.as_bytes());
            for index in start..here.lines.len() {
                let (key, value) = here.line(index);
                let Some(rest) = key.strip_prefix(prefix) else { break };
                if !found[..earlier].iter().any(|(known, _)| known == rest) {
                    found.push((rest.to_owned(), value.to_owned()));
                }
            }
            table = here.above.as_deref();
        }
        found.retain(|(_, value)| value != NOTHING);
        found.sort();
        found
    }
}
