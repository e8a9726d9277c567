//! What is true at the end of the day, hours after the last trouble.

use std::collections::{BTreeMap, BTreeSet};

use choreography::plan::Plan;
use choreography::scope::Scopes;
use model::cluster::Instance;
use model::definition::{TriggerRule, Workflow};
use model::expected::ScheduleRef;
use model::id::{DefinitionHash, RunId, Slot};
use model::limit::{Place, Waiter};
use model::name::TaskName;
use model::operation::{Operation, OperationState};
use model::registry::DefinitionPart;
use model::run::{Generation, Run, RunState};
use model::task::{PastAttempt, Task, TaskState};
use model::units::Seconds;
use ports::Compute as _;
use protocols::facts;
use testkit::block_on;

use super::World;
use super::quiet::waits;
use crate::reference;

impl World {
    /// Checks everything that must be true by now.
    pub(super) fn check_end(&self) {
        self.everything_has_ended();
        self.nothing_is_left();
        self.every_tick_left_a_run();
        self.everything_was_told();
        self.history_is_kept();
        let plans = self.plans();
        for run in self.all::<Run>() {
            match run.state {
                RunState::Succeeded | RunState::Failed => self.check_run(&run, &plans),
                RunState::Waiting | RunState::Running | RunState::Cancelled | RunState::Skipped => {
                }
            }
        }
    }

    /// Whether the day may end early: nothing is left to wait for.
    pub(super) fn all_is_done(&self) -> bool {
        self.is_quiet()
            && self.all::<Run>().iter().all(|run| run.state.is_terminal())
            && self
                .all::<Instance>()
                .iter()
                .all(|instance| instance.state.is_terminal())
            && self.all::<Place>().is_empty()
            && self
                .all::<Operation>()
                .iter()
                .all(|operation| operation.done_at.is_some())
    }

    fn all<R: model::record::Record>(&self) -> Vec<R> {
        self.shared.memory.store.all()
    }

    fn breaks(&self, what: String) {
        self.shared.watch.breaks(what);
    }

    fn everything_has_ended(&self) {
        for run in self
            .all::<Run>()
            .iter()
            .filter(|run| !run.state.is_terminal())
        {
            self.breaks(format!("a run never ends: {run:?}"));
        }
        for task in self.all::<Task>() {
            if task.state.is_open() {
                self.breaks(format!("an attempt never ends: {task:?}"));
            }
        }
        for work in self.shared.memory.compute.work() {
            if !work.state.is_terminal() {
                self.breaks(format!("work nobody stops: {work:?}"));
            }
        }
        for operation in self.all::<Operation>() {
            if operation.state == OperationState::Accepted {
                self.breaks(format!("an operation is never done: {operation:?}"));
            }
        }
        for instance in self
            .all::<Instance>()
            .iter()
            .filter(|one| !one.state.is_terminal())
        {
            self.breaks(format!("an instance never ends: {instance:?}"));
        }
        let since = Seconds::hours(48).before(self.now());
        let listed = block_on(self.shared.memory.compute.list_clusters(since));
        for seen in listed.expect("nothing fails here") {
            if !seen.state.is_ending() {
                self.breaks(format!("a cluster nobody ends: {seen:?}"));
            }
        }
    }

    fn nothing_is_left(&self) {
        for place in self.all::<Place>() {
            self.breaks(format!("a place is never freed: {place:?}"));
        }
        for waiter in self.all::<Waiter>() {
            if waits(&self.shared.memory, &waiter, None) {
                self.breaks(format!("a waiter is never released: {waiter:?}"));
            }
        }
        if !self.is_quiet() {
            self.breaks("messages never stop".to_owned());
        }
    }

    fn every_tick_left_a_run(&self) {
        let runs: BTreeMap<RunId, Run> = self
            .all::<Run>()
            .into_iter()
            .map(|run| (run.run.clone(), run))
            .collect();
        for (schedule, at) in &self.ticks {
            let ScheduleRef::Workflow(workflow) = schedule else {
                continue;
            };
            let run = RunId::of(workflow, &Slot::of_instant(*at));
            if !runs.contains_key(&run) {
                self.breaks(format!("the tick of {at} left nothing"));
            }
        }
    }

