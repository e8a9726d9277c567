//! Cancelling runs and tasks.

use TaskState::{Claimed, Retrying, Running, Succeeded, Waiting};
use model::limit::{LimitRef, Place, PlaceRef, QueueRef, SizedLimit, Waiter};
use model::observation::WorkState;
use model::task::{Claim, Stopping};
use model::units::Seconds;
use model::work::{JobSpec, Submission, Work};
use ports::Compute as _;

use super::*;

const RUN: &str = "team--flow--20260601";

fn cancel(task: Option<&str>) -> OperationKind {
    let task = task.map(|task| task.parse().unwrap());
    OperationKind::Cancel {
        run: RunId::from(RUN),
        task,
    }
}

fn world(state: RunState, tasks: &[(&str, TaskState)]) -> TestPorts {
    let ports = TestPorts::at(instant(NOW));
    register(&ports, &chain(), &[]);
    run(&ports, &chain(), state, tasks);
    ports
}

fn the_run(ports: &TestPorts) -> Run {
    ports.store.peek(&Key::Run(RUN.into())).unwrap()
}

fn the_task(ports: &TestPorts, name: &str) -> Task {
    ports
        .store
        .peek(&Key::Task(RUN.into(), name.parse().unwrap()))
        .unwrap()
}

fn queue() -> model::task::Place {
    model::task::Place::Queue("light".into())
}

/// Gives a task a claim; `submitted` really submits it, `known` notes the id.
fn claim(ports: &TestPorts, name: &str, submitted: bool, known: bool) {
    let mut task = the_task(ports, name);
    let lease_until = Seconds(60).after(instant(NOW));
    task.claim = Some(Claim {
        since: model::Timestamp::UNIX_EPOCH,
        lease_until,
        place: queue(),
        instance: None,
        limits: Vec::new(),
        seeks: Vec::new(),
    });
    if submitted {
        let submission = Submission {
            key: task.attempt_key(),
            work: Work::Job(JobSpec::default()),
            timeout: None,
            execution_role: None,
            tags: Default::default(),
        };
        let mut ids = block_on(ports.compute.submit(&queue(), &[submission]));
        task.submission = Some(ids.remove(0).unwrap()).filter(|_| known);
    }
    ports.store.seed(&task);
}

/// One task of each kind.
fn mixed() -> TestPorts {
    let tasks = [
        ("a", Running),
        ("b", Retrying),
        ("c", Waiting),
        ("x", Succeeded),
    ];
    let ports = world(RunState::Running, &tasks);
    claim(&ports, "a", true, true);
    ports
}

#[test]
fn a_cancelled_run_ends_at_once_and_its_open_work_is_stopped() {
    let ports = mixed();
    let (state, result) = ask(&ports, "op", cancel(None));
    assert_eq!(
        (state, result.as_str()),
        (OperationState::Done, "cancelled team--flow--20260601")
    );
    let run = the_run(&ports);
    assert_eq!((run.state, run.check_at), (RunState::Cancelled, None));
    assert_eq!(
        run.reason.as_deref(),
        Some("cancelled by ann: it was wrong")
    );
    let states = ["a", "b", "c", "x"].map(|name| the_task(&ports, name).state);
    assert_eq!(
        states,
        [
            Running,
            TaskState::Cancelled,
            TaskState::Cancelled,
            Succeeded
        ]
    );
    assert_eq!(
        the_task(&ports, "a").stopping,
        Some(Stopping::Cancelled { by: "ann".into() })
    );
    let (_, ended) = ports.compute.settle();
    assert_eq!(
        ended[0].state,
        WorkState::Cancelled,
        "the service was asked"
    );
    assert_eq!(
        told(&ports).into_iter().collect::<Vec<_>>(),
        [
            "operation.done op",
            "run.cancelled RUN",
            "task.cancelled RUN/b",
            "task.cancelled RUN/c",
        ]
    );
}

#[test]
fn a_run_that_has_ended_cannot_be_cancelled() {
    let ports = world(RunState::Succeeded, &[]);
    assert_eq!(
        refusal(&ports, "op", cancel(None)),
        "the run `team--flow--20260601` has ended already, it is succeeded"
    );
}

#[test]
fn a_claim_in_doubt_is_looked_up_after_its_lease() {
    for submitted in [false, true] {
        let ports = world(RunState::Running, &[("a", Claimed)]);
        claim(&ports, "a", submitted, false);
        let message = request("op", cancel(None));
        assert!(matches!(
            deliver(&ports, &message),
            Verdict::Later(Seconds(61))
        ));
        assert_eq!(the_run(&ports).state, RunState::Cancelled);
        ports.clock.pass(Seconds(61));
        assert_eq!(deliver(&ports, &message), Verdict::Done);
        let told = told(&ports);
        if submitted {
            assert!(told.contains("observe-task: work team--flow--20260601--a--1-1 Pending"));
            assert_eq!(ports.compute.settle().1.len(), 1, "it is stopped");
        } else {
            assert!(told.contains("task.cancelled RUN/a"));
            assert_eq!(the_task(&ports, "a").state, TaskState::Cancelled);
        }
    }
}

