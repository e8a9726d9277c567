//! Reports over a small dataset whose numbers were counted by hand, and queries that get no answer.
//!
//! Half of what ended stands in two files, as it does when facts came twice.

#![allow(clippy::unwrap_used)] // a failed test is what it is for

use std::fs;
use std::path::Path;

use analysis::{Answer, Cell, Dataset, Prices, Report};
use history::by_partition;
use model::Timestamp;
use model::fact::{
    ClusterFact, ClusterHistory, Fact, FactBody, RunFact, RunHistory, TaskFact, TaskHistory,
};
use model::run::RunState;
use model::task::{FailureClass, Outcome};

const INSTANCE: &str = "weather--etl--20260302t050000z--1";
const UNUSED: &str = "weather--etl--20260303t050000z--1";
const NEVER_UP: &str = "weather--etl--20260303t050000z--2";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn run(name: &str, slot: &str, generation: u32, state: RunState, from: &str, to: &str) -> Fact {
    let (team, workflow) = name.split_once('/').unwrap();
    let fact = RunFact {
        run: format!("{team}--{workflow}--{slot}").as_str().into(),
        slot: slot.into(),
        logical_date: at(from),
        generation,
        state,
        depth: 0,
        reason: None,
        history: Some(RunHistory {
            created_at: at(from),
            started_at: Some(at(from)),
        }),
    };
    let body = match state {
        RunState::Succeeded => FactBody::RunSucceeded(fact),
        RunState::Failed => FactBody::RunFailed(fact),
        other => panic!("{other:?} is not here"),
    };
    let workflow = Some(workflow.parse().unwrap());
    Fact::new(team.parse().unwrap(), workflow, at(to), body)
}

/// Where it ran, its attempt, how it ended (with a class when it failed).
struct Attempt<'a> {
    run: &'a str,
    task: &'a str,
    attempt: u32,
    failure: Option<FailureClass>,
    place: &'a str,
    from: &'a str,
    to: &'a str,
    /// Whether another attempt follows.
    retried: bool,
}

fn task(attempt: &Attempt<'_>) -> Fact {
    let (team, rest) = attempt.run.split_once("--").unwrap();
    let (workflow, _) = rest.split_once("--").unwrap();
    let from = at(attempt.from);
    let mut fact = TaskFact {
        run: attempt.run.into(),
        task: attempt.task.parse().unwrap(),
        generation: 1,
        attempt: attempt.attempt,
        outcome: None,
        failure: attempt.failure,
        reason: None,
        submission: Some("s-1".into()),
        history: Some(Box::new(TaskHistory {
            ready_at: from,
            submitted_at: Some(from),
            started_at: Some(from),
            instance: attempt.place.parse().ok(),
            queue: (!attempt.place.contains("--")).then(|| attempt.place.to_owned()),
        })),
    };
    let body = match (attempt.failure, attempt.retried) {
        (Some(_), true) => {
            // It is told of the attempt that follows.
            fact.attempt += 1;
            FactBody::TaskRetrying(fact)
        }
        (Some(_), false) => {
            fact.outcome = Some(Outcome::Failed);
            FactBody::TaskFailed(fact)
        }
        (None, _) => {
            fact.outcome = Some(Outcome::Succeeded);
            FactBody::TaskSucceeded(fact)
        }
    };
    let workflow = Some(workflow.parse().unwrap());
    Fact::new(team.parse().unwrap(), workflow, at(attempt.to), body)
}

fn cluster(instance: &str, id: Option<&str>, from: &str, to: &str) -> Fact {
    let body = FactBody::ClusterTerminated(ClusterFact {
        cluster: "weather/etl".parse().unwrap(),
        instance: instance.parse().unwrap(),
        id: id.map(Into::into),
        endpoint: None,
        reason: None,
        history: Some(Box::new(ClusterHistory {
            requested_at: at(from),
            ready_at: None,
            tags: [("purpose".to_owned(), "nightly".to_owned())].into(),
        })),
    });
    Fact::new("weather".parse().unwrap(), None, at(to), body)
}

