//! Definitions that change, break or go while runs are in flight.

use model::run::RunState;

use crate::scene::{Scene, Time};

fn workflow(version: &str) -> String {
    format!(
        r#"
tasks:
  first:
    batch: {{ job_definition: any, queue: light, command: [sh, work.sh, "{{{{ slot }}}}", first-{version}] }}
  second_{version}:
    after: [first]
    batch: {{ job_definition: any, queue: light, command: [sh, work.sh, "{{{{ slot }}}}", second-{version}] }}
"#
    )
}

fn scene() -> Scene {
    let scene = Scene::new();
    scene.define("workflows/daily.yaml", &workflow("old"));
    scene.script(
        "work.sh",
        "record started \"$1 $2\"; case $2 in first-*) gate gate-$1 ;; esac",
    );
    scene
}

#[test]
fn a_run_keeps_the_definition_it_started_with_and_the_next_takes_the_new_one() {
    let scene = scene();
    let engine = scene.engine(Time::Real);
    let before = scene.start_run("daily", "before");
    scene.wait_for_file("started");
    engine.kill();
    scene.define("workflows/daily.yaml", &workflow("new"));
    let _engine = scene.engine(Time::Real);
    scene.write("gate-before", "");
    scene.ends(&before, RunState::Succeeded);
    scene.write("gate-after", "");
    let after = scene.start_run("daily", "after");
    scene.ends(&after, RunState::Succeeded);
    assert_eq!(
        scene.lines("started"),
        [
            "after first-new",
            "after second-new",
            "before first-old",
            "before second-old"
        ]
    );
    let [before, after] = [before, after].map(|run| scene.run(&run).unwrap().definition);
    assert_ne!(before, after);
}

#[test]
fn a_run_ends_though_its_workflow_is_gone() {
    let scene = scene();
    let engine = scene.engine(Time::Real);
    let run = scene.start_run("daily", "before");
    scene.wait_for_file("started");
    engine.kill();
    std::fs::remove_file(scene.file("events/weather/workflows/daily.yaml")).unwrap();
    let _engine = scene.engine(Time::Real);
    scene.write("gate-before", "");
    scene.ends(&run, RunState::Succeeded);
    assert_eq!(
        scene.lines("started"),
        ["before first-old", "before second-old"]
    );
}

#[test]
fn a_broken_set_is_refused_whole_and_the_old_one_stays() {
    let scene = scene();
    let engine = scene.engine(Time::Real);
    let run = scene.start_run("daily", "before");
    scene.wait_for_file("started");
    engine.kill();
    let old = scene.read("events/weather/workflows/daily.yaml");
    scene.define("workflows/daily.yaml", &workflow("new"));
    scene.define(
        "workflows/extra.yaml",
        "tasks: { a: { after: [b], batch: {} } }",
    );
    let said = scene.refused();
    for expected in ["extra.yaml", "`b`", "nothing was changed"] {
        assert!(said.contains(expected), "{said}");
    }
    // The old set again: nothing of the broken one is left, the run goes on.
    std::fs::remove_file(scene.file("events/weather/workflows/extra.yaml")).unwrap();
    scene.define("workflows/daily.yaml", &old);
    let _engine = scene.engine(Time::Real);
    scene.write("gate-before", "");
    scene.ends(&run, RunState::Succeeded);
    scene.write("gate-after", "");
    let after = scene.start_run("daily", "after");
    scene.ends(&after, RunState::Succeeded);
    let definitions = [run, after].map(|run| scene.run(&run).unwrap().definition);
    assert_eq!(definitions[0], definitions[1]);
}
