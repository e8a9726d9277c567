//! observe-task: the compute service's word moves an attempt on, ends it, or has it tried again.
//!
//! In: events of steps and jobs, and what reconcile was told when it asked.
//! Out: `task.started`, `task.retrying`, `task.succeeded`, `task.failed`, `task.cancelled`; the
//! next attempt's `task.ready` after its backoff.
//!
//! Safe to repeat from the middle: states only move forward, terminal states absorb (rule 6), and
//! the observation that ended an attempt publishes, frees and sends again each time it comes.

mod classify;
mod finish;

use std::collections::BTreeMap;

use choreography::claim::STRAY;
use choreography::lifecycle::{self, Step};
use model::attempt::AttemptKey;
use model::definition::Retries;
use model::fact::Fact;
use model::key::Key;
use model::message::Message;
use model::observation::{WorkObservation, WorkState};
use model::run::Run;
use model::task::{PastAttempt, Task, TaskState};
use model::units::Seconds;
use ports::bus::MAX_DELAY;
use ports::{
    Clock as _, CommitError, Compute as _, Delivery, EventBus as _, Expect, Ports, StateStore as _,
    Stored, Trouble, TypedStore as _, Verdict, Versioned, Write,
};
use protocols::{facts, plans};

/// Handles a batch: observations of one attempt are taken together, in the order of their states;
/// what all attempts came to is told in as few calls as there can be, and frees what they held.
pub async fn handle<P: Ports>(ports: &P, batch: Vec<Delivery>) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = batch.iter().map(|_| Verdict::Done).collect();
    let mut by_key: BTreeMap<AttemptKey, Vec<(usize, WorkObservation)>> = BTreeMap::new();
    for (position, delivery) in batch.into_iter().enumerate() {
        match delivery.message {
            Message::Work(seen) => {
                by_key
                    .entry(seen.key.clone())
                    .or_default()
                    .push((position, seen));
            }
            Message::Tick(_)
            | Message::Fact(_)
            | Message::Cluster(_)
            | Message::Event(_)
            | Message::Start(_)
            | Message::Drain(_)
            | Message::Sweep
            | Message::Alert(_) => {
                let reason = "observe-task takes what services say about work only";
                verdicts[position] = Verdict::Poison(reason.to_owned());
            }
        }
    }
    let items: Vec<Key> = by_key.keys().map(item).collect();
    let glanced = match ports.store().glance_many(&items).await {
        Ok(glanced) => glanced,
        Err(error) => {
            let verdict = Verdict::from(Err(error.into()));
            for seen in by_key.values() {
                let positions: Vec<usize> = seen.iter().map(|(position, _)| *position).collect();
                set(&mut verdicts, &positions, &verdict);
            }
            return verdicts;
        }
    };
    let mut observed: Vec<(Vec<usize>, Observed)> = Vec::new();
    for ((key, mut seen), glanced) in by_key.into_iter().zip(glanced) {
        seen.sort_by_key(|(_, seen)| (seen.state, seen.at));
        let positions: Vec<usize> = seen.iter().map(|(position, _)| *position).collect();
        let seen = seen.into_iter().map(|(_, seen)| seen).collect();
        match observe(ports, &key, glanced, seen).await {
            Ok(Some(outcome)) => observed.push((positions, outcome)),
            Ok(None) => {}
            Err(trouble) => set(&mut verdicts, &positions, &Verdict::from(Err(trouble))),
        }
    }
    if let Err(trouble) = tell(ports, &observed).await {
        // Some of it may be told: all of it is told again.
        let verdict = Verdict::from(Err(trouble));
        for (positions, _) in &observed {
            set(&mut verdicts, positions, &verdict);
        }
        return verdicts;
    }
    for (positions, trouble) in finish::all(ports, observed).await {
        set(&mut verdicts, &positions, &Verdict::from(Err(trouble)));
    }
    verdicts
}

fn set(verdicts: &mut [Verdict], positions: &[usize], verdict: &Verdict) {
    for position in positions {
        verdicts[*position] = verdict.clone();
    }
}

/// The item of an attempt's task.
fn item(key: &AttemptKey) -> Key {
    Key::Task(key.run.clone(), key.task.clone())
}

