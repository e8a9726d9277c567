//! What to tell a reader about the clock on the day of an instant.
//!
//! For people only: no decision depends on it. Must not know schedules.

use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Says that a zone's clock is changed on some day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DstNote {
    /// Whether times are missing or repeated.
    pub change: ClockChange,
    /// The instant of the change.
    pub at: Timestamp,
    /// What the clock would have shown at that instant.
    pub from: DateTime,
    /// What the clock shows at that instant.
    pub to: DateTime,
}

/// Tells the two ways of changing a clock apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockChange {
    /// The clock goes forward: the times from `from` until `to` do not exist and their ticks are skipped.
    Gap,
    /// The clock goes back: the times from `to` until `from` exist twice and fire the first time.
    Overlap,
}

impl fmt::Display for DstNote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (self.from.strftime("%H:%M"), self.to.strftime("%H:%M"));
        match self.change {
            ClockChange::Gap => {
                write!(
                    formatter,
                    "clock goes forward {from} → {to}: times between are skipped"
                )
            }
            ClockChange::Overlap => {
                write!(
                    formatter,
                    "clock goes back {from} → {to}: times between fire once, at first"
                )
            }
        }
    }
}

/// Notes the change of the clock, if any, on the local day of `instant`.
pub fn dst_note(zone: &TimeZone, instant: Timestamp) -> Option<DstNote> {
    let nanosecond = SignedDuration::from_nanos(1);
    let day = zone.to_datetime(instant).date();
    // Wide enough for every day, also one of 25 hours; the local date decides below.
    let from = instant.checked_sub(SignedDuration::from_hours(26)).ok()?;
    let until = instant.checked_add(SignedDuration::from_hours(26)).ok()?;
    zone.following(from)
        .map(|transition| transition.timestamp())
        .take_while(|at| *at < until)
        .filter(|at| zone.to_datetime(*at).date() == day)
        .find_map(|at| {
            let before = zone.to_offset(at.checked_sub(nanosecond).ok()?);
            let (from, to) = (before.to_datetime(at), zone.to_datetime(at));
            let change = match to.cmp(&from) {
                std::cmp::Ordering::Greater => ClockChange::Gap,
                std::cmp::Ordering::Less => ClockChange::Overlap,
                std::cmp::Ordering::Equal => return None,
            };
            Some(DstNote {
                change,
                at,
                from,
                to,
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(zone: &str, instant: &str) -> Option<String> {
        let zone = TimeZone::get(zone).unwrap();
        dst_note(&zone, instant.parse().unwrap()).map(|note| note.to_string())
    }

    #[test]
    fn only_the_day_of_a_change_is_noted() {
        let gap = "clock goes forward 02:00 → 03:00: times between are skipped";
        let overlap = "clock goes back 02:00 → 01:00: times between fire once, at first";
        let cases = [
            ("2026-03-07T23:59:00-05:00", None),
            ("2026-03-08T00:00:00-05:00", Some(gap)),
            ("2026-03-08T23:59:00-04:00", Some(gap)),
            ("2026-03-09T00:00:00-04:00", None),
            ("2026-11-01T00:00:00-04:00", Some(overlap)),
            ("2026-11-01T23:59:00-05:00", Some(overlap)),
            ("2026-11-02T00:00:00-05:00", None),
        ];
        for (instant, expected) in cases {
            assert_eq!(
                note("America/New_York", instant).as_deref(),
                expected,
                "{instant}"
            );
        }
    }

    #[test]
    fn a_zone_without_changes_is_never_noted() {
        assert_eq!(note("UTC", "2026-03-08T00:00:00Z"), None);
        assert_eq!(note("Asia/Kolkata", "2026-03-29T00:00:00Z"), None);
    }

    #[test]
    fn a_change_at_midnight_belongs_to_the_day_it_leads_to() {
        let expected = "clock goes forward 00:00 → 01:00: times between are skipped";
        assert_eq!(
            note("America/Havana", "2026-03-08T12:00:00-04:00").as_deref(),
            Some(expected)
        );
    }
}
