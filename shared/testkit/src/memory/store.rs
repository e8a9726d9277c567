//! The state table in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use model::Timestamp;
use model::join::{Arrival, Join, JoinKey};
use model::key::Key;
use model::name::WorkflowRef;
use model::record::{Listing, Record};
use ports::{CommitError, Expect, Item, StateStore, StoreError, Stored, Versioned, Write};

use super::lock;
use crate::faults::{Faults, Step};

/// The most writes one commit takes.
const MAX_WRITES: usize = 100;

/// Keeps items in ordered maps, and the indexes beside them.
#[derive(Debug, Default)]
pub struct MemoryStore {
    rows: Mutex<Rows>,
    faults: Arc<Faults>,
}

type SortedRows = BTreeMap<String, Row>;
type PlaceOf = (String, String);

#[derive(Debug, Default)]
struct Rows {
    partitions: HashMap<String, SortedRows>,
    due: BTreeSet<(Timestamp, PlaceOf)>,
    listed: HashMap<WorkflowRef, BTreeSet<(Timestamp, PlaceOf)>>,
}

#[derive(Debug, Clone)]
struct Row {
    kind: &'static str,
    version: u64,
    body: String,
    due: Option<Timestamp>,
    listing: Option<Listing>,
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
        apply(&mut lock(&self.rows), Write::put(record, Expect::Anything));
    }

    /// Looks at a record.
    ///
    /// # Panics
    /// When what is there is of another kind.
    pub fn peek<R: Record>(&self, key: &Key) -> Option<R> {
        let stored = stored_at(&lock(&self.rows), &place(key))?;
        let read = stored.read().unwrap_or_else(|error| panic!("{error}"));
        Some(read.value)
    }

    /// Lists everything, by partition and sort key.
    pub fn items(&self) -> Vec<Stored> {
        self.items_where(|_| true)
    }

    fn items_where(&self, wanted: impl Fn(&Row) -> bool) -> Vec<Stored> {
        let rows = lock(&self.rows);
        let mut partitions: Vec<(&String, &SortedRows)> = rows.partitions.iter().collect();
        partitions.sort_by_key(|(name, _)| *name);
        let mut items = Vec::new();
        for (partition, sorted) in partitions {
            let sorted = sorted.iter().filter(|(_, row)| wanted(row));
            items.extend(sorted.map(|(sort, row)| stored(partition, sort, row)));
        }
        items
    }

    /// Removes a whole partition, as a time to live does with what is old.
    pub fn forget(&self, partition: &str) {
        let mut rows = lock(&self.rows);
        for (sort, row) in rows.partitions.remove(partition).unwrap_or_default() {
            rows.unlist(&(partition.to_owned(), sort), &row);
        }
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
        Ok(stored_at(&lock(&self.rows), &place(key)))
    }

    async fn read_many(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError> {
        self.up()?;
        let rows = lock(&self.rows);
        Ok(keys
            .iter()
            .map(|key| stored_at(&rows, &place(key)))
            .collect())
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
        let Some(sorted) = rows.partitions.get(partition) else {
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
            .map(|(sort, row)| stored(partition, sort, row))
            .collect())
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        check_shape(&writes)?;
        let step = self.faults.step();
        if step == Step::Lost {
            return Err(unavailable().into());
        }
        let mut rows = lock(&self.rows);
        if !writes.iter().all(|write| holds(&rows, write)) {
            return Err(CommitError::Conflict);
        }
        for write in writes {
            apply(&mut rows, write);
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
        let place = place(&Key::Join(key.clone()));
        let mut join = match stored_at(&rows, &place) {
            Some(stored) => stored.read::<Join>()?.value,
            None => Join::empty(key.clone()),
        };
        join.arrivals.extend(arrivals.iter().cloned());
        apply(&mut rows, Write::put(&join, Expect::Anything));
        let version = rows.get(&place).map_or(1, |row| row.version);
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
        let due = due.take(limit).filter_map(|(_, place)| rows.stored(place));
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
        Ok(wanted.filter_map(|(_, place)| rows.stored(place)).collect())
    }
}

impl Rows {
    fn get(&self, (partition, sort): &PlaceOf) -> Option<&Row> {
        self.partitions.get(partition)?.get(sort)
    }

    fn stored(&self, place: &PlaceOf) -> Option<Stored> {
        self.get(place).map(|row| stored(&place.0, &place.1, row))
    }

    fn insert(&mut self, place: PlaceOf, row: Row) {
        if let Some(due) = row.due {
            self.due.insert((due, place.clone()));
        }
        if let Some(listing) = &row.listing {
            let of_workflow = self.listed.entry(listing.workflow.clone()).or_default();
            of_workflow.insert((listing.logical_date, place.clone()));
        }
        let (partition, sort) = place;
        self.partitions
            .entry(partition)
            .or_default()
            .insert(sort, row);
    }

    fn remove(&mut self, place: &PlaceOf) -> Option<Row> {
        let sorted = self.partitions.get_mut(&place.0)?;
        let row = sorted.remove(&place.1)?;
        if sorted.is_empty() {
            self.partitions.remove(&place.0);
        }
        self.unlist(place, &row);
        Some(row)
    }

    /// Takes a row out of the indexes.
    fn unlist(&mut self, place: &PlaceOf, row: &Row) {
        if let Some(due) = row.due {
            self.due.remove(&(due, place.clone()));
        }
        if let Some(listing) = &row.listing
            && let Some(of_workflow) = self.listed.get_mut(&listing.workflow)
        {
            of_workflow.remove(&(listing.logical_date, place.clone()));
        }
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
        let keys: BTreeSet<&Key> = writes.iter().map(Write::key).collect();
        (keys.len() < writes.len()).then(|| "two writes to one key in one commit".into())
    };
    reason.map_or(Ok(()), |reason| Err(StoreError::Unavailable { reason }))
}

fn place(key: &Key) -> PlaceOf {
    (key.partition(), key.sort())
}

fn stored_at(rows: &Rows, place: &PlaceOf) -> Option<Stored> {
    rows.stored(place)
}

fn stored(partition: &str, sort: &str, row: &Row) -> Stored {
    Stored {
        partition: partition.to_owned(),
        sort: sort.to_owned(),
        kind: row.kind.to_owned(),
        version: row.version,
        body: row.body.clone(),
    }
}

fn holds(rows: &Rows, write: &Write) -> bool {
    let (Write::Put { expect, .. } | Write::Delete { expect, .. }) = write;
    let version = rows.get(&place(write.key())).map(|row| row.version);
    match expect {
        Expect::Absent | Expect::AbsentThen(_) => version.is_none(),
        Expect::Version(expected) => version == Some(*expected),
        Expect::Anything => true,
    }
}

fn apply(rows: &mut Rows, write: Write) {
    match write {
        Write::Put { item, expect } => {
            let Item {
                key,
                kind,
                body,
                due,
                listing,
            } = item;
            let place = place(&key);
            let version = match (rows.remove(&place), expect) {
                (Some(row), _) => row.version + 1,
                (None, Expect::AbsentThen(first)) => first,
                (None, Expect::Absent | Expect::Version(_) | Expect::Anything) => 1,
            };
            let row = Row {
                kind,
                version,
                body,
                due,
                listing,
            };
            rows.insert(place, row);
        }
        Write::Delete { key, .. } => {
            rows.remove(&place(&key));
        }
    }
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
