//! What a wall-clock time means in a zone: the daylight-saving rule of EventBridge Scheduler.
//!
//! In a gap there is no instant, so the tick is skipped; in an overlap there are two and the first counts
//! (EventBridge Scheduler User Guide, "Daylight savings time"). Must not know schedules.

use jiff::civil::{DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::error::{ScheduleError, SchedulePart};

/// No zone has ever turned its clock back by more than this.
const LONGEST_OVERLAP: SignedDuration = SignedDuration::from_hours(25);
const NANOSECOND: SignedDuration = SignedDuration::from_nanos(1);

/// Looks up an IANA time zone by its exact name.
pub(super) fn parse(name: &str) -> Result<TimeZone, ScheduleError> {
    let refused = |hint: String| ScheduleError {
        part: SchedulePart::TimeZone,
        range: 0..name.len(),
        what: format!("`{name}` is no IANA time zone"),
        hint,
    };
    match TimeZone::get(name) {
        Ok(zone) if zone.iana_name() == Some(name) && !zone.is_unknown() => Ok(zone),
        Ok(_) | Err(_) => Err(refused(match closest_zone(name) {
            Some(closest) => format!("did you mean {closest}?"),
            None => "write a name like America/New_York, Europe/Berlin or UTC".to_owned(),
        })),
    }
}

fn closest_zone(name: &str) -> Option<String> {
    // Names are short; an essay is no misspelling and not worth the comparison.
    if name.len() > 64 {
        return None;
    }
    let wanted = name.replace(' ', "_").to_lowercase();
    let distance = |zone: &str| {
        let zone = zone.to_lowercase();
        let city = zone.rsplit('/').next().unwrap_or(&zone);
        let whole = strsim::damerau_levenshtein(&zone, &wanted);
        // `New_York` alone is a common way to write it; worse than any true misspelling, though.
        whole.min(strsim::damerau_levenshtein(city, &wanted) + 1)
    };
    jiff::tz::db()
        .available()
        .map(|zone| zone.as_str().to_owned())
        .filter(|zone| zone != "Etc/Unknown")
        .map(|zone| (distance(&zone), zone))
        .min()
        .filter(|(distance, _)| *distance <= 1 + wanted.len() / 4)
        .map(|(_, zone)| zone)
}

/// Finds the first instant at which the zone's clock shows `wall`; none in a gap.
pub(super) fn first_instant(zone: &TimeZone, wall: DateTime) -> Option<Timestamp> {
    match zone.to_ambiguous_timestamp(wall).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(wall).ok(),
        AmbiguousOffset::Fold { before, after: _ } => before.to_timestamp(wall).ok(),
        AmbiguousOffset::Gap {
            before: _,
            after: _,
        } => None,
    }
}

/// Finds the latest wall-clock time that the zone's clock has shown until `instant`.
///
/// In the second pass of an overlap that is a time the clock shows again only later.
pub(super) fn latest_shown(zone: &TimeZone, instant: Timestamp) -> DateTime {
    let now = zone.to_datetime(instant);
    let Ok(until) = instant.checked_add(NANOSECOND) else {
        return now;
    };
    zone.preceding(until)
        .map(|transition| transition.timestamp())
        .take_while(|at| instant.duration_since(*at) <= LONGEST_OVERLAP)
        .filter_map(|at| at.checked_sub(NANOSECOND).ok())
        .map(|before| zone.to_datetime(before))
        .fold(now, DateTime::max)
}

/// Finds the first instant strictly after `base` at which the zone's clock shows `time`.
///
/// Where `time` falls into a gap, it is the first instant after the gap. At the end of the supported
/// calendar (year 9999) the answer is the last instant there is.
pub fn wall_clock_deadline(base: Timestamp, time: Time, zone: &TimeZone) -> Timestamp {
    // Yesterday counts in the second pass of an overlap around midnight; four days on, because a zone
    // that crosses the date line loses a whole one.
    let today = zone.to_datetime(base).date();
    let first_day = today.yesterday().unwrap_or(today);
    first_day
        .series(jiff::Span::new().days(1))
        .take(5)
        .flat_map(|day| instants_or_end_of_gap(zone, day.to_datetime(time)))
        .flatten()
        .filter(|instant| *instant > base)
        .min()
        .unwrap_or(Timestamp::MAX)
}

