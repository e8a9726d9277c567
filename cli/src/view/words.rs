//! The words for states and causes, as they are stored and as people read them.

use model::cluster::InstanceState;
use model::run::{Cause, RunState};
use model::task::{Outcome, TaskState};

/// The word for a run's state.
pub fn run(state: RunState) -> &'static str {
    match state {
        RunState::Waiting => "waiting",
        RunState::Running => "running",
        RunState::Succeeded => "succeeded",
        RunState::Failed => "failed",
        RunState::Cancelled => "cancelled",
        RunState::Skipped => "skipped",
    }
}

/// What a run does, or what became of it.
pub fn run_does(state: RunState) -> &'static str {
    match state {
        RunState::Waiting => "waits",
        RunState::Running => "is running",
        RunState::Succeeded => "has succeeded",
        RunState::Failed => "has failed",
        RunState::Cancelled => "was cancelled",
        RunState::Skipped => "was skipped",
    }
}

/// The word for a task's state.
pub fn task(state: TaskState) -> &'static str {
    match state {
        TaskState::Waiting => "waiting",
        TaskState::Retrying => "retrying",
        TaskState::Claimed => "claimed",
        TaskState::Submitted => "submitted",
        TaskState::Running => "running",
        TaskState::Succeeded => "succeeded",
        TaskState::Failed => "failed",
        TaskState::Skipped => "skipped",
        TaskState::Blocked => "blocked",
        TaskState::Cancelled => "cancelled",
    }
}

/// The word for an outcome.
pub fn outcome(outcome: Outcome) -> &'static str {
    task(outcome.state())
}

/// The word for an instance's state.
pub fn instance(state: InstanceState) -> &'static str {
    match state {
        InstanceState::Requested => "requested",
        InstanceState::Starting => "starting",
        InstanceState::Ready => "ready",
        InstanceState::Draining => "draining",
        InstanceState::Terminating => "terminating",
        InstanceState::Terminated => "terminated",
        InstanceState::Failed => "failed",
    }
}

/// What made a run, in a few words.
pub fn cause(cause: &Cause) -> String {
    match cause {
        Cause::Schedule { late: false } => "schedule".to_owned(),
        Cause::Schedule { late: true } => "schedule, late".to_owned(),
        Cause::Upstream { runs } => match runs.keys().next() {
            Some(only) if runs.len() == 1 => format!("after {only}"),
            Some(_) | None => format!("after {} runs", runs.len()),
        },
        Cause::Event { event } => match event.get("detail-type").and_then(|kind| kind.as_str()) {
            Some(kind) => format!("event {kind}"),
            None => "event".to_owned(),
        },
        Cause::Manual { by, .. } => format!("by {by}"),
        Cause::Backfill { by, .. } => format!("backfill by {by}"),
    }
}
