//! Ranges of dates: what both ends have is shown once, where the locale has a pattern for that.

use std::rc::Rc;

use super::{
    date::{DateFormat, with_cycle},
    moment::Moment,
    number::{Part, merged},
    skeleton::{Field, Generator, Skeleton, Token, adjusted, field, letters, tokens},
    table::Table,
};

impl DateFormat {
    /// A range, with the end that each part belongs to.
    pub(crate) fn range(&self, from: f64, to: f64) -> Option<Vec<(&'static str, String, &'static str)>> {
        let (start, end) = (self.moment(from)?, self.moment(to)?);
        let whole = |parts: Vec<Part>, source: &'static str| {
            parts.into_iter().map(move |(kind, text)| (kind, text, source))
        };
        let (first, second) = (self.parts(from)?, self.parts(to)?);
        let days = |at: &Moment| (at.era, at.year, at.month, at.day);
        if first == second && (days(&start) == days(&end) || self.with_dates().is_none()) {
            return Some(whole(first, "shared").collect());
        }
        if let Some(pattern) = self.interval(&start, &end) {
            return Some(self.both(&pattern, &start, &end));
        }
        let same_day = days(&start) == days(&end);
        let (first, second) = match self.with_dates() {
            Some(pattern) if !same_day => [&start, &end]
                .map(|at| merged(pattern.iter().map(|token| self.part(token, at)).collect()))
                .into(),
            Some(_) | None => (first, second),
        };
        let between = self.table.get("if").unwrap_or("{0} – {1}").replace("{0}", "").replace("{1}", "");
        let mut parts: Vec<_> = whole(first, "startRange").collect();
        parts.push(("literal", between, "shared"));
        parts.extend(whole(second, "endRange"));
        Some(parts)
    }

    /// Of a pattern that shows times alone, one that shows the day too: a range over days needs it.
    fn with_dates(&self) -> Option<Vec<Token>> {
        let date = [Field::Era, Field::Year, Field::Month, Field::Weekday, Field::Day]
            .iter()
            .any(|&field| self.wanted.has(field));
        if date {
            return None;
        }
        let names = Table::of("field", &self.locale);
        let table = Rc::clone(&self.table);
        let days = Generator::new(&table, &names, &self.decimal).best(&Skeleton::parse("yMd"));
        let join = self.table.get("fa.short").unwrap_or("{1}, {0}");
        let mut tokens = Vec::new();
        for (at, piece) in join.split("{1}").enumerate() {
            if at > 0 {
                tokens.extend(super::skeleton::tokens(&days));
            }
            for (at, text) in piece.split("{0}").enumerate() {
                if at > 0 {
                    tokens.extend(self.pattern.iter().cloned());
                }
                tokens.extend(super::skeleton::tokens(text));
            }
        }
        Some(tokens)
    }

    /// The pattern of a range, when the locale has one for the largest field that differs.
    fn interval(&self, start: &Moment, end: &Moment) -> Option<Vec<Token>> {
        let date = [Field::Era, Field::Year, Field::Month, Field::Weekday, Field::Day]
            .iter()
            .any(|&field| self.wanted.has(field));
        let time = [Field::Hour, Field::Minute, Field::Second, Field::Fraction, Field::Zone]
            .iter()
            .any(|&field| self.wanted.has(field));
        let twelve = self.pattern.iter().any(|token| matches!(token, Token::Letters('h' | 'K', _)));
        let letter = if start.era != end.era {
            "G"
        } else if start.year != end.year || start.related != end.related {
            "y"
        } else if (start.month, start.leap_month) != (end.month, end.leap_month) {
            "M"
        } else if start.day != end.day {
            "d"
        } else if twelve && (start.hour < 12) != (end.hour < 12) {
            "a"
        } else if start.hour != end.hour {
            if twelve { "h" } else { "H" }
        } else if start.minute != end.minute {
            "m"
        } else {
            return None;
        };
        let days = matches!(letter, "G" | "y" | "M" | "d");
        if time && days {
            return None;
        }
        let skeleton = letters(&self.source);
        let wanted = if date && time {
            Skeleton::parse(
                &skeleton
                    .chars()
                    .filter(|c| matches!(c, 'h' | 'H' | 'k' | 'K' | 'm' | 's' | 'S' | 'v' | 'z' | 'B'))
                    .collect::<String>(),
            )
        } else {
            Skeleton::parse(&skeleton)
        };
        let mut best: Option<(i32, String, Skeleton)> = None;
        for (key, pattern) in self.table.under("i.") {
            let Some((name, of)) = key.rsplit_once('.') else { continue };
            let found = Skeleton::parse(name);
            if of != letter || !found.same_fields(&wanted) {
                continue;
            }
            let (distance, _) = wanted.distance(&found, u32::MAX);
            if best.as_ref().is_none_or(|(least, ..)| distance < *least) {
                best = Some((distance, pattern, found));
            }
        }
        let (_, pattern, found) = best?;
        let mut pattern = adjusted(&pattern, &wanted, Some(&found));
        if date && time {
            let names = Table::of("field", &self.locale);
            let table = Rc::clone(&self.table);
            let generator = Generator::new(&table, &names, &self.decimal);
            let days: String =
                skeleton.chars().filter(|c| matches!(c, 'G' | 'y' | 'M' | 'E' | 'd' | 'U' | 'r')).collect();
            let join = self.table.get("fj.medium").unwrap_or("{1} {0}");
            pattern = join.replace("{0}", &pattern).replace("{1}", &generator.best(&Skeleton::parse(&days)));
        }
        let letter = match self.settings.text("hourCycle") {
            "h11" => Some('K'),
            "h12" => Some('h'),
            "h23" => Some('H'),
            "h24" => Some('k'),
            _ => None,
        };
        Some(with_cycle(tokens(&pattern), letter))
    }

    /// A pattern of a range: the second half begins with the first field that comes again.
    fn both(
        &self,
        pattern: &[Token],
        start: &Moment,
        end: &Moment,
    ) -> Vec<(&'static str, String, &'static str)> {
        let kind = |token: &Token| match token {
            Token::Letters(letter, length) => field(*letter, *length).map(|(field, _)| field),
            Token::Text(_) => None,
        };
        let again = (0..pattern.len()).find(|&at| {
            kind(&pattern[at])
                .is_some_and(|field| pattern[..at].iter().any(|other| kind(other) == Some(field)))
        });
        let again = again.unwrap_or(pattern.len());
        let mut parts = Vec::new();
        for (at, token) in pattern.iter().enumerate() {
            let (others, moment, source) = if at < again {
                (&pattern[again..], start, "startRange")
            } else {
                (&pattern[..again], end, "endRange")
            };
            let (name, text) = self.part(token, moment);
            let shared =
                kind(token).is_none_or(|field| !others.iter().any(|other| kind(other) == Some(field)));
            parts.push((name, text, if shared { "shared" } else { source }));
        }
        // A literal between two fields of one end belongs to it.
        for at in 1..parts.len().saturating_sub(1) {
            if parts[at].0 == "literal" && parts[at - 1].2 == parts[at + 1].2 {
                parts[at].2 = parts[at - 1].2;
            }
        }
        parts
    }
}
