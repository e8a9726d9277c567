//! What a backfill over a range of local dates runs; its dry run shows the same.
//!
//! Pure: what has run already comes in as states. Must not know how runs are started or bounded.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use model::definition::{Align, Workflow};
use model::id::RunId;
use model::operation::{ExistingRuns, RerunScope};
use model::run::RunState;

use crate::expected::schedule_of;
use crate::slot::{self, SlotAt};

/// The most slots one backfill may have.
pub const MOST_SLOTS: usize = 5_000;

/// Why a range cannot be backfilled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackfillError {
    #[error("{from} is after {to}: give the earlier date first")]
    Reversed { from: Date, to: Date },
    #[error(
        "from {from} to {to} there are more than {MOST_SLOTS} slots: end it at {last_whole} at the latest"
    )]
    TooMany {
        from: Date,
        to: Date,
        last_whole: Date,
    },
    #[error("no slot lies between {from} and {to}, or none has come yet")]
    Nothing { from: Date, to: Date },
}

/// A slot of a backfill with what becomes of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    pub run: RunId,
    pub slot: SlotAt,
    pub action: Action,
}

/// What a backfill does with a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// It has no run yet.
    Start,
    /// Its run runs again.
    Rerun(RerunScope),
    /// Its run, in this state, is left alone.
    Leave(RunState),
}

/// The slots of a workflow in a range of dates in its own zone, both inclusive, oldest first, as
/// far as they have come by `now`: those of its schedule; the hours its upstreams meet in; else one
/// a day.
pub fn slots(
    workflow: &Workflow,
    from: Date,
    to: Date,
    now: Timestamp,
) -> Result<Vec<SlotAt>, BackfillError> {
    if from > to {
        return Err(BackfillError::Reversed { from, to });
    }
    let zone = slot::zone(&workflow.timezone);
    let start = start_of(from, &zone);
    let end = to
        .tomorrow()
        .map_or(Timestamp::MAX, |date| start_of(date, &zone))
        .min(now.checked_add(NANOSECOND).unwrap_or(now));
    let all = every_slot(workflow, &zone, from, start, end);
    let mut slots: Vec<SlotAt> = all.take(MOST_SLOTS + 1).collect();
    if slots.len() > MOST_SLOTS {
        let beyond = slots
            .pop()
            .map(|slot| zone.to_datetime(slot.logical_date).date());
        let last_whole = beyond
            .and_then(|date| date.yesterday().ok())
            .unwrap_or(from);
        return Err(BackfillError::TooMany {
            from,
            to,
            last_whole,
        });
    }
    if slots.is_empty() {
        return Err(BackfillError::Nothing { from, to });
    }
    Ok(slots)
}

const NANOSECOND: SignedDuration = SignedDuration::from_nanos(1);

/// Slots from `start` on, before `end`.
fn every_slot(
    workflow: &Workflow,
    zone: &TimeZone,
    from: Date,
    start: Timestamp,
    end: Timestamp,
) -> Box<dyn Iterator<Item = SlotAt>> {
    let schedule = workflow
        .schedule
        .as_ref()
        .and_then(|spec| schedule_of(spec).ok());
    if let Some(schedule) = schedule {
        let before = start.checked_sub(NANOSECOND).unwrap_or(start);
        let first = schedule.next_after(before);
        let firings = std::iter::successors(first, move |firing| schedule.next_after(*firing));
        return Box::new(
            firings
                .take_while(move |firing| *firing < end)
                .map(slot::of_tick),
        );
    }
    let by_the_hour = workflow.align == Align::Hour && !workflow.after.is_empty();
    let zone = zone.clone();
    if by_the_hour {
        let first = slot::of_upstream(Align::Hour, &zone, &slot::of_tick(start));
        let hours = std::iter::successors(Some(first), move |hour| {
            slot::next_expected(Align::Hour, &zone, hour.logical_date)
        });
        return Box::new(hours.take_while(move |hour| hour.logical_date < end));
    }
    let days = from.series(1.day()).map(move |date| {
        let start = slot::of_tick(start_of(date, &zone));
        slot::of_upstream(Align::Day, &zone, &start)
    });
    Box::new(days.take_while(move |day| day.logical_date < end))
}

