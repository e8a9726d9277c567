//! Nonsense in: a clear error out, and nothing is lost.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use local::compute::NothingCompute;
use local::{ClockMode, Data, Engine, EngineClock, Functions, Options, Reader};
use model::key::Key;
use model::registry::Deployment;
use model::run::RunState;
use ports::Unheard;
use ports::{Clock as _, Ports as _, TypedStore as _};

use crate::scene::{Scene, Time};

const ONE_TASK: &str = r#"
tasks:
  one:
    batch: { job_definition: any, queue: light, command: [sh, work.sh, "{{ run }}"] }
"#;

fn scene() -> Scene {
    let scene = Scene::new();
    scene.define("workflows/daily.yaml", ONE_TASK);
    scene.script("work.sh", "record started $1");
    scene
}

fn says(said: &str, expected: &[&str]) {
    for expected in expected {
        assert!(said.contains(expected), "`{expected}` is not in: {said}");
    }
}

/// A run from start to end: whatever was done to the folder, it works.
fn still_works(scene: &Scene) {
    let _engine = scene.engine(Time::Real);
    let slot = format!("after-{}", scene.lines("started").len());
    let run = scene.start_run("daily", &slot);
    scene.ends(&run, RunState::Succeeded);
}

#[test]
fn a_second_engine_on_the_same_data_is_told_who_has_it() {
    let scene = scene();
    let _engine = scene.engine(Time::Real);
    let holder = fs::read_to_string(scene.data().join("engine.lock")).unwrap();
    let said = scene.refused();
    says(
        &said,
        &["another engine works on", holder.trim(), "stop it"],
    );
    let run = scene.start_run("daily", "one");
    scene.ends(&run, RunState::Succeeded);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let scene = scene();
    still_works(&scene);
    let data = scene.data();
    let set = |mode| fs::set_permissions(&data, fs::Permissions::from_mode(mode)).unwrap();
    // Root may write anywhere; so the engine is somebody else, who finds the folder readable.
    let shared =
        |mode| fs::set_permissions(scene.path(), fs::Permissions::from_mode(mode)).unwrap();
    shared(0o755);
    set(0o555);
    let program = env!("CARGO_BIN_EXE_engine-under-test");
    let root = fs::write(data.join("probe"), "").is_ok();
    let output = if root {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", program]);
        command.arg(scene.path()).output()
    } else {
        scene.command().output()
    };
    let _ = fs::remove_file(data.join("probe"));
    set(0o755);
    match output {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            if root && said.contains("setpriv") {
                eprintln!("not tested: setpriv cannot run the engine as somebody else: {said}");
            } else {
                assert!(!output.status.success());
                says(&said, &["cannot use", "data", "give write permission"]);
            }
        }
        Err(error) => eprintln!("not tested: {error}"),
    }
    still_works(&scene);
}

#[test]
fn a_data_folder_that_is_a_file_is_named() {
    let scene = scene();
    scene.write("data", "");
    says(
        &scene.refused(),
        &["cannot use", "data", "choose another data folder"],
    );
}

#[test]
fn a_damaged_database_is_said_to_be_damaged_and_left_as_it_is() {
    let scene = scene();
    still_works(&scene);
    for file in ["murmur.db", "compute.db"] {
        let path = scene.data().join(file);
        for leftover in ["-wal", "-shm"] {
            let _ = fs::remove_file(scene.data().join(format!("{file}{leftover}")));
        }
        let whole = fs::read(&path).unwrap();
        let mut damaged = whole.clone();
        damaged[..100].fill(b'x');
        fs::write(&path, &damaged).unwrap();
        says(&scene.refused(), &[file, "damaged or no database"]);
        assert_eq!(
            fs::read(&path).unwrap(),
            damaged,
            "nothing is mended behind one's back"
        );
        fs::write(&path, whole).unwrap();
    }
    still_works(&scene);
}

#[test]
fn a_database_of_something_else_is_left_alone() {
    let scene = scene();
    fs::create_dir(scene.data()).unwrap();
    let path = scene.data().join("murmur.db");
    let foreign = rusqlite::Connection::open(&path).unwrap();
    foreign.execute_batch("CREATE TABLE theirs (x)").unwrap();
    drop(foreign);
    says(&scene.refused(), &["not one of murmur's", "choose another"]);
}

#[test]
fn a_clock_that_begins_earlier_goes_on_where_it_left_off() {
    let scene = scene();
    let schedule = r#"schedule: { expression: "cron(0 * * * ? *)", timezone: UTC }"#;
    scene.define("workflows/hourly.yaml", &format!("{schedule}\n{ONE_TASK}"));
    let engine = scene.engine(Time::SkipFrom("2026-03-01T00:30:00Z"));
    scene.wait_for("three hours have passed", || {
        scene.runs("hourly").len() >= 3
    });
    engine.kill();
    let left_off = scene.reader().skipped_to().unwrap().unwrap();
    let before = scene.runs("hourly");
    let engine = scene.engine(Time::SkipFrom("2020-01-01T00:00:00Z"));
    scene.wait_for("more have passed", || {
        scene.runs("hourly").len() >= before.len() + 3
    });
    engine.kill();
    let after = scene.runs("hourly");
    let earliest = before.last().unwrap().logical_date;
    assert!(
        after.iter().all(|run| run.logical_date >= earliest),
        "no tick of the past"
    );
    assert!(scene.reader().skipped_to().unwrap().unwrap() > left_off);
    // One run for each hour, however often it was killed.
    let mut hours: Vec<_> = after.iter().map(|run| run.logical_date).collect();
    hours.reverse();
    for (number, hour) in hours.iter().enumerate() {
        let expected = model::units::Seconds::hours(number as u64).after(earliest);
        assert_eq!(*hour, expected, "{hours:#?}");
    }
    scene.no_dead_letters();
}

