//! Lists for people: a heading, columns that fit the terminal, times of the reader's own zone, colour where it helps.
//!
//! A program reads `--json`. Nothing is cut when stdout is no terminal.

use anstyle::{AnsiColor, Style};
use clap::Args;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{print, terminal};

/// Between two columns.
const GAP: &str = "  ";
/// A column is not cut below so many columns of the terminal: a line that is too long is more use than nothing.
const MIN_WIDTH: usize = 12;

/// How a list is shown.
#[derive(Args, Debug, Clone, Copy)]
pub(super) struct Format {
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
    /// Show times in UTC instead of this machine's time zone.
    #[arg(long)]
    pub(super) utc: bool,
}

impl Format {
    /// A time of the API (RFC 3339) as people read it.
    pub(super) fn time(self, text: &str) -> String {
        let Ok(time) = text.parse::<Timestamp>() else { return terminal::safe(text) };
        if self.utc {
            time.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
        } else {
            time.to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
        }
    }
}

/// A cell: safe text, and how it looks.
pub(super) struct Cell {
    text: String,
    style: Style,
    right: bool,
    /// People copy it, or it says nothing without its end: an id, a time.
    whole: bool,
}

impl Cell {
    /// A text from outside; what would command the terminal is escaped, and only the first line counts.
    pub(super) fn text(text: &str) -> Self {
        let first = text.lines().next().unwrap_or_default();
        Self {
            text: terminal::safe(first).replace('\t', " "),
            style: Style::new(),
            right: false,
            whole: false,
        }
    }

    /// The text of a JSON value; `-` when there is none.
    pub(super) fn of(value: &Value) -> Self {
        Self::text(value.as_str().unwrap_or("-"))
    }

    /// An id, which is never cut.
    pub(super) fn id(value: &Value) -> Self {
        Self { whole: true, ..Self::of(value) }
    }

    /// A time, which is never cut.
    pub(super) fn time(value: &Value, format: Format) -> Self {
        let time = value.as_str().map_or("-".to_owned(), |time| format.time(time));
        Self { style: Style::new().dimmed(), whole: true, ..Self::text(&time) }
    }

    /// A number, at the right of its column.
    pub(super) fn number(text: impl ToString) -> Self {
        Self { text: text.to_string(), style: Style::new(), right: true, whole: true }
    }

    /// The state of a run or step, green, red or yellow.
    pub(super) fn status(text: &str) -> Self {
        Self { style: style_of(text), ..Self::text(text) }
    }

    /// Less important than the others.
    pub(super) fn faint(self) -> Self {
        Self { style: Style::new().dimmed(), ..self }
    }
}

/// How the name of a state looks.
pub(super) fn style_of(status: &str) -> Style {
    let colour = match status.split([' ', ',']).next().unwrap_or_default() {
        "succeeded" | "on" | "ok" => AnsiColor::Green,
        "failed" | "FAILED" | "gone" | "wrong" => AnsiColor::Red,
        "queued" | "waiting" | "running" | "paused" | "retrying" | "warning" => AnsiColor::Yellow,
        _ => return Style::new().dimmed(),
    };
    Style::new().fg_color(Some(colour.into()))
}

/// Rows under a heading. The last column takes what is left of the line.
pub(super) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(super) fn new(headings: &[&'static str]) -> Self {
        Self { headings: headings.to_vec(), rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: Vec<Cell>) {
        debug_assert_eq!(cells.len(), self.headings.len(), "a cell for each heading");
        self.rows.push(cells);
    }

    /// Prints heading and rows; without rows, says that there is nothing, on stderr.
    pub(super) fn print(&self, nothing: &str) {
        if self.rows.is_empty() {
            tell!("{nothing}");
            return;
        }
        for line in self.lines(print::columns()) {
            say!("{line}");
        }
    }

    /// The lines, with colours, for a terminal of so many columns.
    fn lines(&self, columns: Option<usize>) -> Vec<String> {
        let widths = self.widths(columns);
        let heading: Vec<Cell> = self
            .headings
            .iter()
            .enumerate()
            .map(|(at, text)| Cell {
                text: (*text).to_owned(),
                style: Style::new().bold(),
                right: self.rows[0][at].right,
                whole: true,
            })
            .collect();
        std::iter::once(&heading).chain(&self.rows).map(|row| line(row, &widths)).collect()
    }

    /// Each column as wide as its widest cell; on a terminal, the widest of those that can be cut gives way until the line fits.
    fn widths(&self, columns: Option<usize>) -> Vec<usize> {
        let mut widths: Vec<usize> = (0..self.headings.len())
            .map(|at| {
                let cells = self.rows.iter().map(|row| row[at].text.width());
                cells.max().unwrap_or_default().max(self.headings[at].width())
            })
            .collect();
        let Some(columns) = columns else { return widths };
        let gaps = GAP.len() * widths.len().saturating_sub(1);
        let may_be_cut: Vec<usize> =
            (0..widths.len()).filter(|&at| !self.rows.iter().any(|row| row[at].whole)).collect();
        while widths.iter().sum::<usize>() + gaps > columns {
            let widest = may_be_cut.iter().copied().max_by_key(|&at| (widths[at], at));
            let Some(widest) = widest.filter(|&at| widths[at] > MIN_WIDTH) else { break };
            widths[widest] -= 1;
        }
        widths
    }
}

fn line(row: &[Cell], widths: &[usize]) -> String {
    let mut line = String::new();
    for (at, (cell, &width)) in row.iter().zip(widths).enumerate() {
        let text = cut(&cell.text, width);
        let blank = " ".repeat(width.saturating_sub(text.width()));
        let style = cell.style;
        let (before, after) = if cell.right { (blank.as_str(), "") } else { ("", blank.as_str()) };
        // No spaces at the end of a line: people copy it.
        let after = if at + 1 == row.len() { "" } else { after };
        let gap = if at == 0 { "" } else { GAP };
        line.push_str(&format!("{gap}{before}{style}{text}{style:#}{after}"));
    }
    line.trim_end().to_owned()
}

/// The text, or as much of it as fits with `…`.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut used = 1;
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used > width {
            break;
        }
        cut.push(character);
    }
    cut.push('…');
    cut
}

