//! A run: one execution of a workflow, for one slot.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{DefinitionHash, OperationId, RunId, Slot};
use crate::key::Key;
use crate::limit::SizedLimit;
use crate::name::{Name, TaskName, TeamName, WorkflowRef};
use crate::record::{Listing, Record};

/// The run's own item; written at start, at end, by operations and by reconcile, never by task
/// progress, so a wide run has no hot item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub run: RunId,
    pub team: TeamName,
    pub workflow: Name,
    pub slot: Slot,
    /// The slot's instant, whose local date templates see.
    pub logical_date: Timestamp,
    pub state: RunState,
    pub generation: u32,
    pub definition: DefinitionHash,
    /// The generation since which `definition` holds; older generations had another plan.
    pub definition_since: u32,
    pub cause: Cause,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, serde_json::Value>,
    /// How many runs started by runs lie above this one; beyond 32 they are refused (rule 8).
    #[serde(default)]
    pub depth: u32,
    /// Every limit of which the run holds a place while it is active.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<SizedLimit>,
    /// While true no further task is submitted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    pub created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Why it waits, was skipped, failed or was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When reconcile looks at it; absent once the run has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_at: Option<Timestamp>,
}

impl Run {
    /// The address of the run's workflow.
    pub fn workflow_ref(&self) -> WorkflowRef {
        WorkflowRef::new(self.team.clone(), self.workflow.clone())
    }
}

/// Where a run is. Within a generation it only moves forward; a rerun opens the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Recorded, held back by a limit.
    Waiting,
    Running,
    Succeeded,
    Failed,
    Cancelled,
    /// Recorded and never to run: paused, missed, or refused by a limit.
    Skipped,
}

impl RunState {
    /// Whether nothing more happens in this generation.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Waiting | Self::Running => false,
            Self::Succeeded | Self::Failed | Self::Cancelled | Self::Skipped => true,
        }
    }
}

/// What made a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Cause {
    /// A tick of its schedule; `late` when reconcile found it missing.
    Schedule {
        #[serde(default)]
        late: bool,
    },
    /// Upstream runs that all succeeded, each with its generation.
    Upstream { runs: BTreeMap<RunId, u32> },
    /// An event from outside, kept for templates.
    Event { event: serde_json::Value },
    /// A person or an API.
    Manual { operation: OperationId, by: String },
    /// A backfill over a range of dates.
    Backfill { operation: OperationId, by: String },
}

/// A rerun: which tasks run again. Generation 1 has no such item, its scope is every task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Generation {
    pub run: RunId,
    pub generation: u32,
    pub definition: DefinitionHash,
    /// Tasks that run (again) in this generation; all others keep their outcome.
    pub scope: BTreeSet<TaskName>,
    /// Outcomes set by hand in this generation.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub marked: BTreeMap<TaskName, crate::task::Outcome>,
    pub operation: OperationId,
    pub by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    pub at: Timestamp,
}

impl Record for Run {
    const KIND: &'static str = "run";
    fn key(&self) -> Key {
        Key::Run(self.run.clone())
    }
    fn due(&self) -> Option<Timestamp> {
        self.check_at
    }
    fn listing(&self) -> Option<Listing> {
        Some(Listing {
            workflow: self.workflow_ref(),
            logical_date: self.logical_date,
        })
    }
}

impl Record for Generation {
    const KIND: &'static str = "generation";
    fn key(&self) -> Key {
        Key::Generation(self.run.clone(), self.generation)
    }
}
