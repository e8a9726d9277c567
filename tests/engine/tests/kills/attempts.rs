//! Attempts: each starts once, and its exit code is true.

use std::time::Duration;

use model::id::RunId;
use model::run::RunState;
use model::task::TaskState;

use crate::dice::Dice;
use crate::scene::{Scene, Time};
use crate::share::{Percent, share};
use crate::view::Watch;

/// Three layers of tasks that succeed, one that succeeds the second time, one that never does and
/// whose failure is absorbed.
const WORKFLOW: &str = r#"
tasks:
  first:
    for_each: { part: [a, b, c] }
    batch: &
  flaky:
    batch: &
    retries: { attempts: 2, backoff: 1s, max_backoff: 1s }
  second:
    after: [first, flaky]
    for_each: { part: [a, b, c] }
    batch: &
  broken:
    after: [first]
    batch: &
  absorbs:
    after: [broken]
    trigger_rule: all_done
    batch: &
  last:
    after: [second, absorbs]
    batch: &
"#;

/// Skips: an engine that was killed between a claim and its submission leaves a lease of two
/// minutes behind.
const TIME: Time = Time::SkipFrom("2026-03-01T00:00:00Z");

/// Says that it started, and ends as its name says.
const SCRIPT: &str = r#"
record "started-$1" "$2 $3"
sleep 0.03
case "$2-$3" in
  flaky-1) exit 3 ;;
  broken-*) exit 7 ;;
esac
"#;

const ATTEMPTS: [&str; 11] = [
    "absorbs 1",
    "broken 1",
    "first-a 1",
    "first-b 1",
    "first-c 1",
    "flaky 1",
    "flaky 2",
    "last 1",
    "second-a 1",
    "second-b 1",
    "second-c 1",
];

fn scene() -> Scene {
    let scene = Scene::new();
    let batch = r#"{ job_definition: any, queue: light, command: [sh, work.sh, "{{ slot }}", "{{ task }}", "{{ attempt }}"] }"#;
    scene.define("workflows/daily.yaml", &WORKFLOW.replace('&', batch));
    scene.script("work.sh", SCRIPT);
    scene
}

fn all_is_as_it_should_be(scene: &Scene, run: &RunId, slot: &str) {
    scene.ends(run, RunState::Succeeded);
    assert_eq!(scene.lines(&format!("started-{slot}")), ATTEMPTS, "{run}");
    let tasks = scene.tasks(run);
    for (name, task) in &tasks {
        let expected = match name.as_str() {
            "broken" => (TaskState::Failed, Some("exit code 7")),
            _ => (TaskState::Succeeded, None),
        };
        let reason = task.reason.as_deref().filter(|_| name == "broken");
        assert_eq!((task.state, reason), expected, "{task:#?}");
    }
    assert_eq!(tasks.len(), 10);
    let past: Vec<_> = scene
        .past(run)
        .into_iter()
        .map(|task| (task.task.to_string(), task.state, task.reason))
        .collect();
    let reason = Some("exit code 3".to_owned());
    assert_eq!(past, [("flaky".to_owned(), TaskState::Failed, reason)]);
}

#[test]
fn whenever_the_engine_is_killed_every_attempt_starts_once_and_ends_truly() {
    let (kills, seed) = share(Percent(34));
    let mut dice = Dice(seed);
    let scene = scene();
    scene.engine(TIME).kill();
    let mut runs: Vec<(RunId, String)> = Vec::new();
    let mut watch = Watch::default();
    for _ in 0..kills {
        let all_ended = runs.iter().all(|(run, _)| watch.look(&scene, run));
        if all_ended {
            let slot = format!("s{}", runs.len());
            runs.push((scene.start_run("daily", &slot), slot));
        }
        let mut engine = scene.start(TIME);
        // Some die before they have begun, most at work. Nothing is waited for: the length is what
        // differs.
        if dice.below(5) > 0 {
            scene.await_ready(&mut engine);
        }
        std::thread::sleep(Duration::from_micros(dice.below(200_000)));
        engine.kill();
    }
    let _engine = scene.engine(TIME);
    for (run, slot) in &runs {
        scene.wait_for("it has ended", || watch.look(&scene, run));
        all_is_as_it_should_be(&scene, run, slot);
    }
    assert!(
        kills < 20 || runs.len() > 1,
        "the engine got on between kills"
    );
}
