//! What is true of every single effect, whenever it comes.

use model::attempt::AttemptKey;
use model::cluster::Instance;
use model::limit::{LimitRef, Place};
use model::observation::WorkState;
use model::run::{Run, RunState};
use model::task::{FailureClass, Outcome, Task, TaskState};
use model::units::Seconds;

use super::Invariant;
use crate::platform::faults::MOST_SKEW;
use crate::platform::mirror::Change;
use crate::platform::ports::Shared;
use crate::platform::services::KnownWork;

/// Has every invariant look at a change.
pub fn look(shared: &Shared, change: &Change) {
    match change {
        Change::Task(before, after) => {
            if let Some(before) = before {
                rank_never_falls(shared, before, after);
                lower_epochs_are_refused(shared, before, after);
                leases_are_kept(shared, before, after);
            }
            ended_by_the_services_word(shared, before.as_ref(), after);
            noticed(shared, after);
            newly_committed(shared, before.as_ref(), after);
        }
        Change::Run(before, after) => {
            run_goes_forward(shared, before.as_ref(), after);
            active_runs_are_seated(shared, before.as_ref(), after);
        }
        Change::Instance(Some(before), after) => instance_goes_forward(shared, before, after),
        Change::PlaceTaken(_, place) => limit_holds(shared, place),
        Change::PlaceFreed(place) => freed_by_who_ended(shared, place),
        Change::Past(past) => noticed(shared, past),
        Change::Instance(None, _)
        | Change::Waits(_)
        | Change::Leaves(_)
        | Change::Operation(_)
        | Change::Other => {}
    }
}

/// Invariant 3, for tasks; and the first id committed is the attempt.
fn rank_never_falls(shared: &Shared, before: &Task, after: &Task) {
    let wrong = wrong_step(before, after);
    shared
        .watch
        .check(Invariant::RankNeverFalls, wrong.is_none(), || {
            let wrong = wrong.unwrap_or_default();
            format!("{wrong}:\n  {before:?}\n  {after:?}")
        });
}

/// What is wrong about a task's step from one state to another.
fn wrong_step(before: &Task, after: &Task) -> Option<&'static str> {
    let was = (before.generation, before.attempt);
    let is = (after.generation, after.attempt);
    if is < was {
        return Some("a task goes back to an older attempt");
    }
    if is == was {
        let absorbed = before.state.outcome().is_none() || before.state == after.state;
        let given_back = before.state == TaskState::Claimed && after.state.rank() == 0;
        let forward = after.state.rank() >= before.state.rank() || given_back;
        let kept = before.submission.is_none() || before.submission == after.submission;
        return match (absorbed, forward, kept) {
            (false, _, _) => Some("a task that ended changes its state"),
            (_, false, _) => Some("a task's state goes back"),
            (_, _, false) => Some("an attempt changes its submission"),
            (true, true, true) => None,
        };
    }
    let ended_with_it = is.0 == was.0 && after.state == TaskState::Retrying;
    (before.state.is_open() && !ended_with_it).then_some("an open attempt is forgotten")
}

/// Invariant 10: an attempt's epoch never falls.
fn lower_epochs_are_refused(shared: &Shared, before: &Task, after: &Task) {
    let same = before.attempt_key() == after.attempt_key();
    let holds = !same || after.epoch >= before.epoch;
    shared
        .watch
        .check(Invariant::LowerEpochsRefused, holds, || {
            format!("an epoch falls:\n  {before:?}\n  {after:?}")
        });
}

/// Invariant 2: while a claim's lease runs nobody takes it over, for its submitter may be submitting.
fn leases_are_kept(shared: &Shared, before: &Task, after: &Task) {
    let is_claimed = (before.state, after.state) == (TaskState::Claimed, TaskState::Claimed);
    let is_newer = before.attempt_key() == after.attempt_key() && after.epoch > before.epoch;
    let Some(claim) = before.claim.as_ref().filter(|_| is_claimed && is_newer) else {
        return;
    };
    // Who wrote it and who read it may each be wrong about the time.
    let latest = Seconds(2 * MOST_SKEW.0).after(shared.now());
    let holds = claim.lease_until <= latest;
    shared.watch.check(Invariant::OneLiveJob, holds, || {
        format!("a claim is taken over before its lease is over:\n  {before:?}\n  {after:?}")
    });
}

