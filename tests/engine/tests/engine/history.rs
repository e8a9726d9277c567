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

const WORKFLOW: &str = r#"
tasks:
  wobbly:
    batch: { job_definition: any, queue: light, command: [sh, wobbly.sh, "{{ attempt }}", "{{ slot }}"] }
    retries: { attempts: 1, backoff: 1s, max_backoff: 1s }
  after:
    after: [wobbly]
    spark: { cluster: etl, script: fine.sh }
"#;
const CLUSTER: &str = r#"
provision: { expression: "cron(0 5 * * ? *)", timezone: UTC }
terminate: { expression: "cron(0 8 * * ? *)", timezone: UTC, drain: 30m }
release: emr-7.9.0
applications: [Spark]
instances: { primary: m7g.xlarge, core: { type: r7g.2xlarge, count: 2 } }
tags: { purpose: etl }
"#;

/// Fails at first, and always in the run `bad`.
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
    scene.define("workflows/daily.yaml", WORKFLOW);
    scene.script("wobbly.sh", WOBBLY);
    scene.script("fine.sh", "true");
    let _engine = scene.engine(Time::SkipFrom("2026-03-02T04:59:00Z"));
    let runs = ["good", "bad"].map(|slot| scene.start_run("daily", slot));
    let runs = runs.map(|run| scene.end_of(&run));
    assert_eq!(runs.clone().map(|run| run.state), [RunState::Succeeded, RunState::Failed]);
    scene.wait_for("the cluster's end", || {
        scene.instances("etl").first().is_some_and(|one| one.ended_at.is_some())
    });
    let folder = scene.file("history");
    scene.archive(&folder);

    let ours = datafusion(&folder);
    assert_eq!(ours, duckdb(&folder));

    let count = |value: &Value| value.as_array().unwrap().len();
    assert_eq!(count(&ours[0]), runs.len());
    let past: usize = runs.iter().map(|run| scene.past(&run.run).len()).sum();
    let tasks: Vec<_> = runs.iter().flat_map(|run| scene.tasks(&run.run)).collect();
    assert_eq!(count(&ours[1]), past + tasks.len(), "{:#}", ours[1]);
    let states = ours[1].as_array().unwrap().iter().map(|row| row[3].as_str().unwrap());
    let retried = states.clone().filter(|state| *state == "retried").count();
    assert_eq!(retried, past);
    let blocked = tasks.iter().filter(|(_, task)| task.state == TaskState::Blocked);
    assert_eq!(states.filter(|state| *state == "blocked").count(), blocked.count());
    let on_cluster = ours[1].as_array().unwrap().iter().filter(|row| row[6].is_string());
    assert_eq!(on_cluster.count(), 1, "only `after` of the good run");
    let instance = &scene.instances("etl")[0];
    assert_eq!(ours[2][0][1], instance.instance.to_string());
    assert_eq!(ours[2][0][3], "etl");
    // Every attempt that ran has a time, also one that was retried.
    let ran = ours[1].as_array().unwrap().iter().filter(|row| row[2] != 0).count();
    let timed = "SELECT count(seconds) FROM tasks WHERE seconds >= 0";
    let timed = Dataset::open(&folder).unwrap().query(timed).unwrap();
    assert_eq!(timed.rows, [[Cell::Number(i64::try_from(ran).unwrap())]]);
}
