//! The behaviour over ports in memory.

mod naming;

use model::attempt::AttemptKey;
use model::cluster::{Instance, InstanceState};
use model::fact::{Fact, FactBody};
use model::id::{EmrClusterId, SubmissionId};
use model::key::Key;
use model::message::{Function, Message};
use model::observation::{ClusterObservation, ClusterState, WorkObservation, WorkState};
use model::task::{Claim, Failures, Place, Task, TaskState};
use model::units::Seconds;
use ports::{Delivery, Verdict};
use testkit::night::{instance, key, lot, minute};
use testkit::{Call, TestPorts, block_on};

fn deliver(ports: &TestPorts, seen: &ClusterObservation) -> Verdict {
    let delivery = Delivery {
        message: Message::Cluster(seen.clone()),
        receives: 1,
    };
    block_on(crate::handle(ports, vec![delivery])).remove(0)
}

/// What the event says: never an endpoint.
fn word(ports: &TestPorts, id: &EmrClusterId, state: ClusterState) -> ClusterObservation {
    ClusterObservation {
        endpoint: None,
        ..ports.compute.set_cluster(id, state, Some("because"))
    }
}

/// A world at a minute of the night, with an instance in a state and its EMR cluster.
fn world(now: u64, state: InstanceState) -> (TestPorts, EmrClusterId) {
    let ports = TestPorts::at(minute(now));
    let id = ports.compute.add_cluster(&key(1), ClusterState::Starting);
    ports.store.seed(&Instance {
        id: Some(id.clone()),
        ready_at: None,
        ..instance(state)
    });
    (ports, id)
}

fn item(ports: &TestPorts) -> Instance {
    let item = ports.store.peek(&Key::Instance(key(1)));
    item.expect("the instance is recorded")
}

fn facts(ports: &TestPorts) -> Vec<Fact> {
    ports.bus.take_published()
}

fn types(facts: &[Fact]) -> Vec<&'static str> {
    facts.iter().map(|fact| fact.body.type_name()).collect()
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

#[test]
fn an_instance_that_is_up_is_ready_with_its_endpoint() {
    let (ports, id) = world(10, InstanceState::Starting);
    let up = word(&ports, &id, ClusterState::Running);
    assert_eq!(deliver(&ports, &up), Verdict::Done);
    let item = item(&ports);
    assert_eq!(
        (item.state, item.ready_at),
        (InstanceState::Ready, Some(minute(10)))
    );
    assert_eq!(item.due_at, Some(Seconds(90).after(minute(10))));
    let facts = facts(&ports);
    let FactBody::ClusterReady(data) = &facts[0].body else {
        panic!("{facts:?}");
    };
    assert_eq!(data.endpoint, item.endpoint);
    assert_eq!(
        data.endpoint.as_ref().unwrap().master_dns,
        format!("{id}.compute.internal")
    );
}

#[test]
fn a_duplicate_publishes_the_same_again_and_later_words_nothing() {
    let (ports, id) = world(10, InstanceState::Starting);
    let up = word(&ports, &id, ClusterState::Running);
    deliver(&ports, &up);
    let first = facts(&ports);
    let stored = item(&ports);
    ports.clock.pass(Seconds(600));
    deliver(&ports, &up);
    assert_eq!(facts(&ports), first);
    deliver(&ports, &word(&ports, &id, ClusterState::Waiting));
    assert!(facts(&ports).is_empty());
    assert_eq!(item(&ports), stored);
}

