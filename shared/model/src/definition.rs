//! Validated definitions: what `events/` says once every check has passed.
//!
//! A definition's JSON is its content: its hash pins runs to it (rule 5). How the YAML looks, and
//! every check over it, is the business of the crate `definitions`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::alert::Severity;
use crate::cluster::IDLE_AFTER;
use crate::id::{DefinitionHash, digest};
use crate::name::{ClusterRef, Name, PoolRef, TaskName, TeamName, WorkflowRef};
use crate::units::Seconds;

pub use crate::emr::{
    BootstrapAction, Configuration, EmrSpec, InstanceGroup, Instances, ManagedScaling, Property,
    SecretReference, SecurityGroups, SpotAllocation, SpotOtherwise, SpotSearch, Volume, VolumeKind,
};

/// Everything `events/` defines, checked as a whole.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Definitions {
    pub teams: BTreeMap<TeamName, Team>,
    pub clusters: BTreeMap<ClusterRef, Cluster>,
    pub workflows: BTreeMap<WorkflowRef, Workflow>,
}

/// Owner and boundary of workflows and clusters: `events/<team>/team.yaml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Team {
    pub name: TeamName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default)]
    pub quota: Quota,
    /// Places of each pool of the team.
    #[serde(default)]
    pub pools: BTreeMap<Name, u32>,
    /// ARN of the role the team's steps run as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_role: Option<String>,
    /// Batch job definitions the team may use; `None` allows any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_definitions: Option<Vec<String>>,
    /// Where alerts of the team go, as written; read by the alert function.
    #[serde(default)]
    pub alerts: Vec<AlertRoute>,
    /// Whether alerts show the team the last lines that failed work printed.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub log_lines: bool,
}

/// What is so unless somebody says otherwise.
pub(crate) fn yes() -> bool {
    true
}

/// What need not be said.
#[allow(clippy::trivially_copy_pass_by_ref)] // as serde passes it
pub(crate) fn is_yes(value: &bool) -> bool {
    *value
}

/// How much of a team may run at once; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Quota {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_tasks: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_runs: Option<u32>,
}

/// One destination of alerts; secrets are references, never values (rule 22).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertRoute {
    pub channel: AlertChannel,
    /// Channel name, routing key reference or https address, as the channel needs.
    pub to: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Fact types it wants, such as `task.failed`; empty wants all alerts.
    #[serde(default)]
    pub facts: Vec<String>,
    /// What is less bad it does not want.
    #[serde(default)]
    pub severity: Severity,
}

/// A kind of destination of alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertChannel {
    /// An incoming webhook, or with a bot's token the Web API.
    Slack,
    /// Events API v2.
    Pagerduty,
    /// A signed POST to an https address.
    Webhook,
    /// SNS's own e-mail.
    Email,
}

impl AlertChannel {
    /// The word users write.
    pub fn word(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Pagerduty => "pagerduty",
            Self::Webhook => "webhook",
            Self::Email => "email",
        }
    }
}

/// When the people of a workflow are told that something is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AlertRules {
    /// Only once so many runs in a row have failed; `None` tells of the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_a_row: Option<u32>,
    /// When nothing but what is critical is told; it is told afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<QuietHours>,
    /// How bad failures of this workflow are, if not as everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
}

impl AlertRules {
    /// Whether nothing is said.
    pub fn is_default(&self) -> bool {
        self == &Self::default()
    }
}

/// Every day between two times of the workflow's zone, over midnight when the first is later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuietHours {
    /// Minutes after midnight.
    pub from: u16,
    pub to: u16,
}

/// When something fires: an EventBridge Scheduler expression in a zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleSpec {
    /// `cron(…)`, `rate(…)` or `at(…)`.
    pub expression: String,
    /// IANA zone, such as `America/New_York`.
    pub timezone: String,
    #[serde(default)]
    pub catch_up: CatchUp,
}

