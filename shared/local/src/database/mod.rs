//! The one database file of a data folder, and the group: the transaction in which everything the
//! engine does is written until it is committed as a whole.
//!
//! The file is one serial log. Conditions are checked and writes done inside the open group, and
//! answered at once; nobody outside sees them before the commit. So a crash loses a whole suffix of
//! what was done, never a part of it, and that is the same as if it had not been done yet: whatever
//! it was caused by is still in an inbox. What must not be forgotten, because the world outside
//! will know of it, is committed before it is told: see [`crate::local_ports`].
//!
//! Knows rows and transactions, not what they mean.

mod error;
mod lock;
mod pulse;
mod schema;

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Params, Row, TransactionBehavior};

pub(crate) use self::error::explain;
pub use self::error::{DataError, Failure};
pub use self::lock::EngineLock;
use self::lock::GuestGate;
use self::pulse::Pulse;
use crate::statistics::Counters;

/// The database's name within the data folder.
pub const FILE: &str = "murmur.db";

/// How long a process waits for another one's writes.
const BUSY: Duration = Duration::from_secs(10);
/// How many distinct statements are kept prepared.
const STATEMENTS: usize = 64;
/// Pages in the write-ahead log, 4 KiB each, from which on it is copied into the database.
const CHECKPOINT_PAGES: u32 = 4_000;
/// The same when there is nothing else to do.
const IDLE_CHECKPOINT_PAGES: u32 = 1_000;

/// Against what a commit is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// A killed process. A commit survives a power cut only from the next checkpoint on; the
    /// database stays whole in any case.
    #[default]
    Process,
    /// A power cut, too: each commit waits for the disk.
    Power,
}

/// Who uses the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The engine: groups stay open until they are committed.
    Engine,
    /// Another process that writes: each write is a group of its own.
    Guest,
    /// Another process that reads.
    Reader,
}

/// An open database.
#[derive(Debug)]
pub struct Database {
    connection: Connection,
    path: PathBuf,
    role: Role,
    gate: GuestGate,
    pulse: Pulse,
    group: Cell<bool>,
    lost: RefCell<Option<String>>,
    counters: Counters,
}

impl Database {
    /// Opens the engine's database, creating it.
    pub fn open_engine(folder: &Path, durability: Durability) -> Result<Self, DataError> {
        let database = Self::open(folder, Role::Engine, durability)?;
        schema::prepare(&database.connection, &database.path)?;
        Ok(database)
    }

    /// Opens an existing database beside an engine, to write to it.
    pub fn open_guest(folder: &Path) -> Result<Self, DataError> {
        let database = Self::open(folder, Role::Guest, Durability::Power)?;
        schema::check(&database.connection, &database.path)?;
        Ok(database)
    }

    /// Opens an existing database beside an engine, to read from it.
    pub fn open_reader(folder: &Path) -> Result<Self, DataError> {
        let database = Self::open(folder, Role::Reader, Durability::Process)?;
        schema::check(&database.connection, &database.path)?;
        Ok(database)
    }

    fn open(folder: &Path, role: Role, durability: Durability) -> Result<Self, DataError> {
        let path = folder.join(FILE);
        let wrong = |source| DataError::open(&path, source);
        let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX
            | match role {
                Role::Engine => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
                Role::Guest => OpenFlags::SQLITE_OPEN_READ_WRITE,
                Role::Reader => OpenFlags::SQLITE_OPEN_READ_ONLY,
            };
        if role != Role::Engine && !path.exists() {
            return Err(DataError::NoData {
                folder: folder.into(),
            });
        }
        let mut connection = Connection::open_with_flags(&path, flags).map_err(wrong)?;
        connection.busy_timeout(BUSY).map_err(wrong)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let synchronous = match durability {
            Durability::Process => "NORMAL",
            Durability::Power => "FULL",
        };
        let set = |name: &str, value: &dyn rusqlite::ToSql| {
            connection.pragma_update(None, name, value).map_err(wrong)
        };
        set("cache_size", &-8_192)?;
        set("temp_store", &"MEMORY")?;
        if role != Role::Reader {
            set("journal_mode", &"WAL")?;
            set("synchronous", &synchronous)?;
            set("journal_size_limit", &(64 << 20))?;
        }
        let pulse = Pulse::listen(&mut connection, durability).map_err(wrong)?;
        connection.set_transaction_behavior(TransactionBehavior::Immediate);
        let gate = GuestGate::open(folder)?;
        Ok(Self {
            connection,
            path,
            role,
            gate,
            pulse,
            group: Cell::new(false),
            lost: RefCell::new(None),
            counters: Counters::default(),
        })
    }

    /// Where the database is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Counts of what was done.
    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Commits and what they cost.
    pub(crate) fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// Whether something is written that is not committed yet.
    pub fn has_open_group(&self) -> bool {
        self.group.get()
    }

    /// Why nothing can be written any more, once that is so: what the open group held is lost, and
    /// with it what the engine has in memory.
    pub fn lost(&self) -> Option<String> {
        self.lost.borrow().clone()
    }

