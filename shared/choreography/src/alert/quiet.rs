//! Quiet hours: when only what is critical is told.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use model::Timestamp;
use model::definition::QuietHours;

use crate::schedule::wall_clock_deadline;

/// Until when it is quiet; `None` when it is not.
pub fn until(quiet: QuietHours, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
    let local = zone.to_datetime(now).time();
    let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).ok()?;
    let is_quiet = if quiet.from <= quiet.to {
        (quiet.from..quiet.to).contains(&minute)
    } else {
        minute >= quiet.from || minute < quiet.to
    };
    is_quiet.then(|| wall_clock_deadline(now, time(quiet.to), zone))
}

fn time(minutes: u16) -> Time {
    let hour = i8::try_from(minutes / 60 % 24).unwrap_or(0);
    let minute = i8::try_from(minutes % 60).unwrap_or(0);
    Time::new(hour, minute, 0, 0).unwrap_or(Time::midnight())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_hours_end_on_the_wall_clock_also_over_midnight_and_clock_changes() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let night = QuietHours {
            from: 22 * 60,
            to: 7 * 60,
        };
        let noon = QuietHours {
            from: 12 * 60,
            to: 13 * 60,
        };
        for (quiet, now, until_then) in [
            (night, "2026-03-02T20:00:00-05", None),
            (
                night,
                "2026-03-02T22:00:00-05",
                Some("2026-03-03T07:00:00-05"),
            ),
            (
                night,
                "2026-03-03T06:59:00-05",
                Some("2026-03-03T07:00:00-05"),
            ),
            (night, "2026-03-03T07:00:00-05", None),
            // Clocks spring forward in this night.
            (
                night,
                "2026-03-07T23:00:00-05",
                Some("2026-03-08T07:00:00-04"),
            ),
            (
                noon,
                "2026-03-02T12:30:00-05",
                Some("2026-03-02T13:00:00-05"),
            ),
            (noon, "2026-03-02T13:00:00-05", None),
        ] {
            let expected = until_then.map(|at: &str| at.parse().unwrap());
            assert_eq!(until(quiet, &zone, now.parse().unwrap()), expected, "{now}");
        }
    }

    #[test]
    fn hours_that_begin_where_they_end_are_never_quiet() {
        let none = QuietHours { from: 60, to: 60 };
        let now = "2026-03-02T01:00:00Z".parse().unwrap();
        assert_eq!(until(none, &TimeZone::UTC, now), None);
    }
}
