//! What an engine says of itself, fetched as Prometheus fetches it, held to what the state table says.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use model::run::RunState;
use model::task::{FailureClass, TaskState};

use crate::scene::{Scene, Time};

const WORKFLOW: &str = r#"
tasks:
  wobbly:
    batch: { job_definition: any, queue: light, command: [sh, wobbly.sh, "{{ attempt }}", "{{ slot }}"] }
    retries: { attempts: 1, backoff: 1s, max_backoff: 1s }
  after:
    after: [wobbly]
    batch: { job_definition: any, queue: light, command: [sh, fine.sh] }
  beside:
    batch: { job_definition: any, queue: light, command: [sh, fine.sh] }
    pool: single
"#;

/// Fails at first, and always in the run `bad`.
const WOBBLY: &str = r#"
[ "$2" = bad ] && exit 3
[ "$1" = 2 ]
"#;

impl Scene {
    /// Fetches the engine's figures over HTTP; each value by its name and labels.
    fn figures(&self) -> BTreeMap<String, f64> {
        let mut connection = TcpStream::connect(self.read("metrics")).unwrap();
        let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        connection.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        let (head, text) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(head.contains("application/openmetrics-text"), "{head}");
        let lines = text.lines().filter(|line| line.starts_with("murmur_"));
        let figures = lines.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        figures.collect()
    }
}

#[test]
fn figures_are_those_of_the_runs_that_made_them() {
    let scene = Scene::new();
    scene.define("team.yaml", "pools: { single: 1 }\n");
    scene.define("workflows/daily.yaml", WORKFLOW);
    scene.script("wobbly.sh", WOBBLY);
    scene.script("fine.sh", "true");
    let _engine = scene.engine(Time::Real);
    let slots = ["good", "bad", "fine"];
    let runs = slots.map(|slot| scene.start_run("daily", slot));
    let runs: Vec<_> = runs.iter().map(|run| scene.end_of(run)).collect();
    let figures = scene.figures();
    let figure = |name: &str| figures.get(name).copied().unwrap_or_default();
    let same = |name: &str, labels: &str, expected: usize| {
        let name = format!("murmur_{name}_total{{team=\"weather\"{labels}}}");
        let counted = figure(&name);
        assert_eq!(counted, expected as f64, "{name} in {figures:#?}");
    };
    let of_workflow = ",workflow=\"daily\"";
    let in_state = |state| runs.iter().filter(|run| run.state == state).count();
    same("runs_started", "", runs.len());
    same("runs_succeeded", of_workflow, in_state(RunState::Succeeded));
    same("runs_failed", of_workflow, in_state(RunState::Failed));
    assert_eq!(
        (in_state(RunState::Succeeded), in_state(RunState::Failed)),
        (2, 1)
    );

    let tasks: Vec<_> = runs.iter().flat_map(|run| scene.tasks(&run.run)).collect();
    let past: Vec<_> = runs.iter().flat_map(|run| scene.past(&run.run)).collect();
    let tasks_in = |state| tasks.iter().filter(|(_, task)| task.state == state).count();
    same("tasks_succeeded", "", tasks_in(TaskState::Succeeded));
    same("tasks_failed", "", tasks_in(TaskState::Failed));
    same("tasks_blocked", "", tasks_in(TaskState::Blocked));
    same("task_retries", "", past.len());
    let newest = tasks.iter().map(|(_, task)| task);
    let attempts: Vec<_> = newest
        .chain(&past)
        .filter(|task| task.attempt > 0)
        .collect();
    same("attempts_started", "", attempts.len());
    let application = Some(FailureClass::Application);
    let failed = attempts.iter().filter(|task| task.failure == application);
    same("attempts_failed_application", "", failed.count());
    same("attempts_failed_infrastructure", "", 0);

    let count = |name: &str| figure(&format!("murmur_{name}_count{{team=\"weather\"}}"));
    assert_eq!(count("task_duration_seconds"), attempts.len() as f64);
    assert_eq!(count("queue_to_start_seconds"), attempts.len() as f64);
    let took: f64 = attempts
        .iter()
        .filter_map(|task| {
            Some(
                task.ended_at?
                    .duration_since(task.started_at?)
                    .as_secs_f64(),
            )
        })
        .sum();
    let sum = figure("murmur_task_duration_seconds_sum{team=\"weather\"}");
    assert!((sum - took).abs() < 0.001, "{sum} is not {took}");
    assert_eq!(
        figure("murmur_limit_used{limit=\"pool/weather/single\"}"),
        1.0
    );
    let lag = "murmur_inbox_lag_seconds_count{function=\"submit-task\"}";
    assert!(figure(lag) > 0.0, "{figures:#?}");
    assert!(
        figure("murmur_store_latency_seconds_count") > 0.0,
        "{figures:#?}"
    );
}
