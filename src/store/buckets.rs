//! In which bucket of the history a value lands: by the time it expires, rounded up.
//!
//! A bucket is dropped whole once its time has passed, so nothing in it expires later than it ends. Days for
//! what is near, wider beyond, so that some sixty buckets exist whatever the retention. Pure.

const DAY: u64 = 86_400_000;
const HOUR: u64 = 3_600_000;
const MINUTE: u64 = 60_000;
/// What expires so soon gets buckets of ten seconds, of a minute, of an hour.
const SHORT: [(u64, u64); 3] = [(10 * MINUTE, 10_000), (HOUR, MINUTE), (2 * DAY, HOUR)];
/// Days get buckets of their own up to here.
const NEAR: u64 = 40 * DAY;
/// Then about months, up to here; then more than a year each.
const FAR: u64 = 400 * DAY;
const MONTHS: u64 = 32 * DAY;
const YEARS: u64 = 512 * DAY;
/// Nothing is kept longer: the last midnight that jiff knows, in the year 9999.
const LAST: u64 = 253_402_128_000_000;

/// As [`end_of`], of what says itself when it expires, so that nobody notices whether it is still there: hours for what is
/// near.
pub(super) fn end_of_lapsing(expires_ms: u64, now_ms: u64) -> u64 {
    let near = now_ms > 0 && expires_ms.saturating_sub(now_ms) <= 2 * DAY;
    if near { expires_ms.min(LAST).next_multiple_of(HOUR).min(LAST) } else { end_of(expires_ms, now_ms) }
}

/// When the bucket ends that takes what expires at `expires_ms`. `now_ms` is 0 while nobody has told the time.
pub(super) fn end_of(expires_ms: u64, now_ms: u64) -> u64 {
    let ahead = expires_ms.saturating_sub(now_ms);
    let short = SHORT.into_iter().find(|(most, _)| ahead <= *most);
    let width = if now_ms == 0 {
        DAY
    } else if let Some((_, width)) = short {
        width
    } else if ahead <= NEAR {
        DAY
    } else if ahead <= FAR {
        MONTHS
    } else {
        YEARS
    };
    expires_ms.min(LAST).next_multiple_of(width).min(LAST)
}

/// What a bucket is called: the date at whose beginning (UTC) it ends, such as `2027-03-31`, or the time of that day,
/// as in `2027-03-31T16-05-10`.
pub(super) fn name_of(end_ms: u64) -> String {
    let end = i64::try_from(end_ms.min(LAST)).expect("the last millisecond fits");
    let end = jiff::Timestamp::from_millisecond(end).expect("the year 9999 is in range");
    let end = jiff::tz::TimeZone::UTC.to_datetime(end);
    if end_ms.min(LAST).is_multiple_of(DAY) {
        end.date().to_string()
    } else {
        format!("{}T{:02}-{:02}-{:02}", end.date(), end.hour(), end.minute(), end.second())
    }
}

/// When a bucket of this name ends; a `.2` behind the date tells buckets of the same time apart.
pub(super) fn end_of_name(name: &str) -> Option<u64> {
    let text = name.split_once('.').map_or(name, |(time, _)| time);
    let (date, time) = text.split_once('T').unwrap_or((text, "00-00-00"));
    let date: jiff::civil::Date = date.parse().ok()?;
    let time: jiff::civil::Time = time.replace('-', ":").parse().ok()?;
    let end = date.to_datetime(time).to_zoned_datetime(jiff::tz::TimeZone::UTC).ok()?;
    u64::try_from(end.timestamp().as_millisecond()).ok().filter(|end| name_of(*end) == text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const NOW: u64 = 1_790_000_000_000;

    #[test]
    fn nothing_is_dropped_before_it_expires_nor_kept_much_longer() {
        for ahead in [
            0,
            1,
            MINUTE,
            11 * MINUTE,
            2 * HOUR,
            DAY - 1,
            DAY,
            14 * DAY,
            40 * DAY,
            41 * DAY,
            300 * DAY,
            2_000 * DAY,
        ] {
            let expires = NOW + ahead;
            let end = end_of(expires, NOW);
            assert!(
                end >= expires
                    && end - expires
                        <= 10_000.max(ahead / 2).min(DAY).max(if ahead > NEAR { ahead * 2 } else { 0 }),
                "{ahead}: {end}"
            );
        }
        assert_eq!(end_of(u64::MAX, NOW), LAST);
        assert_eq!(end_of(NOW + 900 * DAY, 0), (NOW + 900 * DAY).next_multiple_of(DAY));
    }

    #[test]
    fn five_years_of_retention_fill_about_sixty_buckets() {
        let hours = (2 * 24..5 * 365 * 24).map(|hour| NOW + hour * DAY / 24);
        let ends: BTreeSet<u64> = hours.map(|expires| end_of(expires, NOW)).collect();
        assert!(ends.len() <= 60, "{}", ends.len());
    }

    #[test]
    fn what_says_itself_when_it_expires_fills_few_buckets_whatever_its_time_is() {
        let minutes = (0..30 * 24 * 60).map(|minute| NOW + minute * MINUTE);
        let ends: BTreeSet<u64> = minutes.map(|expires| end_of_lapsing(expires, NOW)).collect();
        assert!(ends.len() <= 49 + 29, "{}", ends.len());
        let years = (2 * 24..5 * 365 * 24).map(|hour| NOW + hour * HOUR);
        let ends: BTreeSet<u64> = years.map(|expires| end_of_lapsing(expires, NOW)).collect();
        assert!(ends.len() <= 60, "{}", ends.len());
        for ahead in [0, 1, 5 * MINUTE, HOUR, DAY, 2 * DAY, 2 * DAY + 1, 30 * DAY, 900 * DAY] {
            let expires = NOW + ahead;
            let end = end_of_lapsing(expires, NOW);
            assert!(
                end >= expires && end - expires <= HOUR.max(if ahead > 2 * DAY { DAY.max(ahead) } else { 0 })
            );
            assert_eq!(end_of_name(&name_of(end)), Some(end));
        }
        assert_eq!(
            (end_of_lapsing(u64::MAX, NOW), end_of_lapsing(NOW, 0)),
            (LAST, NOW.next_multiple_of(DAY))
        );
    }

    #[test]
    fn names_are_dates_that_read_back() {
        let end = end_of(NOW + 3 * DAY, NOW);
        assert_eq!(name_of(end), "2026-09-25");
        for (ahead, name) in
            [(MINUTE, "2026-09-21T14-14-20"), (HOUR / 2, "2026-09-21T14-44-00"), (DAY, "2026-09-22T15-00-00")]
        {
            let end = end_of(NOW + ahead, NOW);
            assert_eq!((name_of(end).as_str(), end_of_name(&name_of(end))), (name, Some(end)));
        }
        assert_eq!(end_of_name(&name_of(end)), Some(end));
        assert_eq!(end_of_name("2026-09-25.2"), Some(end));
        assert_eq!((name_of(u64::MAX), end_of_name(&name_of(LAST))), ("9999-12-30".to_owned(), Some(LAST)));
        for name in [
            "",
            ".2",
            "lost+found",
            "2026-9-22",
            "2026-13-01",
            "1969-01-01",
            "2026-09-22T00",
            "2026-09-22T00-00-00",
            "2026-09-22T1-00-00",
        ] {
            assert_eq!(end_of_name(name), None, "{name}");
        }
    }
}