fn held() -> TestPorts {
    let ports = mixed();
    let limit = LimitRef::TeamRuns("team".parse().unwrap());
    let mut run = the_run(&ports);
    run.limits = vec![SizedLimit {
        limit: limit.clone(),
        size: 1,
    }];
    ports.store.seed(&run);
    let place = PlaceRef {
        limit: limit.clone(),
        number: 0,
    };
    ports.store.seed(&Place {
        limit: place.limit,
        number: place.number,
        holder: RUN.into(),
        epoch: 1,
        since: instant(NOW),
        timeout_at: None,
        due_at: None,
    });
    let waiter = |queue, holder: &str| Waiter {
        queue,
        holder: holder.into(),
        priority: 0,
        since: instant(NOW),
        inbox: Function::StartRun,
        message: Box::new(Message::Sweep),
    };
    ports.store.seed(&waiter(QueueRef::Limit(limit), "next"));
    let own = format!("{RUN}--a--1-1");
    ports
        .store
        .seed(&waiter(QueueRef::Resumed(RUN.into()), &own));
    ports
}

#[test]
fn what_a_cancelled_run_held_goes_to_the_next() {
    let ports = held();
    ask(&ports, "op", cancel(None));
    assert!(ports.store.all::<Place>().is_empty());
    assert!(ports.store.all::<Waiter>().is_empty());
    assert_eq!(ports.bus.receive(Function::StartRun).len(), 1);
}

#[test]
fn a_run_that_waits_leaves_the_queue() {
    let ports = world(RunState::Waiting, &[]);
    let limit = LimitRef::WorkflowRuns("team/flow".parse().unwrap());
    let mut run = the_run(&ports);
    run.limits = vec![SizedLimit {
        limit: limit.clone(),
        size: 1,
    }];
    ports.store.seed(&run);
    ports.store.seed(&Waiter {
        queue: QueueRef::Limit(limit),
        holder: RUN.into(),
        priority: 0,
        since: run.created_at,
        inbox: Function::StartRun,
        message: Box::new(Message::Sweep),
    });
    ask(&ports, "op", cancel(None));
    assert!(ports.store.all::<Waiter>().is_empty());
    assert!(
        ports.bus.receive(Function::StartRun).is_empty(),
        "it took nobody's turn"
    );
}

#[test]
fn a_repeated_cancel_leaves_a_later_generation_alone() {
    let ports = mixed();
    let message = request("op", cancel(None));
    ports.faults.crash_before(4);
    deliver(&ports, &message);
    ports.faults.heal();
    let mut again = the_run(&ports);
    assert_eq!(again.state, RunState::Cancelled);
    (again.state, again.generation) = (RunState::Running, 2);
    ports.store.seed(&again);
    assert_eq!(deliver(&ports, &message), Verdict::Done);
    assert_eq!(the_run(&ports).state, RunState::Running);
}

#[test]
fn a_task_is_stopped_by_the_service_or_ends_here() {
    let table = [
        (
            "a",
            "asked the compute service to stop `a` of team--flow--20260601",
        ),
        ("b", "cancelled `b` of team--flow--20260601"),
    ];
    for (task, expected) in table {
        let ports = mixed();
        assert_eq!(
            ask(&ports, "op", cancel(Some(task))),
            (OperationState::Done, expected.into())
        );
        assert_eq!(the_run(&ports).state, RunState::Running);
        assert_eq!(told(&ports).contains("task.cancelled RUN/b"), task == "b");
    }
}

#[test]
fn a_task_that_cannot_be_cancelled_says_what_to_do_instead() {
    let ports = world(RunState::Running, &[("a", Succeeded)]);
    let table = [
        (
            "a",
            "`a` of `team--flow--20260601` has ended already, it is succeeded; to change what \
             follows, mark or rerun it",
        ),
        (
            "b",
            "`b` of `team--flow--20260601` has not been reached; to keep it from running, mark it \
             skipped",
        ),
        (
            "q",
            "the run `team--flow--20260601` has no task `q`; it has a, b, c, x",
        ),
    ];
    for (task, expected) in table {
        assert_eq!(refusal(&ports, task, cancel(Some(task))), expected);
    }
}

#[test]
fn a_crash_at_any_step_cancels_the_same() {
    crash_everywhere(mixed, &cancel(None));
    crash_everywhere(mixed, &cancel(Some("a")));
    crash_everywhere(mixed, &cancel(Some("b")));
    let in_doubt = || {
        let ports = world(RunState::Running, &[("a", Claimed), ("b", Waiting)]);
        claim(&ports, "a", false, false);
        ports
    };
    crash_everywhere(in_doubt, &cancel(None));
    crash_everywhere(in_doubt, &cancel(Some("a")));
}

#[test]
fn a_crash_at_any_step_lets_somebody_go() {
    let whole = held();
    whole.faults.heal();
    drive(&whole, &request("op", cancel(None)));
    for step in 1..=whole.faults.steps() {
        let ports = held();
        ports.faults.crash_after(step);
        drive(&ports, &request("op", cancel(None)));
        assert!(ports.store.all::<Place>().is_empty(), "step {step}");
        assert!(
            !ports.bus.receive(Function::StartRun).is_empty(),
            "step {step}"
        );
    }
}
