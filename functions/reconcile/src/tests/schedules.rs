//! Missed ticks and deadlines.

use model::definition::{CatchUp, Deadline as Written, ScheduleSpec, Workflow, hash_of};
use model::expected::{Deadline, Expected, ScheduleRef};
use model::id::{RunId, Slot};
use model::registry::{CurrentWorkflow, Pause};
use model::run::RunState;
use testkit::flow;

use super::*;

fn named(name: &str) -> Workflow {
    let mut workflow = flow::workflow(&[("a", &[], "")]);
    workflow.name = name.parse().unwrap();
    workflow
}

fn hourly(catch_up: CatchUp) -> Workflow {
    let mut workflow = named("hourly");
    workflow.schedule = Some(ScheduleSpec {
        expression: "cron(0 * * * ? *)".into(),
        timezone: "UTC".into(),
        catch_up,
    });
    workflow
}

fn register(ports: &TestPorts, workflow: &Workflow) {
    let hash = hash_of(workflow);
    let text = serde_json::to_string(workflow).unwrap();
    block_on(protocols::content::store(ports, &hash, &text)).unwrap();
    ports.store.seed(&CurrentWorkflow {
        workflow: workflow.reference(),
        definition: hash,
        downstreams: Default::default(),
        schedule: workflow.schedule.clone(),
        registered_at: ago(ports, 0),
        removed: false,
    });
}

fn expect(ports: &TestPorts, schedule: &str, recorded: &str, slot: &str, due: &str) -> Key {
    let schedule: ScheduleRef = schedule.parse().unwrap();
    ports.store.seed(&Expected {
        schedule: schedule.clone(),
        recorded_until: instant(recorded),
        recorded_ahead: Default::default(),
        next_slot: Some(instant(slot)),
        due_at: Some(instant(due)),
    });
    Key::Expected(schedule)
}

fn missed_since(ports: &TestPorts, hour: &str) -> Key {
    let recorded = format!("2026-03-01T{hour}:00:00Z");
    let slot = Seconds::hours(1).after(instant(&recorded));
    let due = Seconds::minutes(5).after(slot);
    expect(
        ports,
        "workflow/team/hourly",
        &recorded,
        &slot.to_string(),
        &due.to_string(),
    )
}

#[test]
fn missed_ticks_are_sent_as_the_catch_up_policy_says() {
    let tick = |hour: &str, skip: &str| {
        format!("start-run: workflow/team/hourly 2026-03-01T{hour}:00:00Z late{skip}")
    };
    let told = |hour: &str| format!("missed tick 2026-03-01T{hour}:00:00Z");
    let table = [
        (
            CatchUp::None,
            vec![
                told("05"),
                tick("03", " skip"),
                tick("04", " skip"),
                tick("05", " skip"),
            ],
        ),
        (
            CatchUp::Latest,
            vec![
                told("05"),
                tick("03", " skip"),
                tick("04", " skip"),
                tick("05", ""),
            ],
        ),
        (
            CatchUp::All,
            vec![
                told("03"),
                told("04"),
                told("05"),
                tick("03", ""),
                tick("04", ""),
                tick("05", ""),
            ],
        ),
    ];
    for (catch_up, expected) in table {
        let ports = world();
        register(&ports, &hourly(catch_up));
        missed_since(&ports, "02");
        assert_eq!(swept(&ports), expected, "{catch_up:?}");
    }
}

#[test]
fn a_missed_tick_is_sent_again_only_a_little_later() {
    let ports = world();
    register(&ports, &hourly(CatchUp::Latest));
    missed_since(&ports, "04");
    let told = swept(&ports);
    assert_eq!(told.len(), 2, "the fact and the tick: {told:?}");
    assert!(swept(&ports).is_empty());
    ports.clock.pass(Seconds::minutes(5));
    assert_eq!(swept(&ports), told, "start-run has not recorded it yet");
}

#[test]
fn a_tick_on_its_way_and_slots_recorded_already_are_left_alone() {
    let ports = TestPorts::at(instant("2026-03-01T05:04:00Z"));
    register(&ports, &hourly(CatchUp::All));
    let key = missed_since(&ports, "02");
    let mut expected = ports.store.peek::<Expected>(&key).unwrap();
    expected.recorded_ahead = [instant("2026-03-01T04:00:00Z")].into();
    ports.store.seed(&expected);
    let told = swept(&ports);
    assert_eq!(
        told,
        [
            "missed tick 2026-03-01T03:00:00Z",
            "start-run: workflow/team/hourly 2026-03-01T03:00:00Z late"
        ]
    );
}

#[test]
fn after_a_long_outage_the_oldest_slots_are_given_up() {
    let ports = world();
    register(&ports, &hourly(CatchUp::All));
    let since = "2026-01-01T00:00:00Z";
    let key = expect(&ports, "workflow/team/hourly", since, since, since);
    let mut told = swept(&ports);
    told.retain(|what| what.starts_with("start-run"));
    assert_eq!(told.len(), 200);
    let oldest = told.iter().min().unwrap();
    let expected = ports.store.peek::<Expected>(&key).unwrap();
    assert!(
        oldest.contains(&expected.next_slot.unwrap().to_string()),
        "{oldest} {expected:?}"
    );
}

