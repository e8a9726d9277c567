//! Ticks of several schedules in one order, those included that a clock change leaves out.

use choreography::schedule::{ClockChange, DstNote, Schedule, dst_note};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::chosen::Chosen;

/// A tick, or one that does not come.
#[derive(Debug)]
pub struct Tick<'a> {
    /// When; for a skipped one the instant of the clock change.
    pub at: Timestamp,
    pub schedule: &'a Chosen,
    /// The local time that the clock leaves out, so nothing fires.
    pub skipped: Option<DateTime>,
    /// What is to be said about the clock on that day.
    pub clock_change: Option<String>,
}

/// The first `count` ticks at or after `from` and before `until`, oldest first.
pub fn merged(
    chosen: &[Chosen],
    from: Timestamp,
    until: Option<Timestamp>,
    count: usize,
) -> Vec<Tick<'_>> {
    let before = |instant: Timestamp| {
        instant
            .checked_sub(SignedDuration::from_nanos(1))
            .unwrap_or(Timestamp::MIN)
    };
    let end = until.map_or(Timestamp::MAX, before);
    let mut ticks = Vec::new();
    for schedule in chosen {
        let fired: Vec<Timestamp> = schedule
            .schedule
            .between(before(from), end)
            .take(count)
            .collect();
        // Beyond the last tick shown nothing needs to be explained.
        let last = if fired.len() < count {
            end
        } else {
            *fired.last().unwrap_or(&from)
        };
        ticks.extend(skipped(schedule, from, last));
        ticks.extend(fired.into_iter().map(|at| Tick {
            at,
            schedule,
            skipped: None,
            clock_change: clock_change(schedule.schedule.time_zone(), at),
        }));
    }
    ticks.sort_by(|one, other| {
        (one.at, one.schedule.what, &one.schedule.name, one.skipped).cmp(&(
            other.at,
            other.schedule.what,
            &other.schedule.name,
            other.skipped,
        ))
    });
    ticks.truncate(count);
    ticks
}

/// Says what the clock's change means for a tick of that day.
fn clock_change(zone: &TimeZone, at: Timestamp) -> Option<String> {
    let note = dst_note(zone, at)?;
    let shown = zone.to_datetime(at);
    Some(match note.change {
        ClockChange::Overlap if note.to <= shown && shown < note.from => {
            format!(
                "{} comes twice: fires the first time",
                shown.strftime("%H:%M")
            )
        }
        ClockChange::Gap | ClockChange::Overlap => note.to_string(),
    })
}

/// The farthest that is looked ahead for clock changes; zones have them twice a year.
const FAR: SignedDuration = SignedDuration::from_hours(24 * 366 * 5);

/// The ticks whose local time a clock change leaves out.
fn skipped(chosen: &Chosen, from: Timestamp, until: Timestamp) -> Vec<Tick<'_>> {
    if !chosen.spec.expression.starts_with("cron") {
        return Vec::new();
    }
    // The same expression over a clock that is never changed.
    let Ok(wall) = Schedule::parse(&chosen.spec.expression, "UTC", Timestamp::UNIX_EPOCH) else {
        return Vec::new();
    };
    let zone = chosen.schedule.time_zone();
    let until = until.min(from.checked_add(FAR).unwrap_or(Timestamp::MAX));
    zone.following(from)
        .map(|transition| transition.timestamp())
        .take_while(|at| *at <= until)
        .filter_map(|at| Some((at, dst_note(zone, at)?)))
        .filter(|(at, note)| note.change == ClockChange::Gap && note.at == *at)
        .flat_map(|(at, note)| {
            left_out(&wall, &note).into_iter().map(move |time| Tick {
                at,
                schedule: chosen,
                skipped: Some(time),
                clock_change: Some(format!(
                    "skipped: the clock goes forward {} → {}",
                    note.from.strftime("%H:%M"),
                    note.to.strftime("%H:%M"),
                )),
            })
        })
        .collect()
}

/// The local times of an expression within a gap.
fn left_out(wall: &Schedule, gap: &DstNote) -> Vec<DateTime> {
    let instant = |local: DateTime| {
        local
            .to_zoned(TimeZone::UTC)
            .map_or(Timestamp::MIN, |zoned| zoned.timestamp())
    };
    let just_before = |local: DateTime| {
        instant(local)
            .checked_sub(SignedDuration::from_nanos(1))
            .unwrap_or(Timestamp::MIN)
    };
    wall.between(just_before(gap.from), just_before(gap.to))
        .map(|at| TimeZone::UTC.to_datetime(at))
        .collect()
}
