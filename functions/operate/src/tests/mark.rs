//! Outcomes set by hand.

use TaskState::{Blocked, Failed, Running, Succeeded};
use model::run::Generation;
use model::task::{Outcome, PastAttempt, Stopping};

use super::*;

fn mark(task: &str, outcome: Outcome) -> OperationKind {
    let run = RunId::from("team--flow--20260601");
    OperationKind::Mark {
        run,
        task: task.parse().unwrap(),
        outcome,
    }
}

fn failed() -> TestPorts {
    let ports = TestPorts::at(instant(NOW));
    register(&ports, &chain(), &[]);
    let tasks = [
        ("a", Succeeded),
        ("b", Failed),
        ("c", Blocked),
        ("x", Succeeded),
    ];
    run(&ports, &chain(), RunState::Failed, &tasks);
    ports
}

fn the_task(ports: &TestPorts, name: &str) -> Task {
    ports
        .store
        .peek(&Key::Task(
            "team--flow--20260601".into(),
            name.parse().unwrap(),
        ))
        .unwrap()
}

#[test]
fn a_failure_that_is_marked_succeeded_lets_go_what_it_blocked() {
    let ports = failed();
    let (_, result) = ask(&ports, "op", mark("b", Outcome::Succeeded));
    assert_eq!(
        result,
        "`b` of team--flow--20260601 counts as succeeded from generation 2 on"
    );
    let generation = &ports.store.all::<Generation>()[0];
    assert_eq!(generation.scope.len(), 2, "b and what it blocked");
    let marked = the_task(&ports, "b");
    assert_eq!(
        (marked.state, marked.generation, marked.attempt),
        (Succeeded, 2, 0)
    );
    assert_eq!(marked.reason.as_deref(), Some("set by ann: it was wrong"));
    assert_eq!(
        ports.store.all::<PastAttempt>()[0].attempt.state,
        Failed,
        "history is kept"
    );
    assert_eq!(
        told(&ports).into_iter().collect::<Vec<_>>(),
        [
            "advance-run: task.succeeded RUN/a",
            "advance-run: task.succeeded RUN/b",
            "advance-run: task.succeeded RUN/x",
            "operation.done op",
            "run.failed RUN",
            "run.started RUN",
            "task.succeeded RUN/b",
        ]
    );
}

#[test]
fn a_root_that_is_marked_is_not_started() {
    let ports = TestPorts::at(instant(NOW));
    register(&ports, &chain(), &[]);
    run(&ports, &chain(), RunState::Running, &[("x", Running)]);
    ask(&ports, "op", mark("a", Outcome::Skipped));
    assert!(told(&ports).contains("advance-run: task.skipped RUN/a"));
    assert!(
        !told(&ports)
            .iter()
            .any(|told| told.starts_with("task.ready"))
    );
}

#[test]
fn a_task_that_runs_is_stopped_and_waited_for_before_its_outcome_is_set() {
    let ports = TestPorts::at(instant(NOW));
    register(&ports, &chain(), &[]);
    run(&ports, &chain(), RunState::Running, &[("a", Running)]);
    let message = request("op", mark("a", Outcome::Succeeded));
    assert!(matches!(deliver(&ports, &message), Verdict::Later(_)));
    let mut open = the_task(&ports, "a");
    assert_eq!(open.stopping, Some(Stopping::Superseded { generation: 2 }));
    open.state = TaskState::Cancelled;
    ports.store.seed(&open);
    assert_eq!(deliver(&ports, &message), Verdict::Done);
    assert_eq!(the_task(&ports, "a").state, Succeeded);
    assert_eq!(ports.store.all::<Generation>().len(), 1);
}

#[test]
fn a_mark_that_makes_no_sense_says_what_would() {
    let table = [
        (
            mark("b", Outcome::Blocked),
            "a task cannot be marked blocked; mark it succeeded, failed or skipped",
        ),
        (
            mark("d", Outcome::Failed),
            "the run `team--flow--20260601` has no task `d`; it has a, b, c, x",
        ),
    ];
    for (what, expected) in table {
        assert_eq!(refusal(&failed(), "op", what), expected);
    }
}

#[test]
fn a_crash_at_any_step_marks_once() {
    crash_everywhere(failed, &mark("b", Outcome::Succeeded));
    crash_everywhere(failed, &mark("x", Outcome::Failed));
}
