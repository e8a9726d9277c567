//! What a run is for: the slot a tick, an upstream's success or an outside event stands for (rule
//! 4), and by when it must have succeeded.

use jiff::civil::{Time, time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use model::definition::{Align, Deadline};
use model::id::Slot;
use serde_json::Value;

use crate::schedule::wall_clock_deadline;

/// A slot with its instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotAt {
    pub slot: Slot,
    pub logical_date: Timestamp,
}

/// The zone of a checked definition; UTC should its name be unknown to this zone database.
pub fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

/// The slot of a tick: its scheduled instant, never the time of arrival.
pub fn of_tick(scheduled_time: Timestamp) -> SlotAt {
    SlotAt {
        slot: Slot::of_instant(scheduled_time),
        logical_date: scheduled_time,
    }
}

/// The slot at which a downstream workflow meets the run of an upstream: the local day or hour of
/// the upstream's logical date in the downstream's zone, or the very same slot.
pub fn of_upstream(align: Align, zone: &TimeZone, upstream: &SlotAt) -> SlotAt {
    let local = zone.to_datetime(upstream.logical_date);
    let at = |time: Time| {
        let wall = local.date().to_datetime(time);
        // In a gap: the first instant after it, which is the same local day or hour to people.
        zone.to_ambiguous_timestamp(wall)
            .compatible()
            .unwrap_or(upstream.logical_date)
    };
    match align {
        Align::Slot => upstream.clone(),
        Align::Day => SlotAt {
            slot: Slot::from(local.date().to_string()),
            logical_date: at(time(0, 0, 0, 0)),
        },
        Align::Hour => {
            // The second pass of an overlap is an hour of its own, so the instant names it.
            let into_the_hour = i64::from(local.minute()) * 60 + i64::from(local.second());
            let start = upstream.logical_date.as_second() - into_the_hour;
            let start = Timestamp::from_second(start).unwrap_or(upstream.logical_date);
            SlotAt {
                slot: Slot::of_instant(start),
                logical_date: start,
            }
        }
    }
}

/// The slot after `slot` at which a downstream workflow expects its upstreams; `None` for
/// [`Align::Slot`], whose slots only the upstream knows.
pub fn next_expected(align: Align, zone: &TimeZone, after: Timestamp) -> Option<SlotAt> {
    let step = match align {
        Align::Slot => return None,
        Align::Day => 1.day(),
        Align::Hour => 1.hour(),
    };
    let next = after
        .to_zoned(zone.clone())
        .checked_add(step)
        .ok()?
        .timestamp();
    let aligned = SlotAt {
        slot: Slot::of_instant(next),
        logical_date: next,
    };
    Some(of_upstream(align, zone, &aligned))
}

/// The slot of an outside event: the field the definition names; bucket, key and sequencer of an
/// S3 object event; the event's id otherwise. `Err` names the path that leads to no text.
pub fn of_event(path: Option<&str>, event: &Value) -> Result<Slot, String> {
    let at = |path: &str| {
        let value = path
            .split('.')
            .try_fold(event, |value, name| value.get(name));
        match value {
            Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
            Some(Value::Number(number)) => Ok(number.to_string()),
            Some(_) | None => Err(path.to_owned()),
        }
    };
    if let Some(path) = path {
        return at(path).map(Slot::from);
    }
    let is_object_event = event.get("source").is_some_and(|source| source == "aws.s3")
        && event.pointer("/detail/object/sequencer").is_some();
    if is_object_event {
        let (bucket, key) = (at("detail.bucket.name")?, at("detail.object.key")?);
        return Ok(Slot::from(format!(
            "{bucket}/{key}#{}",
            at("detail.object.sequencer")?
        )));
    }
    at("id").map(Slot::from)
}