/// What happens to slots that were missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    /// They are recorded as skipped.
    None,
    /// The newest runs, older ones are recorded as skipped.
    #[default]
    Latest,
    /// The newest hundred run, older ones are recorded as skipped.
    All,
}

/// A named DAG of tasks with what starts it: `events/<team>/workflows/<name>.yaml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Workflow {
    pub team: TeamName,
    pub name: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// IANA zone of logical dates, alignment and deadline: the schedule's, else as written, else UTC.
    pub timezone: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleSpec>,
    /// Upstream workflows, all of which must succeed for a slot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<WorkflowRef>,
    #[serde(default)]
    pub align: Align,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventTrigger>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Deadline>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_active_runs: Option<ActiveRuns>,
    /// Parameters a run may be given, with their defaults.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, ParamSpec>,
    /// Higher goes first where a limit makes work wait; −1000 to 1000.
    #[serde(default)]
    pub priority: i32,
    #[serde(default, skip_serializing_if = "AlertRules::is_default")]
    pub alerts: AlertRules,
    /// In the order they are written; a task with `for_each` stands for many.
    pub tasks: Vec<Task>,
}

impl Workflow {
    /// The workflow's address.
    pub fn reference(&self) -> WorkflowRef {
        WorkflowRef::new(self.team.clone(), self.name.clone())
    }
}

/// A parameter of a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ParamSpec {
    /// A string, number or boolean; `None` makes the parameter required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// By what several upstream workflows meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Align {
    /// The local day of the upstream's slot, in the downstream's zone.
    #[default]
    Day,
    /// The local hour of the upstream's slot, in the downstream's zone.
    Hour,
    /// The very same slot.
    Slot,
}

/// An EventBridge pattern that starts runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventTrigger {
    pub pattern: serde_json::Value,
    /// Dotted path of the event's field that is the slot, such as `detail.order_id`; `None` takes
    /// bucket, key and sequencer for S3 object events and the event's `id` for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
}

/// When a run must have succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deadline {
    /// The first time after the slot at which the local clock shows this.
    WallClock { hour: u8, minute: u8 },
    /// This long after the slot.
    After(Seconds),
}

/// How many runs of a workflow may be active at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveRuns {
    pub max: u32,
    #[serde(default)]
    pub when_full: WhenFull,
}

/// What a new run does when the limit of active runs is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// The new run waits.
    #[default]
    Wait,
    /// The new run is recorded as skipped.
    Skip,
    /// The oldest active run is cancelled.
    CancelOlder,
}

/// One unit of work, or with `for_each` one for each combination of values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    pub name: TaskName,
    /// Tasks of the same workflow; a name with `for_each` means all it stands for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<TaskName>,
    #[serde(default)]
    pub trigger_rule: TriggerRule,
    /// Values per key; one task per combination (`expansions`), named `<name>-<value>-…`, values at
    /// `{{ item.<key> }}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub for_each: BTreeMap<String, Vec<String>>,
    #[serde(flatten)]
    pub kind: TaskKind,
    #[serde(default)]
    pub retries: Retries,
    /// How long an attempt may run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Seconds>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolRef>,
    #[serde(default)]
    pub priority: i32,
    /// What it reads, for lineage alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Dataset>,
    /// What it writes, for lineage alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Dataset>,
}

/// A dataset, as OpenLineage names it; both parts are templates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dataset {
    /// Where it is, such as `s3://bucket`.
    pub namespace: String,
    /// What it is called there, such as `path/of/objects`.
    pub name: String,
}

/// When a task starts, given how its upstreams ended; blocked counts as failed.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum TriggerRule {
    #[default]
    AllSucceeded,
    /// All have ended, however.
    AllDone,
    /// As soon as one has failed.
    AnyFailed,
    /// As soon as one has succeeded.
    AnySucceeded,
    /// All have ended and none failed; skipped is fine.
    NoneFailed,
}

