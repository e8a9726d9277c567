//! Steps on a cluster.

use local::compute::logs;
use local::compute_events::LocalCompute;
use model::observation::WorkState;
use model::task::Place;
use model::units::Seconds;
use ports::{Compute, SubmitError};

use crate::machine::{Machine, configuration, key, lives, queue, ready, shell, step};

#[test]
fn a_step_ends_as_its_process_did() {
    let mut machine = Machine::new(configuration());
    let (_, place) = machine.cluster(4);
    for (script, state, reason) in [
        ("exit 0", WorkState::Succeeded, None),
        ("exit 3", WorkState::Failed, Some("exit code 3")),
        ("kill -9 $$", WorkState::Failed, Some("killed by signal 9")),
    ] {
        let work = shell(&machine, "one", script);
        let id = machine.submit(&place, &work).unwrap();
        assert_eq!(machine.describe(&place, &id).state, WorkState::Pending);
        let ended = machine.ended(&place, &id);
        assert_eq!(
            (ended.state, ended.reason.as_deref()),
            (state, reason),
            "{script}"
        );
        assert_eq!(
            machine.said_of(&id),
            [WorkState::Running, state],
            "{script}"
        );
        assert!(id.as_str().starts_with("s-"));
    }
    let found = ready(machine.compute.find(&place, &key("one"))).unwrap();
    assert_eq!(found.len(), 3);
}

#[test]
fn output_is_captured_and_a_missing_program_is_named_there() {
    let mut machine = Machine::new(configuration());
    let (_, place) = machine.cluster(4);
    let work = shell(
        &machine,
        "talks",
        "echo out; echo err >&2; echo $MURMUR_TASK",
    );
    machine.run(&place, &work);
    let log = &logs::of_attempt(&machine.data, &key("talks")).unwrap()[0];
    assert_eq!(
        std::fs::read_to_string(&log.stdout).unwrap(),
        "out\ntalks\n"
    );
    assert_eq!(std::fs::read_to_string(&log.stderr).unwrap(), "err\n");

    let missing = machine.run(&place, &step("missing", &["no-such-program"]));
    assert_eq!(missing.state, WorkState::Failed);
    let reason = "the program `no-such-program` is not on this machine";
    assert_eq!(missing.reason.as_deref(), Some(reason));
    let log = &logs::of_attempt(&machine.data, &key("missing")).unwrap()[0];
    assert_eq!(
        std::fs::read_to_string(&log.stderr).unwrap(),
        format!("murmur: {reason}\n")
    );
}

#[test]
fn steps_run_first_come_first_served_and_never_more_at_once_than_the_cluster_allows() {
    let mut machine = Machine::new(configuration());
    let (_, place) = machine.cluster(2);
    // Each waits for its own gate, so that the order of ends is ours.
    let ids: Vec<_> = (0..5)
        .map(|number| {
            let script = format!("until [ -e $DATA/gate{number} ]; do sleep 0.01; done");
            let work = shell(&machine, &format!("t{number}"), &script);
            machine.submit(&place, &work).unwrap()
        })
        .collect();
    let running = |machine: &Machine| -> Vec<usize> {
        let state = |id| machine.describe(&place, id).state;
        (0..5)
            .filter(|n| state(&ids[*n]) == WorkState::Running)
            .collect()
    };
    machine.look();
    assert_eq!(running(&machine), [0, 1]);
    assert_eq!(machine.compute.in_flight(), 2);
    for (ended, then) in [(1, vec![0, 2]), (0, vec![2, 3]), (3, vec![2, 4])] {
        std::fs::write(machine.file(&format!("gate{ended}")), "").unwrap();
        machine.ended(&place, &ids[ended]);
        assert_eq!(running(&machine), then);
    }
    for gate in [2, 4] {
        std::fs::write(machine.file(&format!("gate{gate}")), "").unwrap();
        assert_eq!(
            machine.ended(&place, &ids[gate]).state,
            WorkState::Succeeded
        );
    }
}

#[test]
fn a_cluster_takes_steps_before_it_is_up_and_runs_them_then() {
    let mut machine = Machine::new(configuration());
    let id = machine.request(&crate::machine::cluster_request(1, 1));
    let place = Place::Instance(id);
    let work = shell(&machine, "early", "exit 0");
    let step = machine.submit(&place, &work).unwrap();
    machine.advance_clock(Seconds(89));
    assert_eq!(machine.describe(&place, &step).state, WorkState::Pending);
    assert_eq!(machine.compute.in_flight(), 0);
    machine.advance_clock(Seconds(1));
    assert_eq!(machine.ended(&place, &step).state, WorkState::Succeeded);
}

#[test]
fn more_than_256_open_steps_are_refused_as_a_whole_until_there_is_room() {
    let mut machine = Machine::new(configuration());
    let (_, place) = machine.cluster(1);
    let blocks = shell(
        &machine,
        "first",
        "until [ -e $DATA/gate ]; do sleep 0.01; done",
    );
    let first = machine.submit(&place, &blocks).unwrap();
    machine.look();
    let many: Vec<_> = (0..255)
        .map(|n| step(&format!("t{n}"), &["true"]))
        .collect();
    let answers = ready(machine.compute.submit(&place, &many));
    assert!(answers.iter().all(Result::is_ok));
    let refused = machine.submit(&place, &step("late", &["true"]));
    assert!(
        matches!(refused, Err(SubmitError::Throttled { .. })),
        "{refused:?}"
    );
    let found = ready(machine.compute.find(&place, &key("late"))).unwrap();
    assert_eq!(found, []);

    let listed = ready(
        machine
            .compute
            .list_steps(&cluster_of(&place), &[key("t0")]),
    )
    .unwrap();
    assert_eq!(listed[0].key, key("t254"), "newest first");
    assert_eq!(listed.len(), 256, "until what is wanted was seen");
    let listed = ready(
        machine
            .compute
            .list_steps(&cluster_of(&place), &[key("t250")]),
    )
    .unwrap();
    assert_eq!(listed.len(), 50, "one page is enough");

    let ids: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    ready(machine.compute.cancel(&place, &ids[..1], "enough")).unwrap();
    machine.look();
    machine.submit(&place, &step("late", &["true"])).unwrap();
    ready(machine.compute.cancel(&place, &ids, "enough")).unwrap();
    std::fs::write(machine.file("gate"), "").unwrap();
    assert_eq!(machine.ended(&place, &first).state, WorkState::Succeeded);
}