#[test]
fn the_same_end_is_a_failure_within_the_window_and_none_when_it_was_due() {
    let cases = [
        (
            InstanceState::Ready,
            100,
            InstanceState::Failed,
            "murmur.cluster.failed.v1",
        ),
        (
            InstanceState::Ready,
            180,
            InstanceState::Terminated,
            "murmur.cluster.terminated.v1",
        ),
        (
            InstanceState::Terminating,
            100,
            InstanceState::Terminated,
            "murmur.cluster.terminated.v1",
        ),
    ];
    for (before, now, after, fact) in cases {
        let (ports, id) = world(now, before);
        let end = word(&ports, &id, ClusterState::TerminatedWithErrors);
        assert_eq!(deliver(&ports, &end), Verdict::Done);
        let item = item(&ports);
        assert_eq!((item.state, item.ended_at), (after, Some(minute(now))));
        assert_eq!(item.reason.as_deref(), Some("because"));
        let first = facts(&ports);
        assert_eq!(types(&first), [fact]);
        deliver(&ports, &end);
        assert_eq!(facts(&ports), first);
    }
}

#[test]
fn an_event_that_overtakes_the_claim_s_id_is_understood() {
    let (ports, id) = world(10, InstanceState::Starting);
    ports.store.seed(&Instance {
        lease_until: Some(minute(12)),
        ..instance(InstanceState::Requested)
    });
    deliver(&ports, &word(&ports, &id, ClusterState::Bootstrapping));
    let adopted = item(&ports);
    assert_eq!(
        (adopted.state, adopted.id),
        (InstanceState::Starting, Some(id.clone()))
    );
    deliver(&ports, &word(&ports, &id, ClusterState::Waiting));
    assert_eq!(item(&ports).state, InstanceState::Ready);
}

#[test]
fn what_nobody_asked_for_is_ended_and_changes_nothing() {
    let (ports, id) = world(10, InstanceState::Starting);
    let stray = ports.compute.add_cluster(&key(1), ClusterState::Starting);
    let unknown = ports.compute.add_cluster(&key(7), ClusterState::Starting);
    let stored = item(&ports);
    for leak in [&stray, &unknown] {
        let up = word(&ports, leak, ClusterState::Waiting);
        assert_eq!(deliver(&ports, &up), Verdict::Done);
        assert_eq!(terminated(&ports), std::slice::from_ref(leak));
        let end = word(&ports, leak, ClusterState::TerminatedWithErrors);
        assert_eq!(deliver(&ports, &end), Verdict::Done);
        assert!(terminated(&ports).is_empty(), "it ends already");
    }
    assert_eq!(item(&ports), stored);
    assert!(facts(&ports).is_empty());
    assert_ne!(stray, id);
}

#[test]
fn an_instance_that_comes_up_after_its_window_is_drained_and_never_ready() {
    let (ports, id) = world(181, InstanceState::Starting);
    let up = word(&ports, &id, ClusterState::Waiting);
    for _ in 0..2 {
        assert_eq!(deliver(&ports, &up), Verdict::Done);
        let sent = ports.bus.take_sent();
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].0, Function::TerminateCluster);
        assert_eq!(sent[0].1.message, Message::Drain(key(1)));
        assert_eq!(item(&ports).state, InstanceState::Starting);
        assert!(facts(&ports).is_empty());
    }
}

fn attempt(task: &str) -> AttemptKey {
    format!("weather--daily--slot--{task}--1-1")
        .parse()
        .unwrap()
}

fn running(ports: &TestPorts, id: &EmrClusterId, number: u32, name: &str, seen: Option<WorkState>) {
    let key = attempt(name);
    let submission = SubmissionId::from(format!("s-{name}"));
    ports.store.seed(&lot(number, &key));
    ports.store.seed(&Task {
        run: key.run.clone(),
        task: key.task.clone(),
        team: "weather".parse().unwrap(),
        workflow: "daily".parse().unwrap(),
        state: TaskState::Running,
        generation: 1,
        attempt: 1,
        failures: Failures::default(),
        epoch: 1,
        claim: Some(Claim {
            since: model::Timestamp::UNIX_EPOCH,
            lease_until: minute(63),
            place: Place::Instance(id.clone()),
            instance: Some(testkit::night::key(1)),
            limits: vec![],
            seeks: Vec::new(),
        }),
        submission: Some(submission.clone()),
        cluster: None,
        reason: None,
        ready_at: minute(61),
        submitted_at: Some(minute(61)),
        started_at: Some(minute(62)),
        ended_at: None,
        failure: None,
        stopping: None,
        due_at: None,
    });
    if let Some(state) = seen {
        ports.compute.add_work(WorkObservation {
            key,
            place: Place::Instance(id.clone()),
            submission,
            state,
            reason: None,
            at: minute(65),
        });
    }
}

