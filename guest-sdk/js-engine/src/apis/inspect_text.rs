//! Strings and property names as `inspect` quotes them, widths, and the columns that long lists are shown in. Pure.

use super::inspect::Options;

/// A string in quotes: single, or the first of double and backtick that needs no escape, as Node chooses.
pub(crate) fn quote(text: &str) -> String {
    let quote = match (text.contains('\''), text.contains('"'), text.contains('`')) {
        (true, false, _) => '"',
        (true, true, false) => '`',
        _ => '\'',
    };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for char in text.chars() {
        match char {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\\' => out.push_str("\\\\"),
            char if char == quote => {
                out.push('\\');
                out.push(char);
            }
            '\0'..='\x1f' | '\x7f'..='\u{9f}' => out.push_str(&format!("\\x{:02X}", u32::from(char))),
            char => out.push(char),
        }
    }
    out.push(quote);
    out
}

/// Whether a property name needs no quotes.
pub(crate) fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && chars.all(|char| char.is_ascii_alphanumeric() || char == '_')
}

/// The length in UTF-16 units.
pub(crate) fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// The columns that a text takes on a terminal: Chinese, Japanese, Korean and emoji take two a character, marks none.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(|char| char_width(u32::from(char))).sum()
}

fn char_width(code: u32) -> usize {
    match code {
        0..=0x1f
        | 0x7f..=0x9f
        | 0x300..=0x36f
        | 0x200b..=0x200f
        | 0x20d0..=0x20ff
        | 0xfe00..=0xfe0f
        | 0xfe20..=0xfe2f
        | 0xe0100..=0xe01ef => 0,
        0x1100..=0x115f
        | 0x231a..=0x231b
        | 0x2329..=0x232a
        | 0x23e9..=0x23ec
        | 0x25fd..=0x25fe
        | 0x2614..=0x2615
        | 0x26a1
        | 0x2705
        | 0x270a..=0x270b
        | 0x2728
        | 0x274c
        | 0x2753..=0x2755
        | 0x2757
        | 0x2795..=0x2797
        | 0x2b1b..=0x2b1c
        | 0x2b50
        | 0x2b55
        | 0x2e80..=0x303e
        | 0x3041..=0x3247
        | 0x3250..=0x4dbf
        | 0x4e00..=0xa4c6
        | 0xa960..=0xa97c
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe10..=0xfe19
        | 0xfe30..=0xfe6b
        | 0xff01..=0xff60
        | 0xffe0..=0xffe6
        | 0x1b000..=0x1b2ff
        | 0x1f200..=0x1f251
        | 0x1f300..=0x1f320
        | 0x1f32d..=0x1f335
        | 0x1f337..=0x1f37c
        | 0x1f37e..=0x1f393
        | 0x1f3a0..=0x1f3ca
        | 0x1f3e0..=0x1f3f0
        | 0x1f3f8..=0x1f43e
        | 0x1f440
        | 0x1f442..=0x1f4fc
        | 0x1f4ff..=0x1f53d
        | 0x1f54b..=0x1f567
        | 0x1f5fb..=0x1f64f
        | 0x1f680..=0x1f6c5
        | 0x1f6d0..=0x1f6d2
        | 0x1f6eb..=0x1f6ec
        | 0x1f6f4..=0x1f6fc
        | 0x1f7e0..=0x1f7eb
        | 0x1f90c..=0x1f9ff
        | 0x1fa70..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// The entries of a list in as many columns as make about a square, as Node's `groupArrayElements` lays them out. `listed` of them
/// are elements; the last may say how many more there are. Numbers stand at the right of their column.
pub(crate) fn grouped(
    entries: Vec<String>,
    listed: usize,
    numbers: bool,
    indentation: usize,
    options: Options,
) -> Vec<String> {
    const SEPARATOR: usize = 2;
    let widths: Vec<usize> = entries[..listed].iter().map(|entry| width(entry)).collect();
    let total: usize = widths.iter().map(|width| width + SEPARATOR).sum();
    let longest = widths.iter().copied().max().unwrap_or(0);
    let most = longest + SEPARATOR;
    let even = total as f64 / most as f64 > 5.0 || longest <= 6;
    if most * 3 + indentation >= options.break_length || !even {
        return entries;
    }
    let bias = (most as f64 - total as f64 / entries.len() as f64).sqrt();
    let biased = (most as f64 - 3.0 - bias).max(1.0);
    let square = ((2.5 * biased * listed as f64).sqrt() / biased + 0.5).floor() as usize;
    let columns = square
        .min((options.break_length - indentation) / most)
        .min(options.compact.saturating_mul(4))
        .min(15);
    if columns <= 1 {
        return entries;
    }
    let column_widths: Vec<usize> = (0..columns)
        .map(|column| widths.iter().skip(column).step_by(columns).max().copied().unwrap_or(0) + SEPARATOR)
        .collect();
    let mut out: Vec<String> = Vec::with_capacity(listed / columns + 2);
    for start in (0..listed).step_by(columns) {
        let end = (start + columns).min(listed);
        let mut line = String::new();
        for index in start..end {
            let (is_last, column) = (index + 1 == end, column_widths[index - start]);
            let mark = if is_last { "" } else { ", " };
            let room = if is_last { column - SEPARATOR } else { column };
            let pad = " ".repeat(room.saturating_sub(widths[index] + mark.len()));
            match (numbers, is_last) {
                (true, _) => line.push_str(&format!("{pad}{}{mark}", entries[index])),
                (false, false) => line.push_str(&format!("{}{mark}{pad}", entries[index])),
                (false, true) => line.push_str(&entries[index]),
            }
        }
        out.push(line);
    }
    out.extend(entries.into_iter().skip(listed));
    out
}
