//! Pools: more tasks than places, two processes that may die; work ends whenever it likes.

use std::sync::Arc;

use model::key::Key;
use model::limit::{Place, Waiter};
use model::message::Function;
use model::observation::WorkState;
use model::record::Record as _;
use model::run::Run;
use model::task::Task;
use model_check_tests::budget::Budget;
use model_check_tests::check::{Action, Check, Protocol};
use model_check_tests::items::Address;
use model_check_tests::mutant::Mutant;
use model_check_tests::service;
use model_check_tests::world::World;
use stateright::Property;
use testkit::flow;

use crate::report::{faults, finds, holds, is_deep};
use crate::start;

const TASKS: [(&str, &[&str], &str); 4] = [
    ("a", &[], "pool=light"),
    ("b", &[], "pool=light"),
    ("c", &[], "pool=light"),
    ("d", &[], "pool=light"),
];

#[derive(Clone)]
struct Pool {
    run: Run,
    size: usize,
    tasks: Vec<(&'static str, Address)>,
    budget: Budget,
}

impl Pool {
    /// The task whose attempt a job is.
    fn counts(&self, world: &World, position: usize) -> Option<Task> {
        let key = Key::Task(
            self.run.run.clone(),
            world.service.jobs[position].key.task.clone(),
        );
        let task: Option<Task> = world.items.get(&key);
        task.filter(|task| task.submission == Some(service::id(position)))
    }

    fn is_over(world: &World) -> bool {
        world.is_quiet() && world.service.living().next().is_none()
    }
}

impl Protocol for Pool {
    fn initial(&self) -> Vec<World> {
        let served = &[Function::SubmitTask, Function::ObserveTask];
        let mut world = World::at(self.run.created_at, served, self.budget);
        for (task, _) in &self.tasks {
            world.send(Function::SubmitTask, flow::ready(&self.run, task, 1, 1), 0);
        }
        vec![world]
    }

    fn outside(&self, world: &World, actions: &mut Vec<Action>) {
        actions.extend(world.service.living().map(|position| Action::Job {
            position,
            state: WorkState::Succeeded,
            lost: false,
        }));
    }

    fn properties() -> Vec<Property<Check<Self>>> {
        vec![
            Property::always(
                "no more run than there are places",
                |check: &Check<Self>, world: &World| {
                    // Who wakes after his lease may submit a stray, which is stopped.
                    check.protocol.budget.freezes > 0
                        || world.service.living().count() <= check.protocol.size
                },
            ),
            Property::always(
                "what runs and counts holds a place",
                |check: &Check<Self>, world: &World| {
                    world.service.living().all(|position| {
                        let key = &world.service.jobs[position].key;
                        check.protocol.counts(world, position).is_none_or(|task| {
                            task.claim.as_ref().is_none_or(|claim| {
                                claim.limits.iter().all(|place| {
                                    let place = Key::Place(place.limit.clone(), place.number);
                                    let held = world.items.get::<Place>(&place);
                                    held.is_some_and(|held| held.holder == key.to_string())
                                })
                            })
                        })
                    })
                },
            ),
            Property::always(
                "no waiter sleeps, and no place is held, when nothing is left to do",
                |check: &Check<Self>, world: &World| {
                    let tasks = &check.protocol.tasks;
                    let done =
                        |(_, item): &(_, Address)| world.items.state(item) == Some("succeeded");
                    !Self::is_over(world)
                        || tasks.iter().all(done)
                            && world.items.of_kind(Waiter::KIND).next().is_none()
                            && world.items.of_kind(Place::KIND).next().is_none()
                },
            ),
            Property::sometimes(
                "somebody waits, if there are more than places",
                |check: &Check<Self>, world: &World| {
                    check.protocol.tasks.len() <= check.protocol.size
                        || world.items.of_kind(Waiter::KIND).next().is_some()
                },
            ),
            Property::sometimes("it ends after everything went wrong", |_, world| {
                Self::is_over(world) && world.left == Budget::NONE
            }),
        ]
    }
}

fn checked(tasks: usize, size: u32, budget: Budget) -> Check<Pool> {
    let (run, fixed) = start::submitted(&TASKS[..tasks], start::with_pool(size));
    let address = |name: &str| Address::from(&Key::Task(run.run.clone(), name.parse().unwrap()));
    let tasks = TASKS[..tasks]
        .iter()
        .map(|(name, ..)| (*name, address(name)));
    Check {
        protocol: Pool {
            size: size as usize,
            tasks: tasks.collect(),
            run,
            budget,
        },
        fixed: Arc::new(fixed),
        workers: 2,
        mutant: Mutant::Right,
    }
}

const CRASH: Budget = Budget {
    crashes: 1,
    ..Budget::NONE
};

const DUPLICATE: Budget = Budget {
    duplicates: 1,
    ..Budget::NONE
};

#[test]
fn two_share_a_place_through_a_crash() {
    let deep = Budget {
        duplicates: 1,
        ..CRASH
    };
    holds(
        "pool, 2 for 1 place, a crash",
        checked(2, 1, faults(CRASH, deep)),
    );
}

#[test]
fn two_share_a_place_through_a_duplicate() {
    holds("pool, 2 for 1 place, a duplicate", checked(2, 1, DUPLICATE));
}

#[test]
fn a_place_is_kept_whoever_wakes_after_his_lease() {
    let zombies = Budget {
        freezes: 1,
        duplicates: 1,
        ..Budget::NONE
    };
    // With somebody who waits it takes minutes.
    let tasks = if is_deep() { 2 } else { 1 };
    holds("pool, zombies", checked(tasks, 1, zombies));
}

#[test]
fn three_share_a_place() {
    holds(
        "pool, 3 for 1 place",
        checked(3, 1, faults(Budget::NONE, DUPLICATE)),
    );
}

#[test]
fn known_mistakes_of_pools_are_found() {
    let sleeps = "no waiter sleeps, and no place is held, when nothing is left to do";
    let many = "no more run than there are places";
    let before = Mutant::LooksBefore(Function::SubmitTask, "LIMIT#");
    finds(before, &[sleeps], checked(2, 1, Budget::NONE));
    finds(Mutant::NoCondition, &[many], checked(2, 1, Budget::NONE));
    finds(Mutant::AcknowledgeFirst, &[sleeps], checked(2, 1, CRASH));
}
