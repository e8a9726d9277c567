//! The state table in SQLite.
//!
//! Conditions are checked before anything is written, so a commit that conflicts leaves the open
//! group as it was. Knows keys and versions, not records.

use std::cell::Cell;
use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;

use model::Timestamp;
use model::join::{Arrival, Join, JoinKey};
use model::key::Key;
use model::name::WorkflowRef;
use model::record::Record as _;
use ports::{CommitError, Expect, Item, StateStore, StoreError, Stored, Versioned, Write};
use rusqlite::{Row, params};

use crate::database::{Database, Failure};

/// The most writes one commit takes, as in DynamoDB.
const MAX_WRITES: usize = 100;

/// Keeps items in a table of the data folder's database.
#[derive(Debug, Clone)]
pub struct SqliteStateStore {
    database: Rc<Database>,
    /// Something about what is registered was written.
    registered: Rc<Cell<bool>>,
}

impl SqliteStateStore {
    /// Uses an open database.
    pub(crate) fn new(database: Rc<Database>) -> Self {
        Self {
            database,
            registered: Rc::default(),
        }
    }

    /// Says that pointers to definitions may have been written, by another process.
    pub(crate) fn set_registered(&self) {
        self.registered.set(true);
    }

    /// Whether pointers to definitions were written since the last call.
    pub(crate) fn take_registered(&self) -> bool {
        self.registered.take()
    }

    fn load(&self, key: &Key) -> Result<Option<Stored>, Failure> {
        self.database.counters().items_read.add(1);
        let sql = "SELECT partition, sort, kind, version, body FROM items
                   WHERE partition = ?1 AND sort = ?2";
        self.database
            .query_row(sql, [key.partition(), key.sort()], stored)
    }

    fn holds(&self, place: &Place, expect: Expect) -> Result<bool, Failure> {
        let sql = "SELECT version FROM items WHERE partition = ?1 AND sort = ?2";
        let version = || {
            let read = |row: &Row<'_>| row.get::<_, i64>(0);
            self.database
                .query_row(sql, params![place.partition, place.sort], read)
        };
        Ok(match expect {
            Expect::Anything => true,
            Expect::Absent | Expect::AbsentThen(_) => version()?.is_none(),
            Expect::Version(expected) => version()? == i64::try_from(expected).ok(),
        })
    }

    /// Makes one write if its expectation holds; says whether it did.
    fn write_if(&self, place: &Place, write: Write) -> Result<bool, Failure> {
        match write {
            Write::Put { item, expect } => self.put_if(place, &item, expect),
            Write::Delete { expect, .. } => self.delete_if(place, expect),
        }
    }

    fn put_if(&self, place: &Place, item: &Item, expect: Expect) -> Result<bool, Failure> {
        let counters = self.database.counters();
        let due_ms = item.due.map(Timestamp::as_millisecond);
        let listed = item.listing.as_ref();
        let workflow = listed.map(|listing| listing.workflow.to_string());
        let listing_ms = listed.map(|listing| listing.logical_date.as_millisecond());
        let (partition, sort) = (&place.partition, &place.sort);
        let changed = match expect {
            Expect::Absent | Expect::AbsentThen(_) => self.database.execute(
                "INSERT INTO items
                 (partition, sort, kind, version, body, due_ms, listing_workflow, listing_ms)
                 VALUES (?1, ?2, ?3, ?8, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
                params![
                    partition,
                    sort,
                    item.kind,
                    item.body.as_str(),
                    due_ms,
                    workflow,
                    listing_ms,
                    i64::try_from(first_version(expect)).unwrap_or(1)
                ],
            )?,
            Expect::Version(version) => self.database.execute(
                "UPDATE items SET kind = ?3, version = version + 1, body = ?4, due_ms = ?5,
                 listing_workflow = ?6, listing_ms = ?7
                 WHERE partition = ?1 AND sort = ?2 AND version = ?8",
                params![
                    partition,
                    sort,
                    item.kind,
                    item.body.as_str(),
                    due_ms,
                    workflow,
                    listing_ms,
                    i64::try_from(version).unwrap_or(-1)
                ],
            )?,
            Expect::Anything => self.database.execute(
                "INSERT INTO items
                 (partition, sort, kind, version, body, due_ms, listing_workflow, listing_ms)
                 VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7)
                 ON CONFLICT (partition, sort) DO UPDATE SET
                 kind = excluded.kind, version = version + 1, body = excluded.body,
                 due_ms = excluded.due_ms, listing_workflow = excluded.listing_workflow,
                 listing_ms = excluded.listing_ms",
                params![
                    partition,
                    sort,
                    item.kind,
                    item.body.as_str(),
                    due_ms,
                    workflow,
                    listing_ms
                ],
            )?,
        };
        counters.items_written.add(changed);
        counters.body_bytes.add(changed * item.body.len());
        Ok(changed == 1)
    }

