//! The behaviour over ports in memory.

use model::cluster::{Instance, InstanceKey, InstanceState};
use model::expected::{Expected, ScheduleRef};
use model::fact::{ClusterFact, Fact, FactBody};
use model::key::Key;
use model::message::{Message, Tick};
use model::observation::ClusterState;
use model::units::Seconds;
use ports::{Delivery, Verdict};
use testkit::night::{self, cluster, instance, key, minute};
use testkit::{Call, SubmitAnswer, TestPorts, block_on};

fn world(now: u64) -> TestPorts {
    let ports = TestPorts::at(minute(now));
    night::register(&ports.store);
    ports
}

fn tick() -> Message {
    Message::Tick(Tick {
        schedule: ScheduleRef::Provision(cluster().reference()),
        scheduled_time: minute(0),
        late: false,
        skip: false,
    })
}

fn failed(ordinal: u32) -> Message {
    let data = ClusterFact {
        cluster: cluster().reference(),
        instance: key(ordinal),
        id: Some("j-1".into()),
        endpoint: None,
        reason: None,
        history: None,
    };
    let body = FactBody::ClusterFailed(data);
    Message::Fact(Fact::new(cluster().team, None, minute(30), body))
}

fn deliver(ports: &TestPorts, message: &Message) -> Verdict {
    deliver_for(ports, message, 1)
}

fn deliver_for(ports: &TestPorts, message: &Message, receives: u32) -> Verdict {
    let delivery = Delivery {
        message: message.clone(),
        receives,
    };
    block_on(crate::handle(ports, vec![delivery])).remove(0)
}

/// Delivers as an inbox does, until the message leaves it.
fn deliver_until_done(ports: &TestPorts, message: &Message) {
    for receives in 1..20 {
        match deliver_for(ports, message, receives) {
            Verdict::Done => return,
            Verdict::Later(delay) => ports.clock.pass(delay),
            Verdict::Failed(_) => ports.clock.pass(Seconds(5)),
            Verdict::Poison(reason) => panic!("poison: {reason}"),
        }
    }
    panic!("never done");
}

fn item(ports: &TestPorts, key: InstanceKey) -> Instance {
    let item = ports.store.peek(&Key::Instance(key));
    item.expect("the instance is recorded")
}

