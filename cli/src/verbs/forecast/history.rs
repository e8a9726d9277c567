//! What a workflow's earlier runs say: how long each of their tasks took.

use choreography::forecast::{Ended, Past, Progress};
use model::name::{TaskName, WorkflowRef};
use model::run::{Run, RunState};
use model::task::Task;
use ports::StateStore;

use crate::exit::Failure;
use crate::view::find;
use crate::view::run::RunView;

/// How many runs are looked through for some that succeeded.
const LOOKED_AT: usize = 200;

/// The newest runs of a workflow that succeeded at once, each with what its tasks took.
///
/// Reruns say little: they run some of the tasks, days later.
pub async fn of_workflow(
    store: &impl StateStore,
    workflow: &WorkflowRef,
    most: usize,
) -> Result<Vec<Ended>, Failure> {
    let runs = find::runs_of(store, workflow, LOOKED_AT).await?;
    let went_well = |run: &Run| run.state == RunState::Succeeded && run.generation == 1;
    let mut ended = Vec::new();
    for run in runs.into_iter().filter(went_well).take(most) {
        let (Some(started_at), Some(ended_at)) = (run.started_at, run.ended_at) else {
            continue;
        };
        let view = RunView::by_plan(store, run, None).await?;
        ended.push(Ended {
            started_at,
            ended_at,
            took: took(&view),
        });
    }
    Ok(ended)
}

/// What the tasks of a run took, all their attempts and what they waited for included.
fn took(view: &RunView) -> Past {
    let took = |name: &TaskName| {
        let attempts = view.attempts(name);
        let (first, last) = (attempts.first()?, attempts.last()?);
        Some((name.clone(), last.ended_at?.duration_since(first.ready_at)))
    };
    view.names().iter().filter_map(took).collect()
}

/// How far a task of a run under way has come; `None` when it waits for others.
pub fn progress(view: &RunView, name: &TaskName) -> Option<Progress> {
    let task: &Task = view.task(name)?;
    let own = |other: &&Task| other.generation == task.generation;
    let first = view.attempts(name).into_iter().find(own);
    let over = task.state.outcome().and(task.ended_at);
    Some(match over {
        Some(ended_at) => Progress::Ended(ended_at),
        None => Progress::Ready(first.map_or(task.ready_at, |first| first.ready_at)),
    })
}
