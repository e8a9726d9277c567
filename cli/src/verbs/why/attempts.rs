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
    let newest = attempts.len().saturating_sub(1);
    let all = attempts.iter().enumerate();
    all.flat_map(|(position, attempt)| one(view, attempt, several, position < newest))
        .collect()
}

fn one(view: &RunView, task: &Task, several: bool, followed: bool) -> Vec<Link> {
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
        let chosen = chosen(task)
            .map(|why| format!(": {why}"))
            .unwrap_or_default();
        links.push(Link::new(
            Some(submitted),
            &about,
            format!("submitted to {place}{id}{waited}{chosen}"),
        ));
    }
    links.push(last(view, task, &about, followed));
    links
}

/// Why the place was chosen: what is stored until something else is to be said.
fn chosen(task: &Task) -> Option<&String> {
    match task.state {
        TaskState::Submitted | TaskState::Running | TaskState::Succeeded => task.reason.as_ref(),
        TaskState::Waiting
        | TaskState::Retrying
        | TaskState::Claimed
        | TaskState::Failed
        | TaskState::Skipped
        | TaskState::Blocked
        | TaskState::Cancelled => None,
    }
}

fn because(reason: &Option<String>) -> String {
    reason
        .as_ref()
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default()
}

/// Where the attempt is now, or how it ended.
fn last(view: &RunView, task: &Task, about: &str, followed: bool) -> Link {
    let because = if chosen(task).is_some() {
        String::new()
    } else {
        because(&task.reason)
    };
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
            format!(
                "{word}{ran}{class}{because}{}",
                budget(view, task, followed)
            ),
        ),
        TaskState::Retrying => (
            task.ended_at,
            format!(
                "failed{ran}{class}{because}{}",
                budget(view, task, followed)
            ),
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
fn budget(view: &RunView, task: &Task, followed: bool) -> String {
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
    let ended = task.state == TaskState::Failed && !followed;
    match of {
        0 => "; it has no retries".to_owned(),
        of if ended && used > of => format!("; all {of} {what} are used up"),
        _ if ended => "; nothing tries it again".to_owned(),
        of => format!(
            "; {} {used} of {of} follows",
            what.replacen("retries", "retry", 1)
        ),
    }
}

fn retries(view: &RunView, task: &Task) -> Option<Retries> {
    let plan = view.plan.as_ref()?;
    Some(plan.written(plan.position(&task.task)?).retries)
}