/// Takes what was seen of one attempt, one commit for all of it.
///
/// A glance at the task is enough for what changes it, since the commit proves it; whatever else
/// comes out is decided again on a strongly consistent read.
async fn observe<P: Ports>(
    ports: &P,
    key: &AttemptKey,
    glanced: Option<Stored>,
    seen: Vec<WorkObservation>,
) -> Result<Option<Observed>, Trouble> {
    if let Some(glanced) = glanced
        && early(ports, &glanced.read()?.value, &seen).is_none()
    {
        let mut outcome = decide(ports, key, glanced.read()?, &seen).await?;
        if outcome.changed && outcome.strays.is_empty() {
            match commit(ports, &mut outcome).await {
                Ok(()) => return observed(ports, key, outcome).await.map(Some),
                Err(Trouble::Conflict) => {}
                Err(trouble) => return Err(trouble),
            }
        }
    }
    let Some(stored) = ports.store().get::<Task>(&item(key)).await? else {
        // Our items are written before any call, so this is not ours, or long gone.
        tracing::warn!(run = %key.run, task = %key.task, attempt = key.attempt, "no such task");
        return Ok(None);
    };
    if let Some(delay) = early(ports, &stored.value, &seen) {
        return Err(Trouble::Later(delay));
    }
    let mut outcome = decide(ports, key, stored, &seen).await?;
    for stray in &outcome.strays {
        cancel_stray(ports, stray).await?;
    }
    if outcome.changed {
        commit(ports, &mut outcome).await?;
    }
    observed(ports, key, outcome).await.map(Some)
}

/// How long everything that was seen is put off, if none of it counts yet.
fn early<P: Ports>(ports: &P, task: &Task, seen: &[WorkObservation]) -> Option<Seconds> {
    let now = ports.clock().now();
    let delays: Option<Vec<Seconds>> = seen
        .iter()
        .map(|seen| lifecycle::early(task, seen, now))
        .collect();
    delays?.into_iter().min()
}

/// Decides what was seen on a task as it was read.
async fn decide<P: Ports>(
    ports: &P,
    key: &AttemptKey,
    stored: Versioned<Task>,
    seen: &[WorkObservation],
) -> Result<Seen, Trouble> {
    let mut outcome = Seen {
        running: None,
        before: End::None,
        step: Step::Stale,
        task: stored,
        strays: Vec::new(),
        changed: false,
    };
    for observation in seen {
        let class = classify::failure(ports, &outcome.task.value, observation).await?;
        let retries = retries(ports, &outcome.task.value, observation).await?;
        match lifecycle::observe(&outcome.task.value, observation, class, &retries) {
            Step::Stale => {
                tracing::debug!(run = %key.run, task = %key.task, state = ?observation.state, "stale");
                // A duplicate tells again what it caused.
                if let Some(running) = lifecycle::as_running(&outcome.task.value, observation) {
                    outcome.running = Some(running);
                }
            }
            Step::Past => {
                if let Some(end) = ended_before(ports, observation).await? {
                    outcome.before = end;
                }
            }
            Step::Stray => match began(ports, observation).await? {
                Some(past) => outcome.running = Some(past),
                None => outcome.strays.push(observation.clone()),
            },
            Step::Progress(task) => {
                outcome.running = (task.state == TaskState::Running).then(|| task.clone());
                outcome.task.value = task;
                outcome.changed = true;
            }
            step @ (Step::Repeat | Step::RepeatRetry) => {
                outcome.step = step;
                break;
            }
            Step::Ended(task) => {
                outcome.task.value = task.clone();
                outcome.step = Step::Ended(task);
                outcome.changed = true;
                break;
            }
            step @ Step::Retry { .. } => {
                outcome.step = step;
                outcome.changed = true;
                break;
            }
        }
    }
    Ok(outcome)
}

/// The attempt as it was when this observation made it a running one, if another has followed since:
/// whoever took it then may have crashed before it told anybody.
async fn began<P: Ports>(ports: &P, seen: &WorkObservation) -> Result<Option<Task>, Trouble> {
    let key = Key::PastAttempt(seen.key.clone());
    let past = ports.store().get::<PastAttempt>(&key).await?;
    Ok(past.and_then(|past| lifecycle::as_running(&past.value.attempt, seen)))
}

/// How the attempt ended that this observation ended, if others have followed since: whoever ended it
/// may have crashed before it told anybody or freed anything.
async fn ended_before<P: Ports>(ports: &P, seen: &WorkObservation) -> Result<Option<End>, Trouble> {
    let key = Key::PastAttempt(seen.key.clone());
    let Some(past) = ports.store().get::<PastAttempt>(&key).await? else {
        return Ok(None);
    };
    let PastAttempt { attempt, retried } = past.value;
    if attempt.submission.as_ref() != Some(&seen.submission) {
        return Ok(None);
    }
    let past = Box::new(attempt);
    Ok(match past.ended_at.filter(|_| retried) {
        Some(ended_at) => {
            let next = lifecycle::following(&past, ended_at, Seconds(0));
            let next = Box::new(next);
            Some(End::Followed { past, next })
        }
        None => Some(End::Ended(past)),
    })
}

/// What is to be told of what was decided and committed.
async fn observed<P: Ports>(
    ports: &P,
    key: &AttemptKey,
    outcome: Seen,
) -> Result<Observed, Trouble> {
    let end = match outcome.step {
        Step::Stale | Step::Past | Step::Stray | Step::Progress(_) => outcome.before,
        Step::Ended(ended) => End::Ended(Box::new(ended)),
        Step::Repeat => End::Ended(Box::new(outcome.task.value)),
        Step::Retry { past, next, delay } => End::Again { past, next, delay },
        Step::RepeatRetry => again(ports, key, outcome.task.value).await?,
    };
    let running = outcome.running;
    Ok(Observed { running, end })
}

