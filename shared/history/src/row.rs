//! Facts as rows. A row follows from one fact alone.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use model::Timestamp;
use model::fact::{ClusterFact, Fact, FactBody, RunFact, TaskFact};
use model::run::RunState;
use model::task::{FailureClass, Outcome};

use crate::partition::{Partition, day};
use crate::table::Table;

/// A value of a row.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub enum Value {
    Text(String),
    Count(i64),
    /// Milliseconds since 1970, in UTC.
    Instant(i64),
    Seconds(f64),
}

/// A row: a value, or none, for each column of its table.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub table: Table,
    pub values: Vec<Option<Value>>,
}

impl Row {
    /// The row of a fact, with its partition; `None` of a fact that ends nothing.
    pub fn of(fact: &Fact) -> Option<(Partition, Self)> {
        let (table, values) = match &fact.body {
            FactBody::RunSucceeded(run)
            | FactBody::RunFailed(run)
            | FactBody::RunCancelled(run)
            | FactBody::RunSkipped(run) => (Table::Runs, of_run(fact, run)),
            FactBody::TaskRetrying(task) => (Table::Tasks, of_task(fact, task, true)),
            FactBody::TaskSucceeded(task)
            | FactBody::TaskFailed(task)
            | FactBody::TaskSkipped(task)
            | FactBody::TaskCancelled(task) => (Table::Tasks, of_task(fact, task, false)),
            FactBody::ClusterTerminated(cluster) => {
                (Table::Clusters, of_cluster(fact, cluster, "terminated"))
            }
            FactBody::ClusterFailed(cluster) => {
                (Table::Clusters, of_cluster(fact, cluster, "failed"))
            }
            FactBody::RunWaiting(_)
            | FactBody::RunStarted(_)
            | FactBody::RunSlow(_)
            | FactBody::TaskReady(_)
            | FactBody::TaskStarted(_)
            | FactBody::ClusterRequested(_)
            | FactBody::ClusterReady(_)
            | FactBody::ClusterDraining(_)
            | FactBody::ClusterIdle(_)
            | FactBody::ClusterLeaked(_)
            | FactBody::DeadlineMissed(_)
            | FactBody::DeadlineAtRisk(_)
            | FactBody::TickMissed(_)
            | FactBody::LettersSetAside(_)
            | FactBody::LettersGone(_)
            | FactBody::OperationRequested(_)
            | FactBody::OperationDone(_) => return None,
        };
        let partition = Partition {
            table,
            date: day(fact.time),
            team: fact.team.to_string(),
        };
        Some((partition, Self { table, values }))
    }

    /// What tells it from other rows of its table, as text.
    pub fn key(&self) -> String {
        let parts = self.table.key().iter().map(|name| match self.get(name) {
            Some(Value::Text(text)) => text.clone(),
            Some(Value::Count(count)) => count.to_string(),
            Some(Value::Instant(_) | Value::Seconds(_)) | None => String::new(),
        });
        parts.collect::<Vec<_>>().join("/")
    }

    /// The value of a column, by name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let position = self.table.position(name)?;
        self.values.get(position)?.as_ref()
    }

    /// Orders rows of a file: by what they are of, then when they ended. What is asked together then
    /// lies together, and compresses well.
    fn order(&self, other: &Self) -> Ordering {
        let by = |row: &Self| [row.values[0].clone(), row.get("ended_at").cloned()];
        let ends = by(self).partial_cmp(&by(other));
        ends.unwrap_or(Ordering::Equal)
            .then_with(|| self.key().cmp(&other.key()))
    }
}

/// The rows of facts, in their partitions. What ends nothing is left out.
pub fn by_partition<'a>(
    facts: impl IntoIterator<Item = &'a Fact>,
) -> BTreeMap<Partition, Vec<Row>> {
    let mut partitions: BTreeMap<Partition, Vec<Row>> = BTreeMap::new();
    for (partition, row) in facts.into_iter().filter_map(Row::of) {
        partitions.entry(partition).or_default().push(row);
    }
    for rows in partitions.values_mut() {
        *rows = merged(std::mem::take(rows));
    }
    partitions
}

/// Rows of one partition, each once, in the order of files. Of those with the same key the one that
/// ended last stays.
pub fn merged(rows: Vec<Row>) -> Vec<Row> {
    let mut once: BTreeMap<String, Row> = BTreeMap::new();
    for row in rows {
        let key = row.key();
        match once.get(&key) {
            Some(known) if known.get("ended_at") >= row.get("ended_at") => {}
            Some(_) | None => {
                once.insert(key, row);
            }
        }
    }
    let mut rows: Vec<Row> = once.into_values().collect();
    rows.sort_by(Row::order);
    rows
}

