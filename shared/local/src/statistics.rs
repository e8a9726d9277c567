//! What the engine did, counted: for the benchmark and for people who wonder.

use std::cell::Cell;

/// Counts since the data folder was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Statistics {
    /// Items that were asked for by key.
    pub items_read: u64,
    /// Scans and questions to an index.
    pub scans: u64,
    /// Items that were written, by commits and arrivals.
    pub items_written: u64,
    /// Bytes of the bodies that were written.
    pub body_bytes: u64,
    /// Conditional commits, arrivals among them.
    pub store_commits: u64,
    /// Those that did not hold.
    pub conflicts: u64,
    /// Facts that were published.
    pub facts: u64,
    /// Messages that entered an inbox.
    pub messages: u64,
    /// Messages that left an inbox for good.
    pub acknowledged: u64,
    /// Messages that were written as rows; the others came and went within one group.
    pub inbox_rows: u64,
    /// Messages put aside as poison.
    pub dead_letters: u64,
    /// Batches given to handlers.
    pub batches: u64,
    /// Transactions of the database.
    pub commits: u64,
    /// Waits for the disk.
    pub syncs: u64,
    /// Bytes written to the database and its log.
    pub disk_bytes: u64,
}

impl Statistics {
    /// Operations of the state store: reads, scans, commits.
    pub fn store_operations(&self) -> u64 {
        self.items_read + self.scans + self.store_commits
    }
}

/// The counts that adapters keep.
#[derive(Debug, Default)]
pub struct Counters {
    pub items_read: Count,
    pub scans: Count,
    pub items_written: Count,
    pub body_bytes: Count,
    pub store_commits: Count,
    pub conflicts: Count,
    pub facts: Count,
    pub messages: Count,
    pub acknowledged: Count,
    pub inbox_rows: Count,
    pub dead_letters: Count,
    pub batches: Count,
}

/// One count.
#[derive(Debug, Default)]
pub struct Count(Cell<u64>);

impl Count {
    /// Counts so many more.
    pub fn add(&self, more: usize) {
        self.0.set(self.0.get() + more as u64);
    }

    /// The count so far.
    pub fn get(&self) -> u64 {
        self.0.get()
    }
}
