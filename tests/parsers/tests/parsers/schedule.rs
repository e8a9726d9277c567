//! Schedules: expressions, zones, and when they fire.

use choreography::schedule::{Missed, Schedule, dst_note, missed};
use jiff::Timestamp;
use model::definition::CatchUp;
use proptest::prelude::*;
use proptest::sample::select;

use crate::endure::{Input, endures};
use crate::text;

const GRAMMAR: &[&str] = &[
    "cron(",
    "rate(",
    "at(",
    ")",
    " ",
    "*",
    "?",
    "L",
    "W",
    "LW",
    "15W",
    "31",
    "29",
    "0",
    "59",
    "60",
    "1-5",
    "5-1",
    "*/15",
    "0/7",
    "1/1000",
    "MON",
    "SUN#5",
    "6L",
    "FEB",
    "2",
    "12",
    "2026",
    "2199",
    "1970",
    ",",
    "/",
    "#",
    "-",
    "1 minute",
    "5 minutes",
    "1 day",
    "hours",
    "2026-03-08T02:30:00",
];

const REAL: &[&str] = &[
    "cron(15 0 * * ? *)",
    "cron(0 0 29 2 ? *)",
    "cron(30 2 ? * SUN#2 *)",
    "cron(0/5 8-17 ? * MON-FRI 2026-2030)",
    "cron(0 0 L * ? *)",
    "cron(0 0 15W * ? *)",
    "rate(5 minutes)",
    "rate(1 day)",
    "at(2026-03-08T02:30:00)",
];

const ZONES: &[&str] = &[
    "UTC",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Europe/Dublin",
    "",
    "utc",
    "../etc/passwd",
    "Antarctica/Troll",
];

#[derive(Debug, Clone)]
struct Asked {
    expression: String,
    zone: String,
    at: i64,
}

impl Input for Asked {
    fn bytes(&self) -> usize {
        self.expression.len() + self.zone.len()
    }
}

fn ends(asked: &Asked) {
    let at = Timestamp::from_second(asked.at).unwrap();
    let Ok(schedule) = Schedule::parse(&asked.expression, &asked.zone, at) else {
        return;
    };
    if let Some(next) = schedule.next_after(at) {
        assert!(next > at);
        assert_eq!(schedule.previous_at_or_before(next), Some(next));
        let back = schedule.previous_at_or_before(at);
        assert!(back.is_none_or(|back| back <= at && schedule.next_after(back) == Some(next)));
    } else {
        assert!(schedule.never_fires_after(at));
    }
    assert!(schedule.between(at, at).next().is_none());
    let later = Timestamp::from_second(asked.at + 86_400 * 3).unwrap();
    let mut firings: Vec<Timestamp> = schedule.between(at, later).take(100).collect();
    let before = firings.clone();
    firings.sort();
    firings.dedup();
    assert_eq!(firings, before);
    for catch_up in [CatchUp::All, CatchUp::Latest, CatchUp::None] {
        let Missed { run, skip, .. } = missed(&schedule, at, later, catch_up, 100);
        assert!(skip.iter().chain(&run).is_sorted());
    }
    dst_note(schedule.time_zone(), at);
}

fn asked(expressions: impl Strategy<Value = String>) -> impl Strategy<Value = Asked> {
    let zones = prop_oneof![20 => select(ZONES).prop_map(str::to_owned), 1 => text::pieces(ZONES)];
    // From 1 to 9998, of which jiff knows zones.
    let at = prop_oneof![10 => 1_700_000_000..2_000_000_000_i64, 1 => -62_000_000_000..253_000_000_000_i64];
    (expressions, zones, at).prop_map(|(expression, zone, at)| Asked {
        expression,
        zone,
        at,
    })
}

#[test]
fn any_schedule_is_read_and_fires_in_order() {
    let damaged = text::damaged_text(
        REAL.iter().map(|text| (*text).to_owned()).collect(),
        GRAMMAR,
    );
    endures("schedules, damaged", asked(damaged), ends);
    endures("schedules, any", asked(text::pieces(GRAMMAR)), ends);
}
