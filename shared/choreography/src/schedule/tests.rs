//! Tables of expressions and their firings, and what must hold for any text and any instant.

use jiff::Timestamp;
use model::definition::CatchUp;
use proptest::prelude::*;

use super::*;

const ANCHOR: &str = "2026-01-01T00:30:00Z";

fn schedule(expression: &str, zone: &str) -> Schedule {
    Schedule::parse(expression, zone, ANCHOR.parse().unwrap())
        .unwrap_or_else(|error| panic!("{expression}: {error}"))
}

/// Lists the first firings after an instant, as local wall-clock times.
fn firings(expression: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
    let schedule = schedule(expression, zone);
    schedule
        .between(from.parse().unwrap(), Timestamp::MAX)
        .take(count)
        .map(|at| {
            at.to_zoned(schedule.time_zone().clone())
                .strftime("%Y-%m-%dT%H:%M%:z")
                .to_string()
        })
        .collect()
}

#[test]
fn expressions_fire_as_aws_documents_them() {
    let from = "2026-01-01T00:00:00Z";
    let cases: [(&str, &[&str]); 24] = [
        (
            "cron(15 10 * * ? *)",
            &["2026-01-01T10:15", "2026-01-02T10:15"],
        ),
        (
            "cron(0 18 ? * MON-FRI *)",
            &["2026-01-01T18:00", "2026-01-02T18:00", "2026-01-05T18:00"],
        ),
        (
            "cron(0 8 1 * ? *)",
            &["2026-01-01T08:00", "2026-02-01T08:00"],
        ),
        (
            "cron(0/10 * ? * MON-FRI *)",
            &["2026-01-01T00:10", "2026-01-01T00:20"],
        ),
        (
            "cron(0/5 8-17 ? * MON-FRI *)",
            &["2026-01-01T08:00", "2026-01-01T08:05"],
        ),
        (
            "cron(15 10 ? * 6L 2026-2027)",
            &["2026-01-30T10:15", "2026-02-27T10:15"],
        ),
        ("cron(15 10 ? * friL 2026-2027)", &["2026-01-30T10:15"]),
        (
            "cron(0 0 L * ? *)",
            &["2026-01-31T00:00", "2026-02-28T00:00", "2026-03-31T00:00"],
        ),
        (
            "cron(0 0 ? * L *)",
            &["2026-01-03T00:00", "2026-01-10T00:00"],
        ),
        (
            "cron(0 0 ? * 3#2 *)",
            &["2026-01-13T00:00", "2026-02-10T00:00"],
        ),
        (
            "cron(0 0 ? * SUN#5 *)",
            &["2026-03-29T00:00", "2026-05-31T00:00"],
        ),
        // The very last day of January is a Saturday, its seventh a Wednesday.
        (
            "cron(0 0 ? * 7L *)",
            &["2026-01-31T00:00", "2026-02-28T00:00"],
        ),
        (
            "cron(0 0 ? * WED#1 *)",
            &["2026-01-07T00:00", "2026-02-04T00:00"],
        ),
        (
            "cron(0 0 1W * ? *)",
            &["2026-02-02T00:00", "2026-03-02T00:00", "2026-04-01T00:00"],
        ),
        (
            "cron(0 0 31W * ? *)",
            &["2026-01-30T00:00", "2026-03-31T00:00", "2026-05-29T00:00"],
        ),
        (
            "cron(0 0 15W 8 ? *)",
            &["2026-08-14T00:00", "2027-08-16T00:00"],
        ),
        ("cron(0 0 ? * 1 *)", &["2026-01-04T00:00"]),
        (
            "cron(0 0 ? * 2-6/2 *)",
            &["2026-01-02T00:00", "2026-01-05T00:00", "2026-01-07T00:00"],
        ),
        (
            "cron(0 0 29 2 ? *)",
            &["2028-02-29T00:00", "2032-02-29T00:00"],
        ),
        (
            "cron(0,30 9,17 1/10 JAN,jul ? *)",
            &["2026-01-01T09:00", "2026-01-01T09:30"],
        ),
        (
            "cron(0 0 1 1 ? 2026/50)",
            &["2076-01-01T00:00", "2126-01-01T00:00", "2176-01-01T00:00"],
        ),
        ("rate(5 minutes)", &["2026-01-01T00:30", "2026-01-01T00:35"]),
        ("rate(1 day)", &["2026-01-01T00:30", "2026-01-02T00:30"]),
        ("at(2026-11-20T13:00:00)", &["2026-11-20T13:00"]),
    ];
    for (expression, expected) in cases {
        let fired = firings(expression, "UTC", from, expected.len());
        let expected: Vec<String> = expected
            .iter()
            .map(|time| format!("{time}+00:00"))
            .collect();
        assert_eq!(fired, expected, "{expression}");
    }
}