#[test]
fn a_schedule_that_is_gone_owes_nothing() {
    let ports = world();
    let key = missed_since(&ports, "02");
    assert!(swept(&ports).is_empty());
    assert_eq!(ports.store.peek::<Expected>(&key), None);
}

fn run_for(ports: &TestPorts, workflow: &Workflow, slot: &str, state: RunState) -> Run {
    let mut run = flow::seed_run(&ports.store, workflow, ago(ports, 120));
    let other = Key::Run(run.run.clone());
    let delete = ports::Write::delete(other, ports::Expect::Anything);
    block_on(ports::StateStore::commit(&ports.store, vec![delete])).unwrap();
    run.slot = Slot::from(slot);
    run.run = RunId::of(&workflow.reference(), &run.slot);
    run.state = state;
    run.ended_at = state.is_terminal().then(|| ago(ports, 100));
    ports.store.seed(&run);
    run
}

fn with_deadline(state: Option<RunState>) -> TestPorts {
    let ports = world();
    let slot = Slot::from("2026-03-01");
    let deadline_at = ago(&ports, 30);
    let workflow = named("daily");
    if let Some(state) = state {
        run_for(&ports, &workflow, "2026-03-01", state);
    }
    ports.store.seed(&Deadline {
        workflow: workflow.reference(),
        run: RunId::of(&workflow.reference(), &slot),
        slot,
        logical_date: ago(&ports, 300),
        deadline_at,
        due_at: Some(deadline_at),
        missed: false,
        run_state: None,
        look_at: None,
        risk: None,
    });
    ports
}

#[test]
fn a_deadline_is_judged_once() {
    let missed = |state: &str| vec![format!("missed 2026-03-01 2026-03-01T05:00:00Z {state}")];
    let table = [
        (Some(RunState::Succeeded), vec![]),
        (Some(RunState::Running), missed("Some(Running)")),
        (Some(RunState::Failed), missed("Some(Failed)")),
        (None, missed("None")),
    ];
    for (state, expected) in table {
        let ports = with_deadline(state);
        assert_eq!(swept(&ports), expected, "{state:?}");
        assert!(swept(&ports).is_empty(), "{state:?}");
    }
}

/// `report`, after `daily` at 00:15 UTC, due at 05:00.
fn waiting_report(state: Option<RunState>) -> TestPorts {
    let ports = world();
    let mut daily = named("daily");
    daily.schedule = Some(ScheduleSpec {
        expression: "cron(15 0 * * ? *)".into(),
        timezone: "UTC".into(),
        catch_up: CatchUp::Latest,
    });
    let mut report = named("report");
    report.after = vec![daily.reference()];
    report.deadline = Some(Written::WallClock { hour: 5, minute: 0 });
    register(&ports, &daily);
    register(&ports, &report);
    if let Some(state) = state {
        run_for(&ports, &report, "2026-03-01", state);
    }
    expect(
        &ports,
        "upstreams/team/report",
        "2026-02-28T00:00:00Z",
        "2026-03-01T00:00:00Z",
        "2026-03-01T05:00:00Z",
    );
    ports
}

#[test]
fn a_run_that_its_upstreams_never_started_misses_its_deadline() {
    let table = [
        (None, vec!["missed 2026-03-01 2026-03-01T05:00:00Z None"]),
        (
            Some(RunState::Running),
            vec!["missed 2026-03-01 2026-03-01T05:00:00Z Some(Running)"],
        ),
        (Some(RunState::Succeeded), vec![]),
        (Some(RunState::Skipped), vec![]),
    ];
    for (state, expected) in table {
        let ports = waiting_report(state);
        assert_eq!(swept(&ports), expected, "{state:?}");
        let key = Key::Expected("upstreams/team/report".parse().unwrap());
        let next = ports.store.peek::<Expected>(&key).unwrap();
        assert_eq!(next.next_slot, Some(instant("2026-03-02T00:00:00Z")));
        assert_eq!(next.due_at, Some(instant("2026-03-02T05:00:00Z")));
    }
}

#[test]
fn a_paused_workflow_is_waited_for_by_nobody() {
    let ports = waiting_report(None);
    ports.store.seed(&Pause {
        workflow: "team/report".parse().unwrap(),
        by: "ann".into(),
        why: None,
        at: ago(&ports, 500),
    });
    assert!(swept(&ports).is_empty());
}

#[test]
fn every_slot_of_an_outage_is_judged() {
    let ports = waiting_report(None);
    ports.clock.pass(Seconds::hours(48));
    assert_eq!(swept(&ports).len(), 3);
}

#[test]
fn a_crash_at_any_step_misses_no_slot() {
    crash_everywhere(|| {
        let ports = waiting_report(None);
        register(&ports, &hourly(CatchUp::All));
        missed_since(&ports, "02");
        ports
    });
    crash_everywhere(|| with_deadline(None));
}