    /// Reads rows. The engine reads inside the group, and so sees its own writes.
    pub(crate) fn query<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Failure> {
        if self.role == Role::Engine {
            self.begin()?;
        }
        let rows = || {
            let mut statement = self.connection.prepare_cached(sql)?;
            statement
                .query_map(params, read)?
                .collect::<rusqlite::Result<Vec<T>>>()
        };
        rows().map_err(|error| self.failed("read from", &error))
    }

    /// Reads the row there is, if there is one.
    pub(crate) fn query_row<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Failure> {
        if self.role == Role::Engine {
            self.begin()?;
        }
        let row = || {
            let mut statement = self.connection.prepare_cached(sql)?;
            let mut rows = statement.query(params)?;
            rows.next()?.map(read).transpose()
        };
        row().map_err(|error| self.failed("read from", &error))
    }

    /// Changes rows inside the group and says how many.
    pub(crate) fn execute(&self, sql: &str, params: impl Params) -> Result<usize, Failure> {
        self.begin()?;
        let change = || self.connection.prepare_cached(sql)?.execute(params);
        change().map_err(|error| self.failed("write to", &error))
    }

    /// Does several things in the group, and for a guest commits them.
    pub(crate) fn write<T, E: From<Failure>>(
        &self,
        writes: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.begin()?;
        match writes() {
            Ok(value) => {
                if self.role != Role::Engine {
                    self.commit()?;
                }
                Ok(value)
            }
            Err(error) => {
                if self.role != Role::Engine {
                    self.roll_back();
                }
                Err(error)
            }
        }
    }

    /// Commits the group; without one it does nothing.
    pub(crate) fn commit(&self) -> Result<(), Failure> {
        if !self.group.get() {
            return Ok(());
        }
        let commit = || self.connection.prepare_cached("COMMIT")?.execute([]);
        commit().map_err(|error| self.failed("commit to", &error))?;
        self.group.set(false);
        self.leave_gate();
        self.pulse.count_commit();
        self.checkpoint(CHECKPOINT_PAGES)
    }

    /// Uses a quiet moment.
    pub(crate) fn tidy(&self) -> Result<(), Failure> {
        if self.group.get() {
            Ok(())
        } else {
            self.checkpoint(IDLE_CHECKPOINT_PAGES)
        }
    }

    /// Tells whether another process has committed since the last call. A group must not be open.
    pub(crate) fn changed_elsewhere(&self) -> Result<bool, Failure> {
        let version = || {
            let mut statement = self.connection.prepare_cached("PRAGMA data_version")?;
            statement.query_row([], |row| row.get::<_, i64>(0))
        };
        let version = version().map_err(|error| self.failed("read from", &error))?;
        Ok(self.pulse.saw_version(version))
    }

    fn begin(&self) -> Result<(), Failure> {
        if let Some(reason) = &*self.lost.borrow() {
            return Err(Failure::Lost {
                reason: reason.clone(),
            });
        }
        if self.group.get() {
            return Ok(());
        }
        match self.role {
            Role::Engine => self.gate.let_guests_pass(),
            Role::Guest => self.gate.enter(&self.path)?,
            Role::Reader => {
                return Err(Failure::ReadOnly {
                    path: self.path.clone(),
                });
            }
        }
        let begin = || {
            self.connection
                .prepare_cached("BEGIN IMMEDIATE")?
                .execute([])
        };
        begin().map_err(|error| {
            self.leave_gate();
            self.failed("begin writing to", &error)
        })?;
        self.group.set(true);
        Ok(())
    }

    fn leave_gate(&self) {
        if self.role == Role::Guest {
            self.gate.leave();
        }
    }

    fn roll_back(&self) {
        if self.group.replace(false) {
            // It may have been rolled back already by what failed.
            let _ = self.connection.execute_batch("ROLLBACK");
            self.leave_gate();
        }
    }

    fn checkpoint(&self, pages: u32) -> Result<(), Failure> {
        if self.pulse.log_pages() < pages {
            return Ok(());
        }
        // Passive: it waits for nobody, and copies what no reader still needs.
        let checkpoint = || {
            let mut statement = self
                .connection
                .prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?;
            statement.query_row([], |row| row.get::<_, i64>(2))
        };
        let copied = checkpoint().map_err(|error| self.failed("checkpoint", &error))?;
        self.pulse.count_checkpoint(copied);
        Ok(())
    }

    /// Decides what an error means: somebody else is writing, or the group is lost.
    fn failed(&self, action: &str, error: &rusqlite::Error) -> Failure {
        let reason = format!(
            "cannot {action} {}: {}",
            self.path.display(),
            error::explain(error)
        );
        if !self.group.get() && error::is_busy(error) {
            return Failure::Busy { reason };
        }
        match self.role {
            Role::Engine => *self.lost.borrow_mut() = Some(reason.clone()),
            Role::Guest => self.roll_back(),
            Role::Reader => {}
        }
        Failure::Lost { reason }
    }
}

#[cfg(test)]
impl Database {
    /// Lets the file grow no further, as a full disk would.
    pub(crate) fn fill_disk(&self) {
        let pages: i64 = self
            .connection
            .query_row("PRAGMA page_count", [], |row| row.get(0))
            .expect("pages are counted");
        self.connection
            .pragma_update(None, "max_page_count", pages)
            .expect("a limit is set");
    }
}
