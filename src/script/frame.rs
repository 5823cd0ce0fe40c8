//! A code frame: the lines around a place, with numbers, and a caret under the column.
//!
//! For terminals and for `error.frame` in JSON. It has no colour and no control characters of the source.

use unicode_width::UnicodeWidthChar;

use super::text;

/// How many lines are shown before and after the one with the place.
const AROUND: usize = 2;
/// The most columns of source that are shown. Longer lines are cut around the caret.
const COLUMNS: usize = 100;
/// How many columns are shown before the caret in a line that is cut, at least.
const BEFORE: usize = 60;
/// A tab leads to the next multiple of this.
const TAB: usize = 4;

/// The frame of a place: line and column from 1, the column in UTF-16 units. `None` when the text has no such line.
///
/// ```text
///   1 | const total = 1;
/// > 2 | if (total > 0 {
///     |               ^
///   3 |   return total;
/// ```
pub fn frame(source: &str, line: u32, column: u32) -> Option<String> {
    let lines = text::lines(text::without_mark(source));
    let meant = (line as usize).checked_sub(1).filter(|index| *index < lines.len())?;
    let first = meant.saturating_sub(AROUND);
    let mut last = (meant + AROUND).min(lines.len() - 1);
    // The line break at the end of a file begins no line that anybody sees.
    while last > meant && lines[last].trim().is_empty() {
        last -= 1;
    }
    let caret =
        shown(lines[meant]).iter().take_while(|cell| cell.unit + 1 < column).map(|cell| cell.width).sum();
    let from = cut(lines[meant], caret);
    let digits = (last + 1).to_string().len();
    let mut out = Vec::new();
    for (index, line) in lines.iter().enumerate().take(last + 1).skip(first) {
        let mark = if index == meant { '>' } else { ' ' };
        out.push(format!("{mark} {:>digits$} | {}", index + 1, window(line, from)).trim_end().to_owned());
        if index == meant {
            let column = caret.saturating_sub(from) + usize::from(from > 0);
            out.push(format!("  {:>digits$} | {:>column$}^", "", ""));
        }
    }
    Some(out.join("\n"))
}

/// One character as it is shown.
struct Cell {
    /// How many UTF-16 units come before it.
    unit: u32,
    /// The text that is printed for it.
    text: String,
    /// How many columns it takes.
    width: usize,
}

fn shown(line: &str) -> Vec<Cell> {
    let (mut unit, mut column) = (0, 0);
    line.chars()
        .map(|character| {
            let (text, width) = match character {
                '\t' => {
                    let width = TAB - column % TAB;
                    (" ".repeat(width), width)
                }
                // Characters that command a terminal, or that turn the direction of the text, are replaced.
                _ if character.is_control() => ("\u{fffd}".to_owned(), 1),
                '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                    ("\u{fffd}".to_owned(), 1)
                }
                _ => (character.to_string(), character.width().unwrap_or(0)),
            };
            let cell = Cell { unit, text, width };
            unit += character.len_utf16() as u32;
            column += width;
            cell
        })
        .collect()
}

/// The first column that is shown, so that the caret is visible.
fn cut(line: &str, caret: usize) -> usize {
    let width: usize = shown(line).iter().map(|cell| cell.width).sum();
    if width > COLUMNS && caret > BEFORE {
        (caret - BEFORE).min(width.max(caret).saturating_sub(COLUMNS))
    } else {
        0
    }
}

/// The columns of a line from `from` on. An ellipsis stands for what is cut.
fn window(line: &str, from: usize) -> String {
    let mut out = String::new();
    let (mut at, mut used) = (0, 0);
    let cells = shown(line);
    for cell in &cells {
        if at >= from {
            if from > 0 && out.is_empty() {
                out.push('…');
                // A wide character that is cut in two.
                out.push_str(&" ".repeat(at - from));
            }
            if used + cell.width > COLUMNS {
                out.push('…');
                break;
            }
            out.push_str(&cell.text);
            used += cell.width;
        }
        at += cell.width;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caret_is_under(source: &str, line: u32, needle: &str) {
        let text = text::lines(source)[line as usize - 1];
        let column = text[..text.find(needle).unwrap()].encode_utf16().count() as u32 + 1;
        let frame = frame(source, line, column).unwrap();
        let lines: Vec<_> = frame.lines().collect();
        let at = lines.iter().position(|line| line.starts_with('>')).unwrap();
        let width = |text: &str| text.chars().map(|c| c.width().unwrap_or(0)).sum::<usize>();
        let before = lines[at].find(needle).unwrap_or_else(|| panic!("{frame}"));
        assert_eq!(width(&lines[at][..before]), width(lines[at + 1]) - 1, "{frame}");
    }

    #[test]
    fn frames_look_so() {
        let long = format!("const a = [{}, oops, {}];", "1, ".repeat(60), "2, ".repeat(60));
        let cases = [
            ("const total = 1;\nif (total > 0 {\n  return total;\n}\n", 2, 15),
            ("one line", 1, 5),
            ("a\nb\nc\nd\ne\nf", 6, 1),
            ("a\nb\nc\nd\ne\nf", 1, 2),
            ("\tif (x) {\n\t\treturn ]\n\t}", 2, 10),
            ("const 名前 = '😀';  oops", 1, 18),
            (long.as_str(), 1, 193),
            ("past the end", 1, 13),
            ("evil \u{1b}[2J \u{202e}text", 1, 6),
            ("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n", 9, 1),
            ("dos\r\nlines\r\nhere", 2, 1),
        ];
        let shown: Vec<_> =
            cases.iter().map(|(source, line, column)| frame(source, *line, *column).unwrap()).collect();
        insta::assert_snapshot!(shown.join("\n----\n"));
        assert_eq!(frame("a", 2, 1), None);
        assert_eq!(frame("a", 0, 1), None);
    }

    #[test]
    fn the_caret_stands_under_the_column_whatever_is_before_it() {
        for before in ["", "\t", "  \t x", "名前", "😀", "e\u{301}", "\u{feff}", "\u{7}"] {
            caret_is_under(&format!("x\n{before}oops();"), 2, "oops");
            caret_is_under(&format!("x\n{before}{}oops();", "1, ".repeat(80)), 2, "oops");
            caret_is_under(&format!("x\n{before}{}oops({})", "長".repeat(80), "1,".repeat(99)), 2, "oops");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_source_and_no_place_panics(source in "\\PC*|[\\s\\S]{0,400}", line in 0_u32..9, column in 0_u32..500) {
            if let Some(frame) = frame(&source, line, column) {
                proptest::prop_assert!(frame.lines().count() <= 6);
                proptest::prop_assert!(!frame.contains(char::from(27)));
            }
        }
    }
}
