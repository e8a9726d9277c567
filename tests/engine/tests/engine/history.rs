//! What ends in an engine with real processes becomes files that two readers, which share no code,
//! read alike: DataFusion, and DuckDB in Python.

use std::path::Path;
use std::process::Command;

use analysis::{Cell, Dataset};
use archive_facts::{keep, merge};
use local::FolderArchive;
use model::run::RunState;
use model::task::TaskState;
use pollster::block_on;
use serde_json::Value;

use crate::scene::{Scene, Time};

/// Both come once.
const WORKFLOW: &str = r#"
schedule: { expression: "cron(1 0 1 3 ? 2026)", timezone: UTC }
tasks:
  wobbly:
    batch: { job_definition: any, queue: light, command: [sh, wobbly.sh, "{{ attempt }}", NAME] }
    retries: { attempts: 1, backoff: 1s, max_backoff: 1s }
  after:
    after: [wobbly]
    command: { cluster: etl, command: ["true"] }
"#;
const CLUSTER: &str = r#"
provision: { expression: "cron(1 0 1 3 ? 2026)", timezone: UTC }
terminate: { expression: "cron(0 6 1 3 ? 2026)", timezone: UTC, drain: 10m }
release: emr-7.9.0
instances: { primary: m7g.xlarge }
tags: { purpose: etl }
"#;

/// Fails at first, and always in `bad`.
const WOBBLY: &str = "[ \"$2\" = bad ] && exit 3\n[ \"$1\" = 2 ]\n";

/// Reads the files as tables, with the partitions as columns, and asks each query.
const DUCKDB: &str = r#"
import duckdb, json, sys
for table in ("runs", "tasks", "clusters"):
    duckdb.sql(f"create view {table} as select * from read_parquet('{sys.argv[1]}/{table}/*/*/*.parquet', hive_partitioning=true, hive_types_autocast=false)")
print(json.dumps([duckdb.sql(query).fetchall() for query in sys.argv[2:]]))
"#;

/// What both are asked; answers are texts and whole numbers.
const QUERIES: [&str; 5] = [
    "SELECT date, team, workflow, run, generation, state FROM runs ORDER BY run",
    "SELECT run, task, attempt, state, failure, queue, instance, reason FROM tasks ORDER BY run, task, attempt",
    "SELECT cluster, instance, id, purpose, state, date FROM clusters ORDER BY instance",
    "SELECT task, CAST(round(sum(seconds) * 1000) AS bigint), CAST(round(sum(waited_seconds) * 1000) AS bigint) FROM tasks GROUP BY task ORDER BY task",
    "SELECT CAST(date_part('epoch', max(ended_at)) AS bigint) FROM tasks",
];

impl Scene {
    /// Makes files of what has ended, as the command line does.
    fn archive(&self, folder: &Path) {
        let facts = self.reader().ended(0, usize::MAX).unwrap();
        let facts: Vec<_> = facts.into_iter().filter_map(|(_, fact)| fact).collect();
        let archive = FolderArchive::new(folder);
        // In two files first, some in both.
        for facts in [&facts[..], &facts[facts.len() / 2..]] {
            for (partition, kept) in block_on(keep(&archive, facts)) {
                kept.unwrap();
                block_on(merge(&archive, &partition, usize::MAX)).unwrap();
            }
        }
    }
}

fn plain(cell: Cell) -> Value {
    match cell {
        Cell::Nothing => Value::Null,
        Cell::Flag(flag) => flag.into(),
        Cell::Number(number) => number.into(),
        Cell::Fraction(number) => number.into(),
        Cell::Text(text) => text.into(),
    }
}

fn datafusion(folder: &Path) -> Vec<Value> {
    let dataset = Dataset::open(folder).unwrap();
    let answer = |sql: &&str| {
        let answer = dataset.query(sql).unwrap();
        let rows = answer.rows.into_iter();
        rows.map(|row| row.into_iter().map(plain).collect::<Value>())
            .collect()
    };
    QUERIES.iter().map(answer).collect()
}

fn duckdb(folder: &Path) -> Vec<Value> {
    let python = stand_in::python::install(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap();
    let mut asked = Command::new(python);
    asked.args(["-c", DUCKDB]).arg(folder).args(QUERIES);
    let output = asked.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn what_ended_is_read_alike_by_two_readers_and_is_what_the_state_says() {
    let scene = Scene::new();
    scene.define("clusters/etl.yaml", CLUSTER);
    for name in ["good", "bad"] {
        scene.define(
            &format!("workflows/{name}.yaml"),
            &WORKFLOW.replace("NAME", name),
        );
    }
    scene.script("wobbly.sh", WOBBLY);
    let _engine = scene.engine(Time::SkipFrom("2026-03-01T00:00:00Z"));
    let runs = ["good", "bad"].map(|name| crate::view::run_id(name, "2026-03-01T00:01:00Z"));
    for (run, state) in runs.iter().zip([RunState::Succeeded, RunState::Failed]) {
        scene.wait_for("the run has started", || scene.run(run).is_some());
        scene.ends(run, state);
    }
    scene.wait_for("the cluster's end", || {
        scene.instances("etl")[0].ended_at.is_some()
    });
    let folder = scene.file("history");
    scene.archive(&folder);

    let ours = datafusion(&folder);
    assert_eq!(ours, duckdb(&folder));

    let rows = |query: usize| ours[query].as_array().unwrap().clone();
    assert_eq!(rows(0).len(), runs.len());
    let past: usize = runs.iter().map(|run| scene.past(run).len()).sum();
    let tasks: Vec<_> = runs.iter().flat_map(|run| scene.tasks(run)).collect();
    assert_eq!(rows(1).len(), past + tasks.len(), "{:#}", ours[1]);
    let in_state = |state| rows(1).iter().filter(|row| row[3] == state).count();
    assert_eq!((in_state("retried"), past), (2, 2));
    let blocked = |(_, task): &&(String, model::task::Task)| task.state == TaskState::Blocked;
    assert_eq!(in_state("blocked"), tasks.iter().filter(blocked).count());
    // Only `after` of the good run was on the cluster; it is known by the instance it ran on.
    let instance = scene.instances("etl")[0].instance.to_string();
    let on_cluster: Vec<Value> = rows(1)
        .into_iter()
        .filter(|row| row[6].is_string())
        .collect();
    assert_eq!(
        (on_cluster.len(), &on_cluster[0][6]),
        (1, &instance.clone().into())
    );
    assert_eq!(
        (&ours[2][0][1], &ours[2][0][3]),
        (&instance.into(), &"etl".into())
    );
    // Every attempt has a time, also one that was retried.
    let attempts = rows(1).iter().filter(|row| row[2] != 0).count();
    let timed = Dataset::open(&folder).unwrap();
    let timed = timed.query("SELECT count(seconds) FROM tasks WHERE waited_seconds >= 0");
    let attempts = i64::try_from(attempts).unwrap();
    assert_eq!(timed.unwrap().rows, [[Cell::Number(attempts)]]);
}
