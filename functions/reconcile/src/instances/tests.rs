//! The behaviour over ports in memory.

use std::collections::BTreeMap;

use model::attempt::AttemptKey;
use model::cluster::{Instance, InstanceKey, InstanceState};
use model::id::{EmrClusterId, SubmissionId};
use model::key::Key;
use model::limit::Lot;
use model::message::Message;
use model::observation::{ClusterState, WorkObservation, WorkState};
use model::task::{Claim, Failures, Place as Where, Stopping, Task, TaskState};
use model::units::Seconds;
use ports::{Trouble, TypedStore as _};
use testkit::night::{instance, key, lot, minute};
use testkit::{Call, TestPorts, block_on};

use super::{leaks, look};

/// A world at a minute of the night with an instance that is due, and its EMR cluster.
fn world(now: u64, state: InstanceState, seen: ClusterState) -> (TestPorts, EmrClusterId) {
    let ports = TestPorts::at(minute(0));
    let id = ports.compute.add_cluster(&key(1), seen);
    ports.clock.set(minute(now));
    ports.store.seed(&Instance {
        id: Some(id.clone()),
        due_at: Some(minute(now)),
        ..instance(state)
    });
    (ports, id)
}

fn sweep(ports: &TestPorts) -> Result<(), Trouble> {
    let now = ports::Clock::now(&*ports.clock);
    let read = block_on(ports.store.get::<Instance>(&Key::Instance(key(1))));
    block_on(look(ports, read.unwrap().unwrap(), now))
}

fn item(ports: &TestPorts) -> Instance {
    let item = ports.store.peek(&Key::Instance(key(1)));
    item.expect("the instance is recorded")
}

/// What was sent, short.
fn sent(ports: &TestPorts) -> Vec<String> {
    let sent = ports.bus.take_sent().into_iter();
    sent.map(|(inbox, outgoing)| match outgoing.message {
        Message::Tick(tick) => format!("{inbox} tick {}", tick.schedule),
        Message::Drain(instance) => format!("{inbox} drain {}", instance.ordinal),
        Message::Cluster(seen) => format!("{inbox} {} {:?}", seen.id, seen.state),
        Message::Work(seen) => format!("{inbox} {} {:?}", seen.submission, seen.state),
        Message::Fact(fact) => format!("{inbox} {}", fact.body.type_name()),
        Message::Event(_) | Message::Start(_) | Message::Sweep | Message::Alert(_) => {
            panic!("not for {inbox}")
        }
    })
    .collect()
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

/// Minute, state, what the service says; what is sent, seconds until the next look.
type Case = (
    u64,
    InstanceState,
    ClusterState,
    &'static [&'static str],
    Option<u64>,
);

#[test]
fn a_due_instance_is_looked_at_as_its_state_needs_and_armed_again() {
    use ClusterState as Seen;
    use InstanceState::{Draining, Failed, Ready, Starting, Terminating};
    let cases: [Case; 11] = [
        (5, Starting, Seen::Bootstrapping, &[], Some(90)),
        (
            5,
            Starting,
            Seen::Waiting,
            &["record-cluster j-00001 Waiting"],
            Some(90),
        ),
        (
            5,
            Starting,
            Seen::TerminatedWithErrors,
            &["record-cluster j-00001 TerminatedWithErrors"],
            Some(90),
        ),
        (
            180,
            Starting,
            Seen::Starting,
            &["terminate-cluster drain 1"],
            Some(90),
        ),
        (5, Ready, Seen::Waiting, &[], Some(90)),
        (
            5,
            Ready,
            Seen::Terminated,
            &["record-cluster j-00001 Terminated"],
            Some(90),
        ),
        (
            180,
            Ready,
            Seen::Waiting,
            &["terminate-cluster drain 1"],
            Some(90),
        ),
        (
            181,
            Draining,
            Seen::Waiting,
            &["terminate-cluster drain 1"],
            Some(90),
        ),
        (
            190,
            Terminating,
            Seen::Waiting,
            &["terminate-cluster drain 1"],
            Some(90),
        ),
        (
            190,
            Terminating,
            Seen::Terminated,
            &["record-cluster j-00001 Terminated"],
            Some(90),
        ),
        (30, Failed, Seen::TerminatedWithErrors, &[], None),
    ];
    for (now, state, seen, expected, next) in cases {
        let (ports, _) = world(now, state, seen);
        sweep(&ports).unwrap();
        assert_eq!(sent(&ports), expected, "{state:?} {seen:?}");
        let due = next.map(|seconds| Seconds(seconds).after(minute(now)));
        assert_eq!(item(&ports).due_at, due, "{state:?} {seen:?}");
        assert_eq!(item(&ports).state, state, "nothing is changed here");
    }
}

