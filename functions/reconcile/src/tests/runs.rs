//! Runs, retries, jobs and steps.

use model::cluster::{Instance, InstanceState};
use model::definition::Workflow;
use model::id::SubmissionId;
use model::limit::{LimitRef, Place as LimitPlace, SizedLimit};
use model::observation::{ClusterState, WorkObservation, WorkState};
use model::run::RunState;
use model::work::{JobSpec, Submission, Work};
use ports::Compute as _;
use testkit::{flow, night};

use super::*;

fn chain() -> Workflow {
    flow::workflow(&[("a", &[], ""), ("b", &["a"], ""), ("c", &["b"], "")])
}

/// A run that began so many minutes ago and is due to be looked at.
fn due(ports: &TestPorts, minutes: u64) -> Run {
    let mut run = flow::seed_run(&ports.store, &chain(), ago(ports, minutes));
    run.check_at = Some(ports.clock.now());
    ports.store.seed(&run);
    run
}

#[test]
fn what_was_lost_of_a_run_is_sent_again() {
    use TaskState::{Claimed, Retrying, Succeeded};
    type Case = (
        &'static [(&'static str, TaskState)],
        &'static [&'static str],
    );
    let table: [Case; 5] = [
        (&[], &["submit-task: ready a 1-1"]),
        (
            &[("a", Succeeded)],
            &["advance-run: murmur.task.succeeded.v1 team--flow--20260301/a"],
        ),
        (
            &[("a", Succeeded), ("b", Claimed)],
            &["submit-task: ready b 1-1"],
        ),
        (
            &[("a", Succeeded), ("b", Retrying)],
            &["submit-task: ready b 1-1"],
        ),
        (
            &[("a", Succeeded), ("b", Succeeded), ("c", Succeeded)],
            &["advance-run: murmur.task.succeeded.v1 team--flow--20260301/c"],
        ),
    ];
    for (tasks, expected) in table {
        let ports = world();
        let run = due(&ports, 20);
        for (name, state) in tasks {
            ports.store.seed(&task(&run, name, *state, ago(&ports, 15)));
        }
        assert_eq!(swept(&ports), expected, "{tasks:?}");
    }
}

#[test]
fn a_run_is_looked_at_less_and_less_often() {
    for (age, pause) in [(1, 15), (20, 40), (25, 50), (600, 60)] {
        let ports = world();
        let run = due(&ports, age);
        sweep(&ports);
        let next = Seconds::minutes(pause).after(ports.clock.now());
        assert_eq!(
            the_run(&ports, &run).check_at,
            Some(next),
            "after {age} minutes"
        );
        ports.bus.take_sent();
        assert!(swept(&ports).is_empty(), "it is not due again");
    }
}

#[test]
fn a_run_that_has_ended_is_looked_at_no_more() {
    let ports = world();
    let mut run = due(&ports, 20);
    run.state = RunState::Succeeded;
    ports.store.seed(&run);
    assert!(swept(&ports).is_empty());
    assert_eq!(the_run(&ports, &run).check_at, None);
}

#[test]
fn a_run_that_waits_is_asked_for_again_once_nothing_is_full() {
    let limit = LimitRef::WorkflowRuns("team/flow".parse().unwrap());
    for (held, expected) in [
        (true, &[][..]),
        (false, &["start-run: start team/flow 2026-03-01"]),
    ] {
        let ports = world();
        let mut run = due(&ports, 20);
        run.state = RunState::Waiting;
        run.limits = vec![SizedLimit {
            limit: limit.clone(),
            size: 1,
        }];
        ports.store.seed(&run);
        if held {
            ports.store.seed(&LimitPlace {
                limit: limit.clone(),
                number: 0,
                holder: "another".into(),
                epoch: 1,
                since: ports.clock.now(),
                timeout_at: None,
                due_at: None,
            });
        }
        assert_eq!(swept(&ports), expected);
    }
}

#[test]
fn a_retry_that_is_due_is_sent_once() {
    let ports = world();
    let run = flow::seed_run(&ports.store, &chain(), ago(&ports, 60));
    let mut retry = task(&run, "a", TaskState::Retrying, ago(&ports, 40));
    retry.attempt = 2;
    retry.due_at = Some(ago(&ports, 1));
    ports.store.seed(&retry);
    assert_eq!(swept(&ports), ["submit-task: ready a 1-2"]);
    assert!(swept(&ports).is_empty());
}

#[test]
fn a_retry_that_was_overtaken_is_disarmed() {
    let ports = world();
    let run = flow::seed_run(&ports.store, &chain(), ago(&ports, 60));
    let mut overtaken = task(&run, "a", TaskState::Cancelled, ago(&ports, 40));
    overtaken.due_at = Some(ago(&ports, 1));
    ports.store.seed(&overtaken);
    assert!(swept(&ports).is_empty());
    assert_eq!(ports.store.all::<Task>()[0].due_at, None);
}

/// Submits a task's job for real, so many minutes ago.
fn submit(ports: &TestPorts, mut task: Task, minutes: u64) -> SubmissionId {
    let place = Place::Queue("queue".into());
    let submission = Submission {
        key: task.attempt_key(),
        work: Work::Job(JobSpec::default()),
        timeout: None,
        execution_role: None,
        tags: Default::default(),
    };
    let mut ids = block_on(ports.compute.submit(&place, &[submission]));
    let id = ids.remove(0).unwrap();
    task.submission = Some(id.clone());
    task.submitted_at = Some(ago(ports, minutes));
    ports.store.seed(&task);
    id
}

