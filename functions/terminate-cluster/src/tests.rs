//! The behaviour over ports in memory.

use model::cluster::{Instance, InstanceKey, InstanceState};
use model::expected::{Expected, ScheduleRef};
use model::fact::Fact;
use model::id::EmrClusterId;
use model::key::Key;
use model::limit::LimitRef;
use model::message::{Function, Message, Tick};
use model::observation::ClusterState;
use model::units::Seconds;
use ports::{Delivery, Verdict};
use testkit::night::{self, cluster, instance, key, lot, minute};
use testkit::{Call, TestPorts, block_on};

const DRAINING: &str = "murmur.cluster.draining.v1";
const FAILED: &str = "murmur.cluster.failed.v1";

/// A world at a minute of the night, with an instance in a state and its EMR cluster.
fn world(now: u64, state: InstanceState) -> (TestPorts, EmrClusterId) {
    let ports = TestPorts::at(minute(now));
    night::register(&ports.store);
    let id = ports.compute.add_cluster(&key(1), ClusterState::Waiting);
    ports.store.seed(&Instance {
        id: Some(id.clone()),
        draining_at: None,
        ..instance(state)
    });
    (ports, id)
}

fn tick() -> Message {
    Message::Tick(Tick {
        schedule: ScheduleRef::Terminate(cluster().reference()),
        scheduled_time: minute(180),
        late: false,
        skip: false,
    })
}

fn open_step(ports: &TestPorts) {
    let attempt = "weather--daily--slot--clean--1-1".parse().unwrap();
    ports.store.seed(&lot(0, &attempt));
}

fn close_step(ports: &TestPorts) {
    let seat = protocols::lots::Seat {
        limit: LimitRef::Steps(key(1)),
        lot: 0,
        key: "weather--daily--slot--clean--1-1".parse().unwrap(),
        epoch: 1,
    };
    block_on(protocols::lots::leave(ports, &seat)).unwrap();
}

fn deliver(ports: &TestPorts, message: &Message, receives: u32) -> Verdict {
    let delivery = Delivery {
        message: message.clone(),
        receives,
    };
    block_on(crate::handle(ports, vec![delivery])).remove(0)
}

/// Delivers what has become visible in its own inbox; says whether there was anything.
fn deliver_own(ports: &TestPorts) -> bool {
    let messages = ports.bus.receive(Function::TerminateCluster);
    for message in &messages {
        assert_eq!(deliver(ports, message, 1), Verdict::Done);
    }
    !messages.is_empty()
}

fn item_of(ports: &TestPorts, key: InstanceKey) -> Instance {
    let item = ports.store.peek(&Key::Instance(key));
    item.expect("the instance is recorded")
}

fn state(ports: &TestPorts) -> InstanceState {
    item_of(ports, key(1)).state
}

fn terminated(ports: &TestPorts) -> Vec<EmrClusterId> {
    let calls = ports.compute.take_calls().into_iter();
    calls
        .flat_map(|call| match call {
            Call::TerminateClusters(ids) => ids,
            Call::Submit { .. } | Call::Cancel { .. } | Call::RequestCluster(_) => vec![],
        })
        .collect()
}

/// The types of the facts published, each once.
fn facts(ports: &TestPorts) -> Vec<&'static str> {
    let mut facts: Vec<Fact> = Vec::new();
    for fact in ports.bus.take_published() {
        match facts.iter().find(|known| known.id == fact.id) {
            Some(known) => assert_eq!(*known, fact, "a duplicate is byte-identical"),
            None => facts.push(fact),
        }
    }
    facts.iter().map(|fact| fact.body.type_name()).collect()
}

fn next_slot(ports: &TestPorts) -> Option<model::Timestamp> {
    let schedule = ScheduleRef::Terminate(cluster().reference());
    let expected: Option<Expected> = ports.store.peek(&Key::Expected(schedule));
    expected.and_then(|expected| expected.next_slot)
}

