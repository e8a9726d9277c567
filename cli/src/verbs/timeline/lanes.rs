//! What clusters and runs did, as lanes of spans. Must not know how wide anything is drawn.

use std::collections::BTreeMap;

use model::Timestamp;
use model::cluster::{Instance, InstanceState};
use model::name::{TaskName, WorkflowRef};
use model::run::RunState;
use model::task::{Task, TaskState};

use super::SeenRun;
use crate::output::paint::Paint;
use crate::output::time::{Zone, took};
use crate::view::run::RunView;

/// One line of the chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Lane {
    /// How it stands, at a glance and without colours.
    pub mark: (char, Paint),
    pub label: String,
    pub spans: Vec<Span>,
    /// How long it took.
    pub length: String,
    /// What else there is to say where there is room.
    pub remark: String,
}

/// A stretch of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub from: Timestamp,
    pub to: Timestamp,
    pub look: Look,
}

/// What happened in a stretch; where several fall into one cell, the greatest is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Look {
    /// A run is open, and nothing of it is held back or at work.
    Open,
    /// A cluster comes up; a run waits for a cluster, a limit or a retry.
    Waits,
    /// A cluster drains and goes.
    Goes,
    /// An attempt that failed and was followed by another.
    TriedInVain,
    /// A cluster is up; an attempt that succeeded was at work.
    Fine,
    /// An attempt is at work now.
    AtWork,
    /// What failed for good.
    Failed,
}

impl Look {
    /// How a cell of it is drawn.
    pub fn cell(self) -> (char, Paint) {
        match self {
            Self::Open => ('─', Paint::Faint),
            Self::Waits => ('░', Paint::Waiting),
            Self::Goes => ('▒', Paint::Busy),
            Self::TriedInVain => ('▚', Paint::Waiting),
            Self::Fine => ('█', Paint::Good),
            Self::AtWork => ('▓', Paint::Busy),
            Self::Failed => ('✗', Paint::Bad),
        }
    }
}

/// Lanes of instances, in the order they came up; each with its number of machines.
pub fn of_instances(
    instances: impl IntoIterator<Item = (Instance, Option<u32>)>,
    now: Timestamp,
) -> Vec<Lane> {
    let mut instances: Vec<_> = instances.into_iter().collect();
    instances.sort_by_key(|(instance, _)| (instance.requested_at, instance.instance.clone()));
    instances
        .iter()
        .map(|(instance, nodes)| of_instance(instance, *nodes, now))
        .collect()
}

fn of_instance(instance: &Instance, nodes: Option<u32>, now: Timestamp) -> Lane {
    let end = instance.ended_at.unwrap_or(now);
    let drains = instance.draining_at.unwrap_or(end);
    let up = instance.ready_at.unwrap_or(drains);
    let span = |from, to, look| (from < to).then_some(Span { from, to, look });
    let failed = (instance.state == InstanceState::Failed).then_some(Span {
        from: end,
        to: end,
        look: Look::Failed,
    });
    let spans = [
        span(instance.requested_at, up, Look::Waits),
        span(up, drains, Look::Fine),
        span(drains, end, Look::Goes),
        failed,
    ];
    let mark = match instance.state {
        InstanceState::Requested | InstanceState::Starting => '…',
        InstanceState::Ready => '▸',
        InstanceState::Draining | InstanceState::Terminating => '▹',
        InstanceState::Terminated => '✓',
        InstanceState::Failed => '✗',
    };
    let id = instance.id.as_ref().map(ToString::to_string);
    let nodes = nodes.map(|nodes| format!("{nodes} nodes"));
    Lane {
        mark: (mark, paint_of(instance.state)),
        label: format!("{}/{}", instance.team, instance.cluster),
        spans: spans.into_iter().flatten().collect(),
        length: took(instance.requested_at, end),
        remark: nodes.into_iter().chain(id).collect::<Vec<_>>().join(", "),
    }
}

/// An instance that has ended as it should is what people want to see.
fn paint_of(state: InstanceState) -> Paint {
    match state {
        InstanceState::Terminated => Paint::Good,
        InstanceState::Requested
        | InstanceState::Starting
        | InstanceState::Ready
        | InstanceState::Draining
        | InstanceState::Terminating
        | InstanceState::Failed => Paint::of_instance(state),
    }
}

/// Lanes of runs in the given order. Several runs of one workflow are told apart by their slot.
pub fn of_runs(runs: &[SeenRun], zone: &Zone, now: Timestamp) -> Vec<Lane> {
    let mut counts: BTreeMap<WorkflowRef, usize> = BTreeMap::new();
    for seen in runs {
        *counts.entry(seen.run.workflow_ref()).or_default() += 1;
    }
    let several_days = runs.iter().any(|seen| {
        runs.first()
            .is_some_and(|first| !zone.same_day(first.run.logical_date, seen.run.logical_date))
    });
    let lane = |seen: &SeenRun| {
        let workflow = seen.run.workflow_ref();
        let slot = match (counts.get(&workflow), several_days) {
            (Some(1), _) | (None, _) => String::new(),
            (Some(_), false) => zone.short(seen.run.logical_date, "%H:%M"),
            (Some(_), true) => zone.short(seen.run.logical_date, "%m-%d %H:%M"),
        };
        of_run(
            seen,
            format!("{workflow} {slot}").trim_end().to_owned(),
            now,
        )
    };
    runs.iter().map(lane).collect()
}

