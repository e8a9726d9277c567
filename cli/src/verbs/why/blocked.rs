//! What a task waits for now, exactly: tasks above it, limits and who holds them, clusters and
//! when they come.

use choreography::expected::schedule_of;
use model::Timestamp;
use model::cluster::Instance;
use model::definition::TriggerRule;
use model::key::Key;
use model::limit::{LimitRef, QueueRef};
use model::name::{ClusterRef, TaskName};
use model::task::{Task, TaskState};
use ports::{StateStore, TypedStore as _};

use super::explanation::Missing;
use crate::exit::Failure;
use crate::output::time::{Zone, took};
use crate::view::run::{RunView, Standing};
use crate::view::waiting::{self, Waiting};
use crate::view::{definitions, places, words};

/// How many of a kind are named.
const MOST: usize = 8;

/// What has to happen before the task goes on.
pub async fn of_task(
    store: &impl StateStore,
    view: &RunView,
    name: &TaskName,
    zone: &Zone,
    now: Timestamp,
) -> Result<Vec<Missing>, Failure> {
    let Some(task) = view.task(name) else {
        return Ok(vec![upstreams(view, name, zone)]);
    };
    let place = places::of_task(task);
    Ok(match task.state {
        TaskState::Waiting => held_back(store, view, task, zone, now).await?,
        TaskState::Retrying => {
            let due = task
                .due_at
                .map(|at| format!(" at {}", zone.full(at)))
                .unwrap_or_default();
            vec![Missing::new(format!(
                "the backoff before attempt {}{due}",
                task.attempt + 1
            ))]
        }
        TaskState::Claimed => {
            let lease = task
                .claim
                .as_ref()
                .map(|claim| zone.full(claim.lease_until));
            let lease = lease.unwrap_or_default();
            vec![
                Missing::new(format!("the answer of {place} to the submission")).because(format!(
                    "its submitter has until {lease}, then it is looked up there"
                )),
            ]
        }
        TaskState::Submitted => {
            let since = task.submitted_at.unwrap_or(task.ready_at);
            vec![Missing::new(format!(
                "{place} has it for {} and has not started it",
                took(since, now)
            ))]
        }
        TaskState::Running => {
            let since = task.started_at.unwrap_or(task.ready_at);
            vec![Missing::new(format!(
                "its end: it runs on {place} for {}",
                took(since, now)
            ))]
        }
        TaskState::Succeeded
        | TaskState::Failed
        | TaskState::Skipped
        | TaskState::Blocked
        | TaskState::Cancelled => Vec::new(),
    })
}

fn upstreams(view: &RunView, name: &TaskName, zone: &Zone) -> Missing {
    let above = view.above(name);
    let open: Vec<&TaskName> = above
        .iter()
        .filter(|above| !has_ended(view, above))
        .collect();
    if open.is_empty() {
        let what = if above.is_empty() {
            "its first fact"
        } else {
            "the word of its join"
        };
        return Missing::new(format!("{what}: it is on its way"));
    }
    let rule = match rule(view, name) {
        TriggerRule::AllSucceeded => "to succeed",
        TriggerRule::AllDone => "to end",
        TriggerRule::AnyFailed => "to end, or one to fail",
        TriggerRule::AnySucceeded => "to end, or one to succeed",
        TriggerRule::NoneFailed => "to end without a failure",
    };
    let many = if above.len() == 1 {
        "the task above it".to_owned()
    } else {
        format!("{} of the {} tasks above it", open.len(), above.len())
    };
    let mut missing = Missing::new(format!("{many} {rule}"));
    for name in open.iter().take(MOST) {
        missing = missing.because(format!("{name}: {}", standing(view, name, zone)));
    }
    if open.len() > MOST {
        missing = missing.because(format!("… and {} more", open.len() - MOST));
    }
    missing
}

/// Where a task above is, and why when that is known.
fn standing(view: &RunView, name: &TaskName, zone: &Zone) -> String {
    let word = view.standing(name).word();
    match view.task(name) {
        Some(Task {
            started_at: Some(since),
            ..
        }) => format!("{word} since {}", zone.full(*since)),
        Some(Task {
            reason: Some(reason),
            ..
        }) => format!("{word}: {reason}"),
        Some(_) | None => word.to_owned(),
    }
}

fn has_ended(view: &RunView, name: &TaskName) -> bool {
    match view.standing(name) {
        Standing::At(state) => state.outcome().is_some(),
        Standing::Pending | Standing::NeverReached => false,
    }
}

fn rule(view: &RunView, name: &TaskName) -> TriggerRule {
    let plan = view.plan.as_ref();
    let written = plan.and_then(|plan| Some(plan.written(plan.position(name)?)));
    written.map_or(TriggerRule::AllSucceeded, |written| written.trigger_rule)
}