    fn delete_if(&self, place: &Place, expect: Expect) -> Result<bool, Failure> {
        let (partition, sort) = (&place.partition, &place.sort);
        let deleted = match expect {
            Expect::Absent | Expect::AbsentThen(_) => return self.holds(place, expect),
            Expect::Version(version) => self.database.execute(
                "DELETE FROM items WHERE partition = ?1 AND sort = ?2 AND version = ?3",
                params![partition, sort, i64::try_from(version).unwrap_or(-1)],
            )?,
            Expect::Anything => self.database.execute(
                "DELETE FROM items WHERE partition = ?1 AND sort = ?2",
                params![partition, sort],
            )?,
        };
        self.database.counters().items_written.add(deleted);
        Ok(deleted == 1 || expect == Expect::Anything)
    }

    fn write_all(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        if writes
            .iter()
            .any(|write| points_to_definitions(write.key()))
        {
            self.registered.set(true);
        }
        let places: Vec<Place> = writes.iter().map(|write| Place::of(write.key())).collect();
        check_shape(&places)?;
        if places.len() > 1 {
            for (place, write) in places.iter().zip(&writes) {
                let (Write::Put { expect, .. } | Write::Delete { expect, .. }) = write;
                if !self.holds(place, *expect)? {
                    return Err(CommitError::Conflict);
                }
            }
        }
        for (place, write) in places.iter().zip(writes) {
            if !self.write_if(place, write)? {
                return Err(CommitError::Conflict);
            }
        }
        Ok(())
    }
}

impl StateStore for SqliteStateStore {
    async fn read(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        Ok(self.load(key)?)
    }

    async fn read_many(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError> {
        Ok(keys
            .iter()
            .map(|key| self.load(key))
            .collect::<Result<_, _>>()?)
    }

    async fn scan(
        &self,
        partition: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Stored>, StoreError> {
        self.database.counters().scans.add(1);
        let sql = "SELECT partition, sort, kind, version, body FROM items
                   WHERE partition = ?1 AND sort >= ?2 AND sort < ?3 AND sort > ?4
                   ORDER BY sort LIMIT ?5";
        // No key holds the last character there is.
        let end = format!("{prefix}{}", char::MAX);
        let params = params![partition, prefix, end, after.unwrap_or(""), limited(limit)];
        Ok(self.database.query(sql, params, stored)?)
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        let counters = self.database.counters();
        counters.store_commits.add(1);
        let result = self.database.write(|| self.write_all(writes));
        if matches!(result, Err(CommitError::Conflict)) {
            counters.conflicts.add(1);
        }
        result
    }

    async fn arrive(
        &self,
        key: &JoinKey,
        arrivals: &BTreeSet<Arrival>,
    ) -> Result<Versioned<Join>, StoreError> {
        self.database.counters().store_commits.add(1);
        let place_key = Key::Join(key.clone());
        self.database.write(|| {
            let (mut join, expect) = match self.load(&place_key)? {
                Some(stored) => (
                    stored.read::<Join>()?.value,
                    Expect::Version(stored.version),
                ),
                None => (Join::empty(key.clone()), Expect::Absent),
            };
            let version = match expect {
                Expect::Version(version) => version + 1,
                Expect::Absent | Expect::AbsentThen(_) | Expect::Anything => 1,
            };
            join.arrivals.extend(arrivals.iter().cloned());
            let write = Write::put(&join, expect);
            let held = self.write_if(&Place::of(&join.key()), write)?;
            debug_assert!(
                held,
                "nothing comes between a read and a write of one group"
            );
            Ok(Versioned {
                value: join,
                version,
            })
        })
    }

    async fn due(&self, until: Timestamp, limit: usize) -> Result<Vec<Stored>, StoreError> {
        self.database.counters().scans.add(1);
        let sql = "SELECT partition, sort, kind, version, body FROM items
                   WHERE due_ms <= ?1 ORDER BY due_ms, partition, sort LIMIT ?2";
        let params = params![until.as_millisecond(), limited(limit)];
        Ok(self.database.query(sql, params, stored)?)
    }

    async fn runs_of(
        &self,
        workflow: &WorkflowRef,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Stored>, StoreError> {
        self.database.counters().scans.add(1);
        let sql = "SELECT partition, sort, kind, version, body FROM items
                   WHERE listing_workflow = ?1 AND listing_ms BETWEEN ?2 AND ?3
                   ORDER BY listing_ms DESC, partition DESC LIMIT ?4";
        let (from, to) = (from.as_millisecond(), to.as_millisecond());
        let params = params![workflow.to_string(), from, to, limited(limit)];
        Ok(self.database.query(sql, params, stored)?)
    }
}

/// Whether a key says which definitions are current.
fn points_to_definitions(key: &Key) -> bool {
    matches!(
        key,
        Key::Deployment | Key::Catalogue(_) | Key::CurrentWorkflow(_) | Key::CurrentCluster(_)
    )
}

/// A key's place in the table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Place {
    partition: String,
    sort: String,
}

impl Place {
    fn of(key: &Key) -> Self {
        Self {
            partition: key.partition(),
            sort: key.sort(),
        }
    }
}

/// Refuses what DynamoDB would refuse, too.
fn check_shape(places: &[Place]) -> Result<(), StoreError> {
    let refuse = |reason| Err(StoreError::Unavailable { reason });
    if places.len() > MAX_WRITES {
        let count = places.len();
        return refuse(format!(
            "{count} writes in one commit, at most {MAX_WRITES} are possible"
        ));
    }
    let distinct: HashSet<&Place> = places.iter().collect();
    if distinct.len() < places.len() {
        return refuse("two writes to one key in one commit".into());
    }
    Ok(())
}

/// The version an item begins at.
fn first_version(expect: Expect) -> u64 {
    match expect {
        Expect::AbsentThen(first) => first,
        Expect::Absent | Expect::Version(_) | Expect::Anything => 1,
    }
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        partition: row.get(0)?,
        sort: row.get(1)?,
        kind: row.get::<_, String>(2)?.into(),
        version: row.get::<_, i64>(3)?.unsigned_abs(),
        body: row.get::<_, String>(4)?.into(),
    })
}

