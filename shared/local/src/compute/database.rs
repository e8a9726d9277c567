//! The stand-in services' memory: `compute.db`. Everything is committed before it takes effect.

use std::path::Path;

use model::Timestamp;
use model::attempt::AttemptKey;
use model::id::{EmrClusterId, SubmissionId};
use model::message::{Function, Message};
use model::task::Place;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::record::{ClusterRow, SubmissionRow};
use crate::database::explain;

/// Keeps clusters, submissions and events not yet acknowledged.
#[derive(Debug)]
pub struct Database {
    connection: Connection,
}

/// The memory did not answer, or holds what cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// SQLite's own words are in the message, so it is no source besides.
    #[error("the memory of the local compute, compute.db, cannot be used: {}", explain(.0))]
    Sqlite(rusqlite::Error),
    #[error("the memory of the local compute holds what cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
}

impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// What one commit changes.
#[derive(Debug, Default)]
pub struct Changes {
    pub clusters: Vec<ClusterRow>,
    pub submissions: Vec<SubmissionRow>,
    pub events: Vec<Event>,
    /// Sequence numbers of events that need not come again.
    pub acknowledged: Vec<u64>,
    /// The next number of a cluster, submission or event.
    pub next_sequence: u64,
}

/// An event on its way to an inbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub sequence: u64,
    /// When it arrives, if it was delayed; others do even when the clock was set back.
    pub due: Option<Timestamp>,
    pub inbox: Function,
    pub message: Message,
}

const SCHEMA: &str = "
pragma journal_mode = wal;
pragma synchronous = full;
pragma busy_timeout = 10000;
create table if not exists clusters (
  id text primary key, name text not null, created_at integer not null, over integer not null, body text not null);
create index if not exists clusters_by_name on clusters (name);
create index if not exists clusters_by_creation on clusters (created_at);
create index if not exists clusters_open on clusters (id) where over = 0;
create table if not exists submissions (
  sequence integer primary key, id text not null unique, place text not null, attempt text not null,
  open integer not null, body text not null);
create index if not exists submissions_by_attempt on submissions (attempt, place);
create index if not exists submissions_by_place on submissions (place, sequence);
create index if not exists submissions_open on submissions (sequence) where open = 1;
create table if not exists events (sequence integer primary key, body text not null);
create table if not exists counter (one integer primary key check (one = 1), next integer not null);
insert or ignore into counter values (1, 1);
";

