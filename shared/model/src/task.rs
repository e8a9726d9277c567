//! A task of a run: created when the first fact about it arrives; the newest attempt's progress.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::attempt::AttemptKey;
use crate::cluster::InstanceKey;
use crate::id::{EmrClusterId, RunId, SubmissionId};
use crate::key::Key;
use crate::limit::{LimitRef, PlaceRef};
use crate::name::{ClusterRef, Name, TaskName, TeamName};
use crate::record::Record;

/// The task's item. `generation` and `attempt` name the newest attempt; older attempts that ended
/// are kept as [`PastAttempt`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    pub run: RunId,
    pub task: TaskName,
    pub team: TeamName,
    pub workflow: Name,
    pub state: TaskState,
    pub generation: u32,
    pub attempt: u32,
    /// Failures of each class so far in this generation.
    #[serde(default)]
    pub failures: Failures,
    /// Counts claims of this task; a submitter with a lower one is refused.
    #[serde(default)]
    pub epoch: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// The first id committed *is* the attempt (rule 9).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submission: Option<SubmissionId>,
    /// The cluster it runs on, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterRef>,
    /// Why that place was chosen (rule 14), why it waits, how it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when the attempt could have been submitted.
    pub ready_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitted_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureClass>,
    /// Set before the compute service is asked to cancel, so that its answer is understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopping: Option<Stopping>,
    /// When reconcile sends the next attempt; only for delays a message cannot carry (rule 19).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
}

impl Task {
    /// The newest attempt's key.
    pub fn attempt_key(&self) -> AttemptKey {
        AttemptKey {
            run: self.run.clone(),
            task: self.task.clone(),
            generation: self.generation,
            attempt: self.attempt,
        }
    }
}

/// Where a task is. Per attempt the rank never falls and terminal states absorb (rule 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Held back: by a limit, a pause or for want of a ready instance.
    Waiting,
    /// The next attempt comes after a backoff.
    Retrying,
    /// Claimed by one submitter; whether the service has it is not known yet.
    Claimed,
    /// The service has it.
    Submitted,
    Running,
    Succeeded,
    Failed,
    /// Decided without running; `blocked` when a failure above is the cause.
    Skipped,
    Blocked,
    Cancelled,
}

impl TaskState {
    /// Orders states within one attempt.
    pub fn rank(self) -> u8 {
        match self {
            Self::Waiting | Self::Retrying => 0,
            Self::Claimed => 1,
            Self::Submitted => 2,
            Self::Running => 3,
            Self::Succeeded | Self::Failed | Self::Skipped | Self::Blocked | Self::Cancelled => 4,
        }
    }

    /// The outcome, once there is one.
    pub fn outcome(self) -> Option<Outcome> {
        match self {
            Self::Waiting | Self::Retrying | Self::Claimed | Self::Submitted | Self::Running => {
                None
            }
            Self::Succeeded => Some(Outcome::Succeeded),
            Self::Failed => Some(Outcome::Failed),
            Self::Skipped => Some(Outcome::Skipped),
            Self::Blocked => Some(Outcome::Blocked),
            Self::Cancelled => Some(Outcome::Cancelled),
        }
    }

    /// Whether the compute service may have work of it.
    pub fn is_open(self) -> bool {
        match self {
            Self::Claimed | Self::Submitted | Self::Running => true,
            Self::Waiting | Self::Retrying => false,
            Self::Succeeded | Self::Failed | Self::Skipped | Self::Blocked | Self::Cancelled => {
                false
            }
        }
    }
}

/// How a task ended in a generation: what it says when it arrives at a join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Succeeded,
    Failed,
    /// Skipped because of a failure above.
    Blocked,
    Skipped,
    /// Ended by a person; counts as failed at joins.
    Cancelled,
}

impl Outcome {
    /// The state a task with this outcome is in.
    pub fn state(self) -> TaskState {
        match self {
            Self::Succeeded => TaskState::Succeeded,
            Self::Failed => TaskState::Failed,
            Self::Blocked => TaskState::Blocked,
            Self::Skipped => TaskState::Skipped,
            Self::Cancelled => TaskState::Cancelled,
        }
    }
}

/// How many attempts failed, by class; each class has its own budget (rule 12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Failures {
    #[serde(default)]
    pub application: u32,
    #[serde(default)]
    pub infrastructure: u32,
}

/// Why an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// The work itself failed, a time-out included.
    Application,
    /// The place failed: cluster gone, Spot reclaimed, lost.
    Infrastructure,
    /// The service refused the submission for good; trying again cannot help.
    Refused,
}

/// The conditional claim taken before a submission (rule 9).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// When the first submitter claimed it; who takes the claim over leaves it as it is.
    #[serde(default)]
    pub since: Timestamp,
    /// Until when no other submitter may look.
    pub lease_until: Timestamp,
    pub place: Place,
    /// Our own name of the instance, when the place is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceKey>,
    /// Limits held by this attempt, released when it ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<PlaceRef>,
    /// Limits of which it may hold places that `limits` does not name yet: its submitter takes them
    /// after the claim, and the work may end before its submitter is heard of again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seeks: Vec<LimitRef>,
}

/// Where work is submitted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// An EMR cluster.
    Instance(EmrClusterId),
    /// A Batch job queue.
    Queue(String),
}

/// That, and why, an attempt is being stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Stopping {
    Cancelled {
        by: String,
    },
    TimedOut,
    /// A newer generation runs the task again.
    Superseded {
        generation: u32,
    },
}

/// An attempt that ended and was followed by another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PastAttempt {
    pub attempt: Task,
    /// Whether another attempt of its generation followed.
    #[serde(default)]
    pub retried: bool,
}

impl Record for Task {
    const KIND: &'static str = "task";
    fn key(&self) -> Key {
        Key::Task(self.run.clone(), self.task.clone())
    }
    fn due(&self) -> Option<Timestamp> {
        self.due_at
    }
}

impl Record for PastAttempt {
    const KIND: &'static str = "past_attempt";
    fn key(&self) -> Key {
        Key::PastAttempt(self.attempt.attempt_key())
    }
}
