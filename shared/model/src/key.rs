//! The state table's keys: this enum is the schema document.
//!
//! | partition | sort | item |
//! |---|---|---|
//! | `RUN#<run>` | `run` | [`crate::run::Run`] |
//! | `RUN#<run>` | `generation#00002#00` | [`crate::run::Generation`] |
//! | `RUN#<run>` | `task#<task>` | [`crate::task::Task`] |
//! | `RUN#<run>` | `past#<task>#00001-00001` | [`crate::task::PastAttempt`] |
//! | `RUN#<run>` | `join#00001#000007#0#00000` | [`crate::join::Join`] |
//! | `MEET#<run>` | `meeting` | [`crate::registry::Meeting`] (upstream workflows of a run to come) |
//! | `WORKFLOW#<team>/<name>` | `current` | [`crate::registry::CurrentWorkflow`] |
//! | `WORKFLOW#<team>/<name>` | `pause` | [`crate::registry::Pause`] |
//! | `WORKFLOW#<team>/<name>` | `deadline#<slot>` | [`crate::expected::Deadline`] |
//! | `SCHEDULE#<schedule>` | `expected` | [`crate::expected::Expected`] |
//! | `DEFINITION#<hash>` | `part#0000` | [`crate::registry::DefinitionPart`] |
//! | `TEAM#<team>` | `current` | [`crate::registry::CurrentTeam`] |
//! | `TEAM#<team>` | `catalogue` | [`crate::registry::Catalogue`] |
//! | `DEPLOYMENT` | `current` | [`crate::registry::Deployment`] |
//! | `CLUSTER#<team>/<name>` | `current` | [`crate::registry::CurrentCluster`] |
//! | `CLUSTER#<team>/<name>` | `instance#<window start>#01` | [`crate::cluster::Instance`] |
//! | `LIMIT#<limit>` | `place#00007` | [`crate::limit::Place`] |
//! | `LIMIT#steps/<instance>` | `lot#00007` | [`crate::limit::Lot`] (ten places in one) |
//! | `QUEUE#<queue>` | `waiter#<priority>#<since>#<holder>` | [`crate::limit::Waiter`] |
//! | `OPERATION#<id>` | `operation` | [`crate::operation::Operation`] |
//! | `DEPLOYMENT` | `letters` | [`crate::letters::Letters`] (what is among the dead letters) |
//! | `INCIDENT#<root>` | `incident` | [`crate::alert::Incident`] |
//! | `TEAM#<team>` | `open#<root>` | [`crate::alert::OpenIncident`] |
//! | `INCIDENT#<root>` | `symptom#<what>` | [`crate::alert::Symptom`] |
//! | `RUN#<run>` | `incidents` | [`crate::alert::RunIncidents`] |
//! | `TEAM#<team>` | `alerts` | [`crate::alert::CurrentAlerts`] |
//! | `ROUTE#<team>/<route>` | `pace` | [`crate::alert::Pace`] |
//! | `ROUTE#<team>/<route>` | `notice#<root>` | [`crate::alert::Notice`] |
//! | `ROUTE#<team>/<route>` | `folded#<root>` | [`crate::alert::Folded`] |
//!
//! Numbers are zero-padded and instants ISO 8601 UTC, so that sort order is time or number order.

use jiff::Timestamp;

use crate::alert::{Root, RouteRef, SymptomRef};
use crate::attempt::AttemptKey;
use crate::cluster::InstanceKey;
use crate::expected::ScheduleRef;
use crate::id::{DefinitionHash, OperationId, RunId, Slot};
use crate::join::JoinKey;
use crate::limit::{LimitRef, QueueRef};
use crate::name::{ClusterRef, Name, TaskName, TeamName, WorkflowRef};

/// Where an item is stored.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    Run(RunId),
    Generation(RunId, u32, u32),
    Task(RunId, TaskName),
    PastAttempt(AttemptKey),
    Join(JoinKey),
    Meeting(RunId),
    CurrentWorkflow(WorkflowRef),
    WorkflowPause(WorkflowRef),
    Deadline(WorkflowRef, Slot),
    Expected(ScheduleRef),
    DefinitionPart(DefinitionHash, u32),
    CurrentTeam(TeamName),
    Catalogue(TeamName),
    Deployment,
    Letters,
    CurrentCluster(ClusterRef),
    Instance(InstanceKey),
    Place(LimitRef, u32),
    Lot(LimitRef, u32),
    Waiter(QueueRef, WaiterOrder),
    Operation(OperationId),
    Incident(Root),
    OpenIncident(TeamName, Root),
    Symptom(Root, SymptomRef),
    RunIncidents(RunId),
    CurrentAlerts(TeamName),
    Pace(RouteRef),
    Notice(RouteRef, Root),
    Folded(RouteRef, Root),
}

/// The order in which waiters are released: by priority, then age, then holder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WaiterOrder {
    pub priority: i32,
    pub since: Timestamp,
    pub holder: String,
}

