//! Invariant 9: when everything has ended, whatever was ever delivered is delivered again, in any
//! order, and nothing changes.

use std::collections::BTreeMap;

use model::alert::Notice;
use model::cluster::Instance;
use model::run::Run;
use model::task::Task;

use super::Invariant;
use crate::platform::World;

/// What a replay must not change.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    runs: Vec<Run>,
    tasks: Vec<Task>,
    past: usize,
    instances: Vec<Instance>,
    operations: Vec<String>,
    submissions: usize,
    clusters: usize,
    facts: usize,
    posts: usize,
}

impl World {
    /// How everything is now, but for when it is looked at again.
    fn picture(&self) -> Picture {
        let mirror = self.shared.watch.mirror.borrow();
        let services = self.shared.services.borrow();
        let runs = mirror.runs.values().map(|run| Run {
            check_at: None,
            ..run.clone()
        });
        let instances = mirror.instances.values().map(|one| Instance {
            due_at: None,
            ..one.clone()
        });
        let operations = mirror.operations.values();
        Picture {
            runs: runs.collect(),
            tasks: mirror.all_tasks().cloned().collect(),
            past: mirror.past.len(),
            instances: instances.collect(),
            operations: operations
                .map(|one| format!("{:?} {:?}", one.state, one.result))
                .collect(),
            submissions: services.work.len(),
            clusters: services.clusters.len(),
            facts: self.shared.watch.told_of_owed(),
            // How many runs failed in a row may be known only by now.
            posts: if self.scenery.counts_failures() {
                0
            } else {
                self.shared.watch.read.borrow().posts + self.held()
            },
        }
    }

    /// How many first posts are held until quiet hours are over: each is made when they are.
    fn held(&self) -> usize {
        let notices = self.shared.store.all::<Notice>();
        let held = notices.iter();
        held.filter(|one| one.said.is_none() && one.due_at.is_some())
            .count()
    }

    /// Delivers everything again, once.
    pub(in crate::platform) fn begin_replay(&mut self) {
        let now = self.now();
        self.shared
            .watch
            .trace
            .note(now, || "everything is delivered again".to_owned());
        self.replayed = Some(self.picture());
        self.deliver_everything_again();
    }

    /// Compares, once all of it has been handled.
    pub(in crate::platform) fn check_replay(&self) {
        let Some(before) = &self.replayed else {
            return;
        };
        let after = self.picture();
        self.must(Invariant::ReplayChangesNothing, *before == after, || {
            difference(before, &after)
        });
    }
}

/// The first things that differ.
fn difference(before: &Picture, after: &Picture) -> String {
    let tasks: BTreeMap<_, _> = before
        .tasks
        .iter()
        .map(|one| (one.attempt_key(), one))
        .collect();
    let task = after
        .tasks
        .iter()
        .find(|one| tasks.get(&one.attempt_key()) != Some(one));
    let run = after.runs.iter().find(|one| !before.runs.contains(one));
    let instance = after
        .instances
        .iter()
        .find(|one| !before.instances.contains(one));
    let numbers = |one: &Picture| {
        (
            one.past,
            one.submissions,
            one.clusters,
            one.facts,
            one.posts,
        )
    };
    format!(
        "a replay changed {task:?} {run:?} {instance:?}, history, submissions, clusters, facts and posts from {:?} to {:?}",
        numbers(before),
        numbers(after)
    )
}
