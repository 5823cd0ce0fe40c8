//! From the fields that are asked for to a pattern: what UTS 35 calls the generator of patterns.
//!
//! The distances are those of ICU, so that the same pattern is chosen.

use super::table::Table;

/// The fields of a date in the order of their weight; a letter of a pattern belongs to one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub(crate) enum Field {
    Era,
    Year,
    Quarter,
    Month,
    Week,
    Weekday,
    Day,
    Period,
    Hour,
    Minute,
    Second,
    Fraction,
    Zone,
}

const FIELDS: usize = 13;
/// The names of the items that are appended, by field.
const APPENDED: [&str; FIELDS] = [
    "Era",
    "Year",
    "Quarter",
    "Month",
    "Week",
    "Day-Of-Week",
    "Day",
    "Period",
    "Hour",
    "Minute",
    "Second",
    "Fraction",
    "Timezone",
];
const NAMES: [&str; FIELDS] = [
    "era",
    "year",
    "quarter",
    "month",
    "week",
    "weekday",
    "day",
    "dayperiod",
    "hour",
    "minute",
    "second",
    "",
    "zone",
];
const NARROW: i32 = -0x101;
const SHORT: i32 = -0x103;
const LONG: i32 = -0x104;
const NUMERIC: i32 = 0x100;
const DELTA: i32 = 0x10;
const EXTRA: i32 = 0x10000;
const MISSING: i32 = 0x1000;

/// The field of a letter, and how its runs of this length compare.
pub(crate) fn field(letter: char, length: usize) -> Option<(Field, i32)> {
    let text = |short: usize| match length {
        5 => NARROW,
        4 => LONG,
        _ if length <= short => SHORT,
        _ => LONG,
    };
    let number = NUMERIC + length as i32;
    Some(match letter {
        'G' => (Field::Era, text(3)),
        'y' => (Field::Year, number),
        'Y' | 'u' => (Field::Year, number + DELTA),
        'r' => (Field::Year, number + 3 * DELTA),
        'U' => (Field::Year, text(3)),
        'Q' | 'q' => (Field::Quarter, if length <= 2 { number } else { text(3) }),
        'M' => (Field::Month, if length <= 2 { number } else { text(3) }),
        'L' => (Field::Month, if length <= 2 { number + DELTA } else { text(3) - DELTA }),
        'w' | 'W' => (Field::Week, number),
        'E' => (Field::Weekday, text(3)),
        'c' => (Field::Weekday, if length <= 2 { number + 2 * DELTA } else { text(3) - 2 * DELTA }),
        'e' => (Field::Weekday, if length <= 2 { number + DELTA } else { text(3) - DELTA }),
        'd' => (Field::Day, number),
        'a' => (Field::Period, text(3)),
        'b' => (Field::Period, text(3) - DELTA),
        'B' => (Field::Period, text(3) - 3 * DELTA),
        'H' => (Field::Hour, number + 10 * DELTA),
        'k' => (Field::Hour, number + 11 * DELTA),
        'h' => (Field::Hour, number),
        'K' => (Field::Hour, number + DELTA),
        'm' => (Field::Minute, number),
        's' => (Field::Second, number),
        'S' => (Field::Fraction, number),
        'v' => (Field::Zone, if length == 4 { LONG - 2 * DELTA } else { SHORT - 2 * DELTA }),
        'z' => (Field::Zone, if length == 4 { LONG } else { SHORT }),
        'O' => (Field::Zone, if length == 4 { LONG - DELTA } else { SHORT - DELTA }),
        'Z' => (Field::Zone, if length == 4 { LONG - DELTA } else { NARROW - DELTA }),
        'V' => (Field::Zone, if length == 4 { LONG - DELTA } else { SHORT - DELTA }),
        _ => return None,
    })
}

/// A piece of a pattern: a run of one letter, or text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Token {
    Letters(char, usize),
    Text(String),
}

/// Takes a pattern apart.
pub(crate) fn tokens(pattern: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut quoted = false;
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        let text = match c {
            '\'' if chars.peek() == Some(&'\'') => {
                chars.next();
                '\''
            }
            '\'' => {
                quoted = !quoted;
                continue;
            }
            c if c.is_ascii_alphabetic() && !quoted => {
                match tokens.last_mut() {
                    Some(Token::Letters(letter, length)) if *letter == c => *length += 1,
                    _ => tokens.push(Token::Letters(c, 1)),
                }
                continue;
            }
            c => c,
        };
        match tokens.last_mut() {
            Some(Token::Text(before)) => before.push(text),
            _ => tokens.push(Token::Text(text.to_string())),
        }
    }
    tokens
}

