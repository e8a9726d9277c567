//! The rows of the state table in memory, in order, and the indexes beside them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use model::Timestamp;
use model::key::Key;
use model::name::WorkflowRef;
use model::record::Listing;
use ports::{Body, Expect, Item, Stored, Write};

/// Every row.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub partitions: HashMap<Arc<str>, SortedRows>,
    pub due: BTreeSet<(Timestamp, Place)>,
    pub listed: HashMap<WorkflowRef, BTreeSet<(Timestamp, Place)>>,
}

pub(super) type SortedRows = BTreeMap<Arc<str>, Row>;

/// Partition and sort key of a row that is there.
type Place = (Arc<str>, Arc<str>);

/// A row without its key.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub kind: &'static str,
    pub version: u64,
    body: Body,
    due: Option<Timestamp>,
    listing: Option<Listing>,
}

impl Row {
    /// The row as it is read.
    pub fn stored(&self, partition: &Arc<str>, sort: &Arc<str>) -> Stored {
        Stored {
            partition: Arc::clone(partition),
            sort: Arc::clone(sort),
            kind: self.kind.into(),
            version: self.version,
            body: self.body.clone(),
        }
    }
}

/// A key, written down once for those who ask several times.
pub(super) struct Address {
    partition: String,
    sort: String,
}

impl From<&Key> for Address {
    fn from(key: &Key) -> Self {
        Self {
            partition: key.partition(),
            sort: key.sort(),
        }
    }
}

impl Rows {
    /// The row at an address, with its place.
    fn entry(&self, at: &Address) -> Option<(&Arc<str>, &Arc<str>, &Row)> {
        let (partition, sorted) = self.partitions.get_key_value(at.partition.as_str())?;
        let (sort, row) = sorted.get_key_value(at.sort.as_str())?;
        Some((partition, sort, row))
    }

    /// The version at an address.
    pub fn version(&self, at: &Address) -> Option<u64> {
        self.entry(at).map(|(_, _, row)| row.version)
    }

    /// What is at an address.
    pub fn at(&self, at: &Address) -> Option<Stored> {
        self.entry(at)
            .map(|(partition, sort, row)| row.stored(partition, sort))
    }

    /// What an index names.
    pub fn indexed(&self, (partition, sort): &Place) -> Option<Stored> {
        let row = self.partitions.get(partition)?.get(sort)?;
        Some(row.stored(partition, sort))
    }

    /// Whether a write's expectation holds of what is there.
    pub fn allow(&self, at: &Address, write: &Write) -> bool {
        let (Write::Put { expect, .. } | Write::Delete { expect, .. }) = write;
        match expect {
            Expect::Absent | Expect::AbsentThen(_) => self.version(at).is_none(),
            Expect::Version(expected) => self.version(at) == Some(*expected),
            Expect::Anything => true,
        }
    }

    /// Makes a write.
    pub fn apply(&mut self, at: &Address, write: Write) {
        match write {
            Write::Put { item, expect } => self.put(at, item, expect),
            Write::Delete { .. } => self.remove(at),
        }
    }

    fn put(&mut self, at: &Address, item: Item, expect: Expect) {
        let there = self.entry(at).map(|(partition, sort, row)| {
            let place = (Arc::clone(partition), Arc::clone(sort));
            (place, row.version)
        });
        let version = match (&there, expect) {
            (Some((_, before)), _) => before + 1,
            (None, Expect::AbsentThen(first)) => first,
            (None, Expect::Absent | Expect::Version(_) | Expect::Anything) => 1,
        };
        let row = Row {
            kind: item.kind,
            version,
            body: item.body,
            due: item.due,
            listing: item.listing,
        };
        let place = there.map_or_else(|| self.new_place(at), |(place, _)| place);
        self.list(&place, &row);
        let (due, listing) = (row.due, row.listing.clone());
        let sorted = self.partitions.entry(Arc::clone(&place.0)).or_default();
        if let Some(before) = sorted.insert(Arc::clone(&place.1), row)
            && (before.due, &before.listing) != (due, &listing)
        {
            self.unlist(&place, &before, due, listing.as_ref());
        }
    }

    fn new_place(&self, at: &Address) -> Place {
        let known = self.partitions.get_key_value(at.partition.as_str());
        let partition = known.map(|(partition, _)| Arc::clone(partition));
        let partition = partition.unwrap_or_else(|| at.partition.as_str().into());
        (partition, at.sort.as_str().into())
    }

    fn remove(&mut self, at: &Address) {
        let Some(sorted) = self.partitions.get_mut(at.partition.as_str()) else {
            return;
        };
        let Some((sort, row)) = sorted.remove_entry(at.sort.as_str()) else {
            return;
        };
        if sorted.is_empty() {
            self.partitions.remove(at.partition.as_str());
        }
        self.unlist(&(at.partition.as_str().into(), sort), &row, None, None);
    }

    /// Removes a whole partition.
    pub fn forget(&mut self, partition: &str) {
        let Some((partition, sorted)) = self.partitions.remove_entry(partition) else {
            return;
        };
        for (sort, row) in sorted {
            self.unlist(&(Arc::clone(&partition), sort), &row, None, None);
        }
    }

    /// Puts a row into the indexes.
    fn list(&mut self, place: &Place, row: &Row) {
        if let Some(due) = row.due {
            self.due.insert((due, place.clone()));
        }
        if let Some(listing) = &row.listing {
            let of_workflow = self.listed.entry(listing.workflow.clone()).or_default();
            of_workflow.insert((listing.logical_date, place.clone()));
        }
    }

    /// Takes a row out of the indexes, but for where its successor is.
    fn unlist(
        &mut self,
        place: &Place,
        row: &Row,
        due: Option<Timestamp>,
        listing: Option<&Listing>,
    ) {
        if let Some(before) = row.due.filter(|before| Some(*before) != due) {
            self.due.remove(&(before, place.clone()));
        }
        let at = |listing: &Listing| (listing.workflow.clone(), listing.logical_date);
        if let Some(before) = &row.listing
            && listing.map(at) != Some(at(before))
            && let Some(of_workflow) = self.listed.get_mut(&before.workflow)
        {
            of_workflow.remove(&(before.logical_date, place.clone()));
        }
    }
}
