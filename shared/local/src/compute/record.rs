//! What the stand-in services remember: clusters and submissions, as plain data.

use model::Timestamp;
use model::attempt::AttemptKey;
use model::cluster::InstanceKey;
use model::id::{EmrClusterId, SubmissionId};
use model::observation::{ClusterObservation, ClusterState, WorkObservation, WorkState};
use model::task::Place;
use model::units::Seconds;
use serde::{Deserialize, Serialize};

use super::faults::Fate;
use super::launch::Launch;

/// A cluster as the stand-in for EMR knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClusterRow {
    pub id: EmrClusterId,
    pub instance: InstanceKey,
    pub state: ClusterState,
    pub reason: Option<String>,
    pub created_at: Timestamp,
    /// When it came into its state.
    pub at: Timestamp,
    pub step_concurrency: usize,
    pub applications: Vec<String>,
    pub auto_termination: Seconds,
    pub fate: Fate,
    /// When it comes into its next state by itself.
    pub next_at: Option<Timestamp>,
    /// Somebody pulled its plug, and why.
    pub killed: Option<String>,
}

impl ClusterRow {
    /// What the service's event says of it.
    pub fn observation(&self) -> ClusterObservation {
        ClusterObservation {
            instance: self.instance.clone(),
            id: self.id.clone(),
            state: self.state,
            endpoint: None,
            reason: self.reason.clone(),
            at: self.at,
        }
    }

    /// Whether nothing more happens to it.
    pub fn is_over(&self) -> bool {
        match self.state {
            ClusterState::Terminated | ClusterState::TerminatedWithErrors => true,
            ClusterState::Starting
            | ClusterState::Bootstrapping
            | ClusterState::Running
            | ClusterState::Waiting
            | ClusterState::Terminating => false,
        }
    }
}

/// A step or job as the stand-ins for EMR and Batch know it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubmissionRow {
    /// Submissions are taken up in this order.
    pub sequence: u64,
    pub id: SubmissionId,
    pub key: AttemptKey,
    pub place: Place,
    pub state: WorkState,
    pub reason: Option<String>,
    pub submitted_at: Timestamp,
    /// When it came into its state.
    pub at: Timestamp,
    /// How long each process may run.
    pub timeout: Option<Seconds>,
    /// Children of an array job.
    pub array_size: Option<u32>,
    pub launch: Launch,
    /// Somebody asked for its end.
    pub stop: Option<Stop>,
}

/// Why work is being stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    pub reason: String,
    pub cause: StopCause,
    /// Without a grace, because the machine is gone.
    pub at_once: bool,
}

/// What stops work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopCause {
    /// Somebody asked for it, or for the end of its cluster.
    Asked,
    /// Its cluster died.
    ClusterDied,
}

impl SubmissionRow {
    /// What the service says of it.
    pub fn observation(&self) -> WorkObservation {
        WorkObservation {
            key: self.key.clone(),
            place: self.place.clone(),
            submission: self.id.clone(),
            state: self.state,
            reason: self.reason.clone(),
            at: self.at,
        }
    }

    /// What runs for one of its processes.
    pub fn launch_of(&self, index: u32) -> Launch {
        let mut launch = self.launch.clone();
        let Place::Queue(queue) = &self.place else {
            return launch;
        };
        let mut tell = |name: &str, value: String| launch.environment.insert(name.into(), value);
        tell("AWS_BATCH_JQ_NAME", queue.clone());
        tell("AWS_BATCH_JOB_ATTEMPT", "1".into());
        match self.array_size {
            None => tell("AWS_BATCH_JOB_ID", self.id.to_string()),
            Some(size) => {
                tell("AWS_BATCH_JOB_ARRAY_SIZE", size.to_string());
                tell("AWS_BATCH_JOB_ARRAY_INDEX", index.to_string());
                tell("AWS_BATCH_JOB_ID", format!("{}:{index}", self.id))
            }
        };
        launch
    }

    /// The processes it stands for, by index.
    pub fn units(&self) -> std::ops::Range<u32> {
        0..self.array_size.unwrap_or(1)
    }
}
