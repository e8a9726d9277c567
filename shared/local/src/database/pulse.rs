//! Counts commits, syncs and pages of the write-ahead log, and notices other processes' commits.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;

use super::Durability;

/// Bytes of a page in the log, its header included.
const FRAME_BYTES: u64 = 4_096 + 24;

/// What commits cost.
#[derive(Debug)]
pub struct Pulse {
    /// What SQLite tells at each commit that wrote something: how many there were, shifted by 32
    /// bits, and the pages in the log.
    told: Arc<AtomicU64>,
    commits: Cell<u64>,
    pages: Cell<u32>,
    /// Pages of the log that were copied into the database.
    copied: Cell<u32>,
    syncs_per_commit: u64,
    syncs: Cell<u64>,
    bytes: Cell<u64>,
    version: Cell<Option<i64>>,
}

impl Pulse {
    /// Listens to a connection's commits; SQLite then no longer makes checkpoints by itself.
    pub fn listen(connection: &mut Connection, durability: Durability) -> rusqlite::Result<Self> {
        let told = Arc::new(AtomicU64::new(0));
        let tell = Arc::clone(&told);
        connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages: i32| {
            let commits = (tell.load(Ordering::Relaxed) >> 32) + 1;
            let pages = u64::from(pages.unsigned_abs());
            tell.store((commits << 32) | pages, Ordering::Relaxed);
            Ok(())
        }))?;
        let syncs_per_commit = match durability {
            Durability::Process => 0,
            Durability::Power => 1,
        };
        Ok(Self {
            told,
            commits: Cell::new(0),
            pages: Cell::new(0),
            copied: Cell::new(0),
            syncs_per_commit,
            syncs: Cell::new(0),
            bytes: Cell::new(0),
            version: Cell::new(None),
        })
    }

    /// Counts a commit that went through, if it wrote something.
    pub fn count_commit(&self) {
        let told = self.told.load(Ordering::Relaxed);
        let (commits, pages) = (told >> 32, (told & 0xffff_ffff) as u32);
        if commits == self.commits.replace(commits) & 0xffff_ffff {
            return;
        }
        let before = self.pages.replace(pages);
        let begun_anew = pages <= before;
        if begun_anew {
            self.copied.set(0);
        }
        let written = if begun_anew { pages } else { pages - before };
        self.syncs.set(self.syncs.get() + self.syncs_per_commit);
        self.bytes
            .set(self.bytes.get() + u64::from(written) * FRAME_BYTES);
    }

    /// Counts a checkpoint of so many pages: the log and the database are synced once each.
    pub fn count_checkpoint(&self, pages: i64) {
        let pages = u64::try_from(pages).unwrap_or(0);
        self.copied.set(self.pages.get());
        self.syncs.set(self.syncs.get() + 2);
        self.bytes.set(self.bytes.get() + pages * 4_096);
    }

    /// Pages in the log that were written since the last checkpoint.
    pub fn log_pages(&self) -> u32 {
        self.pages.get().saturating_sub(self.copied.get())
    }

    /// Compares SQLite's `data_version` with the last one.
    pub fn saw_version(&self, version: i64) -> bool {
        self.version.replace(Some(version)) != Some(version)
    }

    /// Commits that wrote something.
    pub fn commits(&self) -> u64 {
        self.commits.get()
    }

    /// Syncs, by SQLite's rules for its write-ahead log.
    pub fn syncs(&self) -> u64 {
        self.syncs.get()
    }

    /// Bytes written to the log and by checkpoints.
    pub fn bytes(&self) -> u64 {
        self.bytes.get()
    }
}
