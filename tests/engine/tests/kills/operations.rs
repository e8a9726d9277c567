//! People change their minds while the engine is killed again and again: whatever they ask for, no
//! attempt starts twice, every request is answered once, and the run can be brought to its end.

use std::collections::BTreeSet;
use std::time::Duration;

use model::id::{OperationId, RunId};
use model::key::Key;
use model::operation::{
    Operation, OperationKind, OperationState, PauseTarget, RerunDefinition, RerunScope,
};
use model::run::RunState;
use model::task::Outcome;
use ports::TypedStore as _;

use crate::dice::Dice;
use crate::scene::{Scene, Time};
use crate::share::{Percent, share};
use crate::view::Watch;

const TIME: Time = Time::SkipFrom("2026-03-01T00:00:00Z");

const WORKFLOW: &str = r#"
tasks:
  first:
    for_each: { part: [a, b] }
    pool: some
    batch: &
  shaky:
    after: [first]
    pool: some
    batch: &
    retries: { attempts: 1, backoff: 1s, max_backoff: 1s }
  last:
    after: [shaky]
    batch: &
"#;

const SCRIPT: &str = r#"
record started "$1 $2"
sleep 0.03
[ $1 != shaky ] || [ -e flag ] || exit 3
"#;

fn rerun(run: &RunId, scope: RerunScope) -> OperationKind {
    OperationKind::Rerun {
        run: run.clone(),
        scope,
        definition: RerunDefinition::Pinned,
        downstream: false,
        after: None,
        limits: Vec::new(),
    }
}

fn whim(dice: &mut Dice, run: &RunId) -> OperationKind {
    let run = run.clone();
    let target = PauseTarget::Run(run.clone());
    let task = ["first-a", "first-b", "shaky", "last"][usize::try_from(dice.below(4)).unwrap()];
    let task = task.parse().unwrap();
    match dice.below(9) {
        0 => rerun(&run, RerunScope::All),
        1 => rerun(&run, RerunScope::FromFailure),
        2 => rerun(&run, RerunScope::Task { task, below: true }),
        3 => rerun(&run, RerunScope::Task { task, below: false }),
        4 => OperationKind::Cancel { run, task: None },
        5 => OperationKind::Cancel {
            run,
            task: Some(task),
        },
        6 => OperationKind::Pause { target },
        7 => OperationKind::Resume { target },
        _ => OperationKind::Mark {
            run,
            task,
            outcome: Outcome::Succeeded,
        },
    }
}

fn state(scene: &Scene, operation: &OperationId) -> Option<Operation> {
    let key = Key::Operation(operation.clone());
    let stored = pollster::block_on(scene.reader().store().get::<Operation>(&key)).unwrap();
    stored.map(|stored| stored.value)
}

#[test]
fn whatever_is_asked_for_between_kills_is_done_once_and_the_run_can_be_ended() {
    let (kills, seed) = share(Percent(22));
    let mut dice = Dice(seed);
    let scene = Scene::new();
    let batch = r#"{ job_definition: any, queue: light, command: [sh, work.sh, "{{ task }}", "{{ generation }}-{{ attempt }}"] }"#;
    scene.define(
        "team.yaml",
        "pools: { some: 2 }\nquota: { running_tasks: 3 }\n",
    );
    scene.define("workflows/daily.yaml", &WORKFLOW.replace('&', batch));
    scene.script("work.sh", SCRIPT);
    scene.engine(TIME).kill();
    let run = scene.start_run("daily", "one");
    let mut asked = Vec::new();
    let mut watch = Watch::default();
    for _ in 0..kills {
        let mut engine = scene.start(TIME);
        scene.await_ready(&mut engine);
        for _ in 0..dice.below(3) {
            std::thread::sleep(Duration::from_micros(dice.below(150_000)));
            asked.push(scene.ask(whim(&mut dice, &run)));
        }
        // Nothing is waited for: the length is what differs.
        std::thread::sleep(Duration::from_micros(dice.below(150_000)));
        engine.kill();
        watch.look(&scene, &run);
    }
    let _engine = scene.engine(TIME);
    let target = PauseTarget::Run(run.clone());
    asked.push(scene.ask(OperationKind::Resume { target }));
    for operation in &asked {
        scene.wait_for(&format!("{operation} is answered"), || {
            state(&scene, operation).is_some_and(|one| one.state != OperationState::Accepted)
        });
    }
    scene.wait_for("the run has ended", || watch.look(&scene, &run));
    scene.write("flag", "");
    let generation = scene.run(&run).unwrap().generation;
    scene.done(rerun(&run, RerunScope::All));
    scene.wait_for("another pass has begun", || {
        scene.run(&run).unwrap().generation > generation
    });
    scene.ends(&run, RunState::Succeeded);
    scene.no_place_was_left_over();
    let started = scene.lines("started");
    let once: BTreeSet<&String> = started.iter().collect();
    assert_eq!(once.len(), started.len(), "{started:#?}");
    let reruns = asked.iter().filter(|operation| {
        let operation = state(&scene, operation).unwrap();
        operation.generation.is_some() && operation.state == OperationState::Done
    });
    eprintln!("{} requests, {} generations", asked.len(), generation + 1);
    assert!(
        reruns.count() + 2 >= generation as usize,
        "no generation comes of nothing"
    );
}
