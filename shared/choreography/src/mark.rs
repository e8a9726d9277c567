//! What an outcome set by hand brings along (rule 20).

use std::collections::{BTreeMap, BTreeSet};

use model::name::TaskName;
use model::task::{Outcome, TaskState};

use crate::plan::Plan;

/// The outcomes a person may set.
pub fn may_be_set(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Succeeded | Outcome::Failed | Outcome::Skipped => true,
        Outcome::Blocked | Outcome::Cancelled => false,
    }
}

/// The tasks that are decided anew once a task's outcome is set: the task, and of what lies below
/// it whatever has not ended or was decided without running. What ran is kept. Once a run has
/// ended, nothing else would run what was never reached, so that is decided, too.
///
/// `states` holds how far each task has come (absent: nobody reached it yet), `set_before` the
/// tasks whose outcome was set by hand and still holds.
pub fn mark_scope(
    plan: &Plan,
    states: &BTreeMap<TaskName, TaskState>,
    set_before: &BTreeSet<TaskName>,
    run_has_ended: bool,
    task: u32,
) -> BTreeSet<TaskName> {
    let name = |at: u32| &plan.task(at).name;
    let state = |at: u32| states.get(name(at)).copied();
    let ended = |at: u32| state(at).is_some_and(|state| state.outcome().is_some());
    let decided_only = |at: u32| {
        !set_before.contains(name(at))
            && match state(at) {
                Some(TaskState::Blocked | TaskState::Skipped) => true,
                Some(
                    TaskState::Waiting
                    | TaskState::Retrying
                    | TaskState::Claimed
                    | TaskState::Submitted
                    | TaskState::Running
                    | TaskState::Succeeded
                    | TaskState::Failed
                    | TaskState::Cancelled,
                )
                | None => false,
            }
    };
    let mut scope = plan.with_below([task]);
    scope.retain(|at| *at == task || !ended(*at) || decided_only(*at));
    if run_has_ended {
        let all = u32::try_from(plan.tasks.len()).expect("a plan has fewer than 2^32 tasks");
        scope.extend((0..all).filter(|at| !ended(*at)));
    }
    scope.into_iter().map(|at| name(at).clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::flow::workflow;

    #[test]
    fn a_mark_decides_anew_what_never_ran_below_it() {
        // a → b → c → d(all_done) → e, and x beside them.
        let plan = Plan::of(workflow(&[
            ("a", &[], ""),
            ("b", &["a"], ""),
            ("c", &["b"], ""),
            ("d", &["c"], "all_done"),
            ("e", &["d"], ""),
            ("x", &[], ""),
        ]))
        .unwrap();
        use TaskState::{Blocked, Failed, Running, Skipped, Succeeded};
        let failed: &[(&str, TaskState)] = &[
            ("a", Failed),
            ("b", Blocked),
            ("c", Blocked),
            ("d", Succeeded),
            ("e", Succeeded),
        ];
        let going: &[(&str, TaskState)] = &[("a", Running), ("x", Running)];
        let skipped: &[(&str, TaskState)] = &[("a", Succeeded), ("b", Skipped), ("c", Skipped)];
        // states, tasks set before, whether the run has ended, what is decided anew
        let table = [
            (failed, "", true, "a b c x"),
            (failed, "", false, "a b c"),
            (failed, "b", false, "a c"),
            (going, "", false, "a b c d e"),
            (skipped, "", false, "a b c d e"),
        ];
        for (states, set_before, ended, expected) in table {
            let states = states
                .iter()
                .map(|(name, state)| (name.parse().unwrap(), *state))
                .collect();
            let set_before = set_before
                .split_whitespace()
                .map(|name| name.parse().unwrap())
                .collect();
            let task = plan.position(&"a".parse().unwrap()).unwrap();
            let scope = mark_scope(&plan, &states, &set_before, ended, task);
            let names: Vec<&str> = scope.iter().map(TaskName::as_str).collect();
            assert_eq!(names.join(" "), expected);
        }
    }

    #[test]
    fn only_outcomes_that_say_something_of_their_own_may_be_set() {
        let may = [
            Outcome::Succeeded,
            Outcome::Failed,
            Outcome::Skipped,
            Outcome::Blocked,
            Outcome::Cancelled,
        ]
        .map(may_be_set);
        assert_eq!(may, [true, true, true, false, false]);
    }
}