/// Invariant 7: what ended an attempt that was submitted is what the service says of it.
fn ended_by_the_services_word(shared: &Shared, before: Option<&Task>, after: &Task) {
    let same = before.is_some_and(|before| {
        (before.attempt_key(), before.state) == (after.attempt_key(), after.state)
    });
    let Some(outcome) = after.state.outcome().filter(|_| !same) else {
        return;
    };
    let services = shared.services.borrow();
    let work = after
        .submission
        .as_ref()
        .and_then(|id| services.work.get(id));
    let seen = work.map(|work| work.seen.state);
    let holds = match outcome {
        Outcome::Succeeded | Outcome::Failed if after.attempt == 0 => is_marked(shared, after),
        Outcome::Succeeded => seen == Some(WorkState::Succeeded),
        Outcome::Failed if after.failure == Some(FailureClass::Refused) => seen.is_none(),
        Outcome::Failed => seen.is_some_and(WorkState::is_terminal),
        // Nothing was submitted, or the service says that it has ended.
        Outcome::Cancelled => seen.is_none_or(WorkState::is_terminal),
        Outcome::Skipped | Outcome::Blocked => after.submission.is_none(),
    };
    shared.watch.check(Invariant::ServicesWord, holds, || {
        format!("the service says {seen:?} of {after:?}")
    });
}

/// Whether a person set this outcome.
fn is_marked(shared: &Shared, task: &Task) -> bool {
    let mirror = shared.watch.mirror.borrow();
    let opened = mirror.generations.get(&task.run).into_iter().flatten();
    let mut marks = opened.filter(|opened| opened.generation == task.generation);
    marks.any(|opened| opened.marked.get(&task.task) == task.state.outcome().as_ref())
        || task.generation == 1
}

/// How long a lost event went unnoticed.
fn noticed(shared: &Shared, after: &Task) {
    let Some(id) = after
        .submission
        .as_ref()
        .filter(|_| after.state.outcome().is_some())
    else {
        return;
    };
    if let Some(at) = shared.watch.lost.borrow_mut().remove(id) {
        let seconds = Seconds::between(at, shared.now()).0;
        shared.watch.unnoticed.borrow_mut().push(seconds);
    }
}

/// Invariants 2 and 12, when an id is committed as the attempt.
fn newly_committed(shared: &Shared, before: Option<&Task>, after: &Task) {
    let was = before.is_some_and(|before| {
        before.submission.is_some() && before.attempt_key() == after.attempt_key()
    });
    let Some(id) = after.submission.as_ref().filter(|_| !was) else {
        return;
    };
    shared.watch.committed.borrow_mut().insert(id.clone());
    no_other_attempt_lives(shared, &after.attempt_key());
    holds_its_places(shared, after);
}

/// Invariant 2: no other attempt of the task lives. Second submissions of one attempt are strays,
/// which the attempt does not wait for; nor can anybody wait for what a service takes late.
fn no_other_attempt_lives(shared: &Shared, key: &AttemptKey) {
    let committed = shared.watch.committed.borrow();
    let services = shared.services.borrow();
    let is_attempt = |work: &KnownWork| {
        let mut of_key = services.of_key(&work.seen.key);
        let is_known = of_key.any(|other| committed.contains(&other.seen.submission));
        committed.contains(&work.seen.submission) || (!is_known && work.is_orderly)
    };
    let other = services.live().find(|work| {
        let seen = &work.seen.key;
        seen.run == key.run && seen.task == key.task && seen != key && is_attempt(work)
    });
    shared
        .watch
        .check(Invariant::OneLiveJob, other.is_none(), || {
            format!("two attempts live: {key} and {other:?}")
        });
}

/// Invariant 12: what was submitted holds the places its claim names, as long as it lives.
fn holds_its_places(shared: &Shared, task: &Task) {
    let key = task.attempt_key();
    let lives = lives(shared, &key);
    let Some(claim) = task.claim.as_ref().filter(|_| lives) else {
        return;
    };
    let (mirror, holder) = (shared.watch.mirror.borrow(), key.to_string());
    for place in &claim.limits {
        let held = mirror
            .places
            .get(&place.limit)
            .and_then(|of| of.get(&place.number));
        let holds = held.is_some_and(|held| held.holder == holder);
        shared.watch.check(Invariant::LimitsHold, holds, || {
            format!("{key} lives without {place:?}")
        });
    }
}

fn lives(shared: &Shared, key: &AttemptKey) -> bool {
    let committed = shared.watch.committed.borrow();
    let services = shared.services.borrow();
    let mut of_key = services.of_key(key);
    of_key.any(|work| !work.seen.state.is_terminal() && committed.contains(&work.seen.submission))
}

