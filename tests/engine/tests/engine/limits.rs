//! However much is asked for, no more runs at once than a limit allows.

use model::run::RunState;
use serde_json::json;

use crate::scene::{Scene, Time};

/// Fails with 90 when another one is at work; makes room for others to come between.
const ALONE: &str = r#"
record started $1
mkdir alone || exit 90
sleep 0.05
rmdir alone
"#;

fn yaml(more: &str, pool: &str) -> String {
    format!(
        r#"
{more}
tasks:
  one:
    for_each: {{ part: [a, b, c] }}
    batch: {{ job_definition: any, queue: light, command: [sh, alone.sh, "{{{{ run }}}}"] }}
    {pool}
"#
    )
}

#[test]
fn a_pool_of_one_runs_one_process_at_a_time_across_workflows_and_engines() {
    let scene = Scene::new();
    scene.define("team.yaml", "pools: { single: 1 }\n");
    for workflow in ["left", "right"] {
        scene.define(
            &format!("workflows/{workflow}.yaml"),
            &yaml("", "pool: single"),
        );
    }
    scene.script("alone.sh", ALONE);
    let mut engine = scene.engine(Time::Real);
    let runs: Vec<_> = ["left", "right"]
        .into_iter()
        .flat_map(|workflow| ["1", "2"].map(|slot| scene.start_run(workflow, slot)))
        .collect();
    for started in [2, 5, 8] {
        scene.wait_for("some have started", || {
            scene.lines("started").len() >= started
        });
        engine.kill();
        engine = scene.engine(Time::Real);
    }
    for run in &runs {
        scene.ends(run, RunState::Succeeded);
    }
    assert_eq!(scene.lines("started").len(), 12);
}

#[test]
fn runs_beyond_the_most_active_ones_wait_for_their_turn() {
    let scene = Scene::new();
    scene.define(
        "workflows/single.yaml",
        r#"
max_active_runs: 1
tasks:
  one:
    batch: { job_definition: any, queue: light, command: [sh, alone.sh, "{{ run }}"] }
"#,
    );
    scene.script("alone.sh", ALONE);
    let engine = scene.engine(Time::Real);
    let runs: Vec<_> = (0..6)
        .map(|number| scene.start_run("single", &format!("s{number}")))
        .collect();
    scene.wait_for("one has started", || !scene.lines("started").is_empty());
    engine.kill();
    let _engine = scene.engine(Time::Real);
    for run in &runs {
        scene.ends(run, RunState::Succeeded);
    }
    assert_eq!(scene.lines("started").len(), 6);
}

#[test]
fn a_place_is_free_again_though_who_took_it_never_heard_of_the_submission() {
    let scene = Scene::new();
    scene.configure(&json!({ "faults": { "submit_answers": ["unknown_but_done"] } }));
    scene.define(
        "team.yaml",
        "pools: { single: 1 }\nquota: { running_tasks: 1 }\n",
    );
    scene.define("workflows/left.yaml", &yaml("", "pool: single"));
    scene.script("alone.sh", ALONE);
    // In real time: the lease of who never heard is longer than this test waits.
    let _engine = scene.engine(Time::Real);
    let run = scene.start_run("left", "one");
    scene.ends(&run, RunState::Succeeded);
    assert_eq!(scene.lines("started").len(), 3);
}
