//! The run's end: every leaf has arrived, and so have the upstreams of early starters. After a
//! rerun the tasks themselves have the last word: one may run again for which no leaf stands.

use choreography::ending;
use model::Timestamp;
use model::fact::Fact;
use model::key::Key;
use model::run::{Run, RunState};
use model::task::Task;
use ports::{CommitError, Ports, StateStore as _, Trouble, TypedStore as _, Write};
use protocols::{facts, limits};

use crate::plan_view::View;

/// Ends the run: failed if and only if a failure arrived that no rule absorbed. Returns the fact.
/// Who ends a task writes its item first and tells it then, so whoever is told last sees all ended
/// (rule 16).
pub(crate) async fn run<P: Ports>(
    ports: &P,
    view: &View<'_>,
    failed: bool,
    at: Timestamp,
) -> Result<Vec<Fact>, Trouble> {
    let generation = view.run.value.generation;
    let failed = if generation == 1 {
        failed
    } else {
        match ended_anew(ports, view).await? {
            Some(failed) => failed,
            None => return Ok(Vec::new()),
        }
    };
    let key = Key::Run(view.run.value.run.clone());
    let mut read = Some(view.run.clone());
    let ended = loop {
        let Some(stored) = read.take() else {
            return Err(Trouble::Poison("the run's item is gone".to_owned()));
        };
        let mut run = stored.value;
        if run.generation != generation {
            // A rerun opened the next generation: its own end join decides.
            return Ok(Vec::new());
        }
        match run.state {
            RunState::Succeeded | RunState::Failed => break run,
            RunState::Cancelled | RunState::Skipped => return Ok(Vec::new()),
            RunState::Waiting | RunState::Running => {}
        }
        run.state = if failed {
            RunState::Failed
        } else {
            RunState::Succeeded
        };
        run.ended_at = Some(at);
        run.check_at = None;
        run.reason = failed.then(|| "a task failed".to_owned());
        match ports
            .store()
            .commit(vec![Write::replace(&run, Some(stored.version))])
            .await
        {
            Ok(()) => break run,
            Err(CommitError::Conflict) => read = ports.store().get::<Run>(&key).await?,
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
    };
    limits::free_run(ports, &ended).await?;
    Ok(vec![facts::run(&ended)])
}

/// After a rerun: whether every task has ended, and then whether the run failed.
async fn ended_anew<P: Ports>(ports: &P, view: &View<'_>) -> Result<Option<bool>, Trouble> {
    let partition = Key::run_partition(&view.run.value.run);
    let tasks = ports.store().list::<Task>(&partition, "task#").await?;
    let tasks = tasks
        .into_iter()
        .map(|task| (task.value.task.clone(), task.value))
        .collect();
    Ok(ending::failed(view.plan, &view.scopes, &tasks))
}