fn limited(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use testkit::block_on;

    use super::*;
    use crate::database::Durability;
    use crate::guest::Guest;
    use crate::{Data, Options, Reader};

    fn engine_store(folder: &Path) -> SqliteStateStore {
        let database = Database::open_engine(folder, Durability::Process).unwrap();
        SqliteStateStore::new(Rc::new(database))
    }

    #[test]
    fn the_engines_store_keeps_the_contract() {
        let folder = tempfile::tempdir().unwrap();
        let mut stores = 0..;
        let stores = std::cell::RefCell::new(&mut stores);
        block_on(testkit::contract::store::all(async || {
            let own = folder
                .path()
                .join(stores.borrow_mut().next().unwrap().to_string());
            std::fs::create_dir(&own).unwrap();
            engine_store(&own)
        }));
    }

    #[test]
    fn a_guests_store_keeps_the_contract_and_commits_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut stores = 0..;
        let stores = std::cell::RefCell::new(&mut stores);
        block_on(testkit::contract::store::all(async || {
            let own = folder
                .path()
                .join(stores.borrow_mut().next().unwrap().to_string());
            drop(Data::open(&own, Options::default()).unwrap());
            Guest::open(&own).unwrap().store().clone()
        }));
    }

    #[test]
    fn a_reader_sees_only_what_is_committed_and_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = engine_store(folder.path());
        let key = Key::Operation("a".into());
        let body = "{}".into();
        let item = Item {
            key: key.clone(),
            kind: "thing",
            body,
            due: None,
            listing: None,
        };
        let write = Write::Put {
            item,
            expect: Expect::Absent,
        };
        block_on(store.commit(vec![write.clone()])).unwrap();
        let reader = Reader::open(folder.path()).unwrap();
        assert_eq!(block_on(reader.store().read(&key)).unwrap(), None);
        store.database.commit().unwrap();
        assert!(block_on(reader.store().read(&key)).unwrap().is_some());
        let refused = block_on(reader.store().commit(vec![write])).unwrap_err();
        assert!(
            refused.to_string().contains("for reading only"),
            "{refused}"
        );
    }

    #[test]
    fn a_conflict_leaves_the_rest_of_the_group_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = engine_store(folder.path());
        let put = |name: &str| {
            let key = Key::Operation(name.into());
            let item = Item {
                key,
                kind: "thing",
                body: "{}".into(),
                due: None,
                listing: None,
            };
            Write::Put {
                item,
                expect: Expect::Absent,
            }
        };
        block_on(store.commit(vec![put("a")])).unwrap();
        let conflict = block_on(store.commit(vec![put("b"), put("a")]));
        assert!(matches!(conflict, Err(CommitError::Conflict)));
        store.database.commit().unwrap();
        drop(store);
        let store = engine_store(folder.path());
        let there = |name: &str| {
            let key = Key::Operation(name.into());
            block_on(store.read(&key)).unwrap().is_some()
        };
        assert_eq!([there("a"), there("b")], [true, false]);
    }
}