#[test]
fn a_claim_nobody_finished_is_sent_to_provision_cluster_again() {
    let (ports, _) = world(5, InstanceState::Starting, ClusterState::Starting);
    let claimed = |lease: u64| Instance {
        lease_until: Some(minute(lease)),
        due_at: Some(minute(5)),
        ..instance(InstanceState::Requested)
    };
    ports.store.seed(&claimed(5));
    sweep(&ports).unwrap();
    assert_eq!(
        sent(&ports),
        ["provision-cluster tick provision/weather/etl"]
    );
    ports.store.seed(&claimed(7));
    sweep(&ports).unwrap();
    assert!(sent(&ports).is_empty());
    assert_eq!(item(&ports).due_at, Some(minute(7)));
}

#[test]
fn what_is_not_due_any_more_is_left_alone() {
    let (ports, _) = world(5, InstanceState::Starting, ClusterState::Waiting);
    let mut moved_on = item(&ports);
    moved_on.due_at = Some(minute(9));
    ports.store.seed(&moved_on);
    sweep(&ports).unwrap();
    assert!(sent(&ports).is_empty());
    assert_eq!(item(&ports), moved_on);
}

#[test]
fn an_instance_the_service_does_not_know_has_ended_once_it_must() {
    for (now, expected) in [(14, 0), (15, 1)] {
        let (ports, _) = world(now, InstanceState::Starting, ClusterState::Starting);
        let mut lost = item(&ports);
        lost.id = Some("j-lost".into());
        ports.store.seed(&lost);
        sweep(&ports).unwrap();
        let sent = sent(&ports);
        assert_eq!(sent.len(), expected, "{now}: {sent:?}");
    }
}

fn attempt(task: &str) -> AttemptKey {
    format!("weather--daily--slot--{task}--1-1")
        .parse()
        .unwrap()
}

/// An attempt that holds a place of the instance, as its item knows it.
fn open(ports: &TestPorts, id: &EmrClusterId, number: u32, name: &str, state: TaskState) {
    let key = attempt(name);
    let open = state.is_open();
    ports.store.seed(&Lot {
        timeouts: BTreeMap::from([(key.to_string(), minute(90))]),
        ..lot(number, &key)
    });
    ports.store.seed(&Task {
        run: key.run.clone(),
        task: key.task.clone(),
        team: "weather".parse().unwrap(),
        workflow: "daily".parse().unwrap(),
        state,
        generation: 1,
        attempt: 1,
        failures: Failures::default(),
        epoch: 1,
        claim: open.then(|| Claim {
            since: model::Timestamp::UNIX_EPOCH,
            lease_until: minute(63),
            place: Where::Instance(id.clone()),
            instance: Some(testkit::night::key(1)),
            limits: vec![],
            seeks: Vec::new(),
        }),
        submission: Some(SubmissionId::from(format!("s-{name}"))),
        cluster: None,
        reason: None,
        ready_at: minute(61),
        submitted_at: Some(minute(61)),
        started_at: None,
        ended_at: None,
        failure: None,
        stopping: None,
        due_at: None,
    });
}

fn listed(ports: &TestPorts, id: &EmrClusterId, name: &str, state: WorkState) {
    ports.compute.add_work(WorkObservation {
        key: attempt(name),
        place: Where::Instance(id.clone()),
        submission: SubmissionId::from(format!("s-{name}")),
        state,
        reason: None,
        at: minute(65),
    });
}