fn of_run(seen: &SeenRun, label: String, now: Timestamp) -> Lane {
    let run = &seen.run;
    let end = run.ended_at.unwrap_or(now);
    let began = run.started_at.unwrap_or(run.created_at);
    let held = (run.created_at < began).then_some(Span {
        from: run.created_at,
        to: began,
        look: Look::Waits,
    });
    let open = match run.state {
        RunState::Waiting => Look::Waits,
        RunState::Failed => Look::Failed,
        RunState::Running | RunState::Succeeded | RunState::Cancelled | RunState::Skipped => {
            Look::Open
        }
    };
    let open = match open {
        Look::Failed => Span {
            from: end,
            to: end,
            look: open,
        },
        _ => Span {
            from: began,
            to: end,
            look: open,
        },
    };
    let tasks = seen
        .attempts
        .iter()
        .flat_map(|attempt| of_attempt(attempt, now));
    let spans = held.into_iter().chain([open]).chain(tasks).collect();
    let mark = match run.state {
        RunState::Waiting => '…',
        RunState::Running => '▸',
        RunState::Succeeded => '✓',
        RunState::Failed => '✗',
        RunState::Cancelled | RunState::Skipped => '–',
    };
    Lane {
        mark: (mark, Paint::of_run(run.state)),
        label,
        spans,
        length: took(began, end),
        remark: remark(seen),
    }
}

/// Lanes of a run's tasks, in the order of the definition.
pub fn of_tasks(view: &RunView, now: Timestamp) -> Vec<Lane> {
    let names = view.names();
    let lanes = names.iter().filter_map(|name| of_task(view, name, now));
    lanes.collect()
}

/// `None` for a task that was never reached.
fn of_task(view: &RunView, name: &TaskName, now: Timestamp) -> Option<Lane> {
    let attempts = view.attempts(name);
    let (first, newest) = (attempts.first()?, attempts.last()?);
    let mark = match newest.state {
        TaskState::Waiting | TaskState::Retrying => '…',
        TaskState::Claimed | TaskState::Submitted | TaskState::Running => '▸',
        TaskState::Succeeded => '✓',
        TaskState::Failed | TaskState::Blocked => '✗',
        TaskState::Skipped | TaskState::Cancelled => '–',
    };
    let mut spans: Vec<Span> = attempts
        .iter()
        .flat_map(|attempt| of_attempt(attempt, now))
        .collect();
    // Between two attempts it waits out the backoff.
    spans.extend(attempts.windows(2).filter_map(|pair| {
        let (from, to) = (pair[0].ended_at?, pair[1].ready_at);
        (from < to).then_some(Span {
            from,
            to,
            look: Look::Waits,
        })
    }));
    if newest.state == TaskState::Failed {
        let at = newest.ended_at.unwrap_or(now);
        spans.push(Span {
            from: at,
            to: at,
            look: Look::Failed,
        });
    }
    let tries = (attempts.len() > 1).then(|| format!("{} attempts", attempts.len()));
    let place = newest.cluster.as_ref().map(ToString::to_string);
    Some(Lane {
        mark: (mark, Paint::of_task(newest.state)),
        label: name.to_string(),
        spans,
        length: took(first.ready_at, newest.ended_at.unwrap_or(now)),
        remark: tries
            .into_iter()
            .chain(place)
            .collect::<Vec<_>>()
            .join(", "),
    })
}

fn of_attempt(attempt: &Task, now: Timestamp) -> Vec<Span> {
    let end = attempt.ended_at.unwrap_or(now);
    let began = attempt.started_at.or(attempt.submitted_at);
    let look = match attempt.state {
        TaskState::Waiting | TaskState::Retrying => return vec![waits(attempt, end)],
        TaskState::Claimed | TaskState::Submitted | TaskState::Running => Look::AtWork,
        TaskState::Succeeded => Look::Fine,
        TaskState::Failed => Look::TriedInVain,
        TaskState::Cancelled => Look::Goes,
        TaskState::Skipped | TaskState::Blocked => return Vec::new(),
    };
    let began = began.unwrap_or(end);
    vec![
        waits(attempt, began),
        Span {
            from: began,
            to: end,
            look,
        },
    ]
}

fn waits(attempt: &Task, until: Timestamp) -> Span {
    Span {
        from: attempt.ready_at,
        to: until,
        look: Look::Waits,
    }
}

/// How many tasks, how many tries of them failed, and what the run itself says.
fn remark(seen: &SeenRun) -> String {
    let tasks = seen.attempts.iter().map(|attempt| &attempt.task);
    let tasks = tasks.collect::<std::collections::BTreeSet<_>>().len();
    let failures = seen
        .attempts
        .iter()
        .filter(|attempt| attempt.failure.is_some())
        .count();
    let s = |count: usize| if count == 1 { "" } else { "s" };
    let mut parts = Vec::new();
    if tasks > 0 {
        parts.push(format!("{tasks} task{}", s(tasks)));
    }
    if failures > 0 {
        parts.push(format!("{failures} failed attempt{}", s(failures)));
    }
    parts.extend(seen.run.reason.clone());
    parts.join(", ")
}
