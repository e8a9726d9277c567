//! Registering sets of definitions, whole, again, and from the middle.

mod fixture;

use std::collections::BTreeSet;
use std::sync::Arc;

use definitions::SourceFile;
use model::definition::{Definitions, hash_of};
use model::expected::Expected;
use model::key::Key;
use model::limit::{QueueRef, Waiter};
use model::message::{Function, Message};
use model::registry::{Catalogue, CurrentCluster, CurrentWorkflow, Deployment};
use model::units::Seconds;
use ports::{Body, Trouble};
use protocols::content;
use testkit::{TestPorts, block_on, instant};

use self::fixture::{after, before};
use crate::fence::Fence;
use crate::{Changes, Refused, Registered, apply, register as register_files};

fn changes(registered: Registered) -> Changes {
    match registered {
        Registered::Changed(changes) => *changes,
        Registered::Unchanged => panic!("nothing changed"),
    }
}

fn register(ports: &TestPorts, definitions: &Definitions) -> Result<Registered, Trouble> {
    block_on(apply(ports, definitions))
}

/// Everything that is stored, without versions, which a repetition may raise.
fn items(ports: &TestPorts) -> Vec<(Arc<str>, Arc<str>, Body)> {
    let items = ports.store.items().into_iter();
    items
        .map(|item| (item.partition, item.sort, item.body))
        .collect()
}

fn owed(ports: &TestPorts, schedule: &str) -> Option<String> {
    let key = Key::Expected(schedule.parse().unwrap());
    let expected = ports.store.peek::<Expected>(&key)?;
    Some(format!("{} by {}", expected.next_slot?, expected.due_at?))
}

#[test]
fn a_broken_set_changes_nothing_and_says_why() {
    let ports = TestPorts::new();
    let files = [
        SourceFile::new("events/weather/team.yaml", "description: Weather\n"),
        SourceFile::new(
            "events/weather/workflows/daily.yaml",
            "tasks:\n  clean:\n    after: [nothing]\n    batch: { job_definition: clean, queue: light }\n",
        ),
    ];
    let refused = block_on(register_files(&ports, &files)).unwrap_err();
    let Refused::Broken { diagnostics } = refused else {
        panic!("{refused}")
    };
    assert!(
        diagnostics
            .iter()
            .any(|found| found.message.contains("nothing")),
        "{diagnostics:?}"
    );
    assert!(ports.store.items().is_empty());
}

#[test]
fn good_files_are_registered() {
    let ports = TestPorts::new();
    let files = [
        SourceFile::new("events/weather/team.yaml", "description: Weather\n"),
        SourceFile::new(
            "events/weather/workflows/daily.yaml",
            "tasks:\n  clean:\n    batch: { job_definition: clean, queue: light }\n",
        ),
    ];
    let registered = block_on(register_files(&ports, &files)).unwrap();
    assert_eq!(changes(registered).workflows.added.len(), 1);
    assert_eq!(
        block_on(register_files(&ports, &files)).unwrap(),
        Registered::Unchanged
    );
}

#[test]
fn what_was_registered_can_be_found_and_read() {
    let ports = TestPorts::at(instant("2026-06-01T05:00:00Z"));
    let set = after();
    let changes = changes(register(&ports, &set).unwrap());
    assert_eq!(
        changes.workflows.added,
        set.workflows.keys().cloned().collect()
    );
    assert_eq!(
        changes.clusters.added,
        set.clusters.keys().cloned().collect()
    );
    for (reference, definition) in &set.workflows {
        let key = Key::CurrentWorkflow(reference.clone());
        let current = ports.store.peek::<CurrentWorkflow>(&key).unwrap();
        assert_eq!(current.definition, hash_of(definition));
        let stored = block_on(content::workflow(&ports, &current.definition)).unwrap();
        assert_eq!(*stored, *definition);
    }
    let daily = Key::CurrentWorkflow("weather/daily".parse().unwrap());
    let waiting = ports
        .store
        .peek::<CurrentWorkflow>(&daily)
        .unwrap()
        .downstreams;
    assert_eq!(waiting, BTreeSet::from(["weather/report".parse().unwrap()]));
    let catalogue = Key::Catalogue("weather".parse().unwrap());
    let catalogue = ports.store.peek::<Catalogue>(&catalogue).unwrap();
    assert_eq!(
        (catalogue.workflows.len(), catalogue.clusters.len()),
        (3, 2)
    );
    let deployment = ports.store.peek::<Deployment>(&Key::Deployment).unwrap();
    assert_eq!(deployment.set, hash_of(&set));
}

