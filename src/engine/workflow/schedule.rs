//! When a `schedule` trigger fires. Pure: whoever calls passes the time in and keeps the last one.
//!
//! Times follow the wall clock of a zone. A fixed time that a clock skips fires once, right after the gap; one
//! that a clock shows twice fires once, at the first. What repeats within hours (`*/15 * * * *`) fires in
//! both passes, since it is about distance. `@every` counts from the epoch and knows no clock. Whatever a
//! clock does, the instants that are given only ever grow.

use std::{
    cmp::Ordering,
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, Weak},
};

use croner::{
    Cron, Direction,
    errors::CronError,
    parser::{CronParser, Seconds, Year},
    time::{CivilDate, CivilDateTime, CivilTime, CronDateTime, Resolution, Weekday},
};
use jiff::{
    SignedDuration, Timestamp, ZonedDateTime,
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone},
};

use super::zones;
use crate::model::{Missed, Span};

/// The longest expression, bytes.
const MAX_CRON: usize = 256;
/// The shortest and longest `@every`, milliseconds.
const EVERY: std::ops::RangeInclusive<u64> = 1_000..=366 * 86_400_000;
/// A time is missed when it is over by more than this, milliseconds.
const GRACE: u64 = 60_000;
/// The most times that are run after the fact.
const MAX_RUN_ALL: usize = 100;

/// The longest gap in a zone's clock, hours: a day, and what a summer time adds.
const GAP_HOURS: i64 = 26;

/// Why something is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Not an expression that can be read.
    #[error(
        "`{cron}` is no schedule: {reason}; write five fields as in \"0 9 * * MON-FRI\", six to begin with seconds, \"@hourly\" or \"@every 15m\""
    )]
    Cron {
        cron: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The time zone is not in the IANA database.
    #[error("`{name}` is no time zone; {}", near_or_any(near))]
    Zone {
        name: String,
        /// Zones that may be meant.
        near: Vec<String>,
    },
    /// A date that no calendar has.
    #[error("`{0}` never fires; there is no such date")]
    Never(String),
}

fn near_or_any(near: &[String]) -> String {
    match near {
        [] => "give a name of the IANA database, such as \"Europe/Berlin\" or \"UTC\"".to_owned(),
        near => format!("is it \"{}\"?", near.join("\" or \"")),
    }
}

/// The times of one trigger. They have no end.
#[derive(Debug, Clone)]
pub struct Schedule(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Cron {
        cron: Arc<Cron>,
        zone: TimeZone,
    },
    /// At each multiple of this many milliseconds since 1970.
    Every(u64),
}

impl Schedule {
    /// Reads an expression and the name of a zone.
    ///
    /// # Errors
    /// When one of them is none, or the expression never fires.
    pub fn parse(cron: &str, zone: &str) -> Result<Self, ScheduleError> {
        let text = cron.trim();
        let wrong = |reason: &str| ScheduleError::Cron { cron: shown(text), reason: reason.to_owned() };
        let zone = TimeZone::get(zone.trim())
            .map_err(|_| ScheduleError::Zone { name: shown(zone), near: zones::near(zone) })?;
        if text.len() > MAX_CRON {
            return Err(wrong("it is too long"));
        }
        if let Some(every) = text.strip_prefix("@every ") {
            let every: Span = every.trim().parse().map_err(|_| wrong("the distance is no duration"))?;
            if !EVERY.contains(&every.as_millis()) {
                return Err(wrong("the distance is from 1s to 366d"));
            }
            return Ok(Self(Kind::Every(every.as_millis())));
        }
        let cron = shared(text, || {
            let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
            let cron = parser.parse(text).map_err(|error| wrong(&reason(&error)))?;
            // The calendar repeats after 400 years. Croner ends at 5000, so these are the ones searched fastest.
            let last_years = DateTime::constant(4_600, 1, 1, 0, 0, 0, 0).to_zoned_datetime(TimeZone::UTC);
            let last_years = Local(last_years.expect("UTC has this time"));
            cron.find_next_occurrence(&last_years, true).map_err(|_| ScheduleError::Never(shown(text)))?;
            Ok(cron)
        })?;
        Ok(Self(Kind::Cron { cron, zone }))
    }

    /// The first time after `ms`, milliseconds since the epoch; none when it is beyond the year 5000.
    pub fn next_after(&self, ms: u64) -> Option<u64> {
        match &self.0 {
            Kind::Every(every) => (ms / every).checked_add(1)?.checked_mul(*every),
            Kind::Cron { cron, zone } => {
                let next = find(ms, zone, Direction::Forward, |from, inclusive| {
                    cron.find_next_occurrence(from, inclusive)
                })?;
                next.ms().filter(|next| *next > ms)
            }
        }
    }

    /// The last time that is not after `ms`.
    fn last_until(&self, ms: u64) -> Option<u64> {
        match &self.0 {
            Kind::Every(every) => Some(ms / every * every),
            Kind::Cron { cron, zone } => {
                let last =
                    find(ms, zone, Direction::Backward, |from, _| cron.find_previous_occurrence(from, true))?;
                last.ms().filter(|last| *last <= ms)
            }
        }
    }

