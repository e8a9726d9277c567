//! Messages that were put aside as poison, with the reason (rule 21).

use rusqlite::Row;

use crate::database::{Database, Failure};

/// A message that was put aside.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct DeadLetter {
    pub id: i64,
    /// The function it was meant for, as it was written.
    pub function: String,
    /// The message, as it was written; it may not be readable.
    pub body: String,
    pub reason: String,
    /// When, ISO 8601 UTC.
    pub at: String,
    /// How often it was delivered.
    pub receives: u32,
}

pub(crate) fn list(database: &Database, limit: usize) -> Result<Vec<DeadLetter>, Failure> {
    let sql = "SELECT id, function, body, reason, at, receives FROM dead_letters
               ORDER BY id DESC LIMIT ?1";
    database.query(sql, [i64::try_from(limit).unwrap_or(i64::MAX)], letter)
}

/// How many there are of each function that has any.
pub(crate) fn count(database: &Database) -> Result<Vec<(String, u32)>, Failure> {
    let sql = "SELECT function, count(*) FROM dead_letters GROUP BY function";
    database.query(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// The newest of a function.
pub(crate) fn newest(database: &Database, function: &str) -> Result<Option<DeadLetter>, Failure> {
    let sql = "SELECT id, function, body, reason, at, receives FROM dead_letters
               WHERE function = ?1 ORDER BY id DESC LIMIT 1";
    database.query_row(sql, [function], letter)
}

pub(crate) fn read(database: &Database, id: i64) -> Result<Option<DeadLetter>, Failure> {
    let sql = "SELECT id, function, body, reason, at, receives FROM dead_letters WHERE id = ?1";
    database.query_row(sql, [id], letter)
}

fn letter(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    Ok(DeadLetter {
        id: row.get(0)?,
        function: row.get(1)?,
        body: row.get(2)?,
        reason: row.get(3)?,
        at: row.get(4)?,
        receives: row.get(5)?,
    })
}
