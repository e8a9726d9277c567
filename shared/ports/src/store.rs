//! The state table: items under keys, conditional commits, two indexes.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use model::Timestamp;
use model::join::{Arrival, Join, JoinKey};
use model::key::Key;
use model::name::WorkflowRef;
use model::record::{Listing, Record};

use crate::body::Body;

/// Keeps items. Reads by key and partition are strongly consistent; glances and the indexes may
/// lag.
#[allow(async_fn_in_trait)] // handlers run on one thread; no bound is wanted
pub trait StateStore {
    /// Reads one item.
    async fn read(&self, key: &Key) -> Result<Option<Stored>, StoreError>;

    /// Reads several items, each at its place in the answer.
    async fn read_many(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError>;

    /// Reads one item, perhaps as it was a moment ago, for half the price on AWS: for decisions that
    /// a conditional write or a strongly consistent read then proves, and for what never changes
    /// back.
    async fn glance(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        self.read(key).await
    }

    /// Glances at several items, each at its place in the answer.
    async fn glance_many(&self, keys: &[Key]) -> Result<Vec<Option<Stored>>, StoreError> {
        self.read_many(keys).await
    }

    /// Reads the items of a partition whose sort key begins with `prefix` and is greater than
    /// `after`, in order, at most `limit` of them.
    async fn scan(
        &self,
        partition: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Stored>, StoreError>;

    /// Makes all writes or none; at most 100, each of another key. A conflict means that some
    /// expectation did not hold.
    async fn commit(&self, writes: Vec<Write>) -> Result<(), CommitError>;

    /// Adds arrivals to a join node's set, creating the node, and returns the node afterwards.
    /// Adding what is there changes nothing but the version.
    async fn arrive(
        &self,
        key: &JoinKey,
        arrivals: &BTreeSet<Arrival>,
    ) -> Result<Versioned<Join>, StoreError>;

    /// Reads items that are due at or before an instant, longest due first. An index: it may lag,
    /// so what matters is read again by key.
    async fn due(&self, until: Timestamp, limit: usize) -> Result<Vec<Stored>, StoreError>;

    /// Reads runs of a workflow with a logical date in `from ..= to`, newest first. An index.
    async fn runs_of(
        &self,
        workflow: &WorkflowRef,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Stored>, StoreError>;
}

/// An item as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub partition: Arc<str>,
    pub sort: Arc<str>,
    pub kind: Cow<'static, str>,
    /// 1 when created unless its writer chose another, one more with each write.
    pub version: u64,
    /// The attributes, as JSON.
    pub body: Body,
}

/// A value with the version it was read at.
#[derive(Debug, Clone, PartialEq)]
pub struct Versioned<R> {
    pub value: R,
    pub version: u64,
}

/// An item to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub key: Key,
    pub kind: &'static str,
    pub body: Body,
    pub due: Option<Timestamp>,
    pub listing: Option<Listing>,
}

/// A change to one key.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    Put { item: Item, expect: Expect },
    Delete { key: Key, expect: Expect },
}

/// What must hold of the key for the commit to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    Absent,
    /// Absent, too; the item then begins at this version instead of 1. For keys whose items come and
    /// go: who read a former item can then not change one that came since.
    AbsentThen(u64),
    Version(u64),
    /// Whatever is there is replaced.
    Anything,
}

/// The store did not answer, or answered with what cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the state store is unavailable: {reason}")]
    Unavailable { reason: String },
    #[error("item {partition} / {sort} cannot be read as {kind}")]
    Unreadable {
        partition: String,
        sort: String,
        kind: &'static str,
        #[source]
        source: serde_json::Error,
    },
}

/// A commit did not happen.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Somebody else was first: load and decide again.
    #[error("another write came first")]
    Conflict,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Stored {
    /// Reads the attributes as a record.
    pub fn read<R: Record>(&self) -> Result<Versioned<R>, StoreError> {
        let value = self.body.read().map_err(|source| StoreError::Unreadable {
            partition: self.partition.to_string(),
            sort: self.sort.to_string(),
            kind: R::KIND,
            source,
        })?;
        Ok(Versioned {
            value,
            version: self.version,
        })
    }
}

impl Write {
    /// Stores a record, whole.
    pub fn put<R: Record>(record: &R, expect: Expect) -> Self {
        let body = serde_json::to_string(record).expect("records are plain data with text keys");
        let item = Item {
            key: record.key(),
            kind: R::KIND,
            body: body.into(),
            due: record.due(),
            listing: record.listing(),
        };
        Self::Put { item, expect }
    }

    /// Stores a record that must not exist yet.
    pub fn create<R: Record>(record: &R) -> Self {
        Self::put(record, Expect::Absent)
    }

    /// Replaces the record that was read at this version; `None` was read as absent.
    pub fn replace<R: Record>(record: &R, read_at: Option<u64>) -> Self {
        Self::put(record, read_at.map_or(Expect::Absent, Expect::Version))
    }

    /// Removes a key.
    pub fn delete(key: Key, expect: Expect) -> Self {
        Self::Delete { key, expect }
    }

    /// The key that is written.
    pub fn key(&self) -> &Key {
        match self {
            Self::Put { item, .. } => &item.key,
            Self::Delete { key, .. } => key,
        }
    }
}

/// Typed reads over any store.
#[allow(async_fn_in_trait)] // handlers run on one thread; no bound is wanted
pub trait TypedStore: StateStore {
    /// Reads one record.
    async fn get<R: Record>(&self, key: &Key) -> Result<Option<Versioned<R>>, StoreError> {
        self.read(key)
            .await?
            .map(|stored| stored.read())
            .transpose()
    }

    /// Reads every record of a partition under a prefix, page by page.
    async fn list<R: Record>(
        &self,
        partition: &str,
        prefix: &str,
    ) -> Result<Vec<Versioned<R>>, StoreError> {
        const PAGE: usize = 500;
        let mut records = Vec::new();
        let mut after: Option<Arc<str>> = None;
        loop {
            let page = self.scan(partition, prefix, after.as_deref(), PAGE).await?;
            for stored in &page {
                records.push(stored.read()?);
            }
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(last.sort.clone()),
                _ => return Ok(records),
            }
        }
    }
}

impl<S: StateStore> TypedStore for S {}
