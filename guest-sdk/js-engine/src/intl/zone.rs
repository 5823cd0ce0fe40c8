//! Time zones: their rules as the host hands them out (TZif, RFC 9636), and what the CLDR calls them.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use super::table::Table;
use crate::host;

/// A kind of time of a zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Offset {
    /// Seconds east of UTC.
    pub(crate) seconds: i32,
    pub(crate) daylight: bool,
}

/// One zone, by its rules.
#[derive(Debug)]
pub(crate) struct Zone {
    /// As the CLDR names it, or an offset such as `+08:00`.
    pub(crate) name: String,
    transitions: Vec<(i64, u8)>,
    kinds: Vec<Offset>,
    rule: Option<Rule>,
    pub(crate) fixed: bool,
}

/// What holds after the last transition.
#[derive(Debug)]
struct Rule {
    standard: i32,
    /// The offset of the summer, and when it begins and ends.
    summer: Option<(i32, Day, Day)>,
}

/// A day of each year, and the second of it.
#[derive(Debug, Clone, Copy)]
enum Day {
    /// Month, week (5 is the last) and weekday.
    Weekday(i64, i64, i64, i64),
    /// Day of the year without February 29 (from 1), or with it (from 0).
    OfYear(i64, bool, i64),
}

/// Characters of a wrong name that are compared with those that there are.
const MOST_ASKED: usize = 40;

thread_local! {
    static LOADED: RefCell<HashMap<String, Option<Rc<Zone>>>> = RefCell::new(HashMap::new());
}

/// Days since 1970-01-01 of a Gregorian date.
pub(crate) fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The Gregorian date of a day since 1970-01-01.
pub(crate) fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

impl Day {
    /// Seconds since 1970, as if the zone's clock were UTC.
    fn at(self, year: i64) -> i64 {
        match self {
            Self::Weekday(month, week, weekday, second) => {
                let first = days_of(year, month, 1);
                let skip = (weekday - (first + 4).rem_euclid(7)).rem_euclid(7);
                let next = if month == 12 { days_of(year + 1, 1, 1) } else { days_of(year, month + 1, 1) };
                let mut day = first + skip + (week - 1) * 7;
                while day >= next {
                    day -= 7;
                }
                day * 86_400 + second
            }
            Self::OfYear(day, counts_leap, second) => {
                let leap = days_of(year, 3, 1) - days_of(year, 2, 28) == 2;
                let day = if counts_leap { day } else { day - 1 + i64::from(leap && day >= 60) };
                (days_of(year, 1, 1) + day) * 86_400 + second
            }
        }
    }
}

impl Zone {
    /// By its name in any case, a link's too, or by an offset; `None` when there is none.
    pub(crate) fn find(name: &str) -> Option<Rc<Self>> {
        let key = name.to_ascii_lowercase();
        if let Some(found) = LOADED.with_borrow(|loaded| loaded.get(&key).cloned()) {
            return found;
        }
        let zone = Self::fixed(name).or_else(|| Self::named(&key)).map(Rc::new);
        LOADED.with_borrow_mut(|loaded| loaded.insert(key, zone.clone()));
        zone
    }

