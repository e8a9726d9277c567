//! The rows behind the inboxes.

use std::rc::Rc;

use model::Timestamp;
use model::message::Function;
use rusqlite::params;

use super::queue::Letter;
use crate::database::{Database, Failure};

/// The tables `inbox`, `mailbox` and `dead_letters`.
#[derive(Debug)]
pub struct Rows {
    pub database: Rc<Database>,
}

/// A message as it is stored.
#[derive(Debug)]
pub struct Row {
    pub function: Function,
    pub id: i64,
    pub body: String,
    sent_ms: i64,
    receives: u32,
    failures: u32,
}

impl Row {
    /// Reads the message, or gives the row back.
    pub fn unpack(self) -> Result<Letter, (Self, serde_json::Error)> {
        match serde_json::from_str(&self.body) {
            Ok(message) => {
                let letter = Letter::new(self.function, self.id, message, self.sent_ms, 0);
                letter.receives.set(self.receives);
                letter.failures.set(self.failures);
                letter.stored.set(true);
                Ok(letter)
            }
            Err(error) => Err((self, error)),
        }
    }
}

impl Rows {
    /// Makes what is visible by now visible at once, and hides nothing beyond `latest_ms`.
    pub fn normalise(&self, now_ms: i64, latest_ms: i64) -> Result<(), Failure> {
        self.database.execute(
            "UPDATE inbox SET visible_ms = 0 WHERE visible_ms BETWEEN 1 AND ?1",
            [now_ms],
        )?;
        self.database.execute(
            "UPDATE inbox SET visible_ms = ?1 WHERE visible_ms > ?1",
            [latest_ms],
        )?;
        Ok(())
    }

    /// Lists what is delayed: function, when, id.
    pub fn delayed(&self) -> Result<Vec<(Function, i64, i64)>, Failure> {
        let sql = "SELECT function, visible_ms, id FROM inbox WHERE visible_ms > 0";
        let rows = self.database.query(sql, [], |row| {
            Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?))
        })?;
        let known = rows.into_iter().filter_map(|(name, visible_ms, id)| {
            let function = Function::ALL
                .into_iter()
                .find(|known| known.name() == name)?;
            Some((function, visible_ms, id))
        });
        Ok(known.collect())
    }

    /// The highest id there is.
    pub fn last_id(&self) -> Result<i64, Failure> {
        let last =
            self.database
                .query_row("SELECT coalesce(max(id), 0) FROM inbox", [], |row| {
                    row.get(0)
                })?;
        Ok(last.unwrap_or(0))
    }

    /// Writes a letter.
    pub fn insert(&self, letter: &Letter) -> Result<(), Failure> {
        self.database.execute(
            "INSERT INTO inbox (function, id, body, sent_ms, visible_ms, receives, failures, reason)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                letter.function.name(),
                letter.id,
                letter.body(),
                letter.sent_ms,
                letter.visible_ms.get(),
                letter.receives.get(),
                letter.failures.get(),
                &*letter.reason.borrow(),
            ],
        )?;
        letter.stored.set(true);
        self.database.counters().inbox_rows.add(1);
        Ok(())
    }

    /// Writes again what changes of a letter.
    pub fn update(&self, letter: &Letter) -> Result<(), Failure> {
        self.database.execute(
            "UPDATE inbox SET visible_ms = ?3, receives = ?4, failures = ?5, reason = ?6
             WHERE function = ?1 AND id = ?2",
            params![
                letter.function.name(),
                letter.id,
                letter.visible_ms.get(),
                letter.receives.get(),
                letter.failures.get(),
                &*letter.reason.borrow(),
            ],
        )?;
        Ok(())
    }

    /// Removes a letter.
    pub fn delete(&self, function: Function, id: i64) -> Result<(), Failure> {
        let sql = "DELETE FROM inbox WHERE function = ?1 AND id = ?2";
        self.database.execute(sql, params![function.name(), id])?;
        Ok(())
    }

    /// Reads one letter.
    pub fn read(&self, function: Function, id: i64) -> Result<Option<Row>, Failure> {
        let sql = "SELECT id, body, sent_ms, receives, failures FROM inbox
                   WHERE function = ?1 AND id = ?2";
        self.database
            .query_row(sql, params![function.name(), id], |row| read(function, row))
    }

    /// Reads letters without delay from an id on, in order.
    pub fn page(&self, function: Function, from: i64, limit: usize) -> Result<Vec<Row>, Failure> {
        let sql = "SELECT id, body, sent_ms, receives, failures FROM inbox
                   WHERE function = ?1 AND id >= ?2 AND visible_ms = 0 ORDER BY id LIMIT ?3";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.database
            .query(sql, params![function.name(), from, limit], |row| {
                read(function, row)
            })
    }

    /// Takes messages of other processes: function, body, delay.
    pub fn take_mail(&self) -> Result<Vec<(String, String, i64)>, Failure> {
        let sql = "SELECT id, function, body, delay_ms FROM mailbox ORDER BY id LIMIT 1000";
        let mail = self.database.query(sql, [], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                (row.get(1)?, row.get(2)?, row.get(3)?),
            ))
        })?;
        if let Some((last, _)) = mail.last() {
            self.database
                .execute("DELETE FROM mailbox WHERE id <= ?1", [*last])?;
        }
        Ok(mail.into_iter().map(|(_, mail)| mail).collect())
    }

    /// Puts a message aside.
    pub fn bury(
        &self,
        function: &str,
        body: &str,
        reason: &str,
        at: Timestamp,
        receives: u32,
    ) -> Result<(), Failure> {
        self.database.execute(
            "INSERT INTO dead_letters (function, body, reason, at, receives)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![function, body, reason, at.to_string(), receives],
        )?;
        self.database.counters().dead_letters.add(1);
        Ok(())
    }
}

fn read(function: Function, row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        function,
        id: row.get(0)?,
        body: row.get(1)?,
        sent_ms: row.get(2)?,
        receives: row.get(3)?,
        failures: row.get(4)?,
    })
}
