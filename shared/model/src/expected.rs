//! What should happen by when: expected slots of schedules and deadlines (rule 18).

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{RunId, Slot};
use crate::key::Key;
use crate::name::{ClusterRef, TaskName, WorkflowRef};
use crate::record::Record;
use crate::run::RunState;
use crate::text::written_as_text;

/// Names a schedule; written as a path, such as `workflow/weather/daily_report`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScheduleRef {
    /// Starts a workflow.
    Workflow(WorkflowRef),
    /// Not a schedule of ticks: the slots in which upstreams are expected to start a workflow that
    /// has a deadline.
    Upstreams(WorkflowRef),
    /// Provisions a cluster.
    Provision(ClusterRef),
    /// Terminates a cluster.
    Terminate(ClusterRef),
}

/// Says that a text names no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names no schedule: expected `workflow/…`, `upstreams/…`, `provision/…` or `terminate/…`, then `team/name`"
)]
pub struct NotASchedule(pub String);

impl fmt::Display for ScheduleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workflow(workflow) => write!(f, "workflow/{workflow}"),
            Self::Upstreams(workflow) => write!(f, "upstreams/{workflow}"),
            Self::Provision(cluster) => write!(f, "provision/{cluster}"),
            Self::Terminate(cluster) => write!(f, "terminate/{cluster}"),
        }
    }
}

impl FromStr for ScheduleRef {
    type Err = NotASchedule;

    fn from_str(text: &str) -> Result<Self, NotASchedule> {
        let wrong = || NotASchedule(text.into());
        let (kind, rest) = text.split_once('/').ok_or_else(wrong)?;
        match kind {
            "workflow" => rest.parse().map(Self::Workflow).map_err(|_| wrong()),
            "upstreams" => rest.parse().map(Self::Upstreams).map_err(|_| wrong()),
            "provision" => rest.parse().map(Self::Provision).map_err(|_| wrong()),
            "terminate" => rest.parse().map(Self::Terminate).map_err(|_| wrong()),
            _ => Err(wrong()),
        }
    }
}

written_as_text!(ScheduleRef);

/// The next slot a schedule owes; moved on in the commit that records the slot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    pub schedule: ScheduleRef,
    /// No slot up to here is owed: all were recorded, or lie before the registration.
    pub recorded_until: Timestamp,
    /// Slots recorded beyond one that is still owed; ticks come in any order.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub recorded_ahead: BTreeSet<Timestamp>,
    /// `None` when the schedule never fires again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_slot: Option<Timestamp>,
    /// `next_slot` plus grace; for [`ScheduleRef::Upstreams`] the slot's deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
}

/// By when the run of a slot must have succeeded; gone once it was met.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deadline {
    pub workflow: WorkflowRef,
    pub slot: Slot,
    pub run: RunId,
    pub logical_date: Timestamp,
    pub deadline_at: Timestamp,
    /// Present until the deadline was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub missed: bool,
    /// Where the run was when its deadline was missed: kept, so that it is told the same each time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_state: Option<RunState>,
    /// When it is next looked at whether the deadline will probably be missed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_at: Option<Timestamp>,
    /// Present once it will: kept, so that it is told the same each time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
}

/// That a deadline will probably be missed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Risk {
    /// When it was foreseen.
    pub at: Timestamp,
    /// Of the run.
    pub generation: u32,
    /// When half of the earlier runs would have ended from here.
    pub likely_at: Timestamp,
    /// The tasks that are waited for most, in their order.
    pub critical_path: Vec<TaskName>,
}

impl Record for Expected {
    const KIND: &'static str = "expected";
    fn key(&self) -> Key {
        Key::Expected(self.schedule.clone())
    }
    fn due(&self) -> Option<Timestamp> {
        self.due_at
    }
}

impl Record for Deadline {
    const KIND: &'static str = "deadline";
    fn key(&self) -> Key {
        Key::Deadline(self.workflow.clone(), self.slot.clone())
    }
    fn due(&self) -> Option<Timestamp> {
        [self.look_at, self.due_at].into_iter().flatten().min()
    }
}