    fn fixed(text: &str) -> Option<Self> {
        let sign = match text.as_bytes().first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let (hours, minutes) = match &text[1..] {
            rest if rest.len() == 2 => (rest, "00"),
            rest if rest.len() == 4 && rest.is_ascii() => rest.split_at(2),
            rest => rest.split_once(':')?,
        };
        let number = |text: &str| {
            (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit()))
                .then(|| text.parse::<i32>().ok())
                .flatten()
        };
        let (hours, minutes) = (number(hours)?, number(minutes)?);
        if hours > 23 || minutes > 59 {
            return None;
        }
        let seconds = sign * (hours * 3600 + minutes * 60);
        let sign = if seconds < 0 { '-' } else { '+' };
        Some(Self {
            name: format!("{sign}{hours:02}:{minutes:02}"),
            transitions: Vec::new(),
            kinds: vec![Offset { seconds, daylight: false }],
            rule: None,
            fixed: true,
        })
    }

    fn named(key: &str) -> Option<Self> {
        let table = Table::load("sup/zone")?;
        let canonical = table.get(&format!("a.{key}")).map(str::to_owned);
        let answer = host::intl(host::Intl::Zone, key.as_bytes())?;
        let zero = answer.iter().position(|&byte| byte == 0)?;
        let own = String::from_utf8_lossy(&answer[..zero]).into_owned();
        Self::read(canonical.unwrap_or(own), &answer[zero + 1..])
    }

    fn read(name: String, file: &[u8]) -> Option<Self> {
        let counts = |at: usize| -> Option<[usize; 6]> {
            let head = file.get(at..at + 44)?;
            let mut counts = [0; 6];
            for (index, count) in counts.iter_mut().enumerate() {
                *count = u32::from_be_bytes(head[20 + index * 4..24 + index * 4].try_into().ok()?) as usize;
            }
            Some(counts)
        };
        let [utc, walls, leaps, times, kinds, letters] = counts(0)?;
        let second = 44 + times * 5 + kinds * 6 + letters + leaps * 8 + walls + utc;
        let [utc, walls, leaps, times, kinds, letters] = counts(second)?;
        let at = second + 44;
        let moments = file.get(at..at + times * 8)?;
        let indexes = file.get(at + times * 8..at + times * 9)?;
        let rows = file.get(at + times * 9..at + times * 9 + kinds * 6)?;
        let transitions = moments
            .chunks_exact(8)
            .zip(indexes)
            .map(|(moment, &index)| (i64::from_be_bytes(moment.try_into().unwrap_or_default()), index))
            .collect();
        // Winter time of Ireland is less than its standard time; the CLDR names it the other way round.
        let turned = name == "Europe/Dublin";
        let kinds: Vec<Offset> = rows
            .chunks_exact(6)
            .map(|row| {
                let seconds = i32::from_be_bytes(row[..4].try_into().unwrap_or_default());
                let daylight = if turned { seconds == 3600 } else { row[4] == 1 };
                Offset { seconds, daylight }
            })
            .collect();
        let rest = at + times * 9 + kinds.len() * 6 + letters + leaps * 12 + walls + utc;
        let footer = std::str::from_utf8(file.get(rest..)?).ok()?.trim_matches('\n').to_owned();
        let mut rule = rule(&footer);
        if turned
            && let Some(Rule { standard, summer: Some((summer, starts, ends)) }) = &mut rule
            && *summer < *standard
        {
            std::mem::swap(standard, summer);
            std::mem::swap(starts, ends);
        }
        Some(Self { name, transitions, kinds, rule, fixed: false })
    }

    /// Up to three zones that a name which is none may mean, by their cities: the same one elsewhere, then those that contain it, then those
    /// that differ by one letter or two. None for fewer than three letters.
    pub(crate) fn near(asked: &str) -> Vec<String> {
        let city = |name: &str| name[name.rfind('/').map_or(0, |slash| slash + 1)..].to_ascii_lowercase();
        let asked = city(&asked.replace(' ', "_").chars().take(MOST_ASKED).collect::<String>());
        if asked.chars().count() < 3 {
            return Vec::new();
        }
        let mut names: Vec<String> = Table::load("sup/zone")
            .map_or_else(Vec::new, |table| table.under("a."))
            .into_iter()
            .map(|(_, name)| name)
            .collect();
        names.sort();
        names.dedup();
        let mut near: Vec<(usize, String)> = names
            .into_iter()
            .filter_map(|name| {
                let city = city(&name);
                let far = match city.contains(&asked) {
                    true => usize::from(city != asked),
                    false => distance(&city, &asked)?,
                };
                Some((far, name))
            })
            .collect();
        near.sort_by_key(|(far, _)| *far);
        near.into_iter().take(3).map(|(_, name)| name).collect()
    }

    /// The time that holds at a moment, in seconds since 1970.
    pub(crate) fn at(&self, second: i64) -> Offset {
        let after = self.transitions.partition_point(|&(moment, _)| moment <= second);
        if after == self.transitions.len()
            && let Some(rule) = &self.rule
        {
            return rule.at(second);
        }
        let first = || self.kinds.iter().find(|kind| !kind.daylight).or(self.kinds.first()).copied();
        let kind = match after.checked_sub(1) {
            Some(index) => self.kinds.get(usize::from(self.transitions[index].1)).copied(),
            None => self.kinds.first().copied().or_else(first),
        };
        kind.unwrap_or(Offset { seconds: 0, daylight: false })
    }

    /// The zone's key in the tables of the CLDR.
    fn key(&self) -> &str {
        if self.name == "UTC" { "Etc/UTC" } else { &self.name }
    }

    fn metazone(&self, second: i64) -> Option<String> {
        let table = Table::load("sup/zone")?;
        table.get(&format!("m.{}", self.key()))?.split(';').find_map(|use_of| {
            let mut fields = use_of.split(',');
            let name = fields.next()?;
            let (from, to) = (fields.next()?.parse::<i64>().ok(), fields.next()?.parse::<i64>().ok());
            (from.is_none_or(|from| from <= second) && to.is_none_or(|to| second < to))
                .then(|| name.to_owned())
        })
    }

    /// What `timeZoneName` shows: the letters are those of a pattern of the CLDR.
    pub(crate) fn called(&self, letters: &str, second: i64, locale: &str) -> String {
        let table = Table::of("zone", locale);
        let offset = self.at(second);
        let long = letters.len() == 4;
        let style = if long { "l" } else { "s" };
        let given = |kind: &str| {
            let own = table.get(&format!("t.{}.{style}.{kind}", self.key()));
            own.map(str::to_owned).or_else(|| {
                let name = self.metazone(second)?;
                table.get(&format!("m.{name}.{style}.{kind}")).map(str::to_owned)
            })
        };
        let found = match &letters[..1] {
            _ if self.fixed => None,
            "z" => given(if offset.daylight { "d" } else { "s" }),
            "v" if self.name == "UTC" => None,
            "v" => {
                // Without a change around, the standard name says enough.
                let changes = [-184, 184].iter().any(|days| self.at(second + days * 86_400).daylight)
                    || offset.daylight;
                let name = if changes { given("g") } else { given("s").or_else(|| given("g")) };
                name.or_else(|| self.place(&table, locale))
            }
            _ => None,
        };
        found.unwrap_or_else(|| shifted(&table, offset.seconds, long))
    }

    /// "Germany Time", "Phoenix Time".
    fn place(&self, table: &Table, locale: &str) -> Option<String> {
        let zones = Table::load("sup/zone")?;
        let region = zones.get(&format!("x.{}", self.key()))?;
        let alone = zones.get(&format!("p.{region}")) == Some(self.key());
        let name = if alone {
            Table::of("name", locale).get(&format!("r.{region}")).map(str::to_owned)
        } else {
            let city = table.get(&format!("c.{}", self.key())).map(str::to_owned);
            city.or_else(|| self.name.rsplit('/').next().map(|city| city.replace('_', " ")))
        };
        Some(table.get("rg")?.replace("{0}", &name?))
    }
}

