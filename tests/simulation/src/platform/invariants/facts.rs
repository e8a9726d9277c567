//! Invariant 8: every committed transition is published, each the same every time.

use model::Timestamp;
use model::fact::Fact;
use model::run::RunState;
use model::task::TaskState;
use protocols::facts;

use super::Invariant;
use crate::platform::mirror::Change;
use crate::platform::trace::hash_of;
use crate::platform::watch::Watch;

/// Facts with one id are one fact.
pub fn published(watch: &Watch, fact: &Fact, now: Timestamp) {
    let text = serde_json::to_string(fact).expect("facts are plain data");
    let hash = hash_of(&text);
    watch.trace.mix(hash);
    watch
        .trace
        .note(now, || format!("{} {text}", fact.body.type_name()));
    let mut all = watch.published.borrow_mut();
    let known = *all.entry(fact.id.clone()).or_insert(hash);
    watch.check(Invariant::Published, known == hash, || {
        format!("one id, two facts; the second is {text}")
    });
}

/// Notes what a committed transition has to be told as.
pub fn owe(watch: &Watch, change: &Change) {
    let fact = match change {
        Change::Task(before, task) => {
            let same = before.as_ref().is_some_and(|before| {
                (before.attempt_key(), before.state) == (task.attempt_key(), task.state)
            });
            // Who gives up a claim that nobody knew of tells nobody.
            let untold = task.state == TaskState::Cancelled && task.submission.is_none();
            if same || untold {
                None
            } else {
                facts::task(task)
            }
        }
        Change::Run(before, run) => {
            let same = before.as_ref().is_some_and(|before| {
                (before.generation, before.state) == (run.generation, run.state)
            });
            // A run waits within one invocation before it runs; whether it waits on is seen later.
            let passes = run.state == RunState::Waiting;
            (!same && !passes).then(|| facts::run(run))
        }
        Change::Instance(..)
        | Change::PlaceTaken(..)
        | Change::PlaceFreed(_)
        | Change::Waits(_)
        | Change::Leaves(_)
        | Change::Past(_)
        | Change::Operation(_)
        | Change::Other => None,
    };
    if let Some(fact) = fact {
        if let Some(late) = watch.late.get() {
            let mut owed_late = watch.owed_late.borrow_mut();
            owed_late.push((late, fact.id.clone()));
        }
        watch.owed.borrow_mut().insert(fact.id.clone(), fact);
    }
}

/// When nothing is on its way, every run that waits was told to wait.
pub fn waiting_told(watch: &Watch) {
    let mirror = watch.mirror.borrow();
    for run in mirror
        .runs
        .values()
        .filter(|run| run.state == RunState::Waiting)
    {
        watch.check(
            Invariant::Published,
            watch.knows(&facts::run(run).id),
            || format!("nobody was told that it waits: {run:?}"),
        );
    }
}

/// At the end, nothing is owed any more.
pub fn all_told(watch: &Watch) {
    for (id, fact) in watch.owed.borrow().iter() {
        watch.check(Invariant::Published, watch.knows(id), || {
            let (told, subject) = (fact.body.type_name(), &fact.subject);
            format!(
                "nobody was ever told {told} of {subject} at {}, {id}",
                fact.time
            )
        });
    }
}
