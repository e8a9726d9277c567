//! Steps on clusters that come, die, never come up, and outlive engines.

use model::cluster::InstanceState;
use model::run::RunState;
use model::task::TaskState;
use serde_json::json;

use crate::scene::{Scene, Time};

/// The cluster is asked for a minute after the engine's time begins.
const MIDNIGHT: Time = Time::SkipFrom("2026-03-01T00:00:00Z");

const CLUSTER: &str = r#"
provision: { expression: "cron(1 0 * * ? *)", timezone: UTC }
terminate: { expression: "cron(0 6 * * ? *)", timezone: UTC, drain: 10m }
release: emr-7.9.0
instances: { primary: m7g.xlarge }
replacements: 2
"#;

const STEP: &str = r#"
schedule: { expression: "cron(0 0 * * ? *)", timezone: UTC }
tasks:
  step:
    command: { cluster: etl, command: [sh, step.sh, "{{ attempt }}"] }
    retries: { attempts: 1, backoff: 1s, max_backoff: 1s }
"#;

/// A run that starts with the window's day: its tick comes before the cluster.
fn scene(script: &str) -> Scene {
    let scene = Scene::new();
    scene.define("clusters/etl.yaml", CLUSTER);
    scene.define("workflows/nightly.yaml", &STEP.replace("(0 0", "(1 0"));
    scene.script("step.sh", script);
    scene
}

fn nightly(scene: &Scene) -> model::id::RunId {
    let run = crate::view::run_id("nightly", "2026-03-01T00:01:00Z");
    scene.wait_for("the run has started", || scene.run(&run).is_some());
    run
}

#[test]
fn a_step_waits_for_its_cluster_and_survives_engines() {
    let scene = scene("record started $1; gate gate; [ $1 = 2 ] || exit 5");
    let engine = scene.engine(MIDNIGHT);
    let run = nightly(&scene);
    scene.wait_for_file("started");
    engine.kill();
    scene.write("gate", "");
    let _engine = scene.engine(MIDNIGHT);
    scene.ends(&run, RunState::Succeeded);
    assert_eq!(scene.lines("started"), ["1", "2"]);
    let past = scene.past(&run);
    assert_eq!(past[0].failures.application, 1, "{past:#?}");
    assert_eq!(scene.instances("etl").len(), 1, "the cluster lives");
}

#[test]
fn a_step_whose_cluster_dies_runs_again_on_the_replacement() {
    let scene = scene("record started $1; [ $1 = 1 ] && gate never; exit 0");
    let _engine = scene.engine(MIDNIGHT);
    let run = nightly(&scene);
    let running = scene.wait_for_task(&run, "step", TaskState::Running);
    scene.wait_for_file("started");
    let first = scene.instances("etl").remove(0);
    scene.write("cluster-to-kill", first.id.unwrap().as_str());
    scene.ends(&run, RunState::Succeeded);
    assert_eq!(scene.lines("started"), ["1", "2"]);
    let past = scene.past(&run);
    assert_eq!(past[0].submission, running.submission);
    assert_eq!(past[0].failures.infrastructure, 1, "{past:#?}");
    assert_eq!(past[0].failures.application, 0, "{past:#?}");
    let instances = scene.instances("etl");
    assert_eq!(instances.len(), 2, "{instances:#?}");
    assert_eq!(instances[0].state, InstanceState::Failed);
}

#[test]
fn a_cluster_that_dies_by_itself_while_no_engine_watches_is_found_out() {
    let scene = scene("record started $1; [ $1 = 1 ] && gate never; exit 0");
    let faults = json!({ "weather/etl": { "deaths": 1, "dies_after": 2 } });
    scene.configure(&json!({ "cluster_faults": faults }));
    let engine = scene.engine(MIDNIGHT);
    let run = nightly(&scene);
    scene.wait_for_file("started");
    engine.kill();
    let _engine = scene.engine(MIDNIGHT);
    scene.ends(&run, RunState::Succeeded);
    assert_eq!(scene.lines("started"), ["1", "2"]);
}

#[test]
fn a_cluster_that_never_comes_up_is_replaced() {
    let scene = scene("record started $1");
    let faults = json!({ "weather/etl": { "failed_starts": 2 } });
    scene.configure(&json!({ "cluster_faults": faults }));
    let _engine = scene.engine(MIDNIGHT);
    let run = nightly(&scene);
    scene.ends(&run, RunState::Succeeded);
    assert_eq!(scene.lines("started"), ["1"]);
    let states: Vec<InstanceState> = scene.instances("etl").iter().map(|one| one.state).collect();
    assert_eq!(states[..2], [InstanceState::Failed; 2]);
    assert_eq!(states.len(), 3);
}

#[test]
fn what_the_service_answers_too_late_is_neither_lost_nor_done_twice() {
    let scene = scene("record started $1");
    // The cluster's request, its look-up aside, then the step's.
    let answers = ["unknown_but_done", "unknown_but_done", "throttled"];
    scene.configure(&json!({ "faults": { "submit_answers": answers, "duplicate_events": true } }));
    let _engine = scene.engine(MIDNIGHT);
    let run = nightly(&scene);
    scene.ends(&run, RunState::Succeeded);
    assert_eq!(scene.lines("started"), ["1"]);
    assert_eq!(scene.instances("etl").len(), 1);
}
