//! Deadlines that will probably be missed, and runs that are far slower than others.

use model::definition::Workflow;
use model::expected::Deadline;
use model::id::{RunId, Slot};
use model::run::RunState;
use testkit::flow;

use super::*;

/// A run of `load → report` that began so many minutes ago and must have succeeded in so many; three
/// earlier ones took two hours, one for each task.
fn world_with(began: u64, due_in: u64) -> (TestPorts, Key) {
    let ports = world();
    let workflow = flow::workflow(&[("load", &[], ""), ("report", &["load"], "")]);
    for day in 1..=3 {
        let began = 24 * 60 * day;
        let run = run(&ports, &workflow, &format!("2026-02-2{day}"), began);
        ports.store.seed(&Run {
            state: RunState::Succeeded,
            ended_at: Some(ago(&ports, began - 120)),
            ..run.clone()
        });
        ports
            .store
            .seed(&task(&ports, &run, "load", began, Some(began - 60)));
        ports
            .store
            .seed(&task(&ports, &run, "report", began - 60, Some(began - 120)));
    }
    let run = run(&ports, &workflow, "2026-03-01", began);
    ports.store.seed(&run);
    ports.store.seed(&task(&ports, &run, "load", began, None));
    let deadline_at = Seconds::minutes(due_in).after(ports.clock.now());
    let deadline = Deadline {
        workflow: workflow.reference(),
        run: run.run.clone(),
        slot: run.slot.clone(),
        logical_date: run.logical_date,
        deadline_at,
        due_at: Some(deadline_at),
        missed: false,
        run_state: None,
        look_at: Some(ports.clock.now()),
        risk: None,
    };
    ports.store.seed(&deadline);
    (ports, Key::Deadline(deadline.workflow, deadline.slot))
}

fn run(ports: &TestPorts, workflow: &Workflow, slot: &str, began: u64) -> Run {
    let mut run = flow::seed_run(&ports.store, workflow, ago(ports, began));
    let own = Key::Run(run.run.clone());
    let delete = ports::Write::delete(own, ports::Expect::Anything);
    block_on(ports::StateStore::commit(&ports.store, vec![delete])).unwrap();
    run.slot = Slot::from(slot);
    run.run = RunId::of(&workflow.reference(), &run.slot);
    run.logical_date = ago(ports, began);
    run.started_at = Some(ago(ports, began));
    run.check_at = None;
    run
}

fn task(ports: &TestPorts, run: &Run, name: &str, ready: u64, ended: Option<u64>) -> Task {
    let state = ended.map_or(TaskState::Running, |_| TaskState::Succeeded);
    Task {
        ready_at: ago(ports, ready),
        ended_at: ended.map(|ended| ago(ports, ended)),
        ..super::task(run, name, state, ago(ports, ready))
    }
}

fn deadline(ports: &TestPorts, key: &Key) -> Deadline {
    ports.store.peek::<Deadline>(key).unwrap()
}

fn in_minutes(ports: &TestPorts, minutes: u64) -> Option<Timestamp> {
    Some(Seconds::minutes(minutes).after(ports.clock.now()))
}

#[test]
fn a_run_is_looked_at_when_it_could_be_late_and_told_once_when_it_will() {
    let nothing: [&str; 0] = [];
    // It has more time than any run took.
    let (ports, key) = world_with(30, 200);
    assert_eq!(swept(&ports), nothing);
    assert_eq!(deadline(&ports, &key).look_at, in_minutes(&ports, 80));
    // It ends in ninety minutes; nothing is late before ten more have passed.
    let (ports, key) = world_with(30, 100);
    assert_eq!(swept(&ports), nothing);
    assert_eq!(deadline(&ports, &key).look_at, in_minutes(&ports, 10));
    // It is twenty minutes late by what is left of it.
    let (ports, key) = world_with(30, 70);
    let run = deadline(&ports, &key).run;
    let expected = format!("murmur.deadline.at_risk.v1 {run}");
    assert_eq!(swept(&ports), [expected]);
    let told = deadline(&ports, &key);
    let risk = told.risk.unwrap();
    assert_eq!(Some(risk.likely_at), in_minutes(&ports, 90));
    let path: Vec<&str> = risk
        .critical_path
        .iter()
        .map(|task| task.as_str())
        .collect();
    assert_eq!((path, told.look_at), (vec!["load", "report"], None));
    assert_eq!(swept(&ports), nothing);
}

