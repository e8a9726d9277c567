//! Facts: the events murmur publishes, as CloudEvents 1.0 JSON.
//!
//! An id is a hash of what happened, generation included, so a duplicate carries the same id and a
//! rerun another. Times come from stored state, so a rebuilt fact is byte-identical.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::attempt::AttemptKey;
use crate::cluster::{Endpoint, InstanceKey};
use crate::expected::ScheduleRef;
use crate::id::{EmrClusterId, EventId, OperationId, RunId, Slot, SubmissionId, digest};
use crate::limit::QueueRef;
use crate::message::Function;
use crate::name::{ClusterRef, Name, TaskName, TeamName, WorkflowRef};
use crate::operation::OperationRequest;
use crate::run::RunState;
use crate::task::{FailureClass, Outcome};
use crate::units::Seconds;

/// The CloudEvents `source` of every fact.
pub const SOURCE: &str = "murmur";

/// A fact. It is written with a `traceparent`, which follows from its body ([`crate::trace`]) and is
/// not read back: older ones have none.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Fact {
    pub specversion: SpecVersion,
    pub id: EventId,
    pub source: String,
    /// Names the thing: a run id, `run/task`, an instance, an operation.
    pub subject: String,
    pub time: Timestamp,
    /// Owner of the thing; extension attribute by which subscribers filter.
    pub team: TeamName,
    /// Present when the thing belongs to a workflow; extension attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<Name>,
    /// `type` and `data`.
    #[serde(flatten)]
    pub body: FactBody,
}

impl Serialize for Fact {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            specversion: SpecVersion,
            id: &'a EventId,
            source: &'a str,
            subject: &'a str,
            time: Timestamp,
            team: &'a TeamName,
            #[serde(skip_serializing_if = "Option::is_none")]
            workflow: Option<&'a Name>,
            #[serde(skip_serializing_if = "Option::is_none")]
            traceparent: Option<String>,
            #[serde(flatten)]
            body: &'a FactBody,
        }
        // Every field by its name, so that none is forgotten.
        let Self {
            specversion,
            id,
            source,
            subject,
            time,
            team,
            workflow,
            body,
        } = self;
        let written = Written {
            specversion: *specversion,
            id,
            source,
            subject,
            time: *time,
            team,
            workflow: workflow.as_ref(),
            traceparent: crate::trace::of_fact(body),
            body,
        };
        written.serialize(serializer)
    }
}