#[test]
fn a_tick_in_a_gap_is_skipped_and_one_in_an_overlap_fires_once() {
    let zone = "America/New_York";
    let daily = "cron(30 2 * * ? *)";
    let spring = firings(daily, zone, "2026-03-07T00:00:00-05:00", 2);
    assert_eq!(spring, ["2026-03-07T02:30-05:00", "2026-03-09T02:30-04:00"]);
    let autumn = firings("cron(30 1 * * ? *)", zone, "2026-10-31T12:00:00-04:00", 2);
    assert_eq!(autumn, ["2026-11-01T01:30-04:00", "2026-11-02T01:30-05:00"]);
    let half_hourly = firings("cron(0/30 * * * ? *)", zone, "2026-11-01T00:30:00-04:00", 4);
    let expected = [
        "2026-11-01T01:00-04:00",
        "2026-11-01T01:30-04:00",
        "2026-11-01T02:00-05:00",
        "2026-11-01T02:30-05:00",
    ];
    assert_eq!(half_hourly, expected);
}

#[test]
fn the_tick_before_the_second_pass_of_an_overlap_is_found() {
    let schedule = schedule("cron(30 1 * * ? *)", "America/New_York");
    let second_pass = "2026-11-01T01:10:00-05:00".parse().unwrap();
    let expected = "2026-11-01T01:30:00-04:00".parse().unwrap();
    assert_eq!(schedule.previous_at_or_before(second_pass), Some(expected));
}

#[test]
fn a_daily_rate_keeps_24_hours_across_a_clock_change() {
    let fired = firings("rate(1 day)", "America/New_York", "2026-03-07T00:00:00Z", 3);
    let expected = [
        "2026-03-06T19:30-05:00",
        "2026-03-07T19:30-05:00",
        "2026-03-08T20:30-04:00",
    ];
    assert_eq!(fired, expected);
}

#[test]
fn a_rate_fires_at_its_anchor_and_never_before() {
    let schedule = schedule("rate(1 hour)", "UTC");
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };
    let (anchor, second) = (at(ANCHOR), at("2026-01-01T01:30:00Z"));
    let (before, just_after) = (at("2026-01-01T00:29:59Z"), at("2026-01-01T00:30:01Z"));
    // an instant, the last firing up to it, and the first after it
    let table = [
        (before, None, anchor),
        (anchor, Some(anchor), second),
        (just_after, Some(anchor), second),
    ];
    for (instant, previous, next) in table {
        assert_eq!(schedule.previous_at_or_before(instant), previous);
        assert_eq!(schedule.next_after(instant), Some(next), "{instant}");
    }
}

#[test]
fn a_minute_that_has_begun_fires_no_more() {
    let schedule = schedule("cron(* * * * ? *)", "UTC");
    let begun = "2026-01-01T00:29:00.000000001Z".parse().unwrap();
    let next = "2026-01-01T00:30:00Z".parse().unwrap();
    assert_eq!(schedule.next_after(begun), Some(next));
}

