//! What a schedule owes next (rule 18): how its expected slot moves on when a slot is recorded.
//!
//! Must not know what a slot is recorded as, nor what becomes of slots that were missed.

use std::collections::BTreeSet;

use model::Timestamp;
use model::definition::ScheduleSpec;
use model::expected::{Expected, ScheduleRef};
use model::units::Seconds;

use crate::schedule::{Schedule, ScheduleError};

/// How late a tick may be before it counts as missed.
pub const GRACE: Seconds = Seconds::minutes(5);

/// The first firing of every rate; ticks, expected slots and windows must count from the same
/// instant.
pub const RATE_ANCHOR: Timestamp = Timestamp::UNIX_EPOCH;

/// The most slots kept as recorded ahead; further ones are owed and recorded a second time, which
/// changes nothing.
const MOST_AHEAD: usize = 256;

/// Reads a definition's schedule.
pub fn schedule_of(spec: &ScheduleSpec) -> Result<Schedule, ScheduleError> {
    Schedule::parse(&spec.expression, &spec.timezone, RATE_ANCHOR)
}

/// Says what a schedule owes once it is registered: nothing up to `at`.
pub fn registered(
    reference: ScheduleRef,
    schedule: &Schedule,
    at: Timestamp,
    grace: Seconds,
) -> Expected {
    let next_slot = schedule.next_after(at);
    Expected {
        schedule: reference,
        recorded_until: at,
        recorded_ahead: BTreeSet::new(),
        next_slot,
        due_at: next_slot.map(|slot| grace.after(slot)),
    }
}

/// Moves on past a slot that was recorded.
///
/// A slot that is not newer than `recorded_until` changes nothing. One beyond a slot that is still
/// owed is remembered, so that the owed one stays due. An instant that is none of the schedule's
/// slots, such as a tick of a schedule that was edited since, changes nothing either.
pub fn moved_on(
    expected: &Expected,
    schedule: &Schedule,
    recorded: Timestamp,
    grace: Seconds,
) -> Expected {
    let mut moved = expected.clone();
    let is_slot = schedule.previous_at_or_before(recorded) == Some(recorded);
    if recorded <= expected.recorded_until || !is_slot {
        return moved;
    }
    moved.recorded_ahead.insert(recorded);
    settle(moved, schedule, grace)
}

/// Gives up every slot up to an instant, recorded or not.
pub fn moved_past(
    expected: &Expected,
    schedule: &Schedule,
    until: Timestamp,
    grace: Seconds,
) -> Expected {
    let mut moved = expected.clone();
    moved.recorded_until = moved.recorded_until.max(until);
    settle(moved, schedule, grace)
}

fn settle(mut moved: Expected, schedule: &Schedule, grace: Seconds) -> Expected {
    let mut owed = schedule.next_after(moved.recorded_until);
    while let Some(slot) = owed.filter(|slot| moved.recorded_ahead.remove(slot)) {
        moved.recorded_until = slot;
        owed = schedule.next_after(slot);
    }
    let until = moved.recorded_until;
    moved.recorded_ahead.retain(|slot| *slot > until);
    while moved.recorded_ahead.len() > MOST_AHEAD {
        moved.recorded_ahead.pop_last();
    }
    moved.next_slot = owed;
    moved.due_at = owed.map(|slot| grace.after(slot));
    moved
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(hour: i64) -> Timestamp {
        let midnight: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
        Seconds::hours(u64::try_from(hour).unwrap()).after(midnight)
    }

    fn hourly() -> Schedule {
        Schedule::parse("cron(0 * * * ? *)", "UTC", RATE_ANCHOR).unwrap()
    }

    fn fresh() -> Expected {
        let reference = "workflow/weather/daily".parse().unwrap();
        registered(reference, &hourly(), hour(3), GRACE)
    }

    fn after(slots: &[i64]) -> Expected {
        slots.iter().fold(fresh(), |expected, slot| {
            moved_on(&expected, &hourly(), hour(*slot), GRACE)
        })
    }

    #[test]
    fn a_schedule_owes_its_oldest_slot_that_was_not_recorded() {
        // Slots recorded, in this order; then up to where all are, and what is owed.
        let cases: [(&[i64], i64, i64); 8] = [
            (&[], 3, 4),
            (&[4], 4, 5),
            (&[4, 4], 4, 5),
            (&[4, 5, 3, 2], 5, 6),
            (&[5], 3, 4),
            (&[6, 5], 3, 4),
            (&[5, 4], 5, 6),
            (&[7, 5, 4, 6], 7, 8),
        ];
        for (slots, until, owed) in cases {
            let expected = after(slots);
            assert_eq!(expected.recorded_until, hour(until), "{slots:?}");
            assert_eq!(expected.next_slot, Some(hour(owed)), "{slots:?}");
            assert_eq!(expected.due_at, Some(GRACE.after(hour(owed))), "{slots:?}");
            assert!(
                expected
                    .recorded_ahead
                    .iter()
                    .all(|slot| *slot > hour(owed)),
                "{slots:?}"
            );
        }
    }

    #[test]
    fn an_instant_that_is_no_slot_moves_nothing() {
        let between = Seconds::minutes(30).after(hour(4));
        assert_eq!(moved_on(&fresh(), &hourly(), between, GRACE), fresh());
    }

    #[test]
    fn slots_given_up_are_owed_no_more() {
        let expected = moved_past(&after(&[7, 9]), &hourly(), hour(6), GRACE);
        assert_eq!(expected.recorded_until, hour(7));
        assert_eq!(expected.next_slot, Some(hour(8)));
        assert_eq!(moved_past(&expected, &hourly(), hour(1), GRACE), expected);
        let given_up = moved_past(&expected, &hourly(), hour(9), GRACE);
        assert_eq!(given_up.next_slot, Some(hour(10)));
        assert!(given_up.recorded_ahead.is_empty(), "{given_up:?}");
    }

    #[test]
    fn a_schedule_that_has_fired_for_the_last_time_owes_nothing() {
        let once = Schedule::parse("at(2026-06-01T04:00:00)", "UTC", RATE_ANCHOR).unwrap();
        let reference: ScheduleRef = "provision/weather/etl".parse().unwrap();
        let expected = registered(reference, &once, hour(3), GRACE);
        assert_eq!(expected.next_slot, Some(hour(4)));
        let moved = moved_on(&expected, &once, hour(4), GRACE);
        assert_eq!((moved.next_slot, moved.due_at), (None, None));
    }

    #[test]
    fn a_slot_that_stays_owed_keeps_the_item_small() {
        let slots: Vec<i64> = (5..600).collect();
        let expected = after(&slots);
        assert_eq!(expected.next_slot, Some(hour(4)));
        assert_eq!(expected.recorded_ahead.len(), MOST_AHEAD);
        let moved = moved_on(&expected, &hourly(), hour(4), GRACE);
        assert_eq!(moved.next_slot, Some(hour(261)));
    }
}