/// By when the run of a slot must have succeeded.
pub fn deadline(deadline: Deadline, zone: &TimeZone, logical_date: Timestamp) -> Timestamp {
    match deadline {
        Deadline::After(seconds) => seconds.after(logical_date),
        Deadline::WallClock { hour, minute } => {
            let (hour, minute) = (hour.min(23), minute.min(59));
            let shown = Time::new(
                i8::try_from(hour).unwrap_or(23),
                i8::try_from(minute).unwrap_or(59),
                0,
                0,
            );
            let shown = shown.unwrap_or(Time::midnight());
            wall_clock_deadline(logical_date, shown, zone)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn upstream(instant: &str) -> SlotAt {
        of_tick(instant.parse().unwrap())
    }

    #[test]
    fn upstreams_meet_by_the_downstreams_local_day_or_hour() {
        let table = [
            // 00:15 in New York is a day of its own; in UTC it is 05:15.
            (
                Align::Day,
                "America/New_York",
                "2026-03-01T05:15:00Z",
                "2026-03-01",
            ),
            (Align::Day, "UTC", "2026-03-01T05:15:00Z", "2026-03-01"),
            (
                Align::Day,
                "America/Los_Angeles",
                "2026-03-01T05:15:00Z",
                "2026-02-28",
            ),
            (
                Align::Hour,
                "America/New_York",
                "2026-03-01T05:15:00Z",
                "2026-03-01T05:00:00Z",
            ),
            (
                Align::Hour,
                "UTC",
                "2026-03-01T05:15:20Z",
                "2026-03-01T05:00:00Z",
            ),
            // A zone half an hour off: its hours begin at half past.
            (
                Align::Hour,
                "Asia/Kolkata",
                "2026-03-01T05:15:00Z",
                "2026-03-01T04:30:00Z",
            ),
            (
                Align::Slot,
                "UTC",
                "2026-03-01T05:15:00Z",
                "2026-03-01T05:15:00Z",
            ),
            // Both passes of the overlap hour are hours of their own.
            (
                Align::Hour,
                "America/New_York",
                "2026-11-01T05:30:00Z",
                "2026-11-01T05:00:00Z",
            ),
            (
                Align::Hour,
                "America/New_York",
                "2026-11-01T06:30:00Z",
                "2026-11-01T06:00:00Z",
            ),
        ];
        for (align, zone, instant, slot) in table {
            let zone = TimeZone::get(zone).unwrap();
            let met = of_upstream(align, &zone, &upstream(instant));
            assert_eq!(met.slot.as_str(), slot, "{align:?} {instant}");
        }
    }

    #[test]
    fn expected_slots_follow_each_other_through_short_and_long_days() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let mut day = of_upstream(Align::Day, &zone, &upstream("2026-03-07T12:00:00Z"));
        let mut days = Vec::new();
        for _ in 0..3 {
            day = next_expected(Align::Day, &zone, day.logical_date).unwrap();
            days.push(day.logical_date.to_string());
        }
        assert_eq!(
            days,
            [
                "2026-03-08T05:00:00Z",
                "2026-03-09T04:00:00Z",
                "2026-03-10T04:00:00Z"
            ]
        );
    }

    #[test]
    fn an_event_is_known_by_its_key() {
        let object = json!({
            "id": "e-1", "source": "aws.s3",
            "detail": {"bucket": {"name": "raw"}, "object": {"key": "a b.csv", "sequencer": "0A"}}
        });
        let order = json!({"id": "e-2", "source": "shop", "detail": {"order": 17, "items": [], "note": ""}});
        let copy = json!({
            "id": "e-3", "source": "shop",
            "detail": {"bucket": {"name": "raw"}, "object": {"key": "a", "sequencer": "0B"}}
        });
        let access = json!({"id": "e-4", "source": "aws.s3", "detail": {"object": {"key": "a"}}});
        let table = [
            (None, &object, Ok("raw/a b.csv#0A")),
            (None, &order, Ok("e-2")),
            (None, &copy, Ok("e-3")),
            (None, &access, Ok("e-4")),
            (Some("detail.order"), &order, Ok("17")),
            (Some("detail.items"), &order, Err("detail.items")),
            (Some("detail.note"), &order, Err("detail.note")),
            (Some("detail.none"), &order, Err("detail.none")),
        ];
        for (path, event, expected) in table {
            let slot = of_event(path, event);
            let slot = slot.as_ref().map(Slot::as_str).map_err(String::as_str);
            assert_eq!(slot, expected, "{path:?} {event}");
        }
    }

    #[test]
    fn a_deadline_is_the_next_time_the_clock_shows_it() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let slot: Timestamp = "2026-03-01T05:15:00Z".parse().unwrap();
        let six = deadline(Deadline::WallClock { hour: 6, minute: 0 }, &zone, slot);
        assert_eq!(six.to_string(), "2026-03-01T11:00:00Z");
        let after = deadline(
            Deadline::After(model::units::Seconds::hours(3)),
            &zone,
            slot,
        );
        assert_eq!(after.to_string(), "2026-03-01T08:15:00Z");
    }
}