#[test]
fn an_idle_instance_is_ended_at_once_and_the_slot_recorded() {
    for before in [InstanceState::Starting, InstanceState::Ready] {
        let (ports, id) = world(180, before);
        assert_eq!(deliver(&ports, &tick(), 1), Verdict::Done);
        assert_eq!(state(&ports), InstanceState::Terminating);
        assert_eq!(item_of(&ports, key(1)).draining_at, Some(minute(180)));
        assert_eq!(terminated(&ports), [id]);
        assert_eq!(facts(&ports), [DRAINING]);
        assert_eq!(next_slot(&ports), Some(minute(180 + 24 * 60)));
    }
}

#[test]
fn open_work_finishes_first() {
    let (ports, id) = world(180, InstanceState::Ready);
    open_step(&ports);
    deliver(&ports, &tick(), 1);
    for _ in 0..3 {
        assert_eq!(state(&ports), InstanceState::Draining);
        assert!(terminated(&ports).is_empty());
        ports.clock.pass(Seconds(45));
        assert!(deliver_own(&ports), "it looks again by itself");
    }
    close_step(&ports);
    ports.clock.pass(Seconds(45));
    assert!(deliver_own(&ports));
    assert_eq!(state(&ports), InstanceState::Terminating);
    assert_eq!(terminated(&ports), [id]);
    ports.clock.pass(Seconds(900));
    assert!(!deliver_own(&ports), "nothing is left to look at");
    assert_eq!(facts(&ports), [DRAINING]);
}

#[test]
fn the_drain_deadline_ends_it_whatever_is_open() {
    let (ports, id) = world(180, InstanceState::Ready);
    open_step(&ports);
    deliver(&ports, &tick(), 1);
    let mut looks = 0;
    while state(&ports) == InstanceState::Draining {
        assert!(terminated(&ports).is_empty());
        ports.clock.pass(Seconds(45));
        deliver_own(&ports);
        looks += 1;
        assert!(looks < 50, "the deadline is half an hour off");
    }
    assert!(ports::Clock::now(&*ports.clock) >= minute(210));
    assert_eq!(terminated(&ports), [id]);
    let reason = item_of(&ports, key(1)).reason.unwrap();
    assert!(reason.contains("1 open steps"), "{reason}");
}

#[test]
fn a_crash_at_any_step_ends_in_the_same_place() {
    let (ports, _) = world(180, InstanceState::Ready);
    deliver(&ports, &tick(), 1);
    let steps = ports.faults.steps();
    assert_eq!(steps, 4, "mark, fact, terminating, call");
    for step in 1..=steps {
        for takes_effect in [false, true] {
            let (ports, id) = world(180, InstanceState::Ready);
            if takes_effect {
                ports.faults.crash_after(step);
            } else {
                ports.faults.crash_before(step);
            }
            assert!(matches!(deliver(&ports, &tick(), 1), Verdict::Failed(_)));
            ports.faults.heal();
            ports.clock.pass(Seconds(5));
            assert_eq!(deliver(&ports, &tick(), 2), Verdict::Done);
            let name = format!("step {step}, takes effect: {takes_effect}");
            assert_eq!(state(&ports), InstanceState::Terminating, "{name}");
            assert!(terminated(&ports).contains(&id), "{name}");
            assert_eq!(facts(&ports), [DRAINING], "{name}");
            assert_eq!(next_slot(&ports), Some(minute(180 + 24 * 60)), "{name}");
        }
    }
}

#[test]
fn a_lost_tick_is_made_up_for_by_a_message_to_drain_wherever_that_crashes() {
    let drain = Message::Drain(key(1));
    for step in 1..=4 {
        for takes_effect in [false, true] {
            let (ports, id) = world(185, InstanceState::Ready);
            if takes_effect {
                ports.faults.crash_after(step);
            } else {
                ports.faults.crash_before(step);
            }
            assert!(matches!(deliver(&ports, &drain, 1), Verdict::Failed(_)));
            ports.faults.heal();
            assert_eq!(deliver(&ports, &drain, 2), Verdict::Done);
            assert_eq!(state(&ports), InstanceState::Terminating);
            assert!(terminated(&ports).contains(&id));
            assert_eq!(facts(&ports), [DRAINING]);
        }
    }
}