fn next_slot(ports: &TestPorts) -> Option<model::Timestamp> {
    let schedule = ScheduleRef::Provision(cluster().reference());
    let expected: Option<Expected> = ports.store.peek(&Key::Expected(schedule));
    expected.and_then(|expected| expected.next_slot)
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

fn requests(ports: &TestPorts) -> usize {
    let calls = ports.compute.take_calls();
    calls
        .iter()
        .filter(|call| matches!(call, Call::RequestCluster(_)))
        .count()
}

/// Ids of what bears murmur's names, those that were asked to end left out.
fn living(ports: &TestPorts) -> Vec<model::id::EmrClusterId> {
    ports.compute.settle();
    let listed = block_on(ports::Compute::list_clusters(&ports.compute, minute(0))).unwrap();
    let living = listed.iter().filter(|seen| !seen.state.is_ending());
    living.map(|seen| seen.id.clone()).collect()
}

const REQUESTED: &str = "murmur.cluster.requested.v1";
const FAILED: &str = "murmur.cluster.failed.v1";

#[test]
fn a_tick_requests_the_instance_of_its_window_and_records_its_slot() {
    let ports = world(0);
    assert_eq!(deliver(&ports, &tick()), Verdict::Done);
    let item = item(&ports, key(1));
    assert_eq!(item.state, InstanceState::Starting);
    assert_eq!(
        (item.window_end, item.drain_until),
        (minute(180), minute(210))
    );
    assert_eq!(vec![item.id.clone().unwrap()], living(&ports));
    assert_eq!(facts(&ports), [REQUESTED]);
    assert_eq!(next_slot(&ports), Some(minute(24 * 60)));
}

#[test]
fn an_instance_may_rest_within_its_window_and_drain_without_being_ended_for_it() {
    let ports = world(0);
    deliver(&ports, &tick());
    let calls = ports.compute.take_calls();
    let asked = calls.iter().find_map(|call| match call {
        Call::RequestCluster(request) => Some(request.cluster.emr.auto_termination),
        _ => None,
    });
    let own = cluster().emr.auto_termination;
    assert_eq!(asked, Some(Seconds(210 * 60 + own.0)));
}

#[test]
fn a_duplicate_tick_requests_nothing_and_publishes_the_same_again() {
    let ports = world(0);
    deliver(&ports, &tick());
    let first = ports.bus.take_published();
    requests(&ports);
    ports.clock.pass(Seconds(600));
    assert_eq!(deliver(&ports, &tick()), Verdict::Done);
    assert_eq!(ports.bus.take_published(), first);
    assert_eq!(requests(&ports), 0);
}

#[test]
fn a_crash_at_any_step_leaves_one_instance_and_the_same_facts() {
    let steps = {
        let ports = world(0);
        ports.faults.heal();
        deliver(&ports, &tick());
        ports.faults.steps()
    };
    assert_eq!(steps, 4, "claim, request, id, fact");
    for step in 1..=steps {
        for takes_effect in [false, true] {
            let ports = world(0);
            if takes_effect {
                ports.faults.crash_after(step);
            } else {
                ports.faults.crash_before(step);
            }
            deliver(&ports, &tick());
            ports.faults.heal();
            deliver_until_done(&ports, &tick());
            let item = item(&ports, key(1));
            let name = format!("step {step}, takes effect: {takes_effect}");
            assert_eq!(item.state, InstanceState::Starting, "{name}");
            assert_eq!(living(&ports), [item.id.unwrap()], "{name}");
            assert_eq!(facts(&ports), [REQUESTED], "{name}");
            assert_eq!(next_slot(&ports), Some(minute(24 * 60)), "{name}");
        }
    }
}

#[test]
fn an_unanswered_request_is_looked_up_after_its_lease_and_never_before() {
    for (answer, expected_requests) in [
        (SubmitAnswer::UnknownTaken, 1),
        (SubmitAnswer::UnknownLost, 2),
    ] {
        let ports = world(0);
        ports.compute.answer_requests([answer]);
        let Verdict::Later(delay) = deliver(&ports, &tick()) else {
            panic!("{answer:?}: an unknown answer is waited for");
        };
        assert!(delay >= Seconds(120), "{answer:?}: {delay}");
        ports.clock.pass(Seconds(60));
        assert!(matches!(deliver(&ports, &tick()), Verdict::Later(_)));
        assert_eq!(item(&ports, key(1)).state, InstanceState::Requested);
        ports.clock.pass(Seconds(61));
        assert_eq!(deliver(&ports, &tick()), Verdict::Done, "{answer:?}");
        assert_eq!(requests(&ports), expected_requests, "{answer:?}");
        assert_eq!(living(&ports), [item(&ports, key(1)).id.unwrap()]);
        assert_eq!(facts(&ports), [REQUESTED], "{answer:?}");
    }
}

#[test]
fn of_two_with_the_same_name_one_is_adopted_and_the_other_ended() {
    let ports = world(0);
    ports.compute.answer_requests([SubmitAnswer::UnknownTaken]);
    deliver(&ports, &tick());
    ports.compute.add_cluster(&key(1), ClusterState::Starting);
    ports.clock.pass(Seconds(121));
    assert_eq!(deliver(&ports, &tick()), Verdict::Done);
    assert_eq!(living(&ports), [item(&ports, key(1)).id.unwrap()]);
}

#[test]
fn an_id_that_comes_second_is_a_stray() {
    let ports = world(0);
    deliver(&ports, &tick());
    let second = ports.compute.add_cluster(&key(1), ClusterState::Starting);
    let kept = block_on(protocols::instances::commit_id(&ports, &key(1), &second)).unwrap();
    assert_eq!(kept, None);
    assert_eq!(living(&ports), [item(&ports, key(1)).id.unwrap()]);
}

#[test]
fn throttled_is_not_failed() {
    let ports = world(0);
    ports.compute.answer_requests([SubmitAnswer::Throttle; 3]);
    let mut delays = Vec::new();
    for receives in 1..=3 {
        let Verdict::Later(delay) = deliver_for(&ports, &tick(), receives) else {
            panic!("throttled comes back");
        };
        assert_eq!(
            item(&ports, key(1)).lease_until,
            None,
            "the claim is released"
        );
        ports.clock.pass(delay);
        delays.push(delay);
    }
    assert!(delays.is_sorted() && delays[0] < delays[2], "{delays:?}");
    assert_eq!(deliver_for(&ports, &tick(), 4), Verdict::Done);
    let item = item(&ports, key(1));
    assert_eq!((item.state, item.epoch), (InstanceState::Starting, 4));
    assert_eq!(facts(&ports), [REQUESTED]);
}

#[test]
fn a_refused_request_fails_and_is_not_replaced() {
    let ports = world(0);
    ports.compute.answer_requests([SubmitAnswer::Refuse]);
    assert_eq!(deliver(&ports, &tick()), Verdict::Done);
    let item = item(&ports, key(1));
    assert_eq!((item.state, &item.id), (InstanceState::Failed, &None));
    assert!(item.reason.unwrap().contains("refuses"));
    assert_eq!(facts(&ports), [FAILED]);
    assert_eq!(deliver(&ports, &failed(1)), Verdict::Done);
    assert_eq!(requests(&ports), 1);
    deliver(&ports, &tick());
    assert_eq!(
        facts(&ports),
        [FAILED],
        "its tick's duplicate tells it again"
    );
}

#[test]
fn a_request_throttled_until_its_window_is_over_never_came_up() {
    let ports = world(0);
    ports.compute.answer_requests([SubmitAnswer::Throttle]);
    deliver(&ports, &tick());
    ports.clock.set(minute(179));
    assert_eq!(deliver(&ports, &tick()), Verdict::Done);
    assert_eq!(item(&ports, key(1)).state, InstanceState::Failed);
    assert_eq!(facts(&ports), [FAILED]);
}

#[test]
fn a_late_tick_is_recorded_and_looks_like_no_instance() {
    for now in [171, 180, 3000] {
        let ports = world(now);
        assert_eq!(deliver(&ports, &tick()), Verdict::Done);
        assert_eq!(deliver(&ports, &tick()), Verdict::Done);
        let item = item(&ports, key(1));
        assert_eq!((item.state, item.id), (InstanceState::Terminated, None));
        assert!(item.reason.unwrap().starts_with("no instance"), "{now}");
        assert_eq!(requests(&ports), 0, "{now}");
        assert!(facts(&ports).is_empty(), "{now}");
        assert_eq!(next_slot(&ports), Some(minute(24 * 60)), "{now}");
    }
}

#[test]
fn a_tick_acts_although_an_older_window_has_no_item() {
    let ports = world(24 * 60);
    let Message::Tick(mut tick) = tick() else {
        unreachable!("it is a tick")
    };
    tick.scheduled_time = minute(24 * 60);
    assert_eq!(deliver(&ports, &Message::Tick(tick)), Verdict::Done);
    assert_eq!(
        next_slot(&ports),
        Some(minute(0)),
        "the older slot stays owed"
    );
    assert_eq!(living(&ports).len(), 1);
}

#[test]
fn a_failed_instance_is_replaced_as_often_as_its_definition_says() {
    let ports = world(30);
    let fail = |ordinal: u32| Instance {
        instance: key(ordinal),
        draining_at: None,
        ..instance(InstanceState::Failed)
    };
    for ordinal in 1..=3 {
        ports.store.seed(&fail(ordinal));
        assert_eq!(deliver(&ports, &failed(ordinal)), Verdict::Done);
        assert_eq!(deliver(&ports, &failed(ordinal)), Verdict::Done);
    }
    assert_eq!(requests(&ports), 2);
    assert_eq!(ports.store.all::<Instance>().len(), 3);
    assert_eq!(item(&ports, key(2)).window_end, minute(180));
}

#[test]
fn a_crash_while_replacing_leaves_one_replacement() {
    for step in 1..=4 {
        for takes_effect in [false, true] {
            let ports = world(30);
            ports.store.seed(&Instance {
                draining_at: None,
                ..instance(InstanceState::Failed)
            });
            if takes_effect {
                ports.faults.crash_after(step);
            } else {
                ports.faults.crash_before(step);
            }
            deliver(&ports, &failed(1));
            ports.faults.heal();
            deliver_until_done(&ports, &failed(1));
            assert_eq!(living(&ports), [item(&ports, key(2)).id.unwrap()]);
            assert_eq!(facts(&ports), [REQUESTED]);
        }
    }
}

#[test]
fn a_tick_goes_on_with_a_replacement_nobody_finished() {
    let ports = world(30);
    ports.store.seed(&instance(InstanceState::Failed));
    ports.store.seed(&Instance {
        instance: key(2),
        lease_until: Some(minute(29)),
        ..instance(InstanceState::Requested)
    });
    assert_eq!(deliver(&ports, &tick()), Verdict::Done);
    assert_eq!(item(&ports, key(2)).state, InstanceState::Starting);
    assert_eq!(living(&ports), [item(&ports, key(2)).id.unwrap()]);
}

#[test]
fn an_instance_whose_window_ended_while_it_was_requested_is_left_to_terminate_cluster() {
    let ports = world(180);
    ports.store.seed(&Instance {
        id: None,
        ready_at: None,
        lease_until: Some(minute(179)),
        ..instance(InstanceState::Draining)
    });
    assert_eq!(deliver(&ports, &tick()), Verdict::Done);
    assert_eq!(requests(&ports), 0);
}

#[test]
fn what_is_not_for_it_goes_aside() {
    let ports = world(0);
    let Message::Tick(mut other) = tick() else {
        unreachable!("it is a tick")
    };
    other.schedule = ScheduleRef::Terminate(cluster().reference());
    for message in [Message::Sweep, Message::Tick(other)] {
        assert!(matches!(deliver(&ports, &message), Verdict::Poison(_)));
    }
}
