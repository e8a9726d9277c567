//! What should come of a run: naive, sequential, without faults, from how each task's work ends.

use std::collections::{BTreeMap, BTreeSet};

use model::definition::{Task, TriggerRule, Workflow};
use model::name::TaskName;
use model::run::RunState;
use model::task::TaskState;

/// Decides every task and the run, upstreams first. `fails` names the tasks whose every attempt
/// fails.
pub fn outcome(
    workflow: &Workflow,
    fails: impl Fn(&TaskName) -> bool,
) -> (BTreeMap<TaskName, TaskState>, RunState) {
    let mut states: BTreeMap<TaskName, TaskState> = BTreeMap::new();
    let mut is_decided: BTreeSet<&TaskName> = BTreeSet::new();
    while is_decided.len() < workflow.tasks.len() {
        for task in &workflow.tasks {
            if !task.after.iter().all(|name| is_decided.contains(name)) {
                continue;
            }
            let above: Vec<TaskState> = above(workflow, task)
                .iter()
                .map(|name| states[name])
                .collect();
            for name in expanded(task) {
                let state = decide(task.trigger_rule, &above, fails(&name));
                states.insert(name, state);
            }
            is_decided.insert(&task.name);
        }
    }
    let ended = ending(workflow, &states, |_| 1);
    (states, ended)
}

/// Everything directly above a task.
fn above(workflow: &Workflow, task: &Task) -> Vec<TaskName> {
    let written = workflow.tasks.iter();
    let upstreams = written.filter(|other| task.after.contains(&other.name));
    upstreams.flat_map(expanded).collect()
}

/// What a written task stands for; of one key at most.
fn expanded(task: &Task) -> Vec<TaskName> {
    match task.for_each.values().next() {
        None => vec![task.name.clone()],
        Some(values) => {
            let named = values.iter().map(|value| format!("{}-{value}", task.name));
            let named = named.map(|name| TaskName::new(&name).expect("a task's name"));
            named.collect()
        }
    }
}

/// How a run ends whose tasks ended so, each in its generation: it failed if and only if one did
/// whose outcome nobody heard. That is one that nothing is after, or that ran again alone, when all
/// that is after it had ended in older generations.
pub fn ending(
    workflow: &Workflow,
    states: &BTreeMap<TaskName, TaskState>,
    generation: impl Fn(&TaskName) -> u32,
) -> RunState {
    let bad = [TaskState::Failed, TaskState::Blocked, TaskState::Cancelled];
    let failed = workflow.tasks.iter().any(|task| {
        let others = workflow.tasks.iter();
        let after = others.filter(|other| other.after.contains(&task.name));
        let newest = after.flat_map(expanded).map(|name| generation(&name)).max();
        expanded(task).iter().any(|name| {
            let is_bad = states.get(name).is_some_and(|state| bad.contains(state));
            is_bad && newest.is_none_or(|newest| newest < generation(name))
        })
    });
    if failed {
        RunState::Failed
    } else {
        RunState::Succeeded
    }
}

/// Decides one task from the final states of everything above it.
pub fn decide(rule: TriggerRule, above: &[TaskState], fails: bool) -> TaskState {
    let succeeded = above.contains(&TaskState::Succeeded);
    let bad = [TaskState::Failed, TaskState::Blocked, TaskState::Cancelled];
    let failed = above.iter().any(|state| bad.contains(state));
    let all_succeeded = above.iter().all(|state| *state == TaskState::Succeeded);
    let starts = match rule {
        _ if above.is_empty() => true,
        TriggerRule::AllSucceeded => all_succeeded,
        TriggerRule::AllDone => true,
        TriggerRule::AnyFailed => failed,
        TriggerRule::AnySucceeded => succeeded,
        TriggerRule::NoneFailed => !failed,
    };
    let blocked = failed && rule != TriggerRule::AnyFailed;
    match (starts, fails) {
        (true, true) => TaskState::Failed,
        (true, false) => TaskState::Succeeded,
        (false, _) if blocked => TaskState::Blocked,
        (false, _) => TaskState::Skipped,
    }
}
