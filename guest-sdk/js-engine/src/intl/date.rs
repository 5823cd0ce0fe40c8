//! Dates and times as a locale writes them, in any zone and calendar, as `Intl.DateTimeFormat` arranges them.

use std::rc::Rc;

use super::{
    moment::Moment,
    number::{Part, digits_of, merged},
    settings::Settings,
    skeleton::{Generator, Skeleton, Token, letters, tokens},
    table::Table,
    zone::Zone,
};

/// A formatter: its pattern, chosen once.
#[derive(Debug)]
pub(crate) struct DateFormat {
    pub(super) settings: Settings,
    pub(super) locale: String,
    pub(super) calendar: String,
    pub(super) table: Rc<Table>,
    pub(super) zone: Rc<Zone>,
    pub(super) digits: Vec<char>,
    pub(super) decimal: String,
    pub(super) pattern: Vec<Token>,
    pub(super) source: String,
    pub(super) wanted: Skeleton,
    /// Numbers that a pattern wants in another way: `d=hanidays`.
    pub(super) numbers: String,
}

/// The chunk of a calendar.
fn table_of(calendar: &str, locale: &str) -> Rc<Table> {
    let section = match calendar {
        "gregory" | "iso8601" => "date",
        "ethioaa" => "date-ethiopic",
        islamic if islamic.starts_with("islamic") => "date-islamic",
        "buddhist" => "date-buddhist",
        "chinese" => "date-chinese",
        "coptic" => "date-coptic",
        "dangi" => "date-dangi",
        "ethiopic" => "date-ethiopic",
        "hebrew" => "date-hebrew",
        "indian" => "date-indian",
        "japanese" => "date-japanese",
        "persian" => "date-persian",
        "roc" => "date-roc",
        _ => "date",
    };
    Table::of(section, locale)
}

impl DateFormat {
    /// `None` when there is no such zone.
    pub(crate) fn new(settings: Settings) -> Option<Self> {
        let locale = settings.text("data").to_owned();
        let calendar = settings.text("calendar").to_owned();
        let system = settings.text("numberingSystem").to_owned();
        let zone = Zone::find(settings.text("timeZone"))?;
        let table = table_of(&calendar, &locale);
        let numbers = Table::of("num", &locale);
        let decimal = numbers
            .get(&format!("{system}.s.d"))
            .or_else(|| numbers.get("latn.s.d"))
            .unwrap_or(".")
            .to_owned();
        let mut format = Self {
            digits: digits_of(&system),
            wanted: Skeleton::default(),
            pattern: Vec::new(),
            source: String::new(),
            numbers: String::new(),
            settings,
            locale,
            calendar,
            table,
            zone,
            decimal,
        };
        format.choose();
        Some(format)
    }

    fn choose(&mut self) {
        let names = Table::of("field", &self.locale);
        let table = Rc::clone(&self.table);
        let decimal = self.decimal.clone();
        let generator = Generator::new(&table, &names, &decimal);
        let cycle = self.settings.text("hourCycle");
        let (date, time) = (self.settings.text("dateStyle"), self.settings.text("timeStyle"));
        let pattern = if date.is_empty() && time.is_empty() {
            self.wanted = Skeleton::parse(&self.skeleton(cycle));
            generator.best(&self.wanted)
        } else {
            let date_pattern = table.get(&format!("fd.{date}")).map(|pattern| {
                let (pattern, numbers) = pattern.split_once('\u{1f}').unwrap_or((pattern, ""));
                self.numbers = numbers.to_owned();
                pattern.to_owned()
            });
            let time_pattern = table.get(&format!("ft.{time}")).map(|pattern| {
                let twelve = pattern.contains(['h', 'K']);
                if twelve == matches!(cycle, "h11" | "h12") {
                    return pattern.to_owned();
                }
                let skeleton: String =
                    letters(pattern)
                        .chars()
                        .map(|c| {
                            if matches!(c, 'h' | 'H' | 'k' | 'K') {
                                if twelve { 'H' } else { 'h' }
                            } else {
                                c
                            }
                        })
                        .collect();
                generator.best(&Skeleton::parse(&skeleton.replace("HH", "H").replace("hh", "h")))
            });
            let pattern = match (date_pattern, time_pattern) {
                (Some(date_pattern), Some(time_pattern)) => {
                    let join = table.get(&format!("fa.{date}")).unwrap_or("{1} {0}");
                    join.replace("{0}", &time_pattern).replace("{1}", &date_pattern)
                }
                (date, time) => date.or(time).unwrap_or_default(),
            };
            self.wanted = Skeleton::parse(&letters(&pattern));
            pattern
        };
        let letter = match cycle {
            "h11" => Some('K'),
            "h12" => Some('h'),
            "h23" => Some('H'),
            "h24" => Some('k'),
            _ => None,
        };
        self.pattern = with_cycle(tokens(&pattern), letter);
        self.source = pattern;
    }

