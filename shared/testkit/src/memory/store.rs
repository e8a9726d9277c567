//! The state table in memory.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use model::Timestamp;
use model::join::{Arrival, Join, JoinKey};
use model::key::Key;
use model::name::WorkflowRef;
use model::record::Record;
use ports::{CommitError, Expect, StateStore, StoreError, Stored, Versioned, Write};

use super::lock;
use super::rows::{Address, Row, Rows, SortedRows};
use crate::faults::{Faults, Step};

/// The most writes one commit takes.
const MAX_WRITES: usize = 100;

/// Keeps items in ordered maps, and the indexes beside them.
#[derive(Debug, Default)]
pub struct MemoryStore {
    rows: Mutex<Rows>,
    faults: Arc<Faults>,
}

impl MemoryStore {
    /// Makes an empty store that fails when told to.
    pub fn with_faults(faults: Arc<Faults>) -> Self {
        Self {
            rows: Mutex::default(),
            faults,
        }
    }

    /// Puts a record there, whatever was there before.
    pub fn seed<R: Record>(&self, record: &R) {
        let at = Address::from(&record.key());
        lock(&self.rows).apply(&at, Write::put(record, Expect::Anything));
    }

    /// Looks at a record.
    ///
    /// # Panics
    /// When what is there is of another kind.
    pub fn peek<R: Record>(&self, key: &Key) -> Option<R> {
        let stored = lock(&self.rows).at(&key.into())?;
        let read = stored.read().unwrap_or_else(|error| panic!("{error}"));
        Some(read.value)
    }

    /// Lists everything, by partition and sort key.
    pub fn items(&self) -> Vec<Stored> {
        self.items_where(|_| true)
    }

    fn items_where(&self, wanted: impl Fn(&Row) -> bool) -> Vec<Stored> {
        let rows = lock(&self.rows);
        let mut partitions: Vec<(&Arc<str>, &SortedRows)> = rows.partitions.iter().collect();
        partitions.sort_by_key(|(name, _)| *name);
        let mut items = Vec::new();
        for (partition, sorted) in partitions {
            let sorted = sorted.iter().filter(|(_, row)| wanted(row));
            items.extend(sorted.map(|(sort, row)| row.stored(partition, sort)));
        }
        items
    }

    /// Removes a whole partition, as a time to live does with what is old.
    pub fn forget(&self, partition: &str) {
        lock(&self.rows).forget(partition);
    }

    /// Lists every record of one kind, by key.
    ///
    /// # Panics
    /// When one of them cannot be read.
    pub fn all<R: Record>(&self) -> Vec<R> {
        self.items_where(|row| row.kind == R::KIND)
            .into_iter()
            .map(|item| {
                item.read::<R>()
                    .unwrap_or_else(|error| panic!("{error}"))
                    .value
            })
            .collect()
    }

    fn up(&self) -> Result<(), StoreError> {
        if self.faults.is_down() {
            Err(unavailable())
        } else {
            Ok(())
        }
    }
}

impl StateStore for MemoryStore {
    async fn read(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        self.up()?;
        Ok(lock(&self.rows).at(&key.into()))
    }

    async fn read_many(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError> {
        self.up()?;
        let rows = lock(&self.rows);
        Ok(keys.iter().map(|key| rows.at(&key.into())).collect())
    }

    async fn scan(
        &self,
        partition: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Stored>, StoreError> {
        self.up()?;
        let rows = lock(&self.rows);
        let Some((partition, sorted)) = rows.partitions.get_key_value(partition) else {
            return Ok(Vec::new());
        };
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            Some(_) | None => Bound::Included(prefix),
        };
        Ok(sorted
            .range::<str, _>((from, Bound::Unbounded))
            .take_while(|(sort, _)| sort.starts_with(prefix))
            .take(limit)
            .map(|(sort, row)| row.stored(partition, sort))
            .collect())
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        check_shape(&writes)?;
        let step = self.faults.step();
        if step == Step::Lost {
            return Err(unavailable().into());
        }
        let mut rows = lock(&self.rows);
        let places: Vec<Address> = writes.iter().map(|write| write.key().into()).collect();
        let mut all = writes.iter().zip(&places);
        if !all.all(|(write, at)| rows.allow(at, write)) {
            return Err(CommitError::Conflict);
        }
        for (write, at) in writes.into_iter().zip(&places) {
            rows.apply(at, write);
        }
        answer(step, ()).map_err(CommitError::Store)
    }

    async fn arrive(
        &self,
        key: &JoinKey,
        arrivals: &BTreeSet<Arrival>,
    ) -> Result<Versioned<Join>, StoreError> {
        let step = self.faults.step();
        if step == Step::Lost {
            return Err(unavailable());
        }
        let mut rows = lock(&self.rows);
        let at = Address::from(&Key::Join(key.clone()));
        let mut join = match rows.at(&at) {
            Some(stored) => stored.read::<Join>()?.value,
            None => Join::empty(key.clone()),
        };
        join.arrivals.extend(arrivals.iter().cloned());
        rows.apply(&at, Write::put(&join, Expect::Anything));
        let version = rows.version(&at).unwrap_or(1);
        answer(
            step,
            Versioned {
                value: join,
                version,
            },
        )
    }

    async fn due(&self, until: Timestamp, limit: usize) -> Result<Vec<Stored>, StoreError> {
        self.up()?;
        let rows = lock(&self.rows);
        let due = rows.due.iter().take_while(|(due, _)| *due <= until);
        let due = due.take(limit).filter_map(|(_, place)| rows.indexed(place));
        Ok(due.collect())
    }

    async fn runs_of(
        &self,
        workflow: &WorkflowRef,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Stored>, StoreError> {
        self.up()?;
        let rows = lock(&self.rows);
        let Some(runs) = rows.listed.get(workflow) else {
            return Ok(Vec::new());
        };
        let newest_first = runs.iter().rev().skip_while(|(date, _)| *date > to);
        let wanted = newest_first.take_while(|(date, _)| *date >= from);
        let wanted = wanted.take(limit);
        Ok(wanted
            .filter_map(|(_, place)| rows.indexed(place))
            .collect())
    }
}

/// Refuses what no adapter takes.
fn check_shape(writes: &[Write]) -> Result<(), StoreError> {
    let reason = if writes.len() > MAX_WRITES {
        Some(format!(
            "{} writes in one commit, at most {MAX_WRITES} are possible",
            writes.len()
        ))
    } else {
        // Mostly it is one.
        let distinct = match writes {
            [_] => 1,
            _ => writes.iter().map(Write::key).collect::<BTreeSet<_>>().len(),
        };
        (distinct < writes.len()).then(|| "two writes to one key in one commit".into())
    };
    reason.map_or(Ok(()), |reason| Err(StoreError::Unavailable { reason }))
}

fn answer<T>(step: Step, value: T) -> Result<T, StoreError> {
    match step {
        Step::Done => Ok(value),
        Step::Unanswered | Step::Lost => Err(unavailable()),
    }
}

fn unavailable() -> StoreError {
    StoreError::Unavailable {
        reason: "a fault was injected".into(),
    }
}