/// What is known of an attempt while a batch of observations is gone through.
struct Seen {
    /// The task as it was seen running, which is told even if it ended in the same batch.
    running: Option<Task>,
    /// How an attempt ended that is not the newest.
    before: End,
    step: Step,
    task: Versioned<Task>,
    /// What is alive under the attempt's key and is not it.
    strays: Vec<WorkObservation>,
    /// Whether there is anything to commit.
    changed: bool,
}

/// Commits the attempt's new state; with a retry, the ended attempt is kept as history.
async fn commit<P: Ports>(ports: &P, outcome: &mut Seen) -> Result<(), Trouble> {
    let version = Some(outcome.task.version);
    let writes = match &mut outcome.step {
        Step::Retry { past, next, delay } => {
            if *delay > MAX_DELAY {
                next.due_at = Some(next.ready_at);
            }
            let kept = PastAttempt {
                attempt: past.as_ref().clone(),
                retried: true,
            };
            vec![
                Write::replace(next.as_ref(), version),
                Write::put(&kept, Expect::Anything),
            ]
        }
        Step::Stale
        | Step::Repeat
        | Step::RepeatRetry
        | Step::Past
        | Step::Stray
        | Step::Progress(_)
        | Step::Ended(_) => vec![Write::replace(&outcome.task.value, version)],
    };
    match ports.store().commit(writes).await {
        Ok(()) => Ok(()),
        Err(CommitError::Conflict) => Err(Trouble::Conflict),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}

/// What was committed of an attempt, and is to be told.
pub(crate) struct Observed {
    running: Option<Task>,
    pub end: End,
}

/// How an attempt ended, now or when this was first observed.
pub(crate) enum End {
    None,
    Ended(Box<Task>),
    Again {
        past: Box<Task>,
        next: Box<Task>,
        delay: Seconds,
    },
    /// As `Again`, and the next attempt has gone on since.
    Followed {
        past: Box<Task>,
        next: Box<Task>,
    },
}

/// The retry that followed when this was first observed.
async fn again<P: Ports>(ports: &P, key: &AttemptKey, next: Task) -> Result<End, Trouble> {
    let past = Key::PastAttempt(key.clone());
    let Some(past) = ports.store().get::<PastAttempt>(&past).await? else {
        return Ok(End::None);
    };
    let now = ports::Clock::now(ports.clock());
    let delay = Seconds::between(now, next.ready_at);
    Ok(End::Again {
        past: Box::new(past.value.attempt),
        next: Box::new(next),
        delay,
    })
}

/// Publishes what follows from the committed states, each attempt's start before its end.
async fn tell<P: Ports>(ports: &P, observed: &[(Vec<usize>, Observed)]) -> Result<(), Trouble> {
    let told = observed.iter().flat_map(|(_, observed)| {
        let end = match &observed.end {
            End::None => None,
            End::Ended(task) => facts::task(task),
            End::Again { past, next, .. } | End::Followed { past, next } => {
                facts::retrying(next, past)
            }
        };
        let running = observed.running.as_ref().and_then(facts::task);
        running.into_iter().chain(end)
    });
    let told: Vec<Fact> = told.collect();
    if told.is_empty() {
        return Ok(());
    }
    Ok(ports.bus().publish(told).await?)
}

/// The task's retries; only failures need them, so only those read the definition.
async fn retries<P: Ports>(
    ports: &P,
    task: &Task,
    seen: &WorkObservation,
) -> Result<Retries, Trouble> {
    match seen.state {
        WorkState::Pending | WorkState::Running | WorkState::Succeeded => {
            return Ok(Retries::default());
        }
        WorkState::Failed | WorkState::Cancelled | WorkState::Interrupted => {}
    }
    let Some(run) = ports
        .store()
        .get::<Run>(&Key::Run(task.run.clone()))
        .await?
    else {
        return Err(Trouble::Poison(format!("run {} does not exist", task.run)));
    };
    let plan = plans::plan(ports, &run.value.definition).await?;
    let position = plan.position(&task.task);
    Ok(position.map_or_else(Retries::default, |position| plan.written(position).retries))
}

/// Stops what was submitted under a key but is not the attempt; no state changes for it.
async fn cancel_stray<P: Ports>(ports: &P, seen: &WorkObservation) -> Result<(), Trouble> {
    let ended = seen.state.is_terminal();
    tracing::warn!(
        run = %seen.key.run,
        task = %seen.key.task,
        generation = seen.key.generation,
        attempt = seen.key.attempt,
        submission = %seen.submission,
        ended,
        "a stray submission"
    );
    if ended {
        return Ok(());
    }
    let ids = std::slice::from_ref(&seen.submission);
    Ok(ports.compute().cancel(&seen.place, ids, STRAY).await?)
}