#[test]
fn the_end_of_an_instance_reaches_every_step_that_was_open_on_it() {
    let (ports, id) = world(100, InstanceState::Ready);
    running(&ports, &id, 0, "done", Some(WorkState::Succeeded));
    running(&ports, &id, 1, "lost", Some(WorkState::Running));
    running(&ports, &id, 2, "gone", None);
    let end = word(&ports, &id, ClusterState::TerminatedWithErrors);
    for _ in 0..2 {
        assert_eq!(deliver(&ports, &end), Verdict::Done);
        let sent = ports.bus.take_sent();
        let told: Vec<String> = sent
            .iter()
            .map(|(inbox, outgoing)| match &outgoing.message {
                Message::Work(word) => format!("{inbox} {} {:?}", word.submission, word.state),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            told,
            [
                "observe-task s-done Succeeded",
                "observe-task s-lost Interrupted",
                "observe-task s-gone Interrupted",
            ]
        );
        assert_eq!(types(&facts(&ports)), ["murmur.cluster.failed.v1"]);
    }
    assert_eq!(item(&ports).due_at, Some(Seconds(90).after(minute(100))));
}

#[test]
fn a_crash_at_any_step_ends_in_the_same_place() {
    let settle = |crash: Option<(u64, bool)>| {
        let (ports, id) = world(100, InstanceState::Ready);
        running(&ports, &id, 0, "done", Some(WorkState::Succeeded));
        running(&ports, &id, 1, "lost", Some(WorkState::Running));
        let end = word(&ports, &id, ClusterState::TerminatedWithErrors);
        match crash {
            Some((step, true)) => ports.faults.crash_after(step),
            Some((step, false)) => ports.faults.crash_before(step),
            None => {}
        }
        let verdict = deliver(&ports, &end);
        let steps = ports.faults.steps();
        if crash.is_some() {
            assert!(
                matches!(verdict, Verdict::Failed(_)),
                "{crash:?}: {verdict:?}"
            );
            ports.faults.heal();
            ports.clock.pass(Seconds(30));
            assert_eq!(deliver(&ports, &end), Verdict::Done, "{crash:?}");
        }
        let mut told: Vec<String> = ports
            .bus
            .take_sent()
            .iter()
            .map(|(_, outgoing)| format!("{:?}", outgoing.message))
            .collect();
        told.sort();
        told.dedup();
        let mut facts = facts(&ports);
        facts.dedup();
        let item = Instance {
            due_at: None,
            ..item(&ports)
        };
        (item, told, facts, steps)
    };
    let (item, told, facts, steps) = settle(None);
    assert_eq!((told.len(), facts.len(), steps), (2, 1, 4));
    for step in 1..=steps {
        for takes_effect in [false, true] {
            let (again, told_again, facts_again, _) = settle(Some((step, takes_effect)));
            assert_eq!(again, item, "step {step}");
            assert_eq!(told_again, told, "step {step}");
            assert_eq!(facts_again, facts, "step {step}");
        }
    }
}

#[test]
fn a_lookup_that_fails_changes_nothing_until_it_succeeds() {
    let (ports, id) = world(10, InstanceState::Starting);
    let up = word(&ports, &id, ClusterState::Running);
    ports.compute.fail_lookups(1);
    assert!(matches!(deliver(&ports, &up), Verdict::Failed(_)));
    assert_eq!(item(&ports).state, InstanceState::Starting);
    assert_eq!(deliver(&ports, &up), Verdict::Done);
    assert_eq!(item(&ports).state, InstanceState::Ready);
}
