//! Jobs of Batch queues.

use local::compute::{LocalConfiguration, logs};
use local::compute_events::LocalCompute;
use model::observation::WorkState;
use model::units::Seconds;
use model::work::{JobSpec, Submission, Work};
use ports::{Compute, SubmitError};

use crate::machine::{Machine, configuration, job, key, queue, ready, shell_job};

fn array(machine: &Machine, size: u32, script: &str) -> Submission {
    let mut submission = shell_job(machine, "array", script);
    let Work::Job(spec) = &mut submission.work else {
        unreachable!("it is a job");
    };
    spec.array_size = Some(size);
    submission
}

#[test]
fn a_job_ends_as_its_process_did() {
    let mut machine = Machine::new(configuration());
    for (script, state, reason) in [
        ("exit 0", WorkState::Succeeded, None),
        ("exit 7", WorkState::Failed, Some("exit code 7")),
    ] {
        let work = shell_job(&machine, "one", script);
        let ended = machine.run(&queue(), &work);
        assert_eq!(
            (ended.state, ended.reason.as_deref()),
            (state, reason),
            "{script}"
        );
        assert_eq!(
            machine.said_of(&ended.submission),
            [WorkState::Running, state]
        );
    }
}

#[test]
fn what_batch_refuses_is_refused() {
    let machine = Machine::new(configuration());
    let spec = |change: fn(&mut JobSpec)| {
        let mut spec = JobSpec {
            definition: "any".into(),
            command: vec!["true".into()],
            ..JobSpec::default()
        };
        change(&mut spec);
        job("one", spec)
    };
    let hurried = Submission {
        timeout: Some(Seconds(59)),
        ..spec(|_| {})
    };
    for (submission, why) in [
        (
            spec(|spec| spec.definition = "none".into()),
            "known are: any",
        ),
        (
            spec(|spec| spec.command.clear()),
            "nor the job gives a command",
        ),
        (
            spec(|spec| spec.array_size = Some(1)),
            "2 to 10000 children, not 1",
        ),
        (spec(|spec| spec.array_size = Some(10_001)), "not 10001"),
        (
            spec(|spec| spec.command.push("x".repeat(31 * 1024))),
            "at most 30720",
        ),
        (hurried, "at least 1m, not 59s"),
    ] {
        match machine.submit(&queue(), &submission) {
            Err(SubmitError::Refused { reason }) => assert!(reason.contains(why), "{reason}"),
            other => panic!("{why}: {other:?}"),
        }
    }
}

#[test]
fn a_job_that_takes_too_long_is_ended_by_batch() {
    let mut machine = Machine::new(configuration());
    let work = Submission {
        timeout: Some(Seconds(60)),
        ..shell_job(&machine, "long", "touch $DATA/ready; sleep 1000")
    };
    let id = machine.submit(&queue(), &work).unwrap();
    machine.until("it runs", |machine| machine.file("ready").exists());
    machine.advance_clock(Seconds(59));
    assert_eq!(machine.describe(&queue(), &id).state, WorkState::Running);
    let next = machine.compute.next_timer().unwrap();
    assert_eq!(next.to_string(), "2026-03-01T00:01:00Z");
    machine.advance_clock(Seconds(1));
    let ended = machine.ended(&queue(), &id);
    assert_eq!(ended.state, WorkState::Failed);
    assert_eq!(
        ended.reason.as_deref(),
        Some("Job attempt duration exceeded timeout")
    );
}

#[test]
fn a_job_that_is_cancelled_has_failed_with_the_reason_given() {
    let mut machine = Machine::new(configuration());
    let work = shell_job(&machine, "long", "touch $DATA/ready; sleep 1000");
    let id = machine.submit(&queue(), &work).unwrap();
    machine.until("it runs", |machine| machine.file("ready").exists());
    ready(
        machine
            .compute
            .cancel(&queue(), std::slice::from_ref(&id), "by ann"),
    )
    .unwrap();
    let ended = machine.ended(&queue(), &id);
    assert_eq!(
        (ended.state, ended.reason.as_deref()),
        (WorkState::Failed, Some("by ann"))
    );
}

#[test]
fn a_queue_runs_as_many_jobs_at_once_as_it_is_configured_to() {
    let mut machine = Machine::new(LocalConfiguration {
        queues: [("light".to_owned(), 3)].into(),
        ..configuration()
    });
    let script = "until [ -e $DATA/gate ]; do sleep 0.01; done";
    let ids: Vec<_> = (0..5)
        .map(|n| shell_job(&machine, &format!("t{n}"), script))
        .map(|work| machine.submit(&queue(), &work).unwrap())
        .collect();
    machine.look();
    assert_eq!(machine.compute.in_flight(), 3);
    std::fs::write(machine.file("gate"), "").unwrap();
    for id in &ids {
        assert_eq!(machine.ended(&queue(), id).state, WorkState::Succeeded);
    }
}

#[test]
fn an_array_ends_once_and_only_as_a_whole() {
    let mut machine = Machine::new(configuration());
    let say = "echo $AWS_BATCH_JOB_ARRAY_INDEX of $AWS_BATCH_JOB_ARRAY_SIZE";
    let ended = machine.run(&queue(), &array(&machine, 5, say));
    assert_eq!(ended.state, WorkState::Succeeded);
    let said = machine.said_of(&ended.submission);
    assert_eq!(said, [WorkState::Running, WorkState::Succeeded]);
    assert_eq!(machine.heard.len(), 2, "children say nothing");
    let logs = logs::of_attempt(&machine.data, &key("array")).unwrap();
    let printed: Vec<_> = logs
        .iter()
        .map(|log| std::fs::read_to_string(&log.stdout).unwrap())
        .collect();
    let expected: Vec<_> = (0..5).map(|index| format!("{index} of 5\n")).collect();
    assert_eq!(printed, expected);
}

#[test]
fn an_array_fails_after_all_its_children_when_one_of_them_does() {
    let mut machine = Machine::new(configuration());
    let script = "touch $DATA/ran$AWS_BATCH_JOB_ARRAY_INDEX; [ $AWS_BATCH_JOB_ARRAY_INDEX != 0 ]";
    let ended = machine.run(&queue(), &array(&machine, 4, script));
    assert_eq!(ended.state, WorkState::Failed);
    assert_eq!(
        ended.reason.as_deref(),
        Some("Array Child Job failed: 1 of 4")
    );
    assert!((0..4).all(|index| machine.file(&format!("ran{index}")).exists()));
}

#[test]
fn an_array_that_is_cancelled_starts_no_further_children() {
    let mut machine = Machine::new(configuration());
    let script = "touch $DATA/ran$AWS_BATCH_JOB_ARRAY_INDEX; sleep 1000";
    let id = machine
        .submit(&queue(), &array(&machine, 100, script))
        .unwrap();
    machine.until("one runs", |machine| machine.file("ran0").exists());
    ready(
        machine
            .compute
            .cancel(&queue(), std::slice::from_ref(&id), "by ann"),
    )
    .unwrap();
    let ended = machine.ended(&queue(), &id);
    assert_eq!(
        (ended.state, ended.reason.as_deref()),
        (WorkState::Failed, Some("by ann"))
    );
    assert!(!machine.file("ran99").exists());
}