/// The fields of a skeleton: letter, length, and what they are compared by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Skeleton {
    fields: [Option<(char, usize, i32)>; FIELDS],
}

impl Skeleton {
    pub(crate) fn parse(text: &str) -> Self {
        let mut skeleton = Self::default();
        for token in tokens(text) {
            if let Token::Letters(letter, length) = token
                && let Some((field, weight)) = field(letter, length)
            {
                skeleton.fields[field as usize] = Some((letter, length, weight));
            }
        }
        if let Some((hour, ..)) = skeleton.fields[Field::Hour as usize]
            && matches!(hour, 'h' | 'K')
            && skeleton.fields[Field::Period as usize].is_none()
        {
            skeleton.fields[Field::Period as usize] = Some(('a', 1, SHORT));
        }
        skeleton
    }

    pub(crate) fn has(&self, field: Field) -> bool {
        self.fields[field as usize].is_some()
    }

    pub(crate) fn length(&self, field: Field) -> usize {
        self.fields[field as usize].map_or(0, |(_, length, _)| length)
    }

    fn mask(&self) -> u32 {
        (0..FIELDS).filter(|&at| self.fields[at].is_some()).map(|at| 1 << at).sum()
    }

    pub(crate) fn same_fields(&self, other: &Self) -> bool {
        self.mask() == other.mask()
    }

    /// How far another one is, looking only at these fields; and which of them it lacks.
    pub(crate) fn distance(&self, other: &Self, only: u32) -> (i32, u32) {
        let (mut distance, mut missing) = (0, 0);
        for at in 0..FIELDS {
            let own =
                if only & (1 << at) == 0 { 0 } else { self.fields[at].map_or(0, |(_, _, weight)| weight) };
            let others = other.fields[at].map_or(0, |(_, _, weight)| weight);
            distance += match (own, others) {
                _ if own == others => 0,
                (0, _) => EXTRA,
                (_, 0) => {
                    missing |= 1 << at;
                    MISSING
                }
                _ => (own - others).abs(),
            };
        }
        (distance, missing)
    }
}

const DATE: u32 = (1 << Field::Period as u32) - 1;

/// The patterns that a locale has for a calendar.
pub(crate) struct Generator<'a> {
    table: &'a Table,
    names: &'a Table,
    decimal: &'a str,
    patterns: Vec<(Skeleton, String)>,
}

impl<'a> Generator<'a> {
    pub(crate) fn new(table: &'a Table, names: &'a Table, decimal: &'a str) -> Self {
        let mut patterns: Vec<(Skeleton, String)> = Vec::new();
        for (skeleton, pattern) in table.under("a.") {
            patterns.push((
                Skeleton::parse(&skeleton),
                pattern.split('\u{1f}').next().unwrap_or_default().to_owned(),
            ));
        }
        for style in
            ["fd.full", "fd.long", "fd.medium", "fd.short", "ft.full", "ft.long", "ft.medium", "ft.short"]
        {
            if let Some(pattern) = table.get(style) {
                let pattern = pattern.split('\u{1f}').next().unwrap_or_default();
                let skeleton = Skeleton::parse(pattern);
                if !patterns.iter().any(|(known, _)| known.distance(&skeleton, u32::MAX).0 == 0) {
                    patterns.push((skeleton, pattern.to_owned()));
                }
            }
        }
        for letter in ["G", "y", "M", "E", "d", "H", "m", "s", "S", "v"] {
            let skeleton = Skeleton::parse(letter);
            if !patterns.iter().any(|(known, _)| known.same_fields(&skeleton)) {
                patterns.push((skeleton, letter.to_owned()));
            }
        }
        Self { table, names, decimal, patterns }
    }

    fn nearest(&self, wanted: &Skeleton, only: u32) -> Option<(&Skeleton, &str, u32, i32)> {
        let mut best: Option<(&Skeleton, &str, u32, i32)> = None;
        for (skeleton, pattern) in &self.patterns {
            let (distance, missing) = wanted.distance(skeleton, only);
            if best.is_none_or(|(.., least)| distance < least) {
                best = Some((skeleton, pattern, missing, distance));
            }
        }
        best
    }