impl Key {
    /// The partition the item lives in.
    pub fn partition(&self) -> String {
        match self {
            Self::Run(run)
            | Self::Generation(run, _, _)
            | Self::Task(run, _)
            | Self::RunIncidents(run) => Self::run_partition(run),
            Self::PastAttempt(key) => Self::run_partition(&key.run),
            Self::Join(key) => Self::run_partition(&key.run),
            Self::Meeting(run) => ["MEET#", run.as_str()].concat(),
            Self::CurrentWorkflow(workflow)
            | Self::WorkflowPause(workflow)
            | Self::Deadline(workflow, _) => owned("WORKFLOW#", &workflow.team, &workflow.name),
            Self::Expected(schedule) => format!("SCHEDULE#{schedule}"),
            Self::DefinitionPart(hash, _) => Self::definition_partition(hash),
            Self::CurrentTeam(team)
            | Self::Catalogue(team)
            | Self::CurrentAlerts(team)
            | Self::OpenIncident(team, _) => Self::team_partition(team),
            Self::Deployment | Self::Letters => "DEPLOYMENT".into(),
            Self::CurrentCluster(cluster) => Self::cluster_partition(cluster),
            Self::Instance(key) => Self::cluster_partition(&key.cluster),
            Self::Place(limit, _) | Self::Lot(limit, _) => Self::limit_partition(limit),
            Self::Waiter(queue, _) => Self::queue_partition(queue),
            Self::Operation(id) => ["OPERATION#", id.as_str()].concat(),
            Self::Incident(root) | Self::Symptom(root, _) => Self::incident_partition(root),
            Self::Pace(route) | Self::Notice(route, _) | Self::Folded(route, _) => {
                Self::route_partition(route)
            }
        }
    }

    /// The item's place within its partition.
    pub fn sort(&self) -> String {
        match self {
            Self::Run(_) => "run".into(),
            Self::Generation(_, generation, part) => {
                format!("{}{part:02}", Self::generation_prefix(*generation))
            }
            Self::Task(_, task) => ["task#", task.as_str()].concat(),
            Self::PastAttempt(key) => {
                format!("past#{}#{:05}-{:05}", key.task, key.generation, key.attempt)
            }
            Self::Join(key) => format!(
                "join#{:05}#{:06}#{}#{:05}",
                key.generation, key.join, key.level, key.index
            ),
            Self::Meeting(_) => "meeting".into(),
            Self::CurrentWorkflow(_)
            | Self::CurrentTeam(_)
            | Self::CurrentCluster(_)
            | Self::Deployment => "current".into(),
            Self::Letters => "letters".into(),
            Self::WorkflowPause(_) => "pause".into(),
            Self::Deadline(_, slot) => ["deadline#", slot.as_str()].concat(),
            Self::Expected(_) => "expected".into(),
            Self::DefinitionPart(_, part) => format!("part#{part:04}"),
            Self::Catalogue(_) => "catalogue".into(),
            Self::Instance(key) => {
                format!(
                    "{}{:02}",
                    Self::window_prefix(key.window_start),
                    key.ordinal
                )
            }
            Self::Place(_, number) => format!("place#{number:05}"),
            Self::Lot(_, number) => format!("lot#{number:05}"),
            Self::Waiter(_, order) => {
                format!(
                    "waiter#{:05}#{:.3}#{}",
                    50_000 - order.priority,
                    order.since,
                    order.holder
                )
            }
            Self::Operation(_) => "operation".into(),
            Self::Incident(_) => "incident".into(),
            Self::OpenIncident(_, root) => format!("open#{root}"),
            Self::Symptom(_, symptom) => format!("symptom#{symptom}"),
            Self::RunIncidents(_) => "incidents".into(),
            Self::CurrentAlerts(_) => "alerts".into(),
            Self::Pace(_) => "pace".into(),
            Self::Notice(_, root) => format!("notice#{root}"),
            Self::Folded(_, root) => format!("folded#{root}"),
        }
    }

    /// The partition of a run and everything about it.
    pub fn run_partition(run: &RunId) -> String {
        ["RUN#", run.as_str()].concat()
    }

    /// What the sort keys of one generation's parts begin with.
    pub fn generation_prefix(generation: u32) -> String {
        format!("generation#{generation:05}#")
    }

    /// The partition of a cluster's registry.
    pub fn cluster_partition(cluster: &ClusterRef) -> String {
        owned("CLUSTER#", &cluster.team, &cluster.name)
    }

    /// What the sort keys of a window's instances begin with.
    pub fn window_prefix(window_start: Timestamp) -> String {
        format!("instance#{window_start}#")
    }

    /// The partition of a limit's places.
    pub fn limit_partition(limit: &LimitRef) -> String {
        format!("LIMIT#{limit}")
    }

    /// The partition of a queue's waiters.
    pub fn queue_partition(queue: &QueueRef) -> String {
        format!("QUEUE#{queue}")
    }

    /// The partition of a team.
    pub fn team_partition(team: &TeamName) -> String {
        ["TEAM#", team.as_str()].concat()
    }

    /// The partition of an incident and its symptoms.
    pub fn incident_partition(root: &Root) -> String {
        format!("INCIDENT#{root}")
    }

    /// The partition of a route of alerts.
    pub fn route_partition(route: &RouteRef) -> String {
        format!("ROUTE#{route}")
    }

    /// The partition of a definition's content.
    pub fn definition_partition(hash: &DefinitionHash) -> String {
        ["DEFINITION#", hash.as_str()].concat()
    }
}

/// The partition of what a team calls by a name.
fn owned(kind: &str, team: &TeamName, name: &Name) -> String {
    [kind, team.as_str(), "/", name.as_str()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiters_sort_by_priority_then_age_to_the_millisecond() {
        let queue: QueueRef = QueueRef::Resumed(RunId::from("team--flow--slot"));
        let sort = |priority, since: &str| {
            let order = WaiterOrder {
                priority,
                since: since.parse().unwrap(),
                holder: "h".into(),
            };
            Key::Waiter(queue.clone(), order).sort()
        };
        let in_order = [
            sort(10, "2026-03-01T00:00:09Z"),
            sort(0, "2026-03-01T00:00:00Z"),
            sort(0, "2026-03-01T00:00:00.12Z"),
            sort(0, "2026-03-01T00:00:00.123Z"),
            sort(0, "2026-03-01T00:00:01Z"),
            sort(-10, "2026-03-01T00:00:00Z"),
        ];
        assert!(in_order.is_sorted(), "{in_order:#?}");
    }
}
