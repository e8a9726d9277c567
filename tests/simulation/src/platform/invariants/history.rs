//! Invariant 6, and what every run's tasks say at the end: the naive reference against what came.

use std::collections::{BTreeMap, BTreeSet};

use choreography::plan::Plan;
use choreography::scope::Scopes;
use model::attempt::AttemptKey;
use model::definition::TriggerRule;
use model::name::TaskName;
use model::run::{Run, RunState};
use model::task::{Task, TaskState};

use super::Invariant;
use crate::platform::World;
use crate::reference;

impl World {
    /// Every attempt that was submitted and committed is there, as the task's newest or as history.
    pub(super) fn history_is_kept(&self) {
        let mirror = self.shared.watch.mirror.borrow();
        let known: BTreeSet<_> = mirror.attempts().collect();
        for submission in self.shared.watch.committed.borrow().iter() {
            self.must(
                Invariant::RankNeverFalls,
                known.contains(submission),
                || format!("nothing is kept of {submission}"),
            );
        }
    }

    pub(super) fn outcomes_follow(&self) {
        let mirror = self.shared.watch.mirror.borrow();
        let none = BTreeMap::new();
        for run in mirror.runs.values() {
            if !matches!(run.state, RunState::Succeeded | RunState::Failed) {
                continue;
            }
            let Some(plan) = mirror.plan(&run.definition) else {
                self.must(Invariant::RunFollowsTasks, false, || {
                    format!("no plan of {run:?}")
                });
                continue;
            };
            let tasks = mirror.tasks.get(&run.run).unwrap_or(&none);
            self.check_tasks(run, &plan, &mirror.scopes(run), tasks);
            self.check_run(run, &plan, tasks);
            if !self.script.plot.operations {
                self.check_reference(run, &plan, tasks);
            }
        }
    }

    /// Every task has ended in its generation, as what is above it says.
    fn check_tasks(
        &self,
        run: &Run,
        plan: &Plan,
        scopes: &Scopes,
        tasks: &BTreeMap<TaskName, Task>,
    ) {
        for (position, planned) in (0..).zip(&plan.tasks) {
            let effective = scopes.effective(&planned.name);
            let task = tasks
                .get(&planned.name)
                .filter(|task| task.generation == effective && task.state.outcome().is_some());
            self.must(Invariant::RunFollowsTasks, task.is_some(), || {
                let found = tasks.get(&planned.name);
                let name = &planned.name;
                format!(
                    "{} has ended, but its {name} in generation {effective} is {found:?}",
                    run.run
                )
            });
            let Some(task) = task else { continue };
            let above = plan.upstreams_of(position).iter();
            let above: Vec<&Task> = above
                .filter_map(|at| tasks.get(&plan.task(*at).name))
                .collect();
            // What an older edition decided does not follow from this one.
            let ours = scopes.marked(&planned.name).is_none() && effective >= run.definition_since;
            if ours && above.iter().all(|above| above.generation <= effective) {
                self.check_decision(task, plan.written(position).trigger_rule, &above);
            }
        }
    }

    /// What became of a task follows from what is above it.
    fn check_decision(&self, task: &Task, rule: TriggerRule, above: &[&Task]) {
        let states: Vec<TaskState> = above.iter().map(|task| task.state).collect();
        let decided = reference::decide(rule, &states, false);
        let ran = match task.state {
            TaskState::Skipped | TaskState::Blocked => task.state,
            // How it ended is the work's business, or a person's.
            TaskState::Waiting
            | TaskState::Retrying
            | TaskState::Claimed
            | TaskState::Submitted
            | TaskState::Running
            | TaskState::Succeeded
            | TaskState::Failed
            | TaskState::Cancelled => TaskState::Succeeded,
        };
        self.must(Invariant::TriggerRule, decided == ran, || {
            format!("by {rule:?} after {states:?} this is {decided:?}: {task:?}")
        });
    }

    /// Invariant 6: the run's outcome is a function of its tasks' outcomes alone.
    fn check_run(&self, run: &Run, plan: &Plan, tasks: &BTreeMap<TaskName, Task>) {
        let states = states(tasks);
        let generation = |name: &TaskName| tasks.get(name).map_or(1, |task| task.generation);
        let ended = reference::ending(&plan.workflow, &states, generation);
        self.must(Invariant::RunFollowsTasks, ended == run.state, || {
            format!(
                "{} is {:?}, by its tasks {ended:?}: {states:?}",
                run.run, run.state
            )
        });
    }

    /// Without operations, everything is as the naive reference says.
    fn check_reference(&self, run: &Run, plan: &Plan, tasks: &BTreeMap<TaskName, Task>) {
        let fails = |task: &TaskName| {
            let key = AttemptKey {
                run: run.run.clone(),
                task: task.clone(),
                generation: 1,
                attempt: 1,
            };
            let fates = &self.shared.fates;
            fates.is_doomed(&key) || fates.is_refused(&key)
        };
        let (expected, ended) = reference::outcome(&plan.workflow, fails);
        let found = states(tasks);
        let holds = (&found, run.state) == (&expected, ended);
        self.must(Invariant::SetAside, holds, || {
            let (run, state) = (&run.run, run.state);
            format!("{run} is {state:?} {found:?}, not {ended:?} {expected:?}")
        });
    }
}

fn states(tasks: &BTreeMap<TaskName, Task>) -> BTreeMap<TaskName, TaskState> {
    let of = |(name, task): (&TaskName, &Task)| (name.clone(), task.state);
    tasks.iter().map(of).collect()
}