/// The CloudEvents version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SpecVersion {
    #[default]
    #[serde(rename = "1.0")]
    V1,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum FactBody {
    #[serde(rename = "murmur.run.waiting.v1")]
    RunWaiting(RunFact),
    #[serde(rename = "murmur.run.started.v1")]
    RunStarted(RunFact),
    #[serde(rename = "murmur.run.succeeded.v1")]
    RunSucceeded(RunFact),
    #[serde(rename = "murmur.run.failed.v1")]
    RunFailed(RunFact),
    #[serde(rename = "murmur.run.cancelled.v1")]
    RunCancelled(RunFact),
    #[serde(rename = "murmur.run.skipped.v1")]
    RunSkipped(RunFact),
    /// It has taken far longer than any of its workflow's latest runs.
    #[serde(rename = "murmur.run.slow.v1")]
    RunSlow(SlowFact),
    #[serde(rename = "murmur.task.ready.v1")]
    TaskReady(TaskReady),
    #[serde(rename = "murmur.task.started.v1")]
    TaskStarted(TaskFact),
    #[serde(rename = "murmur.task.retrying.v1")]
    TaskRetrying(TaskFact),
    #[serde(rename = "murmur.task.succeeded.v1")]
    TaskSucceeded(TaskFact),
    /// Final: no attempt follows.
    #[serde(rename = "murmur.task.failed.v1")]
    TaskFailed(TaskFact),
    #[serde(rename = "murmur.task.skipped.v1")]
    TaskSkipped(TaskFact),
    #[serde(rename = "murmur.task.cancelled.v1")]
    TaskCancelled(TaskFact),
    #[serde(rename = "murmur.cluster.requested.v1")]
    ClusterRequested(ClusterFact),
    #[serde(rename = "murmur.cluster.ready.v1")]
    ClusterReady(ClusterFact),
    #[serde(rename = "murmur.cluster.draining.v1")]
    ClusterDraining(ClusterFact),
    #[serde(rename = "murmur.cluster.terminated.v1")]
    ClusterTerminated(ClusterFact),
    #[serde(rename = "murmur.cluster.failed.v1")]
    ClusterFailed(ClusterFact),
    /// It is paid for, and has had no work of murmur's for long.
    #[serde(rename = "murmur.cluster.idle.v1")]
    ClusterIdle(ClusterFact),
    /// It outlives its window and its drain.
    #[serde(rename = "murmur.cluster.leaked.v1")]
    ClusterLeaked(ClusterFact),
    #[serde(rename = "murmur.deadline.missed.v1")]
    DeadlineMissed(DeadlineFact),
    /// By its workflow's history, the run will probably miss its deadline.
    #[serde(rename = "murmur.deadline.at_risk.v1")]
    DeadlineAtRisk(RiskFact),
    /// A schedule's tick did not come; murmur has sent it again.
    #[serde(rename = "murmur.tick.missed.v1")]
    TickMissed(TickFact),
    /// Messages of an inbox lie among its dead letters.
    #[serde(rename = "murmur.letters.set_aside.v1")]
    LettersSetAside(LettersFact),
    /// None lies there any more.
    #[serde(rename = "murmur.letters.gone.v1")]
    LettersGone(LettersFact),
    #[serde(rename = "murmur.operation.requested.v1")]
    OperationRequested(OperationRequest),
    #[serde(rename = "murmur.operation.done.v1")]
    OperationDone(OperationFact),
}

/// About a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFact {
    pub run: RunId,
    pub slot: Slot,
    pub logical_date: Timestamp,
    pub generation: u32,
    pub state: RunState,
    #[serde(default)]
    pub depth: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Told with its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<RunHistory>,
}

/// When a run was, as far as its end's own time does not say it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunHistory {
    pub created_at: Timestamp,
    /// When this generation began; absent when it never did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
}

/// That an attempt may be submitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskReady {
    pub run: RunId,
    pub task: TaskName,
    pub generation: u32,
    pub attempt: u32,
    /// Since when: waiters keep their age when they must wait again.
    pub since: Timestamp,
    /// The queue it was released from, of one that waited: whoever does not take what it was released
    /// for lets the next of that queue go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_by: Option<QueueRef>,
}

impl TaskReady {
    /// The key of the attempt that may be submitted.
    pub fn attempt_key(&self) -> AttemptKey {
        AttemptKey {
            run: self.run.clone(),
            task: self.task.clone(),
            generation: self.generation,
            attempt: self.attempt,
        }
    }
}

/// About a task's attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskFact {
    pub run: RunId,
    pub task: TaskName,
    pub generation: u32,
    /// 0 when the task was decided without an attempt.
    pub attempt: u32,
    /// How the task ended; absent for started and retrying.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureClass>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submission: Option<SubmissionId>,
    /// Told with an attempt's end; with `retrying` it is that of the attempt before, which failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<Box<TaskHistory>>,
}

/// When and where an attempt was, as far as its end's own time does not say it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskHistory {
    pub ready_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitted_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// Present when it was claimed for an instance of a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceKey>,
    /// Present when it was claimed for a Batch job queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
}

/// About an instance of a cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClusterFact {
    pub cluster: ClusterRef,
    pub instance: InstanceKey,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<EmrClusterId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Told with its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<Box<ClusterHistory>>,
}

