//! The time of sending. It is read strictly, and compared with the time of receipt in both directions.
//!
//! Used by every scheme that has one. Reads no clock.

use jiff::{Timestamp, civil::DateTime, tz::Offset};

use super::Rejected;
use crate::model::{Span, TimestampUnit};

/// How the time is written, and how far it may be off.
#[derive(Debug, Clone, Copy)]
pub(super) struct Freshness {
    unit: TimestampUnit,
    tolerance_ms: u64,
}

impl Freshness {
    pub(super) fn new(unit: TimestampUnit, tolerance: Span) -> Self {
        Self { unit, tolerance_ms: tolerance.as_millis() }
    }

    /// Checks that `text` is a time within the tolerance of `received_ms`; exactly the tolerance still passes. Gives
    /// the last moment at which it passes, in milliseconds. `place` is where the text stood, for the log.
    pub(super) fn check(&self, place: &str, text: &str, received_ms: u64) -> Result<u64, Rejected> {
        let sent_ms =
            self.parse(text).map_err(|why| Rejected::BadTimestamp { header: place.to_owned(), why })?;
        // A sender that writes seconds has cut off its milliseconds. So ours are cut off as well.
        let now_ms = match self.unit {
            TimestampUnit::Seconds | TimestampUnit::China => received_ms - received_ms % 1_000,
            TimestampUnit::Milliseconds | TimestampUnit::Rfc3339 => received_ms,
        };
        within(sent_ms, now_ms, self.tolerance_ms)?;
        Ok(sent_ms.saturating_add(self.tolerance_ms))
    }

    fn parse(&self, text: &str) -> Result<u64, &'static str> {
        match self.unit {
            TimestampUnit::Seconds => whole(text)?.checked_mul(1_000).ok_or("is too large"),
            TimestampUnit::Milliseconds => whole(text),
            TimestampUnit::Rfc3339 => {
                let time = is_rfc3339(text).then(|| text.parse().ok()).flatten();
                let time: Timestamp = time.ok_or("is not a date of RFC 3339")?;
                u64::try_from(time.as_millisecond()).map_err(|_| "lies before 1970")
            }
            TimestampUnit::China => {
                let time = china(text).ok_or("is not date and time as in 2026-01-31 08:00:00")?;
                u64::try_from(time.as_millisecond()).map_err(|_| "lies before 1970")
            }
        }
    }

    /// `now_ms` as a sender writes it.
    pub(super) fn write(&self, now_ms: u64) -> String {
        match self.unit {
            TimestampUnit::Seconds => (now_ms / 1_000).to_string(),
            TimestampUnit::Milliseconds => now_ms.to_string(),
            TimestampUnit::Rfc3339 => {
                let time = i64::try_from(now_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
                time.unwrap_or(Timestamp::MAX).to_string()
            }
            TimestampUnit::China => {
                let time = i64::try_from(now_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
                let time = CHINA.to_datetime(time.unwrap_or(Timestamp::MAX));
                time.strftime("%Y-%m-%d %H:%M:%S").to_string()
            }
        }
    }
}

/// China has had one zone without summer time since 1991.
const CHINA: Offset = Offset::constant(8);

/// A date and a time without a zone, in their one spelling.
fn china(text: &str) -> Option<Timestamp> {
    let form = "0000-00-00 00:00:00";
    let is = form.len() == text.len()
        && form
            .bytes()
            .zip(text.bytes())
            .all(|(form, text)| if form == b'0' { text.is_ascii_digit() } else { form == text });
    let time: DateTime = is.then(|| text.replacen(' ', "T", 1).parse().ok()).flatten()?;
    CHINA.to_timestamp(time).ok()
}

/// Checks that the two times differ at most by the tolerance.
pub(super) fn within(sent_ms: u64, now_ms: u64, tolerance_ms: u64) -> Result<(), Rejected> {
    if now_ms.saturating_sub(sent_ms) > tolerance_ms {
        return Err(Rejected::Stale { by: now_ms - sent_ms - tolerance_ms });
    }
    if sent_ms.saturating_sub(now_ms) > tolerance_ms {
        return Err(Rejected::Future { by: sent_ms - now_ms - tolerance_ms });
    }
    Ok(())
}

/// Whether the text is written as in RFC 3339 section 5.6. No such date begins or ends with another one. The parser
/// alone would accept more: spaces, dates without hyphens, names of time zones behind them.
fn is_rfc3339(text: &str) -> bool {
    let is = |form: &str, text: &str| {
        form.len() == text.len()
            && form.bytes().zip(text.bytes()).all(|(form, text)| match form {
                b'0' => text.is_ascii_digit(),
                other => other.eq_ignore_ascii_case(&text),
            })
    };
    let (Some(time), Some(rest)) = (text.get(..19), text.get(19..)) else { return false };
    let zone = match rest.strip_prefix('.') {
        None => rest,
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|digit: char| digit.is_ascii_digit());
            if !(1..=9).contains(&(fraction.len() - zone.len())) {
                return false;
            }
            zone
        }
    };
    is("0000-00-00T00:00:00", time) && (is("Z", zone) || is("+00:00", zone) || is("-00:00", zone))
}

