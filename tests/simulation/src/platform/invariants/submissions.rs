//! What is true of everything a service takes: invariant 1, that its run had not ended before it was
//! claimed (6), and whether it is in order.

use choreography::scope::Scopes;
use model::Timestamp;
use model::attempt::AttemptKey;
use model::definition::TriggerRule;
use model::task::{Outcome, Task, TaskState};

use super::Invariant;
use crate::platform::mirror::Mirror;
use crate::platform::watch::Watch;

/// Looks at a submission; says whether who holds the claim made it while its lease lasted.
pub fn look(watch: &Watch, key: &AttemptKey, now: Timestamp) -> bool {
    let mirror = watch.mirror.borrow();
    let task = mirror.task(&key.run, &key.task);
    let claimed =
        task.filter(|task| task.attempt_key() == *key && task.state == TaskState::Claimed);
    let Some(claim) = claimed.and_then(|task| task.claim.as_ref()) else {
        return false;
    };
    rule_holds(watch, &mirror, key);
    let has_ended = has_ended(&mirror, key);
    let too_late = watch.claimed_too_late.borrow().contains(key);
    watch.check(Invariant::RunFollowsTasks, !(has_ended && too_late), || {
        format!("{key} is submitted, and was claimed after its run had ended")
    });
    claim.lease_until >= now
}

/// Notes a claim that is made after its run has ended.
pub fn claimed(watch: &Watch, before: Option<&Task>, task: &Task) {
    let was = before.is_some_and(|before| before.state == TaskState::Claimed);
    if was || task.state != TaskState::Claimed {
        return;
    }
    let key = task.attempt_key();
    if has_ended(&watch.mirror.borrow(), &key) {
        watch.claimed_too_late.borrow_mut().insert(key);
    }
}

fn has_ended(mirror: &Mirror, key: &AttemptKey) -> bool {
    let run = mirror.runs.get(&key.run);
    run.is_some_and(|run| run.state.is_terminal())
}

/// Invariant 1: whatever is above the task allows it to start, by the naive reading of its rule.
fn rule_holds(watch: &Watch, mirror: &Mirror, key: &AttemptKey) {
    let Some(run) = mirror.runs.get(&key.run) else {
        return;
    };
    let Some(plan) = mirror.plan(&run.definition) else {
        return;
    };
    let scopes = mirror.scopes(run);
    // A newer generation was opened under the submitter: the decision was right when it was made.
    if scopes.effective(&key.task) != key.generation || key.generation < run.definition_since {
        return;
    }
    let Some(position) = plan.position(&key.task) else {
        return;
    };
    let rule = plan.written(position).trigger_rule;
    let above = plan
        .upstreams_of(position)
        .iter()
        .map(|at| &plan.task(*at).name);
    let outcomes: Vec<Option<Outcome>> = above
        .map(|name| outcome(mirror, &scopes, key, name))
        .collect();
    watch.check(Invariant::TriggerRule, allows(rule, &outcomes), || {
        format!("{key} starts by {rule:?} after {outcomes:?}")
    });
}

/// How an upstream ended in its effective generation; `None` while it has not.
fn outcome(
    mirror: &Mirror,
    scopes: &Scopes,
    key: &AttemptKey,
    name: &model::name::TaskName,
) -> Option<Outcome> {
    let task = mirror.task(&key.run, name);
    let current = task.filter(|task| task.generation == scopes.effective(name));
    let ended = current.and_then(|task| task.state.outcome());
    scopes.marked(name).or(ended)
}

/// Whether a task may start while this is how its upstreams ended, so far.
fn allows(rule: TriggerRule, above: &[Option<Outcome>]) -> bool {
    let bad = |outcome: &Option<Outcome>| match outcome {
        Some(Outcome::Failed | Outcome::Blocked | Outcome::Cancelled) => true,
        Some(Outcome::Succeeded | Outcome::Skipped) | None => false,
    };
    let all_ended = above.iter().all(Option::is_some);
    let succeeded = |outcome: &Option<Outcome>| *outcome == Some(Outcome::Succeeded);
    match rule {
        _ if above.is_empty() => true,
        TriggerRule::AllSucceeded => above.iter().all(succeeded),
        TriggerRule::AllDone => all_ended,
        TriggerRule::AnyFailed => above.iter().any(bad),
        TriggerRule::AnySucceeded => above.iter().any(succeeded),
        TriggerRule::NoneFailed => all_ended && !above.iter().any(bad),
    }
}
