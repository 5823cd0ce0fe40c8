//! Numbers as a locale writes them: patterns and symbols of the CLDR, as `Intl.NumberFormat` arranges them.

use std::rc::Rc;

use super::{
    decimal::{Decimal, Kind, Rounding},
    pattern::{Affix, Pattern},
    plural::{self, Operands},
    settings::Settings,
    table::Table,
};

/// A piece of a formatted text and what it is.
pub(crate) type Part = (&'static str, String);

/// A formatter: the settings, and the tables that they need.
#[derive(Debug)]
pub(crate) struct NumberFormat {
    pub(super) settings: Settings,
    pub(super) locale: String,
    pub(super) system: String,
    pub(super) digits: Vec<char>,
    pub(super) table: Rc<Table>,
    pub(super) currencies: Option<Rc<Table>>,
    pub(super) units: Option<Rc<Table>>,
    /// The locale whose own numbering system this is: its symbols belong to the digits.
    pub(super) native: Option<Rc<Table>>,
}

/// A number between its affixes, before these are joined: ranges leave affixes out that both ends have.
#[derive(Debug)]
pub(crate) struct Pieces {
    /// The name of a unit or of a currency.
    pub(super) outer: [Vec<Part>; 2],
    /// Sign, symbol of a currency, percent sign, compact suffix.
    pub(super) middle: [Vec<Part>; 2],
    pub(super) number: Vec<Part>,
    pub(super) plural: String,
}

impl Pieces {
    pub(crate) fn parts(self) -> Vec<Part> {
        let [outer, outer_end] = self.outer;
        let [middle, middle_end] = self.middle;
        merged([outer, middle, self.number, middle_end, outer_end].concat())
    }
}

/// Neighbouring literals become one.
pub(crate) fn merged(parts: Vec<Part>) -> Vec<Part> {
    let mut merged: Vec<Part> = Vec::with_capacity(parts.len());
    for (kind, text) in parts {
        match merged.last_mut() {
            _ if text.is_empty() => {}
            Some((last, before)) if *last == "literal" && kind == "literal" => before.push_str(&text),
            _ => merged.push((kind, text)),
        }
    }
    merged
}

/// The digits of a numbering system.
pub(crate) fn digits_of(system: &str) -> Vec<char> {
    let table = Table::load("sup/number");
    let digits = table.as_ref().and_then(|table| table.get(&format!("d.{system}"))).unwrap_or("0123456789");
    digits.chars().collect()
}

/// What is shown of a number: its digits, and the exponent of a compact or scientific one.
struct Shown {
    whole: String,
    fraction: String,
    exponent: i32,
}

impl NumberFormat {
    pub(crate) fn new(settings: Settings) -> Self {
        let locale = settings.text("data").to_owned();
        let system = settings.text("numberingSystem").to_owned();
        let table = Table::of("num", &locale);
        let currencies = (settings.text("style") == "currency").then(|| Table::of("cur", &locale));
        let units = matches!(settings.text("style"), "unit" | "percent").then(|| Table::of("unit", &locale));
        let native = match system.as_str() {
            "arab" => Some(Table::of("num", "ar")),
            "arabext" => Some(Table::of("num", "fa")),
            _ => None,
        };
        Self { digits: digits_of(&system), settings, locale, system, table, currencies, units, native }
    }

    /// A value of the numbering system, or of Latin digits.
    pub(super) fn of_system(&self, key: &str) -> Option<&str> {
        self.table.get(&format!("{}.{key}", self.system)).or_else(|| self.table.get(&format!("latn.{key}")))
    }

    pub(super) fn symbol(&self, name: &str) -> &str {
        let key = format!("{}.s.{name}", self.system);
        let native = self.native.as_ref().filter(|_| name != "n");
        let own = self.table.get(&key).or_else(|| native?.get(&key));
        own.or_else(|| self.table.get(&format!("latn.s.{name}"))).unwrap_or_default()
    }

    /// A text of ASCII digits in those of the numbering system.
    pub(crate) fn localized(&self, text: &str) -> String {
        text.chars()
            .map(|c| c.to_digit(10).and_then(|digit| self.digits.get(digit as usize)).copied().unwrap_or(c))
            .collect()
    }

    /// Rounds as the settings say; the least digits of the fraction that are shown then.
    fn round(&self, number: &mut Decimal) -> usize {
        let mode = Rounding::named(self.settings.text("roundingMode"));
        let negative = number.negative;
        let fraction = self.settings.number("maximumFractionDigits");
        let significant = self.settings.number("maximumSignificantDigits");
        let magnitude = number.magnitude();
        let priority = self.settings.text("roundingPriority");
        let by_digits = significant.map(|most| magnitude - most + 1);
        let by_fraction = fraction.map(|most| -most);
        let (last, digits) = match (by_digits, by_fraction) {
            (Some(digits), Some(fraction)) => match priority {
                "morePrecision" => (digits.min(fraction), digits <= fraction),
                "lessPrecision" => (digits.max(fraction), digits >= fraction),
                _ => (digits, true),
            },
            (Some(digits), None) => (digits, true),
            (None, Some(fraction)) => (fraction, false),
            (None, None) => (0, false),
        };
        let increment = self.settings.number("roundingIncrement").unwrap_or(1).max(1) as u32;
        number.round(last, increment, mode);
        number.negative = negative;
        if digits {
            let least = self.settings.number("minimumSignificantDigits").unwrap_or(1);
            (least - 1 - number.magnitude()).max(0) as usize
        } else {
            self.settings.number("minimumFractionDigits").unwrap_or(0).max(0) as usize
        }
    }

    fn shown(&self, number: &Decimal, least: usize, exponent: i32) -> Shown {
        let least_whole = self.settings.number("minimumIntegerDigits").unwrap_or(1).max(1);
        let top = number.magnitude().max(least_whole - 1).max(0);
        let whole: String = (0..=top).rev().map(|power| char::from(b'0' + number.digit(power))).collect();
        let down = if number.is_zero() { 0 } else { (-number.lowest()).max(0) as usize };
        let mut length = down.max(least);
        if self.settings.text("trailingZeroDisplay") == "stripIfInteger" && down == 0 {
            length = 0;
        }
        let fraction = (1..=length as i32).map(|at| char::from(b'0' + number.digit(-at))).collect();
        Shown { whole, fraction, exponent }
    }

    /// The digits in groups.
    fn digits(&self, shown: &Shown, pattern: &Pattern, compact: bool) -> Vec<Part> {
        let currency = self.settings.text("style") == "currency";
        let pick = |own: &str, other: &str| {
            let own = if currency { self.of_system(&format!("s.{own}")) } else { None };
            own.map_or_else(|| self.symbol(other).to_owned(), str::to_owned)
        };
        let grouping = self.settings.text("useGrouping");
        let least = match grouping {
            "min2" => 2,
            "always" => 1,
            _ => self.table.get("mg").and_then(|text| text.parse().ok()).unwrap_or(1),
        };
        let whole: Vec<char> = self.localized(&shown.whole).chars().collect();
        let first = pattern.group.filter(|_| grouping != "false" && !(compact && grouping == "false"));
        let mut parts = Vec::new();
        let grouped = first.filter(|&(first, _)| whole.len() >= first + least);
        match grouped {
            Some((first, further)) => {
                let mut cuts = vec![whole.len(), whole.len() - first];
                while *cuts.last().unwrap_or(&0) > further {
                    cuts.push(cuts[cuts.len() - 1] - further);
                }
                cuts.push(0);
                cuts.dedup();
                cuts.reverse();
                let separator = pick("cg", "g");
                for pair in cuts.windows(2) {
                    if !parts.is_empty() {
                        parts.push(("group", separator.clone()));
                    }
                    parts.push(("integer", whole[pair[0]..pair[1]].iter().collect()));
                }
            }
            None => parts.push(("integer", whole.iter().collect())),
        }
        if !shown.fraction.is_empty() {
            parts.push(("decimal", pick("cd", "d")));
            parts.push(("fraction", self.localized(&shown.fraction)));
        }
        parts
    }

    fn sign(&self, number: &Decimal, zero: bool) -> Option<&'static str> {
        let nan = number.kind == Kind::NotANumber;
        let (minus, plus) = match self.settings.text("signDisplay") {
            "always" => (true, true),
            "never" => (false, false),
            "exceptZero" => (!zero && !nan, !zero && !nan),
            "negative" => (!zero, false),
            _ => (true, false),
        };
        match number.negative {
            true if minus => Some("minusSign"),
            false if plus => Some("plusSign"),
            true | false => None,
        }
    }

    /// Everything about one number.
    pub(crate) fn pieces(&self, text: &str) -> Pieces {
        let mut number = Decimal::parse(text);
        let style = self.settings.text("style");
        let currency = style == "currency";
        let named = currency && self.settings.text("currencyDisplay") == "name";
        if style == "percent" {
            number = number.scaled(2);
        }
        let mut compact = None;
        let shown = match self.settings.text("notation") {
            _ if number.kind != Kind::Finite => {
                Shown { whole: String::new(), fraction: String::new(), exponent: 0 }
            }
            notation @ ("scientific" | "engineering") => {
                self.scientific(&mut number, notation == "engineering")
            }
            "compact" => {
                let (shown, pattern) = self.compact(&mut number, currency && !named);
                compact = pattern;
                shown
            }
            _ => {
                let least = self.round(&mut number);
                self.shown(&number, least, 0)
            }
        };
        let percent = self.settings.text("unit") == "percent" && self.settings.text("unitDisplay") != "long";
        let around_compact = style == "percent" && self.settings.text("notation") == "compact";
        let standard = match style {
            "percent" if around_compact => "f.dec",
            "percent" => "f.pct",
            "unit" if percent => "f.pct",
            "currency" if named => "f.dec",
            "currency" if self.settings.text("currencySign") == "accounting" => "f.acc",
            "currency" => "f.cur",
            _ => "f.dec",
        };
        let source = match &compact {
            Some(pattern) => pattern.as_str(),
            None => self.of_system(standard).unwrap_or("#,##0.###"),
        };
        let pattern = Pattern::parse(source);
        let grouping = Pattern::parse(self.of_system(standard).unwrap_or("#,##0.###"));
        let number_parts = self.number_parts(&number, &shown, &grouping, compact.is_some());
        let zero = number.is_zero() || number.kind == Kind::NotANumber;
        let sign = self.sign(&number, zero);
        let operands = Operands::new(
            &shown.whole,
            &shown.fraction,
            if compact.is_some() || self.settings.text("notation") == "compact" {
                shown.exponent.max(0) as u32
            } else {
                0
            },
        );
        let plural = if number.kind == Kind::Finite {
            plural::category(&self.locale, false, &operands)
        } else {
            "other".to_owned()
        };
        let middle = pattern.affixes(sign).map(|affix| self.affix(affix));
        let [mut before, mut after] = middle;
        if currency && !named {
            self.space(&mut before, &mut after, &number_parts);
        }
        let mut pieces =
            Pieces { outer: [Vec::new(), Vec::new()], middle: [before, after], number: number_parts, plural };
        if named {
            pieces.outer = self.currency_name(&pieces.plural);
        } else if around_compact {
            pieces.outer = self.unit_name("percent", "s", &pieces.plural).unwrap_or_default();
        } else if style == "unit" && !percent {
            match self.unit_name(
                self.settings.text("unit"),
                &self.settings.text("unitDisplay")[..1],
                &pieces.plural,
            ) {
                Some(outer) => pieces.outer = outer,
                // "a day": the number is part of the words.
                None => {
                    pieces.middle = Default::default();
                    pieces.number = self.unit_words(&pieces.plural);
                }
            }
        }
        pieces
    }

    fn number_parts(&self, number: &Decimal, shown: &Shown, pattern: &Pattern, compact: bool) -> Vec<Part> {
        match number.kind {
            Kind::NotANumber => return vec![("nan", self.symbol("n").to_owned())],
            Kind::Infinite => return vec![("infinity", self.symbol("i").to_owned())],
            Kind::Finite => {}
        }
        let mut parts = self.digits(shown, pattern, compact);
        if matches!(self.settings.text("notation"), "scientific" | "engineering") {
            parts.push(("exponentSeparator", self.symbol("e").to_owned()));
            if shown.exponent < 0 {
                parts.push(("exponentMinusSign", self.symbol("m").to_owned()));
            }
            parts.push(("exponentInteger", self.localized(&shown.exponent.unsigned_abs().to_string())));
        }
        parts
    }

    fn scientific(&self, number: &mut Decimal, engineering: bool) -> Shown {
        let exponent_of = |number: &Decimal| {
            let magnitude = if number.is_zero() { 0 } else { number.magnitude() };
            if engineering { magnitude.div_euclid(3) * 3 } else { magnitude }
        };
        let mut exponent = exponent_of(number);
        let exact = number.clone();
        let mut scaled = exact.scaled(-exponent);
        let mut least = self.round(&mut scaled);
        let shifted = exponent_of(&scaled);
        if shifted > 0 {
            exponent += shifted;
            scaled = exact.scaled(-exponent);
            least = self.round(&mut scaled);
        }
        let shown = self.shown(&scaled, least, exponent);
        *number = scaled;
        shown
    }

    /// The number in thousands, millions and so on, and the pattern that says which; no pattern for small ones.
    fn compact(&self, number: &mut Decimal, currency: bool) -> (Shown, Option<String>) {
        let long = self.settings.text("compactDisplay") == "long";
        let letter = match (currency, long) {
            (true, _) => "c",
            (false, true) => "l",
            (false, false) => "k",
        };
        // The pattern for a magnitude, and the power of ten that it stands for.
        let find = |magnitude: i32, count: &str| {
            let magnitude = (0..=magnitude.min(20))
                .rev()
                .find(|at| self.of_system(&format!("{letter}.{at}.other")).is_some())?;
            let pattern = self
                .of_system(&format!("{letter}.{magnitude}.{count}"))
                .or_else(|| self.of_system(&format!("{letter}.{magnitude}.other")))?;
            let first = pattern.split(';').next().unwrap_or_default();
            let zeros = first.chars().filter(|&c| c == '0').count() as i32;
            let plain = first.chars().all(|c| matches!(c, '0' | '¤') || c.is_whitespace());
            (zeros > 0 && !plain).then(|| (pattern.to_owned(), magnitude - zeros + 1))
        };
        let exact = number.clone();
        let power = |magnitude: i32| find(magnitude, "other").map_or(0, |(_, power)| power);
        let mut by = if exact.is_zero() { 0 } else { power(exact.magnitude()) };
        let mut scaled = exact.scaled(-by);
        let mut least = self.round(&mut scaled);
        if !scaled.is_zero() && power(scaled.magnitude() + by) != by {
            by = power(scaled.magnitude() + by);
            scaled = exact.scaled(-by);
            least = self.round(&mut scaled);
        }
        let magnitude = if scaled.is_zero() { 0 } else { scaled.magnitude() + by };
        let shown = self.shown(&scaled, least, by);
        let operands = Operands::new(&shown.whole, &shown.fraction, 0);
        let count = plural::category(&self.locale, false, &operands);
        let pattern = find(magnitude, &count).map(|(pattern, _)| pattern);
        *number = scaled;
        (shown, pattern)
    }

    fn currency_symbol(&self) -> String {
        let code = self.settings.text("currency");
        let Some(table) = &self.currencies else { return code.to_owned() };
        let get = |letter: &str| table.get(&format!("{code}.{letter}"));
        let symbol = match self.settings.text("currencyDisplay") {
            "code" => None,
            "narrowSymbol" => get("n").or_else(|| get("s")),
            _ => get("s"),
        };
        symbol.unwrap_or(code).to_owned()
    }

    fn affix(&self, affix: Vec<Affix>) -> Vec<Part> {
        // ICU counts it as a unit there.
        let unit = self.settings.text("style") == "unit" || self.settings.text("notation") == "compact";
        let percent = if unit { "unit" } else { "percentSign" };
        let mut parts = Vec::new();
        for piece in affix {
            match piece {
                Affix::Literal(text) => parts.push(("literal", text)),
                Affix::Compact(text) => trimmed("compact", &text, &mut parts),
                Affix::Minus => trimmed("minusSign", self.symbol("m"), &mut parts),
                Affix::Plus => trimmed("plusSign", self.symbol("p"), &mut parts),
                Affix::Percent => trimmed(percent, self.symbol("%"), &mut parts),
                Affix::Currency => parts.push(("currency", self.currency_symbol())),
            }
        }
        parts
    }

    /// A space between a currency that ends with a letter and the digits.
    fn space(&self, before: &mut Vec<Part>, after: &mut Vec<Part>, number: &[Part]) {
        let letter = |c: Option<char>| c.is_some_and(|c| !is_symbol(c) && !c.is_whitespace());
        let digit = |part: Option<&Part>, last: bool| {
            part.is_some_and(|(_, text)| {
                if last { text.chars().next_back() } else { text.chars().next() }
                    .is_some_and(char::is_numeric)
            })
        };
        if let Some(("currency", text)) = before.last()
            && letter(text.chars().next_back())
            && digit(number.first(), false)
        {
            before.push(("literal", self.of_system("sa").unwrap_or("\u{a0}").to_owned()));
        }
        if let Some(("currency", text)) = after.first()
            && letter(text.chars().next())
            && digit(number.last(), true)
        {
            after.insert(0, ("literal", self.of_system("sb").unwrap_or("\u{a0}").to_owned()));
        }
    }

    /// The parts of a number.
    pub(crate) fn parts(&self, text: &str) -> Vec<Part> {
        self.pieces(text).parts()
    }

    /// The number as one text.
    pub(crate) fn format(&self, text: &str) -> String {
        self.parts(text).into_iter().map(|(_, text)| text).collect()
    }

    /// The category of a number as it is shown.
    pub(crate) fn plural(&self, text: &str, ordinal: bool) -> String {
        let mut number = Decimal::parse(text);
        if number.kind != Kind::Finite {
            return "other".to_owned();
        }
        let least = self.round(&mut number);
        let shown = self.shown(&number, least, 0);
        plural::category(&self.locale, ordinal, &Operands::new(&shown.whole, &shown.fraction, 0))
    }
}

