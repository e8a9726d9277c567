//! Giving up a claim whose submitter was not heard of again and which nobody wants any more.
//!
//! What it may have submitted is looked up: if there is anything, it becomes the attempt and is
//! stopped, so that the service's word ends it and frees its places (rules 9 and 11). Only what was
//! certainly not submitted is ended here.

use model::Timestamp;
use model::fact::TaskReady;
use model::key::Key;
use model::message::{Function, Message};
use model::run::RunState;
use model::task::{FailureClass, Failures, PastAttempt, Stopping, Task, TaskState};
use model::units::Seconds;
use ports::{
    Clock as _, Compute as _, EventBus as _, Outgoing, Ports, StateStore as _, Trouble,
    TypedStore as _, Versioned, Write,
};
use protocols::{facts, registry, stop};

use crate::claim;
use crate::view::View;

/// Why an attempt ended that nobody had claimed.
const NEVER_CLAIMED: &str = "the run was cancelled before it was claimed";

/// What became of the claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Abandoned {
    /// Nothing was submitted; it has ended and holds nothing.
    Ended,
    /// The service was asked to stop it.
    Stopping,
}

/// Gives up a claim whose lease is over. Whoever made it is refused by the version and cancels its
/// own submission. Repeating goes on where it stopped.
pub(crate) async fn abandon<P: Ports>(
    ports: &P,
    stored: &Versioned<Task>,
    why: Stopping,
) -> Result<Abandoned, Trouble> {
    let mut task = stored.value.clone();
    let claim = task.claim.clone().expect("a claimed task has a claim");
    let key = task.attempt_key();
    let found = ports.compute().find(&claim.place, &key).await?;
    let why = task.stopping.clone().unwrap_or(why);
    let Some(first) = found.iter().min_by_key(|seen| (seen.at, &seen.submission)) else {
        task.epoch += 1;
        task.state = TaskState::Cancelled;
        task.ended_at = Some(ports.clock().now());
        task.reason = Some(stop::reason(&why));
        ports
            .store()
            .commit(vec![Write::replace(&task, Some(stored.version))])
            .await?;
        give_back(ports, &task).await?;
        return Ok(Abandoned::Ended);
    };
    task.epoch += 1;
    task.state = TaskState::Submitted;
    task.submission = Some(first.submission.clone());
    task.submitted_at = Some(first.at);
    task.stopping = Some(why.clone());
    ports
        .store()
        .commit(vec![Write::replace(&task, Some(stored.version))])
        .await?;
    let living = found.iter().filter(|seen| !seen.state.is_terminal());
    let living: Vec<_> = living.map(|seen| seen.submission.clone()).collect();
    if !living.is_empty() {
        ports
            .compute()
            .cancel(&claim.place, &living, &stop::reason(&why))
            .await?;
    }
    // Its events may have come and gone before anyone could attribute them.
    let words = found
        .into_iter()
        .map(|seen| Outgoing::from(Message::Work(seen)));
    ports
        .bus()
        .send(Function::ObserveTask, words.collect())
        .await?;
    Ok(Abandoned::Stopping)
}

/// Frees whatever an attempt that has ended may still hold, lets the next ones go, and tells its
/// end: all that a crash may have left undone.
pub(crate) async fn give_back<P: Ports>(ports: &P, task: &Task) -> Result<(), Trouble> {
    let Some(claim) = &task.claim else {
        return Ok(());
    };
    registry::free_claim(ports, claim, &task.attempt_key().to_string()).await?;
    tell(ports, task).await
}

async fn tell<P: Ports>(ports: &P, task: &Task) -> Result<(), Trouble> {
    let told = facts::task(task).into_iter().collect();
    Ok(ports.bus().publish(told).await?)
}

/// Whether an item is about the attempt that is ready.
pub(crate) fn is_about(task: &Task, ready: &TaskReady) -> bool {
    (task.generation, task.attempt) == (ready.generation, ready.attempt)
}

/// Tells once more that an attempt was refused which a newer generation has replaced since: whoever
/// was refused may have crashed before that was told.
pub(crate) async fn refused_before<P: Ports>(ports: &P, ready: &TaskReady) -> Result<(), Trouble> {
    let key = Key::PastAttempt(ready.attempt_key());
    match ports.store().get::<PastAttempt>(&key).await? {
        Some(past) if past.value.attempt.failure == Some(FailureClass::Refused) => {
            give_back(ports, &past.value.attempt).await
        }
        Some(_) | None => Ok(()),
    }
}

/// Ends an attempt that nobody had claimed when its run was cancelled. Whoever glanced at the run before
/// that, and slept, would else claim it after this message, the last one, is gone.
pub(crate) async fn never_claimed<P: Ports>(
    ports: &P,
    view: &View,
    ready: &TaskReady,
    older: Option<&Versioned<Task>>,
    now: Timestamp,
) -> Result<(), Trouble> {
    let mut task = view.item(ready, older, Failures::default());
    claim::keep_older(ports, older, task.generation).await?;
    task.state = TaskState::Cancelled;
    task.ended_at = Some(now);
    task.reason = Some(NEVER_CLAIMED.to_owned());
    ports
        .store()
        .commit(vec![Write::replace(
            &task,
            older.map(|older| older.version),
        )])
        .await?;
    tell(ports, &task).await
}

/// An attempt that nobody wants any more: its claim, if its submitter died under it, would else
/// hold its places for ever.
pub(crate) async fn unwanted<P: Ports>(
    ports: &P,
    view: &View,
    stored: &Versioned<Task>,
    now: Timestamp,
) -> Result<(), Trouble> {
    let task = &stored.value;
    if task.claim.is_none() && task.reason.as_deref() == Some(NEVER_CLAIMED) {
        return tell(ports, task).await;
    }
    if task.state == TaskState::Cancelled || task.failure == Some(FailureClass::Refused) {
        return give_back(ports, task).await;
    }
    let (TaskState::Claimed, Some(claim)) = (task.state, &task.claim) else {
        return Ok(());
    };
    if claim.lease_until > now {
        let left = Seconds::between(now, claim.lease_until);
        return Err(Trouble::Later(Seconds(left.0 + 1)));
    }
    let why = if view.run.state == RunState::Running {
        Stopping::Superseded {
            generation: view.run.generation,
        }
    } else {
        Stopping::Cancelled {
            by: "submit-task".to_owned(),
        }
    };
    abandon(ports, stored, why).await?;
    Ok(())
}