#[test]
fn a_machine_that_slept_for_a_day_runs_what_its_catch_up_policy_says() {
    let scene = scene();
    for policy in ["none", "latest", "all"] {
        let schedule = format!(
            r#"schedule: {{ expression: "cron(0 * * * ? *)", timezone: UTC, catch_up: {policy} }}"#
        );
        scene.define(
            &format!("workflows/{policy}.yaml"),
            &format!("{schedule}\n{ONE_TASK}"),
        );
    }
    // Work in flight keeps the skipping clock at real speed.
    let once = r#"schedule: { expression: "at(2026-03-01T00:31:00)", timezone: UTC }"#;
    let gated = ONE_TASK.replace("work.sh", "gated.sh");
    scene.define("workflows/gated.yaml", &format!("{once}\n{gated}"));
    scene.script("gated.sh", "record gated $1; gate gate");
    let gated = crate::view::run_id("gated", "2026-03-01T00:31:00Z");
    let _engine = scene.engine(Time::SkipFrom("2026-03-01T00:30:00Z"));
    scene.wait_for_file("gated");
    scene.write("jump", (24 * 3600).to_string());
    let recorded = |policy| scene.runs(policy).len();
    scene.wait_for("all slots are recorded", || {
        ["none", "latest", "all"]
            .iter()
            .all(|policy| recorded(policy) >= 24)
    });
    let slept = |policy| {
        let mut runs = scene.runs(policy);
        runs.reverse();
        runs.into_iter().take(24).collect::<Vec<_>>()
    };
    for (policy, skipped) in [("none", 24), ("latest", 23), ("all", 0)] {
        scene.wait_for("all have ended", || {
            slept(policy).iter().all(|run| run.state.is_terminal())
        });
        let states = slept(policy);
        let found = states
            .iter()
            .filter(|run| run.state == RunState::Skipped)
            .count();
        assert_eq!(found, skipped, "{policy}: {states:#?}");
    }
    scene.write("gate", "");
    scene.ends(&gated, RunState::Succeeded);
}

#[test]
fn the_engines_clock_never_goes_back() {
    let start = "2026-03-01T00:00:00Z".parse().unwrap();
    for mode in [ClockMode::Real, ClockMode::Skip { start }] {
        let clock = EngineClock::start(mode, None);
        let before = clock.now();
        clock.jump(start);
        clock.follow_machine();
        assert!(clock.now() >= before);
    }
}

#[test]
fn files_that_are_no_definitions_register_nothing() {
    let scene = scene();
    scene.engine(Time::Real).kill();
    let deployed = || {
        let reader = Reader::open(&scene.data()).unwrap();
        let stored = pollster::block_on(reader.store().get::<Deployment>(&Key::Deployment));
        stored.unwrap().unwrap()
    };
    let before = deployed();
    let cases: [(&str, Vec<u8>, &str); 4] = [
        ("large.yaml", vec![b'#'; 50 << 20], "large.yaml"),
        (
            "binary.yaml",
            (0..=255).cycle().take(10_000).collect(),
            "binary.yaml",
        ),
        ("zeros.yaml", vec![0; 10_000], "zeros.yaml"),
        ("deep.yaml", "[".repeat(100_000).into_bytes(), "deep.yaml"),
    ];
    for (name, bytes, expected) in cases {
        let path = format!("events/weather/workflows/{name}");
        scene.write(&path, bytes);
        let began = Instant::now();
        let said = scene.refused();
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{name}: {:?}",
            began.elapsed()
        );
        says(&said, &[expected, "nothing was changed"]);
        assert!(said.len() < 20_000, "{name}: {} bytes", said.len());
        assert_eq!(deployed(), before, "{name}");
        fs::remove_file(scene.file(&path)).unwrap();
    }
    still_works(&scene);
}

#[test]
fn ten_thousand_tasks_in_one_workflow_are_registered_and_run() {
    let values: Vec<String> = (0..5_000).map(|number| format!("v{number}")).collect();
    let values = values.join(", ");
    let batch = "batch: { job_definition: any, queue: light, command: [work] }";
    let scene = Scene::new();
    scene.define(
        "workflows/wide.yaml",
        &format!(
            "tasks:\n  top:\n    for_each: {{ part: [{values}] }}\n    {batch}\n  bottom:\n    \
             after: [top]\n    for_each: {{ part: [{values}] }}\n    {batch}\n"
        ),
    );
    let began = Instant::now();
    let data = Data::open(&scene.data(), Options::default()).unwrap();
    let compute = NothingCompute::new(data.clock());
    let mut engine = Engine::new(data, compute, Functions::<Unheard>::default());
    let files = definitions::read_folder(&scene.file("events")).unwrap();
    let registered = engine
        .call(async |ports| register_definitions::register(ports, &files).await)
        .unwrap();
    registered.unwrap();
    let registered = began.elapsed();
    let run = scene.start_run("wide", "one");
    let key = Key::Run(run.clone());
    let deadline = Instant::now() + Duration::from_secs(60);
    engine
        .run_until(|engine| {
            assert!(Instant::now() < deadline, "{:?}", engine.statistics());
            let store = engine.ports().store();
            let run = pollster::block_on(store.get::<model::run::Run>(&key)).unwrap();
            run.is_some_and(|run| run.value.state.is_terminal())
        })
        .unwrap();
    eprintln!(
        "registered in {registered:?}, ended after {:?}",
        began.elapsed()
    );
    drop(engine);
    scene.ends(&run, RunState::Succeeded);
    assert_eq!(scene.tasks(&run).len(), 10_000);
    assert!(registered < Duration::from_secs(15), "{registered:?}");
}