fn of_run(fact: &Fact, run: &RunFact) -> Vec<Option<Value>> {
    let history = run.history.as_ref();
    let started_at = history.and_then(|history| history.started_at);
    let state = match run.state {
        RunState::Waiting => "waiting",
        RunState::Running => "running",
        RunState::Succeeded => "succeeded",
        RunState::Failed => "failed",
        RunState::Cancelled => "cancelled",
        RunState::Skipped => "skipped",
    };
    vec![
        fact.workflow.as_ref().map(text),
        Some(text(&run.run)),
        Some(text(&run.slot)),
        Some(instant(run.logical_date)),
        Some(Value::Count(run.generation.into())),
        Some(text(&state)),
        run.reason.as_ref().map(text),
        history.map(|history| instant(history.created_at)),
        started_at.map(instant),
        Some(instant(fact.time)),
        started_at.map(|started_at| seconds(started_at, fact.time)),
    ]
}

/// `retried` when the fact is that another attempt follows: the row is of the one before it.
fn of_task(fact: &Fact, task: &TaskFact, retried: bool) -> Vec<Option<Value>> {
    let history = task.history.as_deref();
    let started_at = history.and_then(|history| history.started_at);
    let instance = history.and_then(|history| history.instance.as_ref());
    let attempt = task.attempt.saturating_sub(u32::from(retried));
    let state = match task.outcome {
        None => "retried",
        Some(Outcome::Succeeded) => "succeeded",
        Some(Outcome::Failed) => "failed",
        Some(Outcome::Blocked) => "blocked",
        Some(Outcome::Skipped) => "skipped",
        Some(Outcome::Cancelled) => "cancelled",
    };
    let failure = task.failure.map(|failure| match failure {
        FailureClass::Application => "application",
        FailureClass::Infrastructure => "infrastructure",
        FailureClass::Refused => "refused",
    });
    vec![
        fact.workflow.as_ref().map(text),
        Some(text(&task.run)),
        Some(text(&task.task)),
        Some(Value::Count(task.generation.into())),
        Some(Value::Count(attempt.into())),
        Some(text(&state)),
        failure.as_ref().map(text),
        task.reason.as_ref().map(text),
        instance.map(|instance| text(&instance.cluster)),
        instance.map(text),
        history.and_then(|history| history.queue.as_ref()).map(text),
        task.submission.as_ref().map(text),
        history.map(|history| instant(history.ready_at)),
        history
            .and_then(|history| history.submitted_at)
            .map(instant),
        started_at.map(instant),
        Some(instant(fact.time)),
        started_at
            .zip(history)
            .map(|(started_at, history)| seconds(history.ready_at, started_at)),
        started_at.map(|started_at| seconds(started_at, fact.time)),
    ]
}

fn of_cluster(fact: &Fact, cluster: &ClusterFact, state: &str) -> Vec<Option<Value>> {
    let history = cluster.history.as_deref();
    let tags = history.map(|history| &history.tags);
    vec![
        Some(text(&cluster.cluster.name)),
        Some(text(&cluster.instance)),
        cluster.id.as_ref().map(text),
        tags.and_then(|tags| tags.get("purpose")).map(text),
        tags.map(|tags| Value::Text(json(tags))),
        Some(text(&state)),
        cluster.reason.as_ref().map(text),
        history.map(|history| instant(history.requested_at)),
        history.and_then(|history| history.ready_at).map(instant),
        Some(instant(fact.time)),
        history.map(|history| seconds(history.requested_at, fact.time)),
    ]
}

fn text(value: &impl ToString) -> Value {
    Value::Text(value.to_string())
}

fn instant(instant: Timestamp) -> Value {
    Value::Instant(instant.as_millisecond())
}

/// To the millisecond; zero when clocks differ so that the end comes first.
fn seconds(from: Timestamp, to: Timestamp) -> Value {
    let ms = (to.as_millisecond() - from.as_millisecond()).max(0);
    // A century of milliseconds is exact in 53 bits.
    #[allow(clippy::cast_precision_loss)]
    Value::Seconds(ms as f64 / 1000.0)
}

fn json(tags: &BTreeMap<String, String>) -> String {
    serde_json::to_string(tags).expect("texts are JSON")
}
