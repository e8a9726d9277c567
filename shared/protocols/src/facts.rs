//! Facts about what is stored: built from items alone, so a duplicate is byte-identical.

use model::Timestamp;
use model::fact::{Fact, FactBody, RunFact, RunHistory, TaskFact, TaskHistory, TaskReady};
use model::run::{Run, RunState};
use model::task::{Outcome, PastAttempt, Place, Task, TaskState};
use ports::{Expect, Write};

/// The fact of a run's present state.
pub fn run(run: &Run) -> Fact {
    let data = RunFact {
        run: run.run.clone(),
        slot: run.slot.clone(),
        logical_date: run.logical_date,
        generation: run.generation,
        state: run.state,
        depth: run.depth,
        // A run that waits may wait for one limit after another: that is on its item. The fact says
        // that it waits, and says it the same each time.
        reason: run
            .reason
            .clone()
            .filter(|_| run.state != RunState::Waiting),
        history: run.state.is_terminal().then_some(RunHistory {
            created_at: run.created_at,
            started_at: run.started_at,
        }),
    };
    let (time, body) = match run.state {
        RunState::Waiting => (Some(run.created_at), FactBody::RunWaiting(data)),
        RunState::Running => (run.started_at, FactBody::RunStarted(data)),
        RunState::Succeeded => (run.ended_at, FactBody::RunSucceeded(data)),
        RunState::Failed => (run.ended_at, FactBody::RunFailed(data)),
        RunState::Cancelled => (run.ended_at, FactBody::RunCancelled(data)),
        RunState::Skipped => (run.ended_at, FactBody::RunSkipped(data)),
    };
    let time = time.unwrap_or(run.created_at);
    Fact::new(run.team.clone(), Some(run.workflow.clone()), time, body)
}

/// That an attempt of a task may be submitted, since an instant that is stored.
pub fn ready(run: &Run, ready: TaskReady) -> Fact {
    let time = ready.since;
    Fact::new(
        run.team.clone(),
        Some(run.workflow.clone()),
        time,
        FactBody::TaskReady(ready),
    )
}

/// That an attempt failed and another follows. Of the one that failed the task's item keeps only the
/// end, so both are needed.
pub fn retrying(next: &Task, failed: &Task) -> Option<Fact> {
    let mut fact = task(next)?;
    if let FactBody::TaskRetrying(data) = &mut fact.body {
        data.history = Some(history(failed));
    }
    Some(fact)
}

/// When and where an attempt was. Nothing of it changes once the attempt has ended.
fn history(attempt: &Task) -> Box<TaskHistory> {
    let claim = attempt.claim.as_ref();
    Box::new(TaskHistory {
        ready_at: attempt.ready_at,
        submitted_at: attempt.submitted_at,
        started_at: attempt.started_at,
        instance: claim.and_then(|claim| claim.instance.clone()),
        queue: claim.and_then(|claim| match &claim.place {
            Place::Queue(queue) => Some(queue.clone()),
            Place::Instance(_) => None,
        }),
    })
}

/// The fact of a task's present state; `None` for states that are not told. That it is tried again is
/// told with [`retrying`].
pub fn task(task: &Task) -> Option<Fact> {
    let data = TaskFact {
        run: task.run.clone(),
        task: task.task.clone(),
        generation: task.generation,
        attempt: task.attempt,
        outcome: task.state.outcome(),
        failure: task.failure,
        // Of a running task the reason is why its place was chosen; only an end is told with one.
        reason: task.ended_at.and_then(|_| task.reason.clone()),
        submission: task.submission.clone(),
        history: task.state.outcome().map(|_| history(task)),
    };
    let (time, body) = match task.state {
        TaskState::Waiting | TaskState::Claimed | TaskState::Submitted => return None,
        TaskState::Running => (task.started_at, FactBody::TaskStarted(data)),
        TaskState::Retrying => (task.ended_at, FactBody::TaskRetrying(data)),
        TaskState::Succeeded => (task.ended_at, FactBody::TaskSucceeded(data)),
        TaskState::Failed => (task.ended_at, FactBody::TaskFailed(data)),
        TaskState::Skipped | TaskState::Blocked => (task.ended_at, FactBody::TaskSkipped(data)),
        TaskState::Cancelled => (task.ended_at, FactBody::TaskCancelled(data)),
    };
    let time = time.unwrap_or(task.ready_at);
    Some(Fact::new(
        task.team.clone(),
        Some(task.workflow.clone()),
        time,
        body,
    ))
}

/// The item of a task that was decided without an attempt: skipped, blocked, or marked by hand.
pub fn decided(
    run: &Run,
    name: &model::name::TaskName,
    generation: u32,
    outcome: Outcome,
    at: Timestamp,
    reason: String,
) -> Task {
    Task {
        run: run.run.clone(),
        task: name.clone(),
        team: run.team.clone(),
        workflow: run.workflow.clone(),
        state: outcome.state(),
        generation,
        attempt: 0,
        failures: model::task::Failures::default(),
        epoch: 0,
        claim: None,
        submission: None,
        cluster: None,
        reason: Some(reason),
        ready_at: at,
        submitted_at: None,
        started_at: None,
        ended_at: Some(at),
        failure: None,
        stopping: None,
        due_at: None,
    }
}

/// The write that keeps an ended attempt as history, before a newer generation takes its item;
/// `None` of what never was an attempt or has not ended.
pub fn kept(task: &Task, newer_generation: u32) -> Option<Write> {
    let replaced = task.generation < newer_generation;
    let was_one = task.attempt > 0 && task.state.outcome().is_some();
    (replaced && was_one).then(|| {
        let attempt = task.clone();
        let retried = false;
        Write::put(&PastAttempt { attempt, retried }, Expect::Anything)
    })
}

/// The fact of what was decided without an attempt and is about to be replaced by a newer
/// generation, with no history of it: whoever decided it may not have got as far as telling it.
/// `None` of an attempt, whose end the service's word tells again.
pub fn replaced(task: &Task, newer_generation: u32) -> Option<Fact> {
    let is_decided = task.attempt == 0 && task.generation < newer_generation;
    is_decided.then(|| self::task(task)).flatten()
}
