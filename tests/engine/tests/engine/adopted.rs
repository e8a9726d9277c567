//! Work goes on while the engine is dead; the next one adopts how it ended.

use model::run::RunState;
use model::task::TaskState;

use crate::scene::{Scene, Time};

/// Begins a run of one gated task, kills the engine while the task runs, lets the task end, and
/// waits until that is written down.
fn ended_without_an_engine(scene: &Scene, retries: u32) -> model::id::RunId {
    scene.define(
        "workflows/daily.yaml",
        &format!(
            r#"
tasks:
  gated:
    batch: {{ job_definition: any, queue: light, command: [sh, gated.sh, "{{{{ attempt }}}}"] }}
    retries: {{ attempts: {retries}, backoff: 1s, max_backoff: 1s }}
"#
        ),
    );
    let engine = scene.engine(Time::Real);
    let run = scene.start_run("daily", "one");
    scene.wait_for_task(&run, "gated", TaskState::Running);
    scene.wait_for_file("started");
    engine.kill();
    scene.write("gate", "");
    scene.wait_for_file("ending");
    run
}

#[test]
fn success_without_an_engine_is_adopted() {
    let scene = Scene::new();
    scene.script("gated.sh", "record started $1; gate gate; record ending $1");
    let run = ended_without_an_engine(&scene, 0);
    let _engine = scene.engine(Time::Real);
    scene.ends(&run, RunState::Succeeded);
    assert_eq!(scene.lines("started"), ["1"]);
}

#[test]
fn failure_without_an_engine_is_adopted_and_tried_again() {
    let scene = Scene::new();
    let script = "record started $1; gate gate; record ending $1; [ $1 = 2 ] || exit 42";
    scene.script("gated.sh", script);
    let run = ended_without_an_engine(&scene, 1);
    let _engine = scene.engine(Time::Real);
    scene.ends(&run, RunState::Succeeded);
    assert_eq!(scene.lines("started"), ["1", "2"]);
    let past = scene.past(&run);
    assert_eq!(past[0].reason.as_deref(), Some("exit code 42"));
    assert_eq!(past[0].failures.application, 1);
    assert_eq!(past[0].failures.infrastructure, 0);
}

#[test]
fn work_that_still_runs_is_taken_over_and_not_started_again() {
    let scene = Scene::new();
    scene.script("gated.sh", "record started $1; gate gate; exit 9");
    scene.define(
        "workflows/daily.yaml",
        r#"
tasks:
  gated:
    batch: { job_definition: any, queue: light, command: [sh, gated.sh, "{{ attempt }}"] }
"#,
    );
    let mut engine = scene.engine(Time::Real);
    let run = scene.start_run("daily", "one");
    scene.wait_for_file("started");
    for _ in 0..3 {
        engine.kill();
        engine = scene.engine(Time::Real);
    }
    scene.wait_for_task(&run, "gated", TaskState::Running);
    scene.write("gate", "");
    scene.ends(&run, RunState::Failed);
    assert_eq!(scene.lines("started"), ["1"]);
    let reason = scene.task(&run, "gated").reason;
    assert_eq!(reason.as_deref(), Some("exit code 9"));
}
