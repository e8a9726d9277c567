//! How clusters come and go.

use std::collections::BTreeMap;

use local::compute::{ClusterFaults, LocalConfiguration};
use local::compute_events::LocalCompute;
use model::cluster::Endpoint;
use model::observation::{ClusterState, WorkState};
use model::task::Place;
use model::units::Seconds;
use ports::{Compute, SubmitError};

use crate::machine::{Machine, cluster_request, configuration, lives, ready, shell, step};

#[test]
fn a_cluster_takes_its_time_to_come_and_to_go() {
    let mut machine = Machine::new(configuration());
    let id = machine.request(&cluster_request(1, 1));
    let tail = id.as_str().strip_prefix("j-").unwrap();
    assert_eq!(tail.len(), 13);
    machine.settle("2026-03-01T00:10:00Z");
    ready(
        machine
            .compute
            .terminate_clusters(std::slice::from_ref(&id)),
    )
    .unwrap();
    assert_eq!(
        machine.cluster_state(&id),
        ClusterState::Terminating,
        "asynchronous"
    );
    ready(
        machine
            .compute
            .terminate_clusters(std::slice::from_ref(&id)),
    )
    .unwrap();
    machine.settle("2026-03-01T00:10:00Z");
    assert_eq!(
        machine.said_of_cluster(&id),
        [
            (ClusterState::Starting, 0),
            (ClusterState::Bootstrapping, 60),
            (ClusterState::Waiting, 90),
            (ClusterState::Terminating, 90),
            (ClusterState::Terminated, 110),
        ]
    );
    assert_eq!(machine.compute.next_timer(), None);
}

#[test]
fn a_clock_that_leaps_leaves_no_state_out() {
    let mut machine = Machine::new(configuration());
    let id = machine.request(&cluster_request(1, 1));
    machine.advance_clock(Seconds::hours(5));
    assert_eq!(
        machine.said_of_cluster(&id),
        [
            (ClusterState::Starting, 0),
            (ClusterState::Bootstrapping, 60),
            (ClusterState::Waiting, 90),
            (ClusterState::Terminating, 3690),
            (ClusterState::Terminated, 3710),
        ]
    );
}

#[test]
fn an_endpoint_is_told_while_the_cluster_is_up_and_only_when_described() {
    let mut machine = Machine::new(configuration());
    let id = machine.request(&cluster_request(1, 1));
    let endpoint = |machine: &Machine| {
        let described = ready(machine.compute.describe_cluster(&id)).unwrap();
        described.unwrap().endpoint
    };
    assert_eq!(endpoint(&machine), None);
    machine.settle("2026-03-01T00:10:00Z");
    let lower = id.as_str().to_lowercase();
    let expected = Endpoint {
        name: None,
        master_dns: format!("{lower}.localhost"),
        private_ip: Some("127.0.0.1".into()),
        ports: BTreeMap::from([("presto".into(), 8889), ("spark".into(), 18080)]),
    };
    assert_eq!(endpoint(&machine), Some(expected));
    let start = "2026-03-01T00:00:00Z".parse().unwrap();
    let listed = ready(machine.compute.list_clusters(start)).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].instance, cluster_request(1, 1).instance);
    assert_eq!(listed[0].endpoint, None);
    let later = "2026-03-01T00:00:01Z".parse().unwrap();
    assert_eq!(ready(machine.compute.list_clusters(later)).unwrap(), []);
    ready(
        machine
            .compute
            .terminate_clusters(std::slice::from_ref(&id)),
    )
    .unwrap();
    assert_eq!(endpoint(&machine), None);
    assert_eq!(
        ready(machine.compute.describe_cluster(&"j-NONE".into())).unwrap(),
        None
    );
}

