//! Everything at once: two teams, clusters that fail to start and die, limits, a backfill, events
//! that come twice and late, and `kill -9` in between. Every day comes to its good end.

use std::time::Duration;

use model::operation::{ExistingRuns, OperationKind};
use model::run::{Run, RunState};
use serde_json::json;

use crate::dice::Dice;
use crate::scene::{Scene, Time};
use crate::share::{Percent, share};
use crate::view::Watch;

const TIME: Time = Time::SkipFrom("2026-03-01T00:00:00Z");

const CLUSTER: &str = r#"
provision: { expression: "cron(1 0 * * ? *)", timezone: UTC }
terminate: { expression: "cron(0 20 * * ? *)", timezone: UTC, drain: 10m }
release: emr-7.9.0
instances: { primary: m7g.xlarge }
tags: { purpose: etl }
step_concurrency: 2
replacements: 3
"#;

/// `alone` is never at work twice, whatever run it belongs to.
const NIGHTLY: &str = r#"
schedule: { expression: "cron(30 0 * * ? *)", timezone: UTC, catch_up: all }
max_active_runs: 3
tasks:
  alone:
    for_each: { part: [a, b] }
    pool: single
    batch: { job_definition: any, queue: light, command: [sh, alone.sh, "{{ logical_date }}", "{{ task }}", "{{ attempt }}"] }
  step:
    after: [alone]
    for_each: { part: [a, b, c] }
    command: { cluster: { tags: { purpose: etl } }, command: [sh, work.sh, "{{ logical_date }}", "{{ task }}", "{{ attempt }}"] }
    retries: { attempts: 0, backoff: 1s, max_backoff: 1s, infrastructure_attempts: 5 }
"#;

const DEMAND: &str = r#"
timezone: UTC
after: [weather/nightly]
tasks:
  demand:
    batch: { job_definition: any, queue: light, command: [sh, work.sh, "{{ logical_date }}", "{{ task }}", "{{ attempt }}"] }
"#;

fn scene() -> Scene {
    let scene = Scene::new();
    scene.configure(&json!({
        "cluster_faults": { "weather/etl": { "failed_starts": 1, "deaths": 2, "dies_after": 1 } },
        "faults": {
            "duplicate_events": true,
            "delay_events": 20,
            "submit_answers": ["unknown_but_done", "throttled", "unknown_and_not_done"],
        },
    }));
    scene.define(
        "team.yaml",
        "pools: { single: 1 }\nquota: { running_tasks: 3 }\n",
    );
    scene.define("clusters/etl.yaml", CLUSTER);
    scene.define("workflows/nightly.yaml", NIGHTLY);
    scene.write("events/energy/team.yaml", "description: Demand\n");
    scene.write("events/energy/workflows/demand.yaml", DEMAND);
    scene.script("work.sh", r#"record "started-$1" "$2 $3"; sleep 0.03"#);
    let alone = r#"record "started-$1" "$2 $3"; mkdir alone || exit 90; sleep 0.03; rmdir alone"#;
    scene.script("alone.sh", alone);
    scene
}

fn demands(scene: &Scene) -> Vec<Run> {
    scene.runs_of(&"energy/demand".parse().unwrap())
}

#[test]
fn troubled_days_come_to_a_good_end() {
    let (kills, seed) = share(Percent(20));
    let mut dice = Dice(seed);
    let scene = scene();
    scene.engine(TIME).kill();
    scene.ask(OperationKind::Backfill {
        workflow: "weather/nightly".parse().unwrap(),
        from: "2026-02-20".parse().unwrap(),
        to: "2026-02-23".parse().unwrap(),
        max_active_runs: 2,
        existing: ExistingRuns::None,
        params: Default::default(),
    });
    let mut watch = Watch::default();
    for _ in 0..kills {
        let mut engine = scene.start(TIME);
        if dice.below(5) > 0 {
            scene.await_ready(&mut engine);
        }
        // Nothing is waited for: the length is what differs.
        std::thread::sleep(Duration::from_micros(dice.below(300_000)));
        engine.kill();
        for run in scene.runs("nightly") {
            watch.look(&scene, &run.run);
        }
    }
    let _engine = scene.engine(TIME);
    scene.wait_for("the backfill and a day are known", || {
        scene.runs("nightly").len() >= 5
    });
    let runs = scene.runs("nightly");
    for run in &runs {
        scene.wait_for("it has ended", || watch.look(&scene, &run.run));
        scene.ends(&run.run, RunState::Succeeded);
    }
    for run in &runs {
        let day = run.logical_date.strftime("%Y-%m-%d").to_string();
        let of_day = || {
            let demands = demands(&scene);
            let mut same = demands
                .into_iter()
                .filter(|demand| demand.slot.as_str() == day);
            (same.next(), same.next())
        };
        scene.wait_for(&format!("the demand of {day} is estimated"), || {
            of_day().0.is_some_and(|run| run.state.is_terminal())
        });
        let (Some(demand), None) = of_day() else {
            panic!("one run for each day: {:#?}", of_day());
        };
        scene.ends(&demand.run, RunState::Succeeded);
        let started = scene.lines(&format!("started-{day}"));
        let mut once = started.clone();
        once.dedup();
        assert_eq!(started, once, "{day}");
        for task in [
            "alone-a 1",
            "alone-b 1",
            "demand 1",
            "step-a 1",
            "step-b 1",
            "step-c 1",
        ] {
            assert!(
                started.iter().any(|line| line == task),
                "{day}: {task} in {started:?}"
            );
        }
    }
    scene.no_place_was_left_over();
    eprintln!("{} days", runs.len());
    scene.no_dead_letters();
}
