//! What makes a type an item of the state table.

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::key::Key;
use crate::name::WorkflowRef;

/// An item: its attributes are the JSON of the value, top-level and readable.
pub trait Record: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The attribute `kind`, by which people filter.
    const KIND: &'static str;

    /// Where the item is stored.
    fn key(&self) -> Key;

    /// When reconcile wants to see it; puts it into the sparse index of what is due.
    fn due(&self) -> Option<Timestamp> {
        None
    }

    /// Puts it into the index of runs of a workflow by logical date, and among what failed.
    fn listing(&self) -> Option<Listing> {
        None
    }
}

/// A place in the index of runs of a workflow by logical date; and, for people, among the runs of
/// every workflow that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    pub workflow: WorkflowRef,
    pub logical_date: Timestamp,
    /// When it failed, if it did and is not due for anything.
    pub failed_at: Option<Timestamp>,
}
