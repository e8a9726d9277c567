//! Days of clusters and steps, with `kill -9` at many random moments: no instance too many, no
//! step twice, no day forgotten.

use std::time::Duration;

use model::cluster::InstanceState;
use model::run::RunState;

use crate::dice::Dice;
use crate::scene::{Scene, Time};
use crate::share::{Percent, share};
use crate::view::Watch;

const TIME: Time = Time::SkipFrom("2026-03-01T00:00:00Z");

const CLUSTER: &str = r#"
provision: { expression: "cron(1 0 * * ? *)", timezone: UTC }
terminate: { expression: "cron(0 6 * * ? *)", timezone: UTC, drain: 10m }
release: emr-7.9.0
instances: { primary: m7g.xlarge }
step_concurrency: 2
"#;

/// Steps that wait for the cluster, one of which succeeds the second time.
const WORKFLOW: &str = r#"
schedule: { expression: "cron(1 0 * * ? *)", timezone: UTC, catch_up: all }
tasks:
  step:
    for_each: { part: [a, b, c] }
    command: { cluster: etl, command: [sh, work.sh, "{{ logical_date }}", "{{ task }}", "{{ attempt }}"] }
  flaky:
    after: [step]
    command: { cluster: etl, command: [sh, work.sh, "{{ logical_date }}", "{{ task }}", "{{ attempt }}"] }
    retries: { attempts: 1, backoff: 1s, max_backoff: 1s }
"#;

#[test]
fn whenever_the_engine_is_killed_each_day_has_one_instance_and_its_steps_once() {
    let (kills, seed) = share(Percent(24));
    let mut dice = Dice(seed);
    let scene = Scene::new();
    scene.define("clusters/etl.yaml", CLUSTER);
    scene.define("workflows/nightly.yaml", WORKFLOW);
    let script = r#"record "started-$1" "$2 $3"; sleep 0.03; [ "$2 $3" != "flaky 1" ] || exit 3"#;
    scene.script("work.sh", script);
    let mut watch = Watch::default();
    scene.engine(TIME).kill();
    for _ in 0..kills {
        let mut engine = scene.start(TIME);
        if dice.below(5) > 0 {
            scene.await_ready(&mut engine);
        }
        // Nothing is waited for: the length is what differs.
        std::thread::sleep(Duration::from_micros(dice.below(250_000)));
        engine.kill();
        for run in scene.runs("nightly") {
            watch.look(&scene, &run.run);
        }
    }
    let engine = scene.engine(TIME);
    let runs = scene.runs("nightly");
    for run in &runs {
        scene.wait_for("it has ended", || watch.look(&scene, &run.run));
    }
    let windows: Vec<_> = scene
        .instances("etl")
        .into_iter()
        .map(|one| one.instance)
        .collect();
    scene.wait_for("the instances have ended", || {
        let instances = scene.instances("etl");
        let mut known = instances
            .iter()
            .filter(|one| windows.contains(&one.instance));
        known.all(|one| one.state.is_terminal())
    });
    engine.kill();
    for run in &runs {
        scene.ends(&run.run, RunState::Succeeded);
        let day = run.logical_date.strftime("%Y-%m-%d");
        let started = scene.lines(&format!("started-{day}"));
        assert_eq!(
            started,
            ["flaky 1", "flaky 2", "step-a 1", "step-b 1", "step-c 1"],
            "{day}"
        );
    }
    scene.no_place_was_left_over();
    let days = runs.len();
    eprintln!("{days} days");
    assert!(kills < 20 || days > 1, "the engine got on between kills");
    let instances = scene.instances("etl");
    let ended = instances
        .iter()
        .filter(|one| windows.contains(&one.instance));
    for instance in ended {
        assert_eq!(instance.state, InstanceState::Terminated, "{instance:#?}");
        assert_eq!(instance.instance.ordinal, 1, "{instance:#?}");
    }
    // The service was asked once for each: nothing leaks.
    let service = rusqlite::Connection::open(scene.data().join("compute.db")).unwrap();
    for window in &windows {
        let sql = "SELECT count(*) FROM clusters WHERE json_extract(body, '$.instance') = ?1";
        let count: i64 = service
            .query_row(sql, [window.to_string()], |row| row.get(0))
            .unwrap();
        assert_eq!(count, 1, "{window}");
    }
}
