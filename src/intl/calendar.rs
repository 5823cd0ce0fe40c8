//! Days in the calendars that ICU4X has.

use icu_calendar::{
    AnyCalendar, AnyCalendarKind, Date,
    types::{RataDie, YearInfo},
};

/// Days from the first of year 1 to 1970-01-01.
const UNIX: i64 = 719_163;
/// A bit more than the days that a `Date` of JavaScript can name.
const DAYS_MOST: i64 = 100_000_100;

/// `calendar NUL days since 1970-01-01 (i64)`: the era's index in the CLDR, the year in it, the month, 1 if it is a leap month, the day, the
/// year in the cycle of sixty, the related Gregorian year, and 1 in a leap year, as decimals with blanks between.
pub(super) fn day(request: &[u8]) -> Option<Vec<u8>> {
    let zero = request.iter().position(|&byte| byte == 0)?;
    let name = std::str::from_utf8(&request[..zero]).ok()?;
    let days = i64::from_le_bytes(request[zero + 1..].try_into().ok()?);
    if !(-DAYS_MOST..=DAYS_MOST).contains(&days) {
        return None;
    }
    let date = Date::from_rata_die(RataDie::new(days + UNIX), AnyCalendar::new(kind(name)?));
    let month = date.month();
    let (era, year, cycle, related) = match date.year() {
        YearInfo::Era(year) if name == "hebrew" => (0, year.year, 0, 0),
        YearInfo::Era(year) => (era(year.era.as_str()), year.year, 0, 0),
        YearInfo::Cyclic(year) => (0, year.related_iso, year.year, year.related_iso),
        // The type may grow; no calendar of ours gives another one.
        _ => return None,
    };
    let leap = [month.to_input().is_leap(), date.is_in_leap_year()].map(u8::from);
    let text = format!(
        "{era} {year} {} {} {} {cycle} {related} {}",
        month.number(),
        leap[0],
        date.day_of_month().0,
        leap[1]
    );
    Some(text.into_bytes())
}

fn kind(name: &str) -> Option<AnyCalendarKind> {
    Some(match name {
        "buddhist" => AnyCalendarKind::Buddhist,
        "chinese" => AnyCalendarKind::Chinese,
        "coptic" => AnyCalendarKind::Coptic,
        "dangi" => AnyCalendarKind::Dangi,
        "ethiopic" => AnyCalendarKind::Ethiopian,
        "ethioaa" => AnyCalendarKind::EthiopianAmeteAlem,
        "gregory" => AnyCalendarKind::Gregorian,
        "hebrew" => AnyCalendarKind::Hebrew,
        "indian" => AnyCalendarKind::Indian,
        "islamic-civil" => AnyCalendarKind::HijriTabularTypeIIFriday,
        "islamic-tbla" => AnyCalendarKind::HijriTabularTypeIIThursday,
        "islamic-umalqura" => AnyCalendarKind::HijriUmmAlQura,
        "japanese" => AnyCalendarKind::Japanese,
        "persian" => AnyCalendarKind::Persian,
        "roc" => AnyCalendarKind::Roc,
        _ => return None,
    })
}

/// The number under which the CLDR names an era of ICU4X.
fn era(name: &str) -> u32 {
    match name {
        "reiwa" => 236,
        "heisei" => 235,
        "showa" => 234,
        "taisho" => 233,
        "meiji" => 232,
        // Years of the Gregorian calendar, before the eras of the Japanese one.
        "ce" => 1001,
        "bce" => 1000,
        "roc" | "am" | "bh" => 1,
        _ => 0,
    }
}
