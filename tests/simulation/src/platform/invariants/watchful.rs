//! What is true whenever nothing is on its way, and each time reconcile has looked.

use std::collections::BTreeMap;

use model::Timestamp;
use model::attempt::AttemptKey;
use model::limit::{LimitRef, QueueRef, Waiter};
use model::run::RunState;
use model::task::TaskState;
use model::units::Seconds;

use super::Invariant;
use super::effects::size_of;
use crate::platform::World;
use crate::platform::mirror::Mirror;
use crate::platform::services::KnownWork;

/// How long an extra submission may live once nothing goes wrong any more, and how long a cluster
/// may outlive the deadline of its drain.
const QUARANTINE: Seconds = Seconds::minutes(20);
const GRACE: Seconds = Seconds::minutes(20);

impl World {
    /// Invariant 12: nobody waits beside a free place. True at quiet instants only.
    pub(in crate::platform) fn nobody_waits_beside_a_free_place(&self) {
        let mirror = self.shared.watch.mirror.borrow();
        for waiter in mirror.waiters.values() {
            let QueueRef::Limit(limit) = &waiter.queue else {
                continue;
            };
            let is_free = mirror.held(limit) < size_of(&self.shared, limit);
            let holds = !is_free || !waits(&mirror, waiter, Some(limit));
            self.shared.watch.check(Invariant::LimitsHold, holds, || {
                format!("{} waits beside a free place of {limit}", waiter.holder)
            });
        }
    }

    /// What reconcile has seen to by now, while nothing goes wrong.
    pub(in crate::platform) fn check_after_trouble(&self) {
        let now = self.now();
        if self
            .calm_since
            .is_none_or(|calm| QUARANTINE.after(calm) > now)
        {
            return;
        }
        self.extras_are_stopped(now);
        self.clusters_end(now);
    }

    /// Invariant 2, after quarantine.
    fn extras_are_stopped(&self, now: Timestamp) {
        let services = self.shared.services.borrow();
        let mut by_task: BTreeMap<_, Vec<&KnownWork>> = BTreeMap::new();
        for work in services.live() {
            let key = &work.seen.key;
            let old = QUARANTINE.after(work.taken_at) <= now;
            if old {
                by_task.entry((&key.run, &key.task)).or_default().push(work);
            }
        }
        for (_, lives) in by_task {
            self.shared
                .watch
                .check(Invariant::OneLiveJob, lives.len() < 2, || {
                    format!("extras live on after quarantine: {lives:?}")
                });
        }
    }

    /// Invariant 11: what lives is in the registry and within its time.
    fn clusters_end(&self, now: Timestamp) {
        let mirror = self.shared.watch.mirror.borrow();
        let services = self.shared.services.borrow();
        for cluster in services.live_clusters() {
            let instance = mirror.instances.get(&cluster.seen.instance);
            let own = instance.filter(|one| one.id.as_ref() == Some(&cluster.seen.id));
            let within = own.is_some_and(|one| now <= GRACE.after(one.drain_until));
            // Leaks are looked for once an hour.
            let young = Seconds::minutes(90).after(cluster.created_at) > now && own.is_none();
            self.shared
                .watch
                .check(Invariant::ClustersEnd, within || young, || {
                    format!("it lives on, beside {instance:?}: {cluster:?}")
                });
        }
    }
}

/// Whether a waiter's holder still waits, for this limit: it may have turned to another since.
pub fn waits(mirror: &Mirror, waiter: &Waiter, limit: Option<&LimitRef>) -> bool {
    let for_it = |reason: Option<&String>| {
        limit.is_none_or(|limit| reason.is_some_and(|reason| reason.ends_with(&limit.to_string())))
    };
    if let Ok(key) = waiter.holder.parse::<AttemptKey>() {
        let task = mirror.task(&key.run, &key.task);
        return task.is_some_and(|task| {
            let same = task.attempt_key() == key && task.state == TaskState::Waiting;
            same && for_it(task.reason.as_ref())
        });
    }
    let run = mirror.runs.get(&waiter.holder.as_str().into());
    run.is_some_and(|run| run.state == RunState::Waiting && for_it(run.reason.as_ref()))
}
