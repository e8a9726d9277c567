//! `clusters/<name>.yaml`.

use crate::read::{Argument, Duration, Json, Map, Percent, ShortOr, Text, Tried, Whole, written};
use crate::source::At;

/// An instance type, or a group.
pub(crate) type Group = ShortOr<At<Text>, At<InstanceGroup>>;

written! {
    /// A cluster of murmur: a named, scheduled, ephemeral EMR cluster.
    pub(crate) struct Cluster {
        /// What the cluster is for, for people.
        description: Option<Text>,
        /// When an instance is requested.
        provision: Tried<Window>,
        /// When it takes no more work, and after the drain is terminated.
        terminate: Tried<Terminate>,
        /// EMR release, such as `emr-7.9.0`.
        release: Tried<At<Text>>,
        /// EMR applications, such as `[Spark, Hive]`.
        applications: Option<Vec<At<Text>>>,
        /// The machines.
        instances: Tried<Instances>,
        /// Tags by which tasks may choose the cluster.
        tags: Option<Map<Argument>>,
        /// Steps that run at once; 10 unless given.
        step_concurrency: Option<Whole<1, 256>>,
        /// How often an instance that failed is replaced within one window; 2 unless given.
        replacements: Option<Whole<0, 20>>,
        /// EMR classifications, passed on as they are.
        configurations: Option<Vec<At<Json>>>,
        /// Scripts EMR runs on every node before it is ready.
        bootstrap_actions: Option<Vec<BootstrapAction>>,
        /// Name of an EMR security configuration.
        security_configuration: Option<Text>,
        /// Where EMR keeps logs: an `s3://` address.
        log_uri: Option<At<Text>>,
        /// Subnet the machines are in.
        subnet: Option<Text>,
        /// How long an idle instance may outlive its window and drain until EMR itself terminates
        /// it; `1h` unless given.
        auto_termination: Option<At<Duration>>,
    }

    /// When a window begins.
    pub(crate) struct Window {
        /// `cron(…)` or `at(…)` of EventBridge Scheduler.
        expression: Tried<At<Text>>,
        /// IANA time zone, such as `America/New_York`; `UTC` unless given.
        timezone: Option<At<Text>>,
    }

    /// When a window ends.
    pub(crate) struct Terminate {
        /// `cron(…)` or `at(…)` of EventBridge Scheduler.
        expression: Tried<At<Text>>,
        /// IANA time zone, such as `America/New_York`; `UTC` unless given.
        timezone: Option<At<Text>>,
        /// How long open work may go on afterwards; `30m` unless given.
        drain: Option<Duration>,
    }

    /// The machines of a cluster.
    pub(crate) struct Instances {
        /// The primary node: an instance type such as `m7g.xlarge`, or a group.
        primary: Tried<Group>,
        /// Nodes that store and compute.
        core: Option<Group>,
        /// Nodes that only compute.
        task: Option<Group>,
        /// Lets EMR resize between these numbers of instances.
        managed_scaling: Option<At<ScalingBounds>>,
    }

    /// Machines of one role.
    pub(crate) struct InstanceGroup {
        /// The instance type.
        r#type: Option<At<Text>>,
        /// Several instance types to choose from, which makes it an instance fleet.
        types: Option<At<Vec<At<Text>>>>,
        /// How many; 1 unless given.
        count: Option<At<Whole<1, 10_000>>>,
        /// The share that is bought as Spot, such as `80%`; `0%` unless given.
        spot: Option<Percent>,
        /// Size of each machine's volume in GiB.
        volume_gib: Option<Whole<1, 65_536>>,
    }

    /// Bounds of EMR managed scaling.
    pub(crate) struct ScalingBounds {
        /// At least so many instances.
        minimum: Tried<Whole<1, 10_000>>,
        /// At most so many instances.
        maximum: Tried<Whole<1, 10_000>>,
    }

    /// A script EMR runs on every node before it is ready.
    pub(crate) struct BootstrapAction {
        /// A name for people.
        name: Tried<Text>,
        /// Where the script is: an `s3://` address.
        script: Tried<Text>,
        /// Its arguments.
        args: Option<Vec<Argument>>,
    }
}
