//! Draining: work is claimed on an instance while its window ends, by clocks that differ.

use std::sync::Arc;

use model::cluster::{Instance, InstanceState};
use model::key::Key;
use model::limit::Waiter;
use model::message::{Function, Message};
use model::observation::{ClusterState, WorkState};
use model::record::Record as _;
use model::run::Run;
use model::units::Seconds;
use model_check_tests::budget::Budget;
use model_check_tests::check::{Action, Check, Protocol};
use model_check_tests::items::Address;
use model_check_tests::mutant::Mutant;
use model_check_tests::script::Fixed;
use model_check_tests::service::Cluster;
use model_check_tests::world::World;
use stateright::Property;
use testkit::{flow, night};

use crate::report::{faults, finds, holds};
use crate::start;

const TASK: (&str, &[&str], &str) = ("a", &[], "on=etl");

/// How long open work may go on: two looks.
const DRAIN: Seconds = Seconds(80);

#[derive(Clone)]
struct Drain {
    run: Run,
    instance: Instance,
    item: Address,
    task: Address,
    budget: Budget,
}

impl Drain {
    fn is_over(world: &World) -> bool {
        let ended = world.service.cluster.as_ref();
        world.is_quiet()
            && world.service.living().next().is_none()
            && ended.is_none_or(|cluster| cluster.state != ClusterState::Terminating)
    }

    /// The instance has ended; what did not run on it waits for the next one.
    fn is_right_in_the_end(&self, world: &World) -> bool {
        let has_ended = world.items.state(&self.item) == Some("terminated");
        let waiters = world.items.of_kind(Waiter::KIND).count();
        let waits_or_is_done = match world.items.state(&self.task) {
            Some("succeeded") => waiters == 0,
            Some("waiting") => waiters == 1,
            _ => false,
        };
        // A place of it may be left over when its taker died: nobody counts those of what has ended.
        has_ended && waits_or_is_done
    }
}

impl Protocol for Drain {
    fn initial(&self) -> Vec<World> {
        let served = &[
            Function::SubmitTask,
            Function::ObserveTask,
            Function::TerminateCluster,
            Function::RecordCluster,
            Function::Reconcile,
        ];
        let now = Seconds(3).before(self.instance.window_end);
        let mut world = World::at(now, served, self.budget);
        world.items.seed(&self.instance);
        world.service.cluster = Some(Cluster {
            instance: self.instance.instance.clone(),
            state: ClusterState::Waiting,
        });
        world.send(
            Function::SubmitTask,
            flow::ready(&self.run, TASK.0, 1, 1),
            0,
        );
        let drain = Message::Drain(self.instance.instance.clone());
        world.send(Function::TerminateCluster, drain, 0);
        vec![world]
    }

    fn outside(&self, world: &World, actions: &mut Vec<Action>) {
        let lost = [false, true].into_iter();
        let lost = lost.take(1 + usize::from(world.left.losses > 0));
        for lost in lost {
            actions.extend(world.service.living().map(|position| Action::Job {
                position,
                state: WorkState::Succeeded,
                lost,
            }));
            let cluster = world.service.cluster.as_ref();
            if cluster.is_some_and(|cluster| cluster.state == ClusterState::Terminating) {
                actions.push(Action::ClusterEnds { lost });
            }
        }
        if world.left.sweeps > 0 && world.left.losses == 0 && Self::is_over(world) {
            actions.push(Action::Sweep);
        }
    }

    /// Whoever drains has a clock that says the window is over; submitters' clocks do not.
    fn ahead(&self, function: Function) -> i64 {
        if function == Function::TerminateCluster {
            10
        } else {
            0
        }
    }

    fn properties() -> Vec<Property<Check<Self>>> {
        vec![
            Property::always(
                "no open work is cut off before the drain deadline",
                |_, world: &World| !world.service.cut_off,
            ),
            Property::always(
                "the instance ends, and what did not run on it waits",
                |check: &Check<Self>, world: &World| {
                    !Self::is_over(world)
                        || world.left.sweeps > 0
                        || check.protocol.is_right_in_the_end(world)
                },
            ),
            Property::sometimes(
                "all work is done in time",
                |check: &Check<Self>, world: &World| {
                    Self::is_over(world)
                        && world.items.state(&check.protocol.task) == Some("succeeded")
                },
            ),
            Property::sometimes(
                "no work comes in time",
                |check: &Check<Self>, world: &World| {
                    Self::is_over(world)
                        && world.items.state(&check.protocol.task) == Some("waiting")
                },
            ),
            Property::sometimes("it ends after everything went wrong", |_, world| {
                Self::is_over(world) && world.left == Budget::NONE
            }),
        ]
    }
}

fn checked(budget: Budget) -> Check<Drain> {
    let (run, fixed) = start::submitted(&[TASK], Fixed::default());
    let mut instance = night::instance(InstanceState::Ready);
    instance.team = run.team.clone();
    instance.instance.cluster = "team/etl".parse().unwrap();
    instance.tags.clear();
    instance.drain_until = DRAIN.after(instance.window_end);
    instance.due_at = Some(instance.window_end);
    let task = Key::Task(run.run.clone(), TASK.0.parse().unwrap());
    Check {
        protocol: Drain {
            item: Address::from(&Key::Instance(instance.instance.clone())),
            task: Address::from(&task),
            instance,
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
fn an_instance_drains_through_a_crash() {
    let deep = Budget {
        duplicates: 1,
        ..CRASH
    };
    holds("drain, a crash", checked(faults(CRASH, deep)));
}

#[test]
fn an_instance_drains_through_a_duplicate() {
    holds("drain, a duplicate", checked(DUPLICATE));
}

#[test]
fn an_instance_drains_when_events_are_lost() {
    let faults = Budget {
        losses: 1,
        sweeps: 2,
        ..Budget::NONE
    };
    holds("drain, a lost event", checked(faults));
}

#[test]
fn known_mistakes_of_draining_are_found() {
    let cut_off = "no open work is cut off before the drain deadline";
    let ends = "the instance ends, and what did not run on it waits";
    let claims = Mutant::LooksBefore(Function::SubmitTask, "CLUSTER#");
    finds(claims, &[cut_off], checked(Budget::NONE));
    let drains = Mutant::LooksBefore(Function::TerminateCluster, "LIMIT#");
    finds(drains, &[cut_off], checked(Budget::NONE));
    finds(Mutant::AcknowledgeFirst, &[ends], checked(CRASH));
}