#[test]
fn every_schedule_owes_its_next_slot_from_now_on() {
    let ports = TestPorts::at(instant("2026-06-01T05:10:00Z"));
    register(&ports, &after()).unwrap();
    let table = [
        (
            "workflow/weather/daily",
            "2026-06-01T06:00:00Z by 2026-06-01T06:05:00Z",
        ),
        (
            "workflow/weather/edited",
            "2026-06-01T05:30:00Z by 2026-06-01T05:35:00Z",
        ),
        (
            "provision/weather/new",
            "2026-06-02T05:00:00Z by 2026-06-02T05:05:00Z",
        ),
        (
            "terminate/weather/new",
            "2026-06-01T09:00:00Z by 2026-06-01T09:05:00Z",
        ),
        (
            "upstreams/weather/report",
            "2026-06-02T00:00:00Z by 2026-06-02T08:00:00Z",
        ),
    ];
    for (schedule, expected) in table {
        assert_eq!(
            owed(&ports, schedule).as_deref(),
            Some(expected),
            "{schedule}"
        );
    }
    assert_eq!(owed(&ports, "upstreams/weather/daily"), None);
}

#[test]
fn the_same_set_again_changes_nothing() {
    let ports = TestPorts::new();
    register(&ports, &after()).unwrap();
    let before = ports.store.items();
    ports.clock.pass(Seconds::hours(30));
    assert_eq!(register(&ports, &after()).unwrap(), Registered::Unchanged);
    assert_eq!(ports.store.items(), before);
}

#[test]
fn only_what_changed_is_told_and_written() {
    let ports = TestPorts::at(instant("2026-06-01T05:00:00Z"));
    register(&ports, &before()).unwrap();
    let kept = Key::Expected("workflow/weather/daily".parse().unwrap());
    let kept_before = ports.store.peek::<Expected>(&kept).unwrap();
    ports.clock.pass(Seconds::hours(3));
    let changes = changes(register(&ports, &after()).unwrap());
    let names = |names: BTreeSet<_>| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(changes.workflows.added), ["weather/report"]);
    assert_eq!(names(changes.workflows.changed), ["weather/edited"]);
    assert_eq!(names(changes.workflows.removed), ["weather/gone"]);
    let names = |names: BTreeSet<_>| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(changes.clusters.added), ["weather/new"]);
    assert_eq!(names(changes.clusters.changed), ["weather/etl"]);
    assert_eq!(names(changes.clusters.removed), ["weather/old"]);

    // The slot that nobody recorded is still owed; an edited schedule starts anew.
    assert_eq!(ports.store.peek::<Expected>(&kept).unwrap(), kept_before);
    let edited = owed(&ports, "workflow/weather/edited");
    assert_eq!(
        edited.as_deref(),
        Some("2026-06-01T08:30:00Z by 2026-06-01T08:35:00Z")
    );
    assert_eq!(
        owed(&ports, "terminate/weather/etl").as_deref(),
        Some("2026-06-01T09:00:00Z by 2026-06-01T09:05:00Z")
    );
}

#[test]
fn what_is_gone_is_marked_and_owes_nothing() {
    let ports = TestPorts::new();
    register(&ports, &before()).unwrap();
    register(&ports, &after()).unwrap();
    let gone = Key::CurrentWorkflow("weather/gone".parse().unwrap());
    let gone = ports.store.peek::<CurrentWorkflow>(&gone).unwrap();
    assert!(gone.removed);
    let old = Key::CurrentCluster("weather/old".parse().unwrap());
    assert!(ports.store.peek::<CurrentCluster>(&old).unwrap().removed);
    for schedule in [
        "workflow/weather/gone",
        "provision/weather/old",
        "terminate/weather/old",
    ] {
        assert_eq!(owed(&ports, schedule), None, "{schedule}");
    }
    block_on(content::workflow(&ports, &gone.definition)).expect("its runs may still need it");

    register(&ports, &before()).unwrap();
    assert!(
        owed(&ports, "workflow/weather/gone").is_some(),
        "it came back"
    );
}

#[test]
fn a_team_that_is_gone_leaves_no_workflow_behind() {
    let ports = TestPorts::new();
    register(&ports, &before()).unwrap();
    let changes = changes(register(&ports, &Definitions::default()).unwrap());
    assert_eq!(changes.teams.removed.len(), 1);
    assert_eq!(changes.workflows.removed.len(), 3);
    assert!(
        ports
            .store
            .all::<CurrentWorkflow>()
            .iter()
            .all(|workflow| workflow.removed)
    );
    assert!(ports.store.all::<Expected>().is_empty());
    assert!(ports.store.all::<Catalogue>().is_empty());
}

