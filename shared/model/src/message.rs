//! What arrives in an inbox.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::AlertRequest;
use crate::cluster::InstanceKey;
use crate::expected::ScheduleRef;
use crate::fact::Fact;
use crate::id::Slot;
use crate::limit::SizedLimit;
use crate::name::WorkflowRef;
use crate::observation::{ClusterObservation, WorkObservation};
use crate::run::Cause;

/// The functions; each has one inbox of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Function {
    StartRun,
    AdvanceRun,
    SubmitTask,
    ObserveTask,
    ProvisionCluster,
    RecordCluster,
    TerminateCluster,
    Operate,
    Reconcile,
    Alert,
    ExportRuns,
}

impl Function {
    /// Every function that has an inbox.
    pub const ALL: [Self; 11] = [
        Self::StartRun,
        Self::AdvanceRun,
        Self::SubmitTask,
        Self::ObserveTask,
        Self::ProvisionCluster,
        Self::RecordCluster,
        Self::TerminateCluster,
        Self::Operate,
        Self::Reconcile,
        Self::Alert,
        Self::ExportRuns,
    ];

    /// The name its folder, Lambda, queue, role and log group share.
    pub fn name(self) -> &'static str {
        match self {
            Self::StartRun => "start-run",
            Self::AdvanceRun => "advance-run",
            Self::SubmitTask => "submit-task",
            Self::ObserveTask => "observe-task",
            Self::ProvisionCluster => "provision-cluster",
            Self::RecordCluster => "record-cluster",
            Self::TerminateCluster => "terminate-cluster",
            Self::Operate => "operate",
            Self::Reconcile => "reconcile",
            Self::Alert => "alert",
            Self::ExportRuns => "export-runs",
        }
    }

    /// The one of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|function| function.name() == name)
    }

    /// Whether all is whole without it: it is there where somebody switched it on, and nobody sends
    /// to it.
    pub fn is_optional(self) -> bool {
        match self {
            Self::ExportRuns => true,
            Self::StartRun
            | Self::AdvanceRun
            | Self::SubmitTask
            | Self::ObserveTask
            | Self::ProvisionCluster
            | Self::RecordCluster
            | Self::TerminateCluster
            | Self::Operate
            | Self::Reconcile
            | Self::Alert => false,
        }
    }

    /// The optional functions whose inbox subscribes to facts of this type, where they are there.
    pub fn optional_subscribers(fact_type: &str) -> &'static [Self] {
        match fact_type {
            "murmur.run.started.v1"
            | "murmur.run.succeeded.v1"
            | "murmur.run.failed.v1"
            | "murmur.run.cancelled.v1"
            | "murmur.task.started.v1"
            | "murmur.task.retrying.v1"
            | "murmur.task.succeeded.v1"
            | "murmur.task.failed.v1"
            | "murmur.task.cancelled.v1" => &[Self::ExportRuns],
            _ => &[],
        }
    }

    /// The functions whose inbox subscribes to facts of this type, besides optional ones.
    pub fn subscribers(fact_type: &str) -> &'static [Self] {
        match fact_type {
            "murmur.run.succeeded.v1" => &[Self::StartRun, Self::Alert],
            "murmur.run.failed.v1"
            | "murmur.run.cancelled.v1"
            | "murmur.run.skipped.v1"
            | "murmur.run.slow.v1"
            | "murmur.cluster.idle.v1"
            | "murmur.cluster.leaked.v1"
            | "murmur.cluster.terminated.v1"
            | "murmur.letters.gone.v1"
            | "murmur.letters.set_aside.v1"
            | "murmur.tick.missed.v1"
            | "murmur.deadline.missed.v1"
            | "murmur.deadline.at_risk.v1" => &[Self::Alert],
            "murmur.task.ready.v1" => &[Self::SubmitTask],
            "murmur.task.succeeded.v1" | "murmur.task.cancelled.v1" => &[Self::AdvanceRun],
            "murmur.task.failed.v1" => &[Self::AdvanceRun, Self::Alert],
            "murmur.cluster.ready.v1" => &[Self::SubmitTask, Self::Alert],
            "murmur.cluster.failed.v1" => &[Self::ProvisionCluster, Self::Alert],
            "murmur.operation.requested.v1" => &[Self::Operate],
            _ => &[],
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Anything an inbox takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// A schedule's firing.
    Tick(Tick),
    /// A fact from the topic, or sent again to one inbox.
    Fact(Fact),
    /// The compute service's word about work.
    Work(WorkObservation),
    /// The compute service's word about an instance.
    Cluster(ClusterObservation),
    /// An outside event that one of a workflow's patterns matched.
    Event(MatchedEvent),
    /// A run asked for by another function.
    Start(RunRequest),
    /// Look whether an instance whose window has ended can be terminated.
    Drain(InstanceKey),
    /// Reconcile's own tick: look at what is due.
    Sweep,
    /// The alert function goes on with what it has begun.
    Alert(AlertRequest),
}

/// A schedule's firing; the slot is the scheduled instant, never the time of arrival (rule 4).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tick {
    pub schedule: ScheduleRef,
    pub scheduled_time: Timestamp,
    /// Reconcile found it missing.
    #[serde(default)]
    pub late: bool,
    /// Record the slot as skipped, because the catch-up policy says so.
    #[serde(default)]
    pub skip: bool,
}

/// An outside event for a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MatchedEvent {
    pub workflow: WorkflowRef,
    /// Which of its patterns matched, counted from 0.
    pub trigger: usize,
    /// The EventBridge envelope.
    pub event: serde_json::Value,
}

/// Asks start-run for a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRequest {
    pub workflow: WorkflowRef,
    pub slot: Slot,
    pub logical_date: Timestamp,
    pub cause: Cause,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    pub depth: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<SizedLimit>,
    /// Since when it waits, when it was released by a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<Timestamp>,
}
