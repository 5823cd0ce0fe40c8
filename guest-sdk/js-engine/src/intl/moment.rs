//! A moment as its fields, in a zone and a calendar.

use super::{
    table::Table,
    zone::{Zone, date_of},
};
use crate::host;

/// The fields of a moment.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    /// The era's number in the CLDR.
    pub(crate) era: i64,
    pub(crate) year: i64,
    /// As the CLDR counts them: of the Hebrew calendar, Adar I is 6 in each year.
    pub(crate) month: i64,
    pub(crate) leap_month: bool,
    pub(crate) leap_year: bool,
    pub(crate) day: i64,
    pub(crate) weekday: i64,
    /// The year in the cycle of sixty, and the Gregorian year that it is about.
    pub(crate) cycle: i64,
    pub(crate) related: i64,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) second: i64,
    pub(crate) millisecond: i64,
    /// Seconds since 1970.
    pub(crate) unix: i64,
}

/// Years of the Gregorian calendar before the first era of the Japanese one that is known.
const GREGORIAN_ERAS: i64 = 1000;

impl Moment {
    /// Milliseconds since 1970 in a zone and a calendar; `None` when that is no date, or the calendar is not known.
    pub(crate) fn of(time: f64, zone: &Zone, calendar: &str) -> Option<Self> {
        if time.is_nan() || time.abs() > 8.64e15 {
            return None;
        }
        let time = time.trunc() as i64;
        let unix = time.div_euclid(1000);
        let local = unix + i64::from(zone.at(unix).seconds);
        let days = local.div_euclid(86_400);
        let second = local.rem_euclid(86_400);
        let (year, month, day) = date_of(days);
        let mut moment = Self {
            era: i64::from(year > 0),
            year: if year > 0 { year } else { 1 - year },
            month,
            leap_month: false,
            leap_year: false,
            day,
            weekday: (days + 4).rem_euclid(7),
            cycle: 0,
            related: year,
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
            millisecond: time.rem_euclid(1000),
            unix,
        };
        if calendar != "gregory" && calendar != "iso8601" {
            moment.translate(days, calendar)?;
        }
        Some(moment)
    }

    fn translate(&mut self, days: i64, calendar: &str) -> Option<()> {
        let name =
            if calendar == "islamic" || calendar == "islamic-rgsa" { "islamic-umalqura" } else { calendar };
        let request = [name.as_bytes(), &[0], &days.to_le_bytes()].concat();
        let answer = String::from_utf8(host::intl(host::Intl::Calendar, &request)?).ok()?;
        let mut numbers = answer.split(' ').map(str::parse::<i64>);
        let mut next = || numbers.next()?.ok();
        let (era, year, month, leap, day) = (next()?, next()?, next()?, next()?, next()?);
        let (cycle, related, leap_year) = (next()?, next()?, next()?);
        (self.era, self.year, self.day, self.cycle) = (era, year, day, cycle);
        (self.leap_month, self.leap_year) = (leap == 1, leap_year == 1);
        if related != 0 {
            self.related = related;
        }
        self.month = match (calendar, month) {
            ("hebrew", 5) if self.leap_month => 6,
            ("hebrew", month) if month > 5 => month + 1,
            (_, month) => month,
        };
        Some(())
    }

    /// The era's name.
    pub(crate) fn era_name(&self, locale: &str, table: &Table, width: &str) -> String {
        if self.era >= GREGORIAN_ERAS {
            let gregorian = Table::of("date", locale);
            return gregorian
                .get(&format!("e.{width}.{}", self.era - GREGORIAN_ERAS))
                .unwrap_or_default()
                .to_owned();
        }
        let name =
            table.get(&format!("e.{width}.{}", self.era)).or_else(|| table.get(&format!("e.a.{}", self.era)));
        name.unwrap_or_default().to_owned()
    }
}