#[test]
fn what_can_never_fire_says_so() {
    let now = "2026-06-01T00:00:00Z".parse().unwrap();
    let cases = [
        ("cron(0 0 30 2 ? *)", true),
        ("cron(0 0 * * ? 2025)", true),
        ("cron(30 2 8 3 ? 2026)", true),
        ("at(2026-05-31T00:00:00)", true),
        ("at(2027-03-14T02:30:00)", true),
        ("cron(0 0 31 12 ? 2199)", false),
        ("at(2027-01-01T00:00:00)", false),
        ("rate(1 minute)", false),
    ];
    for (expression, never) in cases {
        let schedule = schedule(expression, "America/New_York");
        assert_eq!(schedule.never_fires_after(now), never, "{expression}");
    }
}

#[test]
fn a_wrong_expression_is_refused_with_its_place_and_what_would_be_right() {
    let cases = [
        ("cron(0 0 * * *)", "0 0 * * *", "write cron(0 0 * * ? *)"),
        (
            "cron(0 0 * * 1)",
            "0 0 * * 1",
            "write cron(0 0 ? * 1 *), where SUN is 1",
        ),
        (
            "cron()",
            "",
            "write cron(minutes hours day-of-month month day-of-week year)",
        ),
        ("cron(0 0 * * * *)", "*", "write `?` in day-of-week"),
        ("cron(0 0 * * MON *)", "*", "write `?` in day-of-month"),
        ("cron(0 0 ? * ? *)", "? * ?", "exactly one of them is `?`"),
        ("cron(60 0 * * ? *)", "60", "minutes takes 0-59"),
        (
            "cron(? 0 * * ? *)",
            "?",
            "`?` belongs into day-of-month or day-of-week",
        ),
        ("cron(0 24 * * ? *)", "24", "hours takes 0-23"),
        ("cron(0 0 0 * ? *)", "0", "day-of-month takes 1-31"),
        ("cron(0 0 ? * 0 *)", "0", "takes 1-7 or SUN-SAT (SUN is 1)"),
        ("cron(0 0 ? * 1,MUN *)", "MUN", "did you mean SUN?"),
        ("cron(0 0 1 JANUARY ? *)", "JANUARY", "did you mean JAN?"),
        (
            "cron(0 0 ? * FRI-MON *)",
            "FRI-MON",
            "write it as two: FRI-7,1-MON",
        ),
        ("cron(0 0 L,15 * ? *)", "L", "stand alone"),
        ("cron(0 0 1-5W * ? *)", "1-5", "day-of-month takes 1-31"),
        ("cron(0 0 1,15W * ? *)", "1,15", "day-of-month takes 1-31"),
        ("cron(0 0 ? * 3#1,6#3 *)", "1,6#3", "takes 1-5"),
        ("cron(0 0 ? * 3#6 *)", "6", "takes 1-5"),
        (
            "cron(0/0 0 * * ? *)",
            "0",
            "a step is a number from 1 to 60",
        ),
        ("cron(0 0 * * ? 1969)", "1969", "year takes 1970-2199"),
        ("cron(0 0 * * ? 2200)", "2200", "year takes 1970-2199"),
        ("cron(ä 0 * * ? *)", "ä", "minutes takes 0-59"),
        ("rate(5 minute)", "minute", "write rate(5 minutes)"),
        ("rate(1 hours)", "hours", "write rate(1 hour)"),
        ("rate(0 days)", "0", "write e.g. rate(15 minutes)"),
        ("rate(+5 days)", "+5", "write e.g. rate(15 minutes)"),
        ("rate(-1 days)", "-1", "write e.g. rate(15 minutes)"),
        ("rate(5 weeks)", "weeks", "write minute, minutes"),
        ("rate(5)", "5", "write e.g. rate(15 minutes)"),
        (
            "at(2026-11-20)",
            "2026-11-20",
            "write at(yyyy-mm-ddThh:mm:ss)",
        ),
        (
            "at(2026-02-30T00:00:00)",
            "2026-02-30T00:00:00",
            "write at(yyyy-mm-ddThh:mm:ss)",
        ),
        (
            "at(2026-11-20T13:00:60)",
            "2026-11-20T13:00:60",
            "write at(yyyy-mm-ddThh:mm:ss)",
        ),
        (
            "at(2026-11-20T13:00:00Z)",
            "2026-11-20T13:00:00Z",
            "without an offset",
        ),
        ("0 0 * * *", "0 0 * * *", "write cron(…), rate(…) or at(…)"),
        ("Cron(0 0 * * ? *)", "Cron(0 0 * * ? *)", "write cron(…)"),
        ("every day", "every day", "write cron(…), rate(…) or at(…)"),
        ("", "", "write cron(…), rate(…) or at(…)"),
    ];
    for (expression, place, hint) in cases {
        let error = Schedule::parse(expression, "UTC", Timestamp::UNIX_EPOCH)
            .err()
            .unwrap_or_else(|| panic!("{expression} was taken"));
        assert_eq!(&expression[error.range.clone()], place, "{expression}");
        assert!(error.hint.contains(hint), "{expression}: {}", error.hint);
    }
}

