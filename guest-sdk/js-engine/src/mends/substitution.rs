//! The patterns `$$`, `$&`, `` $` ``, `$'`, `$1` to `$99` and `$<name>` of a replacement text (ECMA-262 22.1.3.19.1).
//!
//! Used by `regexp_replace` and `search`. Runs nothing of the script.

use std::ops::Range;

use boa_engine::{JsStr, JsString, string::JsStrVariant};

use super::joined::Joined;

/// What matched, in units of the text.
pub(crate) struct Captures<'a> {
    pub(crate) matched: Range<usize>,
    /// The groups from 1 on.
    pub(crate) groups: &'a [Option<Range<usize>>],
    /// The named groups; `None` when the pattern has none, so that `$<` is text.
    pub(crate) names: Option<&'a [(JsString, Option<Range<usize>>)]>,
}

/// Appends `template` to `out` with its patterns filled in.
pub(crate) fn substitute(template: JsStr<'_>, text: JsStr<'_>, captures: &Captures<'_>, out: &mut Joined) {
    let mut rest = 0;
    let mut at = 0;
    while let Some(dollar) = position(template, at, b'$') {
        let next = unit(template, dollar + 1);
        let (length, part) = match next {
            Some(b'$') => (2, Some(template.get_expect(dollar..dollar + 1))),
            Some(b'&') => (2, Some(text.get_expect(captures.matched.clone()))),
            Some(b'`') => (2, Some(text.get_expect(..captures.matched.start))),
            Some(b'\'') => (2, Some(text.get_expect(captures.matched.end..))),
            Some(b'0'..=b'9') => group(template, dollar, text, captures.groups),
            Some(b'<') => name(template, dollar, text, captures.names),
            _ => (1, None),
        };
        at = dollar + length;
        if length > 1 {
            out.push(template.get_expect(rest..dollar));
            if let Some(part) = part {
                out.push(part);
            }
            rest = at;
        }
    }
    out.push(template.get_expect(rest..));
}

/// `$n` or `$nn`, whichever names a group; else text.
fn group<'a>(
    template: JsStr<'_>,
    dollar: usize,
    text: JsStr<'a>,
    groups: &[Option<Range<usize>>],
) -> (usize, Option<JsStr<'a>>) {
    let digit = |at: usize| {
        let unit = unit(template, at).filter(u8::is_ascii_digit)?;
        Some(usize::from(unit - b'0'))
    };
    let one = digit(dollar + 1).unwrap_or(0);
    let two = digit(dollar + 2).map(|second| one * 10 + second);
    let known = |index: &usize| (1..=groups.len()).contains(index);
    let (length, index) = match two.filter(known) {
        Some(index) => (3, index),
        None if known(&one) => (2, one),
        None => return (1, None),
    };
    (length, groups[index - 1].clone().map(|range| text.get_expect(range)))
}

/// `$<name>`; text when the pattern has no names or the name does not end.
fn name<'a>(
    template: JsStr<'_>,
    dollar: usize,
    text: JsStr<'a>,
    names: Option<&[(JsString, Option<Range<usize>>)]>,
) -> (usize, Option<JsStr<'a>>) {
    let (Some(names), Some(end)) = (names, position(template, dollar + 2, b'>')) else {
        return (1, None);
    };
    let wanted = template.get_expect(dollar + 2..end);
    let found = names.iter().find(|(name, _)| wanted == name.as_str());
    let range = found.and_then(|(_, range)| range.clone());
    (end + 1 - dollar, range.map(|range| text.get_expect(range)))
}

fn unit(text: JsStr<'_>, at: usize) -> Option<u8> {
    text.get(at).and_then(|unit| u8::try_from(unit).ok())
}

/// Where `unit` occurs first at or after `from`.
pub(crate) fn position(text: JsStr<'_>, from: usize, unit: u8) -> Option<usize> {
    let found = match text.variant() {
        JsStrVariant::Latin1(text) => text.get(from..)?.iter().position(|other| *other == unit),
        JsStrVariant::Utf16(text) => text.get(from..)?.iter().position(|other| *other == u16::from(unit)),
    };
    found.map(|at| from + at)
}
