//! Suspect places, and sweeps as a whole.

use model::expected::Deadline;
use model::id::{RunId, Slot};
use model::limit::{LimitRef, Place as LimitPlace, QueueRef, Waiter};
use testkit::flow;

use super::*;

fn suspect(state: Option<TaskState>) -> TestPorts {
    let ports = world();
    let workflow = flow::workflow(&[("a", &[], "")]);
    let run = flow::seed_run(&ports.store, &workflow, ago(&ports, 90));
    if let Some(state) = state {
        ports.store.seed(&task(&run, "a", state, ago(&ports, 80)));
    }
    let limit: LimitRef = "pool/team/light".parse().unwrap();
    ports.store.seed(&LimitPlace {
        limit: limit.clone(),
        number: 3,
        holder: format!("{}--a--1-1", run.run),
        epoch: 1,
        since: ago(&ports, 80),
        timeout_at: None,
        due_at: Some(ago(&ports, 20)),
    });
    ports.store.seed(&Waiter {
        queue: QueueRef::Limit(limit),
        holder: "next".into(),
        priority: 0,
        since: ago(&ports, 70),
        inbox: Function::SubmitTask,
        message: Box::new(Message::Sweep),
    });
    ports
}

#[test]
fn a_suspect_loses_its_place_only_on_proof() {
    let table = [
        (Some(TaskState::Running), false, 0),
        // Its lease is over, so submit-task is to find out.
        (Some(TaskState::Claimed), false, 1),
        // Announced before the place is freed, in case nothing follows, and released afterwards.
        (Some(TaskState::Succeeded), true, 2),
        (None, true, 2),
    ];
    for (state, freed, sent) in table {
        let ports = suspect(state);
        assert_eq!(sweep(&ports), Verdict::Done);
        let left = ports.store.all::<LimitPlace>();
        assert_eq!(left.is_empty(), freed, "{state:?}");
        assert_eq!(sent_to(&ports, Function::SubmitTask), sent, "{state:?}");
        let again = Seconds::hours(1).after(ports.clock.now());
        assert!(
            left.iter().all(|place| place.due_at == Some(again)),
            "{state:?}"
        );
    }
}

#[test]
fn more_than_one_sweep_takes_is_gone_on_with() {
    let ports = world();
    for number in 0..1_001 {
        let slot = Slot::from(format!("slot-{number}"));
        let workflow: model::name::WorkflowRef = "team/flow".parse().unwrap();
        ports.store.seed(&Deadline {
            run: RunId::of(&workflow, &slot),
            workflow,
            slot,
            logical_date: ago(&ports, 60),
            deadline_at: ago(&ports, 30),
            due_at: Some(ago(&ports, 30)),
            missed: false,
            run_state: None,
            look_at: None,
            risk: None,
        });
    }
    assert_eq!(sweep(&ports), Verdict::Done);
    assert_eq!(ports.bus.published().len(), 1_000);
    assert_eq!(ports.bus.receive(Function::Reconcile), [Message::Sweep]);
    assert_eq!(sweep(&ports), Verdict::Done);
    assert_eq!(ports.bus.published().len(), 1_001);
    assert!(ports.bus.receive(Function::Reconcile).is_empty());
}

#[test]
fn several_ticks_at_once_are_one_look() {
    let ports = suspect(Some(TaskState::Running));
    ports.faults.heal();
    let tick = || Delivery {
        message: Message::Sweep,
        receives: 1,
    };
    let verdicts = block_on(handle(&ports, vec![tick(), tick(), tick()]));
    assert_eq!(verdicts, [Verdict::Done, Verdict::Done, Verdict::Done]);
    assert_eq!(ports.faults.steps(), 1);
}

#[test]
fn only_its_own_tick_is_taken() {
    let ports = world();
    let run = flow::seed_run(
        &ports.store,
        &flow::workflow(&[("a", &[], "")]),
        ago(&ports, 1),
    );
    let delivery = Delivery {
        message: flow::ready(&run, "a", 1, 1),
        receives: 1,
    };
    let verdicts = block_on(handle(&ports, vec![delivery]));
    assert!(matches!(verdicts[0], Verdict::Poison(_)));
}

#[test]
fn of_two_places_of_one_limit_a_run_keeps_the_first() {
    let ports = world();
    let workflow = flow::workflow(&[("a", &[], "")]);
    let run = flow::seed_run(&ports.store, &workflow, ago(&ports, 90));
    let limit: LimitRef = "team-runs/team".parse().unwrap();
    let place = |number, holder: &str| LimitPlace {
        limit: limit.clone(),
        number,
        holder: holder.to_owned(),
        epoch: 1,
        since: ago(&ports, 80),
        timeout_at: None,
        due_at: Some(ago(&ports, 20)),
    };
    ports.store.seed(&place(2, run.run.as_str()));
    ports.store.seed(&place(7, run.run.as_str()));
    assert_eq!(sweep(&ports), Verdict::Done);
    let left = ports.store.all::<LimitPlace>();
    let left: Vec<u32> = left.iter().map(|place| place.number).collect();
    assert_eq!(left, [2]);
}
