//! What a run or a task waits for now: the queues it stands in, and who holds what it wants.

use choreography::plan::Plan;
use model::Timestamp;
use model::definition::ClusterChoice;
use model::key::Key;
use model::limit::{LimitRef, Place, QueueRef, Waiter};
use model::name::TeamName;
use model::registry::CurrentTeam;
use model::run::Run;
use model::task::Task;
use ports::{StateStore, TypedStore as _};

use super::definitions;
use crate::exit::Failure;

/// A queue somebody stands in.
#[derive(Debug, Clone)]
pub struct Waiting {
    pub queue: QueueRef,
    pub since: Timestamp,
    /// How many are before it.
    pub ahead: usize,
    /// Who holds the limit's places, and how many there are.
    pub held: Vec<Place>,
    pub size: Option<u32>,
}

/// The queues a task's newest attempt stands in.
pub async fn of_task(
    store: &impl StateStore,
    run: &Run,
    plan: Option<&Plan>,
    task: &Task,
) -> Result<Vec<Waiting>, Failure> {
    let mut queues = vec![(QueueRef::Resumed(run.run.clone()), None)];
    let team = current_team(store, &run.team).await?;
    let quota = team.as_ref().and_then(|team| team.quota.running_tasks);
    queues.push((
        QueueRef::Limit(LimitRef::TeamTasks(run.team.clone())),
        quota,
    ));
    let position = plan.and_then(|plan| plan.position(&task.task));
    if let Some(written) = plan
        .zip(position)
        .map(|(plan, position)| plan.written(position))
    {
        match written.kind.cluster() {
            Some(ClusterChoice::Named(cluster)) => {
                queues.push((QueueRef::Cluster(cluster.clone()), None));
            }
            Some(ClusterChoice::Tagged(tags)) => {
                queues.push((QueueRef::Tagged(run.team.clone(), tags.clone()), None));
            }
            None => {}
        }
        if let Some(pool) = &written.pool {
            let team = current_team(store, &pool.team).await?;
            let size = team.and_then(|team| team.pools.get(&pool.name).copied());
            queues.push((QueueRef::Limit(LimitRef::Pool(pool.clone())), size));
        }
    }
    standing_in(store, queues, &task.attempt_key().to_string()).await
}

/// The queues a run stands in.
pub async fn of_run(store: &impl StateStore, run: &Run) -> Result<Vec<Waiting>, Failure> {
    let workflow = run.workflow_ref();
    let current = definitions::current_workflow(store, &workflow).await?;
    let active = current.and_then(|(_, definition)| definition.max_active_runs);
    let quota = current_team(store, &run.team)
        .await?
        .and_then(|team| team.quota.active_runs);
    let mut queues = vec![
        (
            QueueRef::Limit(LimitRef::WorkflowRuns(workflow)),
            active.map(|active| active.max),
        ),
        (QueueRef::Limit(LimitRef::TeamRuns(run.team.clone())), quota),
    ];
    let own = run.limits.iter();
    queues.extend(own.map(|limit| (QueueRef::Limit(limit.limit.clone()), Some(limit.size))));
    standing_in(store, queues, run.run.as_str()).await
}

async fn current_team(
    store: &impl StateStore,
    team: &TeamName,
) -> Result<Option<CurrentTeam>, Failure> {
    let current = store
        .get::<CurrentTeam>(&Key::CurrentTeam(team.clone()))
        .await?;
    Ok(current.map(|current| current.value))
}

async fn standing_in(
    store: &impl StateStore,
    queues: Vec<(QueueRef, Option<u32>)>,
    holder: &str,
) -> Result<Vec<Waiting>, Failure> {
    let mut found = Vec::new();
    for (queue, size) in queues {
        let waiters = waiters(store, &queue).await?;
        let Some(ahead) = waiters.iter().position(|waiter| waiter.holder == holder) else {
            continue;
        };
        let held = match &queue {
            QueueRef::Limit(limit) => held(store, limit).await?,
            QueueRef::Cluster(_) | QueueRef::Tagged(..) | QueueRef::Resumed(_) => Vec::new(),
        };
        let since = waiters[ahead].since;
        found.push(Waiting {
            queue,
            since,
            ahead,
            held,
            size,
        });
    }
    Ok(found)
}

/// Who waits in a queue, in the order in which they are released.
pub async fn waiters(store: &impl StateStore, queue: &QueueRef) -> Result<Vec<Waiter>, Failure> {
    let waiters = store
        .list::<Waiter>(&Key::queue_partition(queue), "waiter#")
        .await?;
    Ok(waiters.into_iter().map(|waiter| waiter.value).collect())
}

/// Who holds places of a limit.
pub async fn held(store: &impl StateStore, limit: &LimitRef) -> Result<Vec<Place>, Failure> {
    let places = store
        .list::<Place>(&Key::limit_partition(limit), "place#")
        .await?;
    Ok(places.into_iter().map(|place| place.value).collect())
}
