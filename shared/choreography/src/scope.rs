//! Generations: which tasks a rerun runs again, and in which generation a task last ran (rule 20).
//!
//! A task's effective generation is the newest one whose scope names it; everything else keeps its
//! outcome. Facts of older generations of a task are stale.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::Timestamp;
use model::name::TaskName;
use model::operation::RerunScope;
use model::run::{Generation, Run};
use model::task::{Outcome, TaskState};

use crate::plan::Plan;

/// The effective generation of every task of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scopes {
    /// The run's generation.
    pub current: u32,
    /// The generation since which the run's plan holds.
    pub plan_since: u32,
    newer: HashMap<TaskName, u32>,
    opened: BTreeMap<u32, Timestamp>,
    marked: HashMap<TaskName, (u32, Outcome)>,
}

impl Scopes {
    /// Reads them from the run and its reruns; `generations` may be empty in generation 1.
    pub fn of(run: &Run, generations: &[Generation]) -> Self {
        let mut newer = HashMap::new();
        let mut marked = HashMap::new();
        let opened_at = generations
            .iter()
            .map(|opened| (opened.generation, opened.at))
            .collect();
        for opened in generations
            .iter()
            .filter(|opened| opened.generation <= run.generation)
        {
            for task in &opened.scope {
                let newest = newer.entry(task.clone()).or_insert(opened.generation);
                *newest = (*newest).max(opened.generation);
            }
            for (task, outcome) in &opened.marked {
                marked.insert(task.clone(), (opened.generation, *outcome));
            }
        }
        let (current, plan_since) = (run.generation, run.definition_since);
        Self {
            current,
            plan_since,
            newer,
            opened: opened_at,
            marked,
        }
    }

    /// The generation a task last ran, runs or will run in.
    pub fn effective(&self, task: &TaskName) -> u32 {
        self.newer.get(task).copied().unwrap_or(1)
    }

    /// When a generation was opened; kept outcomes are older than what they cause in it.
    pub fn opened_at(&self, generation: u32) -> Option<Timestamp> {
        self.opened.get(&generation).copied()
    }

    /// The outcome a person set for the task in its effective generation.
    pub fn marked(&self, task: &TaskName) -> Option<Outcome> {
        let (generation, outcome) = self.marked.get(task)?;
        (*generation == self.effective(task)).then_some(*outcome)
    }
}

/// The tasks a rerun runs again, given how far each has come (absent: nobody reached it yet).
///
/// Whatever lies below the scope and has not ended belongs to it: it would otherwise start on
/// outcomes that are about to change. Once a run has ended nothing else would run what was never
/// reached, so that belongs to it, too.
pub fn rerun_scope(
    plan: &Plan,
    states: &BTreeMap<TaskName, TaskState>,
    run_has_ended: bool,
    wanted: &RerunScope,
) -> BTreeSet<TaskName> {
    let state = |at: u32| states.get(&plan.task(at).name).copied();
    let ended = |at: u32| state(at).is_some_and(|state| state.outcome().is_some());
    let all = || 0..u32::try_from(plan.tasks.len()).expect("a plan has fewer than 2^32 tasks");
    let mut scope: BTreeSet<u32> = match wanted {
        RerunScope::All => all().collect(),
        RerunScope::FromFailure => {
            plan.with_below(all().filter(|at| state(*at).is_some_and(failed)))
        }
        RerunScope::Task { task, below } => match plan.position(task) {
            None => BTreeSet::new(),
            Some(position) if *below => plan.with_below([position]),
            Some(position) => {
                let mut below = plan.with_below([position]);
                below.retain(|at| *at == position || !ended(*at));
                below
            }
        },
    };
    if run_has_ended && !scope.is_empty() {
        scope.extend(all().filter(|at| !ended(*at)));
    }
    scope
        .into_iter()
        .map(|at| plan.task(at).name.clone())
        .collect()
}

fn failed(state: TaskState) -> bool {
    match state {
        TaskState::Failed | TaskState::Cancelled | TaskState::Blocked => true,
        TaskState::Waiting
        | TaskState::Retrying
        | TaskState::Claimed
        | TaskState::Submitted
        | TaskState::Running
        | TaskState::Succeeded
        | TaskState::Skipped => false,
    }
}