fn any_instant() -> impl Strategy<Value = Timestamp> {
    let seconds = Timestamp::MIN.as_second()..=Timestamp::MAX.as_second();
    let usual = 0_i64..=7_500_000_000;
    prop_oneof![
        3 => usual.prop_map(|second| Timestamp::from_second(second).unwrap()),
        1 => seconds.prop_map(|second| Timestamp::from_second(second).unwrap()),
        1 => Just(Timestamp::MIN),
        1 => Just(Timestamp::MAX),
    ]
}

fn any_zone() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "UTC",
        "America/New_York",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Africa/Casablanca",
        "America/Havana",
        "Asia/Gaza",
    ])
}

/// Makes expressions that are mostly right.
fn any_expression() -> impl Strategy<Value = String> {
    let day = "[0-9*?LW#,/-]{1,4}|\\?|\\*";
    let cron = (
        "[0-5]?[0-9]|\\*|\\*/[1-9]",
        "[01]?[0-9]|\\*",
        day,
        "[1-9]|\\*",
        day,
        "\\*|20[0-9]{2}",
    )
        .prop_map(|(a, b, c, d, e, f)| format!("cron({a} {b} {c} {d} {e} {f})"));
    let rate = "rate\\([0-9]{1,10} (minute|hour|day)s\\)";
    let at = "at\\([0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:00\\)";
    prop_oneof![4 => cron, 1 => rate, 1 => at]
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused_with_a_place_inside_it(text in ".*", zone in ".*") {
        let texts = [text.clone(), format!("cron({text})"), format!("rate({text})"), format!("at({text})")];
        for expression in texts {
            if let Err(error) = Schedule::parse(&expression, "UTC", Timestamp::UNIX_EPOCH) {
                prop_assert!(expression.get(error.range.clone()).is_some(), "{error:?}");
            }
        }
        if let Err(error) = Schedule::parse("rate(1 day)", &zone, Timestamp::UNIX_EPOCH) {
            prop_assert!(zone.get(error.range.clone()).is_some(), "{error:?}");
        }
    }

    #[test]
    fn next_and_previous_agree_at_any_instant(
        expression in any_expression(), zone in any_zone(), anchor in any_instant(), instant in any_instant(),
    ) {
        let Ok(schedule) = Schedule::parse(&expression, zone, anchor) else { return Ok(()) };
        let next = schedule.next_after(instant);
        let previous = schedule.previous_at_or_before(instant);
        prop_assert!(previous.is_none_or(|firing| firing <= instant));
        if let Some(next) = next {
            prop_assert!(next > instant);
            prop_assert_eq!(schedule.previous_at_or_before(next), Some(next));
            prop_assert_eq!(schedule.previous_before(next), previous);
        }
        if let Some(previous) = previous {
            prop_assert_eq!(schedule.next_after(previous), next);
        }
        let missed = missed(&schedule, Timestamp::MIN, instant, CatchUp::All, 3);
        prop_assert!(missed.run.len() <= 3 && missed.run.is_sorted());
        prop_assert_eq!(missed.run.last().copied(), previous.filter(|firing| *firing > Timestamp::MIN));
    }
}
