//! Where everything is at the end: what must not depend on how messages travelled.

use std::collections::{BTreeMap, BTreeSet};

use model::attempt::AttemptKey;
use model::cluster::Instance;
use model::expected::{Deadline, Expected};
use model::limit::{LimitRef, Lot, Place, Waiter};
use model::operation::Operation;
use model::run::Run;
use model::task::Task;
use testkit::block_on;

use crate::facts;
use crate::world::World;

/// Lists runs with their tasks, instances, places, waiters, deadlines and operations. Instants are
/// left out, but for slots: a crash takes time.
pub fn tell(world: &World) -> String {
    let mut lines = Vec::new();
    lines.extend(runs(world));
    lines.extend(submitted_twice(world));
    lines.extend(others(world));
    lines.iter().map(|line| format!("    {line}\n")).collect()
}

fn runs(world: &World) -> Vec<String> {
    let tasks = world.ports.store.all::<Task>();
    let mut lines = Vec::new();
    for run in world.ports.store.all::<Run>() {
        let generation = match run.generation {
            1 => String::new(),
            other => format!(", generation {other}"),
        };
        let paused = if run.paused { ", paused" } else { "" };
        lines.push(format!(
            "run {} {}{generation}{paused}",
            run.run,
            word(&run.state)
        ));
        for task in tasks.iter().filter(|task| task.run == run.run) {
            let attempt = format!("{}-{}", task.generation, task.attempt);
            lines.push(format!("  {} {} {attempt}", task.task, word(&task.state)));
        }
    }
    lines
}

/// Work that is submitted more than once under one key is what rule 9 is there to prevent.
fn submitted_twice(world: &World) -> Vec<String> {
    let mut counts: BTreeMap<AttemptKey, u32> = BTreeMap::new();
    for work in world.ports.compute.work() {
        *counts.entry(work.key).or_default() += 1;
    }
    let twice = counts.into_iter().filter(|(_, count)| *count > 1);
    twice
        .map(|(key, count)| format!("submitted {count} times: {key}"))
        .collect()
}

fn others(world: &World) -> Vec<String> {
    let store = &world.ports.store;
    let instances = store.all::<Instance>();
    let mut lines: Vec<String> = instances
        .iter()
        .map(|instance| format!("instance {} {}", instance.instance, word(&instance.state)))
        .collect();
    let places = store.all::<Place>();
    lines.extend(
        places
            .iter()
            .map(|place| format!("{} is held by {}", place.limit, place.holder)),
    );
    // Who has ended holds nothing, cleared away or not.
    let limits: BTreeSet<LimitRef> = store
        .all::<Lot>()
        .into_iter()
        .map(|lot| lot.limit)
        .collect();
    for limit in limits {
        let open = block_on(protocols::lots::open(store, &limit)).expect("it is in memory");
        lines.extend(
            open.iter()
                .map(|held| format!("{limit} is held by {}", held.place.holder)),
        );
    }
    let waiters = store.all::<Waiter>();
    lines.extend(
        waiters
            .iter()
            .map(|waiter| format!("{} waits: {}", waiter.holder, waiter.queue)),
    );
    let missed = store
        .all::<Deadline>()
        .into_iter()
        .filter(|deadline| deadline.missed);
    lines.extend(missed.map(|deadline| format!("deadline of {} missed", deadline.run)));
    lines.extend(store.all::<Expected>().iter().filter_map(|expected| {
        Some(format!(
            "{} owes {}",
            expected.schedule, expected.next_slot?
        ))
    }));
    lines.extend(store.all::<Operation>().into_iter().map(|operation| {
        let id = &operation.request.operation;
        format!("operation {id} {}", word(&operation.state))
    }));
    let open = world
        .ports
        .compute
        .work()
        .into_iter()
        .filter(|work| !work.state.is_terminal());
    lines.extend(open.map(|work| format!("open at {}: {}", facts::at(&work.place), work.key)));
    lines
}

fn word(state: &impl std::fmt::Debug) -> String {
    format!("{state:?}").to_lowercase()
}