/// What stands before and after a place.
pub(super) fn around(pattern: &str, place: &str) -> [String; 2] {
    let (before, after) = pattern.split_once(place).unwrap_or((pattern, ""));
    [before.to_owned(), after.to_owned()]
}

/// A text whose blanks at either end are literals.
pub(super) fn trimmed(kind: &'static str, text: &str, parts: &mut Vec<Part>) {
    let blank = |c: char| c.is_whitespace() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}');
    let inner = text.trim_matches(blank);
    if inner.is_empty() {
        parts.push(("literal", text.to_owned()));
        return;
    }
    let start = text.find(inner).unwrap_or(0);
    parts.push(("literal", text[..start].to_owned()));
    parts.push((kind, inner.to_owned()));
    parts.push(("literal", text[start + inner.len()..].to_owned()));
    parts.retain(|(_, text)| !text.is_empty());
}

/// Signs of currencies and of mathematics.
fn is_symbol(c: char) -> bool {
    matches!(c, '$' | '¢'..='¥' | '₠'..='⃀' | '+' | '<'..='>' | '|' | '~' | '؋' | '৲' | '৳' | '૱' | '௹' | '฿' | '៛' | '﷼' | '﹩' | '＄' | '￠' | '￡' | '￥' | '￦' | '֏' | '߾' | '߿')
}