/// When an instance was, as far as its end's own time does not say it, and what for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClusterHistory {
    pub requested_at: Timestamp,
    /// Absent when it never took work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// That a run had not succeeded when it had to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeadlineFact {
    pub workflow: WorkflowRef,
    pub run: RunId,
    pub slot: Slot,
    pub deadline_at: Timestamp,
    /// Where the run was; `None` when it never started.
    pub state: Option<RunState>,
}

/// That a run will probably not have succeeded when it has to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RiskFact {
    pub workflow: WorkflowRef,
    pub run: RunId,
    pub slot: Slot,
    pub generation: u32,
    pub deadline_at: Timestamp,
    /// When half of the earlier runs would have ended from here.
    pub likely_at: Timestamp,
    /// The tasks that are waited for most, in their order.
    pub critical_path: Vec<TaskName>,
}

/// That a run takes far longer than its workflow's latest runs did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SlowFact {
    pub workflow: WorkflowRef,
    pub run: RunId,
    pub slot: Slot,
    pub generation: u32,
    /// How long the longest of them took, in seconds.
    pub longest: Seconds,
}

/// That a tick did not come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TickFact {
    pub schedule: ScheduleRef,
    pub scheduled_time: Timestamp,
    /// The run that it should have started, if it starts one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
}

/// That messages were set aside: nobody handles them until somebody puts them back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LettersFact {
    /// The function they were meant for.
    pub inbox: Function,
    /// When the first of them was seen.
    pub since: Timestamp,
    /// How many there were then.
    pub letters: u32,
    /// Why one of them was set aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// That an operation was carried out or refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperationFact {
    pub operation: OperationId,
    pub by: String,
    pub done: bool,
    pub result: String,
}

impl Fact {
    /// Builds a fact; its id follows from what happened.
    pub fn new(team: TeamName, workflow: Option<Name>, time: Timestamp, body: FactBody) -> Self {
        let (subject, discriminator) = body.identity();
        let id = &digest([body.type_name(), &subject, &discriminator])[..32];
        Self {
            specversion: SpecVersion::V1,
            id: EventId::from(id),
            source: SOURCE.into(),
            subject,
            time,
            team,
            workflow,
            body,
        }
    }

    /// The workflow the thing belongs to, if it belongs to one.
    pub fn workflow_ref(&self) -> Option<WorkflowRef> {
        self.workflow
            .clone()
            .map(|name| WorkflowRef::new(self.team.clone(), name))
    }
}

