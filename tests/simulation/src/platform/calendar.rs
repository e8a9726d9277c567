//! The day a world lives through, and when schedules fire on it.
//!
//! The oracle here shares no code with the product's schedules: it walks through every minute of
//! the zone database and compares what a clock on the wall shows with the fields of the expression.
//! A minute the wall never shows (a gap) fires nothing, one it shows twice (an overlap) fires once:
//! that is EventBridge Scheduler's rule for daylight saving.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use jiff::civil::{DateTime, date};
use jiff::tz::TimeZone;
use model::Timestamp;
use model::units::Seconds;

/// A day in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Calendar {
    pub name: &'static str,
    pub zone: &'static str,
    /// In UTC.
    begin: DateTime,
}

/// No clock changes.
pub const PLAIN: Calendar = day("a plain day", "UTC", date(2026, 3, 1).at(5, 1, 0, 0));
/// 29 February.
pub const LEAP: Calendar = day("a leap day", "UTC", date(2028, 2, 29).at(0, 1, 0, 0));
/// Clocks change during the busy hours.
pub const CHANGES: [Calendar; 4] = [
    day(
        "New York springs forward",
        "America/New_York",
        date(2026, 3, 8).at(5, 1, 0, 0),
    ),
    day(
        "New York falls back",
        "America/New_York",
        date(2026, 11, 1).at(4, 1, 0, 0),
    ),
    day(
        "Lord Howe falls back by half an hour",
        "Australia/Lord_Howe",
        date(2026, 4, 4).at(13, 1, 0, 0),
    ),
    day(
        "Berlin springs forward",
        "Europe/Berlin",
        date(2026, 3, 28).at(23, 1, 0, 0),
    ),
];

const fn day(name: &'static str, zone: &'static str, begin: DateTime) -> Calendar {
    Calendar { name, zone, begin }
}

/// How long there is trouble, and how long everything may take at most.
const BUSY: Seconds = Seconds::minutes(210);
const WHOLE: Seconds = Seconds::hours(72);

impl Calendar {
    /// When it begins.
    pub fn begin(&self) -> Timestamp {
        let begin = TimeZone::UTC.to_timestamp(self.begin);
        begin.expect("an instant there is")
    }

    /// When the trouble ends.
    pub fn calm(&self) -> Timestamp {
        BUSY.after(self.begin())
    }

    /// When everything must long have ended.
    pub fn end(&self) -> Timestamp {
        WHOLE.after(self.begin())
    }

    /// The local date of the busy hours.
    pub fn date(&self) -> jiff::civil::Date {
        self.wall(self.begin()).date()
    }

    /// The hours the wall shows while there is trouble.
    pub fn busy_hours(&self) -> BTreeSet<i8> {
        let quarters = (0..=BUSY.0 / 900).map(|quarter| Seconds(900 * quarter));
        let instants = quarters.map(|passed| passed.after(self.begin()));
        instants.map(|at| self.wall(at).hour()).collect()
    }

    fn wall(&self, at: Timestamp) -> DateTime {
        self.time_zone().to_datetime(at)
    }

    fn time_zone(&self) -> TimeZone {
        TimeZone::get(self.zone).expect("a zone of the database")
    }

    /// Every instant of the whole time at which `cron(…)` fires.
    pub fn firings(&self, expression: &str) -> Rc<Vec<Timestamp>> {
        thread_local! {
            static KNOWN: RefCell<HashMap<(Calendar, String), Rc<Vec<Timestamp>>>> =
                RefCell::default();
        }
        let key = (*self, expression.to_owned());
        if let Some(known) = KNOWN.with_borrow(|known| known.get(&key).cloned()) {
            return known;
        }
        let fresh = Rc::new(enumerate(self, expression));
        KNOWN.with_borrow_mut(|known| known.insert(key, Rc::clone(&fresh)));
        fresh
    }
}

/// Walks through all minutes. It begins a day early, so that it knows what the wall has shown.
fn enumerate(calendar: &Calendar, expression: &str) -> Vec<Timestamp> {
    let fields = expression
        .strip_prefix("cron(")
        .and_then(|rest| rest.strip_suffix(')'));
    let fields: Vec<&str> = fields.expect("a cron expression").split(' ').collect();
    let zone = calendar.time_zone();
    let from = Seconds::hours(24).before(calendar.begin());
    let mut shown = BTreeSet::new();
    let mut firings = Vec::new();
    for minute in 0..Seconds::between(from, calendar.end()).0 / 60 {
        let at = Seconds::minutes(minute).after(from);
        let wall = zone.to_datetime(at);
        let first = shown.insert(wall);
        if first && at > calendar.begin() && matches(&fields, wall) {
            firings.push(at);
        }
    }
    firings
}

/// Minutes, hours, day of the month, month, `?`, year.
fn matches(fields: &[&str], wall: DateTime) -> bool {
    let [minute, hour, day, month, "?", year] = fields else {
        panic!("an expression the oracle does not read: {fields:?}");
    };
    let shows = [
        (minute, i64::from(wall.minute())),
        (hour, i64::from(wall.hour())),
        (day, i64::from(wall.day())),
        (month, i64::from(wall.month())),
        (year, i64::from(wall.year())),
    ];
    shows.iter().all(|(field, value)| {
        let mut parts = field.split(',');
        parts.any(|part| covers(part, *value))
    })
}

fn covers(part: &str, value: i64) -> bool {
    let number = |text: &str| text.parse::<i64>().expect("a number");
    match (part, part.split_once('/'), part.split_once('-')) {
        ("*", _, _) => true,
        (_, Some((from, step)), _) => {
            value >= number(from) && (value - number(from)) % number(step) == 0
        }
        (_, None, Some((from, to))) => (number(from)..=number(to)).contains(&value),
        (_, None, None) => value == number(part),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(calendar: &Calendar, expression: &str) -> Vec<String> {
        let firings = calendar.firings(expression);
        firings
            .iter()
            .map(|at| at.strftime("%d %H:%M").to_string())
            .collect()
    }

    #[test]
    fn a_gap_fires_nothing_and_an_overlap_once() {
        let [spring, fall, howe, _] = CHANGES;
        assert_eq!(
            at(&spring, "cron(30 1-3 8 3 ? 2026)"),
            ["08 06:30", "08 07:30"]
        );
        assert_eq!(
            at(&fall, "cron(30 0-2 1 11 ? 2026)"),
            ["01 04:30", "01 05:30", "01 07:30"]
        );
        assert_eq!(
            at(&howe, "cron(0/30 1 5 4 ? 2026)"),
            ["04 14:00", "04 14:30"]
        );
        assert_eq!(at(&LEAP, "cron(0 12 29 2 ? 2028)"), ["29 12:00"]);
        assert_eq!(at(&PLAIN, "cron(5,10 6 * * ? 2026)").len(), 6);
    }

    #[test]
    fn clocks_change_while_there_is_trouble() {
        for calendar in CHANGES {
            let zone = calendar.time_zone();
            let offset = |at| zone.to_offset(at);
            assert_ne!(
                offset(calendar.begin()),
                offset(calendar.calm()),
                "{}",
                calendar.name
            );
            assert_eq!(calendar.wall(calendar.begin()).hour(), 0);
        }
    }
}
