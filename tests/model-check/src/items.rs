//! The state table of the model: rows that are cheap to copy and to tell apart.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Bound;
use std::sync::Arc;

use model::Timestamp;
use model::join::{Arrival, Join, JoinKey};
use model::key::Key;
use model::limit::Waiter;
use model::record::Record;
use ports::{Expect, Item, Stored, Versioned, Write};

/// A stored row.
#[derive(Debug)]
pub struct Row {
    pub stored: Stored,
    pub due: Option<Timestamp>,
    /// Its attribute `state`, which properties ask for all the time.
    pub state: Option<String>,
    fingerprint: u64,
}

impl Row {
    fn new(stored: Stored, due: Option<Timestamp>) -> Self {
        // The first attribute of that name is the item's own: what it holds comes after.
        let state = stored
            .body
            .split_once(r#""state":""#)
            .and_then(|(_, rest)| {
                let (state, _) = rest.split_once('"')?;
                (stored.kind != Waiter::KIND).then(|| state.to_owned())
            });
        Self {
            state,
            fingerprint: fingerprint(&(stored.version, &stored.body)),
            stored,
            due,
        }
    }
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl Eq for Row {}

impl Hash for Row {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.fingerprint.hash(state);
    }
}

/// A key, written down once for those who ask often.
#[derive(Debug, Clone)]
pub struct Address(Arc<str>);

impl From<&Key> for Address {
    fn from(key: &Key) -> Self {
        Self(address(&key.partition(), &key.sort()).into())
    }
}

/// Hashes anything to a number that stands for it.
pub fn fingerprint(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Every row by partition and sort key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Items(BTreeMap<Arc<str>, Arc<Row>>);

impl Items {
    /// Puts a record there.
    pub fn seed<R: Record>(&mut self, record: &R) {
        self.apply(Write::put(record, Expect::Anything));
    }

    /// Shows a record as another, at the same version.
    pub fn disguise<R: Record>(&mut self, key: &Key, record: &R) {
        if let Some(row) = self.find(key) {
            let mut stored = row.stored.clone();
            let body = serde_json::to_string(record).expect("records are plain data");
            stored.body = body.into();
            let row = Row::new(stored, row.due);
            let address = address(&key.partition(), &key.sort()).into();
            self.0.insert(address, Arc::new(row));
        }
    }

    /// Finds one row.
    pub fn find(&self, key: &Key) -> Option<&Arc<Row>> {
        self.0.get(address(&key.partition(), &key.sort()).as_str())
    }

    /// Reads a record.
    ///
    /// # Panics
    /// When what is there is of another kind.
    pub fn get<R: Record>(&self, key: &Key) -> Option<R> {
        let row = self.find(key)?;
        let read = row.stored.read::<R>();
        Some(read.unwrap_or_else(|error| panic!("{error}")).value)
    }

    /// The state of the item at an address.
    pub fn state(&self, address: &Address) -> Option<&str> {
        self.0.get(&*address.0)?.state.as_deref()
    }

    /// The rows of a kind.
    pub fn of_kind(&self, kind: &'static str) -> impl Iterator<Item = &Row> {
        let rows = self.0.values().map(|row| &**row);
        rows.filter(move |row| row.stored.kind == kind)
    }

    /// Reads all records of a kind.
    ///
    /// # Panics
    /// When one of them cannot be read.
    pub fn all<R: Record>(&self) -> Vec<R> {
        let rows = self.0.values().filter(|row| row.stored.kind == R::KIND);
        rows.map(|row| {
            let read = row.stored.read::<R>();
            read.unwrap_or_else(|error| panic!("{error}")).value
        })
        .collect()
    }

    /// The rows of a partition under a prefix.
    pub fn scan(
        &self,
        partition: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<Arc<Row>> {
        let from = address(partition, prefix);
        let rows = self
            .0
            .range::<str, _>((Bound::Included(from.as_str()), Bound::Unbounded));
        rows.take_while(|(address, _)| address.starts_with(&from))
            .map(|(_, row)| row)
            .filter(|row| after.is_none_or(|after| &*row.stored.sort > after))
            .take(limit)
            .cloned()
            .collect()
    }

    /// The rows that are due, longest due first.
    pub fn due(&self, until: Timestamp, limit: usize) -> Vec<Arc<Row>> {
        let mut due: Vec<_> = self
            .0
            .values()
            .filter(|row| row.due.is_some_and(|due| due <= until))
            .cloned()
            .collect();
        due.sort_by(|one, other| (one.due, &one.stored.sort).cmp(&(other.due, &other.stored.sort)));
        due.truncate(limit);
        due
    }

    /// Makes all writes or none; `checked` says whether expectations count.
    pub fn commit(&mut self, writes: Vec<Write>, checked: bool) -> bool {
        if checked && !writes.iter().all(|write| self.holds(write)) {
            return false;
        }
        for write in writes {
            self.apply(write);
        }
        true
    }

    /// Adds arrivals to a join node; `spelled` says how each is written.
    ///
    /// # Panics
    /// When what is there is no join.
    pub fn arrive(
        &mut self,
        key: &JoinKey,
        arrivals: impl IntoIterator<Item = Arrival>,
        spelled: impl Fn(Arrival, u64) -> Arrival,
    ) -> Versioned<Join> {
        let at = Key::Join(key.clone());
        let version = self.find(&at).map_or(0, |row| row.stored.version);
        let mut join = self
            .get::<Join>(&at)
            .unwrap_or_else(|| Join::empty(key.clone()));
        let arrivals = arrivals.into_iter().map(|word| spelled(word, version));
        join.arrivals.extend(arrivals);
        self.seed(&join);
        Versioned {
            value: join,
            version: version + 1,
        }
    }

    fn holds(&self, write: &Write) -> bool {
        let (Write::Put { expect, .. } | Write::Delete { expect, .. }) = write;
        let version = self.find(write.key()).map(|row| row.stored.version);
        match expect {
            Expect::Absent | Expect::AbsentThen(_) => version.is_none(),
            Expect::Version(expected) => version == Some(*expected),
            Expect::Anything => true,
        }
    }

    fn apply(&mut self, write: Write) {
        match write {
            Write::Put { item, expect } => {
                let Item {
                    key,
                    kind,
                    body,
                    due,
                    listing: _,
                } = item;
                let before = self.find(&key).map(|row| row.stored.version);
                let version = match (before, expect) {
                    (Some(before), _) => before + 1,
                    (None, Expect::AbsentThen(first)) => first,
                    (None, Expect::Absent | Expect::Version(_) | Expect::Anything) => 1,
                };
                let stored = Stored {
                    partition: key.partition().into(),
                    sort: key.sort().into(),
                    kind: kind.into(),
                    version,
                    body,
                };
                let address = address(&stored.partition, &stored.sort).into();
                self.0.insert(address, Arc::new(Row::new(stored, due)));
            }
            Write::Delete { key, .. } => {
                let address = address(&key.partition(), &key.sort());
                self.0.remove(address.as_str());
            }
        }
    }
}

fn address(partition: &str, sort: &str) -> String {
    format!("{partition}\0{sort}")
}