fn start_of(date: Date, zone: &TimeZone) -> Timestamp {
    let midnight = date.to_datetime(jiff::civil::Time::midnight());
    // In a gap: the first instant after it, which is when that day begins there.
    let start = zone.to_ambiguous_timestamp(midnight).compatible();
    start.unwrap_or(Timestamp::MAX)
}

/// Decides about one slot, given the state of its run if it has one.
///
/// A slot that is recorded as skipped never ran, so every policy runs it.
pub fn action(existing: Option<RunState>, policy: ExistingRuns) -> Action {
    let Some(state) = existing else {
        return Action::Start;
    };
    let ended_badly = match state {
        RunState::Skipped => return Action::Rerun(RerunScope::All),
        RunState::Waiting | RunState::Running => return Action::Leave(state),
        RunState::Failed | RunState::Cancelled => true,
        RunState::Succeeded => false,
    };
    match policy {
        ExistingRuns::None => Action::Leave(state),
        ExistingRuns::Failed if ended_badly => Action::Rerun(RerunScope::FromFailure),
        ExistingRuns::Failed => Action::Leave(state),
        ExistingRuns::All => Action::Rerun(RerunScope::All),
    }
}

/// Decides about slots, given the states of the runs there are.
pub fn plan_backfill(
    workflow: &Workflow,
    slots: &[SlotAt],
    existing: &BTreeMap<RunId, RunState>,
    policy: ExistingRuns,
) -> Vec<Planned> {
    let reference = workflow.reference();
    let planned = slots.iter().map(|slot| {
        let run = RunId::of(&reference, &slot.slot);
        let action = action(existing.get(&run).copied(), policy);
        Planned {
            run,
            slot: slot.clone(),
            action,
        }
    });
    planned.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::definition::ScheduleSpec;
    use testkit::flow as fixture;

    fn workflow(expression: Option<&str>, align: Align, after: bool) -> Workflow {
        let mut workflow = fixture::workflow(&[]);
        workflow.timezone = "America/New_York".into();
        workflow.schedule = expression.map(|expression| ScheduleSpec {
            expression: expression.into(),
            timezone: workflow.timezone.clone(),
            catch_up: model::definition::CatchUp::Latest,
        });
        workflow.align = align;
        workflow.after = if after {
            vec!["team/other".parse().unwrap()]
        } else {
            Vec::new()
        };
        workflow
    }

    fn range(workflow: &Workflow, from: &str, to: &str) -> Result<Vec<SlotAt>, BackfillError> {
        let now = "2026-04-01T12:00:00Z".parse().unwrap();
        slots(workflow, from.parse().unwrap(), to.parse().unwrap(), now)
    }

    #[test]
    fn a_backfill_takes_the_slots_a_workflow_would_have_had() {
        let nightly = workflow(Some("cron(15 0 * * ? *)"), Align::Day, false);
        let hours = workflow(None, Align::Hour, true);
        let days = workflow(None, Align::Day, true);
        let by_hand = workflow(None, Align::Hour, false);
        let gap = workflow(Some("cron(30 2 * * ? *)"), Align::Day, false);
        // from, to, how many, the first and the last
        let table = [
            (
                &nightly,
                "2026-03-01",
                "2026-03-02",
                2,
                "2026-03-01T05:15:00Z",
                "2026-03-02T05:15:00Z",
            ),
            (
                &nightly,
                "2026-03-31",
                "2026-04-09",
                2,
                "2026-03-31T04:15:00Z",
                "2026-04-01T04:15:00Z",
            ),
            (
                &gap,
                "2026-03-07",
                "2026-03-09",
                2,
                "2026-03-07T07:30:00Z",
                "2026-03-09T06:30:00Z",
            ),
            (
                &hours,
                "2026-03-08",
                "2026-03-08",
                23,
                "2026-03-08T05:00:00Z",
                "2026-03-09T03:00:00Z",
            ),
            (
                &days,
                "2026-03-07",
                "2026-03-09",
                3,
                "2026-03-07",
                "2026-03-09",
            ),
            (
                &by_hand,
                "2026-03-07",
                "2026-03-07",
                1,
                "2026-03-07",
                "2026-03-07",
            ),
        ];
        for (workflow, from, to, count, first, last) in table {
            let slots = range(workflow, from, to).unwrap();
            let names = [&slots[0], &slots[slots.len() - 1]].map(|slot| slot.slot.to_string());
            assert_eq!(slots.len(), count, "{from}");
            assert_eq!(names, [first, last], "{from}");
        }
    }

    #[test]
    fn a_range_that_makes_no_sense_is_refused_with_what_would() {
        let minutely = workflow(Some("cron(* * * * ? *)"), Align::Day, false);
        let table = [
            (
                "2026-03-02",
                "2026-03-01",
                "2026-03-02 is after 2026-03-01: give the earlier date first",
            ),
            (
                "2026-03-01",
                "2026-03-30",
                "from 2026-03-01 to 2026-03-30 there are more than 5000 slots: end it at 2026-03-03 \
                 at the latest",
            ),
            (
                "2026-05-01",
                "2026-05-02",
                "no slot lies between 2026-05-01 and 2026-05-02, or none has come yet",
            ),
        ];
        for (from, to, expected) in table {
            assert_eq!(
                range(&minutely, from, to).unwrap_err().to_string(),
                expected
            );
        }
        assert_eq!(
            range(&minutely, "2026-03-01", "2026-03-03").unwrap().len(),
            3 * 24 * 60
        );
    }

    #[test]
    fn what_ran_already_follows_the_policy() {
        use Action::{Leave, Rerun, Start};
        use RunState::{Cancelled, Failed, Running, Skipped, Succeeded, Waiting};
        let (all, failed) = (Rerun(RerunScope::All), Rerun(RerunScope::FromFailure));
        let table: [(Option<RunState>, [Action; 3]); 7] = [
            (None, [Start, Start, Start]),
            (
                Some(Waiting),
                [Leave(Waiting), Leave(Waiting), Leave(Waiting)],
            ),
            (
                Some(Running),
                [Leave(Running), Leave(Running), Leave(Running)],
            ),
            (
                Some(Succeeded),
                [Leave(Succeeded), Leave(Succeeded), all.clone()],
            ),
            (Some(Failed), [Leave(Failed), failed.clone(), all.clone()]),
            (
                Some(Cancelled),
                [Leave(Cancelled), failed.clone(), all.clone()],
            ),
            (Some(Skipped), [all.clone(), all.clone(), all.clone()]),
        ];
        for (state, expected) in table {
            let policies = [ExistingRuns::None, ExistingRuns::Failed, ExistingRuns::All];
            assert_eq!(
                policies.map(|policy| action(state, policy)),
                expected,
                "{state:?}"
            );
        }
    }

    #[test]
    fn a_backfill_may_have_as_many_slots_as_are_allowed_and_none_more() {
        let minutely = workflow(Some("cron(* * * * ? *)"), Align::Day, false);
        // 5,000 minutes from midnight in New York are over at 11:20 on the fourth day.
        let until = |text: &str| {
            let (from, to) = ("2026-03-01".parse().unwrap(), "2026-03-04".parse().unwrap());
            slots(&minutely, from, to, text.parse().unwrap())
        };
        assert_eq!(until("2026-03-04T16:19:00Z").unwrap().len(), MOST_SLOTS);
        assert!(until("2026-03-04T16:20:00Z").is_err());
    }

    #[test]
    fn each_slot_is_planned_by_what_its_run_came_to() {
        let nightly = workflow(Some("cron(15 0 * * ? *)"), Align::Day, false);
        let slots = range(&nightly, "2026-03-01", "2026-03-03").unwrap();
        let run = |slot: &SlotAt| RunId::of(&nightly.reference(), &slot.slot);
        let existing = BTreeMap::from([
            (run(&slots[1]), RunState::Failed),
            (run(&slots[2]), RunState::Running),
        ]);
        let planned = plan_backfill(&nightly, &slots, &existing, ExistingRuns::Failed);
        let expected = [
            Action::Start,
            Action::Rerun(RerunScope::FromFailure),
            Action::Leave(RunState::Running),
        ];
        let expected: Vec<Planned> = slots
            .into_iter()
            .zip(expected)
            .map(|(slot, action)| Planned {
                run: run(&slot),
                slot,
                action,
            })
            .collect();
        assert_eq!(planned, expected);
    }
}