impl Database {
    /// Opens or creates the memory.
    pub fn open(path: &Path) -> Result<Self, DatabaseError> {
        let connection = Connection::open(path)?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self { connection })
    }

    /// Makes all changes or none, durably.
    pub fn commit(&mut self, changes: &Changes) -> Result<(), DatabaseError> {
        let transaction = self.connection.transaction()?;
        for cluster in &changes.clusters {
            transaction
                .prepare_cached("insert or replace into clusters values (?, ?, ?, ?, ?)")?
                .execute(params![
                    cluster.id.as_str(),
                    cluster.instance.cluster.to_string(),
                    cluster.created_at.as_millisecond(),
                    cluster.is_over(),
                    serde_json::to_string(cluster)?,
                ])?;
        }
        for submission in &changes.submissions {
            transaction
                .prepare_cached("insert or replace into submissions values (?, ?, ?, ?, ?, ?)")?
                .execute(params![
                    submission.sequence.cast_signed(),
                    submission.id.as_str(),
                    place_text(&submission.place),
                    submission.key.to_string(),
                    !submission.state.is_terminal(),
                    serde_json::to_string(submission)?,
                ])?;
        }
        for event in &changes.events {
            transaction
                .prepare_cached("insert into events values (?, ?)")?
                .execute(params![
                    event.sequence.cast_signed(),
                    serde_json::to_string(event)?
                ])?;
        }
        for sequence in &changes.acknowledged {
            transaction
                .prepare_cached("delete from events where sequence = ?")?
                .execute(params![sequence.cast_signed()])?;
        }
        transaction.execute(
            "update counter set next = ?",
            params![changes.next_sequence.cast_signed()],
        )?;
        transaction.commit()?;
        Ok(())
    }

    /// The next number of a cluster, submission or event.
    pub fn next_sequence(&self) -> Result<u64, DatabaseError> {
        let next: i64 = self
            .connection
            .query_row("select next from counter", [], |row| row.get(0))?;
        Ok(next.cast_unsigned())
    }

    /// Events not acknowledged, in order.
    pub fn events(&self) -> Result<Vec<Event>, DatabaseError> {
        self.many("select body from events order by sequence", [])
    }

    /// Clusters that are not over.
    pub fn open_clusters(&self) -> Result<Vec<ClusterRow>, DatabaseError> {
        self.many("select body from clusters where over = 0", [])
    }

    /// Submissions that have not ended, in order.
    pub fn open_submissions(&self) -> Result<Vec<SubmissionRow>, DatabaseError> {
        self.many(
            "select body from submissions where open = 1 order by sequence",
            [],
        )
    }

    /// One cluster.
    pub fn cluster(&self, id: &EmrClusterId) -> Result<Option<ClusterRow>, DatabaseError> {
        let rows = self.many("select body from clusters where id = ?", [id.as_str()])?;
        Ok(rows.into_iter().next())
    }

    /// How many instances of a cluster there ever were.
    pub fn count_instances(&self, cluster: &str) -> Result<u32, DatabaseError> {
        Ok(self.connection.query_row(
            "select count(*) from clusters where name = ?",
            [cluster],
            |row| row.get(0),
        )?)
    }

    /// Clusters created since then.
    pub fn clusters_since(&self, since: Timestamp) -> Result<Vec<ClusterRow>, DatabaseError> {
        self.many(
            "select body from clusters where created_at >= ?",
            [since.as_millisecond()],
        )
    }

    /// Submissions under a key at a place, in order.
    pub fn under_key(
        &self,
        place: &Place,
        key: &AttemptKey,
    ) -> Result<Vec<SubmissionRow>, DatabaseError> {
        self.many(
            "select body from submissions where attempt = ? and place = ? order by sequence",
            [key.to_string(), place_text(place)],
        )
    }

    /// Submissions by id.
    pub fn by_id(&self, ids: &[SubmissionId]) -> Result<Vec<SubmissionRow>, DatabaseError> {
        let mut statement = self
            .connection
            .prepare_cached("select body from submissions where id = ?")?;
        let mut found = Vec::new();
        for id in ids {
            let body: Option<String> = statement
                .query_row([id.as_str()], |row| row.get(0))
                .optional()?;
            if let Some(body) = body {
                found.push(serde_json::from_str(&body)?);
            }
        }
        Ok(found)
    }

    /// A page of submissions to a place, newest first.
    pub fn newest(
        &self,
        place: &Place,
        before: u64,
        page: u32,
    ) -> Result<Vec<SubmissionRow>, DatabaseError> {
        let mut statement = self.connection.prepare_cached(
            "select body from submissions where place = ? and sequence < ? order by sequence desc limit ?",
        )?;
        read_all(statement.query_map(
            params![place_text(place), before.cast_signed(), page],
            first_column,
        )?)
    }

    fn many<T: DeserializeOwned>(
        &self,
        sql: &str,
        parameters: impl Params,
    ) -> Result<Vec<T>, DatabaseError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        read_all(statement.query_map(parameters, first_column)?)
    }
}

fn first_column(row: &Row<'_>) -> rusqlite::Result<String> {
    row.get(0)
}

fn read_all<T: DeserializeOwned>(
    bodies: impl Iterator<Item = rusqlite::Result<String>>,
) -> Result<Vec<T>, DatabaseError> {
    bodies
        .map(|body| Ok(serde_json::from_str(&body?)?))
        .collect()
}

fn place_text(place: &Place) -> String {
    match place {
        Place::Instance(id) => format!("instance/{id}"),
        Place::Queue(name) => format!("queue/{name}"),
    }
}
