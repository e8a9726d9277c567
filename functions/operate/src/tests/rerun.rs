//! Reruns.

use TaskState::{Blocked, Failed, Running, Succeeded};
use model::limit::{LimitRef, Place, SizedLimit, Waiter};
use model::operation::{Pass, RerunDefinition, RerunScope};
use model::run::Generation;
use model::task::Stopping;

use super::*;

fn rerun(scope: RerunScope) -> OperationKind {
    OperationKind::Rerun {
        run: RunId::from("team--flow--20260601"),
        scope,
        definition: RerunDefinition::Pinned,
        downstream: false,
        after: None,
        limits: Vec::new(),
    }
}

fn one(task: &str, below: bool) -> RerunScope {
    RerunScope::Task {
        task: task.parse().unwrap(),
        below,
    }
}

fn world(state: RunState, tasks: &[(&str, TaskState)]) -> TestPorts {
    let ports = TestPorts::at(instant(NOW));
    register(&ports, &chain(), &[]);
    run(&ports, &chain(), state, tasks);
    ports
}

fn failed() -> TestPorts {
    let tasks = [
        ("a", Succeeded),
        ("b", Failed),
        ("c", Blocked),
        ("x", Succeeded),
    ];
    world(RunState::Failed, &tasks)
}

fn the_run(ports: &TestPorts) -> Run {
    ports
        .store
        .peek(&Key::Run("team--flow--20260601".into()))
        .unwrap()
}

#[test]
fn a_rerun_from_failure_keeps_what_succeeded_and_delivers_it_again() {
    let ports = failed();
    let (_, result) = ask(&ports, "op", rerun(RerunScope::FromFailure));
    assert_eq!(
        result,
        "2 tasks of team--flow--20260601 run again in generation 2"
    );
    let run = the_run(&ports);
    assert_eq!(
        (run.state, run.generation, run.ended_at),
        (RunState::Running, 2, None)
    );
    assert_eq!(run.check_at, Some(instant("2026-06-01T12:15:00Z")));
    let generation = &ports.store.all::<Generation>()[0];
    let scope: Vec<&str> = generation.scope.iter().map(|task| task.as_str()).collect();
    assert_eq!(scope, ["b", "c"]);
    assert_eq!(
        told(&ports).into_iter().collect::<Vec<_>>(),
        [
            "advance-run: task.succeeded RUN/a",
            "advance-run: task.succeeded RUN/x",
            "operation.done op",
            "run.failed RUN",
            "run.started RUN",
        ]
    );
}

#[test]
fn a_rerun_of_everything_starts_at_the_roots() {
    let ports = failed();
    ask(&ports, "op", rerun(RerunScope::All));
    assert_eq!(
        told(&ports).into_iter().collect::<Vec<_>>(),
        [
            "operation.done op",
            "run.failed RUN",
            "run.started RUN",
            "task.ready RUN/a 2-1",
            "task.ready RUN/x 2-1",
        ]
    );
}

#[test]
fn a_second_rerun_opens_the_next_generation() {
    let ports = failed();
    ask(&ports, "op-1", rerun(RerunScope::FromFailure));
    ask(&ports, "op-2", rerun(one("x", false)));
    assert_eq!(the_run(&ports).generation, 3);
    assert!(told(&ports).contains("task.ready RUN/x 3-1"));
}

#[test]
fn open_attempts_of_what_runs_again_are_stopped_first() {
    let ports = world(
        RunState::Running,
        &[("a", Succeeded), ("b", Running), ("x", Running)],
    );
    ask(&ports, "op", rerun(one("a", true)));
    let stopping = |name: &str| {
        let key = Key::Task("team--flow--20260601".into(), name.parse().unwrap());
        ports.store.peek::<Task>(&key).unwrap().stopping
    };
    assert_eq!(stopping("b"), Some(Stopping::Superseded { generation: 2 }));
    assert_eq!(stopping("x"), None, "it goes on");
}

#[test]
fn a_rerun_that_makes_no_sense_says_what_would() {
    let all_well = [
        ("a", Succeeded),
        ("b", Succeeded),
        ("c", Succeeded),
        ("x", Succeeded),
    ];
    let table = [
        (
            RunState::Succeeded,
            RerunScope::FromFailure,
            "no task of `team--flow--20260601` has failed, it is succeeded; rerun all of it, or one \
             task",
        ),
        (
            RunState::Succeeded,
            one("d", false),
            "the run `team--flow--20260601` has no task `d`; it has a, b, c, x",
        ),
        (
            RunState::Waiting,
            RerunScope::All,
            "the run `team--flow--20260601` has not started: it waits",
        ),
    ];
    for (state, scope, expected) in table {
        let ports = world(state, &all_well);
        assert_eq!(refusal(&ports, "op", rerun(scope)), expected);
        assert_eq!(the_run(&ports).generation, 1);
    }
}

#[test]
fn a_run_whose_definition_is_lost_is_refused() {
    let ports = failed();
    let mut lost = the_run(&ports);
    lost.definition = "lost".into();
    ports.store.seed(&lost);
    assert_eq!(
        refusal(&ports, "op", rerun(RerunScope::All)),
        "definition lost is not stored"
    );
}

#[test]
fn a_run_cancelled_between_two_tasks_goes_on_from_there() {
    let ports = world(RunState::Cancelled, &[("a", Succeeded)]);
    ask(&ports, "op", rerun(RerunScope::FromFailure));
    let scope = &ports.store.all::<Generation>()[0].scope;
    assert_eq!(scope.len(), 3);
    assert!(told(&ports).contains("task.ready RUN/x 2-1"));
}

