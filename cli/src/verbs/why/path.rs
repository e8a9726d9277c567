//! The path by which a task, or a run's end, was reached: at each task the one above that came last.

use std::collections::BTreeSet;

use model::name::TaskName;
use model::task::{Task, TaskState};

use super::explanation::Link;
use crate::output::paint::Paint;
use crate::output::time::took;
use crate::view::run::RunView;
use crate::view::{places, words};

/// The longest path that is told.
const LONGEST: usize = 40;

/// The path to the task that ended last.
pub fn to_end(view: &RunView) -> Vec<Link> {
    let names = view.names();
    let tasks = names.iter().filter_map(|name| view.task(name));
    match tasks
        .filter(|task| task.attempt > 0)
        .max_by_key(|task| task.ended_at)
    {
        Some(last) => {
            let mut links = above(view, &last.task);
            links.push(link(last));
            links
        }
        None => Vec::new(),
    }
}

/// The path to a task, itself left out. Failures above come before whatever came last.
pub fn above(view: &RunView, name: &TaskName) -> Vec<Link> {
    let mut links = Vec::new();
    let mut seen = BTreeSet::new();
    let mut present = name.clone();
    while links.len() < LONGEST && seen.insert(present.clone()) {
        let names = view.above(&present);
        let tasks = names.iter().filter_map(|name| view.task(name));
        let weight = |task: &&Task| (gravity(task.state), task.ended_at);
        let Some(decisive) = tasks.max_by_key(weight) else {
            break;
        };
        if decisive.state.outcome().is_none() {
            break;
        }
        links.push(link(decisive));
        present = decisive.task.clone();
    }
    links.reverse();
    links
}

fn gravity(state: TaskState) -> u8 {
    match state {
        TaskState::Failed | TaskState::Cancelled => 2,
        TaskState::Blocked => 1,
        TaskState::Waiting
        | TaskState::Retrying
        | TaskState::Claimed
        | TaskState::Submitted
        | TaskState::Running
        | TaskState::Succeeded
        | TaskState::Skipped => 0,
    }
}

fn link(task: &Task) -> Link {
    let ran = match (task.started_at, task.ended_at) {
        (Some(started), Some(ended)) => {
            format!(
                " after {} on {}",
                took(started, ended),
                places::of_task(task)
            )
        }
        (_, _) => String::new(),
    };
    let waited = match task.submitted_at {
        Some(submitted) if submitted.duration_since(task.ready_at).as_secs() > 1 => {
            format!(
                ", having waited {} for its place",
                took(task.ready_at, submitted)
            )
        }
        Some(_) | None => String::new(),
    };
    let attempt = if task.attempt > 1 {
        format!(", attempt {}", task.attempt)
    } else {
        String::new()
    };
    let because = match task.state {
        TaskState::Succeeded => String::new(),
        _ => task
            .reason
            .as_ref()
            .map(|reason| format!(": {reason}"))
            .unwrap_or_default(),
    };
    let said = format!("{}{ran}{waited}{attempt}{because}", words::task(task.state));
    Link::new(task.ended_at, &task.task, said).painted(Paint::of_task(task.state))
}