fn runs() -> Vec<Fact> {
    use RunState::{Failed, Succeeded};
    let daily = |slot: &str, generation, state, from: &str, to: &str| {
        run("weather/daily", slot, generation, state, from, to)
    };
    vec![
        // The week of Monday 2 March: 60, 90 and 120 seconds.
        daily(
            "1",
            1,
            Succeeded,
            "2026-03-02T05:00:00Z",
            "2026-03-02T05:01:00Z",
        ),
        daily(
            "2",
            1,
            Succeeded,
            "2026-03-03T05:00:00Z",
            "2026-03-03T05:01:30Z",
        ),
        daily(
            "3",
            1,
            Succeeded,
            "2026-03-08T05:00:00Z",
            "2026-03-08T05:02:00Z",
        ),
        // The next week: it failed after five minutes, and its rerun does not count.
        daily(
            "4",
            1,
            Failed,
            "2026-03-09T05:00:00Z",
            "2026-03-09T05:05:00Z",
        ),
        daily(
            "4",
            2,
            Succeeded,
            "2026-03-09T07:00:00Z",
            "2026-03-09T07:00:01Z",
        ),
        run(
            "energy/hourly",
            "1",
            1,
            Succeeded,
            "2026-03-02T05:00:00Z",
            "2026-03-02T06:00:00.500Z",
        ),
    ]
}

fn tasks() -> Vec<Fact> {
    let application = Some(FailureClass::Application);
    let one = Attempt {
        run: "weather--daily--1",
        task: "clean",
        attempt: 1,
        failure: application,
        place: INSTANCE,
        from: "2026-03-02T05:10:00Z",
        to: "2026-03-02T05:11:40Z",
        retried: true,
    };
    vec![
        task(&one),
        task(&Attempt {
            attempt: 2,
            failure: None,
            from: "2026-03-02T05:12:00Z",
            to: "2026-03-02T05:15:20Z",
            retried: false,
            ..one
        }),
        task(&Attempt {
            task: "publish",
            failure: None,
            from: "2026-03-02T05:14:00Z",
            to: "2026-03-02T05:19:00Z",
            retried: false,
            ..one
        }),
        task(&Attempt {
            run: "weather--daily--2",
            failure: Some(FailureClass::Infrastructure),
            from: "2026-03-02T05:30:00Z",
            to: "2026-03-02T05:30:50Z",
            retried: false,
            ..one
        }),
        task(&Attempt {
            run: "energy--hourly--1",
            task: "fetch",
            failure: None,
            place: "light",
            from: "2026-03-02T05:00:00Z",
            to: "2026-03-02T06:00:00Z",
            retried: false,
            ..one
        }),
    ]
}

fn clusters() -> Vec<Fact> {
    vec![
        cluster(
            INSTANCE,
            Some("j-1"),
            "2026-03-02T05:00:00Z",
            "2026-03-02T06:00:00Z",
        ),
        cluster(
            UNUSED,
            Some("j-2"),
            "2026-03-03T05:00:00Z",
            "2026-03-03T05:30:00Z",
        ),
        cluster(
            NEVER_UP,
            None,
            "2026-03-03T05:00:00Z",
            "2026-03-03T05:30:00Z",
        ),
    ]
}

fn put(folder: &Path, facts: &[Fact]) {
    for (partition, rows) in by_partition(facts) {
        let path = folder.join(partition.facts_file(&rows));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, history::write(partition.table, &rows)).unwrap();
    }
}

fn dataset() -> (Dataset, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    for facts in [runs(), tasks(), clusters()] {
        put(folder.path(), &facts);
        put(folder.path(), &facts[..facts.len() / 2]);
    }
    (Dataset::open(folder.path()).unwrap(), folder)
}

