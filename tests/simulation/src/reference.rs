//! What should come of a run: naive, sequential, without faults, from how each task's work ends.

use std::collections::BTreeMap;

use model::definition::{TriggerRule, Workflow};
use model::name::TaskName;
use model::run::RunState;
use model::task::TaskState;

/// Decides every task and the run, upstreams first. `fails` names the tasks whose every attempt
/// fails. Tasks of a workflow without `for_each` only.
pub fn outcome(
    workflow: &Workflow,
    fails: impl Fn(&TaskName) -> bool,
) -> (BTreeMap<TaskName, TaskState>, RunState) {
    let mut states: BTreeMap<TaskName, TaskState> = BTreeMap::new();
    while states.len() < workflow.tasks.len() {
        for task in &workflow.tasks {
            let above: Option<Vec<TaskState>> = task
                .after
                .iter()
                .map(|name| states.get(name).copied())
                .collect();
            if let Some(above) = above {
                let state = decide(task.trigger_rule, &above, fails(&task.name));
                states.insert(task.name.clone(), state);
            }
        }
    }
    let is_leaf = |name: &TaskName| !workflow.tasks.iter().any(|task| task.after.contains(name));
    let failed = states.iter().any(|(name, state)| {
        is_leaf(name) && matches!(state, TaskState::Failed | TaskState::Blocked)
    });
    (
        states,
        if failed {
            RunState::Failed
        } else {
            RunState::Succeeded
        },
    )
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
