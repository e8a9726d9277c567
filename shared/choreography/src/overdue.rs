//! What of a run is overdue: steps that should have been taken by now, so that the message for
//! them is lost (rule 17).
//!
//! Everything named here is safe to ask for again. Must not know how anything is sent.

use std::collections::{BTreeMap, BTreeSet};

use model::Timestamp;
use model::name::TaskName;
use model::task::{Task, TaskState};
use model::units::Seconds;

use crate::plan::Plan;
use crate::scope::Scopes;

/// How long after it began, or began again, a run is first looked at.
pub const FIRST_LOOK: Seconds = Seconds::minutes(15);

/// How long what follows from an outcome or a start may be on its way.
const ON_ITS_WAY: Seconds = Seconds::minutes(2);

/// How long a retry may be on its way beyond its backoff.
const RETRY_ON_ITS_WAY: Seconds = Seconds::minutes(5);

/// After how long an attempt that waits is tried again: what it waited for may have grown.
const WAITED: Seconds = Seconds::minutes(15);

/// The most waiting attempts of one run that are tried again at once, oldest first.
const MOST_WAITING: usize = 100;

/// After how long somebody must see to it that the end of submitted work is heard of.
const LONG_OPEN: Seconds = Seconds::minutes(10);

/// How far a run that has not ended has come.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    pub plan: &'a Plan,
    pub scopes: &'a Scopes,
    /// When each generation began.
    pub began: &'a BTreeMap<u32, Timestamp>,
    pub tasks: &'a BTreeMap<TaskName, Task>,
    pub paused: bool,
}

/// What is overdue of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overdue {
    /// Attempts to be sent to submit-task.
    pub ready: Vec<Again>,
    /// Tasks whose outcome is to be delivered to advance-run.
    pub outcomes: BTreeSet<u32>,
    /// Tasks whose work, of this generation or an older one, has been open for so long that its event
    /// may be lost.
    pub open: Vec<TaskName>,
}

/// An attempt that is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Again {
    pub position: u32,
    pub generation: u32,
    pub attempt: u32,
    pub since: Timestamp,
}

/// Finds what is overdue.
pub fn overdue(progress: &Progress<'_>, now: Timestamp) -> Overdue {
    let mut found = Overdue::default();
    let mut waiting = Vec::new();
    let all = u32::try_from(progress.plan.tasks.len()).expect("a plan has fewer than 2^32 tasks");
    for position in 0..all {
        let Some(task) = progress.current(position) else {
            progress.unreached(position, now, &mut found);
            continue;
        };
        let again = Again {
            position,
            generation: task.generation,
            attempt: task.attempt,
            since: task.ready_at,
        };
        match task.state {
            TaskState::Claimed => {
                let lease_over = task
                    .claim
                    .as_ref()
                    .is_none_or(|claim| claim.lease_until <= now);
                found.ready.extend(lease_over.then_some(again));
            }
            TaskState::Retrying => {
                let lost = task.due_at.is_none() && RETRY_ON_ITS_WAY.after(task.ready_at) <= now;
                found.ready.extend(lost.then_some(again));
            }
            TaskState::Waiting => {
                let long = !progress.paused && WAITED.after(task.ready_at) <= now;
                waiting.extend(long.then_some(again));
            }
            TaskState::Submitted
            | TaskState::Running
            | TaskState::Succeeded
            | TaskState::Failed
            | TaskState::Skipped
            | TaskState::Blocked
            | TaskState::Cancelled => {}
        }
    }
    let open = progress
        .tasks
        .values()
        .filter(|task| is_open_long(task, now));
    found.open.extend(open.map(|task| task.task.clone()));
    waiting.sort_by_key(|again| again.since);
    found.ready.extend(waiting.into_iter().take(MOST_WAITING));
    let end = progress
        .plan
        .joins
        .last()
        .expect("every plan has an end join");
    if progress.have_ended(&end.upstreams, now) {
        found.outcomes.extend(&end.upstreams);
    }
    found
}