    /// Whatever is stored has been published, whoever crashed in between.
    fn everything_was_told(&self) {
        for run in self.all::<Run>() {
            if !self.shared.watch.knows(&facts::run(&run)) {
                self.breaks(format!("nobody was told: {run:?}"));
            }
        }
        for task in self.all::<Task>() {
            let started = task.started_at.map(|_| Task {
                state: TaskState::Running,
                ended_at: None,
                failure: None,
                ..task.clone()
            });
            // Who gives up a claim that nobody knew of tells nobody.
            let ended = (task.state != TaskState::Cancelled).then(|| task.clone());
            let told = [started, ended].into_iter().flatten();
            for fact in told.filter_map(|task| facts::task(&task)) {
                if !self.shared.watch.knows(&fact) {
                    self.breaks(format!(
                        "nobody was told {}: {task:?}",
                        fact.body.type_name()
                    ));
                }
            }
        }
    }

    /// Every attempt that was submitted and committed is there, as the task's newest or as history.
    fn history_is_kept(&self) {
        let past = self
            .all::<PastAttempt>()
            .into_iter()
            .map(|past| past.attempt);
        let known: BTreeSet<_> = past
            .chain(self.all::<Task>())
            .filter_map(|task| task.submission)
            .collect();
        for submission in self.shared.watch.attempts() {
            if !known.contains(&submission) {
                self.breaks(format!("nothing is kept of {submission}"));
            }
        }
    }

    fn plans(&self) -> BTreeMap<DefinitionHash, Plan> {
        let parts = self.all::<DefinitionPart>().into_iter();
        let read = parts.filter_map(|part| {
            let workflow: Workflow = serde_json::from_str(&part.content).ok()?;
            Some((part.hash, Plan::of(workflow).expect("a plan")))
        });
        read.collect()
    }

    fn check_run(&self, run: &Run, plans: &BTreeMap<DefinitionHash, Plan>) {
        let plan = &plans[&run.definition];
        let mut generations = self.all::<Generation>();
        generations.retain(|generation| generation.run == run.run);
        let scopes = Scopes::of(run, &generations);
        let tasks = self
            .all::<Task>()
            .into_iter()
            .filter(|task| task.run == run.run);
        let tasks: BTreeMap<TaskName, Task> = tasks.map(|task| (task.task.clone(), task)).collect();
        for (position, planned) in (0..).zip(&plan.tasks) {
            let effective = scopes.effective(&planned.name);
            match tasks.get(&planned.name) {
                Some(task) if task.generation == effective && task.state.outcome().is_some() => {
                    let above: Vec<&Task> = plan
                        .upstreams_of(position)
                        .iter()
                        .filter_map(|at| tasks.get(&plan.task(*at).name))
                        .collect();
                    let is_marked = scopes.marked(&planned.name).is_some();
                    // What an older edition decided does not follow from this one.
                    let is_ours = !is_marked && effective >= run.definition_since;
                    if is_ours && above.iter().all(|above| above.generation <= effective) {
                        let rule = plan.written(position).trigger_rule;
                        self.check_decision(task, rule, &above);
                    }
                }
                other => self.breaks(format!(
                    "{} has ended, but its {} in generation {effective} is {other:?}",
                    run.run, planned.name
                )),
            }
        }
        if !self.plot.operations {
            self.check_reference(run, plan, &tasks);
        }
    }

    /// What became of a task follows from what is above it.
    fn check_decision(&self, task: &Task, rule: TriggerRule, above: &[&Task]) {
        let states: Vec<TaskState> = above.iter().map(|task| task.state).collect();
        let decided = reference::decide(rule, &states, false);
        let ran = match task.state {
            TaskState::Skipped | TaskState::Blocked => task.state,
            // How it ended is the work's business, or a person's.
            _ => TaskState::Succeeded,
        };
        if decided != ran {
            self.breaks(format!(
                "by {rule:?} after {states:?} this is {decided:?}: {task:?}"
            ));
        }
    }

    /// Without operations, everything is as the naive reference says.
    fn check_reference(&self, run: &Run, plan: &Plan, tasks: &BTreeMap<TaskName, Task>) {
        let doomed = |task: &TaskName| {
            self.is_doomed(&model::attempt::AttemptKey {
                run: run.run.clone(),
                task: task.clone(),
                generation: 1,
                attempt: 1,
            })
        };
        let (states, ended) = reference::outcome(&plan.workflow, doomed);
        let found: BTreeMap<TaskName, TaskState> = tasks
            .iter()
            .map(|(name, task)| (name.clone(), task.state))
            .collect();
        if (&found, run.state) != (&states, ended) {
            self.breaks(format!(
                "{} is {:?} {found:?}, not {ended:?} {states:?}",
                run.run, run.state
            ));
        }
    }
}