    /// The skeleton of the fields that are asked for.
    fn skeleton(&self, cycle: &str) -> String {
        let mut skeleton = String::new();
        let mut add = |name: &str, long: &str, short: &str, narrow: &str, numeric: &str| {
            skeleton.push_str(match self.settings.text(name) {
                "long" => long,
                "short" => short,
                "narrow" => narrow,
                "2-digit" => match numeric {
                    "y" => "yy",
                    "M" => "MM",
                    "d" => "dd",
                    "h" => "hh",
                    "H" => "HH",
                    "m" => "mm",
                    "s" => "ss",
                    other => return skeleton.push_str(other),
                },
                "numeric" => numeric,
                _ => "",
            });
        };
        add("era", "GGGG", "GGG", "GGGGG", "");
        add("year", "", "", "", "y");
        add("month", "MMMM", "MMM", "MMMMM", "M");
        add("weekday", "EEEE", "EEE", "EEEEE", "");
        add("day", "", "", "", "d");
        add("dayPeriod", "BBBB", "B", "BBBBB", "");
        add("hour", "", "", "", if matches!(cycle, "h11" | "h12") { "h" } else { "H" });
        add("minute", "", "", "", "m");
        add("second", "", "", "", "s");
        let digits = self.settings.number("fractionalSecondDigits").unwrap_or(0).clamp(0, 3) as usize;
        skeleton.push_str(&"S".repeat(digits));
        skeleton.push_str(match self.settings.text("timeZoneName") {
            "long" => "zzzz",
            "short" => "z",
            "longOffset" => "OOOO",
            "shortOffset" => "O",
            "longGeneric" => "vvvv",
            "shortGeneric" => "v",
            _ => "",
        });
        // A period of the day says nothing in a day of 24 hours.
        if !matches!(cycle, "h11" | "h12") && skeleton.contains('H') {
            skeleton.retain(|c| c != 'B');
        }
        skeleton
    }

    /// The fields of the pattern and their forms, as `resolvedOptions` shows them.
    pub(crate) fn fields(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        for token in &self.pattern {
            let Token::Letters(letter, length) = *token else { continue };
            let text = |narrow: usize| {
                if length == narrow {
                    "narrow"
                } else if length == 4 {
                    "long"
                } else {
                    "short"
                }
            };
            let number = if length == 2 { "2-digit" } else { "numeric" };
            let (name, value) = match letter {
                'G' => ("era", text(5)),
                'y' | 'r' | 'u' => ("year", number),
                'M' | 'L' => ("month", if length <= 2 { number } else { text(5) }),
                'E' | 'c' | 'e' => ("weekday", text(5)),
                'd' => ("day", number),
                'B' => ("dayPeriod", text(5)),
                'h' | 'H' | 'k' | 'K' => ("hour", number),
                'm' => ("minute", number),
                's' => ("second", number),
                'S' => {
                    found.push(("fractionalSecondDigits", length.to_string()));
                    continue;
                }
                'z' => ("timeZoneName", text(5)),
                'O' => ("timeZoneName", if length == 4 { "longOffset" } else { "shortOffset" }),
                'v' => ("timeZoneName", if length == 4 { "longGeneric" } else { "shortGeneric" }),
                _ => continue,
            };
            if !found.iter().any(|(known, _)| *known == name) {
                found.push((name, value.to_owned()));
            }
        }
        found
    }

