//! No event of the compute services arrives; asking tells the truth.

use model::run::RunState;
use model::units::Seconds;
use serde_json::json;

use crate::scene::{Scene, Time};

const CLUSTER: &str = r#"
provision: { expression: "cron(1 0 * * ? *)", timezone: UTC }
terminate: { expression: "cron(0 6 * * ? *)", timezone: UTC }
release: emr-7.9.0
instances: { primary: m7g.xlarge }
"#;

const WORKFLOW: &str = r#"
schedule: { expression: "cron(0 1 * * ? *)", timezone: UTC }
tasks:
  job:
    batch: { job_definition: any, queue: light, command: [sh, work.sh, job] }
  step:
    command: { cluster: etl, command: [sh, work.sh, step, "{{ attempt }}"] }
    retries: { attempts: 1, backoff: 1s, max_backoff: 1s }
  last:
    after: [job, step]
    command: { cluster: etl, command: [sh, work.sh, last] }
"#;

#[test]
fn with_every_event_lost_the_run_ends_and_a_steps_end_is_noticed_within_150_seconds() {
    let scene = Scene::new();
    scene.configure(&json!({ "faults": { "drop_events": true } }));
    scene.define("clusters/etl.yaml", CLUSTER);
    scene.define("workflows/nightly.yaml", WORKFLOW);
    scene.script(
        "work.sh",
        "record started $1; [ \"$1 $2\" != 'step 1' ] || exit 4",
    );
    let engine = scene.engine(Time::SkipFrom("2026-03-01T00:00:00Z"));
    let run = crate::view::run_id("nightly", "2026-03-01T01:00:00Z");
    scene.wait_for("the run has started", || scene.run(&run).is_some());
    scene.ends(&run, RunState::Succeeded);
    engine.kill();
    assert_eq!(scene.lines("started"), ["job", "last", "step", "step"]);
    let (ended, tasks) = (scene.run(&run).unwrap(), scene.tasks(&run));
    let first = scene.past(&run).remove(0);
    assert_eq!(first.reason.as_deref(), Some("exit code 4"));
    // The next attempt comes a second after the failure was noticed, and the step took no time.
    let noticed = Seconds::between(
        first.submitted_at.unwrap(),
        tasks["step"].submitted_at.unwrap(),
    );
    assert!(noticed <= Seconds(155), "{noticed}");
    let whole = Seconds::between(ended.started_at.unwrap(), ended.ended_at.unwrap());
    assert!(whole <= Seconds::hours(1), "{whole}");
}

#[test]
fn events_that_come_late_and_twice_change_nothing() {
    let scene = Scene::new();
    let faults = json!({ "duplicate_events": true, "delay_events": 45 });
    scene.configure(&json!({ "faults": faults }));
    scene.define("clusters/etl.yaml", CLUSTER);
    scene.define("workflows/nightly.yaml", WORKFLOW);
    scene.script(
        "work.sh",
        "record started $1; [ \"$1 $2\" != 'step 1' ] || exit 4",
    );
    let _engine = scene.engine(Time::SkipFrom("2026-03-01T00:00:00Z"));
    let run = crate::view::run_id("nightly", "2026-03-01T01:00:00Z");
    scene.wait_for("the run has started", || scene.run(&run).is_some());
    scene.ends(&run, RunState::Succeeded);
    assert_eq!(scene.lines("started"), ["job", "last", "step", "step"]);
}