    /// The pattern for a skeleton.
    pub(crate) fn best(&self, wanted: &Skeleton) -> String {
        let mask = wanted.mask();
        if let Some((skeleton, pattern, 0, distance)) = self.nearest(wanted, u32::MAX)
            && distance < EXTRA
        {
            return adjusted(pattern, wanted, Some(skeleton));
        }
        let date = self.appending(wanted, mask & DATE);
        let time = self.appending(wanted, mask & !DATE);
        match (date, time) {
            (Some(date), Some(time)) => {
                let style = match (wanted.length(Field::Month), wanted.has(Field::Weekday)) {
                    (4, true) => "full",
                    (4, false) => "long",
                    (3, _) => "medium",
                    _ => "short",
                };
                let join = self.table.get(&format!("fa.{style}")).unwrap_or("{1} {0}");
                join.replace("{0}", &time).replace("{1}", &date)
            }
            (date, time) => date.or(time).unwrap_or_default(),
        }
    }

    fn appending(&self, wanted: &Skeleton, mask: u32) -> Option<String> {
        if mask == 0 {
            return None;
        }
        let (skeleton, pattern, mut missing, _) = self.nearest(wanted, mask)?;
        let mut whole = adjusted(pattern, wanted, Some(skeleton));
        let fraction = 1 << Field::Fraction as u32;
        while missing != 0 {
            if missing & fraction != 0 && wanted.has(Field::Second) && whole.contains('s') {
                let digits = "S".repeat(wanted.length(Field::Fraction));
                let at = whole.rfind('s').map_or(whole.len(), |at| at + 1);
                whole.insert_str(at, &format!("{}{digits}", self.decimal));
                missing &= !fraction;
                continue;
            }
            let before = missing;
            let (skeleton, pattern, left, _) = self.nearest(wanted, missing)?;
            let piece = adjusted(pattern, wanted, Some(skeleton));
            missing = left;
            let found = before & !missing;
            if found == 0 {
                break;
            }
            let top = (31 - found.leading_zeros()) as usize;
            let append = self.table.get(&format!("ap.{}", APPENDED[top])).unwrap_or("{0} {1}");
            let name = self.names.get(&format!("{}.d", NAMES[top])).unwrap_or_default();
            whole = append.replace("{2}", &format!("'{name}'")).replace("{0}", &whole).replace("{1}", &piece);
        }
        Some(whole)
    }
}

/// The letters of a pattern, as a skeleton.
pub(crate) fn letters(pattern: &str) -> String {
    tokens(pattern)
        .into_iter()
        .filter_map(|token| match token {
            Token::Letters('a', _) | Token::Text(_) => None,
            Token::Letters(letter, length) => {
                let letter = match letter {
                    'L' => 'M',
                    'c' | 'e' => 'E',
                    letter => letter,
                };
                Some(letter.to_string().repeat(length))
            }
        })
        .collect()
}

/// A pattern with its fields as long as they were asked for.
pub(crate) fn adjusted(pattern: &str, wanted: &Skeleton, found: Option<&Skeleton>) -> String {
    let mut text = String::new();
    for token in tokens(pattern) {
        match token {
            Token::Text(literal) => text.push_str(&quoted(&literal)),
            Token::Letters(letter, length) => {
                let asked = field(letter, length)
                    .and_then(|(field, weight)| Some((field, weight, wanted.fields[field as usize]?)));
                let Some((field, weight, (asked_letter, asked_length, _))) = asked else {
                    text.push_str(&letter.to_string().repeat(length));
                    continue;
                };
                let asked_length = if asked_letter == 'E' { asked_length.max(3) } else { asked_length };
                let mut adjusted = asked_length;
                if matches!(field, Field::Minute | Field::Second) {
                    adjusted = length;
                } else if let Some((skeleton_letter, skeleton_length, skeleton_weight)) =
                    found.and_then(|found| found.fields[field as usize])
                {
                    let skeleton_length = if skeleton_letter == 'E' && field != Field::Weekday {
                        skeleton_length.max(3)
                    } else {
                        skeleton_length
                    };
                    let same = skeleton_length == asked_length
                        || (skeleton_letter == 'E' && skeleton_length.max(3) == asked_length);
                    if same || (weight > 0) != (skeleton_weight > 0) {
                        adjusted = length;
                    }
                }
                let keeps = matches!(field, Field::Hour | Field::Month | Field::Weekday | Field::Year);
                let letter = if keeps { letter } else { asked_letter };
                text.push_str(&letter.to_string().repeat(adjusted));
            }
        }
    }
    text
}

/// A text that is none of a pattern's letters.
pub(crate) fn quoted(literal: &str) -> String {
    if literal.contains(|c: char| c.is_ascii_alphabetic() || c == '\'') {
        format!("'{}'", literal.replace('\'', "''"))
    } else {
        literal.to_owned()
    }
}
