//! Time: timers, ticks, sweeps, and the clock that skips.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use model::Timestamp;
use model::definition::{CatchUp, Cluster, EmrSpec, ScheduleSpec, hash_of};
use model::message::{Function, Message};
use model::record::Record;
use model::registry::{Catalogue, CurrentCluster, CurrentWorkflow, Deployment};
use model::units::Seconds;
use ports::{Clock as _, Expect, Outgoing, Ports as _, StateStore as _, Write};

use super::world::{FakeCompute, Log, TestEngine, done, message, open, open_with, start};
use crate::LocalPorts;

fn at(text: &str) -> Timestamp {
    testkit::instant(text)
}

fn spec(expression: &str) -> ScheduleSpec {
    let timezone = "America/New_York".into();
    ScheduleSpec {
        expression: expression.into(),
        timezone,
        catch_up: CatchUp::default(),
    }
}

fn put<R: Record>(ports: &LocalPorts<FakeCompute>, record: &R) {
    let write = Write::put(record, Expect::Anything);
    testkit::block_on(ports.store().commit(vec![write])).unwrap();
}

/// Registers a workflow that starts at this expression, and a cluster.
fn register(engine: &TestEngine, expression: &str) {
    engine
        .call(async |ports: &LocalPorts<FakeCompute>| {
            let now = ports.clock().now();
            let schedule = Some(spec(expression));
            put(
                ports,
                &CurrentWorkflow {
                    workflow: "weather/report".parse().unwrap(),
                    definition: "0".repeat(64).into(),
                    downstreams: BTreeSet::new(),
                    schedule,
                    registered_at: now,
                    removed: false,
                },
            );
            let cluster = cluster();
            let hash = hash_of(&cluster);
            let content = serde_json::to_string(&cluster).unwrap();
            protocols::content::store(ports, &hash, &content)
                .await
                .unwrap();
            put(
                ports,
                &CurrentCluster {
                    cluster: cluster.reference(),
                    definition: hash,
                    tags: BTreeMap::new(),
                    registered_at: now,
                    removed: false,
                },
            );
            put(
                ports,
                &Catalogue {
                    team: "weather".parse().unwrap(),
                    workflows: BTreeMap::from([("report".parse().unwrap(), "0".repeat(64).into())]),
                    clusters: BTreeMap::from([("etl".parse().unwrap(), BTreeMap::new())]),
                },
            );
            put(
                ports,
                &Deployment {
                    teams: BTreeSet::from(["weather".parse().unwrap()]),
                    set: "set".into(),
                    registered_at: now,
                },
            );
        })
        .unwrap();
}

fn cluster() -> Cluster {
    Cluster {
        team: "weather".parse().unwrap(),
        name: "etl".parse().unwrap(),
        description: None,
        provision: spec("cron(0 2 * * ? *)"),
        terminate: spec("cron(0 3 * * ? *)"),
        drain: Seconds::minutes(30),
        tags: BTreeMap::new(),
        step_concurrency: 1,
        replacements: 0,
        idle_after: model::cluster::IDLE_AFTER,
        emr: EmrSpec::default(),
    }
}

/// An engine that notes each tick: inbox, schedule, scheduled time and when it came.
fn noting(folder: &std::path::Path) -> (TestEngine, Log<(Function, String, Timestamp, Timestamp)>) {
    let ticks: Log<(Function, String, Timestamp, Timestamp)> = Log::default();
    let seen = ticks.clone();
    let engine = open(folder, move |function, ports, batch| {
        for delivery in &batch {
            let Message::Tick(tick) = &delivery.message else {
                panic!("{delivery:?}")
            };
            assert!(!tick.late && !tick.skip);
            let now = ports.clock().now();
            let schedule = tick.schedule.to_string();
            seen.borrow_mut()
                .push((function, schedule, tick.scheduled_time, now));
        }
        done(&batch)
    });
    (engine, ticks)
}

#[test]
fn each_schedule_ticks_in_its_inbox_at_its_instants() {
    let folder = tempfile::tempdir().unwrap();
    let (mut engine, ticks) = noting(folder.path());
    register(&engine, "cron(30 1,4 * * ? *)");
    let began = Instant::now();
    engine
        .run_until(|engine| engine.now() > at("2026-03-02T05:00:00Z"))
        .unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "a day of nothing is skipped"
    );
    let fired: Vec<_> = ticks
        .borrow()
        .iter()
        .map(|(function, schedule, scheduled, _)| {
            (*function, schedule.clone(), scheduled.to_string())
        })
        .collect();
    let expected = [
        (
            Function::StartRun,
            "workflow/weather/report",
            "2026-03-01T06:30:00Z",
        ),
        (
            Function::ProvisionCluster,
            "provision/weather/etl",
            "2026-03-01T07:00:00Z",
        ),
        (
            Function::TerminateCluster,
            "terminate/weather/etl",
            "2026-03-01T08:00:00Z",
        ),
        (
            Function::StartRun,
            "workflow/weather/report",
            "2026-03-01T09:30:00Z",
        ),
    ];
    let expected =
        expected.map(|(function, schedule, at)| (function, schedule.to_owned(), at.to_owned()));
    assert_eq!(fired, expected);
    for (_, schedule, scheduled, came) in ticks.borrow().iter() {
        let late = came.duration_since(*scheduled).as_millis();
        assert!((0..1_000).contains(&late), "{schedule} came {late} ms late");
    }
}

