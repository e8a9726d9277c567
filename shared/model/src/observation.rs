//! What a compute service says about work and instances, by event or by answer, in one shape.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::attempt::AttemptKey;
use crate::cluster::{Endpoint, InstanceKey};
use crate::id::{EmrClusterId, SubmissionId};
use crate::task::Place;

/// The service's word about one submission.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkObservation {
    /// Read from the step's or job's name.
    pub key: AttemptKey,
    pub place: Place,
    pub submission: SubmissionId,
    pub state: WorkState,
    /// Exit code, state change reason or failure details, as the service gives them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When the service says it happened.
    pub at: Timestamp,
}

/// States of a step or job. EMR: PENDING, RUNNING, COMPLETED, FAILED, CANCELLED, INTERRUPTED;
/// Batch: SUBMITTED to STARTING are pending, SUCCEEDED, FAILED.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkState {
    Pending,
    Running,
    Succeeded,
    Failed,
    /// Cancelled before or while it ran, by whomever.
    Cancelled,
    /// Lost with its place.
    Interrupted,
}

impl WorkState {
    /// Whether the service will say no more.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Pending | Self::Running => false,
            Self::Succeeded | Self::Failed | Self::Cancelled | Self::Interrupted => true,
        }
    }
}

/// The service's word about one instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClusterObservation {
    /// Read from the EMR cluster's name.
    pub instance: InstanceKey,
    pub id: EmrClusterId,
    pub state: ClusterState,
    /// Known once the instance is up, and only when described.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    /// The state change reason: code and message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub at: Timestamp,
}

/// States of an EMR cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClusterState {
    Starting,
    Bootstrapping,
    Running,
    Waiting,
    Terminating,
    Terminated,
    TerminatedWithErrors,
}

impl ClusterState {
    /// Whether it takes steps and can run them.
    pub fn is_up(self) -> bool {
        match self {
            Self::Running | Self::Waiting => true,
            Self::Starting
            | Self::Bootstrapping
            | Self::Terminating
            | Self::Terminated
            | Self::TerminatedWithErrors => false,
        }
    }

    /// Whether it is going or gone.
    pub fn is_ending(self) -> bool {
        match self {
            Self::Terminating | Self::Terminated | Self::TerminatedWithErrors => true,
            Self::Starting | Self::Bootstrapping | Self::Running | Self::Waiting => false,
        }
    }
}
