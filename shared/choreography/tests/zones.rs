//! Cron schedules against every clock change of every IANA zone, 2024 to 2030.
//!
//! The oracle knows neither the cron parser nor the way from wall-clock times to instants: it walks
//! instants minute by minute around each change, reads the local clock, and fires when the time matches
//! and the clock has not shown it before.

use std::collections::HashSet;

use choreography::schedule::Schedule;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

const FROM: &str = "2024-01-01T00:00:00Z";
const UNTIL: &str = "2031-01-01T00:00:00Z";
/// How far around a change is compared.
const AROUND: SignedDuration = SignedDuration::from_hours(4);
/// How much earlier the walk starts, so that it knows which times were shown before an overlap.
const RUN_UP: SignedDuration = SignedDuration::from_hours(3);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

struct Case {
    expression: &'static str,
    matches: fn(DateTime) -> bool,
}

/// Weekdays count SUN=1.
fn weekday(wall: DateTime) -> i8 {
    wall.date().weekday().to_sunday_one_offset()
}

const CASES: [Case; 9] = [
    Case {
        expression: "cron(*/15 * * * ? *)",
        matches: |wall| wall.minute() % 15 == 0,
    },
    Case {
        expression: "cron(0 0 * * ? *)",
        matches: |wall| (wall.hour(), wall.minute()) == (0, 0),
    },
    Case {
        expression: "cron(30 0 * * ? *)",
        matches: |wall| (wall.hour(), wall.minute()) == (0, 30),
    },
    Case {
        expression: "cron(30 1 * * ? *)",
        matches: |wall| (wall.hour(), wall.minute()) == (1, 30),
    },
    Case {
        expression: "cron(30 2 * * ? *)",
        matches: |wall| (wall.hour(), wall.minute()) == (2, 30),
    },
    Case {
        expression: "cron(0 1-3,23 * * ? *)",
        matches: |wall| wall.minute() == 0 && matches!(wall.hour(), 1..=3 | 23),
    },
    Case {
        expression: "cron(7/20 * ? * SUN *)",
        matches: |wall| weekday(wall) == 1 && matches!(wall.minute(), 7 | 27 | 47),
    },
    Case {
        expression: "cron(59 23 L * ? *)",
        matches: |wall| {
            (wall.hour(), wall.minute(), wall.day()) == (23, 59, wall.date().days_in_month())
        },
    },
    Case {
        expression: "cron(45 * ? 3,10,11 1#1 2025-2030)",
        matches: |wall| {
            wall.minute() == 45
                && matches!(wall.month(), 3 | 10 | 11)
                && weekday(wall) == 1
                && wall.day() <= 7
                && wall.year() >= 2025
        },
    },
];
const EVERY_MINUTE: Case = Case {
    expression: "cron(* * * * ? *)",
    matches: |_| true,
};

fn all_zones() -> impl Iterator<Item = TimeZone> {
    jiff::tz::db()
        .available()
        .filter(|name| name.as_str() != "Etc/Unknown")
        .map(|name| TimeZone::get(name.as_str()).expect("the database has what it lists"))
}

fn name(zone: &TimeZone) -> &str {
    zone.iana_name().expect("zones of the database have names")
}

/// Lists the instants at which the clock of the zone is changed.
fn changes(zone: &TimeZone) -> Vec<Timestamp> {
    let until: Timestamp = UNTIL.parse().expect("the constant is an instant");
    zone.following(FROM.parse().expect("the constant is an instant"))
        .map(|transition| transition.timestamp())
        .take_while(|at| *at < until)
        .collect()
}

/// Walks the minutes around `center`: each with what the clock shows for the first time.
fn first_shown(zone: &TimeZone, center: Timestamp) -> Vec<(Timestamp, DateTime)> {
    let (from, until) = (center - AROUND, center + AROUND);
    let mut shown = HashSet::new();
    let mut minute = from - RUN_UP;
    let mut first = Vec::new();
    while minute <= until {
        let wall = zone.to_datetime(minute);
        if shown.insert(wall) && minute > from {
            first.push((minute, wall));
        }
        minute += MINUTE;
    }
    first
}

fn compare(
    zone: &TimeZone,
    center: Timestamp,
    walk: &[(Timestamp, DateTime)],
    case: &Case,
    schedule: &Schedule,
) {
    let expected: Vec<Timestamp> = walk
        .iter()
        .filter(|(_, wall)| (case.matches)(*wall))
        .map(|(minute, _)| *minute)
        .collect();
    let (from, until) = (center - AROUND, center + AROUND);
    let actual: Vec<Timestamp> = schedule.between(from, until).collect();
    assert_eq!(
        actual,
        expected,
        "{} {} around {center}",
        name(zone),
        case.expression
    );
    assert_eq!(
        schedule
            .previous_at_or_before(until)
            .filter(|firing| *firing > from),
        expected.last().copied(),
        "{} {} before {until}",
        name(zone),
        case.expression
    );
}

#[test]
fn every_clock_change_of_every_zone_skips_gaps_and_fires_overlaps_once() {
    let mut compared = 0;
    for zone in all_zones() {
        let parse = |case: &Case| {
            Schedule::parse(case.expression, name(&zone), Timestamp::UNIX_EPOCH).unwrap()
        };
        let schedules = CASES.map(|case| (parse(&case), case));
        for change in changes(&zone) {
            let walk = first_shown(&zone, change);
            for (schedule, case) in &schedules {
                compare(&zone, change, &walk, case, schedule);
            }
            compared += 1;
        }
    }
    assert!(
        compared > 2_500,
        "only {compared} changes found: is the zone database whole?"
    );
}

#[test]
fn every_minute_means_every_minute_also_around_a_change() {
    for zone in all_zones() {
        let schedule =
            Schedule::parse(EVERY_MINUTE.expression, name(&zone), Timestamp::UNIX_EPOCH).unwrap();
        // One year has both directions; the other years are alike.
        for change in changes(&zone).into_iter().take(2) {
            compare(
                &zone,
                change,
                &first_shown(&zone, change),
                &EVERY_MINUTE,
                &schedule,
            );
        }
    }
}

#[test]
fn zones_fire_alike_on_days_without_a_change() {
    let noon = "2026-07-15T12:00:00Z".parse().unwrap();
    for zone in all_zones() {
        let walk = first_shown(&zone, noon);
        for case in &CASES {
            let schedule =
                Schedule::parse(case.expression, name(&zone), Timestamp::UNIX_EPOCH).unwrap();
            compare(&zone, noon, &walk, case, &schedule);
        }
    }
}
