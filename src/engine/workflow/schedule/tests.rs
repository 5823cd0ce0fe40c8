//! Schedules over the nights when clocks are set, over leap days and ends of years, and after an absence.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

fn ms(time: &str) -> u64 {
    u64::try_from(time.parse::<Timestamp>().unwrap_or_else(|_| panic!("{time}")).as_millisecond()).unwrap()
}

fn time(ms: u64) -> String {
    Timestamp::from_millisecond(i64::try_from(ms).unwrap()).unwrap().to_string()
}

fn schedule(cron: &str, zone: &str) -> Schedule {
    Schedule::parse(cron, zone).unwrap_or_else(|error| panic!("{error}"))
}

/// The times after `from`, as RFC 3339 in UTC.
fn times(cron: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
    let schedule = schedule(cron, zone);
    let next = |ms: &u64| schedule.next_after(*ms);
    std::iter::successors(next(&ms(from)), next).take(count).map(time).collect()
}

#[test]
fn times_follow_the_wall_clock_of_their_zone() {
    let cases: [(&str, &str, &str, &[&str]); 29] = [
        // The clock goes from 02:00 to 03:00 on 2026-03-29, and from 03:00 back to 02:00 on 2026-10-25.
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-03-28T00:00:00Z",
            &["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
        ),
        (
            "0 2 * * *",
            "Europe/Berlin",
            "2026-03-28T12:00:00Z",
            &["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"],
        ),
        (
            "0 3 * * *",
            "Europe/Berlin",
            "2026-03-28T12:00:00Z",
            &["2026-03-29T01:00:00Z", "2026-03-30T01:00:00Z"],
        ),
        (
            "*/30 * * * *",
            "Europe/Berlin",
            "2026-03-29T00:00:00Z",
            &["2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"],
        ),
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2026-10-24T12:00:00Z",
            &["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
        ),
        (
            "*/30 * * * *",
            "Europe/Berlin",
            "2026-10-25T00:00:00Z",
            &["2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z"],
        ),
        (
            "@daily",
            "Europe/Berlin",
            "2026-10-24T12:00:00Z",
            &["2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"],
        ),
        // 2026-03-08 and 2026-11-01, at 02:00.
        (
            "30 2 * * *",
            "America/New_York",
            "2026-03-07T12:00:00Z",
            &["2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"],
        ),
        (
            "30 1 * * *",
            "America/New_York",
            "2026-10-31T12:00:00Z",
            &["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"],
        ),
        (
            "0 9 * * MON-FRI",
            "America/New_York",
            "2026-03-06T15:00:00Z",
            &["2026-03-09T13:00:00Z", "2026-03-10T13:00:00Z"],
        ),
        (
            "30 1 1 11 *",
            "America/New_York",
            "2026-10-31T12:00:00Z",
            &["2026-11-01T05:30:00Z", "2027-11-01T05:30:00Z"],
        ),
        // No summer time since 1992.
        (
            "0 9 * * *",
            "Asia/Shanghai",
            "2026-03-28T12:00:00Z",
            &["2026-03-29T01:00:00Z", "2026-03-30T01:00:00Z"],
        ),
        (
            "0 0 1 1 *",
            "Asia/Shanghai",
            "2026-12-31T15:59:59Z",
            &["2026-12-31T16:00:00Z", "2027-12-31T16:00:00Z"],
        ),
        // Half an hour, and a whole day that Samoa did not have.
        (
            "15 2 * * *",
            "Australia/Lord_Howe",
            "2026-10-03T00:00:00Z",
            &["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"],
        ),
        (
            "0 12 * * *",
            "Pacific/Apia",
            "2011-12-29T00:00:00Z",
            &["2011-12-29T22:00:00Z", "2011-12-30T22:00:00Z"],
        ),
        ("45 0 * * *", "Asia/Kathmandu", "2026-01-01T00:00:00Z", &["2026-01-01T19:00:00Z"]),
        ("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", &["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]),
        ("0 0 29 2 *", "UTC", "2097-01-01T00:00:00Z", &["2104-02-29T00:00:00Z"]),
        ("0 0 L * *", "UTC", "2027-12-31T12:00:00Z", &["2028-01-31T00:00:00Z", "2028-02-29T00:00:00Z"]),
        (
            "59 59 23 31 12 *",
            "UTC",
            "2026-12-31T23:59:58Z",
            &["2026-12-31T23:59:59Z", "2027-12-31T23:59:59Z"],
        ),
        ("0 0 * * FRI#2", "UTC", "2026-01-01T00:00:00Z", &["2026-01-09T00:00:00Z", "2026-02-13T00:00:00Z"]),
        ("0 0 * * FRIL", "UTC", "2026-01-01T00:00:00Z", &["2026-01-30T00:00:00Z"]),
        ("0 0 15W * *", "UTC", "2026-02-01T00:00:00Z", &["2026-02-16T00:00:00Z", "2026-03-16T00:00:00Z"]),
        ("0 0 13 * FRI", "UTC", "2026-01-03T00:00:00Z", &["2026-01-09T00:00:00Z", "2026-01-13T00:00:00Z"]),
        ("0 0 * * 7", "UTC", "2026-01-01T00:00:00Z", &["2026-01-04T00:00:00Z"]),
        (
            "*/20 * * * * *",
            "UTC",
            "2026-01-01T00:00:00.500Z",
            &["2026-01-01T00:00:20Z", "2026-01-01T00:00:40Z", "2026-01-01T00:01:00Z"],
        ),
        (
            "@hourly",
            "Asia/Kolkata",
            "2026-01-01T00:00:00Z",
            &["2026-01-01T00:30:00Z", "2026-01-01T01:30:00Z"],
        ),
        ("@weekly", "UTC", "2026-01-01T00:00:00Z", &["2026-01-04T00:00:00Z"]),
        (
            "@every 15m",
            "Europe/Berlin",
            "2026-03-29T00:50:00Z",
            &["2026-03-29T01:00:00Z", "2026-03-29T01:15:00Z"],
        ),
    ];
    for (cron, zone, from, expected) in cases {
        assert_eq!(times(cron, zone, from, expected.len()), expected, "{cron} in {zone} after {from}");
    }
}

#[test]
fn what_is_no_schedule_is_refused() {
    let cases = [
        ("", "UTC", "it is empty"),
        ("* * *", "UTC", "is no schedule"),
        ("* * * * * * *", "UTC", "is no schedule"),
        ("60 * * * *", "UTC", "is no schedule"),
        ("* 24 * * *", "UTC", "is no schedule"),
        ("*/0 * * * *", "UTC", "is no schedule"),
        ("5-1 * * * *", "UTC", "is no schedule"),
        ("0 0 * * XYZ", "UTC", "is no schedule"),
        ("0 9 * * MON; rm", "UTC", "is no schedule"),
        ("@reboot", "UTC", "is no schedule"),
        ("@every 500ms", "UTC", "from 1s to 366d"),
        ("@every 400d", "UTC", "from 1s to 366d"),
        ("@every soon", "UTC", "is no duration"),
        ("0 0 30 2 *", "UTC", "never fires"),
        ("0 0 31 4,6,9,11 *", "UTC", "never fires"),
        ("@daily", "Europe/Atlantis", "is no time zone"),
        ("@daily", "", "is no time zone"),
        ("@daily", "../../etc/passwd", "is no time zone"),
        ("@daily", "CET-1CEST,M3.5.0,M10.5.0/3", "is no time zone"),
    ];
    for (cron, zone, expected) in cases {
        let start = Instant::now();
        let error = Schedule::parse(cron, zone).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(expected), "{cron} {zone}: {error}");
        assert!(start.elapsed() < Duration::from_secs(1), "{cron} took {:?}", start.elapsed());
    }
    assert!(Schedule::parse(&"* ".repeat(1_000), "UTC").is_err());
}

#[test]
fn missed_times_are_skipped_run_once_or_all_run() {
    let hourly = schedule("0 * * * *", "UTC");
    let (last, now) = (ms("2026-01-01T10:00:00Z"), ms("2026-01-01T14:30:00Z"));
    let due = |missed, now, most| -> Vec<String> {
        hourly.due(last, now, missed, most).into_iter().map(time).collect()
    };
    assert_eq!(due(Missed::Skip, now, 1000), [""; 0]);
    assert_eq!(due(Missed::RunOnce, now, 1000), ["2026-01-01T14:00:00Z"]);
    assert_eq!(
        due(Missed::RunAll, now, 1000),
        [11, 12, 13, 14].map(|hour| format!("2026-01-01T{hour}:00:00Z"))
    );
    assert_eq!(due(Missed::RunAll, now, 2), ["2026-01-01T13:00:00Z", "2026-01-01T14:00:00Z"]);
    // One that is on time stands for those before it.
    let now = ms("2026-01-01T14:00:20Z");
    assert_eq!(due(Missed::Skip, now, 1000), ["2026-01-01T14:00:00Z"]);
    assert_eq!(due(Missed::RunOnce, now, 1000), ["2026-01-01T14:00:00Z"]);
    assert_eq!(due(Missed::RunAll, now, 1000).len(), 4);
    // Not a moment too early, and none twice.
    assert_eq!(due(Missed::RunOnce, ms("2026-01-01T10:59:59.999Z"), 1000), [""; 0]);
    assert_eq!(due(Missed::RunOnce, ms("2026-01-01T11:00:00Z"), 1000), ["2026-01-01T11:00:00Z"]);
    assert_eq!(due(Missed::RunAll, last, 1000), [""; 0]);
    assert_eq!(due(Missed::RunAll, now, 0), [""; 0]);
}

#[test]
fn a_long_absence_gives_the_latest_hundred_and_takes_no_time() {
    let start = Instant::now();
    let now = ms("2026-06-01T00:00:00Z");
    for cron in ["* * * * * *", "@every 1s", "* * * * *", "0 0 29 2 *", "* * * 1 1 *"] {
        let schedule = schedule(cron, "Europe/Berlin");
        let due = schedule.due(0, now, Missed::RunAll, 1_000);
        assert!(due.len() <= MAX_RUN_ALL && due.is_sorted(), "{cron}: {}", due.len());
        assert_eq!(schedule.due(0, now, Missed::RunOnce, 1_000).last(), due.last(), "{cron}");
    }
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[test]
fn a_clock_that_is_set_back_never_fires_twice() {
    let schedule = schedule("*/5 * * * *", "Europe/Berlin");
    let start = ms("2026-10-25T00:00:00Z");
    let (mut last, mut fired) = (start, Vec::new());
    // Minutes of the server's clock: forward, back by an hour, back by a day, and on.
    let clock = (0..60).chain(0..120).chain(-1_440..-1_400).chain(100..400);
    for minute in clock {
        let now = start.saturating_add_signed(minute * 60_000);
        let due = schedule.due(last, now, Missed::RunAll, 1_000);
        last = due.last().copied().unwrap_or(last);
        fired.extend(due);
    }
    assert!(fired.is_sorted_by(|earlier, later| earlier < later));
    assert_eq!(fired.len(), 399 / 5);
}

#[test]
fn looking_back_finds_both_passes_of_a_repeated_hour() {
    let schedule = schedule("*/30 * * * *", "Australia/Lord_Howe");
    let (from, now) = (ms("2026-04-04T14:10:00Z"), ms("2026-04-04T15:10:00Z"));
    let due = schedule.due(from, now, Missed::RunAll, 1_000).into_iter().map(time);
    assert_eq!(due.collect::<Vec<_>>(), ["2026-04-04T14:30:00Z", "2026-04-04T15:00:00Z"]);
}

fn any_schedule() -> impl Strategy<Value = Schedule> {
    let cron = prop_oneof![
        "([0-5]?[0-9]|[*]|[*]/(2|5|15|30)|0,30) ([01]?[0-9]|2[0-3]|[*]|[*]/[2-8]|1-3) ([1-9]|1[0-9]|2[0-8]|[*]|L|15W) ([1-9]|[*]|3,10,11) ([0-6]|[*]|1-5|0#[1-4]|5L)",
        "([0-5]?[0-9]|[*]|[*]/10) ([0-5]?[0-9]|[*]) (2|[*]) [*] [*] [*]",
        "@(hourly|daily|weekly|monthly|yearly|every [1-9][0-9]{0,2}[smh])",
    ];
    let zone = prop_oneof![
        Just("UTC"),
        Just("Europe/Berlin"),
        Just("America/New_York"),
        Just("Asia/Shanghai"),
        Just("Australia/Lord_Howe"),
        Just("Africa/Casablanca"),
        Just("America/Sao_Paulo"),
        Just("Pacific/Chatham"),
    ];
    (cron, zone).prop_map(|(cron, zone)| schedule(&cron, zone))
}

proptest! {
    #[test]
    fn the_next_time_is_later_and_nothing_lies_between(schedule in any_schedule(), from in 0..4_102_444_800_000_u64) {
        let next = schedule.next_after(from).unwrap();
        prop_assert!(next > from);
        prop_assert_eq!(schedule.last_until(next), Some(next));
        prop_assert!(schedule.last_until(next - 1).is_none_or(|last| last <= from), "{:?}", schedule.last_until(next - 1).map(time));
    }

    #[test]
    fn looking_back_finds_what_looking_ahead_found(
        schedule in any_schedule(),
        // The nights of 2026 when clocks are set, and others.
        from in prop_oneof![ms("2026-03-29T00:00:00Z")..ms("2026-03-29T03:00:00Z"), ms("2026-10-25T00:00:00Z")..ms("2026-10-25T03:00:00Z"),
            ms("2026-11-01T04:00:00Z")..ms("2026-11-01T08:00:00Z"), ms("2026-03-08T05:00:00Z")..ms("2026-03-08T09:00:00Z"),
            ms("2026-01-01T00:00:00Z")..ms("2027-01-01T00:00:00Z")],
    ) {
        let ahead: Vec<u64> = std::iter::successors(schedule.next_after(from), |ms| schedule.next_after(*ms)).take(20).collect();
        let now = *ahead.last().unwrap();
        prop_assert_eq!(schedule.due(from, now, Missed::RunAll, 1_000).into_iter().map(time).collect::<Vec<_>>(), ahead.into_iter().map(time).collect::<Vec<_>>());
    }

    #[test]
    fn no_text_makes_it_panic(cron in "[*0-9,/#LWA-Z@ ?-]{0,24}", from in any::<u64>()) {
        if let Ok(schedule) = Schedule::parse(&cron, "Europe/Berlin") {
            prop_assert!(schedule.next_after(from).is_none_or(|next| next > from));
            schedule.due(from / 2, from, Missed::RunAll, 10);
        }
    }
}
