//! Stopping an attempt: the mark is written before the service is asked, so that its answer is
//! understood; only that answer ends the attempt (rule 11).

use model::attempt::AttemptKey;
use model::key::Key;
use model::task::{Stopping, Task, TaskState};
use ports::{CommitError, Compute as _, Ports, StateStore as _, Trouble, TypedStore as _, Write};

/// What became of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// The attempt is not the newest, or has ended.
    Stale,
    /// It waits for a place or a backoff; nothing was submitted and nothing will end it for us.
    NotSubmitted,
    /// It is claimed, and whether the service has it is not known: ask again after the lease.
    InDoubt,
    /// The service was asked; its event ends the attempt.
    Asked,
}

/// Marks an attempt as stopping and asks the service to cancel it. Repeating asks again.
pub async fn stop(
    ports: &impl Ports,
    key: &AttemptKey,
    why: &Stopping,
) -> Result<Stopped, Trouble> {
    loop {
        let item = Key::Task(key.run.clone(), key.task.clone());
        let Some(read) = ports.store().get::<Task>(&item).await? else {
            return Ok(Stopped::Stale);
        };
        let mut task = read.value;
        if task.attempt_key() != *key || task.state.outcome().is_some() {
            return Ok(Stopped::Stale);
        }
        match task.state {
            TaskState::Waiting | TaskState::Retrying => return Ok(Stopped::NotSubmitted),
            TaskState::Claimed
            | TaskState::Submitted
            | TaskState::Running
            | TaskState::Succeeded
            | TaskState::Failed
            | TaskState::Skipped
            | TaskState::Blocked
            | TaskState::Cancelled => {}
        }
        if task.stopping.is_none() {
            task.stopping = Some(why.clone());
            match ports
                .store()
                .commit(vec![Write::replace(&task, Some(read.version))])
                .await
            {
                Ok(()) => {}
                Err(CommitError::Conflict) => continue,
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        let (Some(claim), Some(id)) = (&task.claim, &task.submission) else {
            return Ok(Stopped::InDoubt);
        };
        let reason = reason(why);
        ports
            .compute()
            .cancel(&claim.place, std::slice::from_ref(id), &reason)
            .await?;
        return Ok(Stopped::Asked);
    }
}

/// Stops an attempt whose time-out is reached.
pub async fn time_out(ports: &impl Ports, key: &AttemptKey) -> Result<Stopped, Trouble> {
    stop(ports, key, &Stopping::TimedOut).await
}

/// The words for people and for the service.
pub fn reason(why: &Stopping) -> String {
    match why {
        Stopping::Cancelled { by } => format!("cancelled by {by}"),
        Stopping::TimedOut => "timed out".to_owned(),
        Stopping::Superseded { generation } => format!("superseded by generation {generation}"),
    }
}