/// Invariant 3, for runs.
fn run_goes_forward(shared: &Shared, before: Option<&Run>, after: &Run) {
    let Some(before) = before else { return };
    let same = before.generation == after.generation;
    let ended = same && before.state.is_terminal() && before.state != after.state;
    let holds = !ended && after.generation >= before.generation;
    shared.watch.check(Invariant::RankNeverFalls, holds, || {
        format!("a run goes back: {before:?} {after:?}")
    });
}

/// Invariant 12: a run that becomes active holds a place of each of its limits, and no workflow has
/// more active runs than it may have.
fn active_runs_are_seated(shared: &Shared, before: Option<&Run>, after: &Run) {
    let was = before
        .is_some_and(|before| (before.state, before.generation) == (after.state, after.generation));
    if after.state != RunState::Running || was {
        return;
    }
    let mirror = shared.watch.mirror.borrow();
    for sized in &after.limits {
        let held = mirror
            .places
            .get(&sized.limit)
            .into_iter()
            .flat_map(|of| of.values());
        let holds = held
            .into_iter()
            .any(|place| place.holder == after.run.as_str());
        shared.watch.check(Invariant::LimitsHold, holds, || {
            format!("{} runs without a place of {}", after.run, sized.limit)
        });
        let LimitRef::WorkflowRuns(workflow) = &sized.limit else {
            continue;
        };
        let active = mirror
            .runs
            .values()
            .filter(|run| run.workflow == workflow.name && run.state == RunState::Running);
        let active = active.count();
        shared
            .watch
            .check(Invariant::LimitsHold, active <= sized.size as usize, || {
                format!(
                    "{active} runs of {workflow} are active, {} may be",
                    sized.size
                )
            });
    }
}

/// Invariant 3, for instances; and invariant 10 for their requests.
fn instance_goes_forward(shared: &Shared, before: &Instance, after: &Instance) {
    let forward = after.state.rank() >= before.state.rank();
    let kept = before.id.is_none() || before.id == after.id;
    shared
        .watch
        .check(Invariant::RankNeverFalls, forward && kept, || {
            format!("an instance goes back: {before:?} {after:?}")
        });
    shared.watch.check(
        Invariant::LowerEpochsRefused,
        after.epoch >= before.epoch,
        || format!("an instance's epoch falls: {before:?} {after:?}"),
    );
}

/// Invariant 12: never more places of a limit are held than it has.
fn limit_holds(shared: &Shared, taken: &Place) {
    let held = shared.watch.mirror.borrow().held(&taken.limit);
    let size = size_of(shared, &taken.limit);
    shared.watch.check(Invariant::LimitsHold, held <= size, || {
        format!("{held} hold places of {}, which has {size}", taken.limit)
    });
}

/// How many places a limit has.
pub fn size_of(shared: &Shared, limit: &LimitRef) -> usize {
    let known = shared.watch.sizes.get(limit).map(|size| *size as usize);
    known.unwrap_or(match limit {
        LimitRef::Steps(_) => 250,
        LimitRef::Backfill(_) => 2,
        LimitRef::Pool(_)
        | LimitRef::TeamTasks(_)
        | LimitRef::TeamRuns(_)
        | LimitRef::WorkflowRuns(_) => usize::MAX,
    })
}

/// Invariant 12: nobody frees the place of what lives. A submitter that slept while it looked for a
/// place may have taken another beside the one that counts, and gives that one back.
fn freed_by_who_ended(shared: &Shared, place: &Place) {
    let mirror = shared.watch.mirror.borrow();
    let mut left = mirror.places.get(&place.limit).into_iter().flatten();
    if left.any(|(_, other)| other.holder == place.holder) {
        return;
    }
    if let Ok(key) = place.holder.parse::<AttemptKey>() {
        let task = mirror.task(&key.run, &key.task);
        let holds = is_elsewhere(task, place, &key) || !lives(shared, &key);
        shared.watch.check(Invariant::LimitsHold, holds, || {
            format!(
                "a place of {} was freed under {key}, which lives",
                place.limit
            )
        });
        return;
    }
    let run = mirror.runs.get(&place.holder.as_str().into());
    let active = run.is_some_and(|run| run.state == RunState::Running);
    shared.watch.check(Invariant::LimitsHold, !active, || {
        format!(
            "{} was freed under the active {}",
            place.limit, place.holder
        )
    });
}

/// Whether a place is one of open steps of an instance at which its holder is no more.
fn is_elsewhere(task: Option<&Task>, place: &Place, key: &AttemptKey) -> bool {
    let LimitRef::Steps(instance) = &place.limit else {
        return false;
    };
    let task = task.filter(|task| task.attempt_key() == *key);
    let claim = task.and_then(|task| task.claim.as_ref());
    claim.is_none_or(|claim| claim.instance.as_ref() != Some(instance))
}