#[test]
fn definitions_registered_later_tick_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let (mut engine, ticks) = noting(folder.path());
    engine
        .run_until(|engine| engine.now() > at("2026-03-01T10:00:00Z"))
        .unwrap();
    assert_eq!(ticks.borrow().len(), 0);
    register(&engine, "cron(30 1,5 * * ? *)");
    engine
        .run_until(|engine| engine.now() > at("2026-03-01T11:00:00Z"))
        .unwrap();
    let starts = |ticks: &Log<(Function, String, Timestamp, Timestamp)>| -> Vec<String> {
        let ticks = ticks.borrow();
        let starts = ticks
            .iter()
            .filter(|(function, ..)| *function == Function::StartRun);
        starts
            .map(|(_, _, scheduled, _)| scheduled.to_string())
            .collect()
    };
    assert_eq!(starts(&ticks), ["2026-03-01T10:30:00Z"]);
    // Edited: the old instants are over, the new ones count from now.
    register(&engine, "cron(30 6,7 * * ? *)");
    engine
        .run_until(|engine| engine.now() > at("2026-03-01T13:00:00Z"))
        .unwrap();
    let expected = ["10:30", "11:30", "12:30"].map(|time| format!("2026-03-01T{time}:00Z"));
    assert_eq!(starts(&ticks), expected);
    // A restarted engine knows them, and looks ahead only.
    drop(engine);
    let (mut engine, ticks) = noting(folder.path());
    engine
        .run_until(|engine| engine.now() > at("2026-03-02T12:00:00Z"))
        .unwrap();
    assert_eq!(starts(&ticks), ["2026-03-02T11:30:00Z"]);
}

#[test]
fn reconcile_is_woken_every_two_minutes() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = open(folder.path(), |_, _, batch| done(&batch));
    engine
        .run_until(|engine| engine.now() > Seconds::minutes(61).after(start()))
        .unwrap();
    assert_eq!(engine.statistics().messages, 31);
}

#[test]
fn the_clock_jumps_to_the_computes_timers_too() {
    let folder = tempfile::tempdir().unwrap();
    let compute = FakeCompute::default();
    let ready_at = at("2026-03-01T05:07:30Z");
    compute
        .script
        .borrow_mut()
        .push((ready_at, Function::RecordCluster, message("up")));
    let times: Log<Timestamp> = Log::default();
    let seen = times.clone();
    let mut engine = open_with(folder.path(), compute, move |_, ports, batch| {
        seen.borrow_mut().push(ports.clock().now());
        done(&batch)
    });
    let came = times.clone();
    engine
        .run_until(move |_| !came.borrow().is_empty())
        .unwrap();
    let late = times.borrow()[0].duration_since(ready_at).as_millis();
    assert!((0..1_000).contains(&late), "{late} ms late");
}

#[test]
fn the_clock_does_not_jump_while_work_is_running() {
    let folder = tempfile::tempdir().unwrap();
    let compute = FakeCompute::default();
    compute.flying.set(1);
    let mut engine = open_with(folder.path(), compute.clone(), |_, _, batch| done(&batch));
    let delayed = Outgoing {
        message: message("a"),
        delay: Seconds(600),
    };
    engine.send(Function::SubmitTask, delayed).unwrap();
    let began = Instant::now();
    engine
        .run_until(|_| began.elapsed() > Duration::from_millis(300))
        .unwrap();
    let passed = engine.now().duration_since(start()).as_millis();
    assert!(
        (300..5_000).contains(&passed),
        "{passed} ms passed at real speed"
    );
    compute.flying.set(0);
    engine
        .run_until(|engine| engine.now() > Seconds(600).after(start()))
        .unwrap();
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn an_engine_stops_when_it_is_asked_from_another_thread() {
    let folder = tempfile::tempdir().unwrap();
    let data = crate::Data::open(folder.path(), crate::Options::default()).unwrap();
    struct Silent;
    impl crate::Handlers<FakeCompute> for Silent {
        async fn handle(
            &self,
            _: Function,
            _: &LocalPorts<FakeCompute>,
            batch: Vec<ports::Delivery>,
        ) -> Vec<ports::Verdict> {
            done(&batch)
        }
    }
    let mut engine = crate::Engine::new(data, FakeCompute::default(), Silent);
    let stopper = engine.stopper();
    let asker = std::thread::spawn(move || {
        stopper.stop();
        Instant::now()
    });
    engine.run().unwrap();
    assert!(asker.join().unwrap().elapsed() < Duration::from_secs(2));
}
