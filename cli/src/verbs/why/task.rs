//! Why a task is where it is.

use model::Timestamp;
use model::name::TaskName;
use model::task::TaskState;
use ports::StateStore;

use super::explanation::{Explanation, Missing};
use super::{attempts, blocked, origin, path, run};
use crate::exit::Failure;
use crate::output::paint::Paint;
use crate::output::time::{Zone, took};
use crate::view::places;
use crate::view::run::{RunView, Standing};

/// Explains a task of a run.
pub async fn explain(
    store: &impl StateStore,
    view: &RunView,
    name: &TaskName,
    zone: &Zone,
    now: Timestamp,
) -> Result<Explanation, Failure> {
    let standing = view.standing(name);
    let mut chain = origin::of(store, &view.run).await?;
    chain.extend(run::reruns(view));
    chain.extend(path::above(view, name));
    chain.extend(attempts::of(view, &view.attempts(name)));
    chain.sort_by_key(|link| link.at);
    let missing = match standing {
        Standing::NeverReached => Vec::new(),
        Standing::Pending => pending(store, view, name, zone, now).await?,
        Standing::At(_) => blocked::of_task(store, view, name, zone, now).await?,
    };
    let mut see = Vec::new();
    let was_submitted = view
        .attempts(name)
        .iter()
        .any(|task| task.submitted_at.is_some());
    if was_submitted {
        see.push(format!("murmur logs {} {name}", view.run.run));
    }
    if let Some(cluster) = view.task(name).and_then(|task| task.cluster.as_ref()) {
        see.push(format!("murmur clusters {cluster}"));
    }
    Ok(Explanation {
        about: format!("{} {name}", view.run.run),
        state: standing.word().to_owned(),
        summary: summary(view, name, standing, now),
        chain,
        missing,
        see,
        paint: Paint::of_standing(standing),
    })
}

/// What a task nobody has reached waits for; what holds the tasks right above it comes with them.
async fn pending(
    store: &impl StateStore,
    view: &RunView,
    name: &TaskName,
    zone: &Zone,
    now: Timestamp,
) -> Result<Vec<Missing>, Failure> {
    const MOST: usize = 4;
    let mut missing = blocked::of_task(store, view, name, zone, now).await?;
    let reached = |above: &TaskName| {
        view.task(above)
            .is_some_and(|task| task.state.outcome().is_none())
    };
    for above in view.above(name).into_iter().filter(reached).take(MOST) {
        for one in blocked::of_task(store, view, &above, zone, now).await? {
            missing.push(Missing {
                what: format!("{above}: {}", one.what),
                ..one
            });
        }
    }
    Ok(missing)
}

fn summary(view: &RunView, name: &TaskName, standing: Standing, now: Timestamp) -> String {
    let Some(task) = view.task(name) else {
        return match standing {
            Standing::NeverReached => "was never reached: the run ended before".to_owned(),
            Standing::Pending | Standing::At(_) => "has not been reached yet".to_owned(),
        };
    };
    let reason = task
        .reason
        .as_ref()
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default();
    let place = places::of_task(task);
    match task.state {
        TaskState::Waiting => format!("is held back for {}{reason}", took(task.ready_at, now)),
        TaskState::Retrying => format!("failed and will be tried again{reason}"),
        TaskState::Claimed => format!("is being submitted to {place}"),
        TaskState::Submitted => format!("was submitted to {place}"),
        TaskState::Running => format!("runs on {place}{reason}"),
        TaskState::Succeeded => "succeeded".to_owned(),
        TaskState::Failed => format!("failed{reason}"),
        TaskState::Skipped => format!("was skipped{reason}"),
        TaskState::Blocked => format!("could not run{reason}"),
        TaskState::Cancelled => format!("was cancelled{reason}"),
    }
}
