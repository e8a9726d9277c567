//! What a run publishes when it starts.

use model::fact::TaskReady;
use model::run::{Run, RunState};
use ports::{EventBus as _, Ports, Trouble};
use protocols::{facts, plans};

/// Publishes that the run started, and that every task without upstreams is ready.
pub(crate) async fn publish<P: Ports>(ports: &P, run: &Run) -> Result<(), Trouble> {
    let plan = plans::plan(ports, &run.definition).await?;
    let since = run.started_at.unwrap_or(run.created_at);
    let mut published = vec![facts::run(run)];
    published.extend(plan.roots().map(|position| {
        let task = plan.task(position).name.clone();
        let (generation, attempt) = (1, 1);
        facts::ready(
            run,
            TaskReady {
                run: run.run.clone(),
                task,
                generation,
                attempt,
                since,
                released_by: None,
            },
        )
    }));
    Ok(ports.bus().publish(published).await?)
}

/// Publishes that a run that has ended since had started.
pub(crate) async fn publish_started<P: Ports>(ports: &P, ended: &Run) -> Result<(), Trouble> {
    let started = Run {
        state: RunState::Running,
        reason: None,
        ..ended.clone()
    };
    publish_state(ports, &started).await
}

/// Publishes the run's present state, and nothing else.
pub(crate) async fn publish_state<P: Ports>(ports: &P, run: &Run) -> Result<(), Trouble> {
    Ok(ports.bus().publish(vec![facts::run(run)]).await?)
}
