//! Whole days in a moment: how many ticks a day has when clocks are put forward or back.

use local::compute::NothingCompute;
use local::{ClockMode, Data, Engine, Functions, Options};
use model::Timestamp;
use model::run::RunState;
use ports::Unheard;

use crate::scene::Scene;

fn workflow(expression: &str) -> String {
    format!(
        r#"
schedule: {{ expression: "{expression}", timezone: Europe/Berlin }}
tasks:
  one:
    batch: {{ job_definition: any, queue: light, command: [work] }}
"#
    )
}

/// Lets the time from one instant until another pass.
fn pass(scene: &Scene, from: &str, until: &str) {
    let [start, until]: [Timestamp; 2] = [from, until].map(|text| text.parse().unwrap());
    let options = Options {
        clock: ClockMode::Skip { start },
        ..Options::default()
    };
    let data = Data::open(&scene.data(), options).unwrap();
    let compute = NothingCompute::new(data.clock());
    let mut engine = Engine::new(data, compute, Functions::<Unheard>::default());
    let files = definitions::read_folder(&scene.file("events")).unwrap();
    let registered = engine
        .call(async |ports| register_definitions::register(ports, &files).await)
        .unwrap();
    registered.unwrap();
    engine.run_until(|engine| engine.now() >= until).unwrap();
}

#[test]
fn days_on_which_clocks_change_have_the_right_number_of_runs() {
    // Local midnight to local midnight, in UTC, and how many runs each schedule has.
    let days = [
        (
            "an ordinary day",
            "2026-03-27T22:59:59Z",
            "2026-03-28T22:59:50Z",
            [24, 1, 24, 1],
        ),
        (
            "forward",
            "2026-03-28T22:59:59Z",
            "2026-03-29T21:59:50Z",
            [23, 0, 23, 1],
        ),
        (
            "back",
            "2026-10-24T21:59:59Z",
            "2026-10-25T22:59:50Z",
            [24, 1, 25, 1],
        ),
    ];
    let schedules = [
        ("hourly", "cron(0 * * * ? *)"),
        ("night", "cron(30 2 * * ? *)"),
        ("each_hour", "rate(1 hour)"),
        ("noon", "cron(0 12 * * ? *)"),
    ];
    for (day, from, until, counts) in days {
        let scene = Scene::new();
        for (name, expression) in schedules {
            scene.define(&format!("workflows/{name}.yaml"), &workflow(expression));
        }
        pass(&scene, from, until);
        for ((name, _), expected) in schedules.into_iter().zip(counts) {
            let runs = scene.runs(name);
            let dates: Vec<String> = runs
                .iter()
                .map(|run| run.logical_date.to_string())
                .collect();
            assert_eq!(runs.len(), expected, "{name} on {day}: {dates:#?}");
            let succeeded = runs.iter().all(|run| run.state == RunState::Succeeded);
            assert!(succeeded, "{name} on {day}: {runs:#?}");
        }
        scene.no_dead_letters();
    }
}