impl Progress<'_> {
    /// The task's item, if it is about the generation the task is in.
    fn current(&self, position: u32) -> Option<&Task> {
        let name = &self.plan.task(position).name;
        let task = self.tasks.get(name)?;
        (task.generation == self.scopes.effective(name)).then_some(task)
    }

    /// A task nobody has reached: something is overdue if nothing keeps it any more.
    fn unreached(&self, position: u32, now: Timestamp, found: &mut Overdue) {
        let task = self.plan.task(position);
        if self.scopes.marked(&task.name).is_some() {
            return;
        }
        let Some(join) = task.join else {
            let generation = self.scopes.effective(&task.name);
            let since = self.began.get(&generation).copied().unwrap_or(now);
            if ON_ITS_WAY.after(since) <= now {
                found.ready.push(Again {
                    position,
                    generation,
                    attempt: 1,
                    since,
                });
            }
            return;
        };
        let upstreams = &self.plan.join(join).upstreams;
        if self.have_ended(upstreams, now) {
            found.outcomes.extend(upstreams);
        }
    }

    /// Whether all these have ended, and what follows from it is not on its way any more.
    fn have_ended(&self, positions: &[u32], now: Timestamp) -> bool {
        positions.iter().all(|position| {
            self.current(*position).is_some_and(|task| {
                let ended_at = task.ended_at.unwrap_or(task.ready_at);
                task.state.outcome().is_some() && ON_ITS_WAY.after(ended_at) <= now
            })
        })
    }
}

