//! Start, pause and resume; what is no operation.

use model::limit::{QueueRef, Waiter};
use model::operation::PauseTarget;
use model::registry::Pause;

use super::*;

fn start(slot: Option<&str>, params: serde_json::Value) -> OperationKind {
    OperationKind::Start {
        workflow: "team/flow".parse().unwrap(),
        slot: slot.map(Slot::from),
        logical_date: None,
        params: serde_json::from_value(params).unwrap(),
    }
}

fn with_params() -> TestPorts {
    let ports = TestPorts::at(instant(NOW));
    let params = json!({"params": {"city": {"default": "x"}, "limit": {"default": 5}, "day": {}}});
    register(&ports, &workflow("flow", &[("a", &[])], params), &[]);
    ports
}

#[test]
fn a_start_asks_for_the_run_of_the_callers_slot() {
    let ports = with_params();
    let given = json!({"day": "monday", "limit": 7});
    let (state, result) = ask(&ports, "op", start(Some("2026-06-01"), given));
    assert_eq!(
        (state, result.as_str()),
        (
            OperationState::Done,
            "asked for the run team--flow--20260601"
        )
    );
    assert_eq!(
        told(&ports).into_iter().collect::<Vec<_>>(),
        ["operation.done op", "start-run: start team/flow 2026-06-01"]
    );
}

#[test]
fn a_start_without_a_slot_takes_the_operations_name() {
    let ports = with_params();
    ask(&ports, "op-17", start(None, json!({"day": "monday"})));
    assert!(told(&ports).contains("start-run: start team/flow op-17"));
}

#[test]
fn a_start_that_makes_no_sense_says_what_would() {
    let table = [
        (
            start(None, json!({})),
            "`team/flow` needs the param `day`; give it a value",
        ),
        (
            start(None, json!({"day": "x", "town": 1})),
            "`team/flow` has no param `town`; it has city, day, limit",
        ),
        (
            start(None, json!({"day": "x", "limit": "7"})),
            "the param `limit` is a number, and \"7\" is a text; its default is 5",
        ),
        (
            start(None, json!({"day": ["x"]})),
            "the param `day` must be a text, a number, or true or false; [\"x\"] is none",
        ),
        (
            start(Some(""), json!({"day": "x"})),
            "the slot is empty; leave it out, or give a key such as `order-17`",
        ),
    ];
    let ports = with_params();
    for (position, (what, expected)) in table.into_iter().enumerate() {
        assert_eq!(refusal(&ports, &format!("op-{position}"), what), expected);
    }
    assert!(ports.bus.sent().is_empty());
}

#[test]
fn what_is_not_there_cannot_be_operated_on() {
    let ports = TestPorts::new();
    let run = RunId::from("team--flow--20260601");
    let task = "a".parse().unwrap();
    let workflow = "there is no workflow `team/flow`; it would be events/team/workflows/flow.yaml";
    let no_run = "there is no run `team--flow--20260601`; `murmur runs` lists them";
    let table = [
        (start(None, json!({})), workflow),
        (
            OperationKind::Cancel {
                run: run.clone(),
                task: None,
            },
            no_run,
        ),
        (
            OperationKind::Mark {
                run: run.clone(),
                task,
                outcome: model::task::Outcome::Failed,
            },
            no_run,
        ),
        (
            OperationKind::Pause {
                target: PauseTarget::Run(run),
            },
            no_run,
        ),
        (
            OperationKind::Resume {
                target: PauseTarget::Workflow("team/flow".parse().unwrap()),
            },
            workflow,
        ),
    ];
    for (position, (what, expected)) in table.into_iter().enumerate() {
        assert_eq!(refusal(&ports, &format!("op-{position}"), what), expected);
    }
}

#[test]
fn asking_twice_acts_once_and_tells_the_same() {
    let ports = with_params();
    let message = request("op", start(None, json!({"day": "x"})));
    deliver(&ports, &message);
    let first = ports.bus.take_published();
    ports.bus.take_sent();
    ports.clock.pass(model::units::Seconds::hours(1));
    deliver(&ports, &message);
    assert_eq!(ports.bus.take_published(), first);
    assert!(ports.bus.take_sent().is_empty());
}

#[test]
fn only_operations_are_taken() {
    let ports = TestPorts::new();
    assert!(matches!(
        deliver(&ports, &Message::Sweep),
        Verdict::Poison(_)
    ));
}

#[test]
fn a_workflow_is_paused_once_and_resumed() {
    let ports = with_params();
    let target = PauseTarget::Workflow("team/flow".parse().unwrap());
    ask(
        &ports,
        "pause",
        OperationKind::Pause {
            target: target.clone(),
        },
    );
    let key = Key::WorkflowPause("team/flow".parse().unwrap());
    assert_eq!(ports.store.peek::<Pause>(&key).unwrap().by, "ann");
    ask(&ports, "resume", OperationKind::Resume { target });
    assert_eq!(ports.store.peek::<Pause>(&key), None);
}

#[test]
fn resuming_a_run_lets_everything_go_that_waited_for_it() {
    let world = || {
        let ports = TestPorts::at(instant(NOW));
        register(&ports, &chain(), &[]);
        let mut paused = run(
            &ports,
            &chain(),
            RunState::Running,
            &[("a", TaskState::Waiting)],
        );
        paused.paused = true;
        ports.store.seed(&paused);
        for holder in ["a", "x"] {
            ports.store.seed(&Waiter {
                queue: QueueRef::Resumed(paused.run.clone()),
                holder: holder.into(),
                priority: 0,
                since: instant(NOW),
                inbox: Function::SubmitTask,
                message: Box::new(Message::Sweep),
            });
        }
        ports
    };
    let run = RunId::from("team--flow--20260601");
    let what = OperationKind::Resume {
        target: PauseTarget::Run(run.clone()),
    };
    let ports = world();
    ask(&ports, "op", what);
    assert!(!ports.store.peek::<Run>(&Key::Run(run)).unwrap().paused);
    assert!(ports.store.all::<Waiter>().is_empty());
    assert_eq!(ports.bus.receive(Function::SubmitTask).len(), 2);
}

#[test]
fn pausing_survives_a_crash_at_any_step() {
    let world = || {
        let ports = TestPorts::at(instant(NOW));
        register(&ports, &chain(), &[]);
        run(&ports, &chain(), RunState::Running, &[]);
        ports
    };
    let target = PauseTarget::Run(RunId::from("team--flow--20260601"));
    crash_everywhere(world, &OperationKind::Pause { target });
    let target = PauseTarget::Workflow("team/flow".parse().unwrap());
    crash_everywhere(world, &OperationKind::Pause { target });
}