#[test]
fn late_and_duplicate_ticks_touch_no_other_window() {
    let (ports, id) = world(200, InstanceState::Terminated);
    let tomorrow = InstanceKey {
        window_start: minute(24 * 60),
        ..key(1)
    };
    let next = Instance {
        instance: tomorrow.clone(),
        window_start: minute(24 * 60),
        window_end: minute(27 * 60),
        draining_at: None,
        ..instance(InstanceState::Ready)
    };
    ports.store.seed(&next);
    for _ in 0..2 {
        assert_eq!(deliver(&ports, &tick(), 1), Verdict::Done);
    }
    ports.clock.set(minute(25 * 60));
    assert_eq!(deliver(&ports, &tick(), 1), Verdict::Done);
    assert_eq!(state(&ports), InstanceState::Terminated);
    assert_eq!(item_of(&ports, tomorrow.clone()), next);
    assert!(terminated(&ports).is_empty(), "{id}");
    assert_eq!(
        deliver(&ports, &Message::Drain(tomorrow.clone()), 1),
        Verdict::Done
    );
    assert_eq!(item_of(&ports, tomorrow), next, "its window is not over");
}

#[test]
fn every_instance_of_the_window_ends_together() {
    let (ports, _) = world(180, InstanceState::Failed);
    let second = ports.compute.add_cluster(&key(2), ClusterState::Waiting);
    ports.store.seed(&Instance {
        instance: key(2),
        id: Some(second.clone()),
        draining_at: None,
        ..instance(InstanceState::Ready)
    });
    assert_eq!(deliver(&ports, &tick(), 1), Verdict::Done);
    assert_eq!(terminated(&ports), [second]);
    assert_eq!(state(&ports), InstanceState::Failed);
}

#[test]
fn a_request_whose_answer_is_not_known_is_looked_up_before_it_ends() {
    for exists in [true, false] {
        let (ports, id) = world(180, InstanceState::Starting);
        ports.store.seed(&Instance {
            lease_until: Some(minute(181)),
            requested_at: minute(179),
            ..instance(InstanceState::Requested)
        });
        if !exists {
            ports.store.seed(&Instance {
                instance: key(2),
                lease_until: Some(minute(181)),
                ..instance(InstanceState::Requested)
            });
        }
        let of = if exists { key(1) } else { key(2) };
        deliver(&ports, &tick(), 1);
        assert_eq!(item_of(&ports, of.clone()).state, InstanceState::Draining);
        assert!(terminated(&ports).is_empty());
        ports.clock.pass(Seconds(62));
        assert!(deliver_own(&ports));
        let item = item_of(&ports, of);
        let facts = facts(&ports);
        if exists {
            assert_eq!(
                (item.state, item.id),
                (InstanceState::Terminating, Some(id.clone()))
            );
            assert_eq!(terminated(&ports), [id]);
        } else {
            assert_eq!((item.state, item.id), (InstanceState::Failed, None));
            assert!(facts.contains(&FAILED), "{facts:?}");
        }
    }
}

#[test]
fn a_request_that_was_never_taken_ends_as_never_up() {
    let (ports, _) = world(180, InstanceState::Starting);
    ports.store.seed(&instance(InstanceState::Requested));
    assert_eq!(deliver(&ports, &tick(), 1), Verdict::Done);
    assert_eq!(state(&ports), InstanceState::Failed);
    assert_eq!(facts(&ports), [DRAINING, FAILED]);
}

#[test]
fn an_instance_ends_although_its_definition_is_gone() {
    let (ports, id) = world(180, InstanceState::Ready);
    let current = Key::CurrentCluster(cluster().reference());
    let delete = ports::Write::delete(current, ports::Expect::Anything);
    block_on(ports::StateStore::commit(&ports.store, vec![delete])).unwrap();
    assert_eq!(deliver(&ports, &tick(), 1), Verdict::Done);
    assert_eq!(terminated(&ports), [id]);
}

#[test]
fn a_tick_that_is_early_by_our_clock_comes_back() {
    let (ports, _) = world(179, InstanceState::Ready);
    assert_eq!(deliver(&ports, &tick(), 1), Verdict::Later(Seconds(61)));
    assert_eq!(state(&ports), InstanceState::Ready);
}
