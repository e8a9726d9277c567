//! The compute that runs nothing.

use local::compute::NothingCompute;
use local::compute_events::LocalCompute;
use model::message::Message;
use model::observation::{ClusterState, WorkState};
use ports::{Clock, Compute};

use crate::machine::{HandClock, cluster_request, key, queue, ready, step};

#[test]
fn work_is_taken_and_at_the_next_look_has_run_and_succeeded() {
    let clock = HandClock::at("2026-03-01T00:00:00Z");
    let compute = NothingCompute::new(clock.clone());
    assert_eq!(compute.next_timer(), None);
    let work = [step("a", &["true"]), step("b", &["true"])];
    let ids = ready(compute.submit(&queue(), &work));
    let ids: Vec<_> = ids.into_iter().map(Result::unwrap).collect();
    assert_ne!(ids[0], ids[1]);
    assert_eq!(compute.next_timer(), Some(clock.now()));
    let state = |compute: &NothingCompute<_>| {
        let found = ready(compute.find(&queue(), &key("a"))).unwrap();
        assert_eq!(found[0].submission, ids[0]);
        found[0].state
    };
    assert_eq!(state(&compute), WorkState::Pending);
    let mut heard = Vec::new();
    let mark = compute.advance(clock.now(), &mut heard).unwrap();
    compute.acknowledge(mark).unwrap();
    let said: Vec<_> = heard
        .iter()
        .map(|(_, message)| match message {
            Message::Work(one) => (one.submission.clone(), one.state),
            other => panic!("{other:?}"),
        })
        .collect();
    let both = |id: &model::id::SubmissionId| {
        [WorkState::Running, WorkState::Succeeded].map(|state| (id.clone(), state))
    };
    assert_eq!(said, [both(&ids[0]), both(&ids[1])].concat());
    assert_eq!(state(&compute), WorkState::Succeeded);
    assert_eq!((compute.in_flight(), compute.next_timer()), (0, None));
}

#[test]
fn what_ended_long_ago_is_forgotten() {
    let clock = HandClock::at("2026-03-01T00:00:00Z");
    let compute = NothingCompute::new(clock.clone());
    for number in 0..2000 {
        ready(compute.submit(&queue(), &[step(&format!("t{number}"), &["true"])]));
        compute.advance(clock.now(), &mut Vec::new()).unwrap();
    }
    let found = |task: &str| ready(compute.find(&queue(), &key(task))).unwrap().len();
    assert_eq!((found("t0"), found("t1999")), (0, 1));
}

#[test]
fn clusters_are_up_and_gone_at_once() {
    let clock = HandClock::at("2026-03-01T00:00:00Z");
    let compute = NothingCompute::new(clock.clone());
    let id = ready(compute.request_cluster(&cluster_request(1, 1))).unwrap();
    let mut heard = Vec::new();
    compute.advance(clock.now(), &mut heard).unwrap();
    ready(compute.terminate_clusters(&[id])).unwrap();
    compute.advance(clock.now(), &mut heard).unwrap();
    compute.advance(clock.now(), &mut heard).unwrap();
    let said: Vec<_> = heard
        .iter()
        .map(|(_, message)| match message {
            Message::Cluster(one) => one.state,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(said, [ClusterState::Waiting, ClusterState::Terminated]);
}