#[test]
fn a_repeat_tells_what_was_foreseen_first() {
    let (ports, key) = world_with(30, 70);
    ports.faults.crash_after(1);
    sweep(&ports);
    assert!(deadline(&ports, &key).risk.is_some());
    ports.faults.heal();
    ports.clock.pass(Seconds::minutes(2));
    let at = deadline(&ports, &key).risk.unwrap().at;
    assert_eq!(sweep(&ports), Verdict::Done);
    let told = ports.bus.published();
    assert_eq!((told.len(), told[0].time), (1, at));
}

#[test]
fn what_has_ended_or_has_no_history_is_not_looked_at_again() {
    for state in [RunState::Succeeded, RunState::Failed, RunState::Cancelled] {
        let (ports, key) = world_with(30, 70);
        let id = deadline(&ports, &key).run;
        let run = ports.store.peek::<Run>(&Key::Run(id)).unwrap();
        ports.store.seed(&Run { state, ..run });
        assert!(swept(&ports).is_empty());
        assert_eq!(deadline(&ports, &key).look_at, None);
    }
    let (ports, key) = world_with(30, 70);
    let workflow = flow::workflow(&[]).reference();
    let id = RunId::of(&workflow, &Slot::from("2026-02-21"));
    let run = ports.store.peek::<Run>(&Key::Run(id)).unwrap();
    ports.store.seed(&Run {
        generation: 2,
        ..run
    });
    assert!(swept(&ports).is_empty());
    assert_eq!(deadline(&ports, &key).look_at, None);
}

/// Looks at the run under way; gives what is told, and the minutes until the next look.
fn looked_at(ports: &TestPorts, run: &Run) -> (Vec<String>, i64) {
    let told = swept(ports);
    let next = the_run(ports, run).check_at.unwrap();
    (told, next.duration_since(ports.clock.now()).as_mins())
}

#[test]
fn a_run_is_told_of_when_it_takes_twice_as_long_as_the_longest() {
    let (ports, key) = world_with(20, 10_000);
    let id = deadline(&ports, &key).run;
    let run = ports.store.peek::<Run>(&Key::Run(id.clone())).unwrap();
    let due = |passed: u64| {
        ports.clock.pass(Seconds::minutes(passed));
        let run = ports.store.peek::<Run>(&Key::Run(id.clone())).unwrap();
        ports.store.seed(&Run {
            check_at: Some(ports.clock.now()),
            ..run
        });
    };
    let told = |looked: &(Vec<String>, i64)| {
        let is_it = |what: &&String| what.contains("run.slow");
        looked.0.iter().filter(is_it).count()
    };
    // Twenty minutes of two hours; then three of them; then four.
    due(0);
    let looked = looked_at(&ports, &run);
    assert_eq!((told(&looked), looked.1), (0, 40));
    due(160);
    let looked = looked_at(&ports, &run);
    assert_eq!((told(&looked), looked.1), (0, 60));
    due(60);
    ports.faults.crash_after(1);
    sweep(&ports);
    ports.faults.heal();
    let (before, at) = (ports.bus.take_published(), the_run(&ports, &run).slow);
    assert!(at.is_some_and(|slow| !slow.told));
    let looked = looked_at(&ports, &run);
    assert_eq!(
        told(&looked),
        1,
        "{before:?} was told before a crash, and is again"
    );
    assert!(the_run(&ports, &run).slow.is_some_and(|slow| slow.told));
    due(60);
    assert_eq!(told(&looked_at(&ports, &run)), 0);
}
