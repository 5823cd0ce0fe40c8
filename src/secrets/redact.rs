//! Finds secrets in texts and puts a label in their place.
//!
//! One automaton looks for all forms of all secrets in one pass. A longer form is found by its first bytes and then
//! compared, so that keys of many kilobytes cost no memory. The automaton's memory is as secret as the values.
//!
//! **Masking shows nothing to somebody who guesses.** A form is masked when all of it stands in a text. Otherwise it is
//! left as it is, however much of it a text begins with. So whoever sends guesses to an endpoint that echoes them never
//! learns how far a guess agrees. The one exception is a text whose end is known to be cut off
//! ([`Redactor::redact_cut`]): there the last bytes are removed, whatever they are.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
};

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use memchr::memmem;

use super::{check_value, forms, label};

/// How many bytes of a form the automaton looks for.
const HEAD: usize = 64;
/// How many bytes the comparisons of one longer form may look at, for each byte of the text. Beyond that, the form is
/// searched for in another way.
const MAX_COMPARED: usize = 4;
/// It stands where the end of a cut text was.
const CUT: &str = "…";
/// It replaces every secret in what leaves the server.
const BARE: &str = "[secret]";

/// Masks secrets. See the module. Cheap to clone.
#[derive(Default, Clone)]
pub struct Redactor {
    search: Option<Arc<Search>>,
    /// The numbers of secrets that are left as they are.
    left: Arc<[usize]>,
}

struct Search {
    automaton: AhoCorasick,
    /// The bytes that may follow each head.
    tails: Vec<Vec<Tail>>,
    /// The label that replaces each secret.
    labels: Vec<Cow<'static, str>>,
    /// The length of the longest form.
    longest: usize,
}

struct Tail {
    /// Its number among all tails.
    number: usize,
    secret: usize,
    head: Box<[u8]>,
    rest: Box<[u8]>,
}

/// A part of a text that shows a secret.
#[derive(Debug, Clone, Copy)]
struct Region {
    start: usize,
    end: usize,
    secret: usize,
}

impl Redactor {
    /// A redactor that puts `[secret NAME]` in place of these values, for what operators see. Values that
    /// [`check_value`] refuses are left out. If several names have the same value, the first name counts.
    pub fn new<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self::with(secrets, |name| label(name).into())
    }

    /// Like [`Redactor::new`], but with `[secret]` and no name, for what leaves the server.
    pub fn bare<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self::with(secrets, |_| BARE.into())
    }

    fn with<'a>(
        secrets: impl IntoIterator<Item = (&'a str, &'a str)>,
        label: impl Fn(&str) -> Cow<'static, str>,
    ) -> Self {
        let mut heads: BTreeMap<Vec<u8>, Vec<Tail>> = BTreeMap::new();
        let mut labels = Vec::new();
        let (mut number, mut longest) = (0, 0);
        for (name, value) in secrets {
            if check_value(name, value).is_err() {
                continue;
            }
            let secret = labels.len();
            labels.push(label(name));
            for mut form in forms::of(value) {
                longest = longest.max(form.len());
                let rest = form.split_off(form.len().min(HEAD)).into_boxed_slice();
                let head = form.clone().into_boxed_slice();
                let tails = heads.entry(form).or_default();
                if !tails.iter().any(|tail| tail.rest == rest) {
                    tails.push(Tail { number, secret, head, rest });
                    number += 1;
                }
            }
        }
        if labels.is_empty() {
            return Self::default();
        }
        let automaton = AhoCorasickBuilder::new()
            .match_kind(MatchKind::Standard)
            .build(heads.keys())
            .expect("heads of 64 bytes of some thousand secrets are far below two billion states");
        let tails = heads.into_values().collect();
        Self { search: Some(Arc::new(Search { automaton, tails, labels, longest })), left: Arc::default() }
    }

    /// The same redactor, without the secrets that one of these texts shows in any form. Whoever sent the texts knows
    /// these values, and must not learn from an answer that they are secrets here.
    pub fn without_those_in(&self, texts: &[&[u8]]) -> Self {
        let Some(search) = &self.search else { return Self::default() };
        let shown = texts.iter().flat_map(|text| search.found(text, &[]));
        let mut left: Vec<usize> = shown.map(|region| region.secret).collect();
        left.sort_unstable();
        left.dedup();
        Self { search: self.search.clone(), left: left.into() }
    }

    /// Whether one was made from the other, so that both know the same secrets.
    pub fn knows_the_same_as(&self, other: &Self) -> bool {
        match (&self.search, &other.search) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// Whether it looks for nothing.
    pub fn is_empty(&self) -> bool {
        self.search.as_ref().is_none_or(|search| self.left.len() == search.labels.len())
    }

    /// Whether a text shows a whole secret.
    pub fn finds(&self, text: &str) -> bool {
        self.search.as_ref().is_some_and(|search| {
            search.automaton.is_match(text) && !search.found(text.as_bytes(), &self.left).is_empty()
        })
    }

    /// The text with a label in place of each form of each secret. It takes linear time, and borrows the text when
    /// there is nothing to mask. For a text that was cut, use [`Redactor::redact_cut`].
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.redact_bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(bytes) => Cow::Owned(
                String::from_utf8(bytes).expect("regions begin and end between characters, labels are text"),
            ),
        }
    }

    /// Like [`Redactor::redact`], for a text whose end was cut off, maybe within a secret. The last bytes are removed
    /// whatever they are: as many as a form has that is looked for as a whole. Where the head of a longer form stands,
    /// everything after it is removed. Neither depends on how far the end agrees with a secret.
    pub fn redact_cut<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let Some(search) = &self.search else { return Cow::Borrowed(text) };
        let bytes = text.as_bytes();
        let mut shown = text.floor_char_boundary(text.len().saturating_sub(search.longest.min(HEAD) - 1));
        let heads = search.automaton.find_overlapping_iter(bytes);
        let cut_off = heads.flat_map(|found| {
            let tails = search.tails[found.pattern().as_usize()].iter();
            let beyond = tails.filter(move |tail| found.end() + tail.rest.len() > bytes.len());
            beyond.map(move |_| found.start())
        });
        shown = cut_off.fold(shown, usize::min);
        // A whole form that reaches across the place is masked whole.
        let regions = search.regions(bytes, &self.left);
        let kept: Vec<Region> = regions.into_iter().filter(|region| region.start < shown).collect();
        let end = kept.last().map_or(shown, |last| last.end.max(shown));
        let mut out = search.masked(&bytes[..end], &kept);
        out.extend_from_slice(CUT.as_bytes());
        Cow::Owned(String::from_utf8(out).expect("regions and cuts are between characters, labels are text"))
    }

    /// Like [`Redactor::redact`], for bytes that may not be text.
    pub fn redact_bytes<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(search) = &self.search else { return Cow::Borrowed(text) };
        let regions = search.regions(text, &self.left);
        if regions.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(search.masked(text, &regions)) }
    }
}