/// Bytes as people read them: `812 B`, `7.1 MiB`.
pub(super) fn bytes(count: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let (mut value, mut unit) = (count as f64 / 1024.0, 0);
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", units[unit])
}

/// A count as people read it: `812`, `1.2 M`.
pub(super) fn count(count: u64) -> String {
    match count {
        0..10_000 => count.to_string(),
        10_000..1_000_000 => format!("{:.0} k", count as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} M", count as f64 / 1e6),
        1_000_000_000.. => format!("{:.1} G", count as f64 / 1e9),
    }
}

/// A time span in microseconds as people read it: `812 us`, `3 ms`, `1.2 s`, `4 min`, `2 h`.
pub(super) fn took(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} us"),
        1_000..1_000_000 => format!("{} ms", us / 1_000),
        1_000_000..120_000_000 => format!("{:.1} s", us as f64 / 1e6),
        120_000_000..7_200_000_000 => format!("{} min", us / 60_000_000),
        7_200_000_000.. => format!("{:.1} h", us as f64 / 3.6e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["ID", "STATUS", "TOOK", "ERROR"]);
        table.row(vec![Cell::text("run_1"), Cell::status("succeeded"), Cell::number("3 ms"), Cell::text("")]);
        let long = "script_error: 订单没有明细，请检查数据来源 and more\nsecond line";
        table.row(vec![Cell::text("run_2"), Cell::status("failed"), Cell::number("41 ms"), Cell::text(long)]);
        table
    }

    fn plain(lines: Vec<String>) -> Vec<String> {
        lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[test]
    fn columns_line_up_under_their_heading() {
        assert_eq!(
            plain(table().lines(None)),
            [
                "ID     STATUS      TOOK  ERROR",
                "run_1  succeeded   3 ms",
                "run_2  failed     41 ms  script_error: 订单没有明细，请检查数据来源 and more",
            ]
        );
    }

    #[test]
    fn the_widest_column_gives_way_on_a_terminal_and_chinese_counts_two_columns() {
        let lines = plain(table().lines(Some(50)));
        assert_eq!(lines[2], "run_2  failed     41 ms  script_error: 订单没有明…");
        assert!(lines.iter().all(|line| line.width() <= 50), "{lines:?}");
        let narrow = plain(table().lines(Some(10)));
        assert!(narrow[2].contains("script_err"), "something of it is shown: {narrow:?}");
    }

    #[test]
    fn times_and_amounts_read_well() {
        let utc = Format { json: false, utc: true };
        assert_eq!(utc.time("2026-01-31T12:00:00.123Z"), "2026-01-31 12:00:00Z");
        assert_eq!(utc.time("soon\u{1b}[2J"), "soon\\u{1b}[2J");
        assert_eq!([900, 2_048, 3 << 20].map(bytes), ["900 B", "2.0 KiB", "3.0 MiB"]);
        assert_eq!([bytes(812), bytes(7_444_889), bytes(u64::MAX)], ["812 B", "7.1 MiB", "16777216.0 TiB"]);
        assert_eq!([count(812), count(28_400), count(1_240_000)], ["812", "28 k", "1.2 M"]);
        let spans = [took(812), took(3_400), took(1_240_000), took(300_000_000), took(9_000_000_000)];
        assert_eq!(spans, ["812 us", "3 ms", "1.2 s", "5 min", "2.5 h"]);
    }
}