/// Reads digits without leading zeros. `u64::from_str` would accept a `+`, and a number that can be written in two ways
/// has no certain border.
pub(super) fn whole(text: &str) -> Result<u64, &'static str> {
    if text.len() > 1 && text.starts_with('0') {
        return Err("has a zero before it");
    }
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("is not a whole number");
    }
    text.parse().map_err(|_| "is too large")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    fn check(unit: TimestampUnit, text: &str, received_ms: u64) -> Result<(), Rejected> {
        let freshness = Freshness::new(unit, Span::from_millis(300_000));
        freshness.check("x-time", text, received_ms).map(|_| ())
    }

    #[test]
    fn freshness_cases() {
        use TimestampUnit::{China, Milliseconds, Rfc3339, Seconds};
        let bad = |why| Err(Rejected::BadTimestamp { header: "x-time".to_owned(), why });
        let stale = |by| Err(Rejected::Stale { by });
        let future = |by| Err(Rejected::Future { by });
        let china = "is not date and time as in 2026-01-31 08:00:00";
        let cases: [(&str, TimestampUnit, &str, Result<(), Rejected>); 36] = [
            ("a time in China", China, "2023-11-15 06:13:20", Ok(())),
            ("a time in China that is too old", China, "2023-11-15 06:08:19", stale(1_000)),
            ("a time of UTC where China's is due", China, "2023-11-14 22:13:20", stale(28_500_000)),
            ("a date of RFC 3339 where China's time is due", China, "2023-11-15T06:13:20", bad(china)),
            ("no such hour in China", China, "2023-11-15 26:13:20", bad(china)),
            ("now", Seconds, "1700000000", Ok(())),
            ("exactly the tolerance ago", Seconds, "1699999700", Ok(())),
            ("a second more", Seconds, "1699999699", stale(1_000)),
            ("exactly the tolerance ahead", Seconds, "1700000300", Ok(())),
            ("a second more ahead", Seconds, "1700000301", future(1_000)),
            ("milliseconds where seconds are due", Seconds, "1700000000000", future(1_698_299_999_700_000)),
            ("seconds where milliseconds are due", Milliseconds, "1700000000", stale(1_698_299_700_000)),
            ("milliseconds, exactly ago", Milliseconds, "1699999700000", Ok(())),
            ("milliseconds, one more", Milliseconds, "1699999699999", stale(1)),
            ("milliseconds, exactly ahead", Milliseconds, "1700000300000", Ok(())),
            ("milliseconds, one more ahead", Milliseconds, "1700000300001", future(1)),
            ("a date", Rfc3339, "2023-11-14T22:13:20Z", Ok(())),
            ("a date with offset and fraction", Rfc3339, "2023-11-14T23:13:20.000000001+01:00", Ok(())),
            ("a date too old", Rfc3339, "2023-11-14T22:08:19.999Z", stale(1)),
            ("a date before 1970", Rfc3339, "1969-12-31T23:59:59Z", bad("lies before 1970")),
            ("a date without offset", Rfc3339, "2023-11-14T22:13:20", bad("is not a date of RFC 3339")),
            ("a number where a date is due", Rfc3339, "1700000000", bad("is not a date of RFC 3339")),
            ("a zero before it", Seconds, "01700000000", bad("has a zero before it")),
            ("lower case", Rfc3339, "2023-11-14t22:13:20z", Ok(())),
            ("a date with a space", Rfc3339, "2023-11-14 22:13:20Z", bad("is not a date of RFC 3339")),
            ("a date without hyphens", Rfc3339, "20231114T221320Z", bad("is not a date of RFC 3339")),
            ("a date of more years", Rfc3339, "+002023-11-14T22:13:20Z", bad("is not a date of RFC 3339")),
            ("a date with a zone", Rfc3339, "2023-11-14T22:13:20Z[UTC]", bad("is not a date of RFC 3339")),
            ("no digit after the dot", Rfc3339, "2023-11-14T22:13:20.Z", bad("is not a date of RFC 3339")),
            ("no such day", Rfc3339, "2023-11-31T22:13:20Z", bad("is not a date of RFC 3339")),
            ("negative", Seconds, "-1700000000", bad("is not a whole number")),
            ("a plus", Seconds, "+1700000000", bad("is not a whole number")),
            ("a fraction", Seconds, "1700000000.0", bad("is not a whole number")),
            ("empty", Seconds, "", bad("is not a whole number")),
            ("larger than 64 bits", Seconds, "99999999999999999999", bad("is too large")),
            ("64 bits of seconds", Seconds, "18446744073709551615", bad("is too large")),
        ];
        for (case, unit, value, expected) in cases {
            assert_eq!(check(unit, value, NOW), expected, "{case}");
        }
    }

    #[test]
    fn milliseconds_of_ours_do_not_make_whole_seconds_stale() {
        assert_eq!(check(TimestampUnit::Seconds, "1699999700", NOW + 999), Ok(()));
        assert_eq!(
            check(TimestampUnit::Seconds, "1699999700", NOW + 1_000),
            Err(Rejected::Stale { by: 1_000 })
        );
    }

    #[test]
    fn what_is_written_is_fresh() {
        for unit in [
            TimestampUnit::Seconds,
            TimestampUnit::Milliseconds,
            TimestampUnit::Rfc3339,
            TimestampUnit::China,
        ] {
            for now in [0, NOW, NOW + 1, 4_102_444_800_123] {
                let freshness = Freshness::new(unit, Span::from_millis(0));
                let text = freshness.write(now);
                assert!(freshness.check("x-time", &text, now).is_ok_and(|until| until <= now), "{text}");
            }
        }
    }
}