/// Rows as lines, so that they can be read.
fn lines(answer: &Answer) -> Vec<String> {
    let text = |cell: &Cell| match cell {
        Cell::Nothing => "-".to_owned(),
        Cell::Flag(flag) => flag.to_string(),
        Cell::Number(number) => number.to_string(),
        Cell::Fraction(number) => number.to_string(),
        Cell::Text(text) => text.clone(),
    };
    let line = |row: &Vec<Cell>| row.iter().map(text).collect::<Vec<_>>().join(" ");
    answer.rows.iter().map(line).collect()
}

fn ask(sql: &str) -> Vec<String> {
    let (dataset, _folder) = dataset();
    lines(
        &dataset
            .query(sql)
            .unwrap_or_else(|error| panic!("{error:?}\n{sql}")),
    )
}

fn prices() -> Prices {
    Prices {
        clusters: [("*".to_owned(), 99.0), ("weather/etl".to_owned(), 10.0)].into(),
        queues: [("*".to_owned(), 0.5)].into(),
    }
}

fn told(report: Report) -> Vec<String> {
    ask(&report.sql(&prices()))
}

#[test]
fn the_trend_is_of_first_passes_by_week() {
    let (dataset, _folder) = dataset();
    let answer = dataset.query(&Report::Trend.sql(&prices())).unwrap();
    let p95 = answer.columns.iter().position(|name| name == "p95_seconds");
    let mut rows = answer.clone();
    for row in &mut rows.rows {
        // An estimate, between the values next to it.
        let Cell::Fraction(estimate) = row.remove(p95.unwrap()) else {
            panic!("{answer:?}")
        };
        let Some(Cell::Fraction(longest)) = row.last() else {
            panic!("{answer:?}")
        };
        assert!(estimate > 90.0 && estimate <= *longest, "{answer:?}");
    }
    let expected = [
        // runs, succeeded, median, longest
        "energy hourly 2026-03-02 1 1 3600.5 3600.5",
        "weather daily 2026-03-02 3 3 90 120",
        "weather daily 2026-03-09 1 0 300 300",
    ];
    assert_eq!(lines(&rows), expected);
}

#[test]
fn a_flaky_task_succeeds_after_retries() {
    // ended, after retries, failed, percent
    assert_eq!(told(Report::Flaky), ["weather daily clean 2 1 1 50"]);
}

#[test]
fn failures_are_told_by_team_and_class() {
    let expected = [
        "weather application 1 1 0 1 0.03",
        "weather infrastructure 1 0 1 1 0.01",
    ];
    assert_eq!(told(Report::Failures), expected);
}

#[test]
fn overlapping_work_keeps_a_cluster_busy_once() {
    // 570 of 5,400 seconds: 80 of publish's lie within clean's.
    let expected = ["weather etl nightly 2 1.5 0.16 1.34 10.6 1"];
    assert_eq!(told(Report::Clusters), expected);
}

#[test]
fn an_instance_is_paid_by_those_who_used_it() {
    let expected = [
        "weather daily weather--daily--1 9.23",
        "weather daily weather--daily--2 0.77",
        "energy hourly energy--hourly--1 0.5",
    ];
    assert_eq!(told(Report::CostPerRun), expected);
    let expected = ["weather 2 10 5 15", "energy 1 0.5 0 0.5"];
    assert_eq!(told(Report::CostPerTeam), expected);
}

#[test]
fn what_came_twice_counts_once_and_partitions_are_columns() {
    let counts =
        "SELECT * FROM (SELECT count(*) AS runs FROM runs), (SELECT count(*) AS tasks FROM tasks),
                  (SELECT count(*) AS clusters FROM clusters)";
    assert_eq!(ask(counts), ["6 5 3"]);
    let days = "SELECT date, team, count(*) FROM runs WHERE date <= '2026-03-03' GROUP BY 1, 2 ORDER BY 1, 2";
    let expected = [
        "2026-03-02 energy 1",
        "2026-03-02 weather 1",
        "2026-03-03 weather 1",
    ];
    assert_eq!(ask(days), expected);
    let first = "SELECT * FROM runs WHERE run = 'weather--daily--1'";
    let expected = "daily weather--daily--1 1 2026-03-02T05:00:00Z 1 succeeded - 2026-03-02T05:00:00Z \
                    2026-03-02T05:00:00Z 2026-03-02T05:01:00Z 60 2026-03-02 weather";
    assert_eq!(ask(first), [expected]);
}

