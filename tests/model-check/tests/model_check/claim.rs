//! Claims: one attempt, told more than once to two processes that may die, freeze past their lease
//! and wake, and whose submissions may not be answered.

use std::sync::Arc;

use model::key::Key;
use model::message::Function;
use model::observation::WorkState;
use model::run::Run;
use model::task::Task;
use model_check_tests::budget::Budget;
use model_check_tests::check::{Action, Check, Protocol};
use model_check_tests::items::Address;
use model_check_tests::mutant::Mutant;
use model_check_tests::script::Fixed;
use model_check_tests::service;
use model_check_tests::world::World;
use stateright::Property;
use testkit::flow;

use crate::report::{faults, finds, holds};
use crate::start;

#[derive(Clone)]
struct Claim {
    run: Run,
    item: Address,
    budget: Budget,
}

impl Claim {
    fn task(&self, world: &World) -> Option<Task> {
        let key = Key::Task(self.run.run.clone(), "a".parse().unwrap());
        world.items.get(&key)
    }

    fn is_over(world: &World) -> bool {
        world.is_quiet() && world.service.late.is_empty() && world.service.living().next().is_none()
    }

    /// One submission ran to its end, it is the attempt, and all others were cancelled.
    fn is_right_in_the_end(&self, world: &World) -> bool {
        let jobs = world.service.jobs.iter().enumerate();
        let ran: Vec<_> = jobs
            .filter(|(_, job)| job.state != WorkState::Cancelled)
            .map(|(position, _)| service::id(position))
            .collect();
        let Some(task) = self.task(world) else {
            return false;
        };
        let subject = format!("{}/a", self.run.run);
        world.items.state(&self.item) == Some("succeeded")
            && ran == task.submission.into_iter().collect::<Vec<_>>()
            && world.told_of("murmur.task.succeeded.v1", &subject) == 1
    }
}

impl Protocol for Claim {
    fn initial(&self) -> Vec<World> {
        let served = &[Function::SubmitTask, Function::ObserveTask];
        let mut world = World::at(self.run.created_at, served, self.budget);
        world.send(Function::SubmitTask, flow::ready(&self.run, "a", 1, 1), 0);
        vec![world]
    }

    fn outside(&self, world: &World, actions: &mut Vec<Action>) {
        let jobs = &world.service.jobs;
        for position in world.service.living() {
            if jobs[position].state == WorkState::Pending {
                let state = WorkState::Running;
                actions.push(Action::Job {
                    position,
                    state,
                    lost: false,
                });
            }
        }
        // Work takes longer than it takes until a stray is found.
        let mut living = world.service.living();
        let all_run = living.all(|position| jobs[position].state == WorkState::Running);
        if world.is_quiet() && world.service.late.is_empty() && all_run {
            actions.extend(world.service.living().map(|position| Action::Job {
                position,
                state: WorkState::Succeeded,
                lost: false,
            }));
        }
    }

    fn properties() -> Vec<Property<Check<Self>>> {
        vec![
            Property::always(
                "while nobody sleeps past a lease, it is submitted once",
                |check: &Check<Self>, world: &World| {
                    let Budget { freezes, late, .. } = check.protocol.budget;
                    freezes + late > 0 || world.service.jobs.len() <= 1
                },
            ),
            Property::always(
                "the submission that counts is not cancelled",
                |check: &Check<Self>, world: &World| {
                    let jobs = world.service.jobs.iter().enumerate();
                    let mut cancelled = jobs
                        .filter(|(_, job)| job.state == WorkState::Cancelled)
                        .peekable();
                    cancelled.peek().is_none() || {
                        let counts = check.protocol.task(world).and_then(|task| task.submission);
                        cancelled.all(|(position, _)| Some(service::id(position)) != counts)
                    }
                },
            ),
            Property::always(
                "one submission runs to its end, and is the attempt",
                |check: &Check<Self>, world: &World| {
                    !Self::is_over(world) || check.protocol.is_right_in_the_end(world)
                },
            ),
            Property::sometimes("it ends after everything went wrong", |_, world| {
                Self::is_over(world) && world.left == Budget::NONE
            }),
        ]
    }
}

fn checked(budget: Budget) -> Check<Claim> {
    let (run, fixed) = start::submitted(&[("a", &[], "")], Fixed::default());
    let key = Key::Task(run.run.clone(), "a".parse().unwrap());
    Check {
        protocol: Claim {
            item: Address::from(&key),
            run,
            budget,
        },
        fixed: Arc::new(fixed),
        workers: 2,
        mutant: Mutant::Right,
    }
}

const PROMPT: Budget = Budget {
    crashes: 2,
    duplicates: 2,
    unanswered: 2,
    ..Budget::NONE
};

const ZOMBIES: Budget = Budget {
    duplicates: 1,
    freezes: 1,
    late: 1,
    ..Budget::NONE
};

#[test]
fn an_attempt_is_submitted_once_as_long_as_nobody_sleeps_past_a_lease() {
    let deep = Budget {
        crashes: 3,
        duplicates: 3,
        ..PROMPT
    };
    holds("claim", checked(faults(PROMPT, deep)));
}

#[test]
fn one_submission_counts_whoever_wakes_after_his_lease() {
    let deep = Budget {
        crashes: 1,
        ..ZOMBIES
    };
    holds("claim, zombies", checked(faults(ZOMBIES, deep)));
}

#[test]
fn known_mistakes_of_claims_are_found() {
    let once = "while nobody sleeps past a lease, it is submitted once";
    let ends = "one submission runs to its end, and is the attempt";
    for mutant in [
        Mutant::NoLease,
        Mutant::NoLookUp,
        Mutant::RetriedSubmission,
        Mutant::NoCondition,
    ] {
        finds(mutant, &[once], checked(PROMPT));
    }
    finds(Mutant::AcknowledgeFirst, &[ends], checked(PROMPT));
}