/// Kept tasks whose outcome must be delivered again, because somebody who waits for it runs in the
/// new generation: the run's end always does.
pub fn to_redeliver(plan: &Plan, scope: &BTreeSet<TaskName>) -> Vec<u32> {
    let in_scope = |at: u32| scope.contains(&plan.task(at).name);
    let end = u32::try_from(plan.joins.len() - 1).expect("a plan has fewer joins than tasks");
    (0..)
        .zip(&plan.tasks)
        .filter(|(at, _)| !in_scope(*at))
        .filter(|(at, task)| {
            task.feeds.iter().any(|feed| feed.join == end) || plan.consumers_of(*at).any(in_scope)
        })
        .map(|(at, _)| at)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::flow::workflow;

    fn names(scope: &BTreeSet<TaskName>) -> String {
        scope
            .iter()
            .map(TaskName::as_str)
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn a_rerun_takes_what_was_asked_for_and_what_would_follow() {
        // a → b → c → d, and x beside them.
        let plan = Plan::of(workflow(&[
            ("a", &[], ""),
            ("b", &["a"], ""),
            ("c", &["b"], "all_done"),
            ("d", &["c"], ""),
            ("x", &[], ""),
        ]))
        .unwrap();
        let task = |name: &str, below| RerunScope::Task {
            task: name.parse().unwrap(),
            below,
        };
        use TaskState::{Blocked, Failed, Running, Succeeded};
        let done: &[(&str, TaskState)] = &[
            ("a", Succeeded),
            ("b", Failed),
            ("c", Succeeded),
            ("d", Succeeded),
            ("x", Succeeded),
        ];
        let blocked: &[(&str, TaskState)] = &[("a", Failed), ("b", Blocked), ("x", Succeeded)];
        let going: &[(&str, TaskState)] = &[("a", Succeeded), ("b", Succeeded), ("c", Running)];
        let table = [
            (done, true, RerunScope::All, "a b c d x"),
            (done, true, RerunScope::FromFailure, "b c d"),
            (done, true, task("c", true), "c d"),
            (done, true, task("b", false), "b"),
            (blocked, true, RerunScope::FromFailure, "a b c d"),
            (going, false, task("a", false), "a c d"),
            (going, false, task("x", true), "x"),
            (going, false, RerunScope::FromFailure, ""),
            (going, true, task("a", false), "a c d x"),
            (going, true, RerunScope::FromFailure, ""),
            (going, true, task("nobody", true), ""),
        ];
        for (states, ended, wanted, expected) in table {
            let states = states
                .iter()
                .map(|(name, state)| (name.parse().unwrap(), *state))
                .collect();
            let scope = rerun_scope(&plan, &states, ended, &wanted);
            assert_eq!(names(&scope), expected, "{wanted:?}");
        }
    }

    #[test]
    fn a_task_is_in_the_newest_generation_that_names_it() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let generation = |generation: u32, scope: &[&str], marked: &[(&str, Outcome)]| Generation {
            run: "team--flow--slot".into(),
            generation,
            part: 0,
            definition: "hash".into(),
            scope: scope.iter().map(|name| name.parse().unwrap()).collect(),
            marked: marked
                .iter()
                .map(|(name, outcome)| (name.parse().unwrap(), *outcome))
                .collect(),
            operation: "op".into(),
            by: "ann".into(),
            why: None,
            at: at(i64::from(generation) * 100),
        };
        let opened = [
            generation(3, &["a"], &[]),
            generation(
                2,
                &["a", "b", "c"],
                &[("a", Outcome::Failed), ("b", Outcome::Skipped)],
            ),
            // Written, and the run's item does not know of it yet.
            generation(4, &["c", "x"], &[("x", Outcome::Succeeded)]),
        ];
        let store = testkit::MemoryStore::default();
        let run = Run {
            generation: 3,
            definition_since: 2,
            ..testkit::flow::seed_run(&store, &workflow(&[]), at(0))
        };
        let scopes = Scopes::of(&run, &opened);
        assert_eq!((scopes.current, scopes.plan_since), (3, 2));
        // task, its generation, and what a person set there
        let table = [
            ("a", 3, None),
            ("b", 2, Some(Outcome::Skipped)),
            ("c", 2, None),
            ("x", 1, None),
        ];
        for (name, generation, marked) in table {
            let name: TaskName = name.parse().unwrap();
            let said = (scopes.effective(&name), scopes.marked(&name));
            assert_eq!(said, (generation, marked), "{name}");
        }
        assert_eq!(scopes.opened_at(2), Some(at(200)));
        assert_eq!(scopes.opened_at(1), None);
    }

    #[test]
    fn kept_outcomes_that_somebody_still_waits_for_are_delivered_again() {
        let plan = Plan::of(workflow(&[
            ("a", &[], ""),
            ("b", &["a"], ""),
            ("c", &["b"], ""),
            ("x", &[], ""),
        ]))
        .unwrap();
        let scope = BTreeSet::from(["c".parse().unwrap()]);
        assert_eq!(to_redeliver(&plan, &scope), [1, 3]);
    }
}
