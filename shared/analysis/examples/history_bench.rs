//! `cargo xtask bench --history`: how fast a year of task-runs answers.
//!
//! A hundred workflows of five teams run day after day, each run of ten tasks; files lie as archive-facts
//! leaves them once their day is over. What is measured is what `murmur history` does from the start to
//! the answer: finding the files, planning, reading, adding up.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{fs, thread};

use analysis::{Dataset, Prices, Report};
use history::{Partition, Row, Table, Value};

const DAYS: u32 = 365;
const TEAMS: u32 = 5;
const WORKFLOWS_OF_TEAM: u32 = 20;
const TASKS_OF_RUN: u32 = 10;
const DAY_MS: i64 = 86_400_000;
/// 1 January 2026.
const FIRST_MS: i64 = 1_767_225_600_000;
const TIMES: usize = 5;

/// The trend over attempts instead of runs.
const ATTEMPTS: &str = "\
SELECT team, workflow, date_trunc('week', ended_at) AS week, count(*) AS attempts, avg(seconds), max(seconds),
       sum(CASE WHEN state = 'succeeded' THEN 0 ELSE 1 END) AS others
FROM tasks GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";
/// One workflow in one month.
const MONTH: &str = "\
SELECT task, count(*), avg(seconds), max(seconds) FROM tasks
WHERE team = 'team-3' AND workflow = 'workflow-07' AND date BETWEEN '2026-05-01' AND '2026-05-31'
GROUP BY 1 ORDER BY 1";

fn main() -> Result<(), Box<dyn Error>> {
    let wanted = std::env::args().nth(1);
    let task_runs: u32 = wanted.map_or(Ok(10_000_000), |number| number.parse())?;
    let folder = std::env::temp_dir().join(format!("murmur-history-{}", std::process::id()));
    let begun = Instant::now();
    generate(&folder, task_runs)?;
    let (files, bytes) = size(&folder)?;
    let took = begun.elapsed().as_secs();
    println!(
        "{task_runs} task-runs in {files} files, {} MB, written in {took} s",
        bytes / 1_000_000
    );
    println!(
        "{:<44}{:>8}{:>10}{:>10}",
        "QUESTION", "ROWS", "MEDIAN", "SLOWEST"
    );
    let report = |report: Report| report.sql(&Prices::default());
    for (name, sql) in [
        (
            "trend per workflow and week, of runs",
            report(Report::Trend),
        ),
        (
            "trend per workflow and week, of task-runs",
            ATTEMPTS.to_owned(),
        ),
        ("one workflow's tasks in one month", MONTH.to_owned()),
        ("flakiest tasks", report(Report::Flaky)),
        ("failures by team", report(Report::Failures)),
    ] {
        let (mut times, mut rows) = (Vec::new(), 0);
        for _ in 0..TIMES {
            let begun = Instant::now();
            let answer = Dataset::open(&folder)?.query(&sql)?;
            times.push(begun.elapsed());
            rows = answer.rows.len();
        }
        times.sort();
        let shown = |time: Duration| format!("{} ms", time.as_millis());
        let (median, slowest) = (shown(times[TIMES / 2]), shown(times[TIMES - 1]));
        println!("{name:<44}{rows:>8}{median:>10}{slowest:>10}");
    }
    Ok(fs::remove_dir_all(&folder)?)
}

/// Writes the dataset, on as many threads as there are processors.
fn generate(folder: &Path, task_runs: u32) -> Result<(), Box<dyn Error>> {
    let threads = thread::available_parallelism()?.get();
    let runs = (task_runs / TASKS_OF_RUN).div_ceil(DAYS * TEAMS);
    let partitions: Vec<(u32, u32)> = (0..DAYS)
        .flat_map(|day| (0..TEAMS).map(move |team| (day, team)))
        .collect();
    let results: Vec<std::io::Result<()>> = thread::scope(|scope| {
        let parts = partitions.chunks(partitions.len().div_ceil(threads));
        let workers = parts.map(|part| {
            scope.spawn(move || {
                part.iter()
                    .try_for_each(|(day, team)| partition(folder, *day, *team, runs))
            })
        });
        let workers: Vec<_> = workers.collect();
        let ends = workers.into_iter().map(|worker| worker.join());
        ends.map(|end| end.expect("a writer does not panic"))
            .collect()
    });
    Ok(results.into_iter().collect::<Result<_, _>>()?)
}

