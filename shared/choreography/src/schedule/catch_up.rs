//! What becomes of slots that nobody recorded in time.
//!
//! Must not know runs or how a slot is stored; the clock comes in as `now`.

use jiff::Timestamp;
use model::definition::CatchUp;

use super::Schedule;

/// Sorts the missed slots into those to run and those to record as skipped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Missed {
    /// The slots to run, oldest first.
    pub run: Vec<Timestamp>,
    /// The slots to record as skipped, oldest first, all older than those in `run`; at most `limit`.
    pub skip: Vec<Timestamp>,
    /// Whether there are still older slots, in neither list, that are given up without a record.
    pub truncated: bool,
}

/// Decides about the slots in (`last_recorded`, `now`].
///
/// Walks from `now` backwards and never looks at more than `2 * limit + 1` slots, however long the
/// outage was.
pub fn missed(
    schedule: &Schedule,
    last_recorded: Timestamp,
    now: Timestamp,
    catch_up: CatchUp,
    limit: usize,
) -> Missed {
    let newest = schedule.previous_at_or_before(now);
    let mut slots = std::iter::successors(newest, |slot| schedule.previous_before(*slot))
        .take_while(|slot| *slot > last_recorded);
    let to_run = match catch_up {
        CatchUp::None => 0,
        CatchUp::Latest => limit.min(1),
        CatchUp::All => limit,
    };
    let mut run: Vec<Timestamp> = slots.by_ref().take(to_run).collect();
    let mut skip: Vec<Timestamp> = slots.by_ref().take(limit).collect();
    run.reverse();
    skip.reverse();
    Missed {
        run,
        skip,
        truncated: slots.next().is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i8) -> Timestamp {
        jiff::civil::date(2026, 6, 1)
            .at(hour, 0, 0, 0)
            .in_tz("UTC")
            .unwrap()
            .timestamp()
    }

    fn hours(hours: std::ops::RangeInclusive<i8>) -> Vec<Timestamp> {
        hours.map(at).collect()
    }

    #[test]
    fn missed_slots_follow_the_policy() {
        let hourly = Schedule::parse("cron(0 * * * ? *)", "UTC", Timestamp::UNIX_EPOCH).unwrap();
        let cases = [
            (CatchUp::None, 10, vec![], hours(4..=9), false),
            (CatchUp::Latest, 10, hours(9..=9), hours(4..=8), false),
            (CatchUp::All, 10, hours(4..=9), vec![], false),
            (CatchUp::All, 4, hours(6..=9), hours(4..=5), false),
            (CatchUp::All, 2, hours(8..=9), hours(6..=7), true),
            (CatchUp::None, 2, vec![], hours(8..=9), true),
            (CatchUp::All, 0, vec![], vec![], true),
        ];
        for (catch_up, limit, run, skip, truncated) in cases {
            let missed = missed(&hourly, at(3), at(9), catch_up, limit);
            assert_eq!(
                missed,
                Missed {
                    run,
                    skip,
                    truncated
                },
                "{catch_up:?} {limit}"
            );
        }
    }

    #[test]
    fn nothing_is_missed_when_the_last_slot_was_recorded() {
        let hourly = Schedule::parse("rate(1 hour)", "UTC", at(0)).unwrap();
        for (last, now) in [(at(9), at(9)), (at(9), at(3))] {
            assert_eq!(
                missed(&hourly, last, now, CatchUp::All, 5),
                Missed::default()
            );
        }
    }
}
