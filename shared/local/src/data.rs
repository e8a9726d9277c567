//! A data folder, opened by one engine.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::clock::{ClockMode, EngineClock};
use crate::database::{DataError, Database, Durability, EngineLock};
use crate::journal::Journal;

/// How a data folder is used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    pub durability: Durability,
    pub clock: ClockMode,
}

/// A data folder opened by this process, alone.
#[derive(Debug)]
pub struct Data {
    folder: PathBuf,
    journal: Rc<Journal>,
    lock: EngineLock,
}

impl Data {
    /// Opens a folder, creating it, and refuses when another engine has it.
    pub fn open(folder: &Path, options: Options) -> Result<Self, DataError> {
        let lock = EngineLock::take(folder)?;
        let database = Database::open_engine(folder, options.durability)?;
        let journal = Rc::new(Journal::open(database, options.clock)?);
        Ok(Self {
            folder: folder.into(),
            journal,
            lock,
        })
    }

    /// The clock the engine will go by, for a compute to share.
    pub fn clock(&self) -> EngineClock {
        self.journal.clock.clone()
    }

    /// Hands over what the engine keeps; the folder is this process's while the lock lives.
    pub(crate) fn into_parts(self) -> (Rc<Journal>, EngineLock) {
        (self.journal, self.lock)
    }

    /// Where everything is kept.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}