/// What a task does; every kind but `batch` runs as an EMR step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    Spark(SparkTask),
    Presto(PrestoTask),
    Command(CommandTask),
    Batch(BatchTask),
}

impl TaskKind {
    /// The cluster the task needs, if it needs one.
    pub fn cluster(&self) -> Option<&ClusterChoice> {
        match self {
            Self::Spark(task) => Some(&task.cluster),
            Self::Presto(task) => Some(&task.cluster),
            Self::Command(task) => Some(&task.cluster),
            Self::Batch(_) => None,
        }
    }

    /// The word users write for the kind.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Spark(_) => "spark",
            Self::Presto(_) => "presto",
            Self::Command(_) => "command",
            Self::Batch(_) => "batch",
        }
    }
}

/// A Spark application, run by `spark-submit` as an EMR step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SparkTask {
    pub cluster: ClusterChoice,
    /// Script or jar; a template.
    pub script: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Arguments of the application; templates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Spark properties; values are templates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub conf: BTreeMap<String, String>,
}

/// A Presto or Trino statement, run by its command line client as an EMR step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrestoTask {
    pub cluster: ClusterChoice,
    /// A template.
    pub statement: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
}

/// Any other command, run on a cluster's primary node as an EMR step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandTask {
    pub cluster: ClusterChoice,
    /// Program and arguments; templates; never a shell string (rule 22).
    pub command: Vec<String>,
}

/// A Batch job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchTask {
    pub job_definition: String,
    pub queue: String,
    /// Program and arguments; templates; empty keeps the job definition's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Values are templates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// What fills the job definition's `Ref::<name>`; values are templates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// Virtual processors, such as `2` or `0.25`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vcpus: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpus: Option<u32>,
    /// Children of an array job, 2 to 10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array_size: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_identifier: Option<String>,
    /// Higher goes first within its share, 0 to 9,999; the job definition's own unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_priority: Option<u32>,
}

/// Which cluster a task runs on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClusterChoice {
    Named(ClusterRef),
    /// Any cluster of the task's team that has all these tags.
    Tagged(BTreeMap<String, String>),
}

/// How often and how fast failed attempts are tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retries {
    /// Further attempts after an application failure.
    pub attempts: u32,
    pub backoff: Seconds,
    pub max_backoff: Seconds,
    /// Further attempts after an infrastructure failure; a budget of their own.
    pub infrastructure_attempts: u32,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            attempts: 0,
            backoff: Seconds(30),
            max_backoff: Seconds::minutes(10),
            infrastructure_attempts: 3,
        }
    }
}

/// A named, scheduled, ephemeral EMR cluster: `events/<team>/clusters/<name>.yaml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    pub team: TeamName,
    pub name: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub provision: ScheduleSpec,
    pub terminate: ScheduleSpec,
    /// How long open work may go on after the terminate instant.
    pub drain: Seconds,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Steps that run at once, 1 to 256.
    pub step_concurrency: u32,
    /// How often an instance that failed is replaced within one window.
    pub replacements: u32,
    /// After how long without work an instance is told of, in seconds.
    #[serde(default = "idle_after", skip_serializing_if = "is_usually_idle")]
    pub idle_after: Seconds,
    pub emr: EmrSpec,
}

impl Cluster {
    /// The cluster's address.
    pub fn reference(&self) -> ClusterRef {
        ClusterRef::new(self.team.clone(), self.name.clone())
    }
}

fn idle_after() -> Seconds {
    IDLE_AFTER
}

/// What is usual is not written: the hashes of older definitions stay.
fn is_usually_idle(after: &Seconds) -> bool {
    *after == IDLE_AFTER
}

/// Hashes a definition's content.
pub fn hash_of<T: Serialize>(definition: &T) -> DefinitionHash {
    let text =
        serde_json::to_string(definition).expect("definitions are plain data with text keys");
    DefinitionHash::from(digest([text.as_str()]))
}
