//! What people ask for, left by another process as the command line does.

use model::operation::{OperationKind, PauseTarget, RerunDefinition, RerunScope};
use model::run::RunState;
use model::task::TaskState;

use crate::scene::{Scene, Time, lives};

/// One task after another, each running `work.sh TASK GENERATION-ATTEMPT`.
fn chain(tasks: &[&str]) -> Scene {
    let scene = Scene::new();
    let mut yaml = "tasks:\n".to_owned();
    let mut before = None;
    for task in tasks {
        yaml += &format!("  {task}:\n");
        if let Some(before) = before {
            yaml += &format!("    after: [{before}]\n");
        }
        yaml += r#"    batch: { job_definition: any, queue: light, command: [sh, work.sh, "{{ task }}", "{{ generation }}-{{ attempt }}"] }
"#;
        before = Some(task);
    }
    scene.define("workflows/daily.yaml", &yaml);
    scene
}

#[test]
fn cancelling_a_task_kills_everything_it_started() {
    let scene = chain(&["stubborn", "after"]);
    // Its child is in the same group and ignores what is said politely.
    scene.script(
        "work.sh",
        r#"(trap '' TERM; echo $$ > leader; gate never) & record child $!; wait; wait"#,
    );
    let _engine = scene.engine(Time::Real);
    let run = scene.start_run("daily", "one");
    scene.wait_for_task(&run, "stubborn", TaskState::Running);
    scene.wait_for_file("child");
    let child = scene.read("child");
    assert!(lives(&child));
    scene.done(OperationKind::Cancel {
        run: run.clone(),
        task: Some("stubborn".parse().unwrap()),
    });
    scene.wait_for("the child is gone", || !lives(&child));
    scene.ends(&run, RunState::Failed);
    assert_eq!(scene.task(&run, "stubborn").state, TaskState::Cancelled);
    assert_eq!(scene.task(&run, "after").state, TaskState::Blocked);
    assert_eq!(scene.lines("child").len(), 1);
}

#[test]
fn cancelling_a_run_ends_it_and_what_it_runs() {
    let scene = chain(&["long", "after"]);
    scene.script("work.sh", "record started $1; echo $$ > pid; gate never");
    let _engine = scene.engine(Time::Real);
    let run = scene.start_run("daily", "one");
    scene.wait_for_task(&run, "long", TaskState::Running);
    scene.wait_for("it says who it is", || !scene.read("pid").is_empty());
    let cancel = OperationKind::Cancel {
        run: run.clone(),
        task: None,
    };
    scene.done(cancel);
    scene.ends(&run, RunState::Cancelled);
    let pid = scene.read("pid");
    scene.wait_for("its process is gone", || !lives(&pid));
    scene.wait_for_task(&run, "long", TaskState::Cancelled);
    assert_eq!(scene.lines("started"), ["long"]);
}

#[test]
fn a_paused_run_starts_nothing_until_it_is_resumed() {
    let scene = chain(&["first", "second"]);
    scene.script("work.sh", "record started $1; [ $1 = second ] || gate gate");
    let engine = scene.engine(Time::Real);
    let run = scene.start_run("daily", "one");
    scene.wait_for_file("started");
    let target = PauseTarget::Run(run.clone());
    scene.done(OperationKind::Pause {
        target: target.clone(),
    });
    scene.write("gate", "");
    scene.wait_for_task(&run, "first", TaskState::Succeeded);
    // It is parked, durably, and a new engine does not take that for an oversight.
    scene.wait_for_task(&run, "second", TaskState::Waiting);
    engine.kill();
    let _engine = scene.engine(Time::Real);
    assert_eq!(scene.lines("started"), ["first"]);
    scene.done(OperationKind::Resume { target });
    scene.ends(&run, RunState::Succeeded);
    assert_eq!(scene.lines("started"), ["first", "second"]);
}

#[test]
fn a_paused_workflow_records_its_runs_as_skipped() {
    let scene = chain(&["only"]);
    scene.script("work.sh", "record started $1");
    let yaml = scene.read("events/weather/workflows/daily.yaml");
    let schedule = r#"schedule: { expression: "cron(0 * * * ? *)", timezone: UTC }"#;
    scene.define("workflows/daily.yaml", &format!("{schedule}\n{yaml}"));
    let target = PauseTarget::Workflow("weather/daily".parse().unwrap());
    scene.engine(Time::Real).kill();
    scene.ask(OperationKind::Pause {
        target: target.clone(),
    });
    let _engine = scene.engine(Time::SkipFrom("2026-03-01T00:30:00Z"));
    scene.wait_for("two slots are recorded", || scene.runs("daily").len() >= 2);
    let runs = scene.runs("daily");
    assert!(
        runs.iter().all(|run| run.state == RunState::Skipped),
        "{runs:#?}"
    );
    scene.done(OperationKind::Resume { target });
    scene.wait_for("a run succeeds", || {
        let runs = scene.runs("daily");
        runs.iter().any(|run| run.state == RunState::Succeeded)
    });
    scene.no_dead_letters();
}

#[test]
fn a_rerun_from_failure_runs_what_failed_and_what_lies_below() {
    let scene = chain(&["fine", "needs_file", "below"]);
    scene.script(
        "work.sh",
        "record started \"$1 $2\"; [ $1 != needs_file ] || [ -e flag ] || exit 3",
    );
    let engine = scene.engine(Time::Real);
    let run = scene.start_run("daily", "one");
    scene.ends(&run, RunState::Failed);
    assert_eq!(scene.task(&run, "below").state, TaskState::Blocked);
    scene.write("flag", "");
    let rerun = OperationKind::Rerun {
        run: run.clone(),
        scope: RerunScope::FromFailure,
        definition: RerunDefinition::Pinned,
        downstream: false,
        after: None,
        limits: Vec::new(),
    };
    // Asked for while nobody is there: it is done when somebody is.
    engine.kill();
    scene.ask(rerun);
    let _engine = scene.engine(Time::Real);
    scene.wait_for("the second pass has begun", || {
        scene.run(&run).unwrap().generation == 2
    });
    scene.ends(&run, RunState::Succeeded);
    assert_eq!(
        scene.lines("started"),
        ["below 2-1", "fine 1-1", "needs_file 1-1", "needs_file 2-1"]
    );
}
