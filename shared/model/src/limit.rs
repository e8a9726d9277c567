//! Limits: one mechanism for pools, quotas, active runs and open steps (rule 15).
//!
//! A place is an item taken by a conditional put and held by a named attempt or run. Work that
//! finds none leaves a waiter; who frees places releases waiters.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cluster::InstanceKey;
use crate::id::{OperationId, RunId};
use crate::key::{Key, WaiterOrder};
use crate::message::{Function, Message};
use crate::name::{ClusterRef, NameError, PoolRef, TeamName, WorkflowRef};
use crate::record::Record;
use crate::text::written_as_text;

/// Names a limit; written as a path, such as `pool/weather/light`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LimitRef {
    /// Tasks of a pool.
    Pool(PoolRef),
    /// Running tasks of a team.
    TeamTasks(TeamName),
    /// Active runs of a team.
    TeamRuns(TeamName),
    /// Active runs of a workflow.
    WorkflowRuns(WorkflowRef),
    /// Active runs of a backfill.
    Backfill(OperationId),
    /// Open steps of an instance.
    Steps(InstanceKey),
}

impl fmt::Display for LimitRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name): (&str, &dyn fmt::Display) = match self {
            Self::Pool(pool) => ("pool/", pool),
            Self::TeamTasks(team) => ("team-tasks/", team),
            Self::TeamRuns(team) => ("team-runs/", team),
            Self::WorkflowRuns(workflow) => ("workflow-runs/", workflow),
            Self::Backfill(operation) => ("backfill/", operation),
            Self::Steps(instance) => ("steps/", instance),
        };
        f.write_str(kind)?;
        name.fmt(f)
    }
}

/// Says that a text names no limit or queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` names no limit")]
pub struct NotALimit {
    pub text: String,
    #[source]
    pub cause: Option<NameError>,
}

impl FromStr for LimitRef {
    type Err = NotALimit;

    fn from_str(text: &str) -> Result<Self, NotALimit> {
        let wrong = |cause| NotALimit {
            text: text.into(),
            cause,
        };
        let (kind, rest) = text.split_once('/').ok_or_else(|| wrong(None))?;
        let named = |cause: NameError| wrong(Some(cause));
        match kind {
            "pool" => rest.parse().map(Self::Pool).map_err(named),
            "team-tasks" => rest.parse().map(Self::TeamTasks).map_err(named),
            "team-runs" => rest.parse().map(Self::TeamRuns).map_err(named),
            "workflow-runs" => rest.parse().map(Self::WorkflowRuns).map_err(named),
            "backfill" => Ok(Self::Backfill(rest.into())),
            "steps" => rest.parse().map(Self::Steps).map_err(|_| wrong(None)),
            _ => Err(wrong(None)),
        }
    }
}

written_as_text!(LimitRef);

/// A limit with how many places it has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SizedLimit {
    pub limit: LimitRef,
    pub size: u32,
}

/// A place that is held; of open steps, the lot that has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PlaceRef {
    pub limit: LimitRef,
    pub number: u32,
}

/// A place's item; there is none while the place is free.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Place {
    pub limit: LimitRef,
    pub number: u32,
    /// An attempt key or a run id.
    pub holder: String,
    /// Of the claim by which an attempt took it: a submitter with a lower one is refused. Of a run,
    /// the version of its item.
    #[serde(default)]
    pub epoch: u64,
    pub since: Timestamp,
    /// When the attempt's time-out is reached, for open steps of an instance, whose places are
    /// stored as a [`Lot`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_at: Option<Timestamp>,
    /// From when the holder is suspect: reconcile then asks for proof that it has ended. Absent
    /// for open steps, which are looked at with their instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
}

/// Places of an instance's open steps, several in one item: steps are submitted together, and an
/// item each would be half of all writes. Nobody removes a holder when it ends: a place is free
/// once its holder's task says that the attempt has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lot {
    pub limit: LimitRef,
    pub number: u32,
    /// Attempt keys, at most [`LOT_PLACES`], each with the epoch of the claim it sits by.
    pub holders: BTreeMap<String, u64>,
    /// When a place was last taken.
    pub since: Timestamp,
    /// When a holder's time-out is reached, of those that have one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub timeouts: BTreeMap<String, Timestamp>,
}

/// How many places a lot has: as many as one batch submits, and as their keys fit a kilobyte.
pub const LOT_PLACES: u32 = 10;

/// Names what waiters wait for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueRef {
    /// A free place of a limit.
    Limit(LimitRef),
    /// A ready instance, with a free place, of a named cluster.
    Cluster(ClusterRef),
    /// A ready instance, with a free place, of any cluster of the team with these tags.
    Tagged(TeamName, BTreeMap<String, String>),
    /// The run is resumed.
    Resumed(RunId),
}

impl fmt::Display for QueueRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit(limit) => write!(f, "limit/{limit}"),
            Self::Cluster(cluster) => write!(f, "cluster/{cluster}"),
            Self::Tagged(team, tags) => {
                write!(f, "tagged/{team}/")?;
                for (position, (key, value)) in tags.iter().enumerate() {
                    let comma = if position == 0 { "" } else { "," };
                    write!(f, "{comma}{key}={value}")?;
                }
                Ok(())
            }
            Self::Resumed(run) => write!(f, "resumed/{run}"),
        }
    }
}

/// A waiter's item: the message that is sent again when it is released.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Waiter {
    pub queue: QueueRef,
    /// An attempt key or a run id.
    pub holder: String,
    pub priority: i32,
    pub since: Timestamp,
    pub inbox: Function,
    pub message: Box<Message>,
}

impl Record for Place {
    const KIND: &'static str = "place";
    fn key(&self) -> Key {
        Key::Place(self.limit.clone(), self.number)
    }
    fn due(&self) -> Option<Timestamp> {
        self.due_at
    }
}

impl Record for Lot {
    const KIND: &'static str = "lot";
    fn key(&self) -> Key {
        Key::Lot(self.limit.clone(), self.number)
    }
}

impl Record for Waiter {
    const KIND: &'static str = "waiter";
    fn key(&self) -> Key {
        Key::Waiter(
            self.queue.clone(),
            WaiterOrder {
                priority: self.priority,
                since: self.since,
                holder: self.holder.clone(),
            },
        )
    }
}
