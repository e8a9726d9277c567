//! From a change of an item to figures. Pure: the same change gives the same figures.

use model::Timestamp;
use model::cluster::{Instance, InstanceState};
use model::expected::Deadline;
use model::metric::{Measurement, Metric};
use model::record::Record;
use model::run::{Run, RunState};
use model::task::{FailureClass, PastAttempt, Task, TaskState};
use ports::Body;

/// Whether changes of items of this kind are measured.
pub fn is_measured(kind: &str) -> bool {
    let kinds = [
        Run::KIND,
        Task::KIND,
        PastAttempt::KIND,
        Instance::KIND,
        Deadline::KIND,
    ];
    kinds.contains(&kind)
}

/// The figures of a change; `before` is `None` of an item that is new, and the task's item of an attempt
/// that becomes history. What cannot be read gives none:
/// whoever reads it next says so.
pub fn figures(kind: &str, before: Option<&Body>, after: &Body) -> Vec<Measurement> {
    match kind {
        Run::KIND => of(before, after, run),
        Task::KIND => of(before, after, task),
        PastAttempt::KIND => of(before, after, past),
        Instance::KIND => of(before, after, instance),
        Deadline::KIND => of(before, after, deadline),
        _ => Vec::new(),
    }
}

fn of<B: Record, A: Record>(
    before: Option<&Body>,
    after: &Body,
    figures: fn(Option<&B>, &A) -> Vec<Measurement>,
) -> Vec<Measurement> {
    let Ok(before) = before.map(Body::read::<B>).transpose() else {
        return Vec::new();
    };
    match after.read::<A>() {
        Ok(after) => figures(before.as_ref(), &after),
        Err(_) => Vec::new(),
    }
}

fn run(before: Option<&Run>, after: &Run) -> Vec<Measurement> {
    if before.is_some_and(|before| before.state == after.state) {
        return Vec::new();
    }
    let (team, workflow) = (after.team.as_str(), after.workflow.as_str());
    let by_team = |metric| vec![Measurement::one(metric, [team])];
    let mut figures = match after.state {
        RunState::Waiting => return by_team(Metric::RunsWaiting),
        RunState::Running => return by_team(Metric::RunsStarted),
        RunState::Skipped => return by_team(Metric::RunsSkipped),
        RunState::Cancelled => return by_team(Metric::RunsCancelled),
        RunState::Succeeded => vec![Measurement::one(Metric::RunsSucceeded, [team, workflow])],
        RunState::Failed => vec![Measurement::one(Metric::RunsFailed, [team, workflow])],
    };
    let took = seconds(after.started_at, after.ended_at);
    figures.extend(took.map(|took| Measurement::of(Metric::RunDuration, took, [team, workflow])));
    figures
}

fn task(before: Option<&Task>, after: &Task) -> Vec<Measurement> {
    let mut figures = attempt(before, after);
    if !moves(before, after) {
        return figures;
    }
    let metric = match after.state {
        TaskState::Waiting | TaskState::Claimed | TaskState::Submitted | TaskState::Running => None,
        TaskState::Retrying => Some(Metric::TaskRetries),
        TaskState::Succeeded => Some(Metric::TasksSucceeded),
        TaskState::Failed => Some(Metric::TasksFailed),
        TaskState::Skipped => Some(Metric::TasksSkipped),
        TaskState::Blocked => Some(Metric::TasksBlocked),
        TaskState::Cancelled => Some(Metric::TasksCancelled),
    };
    figures.extend(metric.map(|metric| Measurement::one(metric, [after.team.as_str()])));
    figures
}

/// An attempt that another follows leaves the task's item in the same commit that keeps it as history.
fn past(before: Option<&Task>, after: &PastAttempt) -> Vec<Measurement> {
    if after.retried {
        attempt(before, &after.attempt)
    } else {
        Vec::new()
    }
}

/// That an attempt began, and how it ended.
fn attempt(before: Option<&Task>, after: &Task) -> Vec<Measurement> {
    let team = after.team.as_str();
    let same = before.filter(|before| is_same(before, after));
    let begins = after.started_at.is_some() && same.is_none_or(|same| same.started_at.is_none());
    let ends = after.state.outcome().is_some() && moves(before, after);
    let mut figures = Vec::new();
    if after.attempt == 0 {
        return figures;
    }
    if begins {
        figures.push(Measurement::one(Metric::AttemptsStarted, [team]));
        let waited = seconds(Some(after.ready_at), after.started_at);
        figures.extend(waited.map(|took| Measurement::of(Metric::QueueToStart, took, [team])));
    }
    if ends {
        let class = after.failure.map(|class| match class {
            FailureClass::Application => Metric::AttemptsFailedApplication,
            FailureClass::Infrastructure => Metric::AttemptsFailedInfrastructure,
            FailureClass::Refused => Metric::AttemptsFailedRefused,
        });
        figures.extend(class.map(|metric| Measurement::one(metric, [team])));
        let took = seconds(after.started_at, after.ended_at);
        figures.extend(took.map(|took| Measurement::of(Metric::TaskDuration, took, [team])));
    }
    figures
}

fn is_same(before: &Task, after: &Task) -> bool {
    (before.generation, before.attempt) == (after.generation, after.attempt)
}

fn moves(before: Option<&Task>, after: &Task) -> bool {
    before.is_none_or(|before| !is_same(before, after) || before.state != after.state)
}

fn instance(before: Option<&Instance>, after: &Instance) -> Vec<Measurement> {
    let was_over = before.is_some_and(|before| before.state.is_terminal());
    if was_over || !after.state.is_terminal() {
        return Vec::new();
    }
    let team = after.team.as_str();
    let mut figures = Vec::new();
    // What EMR never had costs nothing.
    let there = after
        .id
        .as_ref()
        .and(seconds(Some(after.requested_at), after.ended_at));
    figures
        .extend(there.map(|there| Measurement::of(Metric::ClusterHours, there / 3600.0, [team])));
    if after.state == InstanceState::Failed {
        figures.push(Measurement::one(Metric::ClustersFailed, [team]));
    }
    figures
}

fn deadline(before: Option<&Deadline>, after: &Deadline) -> Vec<Measurement> {
    if !after.missed || before.is_some_and(|before| before.missed) {
        return Vec::new();
    }
    let team = after.workflow.team.as_str();
    vec![Measurement::one(Metric::DeadlinesMissed, [team])]
}

/// The seconds from one instant to a later one, to the millisecond; 0 where clocks disagree.
fn seconds(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<f64> {
    let (from, to) = from.zip(to)?;
    Some(to.duration_since(from).as_secs_f64().max(0.0))
}

#[cfg(test)]
mod tests;
