//! Operations: what people and APIs ask for (rule 20). Every one is a fact, recorded and confirmed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::id::{OperationId, RunId, Slot};
use crate::key::Key;
use crate::limit::SizedLimit;
use crate::name::{TaskName, WorkflowRef};
use crate::record::Record;
use crate::task::Outcome;

/// A request, as it travels in `operation.requested`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperationRequest {
    /// Chosen by the caller: asking twice acts once.
    pub operation: OperationId,
    pub by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    pub at: Timestamp,
    #[serde(flatten)]
    pub what: OperationKind,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "operation_kind")]
pub enum OperationKind {
    /// Starts a run by hand.
    Start {
        workflow: WorkflowRef,
        /// The caller's key; `None` takes the operation's id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        slot: Option<Slot>,
        /// `None` takes the instant of the request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        logical_date: Option<Timestamp>,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        params: BTreeMap<String, serde_json::Value>,
    },
    /// Runs tasks of a run again, in a new generation.
    Rerun {
        run: RunId,
        scope: RerunScope,
        #[serde(default)]
        definition: RerunDefinition,
        /// Runs that this run's success started rerun, too, once it has succeeded again.
        #[serde(default)]
        downstream: bool,
        /// Holds it back until this pass of another run has succeeded; set by `downstream`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Pass>,
        /// Places the run needs besides its own; set by a backfill.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        limits: Vec<SizedLimit>,
    },
    /// Runs a workflow for each of its slots in a range of local dates, both inclusive.
    Backfill {
        workflow: WorkflowRef,
        from: Date,
        to: Date,
        max_active_runs: u32,
        #[serde(default)]
        existing: ExistingRuns,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        params: BTreeMap<String, serde_json::Value>,
    },
    /// Ends a run, or one task of it, and stops its open attempts.
    Cancel {
        run: RunId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        task: Option<TaskName>,
    },
    Pause {
        target: PauseTarget,
    },
    Resume {
        target: PauseTarget,
    },
    /// Sets an outcome by hand: of a task, in a new generation if it had ended.
    Mark {
        run: RunId,
        task: TaskName,
        outcome: Outcome,
    },
}

/// One generation of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    pub run: RunId,
    pub generation: u32,
}

/// Which tasks run again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RerunScope {
    All,
    /// Failed and cancelled tasks and everything below them.
    FromFailure,
    /// One task; with everything below it, or without what below it has ended.
    Task {
        task: TaskName,
        below: bool,
    },
}

/// Which definition a rerun takes (rule 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RerunDefinition {
    #[default]
    Pinned,
    Latest,
}

/// What a backfill does with slots that have a run already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExistingRuns {
    /// They are left alone.
    #[default]
    None,
    /// Failed and cancelled ones rerun from failure.
    Failed,
    /// All that have ended rerun whole.
    All,
}

/// What a pause holds back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseTarget {
    /// New runs; ticks are recorded as skipped.
    Workflow(WorkflowRef),
    /// Further tasks of a run.
    Run(RunId),
}

/// An operation's item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    pub request: OperationRequest,
    pub state: OperationState,
    /// What was done, or why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// Generation a rerun or mark opened, so that a repeat from the middle opens no second; the one
    /// a cancel ended, so that a repeat ends no later one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u32>,
    /// How far a backfill has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at: Option<Timestamp>,
}

/// Where an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationState {
    Accepted,
    Done,
    /// It could not be done; the result says why.
    Refused,
}

impl Record for Operation {
    const KIND: &'static str = "operation";
    fn key(&self) -> Key {
        Key::Operation(self.request.operation.clone())
    }
}