    /// The times after `last_ms` and not after `now_ms` for which a run is to be started, the earliest first
    /// and `most` at the most; `last_ms` is the last one that was given, or when the schedule began.
    ///
    /// A clock that is set back gives nothing until it is past `last_ms` again.
    pub fn due(&self, last_ms: u64, now_ms: u64, missed: Missed, most: usize) -> Vec<u64> {
        let fresh = |time: u64| time >= now_ms.saturating_sub(GRACE);
        let mut due = Vec::new();
        let mut before = Some(now_ms);
        while let Some(time) = before.and_then(|before| self.last_until(before)) {
            let wanted = match missed {
                Missed::Skip => fresh(time),
                Missed::RunOnce => fresh(time) || due.is_empty(),
                Missed::RunAll => fresh(time) || due.len() < MAX_RUN_ALL,
            };
            if time <= last_ms || !wanted || due.len() == most {
                break;
            }
            due.push(time);
            before = time.checked_sub(1);
        }
        due.reverse();
        due
    }
}

/// The expression `text`, which all schedules share that are written alike: one takes some kilobytes, and its check longer than
/// all else about a schedule.
fn shared(
    text: &str,
    parse: impl FnOnce() -> Result<Cron, ScheduleError>,
) -> Result<Arc<Cron>, ScheduleError> {
    static SHARED: LazyLock<Mutex<HashMap<String, Weak<Cron>>>> = LazyLock::new(Mutex::default);
    let shared = || SHARED.lock().expect("no code panics under this lock");
    if let Some(known) = shared().get(text).and_then(Weak::upgrade) {
        return Ok(known);
    }
    let cron = Arc::new(parse()?);
    let mut shared = shared();
    if shared.len() == shared.capacity() {
        shared.retain(|_, cron| cron.strong_count() > 0);
    }
    shared.insert(text.to_owned(), Arc::downgrade(&cron));
    Ok(cron)
}

/// Croner gives up in gaps of over two hours, as when Samoa left out a day; from beyond them it goes on.
fn find(
    ms: u64,
    zone: &TimeZone,
    direction: Direction,
    search: impl Fn(&Local, bool) -> Result<Local, CronError>,
) -> Option<Local> {
    let from = Local::at(ms, zone)?;
    match search(&from, false) {
        Err(CronError::TimeSearchLimitExceeded) => (1..=GAP_HOURS).find_map(|hours| {
            let hours = if direction == Direction::Forward { hours } else { -hours };
            search(&from.checked_add_seconds(hours * 3_600)?, true).ok()
        }),
        found => found.ok(),
    }
}

/// The beginning of what was written, for an error.
fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

fn reason(error: &CronError) -> String {
    match error {
        CronError::EmptyPattern => "it is empty".to_owned(),
        CronError::InvalidPattern(what)
        | CronError::IllegalCharacters(what)
        | CronError::ComponentError(what) => what.trim_end_matches('.').to_owned(),
        CronError::InvalidDate | CronError::InvalidTime | CronError::TimeSearchLimitExceeded => {
            "there is no such time".to_owned()
        }
    }
}

/// An instant on the wall clock of its zone, as croner asks for it.
#[derive(Debug, Clone)]
struct Local(ZonedDateTime);

impl Local {
    fn at(ms: u64, zone: &TimeZone) -> Option<Self> {
        // Croner counts in whole seconds, and allows itself one at its start.
        let instant = Timestamp::from_second(i64::try_from(ms / 1_000).ok()?).ok()?;
        Some(Self(ZonedDateTime::new(instant, zone.clone())))
    }

    fn ms(&self) -> Option<u64> {
        u64::try_from(self.0.timestamp().as_millisecond()).ok()
    }
}

impl CronDateTime for Local {
    fn to_civil(&self) -> CivilDateTime {
        let (date, time) = (self.0.date(), self.0.time());
        let part = |part: i8| u32::from(part.unsigned_abs());
        CivilDateTime::new(
            CivilDate::from_parts_unchecked(date.year().into(), part(date.month()), part(date.day())),
            CivilTime::from_parts_unchecked(part(time.hour()), part(time.minute()), part(time.second())),
        )
    }

    fn civil_weekday(&self) -> Weekday {
        Weekday::from_days_from_sunday(u32::from(self.0.weekday().to_sunday_zero_offset().unsigned_abs()))
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        let part = |part: u32| i8::try_from(part).map_err(|_| CronError::InvalidTime);
        let year = i16::try_from(civil.year()).map_err(|_| CronError::InvalidDate)?;
        let (hour, minute, second) = (part(civil.hour())?, part(civil.minute())?, part(civil.second())?);
        let wall = DateTime::new(year, part(civil.month())?, part(civil.day())?, hour, minute, second, 0)
            .map_err(|_| CronError::InvalidDate)?;
        let zone = self.0.time_zone();
        let instant = |offset: jiff::tz::Offset| {
            let instant = offset.to_timestamp(wall).map_err(|_| CronError::InvalidTime)?;
            Ok(Self(ZonedDateTime::new(instant, zone.clone())))
        };
        Ok(match zone.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset } => Resolution::Single(instant(offset)?),
            AmbiguousOffset::Fold { before, after } => {
                Resolution::Ambiguous(instant(before)?, instant(after)?)
            }
            AmbiguousOffset::Gap { .. } => Resolution::Gap,
        })
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        self.0.checked_add(SignedDuration::from_secs(seconds)).ok().map(Self)
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.0.timestamp().cmp(&other.0.timestamp())
    }
}

#[cfg(test)]
mod tests;
