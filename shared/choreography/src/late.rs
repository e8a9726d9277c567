//! What becomes of ticks that nobody has recorded in time (rule 18).
//!
//! Must not know how a slot is recorded: whoever receives the ticks does that, and moves the
//! expected slot on.

use jiff::SignedDuration;
use model::Timestamp;
use model::definition::CatchUp;
use model::expected::Expected;
use model::message::Tick;

use crate::expected::{GRACE, moved_past};
use crate::schedule::{Schedule, missed};

/// How many missed slots of one schedule are caught up with, and how many are recorded as skipped.
const MOST_SLOTS: usize = 100;

/// Gives the ticks that were missed, oldest first, and the item as it is armed again. Slots older
/// than those are given up.
pub fn owed_ticks(
    expected: &Expected,
    schedule: &Schedule,
    catch_up: CatchUp,
    now: Timestamp,
) -> (Vec<Tick>, Expected) {
    // A tick that is less late than that is on its way.
    let until = GRACE.before(now);
    let from = expected.recorded_until;
    let missed = missed(schedule, from, until, catch_up, MOST_SLOTS);
    let oldest = missed.skip.first().or(missed.run.first());
    let given_up = oldest
        .filter(|_| missed.truncated)
        .and_then(|oldest| oldest.checked_sub(SignedDuration::from_nanos(1)).ok())
        .and_then(|before| schedule.previous_at_or_before(before));
    let mut next = moved_past(expected, schedule, given_up.unwrap_or(from), GRACE);
    let tick = |slot: &Timestamp, skip| Tick {
        schedule: expected.schedule.clone(),
        scheduled_time: *slot,
        late: true,
        skip,
    };
    let skipped = missed.skip.iter().map(|slot| tick(slot, true));
    let run = missed.run.iter().map(|slot| tick(slot, false));
    let unrecorded = |tick: &Tick| !expected.recorded_ahead.contains(&tick.scheduled_time);
    let ticks: Vec<Tick> = skipped.chain(run).filter(unrecorded).collect();
    if !ticks.is_empty() {
        next.due_at = Some(GRACE.after(now));
    }
    (ticks, next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expected::{RATE_ANCHOR, registered};
    use model::units::Seconds;

    fn hour(hour: u64) -> Timestamp {
        Seconds::hours(hour).after("2026-06-01T00:00:00Z".parse().unwrap())
    }

    /// Hours of what is owed by half past `now`, with `s` for those that are skipped.
    fn owed(recorded: u64, ahead: &[u64], catch_up: CatchUp, now: Timestamp) -> (String, Expected) {
        let hourly = Schedule::parse("cron(0 * * * ? *)", "UTC", RATE_ANCHOR).unwrap();
        let reference = "workflow/weather/hourly".parse().unwrap();
        let mut expected = registered(reference, &hourly, hour(recorded), GRACE);
        expected.recorded_ahead = ahead.iter().map(|at| hour(*at)).collect();
        let (ticks, next) = owed_ticks(&expected, &hourly, catch_up, now);
        let words = ticks.iter().map(|tick| {
            let hours = Seconds::between(hour(0), tick.scheduled_time).0 / 3600;
            format!("{hours}{}", if tick.skip { "s" } else { "" })
        });
        (words.collect::<Vec<_>>().join(" "), next)
    }

    #[test]
    fn what_was_missed_follows_the_policy_and_what_is_on_its_way_is_left_alone() {
        let table: [(u64, &[u64], CatchUp, &str); 6] = [
            (2, &[], CatchUp::None, "3s 4s 5s"),
            (2, &[], CatchUp::Latest, "3s 4s 5"),
            (2, &[], CatchUp::All, "3 4 5"),
            (2, &[4], CatchUp::All, "3 5"),
            (5, &[], CatchUp::All, ""),
            (4, &[5], CatchUp::All, ""),
        ];
        let half_past = Seconds::minutes(30).after(hour(5));
        for (recorded, ahead, catch_up, expected) in table {
            let (ticks, next) = owed(recorded, ahead, catch_up, half_past);
            assert_eq!(ticks, expected, "{recorded} {ahead:?} {catch_up:?}");
            let again = if ticks.is_empty() { hour(6) } else { half_past };
            assert_eq!(
                next.due_at,
                Some(GRACE.after(again)),
                "{recorded} {ahead:?}"
            );
        }
        let just_fired = Seconds::minutes(4).after(hour(5));
        assert_eq!(owed(3, &[], CatchUp::All, just_fired).0, "4");
    }

    #[test]
    fn after_a_long_outage_the_oldest_slots_are_given_up() {
        let (ticks, next) = owed(0, &[], CatchUp::All, hour(1_000));
        assert_eq!(ticks.split(' ').count(), 2 * MOST_SLOTS);
        let oldest = ticks
            .split(' ')
            .next()
            .unwrap()
            .trim_end_matches('s')
            .parse()
            .unwrap();
        assert_eq!(next.next_slot, Some(hour(oldest)));
    }
}