#[test]
fn open_steps_are_compared_with_one_listing() {
    let (ports, id) = world(70, InstanceState::Ready, ClusterState::Running);
    for (number, name, state, seen) in [
        (0, "same", TaskState::Running, WorkState::Running),
        (1, "started", TaskState::Submitted, WorkState::Running),
        (2, "ended", TaskState::Running, WorkState::Succeeded),
        (3, "freed", TaskState::Succeeded, WorkState::Succeeded),
    ] {
        open(&ports, &id, number, name, state);
        listed(&ports, &id, name, seen);
    }
    sweep(&ports).unwrap();
    assert_eq!(
        sent(&ports),
        [
            "observe-task s-started Running",
            "observe-task s-ended Succeeded",
        ]
    );
    let left: Vec<u32> = ports
        .store
        .all::<Lot>()
        .iter()
        .filter(|lot| !lot.holders.is_empty())
        .map(|lot| lot.number)
        .collect();
    assert_eq!(
        left,
        [0, 1, 2],
        "the place of what had ended is cleared away"
    );
    assert_eq!(item(&ports).due_at, Some(Seconds(90).after(minute(70))));
}

#[test]
fn a_step_that_runs_too_long_is_asked_to_stop_and_nothing_more() {
    let (ports, id) = world(90, InstanceState::Ready, ClusterState::Running);
    open(&ports, &id, 0, "slow", TaskState::Running);
    listed(&ports, &id, "slow", WorkState::Running);
    sweep(&ports).unwrap();
    let task: Task = {
        let key = attempt("slow");
        ports.store.peek(&Key::Task(key.run, key.task)).unwrap()
    };
    assert_eq!(
        (task.state, task.stopping),
        (TaskState::Running, Some(Stopping::TimedOut))
    );
    let calls = ports.compute.take_calls();
    assert!(matches!(&calls[..], [Call::Cancel { ids, .. }] if ids[0].as_str() == "s-slow"));
    assert!(sent(&ports).is_empty());
}

#[test]
fn an_instance_that_has_ended_is_due_until_none_of_its_steps_is_open() {
    let (ports, id) = world(
        250,
        InstanceState::Failed,
        ClusterState::TerminatedWithErrors,
    );
    open(&ports, &id, 0, "lost", TaskState::Running);
    listed(&ports, &id, "lost", WorkState::Running);
    sweep(&ports).unwrap();
    assert_eq!(sent(&ports), ["observe-task s-lost Interrupted"]);
    assert!(item(&ports).due_at.is_some());
    open(&ports, &id, 0, "lost", TaskState::Failed);
    ports.clock.pass(Seconds(120));
    sweep(&ports).unwrap();
    let lots = ports.store.all::<Lot>();
    assert!(lots.iter().all(|lot| lot.holders.is_empty()));
    ports.clock.pass(Seconds(120));
    sweep(&ports).unwrap();
    assert_eq!(item(&ports).due_at, None);
}

#[test]
fn a_lookup_that_fails_leaves_the_instance_due() {
    let (ports, _) = world(5, InstanceState::Starting, ClusterState::Waiting);
    ports.compute.fail_lookups(1);
    assert!(matches!(sweep(&ports), Err(Trouble::Compute(_))));
    assert_eq!(item(&ports).due_at, Some(minute(5)));
    sweep(&ports).unwrap();
    assert_eq!(sent(&ports), ["record-cluster j-00001 Waiting"]);
}

#[test]
fn leaks_are_ended_and_lost_words_told() {
    use ClusterState::{Running, Starting, Terminated, Waiting};
    let ports = TestPorts::at(minute(60));
    let of = |ordinal: u32| InstanceKey { ordinal, ..key(1) };
    let seed = |ordinal: u32, id: Option<&EmrClusterId>, state: InstanceState| {
        ports.store.seed(&Instance {
            instance: of(ordinal),
            id: id.cloned(),
            ..instance(state)
        });
    };
    let add = |ordinal: u32, state: ClusterState| ports.compute.add_cluster(&of(ordinal), state);
    let fine = add(1, Running);
    seed(1, Some(&fine), InstanceState::Ready);
    let second = add(1, Waiting);
    let nobodys = add(2, Starting);
    let outlived = add(3, Waiting);
    seed(3, Some(&outlived), InstanceState::Terminated);
    let refused = add(4, Starting);
    seed(4, None, InstanceState::Failed);
    let lost = add(5, Terminated);
    seed(5, Some(&lost), InstanceState::Ready);
    let gone = add(6, Terminated);
    block_on(leaks(&ports, minute(60))).unwrap();
    assert_eq!(terminated(&ports), [second, nobodys, outlived, refused]);
    assert_eq!(sent(&ports), [format!("record-cluster {lost} Terminated")]);
    assert_ne!(gone, fine);
}