async fn held_back(
    store: &impl StateStore,
    view: &RunView,
    task: &Task,
    zone: &Zone,
    now: Timestamp,
) -> Result<Vec<Missing>, Failure> {
    let queues = waiting::of_task(store, &view.run, view.plan.as_deref(), task).await?;
    let mut missing = Vec::new();
    for queue in &queues {
        missing.push(of_queue(store, queue, zone, now).await?);
    }
    if missing.is_empty() {
        let reason = task
            .reason
            .clone()
            .unwrap_or_else(|| "it is on its way".to_owned());
        missing.push(Missing::new(reason));
    }
    Ok(missing)
}

/// What a queue waits for.
pub async fn of_queue(
    store: &impl StateStore,
    waiting: &Waiting,
    zone: &Zone,
    now: Timestamp,
) -> Result<Missing, Failure> {
    let since = took(waiting.since, now);
    let mut missing = match &waiting.queue {
        QueueRef::Resumed(run) => Missing::new("the run is paused")
            .because(format!("`murmur resume {run}` lets it go on")),
        QueueRef::Limit(limit) => of_limit(limit, waiting, zone),
        QueueRef::Cluster(cluster) => {
            let missing = Missing::new(format!("a place on a ready instance of {cluster}"));
            of_cluster(store, missing, cluster, zone, now).await?
        }
        QueueRef::Tagged(team, tags) => {
            let said: Vec<String> = tags
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            let said = said.join(", ");
            let mut missing =
                Missing::new(format!("a place on a ready cluster of {team} with {said}"));
            let mut any = false;
            for catalogue in definitions::catalogues(store).await? {
                for (name, has) in catalogue
                    .clusters
                    .iter()
                    .filter(|_| catalogue.team == *team)
                {
                    if tags.iter().all(|(key, value)| has.get(key) == Some(value)) {
                        any = true;
                        let cluster = ClusterRef::new(team.clone(), name.clone());
                        missing = of_cluster(store, missing, &cluster, zone, now).await?;
                    }
                }
            }
            if any {
                missing
            } else {
                missing.because("no cluster of the team has these tags")
            }
        }
    };
    let before = match waiting.ahead {
        0 => "nobody is before it".to_owned(),
        1 => "1 is before it".to_owned(),
        more => format!("{more} are before it"),
    };
    missing = missing.because(format!("it waits for {since}; {before}"));
    Ok(missing)
}

fn of_limit(limit: &LimitRef, waiting: &Waiting, zone: &Zone) -> Missing {
    let size = waiting
        .size
        .map(|size| format!(" of {size}"))
        .unwrap_or_default();
    let mut missing = Missing::new(format!(
        "a place of {limit}: {}{size} are held",
        waiting.held.len()
    ));
    for place in waiting.held.iter().take(MOST) {
        missing = missing.because(format!(
            "held by {} since {}",
            place.holder,
            zone.full(place.since)
        ));
    }
    if waiting.held.len() > MOST {
        missing = missing.because(format!("… and {} more", waiting.held.len() - MOST));
    }
    missing
}

/// How many instances of a cluster's past are looked at.
const LOOKED_AT: usize = 3;

/// Adds where a cluster is, and when its next window begins.
async fn of_cluster(
    store: &impl StateStore,
    mut missing: Missing,
    cluster: &ClusterRef,
    zone: &Zone,
    now: Timestamp,
) -> Result<Missing, Failure> {
    let partition = Key::cluster_partition(cluster);
    let instances = store.list::<Instance>(&partition, "instance#").await?;
    let live = instances.iter().rev().map(|instance| &instance.value);
    for instance in live
        .filter(|instance| !instance.state.is_terminal())
        .take(LOOKED_AT)
    {
        let limit = LimitRef::Steps(instance.instance.clone());
        let open = protocols::lots::open(store, &limit).await?.len();
        let (state, id) = (
            words::instance(instance.state),
            instance.instance.to_string(),
        );
        let reason = instance
            .reason
            .as_ref()
            .map(|why| format!(" ({why})"))
            .unwrap_or_default();
        missing = missing.because(format!(
            "{id} is {state}{reason}, {open} of {} steps open, its window ends {}",
            instance.step_concurrency,
            zone.full(instance.window_end)
        ));
    }
    let Some(definition) = definitions::current_cluster(store, cluster).await? else {
        return Ok(missing.because(format!("there is no cluster {cluster} any more")));
    };
    let next = schedule_of(&definition.provision)
        .ok()
        .and_then(|spec| spec.next_after(now));
    Ok(missing.because(match next {
        Some(next) => format!("the next window of {cluster} begins {}", zone.full(next)),
        None => format!("{cluster} has no further window"),
    }))
}