#[test]
fn an_empty_folder_answers_with_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = Dataset::open(folder.path()).unwrap();
    for report in Report::ALL {
        let answer = dataset.query(&report.sql(&prices())).unwrap();
        assert_eq!(lines(&answer), Vec::<String>::new(), "{report:?}");
        assert!(!answer.columns.is_empty());
    }
}

#[test]
fn a_query_that_cannot_be_answered_says_what_where_and_what_may_be_meant() {
    let (dataset, _folder) = dataset();
    let cases = [
        ("SELECT stat FROM runs", "stat", Some((1, 8)), "state"),
        ("SELECT state\nFROM rums", "rums", None, ""),
        ("SELEC state FROM runs", "SELEC", None, ""),
        ("SELECT sume(seconds) FROM runs", "sume", None, "sum"),
    ];
    for (sql, what, at, note) in cases {
        let error = dataset.query(sql).unwrap_err();
        assert!(error.what.contains(what), "{sql}: {error:?}");
        if at.is_some() {
            assert_eq!(error.at, at, "{sql}: {error:?}");
        }
        let all = format!("{} {}", error.what, error.notes.join(" "));
        assert!(all.contains(note), "{sql}: {error:?}");
    }
}

#[test]
fn files_of_other_days_and_teams_are_not_read() {
    let (_, folder) = dataset();
    for (date, team, count) in [("2020-01-01", "weather", 1), ("2026-03-02", "broken", 2)] {
        let broken = folder.path().join(format!("runs/date={date}/team={team}"));
        fs::create_dir_all(&broken).unwrap();
        for number in 0..count {
            fs::write(broken.join(format!("{number}.parquet")), "no Parquet").unwrap();
        }
    }
    let dataset = Dataset::open(folder.path()).unwrap();
    let all = "SELECT count(*) FROM runs";
    assert!(dataset.query(all).is_err());
    let some = format!("{all} WHERE date >= '2026-03-01' AND team = 'weather'");
    assert_eq!(dataset.query(&some).unwrap().rows.len(), 1);
}

#[test]
fn nothing_can_be_changed_or_read_besides() {
    let (dataset, folder) = dataset();
    let stolen = folder.path().join("stolen.csv");
    for sql in [
        format!("COPY runs TO '{}'", stolen.display()),
        "CREATE TABLE a AS SELECT 1".to_owned(),
        "CREATE EXTERNAL TABLE passwords STORED AS CSV LOCATION '/etc/passwd'".to_owned(),
        "INSERT INTO runs (run) VALUES ('x')".to_owned(),
        "DROP TABLE runs".to_owned(),
        "SET datafusion.execution.batch_size = 1".to_owned(),
        "SELECT * FROM '/etc/passwd'".to_owned(),
    ] {
        assert!(dataset.query(&sql).is_err(), "{sql}");
    }
    assert!(!stolen.exists());
}

#[test]
fn the_page_for_people_names_every_column_and_its_queries_are_answered() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/history.md");
    let page = fs::read_to_string(page).unwrap();
    for table in history::Table::ALL {
        for column in table.columns() {
            let row = format!("| {} | ", column.name);
            assert!(
                page.contains(&row) && page.contains(column.about),
                "{}",
                column.name
            );
        }
    }
    let queries = page.split("```sql\n").skip(1);
    let queries: Vec<&str> = queries
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert!(queries.len() >= 5);
    let (dataset, _folder) = dataset();
    for query in queries {
        let answer = dataset.query(query);
        let answer = answer.unwrap_or_else(|error| panic!("{query}: {error:?}"));
        assert!(!answer.rows.is_empty(), "{query}");
    }
}
