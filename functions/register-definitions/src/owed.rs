//! What schedules owe once a set is registered (rule 18).

use std::collections::BTreeMap;

use choreography::expected::{GRACE, registered, schedule_of};
use choreography::upstreams::{Start, owed};
use model::Timestamp;
use model::definition::{Definitions, ScheduleSpec, Workflow};
use model::expected::{Expected, ScheduleRef};
use model::key::Key;
use model::name::WorkflowRef;
use ports::{Expect, Trouble, Versioned, Write};

/// The write that makes a schedule's expected item right; `None` when it is.
///
/// An unchanged schedule keeps what it owes. A new or edited one owes nothing up to now: its
/// earlier firings were never promised.
pub(crate) fn schedule(
    reference: ScheduleRef,
    wanted: Option<&ScheduleSpec>,
    before: Option<&ScheduleSpec>,
    stored: Option<&Versioned<Expected>>,
    now: Timestamp,
) -> Result<Option<Write>, Trouble> {
    let Some(wanted) = wanted else {
        return Ok(gone(reference, stored));
    };
    let fires_the_same = before.is_some_and(|before| {
        (&before.expression, &before.timezone) == (&wanted.expression, &wanted.timezone)
    });
    if fires_the_same && stored.is_some() {
        return Ok(None);
    }
    let schedule = schedule_of(wanted)
        .map_err(|error| Trouble::Poison(format!("the schedule {reference}: {error}")))?;
    let fresh = registered(reference, &schedule, now, GRACE);
    Ok(Some(Write::replace(
        &fresh,
        stored.map(|stored| stored.version),
    )))
}

/// The same for the slots in which upstreams are expected to start a workflow with a deadline.
pub(crate) fn upstreams(
    workflow: &Workflow,
    starts: &BTreeMap<WorkflowRef, Start>,
    stored: Option<&Versioned<Expected>>,
    now: Timestamp,
) -> Option<Write> {
    let reference = ScheduleRef::Upstreams(workflow.reference());
    let deadline = workflow.deadline.filter(|_| !workflow.after.is_empty());
    let Some(deadline) = deadline else {
        return gone(reference, stored);
    };
    let since = stored.map_or(now, |stored| stored.value.recorded_until);
    let mut expected = owed(starts, workflow, deadline, since);
    if stored.is_some_and(|stored| stored.value == expected) {
        return None;
    }
    // A deadline that has passed already was never promised in this shape.
    while let (Some(slot), Some(due_at)) = (expected.next_slot, expected.due_at)
        && due_at <= now
    {
        expected = owed(starts, workflow, deadline, slot);
    }
    Some(Write::replace(
        &expected,
        stored.map(|stored| stored.version),
    ))
}

/// What every workflow of the set starts on.
pub(crate) fn starts(definitions: &Definitions) -> BTreeMap<WorkflowRef, Start> {
    let workflows = definitions.workflows.iter();
    workflows
        .map(|(reference, workflow)| (reference.clone(), Start::of(workflow)))
        .collect()
}

/// The write that removes what a schedule that is gone still owes.
pub(crate) fn gone(reference: ScheduleRef, stored: Option<&Versioned<Expected>>) -> Option<Write> {
    stored.map(|stored| Write::delete(Key::Expected(reference), Expect::Version(stored.version)))
}