#[test]
fn what_cannot_be_a_step_is_refused_and_the_rest_of_the_call_is_taken() {
    let mut machine = Machine::new(configuration());
    let (_, place) = machine.cluster(4);
    let long = "x".repeat(10_241);
    let answers = ready(machine.compute.submit(
        &place,
        &[
            step("empty", &[]),
            step("good", &["true"]),
            step("long", &["echo", &long]),
        ],
    ));
    let refused = |answer: &Result<_, _>| matches!(answer, Err(SubmitError::Refused { .. }));
    assert!(
        refused(&answers[0]) && answers[1].is_ok() && refused(&answers[2]),
        "{answers:?}"
    );
    let misplaced = machine.submit(&queue(), &step("misplaced", &["true"]));
    assert!(refused(&misplaced));
    let nowhere = Place::Instance("j-UNKNOWN".into());
    let answer = machine.submit(&nowhere, &step("a", &["true"]));
    assert!(
        matches!(answer, Err(SubmitError::Gone { .. })),
        "{answer:?}"
    );
}

#[test]
fn cancelling_ends_everything_a_step_has_started() {
    let mut machine = Machine::new(configuration());
    let (_, place) = machine.cluster(4);
    // One child in the group, one that left it for a session of its own.
    let script = "sleep 1000 & echo $! > $DATA/child; echo $$ > $DATA/leader; \
                  setsid sh -c 'echo $$ > $DATA/stranger; exec sleep 1000' & \
                  until [ -s $DATA/stranger ]; do sleep 0.01; done; touch $DATA/ready; wait";
    let work = shell(&machine, "family", script);
    let id = machine.submit(&place, &work).unwrap();
    machine.until("the family is up", |machine| machine.file("ready").exists());
    let pids = ["leader", "child", "stranger"]
        .map(|name| machine.read(name))
        .concat();
    let pids: Vec<&str> = pids.split_whitespace().collect();
    assert_eq!(pids.len(), 3);
    assert!(pids.iter().all(|pid| lives(pid)));

    ready(
        machine
            .compute
            .cancel(&place, std::slice::from_ref(&id), "by ann"),
    )
    .unwrap();
    let state = machine.describe(&place, &id).state;
    assert_eq!(state, WorkState::Running, "cancelling is asynchronous");
    let ended = machine.ended(&place, &id);
    assert_eq!(
        (ended.state, ended.reason.as_deref()),
        (WorkState::Cancelled, Some("by ann"))
    );
    assert_eq!(pids.iter().filter(|pid| lives(pid)).count(), 0);
}

#[test]
fn who_ignores_sigterm_is_killed_after_the_grace() {
    let mut machine = Machine::new(configuration());
    let (_, place) = machine.cluster(4);
    let script = "trap 'touch $DATA/asked' TERM; touch $DATA/ready; \
                  while :; do sleep 0.01; done";
    let work = shell(&machine, "stubborn", script);
    let id = machine.submit(&place, &work).unwrap();
    machine.until("it runs", |machine| machine.file("ready").exists());
    ready(
        machine
            .compute
            .cancel(&place, std::slice::from_ref(&id), "by ann"),
    )
    .unwrap();
    machine.until("it was asked", |machine| machine.file("asked").exists());
    assert_eq!(machine.describe(&place, &id).state, WorkState::Running);
    machine.advance_clock(Seconds(5));
    assert_eq!(machine.ended(&place, &id).state, WorkState::Cancelled);
}

#[test]
fn a_pending_step_that_is_cancelled_never_runs() {
    let mut machine = Machine::new(configuration());
    let (_, place) = machine.cluster(1);
    let work = shell(
        &machine,
        "first",
        "until [ -e $DATA/gate ]; do sleep 0.01; done",
    );
    let first = machine.submit(&place, &work).unwrap();
    let work = shell(&machine, "second", "touch $DATA/ran");
    let second = machine.submit(&place, &work).unwrap();
    machine.look();
    ready(
        machine
            .compute
            .cancel(&place, std::slice::from_ref(&second), "by ann"),
    )
    .unwrap();
    assert_eq!(machine.ended(&place, &second).state, WorkState::Cancelled);
    assert_eq!(machine.said_of(&second), [WorkState::Cancelled]);
    std::fs::write(machine.file("gate"), "").unwrap();
    machine.ended(&place, &first);
    machine.settle("2026-03-01T00:10:00Z");
    assert!(!machine.file("ran").exists());
}

fn cluster_of(place: &Place) -> model::id::EmrClusterId {
    match place {
        Place::Instance(id) => id.clone(),
        Place::Queue(_) => unreachable!("it is a cluster"),
    }
}
