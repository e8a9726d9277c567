//! Slots of workflows that start after others, as far as they can be foreseen (rule 18).
//!
//! A slot is expected when every upstream whose slots are known has one that meets there, so a
//! workflow after a weekly one is expected once a week. What only events or people start cannot
//! be foreseen. Must not know whether anything has run.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use model::Timestamp;
use model::definition::{Align, Deadline, Workflow};
use model::expected::{Expected, ScheduleRef};
use model::id::Slot;
use model::name::WorkflowRef;
use model::units::Seconds;

use crate::expected::schedule_of;
use crate::schedule::Schedule;
use crate::slot::{self, SlotAt};

/// How far ahead the next slot is looked for, in days, each only if the one before found none.
const HORIZONS: [u64; 3] = [2, 40, 800];

/// The most firings of one schedule that are looked at.
const MOST_FIRINGS: usize = 20_000;

/// The most runs that start each other in a row (rule 8).
pub const DEEPEST: u32 = 32;

/// What a workflow's slots follow from.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    zone: TimeZone,
    align: Align,
    schedule: Option<Schedule>,
    after: Vec<WorkflowRef>,
}

impl Start {
    /// Reads it from a definition; a zone or schedule that cannot be read counts as none.
    pub fn of(workflow: &Workflow) -> Self {
        Self {
            zone: slot::zone(&workflow.timezone),
            align: workflow.align,
            schedule: workflow
                .schedule
                .as_ref()
                .and_then(|spec| schedule_of(spec).ok()),
            after: workflow.after.clone(),
        }
    }

    /// The workflows it starts after.
    pub fn after(&self) -> &[WorkflowRef] {
        &self.after
    }
}

/// What the upstreams of a workflow with a deadline owe after a slot: the next one, due at its
/// deadline. `starts` holds the workflow and everything above it.
pub fn owed(
    starts: &BTreeMap<WorkflowRef, Start>,
    workflow: &Workflow,
    deadline: Deadline,
    recorded_until: Timestamp,
) -> Expected {
    let reference = workflow.reference();
    let next = next_expected(starts, &reference, recorded_until);
    let next_slot = next.map(|next| next.logical_date);
    let zone = slot::zone(&workflow.timezone);
    Expected {
        schedule: ScheduleRef::Upstreams(reference),
        recorded_until,
        recorded_ahead: std::collections::BTreeSet::new(),
        next_slot,
        due_at: next_slot.map(|date| slot::deadline(deadline, &zone, date)),
    }
}

/// The first slot after an instant in which a workflow's upstreams are expected to start it.
pub fn next_expected(
    starts: &BTreeMap<WorkflowRef, Start>,
    workflow: &WorkflowRef,
    after: Timestamp,
) -> Option<SlotAt> {
    let start = starts.get(workflow)?;
    HORIZONS.iter().find_map(|days| {
        let window = Window {
            after,
            until: Seconds::hours(24 * days).after(after),
        };
        let met = met_by_upstreams(starts, start, window, 0)?;
        let (logical_date, slot) = met.into_iter().next()?;
        Some(SlotAt { slot, logical_date })
    })
}

/// Logical dates after one instant, up to and with another.
#[derive(Debug, Clone, Copy)]
struct Window {
    after: Timestamp,
    until: Timestamp,
}

type Slots = BTreeMap<Timestamp, Slot>;

/// Every slot of a workflow in a window; `None` when they cannot be foreseen.
fn slots(
    starts: &BTreeMap<WorkflowRef, Start>,
    workflow: &WorkflowRef,
    window: Window,
    depth: u32,
) -> Option<Slots> {
    let start = starts.get(workflow).filter(|_| depth < DEEPEST)?;
    let scheduled = start.schedule.as_ref().map(|schedule| {
        let firings = schedule
            .between(window.after, window.until)
            .take(MOST_FIRINGS);
        firings
            .map(|firing| (firing, Slot::of_instant(firing)))
            .collect::<Slots>()
    });
    match (scheduled, met_by_upstreams(starts, start, window, depth)) {
        (Some(mut scheduled), Some(met)) => {
            scheduled.extend(met);
            Some(scheduled)
        }
        (scheduled, met) => scheduled.or(met),
    }
}