    pub(crate) fn zone(&self) -> &Zone {
        &self.zone
    }

    pub(super) fn moment(&self, time: f64) -> Option<Moment> {
        Moment::of(time, &self.zone, &self.calendar)
    }

    /// The parts of a moment, in milliseconds since 1970.
    pub(crate) fn parts(&self, time: f64) -> Option<Vec<Part>> {
        let moment = self.moment(time)?;
        Some(merged(self.pattern.iter().map(|token| self.part(token, &moment)).collect()))
    }

    fn number(&self, value: i64, least: usize) -> String {
        self.localized(&format!("{value:0least$}"))
    }

    /// A text whose digits are those of the numbering system.
    fn localized(&self, text: &str) -> String {
        text.chars()
            .map(|c| c.to_digit(10).and_then(|digit| self.digits.get(digit as usize)).copied().unwrap_or(c))
            .collect()
    }

    /// The first of these keys that there is.
    fn name(&self, keys: &[String]) -> String {
        keys.iter().find_map(|key| self.table.get(key)).unwrap_or_default().to_owned()
    }

    pub(super) fn part(&self, token: &Token, at: &Moment) -> Part {
        let (letter, length) = match token {
            Token::Text(text) => return ("literal", text.clone()),
            Token::Letters(letter, length) => (*letter, *length),
        };
        let width = match length {
            4 => "w",
            5 => "n",
            _ => "a",
        };
        match letter {
            'G' => ("era", at.era_name(&self.locale, &self.table, width)),
            'y' | 'u' => {
                if self.numbers.contains("jpanyear") && at.year == 1 {
                    return ("year", "元".to_owned());
                }
                let year = if length == 2 { at.year.rem_euclid(100) } else { at.year };
                ("year", self.number(year, if length == 2 { 2 } else { 1 }))
            }
            'r' => ("relatedYear", self.number(at.related, 1)),
            'U' => {
                ("yearName", self.name(&[format!("cy.{width}.{}", at.cycle), format!("cy.a.{}", at.cycle)]))
            }
            'M' | 'L' => ("month", self.month(letter, length, width, at)),
            'E' | 'c' | 'e' => {
                let (own, other) = if letter == 'c' { ("s", "f") } else { ("f", "s") };
                let width = if length == 6 { "s" } else { width };
                (
                    "weekday",
                    self.name(&[own, other].map(|context| format!("w.{context}.{width}.{}", at.weekday))),
                )
            }
            'd' => {
                if self.numbers.contains("hanidays") {
                    return ("day", chinese_day(at.day));
                }
                ("day", self.number(at.day, length))
            }
            'a' => {
                let period = if at.hour < 12 { "am" } else { "pm" };
                ("dayPeriod", self.name(&[format!("p.f.{width}.{period}"), format!("p.f.a.{period}")]))
            }
            'B' | 'b' => ("dayPeriod", self.period(width, at)),
            'h' => ("hour", self.number(if at.hour % 12 == 0 { 12 } else { at.hour % 12 }, length)),
            'K' => ("hour", self.number(at.hour % 12, length)),
            'H' => ("hour", self.number(at.hour, length)),
            'k' => ("hour", self.number(if at.hour == 0 { 24 } else { at.hour }, length)),
            'm' => ("minute", self.number(at.minute, length)),
            's' => ("second", self.number(at.second, length)),
            'S' => (
                "fractionalSecond",
                self.number(at.millisecond / 10_i64.pow(3 - length.min(3) as u32), length.min(3)),
            ),
            'z' | 'v' | 'O' => {
                let letters = letter.to_string().repeat(length);
                ("timeZoneName", self.localized(&self.zone.called(&letters, at.unix, &self.locale)))
            }
            other => ("literal", other.to_string().repeat(length)),
        }
    }

