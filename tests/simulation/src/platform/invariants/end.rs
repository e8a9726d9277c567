//! What is true at the end of the day, hours after the last trouble.

use std::collections::BTreeSet;

use model::definition::Deadline as Wanted;
use model::expected::ScheduleRef;
use model::id::{RunId, Slot};
use model::operation::OperationState;
use model::run::{Cause, RunState};
use model::units::Seconds;

use super::Invariant;
use super::watchful::waits;
use crate::platform::World;

impl World {
    /// Checks everything that must be true by now.
    pub(in crate::platform) fn check_end(&self) {
        self.everything_has_ended();
        self.nothing_is_left();
        self.one_run_per_slot();
        super::facts::all_told(&self.shared.watch);
        self.deadlines_were_judged();
        self.history_is_kept();
        self.outcomes_follow();
        self.poison_is_set_aside();
        self.everybody_knows();
    }

    /// Whether the day may end early: nothing is left to wait for.
    pub(in crate::platform) fn all_is_done(&self) -> bool {
        let mirror = self.shared.watch.mirror.borrow();
        let services = self.shared.services.borrow();
        self.is_quiet()
            && services.live().next().is_none()
            && services.live_clusters().next().is_none()
            && self.shared.pending.borrow().is_empty()
            && mirror.runs.values().all(|run| run.state.is_terminal())
            && mirror.instances.values().all(|one| one.state.is_terminal())
            && mirror.counted_places().next().is_none()
            && mirror.operations.values().all(|one| one.done_at.is_some())
    }

    pub(super) fn must(&self, invariant: Invariant, holds: bool, what: impl FnOnce() -> String) {
        self.shared.watch.check(invariant, holds, what);
    }

    /// Invariant 5, and 11 for what has an end of its own.
    fn everything_has_ended(&self) {
        use Invariant::{ClustersEnd, EverythingEnds, OneLiveJob};
        let mirror = self.shared.watch.mirror.borrow();
        for run in mirror.runs.values() {
            self.must(EverythingEnds, run.state.is_terminal(), || {
                format!("a run never ends: {run:?}")
            });
        }
        for task in mirror.all_tasks() {
            self.must(EverythingEnds, !task.state.is_open(), || {
                format!("an attempt never ends: {task:?}")
            });
        }
        for one in mirror.operations.values() {
            self.must(
                EverythingEnds,
                one.state != OperationState::Accepted,
                || format!("an operation is never done: {one:?}"),
            );
        }
        for one in mirror.instances.values() {
            self.must(ClustersEnd, one.state.is_terminal(), || {
                format!("an instance never ends: {one:?}")
            });
        }
        let services = self.shared.services.borrow();
        let cluster = services.live_clusters().next();
        self.must(ClustersEnd, cluster.is_none(), || {
            format!("a cluster nobody ends: {cluster:?}")
        });
        let work = services.live().next();
        self.must(OneLiveJob, work.is_none(), || {
            format!("work nobody stops: {work:?}")
        });
    }

    fn nothing_is_left(&self) {
        let mirror = self.shared.watch.mirror.borrow();
        let place = mirror.counted_places().next();
        self.must(Invariant::LimitsHold, place.is_none(), || {
            format!("a place is never freed: {place:?}")
        });
        for waiter in mirror.waiters.values() {
            self.must(
                Invariant::EverythingEnds,
                !waits(&mirror, waiter, None),
                || format!("a waiter is never released: {waiter:?}"),
            );
        }
        self.must(Invariant::EverythingEnds, self.is_quiet(), || {
            "messages never stop".to_owned()
        });
    }

    /// Invariant 4: every slot the oracle names left a run, every run has a slot of its own, and no
    /// schedule made a run for an instant at which the oracle has none.
    fn one_run_per_slot(&self) {
        let mirror = self.shared.watch.mirror.borrow();
        let mut owed: BTreeSet<RunId> = BTreeSet::new();
        for (schedule, at) in &self.ticks {
            let ScheduleRef::Workflow(workflow) = schedule else {
                continue;
            };
            let run = RunId::of(workflow, &Slot::of_instant(*at));
            self.must(
                Invariant::OneRunPerSlot,
                mirror.runs.contains_key(&run),
                || format!("the tick of {at} left no run of {workflow}"),
            );
            owed.insert(run);
        }
        for order in &self.orders {
            let run = RunId::of(&crate::platform::scenery::reference("second"), order);
            self.must(
                Invariant::OneRunPerSlot,
                mirror.runs.contains_key(&run),
                || format!("order {order} left no run"),
            );
        }
        let mut slots = BTreeSet::new();
        for run in mirror.runs.values() {
            let fresh = slots.insert((&run.workflow, &run.slot));
            let own = run.run == RunId::of(&run.workflow_ref(), &run.slot);
            let ticked = !matches!(run.cause, Cause::Schedule { .. }) || owed.contains(&run.run);
            self.must(Invariant::OneRunPerSlot, fresh && own && ticked, || {
                format!("a run that is not owed, or a second of its slot: {run:?}")
            });
        }
    }

    /// A run that was not known to have succeeded by its deadline was told as late, and only such a
    /// run. Of runs that people or limits touched, nothing is said.
    fn deadlines_were_judged(&self) {
        let mirror = self.shared.watch.mirror.borrow();
        for deadline in mirror.deadlines.values() {
            let Some(run) = mirror
                .runs
                .get(&deadline.run)
                .filter(|run| run.generation == 1)
            else {
                continue;
            };
            let is_over = deadline.deadline_at < Seconds::minutes(10).before(self.now());
            let judged = deadline.due_at.is_none() || !is_over;
            self.must(Invariant::EverythingEnds, judged, || {
                format!("nobody looked at {deadline:?}")
            });
            let succeeded = run.ended_at.filter(|_| run.state == RunState::Succeeded);
            let known = self.shared.watch.succeeded.borrow().get(&run.run).copied();
            let early = known.is_some_and(|at| Seconds(5).after(at) < deadline.deadline_at);
            let late = succeeded
                .is_none_or(|at| at > Seconds::hours(36).after(deadline.deadline_at))
                && run.state != RunState::Skipped
                && run.state != RunState::Cancelled
                && run.created_at < deadline.deadline_at;
            let holds = (!early || !deadline.missed) && (!late || !is_over || deadline.missed);
            self.must(Invariant::RunFollowsTasks, holds, || {
                format!("judged wrongly: {deadline:?} of {run:?}")
            });
        }
    }

    /// Invariant 13: nothing went to the dead letters but poison, and each with its cause.
    fn poison_is_set_aside(&self) {
        for dead in &self.dead {
            self.must(
                Invariant::SetAside,
                dead.is_poison && !dead.cause.is_empty(),
                || format!("{} was given up: {}", dead.what, dead.cause),
            );
        }
        let asked = self.poisoned;
        self.must(Invariant::SetAside, self.dead.len() == asked, || {
            format!(
                "{asked} messages were poison, {} are set aside",
                self.dead.len()
            )
        });
    }
}

/// When a run of a workflow must have succeeded, for the scenery.
pub fn within(minutes: u64) -> Wanted {
    Wanted::After(Seconds::minutes(minutes))
}