/// Whether a task's work has been open for so long that its event may be lost.
fn is_open_long(task: &Task, now: Timestamp) -> bool {
    let since = task.submitted_at.unwrap_or(task.ready_at);
    let is_open = matches!(task.state, TaskState::Submitted | TaskState::Running);
    is_open && LONG_OPEN.after(since) <= now
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::run::{Cause, Generation, Run, RunState};
    use model::task::{Claim, Failures, Outcome, Place};
    use testkit::flow::workflow;

    fn minute(minute: u64) -> Timestamp {
        Seconds::minutes(minute).after(Timestamp::UNIX_EPOCH)
    }

    fn run(generation: u32) -> Run {
        Run {
            run: "team--flow--slot".into(),
            team: "team".parse().unwrap(),
            workflow: "flow".parse().unwrap(),
            slot: "slot".into(),
            logical_date: minute(0),
            state: RunState::Running,
            generation,
            definition: "hash".into(),
            definition_since: 1,
            cause: Cause::Schedule { late: false },
            params: BTreeMap::new(),
            depth: 0,
            limits: Vec::new(),
            paused: false,
            created_at: minute(0),
            started_at: Some(minute(0)),
            ended_at: None,
            reason: None,
            check_at: None,
            slow: None,
        }
    }

    /// A task that got into its state at a minute.
    fn task(name: &str, state: TaskState, at: u64) -> Task {
        let place = Place::Queue("light".into());
        let lease_until = minute(at + 2);
        let claim = Claim {
            since: Timestamp::UNIX_EPOCH,
            lease_until,
            place,
            instance: None,
            limits: Vec::new(),
            seeks: Vec::new(),
        };
        Task {
            run: "team--flow--slot".into(),
            task: name.parse().unwrap(),
            team: "team".parse().unwrap(),
            workflow: "flow".parse().unwrap(),
            state,
            generation: 1,
            attempt: 3,
            failures: Failures::default(),
            epoch: 1,
            claim: state.is_open().then_some(claim),
            submission: Some("job-1".into()),
            cluster: None,
            reason: None,
            ready_at: minute(at),
            submitted_at: Some(minute(at)),
            started_at: None,
            ended_at: Some(minute(at)),
            failure: None,
            stopping: None,
            due_at: None,
        }
    }

    fn found(tasks: &[Task], paused: bool, now: u64) -> String {
        let plan = Plan::of(workflow(&[
            ("a", &[], ""),
            ("b", &["a"], ""),
            ("c", &["a", "b"], "any_succeeded"),
            ("x", &[], ""),
        ]))
        .unwrap();
        let (scopes, began) = (Scopes::of(&run(1), &[]), [(1, minute(0))].into());
        let tasks = tasks
            .iter()
            .map(|task| (task.task.clone(), task.clone()))
            .collect();
        let progress = Progress {
            plan: &plan,
            scopes: &scopes,
            began: &began,
            tasks: &tasks,
            paused,
        };
        words(&plan, &overdue(&progress, minute(now)))
    }

    fn words(plan: &Plan, found: &Overdue) -> String {
        let name = |at: u32| plan.task(at).name.to_string();
        let ready = found.ready.iter().map(|again| {
            format!(
                "{}:{}-{}",
                name(again.position),
                again.generation,
                again.attempt
            )
        });
        let outcomes = found.outcomes.iter().map(|at| format!("{}!", name(*at)));
        let open = found.open.iter().map(|task| format!("{task}?"));
        ready
            .chain(outcomes)
            .chain(open)
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn a_step_that_should_have_been_taken_is_overdue() {
        use TaskState::{Claimed, Failed, Retrying, Running, Succeeded, Waiting};
        let x = || task("x", Succeeded, 0);
        let a = || task("a", Succeeded, 10);
        // states, paused, now, what is overdue
        let table: [(Vec<Task>, bool, u64, &str); 15] = [
            (vec![], false, 1, ""),
            (vec![], false, 2, "a:1-1 x:1-1"),
            (vec![x()], false, 20, "a:1-1"),
            (vec![x(), a()], false, 11, ""),
            (vec![x(), a()], false, 12, "a!"),
            (vec![x(), a(), task("b", Running, 10)], false, 19, ""),
            (vec![x(), a(), task("b", Running, 10)], false, 20, "b?"),
            (vec![x(), a(), task("b", Claimed, 10)], false, 11, ""),
            (vec![x(), a(), task("b", Claimed, 10)], false, 12, "b:1-3"),
            (vec![x(), a(), task("b", Retrying, 10)], false, 14, ""),
            (vec![x(), a(), task("b", Retrying, 10)], false, 15, "b:1-3"),
            (vec![x(), a(), task("b", Waiting, 10)], false, 25, "b:1-3"),
            (vec![x(), a(), task("b", Waiting, 10)], true, 25, ""),
            (vec![x(), a(), task("b", Failed, 10)], false, 12, "a! b!"),
            (
                vec![x(), a(), task("b", Failed, 10), task("c", Succeeded, 10)],
                false,
                12,
                "a! b! c! x!",
            ),
        ];
        for (tasks, paused, now, expected) in table {
            let states: Vec<_> = tasks
                .iter()
                .map(|task| format!("{} {:?}", task.task, task.state))
                .collect();
            assert_eq!(found(&tasks, paused, now), expected, "{states:?} at {now}");
        }
    }

    #[test]
    fn items_of_older_generations_say_nothing_about_this_one() {
        let plan = Plan::of(workflow(&[("a", &[], ""), ("b", &["a"], "")])).unwrap();
        let generation = Generation {
            run: "team--flow--slot".into(),
            generation: 2,
            part: 0,
            definition: "hash".into(),
            scope: ["a".parse().unwrap(), "b".parse().unwrap()].into(),
            marked: [("b".parse().unwrap(), Outcome::Succeeded)].into(),
            operation: "op".into(),
            by: "ann".into(),
            why: None,
            at: minute(30),
        };
        let scopes = Scopes::of(&run(2), &[generation]);
        let began = [(1, minute(0)), (2, minute(30))].into();
        let old = [
            task("a", TaskState::Succeeded, 1),
            task("b", TaskState::Succeeded, 2),
        ];
        let tasks = old
            .into_iter()
            .map(|task| (task.task.clone(), task))
            .collect();
        let progress = Progress {
            plan: &plan,
            scopes: &scopes,
            began: &began,
            tasks: &tasks,
            paused: false,
        };
        assert_eq!(words(&plan, &overdue(&progress, minute(31))), "");
        assert_eq!(words(&plan, &overdue(&progress, minute(32))), "a:2-1");
    }

    #[test]
    fn of_many_that_wait_the_oldest_are_tried_again() {
        let plan = Plan::of(workflow(&[("a", &[], "n=150")])).unwrap();
        let (scopes, began) = (Scopes::of(&run(1), &[]), BTreeMap::new());
        let tasks = (0..150_u64)
            .map(|n| task(&format!("a-{n}"), TaskState::Waiting, 200 - n))
            .map(|task| (task.task.clone(), task))
            .collect();
        let progress = Progress {
            plan: &plan,
            scopes: &scopes,
            began: &began,
            tasks: &tasks,
            paused: false,
        };
        let found = overdue(&progress, minute(1000));
        assert_eq!(found.ready.len(), MOST_WAITING);
        assert_eq!(found.ready[0].since, minute(51));
    }
}
