//! State and inboxes together: one log, committed as a whole.

use std::cell::Cell;
use std::rc::Rc;

use model::Timestamp;
use ports::Clock as _;

use crate::clock::{ClockMode, EngineClock};
use crate::database::{Database, Failure};
use crate::inbox::Inboxes;
use crate::statistics::Statistics;

/// Everything the engine keeps.
#[derive(Debug)]
pub struct Journal {
    pub database: Rc<Database>,
    pub inboxes: Inboxes,
    pub clock: EngineClock,
    flushes: Cell<u64>,
}

impl Journal {
    /// Goes on where the database's last engine left off.
    pub fn open(database: Database, mode: ClockMode) -> Result<Self, Failure> {
        let database = Rc::new(database);
        let clock = EngineClock::start(mode, left_off(&database)?);
        let inboxes = Inboxes::open(Rc::clone(&database), clock.clone())?;
        let journal = Self {
            database,
            inboxes,
            clock,
            flushes: Cell::new(0),
        };
        journal.write("clock_skips", i64::from(journal.clock.skips()))?;
        journal.flush()?;
        Ok(journal)
    }

    /// Commits everything done so far.
    pub fn flush(&self) -> Result<(), Failure> {
        self.inboxes.write_out()?;
        if self.database.has_open_group() {
            self.write_clock()?;
        }
        self.database.commit()?;
        self.flushes.set(self.flushes.get() + 1);
        Ok(())
    }

    /// Commits everything, the time included.
    pub fn stop(&self) -> Result<(), Failure> {
        self.write_clock()?;
        self.flush()
    }

    /// Writes where a clock that skips stands.
    fn write_clock(&self) -> Result<(), Failure> {
        if self.clock.skips() {
            self.write("clock_ms", self.clock.now().as_millisecond())?;
        }
        Ok(())
    }

    fn write(&self, name: &str, value: i64) -> Result<(), Failure> {
        let sql = "INSERT INTO engine (name, value) VALUES (?1, ?2)
                   ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.database.execute(sql, (name, value))?;
        Ok(())
    }

    /// How often everything was committed.
    pub fn flushes(&self) -> u64 {
        self.flushes.get()
    }

    /// Counts of what was done.
    pub fn statistics(&self) -> Statistics {
        let (counters, pulse) = (self.database.counters(), self.database.pulse());
        Statistics {
            items_read: counters.items_read.get(),
            scans: counters.scans.get(),
            items_written: counters.items_written.get(),
            body_bytes: counters.body_bytes.get(),
            store_commits: counters.store_commits.get(),
            conflicts: counters.conflicts.get(),
            facts: counters.facts.get(),
            messages: counters.messages.get(),
            acknowledged: counters.acknowledged.get(),
            inbox_rows: counters.inbox_rows.get(),
            dead_letters: counters.dead_letters.get(),
            batches: counters.batches.get(),
            commits: pulse.commits(),
            syncs: pulse.syncs(),
            disk_bytes: pulse.bytes(),
        }
    }
}

/// Where a skipping clock stood when it was last written.
fn left_off(database: &Database) -> Result<Option<Timestamp>, Failure> {
    let sql = "SELECT value FROM engine WHERE name = 'clock_ms'";
    let ms = database.query_row(sql, [], |row| row.get::<_, i64>(0))?;
    Ok(ms.and_then(|ms| Timestamp::from_millisecond(ms).ok()))
}

/// Where the clock of the newest engine stands, as far as it is committed, if that clock skips.
pub fn skipped_to(database: &Database) -> Result<Option<Timestamp>, Failure> {
    let sql = "SELECT value FROM engine WHERE name = 'clock_skips'";
    let skips = database.query_row(sql, [], |row| row.get::<_, i64>(0))?;
    if skips == Some(1) {
        left_off(database)
    } else {
        Ok(None)
    }
}
