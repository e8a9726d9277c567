//! The life of an attempt: what the compute service's word makes of a task (rules 6, 9, 10, 11).

use model::Timestamp;
use model::definition::Retries;
use model::observation::{WorkObservation, WorkState};
use model::task::{FailureClass, Outcome, Stopping, Task, TaskState};
use model::units::Seconds;

use crate::claim::LEASE;
use crate::retry::{self, Next};

/// What an observation makes of a task.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Says nothing new: counted, and nothing changes.
    Stale,
    /// This task was ended by this very observation before: publish again what that caused.
    Repeat,
    /// It ended the attempt before the present one, which still waits to be sent: send it again.
    RepeatRetry,
    /// It may have ended an attempt that others have followed since: history says whether.
    Past,
    /// Not the submission that is the attempt; cancel it if it is live, change no state.
    Stray,
    /// The attempt goes on, in its next state.
    Progress(Task),
    /// The attempt has ended and another follows; `past` is kept for history.
    Retry {
        past: Box<Task>,
        next: Box<Task>,
        delay: Seconds,
    },
    /// The task has ended.
    Ended(Task),
}

/// Decides about one observation. `class` is how a failure is classed, for which the caller asked
/// the service about the place.
pub fn observe(
    task: &Task,
    seen: &WorkObservation,
    class: FailureClass,
    retries: &Retries,
) -> Step {
    let newest = (task.generation, task.attempt);
    let told = (seen.key.generation, seen.key.attempt);
    if told > newest {
        // The claim is written before the call, so nothing of ours can be newer than the item.
        return Step::Stray;
    }
    if told < newest {
        return older(task, seen);
    }
    match &task.submission {
        Some(committed) if *committed != seen.submission => return Step::Stray,
        // It overtook our own write: the name says whose it is, and it is the first id.
        Some(_) | None => {}
    }
    let is_unclaimed = matches!(task.state, TaskState::Waiting | TaskState::Retrying);
    if is_unclaimed && seen.state != WorkState::Succeeded {
        // Its claim was given up with nothing submitted: who comes now slept through its lease, and
        // may have failed because it was stopped as a stray. What succeeded is done, whoever had it.
        return Step::Stray;
    }
    if task.state.outcome().is_some() {
        let repeats = seen.state.is_terminal() && task.submission.is_some();
        return if repeats { Step::Repeat } else { Step::Stale };
    }
    match seen.state {
        WorkState::Pending => progress(task, seen, TaskState::Submitted),
        WorkState::Running => progress(task, seen, TaskState::Running),
        WorkState::Succeeded => Step::Ended(ended(task, seen, Outcome::Succeeded, None)),
        WorkState::Failed | WorkState::Cancelled | WorkState::Interrupted => {
            failed(task, seen, class, retries)
        }
    }
}

/// How long an observation is put off that a claim without an id cannot answer for yet; `None` of one
/// that counts at once.
///
/// It may have overtaken the write of its own id, or be of somebody who slept through an earlier
/// lease and stops what he submitted. Not even a failure counts before it is known whose it is: the
/// retry would go out beside the submission that is the attempt.
pub fn early(task: &Task, seen: &WorkObservation, now: Timestamp) -> Option<Seconds> {
    let is_of_claim = task.state == TaskState::Claimed
        && task.submission.is_none()
        && task.attempt_key() == seen.key;
    // Of what is to be stopped it makes no difference whose it was.
    let is_asked_for = seen.state == WorkState::Cancelled && task.stopping.is_some();
    let counts = seen.state == WorkState::Succeeded || is_asked_for;
    let claim = task.claim.as_ref().filter(|_| is_of_claim && !counts)?;
    // The write is a moment away, or somebody looks the key up once the lease is over.
    let claimed_at = LEASE.before(claim.lease_until);
    let is_fresh = now < Seconds(10).after(claimed_at);
    Some(Seconds(if is_fresh { 2 } else { 30 }))
}