/// A day of a team.
fn partition(folder: &Path, day: u32, team: u32, count: u32) -> std::io::Result<()> {
    let mut dice = Dice(u64::from(day * TEAMS + team));
    let (mut runs, mut tasks) = (Vec::new(), Vec::new());
    for number in 0..count {
        let workflow = number % WORKFLOWS_OF_TEAM;
        let start = FIRST_MS + i64::from(day) * DAY_MS + i64::from(dice.below(80_000_000));
        run(
            &mut dice,
            (day, team, number),
            workflow,
            start,
            &mut runs,
            &mut tasks,
        );
    }
    for (table, rows) in [(Table::Runs, runs), (Table::Tasks, tasks)] {
        let rows = history::merged(rows);
        let instant = FIRST_MS + i64::from(day) * DAY_MS;
        let partition = Partition {
            table,
            date: date(instant),
            team: format!("team-{team}"),
        };
        let path = folder.join(partition.merged_file(&rows));
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, history::write(table, &rows))?;
    }
    Ok(())
}

fn run(
    dice: &mut Dice,
    (day, team, number): (u32, u32, u32),
    workflow: u32,
    start: i64,
    runs: &mut Vec<Row>,
    tasks: &mut Vec<Row>,
) {
    let name = format!("workflow-{workflow:02}");
    let id = format!("team-{team}--{name}--2026{day:03}t{number:06}z");
    let mut now = start;
    for task in 0..TASKS_OF_RUN {
        let ready = now;
        let started = ready + i64::from(dice.below(20_000));
        now = started + 10_000 + i64::from(dice.below(300_000 + workflow * 10_000));
        let state = match dice.below(100) {
            0 => "failed",
            1 | 2 => "retried",
            _ => "succeeded",
        };
        let cluster = format!("team-{team}/etl-{}", workflow % 4);
        let row = row(Table::Tasks, |column| match column {
            "workflow" => Some(Value::Text(name.clone())),
            "run" => Some(Value::Text(id.clone())),
            "task" => Some(Value::Text(format!("task-{task}"))),
            "generation" | "attempt" => Some(Value::Count(1)),
            "state" => Some(Value::Text(state.to_owned())),
            "failure" => (state != "succeeded").then(|| Value::Text("application".to_owned())),
            "cluster" => Some(Value::Text(cluster.clone())),
            "instance" => Some(Value::Text(format!(
                "{}--2026{day:03}",
                cluster.replace('/', "--")
            ))),
            "submission" => Some(Value::Text(format!("s-{:013X}", dice.next() >> 12))),
            "ready_at" => Some(Value::Instant(ready)),
            "submitted_at" | "started_at" => Some(Value::Instant(started)),
            "ended_at" => Some(Value::Instant(now)),
            "waited_seconds" => Some(seconds(started - ready)),
            "seconds" => Some(seconds(now - started)),
            _ => None,
        });
        tasks.push(row);
    }
    runs.push(row(Table::Runs, |column| match column {
        "workflow" => Some(Value::Text(name.clone())),
        "run" => Some(Value::Text(id.clone())),
        "slot" => Some(Value::Text(format!("2026{day:03}t{number:06}z"))),
        "generation" => Some(Value::Count(1)),
        "state" => Some(Value::Text("succeeded".to_owned())),
        "logical_date" | "created_at" | "started_at" => Some(Value::Instant(start)),
        "ended_at" => Some(Value::Instant(now)),
        "seconds" => Some(seconds(now - start)),
        _ => None,
    }));
}

fn row(table: Table, mut value: impl FnMut(&str) -> Option<Value>) -> Row {
    let values = table.columns().iter().map(|column| value(column.name));
    let values = values.collect();
    Row { table, values }
}

fn seconds(ms: i64) -> Value {
    #[allow(clippy::cast_precision_loss)] // hours at most
    Value::Seconds(ms as f64 / 1000.0)
}

fn date(ms: i64) -> String {
    let instant = model::Timestamp::from_millisecond(ms).unwrap_or_default();
    instant.to_string()[..10].to_owned()
}

fn size(folder: &Path) -> std::io::Result<(usize, u64)> {
    let (mut files, mut bytes, mut folders) = (0, 0, vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                files += 1;
                bytes += entry.metadata()?.len();
            }
        }
    }
    Ok((files, bytes))
}

/// The same numbers each time (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, most: u32) -> u32 {
        u32::try_from(self.next() % u64::from(most)).unwrap_or(0)
    }
}
