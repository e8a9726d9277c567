//! Why a run is where it is.

use model::Timestamp;
use model::name::TaskName;
use model::run::RunState;
use model::task::{Task, TaskState};
use ports::StateStore;

use super::explanation::{Explanation, Link, Missing};
use super::{attempts, blocked, origin, path};
use crate::exit::Failure;
use crate::output::paint::Paint;
use crate::output::time::{Zone, took};
use crate::view::run::{RunView, Standing};
use crate::view::{waiting, words};

/// How many tasks are explained one by one.
const MOST: usize = 6;

/// Explains a run.
pub async fn explain(
    store: &impl StateStore,
    view: &RunView,
    zone: &Zone,
    now: Timestamp,
) -> Result<Explanation, Failure> {
    let run = &view.run;
    let mut chain = origin::of(store, run).await?;
    chain.extend(reruns(view));
    let mut missing = Vec::new();
    let mut see = vec![format!("murmur show {}", run.run)];
    let summary = match run.state {
        RunState::Waiting => {
            for queue in waiting::of_run(store, run).await? {
                missing.push(blocked::of_queue(store, &queue, zone, now).await?);
            }
            format!("has not started: {}", reason(view))
        }
        RunState::Running => {
            missing = open(store, view, zone, now).await?;
            going(view)
        }
        RunState::Succeeded => {
            chain.extend(path::to_end(view));
            let took = run
                .started_at
                .zip(run.ended_at)
                .map(|(start, end)| took(start, end));
            format!("succeeded in {}", took.unwrap_or_default())
        }
        RunState::Failed => {
            let failed = failures(view);
            for name in failed.iter().take(MOST) {
                chain.extend(attempts::of(view, &view.attempts(name)));
            }
            if let Some(first) = failed.first() {
                see.push(format!("murmur why {} {first}", run.run));
                see.push(format!("murmur logs {} {first}", run.run));
            }
            see.push(format!("murmur rerun {}", run.run));
            failed_because(view, &failed)
        }
        RunState::Cancelled => {
            see.push(format!("murmur rerun {}", run.run));
            format!("was cancelled: {}", reason(view))
        }
        RunState::Skipped => format!("was skipped: {}", reason(view)),
    };
    if let Some(ended) = run.ended_at {
        let said = run
            .reason
            .as_ref()
            .map(|reason| format!(": {reason}"))
            .unwrap_or_default();
        let said = format!("{}{said}", words::run(run.state));
        chain.push(Link::new(Some(ended), &run.run, said).painted(Paint::of_run(run.state)));
    }
    let state = words::run(run.state).to_owned();
    let paint = Paint::of_run(run.state);
    Ok(Explanation {
        about: run.run.to_string(),
        state,
        summary,
        chain,
        missing,
        see,
        paint,
    })
}

fn reason(view: &RunView) -> &str {
    view.run
        .reason
        .as_deref()
        .unwrap_or("no reason is recorded")
}

/// Reruns as facts.
pub fn reruns(view: &RunView) -> Vec<Link> {
    let said = view.generations.iter().map(|generation| {
        let count = generation.scope.len();
        let tasks = if count == 1 {
            "1 task".to_owned()
        } else {
            format!("{count} tasks")
        };
        let why = generation
            .why
            .as_ref()
            .map(|why| format!(": {why}"))
            .unwrap_or_default();
        Link::new(
            Some(generation.at),
            &generation.operation,
            format!("{} had {tasks} run again{why}", generation.by),
        )
    });
    said.collect()
}

/// Tasks that failed by themselves.
pub fn failures(view: &RunView) -> Vec<TaskName> {
    let failed = |task: &&Task| match task.state {
        TaskState::Failed | TaskState::Cancelled => true,
        TaskState::Waiting
        | TaskState::Retrying
        | TaskState::Claimed
        | TaskState::Submitted
        | TaskState::Running
        | TaskState::Succeeded
        | TaskState::Skipped
        | TaskState::Blocked => false,
    };
    let mut tasks: Vec<&Task> = view
        .names()
        .iter()
        .filter_map(|name| view.tasks.get(name))
        .filter(failed)
        .collect();
    tasks.sort_by_key(|task| task.ended_at);
    tasks.into_iter().map(|task| task.task.clone()).collect()
}

fn failed_because(view: &RunView, failed: &[TaskName]) -> String {
    let said = match failed {
        [] => reason(view).to_owned(),
        [only] => format!("{only} did not succeed"),
        [first, rest @ ..] => format!("{first} and {} more did not succeed", rest.len()),
    };
    let blocked = view
        .counts()
        .get(&Standing::At(TaskState::Blocked))
        .copied()
        .unwrap_or(0);
    match blocked {
        0 => format!("failed: {said}"),
        1 => format!("failed: {said}, so 1 task below could not run"),
        more => format!("failed: {said}, so {more} tasks below could not run"),
    }
}

fn going(view: &RunView) -> String {
    let counts = view.counts().into_iter();
    let said: Vec<String> = counts
        .map(|(standing, count)| format!("{count} {}", standing.word()))
        .collect();
    let paused = if view.run.paused {
        "is paused"
    } else {
        "is running"
    };
    format!("{paused}: {}", said.join(", "))
}

/// What the tasks that were reached, or could be, wait for.
async fn open(
    store: &impl StateStore,
    view: &RunView,
    zone: &Zone,
    now: Timestamp,
) -> Result<Vec<Missing>, Failure> {
    let mut missing = Vec::new();
    let reached = |name: &TaskName| {
        view.task(name)
            .is_some_and(|task| task.state.outcome().is_none())
    };
    let open: Vec<TaskName> = view.names().into_iter().filter(reached).collect();
    for name in open.iter().take(MOST) {
        for one in blocked::of_task(store, view, name, zone, now).await? {
            missing.push(Missing {
                what: format!("{name}: {}", one.what),
                ..one
            });
        }
    }
    if open.len() > MOST {
        missing.push(Missing::new(format!(
            "and {} more tasks are open",
            open.len() - MOST
        )));
    }
    if open.is_empty() {
        missing.push(Missing::new(
            "the next fact about it: nothing is open, it is on its way",
        ));
    }
    Ok(missing)
}