fn with_job(minutes: u64) -> (TestPorts, Run, SubmissionId) {
    let ports = world();
    let run = due(&ports, 200);
    let job = task(&run, "a", TaskState::Submitted, ago(&ports, minutes));
    let job = submit(&ports, job, minutes);
    (ports, run, job)
}

#[test]
fn the_service_is_asked_about_a_job_whose_event_may_be_lost() {
    let table = [
        (11, WorkState::Pending, &[][..]),
        (
            11,
            WorkState::Running,
            &["observe-task: team--flow--20260301--a--1-1 Running"],
        ),
        (
            11,
            WorkState::Succeeded,
            &["observe-task: team--flow--20260301--a--1-1 Succeeded"],
        ),
        (9, WorkState::Succeeded, &[]),
    ];
    for (minutes, state, expected) in table {
        let (ports, _, job) = with_job(minutes);
        ports.compute.set_work(&job, state, None);
        assert_eq!(swept(&ports), expected, "{minutes} {state:?}");
    }
}

#[test]
fn a_job_the_service_has_long_forgotten_is_lost() {
    for (minutes, expected) in [
        (59, &[][..]),
        (
            60,
            &["observe-task: team--flow--20260301--a--1-1 Interrupted"],
        ),
    ] {
        let (ports, ..) = with_job(minutes);
        let mut forgotten = ports.store.all::<Task>().remove(0);
        forgotten.submission = Some("job-forgotten".into());
        ports.store.seed(&forgotten);
        assert_eq!(swept(&ports), expected, "{minutes}");
    }
}

#[test]
fn a_run_whose_job_was_not_answered_for_stays_due() {
    let (ports, run, job) = with_job(30);
    ports.compute.set_work(&job, WorkState::Failed, None);
    ports.compute.fail_lookups(1);
    assert!(matches!(sweep(&ports), Verdict::Failed(_)));
    assert_eq!(the_run(&ports, &run).check_at, run.check_at);
    assert_eq!(
        swept(&ports),
        ["observe-task: team--flow--20260301--a--1-1 Failed"]
    );
}

#[test]
fn a_step_that_no_look_at_its_instance_would_see_is_seen_by_its_run() {
    let told = &["observe-task: team--flow--20260301--a--1-1 Succeeded"][..];
    let lost = &["observe-task: team--flow--20260301--a--1-1 Interrupted"][..];
    let (ready, ended) = (InstanceState::Ready, InstanceState::Terminated);
    let (seen, unlisted) = (Some(WorkState::Succeeded), None);
    for (minutes, instance, has_place, listed, expected) in [
        (11, ready, false, seen, told),
        (11, ready, true, seen, &[]),
        (9, ready, false, seen, &[]),
        (11, ready, false, Some(WorkState::Pending), &[]),
        (11, ready, false, unlisted, &[]),
        (11, ended, false, unlisted, lost),
    ] {
        let ports = world();
        let run = due(&ports, 200);
        let id = ports
            .compute
            .add_cluster(&night::key(1), ClusterState::Waiting);
        ports.store.seed(&Instance {
            id: Some(id.clone()),
            ..night::instance(instance)
        });
        let mut step = task(&run, "a", TaskState::Submitted, ago(&ports, minutes));
        let claim = step.claim.as_mut().unwrap();
        claim.place = Place::Instance(id.clone());
        claim.instance = Some(night::key(1));
        step.submission = Some("s-1".into());
        ports.store.seed(&step);
        if has_place {
            ports.store.seed(&night::lot(0, &step.attempt_key()));
        }
        if let Some(state) = listed {
            ports.compute.add_work(WorkObservation {
                key: step.attempt_key(),
                place: Place::Instance(id),
                submission: "s-1".into(),
                state,
                reason: None,
                at: ago(&ports, 1),
            });
        }
        let case = format!("{minutes} {instance:?} {has_place} {listed:?}");
        assert_eq!(swept(&ports), expected, "{case}");
    }
}

#[test]
fn a_run_that_cannot_be_looked_at_keeps_no_other_waiting() {
    let ports = world();
    let mut lost = due(&ports, 20);
    lost.run = "team--flow--lost".into();
    lost.definition = "lost".into();
    lost.check_at = Some(ago(&ports, 5));
    ports.store.seed(&lost);
    let verdict = sweep(&ports);
    assert!(matches!(&verdict, Verdict::Failed(why) if why.contains("lost is not stored")));
    assert_eq!(
        told(&ports).into_iter().collect::<Vec<_>>(),
        ["submit-task: ready a 1-1"]
    );
    assert_eq!(
        sweep(&ports),
        Verdict::Done,
        "and is not looked at without end"
    );
}

#[test]
fn a_crash_at_any_step_of_looking_at_runs_loses_nothing() {
    crash_everywhere(|| {
        let (ports, run, job) = with_job(30);
        ports.compute.set_work(&job, WorkState::Succeeded, None);
        ports
            .store
            .seed(&task(&run, "c", TaskState::Claimed, ago(&ports, 30)));
        let mut retry = task(&run, "b", TaskState::Retrying, ago(&ports, 40));
        retry.due_at = Some(ago(&ports, 1));
        ports.store.seed(&retry);
        ports
    });
}