#[test]
fn terminating_cancels_what_is_open_and_takes_nothing_new() {
    let mut machine = Machine::new(configuration());
    let (id, place) = machine.cluster(1);
    let script = "echo $$ > $DATA/pid; touch $DATA/ready; sleep 1000";
    let running = machine
        .submit(&place, &shell(&machine, "running", script))
        .unwrap();
    let pending = machine
        .submit(&place, &shell(&machine, "pending", "touch $DATA/ran"))
        .unwrap();
    machine.until("it runs", |machine| machine.file("ready").exists());
    assert_eq!(machine.cluster_state(&id), ClusterState::Running);
    ready(
        machine
            .compute
            .terminate_clusters(std::slice::from_ref(&id)),
    )
    .unwrap();
    let late = machine.submit(&place, &step("late", &["true"]));
    assert!(matches!(late, Err(SubmitError::Gone { .. })), "{late:?}");
    for step in [&running, &pending] {
        assert_eq!(machine.ended(&place, step).state, WorkState::Cancelled);
    }
    assert!(!lives(machine.read("pid").trim()));
    assert!(!machine.file("ran").exists());
    assert_eq!(machine.cluster_state(&id), ClusterState::Terminating);
    machine.advance_clock(Seconds(20));
    assert_eq!(machine.cluster_state(&id), ClusterState::Terminated);
    let late = machine.submit(&place, &step("late", &["true"]));
    assert!(matches!(late, Err(SubmitError::Gone { .. })), "{late:?}");
}

#[test]
fn a_cluster_that_dies_takes_its_running_steps_with_it() {
    let mut machine = Machine::new(configuration());
    let (id, place) = machine.cluster(1);
    let script = "trap '' TERM; echo $$ > $DATA/pid; touch $DATA/ready; sleep 1000";
    let running = machine
        .submit(&place, &shell(&machine, "running", script))
        .unwrap();
    let pending = machine
        .submit(&place, &shell(&machine, "pending", "touch $DATA/ran"))
        .unwrap();
    machine.until("it runs", |machine| machine.file("ready").exists());
    assert!(machine.compute.kill_cluster(&id, "the rack burns").unwrap());
    let ended = machine.ended(&place, &running);
    assert_eq!(ended.state, WorkState::Interrupted);
    assert!(ended.reason.unwrap().contains("the rack burns"));
    assert_eq!(machine.ended(&place, &pending).state, WorkState::Cancelled);
    assert!(!lives(machine.read("pid").trim()));
    assert!(!machine.file("ran").exists());
    assert_eq!(
        machine.cluster_state(&id),
        ClusterState::TerminatedWithErrors
    );
    assert!(!machine.compute.kill_cluster(&id, "again").unwrap());
}

#[test]
fn clusters_fail_and_die_as_they_are_told_to() {
    let faults = ClusterFaults {
        failed_starts: 1,
        deaths: 1,
        dies_after: Seconds(600),
    };
    let mut machine = Machine::new(LocalConfiguration {
        cluster_faults: [("weather/etl".parse().unwrap(), faults)].into(),
        ..configuration()
    });
    let ids = [1, 2, 3].map(|ordinal| machine.request(&cluster_request(ordinal, 1)));
    machine.settle("2026-03-01T03:00:00Z");
    let ends = ids.map(|id| machine.said_of_cluster(&id).last().copied().unwrap());
    assert_eq!(
        ends,
        [
            (ClusterState::TerminatedWithErrors, 90),
            (ClusterState::TerminatedWithErrors, 690),
            (ClusterState::Terminated, 90 + 3600 + 20),
        ]
    );
}

#[test]
fn a_cluster_with_work_is_not_idle() {
    let mut machine = Machine::new(configuration());
    let (id, place) = machine.cluster(1);
    let script = "until [ -e $DATA/gate ]; do sleep 0.01; done";
    let work = machine
        .submit(&place, &shell(&machine, "long", script))
        .unwrap();
    machine.look();
    machine.advance_clock(Seconds::hours(2));
    assert_eq!(machine.cluster_state(&id), ClusterState::Running);
    std::fs::write(machine.file("gate"), "").unwrap();
    machine.ended(&place, &work);
    assert_eq!(machine.cluster_state(&id), ClusterState::Waiting);
    machine.advance_clock(Seconds::hours(1));
    assert_eq!(machine.cluster_state(&id), ClusterState::Terminating);
    assert_eq!(place, Place::Instance(id));
}
