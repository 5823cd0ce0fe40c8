//! Replaces parts of a text by spaces, so that the line and column of everything else stay.
//!
//! `erase` decides which parts; this is how. One space stands for each UTF-16 unit, line ends stay, and single
//! characters can be put in.

use std::{collections::BTreeMap, ops::Range};

use super::text::ends_line;

/// What is taken out of a text and put into it.
#[derive(Debug, Default)]
pub(super) struct Blanks {
    ranges: Vec<Range<usize>>,
    puts: BTreeMap<usize, char>,
    inserts: BTreeMap<usize, &'static str>,
}

impl Blanks {
    /// Takes a range of bytes out. Both ends must be boundaries of characters.
    pub(super) fn blank(&mut self, range: Range<usize>) {
        self.ranges.push(range);
    }

    /// Takes a range out, and puts a semicolon in the place of its first character.
    pub(super) fn statement(&mut self, range: Range<usize>) {
        self.put(range.start, ';');
        self.blank(range);
    }

    /// Puts an ASCII character in the place of the one at `at`.
    pub(super) fn put(&mut self, at: usize, character: char) {
        self.puts.insert(at, character);
    }

    /// Puts a text before what stands at `at`, which moves the rest of its line.
    pub(super) fn insert(&mut self, at: usize, text: &'static str) {
        self.inserts.insert(at, text);
    }

    /// The blanked range that ends at `end`, if there is one.
    pub(super) fn ending_at(&self, end: usize) -> Option<Range<usize>> {
        self.ranges.iter().rev().take(8).find(|range| range.end == end).cloned()
    }

    /// The text without what was taken out.
    pub(super) fn apply(mut self, source: &str) -> String {
        self.ranges.sort_by_key(|range| range.start);
        let mut ranges = self.ranges.into_iter().peekable();
        let mut until = 0;
        let mut out = String::with_capacity(source.len());
        for (at, character) in source.char_indices() {
            while let Some(range) = ranges.next_if(|range| range.start <= at) {
                until = until.max(range.end);
            }
            if let Some(text) = self.inserts.get(&at) {
                out.push_str(text);
            }
            let put = self.puts.get(&at).copied();
            match put {
                None if at >= until || ends_line(character) => out.push(character),
                put => {
                    out.push(put.unwrap_or(' '));
                    out.extend(std::iter::repeat_n(' ', character.len_utf16() - 1));
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_lines_stay() {
        let source = "let a: '😀é'\r\n| b = 1";
        let mut blanks = Blanks::default();
        let end = source.find(" = 1").unwrap();
        blanks.blank(5..end);
        blanks.put(5, ';');
        assert_eq!(blanks.ending_at(end), Some(5..end));
        assert_eq!(blanks.apply(source), "let a;      \r\n    = 1");
    }
}