/// "GMT+8", "GMT+08:00".
fn shifted(table: &Table, seconds: i32, long: bool) -> String {
    let formats = table.get("hf").unwrap_or("+HH:mm;-HH:mm");
    let (plus, minus) = formats.split_once(';').unwrap_or(("+HH:mm", "-HH:mm"));
    let pattern = if seconds < 0 { minus } else { plus };
    let all = seconds.unsigned_abs();
    let (hours, minutes, rest) = (all / 3600, all / 60 % 60, all % 60);
    let start = pattern.find('H').unwrap_or(0);
    let end = pattern.rfind('m').map_or(pattern.len(), |at| at + 1);
    let between: String = pattern[start..end].chars().filter(|c| !matches!(c, 'H' | 'm')).collect();
    let mut text = if long { format!("{hours:02}{between}{minutes:02}") } else { hours.to_string() };
    if !long && (minutes > 0 || rest > 0) {
        text = format!("{hours}{between}{minutes:02}");
    }
    if rest > 0 {
        text = format!("{text}{between}{rest:02}");
    }
    let text = format!("{}{text}{}", &pattern[..start], &pattern[end..]);
    table.get("gf").unwrap_or("GMT{0}").replace("{0}", &text)
}

impl Rule {
    fn at(&self, second: i64) -> Offset {
        let standard = Offset { seconds: self.standard, daylight: false };
        let Some((seconds, start, end)) = self.summer else { return standard };
        let (year, _, _) = date_of((second + i64::from(self.standard)).div_euclid(86_400));
        let start = start.at(year) - i64::from(self.standard);
        let end = end.at(year) - i64::from(seconds);
        let within =
            if start < end { (start..end).contains(&second) } else { second >= start || second < end };
        if within { Offset { seconds, daylight: true } } else { standard }
    }
}

