//! Whether a run that was rerun has ended.
//!
//! The first generation ends with its end join. A rerun may run a task again and keep everything
//! below it, so nothing that the end join holds stands for that task: then the tasks themselves
//! say whether all is done.

use std::collections::BTreeMap;

use model::name::TaskName;
use model::task::{Outcome, Task};

use crate::plan::{Consumers, Counts, Plan};
use crate::scope::Scopes;

/// Whether every task has ended in the generation it is in, and then whether the run failed: an
/// outcome that nobody absorbed says so. `None` while something is still to come.
pub fn failed(plan: &Plan, scopes: &Scopes, tasks: &BTreeMap<TaskName, Task>) -> Option<bool> {
    let mut failed = false;
    for (position, task) in (0..).zip(&plan.tasks) {
        let generation = scopes.effective(&task.name);
        let item = tasks
            .get(&task.name)
            .filter(|item| item.generation == generation)?;
        let bad = match item.state.outcome()? {
            Outcome::Failed | Outcome::Blocked | Outcome::Cancelled => true,
            Outcome::Succeeded | Outcome::Skipped => false,
        };
        failed |= bad && (is_leaf(plan, position) || is_heard_by_none(plan, scopes, position));
    }
    Some(failed)
}

/// Whether a task was run again and all that waits for it was kept: its outcome arrives nowhere.
pub fn is_heard_by_none(plan: &Plan, scopes: &Scopes, position: u32) -> bool {
    let own = scopes.effective(&plan.task(position).name);
    let mut consumers = plan.consumers_of(position).peekable();
    consumers.peek().is_some()
        && consumers.all(|consumer| scopes.effective(&plan.task(consumer).name) < own)
}

fn is_leaf(plan: &Plan, position: u32) -> bool {
    plan.task(position).feeds.iter().any(|feed| {
        feed.counts == Counts::Outcome && plan.join(feed.join).consumers == Consumers::End
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Timestamp;
    use model::run::{Cause, Generation, Run, RunState};
    use model::task::{Failures, TaskState};
    use testkit::flow::workflow;

    fn run() -> Run {
        Run {
            run: "team--flow--slot".into(),
            team: "team".parse().unwrap(),
            workflow: "flow".parse().unwrap(),
            slot: "slot".into(),
            logical_date: Timestamp::UNIX_EPOCH,
            state: RunState::Running,
            generation: 2,
            definition: "hash".into(),
            definition_since: 1,
            cause: Cause::Schedule { late: false },
            params: BTreeMap::new(),
            depth: 0,
            limits: Vec::new(),
            paused: false,
            created_at: Timestamp::UNIX_EPOCH,
            started_at: None,
            ended_at: None,
            reason: None,
            check_at: None,
            slow: None,
        }
    }

    fn task(name: &str, generation: u32, state: TaskState) -> (TaskName, Task) {
        let name: TaskName = name.parse().unwrap();
        let task = Task {
            run: run().run,
            task: name.clone(),
            team: "team".parse().unwrap(),
            workflow: "flow".parse().unwrap(),
            state,
            generation,
            attempt: 1,
            failures: Failures::default(),
            epoch: 1,
            claim: None,
            submission: None,
            cluster: None,
            reason: None,
            ready_at: Timestamp::UNIX_EPOCH,
            submitted_at: None,
            started_at: None,
            ended_at: None,
            failure: None,
            stopping: None,
            due_at: None,
        };
        (name, task)
    }

    #[test]
    fn a_rerun_has_ended_once_everything_has_where_it_is() {
        // a → b → c, and a → d; generation 2 runs b again and nothing else.
        let plan = Plan::of(workflow(&[
            ("a", &[], ""),
            ("b", &["a"], ""),
            ("c", &["b"], "all_done"),
            ("d", &["a"], ""),
        ]))
        .unwrap();
        let generation = |scope: &[&str]| Generation {
            run: run().run,
            generation: 2,
            part: 0,
            definition: "hash".into(),
            scope: scope.iter().map(|name| name.parse().unwrap()).collect(),
            marked: BTreeMap::new(),
            operation: "op".into(),
            by: "ann".into(),
            why: None,
            at: Timestamp::UNIX_EPOCH,
        };
        let scopes = Scopes::of(&run(), &[generation(&["b"])]);
        use TaskState::{Failed, Running, Succeeded};
        // the states of a, b, c, d, the generation of b, and whether the run failed
        let table = [
            ([Succeeded, Succeeded, Succeeded, Succeeded], 2, Some(false)),
            ([Succeeded, Succeeded, Succeeded, Succeeded], 1, None),
            ([Succeeded, Running, Succeeded, Succeeded], 2, None),
            ([Succeeded, Failed, Succeeded, Succeeded], 2, Some(true)),
            ([Succeeded, Succeeded, Succeeded, Failed], 2, Some(true)),
            ([Failed, Succeeded, Succeeded, Succeeded], 2, Some(false)),
        ];
        for ([a, b, c, d], generation, expected) in table {
            let tasks = [
                task("a", 1, a),
                task("b", generation, b),
                task("c", 1, c),
                task("d", 1, d),
            ];
            assert_eq!(
                failed(&plan, &scopes, &tasks.into()),
                expected,
                "{a:?} {b:?} {d:?}"
            );
        }
        let unheard = |scope: &[&str]| {
            let scopes = Scopes::of(&run(), &[generation(scope)]);
            [0, 1, 2, 3].map(|position| is_heard_by_none(&plan, &scopes, position))
        };
        assert_eq!(unheard(&["b"]), [false, true, false, false]);
        assert_eq!(unheard(&["b", "c"]), [false; 4]);
        assert_eq!(unheard(&["a", "b"]), [false, true, false, false]);
    }
}