#[test]
fn the_latest_definition_runs_what_it_adds() {
    let ports = failed();
    let tasks: [(&str, &[&str]); 5] = [
        ("a", &[]),
        ("b", &["a"]),
        ("c", &["b"]),
        ("x", &[]),
        ("new", &["a"]),
    ];
    let latest = workflow("flow", &tasks, json!({}));
    register(&ports, &latest, &[]);
    let what = OperationKind::Rerun {
        run: RunId::from("team--flow--20260601"),
        scope: RerunScope::FromFailure,
        definition: RerunDefinition::Latest,
        downstream: false,
        after: None,
        limits: Vec::new(),
    };
    ask(&ports, "op", what);
    let run = the_run(&ports);
    assert_eq!(
        (run.definition, run.definition_since),
        (hash_of(&latest), 2)
    );
    let generation = &ports.store.all::<Generation>()[0];
    assert!(generation.scope.contains(&"new".parse().unwrap()));
}

fn limited() -> TestPorts {
    let ports = failed();
    let mut run = the_run(&ports);
    let limit = LimitRef::WorkflowRuns("team/flow".parse().unwrap());
    run.limits = vec![SizedLimit {
        limit: limit.clone(),
        size: 1,
    }];
    ports.store.seed(&run);
    ports
}

fn other_holds(ports: &TestPorts) {
    ports.store.seed(&Place {
        limit: LimitRef::WorkflowRuns("team/flow".parse().unwrap()),
        number: 0,
        holder: "another".into(),
        epoch: 1,
        since: instant(NOW),
        timeout_at: None,
        due_at: None,
    });
}

#[test]
fn a_run_that_runs_again_waits_for_its_place() {
    let ports = limited();
    other_holds(&ports);
    let message = request("op", rerun(RerunScope::All));
    deliver(&ports, &message);
    assert_eq!(
        ended(&ports, "op"),
        (
            OperationState::Accepted,
            "waits for one of the 1 places of workflow-runs/team/flow".into()
        )
    );
    assert_eq!(the_run(&ports).state, RunState::Failed);
    let waiters = ports.store.all::<Waiter>();
    assert_eq!((waiters.len(), waiters[0].inbox), (1, Function::Operate));

    // The other ends, and releases the waiter's message.
    let place = Key::Place(LimitRef::WorkflowRuns("team/flow".parse().unwrap()), 0);
    let delete = ports::Write::delete(place, ports::Expect::Anything);
    block_on(ports::StateStore::commit(&ports.store, vec![delete])).unwrap();
    deliver(&ports, &waiters[0].message);
    assert_eq!(the_run(&ports).state, RunState::Running);
    assert_eq!(ports.store.all::<Place>()[0].holder, "team--flow--20260601");
    assert!(ports.store.all::<Waiter>().is_empty());
}

#[test]
fn runs_that_followed_run_again_once_it_has_succeeded() {
    let ports = TestPorts::at(instant(NOW));
    register(&ports, &chain(), &["team/report"]);
    let report = workflow("report", &[("draw", &[])], json!({"after": ["team/flow"]}));
    register(&ports, &report, &[]);
    let upstream = run(&ports, &chain(), RunState::Failed, &[("a", Failed)]);
    let mut followed = run(&ports, &report, RunState::Succeeded, &[("draw", Succeeded)]);
    followed.cause = Cause::Upstream {
        runs: [(upstream.run.clone(), 1)].into(),
    };
    ports.store.seed(&followed);
    let what = OperationKind::Rerun {
        run: upstream.run.clone(),
        scope: RerunScope::All,
        definition: RerunDefinition::Pinned,
        downstream: true,
        after: None,
        limits: Vec::new(),
    };
    deliver(&ports, &request("op", what));
    let derived = ports.bus.receive(Function::Operate);
    assert_eq!(derived.len(), 1);
    deliver(&ports, &derived[0]);
    let id = "op--team--report--20260601";
    assert_eq!(
        ended(&ports, id),
        (
            OperationState::Accepted,
            "waits until team--flow--20260601 has succeeded".into()
        )
    );
    let report_run = || {
        ports
            .store
            .peek::<Run>(&Key::Run(followed.run.clone()))
            .unwrap()
    };
    assert_eq!(report_run().generation, 1);

    let mut succeeded = the_run(&ports);
    succeeded.state = RunState::Succeeded;
    ports.store.seed(&succeeded);
    ports.clock.pass(model::units::Seconds::minutes(15));
    for again in ports.bus.receive(Function::Operate) {
        deliver(&ports, &again);
    }
    assert_eq!(ended(&ports, id).0, OperationState::Done);
    assert_eq!(report_run().generation, 2);
}

#[test]
fn what_follows_a_run_that_failed_again_is_refused() {
    let ports = failed();
    let what = OperationKind::Rerun {
        run: RunId::from("team--flow--20260601"),
        scope: RerunScope::All,
        definition: RerunDefinition::Pinned,
        downstream: false,
        after: Some(Pass {
            run: RunId::from("team--flow--20260601"),
            generation: 2,
        }),
        limits: Vec::new(),
    };
    let expected = "the run `team--flow--20260601` it follows did not succeed again, it is failed; \
                    rerun that first";
    assert_eq!(refusal(&ports, "op", what), expected);
}

#[test]
fn a_crash_at_any_step_opens_one_generation() {
    crash_everywhere(failed, &rerun(RerunScope::FromFailure));
    crash_everywhere(failed, &rerun(RerunScope::All));
    crash_everywhere(limited, &rerun(RerunScope::All));
    let going = || world(RunState::Running, &[("a", Succeeded), ("b", Running)]);
    crash_everywhere(going, &rerun(one("a", true)));
}