/// The task as it was when this observation made it a running one; `None` if another did.
pub fn as_running(task: &Task, seen: &WorkObservation) -> Option<Task> {
    let began = seen.state == WorkState::Running && task.started_at == Some(seen.at);
    let own = task.attempt_key() == seen.key && task.submission.as_ref() == Some(&seen.submission);
    (began && own).then(|| Task {
        state: TaskState::Running,
        ended_at: None,
        failure: None,
        ..task.clone()
    })
}

/// Decides about an attempt that is not the newest.
fn older(task: &Task, seen: &WorkObservation) -> Step {
    if !seen.state.is_terminal() {
        // Alive, and nobody waits for it.
        return Step::Stray;
    }
    let follows = task.generation == seen.key.generation && task.attempt == seen.key.attempt + 1;
    if follows && task.state == TaskState::Retrying {
        Step::RepeatRetry
    } else {
        Step::Past
    }
}

fn progress(task: &Task, seen: &WorkObservation, state: TaskState) -> Step {
    let adopts = task.submission.is_none();
    if state.rank() <= task.state.rank() && !adopts {
        return Step::Stale;
    }
    let mut next = adopted(task, seen);
    if state.rank() > next.state.rank() {
        next.state = state;
    }
    if state == TaskState::Running && next.started_at.is_none() {
        next.started_at = Some(seen.at);
    }
    Step::Progress(next)
}

/// The task with the observed id as its submission.
fn adopted(task: &Task, seen: &WorkObservation) -> Task {
    let mut next = task.clone();
    if next.submission.is_none() {
        next.submission = Some(seen.submission.clone());
        next.submitted_at = Some(seen.at);
        next.state = TaskState::Submitted;
    }
    next
}

fn ended(
    task: &Task,
    seen: &WorkObservation,
    outcome: Outcome,
    failure: Option<FailureClass>,
) -> Task {
    let mut next = adopted(task, seen);
    next.state = outcome.state();
    next.failure = failure;
    next.ended_at = Some(seen.at);
    next.due_at = None;
    if outcome != Outcome::Succeeded {
        next.reason = seen.reason.clone();
    }
    next
}

fn failed(task: &Task, seen: &WorkObservation, class: FailureClass, retries: &Retries) -> Step {
    match (&task.stopping, seen.state) {
        (Some(Stopping::Cancelled { by }), _) => {
            let mut next = ended(task, seen, Outcome::Cancelled, None);
            next.reason = Some(format!("cancelled by {by}"));
            Step::Ended(next)
        }
        (Some(Stopping::Superseded { generation }), _) => {
            let mut next = ended(task, seen, Outcome::Cancelled, None);
            next.reason = Some(format!("superseded by generation {generation}"));
            Step::Ended(next)
        }
        (Some(Stopping::TimedOut), _) => {
            let mut seen = seen.clone();
            seen.reason = Some("timed out".to_owned());
            failed_attempt(task, &seen, FailureClass::Application, retries)
        }
        (None, _) => failed_attempt(task, seen, class, retries),
    }
}

fn failed_attempt(
    task: &Task,
    seen: &WorkObservation,
    class: FailureClass,
    retries: &Retries,
) -> Step {
    let mut past = ended(task, seen, Outcome::Failed, Some(class));
    past.failures = retry::counted(task.failures, class);
    match retry::after(retries, past.failures, class, &seen.key) {
        Next::Final => Step::Ended(past),
        Next::Again(delay) => {
            let next = following(&past, seen.at, delay);
            Step::Retry {
                past: Box::new(past),
                next: Box::new(next),
                delay,
            }
        }
    }
}

/// The task while it waits for the attempt after this one, which ended then; of that one it keeps the
/// end, for the fact `task.retrying`.
pub fn following(past: &Task, ended_at: Timestamp, delay: Seconds) -> Task {
    Task {
        state: TaskState::Retrying,
        attempt: past.attempt + 1,
        claim: None,
        submission: None,
        cluster: None,
        submitted_at: None,
        started_at: None,
        stopping: None,
        ready_at: delay.after(ended_at),
        ..past.clone()
    }
}

#[cfg(test)]
mod tests;
