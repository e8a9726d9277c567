//! What a workflow's earlier runs say: how long they and their tasks took.

use std::collections::BTreeMap;

use choreography::forecast::{Ended, Past, Progress};
use model::Timestamp;
use model::key::Key;
use model::name::{TaskName, WorkflowRef};
use model::run::{Run, RunState};
use model::task::{PastAttempt, Task};
use ports::{StateStore, StoreError, TypedStore as _};

/// How many runs are looked through for some that succeeded, for each that is wanted.
const LOOKED_AT: usize = 10;

/// The newest runs of a workflow that succeeded at once, newest first. One call of an index.
///
/// Reruns say little: they run some of the tasks, days later.
pub async fn succeeded(
    store: &impl StateStore,
    workflow: &WorkflowRef,
    most: usize,
) -> Result<Vec<Run>, StoreError> {
    let limit = most * LOOKED_AT;
    let stored = store
        .runs_of(workflow, Timestamp::MIN, Timestamp::MAX, limit)
        .await?;
    let mut runs = Vec::new();
    for stored in &stored {
        let run = stored.read::<Run>()?.value;
        if run.state == RunState::Succeeded && run.generation == 1 {
            runs.push(run);
        }
    }
    runs.truncate(most);
    Ok(runs)
}

/// Those runs with what their tasks took. Two calls for each run.
pub async fn ended(
    store: &impl StateStore,
    workflow: &WorkflowRef,
    most: usize,
) -> Result<Vec<Ended>, StoreError> {
    let mut ended = Vec::new();
    for run in succeeded(store, workflow, most).await? {
        let (Some(started_at), Some(ended_at)) = (run.started_at, run.ended_at) else {
            continue;
        };
        ended.push(Ended {
            started_at,
            ended_at,
            took: Attempts::read(store, &run).await?.took(),
        });
    }
    Ok(ended)
}

/// Every attempt of a run's tasks.
pub struct Attempts {
    tasks: Vec<Task>,
    /// What was before the newest attempts, oldest first.
    past: BTreeMap<TaskName, Vec<Task>>,
}

impl Attempts {
    /// Reads them.
    pub async fn read(store: &impl StateStore, run: &Run) -> Result<Self, StoreError> {
        let partition = Key::run_partition(&run.run);
        let tasks = store.list::<Task>(&partition, "task#").await?;
        let mut past: BTreeMap<TaskName, Vec<Task>> = BTreeMap::new();
        for attempt in store.list::<PastAttempt>(&partition, "past#").await? {
            let attempt = attempt.value.attempt;
            past.entry(attempt.task.clone()).or_default().push(attempt);
        }
        Ok(Self {
            tasks: tasks.into_iter().map(|task| task.value).collect(),
            past,
        })
    }

    /// What the tasks of a run that has ended took, all their attempts and what they waited for
    /// included.
    fn took(&self) -> Past {
        let took = |task: &Task| {
            let first = self.first(task);
            let took = task.ended_at?.duration_since(first.ready_at);
            Some((task.task.clone(), took))
        };
        self.tasks.iter().filter_map(took).collect()
    }

    /// How far the tasks of a run under way have come; those that wait for others are not there.
    /// `effective` is the generation that a task is in.
    pub fn progress(&self, effective: impl Fn(&TaskName) -> u32) -> BTreeMap<TaskName, Progress> {
        let is_current = |task: &&Task| task.generation >= effective(&task.task);
        let tasks = self.tasks.iter().filter(is_current);
        let progress = tasks.map(|task| {
            let over = task.state.outcome().and(task.ended_at);
            let since = self.first(task).ready_at;
            let progress = over.map_or(Progress::Ready(since), Progress::Ended);
            (task.task.clone(), progress)
        });
        progress.collect()
    }

    /// The first attempt of a task in its generation.
    fn first<'a>(&'a self, task: &'a Task) -> &'a Task {
        let past = self.past.get(&task.task).into_iter().flatten();
        let mut own = past.filter(|other| other.generation == task.generation);
        own.next().unwrap_or(task)
    }
}
