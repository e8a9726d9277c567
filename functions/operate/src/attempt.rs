//! Cancelling one attempt (rules 9 and 11): what was submitted is ended by the service's word;
//! what certainly was not is ended here.

use choreography::plan::Plan;
use model::attempt::AttemptKey;
use model::cluster::Instance;
use model::key::Key;
use model::limit::{LimitRef, QueueRef};
use model::message::{Function, Message};
use model::task::{Stopping, Task, TaskState};
use model::units::Seconds;
use ports::{Clock as _, CommitError, Compute as _, EventBus as _, Outgoing, Ports};
use ports::{StateStore as _, Trouble, TypedStore as _, Versioned, Write};
use protocols::stop::{self, Stopped};
use protocols::{limits, registry};

/// What became of an attempt.
pub(crate) enum Cancelled {
    /// It is not the newest, or had ended.
    Stale,
    /// It ends with the service's answer.
    Asked,
    /// It was never submitted, and has ended; the same when it is asked again.
    Ended(Box<Task>),
    /// Whether it was submitted is known after this long.
    InDoubt(Seconds),
}

/// Cancels an attempt. Repeating goes on where it stopped.
pub(crate) async fn cancel<P: Ports>(
    ports: &P,
    plan: &Plan,
    key: &AttemptKey,
    by: &str,
) -> Result<Cancelled, Trouble> {
    let why = Stopping::Cancelled { by: by.to_owned() };
    let item = Key::Task(key.run.clone(), key.task.clone());
    loop {
        let stopped = stop::stop(ports, key, &why).await?;
        let read = ports.store().get::<Task>(&item).await?;
        let Some(read) = read.filter(|read| read.value.attempt_key() == *key) else {
            return Ok(Cancelled::Stale);
        };
        let may_end = match stopped {
            Stopped::Stale if was_ended_here(&read.value, &why) => {
                free(ports, plan, &read.value).await?;
                return Ok(Cancelled::Ended(Box::new(read.value)));
            }
            Stopped::Stale => return Ok(Cancelled::Stale),
            Stopped::Asked => return Ok(Cancelled::Asked),
            Stopped::NotSubmitted => {
                matches!(read.value.state, TaskState::Waiting | TaskState::Retrying)
            }
            // Others end or submit a claim, too, and what they wrote is decided about anew.
            Stopped::InDoubt if read.value.state != TaskState::Claimed => false,
            Stopped::InDoubt => match look_up(ports, &read.value, &why).await? {
                Doubt::Lease(left) => return Ok(Cancelled::InDoubt(left)),
                Doubt::Found => return Ok(Cancelled::Asked),
                Doubt::NotThere => read.value.submission.is_none(),
            },
        };
        if may_end && let Some(task) = end(ports, read, &why).await? {
            free(ports, plan, &task).await?;
            return Ok(Cancelled::Ended(Box::new(task)));
        }
    }
}

/// Whether a task was ended by this very cancellation, without a word of the service.
pub(crate) fn was_ended_here(task: &Task, why: &Stopping) -> bool {
    task.state == TaskState::Cancelled
        && task.submission.is_none()
        && task.reason == Some(stop::reason(why))
}

enum Doubt {
    /// Its submitter may still be at it, for this long.
    Lease(Seconds),
    Found,
    NotThere,
}

/// Looks a claimed attempt up where it would be, once its submitter's lease is over.
async fn look_up<P: Ports>(ports: &P, task: &Task, why: &Stopping) -> Result<Doubt, Trouble> {
    let Some(claim) = &task.claim else {
        return Ok(Doubt::NotThere);
    };
    let now = ports.clock().now();
    if now < claim.lease_until {
        let left = Seconds::between(now, claim.lease_until);
        return Ok(Doubt::Lease(Seconds(left.0 + 1)));
    }
    let found = ports
        .compute()
        .find(&claim.place, &task.attempt_key())
        .await?;
    if found.is_empty() {
        return Ok(Doubt::NotThere);
    }
    let open = found.iter().filter(|seen| !seen.state.is_terminal());
    let ids: Vec<_> = open.map(|seen| seen.submission.clone()).collect();
    if !ids.is_empty() {
        ports
            .compute()
            .cancel(&claim.place, &ids, &stop::reason(why))
            .await?;
    }
    let told = found
        .into_iter()
        .map(|seen| Outgoing::from(Message::Work(seen)));
    ports
        .bus()
        .send(Function::ObserveTask, told.collect())
        .await?;
    Ok(Doubt::Found)
}

/// Ends an attempt that was not submitted; `None` when another write came first. Whoever is about
/// to submit it is refused by the version and cancels its own submission.
async fn end<P: Ports>(
    ports: &P,
    read: Versioned<Task>,
    why: &Stopping,
) -> Result<Option<Task>, Trouble> {
    let mut task = read.value;
    task.state = TaskState::Cancelled;
    task.reason = Some(stop::reason(why));
    task.ended_at = Some(ports.clock().now());
    task.due_at = None;
    match ports
        .store()
        .commit(vec![Write::replace(&task, Some(read.version))])
        .await
    {
        Ok(()) => Ok(Some(task)),
        Err(CommitError::Conflict) => Ok(None),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}

/// Frees whatever an attempt that was not submitted may hold, and lets the next ones go. Its claim
/// does not say: a submitter that was not heard of again may have got as far as its places.
async fn free<P: Ports>(ports: &P, plan: &Plan, task: &Task) -> Result<(), Trouble> {
    let Some(claim) = &task.claim else {
        return Ok(());
    };
    let holder = task.attempt_key().to_string();
    let pool = plan
        .position(&task.task)
        .and_then(|at| plan.written(at).pool.clone());
    let quota = LimitRef::TeamTasks(task.team.clone());
    for limit in pool.map(LimitRef::Pool).into_iter().chain([quota]) {
        limits::free_all(ports, &limit, &holder).await?;
        limits::release(ports, &QueueRef::Limit(limit), 1).await?;
    }
    let Some(instance) = &claim.instance else {
        return Ok(());
    };
    match ports
        .store()
        .get::<Instance>(&Key::Instance(instance.clone()))
        .await?
    {
        Some(instance) => registry::release_for(ports, &instance.value, 1).await,
        None => Ok(()),
    }
}
