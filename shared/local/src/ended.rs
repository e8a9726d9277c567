//! What has ended: facts of which history is made, in the order they were told.
//!
//! They stand in the same log as everything else, so a crash loses them only together with what they
//! tell. A fact may stand here twice. They are never removed, and a position never changes; whoever
//! makes history of them remembers how far it has come.

use model::fact::Fact;
use rusqlite::params;

use crate::database::{Database, Failure};

/// Adds a fact if it says how something ended.
pub(crate) fn add(database: &Database, fact: &Fact) -> Result<(), Failure> {
    if fact.body.is_end() {
        let text = serde_json::to_string(fact).expect("facts are plain data with text keys");
        database.execute("INSERT INTO ended (fact) VALUES (?1)", params![text])?;
    }
    Ok(())
}

/// Reads facts after a position, at most so many, each with its position. One that cannot be read is
/// left out.
pub(crate) fn after(
    database: &Database,
    position: i64,
    limit: usize,
) -> Result<Vec<(i64, Option<Fact>)>, Failure> {
    let sql = "SELECT position, fact FROM ended WHERE position > ?1 ORDER BY position LIMIT ?2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    database.query(sql, params![position, limit], |row| {
        let text: String = row.get(1)?;
        Ok((row.get(0)?, serde_json::from_str(&text).ok()))
    })
}
