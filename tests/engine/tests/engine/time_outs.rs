//! Work that takes too long is stopped by the compute service, and only then has it failed.

use model::run::RunState;
use model::task::TaskState;

use crate::scene::{Scene, Time, lives};

#[test]
fn a_batch_job_is_stopped_at_its_time_out() {
    let scene = Scene::new();
    scene.define(
        "workflows/daily.yaml",
        r#"
tasks:
  slow:
    batch: { job_definition: any, queue: light, command: [sh, slow.sh] }
    timeout: 60s
"#,
    );
    scene.script("slow.sh", "echo $$ > pid; gate never");
    let _engine = scene.engine(Time::Real);
    let run = scene.start_run("daily", "one");
    scene.wait_for_task(&run, "slow", TaskState::Running);
    scene.wait_for("it says who it is", || !scene.read("pid").is_empty());
    scene.write("jump", "61");
    scene.ends(&run, RunState::Failed);
    let task = scene.task(&run, "slow");
    let reason = "Job attempt duration exceeded timeout";
    assert_eq!(task.reason.as_deref(), Some(reason), "{task:#?}");
    assert!(!lives(&scene.read("pid")));
}

#[test]
fn a_step_is_cancelled_at_its_time_out_and_tried_again() {
    let scene = Scene::new();
    scene.define(
        "clusters/etl.yaml",
        r#"
provision: { expression: "cron(1 0 * * ? *)", timezone: UTC }
terminate: { expression: "cron(0 6 * * ? *)", timezone: UTC }
release: emr-7.9.0
instances: { primary: m7g.xlarge }
"#,
    );
    scene.define(
        "workflows/nightly.yaml",
        r#"
schedule: { expression: "cron(1 0 * * ? *)", timezone: UTC }
tasks:
  slow:
    command: { cluster: etl, command: [sh, slow.sh, "{{ attempt }}"] }
    timeout: 10m
    retries: { attempts: 1, backoff: 1s, max_backoff: 1s }
"#,
    );
    scene.script("slow.sh", "record started $1; [ $1 = 2 ] || gate never");
    let _engine = scene.engine(Time::SkipFrom("2026-03-01T00:00:00Z"));
    let run = crate::view::run_id("nightly", "2026-03-01T00:01:00Z");
    scene.wait_for_file("started");
    let submitted = scene.wait_for_task(&run, "slow", TaskState::Running);
    // Reconcile looks every two minutes.
    for seconds in [590, 15, 125, 125] {
        scene.write("jump", seconds.to_string());
        scene.wait_for("the clock has jumped", || !scene.file("jump").exists());
    }
    scene.ends(&run, RunState::Succeeded);
    let past = scene.past(&run);
    assert_eq!(past[0].submission, submitted.submission);
    assert_eq!(past[0].reason.as_deref(), Some("timed out"), "{past:#?}");
    assert_eq!(past[0].failures.application, 1);
    assert_eq!(scene.lines("started"), ["1", "2"]);
}
