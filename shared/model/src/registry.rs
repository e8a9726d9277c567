//! What register-definitions writes: content by hash and pointers to what is current (rule 5).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::definition::{Quota, ScheduleSpec};
use crate::id::{DefinitionHash, RunId, Slot};
use crate::key::Key;
use crate::name::{ClusterRef, Name, TeamName, WorkflowRef};
use crate::record::Record;

/// The most bytes of content one part holds, far below an item's 400 KB.
pub const PART_BYTES: usize = 200_000;

/// A part of a definition's content: the JSON of a workflow or a cluster, cut at character
/// boundaries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DefinitionPart {
    pub hash: DefinitionHash,
    pub part: u32,
    pub parts: u32,
    pub content: String,
}

/// Which definition of a workflow new runs take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CurrentWorkflow {
    pub workflow: WorkflowRef,
    pub definition: DefinitionHash,
    /// Workflows that wait for this one.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub downstreams: BTreeSet<WorkflowRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleSpec>,
    pub registered_at: Timestamp,
    /// Its file is gone; ticks still on their way are refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
}

/// Which definition of a cluster new instances take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CurrentCluster {
    pub cluster: ClusterRef,
    pub definition: DefinitionHash,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    pub registered_at: Timestamp,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
}

/// A team's limits; small, since submitters read it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CurrentTeam {
    pub team: TeamName,
    #[serde(default)]
    pub quota: Quota,
    #[serde(default)]
    pub pools: BTreeMap<Name, u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_role: Option<String>,
}

/// What a team has: its workflows, and its clusters with their tags.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Catalogue {
    pub team: TeamName,
    #[serde(default)]
    pub workflows: BTreeMap<Name, DefinitionHash>,
    #[serde(default)]
    pub clusters: BTreeMap<Name, BTreeMap<String, String>>,
}

/// The teams there are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    pub teams: BTreeSet<TeamName>,
    /// Hash of the whole set, so that registering it again changes nothing.
    pub set: DefinitionHash,
    pub registered_at: Timestamp,
}

/// That ticks of a workflow are recorded but start nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pause {
    pub workflow: WorkflowRef,
    pub by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    pub at: Timestamp,
}

/// Upstream workflows that have succeeded for a downstream's slot: a set, each with the run and
/// generation that came first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Meeting {
    /// The run it will start.
    pub run: RunId,
    pub workflow: WorkflowRef,
    pub slot: Slot,
    pub logical_date: Timestamp,
    pub arrived: BTreeMap<WorkflowRef, UpstreamRun>,
    /// Which upstream closed it; only its duplicate starts the run again (rule 3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_by: Option<WorkflowRef>,
}

/// The upstream's run that arrived.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UpstreamRun {
    pub run: RunId,
    pub generation: u32,
    pub depth: u32,
}

macro_rules! record {
    ($type:ty, $kind:literal, $self:ident => $key:expr) => {
        impl Record for $type {
            const KIND: &'static str = $kind;
            fn key(&$self) -> Key {
                $key
            }
        }
    };
}

record!(DefinitionPart, "definition_part", self => Key::DefinitionPart(self.hash.clone(), self.part));
record!(CurrentWorkflow, "current_workflow", self => Key::CurrentWorkflow(self.workflow.clone()));
record!(CurrentCluster, "current_cluster", self => Key::CurrentCluster(self.cluster.clone()));
record!(CurrentTeam, "current_team", self => Key::CurrentTeam(self.team.clone()));
record!(Catalogue, "catalogue", self => Key::Catalogue(self.team.clone()));
record!(Deployment, "deployment", self => Key::Deployment);
record!(Pause, "pause", self => Key::WorkflowPause(self.workflow.clone()));
record!(Meeting, "meeting", self => Key::Meeting(self.run.clone()));
