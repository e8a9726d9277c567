//! Parking: work that finds no place leaves a waiter, then looks again (rule 16).

use choreography::selection;
use model::definition::ClusterChoice;
use model::fact::TaskReady;
use model::key::Key;
use model::limit::{LimitRef, QueueRef, SizedLimit, Waiter};
use model::message::{Function, Message};
use model::run::Run;
use model::task::{Task, TaskState};
use ports::{Clock as _, Ports, StateStore as _, Trouble, TypedStore as _, Write};
use protocols::{facts, limits, lots, registry};

use crate::choose;
use crate::claimed::Claimed;
use crate::view::View;

/// What an attempt waits for.
pub(crate) enum Wait {
    Paused,
    Limit(SizedLimit),
    Instance(ClusterChoice),
}

/// Records that the attempt waits, leaves a waiter and looks again; what it waited for may have
/// come in between, and then the message is tried again at once.
pub(crate) async fn park<P: Ports>(
    ports: &P,
    view: &View,
    ready: &TaskReady,
    (mut task, read_at): (Task, Option<u64>),
    wait: Wait,
    wanted: &[SizedLimit],
) -> Result<Option<Claimed>, Trouble> {
    let reason = match &wait {
        Wait::Paused => "the run is paused".to_owned(),
        Wait::Limit(sized) => {
            format!(
                "waits for one of the {} places of {}",
                sized.size, sized.limit
            )
        }
        Wait::Instance(choice) => match choice {
            ClusterChoice::Named(cluster) => format!("waits for cluster {cluster} to be ready"),
            ClusterChoice::Tagged(_) => format!(
                "waits for a ready cluster, {}",
                selection::queue_of(&view.run.team, choice)
            ),
        },
    };
    task.claim = None;
    task.state = TaskState::Waiting;
    task.cluster = None;
    task.reason = Some(reason);
    // Also when it says the same again: each waiter is of a version of its own.
    ports
        .store()
        .commit(vec![Write::replace(&task, read_at)])
        .await?;
    let version = read_at.map_or(1, |version| version + 1);
    let waiter = waiter(view, ready, &wait);
    limits::wait(ports, &waiter, version).await?;
    if look_again(ports, view, &wait).await? {
        limits::leave(ports, &waiter).await?;
        return Err(Trouble::Conflict);
    }
    not_taken(ports, view, ready, &wait, wanted).await?;
    tracing::info!(
        run = %ready.run,
        task = %ready.task,
        generation = ready.generation,
        attempt = ready.attempt,
        reason = task.reason,
        "waits"
    );
    Ok(None)
}

/// Gives others what this attempt may have been released by and does not take, because it waits
/// for something else.
async fn not_taken<P: Ports>(
    ports: &P,
    view: &View,
    ready: &TaskReady,
    wait: &Wait,
    wanted: &[SizedLimit],
) -> Result<(), Trouble> {
    let waits_for = |limit: &LimitRef| match wait {
        Wait::Limit(sized) => sized.limit == *limit,
        Wait::Paused | Wait::Instance(_) => false,
    };
    let others = wanted.iter().filter(|sized| !waits_for(&sized.limit));
    limits::pass_on(ports, others).await?;
    pass_on_unneeded(ports, view, ready, wanted).await?;
    let position = view.plan.position(&ready.task);
    let choice = position.and_then(|position| view.plan.written(position).kind.cluster());
    match (wait, choice) {
        (Wait::Paused | Wait::Limit(_), Some(choice)) => {
            if look_again(ports, view, &Wait::Instance(choice.clone())).await? {
                let queue = selection::queue_of(&view.run.team, choice);
                limits::release(ports, &queue, 1).await?;
            }
            Ok(())
        }
        (Wait::Instance(_), _) | (_, None) => Ok(()),
    }
}

/// Releases the next waiter of the queue that let this attempt go and whose place it does not take,
/// which would otherwise stay free beside waiters. Whatever the plan says of the task by now: it may
/// have been edited since the attempt began to wait.
pub(crate) async fn pass_on<P: Ports>(ports: &P, ready: &TaskReady) -> Result<(), Trouble> {
    match &ready.released_by {
        Some(queue @ (QueueRef::Limit(_) | QueueRef::Cluster(_) | QueueRef::Tagged(..))) => {
            limits::release(ports, queue, 1).await.map(|_| ())
        }
        // Resuming lets everybody go.
        Some(QueueRef::Resumed(_)) | None => Ok(()),
    }
}

/// The same, where the plan has the attempt take no place of that queue any more.
pub(crate) async fn pass_on_unneeded<P: Ports>(
    ports: &P,
    view: &View,
    ready: &TaskReady,
    wanted: &[SizedLimit],
) -> Result<(), Trouble> {
    let needs = match &ready.released_by {
        Some(QueueRef::Limit(limit)) => wanted.iter().any(|sized| sized.limit == *limit),
        Some(queue @ (QueueRef::Cluster(_) | QueueRef::Tagged(..))) => {
            let position = view.plan.position(&ready.task);
            let choice = position.and_then(|at| view.plan.written(at).kind.cluster());
            choice.is_some_and(|choice| selection::queue_of(&view.run.team, choice) == *queue)
        }
        Some(QueueRef::Resumed(_)) | None => true,
    };
    if needs {
        return Ok(());
    }
    pass_on(ports, ready).await
}

fn waiter(view: &View, ready: &TaskReady, wait: &Wait) -> Waiter {
    let queue = match wait {
        Wait::Paused => QueueRef::Resumed(ready.run.clone()),
        Wait::Limit(sized) => QueueRef::Limit(sized.limit.clone()),
        Wait::Instance(choice) => selection::queue_of(&view.run.team, choice),
    };
    let own = view
        .plan
        .position(&ready.task)
        .map_or(0, |at| view.plan.written(at).priority);
    let ready = TaskReady {
        released_by: Some(queue.clone()),
        ..ready.clone()
    };
    Waiter {
        queue,
        holder: format!(
            "{}--{}--{}-{}",
            ready.run, ready.task, ready.generation, ready.attempt
        ),
        priority: (view.plan.workflow.priority + own).clamp(-2000, 2000),
        since: ready.since,
        inbox: Function::SubmitTask,
        message: Box::new(Message::Fact(facts::ready(&view.run, ready))),
    }
}

/// Whether what is waited for is there by now.
async fn look_again<P: Ports>(ports: &P, view: &View, wait: &Wait) -> Result<bool, Trouble> {
    match wait {
        Wait::Paused => {
            let run = ports
                .store()
                .get::<Run>(&Key::Run(view.run.run.clone()))
                .await?;
            // Who opens another generation forgets those that wait by then.
            let moved = |run: Run| !run.paused || run.generation != view.run.generation;
            Ok(run.is_some_and(|run| moved(run.value)))
        }
        Wait::Limit(sized) => {
            let held = limits::held(ports, &sized.limit).await?;
            Ok(held.len() < sized.size as usize)
        }
        Wait::Instance(choice) => {
            let now = ports.clock().now();
            for cluster in choose::clusters(ports, &view.run.team, choice).await? {
                for instance in registry::recent_instances(ports, &cluster, now).await? {
                    let limit = selection::steps_limit(&instance.value);
                    if selection::takes_work(&instance.value, now)
                        && lots::has_room(ports.store(), &limit).await?
                    {
                        return Ok(true);
                    }
                }
            }
            Ok(false)
        }
    }
}