    fn month(&self, letter: char, length: usize, width: &str, at: &Moment) -> String {
        let hebrew = self.calendar == "hebrew";
        if length <= 2 {
            let number = if hebrew && !at.leap_year && at.month > 6 { at.month - 1 } else { at.month };
            let text = self.number(number, length);
            return match self.table.get("lm.n.x") {
                Some(pattern) if at.leap_month && !hebrew => pattern.replace("{0}", &text),
                Some(_) | None => text,
            };
        }
        let contexts = if letter == 'L' { ["s", "f"] } else { ["f", "s"] };
        let mut keys = Vec::new();
        if hebrew && at.leap_year && at.month == 7 {
            keys.extend(contexts.map(|context| format!("m.{context}.{width}.7l")));
        }
        keys.extend(contexts.map(|context| format!("m.{context}.{width}.{}", at.month)));
        let name = self.name(&keys);
        match self.table.get(&format!("lm.{}.{width}", contexts[0])).or_else(|| self.table.get("lm.f.a")) {
            Some(pattern) if at.leap_month && !hebrew => pattern.replace("{0}", &name),
            Some(_) | None => name,
        }
    }

    fn period(&self, width: &str, at: &Moment) -> String {
        let rules = Table::load("sup/period");
        let mut language = self.locale.as_str();
        let rules = loop {
            if let Some(found) = rules.as_ref().and_then(|rules| rules.get(language)) {
                break found.to_owned();
            }
            match language.rfind('-') {
                Some(cut) => language = &language[..cut],
                None => break String::new(),
            }
        };
        let now = at.hour * 60 + at.minute;
        let clock = |text: &str| {
            text.split_once(':')
                .and_then(|(hour, minute)| Some(hour.parse::<i64>().ok()? * 60 + minute.parse::<i64>().ok()?))
        };
        let shows = |letter: char| {
            self.pattern.iter().any(|token| matches!(token, Token::Letters(own, _) if *own == letter))
        };
        let mut during = None;
        for rule in rules.split(';') {
            let mut fields = rule.split(',');
            let (Some(name), Some(from), Some(to)) =
                (fields.next(), fields.next().and_then(clock), fields.next().and_then(clock))
            else {
                continue;
            };
            let name_of = || self.table.get(&format!("p.f.{width}.{name}")).map(str::to_owned);
            if from == to {
                // Noon, exactly, as far as the pattern shows it. Midnight is no period of its own, as in ICU.
                let whole = name == "noon"
                    && now / 60 * 60 == from
                    && (!shows('m') || at.minute == 0)
                    && (!shows('s') || at.second == 0);
                if whole && let Some(name) = name_of() {
                    return name;
                }
            } else if if from < to { (from..to).contains(&now) } else { now >= from || now < to } {
                during = name_of();
            }
        }
        during.unwrap_or_else(|| {
            let period = if at.hour < 12 { "am" } else { "pm" };
            self.name(&[format!("p.f.{width}.{period}"), format!("p.f.a.{period}")])
        })
    }
}

/// A pattern whose hours count as it is asked.
pub(super) fn with_cycle(tokens: Vec<Token>, letter: Option<char>) -> Vec<Token> {
    tokens
        .into_iter()
        .map(|token| match (token, letter) {
            (Token::Letters('h' | 'H' | 'k' | 'K', length), Some(letter)) => Token::Letters(letter, length),
            (token, _) => token,
        })
        .collect()
}

/// Days of a Chinese month.
fn chinese_day(day: i64) -> String {
    const DIGITS: [&str; 10] = ["", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
    let unit = DIGITS[(day % 10) as usize];
    match day {
        1..=9 => format!("初{unit}"),
        10 => "初十".to_owned(),
        11..=19 => format!("十{unit}"),
        20 => "二十".to_owned(),
        21..=29 => format!("廿{unit}"),
        _ => format!("三十{unit}"),
    }
}