impl Search {
    /// The text with labels in place of these parts.
    fn masked(&self, text: &[u8], regions: &[Region]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        let mut done = 0;
        for region in regions {
            out.extend_from_slice(&text[done..region.start]);
            out.extend_from_slice(self.labels[region.secret].as_bytes());
            done = region.end;
        }
        out.extend_from_slice(&text[done..]);
        out
    }

    /// The parts that show secrets, in order and not overlapping. Forms that overlap become one part, under the name of
    /// the longest.
    fn regions(&self, text: &[u8], left: &[usize]) -> Vec<Region> {
        let mut found = self.found(text, left);
        found.sort_by_key(|region| (region.start, std::cmp::Reverse(region.end)));
        let mut regions: Vec<Region> = Vec::new();
        let mut longest = 0;
        for new in found {
            match regions.last_mut().filter(|last| new.start < last.end) {
                Some(last) => {
                    last.end = last.end.max(new.end);
                    if new.end - new.start > longest {
                        (last.secret, longest) = (new.secret, new.end - new.start);
                    }
                }
                None => {
                    longest = new.end - new.start;
                    regions.push(new);
                }
            }
        }
        regions
    }

    /// Where whole forms stand, in no order, without those of the secrets in `left`.
    fn found(&self, text: &[u8], left: &[usize]) -> Vec<Region> {
        let mut regions = Vec::new();
        let budget = text.len().saturating_mul(MAX_COMPARED);
        // How many bytes of the text were looked at for each longer form.
        let mut compared: HashMap<usize, usize> = HashMap::new();
        let mut repetitive: Vec<&Tail> = Vec::new();
        for found in self.automaton.find_overlapping_iter(text) {
            for tail in &self.tails[found.pattern().as_usize()] {
                if left.contains(&tail.secret) {
                    continue;
                }
                let end = found.end() + tail.rest.len();
                if !tail.rest.is_empty() {
                    let compared = compared.entry(tail.number).or_default();
                    if *compared > budget {
                        continue;
                    }
                    *compared += tail.rest.len();
                    if *compared > budget {
                        repetitive.push(tail);
                        continue;
                    }
                    if text.get(found.end()..end) != Some(&*tail.rest) {
                        continue;
                    }
                }
                regions.push(Region { start: found.start(), end, secret: tail.secret });
            }
        }
        // Text and form repeat themselves. Comparing each repetition would take quadratic time; this takes linear time.
        for tail in repetitive {
            let form = [&*tail.head, &*tail.rest].concat();
            let whole = |start| Region { start, end: start + form.len(), secret: tail.secret };
            regions.extend(memmem::find_iter(text, &form).map(whole));
        }
        regions
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} secrets)", self.search.as_ref().map_or(0, |search| search.labels.len()))
    }
}

#[cfg(test)]
mod tests;
