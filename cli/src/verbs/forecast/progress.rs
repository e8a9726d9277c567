//! How far the tasks of a run under way have come.

use choreography::forecast::Progress;
use model::name::TaskName;
use model::task::Task;

use crate::view::run::RunView;

/// How far a task has come; `None` when it waits for others.
pub fn of(view: &RunView, name: &TaskName) -> Option<Progress> {
    let task: &Task = view.task(name)?;
    let own = |other: &&Task| other.generation == task.generation;
    let first = view.attempts(name).into_iter().find(own);
    let over = task.state.outcome().and(task.ended_at);
    Some(match over {
        Some(ended_at) => Progress::Ended(ended_at),
        None => Progress::Ready(first.map_or(task.ready_at, |first| first.ready_at)),
    })
}
