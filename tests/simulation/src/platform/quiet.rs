//! What is true whenever nothing is on its way: nobody waits beside what it waits for.

use std::collections::BTreeMap;

use model::attempt::AttemptKey;
use model::key::Key;
use model::limit::{LimitRef, Place, QueueRef, Waiter};
use model::run::{Run, RunState};
use model::task::{Task, TaskState};
use testkit::TestPorts;

use super::World;

impl World {
    /// Checks the instant, if it is a quiet one.
    pub(super) fn check_quiet(&mut self) {
        if !self.is_quiet() {
            return;
        }
        self.collect();
        if !self.is_quiet() || self.shared.watch.on_its_way() >= self.now() {
            return;
        }
        let memory = &self.shared.memory;
        let mut held: BTreeMap<LimitRef, u32> = BTreeMap::new();
        for place in memory.store.all::<Place>() {
            *held.entry(place.limit).or_default() += 1;
        }
        let sizes = self.scenery.sizes();
        for waiter in memory.store.all::<Waiter>() {
            let QueueRef::Limit(limit) = &waiter.queue else {
                continue;
            };
            let size = sizes.get(limit).copied().unwrap_or(250);
            let free = held.get(limit).copied().unwrap_or(0) < size;
            if free && waits(memory, &waiter, Some(limit)) {
                let what = format!("{} waits beside a free place of {limit}", waiter.holder);
                self.shared.watch.breaks(what);
            }
        }
    }
}

/// Whether a waiter's holder still waits, for this limit: it may have turned to another since.
pub(super) fn waits(memory: &TestPorts, waiter: &Waiter, limit: Option<&LimitRef>) -> bool {
    let for_it = |reason: Option<String>| {
        limit.is_none_or(|limit| reason.is_some_and(|reason| reason.ends_with(&limit.to_string())))
    };
    if let Ok(key) = waiter.holder.parse::<AttemptKey>() {
        let task: Option<Task> = memory
            .store
            .peek(&Key::Task(key.run.clone(), key.task.clone()));
        return task.is_some_and(|task| {
            task.attempt_key() == key && task.state == TaskState::Waiting && for_it(task.reason)
        });
    }
    let run: Option<Run> = memory.store.peek(&Key::Run(waiter.holder.as_str().into()));
    run.is_some_and(|run| run.state == RunState::Waiting && for_it(run.reason))
}