fn instants_or_end_of_gap(zone: &TimeZone, wall: DateTime) -> [Option<Timestamp>; 2] {
    match zone.to_ambiguous_timestamp(wall).offset() {
        AmbiguousOffset::Unambiguous { offset } => [offset.to_timestamp(wall).ok(), None],
        AmbiguousOffset::Fold { before, after } => [
            before.to_timestamp(wall).ok(),
            after.to_timestamp(wall).ok(),
        ],
        AmbiguousOffset::Gap { before, after: _ } => {
            // Read with the old offset, a time in the gap lies just after the clock change.
            let end_of_gap = before
                .to_timestamp(wall)
                .and_then(|inside| inside.checked_add(NANOSECOND))
                .ok()
                .and_then(|until| zone.preceding(until).next())
                .map(|transition| transition.timestamp());
            [end_of_gap, None]
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::time;

    use super::*;

    #[test]
    fn a_misspelt_zone_is_refused_with_the_one_that_was_meant() {
        let cases = [
            ("America/NewYork", "did you mean America/New_York?"),
            ("america/new_york", "did you mean America/New_York?"),
            ("New_York", "did you mean America/New_York?"),
            ("Europe/Berln", "did you mean Europe/Berlin?"),
            ("utc", "did you mean UTC?"),
            (
                "Moon/Tranquility",
                "write a name like America/New_York, Europe/Berlin or UTC",
            ),
            (
                "",
                "write a name like America/New_York, Europe/Berlin or UTC",
            ),
        ];
        for (name, hint) in cases {
            let error = parse(name).expect_err(name);
            assert_eq!(error.hint, hint, "{name}");
            assert_eq!(
                (error.part, error.range),
                (SchedulePart::TimeZone, 0..name.len())
            );
        }
    }

    #[test]
    fn a_deadline_is_the_first_instant_after_its_base_that_shows_the_time() {
        let cases = [
            (
                "an ordinary day",
                "2026-06-01T04:15:00Z",
                time(6, 0, 0, 0),
                "2026-06-01T10:00:00Z",
            ),
            (
                "already past",
                "2026-06-01T10:00:00Z",
                time(6, 0, 0, 0),
                "2026-06-02T10:00:00Z",
            ),
            (
                "in the gap",
                "2026-03-08T05:00:00Z",
                time(2, 30, 0, 0),
                "2026-03-08T07:00:00Z",
            ),
            (
                "first pass",
                "2026-11-01T04:00:00Z",
                time(1, 30, 0, 0),
                "2026-11-01T05:30:00Z",
            ),
            (
                "second pass",
                "2026-11-01T05:30:00Z",
                time(1, 30, 0, 0),
                "2026-11-01T06:30:00Z",
            ),
            (
                "after both",
                "2026-11-01T06:30:00Z",
                time(1, 30, 0, 0),
                "2026-11-02T06:30:00Z",
            ),
        ];
        let zone = parse("America/New_York").unwrap();
        for (name, base, time, expected) in cases {
            let deadline = wall_clock_deadline(base.parse().unwrap(), time, &zone);
            assert_eq!(deadline, expected.parse().unwrap(), "{name}");
        }
    }

    #[test]
    fn a_deadline_on_a_day_that_a_zone_skips_is_the_start_of_the_next() {
        let zone = parse("Pacific/Apia").unwrap();
        let base = "2011-12-29T23:00:00-10:00".parse().unwrap();
        let deadline = wall_clock_deadline(base, time(6, 0, 0, 0), &zone);
        assert_eq!(deadline, "2011-12-31T00:00:00+14:00".parse().unwrap());
    }

    #[test]
    fn a_deadline_at_the_end_of_the_calendar_is_its_last_instant() {
        let zone = parse("Europe/Berlin").unwrap();
        assert_eq!(
            wall_clock_deadline(Timestamp::MAX, Time::midnight(), &zone),
            Timestamp::MAX
        );
        wall_clock_deadline(Timestamp::MIN, Time::midnight(), &zone);
    }
}
