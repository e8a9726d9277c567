//! Definitions as they are written: one struct for every mapping of the three kinds of files.
//!
//! The field names are the keys, the doc comments are what editors show. Must not know whether what
//! is written makes sense; `check` does.

mod cluster;
mod task;
mod team;
mod workflow;

pub(crate) use cluster::{
    BootstrapAction, Cluster, Configuration, Group, InnerConfiguration, InstanceGroup, Instances,
    MachineType, Property, ScalingBounds, SecurityGroups, Spot, Volume,
};
pub(crate) use task::{Batch, ClusterChoice, Command, Dataset, Presto, RetriesLong, Spark, Task};
pub(crate) use team::{Alert, Team};
pub(crate) use workflow::{Alerts, Deadline, EventTrigger, Param, Schedule, Workflow};
