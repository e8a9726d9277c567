//! The state table in memory.

use std::collections::{BTreeMap, BTreeSet};
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

/// Keeps items in an ordered map.
#[derive(Debug, Default)]
pub struct MemoryStore {
    rows: Mutex<Rows>,
    faults: Arc<Faults>,
}

type Rows = BTreeMap<(String, String), Row>;

#[derive(Debug, Clone)]
struct Row {
    kind: String,
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
        let rows = lock(&self.rows);
        rows.iter().map(|(place, row)| stored(place, row)).collect()
    }

    /// Lists every record of one kind, by key.
    ///
    /// # Panics
    /// When one of them cannot be read.
    pub fn all<R: Record>(&self) -> Vec<R> {
        let items = self.items().into_iter().filter(|item| item.kind == R::KIND);
        items
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
        let from = (partition.to_owned(), prefix.to_owned());
        Ok(rows
            .range(from..)
            .take_while(|((part, sort), _)| part == partition && sort.starts_with(prefix))
            .filter(|((_, sort), _)| after.is_none_or(|after| sort.as_str() > after))
            .take(limit)
            .map(|(place, row)| stored(place, row))
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
        let mut due: Vec<_> = rows
            .iter()
            .filter_map(|(place, row)| Some((row.due.filter(|due| *due <= until)?, place, row)))
            .collect();
        due.sort_by_key(|(due, place, _)| (*due, *place));
        Ok(due
            .into_iter()
            .take(limit)
            .map(|(_, place, row)| stored(place, row))
            .collect())
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
        let mut runs: Vec<_> = rows
            .iter()
            .filter_map(|(place, row)| {
                let listing = row.listing.as_ref()?;
                let date = listing.logical_date;
                let wanted = listing.workflow == *workflow && from <= date && date <= to;
                wanted.then_some((date, place, row))
            })
            .collect();
        runs.sort_by(|(date, place, _), (other, elsewhere, _)| {
            (other, elsewhere).cmp(&(date, place))
        });
        Ok(runs
            .into_iter()
            .take(limit)
            .map(|(_, place, row)| stored(place, row))
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
        let keys: BTreeSet<&Key> = writes.iter().map(Write::key).collect();
        (keys.len() < writes.len()).then(|| "two writes to one key in one commit".into())
    };
    reason.map_or(Ok(()), |reason| Err(StoreError::Unavailable { reason }))
}

fn place(key: &Key) -> (String, String) {
    (key.partition(), key.sort())
}

fn stored_at(rows: &Rows, place: &(String, String)) -> Option<Stored> {
    rows.get(place).map(|row| stored(place, row))
}

fn stored((partition, sort): &(String, String), row: &Row) -> Stored {
    Stored {
        partition: partition.clone(),
        sort: sort.clone(),
        kind: row.kind.clone(),
        version: row.version,
        body: row.body.clone(),
    }
}

fn holds(rows: &Rows, write: &Write) -> bool {
    let (Write::Put { expect, .. } | Write::Delete { expect, .. }) = write;
    let version = rows.get(&place(write.key())).map(|row| row.version);
    match expect {
        Expect::Absent => version.is_none(),
        Expect::Version(expected) => version == Some(*expected),
        Expect::Anything => true,
    }
}

fn apply(rows: &mut Rows, write: Write) {
    match write {
        Write::Put { item, .. } => {
            let Item {
                key,
                kind,
                body,
                due,
                listing,
            } = item;
            let place = place(&key);
            let version = rows.get(&place).map_or(0, |row| row.version) + 1;
            let row = Row {
                kind: kind.into(),
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