/// The slots at which all upstreams that can be foreseen meet.
fn met_by_upstreams(
    starts: &BTreeMap<WorkflowRef, Start>,
    start: &Start,
    window: Window,
    depth: u32,
) -> Option<Slots> {
    // An aligned slot begins before what meets there: a day has at most 25 hours, save where a
    // zone crosses the date line.
    let reach = match start.align {
        Align::Slot => Seconds(0),
        Align::Hour => Seconds::hours(1),
        Align::Day => Seconds::hours(48),
    };
    let wider = Window {
        until: reach.after(window.until),
        ..window
    };
    let foreseen = start.after.iter().filter_map(|upstream| {
        let slots = slots(starts, upstream, wider, depth + 1)?;
        let met = slots.into_iter().map(|(logical_date, slot)| {
            let met = slot::of_upstream(start.align, &start.zone, &SlotAt { slot, logical_date });
            (met.logical_date, met.slot)
        });
        Some(
            met.filter(|(date, _)| window.after < *date && *date <= window.until)
                .collect(),
        )
    });
    foreseen.reduce(|mut met: Slots, other| {
        met.retain(|date, slot| other.get(date) == Some(slot));
        met
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::definition::ScheduleSpec;
    use testkit::flow as fixture;

    /// `name: cron in UTC` or `name: after other, other; align`.
    fn starts(written: &[(&str, &str, &[&str], Align)]) -> BTreeMap<WorkflowRef, Start> {
        written
            .iter()
            .map(|(name, expression, after, align)| {
                let mut workflow = fixture::workflow(&[]);
                workflow.name = name.parse().unwrap();
                workflow.align = *align;
                workflow.schedule = (!expression.is_empty()).then(|| ScheduleSpec {
                    expression: (*expression).to_owned(),
                    timezone: "UTC".into(),
                    catch_up: model::definition::CatchUp::Latest,
                });
                workflow.after = after.iter().map(|after| reference(after)).collect();
                (reference(name), Start::of(&workflow))
            })
            .collect()
    }

    fn reference(name: &str) -> WorkflowRef {
        format!("team/{name}").parse().unwrap()
    }

    fn next(starts: &BTreeMap<WorkflowRef, Start>, count: usize) -> Vec<String> {
        let mut after: Timestamp = "2026-06-01T12:00:00Z".parse().unwrap(); // a Monday
        let mut found = Vec::new();
        while found.len() < count
            && let Some(slot) = next_expected(starts, &reference("w"), after)
        {
            after = slot.logical_date;
            found.push(slot.slot.to_string());
        }
        found
    }

    #[test]
    fn a_slot_is_expected_when_every_upstream_that_can_be_foreseen_has_one() {
        use Align::{Day, Hour, Slot};
        let daily = ("daily", "cron(15 5 * * ? *)", &[][..], Day);
        let weekly = ("weekly", "cron(0 3 ? * WED *)", &[][..], Day);
        let twice = ("twice", "cron(30 4,16 * * ? *)", &[][..], Day);
        let by_hand = ("by-hand", "", &[][..], Day);
        let yearly = ("yearly", "cron(0 3 15 8 ? *)", &[][..], Day);
        // Six hours beyond the horizon, of a day that begins before it.
        let once = ("once", "at(2028-08-09T18:00:00)", &[][..], Day);
        let behind_weekly = ("behind", "", &["weekly"][..], Day);
        let table: [(&[&str], Align, &[&str]); 10] = [
            (&["yearly"], Day, &["2026-08-15", "2027-08-15"]),
            (&["once"], Day, &["2028-08-09"]),
            (&["daily"], Day, &["2026-06-02", "2026-06-03"]),
            (&["daily", "weekly"], Day, &["2026-06-03", "2026-06-10"]),
            (&["daily", "behind"], Day, &["2026-06-03", "2026-06-10"]),
            (&["daily", "by-hand"], Day, &["2026-06-02", "2026-06-03"]),
            (&["by-hand"], Day, &[]),
            (
                &["twice"],
                Hour,
                &["2026-06-01T16:00:00Z", "2026-06-02T04:00:00Z"],
            ),
            (
                &["twice"],
                Slot,
                &["2026-06-01T16:30:00Z", "2026-06-02T04:30:00Z"],
            ),
            (&["twice", "daily"], Slot, &[]),
        ];
        for (after, align, expected) in table {
            let own = ("w", "", after, align);
            let starts = starts(&[
                daily,
                weekly,
                yearly,
                once,
                twice,
                by_hand,
                behind_weekly,
                own,
            ]);
            assert_eq!(
                next(&starts, expected.len().max(1)),
                expected,
                "{after:?} {align:?}"
            );
        }
    }

    #[test]
    fn as_many_workflows_in_a_row_are_followed_as_may_start_each_other() {
        let name = |at: u32| {
            if at == 0 {
                "w".to_owned()
            } else {
                format!("w{at}")
            }
        };
        let chain = |length: u32| {
            let mut all = starts(&[(&name(length), "cron(15 5 * * ? *)", &[], Align::Day)]);
            for at in 0..length {
                let (name, above) = (name(at), name(at + 1));
                all.extend(starts(&[(&name, "", &[&above], Align::Day)]));
            }
            all
        };
        assert_eq!(next(&chain(DEEPEST - 1), 1), ["2026-06-02"]);
        assert_eq!(next(&chain(DEEPEST), 1), [""; 0]);
    }

    #[test]
    fn a_workflow_is_told_with_all_it_starts_after() {
        let starts = starts(&[("w", "", &["x", "y"], Align::Day)]);
        let after = starts[&reference("w")].after();
        assert_eq!(after, [reference("x"), reference("y")]);
    }

    #[test]
    fn workflows_that_wait_for_each_other_are_not_followed_for_ever() {
        let starts = starts(&[("w", "", &["x"], Align::Day), ("x", "", &["w"], Align::Day)]);
        assert_eq!(next(&starts, 1), [""; 0]);
    }

    #[test]
    fn what_is_owed_is_due_at_its_deadline() {
        let starts = starts(&[
            ("daily", "cron(15 5 * * ? *)", &[], Align::Day),
            ("w", "", &["daily"], Align::Day),
        ]);
        let mut workflow = fixture::workflow(&[]);
        workflow.name = "w".parse().unwrap();
        let at_eight = Deadline::WallClock { hour: 8, minute: 0 };
        let expected = owed(
            &starts,
            &workflow,
            at_eight,
            "2026-06-01T12:00:00Z".parse().unwrap(),
        );
        assert_eq!(
            expected.next_slot.unwrap().to_string(),
            "2026-06-02T00:00:00Z"
        );
        assert_eq!(expected.due_at.unwrap().to_string(), "2026-06-02T08:00:00Z");
    }
}