/// The rule at the end of a file: `EST5EDT,M3.2.0,M11.1.0`, `<+03>-3`.
fn rule(text: &str) -> Option<Rule> {
    let rest = name(text)?;
    let (standard, rest) = clock(rest)?;
    if rest.is_empty() {
        return Some(Rule { standard: -standard as i32, summer: None });
    }
    let rest = name(rest)?;
    let (summer, rest) = if rest.starts_with(',') { (standard - 3600, rest) } else { clock(rest)? };
    let mut days = rest.strip_prefix(',')?.split(',');
    let (start, end) = (day(days.next()?)?, day(days.next()?)?);
    Some(Rule { standard: -standard as i32, summer: Some((-summer as i32, start, end)) })
}

/// How many letters two names differ by, if by one or two.
fn distance(a: &str, b: &str) -> Option<usize> {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > 2 {
        return None;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let least = (row[j] + 1).min(row[j + 1] + 1).min(diagonal + usize::from(left != right));
            diagonal = std::mem::replace(&mut row[j + 1], least);
        }
        // No later row has less than the least of this one.
        if row.iter().all(|&letters| letters > 2) {
            return None;
        }
    }
    row.last().copied().filter(|&letters| letters <= 2)
}

fn name(text: &str) -> Option<&str> {
    match text.strip_prefix('<') {
        Some(rest) => rest.split_once('>').map(|(_, rest)| rest),
        None => Some(text.trim_start_matches(|c: char| c.is_ascii_alphabetic())),
    }
}

/// `[+-]h[:mm[:ss]]` in seconds.
fn clock(text: &str) -> Option<(i64, &str)> {
    let end =
        text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '+' | '-' | ':'))).unwrap_or(text.len());
    let (own, rest) = text.split_at(end);
    let sign = if own.starts_with('-') { -1 } else { 1 };
    let mut seconds = 0;
    for (part, unit) in own.trim_start_matches(['+', '-']).split(':').zip([3600, 60, 1]) {
        seconds += part.parse::<i64>().ok()? * unit;
    }
    Some((sign * seconds, rest))
}

fn day(text: &str) -> Option<Day> {
    let (day, time) = text.split_once('/').unwrap_or((text, "2"));
    let (second, _) = clock(time)?;
    if let Some(rest) = day.strip_prefix('M') {
        let mut parts = rest.split('.').map(|part| part.parse::<i64>().ok());
        return Some(Day::Weekday(parts.next()??, parts.next()??, parts.next()??, second));
    }
    match day.strip_prefix('J') {
        Some(rest) => Some(Day::OfYear(rest.parse().ok()?, false, second)),
        None => Some(Day::OfYear(day.parse().ok()?, true, second)),
    }
}
