//! Backfills.

use model::operation::ExistingRuns;

use super::*;

fn backfill(from: &str, to: &str, existing: ExistingRuns) -> OperationKind {
    OperationKind::Backfill {
        workflow: "team/flow".parse().unwrap(),
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        max_active_runs: 2,
        existing,
        params: Default::default(),
    }
}

fn world() -> TestPorts {
    let ports = TestPorts::at(instant(NOW));
    register(&ports, &chain(), &[]);
    ports
}

fn starts(ports: &TestPorts) -> Vec<String> {
    let told = told(ports)
        .into_iter()
        .filter(|told| told.starts_with("start-run"));
    told.map(|told| told.replace("start-run: start team/flow ", ""))
        .collect()
}

#[test]
fn every_slot_is_asked_for_under_the_backfills_own_limit() {
    let ports = world();
    let (_, result) = ask(
        &ports,
        "op",
        backfill("2026-05-01", "2026-05-03", ExistingRuns::None),
    );
    assert_eq!(
        result,
        "asked for 3 slots of team/flow from 2026-05-01 to 2026-05-03"
    );
    assert_eq!(starts(&ports), ["2026-05-01", "2026-05-02", "2026-05-03"]);
    for (_, outgoing) in ports.bus.sent() {
        let Message::Start(start) = outgoing.message else {
            panic!("only starts are sent")
        };
        assert_eq!(start.limits[0].limit.to_string(), "backfill/op");
        assert_eq!(start.limits[0].size, 2);
    }
}

#[test]
fn a_long_range_is_taken_in_pages() {
    let ports = world();
    drive(
        &ports,
        &request(
            "op",
            backfill("2025-06-01", "2026-05-31", ExistingRuns::None),
        ),
    );
    assert_eq!(ended(&ports, "op").0, OperationState::Done);
    assert_eq!(starts(&ports).len(), 365);
}

#[test]
fn slots_that_have_a_run_follow_the_policy() {
    let table = [
        (ExistingRuns::None, RunState::Failed, false),
        (ExistingRuns::Failed, RunState::Failed, true),
        (ExistingRuns::Failed, RunState::Succeeded, false),
        (ExistingRuns::All, RunState::Succeeded, true),
        (ExistingRuns::None, RunState::Skipped, true),
        (ExistingRuns::All, RunState::Running, false),
    ];
    for (policy, state, reruns) in table {
        let ports = world();
        run(&ports, &chain(), state, &[("a", TaskState::Failed)]);
        deliver(
            &ports,
            &request("op", backfill("2026-05-31", "2026-06-01", policy)),
        );
        assert_eq!(starts(&ports), ["2026-05-31"], "{policy:?} {state:?}");
        let derived = ports.bus.receive(Function::Operate);
        assert_eq!(!derived.is_empty(), reruns, "{policy:?} {state:?}");
        for message in derived {
            deliver(&ports, &message);
            let id = "op--team--flow--20260601";
            assert_eq!(
                ended(&ports, id).0,
                OperationState::Done,
                "{policy:?} {state:?}"
            );
            let again = ports.store.all::<Run>().remove(0);
            assert_eq!((again.state, again.generation), (RunState::Running, 2));
            assert_eq!(
                again.limits[0].limit.to_string(),
                "backfill/op",
                "it is bounded, too"
            );
        }
    }
}

#[test]
fn a_repeated_page_does_not_take_its_own_runs_for_old_ones() {
    let ports = world();
    let what = backfill("2026-06-01", "2026-06-01", ExistingRuns::All);
    let message = request("op", what);
    // The run is asked for and made, and then the world ends before the cursor is noted.
    ports.faults.crash_after(2);
    deliver(&ports, &message);
    ports.faults.heal();
    let mut made = run(&ports, &chain(), RunState::Succeeded, &[]);
    made.cause = Cause::Backfill {
        operation: "op".into(),
        by: "ann".into(),
    };
    ports.store.seed(&made);
    drive(&ports, &message);
    assert!(!told(&ports).iter().any(|told| told.starts_with("operate")));
}

#[test]
fn a_backfill_that_makes_no_sense_says_what_would() {
    let ports = world();
    let mut none_active = backfill("2026-05-01", "2026-05-02", ExistingRuns::None);
    if let OperationKind::Backfill {
        max_active_runs, ..
    } = &mut none_active
    {
        *max_active_runs = 0;
    }
    let table = [
        (
            none_active,
            "max_active_runs is 0, so nothing would ever run; give 1 or more",
        ),
        (
            backfill("2026-05-02", "2026-05-01", ExistingRuns::None),
            "2026-05-02 is after 2026-05-01: give the earlier date first",
        ),
        (
            backfill("2026-07-01", "2026-07-02", ExistingRuns::None),
            "no slot lies between 2026-07-01 and 2026-07-02, or none has come yet",
        ),
    ];
    for (position, (what, expected)) in table.into_iter().enumerate() {
        assert_eq!(refusal(&ports, &format!("op-{position}"), what), expected);
    }
}

#[test]
fn a_crash_at_any_step_asks_for_every_slot() {
    crash_everywhere(
        world,
        &backfill("2026-02-01", "2026-05-31", ExistingRuns::None),
    );
}
