//! A join: where the outcomes of upstreams meet (rule 7).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::definition::TriggerRule;
use crate::id::RunId;
use crate::key::Key;
use crate::record::Record;

/// Names one node of one join of a run's plan, in one generation. A join of at most 100 upstreams
/// is a single node, level 0 and index 0; wider ones are trees whose root has the highest level.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JoinKey {
    pub run: RunId,
    pub generation: u32,
    pub join: u32,
    pub level: u8,
    pub index: u32,
}

/// One upstream's word at a join node: its position there and what it says, as compact text, so
/// that a hundred of them stay within one kilobyte.
///
/// `17s` succeeded, `17f` failed, `17b` blocked, `17k` skipped. A child node of a tree says several
/// letters at once when all below it have arrived, and `17S` or `17F` before that, when a first
/// success or failure was seen and some consumer starts early.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Arrival(pub String);

impl fmt::Display for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A join node's item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Join {
    #[serde(flatten)]
    pub key: JoinKey,
    /// A set: adding twice changes nothing.
    pub arrivals: BTreeSet<Arrival>,
    /// Which arrival met each threshold; only its duplicate publishes again (rule 3).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub closed: BTreeMap<Threshold, Arrival>,
}

impl Join {
    /// A node nobody has arrived at.
    pub fn empty(key: JoinKey) -> Self {
        Self {
            key,
            arrivals: BTreeSet::new(),
            closed: BTreeMap::new(),
        }
    }
}

/// What can be met at a node, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// The consumers with this trigger rule were decided.
    AllSucceeded,
    AllDone,
    AnyFailed,
    AnySucceeded,
    NoneFailed,
    /// A tree node told its parent that a first success was seen.
    SawSuccess,
    /// A tree node told its parent that a first failure was seen.
    SawFailure,
    /// A tree node told its parent that all below have arrived.
    Complete,
    /// The end join: the run has ended.
    End,
}

impl From<TriggerRule> for Threshold {
    fn from(rule: TriggerRule) -> Self {
        match rule {
            TriggerRule::AllSucceeded => Self::AllSucceeded,
            TriggerRule::AllDone => Self::AllDone,
            TriggerRule::AnyFailed => Self::AnyFailed,
            TriggerRule::AnySucceeded => Self::AnySucceeded,
            TriggerRule::NoneFailed => Self::NoneFailed,
        }
    }
}

impl Record for Join {
    const KIND: &'static str = "join";
    fn key(&self) -> Key {
        Key::Join(self.key.clone())
    }
}
