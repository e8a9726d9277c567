//! A night of one cluster under every trouble at once, many seeds: duplicates, disorder, lost
//! EMR events, crashes between any two effects, throttling, unanswered requests, instances that
//! fail. Whatever happened, it ends with every instance ended and the registry knowing it.

#![allow(clippy::unwrap_used)] // a test, all of it

mod troubled_night;

use model::cluster::{Instance, InstanceState};
use model::expected::ScheduleRef;
use model::key::Key;
use ports::Compute as _;
use testkit::block_on;
use testkit::night::{cluster, minute};

use crate::troubled_night::{Night, Trouble};

impl Night {
    /// What must hold, whatever happened.
    fn check(&self) {
        let listed = block_on(self.ports.compute.list_clusters(minute(0))).unwrap();
        let living: Vec<_> = listed
            .iter()
            .filter(|seen| !seen.state.is_ending())
            .collect();
        assert!(living.is_empty(), "still up: {living:?}");
        let instances = self.instances();
        assert!(!instances.is_empty(), "the tick left an item");
        assert!(instances.len() <= 3, "at most two replacements");
        for instance in &instances {
            assert!(instance.state.is_terminal(), "{instance:?}");
            assert_eq!(instance.due_at, None, "{instance:?}");
            assert_eq!(instance.lease_until, None, "{instance:?}");
            let named = listed
                .iter()
                .filter(|seen| seen.instance == instance.instance);
            assert!(named.count() <= 1, "requested twice: {instance:?}");
            let kinds: Vec<_> = self.kinds_of(instance);
            let ready = kinds.contains(&"murmur.cluster.ready.v1");
            assert_eq!(ready, instance.ready_at.is_some(), "{instance:?} {kinds:?}");
            let end = if instance.state == InstanceState::Failed {
                "murmur.cluster.failed.v1"
            } else {
                "murmur.cluster.terminated.v1"
            };
            assert!(kinds.contains(&end), "{instance:?} {kinds:?}");
            assert!(
                instance
                    .ready_at
                    .is_none_or(|ready| ready < instance.window_end)
            );
        }
        for schedule in [ScheduleRef::Provision, ScheduleRef::Terminate] {
            let key = Key::Expected(schedule(cluster().reference()));
            let expected: model::expected::Expected = self.ports.store.peek(&key).unwrap();
            let moved = expected.next_slot > Some(minute(180));
            assert!(moved || self.trouble.lost_tick, "{expected:?}");
        }
    }

    fn kinds_of(&self, instance: &Instance) -> Vec<&'static str> {
        let subject = instance.instance.to_string();
        let facts = self.facts.values().filter(|fact| fact.subject == subject);
        facts.map(|fact| fact.body.type_name()).collect()
    }
}

fn run(seeds: std::ops::Range<u64>, trouble: Trouble, also: impl Fn(&Night)) {
    for seed in seeds {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut night = Night::new(seed, trouble);
            night.pass();
            night.check();
            also(&night);
        }));
        if let Err(panic) = result {
            eprintln!("seed {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

const CALM: Trouble = Trouble {
    crash: 0,
    duplicate: 0,
    lost_event: 0,
    unanswered: 0,
    dies: 0,
    lost_tick: false,
};

#[test]
fn a_calm_night_has_one_instance_that_is_ready_and_ends_as_planned() {
    run(0..10, CALM, |night| {
        let instances = night.instances();
        assert_eq!(instances.len(), 1);
        assert_eq!(instances[0].state, InstanceState::Terminated);
        assert_eq!(
            night.facts.len(),
            4,
            "requested, ready, draining, terminated"
        );
    });
}

#[test]
fn a_night_without_a_single_emr_event_goes_the_same_way() {
    let trouble = Trouble {
        lost_event: 100,
        ..CALM
    };
    run(0..20, trouble, |night| {
        let instances = night.instances();
        assert_eq!(instances.len(), 1);
        assert_eq!(instances[0].state, InstanceState::Terminated);
        assert_eq!(
            night.facts.len(),
            4,
            "requested, ready, draining, terminated"
        );
    });
}

#[test]
fn a_night_without_its_terminate_tick_ends_all_the_same() {
    let trouble = Trouble {
        lost_tick: true,
        ..CALM
    };
    run(0..10, trouble, |night| {
        assert_eq!(
            night.facts.len(),
            4,
            "requested, ready, draining, terminated"
        );
    });
}

#[test]
fn every_trouble_at_once_ends_in_order() {
    let trouble = Trouble {
        crash: 25,
        duplicate: 25,
        lost_event: 40,
        unanswered: 60,
        dies: 2,
        lost_tick: false,
    };
    run(0..60, trouble, |_| {});
    let worse = Trouble {
        lost_tick: true,
        lost_event: 100,
        ..trouble
    };
    run(60..120, worse, |_| {});
}
