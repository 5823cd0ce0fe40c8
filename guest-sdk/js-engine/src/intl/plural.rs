//! Plural categories: the rules of the CLDR, evaluated over a number as it is shown.

use super::table::Table;

/// A number as the rules see it: what is shown decides, so 1 and 1.0 differ.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operands {
    /// The absolute value.
    pub(crate) number: f64,
    /// Its whole part, and how many digits the fraction has, with and without zeros at its end, and these digits.
    pub(crate) whole: f64,
    pub(crate) visible: u32,
    pub(crate) significant: u32,
    pub(crate) fraction: f64,
    pub(crate) trimmed: f64,
    /// The exponent of a compact number.
    pub(crate) exponent: u32,
}

impl Operands {
    /// From digits as they are shown.
    pub(crate) fn new(whole: &str, fraction: &str, exponent: u32) -> Self {
        let trimmed = fraction.trim_end_matches('0');
        let number = |text: &str| text.parse::<f64>().unwrap_or(0.0);
        let scale = 10_f64.powi(exponent as i32);
        // As ICU, which looks at the last 18 digits.
        let last = whole.get(whole.len().saturating_sub(18)..).unwrap_or(whole);
        Self {
            number: number(&format!("{whole}.{fraction}0")) * scale,
            whole: if exponent == 0 {
                number(last)
            } else {
                (number(&format!("{whole}.{fraction}0")) * scale).trunc()
            },
            visible: if exponent == 0 { fraction.len() as u32 } else { 0 },
            significant: if exponent == 0 { trimmed.len() as u32 } else { 0 },
            fraction: if exponent == 0 { number(fraction) } else { 0.0 },
            trimmed: if exponent == 0 { number(trimmed) } else { 0.0 },
            exponent,
        }
    }

    fn get(&self, operand: &str) -> f64 {
        match operand {
            "i" => self.whole,
            "v" => self.visible.into(),
            "w" => self.significant.into(),
            "f" => self.fraction,
            "t" => self.trimmed,
            "c" | "e" => self.exponent.into(),
            _ => self.number,
        }
    }
}

fn language_of<'a>(table: &Table, letter: char, locale: &'a str) -> &'a str {
    let mut tag = locale;
    loop {
        if table.get(&format!("{letter}.{tag}")).is_some() {
            return tag;
        }
        match tag.rfind('-') {
            Some(at) => tag = &tag[..at],
            None => return tag,
        }
    }
}

/// The category of a number.
pub(crate) fn category(locale: &str, ordinal: bool, operands: &Operands) -> String {
    let Some(table) = Table::load("sup/plural") else { return "other".to_owned() };
    let letter = if ordinal { 'o' } else { 'c' };
    let language = language_of(&table, letter, locale);
    let rules = table.get(&format!("{letter}.{language}")).unwrap_or_default();
    rules
        .split(';')
        .filter_map(|rule| rule.split_once(':'))
        .find(|(_, rule)| holds(rule, operands))
        .map_or("other", |(name, _)| name)
        .to_owned()
}

/// All categories of a language, `other` last.
pub(crate) fn categories(locale: &str, ordinal: bool) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(table) = Table::load("sup/plural") {
        let letter = if ordinal { 'o' } else { 'c' };
        let rules =
            table.get(&format!("{letter}.{}", language_of(&table, letter, locale))).unwrap_or_default();
        found.extend(
            rules.split(';').filter_map(|rule| rule.split_once(':')).map(|(name, _)| name.to_owned()),
        );
    }
    found.push("other".to_owned());
    found
}

/// The category of a range.
pub(crate) fn range(locale: &str, start: &str, end: &str) -> String {
    let language = locale.split('-').next().unwrap_or_default();
    Table::load("sup/plural")
        .and_then(|table| table.get(&format!("r.{language}.{start}.{end}")).map(str::to_owned))
        .unwrap_or_else(|| end.to_owned())
}

fn holds(rule: &str, operands: &Operands) -> bool {
    rule.split(" or ")
        .any(|all| all.split(" and ").all(|one| relation(one.trim(), operands).unwrap_or(false)))
}

/// `n % 10 = 1,3..5`
fn relation(text: &str, operands: &Operands) -> Option<bool> {
    let (left, wanted, right) = match text.split_once("!=") {
        Some((left, right)) => (left, false, right),
        None => text.split_once('=').map(|(left, right)| (left, true, right))?,
    };
    let mut left = left.split_whitespace();
    let mut value = operands.get(left.next()?);
    if left.next() == Some("%") {
        value %= left.next()?.parse::<f64>().ok()?;
    }
    let listed = right.split(',').any(|part| match part.trim().split_once("..") {
        Some((low, high)) => match (low.parse::<f64>(), high.parse::<f64>()) {
            (Ok(low), Ok(high)) => value >= low && value <= high && value.fract() == 0.0,
            _ => false,
        },
        None => part.trim().parse::<f64>().is_ok_and(|one| one == value),
    });
    Some(listed == wanted)
}
