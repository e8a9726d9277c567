//! What a cluster is made of: the part of its definition that goes into RunJobFlow.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::name::Name;
use crate::units::Seconds;

/// What RunJobFlow needs; names follow EMR's.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct EmrSpec {
    pub release: String,
    #[serde(default)]
    pub applications: Vec<String>,
    pub instances: Instances,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub configurations: Vec<Configuration>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bootstrap_actions: Vec<BootstrapAction>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_configuration: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_uri: Option<String>,
    /// Where the machines may be; EMR chooses among several, which only fleets can be given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subnets: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_groups: Option<SecurityGroups>,
    /// EC2 key pair by which people reach the machines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_pair: Option<String>,
    /// The machines' instance profile, instead of the deployment's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_profile: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_ami: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_volume_gib: Option<u32>,
    /// How long an idle instance may outlive its window and drain until EMR itself terminates it,
    /// 60 to 604,800 seconds: the backstop.
    pub auto_termination: Seconds,
}

/// The machines of a cluster.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Instances {
    pub primary: InstanceGroup,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core: Option<InstanceGroup>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<InstanceGroup>,
    /// Lets EMR resize between these numbers of units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_scaling: Option<ManagedScaling>,
}

impl Instances {
    /// Whether some role needs what only instance fleets have; EMR takes groups or fleets, not
    /// both.
    pub fn are_fleets(&self) -> bool {
        let roles = [Some(&self.primary), self.core.as_ref(), self.task.as_ref()];
        roles.into_iter().flatten().any(InstanceGroup::is_fleet)
    }
}

/// Machines of one role.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct InstanceGroup {
    /// Several make it a fleet.
    pub types: Vec<String>,
    /// How many units each machine of a type counts, where that is not one; makes it a fleet.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub weights: BTreeMap<String, u32>,
    /// How many units; without weights, how many machines.
    pub count: u32,
    /// Percentage bought as Spot, 0 to 100; any but these two makes it a fleet.
    #[serde(default)]
    pub spot_percent: u8,
    /// How Spot machines are looked for; makes it a fleet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spot_search: Option<SpotSearch>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<Volume>,
}

impl InstanceGroup {
    fn is_fleet(&self) -> bool {
        self.types.len() > 1
            || !self.weights.is_empty()
            || self.spot_search.is_some()
            || (1..100).contains(&self.spot_percent)
    }
}

/// How a fleet looks for Spot machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpotSearch {
    /// For how long, 5 minutes to a day.
    pub within: Seconds,
    pub otherwise: SpotOtherwise,
    pub allocation: SpotAllocation,
}

impl Default for SpotSearch {
    fn default() -> Self {
        Self {
            within: Seconds::minutes(15),
            otherwise: SpotOtherwise::default(),
            allocation: SpotAllocation::default(),
        }
    }
}

/// What becomes of a fleet that found too few Spot machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpotOtherwise {
    /// On-demand machines are taken.
    #[default]
    OnDemand,
    /// The cluster ends.
    Terminate,
}

/// Which Spot machines a fleet takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpotAllocation {
    #[default]
    PriceCapacityOptimized,
    CapacityOptimized,
    /// As capacity allows, in the order of the types.
    CapacityOptimizedPrioritized,
    LowestPrice,
    Diversified,
}

/// The volumes of each machine of a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    pub gib: u32,
    #[serde(default)]
    pub kind: VolumeKind,
    /// How many of them.
    pub count: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iops: Option<u32>,
    /// In MiB per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throughput_mib: Option<u32>,
}

/// A kind of EBS volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumeKind {
    #[default]
    Gp3,
    Gp2,
    Io1,
    St1,
    Sc1,
}

/// Bounds of EMR managed scaling, in units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagedScaling {
    pub minimum: u32,
    pub maximum: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_on_demand: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_core: Option<u32>,
}

/// Security groups, instead of those EMR makes and beside them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SecurityGroups {
    /// Instead of EMR's for the primary node and for all others; both or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core: Option<String>,
    /// By which EMR reaches machines in a private subnet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub additional_primary: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub additional_core: Vec<String>,
}

/// One of EMR's classifications.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Configuration {
    pub classification: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, Property>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub configurations: Vec<Configuration>,
}

/// The value of a property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Property {
    Text(String),
    Secret(SecretReference),
}

/// Where a value is kept that nobody but the service may read (rule 22).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SecretReference {
    /// Among the secrets of the team.
    pub secret: Name,
    /// Of a secret that is a JSON object; `None` is all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// A script EMR runs on every node before it is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootstrapAction {
    pub name: String,
    pub script: String,
    #[serde(default)]
    pub args: Vec<String>,
}
