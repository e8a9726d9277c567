//! What can be made to go wrong.

use local::compute::{Faults, SubmitAnswer};
use local::compute_events::LocalCompute;
use model::observation::{ClusterState, WorkState};
use model::units::Seconds;
use ports::{Clock, Compute, SubmitError};

use crate::machine::{Machine, cluster_request, configuration, key, queue, ready, shell_job};

#[test]
fn submitting_is_answered_as_it_was_told_to_be() {
    let machine = Machine::new(configuration());
    let answers = [
        SubmitAnswer::Throttled,
        SubmitAnswer::UnknownAndNotDone,
        SubmitAnswer::UnknownButDone,
        SubmitAnswer::True,
    ];
    machine.compute.set_faults(Faults {
        submit_answers: answers.into(),
        ..Faults::default()
    });
    let answers: Vec<_> = (0..5)
        .map(|n| machine.submit(&queue(), &shell_job(&machine, &format!("t{n}"), "exit 0")))
        .collect();
    assert!(matches!(answers[0], Err(SubmitError::Throttled { .. })));
    assert!(matches!(answers[1], Err(SubmitError::Unknown { .. })));
    assert!(matches!(answers[2], Err(SubmitError::Unknown { .. })));
    assert!(answers[3].is_ok() && answers[4].is_ok());
    let taken = |n: usize| {
        let found = ready(machine.compute.find(&queue(), &key(&format!("t{n}"))));
        found.unwrap().len()
    };
    assert_eq!([0, 1, 2, 3, 4].map(taken), [0, 0, 1, 1, 1]);
}

#[test]
fn a_cluster_whose_request_timed_out_is_found_by_its_name() {
    let mut machine = Machine::new(configuration());
    machine.compute.set_faults(Faults {
        submit_answers: [SubmitAnswer::UnknownButDone].into(),
        ..Faults::default()
    });
    let request = cluster_request(1, 1);
    let answer = ready(machine.compute.request_cluster(&request));
    assert!(
        matches!(answer, Err(SubmitError::Unknown { .. })),
        "{answer:?}"
    );
    machine.settle("2026-03-01T00:10:00Z");
    let start = "2026-03-01T00:00:00Z".parse().unwrap();
    let listed = ready(machine.compute.list_clusters(start)).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].instance, request.instance);
    assert_eq!(listed[0].state, ClusterState::Waiting);
}

#[test]
fn what_cannot_be_remembered_does_not_happen_until_it_can() {
    let mut machine = Machine::new(configuration());
    let work = shell_job(&machine, "one", "echo started >> $DATA/one");
    let id = machine.submit(&queue(), &work).unwrap();
    let disk = rusqlite::Connection::open(machine.file("compute.db")).unwrap();
    let full = "create trigger full before insert on submissions begin \
                select raise(abort, 'the disk is full'); end";
    disk.execute_batch(full).unwrap();
    for _ in 0..2 {
        let now = machine.clock.now();
        let error = machine
            .compute
            .advance(now, &mut machine.heard)
            .unwrap_err();
        assert!(error.reason.contains("the disk is full"), "{error}");
        assert!(
            machine.compute.next_timer().is_some(),
            "it is to be asked again"
        );
    }
    let answer = machine.submit(&queue(), &shell_job(&machine, "two", "exit 0"));
    assert!(
        matches!(answer, Err(SubmitError::Unknown { .. })),
        "{answer:?}"
    );
    assert_eq!(machine.heard, []);
    assert!(!machine.file("one").exists());

    disk.execute_batch("drop trigger full").unwrap();
    assert_eq!(machine.ended(&queue(), &id).state, WorkState::Succeeded);
    assert_eq!(machine.read("one"), "started\n");
    assert_eq!(
        machine.said_of(&id),
        [WorkState::Running, WorkState::Succeeded]
    );
    assert_eq!(
        ready(machine.compute.find(&queue(), &key("two"))).unwrap(),
        []
    );
}

#[test]
fn events_are_dropped_while_asking_tells_the_truth() {
    let mut machine = Machine::new(configuration());
    machine.compute.set_faults(Faults {
        drop_events: true,
        ..Faults::default()
    });
    let work = shell_job(&machine, "one", "exit 0");
    assert_eq!(machine.run(&queue(), &work).state, WorkState::Succeeded);
    assert_eq!(machine.heard, []);
}

#[test]
fn events_come_late_and_twice() {
    let mut machine = Machine::new(configuration());
    machine.compute.set_faults(Faults {
        delay_events: Seconds(30),
        duplicate_events: true,
        ..Faults::default()
    });
    let work = shell_job(&machine, "one", "exit 0");
    let ended = machine.run(&queue(), &work);
    assert_eq!(machine.heard, []);
    let due = machine.compute.next_timer().unwrap();
    assert_eq!(due.to_string(), "2026-03-01T00:00:30Z");
    machine.advance_clock(Seconds(30));
    let (running, succeeded) = (WorkState::Running, WorkState::Succeeded);
    let said = machine.said_of(&ended.submission);
    assert_eq!(said, [running, running, succeeded, succeeded]);
}