#[test]
fn a_crash_at_any_step_is_repaired_by_registering_again() {
    let whole = TestPorts::new();
    register(&whole, &before()).unwrap();
    whole.faults.heal();
    register(&whole, &after()).unwrap();
    let steps = whole.faults.steps();
    assert!(steps > 5, "{steps}");
    for step in 1..=steps {
        for takes_effect in [false, true] {
            let ports = TestPorts::new();
            register(&ports, &before()).unwrap();
            if takes_effect {
                ports.faults.crash_after(step);
            } else {
                ports.faults.crash_before(step);
            }
            assert!(register(&ports, &after()).is_err(), "step {step}");
            ports.faults.heal();
            register(&ports, &after()).unwrap();
            assert_eq!(items(&ports), items(&whole), "step {step} {takes_effect}");
        }
    }
}

#[test]
fn a_set_that_was_begun_and_given_up_leaves_nothing_behind() {
    let straight = TestPorts::new();
    register(&straight, &before()).unwrap();
    let live = |ports: &TestPorts| {
        let workflows = ports.store.all::<CurrentWorkflow>().into_iter();
        workflows
            .filter(|workflow| !workflow.removed)
            .collect::<Vec<_>>()
    };
    for step in 1..30 {
        let ports = TestPorts::new();
        register(&ports, &before()).unwrap();
        ports.faults.crash_before(step);
        let _ = register(&ports, &after());
        ports.faults.heal();
        register(&ports, &before()).unwrap();
        assert_eq!(live(&ports), live(&straight), "step {step}");
        assert_eq!(
            ports.store.all::<Expected>(),
            straight.store.all::<Expected>(),
            "step {step}"
        );
    }
}

#[test]
fn of_two_registrations_at_once_one_stops() {
    let ports = TestPorts::new();
    block_on(async {
        let mut one = Fence::read(&ports).await.unwrap();
        let mut other = Fence::read(&ports).await.unwrap();
        one.begin(&ports, []).await.unwrap();
        let refused = other.begin(&ports, []).await;
        assert!(matches!(refused, Err(Trouble::Conflict)));
        let mut other = Fence::read(&ports).await.unwrap();
        other.begin(&ports, []).await.unwrap();
        let refused = one.commit_groups(&ports, vec![vec![marker()]]).await;
        assert!(matches!(refused, Err(Trouble::Conflict)));
    });
}

fn marker() -> ports::Write {
    let catalogue = Catalogue {
        team: "weather".parse().unwrap(),
        workflows: [].into(),
        clusters: [].into(),
    };
    ports::Write::create(&catalogue)
}

#[test]
fn a_tick_in_between_is_not_undone() {
    let ports = TestPorts::at(instant("2026-06-01T05:00:00Z"));
    register(&ports, &before()).unwrap();
    // start-run recorded the slot of 06:00.
    let key = Key::Expected("workflow/weather/daily".parse().unwrap());
    let mut moved = ports.store.peek::<Expected>(&key).unwrap();
    moved.recorded_until = instant("2026-06-01T06:00:00Z");
    moved.next_slot = Some(instant("2026-06-02T06:00:00Z"));
    ports.store.seed(&moved);
    register(&ports, &after()).unwrap();
    assert_eq!(ports.store.peek::<Expected>(&key).unwrap(), moved);
}

#[test]
fn a_pool_that_grew_lets_go_who_waits() {
    let ports = TestPorts::new();
    let with_pool = |size: u32| {
        let mut set = before();
        for team in set.teams.values_mut() {
            team.pools = [("light".parse().unwrap(), size)].into();
        }
        set
    };
    register(&ports, &with_pool(1)).unwrap();
    for holder in ["a", "b", "c"] {
        ports.store.seed(&Waiter {
            queue: QueueRef::Limit("pool/weather/light".parse().unwrap()),
            holder: holder.into(),
            priority: 0,
            since: instant("2026-03-01T00:00:00Z"),
            inbox: Function::SubmitTask,
            message: Box::new(Message::Sweep),
        });
    }
    register(&ports, &with_pool(3)).unwrap();
    assert_eq!(ports.bus.receive(Function::SubmitTask).len(), 2);
    assert_eq!(ports.store.all::<Waiter>().len(), 1);
}