impl FactBody {
    /// The CloudEvents `type`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::RunWaiting(_) => "murmur.run.waiting.v1",
            Self::RunStarted(_) => "murmur.run.started.v1",
            Self::RunSucceeded(_) => "murmur.run.succeeded.v1",
            Self::RunFailed(_) => "murmur.run.failed.v1",
            Self::RunCancelled(_) => "murmur.run.cancelled.v1",
            Self::RunSkipped(_) => "murmur.run.skipped.v1",
            Self::RunSlow(_) => "murmur.run.slow.v1",
            Self::TaskReady(_) => "murmur.task.ready.v1",
            Self::TaskStarted(_) => "murmur.task.started.v1",
            Self::TaskRetrying(_) => "murmur.task.retrying.v1",
            Self::TaskSucceeded(_) => "murmur.task.succeeded.v1",
            Self::TaskFailed(_) => "murmur.task.failed.v1",
            Self::TaskSkipped(_) => "murmur.task.skipped.v1",
            Self::TaskCancelled(_) => "murmur.task.cancelled.v1",
            Self::ClusterRequested(_) => "murmur.cluster.requested.v1",
            Self::ClusterReady(_) => "murmur.cluster.ready.v1",
            Self::ClusterDraining(_) => "murmur.cluster.draining.v1",
            Self::ClusterTerminated(_) => "murmur.cluster.terminated.v1",
            Self::ClusterFailed(_) => "murmur.cluster.failed.v1",
            Self::ClusterIdle(_) => "murmur.cluster.idle.v1",
            Self::ClusterLeaked(_) => "murmur.cluster.leaked.v1",
            Self::DeadlineMissed(_) => "murmur.deadline.missed.v1",
            Self::DeadlineAtRisk(_) => "murmur.deadline.at_risk.v1",
            Self::TickMissed(_) => "murmur.tick.missed.v1",
            Self::LettersSetAside(_) => "murmur.letters.set_aside.v1",
            Self::LettersGone(_) => "murmur.letters.gone.v1",
            Self::OperationRequested(_) => "murmur.operation.requested.v1",
            Self::OperationDone(_) => "murmur.operation.done.v1",
        }
    }

    /// Whether it says how a run, an attempt or an instance of a cluster ended: what history is made of.
    pub fn is_end(&self) -> bool {
        match self {
            Self::RunSucceeded(_)
            | Self::RunFailed(_)
            | Self::RunCancelled(_)
            | Self::RunSkipped(_)
            | Self::TaskRetrying(_)
            | Self::TaskSucceeded(_)
            | Self::TaskFailed(_)
            | Self::TaskSkipped(_)
            | Self::TaskCancelled(_)
            | Self::ClusterTerminated(_)
            | Self::ClusterFailed(_) => true,
            Self::RunWaiting(_)
            | Self::RunStarted(_)
            | Self::RunSlow(_)
            | Self::TaskReady(_)
            | Self::TaskStarted(_)
            | Self::ClusterRequested(_)
            | Self::ClusterReady(_)
            | Self::ClusterDraining(_)
            | Self::ClusterIdle(_)
            | Self::ClusterLeaked(_)
            | Self::DeadlineMissed(_)
            | Self::DeadlineAtRisk(_)
            | Self::TickMissed(_)
            | Self::LettersSetAside(_)
            | Self::LettersGone(_)
            | Self::OperationRequested(_)
            | Self::OperationDone(_) => false,
        }
    }

    /// The subject, and what tells two facts of one type about one subject apart.
    fn identity(&self) -> (String, String) {
        match self {
            Self::RunWaiting(run)
            | Self::RunStarted(run)
            | Self::RunSucceeded(run)
            | Self::RunFailed(run)
            | Self::RunCancelled(run)
            | Self::RunSkipped(run) => (run.run.to_string(), run.generation.to_string()),
            Self::RunSlow(slow) => (slow.run.to_string(), slow.generation.to_string()),
            Self::TaskReady(task) => (
                format!("{}/{}", task.run, task.task),
                format!("{}-{}", task.generation, task.attempt),
            ),
            Self::TaskStarted(task)
            | Self::TaskRetrying(task)
            | Self::TaskSucceeded(task)
            | Self::TaskFailed(task)
            | Self::TaskSkipped(task)
            | Self::TaskCancelled(task) => (
                format!("{}/{}", task.run, task.task),
                format!("{}-{}", task.generation, task.attempt),
            ),
            Self::ClusterRequested(cluster)
            | Self::ClusterReady(cluster)
            | Self::ClusterDraining(cluster)
            | Self::ClusterTerminated(cluster)
            | Self::ClusterLeaked(cluster)
            | Self::ClusterFailed(cluster) => (cluster.instance.to_string(), String::new()),
            // It may be idle several times, and its reason says since when.
            Self::ClusterIdle(cluster) => (
                cluster.instance.to_string(),
                cluster.reason.clone().unwrap_or_default(),
            ),
            Self::DeadlineMissed(deadline) => {
                (deadline.run.to_string(), deadline.deadline_at.to_string())
            }
            Self::DeadlineAtRisk(risk) => (
                risk.run.to_string(),
                format!("{}-{}", risk.generation, risk.deadline_at),
            ),
            Self::TickMissed(tick) => (tick.schedule.to_string(), tick.scheduled_time.to_string()),
            Self::LettersSetAside(letters) | Self::LettersGone(letters) => {
                (letters.inbox.to_string(), letters.since.to_string())
            }
            Self::OperationRequested(request) => (request.operation.to_string(), String::new()),
            Self::OperationDone(operation) => (operation.operation.to_string(), String::new()),
        }
    }
}
