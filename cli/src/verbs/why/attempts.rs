//! The attempts of a task as facts.

use model::definition::Retries;
use model::task::{FailureClass, Task, TaskState};

use super::explanation::Link;
use crate::output::paint::Paint;
use crate::output::time::took;
use crate::view::run::RunView;
use crate::view::{places, words};

/// What happened to a task, attempt by attempt.
pub fn of(view: &RunView, attempts: &[&Task]) -> Vec<Link> {
    let several = attempts.len() > 1;
    attempts
        .iter()
        .flat_map(|attempt| one(view, attempt, several))
        .collect()
}

fn one(view: &RunView, task: &Task, several: bool) -> Vec<Link> {
    let about = if several && task.attempt > 0 {
        let pass = if view.run.generation > 1 {
            format!(" of generation {}", task.generation)
        } else {
            String::new()
        };
        format!("{} attempt {}{pass}", task.task, task.attempt)
    } else {
        task.task.to_string()
    };
    let mut links = Vec::new();
    if let Some(submitted) = task.submitted_at {
        let waited = submitted.duration_since(task.ready_at).as_secs();
        let waited = if waited > 1 {
            format!(", after waiting {}", took(task.ready_at, submitted))
        } else {
            String::new()
        };
        let id = task
            .submission
            .as_ref()
            .map(|id| format!(" as {id}"))
            .unwrap_or_default();
        let place = places::of_task(task);
        links.push(Link::new(
            Some(submitted),
            &about,
            format!("submitted to {place}{id}{waited}"),
        ));
    }
    links.push(last(view, task, &about));
    links
}

/// Where the attempt is now, or how it ended.
fn last(view: &RunView, task: &Task, about: &str) -> Link {
    let because = task
        .reason
        .as_ref()
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default();
    let ran = match (task.started_at, task.ended_at) {
        (Some(started), Some(ended)) => format!(" after {}", took(started, ended)),
        (_, _) => String::new(),
    };
    let class = match task.failure {
        Some(FailureClass::Application) => " (the work itself)",
        Some(FailureClass::Infrastructure) => " (infrastructure)",
        Some(FailureClass::Refused) => " (refused)",
        None => "",
    };
    let word = words::task(task.state);
    let (at, said) = match task.state {
        TaskState::Succeeded
        | TaskState::Failed
        | TaskState::Skipped
        | TaskState::Blocked
        | TaskState::Cancelled => (
            task.ended_at,
            format!("{word}{ran}{class}{because}{}", budget(view, task)),
        ),
        TaskState::Retrying => (
            task.ended_at,
            format!("failed{ran}{class}{because}{}", budget(view, task)),
        ),
        TaskState::Running => (task.started_at, format!("runs{because}")),
        TaskState::Waiting => (
            Some(task.ready_at),
            format!("ready, and held back{because}"),
        ),
        TaskState::Claimed | TaskState::Submitted => (
            task.submitted_at.or(Some(task.ready_at)),
            format!("{word}{because}"),
        ),
    };
    Link::new(at, about, said).painted(Paint::of_task(task.state))
}

/// What is left of the retries.
fn budget(view: &RunView, task: &Task) -> String {
    let (Some(failure), Some(retries)) = (task.failure, retries(view, task)) else {
        return String::new();
    };
    let (used, of, what) = match failure {
        FailureClass::Application => (task.failures.application, retries.attempts, "retries"),
        FailureClass::Infrastructure => (
            task.failures.infrastructure,
            retries.infrastructure_attempts,
            "retries for infrastructure",
        ),
        FailureClass::Refused => return "; trying again cannot help".to_owned(),
    };
    match (of, task.state) {
        (0, _) => "; it has no retries".to_owned(),
        (_, TaskState::Failed) => format!("; all {of} {what} are used up"),
        (_, _) => format!("; retry {used} of {of} follows"),
    }
}

fn retries(view: &RunView, task: &Task) -> Option<Retries> {
    let plan = view.plan.as_ref()?;
    Some(plan.written(plan.position(&task.task)?).retries)
}
