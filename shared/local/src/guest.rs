//! Other processes beside an engine: the command line asks, looks, and moves dead letters.
//!
//! Guests never touch an inbox, since the engine has its messages in memory; they leave mail, which
//! the engine collects within a tenth of a second, or when one starts.

use std::path::Path;
use std::rc::Rc;

use model::Timestamp;
use model::fact::Fact;
use model::message::{Function, Message};
use ports::{BusError, EventBus, Outgoing};
use rusqlite::params;

use crate::bus::check_delays;
use crate::database::{DataError, Database, Failure};
use crate::dead_letters::{self, DeadLetter};
use crate::ended;
use crate::journal;
use crate::store::SqliteStateStore;

/// Writes beside an engine.
pub struct Guest {
    database: Rc<Database>,
    store: SqliteStateStore,
}

impl Guest {
    /// Opens the data of a folder that an engine has used before.
    pub fn open(folder: &Path) -> Result<Self, DataError> {
        let database = Rc::new(Database::open_guest(folder)?);
        let store = SqliteStateStore::new(Rc::clone(&database));
        Ok(Self { database, store })
    }

    /// The state table.
    pub fn store(&self) -> &SqliteStateStore {
        &self.store
    }

    /// Lists the newest dead letters first.
    pub fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, Failure> {
        dead_letters::list(&self.database, limit)
    }

    /// Reads one dead letter.
    pub fn dead_letter(&self, id: i64) -> Result<Option<DeadLetter>, Failure> {
        dead_letters::read(&self.database, id)
    }

    /// Sends a dead letter to its inbox again; says whether there was one.
    pub fn redrive(&self, id: i64) -> Result<bool, Failure> {
        self.database.write(|| {
            let moved = self.database.execute(
                "INSERT INTO mailbox (function, body, delay_ms)
                 SELECT function, body, 0 FROM dead_letters WHERE id = ?1",
                [id],
            )?;
            self.database
                .execute("DELETE FROM dead_letters WHERE id = ?1", [id])?;
            Ok(moved == 1)
        })
    }

    fn leave(&self, mail: &[(Function, Outgoing)]) -> Result<(), Failure> {
        self.database.write(|| {
            for (inbox, Outgoing { message, delay }) in mail {
                let body =
                    serde_json::to_string(message).expect("messages are plain data with text keys");
                let delay_ms = i64::try_from(delay.0 * 1000).unwrap_or(i64::MAX);
                self.database.execute(
                    "INSERT INTO mailbox (function, body, delay_ms) VALUES (?1, ?2, ?3)",
                    params![inbox.name(), body, delay_ms],
                )?;
            }
            Ok(())
        })
    }
}

/// All of a call's messages are left, or none.
impl EventBus for Guest {
    async fn publish(&self, facts: Vec<Fact>) -> Result<(), BusError> {
        let mail: Vec<(Function, Outgoing)> = facts
            .into_iter()
            .flat_map(|fact| {
                let subscribers = Function::subscribers(fact.body.type_name());
                subscribers
                    .iter()
                    .map(move |inbox| (*inbox, Outgoing::from(Message::Fact(fact.clone()))))
            })
            .collect();
        Ok(self.leave(&mail)?)
    }

    async fn send(&self, inbox: Function, messages: Vec<Outgoing>) -> Result<(), BusError> {
        check_delays(&messages)?;
        let mail: Vec<_> = messages
            .into_iter()
            .map(|outgoing| (inbox, outgoing))
            .collect();
        Ok(self.leave(&mail)?)
    }
}

/// Reads beside an engine, and can never write.
pub struct Reader {
    database: Rc<Database>,
    store: SqliteStateStore,
}

impl Reader {
    /// Opens the data of a folder that an engine has used before.
    pub fn open(folder: &Path) -> Result<Self, DataError> {
        let database = Rc::new(Database::open_reader(folder)?);
        let store = SqliteStateStore::new(Rc::clone(&database));
        Ok(Self { database, store })
    }

    /// Where the clock of the newest engine stands, as far as it is committed; `None` when it goes
    /// by the machine's.
    pub fn skipped_to(&self) -> Result<Option<Timestamp>, Failure> {
        journal::skipped_to(&self.database)
    }

    /// Facts that say how something ended, after a position, at most so many; each with its position,
    /// which is greater than 0. One that cannot be read is `None`.
    pub fn ended(&self, after: i64, limit: usize) -> Result<Vec<(i64, Option<Fact>)>, Failure> {
        ended::after(&self.database, after, limit)
    }

    /// The state table; commits are refused.
    pub fn store(&self) -> &SqliteStateStore {
        &self.store
    }

    /// Lists the newest dead letters first.
    pub fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, Failure> {
        dead_letters::list(&self.database, limit)
    }

    /// Reads one dead letter.
    pub fn dead_letter(&self, id: i64) -> Result<Option<DeadLetter>, Failure> {
        dead_letters::read(&self.database, id)
    }
}
